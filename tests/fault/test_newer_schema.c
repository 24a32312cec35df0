/*
 * What a newer library wrote: a file of a newer schema is refused and left byte for byte as it is;
 * a newer record can be read and not written.
 */
#include "fault_support.h"

static char id[ID_SIZE];

static void run_outside(const char *sql)
{
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int setup_file(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  open_for_faults();
  make_id(PATCH(.name = "first"), id);
  return 0;
}

static void a_newer_file_is_refused_and_left_as_it_is(void **state)
{
  const bool choices[] = { false, true };
  char *before = NULL;
  size_t length = 0;
  (void)state;
  close_store();
  run_outside("PRAGMA user_version = 1000; PRAGMA wal_checkpoint(TRUNCATE)");
  before = read_file(test.path, &length);
  for (size_t i = 0; i < 2; i++) {
    connector_options options = fault_options();
    char *after = NULL;
    size_t now = 0;
    char path[600];
    options.read_only = choices[i];
    assert_status(connector_open(test.path, &options, &test.store, &failure), CONNECTOR_SCHEMA);
    assert_null(test.store);
    after = read_file(test.path, &now);
    assert_int_equal(now, length);
    assert_memory_equal(after, before, length);
    assert_int_equal(file_size(beside(path, "registry.db-wal")), 0);
    free(after);
  }
  free(before);
}

static void a_file_that_becomes_newer_while_it_is_open_takes_no_migration_back(void **state)
{
  connector_options options = fault_options();
  (void)state;
  run_outside("PRAGMA user_version = 1000");
  close_store();
  assert_status(connector_open(test.path, &options, &test.store, &failure), CONNECTOR_SCHEMA);
}

static connector *newer_record(bool deleted)
{
  if (deleted)
    assert_ok(connector_delete(test.store, id, 0, &failure));
  run_outside("UPDATE connector SET schema_version = 2");
  return fetch(id);
}

static void a_newer_record_can_be_read(void **state)
{
  connector *record = newer_record(false);
  connector_page *page = list_of(NULL);
  char *json = NULL;
  (void)state;
  assert_int_equal(record->schema_version, 2);
  assert_int_equal(connector_page_count(page), 1);
  assert_true(connector_equal(connector_page_at(page, 0), record));
  assert_ok(connector_to_json(record, 0, &json, NULL, &failure));
  assert_contains(json, "\"schema_version\":2");
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
  connector_string_free(json);
  connector_page_free(page);
  connector_free(record);
}

static void assert_unchanged(connector *before)
{
  connector *after = fetch(id);
  assert_true(connector_equal(after, before));
  connector_free(after);
  connector_free(before);
}

static void a_newer_record_can_not_be_written(void **state)
{
  static const char json[] = "{\"config\":{\"a\":1}}";
  connector *before = newer_record(false);
  (void)state;
  for (int64_t version = 0; version <= before->version; version++) {
    assert_status(connector_update(test.store, id, version, PATCH(.name = "x"), NULL, &failure),
                  CONNECTOR_SCHEMA);
    assert_status(connector_update(test.store, id, version, PATCH(.scope = CONNECTOR_SCOPE_USER),
                                   NULL, &failure),
                  CONNECTOR_SCHEMA);
    assert_status(
        connector_update_json(test.store, id, version, json, sizeof(json) - 1, NULL, &failure),
        CONNECTOR_SCHEMA);
    assert_status(connector_delete(test.store, id, version, &failure), CONNECTOR_SCHEMA);
  }
  assert_unchanged(before);
}

static void a_newer_deleted_record_is_neither_restored_nor_purged(void **state)
{
  connector *before = newer_record(true);
  int64_t purged = -1;
  (void)state;
  assert_status(connector_restore(test.store, id, 0, NULL, &failure), CONNECTOR_SCHEMA);
  assert_status(connector_purge(test.store, id, &failure), CONNECTOR_SCHEMA);
  assert_ok(connector_purge_deleted(test.store, test_time + 1000, &purged, &failure));
  assert_int_equal(purged, 0);
  assert_unchanged(before);
}

static void a_newer_record_is_not_imported(void **state)
{
  connector *record = newer_record(false);
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  char *line = export_text(test.store, NULL);
  struct source source = source_of(line);
  (void)state;
  run_outside("DELETE FROM connector");
  assert_ok(connector_import(test.store, source_read, &source, NULL, &result, &failure));
  assert_int_equal(result.bad, 1);
  assert_int_equal(count_of(NULL), 0);
  free(line);
  connector_free(record);
}

#define schema_test(name) cmocka_unit_test_setup_teardown(name, setup_file, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    schema_test(a_newer_file_is_refused_and_left_as_it_is),
    schema_test(a_file_that_becomes_newer_while_it_is_open_takes_no_migration_back),
    schema_test(a_newer_record_can_be_read),
    schema_test(a_newer_record_can_not_be_written),
    schema_test(a_newer_deleted_record_is_neither_restored_nor_purged),
    schema_test(a_newer_record_is_not_imported),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("newer_schema", tests, NULL, NULL);
}
