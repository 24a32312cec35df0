/*
 * Values that are kept between calls: encrypted in plain memory, under a key that lies in guarded
 * memory. So any number may be kept without locking pages for each.
 */
#ifndef VAULT_SEALED_H
#define VAULT_SEALED_H

#include "guarded.h"
#include "json.h"

#include <stdatomic.h>

/* A secret's values as JSON text. Never changed once made; freed with its last reference. */
struct sealed {
  atomic_uint references;
  int64_t version;
  int64_t asked_at; /* when the request for it began: it is no younger */
  size_t length;
  unsigned char nonce[24];
  unsigned char bytes[]; /* length + 16 */
};

/* Puts a random key into an empty buffer; false without memory. */
bool sealed_key_make(struct guarded *key);

/* With one reference; NULL without memory. */
struct sealed *sealed_new(const struct guarded *key, struct span text);
bool sealed_open(const struct sealed *sealed, const struct guarded *key, struct guarded *into);

struct sealed *sealed_hold(struct sealed *sealed);
void sealed_release(struct sealed *sealed); /* NULL is fine */

#endif
