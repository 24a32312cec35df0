/*
 * Leases: one holder at a time, fences that only grow, and what ends a lease.
 */
#include "lifecycle.h"

/* Nobody gets the lease; the answer tells the fence of who has it. */
static void assert_leased(const char *id, const char *purpose, int64_t fence)
{
  connector_lease *lease = NULL;
  assert_status(connector_lease_take(test.store, id, purpose, 1000, &lease, &failure),
                CONNECTOR_LEASED);
  assert_true(failure.version == fence);
  assert_null(lease);
}

/* ---- taking ---- */

static void a_lease_says_what_it_is(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_text(connector_lease_id(lease), id);
  assert_text(connector_lease_purpose(lease), "refresh");
  assert_true(connector_lease_fence(lease) > 0);
  assert_true(connector_lease_expires_at(lease) == test_time + MINUTE);
  release(lease);
}

static void no_lease_says_nothing(void **state)
{
  (void)state;
  assert_null(connector_lease_id(NULL));
  assert_null(connector_lease_purpose(NULL));
  assert_int_equal(connector_lease_fence(NULL), 0);
  assert_int_equal(connector_lease_expires_at(NULL), 0);
}

static void nobody_else_gets_it_nor_the_same_caller(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_leased(id, "refresh", connector_lease_fence(lease));
  become("tenant-a", "user-bob", CONNECTOR_ROLE_TENANT);
  assert_leased(id, "refresh", connector_lease_fence(lease));
  release(lease);
}

static void purposes_and_connectors_are_apart(void **state)
{
  (void)state;
  char ids[2][ID_SIZE];
  connector_lease *leases[6];
  static const char *const purposes[] = { "refresh", "rotation", "Refresh" };
  make_id(PATCH(0), ids[0]);
  make_id(PATCH(0), ids[1]);
  for (size_t i = 0; i < 6; i++)
    leases[i] = take(ids[i / 3], purposes[i % 3], MINUTE);
  for (size_t i = 0; i < 6; i++)
    release(leases[i]);
}

static void fences_only_grow(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t fence = 0;
  make_id(PATCH(0), id);
  for (int i = 0; i < 12; i++) {
    connector_lease *lease = take(id, "refresh", 1000);
    assert_true(connector_lease_fence(lease) > fence);
    fence = connector_lease_fence(lease);
    if (i % 3 == 0) {
      test_time += 1001; /* it is lost */
      assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
    } else {
      release(lease);
    }
  }
}

/* Over connectors, purposes, tenants, purges, and clocks that are set back. */
static void a_fence_is_higher_than_any_before_it(void **state)
{
  (void)state;
  static const char *const purposes[] = { "refresh", "sync" };
  int64_t fence = 0;
  for (int i = 0; i < 40; i++) {
    char id[ID_SIZE];
    become(i % 3 == 0 ? "tenant-a" : "tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
    make_id(PATCH(0), id);
    connector_lease *lease = take(id, purposes[i % 2], MINUTE);
    assert_true(connector_lease_fence(lease) > fence);
    fence = connector_lease_fence(lease);
    release(lease);
    if (i % 4 == 0) {
      assert_ok(connector_delete(test.store, id, 0, &failure));
      assert_ok(connector_purge(test.store, id, &failure));
    }
    test_time += i % 5 == 0 ? -DAY : i % 2;
  }
}

static void fences_grow_over_a_restart(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = test_options();
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  int64_t fence = connector_lease_fence(lease);
  release(lease);
  open_store(&options);
  lease = take(id, "refresh", MINUTE);
  assert_true(connector_lease_fence(lease) > fence);
  release(lease);
}

/* ---- expiring ---- */

static void an_expired_lease_is_anybodys(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lost = take(id, "refresh", MINUTE);
  test_time += MINUTE - 1;
  assert_leased(id, "refresh", connector_lease_fence(lost));
  test_time += 2;
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_true(connector_lease_fence(lease) > connector_lease_fence(lost));
  assert_status(connector_lease_renew(test.store, lost, 1000, &failure), CONNECTOR_STALE);
  assert_status(connector_lease_release(test.store, lost, &failure), CONNECTOR_STALE);
  assert_leased(id, "refresh", connector_lease_fence(lease));
  release(lease);
}

static void renewing_makes_it_last(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  int64_t fence = connector_lease_fence(lease);
  for (int i = 0; i < 5; i++) {
    test_time += MINUTE - 1;
    assert_ok(connector_lease_renew(test.store, lease, (uint32_t)MINUTE, &failure));
    assert_true(connector_lease_expires_at(lease) == test_time + MINUTE);
    assert_true(connector_lease_fence(lease) == fence);
    assert_leased(id, "refresh", fence);
  }
  release(lease);
}

static void renewing_may_shorten_it(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lost = take(id, "refresh", DAY);
  assert_ok(connector_lease_renew(test.store, lost, 1, &failure));
  test_time += 2;
  release(take(id, "refresh", MINUTE));
  assert_status(connector_lease_release(test.store, lost, &failure), CONNECTOR_STALE);
}

static void an_expired_lease_is_not_renewed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  int64_t expires_at = connector_lease_expires_at(lease);
  test_time += MINUTE + 1;
  assert_status(connector_lease_renew(test.store, lease, 1000, &failure), CONNECTOR_STALE);
  assert_true(connector_lease_expires_at(lease) == expires_at);
  assert_status(connector_lease_release(test.store, lease, &failure), CONNECTOR_STALE);
}

/* ---- handing back ---- */

static void a_released_lease_is_free(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (int i = 0; i < 3; i++)
    release(take(id, "refresh", DAY));
}

static void releasing_nothing_is_fine(void **state)
{
  (void)state;
  release(NULL);
}

static void releasing_after_an_outcome_is_fine(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.auth_type = "oauth2"), id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, test_time + DAY, NULL, &failure));
  release(lease);
  release(take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE));
}

static void releasing_after_an_outcome_is_fine_when_another_has_it_by_then(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.auth_type = "oauth2"), id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, test_time + DAY, NULL, &failure));
  connector_lease *next = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  release(lease);
  assert_leased(id, CONNECTOR_PURPOSE_REFRESH, connector_lease_fence(next));
  release(next);
}

static void a_claims_lease_is_handed_back_and_freed_with_it(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.next_rotation_due = 5), id);
  connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, NULL);
  connector_lease *lease = connector_claims_at(claims, 0)->lease;
  release(lease);
  assert_status(connector_lease_renew(test.store, lease, 1000, &failure), CONNECTOR_STALE);
  connector_lease *next = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  /* whatever the answer to a second time is, it takes nothing from the one who has it now */
  (void)!connector_lease_release(test.store, lease, NULL);
  assert_leased(id, CONNECTOR_PURPOSE_ROTATION, connector_lease_fence(next));
  release(next);
  connector_claims_free(claims);
}

/* Everything that could give a fence twice, were the batch undone. */
static connector_status lease_in_a_batch(connector_store *store, void *user, connector_error *error)
{
  connector_lease *held = user;
  connector_lease *lease = NULL;
  connector_claims *claims = NULL;
  (void)error;
  assert_status(
      connector_lease_take(store, connector_lease_id(held), "sync", 1000, &lease, &failure),
      CONNECTOR_MISUSE);
  assert_status(connector_lease_renew(store, held, 1000, &failure), CONNECTOR_MISUSE);
  assert_status(connector_claim(store, CONNECTOR_DUE_SYNC, NULL, &claims, &failure),
                CONNECTOR_MISUSE);
  return CONNECTOR_OK;
}

static void no_lease_is_taken_or_renewed_inside_a_batch(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_ok(connector_batch(test.store, lease_in_a_batch, lease, &failure));
  release(lease);
}

/* ---- whose ---- */

static void another_store_of_the_file_may_renew_and_release(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = test_options();
  connector_store *other = NULL;
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_ok(connector_open(test.path, &options, &other, &failure));
  assert_ok(connector_lease_renew(other, lease, (uint32_t)DAY, &failure));
  assert_leased(id, "refresh", connector_lease_fence(lease));
  assert_ok(connector_lease_release(other, lease, &failure));
  release(take(id, "refresh", MINUTE));
  connector_close(other);
}

static void a_lease_of_another_file_is_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = test_options();
  connector_store *other = NULL;
  char path[600];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_open(beside(path, "other.db"), &options, &other, &failure));
  assert_invalid(connector_lease_renew(other, lease, 1000, &failure), "lease");
  assert_invalid(connector_refreshed(other, lease, 0, NULL, &failure), "lease");
  assert_invalid(connector_lease_release(other, lease, &failure), "lease");
  assert_status(
      connector_lease_take(test.store, id, CONNECTOR_PURPOSE_REFRESH, 1, &lease, &failure),
      CONNECTOR_LEASED);
  connector_close(other);
}

static void a_caller_needs_to_see_the_connector(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_lease *none = NULL;
  make_id(PATCH(personal("user-ann"), .auth_type = "oauth2"), id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  for (int i = 0; i < 2; i++) {
    become(i == 0 ? "tenant-b" : "tenant-a", "user-bob",
           i == 0 ? CONNECTOR_ROLE_TENANT : CONNECTOR_ROLE_MEMBER);
    assert_not_found(connector_lease_take(test.store, id, "refresh", 1000, &none, &failure));
    assert_not_found(connector_lease_renew(test.store, lease, 1000, &failure));
    assert_not_found(connector_refreshed(test.store, lease, 0, NULL, &failure));
  }
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_leased(id, CONNECTOR_PURPOSE_REFRESH, connector_lease_fence(lease));
  release(lease);
}

static void a_deleted_connector_has_no_leases(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_lease *none = NULL;
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_not_found(connector_lease_take(test.store, id, "refresh", 1000, &none, &failure));
  assert_not_found(connector_lease_renew(test.store, lease, 1000, &failure));
  (void)!connector_lease_release(test.store, lease, NULL);
}

static void a_deleted_connectors_lease_is_not_found_when_released(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_not_found(connector_lease_release(test.store, lease, &failure));
}

static void a_purged_connectors_lease_is_lost(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_not_found(connector_lease_renew(test.store, lease, 1000, &failure));
  connector_status status = connector_lease_release(test.store, lease, NULL);
  assert_true(status == CONNECTOR_NOT_FOUND || status == CONNECTOR_STALE);
}

/* ---- clocks ---- */

static void a_clock_set_back_a_little_frees_no_lease(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lease = take(id, "refresh", MINUTE);
  test_time -= MINUTE / 2;
  assert_leased(id, "refresh", connector_lease_fence(lease));
  release(lease);
}

/* Taken while the clock was wrong, it must not be held for years once that is mended. */
static void a_clock_wrong_by_years_holds_no_lease_for_ever(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t right = test_time;
  make_id(PATCH(0), id);
  test_time = right + 5 * YEAR;
  connector_lease *lost = take(id, "refresh", MINUTE);
  test_time = right + CONNECTOR_LEASE_TTL_MAX + 1;
  connector_lease *lease = take(id, "refresh", MINUTE);
  assert_true(connector_lease_fence(lease) > connector_lease_fence(lost));
  assert_status(connector_lease_renew(test.store, lost, 1000, &failure), CONNECTOR_STALE);
  assert_status(connector_lease_release(test.store, lost, &failure), CONNECTOR_STALE);
  release(lease);
}

#define both(name) store_test(name), memory_test(name)

static void each_purpose_tells_the_fence_of_its_own_holder(void **state)
{
  static const char *const purposes[] = { CONNECTOR_PURPOSE_REFRESH, CONNECTOR_PURPOSE_ROTATION,
                                          CONNECTOR_PURPOSE_SYNC, "another" };
  connector_lease *leases[COUNT_OF(purposes)];
  connector_lease *second = NULL;
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(0), id);
  for (size_t i = 0; i < COUNT_OF(purposes); i++)
    leases[i] = take(id, purposes[i], MINUTE);
  for (size_t i = 0; i < COUNT_OF(purposes); i++) {
    assert_status(connector_lease_take(test.store, id, purposes[i], 1000, &second, &failure),
                  CONNECTOR_LEASED);
    assert_true(failure.version == connector_lease_fence(leases[i]));
  }
  for (size_t i = 0; i < COUNT_OF(purposes); i++)
    release(leases[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(each_purpose_tells_the_fence_of_its_own_holder),
    clock_test(a_lease_says_what_it_is),
    folder_test(no_lease_says_nothing),
    both(nobody_else_gets_it_nor_the_same_caller),
    both(purposes_and_connectors_are_apart),
    clock_test(fences_only_grow),
    clock_test(a_fence_is_higher_than_any_before_it),
    store_test(fences_grow_over_a_restart),
    clock_test(an_expired_lease_is_anybodys),
    clock_test(renewing_makes_it_last),
    clock_test(renewing_may_shorten_it),
    clock_test(an_expired_lease_is_not_renewed),
    both(a_released_lease_is_free),
    both(releasing_nothing_is_fine),
    clock_test(releasing_after_an_outcome_is_fine),
    clock_test(releasing_after_an_outcome_is_fine_when_another_has_it_by_then),
    clock_test(a_claims_lease_is_handed_back_and_freed_with_it),
    clock_test(no_lease_is_taken_or_renewed_inside_a_batch),
    store_test(another_store_of_the_file_may_renew_and_release),
    store_test(a_lease_of_another_file_is_invalid),
    clock_test(a_caller_needs_to_see_the_connector),
    clock_test(a_deleted_connector_has_no_leases),
    clock_test(a_deleted_connectors_lease_is_not_found_when_released),
    clock_test(a_purged_connectors_lease_is_lost),
    clock_test(a_clock_set_back_a_little_frees_no_lease),
    clock_test(a_clock_wrong_by_years_holds_no_lease_for_ever),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
