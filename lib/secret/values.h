/*
 * Named values, in the order in which they came. Names are in ordinary memory, values in slots.
 */
#ifndef SECRET_VALUES_H
#define SECRET_VALUES_H

#include "secret/memory.h"

#include <connector/secret.h>

struct secret_value {
  char *name; /* owned, NUL-terminated */
  struct secret_slot slot;
  uint8_t name_length;
  bool json; /* the bytes are JSON text: a number, true, false, an array or an object */
};

/* All zero: none. */
struct secret_values {
  struct secret_value *items;
  size_t count;
  size_t capacity;
};

/* What makes an error show no more of a name than it may: "" where the name looks like a secret
 * itself. */
struct secret_shown {
  char name[sizeof(((connector_error *)0)->field)];
};

struct secret_shown secret_name_show(const char *name, size_t length);

/* Makes a value of `length` zero bytes that is in no set yet. INVALID: the name can be none (field
 * `name`), or it would be too long (field: the name). */
connector_status secret_value_make(struct secret_memory *memory, const char *name,
                                   size_t name_length, size_t length, struct secret_value *out,
                                   connector_error *error);

/* Makes one that holds these bytes. */
connector_status secret_value_copy(struct secret_memory *memory, const char *name,
                                   size_t name_length, const void *bytes, size_t length,
                                   struct secret_value *out, connector_error *error);

void secret_value_free(struct secret_value *value);

/* The value of that name, or NULL. */
struct secret_value *secret_values_find(const struct secret_values *values, const char *name,
                                        size_t length);

/* Makes room for `more` values. */
connector_status secret_values_reserve(struct secret_values *values, size_t more,
                                       connector_error *error);

/* Moves values of different names in, each in place of the one of its name or else behind the
 * others; with `drop_empty`, an empty one removes that instead. All or, with NO_MEMORY or
 * TOO_LARGE, none. What they replace is left in `items`, for the caller to free. */
connector_status secret_values_put(struct secret_values *values, struct secret_value *items,
                                   size_t count, bool drop_empty, connector_error *error);

/* Opens all values at once, so that their regions are opened and closed once: opening one of them
 * meanwhile is then cheap. */
connector_status secret_values_read(const struct secret_values *values, connector_error *error);
void secret_values_read_done(const struct secret_values *values);
connector_status secret_values_write(const struct secret_values *values, connector_error *error);
void secret_values_write_done(const struct secret_values *values);

/* Wipes and releases all. */
void secret_values_free(struct secret_values *values);

#endif
