/*
 * A file layer over the system's own that passes every call on: what the layers that fail, trace or
 * lose are made from. One layer for a process, as its default, so the library opens its files
 * through it.
 */
#ifndef TESTS_PASSING_VFS_H
#define TESTS_PASSING_VFS_H

#include <string.h>

#include <sqlite3.h>

/* The first member of a layer's own file. */
struct passing_file {
  sqlite3_file base;
  sqlite3_file *real;
};

static sqlite3_vfs *real_vfs;

/* Of the layer that is in place. */
static const sqlite3_io_methods *layer_methods;
static size_t layer_file_size;

static inline sqlite3_file *real_of(sqlite3_file *file)
{
  return ((struct passing_file *)file)->real;
}

static int passing_close(sqlite3_file *file)
{
  return real_of(file)->pMethods->xClose(real_of(file));
}

static int passing_read(sqlite3_file *file, void *bytes, int count, sqlite3_int64 at)
{
  return real_of(file)->pMethods->xRead(real_of(file), bytes, count, at);
}

static int passing_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
  return real_of(file)->pMethods->xWrite(real_of(file), bytes, count, at);
}

static int passing_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  return real_of(file)->pMethods->xTruncate(real_of(file), size);
}

static int passing_sync(sqlite3_file *file, int flags)
{
  return real_of(file)->pMethods->xSync(real_of(file), flags);
}

static int passing_size(sqlite3_file *file, sqlite3_int64 *size)
{
  return real_of(file)->pMethods->xFileSize(real_of(file), size);
}

static int passing_lock(sqlite3_file *file, int lock)
{
  return real_of(file)->pMethods->xLock(real_of(file), lock);
}

static int passing_unlock(sqlite3_file *file, int lock)
{
  return real_of(file)->pMethods->xUnlock(real_of(file), lock);
}

static int passing_check_lock(sqlite3_file *file, int *held)
{
  return real_of(file)->pMethods->xCheckReservedLock(real_of(file), held);
}

static int passing_control(sqlite3_file *file, int operation, void *argument)
{
  return real_of(file)->pMethods->xFileControl(real_of(file), operation, argument);
}

static int passing_sector(sqlite3_file *file)
{
  return real_of(file)->pMethods->xSectorSize(real_of(file));
}

static int passing_traits(sqlite3_file *file)
{
  return real_of(file)->pMethods->xDeviceCharacteristics(real_of(file));
}

static int passing_map(sqlite3_file *file, int region, int size, int extend, void volatile **out)
{
  return real_of(file)->pMethods->xShmMap(real_of(file), region, size, extend, out);
}

static int passing_shared_lock(sqlite3_file *file, int offset, int count, int flags)
{
  return real_of(file)->pMethods->xShmLock(real_of(file), offset, count, flags);
}

static void passing_barrier(sqlite3_file *file)
{
  real_of(file)->pMethods->xShmBarrier(real_of(file));
}

static int passing_unmap(sqlite3_file *file, int remove)
{
  return real_of(file)->pMethods->xShmUnmap(real_of(file), remove);
}

static const sqlite3_io_methods passing_methods = {
  .iVersion = 2,
  .xClose = passing_close,
  .xRead = passing_read,
  .xWrite = passing_write,
  .xTruncate = passing_truncate,
  .xSync = passing_sync,
  .xFileSize = passing_size,
  .xLock = passing_lock,
  .xUnlock = passing_unlock,
  .xCheckReservedLock = passing_check_lock,
  .xFileControl = passing_control,
  .xSectorSize = passing_sector,
  .xDeviceCharacteristics = passing_traits,
  .xShmMap = passing_map,
  .xShmLock = passing_shared_lock,
  .xShmBarrier = passing_barrier,
  .xShmUnmap = passing_unmap,
};

static int passing_open(sqlite3_vfs *vfs, const char *path, sqlite3_file *file, int flags,
                        int *out_flags)
{
  struct passing_file *passing = (struct passing_file *)file;
  int code = SQLITE_OK;
  (void)vfs;
  passing->real = (sqlite3_file *)((char *)file + layer_file_size);
  memset(passing->real, 0, (size_t)real_vfs->szOsFile);
  code = real_vfs->xOpen(real_vfs, path, passing->real, flags, out_flags);
  file->pMethods = passing->real->pMethods != NULL ? layer_methods : NULL;
  return code;
}

/* Puts a layer in place for the whole process: `vfs` lives as long, and its xOpen and xDelete may
 * be set afterwards. */
static inline void install_passing_vfs(sqlite3_vfs *vfs, const char *name, size_t file_size,
                                       const sqlite3_io_methods *methods)
{
  real_vfs = sqlite3_vfs_find(NULL);
  layer_methods = methods;
  layer_file_size = (file_size + 15) / 16 * 16;
  *vfs = *real_vfs;
  vfs->zName = name;
  vfs->szOsFile = (int)layer_file_size + real_vfs->szOsFile;
  vfs->xOpen = passing_open;
  vfs->pNext = NULL;
  (void)sqlite3_vfs_register(vfs, 1);
}

#endif
