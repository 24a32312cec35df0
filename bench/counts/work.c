/*
 * Operations of workers: reports, leases, claims and outcomes.
 */
#include "counts.h"

#include <stdlib.h>

enum { CLAIMED = 10, LEASE_MS = 60000 };

/* ---- reports ---- */

static connector_status started(struct world *world, int call)
{
  return connector_sync_started(world->store, world->ids[call], &world->error);
}

static connector_status succeeded(struct world *world, int call)
{
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  connector *record = NULL;
  connector_status status = CONNECTOR_OK;

  report.synced = 250;
  report.latency_ms = 180;
  status = connector_sync_succeeded(world->store, world->ids[call], &report, &record,
                                    &world->error);
  connector_free(record);
  return status;
}

static connector_status failed(struct world *world, int call)
{
  return connector_sync_failed(world->store, world->ids[call], CONNECTOR_FAILURE_TRANSIENT,
                               "HTTP 503 from the provider, token=hunter2 was refused", 0, NULL,
                               &world->error);
}

/* ---- leases ---- */

static connector_status take(struct world *world, int call)
{
  return connector_lease_take(world->store, world->ids[call], "counting", LEASE_MS,
                              &world->leases[call], &world->error);
}

static connector_status take_all(struct world *world, int calls)
{
  connector_status status = CONNECTOR_OK;

  for (int i = 0; i < calls && status == CONNECTOR_OK; i++)
    status = take(world, i);
  return status;
}

static connector_status renew(struct world *world, int call)
{
  return connector_lease_renew(world->store, world->leases[call], LEASE_MS, &world->error);
}

static connector_status release(struct world *world, int call)
{
  connector_lease *lease = world->leases[call];

  world->leases[call] = NULL;
  return connector_lease_release(world->store, lease, &world->error);
}

static void release_all(struct world *world)
{
  for (int i = 0; i < CALLS_MOST; i++)
    if (world->leases[i] != NULL && release(world, i) != CONNECTOR_OK)
      abort();
}

/* ---- due work ---- */

static connector_status claim(struct world *world, int call)
{
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  connector_claims *claims = NULL;
  connector_status status = CONNECTOR_OK;

  (void)call;
  options.limit = CLAIMED;
  options.ttl_ms = LEASE_MS;
  status = connector_claim(world->store, CONNECTOR_DUE_REFRESH, &options, &claims, &world->error);
  if (status == CONNECTOR_OK)
    status = expect(world, connector_claims_count(claims) == CLAIMED, "too few are due");
  connector_claims_free(claims);
  return status;
}

static connector_status take_for(struct world *world, int calls, const char *purpose)
{
  connector_status status = CONNECTOR_OK;

  for (int i = 0; i < calls && status == CONNECTOR_OK; i++)
    status = connector_lease_take(world->store, world->ids[i], purpose, LEASE_MS, &world->leases[i],
                                  &world->error);
  return status;
}

static connector_status take_to_refresh(struct world *world, int calls)
{
  return take_for(world, calls, CONNECTOR_PURPOSE_REFRESH);
}

static connector_status take_to_rotate(struct world *world, int calls)
{
  return take_for(world, calls, CONNECTOR_PURPOSE_ROTATION);
}

static connector_status refreshed(struct world *world, int call)
{
  return connector_refreshed(world->store, world->leases[call], world->now + 3600000, NULL,
                             &world->error);
}

static connector_status rotated(struct world *world, int call)
{
  return connector_rotated(world->store, world->leases[call], world->now + 86400000, NULL,
                           &world->error);
}

static const struct operation list[] = {
  { .name = "sync started", .history = true, .calls = 50, .units = 1, .run = started },
  { .name = "sync report", .history = true, .calls = 50, .units = 1, .run = succeeded },
  { .name = "sync report of a failure", .history = true, .calls = 50, .units = 1, .run = failed },
  { .name = "lease taken", .calls = 50, .units = 1, .run = take, .after = release_all },
  { .name = "lease renewed",
    .calls = 50,
    .units = 1,
    .before = take_all,
    .run = renew,
    .after = release_all },
  { .name = "lease released", .calls = 50, .units = 1, .before = take_all, .run = release },
  { .name = "claim of 10", .calls = 10, .units = 1, .run = claim },
  { .name = "refreshed",
    .history = true,
    .calls = 50,
    .units = 1,
    .before = take_to_refresh,
    .run = refreshed,
    .after = release_all },
  { .name = "rotated",
    .history = true,
    .calls = 50,
    .units = 1,
    .before = take_to_rotate,
    .run = rotated,
    .after = release_all },
};

const struct operations work_operations = { list, sizeof(list) / sizeof(list[0]) };
