/*
 * A process whose threads share commits is killed at any moment: nothing that one of them
 * acknowledged is lost, no batch is half there, and the history has no gap.
 */
#include "kill_support.h"

#include <pthread.h>

static uint64_t seeds[WRITERS_MOST];

static void *write_on(void *user)
{
  uint64_t *seed = user;
  int writer = (int)(seed - seeds);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (unsigned turn = 0;; turn++) {
    connector *record = NULL;
    child_expects(connector_create(test.store, PATCH(.name = "single"), &record, &failure) ==
                  CONNECTOR_OK);
    acknowledge(writer, record);
    for (size_t updates = random_below(seed, 4); updates > 0; updates--) {
      connector *updated = NULL;
      child_expects(connector_update(test.store, record->id, record->version + 7,
                                     PATCH(.provider = "never"), NULL,
                                     &failure) == CONNECTOR_CONFLICT);
      child_expects(connector_update(test.store, record->id, 0, PATCH(.provider = "jira"), &updated,
                                     &failure) == CONNECTOR_OK);
      acknowledge(writer, updated);
      connector_free(record);
      record = updated;
    }
    connector_free(record);
    if (turn % 8 == 7)
      write_batch(writer, turn);
  }
  return NULL;
}

static void write_until_killed(uint64_t seed)
{
  connector_options options = fault_options();
  pthread_t thread;
  test.store = NULL;
  options.busy_timeout_ms = 10000;
  child_expects(connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK);
  for (size_t i = 0; i < WRITERS_MOST; i++) {
    seeds[i] = random_next(&seed) | 1;
    child_expects(pthread_create(&thread, NULL, write_on, &seeds[i]) == 0);
  }
  for (;;)
    sleep_ms(1000);
}

static void killed_while_threads_share_commits(void **state)
{
  int64_t bad = -1;
  (void)state;
  kill_again_and_again(write_until_killed, 20261129);
  assert_ok(connector_history_verify(test.store, &bad, &failure));
  assert_int_equal(bad, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(killed_while_threads_share_commits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
