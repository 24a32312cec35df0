/*
 * The chain of history against somebody who edits the file: any row changed, removed, put in or
 * moved is found, and so are edits of the head and of the anchor that trimming leaves.
 */
#include "fault_support.h"
#include "lifecycle.h"

enum { CHANGES = 30, NAME = 64 };

/* The file that each trial starts from has changes 1 to CHANGES, tenant-a's and tenant-b's in turn.
 */

static const char key[CONNECTOR_HISTORY_KEY_BYTES] = "the key of these tests, 32 bytes";

static void open_keyed(void)
{
  connector_options options = fault_options();
  options.history_key = key;
  options.disable_after_errors = 4; /* so that there are warnings, with a reason */
  open_store(&options);
}

static void update_name(const char *id, int number)
{
  char name[24];
  snprintf(name, sizeof(name), "name-%d", number);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = name), NULL, &failure));
}

static void write_changes(int count)
{
  char id[2][ID_SIZE] = { "", "" };
  for (int i = 0; i < count; i++) {
    become(i % 2 == 0 ? "tenant-a" : "tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
    current.app_id = "app-1";
    current.source = "cli";
    current.request_id = "req-1";
    test_time += 1000;
    if (i < 2)
      make_id(PATCH(.name = "first"), id[i]);
    else if (i % 3 == 0)
      connector_free(fail_sync(id[i % 2], CONNECTOR_FAILURE_TRANSIENT, "timeout"));
    else
      update_name(id[i % 2], i);
  }
}

static int setup_chain(void **state, int64_t trimmed)
{
  sqlite3 *db = NULL;
  if (setup_folder(state) != 0)
    return -1;
  open_keyed();
  write_changes(CHANGES);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  if (trimmed > 0)
    assert_int_equal(trim_before(test_time - (CHANGES - 1 - trimmed) * 1000), trimmed);
  close_store();
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE)", NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
  template.bytes = read_file(test.path, &template.length);
  return 0;
}

static int setup_whole(void **state)
{
  return setup_chain(state, 0);
}

static int setup_trimmed(void **state)
{
  return setup_chain(state, 10);
}

static int teardown_chain(void **state)
{
  free_template();
  return teardown(state);
}

#define whole_test(name) cmocka_unit_test_setup_teardown(name, setup_whole, teardown_chain)
#define trimmed_test(name) cmocka_unit_test_setup_teardown(name, setup_trimmed, teardown_chain)

/* ---- the trespasser ---- */

static void run_sql(sqlite3 *db, const char *sql)
{
  char *message = NULL;
  if (sqlite3_exec(db, sql, NULL, NULL, &message) != SQLITE_OK)
    fail_msg("%s: %s", sql, message);
}

/* Edits a fresh copy of the template, minding no rule of its schema. */
static void tamper(const char *sql)
{
  sqlite3 *db = NULL;
  restore_template();
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  run_sql(db, "PRAGMA foreign_keys=OFF; PRAGMA ignore_check_constraints=ON");
  run_sql(db, sql);
  assert_true(sqlite3_total_changes(db) > 0);
  run_sql(db, "PRAGMA wal_checkpoint(TRUNCATE)");
  sqlite3_close(db);
}

/* What verifying says to a caller of one tenant, or of all for NULL, about the file as it is. */
static int64_t verify_as(const char *tenant)
{
  open_keyed();
  become(tenant, NULL, tenant == NULL ? CONNECTOR_ROLE_SYSTEM : CONNECTOR_ROLE_TENANT);
  int64_t seq = first_bad();
  close_store();
  return seq;
}

static void assert_found(const char *sql)
{
  tamper(sql);
  if (verify_as(NULL) == 0)
    fail_msg("not found: %s", sql);
}

static void assert_found_at(const char *sql, int64_t wanted)
{
  tamper(sql);
  int64_t seq = verify_as(NULL);
  if (seq != wanted)
    fail_msg("found at %lld, not %lld: %s", (long long)seq, (long long)wanted, sql);
}

/* The columns of a table with a value of each that differs from the one it has. */
struct edits {
  char names[40][NAME];
  char sets[40][256];
  size_t count;
};

static struct edits edits_of(const char *table)
{
  struct edits edits = { .count = 0 };
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  char sql[200];
  restore_template();
  snprintf(sql, sizeof(sql), "SELECT name, upper(type) FROM pragma_table_info('%s')", table);
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  while (sqlite3_step(statement) == SQLITE_ROW) {
    const char *name = (const char *)sqlite3_column_text(statement, 0);
    const char *type = (const char *)sqlite3_column_text(statement, 1);
    assert_true(edits.count < COUNT_OF(edits.names));
    snprintf(edits.names[edits.count], NAME, "%s", name);
    snprintf(edits.sets[edits.count++], sizeof(edits.sets[0]),
             strstr(type, "INT") != NULL    ? "%s = coalesce(%s, 0) + 1"
             : strstr(type, "BLOB") != NULL ? "%s = randomblob(coalesce(length(%s), 1))"
                                            : "%s = coalesce(%s, '') || 'x'",
             name, name);
  }
  sqlite3_finalize(statement);
  sqlite3_close(db);
  assert_true(edits.count > 0);
  return edits;
}

/* ---- rows ---- */

static void an_untouched_file_is_right(void **state)
{
  (void)state;
  restore_template();
  assert_int_equal(verify_as(NULL), 0);
  assert_int_equal(verify_as("tenant-a"), 0);
  assert_int_equal(verify_as("tenant-b"), 0);
  tamper("UPDATE history SET kind = kind");
  assert_int_equal(verify_as(NULL), 0);
}

static void any_column_of_any_row(void **state)
{
  (void)state;
  static const int rows[] = { 1, 2, 14, 15, CHANGES - 1, CHANGES };
  struct edits edits = edits_of("history");
  assert_true(edits.count >= 15);
  for (size_t i = 0; i < edits.count; i++) {
    for (size_t j = 0; j < COUNT_OF(rows) && strcmp(edits.names[i], "seq") != 0; j++) {
      char sql[400];
      snprintf(sql, sizeof(sql), "UPDATE history SET %s WHERE seq = %d", edits.sets[i], rows[j]);
      if (strcmp(edits.names[i], "tenant_id") == 0)
        assert_found(sql); /* two tenants' chains are broken: either may be named */
      else
        assert_found_at(sql, rows[j]);
    }
  }
}

static void values_set_to_null_or_emptied(void **state)
{
  (void)state;
  static const char *const columns[] = { "app_id",     "person_id", "source",
                                         "request_id", "forward",   "back" };
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    char sql[200];
    snprintf(sql, sizeof(sql), "UPDATE history SET %s = NULL WHERE seq = 15", columns[i]);
    assert_found_at(sql, 15);
    snprintf(sql, sizeof(sql), "UPDATE history SET %s = '' WHERE seq = 15", columns[i]);
    assert_found_at(sql, 15);
  }
  assert_found_at("UPDATE history SET reason = '' WHERE seq = 15", 15);
  assert_found("UPDATE history SET reason = NULL WHERE reason IS NOT NULL");
  assert_found("UPDATE history SET reason = reason || '!' WHERE reason IS NOT NULL");
}

static void bytes_moved_from_one_column_to_the_next(void **state)
{
  (void)state;
  assert_found_at("UPDATE history SET source = source || substr(request_id, 1, 1), "
                  "request_id = substr(request_id, 2) WHERE seq = 15",
                  15);
  assert_found_at("UPDATE history SET person_id = source, source = person_id WHERE seq = 15", 15);
  assert_found_at("UPDATE history SET forward = back, back = forward WHERE seq = 15", 15);
}

static void rows_removed(void **state)
{
  (void)state;
  assert_found_at("DELETE FROM history WHERE seq = 1", 3);
  assert_found_at("DELETE FROM history WHERE seq = 14", 16);
  assert_found_at("DELETE FROM history WHERE seq < 10", 10);
  assert_found("DELETE FROM history WHERE seq = 30");
  assert_found("DELETE FROM history WHERE seq = 29");
  assert_found("DELETE FROM history WHERE seq > 20");
}

static void a_tenants_history_removed(void **state)
{
  (void)state;
  assert_found("DELETE FROM history WHERE tenant_id = 'tenant-a'");
  assert_int_equal(verify_as("tenant-b"), 0);
  assert_true(verify_as("tenant-a") != 0);
  assert_found("DELETE FROM history");
  assert_found("DELETE FROM history WHERE tenant_id = 'tenant-a'; "
               "DELETE FROM history_head WHERE tenant_id = 'tenant-a'");
}

/* An INSERT of a copy of a row under another seq. */
static void copy_row(char *sql, size_t size, int from, int to)
{
  struct edits edits = edits_of("history");
  char names[1000] = "";
  for (size_t i = 0; i < edits.count; i++) {
    if (strcmp(edits.names[i], "seq") == 0)
      continue;
    strncat(names, ", ", sizeof(names) - strlen(names) - 1);
    strncat(names, edits.names[i], sizeof(names) - strlen(names) - 1);
  }
  snprintf(sql, size, "INSERT INTO history (seq%s) SELECT %d%s FROM history WHERE seq = %d", names,
           to, names, from);
}

static void rows_put_in(void **state)
{
  (void)state;
  char sql[2200];
  copy_row(sql, sizeof(sql), 15, CHANGES + 1);
  assert_found_at(sql, CHANGES + 1);
  copy_row(sql, sizeof(sql), CHANGES, CHANGES + 5);
  assert_found(sql);
}

/* connector_history() shows such a row, so it must not pass unseen. */
static void a_row_put_in_before_the_first(void **state)
{
  (void)state;
  char sql[2200];
  copy_row(sql, sizeof(sql), 1, -1);
  assert_found(sql);
  copy_row(sql, sizeof(sql), 1, 0);
  assert_found(sql);
}

/* No tenant's walk comes by: they are missed in the count of all. */
static void a_row_put_in_under_no_tenant(void **state)
{
  (void)state;
  char sql[2400];
  copy_row(sql, sizeof(sql), 1, 0);
  strncat(sql, "; UPDATE history SET tenant_id = '' WHERE seq = 0", 100);
  assert_found(sql);
}

static void text_put_behind_a_nul(void **state)
{
  (void)state;
  assert_found("UPDATE history SET source = source || char(0) || 'x' WHERE seq = 15");
}

static void rows_exchanged(void **state)
{
  (void)state;
  assert_found("UPDATE history SET seq = -1 WHERE seq = 13; "
               "UPDATE history SET seq = 13 WHERE seq = 15; "
               "UPDATE history SET seq = 15 WHERE seq = -1");
  assert_found("UPDATE history SET seq = -1 WHERE seq = 14; "
               "UPDATE history SET seq = 14 WHERE seq = 15; "
               "UPDATE history SET seq = 15 WHERE seq = -1");
  assert_found("UPDATE history SET seq = 1000 WHERE seq = 30");
}

static void a_row_replaced_by_a_copy_of_another(void **state)
{
  (void)state;
  char sql[2200];
  char copy[2000];
  copy_row(copy, sizeof(copy), 13, 15);
  snprintf(sql, sizeof(sql), "DELETE FROM history WHERE seq = 15; %s", copy);
  assert_found_at(sql, 15);
}

/* ---- head and anchor ---- */

static void any_column_of_the_head(void **state)
{
  (void)state;
  struct edits edits = edits_of("history_head");
  for (size_t i = 0; i < edits.count; i++) {
    char sql[400];
    snprintf(sql, sizeof(sql), "UPDATE history_head SET %s WHERE tenant_id = 'tenant-a'",
             edits.sets[i]);
    assert_found(sql);
  }
}

static void heads_removed_or_exchanged(void **state)
{
  (void)state;
  assert_found("DELETE FROM history_head WHERE tenant_id = 'tenant-a'");
  assert_found("DELETE FROM history_head");
  assert_found("UPDATE history_head SET tenant_id = 'x' WHERE tenant_id = 'tenant-a'; "
               "UPDATE history_head SET tenant_id = 'tenant-a' WHERE tenant_id = 'tenant-b'; "
               "UPDATE history_head SET tenant_id = 'tenant-b' WHERE tenant_id = 'x'");
}

static void a_trimmed_file_is_right(void **state)
{
  (void)state;
  restore_template();
  assert_int_equal(verify_as(NULL), 0);
  assert_int_equal(verify_as("tenant-a"), 0);
}

static void more_trimmed_than_was_allowed(void **state)
{
  (void)state;
  assert_found("DELETE FROM history WHERE seq = 11");
  assert_found("DELETE FROM history WHERE seq < 21");
}

static void rows_of_a_trimmed_file(void **state)
{
  (void)state;
  assert_found_at("UPDATE history SET at = at + 1 WHERE seq = 11", 11);
  assert_found_at("UPDATE history SET at = at + 1 WHERE seq = 30", 30);
}

/* ---- whose business it is ---- */

static void a_tenant_checks_its_own_chain_only(void **state)
{
  (void)state;
  tamper("UPDATE history SET person_id = 'x' WHERE seq = 14"); /* tenant-b's */
  assert_int_equal(verify_as("tenant-a"), 0);
  assert_int_equal(verify_as("tenant-b"), 14);
  assert_int_equal(verify_as(NULL), 14);
}

static void writing_on_does_not_hide_it(void **state)
{
  (void)state;
  static const char *const trials[] = {
    "UPDATE history SET person_id = 'x' WHERE seq = 15",
    "DELETE FROM history WHERE seq = 15",
    "DELETE FROM history WHERE seq = 29",
    "DELETE FROM history WHERE seq > 20",
    "UPDATE history_head SET seal = randomblob(length(seal)) WHERE tenant_id = 'tenant-a'",
  };
  for (size_t i = 0; i < COUNT_OF(trials); i++) {
    tamper(trials[i]);
    open_keyed();
    for (int more = 0; more < 4; more++) {
      become(more % 2 == 0 ? "tenant-a" : "tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
      /* refusing to write on a broken chain is as good */
      (void)!connector_create(test.store, PATCH(0), NULL, NULL);
    }
    close_store();
    assert_true(verify_as(NULL) != 0);
  }
}

static void trimming_does_not_hide_it(void **state)
{
  (void)state;
  static const char *const trials[] = {
    "UPDATE history SET person_id = 'x' WHERE seq = 25", /* stays */
    "UPDATE history SET person_id = 'x' WHERE seq = 5",  /* goes */
    "DELETE FROM history WHERE seq = 5",
    "UPDATE history SET at = at - 100000 WHERE seq = 15",
    "UPDATE history_head SET seal = randomblob(length(seal)) WHERE tenant_id = 'tenant-a'",
  };
  for (size_t i = 0; i < COUNT_OF(trials); i++) {
    tamper(trials[i]);
    open_keyed();
    become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
    /* refusing to trim a broken chain is as good */
    (void)!connector_history_trim(test.store, test_time - 20000, NULL, NULL);
    if (first_bad() == 0)
      fail_msg("not found any more: %s", trials[i]);
    close_store();
  }
}

int main(void)
{
  stay_in_memory();
  const struct CMUnitTest tests[] = {
    whole_test(an_untouched_file_is_right),
    whole_test(any_column_of_any_row),
    whole_test(values_set_to_null_or_emptied),
    whole_test(bytes_moved_from_one_column_to_the_next),
    whole_test(rows_removed),
    whole_test(a_tenants_history_removed),
    whole_test(rows_put_in),
    whole_test(a_row_put_in_before_the_first),
    whole_test(a_row_put_in_under_no_tenant),
    whole_test(text_put_behind_a_nul),
    whole_test(rows_exchanged),
    whole_test(a_row_replaced_by_a_copy_of_another),
    whole_test(any_column_of_the_head),
    whole_test(heads_removed_or_exchanged),
    trimmed_test(a_trimmed_file_is_right),
    trimmed_test(any_column_of_the_head),
    trimmed_test(heads_removed_or_exchanged),
    trimmed_test(more_trimmed_than_was_allowed),
    trimmed_test(rows_of_a_trimmed_file),
    whole_test(a_tenant_checks_its_own_chain_only),
    whole_test(writing_on_does_not_hide_it),
    whole_test(trimming_does_not_hide_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
