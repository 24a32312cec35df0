/*
 * Reading a credential from a file, and telling whether the file has changed since.
 */
#ifndef VAULT_FILE_H
#define VAULT_FILE_H

#include "guarded.h"

#include <connector/error.h>

#include <stdint.h>

/* What a file looked like when it was read. */
struct file_stamp {
  uint64_t device;
  uint64_t inode;
  int64_t size;
  int64_t seconds;
  int64_t nanoseconds;
};

/* False where the file can't be looked at. */
bool file_stamp(const char *path, struct file_stamp *stamp);
bool file_stamp_equal(const struct file_stamp *a, const struct file_stamp *b);

/* The file's text without white space at its end: one line of printable ASCII, 1 to 16384 bytes. */
connector_status file_read(const char *path, struct guarded *into, connector_error *error);

#endif
