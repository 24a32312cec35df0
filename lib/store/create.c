/*
 * Create: defaults and stamps, checks, one insert. What makes a create happen once is in once.c.
 */
#include "store/create.h"

#include "store/change.h"
#include "store/once.h"
#include "store/rules.h"

#include <string.h>

static const char default_source[] = "edm";

/* ---- defaults and stamps ---- */

void create_defaults(const struct call *call, struct draft *draft)
{
  const connector_caller *caller = &call->caller;
  connector *record = &draft->values;

  if (record->source == NULL)
    record->source = caller->source != NULL ? caller->source : default_source;
  if (record->source_type == 0)
    record->source_type = caller->source_type != 0 ? caller->source_type
                                                   : CONNECTOR_SOURCE_TYPE_API;
  if (record->scope == 0)
    record->scope = CONNECTOR_SCOPE_ORG;
  if (record->scope == CONNECTOR_SCOPE_USER) {
    if (record->owner_id == NULL)
      record->owner_id = caller->user_id;
    if (record->user_id == NULL)
      record->user_id = caller->user_id;
  }
  if ((draft->set & CONNECTOR_BIT(CONNECTOR_FIELD_ENABLED)) == 0)
    record->enabled = true;
}

static connector_status new_id(struct call *call, struct draft *draft, int64_t now)
{
  connector_store *store = call->store;
  char *id = arena_alloc(&draft->arena, store->id_prefix_length + ULID_TEXT + 1);

  if (id == NULL)
    return error_no_memory(call->error);
  memcpy(id, store->id_prefix, store->id_prefix_length);
  if (!ulid_next(&store->ulids, now, id + store->id_prefix_length))
    return error_set(call->error, CONNECTOR_INTERNAL, "id",
                     "the random part of this millisecond's ids is used up");
  id[store->id_prefix_length + ULID_TEXT] = '\0';
  draft->values.id = id;
  return CONNECTOR_OK;
}

connector_status create_stamp(struct call *call, struct draft *draft)
{
  const connector_caller *caller = &call->caller;
  connector *record = &draft->values;
  int64_t now = 0;
  connector_status status = store_now(call->store, &now, call->error);

  if (status != CONNECTOR_OK)
    return status;
  if (caller->tenant_id != NULL)
    record->tenant_id = caller->tenant_id;
  record->app_id = caller->app_id;
  record->created_at = now;
  record->updated_at = now;
  record->created_by = caller->person_id;
  record->updated_by = caller->person_id;
  record->is_deleted = false;
  record->deleted_at = 0;
  record->deleted_by = NULL;
  record->schema_version = RECORD_SCHEMA_VERSION;
  record->version = 1;
  return new_id(call, draft, now);
}

/* ---- create ---- */

connector_status create_allow(struct call *call, struct draft *draft)
{
  const connector *record = &draft->values;
  connector_status status = record_check_scope(record, call->error);

  if (status == CONNECTOR_OK && !scope_covers(&call->scope, record))
    status = error_set(call->error, CONNECTOR_DENIED, "scope",
                       "names people or groups that are not the caller's");
  if (status == CONNECTOR_OK)
    status = rules_authorize(call, CONNECTOR_ACTION_CREATE, record);
  return status == CONNECTOR_OK ? rules_references(call, record, draft->set) : status;
}

connector_status create_prepare(struct call *call, struct draft *draft)
{
  connector_status status = CONNECTOR_OK;

  create_defaults(call, draft);
  status = draft_check(draft, &call->store->limits, call->error);
  if (status == CONNECTOR_OK)
    status = create_stamp(call, draft);
  return status == CONNECTOR_OK ? create_allow(call, draft) : status;
}

connector_status create_note(struct work *work, const connector *record, int64_t at)
{
  const struct change change = { .kind = CONNECTOR_CHANGE_CREATED, .after = record, .at = at };

  return change_write(work, &change);
}

static connector_status insert(struct call *call, struct draft *draft, connector **out)
{
  const connector *record = &draft->values;
  connector *copy = out != NULL ? record_copy(record) : NULL;
  struct work work;
  connector_status status = CONNECTOR_OK;

  if (out != NULL && copy == NULL)
    return error_no_memory(call->error);
  status = work_begin_write(&work, call, change_is_kept(call->store));
  if (status == CONNECTOR_OK) {
    status = rows_insert(work.connection, record, call->error);
    if (status == CONNECTOR_OK)
      status = create_note(&work, record, record->created_at);
    status = work_end_write(&work, status);
  }
  if (status == CONNECTOR_OK && out != NULL)
    *out = copy;
  else
    connector_free(copy);
  return status;
}

connector_status create_draft(struct call *call, struct draft *draft, const char *key,
                              connector **out)
{
  connector_status status = CONNECTOR_OK;

  if (call->caller.tenant_id == NULL)
    return error_set(call->error, CONNECTOR_INVALID, "tenant_id",
                     "must be named by the caller of a create");
  status = create_prepare(call, draft);
  if (status != CONNECTOR_OK)
    return status;
  return key == NULL ? insert(call, draft, out) : once_insert(call, draft, key, out);
}

static connector_status create_patch(connector_store *store, const char *key,
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
    status = create_draft(&call, &draft, key, out);
  draft_free(&draft);
  return call_end(&call, status);
}

connector_status connector_create(connector_store *store, const connector_patch *patch,
                                  connector **out, connector_error *error)
{
  return create_patch(store, NULL, patch, out, error);
}

connector_status connector_create_once(connector_store *store, const char *idempotency_key,
                                       const connector_patch *patch, connector **out,
                                       connector_error *error)
{
  connector_status status = once_check_key(idempotency_key, error);

  return status == CONNECTOR_OK ? create_patch(store, idempotency_key, patch, out, error) : status;
}
