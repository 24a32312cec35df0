/*
 * Lists of rows: a query within a scope, in an order, from a position on.
 */
#ifndef ENGINE_LISTING_H
#define ENGINE_LISTING_H

#include "base/arena.h"
#include "engine/engine.h"
#include "engine/scope.h"

#include <connector/query.h>

/* Where a page ended: the sort values of its last row. */
struct position {
  const char *id;
  const char *tenant; /* the last tie-break where the scope spans tenants */
  const char *text;   /* of the field that the list is ordered by */
  int64_t number;
  bool null;
};

struct listing {
  const struct scope *scope;
  const connector_query *query; /* checked, complete */
  const struct position *after; /* NULL: from the start */
  int64_t limit;                /* -1: all */
  struct arena *arena;          /* holds what is bound */
};

/* INVALID where a filter, the order or the search does not fit. */
connector_status listing_check(const connector_query *query, connector_error *error);

/* Starts a run whose rows rows_next() reads. */
connector_status listing_start(struct connection *connection, const struct listing *listing,
                               struct statement **out, connector_error *error);

/* Counts all that matches, wherever the listing starts and ends. */
connector_status listing_count(struct connection *connection, const struct listing *listing,
                               int64_t *count, connector_error *error);

/* The position of a record in the order of a query. */
struct position position_of(const connector *record, const connector_query *query);

#endif
