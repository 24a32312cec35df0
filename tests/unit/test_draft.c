/*
 * record/draft: what a patch gives, the checks that every draft passes, merging and applying.
 */
#include "engine_support.h"

static const struct limits limits = { .text = 100, .json = 200, .document = 1000 };

static struct draft draft;

static int setup_draft(void **state)
{
  (void)state;
  draft_init(&draft);
  return 0;
}

static int teardown_draft(void **state)
{
  (void)state;
  draft_free(&draft);
  return 0;
}

#define draft_test(name) cmocka_unit_test_setup_teardown(name, setup_draft, teardown_draft)

static void again(void)
{
  draft_free(&draft);
  draft_init(&draft);
}

/* A value that fits the field's kind, as a patch holds it. */
static void patch_member(connector_patch *patch, const struct field *field)
{
  static const char *const texts[] = {
    [KIND_TEXT] = "text", [KIND_OBJECT] = "{}", [KIND_TEXTS] = "[]", [KIND_TAGS] = "[]"
  };
  char *at = (char *)patch + field->patch_at;
  int choice = 2;
  int64_t number = 5;
  const char *text = field_is_text(field) ? texts[field->kind] : NULL;
  if (text != NULL)
    memcpy(at, &text, sizeof(text));
  else if (field->kind == KIND_BOOL || field->kind == KIND_ENUM)
    memcpy(at, &choice, sizeof(choice));
  else
    memcpy(at, &number, sizeof(number));
}

/* ---- patches ---- */

static void an_empty_patch_sets_nothing(void **state)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  (void)state;
  engine_ok(draft_from_patch(&draft, &patch, &failure));
  assert_int_equal(draft.set, 0);
  assert_int_equal(draft.cleared, 0);
}

static void each_member_that_is_given_is_set_alone(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    connector_patch patch = CONNECTOR_PATCH_INIT;
    if (field->patch_at == 0)
      continue;
    again();
    patch_member(&patch, field);
    engine_ok(draft_from_patch(&draft, &patch, &failure));
    assert_int_equal(draft.set, CONNECTOR_BIT(i));
    if (field_is_text(field))
      assert_non_null(*field_text(&draft.values, field));
    else
      assert_int_equal(field_number(&draft.values, field), field->kind == KIND_BOOL   ? 1
                                                           : field->kind == KIND_ENUM ? 2
                                                                                      : 5);
  }
}

static void no_is_a_value_and_unset_is_none(void **state)
{
  (void)state;
  engine_ok(draft_from_patch(&draft, PATCH(.enabled = CONNECTOR_NO), &failure));
  assert_int_equal(draft.set, CONNECTOR_BIT(CONNECTOR_FIELD_ENABLED));
  assert_false(draft.values.enabled);
  again();
  engine_fails_at(draft_from_patch(&draft, PATCH(.enabled = (connector_bool)3), &failure),
                  CONNECTOR_INVALID, "enabled");
}

static void only_clearable_fields_can_be_cleared(void **state)
{
  (void)state;
  for (size_t i = 0; i < 64; i++) {
    bool clearable = i < CONNECTOR_FIELD_COUNT && (record_fields[i].flags & FIELD_CLEARABLE) != 0;
    const char *named = i < CONNECTOR_FIELD_COUNT ? record_fields[i].name : "clear";
    again();
    if (clearable)
      engine_ok(draft_from_patch(&draft, PATCH(.clear = CONNECTOR_BIT(i)), &failure));
    else
      engine_fails_at(draft_from_patch(&draft, PATCH(.clear = CONNECTOR_BIT(i)), &failure),
                      CONNECTOR_INVALID, named);
  }
}

static void written_and_cleared_at_once_is_invalid(void **state)
{
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    connector_patch patch = CONNECTOR_PATCH_INIT;
    if ((field->flags & FIELD_CLEARABLE) == 0)
      continue;
    again();
    patch_member(&patch, field);
    patch.clear = CONNECTOR_BIT(i);
    engine_fails_at(draft_from_patch(&draft, &patch, &failure), CONNECTOR_INVALID, field->name);
  }
}

/* ---- checks ---- */

static void check(const connector_patch *patch, const char *field)
{
  again();
  engine_ok(draft_from_patch(&draft, patch, &failure));
  if (field == NULL)
    engine_ok(draft_check(&draft, &limits, &failure));
  else
    engine_fails_at(draft_check(&draft, &limits, &failure), CONNECTOR_INVALID, field);
}

static void text_is_counted_in_bytes_up_to_its_limit(void **state)
{
  char text[402];
  (void)state;
  memset(text, 'x', sizeof(text));
  text[100] = '\0';
  check(PATCH(.provider = text), NULL);
  text[100] = 'x';
  text[101] = '\0';
  check(PATCH(.provider = text), "provider");
  check(PATCH(.name = text), NULL);
  text[101] = 'x';
  text[256] = '\0';
  check(PATCH(.name = text), NULL);
  text[256] = 'x';
  text[257] = '\0';
  check(PATCH(.name = text), "name");
}

static void bad_values_name_their_field(void **state)
{
  const struct {
    const char *field;
    connector_patch patch;
  } bad[] = {
    { "source", { .source = "a\xc0\x80" } },
    { "source_type", { .source_type = (connector_source_type)6 } },
    { "type", { .type = "a\nb" } },
    { "provider", { .provider = "a\x7f" } },
    { "scope", { .scope = (connector_scope)4 } },
    { "config", { .config = "[]" } },
    { "config", { .config = "{\"a\":1} x" } },
    { "config.a", { .config = "{\"a\":1,\"a\":2}" } },
    { "config.password", { .config = "{\"password\":\"hunter2\"}" } },
    { "oauth_token_expires_at", { .oauth_token_expires_at = INT64_MAX } },
    { "last_sync_at", { .last_sync_at = INT64_MIN } },
    { "consecutive_errors", { .consecutive_errors = -1 } },
    { "last_error", { .last_error = "a\xff" } },
    { "metrics", { .metrics = "1" } },
    { "event_types", { .event_types = "[1]" } },
    { "event_types", { .event_types = "{}" } },
    { "tags", { .tags = "\"x\"" } },
    { "tags", { .tags = "" } },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    connector_patch patch = bad[i].patch;
    patch.size = sizeof(patch);
    check(&patch, bad[i].field);
  }
}

static void json_is_kept_without_white_space(void **state)
{
  (void)state;
  check(PATCH(.config = " { \"b\" : 1.10 , \"a\" : [ 1e400 ] } ", .tags = "[ ]"), NULL);
  assert_text(draft.values.config, "{\"b\":1.10,\"a\":[1e400]}");
  assert_text(draft.values.tags, "[]");
}

static void json_over_its_limit_is_invalid(void **state)
{
  char json[300];
  (void)state;
  snprintf(
      json, sizeof(json), "[\"%.196s\"]",
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
      "xxxx"
      "xxxxxxxxxxxx");
  assert_int_equal(strlen(json), 200);
  check(PATCH(.tags = json), NULL);
  memcpy(json + 198, "x\"]", 4);
  check(PATCH(.tags = json), "tags");
}

static void last_error_is_scrubbed_and_cut_rather_than_refused(void **state)
{
  char text[5000];
  (void)state;
  check(PATCH(.last_error = "line 1\n\tat line 2: ghp_abcdefghijklmnopqrstuvwxyz0123456789"), NULL);
  assert_contains(draft.values.last_error, "line 1\n\tat line 2");
  assert_contains(draft.values.last_error, "[redacted]");
  assert_lacks(draft.values.last_error, "ghp_");
  memset(text, 'x', sizeof(text));
  text[0] = 'y';
  for (size_t i = 1; i + 1 < sizeof(text) - 1; i += 2)
    memcpy(text + i, "\xc3\xa9", 2);
  text[sizeof(text) - 1] = '\0';
  check(PATCH(.last_error = text), NULL);
  assert_int_equal(strlen(draft.values.last_error), 4095);
}

/* ---- whole records ---- */

static void a_personal_or_group_record_needs_whom_it_is_for(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  engine_ok(record_check_scope(&record, &failure));
  record.scope = CONNECTOR_SCOPE_USER;
  engine_fails_at(record_check_scope(&record, &failure), CONNECTOR_INVALID, "user_id");
  record.user_id = "";
  engine_fails_at(record_check_scope(&record, &failure), CONNECTOR_INVALID, "user_id");
  record.user_id = "ann";
  engine_ok(record_check_scope(&record, &failure));
  record.scope = CONNECTOR_SCOPE_GROUP;
  engine_fails_at(record_check_scope(&record, &failure), CONNECTOR_INVALID, "group_id");
  record.group_id = "ops";
  engine_ok(record_check_scope(&record, &failure));
}

static void a_stored_record_must_have_what_is_never_null(void **state)
{
  connector good = sample("tenant-a", "cnn_1");
  (void)state;
  engine_ok(record_check(&good, &limits, &failure));
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    connector record = good;
    if (!field_is_text(field) || (field->flags & FIELD_NULLABLE) != 0)
      continue;
    *field_text(&record, field) = NULL;
    engine_fails_at(record_check(&record, &limits, &failure), CONNECTOR_INVALID, field->name);
  }
  good.version = 0;
  engine_fails_at(record_check(&good, &limits, &failure), CONNECTOR_INVALID, "version");
}

static void a_stored_record_is_held_to_the_rules_of_its_fields(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  record.scope = (connector_scope)0;
  engine_fails_at(record_check(&record, &limits, &failure), CONNECTOR_INVALID, "scope");
  record = sample("tenant-a", "cnn_1");
  record.config = "{\"a\":";
  engine_fails_at(record_check(&record, &limits, &failure), CONNECTOR_INVALID, "config");
  record = sample("tenant-a", "cnn_1");
  record.scope = CONNECTOR_SCOPE_GROUP;
  engine_fails_at(record_check(&record, &limits, &failure), CONNECTOR_INVALID, "group_id");
}

/* ---- merging and applying ---- */

static void merge(const char *config, const char *patch)
{
  connector record = sample("tenant-a", "cnn_1");
  char json[200];
  record.config = config;
  again();
  snprintf(json, sizeof(json), "{\"config\":%s}", patch);
  engine_ok(draft_from_json(&draft, json, strlen(json), DOCUMENT_UPDATE, &limits, &failure));
  engine_ok(draft_check(&draft, &limits, &failure));
  memset(&failure, 0, sizeof(failure));
  failure.status = draft_merge(&draft, &record, &limits, &failure);
}

static void a_merge_patch_is_applied_to_what_stands(void **state)
{
  (void)state;
  merge("{\"a\":1.10,\"b\":{\"c\":2}}", "{\"b\":{\"d\":3},\"e\":null}");
  assert_int_equal(failure.status, CONNECTOR_OK);
  assert_text(draft.values.config, "{\"a\":1.10,\"b\":{\"c\":2,\"d\":3}}");
  assert_int_equal(draft.merge, 0);
  merge(NULL, "{\"a\":{\"b\":null,\"c\":1}}");
  assert_text(draft.values.config, "{\"a\":{\"c\":1}}");
}

static void what_a_merge_makes_is_checked(void **state)
{
  char config[200];
  (void)state;
  snprintf(config, sizeof(config), "{\"a\":\"%0150d\"}", 0);
  merge(config, "{\"b\":\"0123456789\"}");
  assert_int_equal(failure.status, CONNECTOR_OK);
  merge(config, "{\"b\":\"0123456789012345678901234567890123456789\"}");
  assert_int_equal(failure.status, CONNECTOR_INVALID);
  assert_text(failure.field, "config");
  merge("{\"password\":\"hunter2\"}", "{\"a\":1}");
  assert_int_equal(failure.status, CONNECTOR_INVALID);
  assert_text(failure.field, "config.password");
  assert_lacks(failure.message, "hunter2");
}

static void merging_into_stored_text_that_is_no_json_tells_a_damaged_file(void **state)
{
  static const char *const stored[] = { "{\"a\":", "", "{\"a\":1}}", "{\"a\":\"\xff\"}" };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(stored); i++) {
    merge(stored[i], "{\"b\":1}");
    if (failure.status != CONNECTOR_CORRUPT)
      fail_msg("%s: %s", stored[i], connector_status_name(failure.status));
  }
}

static void applying_writes_what_is_set_and_empties_what_is_cleared(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  connector before;
  (void)state;
  record.provider = "jira";
  record.consecutive_errors = 4;
  record.name = "old";
  before = record;
  engine_ok(draft_from_patch(&draft,
                             PATCH(.name = "new", .enabled = CONNECTOR_NO,
                                   .clear = CONNECTOR_BIT(CONNECTOR_FIELD_PROVIDER) |
                                            CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS)),
                             &failure));
  draft_apply(&draft, &record);
  before.name = "new";
  before.enabled = false;
  before.provider = NULL;
  before.consecutive_errors = 0;
  assert_true(connector_equal(&record, &before));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    draft_test(an_empty_patch_sets_nothing),
    draft_test(each_member_that_is_given_is_set_alone),
    draft_test(no_is_a_value_and_unset_is_none),
    draft_test(only_clearable_fields_can_be_cleared),
    draft_test(written_and_cleared_at_once_is_invalid),
    draft_test(text_is_counted_in_bytes_up_to_its_limit),
    draft_test(bad_values_name_their_field),
    draft_test(json_is_kept_without_white_space),
    draft_test(json_over_its_limit_is_invalid),
    draft_test(last_error_is_scrubbed_and_cut_rather_than_refused),
    draft_test(a_personal_or_group_record_needs_whom_it_is_for),
    draft_test(a_stored_record_must_have_what_is_never_null),
    draft_test(a_stored_record_is_held_to_the_rules_of_its_fields),
    draft_test(a_merge_patch_is_applied_to_what_stands),
    draft_test(what_a_merge_makes_is_checked),
    draft_test(merging_into_stored_text_that_is_no_json_tells_a_damaged_file),
    draft_test(applying_writes_what_is_set_and_empties_what_is_cleared),
  };
  return cmocka_run_group_tests_name("draft", tests, NULL, NULL);
}
