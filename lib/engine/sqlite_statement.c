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
                                const struct buffer *sql, struct statement **out,
                                connector_error *error)
{
  struct statement *statement = NULL;
  int code = SQLITE_OK;

  if (sql->failed)
    return error_no_memory(error);
  statement = make_room(connection);
  code = sqlite3_prepare_v3(connection->db, sql->bytes, (int)sql->length, SQLITE_PREPARE_PERSISTENT,
                            &statement->handle, NULL);
  if (code != SQLITE_OK)
    return connection_fail(connection, code, error);
  statement->key = *key;
  statement->parameters = sqlite3_bind_parameter_count(statement->handle);
  *out = statement;
  return CONNECTOR_OK;
}

static struct statement *begin(struct connection *connection, struct statement *statement)
{
  connection->rounds = 0;
  if (statement->parameters > connection->bound_most)
    connection->bound_most = statement->parameters;
  statement->used = ++connection->tick;
  statement->bound = 0;
  statement->tenant = NULL;
  statement->failure = SQLITE_OK;
  return statement;
}

connector_status statement_get(struct connection *connection, struct statement_key key,
                               statement_text_fn text, const void *context, struct statement **out,
                               connector_error *error)
{
  struct statement *statement = find(connection, &key, NULL, 0);
  struct buffer sql = { 0 };
  connector_status status = CONNECTOR_OK;

  if (statement == NULL) {
    text(&sql, context);
    status = prepare(connection, &key, &sql, &statement, error);
    buffer_free(&sql);
  }
  if (status == CONNECTOR_OK)
    *out = begin(connection, statement);
  return status;
}

/* Eight bytes at a time: it only has to tell the texts of one program apart. */
static uint64_t hash(const char *text, size_t length)
{
  uint64_t value = length;

  while (length > 0) {
    size_t size = length < sizeof(uint64_t) ? length : sizeof(uint64_t);
    uint64_t word = 0;

    memcpy(&word, text, size);
    value = (value ^ word) * UINT64_C(0x9e3779b97f4a7c15);
    value ^= value >> 29;
    text += size;
    length -= size;
  }
  return value;
}

/* The text is kept before the statement is prepared: one without its text would never be found. */
static connector_status prepare_text(struct connection *connection, const struct statement_key *key,
                                     statement_text_fn head, const char *text, size_t length,
                                     struct statement **out, connector_error *error)
{
  struct buffer sql = { 0 };
  char *copy = malloc(length + 1);
  connector_status status = CONNECTOR_OK;

  if (copy == NULL)
    return error_no_memory(error);
  memcpy(copy, text, length);
  if (head != NULL)
    head(&sql, NULL);
  buffer_append(&sql, text, length);
  status = prepare(connection, key, &sql, out, error);
  buffer_free(&sql);
  if (status != CONNECTOR_OK) {
    free(copy);
    return status;
  }
  (*out)->text = copy;
  (*out)->text_length = length;
  return CONNECTOR_OK;
}

connector_status statement_get_text(struct connection *connection, uint32_t kind,
                                    statement_text_fn head, const char *sql, size_t length,
                                    struct statement **out, connector_error *error)
{
  struct statement_key key = { kind, 0, hash(sql, length) };
  struct statement *statement = find(connection, &key, sql, length);
  connector_status status = CONNECTOR_OK;

  if (statement == NULL)
    status = prepare_text(connection, &key, head, sql, length, &statement, error);
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
  note(statement,
       sqlite3_bind_text(statement->handle, ++statement->bound, text, -1, SQLITE_STATIC));
}

void bind_text_length(struct statement *statement, const char *text, size_t length)
{
  note(statement, sqlite3_bind_text64(statement->handle, ++statement->bound, text, length,
                                      SQLITE_STATIC, SQLITE_UTF8));
}

void bind_bytes(struct statement *statement, const void *bytes, size_t length)
{
  note(statement,
       sqlite3_bind_blob64(statement->handle, ++statement->bound, bytes, length, SQLITE_STATIC));
}

void bind_integer(struct statement *statement, int64_t number)
{
  note(statement, sqlite3_bind_int64(statement->handle, ++statement->bound, number));
}

void bind_null(struct statement *statement)
{
  note(statement, sqlite3_bind_null(statement->handle, ++statement->bound));
}

void statement_expect(struct statement *statement, const char *tenant)
{
  statement->tenant = tenant;
}

bool statement_expects(const struct statement *statement, const char *tenant)
{
  return statement->tenant == NULL || (tenant != NULL && strcmp(statement->tenant, tenant) == 0);
}

/* ---- running ---- */

connector_status statement_step(struct statement *statement, bool *row, connector_error *error)
{
  int code = statement->failure;

  if (code == SQLITE_OK)
    code = statement->bound == statement->parameters ? sqlite3_step(statement->handle)
                                                     : SQLITE_MISUSE;

  *row = code == SQLITE_ROW;
  if (code == SQLITE_ROW || code == SQLITE_DONE)
    return CONNECTOR_OK;
  return connection_fail(statement->connection, code, error);
}

connector_status statement_check(struct statement *statement, connector_error *error)
{
  return statement->failure == SQLITE_OK
             ? CONNECTOR_OK
             : connection_fail(statement->connection, statement->failure, error);
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

/* A connection serves one thread at a time, so that the value may be looked at directly: half the
 * work of asking the statement for its text and then for the length. */
const char *column_text(struct statement *statement, int column, uint32_t *length)
{
  sqlite3_value *value = sqlite3_column_value(statement->handle, column);
  const char *text = (const char *)sqlite3_value_text(value);

  if (text == NULL) {
    if (sqlite3_value_type(value) != SQLITE_NULL)
      note(statement, SQLITE_NOMEM);
  } else if (length != NULL) {
    *length = (uint32_t)sqlite3_value_bytes(value);
  }
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
