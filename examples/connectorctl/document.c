/*
 * document.c: the JSON document of create and update, from --json, from a file, from stdin, or made
 * of FIELD=VALUE arguments. Whether it is a good one is for the library to say.
 */
#include "connectorctl.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A text that grows. */
struct text {
  char *bytes;
  size_t length, capacity;
  bool failed; /* memory is gone */
};

static void append(struct text *text, const char *bytes, size_t length)
{
  if (text->bytes == NULL || text->capacity - text->length < length) {
    size_t capacity = 2 * (text->capacity + length) + 1;
    char *grown = text->failed ? NULL : realloc(text->bytes, capacity);
    if (grown == NULL) {
      text->failed = true;
      return;
    }
    text->bytes = grown;
    text->capacity = capacity;
  }
  memcpy(text->bytes + text->length, bytes, length);
  text->length += length;
}

static void append_text(struct text *text, const char *more)
{
  append(text, more, strlen(more));
}

/* Appends a JSON string. Bytes that are no UTF-8 stay, for the library to refuse. */
static void append_string(struct text *text, const char *bytes, size_t length)
{
  append_text(text, "\"");
  for (size_t i = 0; i < length; i++) {
    unsigned char byte = (unsigned char)bytes[i];
    char escaped[8];
    if (byte >= 0x20 && byte != '"' && byte != '\\') {
      append(text, &bytes[i], 1);
      continue;
    }
    snprintf(escaped, sizeof escaped, "\\u%04x", byte);
    append_text(text, escaped);
  }
  append_text(text, "\"");
}

/* Appends the value of a field: null for an empty one; as it is for JSON, numbers and booleans. */
static void append_value(struct text *text, const char *name, size_t name_length, const char *value)
{
  char field_name[32] = "";
  connector_field field = CONNECTOR_FIELD_ID;

  if (name_length < sizeof field_name)
    memcpy(field_name, name, name_length);
  if (*value == '\0')
    append_text(text, "null");
  else if (connector_field_from_name(field_name, &field) && field_is_bare(field))
    append_text(text, value);
  else
    append_string(text, value, strlen(value));
}

static int from_pairs(const struct session *session, int first, struct text *text)
{
  append_text(text, "{");
  for (int i = first; i < session->argument_count; i++) {
    const char *pair = session->arguments[i];
    const char *equals = strchr(pair, '=');
    if (equals == NULL)
      return report_usage("'%s' is not FIELD=VALUE", pair);
    if (i > first)
      append_text(text, ",");
    append_string(text, pair, (size_t)(equals - pair));
    append_text(text, ":");
    append_value(text, pair, (size_t)(equals - pair), equals + 1);
  }
  append_text(text, "}");
  return EXIT_OK;
}

static int from_stream(FILE *stream, const char *name, struct text *text)
{
  char buffer[8192];
  size_t length = 0;

  append_text(text, ""); /* an empty file is a document too, though a bad one */
  while ((length = fread(buffer, 1, sizeof buffer, stream)) > 0 && !text->failed)
    append(text, buffer, length);
  if (ferror(stream))
    return report_failure("%s: %s", name, strerror(errno));
  return EXIT_OK;
}

static int from_file(const char *path, struct text *text)
{
  FILE *file = fopen(path, "rb");

  if (file == NULL)
    return report_failure("%s: %s", path, strerror(errno));
  int result = from_stream(file, path, text);
  fclose(file);
  return result;
}

static int read_into(const struct session *session, int first, struct text *text)
{
  const char *json = session->settings.json;
  bool arguments = session->argument_count > first;

  if (json != NULL && arguments)
    return report_usage("give the document once: --json, -, @FILE or FIELD=VALUE");
  if (json != NULL) {
    append_text(text, json);
    return EXIT_OK;
  }
  if (!arguments)
    return report_usage("the document is missing: --json TEXT, -, @FILE or FIELD=VALUE");

  const char *argument = session->arguments[first];
  bool single = strcmp(argument, "-") == 0 || argument[0] == '@';
  if (!single)
    return from_pairs(session, first, text);
  if (session->argument_count > first + 1)
    return report_usage("nothing may follow %s", argument);
  return argument[0] == '@' ? from_file(argument + 1, text) : from_stream(stdin, "stdin", text);
}

int document_read(const struct session *session, int first, char **json, size_t *length)
{
  struct text text = { 0 };
  int result = read_into(session, first, &text);

  if (result == EXIT_OK && text.failed)
    result = report_failure("out of memory");
  if (result != EXIT_OK) {
    free(text.bytes);
    return result;
  }
  *json = text.bytes;
  *length = text.length;
  return EXIT_OK;
}
