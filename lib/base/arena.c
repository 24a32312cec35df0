/*
 * The arena: a chain of blocks, each twice the one before.
 */
#include "base/arena.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_BLOCK = 2048 };

struct arena_block {
  struct arena_block *before;
  size_t size;
  max_align_t bytes[];
};

static bool add_block(struct arena *arena, size_t least)
{
  size_t size = arena->blocks != NULL ? arena->blocks->size * 2 : FIRST_BLOCK;
  struct arena_block *block = NULL;

  if (least > SIZE_MAX / 2)
    return false;
  if (size < least)
    size = least;
  block = malloc(sizeof(*block) + size);
  if (block == NULL && size > least) {
    size = least;
    block = malloc(sizeof(*block) + size);
  }
  if (block == NULL)
    return false;
  block->before = arena->blocks;
  block->size = size;
  arena->blocks = block;
  arena->at = (char *)block->bytes;
  arena->end = arena->at + size;
  return true;
}

void arena_reserve(struct arena *arena, size_t size)
{
  if (arena->at == NULL || (size_t)(arena->end - arena->at) < size)
    (void)add_block(arena, size);
}

char *arena_alloc(struct arena *arena, size_t size)
{
  char *piece = NULL;

  if ((arena->at == NULL || (size_t)(arena->end - arena->at) < size) && !add_block(arena, size))
    return NULL;
  piece = arena->at;
  arena->at += size;
  return piece;
}

void *arena_object(struct arena *arena, size_t size)
{
  size_t skew = (uintptr_t)arena->at % _Alignof(max_align_t);
  size_t padding = skew > 0 ? _Alignof(max_align_t) - skew : 0;

  if (arena->at == NULL || (size_t)(arena->end - arena->at) < padding ||
      (size_t)(arena->end - arena->at) - padding < size) {
    if (!add_block(arena, size))
      return NULL;
    padding = 0;
  }
  arena->at += padding;
  return arena_alloc(arena, size);
}

void arena_trim(struct arena *arena, char *end)
{
  arena->at = end;
}

char *arena_copy(struct arena *arena, const char *text, size_t length)
{
  char *copy = length < SIZE_MAX ? arena_alloc(arena, length + 1) : NULL;

  if (copy != NULL) {
    if (length > 0)
      memcpy(copy, text, length);
    copy[length] = '\0';
  }
  return copy;
}

void arena_free(struct arena *arena)
{
  while (arena->blocks != NULL) {
    struct arena_block *before = arena->blocks->before;

    free(arena->blocks);
    arena->blocks = before;
  }
  *arena = (struct arena){ 0 };
}
