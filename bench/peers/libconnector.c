/*
 * The library through its public API alone. It also checks every field and who calls, which none of
 * the others does. History, which they do not keep either, is left out. A fifth argument says what
 * differs: `history` keeps it; `relaxed` syncs less than the others, to prove that `run` sees it.
 */
#include "peer.h"

#include <stdlib.h>
#include <string.h>

struct library {
  connector_caller caller;
  connector_store *store;
  char *cursor; /* of the next page; NULL after the last one */
};

struct batch {
  const connector *rows;
  size_t count;
  char (*ids)[PEER_ID];
};

static bool keeps_history;
static bool relaxed;

static enum peer_answer answer(connector_status status, const connector_error *error)
{
  if (status == CONNECTOR_OK)
    return PEER_DONE;
  if (status == CONNECTOR_NOT_FOUND || status == CONNECTOR_CONFLICT)
    return PEER_REFUSED;
  (void)peer_problem(connector_status_name(status), error->message);
  return PEER_FAILED;
}

static void library_close(void *peer)
{
  struct library *library = peer;

  connector_close(library->store);
  free(library->cursor);
  free(library);
}

static void *library_open(const char *path, const char *tenant)
{
  struct library *library = calloc(1, sizeof(*library));
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_error error;

  if (library == NULL)
    return NULL;
  library->caller = peer_caller(tenant);
  options.fixed_caller = &library->caller;
  options.no_history = !keeps_history;
  options.durability = relaxed ? CONNECTOR_DURABILITY_NORMAL : CONNECTOR_DURABILITY_FULL;
  if (answer(connector_open(path, &options, &library->store, &error), &error) == PEER_DONE)
    return library;
  free(library);
  return NULL;
}

static connector_status create_all(connector_store *store, void *user, connector_error *error)
{
  struct batch *batch = user;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < batch->count; i++) {
    connector_patch patch = peer_row_patch(&batch->rows[i]);
    connector *record = NULL;

    status = connector_create(store, &patch, &record, error);
    if (status == CONNECTOR_OK)
      memcpy(batch->ids[i], record->id, PEER_ID);
    connector_free(record);
  }
  return status;
}

static bool library_create(void *peer, const connector *rows, size_t count, char (*ids)[PEER_ID])
{
  struct library *library = peer;
  struct batch batch = { rows, count, ids };
  connector_error error;
  connector_status status = count == 1
                                ? create_all(library->store, &batch, &error)
                                : connector_batch(library->store, create_all, &batch, &error);

  return answer(status, &error) == PEER_DONE;
}

static enum peer_answer library_get(void *peer, const char *id, peer_show_fn show, void *user)
{
  struct library *library = peer;
  connector *record = NULL;
  connector_error error;
  connector_status status = connector_get(library->store, id, 0, &record, &error);

  if (status == CONNECTOR_OK)
    show(user, record);
  connector_free(record);
  return answer(status, &error);
}

static enum peer_answer library_update(void *peer, const char *id, int64_t version,
                                       const char *name)
{
  struct library *library = peer;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector_error error;

  patch.name = name;
  return answer(connector_update(library->store, id, version, &patch, NULL, &error), &error);
}

static enum peer_answer library_remove(void *peer, const char *id, int64_t version)
{
  struct library *library = peer;
  connector_error error;

  return answer(connector_delete(library->store, id, version, &error), &error);
}

static bool library_list(void *peer, bool from_start, peer_show_fn show, void *user)
{
  struct library *library = peer;
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_page *page = NULL;
  const char *next = NULL;
  connector_error error;

  if (!from_start && library->cursor == NULL)
    return true;
  query.limit = PEER_PAGE;
  query.cursor = from_start ? NULL : library->cursor;
  if (answer(connector_list(library->store, &query, &page, &error), &error) != PEER_DONE)
    return false;
  for (size_t i = 0; i < connector_page_count(page); i++)
    show(user, connector_page_at(page, i));
  next = connector_page_next(page);
  free(library->cursor);
  library->cursor = next != NULL ? strdup(next) : NULL;
  connector_page_free(page);
  return next == NULL || library->cursor != NULL;
}

int main(int count, char **arguments)
{
  static const struct peer_form form = { .open = library_open,
                                         .close = library_close,
                                         .create = library_create,
                                         .get = library_get,
                                         .update = library_update,
                                         .remove = library_remove,
                                         .list = library_list };

  keeps_history = count == 6 && strcmp(arguments[5], "history") == 0;
  relaxed = count == 6 && strcmp(arguments[5], "relaxed") == 0;
  return peer_main(&form, keeps_history || relaxed ? 5 : count, arguments);
}
