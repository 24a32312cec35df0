/*
 * A strict reader of JSON that copies nothing.
 */
#include "json.h"

#include <string.h>

enum { DEPTH = 64 };

struct cursor {
  const char *at;
  const char *end;
};

/* ---- checking ---- */

static void skip_spaces(struct cursor *cursor)
{
  while (cursor->at < cursor->end &&
         (*cursor->at == ' ' || *cursor->at == '\t' || *cursor->at == '\n' || *cursor->at == '\r'))
    cursor->at++;
}

static bool take(struct cursor *cursor, char byte)
{
  if (cursor->at == cursor->end || *cursor->at != byte)
    return false;
  cursor->at++;
  return true;
}

static bool take_word(struct cursor *cursor, const char *word)
{
  size_t length = strlen(word);

  if ((size_t)(cursor->end - cursor->at) < length || memcmp(cursor->at, word, length) != 0)
    return false;
  cursor->at += length;
  return true;
}

static bool is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

static bool take_digits(struct cursor *cursor)
{
  const char *start = cursor->at;

  while (cursor->at < cursor->end && is_digit(*cursor->at))
    cursor->at++;
  return cursor->at > start;
}

static bool take_number(struct cursor *cursor)
{
  (void)take(cursor, '-');
  if (!take(cursor, '0') && !take_digits(cursor))
    return false;
  if (take(cursor, '.') && !take_digits(cursor))
    return false;
  if (!take(cursor, 'e') && !take(cursor, 'E'))
    return true;
  if (!take(cursor, '+'))
    (void)take(cursor, '-');
  return take_digits(cursor);
}

static bool is_hex(char byte)
{
  return is_digit(byte) || (byte >= 'a' && byte <= 'f') || (byte >= 'A' && byte <= 'F');
}

static bool take_escape(struct cursor *cursor)
{
  if (cursor->at == cursor->end)
    return false;
  if (*cursor->at != 'u')
    return strchr("\"\\/bfnrt", *cursor->at++) != NULL && cursor->at[-1] != '\0';
  cursor->at++;
  for (int i = 0; i < 4; i++, cursor->at++)
    if (cursor->at == cursor->end || !is_hex(*cursor->at))
      return false;
  return true;
}

static bool take_string(struct cursor *cursor)
{
  if (!take(cursor, '"'))
    return false;
  while (cursor->at < cursor->end) {
    unsigned char byte = (unsigned char)*cursor->at++;

    if (byte == '"')
      return true;
    if (byte < 0x20 || (byte == '\\' && !take_escape(cursor)))
      return false;
  }
  return false;
}

static bool take_value(struct cursor *cursor, int depth);

static bool take_member(struct cursor *cursor, int depth)
{
  skip_spaces(cursor);
  if (!take_string(cursor))
    return false;
  skip_spaces(cursor);
  return take(cursor, ':') && take_value(cursor, depth);
}

static bool take_list(struct cursor *cursor, char close, int depth,
                      bool (*take_one)(struct cursor *, int))
{
  skip_spaces(cursor);
  if (take(cursor, close))
    return true;
  do {
    if (!take_one(cursor, depth))
      return false;
    skip_spaces(cursor);
  } while (take(cursor, ','));
  return take(cursor, close);
}

static bool take_value(struct cursor *cursor, int depth)
{
  if (depth == 0)
    return false;
  skip_spaces(cursor);
  if (cursor->at == cursor->end)
    return false;
  switch (*cursor->at) {
  case '{':
    cursor->at++;
    return take_list(cursor, '}', depth - 1, take_member);
  case '[':
    cursor->at++;
    return take_list(cursor, ']', depth - 1, take_value);
  case '"':
    return take_string(cursor);
  case 't':
    return take_word(cursor, "true");
  case 'f':
    return take_word(cursor, "false");
  case 'n':
    return take_word(cursor, "null");
  default:
    return take_number(cursor);
  }
}

bool json_read(const char *text, size_t length, struct span *value)
{
  struct cursor cursor = { text, text + length };
  const char *start = NULL;

  if (text == NULL)
    return false;
  skip_spaces(&cursor);
  start = cursor.at;
  if (!take_value(&cursor, DEPTH))
    return false;
  *value = (struct span){ start, (size_t)(cursor.at - start) };
  skip_spaces(&cursor);
  return cursor.at == cursor.end;
}

/* ---- walking: the text was checked, so what stands here is known ---- */

static struct span next_value(struct cursor *cursor)
{
  const char *start = NULL;

  skip_spaces(cursor);
  start = cursor->at;
  (void)take_value(cursor, DEPTH);
  return (struct span){ start, (size_t)(cursor->at - start) };
}

/* Stands before the next member or item; false where there is none. */
static bool enter(struct span list, size_t *offset, struct cursor *cursor)
{
  *cursor = (struct cursor){ list.start + *offset, list.start + list.length };
  if (*offset == 0)
    cursor->at++;
  skip_spaces(cursor);
  (void)take(cursor, ',');
  skip_spaces(cursor);
  return cursor->end - cursor->at > 1;
}

bool json_next_member(struct span object, size_t *offset, struct span *name, struct span *value)
{
  struct cursor cursor;

  if (!json_is_object(object) || !enter(object, offset, &cursor))
    return false;
  *name = next_value(&cursor);
  skip_spaces(&cursor);
  (void)take(&cursor, ':');
  *value = next_value(&cursor);
  *offset = (size_t)(cursor.at - object.start);
  return true;
}

bool json_next_item(struct span array, size_t *offset, struct span *value)
{
  struct cursor cursor;

  if (!json_is_array(array) || !enter(array, offset, &cursor))
    return false;
  *value = next_value(&cursor);
  *offset = (size_t)(cursor.at - array.start);
  return true;
}

struct span json_member(struct span object, const char *name)
{
  size_t length = strlen(name);
  size_t offset = 0;
  struct span found = { NULL, 0 };
  struct span value = { NULL, 0 };

  while (json_next_member(object, &offset, &found, &value))
    if (found.length == length + 2 && memcmp(found.start + 1, name, length) == 0)
      return value;
  return (struct span){ NULL, 0 };
}

/* ---- single values ---- */

bool json_is_object(struct span value)
{
  return value.length > 0 && *value.start == '{';
}

bool json_is_array(struct span value)
{
  return value.length > 0 && *value.start == '[';
}

bool json_is_string(struct span value)
{
  return value.length > 0 && *value.start == '"';
}

bool json_is_null(struct span value)
{
  return value.length > 0 && *value.start == 'n';
}

bool json_is_true(struct span value)
{
  return value.length > 0 && *value.start == 't';
}

bool json_count(struct span value, int64_t *number)
{
  int64_t sum = 0;

  if (value.length == 0)
    return false;
  for (size_t i = 0; i < value.length; i++) {
    if (!is_digit(value.start[i]) || sum > (INT64_MAX - 9) / 10)
      return false;
    sum = sum * 10 + (value.start[i] - '0');
  }
  *number = sum;
  return true;
}

struct span json_inside(struct span string)
{
  if (!json_is_string(string))
    return (struct span){ NULL, 0 };
  return (struct span){ string.start + 1, string.length - 2 };
}

bool json_contains(struct span string, const char *part)
{
  struct span inside = json_inside(string);
  size_t length = strlen(part);

  for (size_t i = 0; i + length <= inside.length; i++)
    if (memcmp(inside.start + i, part, length) == 0)
      return true;
  return false;
}
