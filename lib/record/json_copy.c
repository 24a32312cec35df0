/*
 * Whole JSON values: checked, asked about secrets and copied in one pass. Runs between white space
 * are copied as one piece, so that a value without any is one piece. Recursion ends at JSON_DEPTH.
 */
#include "record/json_reader.h"

#include "base/utf8.h"
#include "record/guard.h"
#include "record/json_keys.h"
#include "record/json_scan.h"

#include <string.h>

struct copier {
  struct json_reader *reader;
  const char *run; /* first byte that is passed but not yet copied */
  char *out;       /* where it goes; NULL where the value is only checked */
  bool guard;
  struct arena scratch;  /* decoded keys and values */
  struct json_keys keys; /* of all open objects, the innermost last */
};

/* Where a value stands: a chain from it to the whole value. */
struct place {
  const struct place *above;
  const char *key; /* decoded; NULL in an array */
  size_t length;
  size_t index; /* in an array */
  bool secret;  /* in an array that is the value of a key that names a secret */
};

static bool copy_value(struct copier *copier, const struct place *place);

static void flush_run(struct copier *copier)
{
  size_t length = (size_t)(copier->reader->at - copier->run);

  if (copier->out != NULL) {
    memcpy(copier->out, copier->run, length);
    copier->out += length;
  }
}

static void drop_space(struct copier *copier)
{
  flush_run(copier);
  json_pass_space(copier->reader);
  copier->run = copier->reader->at;
}

/* The byte behind white space, which is not copied; NUL at the end, where no NUL may stand. */
static inline char next_byte(struct copier *copier)
{
  struct json_reader *reader = copier->reader;

  if (reader->at < reader->end && json_is_space(*reader->at))
    drop_space(copier);
  return reader->at < reader->end ? *reader->at : '\0';
}

/* ---- where a problem is ---- */

/* Each answers whether all of it fitted. */
static bool path_append(struct json_reader *reader, const char *text, size_t length)
{
  size_t used = strlen(reader->path);
  size_t fits = utf8_cut(text, length, sizeof(reader->path) - 1 - used);

  memcpy(reader->path + used, text, fits);
  reader->path[used + fits] = '\0';
  return fits == length;
}

static bool path_append_index(struct json_reader *reader, size_t index)
{
  char text[24];
  size_t at = sizeof(text);

  text[--at] = ']';
  do {
    text[--at] = (char)('0' + index % 10);
    index /= 10;
  } while (index > 0);
  text[--at] = '[';
  return path_append(reader, text + at, sizeof(text) - at);
}

/* A key that can't be shown, or is a secret itself, is a question mark. */
static bool path_append_key(struct json_reader *reader, const char *key, size_t length)
{
  size_t at = 0;
  size_t found = 0;
  bool shown = utf8_classify(key, length) == UTF8_PLAIN && !guard_find(key, length, &at, &found);

  if (reader->path[0] != '\0' && !path_append(reader, ".", 1))
    return false;
  return path_append(reader, shown ? key : "?", shown ? length : 1);
}

static bool fail_at(struct copier *copier, enum json_problem problem, const struct place *place)
{
  const struct place *chain[JSON_DEPTH + 1];
  struct json_reader *reader = copier->reader;
  size_t count = 0;
  bool fits = true;

  for (; place != NULL && count < sizeof(chain) / sizeof(chain[0]); place = place->above)
    chain[count++] = place;
  reader->path[0] = '\0';
  while (count > 0 && fits) {
    place = chain[--count];
    fits = place->key != NULL ? path_append_key(reader, place->key, place->length)
                              : path_append_index(reader, place->index);
  }
  return json_fail(reader, problem);
}

/* ---- values ---- */

/* The decoded string: the document's own bytes where it has no escapes, else in the scratch arena.
 */
static bool decode(struct copier *copier, const struct json_span *span, const char **text,
                   size_t *length)
{
  *text = span->text;
  *length = span->length;
  if (span->escaped)
    *text = json_decode_into(&copier->scratch, span, length);
  return *text != NULL || json_fail(copier->reader, JSON_NO_MEMORY);
}

/* The outermost key is the field's own name. */
static bool is_secret_key(const struct place *place)
{
  return place->above != NULL && place->key != NULL &&
         guard_key_is_secret(place->key, place->length);
}

static bool guard_string(struct copier *copier, const struct json_span *span,
                         const struct place *place)
{
  const char *text = NULL;
  size_t length = 0;
  size_t at = 0;
  size_t found = 0;

  if (span->length == 0)
    return true;
  if (place->secret || is_secret_key(place))
    return fail_at(copier, JSON_SECRET, place);
  if (!decode(copier, span, &text, &length))
    return false;
  if (guard_find(text, length, &at, &found))
    return fail_at(copier, JSON_SECRET, place);
  return true;
}

static bool copy_string(struct copier *copier, const struct place *place)
{
  struct json_span span = { NULL, 0, false };

  return json_scan_string(copier->reader, &span) &&
         (!copier->guard || guard_string(copier, &span, place));
}

static bool open_value(struct json_reader *reader)
{
  if (reader->depth >= JSON_DEPTH)
    return json_fail(reader, JSON_TOO_DEEP);
  reader->depth++;
  reader->at++;
  return true;
}

static bool close_value(struct json_reader *reader)
{
  reader->depth--;
  reader->at++;
  return true;
}

static bool copy_array(struct copier *copier, const struct place *above)
{
  struct json_reader *reader = copier->reader;
  struct place place = { above, NULL, 0, 0, false };

  if (!open_value(reader))
    return false;
  if (next_byte(copier) == ']')
    return close_value(reader);
  if (copier->guard)
    place.secret = above->secret || is_secret_key(above);
  for (;;) {
    char byte = '\0';

    if (!copy_value(copier, &place))
      return false;
    byte = next_byte(copier);
    if (byte == ']')
      return close_value(reader);
    if (byte != ',')
      return json_fail(reader, JSON_SYNTAX);
    reader->at++;
    place.index++;
  }
}

/* Reads a key and its colon, and notes the key among those of the object. */
static bool copy_key(struct copier *copier, struct place *place)
{
  struct json_reader *reader = copier->reader;
  struct json_span span = { NULL, 0, false };

  if (next_byte(copier) != '"')
    return json_fail(reader, JSON_SYNTAX);
  if (!json_scan_string(reader, &span) || !decode(copier, &span, &place->key, &place->length))
    return false;
  if (!json_keys_add(&copier->keys, place->key, place->length, NULL))
    return json_fail(reader, JSON_NO_MEMORY);
  if (next_byte(copier) != ':')
    return json_fail(reader, JSON_SYNTAX);
  reader->at++;
  return true;
}

static bool close_object(struct copier *copier, size_t first_key, struct place *place)
{
  const struct json_key *twice = json_keys_twice(&copier->keys, first_key);

  if (twice != NULL) {
    place->key = twice->text;
    place->length = twice->length;
    return fail_at(copier, JSON_DUPLICATE, place);
  }
  copier->keys.count = first_key;
  return close_value(copier->reader);
}

static bool copy_object(struct copier *copier, const struct place *above)
{
  struct json_reader *reader = copier->reader;
  struct place place = { above, NULL, 0, 0, false };
  size_t first_key = copier->keys.count;

  if (!open_value(reader))
    return false;
  if (next_byte(copier) == '}')
    return close_value(reader);
  for (;;) {
    char byte = '\0';

    if (!copy_key(copier, &place) || !copy_value(copier, &place))
      return false;
    byte = next_byte(copier);
    if (byte == '}')
      return close_object(copier, first_key, &place);
    if (byte != ',')
      return json_fail(reader, JSON_SYNTAX);
    reader->at++;
  }
}

static bool copy_value(struct copier *copier, const struct place *place)
{
  enum json_kind kind = json_kind_of(next_byte(copier));

  if (kind != JSON_STRING && place->above != NULL && place->above->above == NULL)
    copier->reader->only_text = false;
  switch (kind) {
  case JSON_OBJECT:
    return copy_object(copier, place);
  case JSON_ARRAY:
    return copy_array(copier, place);
  case JSON_STRING:
    return copy_string(copier, place);
  default:
    return json_scan_scalar(copier->reader, kind);
  }
}

/* Passes one value, and writes it to `out` where that is not NULL; the end of what was written. */
static bool pass_value(struct json_reader *reader, const char *name, char *out, char **out_end)
{
  struct place place = { NULL, name, strlen(name), 0, false };
  struct copier copier;
  bool passed = false;

  copier.reader = reader;
  copier.run = reader->at;
  copier.out = out;
  copier.guard = reader->guard && out != NULL;
  copier.scratch = (struct arena){ 0 };
  json_keys_init(&copier.keys);
  reader->only_text = true;
  passed = copy_value(&copier, &place);
  flush_run(&copier);
  *out_end = copier.out;
  json_keys_free(&copier.keys);
  arena_free(&copier.scratch);
  return passed;
}

char *json_copy(struct json_reader *reader, const char *name, size_t *length)
{
  char *copy = NULL;
  char *end = NULL;

  json_pass_space(reader);
  if (reader->problem != JSON_FINE)
    return NULL;
  copy = arena_alloc(reader->arena, (size_t)(reader->end - reader->at) + 1);
  if (copy == NULL) {
    json_fail(reader, JSON_NO_MEMORY);
    return NULL;
  }
  if (!pass_value(reader, name, copy, &end)) {
    arena_trim(reader->arena, copy);
    return NULL;
  }
  *end = '\0';
  arena_trim(reader->arena, end + 1);
  *length = (size_t)(end - copy);
  return copy;
}

bool json_skip(struct json_reader *reader)
{
  enum json_kind kind = json_peek(reader);
  char *end = NULL;

  if (kind != JSON_OBJECT && kind != JSON_ARRAY)
    return json_scan_scalar(reader, kind);
  return pass_value(reader, "", NULL, &end);
}
