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
  STATEMENT_COUNT,
  STATEMENT_REPORT,
  STATEMENT_WAIT,
  STATEMENT_FIND_WAIT,
  STATEMENT_DUE,
  STATEMENT_DUE_TENANT,
  STATEMENT_DUE_ENDED,
  STATEMENT_DUE_END,
  STATEMENT_HISTORY_INSERT,
  STATEMENT_HISTORY_FEED,
  STATEMENT_HISTORY_OF,
  STATEMENT_HISTORY_NEWEST
};

/* Until when the row is not to be claimed for a kind of work: value - 1 of connector_due. */
enum wait { WAIT_REFRESH, WAIT_ROTATION, WAIT_SYNC, WAITS };

/* What is to be written of them; 0 is none. */
struct waits {
  unsigned set; /* of enum wait, as 1 << wait */
  int64_t until[WAITS];
};

extern const char *const wait_columns[WAITS];

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

/* How many they are. */
int rows_column_count(void);

/* Writes `text` after the name of each stored field of a set, with commas between. */
void rows_write_columns(struct buffer *sql, uint64_t fields, const char *text);

/* Each is for one field by its row of the field table; text that is read is borrowed. */
void rows_bind_field(struct statement *statement, const connector *record,
                     const struct field *field);
void rows_read_field(struct statement *statement, int column, const struct field *field,
                     connector *record);

/* Binds the column `token_lead` of a token that expires at `expires_at` (0: none) and was told of
 * at `now`: how long before its expiry it is due. */
void rows_bind_lead(struct statement *statement, int64_t expires_at, int64_t now);

/* Binds the hash that a row keeps of whose it is. No row has the one of a scope without a tenant:
 * no write spans tenants. */
void rows_bind_check(struct statement *statement, const char *tenant, const char *id);

/* The predicate on a row's state, with AND before it, or "". */
const char *rows_state(connector_deleted deleted);

/* Inserts a whole record. EXISTS where the tenant has the id already. */
connector_status rows_insert(struct connection *connection, const connector *record,
                             connector_error *error);

/* Finds by id within the scope. `*found` is a record for connector_free(), or NULL. With
 * SCOPE_SYSTEM an id that several tenants have is INVALID. */
connector_status rows_find(struct connection *connection, const struct scope *scope, const char *id,
                           connector_deleted deleted, connector **found, connector_error *error);

/* Stamps a record in memory as the statements below stamp its row. */
void rows_stamp(connector *record, const struct stamp *stamp, bool moves_version);

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

/* rows_update() for a report: the version stays, and the row's waits may change. */
connector_status rows_report(struct connection *connection, const struct target *target,
                             const struct draft *draft, const struct waits *waits,
                             const struct stamp *stamp, bool *changed, connector_error *error);

/* Changes the waits of a row and nothing that its record shows. */
connector_status rows_wait(struct connection *connection, const struct target *target,
                           const struct waits *waits, bool *changed, connector_error *error);

/* Reads one of a row's waits; 0 for none. */
connector_status rows_find_wait(struct connection *connection, const struct scope *scope,
                                const char *id, enum wait wait, int64_t *until,
                                connector_error *error);

/* Starts a run over deleted rows that may be purged, for rows_next_purgeable(). */
connector_status rows_purgeable(struct connection *connection, const struct scope *scope,
                                int64_t deleted_before, int64_t limit, struct statement **out,
                                connector_error *error);

/* Steps it: of each row only whose it is, who could see it, and its version. */
connector_status rows_next_purgeable(struct statement *statement, connector *row, bool *found,
                                     connector_error *error);

/* Steps a statement whose columns are rows_columns(). `*found` false: no more. The row's text is
 * borrowed until the next step. CORRUPT where the index led to a row that is not the one it names.
 */
connector_status rows_next(struct statement *statement, struct row *row, bool *found,
                           connector_error *error);

#endif
