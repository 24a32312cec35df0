/*
 * Group commit: writes of several threads in one transaction, with one sync. Whoever has written
 * hands the open transaction on to a thread that waits for the writer, if there is one, and waits
 * to be told; the last one commits for all. There is no thread but the writers' own, nobody waits
 * for a group to fill, and a lone writer commits at once.
 *
 * Each write is undone by itself: from the second on it has a savepoint. One that fails ends the
 * group: what it saw is committed before it is told. Only where the whole transaction is undone, by
 * the engine without memory or room, or since the savepoint could not be undone alone, those who
 * wait are told BUSY: nothing of theirs was kept, and they may try again.
 */
#ifndef ENGINE_GROUP_H
#define ENGINE_GROUP_H

#include "engine/engine.h"

#include <pthread.h>

struct pool;

/* One write, in the hands of its thread until group_end() has returned. */
struct member {
  struct connection *connection;
  bool alone;  /* it shares its transaction with nobody */
  bool shared; /* others have written in this transaction before, and are not committed */
  struct member *next;
  bool done;
  connector_status status;
  connector_error error;
};

/* Part of a pool. */
struct group {
  atomic_uint coming;     /* threads that wait for the writer, to join */
  struct member *members; /* they have written; under the writer, like `count` */
  size_t count;
  pthread_mutex_t lock; /* of what members are told */
  pthread_cond_t told;
};

bool group_init(struct group *group);
void group_free(struct group *group);

/* Takes the writer and begins a transaction, or joins the one that is open. `alone` and the rest of
 * the member are set. */
connector_status group_begin(struct pool *pool, struct member *member, bool alone,
                             connector_error *error);

/* Ends the write: commits it where the status is CONNECTOR_OK, else undoes it. Returns what came of
 * it. */
connector_status group_end(struct pool *pool, struct member *member, connector_status status,
                           connector_error *error);

#endif
