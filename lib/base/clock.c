/*
 * The system's clocks, and RFC 3339 text (RFC 3339 section 5.6) by plain arithmetic: no locale, no
 * time zone data, nothing of libc's calendar. Dates are proleptic Gregorian.
 */
#include "base/clock.h"

#include <connector/record.h>

#include <string.h>
#include <time.h>

#define SECOND INT64_C(1000)
#define DAY INT64_C(86400000)
#define YEAR_0 INT64_C(-62167219200000)    /* 0000-01-01T00:00:00.000Z */
#define YEAR_9999 INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* Years are counted from March within cycles of 400 years, so that the leap day comes last. */
enum { CYCLE_YEARS = 400, CYCLE_DAYS = 146097, JANUARY_AND_FEBRUARY = 60, EPOCH_DAY = 719528 };

struct moment {
  unsigned year, month, day, hour, minute, second, millisecond;
};

int64_t clock_now(void)
{
  struct timespec now = { 0 };

  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_monotonic_us(void)
{
  struct timespec now = { 0 };

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* The date of a day counted from 0000-01-01. */
static void civil_from_days(uint32_t days, struct moment *moment)
{
  /* One cycle on, as January and February of year 0 belong to the year before it. */
  uint32_t shifted = days + CYCLE_DAYS - JANUARY_AND_FEBRUARY;
  uint32_t cycle = shifted / CYCLE_DAYS;
  uint32_t in_cycle = shifted % CYCLE_DAYS;
  uint32_t year = (in_cycle - in_cycle / 1460 + in_cycle / 36524 - in_cycle / 146096) / 365;
  uint32_t in_year = in_cycle - (365 * year + year / 4 - year / 100);
  uint32_t month = (5 * in_year + 2) / 153; /* 0 is March; 153 days are five months */

  moment->day = in_year - (153 * month + 2) / 5 + 1;
  moment->month = month < 10 ? month + 3 : month - 9;
  moment->year = year + cycle * CYCLE_YEARS - CYCLE_YEARS + (moment->month <= 2);
}

/* The inverse: days from 0000-01-01. */
static uint32_t days_from_civil(const struct moment *moment)
{
  uint32_t year = moment->year + CYCLE_YEARS - (moment->month <= 2);
  uint32_t month = moment->month > 2 ? moment->month - 3 : moment->month + 9;
  uint32_t in_year = (153 * month + 2) / 5 + moment->day - 1;

  return 365 * year + year / 4 - year / 100 + year / 400 + in_year + JANUARY_AND_FEBRUARY -
         CYCLE_DAYS;
}

/* Writes a number below 100. */
static void put_two(char *text, unsigned number)
{
  static const char pairs[] = "0001020304050607080910111213141516171819"
                              "2021222324252627282930313233343536373839"
                              "4041424344454647484950515253545556575859"
                              "6061626364656667686970717273747576777879"
                              "8081828384858687888990919293949596979899";

  memcpy(text, pairs + 2 * number, 2);
}

bool clock_fits(int64_t milliseconds)
{
  return milliseconds >= YEAR_0 && milliseconds <= YEAR_9999;
}

bool clock_format(int64_t milliseconds, char text[CLOCK_TEXT])
{
  struct moment moment = { 0 };
  uint64_t since = 0;
  uint32_t of_day = 0;
  uint32_t seconds = 0;

  if (!clock_fits(milliseconds))
    return false;
  since = (uint64_t)(milliseconds - YEAR_0);
  of_day = (uint32_t)(since % DAY);
  seconds = of_day / 1000;
  civil_from_days((uint32_t)(since / DAY), &moment);
  memcpy(text, "0000-00-00T00:00:00.000Z", CLOCK_TEXT);
  put_two(text, moment.year / 100);
  put_two(text + 2, moment.year % 100);
  put_two(text + 5, moment.month);
  put_two(text + 8, moment.day);
  put_two(text + 11, seconds / 3600);
  put_two(text + 14, seconds / 60 % 60);
  put_two(text + 17, seconds % 60);
  put_two(text + 20, of_day % 1000 / 10);
  text[22] = (char)('0' + of_day % 10);
  return true;
}

static bool is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

/* Reads two digits as a number of at most `most`. */
static bool get_two(const char *text, unsigned most, unsigned *number)
{
  *number = (unsigned)(text[0] - '0') * 10 + (unsigned)(text[1] - '0');
  return is_digit(text[0]) && is_digit(text[1]) && *number <= most;
}

static bool get_year(const char *text, unsigned *year)
{
  unsigned century = 0;
  unsigned in_century = 0;

  if (!get_two(text, 99, &century) || !get_two(text + 2, 99, &in_century))
    return false;
  *year = century * 100 + in_century;
  return true;
}

static bool is_leap(unsigned year)
{
  return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static bool date_exists(const struct moment *moment)
{
  static const unsigned char days[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };
  unsigned last = 0;

  if (moment->month < 1 || moment->month > 12)
    return false;
  last = days[moment->month - 1];
  if (moment->month == 2 && is_leap(moment->year))
    last++;
  return moment->day >= 1 && moment->day <= last;
}

/* Reads the 19 bytes of `2026-11-23T17:49:00`. */
static bool get_date_time(const char *text, struct moment *moment)
{
  return text[4] == '-' && text[7] == '-' && (text[10] == 'T' || text[10] == 't') &&
         text[13] == ':' && text[16] == ':' && get_year(text, &moment->year) &&
         get_two(text + 5, 12, &moment->month) && get_two(text + 8, 31, &moment->day) &&
         get_two(text + 11, 23, &moment->hour) && get_two(text + 14, 59, &moment->minute) &&
         get_two(text + 17, 59, &moment->second) && date_exists(moment);
}

/* Reads `.` and digits where they are there, and tells how many bytes it took; 0 is none, and a
 * point alone takes none, so that what follows refuses it. */
static size_t get_fraction(const char *text, size_t length, struct moment *moment)
{
  unsigned weight = 100;
  size_t at = 1;

  if (length < 2 || text[0] != '.' || !is_digit(text[1]))
    return 0;
  for (; at < length && is_digit(text[at]); at++) {
    moment->millisecond += weight * (unsigned)(text[at] - '0');
    weight /= 10;
  }
  return at;
}

/* Reads `Z` or `+hh:mm`, and nothing behind it, as seconds east of UTC. */
static bool get_offset(const char *text, size_t length, int64_t *seconds)
{
  unsigned hour = 0;
  unsigned minute = 0;

  *seconds = 0;
  if (length == 1)
    return text[0] == 'Z' || text[0] == 'z';
  if (length != 6 || (text[0] != '+' && text[0] != '-') || text[3] != ':' ||
      !get_two(text + 1, 23, &hour) || !get_two(text + 4, 59, &minute))
    return false;
  *seconds = (int64_t)hour * 3600 + (int64_t)minute * 60;
  if (text[0] == '-')
    *seconds = -*seconds;
  return true;
}

bool clock_parse(const char *text, size_t length, int64_t *milliseconds)
{
  enum { DATE_TIME = 19 };
  struct moment moment = { 0 };
  size_t at = DATE_TIME;
  int64_t offset = 0;
  int64_t seconds = 0;

  if (length <= DATE_TIME || !get_date_time(text, &moment))
    return false;
  at += get_fraction(text + at, length - at, &moment);
  if (!get_offset(text + at, length - at, &offset))
    return false;
  seconds = ((int64_t)days_from_civil(&moment) - EPOCH_DAY) * 86400 +
            (int64_t)(moment.hour * 3600 + moment.minute * 60 + moment.second) - offset;
  *milliseconds = seconds * SECOND + moment.millisecond;
  return true;
}

connector_status connector_time_format(int64_t milliseconds, char text[CONNECTOR_TIME_SIZE])
{
  if (text == NULL || !clock_format(milliseconds, text))
    return CONNECTOR_INVALID;
  text[CLOCK_TEXT] = '\0';
  return CONNECTOR_OK;
}

connector_status connector_time_parse(const char *text, int64_t *milliseconds)
{
  if (text == NULL || milliseconds == NULL || !clock_parse(text, strlen(text), milliseconds))
    return CONNECTOR_INVALID;
  return CONNECTOR_OK;
}
