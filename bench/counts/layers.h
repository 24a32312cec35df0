/*
 * What counts: layers beneath the library in the counting program's own process.
 */
#ifndef COUNTS_LAYERS_H
#define COUNTS_LAYERS_H

#include <stdbool.h>
#include <stdint.h>

/* What has been done since the program began. */
struct layer_counts {
  int64_t statements;  /* of SQL that began to run */
  int64_t allocations; /* calls of malloc, calloc and realloc */
  int64_t bytes;       /* asked for by them */
  int64_t wal_bytes;   /* written to a write-ahead log */
  int64_t syncs;       /* of any file */
  int64_t reads;       /* calls, of any file */
};

extern struct layer_counts layer_counts;

/* Prints each statement from now on. */
extern bool layer_shows_statements;

/* Random numbers of the process come from a seed. */
bool layer_random(void);
void layer_random_again(void);

/* Counts statements, and what is done to files. Allocations are counted without it. */
bool layers_begin(void);

#endif
