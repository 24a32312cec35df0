/*
 * The hand-written program's feed of changes.
 */
#include "handwritten_parts.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS = 9 };

/* The members that are text with their columns. */
static const struct {
  int column;
  size_t at;
} text_members[TEXTS] = {
  { 1, offsetof(connector_change, id) },         { 2, offsetof(connector_change, tenant_id) },
  { 3, offsetof(connector_change, app_id) },     { 7, offsetof(connector_change, person_id) },
  { 8, offsetof(connector_change, request_id) }, { 9, offsetof(connector_change, source) },
  { 10, offsetof(connector_change, reason) },    { 11, offsetof(connector_change, forward) },
  { 12, offsetof(connector_change, back) },
};

enum { COLUMN_SEQ = 0, COLUMN_VERSION = 4, COLUMN_KIND = 5, COLUMN_AT = 6 };

static connector_change_kind kind_of(const char *name)
{
  static const char *const names[] = { "created", "updated",   "deleted", "restored", "purged",
                                       "health",  "refreshed", "rotated", "disabled", "recovered" };

  for (unsigned i = 0; name != NULL && i < sizeof(names) / sizeof(names[0]); i++)
    if (strcmp(name, names[i]) == 0)
      return (connector_change_kind)(i + 1);
  return CONNECTOR_CHANGE_UPDATED;
}

/* Copies the text of a row into the blocks. */
static bool take_texts(struct handwritten_changes *changes, sqlite3_stmt *statement,
                       connector_change *change)
{
  const char *texts[TEXTS];
  size_t lengths[TEXTS];
  size_t bytes = 0;
  char *out = NULL;

  for (size_t i = 0; i < TEXTS; i++) {
    texts[i] = (const char *)sqlite3_column_text(statement, text_members[i].column);
    lengths[i] = texts[i] != NULL
                     ? (size_t)sqlite3_column_bytes(statement, text_members[i].column) + 1
                     : 0;
    bytes += lengths[i];
  }
  out = handwritten_room(&changes->blocks, bytes);
  if (out == NULL)
    return false;
  for (size_t i = 0; i < TEXTS; i++) {
    if (texts[i] == NULL)
      continue;
    memcpy(out, texts[i], lengths[i]);
    memcpy((char *)change + text_members[i].at, &out, sizeof(out));
    out += lengths[i];
  }
  return true;
}

static bool fill(struct handwritten_changes *changes, sqlite3_stmt *statement, unsigned limit)
{
  int code = SQLITE_ROW;

  while (changes->count < limit && (code = sqlite3_step(statement)) == SQLITE_ROW) {
    connector_change *change = &changes->changes[changes->count++];

    *change = (connector_change){ .size = sizeof(*change) };
    change->seq = sqlite3_column_int64(statement, COLUMN_SEQ);
    change->version = sqlite3_column_int64(statement, COLUMN_VERSION);
    change->kind = kind_of((const char *)sqlite3_column_text(statement, COLUMN_KIND));
    change->at = sqlite3_column_int64(statement, COLUMN_AT);
    if (!take_texts(changes, statement, change))
      return false;
  }
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

void handwritten_changes_free(struct handwritten_changes *changes)
{
  if (changes == NULL)
    return;
  handwritten_blocks_free(changes->blocks);
  free(changes->changes);
  free(changes);
}

struct handwritten_changes *handwritten_feed(struct handwritten *program, int64_t after,
                                             unsigned limit)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_FEED);
  struct handwritten_changes *changes = calloc(1, sizeof(*changes));
  bool good = false;

  if (statement == NULL || changes == NULL) {
    free(changes);
    return NULL;
  }
  changes->changes = malloc(limit * sizeof(*changes->changes));
  (void)sqlite3_bind_text(statement, 1, program->caller->tenant_id, -1, SQLITE_STATIC);
  (void)sqlite3_bind_int64(statement, 2, after);
  (void)sqlite3_bind_int64(statement, 3, (int64_t)limit);
  good = changes->changes != NULL && fill(changes, statement, limit);
  (void)sqlite3_reset(statement);
  if (good)
    return changes;
  handwritten_changes_free(changes);
  return NULL;
}
