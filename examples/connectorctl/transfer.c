/*
 * transfer.c: the commands that move whole sets of records, with progress: export, import, backup.
 */
#include "connectorctl.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* What the callbacks of a transfer are handed. */
struct transfer {
  FILE *file;
  bool show;
  struct progress progress;
};

static connector_status io_error(connector_error *error, const char *what)
{
  *error = (connector_error){ .status = CONNECTOR_IO, .os_code = errno };
  snprintf(error->message, sizeof error->message, "%s: %s", what, strerror(errno));
  return CONNECTOR_IO;
}

static connector_status show_progress(void *user, int64_t done, int64_t total,
                                      connector_error *error)
{
  struct transfer *transfer = user;

  (void)error;
  if (transfer->show)
    progress_show(&transfer->progress, done, total);
  return CONNECTOR_OK;
}

/* Opens the file of an argument; `-` is the standard stream. */
static int open_file(struct transfer *transfer, const char *path, const char *mode, FILE *standard)
{
  transfer->file = strcmp(path, "-") == 0 ? standard : fopen(path, mode);
  return transfer->file != NULL ? EXIT_OK : report_failure("%s: %s", path, strerror(errno));
}

static int close_file(struct transfer *transfer, const char *path, FILE *standard)
{
  if (transfer->file == NULL || transfer->file == standard || fclose(transfer->file) == 0)
    return EXIT_OK;
  return report_failure("%s: %s", path, strerror(errno));
}

/* ---- export ---- */

static connector_status write_bytes(void *user, const char *bytes, size_t length,
                                    connector_error *error)
{
  struct transfer *transfer = user;

  if (fwrite(bytes, 1, length, transfer->file) == length)
    return CONNECTOR_OK;
  return io_error(error, "the export can't be written");
}

static int export_records(const struct session *session, const connector_query *query,
                          struct transfer *transfer)
{
  connector_error error;
  int result = EXIT_OK;

  transfer->show = progress_start(&transfer->progress, session, "export", "records");
  if (connector_export(session->store, query, write_bytes, show_progress, transfer, &error) !=
      CONNECTOR_OK)
    result = report_error(&error);
  progress_end(&transfer->progress);
  return result;
}

int command_export(struct session *session)
{
  const char *path = session->arguments[0];
  struct transfer transfer = { 0 };
  connector_query *query = NULL;
  int result = query_read(session, 1, &query);

  if (result == EXIT_OK)
    result = open_file(&transfer, path, "wb", stdout);
  if (result == EXIT_OK)
    result = export_records(session, query, &transfer);
  int closed = close_file(&transfer, path, stdout);
  connector_query_free(query);
  return result == EXIT_OK ? closed : result;
}

/* ---- import ---- */

static connector_status read_bytes(void *user, char *buffer, size_t capacity, size_t *length,
                                   connector_error *error)
{
  struct transfer *transfer = user;

  *length = fread(buffer, 1, capacity, transfer->file);
  if (ferror(transfer->file))
    return io_error(error, "the input can't be read");
  return CONNECTOR_OK;
}

static connector_status tell_bad_line(void *user, int64_t line, const connector_error *problem,
                                      connector_error *error)
{
  struct transfer *transfer = user;

  (void)error;
  progress_end(&transfer->progress);
  fprintf(stderr, "connectorctl: line %" PRId64 ": ", line);
  fprintf(stderr, "%s: %s%s%s\n", connector_status_name(problem->status), problem->field,
          problem->field[0] != '\0' ? ": " : "", problem->message);
  return CONNECTOR_OK;
}

static int read_used_id(const char *text, connector_used_id *used_id)
{
  static const char *const NAMES[] = {
    [CONNECTOR_USED_ID_RENEW] = "renew",
    [CONNECTOR_USED_ID_SKIP] = "skip",
    [CONNECTOR_USED_ID_REFUSE] = "refuse",
  };

  if (text == NULL)
    return EXIT_OK;
  for (size_t i = 0; i < sizeof NAMES / sizeof NAMES[0]; i++)
    if (strcmp(text, NAMES[i]) == 0) {
      *used_id = (connector_used_id)i;
      return EXIT_OK;
    }
  return report_usage("--used-id: renew, skip or refuse");
}

static void print_import(const struct session *session, const connector_import_result *result)
{
  if (session->output == OUTPUT_TABLE)
    printf("%" PRId64 " lines: %" PRId64 " created (%" PRId64 " with their own ids), %" PRId64
           " skipped, %" PRId64 " bad\n",
           result->lines, result->created, result->kept, result->skipped, result->bad);
  else
    printf("{\"lines\":%" PRId64 ",\"created\":%" PRId64 ",\"kept\":%" PRId64
           ",\"skipped\":%" PRId64 ",\"bad\":%" PRId64 ",\"firstBad\":%" PRId64 "}\n",
           result->lines, result->created, result->kept, result->skipped, result->bad,
           result->first_bad);
}

static int import_records(const struct session *session, const connector_import_options *options,
                          struct transfer *transfer)
{
  connector_error error;
  connector_import_result counts = CONNECTOR_IMPORT_RESULT_INIT;
  int result = EXIT_OK;

  transfer->show = progress_start(&transfer->progress, session, "import", "lines");
  if (connector_import(session->store, read_bytes, transfer, options, &counts, &error) !=
      CONNECTOR_OK)
    result = report_error(&error);
  progress_end(&transfer->progress);
  print_import(session, &counts);
  return result == EXIT_OK && counts.bad > 0 ? EXIT_FAILED : result;
}

int command_import(struct session *session)
{
  const struct settings *settings = &session->settings;
  const char *path = session->arguments[0];
  struct transfer transfer = { 0 };
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;

  options.all_or_nothing = settings->all_or_nothing;
  options.keep_enabled = settings->keep_enabled;
  options.bad_line = tell_bad_line;
  options.progress = show_progress;
  int result = read_used_id(settings->used_id, &options.used_id);
  if (result == EXIT_OK)
    result = open_file(&transfer, path, "rb", stdin);
  if (result == EXIT_OK)
    result = import_records(session, &options, &transfer);
  int closed = close_file(&transfer, path, stdin);
  return result == EXIT_OK ? closed : result;
}

/* ---- backup ---- */

int command_backup(struct session *session)
{
  connector_error error;
  const char *path = session->arguments[0];
  struct transfer transfer = { 0 };
  int result = EXIT_OK;

  transfer.show = progress_start(&transfer.progress, session, "backup", "pages");
  if (connector_backup(session->store, path, show_progress, &transfer, &error) != CONNECTOR_OK)
    result = report_error(&error);
  progress_end(&transfer.progress);
  if (result == EXIT_OK)
    printf("backed up to %s\n", path);
  return result;
}
