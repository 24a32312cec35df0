/*
 * Outcomes of work under a lease: reports that first hand the lease back, so that the loser of a
 * race changes nothing.
 */
#include "base/clock.h"
#include "store/failure.h"
#include "store/lease.h"

#include <string.h>

struct outcome {
  const connector_lease *lease;
  int64_t next; /* refreshed: the token's expiry; rotated: the next rotation; 0 = never */
  struct failure failure;
};

static connector_status end_lease(struct report *report, const struct outcome *outcome)
{
  return lease_end(&report->work, outcome->lease, report->now);
}

static connector_status set_next(struct report *report, connector_field field, int64_t next)
{
  if (next != 0 && (next <= report->now || !clock_fits(next)))
    return error_set(report->call->error, CONNECTOR_INVALID, record_fields[field].name,
                     "is not in the future, up to the year 9999");
  if (next != 0)
    report_set_number(report, field, next);
  else
    report_clear(report, field);
  return CONNECTOR_OK;
}

static bool tells_of_errors(const char *status)
{
  return status != NULL && (strcmp(status, "degraded") == 0 || strcmp(status, "failing") == 0);
}

/* A good token ends the run of errors that refreshes had; those of syncs go on. */
static void forgive(struct report *report)
{
  const connector *found = report->aim.found;
  struct health_row *health = &report->health;
  int64_t errors = found->consecutive_errors > health->refresh_errors
                       ? found->consecutive_errors - health->refresh_errors
                       : 0;

  if (health->refresh_errors == 0)
    return;
  health->refresh_errors = 0;
  report_set_number(report, CONNECTOR_FIELD_CONSECUTIVE_ERRORS, errors);
  if (tells_of_errors(found->sync_status) && errors == 0 && found->last_sync_at == 0)
    report_clear(report, CONNECTOR_FIELD_SYNC_STATUS);
  else if (tells_of_errors(found->sync_status))
    report_set_text(report, CONNECTOR_FIELD_SYNC_STATUS, failure_status(errors));
  health->first_error_at = errors > 0 ? health->first_sync_error_at : 0;
  if (errors > 0)
    return;
  health->warned_at = 0;
  report_clear(report, CONNECTOR_FIELD_LAST_ERROR);
}

/* A try that waited for a good token need not wait any more. */
static connector_status fill_refreshed(struct report *report, const void *input)
{
  const struct outcome *outcome = input;
  connector_status status = set_next(report, CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT, outcome->next);

  if (status == CONNECTOR_OK)
    status = end_lease(report, outcome);
  report->kind = CONNECTOR_CHANGE_REFRESHED;
  report_set_number(report, CONNECTOR_FIELD_OAUTH_REFRESH_NEEDED, false);
  forgive(report);
  if (status == CONNECTOR_OK)
    status = report_wait(report, WAIT_REFRESH, 0);
  if (status != CONNECTOR_OK || report->health.needs_token == 0)
    return status;
  report->health.needs_token = 0;
  report->health.retry_at = 0;
  return report_wait(report, WAIT_SYNC, 0);
}

static connector_status fill_refresh_failed(struct report *report, const void *input)
{
  const struct outcome *outcome = input;
  connector_status status = end_lease(report, outcome);

  return status == CONNECTOR_OK ? failure_fill(report, &outcome->failure) : status;
}

static connector_status fill_rotated(struct report *report, const void *input)
{
  const struct outcome *outcome = input;
  connector_status status = set_next(report, CONNECTOR_FIELD_NEXT_ROTATION_DUE, outcome->next);

  if (status == CONNECTOR_OK)
    status = end_lease(report, outcome);
  report->kind = CONNECTOR_CHANGE_ROTATED;
  report_set_number(report, CONNECTOR_FIELD_CREDENTIAL_LAST_ROTATED_AT, report->now);
  return status == CONNECTOR_OK ? report_wait(report, WAIT_ROTATION, 0) : status;
}

/* A record that several tenants have the id of is meant in the lease's own. */
static connector_status run(struct call *call, const struct outcome *outcome, enum wait wait,
                            report_fn fill, connector **out)
{
  struct aim aim = { 0 };
  connector_status status = lease_aim(call, outcome->lease, &aim);

  if (status == CONNECTOR_OK && strcmp(outcome->lease->purpose, lease_purposes[wait]) != 0)
    status = error_set(call->error, CONNECTOR_INVALID, "lease",
                       "is for another purpose than \"%s\"", lease_purposes[wait]);
  if (status != CONNECTOR_OK)
    return status;
  call->scope = aim.scope;
  status = report_run(call, outcome->lease->id, fill, outcome, out);
  if (status == CONNECTOR_OK && !store_in_batch(call->store)) /* that may still be undone */
    ((connector_lease *)outcome->lease)->ended = true;        /* our own memory, lent as const */
  return status;
}

connector_status connector_refreshed(connector_store *store, const connector_lease *lease,
                                     int64_t token_expires_at, connector **out,
                                     connector_error *error)
{
  struct call call;
  const struct outcome outcome = { .lease = lease, .next = token_expires_at };
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK)
    status = run(&call, &outcome, WAIT_REFRESH, fill_refreshed, out);
  return call_end(&call, status);
}

connector_status connector_refresh_failed(connector_store *store, const connector_lease *lease,
                                          connector_failure kind, const char *message,
                                          connector_error *error)
{
  struct call call;
  const struct outcome outcome = {
    .lease = lease, .failure = { .kind = kind, .message = message, .refresh = true }
  };
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK)
    status = failure_check(&outcome.failure, error);
  if (status == CONNECTOR_OK)
    status = run(&call, &outcome, WAIT_REFRESH, fill_refresh_failed, NULL);
  return call_end(&call, status);
}

connector_status connector_rotated(connector_store *store, const connector_lease *lease,
                                   int64_t next_due, connector **out, connector_error *error)
{
  struct call call;
  const struct outcome outcome = { .lease = lease, .next = next_due };
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK)
    status = run(&call, &outcome, WAIT_ROTATION, fill_rotated, out);
  return call_end(&call, status);
}
