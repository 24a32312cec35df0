/*
 * Several threads that do the same at once.
 */
#ifndef BENCH_CROWD_H
#define BENCH_CROWD_H

#include <stdbool.h>
#include <stddef.h>

/* Runs `work` on `count` objects of `bytes` bytes each, from `first` on, a thread for each, and
 * waits for all. False where not all could be started. */
bool crowd_run(void *(*work)(void *), void *first, size_t count, size_t bytes);

#endif
