/*
 * What a failure does to a connector's health: counting, waiting, warning, disabling.
 */
#ifndef STORE_FAILURE_H
#define STORE_FAILURE_H

#include "store/report.h"

struct failure {
  connector_failure kind;
  const char *message;
  int64_t retry_after_ms;
  bool refresh; /* it was a refresh that failed: that waits too */
};

connector_status failure_check(const struct failure *failure, connector_error *error);

/* Says what the failure changes. */
connector_status failure_fill(struct report *report, const struct failure *failure);

/* The status that so many errors in a row make. */
const char *failure_status(int64_t errors);

#endif
