/*
 * What the files of this folder that know SQLite share.
 */
#ifndef ENGINE_SQLITE_H
#define ENGINE_SQLITE_H

#include "engine/engine.h"

#include <sqlite3.h>

enum { STATEMENTS_KEPT = 128 };

enum transaction_step {
  STEP_BEGIN_WRITE,
  STEP_BEGIN_READ,
  STEP_COMMIT,
  STEP_ROLLBACK,
  STEP_SAVEPOINT,
  STEP_RELEASE,
  STEP_ROLLBACK_TO,
  TRANSACTION_STEPS
};

struct statement {
  struct connection *connection;
  sqlite3_stmt *handle; /* NULL in a free place */
  struct statement_key key;
  char *text; /* owned; of a statement known by its text */
  size_t text_length;
  uint64_t used; /* tick of the last use: the least one makes room */
  int parameters;
  int bound;          /* of them in this run */
  const char *tenant; /* whose rows this run is to give, borrowed; NULL: of all */
  int failure;        /* the first bind that failed, or SQLITE_OK */
};

/* The write-ahead log as this connection last saw it. */
struct log_length {
  int64_t pages;
  int64_t page_bytes; /* with its header in the log; 0 until it matters */
  int64_t settle_at;  /* bytes from which readers are waited for */
  int64_t warn_at;
};

struct connection {
  sqlite3 *db;
  struct engine_options *options;
  connector_status failure; /* the last one */
  int64_t rounds;           /* of work since a statement was last begun */
  int64_t bound_most;       /* values bound to a statement so far */
  bool overrun;             /* a statement was stopped: it worked more than the file can hold */
  int64_t wait_started_us;
  int64_t patience_us; /* of a wait that is not for a write; 0: as the options say */
  struct log_length log;
  uint64_t tick;
  sqlite3_stmt *transactions[TRANSACTION_STEPS];
  struct statement statements[STATEMENTS_KEPT];
};

/* Fills the error from what a code of the engine means; `connection` may be NULL. */
connector_status connection_fail(struct connection *connection, int code, connector_error *error);

/* Has every statement of the connection do no more work than the file can hold. */
void work_bound(struct connection *connection);

void statements_close(struct connection *connection);

/* ---- sqlite_log.c, of the connection that writes ---- */

/* From now on commits move the log into the file. */
void log_watch(struct connection *connection);

/* Before a write: BUSY where the log is at its limit and a reader holds it there. */
connector_status log_make_room(struct connection *connection, connector_error *error);

#endif
