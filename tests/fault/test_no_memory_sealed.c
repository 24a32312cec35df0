/*
 * Calls on sealed secrets while allocations fail: each says so and leaves every row as it was, or
 * does all of its work; nothing leaks, and the same call then works. Some of the allocations are
 * tried, spread evenly; CONNECTOR_FAULT_STEP=1 tries them all.
 */
#include "failing_heap.h"
#include "sealed_trials.h"

enum { TRIALS = 16 }; /* of an operation, for each of the two ways */

static void start(const struct operation *operation)
{
  restore_template();
  close_store();
  if (!operation->opens)
    open_sealed(first_key, NULL);
}

static void assert_answer_of(const struct operation *operation, connector_status status, long at,
                             bool from_then_on)
{
  if ((status == CONNECTOR_OK || status == CONNECTOR_NO_MEMORY) && failure.status == status)
    return;
  fail_msg("%s, allocation %ld%s: %s, with the error %s: %s", operation->name, at,
           from_then_on ? " and all after it" : "", connector_status_name(status),
           connector_status_name(failure.status), failure.message);
}

/* The same call, with memory again. */
static void assert_then_works(const struct operation *operation, const char *before)
{
  char *now = whole_file();
  if (!operation->by_steps)
    assert_same_file(now, before, operation->name);
  sqlite3_free(now);
  if (test.store == NULL && !operation->opens)
    open_sealed(first_key, NULL);
  if (!operation->opens)
    verify_others();
  assert_status(operation->run(), CONNECTOR_OK);
}

static bool try_one(const struct operation *operation, long at, bool from_then_on)
{
  connector_status status = CONNECTOR_OK;
  bool injected = false;
  char *before = NULL;
  start(operation);
  before = whole_file();
  memset(&failure, 0, sizeof(failure));
  fail_heap(at, from_then_on);
  status = operation->run();
  injected = mend_heap();
  assert_answer_of(operation, status, at, from_then_on);
  if (status != CONNECTOR_OK)
    assert_then_works(operation, before);
  if (operation->verify != NULL)
    operation->verify();
  assert_sealed_rows_whole();
  if (operation->reads) {
    char *now = whole_file();
    assert_same_file(now, before, operation->name);
    sqlite3_free(now);
  }
  sqlite3_free(before);
  close_store();
  return injected;
}

static void try_way(const struct operation *operation, long calls, bool from_then_on)
{
  long step = fault_step_or(1 + calls / TRIALS);
  bool more = true;
  for (long at = from_then_on ? 1 + step / 2 : 1; more; at += step) {
    long outstanding = heap.outstanding;
    more = try_one(operation, at, from_then_on);
    if (heap.outstanding != outstanding)
      fail_msg("%s, allocation %ld%s: %ld blocks are left", operation->name, at,
               from_then_on ? " and all after it" : "", heap.outstanding - outstanding);
  }
}

static void any_allocation_may_fail(void **state)
{
  (void)state;
  if (!INTERPOSED) {
    skip_loudly("allocations can't be made to fail in this build (sanitizer or C library)");
    return;
  }
  for (size_t i = 0; i < COUNT_OF(operations); i++) {
    long calls = 0;
    (void)try_one(&operations[i], LONG_MAX, false); /* what stays for good is there now */
    calls = heap.calls;
    assert_true(calls > 0);
    try_way(&operations[i], calls, false);
    try_way(&operations[i], calls, true);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    sealed_trial(any_allocation_may_fail),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("no_memory_sealed", tests, NULL, NULL);
}
