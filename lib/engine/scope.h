/*
 * The scope of a call: which rows it can reach. This is the one place where tenant, app, person and
 * groups become a predicate; every statement on records is made with one.
 */
#ifndef ENGINE_SCOPE_H
#define ENGINE_SCOPE_H

#include "engine/engine.h"

#include <connector/record.h>

enum scope_kind {
  SCOPE_MEMBER, /* one tenant; org-wide records, the user's own, and its groups' */
  SCOPE_TENANT, /* one tenant, all of it */
  SCOPE_SYSTEM  /* every tenant: asked for by name, never the absence of a scope */
};

/* Between two groups and at both ends of `groups`: no id can hold it. */
enum { GROUP_SEPARATOR = 0x1f };

struct scope {
  enum scope_kind kind;
  const char *tenant; /* NULL for SCOPE_SYSTEM only */
  const char *app;    /* NULL: every app's and nobody's */
  const char *user;   /* NULL: no personal records */
  const char *groups; /* separated ids, or NULL: no groups' records */
};

/* What the text of a statement depends on, as part of its key. */
uint32_t scope_shape(const struct scope *scope);

/* Writes the predicate, without AND around it. */
void scope_write(struct buffer *sql, const struct scope *scope);

enum { SCOPE_VALUES = 4 };

/* The values of scope_write(), in its order; returns how many. */
size_t scope_values(const struct scope *scope, const char *values[SCOPE_VALUES]);

/* Binds them. */
void scope_bind(struct statement *statement, const struct scope *scope);

/* The same for the table of history: rows of changes that the scope covers the record of before or
 * after. */
void scope_write_history(struct buffer *sql, const struct scope *scope);
void scope_bind_history(struct statement *statement, const struct scope *scope);

/* The same rule for a record in memory: would the predicate hold for it? */
bool scope_covers(const struct scope *scope, const connector *record);

#endif
