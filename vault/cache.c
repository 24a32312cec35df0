/*
 * What was read, for a while; and that many who miss the same make one request.
 *
 * Entries hang in buckets by mount and path, so that all versions of a path are in one. An entry
 * without a value is there for its flight. A flight outlives its entry where the path is dropped
 * meanwhile: then it only serves those who joined it before.
 */
#include "cache.h"

#include "clock.h"

#include <sodium.h>
#include <stdlib.h>
#include <string.h>

enum {
  BUCKETS = 1024,
  PAUSE_MS = 1000 /* after a failure, a stale value serves so long before the next try */
};

struct entry {
  struct entry *next;
  char *mount;
  char *path;
  int64_t version;
  int64_t rotated_at;
  struct kept *value;    /* NULL: none yet */
  struct flight *flight; /* NULL: no one asks */
  int64_t pause_until;
  uint64_t used; /* the cache's count of uses, then */
};

struct flight {
  unsigned references; /* its own thread's, and one for each that waits */
  struct entry *entry; /* NULL: dropped meanwhile */
  bool done;
  struct landing landing;
};

struct cache {
  struct meeting meeting;
  struct cache_limits limits;
  unsigned char hash_key[crypto_shorthash_KEYBYTES];
  struct entry *buckets[BUCKETS];
  size_t count;
  uint64_t uses;
};

/* ---- entries ---- */

/* Keyed, so that no one can choose paths that meet in one bucket. */
static struct entry **bucket_of(struct cache *cache, const char *mount, const char *path)
{
  unsigned char hash[2][crypto_shorthash_BYTES];
  uint64_t sum = 0;
  uint64_t other = 0;

  (void)crypto_shorthash(hash[0], (const unsigned char *)mount, strlen(mount), cache->hash_key);
  (void)crypto_shorthash(hash[1], (const unsigned char *)path, strlen(path), cache->hash_key);
  memcpy(&sum, hash[0], sizeof(sum));
  memcpy(&other, hash[1], sizeof(other));
  return &cache->buckets[(sum * 31 + other) % BUCKETS];
}

static bool is_at(const struct entry *entry, const char *mount, const char *path)
{
  return strcmp(entry->path, path) == 0 && strcmp(entry->mount, mount) == 0;
}

static void entry_free(struct entry *entry)
{
  if (entry->flight != NULL)
    entry->flight->entry = NULL;
  kept_release(entry->value);
  free(entry->mount);
  free(entry->path);
  free(entry);
}

static void unlink_entry(struct cache *cache, struct entry **link)
{
  struct entry *entry = *link;

  *link = entry->next;
  cache->count--;
  entry_free(entry);
}

static void remove_entry(struct cache *cache, struct entry *entry)
{
  struct entry **link = bucket_of(cache, entry->mount, entry->path);

  while (*link != entry)
    link = &(*link)->next;
  unlink_entry(cache, link);
}

/* The one that no one has used for longest; not one that is asked for. */
static void make_room(struct cache *cache)
{
  struct entry *oldest = NULL;

  if (cache->count < cache->limits.entries)
    return;
  for (size_t i = 0; i < BUCKETS; i++)
    for (struct entry *entry = cache->buckets[i]; entry != NULL; entry = entry->next)
      if (entry->flight == NULL && (oldest == NULL || entry->used < oldest->used))
        oldest = entry;
  if (oldest != NULL)
    remove_entry(cache, oldest);
}

static char *copy_of(const char *text)
{
  size_t size = strlen(text) + 1;
  char *copy = malloc(size);

  return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static struct entry *find_entry(struct cache *cache, const struct cache_key *key)
{
  struct entry *entry = *bucket_of(cache, key->mount, key->path);

  while (entry != NULL &&
         !(entry->version == key->version && entry->rotated_at == key->rotated_at &&
           is_at(entry, key->mount, key->path)))
    entry = entry->next;
  return entry;
}

static struct entry *add_entry(struct cache *cache, const struct cache_key *key)
{
  struct entry **bucket = bucket_of(cache, key->mount, key->path);
  struct entry *entry = calloc(1, sizeof(*entry));

  if (entry == NULL)
    return NULL;
  entry->mount = copy_of(key->mount);
  entry->path = copy_of(key->path);
  if (entry->mount == NULL || entry->path == NULL) {
    entry_free(entry);
    return NULL;
  }
  entry->version = key->version;
  entry->rotated_at = key->rotated_at;
  make_room(cache);
  entry->next = *bucket;
  *bucket = entry;
  cache->count++;
  return entry;
}

/* ---- flights ---- */

static void flight_release(struct flight *flight)
{
  if (--flight->references > 0)
    return;
  kept_release(flight->landing.value);
  free(flight);
}

static struct flight *start_flight(struct entry *entry)
{
  struct flight *flight = calloc(1, sizeof(*flight));

  if (flight == NULL)
    return NULL;
  flight->references = 1;
  flight->entry = entry;
  entry->flight = flight;
  return flight;
}

/* ---- the cache ---- */

struct cache *cache_new(struct cache_limits limits)
{
  struct cache *cache = calloc(1, sizeof(*cache));

  if (cache == NULL)
    return NULL;
  cache->limits = limits;
  randombytes_buf(cache->hash_key, sizeof(cache->hash_key));
  if (meeting_init(&cache->meeting))
    return cache;
  free(cache);
  return NULL;
}

void cache_free(struct cache *cache)
{
  if (cache == NULL)
    return;
  for (size_t i = 0; i < BUCKETS; i++)
    while (cache->buckets[i] != NULL)
      unlink_entry(cache, &cache->buckets[i]);
  meeting_free(&cache->meeting);
  free(cache);
}

static bool may_serve_stale(const struct cache *cache, const struct entry *entry, int64_t now)
{
  return entry->value != NULL && cache->limits.stale_ms > 0 &&
         now - entry->value->asked_at < cache->limits.ttl_ms + cache->limits.stale_ms;
}

/* Under the lock. */
static enum cache_state look(struct cache *cache, struct entry *entry, int64_t now,
                             struct kept **value, struct flight **flight)
{
  entry->used = ++cache->uses;
  if (entry->value != NULL && now - entry->value->asked_at < cache->limits.ttl_ms) {
    *value = kept_hold(entry->value);
    return CACHE_FRESH;
  }
  if (now < entry->pause_until && may_serve_stale(cache, entry, now)) {
    *value = kept_hold(entry->value);
    return CACHE_STALE;
  }
  if (entry->flight == NULL) {
    *flight = start_flight(entry);
    return CACHE_ASK;
  }
  *flight = entry->flight;
  (*flight)->references++;
  return CACHE_WAIT;
}

enum cache_state cache_find(struct cache *cache, const struct cache_key *key, int64_t now,
                            struct kept **value, struct flight **flight)
{
  struct entry *entry = NULL;
  enum cache_state state = CACHE_ASK;

  *value = NULL;
  *flight = NULL;
  meeting_lock(&cache->meeting);
  entry = find_entry(cache, key);
  if (entry == NULL)
    entry = add_entry(cache, key);
  if (entry != NULL)
    state = look(cache, entry, now, value, flight);
  meeting_unlock(&cache->meeting);
  return state;
}

/* Under the lock: what the entry keeps of it. A failure that does not pass, such as a deleted
 * secret, ends what was kept. */
static void keep(struct cache *cache, struct entry *entry, struct landing *landing, int64_t now)
{
  entry->flight = NULL;
  if (landing->status == CONNECTOR_OK) {
    kept_release(entry->value);
    entry->value = kept_hold(landing->value);
    entry->pause_until = 0;
  } else if (landing->passing && may_serve_stale(cache, entry, now)) {
    landing->value = kept_hold(entry->value);
    landing->stale = true;
    entry->pause_until = now + PAUSE_MS;
    return;
  }
  if (landing->status != CONNECTOR_OK || entry->value == NULL)
    remove_entry(cache, entry);
}

void cache_land(struct cache *cache, struct flight *flight, struct landing *landing, int64_t now)
{
  if (flight == NULL)
    return;
  meeting_lock(&cache->meeting);
  if (flight->entry != NULL)
    keep(cache, flight->entry, landing, now);
  flight->done = true;
  flight->landing = *landing;
  (void)kept_hold(flight->landing.value);
  flight_release(flight);
  meeting_wake_all(&cache->meeting);
  meeting_unlock(&cache->meeting);
}

bool cache_wait(struct cache *cache, struct flight *flight, int64_t deadline,
                struct landing *landing)
{
  bool done = false;

  meeting_lock(&cache->meeting);
  while (!flight->done && clock_now() < deadline)
    meeting_wait(&cache->meeting, deadline);
  done = flight->done;
  if (done) {
    *landing = flight->landing;
    (void)kept_hold(landing->value);
  }
  flight_release(flight);
  meeting_unlock(&cache->meeting);
  return done;
}

void cache_drop(struct cache *cache, const char *mount, const char *path)
{
  struct entry **link = NULL;

  meeting_lock(&cache->meeting);
  link = bucket_of(cache, mount, path);
  while (*link != NULL)
    if (is_at(*link, mount, path))
      unlink_entry(cache, link);
    else
      link = &(*link)->next;
  meeting_unlock(&cache->meeting);
}
