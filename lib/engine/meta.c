/*
 * The tables `meta` and `idempotency`, and the figures of a file.
 */
#include "engine/meta.h"

#include "base/status.h"
#include "engine/rows.h"

#include <string.h>

static connector_status get_text(struct connection *connection, const char *sql,
                                 struct statement **out, connector_error *error)
{
  return statement_get_text(connection, 0, NULL, sql, strlen(sql), out, error);
}

/* Copies the value of `size` bytes under a key. */
static connector_status read_value(struct connection *connection, const char *key, void *value,
                                   size_t size, bool *found, connector_error *error)
{
  struct statement *statement = NULL;
  const void *bytes = NULL;
  size_t length = 0;
  connector_status status = get_text(connection, "SELECT value FROM meta WHERE key = ?", &statement,
                                     error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, key);
  status = statement_step(statement, found, error);
  if (status == CONNECTOR_OK && *found) {
    bytes = column_bytes(statement, 0, &length);
    if (bytes != NULL && length == size)
      memcpy(value, bytes, size);
    else
      status = error_set(error, CONNECTOR_CORRUPT, NULL, "the file's %s is damaged", key);
  }
  statement_done(statement);
  return status;
}

static connector_status read_present(struct connection *connection, const char *key, void *value,
                                     size_t size, connector_error *error)
{
  bool found = false;
  connector_status status = read_value(connection, key, value, size, &found, error);

  if (status == CONNECTOR_OK && !found)
    return error_set(error, CONNECTOR_CORRUPT, NULL, "the file has lost its %s", key);
  return status;
}

connector_status meta_cursor_key(struct connection *connection, uint8_t key[META_KEY_SIZE],
                                 connector_error *error)
{
  return read_present(connection, "cursor_key", key, META_KEY_SIZE, error);
}

connector_status meta_history_key(struct connection *connection, uint8_t key[META_KEY_SIZE],
                                  connector_error *error)
{
  return read_present(connection, "history_key", key, META_KEY_SIZE, error);
}

connector_status meta_store_id(struct connection *connection, char id[META_STORE_ID + 1],
                               connector_error *error)
{
  id[META_STORE_ID] = '\0';
  return read_present(connection, "store_id", id, META_STORE_ID, error);
}

connector_status meta_history_check(struct connection *connection, uint8_t check[META_KEY_SIZE],
                                    bool *found, connector_error *error)
{
  return read_value(connection, "history_check", check, META_KEY_SIZE, found, error);
}

connector_status meta_put_history_check(struct connection *connection,
                                        const uint8_t check[META_KEY_SIZE], connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = get_text(
      connection, "INSERT INTO meta (key, value) VALUES ('history_check', ?)", &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_bytes(statement, check, META_KEY_SIZE);
  return statement_run(statement, error);
}

static connector_status read_fence(struct connection *connection, int64_t *fence,
                                   connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  struct statement *statement = NULL;
  bool found = false;

  status = get_text(connection,
                    "SELECT value FROM meta WHERE key = 'fence' AND typeof(value) = 'integer'",
                    &statement, error);
  if (status != CONNECTOR_OK)
    return status;
  status = statement_step(statement, &found, error);
  if (status == CONNECTOR_OK)
    *fence = found ? column_integer(statement, 0) : -1;
  statement_done(statement);
  return status;
}

connector_status meta_take_fences(struct connection *connection, int64_t count, int64_t *first,
                                  connector_error *error)
{
  struct statement *statement = NULL;
  int64_t last = 0;
  connector_status status = read_fence(connection, &last, error);

  if (status != CONNECTOR_OK)
    return status;
  if (last < 0 || last > INT64_MAX - count)
    return error_set(error, CONNECTOR_CORRUPT, NULL, "the file has lost its count of leases");
  status = get_text(connection, "UPDATE meta SET value = ? WHERE key = 'fence'", &statement, error);
  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, last + count);
  *first = last + 1;
  return statement_run(statement, error);
}

/* ---- idempotency ---- */

static void bind_once(struct statement *statement, const struct once *once)
{
  bind_text(statement, once->tenant);
  bind_text(statement, once->app);
  bind_text(statement, once->key);
}

connector_status once_find(struct connection *connection, struct once *once, bool *found,
                           connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = get_text(connection,
                                     "SELECT content, connector_id, created_at FROM idempotency"
                                     " WHERE tenant_id = ? AND app_id = ? AND key = ?",
                                     &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_once(statement, once);
  status = statement_step(statement, found, error);
  if (status == CONNECTOR_OK && *found) {
    size_t length = 0;
    const void *content = column_bytes(statement, 0, &length);
    uint32_t id_length = 0;
    const char *id = column_text(statement, 1, &id_length);

    *found = length == CONTENT_SIZE && content != NULL && id != NULL &&
             id_length < CONNECTOR_ID_SIZE;
    if (*found) {
      memcpy(once->content, content, CONTENT_SIZE);
      memcpy(once->connector_id, id, (size_t)id_length + 1);
      once->created_at = column_integer(statement, 2);
    }
  }
  statement_done(statement);
  return status;
}

connector_status once_put(struct connection *connection, const struct once *once,
                          connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = get_text(
      connection,
      "INSERT INTO idempotency (tenant_id, app_id, key, content, connector_id, created_at)"
      " VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id, app_id, key) DO UPDATE SET"
      " content = excluded.content, connector_id = excluded.connector_id,"
      " created_at = excluded.created_at",
      &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_once(statement, once);
  bind_bytes(statement, once->content, CONTENT_SIZE);
  bind_text(statement, once->connector_id);
  bind_integer(statement, once->created_at);
  return statement_run(statement, error);
}

connector_status once_expire(struct connection *connection, int64_t before, int64_t limit,
                             int64_t *expired, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = get_text(
      connection,
      "DELETE FROM idempotency WHERE (tenant_id, app_id, key) IN"
      " (SELECT tenant_id, app_id, key FROM idempotency WHERE created_at < ? LIMIT ?)",
      &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_integer(statement, before);
  bind_integer(statement, limit);
  status = statement_run(statement, error);
  if (status == CONNECTOR_OK)
    *expired = connection_changes(connection);
  return status;
}

/* ---- figures ---- */

connector_status meta_figures(struct connection *connection, struct file_figures *figures,
                              connector_error *error)
{
  int64_t all = 0;
  int64_t page_size = 0;
  int64_t pages = 0;
  int64_t free_pages = 0;
  const struct {
    const char *sql;
    int64_t *out;
  } questions[] = {
    { "SELECT count(id) FROM connector", &all },
    { "SELECT count(*) FROM connector WHERE deleted_at IS NOT NULL", &figures->deleted },
    { "SELECT count(DISTINCT tenant_id) FROM connector", &figures->tenants },
    { "PRAGMA page_size", &page_size },
    { "PRAGMA page_count", &pages },
    { "PRAGMA freelist_count", &free_pages },
    { "PRAGMA user_version", &figures->schema_version },
  };
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < sizeof(questions) / sizeof(questions[0]); i++)
    status = connection_integer(connection, questions[i].sql, questions[i].out, error);
  figures->live = all - figures->deleted;
  figures->file_bytes = pages * page_size;
  figures->free_bytes = free_pages * page_size;
  return status;
}
