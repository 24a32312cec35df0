/*
 * Leases and a batch that is undone: the outcome told in it is, and the lease is what it was.
 */
#include "lifecycle.h"

static connector_status tell_and_undo(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_refreshed(store, user, test_time + DAY, NULL, error);
  return status != CONNECTOR_OK ? status : CONNECTOR_CANCELLED;
}

static void an_outcome_that_is_undone_leaves_the_lease_as_it_was(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  connector_lease *none = NULL;
  make_id(PATCH(.oauth_refresh_needed = CONNECTOR_YES), id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_int_equal(connector_batch(test.store, tell_and_undo, lease, NULL), CONNECTOR_CANCELLED);
  assert_status(
      connector_lease_take(test.store, id, CONNECTOR_PURPOSE_REFRESH, 1000, &none, &failure),
      CONNECTOR_LEASED);
  assert_true(failure.version == connector_lease_fence(lease));
  assert_ok(connector_lease_renew(test.store, lease, (uint32_t)MINUTE, &failure));
  assert_ok(connector_refreshed(test.store, lease, test_time + HOUR, &record, &failure));
  assert_true(record->oauth_token_expires_at == test_time + HOUR);
  connector_free(record);
  release(lease);
}

static void a_lease_lost_after_an_outcome_that_was_undone_is_stale(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_lease *lost = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_int_equal(connector_batch(test.store, tell_and_undo, lost, NULL), CONNECTOR_CANCELLED);
  test_time += MINUTE + 1;
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_status(connector_lease_release(test.store, lost, &failure), CONNECTOR_STALE);
  release(lease);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(an_outcome_that_is_undone_leaves_the_lease_as_it_was),
    clock_test(a_lease_lost_after_an_outcome_that_was_undone_is_stale),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
