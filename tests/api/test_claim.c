/*
 * Claims: nobody gets what another holds, and what ends a claim or makes it not due.
 */
#include "lifecycle.h"

/* A connector that is due for every kind. */
static void make_due(char id[ID_SIZE])
{
  make_id(PATCH(.oauth_refresh_needed = CONNECTOR_YES, .next_rotation_due = 5), id);
}

static const connector_due dues[] = { CONNECTOR_DUE_REFRESH, CONNECTOR_DUE_ROTATION,
                                      CONNECTOR_DUE_SYNC };
static const char *const purposes[] = { CONNECTOR_PURPOSE_REFRESH, CONNECTOR_PURPOSE_ROTATION,
                                        CONNECTOR_PURPOSE_SYNC };

static void nothing_is_handed_out_twice(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  for (size_t i = 0; i < COUNT_OF(dues); i++) {
    assert_int_equal(claim_count(dues[i]), 1);
    assert_int_equal(claim_count(dues[i]), 0);
  }
}

static void a_lease_taken_by_hand_keeps_claims_away(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  for (size_t i = 0; i < COUNT_OF(dues); i++) {
    connector_lease *lease = take(id, purposes[i], MINUTE);
    assert_int_equal(claim_count(dues[i]), 0);
    release(lease);
    assert_int_equal(claim_count(dues[i]), 1);
  }
}

static void what_a_dead_holder_had_comes_back(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  for (size_t i = 0; i < COUNT_OF(dues); i++) {
    int64_t fence = 0;
    for (int round = 0; round < 3; round++) {
      connector_claims *claims = claim(dues[i], CLAIM(.ttl_ms = 1000));
      assert_int_equal(connector_claims_count(claims), 1);
      assert_true(connector_lease_fence(connector_claims_at(claims, 0)->lease) > fence);
      fence = connector_lease_fence(connector_claims_at(claims, 0)->lease);
      connector_claims_free(claims);
      test_time += 999;
      assert_int_equal(claim_count(dues[i]), 0);
      test_time += 2;
    }
  }
}

static void an_outcome_makes_it_not_due(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, test_time + DAY, NULL, &failure));
  release(lease);
  lease = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  assert_ok(connector_rotated(test.store, lease, test_time + DAY, NULL, &failure));
  release(lease);
  connector_free(succeed(id, 1, 1));
  for (size_t i = 0; i < COUNT_OF(dues); i++)
    assert_int_equal(claim_count(dues[i]), 0);
}

static void a_failed_refresh_is_due_at_its_retry_time(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  for (int errors = 1; errors <= 5; errors++) {
    connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
    assert_ok(
        connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_TRANSIENT, "x", &failure));
    release(lease);
    int64_t retry_at = health_of(id).retry_at;
    assert_true(retry_at > test_time);
    test_time = retry_at - 1;
    assert_false(is_due(CONNECTOR_DUE_REFRESH, id, NULL));
    test_time = retry_at + 1;
    assert_true(is_due(CONNECTOR_DUE_REFRESH, id, NULL));
  }
}

static void a_failed_refresh_holds_back_syncs_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_AUTH, "x", &failure));
  release(lease);
  int64_t retry_at = health_of(id).retry_at;
  assert_true(retry_at > test_time);
  assert_false(is_due(CONNECTOR_DUE_SYNC, id, NULL));
  test_time = retry_at + 1;
  assert_true(is_due(CONNECTOR_DUE_SYNC, id, NULL));
}

static void a_success_ends_the_wait_of_a_failed_refresh(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  for (int i = 0; i < 12; i++) { /* so that the wait is hours */
    connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
    assert_ok(
        connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_TRANSIENT, "x", &failure));
    release(lease);
  }
  connector_free(succeed(id, 1, 1));
  assert_int_equal(health_of(id).retry_at, 0);
  assert_true(is_due(CONNECTOR_DUE_REFRESH, id, NULL));
}

/* A worker that took the lease by hand and died has not made the retry time come. */
static void a_lost_lease_does_not_bring_the_retry_forward(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  assert_ok(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_TRANSIENT, "x", HOUR, NULL,
                                  &failure));
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_SYNC, 1000);
  test_time += 1001;
  assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
  assert_false(is_due(CONNECTOR_DUE_SYNC, id, NULL));
}

/* Handing a lease back must not make the work wait that was due before it was taken. */
static void what_is_handed_back_is_due_as_it_was(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  assert_ok(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_RATE_LIMITED, "x", 12 * HOUR,
                                  NULL, &failure));
  for (size_t i = 0; i < COUNT_OF(dues); i++) {
    bool due = is_due(dues[i], id, NULL); /* claims it and hands it back */
    if (is_due(dues[i], id, NULL) != due)
      fail_msg("%s was due and is not any more", purposes[i]);
  }
}

static void deleted_connectors_are_not_due(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  for (size_t i = 0; i < COUNT_OF(dues); i++)
    assert_int_equal(claim_count(dues[i]), 0);
  assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  for (size_t i = 0; i < COUNT_OF(dues); i++)
    assert_int_equal(claim_count(dues[i]), 1);
}

/* A restored one waits for nothing any more, but the lease runs on. */
static void a_restored_connector_is_not_claimed_while_its_lease_runs(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(dues); i++) {
    char id[ID_SIZE];
    make_due(id);
    connector_lease *lease = take(id, purposes[i], MINUTE);
    assert_ok(connector_delete(test.store, id, 0, &failure));
    assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
    assert_false(is_due(dues[i], id, NULL));
    release(lease);
    assert_true(is_due(dues[i], id, NULL));
  }
}

static void claiming_changes_no_record(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_due(id);
  connector *before = fetch(id);
  test_time += 1000;
  for (size_t i = 0; i < COUNT_OF(dues); i++) {
    connector_claims *claims = claim(dues[i], NULL);
    assert_true(connector_equal(connector_claims_at(claims, 0)->record, before));
    connector_claims_free(claims);
  }
  connector *after = fetch(id);
  assert_true(connector_equal(before, after));
  connector_free(before);
  connector_free(after);
}

static void no_claims_are_a_list_too(void **state)
{
  (void)state;
  assert_int_equal(connector_claims_count(NULL), 0);
  assert_null(connector_claims_at(NULL, 0));
  connector_claims_free(NULL);
}

static void bad_options_are_named(void **state)
{
  (void)state;
  static const struct {
    connector_claim_options options;
    const char *field;
  } rows[] = {
    { { .size = sizeof(connector_claim_options), .limit = CONNECTOR_CLAIMS_MAX + 1 }, "limit" },
    { { .size = sizeof(connector_claim_options), .ttl_ms = CONNECTOR_LEASE_TTL_MAX + 1 },
      "ttl_ms" },
    { { .size = sizeof(connector_claim_options), .horizon_ms = -1 }, "horizon_ms" },
    { { .size = sizeof(connector_claim_options), .horizon_ms = INT64_MIN }, "horizon_ms" },
    { { .size = sizeof(connector_claim_options), .interval_ms = -1 }, "interval_ms" },
  };
  char id[ID_SIZE];
  connector_claims *claims = NULL;
  make_due(id);
  for (size_t i = 0; i < COUNT_OF(rows); i++)
    assert_invalid(
        connector_claim(test.store, CONNECTOR_DUE_REFRESH, &rows[i].options, &claims, &failure),
        rows[i].field);
  assert_invalid(connector_claim(test.store, (connector_due)0, NULL, &claims, &failure), "due");
  assert_invalid(connector_claim(test.store, (connector_due)4, NULL, &claims, &failure), "due");
  assert_invalid(connector_claim(test.store, CONNECTOR_DUE_SYNC, NULL, NULL, &failure), "out");
  assert_null(claims);
  for (size_t i = 0; i < COUNT_OF(dues); i++)
    assert_int_equal(claim_count(dues[i]), 1);
}

/* ---- clocks ---- */

/* Written while the clock was years ahead, no time may keep work from being claimed for ever. */
static void a_clock_wrong_by_years_hides_no_work_for_ever(void **state)
{
  (void)state;
  char ids[2][ID_SIZE];
  int64_t right = test_time;
  for (size_t i = 0; i < 2; i++)
    make_due(ids[i]);
  test_time = right + 5 * YEAR;
  for (size_t i = 0; i < COUNT_OF(dues); i++)
    assert_int_equal(claim_count(dues[i]), 2);
  connector_free(fail_sync(ids[1], CONNECTOR_FAILURE_TRANSIENT, "x"));
  test_time = right + 31 * DAY + 1;
  for (size_t i = 0; i < COUNT_OF(dues); i++) {
    size_t count = claim_count(dues[i]);
    if (count != 2)
      fail_msg("%s: %zu of 2", purposes[i], count);
  }
}

static void a_success_of_years_ahead_hides_no_sync_for_ever(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t right = test_time;
  make_id(PATCH(0), id);
  test_time = right + 5 * YEAR;
  connector_free(succeed(id, 1, 1));
  test_time = right + 31 * DAY + 1;
  assert_true(is_due(CONNECTOR_DUE_SYNC, id, NULL));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(nothing_is_handed_out_twice),
    clock_test(a_lease_taken_by_hand_keeps_claims_away),
    clock_test(what_a_dead_holder_had_comes_back),
    clock_test(an_outcome_makes_it_not_due),
    clock_test(a_failed_refresh_is_due_at_its_retry_time),
    clock_test(a_failed_refresh_holds_back_syncs_too),
    clock_test(a_success_ends_the_wait_of_a_failed_refresh),
    clock_test(a_lost_lease_does_not_bring_the_retry_forward),
    clock_test(what_is_handed_back_is_due_as_it_was),
    clock_test(deleted_connectors_are_not_due),
    clock_test(a_restored_connector_is_not_claimed_while_its_lease_runs),
    clock_test(claiming_changes_no_record),
    folder_test(no_claims_are_a_list_too),
    clock_test(bad_options_are_named),
    clock_test(a_clock_wrong_by_years_hides_no_work_for_ever),
    clock_test(a_success_of_years_ahead_hides_no_sync_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
