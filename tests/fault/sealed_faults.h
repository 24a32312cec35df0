/*
 * What the fault tests of the sealed vault share: stores with a root key, secrets of one value, and
 * their rows past the library.
 */
#ifndef TESTS_SEALED_FAULTS_H
#define TESTS_SEALED_FAULTS_H

#include "fault_support.h"

#include <inttypes.h>

enum { VALUE_SIZE = 4096 };

static const unsigned char first_key[CONNECTOR_ROOT_KEY_BYTES] = { 1, 2, 3, 4 };
static const unsigned char second_key[CONNECTOR_ROOT_KEY_BYTES] = { 5, 6, 7, 8 };

/* ---- stores ---- */

/* Of the test's store; `generation` and its user are set by the tests that need them. */
static struct {
  connector_generation_fn generation;
  void *user;
} sealed_extra;

/* Opens the file with a root key and, not NULL, the one before. */
static inline connector_status try_open_sealed(const void *key, const void *previous,
                                               connector_store **out)
{
  connector_options options = fault_options();
  connector_sealed_options before = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_status status = CONNECTOR_OK;
  options.busy_timeout_ms = 10000; /* another process may be rotating, and the machine slow */
  sealed.root_key = key;
  before.root_key = previous;
  sealed.previous = previous != NULL ? &before : NULL;
  sealed.generation = sealed_extra.generation;
  sealed.user = sealed_extra.user;
  status = connector_secrets_sealed(&sealed, &secrets, &failure);
  if (status != CONNECTOR_OK)
    return status;
  options.secrets = &secrets;
  status = connector_open(test.path, &options, out, &failure);
  if (status != CONNECTOR_OK)
    secrets.close(secrets.user);
  return status;
}

static inline void open_sealed(const void *key, const void *previous)
{
  close_store();
  assert_ok(try_open_sealed(key, previous, &test.store));
}

static inline connector_sealed_options sealed_key_of(const void *key)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;
  options.root_key = key;
  return options;
}

/* ---- secrets of one value ---- */

static inline connector_status try_put(connector_store *store, const char *id, const char *text,
                                       int64_t expected, int64_t *version)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_new(store, &secret, &failure);
  if (status == CONNECTOR_OK)
    status = connector_secret_set(secret, "token", text, strlen(text), &failure);
  if (status == CONNECTOR_OK)
    status = connector_secret_put(store, id, secret, expected, version, &failure);
  connector_secret_free(secret);
  return status;
}

static inline int64_t put_value(const char *id, const char *text)
{
  int64_t version = 0;
  assert_ok(try_put(test.store, id, text, -1, &version));
  return version;
}

static inline connector_status keep_value(void *user, const void *bytes, size_t length,
                                          connector_error *error)
{
  char *text = user;
  (void)error;
  assert_true(length < VALUE_SIZE);
  memcpy(text, bytes, length);
  text[length] = '\0';
  return CONNECTOR_OK;
}

/* The value into `text`, "" where there is none. */
static inline connector_status try_get(connector_store *store, const char *id, int64_t version,
                                       char text[VALUE_SIZE])
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_get(store, id, version, &secret, &failure);
  text[0] = '\0';
  if (status == CONNECTOR_OK)
    status = connector_secret_use(secret, "token", keep_value, text, &failure);
  connector_secret_free(secret);
  return status;
}

static inline void assert_value(const char *id, int64_t version, const char *wanted)
{
  char text[VALUE_SIZE];
  assert_ok(try_get(test.store, id, version, text));
  assert_text(text, wanted);
}

/* ---- past the library ---- */

static inline void run_past(sqlite3 *db, const char *sql)
{
  char *message = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
    fail_msg("%s: %s", sql, message);
}

static inline sqlite3 *open_editor(void)
{
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
  run_past(db, "PRAGMA synchronous = OFF");
  return db;
}

static inline sqlite3_stmt *prepare_past(sqlite3 *db, const char *sql)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  return statement;
}

static inline int64_t number_past(const char *sql)
{
  sqlite3 *db = open_editor();
  sqlite3_stmt *statement = prepare_past(db, sql);
  int64_t number = -1;
  if (sqlite3_step(statement) == SQLITE_ROW)
    number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}

#endif
