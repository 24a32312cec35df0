/*
 * engine/sql: text and values arrive together, in order, or not at all.
 */
#include "engine_support.h"

#include "engine/sql.h"

static struct sql sql;

static int setup_sql(void **state)
{
  sql_init(&sql);
  return setup_rows(state);
}

static int teardown_sql(void **state)
{
  sql_free(&sql);
  return teardown_engine(state);
}

static void values_are_bound_in_the_order_they_were_added(void **state)
{
  struct statement *statement = NULL;
  uint32_t length = 0;
  bool row = false;
  (void)state;
  sql_text(&sql, "SELECT ?, ?, ?");
  sql_value_text(&sql, "it's");
  sql_value_number(&sql, INT64_MIN);
  sql_value_text(&sql, NULL);
  engine_ok(sql_statement(&sql, engine.connection, STATEMENT_TEXT, NULL, &statement, &failure));
  engine_ok(statement_step(statement, &row, &failure));
  assert_true(row);
  assert_text(column_text(statement, 0, &length), "it's");
  assert_int_equal(length, 4);
  assert_int_equal(column_integer(statement, 1), INT64_MIN);
  assert_null(column_text(statement, 2, NULL));
  statement_done(statement);
}

static void more_values_than_fit_are_invalid(void **state)
{
  struct statement *statement = NULL;
  (void)state;
  sql_text(&sql, "SELECT 1");
  for (size_t i = 0; i < SQL_VALUES; i++)
    sql_value_number(&sql, 1);
  assert_false(sql.overflow);
  sql_value_number(&sql, 1);
  engine_fails_at(
      sql_statement(&sql, engine.connection, STATEMENT_TEXT, NULL, &statement, &failure),
      CONNECTOR_INVALID, "filters");
  assert_null(statement);
}

static void text_that_lost_memory_is_no_statement(void **state)
{
  struct statement *statement = NULL;
  (void)state;
  sql_text(&sql, "DELETE FROM connector");
  sql.text.failed = true;
  engine_fails(sql_statement(&sql, engine.connection, STATEMENT_TEXT, NULL, &statement, &failure),
               CONNECTOR_NO_MEMORY);
  assert_null(statement);
}

static void head_text(struct buffer *text, const void *context)
{
  (void)context;
  buffer_text(text, "SELECT 7");
}

static void a_head_stands_before_the_text(void **state)
{
  struct statement *statement = NULL;
  (void)state;
  sql_text(&sql, " + ?");
  sql_value_number(&sql, 3);
  engine_ok(
      sql_statement(&sql, engine.connection, STATEMENT_LIST, head_text, &statement, &failure));
  assert_int_equal(integer_from(statement), 10);
}

#define sql_test(name) cmocka_unit_test_setup_teardown(name, setup_sql, teardown_sql)

int main(void)
{
  const struct CMUnitTest tests[] = {
    sql_test(values_are_bound_in_the_order_they_were_added),
    sql_test(a_head_stands_before_the_text),
    sql_test(more_values_than_fit_are_invalid),
    sql_test(text_that_lost_memory_is_no_statement),
  };
  return cmocka_run_group_tests_name("sql", tests, NULL, NULL);
}
