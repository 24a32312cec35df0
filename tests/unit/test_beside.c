/*
 * engine/beside: health and leases by the key of their record: what goes in comes out, a lease has
 * one holder at a time, and nothing reaches another record's or tenant's.
 */
#include "engine_support.h"

#include "engine/beside.h"

static const struct owner mine = { "cnn_1", "tenant-a" };
static const struct owner foreign = { "cnn_1", "tenant-b" };
static const struct owner sibling = { "cnn_2", "tenant-a" };
static const struct owner *const others[] = { &foreign, &sibling };

static struct arena arena;

static int teardown_beside(void **state)
{
  arena_free(&arena);
  return teardown_engine(state);
}

#define beside_test(name) cmocka_unit_test_setup_teardown(name, setup_rows, teardown_beside)

/* ---- health ---- */

static struct health_row health_of(const struct owner *owner)
{
  struct health_row row = { .retry_at = 9, .hours = "left over" };
  engine_ok(health_find(engine.connection, owner, &row, &arena, &failure));
  return row;
}

static void put_health(const struct owner *owner, const struct health_row *row)
{
  engine_ok(health_put(engine.connection, owner, row, &failure));
}

static void assert_health(const struct owner *owner, const struct health_row *wanted)
{
  struct health_row row = health_of(owner);
  assert_int_equal(row.retry_at, wanted->retry_at);
  assert_int_equal(row.first_error_at, wanted->first_error_at);
  assert_int_equal(row.warned_at, wanted->warned_at);
  assert_int_equal(row.started_at, wanted->started_at);
  assert_int_equal(row.refresh_errors, wanted->refresh_errors);
  assert_int_equal(row.first_sync_error_at, wanted->first_sync_error_at);
  assert_int_equal(row.needs_token, wanted->needs_token);
  assert_int_equal(row.disabled_at, wanted->disabled_at);
  assert_text(row.hours, wanted->hours);
}

static const struct health_row none = { 0 };
static const struct health_row full = { 1, 2, 3, 4, 5, 6, 7, 8, "[[1,2,3,4,5,6]]" };

static void health_comes_out_as_it_went_in_the_last_time(void **state)
{
  const struct health_row later = { .retry_at = INT64_MAX, .hours = "" };
  (void)state;
  assert_health(&mine, &none);
  put_health(&mine, &full);
  assert_health(&mine, &full);
  put_health(&mine, &later);
  assert_health(&mine, &later);
  put_health(&mine, &none);
  assert_health(&mine, &none);
}

static void health_is_of_one_record_of_one_tenant(void **state)
{
  (void)state;
  put_health(&mine, &full);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    assert_health(others[i], &none);
    put_health(others[i], &none);
  }
  assert_health(&mine, &full);
}

static void the_text_of_health_outlives_the_statement(void **state)
{
  struct health_row first;
  (void)state;
  put_health(&mine, &full);
  first = health_of(&mine);
  put_health(&mine, &none);
  put_health(&sibling, &full);
  (void)health_of(&sibling);
  assert_text(first.hours, full.hours);
}

/* ---- leases ---- */

enum { DAY = 86400000 };

static int64_t last_fence;

/* The fence of the new lease, or 0. */
static int64_t take(const struct owner *owner, const char *purpose, int64_t now, int64_t expires_at)
{
  const struct lease_terms terms = { .purpose = purpose,
                                     .holder = "holder",
                                     .fence = ++last_fence,
                                     .now = now,
                                     .longest = now + DAY,
                                     .expires_at = expires_at };
  bool taken = false;
  engine_ok(lease_take(engine.connection, owner, &terms, &taken, &failure));
  return taken ? last_fence : 0;
}

static struct lease_row lease_of(const struct owner *owner, const char *purpose)
{
  struct lease_row row = { 9, 9, 9 };
  engine_ok(lease_find(engine.connection, owner, purpose, &row, &failure));
  return row;
}

static bool set(const struct owner *owner, const char *purpose, int64_t fence, int64_t now,
                int64_t expires_at)
{
  bool changed = false;
  engine_ok(
      lease_set(engine.connection, owner, purpose, fence, now, expires_at, &changed, &failure));
  return changed;
}

static void a_lease_that_never_was_is_all_zero(void **state)
{
  (void)state;
  assert_int_equal(lease_of(&mine, "sync").fence, 0);
  assert_int_equal(lease_of(&mine, "sync").expires_at, 0);
  assert_int_equal(lease_of(&mine, "sync").wait_after, 0);
}

static void a_lease_has_one_holder_until_it_expires(void **state)
{
  int64_t first = 0;
  int64_t second = 0;
  (void)state;
  first = take(&mine, "sync", 1000, 2000);
  assert_true(first > 0);
  assert_int_equal(lease_of(&mine, "sync").fence, first);
  assert_int_equal(lease_of(&mine, "sync").expires_at, 2000);
  assert_int_equal(take(&mine, "sync", 1000, 3000), 0);
  assert_int_equal(take(&mine, "sync", 1999, 3000), 0);
  assert_int_equal(lease_of(&mine, "sync").expires_at, 2000);
  second = take(&mine, "sync", 2000, 3000);
  assert_true(second > first);
  assert_int_equal(lease_of(&mine, "sync").expires_at, 3000);
}

static void leases_of_other_records_tenants_and_purposes_are_free(void **state)
{
  (void)state;
  assert_true(take(&mine, "sync", 1000, 2000) > 0);
  assert_true(take(&mine, "refresh", 1000, 2000) > 0);
  assert_true(take(&foreign, "sync", 1000, 2000) > 0);
  assert_true(take(&sibling, "sync", 1000, 2000) > 0);
  assert_true(set(&mine, "sync", lease_of(&mine, "sync").fence, 1000, 0));
  assert_int_equal(lease_of(&mine, "refresh").expires_at, 2000);
  assert_int_equal(lease_of(&foreign, "sync").expires_at, 2000);
  assert_int_equal(lease_of(&sibling, "sync").expires_at, 2000);
}

static void a_lease_that_is_not_taken_keeps_its_fence_and_its_holder(void **state)
{
  const struct lease_terms terms = {
    .purpose = "sync", .holder = "other", .fence = 900, .now = 10, .longest = 100, .expires_at = 90
  };
  bool taken = true;
  int64_t fence = 0;
  (void)state;
  fence = take(&mine, "sync", 10, 50);
  engine_ok(lease_take(engine.connection, &mine, &terms, &taken, &failure));
  assert_false(taken);
  assert_int_equal(lease_of(&mine, "sync").fence, fence);
  assert_int_equal(
      integer_of(engine.connection, "SELECT count(*) FROM lease WHERE holder = 'holder'"), 1);
}

static void a_lease_that_lasts_longer_than_any_may_is_taken_over(void **state)
{
  (void)state;
  assert_true(take(&mine, "sync", 1000 + 10 * (int64_t)DAY, 1001 + 10 * (int64_t)DAY) > 0);
  assert_true(take(&mine, "sync", 1000, 2000) > 0);
  assert_true(take(&sibling, "sync", 1000, 1000 + DAY) > 0);
  assert_int_equal(take(&sibling, "sync", 1000, 2000), 0);
}

static void only_the_holder_of_a_lease_that_runs_can_set_its_end(void **state)
{
  int64_t fence = 0;
  (void)state;
  fence = take(&mine, "sync", 1000, 2000);
  assert_false(set(&mine, "sync", fence - 1, 1500, 9000));
  assert_false(set(&mine, "sync", fence + 1, 1500, 9000));
  assert_false(set(&mine, "refresh", fence, 1500, 9000));
  assert_false(set(&foreign, "sync", fence, 1500, 9000));
  assert_false(set(&sibling, "sync", fence, 1500, 9000));
  assert_false(set(&mine, "sync", fence, 2000, 9000));
  assert_int_equal(lease_of(&mine, "sync").expires_at, 2000);
  assert_true(set(&mine, "sync", fence, 1999, 3000));
  assert_int_equal(lease_of(&mine, "sync").expires_at, 3000);
  assert_int_equal(lease_of(&mine, "sync").fence, fence);
}

static void a_lease_that_was_handed_back_is_free_and_over(void **state)
{
  int64_t fence = 0;
  (void)state;
  fence = take(&mine, "sync", 1000, 2000);
  assert_true(set(&mine, "sync", fence, 1000, 0));
  assert_false(set(&mine, "sync", fence, 1000, 2000));
  assert_int_equal(lease_of(&mine, "sync").fence, fence);
  assert_true(take(&mine, "sync", 1000, 2000) > fence);
}

static void what_a_record_waits_for_is_kept_with_its_lease(void **state)
{
  const struct lease_terms terms = { .purpose = "sync",
                                     .holder = "me",
                                     .fence = 7,
                                     .now = 10,
                                     .longest = 100,
                                     .expires_at = 20,
                                     .wait_after = 50 };
  bool taken = false;
  (void)state;
  engine_ok(lease_take(engine.connection, &mine, &terms, &taken, &failure));
  assert_true(taken);
  (void)take(&sibling, "sync", 10, 20);
  (void)take(&foreign, "sync", 10, 20);
  (void)take(&mine, "refresh", 10, 20);
  assert_int_equal(lease_of(&mine, "sync").wait_after, 50);
  engine_ok(lease_set_wait(engine.connection, &mine, "sync", 70, &failure));
  assert_int_equal(lease_of(&mine, "sync").wait_after, 70);
  assert_int_equal(lease_of(&mine, "sync").expires_at, 20);
  assert_int_equal(lease_of(&mine, "sync").fence, 7);
  assert_int_equal(lease_of(&mine, "refresh").wait_after, 0);
  assert_int_equal(lease_of(&sibling, "sync").wait_after, 0);
  assert_int_equal(lease_of(&foreign, "sync").wait_after, 0);
  engine_ok(lease_set_wait(engine.connection, &mine, "sync", 0, &failure));
  assert_int_equal(lease_of(&mine, "sync").wait_after, 0);
}

static void a_new_lease_forgets_the_wait_of_the_one_before_it(void **state)
{
  const struct lease_terms terms = { .purpose = "sync",
                                     .holder = "me",
                                     .fence = 7,
                                     .now = 10,
                                     .longest = 100,
                                     .expires_at = 20,
                                     .wait_after = 50 };
  bool taken = false;
  (void)state;
  engine_ok(lease_take(engine.connection, &mine, &terms, &taken, &failure));
  assert_int_equal(take(&mine, "sync", 19, 30), 0);
  assert_int_equal(lease_of(&mine, "sync").wait_after, 50);
  assert_true(take(&mine, "sync", 20, 30) > 0);
  assert_int_equal(lease_of(&mine, "sync").wait_after, 0);
}

static void the_holder_is_kept_for_whoever_reads_the_file(void **state)
{
  (void)state;
  (void)take(&mine, "sync", 1000, 2000);
  assert_int_equal(
      integer_of(engine.connection, "SELECT count(*) FROM lease WHERE holder = 'holder'"), 1);
}

/* ---- removing ---- */

static void removing_takes_all_of_one_record_and_nothing_else(void **state)
{
  const struct owner *const all[] = { &mine, &foreign, &sibling };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(all); i++) {
    put_health(all[i], &full);
    (void)take(all[i], "sync", 1000, 2000);
    (void)take(all[i], "mine", 1000, 2000);
  }
  engine_ok(beside_remove(engine.connection, &mine, &failure));
  assert_health(&mine, &none);
  assert_int_equal(lease_of(&mine, "sync").fence, 0);
  assert_int_equal(lease_of(&mine, "mine").fence, 0);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    assert_health(others[i], &full);
    assert_int_equal(lease_of(others[i], "sync").expires_at, 2000);
    assert_int_equal(lease_of(others[i], "mine").expires_at, 2000);
  }
}

/* ---- plans ---- */

static void assert_plan(const char *wanted)
{
  char plan[PLAN_SIZE];
  latest_plan(plan);
  if (strcmp(plan, wanted) != 0)
    fail_msg("%s\n    is run as %s", latest_text(), plan);
}

static void every_statement_searches_the_key(void **state)
{
  (void)state;
  (void)health_of(&mine);
  assert_plan("SEARCH health USING PRIMARY KEY (connector_id=? AND tenant_id=?)\n");
  (void)lease_of(&mine, "sync");
  assert_plan("SEARCH lease USING PRIMARY KEY (connector_id=? AND tenant_id=? AND purpose=?)\n");
  (void)set(&mine, "sync", 1, 1, 1);
  assert_plan("SEARCH lease USING PRIMARY KEY (connector_id=? AND tenant_id=? AND purpose=?)\n");
  engine_ok(lease_set_wait(engine.connection, &mine, "sync", 1, &failure));
  assert_plan("SEARCH lease USING PRIMARY KEY (connector_id=? AND tenant_id=? AND purpose=?)\n");
  engine_ok(beside_remove(engine.connection, &mine, &failure));
  assert_plan("SEARCH lease USING PRIMARY KEY (connector_id=? AND tenant_id=?)\n");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    beside_test(health_comes_out_as_it_went_in_the_last_time),
    beside_test(health_is_of_one_record_of_one_tenant),
    beside_test(the_text_of_health_outlives_the_statement),
    beside_test(a_lease_that_never_was_is_all_zero),
    beside_test(a_lease_has_one_holder_until_it_expires),
    beside_test(leases_of_other_records_tenants_and_purposes_are_free),
    beside_test(a_lease_that_is_not_taken_keeps_its_fence_and_its_holder),
    beside_test(a_lease_that_lasts_longer_than_any_may_is_taken_over),
    beside_test(only_the_holder_of_a_lease_that_runs_can_set_its_end),
    beside_test(a_lease_that_was_handed_back_is_free_and_over),
    beside_test(what_a_record_waits_for_is_kept_with_its_lease),
    beside_test(a_new_lease_forgets_the_wait_of_the_one_before_it),
    beside_test(the_holder_is_kept_for_whoever_reads_the_file),
    beside_test(removing_takes_all_of_one_record_and_nothing_else),
    beside_test(every_statement_searches_the_key),
  };
  return cmocka_run_group_tests_name("beside", tests, NULL, NULL);
}
