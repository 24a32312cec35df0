/*
 * Differences of records as loops over the field table. How values are written is json_writer.c's
 * concern, how JSON fields differ json_diff.c's; the way back is a draft that no check is made of,
 * for the record has already been in that state.
 */
#include "record/record_diff.h"

#include "base/status.h"
#include "record/draft.h"
#include "record/fields.h"
#include "record/json_diff.h"
#include "record/json_writer.h"

#include <string.h>

enum {
  KEY_EXTRA = 3, /* the quotes and the colon around a name */
  ROOM = 1024    /* what most created records take */
};

/* ---- the patches ---- */

static bool same_value(const connector *a, const connector *b, const struct field *field)
{
  const char *text = NULL;
  const char *other = NULL;

  if (!field_is_text(field))
    return field_number(a, field) == field_number(b, field);
  text = *field_text(a, field);
  other = *field_text(b, field);
  return text == other || (text != NULL && other != NULL && strcmp(text, other) == 0);
}

static bool is_empty(const connector *record, const struct field *field)
{
  return field_is_text(field) ? *field_text(record, field) == NULL
                              : field_number(record, field) == 0;
}

static void put_key(struct buffer *patch, const struct field *field)
{
  buffer_byte(patch, patch->length == 0 ? '{' : ',');
  buffer_append(patch, field->key, (size_t)field->name_length + KEY_EXTRA);
}

static void put_field(struct buffer *patch, const connector *record, const struct field *field)
{
  put_key(patch, field);
  json_write_field(patch, record, field);
}

static void close_patch(struct buffer *patch)
{
  if (patch->length == 0)
    buffer_byte(patch, '{');
  buffer_byte(patch, '}');
}

static bool diff_json(const connector *before, const connector *after, const struct field *field,
                      struct record_diff *diff)
{
  bool exact = false;

  put_key(&diff->forward, field);
  put_key(&diff->back, field);
  if (!json_diff(*field_text(before, field), *field_text(after, field), &diff->forward, &diff->back,
                 &exact))
    return false;
  if (!exact)
    put_field(&diff->back_exact, before, field);
  return true;
}

static bool diff_field(const connector *before, const connector *after, const struct field *field,
                       struct record_diff *diff)
{
  if (same_value(before, after, field))
    return true;
  if (field_is_json(field))
    return diff_json(before, after, field, diff);
  put_field(&diff->forward, after, field);
  put_field(&diff->back, before, field);
  return true;
}

static bool diff_changed(const connector *before, const connector *after, struct record_diff *diff)
{
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if (record_fields[i].writer != WRITER_SERVER &&
        !diff_field(before, after, &record_fields[i], diff))
      return false;
  close_patch(&diff->forward);
  close_patch(&diff->back);
  if (diff->back_exact.length > 0)
    close_patch(&diff->back_exact);
  return !diff->forward.failed && !diff->back.failed && !diff->back_exact.failed;
}

/* A boolean stands there whatever it is: who makes a record of the patch need not know a default.
 */
static bool diff_created(const connector *after, struct record_diff *diff)
{
  buffer_reserve(&diff->forward, ROOM);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if (field->writer != WRITER_SERVER && (field->kind == KIND_BOOL || !is_empty(after, field)))
      put_field(&diff->forward, after, field);
  }
  close_patch(&diff->forward);
  return !diff->forward.failed;
}

bool record_diff(const connector *before, const connector *after, struct record_diff *diff)
{
  diff->forward.length = 0;
  diff->back.length = 0;
  diff->back_exact.length = 0;
  if (after == NULL)
    return true;
  return before != NULL ? diff_changed(before, after, diff) : diff_created(after, diff);
}

void record_diff_free(struct record_diff *diff)
{
  buffer_free(&diff->forward);
  buffer_free(&diff->back);
  buffer_free(&diff->back_exact);
}

/* ---- the way back ---- */

/* Room for whatever a store with other limits may have written. */
static const struct limits no_limits = {
  .text = INT32_MAX, .json = INT32_MAX, .document = INT32_MAX, .allow_secrets = true
};

static connector_status take_patch(struct draft *draft, const char *patch, enum document_use use,
                                   connector *record, connector_error *error)
{
  connector_status status = draft_from_json(draft, patch, strlen(patch), use, &no_limits, error);

  if (status == CONNECTOR_OK && draft->stamped != 0)
    status = CONNECTOR_INVALID; /* what the server stamps is in no patch */
  if (status == CONNECTOR_OK)
    status = draft_merge(draft, record, &no_limits, error);
  if (status == CONNECTOR_OK)
    draft_apply(draft, record);
  return status;
}

/* Applies a patch in the caller's arena, where the draft's text then stays. What can't be read is
 * not the input of a caller, but a damaged file. */
static connector_status apply_patch(connector *record, const char *patch, enum document_use use,
                                    struct arena *arena, connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  struct draft draft;

  draft_init(&draft);
  draft.arena = *arena;
  status = take_patch(&draft, patch, use, record, error);
  *arena = draft.arena;
  if (status == CONNECTOR_OK || status == CONNECTOR_NO_MEMORY || status == CONNECTOR_CORRUPT)
    return status;
  return error_set(error, CONNECTOR_CORRUPT, NULL, "a change in the history is damaged");
}

connector_status record_undo(connector *record, const char *back, const char *back_exact,
                             struct arena *arena, connector_error *error)
{
  connector undone = *record;
  connector_status status = CONNECTOR_OK;

  if (back != NULL)
    status = apply_patch(&undone, back, DOCUMENT_UPDATE, arena, error);
  if (status == CONNECTOR_OK && back_exact != NULL)
    status = apply_patch(&undone, back_exact, DOCUMENT_CREATE, arena, error);
  if (status != CONNECTOR_OK)
    return status;
  *record = undone;
  return error_clear(error);
}
