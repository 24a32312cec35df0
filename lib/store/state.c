/*
 * Delete, restore and purge: the changes of a record's state, one table row each.
 */
#include "engine/sealed.h"
#include "store/change.h"
#include "store/find.h"
#include "store/rules.h"
#include "store/sealed.h"
#include "store/secrets.h"

#include <string.h>

enum { PURGE_AT_ONCE = 500 };

struct state_change {
  connector_action action;
  connector_change_kind kind;
  bool of_deleted; /* it is for records that are deleted */
  void (*apply)(connector *record, const struct stamp *stamp); /* what the statement does to it;
                                                                   NULL: it is gone */
  connector_status (*write)(struct connection *, const struct target *, const struct stamp *,
                            bool *, connector_error *);
};

/* The secrets that are sealed in the file go with the row. */
static connector_status purge_row(struct connection *connection, const struct target *target,
                                  const struct stamp *stamp, bool *changed, connector_error *error)
{
  const struct owner owner = { target->id, target->scope->tenant };
  bool had_secrets = false;
  connector_status status = rows_purge(connection, target, changed, error);

  (void)stamp;
  if (status == CONNECTOR_OK && *changed)
    status = beside_remove(connection, &owner, error);
  return status == CONNECTOR_OK && *changed
             ? sealed_remove_all(connection, &owner, &had_secrets, error)
             : status;
}

static void apply_delete(connector *record, const struct stamp *stamp)
{
  rows_stamp(record, stamp, true);
  record->is_deleted = true;
  record->deleted_at = stamp->now;
  record->deleted_by = stamp->person;
}

static void apply_restore(connector *record, const struct stamp *stamp)
{
  rows_stamp(record, stamp, true);
  record->is_deleted = false;
  record->deleted_at = 0;
  record->deleted_by = NULL;
}

static const struct state_change deletion = { CONNECTOR_ACTION_DELETE, CONNECTOR_CHANGE_DELETED,
                                              false, apply_delete, rows_delete };
static const struct state_change restoration = { CONNECTOR_ACTION_RESTORE,
                                                 CONNECTOR_CHANGE_RESTORED, true, apply_restore,
                                                 rows_restore };
static const struct state_change purging = { CONNECTOR_ACTION_PURGE, CONNECTOR_CHANGE_PURGED, true,
                                             NULL, purge_row };

static connector_status tell(struct aim *aim, struct work *work, const struct state_change *change,
                             const struct stamp *stamp, connector **out)
{
  connector after = *aim->found;
  struct change told = { .kind = change->kind, .before = aim->found, .at = stamp->now };
  connector_status status = CONNECTOR_OK;

  if (change->apply != NULL) {
    change->apply(&after, stamp);
    told.after = &after;
  }
  status = change_write(work, &told);
  if (status == CONNECTOR_OK && out != NULL) {
    *out = record_copy(&after);
    status = *out != NULL ? CONNECTOR_OK : error_no_memory(work->call->error);
  }
  return status;
}

static connector_status run(struct aim *aim, struct work *work, const struct state_change *change,
                            int64_t now, connector **out)
{
  struct call *call = work->call;
  struct stamp stamp = { now, call->caller.person_id };
  struct target target = { NULL, aim->id, 0 };
  bool reads = change_is_kept(call->store) || out != NULL;
  bool changed = false;
  connector_status status = reads ? aim_find(aim, work) : aim_narrow(aim, work);

  if (status != CONNECTOR_OK)
    return status;
  target.scope = &aim->scope;
  target.expected_version = aim->expected_version;
  status = change->write(work->connection, &target, &stamp, &changed, call->error);
  if (status == CONNECTOR_OK && !changed)
    return aim_explain(aim, work);
  return status == CONNECTOR_OK && reads ? tell(aim, work, change, &stamp, out) : status;
}

/* A resolver of the host's is called with nothing open. */
static connector_status purge_secret(struct aim *aim, struct call *call)
{
  struct work work;
  connector_status status = CONNECTOR_OK;

  if (call->store->secrets.get == NULL)
    return CONNECTOR_OK;
  if (aim->found == NULL) {
    status = work_begin_read(&work, call);
    if (status != CONNECTOR_OK)
      return status;
    status = aim_find(aim, &work);
    work_end_read(&work);
  }
  return status == CONNECTOR_OK ? secrets_purge(call, aim->found) : status;
}

/* Whether something that was sealed in the file may have gone with the record. */
static bool had_sealed(const struct call *call, const connector *record)
{
  return call->store->sealed != NULL && record != NULL && record->vault_path != NULL;
}

static connector_status change_state(connector_store *store, const char *id,
                                     int64_t expected_version, const struct state_change *change,
                                     connector **out, connector_error *error)
{
  struct call call;
  struct aim aim = { 0 };
  struct work work;
  connector *result = NULL;
  int64_t now = 0;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK)
    status = aim_init(&aim, &call, id, expected_version, change->of_deleted);
  if (status == CONNECTOR_OK)
    status = aim_authorize(&aim, &call, change->action);
  if (status == CONNECTOR_OK && change->write == purge_row)
    status = purge_secret(&aim, &call);
  if (status == CONNECTOR_OK)
    status = store_now(store, &now, error);
  if (status == CONNECTOR_OK)
    status = work_begin_write(&work, &call, true);
  if (status == CONNECTOR_OK) {
    status = run(&aim, &work, change, now, out != NULL ? &result : NULL);
    status = work_end_write(&work, status);
  }
  if (status == CONNECTOR_OK && change->write == purge_row && had_sealed(&call, aim.found))
    sealed_forget_log(&call);
  if (status == CONNECTOR_OK && out != NULL)
    *out = result;
  else
    connector_free(result);
  aim_free(&aim);
  return call_end(&call, status);
}

connector_status connector_delete(connector_store *store, const char *id, int64_t expected_version,
                                  connector_error *error)
{
  return change_state(store, id, expected_version, &deletion, NULL, error);
}

connector_status connector_restore(connector_store *store, const char *id, int64_t expected_version,
                                   connector **out, connector_error *error)
{
  return change_state(store, id, expected_version, &restoration, out, error);
}

connector_status connector_purge(connector_store *store, const char *id, connector_error *error)
{
  return change_state(store, id, 0, &purging, NULL, error);
}

/* ---- purging by age ---- */

struct doomed {
  struct arena arena;
  const connector *rows[PURGE_AT_ONCE];
  size_t count;
};

static connector_status gather(struct work *work, int64_t deleted_before, struct doomed *doomed)
{
  struct call *call = work->call;
  struct statement *statement = NULL;
  connector row;
  bool found = true;
  connector_status status = rows_purgeable(work->connection, &call->scope, deleted_before,
                                           PURGE_AT_ONCE, &statement, call->error);

  if (status != CONNECTOR_OK)
    return status;
  while (status == CONNECTOR_OK && found && doomed->count < PURGE_AT_ONCE) {
    status = rows_next_purgeable(statement, &row, &found, call->error);
    if (status == CONNECTOR_OK && found) {
      struct row measured;
      void *block = NULL;

      row_measure(&measured, &row);
      block = arena_object(&doomed->arena, measured.size);
      if (block == NULL)
        status = error_no_memory(call->error);
      else
        doomed->rows[doomed->count++] = row_place(&measured, block);
    }
  }
  statement_done(statement);
  return status;
}

static connector_status purge_one(struct work *work, const connector *row, int64_t now,
                                  size_t *purged)
{
  struct call *call = work->call;
  struct scope scope = { .kind = SCOPE_TENANT, .tenant = row->tenant_id };
  struct target target = { &scope, row->id, row->version };
  const struct change change = { .kind = CONNECTOR_CHANGE_PURGED, .before = row, .at = now };
  bool changed = false;
  connector_status status = purge_row(work->connection, &target, NULL, &changed, call->error);

  *purged += changed;
  return status == CONNECTOR_OK && changed ? change_write(work, &change) : status;
}

/* One transaction's worth; what was restored or changed since it was read is passed over. */
static connector_status purge_rows(struct call *call, const struct doomed *doomed, size_t *purged)
{
  struct work work;
  int64_t now = 0;
  connector_status status = store_now(call->store, &now, call->error);

  if (status == CONNECTOR_OK)
    status = work_begin_write(&work, call, true);
  if (status != CONNECTOR_OK)
    return status;
  for (size_t i = 0; status == CONNECTOR_OK && i < doomed->count; i++)
    status = purge_one(&work, doomed->rows[i], now, purged);
  return work_end_write(&work, status);
}

/* Reads within the caller's scope, destroys secrets, and purges the records whose secrets are gone:
 * one that can't be destroyed keeps its own record alone. */
static connector_status purge_some(struct call *call, int64_t deleted_before, size_t *found,
                                   int64_t *purged, bool *sealed)
{
  struct doomed doomed = { 0 };
  struct work work;
  size_t gone = 0;
  connector_status written = CONNECTOR_OK;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = gather(&work, deleted_before, &doomed);
  work_end_read(&work);
  *found = doomed.count;
  for (size_t i = 0; status == CONNECTOR_OK && i < *found; i++) {
    *sealed = *sealed || had_sealed(call, doomed.rows[i]);
    status = secrets_purge(call, doomed.rows[i]);
    if (status != CONNECTOR_OK)
      doomed.count = i;
  }
  if (doomed.count > 0)
    written = purge_rows(call, &doomed, &gone);
  if (written == CONNECTOR_OK)
    *purged += (int64_t)gone;
  else
    status = written;
  arena_free(&doomed.arena);
  return status;
}

connector_status connector_purge_deleted(connector_store *store, int64_t deleted_before,
                                         int64_t *purged, connector_error *error)
{
  struct call call;
  int64_t total = 0;
  size_t some = PURGE_AT_ONCE;
  bool sealed = false;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && deleted_before <= 0)
    status = error_set(error, CONNECTOR_INVALID, "deleted_before", "must be a time after 1970");
  if (status == CONNECTOR_OK)
    status = rules_authorize(&call, CONNECTOR_ACTION_PURGE, NULL);
  if (status == CONNECTOR_OK && store->read_only)
    status = error_set(error, CONNECTOR_READ_ONLY, NULL, "the store is opened read-only");
  while (status == CONNECTOR_OK && some == PURGE_AT_ONCE)
    status = purge_some(&call, deleted_before, &some, &total, &sealed);
  if (sealed)
    sealed_forget_log(&call);
  if (status == CONNECTOR_OK && purged != NULL)
    *purged = total;
  return call_end(&call, status);
}
