/*
 * Statements: prepared once for a connection, found again by key or by text, the one used longest
 * ago making room for a new one.
 */
#include "engine/sqlite.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>

static void drop(struct statement *statement)
{
  (void)sqlite3_finalize(statement->handle);
  free(statement->text);
  *statement = (struct statement){ .connection = statement->connection };
}

void statements_close(struct connection *connection)
{
  for (size_t i = 0; i < STATEMENTS_KEPT; i++)
    drop(&connection->statements[i]);
  for (size_t i = 0; i < TRANSACTION_STEPS; i++)
    (void)sqlite3_finalize(connection->transactions[i]);
}

static bool same_key(const struct statement_key *a, const struct statement_key *b)
{
  return a->fields == b->fields && a->kind == b->kind && a->variant == b->variant;
}

/* A hash is no proof: a statement known by its text is compared as text. */
static struct statement *find(struct connection *connection, const struct statement_key *key,
                              const char *text, size_t length)
{
  for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
    struct statement *statement = &connection->statements[i];

    if (statement->handle == NULL || !same_key(&statement->key, key))
      continue;
    if (text == NULL ||
        (statement->text_length == length && memcmp(statement->text, text, length) == 0))
      return statement;
  }
  return NULL;
}

static struct statement *make_room(struct connection *connection)
{
  struct statement *oldest = &connection->statements[0];

  for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
    struct statement *statement = &connection->statements[i];

    if (statement->handle == NULL) {
      oldest = statement;
      break;
    }
    if (statement->used < oldest->used)
      oldest = statement;
  }
  drop(oldest);
  oldest->connection = connection;
  return oldest;
}

static connector_status prepare(struct connection *connection, const struct statement_key *key,
                                const char *sql, size_t length, bool keep_text,
                                struct statement **out, connector_error *error)
{
  struct statement *statement = make_room(connection);
  int code = SQLITE_OK;

  if (keep_text) {
    statement->text = malloc(length + 1);
    if (statement->text == NULL)
      return error_no_memory(error);
    memcpy(statement->text, sql, length);
    statement->text_length = length;
  }
  code = sqlite3_prepare_v3(connection->db, sql, (int)length, SQLITE_PREPARE_PERSISTENT,
                            &statement->handle, NULL);
  if (code != SQLITE_OK) {
    connector_status status = connection_fail(connection, code, error);

    drop(statement);
    return status;
  }
  statement->key = *key;
  *out = statement;
  return CONNECTOR_OK;
}

static struct statement *begin(struct connection *connection, struct statement *statement)
{
  statement->used = ++connection->tick;
  statement->bound = 0;
  statement->failure = SQLITE_OK;
  return statement;
}

connector_status statement_get(struct connection *connection, struct statement_key key,
                               statement_text_fn text, const void *context,
                               struct statement **out, connector_error *error)
{
  struct statement *statement = find(connection, &key, NULL, 0);
  struct buffer sql = { 0 };
  connector_status status = CONNECTOR_OK;

  if (statement == NULL) {
    text(&sql, context);
    status = sql.failed ? error_no_memory(error)
                        : prepare(connection, &key, sql.bytes, sql.length, false, &statement, error);
    buffer_free(&sql);
  }
  if (status == CONNECTOR_OK)
    *out = begin(connection, statement);
  return status;
}

static uint64_t hash(const char *text, size_t length)
{
  uint64_t value = UINT64_C(14695981039346656037);

  for (size_t i = 0; i < length; i++)
    value = (value ^ (unsigned char)text[i]) * UINT64_C(1099511628211);
  return value;
}

connector_status statement_get_text(struct connection *connection, const char *sql, size_t length,
                                    struct statement **out, connector_error *error)
{
  struct statement_key key = { 0, 0, hash(sql, length) };
  struct statement *statement = find(connection, &key, sql, length);
  connector_status status = CONNECTOR_OK;

  if (statement == NULL)
    status = prepare(connection, &key, sql, length, true, &statement, error);
  if (status == CONNECTOR_OK)
    *out = begin(connection, statement);
  return status;
}

/* ---- binding: text stays where it is until statement_done() ---- */

static void note(struct statement *statement, int code)
{
  if (code != SQLITE_OK && statement->failure == SQLITE_OK)
    statement->failure = code;
}

void bind_text(struct statement *statement, const char *text)
{
  note(statement, sqlite3_bind_text(statement->handle, ++statement->bound, text, -1, SQLITE_STATIC));
}

void bind_text_length(struct statement *statement, const char *text, size_t length)
{
  note(statement, sqlite3_bind_text64(statement->handle, ++statement->bound, text, length,
                                      SQLITE_STATIC, SQLITE_UTF8));
}

void bind_bytes(struct statement *statement, const void *bytes, size_t length)
{
  note(statement, sqlite3_bind_blob64(statement->handle, ++statement->bound, bytes, length,
                                      SQLITE_STATIC));
}

void bind_integer(struct statement *statement, int64_t number)
{
  note(statement, sqlite3_bind_int64(statement->handle, ++statement->bound, number));
}

void bind_null(struct statement *statement)
{
  note(statement, sqlite3_bind_null(statement->handle, ++statement->bound));
}

/* ---- running ---- */

connector_status statement_step(struct statement *statement, bool *row, connector_error *error)
{
  int code = statement->failure == SQLITE_OK ? sqlite3_step(statement->handle) : statement->failure;

  *row = code == SQLITE_ROW;
  if (code == SQLITE_ROW || code == SQLITE_DONE)
    return CONNECTOR_OK;
  return connection_fail(statement->connection, code, error);
}

connector_status statement_run(struct statement *statement, connector_error *error)
{
  bool row = false;
  connector_status status = CONNECTOR_OK;

  do
    status = statement_step(statement, &row, error);
  while (row);
  statement_done(statement);
  return status;
}

void statement_done(struct statement *statement)
{
  (void)sqlite3_reset(statement->handle);
}

/* ---- columns ---- */

const char *column_text(struct statement *statement, int column, uint32_t *length)
{
  const char *text = (const char *)sqlite3_column_text(statement->handle, column);

  if (text != NULL && length != NULL)
    *length = (uint32_t)sqlite3_column_bytes(statement->handle, column);
  return text;
}

const void *column_bytes(struct statement *statement, int column, size_t *length)
{
  const void *bytes = sqlite3_column_blob(statement->handle, column);

  *length = (size_t)sqlite3_column_bytes(statement->handle, column);
  return bytes;
}

int64_t column_integer(struct statement *statement, int column)
{
  return sqlite3_column_int64(statement->handle, column);
}
