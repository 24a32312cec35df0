/*
 * Filling a caller's error, and saying something to the host's log.
 */
#include "report.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

connector_status error_set(connector_error *error, connector_status status, const char *field,
                           const char *format, ...)
{
  va_list arguments;

  if (error == NULL)
    return status;
  memset(error, 0, sizeof(*error));
  error->status = status;
  if (field != NULL)
    (void)snprintf(error->field, sizeof(error->field), "%s", field);
  va_start(arguments, format);
  (void)vsnprintf(error->message, sizeof(error->message), format, arguments);
  va_end(arguments);
  return status;
}

connector_status error_no_memory(connector_error *error)
{
  return error_set(error, CONNECTOR_NO_MEMORY, NULL, "out of memory");
}

connector_status error_clear(connector_error *error)
{
  if (error != NULL)
    memset(error, 0, sizeof(*error));
  return CONNECTOR_OK;
}

void log_say(connector_log_fn log, void *user, connector_log_level level, const char *format, ...)
{
  char message[256];
  va_list arguments;

  if (log == NULL)
    return;
  va_start(arguments, format);
  (void)vsnprintf(message, sizeof(message), format, arguments);
  va_end(arguments);
  log(user, level, message);
}
