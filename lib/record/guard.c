/*
 * The secret guard: tables of key words and of the shapes of values. Text is scrubbed by both in
 * guard_scrub.c; which fields are guarded and what a find leads to is settled by others.
 */
#include "record/guard.h"

#include "record/guard_text.h"

#include <string.h>

#define COUNT(table) (sizeof(table) / sizeof((table)[0]))

#define LETTER (WORD | TOKEN | PATH | BEARER)
#define CAPITAL (LETTER | UPPER)
#define NUMERAL (CAPITAL | DIGIT)
#define FIVE(first, kind)                                                                          \
  [first] = kind, [(first) + 1] = kind, [(first) + 2] = kind, [(first) + 3] = kind,                \
  [(first) + 4] = kind

const uint8_t guard_kinds[256] = {
  FIVE('0', NUMERAL),    FIVE('5', NUMERAL), FIVE('A', CAPITAL),     FIVE('F', CAPITAL),
  FIVE('K', CAPITAL),    FIVE('P', CAPITAL), FIVE('U', CAPITAL),     ['Z'] = CAPITAL,
  FIVE('a', LETTER),     FIVE('f', LETTER),  FIVE('k', LETTER),      FIVE('p', LETTER),
  FIVE('u', LETTER),     ['z'] = LETTER,     ['-'] = TOKEN | BEARER, ['_'] = TOKEN | BEARER,
  ['/'] = PATH | BEARER, ['.'] = BEARER,     ['~'] = BEARER,         ['+'] = BEARER,
  ['='] = BEARER,
};

/* ---- keys ---- */

struct word {
  char text[24];
  uint8_t length;
  bool whole; /* names a secret only as the whole key */
};

#define ENDING(text)                                                                               \
  {                                                                                                \
    text, sizeof(text) - 1, false                                                                  \
  }
#define WHOLE(text)                                                                                \
  {                                                                                                \
    text, sizeof(text) - 1, true                                                                   \
  }

/* Where a name has two uses, the one that is a secret counts: AppRole's `secret_id`, a connection
 * string (most hold a password), an `access_key` without `_id`. */
/* By their last letter, each list ended by an empty word. */
static const struct word words_d[] = {
  ENDING("password"), ENDING("passwd"),       ENDING("pwd"),
  WHOLE("secretid"),  ENDING("rolesecretid"), { .length = 0 }
};
static const struct word words_e[] = {
  ENDING("passphrase"), ENDING("passcode"), ENDING("sharedaccesssignature"),
  WHOLE("cookie"),      WHOLE("setcookie"), ENDING("sessioncookie"),
  ENDING("authcookie"), { .length = 0 }
};
static const struct word words_g[] = { ENDING("connectionstring"), { .length = 0 } };
static const struct word words_h[] = { ENDING("passwordhash"), { .length = 0 } };
static const struct word words_k[] = { WHOLE("psk"), { .length = 0 } };
static const struct word words_l[] = { ENDING("credential"), { .length = 0 } };
static const struct word words_n[] = {
  ENDING("token"), WHOLE("authorization"), WHOLE("proxyauthorization"), { .length = 0 }
};
static const struct word words_r[] = { WHOLE("bearer"), { .length = 0 } };
static const struct word words_s[] = {
  ENDING("passwords"),   WHOLE("pass"),       ENDING("userpass"),   ENDING("dbpass"),
  ENDING("smtppass"),    ENDING("proxypass"), WHOLE("secrets"),     WHOLE("tokens"),
  ENDING("credentials"), ENDING("apikeys"),   ENDING("accesskeys"), { .length = 0 }
};
static const struct word words_t[] = {
  ENDING("secret"), WHOLE("jwt"), WHOLE("pat"), { .length = 0 }
};

static const struct word *const secret_words[256] = {
  ['d'] = words_d, ['e'] = words_e, ['g'] = words_g, ['h'] = words_h, ['k'] = words_k,
  ['l'] = words_l, ['n'] = words_n, ['r'] = words_r, ['s'] = words_s, ['t'] = words_t,
};

/* What stands before `key` where the key is a secret. */
static const struct word secret_keys[] = {
  ENDING("api"),        ENDING("private"),    ENDING("secret"),      ENDING("signing"),
  ENDING("encryption"), ENDING("decryption"), ENDING("access"),      ENDING("account"),
  ENDING("shared"),     ENDING("session"),    ENDING("auth"),        ENDING("authentication"),
  ENDING("master"),     ENDING("unseal"),     ENDING("ssh"),         ENDING("rsa"),
  ENDING("aes"),        ENDING("hmac"),       ENDING("servicerole"),
};

/* Endings that would name a secret but only mark a place in a list. */
static const struct word plain_words[] = {
  ENDING("pagetoken"),  ENDING("nexttoken"),   ENDING("continuationtoken"), ENDING("synctoken"),
  ENDING("deltatoken"), ENDING("cursortoken"), ENDING("resumetoken"),
};

/* What may follow a secret's name without making it another thing: `private_key_pem`. */
static const struct word forms[] = {
  ENDING("value"), ENDING("string"), ENDING("text"),   ENDING("plain"),
  ENDING("raw"),   ENDING("pem"),    ENDING("base64"), ENDING("b64"),
  ENDING("hex"),   ENDING("data"),   ENDING("json"),
};

static const struct word *match_word(const struct word *words, size_t count, const char *tail,
                                     size_t length)
{
  for (size_t i = 0; i < count; i++) {
    const struct word *word = &words[i];

    if (word->length <= length && word->text[word->length - 1] == tail[length - 1] &&
        (!word->whole || word->length == length) &&
        memcmp(tail + length - word->length, word->text, word->length) == 0)
      return word;
  }
  return NULL;
}

static bool names_secret(const char *tail, size_t length)
{
  static const struct word key = ENDING("key");
  const struct word *words = secret_words[(unsigned char)tail[length - 1]];
  size_t count = 0;

  if (match_word(&key, 1, tail, length) != NULL && length > key.length)
    return match_word(secret_keys, COUNT(secret_keys), tail, length - key.length) != NULL;
  while (words != NULL && words[count].length > 0)
    count++;
  return match_word(words, count, tail, length) != NULL &&
         match_word(plain_words, COUNT(plain_words), tail, length) == NULL;
}

/* The length without a form or a number at the end; the same where there is none. */
static size_t shorten(const char *tail, size_t length)
{
  const struct word *form = match_word(forms, COUNT(forms), tail, length);

  if (form != NULL)
    return length - form->length;
  while (length > 0 && tail[length - 1] >= '0' && tail[length - 1] <= '9')
    length--;
  return length;
}

#define ENDS(last_but_one, last) ((unsigned)(last_but_one) << 8 | (unsigned char)(last))

/* Whether a name with these last two letters may be in the tables above: turns away most keys
 * before any word is compared. A test holds it against the tables. */
static bool may_end_secret(unsigned ends)
{
  switch (ends) {
  case ENDS('r', 'd'): /* password */
  case ENDS('d', 's'):
  case ENDS('w', 'd'):
  case ENDS('s', 'e'): /* passphrase */
  case ENDS('d', 'e'): /* passcode */
  case ENDS('s', 'h'): /* passwordhash */
  case ENDS('s', 's'):
  case ENDS('e', 't'): /* secret */
  case ENDS('t', 's'):
  case ENDS('i', 'd'): /* secretid */
  case ENDS('e', 'n'): /* token */
  case ENDS('n', 's'):
  case ENDS('e', 'r'): /* bearer */
  case ENDS('w', 't'): /* jwt */
  case ENDS('a', 't'): /* pat */
  case ENDS('s', 'k'): /* psk */
  case ENDS('a', 'l'): /* credential */
  case ENDS('l', 's'):
  case ENDS('y', 's'): /* apikeys */
  case ENDS('n', 'g'): /* string */
  case ENDS('r', 'e'): /* signature */
  case ENDS('i', 'e'): /* cookie */
  case ENDS('o', 'n'): /* authorization, json */
  case ENDS('e', 'y'): /* key */
  case ENDS('u', 'e'): /* value */
  case ENDS('x', 't'): /* text */
  case ENDS('i', 'n'): /* plain */
  case ENDS('a', 'w'): /* raw */
  case ENDS('e', 'm'): /* pem */
  case ENDS('e', 'x'): /* hex */
  case ENDS('t', 'a'): /* data */
    return true;
  default:
    return (ends & 0xff) >= '0' && (ends & 0xff) <= '9';
  }
}

/* The last two letters or digits of a key, 0 for one that is not there. */
static unsigned key_ends(const char *key, size_t length)
{
  char last = 0;
  char before = 0;

  while (length > 0 && last == 0)
    last = guard_fold(key[--length]);
  while (length > 0 && before == 0)
    before = guard_fold(key[--length]);
  return ENDS((unsigned char)before, last);
}

bool guard_key_is_secret(const char *key, size_t length)
{
  char tail[KEY_TAIL];
  size_t at = KEY_TAIL;
  size_t left = 0;
  size_t before = 0;

  if (!may_end_secret(key_ends(key, length)))
    return false;
  while (length > 0 && at > 0) {
    char letter = guard_fold(key[--length]);

    if (letter != 0)
      tail[--at] = letter;
  }
  left = KEY_TAIL - at;
  do {
    if (left == 0)
      return false;
    if (names_secret(tail + at, left))
      return true;
    before = left;
    left = shorten(tail + at, left);
  } while (left < before);
  return false;
}

/* ---- values ---- */

struct shape;
typedef size_t (*measure_fn)(const struct shape *shape, const char *body, const char *end);

/* A shape is a start, and a body that `measure` finds the length of; 0 where it is none. */
struct shape {
  const char *start;
  uint8_t length;
  uint8_t public_length; /* of the start: no part of the secret */
  uint8_t not_behind;    /* kinds of byte that don't stand before it */
  uint8_t body;          /* kinds of byte in the body */
  uint8_t least;         /* bytes of body: what is shorter is prose */
  bool digit;            /* one of them is a digit */
  measure_fn measure;
};

static size_t run_length(const char *text, const char *end, unsigned kind)
{
  const char *at = text;

  while (at < end && (guard_kinds[(unsigned char)*at] & kind) != 0)
    at++;
  return (size_t)(at - text);
}

/* Reads to the end of a run only where it is a secret, so that no byte is read often. */
static size_t measure_run(const struct shape *shape, const char *body, const char *end)
{
  enum { WINDOW = 64 };
  const char *window_end = end - body > WINDOW ? body + WINDOW : end;
  size_t run = run_length(body, window_end, shape->body);
  bool digit = !shape->digit;

  for (size_t i = 0; i < run && !digit; i++)
    digit = (guard_kinds[(unsigned char)body[i]] & DIGIT) != 0;
  return run >= shape->least && digit ? run_length(body, end, shape->body) : 0;
}

/* `header.eyJpayload.signature`, behind the first `eyJ`. No shape starts inside a run of TOKEN, so
 * that each run is read at most three times. */
static size_t measure_jwt(const struct shape *shape, const char *body, const char *end)
{
  enum { LEAST_PAYLOAD = 7 };
  const char *at = body + run_length(body, end, shape->body);
  size_t run = 0;

  if ((size_t)(at - body) < shape->least || end - at < 4 || memcmp(at, ".eyJ", 4) != 0)
    return 0;
  at++;
  run = run_length(at, end, shape->body);
  at += run;
  if (run < LEAST_PAYLOAD || at == end || *at != '.')
    return 0;
  at++;
  run = run_length(at, end, shape->body);
  return run > 0 ? (size_t)(at - body) + run : 0;
}

/* The first `part` in the text, or its end. */
static const char *find_part(const char *text, const char *end, const char *part, size_t length)
{
  while ((size_t)(end - text) >= length) {
    const char *first = memchr(text, part[0], (size_t)(end - text) - length + 1);

    if (first == NULL)
      return end;
    if (memcmp(first, part, length) == 0)
      return first;
    text = first + 1;
  }
  return end;
}

/* A private key with its label, to the end of its END line or of the text. */
static size_t measure_pem(const struct shape *shape, const char *body, const char *end)
{
  enum { LABEL = 64 };
  static const char last[] = "-----END ";
  static const char key[] = "PRIVATE KEY";
  static const char dashes[] = "-----";
  const char *label_end = end - body > LABEL ? body + LABEL : end;
  const char *at = find_part(body, label_end, dashes, sizeof(dashes) - 1);

  (void)shape;
  if (at == label_end || find_part(body, at, key, sizeof(key) - 1) == at)
    return 0;
  at = find_part(at, end, last, sizeof(last) - 1);
  if (at == end)
    return (size_t)(end - body);
  at += sizeof(last) - 1;
  label_end = end - at > LABEL ? at + LABEL : end;
  at = find_part(at, label_end, dashes, sizeof(dashes) - 1);
  return (size_t)(at - body) + (at < label_end ? sizeof(dashes) - 1 : 0);
}

/* What ends an authority in a URL; a control character does too. */
static const bool authority_ends[256] = {
  [' '] = true, ['/'] = true,  ['?'] = true, ['#'] = true, ['\\'] = true,
  ['"'] = true, ['\''] = true, ['`'] = true, ['<'] = true, ['>'] = true,
};

static bool ends_authority(char byte)
{
  return (unsigned char)byte < ' ' || authority_ends[(unsigned char)byte];
}

/* `user:password` behind `://`, where an @ follows before the authority (RFC 3986) ends. */
static size_t measure_userinfo(const struct shape *shape, const char *body, const char *end)
{
  const char *colon = NULL;
  const char *sign = NULL;

  (void)shape;
  for (const char *at = body; at < end && !ends_authority(*at); at++) {
    if (*at == ':' && colon == NULL)
      colon = at;
    if (*at == '@')
      sign = at;
  }
  return colon != NULL && sign != NULL && sign > colon + 1 ? (size_t)(sign - body) : 0;
}

#define TEXT(text) .start = text, .length = sizeof(text) - 1
#define RUN(text, kind, bytes)                                                                     \
  {                                                                                                \
    TEXT(text), .not_behind = WORD, .body = kind, .least = bytes, .measure = measure_run           \
  }
#define RUN_WITH_DIGIT(text, kind, bytes)                                                          \
  {                                                                                                \
    TEXT(text), .not_behind = WORD, .body = kind, .least = bytes, .digit = true,                   \
                .measure = measure_run                                                             \
  }

#define HEADER(text)                                                                               \
  {                                                                                                \
    TEXT(text), .public_length = sizeof(text) - 1, .not_behind = WORD, .body = BEARER,             \
                .least = 20, .digit = true, .measure = measure_run                                 \
  }
#define NO_MORE                                                                                    \
  {                                                                                                \
    .start = NULL                                                                                  \
  }

static const struct shape private_keys[] = { { TEXT("-----BEGIN "), .measure = measure_pem },
                                             NO_MORE };
static const struct shape userinfo[] = {
  { TEXT("://"), .public_length = 3, .measure = measure_userinfo }, NO_MORE
};
static const struct shape jwt[] = {
  { TEXT("eyJ"), .not_behind = TOKEN, .body = TOKEN, .least = 13, .measure = measure_jwt }, NO_MORE
};
static const struct shape aws_google_atlassian[] = { RUN("AKIA", UPPER, 16), RUN("ASIA", UPPER, 16),
                                                     RUN("AIza", TOKEN, 35),
                                                     RUN("ATATT3", TOKEN, 20), NO_MORE };
static const struct shape google[] = { RUN("GOCSPX-", TOKEN, 20), NO_MORE };
static const struct shape github_gitlab[] = {
  RUN("ghp_", WORD, 20),    RUN("gho_", WORD, 20),
  RUN("ghu_", WORD, 20),    RUN("ghs_", WORD, 20),
  RUN("ghr_", WORD, 20),    RUN("github_pat_", TOKEN, 20),
  RUN("glpat-", TOKEN, 20), NO_MORE
};
static const struct shape slack_hook_vault[] = { RUN("hooks.slack.com/services/", PATH, 20),
                                                 RUN("hvs.", TOKEN, 24), NO_MORE };
static const struct shape slack[] = {
  RUN_WITH_DIGIT("xapp-", TOKEN, 10), RUN_WITH_DIGIT("xoxa-", TOKEN, 10),
  RUN_WITH_DIGIT("xoxb-", TOKEN, 10), RUN_WITH_DIGIT("xoxe-", TOKEN, 10),
  RUN_WITH_DIGIT("xoxp-", TOKEN, 10), RUN_WITH_DIGIT("xoxr-", TOKEN, 10),
  RUN_WITH_DIGIT("xoxs-", TOKEN, 10), NO_MORE
};
static const struct shape stripe[] = { RUN("sk_live_", WORD, 16), RUN("sk_test_", WORD, 16),
                                       NO_MORE };
static const struct shape stripe_restricted[] = { RUN("rk_live_", WORD, 16),
                                                  RUN("rk_test_", WORD, 16), NO_MORE };
static const struct shape bearer[] = { HEADER("bearer "), NO_MORE };
static const struct shape bearer_capital[] = { HEADER("Bearer "), NO_MORE };

/* The shapes by their first byte. */
static const struct shape *const shapes[256] = {
  ['-'] = private_keys,
  [':'] = userinfo,
  ['A'] = aws_google_atlassian,
  ['B'] = bearer_capital,
  ['G'] = google,
  ['b'] = bearer,
  ['e'] = jwt,
  ['g'] = github_gitlab,
  ['h'] = slack_hook_vault,
  ['r'] = stripe_restricted,
  ['s'] = stripe,
  ['x'] = slack,
};

/* Whether a byte may start a shape, a letter or digit at the start of a word. A backslash or a
 * percent sign may start an escape, behind which a word starts. */
static const bool starts[256] = {
  ['-'] = true, [':'] = true, ['\\'] = true, ['%'] = true, ['A'] = true, ['B'] = true, ['G'] = true,
  ['b'] = true, ['e'] = true, ['g'] = true,  ['h'] = true, ['r'] = true, ['s'] = true, ['x'] = true,
};

/* The shortest texts that hold a secret: `://u:p@`, and a token of Slack's. */
enum { SHORTEST = 7, SHORTEST_TOKEN = 15 };

/* The length of an escape such as `\n` or `%3D`. */
static size_t escape_length(char byte)
{
  return byte == '\\' ? 2 : byte == '%' ? 3 : 0;
}

static bool match_shape(const char *at, const char *end, unsigned behind, struct guard_span *span)
{
  const struct shape *shape = shapes[(unsigned char)*at];

  for (; shape != NULL && shape->start != NULL; shape++) {
    size_t length = 0;

    if ((size_t)(end - at) < shape->length || shape->start[1] != at[1] ||
        (shape->not_behind & behind) != 0 || memcmp(at, shape->start, shape->length) != 0)
      continue;
    length = shape->measure(shape, at + shape->length, end);
    if (length == 0)
      continue;
    span->start = at + shape->public_length;
    span->end = at + shape->length + length;
    return true;
  }
  return false;
}

/* Whether a shape starts at `at`, or behind the escape there. */
static bool match_here(const char *at, const char *end, unsigned behind, struct guard_span *span)
{
  size_t escape = escape_length(*at);

  if (escape == 0)
    return match_shape(at, end, behind, span);
  return (size_t)(end - at) > escape && match_shape(at + escape, end, 0, span);
}

/* The first shape in the text; an empty span at the end where there is none. Inside a word nothing
 * starts. */
struct guard_span guard_next_shape(const char *text, const char *end)
{
  struct guard_span span = { end, end };
  unsigned behind = 0;

  for (const char *at = text; at < end;) {
    if (starts[(unsigned char)*at] && match_here(at, end, behind, &span))
      break;
    behind = guard_kinds[(unsigned char)*at++];
    while ((behind & WORD) != 0 && at < end && (guard_kinds[(unsigned char)*at] & WORD) != 0)
      behind = guard_kinds[(unsigned char)*at++];
  }
  return span;
}

bool guard_find(const char *text, size_t length, size_t *at, size_t *secret_length)
{
  struct guard_span span = { NULL, NULL };

  if (length < SHORTEST || (length < SHORTEST_TOKEN && memchr(text, ':', length) == NULL))
    return false;
  span = guard_next_shape(text, text + length);
  if (span.start == span.end)
    return false;
  *at = (size_t)(span.start - text);
  *secret_length = (size_t)(span.end - span.start);
  return true;
}
