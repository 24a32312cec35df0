/*
 * What acts on the whole file: check, maintenance, figures. Backup is in backup.c.
 */
#include "store/list.h"

#include "base/structs.h"
#include "secret/memory.h"
#include "store/checkpoint.h"
#include "store/once.h"
#include "store/trim.h"

#include <string.h>

enum { KEYS_AT_ONCE = 500, COMPLAINTS_MOST = 100 };

static const uint64_t wal_limit_usual = UINT64_C(64) * 1024 * 1024;

/* ---- check ---- */

struct checking {
  struct call *call;
  connector_report_fn report;
  void *user;
  int64_t found;
};

static connector_status report(struct checking *checking, const connector_finding *finding,
                               connector_error *error)
{
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  checking->found++;
  if (checking->report == NULL)
    return CONNECTOR_OK;
  status = checking->report(checking->user, finding, &told);
  return status == CONNECTOR_OK
             ? CONNECTOR_OK
             : host_said(status, &told, "the host's function stopped the call", error);
}

/* Complaints of the engine, gathered while the connection is held. */
struct complaints {
  struct arena arena;
  const char *texts[COMPLAINTS_MOST];
  size_t count;
};

static connector_status gather(void *user, const char *complaint, connector_error *error)
{
  struct complaints *complaints = user;
  char *copy = NULL;

  if (complaints->count == COMPLAINTS_MOST)
    return CONNECTOR_OK;
  copy = arena_copy(&complaints->arena, complaint, strlen(complaint));
  if (copy == NULL)
    return error_no_memory(error);
  complaints->texts[complaints->count++] = copy;
  return CONNECTOR_OK;
}

static connector_status check_file(struct checking *checking)
{
  struct call *call = checking->call;
  struct complaints complaints = { .count = 0 };
  struct work work;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = connection_integrity(work.connection, gather, &complaints, call->error);
  work_end_read(&work);
  for (size_t i = 0; status == CONNECTOR_OK && i < complaints.count; i++) {
    connector_finding finding = { .size = sizeof(finding),
                                  .field = "",
                                  .message = complaints.texts[i] };

    status = report(checking, &finding, call->error);
  }
  arena_free(&complaints.arena);
  return status;
}

static connector_status check_record(void *context, const connector *record, connector_error *error)
{
  struct checking *checking = context;
  connector_error problem = { 0 };
  connector_finding finding = { .size = sizeof(finding),
                                .tenant_id = record->tenant_id,
                                .id = record->id,
                                .field = problem.field,
                                .message = problem.message };
  connector_status status = record_check(record, &checking->call->store->limits, &problem);

  if (status == CONNECTOR_NO_MEMORY)
    return error_no_memory(error);
  return status == CONNECTOR_OK ? CONNECTOR_OK : report(checking, &finding, error);
}

/* A file that the engine finds damaged may not be readable record by record. */
static connector_status check(struct checking *checking)
{
  static const struct scope everything = { .kind = SCOPE_SYSTEM };
  struct call *call = checking->call;
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_status status = check_file(checking);

  if (status != CONNECTOR_OK || checking->found > 0)
    return status;
  query.deleted = CONNECTOR_DELETED_INCLUDE;
  call->scope = everything;
  return stream(call, &query, check_record, checking);
}

connector_status connector_check(connector_store *store, connector_report_fn report_fn, void *user,
                                 connector_error *error)
{
  struct call call;
  struct checking checking = { .call = &call, .report = report_fn, .user = user };
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK)
    status = check(&checking);
  if (status == CONNECTOR_OK && checking.found > 0)
    status = error_set(error, CONNECTOR_CORRUPT, NULL, "the check found %lld faults",
                       (long long)checking.found);
  return call_end(&call, status);
}

/* ---- maintenance ---- */

static connector_status expire_keys(struct call *call)
{
  int64_t now = 0;
  int64_t expired = KEYS_AT_ONCE;
  connector_status status = store_now(call->store, &now, call->error);

  while (status == CONNECTOR_OK && expired == KEYS_AT_ONCE) {
    struct work work;

    status = work_begin_write(&work, call, false);
    if (status != CONNECTOR_OK)
      return status;
    status = once_expire(work.connection, now - (int64_t)ONCE_HOURS * 3600 * 1000, KEYS_AT_ONCE,
                         &expired, call->error);
    status = work_end_write(&work, status);
  }
  return status;
}

static connector_status checkpoint(struct call *call, uint64_t limit)
{
  bool longer = false;
  connector_status status = checkpoint_run(call, limit, &longer);

  if (longer)
    store_log(call->store, CONNECTOR_LOG_WARNING,
              "the write-ahead log is above its limit: a reader has been open for long");
  return status;
}

static connector_status maintain(struct call *call, const connector_maintain_options *options)
{
  connector_store *store = call->store;
  int64_t trimmed = 0;
  connector_status status = CONNECTOR_OK;

  if (store_in_batch(store))
    return error_set(call->error, CONNECTOR_MISUSE, NULL, "maintenance can't run inside a batch");
  if (store->read_only)
    return error_set(call->error, CONNECTOR_READ_ONLY, NULL, "the store is opened read-only");
  if (options->history_before < 0)
    return error_set(call->error, CONNECTOR_INVALID, "history_before", "must not be negative");
  status = expire_keys(call);
  if (status == CONNECTOR_OK && options->history_before > 0)
    status = trim_all(call, options->history_before, &trimmed);
  return status == CONNECTOR_OK
             ? checkpoint(call,
                          options->wal_limit_bytes > 0 ? options->wal_limit_bytes : wal_limit_usual)
             : status;
}

connector_status connector_maintain(connector_store *store,
                                    const connector_maintain_options *options,
                                    connector_error *error)
{
  struct call call;
  connector_maintain_options known = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK && options != NULL)
    status = struct_read(&known, sizeof(known), options, error);
  if (status == CONNECTOR_OK)
    status = maintain(&call, &known);
  return call_end(&call, status);
}

/* ---- figures ---- */

static connector_status read_stats(struct call *call, connector_stats *stats)
{
  connector_store *store = call->store;
  struct file_figures file = { 0 };
  struct pool_figures pool = { 0 };
  struct secret_memory_figures secrets;
  struct work work;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = meta_figures(work.connection, &file, call->error);
  work_end_read(&work);
  pool_figures(store->pool, &pool);
  stats->records = file.live;
  stats->deleted = file.deleted;
  stats->tenants = file.tenants;
  stats->file_bytes = file.file_bytes;
  stats->wal_bytes = pool_wal_bytes(store->pool);
  stats->free_bytes = file.free_bytes;
  stats->schema_version = file.schema_version;
  stats->readers_open = pool.readers_open;
  stats->writes = atomic_load(&store->writes);
  stats->busy_waits = pool.busy_waits;
  stats->longest_wait_us = pool.longest_wait_us;
  secret_memory_figures(store->secret_memory, &secrets);
  stats->secret_bytes_locked = (int64_t)secrets.locked;
  stats->secret_bytes_unlocked = (int64_t)secrets.unlocked;
  return status;
}

connector_status connector_stats_get(connector_store *store, connector_stats *stats,
                                     connector_error *error)
{
  struct call call;
  connector_stats read = CONNECTOR_STATS_INIT;
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK && stats == NULL)
    status = not_given("stats", error);
  if (status == CONNECTOR_OK)
    status = read_stats(&call, &read);
  if (status == CONNECTOR_OK)
    status = struct_write(stats, sizeof(read), &read, error);
  return call_end(&call, status);
}
