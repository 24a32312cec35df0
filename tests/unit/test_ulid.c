/*
 * base/ulid: one source's ULIDs ascend over threads and clocks; text and bytes are the same thing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#include "base/ulid.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define MOST_TIME INT64_C(0xFFFFFFFFFFFF)

enum {
  THREADS = 8,
  EACH = 5000,
  NOW = 1700000000
};

static struct ulid_source source;

static int start(void **state)
{
  (void)state;
  return ulid_source_init(&source) ? 0 : -1;
}

static int stop(void **state)
{
  (void)state;
  ulid_source_free(&source);
  return 0;
}

static void next(int64_t milliseconds, char text[ULID_TEXT])
{
  assert_true(ulid_next(&source, milliseconds, text));
}

static int64_t time_in(const char text[ULID_TEXT])
{
  uint8_t bytes[ULID_BYTES];

  assert_true(ulid_decode(text, ULID_TEXT, bytes));
  return ulid_time(bytes);
}

static void a_ulid_holds_the_time_that_it_was_made_at(void **state)
{
  static const int64_t times[] = { 1, 1700000000000, MOST_TIME };
  char text[ULID_TEXT];

  (void)state;
  for (size_t i = 0; i < COUNT_OF(times); i++) {
    next(times[i], text);
    assert_true(time_in(text) == times[i]);
  }
}

static void a_later_millisecond_draws_new_random_bits(void **state)
{
  enum {
    DRAWS = 3 * ULID_POOL
  };
  static char drawn[DRAWS][ULID_TEXT];

  (void)state;
  for (size_t i = 0; i < DRAWS; i++) {
    next(NOW + (int64_t)i, drawn[i]);
    for (size_t before = 0; before < i; before++)
      assert_memory_not_equal(drawn[i] + 10, drawn[before] + 10, ULID_TEXT - 10);
  }
}

static void the_first_of_a_source_is_random_even_at_time_0(void **state)
{
  static const uint8_t one[ULID_RANDOM] = { [ULID_RANDOM - 1] = 1 };
  char text[ULID_TEXT];

  (void)state;
  next(0, text);
  assert_int_equal(ulid_time(source.last), 0);
  assert_memory_not_equal(source.last + ULID_BYTES - ULID_RANDOM, one, ULID_RANDOM);
}

static void within_a_millisecond_the_next_is_one_more(void **state)
{
  uint8_t before[ULID_BYTES];
  char text[ULID_TEXT];

  (void)state;
  next(NOW, text);
  memset(source.last + ULID_BYTES - 2, 0xFF, 2);
  source.last[ULID_BYTES - 3] = 0x41;
  memcpy(before, source.last, ULID_BYTES);
  next(NOW, text);
  assert_memory_equal(source.last, before, ULID_BYTES - 3);
  assert_int_equal(source.last[ULID_BYTES - 3], 0x42);
  assert_int_equal(source.last[ULID_BYTES - 2], 0);
  assert_int_equal(source.last[ULID_BYTES - 1], 0);
}

static void a_clock_that_steps_back_does_not_make_them_descend(void **state)
{
  char before[ULID_TEXT];
  char after[ULID_TEXT];

  (void)state;
  next(NOW, before);
  for (int64_t step = 0; step < 1000; step++) {
    next(NOW - step, after);
    assert_true(memcmp(before, after, ULID_TEXT) < 0);
    assert_true(time_in(after) == NOW);
    memcpy(before, after, ULID_TEXT);
  }
  next(NOW + 1, after);
  assert_true(time_in(after) == NOW + 1);
}

static void an_overflow_is_a_failure_and_leaves_the_source_as_it_was(void **state)
{
  uint8_t before[ULID_BYTES];
  char text[ULID_TEXT];

  (void)state;
  next(NOW, text);
  memset(source.last + ULID_BYTES - ULID_RANDOM, 0xFF, ULID_RANDOM);
  memcpy(before, source.last, ULID_BYTES);
  memset(text, 'x', ULID_TEXT);
  assert_false(ulid_next(&source, NOW, text));
  assert_false(ulid_next(&source, NOW - 1, text));
  assert_memory_equal(source.last, before, ULID_BYTES);
  assert_memory_equal(text, "xxxxxxxxxxxxxxxxxxxxxxxxxx", ULID_TEXT);
  next(NOW + 1, text);
  assert_true(time_in(text) == NOW + 1);
}

static void times_beyond_48_bits_are_refused(void **state)
{
  static const int64_t times[] = { -1, INT64_MIN, MOST_TIME + 1, INT64_MAX };
  char text[ULID_TEXT];

  (void)state;
  for (size_t i = 0; i < COUNT_OF(times); i++)
    assert_false(ulid_next(&source, times[i], text));
}

static char made[THREADS][EACH][ULID_TEXT];

/* Makes EACH of them; the clock moves on, stands and steps back. NULL where all were had. */
static void *make_many(void *place)
{
  char(*texts)[ULID_TEXT] = place;

  for (size_t i = 0; i < EACH; i++)
    if (!ulid_next(&source, NOW + (int64_t)(i / 16) - (int64_t)(i % 3), texts[i]))
      return texts[i];
  return NULL;
}

static void run_threads(void)
{
  pthread_t threads[THREADS];

  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, make_many, made[i]), 0);
  for (size_t i = 0; i < THREADS; i++) {
    void *failed = NULL;

    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
}

static int compare(const void *left, const void *right)
{
  return memcmp(left, right, ULID_TEXT);
}

static void threads_get_ascending_ulids_and_never_the_same_one(void **state)
{
  const char *all = made[0][0];

  (void)state;
  run_threads();
  for (size_t thread = 0; thread < THREADS; thread++)
    for (size_t i = 1; i < EACH; i++)
      assert_true(memcmp(made[thread][i - 1], made[thread][i], ULID_TEXT) < 0);
  qsort(made, (size_t)THREADS * EACH, ULID_TEXT, compare);
  for (size_t i = 1; i < (size_t)THREADS * EACH; i++)
    assert_memory_not_equal(all + (i - 1) * ULID_TEXT, all + i * ULID_TEXT, ULID_TEXT);
}

static const struct {
  const char *text;
  uint8_t bytes[ULID_BYTES];
} same[] = {
  { "00000000000000000000000000", { 0 } },
  { "00000000000000000000000001", { [15] = 1 } },
  { "0000000000000000000000000Z", { [15] = 31 } },
  { "7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
    { 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255 } },
  { "01ARZ3NDEKTSV4RRFFQ69G5FAV",
    { 0x01, 0x56, 0x3E, 0x3A, 0xB5, 0xD3, 0xD6, 0x76, 0x4C, 0x61, 0xEF, 0xB9, 0x93, 0x02, 0xBD,
      0x5B } },
  { "7ZZZZZZZZZ0000000000000000", { 255, 255, 255, 255, 255, 255 } },
};

static void bytes_are_written_as_text(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(same); i++) {
    char text[ULID_TEXT];

    ulid_encode(same[i].bytes, text);
    assert_memory_equal(text, same[i].text, ULID_TEXT);
  }
}

static void text_is_read_as_bytes(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(same); i++) {
    uint8_t bytes[ULID_BYTES];

    assert_true(ulid_decode(same[i].text, ULID_TEXT, bytes));
    assert_memory_equal(bytes, same[i].bytes, ULID_BYTES);
  }
}

static void every_bit_has_its_place(void **state)
{
  (void)state;
  for (size_t bit = 0; bit < 128; bit++) {
    uint8_t bytes[ULID_BYTES] = { 0 };
    uint8_t back[ULID_BYTES];
    char text[ULID_TEXT];

    bytes[bit / 8] = (uint8_t)(0x80u >> bit % 8);
    ulid_encode(bytes, text);
    assert_true(ulid_decode(text, ULID_TEXT, back));
    assert_memory_equal(back, bytes, ULID_BYTES);
  }
}

static void lower_case_and_look_alikes_are_read(void **state)
{
  static const struct {
    char given;
    char meant;
  } aliases[] = { { 'o', '0' }, { 'O', '0' }, { 'i', '1' }, { 'I', '1' },
                  { 'l', '1' }, { 'L', '1' }, { 'a', 'A' }, { 'h', 'H' },
                  { 'j', 'J' }, { 'k', 'K' }, { 'm', 'M' }, { 'n', 'N' },
                  { 'p', 'P' }, { 't', 'T' }, { 'v', 'V' }, { 'z', 'Z' } };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(aliases); i++) {
    char given[] = "01ARZ3NDEKTSV4RRFFQ69G5FA?";
    char meant[] = "01ARZ3NDEKTSV4RRFFQ69G5FA?";
    uint8_t given_bytes[ULID_BYTES];
    uint8_t meant_bytes[ULID_BYTES];

    given[ULID_TEXT - 1] = aliases[i].given;
    meant[ULID_TEXT - 1] = aliases[i].meant;
    assert_true(ulid_decode(given, ULID_TEXT, given_bytes));
    assert_true(ulid_decode(meant, ULID_TEXT, meant_bytes));
    assert_memory_equal(given_bytes, meant_bytes, ULID_BYTES);
  }
}

static void only_crockford_characters_are_read(void **state)
{
  static const char allowed[] = "0123456789ABCDEFGHIJKLMNOPQRSTVWXYZabcdefghijklmnopqrstvwxyz";

  (void)state;
  for (int byte = 0; byte < 256; byte++) {
    char text[] = "01ARZ3NDEKTSV4RRFFQ69G5FAV";
    uint8_t bytes[ULID_BYTES];
    bool is_allowed = byte != 0 && strchr(allowed, byte) != NULL;

    text[13] = (char)byte;
    assert_int_equal(ulid_decode(text, ULID_TEXT, bytes), is_allowed);
  }
}

static void more_than_128_bits_are_refused(void **state)
{
  static const char *const cases[] = { "80000000000000000000000000", "8ZZZZZZZZZZZZZZZZZZZZZZZZZ",
                                       "9ZZZZZZZZZZZZZZZZZZZZZZZZZ", "ZZZZZZZZZZZZZZZZZZZZZZZZZZ",
                                       "A0000000000000000000000000", "z0000000000000000000000000" };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    uint8_t bytes[ULID_BYTES];

    assert_false(ulid_decode(cases[i], ULID_TEXT, bytes));
  }
}

static void other_lengths_are_refused(void **state)
{
  static const char text[] = "01ARZ3NDEKTSV4RRFFQ69G5FAV01ARZ3NDEKTSV4RRFFQ69G5FAV";
  uint8_t bytes[ULID_BYTES];

  (void)state;
  for (size_t length = 0; length < sizeof(text); length++)
    assert_int_equal(ulid_decode(text, length, bytes), length == ULID_TEXT);
}

#define WITH_SOURCE(test) cmocka_unit_test_setup_teardown(test, start, stop)

int main(void)
{
  const struct CMUnitTest tests[] = {
    WITH_SOURCE(a_ulid_holds_the_time_that_it_was_made_at),
    WITH_SOURCE(a_later_millisecond_draws_new_random_bits),
    WITH_SOURCE(the_first_of_a_source_is_random_even_at_time_0),
    WITH_SOURCE(within_a_millisecond_the_next_is_one_more),
    WITH_SOURCE(a_clock_that_steps_back_does_not_make_them_descend),
    WITH_SOURCE(an_overflow_is_a_failure_and_leaves_the_source_as_it_was),
    WITH_SOURCE(times_beyond_48_bits_are_refused),
    WITH_SOURCE(threads_get_ascending_ulids_and_never_the_same_one),
    cmocka_unit_test(bytes_are_written_as_text),
    cmocka_unit_test(text_is_read_as_bytes),
    cmocka_unit_test(every_bit_has_its_place),
    cmocka_unit_test(lower_case_and_look_alikes_are_read),
    cmocka_unit_test(only_crockford_characters_are_read),
    cmocka_unit_test(more_than_128_bits_are_refused),
    cmocka_unit_test(other_lengths_are_refused),
  };

  return cmocka_run_group_tests_name("ulid", tests, NULL, NULL);
}
