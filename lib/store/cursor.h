/*
 * Cursors: where a page ended, sealed so that a host's client can carry it but not read, change or
 * use it elsewhere.
 */
#ifndef STORE_CURSOR_H
#define STORE_CURSOR_H

#include "engine/listing.h"
#include "store/store.h"

/* Text of its own, to be released with free(); NULL where memory is gone. */
char *cursor_seal(const struct call *call, const connector_query *query,
                  const struct position *position);

/* INVALID (field `cursor`) for anything but a cursor that was sealed for the same caller's tenant
 * and app, filters, search and order. Text of the position lives in the arena. */
connector_status cursor_open(const struct call *call, const connector_query *query,
                             struct arena *arena, struct position *position);

#endif
