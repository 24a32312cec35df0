/*
 * Values that are kept between calls, encrypted with XChaCha20-Poly1305.
 */
#include "sealed.h"

#include <sodium.h>
#include <stdlib.h>

enum {
  NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
  KEY = crypto_aead_xchacha20poly1305_ietf_KEYBYTES,
  TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES
};

_Static_assert(sizeof(((struct sealed *)0)->nonce) == NONCE, "the nonce has its place");

bool sealed_key_make(struct guarded *key)
{
  if (!guarded_reserve(key, KEY))
    return false;
  randombytes_buf(key->bytes, KEY);
  key->length = KEY;
  (void)sodium_mprotect_readonly(key->bytes);
  return true;
}

struct sealed *sealed_new(const struct guarded *key, struct span text)
{
  struct sealed *sealed = malloc(sizeof(*sealed) + text.length + TAG);

  if (sealed == NULL)
    return NULL;
  atomic_init(&sealed->references, 1);
  sealed->version = 0;
  sealed->asked_at = 0;
  sealed->length = text.length;
  randombytes_buf(sealed->nonce, NONCE);
  (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
      sealed->bytes, NULL, (const unsigned char *)text.start, text.length, NULL, 0, NULL,
      sealed->nonce, (const unsigned char *)key->bytes);
  return sealed;
}

bool sealed_open(const struct sealed *sealed, const struct guarded *key, struct guarded *into)
{
  guarded_clear(into, into->capacity);
  if (!guarded_reserve(into, sealed->length + 1))
    return false;
  into->length = sealed->length;
  return crypto_aead_xchacha20poly1305_ietf_decrypt(
             (unsigned char *)into->bytes, NULL, NULL, sealed->bytes, sealed->length + TAG, NULL, 0,
             sealed->nonce, (const unsigned char *)key->bytes) == 0;
}

struct sealed *sealed_hold(struct sealed *sealed)
{
  if (sealed != NULL)
    (void)atomic_fetch_add(&sealed->references, 1);
  return sealed;
}

void sealed_release(struct sealed *sealed)
{
  if (sealed != NULL && atomic_fetch_sub(&sealed->references, 1) == 1)
    free(sealed);
}
