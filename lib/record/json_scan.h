/*
 * The tokens of JSON, for the files that read it: white space, strings, numbers and literals, each
 * checked whole and left as the document has them.
 */
#ifndef RECORD_JSON_SCAN_H
#define RECORD_JSON_SCAN_H

#include "record/json_reader.h"

/* A string as it stands between its quotes; borrowed from the document. */
struct json_span {
  const char *text;
  size_t length;
  bool escaped; /* holds a backslash */
};

/* Notes the problem where it is the first one. Always false, so that a failure is one line. */
bool json_fail(struct json_reader *reader, enum json_problem problem);

/* What a value can only be, by its first byte: an enum json_kind. */
extern const uint8_t json_kinds[256];

static inline enum json_kind json_kind_of(char first)
{
  return (enum json_kind)json_kinds[(unsigned char)first];
}

/* Each passes one token that starts at reader->at; false on a problem, with `at` where it is. */
bool json_scan_string(struct json_reader *reader, struct json_span *span);
bool json_scan_number(struct json_reader *reader, bool *whole);
bool json_scan_literal(struct json_reader *reader, enum json_kind kind);

/* Any of them but a string of which the span is wanted. */
bool json_scan_scalar(struct json_reader *reader, enum json_kind kind);

/* Writes the string with its escapes decoded, at most span->length bytes, and returns how many. */
size_t json_decode(const struct json_span *span, char *out);

/* The same into an arena, NUL-terminated; NULL where memory is gone. */
char *json_decode_into(struct arena *arena, const struct json_span *span, size_t *length);

/* json_peek(), without a call where a value starts right here. */
static inline enum json_kind json_next_kind(struct json_reader *reader)
{
  enum json_kind kind = JSON_BAD;

  if (reader->problem == JSON_FINE && reader->at < reader->end)
    kind = json_kind_of(*reader->at);
  return kind != JSON_BAD ? kind : json_peek(reader);
}

static inline bool json_is_space(char byte)
{
  return byte == ' ' || byte == '\n' || byte == '\r' || byte == '\t';
}

static inline void json_pass_space(struct json_reader *reader)
{
  while (reader->at < reader->end && json_is_space(*reader->at))
    reader->at++;
}

#endif
