/*
 * private.c: bytes that must not leak: values of secrets, and passphrases. They are read without
 * stdio, whose buffers would keep a copy, and are wiped before their memory is given back.
 */
#include "connectorctl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FIRST_CAPACITY = 4096 };

/* Through a volatile pointer, so that the compiler can't see that nobody reads them again. */
void wipe(void *bytes, size_t length)
{
  volatile unsigned char *byte = bytes;

  while (length-- > 0)
    *byte++ = 0;
}

void private_free(struct private_bytes *bytes)
{
  if (bytes->bytes != NULL)
    wipe(bytes->bytes, bytes->capacity);
  free(bytes->bytes);
  *bytes = (struct private_bytes){ 0 };
}

/* realloc() would leave the old bytes behind. */
static bool grow(struct private_bytes *bytes)
{
  size_t capacity = bytes->capacity == 0 ? FIRST_CAPACITY : 2 * bytes->capacity;
  char *grown = malloc(capacity);

  if (grown == NULL)
    return false;
  if (bytes->length > 0)
    memcpy(grown, bytes->bytes, bytes->length);
  size_t length = bytes->length;
  private_free(bytes);
  *bytes = (struct private_bytes){ grown, length, capacity };
  return true;
}

static int read_all(int file, const char *name, size_t most, struct private_bytes *bytes)
{
  for (;;) {
    if (bytes->length == bytes->capacity && !grow(bytes))
      return report_failure("out of memory");
    ssize_t got = read(file, bytes->bytes + bytes->length, bytes->capacity - bytes->length);
    if (got < 0 && errno == EINTR)
      continue;
    if (got < 0)
      return report_failure("%s: %s", name, strerror(errno));
    if (got == 0)
      return EXIT_OK;
    bytes->length += (size_t)got;
    if (bytes->length > most)
      return report_failure("%s: longer than %zu bytes", name, most);
  }
}

int private_read(const char *path, size_t most, struct private_bytes *bytes)
{
  bool standard = strcmp(path, "-") == 0;
  int file = standard ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);

  if (file < 0)
    return report_failure("%s: %s", path, strerror(errno));
  if (isatty(file) == 1)
    fputs("reading the values from the terminal, which shows them; end with Ctrl-D\n", stderr);
  int result = read_all(file, standard ? "stdin" : path, most, bytes);
  if (!standard)
    close(file);
  if (result != EXIT_OK)
    private_free(bytes);
  return result;
}

/* A plain file must be this user's or root's alone; a pipe, as of a shell's <(...), may be used. */
static int check_owner(int file, const char *path)
{
  struct stat known;

  if (fstat(file, &known) != 0)
    return report_failure("%s: %s", path, strerror(errno));
  if (!S_ISREG(known.st_mode))
    return EXIT_OK;
  if ((known.st_uid == geteuid() || known.st_uid == 0) &&
      (known.st_mode & (S_IRWXG | S_IRWXO)) == 0)
    return EXIT_OK;
  report_failure("DENIED: %s: others own it or can use it: give it mode 0400", path);
  return EXIT_DENIED;
}

int private_first_line(const char *path, size_t most, struct private_bytes *line)
{
  int file = open(path, O_RDONLY | O_CLOEXEC);

  if (file < 0)
    return report_failure("%s: %s", path, strerror(errno));
  int result = check_owner(file, path);
  if (result == EXIT_OK)
    result = read_all(file, path, most, line);
  if (result == EXIT_OK && line->length == line->capacity && !grow(line))
    result = report_failure("out of memory");
  close(file);
  if (result != EXIT_OK) {
    private_free(line);
    return result;
  }
  line->bytes[line->length] = '\0';
  size_t length = strcspn(line->bytes, "\r\n");
  bool whole = length == line->length || line->bytes[length] != '\0';
  line->bytes[length] = '\0';
  if (length > 0 && whole)
    return EXIT_OK;
  private_free(line);
  return report_failure("%s: its first line must hold text", path);
}

int private_write(int file, const void *bytes, size_t length)
{
  const char *rest = bytes;

  while (length > 0) {
    ssize_t written = write(file, rest, length);
    if (written < 0 && errno == EINTR)
      continue;
    if (written < 0)
      return errno;
    rest += written;
    length -= (size_t)written;
  }
  return 0;
}
