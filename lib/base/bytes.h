/*
 * Numbers as bytes, the lowest first on every machine; and eight bytes at a time.
 */
#ifndef BASE_BYTES_H
#define BASE_BYTES_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The lowest `count` bytes of a number. */
static inline void bytes_put(uint8_t *to, uint64_t number, size_t count)
{
  for (size_t i = 0; i < count; i++)
    to[i] = (uint8_t)(number >> (8 * i));
}

/* A number of `count` bytes. */
static inline uint64_t bytes_get(const uint8_t *from, size_t count)
{
  uint64_t number = 0;

  for (size_t i = 0; i < count; i++)
    number |= (uint64_t)from[i] << (8 * i);
  return number;
}

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
