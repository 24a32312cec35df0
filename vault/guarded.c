/*
 * A growable buffer in guarded memory, over sodium_malloc().
 */
#define _DEFAULT_SOURCE /* madvise */

#include "guarded.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum { STEP = 4096, MOST = 1 << 30 };

/* Whole pages, so that they can be told to be empty in a child of fork(). */
static size_t round_up(size_t capacity)
{
  long page = sysconf(_SC_PAGESIZE);
  size_t step = page > 0 ? (size_t)page : STEP;

  return (capacity + step - 1) / step * step;
}

static char *allocate(size_t capacity)
{
  char *bytes = sodium_malloc(capacity);

#ifdef MADV_WIPEONFORK
  if (bytes != NULL)
    (void)madvise(bytes, capacity, MADV_WIPEONFORK);
#endif
  return bytes;
}

/* One by one, here and below: memcpy() and strlen() take bytes through vector registers and leave
 * the last ones there, where core dumps and the frames of signals find them. */
static void copy_bytes(char *to, const char *from, size_t length)
{
  const volatile char *source = from;
  volatile char *target = to;

  for (size_t i = 0; i < length; i++)
    target[i] = source[i];
}

size_t guarded_length(const char *text, size_t most)
{
  const volatile char *at = text;
  size_t length = 0;

  while (length < most && at[length] != '\0')
    length++;
  return length;
}

bool guarded_reserve(struct guarded *buffer, size_t capacity)
{
  char *bytes = NULL;

  if (buffer->failed)
    return false;
  if (capacity <= buffer->capacity)
    return true;
  if (capacity < 2 * buffer->capacity)
    capacity = 2 * buffer->capacity;
  capacity = round_up(capacity);
  bytes = capacity <= MOST ? allocate(capacity) : NULL;
  if (bytes == NULL) {
    buffer->failed = true;
    return false;
  }
  if (buffer->length > 0)
    copy_bytes(bytes, buffer->bytes, buffer->length);
  sodium_free(buffer->bytes); /* wipes it first */
  buffer->bytes = bytes;
  buffer->capacity = capacity;
  return true;
}

void guarded_append(struct guarded *buffer, const void *bytes, size_t length)
{
  if (length == 0 || !guarded_reserve(buffer, buffer->length + length))
    return;
  copy_bytes(buffer->bytes + buffer->length, bytes, length);
  buffer->length += length;
}

void guarded_text(struct guarded *buffer, const char *text)
{
  guarded_append(buffer, text, guarded_length(text, MOST));
}

static void append_escaped(struct guarded *buffer, unsigned char byte)
{
  char text[8];

  if (byte == '"' || byte == '\\')
    (void)snprintf(text, sizeof(text), "\\%c", byte);
  else
    (void)snprintf(text, sizeof(text), "\\u%04x", byte);
  guarded_text(buffer, text);
  sodium_memzero(text, sizeof(text));
}

void guarded_json(struct guarded *buffer, const char *text, size_t length)
{
  guarded_append(buffer, "\"", 1);
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)text[i];

    if (byte == '"' || byte == '\\' || byte < 0x20)
      append_escaped(buffer, byte);
    else
      guarded_append(buffer, text + i, 1);
  }
  guarded_append(buffer, "\"", 1);
}

void guarded_end(struct guarded *buffer)
{
  if (guarded_reserve(buffer, buffer->length + 1))
    buffer->bytes[buffer->length] = '\0';
}

void guarded_clear(struct guarded *buffer, size_t keep)
{
  if (buffer->capacity > keep) {
    guarded_free(buffer);
    return;
  }
  /* One byte more than was counted: guarded_end() wrote it. */
  if (buffer->bytes != NULL)
    sodium_memzero(buffer->bytes,
                   buffer->length < buffer->capacity ? buffer->length + 1 : buffer->length);
  buffer->length = 0;
  buffer->failed = false;
}

void guarded_free(struct guarded *buffer)
{
  sodium_free(buffer->bytes);
  memset(buffer, 0, sizeof(*buffer));
}
