/*
 * One id in two tenants, and one id that was purged and imported again: neither is taken for the
 * other in history, health, leases and claims.
 */
#include "lifecycle.h"
#include "stream.h"

/* Imports one record under an id, as the caller. */
static void import_record(const char *id, int64_t version, const char *name)
{
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  char line[600];
  options.keep_enabled = true;
  snprintf(line, sizeof(line),
           "{\"id\":\"%s\",\"created_at\":\"2023-01-01T00:00:00Z\",\"updated_at\":"
           "\"2023-01-02T00:00:00Z\",\"schema_version\":1,\"version\":%lld,\"name\":\"%s\","
           "\"next_rotation_due\":\"2023-01-03T00:00:00Z\"}\n",
           id, (long long)version, name);
  struct source source = source_of(line);
  assert_ok(connector_import(test.store, source_read, &source, &options, &result, &failure));
  assert_int_equal(result.kept, 1);
}

static void become_of(int tenant)
{
  become(tenant == 0 ? "tenant-a" : "tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
}

/* The same id in tenant-a and tenant-b. */
static void make_twins(char id[ID_SIZE])
{
  become_of(0);
  make_id(PATCH(.name = "a's", .next_rotation_due = 5), id);
  become_of(1);
  import_record(id, 1, "b's");
}

static void each_tenant_has_its_own_history(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_twins(id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b's two"), NULL, &failure));
  for (int tenant = 0; tenant < 2; tenant++) {
    connector *record = NULL;
    become_of(tenant);
    connector_changes *changes = history_of(id);
    assert_int_equal(connector_changes_count(changes), 1 + tenant);
    connector_changes_free(changes);
    assert_ok(connector_get_as_of(test.store, id, 1, &record, &failure));
    assert_text(record->name, tenant == 0 ? "a's" : "b's");
    connector_free(record);
    assert_int_equal(first_bad(), 0);
  }
}

static void each_tenant_has_its_own_health(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_twins(id);
  become_of(0);
  connector_free(succeed(id, 5, 10));
  become_of(1);
  assert_int_equal(health_of(id).synced, 0);
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
  become_of(0);
  connector *record = fetch(id);
  assert_int_equal(record->consecutive_errors, 0);
  assert_int_equal(health_of(id).failures, 0);
  connector_free(record);
}

static void each_tenant_has_its_own_leases(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_lease *leases[2];
  make_twins(id);
  for (int tenant = 0; tenant < 2; tenant++) {
    become_of(tenant);
    leases[tenant] = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  }
  assert_not_found(connector_lease_renew(test.store, leases[0], 1000, &failure));
  assert_not_found(connector_refreshed(test.store, leases[0], 0, NULL, &failure));
  assert_ok(connector_refreshed(test.store, leases[1], test_time + DAY, NULL, &failure));
  become_of(0);
  connector *record = fetch(id);
  assert_int_equal(record->oauth_token_expires_at, 0);
  connector_free(record);
  for (int tenant = 0; tenant < 2; tenant++) {
    become_of(tenant);
    release(leases[tenant]);
  }
}

static void a_system_caller_claims_both(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_twins(id);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, NULL);
  assert_int_equal(connector_claims_count(claims), 2);
  for (size_t i = 0; i < 2; i++) {
    const connector_claim_item *item = connector_claims_at(claims, i);
    connector *record = NULL;
    assert_ok(connector_rotated(test.store, item->lease, test_time + DAY, &record, &failure));
    assert_text(record->tenant_id, item->record->tenant_id);
    connector_free(record);
  }
  connector_claims_free(claims);
  assert_int_equal(claim_count(CONNECTOR_DUE_ROTATION), 0);
}

static void a_system_caller_must_say_which(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  connector_changes *changes = NULL;
  connector_health health = CONNECTOR_HEALTH_INIT;
  connector_lease *lease = NULL;
  make_twins(id);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_status(connector_get(test.store, id, 0, &record, &failure), CONNECTOR_INVALID);
  connector_error face = failure;
  assert_invalid(connector_history(test.store, id, 0, 0, &changes, &failure), face.field);
  assert_invalid(connector_get_as_of(test.store, id, 1, &record, &failure), face.field);
  assert_invalid(connector_sync_started(test.store, id, &failure), face.field);
  assert_invalid(connector_health_get(test.store, id, &health, &failure), face.field);
  assert_invalid(connector_lease_take(test.store, id, "sync", 1000, &lease, &failure), face.field);
}

/* Of the first life: version 1, 2 (deleted), then purged. The second starts at some version. */
static void a_second_life_is_not_mixed_with_the_first(void **state)
{
  (void)state;
  for (int64_t start = 1; start <= 5; start++) {
    char id[ID_SIZE];
    become_of(0);
    make_id(PATCH(.name = "first life"), id);
    assert_ok(connector_delete(test.store, id, 0, &failure));
    assert_ok(connector_purge(test.store, id, &failure));
    import_record(id, start, "second life");
    connector *imported = fetch(id);
    assert_ok(connector_update(test.store, id, 0, PATCH(.name = "later"), NULL, &failure));
    for (int64_t version = 1; version <= start; version++) {
      connector *record = NULL;
      connector_status status = connector_get_as_of(test.store, id, version, &record, &failure);
      if (version == start) {
        assert_int_equal(status, CONNECTOR_OK);
        assert_true(connector_equal(record, imported));
      } else if (status != CONNECTOR_NOT_FOUND) {
        fail_msg("a second life from version %d has a version %d named %s", (int)start,
                 (int)version, record != NULL ? record->name : "-");
      }
      connector_free(record);
    }
    connector_free(imported);
  }
}

static void a_second_life_starts_without_the_health_of_the_first(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "first life"), id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_ROTATION, DAY);
  connector_free(succeed(id, 5, 10));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "x"));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  import_record(id, 1, "second life");
  connector_health health = health_of(id);
  assert_int_equal(health.synced + health.syncs + health.failures, 0);
  assert_int_equal(health.retry_at + health.first_error_at, 0);
  assert_int_equal(claim_count(CONNECTOR_DUE_ROTATION), 1);
  assert_status(connector_rotated(test.store, lease, 0, NULL, &failure), CONNECTOR_STALE);
  (void)!connector_lease_release(test.store, lease, NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(each_tenant_has_its_own_history),
    clock_test(each_tenant_has_its_own_health),
    clock_test(each_tenant_has_its_own_leases),
    clock_test(a_system_caller_claims_both),
    clock_test(a_system_caller_must_say_which),
    clock_test(a_second_life_is_not_mixed_with_the_first),
    clock_test(a_second_life_starts_without_the_health_of_the_first),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
