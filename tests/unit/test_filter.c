/*
 * engine/filter: which operators fit which field, and predicates that bind every value and mean
 * what the operator says.
 */
#include "engine_support.h"

#include "engine/filter.h"

static const char *const one_text[] = { "x" };

/* A filter with a value that fits, where any does. */
static connector_filter filter_of(const struct field *field, connector_op op)
{
  connector_filter filter = { .field = (connector_field)field_index(field), .op = op };
  static const char *const enums[] = { "user" };
  static const char *const times[] = { "2026-11-23T17:49:00Z" };
  static const char *const source_types[] = { "api" };
  const char *const *texts = one_text;
  if (field->kind == KIND_TIME)
    texts = times;
  else if (field->kind == KIND_ENUM)
    texts = field_index(field) == CONNECTOR_FIELD_SCOPE ? enums : source_types;
  if (op == CONNECTOR_OP_IN) {
    filter.texts = texts;
    filter.text_count = 1;
  } else if (field->kind == KIND_BOOL || field->kind == KIND_INTEGER) {
    filter.number = 1;
  } else {
    filter.text = texts[0];
  }
  return filter;
}

/* As <connector/query.h> says. */
static bool fits(const struct field *field, connector_op op)
{
  switch (op) {
  case CONNECTOR_OP_IS_NULL:
  case CONNECTOR_OP_NOT_NULL:
    return true;
  case CONNECTOR_OP_EQ:
  case CONNECTOR_OP_NE:
    return !field_is_json(field);
  case CONNECTOR_OP_LT:
  case CONNECTOR_OP_LE:
  case CONNECTOR_OP_GT:
  case CONNECTOR_OP_GE:
    return !field_is_json(field) && field->kind != KIND_BOOL;
  case CONNECTOR_OP_IN:
    return field->kind == KIND_TEXT || field->kind == KIND_ENUM || field->kind == KIND_TIME;
  case CONNECTOR_OP_PREFIX:
    return field->kind == KIND_TEXT;
  case CONNECTOR_OP_CONTAINS:
    return field->kind == KIND_TEXT || field_is_json(field);
  }
  return false;
}

static void operators_fit_as_the_header_says(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    for (int op = CONNECTOR_OP_EQ; op <= CONNECTOR_OP_NOT_NULL; op++) {
      const struct field *field = &record_fields[i];
      connector_filter filter = filter_of(field, (connector_op)op);
      connector_status wanted = fits(field, filter.op) ? CONNECTOR_OK : CONNECTOR_INVALID;
      if (filter_check(&filter, &failure) != wanted)
        fail_msg("%s with operator %d", field->name, op);
      if (wanted != CONNECTOR_OK)
        assert_text(failure.field, field->name);
      filter.path = "a.b";
      wanted = field_is_json(field) ? CONNECTOR_OK : CONNECTOR_INVALID;
      if (filter_check(&filter, &failure) != wanted)
        fail_msg("%s with a path and operator %d", field->name, op);
    }
}

static void bad_filters_name_their_field(void **state)
{
  static const char *const with_null[] = { "x", NULL };
  static char long_text[5000];
  const struct {
    const char *field;
    connector_filter filter;
  } bad[] = {
    { "filters", { .field = (connector_field)CONNECTOR_FIELD_COUNT, .text = "x" } },
    { "filters", { .field = (connector_field)-1, .text = "x" } },
    { "name", { .field = CONNECTOR_FIELD_NAME, .op = (connector_op)11, .text = "x" } },
    { "name", { .field = CONNECTOR_FIELD_NAME, .op = (connector_op)-1, .text = "x" } },
    { "name", { .field = CONNECTOR_FIELD_NAME } },
    { "name", { .field = CONNECTOR_FIELD_NAME, .text = "\xff" } },
    { "name", { .field = CONNECTOR_FIELD_NAME, .text = long_text } },
    { "name", { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_IN } },
    { "name", { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_IN, .texts = one_text } },
    { "name",
      { .field = CONNECTOR_FIELD_NAME,
        .op = CONNECTOR_OP_IN,
        .texts = one_text,
        .text_count = 201 } },
    { "name",
      { .field = CONNECTOR_FIELD_NAME,
        .op = CONNECTOR_OP_IN,
        .texts = with_null,
        .text_count = 2 } },
    { "scope", { .field = CONNECTOR_FIELD_SCOPE, .text = "everyone" } },
    { "enabled", { .field = CONNECTOR_FIELD_ENABLED, .number = 2 } },
    { "enabled", { .field = CONNECTOR_FIELD_ENABLED, .text = "true" } },
    { "version", { .field = CONNECTOR_FIELD_VERSION, .text = "1" } },
    { "created_at", { .field = CONNECTOR_FIELD_CREATED_AT, .text = "yesterday" } },
    { "created_at", { .field = CONNECTOR_FIELD_CREATED_AT } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .path = "", .text = "x" } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .path = ".a", .text = "x" } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .path = "a.", .text = "x" } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .path = "a..b", .text = "x" } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .path = "a\"b", .text = "x" } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .path = "a\nb", .text = "x" } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .path = long_text, .text = "x" } },
    { "config", { .field = CONNECTOR_FIELD_CONFIG, .op = CONNECTOR_OP_PREFIX, .path = "a" } },
    { "tags", { .field = CONNECTOR_FIELD_TAGS, .op = CONNECTOR_OP_CONTAINS } },
  };
  (void)state;
  memset(long_text, 'x', sizeof(long_text) - 1);
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    engine_fails_at(filter_check(&bad[i].filter, &failure), CONNECTOR_INVALID, bad[i].field);
    assert_lacks(failure.message, "xxx");
  }
}

static void values_are_bound_and_never_part_of_the_text(void **state)
{
  static const char *const hostile[] = { "canary') OR 1 --", "canary\"" };
  struct sql sql;
  struct arena arena = { 0 };
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    for (int op = CONNECTOR_OP_EQ; op <= CONNECTOR_OP_NOT_NULL; op++)
      for (int path = 0; path < 2; path++) {
        connector_filter filter = { .field = (connector_field)i,
                                    .op = (connector_op)op,
                                    .text = hostile[0],
                                    .texts = hostile,
                                    .text_count = 2,
                                    .path = path != 0 ? "canary') OR 1 --.b" : NULL };
        size_t parameters = 0;
        if (filter_check(&filter, NULL) != CONNECTOR_OK)
          continue;
        sql_init(&sql);
        filter_write(&sql, &filter, &arena);
        buffer_byte(&sql.text, '\0');
        assert_null(strstr(sql.text.bytes, "canary"));
        for (const char *at = sql.text.bytes; *at != '\0'; at++)
          parameters += *at == '?';
        assert_int_equal(parameters, sql.count);
        sql_free(&sql);
      }
  arena_free(&arena);
}

/* ---- meaning ---- */

static int64_t matches(const connector_filter *filter)
{
  struct sql sql;
  struct arena arena = { 0 };
  struct statement *statement = NULL;
  int64_t count = 0;
  engine_ok(filter_check(filter, &failure));
  sql_init(&sql);
  sql_text(&sql, "SELECT count(*) FROM connector WHERE ");
  filter_write(&sql, filter, &arena);
  engine_ok(sql_statement(&sql, engine.connection, STATEMENT_TEXT, NULL, &statement, &failure));
  count = integer_from(statement);
  sql_free(&sql);
  arena_free(&arena);
  return count;
}

static void a_path_compares_the_value_it_leads_to(void **state)
{
  const struct {
    const char *config;
    connector_op op;
    const char *text;
    int64_t number;
    int64_t wanted;
  } cases[] = {
    { "{\"a\":{\"b\":\"eu\"}}", CONNECTOR_OP_EQ, "eu", 0, 1 },
    { "{\"a\":{\"b\":\"eu\"}}", CONNECTOR_OP_EQ, "EU", 0, 0 },
    { "{\"a\":{\"b\":\"eu\"}}", CONNECTOR_OP_NE, "us", 0, 1 },
    { "{\"a\":{}}", CONNECTOR_OP_NE, "us", 0, 1 },
    { NULL, CONNECTOR_OP_NE, "us", 0, 1 },
    { "{\"a\":{\"b\":true}}", CONNECTOR_OP_EQ, "true", 0, 1 },
    { "{\"a\":{\"b\":true}}", CONNECTOR_OP_EQ, NULL, 1, 0 },
    { "{\"a\":{\"b\":7}}", CONNECTOR_OP_EQ, NULL, 7, 1 },
    { "{\"a\":{\"b\":7}}", CONNECTOR_OP_EQ, "7", 0, 1 },
    { "{\"a\":{\"b\":\"7\"}}", CONNECTOR_OP_EQ, NULL, 7, 0 },
    { "{\"a\":{\"b\":7.5}}", CONNECTOR_OP_GT, NULL, 7, 1 },
    { "{\"a\":{\"b\":\"x\"}}", CONNECTOR_OP_GT, NULL, 7, 0 },
    { "{\"a\":{\"b\":7}}", CONNECTOR_OP_NE, NULL, 7, 0 },
    { "{\"a\":{\"b\":\"x\"}}", CONNECTOR_OP_NE, NULL, 7, 1 },
    { "{\"a\":{\"b\":null}}", CONNECTOR_OP_IS_NULL, NULL, 0, 1 },
    { "{\"a\":{}}", CONNECTOR_OP_IS_NULL, NULL, 0, 1 },
    { "{\"a\":{\"b\":false}}", CONNECTOR_OP_NOT_NULL, NULL, 0, 1 },
    { "{\"a\":{\"b\":\"prefix\"}}", CONNECTOR_OP_PREFIX, "pre", 0, 1 },
    { "{\"a\":{\"b\":\"prefix\"}}", CONNECTOR_OP_PREFIX, "Pre", 0, 0 },
    { "{\"a\":{\"b\":[\"x\",1]}}", CONNECTOR_OP_CONTAINS, "x", 0, 1 },
    { "{\"a\":{\"b\":[\"xy\"]}}", CONNECTOR_OP_CONTAINS, "x", 0, 0 },
    { "{\"a\":{\"b\":\"ÉCOLE\"}}", CONNECTOR_OP_CONTAINS, "éc", 0, 1 },
    { "{\"a.b\":\"eu\"}", CONNECTOR_OP_EQ, "eu", 0, 0 },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    connector record = sample("tenant-a", "cnn_1");
    connector_filter filter = { .field = CONNECTOR_FIELD_CONFIG,
                                .op = cases[i].op,
                                .text = cases[i].text,
                                .number = cases[i].number,
                                .path = "a.b" };
    record.config = cases[i].config;
    put(&record);
    if (matches(&filter) != cases[i].wanted)
      fail_msg("case %zu: %s", i, cases[i].config ? cases[i].config : "null");
    engine_ok(connection_run(engine.connection, "DELETE FROM connector", &failure));
  }
}

static void is_deleted_follows_from_the_time_of_deletion(void **state)
{
  connector_filter filter = { .field = CONNECTOR_FIELD_IS_DELETED,
                              .op = CONNECTOR_OP_EQ,
                              .number = 1 };
  connector live = sample("tenant-a", "cnn_1");
  connector dead = sample("tenant-a", "cnn_2");
  (void)state;
  dead.deleted_at = 5;
  put(&live);
  put(&dead);
  assert_int_equal(matches(&filter), 1);
  filter.op = CONNECTOR_OP_NE;
  filter.number = 0;
  assert_int_equal(matches(&filter), 1);
  filter.op = CONNECTOR_OP_IS_NULL;
  assert_int_equal(matches(&filter), 0);
}

static void times_are_the_same_as_text_and_as_number(void **state)
{
  static const char *const times[] = { "2023-11-14T23:13:20+01:00", "2020-01-01T00:00:00Z" };
  connector record = sample("tenant-a", "cnn_1");
  connector_filter filter = { .field = CONNECTOR_FIELD_CREATED_AT, .text = times[0] };
  (void)state;
  put(&record);
  assert_int_equal(matches(&filter), 1);
  filter.text = NULL;
  filter.number = 1700000000000;
  assert_int_equal(matches(&filter), 1);
  filter = (connector_filter){
    .field = CONNECTOR_FIELD_CREATED_AT, .op = CONNECTOR_OP_IN, .texts = times, .text_count = 2
  };
  assert_int_equal(matches(&filter), 1);
  filter.texts = times + 1;
  filter.text_count = 1;
  assert_int_equal(matches(&filter), 0);
}

static int64_t found_by_search(const char *word)
{
  struct sql sql;
  struct statement *statement = NULL;
  int64_t count = 0;
  sql_init(&sql);
  sql_text(&sql, "SELECT count(*) FROM connector WHERE ");
  search_write(&sql, word);
  engine_ok(sql_statement(&sql, engine.connection, STATEMENT_TEXT, NULL, &statement, &failure));
  count = integer_from(statement);
  sql_free(&sql);
  return count;
}

static void a_word_is_searched_in_name_provider_type_and_tags(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  record.name = "Main";
  record.provider = "jira";
  record.type = "issues";
  record.tags = "{\"team\":[\"Pl\\u0061tform\",42]}";
  record.config = "{\"hidden\":\"needle\"}";
  put(&record);
  assert_int_equal(found_by_search("mAi"), 1);
  assert_int_equal(found_by_search("JIR"), 1);
  assert_int_equal(found_by_search("sue"), 1);
  assert_int_equal(found_by_search("platform"), 1);
  assert_int_equal(found_by_search("team"), 1);
  assert_int_equal(found_by_search("42"), 1);
  assert_int_equal(found_by_search("needle"), 0);
  assert_int_equal(found_by_search("%"), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(operators_fit_as_the_header_says),
    cmocka_unit_test(bad_filters_name_their_field),
    cmocka_unit_test(values_are_bound_and_never_part_of_the_text),
    rows_test(a_path_compares_the_value_it_leads_to),
    rows_test(is_deleted_follows_from_the_time_of_deletion),
    rows_test(times_are_the_same_as_text_and_as_number),
    rows_test(a_word_is_searched_in_name_provider_type_and_tags),
  };
  return cmocka_run_group_tests_name("filter", tests, NULL, NULL);
}
