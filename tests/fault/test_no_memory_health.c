/*
 * Reports, leases, claims and outcomes while allocations fail.
 */
#include "no_memory_lifecycle.h"

#define SYNC_REPORT(...)                                                                           \
  (&(connector_sync_report){ .size = sizeof(connector_sync_report), __VA_ARGS__ })

/* Longer than any wait that is drawn by lot: two runs then leave the same. */
#define RETRY_AFTER (7 * 60 * MINUTE)

/* An answer other than CONNECTOR_OK that the call is to give. */
static connector_status expected(connector_status status, connector_status answer)
{
  if (status != answer || failure.status != answer)
    return status == CONNECTOR_OK ? CONNECTOR_MISUSE : status;
  memset(&failure, 0, sizeof(failure));
  return CONNECTOR_OK;
}

static void verify_record(void)
{
  connector *found = fetch(out.record->id);
  assert_true(connector_equal(found, out.record));
  connector_free(found);
}

/* ---- reports ---- */

static connector_status run_started(void)
{
  return connector_sync_started(test.store, plain_id, &failure);
}

static connector_status run_first_success(void)
{
  return connector_sync_succeeded(test.store, plain_id, SYNC_REPORT(.synced = 5), &out.record,
                                  &failure);
}

static connector_status run_success(void)
{
  return connector_sync_succeeded(test.store, syncing_id, SYNC_REPORT(.synced = 5, .latency_ms = 7),
                                  &out.record, &failure);
}

static connector_status run_recovery(void)
{
  return connector_sync_succeeded(test.store, disabled_id, NULL, &out.record, &failure);
}

static void verify_recovery(void)
{
  verify_record();
  assert_true(out.record->enabled);
}

static void succeeding(void **state)
{
  static const struct trial trials[] = {
    { .name = "started", .run = run_started, .changes = 1 },
    { .name = "first success", .run = run_first_success, .verify = verify_record, .changes = 1 },
    { .name = "success", .run = run_success, .verify = verify_record, .changes = 1 },
    { .name = "recovery", .run = run_recovery, .verify = verify_recovery, .changes = 1 },
  };
  (void)state;
  try_each(trials);
}

static connector_status run_first_failure(void)
{
  return connector_sync_failed(test.store, plain_id, CONNECTOR_FAILURE_CONFIG,
                               "bad \xff token ghp_abcdefghijklmnopqrstuvwxyz0123456789",
                               RETRY_AFTER, &out.record, &failure);
}

static void prepare_one_failure(void)
{
  assert_ok(connector_sync_failed(test.store, plain_id, CONNECTOR_FAILURE_TRANSIENT, NULL,
                                  RETRY_AFTER, NULL, &failure));
}

static connector_status run_warning(void)
{
  return connector_sync_failed(test.store, plain_id, CONNECTOR_FAILURE_TRANSIENT, NULL, RETRY_AFTER,
                               &out.record, &failure);
}

static connector_status run_last_failure(void)
{
  return connector_sync_failed(test.store, failing_id, CONNECTOR_FAILURE_AUTH, "refused",
                               RETRY_AFTER, &out.record, &failure);
}

static void verify_disabled(void)
{
  verify_record();
  assert_false(out.record->enabled);
  assert_true(out.record->oauth_refresh_needed);
}

static connector_status run_rate_limit(void)
{
  return connector_sync_failed(test.store, syncing_id, CONNECTOR_FAILURE_RATE_LIMITED, "slowly",
                               RETRY_AFTER, NULL, &failure);
}

static void failing(void **state)
{
  static const struct trial trials[] = {
    { .name = "failure", .run = run_first_failure, .verify = verify_record, .changes = 1 },
    { .name = "warning",
      .prepare = prepare_one_failure,
      .run = run_warning,
      .verify = verify_record,
      .changes = 1 },
    { .name = "disabling", .run = run_last_failure, .verify = verify_disabled, .changes = 1 },
    { .name = "rate limit", .run = run_rate_limit, .changes = 1 },
  };
  (void)state;
  try_each(trials);
}

static connector_status run_health(void)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  connector_status status = connector_health_get(test.store, disabled_id, &health, &failure);
  out.number = health.disabled_at;
  return status;
}

static void verify_health(void)
{
  assert_int_equal(out.number,
                   number_in_file("SELECT disabled_at FROM health WHERE disabled_at > 0"));
}

static void reading_health(void **state)
{
  static const struct trial trials[] = {
    { .name = "health", .run = run_health, .verify = verify_health, .reads = true },
  };
  (void)state;
  try_each(trials);
}

/* ---- leases ---- */

static connector_status run_take(void)
{
  return connector_lease_take(test.store, plain_id, "backfill", 60000, &out.lease, &failure);
}

static connector_status run_take_refresh(void)
{
  return connector_lease_take(test.store, oauth_id, CONNECTOR_PURPOSE_REFRESH, 60000, &out.lease,
                              &failure);
}

static void verify_taken(void)
{
  assert_true(connector_lease_fence(out.lease) > 0);
  assert_int_equal(connector_lease_expires_at(out.lease), TODAY + 60000);
}

/* A second one by the same prepare, for a trial that used the first up, waits for its end. */
static void prepare_lease(void)
{
  test_time += given.number;
  given.number = 60000;
  assert_ok(connector_lease_take(test.store, oauth_id, CONNECTOR_PURPOSE_REFRESH, 60000,
                                 &given.lease, &failure));
}

static connector_status run_take_held(void)
{
  return expected(connector_lease_take(test.store, oauth_id, CONNECTOR_PURPOSE_REFRESH, 60000,
                                       &out.lease, &failure),
                  CONNECTOR_LEASED);
}

static connector_status run_renew(void)
{
  return connector_lease_renew(test.store, given.lease, 90000, &failure);
}

static void verify_renewed(void)
{
  assert_int_equal(connector_lease_expires_at(given.lease), TODAY + 90000);
}

static connector_status run_release(void)
{
  connector_lease *lease = given.lease;
  given.lease = NULL;
  return connector_lease_release(test.store, lease, &failure);
}

/* A lease of claims outlives the call. The connector has failed, so it waits on. */
static void prepare_claims(void)
{
  assert_ok(connector_sync_failed(test.store, plain_id, CONNECTOR_FAILURE_TRANSIENT, NULL,
                                  RETRY_AFTER, NULL, &failure));
  test_time += RETRY_AFTER;
  given.claims = claims_of(CONNECTOR_DUE_SYNC);
  assert_non_null(lease_on(given.claims, plain_id));
}

static connector_status run_release_claimed(void)
{
  return connector_lease_release(test.store, lease_on(given.claims, plain_id), &failure);
}

static void prepare_lost_lease(void)
{
  prepare_claims();
  test_time += DAY;
}

static connector_status run_release_lost(void)
{
  return expected(run_release_claimed(), CONNECTOR_STALE);
}

static void leasing(void **state)
{
  static const struct trial trials[] = {
    { .name = "take", .run = run_take },
    { .name = "take to refresh", .run = run_take_refresh, .verify = verify_taken },
    { .name = "take what is held", .prepare = prepare_lease, .run = run_take_held },
    { .name = "renew", .prepare = prepare_lease, .run = run_renew, .verify = verify_renewed },
    { .name = "release", .prepare = prepare_lease, .run = run_release, .once = true },
    { .name = "release of a claim", .prepare = prepare_claims, .run = run_release_claimed },
    { .name = "release of a lost one", .prepare = prepare_lost_lease, .run = run_release_lost },
  };
  (void)state;
  try_each(trials);
}

/* ---- claims ---- */

static connector_status run_claim_refresh(void)
{
  return connector_claim(test.store, CONNECTOR_DUE_REFRESH, NULL, &out.claims, &failure);
}

static void verify_claimed_oauth(void)
{
  assert_int_equal(connector_claims_count(out.claims), 1);
  assert_text(connector_claims_at(out.claims, 0)->record->id, oauth_id);
}

static connector_status run_claim_by_expiry(void)
{
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  options.horizon_ms = 5 * MINUTE;
  return connector_claim(test.store, CONNECTOR_DUE_REFRESH, &options, &out.claims, &failure);
}

static connector_status run_claim_rotation(void)
{
  return connector_claim(test.store, CONNECTOR_DUE_ROTATION, NULL, &out.claims, &failure);
}

static connector_status run_claim_sync(void)
{
  return connector_claim(test.store, CONNECTOR_DUE_SYNC, NULL, &out.claims, &failure);
}

static void verify_claimed_five(void)
{
  assert_int_equal(connector_claims_count(out.claims), 5);
}

static void as_system(void)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
}

/* The tenants come in an order drawn by lot, and so do the fences. */
static void verify_claimed_of_all(void)
{
  assert_int_equal(connector_claims_count(out.claims), 3);
  assert_non_null(lease_on(out.claims, oauth_id));
  assert_non_null(lease_on(out.claims, others_id[0]));
  assert_non_null(lease_on(out.claims, others_id[1]));
}

/* Fewer than are due: whose turn it is is drawn by lot. */
static connector_status run_claim_some(void)
{
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  options.limit = 3;
  return connector_claim(test.store, CONNECTOR_DUE_SYNC, &options, &out.claims, &failure);
}

static void verify_claimed_shares(void)
{
  size_t theirs = (lease_on(out.claims, others_id[0]) != NULL ? 1u : 0u) +
                  (lease_on(out.claims, others_id[1]) != NULL ? 1u : 0u);
  assert_int_equal(connector_claims_count(out.claims), 3);
  assert_in_range(theirs, 1, 2);
}

static void claiming(void **state)
{
  static const struct trial trials[] = {
    { .name = "claim refresh", .run = run_claim_refresh, .verify = verify_claimed_oauth },
    { .name = "claim by expiry", .run = run_claim_by_expiry, .verify = verify_claimed_oauth },
    { .name = "claim rotation", .run = run_claim_rotation, .verify = verify_claimed_oauth },
    { .name = "claim sync", .run = run_claim_sync, .verify = verify_claimed_five },
    { .name = "claim of all tenants",
      .prepare = as_system,
      .run = run_claim_refresh,
      .verify = verify_claimed_of_all,
      .random = true },
    { .name = "claim shares of all tenants",
      .prepare = as_system,
      .run = run_claim_some,
      .verify = verify_claimed_shares,
      .random = true },
  };
  (void)state;
  try_each(trials);
}

/* ---- outcomes ---- */

static void prepare_refresh(void)
{
  given.claims = claims_of(CONNECTOR_DUE_REFRESH);
}

static connector_status run_refreshed(void)
{
  return connector_refreshed(test.store, lease_on(given.claims, oauth_id), TODAY + 60 * MINUTE,
                             &out.record, &failure);
}

static connector_status run_refresh_failed(void)
{
  return connector_refresh_failed(test.store, lease_on(given.claims, oauth_id),
                                  CONNECTOR_FAILURE_AUTH, "revoked", &failure);
}

static void prepare_lost_refresh(void)
{
  prepare_refresh();
  test_time += 10 * MINUTE;
}

static connector_status run_stale(void)
{
  return expected(run_refreshed(), CONNECTOR_STALE);
}

static void prepare_rotation(void)
{
  given.claims = claims_of(CONNECTOR_DUE_ROTATION);
}

static connector_status run_rotated(void)
{
  return connector_rotated(test.store, lease_on(given.claims, oauth_id), TODAY + DAY, &out.record,
                           &failure);
}

static void telling_outcomes(void **state)
{
  static const struct trial trials[] = {
    { .name = "refreshed",
      .prepare = prepare_refresh,
      .run = run_refreshed,
      .verify = verify_record,
      .changes = 1 },
    { .name = "refresh failed",
      .prepare = prepare_refresh,
      .run = run_refresh_failed,
      .changes = 1,
      .random = true },
    { .name = "refreshed too late", .prepare = prepare_lost_refresh, .run = run_stale },
    { .name = "rotated",
      .prepare = prepare_rotation,
      .run = run_rotated,
      .verify = verify_record,
      .changes = 1 },
  };
  (void)state;
  try_each(trials);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    trials_test(succeeding), trials_test(failing),  trials_test(reading_health),
    trials_test(leasing),    trials_test(claiming), trials_test(telling_outcomes),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("no_memory_health", tests, NULL, NULL);
}
