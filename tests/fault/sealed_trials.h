/*
 * Calls on sealed secrets for trials with faults: what runs, and what must then be there. Each runs
 * on a fresh copy of one file; a call that failed has changed no row of any table, but where it
 * works by steps.
 */
#ifndef TESTS_SEALED_TRIALS_H
#define TESTS_SEALED_TRIALS_H

#include "lifecycle_faults.h"
#include "sealed_faults.h"

enum { MANY = 70 }; /* secrets: two transactions of a rotation */

static char held_id[ID_SIZE]; /* three versions: the second is deleted, the third the newest */
static char bare_id[ID_SIZE]; /* no secret, no path */
static char many_ids[MANY][ID_SIZE];

struct operation {
  const char *name;
  connector_status (*run)(void);
  void (*verify)(void);  /* after it succeeded */
  bool reads;            /* it changes nothing */
  bool by_steps;         /* what was done before the failure stays done */
  bool opens;            /* it opens the store itself */
  const void *then_open; /* the root key afterwards; NULL: first_key */
};

static void as_writer(void)
{
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
}

static connector_status make_trial_secrets(connector_store *store, void *user,
                                           connector_error *error)
{
  (void)store;
  (void)user;
  (void)error;
  for (size_t i = 0; i < MANY; i++) {
    make_id(PATCH(.name = "many"), many_ids[i]);
    put_value(many_ids[i], many_ids[i]);
  }
  return CONNECTOR_OK;
}

static int setup_sealed_trials(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  open_sealed(first_key, NULL);
  as_writer();
  make_id(PATCH(.name = "held"), held_id);
  make_id(PATCH(.name = "bare"), bare_id);
  put_value(held_id, "one");
  put_value(held_id, "two");
  put_value(held_id, "three");
  assert_ok(connector_secret_delete(test.store, held_id, 2, &failure));
  assert_ok(connector_batch(test.store, make_trial_secrets, NULL, &failure));
  keep_as_template();
  return 0;
}

static int teardown_sealed_trials(void **state)
{
  free_template();
  return teardown(state);
}

#define sealed_trial(name)                                                                         \
  cmocka_unit_test_setup_teardown(name, setup_sealed_trials, teardown_sealed_trials)

/* ---- what runs ---- */

static char read_text[VALUE_SIZE];

static connector_status run_get(void)
{
  return try_get(test.store, held_id, 0, read_text);
}

static void verify_get(void)
{
  assert_text(read_text, "three");
}

static connector_status run_open_and_get(void)
{
  connector_status status = test.store != NULL ? CONNECTOR_OK
                                               : try_open_sealed(first_key, NULL, &test.store);
  return status == CONNECTOR_OK ? run_get() : status;
}

static connector_status run_put(void)
{
  return try_put(test.store, held_id, "four", 3, NULL);
}

static void verify_put(void)
{
  assert_value(held_id, 0, "four");
  assert_value(held_id, 4, "four");
  assert_value(held_id, 3, "three");
}

static connector_status run_first_put(void)
{
  return try_put(test.store, bare_id, "first", 0, NULL);
}

static void verify_first_put(void)
{
  connector *record = fetch(bare_id);
  assert_non_null(record->vault_path);
  assert_true(record->credential_last_rotated_at > 0);
  connector_free(record);
  assert_value(bare_id, 0, "first");
}

static connector_status run_delete(void)
{
  return connector_secret_delete(test.store, held_id, 3, &failure);
}

static void verify_delete(void)
{
  assert_status(try_get(test.store, held_id, 0, read_text), CONNECTOR_SECRET_DELETED);
}

static connector_status run_restore(void)
{
  return connector_secret_restore(test.store, held_id, 2, &failure);
}

static void verify_restore(void)
{
  assert_value(held_id, 2, "two");
}

static connector_status run_destroy_one(void)
{
  return connector_secret_destroy(test.store, held_id, 3, &failure);
}

static connector_status run_destroy(void)
{
  return connector_secret_destroy(test.store, held_id, 0, &failure);
}

static void verify_destroy(void)
{
  assert_status(try_get(test.store, held_id, 0, read_text), CONNECTOR_SECRET_NOT_FOUND);
}

static connector_status count_version(void *user, const connector_secret_version_info *info,
                                      connector_error *error)
{
  int64_t *count = user;
  (void)error;
  *count += info->version;
  return CONNECTOR_OK;
}

static connector_status run_versions(void)
{
  int64_t count = 0;
  connector_status status = connector_secret_versions(test.store, held_id, count_version, &count,
                                                      &failure);
  assert_true(status != CONNECTOR_OK || count == 6);
  return status;
}

static connector_status run_tenant_rotation(void)
{
  return connector_tenant_key_rotate(test.store, "tenant-a", NULL, NULL, &failure);
}

static connector_status run_root_rotation(void)
{
  const connector_sealed_options next = sealed_key_of(second_key);
  return connector_root_key_rotate(test.store, &next, NULL, NULL, &failure);
}

/* What no operation changes. */
static void verify_others(void)
{
  for (size_t i = 0; i < MANY; i++)
    assert_value(many_ids[i], 1, many_ids[i]);
}

static void verify_rotation(void)
{
  verify_others();
  assert_value(held_id, 1, "one");
  assert_value(held_id, 0, "three");
  assert_status(try_get(test.store, held_id, 2, read_text), CONNECTOR_SECRET_DELETED);
}

#define OPERATION(what, call, check, ...)                                                          \
  {                                                                                                \
    .name = (what), .run = (call), .verify = (check), __VA_ARGS__                                  \
  }

static const struct operation operations[] = {
  OPERATION("get", run_get, verify_get, .reads = true),
  OPERATION("open and get", run_open_and_get, verify_get, .reads = true, .opens = true),
  OPERATION("put", run_put, verify_put, .reads = false),
  OPERATION("first put", run_first_put, verify_first_put, .reads = false),
  OPERATION("delete", run_delete, verify_delete, .reads = false),
  OPERATION("restore", run_restore, verify_restore, .reads = false),
  OPERATION("destroy a version", run_destroy_one, verify_delete, .reads = false),
  OPERATION("destroy", run_destroy, verify_destroy, .reads = false),
  OPERATION("versions", run_versions, NULL, .reads = true),
  OPERATION("rotate a tenant's key", run_tenant_rotation, verify_rotation, .by_steps = true),
  OPERATION("rotate the root key", run_root_rotation, verify_rotation, .then_open = second_key),
};

/* All values are right, and each is under a key of its tenant that there is. */
static void assert_sealed_rows_whole(void)
{
  assert_int_equal(number_past("SELECT count(*) FROM sealed_secret AS s WHERE NOT EXISTS"
                               " (SELECT 1 FROM sealed_key AS k"
                               "  WHERE k.tenant_id = s.tenant_id AND k.term = s.term)"),
                   0);
  assert_int_equal(number_past("SELECT count(*) FROM sealed_version AS v WHERE NOT EXISTS"
                               " (SELECT 1 FROM sealed_secret AS s WHERE s.seq = v.secret)"),
                   0);
}

#endif
