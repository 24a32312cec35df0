/*
 * The writes of the power loss test, of every kind, one after the other: each is a step that either
 * is acknowledged or is not. They run on a file that the first one makes.
 */
#ifndef TESTS_POWER_LOSS_STEPS_H
#define TESTS_POWER_LOSS_STEPS_H

#include "lifecycle_faults.h"
#include "sealed_faults.h"

enum { BATCH = 3 };

struct step {
  const char *name;
  void (*run)(void);
  bool safe; /* what was acknowledged before is safe at NORMAL too */
};

static const void *root_key; /* that the file has after the last step */
static connector_durability durability;
static char main_id[ID_SIZE];
static char other_id[ID_SIZE];
static char batch_ids[BATCH][ID_SIZE];
static connector_lease *leased;

static connector_status try_open_file(const void *key, const void *previous)
{
  connector_options options = lifecycle_options();
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_sealed_options before = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  options.durability = durability;
  sealed.root_key = key;
  before.root_key = previous;
  sealed.previous = previous != NULL ? &before : NULL;
  assert_ok(connector_secrets_sealed(&sealed, &secrets, &failure));
  options.secrets = &secrets;
  connector_status status = connector_open(test.path, &options, &test.store, &failure);
  if (status != CONNECTOR_OK)
    secrets.close(secrets.user);
  return status;
}

/* ---- records ---- */

static void open_first(void)
{
  root_key = first_key;
  assert_ok(try_open_file(root_key, NULL));
}

static void open_again(void)
{
  close_store();
  assert_ok(try_open_file(root_key, NULL));
}

static void create_main(void)
{
  make_id(PATCH(.name = "main", .provider = "okta", .auth_type = "oauth2",
                .oauth_token_expires_at = BIRTH + DAY, .next_rotation_due = BIRTH + DAY),
          main_id);
}

static void create_other(void)
{
  make_id(PATCH(.name = "other", .config = "{\"region\":\"eu\"}"), other_id);
}

static void create_once(void)
{
  assert_ok(connector_create_once(test.store, "key-1", PATCH(.name = "once"), NULL, &failure));
}

static void update_main(void)
{
  assert_ok(connector_update(test.store, main_id, 0, PATCH(.name = "main again"), NULL, &failure));
}

static void update_other(void)
{
  connector *now = fetch(other_id);
  assert_ok(connector_update(test.store, other_id, now->version,
                             PATCH(.config = "{\"region\":\"us\",\"zones\":[1,2]}"), NULL,
                             &failure));
  connector_free(now);
}

static void conflict(void)
{
  assert_status(connector_update(test.store, main_id, 99, PATCH(.name = "never"), NULL, &failure),
                CONNECTOR_CONFLICT);
}

static void delete_other(void)
{
  assert_ok(connector_delete(test.store, other_id, 0, &failure));
}

static void restore_other(void)
{
  assert_ok(connector_restore(test.store, other_id, 0, NULL, &failure));
}

static void purge_other(void)
{
  assert_ok(connector_purge(test.store, other_id, &failure));
}

/* ---- batches ---- */

static connector_status write_three(connector_store *store, void *user, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  (void)error;
  for (size_t i = 0; i < BATCH; i++)
    make_id(PATCH(.name = "of a batch"), batch_ids[i]);
  status = connector_update(store, main_id, 0, PATCH(.name = "in a batch"), NULL, &failure);
  return status == CONNECTOR_OK && user != NULL ? CONNECTOR_CANCELLED : status;
}

static void batch(void)
{
  assert_ok(connector_batch(test.store, write_three, NULL, &failure));
}

static void batch_undone(void)
{
  static int undo;
  char kept[BATCH][ID_SIZE];
  memcpy(kept, batch_ids, sizeof(kept));
  assert_int_equal(connector_batch(test.store, write_three, &undo, &failure), CONNECTOR_CANCELLED);
  memcpy(batch_ids, kept, sizeof(kept));
}

static connector_status delete_three(connector_store *store, void *user, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  (void)user;
  for (size_t i = 0; status == CONNECTOR_OK && i < BATCH; i++)
    status = connector_delete(store, batch_ids[i], 1, error);
  return status;
}

static void batch_of_deletions(void)
{
  assert_ok(connector_batch(test.store, delete_three, NULL, &failure));
}

static void purge_deleted(void)
{
  int64_t purged = 0;
  assert_ok(connector_purge_deleted(test.store, test_time + 1, &purged, &failure));
  assert_true(purged >= BATCH);
}

/* ---- health, leases, history ---- */

static void sync_starts(void)
{
  assert_ok(connector_sync_started(test.store, main_id, &failure));
}

static void sync_succeeds(void)
{
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  report.synced = 12;
  report.latency_ms = 80;
  assert_ok(connector_sync_succeeded(test.store, main_id, &report, NULL, &failure));
}

static void sync_fails(void)
{
  assert_ok(connector_sync_failed(test.store, main_id, CONNECTOR_FAILURE_TRANSIENT, "no route", 0,
                                  NULL, &failure));
}

static void take_refresh(void)
{
  assert_ok(connector_lease_take(test.store, main_id, CONNECTOR_PURPOSE_REFRESH, 60000, &leased,
                                 &failure));
}

static void take_rotation(void)
{
  assert_ok(connector_lease_take(test.store, main_id, CONNECTOR_PURPOSE_ROTATION, 60000, &leased,
                                 &failure));
}

static void renew(void)
{
  assert_ok(connector_lease_renew(test.store, leased, 90000, &failure));
}

static void release_lease(void)
{
  assert_ok(connector_lease_release(test.store, leased, &failure));
  leased = NULL;
}

static void refreshed(void)
{
  assert_ok(connector_refreshed(test.store, leased, test_time + DAY, NULL, &failure));
  release_lease(); /* its memory: the lease itself has ended */
}

static void rotated(void)
{
  assert_ok(connector_rotated(test.store, leased, test_time + DAY, NULL, &failure));
  release_lease(); /* its memory: the lease itself has ended */
}

static void claim_syncs(void)
{
  connector_claims *claims = claims_of(CONNECTOR_DUE_SYNC);
  assert_true(connector_claims_count(claims) > 0);
  connector_claims_free(claims);
}

static void trim_history(void)
{
  int64_t trimmed = 0;
  test_time += MINUTE;
  assert_ok(connector_history_trim(test.store, test_time, &trimmed, &failure));
  assert_true(trimmed > 0);
}

static void maintain(void)
{
  assert_ok(connector_maintain(test.store, NULL, &failure));
}

/* The log is cut to nothing. */
static void maintain_and_cut(void)
{
  connector_maintain_options options = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  options.wal_limit_bytes = 1;
  assert_ok(connector_maintain(test.store, &options, &failure));
}

/* ---- secrets ---- */

static void put_secret(void)
{
  static int count;
  char text[40];
  snprintf(text, sizeof(text), "secret number %d", ++count);
  put_value(main_id, text);
}

static void delete_secret(void)
{
  assert_ok(connector_secret_delete(test.store, main_id, 0, &failure));
}

static void restore_secret(void)
{
  assert_ok(connector_secret_restore(test.store, main_id, 0, &failure));
}

static void destroy_version(void)
{
  assert_ok(connector_secret_destroy(test.store, main_id, 1, &failure));
}

static void rotate_tenant_key(void)
{
  assert_ok(connector_tenant_key_rotate(test.store, "tenant-a", NULL, NULL, &failure));
}

static void rotate_root_key(void)
{
  const connector_sealed_options next = sealed_key_of(second_key);
  assert_ok(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure));
  root_key = second_key;
}

/* ---- all of them ---- */

#define STEP(call)                                                                                 \
  {                                                                                                \
    .name = #call, .run = (call), .safe = false                                                    \
  }
#define SAFE_STEP(call)                                                                            \
  {                                                                                                \
    .name = #call, .run = (call), .safe = true                                                     \
  }

static const struct step steps[] = {
  STEP(open_first),
  STEP(create_main),
  STEP(create_other),
  STEP(create_once),
  STEP(update_main),
  STEP(put_secret),
  STEP(conflict),
  STEP(update_other),
  STEP(batch),
  STEP(batch_undone),
  STEP(sync_starts),
  STEP(sync_succeeds),
  STEP(put_secret),
  STEP(delete_other),
  STEP(restore_other),
  SAFE_STEP(maintain),
  STEP(update_main),
  STEP(take_refresh),
  STEP(renew),
  STEP(refreshed),
  STEP(delete_secret),
  STEP(restore_secret),
  STEP(rotate_tenant_key),
  STEP(sync_fails),
  STEP(take_rotation),
  STEP(rotated),
  STEP(put_secret),
  SAFE_STEP(maintain_and_cut),
  STEP(batch_of_deletions),
  STEP(update_other),
  STEP(trim_history),
  STEP(delete_other),
  STEP(purge_other),
  SAFE_STEP(open_again),
  STEP(take_refresh),
  STEP(release_lease),
  STEP(claim_syncs),
  STEP(rotate_root_key),
  STEP(put_secret),
  STEP(create_other),
  SAFE_STEP(maintain),
  STEP(destroy_version),
  STEP(update_other),
  STEP(purge_deleted),
  STEP(batch),
  STEP(delete_other),
  SAFE_STEP(open_again),
  STEP(update_main),
  STEP(put_secret),
  STEP(create_other),
};

enum { STEPS = COUNT_OF(steps) };

#endif
