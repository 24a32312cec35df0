/*
 * The status table and the one way to fill a caller's error.
 */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#include <connector/error.h>

/* Fills `error` where it is not NULL, and returns `status`, so that a failure is one line. `field`
 * may be NULL. The message is one sentence in lower case without a full stop; it is cut on a
 * character boundary. */
connector_status error_set(connector_error *error, connector_status status, const char *field,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

/* The commonest failure: no memory. */
connector_status error_no_memory(connector_error *error);

/* Empties `error` where it is not NULL, and returns CONNECTOR_OK. */
connector_status error_clear(connector_error *error);

#endif
