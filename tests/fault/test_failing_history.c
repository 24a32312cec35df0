/*
 * A disk that fills up or breaks at any call of a write with history, a report, a claim, an
 * outcome, a trim: all of it is there or no row of any table is another, whoever is told of changes
 * is told of those alone, and the same call then works.
 *
 * Some of the calls are tried, spread evenly; CONNECTOR_FAULT_STEP=1 tries them all.
 */
#include "lifecycle_faults.h"

#include "failing_vfs.h"

enum {
  SHORT_TRIALS = 5 /* of a call and a disease, once and from then on */
};

static connector_claims *claims; /* of `prepare` */

/* ---- what is done ---- */

static connector_status do_create(void)
{
  return connector_create(test.store, PATCH(.name = "new", .config = "{\"a\":1}"), NULL, &failure);
}

static connector_status do_update(void)
{
  return connector_update(test.store, oauth_id, 3, PATCH(.name = "new"), NULL, &failure);
}

static connector_status do_purge(void)
{
  return connector_purge(test.store, deleted_id, &failure);
}

static connector_status write_three(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_create(store, PATCH(.name = "one"), NULL, error);
  (void)user;
  if (status == CONNECTOR_OK)
    status = connector_sync_started(store, oauth_id, error);
  if (status == CONNECTOR_OK)
    status = connector_delete(store, plain_id, 1, error);
  return status;
}

static connector_status do_batch(void)
{
  return connector_batch(test.store, write_three, NULL, &failure);
}

static connector_status do_succeed(void)
{
  return connector_sync_succeeded(test.store, disabled_id, NULL, NULL, &failure);
}

static connector_status do_fail(void)
{
  return connector_sync_failed(test.store, failing_id, CONNECTOR_FAILURE_AUTH, "refused", 0, NULL,
                               &failure);
}

static connector_status do_claim(void)
{
  connector_claims *claimed = NULL;
  connector_status status = connector_claim(test.store, CONNECTOR_DUE_SYNC, NULL, &claimed,
                                            &failure);
  assert_true(status != CONNECTOR_OK || connector_claims_count(claimed) == 5);
  connector_claims_free(claimed);
  return status;
}

static void as_system(void)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
}

static connector_status do_claim_all(void)
{
  connector_claims *claimed = NULL;
  connector_status status = connector_claim(test.store, CONNECTOR_DUE_REFRESH, NULL, &claimed,
                                            &failure);
  assert_true(status != CONNECTOR_OK || connector_claims_count(claimed) == 3);
  connector_claims_free(claimed);
  return status;
}

static void claim_refresh(void)
{
  claims = claims_of(CONNECTOR_DUE_REFRESH);
}

static connector_status do_refreshed(void)
{
  return connector_refreshed(test.store, lease_on(claims, oauth_id), TODAY + DAY, NULL, &failure);
}

static connector_status do_renew(void)
{
  return connector_lease_renew(test.store, lease_on(claims, oauth_id), 900000, &failure);
}

static connector_status do_release(void)
{
  return connector_lease_release(test.store, lease_on(claims, oauth_id), &failure);
}

static connector_status do_trim(void)
{
  return connector_history_trim(test.store, BIRTH + 5 * MINUTE, NULL, &failure);
}

static connector_status do_read(void)
{
  connector_changes *changes = NULL;
  connector *record = NULL;
  int64_t first_bad = -1;
  connector_status status = connector_changes_after(test.store, 0, 1000, &changes, &failure);
  assert_true(status != CONNECTOR_OK || connector_changes_count(changes) == 27);
  if (status == CONNECTOR_OK)
    status = connector_get_as_of(test.store, oauth_id, 1, &record, &failure);
  if (status == CONNECTOR_OK)
    status = connector_history_verify(test.store, &first_bad, &failure);
  assert_true(status != CONNECTOR_OK || first_bad == 0);
  connector_changes_free(changes);
  connector_free(record);
  return status;
}

static const struct operation {
  const char *name;
  void (*prepare)(void);
  connector_status (*run)(void);
  int changes; /* rows of history that it adds */
  bool reads;
} operations[] = {
  { "create", NULL, do_create, 1, false },
  { "update", NULL, do_update, 1, false },
  { "purge", NULL, do_purge, 1, false },
  { "batch", NULL, do_batch, 3, false },
  { "sync_succeeded", NULL, do_succeed, 1, false },
  { "sync_failed", NULL, do_fail, 1, false },
  { "claim", NULL, do_claim, 0, false },
  { "claim of all tenants", as_system, do_claim_all, 0, false },
  { "refreshed", claim_refresh, do_refreshed, 1, false },
  { "lease_renew", claim_refresh, do_renew, 0, false },
  { "lease_release", claim_refresh, do_release, 0, false },
  { "trim", NULL, do_trim, 0, false },
  { "feed, as of and verify", NULL, do_read, 0, true },
};

/* ---- how the disk fails ---- */

struct disease {
  unsigned calls;
  int code;
  connector_status status;
};

struct attempt {
  const struct operation *operation;
  const struct disease *disease; /* NULL: none */
  long at;
  bool from_then_on;
};

static void assert_told(const struct attempt *attempt, int64_t changes)
{
  if (told.count != changes)
    fail_msg("%s, call %ld: on_change was told %d times and not %d", attempt->operation->name,
             attempt->at, (int)told.count, (int)changes);
}

static void assert_undone(const struct attempt *attempt, connector_status status, bool failed,
                          const char *before)
{
  char what[200];
  char *now = NULL;
  snprintf(what, sizeof(what), "%s with call %ld%s failing", attempt->operation->name, attempt->at,
           attempt->from_then_on ? " and all after it" : "");
  if (!failed || status != attempt->disease->status || failure.status != status)
    fail_msg("%s: %s (%s), wanted %s", what, connector_status_name(status), failure.message,
             connector_status_name(attempt->disease->status));
  assert_told(attempt, 0);
  now = whole_file();
  assert_same_file(now, before, what);
  sqlite3_free(now);
  assert_whole(NULL);
  assert_verified();
}

static void assert_done(const struct attempt *attempt, const char *before, bool at_once)
{
  char *now = whole_file();
  assert_told(attempt, attempt->operation->changes);
  assert_int_equal(strcmp(now, before) == 0, attempt->operation->reads);
  sqlite3_free(now);
  if (at_once)
    assert_sound();
  else
    assert_verified();
}

/* False where the operation made fewer calls than `at`. Another process finds what this one left:
 * the store is opened again in the end. */
static bool try_attempt(const struct attempt *attempt)
{
  connector_status status = CONNECTOR_OK;
  bool failed = false;
  char *before = NULL;
  open_past();
  if (attempt->operation->prepare != NULL)
    attempt->operation->prepare();
  before = whole_file();
  told.count = 0;
  memset(&failure, 0x5a, sizeof(failure));
  fail_disk(attempt->disease->calls, attempt->disease->code, attempt->at, attempt->from_then_on);
  status = attempt->operation->run();
  failed = mend_disk();
  if (status != CONNECTOR_OK) {
    assert_undone(attempt, status, failed, before);
    assert_ok(attempt->operation->run());
  }
  connector_claims_free(claims);
  claims = NULL;
  open_lifecycle();
  assert_done(attempt, before, status == CONNECTOR_OK);
  close_store();
  sqlite3_free(before);
  return failed;
}

/* How many calls the operation makes that the disease may hit. */
static long calls_of(const struct operation *operation, const struct disease *disease)
{
  long calls = 0;
  open_past();
  if (operation->prepare != NULL)
    operation->prepare();
  fail_disk(disease->calls, disease->code, LONG_MAX, false);
  assert_ok(operation->run());
  calls = disk.count;
  mend_disk();
  connector_claims_free(claims);
  claims = NULL;
  close_store();
  return calls;
}

static void try_disease(const struct disease *disease)
{
  long turn = 0;
  long tried = 0;
  for (size_t i = 0; i < COUNT_OF(operations); i++) {
    long calls = calls_of(&operations[i], disease);
    long step = fault_step_or(1 + calls / SHORT_TRIALS);
    for (int from_then_on = 0; from_then_on < 2; from_then_on++) {
      struct attempt attempt = { &operations[i], disease, 1 + turn++ % step, from_then_on != 0 };
      for (; try_attempt(&attempt); attempt.at += step)
        tried++;
    }
  }
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

int main(void)
{
  const struct CMUnitTest tests[] = {
    past_test(a_disk_that_is_full_at_any_write),
    past_test(a_disk_that_breaks_at_any_write),
    past_test(a_disk_that_breaks_at_any_read),
    past_test(a_disk_that_breaks_at_any_sync_or_truncation),
    past_test(shared_memory_that_can_not_be_had),
  };
  stay_in_memory();
  install_failing_vfs();
  return cmocka_run_group_tests_name("failing_history", tests, NULL, NULL);
}
