/*
 * JSON documents into drafts: what each field takes, what null does, what is refused and how the
 * error says so.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "record/draft.h"
#include "record/json_field.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static const struct limits defaults = { .text = 1024, .json = 262144, .document = 1048576 };

static struct draft draft;
static connector_error failure;

static int setup(void **state)
{
  (void)state;
  draft_init(&draft);
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  draft_free(&draft);
  return 0;
}

/* Reads bytes of its own, so that reading behind their end is seen by a sanitizer, and so that what
 * a draft keeps is seen to be a copy. */
static connector_status read_with(const char *json, enum document_use use,
                                  const struct limits *limits)
{
  size_t length = strlen(json);
  char *own = malloc(length > 0 ? length : 1);
  connector_status status = CONNECTOR_OK;

  assert_non_null(own);
  memcpy(own, json, length);
  draft_free(&draft);
  draft_init(&draft);
  failure = (connector_error){ 0 };
  status = draft_from_json(&draft, own, length, use, limits, &failure);
  memset(own, 'x', length);
  free(own);
  return status;
}

static void read_draft(const char *json, enum document_use use)
{
  if (read_with(json, use, &defaults) != CONNECTOR_OK)
    fail_msg("%s: field \"%s\": %s", json, failure.field, failure.message);
}

static void assert_refused(const char *json, enum document_use use, const char *field,
                           const char *message)
{
  if (read_with(json, use, &defaults) != CONNECTOR_INVALID)
    fail_msg("%s was taken", json);
  assert_int_equal(failure.status, CONNECTOR_INVALID);
  assert_string_equal(failure.field, field);
  if (message != NULL && strcmp(failure.message, message) != 0)
    fail_msg("%s: \"%s\", wanted \"%s\"", json, failure.message, message);
}

/* `{"field":value}` in the caller's memory. */
static const char *member(char text[512], const struct field *field, const char *value)
{
  snprintf(text, 512, "{\"%s\":%s}", field->name, value);
  return text;
}

static bool is_server(const struct field *field)
{
  return field->writer == WRITER_SERVER;
}

/* ---- whole documents ---- */

static const char *const sample_values[] = {
  [KIND_TEXT] = "\"text\"",
  [KIND_ENUM] = "\"user\"",
  [KIND_BOOL] = "true",
  [KIND_INTEGER] = "7",
  [KIND_TIME] = "\"2026-11-23T18:49:00.123+01:00\"",
  [KIND_OBJECT] = "{\"a\":1.10}",
  [KIND_TEXTS] = "[\"a\",\"b\"]",
  [KIND_TAGS] = "[\"t\"]",
};

/* A document of all fields, in table order or the other way round. */
static char *whole_document(bool backwards, const char *space)
{
  struct buffer buffer = { 0 };

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[backwards ? CONNECTOR_FIELD_COUNT - 1 - i : i];
    const char *value = sample_values[field->kind];

    buffer_text(&buffer, i == 0 ? "{" : ",");
    buffer_text(&buffer, space);
    buffer_byte(&buffer, '"');
    buffer_text(&buffer, field->name);
    buffer_byte(&buffer, '"');
    buffer_text(&buffer, space);
    buffer_byte(&buffer, ':');
    buffer_text(&buffer, space);
    buffer_text(&buffer, strcmp(field->name, "source_type") == 0 ? "\"system\"" : value);
    buffer_text(&buffer, space);
  }
  buffer_byte(&buffer, '}');
  return buffer_take(&buffer, NULL);
}

static void assert_sample(const struct field *field)
{
  static const int64_t numbers[] = {
    [KIND_BOOL] = 1, [KIND_INTEGER] = 7, [KIND_TIME] = INT64_C(1795456140123)
  };
  static const char *const texts[] = { [KIND_TEXT] = "text",
                                       [KIND_OBJECT] = "{\"a\":1.10}",
                                       [KIND_TEXTS] = "[\"a\",\"b\"]",
                                       [KIND_TAGS] = "[\"t\"]" };

  if (field_is_text(field))
    assert_string_equal(*field_text(&draft.values, field), texts[field->kind]);
  else if (strcmp(field->name, "source_type") == 0)
    assert_int_equal(draft.values.source_type, CONNECTOR_SOURCE_TYPE_SYSTEM);
  else if (field->kind == KIND_ENUM)
    assert_int_equal(draft.values.scope, CONNECTOR_SCOPE_USER);
  else
    assert_int_equal(field_number(&draft.values, field), numbers[field->kind]);
}

static void every_field_is_read_in_any_order_and_spacing(void **state)
{
  uint64_t stamped = 0;

  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    stamped |= is_server(&record_fields[i]) ? CONNECTOR_BIT(i) : 0;
  for (int form = 0; form < 4; form++) {
    char *json = whole_document((form & 1) != 0, (form & 2) != 0 ? " \r\n\t" : "");

    read_draft(json, DOCUMENT_CREATE);
    free(json);
    for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
      assert_sample(&record_fields[i]);
    assert_true(draft.stamped == stamped);
    assert_true(draft.set == ((CONNECTOR_BIT(CONNECTOR_FIELD_COUNT) - 1) & ~stamped));
    assert_true(draft.cleared == 0 && draft.merge == 0);
  }
}

static void an_empty_object_is_an_empty_draft(void **state)
{
  (void)state;
  read_draft(" { } ", DOCUMENT_UPDATE);
  assert_true(draft.set == 0 && draft.cleared == 0 && draft.stamped == 0 && draft.merge == 0);
}

static void text_and_keys_are_decoded(void **state)
{
  (void)state;
  read_draft("{\"n\\u0061me\":\"caf\\u00e9 \\ud83d\\ude00\",\"scope\":\"or\\u0067\","
             "\"last_sync_at\":\"2026-11-23\\u005417:49:00Z\"}",
             DOCUMENT_CREATE);
  assert_string_equal(draft.values.name, "café 😀");
  assert_int_equal(draft.values.scope, CONNECTOR_SCOPE_ORG);
  assert_true(draft.values.last_sync_at == INT64_C(1795456140000));
}

static void a_document_over_its_limit_is_too_large(void **state)
{
  struct limits limits = defaults;

  (void)state;
  limits.document = 12;
  assert_int_equal(read_with("{\"name\":\"a\"}", DOCUMENT_CREATE, &limits), CONNECTOR_OK);
  assert_int_equal(read_with("{\"name\":\"ab\"}", DOCUMENT_CREATE, &limits), CONNECTOR_TOO_LARGE);
  assert_string_equal(failure.field, "");
}

static void what_is_no_object_is_refused(void **state)
{
  static const char *const texts[] = { "", "  ", "null", "[]", "[{}]", "1", "\"{}\"", "true" };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_refused(texts[i], DOCUMENT_CREATE, "", "must be one JSON object");
}

struct malformed_case {
  const char *json;
  const char *message;
};

static void malformed_json_is_refused_with_its_place(void **state)
{
  static const struct malformed_case cases[] = {
    { "{", "not well-formed JSON at byte 1" },
    { "{]", "not well-formed JSON at byte 1" },
    { "{\"name\"}", "not well-formed JSON at byte 7" },
    { "{\"name\":}", "not well-formed JSON at byte 8" },
    { "{\"name\":\"a\",}", "not well-formed JSON at byte 12" },
    { "{\"name\":\"a\"", "not well-formed JSON at byte 11" },
    { "{\"name\":\"a\"} x", "not well-formed JSON at byte 13" },
    { "{\"name\":\"a\"}{}", "not well-formed JSON at byte 12" },
    { "{\"name\":\"\\ud800\"}", "an escape that stands for no character at byte 9" },
    { "{\"scope\":\"\\udc00\"}", "an escape that stands for no character at byte 10" },
    { "{\"last_sync_at\":\"\\ud8ff\"}", "an escape that stands for no character at byte 17" },
    { "{\"name\":\"\\u0000\"}", "an escape that stands for no character at byte 9" },
    { "{\"name\":\"a\xff\"}", "not valid UTF-8 at byte 8" },
    { "{\"config\":{\"a\":tru}}", "not well-formed JSON at byte 15" },
    { "{\"config\":", "not well-formed JSON at byte 10" },
    { "{\"enabled\":truth}", "not well-formed JSON at byte 11" },
    { "{\"name\":nul}", "not well-formed JSON at byte 8" },
    { "{\"id\":[1,}", "not well-formed JSON at byte 9" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    assert_refused(cases[i].json, DOCUMENT_CREATE, "", cases[i].message);
}

static void a_byte_order_mark_is_refused(void **state)
{
  (void)state;
  assert_refused("\xef\xbb\xbf{}", DOCUMENT_CREATE, "", "not well-formed JSON at byte 0");
}

/* ---- keys ---- */

static void unknown_keys_are_refused_by_name(void **state)
{
  (void)state;
  assert_refused("{\"nam\":1}", DOCUMENT_CREATE, "nam", "is not a field");
  assert_refused("{\"name\":\"a\",\"Name\":1}", DOCUMENT_UPDATE, "Name", "is not a field");
  assert_refused("{\"caf\\u00e9\":1}", DOCUMENT_UPDATE, "café", "is not a field");
}

static void keys_that_can_not_be_shown_are_not(void **state)
{
  static const char *const keys[] = {
    "{\"\":1}",      "{\"a\\nb\":1}",   "{\"a\\u001b[2J\":1}",
    "{\"a\x7f\":1}", "{\"\\u0085\":1}", "{\"AKIAIOSFODNN7EXAMPLE\":1}"
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(keys); i++)
    assert_refused(keys[i], DOCUMENT_CREATE, "", "a key is not the name of a field");
}

static void long_unknown_keys_are_cut_on_a_character_boundary(void **state)
{
  char json[256];

  (void)state;
  for (int before = 0; before < 3; before++) {
    snprintf(json, sizeof(json), "{\"%.*s€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€€\":1}", before, "aa");
    assert_int_equal(read_with(json, DOCUMENT_CREATE, &defaults), CONNECTOR_INVALID);
    assert_true(strlen(failure.field) >= sizeof(failure.field) - 3);
    assert_int_equal((strlen(failure.field) - (size_t)before) % strlen("€"), 0);
  }
}

static void a_field_twice_is_refused_whatever_its_value_or_spelling(void **state)
{
  char json[512];

  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    snprintf(json, sizeof(json), "{\"%s\":null,\"%s\":null}", record_fields[i].name,
             record_fields[i].name);
    if (is_server(&record_fields[i]) || (record_fields[i].flags & FIELD_CLEARABLE) != 0)
      assert_refused(json, DOCUMENT_UPDATE, record_fields[i].name, "is there twice");
  }
  assert_refused("{\"name\":\"a\",\"type\":\"b\",\"n\\u0061me\":\"c\"}", DOCUMENT_CREATE, "name",
                 "is there twice");
}

static void a_key_twice_inside_a_field_is_refused_with_its_path(void **state)
{
  (void)state;
  assert_refused("{\"config\":{\"a\":{\"b\":1,\"\\u0062\":2}}}", DOCUMENT_UPDATE, "config.a.b",
                 "is there twice");
}

/* ---- types ---- */

struct kind_case {
  const char *value;
  unsigned fits; /* a bit for each kind that takes it */
};

#define FITS(kind) (1U << (kind))

static void every_field_refuses_every_other_type(void **state)
{
  static const struct kind_case cases[] = {
    { "\"text\"", FITS(KIND_TEXT) },
    { "\"\"", FITS(KIND_TEXT) },
    { "\"org\"", FITS(KIND_TEXT) },
    { "\"2026-11-23T17:49:00Z\"", FITS(KIND_TEXT) | FITS(KIND_TIME) },
    { "\"2026-02-30T17:49:00Z\"", FITS(KIND_TEXT) },
    { "\"1970-01-01T00:00:00Z\"", FITS(KIND_TEXT) },
    { "\"1970-01-01T01:00:00.0004+01:00\"", FITS(KIND_TEXT) },
    { "true", FITS(KIND_BOOL) },
    { "false", FITS(KIND_BOOL) },
    { "1", FITS(KIND_INTEGER) },
    { "9223372036854775807", FITS(KIND_INTEGER) },
    { "9223372036854775808", 0 },
    { "-1", 0 },
    { "1.0", 0 },
    { "1e0", 0 },
    { "{}", FITS(KIND_OBJECT) | FITS(KIND_TAGS) },
    { "{\"a\":[1]}", FITS(KIND_OBJECT) | FITS(KIND_TAGS) },
    { "[]", FITS(KIND_TEXTS) | FITS(KIND_TAGS) },
    { "[\"a\",\"\"]", FITS(KIND_TEXTS) | FITS(KIND_TAGS) },
    { "[\"a\",1]", FITS(KIND_TAGS) },
    { "[[\"a\"]]", FITS(KIND_TAGS) },
    { "[null]", FITS(KIND_TAGS) },
  };
  char json[512];

  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    uint64_t *taken = is_server(field) ? &draft.stamped : &draft.set;

    for (size_t j = 0; j < COUNT_OF(cases); j++) {
      bool fits = (cases[j].fits & FITS(field->kind)) != 0;
      const char *value = cases[j].value;

      /* The enums differ in their texts. */
      if (field->kind == KIND_ENUM && strcmp(value, "\"org\"") == 0)
        fits = strcmp(field->name, "scope") == 0;
      member(json, field, value);
      if (!fits && strcmp(field->name, "version") == 0)
        assert_refused(json, DOCUMENT_UPDATE, field->name, NULL);
      if (!fits && !is_server(field)) {
        assert_refused(json, DOCUMENT_CREATE, field->name, NULL);
        continue;
      }
      read_draft(json, DOCUMENT_CREATE);
      assert_true(*taken == (fits ? field_bit(field) : 0));
    }
  }
}

struct complaint_case {
  const char *json;
  const char *field;
  const char *message;
};

static void a_wrong_value_is_told_in_one_sentence(void **state)
{
  static const struct complaint_case cases[] = {
    { "{\"name\":1}", "name", "must be text" },
    { "{\"name\":{\"a\":[]}}", "name", "must be text" },
    { "{\"scope\":\"all\"}", "scope", "must be one of org, user, group" },
    { "{\"scope\":1}", "scope", "must be one of org, user, group" },
    { "{\"source_type\":\"\"}", "source_type",
      "must be one of frontend, backend, server, system, api" },
    { "{\"enabled\":1}", "enabled", "must be true or false" },
    { "{\"enabled\":\"true\"}", "enabled", "must be true or false" },
    { "{\"consecutive_errors\":-1}", "consecutive_errors", "must be a whole number of at least 0" },
    { "{\"version\":0}", "version", "must be a whole number of at least 1" },
    { "{\"version\":\"1\"}", "version", "must be a whole number of at least 1" },
    { "{\"version\":1.5}", "version", "must be a whole number of at least 1" },
    { "{\"last_sync_at\":0}", "last_sync_at", "must be an RFC 3339 date and time" },
    { "{\"last_sync_at\":\"yesterday\"}", "last_sync_at", "must be an RFC 3339 date and time" },
    { "{\"last_sync_at\":\"1970-01-01T00:00:00Z\"}", "last_sync_at",
      "must not be 1970-01-01T00:00:00Z" },
    { "{\"config\":[]}", "config", "must be a JSON object" },
    { "{\"metrics\":\"{}\"}", "metrics", "must be a JSON object" },
    { "{\"event_types\":{}}", "event_types", "must be a JSON array of text" },
    { "{\"event_types\":[1]}", "event_types", "must be a JSON array of text" },
    { "{\"tags\":\"a\"}", "tags", "must be a JSON array or object" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    assert_refused(cases[i].json, DOCUMENT_UPDATE, cases[i].field, cases[i].message);
}

static void zero_errors_and_false_are_values(void **state)
{
  (void)state;
  read_draft("{\"consecutive_errors\":0,\"enabled\":false}", DOCUMENT_UPDATE);
  assert_true(draft.set == (CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS) |
                            CONNECTOR_BIT(CONNECTOR_FIELD_ENABLED)));
}

/* ---- null ---- */

static void null_clears_in_an_update_and_is_absent_in_a_create(void **state)
{
  char json[512];

  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    bool clearable = (field->flags & FIELD_CLEARABLE) != 0;

    member(json, field, "null");
    if (!clearable && !is_server(field)) {
      assert_refused(json, DOCUMENT_UPDATE, field->name, "must not be null");
      assert_refused(json, DOCUMENT_CREATE, field->name, "must not be null");
      continue;
    }
    read_draft(json, DOCUMENT_UPDATE);
    assert_true(draft.cleared == (clearable ? field_bit(field) : 0));
    assert_true(draft.set == 0 && draft.stamped == 0 && draft.merge == 0);
    read_draft(json, DOCUMENT_CREATE);
    assert_true(draft.cleared == 0 && draft.set == 0 && draft.stamped == 0);
  }
}

/* ---- JSON fields ---- */

static void json_fields_are_compacted_and_keep_their_text(void **state)
{
  (void)state;
  read_draft("{\"config\": { \"b\" : [ 9007199254740993 , 1.10, 1e400 ] , \"a\\/\" : \"x y\" } }",
             DOCUMENT_CREATE);
  assert_string_equal(draft.values.config,
                      "{\"b\":[9007199254740993,1.10,1e400],\"a\\/\":\"x y\"}");
  assert_true(draft.compacted == CONNECTOR_BIT(CONNECTOR_FIELD_CONFIG));
}

static void objects_of_an_update_are_merge_patches(void **state)
{
  uint64_t objects = CONNECTOR_BIT(CONNECTOR_FIELD_CONFIG) |
                     CONNECTOR_BIT(CONNECTOR_FIELD_METRICS) | CONNECTOR_BIT(CONNECTOR_FIELD_TAGS);

  (void)state;
  read_draft("{\"config\":{},\"metrics\":{},\"tags\":{},\"event_types\":[]}", DOCUMENT_UPDATE);
  assert_true(draft.merge == objects);
  assert_true(draft.set == (objects | CONNECTOR_BIT(CONNECTOR_FIELD_EVENT_TYPES)));
  read_draft("{\"tags\":[]}", DOCUMENT_UPDATE);
  assert_true(draft.merge == 0);
  read_draft("{\"config\":{},\"metrics\":{},\"tags\":{}}", DOCUMENT_CREATE);
  assert_true(draft.merge == 0 && draft.set == objects);
}

static void a_json_field_over_its_limit_is_refused(void **state)
{
  struct limits limits = defaults;

  (void)state;
  limits.json = 7;
  assert_int_equal(read_with("{\"config\": { \"a\" : 1 } }", DOCUMENT_CREATE, &limits),
                   CONNECTOR_OK);
  assert_int_equal(read_with("{\"config\":{\"a\":12}}", DOCUMENT_CREATE, &limits),
                   CONNECTOR_INVALID);
  assert_string_equal(failure.field, "config");
  assert_string_equal(failure.message, "is longer than 7 bytes");
}

static void secrets_in_guarded_fields_are_refused_by_path_alone(void **state)
{
  static const struct complaint_case cases[] = {
    { "{\"config\":{\"auth\":{\"password\":\"hunter2\"}}}", "config.auth.password", NULL },
    { "{\"metrics\":{\"a\":[{\"apiKey\":\"hunter2\"}]}}", "metrics.a[0].apiKey", NULL },
    { "{\"tags\":[\"a\",\"b\",\"AKIAIOSFODNN7EXAMPLE\"]}", "tags[2]", NULL },
    { "{\"tags\":{\"AKIAIOSFODNN7EXAMPLE\":{\"password\":\"hunter2\"}}}", "tags.?.password", NULL },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    for (int use = DOCUMENT_CREATE; use <= DOCUMENT_UPDATE; use++) {
      assert_refused(cases[i].json, (enum document_use)use, cases[i].field,
                     "looks like a secret: keep it in the vault and name it by vault_path");
      assert_null(strstr(failure.message, "hunter2"));
      assert_null(strstr(failure.message, "AKIA"));
    }
}

static void secrets_are_taken_where_the_options_allow_or_the_field_is_not_guarded(void **state)
{
  struct limits limits = defaults;

  (void)state;
  read_draft("{\"event_types\":[\"AKIAIOSFODNN7EXAMPLE\"]}", DOCUMENT_CREATE);
  limits.allow_secrets = true;
  assert_int_equal(read_with("{\"config\":{\"password\":\"hunter2\"}}", DOCUMENT_CREATE, &limits),
                   CONNECTOR_OK);
}

/* A value of `depth` nested objects. */
static char *nested(const char *before, size_t depth, const char *after)
{
  struct buffer buffer = { 0 };

  buffer_text(&buffer, before);
  for (size_t i = 0; i < depth; i++)
    buffer_text(&buffer, i + 1 < depth ? "{\"a\":" : "{");
  for (size_t i = 0; i < depth; i++)
    buffer_byte(&buffer, '}');
  buffer_text(&buffer, after);
  return buffer_take(&buffer, NULL);
}

static void a_document_has_at_most_64_levels(void **state)
{
  char *deepest = nested("{\"config\":", JSON_DEPTH - 1, "}");
  char *deeper = nested("{\"config\":", JSON_DEPTH, "}");

  (void)state;
  read_draft(deepest, DOCUMENT_CREATE);
  assert_int_equal(read_with(deeper, DOCUMENT_CREATE, &defaults), CONNECTOR_INVALID);
  assert_non_null(strstr(failure.message, "nested deeper than 64 levels"));
  free(deepest);
  free(deeper);
}

/* ---- JSON text of the C API ---- */

static connector_status compact_config(const char *text, const struct limits *limits,
                                       const char **compact)
{
  failure = (connector_error){ 0 };
  return json_field_compact(&record_fields[CONNECTOR_FIELD_CONFIG], text, strlen(text), limits,
                            &draft.arena, compact, &failure);
}

static void one_json_value_is_compacted(void **state)
{
  const char *compact = NULL;

  (void)state;
  assert_int_equal(compact_config(" { \"a\" : [ 1.10 ] } ", &defaults, &compact), CONNECTOR_OK);
  assert_string_equal(compact, "{\"a\":[1.10]}");
}

static void what_is_no_value_of_the_field_is_refused_and_leaves_the_text_alone(void **state)
{
  static const struct complaint_case cases[] = {
    { "", "config", "not well-formed JSON at byte 0" },
    { "{} {}", "config", "not well-formed JSON at byte 3" },
    { "{}x", "config", "not well-formed JSON at byte 2" },
    { "{\"a\"", "config", "not well-formed JSON at byte 4" },
    { "[]", "config", "must be a JSON object" },
    { "null", "config", "must be a JSON object" },
    { "{\"a\":1,\"a\":2}", "config.a", "is there twice" },
    { "{\"token\":\"x\"}", "config.token",
      "looks like a secret: keep it in the vault and name it by vault_path" },
  };
  const char *compact = "untouched";

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    assert_int_equal(compact_config(cases[i].json, &defaults, &compact), CONNECTOR_INVALID);
    assert_string_equal(failure.field, cases[i].field);
    assert_string_equal(failure.message, cases[i].message);
    assert_string_equal(compact, "untouched");
  }
}

static void long_json_text_is_refused(void **state)
{
  struct limits limits = defaults;
  const char *compact = NULL;

  (void)state;
  limits.json = 7;
  limits.document = 12;
  assert_int_equal(compact_config("{ \"a\": 1 }", &limits, &compact), CONNECTOR_OK);
  assert_int_equal(compact_config("{\"a\":12}", &limits, &compact), CONNECTOR_INVALID);
  assert_string_equal(failure.message, "is longer than 7 bytes");
  assert_int_equal(compact_config("{ \"a\": 1     }", &limits, &compact), CONNECTOR_INVALID);
  assert_string_equal(failure.message, "is longer than 7 bytes");
}

static void json_text_fits_into_a_document_of_64_levels(void **state)
{
  char *deepest = nested("", JSON_DEPTH - 1, "");
  char *deeper = nested("", JSON_DEPTH, "");
  const char *compact = NULL;

  (void)state;
  assert_int_equal(compact_config(deepest, &defaults, &compact), CONNECTOR_OK);
  assert_int_equal(compact_config(deeper, &defaults, &compact), CONNECTOR_INVALID);
  free(deepest);
  free(deeper);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(every_field_is_read_in_any_order_and_spacing),
    TEST(an_empty_object_is_an_empty_draft),
    TEST(text_and_keys_are_decoded),
    TEST(a_document_over_its_limit_is_too_large),
    TEST(what_is_no_object_is_refused),
    TEST(malformed_json_is_refused_with_its_place),
    TEST(a_byte_order_mark_is_refused),
    TEST(unknown_keys_are_refused_by_name),
    TEST(keys_that_can_not_be_shown_are_not),
    TEST(long_unknown_keys_are_cut_on_a_character_boundary),
    TEST(a_field_twice_is_refused_whatever_its_value_or_spelling),
    TEST(a_key_twice_inside_a_field_is_refused_with_its_path),
    TEST(every_field_refuses_every_other_type),
    TEST(a_wrong_value_is_told_in_one_sentence),
    TEST(zero_errors_and_false_are_values),
    TEST(null_clears_in_an_update_and_is_absent_in_a_create),
    TEST(json_fields_are_compacted_and_keep_their_text),
    TEST(objects_of_an_update_are_merge_patches),
    TEST(a_json_field_over_its_limit_is_refused),
    TEST(secrets_in_guarded_fields_are_refused_by_path_alone),
    TEST(secrets_are_taken_where_the_options_allow_or_the_field_is_not_guarded),
    TEST(a_document_has_at_most_64_levels),
    TEST(one_json_value_is_compacted),
    TEST(what_is_no_value_of_the_field_is_refused_and_leaves_the_text_alone),
    TEST(long_json_text_is_refused),
    TEST(json_text_fits_into_a_document_of_64_levels),
  };

  return cmocka_run_group_tests_name("json_document", tests, NULL, NULL);
}
