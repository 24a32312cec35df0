/*
 * Filters as predicates. The table says which operators fit which kind of field.
 */
#include "engine/filter.h"

#include "base/clock.h"
#include "base/status.h"
#include "base/utf8.h"
#include "record/fields.h"
#include "record/json_writer.h"

#include <string.h>

#define OP(name) (1u << CONNECTOR_OP_##name)

enum {
  NULLS = OP(IS_NULL) | OP(NOT_NULL),
  EQUAL = OP(EQ) | OP(NE),
  ORDERED = OP(LT) | OP(LE) | OP(GT) | OP(GE),
  TEXT_MOST = 4096,
  PATH_MOST = 512
};

static const unsigned fits[] = {
  [KIND_TEXT] = NULLS | EQUAL | ORDERED | OP(IN) | OP(PREFIX) | OP(CONTAINS),
  [KIND_ENUM] = NULLS | EQUAL | ORDERED | OP(IN),
  [KIND_BOOL] = NULLS | EQUAL,
  [KIND_INTEGER] = NULLS | EQUAL | ORDERED,
  [KIND_TIME] = NULLS | EQUAL | ORDERED | OP(IN),
  [KIND_OBJECT] = NULLS | OP(CONTAINS),
  [KIND_TEXTS] = NULLS | OP(CONTAINS),
  [KIND_TAGS] = NULLS | OP(CONTAINS),
};

/* With a path into it, a JSON field takes them all. */
static const unsigned fits_path = NULLS | EQUAL | ORDERED | OP(IN) | OP(PREFIX) | OP(CONTAINS);

/* The comparison, with its parameter. NE holds for null too. */
static const char *const comparisons[] = {
  [CONNECTOR_OP_EQ] = " = ?",  [CONNECTOR_OP_NE] = " IS NOT ?", [CONNECTOR_OP_LT] = " < ?",
  [CONNECTOR_OP_LE] = " <= ?", [CONNECTOR_OP_GT] = " > ?",      [CONNECTOR_OP_GE] = " >= ?",
};

/* ---- checks ---- */

static connector_status refuse(const struct field *field, const char *message,
                               connector_error *error)
{
  return error_set(error, CONNECTOR_INVALID, field->name, "%s", message);
}

static connector_status check_path(const struct field *field, const char *path,
                                   connector_error *error)
{
  size_t length = strnlen(path, PATH_MOST + 1);

  if (!field_is_json(field))
    return refuse(field, "is no JSON field, so its filter can have no path", error);
  if (length == 0 || length > PATH_MOST || utf8_classify(path, length) != UTF8_PLAIN ||
      strchr(path, '"') != NULL || path[0] == '.' || path[length - 1] == '.' ||
      strstr(path, "..") != NULL)
    return refuse(field, "has a filter whose path is not names parted by dots", error);
  return CONNECTOR_OK;
}

static connector_status check_value(const struct field *field, const char *text, bool path,
                                    connector_error *error)
{
  int64_t time = 0;
  size_t length = strnlen(text, TEXT_MOST + 1);

  if (length > TEXT_MOST || utf8_classify(text, length) == UTF8_BAD)
    return refuse(field, "has a filter whose text is too long or not UTF-8", error);
  if (path || field->kind == KIND_TEXT || field_is_json(field))
    return CONNECTOR_OK;
  if (field->kind == KIND_ENUM && enum_value(field->names, text, length) == 0)
    return refuse(field, "has a filter whose text is not one of the field's values", error);
  if (field->kind == KIND_TIME && !clock_parse(text, length, &time))
    return refuse(field, "has a filter whose text is not an RFC 3339 time", error);
  if (field->kind == KIND_BOOL || field->kind == KIND_INTEGER)
    return refuse(field, "takes a number, not text", error);
  return CONNECTOR_OK;
}

static connector_status check_texts(const struct field *field, const connector_filter *filter,
                                    connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (filter->texts == NULL || filter->text_count == 0 ||
      filter->text_count > CONNECTOR_FILTER_TEXTS_MAX)
    return error_set(error, CONNECTOR_INVALID, field->name, "has a filter that needs 1 to %d texts",
                     CONNECTOR_FILTER_TEXTS_MAX);
  for (size_t i = 0; status == CONNECTOR_OK && i < filter->text_count; i++)
    status = filter->texts[i] != NULL
                 ? check_value(field, filter->texts[i], filter->path != NULL, error)
                 : refuse(field, "has a filter with a NULL among its texts", error);
  return status;
}

static bool takes_number(const struct field *field, const connector_filter *filter)
{
  switch (field->kind) {
  case KIND_TEXT:
  case KIND_ENUM:
    return false;
  case KIND_OBJECT:
  case KIND_TEXTS:
  case KIND_TAGS:
    return filter->op <= CONNECTOR_OP_GE;
  default:
    return true;
  }
}

static connector_status check_number(const struct field *field, int64_t number,
                                     connector_error *error)
{
  if (field->kind == KIND_BOOL && number != 0 && number != 1)
    return refuse(field, "takes 0 or 1", error);
  if (field->kind == KIND_TIME && number == 0)
    return refuse(field, "takes a time: for none there is IS_NULL", error);
  return CONNECTOR_OK;
}

connector_status filter_check(const connector_filter *filter, connector_error *error)
{
  const struct field *field = NULL;
  unsigned allowed = 0;

  if ((unsigned)filter->field >= CONNECTOR_FIELD_COUNT)
    return error_set(error, CONNECTOR_INVALID, "filters", "name a field that does not exist");
  field = &record_fields[filter->field];
  if (filter->path != NULL) {
    connector_status status = check_path(field, filter->path, error);

    if (status != CONNECTOR_OK)
      return status;
  }
  allowed = filter->path != NULL ? fits_path : fits[field->kind];
  if ((unsigned)filter->op > CONNECTOR_OP_NOT_NULL || (allowed & 1u << filter->op) == 0)
    return refuse(field, "has a filter whose operator does not fit it", error);
  if ((NULLS & 1u << filter->op) != 0)
    return CONNECTOR_OK;
  if (filter->op == CONNECTOR_OP_IN)
    return check_texts(field, filter, error);
  if (filter->text != NULL)
    return check_value(field, filter->text, filter->path != NULL, error);
  if (!takes_number(field, filter))
    return refuse(field, "has a filter that needs text", error);
  return check_number(field, filter->number, error);
}

/* ---- values ---- */

const char *field_expression(connector_field field)
{
  return field == CONNECTOR_FIELD_IS_DELETED ? "(deleted_at IS NOT NULL)"
                                             : record_fields[field].name;
}

static void add_value(struct sql *sql, const struct field *field, const connector_filter *filter)
{
  int64_t time = filter->number;

  if (field->kind != KIND_TIME && filter->text != NULL) {
    sql_value_text(sql, filter->text);
    return;
  }
  if (filter->text != NULL)
    (void)clock_parse(filter->text, strlen(filter->text), &time);
  sql_value_number(sql, time);
}

/* The texts as one JSON array, so that their number does not change the statement. */
static void add_texts(struct sql *sql, const struct field *field, const connector_filter *filter,
                      struct arena *arena)
{
  struct buffer json = { 0 };
  char *copy = NULL;

  for (size_t i = 0; i < filter->text_count; i++) {
    size_t length = strlen(filter->texts[i]);
    int64_t time = 0;

    buffer_byte(&json, i == 0 ? '[' : ',');
    if (field->kind == KIND_TIME && clock_parse(filter->texts[i], length, &time))
      buffer_integer(&json, time);
    else
      json_write_string(&json, filter->texts[i], length);
  }
  buffer_byte(&json, ']');
  if (!json.failed)
    copy = arena_copy(arena, json.bytes, json.length);
  if (copy == NULL)
    sql->text.failed = true;
  sql_value_text(sql, copy);
  buffer_free(&json);
}

/* `labels.env` as the engine writes it: `$."labels"."env"`. */
static const char *engine_path(const char *path, struct sql *sql, struct arena *arena)
{
  struct buffer text = { 0 };
  char *copy = NULL;

  buffer_text(&text, "$.\"");
  for (const char *at = path; *at != '\0'; at++) {
    if (*at == '.')
      buffer_text(&text, "\".\"");
    else
      buffer_byte(&text, *at);
  }
  buffer_byte(&text, '"');
  if (!text.failed)
    copy = arena_copy(arena, text.bytes, text.length);
  if (copy == NULL)
    sql->text.failed = true;
  buffer_free(&text);
  return copy;
}

/* ---- predicates ---- */

/* Writes `text` with each `@` as the field's name and each `#` as a parameter for the path. */
static void write_pattern(struct sql *sql, const struct field *field, const char *path,
                          const char *text)
{
  for (; *text != '\0'; text++) {
    if (*text == '@')
      sql_text(sql, field->name);
    else
      buffer_byte(&sql->text, *text == '#' ? '?' : *text);
    if (*text == '#')
      sql_value_text(sql, path);
  }
}

#define JSON_TEXT                                                                                  \
  "(CASE json_type(@, #) WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' WHEN 'null' THEN NULL " \
  "ELSE CAST(json_extract(@, #) AS TEXT) END)"

/* A member as text: what `json_each` tells of booleans is a number. */
#define JSON_MEMBER                                                                                \
  "CASE json_each.type WHEN 'true' THEN 'true' WHEN 'false' THEN 'false' "                         \
  "ELSE CAST(json_each.value AS TEXT) END"

static void write_path_number(struct sql *sql, const struct field *field,
                              const connector_filter *filter, const char *path)
{
  bool unequal = filter->op == CONNECTOR_OP_NE;

  write_pattern(sql, field, path, "(json_type(@, #) IN ('integer', 'real') AND json_extract(@, #)");
  sql_text(sql, comparisons[unequal ? CONNECTOR_OP_EQ : filter->op]);
  sql_value_number(sql, filter->number);
  sql_text(sql, unequal ? ") IS NOT 1" : ")");
}

static void write_path(struct sql *sql, const struct field *field, const connector_filter *filter,
                       struct arena *arena)
{
  const char *path = engine_path(filter->path, sql, arena);

  switch (filter->op) {
  case CONNECTOR_OP_IS_NULL:
    write_pattern(sql, field, path, "coalesce(json_type(@, #), 'null') = 'null'");
    return;
  case CONNECTOR_OP_NOT_NULL:
    write_pattern(sql, field, path, "coalesce(json_type(@, #), 'null') <> 'null'");
    return;
  case CONNECTOR_OP_IN:
    write_pattern(sql, field, path, JSON_TEXT " IN (SELECT value FROM json_each(?))");
    add_texts(sql, field, filter, arena);
    return;
  case CONNECTOR_OP_PREFIX:
    write_pattern(sql, field, path, "substr(" JSON_TEXT ", 1, length(?)) = ?");
    sql_value_text(sql, filter->text);
    sql_value_text(sql, filter->text);
    return;
  case CONNECTOR_OP_CONTAINS:
    write_pattern(sql, field, path,
                  "(CASE json_type(@, #) WHEN 'array' THEN EXISTS (SELECT 1 FROM json_each(@, #)"
                  " WHERE " JSON_MEMBER " = ?)");
    sql_value_text(sql, filter->text);
    write_pattern(sql, field, path,
                  " WHEN 'text' THEN connector_contains(json_extract(@, #), ?) ELSE 0 END)");
    sql_value_text(sql, filter->text);
    return;
  default:
    break;
  }
  if (filter->text == NULL) {
    write_path_number(sql, field, filter, path);
    return;
  }
  write_pattern(sql, field, path, JSON_TEXT);
  sql_text(sql, comparisons[filter->op]);
  sql_value_text(sql, filter->text);
}

static void write_contains(struct sql *sql, const struct field *field,
                           const connector_filter *filter)
{
  if (field_is_json(field))
    write_pattern(sql, field, NULL,
                  "(json_type(@) = 'array' AND EXISTS (SELECT 1 FROM json_each(@)"
                  " WHERE " JSON_MEMBER " = ?))");
  else
    write_pattern(sql, field, NULL, "connector_contains(@, ?)");
  sql_value_text(sql, filter->text);
}

void filter_write(struct sql *sql, const connector_filter *filter, struct arena *arena)
{
  const struct field *field = &record_fields[filter->field];

  if (filter->path != NULL) {
    write_path(sql, field, filter, arena);
    return;
  }
  if (filter->op == CONNECTOR_OP_CONTAINS) {
    write_contains(sql, field, filter);
    return;
  }
  if (filter->op == CONNECTOR_OP_PREFIX) {
    write_pattern(sql, field, NULL, "substr(@, 1, length(?)) = ?");
    sql_value_text(sql, filter->text);
    sql_value_text(sql, filter->text);
    return;
  }
  sql_text(sql, field_expression(filter->field));
  switch (filter->op) {
  case CONNECTOR_OP_IS_NULL:
    sql_text(sql, " IS NULL");
    return;
  case CONNECTOR_OP_NOT_NULL:
    sql_text(sql, " IS NOT NULL");
    return;
  case CONNECTOR_OP_IN:
    sql_text(sql, " IN (SELECT value FROM json_each(?))");
    add_texts(sql, field, filter, arena);
    return;
  default:
    sql_text(sql, comparisons[filter->op]);
    add_value(sql, field, filter);
  }
}

/* Tags are JSON, whose text may be escaped: their values and keys are looked at one by one. */
void search_write(struct sql *sql, const char *word)
{
  sql_text(sql, "(connector_contains(name, ?) OR connector_contains(provider, ?)"
                " OR connector_contains(type, ?)"
                " OR EXISTS (SELECT 1 FROM json_tree(tags) AS tag"
                " WHERE connector_contains(tag.atom, ?)"
                " OR (typeof(tag.key) = 'text' AND connector_contains(tag.key, ?))))");
  for (int i = 0; i < 5; i++)
    sql_value_text(sql, word);
}
