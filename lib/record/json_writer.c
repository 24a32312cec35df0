/*
 * Records as JSON. One pass over the field table writes a key and a value for each field; reading
 * JSON is left to json_reader.c.
 */
#include "record/json_writer.h"

#include "base/clock.h"

#include <connector/json.h>

enum {
  KEY_EXTRA = 3,     /* the quotes and the colon around a name */
  ROOM = 2048,       /* what most records take; the buffer grows for others */
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

/* ---- other values: false where there is none, and nothing is written ---- */

static bool write_time(struct buffer *buffer, int64_t milliseconds)
{
  char text[CLOCK_TEXT + 2];

  if (milliseconds == 0 || !clock_format(milliseconds, text + 1))
    return false;
  text[0] = '"';
  text[sizeof(text) - 1] = '"';
  buffer_append(buffer, text, sizeof(text));
  return true;
}

static bool write_text(struct buffer *buffer, const char *text)
{
  if (text == NULL)
    return false;
  json_write_string(buffer, text, strlen(text));
  return true;
}

/* Compact JSON is copied as it is. */
static bool write_json(struct buffer *buffer, const char *json)
{
  if (json == NULL)
    return false;
  buffer_text(buffer, json);
  return true;
}

/* A call for each of the 38 fields would cost a twentieth of the time of a record. */
__attribute__((always_inline)) static inline bool
write_value(struct buffer *buffer, const connector *record, const struct field *field)
{
  if (field_is_json(field))
    return write_json(buffer, *field_text(record, field));
  switch (field->kind) {
  case KIND_TEXT:
    return write_text(buffer, *field_text(record, field));
  case KIND_ENUM:
    return write_text(buffer, enum_text(field->names, field_number(record, field)));
  case KIND_BOOL:
    return write_json(buffer, field_number(record, field) != 0 ? "true" : "false");
  case KIND_TIME:
    return write_time(buffer, field_number(record, field));
  default:
    buffer_integer(buffer, field_number(record, field));
    return true;
  }
}

static void write_null(struct buffer *buffer)
{
  buffer_append(buffer, "null", 4);
}

void json_write_time(struct buffer *buffer, int64_t milliseconds)
{
  if (!write_time(buffer, milliseconds))
    write_null(buffer);
}

/* ---- records ---- */

void json_write_field(struct buffer *buffer, const connector *record, const struct field *field)
{
  if (!write_value(buffer, record, field))
    write_null(buffer);
}

void json_write_record(struct buffer *buffer, const connector *record, uint32_t flags)
{
  bool omit = (flags & CONNECTOR_JSON_OMIT_NULL) != 0;
  size_t start = buffer->length;

  buffer_reserve(buffer, ROOM);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    size_t before = buffer->length;

    buffer_byte(buffer, before == start ? '{' : ',');
    buffer_append(buffer, field->key, (size_t)field->name_length + KEY_EXTRA);
    if (write_value(buffer, record, field))
      continue;
    if (omit || (field->flags & FIELD_OMITTED) != 0)
      buffer->length = before;
    else
      write_null(buffer);
  }
  buffer_byte(buffer, '}');
}
