/*
 * Changes of single rows, one conditional statement each: who may see the row, its state and its
 * version are part of the condition.
 */
#include "engine/rows.h"

#include "base/status.h"

#include <string.h>

/* The names of the columns stand in the schema's indexes too. */
const char *const wait_columns[WAITS] = {
  [WAIT_REFRESH] = "refresh_after",
  [WAIT_ROTATION] = "rotation_after",
  [WAIT_SYNC] = "sync_after",
};

struct row_change {
  const struct target *target;
  enum statement_kind kind;
  uint64_t fields;
  unsigned waits; /* a set of enum wait, as 1 << wait */
};

/* Behind the bits of fields in the key of a statement. */
enum { WAITS_SHIFT = 56 };

_Static_assert(CONNECTOR_FIELD_COUNT <= WAITS_SHIFT, "a key holds a bit for each field and wait");

#define STAMPS "updated_at = max(updated_at + 1, ?), updated_by = coalesce(?, updated_by)"
#define VERSION ", version = version + 1"

static const struct {
  const char *start;
  connector_deleted state; /* in which it finds the row */
} changes[] = {
  [STATEMENT_UPDATE] = { "UPDATE connector SET " STAMPS VERSION, CONNECTOR_DELETED_EXCLUDE },
  [STATEMENT_DELETE] = { "UPDATE connector SET " STAMPS VERSION ", deleted_at = ?, deleted_by = ?",
                         CONNECTOR_DELETED_EXCLUDE },
  [STATEMENT_RESTORE] = { "UPDATE connector SET " STAMPS VERSION
                          ", deleted_at = NULL, deleted_by = NULL, refresh_after = NULL,"
                          " rotation_after = NULL, sync_after = NULL",
                          CONNECTOR_DELETED_ONLY },
  [STATEMENT_REPORT] = { "UPDATE connector SET " STAMPS, CONNECTOR_DELETED_EXCLUDE },
  [STATEMENT_WAIT] = { "UPDATE connector SET ", CONNECTOR_DELETED_EXCLUDE },
  [STATEMENT_PURGE] = { "DELETE FROM connector", CONNECTOR_DELETED_ONLY },
};

static const uint64_t token_expiry = CONNECTOR_BIT(CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT);

static void write_waits(struct buffer *sql, const struct row_change *change)
{
  const char *comma = change->kind == STATEMENT_WAIT ? "" : ", ";

  for (unsigned i = 0; i < WAITS; i++) {
    if ((change->waits & 1u << i) == 0)
      continue;
    buffer_text(sql, comma);
    buffer_text(sql, wait_columns[i]);
    buffer_text(sql, " = ?");
    comma = ", ";
  }
}

static void change_text(struct buffer *sql, const void *context)
{
  const struct row_change *change = context;

  buffer_text(sql, changes[change->kind].start);
  if (change->fields != 0) {
    buffer_text(sql, ", ");
    rows_write_columns(sql, change->fields, " = ?");
  }
  if ((change->fields & token_expiry) != 0)
    buffer_text(sql, ", token_lead = ?");
  write_waits(sql, change);
  buffer_text(sql, " WHERE id = ? AND row_check = ? AND ");
  scope_write(sql, change->target->scope);
  buffer_text(sql, rows_state(changes[change->kind].state));
  buffer_text(sql, " AND schema_version <= ?");
  if (change->target->expected_version != 0)
    buffer_text(sql, " AND version = ?");
}

static connector_status start_change(struct connection *connection, const struct row_change *change,
                                     struct statement **out, connector_error *error)
{
  struct statement_key key = { (uint32_t)change->kind,
                               scope_shape(change->target->scope) << 1 |
                                   (change->target->expected_version != 0),
                               change->fields | (uint64_t)change->waits << WAITS_SHIFT };

  return statement_get(connection, key, change_text, change, out, error);
}

static connector_status finish_change(struct connection *connection, struct statement *statement,
                                      const struct target *target, bool *changed,
                                      connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  bind_text(statement, target->id);
  rows_bind_check(statement, target->scope->tenant, target->id);
  scope_bind(statement, target->scope);
  bind_integer(statement, RECORD_SCHEMA_VERSION);
  if (target->expected_version != 0)
    bind_integer(statement, target->expected_version);
  status = statement_run(statement, error);
  *changed = status == CONNECTOR_OK && connection_changes(connection) == 1;
  return status;
}

void rows_stamp(connector *record, const struct stamp *stamp, bool moves_version)
{
  record->updated_at = stamp->now > record->updated_at ? stamp->now : record->updated_at + 1;
  if (stamp->person != NULL)
    record->updated_by = stamp->person;
  record->version += moves_version;
}

static void bind_stamp(struct statement *statement, const struct stamp *stamp)
{
  bind_integer(statement, stamp->now);
  bind_text(statement, stamp->person);
}

static void bind_draft(struct statement *statement, const struct draft *draft,
                       const struct stamp *stamp)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if ((draft->set & CONNECTOR_BIT(i)) != 0)
      rows_bind_field(statement, &draft->values, field);
    else if ((draft->cleared & CONNECTOR_BIT(i)) == 0)
      continue;
    else if ((field->flags & FIELD_NULLABLE) != 0)
      bind_null(statement);
    else
      bind_integer(statement, 0);
  }
  if (((draft->set | draft->cleared) & token_expiry) != 0)
    rows_bind_lead(statement,
                   (draft->set & token_expiry) != 0 ? draft->values.oauth_token_expires_at : 0,
                   stamp->now);
}

static void bind_waits(struct statement *statement, const struct waits *waits)
{
  for (unsigned i = 0; i < WAITS; i++) {
    if ((waits->set & 1u << i) == 0)
      continue;
    if (waits->until[i] != 0)
      bind_integer(statement, waits->until[i]);
    else
      bind_null(statement);
  }
}

connector_status rows_update(struct connection *connection, const struct target *target,
                             const struct draft *draft, const struct stamp *stamp, bool *changed,
                             connector_error *error)
{
  struct row_change change = { target, STATEMENT_UPDATE, draft->set | draft->cleared, 0 };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_stamp(statement, stamp);
  bind_draft(statement, draft, stamp);
  return finish_change(connection, statement, target, changed, error);
}

connector_status rows_report(struct connection *connection, const struct target *target,
                             const struct draft *draft, const struct waits *waits,
                             const struct stamp *stamp, bool *changed, connector_error *error)
{
  struct row_change change = { target, STATEMENT_REPORT, draft->set | draft->cleared, waits->set };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_stamp(statement, stamp);
  bind_draft(statement, draft, stamp);
  bind_waits(statement, waits);
  return finish_change(connection, statement, target, changed, error);
}

connector_status rows_wait(struct connection *connection, const struct target *target,
                           const struct waits *waits, bool *changed, connector_error *error)
{
  struct row_change change = { target, STATEMENT_WAIT, 0, waits->set };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_waits(statement, waits);
  return finish_change(connection, statement, target, changed, error);
}

connector_status rows_delete(struct connection *connection, const struct target *target,
                             const struct stamp *stamp, bool *changed, connector_error *error)
{
  struct row_change change = { target, STATEMENT_DELETE, 0, 0 };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_stamp(statement, stamp);
  bind_integer(statement, stamp->now);
  bind_text(statement, stamp->person);
  return finish_change(connection, statement, target, changed, error);
}

connector_status rows_restore(struct connection *connection, const struct target *target,
                              const struct stamp *stamp, bool *changed, connector_error *error)
{
  struct row_change change = { target, STATEMENT_RESTORE, 0, 0 };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_stamp(statement, stamp);
  return finish_change(connection, statement, target, changed, error);
}

connector_status rows_purge(struct connection *connection, const struct target *target,
                            bool *changed, connector_error *error)
{
  struct row_change change = { target, STATEMENT_PURGE, 0, 0 };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  return status == CONNECTOR_OK ? finish_change(connection, statement, target, changed, error)
                                : status;
}

struct waiting_row {
  const struct scope *scope;
  enum wait wait;
};

static void find_wait_text(struct buffer *sql, const void *context)
{
  const struct waiting_row *row = context;

  buffer_text(sql, "SELECT ");
  buffer_text(sql, wait_columns[row->wait]);
  buffer_text(sql, " FROM connector WHERE id = ? AND ");
  scope_write(sql, row->scope);
  buffer_text(sql, " LIMIT 2");
}

connector_status rows_find_wait(struct connection *connection, const struct scope *scope,
                                const char *id, enum wait wait, int64_t *until,
                                connector_error *error)
{
  struct waiting_row row = { scope, wait };
  struct statement_key key = { STATEMENT_FIND_WAIT, scope_shape(scope), (uint64_t)wait };
  struct statement *statement = NULL;
  bool found = false;
  connector_status status = statement_get(connection, key, find_wait_text, &row, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, id);
  scope_bind(statement, scope);
  status = statement_step(statement, &found, error);
  *until = status == CONNECTOR_OK && found ? column_integer(statement, 0) : 0;
  statement_done(statement);
  return status;
}

static const uint64_t purged_fields = CONNECTOR_BIT(CONNECTOR_FIELD_ID) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_TENANT_ID) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_APP_ID) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_SCOPE) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_OWNER_ID) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_GROUP_ID) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_USER_ID) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_VAULT_PATH) |
                                      CONNECTOR_BIT(CONNECTOR_FIELD_VERSION);

static void purgeable_text(struct buffer *sql, const void *context)
{
  buffer_text(sql, "SELECT ");
  rows_write_columns(sql, purged_fields, "");
  buffer_text(sql, " FROM connector WHERE ");
  scope_write(sql, context);
  buffer_text(sql,
              " AND deleted_at IS NOT NULL AND deleted_at < ? AND schema_version <= ? LIMIT ?");
}

connector_status rows_purgeable(struct connection *connection, const struct scope *scope,
                                int64_t deleted_before, int64_t limit, struct statement **out,
                                connector_error *error)
{
  struct statement_key key = { STATEMENT_PURGEABLE, scope_shape(scope), 0 };
  connector_status status = statement_get(connection, key, purgeable_text, scope, out, error);

  if (status != CONNECTOR_OK)
    return status;
  scope_bind(*out, scope);
  bind_integer(*out, deleted_before);
  bind_integer(*out, RECORD_SCHEMA_VERSION);
  bind_integer(*out, limit);
  return CONNECTOR_OK;
}

connector_status rows_next_purgeable(struct statement *statement, connector *row, bool *found,
                                     connector_error *error)
{
  connector_status status = statement_step(statement, found, error);

  if (status != CONNECTOR_OK || !*found)
    return status;
  *row = (connector){ 0 };
  for (size_t i = 0, column = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if ((purged_fields & CONNECTOR_BIT(i)) != 0)
      rows_read_field(statement, (int)column++, &record_fields[i], row);
  status = statement_check(statement, error);
  if (status == CONNECTOR_OK && !statement_expects(statement, row->tenant_id))
    status = error_set(error, CONNECTOR_CORRUPT, NULL, "the file is damaged");
  return status;
}
