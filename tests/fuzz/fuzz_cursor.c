/*
 * Hostile cursors. The first byte says what the rest is: a cursor's text; its bytes before base64;
 * what was sealed, which is then sealed as the library does, so that the code behind the seal is
 * reached; or a place in the feed and in a history. No cursor shows another tenant's record, and
 * none that the library did not seal is taken.
 */
#include "fuzz_store.h"

#include <connector/history.h>

/* The same code under other names: sealing and binding are not for others to call. */
#define cursor_seal fuzzed_cursor_seal
#define cursor_open fuzzed_cursor_open
#include "../../lib/store/cursor.c"

enum { RECORDS = 6, MODES = 4, PLAIN_MOST = 4096 };

static char first_id[64];

static void set_up(void)
{
  connector_page *page = NULL;

  open_filled_store(RECORDS);
  check(connector_list(store, NULL, &page, &failure) == CONNECTOR_OK);
  strncpy(first_id, connector_page_at(page, 0)->id, sizeof(first_id) - 1);
  connector_page_free(page);
}

static connector_query take_query(struct input *input)
{
  static const connector_field orders[] = { CONNECTOR_FIELD_ID,         CONNECTOR_FIELD_NAME,
                                            CONNECTOR_FIELD_CREATED_AT, CONNECTOR_FIELD_ENABLED,
                                            CONNECTOR_FIELD_TENANT_ID,  CONNECTOR_FIELD_TYPE };
  connector_query query = CONNECTOR_QUERY_INIT;
  uint8_t choice = take(input);

  query.order_by = orders[choice % 6];
  query.descending = (choice & 0x40) != 0;
  query.deleted = (choice & 0x80) != 0 ? CONNECTOR_DELETED_INCLUDE : CONNECTOR_DELETED_EXCLUDE;
  if ((choice & 0x20) != 0) { /* a scope that spans tenants */
    become(NULL);
    query.limit = 3;
  }
  return query;
}

/* The text of a cursor that holds these bytes under a seal that is right. */
static char *seal_bytes(const connector_query *query, const struct input *input)
{
  static uint8_t sealed[NONCE + PLAIN_MOST + TAG];
  size_t length = input->left < PLAIN_MOST ? input->left : PLAIN_MOST;
  struct call call = { .store = store, .caller = caller };
  uint8_t binding[BINDING];

  bind_to(&call, query, binding);
  memset(sealed, 0, NONCE);
  check(crypto_aead_xchacha20poly1305_ietf_encrypt(sealed + NONCE, NULL, input->at, length, binding,
                                                   BINDING, NULL, sealed, store->cursor_key) == 0);
  return encode(sealed, NONCE + length + TAG);
}

static void list_from(connector_query query, const char *cursor, bool may_hold)
{
  connector_page *page = NULL;
  connector_status status = CONNECTOR_OK;

  query.cursor = cursor;
  status = told(connector_list(store, &query, &page, &failure));
  if (status != CONNECTOR_OK) {
    check(status == CONNECTOR_INVALID && strcmp(failure.field, "cursor") == 0);
    return;
  }
  check(may_hold);
  for (size_t i = 0; i < connector_page_count(page); i++)
    if (caller.role == CONNECTOR_ROLE_TENANT)
      check_own(connector_page_at(page, i));
  connector_page_free(page);
}

/* ---- the feed, whose place is a number ---- */

static void check_changes(connector_status status, connector_changes *changes)
{
  check(told(status) == CONNECTOR_OK);
  for (size_t i = 0; i < connector_changes_count(changes); i++) {
    char *json = NULL;

    check(connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &failure) ==
          CONNECTOR_OK);
    check(!has_canary(json));
    connector_string_free(json);
  }
  connector_changes_free(changes);
}

static void read_feed(struct input *input)
{
  connector_changes *changes = NULL;
  int64_t newest = 0;
  int64_t seq = 0;
  connector_status status = CONNECTOR_OK;

  if (input->left > 0)
    memcpy(&seq, input->at, input->left < sizeof(seq) ? input->left : sizeof(seq));
  status = told(connector_changes_after(store, seq, 500, &changes, &failure));
  if (status == CONNECTOR_INVALID)
    check(seq < 0);
  else
    check_changes(status, changes);
  changes = NULL;
  status = told(connector_history(store, first_id, seq, 500, &changes, &failure));
  if (status == CONNECTOR_INVALID)
    check(seq < 0);
  else
    check_changes(status, changes);
  status = told(connector_changes_wait(store, seq, 0, &newest, &failure));
  check(status == CONNECTOR_OK || status == CONNECTOR_INVALID);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = { data, size };
  uint8_t mode = take(&input) % MODES;
  connector_query query = CONNECTOR_QUERY_INIT;
  char *cursor = NULL;

  if (store == NULL)
    set_up();
  note_input(data, size);
  become("tenant-a");
  if (mode == 3) {
    read_feed(&input);
    return 0;
  }
  query = take_query(&input);
  cursor = mode == 0   ? rest_of(&input)
           : mode == 1 ? encode(input.at, input.left)
                       : seal_bytes(&query, &input);
  check(cursor != NULL);
  if (cursor[0] != '\0')
    list_from(query, cursor, mode == 2);
  free(cursor);
  return 0;
}
