/*
 * engine/sqlite_file: checkpoints, copies of one snapshot, and the engine's own check.
 */
#include "engine_support.h"

static void fill(int from, int count)
{
  engine_ok(connection_begin_write(engine.connection, &failure));
  for (int i = from; i < from + count; i++) {
    char id[32];
    char config[4000];
    connector record = sample("tenant-a", id);
    snprintf(id, sizeof(id), "cnn_%06d", i);
    memset(config, 'x', sizeof(config));
    memcpy(config, "{\"a\":\"", 6);
    memcpy(config + sizeof(config) - 3, "\"}", 3);
    record.config = config;
    put(&record);
  }
  engine_ok(connection_commit(engine.connection, &failure));
}

static int64_t wal_size(void)
{
  char path[600];
  return file_size(beside(path, "registry.db-wal"));
}

/* ---- checkpoints ---- */

static void a_checkpoint_moves_the_log_into_the_file(void **state)
{
  int64_t before = 0;
  (void)state;
  fill(0, 100);
  before = file_size(test.path);
  engine_ok(connection_checkpoint(engine.connection, false, &failure));
  assert_true(file_size(test.path) > before);
  assert_true(wal_size() > 0);
  engine_ok(connection_checkpoint(engine.connection, true, &failure));
  assert_int_equal(wal_size(), 0);
}

static void a_reader_in_the_way_of_a_checkpoint_is_no_failure(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  (void)state;
  fill(0, 10);
  engine_ok(connection_begin_read(reader, &failure));
  assert_int_equal(integer_of(reader, "SELECT count(*) FROM connector"), 10);
  fill(10, 10);
  engine_ok(connection_checkpoint(engine.connection, true, &failure));
  assert_true(wal_size() > 0);
  assert_int_equal(integer_of(reader, "SELECT count(*) FROM connector"), 10);
  connection_close(reader);
}

/* ---- copies ---- */

struct progress {
  int calls;
  int64_t done;
  int64_t total;
  int stop_at;
  bool write; /* meanwhile */
};

static connector_status note_progress(void *user, int64_t done, int64_t total,
                                      connector_error *error)
{
  struct progress *progress = user;
  progress->calls++;
  assert_true(done >= progress->done && done <= total);
  progress->done = done;
  progress->total = total;
  if (progress->write)
    fill(progress->calls * 1000, 1);
  if (progress->calls != progress->stop_at)
    return CONNECTOR_OK;
  error->status = CONNECTOR_CANCELLED;
  snprintf(error->message, sizeof(error->message), "enough");
  return CONNECTOR_CANCELLED;
}

static int64_t rows_in(const char *path)
{
  struct engine_options options = { .path = path, .busy_timeout_ms = 50 };
  struct connection *copy = NULL;
  int64_t count = 0;
  engine_ok(connection_open(&options, CONNECTION_READ, false, &copy, &failure));
  count = integer_of(copy, "SELECT count(*) FROM connector");
  assert_int_equal(integer_of(copy, "PRAGMA user_version"), SCHEMA_VERSION);
  assert_int_equal(integer_of(copy, "SELECT integrity_check = 'ok' FROM pragma_integrity_check"),
                   1);
  connection_close(copy);
  return count;
}

static void a_copy_is_one_snapshot_whatever_is_written_meanwhile(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  struct progress progress = { .write = true };
  char path[600];
  (void)state;
  fill(0, 700);
  engine_ok(connection_backup(reader, beside(path, "copy.db"), note_progress, &progress, &failure));
  assert_true(progress.calls > 2);
  assert_int_equal(progress.done, progress.total);
  assert_false(connection_in_transaction(reader));
  assert_int_equal(rows_in(path), 700);
  assert_int_equal(integer_of(reader, "SELECT count(*) FROM connector"), 700 + progress.calls);
  connection_close(reader);
}

static void a_copy_can_be_stopped_by_its_progress(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  struct progress progress = { .stop_at = 2 };
  char path[600];
  (void)state;
  fill(0, 700);
  engine_fails(
      connection_backup(reader, beside(path, "copy.db"), note_progress, &progress, &failure),
      CONNECTOR_CANCELLED);
  assert_int_equal(progress.calls, 2);
  assert_false(connection_in_transaction(reader));
  connection_close(reader);
}

static void a_copy_inside_a_transaction_leaves_it_open(void **state)
{
  struct connection *reader = connect_as(CONNECTION_READ, false);
  char path[600];
  (void)state;
  fill(0, 3);
  engine_ok(connection_begin_read(reader, &failure));
  assert_int_equal(integer_of(reader, "SELECT count(*) FROM connector"), 3);
  fill(3, 1);
  engine_ok(connection_backup(reader, beside(path, "copy.db"), NULL, NULL, &failure));
  assert_true(connection_in_transaction(reader));
  connection_rollback(reader);
  assert_int_equal(rows_in(path), 3);
  connection_close(reader);
}

static void a_copy_that_can_not_be_made_says_so(void **state)
{
  char path[600];
  (void)state;
  engine_fails(
      connection_backup(engine.connection, beside(path, "no/copy.db"), NULL, NULL, &failure),
      CONNECTOR_IO);
  assert_false(connection_in_transaction(engine.connection));
}

/* ---- integrity ---- */

static connector_status count_complaint(void *user, const char *complaint, connector_error *error)
{
  int *left = user;
  assert_true(complaint[0] != '\0');
  if (--*left > 0)
    return CONNECTOR_OK;
  error->status = CONNECTOR_CANCELLED;
  snprintf(error->message, sizeof(error->message), "enough");
  return CONNECTOR_CANCELLED;
}

static void a_whole_file_has_no_complaints(void **state)
{
  int left = 10;
  (void)state;
  fill(0, 20);
  engine_ok(connection_integrity(engine.connection, count_complaint, &left, &failure));
  assert_int_equal(left, 10);
}

/* Changes rows behind an index's back. */
static void damage_index(void)
{
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db,
                                "PRAGMA writable_schema = ON;"
                                "CREATE TEMP TABLE kept AS"
                                " SELECT * FROM sqlite_schema WHERE name = 'connector_list';"
                                "DELETE FROM sqlite_schema WHERE name = 'connector_list';"
                                "PRAGMA writable_schema = RESET;"
                                "UPDATE connector SET tenant_id = 'tenant-x';"
                                "PRAGMA writable_schema = ON;"
                                "INSERT INTO sqlite_schema SELECT * FROM kept;",
                                NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
}

static void a_damaged_file_is_told_line_by_line_until_it_is_enough(void **state)
{
  struct connection *fresh = NULL;
  int left = 1000;
  (void)state;
  fill(0, 20);
  damage_index();
  fresh = connect_as(CONNECTION_READ, false);
  engine_ok(connection_integrity(fresh, count_complaint, &left, &failure));
  assert_true(left < 999);
  left = 2;
  engine_fails(connection_integrity(fresh, count_complaint, &left, &failure), CONNECTOR_CANCELLED);
  assert_int_equal(left, 0);
  connection_close(fresh);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    file_test(a_checkpoint_moves_the_log_into_the_file),
    file_test(a_reader_in_the_way_of_a_checkpoint_is_no_failure),
    file_test(a_copy_is_one_snapshot_whatever_is_written_meanwhile),
    file_test(a_copy_can_be_stopped_by_its_progress),
    file_test(a_copy_inside_a_transaction_leaves_it_open),
    file_test(a_copy_that_can_not_be_made_says_so),
    file_test(a_whole_file_has_no_complaints),
    file_test(a_damaged_file_is_told_line_by_line_until_it_is_enough),
  };
  return cmocka_run_group_tests_name("sqlite_file", tests, NULL, NULL);
}
