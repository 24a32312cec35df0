/*
 * Filling a caller's error, and saying something to the host's log.
 */
#ifndef VAULT_REPORT_H
#define VAULT_REPORT_H

#include <connector/store.h>

/* Fills `error` where it is not NULL, and returns `status`. `field` may be NULL. The message is one
 * sentence in lower case without a full stop, and holds no secret. */
connector_status error_set(connector_error *error, connector_status status, const char *field,
                           const char *format, ...) __attribute__((format(printf, 4, 5)));

connector_status error_no_memory(connector_error *error);

/* Empties `error` where it is not NULL, and returns CONNECTOR_OK. */
connector_status error_clear(connector_error *error);

/* Hands one fact to the host's callback, where there is one. No path, token or value may be in it.
 */
void log_say(connector_log_fn log, void *user, connector_log_level level, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
