/*
 * store/find: which record a write is for, in the caller's reach, and the one order in which its
 * reasons to fail are told.
 */
#include "store_support.h"

#include "store/find.h"

enum { LIVE, DEAD, NEWER, STATES };

static const char *const ids[STATES] = { "cnn_live", "cnn_dead", "cnn_newer" };

static int setup_states(void **state)
{
  struct work work;
  struct call call;
  if (setup_memory(state) != 0)
    return -1;
  begin(&call);
  engine_ok(work_begin_write(&work, &call, false));
  for (size_t i = 0; i < STATES; i++) {
    connector record = sample("tenant-a", ids[i]);
    record.version = 3;
    record.deleted_at = i == DEAD ? 5 : 0;
    record.schema_version = i == NEWER ? 2 : 1;
    engine_ok(rows_insert(work.connection, &record, &failure));
  }
  engine_ok(work_end_write(&work, CONNECTOR_OK));
  end(&call);
  return 0;
}

static connector_status aim_at(const char *id, int64_t version, bool deleted, bool explain)
{
  struct call call;
  struct aim aim = { 0 };
  struct work work;
  connector_status status = CONNECTOR_OK;
  memset(&failure, 0, sizeof(failure));
  begin(&call);
  status = aim_init(&aim, &call, id, version, deleted);
  if (status == CONNECTOR_OK) {
    engine_ok(work_begin_read(&work, &call));
    status = explain ? aim_explain(&aim, &work) : aim_find(&aim, &work);
    work_end_read(&work);
  }
  assert_int_equal(aim.found != NULL, status == CONNECTOR_OK);
  aim_free(&aim);
  free(call.groups);
  store_release(test.store);
  return status;
}

static void reasons_are_told_in_one_order(void **state)
{
  const struct {
    const char *id;
    int64_t version;
    bool deleted; /* the write is for deleted records */
    connector_status status;
    int64_t current;
  } cases[] = {
    { "cnn_live", 0, false, CONNECTOR_OK, 0 },
    { "cnn_live", 3, false, CONNECTOR_OK, 0 },
    { "cnn_live", 2, false, CONNECTOR_CONFLICT, 3 },
    { "cnn_live", 4, false, CONNECTOR_CONFLICT, 3 },
    { "cnn_live", 3, true, CONNECTOR_CONFLICT, 3 },
    { "cnn_dead", 3, false, CONNECTOR_NOT_FOUND, 0 },
    { "cnn_dead", 2, false, CONNECTOR_NOT_FOUND, 0 },
    { "cnn_dead", 3, true, CONNECTOR_OK, 0 },
    { "cnn_dead", 2, true, CONNECTOR_CONFLICT, 3 },
    { "cnn_newer", 3, false, CONNECTOR_SCHEMA, 0 },
    { "cnn_newer", 2, false, CONNECTOR_SCHEMA, 0 },
    { "cnn_none", 3, false, CONNECTOR_NOT_FOUND, 0 },
    { "", 0, false, CONNECTOR_NOT_FOUND, 0 },
    { NULL, 0, false, CONNECTOR_INVALID, 0 },
    { "cnn_live", -1, false, CONNECTOR_INVALID, 0 },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    connector_status got = aim_at(cases[i].id, cases[i].version, cases[i].deleted, false);
    if (got != cases[i].status)
      fail_msg("case %zu: %s", i, connector_status_name(got));
    assert_int_equal(failure.version, cases[i].current);
  }
}

static void a_write_that_hit_nothing_gets_the_same_reason(void **state)
{
  (void)state;
  assert_int_equal(aim_at("cnn_none", 0, false, true), CONNECTOR_NOT_FOUND);
  assert_int_equal(aim_at("cnn_live", 2, false, true), CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 3);
  assert_int_equal(aim_at("cnn_newer", 0, false, true), CONNECTOR_SCHEMA);
  assert_int_equal(aim_at("cnn_live", 3, false, true), CONNECTOR_INTERNAL);
}

static void what_is_out_of_reach_is_not_found_before_all_else(void **state)
{
  connector_error first;
  (void)state;
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_int_equal(aim_at("cnn_none", 1, false, false), CONNECTOR_NOT_FOUND);
  first = failure;
  for (size_t i = 0; i < STATES; i++)
    for (int64_t version = 0; version < 5; version++) {
      assert_int_equal(aim_at(ids[i], version, version % 2 == 0, false), CONNECTOR_NOT_FOUND);
      assert_memory_equal(&failure, &first, sizeof(failure));
    }
}

static void a_scope_over_tenants_narrows_to_the_records_own(void **state)
{
  struct call call;
  struct aim aim = { 0 };
  struct work work;
  (void)state;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  begin(&call);
  engine_ok(aim_init(&aim, &call, "cnn_live", 0, false));
  assert_int_equal(aim.scope.kind, SCOPE_SYSTEM);
  engine_ok(work_begin_read(&work, &call));
  engine_ok(aim_narrow(&aim, &work));
  work_end_read(&work);
  assert_int_equal(aim.scope.kind, SCOPE_TENANT);
  assert_text(aim.scope.tenant, "tenant-a");
  aim_free(&aim);
  end(&call);
}

static void a_scope_of_one_tenant_reads_nothing_to_narrow(void **state)
{
  struct call call;
  struct aim aim = { 0 };
  struct work work;
  (void)state;
  begin(&call);
  engine_ok(aim_init(&aim, &call, "cnn_none", 0, false));
  engine_ok(work_begin_read(&work, &call));
  engine_ok(aim_narrow(&aim, &work));
  work_end_read(&work);
  assert_null(aim.found);
  aim_free(&aim);
  end(&call);
}

static int asked;

static connector_status allow(void *user, const connector_caller *caller, connector_action action,
                              const connector *record, connector_error *error)
{
  (void)user;
  (void)error;
  asked++;
  assert_text(caller->tenant_id, "tenant-a");
  assert_int_equal(action, CONNECTOR_ACTION_UPDATE);
  assert_text(record->id, "cnn_live");
  return CONNECTOR_OK;
}

static void the_hosts_rules_see_the_record_and_pin_its_version(void **state)
{
  struct call call;
  struct aim aim = { 0 };
  (void)state;
  asked = 0;
  test.store->authorize = allow;
  begin(&call);
  engine_ok(aim_init(&aim, &call, "cnn_live", 0, false));
  engine_ok(aim_authorize(&aim, &call, CONNECTOR_ACTION_UPDATE));
  assert_int_equal(asked, 1);
  assert_int_equal(aim.expected_version, 3);
  aim_free(&aim);
  end(&call);
}

#define find_test(name) cmocka_unit_test_setup_teardown(name, setup_states, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    find_test(reasons_are_told_in_one_order),
    find_test(a_write_that_hit_nothing_gets_the_same_reason),
    find_test(what_is_out_of_reach_is_not_found_before_all_else),
    find_test(a_scope_over_tenants_narrows_to_the_records_own),
    find_test(a_scope_of_one_tenant_reads_nothing_to_narrow),
    find_test(the_hosts_rules_see_the_record_and_pin_its_version),
  };
  return cmocka_run_group_tests_name("find", tests, NULL, NULL);
}
