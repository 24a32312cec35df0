/*
 * engine/schema_check: a schema is the steps' own, text for text, in any order, or it is not.
 */
#include "engine_support.h"

#include "engine/schema_check.h"

static const char first[] = "CREATE TABLE connector ( a TEXT) STRICT;"
                            "CREATE INDEX i ON connector (a);INSERT INTO connector VALUES (1);";
static const char second[] = "ALTER TABLE connector ADD COLUMN b INTEGER;"
                             "ALTER TABLE connector ADD COLUMN c INTEGER;CREATE TABLE t (x);";
static const char *const steps[] = { first, second };

static bool compare(size_t count)
{
  bool same = false;
  engine_ok(schema_compare(engine.connection, steps, count, &same, &failure));
  return same;
}

static void run(const char *sql)
{
  engine_ok(connection_run(engine.connection, sql, &failure));
}

static int setup_empty(void **state)
{
  if (setup_options(state) != 0)
    return -1;
  engine.connection = connect_as(CONNECTION_WRITE, true);
  return 0;
}

static void what_the_steps_made_is_the_same_after_each(void **state)
{
  (void)state;
  assert_false(compare(1));
  run(first);
  assert_true(compare(1));
  assert_false(compare(2));
  run(second);
  assert_true(compare(2));
  assert_false(compare(1));
}

static void the_order_does_not_matter(void **state)
{
  (void)state;
  run("CREATE TABLE t (x)");
  run("CREATE TABLE connector ( a TEXT, b INTEGER, c INTEGER) STRICT");
  run("CREATE INDEX i ON connector (a)");
  assert_true(compare(2));
}

static void columns_in_another_order_are_not_the_same(void **state)
{
  (void)state;
  run("CREATE TABLE connector ( a TEXT, c INTEGER, b INTEGER) STRICT");
  run("CREATE INDEX i ON connector (a); CREATE TABLE t (x)");
  assert_false(compare(2));
}

static void one_object_more_is_not_the_same_unless_it_is_the_engines(void **state)
{
  (void)state;
  run(first);
  run(second);
  run("ANALYZE");
  assert_true(compare(2));
  run("CREATE INDEX j ON t (x)");
  assert_false(compare(2));
}

static void a_blank_more_is_not_the_same(void **state)
{
  (void)state;
  run("CREATE TABLE connector ( a TEXT) STRICT");
  run("CREATE INDEX i ON connector (a )");
  assert_false(compare(1));
}

#define empty_test(name) cmocka_unit_test_setup_teardown(name, setup_empty, teardown_engine)

int main(void)
{
  const struct CMUnitTest tests[] = {
    empty_test(what_the_steps_made_is_the_same_after_each),
    empty_test(the_order_does_not_matter),
    empty_test(columns_in_another_order_are_not_the_same),
    empty_test(one_object_more_is_not_the_same_unless_it_is_the_engines),
    empty_test(a_blank_more_is_not_the_same),
  };
  return cmocka_run_group_tests_name("schema_check", tests, NULL, NULL);
}
