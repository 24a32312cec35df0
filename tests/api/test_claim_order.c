/*
 * Whose turn it is: the order of claims, their limit and reach, and fairness between tenants.
 */
#include "lifecycle.h"

#include <pthread.h>

enum { MANY = 500 };

/* So many connectors of a tenant whose rotation was due from a time on, a second apart. */
struct backlog {
  const char *tenant;
  int count;
  int64_t since;
};

static connector_status make_backlog(connector_store *store, void *user, connector_error *error)
{
  const struct backlog *backlog = user;
  connector_status status = CONNECTOR_OK;
  for (int i = 0; i < backlog->count && status == CONNECTOR_OK; i++) {
    char name[24];
    snprintf(name, sizeof(name), "%d", i);
    status = connector_create(
        store, PATCH(.name = name, .next_rotation_due = backlog->since + i * 1000), NULL, error);
  }
  return status;
}

static void fill(const char *tenant, int count, int64_t since)
{
  struct backlog backlog = { tenant, count, since };
  connector_caller asked = current;
  become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
  assert_ok(connector_batch(test.store, make_backlog, &backlog, &failure));
  current = asked;
}

/* How many of the claims are a tenant's. */
static size_t count_of_tenant(const connector_claims *claims, const char *tenant)
{
  size_t count = 0;
  for (size_t i = 0; i < connector_claims_count(claims); i++)
    count += strcmp(connector_claims_at(claims, i)->record->tenant_id, tenant) == 0;
  return count;
}

/* Claims so many of all tenants and says how many of them were one tenant's. */
static size_t claim_and_count(uint32_t limit, const char *tenant)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, CLAIM(.limit = limit));
  size_t count = count_of_tenant(claims, tenant);
  connector_claims_free(claims);
  return count;
}

/* ---- order and limit ---- */

static void the_longest_due_come_first(void **state)
{
  (void)state;
  static const int64_t ago[] = { 5, 90, 30, 400, 1, 77, 60000 };
  int64_t last = 0;
  for (size_t i = 0; i < COUNT_OF(ago); i++)
    connector_free(make(PATCH(.next_rotation_due = test_time - ago[i] * 1000)));
  for (size_t left = COUNT_OF(ago); left > 0; left -= left < 3 ? left : 3) {
    connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, CLAIM(.limit = 3));
    size_t count = connector_claims_count(claims);
    assert_int_equal(count, left < 3 ? left : 3);
    for (size_t i = 0; i < count; i++) {
      const connector_claim_item *item = connector_claims_at(claims, i);
      assert_true(item->due_at == item->record->next_rotation_due);
      assert_true(item->due_at > last);
      last = item->due_at;
    }
    connector_claims_free(claims);
  }
}

/* Leases that have run out change nothing about whose turn it is. */
static void those_that_come_back_take_their_old_place(void **state)
{
  (void)state;
  char ids[4][ID_SIZE];
  for (size_t i = 0; i < COUNT_OF(ids); i++)
    make_id(PATCH(.next_rotation_due = 1000 * (int64_t)(i + 1)), ids[i]);
  for (size_t i = 0; i + 1 < COUNT_OF(ids); i++) /* the first expires last, the last stays free */
    connector_claims_free(
        claim(CONNECTOR_DUE_ROTATION, CLAIM(.limit = 1, .ttl_ms = 4000 - 1000 * (uint32_t)i)));
  test_time += MINUTE;
  for (size_t i = 0; i < COUNT_OF(ids); i++) {
    connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, CLAIM(.limit = 1));
    assert_int_equal(connector_claims_count(claims), 1);
    assert_text(connector_claims_at(claims, 0)->record->id, ids[i]);
    connector_claims_free(claims);
  }
}

static void refreshes_that_are_asked_for_come_first(void **state)
{
  (void)state;
  char ids[3][ID_SIZE];
  make_id(PATCH(.oauth_token_expires_at = test_time - HOUR), ids[1]);
  make_id(PATCH(.oauth_token_expires_at = test_time + 1), ids[2]);
  make_id(
      PATCH(.oauth_refresh_needed = CONNECTOR_YES, .oauth_token_expires_at = test_time + 10 * DAY),
      ids[0]);
  connector_claims *claims = claim(CONNECTOR_DUE_REFRESH, CLAIM(.horizon_ms = 1000));
  assert_int_equal(connector_claims_count(claims), 3);
  for (size_t i = 0; i < 3; i++)
    assert_text(connector_claims_at(claims, i)->record->id, ids[i]);
  assert_int_equal(connector_claims_at(claims, 0)->due_at, 0);
  assert_true(connector_claims_at(claims, 1)->due_at == test_time - HOUR - 1000);
  connector_claims_free(claims);
}

static void a_limit_of_zero_is_ten(void **state)
{
  (void)state;
  fill("tenant-a", 25, 1000);
  connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, NULL);
  assert_int_equal(connector_claims_count(claims), 10);
  connector_claims_free(claims);
  assert_int_equal(claim_count(CONNECTOR_DUE_ROTATION), 15);
}

/* ---- reach ---- */

static void a_caller_claims_only_what_it_can_see(void **state)
{
  (void)state;
  static const char *const groups[] = { "group-1" };
  static const struct {
    const char *tenant, *app, *user;
    connector_role role;
    size_t groups, wanted;
  } rows[] = {
    { "tenant-a", NULL, "user-eve", CONNECTOR_ROLE_MEMBER, 0, 2 },
    { "tenant-a", NULL, "user-eve", CONNECTOR_ROLE_MEMBER, 1, 3 },
    { "tenant-a", NULL, "user-ann", CONNECTOR_ROLE_MEMBER, 0, 3 },
    { "tenant-a", "app-1", "user-ann", CONNECTOR_ROLE_TENANT, 0, 1 },
    { "tenant-a", "app-2", "user-ann", CONNECTOR_ROLE_TENANT, 0, 0 },
    { "tenant-a", NULL, NULL, CONNECTOR_ROLE_TENANT, 0, 4 },
    { "tenant-b", NULL, NULL, CONNECTOR_ROLE_TENANT, 0, 1 },
    { "tenant-b", NULL, NULL, CONNECTOR_ROLE_SYSTEM, 0, 1 },
    { NULL, NULL, NULL, CONNECTOR_ROLE_SYSTEM, 0, 5 },
  };
  connector_free(make(PATCH(.next_rotation_due = 5)));
  connector_free(make(PATCH(.next_rotation_due = 5, personal("user-ann"))));
  connector_free(
      make(PATCH(.next_rotation_due = 5, .scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-1")));
  current.app_id = "app-1";
  connector_free(make(PATCH(.next_rotation_due = 5)));
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  connector_free(make(PATCH(.next_rotation_due = 5)));
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    become(rows[i].tenant, rows[i].user, rows[i].role);
    current.app_id = rows[i].app;
    current.group_ids = groups;
    current.group_count = rows[i].groups;
    connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, NULL);
    size_t count = connector_claims_count(claims);
    for (size_t at = 0; at < count; at++)
      release(connector_claims_at(claims, at)->lease);
    connector_claims_free(claims);
    if (count != rows[i].wanted)
      fail_msg("caller %zu got %zu, not %zu", i, count, rows[i].wanted);
  }
}

/* ---- fairness ---- */

static void a_tenant_of_few_is_not_kept_waiting_by_one_of_many(void **state)
{
  (void)state;
  fill("tenant-a", MANY, 1000);
  fill("tenant-b", 3, test_time - 5000);
  assert_true(claim_and_count(10, "tenant-b") > 0);
  for (int i = 0; i < 3; i++)
    (void)claim_and_count(10, "tenant-b");
  become("tenant-b", NULL, CONNECTOR_ROLE_TENANT);
  assert_int_equal(claim_count(CONNECTOR_DUE_ROTATION), 0);
}

static void more_tenants_than_the_limit_all_get_their_turn(void **state)
{
  (void)state;
  enum { TENANTS = 12 };
  char tenant[24];
  fill("tenant-a", 300, 1000);
  for (int i = 1; i < TENANTS; i++) {
    snprintf(tenant, sizeof(tenant), "small-%d", i);
    fill(tenant, 1, test_time - 1000 * i);
  }
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  for (int i = 0; i < 3; i++)
    connector_claims_free(claim(CONNECTOR_DUE_ROTATION, NULL));
  for (int i = 1; i < TENANTS; i++) {
    snprintf(tenant, sizeof(tenant), "small-%d", i);
    become(tenant, NULL, CONNECTOR_ROLE_TENANT);
    if (claim_count(CONNECTOR_DUE_ROTATION) != 0)
      fail_msg("%s is still waiting", tenant);
  }
}

static void claiming_one_at_a_time_is_fair_too(void **state)
{
  (void)state;
  size_t turns = 0;
  fill("tenant-a", 60, 1000);
  fill("tenant-b", 3, test_time - 5000);
  for (int i = 0; i < 20; i++)
    turns += claim_and_count(1, "tenant-b");
  assert_true(turns > 0);
}

static void one_at_a_time_everybody_gets_a_turn(void **state)
{
  (void)state;
  enum { TENANTS = 20 };
  char tenant[24];
  for (int i = 0; i < TENANTS; i++) {
    snprintf(tenant, sizeof(tenant), "tenant-%d", i);
    fill(tenant, 3, 1000 * (i + 1));
  }
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  for (int i = 0; i < 2 * TENANTS; i++)
    connector_claims_free(claim(CONNECTOR_DUE_ROTATION, CLAIM(.limit = 1)));
  for (int i = 0; i < TENANTS; i++) {
    snprintf(tenant, sizeof(tenant), "tenant-%d", i);
    become(tenant, NULL, CONNECTOR_ROLE_TENANT);
    if (claim_count(CONNECTOR_DUE_ROTATION) == 3)
      fail_msg("%s had no turn", tenant);
  }
}

static void a_tenant_alone_gets_all_of_the_limit(void **state)
{
  (void)state;
  fill("tenant-a", 40, 1000);
  fill("tenant-b", 2, 1000);
  assert_int_equal(claim_and_count(40, "tenant-a"), 38);
  assert_int_equal(claim_and_count(40, "tenant-a"), 2);
}

/* ---- many claimers ---- */

enum { THREADS = 64 };

static atomic_int handed_out[MANY];

struct claimer {
  pthread_t thread;
  connector_status status;
};

/* Claims until nothing is due, and counts what it was given. */
static void *claim_all(void *user)
{
  struct claimer *claimer = user;
  size_t count = 1;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  while (count > 0 && claimer->status == CONNECTOR_OK) {
    connector_claims *claims = NULL;
    claimer->status = connector_claim(test.store, CONNECTOR_DUE_ROTATION,
                                      CLAIM(.limit = 4, .ttl_ms = CONNECTOR_LEASE_TTL_MAX), &claims,
                                      &failure);
    count = connector_claims_count(claims);
    for (size_t i = 0; i < count; i++)
      atomic_fetch_add(&handed_out[atoi(connector_claims_at(claims, i)->record->name)], 1);
    connector_claims_free(claims);
  }
  return NULL;
}

static void many_threads_get_each_connector_once(void **state)
{
  (void)state;
  static struct claimer claimers[THREADS];
  fill("tenant-a", MANY, 1000);
  for (size_t i = 0; i < MANY; i++)
    atomic_store(&handed_out[i], 0);
  for (size_t i = 0; i < THREADS; i++) {
    claimers[i] = (struct claimer){ .status = CONNECTOR_OK };
    assert_int_equal(pthread_create(&claimers[i].thread, NULL, claim_all, &claimers[i]), 0);
  }
  for (size_t i = 0; i < THREADS; i++) {
    assert_int_equal(pthread_join(claimers[i].thread, NULL), 0);
    assert_int_equal(claimers[i].status, CONNECTOR_OK);
  }
  for (size_t i = 0; i < MANY; i++)
    assert_int_equal(atomic_load(&handed_out[i]), 1);
}

/* 100 tenants whose waits are over and that have nothing due stand around the one that has. */
static void tenants_with_nothing_due_make_no_claim_empty(void **state)
{
  (void)state;
  char id[ID_SIZE];
  for (int i = 0; i < 101; i++) {
    char tenant[16];
    snprintf(tenant, sizeof(tenant), "tenant-%03d", i);
    become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
    make_id(PATCH(.next_rotation_due = i == 50 ? 5 : test_time + DAY), id);
    connector_lease *lease = NULL;
    if (i != 50) {
      assert_ok(
          connector_lease_take(test.store, id, CONNECTOR_PURPOSE_ROTATION, 1, &lease, &failure));
      test_time += 2; /* its holder is gone */
      (void)!connector_lease_release(test.store, lease, NULL);
    }
  }
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  connector_claims *claims = claim(CONNECTOR_DUE_ROTATION, CLAIM(.limit = 1));
  assert_int_equal(connector_claims_count(claims), 1);
  connector_claims_free(claims);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(the_longest_due_come_first),
    clock_test(those_that_come_back_take_their_old_place),
    clock_test(refreshes_that_are_asked_for_come_first),
    clock_test(a_limit_of_zero_is_ten),
    clock_test(a_caller_claims_only_what_it_can_see),
    clock_test(a_tenant_of_few_is_not_kept_waiting_by_one_of_many),
    clock_test(more_tenants_than_the_limit_all_get_their_turn),
    clock_test(claiming_one_at_a_time_is_fair_too),
    clock_test(one_at_a_time_everybody_gets_a_turn),
    clock_test(a_tenant_alone_gets_all_of_the_limit),
    store_test(many_threads_get_each_connector_once),
    memory_test(many_threads_get_each_connector_once),
    clock_test(tenants_with_nothing_due_make_no_claim_empty),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
