/*
 * A file layer over the system's own whose calls fail on demand: the k-th write, sync or read, once
 * or from then on. It is the process's default, so the library opens its files through it.
 */
#ifndef TESTS_FAILING_VFS_H
#define TESTS_FAILING_VFS_H

#include "passing_vfs.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

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

static inline bool disk_fails(enum disk_call call)
{
  long at = disk.at;
  long count = 0;
  if (at == 0 || (disk.calls & call) == 0)
    return false;
  count = ++disk.count;
  return count == at || (disk.from_then_on && count > at);
}

/* Trials in which a call failed: told at the end. */
static atomic_long disk_trials;

static void tell_disk_trials(void)
{
  printf("figure: %ld trials with failed I/O calls\n", (long)disk_trials);
}

/* From now on the `at`-th of these calls fails with `code`. */
static inline void fail_disk(unsigned calls, int code, long at, bool from_then_on)
{
  static atomic_flag will_tell = ATOMIC_FLAG_INIT;
  if (!atomic_flag_test_and_set(&will_tell))
    (void)atexit(tell_disk_trials);
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
  disk_trials += failed;
  return failed;
}

static int failing_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
  return disk_fails(DISK_READ) ? disk.code : passing_read(file, bytes, count, at);
}

/* Half of it is written first, as a disk that fills up does. */
static int failing_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
  bool fails = disk_fails(DISK_WRITE);
  int code = passing_write(file, bytes, fails ? count / 2 : count, at);
  return fails ? disk.code : code;
}

static int failing_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  return disk_fails(DISK_TRUNCATE) ? disk.code : passing_truncate(file, size);
}

static int failing_sync(sqlite3_file *file, int flags)
{
  return disk_fails(DISK_SYNC) ? disk.code : passing_sync(file, flags);
}

static int failing_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
  return disk_fails(DISK_SHARED) ? disk.code : passing_map(file, region, size, extend, out);
}

static sqlite3_io_methods failing_methods;

/* Puts the layer in place for the whole process. */
static inline void install_failing_vfs(void)
{
  static sqlite3_vfs vfs;
  failing_methods = passing_methods;
  failing_methods.xRead = failing_read;
  failing_methods.xWrite = failing_write;
  failing_methods.xTruncate = failing_truncate;
  failing_methods.xSync = failing_sync;
  failing_methods.xShmMap = failing_map;
  install_passing_vfs(&vfs, "failing", sizeof(struct passing_file), &failing_methods);
}

#endif
