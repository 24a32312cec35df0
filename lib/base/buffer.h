/*
 * A growing run of bytes for writers: a failed allocation sticks, so that only the end is checked.
 */
#ifndef BASE_BUFFER_H
#define BASE_BUFFER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct buffer {
  char *bytes; /* owned; NULL until something is written */
  size_t length;
  size_t capacity;
  bool failed; /* an allocation failed: nothing more is written */
};

void buffer_free(struct buffer *buffer);

/* Makes room for `more` bytes; false, for good, where there is none. */
bool buffer_grow(struct buffer *buffer, size_t more);

/* Puts a NUL behind the bytes and hands them over, the caller's to free(); NULL on any failure
 * since the start. The buffer is empty afterwards. */
char *buffer_take(struct buffer *buffer, size_t *length);

static inline bool buffer_reserve(struct buffer *buffer, size_t more)
{
  if (buffer->capacity - buffer->length >= more && !buffer->failed)
    return true;
  return buffer_grow(buffer, more);
}

/* `bytes` must not be the buffer's own: it may move. */
static inline void buffer_append(struct buffer *buffer, const char *bytes, size_t length)
{
  if (buffer_reserve(buffer, length) && length > 0) {
    memcpy(buffer->bytes + buffer->length, bytes, length);
    buffer->length += length;
  }
}

static inline void buffer_text(struct buffer *buffer, const char *text)
{
  buffer_append(buffer, text, strlen(text));
}

static inline void buffer_byte(struct buffer *buffer, char byte)
{
  buffer_append(buffer, &byte, 1);
}

/* Decimal digits. */
void buffer_integer(struct buffer *buffer, int64_t number);

#endif
