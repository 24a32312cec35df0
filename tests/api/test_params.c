/*
 * Queries from the query string of a URL: each key and operator, decoding, and what is refused.
 */
#include "support.h"

static int64_t found(const char *params)
{
  connector_query *query = NULL;
  assert_ok(connector_query_from_params(params, &query, &failure));
  assert_non_null(query);
  int64_t count = count_of(query);
  connector_query_free(query);
  return count;
}

static void fill(void)
{
  char id[ID_SIZE];
  connector_free(make(PATCH(.name = "Jira prod", .provider = "jira", .consecutive_errors = 3,
                            .config = "{\"region\":\"eu\",\"labels\":{\"env\":\"prod\"}}",
                            .tags = "[\"red\",\"blue\"]", .last_sync_at = 1700000000000)));
  connector_free(make(PATCH(.name = "Jira test", .provider = "jira", .enabled = CONNECTOR_NO,
                            .config = "{\"region\":\"us\"}", .last_sync_at = 1800000000000)));
  connector_free(make(PATCH(.name = "a b&c=d+é", .provider = "okta", .type = "identity")));
  make_id(PATCH(.name = "gone", .provider = "okta"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
}

static void every_operator_filters(void **state)
{
  (void)state;
  static const struct {
    const char *params;
    int64_t count;
  } rows[] = {
    { "", 3 },
    { "provider=jira", 2 },
    { "provider[ne]=jira", 1 },
    { "provider[lt]=okta", 2 },
    { "provider[le]=okta", 3 },
    { "provider[gt]=jira", 1 },
    { "provider[ge]=jira", 3 },
    { "provider[in]=okta,jira", 3 },
    { "provider[in]=okta,splunk", 1 },
    { "name[prefix]=Jira", 2 },
    { "name[contains]=PROD", 1 },
    { "type[null]=true", 2 },
    { "type[null]=false", 1 },
    { "enabled=true", 2 },
    { "enabled=false", 1 },
    { "enabled[ne]=false", 2 },
    { "consecutive_errors[gt]=2", 1 },
    { "consecutive_errors=0", 2 },
    { "scope=org", 3 },
    { "scope=user", 0 },
    { "source_type[in]=api,server", 3 },
    { "last_sync_at[lt]=2024-01-01T00:00:00Z", 1 },
    { "last_sync_at[ge]=2024-01-01T00:00:00%2B01:00", 1 },
    { "config.region=eu", 1 },
    { "config.labels.env=prod", 1 },
    { "config.region[in]=eu,us", 2 },
    { "tags[contains]=red", 1 },
    { "search=jira", 2 },
    { "search=jira+TEST", 1 },
    { "deleted=include", 4 },
    { "deleted=only", 1 },
    { "deleted=exclude", 3 },
    { "name=a+b%26c%3Dd%2B%C3%A9", 1 },
    { "name=a%20b%26c=d%2b\xc3\xa9", 1 },
    { "provider=jira&enabled=true", 1 },
    { "provider[ge]=a&provider[lt]=k", 2 },
    { "provider%5Bin%5D=okta", 1 },
  };
  fill();
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    int64_t count = found(rows[i].params);
    if (count != rows[i].count)
      fail_msg("%s found %d", rows[i].params, (int)count);
  }
}

static void sort_limit_cursor_and_total_are_set(void **state)
{
  (void)state;
  connector_query *query = NULL;
  assert_ok(connector_query_from_params(
      "limit=20&sort=-updated_at&cursor=abc&total=true&deleted=only&search=a+b", &query, &failure));
  assert_int_equal(query->size, sizeof(connector_query));
  assert_int_equal(query->limit, 20);
  assert_int_equal(query->order_by, CONNECTOR_FIELD_UPDATED_AT);
  assert_true(query->descending);
  assert_text(query->cursor, "abc");
  assert_text(query->search, "a b");
  assert_true(query->with_total);
  assert_int_equal(query->deleted, CONNECTOR_DELETED_ONLY);
  assert_int_equal(query->filter_count, 0);
  connector_query_free(query);
  assert_ok(connector_query_from_params("sort=name&total=false&deleted=include", &query, &failure));
  assert_int_equal(query->order_by, CONNECTOR_FIELD_NAME);
  assert_false(query->descending);
  assert_false(query->with_total);
  assert_int_equal(query->deleted, CONNECTOR_DELETED_INCLUDE);
  connector_query_free(query);
}

static void an_empty_text_is_the_default_query(void **state)
{
  (void)state;
  connector_query *query = NULL;
  assert_ok(connector_query_from_params("", &query, &failure));
  assert_int_equal(query->limit, 0);
  assert_int_equal(query->filter_count, 0);
  assert_null(query->cursor);
  assert_null(query->search);
  connector_query_free(query);
  connector_query_free(NULL);
}

static void a_query_outlives_its_text(void **state)
{
  (void)state;
  char params[] = "name=Jira+prod&config.region=eu&provider[in]=jira,okta";
  connector_query *query = NULL;
  fill();
  assert_ok(connector_query_from_params(params, &query, &failure));
  memset(params, '?', sizeof(params) - 1);
  assert_int_equal(count_of(query), 1);
  connector_query_free(query);
}

static void pages_follow_one_another_by_params(void **state)
{
  (void)state;
  char params[4200] = "limit=2&sort=name";
  size_t count = 0;
  int pages = 0;
  fill();
  for (bool more = true; more; pages++) {
    connector_query *query = NULL;
    assert_ok(connector_query_from_params(params, &query, &failure));
    connector_page *page = list_of(query);
    count += connector_page_count(page);
    more = connector_page_next(page) != NULL;
    if (more)
      snprintf(params, sizeof(params), "limit=2&sort=name&cursor=%s", connector_page_next(page));
    connector_page_free(page);
    connector_query_free(query);
  }
  assert_int_equal(count, 3);
  assert_int_equal(pages, 2);
}

static void what_does_not_fit_is_invalid_and_named(void **state)
{
  (void)state;
  static const struct {
    const char *params, *key;
  } rows[] = {
    { "nonsense=1", "nonsense" },
    { "provider=jira&nonsense[lt]=1", "nonsense" },
    { "limit=abc", "limit" },
    { "limit=-1", "limit" },
    { "limit=501", "limit" },
    { "limit=99999999999999999999", "limit" },
    { "limit=", "limit" },
    { "limit=5x", "limit" },
    { "sort=nonsense", "sort" },
    { "sort=", "sort" },
    { "sort=-", "sort" },
    { "sort=config", "sort" },
    { "deleted=maybe", "deleted" },
    { "total=yes", "total" },
    { "name[like]=x", "name" },
    { "name[=x", "name" },
    { "name]=x", "name" },
    { "name[eq]x=y", "name" },
    { "name[null]=maybe", "name" },
    { "enabled=maybe", "enabled" },
    { "enabled[lt]=true", "enabled" },
    { "consecutive_errors=three", "consecutive_errors" },
    { "consecutive_errors=1.5", "consecutive_errors" },
    { "last_sync_at[gt]=yesterday", "last_sync_at" },
    { "scope=planet", "scope" },
    { "name.path=x", "name" },
    { "config=x", "config" },
    { "=x", "query_string" },
    { "limit=1&=", "query_string" },
  };
  connector_query *query = NULL;
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    memset(&failure, 0, sizeof(failure));
    connector_status status = connector_query_from_params(rows[i].params, &query, &failure);
    if (status == CONNECTOR_OK) { /* then the store is to refuse it */
      status = connector_count(test.store, query, &(int64_t){ 0 }, &failure);
      connector_query_free(query);
      query = NULL;
    }
    if (status != CONNECTOR_INVALID ||
        strncmp(failure.field, rows[i].key, strlen(rows[i].key)) != 0)
      fail_msg("%s: %s, field \"%s\"", rows[i].params, connector_status_name(status),
               failure.field);
  }
  assert_null(query);
}

static void bad_escapes_and_text_are_invalid(void **state)
{
  (void)state;
  static const char *const rows[] = { "name=%zz",   "name=%4",   "name=%",
                                      "name=a%00b", "name=%ff",  "%ff=x",
                                      "name=\xff",  "na%00me=x", "search=%c3" };
  connector_query *query = NULL;
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    connector_status status = connector_query_from_params(rows[i], &query, &failure);
    if (status == CONNECTOR_OK) {
      status = connector_count(test.store, query, &(int64_t){ 0 }, &failure);
      connector_query_free(query);
      query = NULL;
    }
    if (status != CONNECTOR_INVALID)
      fail_msg("%s: %s", rows[i], connector_status_name(status));
  }
}

static void null_arguments_are_invalid(void **state)
{
  (void)state;
  connector_query *query = NULL;
  assert_status(connector_query_from_params(NULL, &query, &failure), CONNECTOR_INVALID);
  assert_status(connector_query_from_params("", NULL, &failure), CONNECTOR_INVALID);
  assert_int_equal(connector_query_from_params("nonsense=1", &query, NULL), CONNECTOR_INVALID);
}

static void thousands_of_keys_end_in_a_clear_status(void **state)
{
  (void)state;
  enum {
    KEYS = 5000
  };
  static const char key[] = "name=x&";
  char *params = calloc(KEYS, sizeof(key));
  connector_query *query = NULL;
  assert_non_null(params);
  for (size_t i = 0; i < KEYS; i++)
    memcpy(params + i * (sizeof(key) - 1), key, sizeof(key));
  connector_status status = connector_query_from_params(params, &query, &failure);
  if (status == CONNECTOR_OK) {
    status = connector_count(test.store, query, &(int64_t){ 0 }, &failure);
    connector_query_free(query);
  }
  assert_int_equal(status, CONNECTOR_INVALID);
  free(params);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(every_operator_filters),
    memory_test(sort_limit_cursor_and_total_are_set),
    memory_test(an_empty_text_is_the_default_query),
    memory_test(a_query_outlives_its_text),
    memory_test(pages_follow_one_another_by_params),
    memory_test(what_does_not_fit_is_invalid_and_named),
    memory_test(bad_escapes_and_text_are_invalid),
    memory_test(null_arguments_are_invalid),
    memory_test(thousands_of_keys_end_in_a_clear_status),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
