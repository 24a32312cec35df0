/*
 * Cutting off the oldest part of history.
 */
#ifndef STORE_TRIM_H
#define STORE_TRIM_H

#include "store/store.h"

/* Removes the changes of every tenant from before a time, a chunk in each transaction. */
connector_status trim_all(struct call *call, int64_t before, int64_t *trimmed);

#endif
