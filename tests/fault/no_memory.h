/*
 * Trials without memory: a call runs on a fresh copy of a file while one of its allocations fails,
 * once or from then on. It must say so or succeed; what was acknowledged must stand and nothing
 * else, nothing may leak, and the same call must then work. Every fifth allocation is tried, or
 * each CONNECTOR_FAULT_STEP-th: 1 tries them all, in a minute.
 */
#ifndef TESTS_NO_MEMORY_H
#define TESTS_NO_MEMORY_H

#include "failing_heap.h"
#include "fault_support.h"

/* ---- the file that each trial starts from ---- */

enum { RECORDS = 6 };

static char ids[RECORDS][ID_SIZE];
static char deleted_id[ID_SIZE];

static int setup_template(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  open_for_faults();
  for (size_t i = 0; i < RECORDS; i++)
    make_id(PATCH(.name = "first", .provider = i % 2 == 0 ? "jira" : "okta",
                  .config = "{\"region\":\"eu\",\"labels\":{\"env\":\"prod\"}}",
                  .tags = "[\"red\",\"blue\"]", .last_error = "line 1\nline 2"),
            ids[i]);
  make_id(PATCH(.name = "gone"), deleted_id);
  assert_ok(connector_delete(test.store, deleted_id, 0, &failure));
  keep_as_template();
  return 0;
}

static int teardown_template(void **state)
{
  free_template();
  return teardown(state);
}

/* ---- trials ---- */

struct scenario {
  connector_status (*run)(void);
  void (*verify)(void);  /* after it succeeded */
  bool reads;            /* it changes nothing */
  bool opens;            /* it opens the store itself */
  connector_status also; /* a status that it may answer beside NO_MEMORY */
};

/* What a run handed out. */
static struct {
  connector *record;
  connector_page *page;
  char *text;
  size_t length;
  int64_t number;
} out;

static void free_out(void)
{
  connector_free(out.record);
  connector_page_free(out.page);
  connector_string_free(out.text);
  memset(&out, 0, sizeof(out));
}

static void start_trial(const struct scenario *scenario)
{
  restore_template();
  if (!scenario->opens)
    open_for_faults();
}

static connector_status run_armed(const struct scenario *scenario, long at, bool from_then_on)
{
  connector_status status = CONNECTOR_OK;
  memset(&failure, 0x5a, sizeof(failure));
  fail_heap(at, from_then_on);
  status = scenario->run();
  mend_heap();
  return status;
}

static void assert_documented(const struct scenario *scenario, connector_status status, long at,
                              bool from_then_on)
{
  if ((status == CONNECTOR_OK || status == CONNECTOR_NO_MEMORY || status == scenario->also) &&
      failure.status == status)
    return;
  fail_msg("allocation %ld%s: %s, with the error %s: %s (os_code %d)", at,
           from_then_on ? " and all after it" : "", connector_status_name(status),
           connector_status_name(failure.status), failure.message, failure.os_code);
}

/* The same call, with memory again, does what it is for. */
static void assert_usable(const struct scenario *scenario)
{
  free_out();
  assert_status(scenario->run(), CONNECTOR_OK);
  scenario->verify();
}

static bool try_one(const struct scenario *scenario, long at, bool from_then_on)
{
  connector_status status = CONNECTOR_OK;
  bool injected = false;
  start_trial(scenario);
  status = run_armed(scenario, at, from_then_on);
  injected = heap.calls >= at;
  assert_documented(scenario, status, at, from_then_on);
  if (!injected)
    assert_int_equal(status, CONNECTOR_OK);
  if (test.store == NULL)
    open_for_faults();
  if (status == CONNECTOR_OK) {
    scenario->verify();
    assert_whole(scenario->reads ? template.content : NULL);
  } else {
    assert_whole(template.content);
    if (scenario->opens)
      close_store();
    assert_usable(scenario);
  }
  free_out();
  close_store();
  return injected;
}

/* Allocations that are held when a trial is over, store closed. */
static void assert_no_leak(const struct scenario *scenario, long at, bool from_then_on, bool *more)
{
  long before = heap.outstanding;
  *more = try_one(scenario, at, from_then_on);
  if (heap.outstanding != before)
    fail_msg("allocation %ld%s: %ld blocks are left", at, from_then_on ? " and all after it" : "",
             heap.outstanding - before);
}

static void try_all(const struct scenario *scenario)
{
  bool more = true;
  long tried = 0;
  long step = fault_step_or(5);
  if (!INTERPOSED) {
    skip_loudly("allocations can't be made to fail in this build (sanitizer or C library)");
    return;
  }
  (void)try_one(scenario, 1000000000, false); /* what stays for good is there now */
  for (long at = 1; more; at += step, tried++)
    assert_no_leak(scenario, at, false, &more);
  more = true;
  for (long at = step > 1 ? 2 : 1; more; at += step)
    assert_no_leak(scenario, at, true, &more);
  assert_true(tried > 0);
}

#define memory_fault(name) cmocka_unit_test_setup_teardown(name, setup_template, teardown_template)

#endif
