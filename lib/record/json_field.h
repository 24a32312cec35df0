/*
 * The JSON-valued fields (config, metrics, event_types, tags): their shape, their secrets and their
 * length, whether they come inside a document or through the C API.
 */
#ifndef RECORD_JSON_FIELD_H
#define RECORD_JSON_FIELD_H

#include "record/draft.h"
#include "record/json_reader.h"

/* Reads the field's value where the reader stands, checks it, and hands out its compact text in the
 * reader's arena. Problems of the JSON itself stay in the reader, with CONNECTOR_OK. */
connector_status json_field_read(struct json_reader *reader, const struct field *field,
                                 const struct limits *limits, const char **compact,
                                 connector_error *error);

/* The same for JSON text that is the field's value and nothing more. `compact` may be where `text`
 * came from; it lives in the arena. */
connector_status json_field_compact(const struct field *field, const char *text, size_t length,
                                    const struct limits *limits, struct arena *arena,
                                    const char **compact, connector_error *error);

/* Reports the reader's problem. `field` is named where the problem has no path of its own. */
connector_status json_field_problem(const struct json_reader *reader, const char *field,
                                    connector_error *error);

#endif
