/*
 * history.c: the commands that look back: history of one record, and verify.
 */
#include "connectorctl.h"

#include <inttypes.h>

enum {
  PAGE_DEFAULT = 100
};

struct history {
  const struct session *session;
  struct table table;
  int64_t limit;
  int64_t before_seq; /* of the next page */
  int64_t count;
  bool more; /* the page was full */
};

static bool add_row(struct table *table, const connector_change *change)
{
  char seq[CELL_SIZE];
  char at[CELL_SIZE];
  char version[CELL_SIZE];
  char what[WHAT_SIZE];

  snprintf(seq, sizeof seq, "%" PRId64, change->seq);
  snprintf(version, sizeof version, "%" PRId64, change->version);
  return table_cell(table, seq) && table_cell(table, time_to_second(change->at, at)) &&
         table_cell(table, connector_change_kind_name(change->kind)) &&
         table_cell(table, version) && table_cell(table, change_by(change)) &&
         table_cell(table, change_what(change, what));
}

static int show_change(struct history *history, const connector_change *change)
{
  connector_error error;
  connector_status status = CONNECTOR_OK;

  switch (history->session->output) {
  case OUTPUT_TABLE:
    return add_row(&history->table, change) ? EXIT_OK : report_failure("out of memory");
  case OUTPUT_JSON:
    if (history->count > 0)
      puts(",");
    status = print_change_json(change, "", &error);
    break;
  case OUTPUT_NDJSON:
    status = print_change_json(change, "\n", &error);
    break;
  case OUTPUT_ID:
    puts(change->id);
    break;
  }
  return status == CONNECTOR_OK ? EXIT_OK : report_error(&error);
}

static int show_page(struct history *history)
{
  connector_error error;
  connector_changes *changes = NULL;
  int result = EXIT_OK;

  if (connector_history(history->session->store, history->session->arguments[0],
                        history->before_seq, (uint32_t)history->limit, &changes,
                        &error) != CONNECTOR_OK)
    return report_error(&error);
  size_t count = connector_changes_count(changes);
  for (size_t i = 0; i < count && result == EXIT_OK; i++) {
    const connector_change *change = connector_changes_at(changes, i);
    result = show_change(history, change);
    history->before_seq = change->seq;
    history->count++;
  }
  /* Nothing comes before a creation, nor before seq 1. */
  history->more = count == (size_t)history->limit && history->before_seq > 1 &&
                  connector_changes_at(changes, count - 1)->kind != CONNECTOR_CHANGE_CREATED;
  connector_changes_free(changes);
  return result;
}

static int show_history(struct history *history)
{
  bool json = history->session->output == OUTPUT_JSON;
  int result = EXIT_OK;

  if (json)
    fputs("{\"items\":[", stdout);
  do
    result = show_page(history);
  while (result == EXIT_OK && history->more && history->session->settings.all);
  if (result != EXIT_OK)
    return result;
  if (json)
    puts("]}");
  if (history->session->output == OUTPUT_TABLE)
    table_print(&history->table, stdout);
  if (history->more)
    fprintf(stderr, "older ones follow: --before-seq %" PRId64 ", or --all\n", history->before_seq);
  return EXIT_OK;
}

int command_history(struct session *session)
{
  const struct settings *settings = &session->settings;
  struct history history = { .session = session, .limit = PAGE_DEFAULT };

  if (settings->all && settings->limit != NULL)
    return report_usage("--all goes without --limit");
  int result = option_number("--limit", settings->limit, 1, CONNECTOR_CHANGES_MAX, &history.limit);
  if (result == EXIT_OK)
    result = option_number("--before-seq", settings->before_seq, 1, INT64_MAX, &history.before_seq);
  if (result != EXIT_OK)
    return result;
  table_column(&history.table, "seq", CELL_WIDE, true);
  table_column(&history.table, "at", CELL_WIDE, false);
  table_column(&history.table, "kind", CELL_WIDE, false);
  table_column(&history.table, "version", CELL_WIDE, true);
  table_column(&history.table, "by", 24, false);
  table_column(&history.table, "what", CELL_WIDE, false);
  result = show_history(&history);
  table_free(&history.table);
  return result;
}

/* ---- verify ---- */

/* Counts the changes that the caller's feed holds. */
static int count_changes(struct session *session, int64_t *count)
{
  connector_error error;
  int64_t after = 0;
  size_t read = 0;

  do {
    connector_changes *changes = NULL;
    if (connector_changes_after(session->store, after, CONNECTOR_CHANGES_MAX, &changes, &error) !=
        CONNECTOR_OK)
      return report_error(&error);
    read = connector_changes_count(changes);
    if (read > 0)
      after = connector_changes_at(changes, read - 1)->seq;
    *count += (int64_t)read;
    connector_changes_free(changes);
  } while (read > 0);
  return EXIT_OK;
}

static int report_break(const struct session *session, int64_t seq)
{
  connector_error error = { .status = CONNECTOR_CORRUPT };

  if (session->output != OUTPUT_TABLE)
    printf("{\"holds\":false,\"first_bad_seq\":%" PRId64 "}\n", seq);
  snprintf(error.message, sizeof error.message,
           "the chain of the history breaks at change %" PRId64, seq);
  return report_error(&error);
}

int command_verify(struct session *session)
{
  connector_error error;
  int64_t first_bad_seq = 0;
  int64_t count = 0;

  if (connector_history_verify(session->store, &first_bad_seq, &error) != CONNECTOR_OK)
    return report_error(&error);
  if (first_bad_seq != 0)
    return report_break(session, first_bad_seq);
  int result = count_changes(session, &count);
  if (result != EXIT_OK)
    return result;
  if (session->output == OUTPUT_TABLE)
    printf("%" PRId64 " %s: the chain holds\n", count, count == 1 ? "change" : "changes");
  else
    printf("{\"holds\":true,\"changes\":%" PRId64 "}\n", count);
  return EXIT_OK;
}
