/*
 * store/params: a query string becomes a query, or an error that names its key.
 */
#include "support.h"

static connector_query *read_params(const char *text)
{
  connector_query *query = NULL;
  assert_ok(connector_query_from_params(text, &query, &failure));
  assert_non_null(query);
  return query;
}

static void an_empty_string_is_a_query_for_everything(void **state)
{
  static const char *const texts[] = { "", "&", "&&&" };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    connector_query *query = read_params(texts[i]);
    assert_int_equal(query->size, sizeof(*query));
    assert_int_equal(query->filter_count, 0);
    assert_int_equal(query->limit, 0);
    assert_null(query->cursor);
    assert_null(query->search);
    connector_query_free(query);
  }
}

static void settings_are_set(void **state)
{
  connector_query *query = read_params(
      "limit=20&cursor=abc&search=a+b&sort=-updated_at&deleted=only&total=true");
  (void)state;
  assert_int_equal(query->limit, 20);
  assert_text(query->cursor, "abc");
  assert_text(query->search, "a b");
  assert_int_equal(query->order_by, CONNECTOR_FIELD_UPDATED_AT);
  assert_true(query->descending);
  assert_int_equal(query->deleted, CONNECTOR_DELETED_ONLY);
  assert_true(query->with_total);
  assert_int_equal(query->filter_count, 0);
  connector_query_free(query);
}

struct wanted {
  const char *text;
  connector_field field;
  connector_op op;
  const char *value;
  int64_t number;
  const char *path;
};

static void filters_are_read(void **state)
{
  static const struct wanted cases[] = {
    { "provider=jira", CONNECTOR_FIELD_PROVIDER, CONNECTOR_OP_EQ, "jira", 0, NULL },
    { "provider=", CONNECTOR_FIELD_PROVIDER, CONNECTOR_OP_EQ, "", 0, NULL },
    { "provider[eq]=jira", CONNECTOR_FIELD_PROVIDER, CONNECTOR_OP_EQ, "jira", 0, NULL },
    { "provider%5Bne%5D=a%26b%3d%2B", CONNECTOR_FIELD_PROVIDER, CONNECTOR_OP_NE, "a&b=+", 0, NULL },
    { "name[prefix]=%C3%A9", CONNECTOR_FIELD_NAME, CONNECTOR_OP_PREFIX, "\xc3\xa9", 0, NULL },
    { "name=a=b", CONNECTOR_FIELD_NAME, CONNECTOR_OP_EQ, "a=b", 0, NULL },
    { "name[contains]=x", CONNECTOR_FIELD_NAME, CONNECTOR_OP_CONTAINS, "x", 0, NULL },
    { "version[ge]=3", CONNECTOR_FIELD_VERSION, CONNECTOR_OP_GE, NULL, 3, NULL },
    { "version[lt]=-3", CONNECTOR_FIELD_VERSION, CONNECTOR_OP_LT, NULL, -3, NULL },
    { "enabled=true", CONNECTOR_FIELD_ENABLED, CONNECTOR_OP_EQ, NULL, 1, NULL },
    { "enabled=false", CONNECTOR_FIELD_ENABLED, CONNECTOR_OP_EQ, NULL, 0, NULL },
    { "scope=group", CONNECTOR_FIELD_SCOPE, CONNECTOR_OP_EQ, "group", 0, NULL },
    { "last_sync_at[null]=true", CONNECTOR_FIELD_LAST_SYNC_AT, CONNECTOR_OP_IS_NULL, NULL, 0,
      NULL },
    { "last_sync_at[null]=false", CONNECTOR_FIELD_LAST_SYNC_AT, CONNECTOR_OP_NOT_NULL, NULL, 0,
      NULL },
    { "created_at[gt]=2026-01-01T00:00:00Z", CONNECTOR_FIELD_CREATED_AT, CONNECTOR_OP_GT,
      "2026-01-01T00:00:00Z", 0, NULL },
    { "config.region=eu", CONNECTOR_FIELD_CONFIG, CONNECTOR_OP_EQ, "eu", 0, "region" },
    { "config.labels.env[ne]=7", CONNECTOR_FIELD_CONFIG, CONNECTOR_OP_NE, "7", 0, "labels.env" },
    { "config.size[gt]=7", CONNECTOR_FIELD_CONFIG, CONNECTOR_OP_GT, NULL, 7, "size" },
    { "config.size[gt]=x", CONNECTOR_FIELD_CONFIG, CONNECTOR_OP_GT, "x", 0, "size" },
    { "tags[contains]=a", CONNECTOR_FIELD_TAGS, CONNECTOR_OP_CONTAINS, "a", 0, NULL },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    connector_query *query = read_params(cases[i].text);
    const connector_filter *filter = query->filters;
    assert_int_equal(query->filter_count, 1);
    if (filter->field != cases[i].field || filter->op != cases[i].op ||
        filter->number != cases[i].number)
      fail_msg("%s", cases[i].text);
    if (cases[i].op != CONNECTOR_OP_IS_NULL && cases[i].op != CONNECTOR_OP_NOT_NULL)
      assert_text(filter->text, cases[i].value);
    assert_text(filter->path, cases[i].path);
    connector_query_free(query);
  }
}

static void a_list_of_values_is_parted_at_commas(void **state)
{
  connector_query *query = read_params("provider[in]=jira,,okta&type=x");
  const connector_filter *filter = query->filters;
  (void)state;
  assert_int_equal(query->filter_count, 2);
  assert_int_equal(filter->op, CONNECTOR_OP_IN);
  assert_int_equal(filter->text_count, 3);
  assert_text(filter->texts[0], "jira");
  assert_text(filter->texts[1], "");
  assert_text(filter->texts[2], "okta");
  connector_query_free(query);
}

static void what_does_not_fit_names_its_key(void **state)
{
  const struct {
    const char *text;
    const char *field;
  } cases[] = {
    { "limit=0", "limit" },
    { "limit=501", "limit" },
    { "limit=1.5", "limit" },
    { "limit=99999999999999999999999", "limit" },
    { "limit=", "limit" },
    { "limit", "limit" },
    { "limit=1&limit=2", "limit" },
    { "sort=config", "sort" },
    { "sort=nothing", "sort" },
    { "sort=--name", "sort" },
    { "deleted=yes", "deleted" },
    { "total=1", "total" },
    { "nothing=1", "nothing" },
    { "Provider=1", "Provider" },
    { "=1", "query_string" },
    { "provider[xx]=1", "provider[xx]" },
    { "provider[eq=1", "provider[eq" },
    { "provider[eq]x=1", "provider[eq]x" },
    { "provider[null]=1", "provider[null]" },
    { "version=x", "version" },
    { "version=--1", "version" },
    { "enabled=1", "enabled" },
    { "enabled[lt]=true", "enabled" },
    { "scope=all", "scope" },
    { "created_at=now", "created_at" },
    { "config=x", "config" },
    { "config.=x", "config" },
    { "name.first=x", "name" },
    { "name=%", "query_string" },
    { "name=%4", "query_string" },
    { "name=%zz", "query_string" },
    { "name=%00", "query_string" },
    { "name=%ff", "query_string" },
    { "%ff=1", "query_string" },
    { "a%0ab=1", "query_string" },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    connector_query *query = NULL;
    assert_invalid(connector_query_from_params(cases[i].text, &query, &failure), cases[i].field);
    assert_null(query);
  }
}

/* `item` a number of times. */
static char *repeated(const char *start, const char *item, size_t count)
{
  char *text = malloc(strlen(start) + strlen(item) * count + 1);
  assert_non_null(text);
  strcpy(text, start);
  for (size_t i = 0; i < count; i++)
    strcpy(text + strlen(start) + strlen(item) * i, item);
  return text;
}

static void too_much_is_refused(void **state)
{
  const struct {
    const char *start;
    const char *item;
    size_t count;
    connector_status status;
  } cases[] = {
    { "", "name=x&", CONNECTOR_FILTERS_MAX, CONNECTOR_OK },
    { "", "name=x&", CONNECTOR_FILTERS_MAX + 1, CONNECTOR_INVALID },
    { "name[in]=x", ",x", CONNECTOR_FILTER_TEXTS_MAX - 1, CONNECTOR_OK },
    { "name[in]=x", ",x", CONNECTOR_FILTER_TEXTS_MAX, CONNECTOR_INVALID },
    { "search=", "a+", CONNECTOR_SEARCH_WORDS_MAX, CONNECTOR_OK },
    { "search=", "a+", CONNECTOR_SEARCH_WORDS_MAX + 1, CONNECTOR_INVALID },
    { "", "&", 65536, CONNECTOR_OK },
    { "", "&", 65537, CONNECTOR_TOO_LARGE },
    { "", "k", 70, CONNECTOR_INVALID },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    connector_query *query = NULL;
    char *text = repeated(cases[i].start, cases[i].item, cases[i].count);
    assert_status(connector_query_from_params(text, &query, &failure), cases[i].status);
    connector_query_free(query);
    free(text);
  }
}

static void the_string_is_not_kept(void **state)
{
  char text[] = "provider=jira&config.a=b";
  connector_query *query = read_params(text);
  (void)state;
  memset(text, 'x', sizeof(text));
  assert_text(query->filters[0].text, "jira");
  assert_text(query->filters[1].path, "a");
  connector_query_free(query);
  connector_query_free(NULL);
}

static void string_and_place_must_be_given(void **state)
{
  connector_query *query = NULL;
  (void)state;
  assert_invalid(connector_query_from_params(NULL, &query, &failure), "query_string");
  assert_invalid(connector_query_from_params("", NULL, &failure), "out");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_string_is_a_query_for_everything),
    cmocka_unit_test(settings_are_set),
    cmocka_unit_test(filters_are_read),
    cmocka_unit_test(a_list_of_values_is_parted_at_commas),
    cmocka_unit_test(what_does_not_fit_names_its_key),
    cmocka_unit_test(too_much_is_refused),
    cmocka_unit_test(the_string_is_not_kept),
    cmocka_unit_test(string_and_place_must_be_given),
  };
  return cmocka_run_group_tests_name("params", tests, NULL, NULL);
}
