/*
 * The 38 fields as the design states them: what the API tests loop over. Written by hand, apart
 * from the library's own table, so that the two can disagree.
 */
#ifndef TESTS_COLUMNS_H
#define TESTS_COLUMNS_H

#include "support.h"

enum column_kind {
  TEXT,
  CHOICE,
  BOOLEAN,
  INTEGER,
  TIME,
  OBJECT,
  TEXTS,
  TAGS
};

struct column {
  const char *name;
  enum column_kind kind;
  bool user;     /* a patch can write it */
  bool nullable; /* for a number: it can be emptied */
  size_t record_at;
  size_t patch_at; /* 0 where a patch can't write it */
};

#define SERVER(name, kind, nullable)                                                               \
  {                                                                                                \
#name, kind, false, nullable, offsetof(connector, name), 0                                     \
  }
#define USER(name, kind, nullable)                                                                 \
  {                                                                                                \
#name, kind, true, nullable, offsetof(connector, name), offsetof(connector_patch, name)        \
  }

static const struct column columns[CONNECTOR_FIELD_COUNT] = {
  SERVER(id, TEXT, false),
  SERVER(tenant_id, TEXT, false),
  SERVER(app_id, TEXT, true),
  SERVER(created_at, TIME, false),
  SERVER(updated_at, TIME, false),
  SERVER(created_by, TEXT, true),
  SERVER(updated_by, TEXT, true),
  USER(source, TEXT, false),
  USER(source_type, CHOICE, false),
  SERVER(is_deleted, BOOLEAN, false),
  SERVER(deleted_at, TIME, true),
  SERVER(deleted_by, TEXT, true),
  SERVER(schema_version, INTEGER, false),
  USER(type, TEXT, true),
  USER(provider, TEXT, true),
  USER(name, TEXT, true),
  USER(scope, CHOICE, false),
  USER(owner_id, TEXT, true),
  USER(group_id, TEXT, true),
  USER(user_id, TEXT, true),
  USER(config, OBJECT, true),
  USER(vault_path, TEXT, true),
  USER(auth_type, TEXT, true),
  USER(oauth_refresh_needed, BOOLEAN, false),
  USER(oauth_token_expires_at, TIME, true),
  USER(enabled, BOOLEAN, false),
  USER(sync_status, TEXT, true),
  USER(last_sync_at, TIME, true),
  USER(consecutive_errors, INTEGER, true),
  USER(last_error, TEXT, true),
  USER(metrics, OBJECT, true),
  USER(event_types, TEXTS, true),
  USER(webhook_endpoint_id, TEXT, true),
  USER(credential_last_rotated_at, TIME, true),
  USER(next_rotation_due, TIME, true),
  USER(tags, TAGS, true),
  SERVER(version, INTEGER, false),
  USER(application_id, TEXT, true),
};

static inline bool column_is_json(const struct column *column)
{
  return column->kind == OBJECT || column->kind == TEXTS || column->kind == TAGS;
}

static inline const char *column_text(const struct column *column, const connector *record)
{
  const char *text = NULL;
  memcpy(&text, (const char *)record + column->record_at, sizeof(text));
  return text;
}

static inline int64_t column_number(const struct column *column, const connector *record)
{
  const char *at = (const char *)record + column->record_at;
  int64_t number = 0;
  int choice = 0;
  bool flag = false;
  switch (column->kind) {
  case BOOLEAN:
    memcpy(&flag, at, sizeof(flag));
    return flag;
  case CHOICE:
    memcpy(&choice, at, sizeof(choice));
    return choice;
  default:
    memcpy(&number, at, sizeof(number));
    return number;
  }
}

/* The text of a choice's value. */
static inline const char *column_choice(const struct column *column, const connector *record)
{
  int64_t number = column_number(column, record);
  if (column->record_at == offsetof(connector, scope))
    return connector_scope_name((connector_scope)number);
  return connector_source_type_name((connector_source_type)number);
}

static inline void patch_text(connector_patch *patch, const struct column *column, const char *text)
{
  assert_true(column->user);
  memcpy((char *)patch + column->patch_at, &text, sizeof(text));
}

/* For booleans 1 or 2: CONNECTOR_NO or CONNECTOR_YES. */
static inline void patch_number(connector_patch *patch, const struct column *column, int64_t number)
{
  int choice = (int)number;
  assert_true(column->user);
  if (column->kind == CHOICE || column->kind == BOOLEAN)
    memcpy((char *)patch + column->patch_at, &choice, sizeof(choice));
  else
    memcpy((char *)patch + column->patch_at, &number, sizeof(number));
}

#endif
