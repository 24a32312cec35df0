/*
 * A statement's text and its values, written together so that they can't come apart.
 */
#ifndef ENGINE_SQL_H
#define ENGINE_SQL_H

#include "base/buffer.h"
#include "engine/engine.h"

enum { SQL_VALUES = 900 };

struct sql_value {
  const char *text; /* NULL: `number` is the value, unless `null` */
  int64_t number;
  bool null;
};

struct sql {
  struct buffer text;
  size_t count;
  bool overflow; /* more values than the engine takes, or no memory for one */
  struct sql_value values[SQL_VALUES];
};

void sql_init(struct sql *sql);
void sql_free(struct sql *sql);

void sql_text(struct sql *sql, const char *text);

/* Each adds a value; the `?` stands in the text already. */
void sql_value_text(struct sql *sql, const char *text);
void sql_value_number(struct sql *sql, int64_t number);

/* Finds or prepares the statement and binds the values to it. All statements of a kind have the
 * same head, which stands before the text. */
connector_status sql_statement(struct sql *sql, struct connection *connection, uint32_t kind,
                               statement_text_fn head, struct statement **out,
                               connector_error *error);

#endif
