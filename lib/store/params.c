/*
 * Queries from the query string of a URL: `provider=jira&config.region[ne]=eu&sort=-updated_at`.
 */
#include "base/arena.h"
#include "base/status.h"
#include "base/utf8.h"
#include "engine/listing.h"
#include "record/fields.h"
#include "store/store.h"

#include <connector/json.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { STRING_MOST = 64 * 1024, SHOWN_KEY = 60 };

struct params {
  connector_query query; /* first: what the host holds is this */
  struct arena arena;
  connector_filter filters[CONNECTOR_FILTERS_MAX];
  uint64_t seen; /* rows of `settings` that were set */
};

/* One `key=value`, decoded. */
struct param {
  char *key;
  char *value;
};

/* ---- decoding ---- */

static int hex(char digit)
{
  if (digit >= '0' && digit <= '9')
    return digit - '0';
  if (digit >= 'a' && digit <= 'f')
    return digit - 'a' + 10;
  return digit >= 'A' && digit <= 'F' ? digit - 'A' + 10 : -1;
}

static connector_status malformed(connector_error *error, const char *message)
{
  return error_set(error, CONNECTOR_INVALID, "query_string", "%s", message);
}

/* Decodes as forms are: percent signs and `+`. */
static connector_status decode(struct arena *arena, const char *text, size_t length, char **out,
                               connector_error *error)
{
  char *copy = arena_alloc(arena, length + 1);
  size_t size = 0;

  if (copy == NULL)
    return error_no_memory(error);
  for (size_t i = 0; i < length; i++) {
    if (text[i] != '%') {
      copy[size++] = text[i] == '+' ? ' ' : text[i];
      continue;
    }
    if (length - i < 3 || hex(text[i + 1]) < 0 || hex(text[i + 2]) < 0)
      return malformed(error, "has a percent sign without two hexadecimal digits");
    copy[size++] = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
    i += 2;
  }
  copy[size] = '\0';
  if (memchr(copy, '\0', size) != NULL || utf8_classify(copy, size) == UTF8_BAD)
    return malformed(error, "is not UTF-8 text");
  *out = copy;
  return CONNECTOR_OK;
}

/* A key that is shown in an error must be text that can be shown: there may be none. */
static connector_status refuse(const char *key, const char *message, connector_error *error)
{
  size_t length = strlen(key);
  bool shown = length > 0 && length <= SHOWN_KEY && utf8_classify(key, length) == UTF8_PLAIN;

  return error_set(error, CONNECTOR_INVALID, shown ? key : "query_string", "%s", message);
}

/* ---- settings ---- */

static connector_status read_number(const char *text, int64_t *number)
{
  char *end = NULL;
  long long value = 0;

  if (*text == '\0' || strlen(text) > 20 || strspn(text, "-0123456789") != strlen(text))
    return CONNECTOR_INVALID;
  errno = 0;
  value = strtoll(text, &end, 10);
  *number = value;
  return end != text && *end == '\0' && errno == 0 ? CONNECTOR_OK : CONNECTOR_INVALID;
}

static connector_status read_flag(const char *text, int64_t *flag)
{
  *flag = strcmp(text, "true") == 0;
  return *flag != 0 || strcmp(text, "false") == 0 ? CONNECTOR_OK : CONNECTOR_INVALID;
}

static connector_status set_limit(struct params *params, const char *value)
{
  int64_t number = 0;

  if (read_number(value, &number) != CONNECTOR_OK || number < 1 || number > CONNECTOR_LIMIT_MAX)
    return CONNECTOR_INVALID;
  params->query.limit = (uint32_t)number;
  return CONNECTOR_OK;
}

static connector_status set_cursor(struct params *params, const char *value)
{
  params->query.cursor = *value != '\0' ? value : NULL;
  return CONNECTOR_OK;
}

static connector_status set_search(struct params *params, const char *value)
{
  params->query.search = value;
  return CONNECTOR_OK;
}

static connector_status set_sort(struct params *params, const char *value)
{
  params->query.descending = *value == '-';
  return connector_field_from_name(value + params->query.descending, &params->query.order_by) &&
                 !field_is_json(&record_fields[params->query.order_by])
             ? CONNECTOR_OK
             : CONNECTOR_INVALID;
}

static connector_status set_deleted(struct params *params, const char *value)
{
  static const char *const texts[] = { "exclude", "include", "only" };

  for (size_t i = 0; i < 3; i++)
    if (strcmp(value, texts[i]) == 0) {
      params->query.deleted = (connector_deleted)i;
      return CONNECTOR_OK;
    }
  return CONNECTOR_INVALID;
}

static connector_status set_total(struct params *params, const char *value)
{
  int64_t flag = 0;
  connector_status status = read_flag(value, &flag);

  params->query.with_total = flag != 0;
  return status;
}

static const struct {
  const char *key;
  connector_status (*set)(struct params *, const char *);
  const char *message;
} settings[] = {
  { "limit", set_limit, "must be 1 to 500" },
  { "cursor", set_cursor, "" },
  { "search", set_search, "" },
  { "sort", set_sort, "must be the name of a field that is not JSON, with - before it to descend" },
  { "deleted", set_deleted, "must be exclude, include or only" },
  { "total", set_total, "must be true or false" },
};

enum { SETTINGS = sizeof(settings) / sizeof(settings[0]) };

/* ---- filters ---- */

static const struct {
  const char *text;
  connector_op op;
} operators[] = {
  { "eq", CONNECTOR_OP_EQ },
  { "ne", CONNECTOR_OP_NE },
  { "lt", CONNECTOR_OP_LT },
  { "le", CONNECTOR_OP_LE },
  { "gt", CONNECTOR_OP_GT },
  { "ge", CONNECTOR_OP_GE },
  { "in", CONNECTOR_OP_IN },
  { "prefix", CONNECTOR_OP_PREFIX },
  { "contains", CONNECTOR_OP_CONTAINS },
  { "null", CONNECTOR_OP_IS_NULL },
};

static bool find_operator(const char *text, size_t length, connector_op *op)
{
  for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++)
    if (strlen(operators[i].text) == length && memcmp(operators[i].text, text, length) == 0) {
      *op = operators[i].op;
      return true;
    }
  return false;
}

/* Takes `[op]` off the key's end and `.path` off a JSON field's name. */
static connector_status read_key(char *key, connector_filter *filter)
{
  size_t length = strlen(key);
  char *bracket = strchr(key, '[');
  char *dot = NULL;

  filter->op = CONNECTOR_OP_EQ;
  if (bracket != NULL) {
    if (key[length - 1] != ']' ||
        !find_operator(bracket + 1, (size_t)(key + length - 1 - (bracket + 1)), &filter->op))
      return CONNECTOR_INVALID;
    *bracket = '\0';
  }
  dot = strchr(key, '.');
  if (dot != NULL) {
    *dot = '\0';
    filter->path = dot + 1;
  }
  return connector_field_from_name(key, &filter->field) ? CONNECTOR_OK : CONNECTOR_INVALID;
}

/* Parts a list of values at its commas. */
static connector_status read_texts(struct params *params, connector_filter *filter, char *value,
                                   connector_error *error)
{
  const char **texts = arena_object(&params->arena, CONNECTOR_FILTER_TEXTS_MAX * sizeof(*texts));

  if (texts == NULL)
    return error_no_memory(error);
  filter->texts = texts;
  for (char *next = value; next != NULL;) {
    char *comma = strchr(next, ',');

    if (filter->text_count == CONNECTOR_FILTER_TEXTS_MAX)
      return error_set(error, CONNECTOR_INVALID, record_fields[filter->field].name,
                       "has more than %d values", CONNECTOR_FILTER_TEXTS_MAX);
    texts[filter->text_count++] = next;
    if (comma != NULL)
      *comma = '\0';
    next = comma != NULL ? comma + 1 : NULL;
  }
  return CONNECTOR_OK;
}

/* A value as its field takes it. Inside JSON a value compares as text, and `[lt]` to `[ge]` as a
 * number where it is one. */
static connector_status read_value(connector_filter *filter, const char *value)
{
  const struct field *field = &record_fields[filter->field];

  switch (field->kind) {
  case KIND_BOOL:
    return read_flag(value, &filter->number);
  case KIND_INTEGER:
    return read_number(value, &filter->number);
  case KIND_OBJECT:
  case KIND_TEXTS:
  case KIND_TAGS:
    if (filter->op >= CONNECTOR_OP_LT && filter->op <= CONNECTOR_OP_GE &&
        read_number(value, &filter->number) == CONNECTOR_OK)
      return CONNECTOR_OK;
    break;
  default:
    break;
  }
  filter->text = value;
  return CONNECTOR_OK;
}

static connector_status add_filter(struct params *params, const char *shown, struct param *param,
                                   connector_error *error)
{
  connector_filter *filter = &params->filters[params->query.filter_count];
  int64_t is_null = 0;

  if (params->query.filter_count == CONNECTOR_FILTERS_MAX)
    return error_set(error, CONNECTOR_INVALID, "query_string", "has more than %d filters",
                     CONNECTOR_FILTERS_MAX);
  if (read_key(param->key, filter) != CONNECTOR_OK)
    return refuse(shown, "is no field, operator or setting of a query", error);
  if (filter->op == CONNECTOR_OP_IN) {
    connector_status status = read_texts(params, filter, param->value, error);

    if (status != CONNECTOR_OK)
      return status;
  } else if (filter->op == CONNECTOR_OP_IS_NULL) {
    if (read_flag(param->value, &is_null) != CONNECTOR_OK)
      return refuse(shown, "must be true or false", error);
    filter->op = is_null != 0 ? CONNECTOR_OP_IS_NULL : CONNECTOR_OP_NOT_NULL;
  } else if (read_value(filter, param->value) != CONNECTOR_OK) {
    return refuse(shown, "has a value that does not fit its field", error);
  }
  params->query.filter_count++;
  return CONNECTOR_OK;
}

/* ---- the whole string ---- */

static connector_status take_param(struct params *params, struct param *param,
                                   connector_error *error)
{
  const char *shown = arena_copy(&params->arena, param->key, strlen(param->key));

  if (shown == NULL)
    return error_no_memory(error);
  for (size_t i = 0; i < SETTINGS; i++) {
    if (strcmp(settings[i].key, param->key) != 0)
      continue;
    if ((params->seen & UINT64_C(1) << i) != 0)
      return refuse(shown, "is given twice", error);
    params->seen |= UINT64_C(1) << i;
    return settings[i].set(params, param->value) == CONNECTOR_OK
               ? CONNECTOR_OK
               : refuse(shown, settings[i].message, error);
  }
  return add_filter(params, shown, param, error);
}

static connector_status read_params(struct params *params, const char *text, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && *text != '\0') {
    size_t length = strcspn(text, "&");
    size_t key_length = strcspn(text, "=&");
    size_t value_at = key_length < length ? key_length + 1 : length;
    struct param param = { NULL, NULL };

    if (length > 0) {
      status = decode(&params->arena, text, key_length, &param.key, error);
      if (status == CONNECTOR_OK)
        status = decode(&params->arena, text + value_at, length - value_at, &param.value, error);
      if (status == CONNECTOR_OK)
        status = take_param(params, &param, error);
    }
    text += length + (text[length] == '&');
  }
  return status;
}

connector_status connector_query_from_params(const char *query_string, connector_query **out,
                                             connector_error *error)
{
  struct params *params = NULL;
  connector_status status = CONNECTOR_OK;

  if (query_string == NULL || out == NULL)
    return not_given(query_string == NULL ? "query_string" : "out", error);
  if (strnlen(query_string, STRING_MOST + 1) > STRING_MOST)
    return error_set(error, CONNECTOR_TOO_LARGE, "query_string", "is longer than %d bytes",
                     STRING_MOST);
  params = calloc(1, sizeof(*params));
  if (params == NULL)
    return error_no_memory(error);
  params->query = (connector_query)CONNECTOR_QUERY_INIT;
  params->query.filters = params->filters;
  status = read_params(params, query_string, error);
  if (status == CONNECTOR_OK)
    status = listing_check(&params->query, error);
  if (status != CONNECTOR_OK) {
    connector_query_free(&params->query);
    return status;
  }
  *out = &params->query;
  return error_clear(error);
}

void connector_query_free(connector_query *query)
{
  struct params *params = (struct params *)query;

  if (params == NULL)
    return;
  arena_free(&params->arena);
  free(params);
}
