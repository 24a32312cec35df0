/*
 * Text scrubbed of secrets: what guard.c finds by its shape, and values behind a secret's name in
 * prose, such as `password=x`, `"token": "x"`, `API key: x`.
 */
#include "record/guard.h"

#include "base/utf8.h"
#include "record/guard_text.h"

#include <string.h>

/* ---- pairs of a key and a value ---- */

static const char mark[] = "[redacted]";
enum { MARK_LENGTH = sizeof(mark) - 1 };

static bool is_blank(char byte)
{
  return byte == ' ' || byte == '\t';
}

static bool is_key_byte(char byte)
{
  return (guard_kinds[(unsigned char)byte] & TOKEN) != 0 || byte == '.';
}

/* Whether a key word ends at `at`; blanks, a quote, a bracket and backslashes may stand between. */
static bool is_behind_key(const char *text, const char *at)
{
  enum { SOME = 4 };
  const char *least = at - text > SOME ? at - SOME : text;
  const char *end = NULL;
  const char *word = NULL;

  while (at > least && (is_blank(at[-1]) || strchr("\"'`]\\", at[-1]) != NULL))
    at--;
  end = at;
  least = end - text > KEY_TAIL ? end - KEY_TAIL : text;
  while (at > least && is_key_byte(at[-1]))
    at--;
  word = at;
  while (at > least && (is_key_byte(at[-1]) || at[-1] == ' '))
    at--;
  return guard_key_is_secret(word, (size_t)(end - word)) ||
         guard_key_is_secret(at, (size_t)(end - at));
}

/* Passes `word` and the blanks behind it, in any case. */
static const char *pass_scheme(const char *at, const char *end, const char *word, size_t length)
{
  size_t i = 0;

  while (i < length && (size_t)(end - at) > i && guard_fold(at[i]) == word[i])
    i++;
  if (i < length || (size_t)(end - at) == length || !is_blank(at[length]))
    return at;
  for (at += length; at < end && is_blank(*at);)
    at++;
  return at;
}

/* Where the value behind a separator starts. */
static const char *value_start(const char *at, const char *end)
{
  static const char *const schemes[] = { "bearer", "basic", "token", "ssws" };

  while (at < end && (*at == '=' || *at == '>'))
    at++;
  while (at < end && is_blank(*at))
    at++;
  for (size_t i = 0; i < sizeof(schemes) / sizeof(schemes[0]); i++)
    at = pass_scheme(at, end, schemes[i], strlen(schemes[i]));
  return at;
}

/* The value in quotes: it ends at the same quote behind as many backslashes, or with the line. */
static struct guard_span quoted_value(const char *at, const char *end, const char *quote)
{
  size_t backslashes = (size_t)(quote - at);
  struct guard_span span = { quote + 1, quote + 1 };
  size_t run = 0;

  for (; span.end < end && *span.end != '\n'; span.end++) {
    if (*span.end == *quote && run == backslashes) {
      span.end -= run;
      return span;
    }
    run = *span.end == '\\' ? run + 1 : 0;
  }
  return span;
}

/* What closes a sentence or a bracket is not of the value; commas, semicolons and ampersands part
 * pairs. */
static struct guard_span plain_value(const char *at, const char *end)
{
  struct guard_span span = { at, at };

  while (span.end < end && (unsigned char)*span.end > ' ' && strchr(",;&", *span.end) == NULL)
    span.end++;
  while (span.end > at && strchr(")]}>.:!?\"'`\\", span.end[-1]) != NULL)
    span.end--;
  return span;
}

static struct guard_span value_at(const char *at, const char *end)
{
  enum { SOME = 4 };
  const char *quote = at;

  while (quote < end && quote - at < SOME && *quote == '\\')
    quote++;
  if (quote < end && (*quote == '"' || *quote == '\'' || *quote == '`'))
    return quoted_value(at, end, quote);
  return plain_value(at, end);
}

/* Whether a header of cookies ends at `at`: all its line is one value. */
static bool is_behind_cookie(const char *text, const char *at)
{
  static const char word[] = "cookie";
  size_t left = sizeof(word) - 1;

  while (left > 0 && at > text && guard_fold(at[-1]) == word[left - 1]) {
    at--;
    left--;
  }
  return left == 0;
}

static struct guard_span line_value(const char *at, const char *end)
{
  const char *line_end = memchr(at, '\n', (size_t)(end - at));

  return (struct guard_span){ at, line_end != NULL ? line_end : end };
}

static bool is_redacted(struct guard_span span)
{
  size_t length = (size_t)(span.end - span.start);

  return length <= MARK_LENGTH && length + 1 >= MARK_LENGTH &&
         memcmp(span.start, mark, length) == 0;
}

/* The value of the first pair in the text; an empty span at the end where there is none. Paths such
 * as `Token::parse` and schemes such as `secret://` are no pairs. */
static struct guard_span next_pair(const char *text, const char *end)
{
  for (const char *at = text; at < end; at++) {
    bool colon = *at == ':';
    const char *start = NULL;
    struct guard_span span = { NULL, NULL };

    if ((!colon && *at != '=') || !is_behind_key(text, at))
      continue;
    if (colon && end - at > 2 && (at[1] == ':' || (at[1] == '/' && at[2] == '/')))
      continue;
    start = value_start(at + 1, end);
    span = colon && is_behind_cookie(text, at) ? line_value(start, end) : value_at(start, end);
    if (span.start < span.end && !is_redacted(span))
      return span;
  }
  return (struct guard_span){ end, end };
}

/* ---- scrubbing ---- */

struct scrub {
  char *out;
  size_t used;
  size_t limit;
};

/* Copies text, as much of it as fits; false where not all did. */
static bool keep(struct scrub *scrub, const char *from, const char *to)
{
  size_t length = (size_t)(to - from);
  size_t fits = utf8_cut(from, length, scrub->limit - scrub->used);

  memcpy(scrub->out + scrub->used, from, fits);
  scrub->used += fits;
  return fits == length;
}

static bool redact(struct scrub *scrub)
{
  if (scrub->limit - scrub->used < MARK_LENGTH)
    return false;
  memcpy(scrub->out + scrub->used, mark, MARK_LENGTH);
  scrub->used += MARK_LENGTH;
  return true;
}

/* Every byte is passed once by each kind of find, so that the time is linear. */
static void scrub_text(struct scrub *scrub, const char *text, const char *end)
{
  struct guard_span shape = guard_next_shape(text, end);
  struct guard_span pair = next_pair(text, end);

  while (text < end) {
    struct guard_span span = pair.start <= shape.start ? pair : shape;

    if (!keep(scrub, text, span.start) || span.start == end || !redact(scrub))
      return;
    text = span.end;
    while (shape.start < text) { /* one that starts inside may end behind */
      if (shape.end > text)
        text = shape.end;
      shape = guard_next_shape(shape.end, end);
    }
    if (pair.start < text)
      pair = next_pair(text, end);
  }
}

char *guard_scrub(struct arena *arena, const char *text, size_t length, size_t limit)
{
  struct scrub scrub = { NULL, 0, limit };

  if (length < limit / MARK_LENGTH) /* one byte grows to a mark at worst */
    scrub.limit = length * MARK_LENGTH;
  if (scrub.limit == SIZE_MAX)
    return NULL;
  scrub.out = arena_alloc(arena, scrub.limit + 1);
  if (scrub.out == NULL)
    return NULL;
  scrub_text(&scrub, text, text + length);
  scrub.out[scrub.used] = '\0';
  arena_trim(arena, scrub.out + scrub.used + 1);
  return scrub.out;
}
