#include "slow_disk.h"

#include "report.h"

#include <sqlite3.h>
#include <string.h>
#include <time.h>

/* The system's own file layer, but for opening; and its files' methods, but for syncing. */
static struct {
  sqlite3_vfs layer;
  sqlite3_vfs *real;
  sqlite3_io_methods methods;
  const sqlite3_io_methods *real_methods;
  struct timespec pause;
} slow;

static int slow_sync(sqlite3_file *file, int flags)
{
  (void)nanosleep(&slow.pause, NULL);
  return slow.real_methods->xSync(file, flags);
}

/* All files that the benchmark opens have the same methods: where one has others, it stays fast. */
static int slow_open(sqlite3_vfs *layer, sqlite3_filename name, sqlite3_file *file, int flags,
                     int *out_flags)
{
  int code = slow.real->xOpen(slow.real, name, file, flags, out_flags);

  (void)layer;
  if (code != SQLITE_OK || file->pMethods == NULL)
    return code;
  if (slow.real_methods == NULL) {
    slow.real_methods = file->pMethods;
    slow.methods = *file->pMethods;
    slow.methods.xSync = slow_sync;
  }
  if (file->pMethods == slow.real_methods)
    file->pMethods = &slow.methods;
  return code;
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
