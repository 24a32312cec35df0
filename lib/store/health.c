/*
 * Health as it is told: the sums and the single hours, as of now.
 */
#include "base/structs.h"
#include "engine/beside.h"
#include "store/hours.h"
#include "store/rules.h"
#include "store/work.h"

#include <connector/health.h>

static void fill_hours(connector_health *health, const struct hours *hours, int64_t now)
{
  int64_t first = now / HOUR_MS - (CONNECTOR_HEALTH_HOURS - 1);

  for (int64_t i = 0; i < CONNECTOR_HEALTH_HOURS; i++)
    health->hours[i].start = (first + i) * HOUR_MS;
  for (size_t i = 0; i < hours->count; i++) {
    const struct hour *hour = &hours->items[i];
    connector_health_hour *told = &health->hours[hour->hour - first];

    told->synced = hour->synced;
    told->syncs = hour->syncs;
    told->failures = hour->failures;
    told->latency_ms = hour_latency(hour);
  }
}

static connector_status fill(connector_health *health, const struct health_row *row, int64_t now,
                             connector_error *error)
{
  struct hours hours;
  struct hour sum;
  connector_status status = hours_read(&hours, row->hours, now, error);

  if (status != CONNECTOR_OK)
    return status;
  sum = hours_sum(&hours);
  health->retry_at = row->retry_at;
  health->first_error_at = row->first_error_at;
  health->started_at = row->started_at;
  health->disabled_at = row->disabled_at;
  health->synced = sum.synced;
  health->syncs = sum.syncs;
  health->failures = sum.failures;
  health->latency_ms = hour_latency(&sum);
  fill_hours(health, &hours, now);
  return CONNECTOR_OK;
}

/* The record and its health from one snapshot; the record is the caller's to free. */
static connector_status read_health(struct call *call, const char *id, connector **found,
                                    struct health_row *row, struct arena *arena)
{
  struct work work;
  connector_status status = work_begin_snapshot(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = rows_find(work.connection, &call->scope, id, CONNECTOR_DELETED_EXCLUDE, found,
                     call->error);
  if (status == CONNECTOR_OK && *found == NULL)
    status = not_found(call->error);
  if (status == CONNECTOR_OK) {
    struct owner owner = { (*found)->id, (*found)->tenant_id };

    status = health_find(work.connection, &owner, row, arena, call->error);
  }
  work_end_snapshot(&work);
  return status;
}

static connector_status get(struct call *call, const char *id, connector_health *health)
{
  connector *found = NULL;
  struct arena arena = { 0 };
  struct health_row row;
  int64_t now = 0;
  connector_status status = store_now(call->store, &now, call->error);

  if (status == CONNECTOR_OK)
    status = read_health(call, id, &found, &row, &arena);
  if (status == CONNECTOR_OK)
    status = rules_authorize(call, CONNECTOR_ACTION_READ, found);
  if (status == CONNECTOR_OK)
    status = fill(health, &row, now, call->error);
  arena_free(&arena);
  connector_free(found);
  return status;
}

connector_status connector_health_get(connector_store *store, const char *id,
                                      connector_health *health, connector_error *error)
{
  struct call call;
  connector_health read = CONNECTOR_HEALTH_INIT;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && (id == NULL || health == NULL))
    status = not_given(id == NULL ? "id" : "health", error);
  if (status == CONNECTOR_OK && !store_may_hold(id))
    status = not_found(error);
  if (status == CONNECTOR_OK)
    status = get(&call, id, &read);
  if (status == CONNECTOR_OK)
    status = struct_write(health, sizeof(read), &read, error);
  return call_end(&call, status);
}
