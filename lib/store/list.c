/*
 * Pages and counts. A page and its total are read from one snapshot.
 */
#include "store/list.h"

#include "base/structs.h"
#include "engine/listing.h"
#include "store/cursor.h"
#include "store/rules.h"

#include <stdlib.h>

enum { LIMIT_USUAL = 50, ROW_BYTES_USUAL = 1024, BLOCK_MOST = 4 * 1024 * 1024 };

connector_status list_query(struct call *call, const connector_query *given, connector_query *query)
{
  connector_status status = CONNECTOR_OK;

  *query = (connector_query)CONNECTOR_QUERY_INIT;
  if (given != NULL)
    status = struct_read(query, sizeof(*query), given, call->error);
  if (status == CONNECTOR_OK)
    status = listing_check(query, call->error);
  if (query->limit == 0)
    query->limit = LIMIT_USUAL;
  return status == CONNECTOR_OK ? rules_authorize(call, CONNECTOR_ACTION_LIST, NULL) : status;
}

/* ---- pages ---- */

/* One block for all of a page, where the last page's rows foretell this one's. */
static connector_status prepare_page(struct connector_page *page, const struct call *call,
                                     size_t limit)
{
  size_t row_bytes = atomic_load_explicit(&call->store->row_bytes, memory_order_relaxed);
  size_t wanted = limit * (sizeof(*page->items) + (row_bytes > 0 ? row_bytes : ROW_BYTES_USUAL));

  page->total = -1;
  arena_reserve(&page->arena, wanted < BLOCK_MOST ? wanted : BLOCK_MOST);
  page->items = arena_object(&page->arena, limit * sizeof(*page->items));
  return page->items != NULL ? CONNECTOR_OK : error_no_memory(call->error);
}

/* Reads up to `limit` rows, and whether there is another. */
static connector_status read_rows(struct statement *statement, struct connector_page *page,
                                  size_t limit, bool *more, size_t *bytes, connector_error *error)
{
  struct row row;
  bool found = true;
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && found && page->count < limit) {
    status = rows_next(statement, &row, &found, error);
    if (status == CONNECTOR_OK && found) {
      size_t size = row.size;
      void *block = arena_object(&page->arena, size);

      if (block == NULL)
        return error_no_memory(error);
      page->items[page->count++] = row_place(&row, block);
      *bytes += size + sizeof(max_align_t);
    }
  }
  if (status == CONNECTOR_OK && found)
    status = statement_step(statement, more, error);
  return status;
}

static connector_status read_page(struct call *call, struct connection *connection,
                                  const struct listing *listing, struct connector_page *page)
{
  struct statement *statement = NULL;
  size_t bytes = 0;
  size_t limit = listing->query->limit;
  bool more = false;
  connector_status status = listing_start(connection, listing, &statement, call->error);

  if (status != CONNECTOR_OK)
    return status;
  status = read_rows(statement, page, limit, &more, &bytes, call->error);
  statement_done(statement);
  if (status != CONNECTOR_OK || page->count == 0)
    return status;
  atomic_store_explicit(&call->store->row_bytes, (unsigned)(bytes / page->count),
                        memory_order_relaxed);
  if (more) {
    struct position end = position_of(page->items[page->count - 1], listing->query);

    page->next = cursor_seal(call, listing->query, &end);
    if (page->next == NULL)
      status = error_no_memory(call->error);
  }
  return status;
}

/* The page and the total from one snapshot. Inside a batch there is one already. */
static connector_status read_page_and_total(struct work *work, const struct listing *listing,
                                            struct connector_page *page)
{
  struct call *call = work->call;
  bool both = listing->query->with_total;
  bool own = both && !connection_in_transaction(work->connection);
  connector_status status = own ? connection_begin_read(work->connection, call->error)
                                : CONNECTOR_OK;

  if (status != CONNECTOR_OK)
    return status;
  status = read_page(call, work->connection, listing, page);
  if (status == CONNECTOR_OK && both)
    status = listing_count(work->connection, listing, &page->total, call->error);
  if (own)
    connection_rollback(work->connection);
  return status;
}

static connector_status list(struct call *call, const connector_query *query,
                             struct connector_page *page)
{
  struct arena arena = { 0 };
  struct position after = { 0 };
  struct listing listing = {
    .scope = &call->scope, .query = query, .limit = (int64_t)query->limit + 1, .arena = &arena
  };
  struct work work;
  connector_status status = prepare_page(page, call, query->limit);

  if (status == CONNECTOR_OK && query->cursor != NULL) {
    status = cursor_open(call, query, &arena, &after);
    listing.after = &after;
  }
  if (status == CONNECTOR_OK)
    status = work_begin_read(&work, call);
  if (status == CONNECTOR_OK) {
    status = read_page_and_total(&work, &listing, page);
    work_end_read(&work);
  }
  arena_free(&arena);
  return status;
}

connector_status connector_list(connector_store *store, const connector_query *query,
                                connector_page **out, connector_error *error)
{
  struct call call;
  connector_query known;
  connector_page *page = NULL;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && out == NULL)
    status = not_given("out", error);
  if (status == CONNECTOR_OK)
    status = list_query(&call, query, &known);
  if (status == CONNECTOR_OK && known.limit > CONNECTOR_LIMIT_MAX)
    status = error_set(error, CONNECTOR_INVALID, "limit", "is more than %d", CONNECTOR_LIMIT_MAX);
  if (status == CONNECTOR_OK) {
    page = calloc(1, sizeof(*page));
    status = page != NULL ? list(&call, &known, page) : error_no_memory(error);
  }
  if (status == CONNECTOR_OK)
    *out = page;
  else
    connector_page_free(page);
  return call_end(&call, status);
}

size_t connector_page_count(const connector_page *page)
{
  return page != NULL ? page->count : 0;
}

const connector *connector_page_at(const connector_page *page, size_t index)
{
  return page != NULL && index < page->count ? page->items[index] : NULL;
}

const char *connector_page_next(const connector_page *page)
{
  return page != NULL ? page->next : NULL;
}

int64_t connector_page_total(const connector_page *page)
{
  return page != NULL ? page->total : -1;
}

void connector_page_free(connector_page *page)
{
  if (page == NULL)
    return;
  arena_free(&page->arena);
  free(page->next);
  free(page);
}

/* ---- counts ---- */

static connector_status count(struct call *call, const connector_query *query, int64_t *out)
{
  struct arena arena = { 0 };
  struct listing listing = { .scope = &call->scope, .query = query, .arena = &arena };
  struct work work;
  connector_status status = work_begin_read(&work, call);

  if (status == CONNECTOR_OK) {
    status = listing_count(work.connection, &listing, out, call->error);
    work_end_read(&work);
  }
  arena_free(&arena);
  return status;
}

connector_status connector_count(connector_store *store, const connector_query *query, int64_t *out,
                                 connector_error *error)
{
  struct call call;
  connector_query known;
  int64_t counted = 0;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && out == NULL)
    status = not_given("out", error);
  if (status == CONNECTOR_OK)
    status = list_query(&call, query, &known);
  if (status == CONNECTOR_OK)
    status = count(&call, &known, &counted);
  if (status == CONNECTOR_OK)
    *out = counted;
  return call_end(&call, status);
}
