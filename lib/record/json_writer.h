/*
 * Records as JSON: one table-driven pass into a growing buffer.
 */
#ifndef RECORD_JSON_WRITER_H
#define RECORD_JSON_WRITER_H

#include "base/buffer.h"
#include "record/fields.h"

/* Writes a record as one object; `flags` are the public ones of connector_to_json(). Failures stick
 * in the buffer. */
void json_write_record(struct buffer *buffer, const connector *record, uint32_t flags);

/* Writes the value of one field, null where it is unset. */
void json_write_field(struct buffer *buffer, const connector *record, const struct field *field);

/* Writes text as a JSON string with its quotes, escaping only what must be. */
void json_write_string(struct buffer *buffer, const char *text, size_t length);

/* Writes a time as a JSON string, or null for 0. */
void json_write_time(struct buffer *buffer, int64_t milliseconds);

#endif
