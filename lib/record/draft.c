/*
 * Drafts from patches, and the checks that every draft passes. Drafts from JSON are read in
 * json_document.c.
 */
#include "record/draft.h"

#include "base/clock.h"
#include "base/status.h"
#include "base/structs.h"
#include "base/utf8.h"
#include "record/guard.h"
#include "record/json_field.h"
#include "record/json_tree.h"

#include <string.h>

void draft_init(struct draft *draft)
{
  *draft = (struct draft){ 0 };
}

void draft_free(struct draft *draft)
{
  arena_free(&draft->arena);
}

/* ---- from a patch ---- */

/* The value of a patch's member that is no text: 0 is "not given". */
static int64_t patch_number(const void *member, const struct field *field)
{
  unsigned value = 0;
  int64_t number = 0;

  if (field->kind == KIND_TIME || field->kind == KIND_INTEGER) {
    memcpy(&number, member, sizeof(number));
    return number;
  }
  memcpy(&value, member, sizeof(value));
  return (int64_t)value;
}

static connector_status take_number(struct draft *draft, const struct field *field, int64_t given,
                                    connector_error *error)
{
  if (field->kind == KIND_BOOL) {
    if (given != CONNECTOR_NO && given != CONNECTOR_YES)
      return error_set(error, CONNECTOR_INVALID, field->name, "must be unset, no or yes");
    given = given == CONNECTOR_YES;
  }
  field_set_number(&draft->values, field, given);
  return CONNECTOR_OK;
}

/* Takes one member where it is given. */
static connector_status take_member(struct draft *draft, const connector_patch *patch,
                                    const struct field *field, connector_error *error)
{
  const void *member = (const char *)patch + field->patch_at;
  const char *text = NULL;
  int64_t number = 0;

  if (field_is_text(field)) {
    memcpy(&text, member, sizeof(text));
    *field_text(&draft->values, field) = text;
  } else {
    number = patch_number(member, field);
  }
  if (text == NULL && number == 0)
    return CONNECTOR_OK;
  draft->set |= field_bit(field);
  return text != NULL ? CONNECTOR_OK : take_number(draft, field, number, error);
}

static connector_status check_clear(const struct draft *draft, connector_error *error)
{
  for (size_t i = 0; i < 64; i++) {
    uint64_t bit = CONNECTOR_BIT(i);

    if ((draft->cleared & bit) == 0)
      continue;
    if (i >= CONNECTOR_FIELD_COUNT)
      return error_set(error, CONNECTOR_INVALID, "clear", "holds a bit of no field");
    if ((record_fields[i].flags & FIELD_CLEARABLE) == 0)
      return error_set(error, CONNECTOR_INVALID, record_fields[i].name, "can't be cleared");
    if ((draft->set & bit) != 0)
      return error_set(error, CONNECTOR_INVALID, record_fields[i].name,
                       "is both written and cleared");
  }
  return CONNECTOR_OK;
}

connector_status draft_from_patch(struct draft *draft, const connector_patch *patch,
                                  connector_error *error)
{
  connector_patch known;
  connector_status status = struct_read(&known, sizeof(known), patch, error);

  for (size_t i = 0; status == CONNECTOR_OK && i < CONNECTOR_FIELD_COUNT; i++)
    if (record_fields[i].patch_at != 0)
      status = take_member(draft, &known, &record_fields[i], error);
  if (status != CONNECTOR_OK)
    return status;
  draft->cleared = known.clear;
  return check_clear(draft, error);
}

/* ---- checks ---- */

static connector_status check_text(const struct field *field, const char *text, size_t limit,
                                   connector_error *error)
{
  size_t length = strnlen(text, limit + 1);
  enum utf8_class class = UTF8_PLAIN;

  if (length == 0 && (field->flags & FIELD_NULLABLE) == 0)
    return error_set(error, CONNECTOR_INVALID, field->name, "must not be empty");
  if (length > limit)
    return error_set(error, CONNECTOR_INVALID, field->name, "is longer than %zu bytes", limit);
  class = utf8_classify(text, length);
  if (class == UTF8_BAD)
    return error_set(error, CONNECTOR_INVALID, field->name, "is not valid UTF-8");
  if (class == UTF8_CONTROL || (class == UTF8_LINES && (field->flags & FIELD_LINES) == 0))
    return error_set(error, CONNECTOR_INVALID, field->name, "holds a control character");
  return CONNECTOR_OK;
}

/* What is too long is cut rather than refused: a failure's text must not fail. */
static connector_status scrub(struct draft *draft, const struct field *field,
                              connector_error *error)
{
  const char **text = field_text(&draft->values, field);
  size_t length = strlen(*text);

  if (utf8_classify(*text, length) == UTF8_BAD)
    return error_set(error, CONNECTOR_INVALID, field->name, "is not valid UTF-8");
  *text = guard_scrub(&draft->arena, *text, length, field->limit);
  return *text != NULL ? check_text(field, *text, field->limit, error) : error_no_memory(error);
}

static connector_status check_json(struct draft *draft, const struct field *field,
                                   const struct limits *limits, connector_error *error)
{
  const char **text = field_text(&draft->values, field);

  if (((draft->compacted | draft->merge) & field_bit(field)) != 0)
    return CONNECTOR_OK;
  return json_field_compact(field, *text, strnlen(*text, (size_t)limits->document + 1), limits,
                            &draft->arena, text, error);
}

static connector_status check_number(const struct field *field, int64_t number,
                                     connector_error *error)
{
  if (field->kind == KIND_INTEGER && number < 0)
    return error_set(error, CONNECTOR_INVALID, field->name, "must not be negative");
  if (field->kind == KIND_TIME && !clock_fits(number))
    return error_set(error, CONNECTOR_INVALID, field->name, "is not in the years 0000 to 9999");
  if (field->kind == KIND_ENUM && enum_text(field->names, number) == NULL)
    return error_set(error, CONNECTOR_INVALID, field->name, "is not one of its values");
  return CONNECTOR_OK;
}

static size_t text_limit(const struct field *field, const struct limits *limits)
{
  return field->limit > 0 ? field->limit : limits->text;
}

connector_status draft_check(struct draft *draft, const struct limits *limits,
                             connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if ((draft->set & CONNECTOR_BIT(i)) == 0)
      continue;
    if (field_is_json(field))
      status = check_json(draft, field, limits, error);
    else if (!field_is_text(field))
      status = check_number(field, field_number(&draft->values, field), error);
    else if ((field->flags & FIELD_SCRUBBED) != 0)
      status = scrub(draft, field, error);
    else
      status = check_text(field, *field_text(&draft->values, field), text_limit(field, limits),
                          error);
  }
  return status;
}

static bool is_empty(const char *text)
{
  return text == NULL || *text == '\0';
}

connector_status record_check_scope(const connector *record, connector_error *error)
{
  if (record->scope == CONNECTOR_SCOPE_GROUP && is_empty(record->group_id))
    return error_set(error, CONNECTOR_INVALID, "group_id", "is required where scope is group");
  if (record->scope == CONNECTOR_SCOPE_USER && is_empty(record->user_id))
    return error_set(error, CONNECTOR_INVALID, "user_id", "is required where scope is user");
  return CONNECTOR_OK;
}

/* ---- whole records, as they stand in a file ---- */

static connector_status check_present(const connector *record, connector_error *error)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if (field_is_text(field) && (field->flags & FIELD_NULLABLE) == 0 &&
        is_empty(*field_text(record, field)))
      return error_set(error, CONNECTOR_INVALID, field->name, "is empty");
  }
  if (record->version < 1)
    return error_set(error, CONNECTOR_INVALID, "version", "is below 1");
  return CONNECTOR_OK;
}

connector_status record_check(const connector *record, const struct limits *limits,
                              connector_error *error)
{
  struct draft draft;
  connector_status status = check_present(record, error);

  draft_init(&draft);
  draft.values = *record;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if (field_is_text(field)
            ? *field_text(record, field) != NULL
            : (field->flags & FIELD_NULLABLE) == 0 || field_number(record, field) != 0)
      draft.set |= CONNECTOR_BIT(i);
  }
  if (status == CONNECTOR_OK)
    status = draft_check(&draft, limits, error);
  if (status == CONNECTOR_OK)
    status = record_check_scope(record, error);
  draft_free(&draft);
  return status;
}

/* ---- applying ---- */

/* What stands in the file may be damaged: a merge reads it as strictly as input. */
static connector_status check_stored(struct draft *draft, const struct field *field,
                                     const char *text, connector_error *error)
{
  struct json_reader reader;

  if (text == NULL)
    return CONNECTOR_OK;
  json_reader_init(&reader, text, strlen(text), &draft->arena);
  reader.depth = 1;
  if (json_skip(&reader) && json_finish(&reader))
    return CONNECTOR_OK;
  return reader.problem == JSON_NO_MEMORY
             ? error_no_memory(error)
             : error_set(error, CONNECTOR_CORRUPT, field->name, "is damaged in the file");
}

connector_status draft_merge(struct draft *draft, const connector *current,
                             const struct limits *limits, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    const char **text = NULL;

    if ((draft->merge & CONNECTOR_BIT(i)) == 0)
      continue;
    text = field_text(&draft->values, field);
    status = check_stored(draft, field, *field_text(current, field), error);
    if (status != CONNECTOR_OK)
      return status;
    *text = json_merge(*field_text(current, field), *text, &draft->arena);
    status = *text != NULL ? json_field_compact(field, *text, strlen(*text), limits, &draft->arena,
                                                text, error)
                           : error_no_memory(error);
  }
  draft->compacted |= draft->merge;
  draft->merge = 0;
  return status;
}

void draft_apply(const struct draft *draft, connector *record)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    uint64_t bit = CONNECTOR_BIT(i);

    if (((draft->set | draft->cleared) & bit) == 0)
      continue;
    if (field_is_text(field))
      *field_text(record, field) = (draft->set & bit) != 0 ? *field_text(&draft->values, field)
                                                           : NULL;
    else
      field_set_number(record, field,
                       (draft->set & bit) != 0 ? field_number(&draft->values, field) : 0);
  }
}
