/*
 * Rows between text, records and patches.
 */
#include "peer.h"

#include "members.h"
#include "samples.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool read_number(const char *text, int64_t *number)
{
  char *end = NULL;

  errno = 0;
  *number = text != NULL ? strtoll(text, &end, 10) : 0;
  return text == NULL || (errno == 0 && end != text && *end == '\0');
}

static bool set_member(connector *row, const struct member *member, const char *text)
{
  char *at = (char *)row + member->at;

  switch (member->kind) {
  case MEMBER_TEXT:
  case MEMBER_JSON:
    memcpy(at, &text, sizeof(text));
    return true;
  case MEMBER_SCOPE:
    row->scope = (connector_scope)member_value(MEMBER_SCOPE, text != NULL ? text : "");
    return row->scope != 0;
  case MEMBER_SOURCE_TYPE:
    row->source_type = (connector_source_type)member_value(MEMBER_SOURCE_TYPE,
                                                           text != NULL ? text : "");
    return row->source_type != 0;
  case MEMBER_BOOLEAN:
    *(bool *)at = text != NULL && strcmp(text, "1") == 0;
    return true;
  default:
    return read_number(text, (int64_t *)(void *)at);
  }
}

bool peer_row_read(char *line, connector *row)
{
  char *next = line;

  memset(row, 0, sizeof(*row));
  line[strcspn(line, "\n")] = '\0';
  for (size_t i = 0; i < MEMBERS; i++) {
    const char *text = next;

    if (strcmp(members[i].name, "is_deleted") == 0)
      continue;
    if (text == NULL)
      return false;
    next = strchr(next, '\t');
    if (next != NULL)
      *next++ = '\0';
    if (!set_member(row, &members[i], strcmp(text, "\\N") == 0 ? NULL : text))
      return false;
  }
  return next == NULL;
}

static bool write_member(FILE *file, const connector *row, const struct member *member)
{
  const char *at = (const char *)row + member->at;
  const char *text = NULL;
  int64_t number = 0;

  switch (member->kind) {
  case MEMBER_TEXT:
  case MEMBER_JSON:
    memcpy(&text, at, sizeof(text));
    return fputs(text != NULL ? text : "\\N", file) >= 0;
  case MEMBER_SCOPE:
    return fputs(connector_scope_name(row->scope), file) >= 0;
  case MEMBER_SOURCE_TYPE:
    return fputs(connector_source_type_name(row->source_type), file) >= 0;
  case MEMBER_BOOLEAN:
    return fputs(*(const bool *)at ? "1" : "0", file) >= 0;
  default:
    memcpy(&number, at, sizeof(number));
    if (number == 0 && member->kind == MEMBER_MOMENT)
      return fputs("\\N", file) >= 0;
    return fprintf(file, "%" PRId64, number) >= 0;
  }
}

bool peer_row_write(FILE *file, const connector *row)
{
  bool good = true;

  for (size_t i = 0; good && i < MEMBERS; i++)
    if (strcmp(members[i].name, "is_deleted") != 0)
      good = (i == 0 || fputc('\t', file) != EOF) && write_member(file, row, &members[i]);
  return good && fputc('\n', file) != EOF;
}

connector_patch peer_row_patch(const connector *row)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;

  patch.source = row->source;
  patch.source_type = row->source_type;
  patch.type = row->type;
  patch.provider = row->provider;
  patch.name = row->name;
  patch.scope = row->scope;
  patch.owner_id = row->owner_id;
  patch.group_id = row->group_id;
  patch.user_id = row->user_id;
  patch.config = row->config;
  patch.vault_path = row->vault_path;
  patch.auth_type = row->auth_type;
  patch.oauth_refresh_needed = row->oauth_refresh_needed ? CONNECTOR_YES : CONNECTOR_NO;
  patch.oauth_token_expires_at = row->oauth_token_expires_at;
  patch.enabled = row->enabled ? CONNECTOR_YES : CONNECTOR_NO;
  patch.sync_status = row->sync_status;
  patch.last_sync_at = row->last_sync_at;
  patch.consecutive_errors = row->consecutive_errors;
  patch.last_error = row->last_error;
  patch.metrics = row->metrics;
  patch.event_types = row->event_types;
  patch.webhook_endpoint_id = row->webhook_endpoint_id;
  patch.credential_last_rotated_at = row->credential_last_rotated_at;
  patch.next_rotation_due = row->next_rotation_due;
  patch.tags = row->tags;
  patch.application_id = row->application_id;
  return patch;
}

connector_caller peer_caller(const char *tenant)
{
  connector_caller caller = sample_caller;

  caller.tenant_id = tenant;
  return caller;
}
