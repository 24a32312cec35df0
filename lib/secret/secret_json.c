/*
 * JSON into secrets. A first pass checks the whole document and notes where each value stands and
 * how long it will be; a second one decodes each value into work memory and encrypts it from there.
 */
#include "base/status.h"
#include "base/utf8.h"
#include "record/json_keys.h"
#include "record/json_scan.h"
#include "secret/secret.h"

#include <string.h>

/* A member of the object, as the document has it. */
struct member {
  struct member *next;
  const char *name; /* decoded, in the arena or the document */
  size_t name_length;
  enum json_kind kind;
  struct json_span span; /* what stands between quotes, else the whole value */
  size_t length;         /* of the value, decoded */
};

struct document {
  struct json_reader reader;
  struct arena arena;
  struct json_keys names;
  struct member *first;
  struct member **end;
  const struct member *at; /* the one whose value is being passed, or NULL */
  connector_error *error;
};

/* ---- the first pass ---- */

/* Names the member in whose value the fault is. What stands inside the value is not told, not even
 * its keys. */
static connector_status fail_reader(const struct document *document)
{
  const struct json_reader *reader = &document->reader;
  struct secret_shown shown = { "" };

  if (reader->problem == JSON_NO_MEMORY)
    return error_no_memory(document->error);
  if (document->at != NULL)
    shown = secret_name_show(document->at->name, document->at->name_length);
  return error_set(document->error, CONNECTOR_INVALID, shown.name, "%s at byte %zu",
                   json_problem_text(reader->problem), (size_t)(reader->at - reader->start));
}

/* Each of these passes something, or answers false with the reader's problem set. */

static bool pass_value(struct json_reader *reader);

static bool pass_key(struct json_reader *reader)
{
  struct json_span span = { NULL, 0, false };

  if (json_next_kind(reader) != JSON_STRING)
    return json_fail(reader, JSON_SYNTAX);
  if (!json_scan_string(reader, &span))
    return false;
  json_pass_space(reader);
  if (reader->at == reader->end || *reader->at != ':')
    return json_fail(reader, JSON_SYNTAX);
  reader->at++;
  return true;
}

static bool pass_nested(struct json_reader *reader, enum json_kind kind)
{
  bool first = true;

  if (!json_enter(reader))
    return false;
  while (json_more(reader, &first))
    if ((kind == JSON_OBJECT && !pass_key(reader)) || !pass_value(reader))
      return false;
  return reader->problem == JSON_FINE;
}

/* Recursion ends at JSON_DEPTH. */
static bool pass_value(struct json_reader *reader)
{
  enum json_kind kind = json_next_kind(reader);

  return kind == JSON_OBJECT || kind == JSON_ARRAY ? pass_nested(reader, kind)
                                                   : json_scan_scalar(reader, kind);
}

static uint32_t hex_value(char digit)
{
  return (uint32_t)(digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10);
}

static uint32_t read_unit(const char *digits)
{
  return hex_value(digits[0]) << 12 | hex_value(digits[1]) << 8 | hex_value(digits[2]) << 4 |
         hex_value(digits[3]);
}

/* The character of an escape that was checked; passes it. */
static uint32_t read_escape(const char **at)
{
  static const char names[] = "\"\\/bfnrt";
  static const char meant[] = "\"\\/\b\f\n\r\t";
  const char *escape = *at + 1;
  uint32_t unit = 0;

  if (*escape != 'u') {
    *at += 2;
    return (unsigned char)meant[strchr(names, *escape) - names];
  }
  unit = read_unit(escape + 1);
  *at += 6;
  if (unit < 0xd800 || unit > 0xdbff)
    return unit;
  *at += 6;
  return 0x10000 + ((unit - 0xd800) << 10) + (read_unit(escape + 7) - 0xdc00);
}

/* Decodes a string to `out` where that is not NULL; how many bytes it then has. json_decode() is
 * not used, for it moves bytes with memcpy(). */
static size_t decode(const struct json_span *span, char *out)
{
  const char *at = span->text;
  const char *end = at + span->length;
  size_t length = 0;

  while (at < end) {
    char bytes[4] = { *at, 0, 0, 0 };
    size_t count = 1;

    if (*at == '\\')
      count = utf8_encode(read_escape(&at), bytes);
    else
      at++;
    if (out != NULL)
      secret_bytes_copy(out + length, bytes, count);
    length += count;
  }
  return length;
}

/* Copies a nested value without the white space between its tokens, to `out` where that is not
 * NULL; how many bytes it then has. */
static size_t compact(const struct json_span *span, char *out)
{
  bool in_string = false;
  size_t length = 0;

  for (size_t i = 0; i < span->length; i++) {
    char byte = span->text[i];

    if (!in_string && json_is_space(byte))
      continue;
    if (out != NULL)
      out[length] = byte;
    length++;
    if (in_string && byte == '\\') {
      i++;
      if (out != NULL)
        out[length] = span->text[i];
      length++;
    } else if (byte == '"') {
      in_string = !in_string;
    }
  }
  return length;
}

/* Passes a member's value and notes it. */
static bool scan_value(struct json_reader *reader, struct member *member)
{
  const char *start = NULL;

  member->kind = json_next_kind(reader);
  start = reader->at;
  if (member->kind == JSON_STRING) {
    if (!json_scan_string(reader, &member->span))
      return false;
    member->length = member->span.escaped ? decode(&member->span, NULL) : member->span.length;
    return true;
  }
  if (!pass_value(reader))
    return false;
  member->span = (struct json_span){ start, (size_t)(reader->at - start), false };
  if (member->kind != JSON_NULL)
    member->length = compact(&member->span, NULL);
  return true;
}

static connector_status scan_member(struct document *document)
{
  struct json_reader *reader = &document->reader;
  size_t name_length = 0;
  const char *name = json_key(reader, &name_length);
  struct member *member = NULL;

  if (name == NULL)
    return fail_reader(document);
  if (document->names.count == CONNECTOR_SECRET_VALUES_MAX)
    return error_set(document->error, CONNECTOR_TOO_LARGE, NULL, "a secret holds at most %d values",
                     CONNECTOR_SECRET_VALUES_MAX);
  member = arena_object(&document->arena, sizeof(*member));
  if (member == NULL || !json_keys_add(&document->names, name, name_length, NULL))
    return error_no_memory(document->error);
  *member = (struct member){ .name = name, .name_length = name_length };
  *document->end = member;
  document->end = &member->next;
  document->at = member;
  if (!scan_value(reader, member))
    return fail_reader(document);
  document->at = NULL;
  return CONNECTOR_OK;
}

static connector_status scan_object(struct document *document)
{
  struct json_reader *reader = &document->reader;
  connector_status status = CONNECTOR_OK;
  const struct json_key *twice = NULL;
  bool first = true;

  if (json_peek(reader) != JSON_OBJECT && reader->problem == JSON_FINE)
    return error_set(document->error, CONNECTOR_INVALID, NULL, "must be one JSON object");
  (void)json_enter(reader);
  while (status == CONNECTOR_OK && json_more(reader, &first))
    status = scan_member(document);
  if (status != CONNECTOR_OK)
    return status;
  if (!json_finish(reader))
    return fail_reader(document);
  twice = json_keys_twice(&document->names, 0);
  return twice == NULL
             ? CONNECTOR_OK
             : error_set(document->error, CONNECTOR_INVALID,
                         secret_name_show(twice->text, twice->length).name, "is there twice");
}

/* ---- the second pass ---- */

/* The length of the longest value; INVALID for a name or a length that can't be. */
static connector_status check_members(const struct document *document, size_t *longest)
{
  connector_status status = CONNECTOR_OK;

  *longest = 0;
  for (const struct member *member = document->first; status == CONNECTOR_OK && member != NULL;
       member = member->next) {
    status = secret_value_check(member->name, member->name_length, member->length, document->error);
    if (member->length > *longest)
      *longest = member->length;
  }
  return status;
}

static connector_status make_value(const struct document *document, const struct member *member,
                                   const struct secret_key *key, char *room,
                                   struct secret_value *out)
{
  connector_status status = CONNECTOR_OK;

  if (member->kind == JSON_STRING)
    decode(&member->span, room);
  else if (member->kind != JSON_NULL)
    compact(&member->span, room);
  status = secret_value_make(key, member->name, member->name_length, room, member->length, out,
                             document->error);
  if (status == CONNECTOR_OK)
    out->json = member->kind != JSON_STRING && member->kind != JSON_NULL;
  return status;
}

/* Room for the longest value serves all of them, one after the other. */
static connector_status make_values(const struct document *document, struct secret_memory *memory,
                                    size_t longest, struct secret_values *values)
{
  struct secret_key key = { 0 };
  struct secret_work room = { 0 };
  connector_status status = secret_values_reserve(values, document->names.count, document->error);

  if (status == CONNECTOR_OK)
    status = secret_key_take(memory, &key, document->error);
  if (status == CONNECTOR_OK)
    status = secret_work_take(memory, longest, &room, document->error);
  for (const struct member *member = document->first; status == CONNECTOR_OK && member != NULL;
       member = member->next) {
    status = make_value(document, member, &key, room.bytes, &values->items[values->count]);
    values->count += status == CONNECTOR_OK;
  }
  secret_work_give(&room);
  secret_key_give(&key);
  return status;
}

static connector_status take_values(const struct document *document, connector_secret *secret)
{
  struct secret_values values = { 0 };
  size_t longest = 0;
  connector_status status = check_members(document, &longest);

  if (status == CONNECTOR_OK)
    status = make_values(document, secret->memory, longest, &values);
  if (status == CONNECTOR_OK)
    status = secret_values_put(&secret->values, values.items, values.count, false, document->error);
  secret_values_free(&values);
  return status;
}

connector_status connector_secret_set_json(connector_secret *secret, const char *json,
                                           size_t length, connector_error *error)
{
  struct document document = { .error = error };
  connector_status status = CONNECTOR_OK;

  if (secret == NULL || json == NULL)
    return error_set(error, CONNECTOR_INVALID, secret == NULL ? "secret" : "json", "must be given");
  status = secret_check_change(secret, error);
  if (status != CONNECTOR_OK)
    return status;
  document.end = &document.first;
  json_keys_init(&document.names);
  json_reader_init(&document.reader, json, length, &document.arena);
  status = scan_object(&document);
  if (status == CONNECTOR_OK)
    status = take_values(&document, secret);
  json_keys_free(&document.names);
  arena_free(&document.arena);
  return status == CONNECTOR_OK ? error_clear(error) : status;
}
