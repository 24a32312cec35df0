/*
 * store/lease, behind the API: which wait goes with which purpose, what a lease writes into the
 * rows beside a record, and whose lease a call may use.
 */
#include "history_support.h"

#include "engine/due.h"
#include "store/lease.h"

static char id[ID_SIZE];

static int setup_record(void **state)
{
  if (setup_clock(state) != 0)
    return -1;
  make_id(PATCH(.name = "x"), id);
  return 0;
}

#define record_test(name) cmocka_unit_test_setup_teardown(name, setup_record, teardown)

static connector_lease *take(const char *purpose, uint32_t ttl_ms)
{
  connector_lease *lease = NULL;
  assert_ok(connector_lease_take(test.store, id, purpose, ttl_ms, &lease, &failure));
  return lease;
}

static void give_back(connector_lease *lease)
{
  assert_ok(connector_lease_release(test.store, lease, &failure));
}

/* -1 for null. */
static int64_t wait_of(const char *column)
{
  char sql[100];
  snprintf(sql, sizeof(sql), "SELECT coalesce(%s, -1) FROM connector", column);
  return look_up(sql);
}

/* ---- purposes ---- */

static void each_purpose_of_due_work_has_its_wait_and_others_none(void **state)
{
  (void)state;
  assert_int_equal(lease_wait(CONNECTOR_PURPOSE_REFRESH), WAIT_REFRESH);
  assert_int_equal(lease_wait(CONNECTOR_PURPOSE_ROTATION), WAIT_ROTATION);
  assert_int_equal(lease_wait(CONNECTOR_PURPOSE_SYNC), WAIT_SYNC);
  assert_int_equal(lease_wait("Sync"), WAITS);
  assert_int_equal(lease_wait("sync "), WAITS);
  assert_int_equal(lease_wait(""), WAITS);
  for (size_t i = 0; i < WAITS; i++)
    assert_int_equal(lease_wait(lease_purposes[i]), i);
}

static void a_time_to_live_is_one_millisecond_to_a_day(void **state)
{
  (void)state;
  engine_ok(lease_check_ttl(1, &failure));
  engine_ok(lease_check_ttl(CONNECTOR_LEASE_TTL_MAX, &failure));
  engine_fails_at(lease_check_ttl(0, &failure), CONNECTOR_INVALID, "ttl_ms");
  engine_fails_at(lease_check_ttl(CONNECTOR_LEASE_TTL_MAX + 1, &failure), CONNECTOR_INVALID,
                  "ttl_ms");
  engine_fails_at(lease_check_ttl(UINT32_MAX, &failure), CONNECTOR_INVALID, "ttl_ms");
}

/* ---- rows ---- */

static void a_lease_makes_its_record_wait_for_its_own_kind_of_work(void **state)
{
  (void)state;
  for (size_t i = 0; i < WAITS; i++) {
    connector_lease *lease = take(lease_purposes[i], 1000);
    for (size_t j = 0; j < WAITS; j++)
      assert_int_equal(wait_of(wait_columns[j]), i == j ? test_time + 1000 : -1);
    give_back(lease);
    assert_int_equal(wait_of(wait_columns[i]), -1);
  }
}

static void a_lease_for_work_of_the_hosts_own_makes_nothing_wait(void **state)
{
  connector_lease *lease = take("audit", 1000);
  (void)state;
  for (size_t i = 0; i < WAITS; i++)
    assert_int_equal(wait_of(wait_columns[i]), -1);
  give_back(lease);
}

static void renewing_moves_the_wait_and_a_lost_lease_moves_nothing(void **state)
{
  connector_lease *lease = take("sync", 1000);
  (void)state;
  test_time += 500;
  assert_ok(connector_lease_renew(test.store, lease, 2000, &failure));
  assert_int_equal(connector_lease_expires_at(lease), test_time + 2000);
  assert_int_equal(wait_of("sync_after"), test_time + 2000);
  test_time += 2000;
  assert_status(connector_lease_renew(test.store, lease, 2000, &failure), CONNECTOR_STALE);
  assert_int_equal(connector_lease_expires_at(lease), test_time);
  assert_int_equal(wait_of("sync_after"), test_time);
  assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
}

static void a_lease_changes_nothing_that_the_record_shows(void **state)
{
  connector *before = fetch(id);
  connector *after = NULL;
  (void)state;
  test_time += 1000;
  give_back(take("sync", 1000));
  after = fetch(id);
  assert_true(connector_equal(before, after));
  assert_int_equal(feed_count(1), 0);
  connector_free(before);
  connector_free(after);
}

static void
a_lease_that_is_given_back_after_a_failure_leaves_the_wait_for_the_next_try(void **state)
{
  connector_lease *lease = take("sync", 1000);
  (void)state;
  assert_ok(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_RATE_LIMITED, NULL, 50000, NULL,
                                  &failure));
  give_back(lease);
  assert_true(wait_of("sync_after") >= test_time + 50000);
}

static void a_rotation_does_not_wait_for_the_next_try_of_a_sync(void **state)
{
  connector_lease *lease = take("rotation", 1000);
  (void)state;
  assert_ok(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_RATE_LIMITED, NULL, 50000, NULL,
                                  &failure));
  give_back(lease);
  assert_int_equal(wait_of("rotation_after"), -1);
}

static void a_wait_for_the_next_try_outlives_a_lease_that_was_taken_meanwhile(void **state)
{
  connector_lease *lease = NULL;
  (void)state;
  assert_ok(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_RATE_LIMITED, NULL, 50000, NULL,
                                  &failure));
  lease = take("sync", 1000);
  assert_int_equal(wait_of("sync_after"), test_time + 50000);
  assert_ok(connector_lease_renew(test.store, lease, 2000, &failure));
  assert_int_equal(wait_of("sync_after"), test_time + 50000);
  give_back(lease);
  assert_int_equal(wait_of("sync_after"), test_time + 50000);
}

/* ---- what is to wait while a lease runs ---- */

/* Until when the record waits that is to wait until then. */
static int64_t hold(enum wait wait, int64_t until)
{
  const struct owner owner = { id, "tenant-a" };
  struct call call;
  struct work work;
  int64_t held = -1;
  begin(&call);
  engine_ok(work_begin_write(&work, &call, false));
  engine_ok(lease_hold(&work, &owner, wait, test_time, until, &held, &failure));
  engine_ok(work_end_write(&work, CONNECTOR_OK));
  end(&call);
  return held;
}

static int64_t kept_wait(const char *purpose)
{
  char sql[120];
  snprintf(sql, sizeof(sql), "SELECT coalesce(max(wait_after), 0) FROM lease WHERE purpose = '%s'",
           purpose);
  return look_up(sql);
}

static void without_a_lease_a_record_waits_as_long_as_it_is_to(void **state)
{
  (void)state;
  for (int wait = 0; wait < WAITS; wait++) {
    assert_int_equal(hold((enum wait)wait, 0), 0);
    assert_int_equal(hold((enum wait)wait, test_time + 50), test_time + 50);
  }
  assert_int_equal(look_up("SELECT count(*) FROM lease"), 0);
}

static void a_lease_that_lasts_longer_goes_first_and_what_was_to_be_comes_then(void **state)
{
  static const int64_t untils[] = { 0, 1, 999, 1000, 1001, 50000 };
  connector_lease *lease = take("sync", 1000);
  (void)state;
  for (size_t i = 0; i < COUNT_OF(untils); i++) {
    int64_t until = untils[i] == 0 ? 0 : test_time + untils[i];
    assert_int_equal(hold(WAIT_SYNC, until), test_time + (untils[i] > 1000 ? untils[i] : 1000));
    assert_int_equal(kept_wait("sync"), until);
  }
  give_back(lease);
  assert_int_equal(wait_of("sync_after"), test_time + 50000);
}

static void a_lease_for_other_work_holds_nothing(void **state)
{
  connector_lease *sync = take("sync", 1000);
  connector_lease *audit = take("audit", 1000);
  (void)state;
  assert_int_equal(hold(WAIT_REFRESH, 0), 0);
  assert_int_equal(hold(WAIT_REFRESH, test_time + 5), test_time + 5);
  assert_int_equal(hold(WAIT_ROTATION, test_time + 5), test_time + 5);
  assert_int_equal(look_up("SELECT count(*) FROM lease WHERE wait_after IS NOT NULL"), 0);
  give_back(sync);
  give_back(audit);
}

static void a_lease_that_is_over_or_wrong_holds_nothing_and_keeps_nothing(void **state)
{
  connector_lease *lease = take("sync", 1000);
  (void)state;
  test_time += 1000;
  assert_int_equal(hold(WAIT_SYNC, test_time + 5), test_time + 5);
  assert_int_equal(hold(WAIT_SYNC, 0), 0);
  assert_int_equal(kept_wait("sync"), 0);
  assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
  tamper("UPDATE lease SET expires_at = 9000000000000");
  assert_int_equal(hold(WAIT_SYNC, test_time + 5), test_time + 5);
  assert_int_equal(kept_wait("sync"), 0);
  give_back(take("sync", 1000));
  assert_int_equal(hold(WAIT_SYNC, test_time + 5), test_time + 5);
  assert_int_equal(kept_wait("sync"), 0);
}

static void a_lease_is_claimed_where_nobody_holds_it_and_makes_the_record_wait(void **state)
{
  const int64_t now = test_time;
  struct lease_terms terms = { .purpose = "sync",
                               .holder = "me",
                               .fence = 40,
                               .now = now,
                               .longest = now + WAIT_LONGEST_MS,
                               .expires_at = now + 1000,
                               .wait_after = now + 3000 };
  connector record = { .id = id, .tenant_id = "tenant-a" };
  struct call call;
  struct work work;
  bool taken = false;
  (void)state;
  begin(&call);
  engine_ok(work_begin_write(&work, &call, true));
  engine_ok(lease_claim(&work, &record, &terms, &taken));
  assert_true(taken);
  terms.fence = 41;
  terms.expires_at = now + 9000;
  terms.wait_after = 0;
  engine_ok(lease_claim(&work, &record, &terms, &taken));
  assert_false(taken);
  engine_ok(work_end_write(&work, CONNECTOR_OK));
  end(&call);
  assert_int_equal(wait_of("sync_after"), now + 3000);
  assert_int_equal(look_up("SELECT fence FROM lease"), 40);
  assert_int_equal(kept_wait("sync"), now + 3000);
}

/* ---- batches ---- */

static connector_status take_inside(connector_store *store, void *user, connector_error *error)
{
  connector_lease *lease = NULL;
  (void)user;
  return connector_lease_take(store, id, "sync", 1000, &lease, error);
}

static connector_status renew_inside(connector_store *store, void *user, connector_error *error)
{
  return connector_lease_renew(store, user, 1000, error);
}

static void no_lease_is_taken_or_renewed_in_a_batch(void **state)
{
  connector_lease *lease = NULL;
  (void)state;
  assert_status(connector_batch(test.store, take_inside, NULL, &failure), CONNECTOR_MISUSE);
  assert_int_equal(look_up("SELECT count(*) FROM lease"), 0);
  lease = take("sync", 1000);
  assert_status(connector_batch(test.store, renew_inside, lease, &failure), CONNECTOR_MISUSE);
  give_back(lease);
}

static void the_loser_of_a_lease_is_told_the_winners_fence(void **state)
{
  connector_lease *lease = take("sync", 1000);
  connector_lease *other = NULL;
  (void)state;
  assert_status(connector_lease_take(test.store, id, "sync", 1000, &other, &failure),
                CONNECTOR_LEASED);
  assert_null(other);
  assert_int_equal(failure.version, connector_lease_fence(lease));
  give_back(lease);
}

/* ---- fences ---- */

static int64_t fence_of_next(const char *purpose)
{
  connector_lease *lease = take(purpose, 1000);
  int64_t fence = connector_lease_fence(lease);
  give_back(lease);
  return fence;
}

static void
a_fence_is_higher_than_all_before_it_whatever_record_purpose_tenant_and_clock(void **state)
{
  static const char *const purposes[] = { "sync", "refresh", "mine" };
  static const char *const tenants[] = { "tenant-a", "tenant-b" };
  int64_t last = 0;
  (void)state;
  for (int round = 0; round < 12; round++) {
    int64_t fence = 0;
    become(tenants[round % 2], "user-ann", CONNECTOR_ROLE_TENANT);
    make_id(PATCH(.name = "x"), id);
    test_time -= 5000;
    fence = fence_of_next(purposes[round % 3]);
    assert_true(fence > last);
    last = fence;
  }
}

static void the_fences_of_a_purged_record_are_not_given_again(void **state)
{
  int64_t last = 0;
  (void)state;
  for (int i = 0; i < 5; i++)
    last = fence_of_next("sync");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(look_up("SELECT count(*) FROM lease"), 0);
  make_id(PATCH(.name = "x"), id);
  assert_true(fence_of_next("sync") > last);
}

static void a_file_without_its_count_of_leases_is_corrupt(void **state)
{
  static const char *const damages[] = { "UPDATE meta SET value = -7 WHERE key = 'fence'",
                                         "DELETE FROM meta WHERE key = 'fence'" };
  connector_lease *lease = NULL;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(damages); i++) {
    tamper(damages[i]);
    assert_status(connector_lease_take(test.store, id, "sync", 1000, &lease, &failure),
                  CONNECTOR_CORRUPT);
    assert_null(lease);
  }
  assert_int_equal(look_up("SELECT count(*) FROM lease"), 0);
}

/* ---- the holder ---- */

static void assert_holder(const char *wanted)
{
  char holder[200];
  char sql[300];
  snprintf(holder, sizeof(holder), "%s:%ld", wanted, (long)getpid());
  give_back(take("sync", 1000));
  snprintf(sql, sizeof(sql), "SELECT holder = '%s' FROM lease", holder);
  assert_int_equal(look_up(sql), 1);
}

static void the_holder_is_the_app_or_the_person_or_the_user_and_the_process(void **state)
{
  (void)state;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_SYSTEM);
  assert_holder("person-1");
  current.person_id = NULL;
  assert_holder("user-ann");
  current.user_id = NULL;
  assert_holder("-");
  tamper("UPDATE connector SET app_id = 'app-1'");
  current.app_id = "app-1";
  current.person_id = "person-1";
  assert_holder("app-1");
}

static void a_long_holder_is_cut_where_a_character_ends(void **state)
{
  char name[400];
  char wanted[97];
  (void)state;
  for (size_t i = 0; i < sizeof(name) - 2; i += 3)
    memcpy(name + i, "\xe2\x82\xac", 3);
  name[399] = '\0';
  current.person_id = name;
  memcpy(wanted, name, 96);
  wanted[96] = '\0';
  assert_holder(wanted);
}

/* ---- whose lease it is ---- */

static connector_status aim_at(const connector_lease *lease, struct scope *scope)
{
  struct call call;
  struct aim aim = { 0 };
  connector_status status = CONNECTOR_OK;
  memset(&failure, 0, sizeof(failure));
  begin(&call);
  status = lease_aim(&call, lease, &aim);
  if (scope != NULL)
    *scope = aim.scope;
  aim_free(&aim);
  return call_end(&call, status);
}

static connector_lease lease_of(const char *tenant)
{
  connector_lease lease = { .id = id, .tenant_id = tenant, .purpose = "sync", .fence = 1 };
  memcpy(lease.store_id, test.store->id, sizeof(lease.store_id));
  return lease;
}

static void a_lease_of_the_callers_tenant_aims_at_its_record(void **state)
{
  const connector_lease lease = lease_of("tenant-a");
  struct scope scope;
  (void)state;
  engine_ok(aim_at(&lease, &scope));
  assert_int_equal(scope.kind, SCOPE_TENANT);
  assert_text(scope.tenant, "tenant-a");
}

static void a_lease_of_another_tenant_is_not_found(void **state)
{
  const connector_lease lease = lease_of("tenant-b");
  (void)state;
  engine_fails(aim_at(&lease, NULL), CONNECTOR_NOT_FOUND);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_SYSTEM);
  engine_fails(aim_at(&lease, NULL), CONNECTOR_NOT_FOUND);
}

static void the_system_aims_in_the_leases_own_tenant(void **state)
{
  const connector_lease lease = lease_of("tenant-b");
  struct scope scope;
  (void)state;
  become_system();
  engine_ok(aim_at(&lease, &scope));
  assert_int_equal(scope.kind, SCOPE_TENANT);
  assert_text(scope.tenant, "tenant-b");
}

static void a_lease_of_another_store_or_none_is_invalid(void **state)
{
  connector_lease lease = lease_of("tenant-a");
  (void)state;
  engine_fails_at(aim_at(NULL, NULL), CONNECTOR_INVALID, "lease");
  lease.store_id[0] = lease.store_id[0] == 'a' ? 'b' : 'a';
  engine_fails_at(aim_at(&lease, NULL), CONNECTOR_INVALID, "lease");
}

static void what_a_lease_that_is_none_tells_is_nothing(void **state)
{
  (void)state;
  assert_null(connector_lease_id(NULL));
  assert_null(connector_lease_purpose(NULL));
  assert_int_equal(connector_lease_fence(NULL), 0);
  assert_int_equal(connector_lease_expires_at(NULL), 0);
  assert_ok(connector_lease_release(test.store, NULL, &failure));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(each_purpose_of_due_work_has_its_wait_and_others_none),
    cmocka_unit_test(a_time_to_live_is_one_millisecond_to_a_day),
    record_test(a_lease_makes_its_record_wait_for_its_own_kind_of_work),
    record_test(a_lease_for_work_of_the_hosts_own_makes_nothing_wait),
    record_test(renewing_moves_the_wait_and_a_lost_lease_moves_nothing),
    record_test(a_lease_changes_nothing_that_the_record_shows),
    record_test(a_lease_that_is_given_back_after_a_failure_leaves_the_wait_for_the_next_try),
    record_test(a_rotation_does_not_wait_for_the_next_try_of_a_sync),
    record_test(a_wait_for_the_next_try_outlives_a_lease_that_was_taken_meanwhile),
    record_test(without_a_lease_a_record_waits_as_long_as_it_is_to),
    record_test(a_lease_that_lasts_longer_goes_first_and_what_was_to_be_comes_then),
    record_test(a_lease_for_other_work_holds_nothing),
    record_test(a_lease_that_is_over_or_wrong_holds_nothing_and_keeps_nothing),
    record_test(a_lease_is_claimed_where_nobody_holds_it_and_makes_the_record_wait),
    record_test(no_lease_is_taken_or_renewed_in_a_batch),
    record_test(the_loser_of_a_lease_is_told_the_winners_fence),
    record_test(a_fence_is_higher_than_all_before_it_whatever_record_purpose_tenant_and_clock),
    record_test(the_fences_of_a_purged_record_are_not_given_again),
    record_test(a_file_without_its_count_of_leases_is_corrupt),
    record_test(the_holder_is_the_app_or_the_person_or_the_user_and_the_process),
    record_test(a_long_holder_is_cut_where_a_character_ends),
    record_test(a_lease_of_the_callers_tenant_aims_at_its_record),
    record_test(a_lease_of_another_tenant_is_not_found),
    record_test(the_system_aims_in_the_leases_own_tenant),
    record_test(a_lease_of_another_store_or_none_is_invalid),
    record_test(what_a_lease_that_is_none_tells_is_nothing),
  };
  return cmocka_run_group_tests_name("lease_rows", tests, NULL, NULL);
}
