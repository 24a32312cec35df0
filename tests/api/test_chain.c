/*
 * The chain of history: its keys, who may check and trim it, and what trimming leaves. That changes
 * from outside are found is in tests/fault/test_chain_tampering.c.
 */
#include "lifecycle.h"

static const char one_key[CONNECTOR_HISTORY_KEY_BYTES] = "one key of the tests, 32 bytes A";
static const char other_key[CONNECTOR_HISTORY_KEY_BYTES] = "one key of the tests, 32 bytes B";

static connector_options keyed(const void *key)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.history_key = key;
  return options;
}

/* Changes of three tenants, a second apart. */
static void write_changes(int count)
{
  static const char *const tenants[] = { "tenant-a", "tenant-b", "tenant-c" };
  connector_caller asked = current;
  for (int i = 0; i < count; i++) {
    become(tenants[i % 3], "user-ann", CONNECTOR_ROLE_TENANT);
    connector_free(make(PATCH(.name = "x")));
    test_time += 1000;
  }
  current = asked;
}

/* ---- keys ---- */

static void what_was_written_is_right(void **state)
{
  (void)state;
  connector_options options = keyed(NULL);
  open_store(&options);
  assert_int_equal(first_bad(), 0);
  write_changes(30);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(first_bad(), 0);
  open_store(&options);
  assert_int_equal(first_bad(), 0);
  write_changes(30);
  assert_int_equal(first_bad(), 0);
}

static void a_files_key_is_the_same_after_a_restart(void **state)
{
  (void)state;
  connector_options options = keyed(one_key);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  for (int i = 0; i < 3; i++) {
    open_store(&options);
    write_changes(5);
    assert_int_equal(first_bad(), 0);
  }
}

static void the_key_is_copied(void **state)
{
  (void)state;
  char key[CONNECTOR_HISTORY_KEY_BYTES];
  memcpy(key, one_key, sizeof(key));
  connector_options options = keyed(key);
  open_store(&options);
  memset(key, 0, sizeof(key));
  write_changes(5);
  options.history_key = one_key;
  open_store(&options);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(first_bad(), 0);
}

static void assert_refuses(const void *key)
{
  connector_options options = keyed(key);
  connector_store *store = NULL;
  assert_invalid(connector_open(test.path, &options, &store, &failure), "history_key");
  assert_null(store);
}

static void another_key_is_refused(void **state)
{
  (void)state;
  connector_options options = keyed(one_key);
  open_store(&options);
  write_changes(5);
  close_store();
  assert_refuses(other_key);
  options.history_key = one_key;
  open_store(&options);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(first_bad(), 0);
}

static void without_its_key_a_keyed_file_is_only_read(void **state)
{
  (void)state;
  connector_options options = keyed(one_key);
  int64_t seq = -1;
  open_store(&options);
  write_changes(6);
  options.history_key = NULL;
  open_store(&options);
  assert_int_equal(changes_behind(0), 2);
  assert_invalid(connector_create(test.store, PATCH(0), NULL, &failure), "history_key");
  assert_invalid(connector_history_trim(test.store, INT64_MAX, NULL, &failure), "history_key");
  assert_invalid(connector_history_verify(test.store, &seq, &failure), "history_key");
  assert_int_equal(count_of(NULL), 2);
  options.history_key = one_key;
  open_store(&options);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(first_bad(), 0);
  assert_int_equal(changes_behind(0), 6);
}

static void a_key_is_refused_where_the_file_has_one_of_its_own(void **state)
{
  (void)state;
  connector_options options = keyed(NULL);
  open_store(&options);
  write_changes(5);
  close_store();
  assert_refuses(one_key);
  open_store(&options);
  assert_int_equal(first_bad(), 0);
}

static connector_status write_and_fail(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  (void)error;
  for (int i = 0; i < 3; i++)
    assert_ok(connector_create(store, PATCH(.name = "undone"), NULL, &failure));
  return CONNECTOR_DENIED;
}

static connector_status write_after_a_failure(connector_store *store, void *user,
                                              connector_error *error)
{
  (void)user;
  (void)error;
  assert_status(connector_batch(store, write_and_fail, NULL, &failure), CONNECTOR_DENIED);
  for (int i = 0; i < 3; i++)
    assert_ok(connector_create(store, PATCH(.name = "kept"), NULL, &failure));
  return CONNECTOR_OK;
}

/* The key came to the file with the first row, and went with it. */
static void a_batch_keys_the_file_anew_after_a_part_of_it_was_undone(void **state)
{
  (void)state;
  connector_options options = keyed(one_key);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  open_store(&options);
  assert_ok(connector_batch(test.store, write_after_a_failure, NULL, &failure));
  assert_int_equal(changes_behind(0), 3);
  close_store();
  assert_refuses(other_key);
  options.history_key = one_key;
  open_store(&options);
  assert_int_equal(first_bad(), 0);
}

static void the_hosts_key_is_not_in_the_file(void **state)
{
  (void)state;
  connector_options options = keyed(one_key);
  size_t length = 0;
  open_store(&options);
  write_changes(5);
  close_store();
  char *bytes = read_file(test.path, &length);
  for (size_t i = 0; i + sizeof(one_key) <= length; i++)
    assert_memory_not_equal(bytes + i, one_key, sizeof(one_key));
  free(bytes);
}

static void a_backup_has_the_same_chain(void **state)
{
  (void)state;
  connector_options options = keyed(one_key);
  char path[600];
  open_store(&options);
  write_changes(30);
  assert_ok(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure));
  snprintf(test.path, sizeof(test.path), "%s/copy.db", test.folder);
  open_store(&options);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(first_bad(), 0);
  write_changes(3);
  assert_int_equal(first_bad(), 0);
  assert_int_equal(changes_behind(0), 33);
}

/* ---- who ---- */

static void members_and_apps_are_denied(void **state)
{
  (void)state;
  int64_t number = -1;
  write_changes(6);
  for (int i = 0; i < 3; i++) {
    become("tenant-a", "user-ann", i == 0 ? CONNECTOR_ROLE_MEMBER : (connector_role)i);
    current.app_id = i == 0 ? NULL : "app-1";
    assert_status(connector_history_verify(test.store, &number, &failure), CONNECTOR_DENIED);
    assert_status(connector_history_trim(test.store, INT64_MAX, &number, &failure),
                  CONNECTOR_DENIED);
  }
  assert_int_equal(number, -1);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(changes_behind(0), 6);
}

static void bad_arguments_are_named(void **state)
{
  (void)state;
  int64_t number = -1;
  assert_invalid(connector_history_verify(test.store, NULL, &failure), "first_bad_seq");
  assert_invalid(connector_history_trim(test.store, 0, &number, &failure), "before");
  assert_invalid(connector_history_trim(test.store, -1, &number, &failure), "before");
  assert_int_equal(number, -1);
}

/* ---- trimming ---- */

static void trimming_removes_what_is_older(void **state)
{
  (void)state;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  int64_t start = test_time;
  write_changes(30);
  assert_int_equal(trim_before(start), 0);
  assert_int_equal(trim_before(start + 9000), 9);
  assert_int_equal(changes_behind(0), 21);
  connector_changes *changes = feed_after(0);
  assert_true(connector_changes_at(changes, 0)->at == start + 9000);
  connector_changes_free(changes);
  assert_int_equal(first_bad(), 0);
  write_changes(3);
  assert_int_equal(first_bad(), 0);
  assert_int_equal(trim_before(start + 20000), 11);
  assert_int_equal(first_bad(), 0);
}

static connector_status make_many(connector_store *store, void *user, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  for (int i = 0; i < *(int *)user && status == CONNECTOR_OK; i++)
    status = connector_create(store, PATCH(0), NULL, error);
  return status;
}

static void a_long_history_is_trimmed_whole(void **state)
{
  (void)state;
  int count = 3500;
  assert_ok(connector_batch(test.store, make_many, &count, &failure));
  test_time += 1000;
  connector_free(make(PATCH(0)));
  assert_int_equal(trim_before(test_time), 3500);
  assert_int_equal(changes_behind(0), 1);
  assert_int_equal(first_bad(), 0);
}

static void a_tenant_trims_its_own(void **state)
{
  (void)state;
  write_changes(30);
  become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
  assert_int_equal(trim_before(INT64_MAX), 10);
  assert_int_equal(changes_behind(0), 0);
  assert_int_equal(first_bad(), 0);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(changes_behind(0), 20);
  assert_int_equal(first_bad(), 0);
  write_changes(6);
  assert_int_equal(first_bad(), 0);
}

static void only_the_oldest_part_goes(void **state)
{
  (void)state;
  int64_t start = test_time;
  connector_free(make(PATCH(.name = "first")));
  test_time = start + 10000;
  connector_free(make(PATCH(.name = "late")));
  test_time = start + 5000; /* the clock was set back */
  connector_free(make(PATCH(.name = "early")));
  connector_free(make(PATCH(.name = "newest")));
  assert_int_equal(trim_before(start + 8000), 1);
  assert_int_equal(changes_behind(0), 3);
  assert_int_equal(first_bad(), 0);
}

static void the_newest_change_of_the_store_stays(void **state)
{
  (void)state;
  connector_options options = keyed(NULL);
  open_store(&options);
  write_changes(9);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  int64_t newest = newest_seq();
  assert_int_equal(trim_before(INT64_MAX), 8);
  assert_int_equal(changes_behind(0), 1);
  assert_true(newest_seq() == newest);
  assert_int_equal(trim_before(INT64_MAX), 0);
  open_store(&options);
  assert_int_equal(first_bad(), 0);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  connector_free(make(PATCH(0)));
  assert_true(newest_seq() == newest + 1);
  assert_int_equal(first_bad(), 0);
}

static void trimming_may_leave_the_count_out(void **state)
{
  (void)state;
  write_changes(6);
  assert_ok(connector_history_trim(test.store, INT64_MAX, NULL, &failure));
  assert_int_equal(changes_behind(0), 0);
}

static void maintenance_trims_every_tenant(void **state)
{
  (void)state;
  connector_maintain_options options = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  int64_t start = test_time;
  write_changes(30);
  assert_ok(connector_maintain(test.store, &options, &failure));
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(changes_behind(0), 30);
  options.history_before = start + 12000;
  assert_ok(connector_maintain(test.store, &options, &failure));
  assert_int_equal(changes_behind(0), 18);
  assert_int_equal(first_bad(), 0);
}

static void maintenance_refuses_a_negative_time(void **state)
{
  (void)state;
  connector_maintain_options options = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  options.history_before = -1;
  write_changes(3);
  assert_invalid(connector_maintain(test.store, &options, &failure), "history_before");
  assert_int_equal(changes_behind(0), 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(what_was_written_is_right),
    folder_test(a_files_key_is_the_same_after_a_restart),
    folder_test(the_key_is_copied),
    folder_test(another_key_is_refused),
    folder_test(without_its_key_a_keyed_file_is_only_read),
    folder_test(a_key_is_refused_where_the_file_has_one_of_its_own),
    folder_test(a_batch_keys_the_file_anew_after_a_part_of_it_was_undone),
    folder_test(the_hosts_key_is_not_in_the_file),
    folder_test(a_backup_has_the_same_chain),
    clock_test(members_and_apps_are_denied),
    clock_test(bad_arguments_are_named),
    clock_test(trimming_removes_what_is_older),
    clock_test(a_long_history_is_trimmed_whole),
    clock_test(a_tenant_trims_its_own),
    clock_test(only_the_oldest_part_goes),
    folder_test(the_newest_change_of_the_store_stays),
    clock_test(trimming_may_leave_the_count_out),
    clock_test(maintenance_trims_every_tenant),
    clock_test(maintenance_refuses_a_negative_time),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
