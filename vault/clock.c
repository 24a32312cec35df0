/*
 * Time for deadlines: the monotonic clock in milliseconds, sleeping, and waiting for a condition.
 */
#include "clock.h"

#include <errno.h>
#include <time.h>

/* macOS has no condition that keeps to the monotonic clock. */
#ifdef __APPLE__
#define WAIT_CLOCK CLOCK_REALTIME
#else
#define WAIT_CLOCK CLOCK_MONOTONIC
#endif

static int64_t read_clock(clockid_t which)
{
  struct timespec time = { 0 };

  (void)clock_gettime(which, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

int64_t clock_now(void)
{
  return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall(void)
{
  return read_clock(CLOCK_REALTIME);
}

void clock_sleep_until(int64_t moment)
{
  for (int64_t left = moment - clock_now(); left > 0; left = moment - clock_now()) {
    struct timespec time = { .tv_sec = (time_t)(left / 1000),
                             .tv_nsec = (long)(left % 1000) * 1000000 };

    (void)nanosleep(&time, NULL);
  }
}

static bool init_condition(pthread_cond_t *condition)
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
  made = made && pthread_cond_init(condition, &attributes) == 0;
  (void)pthread_condattr_destroy(&attributes);
  return made;
}

bool meeting_init(struct meeting *meeting)
{
  if (!init_condition(&meeting->changed))
    return false;
  if (pthread_mutex_init(&meeting->lock, NULL) == 0)
    return true;
  (void)pthread_cond_destroy(&meeting->changed);
  return false;
}

void meeting_free(struct meeting *meeting)
{
  (void)pthread_cond_destroy(&meeting->changed);
  (void)pthread_mutex_destroy(&meeting->lock);
}

void meeting_lock(struct meeting *meeting)
{
  (void)pthread_mutex_lock(&meeting->lock);
}

void meeting_unlock(struct meeting *meeting)
{
  (void)pthread_mutex_unlock(&meeting->lock);
}

void meeting_wait(struct meeting *meeting, int64_t deadline)
{
  int64_t until = read_clock(WAIT_CLOCK) + (deadline - clock_now());
  struct timespec time = { .tv_sec = (time_t)(until / 1000),
                           .tv_nsec = (long)(until % 1000) * 1000000 };

  (void)pthread_cond_timedwait(&meeting->changed, &meeting->lock, &time);
}

void meeting_wake_all(struct meeting *meeting)
{
  (void)pthread_cond_broadcast(&meeting->changed);
}
