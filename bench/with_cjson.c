/*
 * Records through cJSON trees. It is no measure of what cJSON could do with more care, but of what
 * its plain calls cost; times are written and read by the hand-written program's functions.
 */
#include "with_cjson.h"

#include "handwritten.h"
#include "members.h"

#include <cJSON.h>
#include <stdlib.h>
#include <string.h>

/* ---- out ---- */

static const char *text_of(const connector *record, const struct member *member, char time[25])
{
  const void *at = (const char *)record + member->at;

  switch (member->kind) {
  case MEMBER_MOMENT:
    if (*(const int64_t *)at == 0)
      return NULL;
    handwritten_time_text(*(const int64_t *)at, time);
    time[24] = '\0';
    return time;
  case MEMBER_SOURCE_TYPE:
    return connector_source_type_name(record->source_type);
  case MEMBER_SCOPE:
    return connector_scope_name(record->scope);
  default:
    return *(const char *const *)at;
  }
}

/* A JSON field becomes part of the tree, or is handed through as text. */
static cJSON *add_json(cJSON *object, const char *name, const char *text, bool raw)
{
  cJSON *value = raw ? cJSON_CreateRaw(text) : cJSON_Parse(text);

  if (value != NULL && cJSON_AddItemToObject(object, name, value))
    return value;
  cJSON_Delete(value);
  return NULL;
}

static cJSON *add(cJSON *object, const connector *record, const struct member *member, bool raw)
{
  const void *at = (const char *)record + member->at;
  const char *text = NULL;
  char time[25];

  if (member->kind == MEMBER_NUMBER)
    return cJSON_AddNumberToObject(object, member->name, (double)*(const int64_t *)at);
  if (member->kind == MEMBER_BOOLEAN)
    return cJSON_AddBoolToObject(object, member->name, *(const bool *)at);
  text = text_of(record, member, time);
  if (text == NULL)
    return cJSON_AddNullToObject(object, member->name);
  return member->kind == MEMBER_JSON ? add_json(object, member->name, text, raw)
                                     : cJSON_AddStringToObject(object, member->name, text);
}

char *cjson_to_json(const connector *record, bool raw, size_t *length)
{
  cJSON *object = cJSON_CreateObject();
  char *json = NULL;

  for (size_t i = 0; object != NULL && i < MEMBERS; i++) {
    if (members[i].at == offsetof(connector, app_id) && record->app_id == NULL)
      continue;
    if (add(object, record, &members[i], raw) == NULL) {
      cJSON_Delete(object);
      return NULL;
    }
  }
  json = cJSON_PrintUnformatted(object);
  cJSON_Delete(object);
  if (json != NULL)
    *length = strlen(json);
  return json;
}

/* ---- in ---- */

struct taking {
  connector *record;
  char *out;
};

static const char *keep(struct taking *taking, const char *text)
{
  size_t size = strlen(text) + 1;
  char *start = taking->out;

  memcpy(start, text, size);
  taking->out += size;
  return start;
}

static bool take_text(struct taking *taking, const struct member *member, const char *text)
{
  void *to = (char *)taking->record + member->at;

  switch (member->kind) {
  case MEMBER_MOMENT:
    return handwritten_time_read(text, strlen(text), to);
  case MEMBER_SOURCE_TYPE:
    taking->record->source_type = (connector_source_type)member_value(member->kind, text);
    return taking->record->source_type != 0;
  case MEMBER_SCOPE:
    taking->record->scope = (connector_scope)member_value(member->kind, text);
    return taking->record->scope != 0;
  default:
    *(const char **)to = keep(taking, text);
    return true;
  }
}

static bool take_json(struct taking *taking, const struct member *member, const cJSON *value)
{
  char *text = cJSON_PrintUnformatted(value);

  if (text == NULL)
    return false;
  *(const char **)(void *)((char *)taking->record + member->at) = keep(taking, text);
  cJSON_free(text);
  return true;
}

static bool take(struct taking *taking, const struct member *member, const cJSON *value)
{
  void *to = (char *)taking->record + member->at;

  if (value == NULL || cJSON_IsNull(value))
    return true;
  switch (member->kind) {
  case MEMBER_NUMBER:
    *(int64_t *)to = (int64_t)cJSON_GetNumberValue(value);
    return cJSON_IsNumber(value);
  case MEMBER_BOOLEAN:
    *(bool *)to = cJSON_IsTrue(value);
    return cJSON_IsBool(value);
  case MEMBER_JSON:
    return take_json(taking, member, value);
  default:
    return cJSON_IsString(value) && take_text(taking, member, cJSON_GetStringValue(value));
  }
}

connector *cjson_from_json(const char *json, size_t length)
{
  cJSON *object = cJSON_ParseWithLength(json, length);
  /* Printing may spell a number with a few digits more than it was read with. */
  connector *record = malloc(sizeof(*record) + 2 * length + 1);
  struct taking taking = { .record = record };
  bool good = object != NULL && record != NULL;

  if (good) {
    memset(record, 0, sizeof(*record));
    taking.out = (char *)(record + 1);
  }
  for (size_t i = 0; good && i < MEMBERS; i++)
    good = take(&taking, &members[i], cJSON_GetObjectItemCaseSensitive(object, members[i].name));
  cJSON_Delete(object);
  if (good)
    return record;
  free(record);
  return NULL;
}
