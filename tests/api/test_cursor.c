/*
 * Cursors: sealed, and bound to the tenant and app, the filters, the search and the order.
 */
#include "support.h"

enum {
  CURSOR = 4096
};

static void fill(void)
{
  for (int i = 0; i < 10; i++)
    connector_free(make(PATCH(.name = "canary name", .provider = "jira")));
}

static void take_cursor(const connector_query *query, char cursor[CURSOR])
{
  connector_page *page = list_of(query);
  const char *next = connector_page_next(page);
  assert_non_null(next);
  assert_true(strlen(next) < CURSOR);
  snprintf(cursor, CURSOR, "%s", next);
  connector_page_free(page);
}

static void assert_refused(connector_query query, const char *cursor)
{
  connector_page *page = NULL;
  query.cursor = cursor;
  assert_invalid(connector_list(test.store, &query, &page, &failure), "cursor");
  assert_null(page);
}

static void assert_taken(connector_query query, const char *cursor)
{
  query.cursor = cursor;
  connector_page_free(list_of(&query));
}

static void refuse_every_change(connector_query query, char *cursor)
{
  static const char others[] = "AZaz09-_=.+/ %";
  for (size_t i = 0; cursor[i] != '\0'; i++) {
    char kept = cursor[i];
    for (int bit = 0; bit < 8; bit++) {
      cursor[i] = (char)(kept ^ (1 << bit));
      if (cursor[i] != '\0')
        assert_refused(query, cursor);
    }
    for (size_t j = 0; j < sizeof(others) - 1; j++) {
      cursor[i] = others[j];
      if (others[j] != kept)
        assert_refused(query, cursor);
    }
    cursor[i] = kept;
  }
}

/* Several cursors, so that every character of their alphabet is met. */
static void every_changed_byte_is_refused(void **state)
{
  (void)state;
  char cursor[CURSOR];
  connector_query query = { .size = sizeof(query), .limit = 3, .order_by = CONNECTOR_FIELD_NAME };
  fill();
  for (int i = 0; i < 12; i++) {
    take_cursor(&query, cursor);
    refuse_every_change(query, cursor);
    assert_taken(query, cursor);
  }
}

static void every_shortened_or_lengthened_cursor_is_refused(void **state)
{
  (void)state;
  char cursor[CURSOR];
  char changed[CURSOR + 8];
  connector_query query = { .size = sizeof(query), .limit = 3 };
  fill();
  take_cursor(&query, cursor);
  for (size_t length = 0; length < strlen(cursor); length++) {
    memcpy(changed, cursor, length);
    changed[length] = '\0';
    assert_refused(query, changed);
    assert_refused(query, cursor + length + 1);
  }
  static const char *const more[] = { "A", "=", " ", "\n", "AAAA" };
  for (size_t i = 0; i < COUNT_OF(more); i++) {
    snprintf(changed, sizeof(changed), "%s%s", cursor, more[i]);
    assert_refused(query, changed);
    snprintf(changed, sizeof(changed), "%s%s", more[i], cursor);
    assert_refused(query, changed);
  }
}

static void nonsense_is_refused(void **state)
{
  (void)state;
  static char long_text[100000];
  static const char *const nonsense[] = { "", "x", "null", "0", "\xff\xff", "e30=", "cnn_01" };
  memset(long_text, 'A', sizeof(long_text) - 1);
  fill();
  for (size_t i = 0; i < COUNT_OF(nonsense); i++)
    assert_refused((connector_query)CONNECTOR_QUERY_INIT, nonsense[i]);
  assert_refused((connector_query)CONNECTOR_QUERY_INIT, long_text);
}

static void a_cursor_is_plain_text_and_shows_no_data(void **state)
{
  (void)state;
  char cursor[CURSOR];
  fill();
  take_cursor(QUERY(.limit = 3, .order_by = CONNECTOR_FIELD_NAME), cursor);
  assert_int_equal(strspn(cursor, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
                                  "~.="),
                   strlen(cursor));
  assert_lacks(cursor, "canary");
  assert_lacks(cursor, "tenant");
}

static void another_tenant_or_app_is_refused(void **state)
{
  (void)state;
  char cursor[CURSOR];
  connector_query query = { .size = sizeof(query), .limit = 3 };
  current.app_id = "app-1";
  fill();
  take_cursor(&query, cursor);
  current.app_id = "app-2";
  assert_refused(query, cursor);
  current.app_id = NULL;
  assert_refused(query, cursor);
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  assert_refused(query, cursor);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_refused(query, cursor);
}

static void another_caller_of_the_tenant_and_app_may_go_on(void **state)
{
  (void)state;
  char cursor[CURSOR];
  connector_query query = { .size = sizeof(query), .limit = 3 };
  fill();
  take_cursor(&query, cursor);
  become("tenant-a", "user-bob", CONNECTOR_ROLE_TENANT);
  current.person_id = "sub-9";
  assert_taken(query, cursor);
}

static void another_filter_search_order_or_deleted_is_refused(void **state)
{
  (void)state;
  char cursor[CURSOR];
  static const char *const names[] = { "canary name", "other" };
  const connector_filter filter = { .field = CONNECTOR_FIELD_PROVIDER, .text = "jira" };
  const connector_query query = { .size = sizeof(query),
                                  .filters = &filter,
                                  .filter_count = 1,
                                  .search = "canary",
                                  .order_by = CONNECTOR_FIELD_NAME,
                                  .limit = 3 };
  const connector_filter others[] = {
    { .field = CONNECTOR_FIELD_PROVIDER, .text = "jirb" },
    { .field = CONNECTOR_FIELD_TYPE, .text = "jira" },
    { .field = CONNECTOR_FIELD_PROVIDER, .op = CONNECTOR_OP_NE, .text = "jira" },
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_IN, .texts = names, .text_count = 2 },
    { .field = CONNECTOR_FIELD_CONFIG, .text = "jira", .path = "provider" },
  };
  connector_query changed = query;
  fill();
  take_cursor(&query, cursor);
  assert_taken(query, cursor);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    changed.filters = &others[i];
    assert_refused(changed, cursor);
  }
  changed = query;
  changed.filter_count = 0;
  assert_refused(changed, cursor);
  changed = query;
  changed.search = "canar";
  assert_refused(changed, cursor);
  changed.search = NULL;
  assert_refused(changed, cursor);
  changed = query;
  changed.order_by = CONNECTOR_FIELD_ID;
  assert_refused(changed, cursor);
  changed = query;
  changed.descending = true;
  assert_refused(changed, cursor);
  changed = query;
  changed.deleted = CONNECTOR_DELETED_INCLUDE;
  assert_refused(changed, cursor);
}

static void another_limit_or_total_may_go_on(void **state)
{
  (void)state;
  char cursor[CURSOR];
  connector_query query = { .size = sizeof(query), .limit = 3 };
  fill();
  take_cursor(&query, cursor);
  query.limit = 4;
  query.with_total = true;
  assert_taken(query, cursor);
}

static void another_store_is_refused_and_the_same_file_is_not(void **state)
{
  (void)state;
  char cursor[CURSOR];
  char other[600];
  connector_options options = test_options();
  connector_query query = { .size = sizeof(query), .limit = 3 };
  fill();
  take_cursor(&query, cursor);
  open_store(&options);
  assert_taken(query, cursor);
  close_store();
  assert_ok(connector_open(beside(other, "other.db"), &options, &test.store, &failure));
  fill();
  assert_refused(query, cursor);
}

static void cursors_of_long_text_work(void **state)
{
  (void)state;
  char provider[1025];
  char cursor[CURSOR];
  memset(provider, 'p', 1024);
  provider[1024] = '\0';
  for (int i = 0; i < 4; i++)
    connector_free(make(PATCH(.provider = provider)));
  connector_query query = { .size = sizeof(query),
                            .limit = 2,
                            .order_by = CONNECTOR_FIELD_PROVIDER };
  take_cursor(&query, cursor);
  query.cursor = cursor;
  connector_page *page = list_of(&query);
  assert_int_equal(connector_page_count(page), 2);
  assert_null(connector_page_next(page));
  connector_page_free(page);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(every_changed_byte_is_refused),
    memory_test(every_shortened_or_lengthened_cursor_is_refused),
    memory_test(nonsense_is_refused),
    memory_test(a_cursor_is_plain_text_and_shows_no_data),
    memory_test(another_tenant_or_app_is_refused),
    memory_test(another_caller_of_the_tenant_and_app_may_go_on),
    memory_test(another_filter_search_order_or_deleted_is_refused),
    memory_test(another_limit_or_total_may_go_on),
    store_test(another_store_is_refused_and_the_same_file_is_not),
    memory_test(cursors_of_long_text_work),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
