/*
 * engine/sqlite_work: a statement that works without end is stopped, and says that the file is
 * damaged; the next one starts anew. Trees of pages without an end are in
 * tests/fault/test_hostile_pages.c.
 */
#include "engine_support.h"

static const char endless[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n)"
                              " SELECT sum(i % 7) FROM n";

static void a_statement_without_end_is_stopped_as_damage(void **state)
{
  int64_t number = 0;
  (void)state;
  engine_fails(connection_integer(engine.connection, endless, &number, &failure),
               CONNECTOR_CORRUPT);
  engine_fails(connection_run(engine.connection, endless, &failure), CONNECTOR_CORRUPT);
}

static void a_stopped_statement_leaves_the_next_its_own_time(void **state)
{
  int64_t number = 0;
  (void)state;
  engine_fails(connection_integer(engine.connection, endless, &number, &failure),
               CONNECTOR_CORRUPT);
  engine_ok(
      connection_integer(engine.connection, "SELECT count(key) FROM meta", &number, &failure));
  assert_int_equal(number, 4);
}

/* Many short statements are no long one. */
static void work_is_counted_by_statement(void **state)
{
  static const char some[] = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
                             " LIMIT 100000) SELECT count(i) FROM n";
  int64_t number = 0;
  (void)state;
  for (int i = 0; i < 60; i++) {
    engine_ok(connection_integer(engine.connection, some, &number, &failure));
    assert_int_equal(number, 100000);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    file_test(a_statement_without_end_is_stopped_as_damage),
    file_test(a_stopped_statement_leaves_the_next_its_own_time),
    file_test(work_is_counted_by_statement),
  };
  return cmocka_run_group_tests_name("sqlite_work", tests, NULL, NULL);
}
