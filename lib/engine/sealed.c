/*
 * The tables `sealed_root`, `sealed_key`, `sealed_secret` and `sealed_version`.
 */
#include "engine/sealed.h"

#include "base/status.h"

#include <string.h>

static connector_status start(struct connection *connection, const char *sql,
                              struct statement **out, connector_error *error)
{
  return statement_get_text(connection, 0, NULL, sql, strlen(sql), out, error);
}

/* The same with a tenant as the first value, and a number behind it. */
static connector_status start_for(struct connection *connection, const char *sql,
                                  const char *tenant, int64_t number, struct statement **out,
                                  connector_error *error)
{
  connector_status status = start(connection, sql, out, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(*out, tenant);
  bind_integer(*out, number);
  return CONNECTOR_OK;
}

/* ---- columns ---- */

/* Copies a column of a fixed length. */
static connector_status read_bytes(struct statement *statement, int column, void *bytes,
                                   size_t size, connector_error *error)
{
  size_t length = 0;
  const void *found = column_bytes(statement, column, &length);

  if (length != size)
    return error_set(error, CONNECTOR_SECRET_TAMPERED, NULL,
                     "what was sealed is not as long as it was");
  memcpy(bytes, found, size);
  return CONNECTOR_OK;
}

static connector_status keep_bytes(struct statement *statement, int column, const void **bytes,
                                   size_t *length, struct arena *arena, connector_error *error)
{
  const void *found = column_bytes(statement, column, length);
  char *copy = NULL;

  *bytes = NULL;
  if (found == NULL)
    return CONNECTOR_OK;
  copy = arena_alloc(arena, *length);
  if (copy == NULL)
    return error_no_memory(error);
  memcpy(copy, found, *length);
  *bytes = copy;
  return CONNECTOR_OK;
}

static connector_status keep_text(struct statement *statement, int column, const char **text,
                                  struct arena *arena, connector_error *error)
{
  uint32_t length = 0;
  const char *found = column_text(statement, column, &length);

  *text = found != NULL ? arena_copy(arena, found, length) : NULL;
  return found != NULL && *text == NULL ? error_no_memory(error) : CONNECTOR_OK;
}

/* Steps to a row that may be there; `*found` false ends the run. */
static connector_status step_once(struct statement *statement, bool *found, connector_error *error)
{
  connector_status status = statement_step(statement, found, error);

  if (status != CONNECTOR_OK || !*found)
    statement_done(statement);
  return status;
}

/* ---- the root ---- */

static connector_status read_root(struct statement *statement, struct sealed_root *root,
                                  connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  root->form = column_integer(statement, 0);
  root->passes = column_integer(statement, 1);
  root->memory = column_integer(statement, 2);
  root->term = column_integer(statement, 3);
  root->generation = column_integer(statement, 4);
  status = read_bytes(statement, 5, root->salt, SEALED_SALT, error);
  if (status == CONNECTOR_OK)
    status = read_bytes(statement, 6, root->mac, SEALED_MAC, error);
  if (status == CONNECTOR_OK)
    status = read_bytes(statement, 7, root->digest, SEALED_MAC, error);
  return status;
}

connector_status sealed_root_find(struct connection *connection, struct sealed_root *root,
                                  bool *found, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(connection,
                                  "SELECT form, passes, memory, term, generation, salt, mac, digest"
                                  " FROM sealed_root WHERE id = 1",
                                  &statement, error);

  *found = false;
  if (status == CONNECTOR_OK)
    status = step_once(statement, found, error);
  if (status != CONNECTOR_OK || !*found)
    return status;
  status = read_root(statement, root, error);
  statement_done(statement);
  return status;
}

connector_status sealed_root_put(struct connection *connection, const struct sealed_root *root,
                                 connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(connection,
                                  "INSERT OR REPLACE INTO sealed_root (id, form, passes, memory,"
                                  " term, generation, salt, mac, digest)"
                                  " VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)",
                                  &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, root->form);
  bind_integer(statement, root->passes);
  bind_integer(statement, root->memory);
  bind_integer(statement, root->term);
  bind_integer(statement, root->generation);
  bind_bytes(statement, root->salt, SEALED_SALT);
  bind_bytes(statement, root->mac, SEALED_MAC);
  bind_bytes(statement, root->digest, SEALED_MAC);
  return statement_run(statement, error);
}

/* ---- keys of tenants ---- */

/* Ends the run. The columns are term, wrapped. */
static connector_status take_key(struct statement *statement, struct sealed_key *key, bool *found,
                                 connector_error *error)
{
  connector_status status = step_once(statement, found, error);

  if (status != CONNECTOR_OK || !*found)
    return status;
  key->term = column_integer(statement, 0);
  status = read_bytes(statement, 1, key->wrapped, SEALED_WRAPPED, error);
  statement_done(statement);
  return status;
}

connector_status sealed_key_find(struct connection *connection, const char *tenant, int64_t term,
                                 struct sealed_key *key, bool *found, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start_for(connection,
                                      "SELECT term, wrapped FROM sealed_key WHERE tenant_id = ?1"
                                      " AND (term = ?2 OR ?2 = 0) ORDER BY term DESC LIMIT 1",
                                      tenant, term, &statement, error);

  *found = false;
  return status == CONNECTOR_OK ? take_key(statement, key, found, error) : status;
}

connector_status sealed_key_oldest(struct connection *connection, const char *tenant,
                                   struct sealed_key *key, bool *found, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(connection,
                                  "SELECT term, wrapped FROM sealed_key WHERE tenant_id = ?"
                                  " ORDER BY term LIMIT 1",
                                  &statement, error);

  *found = false;
  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, tenant);
  return take_key(statement, key, found, error);
}

connector_status sealed_key_next(struct connection *connection, const char *after_tenant,
                                 int64_t after_term, const char **tenant, struct sealed_key *key,
                                 struct arena *arena, bool *found, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start_for(connection,
                                      "SELECT term, wrapped, tenant_id FROM sealed_key"
                                      " WHERE (tenant_id, term) > (?, ?)"
                                      " AND instr(tenant_id, char(0)) = 0"
                                      " ORDER BY tenant_id, term LIMIT 1",
                                      after_tenant, after_term, &statement, error);

  *found = false;
  if (status != CONNECTOR_OK)
    return status;
  status = step_once(statement, found, error);
  if (status != CONNECTOR_OK || !*found)
    return status;
  key->term = column_integer(statement, 0);
  status = keep_text(statement, 2, tenant, arena, error);
  if (status == CONNECTOR_OK)
    status = read_bytes(statement, 1, key->wrapped, SEALED_WRAPPED, error);
  statement_done(statement);
  return status;
}

connector_status sealed_key_count(struct connection *connection, int64_t *count,
                                  connector_error *error)
{
  return connection_integer(connection, "SELECT count(term) FROM sealed_key", count, error);
}

connector_status sealed_key_put(struct connection *connection, const char *tenant,
                                const struct sealed_key *key, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start_for(connection,
                                      "INSERT OR REPLACE INTO sealed_key (tenant_id, term, wrapped)"
                                      " VALUES (?, ?, ?)",
                                      tenant, key->term, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_bytes(statement, key->wrapped, SEALED_WRAPPED);
  return statement_run(statement, error);
}

connector_status sealed_key_remove(struct connection *connection, const char *tenant, int64_t term,
                                   connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start_for(connection,
                                      "DELETE FROM sealed_key WHERE tenant_id = ? AND term = ?",
                                      tenant, term, &statement, error);

  return status == CONNECTOR_OK ? statement_run(statement, error) : status;
}

/* ---- secrets ---- */

#define HEAD_COLUMNS "s.seq, s.term, s.current, s.versions, s.mac, s.app_id"

enum { HEAD_COLUMN_COUNT = 6, VERSION_COLUMN_COUNT = 4 };

static connector_status read_head(struct statement *statement, struct sealed_secret *secret,
                                  struct arena *arena, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  secret->seq = column_integer(statement, 0);
  secret->term = column_integer(statement, 1);
  secret->current = column_integer(statement, 2);
  status = keep_bytes(statement, 3, &secret->versions, &secret->versions_length, arena, error);
  if (status == CONNECTOR_OK)
    status = read_bytes(statement, 4, secret->mac, SEALED_MAC, error);
  return status == CONNECTOR_OK ? keep_text(statement, 5, &secret->app_id, arena, error) : status;
}

/* The columns from `first` on: version, wrapped, commitment, box. */
static connector_status read_version(struct statement *statement, int first,
                                     struct sealed_version *row, struct arena *arena,
                                     connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  row->version = column_integer(statement, first);
  status = keep_bytes(statement, first + 1, &row->wrapped, &row->wrapped_length, arena, error);
  if (status == CONNECTOR_OK)
    status = keep_bytes(statement, first + 2, &row->commitment, &row->commitment_length, arena,
                        error);
  if (status == CONNECTOR_OK)
    status = keep_bytes(statement, first + 3, &row->box, &row->box_length, arena, error);
  return status == CONNECTOR_OK ? statement_check(statement, error) : status;
}

connector_status sealed_find(struct connection *connection, const struct owner *owner,
                             const char *path, int64_t version, struct sealed_secret *secret,
                             struct sealed_version *row, struct arena *arena, bool *found,
                             connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(
      connection,
      "SELECT " HEAD_COLUMNS ", v.version, v.wrapped, v.commitment, v.box,"
      " EXISTS (SELECT 1 FROM sealed_version n WHERE n.secret = s.seq"
      "  AND n.version > s.current AND n.tenant_id = s.tenant_id)"
      " FROM sealed_secret s"
      " LEFT JOIN sealed_version v ON v.secret = s.seq AND v.tenant_id = s.tenant_id"
      " AND v.version = CASE ?4 WHEN 0 THEN s.current ELSE ?4 END"
      " WHERE s.connector_id = ?1 AND s.tenant_id = ?2 AND s.path = ?3",
      &statement, error);

  *found = false;
  *row = (struct sealed_version){ 0 };
  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, owner->id);
  bind_text(statement, owner->tenant);
  bind_text(statement, path);
  bind_integer(statement, version);
  status = step_once(statement, found, error);
  if (status != CONNECTOR_OK || !*found)
    return status;
  secret->tenant_id = owner->tenant;
  secret->connector_id = owner->id;
  secret->path = path;
  status = read_head(statement, secret, arena, error);
  if (status == CONNECTOR_OK)
    status = read_version(statement, HEAD_COLUMN_COUNT, row, arena, error);
  secret->is_behind = column_integer(statement, HEAD_COLUMN_COUNT + VERSION_COLUMN_COUNT) != 0;
  statement_done(statement);
  return status;
}

connector_status sealed_of_term(struct connection *connection, const char *tenant, int64_t term,
                                int64_t after, struct sealed_secret *secret, struct arena *arena,
                                bool *found, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start_for(connection,
                                      "SELECT " HEAD_COLUMNS
                                      ", s.connector_id, s.path FROM sealed_secret s"
                                      " WHERE s.tenant_id = ? AND s.term = ? AND s.seq > ?"
                                      " ORDER BY s.seq LIMIT 1",
                                      tenant, term, &statement, error);

  *found = false;
  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, after);
  status = step_once(statement, found, error);
  if (status != CONNECTOR_OK || !*found)
    return status;
  secret->tenant_id = tenant;
  status = read_head(statement, secret, arena, error);
  if (status == CONNECTOR_OK)
    status = keep_text(statement, HEAD_COLUMN_COUNT, &secret->connector_id, arena, error);
  if (status == CONNECTOR_OK)
    status = keep_text(statement, HEAD_COLUMN_COUNT + 1, &secret->path, arena, error);
  statement_done(statement);
  return status;
}

connector_status sealed_count_others(struct connection *connection, const char *tenant,
                                     int64_t term, int64_t *count, connector_error *error)
{
  struct statement *statement = NULL;
  bool found = false;
  connector_status status = start_for(connection,
                                      "SELECT count(*) FROM sealed_secret"
                                      " WHERE tenant_id = ? AND term <> ?",
                                      tenant, term, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  status = statement_step(statement, &found, error);
  if (status == CONNECTOR_OK)
    *count = column_integer(statement, 0);
  statement_done(statement);
  return status;
}

static connector_status insert(struct connection *connection, struct sealed_secret *secret,
                               connector_error *error)
{
  struct statement *statement = NULL;
  bool found = false;
  connector_status status = start(connection,
                                  "INSERT INTO sealed_secret (term, current, versions, mac,"
                                  " tenant_id, connector_id, path, app_id)"
                                  " VALUES (?, ?, ?, ?, ?, ?, ?, ?) RETURNING seq",
                                  &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, secret->term);
  bind_integer(statement, secret->current);
  bind_bytes(statement, secret->versions, secret->versions_length);
  bind_bytes(statement, secret->mac, SEALED_MAC);
  bind_text(statement, secret->tenant_id);
  bind_text(statement, secret->connector_id);
  bind_text(statement, secret->path);
  bind_text(statement, secret->app_id);
  status = statement_step(statement, &found, error);
  if (status == CONNECTOR_OK && found)
    secret->seq = column_integer(statement, 0);
  statement_done(statement);
  return status;
}

connector_status sealed_put(struct connection *connection, struct sealed_secret *secret,
                            connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = CONNECTOR_OK;

  if (secret->seq == 0)
    return insert(connection, secret, error);
  status = start(connection,
                 "UPDATE sealed_secret SET term = ?, current = ?, versions = ?, mac = ?"
                 " WHERE tenant_id = ? AND seq = ?",
                 &statement, error);
  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, secret->term);
  bind_integer(statement, secret->current);
  bind_bytes(statement, secret->versions, secret->versions_length);
  bind_bytes(statement, secret->mac, SEALED_MAC);
  bind_text(statement, secret->tenant_id);
  bind_integer(statement, secret->seq);
  return statement_run(statement, error);
}

connector_status sealed_remove(struct connection *connection, const struct sealed_secret *secret,
                               connector_error *error)
{
  static const char *const texts[] = {
    "DELETE FROM sealed_version WHERE tenant_id = ? AND secret = ?",
    "DELETE FROM sealed_secret WHERE tenant_id = ? AND seq = ?",
  };
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct statement *statement = NULL;

    status = start_for(connection, texts[i], secret->tenant_id, secret->seq, &statement, error);
    if (status != CONNECTOR_OK)
      return status;
    status = statement_run(statement, error);
  }
  return status;
}

connector_status sealed_remove_all(struct connection *connection, const struct owner *owner,
                                   bool *removed, connector_error *error)
{
  static const char *const texts[] = {
    "DELETE FROM sealed_version WHERE tenant_id = ?2 AND secret IN"
    " (SELECT seq FROM sealed_secret WHERE connector_id = ?1 AND tenant_id = ?2)",
    "DELETE FROM sealed_secret WHERE connector_id = ?1 AND tenant_id = ?2",
  };
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct statement *statement = NULL;

    status = start(connection, texts[i], &statement, error);
    if (status != CONNECTOR_OK)
      return status;
    bind_text(statement, owner->id);
    bind_text(statement, owner->tenant);
    status = statement_run(statement, error);
  }
  *removed = status == CONNECTOR_OK && connection_changes(connection) > 0;
  return status;
}

/* ---- versions ---- */

connector_status sealed_version_find(struct connection *connection,
                                     const struct sealed_secret *secret, int64_t version,
                                     struct sealed_version *row, struct arena *arena,
                                     connector_error *error)
{
  struct statement *statement = NULL;
  bool found = false;
  connector_status status = start_for(
      connection,
      "SELECT version, wrapped, commitment, NULL FROM sealed_version"
      " WHERE tenant_id = ? AND secret = ? AND version = ?",
      secret->tenant_id, secret->seq, &statement, error);

  *row = (struct sealed_version){ 0 };
  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, version);
  status = step_once(statement, &found, error);
  if (status != CONNECTOR_OK || !found)
    return status;
  status = read_version(statement, 0, row, arena, error);
  statement_done(statement);
  return status;
}

connector_status sealed_version_put(struct connection *connection,
                                    const struct sealed_secret *secret,
                                    const struct sealed_version *row, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start_for(
      connection,
      "INSERT OR REPLACE INTO sealed_version (tenant_id, secret,"
      " version, wrapped, commitment, box) VALUES (?, ?, ?, ?, ?, ?)",
      secret->tenant_id, secret->seq, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, row->version);
  bind_bytes(statement, row->wrapped, row->wrapped_length);
  bind_bytes(statement, row->commitment, row->commitment_length);
  bind_bytes(statement, row->box, row->box_length);
  return statement_run(statement, error);
}

connector_status sealed_version_rewrap(struct connection *connection,
                                       const struct sealed_secret *secret, int64_t version,
                                       const void *wrapped, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(connection,
                                  "UPDATE sealed_version SET wrapped = ?"
                                  " WHERE tenant_id = ? AND secret = ? AND version = ?",
                                  &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_bytes(statement, wrapped, SEALED_WRAPPED);
  bind_text(statement, secret->tenant_id);
  bind_integer(statement, secret->seq);
  bind_integer(statement, version);
  return statement_run(statement, error);
}

/* Runs a statement on one version's row. */
static connector_status run_on_version(struct connection *connection, const char *sql,
                                       const struct sealed_secret *secret, int64_t version,
                                       connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start_for(connection, sql, secret->tenant_id, secret->seq, &statement,
                                      error);

  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, version);
  return statement_run(statement, error);
}

connector_status sealed_version_erase(struct connection *connection,
                                      const struct sealed_secret *secret, int64_t version,
                                      connector_error *error)
{
  return run_on_version(connection,
                        "UPDATE sealed_version SET wrapped = x'', commitment = x'', box = x''"
                        " WHERE tenant_id = ? AND secret = ? AND version = ?",
                        secret, version, error);
}

connector_status sealed_version_remove(struct connection *connection,
                                       const struct sealed_secret *secret, int64_t version,
                                       connector_error *error)
{
  return run_on_version(connection,
                        "DELETE FROM sealed_version"
                        " WHERE tenant_id = ? AND secret = ? AND version = ?",
                        secret, version, error);
}
