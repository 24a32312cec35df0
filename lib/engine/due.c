/*
 * The indexes of due work, one row of a table for each kind, and the queries on them.
 */
#include "engine/due.h"

#include "base/status.h"

/* ---- kinds of work ---- */

/* The names of the columns stand in the schema's indexes too. */
const char *const wait_columns[WAITS] = {
  [WAIT_REFRESH] = "refresh_after",
  [WAIT_ROTATION] = "rotation_after",
  [WAIT_SYNC] = "sync_after",
};

static const char *const keys[WAITS] = {
  [WAIT_REFRESH] = DUE_REFRESH_KEY,
  [WAIT_ROTATION] = DUE_ROTATION_KEY,
  [WAIT_SYNC] = DUE_SYNC_KEY,
};

/* A token is due when a fifth of its life is left, and 15 minutes before its end at the most; in
 * the column null is the latter. */
enum { LEAD_SHARE = 5, LEAD_MOST_MS = 900000 };

void due_bind_lead(struct statement *statement, int64_t expires_at, int64_t now)
{
  int64_t lead = expires_at > now ? (expires_at - now) / LEAD_SHARE : 0;

  if (expires_at == 0 || lead >= LEAD_MOST_MS)
    bind_null(statement);
  else
    bind_integer(statement, lead);
}

static const char *key_of(const struct due_query *query)
{
  return query->by_expiry ? DUE_EXPIRY_KEY : keys[query->due - 1];
}

static uint32_t shape_of(const struct due_query *query, enum due_range range)
{
  return (uint32_t)query->due << 3 | (uint32_t)query->by_expiry << 2 | (uint32_t)range;
}

/* ---- the entries of a range ---- */

/* What the two queries share; the terms of the index's own condition come as it has them. */
struct due_text {
  const struct due_query *query;
  enum due_range range;
  const struct scope *scope;
};

static bool is_free(enum due_range range)
{
  return range == DUE_FREE || range == DUE_FUTURE;
}

bool due_has_range(const struct due_query *query, enum due_range range)
{
  return range != DUE_FUTURE || query->due == CONNECTOR_DUE_SYNC;
}

static void write_range(struct buffer *sql, const struct due_text *text)
{
  const char *key = key_of(text->query);
  const char *wait = wait_columns[text->query->due - 1];

  if (is_free(text->range)) {
    buffer_text(sql, key);
    buffer_text(sql, " IS NOT NULL AND ");
    buffer_text(sql, wait);
    buffer_text(sql, " IS NULL AND ");
  } else {
    buffer_text(sql, wait);
    buffer_text(sql, " IS NOT NULL AND ");
  }
  buffer_text(sql, "deleted_at IS NULL");
}

/* What the index of the range is in the order of. */
static const char *order_of(const struct due_text *text)
{
  return is_free(text->range) ? key_of(text->query) : wait_columns[text->query->due - 1];
}

static void start_text(struct buffer *sql, const void *context)
{
  const struct due_text *text = context;
  const char *key = key_of(text->query);

  buffer_text(sql, "SELECT ");
  rows_columns(sql);
  buffer_text(sql, ", ");
  buffer_text(sql, key);
  buffer_text(sql, ", ");
  buffer_text(sql, wait_columns[text->query->due - 1]);
  buffer_text(sql, " FROM connector WHERE ");
  scope_write(sql, text->scope);
  buffer_text(sql, " AND ");
  write_range(sql, text);
  buffer_text(sql, " AND ");
  buffer_text(sql, key);
  buffer_text(sql, text->range == DUE_FUTURE ? " > ?" : " <= ?");
  if (!is_free(text->range)) {
    buffer_text(sql, " AND ");
    buffer_text(sql, order_of(text));
    buffer_text(sql, text->range == DUE_WAITING ? " <= ?" : " > ?");
  }
  buffer_text(sql, " AND schema_version <= ? ORDER BY ");
  buffer_text(sql, order_of(text));
  buffer_text(sql, " LIMIT ?");
}

connector_status due_start(struct connection *connection, const struct scope *scope,
                           const struct due_query *query, enum due_range range,
                           struct statement **out, connector_error *error)
{
  struct due_text text = { query, range, scope };
  struct statement_key key = { STATEMENT_DUE, scope_shape(scope), shape_of(query, range) };
  connector_status status = statement_get(connection, key, start_text, &text, out, error);

  if (status != CONNECTOR_OK)
    return status;
  scope_bind(*out, scope);
  bind_integer(*out, range == DUE_FUTURE ? query->longest : query->latest);
  if (!is_free(range))
    bind_integer(*out, range == DUE_WAITING ? query->now : query->longest);
  bind_integer(*out, RECORD_SCHEMA_VERSION);
  bind_integer(*out, query->limit);
  return CONNECTOR_OK;
}

connector_status due_next(struct statement *statement, struct row *row, int64_t *key, int64_t *wait,
                          bool *found, connector_error *error)
{
  connector_status status = rows_next(statement, row, found, error);

  if (status != CONNECTOR_OK || !*found)
    return status;
  *key = column_integer(statement, rows_column_count());
  *wait = column_integer(statement, rows_column_count() + 1);
  return CONNECTOR_OK;
}

/* ---- tenants ---- */

/* The first entry of the next tenant in the index of a range, and with it the tenant's last one. */
static void tenant_text(struct buffer *sql, const void *context)
{
  const struct due_text *text = context;

  buffer_text(sql, "SELECT tenant_id, ");
  buffer_text(sql, order_of(text));
  buffer_text(sql, ", (SELECT ");
  buffer_text(sql, order_of(text));
  buffer_text(sql, " FROM connector WHERE tenant_id = first.tenant_id AND ");
  write_range(sql, text);
  buffer_text(sql, " ORDER BY ");
  buffer_text(sql, order_of(text));
  buffer_text(sql, " DESC LIMIT 1) FROM connector AS first WHERE ");
  scope_write(sql, text->scope);
  buffer_text(sql, " AND tenant_id > ? AND ");
  write_range(sql, text);
  buffer_text(sql, " ORDER BY tenant_id, ");
  buffer_text(sql, order_of(text));
  buffer_text(sql, " LIMIT 1");
}

static bool is_due(const struct due_query *query, enum due_range range, int64_t first, int64_t last)
{
  if (range == DUE_WAITING)
    return first <= query->now || last > query->longest;
  return first <= query->latest || (due_has_range(query, DUE_FUTURE) && last > query->longest);
}

connector_status due_tenant(struct connection *connection, const struct scope *scope,
                            const struct due_query *query, enum due_range range, const char *after,
                            struct buffer *tenant, bool *due, connector_error *error)
{
  struct due_text text = { query, range, scope };
  struct statement_key key = { STATEMENT_DUE_TENANT, scope_shape(scope), shape_of(query, range) };
  struct statement *statement = NULL;
  bool found = false;
  connector_status status = statement_get(connection, key, tenant_text, &text, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  scope_bind(statement, scope);
  bind_text(statement, after);
  status = statement_step(statement, &found, error);
  tenant->length = 0;
  if (status == CONNECTOR_OK && found) {
    const char *name = column_text(statement, 0, NULL);

    if (name != NULL)
      buffer_text(tenant, name);
    *due = is_due(query, range, column_integer(statement, 1), column_integer(statement, 2));
  }
  buffer_byte(tenant, '\0');
  statement_done(statement);
  if (status == CONNECTOR_OK && tenant->failed)
    status = error_no_memory(error);
  return status;
}
