/*
 * Contests of secrets: reading one that is sealed in the store's file. The other side reads the
 * record's row and opens a box of the same size with libsodium: it keeps its boxes and their key in
 * memory, looks at no path and no version, and hands out plain bytes.
 */
#include "bench.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
  BOUND = 32, /* bytes of associated data */
  OVERHEAD = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES +
             crypto_aead_xchacha20poly1305_ietf_ABYTES,
  PACKED_MOST = 1024
};

static const unsigned char root_key[CONNECTOR_ROOT_KEY_BYTES] = "a key for the benchmark alone";

/* What an OAuth client keeps. */
static const struct {
  const char *name;
  size_t length;
} values[] = { { "client_id", 36 }, { "access_token", 140 }, { "refresh_token", 64 } };

enum { VALUES = sizeof(values) / sizeof(values[0]) };

struct secrets {
  struct pair pair;
  struct ids ids;
  uint64_t library_seed;
  uint64_t other_seed;
  size_t library_bytes; /* of values that were read */
  size_t other_bytes;
  unsigned char key[crypto_aead_xchacha20poly1305_ietf_KEYBYTES];
  unsigned char bound[BOUND];
  unsigned char box[PACKED_MOST + OVERHEAD];
  char path[PATH_BYTES];
};

size_t secret_bytes(void)
{
  size_t length = 0;

  for (size_t i = 0; i < VALUES; i++)
    length += strlen(values[i].name) + values[i].length;
  return length;
}

static const char *random_id(const struct secrets *secrets, uint64_t *seed)
{
  return id_at(&secrets->ids, (size_t)(sample_random(seed) % secrets->ids.count));
}

/* ---- get ---- */

static bool other_get(void *context, size_t calls)
{
  struct secrets *secrets = context;
  size_t length = secret_bytes();

  for (size_t i = 0; i < calls; i++) {
    connector *record = handwritten_get(secrets->pair.other,
                                        random_id(secrets, &secrets->other_seed));
    unsigned char *opened = malloc(length);
    bool good = record != NULL && opened != NULL &&
                crypto_aead_xchacha20poly1305_ietf_decrypt(
                    opened, NULL, NULL, secrets->box + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
                    length + crypto_aead_xchacha20poly1305_ietf_ABYTES, secrets->bound, BOUND,
                    secrets->box, secrets->key) == 0;

    secrets->other_bytes += length;
    if (opened != NULL)
      sodium_memzero(opened, length);
    free(opened);
    free(record);
    if (!good)
      return false;
  }
  return true;
}

static bool library_get(void *context, size_t calls)
{
  struct secrets *secrets = context;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    connector_secret *secret = NULL;

    if (!library_good(connector_secret_get(secrets->pair.library,
                                           random_id(secrets, &secrets->library_seed), 0, &secret,
                                           &error),
                      &error))
      return false;
    secrets->library_bytes += secret_bytes();
    if (connector_secret_count(secret) != VALUES)
      return false;
    connector_secret_free(secret);
  }
  return true;
}

static connector_status count_bytes(void *user, const void *bytes, size_t length,
                                    connector_error *error)
{
  size_t *count = user;

  (void)bytes;
  (void)error;
  *count += length;
  return CONNECTOR_OK;
}

/* Both sides have read as much, and what the library reads is what was written. */
static bool check_get(void *context)
{
  struct secrets *secrets = context;
  connector_secret *secret = NULL;
  size_t count = 0;
  size_t wanted = 0;
  bool good = secrets->library_bytes == secrets->other_bytes &&
              connector_secret_get(secrets->pair.library, id_at(&secrets->ids, 0), 0, &secret,
                                   NULL) == CONNECTOR_OK;

  for (size_t i = 0; good && i < VALUES; i++) {
    wanted += values[i].length;
    good = connector_secret_use(secret, values[i].name, count_bytes, &count, NULL) == CONNECTOR_OK;
  }
  connector_secret_free(secret);
  return good && count == wanted;
}

static const struct contest contests[] = {
  { .operation = "get of a sealed secret",
    .versus = "row and AEAD",
    .other = other_get,
    .library = library_get,
    .check = check_get,
    .limit = 3.00,
    .limit_kind = LIMIT_AT_MOST },
};

/* ---- what they need ---- */

static void secrets_close(void *context)
{
  struct secrets *secrets = context;

  pair_close(&secrets->pair);
  store_remove(secrets->path);
  free(secrets->ids.texts);
  free(secrets);
}

bool secret_fill(connector_secret *secret, connector_error *error)
{
  char bytes[PACKED_MOST];

  memset(bytes, 'x', sizeof(bytes));
  for (size_t i = 0; i < VALUES; i++)
    if (!library_good(connector_secret_set(secret, values[i].name, bytes, values[i].length, error),
                      error))
      return false;
  return true;
}

static connector_store *open_sealed(const char *path)
{
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets resolver = CONNECTOR_SECRETS_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_store *store = NULL;
  connector_error error;

  sealed.root_key = root_key;
  if (!library_good(connector_secrets_sealed(&sealed, &resolver, &error), &error))
    return NULL;
  options.fixed_caller = &sample_caller;
  options.no_history = true;
  options.secrets = &resolver;
  if (library_good(connector_open(path, &options, &store, &error), &error))
    return store;
  resolver.close(resolver.user);
  return NULL;
}

static connector_status put_all(connector_store *store, void *user, connector_error *error)
{
  const struct secrets *secrets = user;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector_secret *secret = NULL;
  connector_status status = connector_secret_new(store, &secret, error);

  if (status == CONNECTOR_OK && !secret_fill(secret, error))
    status = CONNECTOR_INTERNAL;
  patch.clear = CONNECTOR_BIT(CONNECTOR_FIELD_VAULT_PATH); /* the sample's is another's */
  for (size_t i = 0; status == CONNECTOR_OK && i < secrets->ids.count; i++) {
    status = connector_update(store, id_at(&secrets->ids, i), 0, &patch, NULL, error);
    if (status == CONNECTOR_OK)
      status = connector_secret_put(store, id_at(&secrets->ids, i), secret, 0, NULL, error);
  }
  connector_secret_free(secret);
  return status;
}

static void make_box(struct secrets *secrets)
{
  unsigned char plain[PACKED_MOST];

  memset(plain, 'x', sizeof(plain));
  randombytes_buf(secrets->key, sizeof(secrets->key));
  randombytes_buf(secrets->bound, sizeof(secrets->bound));
  randombytes_buf(secrets->box, crypto_aead_xchacha20poly1305_ietf_NPUBBYTES);
  (void)crypto_aead_xchacha20poly1305_ietf_encrypt(
      secrets->box + crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, NULL, plain, secret_bytes(),
      secrets->bound, BOUND, NULL, secrets->box, secrets->key);
}

static void *secrets_open(struct bench *bench, const struct group *group)
{
  struct secrets *secrets = calloc(1, sizeof(*secrets));
  connector_error error;
  bool good = secrets != NULL && sodium_init() >= 0;

  (void)group;
  if (!good) {
    free(secrets);
    return NULL;
  }
  make_box(secrets);
  good = store_path(secrets->path, bench->directory, "bench-secrets.db") &&
         store_copy(bench->small_path, secrets->path);
  secrets->pair.library = good ? open_sealed(secrets->path) : NULL;
  secrets->pair.other = good ? handwritten_open(secrets->path, &sample_caller, false) : NULL;
  good = secrets->pair.library != NULL && secrets->pair.other != NULL &&
         ids_read(&secrets->ids, secrets->pair.other) &&
         library_good(connector_batch(secrets->pair.library, put_all, secrets, &error), &error);
  if (good)
    return secrets;
  secrets_close(secrets);
  return NULL;
}

const struct group bench_secrets = { .contests = contests,
                                     .count = sizeof(contests) / sizeof(contests[0]),
                                     .open = secrets_open,
                                     .close = secrets_close };
