/*
 * Changes as JSON.
 */
#include "base/buffer.h"
#include "base/structs.h"
#include "record/json_writer.h"
#include "store/change.h"

#include <connector/history.h>

#include <string.h>

/* Writes a key, with what parts it from the one before. */
static void key(struct buffer *buffer, const char *name)
{
  buffer_byte(buffer, buffer->length == 0 ? '{' : ',');
  json_write_string(buffer, name, strlen(name));
  buffer_byte(buffer, ':');
}

static void text(struct buffer *buffer, const char *name, const char *value)
{
  key(buffer, name);
  if (value != NULL)
    json_write_string(buffer, value, strlen(value));
  else
    buffer_text(buffer, "null");
}

static void number(struct buffer *buffer, const char *name, int64_t value)
{
  key(buffer, name);
  buffer_integer(buffer, value);
}

/* A patch is JSON already. */
static void patch(struct buffer *buffer, const char *name, const char *value)
{
  key(buffer, name);
  buffer_text(buffer, value != NULL ? value : "null");
}

static void write_change(struct buffer *buffer, const connector_change *change)
{
  number(buffer, "seq", change->seq);
  text(buffer, "kind", change_kind_text(change->kind));
  text(buffer, "id", change->id);
  text(buffer, "tenant_id", change->tenant_id);
  text(buffer, "app_id", change->app_id);
  number(buffer, "version", change->version);
  key(buffer, "at");
  json_write_time(buffer, change->at);
  text(buffer, "person_id", change->person_id);
  text(buffer, "source", change->source);
  text(buffer, "request_id", change->request_id);
  text(buffer, "reason", change->reason);
  patch(buffer, "out_of_reach", change->out_of_reach ? "true" : "false");
  patch(buffer, "forward", change->forward);
  patch(buffer, "back", change->back);
  buffer_byte(buffer, '}');
}

connector_status connector_change_to_json(const connector_change *change, char **json,
                                          size_t *length, connector_error *error)
{
  connector_change known = { .size = sizeof(known) };
  struct buffer buffer = { 0 };
  char *out = NULL;
  connector_status status = CONNECTOR_OK;

  if (change == NULL || json == NULL)
    return not_given(change == NULL ? "change" : "json", error);
  status = struct_read(&known, sizeof(known), change, error);
  if (status != CONNECTOR_OK)
    return status;
  write_change(&buffer, &known);
  out = buffer_take(&buffer, length);
  if (out == NULL)
    return error_no_memory(error);
  *json = out;
  return error_clear(error);
}
