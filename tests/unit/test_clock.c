/*
 * base/clock: the system's clocks, and RFC 3339 text both ways.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "base/clock.h"

#include <connector/record.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))
#define YEAR_0 INT64_C(-62167219200000)
#define YEAR_9999 INT64_C(253402300799999)
#define DAY INT64_C(86400000)

static const struct {
  int64_t milliseconds;
  const char *text;
} same[] = {
  { 0, "1970-01-01T00:00:00.000Z" },
  { 1, "1970-01-01T00:00:00.001Z" },
  { -1, "1969-12-31T23:59:59.999Z" },
  { 1795456140123, "2026-11-23T17:49:00.123Z" },
  { 951782400000, "2000-02-29T00:00:00.000Z" },
  { 951868799999, "2000-02-29T23:59:59.999Z" },
  { 951868800000, "2000-03-01T00:00:00.000Z" },
  { 4107542399000, "2100-02-28T23:59:59.000Z" },
  { 4107542400000, "2100-03-01T00:00:00.000Z" },
  { 1078012800000, "2004-02-29T00:00:00.000Z" },
  { 2147483648000, "2038-01-19T03:14:08.000Z" },
  { -2203977600000, "1900-02-28T00:00:00.000Z" },
  { -2203891200000, "1900-03-01T00:00:00.000Z" },
  { -62162121600000, "0000-02-29T00:00:00.000Z" },
  { -62135596800001, "0000-12-31T23:59:59.999Z" },
  { -62135596800000, "0001-01-01T00:00:00.000Z" },
  { YEAR_0, "0000-01-01T00:00:00.000Z" },
  { YEAR_9999, "9999-12-31T23:59:59.999Z" },
};

static bool parse(const char *text, int64_t *milliseconds)
{
  return clock_parse(text, strlen(text), milliseconds);
}

static void times_are_written_in_utc_with_milliseconds(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(same); i++) {
    char text[CLOCK_TEXT];

    assert_true(clock_format(same[i].milliseconds, text));
    assert_memory_equal(text, same[i].text, CLOCK_TEXT);
  }
}

static void times_that_were_written_are_read_back(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(same); i++) {
    int64_t milliseconds = 42;

    assert_true(parse(same[i].text, &milliseconds));
    assert_true(milliseconds == same[i].milliseconds);
  }
}

static void every_day_of_ten_thousand_years_comes_back(void **state)
{
  (void)state;
  for (int64_t day = YEAR_0; day <= YEAR_9999; day += DAY) {
    int64_t milliseconds = day + 45296789; /* 12:34:56.789 */
    int64_t back = 0;
    char text[CLOCK_TEXT];

    assert_true(clock_format(milliseconds, text));
    assert_true(clock_parse(text, CLOCK_TEXT, &back));
    assert_true(back == milliseconds);
  }
}

static void every_day_is_written_as_the_system_writes_it(void **state)
{
  (void)state;
  for (int64_t day = YEAR_0; day <= YEAR_9999; day += DAY) {
    time_t seconds = (time_t)(day / 1000);
    struct tm parts;
    char text[CLOCK_TEXT];
    char wanted[64];

    assert_non_null(gmtime_r(&seconds, &parts));
    snprintf(wanted, sizeof(wanted), "%04d-%02d-%02dT00:00:00.000Z", parts.tm_year + 1900,
             parts.tm_mon + 1, parts.tm_mday);
    assert_true(clock_format(day, text));
    assert_memory_equal(text, wanted, CLOCK_TEXT);
  }
}

static void years_without_four_digits_are_not_written(void **state)
{
  static const int64_t outside[] = { YEAR_0 - 1, YEAR_9999 + 1, INT64_MIN, INT64_MAX };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(outside); i++) {
    char text[CLOCK_TEXT];

    assert_false(clock_format(outside[i], text));
  }
}

static void any_form_that_rfc_3339_allows_is_read(void **state)
{
  static const struct {
    const char *text;
    int64_t milliseconds;
  } cases[] = {
    { "1970-01-01T00:00:01Z", 1000 },
    { "1970-01-01t00:00:01z", 1000 },
    { "1970-01-01T00:00:01.5Z", 1500 },
    { "1970-01-01T00:00:01.05Z", 1050 },
    { "1970-01-01T00:00:01.0019Z", 1001 },
    { "1970-01-01T00:00:01.999999999999999999999999999999Z", 1999 },
    { "1969-12-31T23:59:59.9999Z", -1 },
    { "1970-01-01T01:00:01+01:00", 1000 },
    { "1969-12-31T23:00:01-01:00", 1000 },
    { "1970-01-01T00:00:01+00:00", 1000 },
    { "1970-01-01T00:00:01-00:00", 1000 },
    { "1970-01-01T00:00:00+23:59", -86340000 },
    { "1970-01-01T00:00:00.25-23:59", 86340250 },
    { "1985-04-12T23:20:50.52Z", 482196050520 },
    { "1996-12-19T16:39:57-08:00", 851042397000 },
    { "1937-01-01T12:00:27.87+00:20", -1041337172130 },
    { "0000-01-01T00:00:00+00:01", YEAR_0 - 60000 },
    { "9999-12-31T23:59:59.999-00:01", YEAR_9999 + 60000 },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    int64_t milliseconds = 42;

    assert_true(parse(cases[i].text, &milliseconds));
    assert_true(milliseconds == cases[i].milliseconds);
  }
}

static void dates_and_times_that_do_not_exist_are_refused(void **state)
{
  static const char *const cases[] = {
    "1990-12-31T23:59:60Z",      "1990-12-31T15:59:60-08:00", "2026-02-29T00:00:00Z",
    "2100-02-29T00:00:00Z",      "1900-02-29T00:00:00Z",      "2024-02-30T00:00:00Z",
    "2026-04-31T00:00:00Z",      "2026-06-31T00:00:00Z",      "2026-09-31T00:00:00Z",
    "2026-11-31T00:00:00Z",      "2026-01-32T00:00:00Z",      "2026-01-00T00:00:00Z",
    "2026-00-01T00:00:00Z",      "2026-13-01T00:00:00Z",      "2026-01-01T24:00:00Z",
    "2026-01-01T00:60:00Z",      "2026-01-01T00:00:61Z",      "2026-01-01T00:00:00+24:00",
    "2026-01-01T00:00:00+00:60", "2026-01-01T00:00:00-24:00",
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    int64_t milliseconds = 42;

    if (parse(cases[i], &milliseconds))
      fail_msg("%s was read", cases[i]);
    assert_int_equal(milliseconds, 42);
  }
}

static void other_forms_are_refused(void **state)
{
  static const char *const cases[] = {
    "",
    "Z",
    "2026-11-23",
    "2026-11-23T17:49:00",
    "2026-11-23T17:49Z",
    "2026-11-23 17:49:00Z",
    "2026-11-23_17:49:00Z",
    "20261123T174900Z",
    "2026-11-23T17:49:00.Z",
    "2026-11-23T17:49:00,5Z",
    "2026-11-23T17:49:00.5",
    "2026-11-23T17:49:00.-5Z",
    "2026-11-23T17:49:00.5.5Z",
    "2026-11-23T17:49:00ZZ",
    "2026-11-23T17:49:00Z ",
    " 2026-11-23T17:49:00Z",
    "2026-11-23T17:49:00+0100",
    "2026-11-23T17:49:00+01",
    "2026-11-23T17:49:00+1:00",
    "2026-11-23T17:49:00+01:0",
    "2026-11-23T17:49:00+01:00Z",
    "2026-11-23T17:49:00+01-00",
    "2026-11-23T17:49:00 01:00",
    "2026-11-23T17:49:00\342\210\22201:00", /* U+2212 for a minus */
    "+2026-11-23T17:49:00Z",
    "-001-11-23T17:49:00Z",
    "02026-11-23T17:49:00Z",
    "226-11-23T17:49:00Z",
    "2026-1-23T17:49:00ZZ",
    "2026/11/23T17:49:00Z",
    "2026-11-23T17.49.00Z",
    "2026-11-23T17:4 :00Z",
    "2O26-11-23T17:49:00Z",
    "2026-11-23T1a:49:00Z",
    "2026-11-23T17:49:0:Z",
    "2026-11-23T17:49:/0Z",
    "1700000000000",
    "9223372036854775807 9223",
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    int64_t milliseconds = 42;

    if (parse(cases[i], &milliseconds))
      fail_msg("\"%s\" was read", cases[i]);
    assert_int_equal(milliseconds, 42);
  }
}

static void text_is_read_to_its_length_and_no_further(void **state)
{
  static const char text[] = "2026-11-23T17:49:00.123+01:00";
  int64_t milliseconds = 0;

  (void)state;
  assert_true(clock_parse(text, strlen(text), &milliseconds));
  for (size_t length = 0; length < strlen(text); length++)
    assert_false(clock_parse(text, length, &milliseconds));
  assert_true(clock_parse("2026-11-23T17:49:00Zand more", 20, &milliseconds));
  assert_false(clock_parse("2026-11-23T17:49:00Z\0", 21, &milliseconds));
}

static void public_times_end_in_nul_and_come_back(void **state)
{
  char text[CONNECTOR_TIME_SIZE];
  int64_t milliseconds = 0;

  (void)state;
  memset(text, 'x', sizeof(text));
  assert_int_equal(connector_time_format(1795456140123, text), CONNECTOR_OK);
  assert_string_equal(text, "2026-11-23T17:49:00.123Z");
  assert_int_equal(connector_time_parse(text, &milliseconds), CONNECTOR_OK);
  assert_true(milliseconds == 1795456140123);
}

static void public_times_refuse_what_is_missing_or_wrong(void **state)
{
  char text[CONNECTOR_TIME_SIZE];
  int64_t milliseconds = 42;

  (void)state;
  assert_int_equal(connector_time_format(0, NULL), CONNECTOR_INVALID);
  assert_int_equal(connector_time_format(INT64_MAX, text), CONNECTOR_INVALID);
  assert_int_equal(connector_time_parse(NULL, &milliseconds), CONNECTOR_INVALID);
  assert_int_equal(connector_time_parse("1970-01-01T00:00:00Z", NULL), CONNECTOR_INVALID);
  assert_int_equal(connector_time_parse("now", &milliseconds), CONNECTOR_INVALID);
  assert_int_equal(milliseconds, 42);
}

static void the_clock_agrees_with_the_system(void **state)
{
  int64_t before = (int64_t)time(NULL) * 1000;
  int64_t now = clock_now();

  (void)state;
  assert_true(now >= before - 1000);
  assert_true(now < before + 60000);
}

static void the_monotonic_clock_counts_microseconds(void **state)
{
  const struct timespec pause = { .tv_nsec = 20000000 };
  int64_t start = clock_monotonic_us();
  int64_t waited = 0;

  (void)state;
  nanosleep(&pause, NULL);
  waited = clock_monotonic_us() - start;
  assert_true(waited >= 19000);
  assert_true(waited < 60000000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(times_are_written_in_utc_with_milliseconds),
    cmocka_unit_test(times_that_were_written_are_read_back),
    cmocka_unit_test(every_day_of_ten_thousand_years_comes_back),
    cmocka_unit_test(every_day_is_written_as_the_system_writes_it),
    cmocka_unit_test(years_without_four_digits_are_not_written),
    cmocka_unit_test(any_form_that_rfc_3339_allows_is_read),
    cmocka_unit_test(dates_and_times_that_do_not_exist_are_refused),
    cmocka_unit_test(other_forms_are_refused),
    cmocka_unit_test(text_is_read_to_its_length_and_no_further),
    cmocka_unit_test(public_times_end_in_nul_and_come_back),
    cmocka_unit_test(public_times_refuse_what_is_missing_or_wrong),
    cmocka_unit_test(the_clock_agrees_with_the_system),
    cmocka_unit_test(the_monotonic_clock_counts_microseconds),
  };

  return cmocka_run_group_tests_name("clock", tests, NULL, NULL);
}
