/*
 * Streams. A reader of its own holds the snapshot while the host's function runs; where there is
 * only one connection, the records are gathered before the function is first called.
 */
#include "store/list.h"

#include "engine/listing.h"

/* ---- from a reader of its own ---- */

static connector_status run(struct call *call, struct connection *connection,
                            const struct listing *listing, stream_fn each, void *context)
{
  struct statement *statement = NULL;
  struct row row;
  bool found = true;
  connector_status status = listing_start(connection, listing, &statement, call->error);

  if (status != CONNECTOR_OK)
    return status;
  while (status == CONNECTOR_OK && found) {
    status = rows_next(statement, &row, &found, call->error);
    if (status == CONNECTOR_OK && found)
      status = each(context, &row.record, call->error);
  }
  statement_done(statement);
  return status;
}

static connector_status stream_held(struct call *call, const struct listing *listing,
                                    stream_fn each, void *context)
{
  struct connection *connection = NULL;
  connector_status status = pool_take_long_reader(call->store->pool, &connection, call->error);

  if (status != CONNECTOR_OK)
    return status;
  status = run(call, connection, listing, each, context);
  pool_give_long_reader(call->store->pool, connection);
  return status;
}

/* ---- gathered ---- */

struct gathered {
  struct gathered *next;
  const connector *record;
};

struct gathering {
  struct arena arena;
  struct gathered *first;
  struct gathered **last;
};

static connector_status gather_one(void *context, const connector *record, connector_error *error)
{
  struct gathering *gathering = context;
  struct gathered *one = arena_object(&gathering->arena, sizeof(*one));
  struct row row;
  void *block = NULL;

  row_measure(&row, record);
  if (one != NULL)
    block = arena_object(&gathering->arena, row.size);
  if (block == NULL)
    return error_no_memory(error);
  *one = (struct gathered){ NULL, row_place(&row, block) };
  *gathering->last = one;
  gathering->last = &one->next;
  return CONNECTOR_OK;
}

static connector_status stream_gathered(struct call *call, const struct listing *listing,
                                        stream_fn each, void *context)
{
  struct gathering gathering = { .last = &gathering.first };
  struct work work;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = run(call, work.connection, listing, gather_one, &gathering);
  work_end_read(&work);
  for (struct gathered *one = gathering.first; status == CONNECTOR_OK && one != NULL;
       one = one->next)
    status = each(context, one->record, call->error);
  arena_free(&gathering.arena);
  return status;
}

connector_status stream(struct call *call, const connector_query *query, stream_fn each,
                        void *context)
{
  struct arena arena = { 0 };
  struct listing listing = { .scope = &call->scope, .query = query, .limit = -1, .arena = &arena };
  connector_status status = CONNECTOR_OK;

  if (pool_is_single(call->store->pool) || store_in_batch(call->store))
    status = stream_gathered(call, &listing, each, context);
  else
    status = stream_held(call, &listing, each, context);
  arena_free(&arena);
  return status;
}

/* ---- the host's function ---- */

struct hosts_each {
  connector_each_fn each;
  void *user;
};

static connector_status show(void *context, const connector *record, connector_error *error)
{
  const struct hosts_each *host = context;
  connector_error told = { 0 };
  connector_status status = host->each(host->user, record, &told);

  return status == CONNECTOR_OK
             ? CONNECTOR_OK
             : host_said(status, &told, "the host's function stopped the call", error);
}

connector_status connector_each(connector_store *store, const connector_query *query,
                                connector_each_fn each, void *user, connector_error *error)
{
  struct call call;
  struct hosts_each host = { each, user };
  connector_query known;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && each == NULL)
    status = not_given("each", error);
  if (status == CONNECTOR_OK)
    status = list_query(&call, query, &known);
  if (status == CONNECTOR_OK)
    status = stream(&call, &known, show, &host);
  return call_end(&call, status);
}
