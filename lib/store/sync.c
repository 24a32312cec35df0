/*
 * Reports of syncs: begun, succeeded, failed.
 */
#include "base/structs.h"
#include "record/json_reader.h"
#include "record/json_tree.h"
#include "store/failure.h"

#include <stdio.h>
#include <string.h>

/* ---- begun ---- */

static connector_status fill_started(struct report *report, const void *input)
{
  (void)input;
  report->health.started_at = report->now;
  report_set_text(report, CONNECTOR_FIELD_SYNC_STATUS, "syncing");
  return CONNECTOR_OK;
}

connector_status connector_sync_started(connector_store *store, const char *id,
                                        connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK)
    status = report_run(&call, id, fill_started, NULL, NULL);
  return call_end(&call, status);
}

/* ---- metrics ---- */

/* The whole number under a key of the object; 0 where there is none. */
static connector_status read_total(struct report *report, const char *metrics, int64_t *total)
{
  static const char key[] = "totalSynced";
  struct json_reader reader;
  bool first = true;

  *total = 0;
  if (metrics == NULL)
    return CONNECTOR_OK;
  json_reader_init(&reader, metrics, strlen(metrics), &report->draft.arena);
  if (json_peek(&reader) != JSON_OBJECT || !json_enter(&reader))
    return CONNECTOR_OK;
  while (json_more(&reader, &first)) {
    size_t length = 0;
    const char *name = json_key(&reader, &length);
    bool is_total = name != NULL && length == sizeof(key) - 1 && memcmp(name, key, length) == 0;

    if (is_total && json_peek(&reader) == JSON_NUMBER) {
      if (!json_integer(&reader, total) || *total < 0)
        *total = 0;
    } else {
      (void)json_skip(&reader);
    }
  }
  return reader.problem == JSON_NO_MEMORY ? error_no_memory(report->call->error) : CONNECTOR_OK;
}

/* `last24h` and the mean are over the same hours; without a latency told in them there is no mean.
 */
static connector_status set_metrics(struct report *report, int64_t synced)
{
  const char *metrics = report->aim.found->metrics;
  struct hour sum = hours_sum(&report->hours);
  char mean[24] = "null";
  char patch[128];
  int64_t total = 0;
  connector_status status = read_total(report, metrics, &total);

  if (status != CONNECTOR_OK)
    return status;
  if (sum.timed > 0)
    (void)snprintf(mean, sizeof(mean), "%lld", (long long)hour_latency(&sum));
  (void)snprintf(patch, sizeof(patch),
                 "{\"totalSynced\":%lld,\"last24h\":%lld,\"avgLatencyMs\":%s}",
                 (long long)add_capped(total, synced), (long long)sum.synced, mean);
  metrics = json_merge(metrics, patch, &report->draft.arena);
  if (metrics == NULL)
    return error_no_memory(report->call->error);
  if (strlen(metrics) <=
      report->call->store->limits.json) /* else it stays: a report must not fail */
    report_set_text(report, CONNECTOR_FIELD_METRICS, metrics);
  return CONNECTOR_OK;
}

/* ---- succeeded ---- */

/* What the library disabled it enables again; what it only warned of is over. */
static void recover(struct report *report)
{
  struct health_row *health = &report->health;

  if (health->disabled_at != 0 && !report->aim.found->enabled) {
    report_set_number(report, CONNECTOR_FIELD_ENABLED, true);
    (void)snprintf(report->reason, sizeof(report->reason), "a sync succeeded: enabled again");
  }
  if (health->disabled_at != 0 || health->warned_at != 0)
    report->kind = CONNECTOR_CHANGE_RECOVERED;
  *health = (struct health_row){ 0 };
}

static connector_status fill_succeeded(struct report *report, const void *input)
{
  const connector_sync_report *given = input;
  struct hour *hour = hours_at(&report->hours, report->now);
  bool waited = report->health.retry_at != 0;
  connector_status status = CONNECTOR_OK;

  hour->synced = add_capped(hour->synced, given->synced);
  hour->syncs = add_capped(hour->syncs, 1);
  if (given->latency_ms > 0) {
    hour->latency_ms = add_capped(hour->latency_ms, given->latency_ms);
    hour->timed = add_capped(hour->timed, 1);
  }
  recover(report);
  report_set_text(report, CONNECTOR_FIELD_SYNC_STATUS, "healthy");
  report_set_number(report, CONNECTOR_FIELD_LAST_SYNC_AT, report->now);
  report_set_number(report, CONNECTOR_FIELD_CONSECUTIVE_ERRORS, 0);
  report_clear(report, CONNECTOR_FIELD_LAST_ERROR);
  status = set_metrics(report, given->synced);
  if (status == CONNECTOR_OK)
    status = report_wait(report, WAIT_SYNC, 0);
  return status == CONNECTOR_OK && waited ? report_wait(report, WAIT_REFRESH, 0) : status;
}

connector_status connector_sync_succeeded(connector_store *store, const char *id,
                                          const connector_sync_report *report, connector **out,
                                          connector_error *error)
{
  struct call call;
  connector_sync_report known = CONNECTOR_SYNC_REPORT_INIT;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && report != NULL)
    status = struct_read(&known, sizeof(known), report, error);
  if (status == CONNECTOR_OK && (known.synced < 0 || known.latency_ms < 0))
    status = error_set(error, CONNECTOR_INVALID, known.synced < 0 ? "synced" : "latency_ms",
                       "must not be negative");
  if (status == CONNECTOR_OK)
    status = report_run(&call, id, fill_succeeded, &known, out);
  return call_end(&call, status);
}

/* ---- failed ---- */

static connector_status fill_failed(struct report *report, const void *input)
{
  return failure_fill(report, input);
}

connector_status connector_sync_failed(connector_store *store, const char *id,
                                       connector_failure kind, const char *message,
                                       int64_t retry_after_ms, connector **out,
                                       connector_error *error)
{
  struct call call;
  struct failure failure = { kind, message, retry_after_ms, false };
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK)
    status = failure_check(&failure, error);
  if (status == CONNECTOR_OK)
    status = report_run(&call, id, fill_failed, &failure, out);
  return call_end(&call, status);
}
