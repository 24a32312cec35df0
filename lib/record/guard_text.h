/*
 * What the two files of the secret guard share: kinds of bytes, and runs of them.
 */
#ifndef RECORD_GUARD_TEXT_H
#define RECORD_GUARD_TEXT_H

#include <stdint.h>

/* What a byte may be a part of. */
enum guard_kind {
  WORD = 1,    /* a letter or digit: most secrets do not start right behind one */
  UPPER = 2,   /* A to Z and 0 to 9 */
  TOKEN = 4,   /* the alphabet of base64url */
  PATH = 8,    /* letters, digits and slashes */
  BEARER = 16, /* the alphabet of a bearer token (RFC 6750) */
  DIGIT = 32
};

extern const uint8_t guard_kinds[256];

/* A key is compared by the letters and digits at its end, in lower case. */
enum { KEY_TAIL = 64 };

/* Bytes of a text. */
struct guard_span {
  const char *start;
  const char *end;
};

/* The first text that has a secret's shape; an empty span at the end where there is none. */
struct guard_span guard_next_shape(const char *text, const char *end);

/* The letter in lower case or digit that counts, or 0. */
static inline char guard_fold(char byte)
{
  if ((guard_kinds[(unsigned char)byte] & WORD) != 0)
    return (char)(byte | 0x20);
  return (unsigned char)byte < 0x80 ? 0 : byte;
}

#endif
