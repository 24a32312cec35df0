/*
 * What a create refuses: too long, bad text, wrong JSON, contradictions, scopes that do not add up
 * and records that a member could not read. A refused create leaves nothing behind.
 */
#include "columns.h"

static connector_status create_with(const struct column *column, const char *text)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  patch_text(&patch, column, text);
  return connector_create(test.store, &patch, NULL, &failure);
}

static bool is_text(const struct column *column)
{
  return column->user && column->kind == TEXT;
}

/* Text of `length` bytes that is fit for the field. */
static char *text_of(const struct column *column, size_t length)
{
  static const char mount[] = "secret/data/";
  char *text = malloc(length + 1);
  assert_non_null(text);
  memset(text, 'x', length);
  text[length] = '\0';
  if (strcmp(column->name, "vault_path") == 0 && length > sizeof(mount))
    memcpy(text, mount, sizeof(mount) - 1);
  return text;
}

static size_t limit_of(const struct column *column)
{
  return strcmp(column->name, "name") == 0 ? 256 : 1024;
}

static void text_at_its_limit_is_kept_and_one_over_is_invalid(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    if (!is_text(&columns[i]) || strcmp(columns[i].name, "last_error") == 0)
      continue;
    char *fits = text_of(&columns[i], limit_of(&columns[i]));
    char *over = text_of(&columns[i], limit_of(&columns[i]) + 1);
    assert_ok(create_with(&columns[i], fits));
    assert_invalid(create_with(&columns[i], over), columns[i].name);
    free(fits);
    free(over);
  }
}

static void an_option_sets_the_limit_of_text(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.max_text = 10;
  options.max_json = 12;
  open_store(&options);
  current.person_id = "p";
  assert_ok(connector_create(test.store, PATCH(.provider = "0123456789"), NULL, &failure));
  assert_invalid(connector_create(test.store, PATCH(.provider = "0123456789a"), NULL, &failure),
                 "provider");
  assert_ok(connector_create(test.store, PATCH(.config = "{\"a\":123456}"), NULL, &failure));
  assert_invalid(connector_create(test.store, PATCH(.config = "{\"a\":1234567}"), NULL, &failure),
                 "config");
}

static void json_at_its_limit_is_kept_and_one_over_is_invalid(void **state)
{
  (void)state;
  enum {
    LIMIT = 256 * 1024
  };
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    if (!column_is_json(&columns[i]))
      continue;
    bool array = columns[i].kind == TEXTS;
    char *text = malloc(LIMIT + 2);
    assert_non_null(text);
    const char *head = array ? "[\"" : "{\"k\":\"";
    const char *tail = array ? "\"]" : "\"}";
    for (size_t length = LIMIT; length <= LIMIT + 1; length++) {
      memset(text, 'x', length);
      memcpy(text, head, strlen(head));
      memcpy(text + length - 2, tail, 3);
      if (length == LIMIT)
        assert_ok(create_with(&columns[i], text));
      else
        assert_invalid(create_with(&columns[i], text), columns[i].name);
    }
    free(text);
  }
}

static void last_error_is_cut_on_a_character_boundary(void **state)
{
  (void)state;
  char text[5001];
  memset(text, 'x', 4095);
  memcpy(text + 4095, "\xc3\xa9 and more", 12);
  connector *record = make(PATCH(.last_error = text));
  assert_int_equal(strlen(record->last_error), 4095);
  connector_free(record);
  memset(text, 'y', 5000);
  text[5000] = '\0';
  record = make(PATCH(.last_error = text));
  assert_int_equal(strlen(record->last_error), 4096);
  connector_free(record);
}

static void bad_utf8_is_invalid_in_every_field(void **state)
{
  (void)state;
  static const char *const bad[] = {
    "\xff",
    "a\xc3",
    "\xc0\xaf",
    "\xed\xa0\x80",
    "\xf4\x90\x80\x80",
    "\xe2\x82",
    "\x80",
    "\xf8\x88\x80\x80\x80",
    "ok\xfe",
  };
  char json[64];
  for (size_t i = 0; i < COUNT_OF(columns); i++)
    for (size_t j = 0; j < COUNT_OF(bad); j++) {
      if (is_text(&columns[i]))
        assert_invalid(create_with(&columns[i], bad[j]), columns[i].name);
      if (!column_is_json(&columns[i]))
        continue;
      snprintf(json, sizeof(json), columns[i].kind == TEXTS ? "[\"%s\"]" : "{\"a\":\"%s\"}",
               bad[j]);
      assert_invalid(create_with(&columns[i], json), columns[i].name);
    }
}

static void control_characters_are_invalid_in_every_text_field(void **state)
{
  (void)state;
  char text[] = "a?b";
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    if (!is_text(&columns[i]))
      continue;
    bool lines = strcmp(columns[i].name, "last_error") == 0;
    for (int control = 1; control < 0x20; control++) {
      text[1] = (char)control;
      if (lines && (control == '\t' || control == '\n'))
        assert_ok(create_with(&columns[i], text));
      else
        assert_invalid(create_with(&columns[i], text), columns[i].name);
    }
    assert_invalid(create_with(&columns[i], "\x7f"), columns[i].name);
    assert_invalid(create_with(&columns[i], "x\xc2\x85"), columns[i].name);
  }
}

static void json_fields_take_their_kind_only(void **state)
{
  (void)state;
  static const struct {
    const char *json;
    bool object, texts, tags;
  } rows[] = {
    { "{}", true, false, true },
    { "{\"a\":{\"b\":[1,null,true]}}", true, false, true },
    { "[]", false, true, true },
    { "[\"a\",\"b\"]", false, true, true },
    { "[1]", false, false, true },
    { "[[\"a\"]]", false, false, true },
    { "\"text\"", false, false, false },
    { "1", false, false, false },
    { "true", false, false, false },
    { "null", false, false, false },
    { "", false, false, false },
    { " ", false, false, false },
    { "{", false, false, false },
    { "[\"a\",]", false, false, false },
    { "{\"a\":1,}", false, false, false },
    { "{\"a\":1}x", false, false, false },
    { "[] []", false, false, false },
    { "{\"a\":1,\"a\":2}", false, false, false },
    { "{\"a\":{\"b\":1,\"b\":2}}", false, false, false },
    { "{\"a\":01}", false, false, false },
    { "{\"a\":NaN}", false, false, false },
    { "{'a':1}", false, false, false },
    { "{\"a\":\"\\ud800\"}", false, false, false },
    { "{\"a\":\"\\u0000\"}", false, false, false },
    { "{\"a\":\"\n\"}", false, false, false },
  };
  for (size_t i = 0; i < COUNT_OF(columns); i++)
    for (size_t j = 0; j < COUNT_OF(rows); j++) {
      if (!column_is_json(&columns[i]))
        continue;
      bool fits = columns[i].kind == OBJECT  ? rows[j].object
                  : columns[i].kind == TEXTS ? rows[j].texts
                                             : rows[j].tags;
      if (fits)
        assert_ok(create_with(&columns[i], rows[j].json));
      else
        assert_status(create_with(&columns[i], rows[j].json), CONNECTOR_INVALID);
      if (!fits && strncmp(failure.field, columns[i].name, strlen(columns[i].name)) != 0)
        fail_msg("%s: the field is \"%s\"", columns[i].name, failure.field);
    }
}

/* A document is at most 64 deep, and a field one less: what is stored can always be sent back. */
static void json_is_at_most_64_deep(void **state)
{
  (void)state;
  char json[200];
  for (size_t depth = 63; depth <= 64; depth++) {
    memset(json, '[', depth);
    memset(json + depth, ']', depth);
    json[2 * depth] = '\0';
    if (depth == 63)
      assert_ok(connector_create(test.store, PATCH(.tags = json), NULL, &failure));
    else
      assert_invalid(connector_create(test.store, PATCH(.tags = json), NULL, &failure), "tags");
  }
}

static void numbers_and_enums_out_of_range_are_invalid(void **state)
{
  (void)state;
  connector_store *store = test.store;
  assert_invalid(connector_create(store, PATCH(.consecutive_errors = -1), NULL, &failure),
                 "consecutive_errors");
  assert_invalid(connector_create(store, PATCH(.last_sync_at = INT64_MAX), NULL, &failure),
                 "last_sync_at");
  assert_invalid(connector_create(store, PATCH(.next_rotation_due = INT64_MIN), NULL, &failure),
                 "next_rotation_due");
  assert_invalid(connector_create(store, PATCH(.scope = (connector_scope)4), NULL, &failure),
                 "scope");
  assert_invalid(
      connector_create(store, PATCH(.source_type = (connector_source_type)-1), NULL, &failure),
      "source_type");
  assert_invalid(connector_create(store, PATCH(.enabled = (connector_bool)3), NULL, &failure),
                 "enabled");
  assert_ok(connector_create(store, PATCH(.consecutive_errors = INT64_MAX), NULL, &failure));
}

static void written_and_cleared_at_once_is_invalid(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    connector_patch patch = CONNECTOR_PATCH_INIT;
    if (!columns[i].user || !columns[i].nullable)
      continue;
    if (columns[i].kind == TIME || columns[i].kind == INTEGER)
      patch_number(&patch, &columns[i], 1);
    else
      patch_text(&patch, &columns[i], column_is_json(&columns[i]) ? "[]" : "x");
    patch.clear = CONNECTOR_BIT(i);
    assert_invalid(connector_create(test.store, &patch, NULL, &failure), columns[i].name);
  }
}

static void clearing_what_cannot_be_cleared_is_invalid(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    connector_patch patch = CONNECTOR_PATCH_INIT;
    patch.clear = CONNECTOR_BIT(i);
    if (columns[i].user && columns[i].nullable)
      assert_ok(connector_create(test.store, &patch, NULL, &failure));
    else
      assert_invalid(connector_create(test.store, &patch, NULL, &failure), columns[i].name);
  }
  assert_status(connector_create(test.store, PATCH(.clear = CONNECTOR_BIT(38)), NULL, &failure),
                CONNECTOR_INVALID);
}

static void scopes_need_their_group_or_person(void **state)
{
  (void)state;
  assert_invalid(
      connector_create(test.store, PATCH(.scope = CONNECTOR_SCOPE_GROUP), NULL, &failure),
      "group_id");
  current.user_id = NULL;
  assert_invalid(connector_create(test.store, PATCH(.scope = CONNECTOR_SCOPE_USER), NULL, &failure),
                 "user_id");
  assert_ok(connector_create(test.store, PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "someone"),
                             NULL, &failure));
}

static void a_member_creates_only_what_it_could_read(void **state)
{
  (void)state;
  static const char *const groups[] = { "group-1", "group-2" };
  connector_store *store = test.store;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.group_ids = groups;
  current.group_count = COUNT_OF(groups);
  assert_ok(connector_create(store, PATCH(0), NULL, &failure));
  assert_ok(connector_create(store, PATCH(.scope = CONNECTOR_SCOPE_USER), NULL, &failure));
  assert_ok(connector_create(store, PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-2"),
                             NULL, &failure));
  assert_status(connector_create(store,
                                 PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-3"), NULL,
                                 &failure),
                CONNECTOR_DENIED);
  assert_status(connector_create(store,
                                 PATCH(.scope = CONNECTOR_SCOPE_USER, .owner_id = "user-bob",
                                       .user_id = "user-bob"),
                                 NULL, &failure),
                CONNECTOR_DENIED);
  assert_int_equal(count_of(NULL), 3);
}

static void null_arguments_are_invalid(void **state)
{
  (void)state;
  connector_patch patch = { 0 };
  assert_status(connector_create(NULL, PATCH(0), NULL, &failure), CONNECTOR_INVALID);
  assert_status(connector_create(test.store, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_status(connector_create(test.store, &patch, NULL, &failure), CONNECTOR_INVALID);
}

static void a_refused_create_leaves_nothing(void **state)
{
  (void)state;
  connector *record = (connector *)&failure;
  assert_invalid(
      connector_create(test.store, PATCH(.name = "fine", .tags = "{"), &record, &failure), "tags");
  assert_ptr_equal(record, &failure);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(text_at_its_limit_is_kept_and_one_over_is_invalid),
    store_test(an_option_sets_the_limit_of_text),
    memory_test(json_at_its_limit_is_kept_and_one_over_is_invalid),
    memory_test(last_error_is_cut_on_a_character_boundary),
    memory_test(bad_utf8_is_invalid_in_every_field),
    memory_test(control_characters_are_invalid_in_every_text_field),
    memory_test(json_fields_take_their_kind_only),
    memory_test(json_is_at_most_64_deep),
    memory_test(numbers_and_enums_out_of_range_are_invalid),
    memory_test(written_and_cleared_at_once_is_invalid),
    memory_test(clearing_what_cannot_be_cleared_is_invalid),
    memory_test(scopes_need_their_group_or_person),
    memory_test(a_member_creates_only_what_it_could_read),
    memory_test(null_arguments_are_invalid),
    memory_test(a_refused_create_leaves_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
