/*
 * Export: a stream of records as NDJSON, handed over some lines at a time.
 */
#include "record/json_writer.h"
#include "store/list.h"

#include <connector/json.h>

enum { FLUSH_BYTES = 64 * 1024, PROGRESS_RECORDS = 1000 };

struct exporting {
  connector_write_fn write;
  connector_progress_fn progress;
  void *user;
  struct buffer lines;
  int64_t done;
  int64_t told; /* `done` when the host was last told; -1: never */
};

static connector_status flush(struct exporting *exporting, connector_error *error)
{
  connector_error told = { 0 };
  connector_status status = CONNECTOR_OK;

  if (exporting->lines.failed)
    return error_no_memory(error);
  if (exporting->lines.length == 0)
    return CONNECTOR_OK;
  status = exporting->write(exporting->user, exporting->lines.bytes, exporting->lines.length,
                            &told);
  exporting->lines.length = 0;
  return status == CONNECTOR_OK ? CONNECTOR_OK
                                : host_said(status, &told, "the host took no more bytes", error);
}

static connector_status tell(struct exporting *exporting, connector_error *error)
{
  if (exporting->told == exporting->done)
    return CONNECTOR_OK;
  exporting->told = exporting->done;
  return host_progress(exporting->progress, exporting->user, exporting->done, -1, error);
}

static connector_status export_one(void *context, const connector *record, connector_error *error)
{
  struct exporting *exporting = context;
  connector_status status = CONNECTOR_OK;

  json_write_record(&exporting->lines, record, 0);
  buffer_byte(&exporting->lines, '\n');
  exporting->done++;
  if (exporting->lines.failed || exporting->lines.length >= FLUSH_BYTES)
    status = flush(exporting, error);
  if (status == CONNECTOR_OK && exporting->done % PROGRESS_RECORDS == 0)
    status = tell(exporting, error);
  return status;
}

connector_status connector_export(connector_store *store, const connector_query *query,
                                  connector_write_fn write, connector_progress_fn progress,
                                  void *user, connector_error *error)
{
  struct call call;
  struct exporting exporting = { .write = write, .progress = progress, .user = user, .told = -1 };
  connector_query known;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && write == NULL)
    status = not_given("write", error);
  if (status == CONNECTOR_OK)
    status = list_query(&call, query, &known);
  if (status == CONNECTOR_OK)
    status = stream(&call, &known, export_one, &exporting);
  if (status == CONNECTOR_OK)
    status = flush(&exporting, error);
  if (status == CONNECTOR_OK)
    status = tell(&exporting, error);
  buffer_free(&exporting.lines);
  return call_end(&call, status);
}
