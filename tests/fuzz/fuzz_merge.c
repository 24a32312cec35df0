/*
 * Hostile merge patches: the input is a target and a patch, one value behind the other. The result
 * is JSON as the reader takes it, and applying the patch again changes nothing.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "record/json_reader.h"
#include "record/json_tree.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
  if (!holds)
    abort();
}

static void check_merged(const char *merged, struct arena *arena)
{
  struct json_reader reader;
  size_t length = 0;
  const char *copy = NULL;

  json_reader_init(&reader, merged, strlen(merged), arena);
  copy = json_copy(&reader, "merged", &length);
  check(copy != NULL && json_finish(&reader) && strcmp(copy, merged) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct arena arena = { 0 };
  struct json_reader reader;
  size_t length = 0;
  const char *target = NULL;
  const char *patch = NULL;

  json_reader_init(&reader, (const char *)data, size, &arena);
  target = json_copy(&reader, "target", &length);
  patch = target != NULL ? json_copy(&reader, "patch", &length) : NULL;
  if (patch != NULL) {
    const char *merged = json_merge(target, patch, &arena);
    const char *again = json_merge(merged, patch, &arena);
    const char *alone = json_merge(NULL, patch, &arena);

    check(merged != NULL && again != NULL && alone != NULL);
    check(strcmp(merged, again) == 0);
    check_merged(merged, &arena);
    check_merged(alone, &arena);
  }
  arena_free(&arena);
  return 0;
}
