/*
 * Paths are split into segments once; the rules are then about segments.
 */
#include "secret/path.h"

#include "base/status.h"
#include "base/ulid.h"
#include "base/utf8.h"

#include <string.h>

static const struct {
  const char *text;
  enum path_part part;
} placeholders[] = {
  { "{tenant_id}", PATH_TENANT },
  { "{app_id}", PATH_APP },
  { "{connector_id}", PATH_CONNECTOR },
};

enum { PLACEHOLDERS = sizeof(placeholders) / sizeof(placeholders[0]) };

/* ---- the rules of any path; each answers what is wrong, or NULL ---- */

static bool is_text(const struct path_segment *segment, const char *text)
{
  return segment->length == strlen(text) && memcmp(segment->text, text, segment->length) == 0;
}

static bool holds_any(const struct path_segment *segment, const char *bytes)
{
  for (size_t i = 0; i < segment->length; i++)
    if (strchr(bytes, segment->text[i]) != NULL)
      return true;
  return false;
}

/* The segment is UTF-8 without control characters. */
static const char *check_segment(const struct path_segment *segment)
{
  if (segment->length == 0)
    return "has an empty segment, or starts or ends with a slash";
  if (segment->length > VAULT_SEGMENT_MOST)
    return "has a segment of more than 255 bytes";
  if (is_text(segment, ".") || is_text(segment, ".."))
    return "has . or .. for a segment";
  if (holds_any(segment, "\\%?#"))
    return "holds a backslash or one of % ? #";
  return NULL;
}

static const char *split(const char *text, struct path_segments *segments)
{
  const char *at = text;

  segments->count = 0;
  for (;;) {
    size_t length = strcspn(at, "/");
    struct path_segment *segment = &segments->items[segments->count];
    const char *complaint = NULL;

    if (segments->count == VAULT_SEGMENTS_MOST)
      return "has more than 64 segments";
    *segment = (struct path_segment){ at, length, PATH_LITERAL };
    complaint = check_segment(segment);
    if (complaint != NULL)
      return complaint;
    segments->count++;
    if (at[length] == '\0')
      return NULL;
    at += length + 1;
  }
}

/* Finds where mount and path part. */
static const char *part(struct path_segments *segments)
{
  size_t data = 1;

  while (data < segments->count && !is_text(&segments->items[data], "data"))
    data++;
  if (data + 1 >= segments->count)
    return "must be a mount, data and a path, such as secret/data/name";
  segments->data = data;
  return NULL;
}

static bool same_text(const struct path_segment *a, const struct path_segment *b)
{
  return a->length == b->length && memcmp(a->text, b->text, a->length) == 0;
}

/* Whether the mount and `data` are there twice, one behind the other. */
static const char *check_doubled(const struct path_segments *segments)
{
  size_t head = segments->data + 1;

  if (segments->count < 2 * head)
    return NULL;
  for (size_t i = 0; i < head; i++)
    if (!same_text(&segments->items[i], &segments->items[head + i]))
      return NULL;
  return "names the mount twice";
}

/* Any number of segments. */
static const char *parse_segments(const char *text, struct path_segments *segments)
{
  size_t length = strnlen(text, VAULT_PATH_MOST + 1);

  if (length == 0)
    return "is empty";
  if (length > VAULT_PATH_MOST)
    return "is longer than 1024 bytes";
  if (utf8_classify(text, length) != UTF8_PLAIN)
    return "must be UTF-8 without control characters";
  return split(text, segments);
}

static const char *parse(const char *text, struct path_segments *segments)
{
  const char *complaint = parse_segments(text, segments);

  if (complaint == NULL)
    complaint = part(segments);
  return complaint != NULL ? complaint : check_doubled(segments);
}

const char *vault_path_complaint(const char *text)
{
  struct path_segments segments;

  return parse(text, &segments);
}

const char *vault_prefix_complaint(const char *text)
{
  struct path_segments segments;

  return text[0] == '\0' ? NULL : parse_segments(text, &segments);
}

static connector_status refuse(const char *complaint, connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_PATH, "vault_path", "%s", complaint);
}

/* ---- the template ---- */

static const char *read_placeholder(struct path_segment *segment)
{
  for (size_t i = 0; i < PLACEHOLDERS; i++)
    if (is_text(segment, placeholders[i].text)) {
      segment->part = placeholders[i].part;
      return NULL;
    }
  return holds_any(segment, "{}")
             ? "has braces that are no {tenant_id}, {app_id} or {connector_id} of their own segment"
             : NULL;
}

static const char *read_template(const char *text, struct path_segments *compiled)
{
  const char *complaint = parse(text, compiled);
  bool has_connector = false;

  for (size_t i = 0; complaint == NULL && i < compiled->count; i++) {
    complaint = read_placeholder(&compiled->items[i]);
    has_connector = has_connector || compiled->items[i].part == PATH_CONNECTOR;
  }
  if (complaint == NULL && !has_connector)
    complaint = "must have a segment {connector_id}";
  return complaint;
}

connector_status path_template_compile(const char *text, struct path_segments *compiled,
                                       connector_error *error)
{
  const char *complaint = read_template(text, compiled);

  return complaint == NULL
             ? CONNECTOR_OK
             : error_set(error, CONNECTOR_INVALID, "vault_path_template", "%s", complaint);
}

/* What a segment of the template stands for; NULL where the record has no such value. */
static const char *value_of(const struct path_segment *segment, const struct path_owner *owner)
{
  switch (segment->part) {
  case PATH_TENANT:
    return owner->tenant_id;
  case PATH_APP:
    return owner->app_id;
  default:
    return owner->connector_id;
  }
}

/* The segments of the record's own path, all literal. */
static const char *fill(const struct path_segments *compiled, const struct path_owner *owner,
                        struct path_segments *filled)
{
  *filled = *compiled;
  for (size_t i = 0; i < filled->count; i++) {
    struct path_segment *segment = &filled->items[i];
    const char *value = NULL;

    if (segment->part == PATH_LITERAL)
      continue;
    value = value_of(segment, owner);
    if (value == NULL)
      return "can't be made: the template has {app_id} and the record has no app";
    if (strchr(value, '/') != NULL)
      return "can't be made: an id of the record can't be a segment of it";
    *segment = (struct path_segment){ value, strlen(value), PATH_LITERAL };
  }
  return NULL;
}

static char *join(const struct path_segments *segments, struct arena *arena)
{
  size_t length = segments->count;
  char *text = NULL;
  char *at = NULL;

  for (size_t i = 0; i < segments->count; i++)
    length += segments->items[i].length;
  text = at = arena_alloc(arena, length);
  if (text == NULL)
    return NULL;
  for (size_t i = 0; i < segments->count; i++) {
    memcpy(at, segments->items[i].text, segments->items[i].length);
    at += segments->items[i].length;
    *at++ = i + 1 < segments->count ? '/' : '\0';
  }
  return text;
}

/* ---- whose path it is ---- */

/* Whether the path is in the template's space, as path.h has it. */
static bool in_space(const struct path_segments *compiled, const struct path_segments *segments)
{
  bool behind = false; /* a placeholder */

  for (size_t i = 0; i < compiled->count && i < segments->count; i++) {
    const struct path_segment *segment = &compiled->items[i];

    if (segment->part != PATH_LITERAL)
      behind = true;
    else if (!same_text(segment, &segments->items[i]))
      return false;
    else if (behind)
      return true;
  }
  return compiled->count == segments->count;
}

static bool names_other(const struct path_segments *compiled, const struct path_segments *segments,
                        const struct path_owner *owner)
{
  for (size_t i = 0; i < compiled->count && i < segments->count; i++) {
    const struct path_segment *segment = &compiled->items[i];
    const char *own = NULL;

    if (segment->part == PATH_LITERAL)
      continue;
    own = value_of(segment, owner);
    if (own == NULL || !is_text(&segments->items[i], own))
      return true;
  }
  return false;
}

static char lower(char byte)
{
  return byte >= 'A' && byte <= 'Z' ? (char)(byte | 0x20) : byte;
}

static bool starts_with_id(const struct path_segment *segment, const char *prefix)
{
  size_t length = strlen(prefix);
  uint8_t bytes[ULID_BYTES];

  if (segment->length < length + ULID_TEXT)
    return false;
  for (size_t i = 0; i < length; i++)
    if (lower(segment->text[i]) != lower(prefix[i]))
      return false;
  return ulid_decode(segment->text + length, ULID_TEXT, bytes);
}

/* Whether a segment starts with the id of another connector. */
static bool holds_other_id(const struct path_segments *segments, const struct path_owner *owner)
{
  size_t length = strlen(owner->connector_id);

  for (size_t i = 0; i < segments->count; i++) {
    const struct path_segment *segment = &segments->items[i];

    if (starts_with_id(segment, owner->id_prefix) &&
        (segment->length < length || memcmp(segment->text, owner->connector_id, length) != 0))
      return true;
  }
  return false;
}

/* A value may be anything a tenant is called, so the path that comes out is checked like any
 * other, and must part where the template does. */
connector_status path_template_expand(const struct path_segments *compiled,
                                      const struct path_owner *owner, struct arena *arena,
                                      const char **path, connector_error *error)
{
  struct path_segments segments;
  const char *complaint = fill(compiled, owner, &segments);
  const char *text = NULL;

  if (complaint != NULL)
    return refuse(complaint, error);
  text = join(&segments, arena);
  if (text == NULL)
    return error_no_memory(error);
  if (parse(text, &segments) != NULL || segments.data != compiled->data ||
      holds_other_id(&segments, owner))
    return refuse("can't be made: an id of the record can't be a segment of it", error);
  *path = text;
  return CONNECTOR_OK;
}

static connector_status take_parts(const struct path_segments *segments, struct arena *arena,
                                   struct vault_path *out, connector_error *error)
{
  const struct path_segment *first = &segments->items[0];
  const struct path_segment *data = &segments->items[segments->data];
  const char *path = data->text + data->length + 1;
  struct vault_path parts = {
    arena_copy(arena, first->text, (size_t)(data->text - first->text) - 1),
    arena_copy(arena, path, strlen(path)),
  };

  if (parts.mount == NULL || parts.path == NULL)
    return error_no_memory(error);
  *out = parts;
  return CONNECTOR_OK;
}

connector_status vault_path_check(const struct path_segments *compiled,
                                  const struct path_owner *owner, const char *text,
                                  struct arena *arena, struct vault_path *out,
                                  connector_error *error)
{
  struct path_segments segments;
  const char *complaint = parse(text, &segments);

  if (complaint != NULL)
    return refuse(complaint, error);
  if (in_space(compiled, &segments) && names_other(compiled, &segments, owner))
    return refuse("names another tenant, app or connector", error);
  if (holds_other_id(&segments, owner))
    return refuse("names another connector", error);
  return take_parts(&segments, arena, out, error);
}
