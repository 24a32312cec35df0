/*
 * Counts syncs beneath a program, loaded before its libraries: every fsync() and fdatasync() adds
 * one to the number in the file that PEER_SYNCS names. So `run` sees whether what a peer
 * acknowledged was on the disk.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static _Atomic uint64_t *count;
static int (*real_fsync)(int file);
static int (*real_fdatasync)(int file);

__attribute__((constructor)) static void begin(void)
{
  const char *path = getenv("PEER_SYNCS");
  int file = path != NULL ? open(path, O_RDWR | O_CLOEXEC) : -1;
  void *map = file >= 0 ? mmap(NULL, sizeof(*count), PROT_READ | PROT_WRITE, MAP_SHARED, file, 0)
                        : MAP_FAILED;

  if (file >= 0)
    (void)close(file);
  if (map != MAP_FAILED)
    count = map;
  *(void **)&real_fsync = dlsym(RTLD_NEXT, "fsync");
  *(void **)&real_fdatasync = dlsym(RTLD_NEXT, "fdatasync");
}

static int counted(int result)
{
  if (result == 0 && count != NULL)
    atomic_fetch_add(count, 1);
  return result;
}

int fsync(int file)
{
  return counted(real_fsync(file));
}

int fdatasync(int file)
{
  return counted(real_fdatasync(file));
}
