/*
 * engine/schema: whose file it is, which version, how an empty one becomes ours, and an older one
 * present.
 */
#include "engine_support.h"

#include "engine/due.h"
#include "old_file.h"

#include <pthread.h>

static void empty_file(void)
{
  engine.connection = connect_as(CONNECTION_WRITE, true);
}

static void run(const char *sql)
{
  engine_ok(connection_run(engine.connection, sql, &failure));
}

static enum schema_state look(void)
{
  enum schema_state found = SCHEMA_OLD;
  engine_ok(schema_look(engine.connection, &found, &failure));
  return found;
}

static void an_empty_file_may_become_ours(void **state)
{
  (void)state;
  empty_file();
  assert_int_equal(look(), SCHEMA_EMPTY);
  engine_ok(schema_migrate(engine.connection, &failure));
  assert_int_equal(look(), SCHEMA_CURRENT);
  assert_int_equal(integer_of(engine.connection, "PRAGMA application_id"), SCHEMA_APPLICATION_ID);
  assert_int_equal(integer_of(engine.connection, "PRAGMA user_version"), SCHEMA_VERSION);
}

static void looking_writes_nothing(void **state)
{
  (void)state;
  empty_file();
  assert_int_equal(look(), SCHEMA_EMPTY);
  assert_int_equal(file_size(test.path), 0);
}

static void a_current_file_is_left_as_it_is(void **state)
{
  int64_t before = 0;
  (void)state;
  before = integer_of(engine.connection, "PRAGMA data_version");
  engine_ok(schema_migrate(engine.connection, &failure));
  assert_int_equal(integer_of(engine.connection, "PRAGMA data_version"), before);
  assert_false(connection_in_transaction(engine.connection));
}

static void another_programs_file_is_refused_untouched(void **state)
{
  static const char *const others[] = {
    "CREATE TABLE theirs (a)",
    "PRAGMA application_id = 77",
    "PRAGMA user_version = 1",
  };
  enum schema_state found = SCHEMA_OLD;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    empty_file();
    run(others[i]);
    engine_fails(schema_look(engine.connection, &found, &failure), CONNECTOR_CORRUPT);
    engine_fails(schema_migrate(engine.connection, &failure), CONNECTOR_CORRUPT);
    assert_false(connection_in_transaction(engine.connection));
    assert_int_equal(integer_of(engine.connection,
                                "SELECT count(*) FROM sqlite_schema WHERE name = 'connector'"),
                     0);
    connection_close(engine.connection);
    unlink(test.path);
  }
  engine.connection = NULL;
}

static void a_newer_file_is_refused_untouched(void **state)
{
  enum schema_state found = SCHEMA_OLD;
  char newer[64];
  char known[24];
  (void)state;
  snprintf(newer, sizeof(newer), "PRAGMA user_version = %d", SCHEMA_VERSION + 1);
  snprintf(known, sizeof(known), "%d", SCHEMA_VERSION);
  run(newer);
  engine_fails(schema_look(engine.connection, &found, &failure), CONNECTOR_SCHEMA);
  assert_contains(failure.message, known);
  engine_fails(schema_migrate(engine.connection, &failure), CONNECTOR_SCHEMA);
  assert_int_equal(integer_of(engine.connection, "PRAGMA user_version"), SCHEMA_VERSION + 1);
}

static void a_file_of_ours_without_a_version_is_corrupt(void **state)
{
  static const char *const versions[] = { "PRAGMA user_version = 0", "PRAGMA user_version = -1" };
  enum schema_state found = SCHEMA_OLD;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(versions); i++) {
    run(versions[i]);
    engine_fails(schema_look(engine.connection, &found, &failure), CONNECTOR_CORRUPT);
  }
}

static void a_step_that_fails_leaves_nothing_behind(void **state)
{
  (void)state;
  empty_file();
  run("PRAGMA max_page_count = 4");
  engine_fails(schema_migrate(engine.connection, &failure), CONNECTOR_DISK_FULL);
  assert_false(connection_in_transaction(engine.connection));
  run("PRAGMA max_page_count = 1000");
  assert_int_equal(look(), SCHEMA_EMPTY);
  engine_ok(schema_migrate(engine.connection, &failure));
}

static void *migrate(void *failed)
{
  struct connection *connection = NULL;
  connector_error error = { 0 };
  bool *result = failed;
  *result = connection_open(&engine.options, CONNECTION_WRITE, false, &connection, &error) !=
                CONNECTOR_OK ||
            schema_migrate(connection, &error) != CONNECTOR_OK;
  connection_close(connection);
  return NULL;
}

static void several_may_migrate_at_once(void **state)
{
  pthread_t threads[4];
  bool failed[COUNT_OF(threads)] = { false };
  (void)state;
  engine.options.busy_timeout_ms = 5000;
  empty_file();
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, migrate, &failed[i]), 0);
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_false(failed[i]);
  assert_int_equal(look(), SCHEMA_CURRENT);
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM meta"), 4);
}

static void all_tables_are_strict(void **state)
{
  (void)state;
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM pragma_table_list"
                                                 " WHERE schema = 'main' AND type = 'table'"
                                                 " AND name NOT LIKE 'sqlite_%' AND NOT strict"),
                   0);
}

static void each_file_has_an_id_and_a_cursor_key_of_its_own(void **state)
{
  (void)state;
  assert_int_equal(integer_of(engine.connection,
                              "SELECT length(value) = 32 AND typeof(value) = 'text'"
                              " FROM meta WHERE key = 'store_id'"),
                   1);
  assert_int_equal(integer_of(engine.connection,
                              "SELECT length(value) = 32 AND typeof(value) = 'blob'"
                              " AND value <> zeroblob(32)"
                              " FROM meta WHERE key = 'cursor_key'"),
                   1);
  assert_int_equal(integer_of(engine.connection, "SELECT count(DISTINCT hex(value)) FROM meta"), 4);
}

/* ---- a file of schema 1 ---- */

static int setup_old(void **state)
{
  if (setup_options(state) != 0)
    return -1;
  put_old_file();
  engine.connection = connect_as(CONNECTION_WRITE, false);
  return 0;
}

static void an_older_file_is_known_and_brought_up_to_date(void **state)
{
  (void)state;
  assert_int_equal(look(), SCHEMA_OLD);
  engine_ok(schema_migrate(engine.connection, &failure));
  assert_int_equal(look(), SCHEMA_CURRENT);
  assert_int_equal(integer_of(engine.connection, "PRAGMA user_version"), SCHEMA_VERSION);
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM pragma_integrity_check"
                                                 " WHERE integrity_check <> 'ok'"),
                   0);
}

static void looking_at_an_older_file_writes_nothing(void **state)
{
  int64_t before = 0;
  (void)state;
  before = integer_of(engine.connection, "PRAGMA data_version");
  assert_int_equal(look(), SCHEMA_OLD);
  assert_int_equal(integer_of(engine.connection, "PRAGMA user_version"), 1);
  assert_int_equal(integer_of(engine.connection, "PRAGMA data_version"), before);
}

/* The names and texts of all that the schema holds, in order. */
static char *schema_text(struct connection *connection)
{
  static const char sql[] = "SELECT group_concat(line, char(10)) FROM (SELECT name || ' ' ||"
                            " coalesce(sql, '') AS line FROM sqlite_schema ORDER BY name)";
  struct statement *statement = NULL;
  uint32_t length = 0;
  bool row = false;
  engine_ok(statement_get_text(connection, STATEMENT_TEXT, NULL, sql, sizeof(sql) - 1, &statement,
                               &failure));
  engine_ok(statement_step(statement, &row, &failure));
  const char *text = column_text(statement, 0, &length);
  char *copy = calloc(1, (size_t)length + 1);
  assert_non_null(copy);
  memcpy(copy, text, length);
  statement_done(statement);
  return copy;
}

static void an_older_file_gets_the_schema_of_a_new_one(void **state)
{
  struct engine_options memory = { .path = ":memory:", .memory = true };
  struct connection *fresh = NULL;
  (void)state;
  engine_ok(connection_open(&memory, CONNECTION_WRITE, true, &fresh, &failure));
  engine_ok(schema_migrate(fresh, &failure));
  engine_ok(schema_migrate(engine.connection, &failure));
  char *wanted = schema_text(fresh);
  char *got = schema_text(engine.connection);
  assert_text(got, wanted);
  free(wanted);
  free(got);
  connection_close(fresh);
}

static void the_rows_of_an_older_file_are_as_they_were(void **state)
{
  (void)state;
  engine_ok(schema_migrate(engine.connection, &failure));
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM connector"), OLD_RECORDS);
  for (size_t i = 0; i < OLD_RECORDS; i++) {
    connector *found = row_of(old_records[i].tenant_id, old_records[i].id);
    assert_true(connector_equal(found, &old_records[i]));
    connector_free(found);
  }
}

static void the_names_and_keys_of_an_older_file_stay_beside_new_ones(void **state)
{
  static const char id[] = "SELECT value = '0de9dd6f6a22213fa2901e66ef904e41'"
                           " FROM meta WHERE key = 'store_id'";
  static const char cursor_key[] =
      "SELECT hex(value) ="
      " '22CF685CC562AB49F32E47C875276C6EDC9A3081C1AAA23AE7C0EB93545E5B95'"
      " FROM meta WHERE key = 'cursor_key'";
  (void)state;
  engine_ok(schema_migrate(engine.connection, &failure));
  assert_int_equal(integer_of(engine.connection, id), 1);
  assert_int_equal(integer_of(engine.connection, cursor_key), 1);
  assert_int_equal(integer_of(engine.connection,
                              "SELECT length(value) = 32 AND value <> zeroblob(32)"
                              " FROM meta WHERE key = 'history_key'"),
                   1);
  assert_int_equal(integer_of(engine.connection, "SELECT value FROM meta WHERE key = 'fence'"), 0);
}

static void what_an_older_file_lacks_begins_empty(void **state)
{
  (void)state;
  engine_ok(schema_migrate(engine.connection, &failure));
  assert_int_equal(integer_of(engine.connection,
                              "SELECT (SELECT count(*) FROM history)"
                              " + (SELECT count(*) FROM history_head)"
                              " + (SELECT count(*) FROM health) + (SELECT count(*) FROM lease)"),
                   0);
  assert_int_equal(integer_of(engine.connection,
                              "SELECT count(*) FROM connector WHERE token_lead IS NOT NULL"
                              " OR refresh_after IS NOT NULL OR rotation_after IS NOT NULL"
                              " OR sync_after IS NOT NULL"),
                   0);
}

static void what_is_due_in_an_older_file_is_found(void **state)
{
  const struct scope tenant = scope_of(SCOPE_TENANT, "tenant-a");
  const size_t wanted[] = {
    [CONNECTOR_DUE_REFRESH] = OLD_JIRA, [CONNECTOR_DUE_ROTATION] = OLD_SPLUNK
  };
  (void)state;
  engine_ok(schema_migrate(engine.connection, &failure));
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_ROTATION; due++) {
    const struct due_query query = { .due = (connector_due)due,
                                     .latest = OLD_FILE_TIME,
                                     .now = OLD_FILE_TIME,
                                     .longest = OLD_FILE_TIME + WAIT_LONGEST_MS,
                                     .limit = 10 };
    struct statement *statement = NULL;
    struct row row;
    int64_t key = 0;
    bool found = false;
    engine_ok(due_start(engine.connection, &tenant, &query, DUE_PAST, &statement, &failure));
    engine_ok(due_next(statement, &row, &key, &found, &failure));
    assert_true(found);
    assert_text(row.record.id, old_records[wanted[due]].id);
    engine_ok(due_next(statement, &row, &key, &found, &failure));
    assert_false(found);
    statement_done(statement);
  }
}

static void a_step_that_fails_leaves_an_older_file_as_it_was(void **state)
{
  char limit[64];
  int64_t pages = 0;
  int64_t version = 1;
  char *before = schema_text(engine.connection);
  (void)state;
  pages = integer_of(engine.connection, "PRAGMA page_count");
  for (int64_t more = 0; look() == SCHEMA_OLD; more++) {
    snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %d", (int)(pages + more));
    run(limit);
    connector_status status = schema_migrate(engine.connection, &failure);
    if (status == CONNECTOR_OK)
      break;
    assert_int_equal(status, CONNECTOR_DISK_FULL);
    assert_false(connection_in_transaction(engine.connection));
    assert_int_equal(look(), SCHEMA_OLD);
    char *after = schema_text(engine.connection);
    int64_t reached = integer_of(engine.connection, "PRAGMA user_version");
    if (reached == version)
      assert_text(after, before);
    assert_in_range(reached, version, SCHEMA_VERSION - 1); /* a step before it may be done */
    version = reached;
    free(before);
    before = after;
  }
  assert_int_equal(look(), SCHEMA_CURRENT);
  free(before);
}

static void several_may_migrate_an_older_file_at_once(void **state)
{
  pthread_t threads[6];
  bool failed[COUNT_OF(threads)] = { false };
  (void)state;
  engine.options.busy_timeout_ms = 5000;
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, migrate, &failed[i]), 0);
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_false(failed[i]);
  assert_int_equal(look(), SCHEMA_CURRENT);
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM meta"), 4);
}

/* ---- a file of schema 2 ---- */

static int setup_second(void **state)
{
  if (setup_options(state) != 0)
    return -1;
  put_file_of(2);
  engine.connection = connect_as(CONNECTION_WRITE, false);
  return 0;
}

static void a_file_of_schema_2_gets_the_tables_of_secrets_and_keeps_its_rows(void **state)
{
  (void)state;
  assert_int_equal(look(), SCHEMA_OLD);
  an_older_file_gets_the_schema_of_a_new_one(state);
  assert_int_equal(look(), SCHEMA_CURRENT);
  for (size_t i = 0; i < OLD_RECORDS; i++) {
    const connector *record = &old_records_of(2)[i];
    connector *found = row_of(record->tenant_id, record->id);
    assert_true(connector_equal(found, record));
    connector_free(found);
  }
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM history"), 3);
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM health"), 1);
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM lease"), 1);
  assert_int_equal(integer_of(engine.connection, "SELECT (SELECT count(*) FROM sealed_root)"
                                                 " + (SELECT count(*) FROM sealed_key)"
                                                 " + (SELECT count(*) FROM sealed_secret)"
                                                 " + (SELECT count(*) FROM sealed_version)"),
                   0);
}

#define second_test(name) cmocka_unit_test_setup_teardown(name, setup_second, teardown_engine)
#define old_test(name) cmocka_unit_test_setup_teardown(name, setup_old, teardown_engine)

int main(void)
{
  const struct CMUnitTest tests[] = {
    options_test(an_empty_file_may_become_ours),
    options_test(looking_writes_nothing),
    file_test(a_current_file_is_left_as_it_is),
    options_test(another_programs_file_is_refused_untouched),
    file_test(a_newer_file_is_refused_untouched),
    file_test(a_file_of_ours_without_a_version_is_corrupt),
    options_test(a_step_that_fails_leaves_nothing_behind),
    options_test(several_may_migrate_at_once),
    file_test(all_tables_are_strict),
    file_test(each_file_has_an_id_and_a_cursor_key_of_its_own),
    old_test(an_older_file_is_known_and_brought_up_to_date),
    old_test(looking_at_an_older_file_writes_nothing),
    old_test(an_older_file_gets_the_schema_of_a_new_one),
    old_test(the_rows_of_an_older_file_are_as_they_were),
    old_test(the_names_and_keys_of_an_older_file_stay_beside_new_ones),
    old_test(what_an_older_file_lacks_begins_empty),
    old_test(what_is_due_in_an_older_file_is_found),
    old_test(a_step_that_fails_leaves_an_older_file_as_it_was),
    old_test(several_may_migrate_an_older_file_at_once),
    second_test(a_file_of_schema_2_gets_the_tables_of_secrets_and_keeps_its_rows),
  };
  return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
