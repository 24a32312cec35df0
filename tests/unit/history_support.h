/*
 * What the tests of history in the store share: a few changes of two tenants, a hand in the file
 * behind the library's back, and the chain's verdict.
 */
#ifndef TESTS_HISTORY_SUPPORT_H
#define TESTS_HISTORY_SUPPORT_H

#include "store_support.h"

#include "engine/pool.h"

/* Runs SQL on the store's file as somebody might who has it. */
static inline void tamper(const char *sql)
{
  struct connection *connection = NULL;
  engine_ok(pool_take_writer(test.store->pool, &connection, &failure));
  engine_ok(connection_run(connection, sql, &failure));
  pool_give_writer(test.store->pool);
}

/* The integer that a query on the store's file gives. */
static inline int64_t look_up(const char *sql)
{
  struct connection *connection = NULL;
  int64_t number = -1;
  engine_ok(pool_take_writer(test.store->pool, &connection, &failure));
  engine_ok(connection_integer(connection, sql, &number, &failure));
  pool_give_writer(test.store->pool);
  return number;
}

static inline void become_system(void)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
}

/* What the chain of the caller's tenant, or of all, says. */
static inline int64_t first_bad(void)
{
  int64_t seq = -1;
  assert_ok(connector_history_verify(test.store, &seq, &failure));
  return seq;
}

static inline int64_t first_bad_of(const char *tenant)
{
  connector_caller asked = current;
  int64_t seq = 0;
  become(tenant, NULL, tenant != NULL ? CONNECTOR_ROLE_TENANT : CONNECTOR_ROLE_SYSTEM);
  seq = first_bad();
  current = asked;
  return seq;
}

/* `count` changes of a new record of the tenant, a second apart. */
static inline void change_many(const char *tenant, int count)
{
  connector_caller asked = current;
  char id[ID_SIZE];
  become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < count; i++) {
    test_time += 1000;
    if (i == 0)
      make_id(PATCH(.name = "0"), id);
    else
      assert_ok(connector_update(test.store, id, 0, PATCH(.name = i % 2 == 0 ? "even" : "odd"),
                                 NULL, &failure));
  }
  current = asked;
}

/* The feed of the caller behind a seq. */
static inline connector_changes *feed_after(int64_t seq)
{
  connector_changes *changes = NULL;
  assert_ok(connector_changes_after(test.store, seq, CONNECTOR_CHANGES_MAX, &changes, &failure));
  return changes;
}

static inline size_t feed_count(int64_t after)
{
  connector_changes *changes = feed_after(after);
  size_t count = connector_changes_count(changes);
  connector_changes_free(changes);
  return count;
}

#endif
