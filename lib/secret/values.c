/*
 * Sets of named values. They are few, so that names are looked for one after the other.
 */
#include "secret/values.h"

#include "base/status.h"
#include "base/utf8.h"
#include "record/guard.h"

#include <stdlib.h>
#include <string.h>

enum { FIRST_CAPACITY = 2 };

/* ---- one value ---- */

struct secret_shown secret_name_show(const char *name, size_t length)
{
  struct secret_shown shown = { "" };
  size_t at = 0;
  size_t found = 0;

  if (utf8_classify(name, length) == UTF8_PLAIN && !guard_find(name, length, &at, &found))
    memcpy(shown.name, name, utf8_cut(name, length, sizeof(shown.name) - 1));
  return shown;
}

static connector_status check_name(const char *name, size_t length, connector_error *error)
{
  if (length == 0 || length > CONNECTOR_SECRET_NAME_MAX)
    return error_set(error, CONNECTOR_INVALID, "name", "must have 1 to %d bytes",
                     CONNECTOR_SECRET_NAME_MAX);
  if (utf8_classify(name, length) != UTF8_PLAIN)
    return error_set(error, CONNECTOR_INVALID, "name",
                     "must be UTF-8 text without control characters");
  return CONNECTOR_OK;
}

connector_status secret_value_make(struct secret_memory *memory, const char *name,
                                   size_t name_length, size_t length, struct secret_value *out,
                                   connector_error *error)
{
  struct secret_value value = { NULL, { NULL, 0, 0 }, 0, false };
  connector_status status = check_name(name, name_length, error);

  if (status != CONNECTOR_OK)
    return status;
  if (length > CONNECTOR_SECRET_VALUE_MAX)
    return error_set(error, CONNECTOR_INVALID, secret_name_show(name, name_length).name,
                     "is longer than %d bytes", CONNECTOR_SECRET_VALUE_MAX);
  value.name = malloc(name_length + 1);
  if (value.name == NULL)
    return error_no_memory(error);
  memcpy(value.name, name, name_length);
  value.name[name_length] = '\0';
  value.name_length = (uint8_t)name_length;
  status = secret_slot_take(memory, length, &value.slot, error);
  if (status != CONNECTOR_OK) {
    free(value.name);
    return status;
  }
  *out = value;
  return CONNECTOR_OK;
}

connector_status secret_value_copy(struct secret_memory *memory, const char *name,
                                   size_t name_length, const void *bytes, size_t length,
                                   struct secret_value *out, connector_error *error)
{
  char *to = NULL;
  connector_status status = secret_value_make(memory, name, name_length, length, out, error);

  if (status != CONNECTOR_OK || length == 0)
    return status;
  status = secret_slot_write(&out->slot, &to, error);
  if (status != CONNECTOR_OK) {
    secret_value_free(out);
    return status;
  }
  secret_bytes_copy(to, bytes, length);
  secret_slot_write_done(&out->slot);
  return CONNECTOR_OK;
}

void secret_value_free(struct secret_value *value)
{
  secret_slot_give(&value->slot);
  free(value->name);
  *value = (struct secret_value){ 0 };
}

/* ---- a set of them ---- */

struct secret_value *secret_values_find(const struct secret_values *values, const char *name,
                                        size_t length)
{
  for (size_t i = 0; i < values->count; i++) {
    struct secret_value *value = &values->items[i];

    if (value->name_length == length && memcmp(value->name, name, length) == 0)
      return value;
  }
  return NULL;
}

connector_status secret_values_reserve(struct secret_values *values, size_t more,
                                       connector_error *error)
{
  size_t capacity = values->capacity > 0 ? values->capacity : FIRST_CAPACITY;
  struct secret_value *items = NULL;

  if (values->capacity - values->count >= more)
    return CONNECTOR_OK;
  while (capacity - values->count < more)
    capacity *= 2;
  items = realloc(values->items, capacity * sizeof(*items));
  if (items == NULL)
    return error_no_memory(error);
  values->items = items;
  values->capacity = capacity;
  return CONNECTOR_OK;
}

static bool removes(const struct secret_value *value, bool drop_empty)
{
  return drop_empty && value->slot.length == 0;
}

static void swap(struct secret_value *a, struct secret_value *b)
{
  struct secret_value between = *a;

  *a = *b;
  *b = between;
}

static void remove_value(struct secret_values *values, struct secret_value *value)
{
  size_t behind = (size_t)(values->items + values->count - value) - 1;

  memmove(value, value + 1, behind * sizeof(*value));
  values->count--;
}

/* What is removed or replaced changes places with the item. */
static void put_one(struct secret_values *values, struct secret_value *item, bool drop_empty)
{
  struct secret_value *old = secret_values_find(values, item->name, item->name_length);
  bool is_removed = removes(item, drop_empty);

  if (old != NULL)
    swap(old, item);
  if (old != NULL && is_removed) {
    struct secret_value empty = *old;

    free(empty.name);
    remove_value(values, old);
  } else if (old == NULL && !is_removed) {
    values->items[values->count++] = *item;
    *item = (struct secret_value){ 0 };
  }
}

connector_status secret_values_put(struct secret_values *values, struct secret_value *items,
                                   size_t count, bool drop_empty, connector_error *error)
{
  size_t added = 0;
  size_t removed = 0;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; i < count; i++) {
    bool is_there = secret_values_find(values, items[i].name, items[i].name_length) != NULL;

    added += !is_there && !removes(&items[i], drop_empty);
    removed += is_there && removes(&items[i], drop_empty);
  }
  if (values->count + added - removed > CONNECTOR_SECRET_VALUES_MAX)
    return error_set(error, CONNECTOR_TOO_LARGE, NULL, "a secret holds at most %d values",
                     CONNECTOR_SECRET_VALUES_MAX);
  status = secret_values_reserve(values, added, error);
  for (size_t i = 0; status == CONNECTOR_OK && i < count; i++)
    put_one(values, &items[i], drop_empty);
  return status;
}

/* ---- all of a set's memory ---- */

connector_status secret_values_read(const struct secret_values *values, connector_error *error)
{
  for (size_t i = 0; i < values->count; i++) {
    const char *bytes = NULL;
    connector_status status = secret_slot_read(&values->items[i].slot, &bytes, error);

    if (status != CONNECTOR_OK) {
      while (i-- > 0)
        secret_slot_read_done(&values->items[i].slot);
      return status;
    }
  }
  return CONNECTOR_OK;
}

void secret_values_read_done(const struct secret_values *values)
{
  for (size_t i = 0; i < values->count; i++)
    secret_slot_read_done(&values->items[i].slot);
}

connector_status secret_values_write(const struct secret_values *values, connector_error *error)
{
  for (size_t i = 0; i < values->count; i++) {
    char *bytes = NULL;
    connector_status status = secret_slot_write(&values->items[i].slot, &bytes, error);

    if (status != CONNECTOR_OK) {
      while (i-- > 0)
        secret_slot_write_done(&values->items[i].slot);
      return status;
    }
  }
  return CONNECTOR_OK;
}

void secret_values_write_done(const struct secret_values *values)
{
  for (size_t i = 0; i < values->count; i++)
    secret_slot_write_done(&values->items[i].slot);
}

void secret_values_free(struct secret_values *values)
{
  struct secret_slot *slots[CONNECTOR_SECRET_VALUES_MAX];

  for (size_t i = 0; i < values->count; i++) {
    slots[i] = &values->items[i].slot;
    free(values->items[i].name);
  }
  secret_slots_give(slots, values->count);
  free(values->items);
  *values = (struct secret_values){ 0 };
}
