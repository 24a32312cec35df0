/*
 * store/outcome: what a refresh that succeeds takes back of those that failed, of errors and of
 * waits, and what it leaves of the syncs'.
 */
#include "history_support.h"

#include <connector/health.h>

enum { HOUR = 3600000 };

static char id[ID_SIZE];

static connector_options strict_options(uint32_t errors, int64_t age_ms)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.disable_after_errors = errors;
  options.disable_after_ms = age_ms;
  return options;
}

static void open_with(const connector_options *options)
{
  close_store();
  assert_ok(connector_open(":memory:", options, &test.store, &failure));
  make_id(PATCH(.name = "x", .auth_type = "oauth2"), id);
}

static int setup_outcome(void **state)
{
  connector_options options = strict_options(0, 0);
  if (setup_folder(state) != 0)
    return -1;
  open_with(&options);
  return 0;
}

#define outcome_test(name) cmocka_unit_test_setup_teardown(name, setup_outcome, teardown)

/* ---- helpers ---- */

static connector_lease *take(const char *purpose)
{
  connector_lease *lease = NULL;
  assert_ok(connector_lease_take(test.store, id, purpose, 1000, &lease, &failure));
  return lease;
}

static void give_back(connector_lease *lease)
{
  assert_ok(connector_lease_release(test.store, lease, &failure));
}

static void fail_refreshes(int times, connector_failure kind)
{
  for (int i = 0; i < times; i++) {
    connector_lease *lease = take("refresh");
    assert_ok(connector_refresh_failed(test.store, lease, kind, "no token", &failure));
    give_back(lease);
  }
}

static void fail_syncs(int times, connector_failure kind)
{
  for (int i = 0; i < times; i++)
    assert_ok(connector_sync_failed(test.store, id, kind, "no sync", 0, NULL, &failure));
}

static void refresh(void)
{
  connector_lease *lease = take("refresh");
  assert_ok(connector_refreshed(test.store, lease, test_time + 10 * (int64_t)HOUR, NULL, &failure));
  give_back(lease);
}

static void assert_errors(int64_t errors, const char *status, const char *last_error)
{
  connector *record = fetch(id);
  assert_int_equal(record->consecutive_errors, errors);
  assert_text(record->sync_status, status);
  assert_text(record->last_error, last_error);
  connector_free(record);
}

/* A number that is kept beside the record; 0 for none. */
static int64_t kept(const char *column)
{
  char sql[100];
  snprintf(sql, sizeof(sql), "SELECT coalesce(max(%s), 0) FROM health", column);
  return look_up(sql);
}

static int64_t wait_of(const char *column)
{
  char sql[100];
  snprintf(sql, sizeof(sql), "SELECT coalesce(%s, 0) FROM connector", column);
  return look_up(sql);
}

/* ---- errors ---- */

static void a_refresh_takes_the_errors_of_refreshes_off_the_count(void **state)
{
  (void)state;
  fail_refreshes(2, CONNECTOR_FAILURE_TRANSIENT);
  fail_syncs(2, CONNECTOR_FAILURE_TRANSIENT);
  fail_refreshes(1, CONNECTOR_FAILURE_AUTH);
  assert_int_equal(kept("refresh_errors"), 3);
  assert_errors(5, "failing", "no token");
  refresh();
  assert_errors(2, "degraded", "no token");
  assert_int_equal(kept("refresh_errors"), 0);
  assert_int_equal(kept("first_error_at"), test_time);
}

static void a_refresh_ends_a_run_of_errors_that_refreshes_alone_had(void **state)
{
  connector_options options = strict_options(6, HOUR);
  (void)state;
  open_with(&options);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  fail_refreshes(3, CONNECTOR_FAILURE_CONFIG);
  assert_errors(3, "degraded", "no token");
  assert_int_equal(kept("first_error_at"), test_time);
  assert_int_equal(kept("warned_at"), test_time);
  refresh();
  assert_errors(0, "healthy", NULL);
  assert_int_equal(kept("first_error_at"), 0);
  assert_int_equal(kept("warned_at"), 0);
}

static void what_was_never_synced_is_not_called_healthy(void **state)
{
  (void)state;
  fail_refreshes(3, CONNECTOR_FAILURE_CONFIG);
  assert_errors(3, "degraded", "no token");
  refresh();
  assert_errors(0, NULL, NULL);
}

static void a_status_that_tells_of_no_errors_stays(void **state)
{
  (void)state;
  fail_refreshes(2, CONNECTOR_FAILURE_TRANSIENT);
  fail_syncs(1, CONNECTOR_FAILURE_TRANSIENT);
  assert_ok(connector_sync_started(test.store, id, &failure));
  refresh();
  assert_errors(1, "syncing", "no sync");
  fail_refreshes(1, CONNECTOR_FAILURE_TRANSIENT);
  assert_ok(connector_update(test.store, id, 0, PATCH(.sync_status = "by hand"), NULL, &failure));
  refresh();
  assert_errors(1, "by hand", "no token");
}

static void errors_of_syncs_are_not_a_refreshs_to_forgive(void **state)
{
  static const connector_failure kinds[] = { CONNECTOR_FAILURE_AUTH, CONNECTOR_FAILURE_CONFIG,
                                             CONNECTOR_FAILURE_TRANSIENT };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(kinds); i++)
    fail_syncs(2, kinds[i]);
  assert_int_equal(kept("refresh_errors"), 0);
  refresh();
  assert_errors(6, "failing", "no sync");
  assert_int_equal(kept("first_error_at"), test_time);
}

static void a_refresh_that_was_limited_has_no_error_to_forgive(void **state)
{
  (void)state;
  fail_refreshes(3, CONNECTOR_FAILURE_RATE_LIMITED);
  fail_syncs(1, CONNECTOR_FAILURE_TRANSIENT);
  assert_int_equal(kept("refresh_errors"), 0);
  refresh();
  assert_errors(1, "degraded", "no sync");
}

static void errors_are_forgiven_once(void **state)
{
  (void)state;
  fail_refreshes(2, CONNECTOR_FAILURE_TRANSIENT);
  fail_syncs(1, CONNECTOR_FAILURE_TRANSIENT);
  refresh();
  fail_syncs(3, CONNECTOR_FAILURE_TRANSIENT);
  refresh();
  assert_errors(4, "degraded", "no sync");
}

static void what_a_success_has_ended_is_not_forgiven_again(void **state)
{
  (void)state;
  fail_refreshes(3, CONNECTOR_FAILURE_TRANSIENT);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  assert_int_equal(kept("refresh_errors"), 0);
  fail_syncs(2, CONNECTOR_FAILURE_TRANSIENT);
  refresh();
  assert_errors(2, "degraded", "no sync");
}

static void what_a_person_enabled_again_has_no_error_to_forgive(void **state)
{
  connector_options options = strict_options(2, 1);
  (void)state;
  open_with(&options);
  fail_refreshes(1, CONNECTOR_FAILURE_TRANSIENT);
  test_time += 1;
  fail_refreshes(1, CONNECTOR_FAILURE_TRANSIENT);
  assert_int_equal(kept("refresh_errors"), 2);
  assert_true(kept("disabled_at") > 0);
  assert_ok(connector_update(test.store, id, 0, PATCH(.enabled = CONNECTOR_YES), NULL, &failure));
  assert_int_equal(kept("refresh_errors"), 0);
  fail_syncs(1, CONNECTOR_FAILURE_TRANSIENT);
  refresh();
  assert_errors(1, "degraded", "no sync");
}

static void what_the_library_disabled_stays_paused_whatever_is_forgiven(void **state)
{
  connector_options options = strict_options(2, 1);
  connector *record = NULL;
  (void)state;
  open_with(&options);
  fail_refreshes(1, CONNECTOR_FAILURE_TRANSIENT);
  test_time += 1;
  fail_refreshes(1, CONNECTOR_FAILURE_TRANSIENT);
  refresh();
  assert_errors(0, "paused", NULL);
  record = fetch(id);
  assert_false(record->enabled);
  connector_free(record);
  assert_true(kept("disabled_at") > 0);
}

static void a_change_tells_what_was_forgiven(void **state)
{
  connector_changes *changes = NULL;
  const connector_change *change = NULL;
  int64_t last = 0;
  (void)state;
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  fail_refreshes(2, CONNECTOR_FAILURE_TRANSIENT);
  assert_ok(connector_changes_wait(test.store, 0, 0, &last, &failure));
  refresh();
  changes = feed_after(last);
  assert_int_equal(connector_changes_count(changes), 1);
  change = connector_changes_at(changes, 0);
  assert_int_equal(change->kind, CONNECTOR_CHANGE_REFRESHED);
  assert_contains(change->forward, "\"consecutive_errors\":0");
  assert_contains(change->forward, "\"last_error\":null");
  assert_contains(change->forward, "\"sync_status\":\"healthy\"");
  connector_changes_free(changes);
}

/* ---- waits ---- */

/* A failure, and whether the next sync waits for a good token after it. */
static void a_sync_that_waits_for_a_good_token_waits_no_more_once_there_is_one(void **state)
{
  static const struct {
    bool refresh;
    connector_failure kind;
    bool needs_token;
  } cases[] = {
    { false, CONNECTOR_FAILURE_AUTH, true },       { false, CONNECTOR_FAILURE_CONFIG, false },
    { false, CONNECTOR_FAILURE_TRANSIENT, false }, { false, CONNECTOR_FAILURE_RATE_LIMITED, false },
    { true, CONNECTOR_FAILURE_AUTH, true },        { true, CONNECTOR_FAILURE_CONFIG, true },
    { true, CONNECTOR_FAILURE_TRANSIENT, true },   { true, CONNECTOR_FAILURE_RATE_LIMITED, true },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    int64_t retry_at = 0;
    connector_options options = strict_options(0, 0);
    open_with(&options);
    if (cases[i].refresh)
      fail_refreshes(1, cases[i].kind);
    else
      fail_syncs(1, cases[i].kind);
    retry_at = kept("retry_at");
    assert_true(retry_at > test_time);
    assert_int_equal(kept("needs_token"), cases[i].needs_token);
    assert_int_equal(wait_of("sync_after"), retry_at);
    assert_int_equal(wait_of("refresh_after"), cases[i].refresh ? retry_at : 0);
    refresh();
    assert_int_equal(kept("needs_token"), 0);
    assert_int_equal(kept("retry_at"), cases[i].needs_token ? 0 : retry_at);
    assert_int_equal(wait_of("sync_after"), cases[i].needs_token ? 0 : retry_at);
    assert_int_equal(wait_of("refresh_after"), 0);
  }
}

static void the_last_failure_tells_whether_a_token_is_waited_for(void **state)
{
  (void)state;
  fail_syncs(1, CONNECTOR_FAILURE_AUTH);
  assert_int_equal(kept("needs_token"), 1);
  fail_syncs(1, CONNECTOR_FAILURE_TRANSIENT);
  assert_int_equal(kept("needs_token"), 0);
  fail_syncs(1, CONNECTOR_FAILURE_AUTH);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  assert_int_equal(kept("needs_token"), 0);
}

static void a_sync_under_way_keeps_its_record_when_the_token_comes(void **state)
{
  connector_lease *sync = take("sync");
  (void)state;
  fail_syncs(1, CONNECTOR_FAILURE_AUTH);
  refresh();
  assert_int_equal(wait_of("sync_after"), test_time + 1000);
  give_back(sync);
  assert_int_equal(wait_of("sync_after"), 0);
}

static void a_refresh_leaves_the_wait_of_a_rotation(void **state)
{
  connector_lease *rotation = take("rotation");
  (void)state;
  fail_refreshes(1, CONNECTOR_FAILURE_AUTH);
  assert_int_equal(wait_of("rotation_after"), test_time + 1000);
  refresh();
  assert_int_equal(wait_of("rotation_after"), test_time + 1000);
  give_back(rotation);
}

static void a_refresh_with_a_lost_lease_forgives_nothing(void **state)
{
  connector_lease *lease = NULL;
  (void)state;
  fail_refreshes(2, CONNECTOR_FAILURE_TRANSIENT);
  lease = take("refresh");
  test_time += 1000;
  assert_status(connector_refreshed(test.store, lease, 0, NULL, &failure), CONNECTOR_STALE);
  assert_errors(2, "degraded", "no token");
  assert_int_equal(kept("refresh_errors"), 2);
  assert_int_equal(kept("needs_token"), 1);
  assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    outcome_test(a_refresh_takes_the_errors_of_refreshes_off_the_count),
    outcome_test(a_refresh_ends_a_run_of_errors_that_refreshes_alone_had),
    outcome_test(what_was_never_synced_is_not_called_healthy),
    outcome_test(a_status_that_tells_of_no_errors_stays),
    outcome_test(errors_of_syncs_are_not_a_refreshs_to_forgive),
    outcome_test(a_refresh_that_was_limited_has_no_error_to_forgive),
    outcome_test(errors_are_forgiven_once),
    outcome_test(what_a_success_has_ended_is_not_forgiven_again),
    outcome_test(what_a_person_enabled_again_has_no_error_to_forgive),
    outcome_test(what_the_library_disabled_stays_paused_whatever_is_forgiven),
    outcome_test(a_change_tells_what_was_forgiven),
    outcome_test(a_sync_that_waits_for_a_good_token_waits_no_more_once_there_is_one),
    outcome_test(the_last_failure_tells_whether_a_token_is_waited_for),
    outcome_test(a_sync_under_way_keeps_its_record_when_the_token_comes),
    outcome_test(a_refresh_leaves_the_wait_of_a_rotation),
    outcome_test(a_refresh_with_a_lost_lease_forgives_nothing),
  };
  return cmocka_run_group_tests_name("outcome", tests, NULL, NULL);
}
