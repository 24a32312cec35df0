/*
 * secret/key: both halves make the key, neither is the key, and one that is gone is told.
 */
#include "secret_support.h"

#include "secret/key.h"

#include <fcntl.h>

static struct secret_halves halves_in(enum secret_key_place place)
{
  struct secret_halves halves = { 0 };

  assert_ok(secret_halves_make(&halves, place, false, &failure));
  return halves;
}

static void join(const struct secret_halves *halves, uint8_t key[SECRET_KEY_BYTES])
{
  memset(key, 0, SECRET_KEY_BYTES);
  assert_ok(secret_halves_join(halves, key, &failure));
}

static bool holds(const struct secret_region *region, const uint8_t *bytes)
{
  for (size_t i = 0; i + SECRET_KEY_BYTES <= region->size; i++)
    if (memcmp(region->pages + i, bytes, SECRET_KEY_BYTES) == 0)
      return true;
  return false;
}

static void the_key_is_random_and_stays_the_same(void **state)
{
  static const enum secret_key_place places[] = { SECRET_KEY_IN_FILE, SECRET_KEY_IN_PAGE };
  static const uint8_t zeroes[SECRET_KEY_BYTES];

  (void)state;
  for (size_t i = 0; i < COUNT_OF(places); i++) {
    struct secret_halves halves = halves_in(places[i]);
    struct secret_halves others = halves_in(places[i]);
    uint8_t key[SECRET_KEY_BYTES];
    uint8_t again[SECRET_KEY_BYTES];
    uint8_t other[SECRET_KEY_BYTES];

    join(&halves, key);
    join(&halves, again);
    join(&others, other);
    assert_memory_equal(key, again, sizeof(key));
    assert_memory_not_equal(key, other, sizeof(key));
    assert_memory_not_equal(key, zeroes, sizeof(key));
    secret_halves_free(&halves);
    secret_halves_free(&others);
  }
}

static void the_page_that_can_be_read_holds_neither_key_nor_second_half(void **state)
{
  struct secret_halves halves = halves_in(SECRET_KEY_IN_PAGE);
  uint8_t key[SECRET_KEY_BYTES];

  (void)state;
  join(&halves, key);
  assert_true(readable(halves.first->pages));
  assert_false(writable(halves.first->pages));
  assert_false(holds(halves.first, key));
  assert_false(readable(halves.second->pages));
  assert_ok(region_protect(halves.second, PAGES_READABLE, &failure));
  assert_false(holds(halves.first, (const uint8_t *)halves.second->pages));
  assert_false(holds(halves.second, key));
  secret_halves_free(&halves);
}

#ifdef __linux__
static void the_second_half_is_in_a_file_that_ends_with_exec(void **state)
{
  struct secret_halves halves = halves_in(SECRET_KEY_IN_FILE);

  (void)state;
  if (halves.file < 0) {
    fprintf(stderr, "SKIPPED: this system has no files of memory\n");
    skip();
  }
  assert_null(halves.second);
  assert_true(fcntl(halves.file, F_GETFD) & FD_CLOEXEC);
  secret_halves_free(&halves);
}

static void a_file_that_the_host_closed_is_told(void **state)
{
  struct secret_halves halves = halves_in(SECRET_KEY_IN_FILE);
  static const uint8_t zeroes[SECRET_KEY_BYTES];
  uint8_t key[SECRET_KEY_BYTES];
  int number = halves.file;
  int other = -1;

  (void)state;
  if (halves.file < 0)
    skip();
  close(number);
  assert_answer(secret_halves_join(&halves, key, &failure), CONNECTOR_MISUSE, "");
  assert_memory_equal(key, zeroes, sizeof(key));
  other = open("/proc/self/exe", O_RDONLY);
  assert_true(other >= 0);
  assert_int_equal(dup2(other, number), number);
  assert_answer(secret_halves_join(&halves, key, &failure), CONNECTOR_MISUSE, "");
  assert_memory_equal(key, zeroes, sizeof(key));
  if (other != number)
    close(other);
  secret_halves_free(&halves);
}

static void look_in_child(void *user)
{
  const struct secret_halves *halves = user;
  uint8_t key[SECRET_KEY_BYTES];

  child_expects(!secret_halves_are_here(halves));
  child_expects(secret_halves_join(halves, key, NULL) == CONNECTOR_MISUSE);
}

static void a_child_has_no_first_half(void **state)
{
  struct secret_halves halves = halves_in(SECRET_KEY_IN_FILE);

  (void)state;
  assert_true(secret_halves_are_here(&halves));
  in_child(look_in_child, &halves);
  secret_halves_free(&halves);
}

/* The most files that may be open are open: there is no number for one more. */
static void do_without_file(void *user)
{
  struct secret_halves halves;
  struct rlimit none = { 0, 0 };
  uint8_t key[SECRET_KEY_BYTES];
  uint8_t again[SECRET_KEY_BYTES];

  (void)user;
  child_expects(setrlimit(RLIMIT_NOFILE, &none) == 0);
  child_expects(secret_halves_make(&halves, SECRET_KEY_IN_FILE, false, NULL) == CONNECTOR_OK);
  child_expects(halves.file < 0 && halves.second != NULL);
  child_expects(secret_halves_join(&halves, key, NULL) == CONNECTOR_OK);
  child_expects(secret_halves_join(&halves, again, NULL) == CONNECTOR_OK);
  child_expects(memcmp(key, again, sizeof(key)) == 0);
  secret_halves_free(&halves);
}

static void without_a_file_it_is_in_a_page(void **state)
{
  (void)state;
  in_child(do_without_file, NULL);
}
#endif

static void what_is_free_can_be_freed_again(void **state)
{
  struct secret_halves halves = halves_in(SECRET_KEY_IN_FILE);
  struct secret_halves none = { 0 };

  (void)state;
  secret_halves_free(&halves);
  secret_halves_free(&halves);
  secret_halves_free(&none);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_key_is_random_and_stays_the_same),
    cmocka_unit_test(the_page_that_can_be_read_holds_neither_key_nor_second_half),
#ifdef __linux__
    cmocka_unit_test(the_second_half_is_in_a_file_that_ends_with_exec),
    cmocka_unit_test(a_file_that_the_host_closed_is_told),
    cmocka_unit_test(a_child_has_no_first_half),
    cmocka_unit_test(without_a_file_it_is_in_a_page),
#endif
    cmocka_unit_test(what_is_free_can_be_freed_again),
  };

  return cmocka_run_group_tests_name("key", tests, NULL, NULL);
}
