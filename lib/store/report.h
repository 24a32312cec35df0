/*
 * Reports of health: the frame that all share. A report reads the record and what is kept beside
 * it, says what is to change, and all of it is written in one transaction; the version stays.
 */
#ifndef STORE_REPORT_H
#define STORE_REPORT_H

#include "engine/beside.h"
#include "store/change.h"
#include "store/find.h"
#include "store/hours.h"

enum { REASON_SIZE = 160 };

struct report {
  struct call *call;
  struct work work;
  struct aim aim; /* `found` is the record before the report */
  int64_t now;
  struct draft draft; /* what of the record changes; text may live in its arena */
  struct waits waits;
  struct health_row health; /* as it is to be written */
  struct hours hours;
  connector_change_kind kind;
  char reason[REASON_SIZE]; /* "" for none */
};

/* Says what changes. `input` is the report's own. */
typedef connector_status (*report_fn)(struct report *report, const void *input);

/* Runs a report on a record, in a call that has begun; `out` may be NULL. */
connector_status report_run(struct call *call, const char *id, report_fn fill, const void *input,
                            connector **out);

/* Whose health and leases it is. */
struct owner report_owner(const struct report *report);

/* Each sets a field in the draft. */
void report_set_text(struct report *report, connector_field field, const char *text);
void report_set_number(struct report *report, connector_field field, int64_t number);
void report_clear(struct report *report, connector_field field);

/* Until when the record is not to be claimed for a kind of work; a lease on it that lasts longer
 * goes first. */
connector_status report_wait(struct report *report, enum wait wait, int64_t until);

#endif
