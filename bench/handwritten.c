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

static const char *const texts[HANDWRITTEN_STATEMENTS] = {
  [HANDWRITTEN_BEGIN] = "BEGIN IMMEDIATE",
  [HANDWRITTEN_COMMIT] = "COMMIT",
  [HANDWRITTEN_ROLLBACK] = "ROLLBACK",
  [HANDWRITTEN_INSERT] =
      "INSERT INTO connector (" HANDWRITTEN_COLUMNS ", row_check) VALUES (?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, "
      "?, ?, ?, ?, ?, ?)",
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

bool handwritten_checkpoint(struct handwritten *program)
{
  return sqlite3_wal_checkpoint_v2(program->db, NULL, SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL) ==
         SQLITE_OK;
}

/* ---- ids ---- */

static int64_t now_ms(void)
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
static void next_id(struct handwritten *program, int64_t now, char id[HANDWRITTEN_ID])
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

static void text(sqlite3_stmt *statement, int *at, const char *value)
{
  (void)sqlite3_bind_text(statement, ++*at, value, -1, SQLITE_STATIC);
}

static void number(sqlite3_stmt *statement, int *at, int64_t value)
{
  (void)sqlite3_bind_int64(statement, ++*at, value);
}

static void moment(sqlite3_stmt *statement, int *at, int64_t value)
{
  if (value == 0)
    (void)sqlite3_bind_null(statement, ++*at);
  else
    (void)sqlite3_bind_int64(statement, ++*at, value);
}

static void bind_stamps(struct handwritten *program, sqlite3_stmt *statement, int *at,
                        const connector_patch *patch, const char *id, int64_t now)
{
  static const char *const source_types[] = { "api",    "frontend", "backend",
                                              "server", "system",   "api" };
  const connector_caller *caller = program->caller;

  text(statement, at, id);
  text(statement, at, caller->tenant_id);
  text(statement, at, caller->app_id);
  number(statement, at, now);
  number(statement, at, now);
  text(statement, at, caller->person_id);
  text(statement, at, caller->person_id);
  text(statement, at, patch->source);
  text(statement, at, source_types[patch->source_type]);
  text(statement, at, NULL);
  text(statement, at, NULL);
  number(statement, at, 1);
}

static void bind_settings(sqlite3_stmt *statement, int *at, const connector_patch *patch)
{
  static const char *const scopes[] = { "org", "org", "user", "group" };

  text(statement, at, patch->type);
  text(statement, at, patch->provider);
  text(statement, at, patch->name);
  text(statement, at, scopes[patch->scope]);
  text(statement, at, patch->owner_id);
  text(statement, at, patch->group_id);
  text(statement, at, patch->user_id);
  text(statement, at, patch->config);
  text(statement, at, patch->vault_path);
  text(statement, at, patch->auth_type);
  number(statement, at, patch->oauth_refresh_needed == CONNECTOR_YES);
  moment(statement, at, patch->oauth_token_expires_at);
  number(statement, at, patch->enabled != CONNECTOR_NO);
}

static void bind_health(sqlite3_stmt *statement, int *at, const connector_patch *patch)
{
  text(statement, at, patch->sync_status);
  moment(statement, at, patch->last_sync_at);
  number(statement, at, patch->consecutive_errors);
  text(statement, at, patch->last_error);
  text(statement, at, patch->metrics);
  text(statement, at, patch->event_types);
  text(statement, at, patch->webhook_endpoint_id);
  moment(statement, at, patch->credential_last_rotated_at);
  moment(statement, at, patch->next_rotation_due);
  text(statement, at, patch->tags);
  number(statement, at, 1);
  text(statement, at, patch->application_id);
  number(statement, at, 0x7fffffff); /* row_check, which this program does not look at */
}

bool handwritten_create(struct handwritten *program, const connector_patch *patch,
                        char id[HANDWRITTEN_ID])
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_INSERT);
  char own[HANDWRITTEN_ID];
  int64_t now = now_ms();
  int at = 0;

  if (statement == NULL)
    return false;
  next_id(program, now, own);
  bind_stamps(program, statement, &at, patch, own, now);
  bind_settings(statement, &at, patch);
  bind_health(statement, &at, patch);
  if (!handwritten_run(statement))
    return false;
  if (id != NULL)
    memcpy(id, own, sizeof(own));
  return true;
}

/* ---- update and delete ---- */

/* Runs a statement that must hit one row, in a transaction of its own. */
static bool change_one(struct handwritten *program, sqlite3_stmt *statement)
{
  if (!run(program, HANDWRITTEN_BEGIN)) {
    (void)sqlite3_reset(statement);
    return false;
  }
  if (handwritten_run(statement) && sqlite3_changes(program->db) == 1 &&
      run(program, HANDWRITTEN_COMMIT))
    return true;
  (void)run(program, HANDWRITTEN_ROLLBACK);
  return false;
}

static void bind_target(struct handwritten *program, sqlite3_stmt *statement, int *at,
                        const char *id, int64_t version)
{
  text(statement, at, program->caller->tenant_id);
  text(statement, at, id);
  number(statement, at, version);
}

bool handwritten_update(struct handwritten *program, const char *id, int64_t version,
                        const char *name)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_UPDATE);
  int at = 0;

  if (statement == NULL)
    return false;
  bind_target(program, statement, &at, id, version);
  text(statement, &at, name);
  number(statement, &at, now_ms());
  text(statement, &at, program->caller->person_id);
  return change_one(program, statement);
}

bool handwritten_delete(struct handwritten *program, const char *id, int64_t version)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_DELETE);
  int at = 0;

  if (statement == NULL)
    return false;
  bind_target(program, statement, &at, id, version);
  number(statement, &at, now_ms());
  text(statement, &at, program->caller->person_id);
  return change_one(program, statement);
}
