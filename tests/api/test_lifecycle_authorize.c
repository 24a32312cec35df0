/*
 * What authorize is asked for history, health, leases and claims, and what a refusal does.
 */
#include "lifecycle.h"

/* What authorize was asked and what it answers. */
static struct {
  connector_action action;
  char name[64]; /* of the record that it was shown; "-" for none */
  size_t asked;
  connector_action refuse;
} seen;

static connector_status authorize(void *user, const connector_caller *caller,
                                  connector_action action, const connector *record,
                                  connector_error *error)
{
  (void)user;
  (void)caller;
  seen.action = action;
  snprintf(seen.name, sizeof(seen.name), "%s", record == NULL ? "-" : record->name);
  seen.asked++;
  if (action != seen.refuse)
    return CONNECTOR_OK;
  snprintf(error->message, sizeof(error->message), "the host says no");
  return CONNECTOR_DENIED;
}

static int setup_authorize(void **state)
{
  connector_options options = test_options();
  options.authorize = authorize;
  options.clock = test_clock;
  memset(&seen, 0, sizeof(seen));
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define authorize_test(name) cmocka_unit_test_setup_teardown(name, setup_authorize, teardown)

/* What call 9 takes and 10 renews. */
static connector_lease *held;

static connector_status call(int which, const char *id)
{
  connector_changes *changes = NULL;
  connector_claims *claims = NULL;
  connector *record = NULL;
  connector_status status = CONNECTOR_OK;
  int64_t number = 0;
  switch (which) {
  case 0:
    status = connector_history(test.store, id, 0, 0, &changes, &failure);
    break;
  case 1:
    status = connector_get_as_of(test.store, id, 1, &record, &failure);
    break;
  case 2:
    status = connector_changes_after(test.store, 0, 0, &changes, &failure);
    break;
  case 3:
    return connector_changes_wait(test.store, 0, 0, &number, &failure);
  case 4:
    return connector_history_trim(test.store, 1, NULL, &failure);
  case 5:
    return connector_history_verify(test.store, &number, &failure);
  case 6:
    return connector_sync_started(test.store, id, &failure);
  case 7:
    return connector_sync_succeeded(test.store, id, NULL, NULL, &failure);
  case 8:
    return connector_sync_failed(test.store, id, CONNECTOR_FAILURE_CONFIG, NULL, 0, NULL, &failure);
  case 9:
    return connector_lease_take(test.store, id, "probe", 1000, &held, &failure);
  case 10:
    return connector_lease_renew(test.store, held, 1000, &failure);
  default:
    status = connector_claim(test.store, CONNECTOR_DUE_ROTATION, NULL, &claims, &failure);
    break;
  }
  connector_changes_free(changes);
  connector_claims_free(claims);
  connector_free(record);
  return status;
}

static const struct {
  connector_action action;
  const char *name;
} wanted[] = {
  { CONNECTOR_ACTION_HISTORY, "first" }, { CONNECTOR_ACTION_HISTORY, "first" },
  { CONNECTOR_ACTION_HISTORY, "-" },     { CONNECTOR_ACTION_HISTORY, "-" },
  { CONNECTOR_ACTION_HISTORY, "-" },     { CONNECTOR_ACTION_HISTORY, "-" },
  { CONNECTOR_ACTION_REPORT, "first" },  { CONNECTOR_ACTION_REPORT, "first" },
  { CONNECTOR_ACTION_REPORT, "first" },  { CONNECTOR_ACTION_LEASE, "first" },
  { CONNECTOR_ACTION_LEASE, "first" },   { CONNECTOR_ACTION_LEASE, "-" },
};

static void authorize_is_asked_once_for_each_call(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "first"), id);
  for (size_t i = 0; i < COUNT_OF(wanted); i++) {
    seen.asked = 0;
    assert_ok(call((int)i, id));
    if (seen.asked != 1 || seen.action != wanted[i].action ||
        strcmp(seen.name, wanted[i].name) != 0)
      fail_msg("call %zu: asked %zu times, last for action %d and record %s", i, seen.asked,
               (int)seen.action, seen.name);
  }
  release(held);
  held = NULL;
}

static void what_authorize_refuses_does_not_happen(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "first", .next_rotation_due = 5), id);
  connector *before = fetch(id);
  for (size_t i = 0; i < COUNT_OF(wanted); i++) {
    seen.refuse = (connector_action)0;
    if (i == 10)
      held = take(id, "probe", 1000);
    seen.refuse = wanted[i].action;
    assert_status(call((int)i, id), CONNECTOR_DENIED);
    assert_text(failure.message, "the host says no");
  }
  seen.refuse = (connector_action)0;
  release(held);
  held = NULL;
  connector *after = fetch(id);
  assert_true(connector_equal(before, after));
  assert_int_equal(changes_behind(0), 1);
  assert_int_equal(claim_count(CONNECTOR_DUE_ROTATION), 1);
  connector_free(before);
  connector_free(after);
}

static void authorize_is_asked_for_outcomes_once(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "first"), id);
  for (int which = 0; which < 3; which++) {
    connector_lease *lease = take(
        id, which < 2 ? CONNECTOR_PURPOSE_REFRESH : CONNECTOR_PURPOSE_ROTATION, MINUTE);
    seen.asked = 0;
    if (which == 0)
      assert_ok(connector_refreshed(test.store, lease, 0, NULL, &failure));
    else if (which == 1)
      assert_ok(
          connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_AUTH, NULL, &failure));
    else
      assert_ok(connector_rotated(test.store, lease, 0, NULL, &failure));
    assert_int_equal(seen.asked, 1);
    assert_true(seen.action == CONNECTOR_ACTION_REPORT || seen.action == CONNECTOR_ACTION_LEASE);
    assert_text(seen.name, "first");
    release(lease);
  }
}

static void authorize_is_asked_for_ending_a_lease(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "first"), id);
  connector_lease *lease = take(id, "probe", MINUTE);
  seen.asked = 0;
  release(lease);
  assert_int_equal(seen.asked, 1);
  assert_int_equal(seen.action, CONNECTOR_ACTION_LEASE);
  assert_text(seen.name, "first");
}

static void history_of_a_purged_connector_shows_no_record(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "first"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  seen.asked = 0;
  assert_ok(call(0, id));
  assert_int_equal(seen.asked, 1);
  assert_int_equal(seen.action, CONNECTOR_ACTION_HISTORY);
  assert_text(seen.name, "-");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    authorize_test(authorize_is_asked_once_for_each_call),
    authorize_test(what_authorize_refuses_does_not_happen),
    authorize_test(authorize_is_asked_for_outcomes_once),
    authorize_test(authorize_is_asked_for_ending_a_lease),
    authorize_test(history_of_a_purged_connector_shows_no_record),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
