/*
 * The cryptography of the sealed vault, over bytes: nothing here knows of rows or files.
 *
 * A root key wraps a key for each tenant, and that a random key for each version of a secret, under
 * which its values are encrypted: XChaCha20-Poly1305 (draft-irtf-cfrg-xchacha, over RFC 8439) with
 * a random nonce each. Root and tenant keys encrypt nothing themselves: BLAKE2b (RFC 7693, as
 * crypto_kdf) makes a key of each for each use. What a box is bound to goes in as associated data,
 * every part with its length before it, so that no two places give the same bytes.
 *
 * Poly1305 alone would let one box open under two keys; so a version keeps a hash of its key, the
 * commitment, that is compared before anything is decrypted.
 *
 * Keys are SEAL_KEY bytes in memory for secrets, the caller's to wipe.
 */
#ifndef SECRET_SEAL_H
#define SECRET_SEAL_H

#include "secret/box.h"

enum {
  SEAL_FORM = 1,
  SEAL_KEY = BOX_KEY,
  SEAL_OVERHEAD = BOX_OVERHEAD,
  SEAL_WRAPPED = SEAL_KEY + SEAL_OVERHEAD,
  SEAL_COMMITMENT = 32,
  SEAL_MAC = 32,
  SEAL_SALT = 16
};

/* ---- what is bound together ---- */

/* A version of a secret, and whose it is. Text is borrowed. */
struct seal_place {
  const char *store_id;
  const char *tenant_id;
  const char *app_id; /* or NULL */
  const char *connector_id;
  const char *path; /* whole, as `vault_path` */
  int64_t version;
  int64_t created_at;
  int64_t deleted_at; /* 0: it is not. May change: only the wrap of its key is bound to it */
};

/* ---- the root ---- */

/* What a file knows of its root key. */
struct seal_root {
  int64_t form;
  int64_t passes; /* of Argon2id; 0: the key is no passphrase's */
  int64_t memory; /* in bytes */
  const uint8_t *salt;
  int64_t term;
  int64_t generation;
};

/* Over all of it, keyed by the root key. */
void seal_root_mac(const uint8_t root[SEAL_KEY], const char *store_id,
                   const struct seal_root *known, uint8_t mac[SEAL_MAC]);

/* Over all of it and the MAC, without a key: damage shows before a key is known. */
void seal_root_digest(const char *store_id, const struct seal_root *known,
                      const uint8_t mac[SEAL_MAC], uint8_t digest[SEAL_MAC]);

/* The root key of a passphrase, by Argon2id (RFC 9106); false where memory is gone. */
bool seal_root_derive(const char *passphrase, size_t length, const struct seal_root *known,
                      uint8_t root[SEAL_KEY]);

/* ---- keys of tenants ---- */

void seal_tenant_wrap(const uint8_t root[SEAL_KEY], const char *store_id, const char *tenant_id,
                      int64_t term, const uint8_t key[SEAL_KEY], uint8_t wrapped[SEAL_WRAPPED]);

/* False: it was not wrapped so. The same with all that follow. */
bool seal_tenant_unwrap(const uint8_t root[SEAL_KEY], const char *store_id, const char *tenant_id,
                        int64_t term, const uint8_t wrapped[SEAL_WRAPPED], uint8_t key[SEAL_KEY]);

/* ---- versions ---- */

/* What a tenant's key is used by: two keys made of it. */
struct seal_tenant {
  uint8_t wrap[SEAL_KEY];
  uint8_t head[SEAL_KEY];
};

void seal_tenant_open(const uint8_t key[SEAL_KEY], struct seal_tenant *out);

void seal_version_wrap(const struct seal_tenant *tenant, const struct seal_place *place,
                       int64_t term, const uint8_t key[SEAL_KEY], uint8_t wrapped[SEAL_WRAPPED]);
bool seal_version_unwrap(const struct seal_tenant *tenant, const struct seal_place *place,
                         int64_t term, const void *wrapped, size_t length, uint8_t key[SEAL_KEY]);

void seal_commit(const uint8_t key[SEAL_KEY], uint8_t commitment[SEAL_COMMITMENT]);
bool seal_committed(const uint8_t key[SEAL_KEY], const void *commitment, size_t length);

/* `box` has room for `length` + SEAL_OVERHEAD. */
void seal_box(const uint8_t key[SEAL_KEY], const struct seal_place *place, const void *bytes,
              size_t length, uint8_t *box);

/* `bytes` has room for `length` - SEAL_OVERHEAD. */
bool seal_unbox(const uint8_t key[SEAL_KEY], const struct seal_place *place, const void *box,
                size_t length, void *bytes);

/* ---- heads ---- */

/* What is known of a secret over all of its versions. `place` is without a version. */
void seal_head_mac(const struct seal_tenant *tenant, const struct seal_place *place, int64_t term,
                   int64_t current, const void *versions, size_t length, uint8_t mac[SEAL_MAC]);

bool seal_same(const uint8_t a[SEAL_MAC], const uint8_t b[SEAL_MAC]);

#endif
