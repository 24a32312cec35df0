/*
 * Asking the host, and what its answers become.
 */
#include "store/rules.h"

#include <stdio.h>

bool rules_see_records(const struct call *call)
{
  return call->store->authorize != NULL;
}

connector_status rules_authorize(struct call *call, connector_action action,
                                 const connector *record)
{
  const connector_store *store = call->store;
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  if (store->authorize == NULL)
    return CONNECTOR_OK;
  status = store->authorize(store->user, &call->caller, action, record, &told);
  if (status == CONNECTOR_OK)
    return CONNECTOR_OK;
  if (status == CONNECTOR_NOT_FOUND)
    return not_found(call->error);
  return host_said(status, &told, "the host's rules refuse", call->error);
}

connector_status rules_references(struct call *call, const connector *record, uint64_t fields)
{
  const connector_store *store = call->store;

  for (size_t i = 0; store->reference != NULL && i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    connector_error told = { 0 };
    const char *value = NULL;

    if ((field->flags & FIELD_REFERENCE) == 0 || (fields & CONNECTOR_BIT(i)) == 0)
      continue;
    value = *field_text(record, field);
    if (value == NULL || store->reference(store->user, &call->caller, (connector_field)i, value,
                                          &told) == CONNECTOR_OK)
      continue;
    (void)snprintf(told.field, sizeof(told.field), "%s", field->name);
    return host_said(CONNECTOR_INVALID, &told, "names something that does not exist", call->error);
  }
  return CONNECTOR_OK;
}
