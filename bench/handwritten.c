/*
 * The hand-written program: its connection, its statements and its writes.
 */
#include "handwritten_parts.h"

#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LIVE "tenant_id = ?1 AND deleted_at IS NULL"
#define SELECT "SELECT " HANDWRITTEN_COLUMNS " FROM connector WHERE " LIVE

/* By what a sync is due, as the index has it. */
#define DUE_SYNC "(CASE WHEN enabled = 1 THEN coalesce(last_sync_at, 0) END)"

static const char *const texts[HANDWRITTEN_STATEMENTS] = {
  [HANDWRITTEN_BEGIN] = "BEGIN IMMEDIATE",
  [HANDWRITTEN_COMMIT] = "COMMIT",
  [HANDWRITTEN_ROLLBACK] = "ROLLBACK",
  [HANDWRITTEN_INSERT] = "INSERT INTO connector (" HANDWRITTEN_COLUMNS
                         ", row_check, token_lead) VALUES ("
                         "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
                         "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [HANDWRITTEN_UPDATE] = "UPDATE connector SET name = ?4, updated_at = max(updated_at, ?5), "
                         "updated_by = ?6, version = version + 1 WHERE " LIVE
                         " AND id = ?2 AND version = ?3",
  [HANDWRITTEN_DELETE] = "UPDATE connector SET deleted_at = ?4, deleted_by = ?5, updated_at = "
                         "max(updated_at, ?4), updated_by = ?5, version = version + 1 WHERE " LIVE
                         " AND id = ?2 AND version = ?3",
  [HANDWRITTEN_GET] = SELECT " AND id = ?2",
  [HANDWRITTEN_LIST] = SELECT " AND id > ?2 ORDER BY id LIMIT ?3",
  [HANDWRITTEN_LIST_OF_PROVIDER] = SELECT " AND id > ?2 AND provider = ?4 ORDER BY id LIMIT ?3",
  [HANDWRITTEN_EACH] = SELECT " ORDER BY id",
  [HANDWRITTEN_READ_HEAD] =
      "SELECT seq, changes, anchor_seq, anchor_changes, mac, anchor_mac, seal "
      "FROM history_head WHERE tenant_id = ?1",
  [HANDWRITTEN_WRITE_HEAD] =
      "INSERT INTO history_head (tenant_id, seq, changes, anchor_seq, anchor_changes, mac, "
      "anchor_mac, seal) VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id) DO UPDATE SET "
      "seq = excluded.seq, changes = excluded.changes, mac = excluded.mac, seal = excluded.seal",
  [HANDWRITTEN_INSERT_HISTORY] =
      "INSERT INTO history (seq, version, at, tenant_id, connector_id, app_id, kind, person_id, "
      "source, request_id, scope, owner_id, group_id, user_id, forward, back, mac) VALUES ("
      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
  [HANDWRITTEN_FEED] =
      "SELECT seq, connector_id, tenant_id, app_id, version, kind, at, person_id, "
      "request_id, source, reason, forward, back FROM history WHERE tenant_id = ?1 "
      "AND seq > ?2 ORDER BY seq LIMIT ?3",
  [HANDWRITTEN_READ_HEALTH] = "SELECT hours FROM health WHERE connector_id = ?1 AND tenant_id = ?2",
  [HANDWRITTEN_WRITE_HEALTH] =
      "INSERT INTO health (connector_id, tenant_id, hours) VALUES (?, ?, ?) ON CONFLICT "
      "(connector_id, tenant_id) DO UPDATE SET hours = excluded.hours, retry_at = NULL, "
      "first_error_at = NULL, warned_at = NULL, started_at = NULL",
  [HANDWRITTEN_REPORT] = "UPDATE connector SET updated_at = max(updated_at, ?3), updated_by = ?4, "
                         "sync_status = 'healthy', last_sync_at = ?3, consecutive_errors = 0, "
                         "last_error = NULL, metrics = ?5 WHERE " LIVE " AND id = ?2",
  [HANDWRITTEN_DUE] = SELECT " AND " DUE_SYNC " IS NOT NULL AND sync_after IS NULL AND " DUE_SYNC
                             " <= ?2 ORDER BY " DUE_SYNC " LIMIT ?3",
  [HANDWRITTEN_WAIT] = "UPDATE connector SET sync_after = ?3 WHERE " LIVE " AND id = ?2",
  [HANDWRITTEN_READ_FENCE] =
      "SELECT fence FROM lease WHERE connector_id = ?1 AND tenant_id = ?2 AND purpose = 'sync'",
  [HANDWRITTEN_LEASE] =
      "INSERT INTO lease (connector_id, tenant_id, purpose, fence, holder, expires_at) VALUES (?, "
      "?, 'sync', ?, ?, ?) ON CONFLICT (connector_id, tenant_id, purpose) DO UPDATE SET fence = "
      "excluded.fence, holder = excluded.holder, expires_at = excluded.expires_at",
};

/* ---- connection ---- */

static bool settle(sqlite3 *db, bool writes)
{
  static const char pragmas[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
                                "PRAGMA foreign_keys = 1; PRAGMA trusted_schema = 0;"
                                "PRAGMA cell_size_check = 1; PRAGMA temp_store = 2;";

  return sqlite3_busy_timeout(db, 5000) == SQLITE_OK &&
         sqlite3_exec(db, pragmas, NULL, NULL, NULL) == SQLITE_OK &&
         sqlite3_exec(db, writes ? "PRAGMA cache_size = -16384" : "PRAGMA cache_size = -4096", NULL,
                      NULL, NULL) == SQLITE_OK;
}

struct handwritten *handwritten_open(const char *path, const connector_caller *caller, bool writes)
{
  struct handwritten *program = calloc(1, sizeof(*program));

  if (program == NULL)
    return NULL;
  program->caller = caller;
  if (sqlite3_open_v2(path, &program->db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX, NULL) !=
          SQLITE_OK ||
      !settle(program->db, writes)) {
    fprintf(stderr, "hand-written program: %s: %s\n", path, sqlite3_errmsg(program->db));
    handwritten_close(program);
    return NULL;
  }
  return program;
}

bool handwritten_relax(struct handwritten *program)
{
  return sqlite3_exec(program->db, "PRAGMA synchronous = NORMAL", NULL, NULL, NULL) == SQLITE_OK;
}

void handwritten_close(struct handwritten *program)
{
  if (program == NULL)
    return;
  for (size_t i = 0; i < HANDWRITTEN_STATEMENTS; i++)
    (void)sqlite3_finalize(program->statements[i]);
  (void)sqlite3_close(program->db);
  free(program);
}

const char *handwritten_problem(const struct handwritten *program)
{
  return sqlite3_errmsg(program->db);
}

sqlite3_stmt *handwritten_prepared(struct handwritten *program, enum handwritten_statement which)
{
  sqlite3_stmt **statement = &program->statements[which];

  if (*statement == NULL)
    (void)sqlite3_prepare_v3(program->db, texts[which], -1, SQLITE_PREPARE_PERSISTENT, statement,
                             NULL);
  return *statement;
}

bool handwritten_run(sqlite3_stmt *statement)
{
  int code = sqlite3_step(statement);

  return sqlite3_reset(statement) == SQLITE_OK && code == SQLITE_DONE;
}

static bool run(struct handwritten *program, enum handwritten_statement which)
{
  sqlite3_stmt *statement = handwritten_prepared(program, which);

  return statement != NULL && handwritten_run(statement);
}

bool handwritten_begin(struct handwritten *program)
{
  return run(program, HANDWRITTEN_BEGIN);
}

bool handwritten_commit(struct handwritten *program)
{
  return run(program, HANDWRITTEN_COMMIT);
}

bool handwritten_end(struct handwritten *program, bool good)
{
  if (good && run(program, HANDWRITTEN_COMMIT))
    return true;
  (void)run(program, HANDWRITTEN_ROLLBACK);
  return false;
}

bool handwritten_checkpoint(struct handwritten *program)
{
  return sqlite3_wal_checkpoint_v2(program->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
         SQLITE_OK;
}

bool handwritten_prepare_file(struct handwritten *program, const char *sql)
{
  return sqlite3_exec(program->db, sql, NULL, NULL, NULL) == SQLITE_OK;
}

/* ---- ids ---- */

int64_t handwritten_now(void)
{
  struct timespec now = { 0 };

  (void)clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void next_bits(struct handwritten *program, int64_t now)
{
  if (now > program->id_time) {
    program->id_time = now;
    randombytes_buf(program->id_bits, sizeof(program->id_bits));
    program->id_bits[0] &= 0x7f;
    return;
  }
  for (size_t i = sizeof(program->id_bits); i-- > 0;)
    if (++program->id_bits[i] != 0)
      return;
}

/* `cnn_` and a ULID: 48 bits of time, 80 random ones, one more than the id before within the same
 * millisecond. */
void handwritten_next_id(struct handwritten *program, int64_t now, char id[HANDWRITTEN_ID])
{
  static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  uint64_t time = 0;
  char *out = id + 4;

  next_bits(program, now);
  time = (uint64_t)program->id_time;
  memcpy(id, "cnn_", 4);
  for (int i = 9; i >= 0; i--, time >>= 5)
    out[i] = digits[time & 31];
  for (int half = 0; half < 2; half++) {
    const unsigned char *bits = program->id_bits + 5 * half;
    uint64_t value = (uint64_t)bits[0] << 32 | (uint64_t)bits[1] << 24 | (uint64_t)bits[2] << 16 |
                     (uint64_t)bits[3] << 8 | bits[4];

    for (int i = 7; i >= 0; i--, value >>= 5)
      out[10 + 8 * half + i] = digits[value & 31];
  }
  id[HANDWRITTEN_ID - 1] = '\0';
}

/* ---- create ---- */

static void bind_stamps(struct handwritten *program, sqlite3_stmt *statement, int *at,
                        const connector_patch *patch, const char *id, int64_t now)
{
  static const char *const source_types[] = { "api",    "frontend", "backend",
                                              "server", "system",   "api" };
  const connector_caller *caller = program->caller;

  handwritten_text(statement, at, id);
  handwritten_text(statement, at, caller->tenant_id);
  handwritten_text(statement, at, caller->app_id);
  handwritten_number(statement, at, now);
  handwritten_number(statement, at, now);
  handwritten_text(statement, at, caller->person_id);
  handwritten_text(statement, at, caller->person_id);
  handwritten_text(statement, at, patch->source);
  handwritten_text(statement, at, source_types[patch->source_type]);
  handwritten_text(statement, at, NULL);
  handwritten_text(statement, at, NULL);
  handwritten_number(statement, at, 1);
}

static void bind_settings(sqlite3_stmt *statement, int *at, const connector_patch *patch)
{
  static const char *const scopes[] = { "org", "org", "user", "group" };

  handwritten_text(statement, at, patch->type);
  handwritten_text(statement, at, patch->provider);
  handwritten_text(statement, at, patch->name);
  handwritten_text(statement, at, scopes[patch->scope]);
  handwritten_text(statement, at, patch->owner_id);
  handwritten_text(statement, at, patch->group_id);
  handwritten_text(statement, at, patch->user_id);
  handwritten_text(statement, at, patch->config);
  handwritten_text(statement, at, patch->vault_path);
  handwritten_text(statement, at, patch->auth_type);
  handwritten_number(statement, at, patch->oauth_refresh_needed == CONNECTOR_YES);
  handwritten_moment(statement, at, patch->oauth_token_expires_at);
  handwritten_number(statement, at, patch->enabled != CONNECTOR_NO);
}

/* How long before its end a token is due: a fifth of its life, and 15 minutes, null, at most. */
static void bind_lead(sqlite3_stmt *statement, int *at, int64_t expires_at, int64_t now)
{
  int64_t lead = expires_at > now ? (expires_at - now) / 5 : 0;

  if (expires_at == 0 || lead >= 900000)
    (void)sqlite3_bind_null(statement, ++*at);
  else
    handwritten_number(statement, at, lead);
}

static void bind_health(sqlite3_stmt *statement, int *at, const connector_patch *patch, int64_t now)
{
  handwritten_text(statement, at, patch->sync_status);
  handwritten_moment(statement, at, patch->last_sync_at);
  handwritten_number(statement, at, patch->consecutive_errors);
  handwritten_text(statement, at, patch->last_error);
  handwritten_text(statement, at, patch->metrics);
  handwritten_text(statement, at, patch->event_types);
  handwritten_text(statement, at, patch->webhook_endpoint_id);
  handwritten_moment(statement, at, patch->credential_last_rotated_at);
  handwritten_moment(statement, at, patch->next_rotation_due);
  handwritten_text(statement, at, patch->tags);
  handwritten_number(statement, at, 1);
  handwritten_text(statement, at, patch->application_id);
  handwritten_number(statement, at,
                     0x7fffffff); /* row_check, which this program does not look at */
  bind_lead(statement, at, patch->oauth_token_expires_at, now);
}

bool handwritten_insert_row(struct handwritten *program, const connector_patch *patch,
                            const char *id, int64_t now)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_INSERT);
  int at = 0;

  if (statement == NULL)
    return false;
  bind_stamps(program, statement, &at, patch, id, now);
  bind_settings(statement, &at, patch);
  bind_health(statement, &at, patch, now);
  return handwritten_run(statement);
}

bool handwritten_create(struct handwritten *program, const connector_patch *patch,
                        char id[HANDWRITTEN_ID])
{
  char own[HANDWRITTEN_ID];
  int64_t now = handwritten_now();

  handwritten_next_id(program, now, own);
  if (!handwritten_insert_row(program, patch, own, now))
    return false;
  if (id != NULL)
    memcpy(id, own, sizeof(own));
  return true;
}

/* ---- update and delete ---- */

static void bind_target(struct handwritten *program, sqlite3_stmt *statement, int *at,
                        const char *id, int64_t version)
{
  handwritten_text(statement, at, program->caller->tenant_id);
  handwritten_text(statement, at, id);
  handwritten_number(statement, at, version);
}

static bool change_one(struct handwritten *program, sqlite3_stmt *statement)
{
  return handwritten_run(statement) && sqlite3_changes(program->db) == 1;
}

bool handwritten_update_row(struct handwritten *program, const char *id, int64_t version,
                            const char *name, int64_t now)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_UPDATE);
  int at = 0;

  if (statement == NULL)
    return false;
  bind_target(program, statement, &at, id, version);
  handwritten_text(statement, &at, name);
  handwritten_number(statement, &at, now);
  handwritten_text(statement, &at, program->caller->person_id);
  return change_one(program, statement);
}

bool handwritten_update(struct handwritten *program, const char *id, int64_t version,
                        const char *name)
{
  return handwritten_begin(program) &&
         handwritten_end(program,
                         handwritten_update_row(program, id, version, name, handwritten_now()));
}

static bool delete_row(struct handwritten *program, const char *id, int64_t version)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_DELETE);
  int at = 0;

  if (statement == NULL)
    return false;
  bind_target(program, statement, &at, id, version);
  handwritten_number(statement, &at, handwritten_now());
  handwritten_text(statement, &at, program->caller->person_id);
  return change_one(program, statement);
}

bool handwritten_delete(struct handwritten *program, const char *id, int64_t version)
{
  return handwritten_begin(program) && handwritten_end(program, delete_row(program, id, version));
}
