/*
 * Backups and paths: a copy is whole or is not there, and harms nothing else.
 */
#include "support.h"

#include <errno.h>

static void write_some(int count)
{
  for (int i = 0; i < count; i++)
    connector_free(make(PATCH(.name = "x")));
}

static int64_t count_in(const char *path)
{
  connector_options options = test_options();
  connector_store *store = NULL;
  int64_t count = 0;
  assert_ok(connector_open(path, &options, &store, &failure));
  assert_ok(connector_count(store, NULL, &count, &failure));
  connector_close(store);
  return count;
}

static void a_log_left_beside_the_target_is_no_part_of_the_backup(void **state)
{
  char target[600];
  char log[700];
  connector_options options = test_options();
  connector_store *other = NULL;
  char *bytes = NULL;
  size_t length = 0;
  (void)state;
  beside(target, "target.db");
  snprintf(log, sizeof(log), "%s-wal", target);
  assert_ok(connector_open(target, &options, &other, &failure));
  assert_ok(connector_create(other, PATCH(.name = "old"), NULL, &failure));
  bytes = read_file(log, &length);
  connector_close(other);
  write_file(log, bytes, length);
  free(bytes);
  write_some(5);
  assert_ok(connector_backup(test.store, target, NULL, NULL, &failure));
  assert_false(file_exists(log));
  assert_int_equal(count_in(target), 5);
}

static void nothing_is_left_beside_a_backup(void **state)
{
  char target[600];
  (void)state;
  write_some(2);
  assert_ok(connector_backup(test.store, beside(target, "target.db"), NULL, NULL, &failure));
  for (size_t i = 0; i < 3; i++) {
    static const char *const suffixes[] = { "-wal", "-shm", "-journal" };
    char name[700];
    snprintf(name, sizeof(name), "%s%s", target, suffixes[i]);
    assert_false(file_exists(name));
  }
}

static void the_stores_own_files_are_no_targets(void **state)
{
  static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
  (void)state;
  write_some(3);
  for (size_t i = 0; i < COUNT_OF(suffixes); i++) {
    char target[700];
    snprintf(target, sizeof(target), "%s%s", test.path, suffixes[i]);
    assert_invalid(connector_backup(test.store, target, NULL, NULL, &failure), "path");
  }
  assert_int_equal(count_of(NULL), 3);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

static void a_file_whose_name_looks_like_a_partial_backup_is_left_alone(void **state)
{
  char target[600];
  char other[700];
  (void)state;
  beside(target, "target.db");
  snprintf(other, sizeof(other), "%s.partial", target);
  write_file(other, "mine", 4);
  write_some(1);
  assert_ok(connector_backup(test.store, target, NULL, NULL, &failure));
  assert_int_equal(file_size(other), 4);
}

static connector_status count_meanwhile(void *user, int64_t done, int64_t total,
                                        connector_error *error)
{
  int64_t count = 0;
  (void)done;
  (void)total;
  ++*(int *)user;
  return connector_count(test.store, NULL, &count, error);
}

static void progress_may_use_a_store_in_memory(void **state)
{
  char folder[] = "/tmp/connector-test-XXXXXX";
  char target[64];
  int told = 0;
  (void)state;
  assert_non_null(mkdtemp(folder));
  snprintf(target, sizeof(target), "%s/copy.db", folder);
  write_some(2);
  assert_ok(connector_backup(test.store, target, count_meanwhile, &told, &failure));
  assert_true(told > 0);
  assert_int_equal(count_in(target), 2);
  remove_folder(folder);
}

static void a_relative_path_means_the_same_after_the_folder_changes(void **state)
{
  connector_options options = test_options();
  char before[600];
  char other[600];
  (void)state;
  assert_non_null(getcwd(before, sizeof(before)));
  assert_int_equal(chdir(test.folder), 0);
  assert_ok(connector_open("relative.db", &options, &test.store, &failure));
  connector_close(test.store);
  assert_ok(connector_open("relative.db", &options, &test.store, &failure));
  assert_int_equal(mkdir("elsewhere", 0700), 0);
  assert_int_equal(chdir("elsewhere"), 0);
  write_some(1);
  close_store();
  assert_int_equal(chdir(before), 0);
  assert_int_equal(count_in(beside(other, "relative.db")), 1);
  assert_false(file_exists(beside(other, "elsewhere/relative.db")));
}

static void a_file_that_must_exist_and_does_not_is_told_so(void **state)
{
  connector_options options = test_options();
  connector_store *store = NULL;
  char path[600];
  (void)state;
  options.must_exist = true;
  assert_status(connector_open(beside(path, "none.db"), &options, &store, &failure), CONNECTOR_IO);
  assert_contains(failure.message, "no such file");
  assert_int_equal(failure.os_code, ENOENT);
  assert_false(file_exists(path));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(a_log_left_beside_the_target_is_no_part_of_the_backup),
    store_test(nothing_is_left_beside_a_backup),
    store_test(the_stores_own_files_are_no_targets),
    store_test(a_file_whose_name_looks_like_a_partial_backup_is_left_alone),
    memory_test(progress_may_use_a_store_in_memory),
    folder_test(a_relative_path_means_the_same_after_the_folder_changes),
    folder_test(a_file_that_must_exist_and_does_not_is_told_so),
  };
  return cmocka_run_group_tests_name("backup", tests, NULL, NULL);
}
