/*
 * The hours of health: sums and means over the last day, in the metrics and in
 * what\nconnector_health_get() gives.
 */
#include "lifecycle.h"

static void the_last_day_slides(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  test_time = test_time / HOUR * HOUR + 10 * MINUTE;
  for (int64_t hour = 0; hour < 60; hour++, test_time += HOUR) {
    connector *record = succeed(id, 100 + hour, 0);
    int64_t wanted = 0;
    for (int64_t kept = hour < 24 ? 0 : hour - 23; kept <= hour; kept++)
      wanted += 100 + kept;
    assert_int_equal(metric(record, "last24h"), wanted);
    assert_int_equal(health_of(id).synced, wanted);
    connector_free(record);
  }
  test_time += 30 * HOUR;
  connector *record = succeed(id, 1, 0);
  assert_int_equal(metric(record, "last24h"), 1);
  connector_free(record);
}

static void the_mean_latency_is_of_those_told(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_free(succeed(id, 1, 10));
  connector_free(succeed(id, 1, 0));
  connector *record = succeed(id, 1, 11);
  connector_free(record);
  record = succeed(id, 1, 11);
  assert_int_equal(metric(record, "avgLatencyMs"), 11); /* 10.67 */
  connector_free(record);
  test_time += HOUR;
  connector_free(succeed(id, 1, 10));
  record = succeed(id, 1, 10);
  assert_int_equal(metric(record, "avgLatencyMs"), 10); /* 10.4 */
  assert_int_equal(health_of(id).latency_ms, 10);
  connector_free(record);
  test_time += 23 * HOUR; /* the first hour is out */
  record = succeed(id, 1, 40);
  assert_int_equal(metric(record, "avgLatencyMs"), 20);
  connector_free(record);
}

static void health_of_a_new_connector_is_empty(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_health health = health_of(id);
  assert_int_equal(health.size, sizeof(health));
  assert_int_equal(health.retry_at, 0);
  assert_int_equal(health.first_error_at, 0);
  assert_int_equal(health.started_at, 0);
  assert_int_equal(health.disabled_at, 0);
  assert_int_equal(health.synced, 0);
  assert_int_equal(health.syncs, 0);
  assert_int_equal(health.failures, 0);
  assert_int_equal(health.latency_ms, 0);
  for (size_t i = 0; i < CONNECTOR_HEALTH_HOURS; i++)
    assert_true(health.hours[i].start ==
                test_time / HOUR * HOUR - (CONNECTOR_HEALTH_HOURS - 1 - (int64_t)i) * HOUR);
}

static void hours_are_oldest_first_and_sum_up(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  test_time = test_time / HOUR * HOUR;
  connector_free(succeed(id, 5, 100));
  test_time += HOUR - 1; /* still the same hour */
  connector_free(succeed(id, 6, 50));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
  test_time += 1 + 3 * HOUR;
  connector_free(succeed(id, 7, 0));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_RATE_LIMITED, "x"));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_AUTH, "x"));
  test_time += 2 * HOUR;
  connector_health health = health_of(id);
  for (size_t i = 0; i < CONNECTOR_HEALTH_HOURS; i++) {
    const connector_health_hour *hour = &health.hours[i];
    assert_true(hour->start == test_time - (23 - (int64_t)i) * HOUR);
    assert_int_equal(hour->synced, i == 17 ? 11 : i == 21 ? 7 : 0);
    assert_int_equal(hour->syncs, i == 17 ? 2 : i == 21 ? 1 : 0);
    assert_int_equal(hour->failures, i == 17 ? 1 : i == 21 ? 2 : 0);
    assert_int_equal(hour->latency_ms, i == 17 ? 75 : 0);
  }
  assert_int_equal(health.synced, 18);
  assert_int_equal(health.syncs, 3);
  assert_int_equal(health.failures, 3);
  assert_int_equal(health.latency_ms, 75);
  test_time += 18 * HOUR;
  health = health_of(id);
  assert_int_equal(health.synced, 7);
  test_time += 100 * DAY;
  assert_int_equal(health_of(id).synced, 0);
}

static void only_as_much_as_the_size_says_is_written(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_health health;
  make_id(PATCH(0), id);
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
  memset(&health, 0x5a, sizeof(health));
  health.size = offsetof(connector_health, started_at);
  assert_ok(connector_health_get(test.store, id, &health, &failure));
  assert_true(health.first_error_at == test_time);
  for (size_t i = health.size; i < sizeof(health); i++)
    assert_int_equal(((const char *)&health)[i], 0x5a);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(the_last_day_slides),
    clock_test(the_mean_latency_is_of_those_told),
    clock_test(health_of_a_new_connector_is_empty),
    clock_test(hours_are_oldest_first_and_sum_up),
    clock_test(only_as_much_as_the_size_says_is_written),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
