/*
 * The growing buffer: doubling, with a failure that sticks.
 */
#include "base/buffer.h"

#include <stdlib.h>

enum { FIRST_CAPACITY = 256, INTEGER_DIGITS = 20 };

void buffer_free(struct buffer *buffer)
{
  free(buffer->bytes);
  *buffer = (struct buffer){ 0 };
}

bool buffer_grow(struct buffer *buffer, size_t more)
{
  size_t capacity = buffer->capacity > 0 ? buffer->capacity : FIRST_CAPACITY;
  char *bytes = NULL;

  if (buffer->failed || more > SIZE_MAX / 2 - buffer->length) {
    buffer->failed = true;
    return false;
  }
  while (capacity - buffer->length < more)
    capacity *= 2;
  bytes = realloc(buffer->bytes, capacity);
  if (bytes == NULL) {
    buffer->failed = true;
    return false;
  }
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return true;
}

char *buffer_take(struct buffer *buffer, size_t *length)
{
  char *bytes = NULL;

  buffer_byte(buffer, '\0');
  if (buffer->failed) {
    buffer_free(buffer);
    return NULL;
  }
  bytes = buffer->bytes;
  if (length != NULL)
    *length = buffer->length - 1;
  *buffer = (struct buffer){ 0 };
  return bytes;
}

void buffer_integer(struct buffer *buffer, int64_t number)
{
  char digits[INTEGER_DIGITS];
  size_t at = sizeof(digits);
  uint64_t rest = number < 0 ? 0 - (uint64_t)number : (uint64_t)number;

  do {
    digits[--at] = (char)('0' + rest % 10);
    rest /= 10;
  } while (rest > 0);
  if (number < 0)
    digits[--at] = '-';
  buffer_append(buffer, digits + at, sizeof(digits) - at);
}
