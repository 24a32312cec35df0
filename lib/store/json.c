/*
 * JSON in and out of the store: thin, over the readers and writers of lib/record.
 */
#include "record/json_writer.h"
#include "record/schema_document.h"
#include "store/create.h"
#include "store/list.h"
#include "store/update.h"

#include <connector/json.h>

#include <stdlib.h>

/* ---- out ---- */

static connector_status check_out(const void *from, const char *name, uint32_t flags, char **json,
                                  connector_error *error)
{
  if (from == NULL || json == NULL)
    return not_given(from == NULL ? name : "json", error);
  if ((flags & ~CONNECTOR_JSON_OMIT_NULL) != 0)
    return error_set(error, CONNECTOR_INVALID, "flags", "hold a bit that is no flag");
  return CONNECTOR_OK;
}

static connector_status hand_over(struct buffer *buffer, char **json, size_t *length,
                                  connector_error *error)
{
  char *text = buffer_take(buffer, length);

  if (text == NULL)
    return error_no_memory(error);
  *json = text;
  return error_clear(error);
}

connector_status connector_to_json(const connector *record, uint32_t flags, char **json,
                                   size_t *length, connector_error *error)
{
  struct buffer buffer = { 0 };
  connector_status status = check_out(record, "record", flags, json, error);

  if (status != CONNECTOR_OK)
    return status;
  json_write_record(&buffer, record, flags);
  return hand_over(&buffer, json, length, error);
}

connector_status connector_page_to_json(const connector_page *page, uint32_t flags, char **json,
                                        size_t *length, connector_error *error)
{
  struct buffer buffer = { 0 };
  connector_status status = check_out(page, "page", flags, json, error);

  if (status != CONNECTOR_OK)
    return status;
  buffer_text(&buffer, "{\"items\":[");
  for (size_t i = 0; i < page->count; i++) {
    if (i > 0)
      buffer_byte(&buffer, ',');
    json_write_record(&buffer, page->items[i], flags);
  }
  buffer_text(&buffer, "],\"nextCursor\":");
  if (page->next != NULL)
    json_write_string(&buffer, page->next, strlen(page->next));
  else
    buffer_text(&buffer, "null");
  buffer_text(&buffer, ",\"total\":");
  if (page->total >= 0)
    buffer_integer(&buffer, page->total);
  else
    buffer_text(&buffer, "null");
  buffer_byte(&buffer, '}');
  return hand_over(&buffer, json, length, error);
}

connector_status connector_schema_json(char **json, size_t *length, connector_error *error)
{
  struct buffer buffer = { 0 };

  if (json == NULL)
    return not_given("json", error);
  schema_document_write(&buffer);
  return hand_over(&buffer, json, length, error);
}

void connector_string_free(char *json)
{
  free(json);
}

/* ---- in ---- */

connector_status connector_create_json(connector_store *store, const char *json, size_t length,
                                       connector **out, connector_error *error)
{
  struct call call;
  struct draft draft;
  connector_status status = call_begin(&call, store, error);

  draft_init(&draft);
  if (status == CONNECTOR_OK)
    status = json != NULL
                 ? draft_from_json(&draft, json, length, DOCUMENT_CREATE, &store->limits, error)
                 : not_given("json", error);
  if (status == CONNECTOR_OK)
    status = create_draft(&call, &draft, NULL, out);
  draft_free(&draft);
  return call_end(&call, status);
}

/* The body's version stands in for the call's. */
static connector_status agree_on_version(const struct draft *draft, int64_t *expected,
                                         connector_error *error)
{
  if ((draft->stamped & CONNECTOR_BIT(CONNECTOR_FIELD_VERSION)) == 0)
    return CONNECTOR_OK;
  if (*expected != 0 && *expected != draft->values.version)
    return error_set(error, CONNECTOR_INVALID, "version",
                     "differs between the body and the call's expected version");
  *expected = draft->values.version;
  return CONNECTOR_OK;
}

connector_status connector_update_json(connector_store *store, const char *id,
                                       int64_t expected_version, const char *json, size_t length,
                                       connector **out, connector_error *error)
{
  struct call call;
  struct draft draft;
  connector_status status = call_begin(&call, store, error);

  draft_init(&draft);
  if (status == CONNECTOR_OK)
    status = json != NULL
                 ? draft_from_json(&draft, json, length, DOCUMENT_UPDATE, &store->limits, error)
                 : not_given("json", error);
  if (status == CONNECTOR_OK)
    status = agree_on_version(&draft, &expected_version, error);
  if (status == CONNECTOR_OK)
    status = update_draft(&call, id, expected_version, &draft, out);
  draft_free(&draft);
  return call_end(&call, status);
}
