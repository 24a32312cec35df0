/*
 * A migration whose disk fails, or whose process dies, at any call: the open says so or succeeds,
 * and the next one finds every record of the old file whole.
 */
#include "fault_support.h"

#include "failing_vfs.h"
#include "old_file.h"

enum {
  OLD_SCHEMAS = 2,
  SPREAD = 3 /* of each kind of call every third is tried where all after it fail too */
};

/* ---- a process that dies at a call ---- */

static struct {
  long at; /* the call that is its last; 0: none */
  long count;
} death;

static void may_die(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
  if (death.at == 0 || ++death.count != death.at)
    return;
  if (bytes != NULL)
    (void)real_of(file)->pMethods->xWrite(real_of(file), bytes, count / 2, at);
  (void)raise(SIGKILL);
}

static int dying_write(sqlite3_file *file, const void *bytes, int count, sqlite3_int64 at)
{
  may_die(file, bytes, count, at);
  return failing_write(file, bytes, count, at);
}

static int dying_sync(sqlite3_file *file, int flags)
{
  may_die(file, NULL, 0, 0);
  return failing_sync(file, flags);
}

static int dying_truncate(sqlite3_file *file, sqlite3_int64 size)
{
  may_die(file, NULL, 0, 0);
  return failing_truncate(file, size);
}

static void install_dying_vfs(void)
{
  install_failing_vfs();
  failing_methods.xWrite = dying_write;
  failing_methods.xSync = dying_sync;
  failing_methods.xTruncate = dying_truncate;
}

/* ---- trials ---- */

static int schema; /* of the old file */

static int setup_old(void **state)
{
  mend_disk();
  death.at = 0;
  if (setup_folder(state) != 0)
    return -1;
  test_time = OLD_FILE_TIME;
  return 0;
}

static connector_status open_now(void)
{
  const connector_options options = fault_options();
  memset(&failure, 0x5a, sizeof(failure));
  return connector_open(test.path, &options, &test.store, &failure);
}

/* The file opens, and all that is in it is whole and can be changed. */
static void assert_opens_whole(void)
{
  int64_t first_bad = -1;
  open_for_faults();
  assert_records_of(schema);
  assert_whole(NULL);
  assert_ok(connector_sync_succeeded(test.store, old_records[OLD_JIRA].id, NULL, NULL, &failure));
  assert_ok(connector_history_verify(test.store, &first_bad, &failure));
  assert_int_equal(first_bad, 0);
  close_store();
}

static const struct disease {
  unsigned calls;
  int code;
  connector_status statuses[2];
} diseases[] = {
  { DISK_WRITE, SQLITE_FULL, { CONNECTOR_DISK_FULL, CONNECTOR_DISK_FULL } },
  { DISK_WRITE, SQLITE_IOERR_WRITE, { CONNECTOR_IO, CONNECTOR_IO } },
  { DISK_SYNC, SQLITE_IOERR_FSYNC, { CONNECTOR_IO, CONNECTOR_IO } },
  { DISK_READ, SQLITE_IOERR_READ, { CONNECTOR_IO, CONNECTOR_CORRUPT } },
  { DISK_TRUNCATE, SQLITE_IOERR_TRUNCATE, { CONNECTOR_IO, CONNECTOR_IO } },
  { DISK_SHARED, SQLITE_IOERR_SHMMAP, { CONNECTOR_IO, CONNECTOR_IO } },
};

/* Opens an old file while a call fails; false where there were fewer. */
static bool try_open(const struct disease *disease, long at, bool from_then_on)
{
  connector_status status = CONNECTOR_OK;
  bool failed = false;
  put_file_of(schema);
  fail_disk(disease->calls, disease->code, at, from_then_on);
  status = open_now();
  failed = mend_disk();
  if (status != CONNECTOR_OK &&
      (!failed || failure.status != status ||
       (status != disease->statuses[0] && status != disease->statuses[1])))
    fail_msg("call %ld of kind %u failed%s: %s (%s)", at, disease->calls,
             from_then_on ? " and all after" : "", connector_status_name(status), failure.message);
  assert_int_equal(test.store != NULL, status == CONNECTOR_OK);
  close_store();
  assert_opens_whole();
  return failed;
}

static void a_disk_that_fails_at_any_call_loses_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(diseases); i++)
    for (schema = 1; schema <= OLD_SCHEMAS; schema++)
      for (long at = 1; try_open(&diseases[i], at, false); at++)
        ;
}

static void a_disk_that_fails_from_any_call_on_loses_nothing(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(diseases); i++)
    for (schema = 1; schema <= OLD_SCHEMAS; schema++)
      for (long at = 1; try_open(&diseases[i], at, true); at += SPREAD)
        ;
}

/* Whether the child died of the call; one that made fewer ends by itself. */
static bool try_to_die(long at)
{
  int status = 0;
  pid_t child = 0;
  put_file_of(schema);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    death.at = at;
    child_expects(open_now() == CONNECTOR_OK);
    death.at = 0;
    connector_close(test.store);
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(status == 0 || WIFSIGNALED(status));
  assert_opens_whole();
  return status != 0;
}

static void a_process_that_dies_at_any_write_or_sync_loses_nothing(void **state)
{
  (void)state;
  for (schema = 1; schema <= OLD_SCHEMAS; schema++) {
    long at = 1;
    while (try_to_die(at))
      at++;
    assert_true(at > 10);
  }
}

#define migration_test(name) cmocka_unit_test_setup_teardown(name, setup_old, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    migration_test(a_disk_that_fails_at_any_call_loses_nothing),
    migration_test(a_disk_that_fails_from_any_call_on_loses_nothing),
    migration_test(a_process_that_dies_at_any_write_or_sync_loses_nothing),
  };
  stay_in_memory();
  install_dying_vfs();
  return cmocka_run_group_tests_name("migration", tests, NULL, NULL);
}
