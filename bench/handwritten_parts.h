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
  HANDWRITTEN_STATEMENTS
};

struct handwritten {
  sqlite3 *db;
  sqlite3_stmt *statements[HANDWRITTEN_STATEMENTS]; /* prepared at first use and kept */
  const connector_caller *caller;
  int64_t id_time;           /* milliseconds of the newest id */
  unsigned char id_bits[10]; /* its random part */
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

#endif
