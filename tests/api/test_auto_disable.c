/*
 * Disabling a connector that keeps failing: when, the warning before, and how it comes back.
 */
#include "lifecycle.h"

/* What the log was told. */
static struct {
  size_t warnings;
  char last[512];
} logged;

static void take_log(void *user, connector_log_level level, const char *message)
{
  (void)user;
  logged.warnings += level == CONNECTOR_LOG_WARNING;
  snprintf(logged.last, sizeof(logged.last), "%s", message);
}

static connector_options disabling_options(void)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.log = take_log;
  return options;
}

static void open_with(const connector_options *options)
{
  close_store();
  memset(&logged, 0, sizeof(logged));
  assert_ok(connector_open(":memory:", options, &test.store, &failure));
}

static int setup_disabling(void **state)
{
  connector_options options = disabling_options();
  if (setup_folder(state) != 0)
    return -1;
  open_with(&options);
  return 0;
}

#define disabling_test(name) cmocka_unit_test_setup_teardown(name, setup_disabling, teardown)

static void fail_times(const char *id, int count)
{
  for (int i = 0; i < count; i++)
    connector_free(fail_sync(id, CONNECTOR_FAILURE_TRANSIENT, "canary timeout"));
}

static bool is_enabled(const char *id)
{
  connector *record = fetch(id);
  bool enabled = record->enabled;
  connector_free(record);
  return enabled;
}

/* How many of a connector's changes have a reason. */
static size_t reasons(const char *id)
{
  connector_changes *changes = history_of(id);
  size_t count = 0;
  for (size_t i = 0; i < connector_changes_count(changes); i++)
    count += connector_changes_at(changes, i)->reason != NULL;
  connector_changes_free(changes);
  return count;
}

/* A connector that the library has disabled. */
static void make_disabled(char id[ID_SIZE])
{
  make_id(PATCH(.name = "n"), id);
  fail_times(id, 29);
  test_time += 7 * DAY;
  fail_times(id, 1);
  assert_false(is_enabled(id));
}

/* ---- when ---- */

static void both_limits_must_be_reached(void **state)
{
  (void)state;
  static const struct {
    int before;    /* errors at first */
    int64_t later; /* then this time passes */
    int after;     /* and more errors come */
    bool enabled;
  } rows[] = {
    { 29, 0, 1, true },         { 200, 0, 1, true },       { 29, 7 * DAY - 1, 1, true },
    { 29, 7 * DAY, 1, false },  { 28, 7 * DAY, 1, true },  { 28, 30 * DAY, 1, true },
    { 28, 30 * DAY, 2, false }, { 100, 7 * DAY, 0, true }, { 100, 7 * DAY, 1, false },
    { 1, 8 * DAY, 28, true },   { 1, 8 * DAY, 29, false },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    make_id(PATCH(0), id);
    fail_times(id, rows[i].before);
    test_time += rows[i].later;
    fail_times(id, rows[i].after);
    if (is_enabled(id) != rows[i].enabled)
      fail_msg("row %zu", i);
  }
}

static void a_success_starts_the_count_anew(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  fail_times(id, 29);
  test_time += 7 * DAY;
  connector_free(succeed(id, 1, 1));
  fail_times(id, 40);
  assert_true(is_enabled(id));
  test_time += 7 * DAY;
  fail_times(id, 1);
  assert_false(is_enabled(id));
}

static void rate_limits_disable_nothing(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (int i = 0; i < 50; i++) {
    connector_free(fail_sync(id, CONNECTOR_FAILURE_RATE_LIMITED, "slow down"));
    test_time += DAY;
  }
  assert_true(is_enabled(id));
  assert_int_equal(reasons(id), 0);
}

static void failed_refreshes_count_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.auth_type = "oauth2"), id);
  for (int i = 0; i < 30; i++) {
    assert_true(is_enabled(id));
    connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
    assert_ok(connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_AUTH, "no", &failure));
    release(lease);
    test_time += DAY;
  }
  assert_false(is_enabled(id));
}

static void the_disabled_record_is_paused_and_says_why(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_disabled(id);
  connector *record = fetch(id);
  assert_text(record->sync_status, "paused");
  assert_int_equal(record->consecutive_errors, 30);
  assert_int_equal(record->version, 1);
  assert_text(record->last_error, "canary timeout");
  assert_true(health_of(id).disabled_at == test_time);
  connector_free(record);
  connector_changes *changes = history_of(id);
  const connector_change *change = connector_changes_at(changes, 0);
  assert_int_equal(change->kind, CONNECTOR_CHANGE_DISABLED);
  assert_non_null(change->reason);
  assert_true(strlen(change->reason) > 5);
  assert_contains(change->forward, "\"enabled\":false");
  assert_contains(change->back, "\"enabled\":true");
  assert_int_equal(change->version, 1);
  connector_changes_free(changes);
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_DISABLED), 1);
  assert_int_equal(first_bad(), 0);
}

static void it_is_disabled_once(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_disabled(id);
  test_time += DAY;
  fail_times(id, 5);
  assert_false(is_enabled(id));
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_DISABLED), 1);
  connector *record = fetch(id);
  assert_text(record->sync_status, "paused");
  connector_free(record);
}

static void the_limits_are_options(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = disabling_options();
  options.disable_after_errors = 3;
  options.disable_after_ms = 5000;
  open_with(&options);
  make_id(PATCH(0), id);
  fail_times(id, 10);
  assert_true(is_enabled(id));
  test_time += 4999;
  fail_times(id, 1);
  assert_true(is_enabled(id));
  test_time += 1;
  fail_times(id, 1);
  assert_false(is_enabled(id));
}

static void limits_without_end_disable_nothing(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = disabling_options();
  options.disable_after_errors = UINT32_MAX;
  options.disable_after_ms = INT64_MAX;
  open_with(&options);
  make_id(PATCH(.consecutive_errors = INT64_MAX - 1), id);
  for (int i = 0; i < 4; i++, test_time += 1000 * YEAR)
    fail_times(id, 1);
  assert_true(is_enabled(id));
}

static void never_means_never(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = disabling_options();
  options.never_disable = true;
  open_with(&options);
  make_id(PATCH(0), id);
  for (int i = 0; i < 40; i++, test_time += DAY)
    fail_times(id, 1);
  assert_true(is_enabled(id));
  assert_int_equal(reasons(id), 0);
  assert_int_equal(logged.warnings, 0);
}

static void negative_limits_are_invalid(void **state)
{
  (void)state;
  connector_options options = disabling_options();
  connector_store *store = NULL;
  options.disable_after_ms = -1;
  assert_invalid(connector_open(":memory:", &options, &store, &failure), "disable_after_ms");
}

/* ---- the warning ---- */

static void half_of_either_limit_warns_once(void **state)
{
  (void)state;
  static const struct {
    int before;
    int64_t later;
    int after;
    size_t warnings;
  } rows[] = {
    { 14, 0, 0, 0 },          { 15, 0, 0, 1 },
    { 29, 0, 0, 1 },          { 1, 7 * DAY / 2 - 1, 1, 0 },
    { 1, 7 * DAY / 2, 1, 1 }, { 1, 7 * DAY / 2, 20, 1 },
    { 20, 6 * DAY, 3, 1 },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    char id[ID_SIZE];
    make_id(PATCH(0), id);
    logged.warnings = 0;
    fail_times(id, rows[i].before);
    test_time += rows[i].later;
    fail_times(id, rows[i].after);
    if (logged.warnings != rows[i].warnings || reasons(id) != rows[i].warnings)
      fail_msg("row %zu: %zu warnings, %zu reasons", i, logged.warnings, reasons(id));
    assert_true(is_enabled(id));
    assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_DISABLED), 0);
  }
}

static void the_warning_stands_in_a_health_row(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  fail_times(id, 15);
  connector_changes *changes = history_of(id);
  assert_int_equal(connector_changes_at(changes, 0)->kind, CONNECTOR_CHANGE_HEALTH);
  assert_non_null(connector_changes_at(changes, 0)->reason);
  connector_changes_free(changes);
  assert_lacks(logged.last, "canary");
}

static connector_status warn_and_undo(connector_store *store, void *user, connector_error *error)
{
  (void)store;
  (void)error;
  fail_times(user, 15);
  return CONNECTOR_CANCELLED;
}

static void a_warning_that_is_rolled_back_comes_again(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_int_equal(connector_batch(test.store, warn_and_undo, id, NULL), CONNECTOR_CANCELLED);
  assert_int_equal(logged.warnings, 0);
  fail_times(id, 15);
  assert_int_equal(logged.warnings, 1);
  assert_int_equal(reasons(id), 1);
}

static void after_a_success_it_may_warn_again(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (size_t run = 1; run <= 3; run++) {
    fail_times(id, 16);
    assert_int_equal(logged.warnings, run);
    connector_free(succeed(id, 1, 1));
    assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_RECOVERED), run);
  }
}

static void a_success_without_a_warning_before_is_no_recovery(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  fail_times(id, 14);
  connector_free(succeed(id, 1, 1));
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_RECOVERED), 0);
}

/* ---- back again ---- */

static void a_success_enables_it_again(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_disabled(id);
  connector *record = succeed(id, 1, 1);
  assert_true(record->enabled);
  assert_text(record->sync_status, "healthy");
  assert_int_equal(record->version, 1);
  connector_free(record);
  assert_int_equal(health_of(id).disabled_at, 0);
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_RECOVERED), 1);
  connector_free(succeed(id, 1, 1));
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_RECOVERED), 1);
}

static void a_person_enables_it_again(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_disabled(id);
  assert_ok(
      connector_update(test.store, id, 1, PATCH(.enabled = CONNECTOR_YES), &record, &failure));
  assert_true(record->enabled);
  assert_int_equal(record->version, 2);
  connector_free(record);
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_RECOVERED), 1);
  assert_int_equal(health_of(id).disabled_at, 0);
  fail_times(id, 1);
  assert_true(is_enabled(id));
  test_time += 8 * DAY;
  fail_times(id, 40);
  assert_false(is_enabled(id));
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_DISABLED), 2);
}

static void another_edit_does_not_enable_it(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_disabled(id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  assert_false(is_enabled(id));
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_RECOVERED), 0);
  connector_free(succeed(id, 1, 1));
  assert_true(is_enabled(id));
}

static void what_a_person_disabled_stays_disabled(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.enabled = CONNECTOR_NO), id);
  connector_free(succeed(id, 1, 1));
  assert_false(is_enabled(id));
  fail_times(id, 29);
  test_time += 8 * DAY;
  fail_times(id, 20);
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_DISABLED), 0);
  assert_int_equal(health_of(id).disabled_at, 0);
  connector_free(succeed(id, 1, 1));
  assert_false(is_enabled(id));
}

/* Said after the library had disabled it, a person's no is a person's no. */
static void a_person_may_make_it_stay_disabled(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_disabled(id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.enabled = CONNECTOR_NO), NULL, &failure));
  connector_free(succeed(id, 1, 1));
  assert_false(is_enabled(id));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    disabling_test(both_limits_must_be_reached),
    disabling_test(a_success_starts_the_count_anew),
    disabling_test(rate_limits_disable_nothing),
    disabling_test(failed_refreshes_count_too),
    disabling_test(the_disabled_record_is_paused_and_says_why),
    disabling_test(it_is_disabled_once),
    disabling_test(the_limits_are_options),
    disabling_test(limits_without_end_disable_nothing),
    disabling_test(never_means_never),
    folder_test(negative_limits_are_invalid),
    disabling_test(half_of_either_limit_warns_once),
    disabling_test(the_warning_stands_in_a_health_row),
    disabling_test(a_warning_that_is_rolled_back_comes_again),
    disabling_test(after_a_success_it_may_warn_again),
    disabling_test(a_success_without_a_warning_before_is_no_recovery),
    disabling_test(a_success_enables_it_again),
    disabling_test(a_person_enables_it_again),
    disabling_test(another_edit_does_not_enable_it),
    disabling_test(what_a_person_disabled_stays_disabled),
    disabling_test(a_person_may_make_it_stay_disabled),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
