/*
 * UTF-8 (RFC 3629): validity, mending, cutting on a character boundary, and comparing without case.
 */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a text is made of. */
enum utf8_class {
  UTF8_PLAIN,   /* valid, no control characters */
  UTF8_LINES,   /* valid, and its only control characters are tab and newline */
  UTF8_CONTROL, /* valid, with other control characters (U+0000 to U+001F, U+007F, U+0080 to U+009F)
                 */
  UTF8_BAD      /* not UTF-8: overlong, surrogate, above U+10FFFF, cut short */
};

/* One pass; runs of ASCII go eight bytes at a time. */
enum utf8_class utf8_classify(const char *text, size_t length);

/* A NUL-terminated copy that is UTF8_PLAIN or UTF8_LINES: what is not UTF-8 becomes U+FFFD, one for
 * each maximal subpart (Unicode, section 3.9), a control character becomes a space. NULL where
 * memory is gone. */
char *utf8_repair(struct arena *arena, const char *text, size_t length, size_t *repaired_length);

/* The length of the longest start of `text` (valid UTF-8) of at most `limit` bytes that does not
 * end inside a character. */
size_t utf8_cut(const char *text, size_t length, size_t limit);

/* Reads the character at `text` (valid UTF-8, not at its end) and tells how many bytes it takes. */
uint32_t utf8_decode(const char *text, size_t *bytes);

/* Writes a character (no surrogate, at most U+10FFFF) and returns how many bytes it took: 1 to 4.
 */
size_t utf8_encode(uint32_t character, char *out);

/* Simple case folding (Unicode CaseFolding.txt, statuses C and S) of one character. */
uint32_t utf8_fold(uint32_t character);

/* Whether `needle` occurs in `text` without regard to case; both valid UTF-8. An empty needle
 * occurs in everything. */
bool utf8_contains(const char *text, size_t length, const char *needle, size_t needle_length);

#endif
