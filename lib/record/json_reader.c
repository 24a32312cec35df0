/*
 * The pull side of the JSON reader: a caller asks for one token or member after the other. Whole
 * values are json_copy.c's concern, tokens json_scan.c's.
 */
#include "record/json_reader.h"

#include "record/json_scan.h"

#include <string.h>

static const char *const problem_texts[] = {
  [JSON_FINE] = "no problem",
  [JSON_SYNTAX] = "not well-formed JSON",
  [JSON_UTF8] = "not valid UTF-8",
  [JSON_ESCAPE] = "an escape that stands for no character",
  [JSON_DUPLICATE] = "a key that is there twice",
  [JSON_TOO_DEEP] = "nested deeper than 64 levels",
  [JSON_SECRET] = "looks like a secret",
  [JSON_NO_MEMORY] = "out of memory",
};

void json_reader_init(struct json_reader *reader, const char *bytes, size_t length,
                      struct arena *arena)
{
  const char *start = length > 0 ? bytes : "";

  *reader = (struct json_reader){
    .start = start, .at = start, .end = start + length, .arena = arena
  };
}

const char *json_problem_text(enum json_problem problem)
{
  return problem_texts[problem];
}

enum json_kind json_peek(struct json_reader *reader)
{
  enum json_kind kind = JSON_BAD;

  if (reader->problem != JSON_FINE)
    return JSON_BAD;
  json_pass_space(reader);
  if (reader->at == reader->end)
    return JSON_END;
  kind = json_kind_of(*reader->at);
  if (kind == JSON_BAD)
    json_fail(reader, JSON_SYNTAX);
  return kind;
}

/* Whether a value of this kind comes; else a problem. */
static bool expect(struct json_reader *reader, enum json_kind kind)
{
  return json_next_kind(reader) == kind || json_fail(reader, JSON_SYNTAX);
}

bool json_enter(struct json_reader *reader)
{
  enum json_kind kind = json_peek(reader);

  if (kind != JSON_OBJECT && kind != JSON_ARRAY)
    return json_fail(reader, JSON_SYNTAX);
  if (reader->depth >= JSON_DEPTH)
    return json_fail(reader, JSON_TOO_DEEP);
  reader->at++;
  reader->objects = reader->objects << 1 | (kind == JSON_OBJECT);
  reader->depth++;
  return true;
}

bool json_more(struct json_reader *reader, bool *first)
{
  bool was_first = *first;
  char closing = (reader->objects & 1) != 0 ? '}' : ']';

  *first = false;
  if (reader->problem != JSON_FINE)
    return false;
  json_pass_space(reader);
  if (reader->at == reader->end || reader->depth == 0)
    return json_fail(reader, JSON_SYNTAX);
  if (*reader->at == closing) {
    reader->at++;
    reader->depth--;
    reader->objects >>= 1;
    return false;
  }
  if (was_first)
    return true;
  if (*reader->at != ',')
    return json_fail(reader, JSON_SYNTAX);
  reader->at++;
  return true;
}

char *json_text(struct json_reader *reader, size_t *length)
{
  struct json_span span = { NULL, 0, false };
  char *text = NULL;

  if (!expect(reader, JSON_STRING) || !json_scan_string(reader, &span))
    return NULL;
  text = json_decode_into(reader->arena, &span, length);
  if (text == NULL)
    json_fail(reader, JSON_NO_MEMORY);
  return text;
}

const char *json_string(struct json_reader *reader, size_t *length)
{
  struct json_span span = { NULL, 0, false };
  const char *text = NULL;

  if (!expect(reader, JSON_STRING) || !json_scan_string(reader, &span))
    return NULL;
  *length = span.length;
  text = span.escaped ? json_decode_into(reader->arena, &span, length) : span.text;
  if (text == NULL)
    json_fail(reader, JSON_NO_MEMORY);
  return text;
}

const char *json_key(struct json_reader *reader, size_t *length)
{
  const char *key = json_string(reader, length);

  if (key == NULL)
    return NULL;
  json_pass_space(reader);
  if (reader->at == reader->end || *reader->at != ':') {
    json_fail(reader, JSON_SYNTAX);
    return NULL;
  }
  reader->at++;
  return key;
}

static uint64_t load_word(const char *at)
{
  uint64_t word = 0;

  memcpy(&word, at, sizeof(word));
  return word;
}

/* memcmp() of a short text, which is done before a call of that would be under way. The last word
 * may overlap the one before. */
static bool same_bytes(const char *a, const char *b, size_t length)
{
  if (length < sizeof(uint64_t))
    return memcmp(a, b, length) == 0;
  for (size_t i = 0; i < length - sizeof(uint64_t); i += sizeof(uint64_t))
    if (load_word(a + i) != load_word(b + i))
      return false;
  return load_word(a + length - sizeof(uint64_t)) == load_word(b + length - sizeof(uint64_t));
}

bool json_key_is(struct json_reader *reader, const char *key, size_t length)
{
  json_pass_space(reader);
  if (reader->problem != JSON_FINE || (size_t)(reader->end - reader->at) < length ||
      !same_bytes(reader->at, key, length))
    return false;
  reader->at += length;
  return true;
}

/* The value of a whole number as it is written; false beyond int64_t. */
static bool parse_integer(const char *at, const char *end, int64_t *number)
{
  bool negative = *at == '-';
  uint64_t limit = negative ? (uint64_t)INT64_MAX + 1 : (uint64_t)INT64_MAX;
  uint64_t magnitude = 0;

  for (at += negative; at < end; at++) {
    uint64_t digit = (uint64_t)(*at - '0');

    if (magnitude > (limit - digit) / 10)
      return false;
    magnitude = magnitude * 10 + digit;
  }
  if (negative)
    *number = magnitude > 0 ? -(int64_t)(magnitude - 1) - 1 : 0;
  else
    *number = (int64_t)magnitude;
  return true;
}

bool json_integer(struct json_reader *reader, int64_t *number)
{
  const char *start = NULL;
  bool whole = false;

  if (!expect(reader, JSON_NUMBER))
    return false;
  start = reader->at;
  return json_scan_number(reader, &whole) && whole && parse_integer(start, reader->at, number);
}

bool json_finish(struct json_reader *reader)
{
  return json_peek(reader) == JSON_END || json_fail(reader, JSON_SYNTAX);
}
