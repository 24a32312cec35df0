/*
 * The connections of one store: one writer, taken by one thread at a time, and readers that never
 * wait for it.
 */
#ifndef ENGINE_POOL_H
#define ENGINE_POOL_H

#include "engine/engine.h"

struct group;
struct pool;

struct pool_settings {
  const char *path;
  bool read_only;
  bool must_exist;
  bool full_durability;
  uint32_t busy_timeout_ms;
  uint32_t readers; /* 0: by processors */
  uint64_t mmap_bytes;
  uint64_t log_limit_bytes;
};

/* Opens the file: creates or migrates it where needed and allowed. */
connector_status pool_open(const struct pool_settings *settings, struct pool **out,
                           connector_error *error);
void pool_close(struct pool *pool);

/* The writer, for this thread alone, until pool_give_writer(). */
connector_status pool_take_writer(struct pool *pool, struct connection **out,
                                  connector_error *error);
void pool_give_writer(struct pool *pool);

/* The writes that share a transaction (group.h); touched by whoever has the writer. */
struct group *pool_group(struct pool *pool);

struct reader {
  struct connection *connection;
  size_t slot; /* where it goes back to */
};

/* A reader until pool_give_reader(). The holder must take no other connection and run nothing of
 * the host's meanwhile, so that waiting for one always ends. */
connector_status pool_take_reader(struct pool *pool, struct reader *reader, connector_error *error);
void pool_give_reader(struct pool *pool, const struct reader *reader);

/* A reader that may be held while the host's code runs: it comes on top of the others. */
connector_status pool_take_long_reader(struct pool *pool, struct connection **out,
                                       connector_error *error);
void pool_give_long_reader(struct pool *pool, struct connection *connection);

/* Whether all calls share one connection, since the store is in memory. */
bool pool_is_single(const struct pool *pool);

struct pool_figures {
  int64_t readers_open;
  int64_t busy_waits;
  int64_t longest_wait_us;
};

void pool_figures(struct pool *pool, struct pool_figures *figures);

/* The path, absolute whatever was given, so that it means the same after chdir(); ":memory:" as it
 * is. */
const char *pool_path(const struct pool *pool);

/* Bytes to which the write-ahead log has grown behind a reader, where that was not told before;
 * else 0. */
int64_t pool_log_grown(struct pool *pool);

/* Bytes of the write-ahead log; 0 where there is none. */
int64_t pool_wal_bytes(const struct pool *pool);

#endif
