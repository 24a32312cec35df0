/*
 * The scope as SQL and, beside it, as a function of a record. Whoever changes one changes the
 * other; a test holds them against each other.
 */
#include "engine/scope.h"

#include <string.h>

uint32_t scope_shape(const struct scope *scope)
{
  return (uint32_t)scope->kind << 1 | (scope->app != NULL);
}

static void write_owner(struct buffer *sql, const struct scope *scope)
{
  buffer_text(sql, scope->kind == SCOPE_SYSTEM ? "1" : "tenant_id = ?");
  if (scope->app != NULL)
    buffer_text(sql, " AND app_id = ?");
}

/* Who of a tenant's people sees it, with `prefix` before the columns' names. */
static void write_reach(struct buffer *sql, const char *prefix)
{
  static const char *const parts[] = {
    "(",
    "scope = 'org' OR (",
    "scope = 'user' AND ? IN (",
    "user_id, ",
    "owner_id)) OR (",
    "scope = 'group' AND instr(?, char(31) || ",
    "group_id || char(31)) > 0))",
  };

  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
    buffer_text(sql, i > 0 ? prefix : "");
    buffer_text(sql, parts[i]);
  }
}

void scope_write(struct buffer *sql, const struct scope *scope)
{
  write_owner(sql, scope);
  if (scope->kind != SCOPE_MEMBER)
    return;
  buffer_text(sql, " AND ");
  write_reach(sql, "");
}

void scope_write_history(struct buffer *sql, const struct scope *scope)
{
  write_owner(sql, scope);
  if (scope->kind != SCOPE_MEMBER)
    return;
  buffer_text(sql, " AND (");
  write_reach(sql, "");
  buffer_text(sql, " OR ");
  write_reach(sql, "was_");
  buffer_text(sql, ")");
}

size_t scope_values(const struct scope *scope, const char *values[SCOPE_VALUES])
{
  size_t count = 0;

  if (scope->kind != SCOPE_SYSTEM)
    values[count++] = scope->tenant;
  if (scope->app != NULL)
    values[count++] = scope->app;
  if (scope->kind == SCOPE_MEMBER) {
    values[count++] = scope->user;
    values[count++] = scope->groups;
  }
  return count;
}

void scope_bind(struct statement *statement, const struct scope *scope)
{
  const char *values[SCOPE_VALUES];
  size_t count = scope_values(scope, values);

  for (size_t i = 0; i < count; i++)
    bind_text(statement, values[i]);
  statement_expect(statement, scope->kind != SCOPE_SYSTEM ? scope->tenant : NULL);
}

void scope_bind_history(struct statement *statement, const struct scope *scope)
{
  scope_bind(statement, scope);
  if (scope->kind == SCOPE_MEMBER) {
    bind_text(statement, scope->user);
    bind_text(statement, scope->groups);
  }
}

static bool same(const char *a, const char *b)
{
  return a != NULL && b != NULL && strcmp(a, b) == 0;
}

static bool holds_group(const char *groups, const char *group)
{
  size_t length = group != NULL ? strlen(group) : 0;

  for (const char *at = groups; at != NULL && at[1] != '\0'; at = strchr(at + 1, GROUP_SEPARATOR))
    if (strncmp(at + 1, group != NULL ? group : "", length) == 0 &&
        at[1 + length] == GROUP_SEPARATOR)
      return group != NULL;
  return false;
}

bool scope_covers(const struct scope *scope, const connector *record)
{
  if (scope->kind != SCOPE_SYSTEM && !same(scope->tenant, record->tenant_id))
    return false;
  if (scope->app != NULL && !same(scope->app, record->app_id))
    return false;
  if (scope->kind != SCOPE_MEMBER)
    return true;
  switch (record->scope) {
  case CONNECTOR_SCOPE_ORG:
    return true;
  case CONNECTOR_SCOPE_USER:
    return same(scope->user, record->user_id) || same(scope->user, record->owner_id);
  case CONNECTOR_SCOPE_GROUP:
    return holds_group(scope->groups, record->group_id);
  }
  return false;
}
