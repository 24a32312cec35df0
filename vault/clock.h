/*
 * Time for deadlines: the monotonic clock in milliseconds, sleeping, and waiting for a condition.
 */
#ifndef VAULT_CLOCK_H
#define VAULT_CLOCK_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/* Milliseconds of a clock that never goes back. */
int64_t clock_now(void);

/* Milliseconds since 1970, for times that the server wrote. */
int64_t clock_wall(void);

/* Sleeps until then, whatever signals come. */
void clock_sleep_until(int64_t moment);

/* A lock with a condition that keeps to the clock above. */
struct meeting {
  pthread_mutex_t lock;
  pthread_cond_t changed;
};

bool meeting_init(struct meeting *meeting);
void meeting_free(struct meeting *meeting);

void meeting_lock(struct meeting *meeting);
void meeting_unlock(struct meeting *meeting);

/* Waits, with the lock held, for a wake or until `deadline`. */
void meeting_wait(struct meeting *meeting, int64_t deadline);
void meeting_wake_all(struct meeting *meeting);

#endif
