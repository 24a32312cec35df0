/*
 * A strict reader of JSON that copies nothing: values are spans of the text, which lies in guarded
 * memory. UTF-8 inside strings is left to who takes the values.
 */
#ifndef VAULT_JSON_H
#define VAULT_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A part of a text: one JSON value without spaces around it. Length 0 is no value. */
struct span {
  const char *start;
  size_t length;
};

/* Whether the text is one JSON value (RFC 8259), at most 64 levels deep; then `value` is it. All
 * that follow take spans of such a text. */
bool json_read(const char *text, size_t length, struct span *value);

/* The member of that name (which needs no escapes), the first where it comes twice; an empty span
 * where there is none, or where the span is no object. */
struct span json_member(struct span object, const char *name);

/* The next member or item, from *offset 0 on. The name keeps its quotes. */
bool json_next_member(struct span object, size_t *offset, struct span *name, struct span *value);
bool json_next_item(struct span array, size_t *offset, struct span *value);

bool json_is_object(struct span value);
bool json_is_array(struct span value);
bool json_is_string(struct span value);
bool json_is_null(struct span value);
bool json_is_true(struct span value);

/* A number without fraction or exponent that is not negative. */
bool json_count(struct span value, int64_t *number);

/* What stands between a string's quotes, escapes and all. */
struct span json_inside(struct span string);

/* Whether the string has that text, which needs no escapes, in it. */
bool json_contains(struct span string, const char *part);

#endif
