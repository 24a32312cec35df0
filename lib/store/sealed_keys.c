/*
 * Keys of the sealed vault. The root key is made before a transaction, for that may take long and
 * ask the host; inside one it is only checked against the file, and a vault whose file has another
 * by then is unlocked anew.
 */
#include "store/sealed.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

_Static_assert((int)SEALED_WRAPPED == SEAL_WRAPPED && (int)SEALED_MAC == SEAL_MAC &&
                   (int)SEALED_SALT == SEAL_SALT,
               "rows and seals have the same sizes");

connector_status sealed_tampered(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_TAMPERED, NULL,
                   "what is sealed here was changed by somebody else");
}

static connector_status wrong_key(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_SEALED, NULL,
                   "the root key is not the one of this file's secrets");
}

/* ---- calls ---- */

connector_status sealed_call_begin(struct sealed_call *call, struct sealed *sealed,
                                   struct connection *connection, bool writes,
                                   connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  *call = (struct sealed_call){
    .sealed = sealed, .connection = connection, .writes = writes, .error = error
  };
  status = secret_key_take(sealed->memory, &call->key, error);
  if (status == CONNECTOR_OK)
    status = secret_work_take(sealed->memory, sizeof(*call->keys), &call->work, error);
  if (status == CONNECTOR_OK)
    call->keys = (struct sealed_keys *)(void *)call->work.bytes;
  return status;
}

void sealed_call_end(struct sealed_call *call)
{
  secret_work_give(&call->work);
  secret_key_give(&call->key);
  arena_free(&call->arena);
}

/* ---- the root ---- */

static struct seal_root known_of(const struct sealed_root *row)
{
  return (struct seal_root){ .form = row->form,
                             .passes = row->passes,
                             .memory = row->memory,
                             .salt = row->salt,
                             .term = row->term,
                             .generation = row->generation };
}

/* Nothing of the row is heeded before this. */
static bool is_whole(const struct sealed *sealed, const struct sealed_root *row)
{
  const struct seal_root known = known_of(row);
  uint8_t digest[SEAL_MAC];

  seal_root_digest(sealed->store->id, &known, row->mac, digest);
  return row->form == SEAL_FORM && seal_same(digest, row->digest);
}

static bool is_key_of(const struct sealed *sealed, const struct sealed_root *row,
                      const uint8_t key[SEAL_KEY])
{
  const struct seal_root known = known_of(row);
  uint8_t mac[SEAL_MAC];

  seal_root_mac(key, sealed->store->id, &known, mac);
  return seal_same(mac, row->mac);
}

/* What a file shows of its vault. */
struct shown {
  struct sealed_root root;
  bool has_root;
  struct sealed_key key; /* of some tenant */
  const char *tenant_id;
  bool has_key;
  struct arena arena;
};

static connector_status look(struct call *call, struct shown *shown)
{
  struct work work;
  connector_status status = work_begin_snapshot(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = sealed_root_find(work.connection, &shown->root, &shown->has_root, call->error);
  if (status == CONNECTOR_OK)
    status = sealed_key_next(work.connection, "", 0, &shown->tenant_id, &shown->key, &shown->arena,
                             &shown->has_key, call->error);
  work_end_snapshot(&work);
  if (status == CONNECTOR_SECRET_TAMPERED && shown->has_key) {
    shown->tenant_id = NULL; /* one tenant's damage is nobody else's */
    status = error_clear(call->error);
  }
  return status;
}

bool sealed_is_unlocked(struct sealed *sealed)
{
  bool has = false;

  pthread_mutex_lock(&sealed->lock);
  has = sealed->root.length > 0;
  pthread_mutex_unlock(&sealed->lock);
  return has;
}

static void forget_kept(struct sealed *sealed)
{
  for (size_t i = 0; i < SEALED_KEYS_KEPT; i++) {
    free(sealed->kept[i].tenant_id);
    secret_cell_free(&sealed->kept[i].key);
    sealed->kept[i] = (struct kept_key){ 0 };
  }
}

void sealed_forget_keys(struct sealed *sealed)
{
  pthread_mutex_lock(&sealed->lock);
  forget_kept(sealed);
  pthread_mutex_unlock(&sealed->lock);
}

connector_status sealed_keep_root(struct sealed *sealed, const uint8_t key[SEAL_KEY],
                                  connector_error *error)
{
  struct secret_cell cell = { 0 };
  connector_status status = secret_cell_seal(sealed->memory, key, SEAL_KEY, &cell, error);

  if (status != CONNECTOR_OK)
    return status;
  pthread_mutex_lock(&sealed->lock);
  secret_cell_free(&sealed->root);
  sealed->root = cell;
  pthread_mutex_unlock(&sealed->lock);
  return CONNECTOR_OK;
}

/* A file without a root gets the present key, and with it a salt of its own. */
static connector_status plan(struct sealed *sealed, uint8_t key[SEAL_KEY], connector_error *error)
{
  struct seal_root planned;
  uint8_t salt[SEAL_SALT];
  bool fits = false;
  connector_status status = CONNECTOR_OK;

  root_key_plan(&sealed->sources[0], &planned, salt);
  status = root_key_make(sealed->memory, &sealed->sources[0], &planned, key, &fits, error);
  if (status != CONNECTOR_OK)
    return status;
  pthread_mutex_lock(&sealed->lock);
  memcpy(sealed->salt, salt, sizeof(salt));
  sealed->planned = planned;
  sealed->planned.salt = sealed->salt;
  pthread_mutex_unlock(&sealed->lock);
  return sealed_keep_root(sealed, key, error);
}

/* One of the sources has the file's key, or the key is wrong; or the row that tells is. */
static connector_status find_key(struct sealed *sealed, const struct shown *shown,
                                 uint8_t key[SEAL_KEY], connector_error *error)
{
  const struct seal_root known = known_of(&shown->root);
  uint8_t unwrapped[SEAL_KEY];
  bool opens = false;

  for (size_t i = 0; i < sealed->source_count; i++) {
    bool fits = false;
    connector_status status = root_key_make(sealed->memory, &sealed->sources[i], &known, key, &fits,
                                            error);

    if (status != CONNECTOR_OK)
      return status;
    if (fits && is_key_of(sealed, &shown->root, key))
      return sealed_keep_root(sealed, key, error);
    opens = opens || (fits && shown->has_key && shown->tenant_id != NULL &&
                      seal_tenant_unwrap(key, sealed->store->id, shown->tenant_id, shown->key.term,
                                         shown->key.wrapped, unwrapped));
    sodium_memzero(unwrapped, sizeof(unwrapped));
  }
  return opens ? sealed_tampered(error) : wrong_key(error);
}

static connector_status unlock_with(struct sealed *sealed, const struct shown *shown,
                                    connector_error *error)
{
  struct secret_work work = { 0 };
  connector_status status = CONNECTOR_OK;

  if (!shown->has_root && shown->has_key)
    return sealed_tampered(error);
  if (shown->has_root && !is_whole(sealed, &shown->root))
    return sealed_tampered(error);
  status = secret_work_take(sealed->memory, SEAL_KEY, &work, error);
  if (status != CONNECTOR_OK)
    return status;
  status = shown->has_root ? find_key(sealed, shown, (uint8_t *)work.bytes, error)
                           : plan(sealed, (uint8_t *)work.bytes, error);
  secret_work_give(&work);
  return status;
}

static connector_status unlock(struct sealed *sealed, struct call *call, bool anew)
{
  struct shown shown = { .has_root = false };
  connector_status status = CONNECTOR_OK;

  status = look(call, &shown); /* waits for a connection, so with nothing locked */
  pthread_mutex_lock(&sealed->unlocking);
  if (status == CONNECTOR_OK && (anew || !sealed_is_unlocked(sealed)))
    status = unlock_with(sealed, &shown, call->error);
  pthread_mutex_unlock(&sealed->unlocking);
  arena_free(&shown.arena);
  return status;
}

connector_status sealed_unlock(struct sealed *sealed, struct call *call)
{
  return sealed_is_unlocked(sealed) ? CONNECTOR_OK : unlock(sealed, call, false);
}

connector_status sealed_unlock_anew(struct sealed *sealed, struct call *call)
{
  return unlock(sealed, call, true);
}

/* The root key that is known, or that the file has changed under it. */
static connector_status open_root(struct sealed_call *call)
{
  struct sealed *sealed = call->sealed;
  connector_status status = CONNECTOR_OK;

  pthread_mutex_lock(&sealed->lock);
  status = sealed->root.length > 0
               ? secret_key_open(&call->key, &sealed->root, call->keys->root, call->error)
               : wrong_key(call->error);
  pthread_mutex_unlock(&sealed->lock);
  return status;
}

connector_status sealed_root(struct sealed_call *call, struct sealed_root *root)
{
  struct sealed *sealed = call->sealed;
  bool found = false;
  connector_status status = sealed_root_find(call->connection, root, &found, call->error);

  if (status == CONNECTOR_OK && found && !is_whole(sealed, root))
    status = sealed_tampered(call->error);
  if (status == CONNECTOR_OK)
    status = open_root(call);
  if (status != CONNECTOR_OK)
    return status;
  if (found) {
    if (is_key_of(sealed, root, call->keys->root))
      return CONNECTOR_OK;
    return wrong_key(call->error); /* or it was rotated: sealed_unlock_anew() tells */
  }
  pthread_mutex_lock(&sealed->lock);
  *root = (struct sealed_root){ .form = sealed->planned.form,
                                .passes = sealed->planned.passes,
                                .memory = sealed->planned.memory,
                                .term = sealed->planned.term };
  memcpy(root->salt, sealed->salt, SEAL_SALT);
  pthread_mutex_unlock(&sealed->lock);
  return root->term > 0 ? CONNECTOR_OK : sealed_tampered(call->error); /* it was there before */
}

connector_status sealed_root_write(struct sealed_call *call, struct sealed_root *root,
                                   const uint8_t key[SEAL_KEY])
{
  const char *store_id = call->sealed->store->id;
  const struct seal_root known = known_of(root);

  seal_root_mac(key, store_id, &known, root->mac);
  seal_root_digest(store_id, &known, root->mac, root->digest);
  return sealed_root_put(call->connection, root, call->error);
}

connector_status sealed_root_advance(struct sealed_call *call)
{
  struct sealed_root root;
  connector_status status = sealed_root(call, &root);

  if (status != CONNECTOR_OK)
    return status;
  root.generation++;
  return sealed_root_write(call, &root, call->keys->root);
}

/* ---- keys of tenants ---- */

static struct kept_key *place_of(struct sealed *sealed, const char *tenant_id, int64_t term)
{
  uint64_t hash = UINT64_C(14695981039346656037) ^ (uint64_t)term; /* FNV-1a */

  for (const char *at = tenant_id; *at != '\0'; at++)
    hash = (hash ^ (uint8_t)*at) * UINT64_C(1099511628211);
  return &sealed->kept[(hash ^ hash >> 32) % SEALED_KEYS_KEPT];
}

static connector_status find_kept(struct sealed_call *call, const char *tenant_id, int64_t term,
                                  struct seal_tenant *out, bool *found)
{
  struct sealed *sealed = call->sealed;
  struct kept_key *kept = place_of(sealed, tenant_id, term);
  connector_status status = CONNECTOR_OK;

  pthread_mutex_lock(&sealed->lock);
  *found = kept->tenant_id != NULL && kept->term == term && strcmp(kept->tenant_id, tenant_id) == 0;
  if (*found)
    status = secret_key_open(&call->key, &kept->key, out, call->error);
  pthread_mutex_unlock(&sealed->lock);
  return status;
}

/* Without memory it is not kept: the next call unwraps it again. */
static void keep(const struct sealed_call *call, const char *tenant_id, int64_t term,
                 const struct seal_tenant *key)
{
  struct sealed *sealed = call->sealed;
  struct kept_key kept = { strdup(tenant_id), term, { 0 } };
  struct kept_key *place = place_of(sealed, tenant_id, term);

  if (kept.tenant_id == NULL ||
      secret_key_seal(&call->key, key, sizeof(*key), &kept.key, NULL) != CONNECTOR_OK) {
    free(kept.tenant_id);
    return;
  }
  pthread_mutex_lock(&sealed->lock);
  free(place->tenant_id);
  secret_cell_free(&place->key);
  *place = kept;
  pthread_mutex_unlock(&sealed->lock);
}

static connector_status unwrap(struct sealed_call *call, const char *tenant_id,
                               const struct sealed_key *key, struct seal_tenant *out)
{
  struct sealed_root root;
  connector_status status = sealed_root(call, &root);

  if (status != CONNECTOR_OK)
    return status;
  if (!seal_tenant_unwrap(call->keys->root, call->sealed->store->id, tenant_id, key->term,
                          key->wrapped, call->keys->made))
    return sealed_tampered(call->error);
  seal_tenant_open(call->keys->made, out);
  return CONNECTOR_OK;
}

connector_status sealed_tenant(struct sealed_call *call, const char *tenant_id, int64_t term,
                               struct seal_tenant *out)
{
  struct sealed_key key;
  bool found = false;
  connector_status status = find_kept(call, tenant_id, term, out, &found);

  if (status != CONNECTOR_OK || found)
    return status;
  status = sealed_key_find(call->connection, tenant_id, term, &key, &found, call->error);
  if (status == CONNECTOR_OK && (!found || term <= 0))
    status = sealed_tampered(call->error);
  if (status == CONNECTOR_OK)
    status = unwrap(call, tenant_id, &key, out);
  if (status == CONNECTOR_OK && !call->writes)
    keep(call, tenant_id, term, out);
  return status;
}

connector_status sealed_tenant_make(struct sealed_call *call, const char *tenant_id, int64_t term)
{
  struct sealed_root root;
  struct sealed_key key = { .term = term };
  connector_status status = sealed_root(call, &root);

  if (status != CONNECTOR_OK)
    return status;
  randombytes_buf(call->keys->made, SEAL_KEY);
  seal_tenant_wrap(call->keys->root, call->sealed->store->id, tenant_id, term, call->keys->made,
                   key.wrapped);
  return sealed_key_put(call->connection, tenant_id, &key, call->error);
}

connector_status sealed_tenant_newest(struct sealed_call *call, const char *tenant_id,
                                      int64_t *term, struct seal_tenant *out)
{
  struct sealed_key key;
  bool found = false;
  connector_status status = sealed_key_find(call->connection, tenant_id, 0, &key, &found,
                                            call->error);

  if (status != CONNECTOR_OK)
    return status;
  *term = found ? key.term : 1;
  if (found)
    return sealed_tenant(call, tenant_id, key.term, out);
  status = sealed_tenant_make(call, tenant_id, *term);
  if (status == CONNECTOR_OK)
    seal_tenant_open(call->keys->made, out);
  return status;
}
