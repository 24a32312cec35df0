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

void rows_write_columns(struct buffer *sql, uint64_t fields, const char *text)
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
  rows_write_columns(sql, UINT64_MAX, "");
  buffer_text(sql, ", row_check");
}

/* A column for each field but is_deleted, and row_check. */
int rows_column_count(void)
{
  return CONNECTOR_FIELD_COUNT;
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

void rows_bind_check(struct statement *statement, const char *tenant, const char *id)
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

void rows_bind_field(struct statement *statement, const connector *record,
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

void rows_read_field(struct statement *statement, int column, const struct field *field,
                     connector *record)
{
  if (field_is_text(field))
    *field_text(record, field) = column_text(statement, column, NULL);
  else if (field->kind == KIND_ENUM)
    read_enum(statement, column, field, record);
  else
    field_set_number(record, field, column_integer(statement, column));
}

static void read_text(struct statement *statement, int column, struct row *row, size_t field)
{
  const char *text = column_text(statement, column, &row->lengths[field]);

  *field_text(&row->record, &record_fields[field]) = text;
  if (text != NULL)
    row->size += (size_t)row->lengths[field] + 1;
}

/* False where the row is not the one that its index names, or not the tenant's. */
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
    else
      rows_read_field(statement, column, field, &row->record);
    column++;
  }
  row->record.is_deleted = row->record.deleted_at != 0;
  return row->record.id != NULL && statement_expects(statement, row->record.tenant_id) &&
         row->record.tenant_id != NULL &&
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

/* A token is due when a fifth of its life is left, and 15 minutes before its end at the most; in
 * the column null is the latter. */
enum { LEAD_SHARE = 5, LEAD_MOST_MS = 900000 };

void rows_bind_lead(struct statement *statement, int64_t expires_at, int64_t now)
{
  int64_t lead = expires_at > now ? (expires_at - now) / LEAD_SHARE : 0;

  if (expires_at == 0 || lead >= LEAD_MOST_MS)
    bind_null(statement);
  else
    bind_integer(statement, lead);
}

static void insert_text(struct buffer *sql, const void *context)
{
  (void)context;
  buffer_text(sql, "INSERT INTO connector (");
  rows_columns(sql);
  buffer_text(sql, ", token_lead) VALUES (?, ?");
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
      rows_bind_field(statement, record, &record_fields[i]);
  rows_bind_check(statement, record->tenant_id, record->id);
  rows_bind_lead(statement, record->oauth_token_expires_at, record->updated_at);
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
  if (status == CONNECTOR_OK && any && strcmp(row.record.id, id) != 0)
    status = error_set(error, CONNECTOR_CORRUPT, NULL, "the file is damaged");
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
