/*
 * What the contests of writes share: either program's file, what each side has done so far, and the
 * work that they have in common.
 */
#ifndef BENCH_WRITES_H
#define BENCH_WRITES_H

#include "bench.h"

/* What one side has done so far; both sides go the same way. */
struct side {
  uint64_t seed; /* of the records to update */
  size_t updates;
  size_t deletes;
  size_t creates;
  uint32_t *versions; /* of each record of the file at the start */
};

struct writes {
  struct pair pair;
  struct ids ids;
  struct side library;
  struct side other;
  struct sample *samples; /* BATCH of them */
  char library_path[PATH_BYTES];
  char other_path[PATH_BYTES];
};

/* Copies the middle file for either side; the library writes history where it is asked to. */
bool writes_open_files(struct writes *writes, const struct bench *bench, const char *directory,
                       bool history);
void writes_close_files(struct writes *writes);

/* A side that has done nothing to so many records; its versions are for free(). */
bool side_open(struct side *side, size_t records);

const connector_patch *next_patch(struct writes *writes, struct side *side);
size_t next_update(struct writes *writes, struct side *side);
const char *next_name(const struct writes *writes, const struct side *side);

/* The library's work on any store; `side` is that store's. */
bool create_with(connector_store *store, struct writes *writes, struct side *side, size_t calls);
bool update_with(connector_store *store, struct writes *writes, struct side *side, size_t calls);

bool library_create(void *context, size_t calls);
bool library_update(void *context, size_t calls);

/* Whether the last records of both files, and records that were updated, are the same. */
bool check_created(void *context);
bool check_updated(void *context);

/* Whether a record is the same in both files but for when it was written. */
bool same_content(const connector *a, const connector *b);

#endif
