/*
 * Changes of records: what is written of each into history, in its own transaction, and what the
 * host is told of it afterwards.
 */
#ifndef STORE_CHANGE_H
#define STORE_CHANGE_H

#include "engine/history.h"
#include "store/work.h"

struct change {
  connector_change_kind kind;
  const connector *before; /* NULL: created */
  const connector *after;  /* NULL: purged */
  int64_t at;
  const char *reason; /* or NULL */
};

/* Whether anything needs to know what a record was before a write. */
bool change_is_kept(const connector_store *store);

connector_status change_write(struct work *work, const struct change *change);

/* A row of history as the host is shown it; its text stays the row's. */
connector_change change_of(const struct history_row *row);

/* The text of a kind as history keeps it, NULL for a value that is no kind, and back; 0 is none. */
const char *change_kind_text(connector_change_kind kind);
connector_change_kind change_kind_value(const char *text);

#endif
