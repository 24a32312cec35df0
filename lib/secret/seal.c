/*
 * Wrapping, boxing and hashing with libsodium. Associated data is hashed to 32 bytes first, so that
 * it needs no memory whatever its length.
 */
#include "secret/seal.h"

#include "base/hash.h"

#include <sodium.h>
#include <string.h>

_Static_assert((int)SEAL_KEY == crypto_kdf_KEYBYTES && (int)SEAL_KEY == HASH_KEY &&
                   (int)SEAL_MAC == HASH_BYTES && (int)SEAL_SALT == crypto_pwhash_SALTBYTES,
               "sizes are libsodium's");

/* Made of a key by crypto_kdf. */
enum use { USE_WRAP = 1, USE_MAC = 2 };

static void make_key(const uint8_t key[SEAL_KEY], enum use use, uint8_t made[SEAL_KEY])
{
  (void)crypto_kdf_derive_from_key(made, SEAL_KEY, (uint64_t)use, "cnnseal1", key);
}

/* ---- hashing ---- */

static void add_place(hash_state *state, const struct seal_place *place)
{
  hash_number(state, SEAL_FORM);
  hash_text(state, place->store_id);
  hash_text(state, place->tenant_id);
  hash_text(state, place->app_id);
  hash_text(state, place->connector_id);
  hash_text(state, place->path);
  hash_number(state, place->version);
  hash_number(state, place->created_at);
}

bool seal_same(const uint8_t a[SEAL_MAC], const uint8_t b[SEAL_MAC])
{
  return sodium_memcmp(a, b, SEAL_MAC) == 0;
}

/* ---- boxes: nonce, what is encrypted, tag ---- */

static void close_box(const uint8_t key[SEAL_KEY], const uint8_t bound[SEAL_MAC], const void *bytes,
                      size_t length, uint8_t *box)
{
  const struct box_bound to = { bound, SEAL_MAC };

  randombytes_buf(box, BOX_NONCE);
  box_close(key, to, bytes, length, box);
}

static bool open_box(const uint8_t key[SEAL_KEY], const uint8_t bound[SEAL_MAC], const uint8_t *box,
                     size_t length, void *bytes)
{
  const struct box_bound to = { bound, SEAL_MAC };

  return length >= BOX_OVERHEAD && box_open(key, to, box, length - BOX_OVERHEAD, bytes);
}

/* ---- the root ---- */

static void add_root(hash_state *state, const char *store_id, const struct seal_root *known)
{
  hash_text(state, store_id);
  hash_number(state, known->form);
  hash_number(state, known->passes);
  hash_number(state, known->memory);
  hash_bytes(state, known->salt, SEAL_SALT);
  hash_number(state, known->term);
  hash_number(state, known->generation);
}

void seal_root_mac(const uint8_t root[SEAL_KEY], const char *store_id,
                   const struct seal_root *known, uint8_t mac[SEAL_MAC])
{
  uint8_t key[SEAL_KEY];
  hash_state state;

  make_key(root, USE_MAC, key);
  hash_start(&state, key, "root\0\0\0\0");
  add_root(&state, store_id, known);
  hash_end(&state, mac);
  sodium_memzero(key, sizeof(key));
}

void seal_root_digest(const char *store_id, const struct seal_root *known,
                      const uint8_t mac[SEAL_MAC], uint8_t digest[SEAL_MAC])
{
  hash_state state;

  hash_start(&state, NULL, "digest\0\0");
  add_root(&state, store_id, known);
  hash_bytes(&state, mac, SEAL_MAC);
  hash_end(&state, digest);
}

bool seal_root_derive(const char *passphrase, size_t length, const struct seal_root *known,
                      uint8_t root[SEAL_KEY])
{
  return crypto_pwhash(root, SEAL_KEY, passphrase, length, known->salt,
                       (unsigned long long)known->passes, (size_t)known->memory,
                       crypto_pwhash_ALG_ARGON2ID13) == 0;
}

/* ---- keys of tenants ---- */

static void bind_tenant(const char *store_id, const char *tenant_id, int64_t term,
                        uint8_t bound[SEAL_MAC])
{
  hash_state state;

  hash_start(&state, NULL, "tenant\0\0");
  hash_number(&state, SEAL_FORM);
  hash_text(&state, store_id);
  hash_text(&state, tenant_id);
  hash_number(&state, term);
  hash_end(&state, bound);
}

void seal_tenant_wrap(const uint8_t root[SEAL_KEY], const char *store_id, const char *tenant_id,
                      int64_t term, const uint8_t key[SEAL_KEY], uint8_t wrapped[SEAL_WRAPPED])
{
  uint8_t bound[SEAL_MAC];
  uint8_t wrap[SEAL_KEY];

  bind_tenant(store_id, tenant_id, term, bound);
  make_key(root, USE_WRAP, wrap);
  close_box(wrap, bound, key, SEAL_KEY, wrapped);
  sodium_memzero(wrap, sizeof(wrap));
}

bool seal_tenant_unwrap(const uint8_t root[SEAL_KEY], const char *store_id, const char *tenant_id,
                        int64_t term, const uint8_t wrapped[SEAL_WRAPPED], uint8_t key[SEAL_KEY])
{
  uint8_t bound[SEAL_MAC];
  uint8_t wrap[SEAL_KEY];
  bool opened = false;

  bind_tenant(store_id, tenant_id, term, bound);
  make_key(root, USE_WRAP, wrap);
  opened = open_box(wrap, bound, wrapped, SEAL_WRAPPED, key);
  sodium_memzero(wrap, sizeof(wrap));
  return opened;
}

void seal_tenant_open(const uint8_t key[SEAL_KEY], struct seal_tenant *out)
{
  make_key(key, USE_WRAP, out->wrap);
  make_key(key, USE_MAC, out->head);
}

/* ---- versions ---- */

/* To whether it is deleted too: a row that tells another state than the secret's head is found. */
static void bind_wrap(const struct seal_place *place, int64_t term, uint8_t bound[SEAL_MAC])
{
  hash_state state;

  hash_start(&state, NULL, "wrap\0\0\0\0");
  add_place(&state, place);
  hash_number(&state, place->deleted_at);
  hash_number(&state, term);
  hash_end(&state, bound);
}

/* To what never changes: neither the tenant's key nor whether it is deleted. */
static void bind_values(const struct seal_place *place, uint8_t bound[SEAL_MAC])
{
  hash_state state;

  hash_start(&state, NULL, "values\0\0");
  add_place(&state, place);
  hash_end(&state, bound);
}

void seal_version_wrap(const struct seal_tenant *tenant, const struct seal_place *place,
                       int64_t term, const uint8_t key[SEAL_KEY], uint8_t wrapped[SEAL_WRAPPED])
{
  uint8_t bound[SEAL_MAC];

  bind_wrap(place, term, bound);
  close_box(tenant->wrap, bound, key, SEAL_KEY, wrapped);
}

bool seal_version_unwrap(const struct seal_tenant *tenant, const struct seal_place *place,
                         int64_t term, const void *wrapped, size_t length, uint8_t key[SEAL_KEY])
{
  uint8_t bound[SEAL_MAC];

  bind_wrap(place, term, bound);
  return length == SEAL_WRAPPED && open_box(tenant->wrap, bound, wrapped, length, key);
}

void seal_commit(const uint8_t key[SEAL_KEY], uint8_t commitment[SEAL_COMMITMENT])
{
  hash_state state;

  hash_start(&state, key, "commit\0\0");
  hash_end(&state, commitment);
}

bool seal_committed(const uint8_t key[SEAL_KEY], const void *commitment, size_t length)
{
  uint8_t own[SEAL_COMMITMENT];

  seal_commit(key, own);
  return length == SEAL_COMMITMENT && seal_same(own, commitment);
}

void seal_box(const uint8_t key[SEAL_KEY], const struct seal_place *place, const void *bytes,
              size_t length, uint8_t *box)
{
  uint8_t bound[SEAL_MAC];

  bind_values(place, bound);
  close_box(key, bound, bytes, length, box);
}

bool seal_unbox(const uint8_t key[SEAL_KEY], const struct seal_place *place, const void *box,
                size_t length, void *bytes)
{
  uint8_t bound[SEAL_MAC];

  bind_values(place, bound);
  return open_box(key, bound, box, length, bytes);
}

/* ---- heads ---- */

void seal_head_mac(const struct seal_tenant *tenant, const struct seal_place *place, int64_t term,
                   int64_t current, const void *versions, size_t length, uint8_t mac[SEAL_MAC])
{
  hash_state state;

  hash_start(&state, tenant->head, "head\0\0\0\0");
  add_place(&state, place);
  hash_number(&state, term);
  hash_number(&state, current);
  hash_bytes(&state, versions, length);
  hash_end(&state, mac);
}
