/*
 * record/record_diff: the patches between two states of a record, and the way back along them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "record/fields.h"
#include "record/record_diff.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { PAIRS = 20000, CHAIN = 40 };

static struct arena arena;
static struct record_diff diff;
static connector_error failure;

static int setup(void **state)
{
  (void)state;
  arena = (struct arena){ 0 };
  diff = (struct record_diff){ 0 };
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  record_diff_free(&diff);
  arena_free(&arena);
  return 0;
}

/* NULL for a length of 0, else a copy in the arena. */
static char *text_of(const struct buffer *patch)
{
  char *text = patch->length > 0 ? arena_copy(&arena, patch->bytes, patch->length) : NULL;

  assert_true(text != NULL || patch->length == 0);
  return text;
}

static void assert_patch(const struct buffer *patch, const char *wanted)
{
  const char *text = text_of(patch);

  if (text == NULL || wanted == NULL)
    assert_ptr_equal(text, wanted);
  else
    assert_string_equal(text, wanted);
}

static void assert_diff(const connector *before, const connector *after, const char *forward,
                        const char *back, const char *back_exact)
{
  assert_true(record_diff(before, after, &diff));
  assert_patch(&diff.forward, forward);
  assert_patch(&diff.back, back);
  assert_patch(&diff.back_exact, back_exact);
}

static connector sample(void)
{
  return (connector){ .id = "cnn_1",
                      .tenant_id = "tenant-a",
                      .source = "edm",
                      .source_type = CONNECTOR_SOURCE_TYPE_API,
                      .schema_version = 1,
                      .name = "jira",
                      .scope = CONNECTOR_SCOPE_ORG,
                      .config = "{\"url\":\"x\"}",
                      .enabled = true,
                      .version = 1 };
}

/* ---- what the patches are ---- */

static void records_that_are_equal_have_empty_patches(void **state)
{
  connector before = sample();
  connector after = sample();

  (void)state;
  assert_diff(&before, &after, "{}", "{}", NULL);
  assert_diff(&before, &before, "{}", "{}", NULL);
}

static void fields_that_differ_are_in_both_patches(void **state)
{
  connector before = sample();
  connector after = sample();

  (void)state;
  after.name = "Jira \"2\"";
  after.provider = "";
  after.scope = CONNECTOR_SCOPE_GROUP;
  after.group_id = "g";
  after.enabled = false;
  after.last_sync_at = 1700000000123;
  after.consecutive_errors = 7;
  assert_diff(&before, &after,
              "{\"provider\":\"\",\"name\":\"Jira \\\"2\\\"\",\"scope\":\"group\","
              "\"group_id\":\"g\",\"enabled\":false,"
              "\"last_sync_at\":\"2023-11-14T22:13:20.123Z\",\"consecutive_errors\":7}",
              "{\"provider\":null,\"name\":\"jira\",\"scope\":\"org\",\"group_id\":null,"
              "\"enabled\":true,\"last_sync_at\":null,\"consecutive_errors\":0}",
              NULL);
}

static void fields_of_the_server_are_in_no_patch(void **state)
{
  connector before = sample();
  connector after = sample();

  (void)state;
  after.id = "cnn_2";
  after.tenant_id = "tenant-b";
  after.app_id = "app";
  after.created_at = 1;
  after.updated_at = 2;
  after.created_by = "a";
  after.updated_by = "b";
  after.is_deleted = true;
  after.deleted_at = 3;
  after.deleted_by = "c";
  after.schema_version = 2;
  after.version = 2;
  assert_diff(&before, &after, "{}", "{}", NULL);
}

static void json_fields_differ_by_their_members(void **state)
{
  connector before = sample();
  connector after = sample();

  (void)state;
  before.metrics = "{\"a\":1,\"b\":2}";
  after.metrics = "{\"a\":1,\"b\":3}";
  before.tags = "[\"x\"]";
  after.tags = "{\"x\":1}";
  after.event_types = "[]";
  after.config = NULL;
  assert_diff(&before, &after,
              "{\"config\":null,\"metrics\":{\"b\":3},\"event_types\":[],\"tags\":{\"x\":1}}",
              "{\"config\":{\"url\":\"x\"},\"metrics\":{\"b\":2},\"event_types\":null,"
              "\"tags\":[\"x\"]}",
              NULL);
}

static void what_a_patch_can_not_put_back_is_kept_whole(void **state)
{
  connector before = sample();
  connector after = sample();

  (void)state;
  before.config = "{\"a\":null}";
  after.config = "{\"a\":1}";
  before.metrics = "{\"a\":1}";
  after.metrics = "{\"a\":2}";
  before.tags = "{\"a\":1,\"b\":2}";
  after.tags = "{\"b\":2,\"a\":1}";
  assert_diff(&before, &after, "{\"config\":{\"a\":1},\"metrics\":{\"a\":2},\"tags\":{}}",
              "{\"config\":{\"a\":null},\"metrics\":{\"a\":1},\"tags\":{}}",
              "{\"config\":{\"a\":null},\"tags\":{\"a\":1,\"b\":2}}");
}

static void a_created_record_has_booleans_and_what_is_not_empty_in_forward(void **state)
{
  connector after = sample();

  (void)state;
  after.created_at = 1;
  after.provider = "";
  assert_diff(NULL, &after,
              "{\"source\":\"edm\",\"source_type\":\"api\",\"provider\":\"\",\"name\":\"jira\","
              "\"scope\":\"org\",\"config\":{\"url\":\"x\"},\"oauth_refresh_needed\":false,"
              "\"enabled\":true}",
              NULL, NULL);
  assert_diff(NULL, &(connector){ .id = "cnn_1" },
              "{\"oauth_refresh_needed\":false,\"enabled\":false}", NULL, NULL);
}

static void a_purged_record_has_no_patches(void **state)
{
  connector before = sample();

  (void)state;
  assert_diff(&before, NULL, NULL, NULL, NULL);
  assert_diff(NULL, NULL, NULL, NULL, NULL);
}

static void patches_can_be_used_again(void **state)
{
  connector before = sample();
  connector after = sample();

  (void)state;
  before.tags = "{\"a\":null}";
  after.name = NULL;
  assert_diff(&before, &after, "{\"name\":null,\"tags\":null}",
              "{\"name\":\"jira\",\"tags\":{\"a\":null}}", "{\"tags\":{\"a\":null}}");
  assert_diff(&after, &after, "{}", "{}", NULL);
  assert_diff(&before, NULL, NULL, NULL, NULL);
}

static void a_failed_buffer_is_told(void **state)
{
  connector before = sample();
  connector after = sample();
  struct record_diff failed = { .back_exact.failed = true };

  (void)state;
  before.tags = "{\"a\":null}";
  assert_false(record_diff(&before, &after, &failed));
  record_diff_free(&failed);
  failed.back.failed = true;
  assert_false(record_diff(&before, &after, &failed));
  record_diff_free(&failed);
  failed.forward.failed = true;
  assert_false(record_diff(&before, &after, &failed));
  assert_false(record_diff(NULL, &after, &failed));
  record_diff_free(&failed);
}

/* ---- the way back ---- */

static void nothing_is_undone_without_patches(void **state)
{
  connector record = sample();
  connector wanted = sample();

  (void)state;
  assert_int_equal(record_undo(&record, NULL, NULL, &arena, &failure), CONNECTOR_OK);
  assert_int_equal(record_undo(&record, "{}", NULL, &arena, NULL), CONNECTOR_OK);
  assert_true(connector_equal(&record, &wanted));
}

static void whole_fields_win_over_merged_ones(void **state)
{
  connector record = sample();

  (void)state;
  assert_int_equal(record_undo(&record, "{\"config\":{\"a\":1},\"name\":null}",
                               "{\"config\":{\"a\":null}}", &arena, &failure),
                   CONNECTOR_OK);
  assert_string_equal(record.config, "{\"a\":null}");
  assert_null(record.name);
}

static void secrets_and_long_text_come_back_as_they_were(void **state)
{
  enum { LONG = 100000 };
  static char text[LONG + 1];
  connector before = sample();
  connector after = sample();

  (void)state;
  memset(text, 'x', LONG);
  before.config = "{\"password\":\"hunter2\",\"url\":\"https://u:p@h\"}";
  before.last_error = "password=hunter2\n\x01\x7F";
  before.name = text;
  assert_true(record_diff(&before, &after, &diff));
  assert_int_equal(
      record_undo(&after, text_of(&diff.back), text_of(&diff.back_exact), &arena, &failure),
      CONNECTOR_OK);
  assert_true(connector_equal(&after, &before));
}

static void what_is_no_patch_is_corrupt_and_changes_nothing(void **state)
{
  static const char *const patches[] = {
    "",
    "null",
    "[]",
    "{",
    "{} {}",
    "{\"unknown\":1}",
    "{\"name\":\"new\",\"name\":\"new\"}",
    "{\"name\":\"new\",\"scope\":null}",
    "{\"name\":\"new\",\"scope\":\"world\"}",
    "{\"name\":\"new\",\"enabled\":1}",
    "{\"name\":\"new\",\"consecutive_errors\":-1}",
    "{\"name\":\"new\",\"last_sync_at\":\"yesterday\"}",
    "{\"name\":\"new\",\"config\":[]}",
    "{\"name\":\"new\",\"event_types\":[1]}",
    "{\"name\":\"new\",\"id\":\"cnn_2\"}",
    "{\"name\":\"\xFF\"}",
  };
  connector record = sample();
  connector wanted = sample();

  (void)state;
  for (size_t i = 0; i < COUNT_OF(patches); i++) {
    memset(&failure, 0, sizeof(failure));
    if (record_undo(&record, patches[i], NULL, &arena, &failure) != CONNECTOR_CORRUPT ||
        failure.status != CONNECTOR_CORRUPT || failure.message[0] == '\0')
      fail_msg("back: %s", patches[i]);
    if (record_undo(&record, "{\"name\":\"new\"}", patches[i], &arena, NULL) != CONNECTOR_CORRUPT)
      fail_msg("back_exact: %s", patches[i]);
    assert_true(connector_equal(&record, &wanted));
  }
}

static void a_damaged_field_is_named_where_a_patch_merges_into_it(void **state)
{
  connector record = sample();

  (void)state;
  record.config = "{\"a\":";
  assert_int_equal(record_undo(&record, "{\"config\":{\"a\":1}}", NULL, &arena, &failure),
                   CONNECTOR_CORRUPT);
  assert_string_equal(failure.field, "config");
}

/* ---- random records ---- */

static const char *const texts[] = { NULL,    "",          "a",         "b \"quoted\\\"",
                                     "é\t\n", "\x01\x1F/", "中文 text", "null" };

static const char *const objects[] = {
  NULL,
  "{}",
  "{\"a\":null}",
  "{\"a\":1,\"b\":{\"c\":null,\"d\":[null]}}",
  "{\"b\":{\"d\":[null],\"c\":2},\"a\":1}",
  "{\"\\u0061\":1,\"b\":{}}",
  "{\"a\":1.10,\"b\":{\"c\":{\"d\":{}}}}",
  "{\"token\":\"t\",\"a\":2,\"b\":3,\"c\":4,\"d\":5,\"e\":6,\"f\":7,\"g\":8,\"h\":9,\"i\":10}",
  "{\"i\":10,\"h\":9,\"g\":8,\"f\":7,\"e\":6,\"d\":null,\"c\":4,\"b\":3,\"a\":2,\"z\":\"é\"}",
};

static const char *const lists[] = { NULL, "[]", "[\"a\"]", "[\"a\",\"\\u0062\"]" };

static const int64_t numbers[] = { 0, 1, 2, INT64_MAX };
static const int64_t times[] = { 0, 1, -1, 1700000000123, 253402300799999, -62167219200000 };

static uint64_t seed = UINT64_C(0x9E3779B97F4A7C15);

static size_t random_below(size_t limit)
{
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return (size_t)((seed * UINT64_C(2685821657736338717) >> 11) % limit);
}

static const char *random_text(const struct field *field)
{
  switch (field->kind) {
  case KIND_OBJECT:
    return objects[random_below(COUNT_OF(objects))];
  case KIND_TEXTS:
    return lists[random_below(COUNT_OF(lists))];
  case KIND_TAGS:
    return random_below(3) == 0 ? lists[random_below(COUNT_OF(lists))]
                                : objects[random_below(COUNT_OF(objects))];
  default:
    return texts[(field->flags & FIELD_NULLABLE) != 0 ? random_below(COUNT_OF(texts))
                                                      : 1 + random_below(COUNT_OF(texts) - 1)];
  }
}

static int64_t random_number(const struct field *field)
{
  switch (field->kind) {
  case KIND_ENUM:
    return 1 + (int64_t)random_below(field->names->count);
  case KIND_BOOL:
    return (int64_t)random_below(2);
  case KIND_TIME:
    return times[random_below(COUNT_OF(times))];
  default:
    return numbers[random_below(COUNT_OF(numbers))];
  }
}

/* Gives a field in so many a new value; those of the server too where `server` is true. */
static void change_fields(connector *record, size_t in_so_many, bool server)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if ((!server && field->writer == WRITER_SERVER) || random_below(in_so_many) != 0)
      continue;
    if (field_is_text(field))
      *field_text(record, field) = random_text(field);
    else
      field_set_number(record, field, random_number(field));
  }
}

/* A copy of a record whose fields of the server are those of another. */
static connector with_server_fields_of(const connector *record, const connector *other)
{
  connector copy = *record;

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if (field->writer != WRITER_SERVER)
      continue;
    if (field_is_text(field))
      *field_text(&copy, field) = *field_text(other, field);
    else
      field_set_number(&copy, field, field_number(other, field));
  }
  return copy;
}

static void check_pair(const connector *before, const connector *after)
{
  connector undone = *after;
  connector wanted = with_server_fields_of(before, after);
  const char *back = NULL;
  const char *back_exact = NULL;

  assert_true(record_diff(before, after, &diff));
  back = text_of(&diff.back);
  back_exact = text_of(&diff.back_exact);
  if (record_undo(&undone, back, back_exact, &arena, &failure) != CONNECTOR_OK)
    fail_msg("%s and %s: %s %s", back, back_exact, failure.field, failure.message);
  if (!connector_equal(&undone, &wanted))
    fail_msg("%s and %s do not lead back", back, back_exact);
}

static void every_record_is_led_back_to_byte_for_byte(void **state)
{
  (void)state;
  for (size_t i = 0; i < PAIRS; i++) {
    connector before = { 0 };
    connector after = { 0 };

    change_fields(&before, 1, true);
    after = before;
    change_fields(&after, 1 + i % 20, true);
    check_pair(&before, &after);
    arena_free(&arena);
  }
}

static void every_created_record_is_what_its_patch_says(void **state)
{
  (void)state;
  for (size_t i = 0; i < PAIRS / 10; i++) {
    connector after = { 0 };
    connector made = { 0 };

    change_fields(&after, 1, true);
    assert_true(record_diff(NULL, &after, &diff));
    made = with_server_fields_of(&made, &after);
    assert_int_equal(record_undo(&made, NULL, text_of(&diff.forward), &arena, &failure),
                     CONNECTOR_OK);
    assert_true(connector_equal(&made, &after));
    arena_free(&arena);
  }
}

/* All the way back in one arena, in which the text of each step is made of the step's before. */
static void a_chain_of_changes_is_undone_one_by_one(void **state)
{
  connector states[CHAIN] = { 0 };
  char *back[CHAIN];
  char *back_exact[CHAIN];
  connector record = { 0 };

  (void)state;
  change_fields(&states[0], 1, true);
  for (size_t i = 1; i < CHAIN; i++) {
    states[i] = states[i - 1];
    change_fields(&states[i], 3, false);
    assert_true(record_diff(&states[i - 1], &states[i], &diff));
    back[i] = text_of(&diff.back);
    back_exact[i] = text_of(&diff.back_exact);
  }
  record = states[CHAIN - 1];
  for (size_t i = CHAIN - 1; i > 0; i--) {
    assert_int_equal(record_undo(&record, back[i], back_exact[i], &arena, &failure), CONNECTOR_OK);
    assert_true(connector_equal(&record, &states[i - 1]));
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(records_that_are_equal_have_empty_patches),
    TEST(fields_that_differ_are_in_both_patches),
    TEST(fields_of_the_server_are_in_no_patch),
    TEST(json_fields_differ_by_their_members),
    TEST(what_a_patch_can_not_put_back_is_kept_whole),
    TEST(a_created_record_has_booleans_and_what_is_not_empty_in_forward),
    TEST(a_purged_record_has_no_patches),
    TEST(patches_can_be_used_again),
    TEST(a_failed_buffer_is_told),
    TEST(nothing_is_undone_without_patches),
    TEST(whole_fields_win_over_merged_ones),
    TEST(secrets_and_long_text_come_back_as_they_were),
    TEST(what_is_no_patch_is_corrupt_and_changes_nothing),
    TEST(a_damaged_field_is_named_where_a_patch_merges_into_it),
    TEST(every_record_is_led_back_to_byte_for_byte),
    TEST(every_created_record_is_what_its_patch_says),
    TEST(a_chain_of_changes_is_undone_one_by_one),
  };

  return cmocka_run_group_tests_name("record_diff", tests, NULL, NULL);
}
