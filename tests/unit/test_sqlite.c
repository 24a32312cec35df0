/*
 * engine/sqlite: hardened connections, transactions, waiting for other processes, and what the
 * engine's codes mean.
 */
#include "engine_support.h"

#include "base/clock.h"

#include <errno.h>
#include <pthread.h>
#include <time.h>

/* ---- codes ---- */

static void each_code_of_the_engine_means_one_status(void **state)
{
  const struct {
    int code;
    connector_status status;
  } codes[] = {
    { SQLITE_BUSY, CONNECTOR_BUSY },
    { SQLITE_BUSY_SNAPSHOT, CONNECTOR_BUSY },
    { SQLITE_LOCKED, CONNECTOR_BUSY },
    { SQLITE_NOMEM, CONNECTOR_NO_MEMORY },
    { SQLITE_IOERR_NOMEM, CONNECTOR_NO_MEMORY },
    { SQLITE_FULL, CONNECTOR_DISK_FULL },
    { SQLITE_IOERR_READ, CONNECTOR_IO },
    { SQLITE_IOERR_FSYNC, CONNECTOR_IO },
    { SQLITE_CANTOPEN, CONNECTOR_IO },
    { SQLITE_PERM, CONNECTOR_IO },
    { SQLITE_CORRUPT, CONNECTOR_CORRUPT },
    { SQLITE_CORRUPT_INDEX, CONNECTOR_CORRUPT },
    { SQLITE_NOTADB, CONNECTOR_CORRUPT },
    { SQLITE_ERROR, CONNECTOR_CORRUPT },
    { SQLITE_READONLY, CONNECTOR_READ_ONLY },
    { SQLITE_READONLY_DBMOVED, CONNECTOR_READ_ONLY },
    { SQLITE_INTERRUPT, CONNECTOR_CANCELLED },
    { SQLITE_CONSTRAINT_UNIQUE, CONNECTOR_EXISTS },
    { SQLITE_TOOBIG, CONNECTOR_TOO_LARGE },
    { SQLITE_MISUSE, CONNECTOR_INTERNAL },
    { SQLITE_RANGE, CONNECTOR_INTERNAL },
    { 250, CONNECTOR_INTERNAL },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    engine_fails(connection_fail(NULL, codes[i].code, &failure), codes[i].status);
    assert_int_equal(failure.os_code, codes[i].code);
    assert_int_equal(connection_fail(NULL, codes[i].code, NULL), codes[i].status);
  }
}

static void the_systems_code_is_told_where_the_system_failed(void **state)
{
  struct connection *connection = NULL;
  char path[600];
  (void)state;
  engine.options.path = beside(path, "no/such/folder.db");
  engine_fails(connection_open(&engine.options, CONNECTION_WRITE, true, &connection, &failure),
               CONNECTOR_IO);
  assert_int_equal(failure.os_code, ENOENT);
  assert_null(connection);
}

/* ---- opening ---- */

static void a_missing_file_is_made_only_where_asked(void **state)
{
  struct connection *connection = NULL;
  (void)state;
  engine_fails(connection_open(&engine.options, CONNECTION_WRITE, false, &connection, &failure),
               CONNECTOR_IO);
  assert_false(file_exists(test.path));
  engine.connection = connect_as(CONNECTION_WRITE, true);
  assert_true(file_exists(test.path));
}

static void a_file_of_something_else_is_no_store(void **state)
{
  static const char text[] =
      "This is a letter, long enough to be no empty file, and not a database."
      " It goes on for a while so that it is longer than a file's header.";
  struct connection *connection = NULL;
  (void)state;
  write_file(test.path, text, sizeof(text));
  engine_fails(connection_open(&engine.options, CONNECTION_WRITE, true, &connection, &failure),
               CONNECTOR_CORRUPT);
  assert_null(connection);
}

static void assert_hardened(struct connection *connection)
{
  const struct {
    int option;
    int value;
  } wanted[] = {
    { SQLITE_DBCONFIG_DEFENSIVE, 1 },   { SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0 },
    { SQLITE_DBCONFIG_DQS_DML, 0 },     { SQLITE_DBCONFIG_DQS_DDL, 0 },
    { SQLITE_DBCONFIG_ENABLE_FKEY, 1 }, { SQLITE_DBCONFIG_ENABLE_TRIGGER, 0 },
    { SQLITE_DBCONFIG_ENABLE_VIEW, 0 }, { SQLITE_DBCONFIG_ENABLE_LOAD_EXTENSION, 0 },
  };
  for (size_t i = 0; i < COUNT_OF(wanted); i++) {
    int value = -1;
    assert_int_equal(sqlite3_db_config(connection->db, wanted[i].option, -1, &value), SQLITE_OK);
    assert_int_equal(value, wanted[i].value);
  }
  assert_int_equal(sqlite3_limit(connection->db, SQLITE_LIMIT_ATTACHED, -1), 0);
  assert_int_equal(sqlite3_limit(connection->db, SQLITE_LIMIT_WORKER_THREADS, -1), 0);
  assert_true(sqlite3_limit(connection->db, SQLITE_LIMIT_SQL_LENGTH, -1) <= 256 * 1024);
  assert_true(sqlite3_limit(connection->db, SQLITE_LIMIT_LENGTH, -1) <= 64 * 1024 * 1024);
  assert_int_equal(integer_of(connection, "PRAGMA cell_size_check"), 1);
  assert_int_equal(integer_of(connection, "PRAGMA trusted_schema"), 0);
  assert_int_equal(integer_of(connection, "PRAGMA temp_store"), 2);
  assert_int_equal(integer_of(connection, "PRAGMA foreign_keys"), 1);
}

static void every_connection_is_hardened(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  (void)state;
  assert_hardened(engine.connection);
  assert_hardened(reader);
  connection_close(reader);
}

static void durability_and_caches_are_as_asked(void **state)
{
  struct connection *reader = NULL;
  (void)state;
  assert_int_equal(integer_of(engine.connection, "PRAGMA synchronous"), 1);
  assert_int_equal(integer_of(engine.connection, "PRAGMA cache_size"), -16384);
  assert_int_equal(integer_of(engine.connection, "PRAGMA mmap_size"), 0);
  engine.options.full_durability = true;
  engine.options.mmap_bytes = 65536;
  reader = connect_as(CONNECTION_READ, false);
  assert_int_equal(integer_of(reader, "PRAGMA synchronous"), 2);
  assert_int_equal(integer_of(reader, "PRAGMA mmap_size"), 65536);
  assert_int_equal(integer_of(reader, "PRAGMA query_only"), 1);
  connection_close(reader);
}

static void a_hostile_schema_can_not_run_code(void **state)
{
  static const char *const refused[] = {
    "ATTACH DATABASE ':memory:' AS other",
    "SELECT \"no column\" FROM meta",
    "SELECT load_extension('libm.so.6')",
    "UPDATE sqlite_schema SET sql = 'x'",
    "DELETE FROM a_view",
    "SELECT * FROM a_view",
  };
  sqlite3 *attacker = NULL;
  (void)state;
  assert_int_equal(sqlite3_open(test.path, &attacker), SQLITE_OK);
  assert_int_equal(sqlite3_exec(attacker,
                                "CREATE VIEW a_view AS SELECT * FROM meta;"
                                "CREATE TRIGGER a_trigger AFTER INSERT ON connector BEGIN"
                                " DELETE FROM meta; END;",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(attacker);
  for (size_t i = 0; i < COUNT_OF(refused); i++) {
    memset(&failure, 0, sizeof(failure));
    if (connection_run(engine.connection, refused[i], &failure) == CONNECTOR_OK)
      fail_msg("this ran: %s", refused[i]);
  }
  put(&(connector){ .id = "cnn_1",
                    .tenant_id = "t",
                    .source = "edm",
                    .source_type = CONNECTOR_SOURCE_TYPE_API,
                    .scope = CONNECTOR_SCOPE_ORG });
  assert_true(integer_of(engine.connection, "SELECT count(*) FROM meta") > 0);
}

static void a_reader_can_not_write(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  (void)state;
  engine_fails(connection_run(reader, "DELETE FROM meta", &failure), CONNECTOR_READ_ONLY);
  connection_close(reader);
}

static void contains_compares_without_case_in_any_script(void **state)
{
  const struct {
    const char *sql;
    int64_t wanted;
  } cases[] = {
    { "SELECT connector_contains('Straße ÉCOLE', 'école')", 1 },
    { "SELECT connector_contains('ΜΆΙΟΣ', 'μάιοσ')", 1 },
    { "SELECT connector_contains('jira', 'Ir')", 1 },
    { "SELECT connector_contains('jira', 'irc')", 0 },
    { "SELECT connector_contains('jira', '')", 1 },
    { "SELECT connector_contains(NULL, 'x') IS NULL", 1 },
    { "SELECT connector_contains('x', NULL) IS NULL", 1 },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    if (integer_of(engine.connection, cases[i].sql) != cases[i].wanted)
      fail_msg("%s is not %d", cases[i].sql, (int)cases[i].wanted);
}

/* ---- transactions ---- */

static void insert_id(const char *id)
{
  connector record = sample("tenant-a", id);
  put(&record);
}

static int64_t rows_seen(struct connection *connection)
{
  return integer_of(connection, "SELECT count(*) FROM connector");
}

static void others_see_a_write_once_it_is_committed(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  (void)state;
  assert_false(connection_in_transaction(engine.connection));
  engine_ok(connection_begin_write(engine.connection, &failure));
  assert_true(connection_in_transaction(engine.connection));
  insert_id("cnn_1");
  assert_int_equal(rows_seen(reader), 0);
  engine_ok(connection_commit(engine.connection, &failure));
  assert_false(connection_in_transaction(engine.connection));
  assert_int_equal(rows_seen(reader), 1);
  connection_close(reader);
}

static void a_reading_transaction_stays_on_its_snapshot(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  (void)state;
  engine_ok(connection_begin_read(reader, &failure));
  assert_int_equal(rows_seen(reader), 0);
  insert_id("cnn_1");
  assert_int_equal(rows_seen(reader), 0);
  connection_rollback(reader);
  assert_int_equal(rows_seen(reader), 1);
  connection_close(reader);
}

static void a_rollback_undoes_all_and_does_no_harm_outside(void **state)
{
  (void)state;
  connection_rollback(engine.connection);
  engine_ok(connection_begin_write(engine.connection, &failure));
  insert_id("cnn_1");
  connection_rollback(engine.connection);
  connection_rollback(engine.connection);
  assert_int_equal(rows_seen(engine.connection), 0);
}

static void a_savepoint_is_undone_alone(void **state)
{
  (void)state;
  engine_ok(connection_begin_write(engine.connection, &failure));
  insert_id("cnn_1");
  engine_ok(connection_savepoint(engine.connection, &failure));
  insert_id("cnn_2");
  engine_ok(connection_savepoint(engine.connection, &failure));
  insert_id("cnn_3");
  connection_rollback_to(engine.connection);
  assert_int_equal(rows_seen(engine.connection), 2);
  engine_ok(connection_release(engine.connection, &failure));
  engine_ok(connection_savepoint(engine.connection, &failure));
  insert_id("cnn_4");
  connection_rollback_to(engine.connection);
  engine_ok(connection_commit(engine.connection, &failure));
  assert_int_equal(rows_seen(engine.connection), 2);
}

static void undoing_a_savepoint_after_the_engine_undid_all_does_no_harm(void **state)
{
  (void)state;
  engine_ok(connection_begin_write(engine.connection, &failure));
  engine_ok(connection_savepoint(engine.connection, &failure));
  connection_rollback(engine.connection);
  connection_rollback_to(engine.connection);
  assert_false(connection_in_transaction(engine.connection));
  engine_ok(connection_begin_write(engine.connection, &failure));
  connection_rollback(engine.connection);
}

static void a_savepoint_that_cannot_be_undone_takes_all_with_it(void **state)
{
  (void)state;
  engine_ok(connection_begin_write(engine.connection, &failure));
  insert_id("cnn_1");
  engine_ok(connection_savepoint(engine.connection, &failure));
  insert_id("cnn_2");
  engine_ok(connection_run(engine.connection, "RELEASE call", &failure)); /* it is not there now */
  connection_rollback_to(engine.connection);
  assert_false(connection_in_transaction(engine.connection));
  assert_int_not_equal(connection_commit(engine.connection, &failure), CONNECTOR_OK);
  assert_int_equal(rows_seen(engine.connection), 0);
}

static void a_commit_outside_a_transaction_fails(void **state)
{
  (void)state;
  assert_int_not_equal(connection_commit(engine.connection, &failure), CONNECTOR_OK);
  assert_false(connection_in_transaction(engine.connection));
}

/* ---- waiting ---- */

static void a_held_lock_is_busy_after_the_timeout_and_counted(void **state)
{
  struct connection *other = connect_as(CONNECTION_WRITE, false);
  int64_t start = 0;
  int64_t waited = 0;
  (void)state;
  engine_ok(connection_begin_write(other, &failure));
  start = clock_monotonic_us();
  engine_fails(connection_begin_write(engine.connection, &failure), CONNECTOR_BUSY);
  waited = clock_monotonic_us() - start;
  assert_in_range(waited, 50000, 1000000);
  assert_int_equal(atomic_load(&engine.options.busy_waits), 1);
  assert_in_range(atomic_load(&engine.options.longest_wait_us), 50000, waited);
  connection_rollback(other);
  engine_ok(connection_begin_write(engine.connection, &failure));
  connection_rollback(engine.connection);
  connection_close(other);
}

static void *release_soon(void *connection)
{
  const struct timespec pause = { .tv_nsec = 20000000 };
  (void)nanosleep(&pause, NULL);
  connection_rollback(connection);
  return NULL;
}

static void a_lock_that_is_let_go_in_time_is_taken(void **state)
{
  struct connection *other = connect_as(CONNECTION_WRITE, false);
  pthread_t thread;
  (void)state;
  engine.options.busy_timeout_ms = 5000;
  engine_ok(connection_begin_write(other, &failure));
  assert_int_equal(pthread_create(&thread, NULL, release_soon, other), 0);
  engine_ok(connection_begin_write(engine.connection, &failure));
  assert_int_equal(pthread_join(thread, NULL), 0);
  connection_rollback(engine.connection);
  assert_int_equal(atomic_load(&engine.options.busy_waits), 1);
  connection_close(other);
}

static void an_integer_is_read_and_what_fails_is_told(void **state)
{
  int64_t number = 7;
  (void)state;
  engine_fails(connection_integer(engine.connection, "SELECT x FROM nowhere", &number, &failure),
               CONNECTOR_CORRUPT);
  assert_int_not_equal(connection_integer(engine.connection, "SELECT 1 WHERE 0", &number, &failure),
                       CONNECTOR_OK);
  assert_int_equal(number, 7);
  engine_ok(
      connection_integer(engine.connection, "SELECT -9223372036854775808", &number, &failure));
  assert_int_equal(number, INT64_MIN);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_code_of_the_engine_means_one_status),
    options_test(the_systems_code_is_told_where_the_system_failed),
    options_test(a_missing_file_is_made_only_where_asked),
    options_test(a_file_of_something_else_is_no_store),
    file_test(every_connection_is_hardened),
    file_test(durability_and_caches_are_as_asked),
    file_test(a_hostile_schema_can_not_run_code),
    file_test(a_reader_can_not_write),
    rows_test(contains_compares_without_case_in_any_script),
    file_test(others_see_a_write_once_it_is_committed),
    file_test(a_reading_transaction_stays_on_its_snapshot),
    file_test(a_rollback_undoes_all_and_does_no_harm_outside),
    file_test(a_savepoint_is_undone_alone),
    file_test(undoing_a_savepoint_after_the_engine_undid_all_does_no_harm),
    file_test(a_savepoint_that_cannot_be_undone_takes_all_with_it),
    file_test(a_commit_outside_a_transaction_fails),
    file_test(a_held_lock_is_busy_after_the_timeout_and_counted),
    file_test(a_lock_that_is_let_go_in_time_is_taken),
    rows_test(an_integer_is_read_and_what_fails_is_told),
  };
  return cmocka_run_group_tests_name("sqlite", tests, NULL, NULL);
}
