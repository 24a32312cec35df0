/*
 * A process that is killed at any moment loses nothing that it acknowledged, leaves no batch half
 * done, and the next one opens the file as if nothing had been. CONNECTOR_KILLS tells how many are
 * killed in each test, 20 by default.
 */
#include "kill_support.h"

static void write_until_killed(uint64_t seed)
{
  connector_options options = fault_options();
  test.store = NULL;
  child_expects(connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK);
  for (unsigned turn = 0;; turn++) {
    connector *record = NULL;
    child_expects(connector_create(test.store, PATCH(.name = "single"), &record, &failure) ==
                  CONNECTOR_OK);
    acknowledge(0, record);
    for (size_t updates = random_below(&seed, 3); updates > 0; updates--) {
      connector *updated = NULL;
      child_expects(connector_update(test.store, record->id, 0, PATCH(.provider = "jira"), &updated,
                                     &failure) == CONNECTOR_OK);
      acknowledge(0, updated);
      connector_free(updated);
    }
    connector_free(record);
    write_batch(0, turn);
    if (turn % 16 == 15)
      child_expects(connector_maintain(test.store, NULL, &failure) == CONNECTOR_OK);
  }
}

static void killed_at_any_moment(void **state)
{
  (void)state;
  kill_again_and_again(write_until_killed, 20261127);
}

static void killed_while_the_file_is_made(void **state)
{
  uint64_t seed = 20261128;
  int kills = kills_or(KILLS);
  (void)state;
  for (int round = 0; round < kills; round++) {
    connector_options options = fault_options();
    int status = 0;
    pid_t child = 0;
    const struct timespec pause = { .tv_nsec = (long)random_below(&seed, 4000000) };
    unlink(test.path);
    remove_side_files();
    child = fork();
    if (child == 0) {
      test.store = NULL;
      (void)!connector_open(test.path, &options, &test.store, &failure);
      for (;;)
        sleep_ms(1000);
    }
    assert_true(child > 0);
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_ok(connector_open(test.path, &options, &test.store, &failure));
    connector_free(make(PATCH(.name = "works")));
    assert_whole(NULL);
    close_store();
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(killed_at_any_moment),
    folder_test(killed_while_the_file_is_made),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
