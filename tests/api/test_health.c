/*
 * Sync reports: what each does to the record, retry times, and many reports at once.
 */
#include "lifecycle.h"

#include <pthread.h>

/* ---- success ---- */

static void starting_a_sync_says_syncing(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  test_time += 500;
  assert_ok(connector_sync_started(test.store, id, &failure));
  connector *record = fetch(id);
  assert_text(record->sync_status, "syncing");
  assert_int_equal(record->version, 1);
  assert_true(record->updated_at == test_time);
  assert_true(health_of(id).started_at == test_time);
  connector_free(record);
}

static void a_success_makes_the_record_healthy(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "n", .config = "{\"a\":1}"), id);
  connector_free(fail_sync(id, CONNECTOR_FAILURE_TRANSIENT, "timeout"));
  assert_ok(connector_sync_started(test.store, id, &failure));
  test_time += 500;
  connector *record = succeed(id, 7, 120);
  assert_text(record->sync_status, "healthy");
  assert_true(record->last_sync_at == test_time);
  assert_int_equal(record->consecutive_errors, 0);
  assert_null(record->last_error);
  assert_int_equal(metric(record, "totalSynced"), 7);
  assert_int_equal(metric(record, "last24h"), 7);
  assert_int_equal(metric(record, "avgLatencyMs"), 120);
  assert_int_equal(record->version, 1);
  assert_true(record->updated_at == test_time);
  assert_text(record->name, "n");
  assert_text(record->config, "{\"a\":1}");
  connector *read = fetch(id);
  assert_true(connector_equal(record, read));
  connector_health health = health_of(id);
  assert_int_equal(health.started_at, 0);
  assert_int_equal(health.retry_at, 0);
  assert_int_equal(health.first_error_at, 0);
  connector_free(record);
  connector_free(read);
}

static void a_report_of_nothing_is_a_success_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  connector *record = fetch(id);
  assert_text(record->sync_status, "healthy");
  assert_int_equal(metric(record, "totalSynced"), 0);
  assert_int_equal(health_of(id).syncs, 1);
  connector_free(record);
}

static void the_total_starts_from_what_is_there(void **state)
{
  (void)state;
  static const struct {
    const char *metrics;
    int64_t wanted;
  } rows[] = {
    { NULL, 5 },
    { "{}", 5 },
    { "{\"totalSynced\":null}", 5 },
    { "{\"totalSynced\":37}", 42 },
    { "{\"totalSynced\":9007199254740993}", 9007199254740998 },
    { "{\"totalSynced\":\"37\"}", 5 },
    { "{\"totalSynced\":{\"a\":1}}", 5 },
    { "{\"totalSynced\":[1]}", 5 },
    { "{\"totalSynced\":true}", 5 },
    { "{\"last24h\":900,\"avgLatencyMs\":77,\"totalSynced\":1}", 6 },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    make_id(PATCH(.metrics = rows[i].metrics), id);
    connector *record = succeed(id, 5, 0);
    if (metric(record, "totalSynced") != rows[i].wanted)
      fail_msg("from %s to %s", rows[i].metrics, record->metrics);
    assert_int_equal(metric(record, "last24h"), 5);
    connector_free(record);
  }
}

static void a_total_at_its_end_stays_a_number(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.metrics = "{\"totalSynced\":9223372036854775800}"), id);
  connector *record = succeed(id, INT64_MAX, 0);
  assert_true(metric(record, "totalSynced") == INT64_MAX);
  connector_free(record);
  record = succeed(id, INT64_MAX, INT64_MAX);
  assert_true(metric(record, "totalSynced") == INT64_MAX);
  assert_true(metric(record, "last24h") == INT64_MAX);
  connector_free(record);
}

static void other_metrics_stay_to_the_digit(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.metrics = "{\"b\":1.10,\"totalSynced\":1,\"a\":{\"n\":null,\"big\":"
                           "9007199254740993},\"e\":1e400,\"totalSyncedX\":\"s\"}"),
          id);
  connector *record = succeed(id, 2, 8);
  assert_contains(record->metrics, "\"b\":1.10");
  assert_contains(record->metrics, "\"a\":{\"n\":null,\"big\":9007199254740993}");
  assert_contains(record->metrics, "\"e\":1e400");
  assert_contains(record->metrics, "\"totalSyncedX\":\"s\"");
  assert_int_equal(metric(record, "totalSynced"), 3);
  connector_free(record);
  record = fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x");
  assert_contains(record->metrics, "\"b\":1.10");
  assert_int_equal(metric(record, "totalSynced"), 3);
  connector_free(record);
}

/* ---- failure ---- */

static void status_follows_the_count_of_errors(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (int errors = 1; errors <= 7; errors++) {
    test_time += 1000;
    connector *record = fail_sync(id, CONNECTOR_FAILURE_TRANSIENT, "timeout");
    assert_int_equal(record->consecutive_errors, errors);
    assert_text(record->sync_status, errors < 5 ? "degraded" : "failing");
    assert_text(record->last_error, "timeout");
    assert_int_equal(record->last_sync_at, 0);
    assert_int_equal(record->version, 1);
    assert_true(record->updated_at == test_time);
    assert_true(record->enabled);
    assert_true(health_of(id).first_error_at == test_time - (errors - 1) * 1000);
    connector_free(record);
  }
}

static void a_rate_limit_counts_no_error(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_free(succeed(id, 1, 1));
  connector *record = fail_sync(id, CONNECTOR_FAILURE_RATE_LIMITED, "slow down");
  assert_int_equal(record->consecutive_errors, 0);
  assert_text(record->sync_status, "healthy");
  assert_text(record->last_error, "slow down");
  connector_free(record);
  assert_int_equal(health_of(id).first_error_at, 0);
  assert_int_equal(health_of(id).failures, 1);
  connector_free(fail_sync(id, CONNECTOR_FAILURE_TRANSIENT, "timeout"));
  record = fail_sync(id, CONNECTOR_FAILURE_RATE_LIMITED, "slow down");
  assert_int_equal(record->consecutive_errors, 1);
  assert_text(record->sync_status, "degraded");
  connector_free(record);
}

static void a_rate_limit_does_not_call_a_connector_healthy(void **state)
{
  (void)state;
  static const char *const statuses[] = { NULL, "waiting", "degraded" };
  for (size_t i = 0; i < COUNT_OF(statuses); i++) {
    char id[ID_SIZE];
    make_id(PATCH(.sync_status = statuses[i]), id);
    connector *record = fail_sync(id, CONNECTOR_FAILURE_RATE_LIMITED, "slow down");
    assert_text(record->sync_status, statuses[i]);
    connector_free(record);
  }
}

static void a_rate_limit_ends_the_sync(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  static const char *const wanted[] = { NULL, "healthy", "degraded" };
  for (size_t i = 0; i < COUNT_OF(wanted); i++) {
    if (i == 1)
      connector_free(succeed(id, 1, 1));
    if (i == 2)
      connector_free(fail_sync(id, CONNECTOR_FAILURE_TRANSIENT, "timeout"));
    assert_ok(connector_sync_started(test.store, id, &failure));
    connector *record = fail_sync(id, CONNECTOR_FAILURE_RATE_LIMITED, "slow down");
    assert_text(record->sync_status, wanted[i]);
    assert_int_equal(health_of(id).started_at, 0);
    connector_free(record);
  }
}

static void an_auth_failure_asks_for_a_refresh_where_there_is_one(void **state)
{
  (void)state;
  static const struct {
    const char *auth_type;
    connector_failure kind;
    bool wanted;
  } rows[] = {
    { "oauth2", CONNECTOR_FAILURE_AUTH, true },
    { "oauth", CONNECTOR_FAILURE_AUTH, true },
    { "oauth_pkce", CONNECTOR_FAILURE_AUTH, true },
    { "api_key", CONNECTOR_FAILURE_AUTH, false },
    { "not-oauth", CONNECTOR_FAILURE_AUTH, false },
    { "oaut", CONNECTOR_FAILURE_AUTH, false },
    { NULL, CONNECTOR_FAILURE_AUTH, false },
    { "oauth2", CONNECTOR_FAILURE_CONFIG, false },
    { "oauth2", CONNECTOR_FAILURE_TRANSIENT, false },
    { "oauth2", CONNECTOR_FAILURE_RATE_LIMITED, false },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    make_id(PATCH(.auth_type = rows[i].auth_type), id);
    connector *record = fail_sync(id, rows[i].kind, "no");
    if (record->oauth_refresh_needed != rows[i].wanted)
      fail_msg("row %zu", i);
    connector_free(record);
  }
}

static void the_retry_time_backs_off_with_each_error(void **state)
{
  (void)state;
  char ids[8][ID_SIZE];
  int64_t longest = 30000;
  int64_t sum = 0;
  int64_t sum_of_longest = 0;
  for (size_t i = 0; i < COUNT_OF(ids); i++)
    make_id(PATCH(0), ids[i]);
  for (int errors = 1; errors <= 14; errors++) {
    for (size_t i = 0; i < COUNT_OF(ids); i++) {
      connector_free(fail_sync(ids[i], CONNECTOR_FAILURE_TRANSIENT, "timeout"));
      int64_t wait = health_of(ids[i]).retry_at - test_time;
      if (wait <= 0 || wait > longest)
        fail_msg("%lld ms after error %d", (long long)wait, errors);
      sum += wait;
      sum_of_longest += longest;
    }
    longest = longest * 2 < 6 * HOUR ? longest * 2 : 6 * HOUR;
  }
  /* full jitter: about half of the longest, and not always the same part of it */
  assert_true(sum > sum_of_longest / 4 && sum < sum_of_longest / 4 * 3);
}

static void a_longer_wait_of_the_providers_wins(void **state)
{
  (void)state;
  static const struct {
    int64_t asked, least, most;
  } rows[] = {
    { 0, 0, 30000 },
    { 1, 1, 30000 },
    { 3600000, 3600000, 3600000 },
    { 12 * HOUR, 12 * HOUR, 12 * HOUR },
    { 31 * DAY, 31 * DAY, 31 * DAY },
    { 31 * DAY + 1, 31 * DAY, 31 * DAY },
    { INT64_MAX, 31 * DAY, 31 * DAY },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    for (int kind = CONNECTOR_FAILURE_AUTH; kind <= CONNECTOR_FAILURE_RATE_LIMITED; kind++) {
      char id[ID_SIZE];
      make_id(PATCH(0), id);
      assert_ok(connector_sync_failed(test.store, id, (connector_failure)kind, "x", rows[i].asked,
                                      NULL, &failure));
      int64_t wait = health_of(id).retry_at - test_time;
      if (wait < rows[i].least || wait > rows[i].most)
        fail_msg("row %zu kind %d: %lld ms", i, kind, (long long)wait);
    }
  }
}

/* ---- beside people ---- */

static void reports_never_meet_a_persons_update(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.metrics = "{\"mine\":1}"), id);
  for (int64_t version = 1; version <= 20; version++) {
    connector_free(version % 2 == 0 ? succeed(id, 1, 1)
                                    : fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
    assert_ok(connector_update(test.store, id, version, PATCH(.name = "x"), NULL, &failure));
    assert_ok(connector_sync_started(test.store, id, &failure));
  }
  connector *record = fetch(id);
  assert_int_equal(record->version, 21);
  assert_int_equal(metric(record, "totalSynced"), 10);
  assert_int_equal(metric(record, "mine"), 1);
  connector_free(record);
}

enum { THREADS = 100, REPORTS = 10 };

struct reporter {
  pthread_t thread;
  const char *id;
  connector_status status;
};

static void *report_much(void *user)
{
  struct reporter *reporter = user;
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  report.synced = 3;
  report.latency_ms = 20;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < REPORTS && reporter->status == CONNECTOR_OK; i++)
    reporter->status = connector_sync_succeeded(test.store, reporter->id, &report, NULL, &failure);
  return NULL;
}

static void reports_of_a_hundred_threads_add_up(void **state)
{
  (void)state;
  static struct reporter reporters[THREADS];
  char id[ID_SIZE];
  make_id(PATCH(.metrics = "{\"mine\":1}"), id);
  for (size_t i = 0; i < THREADS; i++) {
    reporters[i] = (struct reporter){ .id = id };
    assert_int_equal(pthread_create(&reporters[i].thread, NULL, report_much, &reporters[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(reporters[i].thread, NULL), 0);
    assert_int_equal(reporters[i].status, CONNECTOR_OK);
  }
  connector *record = fetch(id);
  assert_int_equal(metric(record, "totalSynced"), THREADS * REPORTS * 3);
  assert_int_equal(metric(record, "last24h"), THREADS * REPORTS * 3);
  assert_int_equal(metric(record, "avgLatencyMs"), 20);
  assert_int_equal(metric(record, "mine"), 1);
  assert_int_equal(record->version, 1);
  connector_free(record);
  assert_int_equal(health_of(id).syncs, THREADS * REPORTS);
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_HEALTH), CONNECTOR_CHANGES_MAX);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(starting_a_sync_says_syncing),
    clock_test(a_success_makes_the_record_healthy),
    clock_test(a_report_of_nothing_is_a_success_too),
    clock_test(the_total_starts_from_what_is_there),
    clock_test(a_total_at_its_end_stays_a_number),
    clock_test(other_metrics_stay_to_the_digit),
    clock_test(status_follows_the_count_of_errors),
    clock_test(a_rate_limit_counts_no_error),
    clock_test(a_rate_limit_does_not_call_a_connector_healthy),
    clock_test(a_rate_limit_ends_the_sync),
    clock_test(an_auth_failure_asks_for_a_refresh_where_there_is_one),
    clock_test(the_retry_time_backs_off_with_each_error),
    clock_test(a_longer_wait_of_the_providers_wins),
    clock_test(reports_never_meet_a_persons_update),
    store_test(reports_of_a_hundred_threads_add_up),
    memory_test(reports_of_a_hundred_threads_add_up),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
