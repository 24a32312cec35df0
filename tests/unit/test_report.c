/*
 * store/report: the frame of reports: the version stays, the record that a report hands out is the
 * one that stands, a wait never ends before its lease, and a report that fails changes nothing.
 */
#include "history_support.h"

#include "engine/due.h"
#include "store/lease.h"
#include "store/report.h"

static char id[ID_SIZE];

static int setup_record(void **state)
{
  if (setup_clock(state) != 0)
    return -1;
  make_id(PATCH(.name = "x", .provider = "jira"), id);
  test_time += 1000;
  return 0;
}

#define record_test(name) cmocka_unit_test_setup_teardown(name, setup_record, teardown)

/* What the next report of the tests does. */
static struct {
  const char *name;
  int64_t errors;
  int64_t wait_until;
  const char *reason;
  connector_change_kind kind; /* 0: as it comes */
  connector_status answer;
} wanted;

static connector_status fill(struct report *report, const void *input)
{
  (void)input;
  if (wanted.name != NULL)
    report_set_text(report, CONNECTOR_FIELD_NAME, wanted.name);
  else
    report_clear(report, CONNECTOR_FIELD_NAME);
  report_set_number(report, CONNECTOR_FIELD_CONSECUTIVE_ERRORS, wanted.errors);
  if (wanted.reason != NULL)
    snprintf(report->reason, sizeof(report->reason), "%s", wanted.reason);
  if (wanted.kind != 0)
    report->kind = wanted.kind;
  report->health.started_at = report->now;
  hours_at(&report->hours, report->now)->synced = 7;
  if (wanted.answer != CONNECTOR_OK)
    return error_set(report->call->error, wanted.answer, NULL, "the report has had enough");
  return report_wait(report, WAIT_SYNC, wanted.wait_until);
}

static connector_status report_on(const char *which, connector **out)
{
  struct call call;
  connector_status status = CONNECTOR_OK;
  memset(&failure, 0, sizeof(failure));
  begin(&call);
  status = report_run(&call, which, fill, NULL, out);
  return call_end(&call, status);
}

static int64_t sync_after(void)
{
  return look_up("SELECT coalesce(sync_after, 0) FROM connector");
}

static connector_health health_now(void)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  assert_ok(connector_health_get(test.store, id, &health, &failure));
  return health;
}

/* ---- the record ---- */

static void a_report_keeps_the_version_and_hands_out_what_stands(void **state)
{
  (void)state;
  for (int i = 0; i < 5; i++) {
    connector *out = NULL;
    connector *now = NULL;
    memset(&wanted, 0, sizeof(wanted));
    wanted.name = i % 2 == 0 ? "new" : NULL;
    wanted.errors = i;
    test_time += i == 2 ? -5000 : 10; /* the clock may go back */
    current.person_id = i % 2 == 0 ? "person-2" : NULL;
    assert_ok(report_on(id, &out));
    now = fetch(id);
    assert_true(connector_equal(out, now));
    assert_int_equal(now->version, 1);
    assert_text(now->name, wanted.name);
    assert_int_equal(now->consecutive_errors, i);
    assert_text(now->updated_by, "person-2");
    connector_free(out);
    connector_free(now);
  }
}

static void the_history_of_reports_leads_back_to_the_version_as_it_ended(void **state)
{
  connector *first = NULL;
  connector *then = NULL;
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.name = "reported";
  assert_ok(report_on(id, &first));
  assert_ok(connector_update(test.store, id, 1, PATCH(.provider = "slack"), NULL, &failure));
  wanted.name = "again";
  assert_ok(report_on(id, NULL));
  assert_ok(connector_get_as_of(test.store, id, 1, &then, &failure));
  assert_true(connector_equal(then, first));
  connector_free(first);
  connector_free(then);
}

static void a_report_and_an_edit_do_not_conflict(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.errors = 3;
  assert_ok(report_on(id, NULL));
  assert_ok(connector_update(test.store, id, 1, PATCH(.provider = "slack"), NULL, &failure));
  assert_ok(report_on(id, NULL));
  assert_ok(connector_update(test.store, id, 2, PATCH(.provider = "okta"), NULL, &failure));
}

static void health_and_hours_are_kept_with_the_report(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  assert_ok(report_on(id, NULL));
  assert_int_equal(health_now().started_at, test_time);
  assert_int_equal(health_now().synced, 7);
  assert_int_equal(health_now().hours[CONNECTOR_HEALTH_HOURS - 1].synced, 7);
}

static void hours_that_are_damaged_are_corrupt_until_a_report_starts_them_anew(void **state)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  assert_ok(report_on(id, NULL));
  tamper("UPDATE health SET hours = '[[1,2]]'");
  assert_status(connector_health_get(test.store, id, &health, &failure), CONNECTOR_CORRUPT);
  assert_int_equal(look_up("SELECT hours = '[[1,2]]' FROM health"), 1);
  assert_ok(report_on(id, NULL));
  assert_int_equal(health_now().synced, 7);
  assert_int_equal(health_now().syncs, health_now().hours[CONNECTOR_HEALTH_HOURS - 1].syncs);
}

/* ---- what it hits ---- */

static void a_report_on_what_the_caller_can_not_reach_is_not_found(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  engine_fails(report_on("cnn_none", NULL), CONNECTOR_NOT_FOUND);
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  engine_fails(report_on(id, NULL), CONNECTOR_NOT_FOUND);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  engine_fails(report_on(id, NULL), CONNECTOR_NOT_FOUND);
  current.app_id = NULL;
  assert_ok(connector_delete(test.store, id, 0, &failure));
  engine_fails(report_on(id, NULL), CONNECTOR_NOT_FOUND);
  engine_fails(report_on(NULL, NULL), CONNECTOR_INVALID);
}

static void a_record_of_a_newer_schema_takes_no_report(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  tamper("UPDATE connector SET schema_version = 2");
  engine_fails(report_on(id, NULL), CONNECTOR_SCHEMA);
}

static void a_report_of_the_system_finds_the_records_tenant(void **state)
{
  connector *out = NULL;
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.name = "by system";
  become_system();
  assert_ok(report_on(id, &out));
  assert_text(out->name, "by system");
  connector_free(out);
}

static void a_report_that_fails_changes_nothing(void **state)
{
  connector *before = fetch(id);
  connector *out = NULL;
  connector *after = NULL;
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.name = "never";
  wanted.answer = CONNECTOR_STALE;
  engine_fails(report_on(id, &out), CONNECTOR_STALE);
  assert_null(out);
  after = fetch(id);
  assert_true(connector_equal(before, after));
  assert_int_equal(look_up("SELECT count(*) FROM health"), 0);
  assert_int_equal(feed_count(1), 0);
  connector_free(before);
  connector_free(after);
}

/* ---- the host's rules ---- */

static connector_status edit_meanwhile(void *user, const connector_caller *caller,
                                       connector_action action, const connector *record,
                                       connector_error *error)
{
  (void)user;
  (void)caller;
  (void)error;
  if (action == CONNECTOR_ACTION_REPORT) {
    assert_text(record->id, id);
    assert_int_equal(connector_update(test.store, id, 0, PATCH(.provider = "edited"), NULL, NULL),
                     CONNECTOR_OK);
  }
  return CONNECTOR_OK;
}

static connector_status refuse(void *user, const connector_caller *caller, connector_action action,
                               const connector *record, connector_error *error)
{
  (void)user;
  (void)caller;
  (void)record;
  snprintf(error->message, sizeof(error->message), "not by this one");
  return action == CONNECTOR_ACTION_REPORT ? CONNECTOR_DENIED : CONNECTOR_OK;
}

static void an_edit_between_the_hosts_rules_and_the_report_is_no_conflict(void **state)
{
  connector *out = NULL;
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.name = "reported";
  test.store->authorize = edit_meanwhile;
  assert_ok(report_on(id, &out));
  assert_text(out->provider, "edited");
  assert_text(out->name, "reported");
  assert_int_equal(out->version, 2);
  connector_free(out);
}

static void the_hosts_rules_may_refuse_a_report(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  test.store->authorize = refuse;
  engine_fails(report_on(id, NULL), CONNECTOR_DENIED);
  assert_int_equal(look_up("SELECT count(*) FROM health"), 0);
}

/* ---- reasons ---- */

static char logged[400];

static void note_log(void *user, connector_log_level level, const char *message)
{
  (void)user;
  (void)level;
  snprintf(logged, sizeof(logged), "%s", message);
}

/* A reason of a change that tells of itself, such as being disabled, is no warning. */
static void a_reason_is_kept_and_logged_where_it_warns(void **state)
{
  static const connector_change_kind kinds[] = { CONNECTOR_CHANGE_HEALTH,
                                                 CONNECTOR_CHANGE_DISABLED };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(kinds); i++) {
    connector_changes *changes = NULL;
    memset(&wanted, 0, sizeof(wanted));
    wanted.reason = "is about to break";
    wanted.kind = kinds[i];
    test.store->log = note_log;
    logged[0] = '\0';
    assert_ok(report_on(id, NULL));
    changes = feed_after(1 + (int64_t)i);
    assert_text(connector_changes_at(changes, 0)->reason, "is about to break");
    connector_changes_free(changes);
    if (kinds[i] == CONNECTOR_CHANGE_HEALTH) {
      assert_contains(logged, id);
      assert_contains(logged, "is about to break");
    } else {
      assert_text(logged, "");
    }
  }
}

static connector_status report_and_cancel(connector_store *store, void *user,
                                          connector_error *error)
{
  (void)store;
  (void)user;
  (void)error;
  assert_ok(report_on(id, NULL));
  assert_text(logged, "");
  return CONNECTOR_CANCELLED;
}

static void a_warning_in_a_batch_that_is_undone_is_not_logged(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.reason = "is about to break";
  test.store->log = note_log;
  logged[0] = '\0';
  assert_status(connector_batch(test.store, report_and_cancel, NULL, &failure),
                CONNECTOR_CANCELLED);
  assert_text(logged, "");
}

static void a_warning_is_logged_where_no_history_is_kept_too(void **state)
{
  connector_options options = test_options();
  (void)state;
  options.no_history = true;
  options.log = note_log;
  close_store();
  assert_ok(connector_open(":memory:", &options, &test.store, &failure));
  make_id(PATCH(.name = "x"), id);
  memset(&wanted, 0, sizeof(wanted));
  wanted.reason = "is about to break";
  logged[0] = '\0';
  assert_ok(report_on(id, NULL));
  assert_contains(logged, "is about to break");
}

static void a_warning_that_is_undone_is_not_logged(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.reason = "is about to break";
  wanted.answer = CONNECTOR_DENIED;
  test.store->log = note_log;
  logged[0] = '\0';
  engine_fails(report_on(id, NULL), CONNECTOR_DENIED);
  assert_text(logged, "");
}

/* ---- waits ---- */

static void a_wait_ends_when_it_says_where_no_lease_is_held(void **state)
{
  (void)state;
  memset(&wanted, 0, sizeof(wanted));
  wanted.wait_until = test_time + 500;
  assert_ok(report_on(id, NULL));
  assert_int_equal(sync_after(), test_time + 500);
  wanted.wait_until = 0;
  assert_ok(report_on(id, NULL));
  assert_int_equal(sync_after(), 0);
}

static void a_wait_never_ends_before_a_lease_that_is_held(void **state)
{
  connector_lease *lease = NULL;
  int64_t ends = 0;
  (void)state;
  assert_ok(connector_lease_take(test.store, id, "sync", 1000, &lease, &failure));
  ends = connector_lease_expires_at(lease);
  memset(&wanted, 0, sizeof(wanted));
  assert_ok(report_on(id, NULL));
  assert_int_equal(sync_after(), ends);
  wanted.wait_until = ends + 1;
  assert_ok(report_on(id, NULL));
  assert_int_equal(sync_after(), ends + 1);
  test_time = ends;
  wanted.wait_until = 0;
  assert_ok(report_on(id, NULL));
  assert_int_equal(sync_after(), 0);
  assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
}

static void a_lease_for_other_work_holds_no_wait(void **state)
{
  connector_lease *lease = NULL;
  (void)state;
  assert_ok(connector_lease_take(test.store, id, "refresh", 1000, &lease, &failure));
  memset(&wanted, 0, sizeof(wanted));
  wanted.wait_until = test_time + 5;
  assert_ok(report_on(id, NULL));
  assert_int_equal(sync_after(), test_time + 5);
  assert_ok(connector_lease_release(test.store, lease, &failure));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    record_test(a_report_keeps_the_version_and_hands_out_what_stands),
    record_test(the_history_of_reports_leads_back_to_the_version_as_it_ended),
    record_test(a_report_and_an_edit_do_not_conflict),
    record_test(health_and_hours_are_kept_with_the_report),
    record_test(hours_that_are_damaged_are_corrupt_until_a_report_starts_them_anew),
    record_test(a_report_on_what_the_caller_can_not_reach_is_not_found),
    record_test(a_record_of_a_newer_schema_takes_no_report),
    record_test(a_report_of_the_system_finds_the_records_tenant),
    record_test(a_report_that_fails_changes_nothing),
    record_test(an_edit_between_the_hosts_rules_and_the_report_is_no_conflict),
    record_test(the_hosts_rules_may_refuse_a_report),
    record_test(a_reason_is_kept_and_logged_where_it_warns),
    record_test(a_warning_in_a_batch_that_is_undone_is_not_logged),
    record_test(a_warning_is_logged_where_no_history_is_kept_too),
    record_test(a_warning_that_is_undone_is_not_logged),
    record_test(a_wait_ends_when_it_says_where_no_lease_is_held),
    record_test(a_wait_never_ends_before_a_lease_that_is_held),
    record_test(a_lease_for_other_work_holds_no_wait),
  };
  return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
