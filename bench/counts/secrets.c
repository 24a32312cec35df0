/*
 * Operations on secrets that are sealed in the store's own file.
 */
#include "counts.h"

static connector_status prepare(struct world *world, int calls)
{
  (void)calls;
  return make_secret(world, &world->secret);
}

static connector_status make(struct world *world, int call)
{
  connector_secret *secret = NULL;
  connector_status status = make_secret(world, &secret);

  (void)call;
  connector_secret_free(secret);
  return status;
}

static connector_status put(struct world *world, int call)
{
  return connector_secret_put(world->store, world->ids[call], world->secret, -1, NULL,
                              &world->error);
}

static connector_status put_all(struct world *world, int calls)
{
  connector_status status = prepare(world, calls);

  for (int i = 0; i < calls && status == CONNECTOR_OK; i++)
    status = put(world, i);
  return status;
}

static connector_status use(void *user, const void *bytes, size_t length, connector_error *error)
{
  struct world *world = user;

  (void)bytes;
  (void)error;
  world->seen += length;
  return CONNECTOR_OK;
}

static connector_status get_and_use(struct world *world, int call)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_get(world->store, world->ids[call], 0, &secret,
                                                 &world->error);

  if (status == CONNECTOR_OK)
    status = connector_secret_use(secret, "refresh_token", use, world, &world->error);
  connector_secret_free(secret);
  return status;
}

static const struct operation list[] = {
  { .name = "secret made from JSON", .calls = 50, .units = 1, .run = make },
  { .name = "secret sealed", .calls = 25, .units = 1, .before = prepare, .run = put },
  { .name = "secret sealed with history",
    .history = true,
    .calls = 25,
    .units = 1,
    .before = prepare,
    .run = put },
  { .name = "secret got and used", .calls = 50, .units = 1, .before = put_all, .run = get_and_use },
};

const struct operations secret_operations = { list, sizeof(list) / sizeof(list[0]) };
