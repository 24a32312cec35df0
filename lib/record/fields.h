/*
 * The field table: one row for each of the 38 fields, and the few ways to reach a field through it.
 * Everything that concerns "all fields" loops over these rows.
 */
#ifndef RECORD_FIELDS_H
#define RECORD_FIELDS_H

#include <connector/record.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum field_kind {
  KIND_TEXT,
  KIND_ENUM,
  KIND_BOOL,
  KIND_INTEGER, /* not negative */
  KIND_TIME,    /* milliseconds; 0 is none */
  KIND_OBJECT,  /* JSON text: an object */
  KIND_TEXTS,   /* JSON text: an array of text */
  KIND_TAGS     /* JSON text: an array or an object */
};

enum field_writer {
  WRITER_SERVER, /* only the library stamps it */
  WRITER_USER,
  WRITER_HEALTH /* the health calls, and also the user */
};

enum field_flag {
  FIELD_NULLABLE = 1,     /* null in JSON and in a column */
  FIELD_CLEARABLE = 2,    /* may stand in a patch's `clear` */
  FIELD_DERIVED = 4,      /* no column: is_deleted follows from deleted_at */
  FIELD_OMITTED = 8,      /* left out of JSON where absent */
  FIELD_LINES = 16,       /* tab and newline are allowed */
  FIELD_SCRUBBED = 32,    /* secrets are taken out and what is too long is cut */
  FIELD_REFERENCE = 64,   /* the reference callback is asked */
  FIELD_VISIBILITY = 128, /* who sees the record depends on it */
  FIELD_GUARDED = 256     /* the secret guard applies */
};

/* Texts of an enum: the value of names[i] is i + 1. */
struct enum_names {
  const char *const *names;
  size_t count;
};

struct field {
  const char *name; /* in JSON and of the column */
  const char *key;  /* the name as a JSON key: `"name":` */
  uint8_t name_length;
  uint8_t kind;       /* enum field_kind */
  uint8_t writer;     /* enum field_writer */
  uint16_t flags;     /* enum field_flag */
  uint16_t record_at; /* offset in connector */
  uint16_t patch_at;  /* offset in connector_patch; 0 where the patch has no member */
  uint32_t limit;     /* bytes; 0 = the store's limit for text or JSON */
  const struct enum_names *names;
};

extern const struct field record_fields[CONNECTOR_FIELD_COUNT];

/* The set of fields that have any of the flags. */
uint64_t fields_with_flags(unsigned flags);

static inline bool field_is_text(const struct field *field)
{
  return field->kind == KIND_TEXT || field->kind >= KIND_OBJECT;
}

static inline bool field_is_json(const struct field *field)
{
  return field->kind >= KIND_OBJECT;
}

/* The member of a text or JSON field. */
static inline const char **field_text(const connector *record, const struct field *field)
{
  return (const char **)((uintptr_t)record + field->record_at);
}

/* The value of any other field as a number: booleans 0 and 1, enums their value. */
int64_t field_number(const connector *record, const struct field *field);
void field_set_number(connector *record, const struct field *field, int64_t number);

/* The field of a name of `length` bytes, or NULL. `hint` is the index to look at first. */
const struct field *field_find(const char *name, size_t length, size_t hint);

static inline size_t field_index(const struct field *field)
{
  return (size_t)(field - record_fields);
}

static inline uint64_t field_bit(const struct field *field)
{
  return CONNECTOR_BIT(field_index(field));
}

/* The text of an enum's value, NULL for another value; the value of a text, 0 for another text. */
const char *enum_text(const struct enum_names *names, int64_t value);
int64_t enum_value(const struct enum_names *names, const char *text, size_t length);

#endif
