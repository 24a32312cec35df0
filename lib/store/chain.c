/*
 * Hashes of history.
 */
#include "store/chain.h"

#include "base/hash.h"
#include "store/rules.h"

#include <sodium.h>
#include <string.h>

_Static_assert((int)HISTORY_MAC == HASH_BYTES && (int)META_KEY_SIZE == HASH_KEY &&
                   (int)META_KEY_SIZE == HASH_BYTES,
               "hashes and keys of history are those of hash.h");

void chain_row(const uint8_t key[META_KEY_SIZE], const struct history_row *row,
               const uint8_t before[HISTORY_MAC], uint8_t mac[HISTORY_MAC])
{
  hash_state state;

  hash_start(&state, key, "row\0\0\0\0\0");
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    const struct history_column *column = &history_columns[i];

    if (column->is_text)
      hash_text(&state, *history_text(row, column));
    else
      hash_number(&state, *history_number(row, column));
  }
  hash_fixed(&state, before, HISTORY_MAC);
  hash_end(&state, mac);
}

/* Over all of the head but the seal. */
static void seal_of(const uint8_t key[META_KEY_SIZE], const char *tenant,
                    const struct history_head *head, uint8_t seal[HISTORY_MAC])
{
  hash_state state;

  hash_start(&state, key, "head\0\0\0\0");
  hash_text(&state, tenant);
  hash_number(&state, head->seq);
  hash_number(&state, head->changes);
  hash_fixed(&state, head->mac, HISTORY_MAC);
  hash_number(&state, head->anchor_seq);
  hash_number(&state, head->anchor_changes);
  hash_fixed(&state, head->anchor_mac, HISTORY_MAC);
  hash_end(&state, seal);
}

bool chain_is_sound(const uint8_t key[META_KEY_SIZE], const char *tenant,
                    const struct history_head *head)
{
  uint8_t seal[HISTORY_MAC];

  seal_of(key, tenant, head, seal);
  return head->seq == 0 || chain_same(seal, head->seal);
}

void chain_reseal(const uint8_t key[META_KEY_SIZE], const char *tenant, bool sound,
                  struct history_head *head)
{
  if (sound)
    seal_of(key, tenant, head, head->seal);
}

void chain_check(const uint8_t key[META_KEY_SIZE], uint8_t check[META_KEY_SIZE])
{
  hash_state state;

  hash_start(&state, key, "check\0\0\0");
  hash_end(&state, check);
}

bool chain_same(const uint8_t a[HISTORY_MAC], const uint8_t b[HISTORY_MAC])
{
  return sodium_memcmp(a, b, HISTORY_MAC) == 0;
}

connector_status chain_check_key(connector_store *store, struct connection *connection, bool *keyed,
                                 connector_error *error)
{
  uint8_t kept[META_KEY_SIZE];
  uint8_t own[META_KEY_SIZE];
  connector_status status = meta_history_check(connection, kept, keyed, error);

  if (status != CONNECTOR_OK || !*keyed)
    return status;
  chain_check(store->history_key, own);
  if (!chain_same(kept, own))
    return error_set(error, CONNECTOR_INVALID, "history_key",
                     store->has_history_key ? "is not the key of this file's history"
                                            : "must be given, for this file's history has one");
  return CONNECTOR_OK;
}

connector_status chain_allow(struct call *call)
{
  if (call->scope.kind == SCOPE_MEMBER || call->scope.app != NULL)
    return error_set(call->error, CONNECTOR_DENIED, call->scope.app != NULL ? "app_id" : "role",
                     "reaches only a part of the tenant, and its history is one chain");
  return rules_authorize(call, CONNECTOR_ACTION_HISTORY, NULL);
}
