/*
 * LMDB with a packed record: no SQL, no columns, each commit synced. A record is a `connector` and
 * its text in one value, under the tenant and the id; beside it the entries that the library's
 * indexes have: one to find a record by its id alone, one for each kind of work that falls due, and
 * one for what is deleted.
 */
#include "peer.h"

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>

enum { TENANT = 64, KEY = TENANT + PEER_ID, TEXTS = 23, RECORD = 8192, DUE_KEY = KEY + 9 };

static const size_t texts[TEXTS] = {
  offsetof(connector, id),
  offsetof(connector, tenant_id),
  offsetof(connector, app_id),
  offsetof(connector, created_by),
  offsetof(connector, updated_by),
  offsetof(connector, source),
  offsetof(connector, deleted_by),
  offsetof(connector, type),
  offsetof(connector, provider),
  offsetof(connector, name),
  offsetof(connector, owner_id),
  offsetof(connector, group_id),
  offsetof(connector, user_id),
  offsetof(connector, config),
  offsetof(connector, vault_path),
  offsetof(connector, auth_type),
  offsetof(connector, sync_status),
  offsetof(connector, last_error),
  offsetof(connector, metrics),
  offsetof(connector, event_types),
  offsetof(connector, webhook_endpoint_id),
  offsetof(connector, tags),
  offsetof(connector, application_id),
};

struct store {
  MDB_env *env;
  MDB_dbi records;
  MDB_dbi tenants; /* the tenant of each id */
  MDB_dbi due;     /* tenant, kind, moment, id */
  MDB_txn *reader; /* reset between reads */
  char tenant[TENANT];
  char after[PEER_ID];
};

static bool told(int code)
{
  return code == MDB_SUCCESS || peer_problem("lmdb", mdb_strerror(code));
}

/* ---- records as bytes ---- */

/* Offsets stand where pointers stood, counted from the record's start; 0 is null. */
static size_t pack(const connector *record, char bytes[RECORD])
{
  size_t used = sizeof(*record);

  memcpy(bytes, record, sizeof(*record));
  for (size_t i = 0; i < TEXTS; i++) {
    const char *text = NULL;
    size_t at = 0;

    memcpy(&text, (const char *)record + texts[i], sizeof(text));
    if (text != NULL) {
      size_t size = strlen(text) + 1;

      if (used + size > RECORD)
        return 0;
      memcpy(bytes + used, text, size);
      at = used;
      used += size;
    }
    memcpy(bytes + texts[i], &at, sizeof(at));
  }
  return used;
}

/* Makes a copy's offsets pointers again. */
static void unpack(char *bytes)
{
  for (size_t i = 0; i < TEXTS; i++) {
    size_t at = 0;
    const char *text = NULL;

    memcpy(&at, bytes + texts[i], sizeof(at));
    text = at != 0 ? bytes + at : NULL;
    memcpy(bytes + texts[i], &text, sizeof(text));
  }
}

/* The record outlives the transaction, as those of the other programs do. */
static bool show_copy(const MDB_val *value, peer_show_fn show, void *user)
{
  char *bytes = malloc(value->mv_size);

  if (bytes == NULL)
    return peer_problem("lmdb", "out of memory");
  memcpy(bytes, value->mv_data, value->mv_size);
  unpack(bytes);
  show(user, (const connector *)(const void *)bytes);
  free(bytes);
  return true;
}

static bool is_deleted(const MDB_val *value)
{
  bool deleted = false;

  memcpy(&deleted, (const char *)value->mv_data + offsetof(connector, is_deleted), sizeof(deleted));
  return deleted;
}

/* ---- keys ---- */

static MDB_val key_of(const struct store *store, const char *id, char key[KEY])
{
  size_t length = strlen(store->tenant) + 1;
  size_t id_length = strlen(id);

  memcpy(key, store->tenant, length);
  memcpy(key + length, id, id_length);
  return (MDB_val){ length + id_length, key };
}

static MDB_val due_key(const struct store *store, char kind, int64_t moment, const char *id,
                       char key[DUE_KEY])
{
  size_t length = strlen(store->tenant) + 1;
  uint64_t bits = (uint64_t)moment;

  memcpy(key, store->tenant, length);
  key[length++] = kind;
  for (int i = 0; i < 8; i++)
    key[length++] = (char)(bits >> (56 - 8 * i) & 0xff);
  memcpy(key + length, id, strlen(id));
  return (MDB_val){ length + strlen(id), key };
}

/* Puts or deletes the entries of a live record: refresh, expiry, rotation, sync. */
static int each_due(const struct store *store, MDB_txn *txn, const connector *record, bool put)
{
  const struct {
    char kind;
    bool is_due;
    int64_t moment;
  } due[] = { { 'r', record->oauth_refresh_needed || record->oauth_token_expires_at != 0,
                record->oauth_refresh_needed ? 0
                                             : record->oauth_token_expires_at - PEER_TOKEN_LEAD },
              { 'e', record->oauth_refresh_needed || record->oauth_token_expires_at != 0,
                record->oauth_refresh_needed ? 0 : record->oauth_token_expires_at },
              { 'o', record->next_rotation_due != 0, record->next_rotation_due },
              { 's', record->enabled, record->last_sync_at } };
  char bytes[DUE_KEY];
  MDB_val nothing = { 0, NULL };
  int code = MDB_SUCCESS;

  for (size_t i = 0; code == MDB_SUCCESS && i < sizeof(due) / sizeof(due[0]); i++) {
    MDB_val key = due_key(store, due[i].kind, due[i].moment, record->id, bytes);

    if (due[i].is_due)
      code = put ? mdb_put(txn, store->due, &key, &nothing, 0)
                 : mdb_del(txn, store->due, &key, NULL);
  }
  return code;
}

/* ---- the store ---- */

static void store_close(void *peer)
{
  struct store *store = peer;

  mdb_txn_abort(store->reader);
  mdb_env_close(store->env);
  free(store);
}

static int open_databases(struct store *store, const char *path)
{
  MDB_txn *txn = NULL;
  int code = mdb_env_create(&store->env);

  if (code == MDB_SUCCESS)
    code = mdb_env_set_mapsize(store->env, (size_t)8 << 30);
  if (code == MDB_SUCCESS)
    code = mdb_env_set_maxdbs(store->env, 3);
  if (code == MDB_SUCCESS)
    code = mdb_env_open(store->env, path, MDB_NOSUBDIR, 0600);
  if (code == MDB_SUCCESS)
    code = mdb_txn_begin(store->env, NULL, 0, &txn);
  if (code == MDB_SUCCESS)
    code = mdb_dbi_open(txn, "records", MDB_CREATE, &store->records);
  if (code == MDB_SUCCESS)
    code = mdb_dbi_open(txn, "tenants", MDB_CREATE, &store->tenants);
  if (code == MDB_SUCCESS)
    code = mdb_dbi_open(txn, "due", MDB_CREATE, &store->due);
  if (code == MDB_SUCCESS)
    code = mdb_txn_commit(txn);
  else
    mdb_txn_abort(txn);
  if (code == MDB_SUCCESS)
    code = mdb_txn_begin(store->env, NULL, MDB_RDONLY, &store->reader);
  if (code == MDB_SUCCESS)
    mdb_txn_reset(store->reader);
  return code;
}

/* LMDB's file is its own: the store of the library's that lies there makes way. */
static void *store_open(const char *path, const char *tenant)
{
  struct store *store = calloc(1, sizeof(*store));

  if (store == NULL || strlen(tenant) >= TENANT) {
    free(store);
    return NULL;
  }
  memcpy(store->tenant, tenant, strlen(tenant));
  if (told(open_databases(store, path)))
    return store;
  store_close(store);
  return NULL;
}

/* ---- writes ---- */

static int put_record(struct store *store, MDB_txn *txn, const connector *record, unsigned flags)
{
  char bytes[RECORD];
  char key_bytes[KEY];
  MDB_val key = key_of(store, record->id, key_bytes);
  MDB_val value = { pack(record, bytes), bytes };

  return value.mv_size > 0 ? mdb_put(txn, store->records, &key, &value, flags) : MDB_BAD_VALSIZE;
}

static int create_one(struct store *store, MDB_txn *txn, const connector *row)
{
  MDB_val id = { strlen(row->id), (void *)(uintptr_t)row->id };
  MDB_val tenant = { strlen(store->tenant), store->tenant };
  int code = put_record(store, txn, row, MDB_NOOVERWRITE);

  if (code == MDB_SUCCESS)
    code = mdb_put(txn, store->tenants, &id, &tenant, MDB_NOOVERWRITE);
  if (code == MDB_SUCCESS)
    code = each_due(store, txn, row, true);
  return code;
}

static bool store_create(void *peer, const connector *rows, size_t count, char (*ids)[PEER_ID])
{
  struct store *store = peer;
  MDB_txn *txn = NULL;
  int code = mdb_txn_begin(store->env, NULL, 0, &txn);

  (void)ids;
  for (size_t i = 0; code == MDB_SUCCESS && i < count; i++)
    code = create_one(store, txn, &rows[i]);
  if (code == MDB_SUCCESS)
    code = mdb_txn_commit(txn);
  else
    mdb_txn_abort(txn);
  return told(code);
}

/* The live record of that version, copied to `bytes`; NULL where there is none. */
static connector *find(struct store *store, MDB_txn *txn, const char *id, int64_t version,
                       char bytes[RECORD])
{
  char key_bytes[KEY];
  MDB_val key = key_of(store, id, key_bytes);
  MDB_val value;

  if (mdb_get(txn, store->records, &key, &value) != MDB_SUCCESS || value.mv_size > RECORD ||
      is_deleted(&value))
    return NULL;
  memcpy(bytes, value.mv_data, value.mv_size);
  unpack(bytes);
  if (((connector *)(void *)bytes)->version != version)
    return NULL;
  return (connector *)(void *)bytes;
}

static int mark_deleted(struct store *store, MDB_txn *txn, connector *record, const char *person)
{
  char bytes[DUE_KEY];
  MDB_val nothing = { 0, NULL };
  MDB_val key;
  int code = each_due(store, txn, record, false);

  record->is_deleted = true;
  record->deleted_at = peer_now();
  record->deleted_by = person;
  key = due_key(store, 'd', record->deleted_at, record->id, bytes);
  return code == MDB_SUCCESS ? mdb_put(txn, store->due, &key, &nothing, 0) : code;
}

/* Sets the name, or deletes where there is none. */
static enum peer_answer change(struct store *store, const char *id, int64_t version,
                               const char *name)
{
  _Alignas(connector) char bytes[RECORD];
  connector_caller caller = peer_caller(store->tenant);
  MDB_txn *txn = NULL;
  int code = mdb_txn_begin(store->env, NULL, 0, &txn);
  connector *record = code == MDB_SUCCESS ? find(store, txn, id, version, bytes) : NULL;

  if (record == NULL) {
    mdb_txn_abort(txn);
    return told(code) ? PEER_REFUSED : PEER_FAILED;
  }
  record->version++;
  record->updated_at = peer_now();
  record->updated_by = caller.person_id;
  if (name != NULL)
    record->name = name;
  else
    code = mark_deleted(store, txn, record, caller.person_id);
  if (code == MDB_SUCCESS)
    code = put_record(store, txn, record, 0);
  if (code == MDB_SUCCESS)
    code = mdb_txn_commit(txn);
  else
    mdb_txn_abort(txn);
  return told(code) ? PEER_DONE : PEER_FAILED;
}

static enum peer_answer store_update(void *peer, const char *id, int64_t version, const char *name)
{
  return change(peer, id, version, name);
}

static enum peer_answer store_remove(void *peer, const char *id, int64_t version)
{
  return change(peer, id, version, NULL);
}

/* ---- reads ---- */

static enum peer_answer store_get(void *peer, const char *id, peer_show_fn show, void *user)
{
  struct store *store = peer;
  char key_bytes[KEY];
  MDB_val key = key_of(store, id, key_bytes);
  MDB_val value;
  int code = mdb_txn_renew(store->reader);
  enum peer_answer answer = PEER_FAILED;

  if (code == MDB_SUCCESS)
    code = mdb_get(store->reader, store->records, &key, &value);
  if (code == MDB_NOTFOUND || (code == MDB_SUCCESS && is_deleted(&value)))
    answer = PEER_REFUSED;
  else if (told(code) && show_copy(&value, show, user))
    answer = PEER_DONE;
  mdb_txn_reset(store->reader);
  return answer;
}

static bool of_tenant(const struct store *store, const MDB_val *key)
{
  size_t length = strlen(store->tenant) + 1;

  return key->mv_size > length && memcmp(key->mv_data, store->tenant, length) == 0;
}

static bool read_page(struct store *store, MDB_cursor *cursor, peer_show_fn show, void *user)
{
  char key_bytes[KEY];
  MDB_val key = key_of(store, store->after, key_bytes);
  MDB_val before = key;
  MDB_val value;
  size_t count = 0;
  int code = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);

  if (code == MDB_SUCCESS && key.mv_size == before.mv_size &&
      memcmp(key.mv_data, key_bytes, key.mv_size) == 0)
    code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
  for (; code == MDB_SUCCESS && count < PEER_PAGE && of_tenant(store, &key);
       code = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) {
    size_t tenant = strlen(store->tenant) + 1;

    if (is_deleted(&value))
      continue;
    if (!show_copy(&value, show, user))
      return false;
    memcpy(store->after, (const char *)key.mv_data + tenant, key.mv_size - tenant);
    count++;
  }
  return code == MDB_NOTFOUND || told(code);
}

static bool store_list(void *peer, bool from_start, peer_show_fn show, void *user)
{
  struct store *store = peer;
  MDB_cursor *cursor = NULL;
  bool good = false;

  if (from_start)
    memset(store->after, 0, sizeof(store->after));
  if (told(mdb_txn_renew(store->reader)) &&
      told(mdb_cursor_open(store->reader, store->records, &cursor)))
    good = read_page(store, cursor, show, user);
  mdb_cursor_close(cursor);
  mdb_txn_reset(store->reader);
  return good;
}

int main(int count, char **arguments)
{
  static const struct peer_form form = { .open = store_open,
                                         .close = store_close,
                                         .create = store_create,
                                         .get = store_get,
                                         .update = store_update,
                                         .remove = store_remove,
                                         .list = store_list };

  return peer_main(&form, count, arguments);
}
