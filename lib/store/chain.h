/*
 * The chain of a tenant's history: keyed hashes (BLAKE2b) of its rows, each over the one before it
 * too, and the seal of its head.
 */
#ifndef STORE_CHAIN_H
#define STORE_CHAIN_H

#include "engine/history.h"
#include "store/store.h"

/* The hash of a row behind a row of hash `before`, all zero for the first one. */
void chain_row(const uint8_t key[META_KEY_SIZE], const struct history_row *row,
               const uint8_t before[HISTORY_MAC], uint8_t mac[HISTORY_MAC]);

/* Seals the head anew, unless the seal that it had before the change was not right (`sound` false):
 * a head that somebody meddled with is never made good by a later write. */
void chain_reseal(const uint8_t key[META_KEY_SIZE], const char *tenant, bool sound,
                  struct history_head *head);

/* Whether the head's seal is right, or there is no head yet. */
bool chain_is_sound(const uint8_t key[META_KEY_SIZE], const char *tenant,
                    const struct history_head *head);

/* What tells this key from any other and nothing else of it. */
void chain_check(const uint8_t key[META_KEY_SIZE], uint8_t check[META_KEY_SIZE]);

bool chain_same(const uint8_t a[HISTORY_MAC], const uint8_t b[HISTORY_MAC]);

/* INVALID where the file's history is keyed with another key than the store has. `*keyed` tells
 * whether it has a key at all. */
connector_status chain_check_key(connector_store *store, struct connection *connection, bool *keyed,
                                 connector_error *error);

/* Whether the caller may deal with the history of whole tenants; asks the host too. */
connector_status chain_allow(struct call *call);

#endif
