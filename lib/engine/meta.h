/*
 * Small values that belong to the whole file, and what it knows of idempotency keys.
 */
#ifndef ENGINE_META_H
#define ENGINE_META_H

#include "engine/engine.h"

enum { META_KEY_SIZE = 32, META_STORE_ID = 32, CONTENT_SIZE = 32, CONNECTOR_ID_SIZE = 64 };

/* The key that cursors of this file are sealed with. */
connector_status meta_cursor_key(struct connection *connection, uint8_t key[META_KEY_SIZE],
                                 connector_error *error);

/* The key that the file keeps for its history. */
connector_status meta_history_key(struct connection *connection, uint8_t key[META_KEY_SIZE],
                                  connector_error *error);

/* What tells the key that the history is keyed with from any other; it is there from the first
 * change on. */
connector_status meta_history_check(struct connection *connection, uint8_t check[META_KEY_SIZE],
                                    bool *found, connector_error *error);
connector_status meta_put_history_check(struct connection *connection,
                                        const uint8_t check[META_KEY_SIZE], connector_error *error);

/* Inside a write: so many numbers that no lease of this file had before, from `*first` on. */
connector_status meta_take_fences(struct connection *connection, int64_t count, int64_t *first,
                                  connector_error *error);

/* The file's own name, which a copy of it has too. */
connector_status meta_store_id(struct connection *connection, char id[META_STORE_ID + 1],
                               connector_error *error);

/* An idempotency key within a tenant and app; `app` is "" for none. */
struct once {
  const char *tenant;
  const char *app;
  const char *key;
  uint8_t content[CONTENT_SIZE]; /* hash of what is to be created */
  char connector_id[CONNECTOR_ID_SIZE];
  int64_t created_at;
};

/* Looks a key up; fills `content`, `connector_id` and `created_at` where it is found. */
connector_status once_find(struct connection *connection, struct once *once, bool *found,
                           connector_error *error);

/* Writes a key, over an older use. */
connector_status once_put(struct connection *connection, const struct once *once,
                          connector_error *error);

/* Forgets keys used before a time, up to `limit` of them. */
connector_status once_expire(struct connection *connection, int64_t before, int64_t limit,
                             int64_t *expired, connector_error *error);

/* Counts over the whole file, by index. */
struct file_figures {
  int64_t live;
  int64_t deleted;
  int64_t tenants;
  int64_t file_bytes;
  int64_t free_bytes;
  int64_t schema_version;
};

connector_status meta_figures(struct connection *connection, struct file_figures *figures,
                              connector_error *error);

#endif
