/*
 * store/hours: buckets of 24 hours that slide with the clock, whichever way it steps, and their
 * text.
 */
#include "engine_support.h"

#include "store/hours.h"

enum { HOUR = 3600000 };

/* A time within an hour since 1970. */
static int64_t in_hour(int64_t hour)
{
  return hour * HOUR + 1234567;
}

static void write_text(const struct hours *hours, char out[4000])
{
  struct buffer buffer = { 0 };
  hours_write(hours, &buffer);
  buffer_byte(&buffer, '\0');
  assert_false(buffer.failed);
  snprintf(out, 4000, "%s", buffer.bytes);
  buffer_free(&buffer);
}

/* Reads a text at a time and gives it as it would be written again. */
static void check_read(const char *text, int64_t now, const char *wanted, const char *file,
                       int line)
{
  struct hours hours;
  char got[4000];
  check_engine(hours_read(&hours, text, now, &failure), CONNECTOR_OK, NULL, "hours_read", file,
               line);
  write_text(&hours, got);
  check_text(got, wanted, file, line);
}

#define assert_read(text, now, wanted) check_read((text), (now), (wanted), __FILE__, __LINE__)

/* ---- text ---- */

static void what_was_written_is_read(void **state)
{
  static const char text[] = "[[100,1,2,3,4,5],[101,0,0,1,0,0],[123,9223372036854775807,1,1,1,1]]";
  (void)state;
  assert_read(text, in_hour(123), text);
}

static void no_text_is_no_hours(void **state)
{
  (void)state;
  assert_read(NULL, in_hour(123), "[]");
  assert_read("[]", in_hour(123), "[]");
}

static void what_was_not_written_by_the_library_is_corrupt(void **state)
{
  static const char *const texts[] = {
    "",
    "null",
    "{}",
    "7",
    "[",
    "[]x",
    "[[]]",
    "[[1,2,3,4,5]]",
    "[[1,2,3,4,5,6,7]]",
    "[[1,2,3,4,5,6],]",
    "[[1,2,3,4,5,6]",
    "[[1,2,3,4,5,\"6\"]]",
    "[[1,2,3,4,5,null]]",
    "[[1,2,3,4,5,6.5]]",
    "[[1,2,3,4,5,-1]]",
    "[[-1,2,3,4,5,6]]",
    "[[1,2,3,4,5,9223372036854775808]]",
    "[1,2,3,4,5,6]",
    "[[1,2,3,4,5,[6]]]",
    "[{\"hour\":1}]",
    "[[1,2,3,4,5,6],7]",
  };
  struct hours hours;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    if (hours_read(&hours, texts[i], in_hour(2), &failure) != CONNECTOR_CORRUPT)
      fail_msg("was read: %s", texts[i]);
}

/* ---- sliding ---- */

static void an_hour_is_kept_for_23_hours_after_it(void **state)
{
  static const char text[] = "[[100,1,1,1,1,1],[101,2,2,2,2,2]]";
  (void)state;
  assert_read(text, in_hour(101), text);
  assert_read(text, in_hour(123), text);
  assert_read(text, in_hour(124), "[[101,2,2,2,2,2]]");
  assert_read(text, in_hour(125), "[]");
  assert_read(text, 124 * (int64_t)HOUR - 1, text);
  assert_read(text, 124 * (int64_t)HOUR, "[[101,2,2,2,2,2]]");
}

static void a_clock_that_steps_back_within_an_hour_adds_to_this_one(void **state)
{
  (void)state;
  assert_read("[[99,1,1,1,1,1],[100,2,2,2,2,2]]", in_hour(99), "[[99,3,3,3,3,3]]");
  assert_read("[[100,2,2,2,2,2]]", in_hour(99), "[[99,2,2,2,2,2]]");
}

static void hours_that_lie_further_ahead_are_of_a_wrong_clock(void **state)
{
  (void)state;
  assert_read("[[99,1,1,1,1,1],[102,2,2,2,2,2]]", in_hour(100), "[[99,1,1,1,1,1]]");
  assert_read("[[99999,1,1,1,1,1]]", in_hour(100), "[]");
  assert_read("[[9223372036854775807,1,1,1,1,1]]", in_hour(100), "[]");
}

static void a_clock_that_steps_far_ahead_begins_anew(void **state)
{
  (void)state;
  assert_read("[[99,1,1,1,1,1],[100,2,2,2,2,2]]", in_hour(9999), "[]");
}

static void hours_out_of_order_are_added_up_rather_than_lost(void **state)
{
  (void)state;
  assert_read("[[100,1,1,1,1,1],[99,2,2,2,2,2],[100,3,3,3,3,3]]", in_hour(101),
              "[[100,6,6,6,6,6]]");
}

static void more_hours_than_a_day_has_never_come_out(void **state)
{
  struct buffer text = { 0 };
  struct hours hours;
  (void)state;
  for (int i = 0; i < 200; i++) {
    char hour[40];
    snprintf(hour, sizeof(hour), "%s[%d,1,1,1,1,1]", i == 0 ? "[" : ",", i);
    buffer_text(&text, hour);
  }
  buffer_text(&text, "]");
  buffer_byte(&text, '\0');
  for (int now = 0; now < 230; now++) {
    engine_ok(hours_read(&hours, text.bytes, in_hour(now), &failure));
    assert_true(hours.count <= CONNECTOR_HEALTH_HOURS);
    for (size_t i = 0; i < hours.count; i++)
      assert_true(hours.items[i].hour > now - CONNECTOR_HEALTH_HOURS && hours.items[i].hour <= now);
  }
  buffer_free(&text);
}

/* ---- buckets ---- */

static void the_bucket_of_an_hour_is_made_once(void **state)
{
  struct hours hours = { .count = 0 };
  (void)state;
  hours_at(&hours, in_hour(100))->synced = 5;
  assert_int_equal(hours_at(&hours, 100 * (int64_t)HOUR)->synced, 5);
  assert_int_equal(hours_at(&hours, 101 * (int64_t)HOUR - 1)->synced, 5);
  assert_int_equal(hours.count, 1);
  assert_int_equal(hours_at(&hours, 101 * (int64_t)HOUR)->synced, 0);
  assert_int_equal(hours.count, 2);
}

static void the_oldest_bucket_makes_room(void **state)
{
  struct hours hours = { .count = 0 };
  (void)state;
  for (int hour = 0; hour < 60; hour++) {
    hours_at(&hours, in_hour(hour))->synced = hour;
    assert_true(hours.count <= CONNECTOR_HEALTH_HOURS);
  }
  assert_int_equal(hours.items[0].hour, 60 - CONNECTOR_HEALTH_HOURS);
  assert_int_equal(hours.items[0].synced, 60 - CONNECTOR_HEALTH_HOURS);
  assert_int_equal(hours.items[CONNECTOR_HEALTH_HOURS - 1].hour, 59);
}

/* ---- sums ---- */

static void sums_stop_at_the_largest_number(void **state)
{
  (void)state;
  assert_int_equal(add_capped(1, 2), 3);
  assert_int_equal(add_capped(INT64_MAX - 1, 1), INT64_MAX);
  assert_int_equal(add_capped(INT64_MAX, 1), INT64_MAX);
  assert_int_equal(add_capped(1, INT64_MAX), INT64_MAX);
  assert_int_equal(add_capped(INT64_MAX, INT64_MAX), INT64_MAX);
  assert_int_equal(add_capped(INT64_MAX, 0), INT64_MAX);
  assert_int_equal(add_capped(0, 0), 0);
}

static void the_sum_is_over_all_hours_of_each_number(void **state)
{
  static const char text[] = "[[100,1,10,100,1000,2],[101,2,20,200,2000,3]]";
  struct hours hours;
  struct hour sum;
  (void)state;
  engine_ok(hours_read(&hours, text, in_hour(101), &failure));
  sum = hours_sum(&hours);
  assert_int_equal(sum.synced, 3);
  assert_int_equal(sum.syncs, 30);
  assert_int_equal(sum.failures, 300);
  assert_int_equal(sum.latency_ms, 3000);
  assert_int_equal(sum.timed, 5);
}

static void the_sum_of_huge_hours_is_the_largest_number(void **state)
{
  static const char text[] = "[[100,9223372036854775807,9223372036854775807,9223372036854775807,"
                             "9223372036854775807,9223372036854775807],[101,1,1,1,1,1]]";
  struct hours hours;
  struct hour sum;
  (void)state;
  engine_ok(hours_read(&hours, text, in_hour(101), &failure));
  sum = hours_sum(&hours);
  assert_int_equal(sum.synced, INT64_MAX);
  assert_int_equal(sum.syncs, INT64_MAX);
  assert_int_equal(sum.failures, INT64_MAX);
  assert_int_equal(sum.latency_ms, INT64_MAX);
  assert_int_equal(sum.timed, INT64_MAX);
}

static void a_mean_is_rounded_and_never_overflows(void **state)
{
  const struct {
    int64_t latency_ms, timed, mean;
  } cases[] = {
    { 0, 0, 0 },
    { 100, 0, 0 },
    { 10, 1, 10 },
    { 10, 4, 3 },
    { 9, 4, 2 },
    { 1, 2, 1 },
    { 1, 3, 0 },
    { INT64_MAX, 1, INT64_MAX },
    { INT64_MAX, INT64_MAX, 1 },
    { INT64_MAX - 1, INT64_MAX, 1 },
    { INT64_MAX / 2, INT64_MAX, 0 },
    { INT64_MAX / 2 + 1, INT64_MAX, 1 },
    { INT64_MAX, 2, INT64_MAX / 2 + 1 },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    const struct hour hour = { .latency_ms = cases[i].latency_ms, .timed = cases[i].timed };
    assert_int_equal(hour_latency(&hour), cases[i].mean);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_was_written_is_read),
    cmocka_unit_test(no_text_is_no_hours),
    cmocka_unit_test(what_was_not_written_by_the_library_is_corrupt),
    cmocka_unit_test(an_hour_is_kept_for_23_hours_after_it),
    cmocka_unit_test(a_clock_that_steps_back_within_an_hour_adds_to_this_one),
    cmocka_unit_test(hours_that_lie_further_ahead_are_of_a_wrong_clock),
    cmocka_unit_test(a_clock_that_steps_far_ahead_begins_anew),
    cmocka_unit_test(hours_out_of_order_are_added_up_rather_than_lost),
    cmocka_unit_test(more_hours_than_a_day_has_never_come_out),
    cmocka_unit_test(the_bucket_of_an_hour_is_made_once),
    cmocka_unit_test(the_oldest_bucket_makes_room),
    cmocka_unit_test(sums_stop_at_the_largest_number),
    cmocka_unit_test(the_sum_is_over_all_hours_of_each_number),
    cmocka_unit_test(the_sum_of_huge_hours_is_the_largest_number),
    cmocka_unit_test(a_mean_is_rounded_and_never_overflows),
  };
  return cmocka_run_group_tests_name("hours", tests, NULL, NULL);
}
