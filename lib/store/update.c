/*
 * Update: one conditional statement where the draft stands by itself; where what is written depends
 * on what stands (merge patches, who sees the record), a read before it in the same transaction.
 */
#include "store/update.h"

#include "store/find.h"
#include "store/rules.h"

static bool depends_on_current(const struct draft *draft)
{
  return draft->merge != 0 ||
         ((draft->set | draft->cleared) & fields_with_flags(FIELD_VISIBILITY)) != 0;
}

/* Merges, and checks the record that would come of it. */
static connector_status settle(struct aim *aim, struct work *work, struct draft *draft)
{
  struct call *call = work->call;
  connector result;
  connector_status status = aim_find(aim, work);

  if (status == CONNECTOR_OK)
    status = draft_merge(draft, aim->found, &call->store->limits, call->error);
  if (status != CONNECTOR_OK)
    return status;
  result = *aim->found;
  draft_apply(draft, &result);
  status = record_check_scope(&result, call->error);
  if (status == CONNECTOR_OK && !scope_covers(&call->scope, &result))
    status = error_set(call->error, CONNECTOR_DENIED, "scope",
                       "would take the connector out of the caller's own reach");
  return status;
}

static connector_status write(struct aim *aim, struct work *work, const struct draft *draft,
                              int64_t now)
{
  struct call *call = work->call;
  struct target target = { &aim->scope, aim->id, aim->expected_version };
  struct stamp stamp = { now, call->caller.person_id };
  bool changed = false;
  connector_status status = rows_update(work->connection, &target, draft, &stamp, &changed,
                                        call->error);

  return status == CONNECTOR_OK && !changed ? aim_explain(aim, work) : status;
}

/* The record as it now stands, for the caller and for `on_change`. */
static connector_status read_back(struct aim *aim, struct work *work, int64_t now, connector **out)
{
  struct call *call = work->call;
  connector *now_stands = NULL;
  connector_status status = CONNECTOR_OK;

  if (out == NULL && call->store->on_change == NULL)
    return CONNECTOR_OK;
  status = rows_find(work->connection, &aim->scope, aim->id, CONNECTOR_DELETED_EXCLUDE, &now_stands,
                     call->error);
  if (status == CONNECTOR_OK && now_stands == NULL)
    status = error_set(call->error, CONNECTOR_INTERNAL, NULL, "an updated record is out of reach");
  if (status == CONNECTOR_OK)
    status = work_note(work, CONNECTOR_CHANGE_UPDATED, now_stands, now_stands->version, now);
  if (status == CONNECTOR_OK && out != NULL)
    *out = now_stands;
  else
    connector_free(now_stands);
  return status;
}

static connector_status run(struct aim *aim, struct work *work, struct draft *draft, int64_t now,
                            connector **out)
{
  connector_status status = depends_on_current(draft) ? settle(aim, work, draft)
                                                      : aim_narrow(aim, work);

  if (status == CONNECTOR_OK)
    status = write(aim, work, draft, now);
  return status == CONNECTOR_OK ? read_back(aim, work, now, out) : status;
}

connector_status update_draft(struct call *call, const char *id, int64_t expected_version,
                              struct draft *draft, connector **out)
{
  struct aim aim;
  struct work work;
  connector *result = NULL;
  int64_t now = 0;
  connector_status status = aim_init(&aim, call, id, expected_version, false);

  if (status == CONNECTOR_OK)
    status = draft_check(draft, &call->store->limits, call->error);
  if (status == CONNECTOR_OK)
    status = aim_authorize(&aim, call, CONNECTOR_ACTION_UPDATE);
  if (status == CONNECTOR_OK)
    status = rules_references(call, &draft->values, draft->set);
  if (status == CONNECTOR_OK)
    status = store_now(call->store, &now, call->error);
  if (status == CONNECTOR_OK)
    status = work_begin_write(&work, call, true);
  if (status == CONNECTOR_OK) {
    status = run(&aim, &work, draft, now, out != NULL ? &result : NULL);
    status = work_end_write(&work, status);
  }
  if (status == CONNECTOR_OK && out != NULL)
    *out = result;
  else
    connector_free(result);
  aim_free(&aim);
  return status;
}

connector_status connector_update(connector_store *store, const char *id, int64_t expected_version,
                                  const connector_patch *patch, connector **out,
                                  connector_error *error)
{
  struct call call;
  struct draft draft;
  connector_status status = call_begin(&call, store, error);

  draft_init(&draft);
  if (status == CONNECTOR_OK)
    status = patch != NULL ? draft_from_patch(&draft, patch, error) : not_given("patch", error);
  if (status == CONNECTOR_OK)
    status = update_draft(&call, id, expected_version, &draft, out);
  draft_free(&draft);
  return call_end(&call, status);
}
