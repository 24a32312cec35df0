/*
 * A record's document, or a merge patch of one, into a draft: one pass, led by the field table.
 * Lengths and characters of text are left to draft_check().
 */
#include "record/draft.h"

#include "base/clock.h"
#include "base/status.h"
#include "base/utf8.h"
#include "record/guard.h"
#include "record/json_field.h"
#include "record/json_scan.h"

#include <stdio.h>
#include <string.h>

struct document {
  struct json_reader reader;
  struct draft *draft;
  enum document_use use;
  const struct limits *limits;
  connector_error *error;
  uint64_t seen; /* fields whose key was read */
  size_t next;   /* the field to expect */
};

/* Reads a value of the field's kind into the draft. Answers what is wrong with the value, or NULL;
 * the reader's own problem is the caller's to look at. */
typedef const char *(*value_reader)(struct document *document, const struct field *field,
                                    enum json_kind kind);

/* ---- values that are no JSON text ---- */

static const char *refuse(struct document *document, const char *complaint)
{
  (void)json_skip(&document->reader);
  return complaint;
}

static const char *read_text(struct document *document, const struct field *field,
                             enum json_kind kind)
{
  size_t length = 0;

  if (kind != JSON_STRING)
    return refuse(document, "must be text");
  *field_text(&document->draft->values, field) = json_text(&document->reader, &length);
  return NULL;
}

static const char *read_enum(struct document *document, const struct field *field,
                             enum json_kind kind)
{
  const char *text = NULL;
  size_t length = 0;
  int64_t value = 0;

  if (kind != JSON_STRING)
    return refuse(document, "must be text");
  text = json_string(&document->reader, &length);
  if (text == NULL)
    return NULL;
  value = enum_value(field->names, text, length);
  if (value == 0)
    return "is not one of its values";
  field_set_number(&document->draft->values, field, value);
  return NULL;
}

static const char *read_bool(struct document *document, const struct field *field,
                             enum json_kind kind)
{
  if (kind != JSON_TRUE && kind != JSON_FALSE)
    return refuse(document, "must be true or false");
  if (json_scan_literal(&document->reader, kind))
    field_set_number(&document->draft->values, field, kind == JSON_TRUE);
  return NULL;
}

/* The integers that the server stamps, version and schema_version, start at 1. */
static const char *read_integer(struct document *document, const struct field *field,
                                enum json_kind kind)
{
  bool stamped = field->writer == WRITER_SERVER;
  const char *complaint = stamped ? "must be a whole number of at least 1"
                                  : "must be a whole number of at least 0";
  int64_t number = 0;

  if (kind != JSON_NUMBER)
    return refuse(document, complaint);
  if (!json_integer(&document->reader, &number) || number < stamped)
    return complaint;
  field_set_number(&document->draft->values, field, number);
  return NULL;
}

static const char *read_time(struct document *document, const struct field *field,
                             enum json_kind kind)
{
  const char *text = NULL;
  size_t length = 0;
  int64_t milliseconds = 0;

  if (kind != JSON_STRING)
    return refuse(document, "must be an RFC 3339 date and time");
  text = json_string(&document->reader, &length);
  if (text == NULL)
    return NULL;
  if (!clock_parse(text, length, &milliseconds))
    return "must be an RFC 3339 date and time";
  if (milliseconds == 0)
    return "must not be 1970-01-01T00:00:00Z";
  field_set_number(&document->draft->values, field, milliseconds);
  return NULL;
}

static const value_reader readers[] = {
  [KIND_TEXT] = read_text, [KIND_ENUM] = read_enum,       [KIND_BOOL] = read_bool,
  [KIND_TIME] = read_time, [KIND_INTEGER] = read_integer,
};

/* ---- fields ---- */

static connector_status fail_field(struct document *document, const struct field *field,
                                   const char *complaint)
{
  return error_set(document->error, CONNECTOR_INVALID, field->name, "%s", complaint);
}

/* The texts that an enum may have, as far as they fit. */
static connector_status fail_enum(struct document *document, const struct field *field)
{
  char list[128] = "";
  size_t used = 0;

  for (size_t i = 0; i < field->names->count && used < sizeof(list); i++)
    used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s", i > 0 ? ", " : "",
                             field->names->names[i]);
  return error_set(document->error, CONNECTOR_INVALID, field->name, "must be one of %s", list);
}

static connector_status take_null(struct document *document, const struct field *field)
{
  if (!json_scan_literal(&document->reader, JSON_NULL) || field->writer == WRITER_SERVER)
    return CONNECTOR_OK;
  if ((field->flags & FIELD_CLEARABLE) == 0)
    return fail_field(document, field, "must not be null");
  if (document->use == DOCUMENT_UPDATE)
    document->draft->cleared |= field_bit(field);
  return CONNECTOR_OK;
}

static connector_status take_json(struct document *document, const struct field *field,
                                  enum json_kind kind)
{
  struct draft *draft = document->draft;
  uint64_t bit = field_bit(field);

  draft->set |= bit;
  draft->compacted |= bit;
  if (kind == JSON_OBJECT && document->use == DOCUMENT_UPDATE)
    draft->merge |= bit;
  return json_field_read(&document->reader, field, document->limits,
                         field_text(&draft->values, field), document->error);
}

/* What the server stamps is taken where it is well-formed, for imports, and else passed over; only
 * a version that is none is refused, for it may be the version that an update expects. */
static connector_status take_stamp(struct document *document, const struct field *field,
                                   const char *complaint)
{
  if (complaint == NULL)
    document->draft->stamped |= field_bit(field);
  else if (field_index(field) == CONNECTOR_FIELD_VERSION && document->use == DOCUMENT_UPDATE)
    return fail_field(document, field, complaint);
  return CONNECTOR_OK;
}

static connector_status take_value(struct document *document, const struct field *field)
{
  enum json_kind kind = json_next_kind(&document->reader);
  const char *complaint = NULL;

  if (kind == JSON_NULL)
    return take_null(document, field);
  if (field_is_json(field))
    return take_json(document, field, kind);
  complaint = readers[field->kind](document, field, kind);
  if (document->reader.problem != JSON_FINE)
    return CONNECTOR_OK;
  if (field->writer == WRITER_SERVER)
    return take_stamp(document, field, complaint);
  if (complaint != NULL && field->kind == KIND_ENUM)
    return fail_enum(document, field);
  if (complaint != NULL)
    return fail_field(document, field, complaint);
  document->draft->set |= field_bit(field);
  return CONNECTOR_OK;
}

/* Names the key as far as it can be shown: not where it is a secret or breaks a terminal. */
static connector_status fail_key(struct document *document, const char *key, size_t length)
{
  char name[sizeof(document->error->field)] = "";
  size_t at = 0;
  size_t found = 0;

  if (length == 0 || utf8_classify(key, length) != UTF8_PLAIN ||
      guard_find(key, length, &at, &found))
    return error_set(document->error, CONNECTOR_INVALID, "", "a key is not the name of a field");
  memcpy(name, key, utf8_cut(key, length, sizeof(name) - 1));
  return error_set(document->error, CONNECTOR_INVALID, name, "is not a field");
}

static connector_status take_member(struct document *document)
{
  const struct field *field = &record_fields[document->next];
  const char *key = NULL;
  size_t length = 0;

  if (!json_key_is(&document->reader, field->key, (size_t)field->name_length + 3)) {
    key = json_key(&document->reader, &length);
    if (key == NULL)
      return CONNECTOR_OK;
    field = field_find(key, length, document->next);
    if (field == NULL)
      return fail_key(document, key, length);
  }
  if ((document->seen & field_bit(field)) != 0)
    return fail_field(document, field, "is there twice");
  document->seen |= field_bit(field);
  document->next = (field_index(field) + 1) % CONNECTOR_FIELD_COUNT;
  return take_value(document, field);
}

static connector_status take_object(struct document *document)
{
  connector_status status = CONNECTOR_OK;
  bool first = true;

  if (json_peek(&document->reader) != JSON_OBJECT && document->reader.problem == JSON_FINE)
    return error_set(document->error, CONNECTOR_INVALID, "", "must be one JSON object");
  (void)json_enter(&document->reader);
  while (status == CONNECTOR_OK && json_more(&document->reader, &first))
    status = take_member(document);
  if (status == CONNECTOR_OK && !json_finish(&document->reader))
    status = json_field_problem(&document->reader, "", document->error);
  return status;
}

connector_status draft_from_json(struct draft *draft, const char *json, size_t length,
                                 enum document_use use, const struct limits *limits,
                                 connector_error *error)
{
  struct document document = { .draft = draft, .use = use, .limits = limits, .error = error };
  char *room = NULL;

  if (length > limits->document)
    return error_set(error, CONNECTOR_TOO_LARGE, NULL, "the document is longer than %zu bytes",
                     (size_t)limits->document);
  /* What is kept of a document is never longer than the document: one block holds it. */
  room = arena_alloc(&draft->arena, length);
  if (room == NULL)
    return error_no_memory(error);
  arena_trim(&draft->arena, room);
  json_reader_init(&document.reader, json, length, &draft->arena);
  return take_object(&document);
}
