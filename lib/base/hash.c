/*
 * Values on their way into BLAKE2b.
 */
#include "base/hash.h"

#include "base/bytes.h"

_Static_assert((int)HASH_BYTES == crypto_generichash_BYTES &&
                   (int)HASH_KEY == crypto_generichash_KEYBYTES,
               "hashes and keys are BLAKE2b's usual size");

void hash_start(hash_state *state, const uint8_t *key, const char use[HASH_USE])
{
  (void)crypto_generichash_init(state, key, key != NULL ? HASH_KEY : 0, HASH_BYTES);
  hash_fixed(state, use, HASH_USE);
}

void hash_fixed(hash_state *state, const void *bytes, size_t length)
{
  (void)crypto_generichash_update(state, bytes, length);
}

void hash_number(hash_state *state, int64_t number)
{
  uint8_t bytes[8];

  bytes_put(bytes, (uint64_t)number, sizeof(bytes));
  hash_fixed(state, bytes, sizeof(bytes));
}

void hash_bytes(hash_state *state, const void *bytes, size_t length)
{
  hash_number(state, (int64_t)length);
  hash_fixed(state, bytes, length);
}

void hash_text(hash_state *state, const char *text)
{
  if (text != NULL)
    hash_bytes(state, text, strlen(text));
  else
    hash_number(state, -1);
}

void hash_end(hash_state *state, uint8_t hash[HASH_BYTES])
{
  (void)crypto_generichash_final(state, hash, HASH_BYTES);
  sodium_memzero(state, sizeof(*state));
}
