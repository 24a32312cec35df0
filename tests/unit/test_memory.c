/*
 * secret/memory: work that is open, a desk that is closed but while something is on it, both wiped;
 * locking, references, children and threads.
 */
#include "secret_support.h"

#include "secret/cell.h"

#include <pthread.h>

static struct secret_work take_work(size_t length)
{
  struct secret_work work = { 0 };

  assert_ok(secret_work_take(memory, length, &work, &failure));
  assert_int_equal(work.length, length);
  return work;
}

static struct secret_work take_desk(size_t length)
{
  struct secret_work desk = { 0 };

  assert_ok(secret_desk_take(memory, length, &desk, &failure));
  assert_int_equal(desk.length, length);
  return desk;
}

/* ---- guarded bytes ---- */

static void work_that_was_given_is_wiped(void **state)
{
  struct secret_work work = take_work(200);
  char *bytes = work.bytes;

  (void)state;
  memset(bytes, 'x', 200);
  secret_work_give(&work);
  assert_null(work.region);
  for (size_t i = 0; i < 200; i++)
    assert_int_equal(bytes[i], 0);
  secret_work_give(&work);
}

static void what_was_on_the_desk_is_wiped_and_closed(void **state)
{
  struct secret_work desk = take_desk(200);
  struct secret_work next = { 0 };
  char *bytes = desk.bytes;

  (void)state;
  memset(bytes, 'x', 200);
  secret_work_give(&desk);
  assert_false(readable(bytes));
  next = take_desk(32);
  assert_true(readable(bytes));
  for (size_t i = 0; i < 200; i++)
    assert_int_equal(bytes[i], 0);
  secret_work_give(&next);
}

static void even_nothing_has_bytes_on_the_desk(void **state)
{
  struct secret_work desk = take_desk(0);

  (void)state;
  assert_non_null(desk.bytes);
  secret_work_give(&desk);
}

static void work_and_desk_are_apart(void **state)
{
  struct secret_work work = take_work(10);
  struct secret_work desk = take_desk(10);
  char *shown = desk.bytes;

  (void)state;
  assert_ptr_not_equal(work.region, desk.region);
  assert_int_equal(figures_now().slots, 2);
  secret_work_give(&desk);
  assert_true(readable(work.bytes));
  assert_false(readable(shown));
  secret_work_give(&work);
}

static void only_the_key_is_mapped_before_more_is_needed(void **state)
{
  (void)state;
  assert_true(figures_now().regions <= 2);
  assert_true(figures_now().locked + figures_now().unlocked <= 2 * pages_round(1));
}

static void no_number_comes_twice(void **state)
{
  uint64_t first = secret_memory_count(memory);

  (void)state;
  assert_int_equal(secret_memory_count(memory), first + 1);
}

static void a_key_in_a_page_serves_as_well(void **state)
{
  struct secret_memory *own = NULL;
  struct secret_cell cell = { 0 };
  char text[4] = "";
  struct secret_memory_figures figures;

  (void)state;
  assert_ok(secret_memory_make(true, SECRET_KEY_IN_PAGE, &own, &failure));
  assert_ok(secret_cell_seal(own, "text", 4, &cell, &failure));
  assert_ok(secret_cell_open(own, &cell, text, &failure));
  assert_memory_equal(text, "text", 4);
  secret_memory_figures(own, &figures);
  assert_int_equal(figures.regions, 4);
  secret_cell_free(&cell);
  secret_memory_release(own);
}

/* ---- locking ---- */

static void need_strictness(void *user)
{
  struct secret_memory *strict = NULL;
  connector_error error = { 0 };

  limit_locking(*(size_t *)user);
  child_expects(secret_memory_new(true, &strict, &error) == CONNECTOR_NO_MEMORY);
  child_expects(strict == NULL);
  child_expects(error.status == CONNECTOR_NO_MEMORY && error.os_code != 0);
  child_expects(strstr(error.message, "RLIMIT_MEMLOCK") != NULL);
}

/* The key alone, and the key with room to work in, are too little. */
static void strict_memory_that_can_not_be_locked_is_refused_at_once(void **state)
{
  size_t limits[] = { 0, pages_round(1), pages_round(1) + 16384 };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(limits); i++)
    in_child_with_limit(need_strictness, &limits[i]);
}

static void outgrow_limit(void *user)
{
  struct secret_memory *strict = NULL;
  struct secret_work works[2] = { { NULL, 0, 0, NULL } };
  connector_error error = { 0 };

  limit_locking(*(size_t *)user);
  child_expects(secret_memory_new(true, &strict, &error) == CONNECTOR_OK);
  child_expects(secret_work_take(strict, 100000, &works[0], &error) == CONNECTOR_NO_MEMORY);
  child_expects(secret_desk_take(strict, 100000, &works[1], &error) == CONNECTOR_NO_MEMORY);
  child_expects(works[0].region == NULL && works[1].region == NULL);
  child_expects(secret_work_take(strict, 100, &works[0], &error) == CONNECTOR_OK);
  child_expects(secret_desk_take(strict, 100, &works[1], &error) == CONNECTOR_OK);
  secret_work_give(&works[0]);
  secret_work_give(&works[1]);
  secret_memory_release(strict);
}

static void strict_memory_that_can_not_be_locked_is_refused_later(void **state)
{
  size_t limit = 2 * pages_round(1) + pages_round(16384);

  (void)state;
  in_child_with_limit(outgrow_limit, &limit);
}

static void go_without_locks(void *user)
{
  struct secret_memory *own = NULL;
  struct secret_memory_figures figures;
  struct secret_work works[300];

  limit_locking(*(size_t *)user);
  child_expects(secret_memory_new(false, &own, NULL) == CONNECTOR_OK);
  for (size_t i = 0; i < 300; i++)
    child_expects(secret_work_take(own, 1000, &works[i], NULL) == CONNECTOR_OK);
  memset(works[299].bytes, 'x', 1000);
  secret_memory_figures(own, &figures);
  child_expects(figures.locked == 0 && figures.unlocked >= 300000 && figures.regions > 1);
  for (size_t i = 0; i < 300; i++)
    secret_work_give(&works[i]);
  secret_memory_release(own);
}

static void without_strictness_memory_that_can_not_be_locked_is_told(void **state)
{
  size_t none = 0;

  (void)state;
  in_child_with_limit(go_without_locks, &none);
}

/* ---- references and children ---- */

static void memory_lives_until_its_last_reference(void **state)
{
  struct secret_memory *own = NULL;
  struct secret_work work = { 0 };

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ptr_equal(secret_memory_share(own), own);
  secret_memory_release(own);
  assert_ok(secret_work_take(own, 10, &work, &failure));
  secret_work_give(&work);
  secret_memory_release(own);
  secret_memory_release(NULL);
}

static void all_is_unmapped_with_the_last_reference(void **state)
{
  struct secret_memory *own = NULL;
  struct secret_work work = { 0 };
  char *bytes = NULL;

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ok(secret_work_take(own, 10, &work, &failure));
  bytes = work.bytes;
  secret_work_give(&work);
  assert_true(readable(bytes));
  secret_memory_release(own);
  assert_false(readable(bytes));
}

static void use_in_child(void *user)
{
  struct secret_work *works = user;
  struct secret_work other = { 0 };
  struct secret_memory_figures figures;
  connector_error error = { 0 };

  child_expects(secret_memory_check(memory, &error) == CONNECTOR_MISUSE);
  child_expects(secret_work_take(memory, 10, &other, &error) == CONNECTOR_MISUSE);
  child_expects(secret_desk_take(memory, 10, &other, &error) == CONNECTOR_MISUSE);
  child_expects(other.region == NULL);
  secret_memory_figures(memory, &figures);
  child_expects(figures.slots == 0);
#ifdef __linux__
  child_expects(works[0].bytes[0] == 0 && works[1].bytes[0] == 0);
#endif
  secret_work_give(&works[0]);
  secret_work_give(&works[1]);
  secret_memory_release(memory);
}

static void a_child_can_use_nothing_and_end_all(void **state)
{
  struct secret_work works[] = { take_work(10), take_desk(10) };

  (void)state;
  works[0].bytes[0] = 'w';
  works[1].bytes[0] = 'd';
  in_child(use_in_child, works);
  assert_int_equal(works[0].bytes[0], 'w');
  assert_int_equal(works[1].bytes[0], 'd');
  secret_work_give(&works[0]);
  secret_work_give(&works[1]);
}

/* ---- threads ---- */

enum { THREADS = 4, ROUNDS = 300 };

static struct secret_memory *shared;
static struct secret_cell cell;

/* Takes, writes and gives its own, and opens a cell that all share. */
static void *work(void *user)
{
  char byte = *(const char *)user;
  struct secret_work works[4] = { { NULL, 0, 0, NULL } };
  bool right = true;

  for (uint32_t i = 0; i < ROUNDS && right; i++) {
    struct secret_work *own = &works[i % 4];
    size_t length = 6 + i * 7 % 3000;

    secret_work_give(own);
    right = (i % 2 == 0 ? secret_work_take(shared, length, own, NULL)
                        : secret_desk_take(shared, length, own, NULL)) == CONNECTOR_OK;
    if (!right)
      break;
    memset(own->bytes, byte, length);
    right = own->bytes[length - 1] == byte &&
            secret_cell_open(shared, &cell, own->bytes, NULL) == CONNECTOR_OK &&
            memcmp(own->bytes, "shared", 6) == 0;
  }
  for (size_t i = 0; i < 4; i++)
    secret_work_give(&works[i]);
  return right ? NULL : user;
}

static void threads_share_one_memory(void **state)
{
  static const char bytes[THREADS] = { 'a', 'b', 'c', 'd' };
  static const enum secret_key_place places[] = { SECRET_KEY_IN_FILE, SECRET_KEY_IN_PAGE };
  pthread_t threads[THREADS];
  struct secret_memory_figures figures;

  (void)state;
  for (size_t place = 0; place < COUNT_OF(places); place++) {
    assert_ok(secret_memory_make(false, places[place], &shared, &failure));
    assert_ok(secret_cell_seal(shared, "shared", 6, &cell, &failure));
    for (size_t i = 0; i < THREADS; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)&bytes[i]), 0);
    for (size_t i = 0; i < THREADS; i++) {
      void *result = NULL;

      assert_int_equal(pthread_join(threads[i], &result), 0);
      assert_null(result);
    }
    secret_memory_figures(shared, &figures);
    assert_int_equal(figures.slots, 0);
    secret_cell_free(&cell);
    secret_memory_release(shared);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(work_that_was_given_is_wiped),
    secret_test(what_was_on_the_desk_is_wiped_and_closed),
    secret_test(even_nothing_has_bytes_on_the_desk),
    secret_test(work_and_desk_are_apart),
    secret_test(only_the_key_is_mapped_before_more_is_needed),
    secret_test(no_number_comes_twice),
    secret_test(a_key_in_a_page_serves_as_well),
    secret_test(strict_memory_that_can_not_be_locked_is_refused_at_once),
    secret_test(strict_memory_that_can_not_be_locked_is_refused_later),
    secret_test(without_strictness_memory_that_can_not_be_locked_is_told),
    secret_test(memory_lives_until_its_last_reference),
    secret_test(all_is_unmapped_with_the_last_reference),
    secret_test(a_child_can_use_nothing_and_end_all),
    secret_test(threads_share_one_memory),
  };

  return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
