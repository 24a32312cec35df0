/*
 * What a record holds: as the model has it, and as it is written in patches and in JSON.
 */
#ifndef TESTS_MODEL_CONTENT_H
#define TESTS_MODEL_CONTENT_H

#include "world.h"

/* ---- a record as the model has it ---- */

static inline void assert_person(const char *got, const struct slot *slot, int user)
{
  char person[32];
  snprintf(person, sizeof(person), "PRSN-%zu-%d.", slot->tenant, user);
  assert_text(got, user == NOBODY ? NULL : person);
}

static inline void assert_canary(const char *got, const struct slot *slot, enum text which)
{
  char text[160];
  assert_text(got,
              slot->serial[which] == 0 ? NULL : canary(text, slot, which, slot->serial[which]));
}

/* What a worker's report leaves: its keys beside those of the user. */
static inline void assert_metrics(const connector *record, const struct slot *slot)
{
  char text[160];
  if (slot->total < 0) {
    assert_canary(record->metrics, slot, TEXT_METRICS);
    return;
  }
  assert_true(metric(record, "totalSynced") == slot->total);
  if (slot->serial[TEXT_METRICS] != 0) {
    size_t length = strlen(canary(text, slot, TEXT_METRICS, slot->serial[TEXT_METRICS]));
    text[length - 1] = '\0'; /* without its braces: more may stand before and behind */
    assert_contains(record->metrics, text + 1);
  }
}

static inline void assert_texts(const connector *record, const struct slot *slot)
{
  assert_canary(record->source, slot, TEXT_SOURCE);
  assert_canary(record->type, slot, TEXT_TYPE);
  assert_canary(record->provider, slot, TEXT_PROVIDER);
  assert_canary(record->name, slot, TEXT_NAME);
  assert_canary(record->config, slot, TEXT_CONFIG);
  assert_canary(record->auth_type, slot, TEXT_AUTH_TYPE);
  assert_canary(record->event_types, slot, TEXT_EVENTS);
  assert_canary(record->webhook_endpoint_id, slot, TEXT_WEBHOOK);
  assert_canary(record->tags, slot, TEXT_TAGS);
  assert_canary(record->application_id, slot, TEXT_APPLICATION);
  if (slot->status != NULL)
    assert_text(record->sync_status, slot->status[0] != '\0' ? slot->status : NULL);
  else
    assert_canary(record->sync_status, slot, TEXT_STATUS);
  if (!slot->other_error)
    assert_canary(record->last_error, slot, TEXT_ERROR);
  assert_metrics(record, slot);
}

static inline void assert_reach(const connector *record, const struct slot *slot)
{
  assert_int_equal(record->scope, slot->reach.scope);
  assert_text(record->owner_id, users[slot->reach.owner]);
  assert_text(record->user_id, users[slot->reach.user]);
  assert_text(record->group_id, groups[slot->reach.group]);
}

static inline void assert_record(const connector *record, const struct slot *slot)
{
  char path[200];
  assert_text(record->id, slot->id);
  assert_text(record->tenant_id, tenants[slot->tenant]);
  assert_text(record->app_id, apps[slot->app]);
  assert_true(record->version == slot->version);
  assert_true(record->created_at == slot->created_at && record->updated_at == slot->updated_at);
  assert_person(record->created_by, slot, slot->created_by);
  assert_person(record->updated_by, slot, slot->updated_by);
  assert_int_equal(record->is_deleted, slot->deleted);
  assert_true(record->deleted_at == slot->deleted_at);
  assert_person(record->deleted_by, slot, slot->deleted_by);
  assert_texts(record, slot);
  assert_reach(record, slot);
  assert_int_equal(record->enabled, slot->enabled);
  assert_int_equal(record->oauth_refresh_needed, slot->refresh_needed);
  assert_true(record->oauth_token_expires_at == slot->token_expires_at);
  assert_true(record->next_rotation_due == slot->rotation_due);
  assert_true(record->credential_last_rotated_at == slot->rotated_at);
  assert_true(record->last_sync_at == slot->last_sync_at);
  assert_true(record->consecutive_errors == slot->errors);
  snprintf(path, sizeof(path), "secret/data/%s/connectors/%s/credentials", tenants[slot->tenant],
           slot->id);
  assert_text(record->vault_path, slot->has_path ? path : NULL);
}

/* Everything that a record holds, as its JSON and as a copy. */
static inline void see_record(const connector *record)
{
  char *json = NULL;
  size_t length = 0;
  assert_ok(connector_to_json(record, 0, &json, &length, &failure));
  see(json, length);
  connector_string_free(json);
}

/* What a call handed out: the record as it is to be now; released. */
static inline void take_record(connector *record, const struct slot *slot)
{
  assert_non_null(record);
  assert_record(record, slot);
  see_record(record);
  connector_free(record);
}

/* ---- content ---- */

static char content_texts[TEXTS][160];

/* A reach, as often as not one that the asker has. */
static inline struct reach random_reach(uint64_t *seed)
{
  struct reach reach = { (connector_scope)(1 + random_below(seed, 3)), random_below(seed, USERS),
                         random_below(seed, USERS), random_below(seed, GROUPS) };
  if (random_below(seed, 3) == 0)
    reach.user = asker.user;
  return reach;
}

static inline void put_reach(connector_patch *patch, const struct reach *reach)
{
  patch->scope = reach->scope;
  patch->owner_id = users[reach->owner];
  patch->user_id = users[reach->user];
  patch->group_id = groups[reach->group];
}

/* Where each text stands in a patch, and which field it is. */
static const struct {
  connector_field field;
  size_t offset;
} text_places[TEXTS] = {
  [TEXT_SOURCE] = { CONNECTOR_FIELD_SOURCE, offsetof(connector_patch, source) },
  [TEXT_TYPE] = { CONNECTOR_FIELD_TYPE, offsetof(connector_patch, type) },
  [TEXT_PROVIDER] = { CONNECTOR_FIELD_PROVIDER, offsetof(connector_patch, provider) },
  [TEXT_NAME] = { CONNECTOR_FIELD_NAME, offsetof(connector_patch, name) },
  [TEXT_CONFIG] = { CONNECTOR_FIELD_CONFIG, offsetof(connector_patch, config) },
  [TEXT_AUTH_TYPE] = { CONNECTOR_FIELD_AUTH_TYPE, offsetof(connector_patch, auth_type) },
  [TEXT_STATUS] = { CONNECTOR_FIELD_SYNC_STATUS, offsetof(connector_patch, sync_status) },
  [TEXT_ERROR] = { CONNECTOR_FIELD_LAST_ERROR, offsetof(connector_patch, last_error) },
  [TEXT_METRICS] = { CONNECTOR_FIELD_METRICS, offsetof(connector_patch, metrics) },
  [TEXT_EVENTS] = { CONNECTOR_FIELD_EVENT_TYPES, offsetof(connector_patch, event_types) },
  [TEXT_WEBHOOK] = { CONNECTOR_FIELD_WEBHOOK_ENDPOINT_ID,
                     offsetof(connector_patch, webhook_endpoint_id) },
  [TEXT_TAGS] = { CONNECTOR_FIELD_TAGS, offsetof(connector_patch, tags) },
  [TEXT_APPLICATION] = { CONNECTOR_FIELD_APPLICATION_ID,
                         offsetof(connector_patch, application_id) },
};

/* Puts the slot's canaries for the texts of a set, `1 << text`; texts whose serial is 0 are
 * cleared. */
static inline void put_texts(connector_patch *patch, const struct slot *slot, unsigned set)
{
  for (size_t i = 0; i < TEXTS; i++) {
    if ((set & 1u << i) == 0)
      continue;
    const char *text = canary(content_texts[i], slot, (enum text)i, slot->serial[i]);
    if (slot->serial[i] != 0)
      memcpy((char *)patch + text_places[i].offset, &text, sizeof(text));
    else
      patch->clear |= CONNECTOR_BIT(text_places[i].field);
  }
}

static inline bool is_json_text(size_t text)
{
  return text == TEXT_CONFIG || text == TEXT_METRICS || text == TEXT_EVENTS || text == TEXT_TAGS;
}

/* The same content as JSON. */
static inline size_t put_json_texts(char *json, size_t size, const struct slot *slot, unsigned set)
{
  size_t length = 0;
  char text[160];
  for (size_t i = 0; i < TEXTS; i++) {
    if ((set & 1u << i) == 0)
      continue;
    const char *quote = is_json_text(i) || slot->serial[i] == 0 ? "" : "\"";
    canary(text, slot, (enum text)i, slot->serial[i]);
    length += (size_t)snprintf(json + length, size - length, ",\"%s\":%s%s%s",
                               connector_field_name(text_places[i].field), quote,
                               slot->serial[i] != 0 ? text : "null", quote);
    assert_true(length < size);
  }
  return length;
}

static inline void put_json_reach(char json[200], const struct reach *reach)
{
  snprintf(json, 200, "\"scope\":\"%s\",\"owner_id\":\"%s\",\"user_id\":\"%s\",\"group_id\":\"%s\"",
           connector_scope_name(reach->scope), users[reach->owner], users[reach->user],
           groups[reach->group]);
}

enum { ALL_TEXTS = (1 << TEXTS) - 1 };

#endif
