/*
 * fields.c: the fields of a record as text, by one table of where each field is and what it holds.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>

enum kind {
  TEXT,
  JSON,
  TIME,
  INTEGER,
  BOOLEAN,
  SCOPE,
  SOURCE_TYPE
};

static const struct row {
  enum kind kind;
  size_t offset;
} ROWS[CONNECTOR_FIELD_COUNT] = {
#define ROW(FIELD, kind, member) [CONNECTOR_FIELD_##FIELD] = { kind, offsetof(connector, member) }
  ROW(ID, TEXT, id),
  ROW(TENANT_ID, TEXT, tenant_id),
  ROW(APP_ID, TEXT, app_id),
  ROW(CREATED_AT, TIME, created_at),
  ROW(UPDATED_AT, TIME, updated_at),
  ROW(CREATED_BY, TEXT, created_by),
  ROW(UPDATED_BY, TEXT, updated_by),
  ROW(SOURCE, TEXT, source),
  ROW(SOURCE_TYPE, SOURCE_TYPE, source_type),
  ROW(IS_DELETED, BOOLEAN, is_deleted),
  ROW(DELETED_AT, TIME, deleted_at),
  ROW(DELETED_BY, TEXT, deleted_by),
  ROW(SCHEMA_VERSION, INTEGER, schema_version),
  ROW(TYPE, TEXT, type),
  ROW(PROVIDER, TEXT, provider),
  ROW(NAME, TEXT, name),
  ROW(SCOPE, SCOPE, scope),
  ROW(OWNER_ID, TEXT, owner_id),
  ROW(GROUP_ID, TEXT, group_id),
  ROW(USER_ID, TEXT, user_id),
  ROW(CONFIG, JSON, config),
  ROW(VAULT_PATH, TEXT, vault_path),
  ROW(AUTH_TYPE, TEXT, auth_type),
  ROW(OAUTH_REFRESH_NEEDED, BOOLEAN, oauth_refresh_needed),
  ROW(OAUTH_TOKEN_EXPIRES_AT, TIME, oauth_token_expires_at),
  ROW(ENABLED, BOOLEAN, enabled),
  ROW(SYNC_STATUS, TEXT, sync_status),
  ROW(LAST_SYNC_AT, TIME, last_sync_at),
  ROW(CONSECUTIVE_ERRORS, INTEGER, consecutive_errors),
  ROW(LAST_ERROR, TEXT, last_error),
  ROW(METRICS, JSON, metrics),
  ROW(EVENT_TYPES, JSON, event_types),
  ROW(WEBHOOK_ENDPOINT_ID, TEXT, webhook_endpoint_id),
  ROW(CREDENTIAL_LAST_ROTATED_AT, TIME, credential_last_rotated_at),
  ROW(NEXT_ROTATION_DUE, TIME, next_rotation_due),
  ROW(TAGS, JSON, tags),
  ROW(VERSION, INTEGER, version),
  ROW(APPLICATION_ID, TEXT, application_id),
#undef ROW
};

static const char *time_text(int64_t milliseconds, char buffer[CELL_SIZE])
{
  if (milliseconds == 0 || connector_time_format(milliseconds, buffer) != CONNECTOR_OK)
    return NULL;
  return buffer;
}

const char *time_to_second(int64_t milliseconds, char buffer[CELL_SIZE])
{
  if (time_text(milliseconds, buffer) == NULL)
    return NULL;
  memcpy(buffer + CONNECTOR_TIME_SIZE - 6, "Z", 2); /* in place of .123Z */
  return buffer;
}

const char *field_text(const connector *record, connector_field field, char buffer[CELL_SIZE])
{
  const char *member = (const char *)record + ROWS[field].offset;

  switch (ROWS[field].kind) {
  case TEXT:
  case JSON:
    return *(const char *const *)member;
  case TIME:
    return time_text(*(const int64_t *)member, buffer);
  case INTEGER:
    snprintf(buffer, CELL_SIZE, "%" PRId64, *(const int64_t *)member);
    return buffer;
  case BOOLEAN:
    return *(const bool *)member ? "yes" : "no";
  case SCOPE:
    return connector_scope_name(*(const connector_scope *)member);
  case SOURCE_TYPE:
    return connector_source_type_name(*(const connector_source_type *)member);
  }
  return NULL;
}

bool field_is_bare(connector_field field)
{
  enum kind kind = ROWS[field].kind;

  return kind == JSON || kind == INTEGER || kind == BOOLEAN;
}

bool field_is_number(connector_field field)
{
  return ROWS[field].kind == INTEGER;
}
