/*
 * Files that somebody made to do harm: a schema with more, less or other than the library's is
 * refused by every way of opening, and the file stays as it was. The harm is shown with the engine
 * alone.
 */
#include "damaged_file.h"

#include "old_file.h"

static sqlite3 *open_outside(void)
{
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_db_config(db, SQLITE_DBCONFIG_DEFENSIVE, 0, (int *)NULL), SQLITE_OK);
  return db;
}

static void run_outside(const char *sql)
{
  sqlite3 *db = open_outside();
  char *message = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
    fail_msg("%s: %s", sql, message);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static int64_t number_outside(const char *sql)
{
  sqlite3 *db = open_outside();
  sqlite3_stmt *statement = NULL;
  int64_t number = 0;
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  number = sqlite3_column_int64(statement, 0);
  assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  return number;
}

static void try_open(bool read_only, connector_status wanted)
{
  connector_options options = fault_options();
  options.read_only = read_only;
  assert_status(connector_open(test.path, &options, &test.store, &failure), wanted);
  close_store();
}

/* The file is refused, by one who would write and by one who would read, and not a byte of it
 * changes. */
static void assert_refused(const char *what)
{
  size_t length = 0;
  size_t length_after = 0;
  char *before = NULL;
  char *after = NULL;
  remove_side_files();
  before = read_file(test.path, &length);
  try_open(false, CONNECTOR_CORRUPT);
  try_open(true, CONNECTOR_CORRUPT);
  after = read_file(test.path, &length_after);
  if (length != length_after || memcmp(before, after, length) != 0)
    fail_msg("%s: the file has changed", what);
  free(before);
  free(after);
}

/* ---- other schemas ---- */

#define EDIT_SCHEMA(part, other, name)                                                             \
  "PRAGMA writable_schema = ON; UPDATE sqlite_schema SET sql = replace(sql, '" part "', '" other   \
  "') WHERE name = '" name "'"
#define ADD_TO_SCHEMA(type, name, sql)                                                             \
  "PRAGMA writable_schema = ON; INSERT INTO sqlite_schema VALUES ('" type "', '" name "', '" name  \
  "', 0, '" sql "')"

static const char *const schemas[] = {
  /* what would run by itself */
  "CREATE TRIGGER t AFTER UPDATE ON connector BEGIN DELETE FROM history; END",
  "CREATE TRIGGER t AFTER INSERT ON connector BEGIN UPDATE connector SET name ="
  " (SELECT name FROM connector WHERE tenant_id = 'canary-of-b') WHERE id = new.id; END",
  "CREATE VIEW v AS WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT i FROM "
  "n",
  "ALTER TABLE connector RENAME TO kept; CREATE VIEW connector AS SELECT * FROM kept",
  "ALTER TABLE lease RENAME TO kept; CREATE VIEW lease AS SELECT * FROM kept;"
  "CREATE TRIGGER t INSTEAD OF UPDATE ON lease BEGIN DELETE FROM connector; END",
  ADD_TO_SCHEMA("table", "v", "CREATE VIRTUAL TABLE v USING anything(x)"),
  ADD_TO_SCHEMA("view", "sqlite_stat1", "CREATE VIEW sqlite_stat1 AS SELECT 1"),
  "DROP TABLE lease;" ADD_TO_SCHEMA("table", "lease", "CREATE VIRTUAL TABLE lease USING a(x)"),
  /* what costs, or answers otherwise, inside the library's own statements */
  EDIT_SCHEMA("row_check INTEGER NOT NULL",
              "row_check INTEGER NOT NULL CHECK (length(hex(zeroblob(30000000))) > 0)",
              "connector"),
  EDIT_SCHEMA("application_id TEXT", "application_id TEXT AS (tenant_id)", "connector"),
  EDIT_SCHEMA("created_by TEXT", "created_by TEXT DEFAULT (hex(zeroblob(9)))", "connector"),
  EDIT_SCHEMA("tenant_id TEXT NOT NULL", "tenant_id TEXT COLLATE NOCASE NOT NULL", "connector"),
  EDIT_SCHEMA("created_by TEXT", "created_by TEXT REFERENCES connector(id) ON DELETE CASCADE",
              "connector"),
  EDIT_SCHEMA(", sync_after INTEGER", "", "connector"),
  EDIT_SCHEMA(") STRICT", ")", "connector"),
  EDIT_SCHEMA("key TEXT", "key TEXT /* */", "meta"),
  EDIT_SCHEMA("(tenant_id, id, deleted_at)", "(app_id, id, deleted_at)", "connector_list"),
  EDIT_SCHEMA("STRICT, WITHOUT ROWID", "STRICT", "health"),
  EDIT_SCHEMA("UNIQUE ", "", "connector_key"),
  "CREATE INDEX slow ON connector (hex(config))",
  /* more or less than there should be */
  "CREATE TABLE theirs (a)",
  "ALTER TABLE connector ADD COLUMN more TEXT",
  "ALTER TABLE history ADD COLUMN more TEXT",
  "DROP TABLE health",
  "DROP INDEX connector_list",
};

static void a_schema_that_is_not_the_librarys_is_refused_untouched(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(schemas); i++) {
    restore_template();
    run_outside(schemas[i]);
    assert_refused(schemas[i]);
  }
  restore_template();
  try_open(false, CONNECTOR_OK);
}

static void an_older_file_with_such_a_schema_is_not_migrated(void **state)
{
  static const char *const older[] = {
    "CREATE TRIGGER t AFTER INSERT ON meta BEGIN DELETE FROM connector; END",
    "CREATE TABLE history (seq INTEGER PRIMARY KEY)",
    "CREATE TABLE theirs (a)",
    "DROP INDEX connector_deleted",
    "PRAGMA user_version = 3",
  };
  (void)state;
  for (int schema = 1; schema <= 2; schema++)
    for (size_t i = 0; i < COUNT_OF(older); i++) {
      if (schema == 2 && i == 1)
        continue; /* it has that table */
      put_file_of(schema);
      run_outside(older[i]);
      assert_refused(older[i]);
    }
}

static void what_the_engine_itself_adds_or_reorders_is_no_harm(void **state)
{
  static const char other_index[] =
      "DROP INDEX connector_list;"
      "CREATE INDEX connector_list ON connector (tenant_id, id, deleted_at)";
  static const char *const texts[] = {
    "ANALYZE",
    "VACUUM",
    "PRAGMA page_size = 8192; PRAGMA journal_mode = DELETE; VACUUM",
    "REINDEX",
    other_index,
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    restore_template();
    run_outside(texts[i]);
    remove_side_files();
    open_for_faults();
    become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
    assert_true(count_of(NULL) > 0);
    close_store();
  }
}

/* ---- the harm, with the engine alone ---- */

static void the_same_schemas_do_harm_where_the_engine_runs_them(void **state)
{
  (void)state;
  restore_template(); /* a trigger shows another tenant's text */
  run_outside(schemas[1]);
  run_outside("INSERT INTO connector SELECT * FROM connector WHERE tenant_id = 'tenant-a' LIMIT 0;"
              "CREATE TEMP TABLE one AS SELECT * FROM connector WHERE tenant_id = 'tenant-a' LIMIT "
              "1; UPDATE one SET id = 'cnn_new'; INSERT INTO connector SELECT * FROM one");
  assert_int_equal(
      number_outside("SELECT name = 'canary-of-b' FROM connector WHERE id = 'cnn_new'"), 1);
  restore_template(); /* a collation makes two tenants one */
  run_outside(schemas[11]);
  assert_true(number_outside("SELECT count(*) FROM connector NOT INDEXED"
                             " WHERE tenant_id = 'TENANT-A'") > 0);
  restore_template(); /* a foreign key removes what the statement does not name */
  run_outside(schemas[12]);
  run_outside("CREATE UNIQUE INDEX temporary ON connector (id);"
              "UPDATE connector SET created_by = (SELECT min(id) FROM connector)");
  run_outside("PRAGMA foreign_keys = ON; DELETE FROM connector WHERE id ="
              " (SELECT min(id) FROM connector)");
  assert_int_equal(number_outside("SELECT count(*) FROM connector"), 0);
}

/* ---- files of others ---- */

static void a_file_that_is_no_database_is_refused_untouched(void **state)
{
  static const char magic[] = "SQLite format 3";
  char bytes[8192];
  uint64_t seed = 20261127;
  (void)state;
  for (int kind = 0; kind < 5; kind++) {
    size_t length = kind == 4 ? 100 : sizeof(bytes);
    for (size_t i = 0; i < sizeof(bytes); i++)
      bytes[i] = (char)(kind == 0 ? 0 : kind == 1 ? 'x' : (int)random_below(&seed, 256));
    if (kind >= 3)
      memcpy(bytes, magic, sizeof(magic));
    write_file(test.path, bytes, length);
    assert_refused("rubbish");
  }
}

static void a_database_of_another_program_is_refused_untouched(void **state)
{
  static const char *const texts[] = {
    "CREATE TABLE theirs (a); INSERT INTO theirs VALUES (1)",
    "PRAGMA application_id = 77; VACUUM",
    "PRAGMA application_id = 1129202516; PRAGMA user_version = 3; CREATE TABLE connector (id)",
    "PRAGMA application_id = 1129202516; PRAGMA user_version = 0; CREATE TABLE connector (id)",
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    remove_side_files();
    unlink(test.path);
    run_outside(texts[i]);
    assert_refused(texts[i]);
  }
}

#define hostile_test(name) cmocka_unit_test_setup_teardown(name, setup_tenants, teardown_tenants)
#define folder_test(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    hostile_test(a_schema_that_is_not_the_librarys_is_refused_untouched),
    folder_test(an_older_file_with_such_a_schema_is_not_migrated),
    hostile_test(what_the_engine_itself_adds_or_reorders_is_no_harm),
    hostile_test(the_same_schemas_do_harm_where_the_engine_runs_them),
    folder_test(a_file_that_is_no_database_is_refused_untouched),
    folder_test(a_database_of_another_program_is_refused_untouched),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("hostile_schema", tests, NULL, NULL);
}
