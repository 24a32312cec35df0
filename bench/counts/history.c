/*
 * Operations on history: the feed, one connector's, as-of, and the chain.
 */
#include "counts.h"

#include <stdlib.h>

enum { UPDATES = 9 };

static connector_status feed(struct world *world, int call)
{
  connector_changes *changes = NULL;
  connector_status status = connector_changes_after(world->store, 0, CONNECTOR_CHANGES_MAX,
                                                    &changes, &world->error);

  (void)call;
  if (status == CONNECTOR_OK)
    status = expect(world, connector_changes_count(changes) == CONNECTOR_CHANGES_MAX,
                    "changes are missing");
  connector_changes_free(changes);
  return status;
}

/* Ten versions of the first record. */
static connector_status update_often(struct world *world, int calls)
{
  connector_status status = CONNECTOR_OK;

  (void)calls;
  for (int i = 0; i < UPDATES && status == CONNECTOR_OK; i++) {
    connector_patch patch = CONNECTOR_PATCH_INIT;

    patch.name = i % 2 == 0 ? "Renamed by its owner" : "Renamed again";
    patch.config = patch_of(world, i)->config;
    status = connector_update(world->store, world->ids[0], 0, &patch, NULL, &world->error);
  }
  return status;
}

static connector_status history(struct world *world, int call)
{
  connector_changes *changes = NULL;
  connector_status status = connector_history(world->store, world->ids[0], 0, 0, &changes,
                                              &world->error);

  (void)call;
  if (status == CONNECTOR_OK)
    status = expect(world, connector_changes_count(changes) == UPDATES + 1, "changes are missing");
  connector_changes_free(changes);
  return status;
}

static connector_status get_as_of(struct world *world, int call)
{
  connector *record = NULL;
  connector_status status = connector_get_as_of(world->store, world->ids[0], 2, &record,
                                                &world->error);

  (void)call;
  connector_free(record);
  return status;
}

static connector_status changes_to_json(struct world *world, int call)
{
  connector_changes *changes = NULL;
  connector_status status = connector_history(world->store, world->ids[0], 0, 0, &changes,
                                              &world->error);

  (void)call;
  for (size_t i = 0; status == CONNECTOR_OK && i < connector_changes_count(changes); i++) {
    char *json = NULL;

    status = connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &world->error);
    connector_string_free(json);
  }
  connector_changes_free(changes);
  return status;
}

static connector_status verify(struct world *world, int call)
{
  int64_t bad = 0;

  (void)call;
  return connector_history_verify(world->store, &bad, &world->error);
}

static const struct operation list[] = {
  { .name = "feed of 1,000, a change",
    .history = true,
    .calls = 2,
    .units = CONNECTOR_CHANGES_MAX,
    .run = feed },
  { .name = "history of 10 changes",
    .history = true,
    .calls = 10,
    .units = 1,
    .before = update_often,
    .run = history },
  { .name = "history of 10 changes to JSON",
    .history = true,
    .calls = 10,
    .units = 1,
    .before = update_often,
    .run = changes_to_json },
  { .name = "get as of 8 versions ago",
    .history = true,
    .calls = 10,
    .units = 1,
    .before = update_often,
    .run = get_as_of },
  { .name = "verify, a change",
    .history = true,
    .role = CONNECTOR_ROLE_TENANT,
    .calls = 1,
    .units = RECORDS,
    .run = verify },
};

const struct operations history_operations = { list, sizeof(list) / sizeof(list[0]) };
