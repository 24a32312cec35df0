/*
 * How much work a statement may do: in proportion to the size of the file. Pages that lead to each
 * other, over and over, are a tree of a few pages and rows without end; a file that holds what it
 * seems to hold is never near the bound.
 */
#include "engine/sqlite.h"

/*
 * A page of 4,096 bytes holds at most some hundred rows or keys, and a row takes some hundred steps
 * of the engine's, more with each filter: so many for a page and a bound value are plenty. A new
 * file has more pages than the least.
 */
enum { STEPS_A_ROUND = 128 * 1024, PAGE = 4096, PAGES_LEAST = 32 };

static int64_t size_of(sqlite3 *db, int which)
{
  sqlite3_file *file = NULL;
  sqlite3_int64 size = 0;

  if (sqlite3_file_control(db, "main", which, &file) != SQLITE_OK || file == NULL ||
      file->pMethods == NULL || file->pMethods->xFileSize(file, &size) != SQLITE_OK)
    return 0;
  return size;
}

/* Asked after each round; not 0 stops the statement. */
static int count_round(void *user)
{
  struct connection *connection = user;
  int64_t pages = 0;

  if (connection->options->memory || ++connection->rounds <= PAGES_LEAST)
    return 0;
  pages = (size_of(connection->db, SQLITE_FCNTL_FILE_POINTER) +
           size_of(connection->db, SQLITE_FCNTL_JOURNAL_POINTER)) /
          PAGE;
  connection->overrun = connection->rounds > PAGES_LEAST + pages * (1 + connection->bound_most);
  return connection->overrun;
}

void work_bound(struct connection *connection)
{
  sqlite3_progress_handler(connection->db, STEPS_A_ROUND, count_round, connection);
}
