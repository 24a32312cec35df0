/*
 * Workers that wait for the next request, so that connections and guarded memory are used again.
 */
#include "pool.h"

enum { MOST_IDLE = 16 }; /* what a burst needed beyond is let go */

bool pool_init(struct pool *pool)
{
  return pthread_mutex_init(&pool->lock, NULL) == 0;
}

void pool_free(struct pool *pool)
{
  while (pool->idle != NULL) {
    struct worker *worker = pool->idle;

    pool->idle = worker->next;
    worker_free(worker);
  }
  (void)pthread_mutex_destroy(&pool->lock);
}

struct worker *pool_take(struct pool *pool)
{
  struct worker *worker = NULL;

  (void)pthread_mutex_lock(&pool->lock);
  worker = pool->idle;
  if (worker != NULL) {
    pool->idle = worker->next;
    pool->count--;
  }
  (void)pthread_mutex_unlock(&pool->lock);
  return worker != NULL ? worker : worker_new();
}

void pool_give(struct pool *pool, struct worker *worker)
{
  bool kept = false;

  if (worker == NULL)
    return;
  worker_clear(worker);
  (void)pthread_mutex_lock(&pool->lock);
  if (pool->count < MOST_IDLE) {
    worker->next = pool->idle;
    pool->idle = worker;
    pool->count++;
    kept = true;
  }
  (void)pthread_mutex_unlock(&pool->lock);
  if (!kept)
    worker_free(worker);
}
