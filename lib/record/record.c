/*
 * Copies, comparison and release of records, as loops over the field table.
 */
#include "record/record.h"

#include "base/status.h"

#include <stdlib.h>
#include <string.h>

void row_measure(struct row *row, const connector *record)
{
  row->record = *record;
  row->size = sizeof(*record);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if (field_is_text(field) && *field_text(record, field) != NULL) {
      row->lengths[i] = (uint32_t)strlen(*field_text(record, field));
      row->size += (size_t)row->lengths[i] + 1;
    }
  }
}

connector *row_place(const struct row *row, void *block)
{
  connector *copy = block;
  char *text = (char *)block + sizeof(*copy);

  *copy = row->record;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    const char **member = NULL;

    if (!field_is_text(field))
      continue;
    member = field_text(copy, field);
    if (*member == NULL)
      continue;
    memcpy(text, *member, (size_t)row->lengths[i] + 1);
    *member = text;
    text += row->lengths[i] + 1;
  }
  return copy;
}

connector *row_copy(const struct row *row)
{
  void *block = malloc(row->size);

  return block != NULL ? row_place(row, block) : NULL;
}

connector *record_copy(const connector *record)
{
  struct row row;

  row_measure(&row, record);
  return row_copy(&row);
}

connector_status connector_dup(const connector *record, connector **out, connector_error *error)
{
  connector *copy = NULL;

  if (record == NULL || out == NULL)
    return error_set(error, CONNECTOR_INVALID, record == NULL ? "record" : "out", "must be given");
  copy = record_copy(record);
  if (copy == NULL)
    return error_no_memory(error);
  *out = copy;
  return error_clear(error);
}

void connector_free(connector *record)
{
  free(record);
}

static bool same_text(const char *a, const char *b)
{
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

bool connector_equal(const connector *a, const connector *b)
{
  if (a == NULL || b == NULL)
    return a == b;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    if (field_is_text(field) ? !same_text(*field_text(a, field), *field_text(b, field))
                             : field_number(a, field) != field_number(b, field))
      return false;
  }
  return true;
}
