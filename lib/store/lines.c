/*
 * The line reader: one buffer, filled when no whole line is left in it.
 */
#include "store/lines.h"

#include "base/status.h"
#include "store/store.h"

#include <string.h>

enum { READ_AT_ONCE = 64 * 1024 };

void lines_init(struct lines *lines, connector_read_fn read, void *user, size_t most)
{
  *lines = (struct lines){ .read = read, .user = user, .most = most };
}

void lines_free(struct lines *lines)
{
  buffer_free(&lines->bytes);
}

/* Moves what is left to the front and reads more behind it. */
static connector_status fill(struct lines *lines, connector_error *error)
{
  struct buffer *bytes = &lines->bytes;
  connector_error told = { 0 };
  size_t read = 0;
  connector_status status = CONNECTOR_OK;

  if (lines->at > 0) {
    memmove(bytes->bytes, bytes->bytes + lines->at, bytes->length - lines->at);
    bytes->length -= lines->at;
    lines->at = 0;
  }
  if (!buffer_reserve(bytes, READ_AT_ONCE))
    return error_no_memory(error);
  status = lines->read(lines->user, bytes->bytes + bytes->length, READ_AT_ONCE, &read, &told);
  if (status != CONNECTOR_OK)
    return host_said(status, &told, "the host's function gave no bytes", error);
  if (read > READ_AT_ONCE)
    return error_set(error, CONNECTOR_INVALID, "read", "says it gave more bytes than were asked");
  bytes->length += read;
  lines->end = read == 0;
  return CONNECTOR_OK;
}

/* Drops the start of a line that is too long, so that memory stays bounded. */
static void drop_start(struct lines *lines, bool *too_long)
{
  if (lines->bytes.length - lines->at > lines->most) {
    *too_long = true;
    lines->at = lines->bytes.length;
  }
}

connector_status lines_next(struct lines *lines, const char **line, size_t *length, bool *too_long,
                            connector_error *error)
{
  const char *start = NULL;
  const char *end = NULL;
  size_t looked = 0;

  *too_long = false;
  *line = NULL;
  for (;;) {
    size_t left = lines->bytes.length - lines->at;
    connector_status status = CONNECTOR_OK;

    start = lines->bytes.bytes != NULL ? lines->bytes.bytes + lines->at : NULL;
    end = left > looked ? memchr(start + looked, '\n', left - looked) : NULL;
    if (end != NULL || lines->end)
      break;
    looked = left;
    drop_start(lines, too_long);
    if (*too_long)
      looked = 0;
    status = fill(lines, error);
    if (status != CONNECTOR_OK)
      return status;
  }
  if (end == NULL && lines->bytes.length == lines->at && !*too_long)
    return CONNECTOR_OK;
  *length = end != NULL ? (size_t)(end - start) : lines->bytes.length - lines->at;
  *line = start != NULL ? start : "";
  lines->at += *length + (end != NULL);
  if (*length > lines->most)
    *too_long = true;
  return CONNECTOR_OK;
}
