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

void scope_write(struct buffer *sql, const struct scope *scope)
{
  buffer_text(sql, scope->kind == SCOPE_SYSTEM ? "1" : "tenant_id = ?");
  if (scope->app != NULL)
    buffer_text(sql, " AND app_id = ?");
  if (scope->kind == SCOPE_MEMBER)
    buffer_text(sql, " AND (scope = 'org'"
                     " OR (scope = 'user' AND ? IN (user_id, owner_id))"
                     " OR (scope = 'group'"
                     " AND instr(?, char(31) || group_id || char(31)) > 0))");
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
