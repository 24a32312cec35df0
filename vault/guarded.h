/*
 * A growable buffer in guarded memory: locked, between guard pages, left out of core dumps, wiped
 * when it is cleared, moved or freed. For tokens, request bodies and answers.
 */
#ifndef VAULT_GUARDED_H
#define VAULT_GUARDED_H

#include <stdbool.h>
#include <stddef.h>

/* All zero is an empty buffer. `failed` stays set once memory was lacking; `bytes` is NULL until
 * something was put in. */
struct guarded {
  char *bytes;
  size_t length;
  size_t capacity;
  bool failed;
};

/* As strnlen(), for a text that may be a secret. */
size_t guarded_length(const char *text, size_t most);

/* Makes room for so many bytes in all. */
bool guarded_reserve(struct guarded *buffer, size_t capacity);

void guarded_append(struct guarded *buffer, const void *bytes, size_t length);
void guarded_text(struct guarded *buffer, const char *text);

/* As a JSON string, with its quotes. */
void guarded_json(struct guarded *buffer, const char *text, size_t length);

/* Adds a NUL that `length` does not count. */
void guarded_end(struct guarded *buffer);

/* Wipes what is in it and gives back memory above `keep` bytes. */
void guarded_clear(struct guarded *buffer, size_t keep);
void guarded_free(struct guarded *buffer);

#endif
