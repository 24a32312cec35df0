/*
 * ULIDs (github.com/ulid/spec): 48 bits of milliseconds and 80 random bits in 26 Crockford
 * characters, strictly ascending within one source over threads and over a clock that steps back.
 */
#ifndef BASE_ULID_H
#define BASE_ULID_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { ULID_TEXT = 26, ULID_BYTES = 16, ULID_RANDOM = 10, ULID_POOL = 64 };

struct ulid_source {
  pthread_mutex_t lock;
  uint8_t last[ULID_BYTES];              /* the newest one handed out, as bytes */
  uint8_t pool[ULID_POOL * ULID_RANDOM]; /* random bytes drawn ahead */
  size_t pool_left;
};

/* False where the mutex or the random source can't be had. */
bool ulid_source_init(struct ulid_source *source);
void ulid_source_free(struct ulid_source *source);

/* Writes ULID_TEXT upper-case characters, no NUL. Where `milliseconds` is not after the newest
 * one's time, the newest one plus 1. False where the random part would overflow, or where the time
 * does not fit 48 bits. */
bool ulid_next(struct ulid_source *source, int64_t milliseconds, char text[ULID_TEXT]);

/* Reads 26 Crockford characters, either case, I and L as 1, O as 0; false for anything else and for
 * more than 128 bits. */
bool ulid_decode(const char *text, size_t length, uint8_t bytes[ULID_BYTES]);

void ulid_encode(const uint8_t bytes[ULID_BYTES], char text[ULID_TEXT]);

/* The milliseconds in a ULID. */
int64_t ulid_time(const uint8_t bytes[ULID_BYTES]);

#endif
