/*
 * Workers that wait for the next request, so that connections and guarded memory are used again.
 */
#ifndef VAULT_POOL_H
#define VAULT_POOL_H

#include "http.h"

#include <pthread.h>

struct pool {
  pthread_mutex_t lock;
  struct worker *idle;
  size_t count;
};

bool pool_init(struct pool *pool);
void pool_free(struct pool *pool);

/* NULL where memory is lacking. */
struct worker *pool_take(struct pool *pool);

/* Takes it back, wiped. */
void pool_give(struct pool *pool, struct worker *worker);

#endif
