/*
 * Idempotency: the key and a hash of the content are written with the record, in one transaction.
 */
#include "store/once.h"

#include "base/utf8.h"
#include "store/create.h"
#include "store/rules.h"

#include <sodium.h>
#include <string.h>

enum { KEY_MOST = 255 };

_Static_assert(CONTENT_SIZE >= crypto_generichash_BYTES_MIN &&
                   CONTENT_SIZE <= crypto_generichash_BYTES_MAX,
               "the content's hash is a BLAKE2b of this size");

connector_status once_check_key(const char *key, connector_error *error)
{
  size_t length = key != NULL ? strnlen(key, KEY_MOST + 1) : 0;

  if (length == 0 || length > KEY_MOST || utf8_classify(key, length) != UTF8_PLAIN)
    return error_set(error, CONNECTOR_INVALID, "idempotency_key",
                     "must be 1 to %d bytes of text without control characters", KEY_MOST);
  return CONNECTOR_OK;
}

/* What the caller wrote, defaults included, stamps not: a retry has other stamps. */
static void hash_content(const connector *record, uint8_t content[CONTENT_SIZE])
{
  crypto_generichash_state state;

  (void)crypto_generichash_init(&state, NULL, 0, CONTENT_SIZE);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    const char *text = NULL;
    int64_t number = 0;

    if (field->writer == WRITER_SERVER)
      continue;
    if (field_is_text(field)) {
      text = *field_text(record, field);
      number = text != NULL ? (int64_t)strlen(text) : -1;
    } else {
      number = field_number(record, field);
    }
    (void)crypto_generichash_update(&state, (const uint8_t *)&number, sizeof(number));
    if (text != NULL)
      (void)crypto_generichash_update(&state, (const uint8_t *)text, (size_t)number);
  }
  (void)crypto_generichash_final(&state, content, CONTENT_SIZE);
}

/* The record of the first call as it stands now; none where it was purged since. */
static connector_status find_first(struct work *work, const struct once *seen, connector **first)
{
  const struct scope tenant = { .kind = SCOPE_TENANT,
                                .tenant = work->call->caller.tenant_id,
                                .app = work->call->caller.app_id };

  return rows_find(work->connection, &tenant, seen->connector_id, CONNECTOR_DELETED_INCLUDE, first,
                   work->call->error);
}

static connector_status used_before(connector_error *error)
{
  return error_set(error, CONNECTOR_EXISTS, "idempotency_key",
                   "was used before with other content");
}

static connector_status insert(struct work *work, const struct once *once, const connector *record)
{
  connector_error *error = work->call->error;
  connector_status status = rows_insert(work->connection, record, error);

  if (status == CONNECTOR_OK)
    status = once_put(work->connection, once, error);
  return status == CONNECTOR_OK ? create_note(work, record, record->created_at) : status;
}

static connector_status find_or_insert(struct work *work, const struct once *once,
                                       const connector *record, connector **first)
{
  struct once seen = *once;
  bool known = false;
  connector_status status = once_find(work->connection, &seen, &known, work->call->error);

  if (status == CONNECTOR_OK && known)
    known = seen.created_at > once->created_at - (int64_t)ONCE_HOURS * 3600 * 1000;
  if (status == CONNECTOR_OK && known)
    status = find_first(work, &seen, first);
  if (status != CONNECTOR_OK || *first == NULL)
    return status == CONNECTOR_OK ? insert(work, once, record) : status;
  if (memcmp(seen.content, once->content, CONTENT_SIZE) != 0 ||
      !scope_covers(&work->call->scope, *first))
    return used_before(work->call->error);
  return CONNECTOR_OK;
}

connector_status once_insert(struct call *call, struct draft *draft, const char *key,
                             connector **out)
{
  const connector *record = &draft->values;
  struct once once = { .tenant = record->tenant_id,
                       .app = record->app_id != NULL ? record->app_id : "",
                       .key = key,
                       .created_at = record->created_at };
  connector *copy = record_copy(record);
  connector *first = NULL;
  struct work work;
  connector_status status = CONNECTOR_OK;

  if (copy == NULL)
    return error_no_memory(call->error);
  hash_content(record, once.content);
  memcpy(once.connector_id, record->id, strlen(record->id) + 1);
  status = work_begin_write(&work, call, true);
  if (status == CONNECTOR_OK) {
    status = find_or_insert(&work, &once, record, &first);
    status = work_end_write(&work, status);
  }
  if (status == CONNECTOR_OK && first != NULL)
    status = rules_authorize(call, CONNECTOR_ACTION_READ, first);
  if (status == CONNECTOR_OK && out != NULL) {
    *out = first != NULL ? first : copy;
    copy = first != NULL ? copy : NULL;
    first = NULL;
  }
  connector_free(first);
  connector_free(copy);
  return status;
}
