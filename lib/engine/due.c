/*
 * The indexes of due work, one row of a table for each kind, and the queries on them.
 */
#include "engine/due.h"

#include "base/status.h"

#include <string.h>

/* ---- kinds of work ---- */

static const char *const keys[WAITS] = {
  [WAIT_REFRESH] = DUE_REFRESH_KEY,
  [WAIT_ROTATION] = DUE_ROTATION_KEY,
  [WAIT_SYNC] = DUE_SYNC_KEY,
};

static const char *key_of(const struct due_query *query)
{
  return query->by_expiry ? DUE_EXPIRY_KEY : keys[query->due - 1];
}

static uint32_t shape_of(const struct due_query *query, unsigned which)
{
  return (uint32_t)query->due << 3 | (uint32_t)query->by_expiry << 2 | which;
}

/* ---- the indexes: what is free, in the order of its keys; what waits, in the order of its waits
 * ---- */

/* What the texts below have in common; the terms of an index's own condition come as it has them.
 */
struct due_text {
  const struct due_query *query;
  const struct scope *scope;
  unsigned which; /* enum due_range, due_index or due_wait */
};

static void write_index(struct buffer *sql, const struct due_query *query, enum due_index index)
{
  const char *wait = wait_columns[query->due - 1];

  buffer_text(sql, index == DUE_INDEX_FREE ? key_of(query) : keys[query->due - 1]);
  buffer_text(sql, " IS NOT NULL AND ");
  buffer_text(sql, wait);
  buffer_text(sql, index == DUE_INDEX_FREE ? " IS NULL" : " IS NOT NULL");
  buffer_text(sql, " AND deleted_at IS NULL");
}

static const char *order_of(const struct due_query *query, enum due_index index)
{
  return index == DUE_INDEX_FREE ? key_of(query) : wait_columns[query->due - 1];
}

/* ---- what is due ---- */

bool due_has_range(const struct due_query *query, enum due_range range)
{
  return range != DUE_AHEAD || query->due == CONNECTOR_DUE_SYNC;
}

static void start_text(struct buffer *sql, const void *context)
{
  const struct due_text *text = context;
  const char *key = key_of(text->query);

  buffer_text(sql, "SELECT ");
  rows_columns(sql);
  buffer_text(sql, ", ");
  buffer_text(sql, key);
  buffer_text(sql, " FROM connector WHERE ");
  scope_write(sql, text->scope);
  buffer_text(sql, " AND ");
  write_index(sql, text->query, DUE_INDEX_FREE);
  buffer_text(sql, " AND ");
  buffer_text(sql, key);
  buffer_text(sql, text->which == DUE_PAST ? " <= ?" : " > ?");
  buffer_text(sql, " AND schema_version <= ? ORDER BY ");
  buffer_text(sql, key);
  buffer_text(sql, " LIMIT ?");
}

connector_status due_start(struct connection *connection, const struct scope *scope,
                           const struct due_query *query, enum due_range range,
                           struct statement **out, connector_error *error)
{
  struct due_text text = { query, scope, range };
  struct statement_key key = { STATEMENT_DUE, scope_shape(scope), shape_of(query, range) };
  connector_status status = statement_get(connection, key, start_text, &text, out, error);

  if (status != CONNECTOR_OK)
    return status;
  scope_bind(*out, scope);
  bind_integer(*out, range == DUE_PAST ? query->latest : query->longest);
  bind_integer(*out, RECORD_SCHEMA_VERSION);
  bind_integer(*out, query->limit);
  return CONNECTOR_OK;
}

connector_status due_next(struct statement *statement, struct row *row, int64_t *key, bool *found,
                          connector_error *error)
{
  connector_status status = rows_next(statement, row, found, error);

  if (status == CONNECTOR_OK && *found)
    *key = column_integer(statement, rows_column_count());
  return status;
}

/* ---- waits that are over ---- */

/* Those that have ended, and those longer than any could be: the clock was wrong when they were
 * set. */
enum due_wait { WAIT_ENDED, WAIT_WRONG, DUE_WAITS };

static void write_ended(struct buffer *sql, const struct due_text *text)
{
  const char *wait = wait_columns[text->query->due - 1];

  scope_write(sql, text->scope);
  buffer_text(sql, " AND ");
  write_index(sql, text->query, DUE_INDEX_WAITING);
  buffer_text(sql, " AND ");
  buffer_text(sql, wait);
  buffer_text(sql, text->which == WAIT_ENDED ? " <= ?" : " > ?");
  buffer_text(sql, " ORDER BY ");
  buffer_text(sql, wait);
  buffer_text(sql, " LIMIT ?");
}

static void any_ended_text(struct buffer *sql, const void *context)
{
  buffer_text(sql, "SELECT 1 FROM connector WHERE ");
  write_ended(sql, context);
}

static void end_waits_text(struct buffer *sql, const void *context)
{
  const struct due_text *text = context;

  buffer_text(sql, "UPDATE connector SET ");
  buffer_text(sql, wait_columns[text->query->due - 1]);
  buffer_text(sql, " = NULL WHERE ");
  scope_write(sql, text->scope);
  buffer_text(sql, " AND id IN (SELECT id FROM connector WHERE ");
  write_ended(sql, text);
  buffer_text(sql, ")");
}

static int64_t wait_bound(const struct due_query *query, enum due_wait which)
{
  return which == WAIT_ENDED ? query->now : query->longest;
}

connector_status due_any_ended(struct connection *connection, const struct scope *scope,
                               const struct due_query *query, bool *any, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  *any = false;
  for (unsigned which = 0; status == CONNECTOR_OK && !*any && which < DUE_WAITS; which++) {
    struct due_text text = { query, scope, which };
    struct statement_key key = { STATEMENT_DUE_ENDED, scope_shape(scope), shape_of(query, which) };
    struct statement *statement = NULL;

    status = statement_get(connection, key, any_ended_text, &text, &statement, error);
    if (status != CONNECTOR_OK)
      return status;
    scope_bind(statement, scope);
    bind_integer(statement, wait_bound(query, (enum due_wait)which));
    bind_integer(statement, 1);
    status = statement_step(statement, any, error);
    statement_done(statement);
  }
  return status;
}

connector_status due_end_waits(struct connection *connection, const struct scope *scope,
                               const struct due_query *query, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  for (unsigned which = 0; status == CONNECTOR_OK && which < DUE_WAITS; which++) {
    struct due_text text = { query, scope, which };
    struct statement_key key = { STATEMENT_DUE_END, scope_shape(scope), shape_of(query, which) };
    struct statement *statement = NULL;

    status = statement_get(connection, key, end_waits_text, &text, &statement, error);
    if (status != CONNECTOR_OK)
      return status;
    scope_bind(statement, scope);
    scope_bind(statement, scope);
    bind_integer(statement, wait_bound(query, (enum due_wait)which));
    bind_integer(statement, query->limit);
    status = statement_run(statement, error);
  }
  return status;
}

/* ---- tenants ---- */

/* The first entry of the next tenant in an index, and with it the tenant's last one. */
static void tenant_text(struct buffer *sql, const void *context)
{
  const struct due_text *text = context;
  const char *order = order_of(text->query, (enum due_index)text->which);

  buffer_text(sql, "SELECT tenant_id, ");
  buffer_text(sql, order);
  buffer_text(sql, ", (SELECT ");
  buffer_text(sql, order);
  buffer_text(sql, " FROM connector WHERE tenant_id = first.tenant_id AND ");
  write_index(sql, text->query, (enum due_index)text->which);
  buffer_text(sql, " ORDER BY ");
  buffer_text(sql, order);
  buffer_text(sql, " DESC LIMIT 1) FROM connector AS first WHERE ");
  scope_write(sql, text->scope);
  buffer_text(sql, " AND tenant_id > ? AND ");
  write_index(sql, text->query, (enum due_index)text->which);
  buffer_text(sql, " ORDER BY tenant_id, ");
  buffer_text(sql, order);
  buffer_text(sql, " LIMIT 1");
}

static bool is_due(const struct due_query *query, enum due_index index, int64_t first, int64_t last)
{
  if (index == DUE_INDEX_WAITING)
    return first <= query->now || last > query->longest;
  return first <= query->latest || (due_has_range(query, DUE_AHEAD) && last > query->longest);
}

static connector_status take_tenant(struct statement *statement, const char *after,
                                    struct buffer *tenant, connector_error *error)
{
  const char *name = column_text(statement, 0, NULL);

  if (name == NULL || strcmp(name, after) <= 0) /* a NUL cut it off: going on would never end */
    return error_set(error, CONNECTOR_CORRUPT, NULL, "a tenant's name is damaged");
  buffer_text(tenant, name);
  return CONNECTOR_OK;
}

connector_status due_tenant(struct connection *connection, const struct scope *scope,
                            const struct due_query *query, enum due_index index, const char *after,
                            struct buffer *tenant, bool *due, connector_error *error)
{
  struct due_text text = { query, scope, index };
  struct statement_key key = { STATEMENT_DUE_TENANT, scope_shape(scope), shape_of(query, index) };
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
    status = take_tenant(statement, after, tenant, error);
    *due = is_due(query, index, column_integer(statement, 1), column_integer(statement, 2));
  }
  buffer_byte(tenant, '\0');
  statement_done(statement);
  if (status == CONNECTOR_OK && tenant->failed)
    status = error_no_memory(error);
  return status;
}
