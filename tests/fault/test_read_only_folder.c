/*
 * Folders and files that may not be written: a clear status, nothing made, nothing changed, and
 * reading where it can be done. Run by root, the tests give up their rights in a child.
 */
#include "fault_support.h"

static char id[ID_SIZE];

static int setup_read_only(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  open_for_faults();
  make_id(PATCH(.name = "first"), id);
  keep_as_template();
  return chmod(test.path, 0644);
}

static int teardown_read_only(void **state)
{
  chmod(test.folder, 0755);
  free_template();
  return teardown(state);
}

/* Becomes nobody, whom the modes of files concern. */
static void give_up_rights(void)
{
  if (geteuid() == 0)
    child_expects(setgid(65534) == 0 && setuid(65534) == 0);
}

static connector_status open_as_nobody(bool read_only)
{
  connector_options options = fault_options();
  connector_status status = CONNECTOR_OK;
  options.read_only = read_only;
  test.store = NULL;
  memset(&failure, 0, sizeof(failure));
  status = connector_open(test.path, &options, &test.store, &failure);
  child_expects(failure.status == status);
  return status;
}

static void expect_reading(void)
{
  connector *record = NULL;
  connector_page *page = NULL;
  child_expects(connector_get(test.store, id, 0, &record, &failure) == CONNECTOR_OK);
  child_expects(strcmp(record->name, "first") == 0);
  child_expects(connector_list(test.store, NULL, &page, &failure) == CONNECTOR_OK);
  child_expects(connector_page_count(page) == 1);
  connector_free(record);
  connector_page_free(page);
}

static connector_status create_in_batch(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  return connector_create(store, PATCH(.name = "x"), NULL, error);
}

static void expect_no_writing(void)
{
  char path[600];
  child_expects(connector_create(test.store, PATCH(.name = "x"), NULL, &failure) ==
                CONNECTOR_READ_ONLY);
  child_expects(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure) ==
                CONNECTOR_READ_ONLY);
  child_expects(connector_delete(test.store, id, 0, &failure) == CONNECTOR_READ_ONLY);
  child_expects(connector_batch(test.store, create_in_batch, NULL, &failure) ==
                CONNECTOR_READ_ONLY);
  child_expects(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure) !=
                CONNECTOR_OK);
}

static void assert_file_unchanged(void)
{
  size_t length = 0;
  char *bytes = read_file(test.path, &length);
  assert_int_equal(length, template.length);
  assert_memory_equal(bytes, template.bytes, length);
  free(bytes);
}

/* ---- a folder that may not be written ---- */

static void make_a_file(void)
{
  give_up_rights();
  child_expects(open_as_nobody(false) == CONNECTOR_READ_ONLY);
  child_expects(!file_exists(test.path));
}

static void no_file_is_made_in_it(void **state)
{
  (void)state;
  assert_int_equal(unlink(test.path), 0);
  assert_int_equal(chmod(test.folder, 0555), 0);
  in_child(make_a_file);
}

/* Without the right to make the engine's side files beside it, a file may not be readable at all.
 */
static void use_closed_file(void)
{
  const bool choices[] = { false, true };
  give_up_rights();
  for (size_t i = 0; i < 2; i++) {
    connector_status status = open_as_nobody(choices[i]);
    child_expects(status == CONNECTOR_OK || status == CONNECTOR_READ_ONLY);
    if (status == CONNECTOR_OK) {
      expect_reading();
      expect_no_writing();
    }
    connector_close(test.store);
  }
}

static void a_file_in_it_is_read_or_refused_and_left_as_it_is(void **state)
{
  (void)state;
  assert_int_equal(chmod(test.folder, 0555), 0);
  in_child(use_closed_file);
  assert_file_unchanged();
}

static void use_open_file(void)
{
  give_up_rights();
  child_expects(open_as_nobody(true) == CONNECTOR_OK);
  expect_reading();
  expect_no_writing();
  connector_close(test.store);
}

static void a_file_that_another_process_has_open_is_read(void **state)
{
  char path[600];
  connector *record = NULL;
  (void)state;
  open_for_faults();
  assert_ok(connector_update(test.store, id, 0, PATCH(.provider = "jira"), NULL, &failure));
  assert_int_equal(chmod(beside(path, "registry.db-wal"), 0644), 0);
  assert_int_equal(chmod(beside(path, "registry.db-shm"), 0644), 0);
  assert_int_equal(chmod(test.folder, 0555), 0);
  in_child(use_open_file);
  record = fetch(id);
  assert_int_equal(record->version, 2);
  connector_free(record);
}

/* ---- a file that may not be written ---- */

static void use_read_only_file(void)
{
  connector_status status = CONNECTOR_OK;
  give_up_rights();
  status = open_as_nobody(false);
  child_expects(status == CONNECTOR_OK || status == CONNECTOR_READ_ONLY);
  if (status != CONNECTOR_OK)
    return;
  expect_reading();
  child_expects(connector_create(test.store, PATCH(.name = "x"), NULL, &failure) ==
                CONNECTOR_READ_ONLY);
  expect_reading();
  connector_close(test.store);
}

static void a_file_that_may_not_be_written_is_read_and_left_as_it_is(void **state)
{
  (void)state;
  assert_int_equal(chmod(test.path, 0444), 0);
  assert_int_equal(chmod(test.folder, 0777), 0);
  in_child(use_read_only_file);
  assert_file_unchanged();
}

static void use_secret_file(void)
{
  const bool choices[] = { false, true };
  give_up_rights();
  for (size_t i = 0; i < 2; i++) {
    connector_status status = open_as_nobody(choices[i]);
    child_expects(status == CONNECTOR_IO || status == CONNECTOR_READ_ONLY);
    child_expects(failure.os_code == EACCES || status == CONNECTOR_READ_ONLY);
  }
}

static void a_file_that_may_not_be_read_is_refused(void **state)
{
  (void)state;
  assert_int_equal(chmod(test.path, geteuid() == 0 ? 0600 : 0), 0);
  assert_int_equal(chmod(test.folder, 0777), 0);
  in_child(use_secret_file);
  assert_int_equal(chmod(test.path, 0600), 0);
  assert_file_unchanged();
}

/* ---- the option ---- */

static void a_store_opened_read_only_writes_nothing(void **state)
{
  connector_options options = fault_options();
  connector *record = NULL;
  (void)state;
  options.read_only = true;
  open_store(&options);
  record = fetch(id);
  assert_status(connector_create(test.store, PATCH(.name = "x"), NULL, &failure),
                CONNECTOR_READ_ONLY);
  assert_status(connector_maintain(test.store, NULL, &failure), CONNECTOR_READ_ONLY);
  connector_free(record);
  close_store();
  assert_file_unchanged();
}

#define read_only_test(name)                                                                       \
  cmocka_unit_test_setup_teardown(name, setup_read_only, teardown_read_only)

int main(void)
{
  const struct CMUnitTest tests[] = {
    read_only_test(no_file_is_made_in_it),
    read_only_test(a_file_in_it_is_read_or_refused_and_left_as_it_is),
    read_only_test(a_file_that_another_process_has_open_is_read),
    read_only_test(a_file_that_may_not_be_written_is_read_and_left_as_it_is),
    read_only_test(a_file_that_may_not_be_read_is_refused),
    read_only_test(a_store_opened_read_only_writes_nothing),
  };
  return cmocka_run_group_tests_name("read_only_folder", tests, NULL, NULL);
}
