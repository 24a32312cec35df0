/*
 * Records as rows: the statements on the table `connector`, each with a scope, and nothing of what
 * they are for.
 */
#ifndef ENGINE_ROWS_H
#define ENGINE_ROWS_H

#include "engine/engine.h"
#include "engine/scope.h"
#include "record/draft.h"
#include "record/record.h"

/* Kinds of statement_key, over all files of this folder. */
enum statement_kind {
  STATEMENT_TEXT = 0, /* known by its text alone */
  STATEMENT_INSERT,
  STATEMENT_FIND,
  STATEMENT_UPDATE,
  STATEMENT_DELETE,
  STATEMENT_RESTORE,
  STATEMENT_PURGE,
  STATEMENT_PURGEABLE,
  STATEMENT_LIST,
  STATEMENT_COUNT
};

/* One state change of one row: only where scope, state and version are as expected. */
struct target {
  const struct scope *scope; /* of one tenant */
  const char *id;
  int64_t expected_version; /* 0: any */
};

/* Who writes, and when. */
struct stamp {
  int64_t now;
  const char *person; /* NULL leaves `updated_by` as it is */
};

/* Writes the columns that rows_next() reads, with commas between. */
void rows_columns(struct buffer *sql);

/* The predicate on a row's state, with AND before it, or "". */
const char *rows_state(connector_deleted deleted);

/* Inserts a whole record. EXISTS where the tenant has the id already. */
connector_status rows_insert(struct connection *connection, const connector *record,
                             connector_error *error);

/* Finds by id within the scope. `*found` is a record for connector_free(), or NULL. With
 * SCOPE_SYSTEM an id that several tenants have is INVALID. */
connector_status rows_find(struct connection *connection, const struct scope *scope, const char *id,
                           connector_deleted deleted, connector **found, connector_error *error);

/* Each changes one row or none: `*changed` tells. Rows of a newer schema_version are not touched.
 */
connector_status rows_update(struct connection *connection, const struct target *target,
                             const struct draft *draft, const struct stamp *stamp, bool *changed,
                             connector_error *error);
connector_status rows_delete(struct connection *connection, const struct target *target,
                             const struct stamp *stamp, bool *changed, connector_error *error);
connector_status rows_restore(struct connection *connection, const struct target *target,
                              const struct stamp *stamp, bool *changed, connector_error *error);
connector_status rows_purge(struct connection *connection, const struct target *target,
                            bool *changed, connector_error *error);

/* Starts a run over deleted rows that may be purged, for rows_next_purgeable(). */
connector_status rows_purgeable(struct connection *connection, const struct scope *scope,
                                int64_t deleted_before, int64_t limit, struct statement **out,
                                connector_error *error);

/* Steps it: of each row only id, tenant, app and version. */
connector_status rows_next_purgeable(struct statement *statement, connector *row, bool *found,
                                     connector_error *error);

/* Steps a statement whose columns are rows_columns(). `*found` false: no more. The row's text is
 * borrowed until the next step. CORRUPT where the index led to a row that is not the one it names.
 */
connector_status rows_next(struct statement *statement, struct row *row, bool *found,
                           connector_error *error);

#endif
