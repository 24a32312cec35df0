/*
 * The members of a record, in the order of its JSON form.
 */
#include "members.h"

#include <string.h>

const struct member members[MEMBERS] = {
#define MEMBER(name, kind) #name, sizeof(#name) - 1, MEMBER_##kind, offsetof(connector, name)
  { MEMBER(id, TEXT) },
  { MEMBER(tenant_id, TEXT) },
  { MEMBER(app_id, TEXT) },
  { MEMBER(created_at, MOMENT) },
  { MEMBER(updated_at, MOMENT) },
  { MEMBER(created_by, TEXT) },
  { MEMBER(updated_by, TEXT) },
  { MEMBER(source, TEXT) },
  { MEMBER(source_type, SOURCE_TYPE) },
  { MEMBER(is_deleted, BOOLEAN) },
  { MEMBER(deleted_at, MOMENT) },
  { MEMBER(deleted_by, TEXT) },
  { MEMBER(schema_version, NUMBER) },
  { MEMBER(type, TEXT) },
  { MEMBER(provider, TEXT) },
  { MEMBER(name, TEXT) },
  { MEMBER(scope, SCOPE) },
  { MEMBER(owner_id, TEXT) },
  { MEMBER(group_id, TEXT) },
  { MEMBER(user_id, TEXT) },
  { MEMBER(config, JSON) },
  { MEMBER(vault_path, TEXT) },
  { MEMBER(auth_type, TEXT) },
  { MEMBER(oauth_refresh_needed, BOOLEAN) },
  { MEMBER(oauth_token_expires_at, MOMENT) },
  { MEMBER(enabled, BOOLEAN) },
  { MEMBER(sync_status, TEXT) },
  { MEMBER(last_sync_at, MOMENT) },
  { MEMBER(consecutive_errors, NUMBER) },
  { MEMBER(last_error, TEXT) },
  { MEMBER(metrics, JSON) },
  { MEMBER(event_types, JSON) },
  { MEMBER(webhook_endpoint_id, TEXT) },
  { MEMBER(credential_last_rotated_at, MOMENT) },
  { MEMBER(next_rotation_due, MOMENT) },
  { MEMBER(tags, JSON) },
  { MEMBER(version, NUMBER) },
  { MEMBER(application_id, TEXT) },
#undef MEMBER
};

static unsigned chosen(const char *const *names, unsigned count, const char *name)
{
  for (unsigned i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0)
      return i + 1;
  return 0;
}

unsigned member_value(enum member_kind kind, const char *name)
{
  static const char *const source_types[] = { "frontend", "backend", "server", "system", "api" };
  static const char *const scopes[] = { "org", "user", "group" };

  return kind == MEMBER_SCOPE ? chosen(scopes, 3, name) : chosen(source_types, 5, name);
}
