/*
 * Outcomes of a refresh or a rotation: what each writes, and that a lost lease changes nothing.
 */
#include "lifecycle.h"

static void make_oauth(char id[ID_SIZE])
{
  make_id(PATCH(.name = "n", .auth_type = "oauth2", .oauth_refresh_needed = CONNECTOR_YES,
                .oauth_token_expires_at = test_time - HOUR, .next_rotation_due = 5),
          id);
}

/* ---- what each writes ---- */

static void refreshed_sets_the_expiry(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  test_time += 1000;
  assert_ok(connector_refreshed(test.store, lease, test_time + DAY, &record, &failure));
  assert_true(record->oauth_token_expires_at == test_time + DAY);
  assert_false(record->oauth_refresh_needed);
  assert_int_equal(record->version, 1);
  assert_true(record->updated_at == test_time);
  assert_text(record->name, "n");
  connector *read = fetch(id);
  assert_true(connector_equal(record, read));
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_REFRESHED), 1);
  connector_free(record);
  connector_free(read);
  release(lease);
}

static void refreshed_for_ever_has_no_expiry(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, 0, &record, &failure));
  assert_int_equal(record->oauth_token_expires_at, 0);
  assert_false(record->oauth_refresh_needed);
  connector_free(record);
  release(lease);
  test_time += 100 * YEAR;
  assert_int_equal(claim_count(CONNECTOR_DUE_REFRESH), 0);
}

static void rotated_sets_both_times(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  test_time += 1000;
  assert_ok(connector_rotated(test.store, lease, test_time + 90 * DAY, &record, &failure));
  assert_true(record->credential_last_rotated_at == test_time);
  assert_true(record->next_rotation_due == test_time + 90 * DAY);
  assert_true(record->oauth_refresh_needed);
  assert_int_equal(record->version, 1);
  assert_true(record->updated_at == test_time);
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_ROTATED), 1);
  connector_free(record);
  release(lease);
}

static void rotated_for_ever_is_never_due(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  assert_ok(connector_rotated(test.store, lease, 0, &record, &failure));
  assert_int_equal(record->next_rotation_due, 0);
  connector_free(record);
  release(lease);
  test_time += 100 * YEAR;
  assert_int_equal(claim_count(CONNECTOR_DUE_ROTATION), 0);
}

static void a_failed_refresh_counts_as_a_failed_sync_does(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.auth_type = "oauth2"), id);
  for (int errors = 1; errors <= 6; errors++) {
    connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
    test_time += 1000;
    assert_ok(connector_refresh_failed(
        test.store, lease, errors == 6 ? CONNECTOR_FAILURE_AUTH : CONNECTOR_FAILURE_TRANSIENT,
        "denied: password=hunter2canary", &failure));
    release(lease);
    connector *record = fetch(id);
    assert_int_equal(record->consecutive_errors, errors);
    assert_text(record->sync_status, errors < 5 ? "degraded" : "failing");
    assert_contains(record->last_error, "denied");
    assert_lacks(record->last_error, "hunter2canary");
    assert_int_equal(record->oauth_refresh_needed, errors == 6);
    assert_int_equal(record->version, 1);
    connector_free(record);
    connector_health health = health_of(id);
    assert_true(health.retry_at > test_time &&
                health.retry_at <= test_time + (30000 << (errors - 1)));
    assert_true(health.first_error_at > 0);
  }
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_HEALTH), 6);
}

static void an_outcome_hands_the_lease_back(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, test_time + DAY, NULL, &failure));
  release(lease);
  lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_CONFIG, NULL, &failure));
  release(lease);
  lease = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  assert_ok(connector_rotated(test.store, lease, 0, NULL, &failure));
  release(lease);
  release(take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE));
}

static void outcomes_never_meet_a_persons_update(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_update(test.store, id, 1, PATCH(.name = "x"), NULL, &failure));
  assert_ok(connector_refreshed(test.store, lease, test_time + DAY, NULL, &failure));
  assert_ok(connector_update(test.store, id, 2, PATCH(.name = "y"), NULL, &failure));
  release(lease);
  connector *record = fetch(id);
  assert_text(record->name, "y");
  assert_false(record->oauth_refresh_needed);
  connector_free(record);
}

/* ---- what is refused ---- */

static connector_status tell(int which, const connector_lease *lease)
{
  switch (which) {
  case 0:
    return connector_refreshed(test.store, lease, test_time + DAY, NULL, &failure);
  case 1:
    return connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_AUTH, "x", &failure);
  default:
    return connector_rotated(test.store, lease, test_time + DAY, NULL, &failure);
  }
}

static const char *const purposes[] = { CONNECTOR_PURPOSE_REFRESH, CONNECTOR_PURPOSE_REFRESH,
                                        CONNECTOR_PURPOSE_ROTATION };

/* INVALID: every outcome that is not for the lease's purpose is; STALE: every one that is. None
 * changes anything. */
static void assert_refused(const char *id, const connector_lease *lease, connector_status wanted)
{
  connector *before = fetch(id);
  connector_health health = health_of(id);
  size_t changes = changes_behind(0);
  for (int which = 0; which < 3; which++) {
    if (wanted == CONNECTOR_INVALID) {
      if (strcmp(purposes[which], connector_lease_purpose(lease)) != 0)
        assert_invalid(tell(which, lease), "lease");
    } else if (strcmp(purposes[which], connector_lease_purpose(lease)) == 0) {
      assert_status(tell(which, lease), wanted);
    }
  }
  connector *after = fetch(id);
  assert_true(connector_equal(before, after));
  assert_int_equal(changes_behind(0), changes);
  connector_health health_after = health_of(id);
  assert_true(health.retry_at == health_after.retry_at &&
              health.failures == health_after.failures &&
              health.first_error_at == health_after.first_error_at);
  connector_free(before);
  connector_free(after);
}

static void a_lease_for_another_purpose_is_invalid(void **state)
{
  (void)state;
  static const char *const others[] = { CONNECTOR_PURPOSE_REFRESH, CONNECTOR_PURPOSE_ROTATION,
                                        CONNECTOR_PURPOSE_SYNC, "probe" };
  char id[ID_SIZE];
  make_oauth(id);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    connector_lease *lease = take(id, others[i], MINUTE);
    assert_refused(id, lease, CONNECTOR_INVALID);
    release(lease);
  }
}

static void an_expired_lease_is_stale(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  for (size_t i = 0; i < 3; i += 2) {
    connector_lease *lease = take(id, purposes[i], MINUTE);
    test_time += MINUTE + 1;
    assert_refused(id, lease, CONNECTOR_STALE);
    assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
  }
}

static void a_lease_that_was_taken_over_is_stale(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  for (size_t i = 0; i < 3; i += 2) {
    connector_lease *lost = take(id, purposes[i], MINUTE);
    test_time += MINUTE + 1;
    connector_lease *lease = take(id, purposes[i], MINUTE);
    assert_refused(id, lost, CONNECTOR_STALE);
    test_time -= MINUTE / 2; /* nor does a clock set back bring it to life */
    assert_refused(id, lost, CONNECTOR_STALE);
    assert_ok(tell((int)i, lease));
    assert_status(connector_lease_release(test.store, lost, &failure), CONNECTOR_STALE);
    release(lease);
  }
}

static void a_second_outcome_is_stale(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  for (size_t i = 0; i < 3; i++) {
    connector_lease *lease = take(id, purposes[i], MINUTE);
    assert_ok(tell((int)i, lease));
    assert_refused(id, lease, CONNECTOR_STALE);
    release(lease);
  }
}

static void a_time_that_is_not_in_the_future_is_invalid(void **state)
{
  (void)state;
  const int64_t times[] = { test_time, test_time - 1, 1, -1, INT64_MIN };
  char id[ID_SIZE];
  make_oauth(id);
  connector *before = fetch(id);
  connector_lease *refresh = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  connector_lease *rotation = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  for (size_t i = 0; i < COUNT_OF(times); i++) {
    assert_invalid(connector_refreshed(test.store, refresh, times[i], NULL, &failure),
                   "oauth_token_expires_at");
    assert_invalid(connector_rotated(test.store, rotation, times[i], NULL, &failure),
                   "next_rotation_due");
  }
  connector *after = fetch(id);
  assert_true(connector_equal(before, after));
  assert_int_equal(changes_behind(0), 1);
  /* the leases go on: the caller may mend its time */
  assert_ok(connector_refreshed(test.store, refresh, test_time + 1, NULL, &failure));
  assert_ok(connector_rotated(test.store, rotation, test_time + 1, NULL, &failure));
  release(refresh);
  release(rotation);
  connector_free(before);
  connector_free(after);
}

/* As connector_update() has it: a time that no JSON can say is none. */
static void a_time_beyond_the_calendar_is_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_invalid(connector_update(test.store, id, 0, PATCH(.oauth_token_expires_at = INT64_MAX),
                                  NULL, &failure),
                 "oauth_token_expires_at");
  assert_invalid(connector_refreshed(test.store, lease, INT64_MAX, NULL, &failure),
                 "oauth_token_expires_at");
  release(lease);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

static void a_kind_that_is_none_is_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  for (int kind = 0; kind <= 5; kind += 5)
    assert_invalid(
        connector_refresh_failed(test.store, lease, (connector_failure)kind, "x", &failure),
        "kind");
  release(lease);
}

static void no_lease_is_invalid(void **state)
{
  (void)state;
  for (int which = 0; which < 3; which++)
    assert_invalid(tell(which, NULL), "lease");
}

static void a_deleted_connectors_outcome_is_not_found(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  for (size_t i = 0; i < 3; i++) {
    connector_lease *lease = take(id, purposes[i], MINUTE);
    assert_ok(connector_delete(test.store, id, 0, &failure));
    assert_not_found(tell((int)i, lease));
    assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
    release(lease);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(refreshed_sets_the_expiry),
    clock_test(refreshed_for_ever_has_no_expiry),
    clock_test(rotated_sets_both_times),
    clock_test(rotated_for_ever_is_never_due),
    clock_test(a_failed_refresh_counts_as_a_failed_sync_does),
    clock_test(an_outcome_hands_the_lease_back),
    clock_test(outcomes_never_meet_a_persons_update),
    clock_test(a_lease_for_another_purpose_is_invalid),
    clock_test(an_expired_lease_is_stale),
    clock_test(a_lease_that_was_taken_over_is_stale),
    clock_test(a_second_outcome_is_stale),
    clock_test(a_time_that_is_not_in_the_future_is_invalid),
    clock_test(a_time_beyond_the_calendar_is_invalid),
    clock_test(a_kind_that_is_none_is_invalid),
    clock_test(no_lease_is_invalid),
    clock_test(a_deleted_connectors_outcome_is_not_found),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
