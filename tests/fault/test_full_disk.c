/*
 * A disk that fills up or breaks under a write, a batch, a backup: a clear status, reads go on,
 * nothing acknowledged is lost, nothing is half there, and writes come back once there is room.
 */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* unshare() */
#endif
#include "fault_support.h"

#include "failing_vfs.h"

#include <sys/resource.h>
#if defined(__linux__)
#include <sched.h>
#include <sys/mount.h>
#endif

enum { RECORDS = 4 };

static char ids[RECORDS][ID_SIZE];

static int setup_disk(void **state)
{
  mend_disk();
  if (setup_folder(state) != 0)
    return -1;
  open_for_faults();
  for (size_t i = 0; i < RECORDS; i++)
    make_id(PATCH(.name = "first", .config = "{\"region\":\"eu\"}"), ids[i]);
  keep_as_template();
  return 0;
}

static int teardown_disk(void **state)
{
  mend_disk();
  free_template();
  return teardown(state);
}

static bool is_disk_status(connector_status status)
{
  return status == CONNECTOR_DISK_FULL || status == CONNECTOR_IO;
}

/* ---- calls that fail at each write, sync and read ---- */

static connector_status write_batch(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_create(store, PATCH(.name = "one"), NULL, error);
  (void)user;
  if (status == CONNECTOR_OK)
    status = connector_update(store, ids[0], 1, PATCH(.name = "two"), NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_delete(store, ids[1], 1, error);
  return status;
}

static connector_status do_create(void)
{
  return connector_create(test.store, PATCH(.name = "new"), NULL, &failure);
}

static connector_status do_once(void)
{
  return connector_create_once(test.store, "key", PATCH(.name = "new"), NULL, &failure);
}

static connector_status do_update(void)
{
  return connector_update(test.store, ids[0], 1, PATCH(.name = "new"), NULL, &failure);
}

static connector_status do_delete(void)
{
  return connector_delete(test.store, ids[0], 1, &failure);
}

static connector_status do_batch(void)
{
  return connector_batch(test.store, write_batch, NULL, &failure);
}

static connector_status do_get(void)
{
  connector *record = NULL;
  connector_status status = connector_get(test.store, ids[0], 0, &record, &failure);
  connector_free(record);
  return status;
}

static connector_status do_list(void)
{
  connector_page *page = NULL;
  connector_status status = connector_list(test.store, QUERY(.with_total = true), &page, &failure);
  assert_true(status != CONNECTOR_OK || connector_page_count(page) == RECORDS);
  connector_page_free(page);
  return status;
}

static connector_status do_maintain(void)
{
  connector_maintain_options options = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  options.wal_limit_bytes = 1;
  return connector_maintain(test.store, &options, &failure);
}

static const struct operation {
  const char *name;
  connector_status (*run)(void);
  bool changes;
} operations[] = {
  { "create", do_create, true }, { "create_once", do_once, true },   { "update", do_update, true },
  { "delete", do_delete, true }, { "batch", do_batch, true },        { "get", do_get, false },
  { "list", do_list, false },    { "maintain", do_maintain, false },
};

struct disease {
  unsigned calls;
  int code;
  connector_status status;
};

/* One trial; false where the operation made fewer calls than `at`. */
static bool try_operation(const struct operation *operation, const struct disease *disease, long at,
                          bool from_then_on)
{
  connector_status status = CONNECTOR_OK;
  bool failed = false;
  restore_template();
  open_for_faults();
  memset(&failure, 0x5a, sizeof(failure));
  fail_disk(disease->calls, disease->code, at, from_then_on);
  status = operation->run();
  failed = mend_disk();
  if (status != CONNECTOR_OK && (!failed || status != disease->status || failure.status != status))
    fail_msg("%s with call %ld%s failing: %s (%s), wanted %s", operation->name, at,
             from_then_on ? " and all after" : "", connector_status_name(status), failure.message,
             connector_status_name(disease->status));
  assert_whole(status != CONNECTOR_OK || !operation->changes ? template.content : NULL);
  if (status != CONNECTOR_OK)
    assert_ok(operation->run());
  open_for_faults();
  assert_whole(operation->changes ? NULL : template.content);
  if (operation->changes) {
    char *content = everything_in(test.store);
    assert_string_not_equal(content, template.content);
    free(content);
  }
  close_store();
  return failed;
}

static void try_disease(const struct disease *disease)
{
  long tried = 0;
  for (size_t i = 0; i < COUNT_OF(operations); i++)
    for (int from_then_on = 0; from_then_on < 2; from_then_on++)
      for (long at = 1; try_operation(&operations[i], disease, at, from_then_on != 0); at++)
        tried++;
  assert_true(tried > 0);
}

static void a_disk_that_is_full_at_any_write(void **state)
{
  (void)state;
  try_disease(&(struct disease){ DISK_WRITE, SQLITE_FULL, CONNECTOR_DISK_FULL });
}

static void a_disk_that_breaks_at_any_write(void **state)
{
  (void)state;
  try_disease(&(struct disease){ DISK_WRITE, SQLITE_IOERR_WRITE, CONNECTOR_IO });
}

static void a_disk_that_breaks_at_any_read(void **state)
{
  (void)state;
  try_disease(&(struct disease){ DISK_READ, SQLITE_IOERR_READ, CONNECTOR_IO });
}

static void a_disk_that_breaks_at_any_sync_or_truncation(void **state)
{
  (void)state;
  try_disease(&(struct disease){ DISK_SYNC | DISK_TRUNCATE, SQLITE_IOERR_FSYNC, CONNECTOR_IO });
}

static void shared_memory_that_can_not_be_had(void **state)
{
  (void)state;
  try_disease(&(struct disease){ DISK_SHARED, SQLITE_IOERR_SHMMAP, CONNECTOR_IO });
}

/* ---- opening ---- */

static void opening_and_creating_on_a_full_disk_can_be_done_again(void **state)
{
  connector_options options = fault_options();
  bool failed = true;
  (void)state;
  for (long at = 1; failed; at++) {
    connector_status status = CONNECTOR_OK;
    unlink(test.path);
    remove_side_files();
    fail_disk(DISK_WRITE, SQLITE_FULL, at, true);
    status = connector_open(test.path, &options, &test.store, &failure);
    failed = mend_disk();
    if (status != CONNECTOR_OK) {
      assert_int_equal(status, CONNECTOR_DISK_FULL);
      assert_ok(connector_open(test.path, &options, &test.store, &failure));
    }
    assert_ok(do_create());
    assert_whole(NULL);
    close_store();
  }
}

/* ---- backup ---- */

static void a_backup_that_finds_no_room_leaves_the_target_as_it_was(void **state)
{
  char path[600];
  char partial[600];
  bool failed = true;
  long tried = 0;
  (void)state;
  restore_template();
  open_for_faults();
  write_file(beside(path, "copy.db"), "old copy", 8);
  beside(partial, "copy.db.partial");
  for (long at = 1; failed; at++) {
    connector_status status = CONNECTOR_OK;
    fail_disk(DISK_WRITE, SQLITE_FULL, at, true);
    status = connector_backup(test.store, path, NULL, NULL, &failure);
    failed = mend_disk();
    assert_false(file_exists(partial));
    if (!failed)
      break;
    tried++;
    assert_int_equal(status, CONNECTOR_DISK_FULL);
    assert_int_equal(file_size(path), 8);
    assert_whole(template.content);
  }
  assert_true(tried > 3);
  assert_true(file_size(path) > 8);
}

/* ---- a disk that is really full ---- */

enum { MANY = 4000 };

static char acknowledged[MANY][ID_SIZE];
static size_t acknowledged_count;

/* Writes until there is no room, checks that reads go on, and tells the status. */
static connector_status fill_up(void)
{
  static char config[20000];
  connector_status status = CONNECTOR_OK;
  memset(config, 'x', sizeof(config) - 1);
  memcpy(config, "{\"a\":\"", 6);
  memcpy(config + sizeof(config) - 3, "\"}", 3);
  acknowledged_count = 0;
  while (status == CONNECTOR_OK && acknowledged_count < MANY) {
    connector *record = NULL;
    status = connector_create(test.store, PATCH(.name = "filler", .config = config), &record,
                              &failure);
    if (status == CONNECTOR_OK)
      snprintf(acknowledged[acknowledged_count++], ID_SIZE, "%s", record->id);
    connector_free(record);
  }
  return status;
}

static void assert_acknowledged(void)
{
  for (size_t i = 0; i < acknowledged_count; i++) {
    connector *record = NULL;
    child_expects(connector_get(test.store, acknowledged[i], 0, &record, &failure) == CONNECTOR_OK);
    connector_free(record);
  }
}

static void open_in_child(const char *path)
{
  connector_options options = fault_options();
  connector_close(test.store);
  test.store = NULL;
  child_expects(connector_open(path, &options, &test.store, &failure) == CONNECTOR_OK);
}

static int64_t count_in_child(void)
{
  int64_t count = -1;
  child_expects(connector_count(test.store, NULL, &count, &failure) == CONNECTOR_OK);
  return count;
}

/* The child's part: `make_room` once it is full. */
static void live_through_a_full_disk(const char *path, void (*make_room)(void))
{
  open_in_child(path);
  child_expects(is_disk_status(fill_up()));
  child_expects(acknowledged_count > 10 && acknowledged_count < MANY);
  assert_acknowledged();
  child_expects(count_in_child() == (int64_t)acknowledged_count);
  child_expects(is_disk_status(connector_batch(test.store, write_batch, NULL, &failure)) ||
                failure.status == CONNECTOR_NOT_FOUND);
  child_expects(connector_check(test.store, NULL, NULL, &failure) == CONNECTOR_OK);
  make_room();
  child_expects(connector_create(test.store, PATCH(.name = "after"), NULL, &failure) ==
                CONNECTOR_OK);
  assert_acknowledged();
  open_in_child(path);
  assert_acknowledged();
  child_expects(count_in_child() == (int64_t)acknowledged_count + 1);
  child_expects(connector_check(test.store, NULL, NULL, &failure) == CONNECTOR_OK);
}

static void limit_file_size(rlim_t bytes)
{
  struct rlimit limit = { 0 };
  child_expects(getrlimit(RLIMIT_FSIZE, &limit) == 0);
  limit.rlim_cur = bytes;
  child_expects(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

static void lift_the_limit(void)
{
  limit_file_size(RLIM_INFINITY);
}

static void under_a_file_size_limit(void)
{
  struct sigaction ignore = { .sa_handler = SIG_IGN };
  char path[600];
  child_expects(sigaction(SIGXFSZ, &ignore, NULL) == 0);
  limit_file_size(2 * 1024 * 1024);
  live_through_a_full_disk(beside(path, "limited.db"), lift_the_limit);
}

static void files_that_may_not_grow(void **state)
{
  (void)state;
  in_child(under_a_file_size_limit);
}

#if defined(__linux__)
static char small_disk[600];

static void remove_the_ballast(void)
{
  char path[700];
  snprintf(path, sizeof(path), "%s/ballast", small_disk);
  child_expects(unlink(path) == 0);
}

enum { NO_MOUNT = 77 };

static void on_a_small_disk(void)
{
  static char megabyte[1024 * 1024];
  char path[700];
  FILE *ballast = NULL;
  if (unshare(CLONE_NEWNS) != 0 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
      mount("tmpfs", small_disk, "tmpfs", 0, "size=4m") != 0)
    _exit(NO_MOUNT);
  snprintf(path, sizeof(path), "%s/ballast", small_disk);
  ballast = fopen(path, "wb");
  child_expects(ballast != NULL &&
                fwrite(megabyte, 1, sizeof(megabyte), ballast) == sizeof(megabyte) &&
                fclose(ballast) == 0);
  snprintf(path, sizeof(path), "%s/registry.db", small_disk);
  live_through_a_full_disk(path, remove_the_ballast);
}

static void a_small_disk_that_is_full(void **state)
{
  int status = 0;
  pid_t child = 0;
  (void)state;
  beside(small_disk, "disk");
  assert_int_equal(mkdir(small_disk, 0700), 0);
  child = fork();
  if (child == 0) {
    on_a_small_disk();
    _exit(0);
  }
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (WIFEXITED(status) && WEXITSTATUS(status) == NO_MOUNT)
    skip_loudly("a small disk can't be mounted here: it takes the right to mount");
  assert_int_equal(status, 0);
}
#else
static void a_small_disk_that_is_full(void **state)
{
  (void)state;
  skip_loudly("a small disk is mounted on Linux only");
}
#endif

#define disk_test(name) cmocka_unit_test_setup_teardown(name, setup_disk, teardown_disk)

int main(void)
{
  const struct CMUnitTest tests[] = {
    disk_test(a_disk_that_is_full_at_any_write),
    disk_test(a_disk_that_breaks_at_any_write),
    disk_test(a_disk_that_breaks_at_any_read),
    disk_test(a_disk_that_breaks_at_any_sync_or_truncation),
    disk_test(shared_memory_that_can_not_be_had),
    disk_test(opening_and_creating_on_a_full_disk_can_be_done_again),
    disk_test(a_backup_that_finds_no_room_leaves_the_target_as_it_was),
    disk_test(files_that_may_not_grow),
    disk_test(a_small_disk_that_is_full),
  };
  stay_in_memory();
  install_failing_vfs();
  return cmocka_run_group_tests_name("full_disk", tests, NULL, NULL);
}
