/*
 * store/failure: what each kind of failure does to a connector, within which bounds it waits for
 * its next try, and when it is warned of and disabled.
 */
#include "history_support.h"

#include "store/failure.h"

#include <connector/health.h>

enum { SECOND = 1000, HOUR = 3600000 };

static const int64_t day = 24 * (int64_t)HOUR;

static char id[ID_SIZE];
static char logged[1000];

static void note_log(void *user, connector_log_level level, const char *message)
{
  size_t length = strlen(logged);
  (void)user;
  if (level == CONNECTOR_LOG_WARNING)
    snprintf(logged + length, sizeof(logged) - length, "%s\n", message);
}

static connector_options failing_options(void)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.log = note_log;
  return options;
}

static void open_failing(const connector_options *options)
{
  close_store();
  logged[0] = '\0';
  assert_ok(connector_open(":memory:", options, &test.store, &failure));
  make_id(PATCH(.name = "x", .auth_type = "oauth2"), id);
}

static int setup_failing(void **state)
{
  const connector_options options = failing_options();
  if (setup_folder(state) != 0)
    return -1;
  open_failing(&options);
  return 0;
}

#define failing_test(name) cmocka_unit_test_setup_teardown(name, setup_failing, teardown)

static connector *fail_sync(connector_failure kind, const char *message, int64_t retry_after_ms)
{
  connector *record = NULL;
  assert_ok(
      connector_sync_failed(test.store, id, kind, message, retry_after_ms, &record, &failure));
  return record;
}

static void fail_times(int times)
{
  for (int i = 0; i < times; i++)
    connector_free(fail_sync(CONNECTOR_FAILURE_TRANSIENT, NULL, 0));
}

static connector_health health_now(void)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  assert_ok(connector_health_get(test.store, id, &health, &failure));
  return health;
}

/* In a patch, 0 leaves a number as it is. */
static void set_errors(int64_t errors)
{
  const uint64_t clear = errors == 0 ? CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS) : 0;
  assert_ok(connector_update(test.store, id, 0, PATCH(.consecutive_errors = errors, .clear = clear),
                             NULL, &failure));
}

/* ---- checks and texts ---- */

static void the_status_follows_the_count_of_errors(void **state)
{
  (void)state;
  assert_text(failure_status(0), "healthy");
  assert_text(failure_status(1), "degraded");
  assert_text(failure_status(4), "degraded");
  assert_text(failure_status(5), "failing");
  assert_text(failure_status(INT64_MAX), "failing");
}

static void kinds_and_times_out_of_range_are_refused(void **state)
{
  static const int kinds[] = { 0, -1, 5, 1000 };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(kinds); i++)
    assert_invalid(
        connector_sync_failed(test.store, id, (connector_failure)kinds[i], NULL, 0, NULL, &failure),
        "kind");
  assert_invalid(
      connector_sync_failed(test.store, id, CONNECTOR_FAILURE_AUTH, NULL, -1, NULL, &failure),
      "retry_after_ms");
}

static void a_failure_without_a_message_gets_a_sentence_of_its_kind(void **state)
{
  const char *last = "";
  char texts[4][80];
  (void)state;
  for (int kind = CONNECTOR_FAILURE_AUTH; kind <= CONNECTOR_FAILURE_RATE_LIMITED; kind++)
    for (int empty = 0; empty < 2; empty++) {
      connector *record = fail_sync((connector_failure)kind, empty != 0 ? "" : NULL, 0);
      snprintf(texts[kind - 1], sizeof(texts[0]), "%s", record->last_error);
      assert_true(strlen(texts[kind - 1]) > 0);
      assert_string_not_equal(texts[kind - 1], last);
      connector_free(record);
      if (empty != 0)
        last = texts[kind - 1];
    }
}

static void any_bytes_become_a_message_that_is_text_and_fits(void **state)
{
  char *huge = malloc(20001);
  connector *record = NULL;
  (void)state;
  record = fail_sync(CONNECTOR_FAILURE_CONFIG, "a\xff\xc3(b", 0);
  assert_contains(record->last_error, "(b");
  assert_ok(
      connector_update(test.store, id, 0, PATCH(.last_error = record->last_error), NULL, &failure));
  connector_free(record);
  assert_non_null(huge);
  for (size_t i = 0; i < 20000; i += 2)
    memcpy(huge + i, "\xc3\xa9", 2);
  huge[20000] = '\0';
  record = fail_sync(CONNECTOR_FAILURE_CONFIG, huge, 0);
  assert_true(strlen(record->last_error) <= 4096 && strlen(record->last_error) > 4000);
  connector_free(record);
  free(huge);
}

/* ---- counting ---- */

static void every_kind_but_a_rate_limit_counts_an_error(void **state)
{
  int64_t errors = 0;
  (void)state;
  for (int kind = CONNECTOR_FAILURE_AUTH; kind <= CONNECTOR_FAILURE_RATE_LIMITED; kind++) {
    connector *record = fail_sync((connector_failure)kind, NULL, 0);
    errors += kind != CONNECTOR_FAILURE_RATE_LIMITED;
    assert_int_equal(record->consecutive_errors, errors);
    assert_text(record->sync_status, "degraded");
    connector_free(record);
  }
  assert_int_equal(health_now().failures, 4);
}

static void a_rate_limit_alone_tells_nothing_of_the_health(void **state)
{
  connector *record = fail_sync(CONNECTOR_FAILURE_RATE_LIMITED, NULL, 0);
  (void)state;
  assert_null(record->sync_status);
  assert_int_equal(record->consecutive_errors, 0);
  assert_non_null(record->last_error);
  assert_int_equal(health_now().first_error_at, 0);
  assert_true(health_now().retry_at > test_time);
  connector_free(record);
}

/* The status before the sync that a rate limit ended is not known any more. */
static void a_rate_limit_ends_syncing_in_what_the_count_of_errors_says(void **state)
{
  const struct {
    int64_t errors;
    bool synced;
    const char *status;
  } cases[] = {
    { 0, false, NULL },      { 0, true, "healthy" }, { 2, false, "degraded" },
    { 2, true, "degraded" }, { 5, true, "failing" },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    connector *record = NULL;
    make_id(PATCH(.name = "x"), id);
    if (cases[i].synced)
      assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
    set_errors(cases[i].errors);
    assert_ok(connector_sync_started(test.store, id, &failure));
    record = fail_sync(CONNECTOR_FAILURE_RATE_LIMITED, NULL, 0);
    assert_text(record->sync_status, cases[i].status);
    connector_free(record);
  }
}

static void the_first_error_of_a_run_keeps_its_time(void **state)
{
  const int64_t first = test_time;
  (void)state;
  fail_times(1);
  test_time += 5 * SECOND;
  fail_times(2);
  assert_int_equal(health_now().first_error_at, first);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  assert_int_equal(health_now().first_error_at, 0);
  fail_times(1);
  assert_int_equal(health_now().first_error_at, first + 5 * SECOND);
}

static void a_count_at_its_end_stays_there(void **state)
{
  connector *record = NULL;
  (void)state;
  tamper("UPDATE connector SET consecutive_errors = 9223372036854775807");
  record = fail_sync(CONNECTOR_FAILURE_TRANSIENT, NULL, 0);
  assert_int_equal(record->consecutive_errors, INT64_MAX);
  connector_free(record);
}

static void a_refused_credential_asks_for_a_refresh_of_what_has_a_token(void **state)
{
  const struct {
    const char *auth_type;
    bool needed;
  } cases[] = { { "oauth2", true },   { "oauth", true },   { "oauth2_client", true },
                { "api_key", false }, { "OAuth2", false }, { NULL, false } };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    for (int kind = CONNECTOR_FAILURE_AUTH; kind <= CONNECTOR_FAILURE_RATE_LIMITED; kind++) {
      connector *record = NULL;
      make_id(PATCH(.auth_type = cases[i].auth_type), id);
      record = fail_sync((connector_failure)kind, NULL, 0);
      assert_int_equal(record->oauth_refresh_needed,
                       cases[i].needed && kind == CONNECTOR_FAILURE_AUTH);
      connector_free(record);
    }
}

static void a_failure_ends_the_sync_under_way(void **state)
{
  (void)state;
  assert_ok(connector_sync_started(test.store, id, &failure));
  assert_int_equal(health_now().started_at, test_time);
  fail_times(1);
  assert_int_equal(health_now().started_at, 0);
}

/* ---- waiting ---- */

/* What the wait after so many errors may reach. */
static int64_t most_after(int64_t errors)
{
  int64_t most = 30 * SECOND;
  for (int64_t i = 1; i < errors && most < 6 * HOUR; i++)
    most *= 2;
  return most < 6 * HOUR ? most : 6 * HOUR;
}

static void assert_waits_within(int64_t errors, int draws)
{
  int64_t most = most_after(errors);
  int64_t least_seen = INT64_MAX;
  int64_t most_seen = 0;
  for (int i = 0; i < draws; i++) {
    int64_t wait = 0;
    set_errors(errors - 1);
    fail_times(1);
    wait = health_now().retry_at - test_time;
    if (wait < 1 || wait > most)
      fail_msg("after %d errors it waits %d ms", (int)errors, (int)wait);
    least_seen = wait < least_seen ? wait : least_seen;
    most_seen = wait > most_seen ? wait : most_seen;
  }
  /* of 60 even draws none in one quarter comes once in 30 million */
  assert_true(least_seen <= most / 4);
  assert_true(most_seen > most - most / 4);
}

static void a_wait_is_anything_up_to_30_seconds_doubled_with_each_error_up_to_6_hours(void **state)
{
  static const int64_t counts[] = { 1, 2,  3,  4,  5,  6,  7,    8,
                                    9, 10, 11, 12, 13, 64, 5000, INT64_C(1000000000000) };
  connector_options options = failing_options();
  (void)state;
  options.never_disable = true;
  options.no_history = true;
  open_failing(&options);
  for (size_t i = 0; i < COUNT_OF(counts); i++)
    assert_waits_within(counts[i], 60);
}

static void a_provider_may_ask_for_more(void **state)
{
  (void)state;
  connector_free(fail_sync(CONNECTOR_FAILURE_RATE_LIMITED, NULL, 7 * (int64_t)HOUR));
  assert_int_equal(health_now().retry_at, test_time + 7 * (int64_t)HOUR);
}

static void a_provider_may_not_ask_for_less(void **state)
{
  bool longer = false;
  (void)state;
  for (int i = 0; i < 60; i++) {
    set_errors(11);
    connector_free(fail_sync(CONNECTOR_FAILURE_TRANSIENT, NULL, 1));
    longer = longer || health_now().retry_at > test_time + HOUR;
  }
  assert_true(longer);
}

static void what_a_provider_asks_for_ends_at_31_days(void **state)
{
  static const int64_t asked[] = { 31 * INT64_C(86400000), 31 * INT64_C(86400000) + 1,
                                   INT64_MAX - 1, INT64_MAX };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(asked); i++) {
    connector_free(fail_sync(CONNECTOR_FAILURE_RATE_LIMITED, NULL, asked[i]));
    assert_int_equal(health_now().retry_at, test_time + 31 * day);
  }
}

static void a_failed_sync_is_not_claimed_before_its_next_try(void **state)
{
  const int64_t waits[] = { -1, 0 };
  (void)state;
  connector_free(fail_sync(CONNECTOR_FAILURE_TRANSIENT, NULL, 10 * (int64_t)HOUR));
  test_time = health_now().retry_at;
  for (size_t i = 0; i < COUNT_OF(waits); i++) {
    connector_claims *claims = NULL;
    test_time += i == 0 ? -1 : 1;
    assert_ok(connector_claim(test.store, CONNECTOR_DUE_SYNC, NULL, &claims, &failure));
    assert_int_equal(connector_claims_count(claims), i);
    connector_claims_free(claims);
  }
}

/* ---- warning and disabling ---- */

static connector_options strict_options(uint32_t errors, int64_t age_ms)
{
  connector_options options = failing_options();
  options.disable_after_errors = errors;
  options.disable_after_ms = age_ms;
  return options;
}

static bool is_enabled(void)
{
  connector *record = fetch(id);
  bool enabled = record->enabled;
  connector_free(record);
  return enabled;
}

static void both_limits_must_be_reached_to_disable(void **state)
{
  const connector_options options = strict_options(4, 1000);
  connector *record = NULL;
  (void)state;
  open_failing(&options);
  fail_times(10);
  assert_true(is_enabled());
  test_time += 999;
  fail_times(1);
  assert_true(is_enabled());
  test_time += 1;
  record = fail_sync(CONNECTOR_FAILURE_TRANSIENT, NULL, 0);
  assert_false(record->enabled);
  assert_text(record->sync_status, "paused");
  assert_int_equal(health_now().disabled_at, test_time);
  connector_free(record);
}

static void an_old_first_error_does_not_disable_before_the_count(void **state)
{
  const connector_options options = strict_options(4, 1000);
  (void)state;
  open_failing(&options);
  fail_times(1);
  test_time += 1000000;
  fail_times(2);
  assert_true(is_enabled());
  fail_times(1);
  assert_false(is_enabled());
}

static void a_rate_limit_never_disables(void **state)
{
  const connector_options options = strict_options(2, 10);
  (void)state;
  open_failing(&options);
  fail_times(1);
  test_time += 100;
  for (int i = 0; i < 5; i++)
    connector_free(fail_sync(CONNECTOR_FAILURE_RATE_LIMITED, NULL, 0));
  assert_true(is_enabled());
}

static void the_usual_limits_are_30_errors_and_7_days(void **state)
{
  (void)state;
  fail_times(29);
  test_time += 7 * day - 1;
  fail_times(1);
  assert_true(is_enabled());
  test_time += 1;
  fail_times(1);
  assert_false(is_enabled());
}

static void a_store_that_never_disables_neither_warns_nor_disables(void **state)
{
  connector_options options = strict_options(2, 10);
  (void)state;
  options.never_disable = true;
  open_failing(&options);
  fail_times(3);
  test_time += day;
  fail_times(3);
  assert_true(is_enabled());
  assert_text(logged, "");
}

static int warnings(void)
{
  int count = 0;
  for (const char *at = strchr(logged, '\n'); at != NULL; at = strchr(at + 1, '\n'))
    count++;
  return count;
}

static void an_age_that_never_comes_is_foretold_without_a_time(void **state)
{
  const connector_options options = strict_options(2, INT64_MAX);
  connector_changes *changes = NULL;
  const char *reason = NULL;
  (void)state;
  open_failing(&options);
  fail_times(1);
  changes = feed_after(1);
  reason = connector_changes_at(changes, 0)->reason;
  assert_non_null(reason);
  assert_true(reason[strlen(reason) - 1] != ' ');
  connector_changes_free(changes);
}

static void one_warning_comes_at_half_of_the_errors_rounded_up(void **state)
{
  const connector_options options = strict_options(5, day);
  (void)state;
  open_failing(&options);
  fail_times(2);
  assert_int_equal(warnings(), 0);
  fail_times(1);
  assert_int_equal(warnings(), 1);
  assert_contains(logged, id);
  fail_times(5);
  test_time += day / 2;
  fail_times(1);
  assert_int_equal(warnings(), 1);
}

static void one_warning_comes_at_half_of_the_time_rounded_up(void **state)
{
  const connector_options options = strict_options(1000, 1001);
  (void)state;
  open_failing(&options);
  fail_times(1);
  test_time += 500;
  fail_times(1);
  assert_int_equal(warnings(), 0);
  test_time += 1;
  fail_times(1);
  assert_int_equal(warnings(), 1);
  test_time += 1000;
  fail_times(3);
  assert_int_equal(warnings(), 1);
}

static void a_success_ends_the_warning_and_the_next_run_warns_again(void **state)
{
  const connector_options options = strict_options(4, day);
  (void)state;
  open_failing(&options);
  fail_times(3);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  fail_times(1);
  assert_int_equal(warnings(), 1);
  fail_times(1);
  assert_int_equal(warnings(), 2);
}

static void the_feed_holds_the_warning_and_the_end_with_their_reasons(void **state)
{
  const connector_options options = strict_options(4, 1000);
  connector_changes *changes = NULL;
  (void)state;
  open_failing(&options);
  fail_times(3);
  test_time += 1000;
  fail_times(1);
  changes = feed_after(1);
  assert_int_equal(connector_changes_count(changes), 4);
  assert_null(connector_changes_at(changes, 0)->reason);
  assert_int_equal(connector_changes_at(changes, 1)->kind, CONNECTOR_CHANGE_HEALTH);
  assert_contains(connector_changes_at(changes, 1)->reason, "failed 2 times");
  assert_null(connector_changes_at(changes, 2)->reason);
  assert_int_equal(connector_changes_at(changes, 3)->kind, CONNECTOR_CHANGE_DISABLED);
  assert_contains(connector_changes_at(changes, 3)->reason, "4 errors");
  connector_changes_free(changes);
}

static void what_a_person_disabled_is_neither_warned_of_nor_disabled_again(void **state)
{
  const connector_options options = strict_options(2, 10);
  (void)state;
  open_failing(&options);
  assert_ok(connector_update(test.store, id, 0, PATCH(.enabled = CONNECTOR_NO), NULL, &failure));
  fail_times(2);
  test_time += 100;
  fail_times(2);
  assert_int_equal(warnings(), 0);
  assert_int_equal(health_now().disabled_at, 0);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  assert_false(is_enabled());
}

static void what_the_library_disabled_stays_paused_through_more_failures(void **state)
{
  const connector_options options = strict_options(1, 1);
  connector *record = NULL;
  int64_t disabled_at = 0;
  (void)state;
  open_failing(&options);
  fail_times(1);
  test_time += 1;
  fail_times(1);
  disabled_at = health_now().disabled_at;
  test_time += 1000;
  record = fail_sync(CONNECTOR_FAILURE_TRANSIENT, NULL, 0);
  assert_text(record->sync_status, "paused");
  assert_int_equal(health_now().disabled_at, disabled_at);
  connector_free(record);
  assert_ok(connector_sync_succeeded(test.store, id, NULL, NULL, &failure));
  assert_true(is_enabled());
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_status_follows_the_count_of_errors),
    failing_test(kinds_and_times_out_of_range_are_refused),
    failing_test(a_failure_without_a_message_gets_a_sentence_of_its_kind),
    failing_test(any_bytes_become_a_message_that_is_text_and_fits),
    failing_test(every_kind_but_a_rate_limit_counts_an_error),
    failing_test(a_rate_limit_alone_tells_nothing_of_the_health),
    failing_test(a_rate_limit_ends_syncing_in_what_the_count_of_errors_says),
    failing_test(the_first_error_of_a_run_keeps_its_time),
    failing_test(a_count_at_its_end_stays_there),
    failing_test(a_refused_credential_asks_for_a_refresh_of_what_has_a_token),
    failing_test(a_failure_ends_the_sync_under_way),
    failing_test(a_wait_is_anything_up_to_30_seconds_doubled_with_each_error_up_to_6_hours),
    failing_test(a_provider_may_ask_for_more),
    failing_test(a_provider_may_not_ask_for_less),
    failing_test(what_a_provider_asks_for_ends_at_31_days),
    failing_test(a_failed_sync_is_not_claimed_before_its_next_try),
    failing_test(both_limits_must_be_reached_to_disable),
    failing_test(an_old_first_error_does_not_disable_before_the_count),
    failing_test(a_rate_limit_never_disables),
    failing_test(the_usual_limits_are_30_errors_and_7_days),
    failing_test(a_store_that_never_disables_neither_warns_nor_disables),
    failing_test(an_age_that_never_comes_is_foretold_without_a_time),
    failing_test(one_warning_comes_at_half_of_the_errors_rounded_up),
    failing_test(one_warning_comes_at_half_of_the_time_rounded_up),
    failing_test(a_success_ends_the_warning_and_the_next_run_warns_again),
    failing_test(the_feed_holds_the_warning_and_the_end_with_their_reasons),
    failing_test(what_a_person_disabled_is_neither_warned_of_nor_disabled_again),
    failing_test(what_the_library_disabled_stays_paused_through_more_failures),
  };
  return cmocka_run_group_tests_name("failure", tests, NULL, NULL);
}
