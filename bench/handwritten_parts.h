/*
 * What the files of the hand-written program share.
 */
#ifndef BENCH_HANDWRITTEN_PARTS_H
#define BENCH_HANDWRITTEN_PARTS_H

#include "handwritten.h"

#include <sqlite3.h>

enum handwritten_statement {
  HANDWRITTEN_BEGIN,
  HANDWRITTEN_COMMIT,
  HANDWRITTEN_ROLLBACK,
  HANDWRITTEN_INSERT,
  HANDWRITTEN_UPDATE,
  HANDWRITTEN_DELETE,
  HANDWRITTEN_GET,
  HANDWRITTEN_LIST,
  HANDWRITTEN_LIST_OF_PROVIDER,
  HANDWRITTEN_EACH,
  HANDWRITTEN_READ_HEAD,
  HANDWRITTEN_WRITE_HEAD,
  HANDWRITTEN_INSERT_HISTORY,
  HANDWRITTEN_FEED,
  HANDWRITTEN_READ_HEALTH,
  HANDWRITTEN_WRITE_HEALTH,
  HANDWRITTEN_REPORT,
  HANDWRITTEN_DUE,
  HANDWRITTEN_WAIT,
  HANDWRITTEN_READ_FENCE,
  HANDWRITTEN_LEASE,
  HANDWRITTEN_STATEMENTS
};

struct handwritten {
  sqlite3 *db;
  sqlite3_stmt *statements[HANDWRITTEN_STATEMENTS]; /* prepared at first use and kept */
  const connector_caller *caller;
  int64_t id_time;           /* milliseconds of the newest id */
  unsigned char id_bits[10]; /* its random part */
  char holder[64];           /* of this program's leases; "" until the first is taken */
};

/* The columns in the order of the table. */
#define HANDWRITTEN_COLUMNS                                                                        \
  "id, tenant_id, app_id, created_at, updated_at, created_by, updated_by, source, source_type, "   \
  "deleted_at, deleted_by, schema_version, type, provider, name, scope, owner_id, group_id, "      \
  "user_id, config, vault_path, auth_type, oauth_refresh_needed, oauth_token_expires_at, "         \
  "enabled, sync_status, last_sync_at, consecutive_errors, last_error, metrics, event_types, "     \
  "webhook_endpoint_id, credential_last_rotated_at, next_rotation_due, tags, version, "            \
  "application_id"

/* The statement, prepared; NULL where that fails. */
sqlite3_stmt *handwritten_prepared(struct handwritten *program, enum handwritten_statement which);

/* Runs a statement to its end and resets it. */
bool handwritten_run(sqlite3_stmt *statement);

/* Ends a transaction: commits where all was good, else rolls back. Returns whether it is committed.
 */
bool handwritten_end(struct handwritten *program, bool good);

int64_t handwritten_now(void);
void handwritten_next_id(struct handwritten *program, int64_t now, char id[HANDWRITTEN_ID]);

/* The INSERT and the UPDATE alone, in the transaction that is open, or their own where none is. */
bool handwritten_insert_row(struct handwritten *program, const connector_patch *patch,
                            const char *id, int64_t now);
bool handwritten_update_row(struct handwritten *program, const char *id, int64_t version,
                            const char *name, int64_t now);

/* ---- binding: each is the next parameter after `*at` ---- */

static inline void handwritten_text(sqlite3_stmt *statement, int *at, const char *value)
{
  (void)sqlite3_bind_text(statement, ++*at, value, -1, SQLITE_STATIC);
}

static inline void handwritten_number(sqlite3_stmt *statement, int *at, int64_t value)
{
  (void)sqlite3_bind_int64(statement, ++*at, value);
}

/* A time: 0 is none. */
static inline void handwritten_moment(sqlite3_stmt *statement, int *at, int64_t value)
{
  if (value == 0)
    (void)sqlite3_bind_null(statement, ++*at);
  else
    (void)sqlite3_bind_int64(statement, ++*at, value);
}

/* ---- pages ---- */

/* Memory for the text of many rows, in a few blocks. NULL where there is none. */
char *handwritten_room(struct text_block **blocks, size_t bytes);
void handwritten_blocks_free(struct text_block *blocks);

/* Reads up to `limit` rows of a statement whose columns are HANDWRITTEN_COLUMNS, and resets it. */
struct handwritten_page *handwritten_read_page(sqlite3_stmt *statement, unsigned limit);

/* ---- history ---- */

/* What the history keeps of one change; the rest is the caller's. */
struct handwritten_change {
  const char *kind;
  const char *id;
  const char *app_id;
  int64_t version; /* after the change */
  int64_t at;
  connector_scope scope;
  const char *owner_id;
  const char *group_id;
  const char *user_id;
  const char *forward;
  const char *back; /* NULL for none */
};

/* Adds a change to the end of the tenant's chain, in the transaction that is open. */
bool handwritten_tell(struct handwritten *program, const struct handwritten_change *change);

#endif
