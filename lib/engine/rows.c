/*
 * Binding and reading rows as loops over the field table, and the statements on single rows. A list
 * of rows is made in listing.c.
 */
#include "engine/rows.h"

#include "base/bytes.h"
#include "base/status.h"

#include <string.h>

/* ---- columns ---- */

static bool is_stored(const struct field *field)
{
  return (field->flags & FIELD_DERIVED) == 0;
}

/* Writes `text` after the name of each stored field of a set, with commas between. */
static void write_columns(struct buffer *sql, uint64_t fields, const char *text)
{
  const char *comma = "";

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    if ((fields & CONNECTOR_BIT(i)) == 0 || !is_stored(&record_fields[i]))
      continue;
    buffer_text(sql, comma);
    buffer_append(sql, record_fields[i].name, record_fields[i].name_length);
    buffer_text(sql, text);
    comma = ", ";
  }
}

void rows_columns(struct buffer *sql)
{
  write_columns(sql, UINT64_MAX, "");
  buffer_text(sql, ", row_check");
}

/* ---- whose row it is ---- */

/* The same on every machine: the hash is kept in the file. */
static uint64_t mix(uint64_t hash, const char *text, size_t length)
{
  hash = (hash ^ length) * UINT64_C(0x9e3779b97f4a7c15);
  for (; length >= 8; text += 8, length -= 8)
    hash = (hash ^ hash >> 29 ^ bytes_load(text)) * UINT64_C(0xbf58476d1ce4e5b9);
  for (; length > 0; text++, length--)
    hash = (hash ^ hash >> 29 ^ (unsigned char)*text) * UINT64_C(0xbf58476d1ce4e5b9);
  return hash ^ (hash >> 32);
}

/* 31 bits, so that it takes four bytes of a row. */
static int64_t row_check(const char *tenant, size_t tenant_length, const char *id, size_t id_length)
{
  return (int64_t)(mix(mix(0, tenant, tenant_length), id, id_length) & 0x7fffffff);
}

/* No row has the check of a scope without a tenant: no write spans tenants. */
static void bind_check(struct statement *statement, const char *tenant, const char *id)
{
  if (tenant == NULL) {
    bind_integer(statement, -1);
    return;
  }
  bind_integer(statement, row_check(tenant, strlen(tenant), id, strlen(id)));
}

const char *rows_state(connector_deleted deleted)
{
  switch (deleted) {
  case CONNECTOR_DELETED_INCLUDE:
    return "";
  case CONNECTOR_DELETED_ONLY:
    return " AND deleted_at IS NOT NULL";
  case CONNECTOR_DELETED_EXCLUDE:
    break;
  }
  return " AND deleted_at IS NULL";
}

static void bind_field(struct statement *statement, const connector *record,
                       const struct field *field)
{
  int64_t number = 0;

  if (field_is_text(field)) {
    bind_text(statement, *field_text(record, field));
    return;
  }
  number = field_number(record, field);
  if (field->kind == KIND_ENUM)
    bind_text(statement, enum_text(field->names, number));
  else if (number == 0 && (field->flags & FIELD_NULLABLE) != 0)
    bind_null(statement);
  else
    bind_integer(statement, number);
}

static void read_enum(struct statement *statement, int column, const struct field *field,
                      connector *record)
{
  uint32_t length = 0;
  const char *text = column_text(statement, column, &length);

  field_set_number(record, field, text != NULL ? enum_value(field->names, text, length) : 0);
}

static void read_text(struct statement *statement, int column, struct row *row, size_t field)
{
  const char *text = column_text(statement, column, &row->lengths[field]);

  *field_text(&row->record, &record_fields[field]) = text;
  if (text != NULL)
    row->size += (size_t)row->lengths[field] + 1;
}

/* False where the row is not the one that its index names. */
static bool read_row(struct statement *statement, struct row *row)
{
  int column = 0;

  row->size = sizeof(row->record);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if (!is_stored(field))
      continue;
    if (field_is_text(field))
      read_text(statement, column, row, i);
    else if (field->kind == KIND_ENUM)
      read_enum(statement, column, field, &row->record);
    else
      field_set_number(&row->record, field, column_integer(statement, column));
    column++;
  }
  row->record.is_deleted = row->record.deleted_at != 0;
  return row->record.id != NULL && row->record.tenant_id != NULL &&
         column_integer(statement, column) ==
             row_check(row->record.tenant_id, row->lengths[CONNECTOR_FIELD_TENANT_ID],
                       row->record.id, row->lengths[CONNECTOR_FIELD_ID]);
}

connector_status rows_next(struct statement *statement, struct row *row, bool *found,
                           connector_error *error)
{
  connector_status status = statement_step(statement, found, error);

  if (status != CONNECTOR_OK || !*found)
    return status;
  if (read_row(statement, row))
    return statement_check(statement, error);
  status = statement_check(statement, error);
  return status == CONNECTOR_OK ? error_set(error, CONNECTOR_CORRUPT, NULL, "the file is damaged")
                                : status;
}

/* ---- insert ---- */

static void insert_text(struct buffer *sql, const void *context)
{
  (void)context;
  buffer_text(sql, "INSERT INTO connector (");
  rows_columns(sql);
  buffer_text(sql, ") VALUES (?");
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if (is_stored(&record_fields[i]))
      buffer_text(sql, ", ?");
  buffer_text(sql, ")");
}

connector_status rows_insert(struct connection *connection, const connector *record,
                             connector_error *error)
{
  struct statement_key key = { STATEMENT_INSERT, 0, 0 };
  struct statement *statement = NULL;
  connector_status status = statement_get(connection, key, insert_text, NULL, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if (is_stored(&record_fields[i]))
      bind_field(statement, record, &record_fields[i]);
  bind_check(statement, record->tenant_id, record->id);
  return statement_run(statement, error);
}

/* ---- find ---- */

struct find {
  const struct scope *scope;
  connector_deleted deleted;
};

static void find_text(struct buffer *sql, const void *context)
{
  const struct find *find = context;

  buffer_text(sql, "SELECT ");
  rows_columns(sql);
  buffer_text(sql, " FROM connector WHERE id = ? AND ");
  scope_write(sql, find->scope);
  buffer_text(sql, rows_state(find->deleted));
  buffer_text(sql, " LIMIT 2");
}

/* Whether another tenant has the same id, where the scope spans tenants. */
static connector_status check_alone(struct statement *statement, const struct scope *scope,
                                    connector_error *error)
{
  bool another = false;
  connector_status status = CONNECTOR_OK;

  if (scope->kind == SCOPE_SYSTEM)
    status = statement_step(statement, &another, error);
  if (another)
    return error_set(error, CONNECTOR_INVALID, "tenant_id",
                     "must be named, for several tenants have this id");
  return status;
}

connector_status rows_find(struct connection *connection, const struct scope *scope, const char *id,
                           connector_deleted deleted, connector **found, connector_error *error)
{
  struct find find = { scope, deleted };
  struct statement_key key = { STATEMENT_FIND, scope_shape(scope), (uint64_t)deleted };
  struct statement *statement = NULL;
  struct row row;
  bool any = false;
  connector_status status = statement_get(connection, key, find_text, &find, &statement, error);

  *found = NULL;
  if (status != CONNECTOR_OK)
    return status;
  bind_text(statement, id);
  scope_bind(statement, scope);
  status = rows_next(statement, &row, &any, error);
  if (status == CONNECTOR_OK && any) {
    *found = row_copy(&row);
    status = *found != NULL ? check_alone(statement, scope, error) : error_no_memory(error);
  }
  statement_done(statement);
  if (status != CONNECTOR_OK) {
    connector_free(*found);
    *found = NULL;
  }
  return status;
}

/* ---- state changes: one conditional statement each ---- */

struct change {
  const struct target *target;
  enum statement_kind kind;
  uint64_t fields;
};

#define STAMPS                                                                                     \
  "updated_at = max(updated_at + 1, ?), updated_by = coalesce(?, updated_by), "                    \
  "version = version + 1"

static const struct {
  const char *start;
  connector_deleted state; /* in which it finds the row */
} changes[] = {
  [STATEMENT_UPDATE] = { "UPDATE connector SET " STAMPS, CONNECTOR_DELETED_EXCLUDE },
  [STATEMENT_DELETE] = { "UPDATE connector SET " STAMPS ", deleted_at = ?, deleted_by = ?",
                         CONNECTOR_DELETED_EXCLUDE },
  [STATEMENT_RESTORE] = { "UPDATE connector SET " STAMPS ", deleted_at = NULL, deleted_by = NULL",
                          CONNECTOR_DELETED_ONLY },
  [STATEMENT_PURGE] = { "DELETE FROM connector", CONNECTOR_DELETED_ONLY },
};

static void change_text(struct buffer *sql, const void *context)
{
  const struct change *change = context;

  buffer_text(sql, changes[change->kind].start);
  if (change->fields != 0) {
    buffer_text(sql, ", ");
    write_columns(sql, change->fields, " = ?");
  }
  buffer_text(sql, " WHERE id = ? AND row_check = ? AND ");
  scope_write(sql, change->target->scope);
  buffer_text(sql, rows_state(changes[change->kind].state));
  buffer_text(sql, " AND schema_version <= ?");
  if (change->target->expected_version != 0)
    buffer_text(sql, " AND version = ?");
}

static connector_status start_change(struct connection *connection, const struct change *change,
                                     struct statement **out, connector_error *error)
{
  struct statement_key key = { (uint32_t)change->kind,
                               scope_shape(change->target->scope) << 1 |
                                   (change->target->expected_version != 0),
                               change->fields };

  return statement_get(connection, key, change_text, change, out, error);
}

static connector_status finish_change(struct connection *connection, struct statement *statement,
                                      const struct target *target, bool *changed,
                                      connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  bind_text(statement, target->id);
  bind_check(statement, target->scope->tenant, target->id);
  scope_bind(statement, target->scope);
  bind_integer(statement, RECORD_SCHEMA_VERSION);
  if (target->expected_version != 0)
    bind_integer(statement, target->expected_version);
  status = statement_run(statement, error);
  *changed = status == CONNECTOR_OK && connection_changes(connection) == 1;
  return status;
}

static void bind_stamp(struct statement *statement, const struct stamp *stamp)
{
  bind_integer(statement, stamp->now);
  bind_text(statement, stamp->person);
}

connector_status rows_update(struct connection *connection, const struct target *target,
                             const struct draft *draft, const struct stamp *stamp, bool *changed,
                             connector_error *error)
{
  struct change change = { target, STATEMENT_UPDATE, draft->set | draft->cleared };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  bind_stamp(statement, stamp);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if ((draft->set & CONNECTOR_BIT(i)) != 0)
      bind_field(statement, &draft->values, field);
    else if ((draft->cleared & CONNECTOR_BIT(i)) == 0)
      continue;
    else if ((field->flags & FIELD_NULLABLE) != 0)
      bind_null(statement);
    else
      bind_integer(statement, 0);
  }
  return finish_change(connection, statement, target, changed, error);
}

connector_status rows_delete(struct connection *connection, const struct target *target,
                             const struct stamp *stamp, bool *changed, connector_error *error)
{
  struct change change = { target, STATEMENT_DELETE, 0 };
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
  struct change change = { target, STATEMENT_RESTORE, 0 };
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
  struct change change = { target, STATEMENT_PURGE, 0 };
  struct statement *statement = NULL;
  connector_status status = start_change(connection, &change, &statement, error);

  return status == CONNECTOR_OK ? finish_change(connection, statement, target, changed, error)
                                : status;
}

static void purgeable_text(struct buffer *sql, const void *context)
{
  buffer_text(sql, "SELECT id, tenant_id, app_id, version FROM connector WHERE ");
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
  *row = (connector){ .id = column_text(statement, 0, NULL),
                      .tenant_id = column_text(statement, 1, NULL),
                      .app_id = column_text(statement, 2, NULL),
                      .version = column_integer(statement, 3) };
  return statement_check(statement, error);
}
