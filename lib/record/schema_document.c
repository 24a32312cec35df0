/*
 * The JSON Schema of a record. What the field table knows comes from there; this file adds a phrase
 * on each field. It describes records as they are written with every key.
 */
#include "record/schema_document.h"

#include "record/fields.h"
#include "record/json_writer.h"

struct phrase {
  const char *text;
  int64_t minimum; /* of an integer */
};

/* In field order. */
static const struct phrase phrases[] = {
  { "prefix and ULID; never changes", 0 },
  { "tenant that the record belongs to", 0 },
  { "application that created it; absent for human sessions", 0 },
  { "when it was created", 0 },
  { "when it was last written; never moves backwards", 0 },
  { "person that created it", 0 },
  { "last person that wrote it", 0 },
  { "what wrote it", 0 },
  { "kind of what wrote it", 0 },
  { "whether it is deleted and can be restored", 0 },
  { "when it was deleted", 0 },
  { "person that deleted it", 0 },
  { "version of the record's form", 1 },
  { "kind of system, such as chat or siem", 0 },
  { "vendor or product, such as jira", 0 },
  { "name shown to people; at most 256 bytes of UTF-8", 0 },
  { "who in the tenant sees it: everyone, one person, or the members of a group", 0 },
  { "person that looks after it", 0 },
  { "group that sees it; text where scope is group", 0 },
  { "person that sees it; text where scope is user", 0 },
  { "settings; never a secret", 0 },
  { "where its secret is kept; never the secret", 0 },
  { "how it authenticates, such as oauth2", 0 },
  { "whether its OAuth token is to be refreshed", 0 },
  { "when its OAuth token expires", 0 },
  { "whether it is in use", 0 },
  { "health of its last sync", 0 },
  { "when it last synced with success", 0 },
  { "failed syncs since the last one with success", 0 },
  { "text of the last failure, without secrets; at most 4096 bytes of UTF-8", 0 },
  { "counters of its syncs, such as totalSynced; never a secret", 0 },
  { "types of events that it takes part in", 0 },
  { "webhook endpoint that feeds it", 0 },
  { "when its credential was last rotated", 0 },
  { "when its credential is next to be rotated", 0 },
  { "labels; never a secret", 0 },
  { "one more at every write but those of health", 1 },
  { "application that it serves", 0 },
};

_Static_assert(sizeof(phrases) / sizeof(phrases[0]) == CONNECTOR_FIELD_COUNT,
               "a phrase for each field");

/* The types of each kind of field, without null. */
static const char *const types[][2] = {
  [KIND_TEXT] = { "string" },     [KIND_ENUM] = { "string" },          [KIND_BOOL] = { "boolean" },
  [KIND_INTEGER] = { "integer" }, [KIND_TIME] = { "string" },          [KIND_OBJECT] = { "object" },
  [KIND_TEXTS] = { "array" },     [KIND_TAGS] = { "array", "object" },
};

/* A field that is left out where it is absent is never null. */
static bool may_be_null(const struct field *field)
{
  return (field->flags & FIELD_NULLABLE) != 0 && (field->flags & FIELD_OMITTED) == 0;
}

static void write_text(struct buffer *buffer, const char *text)
{
  json_write_string(buffer, text, strlen(text));
}

/* Writes a value behind a comma, where it is not the first of its list. */
static void write_item(struct buffer *buffer, const char *text, bool *first)
{
  if (!*first)
    buffer_byte(buffer, ',');
  *first = false;
  write_text(buffer, text);
}

static void write_type(struct buffer *buffer, const struct field *field)
{
  const char *const *names = types[field->kind];
  bool several = names[1] != NULL || may_be_null(field);
  bool first = true;

  buffer_text(buffer, ",\"type\":");
  if (several)
    buffer_byte(buffer, '[');
  write_item(buffer, names[0], &first);
  if (names[1] != NULL)
    write_item(buffer, names[1], &first);
  if (may_be_null(field))
    write_item(buffer, "null", &first);
  if (several)
    buffer_byte(buffer, ']');
}

static void write_enum(struct buffer *buffer, const struct enum_names *names)
{
  bool first = true;

  buffer_text(buffer, ",\"enum\":[");
  for (size_t i = 0; i < names->count; i++)
    write_item(buffer, names->names[i], &first);
  buffer_byte(buffer, ']');
}

static void write_keyword(struct buffer *buffer, const char *keyword, int64_t number)
{
  buffer_text(buffer, keyword);
  buffer_integer(buffer, number);
}

/* Limits are in bytes and maxLength is in characters, of which there are never more. A limit that
 * an option of the store sets is not written. */
static void write_rules(struct buffer *buffer, const struct field *field, int64_t minimum)
{
  switch (field->kind) {
  case KIND_TEXT:
    if (field->limit > 0)
      write_keyword(buffer, ",\"maxLength\":", field->limit);
    break;
  case KIND_ENUM:
    write_enum(buffer, field->names);
    break;
  case KIND_INTEGER:
    write_keyword(buffer, ",\"minimum\":", minimum);
    break;
  case KIND_TIME:
    buffer_text(buffer, ",\"format\":\"date-time\"");
    break;
  case KIND_TEXTS:
    buffer_text(buffer, ",\"items\":{\"type\":\"string\"}");
    break;
  default:
    break;
  }
}

static void write_property(struct buffer *buffer, const struct field *field)
{
  const struct phrase *phrase = &phrases[field_index(field)];

  buffer_text(buffer, field->key);
  buffer_text(buffer, "{\"description\":");
  write_text(buffer, phrase->text);
  write_type(buffer, field);
  write_rules(buffer, field, phrase->minimum);
  if (field->writer == WRITER_SERVER)
    buffer_text(buffer, ",\"readOnly\":true");
  buffer_byte(buffer, '}');
}

void schema_document_write(struct buffer *buffer)
{
  bool first = true;

  buffer_text(buffer, "{\"$schema\":\"https://json-schema.org/draft/2020-12/schema\","
                      "\"$id\":\"urn:libconnector:connector\",\"title\":\"Connector\","
                      "\"description\":\"One data source or sink that an application has "
                      "configured\",\"type\":\"object\",\"properties\":{");
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    if (i > 0)
      buffer_byte(buffer, ',');
    write_property(buffer, &record_fields[i]);
  }
  buffer_text(buffer, "},\"required\":[");
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if ((record_fields[i].flags & FIELD_OMITTED) == 0)
      write_item(buffer, record_fields[i].name, &first);
  buffer_text(buffer, "],\"additionalProperties\":false}");
}
