/*
 * Creating records: from a draft that is already read, for create, create_once, JSON and import.
 */
#ifndef STORE_CREATE_H
#define STORE_CREATE_H

#include "store/work.h"

/* Checks the draft and makes its `values` the whole record: defaults, stamps, a new id; the tenant
 * is the caller's or, where it has none, the one in `values`. Asks the host. */
connector_status create_prepare(struct call *call, struct draft *draft);

/* The steps of create_prepare(), for imports: defaults of fields that are not set; stamps and a new
 * id; whether the whole record may be created by this caller, asking the host too. */
void create_defaults(const struct call *call, struct draft *draft);
connector_status create_stamp(struct call *call, struct draft *draft);
connector_status create_allow(struct call *call, struct draft *draft);

/* Inside the transaction of the insert: writes the change. */
connector_status create_note(struct work *work, const connector *record, int64_t at);

/* create_prepare(), then writes it. `key` may be NULL. */
connector_status create_draft(struct call *call, struct draft *draft, const char *key,
                              connector **out);

#endif
