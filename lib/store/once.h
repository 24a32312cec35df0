/*
 * Creates that happen once for an idempotency key, for 24 hours.
 */
#ifndef STORE_ONCE_H
#define STORE_ONCE_H

#include "store/work.h"

enum { ONCE_HOURS = 24 };

connector_status once_check_key(const char *key, connector_error *error);

/* Inserts a prepared draft, or gives the record that the key stands for. */
connector_status once_insert(struct call *call, struct draft *draft, const char *key,
                             connector **out);

#endif
