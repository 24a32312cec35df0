/*
 * The file as a whole: checkpoint, online copy, integrity.
 */
#include "engine/sqlite.h"

#include "base/status.h"

#include <string.h>
#include <time.h>

enum { PAGES_AT_ONCE = 256, BUSY_SLEEP_NS = 1000000 };

connector_status connection_checkpoint(struct connection *connection, bool truncate,
                                       connector_error *error)
{
  int mode = truncate ? SQLITE_CHECKPOINT_TRUNCATE : SQLITE_CHECKPOINT_PASSIVE;
  int code = sqlite3_wal_checkpoint_v2(connection->db, NULL, mode, NULL, NULL);

  /* Readers in the way of a full checkpoint are no failure: what could be moved has been. */
  if (code == SQLITE_OK || (code & 0xff) == SQLITE_BUSY)
    return CONNECTOR_OK;
  return connection_fail(connection, code, error);
}

/* ---- backup ---- */

static connector_status copy_pages(struct connection *connection, sqlite3_backup *backup,
                                   connector_progress_fn progress, void *user,
                                   connector_error *error)
{
  const struct timespec pause = { .tv_nsec = BUSY_SLEEP_NS };
  connector_status status = CONNECTOR_OK;
  int code = SQLITE_OK;

  while (status == CONNECTOR_OK && code != SQLITE_DONE) {
    code = sqlite3_backup_step(backup, PAGES_AT_ONCE);
    if ((code & 0xff) == SQLITE_BUSY || (code & 0xff) == SQLITE_LOCKED)
      (void)nanosleep(&pause, NULL);
    else if (code != SQLITE_OK && code != SQLITE_DONE)
      status = connection_fail(connection, code, error);
    if (status == CONNECTOR_OK && progress != NULL)
      status = progress(user, sqlite3_backup_pagecount(backup) - sqlite3_backup_remaining(backup),
                        sqlite3_backup_pagecount(backup), error);
  }
  return status;
}

static connector_status copy_to(struct connection *connection, sqlite3 *target,
                                connector_progress_fn progress, void *user, connector_error *error)
{
  sqlite3_backup *backup = sqlite3_backup_init(target, "main", connection->db, "main");
  connector_status status = CONNECTOR_OK;

  if (backup == NULL)
    return connection_fail(NULL, sqlite3_extended_errcode(target), error);
  status = copy_pages(connection, backup, progress, user, error);
  if (sqlite3_backup_finish(backup) != SQLITE_OK && status == CONNECTOR_OK)
    status = connection_fail(NULL, sqlite3_extended_errcode(target), error);
  return status;
}

/* A read transaction of our own keeps the copy on one snapshot, and from starting again whenever
 * somebody writes. */
connector_status connection_backup(struct connection *connection, const char *path,
                                   connector_progress_fn progress, void *user,
                                   connector_error *error)
{
  bool own_transaction = !connection_in_transaction(connection);
  sqlite3 *target = NULL;
  int64_t ignored = 0;
  connector_status status = CONNECTOR_OK;
  int code = SQLITE_OK;

  if (own_transaction)
    status = connection_begin_read(connection, error);
  if (status != CONNECTOR_OK)
    return status;
  status = connection_integer(connection, "SELECT count(key) FROM meta", &ignored, error);
  if (status != CONNECTOR_OK)
    goto done;
  code = sqlite3_open_v2(path, &target,
                         SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
                             SQLITE_OPEN_EXRESCODE,
                         NULL);
  if (code == SQLITE_OK)
    code = sqlite3_exec(target, "PRAGMA synchronous = FULL", NULL, NULL, NULL);
  status = code == SQLITE_OK ? copy_to(connection, target, progress, user, error)
                             : connection_fail(NULL, code, error);
done:
  (void)sqlite3_close(target);
  if (own_transaction)
    connection_rollback(connection);
  return status;
}

/* ---- integrity ---- */

/* A page that could not be had for want of memory says nothing of the file. */
static bool is_no_memory(const char *complaint)
{
  static const char text[] = "unable to get the page. error code=7";
  const char *at = strstr(complaint, text);

  return at != NULL && (at[sizeof(text) - 1] < '0' || at[sizeof(text) - 1] > '9');
}

connector_status connection_integrity(struct connection *connection, complaint_fn report,
                                      void *user, connector_error *error)
{
  static const char text[] = "PRAGMA integrity_check";
  struct statement *statement = NULL;
  bool row = false;
  connector_status status = statement_get_text(connection, 0, NULL, text, sizeof(text) - 1,
                                               &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  do {
    status = statement_step(statement, &row, error);
    if (status == CONNECTOR_OK && row) {
      const char *complaint = column_text(statement, 0, NULL);

      if (complaint != NULL && is_no_memory(complaint))
        status = error_no_memory(error);
      else if (complaint != NULL && strcmp(complaint, "ok") != 0)
        status = report(user, complaint, error);
    }
  } while (status == CONNECTOR_OK && row);
  statement_done(statement);
  return status;
}
