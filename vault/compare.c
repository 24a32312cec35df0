/*
 * Whether two JSON objects of values say the same, however their texts are written. Go's encoder
 * sorts names and escapes `<`, `>` and `&`, so that texts can't be compared as they are.
 */
#include "compare.h"

/* A string's bytes, one after the other, its escapes resolved. */
struct letters {
  const char *at;
  const char *end;
  unsigned char ready[4]; /* of the last escape, in UTF-8 */
  int next;
  int count;
};

static unsigned hex_of(const char *digits)
{
  unsigned value = 0;

  for (int i = 0; i < 4; i++) {
    unsigned char digit = (unsigned char)digits[i];

    value = value * 16 + (digit <= '9' ? digit - (unsigned)'0' : (digit | 0x20u) - 'a' + 10u);
  }
  return value;
}

/* The code point behind `\u`; a half of a pair that stands alone stays what it is. */
static unsigned long take_unit(struct letters *letters)
{
  unsigned long code = hex_of(letters->at);

  letters->at += 4;
  if (code >= 0xd800 && code < 0xdc00 && letters->end - letters->at >= 6 &&
      letters->at[0] == '\\' && letters->at[1] == 'u') {
    unsigned long low = hex_of(letters->at + 2);

    if (low >= 0xdc00 && low < 0xe000) {
      letters->at += 6;
      code = 0x10000 + ((code - 0xd800) << 10) + (low - 0xdc00);
    }
  }
  return code;
}

static void ready_code(struct letters *letters, unsigned long code)
{
  static const unsigned char first[] = { 0, 0, 0xc0, 0xe0, 0xf0 };
  unsigned char *out = letters->ready;

  letters->next = 0;
  letters->count = code < 0x80 ? 1 : code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
  if (letters->count == 1) {
    out[0] = (unsigned char)code;
    return;
  }
  for (int i = letters->count - 1; i > 0; i--, code >>= 6)
    out[i] = (unsigned char)(0x80 | (code & 0x3f));
  out[0] = (unsigned char)(first[letters->count] | code);
}

static void take_escape(struct letters *letters)
{
  static const char from[] = "bfnrt";
  static const char to[] = "\b\f\n\r\t";
  char kind = *letters->at++;

  if (kind == 'u') {
    ready_code(letters, take_unit(letters));
    return;
  }
  for (int i = 0; from[i] != '\0'; i++)
    if (kind == from[i])
      kind = to[i];
  ready_code(letters, (unsigned char)kind);
}

/* -1 at the end. */
static int next_letter(struct letters *letters)
{
  if (letters->next < letters->count)
    return letters->ready[letters->next++];
  if (letters->at == letters->end)
    return -1;
  if (*letters->at != '\\')
    return (unsigned char)*letters->at++;
  letters->at++;
  take_escape(letters);
  return letters->ready[letters->next++];
}

static struct letters letters_of(struct span string)
{
  struct span inside = json_inside(string);

  return (struct letters){ .at = inside.start, .end = inside.start + inside.length };
}

/* Goes on to the end of the longer one, whatever differs. */
static bool strings_equal(struct span a, struct span b)
{
  struct letters left = letters_of(a);
  struct letters right = letters_of(b);
  int difference = 0;
  int x = 0;
  int y = 0;

  do {
    x = next_letter(&left);
    y = next_letter(&right);
    difference |= x ^ y;
  } while (x != -1 || y != -1);
  return difference == 0;
}

static bool texts_equal(struct span a, struct span b)
{
  unsigned difference = 0;

  if (a.length != b.length)
    return false;
  for (size_t i = 0; i < a.length; i++)
    difference |= (unsigned)(a.start[i] ^ b.start[i]);
  return difference == 0;
}

static bool values_equal(struct span a, struct span b);

static bool arrays_equal(struct span a, struct span b)
{
  size_t left = 0;
  size_t right = 0;
  struct span x = { NULL, 0 };
  struct span y = { NULL, 0 };
  bool equal = true;

  for (;;) {
    bool more = json_next_item(a, &left, &x);

    if (json_next_item(b, &right, &y) != more)
      return false;
    if (!more)
      return equal;
    equal = values_equal(x, y) && equal;
  }
}

/* Nested no deeper than json_read() allows. */
static bool values_equal(struct span a, struct span b)
{
  if (json_is_string(a) && json_is_string(b))
    return strings_equal(a, b);
  if (json_is_object(a) && json_is_object(b))
    return compare_objects(a, b);
  if (json_is_array(a) && json_is_array(b))
    return arrays_equal(a, b);
  return texts_equal(a, b);
}

static bool find(struct span object, struct span wanted, struct span *value)
{
  size_t offset = 0;
  struct span name = { NULL, 0 };

  while (json_next_member(object, &offset, &name, value))
    if (strings_equal(name, wanted))
      return true;
  return false;
}

static size_t count(struct span object)
{
  size_t offset = 0;
  size_t members = 0;
  struct span name = { NULL, 0 };
  struct span value = { NULL, 0 };

  while (json_next_member(object, &offset, &name, &value))
    members++;
  return members;
}

bool compare_objects(struct span a, struct span b)
{
  size_t offset = 0;
  bool equal = json_is_object(a) && json_is_object(b) && count(a) == count(b);
  struct span name = { NULL, 0 };
  struct span mine = { NULL, 0 };
  struct span other = { NULL, 0 };

  if (!equal)
    return false;
  while (json_next_member(a, &offset, &name, &mine)) {
    bool same = find(b, name, &other) && values_equal(mine, other);

    equal = equal && same;
  }
  return equal;
}
