/*
 * JSON made comparable: an object's leaves as sorted lines of path and value, so that two texts
 * with the same content in another order of keys give the same. Arrays are leaves.
 */
#ifndef TESTS_FLAT_JSON_H
#define TESTS_FLAT_JSON_H

#include "support.h"

enum { FLAT_LEAVES = 256, FLAT_LINE = 512 };

struct flat {
  char lines[FLAT_LEAVES][FLAT_LINE];
  size_t count;
};

/* The end of the value or key that starts here, in JSON without white space. */
static inline const char *flat_end(const char *at)
{
  int depth = 0;
  bool quoted = false;
  for (; *at != '\0'; at++) {
    if (quoted) {
      if (*at == '\\')
        at++;
      else if (*at == '"')
        quoted = false;
    } else if (*at == '"') {
      quoted = true;
    } else if (*at == '{' || *at == '[') {
      depth++;
    } else if (depth > 0 && (*at == '}' || *at == ']')) {
      depth--;
    } else if (depth == 0 && (*at == ',' || *at == ':' || *at == '}' || *at == ']')) {
      break;
    }
  }
  return at;
}

static inline void flat_walk(struct flat *flat, const char *path, const char *at, const char *end)
{
  assert_true(flat->count < FLAT_LEAVES);
  if (*at != '{' || at[1] == '}') {
    snprintf(flat->lines[flat->count++], FLAT_LINE, "%s=%.*s", path, (int)(end - at), at);
    return;
  }
  for (at++; *at != '\0' && at < end; at++) {
    const char *key = at;
    const char *colon = flat_end(key);
    const char *value_end = flat_end(colon + 1);
    char inner[FLAT_LINE];
    snprintf(inner, sizeof(inner), "%s/%.*s", path, (int)(colon - key), key);
    flat_walk(flat, inner, colon + 1, value_end);
    at = value_end;
  }
}

static inline int flat_compare(const void *a, const void *b)
{
  return strcmp(a, b);
}

/* Whether both texts hold the same; NULL is the same as NULL only. */
static inline bool flat_equal(const char *a, const char *b)
{
  static _Thread_local struct flat flats[2];
  const char *texts[] = { a, b };
  if (a == NULL || b == NULL)
    return a == b;
  for (size_t i = 0; i < 2; i++) {
    memset(&flats[i], 0, sizeof(flats[i]));
    flat_walk(&flats[i], "", texts[i], texts[i] + strlen(texts[i]));
    qsort(flats[i].lines, flats[i].count, FLAT_LINE, flat_compare);
  }
  return flats[0].count == flats[1].count &&
         memcmp(flats[0].lines, flats[1].lines, flats[0].count * FLAT_LINE) == 0;
}

#endif
