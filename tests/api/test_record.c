/*
 * What works without a store: copying and comparing records, names, times, version.
 */
#include "columns.h"

static const connector sample = {
  .id = "cnn_1",
  .tenant_id = "t",
  .created_at = 1,
  .updated_at = 2,
  .source = "edm",
  .source_type = CONNECTOR_SOURCE_TYPE_API,
  .schema_version = 1,
  .name = "é",
  .provider = "",
  .scope = CONNECTOR_SCOPE_ORG,
  .config = "{\"a\":1}",
  .enabled = true,
  .version = 3,
};

static void a_copy_is_equal_and_stands_alone(void **state)
{
  (void)state;
  char name[] = "before";
  connector record = sample;
  connector *copy = NULL;
  record.name = name;
  assert_ok(connector_dup(&record, &copy, &failure));
  assert_true(connector_equal(&record, copy));
  name[0] = '?';
  assert_text(copy->name, "before");
  assert_ptr_not_equal(copy->id, record.id);
  assert_text(copy->provider, "");
  assert_null(copy->type);
  connector_free(copy);
}

static void every_field_is_copied_and_compared(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    connector changed = sample;
    connector *copy = NULL;
    char *at = (char *)&changed + columns[i].record_at;
    if (columns[i].kind == BOOLEAN) {
      bool flag = column_number(&columns[i], &sample) == 0;
      memcpy(at, &flag, sizeof(flag));
    } else if (columns[i].kind == CHOICE) {
      int choice = 2;
      memcpy(at, &choice, sizeof(choice));
    } else if (columns[i].kind == TIME || columns[i].kind == INTEGER) {
      int64_t number = 77;
      memcpy(at, &number, sizeof(number));
    } else {
      const char *text = "changed";
      memcpy(at, &text, sizeof(text));
    }
    assert_false(connector_equal(&sample, &changed));
    assert_false(connector_equal(&changed, &sample));
    assert_ok(connector_dup(&changed, &copy, &failure));
    assert_true(connector_equal(&changed, copy));
    connector_free(copy);
  }
}

static void nulls_are_equal_to_nulls_only(void **state)
{
  (void)state;
  connector with_empty = sample;
  with_empty.type = "";
  assert_true(connector_equal(NULL, NULL));
  assert_false(connector_equal(&sample, NULL));
  assert_false(connector_equal(NULL, &sample));
  assert_false(connector_equal(&sample, &with_empty));
  connector_free(NULL);
}

static void copying_nothing_is_invalid(void **state)
{
  (void)state;
  connector *copy = NULL;
  assert_status(connector_dup(NULL, &copy, &failure), CONNECTOR_INVALID);
  assert_status(connector_dup(&sample, NULL, &failure), CONNECTOR_INVALID);
  assert_int_equal(connector_dup(NULL, &copy, NULL), CONNECTOR_INVALID);
  assert_null(copy);
}

static void every_field_has_its_name(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    connector_field field = (connector_field)99;
    assert_text(connector_field_name((connector_field)i), columns[i].name);
    assert_true(connector_field_from_name(columns[i].name, &field));
    assert_int_equal(field, i);
  }
}

static void other_names_are_no_fields(void **state)
{
  (void)state;
  static const char *const others[] = { "", "ID", "Id", "id ", "names", "nam", "config.a", "x" };
  connector_field field = (connector_field)99;
  for (size_t i = 0; i < COUNT_OF(others); i++)
    assert_false(connector_field_from_name(others[i], &field));
  assert_false(connector_field_from_name(NULL, &field));
  assert_int_equal(field, 99);
  assert_null(connector_field_name((connector_field)38));
  assert_null(connector_field_name((connector_field)-1));
}

static void enums_have_their_names(void **state)
{
  (void)state;
  static const char *const types[] = { "frontend", "backend", "server", "system", "api" };
  static const char *const scopes[] = { "org", "user", "group" };
  for (size_t i = 0; i < COUNT_OF(types); i++)
    assert_text(connector_source_type_name((connector_source_type)(i + 1)), types[i]);
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    assert_text(connector_scope_name((connector_scope)(i + 1)), scopes[i]);
  assert_null(connector_source_type_name((connector_source_type)0));
  assert_null(connector_source_type_name((connector_source_type)6));
  assert_null(connector_source_type_name((connector_source_type)-1));
  assert_null(connector_scope_name((connector_scope)0));
  assert_null(connector_scope_name((connector_scope)4));
  assert_null(connector_scope_name((connector_scope)-1));
}

static void times_are_written_in_utc_with_milliseconds(void **state)
{
  (void)state;
  static const struct {
    int64_t time;
    const char *text;
  } rows[] = {
    { 0, "1970-01-01T00:00:00.000Z" },
    { 1795456140123, "2026-11-23T17:49:00.123Z" },
    { -1, "1969-12-31T23:59:59.999Z" },
    { 951782400000, "2000-02-29T00:00:00.000Z" },
    { 253402300799999, "9999-12-31T23:59:59.999Z" },
    { -62167219200000, "0000-01-01T00:00:00.000Z" },
  };
  char text[CONNECTOR_TIME_SIZE];
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    int64_t time = 5;
    assert_int_equal(connector_time_format(rows[i].time, text), CONNECTOR_OK);
    assert_text(text, rows[i].text);
    assert_int_equal(connector_time_parse(rows[i].text, &time), CONNECTOR_OK);
    assert_true(time == rows[i].time);
  }
  assert_int_equal(connector_time_format(253402300800000, text), CONNECTOR_INVALID);
  assert_int_equal(connector_time_format(-62167219200001, text), CONNECTOR_INVALID);
  assert_int_equal(connector_time_format(INT64_MAX, text), CONNECTOR_INVALID);
  assert_int_equal(connector_time_format(INT64_MIN, text), CONNECTOR_INVALID);
}

static void any_rfc_3339_time_is_read(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    int64_t time;
  } rows[] = {
    { "2026-11-23T18:49:00.123+01:00", 1795456140123 },
    { "2026-11-23T12:19:00.123-05:30", 1795456140123 },
    { "2026-11-23t17:49:00.123z", 1795456140123 },
    { "2026-11-23T17:49:00Z", 1795456140000 },
    { "2026-11-23T17:49:00.1Z", 1795456140100 },
    { "2026-11-23T17:49:00.123999999999Z", 1795456140123 },
    { "2026-11-23T17:49:00.123-00:00", 1795456140123 },
    { "2024-02-29T00:00:00Z", 1709164800000 },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    int64_t time = 0;
    if (connector_time_parse(rows[i].text, &time) != CONNECTOR_OK || time != rows[i].time)
      fail_msg("%s was read as %lld", rows[i].text, (long long)time);
  }
}

static void what_is_no_time_is_invalid(void **state)
{
  (void)state;
  static const char *const rows[] = {
    "",
    "2026-11-23",
    "2026-11-23T17:49Z",
    "2026-11-23T17:49:00",
    "2026-11-23T17:49:60Z",
    "2016-12-31T23:59:60Z",
    "2026-02-29T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-00-01T00:00:00Z",
    "2026-01-00T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-11-23T24:00:00Z",
    "2026-11-23T17:60:00Z",
    "2026-11-23T17:49:00.Z",
    "2026-11-23T17:49:00,1Z",
    "2026-11-23T17:49:00+24:00",
    "2026-11-23T17:49:00+01:60",
    "2026-11-23T17:49:00+0100",
    "2026-11-23T17:49:00Zx",
    " 2026-11-23T17:49:00Z",
    "+2026-11-23T17:49:00Z",
    "26-11-23T17:49:00Z",
    "2026/11/23T17:49:00Z",
    "yesterday",
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    int64_t time = 42;
    if (connector_time_parse(rows[i], &time) != CONNECTOR_INVALID || time != 42)
      fail_msg("\"%s\" was taken", rows[i]);
  }
  int64_t time = 42;
  assert_int_equal(connector_time_parse(NULL, &time), CONNECTOR_INVALID);
}

static void the_version_is_the_headers(void **state)
{
  (void)state;
  char text[32];
  int number = connector_version_number();
  assert_int_equal(number, CONNECTOR_VERSION_NUMBER);
  snprintf(text, sizeof(text), "%d.%d.%d", number / 10000, number / 100 % 100, number % 100);
  assert_text(connector_version(), text);
}

static void statuses_have_a_name_and_an_http_code(void **state)
{
  (void)state;
  assert_text(connector_status_name(CONNECTOR_CONFLICT), "CONFLICT");
  assert_text(connector_status_name((connector_status)999), "UNKNOWN");
  assert_int_equal(connector_status_http(CONNECTOR_CONFLICT), 409);
  assert_int_equal(connector_status_http(CONNECTOR_OK), 200);
  assert_true(connector_status_retryable(CONNECTOR_BUSY));
  assert_false(connector_status_retryable(CONNECTOR_INVALID));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_copy_is_equal_and_stands_alone),
    cmocka_unit_test(every_field_is_copied_and_compared),
    cmocka_unit_test(nulls_are_equal_to_nulls_only),
    cmocka_unit_test(copying_nothing_is_invalid),
    cmocka_unit_test(every_field_has_its_name),
    cmocka_unit_test(other_names_are_no_fields),
    cmocka_unit_test(enums_have_their_names),
    cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
    cmocka_unit_test(any_rfc_3339_time_is_read),
    cmocka_unit_test(what_is_no_time_is_invalid),
    cmocka_unit_test(the_version_is_the_headers),
    cmocka_unit_test(statuses_have_a_name_and_an_http_code),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
