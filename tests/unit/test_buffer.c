/*
 * base/buffer: what is written is what is taken, however it grows; a failure sticks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buffer.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Refused before the allocator is asked, so that sanitizers do not object. */
#define TOO_MUCH (SIZE_MAX / 2)

static void an_empty_buffer_is_taken_as_empty_text(void **state)
{
  struct buffer buffer = { 0 };
  size_t length = 99;
  char *text = buffer_take(&buffer, &length);

  (void)state;
  assert_non_null(text);
  assert_string_equal(text, "");
  assert_int_equal(length, 0);
  free(text);
}

static void pieces_are_taken_in_order_with_a_nul_behind(void **state)
{
  struct buffer buffer = { 0 };
  size_t length = 0;
  char *text = NULL;

  (void)state;
  buffer_byte(&buffer, '{');
  buffer_text(&buffer, "\"a\":");
  buffer_integer(&buffer, -12);
  buffer_append(&buffer, "}tail", 1);
  text = buffer_take(&buffer, &length);
  assert_non_null(text);
  assert_string_equal(text, "{\"a\":-12}");
  assert_int_equal(length, strlen("{\"a\":-12}"));
  free(text);
}

static void the_length_need_not_be_asked_for(void **state)
{
  struct buffer buffer = { 0 };
  char *text = NULL;

  (void)state;
  buffer_text(&buffer, "text");
  text = buffer_take(&buffer, NULL);
  assert_non_null(text);
  assert_string_equal(text, "text");
  free(text);
}

static void a_taken_buffer_is_empty_and_can_be_used_again(void **state)
{
  struct buffer buffer = { 0 };
  char *first = NULL;
  char *second = NULL;

  (void)state;
  buffer_text(&buffer, "first");
  first = buffer_take(&buffer, NULL);
  assert_null(buffer.bytes);
  assert_int_equal(buffer.length, 0);
  buffer_text(&buffer, "second");
  second = buffer_take(&buffer, NULL);
  assert_non_null(first);
  assert_non_null(second);
  assert_string_equal(first, "first");
  assert_string_equal(second, "second");
  free(first);
  free(second);
}

static void bytes_survive_growth(void **state)
{
  enum {
    COUNT = 100000
  };
  struct buffer buffer = { 0 };
  size_t length = 0;
  char *text = NULL;

  (void)state;
  for (size_t i = 0; i < COUNT; i++)
    buffer_byte(&buffer, (char)('a' + i % 26));
  text = buffer_take(&buffer, &length);
  assert_non_null(text);
  assert_int_equal(length, COUNT);
  for (size_t i = 0; i < COUNT; i++)
    assert_int_equal(text[i], 'a' + (int)(i % 26));
  assert_int_equal(text[COUNT], '\0');
  free(text);
}

static void growth_makes_the_room_that_was_asked_for(void **state)
{
  static const size_t rooms[] = { 0, 1, 255, 256, 257, 511, 512, 513, 100000 };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(rooms); i++) {
    struct buffer buffer = { 0 };

    buffer_text(&buffer, "start");
    assert_true(buffer_reserve(&buffer, rooms[i]));
    assert_true(buffer.capacity - buffer.length >= rooms[i]);
    assert_memory_equal(buffer.bytes, "start", 5);
    buffer_free(&buffer);
  }
}

static void reserved_room_is_not_moved_by_writing_into_it(void **state)
{
  struct buffer buffer = { 0 };
  const char *before = NULL;

  (void)state;
  assert_true(buffer_reserve(&buffer, 1000));
  before = buffer.bytes;
  for (size_t i = 0; i < 1000; i++)
    buffer_byte(&buffer, 'x');
  assert_ptr_equal(buffer.bytes, before);
  assert_int_equal(buffer.length, 1000);
  buffer_free(&buffer);
}

static void nothing_is_appended_from_no_bytes(void **state)
{
  struct buffer buffer = { 0 };

  (void)state;
  buffer_append(&buffer, NULL, 0);
  assert_false(buffer.failed);
  assert_int_equal(buffer.length, 0);
  buffer_free(&buffer);
}

static void integers_are_written_in_decimal(void **state)
{
  static const struct {
    int64_t number;
    const char *text;
  } cases[] = {
    { 0, "0" },
    { 7, "7" },
    { -1, "-1" },
    { 10, "10" },
    { 1234567890, "1234567890" },
    { INT64_MAX, "9223372036854775807" },
    { INT64_MIN, "-9223372036854775808" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct buffer buffer = { 0 };
    char *text = NULL;

    buffer_integer(&buffer, cases[i].number);
    text = buffer_take(&buffer, NULL);
    assert_non_null(text);
    assert_string_equal(text, cases[i].text);
    free(text);
  }
}

static void a_failure_stops_all_later_writing(void **state)
{
  struct buffer buffer = { 0 };

  (void)state;
  buffer_text(&buffer, "before");
  assert_false(buffer_reserve(&buffer, TOO_MUCH));
  buffer_text(&buffer, "after");
  buffer_byte(&buffer, '!');
  buffer_integer(&buffer, 1);
  assert_true(buffer.failed);
  assert_int_equal(buffer.length, strlen("before"));
  assert_false(buffer_reserve(&buffer, 0));
  buffer_free(&buffer);
}

static void a_room_that_overflows_is_a_failure(void **state)
{
  struct buffer buffer = { 0 };

  (void)state;
  buffer_text(&buffer, "before");
  assert_false(buffer_grow(&buffer, SIZE_MAX));
  assert_true(buffer.failed);
  buffer_free(&buffer);
}

static void a_failed_buffer_gives_nothing_and_is_emptied(void **state)
{
  struct buffer buffer = { 0 };
  size_t length = 99;

  (void)state;
  buffer_text(&buffer, "before");
  assert_false(buffer_reserve(&buffer, TOO_MUCH));
  assert_null(buffer_take(&buffer, &length));
  assert_int_equal(length, 99);
  assert_null(buffer.bytes);
  assert_false(buffer.failed);
}

static void freeing_twice_is_harmless(void **state)
{
  struct buffer buffer = { 0 };

  (void)state;
  buffer_text(&buffer, "text");
  buffer_free(&buffer);
  buffer_free(&buffer);
  assert_null(buffer.bytes);
  assert_int_equal(buffer.capacity, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(an_empty_buffer_is_taken_as_empty_text),
    cmocka_unit_test(pieces_are_taken_in_order_with_a_nul_behind),
    cmocka_unit_test(the_length_need_not_be_asked_for),
    cmocka_unit_test(a_taken_buffer_is_empty_and_can_be_used_again),
    cmocka_unit_test(bytes_survive_growth),
    cmocka_unit_test(growth_makes_the_room_that_was_asked_for),
    cmocka_unit_test(reserved_room_is_not_moved_by_writing_into_it),
    cmocka_unit_test(nothing_is_appended_from_no_bytes),
    cmocka_unit_test(integers_are_written_in_decimal),
    cmocka_unit_test(a_failure_stops_all_later_writing),
    cmocka_unit_test(a_room_that_overflows_is_a_failure),
    cmocka_unit_test(a_failed_buffer_gives_nothing_and_is_emptied),
    cmocka_unit_test(freeing_twice_is_harmless),
  };

  return cmocka_run_group_tests_name("buffer", tests, NULL, NULL);
}
