/*
 * Taking, renewing and releasing leases. A lease on work that falls due also makes its record wait,
 * so that a claim does not even look at it.
 */
#include "store/lease.h"

#include "base/utf8.h"
#include "engine/due.h"
#include "store/rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *const lease_purposes[WAITS] = {
  [WAIT_REFRESH] = CONNECTOR_PURPOSE_REFRESH,
  [WAIT_ROTATION] = CONNECTOR_PURPOSE_ROTATION,
  [WAIT_SYNC] = CONNECTOR_PURPOSE_SYNC,
};

enum wait lease_wait(const char *purpose)
{
  size_t wait = 0;

  while (wait < WAITS && strcmp(lease_purposes[wait], purpose) != 0)
    wait++;
  return (enum wait)wait;
}

/* ---- checks ---- */

connector_status lease_check_ttl(uint32_t ttl_ms, connector_error *error)
{
  if (ttl_ms == 0 || ttl_ms > CONNECTOR_LEASE_TTL_MAX)
    return error_set(error, CONNECTOR_INVALID, "ttl_ms", "must be 1 to %u",
                     CONNECTOR_LEASE_TTL_MAX);
  return CONNECTOR_OK;
}

connector_status lease_check_alone(connector_store *store, connector_error *error)
{
  if (store_in_batch(store))
    return error_set(error, CONNECTOR_MISUSE, NULL,
                     "a batch may be undone, and a lease with it: take and renew it outside");
  return CONNECTOR_OK;
}

static connector_status check_purpose(const char *purpose, connector_error *error)
{
  size_t length = purpose != NULL ? strnlen(purpose, PURPOSE_MOST + 1) : 0;

  if (length == 0 || length > PURPOSE_MOST || utf8_classify(purpose, length) != UTF8_PLAIN)
    return error_set(error, CONNECTOR_INVALID, "purpose",
                     "must be 1 to %d bytes of text without control characters", PURPOSE_MOST);
  return CONNECTOR_OK;
}

connector_status lease_aim(struct call *call, const connector_lease *lease, struct aim *aim)
{
  connector_status status = CONNECTOR_OK;

  if (lease == NULL)
    return not_given("lease", call->error);
  if (strcmp(lease->store_id, call->store->id) != 0)
    return error_set(call->error, CONNECTOR_INVALID, "lease", "is of another store");
  status = aim_init(aim, call, lease->id, 0, false);
  if (status != CONNECTOR_OK)
    return status;
  if (aim->scope.kind == SCOPE_SYSTEM) {
    aim->scope.kind = SCOPE_TENANT;
    aim->scope.tenant = lease->tenant_id;
  }
  return strcmp(aim->scope.tenant, lease->tenant_id) == 0 ? CONNECTOR_OK : not_found(call->error);
}

/* ---- rows ---- */

void lease_name_holder(const struct call *call, char holder[HOLDER_SIZE])
{
  const connector_caller *caller = &call->caller;
  const char *name = caller->app_id != NULL      ? caller->app_id
                     : caller->person_id != NULL ? caller->person_id
                     : caller->user_id != NULL   ? caller->user_id
                                                 : "-";
  size_t length = utf8_cut(name, strlen(name), HOLDER_SIZE - 32);

  (void)snprintf(holder, HOLDER_SIZE, "%.*s:%ld", (int)length, name,
                 (long)call->store->process.process);
}

static connector_status set_wait(struct work *work, const struct owner *owner, const char *purpose,
                                 int64_t until)
{
  const struct scope scope = { .kind = SCOPE_TENANT, .tenant = owner->tenant };
  const struct target target = { &scope, owner->id, 0 };
  enum wait wait = lease_wait(purpose);
  struct waits waits = { 0 };
  bool changed = false;

  if (wait == WAITS)
    return CONNECTOR_OK;
  waits.set = 1u << wait;
  waits.until[wait] = until;
  return rows_wait(work->connection, &target, &waits, &changed, work->call->error);
}

connector_status lease_claim(struct work *work, const connector *record,
                             const struct lease_terms *terms, bool *taken)
{
  const struct owner owner = { record->id, record->tenant_id };
  connector_status status = lease_take(work->connection, &owner, terms, taken, work->call->error);

  if (status != CONNECTOR_OK || !*taken)
    return status;
  return set_wait(work, &owner, terms->purpose,
                  terms->wait_after > terms->expires_at ? terms->wait_after : terms->expires_at);
}

connector_status lease_hold(struct work *work, const struct owner *owner, enum wait wait,
                            int64_t now, int64_t until, int64_t *held, connector_error *error)
{
  struct lease_row row;
  connector_status status = lease_find(work->connection, owner, lease_purposes[wait], &row, error);

  if (status != CONNECTOR_OK)
    return status;
  *held = until;
  if (row.expires_at <= now || row.expires_at > now + WAIT_LONGEST_MS)
    return CONNECTOR_OK;
  if (row.expires_at > until)
    *held = row.expires_at;
  return lease_set_wait(work->connection, owner, lease_purposes[wait], until, error);
}

static connector_status stale(connector_error *error)
{
  return error_set(error, CONNECTOR_STALE, "lease", "has expired, was taken over or handed back");
}

connector_status lease_end(struct work *work, const connector_lease *lease, int64_t now)
{
  const struct owner owner = { lease->id, lease->tenant_id };
  bool changed = false;
  connector_status status = lease_set(work->connection, &owner, lease->purpose, lease->fence, now,
                                      0, &changed, work->call->error);

  return status == CONNECTOR_OK && !changed ? stale(work->call->error) : status;
}

/* ---- taking ---- */

static connector_lease *new_lease(const connector_store *store, const connector *record,
                                  const char *purpose)
{
  size_t id = strlen(record->id) + 1;
  size_t tenant = strlen(record->tenant_id) + 1;
  connector_lease *lease = malloc(sizeof(*lease) + id + tenant + strlen(purpose) + 1);
  char *text = (char *)(lease + 1);

  if (lease == NULL)
    return NULL;
  *lease = (connector_lease){ .id = text, .tenant_id = text + id, .purpose = text + id + tenant };
  memcpy(lease->store_id, store->id, sizeof(lease->store_id));
  memcpy(text, record->id, id);
  memcpy(text + id, record->tenant_id, tenant);
  memcpy(text + id + tenant, purpose, strlen(purpose) + 1);
  return lease;
}

static connector_status held(struct work *work, const connector *record, const char *purpose)
{
  const struct owner owner = { record->id, record->tenant_id };
  connector_error *error = work->call->error;
  struct lease_row row;
  connector_status status = lease_find(work->connection, &owner, purpose, &row, error);

  if (status != CONNECTOR_OK)
    return status;
  error_set(error, CONNECTOR_LEASED, "lease", "is held already");
  if (error != NULL)
    error->version = row.fence;
  return CONNECTOR_LEASED;
}

/* A record that waits for another try goes on waiting when the lease is handed back. */
static connector_status find_wait(struct aim *aim, struct work *work, struct lease_terms *terms)
{
  enum wait wait = lease_wait(terms->purpose);
  int64_t until = 0;
  connector_status status = CONNECTOR_OK;

  if (wait == WAITS)
    return CONNECTOR_OK;
  status = rows_find_wait(work->connection, &aim->scope, aim->id, wait, &until, work->call->error);
  terms->wait_after = until > terms->now && until <= terms->now + WAIT_LONGEST_MS ? until : 0;
  return status;
}

/* The wait may be another lease's: then there is none to take. */
static connector_status run_take(struct aim *aim, struct work *work, struct lease_terms *terms,
                                 connector_lease **out)
{
  connector_lease *lease = NULL;
  bool taken = false;
  connector_status status = aim_find(aim, work);

  if (status == CONNECTOR_OK)
    status = find_wait(aim, work, terms);
  if (status == CONNECTOR_OK)
    status = meta_take_fences(work->connection, 1, &terms->fence, work->call->error);
  if (status == CONNECTOR_OK)
    status = lease_claim(work, aim->found, terms, &taken);
  if (status == CONNECTOR_OK && !taken)
    status = held(work, aim->found, terms->purpose);
  if (status != CONNECTOR_OK)
    return status;
  lease = new_lease(work->call->store, aim->found, terms->purpose);
  if (lease == NULL)
    return error_no_memory(work->call->error);
  lease->fence = terms->fence;
  lease->expires_at = terms->expires_at;
  *out = lease;
  return CONNECTOR_OK;
}

/* What the host's rules were shown may have changed since; a lease does not depend on it. */
static void unpin(struct aim *aim)
{
  aim->expected_version = 0;
  aim->pinned = false;
}

static connector_status take(struct call *call, const char *id, const char *purpose,
                             uint32_t ttl_ms, connector_lease **out)
{
  struct aim aim;
  struct work work;
  char holder[HOLDER_SIZE];
  struct lease_terms terms = { .purpose = purpose, .holder = holder };
  connector_lease *lease = NULL;
  connector_status status = aim_init(&aim, call, id, 0, false);

  if (status == CONNECTOR_OK)
    status = aim_authorize(&aim, call, CONNECTOR_ACTION_LEASE);
  unpin(&aim);
  if (status == CONNECTOR_OK)
    status = store_now(call->store, &terms.now, call->error);
  terms.expires_at = terms.now + ttl_ms;
  terms.longest = terms.now + WAIT_LONGEST_MS;
  lease_name_holder(call, holder);
  if (status == CONNECTOR_OK)
    status = work_begin_write(&work, call, true);
  if (status == CONNECTOR_OK) {
    status = run_take(&aim, &work, &terms, &lease);
    status = work_end_write(&work, status);
  }
  if (status == CONNECTOR_OK)
    *out = lease;
  else
    free(lease);
  aim_free(&aim);
  return status;
}

connector_status connector_lease_take(connector_store *store, const char *id, const char *purpose,
                                      uint32_t ttl_ms, connector_lease **out,
                                      connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && out == NULL)
    status = not_given("out", error);
  if (status == CONNECTOR_OK)
    status = check_purpose(purpose, error);
  if (status == CONNECTOR_OK)
    status = lease_check_ttl(ttl_ms, error);
  if (status == CONNECTOR_OK)
    status = lease_check_alone(store, error);
  if (status == CONNECTOR_OK)
    status = take(&call, id, purpose, ttl_ms, out);
  return call_end(&call, status);
}

/* ---- renewing ---- */

static connector_status run_renew(struct aim *aim, struct work *work, const connector_lease *lease,
                                  int64_t now, int64_t expires_at)
{
  const struct owner owner = { lease->id, lease->tenant_id };
  connector_error *error = work->call->error;
  struct lease_row row;
  bool changed = false;
  connector_status status = aim_find(aim, work);

  if (status == CONNECTOR_OK)
    status = lease_set(work->connection, &owner, lease->purpose, lease->fence, now, expires_at,
                       &changed, error);
  if (status == CONNECTOR_OK && !changed)
    status = stale(error);
  if (status == CONNECTOR_OK)
    status = lease_find(work->connection, &owner, lease->purpose, &row, error);
  return status == CONNECTOR_OK
             ? set_wait(work, &owner, lease->purpose,
                        row.wait_after > expires_at ? row.wait_after : expires_at)
             : status;
}

static connector_status renew(struct call *call, connector_lease *lease, uint32_t ttl_ms)
{
  struct aim aim = { 0 };
  struct work work;
  int64_t now = 0;
  connector_status status = lease_aim(call, lease, &aim);

  if (status == CONNECTOR_OK)
    status = aim_authorize(&aim, call, CONNECTOR_ACTION_LEASE);
  unpin(&aim);
  if (status == CONNECTOR_OK)
    status = store_now(call->store, &now, call->error);
  if (status == CONNECTOR_OK)
    status = work_begin_write(&work, call, true);
  if (status == CONNECTOR_OK) {
    status = run_renew(&aim, &work, lease, now, now + ttl_ms);
    status = work_end_write(&work, status);
  }
  if (status == CONNECTOR_OK)
    lease->expires_at = now + ttl_ms;
  aim_free(&aim);
  return status;
}

connector_status connector_lease_renew(connector_store *store, connector_lease *lease,
                                       uint32_t ttl_ms, connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK)
    status = lease_check_ttl(ttl_ms, error);
  if (status == CONNECTOR_OK)
    status = lease_check_alone(store, error);
  if (status == CONNECTOR_OK)
    status = renew(&call, lease, ttl_ms);
  return call_end(&call, status);
}

/* ---- releasing ---- */

/* One that an outcome has handed back is not lost, whoever has it by now. */
static connector_status run_release(struct aim *aim, struct work *work,
                                    const connector_lease *lease, int64_t now)
{
  const struct owner owner = { lease->id, lease->tenant_id };
  struct lease_row row;
  connector_status status = aim_find(aim, work);

  if (status == CONNECTOR_OK)
    status = lease_find(work->connection, &owner, lease->purpose, &row, work->call->error);
  if (status != CONNECTOR_OK)
    return status;
  if (row.fence == lease->fence ? row.expires_at == 0 : lease->ended)
    return CONNECTOR_OK;
  status = lease_end(work, lease, now);
  return status == CONNECTOR_OK ? set_wait(work, &owner, lease->purpose, row.wait_after) : status;
}

static connector_status release(struct call *call, const connector_lease *lease)
{
  struct aim aim = { 0 };
  struct work work;
  int64_t now = 0;
  connector_status status = lease_aim(call, lease, &aim);

  if (status == CONNECTOR_OK)
    status = aim_authorize(&aim, call, CONNECTOR_ACTION_LEASE);
  unpin(&aim);
  if (status == CONNECTOR_OK)
    status = store_now(call->store, &now, call->error);
  if (status == CONNECTOR_OK)
    status = work_begin_write(&work, call, true);
  if (status == CONNECTOR_OK) {
    status = run_release(&aim, &work, lease, now);
    status = work_end_write(&work, status);
  }
  aim_free(&aim);
  return status;
}

connector_status connector_lease_release(connector_store *store, connector_lease *lease,
                                         connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && lease != NULL)
    status = release(&call, lease);
  if (lease != NULL && !lease->listed)
    free(lease);
  return call_end(&call, status);
}

/* ---- what a lease tells ---- */

const char *connector_lease_id(const connector_lease *lease)
{
  return lease != NULL ? lease->id : NULL;
}

const char *connector_lease_purpose(const connector_lease *lease)
{
  return lease != NULL ? lease->purpose : NULL;
}

int64_t connector_lease_fence(const connector_lease *lease)
{
  return lease != NULL ? lease->fence : 0;
}

int64_t connector_lease_expires_at(const connector_lease *lease)
{
  return lease != NULL ? lease->expires_at : 0;
}
