/*
 * Boxes: bytes encrypted and authenticated by XChaCha20-Poly1305, in the form of libsodium's
 * crypto_aead_xchacha20poly1305_ietf_encrypt() behind its nonce. That function moves text through
 * vector registers and leaves it there, for core dumps and the frames of signals to find; here only
 * the key stream goes through them.
 */
#ifndef SECRET_BOX_H
#define SECRET_BOX_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BOX_KEY = 32, BOX_NONCE = 24, BOX_TAG = 16, BOX_OVERHEAD = BOX_NONCE + BOX_TAG };

/* What a box is bound to; NULL and 0: nothing. */
struct box_bound {
  const uint8_t *bytes;
  size_t length;
};

/* Encrypts `length` bytes into the box, whose nonce is in its place already. */
void box_close(const uint8_t key[BOX_KEY], struct box_bound bound, const void *bytes, size_t length,
               uint8_t *box);

/* Decrypts a box that has `length` bytes in it; false, with nothing written, where it was not
 * closed so. */
bool box_open(const uint8_t key[BOX_KEY], struct box_bound bound, const uint8_t *box, size_t length,
              void *bytes);

#endif
