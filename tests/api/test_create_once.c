/*
 * Idempotent creates: one record for one key, content, tenant and app within 24 hours.
 */
#include "support.h"

enum {
  DAY = 24 * 60 * 60 * 1000
};

static connector *once(const char *key, const connector_patch *patch)
{
  connector *record = NULL;
  assert_ok(connector_create_once(test.store, key, patch, &record, &failure));
  return record;
}

static void assert_same_record(connector *a, connector *b, bool same)
{
  assert_int_equal(strcmp(a->id, b->id) == 0, same);
  connector_free(a);
  connector_free(b);
}

static void a_repeat_gives_the_record_of_the_first_call(void **state)
{
  (void)state;
  connector *first = once("key-1", PATCH(.name = "one", .config = "{\"a\":1}"));
  assert_text(first->name, "one");
  test_time += 1000;
  connector *second = once("key-1", PATCH(.name = "one", .config = "{\"a\":1}"));
  assert_true(connector_equal(first, second));
  assert_same_record(first, second, true);
  assert_int_equal(count_of(NULL), 1);
}

static void other_keys_make_other_records(void **state)
{
  (void)state;
  assert_same_record(once("key-1", PATCH(.name = "x")), once("key-2", PATCH(.name = "x")), false);
  assert_int_equal(count_of(NULL), 2);
}

static void other_content_exists(void **state)
{
  (void)state;
  connector_free(once("key-1", PATCH(.name = "one")));
  assert_status(connector_create_once(test.store, "key-1", PATCH(.name = "two"), NULL, &failure),
                CONNECTOR_EXISTS);
  assert_status(connector_create_once(test.store, "key-1",
                                      PATCH(.name = "one", .enabled = CONNECTOR_NO), NULL,
                                      &failure),
                CONNECTOR_EXISTS);
  assert_status(
      connector_create_once(test.store, "key-1", PATCH(.provider = "one"), NULL, &failure),
      CONNECTOR_EXISTS);
  assert_int_equal(count_of(NULL), 1);
}

static void a_repeat_gives_the_record_as_it_stands_now(void **state)
{
  (void)state;
  connector *record = once("key-1", PATCH(.name = "one"));
  assert_ok(connector_update(test.store, record->id, 0, PATCH(.name = "moved on"), NULL, &failure));
  assert_ok(connector_delete(test.store, record->id, 0, &failure));
  connector *again = once("key-1", PATCH(.name = "one"));
  assert_text(again->name, "moved on");
  assert_true(again->is_deleted);
  assert_same_record(record, again, true);
}

static void a_key_is_forgotten_after_24_hours(void **state)
{
  (void)state;
  connector *first = once("key-1", PATCH(.name = "one"));
  test_time += DAY - 1;
  assert_same_record(first, once("key-1", PATCH(.name = "one")), true);
  test_time += 2;
  connector *second = once("key-1", PATCH(.name = "one"));
  assert_int_equal(count_of(NULL), 2);
  test_time += DAY + 1;
  assert_same_record(second, once("key-1", PATCH(.name = "other content")), false);
}

static void keys_are_of_a_tenant_and_app(void **state)
{
  (void)state;
  connector_free(once("key-1", PATCH(.name = "a")));
  current.app_id = "app-1";
  connector_free(once("key-1", PATCH(.name = "b")));
  current.app_id = "app-2";
  connector_free(once("key-1", PATCH(.name = "c")));
  become("tenant-b", NULL, CONNECTOR_ROLE_TENANT);
  connector_free(once("key-1", PATCH(.name = "d")));
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(count_of(NULL), 4);
}

static void a_key_is_1_to_255_bytes_of_text(void **state)
{
  (void)state;
  char key[257];
  memset(key, 'k', 256);
  key[256] = '\0';
  assert_invalid(connector_create_once(test.store, key, PATCH(0), NULL, &failure),
                 "idempotency_key");
  key[255] = '\0';
  connector_free(once(key, PATCH(0)));
  assert_invalid(connector_create_once(test.store, "", PATCH(0), NULL, &failure),
                 "idempotency_key");
  assert_invalid(connector_create_once(test.store, NULL, PATCH(0), NULL, &failure),
                 "idempotency_key");
  assert_invalid(connector_create_once(test.store, "\xff", PATCH(0), NULL, &failure),
                 "idempotency_key");
}

static void a_refused_create_does_not_use_up_the_key(void **state)
{
  (void)state;
  assert_invalid(connector_create_once(test.store, "key-1", PATCH(.name = "\xff"), NULL, &failure),
                 "name");
  connector_free(once("key-1", PATCH(.name = "fine")));
}

static void a_key_survives_closing(void **state)
{
  (void)state;
  connector_options options = test_options();
  connector *first = once("key-1", PATCH(.name = "one"));
  open_store(&options);
  assert_same_record(first, once("key-1", PATCH(.name = "one")), true);
}

static connector_status make_and_fail(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  connector_status status = connector_create_once(store, "key-1", PATCH(.name = "undone"), NULL,
                                                  error);
  return status == CONNECTOR_OK ? CONNECTOR_CANCELLED : status;
}

static void a_rolled_back_batch_gives_the_key_back(void **state)
{
  (void)state;
  memset(&failure, 0, sizeof(failure));
  assert_int_equal(connector_batch(test.store, make_and_fail, NULL, &failure), CONNECTOR_CANCELLED);
  connector_free(once("key-1", PATCH(.name = "other")));
  assert_int_equal(count_of(NULL), 1);
}

static void maintenance_keeps_young_keys_and_out_may_be_null(void **state)
{
  (void)state;
  assert_ok(connector_create_once(test.store, "key-1", PATCH(0), NULL, &failure));
  test_time += DAY / 2;
  assert_ok(connector_maintain(test.store, NULL, &failure));
  assert_ok(connector_create_once(test.store, "key-1", PATCH(0), NULL, &failure));
  assert_int_equal(count_of(NULL), 1);
  test_time += DAY;
  assert_ok(connector_maintain(test.store, NULL, &failure));
  assert_ok(connector_create_once(test.store, "key-1", PATCH(0), NULL, &failure));
  assert_int_equal(count_of(NULL), 2);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(a_repeat_gives_the_record_of_the_first_call),
    clock_test(other_keys_make_other_records),
    clock_test(other_content_exists),
    clock_test(a_repeat_gives_the_record_as_it_stands_now),
    clock_test(a_key_is_forgotten_after_24_hours),
    clock_test(keys_are_of_a_tenant_and_app),
    clock_test(a_key_is_1_to_255_bytes_of_text),
    clock_test(a_refused_create_does_not_use_up_the_key),
    store_test(a_key_survives_closing),
    clock_test(a_rolled_back_batch_gives_the_key_back),
    clock_test(maintenance_keeps_young_keys_and_out_may_be_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
