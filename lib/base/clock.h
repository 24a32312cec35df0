/*
 * Time: the system's clock, and RFC 3339 text to and from milliseconds since 1970-01-01T00:00:00Z.
 */
#ifndef BASE_CLOCK_H
#define BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { CLOCK_TEXT = 24 }; /* bytes of `2026-11-23T17:49:00.123Z`, no NUL */

/* Milliseconds since 1970-01-01T00:00:00Z by the system's clock. */
int64_t clock_now(void);

/* Microseconds of a clock that never steps, for measuring waits. */
int64_t clock_monotonic_us(void);

/* Whether a time lies in the years 0000 to 9999. */
bool clock_fits(int64_t milliseconds);

/* Writes CLOCK_TEXT bytes, no NUL; false where the year has not four digits. */
bool clock_format(int64_t milliseconds, char text[CLOCK_TEXT]);

/* Reads all `length` bytes as an RFC 3339 date-time with any offset. Digits beyond milliseconds are
 * dropped. False for dates and times that do not exist, leap seconds among them. */
bool clock_parse(const char *text, size_t length, int64_t *milliseconds);

#endif
