/*
 * Text and values of a statement on their way to the engine.
 */
#include "engine/sql.h"

#include "base/status.h"

void sql_init(struct sql *sql)
{
  sql->text = (struct buffer){ 0 };
  sql->count = 0;
  sql->overflow = false;
}

void sql_free(struct sql *sql)
{
  buffer_free(&sql->text);
}

void sql_text(struct sql *sql, const char *text)
{
  buffer_text(&sql->text, text);
}

static void add(struct sql *sql, struct sql_value value)
{
  if (sql->count == SQL_VALUES)
    sql->overflow = true;
  else
    sql->values[sql->count++] = value;
}

void sql_value_text(struct sql *sql, const char *text)
{
  add(sql, (struct sql_value){ .text = text, .null = text == NULL });
}

void sql_value_number(struct sql *sql, int64_t number)
{
  add(sql, (struct sql_value){ .number = number });
}

connector_status sql_statement(struct sql *sql, struct connection *connection, uint32_t kind,
                               statement_text_fn head, struct statement **out,
                               connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (sql->text.failed)
    return error_no_memory(error);
  if (sql->overflow)
    return error_set(error, CONNECTOR_INVALID, "filters", "hold more values than a query can take");
  status = statement_get_text(connection, kind, head, sql->text.bytes, sql->text.length, out,
                              error);
  for (size_t i = 0; status == CONNECTOR_OK && i < sql->count; i++) {
    const struct sql_value *value = &sql->values[i];

    if (value->null)
      bind_null(*out);
    else if (value->text != NULL)
      bind_text(*out, value->text);
    else
      bind_integer(*out, value->number);
  }
  return status;
}
