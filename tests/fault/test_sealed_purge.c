/*
 * A purge takes what is sealed in the file with the record, and cuts the log in which it stood.
 */
#include "fault_support.h"
#include "secret_host.h"

static void make_with_secret(char id[ID_SIZE])
{
  static const char json[] = "{\"token\":\"t\"}";
  connector_secret *secret = NULL;
  make_id(PATCH(.name = "sealed"), id);
  assert_ok(connector_secret_new(test.store, &secret, &failure));
  assert_ok(connector_secret_set_json(secret, json, sizeof(json) - 1, &failure));
  assert_ok(connector_secret_put(test.store, id, secret, -1, NULL, &failure));
  connector_secret_free(secret);
}

/* Rows of secrets and of their versions, as another program sees them. */
static int64_t sealed_rows(void)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  int64_t count = 0;
  assert_int_equal(sqlite3_open_v2(test.path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db,
                                      "SELECT (SELECT count(*) FROM sealed_secret) +"
                                      " (SELECT count(*) FROM sealed_version)",
                                      -1, &statement, NULL),
                   SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  count = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return count;
}

static int64_t log_bytes(void)
{
  char path[600];
  return file_size(beside(path, "registry.db-wal"));
}

static void a_purge_takes_what_is_sealed_and_cuts_the_log(void **state)
{
  char id[ID_SIZE];
  char kept[ID_SIZE];
  (void)state;
  make_with_secret(id);
  make_with_secret(kept);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_int_equal(sealed_rows(), 4);
  assert_true(log_bytes() > 0);
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(log_bytes(), 0);
  assert_int_equal(sealed_rows(), 2);
}

static void a_purge_by_age_does_too(void **state)
{
  char id[ID_SIZE];
  int64_t purged = 0;
  (void)state;
  make_with_secret(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_int_equal(sealed_rows(), 2);
  assert_true(log_bytes() > 0);
  assert_ok(connector_purge_deleted(test.store, INT64_C(4102444800000), &purged, &failure));
  assert_int_equal(purged, 1);
  assert_int_equal(log_bytes(), 0);
  assert_int_equal(sealed_rows(), 0);
}

/* A log that need not be cut is left to the engine. */
static void a_purge_without_a_secret_leaves_the_log(void **state)
{
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(.name = "plain"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_true(log_bytes() > 0);
}

#define purge_test(name) cmocka_unit_test_setup_teardown(name, setup_sealed, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    purge_test(a_purge_takes_what_is_sealed_and_cuts_the_log),
    purge_test(a_purge_by_age_does_too),
    purge_test(a_purge_without_a_secret_leaves_the_log),
  };
  return cmocka_run_group_tests_name("sealed_purge", tests, NULL, NULL);
}
