/*
 * What a refreshed token ends: the errors that refreshes had, and the waiting of syncs for it.
 */
#include "lifecycle.h"

static void make_oauth(char id[ID_SIZE])
{
  make_id(PATCH(.auth_type = "oauth2", .oauth_refresh_needed = CONNECTOR_YES), id);
}

static void fail_refresh(const char *id, connector_failure kind)
{
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refresh_failed(test.store, lease, kind, "no", &failure));
  release(lease);
}

/* The record after a refresh that worked, to be freed. */
static connector *refresh(const char *id)
{
  connector *record = NULL;
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, test_time + DAY, &record, &failure));
  release(lease);
  return record;
}

static void a_good_token_ends_the_errors_of_refreshes(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  connector_free(succeed(id, 1, 1));
  for (int i = 0; i < 6; i++)
    fail_refresh(id, CONNECTOR_FAILURE_AUTH);
  connector *record = refresh(id);
  assert_int_equal(record->consecutive_errors, 0);
  assert_text(record->sync_status, "healthy");
  assert_null(record->last_error);
  connector_free(record);
  connector_health health = health_of(id);
  assert_int_equal(health.first_error_at, 0);
  assert_int_equal(health.retry_at, 0);
}

static void a_good_token_leaves_the_errors_of_syncs(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  for (int i = 0; i < 2; i++) {
    connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
    fail_refresh(id, CONNECTOR_FAILURE_TRANSIENT);
    fail_refresh(id, CONNECTOR_FAILURE_TRANSIENT);
  }
  connector *record = refresh(id);
  assert_int_equal(record->consecutive_errors, 2);
  assert_text(record->sync_status, "degraded");
  connector_free(record);
  assert_true(health_of(id).first_error_at > 0);
  record = refresh(id); /* they are not taken off twice */
  assert_int_equal(record->consecutive_errors, 2);
  connector_free(record);
}

/* The age of a run is that of the first error which still counts. */
static void errors_that_a_good_token_ended_make_a_run_no_older(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  fail_refresh(id, CONNECTOR_FAILURE_TRANSIENT);
  test_time += 7 * DAY;
  int64_t first_of_syncs = test_time;
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
  test_time += MINUTE;
  connector_free(refresh(id));
  assert_int_equal(health_of(id).first_error_at, first_of_syncs);
}

/* A person sets the count back: what refreshes had of it is gone with it. */
static void a_count_that_was_edited_is_not_taken_off_again(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_oauth(id);
  for (int i = 0; i < 3; i++)
    fail_refresh(id, CONNECTOR_FAILURE_TRANSIENT);
  assert_ok(connector_update(test.store, id, 0,
                             PATCH(.clear = CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS)),
                             NULL, &failure));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
  connector *record = refresh(id);
  assert_int_equal(record->consecutive_errors, 2);
  connector_free(record);
}

static void a_sync_that_waited_for_a_good_token_waits_no_more(void **state)
{
  (void)state;
  static const struct {
    connector_failure kind;
    bool refresh, waits;
  } rows[] = {
    { CONNECTOR_FAILURE_AUTH, false, false },
    { CONNECTOR_FAILURE_TRANSIENT, true, false },
    { CONNECTOR_FAILURE_RATE_LIMITED, false, true },
    { CONNECTOR_FAILURE_TRANSIENT, false, true },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    make_oauth(id);
    if (rows[i].refresh)
      fail_refresh(id, rows[i].kind);
    else
      connector_free(fail_sync(id, rows[i].kind, "x"));
    assert_false(is_due(CONNECTOR_DUE_SYNC, id, NULL));
    connector_free(refresh(id));
    if (is_due(CONNECTOR_DUE_SYNC, id, NULL) == rows[i].waits ||
        (health_of(id).retry_at != 0) != rows[i].waits)
      fail_msg("row %zu", i);
    assert_ok(connector_delete(test.store, id, 0, &failure));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(a_good_token_ends_the_errors_of_refreshes),
    clock_test(a_good_token_leaves_the_errors_of_syncs),
    clock_test(errors_that_a_good_token_ended_make_a_run_no_older),
    clock_test(a_count_that_was_edited_is_not_taken_off_again),
    clock_test(a_sync_that_waited_for_a_good_token_waits_no_more),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
