/*
 * Sets of object keys. Few keys are compared in pairs; many are sorted by heap sort, which no input
 * can slow down, as hashing or quicksort could be. Decoding keys is left to the callers.
 */
#include "record/json_keys.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

enum { PAIRWISE = 16 };

void json_keys_init(struct json_keys *keys)
{
  keys->keys = keys->few;
  keys->count = 0;
  keys->capacity = JSON_KEYS_FEW;
}

void json_keys_free(struct json_keys *keys)
{
  if (keys->keys != keys->few)
    free(keys->keys);
  json_keys_init(keys);
}

static bool grow(struct json_keys *keys)
{
  bool owned = keys->keys != keys->few;
  struct json_key *larger = NULL;

  if (keys->capacity > SIZE_MAX / 2 / sizeof(*larger))
    return false;
  larger = realloc(owned ? keys->keys : NULL, keys->capacity * 2 * sizeof(*larger));
  if (larger == NULL)
    return false;
  if (!owned)
    memcpy(larger, keys->few, sizeof(keys->few));
  keys->keys = larger;
  keys->capacity *= 2;
  return true;
}

bool json_keys_add(struct json_keys *keys, const char *text, size_t length, void *item)
{
  if (keys->count == keys->capacity && !grow(keys))
    return false;
  keys->keys[keys->count++] = (struct json_key){ text, length, item };
  return true;
}

/* Any total order serves; length first is the quickest. */
static int compare(const struct json_key *a, const struct json_key *b)
{
  if (a->length != b->length)
    return a->length < b->length ? -1 : 1;
  return memcmp(a->text, b->text, a->length);
}

static bool same(const struct json_key *a, const struct json_key *b)
{
  return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* Puts `key` into the heap of `count` keys whose root `hole` is free. */
static void sift_down(struct json_key *heap, size_t hole, size_t count, struct json_key key)
{
  size_t child = 0;

  while ((child = 2 * hole + 1) < count) {
    if (child + 1 < count && compare(&heap[child], &heap[child + 1]) < 0)
      child++;
    if (compare(&key, &heap[child]) >= 0)
      break;
    heap[hole] = heap[child];
    hole = child;
  }
  heap[hole] = key;
}

static void heap_sort(struct json_key *keys, size_t count)
{
  for (size_t root = count / 2; root > 0; root--)
    sift_down(keys, root - 1, count, keys[root - 1]);
  for (size_t last = count; last > 1; last--) {
    struct json_key key = keys[last - 1];

    keys[last - 1] = keys[0];
    sift_down(keys, 0, last - 1, key);
  }
}

static const struct json_key *twice_of_few(const struct json_key *keys, size_t count)
{
  for (size_t i = 1; i < count; i++)
    for (size_t j = 0; j < i; j++)
      if (same(&keys[i], &keys[j]))
        return &keys[i];
  return NULL;
}

const struct json_key *json_keys_twice(struct json_keys *keys, size_t from)
{
  struct json_key *own = keys->keys + from;
  size_t count = keys->count - from;

  if (count <= PAIRWISE)
    return twice_of_few(own, count);
  heap_sort(own, count);
  for (size_t i = 1; i < count; i++)
    if (same(&own[i - 1], &own[i]))
      return &own[i];
  return NULL;
}

void json_keys_sort(struct json_keys *keys, size_t from)
{
  heap_sort(keys->keys + from, keys->count - from);
}

const struct json_key *json_keys_search(const struct json_keys *keys, size_t from,
                                        const struct json_key *wanted)
{
  size_t low = from;
  size_t high = keys->count;

  while (low < high) {
    size_t middle = low + (high - low) / 2;
    int order = compare(wanted, &keys->keys[middle]);

    if (order == 0)
      return &keys->keys[middle];
    if (order < 0)
      high = middle;
    else
      low = middle + 1;
  }
  return NULL;
}

const struct json_key *json_keys_find(const struct json_keys *keys, size_t from,
                                      const struct json_key *wanted)
{
  for (size_t i = from; i < keys->count; i++)
    if (same(wanted, &keys->keys[i]))
      return &keys->keys[i];
  return NULL;
}
