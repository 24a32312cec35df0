/*
 * The hand-written program's JSON out: one straight pass into a growing buffer.
 */
#include "handwritten.h"

#include <stdlib.h>
#include <string.h>

enum { START_BYTES = 4096, TIME_BYTES = 24, NUMBER_BYTES = 20 };

struct out {
  char *bytes; /* NULL where memory is gone */
  size_t used;
  size_t size;
};

/* Makes room for `more` bytes and tells where they go. */
static char *room(struct out *out, size_t more)
{
  char *larger = NULL;
  size_t size = out->size;

  if (out->bytes != NULL && out->size - out->used >= more)
    return out->bytes + out->used;
  if (out->bytes == NULL)
    return NULL;
  while (size - out->used < more)
    size *= 2;
  larger = realloc(out->bytes, size);
  if (larger == NULL)
    free(out->bytes);
  out->bytes = larger;
  out->size = size;
  return larger != NULL ? larger + out->used : NULL;
}

static void put(struct out *out, const char *bytes, size_t length)
{
  char *at = room(out, length);

  if (at == NULL)
    return;
  memcpy(at, bytes, length);
  out->used += length;
}

#define PUT(out, literal) put(out, literal, sizeof(literal) - 1)

/* ---- values ---- */

/* What follows the backslash for a byte: 'u' for the long form, 0 where it stands for itself. */
static const char escapes[256] = {
  [0] = 'u',  [1] = 'u',  [2] = 'u',  [3] = 'u',  [4] = 'u',   [5] = 'u',     [6] = 'u',
  [7] = 'u',  [8] = 'b',  [9] = 't',  [10] = 'n', [11] = 'u',  [12] = 'f',    [13] = 'r',
  [14] = 'u', [15] = 'u', [16] = 'u', [17] = 'u', [18] = 'u',  [19] = 'u',    [20] = 'u',
  [21] = 'u', [22] = 'u', [23] = 'u', [24] = 'u', [25] = 'u',  [26] = 'u',    [27] = 'u',
  [28] = 'u', [29] = 'u', [30] = 'u', [31] = 'u', ['"'] = '"', ['\\'] = '\\',
};

/* Writes one byte that must not stand for itself. */
static void put_escape(struct out *out, unsigned char byte)
{
  char *at = room(out, 6);

  if (at == NULL)
    return;
  *at++ = '\\';
  *at++ = escapes[byte];
  if (escapes[byte] == 'u') {
    *at++ = '0';
    *at++ = '0';
    *at++ = (char)('0' + (byte >> 4));
    *at++ = "0123456789abcdef"[byte & 15];
  }
  out->used = (size_t)(at - out->bytes);
}

static void string(struct out *out, const char *key, size_t key_length, const char *text)
{
  put(out, key, key_length);
  if (text == NULL) {
    PUT(out, "null");
    return;
  }
  PUT(out, "\"");
  for (;;) {
    size_t run = 0;

    while (escapes[(unsigned char)text[run]] == 0)
      run++;
    put(out, text, run);
    text += run;
    if (*text == '\0')
      break;
    put_escape(out, (unsigned char)*text++);
  }
  PUT(out, "\"");
}

static void raw(struct out *out, const char *key, size_t key_length, const char *json)
{
  put(out, key, key_length);
  if (json != NULL)
    put(out, json, strlen(json));
  else
    PUT(out, "null");
}

static void number(struct out *out, const char *key, size_t key_length, int64_t value)
{
  char digits[NUMBER_BYTES];
  size_t at = sizeof(digits);
  uint64_t left = value < 0 ? 0 - (uint64_t)value : (uint64_t)value;

  put(out, key, key_length);
  do
    digits[--at] = (char)('0' + left % 10);
  while ((left /= 10) != 0);
  if (value < 0)
    PUT(out, "-");
  put(out, digits + at, sizeof(digits) - at);
}

static void boolean(struct out *out, const char *key, size_t key_length, bool value)
{
  put(out, key, key_length);
  if (value)
    PUT(out, "true");
  else
    PUT(out, "false");
}

static void two_digits(char *at, int64_t value)
{
  at[0] = (char)('0' + value / 10);
  at[1] = (char)('0' + value % 10);
}

/* Days since 1970 to a civil date, by counting from 1 March of the year 0. */
void handwritten_time_text(int64_t milliseconds, char *text)
{
  int64_t days = milliseconds / 86400000 - (milliseconds % 86400000 < 0);
  int64_t rest = milliseconds - days * 86400000;
  int64_t since = days + 719468;
  int64_t era = (since >= 0 ? since : since - 146096) / 146097;
  int64_t of_era = since - era * 146097;
  int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  int64_t of_year = of_era - (365 * year + year / 4 - year / 100);
  int64_t month = (5 * of_year + 2) / 153;
  int64_t day = of_year - (153 * month + 2) / 5 + 1;

  month = month < 10 ? month + 3 : month - 9;
  year += era * 400 + (month <= 2);
  memcpy(text, "0000-00-00T00:00:00.000Z", TIME_BYTES);
  two_digits(text, year / 100);
  two_digits(text + 2, year % 100);
  two_digits(text + 5, month);
  two_digits(text + 8, day);
  two_digits(text + 11, rest / 3600000);
  two_digits(text + 14, rest / 60000 % 60);
  two_digits(text + 17, rest / 1000 % 60);
  text[20] = (char)('0' + rest % 1000 / 100);
  two_digits(text + 21, rest % 100);
}

static void moment(struct out *out, const char *key, size_t key_length, int64_t value)
{
  char *at = NULL;

  put(out, key, key_length);
  if (value == 0) {
    PUT(out, "null");
    return;
  }
  at = room(out, TIME_BYTES + 2);
  if (at == NULL)
    return;
  at[0] = '"';
  handwritten_time_text(value, at + 1);
  at[TIME_BYTES + 1] = '"';
  out->used += TIME_BYTES + 2;
}

/* ---- the record ---- */

#define WRITE(kind, name, value) kind(out, ",\"" name "\":", sizeof(",\"" name "\":") - 1, value)

static void stamps(struct out *out, const connector *record)
{
  PUT(out, "{");
  string(out, "\"id\":", 5, record->id);
  WRITE(string, "tenant_id", record->tenant_id);
  if (record->app_id != NULL)
    WRITE(string, "app_id", record->app_id);
  WRITE(moment, "created_at", record->created_at);
  WRITE(moment, "updated_at", record->updated_at);
  WRITE(string, "created_by", record->created_by);
  WRITE(string, "updated_by", record->updated_by);
  WRITE(string, "source", record->source);
  WRITE(string, "source_type", connector_source_type_name(record->source_type));
  WRITE(boolean, "is_deleted", record->is_deleted);
  WRITE(moment, "deleted_at", record->deleted_at);
  WRITE(string, "deleted_by", record->deleted_by);
  WRITE(number, "schema_version", record->schema_version);
}

static void settings(struct out *out, const connector *record)
{
  WRITE(string, "type", record->type);
  WRITE(string, "provider", record->provider);
  WRITE(string, "name", record->name);
  WRITE(string, "scope", connector_scope_name(record->scope));
  WRITE(string, "owner_id", record->owner_id);
  WRITE(string, "group_id", record->group_id);
  WRITE(string, "user_id", record->user_id);
  WRITE(raw, "config", record->config);
  WRITE(string, "vault_path", record->vault_path);
  WRITE(string, "auth_type", record->auth_type);
  WRITE(boolean, "oauth_refresh_needed", record->oauth_refresh_needed);
  WRITE(moment, "oauth_token_expires_at", record->oauth_token_expires_at);
  WRITE(boolean, "enabled", record->enabled);
}

static void health(struct out *out, const connector *record)
{
  WRITE(string, "sync_status", record->sync_status);
  WRITE(moment, "last_sync_at", record->last_sync_at);
  WRITE(number, "consecutive_errors", record->consecutive_errors);
  WRITE(string, "last_error", record->last_error);
  WRITE(raw, "metrics", record->metrics);
  WRITE(raw, "event_types", record->event_types);
  WRITE(string, "webhook_endpoint_id", record->webhook_endpoint_id);
  WRITE(moment, "credential_last_rotated_at", record->credential_last_rotated_at);
  WRITE(moment, "next_rotation_due", record->next_rotation_due);
  WRITE(raw, "tags", record->tags);
  WRITE(number, "version", record->version);
  WRITE(string, "application_id", record->application_id);
  put(out, "}", 2);
}

char *handwritten_to_json(const connector *record, size_t *length)
{
  struct out out = { .bytes = malloc(START_BYTES), .size = START_BYTES };

  stamps(&out, record);
  settings(&out, record);
  health(&out, record);
  if (out.bytes != NULL)
    *length = out.used - 1;
  return out.bytes;
}

/* ---- patches ---- */

/* A member where the patch sets it, or clears it. */
#define PATCH(kind, field, name, is_set, value)                                                    \
  do {                                                                                             \
    if (is_set)                                                                                    \
      WRITE(kind, name, value);                                                                    \
    else if ((patch->clear & CONNECTOR_BIT(CONNECTOR_FIELD_##field)) != 0)                         \
      WRITE(raw, name, NULL);                                                                      \
  } while (0)

#define PATCH_TEXT(kind, field, name) PATCH(kind, field, #name, patch->name != NULL, patch->name)
#define PATCH_TIME(field, name) PATCH(moment, field, #name, patch->name != 0, patch->name)
#define PATCH_BOOLEAN(field, name)                                                                 \
  PATCH(boolean, field, #name, patch->name != CONNECTOR_UNSET, patch->name == CONNECTOR_YES)

static void patch_settings(struct out *out, const connector_patch *patch)
{
  PATCH_TEXT(string, SOURCE, source);
  PATCH(string, SOURCE_TYPE, "source_type", patch->source_type != 0,
        connector_source_type_name(patch->source_type));
  PATCH_TEXT(string, TYPE, type);
  PATCH_TEXT(string, PROVIDER, provider);
  PATCH_TEXT(string, NAME, name);
  PATCH(string, SCOPE, "scope", patch->scope != 0, connector_scope_name(patch->scope));
  PATCH_TEXT(string, OWNER_ID, owner_id);
  PATCH_TEXT(string, GROUP_ID, group_id);
  PATCH_TEXT(string, USER_ID, user_id);
  PATCH_TEXT(raw, CONFIG, config);
  PATCH_TEXT(string, VAULT_PATH, vault_path);
  PATCH_TEXT(string, AUTH_TYPE, auth_type);
  PATCH_BOOLEAN(OAUTH_REFRESH_NEEDED, oauth_refresh_needed);
  PATCH_TIME(OAUTH_TOKEN_EXPIRES_AT, oauth_token_expires_at);
  PATCH_BOOLEAN(ENABLED, enabled);
}

static void patch_health(struct out *out, const connector_patch *patch)
{
  const uint64_t errors = CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS);

  PATCH_TEXT(string, SYNC_STATUS, sync_status);
  PATCH_TIME(LAST_SYNC_AT, last_sync_at);
  if (patch->consecutive_errors != 0 || (patch->clear & errors) != 0)
    WRITE(number, "consecutive_errors", patch->consecutive_errors);
  PATCH_TEXT(string, LAST_ERROR, last_error);
  PATCH_TEXT(raw, METRICS, metrics);
  PATCH_TEXT(raw, EVENT_TYPES, event_types);
  PATCH_TEXT(string, WEBHOOK_ENDPOINT_ID, webhook_endpoint_id);
  PATCH_TIME(CREDENTIAL_LAST_ROTATED_AT, credential_last_rotated_at);
  PATCH_TIME(NEXT_ROTATION_DUE, next_rotation_due);
  PATCH_TEXT(raw, TAGS, tags);
  PATCH_TEXT(string, APPLICATION_ID, application_id);
}

char *handwritten_patch_to_json(const connector_patch *patch)
{
  struct out out = { .bytes = malloc(START_BYTES), .size = START_BYTES };

  patch_settings(&out, patch);
  patch_health(&out, patch);
  if (out.used == 0)
    PUT(&out, ",");
  put(&out, "}", 2);
  if (out.bytes != NULL)
    out.bytes[0] = '{'; /* where the first member's comma is */
  return out.bytes;
}
