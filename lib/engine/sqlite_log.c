/*
 * The length of the write-ahead log. Writers move it into the file as they go, as SQLite does by
 * itself; but what a reader's snapshot needs can't be moved, nor can the log begin anew while
 * readers that meet each other hold it. So a writer gives them a moment now and then, says so in
 * the store's log where that does not help, and writes nothing more once the log is at its limit.
 */
#include "engine/sqlite.h"

#include "base/status.h"

enum {
  MOVE_PAGES = 1000,               /* a commit that leaves this many moves them, as SQLite's do */
  SETTLE_BYTES = 64 * 1024 * 1024, /* from here on readers are waited for, and warned of */
  STEP_BYTES = 16 * 1024 * 1024,   /* and again whenever it has grown by this */
  PATIENCE_US = 20000,             /* in all, each time */
  FRAME_HEADER = 24
};

static int64_t bytes_of(const struct connection *connection)
{
  return connection->log.pages * connection->log.page_bytes;
}

static int64_t limit_of(const struct connection *connection)
{
  uint64_t limit = connection->options->log_limit_bytes;

  return limit == 0 || limit > INT64_MAX ? INT64_MAX : (int64_t)limit;
}

static void begin_anew(struct connection *connection)
{
  int64_t limit = limit_of(connection);

  connection->log.settle_at = limit < SETTLE_BYTES ? limit : SETTLE_BYTES;
  connection->log.warn_at = connection->log.settle_at;
}

static connector_status measure_page(struct connection *connection)
{
  int64_t bytes = 0;
  connector_status status = CONNECTOR_OK;

  if (connection->log.page_bytes > 0)
    return CONNECTOR_OK;
  status = connection_integer(connection, "PRAGMA page_size", &bytes, NULL);
  if (status != CONNECTOR_OK)
    return status;
  connection->log.page_bytes = bytes + FRAME_HEADER;
  begin_anew(connection);
  return CONNECTOR_OK;
}

/* False where something held it back. */
static bool move(struct connection *connection, int mode)
{
  int pages = 0;
  int moved = 0;
  int code = sqlite3_wal_checkpoint_v2(connection->db, "main", mode, &pages, &moved);

  if (pages >= 0)
    connection->log.pages = pages;
  return code == SQLITE_OK && moved == pages;
}

static int after_commit(void *user, sqlite3 *db, const char *name, int pages)
{
  struct connection *connection = user;

  (void)db;
  (void)name;
  connection->log.pages = pages;
  if (pages >= MOVE_PAGES)
    (void)move(connection, SQLITE_CHECKPOINT_PASSIVE);
  return SQLITE_OK;
}

void log_watch(struct connection *connection)
{
  (void)sqlite3_wal_hook(connection->db, after_commit, connection);
}

/* The store says so, for this is no place to run the host's code. */
static void warn(struct connection *connection)
{
  if (bytes_of(connection) < connection->log.warn_at)
    return;
  while (connection->log.warn_at <= bytes_of(connection))
    connection->log.warn_at *= 2;
  atomic_store(&connection->options->log_grown_to, bytes_of(connection));
}

/* Whether the log can begin anew: readers that are not stuck end within the moment. */
static bool settle(struct connection *connection)
{
  bool settled = false;

  connection->patience_us = PATIENCE_US;
  settled = move(connection, SQLITE_CHECKPOINT_RESTART);
  connection->patience_us = 0;
  if (settled) {
    connection->log.pages = 0;
    begin_anew(connection);
    return true;
  }
  connection->log.settle_at = bytes_of(connection) + STEP_BYTES;
  warn(connection);
  return false;
}

connector_status log_make_room(struct connection *connection, connector_error *error)
{
  int64_t limit = limit_of(connection);

  if (connection->log.pages < MOVE_PAGES || measure_page(connection) != CONNECTOR_OK)
    return CONNECTOR_OK;
  if (bytes_of(connection) < limit && bytes_of(connection) < connection->log.settle_at)
    return CONNECTOR_OK;
  if (settle(connection) || bytes_of(connection) < limit)
    return CONNECTOR_OK;
  return error_set(
      error, CONNECTOR_BUSY, NULL,
      "the write-ahead log is at its limit of %lld bytes, and a reader that began long "
      "ago keeps it from being moved into the file",
      (long long)limit);
}
