/*
 * The frame of a report: find, fill, write, and tell.
 */
#include "store/report.h"

#include "store/lease.h"
#include "store/rules.h"

struct owner report_owner(const struct report *report)
{
  return (struct owner){ report->aim.found->id, report->aim.found->tenant_id };
}

void report_set_text(struct report *report, connector_field field, const char *text)
{
  *field_text(&report->draft.values, &record_fields[field]) = text;
  report->draft.set |= CONNECTOR_BIT(field);
}

void report_set_number(struct report *report, connector_field field, int64_t number)
{
  field_set_number(&report->draft.values, &record_fields[field], number);
  report->draft.set |= CONNECTOR_BIT(field);
}

void report_clear(struct report *report, connector_field field)
{
  report->draft.cleared |= CONNECTOR_BIT(field);
}

connector_status report_wait(struct report *report, enum wait wait, int64_t until)
{
  struct owner owner = report_owner(report);

  report->waits.set |= 1u << wait;
  return lease_hold(&report->work, &owner, wait, report->now, until, &report->waits.until[wait],
                    report->call->error);
}

/* ---- reading ---- */

/* No version is asked of a report: the one that the host's rules were shown may be gone by now. */
static connector_status find(struct report *report)
{
  struct call *call = report->call;
  struct owner owner;
  connector_status status = CONNECTOR_OK;

  report->aim.expected_version = 0;
  report->aim.pinned = false;
  status = aim_find(&report->aim, &report->work);
  if (status != CONNECTOR_OK)
    return status;
  owner = report_owner(report);
  status = health_find(report->work.connection, &owner, &report->health, &report->draft.arena,
                       call->error);
  if (status != CONNECTOR_OK)
    return status;
  if (report->health.refresh_errors > report->aim.found->consecutive_errors) /* it was edited */
    report->health.refresh_errors = report->aim.found->consecutive_errors;
  if (hours_read(&report->hours, report->health.hours, report->now, call->error) != CONNECTOR_OK)
    report->hours.count = 0; /* hours that are damaged start anew: a report must not fail */
  return error_clear(call->error);
}

/* ---- writing ---- */

static connector_status write_record(struct report *report)
{
  struct call *call = report->call;
  struct target target = { &report->aim.scope, report->aim.id, 0 };
  struct stamp stamp = { report->now, call->caller.person_id };
  bool changed = false;
  connector_status status = rows_report(report->work.connection, &target, &report->draft,
                                        &report->waits, &stamp, &changed, call->error);

  return status == CONNECTOR_OK && !changed ? aim_explain(&report->aim, &report->work) : status;
}

static connector_status write_health(struct report *report)
{
  struct owner owner = report_owner(report);
  struct buffer text = { 0 };
  connector_status status = CONNECTOR_OK;

  report->health.hours = NULL;
  if (report->hours.count > 0) {
    hours_write(&report->hours, &text);
    buffer_byte(&text, '\0');
    report->health.hours = text.bytes;
  }
  status = text.failed
               ? error_no_memory(report->call->error)
               : health_put(report->work.connection, &owner, &report->health, report->call->error);
  buffer_free(&text);
  return status;
}

static connector_status run(struct report *report, report_fn fill, const void *input,
                            connector **out)
{
  const struct stamp stamp = { report->now, report->call->caller.person_id };
  struct change change = { .at = report->now };
  connector after;
  connector_status status = find(report);

  if (status == CONNECTOR_OK)
    status = fill(report, input);
  if (status == CONNECTOR_OK)
    status = write_record(report);
  if (status == CONNECTOR_OK)
    status = write_health(report);
  if (status != CONNECTOR_OK)
    return status;
  after = *report->aim.found;
  draft_apply(&report->draft, &after);
  rows_stamp(&after, &stamp, false);
  change.kind = report->kind;
  change.before = report->aim.found;
  change.after = &after;
  change.reason = report->reason[0] != '\0' ? report->reason : NULL;
  status = change_write(&report->work, &change);
  if (status == CONNECTOR_OK && out != NULL) {
    *out = record_copy(&after);
    status = *out != NULL ? CONNECTOR_OK : error_no_memory(report->call->error);
  }
  return status;
}

/* ---- all of it ---- */

connector_status report_run(struct call *call, const char *id, report_fn fill, const void *input,
                            connector **out)
{
  struct report report = { .call = call, .kind = CONNECTOR_CHANGE_HEALTH };
  connector *result = NULL;
  connector_status status = aim_init(&report.aim, call, id, 0, false);

  draft_init(&report.draft);
  if (status == CONNECTOR_OK)
    status = aim_authorize(&report.aim, call, CONNECTOR_ACTION_REPORT);
  if (status == CONNECTOR_OK)
    status = store_now(call->store, &report.now, call->error);
  if (status == CONNECTOR_OK)
    status = work_begin_write(&report.work, call, true);
  if (status == CONNECTOR_OK) {
    status = run(&report, fill, input, out != NULL ? &result : NULL);
    status = work_end_write(&report.work, status);
  }
  if (status == CONNECTOR_OK && out != NULL)
    *out = result;
  else
    connector_free(result);
  draft_free(&report.draft);
  aim_free(&report.aim);
  return status;
}
