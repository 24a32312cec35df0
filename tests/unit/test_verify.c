/*
 * store/verify: whatever somebody changes, removes, puts in or moves in the history shows, where it
 * was done, and later writes do not hide it.
 */
#include "history_support.h"

#include "engine/history.h"

/* Rows 1-4 and 7-8 are of tenant-a, 5-6 and 9-10 of tenant-b. */
static int setup_chains(void **state)
{
  if (setup_clock(state) != 0)
    return -1;
  change_many("tenant-a", 4);
  change_many("tenant-b", 2);
  change_many("tenant-a", 2);
  change_many("tenant-b", 2);
  become_system();
  return 0;
}

/* What put_back() makes of the history again. */
static void keep(void)
{
  tamper("CREATE TEMP TABLE kept AS SELECT * FROM history;"
         "CREATE TEMP TABLE kept_head AS SELECT * FROM history_head");
}

static void put_back(void)
{
  tamper("DELETE FROM history; INSERT INTO history SELECT * FROM kept; DROP TABLE kept;"
         "DELETE FROM history_head; INSERT INTO history_head SELECT * FROM kept_head;"
         "DROP TABLE kept_head");
  assert_int_equal(first_bad_of(NULL), 0);
}

static void a_history_as_it_was_written_is_whole(void **state)
{
  (void)state;
  assert_int_equal(first_bad(), 0);
  assert_int_equal(first_bad_of("tenant-a"), 0);
  assert_int_equal(first_bad_of("tenant-b"), 0);
}

static void no_history_is_whole(void **state)
{
  (void)state;
  assert_int_equal(first_bad_of(NULL), 0);
  assert_int_equal(first_bad_of("tenant-a"), 0);
}

/* ---- changed ---- */

static void a_change_of_any_column_of_a_row_shows_at_the_row(void **state)
{
  (void)state;
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    const struct history_column *column = &history_columns[i];
    char sql[200];
    if (strcmp(column->name, "seq") == 0 || strcmp(column->name, "tenant_id") == 0)
      continue;
    keep();
    snprintf(sql, sizeof(sql), "UPDATE history SET %s = coalesce(%s, '') || '%s' WHERE seq = 3",
             column->name, column->name, column->is_text ? "x" : "1");
    tamper(sql);
    if (first_bad_of("tenant-a") != 3 || first_bad() != 3)
      fail_msg("column %s", column->name);
    assert_int_equal(first_bad_of("tenant-b"), 0);
    put_back();
  }
}

static void tampering_shows(const char *sql, int64_t tenant_a, int64_t all)
{
  keep();
  tamper(sql);
  if (first_bad_of("tenant-a") != tenant_a || first_bad() != all)
    fail_msg("%s: %d of the tenant, %d of all", sql, (int)first_bad_of("tenant-a"),
             (int)first_bad());
  put_back();
}

static void a_text_that_becomes_null_or_empty_shows(void **state)
{
  (void)state;
  tampering_shows("UPDATE history SET back = NULL WHERE seq = 2", 2, 2);
  tampering_shows("UPDATE history SET person_id = NULL WHERE seq = 2", 2, 2);
  tampering_shows("UPDATE history SET request_id = '' WHERE seq = 2", 2, 2);
}

static void text_behind_a_nul_shows(void **state)
{
  (void)state;
  tampering_shows("UPDATE history SET back = back || char(0) || 'x' WHERE seq = 2", 2, 2);
  tampering_shows("UPDATE history SET kind = kind || char(0) WHERE seq = 3", 3, 3);
}

static void a_value_that_changes_its_column_shows(void **state)
{
  (void)state;
  tampering_shows("UPDATE history SET request_id = person_id, person_id = NULL WHERE seq = 2", 2,
                  2);
  tampering_shows("UPDATE history SET forward = back, back = forward WHERE seq = 2", 2, 2);
}

static void a_hash_that_was_changed_shows(void **state)
{
  (void)state;
  tampering_shows("UPDATE history SET mac = randomblob(32) WHERE seq = 4", 4, 4);
  tampering_shows("UPDATE history SET mac = zeroblob(32) WHERE seq = 8", 8, 8);
  tampering_shows("UPDATE history SET mac = zeroblob(31) WHERE seq = 2", 2, 2);
  tampering_shows("UPDATE history SET mac = zeroblob(0) WHERE seq = 1", 1, 1);
}

/* ---- removed ---- */

static void a_row_that_was_removed_shows_at_the_one_behind_it(void **state)
{
  (void)state;
  tampering_shows("DELETE FROM history WHERE seq = 1", 2, 2);
  tampering_shows("DELETE FROM history WHERE seq = 3", 4, 4);
  tampering_shows("DELETE FROM history WHERE seq IN (2, 3)", 4, 4);
  tampering_shows("DELETE FROM history WHERE seq = 4", 7, 7);
}

static void an_end_that_was_cut_off_shows(void **state)
{
  (void)state;
  tampering_shows("DELETE FROM history WHERE seq = 8", 8, 8);
  tampering_shows("DELETE FROM history WHERE seq IN (7, 8)", 5, 5);
  tampering_shows("DELETE FROM history WHERE tenant_id = 'tenant-a'", 1, 1);
}

static void a_tenant_that_was_taken_out_with_its_head_shows_over_all(void **state)
{
  (void)state;
  tampering_shows("DELETE FROM history WHERE tenant_id = 'tenant-a';"
                  "DELETE FROM history_head WHERE tenant_id = 'tenant-a'",
                  0, 10);
}

static void a_head_that_was_removed_shows(void **state)
{
  (void)state;
  tampering_shows("DELETE FROM history_head WHERE tenant_id = 'tenant-a'", 8, 8);
}

/* ---- put in and moved ---- */

#define OTHER_COLUMNS                                                                              \
  "version, kind, at, person_id, source, request_id, reason, updated_at, updated_by, deleted_at,"  \
  " deleted_by, scope, owner_id, group_id, user_id, was_scope, was_owner_id, was_group_id,"        \
  " was_user_id, forward, back, back_exact, mac"
#define COPY_ROW(seq, tenant, from)                                                                \
  "INSERT INTO history (seq, tenant_id, connector_id, app_id, " OTHER_COLUMNS ") SELECT " seq      \
  ", '" tenant "', connector_id, app_id, " OTHER_COLUMNS " FROM history WHERE seq = " from

static void a_row_that_was_put_in_shows(void **state)
{
  (void)state;
  tampering_shows(COPY_ROW("11", "tenant-a", "8"), 11, 11);
  tampering_shows(COPY_ROW("0", "tenant-a", "1"), 1, 1);
  tampering_shows(COPY_ROW("-5", "tenant-a", "1"), 1, 1);
  tampering_shows("DELETE FROM history WHERE seq = 5;" COPY_ROW("5", "tenant-a", "4"), 5, 5);
}

static void a_row_that_was_moved_shows(void **state)
{
  (void)state;
  tampering_shows("UPDATE history SET seq = 11 WHERE seq = 2", 3, 3);
  tampering_shows("UPDATE history SET seq = 11 WHERE seq = 8", 11, 11);
  tampering_shows("UPDATE history SET seq = 0 WHERE seq = 1", 1, 1);
}

static void rows_that_changed_places_show(void **state)
{
  (void)state;
  tampering_shows("UPDATE history SET seq = -2 WHERE seq = 2; UPDATE history SET seq = 2"
                  " WHERE seq = 3; UPDATE history SET seq = 3 WHERE seq = -2",
                  2, 2);
}

static void a_row_that_was_given_to_another_tenant_shows_in_both(void **state)
{
  (void)state;
  keep();
  tamper("UPDATE history SET tenant_id = 'tenant-b' WHERE seq = 4");
  assert_int_equal(first_bad_of("tenant-a"), 7);
  assert_int_equal(first_bad_of("tenant-b"), 4);
  assert_int_equal(first_bad(), 4);
  put_back();
}

static void rows_of_a_tenant_without_a_head_show(void **state)
{
  (void)state;
  tamper(COPY_ROW("11", "tenant-c", "8"));
  assert_int_equal(first_bad_of("tenant-c"), 11);
  assert_int_equal(first_bad(), 11);
}

/* ---- heads ---- */

static void a_head_changed_anywhere_shows(void **state)
{
  static const char *const changes[] = {
    "seq = seq + 1",
    "changes = changes - 1",
    "anchor_seq = 1",
    "anchor_changes = 1",
    "mac = randomblob(32)",
    "anchor_mac = randomblob(32)",
    "seal = randomblob(32)",
    "mac = zeroblob(31)",
    "seal = zeroblob(0)",
    "seq = -1",
    "seq = 0",
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(changes); i++) {
    char sql[200];
    keep();
    snprintf(sql, sizeof(sql), "UPDATE history_head SET %s WHERE tenant_id = 'tenant-a'",
             changes[i]);
    tamper(sql);
    if (first_bad_of("tenant-a") == 0 || first_bad() == 0)
      fail_msg("%s", sql);
    assert_int_equal(first_bad_of("tenant-b"), 0);
    put_back();
  }
}

static void a_head_of_another_tenant_shows(void **state)
{
  (void)state;
  tamper("DELETE FROM history_head WHERE tenant_id = 'tenant-a';"
         "INSERT INTO history_head SELECT 'tenant-a', seq, changes, mac, anchor_seq,"
         " anchor_changes, anchor_mac, seal FROM history_head WHERE tenant_id = 'tenant-b'");
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
}

static void the_start_can_not_be_cut_off_like_a_trim(void **state)
{
  (void)state;
  tamper("UPDATE history_head SET anchor_seq = 3, anchor_changes = 3,"
         " anchor_mac = (SELECT mac FROM history WHERE seq = 3) WHERE tenant_id = 'tenant-a';"
         "DELETE FROM history WHERE seq < 4");
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
  assert_int_not_equal(first_bad(), 0);
}

/* ---- later writes ---- */

static void later_changes_do_not_hide_what_was_done(void **state)
{
  static const char *const acts[] = {
    "UPDATE history SET back = NULL WHERE seq = 8",
    "DELETE FROM history WHERE seq = 8",
    "UPDATE history_head SET changes = 5 WHERE tenant_id = 'tenant-a'",
    "UPDATE history_head SET seq = 7, changes = 5, mac = (SELECT mac FROM history WHERE seq = 7)\
 WHERE tenant_id = 'tenant-a'; DELETE FROM history WHERE seq = 8",
    "UPDATE history_head SET seal = zeroblob(32) WHERE tenant_id = 'tenant-a'",
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(acts); i++) {
    tamper(acts[i]);
    for (int round = 0; round < 3; round++) {
      assert_int_not_equal(first_bad_of("tenant-a"), 0);
      change_many("tenant-a", 2);
    }
    assert_int_not_equal(first_bad_of("tenant-a"), 0);
    assert_int_equal(first_bad_of("tenant-b"), 0);
    close_store();
    teardown(state);
    assert_int_equal(setup_chains(state), 0);
  }
}

/* ---- answers ---- */

static void arguments_and_callers_are_checked(void **state)
{
  int64_t seq = 77;
  (void)state;
  assert_invalid(connector_history_verify(test.store, NULL, &failure), "first_bad_seq");
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  assert_status(connector_history_verify(test.store, &seq, &failure), CONNECTOR_DENIED);
  assert_int_equal(seq, 77);
}

static connector_status verify_inside(connector_store *store, void *user, connector_error *error)
{
  int64_t *seq = user;
  connector_status status = connector_create(store, PATCH(.name = "x"), NULL, error);
  return status == CONNECTOR_OK ? connector_history_verify(store, seq, error) : status;
}

static void a_batch_verifies_what_it_has_written(void **state)
{
  int64_t seq = -1;
  (void)state;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_ok(connector_batch(test.store, verify_inside, &seq, &failure));
  assert_int_equal(seq, 0);
  assert_int_equal(first_bad(), 0);
}

#define chains_test(name) cmocka_unit_test_setup_teardown(name, setup_chains, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    chains_test(a_history_as_it_was_written_is_whole),
    clock_test(no_history_is_whole),
    chains_test(a_change_of_any_column_of_a_row_shows_at_the_row),
    chains_test(a_text_that_becomes_null_or_empty_shows),
    chains_test(text_behind_a_nul_shows),
    chains_test(a_value_that_changes_its_column_shows),
    chains_test(a_hash_that_was_changed_shows),
    chains_test(a_row_that_was_removed_shows_at_the_one_behind_it),
    chains_test(an_end_that_was_cut_off_shows),
    chains_test(a_tenant_that_was_taken_out_with_its_head_shows_over_all),
    chains_test(a_head_that_was_removed_shows),
    chains_test(a_row_that_was_put_in_shows),
    chains_test(a_row_that_was_moved_shows),
    chains_test(rows_that_changed_places_show),
    chains_test(a_row_that_was_given_to_another_tenant_shows_in_both),
    chains_test(rows_of_a_tenant_without_a_head_show),
    chains_test(a_head_changed_anywhere_shows),
    chains_test(a_head_of_another_tenant_shows),
    chains_test(the_start_can_not_be_cut_off_like_a_trim),
    chains_test(later_changes_do_not_hide_what_was_done),
    chains_test(arguments_and_callers_are_checked),
    chains_test(a_batch_verifies_what_it_has_written),
  };
  return cmocka_run_group_tests_name("verify", tests, NULL, NULL);
}
