/*
 * Hostile JSON: whatever comes in, the two ways of reading it agree, what is taken is stable, and a
 * refusal leaves a proper error.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "record/draft.h"
#include "record/json_reader.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(bool holds)
{
  if (!holds)
    abort();
}

/* Passes a value member by member; json_copy() passes the same, but for keys that are there twice.
 */
static void walk(struct json_reader *reader)
{
  enum json_kind kind = json_peek(reader);
  int64_t number = 0;
  size_t length = 0;
  bool first = true;

  if (kind == JSON_STRING) {
    const char *text = json_text(reader, &length);

    check(text == NULL || (strlen(text) == length && utf8_classify(text, length) != UTF8_BAD));
  } else if (kind == JSON_NUMBER) {
    (void)json_integer(reader, &number);
  } else if (kind != JSON_OBJECT && kind != JSON_ARRAY) {
    (void)json_skip(reader);
  } else if (json_enter(reader)) {
    while (json_more(reader, &first)) {
      if (kind == JSON_OBJECT && json_key(reader, &length) == NULL)
        break;
      walk(reader);
    }
  }
}

static enum json_problem walk_all(const char *json, size_t length)
{
  struct arena arena = { 0 };
  struct json_reader reader;

  json_reader_init(&reader, json, length, &arena);
  walk(&reader);
  (void)json_finish(&reader);
  arena_free(&arena);
  return reader.problem;
}

static void check_stable(const char *copy, size_t length, struct arena *arena)
{
  struct json_reader reader;
  size_t again_length = 0;
  const char *again = NULL;

  json_reader_init(&reader, copy, length, arena);
  again = json_copy(&reader, "config", &again_length);
  check(again != NULL && again_length == length && memcmp(again, copy, length) == 0);
}

static void check_copy(const char *json, size_t length)
{
  struct arena arena = { 0 };
  struct json_reader reader;
  size_t copied = 0;
  const char *copy = NULL;

  json_reader_init(&reader, json, length, &arena);
  copy = json_copy(&reader, "config", &copied);
  if (copy != NULL) {
    check(copied <= length && strlen(copy) == copied);
    check_stable(copy, copied, &arena);
  }
  (void)json_finish(&reader);
  if (reader.problem != JSON_DUPLICATE)
    check((walk_all(json, length) == JSON_FINE) == (reader.problem == JSON_FINE));
  arena_free(&arena);
}

static void check_error(const connector_error *error, connector_status status)
{
  check(error->status == status);
  check(status == CONNECTOR_INVALID || status == CONNECTOR_TOO_LARGE);
  check(strnlen(error->field, sizeof(error->field)) < sizeof(error->field));
  check(utf8_classify(error->field, strlen(error->field)) == UTF8_PLAIN);
  check(error->message[0] != '\0');
}

static void check_draft(const char *json, size_t length, enum document_use use, bool allow_secrets)
{
  struct limits limits = { 1024, 4096, 65536, allow_secrets };
  connector_error error = { 0 };
  struct draft draft;
  connector_status status = CONNECTOR_OK;

  draft_init(&draft);
  status = draft_from_json(&draft, json, length, use, &limits, &error);
  if (status == CONNECTOR_OK) {
    check((draft.set & draft.cleared) == 0 && (draft.set & draft.stamped) == 0);
    check((draft.merge & ~draft.compacted) == 0 && (draft.compacted & ~draft.set) == 0);
    status = draft_check(&draft, &limits, &error);
  }
  if (status != CONNECTOR_OK)
    check_error(&error, status);
  draft_free(&draft);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  const char *json = (const char *)data;

  check_copy(json, size);
  check_draft(json, size, DOCUMENT_CREATE, false);
  check_draft(json, size, DOCUMENT_UPDATE, true);
  return 0;
}
