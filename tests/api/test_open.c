/*
 * Opening and closing: options, what is refused, and that a refused file is left as it was.
 */
#include "support.h"

static connector_status open_here(const connector_options *options)
{
  return connector_open(test.path, options, &test.store, &failure);
}

static void a_new_store_is_empty_and_keeps_what_is_written(void **state)
{
  (void)state;
  connector_options options = test_options();
  char id[ID_SIZE];
  assert_ok(open_here(&options));
  assert_int_equal(count_of(NULL), 0);
  make_id(PATCH(.name = "kept"), id);
  open_store(&options);
  connector *record = fetch(id);
  assert_text(record->name, "kept");
  connector_free(record);
}

static void a_store_survives_every_durability_and_reader_count(void **state)
{
  (void)state;
  for (uint32_t readers = 0; readers < 4; readers++) {
    connector_options options = test_options();
    options.readers = readers;
    options.durability = readers % 2 == 0 ? CONNECTOR_DURABILITY_FULL : CONNECTOR_DURABILITY_NORMAL;
    options.mmap_bytes = readers == 3 ? 1 << 20 : 0;
    open_store(&options);
    connector_free(make(PATCH(.name = "one more")));
    assert_int_equal(count_of(NULL), readers + 1);
  }
}

static void without_options_every_call_is_unauthenticated(void **state)
{
  (void)state;
  connector *record = NULL;
  connector_page *page = NULL;
  int64_t number = 0;
  assert_ok(open_here(NULL));
  assert_status(connector_create(test.store, PATCH(0), &record, &failure),
                CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_get(test.store, "x", 0, &record, &failure), CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_list(test.store, NULL, &page, &failure), CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_count(test.store, NULL, &number, &failure), CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_delete(test.store, "x", 0, &failure), CONNECTOR_UNAUTHENTICATED);
}

static void a_caller_without_a_tenant_is_unauthenticated(void **state)
{
  (void)state;
  static const char *const nobodies[] = { NULL, "" };
  connector_options options = test_options();
  assert_ok(open_here(&options));
  for (size_t i = 0; i < COUNT_OF(nobodies); i++)
    for (int role = CONNECTOR_ROLE_MEMBER; role <= CONNECTOR_ROLE_TENANT; role++) {
      become(nobodies[i], "user-ann", (connector_role)role);
      assert_status(connector_create(test.store, PATCH(0), NULL, &failure),
                    CONNECTOR_UNAUTHENTICATED);
    }
}

static void a_system_caller_without_a_tenant_cannot_create(void **state)
{
  (void)state;
  connector_options options = test_options();
  assert_ok(open_here(&options));
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  memset(&failure, 0, sizeof(failure));
  assert_int_not_equal(connector_create(test.store, PATCH(0), NULL, &failure), CONNECTOR_OK);
  assert_int_equal(count_of(NULL), 0);
}

static connector_status refusing_caller(void *user, connector_caller *caller,
                                        connector_error *error)
{
  (void)user;
  (void)caller;
  snprintf(error->message, sizeof(error->message), "the session has ended");
  return CONNECTOR_DENIED;
}

static void what_the_caller_callback_refuses_with_is_returned(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.caller = refusing_caller;
  assert_ok(open_here(&options));
  assert_status(connector_create(test.store, PATCH(0), NULL, &failure), CONNECTOR_DENIED);
  assert_text(failure.message, "the session has ended");
}

static void bad_text_from_the_caller_is_invalid(void **state)
{
  (void)state;
  static char long_text[1026];
  connector_options options = test_options();
  assert_ok(open_here(&options));
  memset(long_text, 'x', 1025);
  const char *const bad[] = { "\xff", "a\x01z", "tab\there", long_text };
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    become(bad[i], NULL, CONNECTOR_ROLE_TENANT);
    assert_status(connector_create(test.store, PATCH(0), NULL, &failure), CONNECTOR_INVALID);
    become("tenant-a", NULL, CONNECTOR_ROLE_TENANT);
    current.app_id = bad[i];
    assert_status(connector_create(test.store, PATCH(0), NULL, &failure), CONNECTOR_INVALID);
    become("tenant-a", NULL, CONNECTOR_ROLE_TENANT);
    current.person_id = bad[i];
    assert_status(connector_create(test.store, PATCH(0), NULL, &failure), CONNECTOR_INVALID);
  }
}

static void a_fixed_caller_is_copied_and_used(void **state)
{
  (void)state;
  char tenant[] = "tenant-fixed";
  char group[] = "group-one";
  const char *groups[] = { group };
  connector_caller fixed = CONNECTOR_CALLER_INIT;
  fixed.tenant_id = tenant;
  fixed.group_ids = groups;
  fixed.group_count = 1;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  options.fixed_caller = &fixed;
  assert_ok(open_here(&options));
  memset(tenant, '?', sizeof(tenant) - 1);
  memset(group, '?', sizeof(group) - 1);
  memset(&fixed, 0, sizeof(fixed));
  connector *record = make(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-one"));
  assert_text(record->tenant_id, "tenant-fixed");
  connector_free(record);
}

static void the_caller_callback_comes_before_the_fixed_caller(void **state)
{
  (void)state;
  connector_caller fixed = CONNECTOR_CALLER_INIT;
  fixed.tenant_id = "tenant-fixed";
  connector_options options = test_options();
  options.fixed_caller = &fixed;
  assert_ok(open_here(&options));
  connector *record = make(PATCH(0));
  assert_text(record->tenant_id, "tenant-a");
  connector_free(record);
}

static void id_prefixes_are_used_and_checked(void **state)
{
  (void)state;
  static const char *const good[] = { "a_", "0-", "abcdefghij012345_", "con9-" };
  static const char *const bad[] = { "",     "_",  "cnn", "Cnn_", "cnn__", "abcdefghijklmnopq_",
                                     "c n_", "é_", "-",   "cnn_x" };
  connector_options options = test_options();
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    options.id_prefix = good[i];
    open_store(&options);
    connector *record = make(PATCH(0));
    assert_int_equal(strncmp(record->id, good[i], strlen(good[i])), 0);
    assert_int_equal(strlen(record->id), strlen(good[i]) + 26);
    connector_free(record);
  }
  close_store();
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    options.id_prefix = bad[i];
    assert_invalid(open_here(&options), "id_prefix");
    assert_null(test.store);
  }
}

static void a_shorter_options_struct_of_an_older_host_works(void **state)
{
  (void)state;
  connector_options options;
  memset(&options, 0xff, sizeof(options));
  connector_options fresh = test_options();
  memcpy(&options, &fresh, offsetof(connector_options, id_prefix));
  options.size = offsetof(connector_options, id_prefix);
  assert_ok(open_here(&options));
  connector *record = make(PATCH(0));
  assert_int_equal(strncmp(record->id, "cnn_", 4), 0);
  connector_free(record);
}

static void options_without_a_size_are_invalid(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.size = 0;
  assert_invalid(open_here(&options), "size");
}

static void enum_options_out_of_range_are_invalid(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.durability = (connector_durability)7;
  assert_invalid(open_here(&options), "durability");
  options = test_options();
  options.guard = (connector_guard)7;
  assert_invalid(open_here(&options), "guard");
}

static void null_arguments_are_invalid(void **state)
{
  (void)state;
  connector_options options = test_options();
  assert_status(connector_open(NULL, &options, &test.store, &failure), CONNECTOR_INVALID);
  assert_status(connector_open(test.path, &options, NULL, &failure), CONNECTOR_INVALID);
  assert_status(connector_open("", &options, &test.store, &failure), CONNECTOR_INVALID);
  assert_int_equal(connector_open(NULL, &options, &test.store, NULL), CONNECTOR_INVALID);
  connector_close(NULL);
}

static void must_exist_does_not_create(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.must_exist = true;
  memset(&failure, 0, sizeof(failure));
  assert_int_not_equal(open_here(&options), CONNECTOR_OK);
  assert_int_not_equal(failure.status, CONNECTOR_OK);
  assert_null(test.store);
  assert_false(file_exists(test.path));
  options.must_exist = false;
  open_store(&options);
  options.must_exist = true;
  open_store(&options);
}

static void a_folder_that_does_not_exist_fails(void **state)
{
  (void)state;
  char path[600];
  connector_options options = test_options();
  memset(&failure, 0, sizeof(failure));
  assert_int_not_equal(
      connector_open(beside(path, "none/registry.db"), &options, &test.store, &failure),
      CONNECTOR_OK);
  assert_null(test.store);
  assert_int_not_equal(failure.message[0], '\0');
}

static void read_only_creates_no_file(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.read_only = true;
  assert_int_not_equal(open_here(&options), CONNECTOR_OK);
  assert_false(file_exists(test.path));
}

static void read_only_reads_and_refuses_every_write(void **state)
{
  (void)state;
  connector_options options = test_options();
  char live[ID_SIZE];
  char dead[ID_SIZE];
  open_store(&options);
  make_id(PATCH(.name = "live"), live);
  make_id(PATCH(.name = "dead"), dead);
  assert_ok(connector_delete(test.store, dead, 0, &failure));
  options.read_only = true;
  open_store(&options);

  connector_store *store = test.store;
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 2);
  connector_free(fetch(live));
  assert_status(connector_create(store, PATCH(0), NULL, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_create_once(store, "k", PATCH(0), NULL, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_update(store, live, 0, PATCH(0), NULL, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_delete(store, live, 0, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_restore(store, dead, 0, NULL, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_purge(store, dead, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_purge_deleted(store, INT64_MAX, NULL, &failure), CONNECTOR_READ_ONLY);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 2);
}

static void a_memory_store_works_and_leaves_no_file(void **state)
{
  (void)state;
  connector_options options = test_options();
  assert_ok(connector_open(":memory:", &options, &test.store, &failure));
  connector_free(make(PATCH(.name = "gone soon")));
  assert_int_equal(count_of(NULL), 1);
  assert_false(file_exists(":memory:"));
  close_store();
  assert_ok(connector_open(":memory:", &options, &test.store, &failure));
  assert_int_equal(count_of(NULL), 0);
}

static void two_stores_on_one_file_see_each_others_writes(void **state)
{
  (void)state;
  connector_options options = test_options();
  connector_store *other = NULL;
  char id[ID_SIZE];
  open_store(&options);
  assert_ok(connector_open(test.path, &options, &other, &failure));
  make_id(PATCH(.name = "shared"), id);
  connector *record = NULL;
  assert_ok(connector_get(other, id, 0, &record, &failure));
  connector_free(record);
  assert_ok(connector_delete(other, id, 0, &failure));
  connector_close(other);
  assert_not_found(connector_get(test.store, id, 0, &record, &failure));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(a_new_store_is_empty_and_keeps_what_is_written),
    folder_test(a_store_survives_every_durability_and_reader_count),
    folder_test(without_options_every_call_is_unauthenticated),
    folder_test(a_caller_without_a_tenant_is_unauthenticated),
    folder_test(a_system_caller_without_a_tenant_cannot_create),
    folder_test(what_the_caller_callback_refuses_with_is_returned),
    folder_test(bad_text_from_the_caller_is_invalid),
    folder_test(a_fixed_caller_is_copied_and_used),
    folder_test(the_caller_callback_comes_before_the_fixed_caller),
    folder_test(id_prefixes_are_used_and_checked),
    folder_test(a_shorter_options_struct_of_an_older_host_works),
    folder_test(options_without_a_size_are_invalid),
    folder_test(enum_options_out_of_range_are_invalid),
    folder_test(null_arguments_are_invalid),
    folder_test(must_exist_does_not_create),
    folder_test(a_folder_that_does_not_exist_fails),
    folder_test(read_only_creates_no_file),
    folder_test(read_only_reads_and_refuses_every_write),
    folder_test(a_memory_store_works_and_leaves_no_file),
    folder_test(two_stores_on_one_file_see_each_others_writes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
