/*
 * The hand-written program's history: a row for each change, chained by a keyed hash, and the head
 * of the chain; then the writes that it is told of.
 */
#include "handwritten_parts.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum { MAC = 32 };

struct head {
  int64_t seq;
  int64_t changes;
  int64_t anchor_seq;
  int64_t anchor_changes;
  unsigned char mac[MAC];
  unsigned char anchor_mac[MAC];
  unsigned char seal[MAC];
};

/* A host's own: what the chain and the heads are keyed with. */
static const unsigned char key[MAC] = "the hand-written program's key";

static const char *const scopes[] = { "org", "org", "user", "group" };

/* ---- hashes ---- */

static void hash_number(crypto_generichash_state *state, int64_t value)
{
  (void)crypto_generichash_update(state, (const unsigned char *)&value, sizeof(value));
}

/* Its length before it, so that no text can pass for two. */
static void hash_text(crypto_generichash_state *state, const char *text)
{
  size_t length = text != NULL ? strlen(text) : 0;

  hash_number(state, text != NULL ? (int64_t)length : -1);
  (void)crypto_generichash_update(state, (const unsigned char *)text, length);
}

static void hash_change(const struct handwritten *program, const struct handwritten_change *change,
                        const struct head *before, unsigned char mac[MAC])
{
  const connector_caller *caller = program->caller;
  const char *const texts[] = {
    caller->tenant_id, change->id,       change->app_id,     change->kind,
    caller->person_id, caller->source,   caller->request_id, scopes[change->scope],
    change->owner_id,  change->group_id, change->user_id,    change->forward,
    change->back
  };
  crypto_generichash_state state;

  (void)crypto_generichash_init(&state, key, sizeof(key), MAC);
  (void)crypto_generichash_update(&state, before->mac, MAC);
  hash_number(&state, before->seq + 1);
  hash_number(&state, change->version);
  hash_number(&state, change->at);
  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    hash_text(&state, texts[i]);
  (void)crypto_generichash_final(&state, mac, MAC);
}

static void hash_head(const struct handwritten *program, const struct head *head,
                      unsigned char seal[MAC])
{
  crypto_generichash_state state;

  (void)crypto_generichash_init(&state, key, sizeof(key), MAC);
  hash_text(&state, program->caller->tenant_id);
  hash_number(&state, head->seq);
  hash_number(&state, head->changes);
  hash_number(&state, head->anchor_seq);
  hash_number(&state, head->anchor_changes);
  (void)crypto_generichash_update(&state, head->mac, MAC);
  (void)crypto_generichash_update(&state, head->anchor_mac, MAC);
  (void)crypto_generichash_final(&state, seal, MAC);
}

/* ---- the head ---- */

static bool read_mac(sqlite3_stmt *statement, int column, unsigned char mac[MAC])
{
  const void *bytes = sqlite3_column_blob(statement, column);

  if (bytes == NULL || sqlite3_column_bytes(statement, column) != MAC)
    return false;
  memcpy(mac, bytes, MAC);
  return true;
}

static bool take_head(struct handwritten *program, sqlite3_stmt *statement, struct head *head)
{
  unsigned char seal[MAC];

  head->seq = sqlite3_column_int64(statement, 0);
  head->changes = sqlite3_column_int64(statement, 1);
  head->anchor_seq = sqlite3_column_int64(statement, 2);
  head->anchor_changes = sqlite3_column_int64(statement, 3);
  if (!read_mac(statement, 4, head->mac) || !read_mac(statement, 5, head->anchor_mac) ||
      !read_mac(statement, 6, head->seal))
    return false;
  hash_head(program, head, seal);
  return sodium_memcmp(seal, head->seal, MAC) == 0;
}

/* All zero where the chain has not begun. */
static bool read_head(struct handwritten *program, struct head *head)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_READ_HEAD);
  int at = 0;
  int code = SQLITE_ERROR;
  bool good = false;

  *head = (struct head){ 0 };
  if (statement == NULL)
    return false;
  handwritten_text(statement, &at, program->caller->tenant_id);
  code = sqlite3_step(statement);
  good = code == SQLITE_DONE || (code == SQLITE_ROW && take_head(program, statement, head));
  return sqlite3_reset(statement) == SQLITE_OK && good;
}

static void bind_mac(sqlite3_stmt *statement, int *at, const unsigned char mac[MAC])
{
  (void)sqlite3_bind_blob(statement, ++*at, mac, MAC, SQLITE_STATIC);
}

static bool write_head(struct handwritten *program, struct head *head)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_WRITE_HEAD);
  int at = 0;

  if (statement == NULL)
    return false;
  hash_head(program, head, head->seal);
  handwritten_text(statement, &at, program->caller->tenant_id);
  handwritten_number(statement, &at, head->seq);
  handwritten_number(statement, &at, head->changes);
  handwritten_number(statement, &at, head->anchor_seq);
  handwritten_number(statement, &at, head->anchor_changes);
  bind_mac(statement, &at, head->mac);
  bind_mac(statement, &at, head->anchor_mac);
  bind_mac(statement, &at, head->seal);
  return handwritten_run(statement);
}

/* ---- a change ---- */

static bool insert_change(struct handwritten *program, const struct handwritten_change *change,
                          const struct head *head)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_INSERT_HISTORY);
  int at = 0;

  if (statement == NULL)
    return false;
  handwritten_number(statement, &at, head->seq);
  handwritten_number(statement, &at, change->version);
  handwritten_number(statement, &at, change->at);
  handwritten_text(statement, &at, program->caller->tenant_id);
  handwritten_text(statement, &at, change->id);
  handwritten_text(statement, &at, change->app_id);
  handwritten_text(statement, &at, change->kind);
  handwritten_text(statement, &at, program->caller->person_id);
  handwritten_text(statement, &at, program->caller->source);
  handwritten_text(statement, &at, program->caller->request_id);
  handwritten_text(statement, &at, scopes[change->scope]);
  handwritten_text(statement, &at, change->owner_id);
  handwritten_text(statement, &at, change->group_id);
  handwritten_text(statement, &at, change->user_id);
  handwritten_text(statement, &at, change->forward);
  handwritten_text(statement, &at, change->back);
  bind_mac(statement, &at, head->mac);
  return handwritten_run(statement);
}

bool handwritten_tell(struct handwritten *program, const struct handwritten_change *change)
{
  struct head head;
  unsigned char mac[MAC];

  if (change->forward == NULL || !read_head(program, &head))
    return false;
  hash_change(program, change, &head, mac);
  memcpy(head.mac, mac, MAC);
  head.seq++; /* of one tenant: nobody else's change can have come between */
  head.changes++;
  return insert_change(program, change, &head) && write_head(program, &head);
}

/* ---- create and update ---- */

/* What is null is left out; a boolean stands there whatever it is. */
static char *created_patch(const connector_patch *patch)
{
  connector_patch created = *patch;

  if (created.enabled == CONNECTOR_UNSET)
    created.enabled = CONNECTOR_YES;
  if (created.oauth_refresh_needed == CONNECTOR_UNSET)
    created.oauth_refresh_needed = CONNECTOR_NO;
  return handwritten_patch_to_json(&created);
}

bool handwritten_create_with_history(struct handwritten *program, const connector_patch *patch,
                                     char id[HANDWRITTEN_ID])
{
  char own[HANDWRITTEN_ID];
  char *forward = created_patch(patch);
  struct handwritten_change change = {
    .kind = "created",
    .id = own,
    .app_id = program->caller->app_id,
    .version = 1,
    .at = handwritten_now(),
    .scope = patch->scope,
    .owner_id = patch->owner_id,
    .group_id = patch->group_id,
    .user_id = patch->user_id,
    .forward = forward,
  };
  bool alone = sqlite3_get_autocommit(program->db) != 0;
  bool good = !alone || handwritten_begin(program);

  handwritten_next_id(program, change.at, own);
  if (good) {
    good = handwritten_insert_row(program, patch, own, change.at) &&
           handwritten_tell(program, &change);
    if (alone)
      good = handwritten_end(program, good);
  }
  free(forward);
  if (good && id != NULL)
    memcpy(id, own, sizeof(own));
  return good;
}

static char *name_patch(const char *name)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;

  patch.name = name;
  if (name == NULL)
    patch.clear = CONNECTOR_BIT(CONNECTOR_FIELD_NAME);
  return handwritten_patch_to_json(&patch);
}

static bool update_and_tell(struct handwritten *program, const connector *record, const char *name)
{
  char *forward = name_patch(name);
  char *back = name_patch(record->name);
  const struct handwritten_change change = {
    .kind = "updated",
    .id = record->id,
    .app_id = record->app_id,
    .version = record->version + 1,
    .at = handwritten_now(),
    .scope = record->scope,
    .owner_id = record->owner_id,
    .group_id = record->group_id,
    .user_id = record->user_id,
    .forward = forward,
    .back = back,
  };
  bool good = back != NULL &&
              handwritten_update_row(program, record->id, record->version, name, change.at) &&
              handwritten_tell(program, &change);

  free(forward);
  free(back);
  return good;
}

bool handwritten_update_with_history(struct handwritten *program, const char *id, int64_t version,
                                     const char *name)
{
  connector *record = NULL;
  bool good = false;

  if (!handwritten_begin(program))
    return false;
  record = handwritten_get(program, id);
  good = record != NULL && record->version == version && update_and_tell(program, record, name);
  good = handwritten_end(program, good);
  free(record);
  return good;
}
