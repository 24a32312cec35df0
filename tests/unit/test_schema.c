/*
 * engine/schema: whose file it is, which version, and how an empty one becomes ours.
 */
#include "engine_support.h"

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
  (void)state;
  run("PRAGMA user_version = 3");
  engine_fails(schema_look(engine.connection, &found, &failure), CONNECTOR_SCHEMA);
  assert_contains(failure.message, "2");
  engine_fails(schema_migrate(engine.connection, &failure), CONNECTOR_SCHEMA);
  assert_int_equal(integer_of(engine.connection, "PRAGMA user_version"), 3);
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
  };
  return cmocka_run_group_tests_name("schema", tests, NULL, NULL);
}
