/*
 * store/wait: a waiter wakes at once from a change of its own process, in time from one of another,
 * and looks seldom enough whatever the store does.
 */
#include "history_support.h"

#include "base/clock.h"
#include "store/wait.h"

#include <connector/history.h>

#include <pthread.h>
#include <sys/wait.h>
#include <time.h>

enum { MS = 1000, LONG_MS = 20000 };

/* One reader, so that its statements can be looked at. */
static connector_options one_reader(void)
{
  connector_options options = test_options();
  options.readers = 1;
  return options;
}

static int setup_waiting(void **state)
{
  const connector_options options = one_reader();
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define waiting_test(name) cmocka_unit_test_setup_teardown(name, setup_waiting, teardown)

static void sleep_ms(long ms)
{
  const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
  (void)nanosleep(&pause, NULL);
}

static void change_as(const char *tenant)
{
  connector_error error;
  connector_caller asked = current;
  become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
  assert_int_equal(connector_create(test.store, PATCH(.name = "x"), NULL, &error), CONNECTOR_OK);
  current = asked;
}

/* ---- a waiter on a thread of its own ---- */

struct waiter {
  const char *tenant;
  int64_t after;
  uint32_t timeout_ms;
  connector_status status;
  int64_t newest;
  int64_t took_us;
  pthread_t thread;
  atomic_bool done;
};

static void *wait_now(void *context)
{
  struct waiter *waiter = context;
  connector_error error;
  int64_t start = clock_monotonic_us();
  become(waiter->tenant, "user-ann", CONNECTOR_ROLE_TENANT);
  waiter->newest = -1;
  waiter->status = connector_changes_wait(test.store, waiter->after, waiter->timeout_ms,
                                          &waiter->newest, &error);
  waiter->took_us = clock_monotonic_us() - start;
  atomic_store(&waiter->done, true);
  return NULL;
}

static void start_waiter(struct waiter *waiter)
{
  assert_int_equal(pthread_create(&waiter->thread, NULL, wait_now, waiter), 0);
  while (atomic_load(&test.store->waiting.waiters) == 0 && !atomic_load(&waiter->done))
    sleep_ms(1);
  sleep_ms(10);
}

static void join_waiter(struct waiter *waiter)
{
  assert_int_equal(pthread_join(waiter->thread, NULL), 0);
}

/* ---- waking ---- */

static void a_change_that_is_there_already_is_told_at_once(void **state)
{
  int64_t newest = -1;
  (void)state;
  change_as("tenant-a");
  change_as("tenant-a");
  change_as("tenant-b");
  for (int64_t after = 0; after < 2; after++) {
    assert_ok(connector_changes_wait(test.store, after, LONG_MS, &newest, &failure));
    assert_int_equal(newest, 2);
  }
}

static void without_a_change_the_time_is_waited_out(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .after = 7, .timeout_ms = 120 };
  (void)state;
  start_waiter(&waiter);
  join_waiter(&waiter);
  assert_int_equal(waiter.status, CONNECTOR_OK);
  assert_int_equal(waiter.newest, 7);
  assert_true(waiter.took_us >= 120 * MS);
}

static void no_time_looks_once(void **state)
{
  int64_t newest = -1;
  int64_t start = clock_monotonic_us();
  (void)state;
  for (int i = 0; i < 20; i++)
    assert_ok(connector_changes_wait(test.store, 5, 0, &newest, &failure));
  assert_int_equal(newest, 5);
  assert_true(clock_monotonic_us() - start < 20 * 40 * MS);
}

/* Well below a tick, in the median of several. */
static void a_change_of_the_process_wakes_a_waiter_at_once(void **state)
{
  int quick = 0;
  (void)state;
  for (int64_t round = 0; round < 11; round++) {
    struct waiter waiter = { .tenant = "tenant-a", .after = round, .timeout_ms = LONG_MS };
    int64_t start = 0;
    start_waiter(&waiter);
    change_as("tenant-a");
    start = clock_monotonic_us();
    join_waiter(&waiter);
    quick += clock_monotonic_us() - start < 25 * MS;
    assert_int_equal(waiter.status, CONNECTOR_OK);
    assert_int_equal(waiter.newest, round + 1);
  }
  assert_true(quick >= 6);
}

static void a_change_of_another_tenant_wakes_nobody_for_good(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .timeout_ms = 150 };
  (void)state;
  start_waiter(&waiter);
  change_as("tenant-b");
  join_waiter(&waiter);
  assert_int_equal(waiter.newest, 0);
  assert_true(waiter.took_us >= 150 * MS);
}

static void a_change_behind_a_foreign_one_is_told_within_a_tick(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .timeout_ms = LONG_MS };
  (void)state;
  start_waiter(&waiter);
  change_as("tenant-b");
  sleep_ms(2);
  change_as("tenant-a");
  join_waiter(&waiter);
  assert_int_equal(waiter.newest, 2);
  assert_true(waiter.took_us < LONG_MS / 4 * MS);
}

static void a_change_of_another_process_is_told_in_time(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .timeout_ms = LONG_MS };
  int status = -1;
  pid_t child = fork();
  (void)state;
  if (child == 0) {
    const connector_options options = one_reader();
    connector_store *own = NULL;
    connector_error error;
    sleep_ms(60);
    if (connector_open(test.path, &options, &own, &error) != CONNECTOR_OK ||
        connector_create(own, PATCH(.name = "x"), NULL, &error) != CONNECTOR_OK)
      _exit(1);
    connector_close(own);
    _exit(0);
  }
  assert_true(child > 0);
  start_waiter(&waiter);
  join_waiter(&waiter);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(waiter.newest, 1);
  assert_true(waiter.took_us < LONG_MS / 4 * MS);
}

static void all_waiters_wake(void **state)
{
  struct waiter waiters[5];
  (void)state;
  for (size_t i = 0; i < COUNT_OF(waiters); i++) {
    memset(&waiters[i], 0, sizeof(waiters[i]));
    waiters[i].tenant = "tenant-a";
    waiters[i].timeout_ms = LONG_MS;
    start_waiter(&waiters[i]);
  }
  change_as("tenant-a");
  for (size_t i = 0; i < COUNT_OF(waiters); i++) {
    join_waiter(&waiters[i]);
    assert_int_equal(waiters[i].newest, 1);
  }
  assert_int_equal(atomic_load(&test.store->waiting.waiters), 0);
}

static void closing_the_store_ends_the_wait(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .timeout_ms = LONG_MS };
  (void)state;
  start_waiter(&waiter);
  close_store();
  join_waiter(&waiter);
  assert_int_equal(waiter.status, CONNECTOR_MISUSE);
  assert_int_equal(waiter.newest, -1);
  assert_true(waiter.took_us < LONG_MS / 4 * MS);
}

/* ---- looks ---- */

/* How often statements that start so were run since the last call. */
static int runs_of(const char *text)
{
  struct reader reader = { 0 };
  int count = 0;
  engine_ok(pool_take_reader(test.store->pool, &reader, &failure));
  for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
    sqlite3_stmt *handle = reader.connection->statements[i].handle;
    if (handle != NULL && strncmp(sqlite3_sql(handle), text, strlen(text)) == 0)
      count += sqlite3_stmt_status(handle, SQLITE_STMTSTATUS_RUN, 1);
  }
  pool_give_reader(test.store->pool, &reader);
  return count;
}

/* How often the store was looked at since the last call: for anybody's changes first. */
static int looks(void)
{
  return runs_of("SELECT seq FROM history WHERE 1 ");
}

/* How often the waiter's own changes were looked for. */
static int looks_for_own(void)
{
  return runs_of("SELECT seq FROM history WHERE tenant_id = ?");
}

static void an_idle_store_is_looked_at_20_times_a_second(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .timeout_ms = 500 };
  int count = 0;
  (void)state;
  (void)looks();
  start_waiter(&waiter);
  join_waiter(&waiter);
  count = looks();
  assert_in_range(count, 2, 12);
}

/* A look at each tick, and one for the first wake after it. */
static void a_busy_store_is_looked_at_hardly_more_often(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .timeout_ms = 500 };
  int64_t start = clock_monotonic_us();
  int writes = 0;
  int count = 0;
  (void)state;
  (void)looks();
  start_waiter(&waiter);
  for (; clock_monotonic_us() - start < 480 * MS; writes++)
    change_as("tenant-b");
  join_waiter(&waiter);
  count = looks();
  assert_int_equal(waiter.newest, 0);
  assert_true(writes > 10);
  assert_in_range(count, 2, 24);
  assert_in_range(looks_for_own(), 1, count);
}

static void changes_that_were_looked_at_are_not_looked_at_again(void **state)
{
  struct waiter waiter = { .tenant = "tenant-a", .timeout_ms = 500 };
  (void)state;
  for (int i = 0; i < 20; i++)
    change_as("tenant-b");
  (void)looks_for_own();
  start_waiter(&waiter);
  join_waiter(&waiter);
  assert_int_equal(waiter.newest, 0);
  assert_int_equal(looks_for_own(), 1);
  change_as("tenant-a");
  waiter.timeout_ms = LONG_MS;
  start_waiter(&waiter);
  join_waiter(&waiter);
  assert_int_equal(waiter.newest, 21);
}

/* ---- answers ---- */

static connector_status wait_inside(connector_store *store, void *user, connector_error *error)
{
  int64_t newest = 0;
  (void)user;
  return connector_changes_wait(store, 0, 10, &newest, error);
}

static void arguments_are_checked_and_a_batch_can_not_wait(void **state)
{
  int64_t newest = 77;
  (void)state;
  assert_invalid(connector_changes_wait(test.store, -1, 10, &newest, &failure), "after_seq");
  assert_invalid(connector_changes_wait(test.store, 0, 10, NULL, &failure), "newest");
  assert_int_equal(newest, 77);
  assert_status(connector_batch(test.store, wait_inside, NULL, &failure), CONNECTOR_MISUSE);
}

static void what_is_made_for_waiting_is_released_even_where_it_was_not_made(void **state)
{
  struct waiting waiting;
  (void)state;
  memset(&waiting, 0, sizeof(waiting));
  wait_free(&waiting);
  assert_true(wait_init(&waiting));
  wait_wake(&waiting);
  assert_int_equal(waiting.wakes, 0);
  wait_free(&waiting);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    waiting_test(a_change_that_is_there_already_is_told_at_once),
    waiting_test(without_a_change_the_time_is_waited_out),
    waiting_test(no_time_looks_once),
    waiting_test(a_change_of_the_process_wakes_a_waiter_at_once),
    waiting_test(a_change_of_another_tenant_wakes_nobody_for_good),
    waiting_test(a_change_behind_a_foreign_one_is_told_within_a_tick),
    waiting_test(a_change_of_another_process_is_told_in_time),
    waiting_test(all_waiters_wake),
    waiting_test(closing_the_store_ends_the_wait),
    waiting_test(an_idle_store_is_looked_at_20_times_a_second),
    waiting_test(a_busy_store_is_looked_at_hardly_more_often),
    waiting_test(changes_that_were_looked_at_are_not_looked_at_again),
    waiting_test(arguments_are_checked_and_a_batch_can_not_wait),
    cmocka_unit_test(what_is_made_for_waiting_is_released_even_where_it_was_not_made),
  };
  return cmocka_run_group_tests_name("wait", tests, NULL, NULL);
}
