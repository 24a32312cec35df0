/*
 * Patches replayed: forward from the created row they give the record, back from the end its start.
 * A second store applies them, by RFC 7396.
 */
#include "columns.h"
#include "flat_json.h"
#include "lifecycle.h"

enum { EDITS = 60, RECORDS = 8 };

/* The store that patches are applied to. */
static connector_store *second;

static int setup_two(void **state)
{
  connector_options options = test_options();
  if (setup_clock(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &second, &failure) == CONNECTOR_OK ? 0 : -1;
}

static int teardown_two(void **state)
{
  connector_close(second);
  second = NULL;
  return teardown(state);
}

#define replay_test(name) cmocka_unit_test_setup_teardown(name, setup_two, teardown_two)

/* ---- random edits ---- */

static const char *random_object(uint64_t *seed)
{
  static const char *const objects[] = {
    "{}",
    "{\"a\":1}",
    "{\"a\":{\"b\":1,\"c\":[1,2]}}",
    "{\"a\":{\"b\":{\"d\":true}},\"e\":9007199254740993}",
    "{\"e\":1.10,\"a\":{}}",
    "{\"f\":\"quote \\\" brace } comma ,\",\"a\":[{\"b\":1}]}",
    "{\"a\":{\"c\":[],\"b\":\"x\"},\"\xc3\xa9\":\"\\u00e9\"}",
    "{\"a\":{\"b\":{\"d\":{\"e\":{\"f\":1}}}}}",
  };
  return objects[random_below(seed, COUNT_OF(objects))];
}

/* Gives one field a random value, or empties it. */
static void edit_field(connector_patch *patch, const struct column *column, uint64_t *seed)
{
  static const char *const texts[] = { "one", "two", "thr\"ee", "v\xc3\xa9 \xf0\x9f\x98\x80",
                                       "back\\slash" };
  static const char *const lists[] = { "[]", "[\"a\"]", "[\"a\",\"b\"]" };
  size_t pick = random_below(seed, 1000);
  bool required = strcmp(column->name, "group_id") == 0 || strcmp(column->name, "user_id") == 0;
  if (column->nullable && !required && pick % 5 == 0) {
    patch->clear |= UINT64_C(1) << (column - columns);
    return;
  }
  switch (column->kind) {
  case TEXT:
    patch_text(patch, column,
               strcmp(column->name, "vault_path") == 0 ? "secret/data/a"
                                                       : texts[pick % COUNT_OF(texts)]);
    return;
  case CHOICE:
    patch_number(patch, column, 1 + (int64_t)(pick % 3));
    return;
  case BOOLEAN:
    patch_number(patch, column, 1 + (int64_t)(pick % 2));
    return;
  case INTEGER:
    patch_number(patch, column, 1 + (int64_t)(pick % 9));
    return;
  case TIME:
    patch_number(patch, column, 1700000000000 + (int64_t)pick * 1001);
    return;
  case OBJECT:
    patch_text(patch, column, random_object(seed));
    return;
  case TEXTS:
    patch_text(patch, column, lists[pick % COUNT_OF(lists)]);
    return;
  case TAGS:
    patch_text(patch, column, pick % 2 == 0 ? lists[pick % COUNT_OF(lists)] : random_object(seed));
    return;
  }
}

static connector_patch random_patch(uint64_t *seed)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  for (size_t i = 0; i < COUNT_OF(columns); i++)
    if (columns[i].user && random_below(seed, 4) == 0)
      edit_field(&patch, &columns[i], seed);
  patch.group_id = patch.group_id == NULL ? "group-1" : patch.group_id;
  patch.user_id = patch.user_id == NULL ? "user-ann" : patch.user_id;
  return patch;
}

/* One write of any kind. */
static void edit(const char *id, uint64_t *seed)
{
  connector_patch patch = random_patch(seed);
  size_t pick = random_below(seed, 10);
  test_time += (int64_t)random_below(seed, 5000);
  if (pick == 0) {
    connector_free(succeed(id, (int64_t)random_below(seed, 50), (int64_t)random_below(seed, 900)));
  } else if (pick == 1) {
    connector_free(fail_sync(id, CONNECTOR_FAILURE_AUTH, "no password=hunter2 for you"));
  } else if (pick == 2) {
    assert_ok(connector_delete(test.store, id, 0, &failure));
    assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  } else {
    assert_ok(connector_update(test.store, id, 0, &patch, NULL, &failure));
  }
}

static connector *edited(char id[ID_SIZE], uint64_t *seed)
{
  connector_patch patch = random_patch(seed);
  connector *first = make(&patch);
  snprintf(id, ID_SIZE, "%s", first->id);
  for (int i = 0; i < EDITS; i++)
    edit(id, seed);
  return first;
}

/* ---- replay ---- */

/* Every field that a user may write is the same, JSON but for the order of keys. */
static void assert_same_fields(const connector *got, const connector *wanted)
{
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    const struct column *column = &columns[i];
    if (!column->user)
      continue;
    if (column->kind == OBJECT || column->kind == TAGS) {
      if (!flat_equal(column_text(column, got), column_text(column, wanted)))
        fail_msg("%s is %s, not %s", column->name, column_text(column, got),
                 column_text(column, wanted));
    } else if (column->kind == TEXT || column->kind == TEXTS) {
      assert_text(column_text(column, got), column_text(column, wanted));
    } else if (column_number(column, got) != column_number(column, wanted)) {
      fail_msg("%s is %lld, not %lld", column->name, (long long)column_number(column, got),
               (long long)column_number(column, wanted));
    }
  }
}

/* The record that the second store has after one more patch, to be freed. */
static connector *apply(const char *id, const char *patch)
{
  connector *record = NULL;
  assert_non_null(patch);
  assert_ok(connector_update_json(second, id, 0, patch, strlen(patch), &record, &failure));
  return record;
}

static connector *create_in_second(const char *json)
{
  connector *record = NULL;
  assert_non_null(json);
  assert_ok(connector_create_json(second, json, strlen(json), &record, &failure));
  return record;
}

static void forward_patches_lead_from_the_start_to_the_end(void **state)
{
  (void)state;
  uint64_t seed = 71;
  for (int i = 0; i < RECORDS; i++) {
    char id[ID_SIZE];
    connector *first = edited(id, &seed);
    connector *last = fetch(id);
    connector_changes *changes = history_of(id);
    size_t left = connector_changes_count(changes) - 1;
    connector *replayed = create_in_second(connector_changes_at(changes, left)->forward);
    assert_same_fields(replayed, first);
    while (left-- > 0) {
      connector *next = apply(replayed->id, connector_changes_at(changes, left)->forward);
      connector_free(replayed);
      replayed = next;
    }
    assert_same_fields(replayed, last);
    connector_changes_free(changes);
    connector_free(replayed);
    connector_free(first);
    connector_free(last);
  }
}

/* All fields of a record that a user may write, as a body for a create; to be freed. */
static char *as_body(const connector *record)
{
  char *json = NULL;
  assert_ok(connector_to_json(record, CONNECTOR_JSON_OMIT_NULL, &json, NULL, &failure));
  return json;
}

static void back_patches_lead_from_the_end_to_the_start(void **state)
{
  (void)state;
  uint64_t seed = 72;
  for (int i = 0; i < RECORDS; i++) {
    char id[ID_SIZE];
    connector *first = edited(id, &seed);
    connector *last = fetch(id);
    char *body = as_body(last);
    connector_changes *changes = history_of(id);
    connector *replayed = create_in_second(body);
    for (size_t at = 0; at + 1 < connector_changes_count(changes); at++) {
      connector *next = apply(replayed->id, connector_changes_at(changes, at)->back);
      connector_free(replayed);
      replayed = next;
    }
    assert_same_fields(replayed, first);
    connector_changes_free(changes);
    connector_string_free(body);
    connector_free(replayed);
    connector_free(first);
    connector_free(last);
  }
}

static void patches_hold_only_what_changed(void **state)
{
  (void)state;
  uint64_t seed = 73;
  char id[ID_SIZE];
  connector_free(edited(id, &seed));
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "only this"), NULL, &failure));
  connector_changes *changes = history_of(id);
  assert_text(connector_changes_at(changes, 0)->forward, "{\"name\":\"only this\"}");
  connector_changes_free(changes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    replay_test(forward_patches_lead_from_the_start_to_the_end),
    replay_test(back_patches_lead_from_the_end_to_the_start),
    replay_test(patches_hold_only_what_changed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
