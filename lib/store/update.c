/*
 * Update: one conditional statement where the draft stands by itself; where what is written depends
 * on what stands (merge patches, who sees the record), or history is kept, a read before it in the
 * same transaction.
 */
#include "store/update.h"

#include "engine/beside.h"
#include "store/change.h"
#include "store/find.h"
#include "store/lease.h"
#include "store/rules.h"

static const uint64_t enabled_bit = CONNECTOR_BIT(CONNECTOR_FIELD_ENABLED);

/* What goes back to the start where a person enables what the library had disabled. */
static const uint64_t started_anew = CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS) |
                                     CONNECTOR_BIT(CONNECTOR_FIELD_SYNC_STATUS);

struct update {
  struct aim aim;
  struct work work;
  struct draft *draft;
  int64_t now;
  bool recovers; /* a person enables what the library had disabled */
};

static bool depends_on_current(const struct draft *draft)
{
  return draft->merge != 0 ||
         ((draft->set | draft->cleared) & (fields_with_flags(FIELD_VISIBILITY) | enabled_bit)) != 0;
}

/* Merges, and checks the record that would come of it. */
static connector_status settle(struct update *update)
{
  struct call *call = update->work.call;
  connector result;
  connector_status status = draft_merge(update->draft, update->aim.found, &call->store->limits,
                                        call->error);

  if (status != CONNECTOR_OK)
    return status;
  result = *update->aim.found;
  draft_apply(update->draft, &result);
  status = record_check_scope(&result, call->error);
  if (status == CONNECTOR_OK && !scope_covers(&call->scope, &result))
    status = error_set(call->error, CONNECTOR_DENIED, "scope",
                       "would take the connector out of the caller's own reach");
  return status;
}

/* What a person enables again starts anew: the library's count of what went wrong before would
 * disable it at the next error. What a person disables, stays so. */
static connector_status take_over(struct update *update)
{
  const connector *found = update->aim.found;
  struct draft *draft = update->draft;
  connector_error *error = update->work.call->error;
  struct owner owner = { found->id, found->tenant_id };
  struct health_row health;
  connector_status status = CONNECTOR_OK;

  if (found->enabled || (draft->set & enabled_bit) == 0)
    return CONNECTOR_OK;
  status = health_find(update->work.connection, &owner, &health, &draft->arena, error);
  if (status != CONNECTOR_OK || health.disabled_at == 0)
    return status;
  health.disabled_at = 0;
  update->recovers = draft->values.enabled;
  if (update->recovers) {
    draft->cleared |= started_anew & ~draft->set;
    health = (struct health_row){ .hours = health.hours };
  }
  return health_put(update->work.connection, &owner, &health, error);
}

/* Nothing that failed before keeps what was enabled again waiting. */
static connector_status end_waits(struct update *update)
{
  static const enum wait waits_ended[] = { WAIT_REFRESH, WAIT_SYNC };
  const connector *found = update->aim.found;
  struct work *work = &update->work;
  connector_error *error = work->call->error;
  const struct owner owner = { found->id, found->tenant_id };
  const struct target target = { &update->aim.scope, update->aim.id, 0 };
  struct waits waits = { 0 };
  bool changed = false;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < sizeof(waits_ended) / sizeof(waits_ended[0]);
       i++) {
    waits.set |= 1u << waits_ended[i];
    status = lease_hold(work, &owner, waits_ended[i], update->now, 0, &waits.until[waits_ended[i]],
                        error);
  }
  return status == CONNECTOR_OK ? rows_wait(work->connection, &target, &waits, &changed, error)
                                : status;
}

static connector_status write(struct update *update)
{
  struct call *call = update->work.call;
  struct aim *aim = &update->aim;
  struct target target = { &aim->scope, aim->id, aim->expected_version };
  struct stamp stamp = { update->now, call->caller.person_id };
  bool changed = false;
  connector_status status = rows_update(update->work.connection, &target, update->draft, &stamp,
                                        &changed, call->error);

  if (status == CONNECTOR_OK && !changed)
    return aim_explain(aim, &update->work);
  return status == CONNECTOR_OK && update->recovers ? end_waits(update) : status;
}

static connector_status tell(struct update *update, connector **out)
{
  const struct stamp stamp = { update->now, update->work.call->caller.person_id };
  connector after = *update->aim.found;
  const struct change change = { .kind = update->recovers ? CONNECTOR_CHANGE_RECOVERED
                                                          : CONNECTOR_CHANGE_UPDATED,
                                 .before = update->aim.found,
                                 .after = &after,
                                 .at = update->now };
  connector_status status = CONNECTOR_OK;

  draft_apply(update->draft, &after);
  rows_stamp(&after, &stamp, true);
  status = change_write(&update->work, &change);
  if (status == CONNECTOR_OK && out != NULL) {
    *out = record_copy(&after);
    status = *out != NULL ? CONNECTOR_OK : error_no_memory(update->work.call->error);
  }
  return status;
}

/* Where nobody wants to know what the record was or is, it is not even read. */
static connector_status run(struct update *update, connector **out)
{
  const connector_store *store = update->work.call->store;
  bool reads = depends_on_current(update->draft) || change_is_kept(store) || out != NULL;
  connector_status status = reads ? aim_find(&update->aim, &update->work)
                                  : aim_narrow(&update->aim, &update->work);

  if (status == CONNECTOR_OK && reads)
    status = settle(update);
  if (status == CONNECTOR_OK && reads)
    status = take_over(update);
  if (status == CONNECTOR_OK)
    status = write(update);
  return status == CONNECTOR_OK && reads ? tell(update, out) : status;
}

connector_status update_draft(struct call *call, const char *id, int64_t expected_version,
                              struct draft *draft, connector **out)
{
  struct update update = { .draft = draft };
  struct aim *aim = &update.aim;
  connector *result = NULL;
  connector_status status = aim_init(aim, call, id, expected_version, false);

  if (status == CONNECTOR_OK)
    status = draft_check(draft, &call->store->limits, call->error);
  if (status == CONNECTOR_OK)
    status = aim_authorize(aim, call, CONNECTOR_ACTION_UPDATE);
  if (status == CONNECTOR_OK)
    status = rules_references(call, &draft->values, draft->set);
  if (status == CONNECTOR_OK)
    status = store_now(call->store, &update.now, call->error);
  if (status == CONNECTOR_OK)
    status = work_begin_write(&update.work, call, true);
  if (status == CONNECTOR_OK) {
    status = run(&update, out != NULL ? &result : NULL);
    status = work_end_write(&update.work, status);
  }
  if (status == CONNECTOR_OK && out != NULL)
    *out = result;
  else
    connector_free(result);
  aim_free(aim);
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
