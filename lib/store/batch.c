/*
 * Batches: one transaction around the host's function; inside another batch, a savepoint.
 */
#include "store/work.h"

#include "base/thread.h"

static connector_status run_nested(struct call *call, connector_batch_fn batch, void *user)
{
  struct work work;
  connector_status status = work_begin_write(&work, call, true);

  if (status != CONNECTOR_OK)
    return status;
  status = batch(call->store, user, call->error);
  return work_end_write(&work, status);
}

/* The thread is named only while its transaction is open, so that nobody else joins. */
static connector_status run_outermost(struct call *call, connector_batch_fn batch, void *user)
{
  connector_store *store = call->store;
  struct batch state = { 0 };
  struct work work;
  connector_status status = work_begin_write(&work, call, true);

  if (status != CONNECTOR_OK)
    return status;
  state.connection = work.connection;
  store->batch = &state;
  atomic_store(&store->batch_thread, thread_identity());
  status = batch(store, user, call->error);
  if (status == CONNECTOR_OK && !connection_in_transaction(work.connection))
    status = error_set(call->error, CONNECTOR_IO, NULL, "an earlier failure has undone the batch");
  atomic_store(&store->batch_thread, 0);
  store->batch = NULL;
  status = work_end_write(&work, status);
  if (status == CONNECTOR_OK)
    changes_tell(store, &state.changes);
  changes_free(&state.changes);
  return status;
}

/* The function may have left an error behind that it dealt with, or none where it should. */
static connector_status run(struct call *call, connector_batch_fn batch, void *user)
{
  connector_error unused = { 0 };
  connector_error *asked = call->error;
  connector_status status = CONNECTOR_OK;

  call->error = asked != NULL ? asked : &unused;
  (void)error_clear(call->error);
  status = store_in_batch(call->store) ? run_nested(call, batch, user)
                                       : run_outermost(call, batch, user);
  if (status != CONNECTOR_OK && call->error->status != status)
    error_set(call->error, status, NULL, "the batch's function returned this");
  call->error = asked;
  return status;
}

connector_status connector_batch(connector_store *store, connector_batch_fn batch, void *user,
                                 connector_error *error)
{
  struct call call;
  connector_status status = call_enter(&call, store, error);

  if (status == CONNECTOR_OK)
    status = batch != NULL ? run(&call, batch, user) : not_given("batch", error);
  return call_end(&call, status);
}
