/*
 * Calls on sealed secrets while writes, syncs, reads and truncations of the file fail: the call
 * says so, and the file is then, after it was opened anew, as before the call or as after it.
 */
#include "sealed_trials.h"

#include "failing_vfs.h"

enum { TRIALS = UNDER_SANITIZER ? 3 : 8 }; /* of an operation, a disease and a way */

static const struct disease {
  unsigned calls;
  int code;
} diseases[] = {
  { DISK_WRITE, SQLITE_FULL },          { DISK_WRITE, SQLITE_IOERR_WRITE },
  { DISK_SYNC, SQLITE_IOERR_FSYNC },    { DISK_READ, SQLITE_IOERR_READ },
  { DISK_SHARED, SQLITE_IOERR_SHMMAP }, { DISK_TRUNCATE, SQLITE_IOERR_TRUNCATE },
};

static bool is_documented(connector_status status)
{
  return status == CONNECTOR_OK || status == CONNECTOR_DISK_FULL || status == CONNECTOR_IO ||
         status == CONNECTOR_CORRUPT;
}

static void open_after(const struct operation *operation)
{
  const void *then = operation->then_open;
  open_sealed(then != NULL ? then : first_key, then != NULL ? first_key : NULL);
}

static long injected; /* faults that came up */
static long failed;   /* calls that said so */

/* False where there were fewer calls. */
static bool try_one(const struct operation *operation, const struct disease *disease, long at,
                    bool from_then_on, const char *before)
{
  connector_status status = CONNECTOR_OK;
  bool came = false;
  char *now = NULL;
  close_store();
  restore_template();
  if (!operation->opens)
    open_sealed(first_key, NULL);
  memset(&failure, 0, sizeof(failure));
  fail_disk(disease->calls, disease->code, at, from_then_on);
  status = operation->run();
  came = mend_disk();
  if (!is_documented(status) || failure.status != status || (!came && status != CONNECTOR_OK))
    fail_msg("%s, kind %u, call %ld%s: %s (%s)", operation->name, disease->calls, at,
             from_then_on ? " and all after" : "", connector_status_name(status), failure.message);
  injected += came;
  failed += status != CONNECTOR_OK;
  close_store();
  now = whole_file();
  open_after(operation);
  verify_others();
  if (status != CONNECTOR_OK && (strcmp(now, before) == 0 || operation->by_steps))
    assert_status(operation->run(), CONNECTOR_OK); /* nothing was done: it can be, now */
  else if (operation->reads)
    assert_status(operation->run(), CONNECTOR_OK);
  sqlite3_free(now);
  if (operation->verify != NULL)
    operation->verify();
  assert_sealed_rows_whole();
  assert_ok(connector_check(test.store, report_finding, NULL, &failure));
  return came;
}

static long count_calls(const struct operation *operation, const struct disease *disease,
                        const char *before)
{
  (void)try_one(operation, disease, LONG_MAX, false, before);
  return disk.count;
}

static void any_call_of_the_disk_may_fail(void **state)
{
  char *before = NULL;
  (void)state;
  injected = failed = 0;
  restore_template();
  before = whole_file();
  for (size_t i = 0; i < COUNT_OF(operations); i++)
    for (size_t j = 0; j < COUNT_OF(diseases); j++) {
      long calls = count_calls(&operations[i], &diseases[j], before);
      long step = fault_step_or(1 + calls / TRIALS);
      for (int way = 0; way < 2; way++)
        for (long at = 1; try_one(&operations[i], &diseases[j], at, way == 1, before); at += step)
          ;
    }
  sqlite3_free(before);
  print_figure("%ld faults, %ld calls failed", injected, failed);
  assert_true(failed > 100);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    sealed_trial(any_call_of_the_disk_may_fail),
  };
  stay_in_memory();
  install_failing_vfs();
  return cmocka_run_group_tests_name("failing_disk_sealed", tests, NULL, NULL);
}
