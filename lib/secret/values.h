/*
 * Named values, in the order in which they came. Names are in plain text, values encrypted.
 */
#ifndef SECRET_VALUES_H
#define SECRET_VALUES_H

#include "secret/cell.h"

#include <connector/secret.h>

struct secret_value {
  char *name; /* owned, NUL-terminated */
  struct secret_cell cell;
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

/* Makes a value of these bytes that is in no set yet. INVALID: the name can be none (field `name`),
 * or the value is too long (field: the name). */
connector_status secret_value_make(const struct secret_key *key, const char *name,
                                   size_t name_length, const void *bytes, size_t length,
                                   struct secret_value *out, connector_error *error);

/* Whether secret_value_make() takes a name and a length; what it answers. */
connector_status secret_value_check(const char *name, size_t name_length, size_t length,
                                    connector_error *error);

/* Makes a copy of a value for the same memory. */
connector_status secret_value_copy(const struct secret_value *value, struct secret_value *out,
                                   connector_error *error);

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

/* Makes copies of all behind those of `copies`: for the same memory where `from` and `to` are it,
 * else opened and sealed again. What was made so far stays there where it fails. */
connector_status secret_values_copy(const struct secret_values *values, struct secret_memory *from,
                                    struct secret_memory *to, struct secret_values *copies,
                                    connector_error *error);

/* The length of the longest value. */
size_t secret_values_longest(const struct secret_values *values);

/* Releases all. */
void secret_values_free(struct secret_values *values);

#endif
