/*
 * records.c: the commands that act on one record: create, get, update, delete, restore, purge.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

int command_create(struct session *session)
{
  connector_error error;
  connector *record = NULL;
  char *json = NULL;
  size_t length = 0;
  int result = document_read(session, 0, &json, &length);

  if (result != EXIT_OK)
    return result;
  if (connector_create_json(session->store, json, length, &record, &error) == CONNECTOR_OK)
    result = print_record(session, record);
  else
    result = report_error(&error);
  free(json);
  return result;
}

int command_get(struct session *session)
{
  connector_error error;
  connector *record = NULL;
  const char *deleted = session->settings.deleted;
  bool with_deleted = deleted != NULL && strcmp(deleted, "exclude") != 0;
  uint32_t flags = with_deleted ? CONNECTOR_WITH_DELETED : 0;

  if (connector_get(session->store, session->arguments[0], flags, &record, &error) != CONNECTOR_OK)
    return report_error(&error);
  return print_record(session, record);
}

int command_update(struct session *session)
{
  connector_error error;
  connector *record = NULL;
  char *json = NULL;
  size_t length = 0;
  int result = document_read(session, 1, &json, &length);

  if (result != EXIT_OK)
    return result;
  if (connector_update_json(session->store, session->arguments[0], session->expected_version, json,
                            length, &record, &error) == CONNECTOR_OK)
    result = print_record(session, record);
  else
    result = report_error(&error);
  free(json);
  return result;
}

/* Says that a record is gone: `deleted cnn_…`, or {"id":"cnn_…","deleted":true}. */
static int print_gone(const struct session *session, const char *done)
{
  const char *id = session->arguments[0];

  switch (session->output) {
  case OUTPUT_TABLE:
    printf("%s %s\n", done, id);
    break;
  case OUTPUT_JSON:
  case OUTPUT_NDJSON:
    fputs("{\"id\":", stdout);
    print_json_text(id);
    printf(",\"%s\":true}\n", done);
    break;
  case OUTPUT_ID:
    puts(id);
    break;
  }
  return EXIT_OK;
}

int command_delete(struct session *session)
{
  connector_error error;

  if (connector_delete(session->store, session->arguments[0], session->expected_version, &error) !=
      CONNECTOR_OK)
    return report_error(&error);
  return print_gone(session, "deleted");
}

int command_restore(struct session *session)
{
  connector_error error;
  connector *record = NULL;

  if (connector_restore(session->store, session->arguments[0], session->expected_version, &record,
                        &error) != CONNECTOR_OK)
    return report_error(&error);
  return print_record(session, record);
}

static int purge_before(const struct session *session)
{
  connector_error error;
  int64_t before = 0;
  int64_t purged = 0;

  if (connector_time_parse(session->settings.before, &before) != CONNECTOR_OK)
    return report_usage("--before: a time is such as 2026-11-23T17:49:00Z");
  if (connector_purge_deleted(session->store, before, &purged, &error) != CONNECTOR_OK)
    return report_error(&error);
  if (session->output == OUTPUT_TABLE)
    printf("purged %" PRId64 "\n", purged);
  else
    printf("{\"purged\":%" PRId64 "}\n", purged);
  return EXIT_OK;
}

int command_purge(struct session *session)
{
  connector_error error;
  bool one = session->argument_count == 1;

  if (one == (session->settings.before != NULL))
    return report_usage("purge: give an ID, or --before TIME");
  if (!one)
    return purge_before(session);
  if (connector_purge(session->store, session->arguments[0], &error) != CONNECTOR_OK)
    return report_error(&error);
  return print_gone(session, "purged");
}
