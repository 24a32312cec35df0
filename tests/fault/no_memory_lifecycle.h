/*
 * Trials without memory for what keeps history, health and leases. A call runs on a fresh copy of a
 * file with a past while one of its allocations fails, once or from then on; with cold statements,
 * and again with warm ones, where fewer allocations are the engine's. Either it says so and no row
 * of any table is another, or it has done all of its work: the file is then, row for row, the one
 * that a run with memory leaves. Whoever is told of changes is told of those alone, nothing leaks,
 * and the same call then works.
 *
 * Some of the allocations are tried, spread evenly; CONNECTOR_FAULT_STEP=1 tries them all.
 */
#ifndef TESTS_NO_MEMORY_LIFECYCLE_H
#define TESTS_NO_MEMORY_LIFECYCLE_H

#include "failing_heap.h"
#include "lifecycle_faults.h"

enum {
  SHORT_TRIALS = 6 /* of a call, for each of the four ways */
};

struct results {
  connector *record;
  connector_changes *changes;
  connector_claims *claims;
  connector_lease *lease;
  char *text;
  int64_t number;
};

static struct results given; /* by `prepare`, for the call */
static struct results out;   /* by the call */

/* Memory alone: what the file holds stays. */
static inline void free_results(struct results *results)
{
  if (results->lease != NULL)
    (void)!connector_lease_release(NULL, results->lease, NULL);
  connector_free(results->record);
  connector_changes_free(results->changes);
  connector_claims_free(results->claims);
  connector_string_free(results->text);
  memset(results, 0, sizeof(*results));
}

struct trial {
  const char *name;
  void (*prepare)(void); /* with memory, before the call */
  connector_status (*run)(void);
  void (*verify)(void); /* after the call succeeded; may be NULL */
  int changes;          /* rows of history that it adds */
  bool reads;           /* it changes nothing */
  bool random;          /* two runs with memory do not leave the same */
  bool by_steps;        /* what was done before the failure stays done */
  bool once;            /* what `prepare` made is used up by a failure too */
};

/* What a run with memory begins and ends with. */
static struct {
  char *before;
  char *after;
} wanted;

/* ---- warming up ---- */

static connector_status run_and_take_back(connector_store *store, void *user,
                                          connector_error *error)
{
  const struct trial *trial = user;
  (void)store;
  (void)error;
  (void)!trial->run();
  return CONNECTOR_CANCELLED;
}

/* Makes the statements of the call, and leaves no trace in the file. */
static void warm_up(const struct trial *trial)
{
  if (trial->reads)
    assert_ok(trial->run());
  else
    assert_status(
        connector_batch(test.store, run_and_take_back, (void *)(uintptr_t)trial, &failure),
        CONNECTOR_CANCELLED);
  free_results(&out);
}

/* ---- one trial ---- */

struct fault {
  long at; /* 0: none */
  bool from_then_on;
  bool warm;
};

static void assert_told(const struct trial *trial, const struct fault *fault, int64_t changes)
{
  if (told.count != changes)
    fail_msg("%s, allocation %ld: on_change was told %d times and not %d", trial->name, fault->at,
             (int)told.count, (int)changes);
}

static void assert_file(const struct trial *trial, const struct fault *fault, const char *content)
{
  char what[200];
  char *now = whole_file();
  snprintf(what, sizeof(what), "%s, allocation %ld%s, %s", trial->name, fault->at,
           fault->from_then_on ? " and all after it" : "", fault->warm ? "warm" : "cold");
  assert_same_file(now, content, what);
  sqlite3_free(now);
  assert_whole(NULL);
  assert_verified();
}

static void assert_done(const struct trial *trial, const struct fault *fault)
{
  assert_told(trial, fault, trial->changes);
  if (trial->verify != NULL)
    trial->verify();
}

static void start_trial(const struct trial *trial, const struct fault *fault)
{
  open_past();
  if (trial->prepare != NULL)
    trial->prepare();
  if (fault->warm)
    warm_up(trial);
  told.count = 0;
}

/* The call failed: nothing has happened, and then it can be done. */
static void assert_undone(const struct trial *trial, const struct fault *fault,
                          connector_status status)
{
  if (fault->at == 0 || status != CONNECTOR_NO_MEMORY || failure.status != status)
    fail_msg("%s, allocation %ld%s: %s, with the error %s: %s", trial->name, fault->at,
             fault->from_then_on ? " and all after it" : "", connector_status_name(status),
             connector_status_name(failure.status), failure.message);
  assert_told(trial, fault, 0);
  if (trial->by_steps)
    assert_sound();
  else
    assert_file(trial, fault, wanted.before);
  free_results(&out);
  if (trial->once)
    trial->prepare();
  assert_status(trial->run(), CONNECTOR_OK);
}

/* False where the call made fewer allocations. */
static bool try_fault(const struct trial *trial, const struct fault *fault)
{
  connector_status status = CONNECTOR_OK;
  bool injected = false;
  start_trial(trial, fault);
  memset(&failure, 0x5a, sizeof(failure));
  fail_heap(fault->at != 0 ? fault->at : LONG_MAX, fault->from_then_on);
  status = trial->run();
  injected = mend_heap();
  if (status != CONNECTOR_OK)
    assert_undone(trial, fault, status);
  assert_done(trial, fault);
  if (trial->random)
    assert_sound();
  else if (status == CONNECTOR_OK)
    assert_file(trial, fault, wanted.after);
  else
    assert_verified();
  free_results(&out);
  free_results(&given);
  close_store();
  return injected;
}

/* Blocks that are held when a trial is over, store closed, are lost. */
static bool try_without_leak(const struct trial *trial, const struct fault *fault)
{
  long before = heap.outstanding;
  bool injected = try_fault(trial, fault);
  if (heap.outstanding != before)
    fail_msg("%s, allocation %ld%s, %s: %ld blocks are left", trial->name, fault->at,
             fault->from_then_on ? " and all after it" : "", fault->warm ? "warm" : "cold",
             heap.outstanding - before);
  return injected;
}

/* ---- all trials of a call ---- */

/* A run with memory gives what the others are measured by, and the number of allocations. */
static long learn(const struct trial *trial, bool warm)
{
  const struct fault none = { .warm = warm };
  char *before = NULL;
  start_trial(trial, &none);
  before = whole_file();
  if (wanted.before == NULL)
    wanted.before = before;
  else
    sqlite3_free(before);
  fail_heap(LONG_MAX, false);
  assert_status(trial->run(), CONNECTOR_OK);
  mend_heap();
  if (wanted.after == NULL) {
    wanted.after = whole_file();
    assert_sound();
  }
  assert_done(trial, &none);
  free_results(&out);
  free_results(&given);
  close_store();
  return heap.calls;
}

static void try_way(const struct trial *trial, bool warm, bool from_then_on)
{
  static long turn;
  long allocations = learn(trial, warm);
  long step = fault_step_or(1 + allocations / SHORT_TRIALS);
  struct fault fault = { .from_then_on = from_then_on, .warm = warm };
  bool more = allocations > 0;
  for (fault.at = 1 + turn++ % step; more; fault.at += step)
    more = try_without_leak(trial, &fault);
}

static inline void forget(void)
{
  sqlite3_free(wanted.before);
  sqlite3_free(wanted.after);
  memset(&wanted, 0, sizeof(wanted));
}

static inline void try_trial(const struct trial *trial)
{
  (void)learn(trial, false); /* what stays for good is there now */
  for (int way = 0; way < 4; way++)
    if (!(trial->once && (way & 1) != 0))
      try_way(trial, (way & 1) != 0, (way & 2) != 0);
  forget();
}

static inline void try_trials(const struct trial *trials, size_t count)
{
  if (!INTERPOSED) {
    skip_loudly("allocations can't be made to fail in this build (sanitizer or C library)");
    return;
  }
  for (size_t i = 0; i < count; i++)
    try_trial(&trials[i]);
}

/* cmocka's setup and teardown; a trial that failed has left things behind. */
static inline int setup_trials(void **state)
{
  memset(&given, 0, sizeof(given));
  memset(&out, 0, sizeof(out));
  memset(&wanted, 0, sizeof(wanted));
  return setup_past(state);
}

#define trials_test(name) cmocka_unit_test_setup_teardown(name, setup_trials, teardown_past)

#define try_each(trials) try_trials((trials), COUNT_OF(trials))

#endif
