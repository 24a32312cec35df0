/*
 * Operations over all records of a caller: each, export and import.
 */
#include "counts.h"

#include <stdlib.h>
#include <string.h>

static connector_status see(void *user, const connector *record, connector_error *error)
{
  struct world *world = user;

  (void)record;
  (void)error;
  world->seen++;
  return CONNECTOR_OK;
}

static connector_status each(struct world *world, int call)
{
  const connector_query query = CONNECTOR_QUERY_INIT;
  connector_status status = CONNECTOR_OK;

  (void)call;
  world->seen = 0;
  status = connector_each(world->store, &query, see, world, &world->error);
  if (status == CONNECTOR_OK)
    status = expect(world, world->seen == RECORDS, "records are missing");
  return status;
}

static connector_status take_bytes(void *user, const char *bytes, size_t length,
                                   connector_error *error)
{
  struct world *world = user;

  (void)bytes;
  (void)error;
  world->seen += length;
  return CONNECTOR_OK;
}

static connector_status export(struct world *world, int call)
{
  (void)call;
  world->seen = 0;
  connector_status status = connector_export(world->store, NULL, take_bytes, NULL, world,
                                             &world->error);
  if (status == CONNECTOR_OK)
    status = expect(world, world->seen > RECORDS, "nothing was written");
  return status;
}

/* Export to memory, for the import. */
static connector_status keep_bytes(void *user, const char *bytes, size_t length,
                                   connector_error *error)
{
  struct world *world = user;
  char *grown = realloc(world->text, world->text_length + length);

  (void)error;
  if (grown == NULL)
    return CONNECTOR_NO_MEMORY;
  memcpy(grown + world->text_length, bytes, length);
  world->text = grown;
  world->text_length += length;
  return CONNECTOR_OK;
}

static connector_status export_to_memory(struct world *world, int calls)
{
  (void)calls;
  world->text_length = 0;
  return connector_export(world->store, NULL, keep_bytes, NULL, world, &world->error);
}

static connector_status give_bytes(void *user, char *buffer, size_t capacity, size_t *length,
                                   connector_error *error)
{
  struct world *world = user;
  size_t left = world->text_length - world->seen;

  (void)error;
  *length = left < capacity ? left : capacity;
  memcpy(buffer, world->text + world->seen, *length);
  world->seen += *length;
  return CONNECTOR_OK;
}

static connector_status import(struct world *world, int call)
{
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  connector_status status = CONNECTOR_OK;

  (void)call;
  world->seen = 0;
  status = connector_import(world->store, give_bytes, world, NULL, &result, &world->error);
  if (status == CONNECTOR_OK)
    status = expect(world, result.created == RECORDS, "lines were not taken");
  return status;
}

static const struct operation list[] = {
  { .name = "each, a record", .calls = 2, .units = RECORDS, .run = each },
  { .name = "export, a record", .calls = 2, .units = RECORDS, .run = export },
  { .name = "import, a record",
    .calls = 1,
    .units = RECORDS,
    .before = export_to_memory,
    .run = import },
};

const struct operations stream_operations = { list, sizeof(list) / sizeof(list[0]) };
