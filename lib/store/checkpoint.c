/*
 * Checkpoints, on a connection of their own, so that writers go on.
 */
#include "store/checkpoint.h"

static connector_status run(struct call *call, struct connection *connection, uint64_t limit,
                            bool *longer)
{
  struct pool *pool = call->store->pool;
  connector_status status = connection_checkpoint(connection, false, call->error);

  if (status != CONNECTOR_OK || (uint64_t)pool_wal_bytes(pool) <= limit)
    return status;
  status = connection_checkpoint(connection, true, call->error);
  *longer = status == CONNECTOR_OK && (uint64_t)pool_wal_bytes(pool) > limit;
  return status;
}

connector_status checkpoint_run(struct call *call, uint64_t limit, bool *longer)
{
  struct pool *pool = call->store->pool;
  struct connection *connection = NULL;
  connector_status status = CONNECTOR_OK;

  *longer = false;
  if (pool_is_single(pool))
    return CONNECTOR_OK;
  status = pool_take_long_reader(pool, &connection, call->error);
  if (status != CONNECTOR_OK)
    return status;
  status = run(call, connection, limit, longer);
  pool_give_long_reader(pool, connection);
  return status;
}
