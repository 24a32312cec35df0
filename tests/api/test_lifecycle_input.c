/*
 * Bad input to reports, leases and the feed: a clear answer, the field, and nothing changed.
 */
#include "lifecycle.h"

/* ---- connectors that can't be told of ---- */

enum { HIDDEN = 6 };

/* Connectors that a MEMBER user-ann of app-1 can't see or change, each for its own reason. */
static void hide(char hidden[HIDDEN][ID_SIZE])
{
  current.app_id = "app-1";
  make_id(PATCH(.name = "deleted"), hidden[0]);
  assert_ok(connector_delete(test.store, hidden[0], 0, &failure));
  make_id(PATCH(personal("user-bob")), hidden[1]);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-9"), hidden[2]);
  current.app_id = "app-2";
  make_id(PATCH(0), hidden[3]);
  current.app_id = NULL;
  make_id(PATCH(0), hidden[4]);
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  make_id(PATCH(0), hidden[5]);
}

enum { CALLS = 6 };

static connector_status call(int which, const char *id)
{
  connector *record = NULL;
  connector_health health = CONNECTOR_HEALTH_INIT;
  connector_lease *lease = NULL;
  switch (which) {
  case 0:
    return connector_get(test.store, id, 0, &record, &failure);
  case 1:
    return connector_sync_started(test.store, id, &failure);
  case 2:
    return connector_sync_succeeded(test.store, id, NULL, &record, &failure);
  case 3:
    return connector_sync_failed(test.store, id, CONNECTOR_FAILURE_AUTH, "x", 0, &record, &failure);
  case 4:
    return connector_health_get(test.store, id, &health, &failure);
  default:
    return connector_lease_take(test.store, id, "refresh", 1000, &lease, &failure);
  }
}

static void what_cant_be_seen_has_the_one_face_of_not_found(void **state)
{
  (void)state;
  static char long_id[5000];
  char hidden[HIDDEN][ID_SIZE];
  memset(long_id, 'A', sizeof(long_id) - 1);
  const char *const absent[] = { "",           "x",    "cnn_",  "\xff\xfe",
                                 "cnn_01\n02", "%s%n", long_id, "cnn_00000000000000000000000000" };
  hide(hidden);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  int64_t newest = newest_seq();
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.app_id = "app-1";
  assert_not_found(call(0, "cnn_none"));
  connector_error face = failure;
  for (int which = 0; which < CALLS; which++) {
    for (size_t i = 0; i < COUNT_OF(absent) + HIDDEN; i++) {
      assert_not_found(call(which, i < HIDDEN ? hidden[i] : absent[i - HIDDEN]));
      assert_memory_equal(&failure.status, &face.status, sizeof(face.status));
      assert_memory_equal(failure.field, face.field, sizeof(face.field));
      assert_memory_equal(failure.message, face.message, sizeof(face.message));
    }
  }
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_true(newest_seq() == newest);
}

static void an_id_of_null_is_named(void **state)
{
  (void)state;
  for (int which = 0; which < CALLS; which++)
    assert_invalid(call(which, NULL), "id");
}

/* ---- reports ---- */

static void numbers_below_zero_are_named(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  static const struct {
    int64_t synced, latency_ms;
    const char *field;
  } rows[] = { { -1, 0, "synced" },
               { INT64_MIN, 0, "synced" },
               { 0, -1, "latency_ms" },
               { 5, INT64_MIN, "latency_ms" } };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
    report.synced = rows[i].synced;
    report.latency_ms = rows[i].latency_ms;
    assert_invalid(connector_sync_succeeded(test.store, id, &report, NULL, &failure),
                   rows[i].field);
  }
  assert_invalid(
      connector_sync_failed(test.store, id, CONNECTOR_FAILURE_AUTH, "x", -1, NULL, &failure),
      "retry_after_ms");
  assert_int_equal(changes_behind(0), 1);
  assert_int_equal(health_of(id).syncs + health_of(id).failures, 0);
}

static void kinds_that_are_none_are_named(void **state)
{
  (void)state;
  static const int kinds[] = { 0, 5, -1, 1000000 };
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (size_t i = 0; i < COUNT_OF(kinds); i++)
    assert_invalid(
        connector_sync_failed(test.store, id, (connector_failure)kinds[i], "x", 0, NULL, &failure),
        "kind");
  assert_int_equal(changes_behind(0), 1);
}

static void structs_without_a_size_are_named(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_sync_report report = { .size = 0 };
  connector_health health = { .size = 0 };
  connector_claim_options options = { .size = 0 };
  connector_claims *claims = NULL;
  make_id(PATCH(0), id);
  assert_invalid(connector_sync_succeeded(test.store, id, &report, NULL, &failure), "size");
  assert_invalid(connector_health_get(test.store, id, &health, &failure), "size");
  assert_invalid(connector_health_get(test.store, id, NULL, &failure), "health");
  assert_invalid(connector_claim(test.store, CONNECTOR_DUE_SYNC, &options, &claims, &failure),
                 "size");
  assert_int_equal(changes_behind(0), 1);
}

static void health_of_an_older_host_is_written_in_part(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  make_id(PATCH(0), id);
  report.size = offsetof(connector_sync_report, latency_ms);
  report.synced = 4;
  report.latency_ms = -1; /* a host of that size has no such member */
  assert_ok(connector_sync_succeeded(test.store, id, &report, NULL, &failure));
  assert_int_equal(health_of(id).synced, 4);
  assert_int_equal(health_of(id).latency_ms, 0);
}

static void reports_need_a_store_that_is_written(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = test_options();
  connector_claims *claims = NULL;
  connector_lease *lease = NULL;
  make_id(PATCH(0), id);
  options.read_only = true;
  open_store(&options);
  assert_status(connector_sync_started(test.store, id, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_sync_succeeded(test.store, id, NULL, NULL, &failure),
                CONNECTOR_READ_ONLY);
  assert_status(
      connector_sync_failed(test.store, id, CONNECTOR_FAILURE_AUTH, "x", 0, NULL, &failure),
      CONNECTOR_READ_ONLY);
  assert_status(connector_lease_take(test.store, id, "sync", 1000, &lease, &failure),
                CONNECTOR_READ_ONLY);
  assert_status(connector_claim(test.store, CONNECTOR_DUE_SYNC, NULL, &claims, &failure),
                CONNECTOR_READ_ONLY);
  assert_status(connector_history_trim(test.store, INT64_MAX, NULL, &failure), CONNECTOR_READ_ONLY);
  assert_int_equal(changes_behind(0), 1);
  assert_int_equal(first_bad(), 0);
  assert_int_equal(health_of(id).syncs, 0);
}

/* ---- leases ---- */

static void a_time_to_live_out_of_range_is_named(void **state)
{
  (void)state;
  static const uint32_t bad[] = { 0, CONNECTOR_LEASE_TTL_MAX + 1, UINT32_MAX };
  char id[ID_SIZE];
  connector_lease *lease = NULL;
  make_id(PATCH(0), id);
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    assert_invalid(connector_lease_take(test.store, id, "sync", bad[i], &lease, &failure),
                   "ttl_ms");
  lease = take(id, "sync", CONNECTOR_LEASE_TTL_MAX);
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    assert_invalid(connector_lease_renew(test.store, lease, bad[i], &failure), "ttl_ms");
  assert_ok(connector_lease_renew(test.store, lease, 1, &failure));
  assert_ok(connector_lease_renew(test.store, lease, CONNECTOR_LEASE_TTL_MAX, &failure));
  release(lease);
}

static void a_purpose_that_is_no_short_text_is_named(void **state)
{
  (void)state;
  static char longest[65 + 1];
  memset(longest, 'p', 65);
  const char *const bad[] = { NULL, "", longest, "a\nb", "a\tb", "\x01", "a\x7f", "\xff", "\xc3" };
  char id[ID_SIZE];
  connector_lease *lease = NULL;
  make_id(PATCH(0), id);
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    assert_invalid(connector_lease_take(test.store, id, bad[i], 1000, &lease, &failure), "purpose");
  assert_null(lease);
  release(take(id, longest + 1, 1000));
  release(take(id, "v\xc3\xa9' OR 1 \xf0\x9f\x98\x80", 1000));
  release(take(id, " ", 1000));
}

static void no_lease_and_no_place_for_one_are_named(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_invalid(connector_lease_take(test.store, id, "sync", 1000, NULL, &failure), "out");
  assert_invalid(connector_lease_renew(test.store, NULL, 1000, &failure), "lease");
  release(take(id, "sync", 1000));
}

/* ---- everything ---- */

static void without_a_store_every_call_is_invalid(void **state)
{
  (void)state;
  connector *record = NULL;
  connector_changes *changes = NULL;
  connector_claims *claims = NULL;
  connector_lease *lease = NULL;
  connector_health health = CONNECTOR_HEALTH_INIT;
  int64_t number = 0;
  assert_invalid(connector_history(NULL, "x", 0, 0, &changes, &failure), "store");
  assert_invalid(connector_changes_after(NULL, 0, 0, &changes, &failure), "store");
  assert_invalid(connector_changes_wait(NULL, 0, 0, &number, &failure), "store");
  assert_invalid(connector_get_as_of(NULL, "x", 1, &record, &failure), "store");
  assert_invalid(connector_history_trim(NULL, 1, &number, &failure), "store");
  assert_invalid(connector_history_verify(NULL, &number, &failure), "store");
  assert_invalid(connector_sync_started(NULL, "x", &failure), "store");
  assert_invalid(connector_sync_succeeded(NULL, "x", NULL, NULL, &failure), "store");
  assert_invalid(connector_sync_failed(NULL, "x", CONNECTOR_FAILURE_AUTH, "x", 0, NULL, &failure),
                 "store");
  assert_invalid(connector_health_get(NULL, "x", &health, &failure), "store");
  assert_invalid(connector_lease_take(NULL, "x", "sync", 1, &lease, &failure), "store");
  assert_invalid(connector_claim(NULL, CONNECTOR_DUE_SYNC, NULL, &claims, &failure), "store");
}

static void a_caller_without_a_tenant_is_unauthenticated(void **state)
{
  (void)state;
  connector_changes *changes = NULL;
  connector_claims *claims = NULL;
  connector_lease *lease = NULL;
  int64_t number = 0;
  become(NULL, "user-ann", CONNECTOR_ROLE_TENANT);
  for (int which = 0; which < CALLS; which++)
    assert_status(call(which, "x"), CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_history(test.store, "x", 0, 0, &changes, &failure),
                CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_changes_after(test.store, 0, 0, &changes, &failure),
                CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_changes_wait(test.store, 0, 0, &number, &failure),
                CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_history_verify(test.store, &number, &failure), CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_lease_take(test.store, "x", "sync", 1, &lease, &failure),
                CONNECTOR_UNAUTHENTICATED);
  assert_status(connector_claim(test.store, CONNECTOR_DUE_SYNC, NULL, &claims, &failure),
                CONNECTOR_UNAUTHENTICATED);
}

static connector_status report_and_close(connector_store *store, void *user, connector_error *error)
{
  connector_status *answers = user;
  connector_claims *claims = NULL;
  int64_t number = 0;
  connector_close(store);
  answers[0] = connector_sync_started(store, "x", error);
  answers[1] = connector_changes_wait(store, 0, 1000, &number, error);
  answers[2] = connector_claim(store, CONNECTOR_DUE_SYNC, NULL, &claims, error);
  answers[3] = connector_history_verify(store, &number, error);
  return CONNECTOR_OK;
}

static void a_store_that_is_being_closed_is_misuse(void **state)
{
  (void)state;
  connector_status answers[4] = { CONNECTOR_OK };
  assert_int_equal(connector_batch(test.store, report_and_close, answers, NULL), CONNECTOR_OK);
  test.store = NULL;
  for (size_t i = 0; i < COUNT_OF(answers); i++)
    assert_int_equal(answers[i], CONNECTOR_MISUSE);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(what_cant_be_seen_has_the_one_face_of_not_found),
    memory_test(an_id_of_null_is_named),
    memory_test(numbers_below_zero_are_named),
    memory_test(kinds_that_are_none_are_named),
    memory_test(structs_without_a_size_are_named),
    memory_test(health_of_an_older_host_is_written_in_part),
    store_test(reports_need_a_store_that_is_written),
    clock_test(a_time_to_live_out_of_range_is_named),
    clock_test(a_purpose_that_is_no_short_text_is_named),
    clock_test(no_lease_and_no_place_for_one_are_named),
    folder_test(without_a_store_every_call_is_invalid),
    memory_test(a_caller_without_a_tenant_is_unauthenticated),
    store_test(a_store_that_is_being_closed_is_misuse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
