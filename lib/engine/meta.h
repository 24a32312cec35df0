/*
 * Small values that belong to the whole file, and what it knows of idempotency keys.
 */
#ifndef ENGINE_META_H
#define ENGINE_META_H

#include "engine/engine.h"

enum { META_KEY_SIZE = 32, CONTENT_SIZE = 32, CONNECTOR_ID_SIZE = 64 };

/* The key that cursors of this file are sealed with. */
connector_status meta_cursor_key(struct connection *connection, uint8_t key[META_KEY_SIZE],
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
