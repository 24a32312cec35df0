/*
 * Rotating keys of the sealed vault. A root key in one transaction; a tenant's some secrets at a
 * time: each secret is wholly under one key of its tenant, and the old key goes with the last
 * secret under it.
 */
#include "base/structs.h"
#include "secret/chain.h"
#include "store/sealed.h"

#include <string.h>

enum { SECRETS_AT_ONCE = 64 };

/* ---- whose vault ---- */

static connector_status take_vault(void *user, const connector_secrets *leaf,
                                   connector_error *error)
{
  struct sealed **found = user;

  (void)error;
  if (*found == NULL)
    *found = sealed_of(leaf);
  return CONNECTOR_OK;
}

static connector_status find_vault(struct call *call, struct sealed **out)
{
  struct connector_store *store = call->store;

  *out = NULL;
  (void)resolver_each(&store->secrets, take_vault, out, NULL);
  if (*out == NULL)
    return error_set(call->error, CONNECTOR_MISUSE, "secrets", "the store has no sealed vault");
  if (store_in_batch(store))
    return error_set(call->error, CONNECTOR_MISUSE, NULL, "keys can't be rotated inside a batch");
  if (store->read_only)
    return error_set(call->error, CONNECTOR_READ_ONLY, NULL, "the store is opened read-only");
  return CONNECTOR_OK;
}

/* ---- the root key ---- */

struct root_rotation {
  struct sealed *sealed;
  struct root_key next;   /* until it is offered */
  struct root_key second; /* that the vault had */
  bool had_second;
  struct seal_root planned;
  uint8_t salt[SEAL_SALT];
  struct secret_work key; /* the new one */
  int64_t total;
  connector_progress_fn progress;
  void *user;
};

/* One tenant's key after another, in the order of tenants. */
static connector_status rewrap_tenants(struct sealed_call *call, struct root_rotation *rotation)
{
  const char *store_id = call->sealed->store->id;
  struct sealed_keys *keys = call->keys;
  struct sealed_key key = { .term = 0 };
  const char *tenant = "";
  bool found = true;
  connector_status status = CONNECTOR_OK;

  for (int64_t done = 0; status == CONNECTOR_OK; done++) {
    status = host_progress(rotation->progress, rotation->user, done, rotation->total, call->error);
    if (status == CONNECTOR_OK)
      status = sealed_key_next(call->connection, tenant, key.term, &tenant, &key, &call->arena,
                               &found, call->error);
    if (status != CONNECTOR_OK || !found)
      return status;
    if (!seal_tenant_unwrap(keys->root, store_id, tenant, key.term, key.wrapped, keys->made))
      return sealed_tampered(call->error);
    seal_tenant_wrap((uint8_t *)rotation->key.bytes, store_id, tenant, key.term, keys->made,
                     key.wrapped);
    status = sealed_key_put(call->connection, tenant, &key, call->error);
  }
  return status;
}

static connector_status write_root(struct sealed_call *call, void *context)
{
  struct root_rotation *rotation = context;
  struct sealed_root root;
  connector_status status = sealed_root(call, &root);

  if (status == CONNECTOR_OK)
    status = sealed_key_count(call->connection, &rotation->total, call->error);
  if (status == CONNECTOR_OK)
    status = rewrap_tenants(call, rotation);
  if (status != CONNECTOR_OK)
    return status;
  root.form = rotation->planned.form;
  root.passes = rotation->planned.passes;
  root.memory = rotation->planned.memory;
  memcpy(root.salt, rotation->salt, SEAL_SALT);
  root.term++;
  root.generation++;
  return sealed_root_write(call, &root, (uint8_t *)rotation->key.bytes);
}

/* The new key is the vault's second before the file has it, so that other threads find it as soon
 * as it has. What was the second is kept, should nothing come of it. */
static void offer(struct root_rotation *rotation)
{
  struct sealed *sealed = rotation->sealed;

  pthread_mutex_lock(&sealed->unlocking);
  rotation->had_second = sealed->source_count == SEALED_SOURCES;
  if (rotation->had_second)
    rotation->second = sealed->sources[1];
  sealed->sources[1] = rotation->next;
  sealed->source_count = SEALED_SOURCES;
  rotation->next = (struct root_key){ 0 };
  pthread_mutex_unlock(&sealed->unlocking);
}

/* Once the file has it, it is the first, and the one before the second. */
static void adopt(struct root_rotation *rotation)
{
  struct sealed *sealed = rotation->sealed;
  struct root_key before;

  pthread_mutex_lock(&sealed->unlocking);
  before = sealed->sources[0];
  sealed->sources[0] = sealed->sources[1];
  sealed->sources[1] = before;
  (void)sealed_keep_root(sealed, (uint8_t *)rotation->key.bytes, NULL); /* else it is found anew */
  pthread_mutex_unlock(&sealed->unlocking);
  root_key_free(&rotation->second);
}

static void take_back(struct root_rotation *rotation)
{
  struct sealed *sealed = rotation->sealed;

  pthread_mutex_lock(&sealed->unlocking);
  root_key_free(&sealed->sources[1]);
  sealed->sources[1] = rotation->second;
  sealed->source_count = rotation->had_second ? SEALED_SOURCES : 1;
  pthread_mutex_unlock(&sealed->unlocking);
}

/* One at a time: what one has offered is the second key for as long as it runs. */
static connector_status replace_root(struct call *call, struct root_rotation *rotation)
{
  struct sealed *sealed = rotation->sealed;
  connector_status status = CONNECTOR_OK;

  pthread_mutex_lock(&sealed->rotating);
  offer(rotation);
  status = sealed_in_write(sealed, call, write_root, rotation);
  if (status == CONNECTOR_OK)
    adopt(rotation);
  else
    take_back(rotation);
  pthread_mutex_unlock(&sealed->rotating);
  return status;
}

static connector_status make_next(struct root_rotation *rotation,
                                  const connector_sealed_options *next, connector_error *error)
{
  struct secret_memory *memory = rotation->sealed->memory;
  bool fits = false;
  connector_status status = root_key_take(memory, next, &rotation->next, error);

  if (status == CONNECTOR_OK)
    status = secret_work_take(memory, SEAL_KEY, &rotation->key, error);
  if (status != CONNECTOR_OK)
    return status;
  root_key_plan(&rotation->next, &rotation->planned, rotation->salt);
  return root_key_make(memory, &rotation->next, &rotation->planned, (uint8_t *)rotation->key.bytes,
                       &fits, error);
}

static connector_status rotate_root(struct call *call, const connector_sealed_options *next,
                                    connector_progress_fn progress, void *user)
{
  connector_sealed_options known = CONNECTOR_SEALED_OPTIONS_INIT;
  struct root_rotation rotation = { .progress = progress, .user = user };
  connector_status status = find_vault(call, &rotation.sealed);

  if (status == CONNECTOR_OK)
    status = struct_read(&known, sizeof(known), next, call->error);
  if (status == CONNECTOR_OK)
    status = make_next(&rotation, &known, call->error);
  if (status == CONNECTOR_OK)
    status = sealed_check_generation(rotation.sealed, call);
  if (status == CONNECTOR_OK)
    status = replace_root(call, &rotation);
  if (status == CONNECTOR_OK) {
    sealed_forget_log(call);
    status = sealed_check_generation(rotation.sealed, call);
  }
  secret_work_give(&rotation.key);
  root_key_free(&rotation.next);
  return status;
}

connector_status connector_root_key_rotate(connector_store *store,
                                           const connector_sealed_options *next,
                                           connector_progress_fn progress, void *user,
                                           connector_error *error)
{
  struct call call;
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK)
    status = next != NULL ? rotate_root(&call, next, progress, user) : not_given("next", error);
  return call_end(&call, status);
}

/* ---- a tenant's key ---- */

struct tenant_rotation {
  struct sealed *sealed;
  const char *tenant_id;
  int64_t from;    /* term of the key that goes */
  int64_t to;      /* of the newest */
  int64_t after;   /* the last secret that was looked at */
  int64_t damaged; /* secrets that can't be opened */
  bool began;      /* with the first transaction */
  bool over;
  int64_t done;
  int64_t total;
  connector_progress_fn progress;
  void *user;
};

/* The version keys of a secret, wrapped anew: all of them, or nothing may be written of it. */
static connector_status rewrap_keys(struct sealed_call *call,
                                    const struct tenant_rotation *rotation,
                                    const struct sealed_head *head, uint8_t (*wraps)[SEAL_WRAPPED])
{
  struct sealed_keys *keys = call->keys;

  for (size_t i = 0; i < head->count; i++) {
    const struct sealed_state *state = &head->states[i];
    const struct seal_place place = sealed_version_place(call, &head->row, state);
    struct sealed_version row;
    connector_status status = CONNECTOR_OK;

    if (state->destroyed)
      continue;
    status = sealed_version_find(call->connection, &head->row, state->version, &row, &call->arena,
                                 call->error);
    if (status == CONNECTOR_OK &&
        (row.wrapped == NULL ||
         !seal_version_unwrap(&keys->tenant, &place, rotation->from, row.wrapped,
                              row.wrapped_length, keys->version)))
      status = sealed_tampered(call->error);
    if (status != CONNECTOR_OK)
      return status;
    seal_version_wrap(&keys->next, &place, rotation->to, keys->version, wraps[i]);
  }
  return CONNECTOR_OK;
}

static connector_status rewrap(struct sealed_call *call, const struct tenant_rotation *rotation,
                               struct sealed_head *head)
{
  struct sealed_keys *keys = call->keys;
  uint8_t(*wraps)[SEAL_WRAPPED] = NULL;
  connector_status status = sealed_head_open(call, &keys->tenant, head);

  if (status != CONNECTOR_OK)
    return status;
  wraps = arena_object(&call->arena, (head->count + 1) * sizeof(*wraps));
  if (wraps == NULL)
    return error_no_memory(call->error);
  status = rewrap_keys(call, rotation, head, wraps);
  for (size_t i = 0; status == CONNECTOR_OK && i < head->count; i++)
    if (!head->states[i].destroyed)
      status = sealed_version_rewrap(call->connection, &head->row, head->states[i].version,
                                     wraps[i], call->error);
  head->row.term = rotation->to;
  return status == CONNECTOR_OK ? sealed_head_write(call, &keys->next, head) : status;
}

/* Which key goes, and which comes. What was stopped before goes on; else a new key is made. */
static connector_status choose(struct sealed_call *call, struct tenant_rotation *rotation)
{
  struct sealed_key oldest;
  struct sealed_key newest;
  bool found = false;
  connector_status status = sealed_key_find(call->connection, rotation->tenant_id, 0, &newest,
                                            &found, call->error);

  if (status == CONNECTOR_OK && found)
    status = sealed_key_oldest(call->connection, rotation->tenant_id, &oldest, &found, call->error);
  if (status != CONNECTOR_OK)
    return status;
  rotation->over = !found || (rotation->began && oldest.term == newest.term);
  if (rotation->over)
    return CONNECTOR_OK;
  rotation->from = oldest.term;
  rotation->to = newest.term;
  if (oldest.term == newest.term && newest.term == INT64_MAX)
    return sealed_tampered(call->error);
  if (oldest.term == newest.term) {
    rotation->to++;
    status = sealed_tenant_make(call, rotation->tenant_id, rotation->to);
  }
  if (status == CONNECTOR_OK && !rotation->began)
    status = sealed_count_others(call->connection, rotation->tenant_id, rotation->to,
                                 &rotation->total, call->error);
  return status;
}

/* Some secrets; a damaged one keeps the old key, and with it whatever can still be read of it. */
static connector_status rewrap_some(struct sealed_call *call, struct tenant_rotation *rotation)
{
  struct sealed_keys *keys = call->keys;
  bool found = true;
  connector_status status = choose(call, rotation);

  if (status != CONNECTOR_OK || rotation->over)
    return status;
  status = sealed_tenant(call, rotation->tenant_id, rotation->from, &keys->tenant);
  if (status == CONNECTOR_OK)
    status = sealed_tenant(call, rotation->tenant_id, rotation->to, &keys->next);
  for (int i = 0; status == CONNECTOR_OK && found && i < SECRETS_AT_ONCE; i++) {
    struct sealed_head head = { .count = 0 };

    status = sealed_of_term(call->connection, rotation->tenant_id, rotation->from, rotation->after,
                            &head.row, &call->arena, &found, call->error);
    if (!found || (status != CONNECTOR_OK && status != CONNECTOR_SECRET_TAMPERED))
      break;
    rotation->after = head.row.seq;
    if (status == CONNECTOR_OK)
      status = rewrap(call, rotation, &head);
    if (status == CONNECTOR_SECRET_TAMPERED) {
      rotation->damaged++;
      status = CONNECTOR_OK;
    }
    rotation->done++;
  }
  if (status != CONNECTOR_OK || found)
    return status;
  rotation->over = rotation->damaged > 0;
  rotation->after = 0;
  return rotation->over ? CONNECTOR_OK
                        : sealed_key_remove(call->connection, rotation->tenant_id, rotation->from,
                                            call->error);
}

/* A transaction's worth, from where the one before it left off. */
struct stretch {
  struct tenant_rotation *rotation;
  struct tenant_rotation before;
};

static connector_status run_stretch(struct sealed_call *call, void *context)
{
  struct stretch *stretch = context;
  struct tenant_rotation *rotation = stretch->rotation;
  connector_status status = CONNECTOR_OK;

  *rotation = stretch->before;
  status = rewrap_some(call, rotation);
  return status == CONNECTOR_OK && !rotation->over ? sealed_root_advance(call) : status;
}

static connector_status run_some(struct call *call, struct tenant_rotation *rotation)
{
  struct stretch stretch = { rotation, *rotation };
  connector_status status = sealed_in_write(rotation->sealed, call, run_stretch, &stretch);

  rotation->began = true;
  return status;
}

static connector_status rotate_tenant(struct call *call, struct tenant_rotation *rotation)
{
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && !rotation->over) {
    status = run_some(call, rotation);
    if (status == CONNECTOR_OK)
      status = host_progress(rotation->progress, rotation->user, rotation->done, rotation->total,
                             call->error);
  }
  if (status == CONNECTOR_OK && rotation->damaged > 0)
    status = error_set(call->error, CONNECTOR_SECRET_TAMPERED, NULL,
                       "%lld secrets were changed by somebody else, and keep their old key",
                       (long long)rotation->damaged);
  return status;
}

/* The tenant behind `after` that has a key, in the arena; NULL: there is none. */
static connector_status next_tenant(struct call *call, struct arena *arena, const char **tenant)
{
  struct work work;
  struct sealed_key key;
  bool found = false;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = sealed_key_next(work.connection, *tenant, INT64_MAX, tenant, &key, arena, &found,
                           call->error);
  work_end_read(&work);
  if (!found)
    *tenant = NULL;
  return found && status == CONNECTOR_SECRET_TAMPERED ? error_clear(call->error) : status;
}

/* What one tenant's damage stops is that tenant. */
static connector_status rotate_all(struct call *call, const struct tenant_rotation *each)
{
  struct arena arena = { 0 };
  const char *tenant = "";
  connector_error damage = { 0 };
  connector_status status = next_tenant(call, &arena, &tenant);

  while (status == CONNECTOR_OK && tenant != NULL) {
    struct tenant_rotation rotation = *each;

    rotation.tenant_id = tenant;
    status = rotate_tenant(call, &rotation);
    if (status == CONNECTOR_SECRET_TAMPERED) {
      (void)error_set(&damage, status, NULL,
                      "secrets of a tenant were changed by somebody else, and keep their old key");
      status = CONNECTOR_OK;
    }
    if (status == CONNECTOR_OK)
      status = next_tenant(call, &arena, &tenant);
  }
  arena_free(&arena);
  return status == CONNECTOR_OK && damage.status != CONNECTOR_OK
             ? error_set(call->error, damage.status, NULL, "%s", damage.message)
             : status;
}

connector_status connector_tenant_key_rotate(connector_store *store, const char *tenant_id,
                                             connector_progress_fn progress, void *user,
                                             connector_error *error)
{
  struct call call;
  struct tenant_rotation rotation = { .tenant_id = tenant_id, .progress = progress, .user = user };
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK)
    status = find_vault(&call, &rotation.sealed);
  if (status == CONNECTOR_OK)
    status = sealed_check_generation(rotation.sealed, &call);
  if (status == CONNECTOR_OK)
    status = tenant_id != NULL ? rotate_tenant(&call, &rotation) : rotate_all(&call, &rotation);
  if (rotation.sealed != NULL && status == CONNECTOR_OK) {
    sealed_forget_keys(rotation.sealed);
    sealed_forget_log(&call);
    status = sealed_check_generation(rotation.sealed, &call);
  }
  return call_end(&call, status);
}
