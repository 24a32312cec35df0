/*
 * A file layer over the system's own whose calls fail on demand: the k-th write, sync or read, once
 * or from then on. It is the process's default, so the library opens its files through it.
 */
#ifndef TESTS_FAILING_VFS_H
#define TESTS_FAILING_VFS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <string.h>

#include <sqlite3.h>

enum disk_call {
  DISK_WRITE = 1,
  DISK_SYNC = 2,
  DISK_READ = 4,
  DISK_TRUNCATE = 8,
  DISK_SHARED = 16
};

static struct {
  unsigned calls; /* of enum disk_call: the ones that are counted and fail */
  int code;       /* what they answer */
  atomic_long at; /* the first one that fails; 0: none */
  bool from_then_on;
  atomic_long count;
} disk;

struct failing_file {
  sqlite3_file base;
  sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;

static inline bool disk_fails(enum disk_call call)
{
  long at = disk.at;
  long count = 0;
  if (at == 0 || (disk.calls & call) == 0)
    return false;
  count = ++disk.count;
  return count == at || (disk.from_then_on && count > at);
}

/* From now on the `at`-th of these calls fails with `code`. */
static inline void fail_disk(unsigned calls, int code, long at, bool from_then_on)
{
  disk.calls = calls;
  disk.code = code;
  disk.from_then_on = from_then_on;
  disk.count = 0;
  disk.at = at; /* last: other threads look at it first */
}

/* Makes room again; tells whether a call was made to fail. */
static inline bool mend_disk(void)
{
  bool failed = disk.at != 0 && disk.count >= disk.at;
  disk.at = 0;
  return failed;
}

static inline sqlite3_file *real_of(sqlite3_file *file)
{
  return ((struct failing_file *)file)->real;
}

static int failing_close(sqlite3_file *file)
{
  return real_of(file)->pMethods->xClose(real_of(file));
}

static int failing_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
  if (disk_fails(DISK_READ))
    return disk.code;
  return real_of(file)->pMethods->xRead(real_of(file), bytes, count, at);
}

/* Half of it is written first, as a disk that fills up does. */
static int failing_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
  bool fails = disk_fails(DISK_WRITE);
  int code = real_of(file)->pMethods->xWrite(real_of(file), bytes, fails ? count / 2 : count, at);
  return fails ? disk.code : code;
}

static int failing_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  if (disk_fails(DISK_TRUNCATE))
    return disk.code;
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int failing_sync(sqlite3_file *file, int flags)
{
  if (disk_fails(DISK_SYNC))
    return disk.code;
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int failing_size(sqlite3_file *file, sqlite3_int64 *size)
{
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int failing_lock(sqlite3_file *file, int lock)
{
  return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int failing_unlock(sqlite3_file *file, int lock)
{
  return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int failing_check_lock(sqlite3_file *file, int *held)
{
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}

static int failing_control(sqlite3_file *file, int operation, void *argument)
{
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int failing_sector(sqlite3_file *file)
{
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int failing_traits(sqlite3_file *file)
{
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int failing_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
  if (disk_fails(DISK_SHARED))
    return disk.code;
  return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, out);
}

static int failing_shared_lock(sqlite3_file *file, int offset, int count, int flags)
{
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void failing_barrier(sqlite3_file *file)
{
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int failing_unmap(sqlite3_file *file, int remove)
{
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods failing_methods = {
  .iVersion = 2,
  .xClose = failing_close,
  .xRead = failing_read,
  .xWrite = failing_write,
  .xTruncate = failing_truncate,
  .xSync = failing_sync,
  .xFileSize = failing_size,
  .xLock = failing_lock,
  .xUnlock = failing_unlock,
  .xCheckReservedLock = failing_check_lock,
  .xFileControl = failing_control,
  .xSectorSize = failing_sector,
  .xDeviceCharacteristics = failing_traits,
  .xShmMap = failing_map,
  .xShmLock = failing_shared_lock,
  .xShmBarrier = failing_barrier,
  .xShmUnmap = failing_unmap,
};

static int failing_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                        int *out_flags)
{
  struct failing_file *failing = (struct failing_file *)file;
  int code = SQLITE_OK;
  (void)vfs;
  failing->real = (sqlite3_file *)(failing + 1);
  memset(failing->real, 0, (size_t)real_vfs->szOsFile);
  code = real_vfs->xOpen(real_vfs, path, failing->real, flags, out_flags);
  file->pMethods = failing->real->pMethods != NULL ? &failing_methods : NULL;
  return code;
}

/* Puts the layer in place for the whole process. */
static inline void install_failing_vfs(void)
{
  static sqlite3_vfs failing;
  real_vfs = sqlite3_vfs_find(NULL);
  failing = *real_vfs;
  failing.zName = "failing";
  failing.szOsFile = (int)sizeof(struct failing_file) + real_vfs->szOsFile;
  failing.xOpen = failing_open;
  failing.pNext = NULL;
  (void)sqlite3_vfs_register(&failing, 1);
}

#endif
