/*
 * report.c: what goes to stderr: one line for a failure, and progress; and which exit code a status
 * of the library has.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <stdarg.h>
#include <unistd.h>

static int exit_code(connector_status status)
{
  static const struct {
    connector_status status;
    int code;
  } CODES[] = {
    { CONNECTOR_OK, EXIT_OK },
    { CONNECTOR_NOT_FOUND, EXIT_NOT_FOUND },
    { CONNECTOR_CONFLICT, EXIT_CONFLICT },
    { CONNECTOR_EXISTS, EXIT_CONFLICT },
    { CONNECTOR_UNAUTHENTICATED, EXIT_DENIED },
    { CONNECTOR_DENIED, EXIT_DENIED },
    { CONNECTOR_CORRUPT, EXIT_CORRUPT },
    { CONNECTOR_SECRET_NOT_FOUND, EXIT_NOT_FOUND },
    { CONNECTOR_SECRET_DELETED, EXIT_NOT_FOUND },
    { CONNECTOR_SECRET_CONFLICT, EXIT_CONFLICT },
    { CONNECTOR_SECRET_DENIED, EXIT_DENIED },
    { CONNECTOR_SECRET_SEALED, EXIT_DENIED }, /* here it is the wrong key: trying again is no use */
    { CONNECTOR_SECRET_TAMPERED, EXIT_CORRUPT },
  };

  for (size_t i = 0; i < sizeof CODES / sizeof CODES[0]; i++)
    if (CODES[i].status == status)
      return CODES[i].code;
  return connector_status_retryable(status) ? EXIT_BUSY : EXIT_FAILED;
}

int report_error(const connector_error *error)
{
  return report_error_of(NULL, error);
}

int report_error_of(const char *what, const connector_error *error)
{
  fprintf(stderr, "connectorctl: %s: ", connector_status_name(error->status));
  if (what != NULL)
    fprintf(stderr, "%s: ", what);
  if (error->field[0] != '\0')
    fprintf(stderr, "%s: ", error->field);
  fputs(error->message, stderr);
  bool conflict = error->status == CONNECTOR_CONFLICT || error->status == CONNECTOR_SECRET_CONFLICT;
  if (conflict && error->version > 0)
    fprintf(stderr, " (current %" PRId64 ")", error->version);
  fputc('\n', stderr);
  return exit_code(error->status);
}

int report_usage(const char *format, ...)
{
  va_list arguments;

  fputs("connectorctl: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputs(" (see connectorctl --help)\n", stderr);
  return EXIT_USAGE;
}

int report_failure(const char *format, ...)
{
  va_list arguments;

  fputs("connectorctl: ", stderr);
  va_start(arguments, format);
  vfprintf(stderr, format, arguments);
  va_end(arguments);
  fputc('\n', stderr);
  return EXIT_FAILED;
}

bool progress_start(struct progress *progress, const struct session *session, const char *action,
                    const char *unit)
{
  *progress = (struct progress){ .action = action, .unit = unit };
  progress->terminal = isatty(STDERR_FILENO) == 1;
  return progress->terminal || session->settings.progress;
}

void progress_show(struct progress *progress, int64_t done, int64_t total)
{
  const char *end = progress->terminal ? "" : "\n";

  if (progress->terminal)
    fputc('\r', stderr);
  if (total < 0)
    fprintf(stderr, "%s: %" PRId64 " %s%s", progress->action, done, progress->unit, end);
  else
    fprintf(stderr, "%s: %" PRId64 " of %" PRId64 " %s%s", progress->action, done, total,
            progress->unit, end);
  progress->shown = true;
}

void progress_end(struct progress *progress)
{
  if (progress->shown && progress->terminal)
    fputc('\n', stderr);
  progress->shown = false;
}
