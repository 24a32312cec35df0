/*
 * Opening and closing a store; its options.
 */
#include "store/store.h"

#include "base/structs.h"
#include "secret/memory.h"
#include "store/chain.h"
#include "store/secrets.h"
#include "store/turns.h"
#include "store/wait.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
  BUSY_TIMEOUT_MS = 5000,
  TEXT_LIMIT = 1024,
  JSON_LIMIT = 256 * 1024,
  DOCUMENT_LIMIT = 1024 * 1024,
  LIMIT_MOST = 16 * 1024 * 1024,
  DISABLE_AFTER_MS = 7 * 24 * 3600 * 1000,
  DISABLE_AFTER_ERRORS = 30
};

static const char default_prefix[] = "cnn_";
static const uint64_t wal_most_least = UINT64_C(8) << 20;
static const uint64_t wal_most_usual = UINT64_C(4) << 30;

/* ---- options ---- */

static connector_status take_prefix(connector_store *store, const char *prefix,
                                    connector_error *error)
{
  size_t length = strnlen(prefix, ID_PREFIX_MOST + 1);
  size_t body = strspn(prefix, "abcdefghijklmnopqrstuvwxyz0123456789");

  if (length < 2 || length > ID_PREFIX_MOST || body != length - 1 ||
      (prefix[body] != '_' && prefix[body] != '-'))
    return error_set(error, CONNECTOR_INVALID, "id_prefix",
                     "must be 1 to 16 of a-z and 0-9, then _ or -");
  memcpy(store->id_prefix, prefix, length + 1);
  store->id_prefix_length = length;
  return CONNECTOR_OK;
}

static connector_status take_limit(const char *name, uint32_t given, uint32_t usual,
                                   uint32_t *limit, connector_error *error)
{
  if (given > LIMIT_MOST)
    return error_set(error, CONNECTOR_INVALID, name, "is more than %d bytes", LIMIT_MOST);
  *limit = given > 0 ? given : usual;
  return CONNECTOR_OK;
}

static connector_status take_limits(connector_store *store, const connector_options *options,
                                    connector_error *error)
{
  struct limits *limits = &store->limits;
  connector_status status = take_limit("max_text", options->max_text, TEXT_LIMIT, &limits->text,
                                       error);

  if (status == CONNECTOR_OK)
    status = take_limit("max_json", options->max_json, JSON_LIMIT, &limits->json, error);
  if (status == CONNECTOR_OK)
    status = take_limit("max_document", options->max_document, DOCUMENT_LIMIT, &limits->document,
                        error);
  limits->allow_secrets = options->guard == CONNECTOR_GUARD_ALLOW;
  return status;
}

static const char *keep(connector_store *store, const char *text, bool *failed)
{
  char *copy = text != NULL ? arena_copy(&store->text, text, strlen(text)) : NULL;

  if (text != NULL && copy == NULL)
    *failed = true;
  return copy;
}

static void keep_groups(connector_store *store, bool *failed)
{
  connector_caller *fixed = &store->fixed_caller;
  const char **groups = arena_object(&store->text,
                                     fixed->group_count * sizeof(*groups) + sizeof(*groups));

  if (groups == NULL)
    *failed = true;
  for (size_t i = 0; !*failed && i < fixed->group_count; i++)
    groups[i] = keep(store, fixed->group_ids[i], failed);
  fixed->group_ids = groups;
}

static connector_status take_fixed_caller(connector_store *store, const connector_caller *caller,
                                          connector_error *error)
{
  connector_caller *fixed = &store->fixed_caller;
  bool failed = false;
  connector_status status = struct_read(fixed, sizeof(*fixed), caller, error);

  if (status == CONNECTOR_OK)
    status = caller_check(fixed, &store->limits, error);
  if (status != CONNECTOR_OK)
    return status;
  fixed->tenant_id = keep(store, fixed->tenant_id, &failed);
  fixed->app_id = keep(store, fixed->app_id, &failed);
  fixed->person_id = keep(store, fixed->person_id, &failed);
  fixed->user_id = keep(store, fixed->user_id, &failed);
  fixed->source = keep(store, fixed->source, &failed);
  fixed->request_id = keep(store, fixed->request_id, &failed);
  keep_groups(store, &failed);
  store->has_fixed_caller = true;
  return failed ? error_no_memory(error) : CONNECTOR_OK;
}

static connector_status take_disabling(connector_store *store, const connector_options *options,
                                       connector_error *error)
{
  struct disabling *disabling = &store->disabling;

  if (options->disable_after_ms < 0)
    return error_set(error, CONNECTOR_INVALID, "disable_after_ms", "must not be negative");
  disabling->after_ms = options->disable_after_ms > 0 ? options->disable_after_ms
                                                      : DISABLE_AFTER_MS;
  disabling->after_errors = options->disable_after_errors > 0 ? options->disable_after_errors
                                                              : DISABLE_AFTER_ERRORS;
  disabling->never = options->never_disable;
  return CONNECTOR_OK;
}

connector_status store_settle(connector_store *store, const connector_options *options,
                              connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if ((unsigned)options->durability > CONNECTOR_DURABILITY_NORMAL)
    return error_set(error, CONNECTOR_INVALID, "durability", "is not one of its values");
  if ((unsigned)options->guard > CONNECTOR_GUARD_ALLOW)
    return error_set(error, CONNECTOR_INVALID, "guard", "is not one of its values");
  if (options->wal_most_bytes > 0 && options->wal_most_bytes < wal_most_least)
    return error_set(error, CONNECTOR_INVALID, "wal_most_bytes", "must be at least 8 MiB");
  store->user = options->user;
  store->caller = options->caller;
  store->authorize = options->authorize;
  store->reference = options->reference;
  store->on_change = options->on_change;
  store->clock = options->clock;
  store->log = options->log;
  store->read_only = options->read_only;
  store->keeps_history = !options->no_history;
  status = take_disabling(store, options, error);
  if (status == CONNECTOR_OK)
    status = take_prefix(store, options->id_prefix != NULL ? options->id_prefix : default_prefix,
                         error);
  if (status == CONNECTOR_OK)
    status = take_limits(store, options, error);
  if (status == CONNECTOR_OK && options->fixed_caller != NULL)
    status = take_fixed_caller(store, options->fixed_caller, error);
  return status;
}

/* ---- open and close ---- */

static void store_free(connector_store *store)
{
  pool_close(store->pool);
  if (store->ulids_ready)
    ulid_source_free(&store->ulids);
  arena_free(&store->text);
  wait_free(&store->waiting);
  turns_free(&store->turns);
  if (store->secrets.close != NULL)
    store->secrets.close(store->secrets.user);
  secret_memory_release(store->secret_memory);
  sodium_memzero(store->cursor_key, sizeof(store->cursor_key));
  sodium_memzero(store->history_key, sizeof(store->history_key));
  process_unmark(&store->process);
  free(store);
}

/* What of the file a store keeps at hand. */
static connector_status read_file(connector_store *store, struct connection *connection,
                                  const void *history_key, connector_error *error)
{
  bool keyed = false;
  connector_status status = meta_cursor_key(connection, store->cursor_key, error);

  if (status == CONNECTOR_OK)
    status = meta_store_id(connection, store->id, error);
  if (status != CONNECTOR_OK)
    return status;
  if (history_key == NULL)
    return meta_history_key(connection, store->history_key, error);
  store->has_history_key = true;
  memcpy(store->history_key, history_key, META_KEY_SIZE);
  status = chain_check_key(store, connection, &keyed, error);
  atomic_store(&store->history_checked, status == CONNECTOR_OK && keyed);
  return status;
}

/* In one transaction: its locks are then taken once. */
static connector_status read_snapshot(connector_store *store, struct connection *connection,
                                      const void *history_key, connector_error *error)
{
  connector_status status = connection_begin_read(connection, error);

  if (status != CONNECTOR_OK)
    return status;
  status = read_file(store, connection, history_key, error);
  connection_rollback(connection);
  return status;
}

static connector_status open_pool(connector_store *store, const char *path,
                                  const connector_options *options, connector_error *error)
{
  struct pool_settings settings = {
    .path = path,
    .read_only = options->read_only,
    .must_exist = options->must_exist,
    .full_durability = options->durability == CONNECTOR_DURABILITY_FULL,
    .busy_timeout_ms = options->busy_timeout_ms > 0 ? options->busy_timeout_ms : BUSY_TIMEOUT_MS,
    .readers = options->readers,
    .mmap_bytes = options->mmap_bytes,
    .log_limit_bytes = options->wal_most_bytes > 0 ? options->wal_most_bytes : wal_most_usual,
  };
  struct reader reader = { 0 };
  connector_status status = pool_open(&settings, &store->pool, error);

  if (status == CONNECTOR_OK)
    status = pool_take_reader(store->pool, &reader, error);
  if (status != CONNECTOR_OK)
    return status;
  status = read_snapshot(store, reader.connection, options->history_key, error);
  pool_give_reader(store->pool, &reader);
  return status;
}

connector_status connector_open(const char *path, const connector_options *options,
                                connector_store **out, connector_error *error)
{
  connector_options known = CONNECTOR_OPTIONS_INIT;
  connector_store *store = NULL;
  connector_status status = CONNECTOR_OK;

  if (path == NULL || *path == '\0' || out == NULL)
    return not_given(out == NULL ? "out" : "path", error);
  if (options != NULL)
    status = struct_read(&known, sizeof(known), options, error);
  if (status != CONNECTOR_OK)
    return status;
  store = calloc(1, sizeof(*store));
  if (store == NULL)
    return error_no_memory(error);
  process_mark(&store->process);
  atomic_store(&store->references, 1);
  status = store_settle(store, &known, error);
  if (status == CONNECTOR_OK) {
    store->ulids_ready = ulid_source_init(&store->ulids);
    if (!store->ulids_ready)
      status = error_set(error, CONNECTOR_INTERNAL, NULL, "the random source can't be had");
  }
  if (status == CONNECTOR_OK && (!wait_init(&store->waiting) || !turns_init(&store->turns)))
    status = error_no_memory(error);
  if (status == CONNECTOR_OK)
    status = secret_memory_new(known.lock_secrets, &store->secret_memory, error);
  if (status == CONNECTOR_OK)
    status = open_pool(store, path, &known, error);
  if (status == CONNECTOR_OK)
    status = secrets_take(store, &known, error);
  if (status != CONNECTOR_OK) {
    store_free(store);
    return status;
  }
  *out = store;
  return error_clear(error);
}

void store_release(connector_store *store)
{
  if (atomic_fetch_sub(&store->references, 1) == 1)
    store_free(store);
}

/* In a child of fork() nothing is released: closing the engine's file there would take part in the
 * parent's locks and log. */
void connector_close(connector_store *store)
{
  if (store == NULL || !process_is_same(&store->process))
    return;
  if (atomic_exchange(&store->closing, true))
    return;
  wait_wake(&store->waiting);
  store_release(store);
}

/* ---- version ---- */

const char *connector_version(void)
{
  return "0.3.0";
}

int connector_version_number(void)
{
  return CONNECTOR_VERSION_NUMBER;
}
