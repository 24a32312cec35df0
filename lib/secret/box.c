/*
 * The AEAD of RFC 8439, section 2.8, with XChaCha20, over libsodium's parts of it.
 */
#include "secret/box.h"

#include "base/bytes.h"

#include <sodium.h>
#include <string.h>

_Static_assert((int)BOX_KEY == crypto_aead_xchacha20poly1305_ietf_KEYBYTES &&
                   (int)BOX_NONCE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES &&
                   (int)BOX_TAG == crypto_aead_xchacha20poly1305_ietf_ABYTES,
               "sizes are libsodium's");

/* `to` becomes the key stream's bytes XORed with these. The stream's first block is Poly1305's.
 * Volatile, or the compiler would make vectors of it. */
static void xor_stream(const uint8_t *key, const uint8_t *nonce, const uint8_t *from, uint8_t *to,
                       size_t length)
{
  const volatile uint8_t *source = from;
  volatile uint8_t *target = to;

  if (length == 0)
    return;
  memset(to, 0, length);
  (void)crypto_stream_xchacha20_xor_ic(to, to, length, nonce, 1, key);
  for (size_t i = 0; i < length; i++)
    target[i] = (uint8_t)(target[i] ^ source[i]);
}

static void add_padded(crypto_onetimeauth_poly1305_state *state, const uint8_t *bytes,
                       size_t length)
{
  static const uint8_t zeroes[16] = { 0 };

  if (length > 0)
    (void)crypto_onetimeauth_poly1305_update(state, bytes, length);
  (void)crypto_onetimeauth_poly1305_update(state, zeroes, (16 - length % 16) % 16);
}

static void make_tag(const uint8_t *key, struct box_bound bound, const uint8_t *nonce,
                     const uint8_t *text, size_t length, uint8_t *tag)
{
  uint8_t once[crypto_onetimeauth_poly1305_KEYBYTES];
  uint8_t lengths[16];
  crypto_onetimeauth_poly1305_state state;

  bytes_put(lengths, bound.length, 8);
  bytes_put(lengths + 8, length, 8);
  (void)crypto_stream_xchacha20(once, sizeof(once), nonce, key);
  (void)crypto_onetimeauth_poly1305_init(&state, once);
  add_padded(&state, bound.bytes, bound.length);
  add_padded(&state, text, length);
  (void)crypto_onetimeauth_poly1305_update(&state, lengths, sizeof(lengths));
  (void)crypto_onetimeauth_poly1305_final(&state, tag);
  sodium_memzero(once, sizeof(once));
  sodium_memzero(&state, sizeof(state));
}

void box_close(const uint8_t key[BOX_KEY], struct box_bound bound, const void *bytes, size_t length,
               uint8_t *box)
{
  uint8_t *text = box + BOX_NONCE;

  xor_stream(key, box, bytes, text, length);
  make_tag(key, bound, box, text, length, text + length);
}

/* Without a place for the text the library's function checks the tag, and no more. */
bool box_open(const uint8_t key[BOX_KEY], struct box_bound bound, const uint8_t *box, size_t length,
              void *bytes)
{
  const uint8_t *text = box + BOX_NONCE;

  if (crypto_aead_xchacha20poly1305_ietf_decrypt_detached(NULL, NULL, text, length, text + length,
                                                          bound.bytes, bound.length, box, key) != 0)
    return false;
  xor_stream(key, box, text, bytes, length);
  return true;
}
