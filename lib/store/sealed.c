/*
 * The resolver of the sealed vault: what connector_secrets_sealed() makes, and its functions. Each
 * runs in a transaction of the store's, joined to the batch that its thread is inside.
 */
#include "store/sealed.h"

#include "base/structs.h"
#include "secret/secret.h"
#include "store/checkpoint.h"

#include <stdlib.h>

enum { VERSIONS = 10, VERSIONS_MOST = 1000, RETRIES = 3 };

/* ---- operations ---- */

/* What an operation is asked for, and gives. */
struct operation {
  const connector_secret_request *request;
  connector_secret *into;         /* get */
  const connector_secret *secret; /* put */
  int64_t expected_version;
  int64_t version;
  enum sealed_change change;
  struct connector_secret_version_info *infos; /* versions; owned */
  size_t count;
  int64_t now;
};

/* ---- in transactions ---- */

static connector_status read_once(struct sealed *sealed, struct call *call, sealed_fn run,
                                  void *context)
{
  struct work work;
  struct sealed_call inner;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = sealed_call_begin(&inner, sealed, work.connection, work.joined, call->error);
  if (status == CONNECTOR_OK)
    status = run(&inner, context);
  sealed_call_end(&inner);
  work_end_read(&work);
  return status;
}

static connector_status write_once(struct sealed *sealed, struct call *call, sealed_fn run,
                                   void *context)
{
  struct work work;
  struct sealed_call inner;
  connector_status status = work_begin_alone(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = sealed_call_begin(&inner, sealed, work.connection, true, call->error);
  if (status == CONNECTOR_OK)
    status = run(&inner, context);
  sealed_call_end(&inner);
  return work_end_write(&work, status);
}

typedef connector_status (*once_fn)(struct sealed *, struct call *, sealed_fn, void *);

static connector_status run_unlocked(struct sealed *sealed, struct call *call, once_fn once,
                                     sealed_fn run, void *context)
{
  connector_status status = sealed_unlock(sealed, call);

  if (status != CONNECTOR_OK)
    return status;
  status = once(sealed, call, run, context);
  for (int i = 0; i < RETRIES && status == CONNECTOR_SECRET_SEALED; i++) {
    status = sealed_unlock_anew(sealed, call);
    if (status != CONNECTOR_OK)
      return status;
    status = once(sealed, call, run, context);
  }
  return status;
}

connector_status sealed_in_read(struct sealed *sealed, struct call *call, sealed_fn run,
                                void *context)
{
  return run_unlocked(sealed, call, read_once, run, context);
}

connector_status sealed_in_write(struct sealed *sealed, struct call *call, sealed_fn run,
                                 void *context)
{
  return run_unlocked(sealed, call, write_once, run, context);
}

connector_status sealed_get_now(struct sealed *sealed, struct work *work,
                                const connector_secret_request *request, connector_secret *into,
                                bool *asked)
{
  struct sealed_call inner;
  connector_status status = CONNECTOR_OK;

  *asked = sealed_is_unlocked(sealed);
  if (!*asked)
    return CONNECTOR_OK;
  status = sealed_call_begin(&inner, sealed, work->connection, work->joined, work->call->error);
  if (status == CONNECTOR_OK)
    status = sealed_get(&inner, request, into);
  sealed_call_end(&inner);
  *asked = status != CONNECTOR_SECRET_SEALED;
  return status;
}

/* A function of the resolver: it may be called by whoever has it. */
typedef connector_status (*in_fn)(struct sealed *, struct call *, sealed_fn, void *);

static connector_status run_sealed(struct sealed *sealed, in_fn in, sealed_fn run,
                                   struct operation *operation, connector_error *error)
{
  struct call call;
  connector_status status = CONNECTOR_OK;

  if (!atomic_load(&sealed->bound))
    return error_set(error, CONNECTOR_MISUSE, "secrets",
                     "this vault must be handed to connector_open(), itself or in a chain");
  status = call_enter(&call, sealed->store, error);
  if (status == CONNECTOR_OK && in == sealed_in_write)
    status = store_now(call.store, &operation->now, error);
  if (status == CONNECTOR_OK)
    status = in(sealed, &call, run, operation);
  return call_end(&call, status);
}

/* ---- the generation ---- */

static connector_status read_generation(struct sealed_call *call, void *context)
{
  struct operation *operation = context;
  struct sealed_root root = { .generation = 0 };
  connector_status status = sealed_root(call, &root);

  operation->version = root.generation;
  return status;
}

connector_status sealed_check_generation(struct sealed *sealed, struct call *call)
{
  struct operation operation = { .version = 0 };
  connector_error told = { 0 };
  int64_t newest = 0;
  connector_status status = CONNECTOR_OK;

  if (sealed->generation == NULL || store_in_batch(call->store))
    return CONNECTOR_OK;
  status = sealed_in_read(sealed, call, read_generation, &operation);
  if (status != CONNECTOR_OK)
    return status;
  newest = operation.version;
  status = sealed->generation(sealed->user, operation.version, &newest, &told);
  if (status != CONNECTOR_OK)
    return host_said(status, &told, "the host's generation can't be had", call->error);
  if (newest > operation.version) /* another thread may have written, and told of it, meanwhile */
    status = sealed_in_read(sealed, call, read_generation, &operation);
  if (status == CONNECTOR_OK && newest > operation.version)
    return error_set(call->error, CONNECTOR_SECRET_TAMPERED, NULL,
                     "the file is an older copy than the one last seen");
  return status;
}

/* A read of an old file must not be taken for one of the newest. */
static connector_status run_read(struct sealed *sealed, sealed_fn run, struct operation *operation,
                                 connector_error *error)
{
  struct call call;
  connector_status status = CONNECTOR_OK;

  if (sealed->generation != NULL && atomic_load(&sealed->bound)) {
    status = call_enter(&call, sealed->store, error);
    if (status == CONNECTOR_OK)
      status = sealed_check_generation(sealed, &call);
    status = call_end(&call, status);
  }
  return status == CONNECTOR_OK ? run_sealed(sealed, sealed_in_read, run, operation, error)
                                : status;
}

/* ---- the resolver's functions ---- */

static connector_status run_get(struct sealed_call *call, void *context)
{
  struct operation *operation = context;
  return sealed_get(call, operation->request, operation->into);
}

static connector_status vault_get(void *user, const connector_secret_request *request,
                                  connector_secret *into, connector_error *error)
{
  struct operation operation = { .request = request, .into = into };

  return run_read(user, run_get, &operation, error);
}

static connector_status run_put(struct sealed_call *call, void *context)
{
  struct operation *operation = context;
  return sealed_write(call, operation->request, operation->secret, operation->expected_version,
                      operation->now, &operation->version);
}

static connector_status vault_put(void *user, const connector_secret_request *request,
                                  const connector_secret *secret, int64_t expected_version,
                                  int64_t *version, connector_error *error)
{
  struct operation operation = { .request = request,
                                 .secret = secret,
                                 .expected_version = expected_version };
  connector_status status = run_sealed(user, sealed_in_write, run_put, &operation, error);

  if (status == CONNECTOR_OK && version != NULL)
    *version = operation.version;
  return status;
}

static connector_status run_change(struct sealed_call *call, void *context)
{
  struct operation *operation = context;
  return sealed_change(call, operation->request, operation->change, operation->now);
}

static connector_status change(void *user, const connector_secret_request *request,
                               enum sealed_change what, connector_error *error)
{
  struct operation operation = { .request = request, .change = what };

  return run_sealed(user, sealed_in_write, run_change, &operation, error);
}

static connector_status vault_destroy(void *user, const connector_secret_request *request,
                                      connector_error *error)
{
  return change(user, request, SEALED_DESTROY, error);
}

static connector_status vault_remove(void *user, const connector_secret_request *request,
                                     connector_error *error)
{
  return change(user, request, SEALED_REMOVE, error);
}

static connector_status vault_restore(void *user, const connector_secret_request *request,
                                      connector_error *error)
{
  return change(user, request, SEALED_RESTORE, error);
}

static connector_status run_list(struct sealed_call *call, void *context)
{
  struct operation *operation = context;
  struct sealed_head head;
  connector_status status = sealed_list(call, operation->request, &head);

  if (status != CONNECTOR_OK)
    return status;
  operation->infos = calloc(head.count + 1, sizeof(*operation->infos));
  if (operation->infos == NULL)
    return error_no_memory(call->error);
  operation->count = head.count;
  for (size_t i = 0; i < head.count; i++)
    operation->infos[i] = (connector_secret_version_info){ .size = sizeof(operation->infos[i]),
                                                           .version = head.states[i].version,
                                                           .created_at = head.states[i].created_at,
                                                           .deleted_at = head.states[i].deleted_at,
                                                           .destroyed = head.states[i].destroyed };
  return CONNECTOR_OK;
}

/* The host is told of them once nothing is open any more. */
static connector_status vault_versions(void *user, const connector_secret_request *request,
                                       connector_secret_version_fn each, void *each_user,
                                       connector_error *error)
{
  struct operation operation = { .request = request };
  connector_status status = run_read(user, run_list, &operation, error);

  for (size_t i = 0; status == CONNECTOR_OK && i < operation.count; i++)
    status = each(each_user, &operation.infos[i], error);
  free(operation.infos);
  return status;
}

/* ---- from first to last ---- */

/* It takes the store no reference, for the store closes it. */
static void vault_close(void *user)
{
  struct sealed *sealed = user;

  sealed_forget_keys(sealed);
  secret_cell_free(&sealed->root);
  for (size_t i = 0; i < sealed->source_count; i++)
    root_key_free(&sealed->sources[i]);
  pthread_mutex_destroy(&sealed->rotating);
  pthread_mutex_destroy(&sealed->lock);
  pthread_mutex_destroy(&sealed->unlocking);
  secret_memory_release(sealed->memory);
  free(sealed);
}

static connector_status take_sources(struct sealed *sealed, const connector_sealed_options *options,
                                     connector_error *error)
{
  connector_sealed_options previous = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_status status = root_key_take(sealed->memory, options, &sealed->sources[0], error);

  if (status != CONNECTOR_OK)
    return status;
  sealed->source_count = 1;
  if (options->previous == NULL)
    return CONNECTOR_OK;
  status = struct_read(&previous, sizeof(previous), options->previous, error);
  if (status == CONNECTOR_OK)
    status = root_key_take(sealed->memory, &previous, &sealed->sources[1], error);
  if (status == CONNECTOR_OK)
    sealed->source_count = 2;
  return status;
}

static connector_status make(const connector_sealed_options *options, struct sealed **out,
                             connector_error *error)
{
  struct sealed *sealed = calloc(1, sizeof(*sealed));
  connector_status status = CONNECTOR_OK;

  if (sealed == NULL)
    return error_no_memory(error);
  status = secret_memory_new(false, &sealed->memory, error);
  if (status != CONNECTOR_OK) {
    free(sealed);
    return status;
  }
  pthread_mutex_init(&sealed->lock, NULL);
  pthread_mutex_init(&sealed->unlocking, NULL);
  pthread_mutex_init(&sealed->rotating, NULL);
  atomic_init(&sealed->bound, false);
  sealed->generation = options->generation;
  sealed->user = options->user;
  sealed->max_versions = options->max_versions > 0 ? options->max_versions : VERSIONS;
  status = take_sources(sealed, options, error);
  if (status != CONNECTOR_OK) {
    vault_close(sealed);
    return status;
  }
  *out = sealed;
  return CONNECTOR_OK;
}

connector_status connector_secrets_sealed(const connector_sealed_options *options,
                                          connector_secrets *out, connector_error *error)
{
  connector_sealed_options known = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets made = { .size = sizeof(made),
                             .get = vault_get,
                             .put = vault_put,
                             .destroy = vault_destroy,
                             .remove = vault_remove,
                             .restore = vault_restore,
                             .versions = vault_versions,
                             .close = vault_close };
  struct sealed *sealed = NULL;
  connector_status status = CONNECTOR_OK;

  if (options == NULL || out == NULL)
    return not_given(options == NULL ? "options" : "out", error);
  status = struct_read(&known, sizeof(known), options, error);
  if (status == CONNECTOR_OK && known.max_versions > VERSIONS_MOST)
    status = error_set(error, CONNECTOR_INVALID, "max_versions", "must be at most %d",
                       VERSIONS_MOST);
  if (status == CONNECTOR_OK)
    status = make(&known, &sealed, error);
  if (status != CONNECTOR_OK)
    return status;
  made.user = sealed;
  status = struct_write(out, sizeof(made), &made, error);
  if (status != CONNECTOR_OK) {
    vault_close(sealed);
    return status;
  }
  return error_clear(error);
}

struct sealed *sealed_of(const connector_secrets *resolver)
{
  return resolver != NULL && resolver->get == vault_get ? resolver->user : NULL;
}

/* Nothing but the sources has anything in the vault's own memory yet. */
static connector_status move_sources(struct sealed *sealed, struct secret_memory *memory,
                                     connector_error *error)
{
  struct root_key moved[SEALED_SOURCES] = { 0 };
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < sealed->source_count; i++)
    status = root_key_move(&sealed->sources[i], sealed->memory, memory, &moved[i], error);
  if (status == CONNECTOR_OK) {
    struct secret_memory *old = sealed->memory;

    sealed->memory = secret_memory_share(memory);
    secret_memory_release(old);
  }
  for (size_t i = 0; i < sealed->source_count; i++) {
    root_key_free(status == CONNECTOR_OK ? &sealed->sources[i] : &moved[i]);
    if (status == CONNECTOR_OK)
      sealed->sources[i] = moved[i];
  }
  return status;
}

connector_status sealed_bind(struct sealed *sealed, connector_store *store, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (atomic_exchange(&sealed->bound, true))
    return error_set(error, CONNECTOR_INVALID, "secrets", "the vault serves another store");
  status = move_sources(sealed, store->secret_memory, error);
  if (status == CONNECTOR_OK)
    sealed->store = store;
  else
    atomic_store(&sealed->bound, false);
  return status;
}

/* ---- afterwards ---- */

void sealed_forget_log(struct call *call)
{
  bool longer = false;

  if (store_in_batch(call->store))
    return;
  if (checkpoint_run(call, 0, &longer) != CONNECTOR_OK || longer)
    store_log(call->store, CONNECTOR_LOG_WARNING,
              "what was destroyed stands in the write-ahead log until it can be cut");
}
