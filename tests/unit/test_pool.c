/*
 * engine/pool: one writer at a time, readers of one's own that never wait for it, more readers on
 * top for what takes long, and files that are made or refused as asked.
 */
#include "engine_support.h"

#include "engine/pool.h"

#include <pthread.h>
#include <time.h>

static struct pool *pool;
static struct pool_settings settings;

static int setup_settings(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  settings = (struct pool_settings){ .path = test.path, .busy_timeout_ms = 50, .readers = 2 };
  return 0;
}

static int setup_pool(void **state)
{
  if (setup_settings(state) != 0)
    return -1;
  return pool_open(&settings, &pool, &failure) == CONNECTOR_OK ? 0 : -1;
}

static int teardown_pool(void **state)
{
  pool_close(pool);
  pool = NULL;
  return teardown(state);
}

#define pool_test(name) cmocka_unit_test_setup_teardown(name, setup_pool, teardown_pool)
#define settings_test(name) cmocka_unit_test_setup_teardown(name, setup_settings, teardown_pool)

static struct connection *writer(void)
{
  struct connection *connection = NULL;
  engine_ok(pool_take_writer(pool, &connection, &failure));
  return connection;
}

static struct reader reader(void)
{
  struct reader taken = { 0 };
  engine_ok(pool_take_reader(pool, &taken, &failure));
  return taken;
}

static struct pool_figures figures(void)
{
  struct pool_figures now;
  pool_figures(pool, &now);
  return now;
}

/* ---- opening ---- */

static void a_new_file_is_made_in_wal_mode_with_its_schema(void **state)
{
  struct reader taken = reader();
  (void)state;
  assert_int_equal(integer_of(taken.connection, "PRAGMA user_version"), SCHEMA_VERSION);
  assert_int_equal(
      integer_of(taken.connection, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
  pool_give_reader(pool, &taken);
  assert_text(pool_path(pool), test.path);
  assert_false(pool_is_single(pool));
}

static void a_missing_file_is_not_made_where_it_must_exist(void **state)
{
  (void)state;
  settings.must_exist = true;
  engine_fails(pool_open(&settings, &pool, &failure), CONNECTOR_IO);
  settings.must_exist = false;
  settings.read_only = true;
  engine_fails(pool_open(&settings, &pool, &failure), CONNECTOR_IO);
  assert_null(pool);
  assert_false(file_exists(test.path));
}

static void an_empty_file_is_not_migrated_where_it_is_read_only(void **state)
{
  (void)state;
  write_file(test.path, "", 0);
  settings.read_only = true;
  engine_fails(pool_open(&settings, &pool, &failure), CONNECTOR_READ_ONLY);
  assert_int_equal(file_size(test.path), 0);
}

static void opening_a_current_file_takes_one_connection(void **state)
{
  (void)state;
  pool_close(pool);
  engine_ok(pool_open(&settings, &pool, &failure));
  assert_int_equal(figures().readers_open, 1);
}

static void a_journal_mode_that_was_changed_outside_is_brought_back(void **state)
{
  sqlite3 *outside = NULL;
  (void)state;
  pool_close(pool);
  assert_int_equal(sqlite3_open(test.path, &outside), SQLITE_OK);
  assert_int_equal(sqlite3_exec(outside, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(outside);
  engine_ok(pool_open(&settings, &pool, &failure));
  assert_int_equal(integer_of(writer(), "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
  pool_give_writer(pool);
}

/* ---- readers ---- */

static void a_thread_gets_the_reader_that_it_had_before(void **state)
{
  struct reader first = reader();
  struct reader second;
  (void)state;
  pool_give_reader(pool, &first);
  second = reader();
  assert_ptr_equal(second.connection, first.connection);
  pool_give_reader(pool, &second);
  assert_int_equal(figures().readers_open, 1);
}

static void *take_and_give(void *count)
{
  struct reader taken = { 0 };
  if (pool_take_reader(pool, &taken, NULL) != CONNECTOR_OK)
    return NULL;
  atomic_fetch_add((atomic_int *)count, 1);
  pool_give_reader(pool, &taken);
  return NULL;
}

static void a_thread_waits_until_a_reader_is_given_back(void **state)
{
  struct reader first = reader();
  struct reader second = reader();
  const struct timespec pause = { .tv_nsec = 20000000 };
  pthread_t threads[4];
  atomic_int count = 0;
  (void)state;
  assert_ptr_not_equal(first.connection, second.connection);
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, take_and_give, &count), 0);
  (void)nanosleep(&pause, NULL);
  assert_int_equal(atomic_load(&count), 0);
  pool_give_reader(pool, &second);
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_int_equal(atomic_load(&count), COUNT_OF(threads));
  assert_int_equal(figures().readers_open, 2);
  pool_give_reader(pool, &first);
}

static void long_readers_come_on_top_and_some_are_kept(void **state)
{
  struct reader all[2] = { reader(), reader() };
  struct connection *extra[6] = { NULL };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(extra); i++)
    engine_ok(pool_take_long_reader(pool, &extra[i], &failure));
  assert_int_equal(figures().readers_open, 8);
  for (size_t i = 0; i < COUNT_OF(extra); i++)
    pool_give_long_reader(pool, extra[i]);
  assert_int_equal(figures().readers_open, 6);
  for (size_t i = 0; i < 2; i++)
    pool_give_reader(pool, &all[i]);
  engine_ok(pool_take_long_reader(pool, &extra[0], &failure));
  assert_int_equal(figures().readers_open, 6);
  pool_give_long_reader(pool, extra[0]);
}

/* ---- the writer ---- */

static void a_reader_sees_what_the_writer_committed_and_does_not_wait(void **state)
{
  struct connection *write = writer();
  struct reader read = reader();
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  engine_ok(connection_begin_write(write, &failure));
  engine_ok(rows_insert(write, &record, &failure));
  assert_int_equal(integer_of(read.connection, "SELECT count(*) FROM connector"), 0);
  engine_ok(connection_commit(write, &failure));
  assert_int_equal(integer_of(read.connection, "SELECT count(*) FROM connector"), 1);
  pool_give_reader(pool, &read);
  pool_give_writer(pool);
}

struct counting {
  atomic_int inside;
  atomic_int most;
};

static void *write_some(void *user)
{
  struct counting *counting = user;
  for (int i = 0; i < 50; i++) {
    struct connection *connection = NULL;
    int inside = 0;
    if (pool_take_writer(pool, &connection, NULL) != CONNECTOR_OK)
      return NULL;
    inside = atomic_fetch_add(&counting->inside, 1) + 1;
    if (inside > atomic_load(&counting->most))
      atomic_store(&counting->most, inside);
    atomic_fetch_sub(&counting->inside, 1);
    pool_give_writer(pool);
  }
  return counting;
}

static void one_thread_at_a_time_has_the_writer(void **state)
{
  struct counting counting = { 0 };
  pthread_t threads[4];
  (void)state;
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, write_some, &counting), 0);
  for (size_t i = 0; i < COUNT_OF(threads); i++) {
    void *done = NULL;
    assert_int_equal(pthread_join(threads[i], &done), 0);
    assert_ptr_equal(done, &counting);
  }
  assert_int_equal(atomic_load(&counting.most), 1);
}

static void a_writer_that_can_not_be_opened_leaves_the_pool_usable(void **state)
{
  struct connection *connection = NULL;
  char aside[600];
  (void)state;
  pool_close(pool);
  engine_ok(pool_open(&settings, &pool, &failure));
  assert_int_equal(rename(test.path, beside(aside, "aside.db")), 0);
  engine_fails(pool_take_writer(pool, &connection, &failure), CONNECTOR_IO);
  engine_fails(pool_take_writer(pool, &connection, &failure), CONNECTOR_IO);
  assert_int_equal(rename(aside, test.path), 0);
  assert_non_null(writer());
  pool_give_writer(pool);
}

static void a_store_in_memory_has_one_connection_for_all(void **state)
{
  struct connection *write = NULL;
  struct reader read;
  (void)state;
  settings.path = ":memory:";
  engine_ok(pool_open(&settings, &pool, &failure));
  assert_true(pool_is_single(pool));
  write = writer();
  pool_give_writer(pool);
  read = reader();
  assert_ptr_equal(read.connection, write);
  pool_give_reader(pool, &read);
  assert_false(file_exists(":memory:"));
}

static void nothing_is_no_pool_to_close(void **state)
{
  (void)state;
  pool_close(NULL);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    pool_test(a_new_file_is_made_in_wal_mode_with_its_schema),
    settings_test(a_missing_file_is_not_made_where_it_must_exist),
    settings_test(an_empty_file_is_not_migrated_where_it_is_read_only),
    pool_test(opening_a_current_file_takes_one_connection),
    pool_test(a_journal_mode_that_was_changed_outside_is_brought_back),
    pool_test(a_thread_gets_the_reader_that_it_had_before),
    pool_test(a_thread_waits_until_a_reader_is_given_back),
    pool_test(long_readers_come_on_top_and_some_are_kept),
    pool_test(a_reader_sees_what_the_writer_committed_and_does_not_wait),
    pool_test(one_thread_at_a_time_has_the_writer),
    pool_test(a_writer_that_can_not_be_opened_leaves_the_pool_usable),
    settings_test(a_store_in_memory_has_one_connection_for_all),
    cmocka_unit_test(nothing_is_no_pool_to_close),
  };
  return cmocka_run_group_tests_name("pool", tests, NULL, NULL);
}
