/*
 * Memory that lives as long as one call: handed out in pieces, released all at once.
 */
#ifndef BASE_ARENA_H
#define BASE_ARENA_H

#include <stdbool.h>
#include <stddef.h>

struct arena_block;

struct arena {
  struct arena_block *blocks; /* owned, newest first */
  char *at;                   /* first free byte of the newest block */
  char *end;
};

/* `size` bytes for text (no alignment), or NULL where memory is gone. */
char *arena_alloc(struct arena *arena, size_t size);

/* `size` bytes fit for any object, or NULL where memory is gone. */
void *arena_object(struct arena *arena, size_t size);

/* Makes the next `size` bytes come from one block, where memory allows. */
void arena_reserve(struct arena *arena, size_t size);

/* Gives back the tail of the newest piece: `end` is its first byte that is not used. */
void arena_trim(struct arena *arena, char *end);

/* A NUL-terminated copy, or NULL where memory is gone. */
char *arena_copy(struct arena *arena, const char *text, size_t length);

void arena_free(struct arena *arena);

#endif
