/*
 * The tokens of JSON (RFC 8259, sections 2, 3, 6 and 7). Strings go eight bytes at a time until a
 * quote, a backslash or a control character. What tokens make together is json_reader.c's concern.
 */
#include "record/json_scan.h"

#include "base/bytes.h"
#include "base/utf8.h"

#include <string.h>

#define EACH_BYTE(byte) (UINT64_C(0x0101010101010101) * (byte))

enum { WORD = sizeof(uint64_t) };
enum { UNICODE_ESCAPE = 6 }; /* bytes of \uXXXX */

const uint8_t json_kinds[256] = {
  ['{'] = JSON_OBJECT, ['['] = JSON_ARRAY,  ['"'] = JSON_STRING, ['-'] = JSON_NUMBER,
  ['0'] = JSON_NUMBER, ['1'] = JSON_NUMBER, ['2'] = JSON_NUMBER, ['3'] = JSON_NUMBER,
  ['4'] = JSON_NUMBER, ['5'] = JSON_NUMBER, ['6'] = JSON_NUMBER, ['7'] = JSON_NUMBER,
  ['8'] = JSON_NUMBER, ['9'] = JSON_NUMBER, ['t'] = JSON_TRUE,   ['f'] = JSON_FALSE,
  ['n'] = JSON_NULL,
};

/* What the character behind a backslash stands for; 0 where it may not stand there, or is `u`. */
static const char escapes[256] = {
  ['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
  ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t',
};

bool json_fail(struct json_reader *reader, enum json_problem problem)
{
  if (reader->problem == JSON_FINE)
    reader->problem = problem;
  return false;
}

/* The high bit of each byte that is a quote, a backslash or a control character: flipping 0x02 puts
 * the quote right above the control characters and nothing else among them. A borrow may mark bytes
 * above a true one, so only the lowest mark counts. */
static uint64_t word_stops(uint64_t word)
{
  uint64_t low = (word ^ EACH_BYTE(0x02)) - EACH_BYTE(0x21);
  uint64_t backslash = (word ^ EACH_BYTE(0x5c)) - EACH_BYTE(0x01);

  return (low | backslash) & ~word & EACH_BYTE(0x80);
}

static bool byte_stops(char byte)
{
  return byte == '"' || byte == '\\' || (unsigned char)byte < 0x20;
}

/* Passes bytes up to one that stops a run; `high` gets the high bit of some byte where one of them
 * is not ASCII. */
static inline const char *pass_run(const char *at, const char *end, uint64_t *high)
{
  while (end - at >= WORD) {
    uint64_t word = bytes_load(at);
    uint64_t stops = word_stops(word);

    if (stops != 0) {
      *high |= word & ((stops & (0 - stops)) - 1);
      return at + __builtin_ctzll(stops) / 8;
    }
    *high |= word;
    at += WORD;
  }
  while (at < end && !byte_stops(*at))
    *high |= (unsigned char)*at++;
  return at;
}

static bool is_digit(char byte)
{
  return byte >= '0' && byte <= '9';
}

static bool hex_digit(char byte, uint32_t *value)
{
  char lower = (char)(byte | 0x20);

  if (is_digit(byte))
    *value = (uint32_t)(byte - '0');
  else if (lower >= 'a' && lower <= 'f')
    *value = (uint32_t)(lower - 'a' + 10);
  else
    return false;
  return true;
}

/* Reads the UTF-16 unit of \uXXXX. */
static bool unicode_escape(const char *at, const char *end, uint32_t *unit)
{
  uint32_t value = 0;

  if (end - at < UNICODE_ESCAPE || at[0] != '\\' || at[1] != 'u')
    return false;
  for (size_t i = 2; i < UNICODE_ESCAPE; i++) {
    uint32_t digit = 0;

    if (!hex_digit(at[i], &digit))
      return false;
    value = value << 4 | digit;
  }
  *unit = value;
  return true;
}

static bool is_high_surrogate(uint32_t unit)
{
  return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_surrogate(uint32_t unit)
{
  return unit >= 0xdc00 && unit <= 0xdfff;
}

/* Passes the escape at `at`, a pair of surrogates whole. */
static enum json_problem pass_escape(const char **at, const char *end)
{
  uint32_t unit = 0;
  uint32_t low = 0;

  if (end - *at >= 2 && escapes[(unsigned char)(*at)[1]] != 0) {
    *at += 2;
    return JSON_FINE;
  }
  if (!unicode_escape(*at, end, &unit))
    return JSON_SYNTAX;
  if (unit == 0 || is_low_surrogate(unit))
    return JSON_ESCAPE;
  if (is_high_surrogate(unit)) {
    if (!unicode_escape(*at + UNICODE_ESCAPE, end, &low) || !is_low_surrogate(low))
      return JSON_ESCAPE;
    *at += UNICODE_ESCAPE;
  }
  *at += UNICODE_ESCAPE;
  return JSON_FINE;
}

/* The rest of a string that holds more than plain ASCII, or does not end well: `at` is where its
 * first run stopped. */
static bool scan_rest(struct json_reader *reader, struct json_span *span, const char *at,
                      uint64_t high)
{
  const char *text = reader->at + 1;
  bool escaped = false;

  while (at == reader->end || *at != '"') {
    enum json_problem problem = JSON_SYNTAX;

    if (at < reader->end && *at == '\\')
      problem = pass_escape(&at, reader->end);
    if (problem != JSON_FINE) {
      reader->at = at;
      return json_fail(reader, problem);
    }
    escaped = true;
    at = pass_run(at, reader->end, &high);
  }
  if ((high & EACH_BYTE(0x80)) != 0 && utf8_classify(text, (size_t)(at - text)) == UTF8_BAD)
    return json_fail(reader, JSON_UTF8);
  *span = (struct json_span){ text, (size_t)(at - text), escaped };
  reader->at = at + 1;
  return true;
}

bool json_scan_string(struct json_reader *reader, struct json_span *span)
{
  const char *text = reader->at + 1;
  uint64_t high = 0;
  const char *at = pass_run(text, reader->end, &high);

  if (at == reader->end || *at != '"' || (high & EACH_BYTE(0x80)) != 0)
    return scan_rest(reader, span, at, high);
  *span = (struct json_span){ text, (size_t)(at - text), false };
  reader->at = at + 1;
  return true;
}

static const char *pass_digits(const char *at, const char *end)
{
  while (at < end && is_digit(*at))
    at++;
  return at;
}

/* Passes digits of which there must be one; NULL where there is none. */
static const char *need_digits(const char *at, const char *end)
{
  return at < end && is_digit(*at) ? pass_digits(at, end) : NULL;
}

static const char *pass_fraction(const char *at, const char *end)
{
  return at < end && *at == '.' ? need_digits(at + 1, end) : at;
}

static const char *pass_exponent(const char *at, const char *end)
{
  if (at == end || (*at | 0x20) != 'e')
    return at;
  at++;
  if (at < end && (*at == '+' || *at == '-'))
    at++;
  return need_digits(at, end);
}

bool json_scan_number(struct json_reader *reader, bool *whole)
{
  const char *end = reader->end;
  const char *at = reader->at + (*reader->at == '-');
  const char *digits_end = NULL;

  if (at < end && *at == '0')
    digits_end = at + 1;
  else
    digits_end = need_digits(at, end);
  at = digits_end != NULL ? pass_fraction(digits_end, end) : NULL;
  at = at != NULL ? pass_exponent(at, end) : NULL;
  if (at == NULL)
    return json_fail(reader, JSON_SYNTAX);
  *whole = at == digits_end;
  reader->at = at;
  return true;
}

/* Four bytes are one comparison, so the last one of `false` is looked at alone. */
bool json_scan_literal(struct json_reader *reader, enum json_kind kind)
{
  const char *start = kind == JSON_TRUE ? "true" : kind == JSON_FALSE ? "fals" : "null";
  size_t length = kind == JSON_FALSE ? 5 : 4;

  if ((size_t)(reader->end - reader->at) < length || memcmp(reader->at, start, 4) != 0 ||
      (length == 5 && reader->at[4] != 'e'))
    return json_fail(reader, JSON_SYNTAX);
  reader->at += length;
  return true;
}

bool json_scan_scalar(struct json_reader *reader, enum json_kind kind)
{
  struct json_span span = { NULL, 0, false };
  bool whole = false;

  switch (kind) {
  case JSON_STRING:
    return json_scan_string(reader, &span);
  case JSON_NUMBER:
    return json_scan_number(reader, &whole);
  case JSON_TRUE:
  case JSON_FALSE:
  case JSON_NULL:
    return json_scan_literal(reader, kind);
  default:
    return json_fail(reader, JSON_SYNTAX);
  }
}

/* Decodes the escape at `*at`, which json_scan_string() has checked. */
static char *decode_escape(const char **at, const char *end, char *out)
{
  uint32_t unit = 0;
  uint32_t low = 0;

  if (!unicode_escape(*at, end, &unit)) {
    *out = escapes[(unsigned char)(*at)[1]];
    *at += 2;
    return out + 1;
  }
  *at += UNICODE_ESCAPE;
  if (is_high_surrogate(unit) && unicode_escape(*at, end, &low)) {
    unit = 0x10000 + ((unit - 0xd800) << 10) + (low - 0xdc00);
    *at += UNICODE_ESCAPE;
  }
  return out + utf8_encode(unit, out);
}

size_t json_decode(const struct json_span *span, char *out)
{
  const char *at = span->text;
  const char *end = at + span->length;
  char *start = out;

  while (at < end) {
    const char *backslash = memchr(at, '\\', (size_t)(end - at));
    size_t run = (size_t)((backslash != NULL ? backslash : end) - at);

    memcpy(out, at, run);
    out += run;
    at += run;
    if (backslash != NULL)
      out = decode_escape(&at, end, out);
  }
  return (size_t)(out - start);
}

char *json_decode_into(struct arena *arena, const struct json_span *span, size_t *length)
{
  char *text = NULL;

  if (!span->escaped) {
    *length = span->length;
    return arena_copy(arena, span->text, span->length);
  }
  text = arena_alloc(arena, span->length + 1);
  if (text == NULL)
    return NULL;
  *length = json_decode(span, text);
  text[*length] = '\0';
  arena_trim(arena, text + *length + 1);
  return text;
}
