/*
 * Records, text and times as JSON: each kind of field, byte by byte, and read back by another
 * reader of JSON.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "record/fields.h"
#include "record/json_writer.h"

#include <connector/json.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
  SCREEN = 40
}; /* longer than a few words of eight bytes */

/* What was written, to be freed. */
static char *taken(struct buffer *buffer)
{
  char *text = buffer_take(buffer, NULL);

  assert_non_null(text);
  return text;
}

static char *written(const connector *record, uint32_t flags)
{
  struct buffer buffer = { 0 };

  json_write_record(&buffer, record, flags);
  return taken(&buffer);
}

static void assert_written(const connector *record, uint32_t flags, const char *wanted)
{
  char *text = written(record, flags);

  assert_string_equal(text, wanted);
  free(text);
}

static void assert_string(const char *text, size_t length, const char *wanted)
{
  struct buffer buffer = { 0 };
  char *string = NULL;

  json_write_string(&buffer, text, length);
  string = taken(&buffer);
  assert_string_equal(string, wanted);
  free(string);
}

/* ---- text ---- */

static void what_must_be_escaped_is(void **state)
{
  static const char *const escapes[] = {
    "\\u0000", "\\u0001", "\\u0002", "\\u0003", "\\u0004", "\\u0005", "\\u0006", "\\u0007",
    "\\b",     "\\t",     "\\n",     "\\u000b", "\\f",     "\\r",     "\\u000e", "\\u000f",
    "\\u0010", "\\u0011", "\\u0012", "\\u0013", "\\u0014", "\\u0015", "\\u0016", "\\u0017",
    "\\u0018", "\\u0019", "\\u001a", "\\u001b", "\\u001c", "\\u001d", "\\u001e", "\\u001f",
  };
  char wanted[16];

  (void)state;
  for (size_t i = 0; i < COUNT_OF(escapes); i++) {
    char byte = (char)i;

    snprintf(wanted, sizeof(wanted), "\"%s\"", escapes[i]);
    assert_string(&byte, 1, wanted);
  }
  assert_string("\"", 1, "\"\\\"\"");
  assert_string("\\", 1, "\"\\\\\"");
}

static void nothing_else_is_escaped(void **state)
{
  char text[2] = "x";
  char wanted[4] = "\"x\"";

  (void)state;
  for (unsigned byte = 0x20; byte < 0x100; byte++) {
    if (byte == '"' || byte == '\\')
      continue;
    text[0] = (char)byte;
    wanted[1] = (char)byte;
    assert_string(text, 1, wanted);
  }
}

/* Each byte at each place among others, against the plain rule. */
static void escapes_are_seen_at_every_place(void **state)
{
  static const char bytes[] = "\"\\\n\x01\x1f !#[]\x7f\x80\xa2\xdc\xff/z";
  char text[SCREEN];
  char wanted[SCREEN + 8];

  (void)state;
  for (size_t length = 1; length <= SCREEN; length++)
    for (size_t at = 0; at < length; at++)
      for (size_t i = 0; i < sizeof(bytes) - 1; i++) {
        static const char *const escapes[] = { "\\\"", "\\\\", "\\n", "\\u0001", "\\u001f" };
        char plain[2] = { bytes[i], '\0' };

        memset(text, 'a', length);
        text[at] = bytes[i];
        snprintf(wanted, sizeof(wanted), "\"%.*s%s%.*s\"", (int)at, text,
                 i < COUNT_OF(escapes) ? escapes[i] : plain, (int)(length - at - 1), text + at + 1);
        assert_string(text, length, wanted);
      }
}

static void many_escapes_in_a_row_are_written(void **state)
{
  char text[SCREEN];
  char wanted[2 * SCREEN + 3] = "\"";

  (void)state;
  memset(text, '"', sizeof(text));
  for (size_t i = 0; i < SCREEN; i++)
    strcat(wanted, "\\\"");
  strcat(wanted, "\"");
  assert_string(text, sizeof(text), wanted);
}

static const char *const scripts[] = {
  "",
  "plain",
  "Équipe sécurité",
  "Команда SOC",
  "セキュリティ",
  "安全团队",
  "보안 팀",
  "فريق الأمن",
  "צוות אבטחה",
  "सुरक्षा",
  "ทีมความปลอดภัย",
  "👩🏽‍💻🔑",
  "e\xCC\x81",
  "\xE2\x80\xA8\xE2\x80\xA9",
  "\x7F",
  "\xEF\xBF\xBF",
  "</script>",
  "tab\tline\nquote\"backslash\\end",
  "\x01\x02\x1F",
  "a/b",
  "\xF4\x8F\xBF\xBF",
};

static void every_script_stays_byte_for_byte(void **state)
{
  char wanted[256];

  (void)state;
  for (size_t i = 0; i < COUNT_OF(scripts); i++) {
    if (scripts[i] == NULL || strpbrk(scripts[i], "\t\n\"\\\x01") != NULL)
      continue;
    snprintf(wanted, sizeof(wanted), "\"%s\"", scripts[i]);
    assert_string(scripts[i], strlen(scripts[i]), wanted);
  }
}

static void text_is_read_back_as_it_was(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scripts); i++) {
    struct buffer buffer = { 0 };
    char *string = NULL;
    cJSON *json = NULL;

    json_write_string(&buffer, scripts[i], strlen(scripts[i]));
    string = taken(&buffer);
    json = cJSON_Parse(string);
    assert_true(cJSON_IsString(json));
    assert_string_equal(json->valuestring, scripts[i]);
    cJSON_Delete(json);
    free(string);
  }
}

static void text_of_a_length_may_hold_nul(void **state)
{
  (void)state;
  assert_string("a\0b", 3, "\"a\\u0000b\"");
  assert_string("abcdef", 3, "\"abc\"");
}

/* ---- times ---- */

static void assert_time(int64_t milliseconds, const char *wanted)
{
  struct buffer buffer = { 0 };
  char *text = NULL;

  json_write_time(&buffer, milliseconds);
  text = taken(&buffer);
  assert_string_equal(text, wanted);
  free(text);
}

static void times_are_utc_with_milliseconds(void **state)
{
  (void)state;
  assert_time(1, "\"1970-01-01T00:00:00.001Z\"");
  assert_time(-1, "\"1969-12-31T23:59:59.999Z\"");
  assert_time(1795456140123, "\"2026-11-23T17:49:00.123Z\"");
  assert_time(253402300799999, "\"9999-12-31T23:59:59.999Z\"");
}

static void no_time_is_null(void **state)
{
  (void)state;
  assert_time(0, "null");
  assert_time(253402300800000, "null");
  assert_time(INT64_MAX, "null");
  assert_time(INT64_MIN, "null");
}

/* ---- records ---- */

static const connector full = {
  .id = "cnn_1",
  .tenant_id = "tnt",
  .app_id = "app",
  .created_at = 1,
  .updated_at = 2,
  .created_by = "ann",
  .updated_by = "bob",
  .source = "edm",
  .source_type = CONNECTOR_SOURCE_TYPE_API,
  .is_deleted = true,
  .deleted_at = 3,
  .deleted_by = "eve",
  .schema_version = 1,
  .type = "chat",
  .provider = "slack",
  .name = "Équipe \"1\"",
  .scope = CONNECTOR_SCOPE_GROUP,
  .owner_id = "o",
  .group_id = "g",
  .user_id = "u",
  .config = "{\"n\":9007199254740993,\"d\":1.10,\"e\":1e400,\"u\":\"\\u00e9\"}",
  .vault_path = "secret/data/x",
  .auth_type = "oauth2",
  .oauth_refresh_needed = true,
  .oauth_token_expires_at = 4,
  .enabled = false,
  .sync_status = "healthy",
  .last_sync_at = 5,
  .consecutive_errors = 6,
  .last_error = "a\tb\nc",
  .metrics = "{}",
  .event_types = "[\"a\",\"b\"]",
  .webhook_endpoint_id = "w",
  .credential_last_rotated_at = 7,
  .next_rotation_due = 8,
  .tags = "[]",
  .version = 9,
  .application_id = "p",
};

static void a_full_record_is_written_in_field_order(void **state)
{
  (void)state;
  assert_written(
      &full, 0,
      "{\"id\":\"cnn_1\",\"tenant_id\":\"tnt\",\"app_id\":\"app\","
      "\"created_at\":\"1970-01-01T00:00:00.001Z\",\"updated_at\":\"1970-01-01T00:00:00.002Z\","
      "\"created_by\":\"ann\",\"updated_by\":\"bob\",\"source\":\"edm\",\"source_type\":\"api\","
      "\"is_deleted\":true,\"deleted_at\":\"1970-01-01T00:00:00.003Z\",\"deleted_by\":\"eve\","
      "\"schema_version\":1,\"type\":\"chat\",\"provider\":\"slack\",\"name\":\"Équipe \\\"1\\\"\","
      "\"scope\":\"group\",\"owner_id\":\"o\",\"group_id\":\"g\",\"user_id\":\"u\","
      "\"config\":{\"n\":9007199254740993,\"d\":1.10,\"e\":1e400,\"u\":\"\\u00e9\"},"
      "\"vault_path\":\"secret/data/x\",\"auth_type\":\"oauth2\",\"oauth_refresh_needed\":true,"
      "\"oauth_token_expires_at\":\"1970-01-01T00:00:00.004Z\",\"enabled\":false,"
      "\"sync_status\":\"healthy\",\"last_sync_at\":\"1970-01-01T00:00:00.005Z\","
      "\"consecutive_errors\":6,\"last_error\":\"a\\tb\\nc\",\"metrics\":{},"
      "\"event_types\":[\"a\",\"b\"],\"webhook_endpoint_id\":\"w\","
      "\"credential_last_rotated_at\":\"1970-01-01T00:00:00.007Z\","
      "\"next_rotation_due\":\"1970-01-01T00:00:00.008Z\",\"tags\":[],\"version\":9,"
      "\"application_id\":\"p\"}");
}

static void an_empty_record_has_null_for_all_that_is_unset(void **state)
{
  static const connector empty = { 0 };

  (void)state;
  assert_written(
      &empty, 0,
      "{\"id\":null,\"tenant_id\":null,\"created_at\":null,\"updated_at\":null,"
      "\"created_by\":null,\"updated_by\":null,\"source\":null,\"source_type\":null,"
      "\"is_deleted\":false,\"deleted_at\":null,\"deleted_by\":null,\"schema_version\":0,"
      "\"type\":null,\"provider\":null,\"name\":null,\"scope\":null,\"owner_id\":null,"
      "\"group_id\":null,\"user_id\":null,\"config\":null,\"vault_path\":null,\"auth_type\":null,"
      "\"oauth_refresh_needed\":false,\"oauth_token_expires_at\":null,\"enabled\":false,"
      "\"sync_status\":null,\"last_sync_at\":null,\"consecutive_errors\":0,\"last_error\":null,"
      "\"metrics\":null,\"event_types\":null,\"webhook_endpoint_id\":null,"
      "\"credential_last_rotated_at\":null,\"next_rotation_due\":null,\"tags\":null,\"version\":0,"
      "\"application_id\":null}");
}

static void omitting_null_leaves_what_is_set(void **state)
{
  static const connector empty = { 0 };
  connector some = { 0 };

  (void)state;
  assert_written(&empty, CONNECTOR_JSON_OMIT_NULL,
                 "{\"is_deleted\":false,\"schema_version\":0,\"oauth_refresh_needed\":false,"
                 "\"enabled\":false,\"consecutive_errors\":0,\"version\":0}");
  some.name = "";
  some.last_sync_at = 1;
  some.scope = CONNECTOR_SCOPE_ORG;
  assert_written(&some, CONNECTOR_JSON_OMIT_NULL,
                 "{\"is_deleted\":false,\"schema_version\":0,\"name\":\"\",\"scope\":\"org\","
                 "\"oauth_refresh_needed\":false,\"enabled\":false,"
                 "\"last_sync_at\":\"1970-01-01T00:00:00.001Z\",\"consecutive_errors\":0,"
                 "\"version\":0}");
}

static void omitting_null_changes_nothing_in_a_full_record(void **state)
{
  char *text = written(&full, 0);

  (void)state;
  assert_written(&full, CONNECTOR_JSON_OMIT_NULL, text);
  free(text);
}

static void omitting_null_leaves_out_a_time_that_has_no_text(void **state)
{
  connector record = { .last_sync_at = INT64_MAX };
  char *text = written(&record, CONNECTOR_JSON_OMIT_NULL);

  (void)state;
  assert_null(strstr(text, "last_sync_at"));
  free(text);
}

static void an_absent_app_id_is_left_out(void **state)
{
  connector record = full;
  char *text = NULL;

  (void)state;
  record.app_id = NULL;
  text = written(&record, 0);
  assert_null(strstr(text, "\"app_id\""));
  assert_non_null(strstr(text, "\"tenant_id\":\"tnt\",\"created_at\""));
  free(text);
}

static void every_value_of_an_enum_is_written(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    for (size_t k = 0; field->kind == KIND_ENUM && k < field->names->count; k++) {
      connector record = { 0 };
      cJSON *json = NULL;
      char *text = NULL;

      field_set_number(&record, field, (int64_t)k + 1);
      text = written(&record, CONNECTOR_JSON_OMIT_NULL);
      json = cJSON_Parse(text);
      assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, field->name)),
                          field->names->names[k]);
      cJSON_Delete(json);
      free(text);
    }
  }
}

static void numbers_keep_every_digit(void **state)
{
  connector record = { .version = INT64_MAX, .consecutive_errors = 10, .schema_version = -1 };
  char *text = written(&record, 0);

  (void)state;
  assert_non_null(strstr(text, "\"version\":9223372036854775807,"));
  assert_non_null(strstr(text, "\"consecutive_errors\":10,"));
  assert_non_null(strstr(text, "\"schema_version\":-1,"));
  free(text);
}

/* Writes `record` and returns what another reader makes of it, to be deleted. */
static cJSON *read_back(const connector *record)
{
  char *text = written(record, 0);
  cJSON *json = cJSON_Parse(text);

  assert_true(cJSON_IsObject(json));
  free(text);
  return json;
}

static void the_keys_are_those_of_the_table(void **state)
{
  cJSON *json = read_back(&full);
  const cJSON *member = json->child;

  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++, member = member->next) {
    assert_non_null(member);
    assert_string_equal(member->string, record_fields[i].name);
  }
  assert_null(member);
  cJSON_Delete(json);
}

static void every_text_field_is_read_back_in_every_script(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    for (size_t k = 0; record_fields[i].kind == KIND_TEXT && k < COUNT_OF(scripts); k++) {
      connector record = full;
      cJSON *json = NULL;

      *field_text(&record, &record_fields[i]) = scripts[k];
      json = read_back(&record);
      assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, record_fields[i].name)),
                          scripts[k]);
      cJSON_Delete(json);
    }
}

static void long_text_is_written_whole(void **state)
{
  enum {
    LONG = 100000
  };
  connector record = full;
  char *text = malloc(LONG + 1);
  cJSON *json = NULL;

  (void)state;
  assert_non_null(text);
  for (size_t i = 0; i < LONG; i++)
    text[i] = "ab\ncdefghijklmn\""[i % 16];
  text[LONG] = '\0';
  record.last_error = text;
  json = read_back(&record);
  assert_string_equal(cJSON_GetStringValue(cJSON_GetObjectItem(json, "last_error")), text);
  cJSON_Delete(json);
  free(text);
}

/* ---- the buffer ---- */

static void a_record_goes_behind_what_is_there(void **state)
{
  struct buffer buffer = { 0 };
  char *alone = written(&full, 0);
  char *both = NULL;

  (void)state;
  json_write_record(&buffer, &full, 0);
  buffer_byte(&buffer, '\n');
  json_write_record(&buffer, &full, 0);
  both = taken(&buffer);
  assert_int_equal(strlen(both), 2 * strlen(alone) + 1);
  assert_memory_equal(both, alone, strlen(alone));
  assert_string_equal(both + strlen(alone) + 1, alone);
  free(both);
  free(alone);
}

static void nothing_is_written_behind_a_failure(void **state)
{
  struct buffer buffer = { .failed = true };

  (void)state;
  json_write_record(&buffer, &full, 0);
  json_write_string(&buffer, "a\"b", 3);
  json_write_time(&buffer, 1);
  json_write_time(&buffer, 0);
  assert_int_equal(buffer.length, 0);
  assert_null(buffer_take(&buffer, NULL));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_must_be_escaped_is),
    cmocka_unit_test(nothing_else_is_escaped),
    cmocka_unit_test(escapes_are_seen_at_every_place),
    cmocka_unit_test(many_escapes_in_a_row_are_written),
    cmocka_unit_test(every_script_stays_byte_for_byte),
    cmocka_unit_test(text_is_read_back_as_it_was),
    cmocka_unit_test(text_of_a_length_may_hold_nul),
    cmocka_unit_test(times_are_utc_with_milliseconds),
    cmocka_unit_test(no_time_is_null),
    cmocka_unit_test(a_full_record_is_written_in_field_order),
    cmocka_unit_test(an_empty_record_has_null_for_all_that_is_unset),
    cmocka_unit_test(omitting_null_leaves_what_is_set),
    cmocka_unit_test(omitting_null_changes_nothing_in_a_full_record),
    cmocka_unit_test(omitting_null_leaves_out_a_time_that_has_no_text),
    cmocka_unit_test(an_absent_app_id_is_left_out),
    cmocka_unit_test(every_value_of_an_enum_is_written),
    cmocka_unit_test(numbers_keep_every_digit),
    cmocka_unit_test(the_keys_are_those_of_the_table),
    cmocka_unit_test(every_text_field_is_read_back_in_every_script),
    cmocka_unit_test(long_text_is_written_whole),
    cmocka_unit_test(a_record_goes_behind_what_is_there),
    cmocka_unit_test(nothing_is_written_behind_a_failure),
  };

  return cmocka_run_group_tests(tests, NULL, NULL);
}
