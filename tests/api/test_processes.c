/*
 * Four processes on one file: no update is lost, every id is new, and BUSY ends at its limit.
 */
#include "support.h"

#include <sys/wait.h>
#include <time.h>

enum {
  PROCESSES = 4,
  ROUNDS = 60
};

static char shared_id[ID_SIZE];

/* Runs `work` in every child, from the same moment on; each opens a store of its own and exits with
 * 0 where all was well. */
static void run_processes(int (*work)(int number))
{
  pid_t children[PROCESSES];
  int start[2] = { -1, -1 };
  int bad = 0;
  assert_int_equal(pipe(start), 0);
  for (int i = 0; i < PROCESSES; i++) {
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0) {
      connector_options options = test_options();
      char byte = 0;
      close(start[1]);
      if (read(start[0], &byte, 1) != 0) /* the end comes when the parent closes it */
        _exit(CONNECTOR_IO);
      connector_status opened = connector_open(test.path, &options, &test.store, &failure);
      if (opened != CONNECTOR_OK)
        print_error("open: %s (%d)\n", failure.message, failure.os_code);
      int code = opened == CONNECTOR_OK ? work(i) : (int)opened;
      connector_close(test.store);
      _exit(code);
    }
  }
  close(start[0]);
  close(start[1]);
  for (int i = 0; i < PROCESSES; i++) {
    int code = 0;
    assert_int_equal(waitpid(children[i], &code, 0), children[i]);
    if (!WIFEXITED(code) || WEXITSTATUS(code) != 0) {
      print_error("child %d ended with %s\n", i,
                  WIFEXITED(code) ? connector_status_name((connector_status)WEXITSTATUS(code))
                                  : "a signal");
      bad++;
    }
  }
  assert_int_equal(bad, 0);
}

static int count_up(int number)
{
  (void)number;
  for (int done = 0; done < ROUNDS;) {
    connector *record = NULL;
    connector_status status = connector_get(test.store, shared_id, 0, &record, &failure);
    if (status != CONNECTOR_OK)
      return (int)status;
    status = connector_update(test.store, shared_id, record->version,
                              PATCH(.consecutive_errors = record->consecutive_errors + 1), NULL,
                              &failure);
    connector_free(record);
    if (status != CONNECTOR_OK && status != CONNECTOR_CONFLICT)
      return (int)status;
    done += status == CONNECTOR_OK;
  }
  return 0;
}

static void no_update_is_lost_between_processes(void **state)
{
  (void)state;
  connector_options options = test_options();
  open_store(&options);
  make_id(PATCH(0), shared_id);
  close_store();
  run_processes(count_up);
  open_store(&options);
  connector *record = fetch(shared_id);
  assert_int_equal(record->consecutive_errors, PROCESSES * ROUNDS);
  assert_int_equal(record->version, 1 + PROCESSES * ROUNDS);
  connector_free(record);
}

static int create_many(int number)
{
  char name[32];
  snprintf(name, sizeof(name), "child-%d", number);
  for (int i = 0; i < ROUNDS; i++) {
    connector_status status = connector_create(test.store, PATCH(.name = name), NULL, &failure);
    if (status != CONNECTOR_OK)
      return (int)status;
  }
  return 0;
}

static void creates_of_all_processes_are_there(void **state)
{
  (void)state;
  connector_options options = test_options();
  run_processes(create_many);
  open_store(&options);
  assert_int_equal(count_of(NULL), PROCESSES * ROUNDS);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

static int create_once_many(int number)
{
  (void)number;
  for (int i = 0; i < ROUNDS; i++) {
    char key[32];
    snprintf(key, sizeof(key), "key-%d", i);
    connector_status status = connector_create_once(test.store, key, PATCH(.name = key), NULL,
                                                    &failure);
    if (status != CONNECTOR_OK)
      return (int)status;
  }
  return 0;
}

static void one_key_makes_one_record_over_processes(void **state)
{
  (void)state;
  connector_options options = test_options();
  run_processes(create_once_many);
  open_store(&options);
  assert_int_equal(count_of(NULL), ROUNDS);
}

static int create_one(int number)
{
  (void)number;
  return (int)connector_create(test.store, PATCH(.name = "one each"), NULL, &failure);
}

static void processes_may_make_the_file_at_once(void **state)
{
  (void)state;
  connector_options options = test_options();
  for (int round = 0; round < 25; round++) {
    snprintf(test.path, sizeof(test.path), "%s/round-%d.db", test.folder, round);
    run_processes(create_one);
    open_store(&options);
    assert_int_equal(count_of(NULL), PROCESSES);
    close_store();
  }
}

/* Tells the parent that the write lock is held, and keeps it until it is told to go. */
static connector_status hold_lock(connector_store *store, void *user, connector_error *error)
{
  int *pipes = user;
  char byte = 0;
  connector_status status = connector_create(store, PATCH(.name = "held"), NULL, error);
  if (write(pipes[1], "x", 1) != 1 || read(pipes[2], &byte, 1) < 0)
    return CONNECTOR_IO;
  return status;
}

static int64_t milliseconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void a_held_lock_is_busy_after_the_timeout_and_reads_go_on(void **state)
{
  (void)state;
  int pipes[4] = { -1, -1, -1, -1 };
  char byte = 0;
  int code = 0;
  connector_options options = test_options();
  open_store(&options);
  connector_free(make(PATCH(.name = "before")));
  close_store();
  assert_int_equal(pipe(pipes), 0);
  assert_int_equal(pipe(pipes + 2), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    close(pipes[3]);
    if (connector_open(test.path, &options, &test.store, &failure) != CONNECTOR_OK)
      _exit(1);
    connector_status status = connector_batch(test.store, hold_lock, pipes, &failure);
    connector_close(test.store);
    _exit((int)status);
  }
  close(pipes[1]);
  close(pipes[2]);
  assert_int_equal(read(pipes[0], &byte, 1), 1);
  options.busy_timeout_ms = 300;
  connector_status opened = connector_open(test.path, &options, &test.store, &failure);
  int64_t start = milliseconds_now();
  connector_status written = opened != CONNECTOR_OK
                                 ? opened
                                 : connector_create(test.store, PATCH(0), NULL, &failure);
  int64_t waited = milliseconds_now() - start;
  int64_t count = -1;
  connector_status counted = opened != CONNECTOR_OK
                                 ? opened
                                 : connector_count(test.store, NULL, &count, NULL);
  close(pipes[3]); /* the child goes on */
  close(pipes[0]);
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_int_equal(opened, CONNECTOR_OK);
  assert_int_equal(written, CONNECTOR_BUSY);
  assert_int_equal(failure.status, CONNECTOR_BUSY);
  assert_true(waited >= 250 && waited < 3000);
  assert_int_equal(counted, CONNECTOR_OK);
  assert_int_equal(count, 1);
  assert_int_equal(code, 0);
  assert_int_equal(count_of(NULL), 2);
  connector_free(make(PATCH(.name = "after")));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(no_update_is_lost_between_processes),
    folder_test(creates_of_all_processes_are_there),
    folder_test(one_key_makes_one_record_over_processes),
    folder_test(processes_may_make_the_file_at_once),
    folder_test(a_held_lock_is_busy_after_the_timeout_and_reads_go_on),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
