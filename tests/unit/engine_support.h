/*
 * What the tests of the engine's files need: one connection to a migrated file or memory, sample
 * rows, the statement used last, and its query plan.
 */
#ifndef TESTS_ENGINE_SUPPORT_H
#define TESTS_ENGINE_SUPPORT_H

#include "support.h"

#include "engine/listing.h"
#include "engine/rows.h"
#include "engine/schema.h"
#include "engine/sqlite.h"
#include "record/record.h"

static struct {
  struct engine_options options;
  struct connection *connection;
} engine;

/* ---- assertions ---- */

/* Unlike the API, the engine fills the error on failure only. */
static inline void check_engine(connector_status got, connector_status wanted, const char *field,
                                const char *call, const char *file, int line)
{
  bool right = got == wanted;
  if (got != CONNECTOR_OK)
    right = right && failure.status == got && failure.message[0] != '\0';
  if (right && field != NULL)
    right = strcmp(failure.field, field) == 0;
  if (right)
    return;
  print_error("%s\n    gave %s (field \"%.63s\", message \"%.255s\", os_code %d), wanted %s\n",
              call, connector_status_name(got), failure.field, failure.message, failure.os_code,
              connector_status_name(wanted));
  _fail(file, line);
}

#define engine_fails_at(call, wanted, field)                                                       \
  do {                                                                                             \
    memset(&failure, 0, sizeof(failure));                                                          \
    connector_status engine_got = (call);                                                          \
    check_engine(engine_got, (wanted), (field), #call, __FILE__, __LINE__);                        \
  } while (0)
#define engine_fails(call, wanted) engine_fails_at(call, wanted, NULL)
#define engine_ok(call) engine_fails_at(call, CONNECTOR_OK, NULL)

/* ---- connections ---- */

static inline struct connection *connect_as(enum connection_use use, bool create)
{
  struct connection *connection = NULL;
  engine_ok(connection_open(&engine.options, use, create, &connection, &failure));
  return connection;
}

static inline int setup_options(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  memset(&engine, 0, sizeof(engine));
  engine.options.path = test.path;
  engine.options.busy_timeout_ms = 50;
  return 0;
}

/* A new file with the schema, in WAL mode. */
static inline int setup_file(void **state)
{
  if (setup_options(state) != 0)
    return -1;
  engine.connection = connect_as(CONNECTION_WRITE, true);
  engine_ok(connection_run(engine.connection, "PRAGMA journal_mode = WAL", &failure));
  engine_ok(schema_migrate(engine.connection, &failure));
  return 0;
}

static inline int setup_rows(void **state)
{
  if (setup_options(state) != 0)
    return -1;
  engine.options.path = ":memory:";
  engine.options.memory = true;
  engine.connection = connect_as(CONNECTION_WRITE, true);
  engine_ok(schema_migrate(engine.connection, &failure));
  return 0;
}

static inline int teardown_engine(void **state)
{
  connection_close(engine.connection);
  engine.connection = NULL;
  return teardown(state);
}

#define options_test(name) cmocka_unit_test_setup_teardown(name, setup_options, teardown_engine)
#define file_test(name) cmocka_unit_test_setup_teardown(name, setup_file, teardown_engine)
#define rows_test(name) cmocka_unit_test_setup_teardown(name, setup_rows, teardown_engine)

static inline int64_t integer_of(struct connection *connection, const char *sql)
{
  int64_t number = -1;
  engine_ok(connection_integer(connection, sql, &number, &failure));
  return number;
}

/* ---- rows ---- */

/* A row that keeps every rule; its text is the caller's. */
static inline connector sample(const char *tenant, const char *id)
{
  return (connector){
    .id = id,
    .tenant_id = tenant,
    .created_at = 1700000000000,
    .updated_at = 1700000000000,
    .source = "edm",
    .source_type = CONNECTOR_SOURCE_TYPE_API,
    .schema_version = 1,
    .scope = CONNECTOR_SCOPE_ORG,
    .enabled = true,
    .version = 1,
  };
}

static inline void put(const connector *record)
{
  engine_ok(rows_insert(engine.connection, record, &failure));
}

static inline struct scope scope_of(enum scope_kind kind, const char *tenant)
{
  return (struct scope){ .kind = kind, .tenant = tenant };
}

/* The row of a tenant as it stands, deleted or not, to be freed; NULL where there is none. */
static inline connector *row_of(const char *tenant, const char *id)
{
  struct scope scope = scope_of(SCOPE_TENANT, tenant);
  connector *found = NULL;
  engine_ok(rows_find(engine.connection, &scope, id, CONNECTOR_DELETED_INCLUDE, &found, &failure));
  return found;
}

/* ---- statements ---- */

static inline struct statement *latest_statement(void)
{
  for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
    struct statement *statement = &engine.connection->statements[i];
    if (statement->handle != NULL && statement->used == engine.connection->tick)
      return statement;
  }
  fail_msg("no statement was used");
  return NULL;
}

static inline const char *latest_text(void)
{
  return sqlite3_sql(latest_statement()->handle);
}

/* A statement known by its text, ready for its values. */
static inline struct statement *texted(const char *text)
{
  struct statement *statement = NULL;
  engine_ok(statement_get_text(engine.connection, STATEMENT_TEXT, NULL, text, strlen(text),
                               &statement, &failure));
  return statement;
}

/* The integer of a statement's one row; ends its run. */
static inline int64_t integer_from(struct statement *statement)
{
  bool row = false;
  int64_t number = 0;
  engine_ok(statement_step(statement, &row, &failure));
  assert_true(row);
  number = column_integer(statement, 0);
  statement_done(statement);
  return number;
}

enum { PLAN_SIZE = 2000 };

/* The query plan of a statement's text, a line for each step. */
static inline void plan_of(const char *text, char plan[PLAN_SIZE])
{
  sqlite3_stmt *statement = NULL;
  char *explain = sqlite3_mprintf("EXPLAIN QUERY PLAN %s", text);
  size_t length = 0;
  assert_non_null(explain);
  assert_int_equal(sqlite3_prepare_v2(engine.connection->db, explain, -1, &statement, NULL),
                   SQLITE_OK);
  plan[0] = '\0';
  while (sqlite3_step(statement) == SQLITE_ROW && length < PLAN_SIZE) {
    snprintf(plan + length, PLAN_SIZE - length, "%s\n",
             (const char *)sqlite3_column_text(statement, 3));
    length = strlen(plan);
  }
  sqlite3_finalize(statement);
  sqlite3_free(explain);
  assert_true(length > 0);
}

static inline void latest_plan(char plan[PLAN_SIZE])
{
  plan_of(latest_text(), plan);
}

#endif
