#include "slow_disk.h"

#include "report.h"

#include <sqlite3.h>
#include <string.h>
#include <time.h>

enum { KINDS_MOST = 4 };

/* A kind of file of the system's own layer: databases and logs differ in how they lock. */
struct kind {
  sqlite3_io_methods methods; /* the first: a file points to it */
  const sqlite3_io_methods *real;
};

/* The system's own file layer, but for opening; and its files' methods, but for syncing. */
static struct {
  sqlite3_vfs layer;
  sqlite3_vfs *real;
  struct kind kinds[KINDS_MOST];
  struct timespec pause;
} slow;

static int slow_sync(sqlite3_file *file, int flags)
{
  (void)nanosleep(&slow.pause, NULL);
  return ((const struct kind *)file->pMethods)->real->xSync(file, flags);
}

/* The kind that these methods make; NULL where there are too many. */
static const struct kind *kind_of(const sqlite3_io_methods *methods)
{
  for (struct kind *kind = slow.kinds; kind < slow.kinds + KINDS_MOST; kind++) {
    if (kind->real == NULL) {
      kind->real = methods;
      kind->methods = *methods;
      kind->methods.xSync = slow_sync;
    }
    if (kind->real == methods)
      return kind;
  }
  return NULL;
}

static int slow_open(sqlite3_vfs *layer, sqlite3_filename name, sqlite3_file *file, int flags,
                     int *out_flags)
{
  int code = slow.real->xOpen(slow.real, name, file, flags, out_flags);
  const struct kind *kind = NULL;

  (void)layer;
  if (code != SQLITE_OK || file->pMethods == NULL)
    return code;
  kind = kind_of(file->pMethods);
  if (kind != NULL) {
    file->pMethods = &kind->methods;
    return SQLITE_OK;
  }
  (void)file->pMethods->xClose(file);
  return SQLITE_ERROR;
}

bool slow_disk_begin(long us)
{
  memset(&slow, 0, sizeof(slow));
  slow.pause = (struct timespec){ us / 1000000, (us % 1000000) * 1000 };
  slow.real = sqlite3_vfs_find(NULL);
  if (slow.real == NULL)
    return false;
  slow.layer = *slow.real;
  slow.layer.zName = "slow";
  slow.layer.xOpen = slow_open;
  if (sqlite3_vfs_register(&slow.layer, 1) == SQLITE_OK)
    return true;
  complain("the slow disk can't be made");
  return false;
}

void slow_disk_end(void)
{
  (void)sqlite3_vfs_unregister(&slow.layer);
}
