/*
 * engine/row_changes, what the version does not tell: reports and waits keep it, the lead of a
 * token follows its expiry, and purging reads no more of a row than it needs.
 */
#include "engine_support.h"

static const struct stamp later = { 1700000005000, "person-2" };

static struct scope tenant_a = { .kind = SCOPE_TENANT, .tenant = "tenant-a" };

static struct target target_of(const char *id, int64_t version)
{
  return (struct target){ &tenant_a, id, version };
}

static connector personal(const char *id)
{
  connector record = sample("tenant-a", id);
  record.scope = CONNECTOR_SCOPE_USER;
  record.user_id = "bob";
  record.version = 3;
  record.name = "n";
  record.metrics = "{\"a\":1}";
  return record;
}

/* ---- helpers ---- */

static bool report(const struct target *target, const connector_patch *patch,
                   const struct waits *waits, const struct stamp *stamp)
{
  struct draft draft;
  bool changed = false;
  draft_init(&draft);
  engine_ok(draft_from_patch(&draft, patch, &failure));
  engine_ok(rows_report(engine.connection, target, &draft, waits, stamp, &changed, &failure));
  draft_free(&draft);
  return changed;
}

static const struct waits no_waits = { 0 };

static bool wait_until(const struct target *target, unsigned set, int64_t refresh, int64_t rotation,
                       int64_t sync)
{
  const struct waits waits = { set, { refresh, rotation, sync } };
  bool changed = false;
  engine_ok(rows_wait(engine.connection, target, &waits, &changed, &failure));
  return changed;
}

static const unsigned all_waits = 1u << WAIT_REFRESH | 1u << WAIT_ROTATION | 1u << WAIT_SYNC;

/* A column that a record does not show; -1 for null. */
static int64_t hidden(const char *column, const char *id)
{
  char sql[160];
  snprintf(sql, sizeof(sql), "SELECT coalesce(%s, -1) FROM connector WHERE id = '%s'", column, id);
  return integer_of(engine.connection, sql);
}

static void assert_waits(const char *id, int64_t refresh, int64_t rotation, int64_t sync)
{
  assert_int_equal(hidden("refresh_after", id), refresh);
  assert_int_equal(hidden("rotation_after", id), rotation);
  assert_int_equal(hidden("sync_after", id), sync);
}

/* ---- reports ---- */

static void a_report_writes_its_fields_and_stamps_and_keeps_the_version(void **state)
{
  connector wanted = personal("cnn_1");
  struct target target = target_of("cnn_1", 0);
  connector *after = NULL;
  (void)state;
  put(&wanted);
  assert_true(report(&target,
                     PATCH(.sync_status = "healthy", .consecutive_errors = 2,
                           .clear = CONNECTOR_BIT(CONNECTOR_FIELD_METRICS)),
                     &no_waits, &later));
  wanted.sync_status = "healthy";
  wanted.consecutive_errors = 2;
  wanted.metrics = NULL;
  wanted.updated_at = later.now;
  wanted.updated_by = later.person;
  after = row_of("tenant-a", "cnn_1");
  assert_true(connector_equal(after, &wanted));
  connector_free(after);
}

static void the_clock_of_a_reported_row_never_goes_back_and_a_machine_keeps_the_person(void **state)
{
  const struct stamp earlier = { 5, NULL };
  connector row = personal("cnn_1");
  struct target target = target_of("cnn_1", 0);
  connector *after = NULL;
  (void)state;
  put(&row);
  assert_true(report(&target, PATCH(.name = "a"), &no_waits, &later));
  assert_true(report(&target, PATCH(.name = "b"), &no_waits, &earlier));
  after = row_of("tenant-a", "cnn_1");
  assert_int_equal(after->updated_at, later.now + 1);
  assert_text(after->updated_by, "person-2");
  connector_free(after);
}

static void a_report_sets_the_waits_that_it_names_alone(void **state)
{
  connector row = personal("cnn_1");
  struct target target = target_of("cnn_1", 0);
  (void)state;
  put(&row);
  for (unsigned set = 0; set <= all_waits; set++) {
    struct waits waits = { set, { 21, 22, 23 } };
    assert_true(wait_until(&target, all_waits, 11, 12, 0));
    assert_true(report(&target, PATCH(.name = "x"), &waits, &later));
    assert_waits("cnn_1", (set & 1u) != 0 ? 21 : 11, (set & 2u) != 0 ? 22 : 12,
                 (set & 4u) != 0 ? 23 : -1);
  }
}

static void a_report_may_clear_a_wait(void **state)
{
  connector row = personal("cnn_1");
  struct target target = target_of("cnn_1", 0);
  struct waits waits = { .set = 1u << WAIT_SYNC };
  (void)state;
  put(&row);
  assert_true(wait_until(&target, all_waits, 11, 12, 13));
  assert_true(report(&target, PATCH(.name = "x"), &waits, &later));
  assert_waits("cnn_1", 11, 12, -1);
}

/* ---- waits ---- */

static void a_wait_changes_nothing_that_a_record_shows(void **state)
{
  connector row = personal("cnn_1");
  struct target target = target_of("cnn_1", 0);
  connector *after = NULL;
  (void)state;
  put(&row);
  for (unsigned set = 1; set <= all_waits; set++)
    assert_true(wait_until(&target, set, 11, 12, 13));
  after = row_of("tenant-a", "cnn_1");
  assert_true(connector_equal(after, &row));
  connector_free(after);
  assert_waits("cnn_1", 11, 12, 13);
}

static void waits_are_set_and_cleared_each_for_itself(void **state)
{
  connector row = personal("cnn_1");
  connector neighbour = personal("cnn_2");
  struct target target = target_of("cnn_1", 0);
  (void)state;
  put(&row);
  put(&neighbour);
  assert_waits("cnn_1", -1, -1, -1);
  assert_true(wait_until(&target, 1u << WAIT_ROTATION, 11, 12, 13));
  assert_waits("cnn_1", -1, 12, -1);
  assert_true(wait_until(&target, 1u << WAIT_REFRESH | 1u << WAIT_SYNC, 21, 22, 23));
  assert_waits("cnn_1", 21, 12, 23);
  assert_true(wait_until(&target, 1u << WAIT_REFRESH, 0, 0, 0));
  assert_waits("cnn_1", -1, 12, 23);
  assert_waits("cnn_2", -1, -1, -1);
}

static int64_t found_wait(const struct scope *scope, const char *id, enum wait wait)
{
  int64_t until = -1;
  engine_ok(rows_find_wait(engine.connection, scope, id, wait, &until, &failure));
  return until;
}

static void a_wait_is_found_for_each_kind_of_work(void **state)
{
  const struct scope other = scope_of(SCOPE_TENANT, "tenant-b");
  connector row = personal("cnn_1");
  struct target target = target_of("cnn_1", 0);
  char plan[PLAN_SIZE];
  (void)state;
  put(&row);
  assert_int_equal(found_wait(&tenant_a, "cnn_1", WAIT_SYNC), 0);
  assert_true(wait_until(&target, all_waits, 11, 12, 13));
  for (int wait = 0; wait < WAITS; wait++) {
    assert_int_equal(found_wait(&tenant_a, "cnn_1", (enum wait)wait), 11 + wait);
    assert_int_equal(found_wait(&other, "cnn_1", (enum wait)wait), 0);
    assert_int_equal(found_wait(&tenant_a, "cnn_2", (enum wait)wait), 0);
  }
  latest_plan(plan);
  assert_contains(plan, "id=?");
  assert_lacks(plan, "SCAN");
}

/* ---- stamps ---- */

typedef connector_status (*stamped_fn)(const struct target *target, const struct stamp *stamp,
                                       bool *changed);

static connector_status update_stamped(const struct target *target, const struct stamp *stamp,
                                       bool *changed)
{
  struct draft draft;
  connector_status status = CONNECTOR_OK;
  draft_init(&draft);
  status = rows_update(engine.connection, target, &draft, stamp, changed, &failure);
  draft_free(&draft);
  return status;
}

static connector_status report_stamped(const struct target *target, const struct stamp *stamp,
                                       bool *changed)
{
  struct draft draft;
  connector_status status = CONNECTOR_OK;
  draft_init(&draft);
  status = rows_report(engine.connection, target, &draft, &no_waits, stamp, changed, &failure);
  draft_free(&draft);
  return status;
}

static connector_status restore_stamped(const struct target *target, const struct stamp *stamp,
                                        bool *changed)
{
  engine_ok(connection_run(engine.connection, "UPDATE connector SET deleted_at = 5", &failure));
  return rows_restore(engine.connection, target, stamp, changed, &failure);
}

static void a_stamp_in_memory_equals_the_one_in_the_row(void **state)
{
  static const struct {
    stamped_fn change;
    bool moves_version;
  } changes[] = { { update_stamped, true }, { report_stamped, false }, { restore_stamped, true } };
  static const int64_t start = 1700000000000; /* when samples were updated last */
  const struct stamp stamps[] = {
    { start + 5000, "person-2" }, { start + 1, "person-2" }, { start, "person-2" },
    { start - 1, "person-2" },    { 0, "person-2" },         { start + 5000, NULL },
    { start - 1, NULL },
  };
  const char *const before[] = { NULL, "person-1" };
  (void)state;
  for (size_t change = 0; change < COUNT_OF(changes); change++)
    for (size_t i = 0; i < COUNT_OF(stamps); i++)
      for (size_t person = 0; person < COUNT_OF(before); person++) {
        connector wanted = personal("cnn_1");
        struct target target = target_of("cnn_1", 0);
        connector *after = NULL;
        bool changed = false;
        wanted.updated_by = before[person];
        put(&wanted);
        engine_ok(changes[change].change(&target, &stamps[i], &changed));
        assert_true(changed);
        rows_stamp(&wanted, &stamps[i], changes[change].moves_version);
        after = row_of("tenant-a", "cnn_1");
        assert_true(connector_equal(after, &wanted));
        assert_int_equal(after->version, changes[change].moves_version ? 4 : 3);
        connector_free(after);
        engine_ok(connection_run(engine.connection, "DELETE FROM connector", &failure));
      }
}

/* ---- when a change must hit nothing ---- */

static bool change_row(int change, const struct target *target)
{
  return change == 0 ? report(target, PATCH(.name = "changed"), &no_waits, &later)
                     : wait_until(target, all_waits, 1, 2, 3);
}

static void reports_and_waits_hit_nothing_but_what_they_are_for(void **state)
{
  struct scope other = scope_of(SCOPE_TENANT, "tenant-b");
  struct scope app = { .kind = SCOPE_TENANT, .tenant = "tenant-a", .app = "app-1" };
  struct scope member = { .kind = SCOPE_MEMBER, .tenant = "tenant-a", .user = "ann" };
  struct scope nobody = { .kind = SCOPE_TENANT, .tenant = NULL };
  struct scope *const scopes[] = { &other, &app, &member, &nobody };
  connector live = personal("cnn_live");
  connector dead = personal("cnn_dead");
  connector newer = personal("cnn_newer");
  (void)state;
  dead.deleted_at = 9;
  newer.schema_version = 2;
  put(&live);
  put(&dead);
  put(&newer);
  for (int change = 0; change < 2; change++) {
    struct target target = target_of("cnn_live", 0);
    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
      target.scope = scopes[i];
      assert_false(change_row(change, &target));
    }
    target = target_of("cnn_live", 2);
    assert_false(change_row(change, &target));
    target = target_of("cnn_dead", 0);
    assert_false(change_row(change, &target));
    target = target_of("cnn_newer", 0);
    assert_false(change_row(change, &target));
    target = target_of("cnn_", 0);
    assert_false(change_row(change, &target));
    target = target_of("cnn_live", 3);
    assert_true(change_row(change, &target));
  }
}

static void every_report_and_wait_searches_by_the_rows_id(void **state)
{
  char plan[PLAN_SIZE];
  (void)state;
  for (int kind = SCOPE_MEMBER; kind <= SCOPE_TENANT; kind++)
    for (int change = 0; change < 2; change++)
      for (int64_t version = 0; version < 2; version++) {
        struct scope scope = { (enum scope_kind)kind, "tenant-a", NULL, "ann", NULL };
        struct target target = { &scope, "cnn_1", version };
        assert_false(change_row(change, &target));
        latest_plan(plan);
        assert_contains(plan, "SEARCH connector USING INDEX connector_");
        assert_contains(plan, "id=?");
        assert_lacks(plan, "SCAN");
      }
}

/* ---- the lead of a token ---- */

enum { EXPIRY = 1000000 };

static bool update(const struct target *target, const connector_patch *patch)
{
  struct draft draft;
  bool changed = false;
  draft_init(&draft);
  engine_ok(draft_from_patch(&draft, patch, &failure));
  engine_ok(rows_update(engine.connection, target, &draft, &later, &changed, &failure));
  draft_free(&draft);
  return changed;
}

static void the_lead_of_a_new_token_is_kept_beside_its_expiry(void **state)
{
  connector row = personal("cnn_1");
  connector without = personal("cnn_2");
  (void)state;
  row.oauth_token_expires_at = row.updated_at + EXPIRY;
  put(&row);
  put(&without);
  assert_int_equal(hidden("token_lead", "cnn_1"), EXPIRY / 5);
  assert_int_equal(hidden("token_lead", "cnn_2"), -1);
}

static void the_lead_follows_the_expiry_in_updates_and_reports(void **state)
{
  const uint64_t clear = CONNECTOR_BIT(CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT);
  struct target target = target_of("cnn_1", 0);
  connector row = personal("cnn_1");
  (void)state;
  put(&row);
  assert_true(update(&target, PATCH(.oauth_token_expires_at = later.now + 500)));
  assert_int_equal(hidden("token_lead", "cnn_1"), 100);
  assert_true(update(&target, PATCH(.name = "other")));
  assert_int_equal(hidden("token_lead", "cnn_1"), 100);
  assert_true(report(&target, PATCH(.sync_status = "healthy"), &no_waits, &later));
  assert_int_equal(hidden("token_lead", "cnn_1"), 100);
  assert_true(
      report(&target, PATCH(.oauth_token_expires_at = later.now + 1000), &no_waits, &later));
  assert_int_equal(hidden("token_lead", "cnn_1"), 200);
  assert_true(update(&target, PATCH(.clear = clear)));
  assert_int_equal(hidden("token_lead", "cnn_1"), -1);
  assert_true(
      report(&target, PATCH(.oauth_token_expires_at = later.now + 1000), &no_waits, &later));
  assert_true(report(&target, PATCH(.clear = clear), &no_waits, &later));
  assert_int_equal(hidden("token_lead", "cnn_1"), -1);
}

/* ---- purging by age ---- */

static void a_purgeable_row_tells_whose_it_is_who_could_see_it_and_its_version(void **state)
{
  struct statement *statement = NULL;
  connector row = personal("cnn_1");
  connector read;
  bool found = false;
  (void)state;
  row.app_id = "app-1";
  row.owner_id = "owner";
  row.group_id = "group";
  row.version = 7;
  row.deleted_at = 5;
  row.config = "{\"a\":1}";
  put(&row);
  engine_ok(rows_purgeable(engine.connection, &tenant_a, 10, 10, &statement, &failure));
  engine_ok(rows_next_purgeable(statement, &read, &found, &failure));
  assert_true(found);
  assert_true(connector_equal(&read, &(connector){ .id = "cnn_1",
                                                   .tenant_id = "tenant-a",
                                                   .app_id = "app-1",
                                                   .scope = CONNECTOR_SCOPE_USER,
                                                   .owner_id = "owner",
                                                   .group_id = "group",
                                                   .user_id = "bob",
                                                   .version = 7 }));
  statement_done(statement);
}

/* Damage made the index lead to it: another's row must not be written in its place. */
static void a_row_whose_check_is_wrong_is_not_changed(void **state)
{
  const connector record = personal("cnn_1");
  const struct target target = target_of("cnn_1", 0);
  bool changed = true;
  (void)state;
  put(&record);
  engine_ok(connection_run(engine.connection, "UPDATE connector SET row_check = row_check + 1",
                           &failure));
  assert_false(report(&target, PATCH(.sync_status = "healthy"), &no_waits, &later));
  assert_false(wait_until(&target, all_waits, 1, 2, 3));
  engine_ok(rows_delete(engine.connection, &target, &later, &changed, &failure));
  assert_false(changed);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    rows_test(a_report_writes_its_fields_and_stamps_and_keeps_the_version),
    rows_test(the_clock_of_a_reported_row_never_goes_back_and_a_machine_keeps_the_person),
    rows_test(a_report_sets_the_waits_that_it_names_alone),
    rows_test(a_report_may_clear_a_wait),
    rows_test(a_wait_changes_nothing_that_a_record_shows),
    rows_test(waits_are_set_and_cleared_each_for_itself),
    rows_test(a_wait_is_found_for_each_kind_of_work),
    rows_test(a_stamp_in_memory_equals_the_one_in_the_row),
    rows_test(reports_and_waits_hit_nothing_but_what_they_are_for),
    rows_test(every_report_and_wait_searches_by_the_rows_id),
    rows_test(the_lead_of_a_new_token_is_kept_beside_its_expiry),
    rows_test(the_lead_follows_the_expiry_in_updates_and_reports),
    rows_test(a_purgeable_row_tells_whose_it_is_who_could_see_it_and_its_version),
    rows_test(a_row_whose_check_is_wrong_is_not_changed),
  };
  return cmocka_run_group_tests_name("row_changes", tests, NULL, NULL);
}
