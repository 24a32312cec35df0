/*
 * Moving the write-ahead log into the file.
 */
#ifndef STORE_CHECKPOINT_H
#define STORE_CHECKPOINT_H

#include "store/store.h"

/* Moves it, and cuts it where it is longer than `limit` bytes; `*longer` tells that a reader kept
 * it so. */
connector_status checkpoint_run(struct call *call, uint64_t limit, bool *longer);

#endif
