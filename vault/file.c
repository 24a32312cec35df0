/*
 * Reading a credential from a file, and telling whether the file has changed since.
 */
#include "file.h"

#include "report.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

enum { FILE_MAX = 16384 };

#ifdef __APPLE__
#define CHANGED st_mtimespec
#else
#define CHANGED st_mtim
#endif

bool file_stamp(const char *path, struct file_stamp *stamp)
{
  struct stat about;

  if (stat(path, &about) != 0)
    return false;
  *stamp = (struct file_stamp){ .device = (uint64_t)about.st_dev,
                                .inode = (uint64_t)about.st_ino,
                                .size = (int64_t)about.st_size,
                                .seconds = (int64_t)about.CHANGED.tv_sec,
                                .nanoseconds = (int64_t)about.CHANGED.tv_nsec };
  return true;
}

bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b)
{
  return a->device == b->device && a->inode == b->inode && a->size == b->size &&
         a->seconds == b->seconds && a->nanoseconds == b->nanoseconds;
}

static bool is_space(char byte)
{
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static bool is_one_line(const struct guarded *text)
{
  for (size_t i = 0; i < text->length; i++)
    if (text->bytes[i] <= 0x20 || text->bytes[i] >= 0x7f)
      return false;
  return text->length > 0;
}

/* Straight into guarded memory: a FILE would keep a copy. */
static int read_all(int file, struct guarded *into)
{
  ssize_t got = 1;

  if (!guarded_reserve(into, FILE_MAX + 1))
    return ENOMEM;
  while (got > 0 && into->length <= FILE_MAX) {
    got = read(file, into->bytes + into->length, FILE_MAX + 1 - into->length);
    if (got < 0 && errno == EINTR)
      got = 1;
    else if (got < 0)
      return errno;
    else
      into->length += (size_t)got;
  }
  return 0;
}

connector_status file_read(const char *path, struct guarded *into, connector_error *error)
{
  int file = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
  int code = file < 0 ? errno : read_all(file, into);

  if (file >= 0)
    (void)close(file);
  if (code == ENOMEM)
    return error_no_memory(error);
  if (code != 0) {
    (void)error_set(error, CONNECTOR_IO, NULL, "the credential's file can't be read");
    if (error != NULL)
      error->os_code = code;
    return CONNECTOR_IO;
  }
  if (into->length > FILE_MAX)
    return error_set(error, CONNECTOR_INVALID, NULL, "the credential's file is too long");
  while (into->length > 0 && is_space(into->bytes[into->length - 1]))
    into->length--;
  if (!is_one_line(into))
    return error_set(error, CONNECTOR_INVALID, NULL,
                     "the credential's file must hold one line of printable text");
  return CONNECTOR_OK;
}
