/*
 * Operations that write one record, and batches of them.
 */
#include "counts.h"

#include <stdio.h>
#include <string.h>

enum { BATCH = 1000 };

static connector_status create(struct world *world, int call)
{
  connector *record = NULL;
  connector_status status = connector_create(world->store, patch_of(world, call), &record,
                                             &world->error);

  connector_free(record);
  return status;
}

static connector_status create_once(struct world *world, int call)
{
  char key[32];
  connector *record = NULL;
  connector_status status = CONNECTOR_OK;

  snprintf(key, sizeof(key), "request-%04d", call);
  status = connector_create_once(world->store, key, patch_of(world, call), &record, &world->error);
  connector_free(record);
  return status;
}

/* A repeat: the record was made under this key by the warming call. */
static connector_status create_again(struct world *world, int call)
{
  (void)call;
  return create_once(world, 0);
}

static connector_status update(struct world *world, int call)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;
  connector_status status = CONNECTOR_OK;

  patch.name = "Renamed by its owner";
  patch.enabled = CONNECTOR_NO;
  patch.config = patch_of(world, call)->config;
  status = connector_update(world->store, world->ids[call], 1, &patch, &record, &world->error);
  connector_free(record);
  return status;
}

static connector_status update_at_odds(struct world *world, int call)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;

  patch.name = "Renamed by its owner";
  return expect(world,
                connector_update(world->store, world->ids[call], 7, &patch, NULL, &world->error) ==
                    CONNECTOR_CONFLICT,
                "an old version was taken");
}

static connector_status delete (struct world *world, int call)
{
  return connector_delete(world->store, world->ids[call], 1, &world->error);
}

static connector_status delete_all(struct world *world, int calls)
{
  connector_status status = CONNECTOR_OK;

  for (int i = 0; i < calls && status == CONNECTOR_OK; i++)
    status = delete (world, i);
  return status;
}

static connector_status restore(struct world *world, int call)
{
  connector *record = NULL;
  connector_status status = connector_restore(world->store, world->ids[call], 2, &record,
                                              &world->error);

  connector_free(record);
  return status;
}

static connector_status purge(struct world *world, int call)
{
  return connector_purge(world->store, world->ids[call], &world->error);
}

static connector_status write_patch(struct world *world, int calls)
{
  static const char patch[] =
      "{\"name\":\"Renamed by its owner\",\"enabled\":false,\"config\":{\"pageSize\":250,"
      "\"schedule\":{\"everyMinutes\":45},\"note\":null}}";

  (void)calls;
  world->text = strdup(patch);
  world->text_length = sizeof(patch) - 1;
  return expect(world, world->text != NULL, "no memory");
}

static connector_status update_json(struct world *world, int call)
{
  connector *record = NULL;
  connector_status status = connector_update_json(world->store, world->ids[call], 1, world->text,
                                                  world->text_length, &record, &world->error);

  connector_free(record);
  return status;
}

static const struct operation single[] = {
  { .name = "create", .calls = 50, .units = 1, .run = create },
  { .name = "create with history", .history = true, .calls = 50, .units = 1, .run = create },
  { .name = "create once", .calls = 50, .units = 1, .run = create_once },
  { .name = "create once, a repeat", .calls = 50, .units = 1, .run = create_again },
  { .name = "update with version", .calls = 50, .units = 1, .run = update },
  { .name = "update with history", .history = true, .calls = 50, .units = 1, .run = update },
  { .name = "update of an old version", .calls = 50, .units = 1, .run = update_at_odds },
  { .name = "update by merge patch",
    .history = true,
    .calls = 50,
    .units = 1,
    .before = write_patch,
    .run = update_json },
  { .name = "delete", .calls = 50, .units = 1, .run = delete },
  { .name = "delete with history", .history = true, .calls = 50, .units = 1, .run = delete },
  { .name = "restore", .calls = 50, .units = 1, .before = delete_all, .run = restore },
  { .name = "purge", .calls = 50, .units = 1, .before = delete_all, .run = purge },
};

const struct operations write_operations = { single, sizeof(single) / sizeof(single[0]) };

/* ---- batches ---- */

static connector_status create_in_batch(connector_store *store, void *user, connector_error *error)
{
  struct world *world = user;
  connector_status status = CONNECTOR_OK;

  for (int i = 0; i < BATCH && status == CONNECTOR_OK; i++)
    status = connector_create(store, patch_of(world, i % CALLS_MOST), NULL, error);
  return status;
}

static connector_status batch(struct world *world, int call)
{
  (void)call;
  return connector_batch(world->store, create_in_batch, world, &world->error);
}

static const struct operation batches[] = {
  { .name = "create 1,000 in a batch", .calls = 1, .units = BATCH, .run = batch },
  { .name = "create 1,000 in a batch with history",
    .history = true,
    .calls = 1,
    .units = BATCH,
    .run = batch },
};

const struct operations batch_operations = { batches, sizeof(batches) / sizeof(batches[0]) };
