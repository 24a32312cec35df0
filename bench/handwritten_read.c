/*
 * The hand-written program's reads: a record, a page, and a stream of records.
 */
#include "handwritten_parts.h"

#include <stdlib.h>
#include <string.h>

enum { TEXTS = 23, BLOCK_BYTES = 64 * 1024 };

/* A record whose text still belongs to the statement, and the lengths of its text. */
struct reading {
  sqlite3_stmt *statement;
  int column;
  size_t texts;
  size_t bytes; /* of all text with its NULs */
  size_t lengths[TEXTS];
  connector record;
};

/* The members that are text, in the order of the columns. */
static const size_t text_members[TEXTS] = {
  offsetof(connector, id),
  offsetof(connector, tenant_id),
  offsetof(connector, app_id),
  offsetof(connector, created_by),
  offsetof(connector, updated_by),
  offsetof(connector, source),
  offsetof(connector, deleted_by),
  offsetof(connector, type),
  offsetof(connector, provider),
  offsetof(connector, name),
  offsetof(connector, owner_id),
  offsetof(connector, group_id),
  offsetof(connector, user_id),
  offsetof(connector, config),
  offsetof(connector, vault_path),
  offsetof(connector, auth_type),
  offsetof(connector, sync_status),
  offsetof(connector, last_error),
  offsetof(connector, metrics),
  offsetof(connector, event_types),
  offsetof(connector, webhook_endpoint_id),
  offsetof(connector, tags),
  offsetof(connector, application_id),
};

/* ---- columns ---- */

static const char *text(struct reading *reading)
{
  const char *value = (const char *)sqlite3_column_text(reading->statement, reading->column);
  size_t length = 0;

  if (value != NULL) {
    length = (size_t)sqlite3_column_bytes(reading->statement, reading->column);
    reading->bytes += length + 1;
  }
  reading->column++;
  reading->lengths[reading->texts++] = length;
  return value;
}

static int64_t number(struct reading *reading)
{
  return sqlite3_column_int64(reading->statement, reading->column++);
}

static const char *name(struct reading *reading)
{
  const char *value = (const char *)sqlite3_column_text(reading->statement, reading->column++);

  return value != NULL ? value : "";
}

static connector_source_type source_type(struct reading *reading)
{
  const char *value = name(reading);

  if (strcmp(value, "frontend") == 0)
    return CONNECTOR_SOURCE_TYPE_FRONTEND;
  if (strcmp(value, "backend") == 0)
    return CONNECTOR_SOURCE_TYPE_BACKEND;
  if (strcmp(value, "server") == 0)
    return CONNECTOR_SOURCE_TYPE_SERVER;
  if (strcmp(value, "system") == 0)
    return CONNECTOR_SOURCE_TYPE_SYSTEM;
  return CONNECTOR_SOURCE_TYPE_API;
}

static connector_scope scope(struct reading *reading)
{
  const char *value = name(reading);

  if (strcmp(value, "user") == 0)
    return CONNECTOR_SCOPE_USER;
  if (strcmp(value, "group") == 0)
    return CONNECTOR_SCOPE_GROUP;
  return CONNECTOR_SCOPE_ORG;
}

static void read_row(struct reading *reading, sqlite3_stmt *statement)
{
  connector *record = &reading->record;

  reading->statement = statement;
  reading->column = 0;
  reading->texts = 0;
  reading->bytes = 0;
  record->id = text(reading);
  record->tenant_id = text(reading);
  record->app_id = text(reading);
  record->created_at = number(reading);
  record->updated_at = number(reading);
  record->created_by = text(reading);
  record->updated_by = text(reading);
  record->source = text(reading);
  record->source_type = source_type(reading);
  record->deleted_at = number(reading);
  record->is_deleted = record->deleted_at != 0;
  record->deleted_by = text(reading);
  record->schema_version = number(reading);
  record->type = text(reading);
  record->provider = text(reading);
  record->name = text(reading);
  record->scope = scope(reading);
  record->owner_id = text(reading);
  record->group_id = text(reading);
  record->user_id = text(reading);
  record->config = text(reading);
  record->vault_path = text(reading);
  record->auth_type = text(reading);
  record->oauth_refresh_needed = number(reading) != 0;
  record->oauth_token_expires_at = number(reading);
  record->enabled = number(reading) != 0;
  record->sync_status = text(reading);
  record->last_sync_at = number(reading);
  record->consecutive_errors = number(reading);
  record->last_error = text(reading);
  record->metrics = text(reading);
  record->event_types = text(reading);
  record->webhook_endpoint_id = text(reading);
  record->credential_last_rotated_at = number(reading);
  record->next_rotation_due = number(reading);
  record->tags = text(reading);
  record->version = number(reading);
  record->application_id = text(reading);
}

/* Copies the record, and its text to `out`, which has room for reading->bytes. */
static void keep(const struct reading *reading, connector *record, char *out)
{
  *record = reading->record;
  for (size_t i = 0; i < TEXTS; i++) {
    const char **member = (const char **)(void *)((char *)record + text_members[i]);

    if (*member == NULL)
      continue;
    memcpy(out, *member, reading->lengths[i] + 1);
    *member = out;
    out += reading->lengths[i] + 1;
  }
}

/* ---- get ---- */

connector *handwritten_get(struct handwritten *program, const char *id)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_GET);
  struct reading reading;
  connector *record = NULL;

  if (statement == NULL)
    return NULL;
  (void)sqlite3_bind_text(statement, 1, program->caller->tenant_id, -1, SQLITE_STATIC);
  (void)sqlite3_bind_text(statement, 2, id, -1, SQLITE_STATIC);
  if (sqlite3_step(statement) == SQLITE_ROW) {
    read_row(&reading, statement);
    record = malloc(sizeof(*record) + reading.bytes);
    if (record != NULL)
      keep(&reading, record, (char *)(record + 1));
  }
  (void)sqlite3_reset(statement);
  return record;
}

/* ---- list ---- */

struct text_block {
  struct text_block *next;
  size_t used;
  size_t size;
  char bytes[];
};

char *handwritten_room(struct text_block **blocks, size_t bytes)
{
  struct text_block *block = *blocks;

  if (block == NULL || block->size - block->used < bytes) {
    size_t size = bytes > BLOCK_BYTES ? bytes : BLOCK_BYTES;

    block = malloc(sizeof(*block) + size);
    if (block == NULL)
      return NULL;
    block->next = *blocks;
    block->used = 0;
    block->size = size;
    *blocks = block;
  }
  block->used += bytes;
  return block->bytes + block->used - bytes;
}

void handwritten_blocks_free(struct text_block *blocks)
{
  while (blocks != NULL) {
    struct text_block *block = blocks;

    blocks = block->next;
    free(block);
  }
}

void handwritten_page_free(struct handwritten_page *page)
{
  if (page == NULL)
    return;
  handwritten_blocks_free(page->blocks);
  free(page->records);
  free(page);
}

static struct handwritten_page *page_new(unsigned limit)
{
  struct handwritten_page *page = calloc(1, sizeof(*page));

  if (page == NULL)
    return NULL;
  page->records = malloc(limit * sizeof(*page->records));
  if (page->records == NULL) {
    free(page);
    return NULL;
  }
  return page;
}

/* Reads up to `limit` rows; one row more tells that there is another page. */
static bool fill(struct handwritten_page *page, sqlite3_stmt *statement, unsigned limit)
{
  struct reading reading;
  int code = SQLITE_ROW;

  while ((code = sqlite3_step(statement)) == SQLITE_ROW && page->count < limit) {
    char *out = NULL;

    read_row(&reading, statement);
    out = handwritten_room(&page->blocks, reading.bytes);
    if (out == NULL)
      return false;
    keep(&reading, &page->records[page->count++], out);
  }
  page->more = code == SQLITE_ROW;
  return code == SQLITE_ROW || code == SQLITE_DONE;
}

struct handwritten_page *handwritten_read_page(sqlite3_stmt *statement, unsigned limit)
{
  struct handwritten_page *page = page_new(limit);

  if (page != NULL && !fill(page, statement, limit)) {
    handwritten_page_free(page);
    page = NULL;
  }
  (void)sqlite3_reset(statement);
  return page;
}

struct handwritten_page *handwritten_list(struct handwritten *program, const char *after,
                                          const char *provider, unsigned limit)
{
  sqlite3_stmt *statement = handwritten_prepared(
      program, provider != NULL ? HANDWRITTEN_LIST_OF_PROVIDER : HANDWRITTEN_LIST);

  if (statement == NULL)
    return NULL;
  (void)sqlite3_bind_text(statement, 1, program->caller->tenant_id, -1, SQLITE_STATIC);
  (void)sqlite3_bind_text(statement, 2, after, -1, SQLITE_STATIC);
  (void)sqlite3_bind_int64(statement, 3, (int64_t)limit + 1);
  if (provider != NULL)
    (void)sqlite3_bind_text(statement, 4, provider, -1, SQLITE_STATIC);
  return handwritten_read_page(statement, limit);
}

/* ---- each ---- */

bool handwritten_each(struct handwritten *program,
                      void (*show)(void *user, const connector *record), void *user)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_EACH);
  struct reading reading;
  int code = SQLITE_ROW;

  if (statement == NULL)
    return false;
  (void)sqlite3_bind_text(statement, 1, program->caller->tenant_id, -1, SQLITE_STATIC);
  while ((code = sqlite3_step(statement)) == SQLITE_ROW) {
    read_row(&reading, statement);
    show(user, &reading.record);
  }
  (void)sqlite3_reset(statement);
  return code == SQLITE_DONE;
}

char *handwritten_ids(struct handwritten *program, size_t *count)
{
  static const char sql[] = "SELECT id FROM connector WHERE deleted_at IS NULL ORDER BY id";
  sqlite3_stmt *statement = NULL;
  size_t room_for = 0;
  char *ids = NULL;
  char *larger = NULL;

  *count = 0;
  if (sqlite3_prepare_v2(program->db, sql, -1, &statement, NULL) != SQLITE_OK)
    return NULL;
  while (sqlite3_step(statement) == SQLITE_ROW) {
    if (*count == room_for) {
      room_for = room_for == 0 ? 1024 : 2 * room_for;
      larger = realloc(ids, room_for * HANDWRITTEN_ID);
      if (larger == NULL)
        break;
      ids = larger;
    }
    memcpy(ids + HANDWRITTEN_ID * (*count)++, sqlite3_column_text(statement, 0), HANDWRITTEN_ID);
  }
  (void)sqlite3_finalize(statement);
  return ids;
}
