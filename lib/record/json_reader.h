/*
 * A strict one-pass JSON reader (RFC 8259) over bytes: UTF-8 only, no duplicate keys, no lone
 * surrogates, no \u0000, no trailing bytes, depth at most JSON_DEPTH. It keeps the text of what it
 * reads: numbers and strings stay as they were written, only the white space between tokens goes.
 */
#ifndef RECORD_JSON_READER_H
#define RECORD_JSON_READER_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { JSON_DEPTH = 64 };

enum json_kind {
  JSON_BAD, /* no value starts here */
  JSON_END, /* nothing but white space is left */
  JSON_OBJECT,
  JSON_ARRAY,
  JSON_STRING,
  JSON_NUMBER,
  JSON_TRUE,
  JSON_FALSE,
  JSON_NULL
};

/* Why reading stopped. */
enum json_problem {
  JSON_FINE,
  JSON_SYNTAX,    /* not JSON, or cut short */
  JSON_UTF8,      /* not UTF-8 */
  JSON_ESCAPE,    /* a lone surrogate or \u0000 */
  JSON_DUPLICATE, /* a key twice in one object: the path tells which, where json_copy() found it */
  JSON_TOO_DEEP,
  JSON_SECRET, /* the secret guard: the path tells where */
  JSON_NO_MEMORY
};

enum { JSON_PATH = 64 };

struct json_reader {
  const char *start;
  const char *at;
  const char *end;
  struct arena *arena;       /* for what must be kept: decoded text, keys of open objects */
  bool guard;                /* refuse secrets while copying values */
  bool only_text;            /* the value last copied holds nothing but strings at its top level */
  unsigned depth;            /* of open objects and arrays */
  uint64_t objects;          /* of those that json_enter() opened, a bit set for each object */
  enum json_problem problem; /* the first one; sticks, with `at` where it showed */
  char path[JSON_PATH]; /* where json_copy() stopped: `config.auth.password`, cut where longer */
};

void json_reader_init(struct json_reader *reader, const char *bytes, size_t length,
                      struct arena *arena);

/* One sentence on the problem, in lower case without a full stop. */
const char *json_problem_text(enum json_problem problem);

/* Passes white space and tells what comes, without reading it. JSON_BAD is also a problem. */
enum json_kind json_peek(struct json_reader *reader);

/* Opens an object or array that json_peek() told of. */
bool json_enter(struct json_reader *reader);

/* Whether another member or element follows; reads the comma. At the end reads the closing bracket
 * and answers false. After a syntax error answers false with `problem` set. `first` is true for the
 * first call after json_enter() and is set to false. */
bool json_more(struct json_reader *reader, bool *first);

/* Reads a string into the arena, escapes decoded, NUL-terminated; NULL on a problem. */
char *json_text(struct json_reader *reader, size_t *length);

/* Reads a string like json_text(), but hands out the document's own bytes where it holds no escape:
 * not NUL-terminated. */
const char *json_string(struct json_reader *reader, size_t *length);

/* Reads a member's key and its colon, like json_string(). The caller looks for duplicates of the
 * object that it reads member by member. */
const char *json_key(struct json_reader *reader, size_t *length);

/* Reads the next key and its colon where they stand exactly as `key`, such as `"name":`; else reads
 * nothing and answers false. The quick way where a key is foreseen. */
bool json_key_is(struct json_reader *reader, const char *key, size_t length);

/* Reads a number that is an integer in the range of int64_t, written without fraction or exponent;
 * false with JSON_FINE where it is a number of another form (which is then passed over). */
bool json_integer(struct json_reader *reader, int64_t *number);

/* Checks one value of any kind, whole, nested ones too (duplicate keys included), and copies it
 * into the arena without white space between tokens, NUL-terminated. With `guard` on, refuses
 * secrets: `path` then starts with `name`. NULL on a problem. */
char *json_copy(struct json_reader *reader, const char *name, size_t *length);

/* Checks and passes over true, false, null or any other one value. */
bool json_skip(struct json_reader *reader);

/* Whether nothing but white space is left; else a problem. */
bool json_finish(struct json_reader *reader);

#endif
