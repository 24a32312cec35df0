/*
 * The JSON Schema of a record, compared with the field table that it is written from.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <cjson/cJSON.h>

#include "record/fields.h"
#include "record/schema_document.h"

static int parse(void **state)
{
  struct buffer buffer = { 0 };
  char *text = NULL;

  schema_document_write(&buffer);
  text = buffer_take(&buffer, NULL);
  *state = text != NULL ? cJSON_ParseWithOpts(text, NULL, true) : NULL;
  free(text);
  return *state != NULL ? 0 : -1;
}

static int forget(void **state)
{
  cJSON_Delete(*state);
  return 0;
}

static const cJSON *member(const cJSON *object, const char *name)
{
  return cJSON_GetObjectItemCaseSensitive(object, name);
}

static const cJSON *property(void **state, size_t i)
{
  const cJSON *found = member(member(*state, "properties"), record_fields[i].name);

  assert_non_null(found);
  return found;
}

static void assert_member_text(const cJSON *object, const char *name, const char *wanted)
{
  const char *text = cJSON_GetStringValue(member(object, name));

  assert_non_null(text);
  assert_string_equal(text, wanted);
}

/* Whether a property's `type` is or holds `name`. */
static bool has_type(const cJSON *object, const char *name)
{
  const cJSON *type = member(object, "type");

  if (cJSON_IsString(type))
    return strcmp(type->valuestring, name) == 0;
  assert_true(cJSON_IsArray(type));
  for (type = type->child; type != NULL; type = type->next)
    if (strcmp(type->valuestring, name) == 0)
      return true;
  return false;
}

static int type_count(const cJSON *object)
{
  const cJSON *type = member(object, "type");

  return cJSON_IsArray(type) ? cJSON_GetArraySize(type) : 1;
}

static void the_document_says_what_it_is(void **state)
{
  assert_member_text(*state, "$schema", "https://json-schema.org/draft/2020-12/schema");
  assert_member_text(*state, "$id", "urn:libconnector:connector");
  assert_member_text(*state, "type", "object");
  assert_non_null(member(*state, "title"));
  assert_true(cJSON_IsFalse(member(*state, "additionalProperties")));
}

static void properties_are_the_fields_in_order(void **state)
{
  const cJSON *found = member(*state, "properties")->child;

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++, found = found->next) {
    assert_non_null(found);
    assert_string_equal(found->string, record_fields[i].name);
  }
  assert_null(found);
}

static void all_but_what_is_left_out_is_required(void **state)
{
  const cJSON *found = member(*state, "required")->child;

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    if ((record_fields[i].flags & FIELD_OMITTED) != 0)
      continue;
    assert_non_null(found);
    assert_string_equal(found->valuestring, record_fields[i].name);
    found = found->next;
  }
  assert_null(found);
}

static void types_are_those_of_the_kinds(void **state)
{
  static const char *const names[][2] = {
    [KIND_TEXT] = { "string" },  [KIND_ENUM] = { "string" },
    [KIND_BOOL] = { "boolean" }, [KIND_INTEGER] = { "integer" },
    [KIND_TIME] = { "string" },  [KIND_OBJECT] = { "object" },
    [KIND_TEXTS] = { "array" },  [KIND_TAGS] = { "array", "object" },
  };

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const char *const *wanted = names[record_fields[i].kind];
    const cJSON *found = property(state, i);

    assert_true(has_type(found, wanted[0]));
    assert_true(wanted[1] == NULL || has_type(found, wanted[1]));
    assert_int_equal(type_count(found), 1 + (wanted[1] != NULL) + has_type(found, "null"));
  }
}

static void null_is_for_fields_that_can_be_null(void **state)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    unsigned flags = record_fields[i].flags & (FIELD_NULLABLE | FIELD_OMITTED);

    assert_int_equal(has_type(property(state, i), "null"), flags == FIELD_NULLABLE);
  }
}

static void enums_list_their_values(void **state)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct enum_names *names = record_fields[i].names;
    const cJSON *values = member(property(state, i), "enum");

    assert_int_equal(values != NULL, names != NULL);
    if (names == NULL)
      continue;
    assert_int_equal(cJSON_GetArraySize(values), names->count);
    for (size_t k = 0; k < names->count; k++)
      assert_string_equal(cJSON_GetArrayItem(values, (int)k)->valuestring, names->names[k]);
  }
}

static void times_are_date_times(void **state)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    if (record_fields[i].kind == KIND_TIME)
      assert_member_text(property(state, i), "format", "date-time");
    else
      assert_null(member(property(state, i), "format"));
  }
}

static void only_what_the_server_stamps_is_read_only(void **state)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    assert_int_equal(cJSON_IsTrue(member(property(state, i), "readOnly")),
                     record_fields[i].writer == WRITER_SERVER);
}

static void a_fixed_limit_is_the_greatest_length(void **state)
{
  size_t limits = 0;

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const cJSON *length = member(property(state, i), "maxLength");

    assert_int_equal(length != NULL, record_fields[i].limit > 0);
    if (length != NULL)
      assert_int_equal(length->valueint, record_fields[i].limit);
    limits += length != NULL;
  }
  assert_int_equal(limits, 2);
}

static void integers_have_a_minimum(void **state)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const cJSON *minimum = member(property(state, i), "minimum");

    assert_int_equal(minimum != NULL, record_fields[i].kind == KIND_INTEGER);
    if (minimum != NULL)
      assert_int_equal(minimum->valueint, i == CONNECTOR_FIELD_CONSECUTIVE_ERRORS ? 0 : 1);
  }
}

static void event_types_are_text(void **state)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const cJSON *items = member(property(state, i), "items");

    assert_int_equal(items != NULL, record_fields[i].kind == KIND_TEXTS);
    if (items != NULL)
      assert_member_text(items, "type", "string");
  }
}

/* Descriptions stand in a table of their own: its order shows in words of a few rows. */
static void each_field_has_its_own_description(void **state)
{
  static const struct {
    size_t field;
    const char *word;
  } rows[] = {
    { CONNECTOR_FIELD_ID, "ULID" },
    { CONNECTOR_FIELD_CREATED_AT, "created" },
    { CONNECTOR_FIELD_NAME, "256 bytes" },
    { CONNECTOR_FIELD_SCOPE, "who" },
    { CONNECTOR_FIELD_USER_ID, "person" },
    { CONNECTOR_FIELD_ENABLED, "in use" },
    { CONNECTOR_FIELD_LAST_ERROR, "4096" },
    { CONNECTOR_FIELD_TAGS, "labels" },
    { CONNECTOR_FIELD_APPLICATION_ID, "application" },
  };

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const char *text = cJSON_GetStringValue(member(property(state, i), "description"));

    assert_non_null(text);
    assert_true(strlen(text) > 8);
    for (size_t k = 0; k < i; k++)
      assert_string_not_equal(text,
                              cJSON_GetStringValue(member(property(state, k), "description")));
  }
  for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
    assert_non_null(strstr(
        cJSON_GetStringValue(member(property(state, rows[i].field), "description")), rows[i].word));
}

static void nothing_is_written_behind_a_failure(void **state)
{
  struct buffer buffer = { .failed = true };

  (void)state;
  schema_document_write(&buffer);
  assert_int_equal(buffer.length, 0);
  assert_null(buffer_take(&buffer, NULL));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_document_says_what_it_is),
    cmocka_unit_test(properties_are_the_fields_in_order),
    cmocka_unit_test(all_but_what_is_left_out_is_required),
    cmocka_unit_test(types_are_those_of_the_kinds),
    cmocka_unit_test(null_is_for_fields_that_can_be_null),
    cmocka_unit_test(enums_list_their_values),
    cmocka_unit_test(times_are_date_times),
    cmocka_unit_test(only_what_the_server_stamps_is_read_only),
    cmocka_unit_test(a_fixed_limit_is_the_greatest_length),
    cmocka_unit_test(integers_have_a_minimum),
    cmocka_unit_test(event_types_are_text),
    cmocka_unit_test(each_field_has_its_own_description),
    cmocka_unit_test(nothing_is_written_behind_a_failure),
  };

  return cmocka_run_group_tests(tests, parse, forget);
}
