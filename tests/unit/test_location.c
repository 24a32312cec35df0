/*
 * engine/location: absolute paths, folders, and what else than a file stands there. What each kind
 * of thing does to an opening store is in tests/fault/test_hostile_path.c.
 */
#define _XOPEN_SOURCE 700 /* realpath() */

#include "support.h"

#include "engine/location.h"

#include <limits.h>

static void a_path_becomes_absolute_and_keeps_its_name(void **state)
{
  char there[PATH_MAX];
  char folder[PATH_MAX];
  char *found = NULL;
  (void)state;
  assert_non_null(getcwd(there, sizeof(there)));
  assert_non_null(realpath(test.folder, folder));
  assert_int_equal(chdir(test.folder), 0);
  found = location_absolute("some.db");
  assert_int_equal(chdir(there), 0);
  assert_non_null(found);
  assert_int_equal(strncmp(found, folder, strlen(folder)), 0);
  assert_text(found + strlen(folder), "/some.db");
  free(found);
}

static void a_path_whose_folder_is_missing_stays_as_it_is(void **state)
{
  static const char *const paths[] = { "no/such/folder/some.db", ":memory:", "" };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(paths); i++) {
    char *found = location_absolute(paths[i]);
    if (*paths[i] != '\0')
      assert_text(found, paths[i]);
    free(found);
  }
}

static void a_file_and_nothing_are_fine(void **state)
{
  bool missing = false;
  (void)state;
  assert_int_equal(location_look(test.path, &missing, &failure), CONNECTOR_OK);
  assert_true(missing);
  write_file(test.path, "x", 1);
  assert_int_equal(location_look(test.path, &missing, &failure), CONNECTOR_OK);
  assert_false(missing);
}

static void what_is_no_file_is_refused_there_and_beside(void **state)
{
  static const char *const names[] = { "registry.db", "registry.db-wal", "registry.db-shm",
                                       "registry.db-journal" };
  bool missing = false;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    char path[600];
    assert_int_equal(mkdir(beside(path, names[i]), 0700), 0);
    assert_int_equal(location_look(test.path, &missing, &failure), CONNECTOR_IO);
    assert_int_equal(failure.status, CONNECTOR_IO);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(location_look(test.path, &missing, &failure), CONNECTOR_OK);
  }
}

static void a_path_too_long_for_the_system_is_no_crash(void **state)
{
  char path[PATH_MAX + 100];
  bool missing = false;
  (void)state;
  memset(path, 'a', sizeof(path) - 1);
  path[0] = '/';
  path[sizeof(path) - 1] = '\0';
  (void)location_look(path, &missing, &failure);
  assert_true(missing);
}

static void a_folder_that_can_be_written_is_not_read_only(void **state)
{
  (void)state;
  assert_false(location_is_read_only(test.path));
  assert_false(location_is_read_only("/no/such/folder/some.db"));
}

#define folder_test(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(a_path_becomes_absolute_and_keeps_its_name),
    folder_test(a_path_whose_folder_is_missing_stays_as_it_is),
    folder_test(a_file_and_nothing_are_fine),
    folder_test(what_is_no_file_is_refused_there_and_beside),
    folder_test(a_path_too_long_for_the_system_is_no_crash),
    folder_test(a_folder_that_can_be_written_is_not_read_only),
  };
  return cmocka_run_group_tests_name("location", tests, NULL, NULL);
}
