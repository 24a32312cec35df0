/*
 * Due work: when a connector falls due for a refresh, a rotation and a sync, and since when.
 */
#include "lifecycle.h"

/* ---- refresh ---- */

static void a_refresh_is_due_where_it_is_asked_for(void **state)
{
  (void)state;
  char asked[ID_SIZE];
  char other[ID_SIZE];
  make_id(PATCH(.name = "asked", .oauth_refresh_needed = CONNECTOR_YES), asked);
  make_id(PATCH(.name = "other"), other);
  connector_claims *claims = claim(CONNECTOR_DUE_REFRESH, NULL);
  assert_int_equal(connector_claims_count(claims), 1);
  const connector_claim_item *item = connector_claims_at(claims, 0);
  assert_text(item->record->id, asked);
  assert_text(item->record->name, "asked");
  assert_int_equal(item->due_at, 0);
  assert_text(connector_lease_id(item->lease), asked);
  assert_text(connector_lease_purpose(item->lease), CONNECTOR_PURPOSE_REFRESH);
  assert_true(connector_lease_fence(item->lease) > 0);
  assert_true(connector_lease_expires_at(item->lease) == test_time + 5 * MINUTE);
  assert_null(connector_claims_at(claims, 1));
  connector_claims_free(claims);
}

/* Whether a token falls due so long before its expiry, but for the very millisecond. Leaves the
 * clock there. */
static bool falls_due_before(const char *id, int64_t expires_at, int64_t before,
                             const connector_claim_options *options)
{
  test_time = expires_at - before - 1;
  if (is_due(CONNECTOR_DUE_REFRESH, id, options))
    return false;
  test_time = expires_at - before + 1;
  return is_due(CONNECTOR_DUE_REFRESH, id, options);
}

static void a_token_is_due_a_fifth_of_its_life_before_its_end(void **state)
{
  (void)state;
  static const struct {
    int64_t life, before;
  } rows[] = {
    { 100000, 20000 },
    { HOUR, 12 * MINUTE },
    { 75 * MINUTE, 15 * MINUTE },
    { 76 * MINUTE, 15 * MINUTE },
    { 30 * DAY, 15 * MINUTE },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    int64_t expires_at = test_time + rows[i].life;
    make_id(PATCH(.oauth_token_expires_at = expires_at), id);
    if (!falls_due_before(id, expires_at, rows[i].before, NULL))
      fail_msg("row %zu", i);
    assert_ok(connector_delete(test.store, id, 0, &failure));
  }
}

static void a_life_is_counted_from_when_the_expiry_was_written(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "a"), id);
  test_time += 10 * DAY;
  int64_t expires_at = test_time + 50 * MINUTE;
  assert_ok(connector_update(test.store, id, 0, PATCH(.oauth_token_expires_at = expires_at), NULL,
                             &failure));
  test_time += 30 * MINUTE;
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b"), NULL, &failure));
  connector_free(succeed(id, 1, 1));
  assert_true(falls_due_before(id, expires_at, 10 * MINUTE, NULL));
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  expires_at = test_time + 25 * MINUTE;
  assert_ok(connector_refreshed(test.store, lease, expires_at, NULL, &failure));
  release(lease);
  assert_true(falls_due_before(id, expires_at, 5 * MINUTE, NULL));
}

static void a_horizon_of_the_callers_counts_instead(void **state)
{
  (void)state;
  static const int64_t horizons[] = { 1, 5000, 2 * HOUR, 3 * DAY };
  for (size_t i = 0; i < COUNT_OF(horizons); i++) {
    char id[ID_SIZE];
    int64_t expires_at = test_time + 10 * DAY;
    make_id(PATCH(.oauth_token_expires_at = expires_at), id);
    if (!falls_due_before(id, expires_at, horizons[i], CLAIM(.horizon_ms = horizons[i])))
      fail_msg("horizon %zu", i);
    assert_ok(connector_delete(test.store, id, 0, &failure));
  }
}

static void an_expired_token_is_due(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.oauth_token_expires_at = test_time - YEAR), id);
  assert_true(is_due(CONNECTOR_DUE_REFRESH, id, NULL));
  assert_true(is_due(CONNECTOR_DUE_REFRESH, id, CLAIM(.horizon_ms = 1)));
}

static void a_horizon_without_end_is_no_error(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.oauth_token_expires_at = test_time + 1000 * YEAR), id);
  assert_true(is_due(CONNECTOR_DUE_REFRESH, id, CLAIM(.horizon_ms = INT64_MAX)));
}

/* ---- rotation ---- */

static void a_rotation_is_due_when_its_time_has_passed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char never[ID_SIZE];
  int64_t due = test_time + HOUR;
  make_id(PATCH(.next_rotation_due = due), id);
  make_id(PATCH(0), never);
  assert_int_equal(claim_count(CONNECTOR_DUE_ROTATION), 0);
  test_time = due + 1;
  connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, CLAIM(.ttl_ms = 7000));
  assert_int_equal(connector_claims_count(claims), 1);
  const connector_claim_item *item = connector_claims_at(claims, 0);
  assert_text(item->record->id, id);
  assert_true(item->due_at == due);
  assert_text(connector_lease_purpose(item->lease), CONNECTOR_PURPOSE_ROTATION);
  assert_true(connector_lease_expires_at(item->lease) == test_time + 7000);
  connector_claims_free(claims);
}

/* ---- sync ---- */

static void a_sync_is_due_where_there_was_none(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_claims *claims = claim(CONNECTOR_DUE_SYNC, NULL);
  assert_int_equal(connector_claims_count(claims), 1);
  assert_int_equal(connector_claims_at(claims, 0)->due_at, 0);
  assert_text(connector_lease_purpose(connector_claims_at(claims, 0)->lease),
              CONNECTOR_PURPOSE_SYNC);
  connector_claims_free(claims);
}

static void a_sync_is_due_an_interval_after_the_last(void **state)
{
  (void)state;
  static const int64_t intervals[] = { 0, 1000, 7 * DAY };
  for (size_t i = 0; i < COUNT_OF(intervals); i++) {
    char id[ID_SIZE];
    const connector_claim_options *options = CLAIM(.interval_ms = intervals[i]);
    int64_t interval = intervals[i] == 0 ? HOUR : intervals[i];
    make_id(PATCH(0), id);
    connector_free(succeed(id, 1, 1));
    int64_t synced = test_time;
    assert_false(is_due(CONNECTOR_DUE_SYNC, id, options));
    test_time = synced + interval - 1;
    assert_false(is_due(CONNECTOR_DUE_SYNC, id, options));
    test_time = synced + interval + 1;
    connector_claims *claims = claim(CONNECTOR_DUE_SYNC, options);
    assert_int_equal(connector_claims_count(claims), 1);
    assert_true(connector_claims_at(claims, 0)->due_at == synced + interval);
    connector_claims_free(claims);
    assert_ok(connector_delete(test.store, id, 0, &failure));
  }
}

static void a_disabled_connector_is_not_synced(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.enabled = CONNECTOR_NO), id);
  assert_false(is_due(CONNECTOR_DUE_SYNC, id, NULL));
  assert_ok(connector_update(test.store, id, 0, PATCH(.enabled = CONNECTOR_YES), NULL, &failure));
  assert_true(is_due(CONNECTOR_DUE_SYNC, id, NULL));
}

static void a_failed_sync_is_due_at_its_retry_time(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (int kind = CONNECTOR_FAILURE_AUTH; kind <= CONNECTOR_FAILURE_RATE_LIMITED; kind++) {
    connector_free(fail_sync(id, (connector_failure)kind, "x"));
    int64_t retry_at = health_of(id).retry_at;
    test_time = retry_at - 1;
    assert_false(is_due(CONNECTOR_DUE_SYNC, id, NULL));
    test_time = retry_at + 1;
    assert_true(is_due(CONNECTOR_DUE_SYNC, id, NULL));
  }
}

/* A failure does not make what was synced a minute ago due within the hour. */
static void a_failure_brings_no_sync_forward(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_free(succeed(id, 1, 1));
  test_time += 50 * MINUTE;
  assert_ok(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_RATE_LIMITED, "x", 30 * MINUTE,
                                  NULL, &failure));
  test_time += 20 * MINUTE; /* the interval is over, the retry time is not */
  assert_false(is_due(CONNECTOR_DUE_SYNC, id, NULL));
  test_time += 10 * MINUTE + 1;
  assert_true(is_due(CONNECTOR_DUE_SYNC, id, NULL));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(a_refresh_is_due_where_it_is_asked_for),
    clock_test(a_token_is_due_a_fifth_of_its_life_before_its_end),
    clock_test(a_life_is_counted_from_when_the_expiry_was_written),
    clock_test(a_horizon_of_the_callers_counts_instead),
    clock_test(an_expired_token_is_due),
    clock_test(a_horizon_without_end_is_no_error),
    clock_test(a_rotation_is_due_when_its_time_has_passed),
    clock_test(a_sync_is_due_where_there_was_none),
    clock_test(a_sync_is_due_an_interval_after_the_last),
    clock_test(a_disabled_connector_is_not_synced),
    clock_test(a_failed_sync_is_due_at_its_retry_time),
    clock_test(a_failure_brings_no_sync_forward),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
