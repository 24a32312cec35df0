/*
 * The status table, and the error struct filled from it. Nothing here allocates, so that a failure
 * can be told when memory is gone. The words are the caller's own.
 */
#include "base/status.h"

#include "base/utf8.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

struct status_row {
  const char *name; /* NULL where the value is no status */
  int http;
  bool retryable;
};

#define ROW(name, http, retryable) [CONNECTOR_##name] = { #name, http, retryable }

static const struct status_row rows[] = {
  ROW(OK, 200, false),
  ROW(INVALID, 400, false),
  ROW(NOT_FOUND, 404, false),
  ROW(CONFLICT, 409, false),
  ROW(EXISTS, 409, false),
  ROW(UNAUTHENTICATED, 401, false),
  ROW(DENIED, 403, false),
  ROW(BUSY, 503, true),
  ROW(LEASED, 409, true),
  ROW(STALE, 409, false),
  ROW(TOO_LARGE, 413, false),
  ROW(MISUSE, 500, false),
  ROW(CANCELLED, 499, false),

  ROW(SECRET_NOT_FOUND, 404, false),
  ROW(SECRET_DELETED, 410, false),
  ROW(SECRET_DENIED, 403, false),
  ROW(SECRET_SEALED, 503, true),
  ROW(SECRET_CONFLICT, 409, false),
  ROW(SECRET_TAMPERED, 500, false),
  ROW(SECRET_UNAVAILABLE, 503, true),
  ROW(SECRET_TIMEOUT, 504, true),
  ROW(SECRET_AMBIGUOUS, 502, false),
  ROW(SECRET_PATH, 400, false),
  ROW(SECRET_READ_ONLY, 405, false),

  ROW(NO_MEMORY, 503, true),
  ROW(DISK_FULL, 507, true),
  ROW(IO, 500, false),
  ROW(CORRUPT, 500, false),
  ROW(SCHEMA, 500, false),
  ROW(READ_ONLY, 403, false),
  ROW(INTERNAL, 500, false),
};

static const struct status_row unknown = { "UNKNOWN", 500, false };

static const struct status_row *row_of(connector_status status)
{
  size_t at = (size_t)status;

  if (at >= sizeof(rows) / sizeof(rows[0]) || rows[at].name == NULL)
    return &unknown;
  return &rows[at];
}

const char *connector_status_name(connector_status status)
{
  return row_of(status)->name;
}

int connector_status_http(connector_status status)
{
  return row_of(status)->http;
}

bool connector_status_retryable(connector_status status)
{
  return row_of(status)->retryable;
}

/* Copies what fits in `capacity` bytes with the NUL; `to` is zeroed. */
static void copy_cut(char *to, size_t capacity, const char *text)
{
  memcpy(to, text, utf8_cut(text, strlen(text), capacity - 1));
}

connector_status error_set(connector_error *error, connector_status status, const char *field,
                           const char *format, ...)
{
  /* Made aside, as the arguments may point into `error`. */
  connector_error made = { .status = status };
  char
      message[sizeof(made.message) + 1]; /* a byte more, to see whether the cut parts a character */
  va_list arguments;
  int written = 0;

  if (error == NULL)
    return status;
  va_start(arguments, format);
  written = vsnprintf(message, sizeof(message), format, arguments);
  va_end(arguments);
  if (written >= 0)
    copy_cut(made.message, sizeof(made.message), message);
  if (field != NULL)
    copy_cut(made.field, sizeof(made.field), field);
  *error = made;
  return status;
}

connector_status error_no_memory(connector_error *error)
{
  return error_set(error, CONNECTOR_NO_MEMORY, NULL, "memory could not be allocated");
}

connector_status error_clear(connector_error *error)
{
  if (error != NULL)
    *error = (connector_error){ .status = CONNECTOR_OK };
  return CONNECTOR_OK;
}
