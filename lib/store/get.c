/*
 * Get: one row within the caller's scope.
 */
#include "store/rules.h"
#include "store/work.h"

static connector_status get(struct call *call, const char *id, bool with_deleted, connector **out)
{
  struct work work;
  connector *found = NULL;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = rows_find(work.connection, &call->scope, id,
                     with_deleted ? CONNECTOR_DELETED_INCLUDE : CONNECTOR_DELETED_EXCLUDE, &found,
                     call->error);
  work_end_read(&work);
  if (status == CONNECTOR_OK && found == NULL)
    status = not_found(call->error);
  if (status == CONNECTOR_OK)
    status = rules_authorize(call, CONNECTOR_ACTION_READ, found);
  if (status == CONNECTOR_OK)
    *out = found;
  else
    connector_free(found);
  return status;
}

connector_status connector_get(connector_store *store, const char *id, uint32_t flags,
                               connector **out, connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && (id == NULL || out == NULL))
    status = not_given(id == NULL ? "id" : "out", error);
  if (status == CONNECTOR_OK && !store_may_hold(id))
    status = not_found(error);
  if (status == CONNECTOR_OK && (flags & ~CONNECTOR_WITH_DELETED) != 0)
    status = error_set(error, CONNECTOR_INVALID, "flags", "hold a bit that is no flag");
  if (status == CONNECTOR_OK)
    status = get(&call, id, (flags & CONNECTOR_WITH_DELETED) != 0, out);
  return call_end(&call, status);
}
