/*
 * connector_changes_wait(): commits of this process wake the waiter, those of others are looked for
 * at every tick. A wake that brought nothing for this caller is not listened to again before the
 * next tick, so that a busy store costs at most two looks a tick.
 */
#define _POSIX_C_SOURCE 200809L

#include "store/wait.h"

#include "base/clock.h"
#include "engine/history.h"
#include "store/rules.h"
#include "store/work.h"

#include <connector/history.h>

#include <errno.h>
#include <time.h>

enum { TICK_US = 50000 }; /* 20 looks a second */

/* macOS has no condition that keeps to the monotonic clock. */
#ifdef __APPLE__
#define WAIT_CLOCK CLOCK_REALTIME
#else
#define WAIT_CLOCK CLOCK_MONOTONIC
#endif

bool wait_init(struct waiting *waiting)
{
  pthread_condattr_t attributes;
  bool made = false;

  if (pthread_condattr_init(&attributes) != 0)
    return false;
#ifndef __APPLE__
  made = pthread_condattr_setclock(&attributes, WAIT_CLOCK) == 0;
#else
  made = true;
#endif
  made = made && pthread_cond_init(&waiting->wake, &attributes) == 0;
  (void)pthread_condattr_destroy(&attributes);
  if (made && pthread_mutex_init(&waiting->lock, NULL) != 0) {
    (void)pthread_cond_destroy(&waiting->wake);
    made = false;
  }
  waiting->ready = made;
  return made;
}

void wait_free(struct waiting *waiting)
{
  if (!waiting->ready)
    return;
  (void)pthread_cond_destroy(&waiting->wake);
  (void)pthread_mutex_destroy(&waiting->lock);
}

void wait_wake(struct waiting *waiting)
{
  if (atomic_load(&waiting->waiters) == 0)
    return;
  (void)pthread_mutex_lock(&waiting->lock);
  waiting->wakes++;
  (void)pthread_cond_broadcast(&waiting->wake);
  (void)pthread_mutex_unlock(&waiting->lock);
}

static struct timespec moment_in(int64_t us)
{
  struct timespec time = { 0 };

  (void)clock_gettime(WAIT_CLOCK, &time);
  time.tv_sec += (time_t)(us / 1000000);
  time.tv_nsec += (long)(us % 1000000) * 1000;
  if (time.tv_nsec >= 1000000000) {
    time.tv_sec++;
    time.tv_nsec -= 1000000000;
  }
  return time;
}

static uint64_t wakes_now(struct waiting *waiting)
{
  uint64_t wakes = 0;

  (void)pthread_mutex_lock(&waiting->lock);
  wakes = waiting->wakes;
  (void)pthread_mutex_unlock(&waiting->lock);
  return wakes;
}

/* Sleeps so long, or until there are more wakes than `seen`, or the store closes. */
static void sleep_for(connector_store *store, int64_t us, bool listen, uint64_t seen)
{
  struct waiting *waiting = &store->waiting;
  struct timespec until = moment_in(us);
  int code = 0;

  (void)pthread_mutex_lock(&waiting->lock);
  while (code == 0 && !atomic_load(&store->closing) && !(listen && waiting->wakes != seen))
    code = pthread_cond_timedwait(&waiting->wake, &waiting->lock, &until);
  (void)pthread_mutex_unlock(&waiting->lock);
}

/* What is newest of the caller's feed; changes that were looked at before are not looked at again,
 * for a caller that sees little of much. `*seen` is how far this one looked. */
static connector_status look(struct call *call, int64_t after_seq, int64_t *seen, int64_t *newest)
{
  static const struct scope everything = { .kind = SCOPE_SYSTEM };
  struct work work;
  int64_t last = *seen;
  connector_status status = CONNECTOR_OK;

  *newest = after_seq;
  if (atomic_load(&call->store->closing))
    return error_set(call->error, CONNECTOR_MISUSE, NULL, "the store was closed meanwhile");
  status = work_begin_snapshot(&work, call);
  if (status != CONNECTOR_OK)
    return status;
  status = history_newest(work.connection, &everything, *seen, &last, call->error);
  if (status == CONNECTOR_OK && last > *seen)
    status = history_newest(work.connection, &call->scope, *seen, newest, call->error);
  work_end_snapshot(&work);
  if (*newest == *seen)
    *newest = after_seq;
  *seen = last;
  return status;
}

static connector_status wait_for(struct call *call, int64_t after_seq, int64_t timeout_us,
                                 int64_t *newest)
{
  connector_store *store = call->store;
  int64_t start = clock_monotonic_us();
  int64_t tick = start;
  int64_t looked_at = after_seq;
  connector_status status = CONNECTOR_OK;

  for (;;) {
    uint64_t seen = wakes_now(&store->waiting);
    int64_t now = 0;
    int64_t pause = 0;
    bool listen = false;

    status = look(call, after_seq, &looked_at, newest);
    now = clock_monotonic_us();
    if (status != CONNECTOR_OK || *newest > after_seq || now - start >= timeout_us)
      return status;
    listen = now >= tick;
    if (listen)
      tick = now + TICK_US;
    pause = tick - now < start + timeout_us - now ? tick - now : start + timeout_us - now;
    sleep_for(store, pause, listen, seen);
  }
}

connector_status connector_changes_wait(connector_store *store, int64_t after_seq,
                                        uint32_t timeout_ms, int64_t *newest,
                                        connector_error *error)
{
  struct call call;
  int64_t found = after_seq;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && newest == NULL)
    status = not_given("newest", error);
  if (status == CONNECTOR_OK && after_seq < 0)
    status = error_set(error, CONNECTOR_INVALID, "after_seq", "must not be negative");
  if (status == CONNECTOR_OK && store_in_batch(store))
    status = error_set(error, CONNECTOR_MISUSE, NULL, "a batch can't wait for a change");
  if (status == CONNECTOR_OK)
    status = rules_authorize(&call, CONNECTOR_ACTION_HISTORY, NULL);
  if (status == CONNECTOR_OK) {
    atomic_fetch_add(&store->waiting.waiters, 1);
    status = wait_for(&call, after_seq, (int64_t)timeout_ms * 1000, &found);
    atomic_fetch_sub(&store->waiting.waiters, 1);
  }
  if (status == CONNECTOR_OK)
    *newest = found;
  return call_end(&call, status);
}
