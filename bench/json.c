/*
 * Contests of JSON: a record out and in, beside the hand-written program and beside cJSON.
 */
#include "bench.h"
#include "with_cjson.h"

#include "record/draft.h"

#include <stdlib.h>
#include <string.h>

enum { RECORDS = 64 };

struct json {
  connector *records[RECORDS];
  char *texts[RECORDS];
  size_t lengths[RECORDS];
};

static const struct limits limits = { .text = 1024, .json = 256 * 1024, .document = 1024 * 1024 };

/* ---- out ---- */

static bool other_to_json(void *context, size_t calls)
{
  struct json *json = context;
  size_t length = 0;

  for (size_t i = 0; i < calls; i++) {
    char *text = handwritten_to_json(json->records[i % RECORDS], &length);

    free(text);
    if (text == NULL)
      return false;
  }
  return true;
}

static bool cjson_out(struct json *json, bool raw, size_t calls)
{
  size_t length = 0;

  for (size_t i = 0; i < calls; i++) {
    char *text = cjson_to_json(json->records[i % RECORDS], raw, &length);

    free(text);
    if (text == NULL)
      return false;
  }
  return true;
}

static bool cjson_tree_out(void *context, size_t calls)
{
  return cjson_out(context, false, calls);
}

static bool cjson_raw_out(void *context, size_t calls)
{
  return cjson_out(context, true, calls);
}

static bool library_to_json(void *context, size_t calls)
{
  struct json *json = context;
  size_t length = 0;

  for (size_t i = 0; i < calls; i++) {
    char *text = NULL;

    if (connector_to_json(json->records[i % RECORDS], 0, &text, &length, NULL) != CONNECTOR_OK)
      return false;
    connector_string_free(text);
  }
  return true;
}

static bool check_to_json(void *context)
{
  struct json *json = context;
  bool good = true;

  for (size_t i = 0; good && i < RECORDS; i++) {
    char *ours = NULL;
    char *cjson = NULL;
    size_t length = 0;

    good = connector_to_json(json->records[i], 0, &ours, &length, NULL) == CONNECTOR_OK &&
           length == json->lengths[i] && strcmp(ours, json->texts[i]) == 0;
    cjson = cjson_to_json(json->records[i], true, &length);
    good = good && cjson != NULL && strcmp(cjson, ours) == 0;
    connector_string_free(ours);
    free(cjson);
  }
  return good;
}

/* ---- in ---- */

static bool other_from_json(void *context, size_t calls)
{
  struct json *json = context;

  for (size_t i = 0; i < calls; i++) {
    size_t at = i % RECORDS;
    connector *record = handwritten_from_json(json->texts[at], json->lengths[at]);

    free(record);
    if (record == NULL)
      return false;
  }
  return true;
}

static bool cjson_in(void *context, size_t calls)
{
  struct json *json = context;

  for (size_t i = 0; i < calls; i++) {
    size_t at = i % RECORDS;
    connector *record = cjson_from_json(json->texts[at], json->lengths[at]);

    free(record);
    if (record == NULL)
      return false;
  }
  return true;
}

/* What a create does with a document before it turns to the engine: every check is in. */
static bool library_from_json(void *context, size_t calls)
{
  struct json *json = context;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    size_t at = i % RECORDS;
    struct draft draft;
    connector_status status = CONNECTOR_OK;

    draft_init(&draft);
    status = draft_from_json(&draft, json->texts[at], json->lengths[at], DOCUMENT_CREATE, &limits,
                             &error);
    if (status == CONNECTOR_OK)
      status = draft_check(&draft, &limits, &error);
    draft_free(&draft);
    if (!library_good(status, &error))
      return false;
  }
  return true;
}

/* Drafts take what a caller may write; server fields are for imports. */
static void drop_server_fields(connector *record, const connector *values)
{
  record->id = values->id;
  record->tenant_id = values->tenant_id;
  record->app_id = values->app_id;
  record->created_at = values->created_at;
  record->updated_at = values->updated_at;
  record->created_by = values->created_by;
  record->updated_by = values->updated_by;
  record->is_deleted = values->is_deleted;
  record->deleted_at = values->deleted_at;
  record->deleted_by = values->deleted_by;
  record->schema_version = values->schema_version;
  record->version = values->version;
}

static bool same_values(const struct json *json, size_t at)
{
  connector *theirs = handwritten_from_json(json->texts[at], json->lengths[at]);
  connector *cjson = cjson_from_json(json->texts[at], json->lengths[at]);
  struct draft draft;
  bool good = theirs != NULL && cjson != NULL && connector_equal(theirs, json->records[at]) &&
              strcmp(cjson->id, theirs->id) == 0 && strcmp(cjson->name, theirs->name) == 0 &&
              cjson->next_rotation_due == theirs->next_rotation_due;

  draft_init(&draft);
  good = good && draft_from_json(&draft, json->texts[at], json->lengths[at], DOCUMENT_CREATE,
                                 &limits, NULL) == CONNECTOR_OK;
  if (good) {
    drop_server_fields(theirs, &draft.values);
    good = connector_equal(theirs, &draft.values);
  }
  draft_free(&draft);
  free(theirs);
  free(cjson);
  return good;
}

/* What neither strict reader may take. */
static bool refuse_the_same(void)
{
  static const char *const bad[] = {
    "",
    "{",
    "{}x",
    "{\"name\":\"a\",\"name\":\"b\"}",
    "{\"name\":\"\\ud800\"}",
    "{\"name\":\"\\u0000\"}",
    "{\"name\":\"\xff\"}",
    "{\"name\":\"\xc0\xaf\"}",
    "{\"name\":\"a\nb\"}",
    "{\"name\":1}",
    "{\"unknown\":1}",
    "{\"config\":{\"a\":1,\"a\":2}}",
    "{\"config\":{\"a\":01}}",
    "{\"config\":{\"a\":[1,]}}",
    "{\"config\":[}",
    "{\"enabled\":yes}",
    "{\"next_rotation_due\":\"2026-02-30T00:00:00.000Z\"}",
  };
  bool good = true;

  for (size_t i = 0; good && i < sizeof(bad) / sizeof(bad[0]); i++) {
    connector *theirs = handwritten_from_json(bad[i], strlen(bad[i]));
    struct draft draft;

    draft_init(&draft);
    good = theirs == NULL && draft_from_json(&draft, bad[i], strlen(bad[i]), DOCUMENT_CREATE,
                                             &limits, NULL) != CONNECTOR_OK;
    if (!good)
      complain("a reader takes %s", bad[i]);
    draft_free(&draft);
    free(theirs);
  }
  return good;
}

static bool check_from_json(void *context)
{
  const struct json *json = context;
  bool good = refuse_the_same();

  for (size_t i = 0; good && i < RECORDS; i++)
    good = same_values(json, i);
  return good;
}

/* ---- contests ---- */

static const struct contest contests[] = {
  { .operation = "record to JSON",
    .versus = "hand-written",
    .other = other_to_json,
    .library = library_to_json,
    .check = check_to_json,
    .limit = 2.0,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "record to JSON, times faster",
    .versus = "cJSON tree",
    .other = cjson_tree_out,
    .library = library_to_json,
    .check = check_to_json,
    .limit = 8.0,
    .limit_kind = LIMIT_AT_LEAST },
  { .operation = "record to JSON",
    .versus = "cJSON, raw",
    .other = cjson_raw_out,
    .library = library_to_json },
  { .operation = "JSON to record",
    .versus = "hand-written",
    .other = other_from_json,
    .library = library_from_json,
    .check = check_from_json,
    .limit = 2.0,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "JSON to record, times faster",
    .versus = "cJSON tree",
    .other = cjson_in,
    .library = library_from_json,
    .check = check_from_json,
    .limit = 3.0,
    .limit_kind = LIMIT_AT_LEAST },
};

static void json_close(void *context)
{
  struct json *json = context;

  for (size_t i = 0; i < RECORDS; i++) {
    free(json->records[i]);
    free(json->texts[i]);
  }
  free(json);
}

static void *json_open(struct bench *bench, const struct group *group)
{
  struct json *json = calloc(1, sizeof(*json));
  struct handwritten *program = handwritten_open(bench->middle_path, &sample_caller, false);
  struct ids ids = { 0 };
  bool good = json != NULL && program != NULL && ids_read(&ids, program) && ids.count >= RECORDS;

  (void)group;
  for (size_t i = 0; good && i < RECORDS; i++) {
    json->records[i] = handwritten_get(program, id_at(&ids, i));
    if (json->records[i] != NULL)
      json->texts[i] = handwritten_to_json(json->records[i], &json->lengths[i]);
    good = json->texts[i] != NULL;
  }
  free(ids.texts);
  handwritten_close(program);
  if (good)
    return json;
  if (json != NULL)
    json_close(json);
  return NULL;
}

const struct group bench_json = {
  .contests = contests,
  .count = sizeof(contests) / sizeof(contests[0]),
  .open = json_open,
  .close = json_close,
};
