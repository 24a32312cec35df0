/*
 * Versions deleted, taken back, destroyed and listed.
 */
#include "vault_support.h"

static connector_status act(connector_status (*callback)(void *, const connector_secret_request *,
                                                         connector_error *),
                            const connector_secret_request *request)
{
  return callback(vault.secrets.user, request, &failure);
}

static void the_latest_version_is_removed_and_restored(void **state)
{
  (void)state;
  store_values("t/a", "one");
  store_values("t/a", "two");
  assert_ok(act(vault.secrets.remove, REQUEST(.path = "t/a")));
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DELETED);
  assert_ok(get(REQUEST(.path = "t/a", .version = 1), NULL));
  assert_ok(act(vault.secrets.restore, REQUEST(.path = "t/a")));
  check_token_at("t/a", "two");
}

static void one_version_is_removed_and_restored(void **state)
{
  (void)state;
  store_values("t/a", "one");
  store_values("t/a", "two");
  assert_ok(act(vault.secrets.remove, REQUEST(.path = "t/a", .version = 1)));
  assert_status(get(REQUEST(.path = "t/a", .version = 1), NULL), CONNECTOR_SECRET_DELETED);
  check_token_at("t/a", "two");
  assert_ok(act(vault.secrets.restore, REQUEST(.path = "t/a", .version = 1)));
  assert_ok(get(REQUEST(.path = "t/a", .version = 1), NULL));
}

static void restoring_what_is_there_changes_nothing(void **state)
{
  (void)state;
  store_values("t/a", "one");
  assert_ok(act(vault.secrets.restore, REQUEST(.path = "t/a")));
  check_token_at("t/a", "one");
}

static void what_is_absent_or_destroyed_is_not_restored(void **state)
{
  (void)state;
  assert_status(act(vault.secrets.restore, REQUEST(.path = "none")), CONNECTOR_SECRET_NOT_FOUND);
  store_values("t/a", "one");
  stand_in_destroy_version(vault.server, "secret", "t/a", 1);
  assert_status(act(vault.secrets.restore, REQUEST(.path = "t/a")), CONNECTOR_SECRET_DELETED);
}

static void destroy_removes_all_versions(void **state)
{
  (void)state;
  store_values("t/a", "one");
  store_values("t/a", "two");
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a")));
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(stand_in_version(vault.server, "secret", "t/a"), 0);
}

static void destroy_takes_one_version_for_good(void **state)
{
  (void)state;
  store_values("t/a", "one");
  store_values("t/a", "two");
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a", .version = 1)));
  assert_status(get(REQUEST(.path = "t/a", .version = 1), NULL), CONNECTOR_SECRET_DELETED);
  assert_status(act(vault.secrets.restore, REQUEST(.path = "t/a", .version = 1)),
                CONNECTOR_SECRET_DELETED);
  assert_status(get(REQUEST(.path = "t/a", .version = 1), NULL), CONNECTOR_SECRET_DELETED);
  check_token_at("t/a", "two");
  assert_int_equal(stand_in_version(vault.server, "secret", "t/a"), 2);
}

static void destroying_a_version_that_is_absent_is_fine(void **state)
{
  (void)state;
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "none", .version = 3)));
  store_values("t/a", "one");
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a", .version = 3)));
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a", .version = 1)));
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a", .version = 1)));
  FAULT(.kind = FAULT_STATUS, .status = 404, .body = "{\"errors\":[]}");
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "none", .version = 1)));
}

static void check_deleted_with_version(int64_t wanted)
{
  connector_secret *secret = new_secret();
  assert_status(get(REQUEST(.path = "t/a"), secret), CONNECTOR_SECRET_DELETED);
  assert_int_equal(connector_secret_version(secret), wanted);
  assert_int_equal(connector_secret_count(secret), 0);
  connector_secret_free(secret);
}

static void what_is_deleted_or_destroyed_tells_its_version(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  store_values("t/a", "one");
  store_values("t/a", "two");
  for (int cached = 0; cached < 2; cached++) {
    options.cache_ttl_ms = cached ? 60000 : 0;
    open_vault(&options);
    assert_ok(act(vault.secrets.remove, REQUEST(.path = "t/a")));
    check_deleted_with_version(2);
    assert_ok(act(vault.secrets.restore, REQUEST(.path = "t/a")));
  }
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a", .version = 2)));
  check_deleted_with_version(2);
  FAULT(.kind = FAULT_STATUS, .status = 404, .body = "{\"errors\":[]}");
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_NOT_FOUND);
}

static void destroying_what_is_absent_is_fine(void **state)
{
  (void)state;
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "none")));
  FAULT(.kind = FAULT_STATUS, .status = 404, .body = "{\"errors\":[]}");
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "none")));
}

static void nothing_is_destroyed_at_a_mount_that_is_not_there(void **state)
{
  (void)state;
  assert_status(act(vault.secrets.destroy, REQUEST_AT(.mount = "nowhere", .path = "a")),
                CONNECTOR_SECRET_PATH);
}

static void destroy_and_numbered_removals_are_retried(void **state)
{
  (void)state;
  store_values("t/a", "one");
  FAULT(.kind = FAULT_STATUS, .count = 2, .status = 500);
  assert_ok(act(vault.secrets.remove, REQUEST(.path = "t/a", .version = 1)));
  FAULT(.kind = FAULT_STATUS, .count = 2, .status = 500);
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a", .version = 1)));
  FAULT(.kind = FAULT_CLOSE, .count = 2);
  assert_ok(act(vault.secrets.destroy, REQUEST(.path = "t/a")));
  assert_int_equal(stand_in_version(vault.server, "secret", "t/a"), 0);
}

static void removing_the_latest_is_tried_once(void **state)
{
  (void)state;
  store_values("t/a", "one");
  FAULT(.kind = FAULT_CLOSE, .count = 1);
  assert_status(act(vault.secrets.remove, REQUEST(.path = "t/a")), CONNECTOR_SECRET_AMBIGUOUS);
  FAULT(.kind = FAULT_STATUS, .count = 1, .status = 429);
  assert_status(act(vault.secrets.remove, REQUEST(.path = "t/a")), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(stand_in_counts(vault.server).requests, 2);
}

/* ---- the list ---- */

struct list {
  connector_secret_version_info infos[32];
  size_t count;
  size_t stop_at;
};

static connector_status take_version(void *user, const connector_secret_version_info *info,
                                     connector_error *error)
{
  struct list *list = user;
  (void)error;
  if (list->stop_at > 0 && list->count == list->stop_at)
    return CONNECTOR_CANCELLED;
  list->infos[list->count++] = *info;
  return CONNECTOR_OK;
}

static connector_status versions(const char *path, struct list *list)
{
  return vault.secrets.versions(vault.secrets.user, REQUEST(.path = path), take_version, list,
                                &failure);
}

static void versions_are_listed_oldest_first(void **state)
{
  (void)state;
  struct list list = { 0 };
  for (int i = 0; i < 12; i++)
    store_values("t/a", "x");
  stand_in_destroy_version(vault.server, "secret", "t/a", 2);
  assert_ok(act(vault.secrets.remove, REQUEST(.path = "t/a", .version = 3)));
  assert_ok(versions("t/a", &list));
  assert_int_equal(list.count, 12);
  for (size_t i = 0; i < list.count; i++) {
    assert_int_equal(list.infos[i].size, sizeof(connector_secret_version_info));
    assert_int_equal(list.infos[i].version, i + 1);
    assert_true(list.infos[i].created_at > 1700000000000);
    assert_int_equal(list.infos[i].destroyed, i == 1);
    assert_int_equal(list.infos[i].deleted_at > 0, i == 2);
  }
}

static void a_deletion_to_come_is_not_one_yet(void **state)
{
  (void)state;
  struct list list = { 0 };
  store_values("t/a", "x");
  stand_in_expire_later(vault.server, "secret", "t/a");
  assert_ok(versions("t/a", &list));
  assert_int_equal(list.infos[0].deleted_at, 0);
  check_token_at("t/a", "x");
}

static void the_callback_stops_the_list(void **state)
{
  (void)state;
  struct list list = { .stop_at = 1 };
  store_values("t/a", "x");
  store_values("t/a", "x");
  assert_int_equal(versions("t/a", &list), CONNECTOR_CANCELLED);
  assert_int_equal(list.count, 1);
}

static void versions_of_what_is_absent_are_not_found(void **state)
{
  (void)state;
  struct list list = { 0 };
  assert_status(versions("none", &list), CONNECTOR_SECRET_NOT_FOUND);
}

static void a_malformed_list_calls_no_one(void **state)
{
  (void)state;
  static const char *const bodies[] = {
    "{\"data\":{}}",
    "{\"data\":{\"versions\":[]}}",
    "{\"data\":{\"versions\":{\"1\":{\"created_time\":\"\"},\"x\":{}}}}",
    "{\"data\":{\"versions\":{\"0\":{}}}}",
    "{\"data\":{\"versions\":{\"1\":7}}}",
  };
  struct list list = { 0 };
  for (size_t i = 0; i < COUNT_OF(bodies); i++) {
    FAULT(.kind = FAULT_STATUS, .status = 200, .body = bodies[i]);
    assert_status(versions("t/a", &list), CONNECTOR_SECRET_UNAVAILABLE);
  }
  assert_int_equal(list.count, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    vault_test(the_latest_version_is_removed_and_restored),
    vault_test(one_version_is_removed_and_restored),
    vault_test(restoring_what_is_there_changes_nothing),
    vault_test(what_is_absent_or_destroyed_is_not_restored),
    vault_test(destroy_removes_all_versions),
    vault_test(destroy_takes_one_version_for_good),
    vault_test(destroying_a_version_that_is_absent_is_fine),
    vault_test(what_is_deleted_or_destroyed_tells_its_version),
    vault_test(destroying_what_is_absent_is_fine),
    vault_test(nothing_is_destroyed_at_a_mount_that_is_not_there),
    vault_test(destroy_and_numbered_removals_are_retried),
    vault_test(removing_the_latest_is_tried_once),
    vault_test(versions_are_listed_oldest_first),
    vault_test(a_deletion_to_come_is_not_one_yet),
    vault_test(the_callback_stops_the_list),
    vault_test(versions_of_what_is_absent_are_not_found),
    vault_test(a_malformed_list_calls_no_one),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
