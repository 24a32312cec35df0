/*
 * The field table. Adding a field is one member in <connector/record.h> and one row here.
 */
#include "record/fields.h"

#include <string.h>

static const char *const source_types[] = { "frontend", "backend", "server", "system", "api" };
static const char *const scopes[] = { "org", "user", "group" };

static const struct enum_names source_type_names = { source_types, 5 };
static const struct enum_names scope_names = { scopes, 3 };

enum { NAME_LIMIT = 256, LAST_ERROR_LIMIT = 4096 };
enum { OPTIONAL = FIELD_NULLABLE | FIELD_CLEARABLE };

#define NAMED(member) .name = #member, .key = "\"" #member "\":", .name_length = sizeof(#member) - 1
#define SERVER(member)                                                                             \
  NAMED(member), .writer = WRITER_SERVER, .record_at = offsetof(connector, member)
#define PATCHED(member)                                                                            \
  NAMED(member), .record_at = offsetof(connector, member),                                         \
                 .patch_at = offsetof(connector_patch, member)
#define USER(member) PATCHED(member), .writer = WRITER_USER
#define HEALTH(member) PATCHED(member), .writer = WRITER_HEALTH

const struct field record_fields[CONNECTOR_FIELD_COUNT] = {
  { SERVER(id), .kind = KIND_TEXT },
  { SERVER(tenant_id), .kind = KIND_TEXT },
  { SERVER(app_id), .kind = KIND_TEXT, .flags = FIELD_NULLABLE | FIELD_OMITTED },
  { SERVER(created_at), .kind = KIND_TIME },
  { SERVER(updated_at), .kind = KIND_TIME },
  { SERVER(created_by), .kind = KIND_TEXT, .flags = FIELD_NULLABLE },
  { SERVER(updated_by), .kind = KIND_TEXT, .flags = FIELD_NULLABLE },
  { USER(source), .kind = KIND_TEXT },
  { USER(source_type), .kind = KIND_ENUM, .names = &source_type_names },
  { SERVER(is_deleted), .kind = KIND_BOOL, .flags = FIELD_DERIVED },
  { SERVER(deleted_at), .kind = KIND_TIME, .flags = FIELD_NULLABLE },
  { SERVER(deleted_by), .kind = KIND_TEXT, .flags = FIELD_NULLABLE },
  { SERVER(schema_version), .kind = KIND_INTEGER },
  { USER(type), .kind = KIND_TEXT, .flags = OPTIONAL },
  { USER(provider), .kind = KIND_TEXT, .flags = OPTIONAL },
  { USER(name), .kind = KIND_TEXT, .flags = OPTIONAL, .limit = NAME_LIMIT },
  { USER(scope), .kind = KIND_ENUM, .flags = FIELD_VISIBILITY, .names = &scope_names },
  { USER(owner_id), .kind = KIND_TEXT, .flags = OPTIONAL | FIELD_VISIBILITY },
  { USER(group_id), .kind = KIND_TEXT, .flags = OPTIONAL | FIELD_VISIBILITY | FIELD_REFERENCE },
  { USER(user_id), .kind = KIND_TEXT, .flags = OPTIONAL | FIELD_VISIBILITY },
  { USER(config), .kind = KIND_OBJECT, .flags = OPTIONAL | FIELD_GUARDED },
  { USER(vault_path), .kind = KIND_TEXT, .flags = OPTIONAL },
  { USER(auth_type), .kind = KIND_TEXT, .flags = OPTIONAL },
  { USER(oauth_refresh_needed), .kind = KIND_BOOL },
  { USER(oauth_token_expires_at), .kind = KIND_TIME, .flags = OPTIONAL },
  { USER(enabled), .kind = KIND_BOOL },
  { HEALTH(sync_status), .kind = KIND_TEXT, .flags = OPTIONAL },
  { HEALTH(last_sync_at), .kind = KIND_TIME, .flags = OPTIONAL },
  { HEALTH(consecutive_errors), .kind = KIND_INTEGER, .flags = FIELD_CLEARABLE },
  { HEALTH(last_error), .kind = KIND_TEXT, .flags = OPTIONAL | FIELD_LINES | FIELD_SCRUBBED,
    .limit = LAST_ERROR_LIMIT },
  { HEALTH(metrics), .kind = KIND_OBJECT, .flags = OPTIONAL | FIELD_GUARDED },
  { USER(event_types), .kind = KIND_TEXTS, .flags = OPTIONAL },
  { USER(webhook_endpoint_id), .kind = KIND_TEXT, .flags = OPTIONAL | FIELD_REFERENCE },
  { USER(credential_last_rotated_at), .kind = KIND_TIME, .flags = OPTIONAL },
  { USER(next_rotation_due), .kind = KIND_TIME, .flags = OPTIONAL },
  { USER(tags), .kind = KIND_TAGS, .flags = OPTIONAL | FIELD_GUARDED },
  { SERVER(version), .kind = KIND_INTEGER },
  { USER(application_id), .kind = KIND_TEXT, .flags = OPTIONAL | FIELD_REFERENCE },
};

_Static_assert(sizeof(connector_scope) == sizeof(unsigned) &&
                   sizeof(connector_source_type) == sizeof(unsigned),
               "the enums of a record are read and written as unsigned numbers");

static const void *member(const connector *record, const struct field *field)
{
  return (const char *)record + field->record_at;
}

int64_t field_number(const connector *record, const struct field *field)
{
  const void *at = member(record, field);
  unsigned value = 0;

  switch (field->kind) {
  case KIND_BOOL:
    return *(const bool *)at;
  case KIND_ENUM:
    memcpy(&value, at, sizeof(value));
    return (int64_t)value;
  default:
    return *(const int64_t *)at;
  }
}

void field_set_number(connector *record, const struct field *field, int64_t number)
{
  char *at = (char *)record + field->record_at;
  unsigned value = (unsigned)number;

  switch (field->kind) {
  case KIND_BOOL:
    *(bool *)(void *)at = number != 0;
    break;
  case KIND_ENUM:
    memcpy(at, &value, sizeof(value));
    break;
  default:
    *(int64_t *)(void *)at = number;
  }
}

const struct field *field_find(const char *name, size_t length, size_t hint)
{
  for (size_t tried = 0; tried < CONNECTOR_FIELD_COUNT; tried++) {
    const struct field *field = &record_fields[(hint + tried) % CONNECTOR_FIELD_COUNT];

    if (field->name_length == length && memcmp(field->name, name, length) == 0)
      return field;
  }
  return NULL;
}

const char *enum_text(const struct enum_names *names, int64_t value)
{
  return value >= 1 && (uint64_t)value <= names->count ? names->names[value - 1] : NULL;
}

int64_t enum_value(const struct enum_names *names, const char *text, size_t length)
{
  for (size_t i = 0; i < names->count; i++) {
    const char *name = names->names[i];

    if (*name == *text && strlen(name) == length && memcmp(name, text, length) == 0)
      return (int64_t)i + 1;
  }
  return 0;
}

uint64_t fields_with_flags(unsigned flags)
{
  uint64_t set = 0;

  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if ((record_fields[i].flags & flags) != 0)
      set |= CONNECTOR_BIT(i);
  return set;
}

const char *connector_field_name(connector_field field)
{
  return (unsigned)field < CONNECTOR_FIELD_COUNT ? record_fields[field].name : NULL;
}

bool connector_field_from_name(const char *name, connector_field *out)
{
  const struct field *field = name != NULL ? field_find(name, strlen(name), 0) : NULL;

  if (field != NULL && out != NULL)
    *out = (connector_field)field_index(field);
  return field != NULL;
}

const char *connector_source_type_name(connector_source_type source_type)
{
  return enum_text(&source_type_names, (int64_t)source_type);
}

const char *connector_scope_name(connector_scope scope)
{
  return enum_text(&scope_names, (int64_t)scope);
}
