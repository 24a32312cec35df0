/*
 * What was read, for a while; and that many who miss the same make one request.
 */
#ifndef VAULT_CACHE_H
#define VAULT_CACHE_H

#include "kept.h"

#include <connector/secret.h>

struct cache_limits {
  int64_t ttl_ms;
  int64_t stale_ms; /* how much longer a value may serve where the server can't be had */
  size_t entries;
};

struct cache_key {
  const char *mount;
  const char *path;
  int64_t version;
  int64_t rotated_at; /* the record's: another one is another secret */
};

struct cache;
struct flight; /* a request that others may wait for */

struct cache *cache_new(struct cache_limits limits);
void cache_free(struct cache *cache);

enum cache_state {
  CACHE_FRESH, /* a value, held for the caller */
  CACHE_STALE, /* so, past its time: the last request has just failed */
  CACHE_WAIT,  /* another thread asks: cache_wait() */
  CACHE_ASK    /* the caller is to ask, and to tell by cache_land() */
};

/* `flight` is NULL after CACHE_ASK where memory is lacking: then nothing is kept. */
enum cache_state cache_find(struct cache *cache, const struct cache_key *key, int64_t now,
                            struct kept **value, struct flight **flight);

/* What a flight came to. */
struct landing {
  connector_status status;
  bool passing; /* a failure that a stale value may stand in for */
  bool stale;   /* `value` is one */
  struct kept *value;
  int64_t version; /* of one that is deleted, where it is known */
  connector_error error;
};

/* Ends the flight: what it brought, `landing->value` for one, goes to all who wait. After a passing
 * failure a stale value, where there is one, is put into `landing`. The caller keeps its hold. */
void cache_land(struct cache *cache, struct flight *flight, struct landing *landing, int64_t now);

/* Waits for the flight and lets go of it. False: `deadline` came first. The value is held for the
 * caller. */
bool cache_wait(struct cache *cache, struct flight *flight, int64_t deadline,
                struct landing *landing);

/* Forgets all versions at the path; a flight under way will not be kept, nor joined. */
void cache_drop(struct cache *cache, const char *mount, const char *path);

#endif
