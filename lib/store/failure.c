/*
 * Failures: one count of errors in a row, exponential backoff with full jitter, and the end of a
 * connector that has failed too often for too long.
 */
#include "store/failure.h"

#include "base/clock.h"
#include "base/utf8.h"
#include "engine/due.h"
#include "record/guard.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

enum {
  FAILING_FROM = 5,           /* errors in a row */
  BACKOFF_FIRST_MS = 30000,   /* what the first wait may reach */
  BACKOFF_MOST_MS = 21600000, /* 6 hours */
  BACKOFF_DOUBLINGS_MOST = 10 /* more than reach that */
};

static const char *const sentences[] = {
  [CONNECTOR_FAILURE_AUTH] = "the provider refused the credential",
  [CONNECTOR_FAILURE_CONFIG] = "the connector is not set up rightly",
  [CONNECTOR_FAILURE_TRANSIENT] = "the provider could not be reached",
  [CONNECTOR_FAILURE_RATE_LIMITED] = "the provider limits the rate of requests",
};

connector_status failure_check(const struct failure *failure, connector_error *error)
{
  if ((unsigned)failure->kind < CONNECTOR_FAILURE_AUTH ||
      (unsigned)failure->kind > CONNECTOR_FAILURE_RATE_LIMITED)
    return error_set(error, CONNECTOR_INVALID, "kind", "is not one of its values");
  if (failure->retry_after_ms < 0)
    return error_set(error, CONNECTOR_INVALID, "retry_after_ms", "must not be negative");
  return CONNECTOR_OK;
}

const char *failure_status(int64_t errors)
{
  return errors == 0 ? "healthy" : errors < FAILING_FROM ? "degraded" : "failing";
}

/* ---- the message ---- */

static connector_status set_message(struct report *report, const struct failure *failure)
{
  const struct field *field = &record_fields[CONNECTOR_FIELD_LAST_ERROR];
  struct arena *arena = &report->draft.arena;
  const char *message = failure->message;
  size_t length = 0;

  if (message == NULL || *message == '\0')
    message = sentences[failure->kind];
  message = utf8_repair(arena, message, strlen(message), &length);
  if (message != NULL)
    message = guard_scrub(arena, message, length, field->limit);
  if (message == NULL)
    return error_no_memory(report->call->error);
  report_set_text(report, CONNECTOR_FIELD_LAST_ERROR, message);
  return CONNECTOR_OK;
}

/* ---- waiting ---- */

/* Anything from now to the whole of what so many errors allow, so that those that failed together
 * do not come back together. */
static int64_t backoff_ms(int64_t errors)
{
  int64_t doublings = errors > 1 ? errors - 1 : 0;
  int64_t most = BACKOFF_MOST_MS;

  if (doublings < BACKOFF_DOUBLINGS_MOST && ((int64_t)BACKOFF_FIRST_MS << doublings) < most)
    most = (int64_t)BACKOFF_FIRST_MS << doublings;
  return 1 + (int64_t)randombytes_uniform((uint32_t)most);
}

static connector_status set_retry(struct report *report, const struct failure *failure,
                                  int64_t errors)
{
  int64_t wait = backoff_ms(errors);
  int64_t asked = failure->retry_after_ms < WAIT_LONGEST_MS ? failure->retry_after_ms
                                                            : WAIT_LONGEST_MS;

  connector_status status = CONNECTOR_OK;

  report->health.retry_at = report->now + (asked > wait ? asked : wait);
  report->health.needs_token = failure->refresh || failure->kind == CONNECTOR_FAILURE_AUTH;
  status = report_wait(report, WAIT_SYNC, report->health.retry_at);
  return status == CONNECTOR_OK && failure->refresh
             ? report_wait(report, WAIT_REFRESH, report->health.retry_at)
             : status;
}

/* ---- disabling ---- */

static bool is_past(int64_t count, int64_t limit, int64_t share)
{
  return count >= limit / share + (limit % share != 0);
}

static void disable(struct report *report, int64_t errors)
{
  char first[CLOCK_TEXT + 1] = "";

  (void)clock_format(report->health.first_error_at, first);
  first[CLOCK_TEXT] = '\0';
  report->health.disabled_at = report->now;
  report->kind = CONNECTOR_CHANGE_DISABLED;
  report_set_number(report, CONNECTOR_FIELD_ENABLED, false);
  report_set_text(report, CONNECTOR_FIELD_SYNC_STATUS, "paused");
  (void)snprintf(report->reason, sizeof(report->reason),
                 "was disabled after %lld errors in a row, the first at %s", (long long)errors,
                 first);
}

static void foretell(struct report *report, int64_t errors)
{
  const struct disabling *limits = &report->call->store->disabling;
  char when[CLOCK_TEXT + 1] = "the year 10000";

  if (clock_format(add_capped(report->health.first_error_at, limits->after_ms), when))
    when[CLOCK_TEXT] = '\0';
  report->health.warned_at = report->now;
  (void)snprintf(report->reason, sizeof(report->reason),
                 "has failed %lld times in a row and will be disabled at %lld, not before %s",
                 (long long)errors, (long long)limits->after_errors, when);
}

/* Only what is enabled can be disabled; what a person disabled stays as it is. */
static void judge(struct report *report, int64_t errors)
{
  const struct disabling *limits = &report->call->store->disabling;
  int64_t age = report->now - report->health.first_error_at;

  if (limits->never || !report->aim.found->enabled)
    return;
  if (errors >= limits->after_errors && age >= limits->after_ms)
    disable(report, errors);
  else if (report->health.warned_at == 0 &&
           (is_past(errors, limits->after_errors, 2) || is_past(age, limits->after_ms, 2)))
    foretell(report, errors);
}

/* ---- all of it ---- */

static bool is_oauth(const char *auth_type)
{
  return auth_type != NULL && strncmp(auth_type, "oauth", 5) == 0;
}

/* What counts no error tells nothing new; but a sync that was begun is over. */
static void set_status(struct report *report, int64_t errors, bool counts)
{
  const connector *found = report->aim.found;
  bool syncing = found->sync_status != NULL && strcmp(found->sync_status, "syncing") == 0;

  if (report->health.disabled_at != 0)
    report_set_text(report, CONNECTOR_FIELD_SYNC_STATUS, "paused");
  else if (counts || (syncing && (errors > 0 || found->last_sync_at != 0)))
    report_set_text(report, CONNECTOR_FIELD_SYNC_STATUS, failure_status(errors));
  else if (syncing)
    report_clear(report, CONNECTOR_FIELD_SYNC_STATUS);
}

connector_status failure_fill(struct report *report, const struct failure *failure)
{
  const connector *found = report->aim.found;
  bool counts = failure->kind != CONNECTOR_FAILURE_RATE_LIMITED;
  int64_t errors = counts ? add_capped(found->consecutive_errors, 1) : found->consecutive_errors;
  struct hour *hour = hours_at(&report->hours, report->now);
  connector_status status = set_message(report, failure);

  hour->failures = add_capped(hour->failures, 1);
  report->health.started_at = 0;
  set_status(report, errors, counts);
  if (failure->kind == CONNECTOR_FAILURE_AUTH && is_oauth(found->auth_type))
    report_set_number(report, CONNECTOR_FIELD_OAUTH_REFRESH_NEEDED, true);
  if (counts) {
    if (report->health.first_error_at == 0)
      report->health.first_error_at = report->now;
    report->health.refresh_errors += failure->refresh;
    if (!failure->refresh && report->health.first_sync_error_at == 0)
      report->health.first_sync_error_at = report->now;
    report_set_number(report, CONNECTOR_FIELD_CONSECUTIVE_ERRORS, errors);
    judge(report, errors);
  }
  return status == CONNECTOR_OK ? set_retry(report, failure, errors) : status;
}
