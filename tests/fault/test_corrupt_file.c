/*
 * Bytes flipped and files cut short at seeded places: every call ends in right data or a clear
 * status, none in a crash, and none shows another tenant's data.
 */
#include "damaged_file.h"

/* ---- damages ---- */

static void bytes_flipped_anywhere(void **state)
{
  uint64_t seed = 20261123;
  char *bytes = malloc(template.length);
  (void)state;
  assert_non_null(bytes);
  for (int trial = 0; trial < 500; trial++) {
    size_t flips = 1 + random_below(&seed, 12);
    memcpy(bytes, template.bytes, template.length);
    for (size_t i = 0; i < flips; i++)
      bytes[random_below(&seed, template.length)] ^= (char)(1u << random_below(&seed, 8));
    snprintf(trial_name, sizeof(trial_name), "trial %d, %zu bits flipped", trial, flips);
    damage_and_use(bytes, template.length);
  }
  free(bytes);
}

static void each_byte_of_the_header_changed(void **state)
{
  char *bytes = malloc(template.length);
  (void)state;
  assert_non_null(bytes);
  memcpy(bytes, template.bytes, template.length);
  for (size_t at = 0; at < 100; at++)
    for (int value = 0; value < 2; value++) {
      bytes[at] = value == 0 ? (char)(template.bytes[at] ^ 1) : (char)~template.bytes[at];
      snprintf(trial_name, sizeof(trial_name), "byte %zu of the header changed", at);
      damage_and_use(bytes, template.length);
      bytes[at] = template.bytes[at];
    }
  free(bytes);
}

static void whole_pages_of_rubbish_or_of_others(void **state)
{
  uint64_t seed = 20261124;
  size_t pages = template.length / 4096;
  char *bytes = malloc(template.length);
  (void)state;
  assert_non_null(bytes);
  for (int trial = 0; trial < 150; trial++) {
    char *page = bytes + (random_below(&seed, pages - 1) + 1) * 4096;
    memcpy(bytes, template.bytes, template.length);
    snprintf(trial_name, sizeof(trial_name), "trial %d, page %zu", trial,
             (size_t)(page - bytes) / 4096 + 1);
    if (trial % 3 == 0)
      memset(page, 0, 4096);
    else if (trial % 3 == 1)
      memcpy(page, template.bytes + random_below(&seed, pages) * 4096, 4096);
    else
      for (size_t i = 0; i < 4096; i++)
        page[i] = (char)random_below(&seed, 256);
    damage_and_use(bytes, template.length);
  }
  free(bytes);
}

static void files_cut_short_anywhere(void **state)
{
  uint64_t seed = 20261125;
  (void)state;
  for (int trial = 0; trial < 150; trial++) {
    size_t length = trial < 8 ? (size_t)trial * 15 : random_below(&seed, template.length);
    if (trial % 2 == 0)
      length -= length % 4096;
    snprintf(trial_name, sizeof(trial_name), "cut to %zu bytes", length);
    damage_and_use(template.bytes, length);
  }
}

/* A log left by a crash, its bytes flipped: what it holds is not taken, or is whole. */
static void a_log_with_flipped_bytes(void **state)
{
  uint64_t seed = 20261126;
  char log_path[600];
  char *log = NULL;
  size_t length = 0;
  (void)state;
  restore_template();
  open_for_faults();
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (size_t i = 1; i < 7; i++)
    assert_ok(connector_update(test.store, ids[i], 0, PATCH(.name = "later"), NULL, &failure));
  log = read_file(beside(log_path, "registry.db-wal"), &length);
  close_store();
  assert_true(length > 4096);
  for (int trial = 0; trial < 150; trial++) {
    size_t at = trial < 32 ? (size_t)trial : random_below(&seed, length);
    remove_side_files();
    write_file(test.path, template.bytes, template.length);
    log[at] = (char)~log[at];
    write_file(log_path, log, length);
    log[at] = (char)~log[at];
    snprintf(trial_name, sizeof(trial_name), "byte %zu of the log changed", at);
    use_file();
  }
  free(log);
}

/* ---- an index that points at others' rows ---- */

/* What a test keeps is in a file of its own: a store's holds nothing but the store's. */
static void run_outside(const char *sql)
{
  sqlite3 *db = NULL;
  char attach[700];
  char path[600];
  snprintf(attach, sizeof(attach), "ATTACH '%s' AS other", beside(path, "kept.db"));
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, attach, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* Every entry of every index leads to a row of the other tenant, as one flipped bit of an entry
 * can make it do. */
static void swap_rows_behind_the_indexes(void)
{
  restore_template();
  run_outside(
      "PRAGMA writable_schema = ON;"
      "CREATE TEMP TABLE kept AS SELECT * FROM sqlite_schema"
      " WHERE type = 'index' AND tbl_name = 'connector';"
      "DELETE FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'connector';"
      "PRAGMA writable_schema = RESET;"
      "UPDATE connector SET rowid = -rowid;"
      "UPDATE connector SET rowid ="
      " -rowid + CASE WHEN -rowid <= (SELECT count(*) / 2 FROM connector) THEN 1 ELSE -1 END"
      " * (SELECT count(*) / 2 FROM connector);"
      "PRAGMA writable_schema = ON;"
      "INSERT INTO sqlite_schema SELECT * FROM kept");
}

static void an_index_that_leads_to_others_rows_shows_nothing_of_them(void **state)
{
  (void)state;
  swap_rows_behind_the_indexes();
  snprintf(trial_name, sizeof(trial_name), "rows swapped behind the indexes");
  open_for_faults();
  assert_status(connector_check(test.store, NULL, NULL, &failure), CONNECTOR_CORRUPT);
  read_all();
}

static void an_index_that_leads_to_others_rows_lets_nothing_of_them_be_written(void **state)
{
  (void)state;
  swap_rows_behind_the_indexes();
  run_outside("CREATE TABLE other.before AS SELECT rowid AS r, * FROM connector NOT INDEXED"
              " WHERE tenant_id = 'canary-of-b'");
  snprintf(trial_name, sizeof(trial_name), "rows swapped behind the indexes");
  open_for_faults();
  for (size_t i = 0; i < RECORDS; i++) {
    (void)ends_well(connector_update(test.store, ids[i], 0, PATCH(.name = "x"), NULL, &failure),
                    "update");
    if (i % 2 == 0)
      (void)ends_well(connector_delete(test.store, ids[i], 0, &failure), "delete");
  }
  (void)ends_well(connector_purge_deleted(test.store, INT64_MAX / 2, NULL, &failure),
                  "purge_deleted");
  close_store();
  run_outside("CREATE TABLE other.touched (n CHECK (n = 0));"
              "INSERT INTO other.touched SELECT count(*) FROM (SELECT * FROM other.before EXCEPT"
              " SELECT rowid, * FROM connector NOT INDEXED)");
}

#define corrupt_test(name) cmocka_unit_test_setup_teardown(name, setup_tenants, teardown_tenants)

int main(void)
{
  const struct CMUnitTest tests[] = {
    corrupt_test(bytes_flipped_anywhere),
    corrupt_test(each_byte_of_the_header_changed),
    corrupt_test(whole_pages_of_rubbish_or_of_others),
    corrupt_test(files_cut_short_anywhere),
    corrupt_test(a_log_with_flipped_bytes),
    corrupt_test(an_index_that_leads_to_others_rows_shows_nothing_of_them),
    corrupt_test(an_index_that_leads_to_others_rows_lets_nothing_of_them_be_written),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("corrupt_file", tests, NULL, NULL);
}
