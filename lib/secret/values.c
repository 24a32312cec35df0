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

connector_status secret_value_check(const char *name, size_t name_length, size_t length,
                                    connector_error *error)
{
  connector_status status = check_name(name, name_length, error);

  if (status == CONNECTOR_OK && length > CONNECTOR_SECRET_VALUE_MAX)
    status = error_set(error, CONNECTOR_INVALID, secret_name_show(name, name_length).name,
                       "is longer than %d bytes", CONNECTOR_SECRET_VALUE_MAX);
  return status;
}

/* One with this name, which was checked, and no bytes. */
static connector_status make_empty(const char *name, size_t length, struct secret_value *out,
                                   connector_error *error)
{
  struct secret_value value = { .name = malloc(length + 1), .name_length = (uint8_t)length };

  if (value.name == NULL)
    return error_no_memory(error);
  memcpy(value.name, name, length);
  value.name[length] = '\0';
  *out = value;
  return CONNECTOR_OK;
}

connector_status secret_value_make(const struct secret_key *key, const char *name,
                                   size_t name_length, const void *bytes, size_t length,
                                   struct secret_value *out, connector_error *error)
{
  struct secret_value value = { 0 };
  connector_status status = secret_value_check(name, name_length, length, error);

  if (status == CONNECTOR_OK)
    status = make_empty(name, name_length, &value, error);
  if (status == CONNECTOR_OK)
    status = secret_key_seal(key, bytes, length, &value.cell, error);
  if (status != CONNECTOR_OK) {
    secret_value_free(&value);
    return status;
  }
  *out = value;
  return CONNECTOR_OK;
}

connector_status secret_value_copy(const struct secret_value *value, struct secret_value *out,
                                   connector_error *error)
{
  struct secret_value copy = { 0 };
  connector_status status = make_empty(value->name, value->name_length, &copy, error);

  if (status == CONNECTOR_OK)
    status = secret_cell_copy(&value->cell, &copy.cell, error);
  if (status != CONNECTOR_OK) {
    secret_value_free(&copy);
    return status;
  }
  copy.json = value->json;
  *out = copy;
  return CONNECTOR_OK;
}

void secret_value_free(struct secret_value *value)
{
  secret_cell_free(&value->cell);
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
  return drop_empty && value->cell.length == 0;
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

size_t secret_values_longest(const struct secret_values *values)
{
  size_t longest = 0;

  for (size_t i = 0; i < values->count; i++)
    if (values->items[i].cell.length > longest)
      longest = values->items[i].cell.length;
  return longest;
}

void secret_values_free(struct secret_values *values)
{
  for (size_t i = 0; i < values->count; i++)
    secret_value_free(&values->items[i]);
  free(values->items);
  *values = (struct secret_values){ 0 };
}

/* ---- copying ---- */

/* What it takes to bring values from one memory to another. */
struct passage {
  struct secret_key from;
  struct secret_key to;
  struct secret_work room; /* for the longest of them */
};

static connector_status passage_open(const struct secret_values *values, struct secret_memory *from,
                                     struct secret_memory *to, struct passage *passage,
                                     connector_error *error)
{
  connector_status status = secret_key_take(from, &passage->from, error);

  if (status == CONNECTOR_OK)
    status = secret_key_take(to, &passage->to, error);
  if (status == CONNECTOR_OK)
    status = secret_work_take(to, secret_values_longest(values), &passage->room, error);
  return status;
}

static void passage_close(struct passage *passage)
{
  secret_work_give(&passage->room);
  secret_key_give(&passage->to);
  secret_key_give(&passage->from);
}

static connector_status seal_again(const struct passage *passage, const struct secret_value *value,
                                   struct secret_value *out, connector_error *error)
{
  connector_status status = secret_key_open(&passage->from, &value->cell, passage->room.bytes,
                                            error);

  if (status == CONNECTOR_OK)
    status = secret_value_make(&passage->to, value->name, value->name_length, passage->room.bytes,
                               value->cell.length, out, error);
  if (status == CONNECTOR_OK)
    out->json = value->json;
  return status;
}

connector_status secret_values_copy(const struct secret_values *values, struct secret_memory *from,
                                    struct secret_memory *to, struct secret_values *copies,
                                    connector_error *error)
{
  struct passage passage = { 0 };
  connector_status status = secret_values_reserve(copies, values->count, error);

  if (status == CONNECTOR_OK && from != to)
    status = passage_open(values, from, to, &passage, error);
  for (size_t i = 0; status == CONNECTOR_OK && i < values->count; i++) {
    struct secret_value *copy = &copies->items[copies->count];

    status = from == to ? secret_value_copy(&values->items[i], copy, error)
                        : seal_again(&passage, &values->items[i], copy, error);
    if (status == CONNECTOR_OK)
      copies->count++;
  }
  passage_close(&passage);
  return status;
}
