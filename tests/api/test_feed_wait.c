/*
 * Waiting for a change: what ends it, how soon, and what does not.
 */
#include "lifecycle.h"

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

static int64_t milliseconds_now(void)
{
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

static void pause_ms(long ms)
{
  const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
  (void)nanosleep(&pause, NULL);
}

/* A thread that waits, and what came of it. */
struct waiter {
  pthread_t thread;
  int64_t after_seq;
  uint32_t timeout_ms;
  connector_status status;
  int64_t newest;
  int64_t ended; /* milliseconds_now() */
};

static void *wait_for_change(void *user)
{
  struct waiter *waiter = user;
  connector_error error;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  waiter->newest = -1;
  waiter->status = connector_changes_wait(test.store, waiter->after_seq, waiter->timeout_ms,
                                          &waiter->newest, &error);
  waiter->ended = milliseconds_now();
  return NULL;
}

/* Starts one and gives it time to be waiting. */
static void start_waiter(struct waiter *waiter, int64_t after_seq, uint32_t timeout_ms)
{
  *waiter = (struct waiter){ .after_seq = after_seq, .timeout_ms = timeout_ms };
  assert_int_equal(pthread_create(&waiter->thread, NULL, wait_for_change, waiter), 0);
  pause_ms(60);
}

static void join_waiter(struct waiter *waiter)
{
  assert_int_equal(pthread_join(waiter->thread, NULL), 0);
}

static void a_change_that_is_there_ends_it_at_once(void **state)
{
  (void)state;
  int64_t newest = 0;
  connector_free(make(PATCH(0)));
  int64_t first = newest_seq();
  connector_free(make(PATCH(0)));
  int64_t start = milliseconds_now();
  assert_ok(connector_changes_wait(test.store, first, 10000, &newest, &failure));
  assert_true(milliseconds_now() - start < 1000);
  assert_true(newest == first + 1);
}

static void without_a_change_it_ends_with_the_time(void **state)
{
  (void)state;
  int64_t newest = 0;
  connector_free(make(PATCH(0)));
  int64_t last = newest_seq();
  int64_t start = milliseconds_now();
  assert_ok(connector_changes_wait(test.store, last, 150, &newest, &failure));
  int64_t waited = milliseconds_now() - start;
  assert_true(waited >= 140 && waited < 2000);
  assert_true(newest == last);
  assert_ok(connector_changes_wait(test.store, last + 100, 0, &newest, &failure));
  assert_true(newest == last + 100);
}

static void a_write_of_another_thread_ends_it(void **state)
{
  (void)state;
  struct waiter waiter;
  connector_free(make(PATCH(0)));
  int64_t last = newest_seq();
  start_waiter(&waiter, last, 10000);
  connector_free(make(PATCH(0)));
  int64_t written = milliseconds_now();
  join_waiter(&waiter);
  assert_int_equal(waiter.status, CONNECTOR_OK);
  assert_true(waiter.newest == last + 1);
  print_message("             woken by another thread after %d ms\n",
                (int)(waiter.ended - written));
  assert_true(waiter.ended - written < 1000);
}

static connector_status write_in_batch(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  return connector_create(store, PATCH(0), NULL, error);
}

static void every_waiter_is_woken(void **state)
{
  (void)state;
  struct waiter waiters[6];
  for (size_t i = 0; i < COUNT_OF(waiters); i++)
    start_waiter(&waiters[i], 0, 10000);
  assert_ok(connector_batch(test.store, write_in_batch, NULL, &failure));
  int64_t written = milliseconds_now();
  for (size_t i = 0; i < COUNT_OF(waiters); i++) {
    join_waiter(&waiters[i]);
    assert_int_equal(waiters[i].status, CONNECTOR_OK);
    assert_true(waiters[i].newest > 0);
    assert_true(waiters[i].ended - written < 1000);
  }
}

/* In a child: opens the file, and on a sign writes and tells when that was done. */
static int write_on_sign(int sign, int report)
{
  connector_options options = test_options();
  char byte = 0;
  int64_t written = 0;
  if (connector_open(test.path, &options, &test.store, &failure) != CONNECTOR_OK)
    return 1;
  if (write(report, &written, sizeof(written)) != (ssize_t)sizeof(written) ||
      read(sign, &byte, 1) != 1)
    return 2;
  pause_ms(150);
  if (connector_create(test.store, PATCH(0), NULL, &failure) != CONNECTOR_OK)
    return 3;
  written = milliseconds_now();
  if (write(report, &written, sizeof(written)) != (ssize_t)sizeof(written))
    return 4;
  connector_close(test.store);
  return 0;
}

static void a_write_of_another_process_ends_it_soon(void **state)
{
  (void)state;
  connector_options options = test_options();
  int sign[2] = { -1, -1 };
  int report[2] = { -1, -1 };
  int64_t written = 0;
  int64_t newest = 0;
  int code = 0;
  assert_int_equal(pipe(sign), 0);
  assert_int_equal(pipe(report), 0);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0)
    _exit(write_on_sign(sign[0], report[1]));
  assert_int_equal(read(report[0], &written, sizeof(written)), sizeof(written));
  open_store(&options);
  assert_int_equal(write(sign[1], "x", 1), 1);
  connector_status status = connector_changes_wait(test.store, 0, 10000, &newest, &failure);
  int64_t ended = milliseconds_now();
  assert_int_equal(read(report[0], &written, sizeof(written)), sizeof(written));
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_int_equal(code, 0);
  assert_int_equal(status, CONNECTOR_OK);
  assert_true(newest > 0);
  print_message("             woken by another process after %d ms\n", (int)(ended - written));
  assert_true(ended - written < 2000);
  for (int i = 0; i < 2; i++) {
    close(sign[i]);
    close(report[i]);
  }
}

static void a_write_of_another_tenant_does_not_end_it(void **state)
{
  (void)state;
  struct waiter waiter;
  start_waiter(&waiter, 0, 400);
  int64_t start = milliseconds_now();
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  connector_free(make(PATCH(0)));
  join_waiter(&waiter);
  assert_int_equal(waiter.status, CONNECTOR_OK);
  assert_int_equal(waiter.newest, 0);
  assert_true(waiter.ended - start >= 200);
}

static connector_status roll_back(connector_store *store, void *user, connector_error *error)
{
  connector_status status = write_in_batch(store, user, error);
  return status != CONNECTOR_OK ? status : CONNECTOR_CANCELLED;
}

static void what_is_rolled_back_does_not_end_it(void **state)
{
  (void)state;
  struct waiter waiter;
  start_waiter(&waiter, 0, 300);
  assert_int_equal(connector_batch(test.store, roll_back, NULL, NULL), CONNECTOR_CANCELLED);
  join_waiter(&waiter);
  assert_int_equal(waiter.status, CONNECTOR_OK);
  assert_int_equal(waiter.newest, 0);
}

static void a_clock_that_stands_still_does_not_hold_it(void **state)
{
  (void)state;
  int64_t newest = -1;
  int64_t start = milliseconds_now();
  assert_ok(connector_changes_wait(test.store, 0, 50, &newest, &failure));
  assert_true(milliseconds_now() - start < 2000);
}

static void it_holds_no_connection(void **state)
{
  (void)state;
  connector_options options = test_options();
  struct waiter waiters[3];
  options.readers = 1;
  open_store(&options);
  for (size_t i = 0; i < COUNT_OF(waiters); i++)
    start_waiter(&waiters[i], 0, 10000);
  int64_t start = milliseconds_now();
  for (int i = 0; i < 20; i++)
    assert_int_equal(count_of(NULL), 0);
  connector_free(make(PATCH(0)));
  assert_true(milliseconds_now() - start < 2000);
  for (size_t i = 0; i < COUNT_OF(waiters); i++) {
    join_waiter(&waiters[i]);
    assert_int_equal(waiters[i].status, CONNECTOR_OK);
  }
}

static void closing_the_store_ends_it_as_misuse(void **state)
{
  (void)state;
  struct waiter waiters[3];
  for (size_t i = 0; i < COUNT_OF(waiters); i++)
    start_waiter(&waiters[i], 0, 20000);
  int64_t start = milliseconds_now();
  connector_close(test.store);
  for (size_t i = 0; i < COUNT_OF(waiters); i++) {
    join_waiter(&waiters[i]);
    assert_int_equal(waiters[i].status, CONNECTOR_MISUSE);
    assert_int_equal(waiters[i].newest, -1);
    assert_true(waiters[i].ended - start < 2000);
  }
  test.store = NULL;
}

static connector_status wait_in_batch(connector_store *store, void *user, connector_error *error)
{
  int64_t newest = 0;
  int64_t start = milliseconds_now();
  *(connector_status *)user = connector_changes_wait(store, 0, 5000, &newest, error);
  return milliseconds_now() - start < 2000 ? CONNECTOR_OK : CONNECTOR_INTERNAL;
}

static void in_a_batch_it_is_misuse(void **state)
{
  (void)state;
  connector_status inner = CONNECTOR_OK;
  assert_int_equal(connector_batch(test.store, wait_in_batch, &inner, NULL), CONNECTOR_OK);
  assert_int_equal(inner, CONNECTOR_MISUSE);
}

#define both(name) store_test(name), memory_test(name)

int main(void)
{
  const struct CMUnitTest tests[] = {
    both(a_change_that_is_there_ends_it_at_once),
    both(without_a_change_it_ends_with_the_time),
    both(a_write_of_another_thread_ends_it),
    both(every_waiter_is_woken),
    folder_test(a_write_of_another_process_ends_it_soon),
    store_test(a_write_of_another_tenant_does_not_end_it),
    store_test(what_is_rolled_back_does_not_end_it),
    clock_test(a_clock_that_stands_still_does_not_hold_it),
    store_test(it_holds_no_connection),
    both(closing_the_store_ends_it_as_misuse),
    both(in_a_batch_it_is_misuse),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
