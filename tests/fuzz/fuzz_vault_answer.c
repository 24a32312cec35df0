/*
 * Hostile answers of a vault: every reader of bodies takes any text, what it finds lies inside the
 * text, and what it takes for JSON is JSON.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "answer.h"
#include "compare.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
  if (!holds)
    abort();
}

static void check_inside(struct span span, const char *text, size_t size)
{
  check(span.length == 0 ||
        (span.start >= text && (size_t)(span.start - text) + span.length <= size));
}

static void check_secret(const char *text, size_t size)
{
  struct answer_secret answer = { 0 };
  struct span again = { NULL, 0 };

  if (!answer_secret(text, size, &answer))
    return;
  check(answer.version > 0);
  check_inside(answer.values, text, size);
  if (answer.values.length == 0)
    return;
  check(json_read(answer.values.start, answer.values.length, &again));
  check(again.length == answer.values.length && json_is_object(again));
  (void)compare_objects(answer.values, again);
}

static void check_token(const char *text, size_t size)
{
  struct answer_token answer = { 0 };

  if (answer_login(text, size, &answer))
    check_inside(answer.token, text, size);
  if (answer_lookup(text, size, &answer))
    check(answer.lease_ms >= 0);
}

static void check_versions(const char *text, size_t size)
{
  connector_secret_version_info *versions = NULL;
  size_t count = 0;
  bool no_memory = false;

  if (!answer_versions(text, size, 1700000000000, &versions, &count, &no_memory))
    return;
  for (size_t i = 0; i < count; i++) {
    check(versions[i].version > 0);
    check(i == 0 || versions[i - 1].version <= versions[i].version);
  }
  free(versions);
}

/* The text as two, from its middle on: what is equal one way is equal the other way. */
static void check_compare(const char *text, size_t size)
{
  struct span a = { NULL, 0 };
  struct span b = { NULL, 0 };

  if (json_read(text, size / 2, &a) && json_read(text + size / 2, size - size / 2, &b))
    check(compare_objects(a, b) == compare_objects(b, a));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  /* A copy of its own length, so that reading past it shows. */
  char *text = malloc(size > 0 ? size : 1);
  int64_t version = 0;

  check(text != NULL);
  if (size > 0)
    memcpy(text, data, size);
  check_secret(text, size);
  check_token(text, size);
  check_versions(text, size);
  check_compare(text, size);
  if (answer_written(text, size, &version))
    check(version > 0);
  (void)answer_errors(text, size);
  free(text);
  return 0;
}
