/*
 * The hand-written reader's strings and nested values: checked and copied in one pass.
 */
#include "handwritten_json_text.h"

#include <stdint.h>

enum { DEPTH = 64 };

/* ---- strings ---- */

static bool follows(const unsigned char *at, size_t count)
{
  for (size_t i = 1; i <= count; i++)
    if ((at[i] & 0xc0) != 0x80)
      return false;
  return true;
}

/* Bytes of the UTF-8 character of several bytes at `at`; 0 where it is none. */
static size_t character(const unsigned char *at, size_t left)
{
  if (at[0] >= 0xc2 && at[0] <= 0xdf)
    return left >= 2 && follows(at, 1) ? 2 : 0;
  if (at[0] >= 0xe0 && at[0] <= 0xef) {
    if (left < 3 || !follows(at, 2) || (at[0] == 0xe0 && at[1] < 0xa0) ||
        (at[0] == 0xed && at[1] > 0x9f))
      return 0;
    return 3;
  }
  if (at[0] < 0xf0 || at[0] > 0xf4 || left < 4 || !follows(at, 3) ||
      (at[0] == 0xf0 && at[1] < 0x90) || (at[0] == 0xf4 && at[1] > 0x8f))
    return 0;
  return 4;
}

static bool hex4(struct input *in, unsigned *value)
{
  *value = 0;
  if (in->end - in->at < 4)
    return false;
  for (int i = 0; i < 4; i++, in->at++) {
    char digit = *in->at;

    if (digit >= '0' && digit <= '9')
      *value = *value << 4 | (unsigned)(digit - '0');
    else if ((digit | 32) >= 'a' && (digit | 32) <= 'f')
      *value = *value << 4 | (unsigned)((digit | 32) - 'a' + 10);
    else
      return false;
  }
  return true;
}

static void encode(struct input *in, unsigned value)
{
  if (value < 0x80) {
    *in->out++ = (char)value;
  } else if (value < 0x800) {
    *in->out++ = (char)(0xc0 | value >> 6);
    *in->out++ = (char)(0x80 | (value & 63));
  } else if (value < 0x10000) {
    *in->out++ = (char)(0xe0 | value >> 12);
    *in->out++ = (char)(0x80 | (value >> 6 & 63));
    *in->out++ = (char)(0x80 | (value & 63));
  } else {
    *in->out++ = (char)(0xf0 | value >> 18);
    *in->out++ = (char)(0x80 | (value >> 12 & 63));
    *in->out++ = (char)(0x80 | (value >> 6 & 63));
    *in->out++ = (char)(0x80 | (value & 63));
  }
}

/* What follows a backslash; with `keep` the escape stays as it was written. */
static bool escape(struct input *in, bool keep)
{
  static const char plain[] = "\"\\/bfnrt";
  static const char meant[] = "\"\\/\b\f\n\r\t";
  const char *start = in->at - 1;
  const char *found = in->at < in->end && *in->at != '\0' ? strchr(plain, *in->at) : NULL;
  unsigned value = 0;
  unsigned low = 0;

  if (in->at == in->end)
    return false;
  if (found != NULL) {
    value = (unsigned char)meant[found - plain];
    in->at++;
  } else if (*in->at++ != 'u' || !hex4(in, &value) || value == 0 ||
             (value >= 0xdc00 && value <= 0xdfff)) {
    return false;
  } else if (value >= 0xd800 && value <= 0xdbff) {
    if (!input_word(in, "\\u", 2) || !hex4(in, &low) || low < 0xdc00 || low > 0xdfff)
      return false;
    value = 0x10000 + ((value - 0xd800) << 10) + (low - 0xdc00);
  }
  if (keep) {
    memcpy(in->out, start, (size_t)(in->at - start));
    in->out += in->at - start;
  } else {
    encode(in, value);
  }
  return true;
}

/* Bytes from `at` on that stand for themselves in a string and are ASCII: eight at a time. */
static size_t plain_run(const char *at, const char *end)
{
  const uint64_t ones = UINT64_C(0x0101010101010101);
  const uint64_t tops = UINT64_C(0x8080808080808080);
  const char *start = at;
  uint64_t eight = 0;

  for (; end - at >= 8; at += 8) {
    memcpy(&eight, at, sizeof(eight));
    uint64_t quote = eight ^ ones * '"';
    uint64_t slash = eight ^ ones * '\\';

    if ((((quote - ones) | (slash - ones) | (eight - ones * 0x20) | eight) & tops) != 0)
      break;
  }
  while (at < end && *at != '"' && *at != '\\' && (unsigned char)*at >= 0x20 &&
         (unsigned char)*at < 0x80)
    at++;
  return (size_t)(at - start);
}

bool input_string(struct input *in, bool keep)
{
  for (;;) {
    size_t run = plain_run(in->at, in->end);

    memcpy(in->out, in->at, run);
    in->out += run;
    in->at += run;
    if (in->at == in->end)
      return false;
    if (*in->at == '"') {
      in->at++;
      return true;
    }
    if (*in->at == '\\') {
      in->at++;
      if (!escape(in, keep))
        return false;
      continue;
    }
    run = character((const unsigned char *)in->at, (size_t)(in->end - in->at));
    if (run == 0)
      return false;
    memcpy(in->out, in->at, run);
    in->out += run;
    in->at += run;
  }
}

/* ---- nested JSON, copied without white space ---- */

static bool digits(struct input *in)
{
  const char *start = in->at;

  while (in->at < in->end && *in->at >= '0' && *in->at <= '9')
    in->at++;
  return in->at > start;
}

static bool number(struct input *in)
{
  if (in->at < in->end && *in->at == '-')
    in->at++;
  if (in->at < in->end && *in->at == '0')
    in->at++;
  else if (!digits(in))
    return false;
  if (in->at < in->end && *in->at == '.' && (in->at++, !digits(in)))
    return false;
  if (in->at < in->end && (*in->at | 32) == 'e') {
    in->at++;
    if (in->at < in->end && (*in->at == '+' || *in->at == '-'))
      in->at++;
    return digits(in);
  }
  return true;
}

static bool scalar(struct input *in)
{
  const char *start = in->at;
  bool good = false;

  if (*in->at == '"') {
    in->at++;
    *in->out++ = '"';
    good = input_string(in, true);
    *in->out++ = '"';
    return good;
  }
  good = input_word(in, "true", 4) || input_word(in, "false", 5) || input_word(in, "null", 4) ||
         number(in);
  memcpy(in->out, start, (size_t)(in->at - start));
  in->out += in->at - start;
  return good;
}

static bool key_of_member(struct input *in, size_t first)
{
  struct nested_key key = { .text = in->out + 1 };

  if (!input_token(in, '"'))
    return false;
  *in->out++ = '"';
  if (!input_string(in, true))
    return false;
  key.length = (size_t)(in->out - key.text);
  *in->out++ = '"';
  for (size_t i = first; i < in->key_count; i++)
    if (in->keys[i].length == key.length && memcmp(in->keys[i].text, key.text, key.length) == 0)
      return false;
  if (in->key_count == KEYS || !input_token(in, ':'))
    return false;
  in->keys[in->key_count++] = key;
  *in->out++ = ':';
  return true;
}

static bool nest(struct input *in, char open, char close)
{
  size_t first = in->key_count;

  if (++in->depth > DEPTH)
    return false;
  in->at++;
  *in->out++ = open;
  if (!input_token(in, close)) {
    do {
      if ((open == '{' && !key_of_member(in, first)) || !input_value(in))
        return false;
      *in->out++ = ',';
    } while (input_token(in, ','));
    in->out--;
    if (!input_token(in, close))
      return false;
  }
  *in->out++ = close;
  in->depth--;
  in->key_count = first;
  return true;
}

bool input_value(struct input *in)
{
  input_spaces(in);
  if (in->at == in->end)
    return false;
  if (*in->at == '{')
    return nest(in, '{', '}');
  if (*in->at == '[')
    return nest(in, '[', ']');
  return scalar(in);
}
