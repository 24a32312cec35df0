/*
 * Sets of object keys: whether one is there twice, and where one stands. Keys are compared decoded.
 */
#ifndef RECORD_JSON_KEYS_H
#define RECORD_JSON_KEYS_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_KEYS_FEW = 32 };

struct json_key {
  const char *text; /* borrowed */
  size_t length;
  void *item; /* the user's own */
};

struct json_keys {
  struct json_key *keys; /* `few`, or an owned allocation */
  size_t count;
  size_t capacity;
  struct json_key few[JSON_KEYS_FEW]; /* not initialised */
};

void json_keys_init(struct json_keys *keys);
void json_keys_free(struct json_keys *keys);

/* Adds a key at the end; false where memory is gone. */
bool json_keys_add(struct json_keys *keys, const char *text, size_t length, void *item);

/* Some key that is twice among those from index `from` on, or NULL. Takes n log n steps at worst,
 * whatever the keys, and may change their order. */
const struct json_key *json_keys_twice(struct json_keys *keys, size_t from);

/* Sorts the keys from index `from` on, for json_keys_search(). */
void json_keys_sort(struct json_keys *keys, size_t from);

/* The key among those from index `from` on, or NULL: in sorted keys, and in keys of any order.
 * Valid until a key is added. */
const struct json_key *json_keys_search(const struct json_keys *keys, size_t from,
                                        const struct json_key *wanted);
const struct json_key *json_keys_find(const struct json_keys *keys, size_t from,
                                      const struct json_key *wanted);

#endif
