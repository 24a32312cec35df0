/*
 * History rows as loops over one table of columns, the runs over them, and the heads of chains.
 */
#include "engine/history.h"

#include "base/status.h"
#include "engine/rows.h"

#include <string.h>

/* ---- columns ---- */

#define TEXT(name, part)                                                                           \
  {                                                                                                \
#name, true, part, offsetof(struct history_row, name)                                          \
  }
#define NUMBER(name, part)                                                                         \
  {                                                                                                \
#name, false, part, offsetof(struct history_row, name)                                         \
  }

const struct history_column history_columns[HISTORY_COLUMNS] = {
  NUMBER(seq, HISTORY_SHOWN),        TEXT(tenant_id, HISTORY_SHOWN),
  TEXT(connector_id, HISTORY_SHOWN), TEXT(app_id, HISTORY_SHOWN),
  NUMBER(version, HISTORY_SHOWN),    TEXT(kind, HISTORY_SHOWN),
  NUMBER(at, HISTORY_SHOWN),         TEXT(person_id, HISTORY_SHOWN),
  TEXT(source, HISTORY_SHOWN),       TEXT(request_id, HISTORY_SHOWN),
  TEXT(reason, HISTORY_SHOWN),       NUMBER(updated_at, HISTORY_STATE),
  TEXT(updated_by, HISTORY_STATE),   NUMBER(deleted_at, HISTORY_STATE),
  TEXT(deleted_by, HISTORY_STATE),   TEXT(scope, HISTORY_REACH),
  TEXT(owner_id, HISTORY_REACH),     TEXT(group_id, HISTORY_REACH),
  TEXT(user_id, HISTORY_REACH),      TEXT(was_scope, HISTORY_REACH | HISTORY_MOVED),
  TEXT(was_owner_id, HISTORY_REACH), TEXT(was_group_id, HISTORY_REACH),
  TEXT(was_user_id, HISTORY_REACH),  TEXT(forward, HISTORY_SHOWN),
  TEXT(back, HISTORY_SHOWN),         TEXT(back_exact, HISTORY_STATE),
};

/* The names of the columns of some parts, with commas between. */
static void write_columns(struct buffer *sql, unsigned parts)
{
  const char *comma = "";

  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    if ((history_columns[i].part & parts) == 0)
      continue;
    buffer_text(sql, comma);
    buffer_text(sql, history_columns[i].name);
    comma = ", ";
  }
  if (parts == HISTORY_ALL)
    buffer_text(sql, ", mac");
}

static connector_status take_mac(struct statement *statement, int column, uint8_t mac[HISTORY_MAC],
                                 connector_error *error)
{
  size_t length = 0;
  const void *bytes = column_bytes(statement, column, &length);

  if (bytes == NULL || length != HISTORY_MAC)
    return error_set(error, CONNECTOR_CORRUPT, NULL, "a hash of the history is damaged");
  memcpy(mac, bytes, HISTORY_MAC);
  return CONNECTOR_OK;
}

/* ---- writing ---- */

static connector_status get_text(struct connection *connection, const char *sql,
                                 struct statement **out, connector_error *error)
{
  return statement_get_text(connection, 0, NULL, sql, strlen(sql), out, error);
}

static connector_status read_tip(struct statement *statement, struct history_head *head,
                                 int64_t *newest, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  *newest = column_integer(statement, 0);
  head->seq = column_integer(statement, 1);
  if (head->seq == 0)
    return CONNECTOR_OK;
  head->changes = column_integer(statement, 2);
  head->anchor_seq = column_integer(statement, 4);
  head->anchor_changes = column_integer(statement, 5);
  status = take_mac(statement, 3, head->mac, error);
  if (status == CONNECTOR_OK)
    status = take_mac(statement, 6, head->anchor_mac, error);
  return status == CONNECTOR_OK ? take_mac(statement, 7, head->seal, error) : status;
}

connector_status history_tip(struct connection *connection, const char *tenant,
                             struct history_head *head, int64_t *newest, connector_error *error)
{
  struct statement *statement = NULL;
  bool row = false;
  connector_status status = get_text(
      connection,
      "SELECT n.seq, h.seq, h.changes, h.mac, h.anchor_seq, h.anchor_changes, h.anchor_mac, h.seal"
      " FROM (SELECT coalesce(max(seq), 0) AS seq FROM history) AS n"
      " LEFT JOIN history_head AS h ON h.tenant_id = ?",
      &statement, error);

  *head = (struct history_head){ 0 };
  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, tenant);
  status = statement_step(statement, &row, error);
  if (status == CONNECTOR_OK && row)
    status = read_tip(statement, head, newest, error);
  statement_done(statement);
  return status;
}

static void insert_text(struct buffer *sql, const void *context)
{
  (void)context;
  buffer_text(sql, "INSERT INTO history (");
  write_columns(sql, HISTORY_ALL);
  buffer_text(sql, ") VALUES (?");
  for (size_t i = 0; i < HISTORY_COLUMNS; i++)
    buffer_text(sql, ", ?");
  buffer_text(sql, ")");
}

connector_status history_insert(struct connection *connection, const struct history_row *row,
                                connector_error *error)
{
  struct statement_key key = { STATEMENT_HISTORY_INSERT, 0, 0 };
  struct statement *statement = NULL;
  connector_status status = statement_get(connection, key, insert_text, NULL, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    const struct history_column *column = &history_columns[i];

    if (column->is_text)
      bind_text(statement, *history_text(row, column));
    else if (*history_number(row, column) == 0)
      bind_null(statement);
    else
      bind_integer(statement, *history_number(row, column));
  }
  bind_bytes(statement, row->mac, HISTORY_MAC);
  return statement_run(statement, error);
}

connector_status history_put_head(struct connection *connection, const char *tenant,
                                  const struct history_head *head, connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = get_text(
      connection,
      "INSERT INTO history_head"
      " (tenant_id, seq, changes, mac, anchor_seq, anchor_changes, anchor_mac, seal)"
      " VALUES (?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (tenant_id) DO UPDATE SET"
      " seq = excluded.seq, changes = excluded.changes, mac = excluded.mac,"
      " anchor_seq = excluded.anchor_seq, anchor_changes = excluded.anchor_changes,"
      " anchor_mac = excluded.anchor_mac, seal = excluded.seal",
      &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, tenant);
  bind_integer(statement, head->seq);
  bind_integer(statement, head->changes);
  bind_bytes(statement, head->mac, HISTORY_MAC);
  bind_integer(statement, head->anchor_seq);
  bind_integer(statement, head->anchor_changes);
  bind_bytes(statement, head->anchor_mac, HISTORY_MAC);
  bind_bytes(statement, head->seal, HISTORY_MAC);
  return statement_run(statement, error);
}

/* ---- reading ---- */

struct reading {
  const struct scope *scope;
  unsigned parts;
};

static void feed_text(struct buffer *sql, const void *context)
{
  const struct reading *reading = context;

  buffer_text(sql, "SELECT ");
  write_columns(sql, reading->parts);
  buffer_text(sql, " FROM history WHERE ");
  scope_write_history(sql, reading->scope);
  buffer_text(sql, " AND seq > ? ORDER BY seq LIMIT ?");
}

connector_status history_feed(struct connection *connection, const struct scope *scope,
                              unsigned parts, int64_t after, int64_t limit, struct statement **out,
                              connector_error *error)
{
  struct reading reading = { scope, parts };
  struct statement_key key = { STATEMENT_HISTORY_FEED, scope_shape(scope), parts };
  connector_status status = statement_get(connection, key, feed_text, &reading, out, error);

  if (status != CONNECTOR_OK)
    return status;
  scope_bind_history(*out, scope);
  bind_integer(*out, after);
  bind_integer(*out, limit);
  return CONNECTOR_OK;
}

static void of_text(struct buffer *sql, const void *context)
{
  const struct reading *reading = context;

  buffer_text(sql, "SELECT ");
  write_columns(sql, reading->parts);
  buffer_text(sql, " FROM history WHERE connector_id = ? AND ");
  scope_write_history(sql, reading->scope);
  buffer_text(sql, " AND seq > 0 AND seq < ? ORDER BY seq DESC LIMIT ?");
}

connector_status history_of(struct connection *connection, const struct scope *scope,
                            unsigned parts, const char *id, int64_t before, int64_t limit,
                            struct statement **out, connector_error *error)
{
  struct reading reading = { scope, parts };
  struct statement_key key = { STATEMENT_HISTORY_OF, scope_shape(scope), parts };
  connector_status status = statement_get(connection, key, of_text, &reading, out, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(*out, id);
  scope_bind_history(*out, scope);
  bind_integer(*out, before);
  bind_integer(*out, limit);
  return CONNECTOR_OK;
}

/* Text behind a NUL would be neither shown nor hashed: where all of a row is read, it makes it a
 * damaged one. */
static bool read_text(struct statement *statement, int at, bool all, const char **text)
{
  uint32_t length = 0;

  *text = column_text(statement, at, &length);
  return !all || *text == NULL || strlen(*text) == length;
}

connector_status history_owner(struct connection *connection, const char *id, struct buffer *tenant,
                               connector_error *error)
{
  struct statement *statement = NULL;
  const char *name = NULL;
  bool row = false;
  connector_status status = get_text(connection,
                                     "SELECT tenant_id FROM history WHERE connector_id = ?"
                                     " ORDER BY tenant_id LIMIT 1",
                                     &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, id);
  status = statement_step(statement, &row, error);
  if (status == CONNECTOR_OK && row)
    name = column_text(statement, 0, NULL);
  tenant->length = 0;
  buffer_text(tenant, name != NULL ? name : "");
  buffer_byte(tenant, '\0');
  statement_done(statement);
  return status == CONNECTOR_OK && tenant->failed ? error_no_memory(error) : status;
}

/* Where the part that names the tenant is read. */
static bool is_expected(const struct statement *statement, unsigned parts,
                        const struct history_row *row)
{
  return (parts & HISTORY_SHOWN) == 0 || statement_expects(statement, row->tenant_id);
}

connector_status history_next(struct statement *statement, unsigned parts, struct history_row *row,
                              bool *found, connector_error *error)
{
  int at = 0;
  bool whole = true;
  connector_status status = statement_step(statement, found, error);

  if (status != CONNECTOR_OK || !*found)
    return status;
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    const struct history_column *column = &history_columns[i];

    if ((column->part & parts) == 0)
      continue;
    if (column->is_text)
      whole = read_text(statement, at, parts == HISTORY_ALL, history_text(row, column)) && whole;
    else
      *history_number(row, column) = column_integer(statement, at);
    at++;
  }
  if (parts == HISTORY_ALL)
    status = take_mac(statement, at, row->mac, error);
  if (status == CONNECTOR_OK)
    status = statement_check(statement, error);
  if (status == CONNECTOR_OK &&
      (!whole || row->tenant_id == NULL || !is_expected(statement, parts, row) ||
       row->connector_id == NULL || row->kind == NULL))
    status = error_set(error, CONNECTOR_CORRUPT, NULL, "the history is damaged");
  return status;
}

static void newest_text(struct buffer *sql, const void *context)
{
  buffer_text(sql, "SELECT seq FROM history WHERE ");
  scope_write_history(sql, context);
  buffer_text(sql, " AND seq > ? ORDER BY seq DESC LIMIT 1");
}

connector_status history_newest(struct connection *connection, const struct scope *scope,
                                int64_t after, int64_t *newest, connector_error *error)
{
  struct statement_key key = { STATEMENT_HISTORY_NEWEST, scope_shape(scope), 0 };
  struct statement *statement = NULL;
  bool row = false;
  connector_status status = statement_get(connection, key, newest_text, scope, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  scope_bind_history(statement, scope);
  bind_integer(statement, after);
  status = statement_step(statement, &row, error);
  if (status == CONNECTOR_OK)
    *newest = row ? column_integer(statement, 0) : after;
  statement_done(statement);
  return status;
}

connector_status history_tenant(struct connection *connection, const char *after,
                                struct buffer *tenant, connector_error *error)
{
  struct statement *statement = NULL;
  const char *name = NULL;
  bool row = false;
  connector_status status = get_text(
      connection,
      "SELECT min(tenant_id) FROM"
      " (SELECT * FROM (SELECT tenant_id FROM history_head WHERE tenant_id > ?"
      "   ORDER BY tenant_id LIMIT 1)"
      "  UNION ALL"
      "  SELECT * FROM (SELECT tenant_id FROM history WHERE tenant_id > ?"
      "   ORDER BY tenant_id LIMIT 1))",
      &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, after);
  bind_text(statement, after);
  status = statement_step(statement, &row, error);
  if (status == CONNECTOR_OK && row)
    name = column_text(statement, 0, NULL);
  if (name != NULL && strcmp(name, after) <= 0) /* a NUL cut it off: going on would never end */
    status = error_set(error, CONNECTOR_CORRUPT, NULL, "a tenant's name is damaged");
  tenant->length = 0;
  buffer_text(tenant, name != NULL ? name : "");
  buffer_byte(tenant, '\0');
  statement_done(statement);
  return status == CONNECTOR_OK && tenant->failed ? error_no_memory(error) : status;
}

connector_status history_count(struct connection *connection, int64_t *rows, connector_error *error)
{
  return connection_integer(connection, "SELECT count(seq) FROM history", rows, error);
}

connector_status history_remove(struct connection *connection, const char *tenant, int64_t up_to,
                                connector_error *error)
{
  struct statement *statement = NULL;
  connector_status status = get_text(
      connection, "DELETE FROM history WHERE tenant_id = ? AND seq <= ?", &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, tenant);
  bind_integer(statement, up_to);
  return statement_run(statement, error);
}
