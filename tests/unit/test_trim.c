/*
 * store/trim: the oldest changes go, the chain begins behind them, the newest stays, and what was
 * broken is not made good.
 */
#include "history_support.h"

#include <connector/history.h>

static const int64_t start = 1700000000000;

/* Rows 1-4 and 7-8 are of tenant-a, 5-6 and 9-10 of tenant-b; row n was written n seconds after the
 * start. */
static int setup_chains(void **state)
{
  if (setup_clock(state) != 0)
    return -1;
  change_many("tenant-a", 4);
  change_many("tenant-b", 2);
  change_many("tenant-a", 2);
  change_many("tenant-b", 2);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  return 0;
}

static int64_t time_of(int64_t seq)
{
  return start + seq * 1000;
}

static int64_t trim_before(int64_t time)
{
  int64_t trimmed = -1;
  assert_ok(connector_history_trim(test.store, time, &trimmed, &failure));
  return trimmed;
}

/* The seqs that are left of all tenants, parted by blanks. */
static void assert_left(const char *wanted)
{
  connector_caller asked = current;
  char seqs[200] = "";
  size_t length = 0;
  become_system();
  connector_changes *changes = feed_after(0);
  current = asked;
  for (size_t i = 0; i < connector_changes_count(changes); i++)
    length += (size_t)snprintf(seqs + length, sizeof(seqs) - length, "%s%d", i > 0 ? " " : "",
                               (int)connector_changes_at(changes, i)->seq);
  connector_changes_free(changes);
  assert_text(seqs, wanted);
}

/* ---- what goes ---- */

static void changes_from_before_a_time_go_and_the_chain_stays_whole(void **state)
{
  (void)state;
  assert_int_equal(trim_before(time_of(3)), 2);
  assert_left("3 4 5 6 7 8 9 10");
  assert_int_equal(first_bad_of("tenant-a"), 0);
  assert_int_equal(first_bad_of(NULL), 0);
  assert_int_equal(trim_before(time_of(3)), 0);
  assert_int_equal(trim_before(time_of(7)), 2);
  assert_left("5 6 7 8 9 10");
  assert_int_equal(first_bad_of(NULL), 0);
}

static void a_tenant_trims_its_own_history_alone(void **state)
{
  (void)state;
  assert_int_equal(trim_before(time_of(100)), 6);
  assert_left("5 6 9 10");
  assert_int_equal(first_bad_of("tenant-a"), 0);
  assert_int_equal(first_bad_of("tenant-b"), 0);
  assert_int_equal(first_bad_of(NULL), 0);
}

static void the_system_trims_all_but_the_newest_change_of_the_store(void **state)
{
  (void)state;
  become_system();
  assert_int_equal(trim_before(time_of(8)), 7);
  assert_left("8 9 10");
  assert_int_equal(trim_before(time_of(100)), 2);
  assert_left("10");
  assert_int_equal(trim_before(time_of(100)), 0);
  assert_int_equal(first_bad(), 0);
}

static void the_system_in_a_tenant_trims_that_one(void **state)
{
  (void)state;
  become("tenant-b", NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(trim_before(time_of(7)), 2);
  assert_left("1 2 3 4 7 8 9 10");
}

static void what_is_newer_stays_even_where_an_older_change_follows_it(void **state)
{
  (void)state;
  test_time = time_of(2) - 1500; /* the clock was set back */
  change_many("tenant-a", 1);
  test_time = time_of(20);
  change_many("tenant-a", 1);
  assert_int_equal(trim_before(time_of(4)), 3);
  assert_left("4 5 6 7 8 9 10 11 12");
}

static void no_history_is_nothing_to_trim(void **state)
{
  (void)state;
  assert_int_equal(trim_before(time_of(100)), 0);
  become_system();
  assert_int_equal(trim_before(time_of(100)), 0);
  assert_int_equal(first_bad(), 0);
}

static void more_than_one_transaction_takes_is_trimmed_whole(void **state)
{
  (void)state;
  change_many("tenant-a", 2500);
  change_many("tenant-b", 1000);
  become_system();
  assert_int_equal(trim_before(test_time - 10 * 1000), 3489);
  assert_int_equal(feed_count(0), 11);
  assert_int_equal(first_bad(), 0);
}

static void a_trim_that_ends_at_a_transactions_end_stops_there(void **state)
{
  (void)state;
  change_many("tenant-a", 2001);
  assert_int_equal(trim_before(test_time), 2000);
  assert_int_equal(feed_count(0), 1);
  assert_int_equal(first_bad_of(NULL), 0);
}

/* ---- afterwards ---- */

static void changes_go_on_behind_the_trimmed_ones(void **state)
{
  (void)state;
  become_system();
  (void)trim_before(time_of(100));
  change_many("tenant-a", 2);
  change_many("tenant-b", 1);
  assert_left("10 11 12 13");
  assert_int_equal(first_bad(), 0);
}

static void a_reader_that_was_behind_goes_on_with_what_is_left(void **state)
{
  (void)state;
  (void)trim_before(time_of(4));
  assert_int_equal(feed_count(1), 3);
}

static void versions_whose_changes_were_trimmed_are_gone(void **state)
{
  connector_changes *changes = feed_after(0);
  connector *then = NULL;
  char id[ID_SIZE];
  (void)state;
  snprintf(id, sizeof(id), "%s", connector_changes_at(changes, 0)->id);
  connector_changes_free(changes);
  (void)trim_before(time_of(3));
  assert_ok(connector_get_as_of(test.store, id, 4, &then, &failure));
  connector_free(then);
  assert_ok(connector_get_as_of(test.store, id, 3, &then, &failure));
  assert_text(then->name, "even");
  connector_free(then);
  assert_answer(connector_get_as_of(test.store, id, 2, &then, &failure), CONNECTOR_NOT_FOUND,
                "version");
}

/* ---- what was meddled with ---- */

static void a_part_that_was_changed_before_it_was_trimmed_still_shows(void **state)
{
  (void)state;
  tamper("UPDATE history SET back = NULL WHERE seq = 2");
  assert_int_equal(trim_before(time_of(4)), 3);
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
  assert_int_not_equal(first_bad_of(NULL), 0);
  change_many("tenant-a", 2);
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
}

static void a_damaged_row_is_trimmed_and_still_shows(void **state)
{
  (void)state;
  tamper("UPDATE history SET mac = zeroblob(3) WHERE seq = 2");
  assert_int_equal(trim_before(time_of(4)), 3);
  assert_left("4 5 6 7 8 9 10");
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
}

static void a_gap_in_the_trimmed_part_still_shows(void **state)
{
  (void)state;
  tamper("DELETE FROM history WHERE seq = 2");
  assert_int_equal(trim_before(time_of(4)), 2);
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
}

static void a_head_with_a_wrong_seal_is_not_sealed_by_a_trim(void **state)
{
  (void)state;
  tamper("UPDATE history_head SET changes = changes + 1 WHERE tenant_id = 'tenant-a'");
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
  (void)trim_before(time_of(4));
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
  (void)trim_before(time_of(100));
  assert_int_not_equal(first_bad_of("tenant-a"), 0);
}

static void a_change_behind_the_trimmed_part_still_shows_where_it_was(void **state)
{
  (void)state;
  tamper("UPDATE history SET back = NULL WHERE seq = 8");
  (void)trim_before(time_of(4));
  assert_int_equal(first_bad_of("tenant-a"), 8);
}

static void a_row_that_was_put_back_behind_the_anchor_shows(void **state)
{
  (void)state;
  tamper("CREATE TEMP TABLE kept AS SELECT * FROM history WHERE seq = 2");
  (void)trim_before(time_of(4));
  tamper("INSERT INTO history SELECT * FROM kept; DROP TABLE kept");
  assert_int_equal(first_bad_of("tenant-a"), 2);
}

/* ---- answers ---- */

static void arguments_and_callers_are_checked(void **state)
{
  int64_t trimmed = 77;
  (void)state;
  assert_invalid(connector_history_trim(test.store, 0, &trimmed, &failure), "before");
  assert_invalid(connector_history_trim(test.store, -5, &trimmed, &failure), "before");
  assert_ok(connector_history_trim(test.store, time_of(2), NULL, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  assert_status(connector_history_trim(test.store, 5, &trimmed, &failure), CONNECTOR_DENIED);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  assert_status(connector_history_trim(test.store, 5, &trimmed, &failure), CONNECTOR_DENIED);
  assert_int_equal(trimmed, 77);
  assert_left("2 3 4 5 6 7 8 9 10");
}

static connector_status trim_and_fail(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_history_trim(store, time_of(4), NULL, error);
  (void)user;
  return status == CONNECTOR_OK ? CONNECTOR_CANCELLED : status;
}

static void a_batch_that_fails_undoes_its_trim(void **state)
{
  (void)state;
  assert_status(connector_batch(test.store, trim_and_fail, NULL, &failure), CONNECTOR_CANCELLED);
  assert_left("1 2 3 4 5 6 7 8 9 10");
  assert_int_equal(first_bad_of(NULL), 0);
}

#define chains_test(name) cmocka_unit_test_setup_teardown(name, setup_chains, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    chains_test(changes_from_before_a_time_go_and_the_chain_stays_whole),
    chains_test(a_tenant_trims_its_own_history_alone),
    chains_test(the_system_trims_all_but_the_newest_change_of_the_store),
    chains_test(the_system_in_a_tenant_trims_that_one),
    chains_test(what_is_newer_stays_even_where_an_older_change_follows_it),
    clock_test(no_history_is_nothing_to_trim),
    clock_test(more_than_one_transaction_takes_is_trimmed_whole),
    clock_test(a_trim_that_ends_at_a_transactions_end_stops_there),
    chains_test(changes_go_on_behind_the_trimmed_ones),
    chains_test(a_reader_that_was_behind_goes_on_with_what_is_left),
    chains_test(versions_whose_changes_were_trimmed_are_gone),
    chains_test(a_part_that_was_changed_before_it_was_trimmed_still_shows),
    chains_test(a_damaged_row_is_trimmed_and_still_shows),
    chains_test(a_gap_in_the_trimmed_part_still_shows),
    chains_test(a_head_with_a_wrong_seal_is_not_sealed_by_a_trim),
    chains_test(a_change_behind_the_trimmed_part_still_shows_where_it_was),
    chains_test(a_row_that_was_put_back_behind_the_anchor_shows),
    chains_test(arguments_and_callers_are_checked),
    chains_test(a_batch_that_fails_undoes_its_trim),
  };
  return cmocka_run_group_tests_name("trim", tests, NULL, NULL);
}
