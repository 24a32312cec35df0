/*
 * Waiting for a change, and waking those who wait.
 */
#ifndef STORE_WAIT_H
#define STORE_WAIT_H

#include "store/store.h"

bool wait_init(struct waiting *waiting);
void wait_free(struct waiting *waiting);

/* Wakes who waits: after a commit, and when the store closes. */
void wait_wake(struct waiting *waiting);

#endif
