/*
 * SQLite behind the door: connections with their settings, transactions, and what the engine's
 * codes mean. Statements are in sqlite_statement.c, the file as a whole in sqlite_file.c.
 */
#include "engine/sqlite.h"

#include "base/clock.h"
#include "base/status.h"
#include "base/utf8.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

/* ---- codes ---- */

struct meaning {
  int code;
  connector_status status;
  const char *message;
};

static const struct meaning meanings[] = {
  { SQLITE_BUSY, CONNECTOR_BUSY, "another process held the write lock past the timeout" },
  { SQLITE_LOCKED, CONNECTOR_BUSY, "the file is locked" },
  { SQLITE_NOMEM, CONNECTOR_NO_MEMORY, "there is no memory left" },
  { SQLITE_FULL, CONNECTOR_DISK_FULL, "there is no room left to write" },
  { SQLITE_IOERR, CONNECTOR_IO, "reading or writing the file failed" },
  { SQLITE_CANTOPEN, CONNECTOR_IO, "the file can't be opened" },
  { SQLITE_PERM, CONNECTOR_IO, "the file may not be opened" },
  { SQLITE_AUTH, CONNECTOR_IO, "the file may not be opened" },
  { SQLITE_CORRUPT, CONNECTOR_CORRUPT, "the file is damaged" },
  { SQLITE_NOTADB, CONNECTOR_CORRUPT, "the file is no store" },
  { SQLITE_FORMAT, CONNECTOR_CORRUPT, "the file is no store" },
  { SQLITE_READONLY, CONNECTOR_READ_ONLY, "the file or its folder can't be written" },
  { SQLITE_INTERRUPT, CONNECTOR_CANCELLED, "the call was interrupted" },
  { SQLITE_CONSTRAINT, CONNECTOR_EXISTS, "the id is in use" },
  /* every statement is the library's own: what one meets in the file is not what it should be */
  { SQLITE_ERROR, CONNECTOR_CORRUPT, "the file does not hold what it should" },
  { SQLITE_MISMATCH, CONNECTOR_CORRUPT, "the file does not hold what it should" },
  { SQLITE_TOOBIG, CONNECTOR_TOO_LARGE, "a value is larger than the engine takes" },
};

static const struct meaning *meaning_of(int code)
{
  static const struct meaning unknown = { 0, CONNECTOR_INTERNAL, "the engine refused a statement" };

  if (code == SQLITE_IOERR_NOMEM)
    code = SQLITE_NOMEM;
  for (size_t i = 0; i < sizeof(meanings) / sizeof(meanings[0]); i++)
    if (meanings[i].code == (code & 0xff))
      return &meanings[i];
  return &unknown;
}

connector_status connection_fail(struct connection *connection, int code, connector_error *error)
{
  bool overrun = connection != NULL && connection->overrun && (code & 0xff) == SQLITE_INTERRUPT;
  const struct meaning *meaning = meaning_of(overrun ? SQLITE_CORRUPT : code);
  int os_code = connection != NULL ? sqlite3_system_errno(connection->db) : 0;
  bool system = meaning->status == CONNECTOR_IO || meaning->status == CONNECTOR_DISK_FULL;

  if (connection != NULL)
    connection->failure = meaning->status;
  error_set(error, meaning->status, NULL, "%s", meaning->message);
  if (error != NULL)
    error->os_code = system && os_code != 0 ? os_code : code;
  return meaning->status;
}

/* ---- waiting for other processes ---- */

/*
 * Sleeps random times that grow shorter the longer this process has waited, so that the one that
 * waited longest looks most often and no one starves; the engine's own handler sleeps ever longer,
 * and the longest waiter then loses to every newcomer. The first sleeps span some commits, since
 * each look costs the holder of the lock processor time.
 */
enum { SLEEP_LEAST_US = 50, SLEEP_FIRST_US = 4000, SLEEP_HALVES_US = 16000 };

static long next_sleep_us(int64_t waited_us)
{
  int64_t halvings = waited_us / SLEEP_HALVES_US;
  long spread = halvings < 16 ? SLEEP_FIRST_US >> halvings : 0;
  unsigned random = 0;

  sqlite3_randomness((int)sizeof(random), &random);
  return SLEEP_LEAST_US + spread / 2 + (long)(random % (unsigned)(spread / 2 + SLEEP_LEAST_US));
}

static void sleep_us(long us)
{
  struct timespec time = { .tv_sec = us / 1000000, .tv_nsec = (us % 1000000) * 1000 };

  (void)nanosleep(&time, NULL);
}

static void note_wait(struct engine_options *options, int64_t waited_us)
{
  long long longest = atomic_load_explicit(&options->longest_wait_us, memory_order_relaxed);

  while (waited_us > longest &&
         !atomic_compare_exchange_weak(&options->longest_wait_us, &longest, waited_us))
    ;
}

static int wait_for_lock(void *user, int tries)
{
  struct connection *connection = user;
  int64_t now = clock_monotonic_us();
  int64_t patience = connection->patience_us;
  int64_t waited = 0;

  if (tries == 0)
    connection->wait_started_us = now;
  waited = now - connection->wait_started_us;
  if (patience == 0) {
    patience = (int64_t)connection->options->busy_timeout_ms * 1000;
    atomic_fetch_add(&connection->options->busy_waits, tries == 0);
    note_wait(connection->options, waited);
  }
  if (waited >= patience)
    return 0;
  sleep_us(next_sleep_us(waited));
  return 1;
}

/* ---- opening ---- */

/* `connector_contains(text, needle)`: a substring in any case of any script. */
static void contains_function(sqlite3_context *context, int count, sqlite3_value **values)
{
  const char *text = (const char *)sqlite3_value_text(values[0]);
  const char *needle = (const char *)sqlite3_value_text(values[1]);

  (void)count;
  if (text == NULL || needle == NULL)
    return;
  sqlite3_result_int(context, utf8_contains(text, (size_t)sqlite3_value_bytes(values[0]), needle,
                                            (size_t)sqlite3_value_bytes(values[1])));
}

/* Settings that need no look at the file. A hostile file must not be able to run code, and no text
 * of ours is double-quoted. */
static const struct {
  int option;
  int value;
} hardening[] = {
  { SQLITE_DBCONFIG_DEFENSIVE, 1 },   { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
  { SQLITE_DBCONFIG_DQS_DML, 0 },     { SQLITE_DBCONFIG_DQS_DDL, 0 },
  { SQLITE_DBCONFIG_ENABLE_FKEY, 1 }, { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
  { SQLITE_DBCONFIG_ENABLE_VIEW, 0 }, { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
};

static const struct {
  int limit;
  int value;
} limits[] = {
  { SQLITE_LIMIT_LENGTH, 64 * 1024 * 1024 },
  { SQLITE_LIMIT_SQL_LENGTH, 256 * 1024 },
  { SQLITE_LIMIT_COLUMN, 200 },
  { SQLITE_LIMIT_EXPR_DEPTH, 200 },
  { SQLITE_LIMIT_COMPOUND_SELECT, 8 },
  { SQLITE_LIMIT_ATTACHED, 0 },
  { SQLITE_LIMIT_VARIABLE_NUMBER, 1000 },
  { SQLITE_LIMIT_TRIGGER_DEPTH, 1 },
  { SQLITE_LIMIT_WORKER_THREADS, 0 },
  { SQLITE_LIMIT_LIKE_PATTERN_LENGTH, 1000 },
};

static int harden(sqlite3 *db)
{
  int code = SQLITE_OK;

  for (size_t i = 0; code == SQLITE_OK && i < sizeof(hardening) / sizeof(hardening[0]); i++)
    code = sqlite3_db_config(db, hardening[i].option, hardening[i].value, (int *)NULL);
  for (size_t i = 0; i < sizeof(limits) / sizeof(limits[0]); i++)
    sqlite3_limit(db, limits[i].limit, limits[i].value);
  if (code == SQLITE_OK)
    code = sqlite3_create_function(db, "connector_contains", 2,
                                   SQLITE_UTF8 | SQLITE_DETERMINISTIC | SQLITE_INNOCUOUS, NULL,
                                   contains_function, NULL, NULL);
  return code;
}

/* Pragmas that stay in memory. The writer's cache of 16 MiB: larger ones slow a one-row commit. */
static connector_status settle(struct connection *connection, enum connection_use use,
                               connector_error *error)
{
  const struct engine_options *options = connection->options;
  char sql[256];

  sqlite3_snprintf((int)sizeof(sql), sql,
                   "PRAGMA cell_size_check = 1; PRAGMA secure_delete = 1; PRAGMA temp_store = 2;"
                   "PRAGMA mmap_size = %lld;"
                   "PRAGMA synchronous = %s; PRAGMA cache_size = %d; PRAGMA query_only = %d",
                   (long long)options->mmap_bytes, options->full_durability ? "FULL" : "NORMAL",
                   use == CONNECTION_WRITE ? -16384 : -4096,
                   use == CONNECTION_READ && !options->memory);
  if (use == CONNECTION_WRITE && !options->memory)
    log_watch(connection);
  return connection_run(connection, sql, error);
}

/* STRICT tables came with 3.37. */
enum { LEAST_SQLITE = 3037000 };

static connector_status check_library(connector_error *error)
{
  if (sqlite3_libversion_number() < LEAST_SQLITE || sqlite3_threadsafe() == 0)
    return error_set(error, CONNECTOR_INTERNAL, NULL,
                     "SQLite must be 3.37 or later and built for threads, and this one is %s",
                     sqlite3_libversion());
  return CONNECTOR_OK;
}

connector_status connection_open(struct engine_options *options, enum connection_use use,
                                 bool create, struct connection **out, connector_error *error)
{
  struct connection *connection = NULL;
  int flags = SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE |
              (options->read_only ? SQLITE_OPEN_READONLY : SQLITE_OPEN_READWRITE) |
              (create ? SQLITE_OPEN_CREATE : 0);
  connector_status status = check_library(error);
  int code = SQLITE_OK;

  if (status != CONNECTOR_OK)
    return status;
  connection = calloc(1, sizeof(*connection));
  if (connection == NULL)
    return error_no_memory(error);
  connection->options = options;
  code = sqlite3_open_v2(options->path, &connection->db, flags, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_busy_handler(connection->db, wait_for_lock, connection);
  if (code == SQLITE_OK)
    code = harden(connection->db);
  if (code == SQLITE_OK)
    work_bound(connection);
  status = code == SQLITE_OK ? settle(connection, use, error)
                             : connection_fail(connection, code, error);
  if (status != CONNECTOR_OK) {
    connection_close(connection);
    return status;
  }
  *out = connection;
  return CONNECTOR_OK;
}

void connection_close(struct connection *connection)
{
  if (connection == NULL)
    return;
  statements_close(connection);
  (void)sqlite3_close(connection->db);
  free(connection);
}

/* ---- running ---- */

connector_status connection_run(struct connection *connection, const char *sql,
                                connector_error *error)
{
  int code = SQLITE_OK;

  connection->rounds = 0;
  code = sqlite3_exec(connection->db, sql, NULL, NULL, NULL);
  return code == SQLITE_OK ? CONNECTOR_OK : connection_fail(connection, code, error);
}

connector_status connection_integer(struct connection *connection, const char *sql, int64_t *out,
                                    connector_error *error)
{
  sqlite3_stmt *statement = NULL;
  int code = SQLITE_OK;

  connection->rounds = 0;
  code = sqlite3_prepare_v2(connection->db, sql, -1, &statement, NULL);
  if (code == SQLITE_OK)
    code = sqlite3_step(statement);
  if (code == SQLITE_ROW) {
    *out = sqlite3_column_int64(statement, 0);
    code = SQLITE_OK;
  }
  (void)sqlite3_finalize(statement);
  return code == SQLITE_OK ? CONNECTOR_OK : connection_fail(connection, code, error);
}

int64_t connection_changes(struct connection *connection)
{
  return sqlite3_changes64(connection->db);
}

/* ---- transactions ---- */

static const char *const transaction_texts[TRANSACTION_STEPS] = {
  [STEP_BEGIN_WRITE] = "BEGIN IMMEDIATE",
  [STEP_BEGIN_READ] = "BEGIN",
  [STEP_COMMIT] = "COMMIT",
  [STEP_ROLLBACK] = "ROLLBACK",
  [STEP_SAVEPOINT] = "SAVEPOINT call",
  [STEP_RELEASE] = "RELEASE call",
  [STEP_ROLLBACK_TO] = "ROLLBACK TO call",
};

static bool ends_reading(size_t step)
{
  return step == STEP_BEGIN_READ || step == STEP_COMMIT || step == STEP_ROLLBACK;
}

/* All are prepared before the first transaction begins: ending one must work without memory. One
 * that reads needs few of them. */
static int prime(struct connection *connection, enum transaction_step first)
{
  int code = SQLITE_OK;

  for (size_t i = 0; code == SQLITE_OK && i < TRANSACTION_STEPS; i++)
    if (connection->transactions[i] == NULL && (first != STEP_BEGIN_READ || ends_reading(i)))
      code = sqlite3_prepare_v3(connection->db, transaction_texts[i], -1, SQLITE_PREPARE_PERSISTENT,
                                &connection->transactions[i], NULL);
  return code;
}

static connector_status take_step(struct connection *connection, enum transaction_step step,
                                  connector_error *error)
{
  int code = connection->transactions[step] != NULL ? SQLITE_OK : prime(connection, step);

  if (code == SQLITE_OK) {
    code = sqlite3_step(connection->transactions[step]);
    (void)sqlite3_reset(connection->transactions[step]);
  }
  return code == SQLITE_DONE ? CONNECTOR_OK : connection_fail(connection, code, error);
}

connector_status connection_begin_write(struct connection *connection, connector_error *error)
{
  connector_status status = log_make_room(connection, error);

  return status == CONNECTOR_OK ? take_step(connection, STEP_BEGIN_WRITE, error) : status;
}

connector_status connection_begin_read(struct connection *connection, connector_error *error)
{
  return take_step(connection, STEP_BEGIN_READ, error);
}

connector_status connection_commit(struct connection *connection, connector_error *error)
{
  connector_status status = take_step(connection, STEP_COMMIT, error);

  if (status != CONNECTOR_OK)
    connection_rollback(connection);
  return status;
}

/* Some errors have rolled back already. */
void connection_rollback(struct connection *connection)
{
  if (sqlite3_get_autocommit(connection->db) == 0)
    (void)take_step(connection, STEP_ROLLBACK, NULL);
}

connector_status connection_savepoint(struct connection *connection, connector_error *error)
{
  return take_step(connection, STEP_SAVEPOINT, error);
}

connector_status connection_release(struct connection *connection, connector_error *error)
{
  return take_step(connection, STEP_RELEASE, error);
}

/* What stays half undone must not be committed with the rest. */
void connection_rollback_to(struct connection *connection)
{
  connector_status status = CONNECTOR_OK;

  if (sqlite3_get_autocommit(connection->db) != 0)
    return;
  status = take_step(connection, STEP_ROLLBACK_TO, NULL);
  if (status == CONNECTOR_OK)
    status = take_step(connection, STEP_RELEASE, NULL);
  if (status != CONNECTOR_OK)
    connection_rollback(connection);
}

connector_status connection_undone(struct connection *connection, connector_error *error)
{
  if (connection_in_transaction(connection))
    return CONNECTOR_OK;
  return error_set(error, connection->failure != CONNECTOR_OK ? connection->failure : CONNECTOR_IO,
                   NULL, "an earlier failure has undone the batch");
}

bool connection_in_transaction(struct connection *connection)
{
  return sqlite3_get_autocommit(connection->db) == 0;
}
