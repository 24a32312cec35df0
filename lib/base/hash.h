/*
 * Hashes over values (BLAKE2b, RFC 7693), keyed or not. Every value goes in with its length before
 * it, so that no two lists of values give the same bytes; what is hashed starts with a word that
 * tells its use, so that no hash serves for another one.
 */
#ifndef BASE_HASH_H
#define BASE_HASH_H

#include <sodium.h>
#include <stdint.h>

enum { HASH_BYTES = 32, HASH_KEY = 32, HASH_USE = 8 };

typedef crypto_generichash_state hash_state;

/* `key` is NULL or HASH_KEY bytes; `use` is padded with NULs. */
void hash_start(hash_state *state, const uint8_t *key, const char use[HASH_USE]);

void hash_number(hash_state *state, int64_t number);
void hash_bytes(hash_state *state, const void *bytes, size_t length);
void hash_text(hash_state *state, const char *text); /* NULL is none, and not "" */

/* Bytes of a fixed length, which needs not be told. */
void hash_fixed(hash_state *state, const void *bytes, size_t length);

/* Wipes the state. */
void hash_end(hash_state *state, uint8_t hash[HASH_BYTES]);

#endif
