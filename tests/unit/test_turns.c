/*
 * store/turns: tenants with due work come in their turn, whatever the backlog of others, and the
 * first turn is anybody's.
 */
#include "store_support.h"

#include "store/turns.h"

enum { TENANTS = 50, BACKLOG = 4 };

static struct call call;
static struct work work;

/* Work of every tenant that is due now, and a call of the system's on it. */
static int setup_tenants(void **state)
{
  if (setup_clock(state) != 0)
    return -1;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  begin(&call);
  engine_ok(work_begin_write(&work, &call, false));
  for (int i = 0; i < TENANTS * BACKLOG; i++) {
    char tenant[16];
    char id[16];
    connector row = sample(tenant, id);
    snprintf(tenant, sizeof(tenant), "tenant-%02d", i % TENANTS);
    snprintf(id, sizeof(id), "cnn_%04d", i);
    engine_ok(rows_insert(work.connection, &row, &failure));
  }
  engine_ok(work_end_write(&work, CONNECTOR_OK));
  engine_ok(work_begin_read(&work, &call));
  return 0;
}

static int teardown_tenants(void **state)
{
  work_end_read(&work);
  end(&call);
  return teardown(state);
}

static struct due_query query_of(connector_due due)
{
  return (struct due_query){
    .due = due, .latest = test_time, .now = test_time, .longest = test_time + WAIT_LONGEST_MS
  };
}

static void take(connector_due due, size_t most, struct tenant_list *list)
{
  const struct due_query query = query_of(due);
  *list = (struct tenant_list){ .count = 0 };
  engine_ok(turns_take(&work, &query, most, list));
  assert_true(list->count <= most);
}

static int number_of(const char *tenant)
{
  return atoi(tenant + strlen("tenant-"));
}

static void run(const char *sql)
{
  engine_ok(connection_run(work.connection, sql, &failure));
}

/* As a store that has claimed nothing yet. */
static void forget_turns(void)
{
  for (size_t i = 0; i < WAITS; i++)
    buffer_free(&test.store->turns.tenants[i]);
}

/* ---- turns ---- */

/* Claims until each tenant was served; how many that took. */
static int claims_for_all(size_t limit)
{
  bool served[TENANTS] = { false };
  int left = TENANTS;
  int claims = 0;
  while (left > 0 && claims < 1000) {
    struct tenant_list list;
    take(CONNECTOR_DUE_SYNC, limit, &list);
    claims++;
    for (size_t i = 0; i < list.count; i++) {
      int number = number_of(list.names[i]);
      left -= !served[number];
      served[number] = true;
    }
    arena_free(&list.arena);
  }
  return claims;
}

static void each_tenant_gets_its_turn(void **state)
{
  static const size_t limits[] = { 1, 3, 7, 10, 49, 50, 500 };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(limits); i++) {
    int most = (int)((TENANTS + limits[i] - 1) / limits[i]) + 1;
    for (int round = 0; round < 5; round++)
      assert_true(claims_for_all(limits[i]) <= most);
    forget_turns();
    assert_true(claims_for_all(limits[i]) <= most);
  }
}

static void a_claim_goes_on_behind_the_one_before_it_around_the_circle(void **state)
{
  struct tenant_list list;
  int next = 0;
  (void)state;
  take(CONNECTOR_DUE_SYNC, 1, &list);
  next = number_of(list.names[0]);
  arena_free(&list.arena);
  for (int round = 0; round < 30; round++) {
    take(CONNECTOR_DUE_SYNC, 7, &list);
    assert_int_equal(list.count, 7);
    for (size_t i = 0; i < list.count; i++) {
      next = (next + 1) % TENANTS;
      assert_int_equal(number_of(list.names[i]), next);
    }
    arena_free(&list.arena);
  }
}

static void no_tenant_comes_twice_in_one_claim(void **state)
{
  (void)state;
  run("UPDATE connector SET sync_after = 5 WHERE id LIKE '%1'");
  run("UPDATE connector SET sync_after = 9000000000000 WHERE id LIKE '%2'");
  for (int round = 0; round < 10; round++) {
    bool seen[TENANTS] = { false };
    struct tenant_list list;
    take(CONNECTOR_DUE_SYNC, 500, &list);
    assert_int_equal(list.count, TENANTS);
    for (size_t i = 0; i < list.count; i++) {
      assert_false(seen[number_of(list.names[i])]);
      seen[number_of(list.names[i])] = true;
    }
    arena_free(&list.arena);
  }
}

static void only_tenants_with_due_work_come(void **state)
{
  struct tenant_list list;
  (void)state;
  run("UPDATE connector SET last_sync_at = 1700000000001 WHERE tenant_id <> 'tenant-07'"
      " AND tenant_id <> 'tenant-31' AND tenant_id <> 'tenant-44'");
  run("UPDATE connector SET sync_after = 5 WHERE tenant_id = 'tenant-31'");
  run("UPDATE connector SET sync_after = 1700000000001 WHERE tenant_id = 'tenant-44'");
  take(CONNECTOR_DUE_SYNC, 10, &list);
  assert_int_equal(list.count, 2);
  assert_int_equal(number_of(list.names[0]) + number_of(list.names[1]), 7 + 31);
  arena_free(&list.arena);
}

static void a_tenant_whose_wait_is_over_but_has_nothing_due_takes_one_turn_at_most(void **state)
{
  const connector_claim_options options = { .size = sizeof(options), .limit = 5, .ttl_ms = 1000 };
  connector_claims *claims = NULL;
  struct tenant_list list;
  (void)state;
  run("UPDATE connector SET enabled = 0, sync_after = 5 WHERE tenant_id <> 'tenant-31'");
  take(CONNECTOR_DUE_SYNC, 10, &list);
  assert_int_equal(list.count, 1);
  assert_text(list.names[0], "tenant-31");
  arena_free(&list.arena);
  run("UPDATE connector SET enabled = 1, last_sync_at = 1700000000001 WHERE tenant_id <> "
      "'tenant-31'");
  work_end_read(&work); /* a store in memory has one connection */
  assert_ok(connector_claim(test.store, CONNECTOR_DUE_SYNC, &options, &claims, &failure));
  engine_ok(work_begin_read(&work, &call));
  assert_int_equal(connector_claims_count(claims), BACKLOG);
  for (size_t i = 0; i < BACKLOG; i++)
    assert_text(connector_claims_at(claims, i)->record->tenant_id, "tenant-31");
  connector_claims_free(claims);
  take(CONNECTOR_DUE_SYNC, 500, &list);
  assert_int_equal(list.count, 0);
  arena_free(&list.arena);
}

static void a_wait_that_no_clock_could_have_set_makes_a_tenant_come(void **state)
{
  struct tenant_list list;
  (void)state;
  run("UPDATE connector SET sync_after = 1700000000001");
  run("UPDATE connector SET sync_after = 9000000000000 WHERE id = 'cnn_0007'");
  take(CONNECTOR_DUE_SYNC, 10, &list);
  assert_int_equal(list.count, 1);
  assert_text(list.names[0], "tenant-07");
  arena_free(&list.arena);
}

static void without_due_work_nobody_comes_and_the_turn_stays(void **state)
{
  struct tenant_list list;
  int last = 0;
  (void)state;
  take(CONNECTOR_DUE_SYNC, 5, &list);
  last = number_of(list.names[4]);
  arena_free(&list.arena);
  run("UPDATE connector SET enabled = 0");
  take(CONNECTOR_DUE_SYNC, 5, &list);
  assert_int_equal(list.count, 0);
  arena_free(&list.arena);
  run("UPDATE connector SET enabled = 1");
  take(CONNECTOR_DUE_SYNC, 1, &list);
  assert_int_equal(number_of(list.names[0]), (last + 1) % TENANTS);
  arena_free(&list.arena);
}

static void kinds_of_work_have_turns_of_their_own(void **state)
{
  struct tenant_list list;
  int last = 0;
  (void)state;
  run("UPDATE connector SET next_rotation_due = 5, oauth_refresh_needed = 1");
  take(CONNECTOR_DUE_SYNC, 3, &list);
  last = number_of(list.names[2]);
  arena_free(&list.arena);
  for (int round = 0; round < 7; round++) {
    take(CONNECTOR_DUE_ROTATION, 4, &list);
    arena_free(&list.arena);
    take(CONNECTOR_DUE_REFRESH, 5, &list);
    arena_free(&list.arena);
  }
  take(CONNECTOR_DUE_SYNC, 1, &list);
  assert_int_equal(number_of(list.names[0]), (last + 1) % TENANTS);
  arena_free(&list.arena);
}

static void a_tenant_that_is_gone_is_no_stumbling_block(void **state)
{
  struct tenant_list list;
  char sql[100];
  int last = 0;
  (void)state;
  take(CONNECTOR_DUE_SYNC, 1, &list);
  last = number_of(list.names[0]);
  arena_free(&list.arena);
  snprintf(sql, sizeof(sql), "DELETE FROM connector WHERE tenant_id = 'tenant-%02d'", last);
  run(sql);
  take(CONNECTOR_DUE_SYNC, 1, &list);
  assert_int_equal(number_of(list.names[0]), (last + 1) % TENANTS);
  arena_free(&list.arena);
}

/* ---- where it starts ---- */

static void the_first_claim_of_a_store_starts_anywhere(void **state)
{
  bool seen[TENANTS] = { false };
  int different = 0;
  (void)state;
  for (int round = 0; round < 200; round++) {
    struct tenant_list list;
    forget_turns();
    take(CONNECTOR_DUE_SYNC, 1, &list);
    assert_int_equal(list.count, 1);
    different += !seen[number_of(list.names[0])];
    seen[number_of(list.names[0])] = true;
    arena_free(&list.arena);
  }
  /* of 200 even draws out of 50 fewer than 35 different ones come less than once in a million */
  assert_true(different >= 35);
}

static void one_tenant_alone_is_always_found(void **state)
{
  (void)state;
  run("DELETE FROM connector WHERE tenant_id <> 'tenant-49'");
  for (int round = 0; round < 20; round++) {
    struct tenant_list list;
    if (round % 2 == 0)
      forget_turns();
    take(CONNECTOR_DUE_SYNC, 10, &list);
    assert_int_equal(list.count, 1);
    assert_text(list.names[0], "tenant-49");
    arena_free(&list.arena);
  }
}

/* ---- claims ---- */

static void each_tenant_is_served_by_claims_whatever_the_backlog_of_one(void **state)
{
  const connector_claim_options options = { .size = sizeof(options), .limit = 10, .ttl_ms = 1000 };
  bool served[TENANTS] = { false };
  int left = TENANTS;
  (void)state;
  for (int i = 0; i < 300; i++) {
    char id[24];
    connector row = sample("tenant-25", id);
    snprintf(id, sizeof(id), "cnn_x%03d", i);
    engine_ok(rows_insert(work.connection, &row, &failure));
  }
  work_end_read(&work); /* a store in memory has one connection */
  for (int claim = 0; claim < 6; claim++) {
    connector_claims *claims = NULL;
    assert_ok(connector_claim(test.store, CONNECTOR_DUE_SYNC, &options, &claims, &failure));
    assert_int_equal(connector_claims_count(claims), 10);
    for (size_t i = 0; i < 10; i++) {
      int number = number_of(connector_claims_at(claims, i)->record->tenant_id);
      left -= !served[number];
      served[number] = true;
    }
    connector_claims_free(claims);
  }
  engine_ok(work_begin_read(&work, &call));
  assert_int_equal(left, 0);
}

#define tenants_test(name) cmocka_unit_test_setup_teardown(name, setup_tenants, teardown_tenants)

int main(void)
{
  const struct CMUnitTest tests[] = {
    tenants_test(each_tenant_gets_its_turn),
    tenants_test(a_claim_goes_on_behind_the_one_before_it_around_the_circle),
    tenants_test(no_tenant_comes_twice_in_one_claim),
    tenants_test(only_tenants_with_due_work_come),
    tenants_test(a_tenant_whose_wait_is_over_but_has_nothing_due_takes_one_turn_at_most),
    tenants_test(a_wait_that_no_clock_could_have_set_makes_a_tenant_come),
    tenants_test(without_due_work_nobody_comes_and_the_turn_stays),
    tenants_test(kinds_of_work_have_turns_of_their_own),
    tenants_test(a_tenant_that_is_gone_is_no_stumbling_block),
    tenants_test(the_first_claim_of_a_store_starts_anywhere),
    tenants_test(one_tenant_alone_is_always_found),
    tenants_test(each_tenant_is_served_by_claims_whatever_the_backlog_of_one),
  };
  return cmocka_run_group_tests_name("turns", tests, NULL, NULL);
}
