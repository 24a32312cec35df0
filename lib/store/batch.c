/*
 * Batches: one transaction around a function; inside another batch, a savepoint.
 */
#include "store/work.h"

#include "base/thread.h"

struct hosts_batch {
  connector_batch_fn run;
  void *user;
};

/* The function may have left an error behind that it dealt with, or only a message. */
static connector_status run_host(struct call *call, void *user)
{
  const struct hosts_batch *batch = user;
  connector_error told = { 0 };
  connector_status status = batch->run(call->store, batch->user, &told);

  return status == CONNECTOR_OK
             ? CONNECTOR_OK
             : host_said(status, &told, "the batch's function returned this", call->error);
}

static connector_status run_nested(struct call *call, batched_fn run, void *user)
{
  struct work work;
  connector_status status = work_begin_write(&work, call, true);

  if (status != CONNECTOR_OK)
    return status;
  status = run(call, user);
  return work_end_write(&work, status);
}

/* The thread is named only while its transaction is open, so that nobody else joins. */
static connector_status run_outermost(struct call *call, batched_fn run, void *user)
{
  connector_store *store = call->store;
  struct batch state = { 0 };
  struct work work;
  connector_status status = work_begin_alone(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  state.connection = work.connection;
  store->batch = &state;
  atomic_store(&store->batch_thread, thread_identity());
  status = run(call, user);
  if (status == CONNECTOR_OK)
    status = connection_undone(work.connection, call->error);
  atomic_store(&store->batch_thread, 0);
  store->batch = NULL;
  status = work_end_write(&work, status);
  if (status == CONNECTOR_OK)
    changes_tell(store, &state.changes);
  changes_free(&state.changes);
  return status;
}

connector_status work_batch(struct call *call, batched_fn run, void *user)
{
  return store_in_batch(call->store) ? run_nested(call, run, user) : run_outermost(call, run, user);
}

connector_status connector_batch(connector_store *store, connector_batch_fn batch, void *user,
                                 connector_error *error)
{
  struct call call;
  struct hosts_batch host = { batch, user };
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK && batch == NULL)
    status = not_given("batch", error);
  if (status == CONNECTOR_OK)
    status = work_batch(&call, run_host, &host);
  return call_end(&call, status);
}
