/*
 * Eight bytes at a time.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stdint.h>
#include <string.h>

/* The next eight bytes as a number, the first one lowest on every machine. */
static inline uint64_t bytes_load(const char *at)
{
  uint64_t word = 0;

  memcpy(&word, at, sizeof(word));
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
  word = __builtin_bswap64(word);
#endif
  return word;
}

#endif
