/*
 * store/once: a key stands for one content and one record, in its tenant and app, for 24 hours.
 */
#include "store_support.h"

#include "store/once.h"

static void keys_are_1_to_255_bytes_of_plain_text(void **state)
{
  char key[300];
  (void)state;
  memset(key, 'k', sizeof(key));
  key[255] = '\0';
  engine_ok(once_check_key(key, &failure));
  key[255] = 'k';
  key[256] = '\0';
  engine_fails_at(once_check_key(key, &failure), CONNECTOR_INVALID, "idempotency_key");
  engine_fails_at(once_check_key("", &failure), CONNECTOR_INVALID, "idempotency_key");
  engine_fails_at(once_check_key(NULL, &failure), CONNECTOR_INVALID, "idempotency_key");
  engine_fails_at(once_check_key("a\n", &failure), CONNECTOR_INVALID, "idempotency_key");
  engine_fails_at(once_check_key("\xff", &failure), CONNECTOR_INVALID, "idempotency_key");
}

/* Creates under a key; the id, or "" and the status in `failure`. */
static const char *once(const char *key, const connector_patch *patch)
{
  static char id[2][ID_SIZE];
  static size_t turn;
  connector *record = NULL;
  turn = !turn;
  id[turn][0] = '\0';
  if (connector_create_once(test.store, key, patch, &record, &failure) == CONNECTOR_OK)
    snprintf(id[turn], ID_SIZE, "%s", record->id);
  connector_free(record);
  return id[turn];
}

static void the_same_content_is_the_same_record(void **state)
{
  const char *first = once("key", PATCH(.name = "a", .config = "{\"a\": 1}"));
  (void)state;
  assert_true(strlen(first) > 0);
  assert_text(once("key", PATCH(.name = "a", .config = "{ \"a\":1 }")), first);
  assert_int_equal(count_of(NULL), 1);
}

static void any_other_field_is_other_content(void **state)
{
  const connector_patch others[] = {
    { .name = "b" },
    { .name = "a", .provider = "jira" },
    { .provider = "a" },
    { .name = "a", .enabled = CONNECTOR_NO },
    { .name = "a", .consecutive_errors = 1 },
    { .name = "a", .source_type = CONNECTOR_SOURCE_TYPE_SYSTEM },
    { .name = "a", .tags = "[]" },
    { .name = "" },
  };
  (void)state;
  assert_true(strlen(once("key", PATCH(.name = "a"))) > 0);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    connector_patch patch = others[i];
    patch.size = sizeof(patch);
    assert_text(once("key", &patch), "");
    assert_int_equal(failure.status, CONNECTOR_EXISTS);
    assert_text(failure.field, "idempotency_key");
  }
  assert_int_equal(count_of(NULL), 1);
}

static void a_key_is_forgotten_after_24_hours(void **state)
{
  const char *first = once("key", PATCH(.name = "a"));
  (void)state;
  test_time += INT64_C(24) * 3600 * 1000 - 1;
  assert_text(once("key", PATCH(.name = "a")), first);
  test_time += 1;
  assert_string_not_equal(once("key", PATCH(.name = "other")), "");
  assert_int_equal(count_of(NULL), 2);
}

static void a_key_of_a_record_out_of_the_callers_reach_tells_nothing_of_it(void **state)
{
  (void)state;
  become("tenant-a", "user-bob", CONNECTOR_ROLE_MEMBER);
  assert_true(strlen(once("key", PATCH(.scope = CONNECTOR_SCOPE_USER))) > 0);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  assert_text(once("key", PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "user-bob",
                                .owner_id = "user-ann")),
              "");
  assert_int_equal(failure.status, CONNECTOR_EXISTS);
  assert_lacks(failure.message, "bob");
}

static void a_purged_records_key_is_free_again(void **state)
{
  char first[ID_SIZE];
  (void)state;
  snprintf(first, sizeof(first), "%s", once("key", PATCH(.name = "a")));
  assert_ok(connector_delete(test.store, first, 0, &failure));
  assert_text(once("key", PATCH(.name = "a")), first);
  assert_ok(connector_purge(test.store, first, &failure));
  assert_string_not_equal(once("key", PATCH(.name = "b")), first);
  assert_int_equal(failure.status, CONNECTOR_OK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(keys_are_1_to_255_bytes_of_plain_text),
    clock_test(the_same_content_is_the_same_record),
    clock_test(any_other_field_is_other_content),
    clock_test(a_key_is_forgotten_after_24_hours),
    clock_test(a_key_of_a_record_out_of_the_callers_reach_tells_nothing_of_it),
    clock_test(a_purged_records_key_is_free_again),
  };
  return cmocka_run_group_tests_name("once", tests, NULL, NULL);
}
