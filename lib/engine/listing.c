/*
 * The statements of lists and counts, made from a query and found again by their text.
 */
#include "engine/listing.h"

#include "base/status.h"
#include "base/utf8.h"
#include "engine/filter.h"
#include "engine/rows.h"

#include <string.h>

enum { SEARCH_MOST = 1024 };

/* ---- checks ---- */

static connector_status check_search(const char *search, connector_error *error)
{
  size_t length = strnlen(search, SEARCH_MOST + 1);
  size_t words = 0;

  if (length > SEARCH_MOST || utf8_classify(search, length) == UTF8_BAD)
    return error_set(error, CONNECTOR_INVALID, "search", "is too long or not valid UTF-8");
  for (const char *at = search; *at != '\0'; words++) {
    at += strspn(at, " \t\n");
    if (*at == '\0')
      break;
    at += strcspn(at, " \t\n");
  }
  if (words > CONNECTOR_SEARCH_WORDS_MAX)
    return error_set(error, CONNECTOR_INVALID, "search", "has more than %d words",
                     CONNECTOR_SEARCH_WORDS_MAX);
  return CONNECTOR_OK;
}

connector_status listing_check(const connector_query *query, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (query->filter_count > CONNECTOR_FILTERS_MAX)
    return error_set(error, CONNECTOR_INVALID, "filters", "are more than %d",
                     CONNECTOR_FILTERS_MAX);
  if (query->filter_count > 0 && query->filters == NULL)
    return error_set(error, CONNECTOR_INVALID, "filters", "must be given where they are counted");
  if ((unsigned)query->order_by >= CONNECTOR_FIELD_COUNT ||
      field_is_json(&record_fields[query->order_by]))
    return error_set(error, CONNECTOR_INVALID, "order_by", "is no field that can order a list");
  if ((unsigned)query->deleted > CONNECTOR_DELETED_ONLY)
    return error_set(error, CONNECTOR_INVALID, "deleted", "is not one of its values");
  for (size_t i = 0; status == CONNECTOR_OK && i < query->filter_count; i++)
    status = filter_check(&query->filters[i], error);
  if (status == CONNECTOR_OK && query->search != NULL)
    status = check_search(query->search, error);
  return status;
}

/* ---- conditions ---- */

static void write_scope(struct sql *sql, const struct scope *scope)
{
  const char *values[SCOPE_VALUES];
  size_t count = scope_values(scope, values);

  scope_write(&sql->text, scope);
  for (size_t i = 0; i < count; i++)
    sql_value_text(sql, values[i]);
}

static void write_search(struct sql *sql, const struct listing *listing)
{
  for (const char *at = listing->query->search; at != NULL && *at != '\0';) {
    size_t length = 0;
    const char *word = NULL;

    at += strspn(at, " \t\n");
    length = strcspn(at, " \t\n");
    if (length == 0)
      return;
    word = arena_copy(listing->arena, at, length);
    if (word == NULL)
      sql->text.failed = true;
    sql_text(sql, " AND ");
    search_write(sql, word);
    at += length;
  }
}

/* The engine checks what is no index's in this order: filters first, for they turn away most rows,
 * then who may see them; the tenant comes out of the index. */
static void write_conditions(struct sql *sql, const struct listing *listing)
{
  const connector_query *query = listing->query;

  sql_text(sql, " FROM connector WHERE ");
  for (size_t i = 0; i < query->filter_count; i++) {
    filter_write(sql, &query->filters[i], listing->arena);
    sql_text(sql, " AND ");
  }
  write_scope(sql, listing->scope);
  sql_text(sql, rows_state(query->deleted));
  write_search(sql, listing);
}

/* ---- order and position ---- */

/* The columns that the list is ordered by, with commas between and `suffix` after each: the field
 * itself where it is no tie-break, `id`, and the tenant where there are several. */
static void write_order(struct sql *sql, const struct listing *listing, bool field,
                        const char *suffix)
{
  connector_field order = listing->query->order_by;

  if (field && order != CONNECTOR_FIELD_ID) {
    sql_text(sql, field_expression(order));
    sql_text(sql, suffix);
    sql_text(sql, ", ");
  }
  sql_text(sql, "id");
  sql_text(sql, suffix);
  if (listing->scope->kind == SCOPE_SYSTEM && order != CONNECTOR_FIELD_TENANT_ID) {
    sql_text(sql, ", tenant_id");
    sql_text(sql, suffix);
  }
}

/* `(order, id) > (?, ?)`, with or without the field in front. */
static void write_tuple(struct sql *sql, const struct listing *listing, bool field)
{
  const struct position *after = listing->after;
  connector_field order = listing->query->order_by;

  sql_text(sql, "(");
  write_order(sql, listing, field, "");
  sql_text(sql, listing->query->descending ? ") < (" : ") > (");
  if (field && order != CONNECTOR_FIELD_ID) {
    sql_text(sql, "?, ");
    if (after->text != NULL)
      sql_value_text(sql, after->text);
    else
      sql_value_number(sql, after->number);
  }
  sql_text(sql, "?");
  sql_value_text(sql, after->id);
  if (listing->scope->kind == SCOPE_SYSTEM && order != CONNECTOR_FIELD_TENANT_ID) {
    sql_text(sql, ", ?");
    sql_value_text(sql, after->tenant);
  }
  sql_text(sql, ")");
}

/* Nulls come first where the list ascends, last where it descends. */
static void write_position(struct sql *sql, const struct listing *listing)
{
  const struct field *field = &record_fields[listing->query->order_by];
  bool descending = listing->query->descending;
  bool nullable = (field->flags & FIELD_NULLABLE) != 0;

  sql_text(sql, " AND (");
  if (listing->after->null && descending) {
    sql_text(sql, field->name);
    sql_text(sql, " IS NULL AND ");
  } else if (listing->after->null) {
    sql_text(sql, field->name);
    sql_text(sql, " IS NOT NULL OR ");
  }
  write_tuple(sql, listing, !listing->after->null);
  if (nullable && descending && !listing->after->null) {
    sql_text(sql, " OR ");
    sql_text(sql, field->name);
    sql_text(sql, " IS NULL");
  }
  sql_text(sql, ")");
}

/* ---- the statements ---- */

static void list_head(struct buffer *sql, const void *context)
{
  (void)context;
  buffer_text(sql, "SELECT ");
  rows_columns(sql);
}

static void count_head(struct buffer *sql, const void *context)
{
  (void)context;
  buffer_text(sql, "SELECT count(*)");
}

connector_status listing_start(struct connection *connection, const struct listing *listing,
                               struct statement **out, connector_error *error)
{
  struct sql sql;
  connector_status status = CONNECTOR_OK;

  sql_init(&sql);
  write_conditions(&sql, listing);
  if (listing->after != NULL)
    write_position(&sql, listing);
  sql_text(&sql, " ORDER BY ");
  write_order(&sql, listing, true, listing->query->descending ? " DESC" : "");
  sql_text(&sql, " LIMIT ?");
  sql_value_number(&sql, listing->limit);
  status = sql_statement(&sql, connection, STATEMENT_LIST, list_head, out, error);
  if (status == CONNECTOR_OK)
    statement_expect(*out, listing->scope->kind != SCOPE_SYSTEM ? listing->scope->tenant : NULL);
  sql_free(&sql);
  return status;
}

connector_status listing_count(struct connection *connection, const struct listing *listing,
                               int64_t *count, connector_error *error)
{
  struct sql sql;
  struct statement *statement = NULL;
  bool row = false;
  connector_status status = CONNECTOR_OK;

  sql_init(&sql);
  write_conditions(&sql, listing);
  status = sql_statement(&sql, connection, STATEMENT_COUNT, count_head, &statement, error);
  sql_free(&sql);
  if (status != CONNECTOR_OK)
    return status;
  status = statement_step(statement, &row, error);
  if (status == CONNECTOR_OK && row)
    *count = column_integer(statement, 0);
  statement_done(statement);
  return status;
}

struct position position_of(const connector *record, const connector_query *query)
{
  const struct field *field = &record_fields[query->order_by];
  struct position position = { .id = record->id, .tenant = record->tenant_id };
  bool nullable = (field->flags & FIELD_NULLABLE) != 0;

  if (field->kind == KIND_TEXT) {
    position.text = *field_text(record, field);
    position.null = position.text == NULL;
    return position;
  }
  position.number = field_number(record, field);
  if (field->kind == KIND_ENUM)
    position.text = enum_text(field->names, position.number);
  position.null = nullable && position.number == 0;
  return position;
}
