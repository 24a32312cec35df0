/*
 * Transactions of calls, their place in a batch, and telling of changes.
 */
#include "store/work.h"

#include "store/wait.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- changes ---- */

static bool make_room(struct change_list *changes)
{
  size_t capacity = changes->capacity > 0 ? changes->capacity * 2 : 8;
  connector_change *items = NULL;

  if (changes->count < changes->capacity)
    return true;
  items = realloc(changes->items, capacity * sizeof(*items));
  if (items == NULL)
    return false;
  changes->items = items;
  changes->capacity = capacity;
  return true;
}

static const char *keep(struct change_list *changes, const char *text, bool *failed)
{
  char *copy = text != NULL ? arena_copy(&changes->arena, text, strlen(text)) : NULL;

  if (text != NULL && copy == NULL)
    *failed = true;
  return copy;
}

/* The text of a change. */
static const size_t texts[] = {
  offsetof(connector_change, id),         offsetof(connector_change, tenant_id),
  offsetof(connector_change, app_id),     offsetof(connector_change, person_id),
  offsetof(connector_change, request_id), offsetof(connector_change, source),
  offsetof(connector_change, reason),     offsetof(connector_change, forward),
  offsetof(connector_change, back),
};

connector_status work_note(struct work *work, const connector_change *given)
{
  struct change_list *changes = work->joined ? &work->call->store->batch->changes : &work->own;
  connector_change *change = NULL;
  bool failed = false;

  if (!make_room(changes))
    return error_no_memory(work->call->error);
  change = &changes->items[changes->count];
  *change = *given;
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
    const char **text = (const char **)((char *)change + texts[i]);

    *text = keep(changes, *text, &failed);
  }
  if (failed)
    return error_no_memory(work->call->error);
  changes->count++;
  return CONNECTOR_OK;
}

/* What the library foretells stands in the reason of a health report. */
static void warn(const connector_store *store, const connector_change *change)
{
  char message[256];

  if (change->kind != CONNECTOR_CHANGE_HEALTH || change->reason == NULL)
    return;
  (void)snprintf(message, sizeof(message), "connector %s %s", change->id, change->reason);
  store_log(store, CONNECTOR_LOG_WARNING, message);
}

void changes_tell(const connector_store *store, const struct change_list *changes)
{
  for (size_t i = 0; i < changes->count; i++) {
    warn(store, &changes->items[i]);
    if (store->on_change != NULL)
      store->on_change(store->user, &changes->items[i]);
  }
}

void changes_free(struct change_list *changes)
{
  free(changes->items);
  arena_free(&changes->arena);
  *changes = (struct change_list){ 0 };
}

/* ---- reading ---- */

connector_status work_begin_read(struct work *work, struct call *call)
{
  connector_status status = CONNECTOR_OK;

  work->call = call;
  work->joined = store_in_batch(call->store);
  if (work->joined) {
    work->connection = call->store->batch->connection;
    return CONNECTOR_OK;
  }
  status = pool_take_reader(call->store->pool, &work->reader, call->error);
  work->connection = work->reader.connection;
  return status;
}

void work_end_read(struct work *work)
{
  if (!work->joined)
    pool_give_reader(work->call->store->pool, &work->reader);
}

connector_status work_begin_snapshot(struct work *work, struct call *call)
{
  connector_status status = work_begin_read(work, call);

  if (status != CONNECTOR_OK || work->joined)
    return status;
  status = connection_begin_read(work->connection, call->error);
  if (status != CONNECTOR_OK)
    work_end_read(work);
  return status;
}

void work_end_snapshot(struct work *work)
{
  if (!work->joined)
    connection_rollback(work->connection);
  work_end_read(work);
}

connector_status work_begin_long(struct work *work, struct call *call)
{
  struct pool *pool = call->store->pool;
  connector_status status = CONNECTOR_OK;

  if (pool_is_single(pool) || store_in_batch(call->store))
    return work_begin_snapshot(work, call);
  work->call = call;
  work->joined = false;
  status = pool_take_long_reader(pool, &work->connection, call->error);
  if (status != CONNECTOR_OK)
    return status;
  status = connection_begin_read(work->connection, call->error);
  if (status != CONNECTOR_OK)
    pool_give_long_reader(pool, work->connection);
  return status;
}

void work_end_long(struct work *work)
{
  struct pool *pool = work->call->store->pool;

  if (work->joined || pool_is_single(pool)) {
    work_end_snapshot(work);
    return;
  }
  connection_rollback(work->connection);
  pool_give_long_reader(pool, work->connection);
}

/* ---- writing ---- */

/* The engine undoes a whole transaction by itself after some failures; what follows inside the
 * batch must not be committed piecemeal. */
static connector_status join(struct work *work, bool steps)
{
  struct batch *batch = work->call->store->batch;
  connector_status status = connection_undone(batch->connection, work->call->error);

  work->connection = batch->connection;
  work->undoable = steps;
  work->mark = batch->changes.count;
  if (status == CONNECTOR_OK && steps)
    status = connection_savepoint(work->connection, work->call->error);
  return status;
}

/* A reader that never ends keeps the log from being emptied. */
static void warn_of_log(const connector_store *store)
{
  int64_t bytes = pool_log_grown(store->pool);
  char message[160];

  if (bytes == 0)
    return;
  (void)snprintf(message, sizeof(message),
                 "the write-ahead log has grown to %lld bytes, for a reader that began long ago "
                 "keeps it from being moved into the file",
                 (long long)bytes);
  store_log(store, CONNECTOR_LOG_WARNING, message);
}

static connector_status begin(struct work *work, struct call *call, bool steps, bool alone)
{
  connector_store *store = call->store;
  connector_status status = CONNECTOR_OK;

  work->call = call;
  work->changed = false;
  work->own = (struct change_list){ 0 };
  work->joined = store_in_batch(store);
  if (store->read_only)
    return error_set(call->error, CONNECTOR_READ_ONLY, NULL, "the store is opened read-only");
  if (work->joined)
    return join(work, steps);
  status = group_begin(store->pool, &work->member, alone, call->error);
  work->connection = work->member.connection;
  if (status != CONNECTOR_OK)
    warn_of_log(store);
  return status;
}

connector_status work_begin_write(struct work *work, struct call *call, bool steps)
{
  return begin(work, call, steps, false);
}

connector_status work_begin_alone(struct work *work, struct call *call)
{
  return begin(work, call, true, true);
}

static connector_status end_joined(struct work *work, connector_status status)
{
  if (status == CONNECTOR_OK)
    status = connection_undone(work->connection, work->call->error);
  if (status == CONNECTOR_OK && work->undoable)
    status = connection_release(work->connection, work->call->error);
  if (status == CONNECTOR_OK)
    return CONNECTOR_OK;
  if (work->undoable)
    connection_rollback_to(work->connection);
  work->call->store->batch->changes.count = work->mark;
  return status;
}

connector_status work_end_write(struct work *work, connector_status status)
{
  connector_store *store = work->call->store;

  if (work->joined)
    return end_joined(work, status);
  status = group_end(store->pool, &work->member, status, work->call->error);
  if (status == CONNECTOR_OK) {
    atomic_fetch_add_explicit(&store->writes, 1, memory_order_relaxed);
    wait_wake(&store->waiting);
    changes_tell(store, &work->own);
    warn_of_log(store);
  }
  changes_free(&work->own);
  return status;
}
