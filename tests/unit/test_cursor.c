/*
 * store/cursor: a position comes back for the query and caller it was sealed for, and for no other;
 * no changed byte gets through, and nothing of it can be read.
 */
#include "store_support.h"

#include "store/cursor.h"

static struct call call;
static struct arena arena;

static int setup_call(void **state)
{
  if (setup_memory(state) != 0)
    return -1;
  memset(&arena, 0, sizeof(arena));
  current.app_id = "app-1";
  begin(&call);
  return 0;
}

static int teardown_call(void **state)
{
  arena_free(&arena);
  end(&call);
  return teardown(state);
}

static const struct position position = {
  .id = "cnn_canary", .tenant = "tenant-canary", .text = "text-canary", .number = -5
};

static char *sealed(const connector_query *query, const struct position *at)
{
  char *cursor = cursor_seal(&call, query, at);
  assert_non_null(cursor);
  return cursor;
}

static connector_status opened(connector_query query, const char *cursor, struct position *out)
{
  query.cursor = cursor;
  return cursor_open(&call, &query, &arena, out);
}

static void a_position_comes_back_whole(void **state)
{
  const struct position positions[] = {
    position,
    { .id = "cnn_1", .tenant = "t", .null = true },
    { .id = "", .tenant = "", .text = "", .number = INT64_MIN },
    { .id = "cnn_1", .number = INT64_MAX },
  };
  connector_query query = CONNECTOR_QUERY_INIT;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(positions); i++) {
    char *cursor = sealed(&query, &positions[i]);
    struct position got = { 0 };
    engine_ok(opened(query, cursor, &got));
    assert_text(got.id, positions[i].id);
    assert_text(got.tenant, positions[i].tenant);
    assert_text(got.text, positions[i].text);
    assert_int_equal(got.number, positions[i].number);
    assert_int_equal(got.null, positions[i].null);
    free(cursor);
  }
}

static void a_cursor_shows_nothing_and_is_never_the_same_twice(void **state)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  char *first = sealed(&query, &position);
  char *second = sealed(&query, &position);
  (void)state;
  assert_string_not_equal(first, second);
  assert_lacks(first, "canary");
  assert_int_equal(
      strspn(first, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_"),
      strlen(first));
  free(first);
  free(second);
}

static void any_changed_byte_is_refused(void **state)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  char *cursor = sealed(&query, &position);
  size_t length = strlen(cursor);
  struct position got;
  (void)state;
  for (size_t i = 0; i < length; i++) {
    char byte = cursor[i];
    cursor[i] = byte == 'A' ? 'B' : 'A';
    engine_fails_at(opened(query, cursor, &got), CONNECTOR_INVALID, "cursor");
    cursor[i] = byte;
  }
  for (size_t i = 0; i < length; i++) {
    char byte = cursor[i];
    cursor[i] = '\0';
    engine_fails_at(opened(query, cursor, &got), CONNECTOR_INVALID, "cursor");
    cursor[i] = byte;
  }
  engine_ok(opened(query, cursor, &got));
  free(cursor);
}

static void text_that_is_no_cursor_is_refused(void **state)
{
  static char long_text[20000];
  const char *const texts[] = { "", "x", "null", "=", "AAAA", "%41", "é", long_text };
  connector_query query = CONNECTOR_QUERY_INIT;
  struct position got;
  (void)state;
  memset(long_text, 'A', sizeof(long_text) - 1);
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    engine_fails_at(opened(query, texts[i], &got), CONNECTOR_INVALID, "cursor");
}

static void a_cursor_is_bound_to_all_of_its_query(void **state)
{
  static const char *const texts[] = { "a", "b" };
  static const char *const joined[] = { "ab" };
  const connector_filter filters[] = {
    { .field = CONNECTOR_FIELD_NAME, .text = "a" },
    { .field = CONNECTOR_FIELD_TYPE, .text = "a" },
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_NE, .text = "a" },
    { .field = CONNECTOR_FIELD_NAME, .text = "b" },
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_IN, .texts = texts, .text_count = 2 },
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_IN, .texts = texts, .text_count = 1 },
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_IN, .texts = joined, .text_count = 1 },
    { .field = CONNECTOR_FIELD_VERSION, .number = 1 },
    { .field = CONNECTOR_FIELD_VERSION, .number = 2 },
    { .field = CONNECTOR_FIELD_CONFIG, .text = "a", .path = "x" },
    { .field = CONNECTOR_FIELD_CONFIG, .text = "a", .path = "y" },
  };
  connector_query queries[COUNT_OF(filters) + 7] = { CONNECTOR_QUERY_INIT };
  size_t count = 0;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(queries); i++)
    queries[i].size = sizeof(queries[i]);
  count = 1;
  queries[count++].order_by = CONNECTOR_FIELD_NAME;
  queries[count++].descending = true;
  queries[count++].deleted = CONNECTOR_DELETED_INCLUDE;
  queries[count++].search = "";
  queries[count++].search = "a";
  queries[count].filters = filters;
  queries[count++].filter_count = 2;
  for (size_t i = 0; i < COUNT_OF(filters); i++) {
    queries[count].filters = &filters[i];
    queries[count++].filter_count = 1;
  }
  assert_int_equal(count, COUNT_OF(queries));
  for (size_t i = 0; i < count; i++) {
    char *cursor = sealed(&queries[i], &position);
    for (size_t j = 0; j < count; j++) {
      struct position got;
      if ((opened(queries[j], cursor, &got) == CONNECTOR_OK) != (i == j))
        fail_msg("the cursor of query %zu with query %zu", i, j);
    }
    free(cursor);
  }
}

static void page_size_and_total_may_change_between_pages(void **state)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  char *cursor = sealed(&query, &position);
  struct position got;
  (void)state;
  query.limit = 7;
  query.with_total = true;
  engine_ok(opened(query, cursor, &got));
  free(cursor);
}

static void a_cursor_is_bound_to_its_tenant_and_app(void **state)
{
  const struct {
    const char *tenant;
    const char *app;
  } others[] = {
    { "tenant-b", "app-1" },   { "tenant-a", "app-2" }, { "tenant-a", NULL },
    { "tenant-aapp-1", NULL }, { NULL, "app-1" },
  };
  connector_query query = CONNECTOR_QUERY_INIT;
  char *cursor = sealed(&query, &position);
  struct position got;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    call.caller.tenant_id = others[i].tenant;
    call.caller.app_id = others[i].app;
    engine_fails_at(opened(query, cursor, &got), CONNECTOR_INVALID, "cursor");
  }
  free(cursor);
}

static void a_cursor_of_another_file_is_refused(void **state)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  char *cursor = sealed(&query, &position);
  struct position got;
  (void)state;
  test.store->cursor_key[0] ^= 1;
  engine_fails_at(opened(query, cursor, &got), CONNECTOR_INVALID, "cursor");
  test.store->cursor_key[0] ^= 1;
  free(cursor);
}

#define cursor_test(name) cmocka_unit_test_setup_teardown(name, setup_call, teardown_call)

int main(void)
{
  const struct CMUnitTest tests[] = {
    cursor_test(a_position_comes_back_whole),
    cursor_test(a_cursor_shows_nothing_and_is_never_the_same_twice),
    cursor_test(any_changed_byte_is_refused),
    cursor_test(text_that_is_no_cursor_is_refused),
    cursor_test(a_cursor_is_bound_to_all_of_its_query),
    cursor_test(page_size_and_total_may_change_between_pages),
    cursor_test(a_cursor_is_bound_to_its_tenant_and_app),
    cursor_test(a_cursor_of_another_file_is_refused),
  };
  return cmocka_run_group_tests_name("cursor", tests, NULL, NULL);
}
