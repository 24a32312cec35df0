/*
 * Records as JSON. One pass over the field table writes a key and a value for each field; reading
 * JSON is left to json_reader.c.
 */
#include "record/json_writer.h"

#include "base/clock.h"
#include "record/fields.h"

#include <connector/json.h>

enum {
  KEY_EXTRA = 3, /* the quotes and the colon around a name */
  ROOM = 1024,   /* for all keys, numbers and times of a record; its text comes on top */
  TIME_LENGTH = CLOCK_TEXT + 2,
  ESCAPE_LENGTH = 6, /* of \u00XX */
  CONTROLS = 0x20
};

/* ---- text ---- */

static bool needs_escape(char byte)
{
  return (unsigned char)byte < CONTROLS || byte == '"' || byte == '\\';
}

/* A word whose top bits tell which of the bytes of `word` are 0; exact as to whether there is any.
 */
static uint64_t zero_bytes(uint64_t word)
{
  return (word - UINT64_C(0x0101010101010101)) & ~word & UINT64_C(0x8080808080808080);
}

static bool word_needs_escape(uint64_t word)
{
  uint64_t controls = (word - UINT64_C(0x2020202020202020)) & ~word & UINT64_C(0x8080808080808080);
  uint64_t quotes = zero_bytes(word ^ UINT64_C(0x2222222222222222));
  uint64_t backslashes = zero_bytes(word ^ UINT64_C(0x5C5C5C5C5C5C5C5C));

  return (controls | quotes | backslashes) != 0;
}

/* How many bytes at the start need no escape; eight at a time. */
static size_t clean_length(const char *text, size_t length)
{
  size_t at = 0;
  uint64_t word = 0;

  for (; length - at >= sizeof(word); at += sizeof(word)) {
    memcpy(&word, text + at, sizeof(word));
    if (word_needs_escape(word))
      break;
  }
  while (at < length && !needs_escape(text[at]))
    at++;
  return at;
}

static void write_escape(struct buffer *buffer, char byte)
{
  static const char letters[CONTROLS + 1] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
  static const char hex[] = "0123456789abcdef";
  unsigned char value = (unsigned char)byte;
  char escape[ESCAPE_LENGTH] = { '\\', byte, '0', '0', '0', '0' };

  if (value < CONTROLS) {
    escape[1] = letters[value];
    escape[4] = hex[value >> 4];
    escape[5] = hex[value & 15];
  }
  buffer_append(buffer, escape, escape[1] == 'u' ? sizeof(escape) : 2);
}

void json_write_string(struct buffer *buffer, const char *text, size_t length)
{
  size_t clean = clean_length(text, length);

  if (!buffer_reserve(buffer, length + 2))
    return;
  buffer_byte(buffer, '"');
  buffer_append(buffer, text, clean);
  while (clean < length) {
    write_escape(buffer, text[clean]);
    text += clean + 1;
    length -= clean + 1;
    clean = clean_length(text, length);
    buffer_append(buffer, text, clean);
  }
  buffer_byte(buffer, '"');
}

/* ---- other values ---- */

static void write_null(struct buffer *buffer)
{
  buffer_append(buffer, "null", 4);
}

/* Writes `"…"` at `out` and returns its length, or 0 for no time. */
static size_t format_time(int64_t milliseconds, char out[TIME_LENGTH])
{
  out[0] = '"';
  if (milliseconds == 0 || !clock_format(milliseconds, out + 1))
    return 0;
  out[TIME_LENGTH - 1] = '"';
  return TIME_LENGTH;
}

void json_write_time(struct buffer *buffer, int64_t milliseconds)
{
  char text[TIME_LENGTH];
  size_t length = format_time(milliseconds, text);

  if (length > 0)
    buffer_append(buffer, text, length);
  else
    write_null(buffer);
}

static void write_enum(struct buffer *buffer, const struct field *field, int64_t value)
{
  const char *text = enum_text(field->names, value);

  if (text != NULL)
    json_write_string(buffer, text, strlen(text));
  else
    write_null(buffer);
}

static void write_number(struct buffer *buffer, const struct field *field, int64_t number)
{
  switch (field->kind) {
  case KIND_ENUM:
    write_enum(buffer, field, number);
    break;
  case KIND_BOOL:
    buffer_text(buffer, number != 0 ? "true" : "false");
    break;
  case KIND_TIME:
    json_write_time(buffer, number);
    break;
  default:
    buffer_integer(buffer, number);
  }
}

/* ---- records ---- */

static bool is_null(const connector *record, const struct field *field)
{
  if (field_is_text(field))
    return *field_text(record, field) == NULL;
  return field->kind == KIND_TIME && field_number(record, field) == 0;
}

/* JSON fields hold compact JSON and are copied as they are. */
static void write_value(struct buffer *buffer, const connector *record, const struct field *field)
{
  const char *text = NULL;

  if (!field_is_text(field)) {
    write_number(buffer, field, field_number(record, field));
    return;
  }
  text = *field_text(record, field);
  if (text == NULL)
    write_null(buffer);
  else if (field_is_json(field))
    buffer_append(buffer, text, strlen(text));
  else
    json_write_string(buffer, text, strlen(text));
}

void json_write_record(struct buffer *buffer, const connector *record, uint32_t flags)
{
  bool omit = (flags & CONNECTOR_JSON_OMIT_NULL) != 0;
  size_t start = buffer->length;

  buffer_reserve(buffer, ROOM);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if ((omit || (field->flags & FIELD_OMITTED) != 0) && is_null(record, field))
      continue;
    buffer_byte(buffer, buffer->length == start ? '{' : ',');
    buffer_append(buffer, field->key, (size_t)field->name_length + KEY_EXTRA);
    write_value(buffer, record, field);
  }
  buffer_byte(buffer, '}');
}
