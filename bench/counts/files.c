/*
 * Operations on the whole file: opening it, keeping house, checking it.
 */
#include "counts.h"

static connector_status open_and_get(struct world *world, int call)
{
  connector *record = NULL;
  connector_store *store = NULL;
  connector_status status = world_open(world, false, &store);

  if (status == CONNECTOR_OK)
    status = connector_get(store, world->ids[call], 0, &record, &world->error);
  connector_free(record);
  connector_close(store);
  return status;
}

static connector_status maintain(struct world *world, int call)
{
  (void)call;
  return connector_maintain(world->store, NULL, &world->error);
}

/* What was written since the last time is moved into the file. */
static connector_status write_and_maintain(struct world *world, int call)
{
  connector_status status = connector_create(world->store, patch_of(world, call), NULL,
                                             &world->error);

  return status == CONNECTOR_OK ? maintain(world, call) : status;
}

static connector_status stats(struct world *world, int call)
{
  connector_stats stats = CONNECTOR_STATS_INIT;

  (void)call;
  return connector_stats_get(world->store, &stats, &world->error);
}

static connector_status check(struct world *world, int call)
{
  (void)call;
  return connector_check(world->store, NULL, NULL, &world->error);
}

static const struct operation list[] = {
  { .name = "open, first get and close",
    .closed = true,
    .calls = 10,
    .units = 1,
    .run = open_and_get },
  { .name = "maintain", .calls = 10, .units = 1, .run = maintain },
  { .name = "create and maintain", .calls = 10, .units = 1, .run = write_and_maintain },
  { .name = "stats", .calls = 10, .units = 1, .run = stats },
  { .name = "check, a record", .calls = 1, .units = RECORDS, .run = check },
};

const struct operations file_operations = { list, sizeof(list) / sizeof(list[0]) };
