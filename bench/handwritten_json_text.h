/*
 * What the hand-written reader is made of: a place in the input, and where the next text goes.
 */
#ifndef BENCH_HANDWRITTEN_JSON_TEXT_H
#define BENCH_HANDWRITTEN_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

enum { KEYS = 128 };

struct nested_key {
  const char *text;
  size_t length;
};

struct input {
  const char *at;
  const char *end;
  char *out; /* where the next text goes: never more than was read */
  unsigned depth;
  struct nested_key keys[KEYS]; /* of the open nested objects */
  size_t key_count;
};

/* The rest of a string after its opening quote, to `out`, up to and without the closing one; with
 * `keep` its escapes stay as they were written. */
bool input_string(struct input *input, bool keep);

/* One value of any kind, to `out` without white space between tokens. */
bool input_value(struct input *input);

static inline void input_spaces(struct input *in)
{
  while (in->at < in->end &&
         (*in->at == ' ' || *in->at == '\n' || *in->at == '\t' || *in->at == '\r'))
    in->at++;
}

static inline bool input_token(struct input *in, char wanted)
{
  input_spaces(in);
  if (in->at == in->end || *in->at != wanted)
    return false;
  in->at++;
  return true;
}

static inline bool input_word(struct input *in, const char *text, size_t length)
{
  if ((size_t)(in->end - in->at) < length || memcmp(in->at, text, length) != 0)
    return false;
  in->at += length;
  return true;
}

#endif
