/*
 * Migrations, forward only. The text of a step never changes once it has been released: a new
 * column is a new step.
 */
#include "engine/schema.h"

#include "base/status.h"
#include "engine/due.h"
#include "engine/schema_check.h"

#include <stddef.h>

/*
 * `id` comes first in the key so that a record is found by its id alone too, and in the order of
 * creation over all tenants. A tenant's list has an index of its own, which knows what is deleted,
 * so that a list with or without deleted records reads no other tenant's entries and no deleted
 * row; what is deleted has one for purging by age.
 *
 * The engine takes `tenant_id` and `id` out of the index and the rest out of the row that the index
 * leads to. `row_check`, a hash of the two that no index holds, shows where damage made it lead to
 * another's row.
 */
static const char version_1[] =
    "CREATE TABLE meta (key TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE connector ("
    " id TEXT NOT NULL,"
    " tenant_id TEXT NOT NULL,"
    " app_id TEXT,"
    " created_at INTEGER NOT NULL,"
    " updated_at INTEGER NOT NULL,"
    " created_by TEXT,"
    " updated_by TEXT,"
    " source TEXT NOT NULL,"
    " source_type TEXT NOT NULL,"
    " deleted_at INTEGER,"
    " deleted_by TEXT,"
    " schema_version INTEGER NOT NULL,"
    " type TEXT,"
    " provider TEXT,"
    " name TEXT,"
    " scope TEXT NOT NULL,"
    " owner_id TEXT,"
    " group_id TEXT,"
    " user_id TEXT,"
    " config TEXT,"
    " vault_path TEXT,"
    " auth_type TEXT,"
    " oauth_refresh_needed INTEGER NOT NULL,"
    " oauth_token_expires_at INTEGER,"
    " enabled INTEGER NOT NULL,"
    " sync_status TEXT,"
    " last_sync_at INTEGER,"
    " consecutive_errors INTEGER NOT NULL,"
    " last_error TEXT,"
    " metrics TEXT,"
    " event_types TEXT,"
    " webhook_endpoint_id TEXT,"
    " credential_last_rotated_at INTEGER,"
    " next_rotation_due INTEGER,"
    " tags TEXT,"
    " version INTEGER NOT NULL,"
    " application_id TEXT,"
    " row_check INTEGER NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX connector_key ON connector (id, tenant_id);"
    "CREATE INDEX connector_list ON connector (tenant_id, id, deleted_at);"
    "CREATE INDEX connector_deleted ON connector (tenant_id, deleted_at)"
    " WHERE deleted_at IS NOT NULL;"
    "CREATE TABLE idempotency ("
    " tenant_id TEXT NOT NULL,"
    " app_id TEXT NOT NULL,"
    " key TEXT NOT NULL,"
    " content BLOB NOT NULL,"
    " connector_id TEXT NOT NULL,"
    " created_at INTEGER NOT NULL,"
    " PRIMARY KEY (tenant_id, app_id, key)"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO meta (key, value) VALUES"
    " ('store_id', lower(hex(randomblob(16)))), ('cursor_key', randomblob(32));"
    "PRAGMA application_id = 1129202516;" /* SCHEMA_APPLICATION_ID */
    "PRAGMA user_version = 1;";

_Static_assert(SCHEMA_APPLICATION_ID == 1129202516, "the pragma above writes this number");

/*
 * History: a row for each change, in commit order by `seq`. Who may see a change follows from the
 * same columns as for records; `was_...` are those before a change of them. `updated_by` is the
 * record's where it is not `person_id`, "" for none; `updated_at` where it is not `at`. `mac`
 * chains the tenant's rows; `history_head` holds the end of each chain and where trimming left off.
 *
 * Work that falls due has an index for each kind, by tenant and then by when: one of connectors
 * that are free, and one of those that wait for a lease to end or for another try, the `..._after`
 * columns. `token_lead` is how long before its expiry a token is due by default.
 */
static const char version_2[] =
    "CREATE TABLE history ("
    " seq INTEGER PRIMARY KEY,"
    " tenant_id TEXT NOT NULL,"
    " connector_id TEXT NOT NULL,"
    " app_id TEXT,"
    " version INTEGER NOT NULL,"
    " kind TEXT NOT NULL,"
    " at INTEGER NOT NULL,"
    " person_id TEXT,"
    " source TEXT,"
    " request_id TEXT,"
    " reason TEXT,"
    " updated_at INTEGER,"
    " updated_by TEXT,"
    " deleted_at INTEGER,"
    " deleted_by TEXT,"
    " scope TEXT NOT NULL,"
    " owner_id TEXT,"
    " group_id TEXT,"
    " user_id TEXT,"
    " was_scope TEXT,"
    " was_owner_id TEXT,"
    " was_group_id TEXT,"
    " was_user_id TEXT,"
    " forward TEXT,"
    " back TEXT,"
    " back_exact TEXT,"
    " mac BLOB NOT NULL"
    ") STRICT;"
    "CREATE INDEX history_feed ON history (tenant_id);"
    "CREATE INDEX history_of ON history (connector_id, tenant_id);"
    "CREATE TABLE history_head ("
    " tenant_id TEXT PRIMARY KEY,"
    " seq INTEGER NOT NULL,"
    " changes INTEGER NOT NULL,"
    " mac BLOB NOT NULL,"
    " anchor_seq INTEGER NOT NULL,"
    " anchor_changes INTEGER NOT NULL,"
    " anchor_mac BLOB NOT NULL,"
    " seal BLOB NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "INSERT INTO meta (key, value) VALUES ('history_key', randomblob(32)), ('fence', 0);"
    "CREATE TABLE health ("
    " connector_id TEXT NOT NULL,"
    " tenant_id TEXT NOT NULL,"
    " retry_at INTEGER,"
    " first_error_at INTEGER,"
    " warned_at INTEGER,"
    " started_at INTEGER,"
    " disabled_at INTEGER,"
    " refresh_errors INTEGER,"
    " first_sync_error_at INTEGER,"
    " needs_token INTEGER,"
    " hours TEXT,"
    " PRIMARY KEY (connector_id, tenant_id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE lease ("
    " connector_id TEXT NOT NULL,"
    " tenant_id TEXT NOT NULL,"
    " purpose TEXT NOT NULL,"
    " fence INTEGER NOT NULL,"
    " holder TEXT NOT NULL,"
    " expires_at INTEGER NOT NULL,"
    " wait_after INTEGER,"
    " PRIMARY KEY (connector_id, tenant_id, purpose)"
    ") STRICT, WITHOUT ROWID;"
    "ALTER TABLE connector ADD COLUMN token_lead INTEGER;"
    "ALTER TABLE connector ADD COLUMN refresh_after INTEGER;"
    "ALTER TABLE connector ADD COLUMN rotation_after INTEGER;"
    "ALTER TABLE connector ADD COLUMN sync_after INTEGER;"
    "CREATE INDEX connector_refresh ON connector (tenant_id," DUE_REFRESH_KEY ")"
    " WHERE " DUE_REFRESH_KEY " IS NOT NULL AND refresh_after IS NULL AND deleted_at IS NULL;"
    "CREATE INDEX connector_expiry ON connector (tenant_id," DUE_EXPIRY_KEY ")"
    " WHERE " DUE_EXPIRY_KEY " IS NOT NULL AND refresh_after IS NULL AND deleted_at IS NULL;"
    "CREATE INDEX connector_refresh_after ON connector (tenant_id, refresh_after)"
    " WHERE " DUE_REFRESH_KEY " IS NOT NULL AND refresh_after IS NOT NULL AND deleted_at IS NULL;"
    "CREATE INDEX connector_rotation ON connector (tenant_id," DUE_ROTATION_KEY ")"
    " WHERE " DUE_ROTATION_KEY " IS NOT NULL AND rotation_after IS NULL AND deleted_at IS NULL;"
    "CREATE INDEX connector_rotation_after ON connector (tenant_id, rotation_after)"
    " WHERE " DUE_ROTATION_KEY " IS NOT NULL AND rotation_after IS NOT NULL AND deleted_at IS NULL;"
    "CREATE INDEX connector_sync ON connector (tenant_id," DUE_SYNC_KEY ")"
    " WHERE " DUE_SYNC_KEY " IS NOT NULL AND sync_after IS NULL AND deleted_at IS NULL;"
    "CREATE INDEX connector_sync_after ON connector (tenant_id, sync_after)"
    " WHERE " DUE_SYNC_KEY " IS NOT NULL AND sync_after IS NOT NULL AND deleted_at IS NULL;"
    "PRAGMA user_version = 2;";

/*
 * The sealed vault: a root, a key for each tenant and term, secrets, and their versions. What the
 * bytes are is in seal.h; all of it is authenticated by
 * keys that are not in the file.
 */
static const char version_3[] =
    "CREATE TABLE sealed_root ("
    " id INTEGER PRIMARY KEY,"
    " form INTEGER NOT NULL,"
    " passes INTEGER NOT NULL,"
    " memory INTEGER NOT NULL,"
    " salt BLOB NOT NULL,"
    " term INTEGER NOT NULL,"
    " generation INTEGER NOT NULL,"
    " mac BLOB NOT NULL,"
    " digest BLOB NOT NULL"
    ") STRICT;"
    "CREATE TABLE sealed_key ("
    " tenant_id TEXT NOT NULL,"
    " term INTEGER NOT NULL,"
    " wrapped BLOB NOT NULL,"
    " PRIMARY KEY (tenant_id, term)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE sealed_secret ("
    " seq INTEGER PRIMARY KEY AUTOINCREMENT,"
    " tenant_id TEXT NOT NULL,"
    " connector_id TEXT NOT NULL,"
    " path TEXT NOT NULL,"
    " app_id TEXT,"
    " term INTEGER NOT NULL,"
    " current INTEGER NOT NULL,"
    " versions BLOB NOT NULL,"
    " mac BLOB NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX sealed_secret_key ON sealed_secret (connector_id, tenant_id, path);"
    "CREATE INDEX sealed_secret_term ON sealed_secret (tenant_id, term);"
    "CREATE TABLE sealed_version ("
    " secret INTEGER NOT NULL,"
    " version INTEGER NOT NULL,"
    " tenant_id TEXT NOT NULL,"
    " wrapped BLOB NOT NULL,"
    " commitment BLOB NOT NULL,"
    " box BLOB NOT NULL,"
    " PRIMARY KEY (secret, version)"
    ") STRICT;"
    "PRAGMA user_version = 3;";

static const char *const steps[SCHEMA_VERSION] = { version_1, version_2, version_3 };

static connector_status look(struct connection *connection, int64_t *application_id,
                             int64_t *version, connector_error *error)
{
  connector_status status = connection_integer(connection, "PRAGMA application_id", application_id,
                                               error);

  return status == CONNECTOR_OK
             ? connection_integer(connection, "PRAGMA user_version", version, error)
             : status;
}

/* A file without our id may become ours where it is empty. */
static connector_status check_empty(struct connection *connection, int64_t application_id,
                                    int64_t version, connector_error *error)
{
  int64_t tables = 0;
  connector_status status = connection_integer(connection, "SELECT count(name) FROM sqlite_schema",
                                               &tables, error);

  if (status == CONNECTOR_OK && (application_id != 0 || version != 0 || tables != 0))
    status = error_set(error, CONNECTOR_CORRUPT, NULL, "the file belongs to another program");
  return status;
}

static connector_status settle_state(int64_t version, enum schema_state *state,
                                     connector_error *error)
{
  if (version > SCHEMA_VERSION)
    return error_set(error, CONNECTOR_SCHEMA, NULL,
                     "the file has schema %lld and this library knows up to %d", (long long)version,
                     SCHEMA_VERSION);
  if (version < 1)
    return error_set(error, CONNECTOR_CORRUPT, NULL, "the file has no schema version");
  *state = version == SCHEMA_VERSION ? SCHEMA_CURRENT : SCHEMA_OLD;
  return CONNECTOR_OK;
}

static connector_status look_inside(struct connection *connection, enum schema_state *state,
                                    connector_error *error)
{
  int64_t application_id = 0;
  int64_t version = 0;
  bool same = false;
  connector_status status = look(connection, &application_id, &version, error);

  if (status == CONNECTOR_OK && application_id != SCHEMA_APPLICATION_ID) {
    *state = SCHEMA_EMPTY;
    return check_empty(connection, application_id, version, error);
  }
  if (status == CONNECTOR_OK)
    status = settle_state(version, state, error);
  if (status == CONNECTOR_OK)
    status = schema_compare(connection, steps, (size_t)version, &same, error);
  if (status == CONNECTOR_OK && !same)
    status = error_set(error, CONNECTOR_CORRUPT, NULL, "the file's schema is not that of a store");
  return status;
}

/* All is read from one snapshot, for another process may be making the file ours meanwhile. */
connector_status schema_look(struct connection *connection, enum schema_state *state,
                             connector_error *error)
{
  bool own = !connection_in_transaction(connection);
  connector_status status = own ? connection_begin_read(connection, error) : CONNECTOR_OK;

  if (status != CONNECTOR_OK)
    return status;
  status = look_inside(connection, state, error);
  if (own)
    connection_rollback(connection);
  return status;
}

/* One step, unless another process has taken it meanwhile. */
static connector_status take_next(struct connection *connection, bool *done, connector_error *error)
{
  enum schema_state state = SCHEMA_CURRENT;
  int64_t version = 0;
  connector_status status = connection_begin_write(connection, error);

  if (status != CONNECTOR_OK)
    return status;
  status = schema_look(connection, &state, error);
  *done = state == SCHEMA_CURRENT;
  if (status == CONNECTOR_OK)
    status = connection_integer(connection, "PRAGMA user_version", &version, error);
  if (status == CONNECTOR_OK && !*done)
    status = connection_run(connection, steps[version], error);
  if (status == CONNECTOR_OK)
    return connection_commit(connection, error);
  connection_rollback(connection);
  return status;
}

connector_status schema_migrate(struct connection *connection, connector_error *error)
{
  bool done = false;
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && !done)
    status = take_next(connection, &done, error);
  return status;
}
