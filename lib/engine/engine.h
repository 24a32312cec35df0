/*
 * The door to a SQL engine: connections, statements that are kept, transactions. Small and
 * SQL-shaped, so that another engine fits behind it; only sqlite.c and its neighbours in this
 * folder know which one it is, and nothing above this folder holds SQL text.
 */
#ifndef ENGINE_ENGINE_H
#define ENGINE_ENGINE_H

#include "base/buffer.h"

#include <connector/error.h>
#include <connector/store.h>

#include <stdatomic.h>

/* What all connections of one store share; lives as long as the pool. */
struct engine_options {
  const char *path; /* owned by the pool */
  bool memory;      /* the path is ":memory:" */
  bool read_only;
  bool full_durability;
  uint32_t busy_timeout_ms;
  uint64_t mmap_bytes;
  uint64_t log_limit_bytes; /* of the write-ahead log; 0: none */
  atomic_llong busy_waits;
  atomic_llong longest_wait_us;
  atomic_llong log_grown_to; /* bytes that are to be warned of; 0: none */
};

enum connection_use { CONNECTION_READ, CONNECTION_WRITE };

struct connection; /* one thread at a time */
struct statement;  /* belongs to its connection, and is kept there */

/* ---- connections ---- */

/* Opens one; `create` makes the file where it is missing. Nothing is written yet. */
connector_status connection_open(struct engine_options *options, enum connection_use use,
                                 bool create, struct connection **out, connector_error *error);
void connection_close(struct connection *connection);

/* Runs statements of the library's own that take no values, such as a migration's. */
connector_status connection_run(struct connection *connection, const char *sql,
                                connector_error *error);

/* One integer of a statement without values, such as a pragma's. */
connector_status connection_integer(struct connection *connection, const char *sql, int64_t *out,
                                    connector_error *error);

/* Rows that the last statement changed. */
int64_t connection_changes(struct connection *connection);

/* ---- transactions ---- */

connector_status connection_begin_write(struct connection *connection, connector_error *error);
connector_status connection_begin_read(struct connection *connection, connector_error *error);
connector_status connection_commit(struct connection *connection, connector_error *error);
void connection_rollback(struct connection *connection);
connector_status connection_savepoint(struct connection *connection, connector_error *error);
connector_status connection_release(struct connection *connection, connector_error *error);
/* Undoes and ends the savepoint; the whole transaction where that fails. */
void connection_rollback_to(struct connection *connection);
bool connection_in_transaction(struct connection *connection);

/* Some failures make the engine undo a whole transaction by itself. Where it has done so to the one
 * that should be open, answers with the status of that failure. */
connector_status connection_undone(struct connection *connection, connector_error *error);

/* ---- statements ---- */

/* Identifies a kept statement whose text follows from these three. */
struct statement_key {
  uint32_t kind;    /* enum statement_kind; 0 is for statements known by their text */
  uint32_t variant; /* such as the shape of the scope */
  uint64_t fields;  /* a set of fields, or the hash of the text */
};

typedef void (*statement_text_fn)(struct buffer *sql, const void *context);

/* The kept statement of a key, reset; every parameter is to be bound anew. On a miss `text` writes
 * it and it is prepared. Good until the next call of these two on the connection. */
connector_status statement_get(struct connection *connection, struct statement_key key,
                               statement_text_fn text, const void *context, struct statement **out,
                               connector_error *error);

/* The same for a statement known by its text: `head`, which may be NULL, writes the start that all
 * statements of a kind share, and only `sql` behind it is compared. */
connector_status statement_get_text(struct connection *connection, uint32_t kind,
                                    statement_text_fn head, const char *sql, size_t length,
                                    struct statement **out, connector_error *error);

/* Each binds the next parameter. Text and bytes stay borrowed until statement_done(). */
void bind_text(struct statement *statement, const char *text); /* NULL is null */
void bind_text_length(struct statement *statement, const char *text, size_t length);
void bind_bytes(struct statement *statement, const void *bytes, size_t length);
void bind_integer(struct statement *statement, int64_t number);
void bind_null(struct statement *statement);

/* CONNECTOR_OK and `*row` true: a row stands ready. False: it is done. A value that could not be
 * bound shows here; so does one that was not bound (INTERNAL), for it would be an earlier run's. */
connector_status statement_step(struct statement *statement, bool *row, connector_error *error);

/* Steps to the end. */
connector_status statement_run(struct statement *statement, connector_error *error);

/* Ends a run, so that its locks go. Always after the last step. */
void statement_done(struct statement *statement);

/*
 * Whose rows the run is to give, borrowed until it is done; NULL: everybody's. Where entries of an
 * index stand in the wrong order, the engine takes what comes first for what it looked for, and
 * compares no more: whoever reads a row asks whether it is the tenant's.
 */
void statement_expect(struct statement *statement, const char *tenant);
bool statement_expects(const struct statement *statement, const char *tenant);

/* NO_MEMORY where a column or value of this run could not be had. */
connector_status statement_check(struct statement *statement, connector_error *error);

/* Columns from 0; text and bytes are borrowed until the next step or statement_done(). */
const char *column_text(struct statement *statement, int column,
                        uint32_t *length); /* NULL is null */
const void *column_bytes(struct statement *statement, int column, size_t *length);
int64_t column_integer(struct statement *statement, int column); /* null is 0 */

/* ---- the file ---- */

/* Moves the write-ahead log into the file; `truncate` waits for readers and cuts it to nothing. */
connector_status connection_checkpoint(struct connection *connection, bool truncate,
                                       connector_error *error);

/* Copies all to a new file at `path`, page by page from one snapshot. */
connector_status connection_backup(struct connection *connection, const char *path,
                                   connector_progress_fn progress, void *user,
                                   connector_error *error);

/* The engine's own check: `report` gets each complaint. */
typedef connector_status (*complaint_fn)(void *user, const char *complaint, connector_error *error);
connector_status connection_integrity(struct connection *connection, complaint_fn report,
                                      void *user, connector_error *error);

#endif
