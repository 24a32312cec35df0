/*
 * ULIDs: the source that keeps them ascending, and their text. The clock is the caller's; the
 * random bits are libsodium's, drawn in blocks, as a draw costs a system call.
 */
#include "base/ulid.h"

#include <sodium.h>

#include <string.h>

enum {
  TIME_BYTES = ULID_BYTES - ULID_RANDOM,
  TIME_BITS = TIME_BYTES * 8,
  TIME_TEXT = 10,
  HALF_BYTES = ULID_RANDOM / 2, /* of the random part */
  HALF_TEXT = 8,
  CHARACTER_BITS = 5,
  CHARACTER_MASK = 31
};

static const char alphabet[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/* The value of each Crockford character plus 1, so that 0 is none. */
#define LETTER(upper, value) [upper] = (value) + 1, [(upper) + ('a' - 'A')] = (value) + 1

static const uint8_t values[256] = {
  ['0'] = 1,       ['1'] = 2,       ['2'] = 3,       ['3'] = 4,       ['4'] = 5,
  ['5'] = 6,       ['6'] = 7,       ['7'] = 8,       ['8'] = 9,       ['9'] = 10,
  LETTER('A', 10), LETTER('B', 11), LETTER('C', 12), LETTER('D', 13), LETTER('E', 14),
  LETTER('F', 15), LETTER('G', 16), LETTER('H', 17), LETTER('I', 1),  LETTER('J', 18),
  LETTER('K', 19), LETTER('L', 1),  LETTER('M', 20), LETTER('N', 21), LETTER('O', 0),
  LETTER('P', 22), LETTER('Q', 23), LETTER('R', 24), LETTER('S', 25), LETTER('T', 26),
  LETTER('V', 27), LETTER('W', 28), LETTER('X', 29), LETTER('Y', 30), LETTER('Z', 31),
};

bool ulid_source_init(struct ulid_source *source)
{
  memset(source, 0, sizeof(*source));
  return sodium_init() >= 0 && pthread_mutex_init(&source->lock, NULL) == 0;
}

void ulid_source_free(struct ulid_source *source)
{
  pthread_mutex_destroy(&source->lock);
}

/* Reads bytes, the highest first. */
static uint64_t load(const uint8_t *bytes, size_t count)
{
  uint64_t number = 0;

  for (size_t i = 0; i < count; i++)
    number = number << 8 | bytes[i];
  return number;
}

static void store(uint8_t *bytes, size_t count, uint64_t number)
{
  for (size_t i = count; i-- > 0; number >>= 8)
    bytes[i] = (uint8_t)number;
}

int64_t ulid_time(const uint8_t bytes[ULID_BYTES])
{
  return (int64_t)load(bytes, TIME_BYTES);
}

/* Adds 1 to the random part; false where it would overflow, and then it is as it was. */
static bool add_one(uint8_t bytes[ULID_BYTES])
{
  size_t at = ULID_BYTES;

  while (at > TIME_BYTES && bytes[at - 1] == UINT8_MAX)
    at--;
  if (at == TIME_BYTES)
    return false;
  bytes[at - 1]++;
  memset(bytes + at, 0, ULID_BYTES - at);
  return true;
}

static void start_anew(struct ulid_source *source, int64_t milliseconds)
{
  if (source->pool_left == 0) {
    randombytes_buf(source->pool, sizeof(source->pool));
    source->pool_left = ULID_POOL;
  }
  source->pool_left--;
  store(source->last, TIME_BYTES, (uint64_t)milliseconds);
  memcpy(source->last + TIME_BYTES, source->pool + source->pool_left * ULID_RANDOM, ULID_RANDOM);
}

/* Moves `last` on. */
static bool advance(struct ulid_source *source, int64_t milliseconds)
{
  static const uint8_t none[ULID_BYTES] = { 0 };

  if (milliseconds > ulid_time(source->last) || memcmp(source->last, none, ULID_BYTES) == 0) {
    start_anew(source, milliseconds);
    return true;
  }
  return add_one(source->last);
}

bool ulid_next(struct ulid_source *source, int64_t milliseconds, char text[ULID_TEXT])
{
  uint8_t bytes[ULID_BYTES];
  bool moved = false;

  if (milliseconds < 0 || milliseconds >> TIME_BITS != 0)
    return false;
  if (pthread_mutex_lock(&source->lock) != 0)
    return false;
  moved = advance(source, milliseconds);
  memcpy(bytes, source->last, ULID_BYTES);
  pthread_mutex_unlock(&source->lock);
  if (moved)
    ulid_encode(bytes, text);
  return moved;
}

/* Time and each half of the random part are whole characters: 48 bits in ten, 40 in eight. */
static void write_characters(uint64_t number, size_t count, char *text)
{
  for (size_t i = count; i-- > 0; number >>= CHARACTER_BITS)
    text[i] = alphabet[number & CHARACTER_MASK];
}

void ulid_encode(const uint8_t bytes[ULID_BYTES], char text[ULID_TEXT])
{
  write_characters(load(bytes, TIME_BYTES), TIME_TEXT, text);
  write_characters(load(bytes + TIME_BYTES, HALF_BYTES), HALF_TEXT, text + TIME_TEXT);
  write_characters(load(bytes + TIME_BYTES + HALF_BYTES, HALF_BYTES), HALF_TEXT,
                   text + TIME_TEXT + HALF_TEXT);
}

static bool read_characters(const char *text, size_t count, uint64_t *number)
{
  bool right = true;

  *number = 0;
  for (size_t i = 0; i < count; i++) {
    unsigned value = values[(unsigned char)text[i]];

    right = right && value != 0;
    *number = *number << CHARACTER_BITS | ((value - 1) & CHARACTER_MASK);
  }
  return right;
}

bool ulid_decode(const char *text, size_t length, uint8_t bytes[ULID_BYTES])
{
  uint64_t time = 0;
  uint64_t high = 0;
  uint64_t low = 0;

  if (length != ULID_TEXT || !read_characters(text, TIME_TEXT, &time) ||
      !read_characters(text + TIME_TEXT, HALF_TEXT, &high) ||
      !read_characters(text + TIME_TEXT + HALF_TEXT, HALF_TEXT, &low) || time >> TIME_BITS != 0)
    return false;
  store(bytes, TIME_BYTES, time);
  store(bytes + TIME_BYTES, HALF_BYTES, high);
  store(bytes + TIME_BYTES + HALF_BYTES, HALF_BYTES, low);
  return true;
}
