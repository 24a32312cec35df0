/*
 * The JSON-valued fields: which values fit which kind of field. What JSON is, json_copy() checks.
 */
#include "record/json_field.h"

#include "base/status.h"

static const char *const shape_complaints[] = {
  [KIND_OBJECT] = "must be a JSON object",
  [KIND_TEXTS] = "must be a JSON array of text",
  [KIND_TAGS] = "must be a JSON array or object",
};

connector_status json_field_problem(const struct json_reader *reader, const char *field,
                                    connector_error *error)
{
  switch (reader->problem) {
  case JSON_NO_MEMORY:
    return error_no_memory(error);
  case JSON_SECRET:
    return error_set(error, CONNECTOR_INVALID, reader->path,
                     "looks like a secret: keep it in the vault and name it by vault_path");
  case JSON_DUPLICATE:
    return error_set(error, CONNECTOR_INVALID, reader->path, "is there twice");
  default:
    return error_set(error, CONNECTOR_INVALID, field, "%s at byte %zu",
                     json_problem_text(reader->problem), (size_t)(reader->at - reader->start));
  }
}

static bool kind_fits(const struct field *field, enum json_kind kind)
{
  switch (field->kind) {
  case KIND_OBJECT:
    return kind == JSON_OBJECT;
  case KIND_TEXTS:
    return kind == JSON_ARRAY;
  default:
    return kind == JSON_ARRAY || kind == JSON_OBJECT;
  }
}

connector_status json_field_read(struct json_reader *reader, const struct field *field,
                                 const struct limits *limits, const char **compact,
                                 connector_error *error)
{
  enum json_kind kind = json_peek(reader);
  const char *text = NULL;
  size_t length = 0;

  if (kind != JSON_BAD && kind != JSON_END && !kind_fits(field, kind))
    return error_set(error, CONNECTOR_INVALID, field->name, "%s", shape_complaints[field->kind]);
  reader->guard = !limits->allow_secrets && (field->flags & FIELD_GUARDED) != 0;
  text = json_copy(reader, field->name, &length);
  reader->guard = false;
  if (text == NULL)
    return CONNECTOR_OK;
  if (length > limits->json)
    return error_set(error, CONNECTOR_INVALID, field->name, "is longer than %zu bytes",
                     (size_t)limits->json);
  if (field->kind == KIND_TEXTS && !reader->only_text)
    return error_set(error, CONNECTOR_INVALID, field->name, "%s", shape_complaints[KIND_TEXTS]);
  *compact = text;
  return CONNECTOR_OK;
}

connector_status json_field_compact(const struct field *field, const char *text, size_t length,
                                    const struct limits *limits, struct arena *arena,
                                    const char **compact, connector_error *error)
{
  struct json_reader reader;
  const char *value = NULL;
  connector_status status = CONNECTOR_OK;

  if (length > limits->document)
    return error_set(error, CONNECTOR_INVALID, field->name, "is longer than %zu bytes",
                     (size_t)limits->json);
  json_reader_init(&reader, text, length, arena);
  reader.depth = 1; /* inside a record, so that the record's own JSON keeps to JSON_DEPTH */
  status = json_field_read(&reader, field, limits, &value, error);
  if (status != CONNECTOR_OK)
    return status;
  if (!json_finish(&reader))
    return json_field_problem(&reader, field->name, error);
  *compact = value;
  return CONNECTOR_OK;
}
