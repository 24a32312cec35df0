/*
 * engine/sqlite_statement: kept statements are found by key or text, make room by age, start clean,
 * and report values that could not be bound.
 */
#include "engine_support.h"

static int written;

static void number_text(struct buffer *sql, const void *context)
{
  const int *number = context;
  written++;
  buffer_text(sql, "SELECT ?, ");
  buffer_integer(sql, *number);
}

static struct statement *keyed(uint32_t variant, int number)
{
  struct statement_key key = { STATEMENT_FIND, variant, 0 };
  struct statement *statement = NULL;
  engine_ok(statement_get(engine.connection, key, number_text, &number, &statement, &failure));
  return statement;
}

static int64_t second_column(struct statement *statement)
{
  bool row = false;
  int64_t number = 0;
  engine_ok(statement_step(statement, &row, &failure));
  assert_true(row);
  number = column_integer(statement, 1);
  statement_done(statement);
  return number;
}

static int setup_statements(void **state)
{
  written = 0;
  return setup_rows(state);
}

static void a_key_writes_its_text_once(void **state)
{
  struct statement *first = keyed(1, 10);
  (void)state;
  assert_ptr_equal(keyed(1, 99), first);
  bind_integer(first, 1);
  assert_int_equal(second_column(first), 10);
  assert_int_equal(written, 1);
}

static void each_part_of_a_key_counts(void **state)
{
  const struct statement_key keys[] = {
    { STATEMENT_FIND, 1, 1 },
    { STATEMENT_UPDATE, 1, 1 },
    { STATEMENT_FIND, 2, 1 },
    { STATEMENT_FIND, 1, 2 },
    { STATEMENT_FIND, 1, UINT64_C(1) << 32 | 1 },
  };
  (void)state;
  for (int round = 0; round < 2; round++)
    for (int i = 0; i < (int)COUNT_OF(keys); i++) {
      struct statement *statement = NULL;
      engine_ok(statement_get(engine.connection, keys[i], number_text, &i, &statement, &failure));
      bind_integer(statement, 1);
      assert_int_equal(second_column(statement), i);
    }
  assert_int_equal(written, COUNT_OF(keys));
}

static void a_text_is_found_again_by_the_same_text_only(void **state)
{
  struct statement *first = texted("SELECT 1, 2");
  (void)state;
  assert_ptr_equal(texted("SELECT 1, 2"), first);
  assert_ptr_not_equal(texted("SELECT 1, 3"), first);
  assert_ptr_not_equal(texted("SELECT 1, 2 "), first);
}

static void seven_text(struct buffer *sql, const void *context)
{
  (void)context;
  buffer_text(sql, "SELECT 6, 7");
}

static void eight_text(struct buffer *sql, const void *context)
{
  (void)context;
  buffer_text(sql, "SELECT 7, 8");
}

static struct statement *headed(uint32_t kind, statement_text_fn head, const char *text)
{
  struct statement *statement = NULL;
  engine_ok(
      statement_get_text(engine.connection, kind, head, text, strlen(text), &statement, &failure));
  return statement;
}

static void the_same_text_behind_another_kinds_head_is_another_statement(void **state)
{
  struct statement *seven = headed(STATEMENT_LIST, seven_text, " LIMIT 1");
  (void)state;
  assert_int_equal(second_column(seven), 7);
  assert_int_equal(second_column(headed(STATEMENT_COUNT, eight_text, " LIMIT 1")), 8);
  assert_ptr_equal(headed(STATEMENT_LIST, seven_text, " LIMIT 1"), seven);
  assert_int_equal(second_column(seven), 7);
}

static void a_text_with_the_same_hash_is_another_statement(void **state)
{
  struct statement *first = texted("SELECT 1, 2");
  (void)state;
  first->text[first->text_length - 1] = '9';
  assert_ptr_not_equal(texted("SELECT 1, 2"), first);
}

static void the_statement_used_longest_ago_makes_room(void **state)
{
  (void)state;
  for (uint32_t i = 0; i < STATEMENTS_KEPT; i++)
    (void)keyed(i, (int)i);
  (void)keyed(0, 0);
  assert_int_equal(written, STATEMENTS_KEPT);
  (void)keyed(STATEMENTS_KEPT, STATEMENTS_KEPT);
  (void)keyed(0, 0);
  assert_int_equal(written, STATEMENTS_KEPT + 1);
  (void)keyed(2, 2);
  assert_int_equal(written, STATEMENTS_KEPT + 1);
  (void)keyed(1, 1);
  assert_int_equal(written, STATEMENTS_KEPT + 2);
}

static void a_value_of_an_earlier_run_is_never_used(void **state)
{
  struct statement *statement = keyed(1, 10);
  bool row = false;
  (void)state;
  bind_integer(statement, 42);
  engine_ok(statement_step(statement, &row, &failure));
  assert_int_equal(column_integer(statement, 0), 42);
  statement_done(statement);
  statement = keyed(1, 10);
  engine_fails(statement_step(statement, &row, &failure), CONNECTOR_INTERNAL);
  assert_false(row);
}

static void a_value_that_can_not_be_bound_fails_the_run_and_no_later_one(void **state)
{
  struct statement *statement = keyed(1, 10);
  bool row = true;
  (void)state;
  bind_integer(statement, 1);
  bind_integer(statement, 2);
  engine_fails(statement_step(statement, &row, &failure), CONNECTOR_INTERNAL);
  assert_false(row);
  engine_fails(statement_run(statement, &failure), CONNECTOR_INTERNAL);
  statement = keyed(1, 10);
  bind_integer(statement, 1);
  assert_int_equal(second_column(statement), 10);
}

static void a_text_that_is_no_statement_is_not_kept(void **state)
{
  struct statement *statement = NULL;
  (void)state;
  for (int i = 0; i < STATEMENTS_KEPT + 1; i++)
    engine_fails(statement_get_text(engine.connection, STATEMENT_TEXT, NULL, "SELECT FROM", 11,
                                    &statement, &failure),
                 CONNECTOR_CORRUPT);
  assert_null(statement);
  assert_int_equal(second_column(texted("SELECT 1, 2")), 2);
}

static void values_and_columns_of_every_kind_go_through(void **state)
{
  struct statement *statement = texted("SELECT ?, ?, ?, ?, ?");
  const void *bytes = NULL;
  uint32_t length = 0;
  size_t size = 0;
  bool row = false;
  (void)state;
  bind_text(statement, "a");
  bind_text_length(statement, "bcd", 2);
  bind_bytes(statement, "\0\1", 2);
  bind_integer(statement, INT64_MAX);
  bind_null(statement);
  engine_ok(statement_step(statement, &row, &failure));
  assert_text(column_text(statement, 0, &length), "a");
  assert_text(column_text(statement, 1, &length), "bc");
  assert_int_equal(length, 2);
  bytes = column_bytes(statement, 2, &size);
  assert_int_equal(size, 2);
  assert_memory_equal(bytes, "\0\1", 2);
  assert_int_equal(column_integer(statement, 3), INT64_MAX);
  assert_null(column_text(statement, 4, &length));
  assert_int_equal(column_integer(statement, 4), 0);
  engine_ok(statement_step(statement, &row, &failure));
  assert_false(row);
  statement_done(statement);
}

static void null_text_is_null(void **state)
{
  struct statement *statement = texted("SELECT ? IS NULL, ? IS NULL");
  (void)state;
  bind_text(statement, "");
  bind_text(statement, NULL);
  assert_int_equal(second_column(statement), 1);
}

static void a_run_that_is_done_holds_no_lock(void **state)
{
  struct statement *statement = NULL;
  bool row = false;
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  put(&record);
  statement = texted("SELECT 1, 2 FROM connector");
  engine_ok(statement_step(statement, &row, &failure));
  assert_true(sqlite3_stmt_busy(statement->handle));
  statement_done(statement);
  assert_false(sqlite3_stmt_busy(statement->handle));
  statement = texted("UPDATE connector SET name = 'x'");
  engine_ok(statement_run(statement, &failure));
  assert_int_equal(connection_changes(engine.connection), 1);
  assert_false(sqlite3_stmt_busy(statement->handle));
}

#define statement_test(name)                                                                       \
  cmocka_unit_test_setup_teardown(name, setup_statements, teardown_engine)

int main(void)
{
  const struct CMUnitTest tests[] = {
    statement_test(a_key_writes_its_text_once),
    statement_test(each_part_of_a_key_counts),
    statement_test(a_text_is_found_again_by_the_same_text_only),
    statement_test(the_same_text_behind_another_kinds_head_is_another_statement),
    statement_test(a_text_with_the_same_hash_is_another_statement),
    statement_test(the_statement_used_longest_ago_makes_room),
    statement_test(a_value_of_an_earlier_run_is_never_used),
    statement_test(a_value_that_can_not_be_bound_fails_the_run_and_no_later_one),
    statement_test(a_text_that_is_no_statement_is_not_kept),
    statement_test(values_and_columns_of_every_kind_go_through),
    statement_test(null_text_is_null),
    statement_test(a_run_that_is_done_holds_no_lock),
  };
  return cmocka_run_group_tests_name("sqlite_statement", tests, NULL, NULL);
}
