/*
 * The tables `health` and `lease`, by the key of their record.
 */
#include "engine/beside.h"

#include "base/status.h"

#include <string.h>

static connector_status start(struct connection *connection, const char *sql,
                              const struct owner *owner, struct statement **out,
                              connector_error *error)
{
  connector_status status = statement_get_text(connection, 0, NULL, sql, strlen(sql), out, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(*out, owner->id);
  bind_text(*out, owner->tenant);
  return CONNECTOR_OK;
}

static void bind_optional(struct statement *statement, int64_t number)
{
  if (number == 0)
    bind_null(statement);
  else
    bind_integer(statement, number);
}

/* ---- health ---- */

static connector_status read_health(struct statement *statement, struct health_row *row,
                                    struct arena *arena, connector_error *error)
{
  uint32_t length = 0;
  const char *hours = column_text(statement, 8, &length);

  row->retry_at = column_integer(statement, 0);
  row->first_error_at = column_integer(statement, 1);
  row->warned_at = column_integer(statement, 2);
  row->started_at = column_integer(statement, 3);
  row->disabled_at = column_integer(statement, 4);
  row->refresh_errors = column_integer(statement, 5);
  row->first_sync_error_at = column_integer(statement, 6);
  row->needs_token = column_integer(statement, 7);
  if (hours != NULL) {
    row->hours = arena_copy(arena, hours, length);
    if (row->hours == NULL)
      return error_no_memory(error);
  }
  return statement_check(statement, error);
}

connector_status health_find(struct connection *connection, const struct owner *owner,
                             struct health_row *row, struct arena *arena, connector_error *error)
{
  struct statement *statement = NULL;
  bool found = false;
  connector_status status = start(connection,
                                  "SELECT retry_at, first_error_at, warned_at, started_at,"
                                  " disabled_at, refresh_errors, first_sync_error_at, needs_token,"
                                  " hours FROM health"
                                  " WHERE connector_id = ? AND tenant_id = ?",
                                  owner, &statement, error);

  *row = (struct health_row){ 0 };
  if (status != CONNECTOR_OK)
    return status;
  status = statement_step(statement, &found, error);
  if (status == CONNECTOR_OK && found)
    status = read_health(statement, row, arena, error);
  statement_done(statement);
  return status;
}

connector_status health_put(struct connection *connection, const struct owner *owner,
                            const struct health_row *row, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(
      connection,
      "INSERT INTO health (connector_id, tenant_id,"
      " retry_at, first_error_at, warned_at, started_at, disabled_at, refresh_errors,"
      " first_sync_error_at, needs_token, hours) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON "
      "CONFLICT (connector_id, tenant_id) DO "
      "UPDATE SET"
      " retry_at = excluded.retry_at, first_error_at = excluded.first_error_at,"
      " warned_at = excluded.warned_at, started_at = excluded.started_at,"
      " disabled_at = excluded.disabled_at, refresh_errors = excluded.refresh_errors,"
      " first_sync_error_at = excluded.first_sync_error_at,"
      " needs_token = excluded.needs_token, hours = excluded.hours",
      owner, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_optional(statement, row->retry_at);
  bind_optional(statement, row->first_error_at);
  bind_optional(statement, row->warned_at);
  bind_optional(statement, row->started_at);
  bind_optional(statement, row->disabled_at);
  bind_optional(statement, row->refresh_errors);
  bind_optional(statement, row->first_sync_error_at);
  bind_optional(statement, row->needs_token);
  bind_text(statement, row->hours);
  return statement_run(statement, error);
}

/* ---- leases ---- */

connector_status lease_take(struct connection *connection, const struct owner *owner,
                            const struct lease_terms *terms, bool *taken, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(
      connection,
      "INSERT INTO lease (connector_id, tenant_id, purpose, fence, holder, expires_at, wait_after)"
      " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (connector_id, tenant_id, purpose) DO UPDATE SET"
      " fence = excluded.fence, holder = excluded.holder, expires_at = excluded.expires_at,"
      " wait_after = excluded.wait_after WHERE expires_at <= ? OR expires_at > ?",
      owner, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, terms->purpose);
  bind_integer(statement, terms->fence);
  bind_text(statement, terms->holder);
  bind_integer(statement, terms->expires_at);
  bind_optional(statement, terms->wait_after);
  bind_integer(statement, terms->now);
  bind_integer(statement, terms->longest);
  status = statement_run(statement, error);
  *taken = status == CONNECTOR_OK && connection_changes(connection) == 1;
  return status;
}

connector_status lease_set_wait(struct connection *connection, const struct owner *owner,
                                const char *purpose, int64_t wait_after, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(connection,
                                  "UPDATE lease SET wait_after = ?4"
                                  " WHERE connector_id = ?1 AND tenant_id = ?2 AND purpose = ?3",
                                  owner, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, purpose);
  bind_optional(statement, wait_after);
  return statement_run(statement, error);
}

connector_status lease_find(struct connection *connection, const struct owner *owner,
                            const char *purpose, struct lease_row *row, connector_error *error)
{
  struct statement *statement = NULL;
  bool found = false;
  connector_status status = start(connection,
                                  "SELECT fence, expires_at, wait_after FROM lease"
                                  " WHERE connector_id = ? AND tenant_id = ? AND purpose = ?",
                                  owner, &statement, error);

  *row = (struct lease_row){ 0 };
  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, purpose);
  status = statement_step(statement, &found, error);
  if (status == CONNECTOR_OK && found) {
    row->fence = column_integer(statement, 0);
    row->expires_at = column_integer(statement, 1);
    row->wait_after = column_integer(statement, 2);
  }
  statement_done(statement);
  return status;
}

connector_status lease_set(struct connection *connection, const struct owner *owner,
                           const char *purpose, int64_t fence, int64_t now, int64_t expires_at,
                           bool *changed, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = start(connection,
                                  "UPDATE lease SET expires_at = ?5"
                                  " WHERE connector_id = ?1 AND tenant_id = ?2 AND purpose = ?3"
                                  " AND fence = ?4 AND expires_at > ?6",
                                  owner, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, purpose);
  bind_integer(statement, fence);
  bind_integer(statement, expires_at);
  bind_integer(statement, now);
  status = statement_run(statement, error);
  *changed = status == CONNECTOR_OK && connection_changes(connection) == 1;
  return status;
}

connector_status beside_remove(struct connection *connection, const struct owner *owner,
                               connector_error *error)
{
  static const char *const texts[] = {
    "DELETE FROM health WHERE connector_id = ? AND tenant_id = ?",
    "DELETE FROM lease WHERE connector_id = ? AND tenant_id = ?",
  };
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < sizeof(texts) / sizeof(texts[0]); i++) {
    struct statement *statement = NULL;

    status = start(connection, texts[i], owner, &statement, error);
    if (status == CONNECTOR_OK)
      status = statement_run(statement, error);
  }
  return status;
}
