/*
 * Filters: whether one fits its field, and its predicate. Names come from the field table, values
 * are bound.
 */
#ifndef ENGINE_FILTER_H
#define ENGINE_FILTER_H

#include "base/arena.h"
#include "engine/sql.h"

#include <connector/query.h>

/* INVALID with the field's name where the filter does not fit it. */
connector_status filter_check(const connector_filter *filter, connector_error *error);

/* Writes the predicate of a filter that has passed filter_check(). The arena holds what it binds.
 */
void filter_write(struct sql *sql, const connector_filter *filter, struct arena *arena);

/* Writes the predicate of one word of a search. */
void search_write(struct sql *sql, const char *word);

/* The expression of a field's value: its column, or what it derives from. */
const char *field_expression(connector_field field);

#endif
