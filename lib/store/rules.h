/*
 * The host's own rules: whether the caller may, and whether what a field refers to exists. Asked
 * without a lock or transaction, but inside a batch.
 */
#ifndef STORE_RULES_H
#define STORE_RULES_H

#include "store/store.h"

/* `record` is NULL where the action concerns no one record. */
connector_status rules_authorize(struct call *call, connector_action action,
                                 const connector *record);

/* Asks for each reference that is set in `fields`. */
connector_status rules_references(struct call *call, const connector *record, uint64_t fields);

/* Whether the host has rules of its own that must see a record before it changes. */
bool rules_see_records(const struct call *call);

#endif
