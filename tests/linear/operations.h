/*
 * What clients did to records and were told, as the linearizability tests record it: one line for
 * each operation, in a file for each client.
 */
#ifndef TESTS_LINEAR_OPERATIONS_H
#define TESTS_LINEAR_OPERATIONS_H

#include <inttypes.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum operation_kind {
  OPERATION_CREATE, /* where there is none yet; else the record as it stands */
  OPERATION_GET,
  OPERATION_GET_DELETED, /* deleted or not */
  OPERATION_LIST,        /* of this record alone */
  OPERATION_UPDATE,
  OPERATION_DELETE,
  OPERATION_RESTORE,
  OPERATION_TAKE, /* a lease */
  OPERATION_RELEASE,
  OPERATION_KINDS
};

enum outcome { OUTCOME_DONE, OUTCOME_NOT_FOUND, OUTCOME_CONFLICT, OUTCOME_LEASED, OUTCOMES };

static const char *const operation_names[OPERATION_KINDS] = {
  "create", "get", "get-deleted", "list", "update", "delete", "restore", "take", "release",
};

static const char *const outcome_names[OUTCOMES] = { "done", "not-found", "conflict", "leased" };

struct operation {
  int client; /* one thread of one process: its operations follow each other */
  int record;
  enum operation_kind kind;
  int64_t expected; /* version; 0: whatever it is */
  int64_t written;  /* the value */
  int64_t start;    /* nanoseconds of one clock for all processes */
  int64_t end;
  enum outcome outcome;
  int64_t version; /* told: of the record; after a conflict the current one */
  int64_t value;
  bool deleted;
  int64_t fence; /* of the lease that was taken, released or in the way */
};

struct operations {
  struct operation *all;
  size_t count;
  size_t capacity;
};

/* False where memory is gone. */
static inline bool add_operation(struct operations *operations, const struct operation *operation)
{
  if (operations->count == operations->capacity) {
    size_t capacity = operations->capacity == 0 ? 256 : operations->capacity * 2;
    struct operation *all = realloc(operations->all, capacity * sizeof(*all));
    if (all == NULL)
      return false;
    operations->all = all;
    operations->capacity = capacity;
  }
  operations->all[operations->count++] = *operation;
  return true;
}

static inline void free_operations(struct operations *operations)
{
  free(operations->all);
  memset(operations, 0, sizeof(*operations));
}

static inline void write_operation(FILE *file, const struct operation *operation)
{
  fprintf(file,
          "%d %d %s %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %s %" PRId64 " %" PRId64
          " %d %" PRId64 "\n",
          operation->client, operation->record, operation_names[operation->kind],
          operation->expected, operation->written, operation->start, operation->end,
          outcome_names[operation->outcome], operation->version, operation->value,
          operation->deleted, operation->fence);
}

static inline int index_of(const char *name, const char *const *names, int count)
{
  for (int i = 0; i < count; i++)
    if (strcmp(names[i], name) == 0)
      return i;
  return -1;
}

static inline bool read_operation(const char *line, struct operation *operation)
{
  char kind[32];
  char outcome[32];
  int deleted = 0;
  int read = sscanf(line,
                    "%d %d %31s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %31s %" SCNd64
                    " %" SCNd64 " %d %" SCNd64,
                    &operation->client, &operation->record, kind, &operation->expected,
                    &operation->written, &operation->start, &operation->end, outcome,
                    &operation->version, &operation->value, &deleted, &operation->fence);
  int named_kind = read == 12 ? index_of(kind, operation_names, OPERATION_KINDS) : -1;
  int named_outcome = read == 12 ? index_of(outcome, outcome_names, OUTCOMES) : -1;
  if (named_kind < 0 || named_outcome < 0)
    return false;
  operation->kind = (enum operation_kind)named_kind;
  operation->outcome = (enum outcome)named_outcome;
  operation->deleted = deleted != 0;
  return true;
}

/* Adds the operations of a file; false where it can't be read. */
static inline bool read_operations(const char *path, struct operations *operations)
{
  char line[300];
  struct operation operation;
  FILE *file = fopen(path, "r");
  bool right = file != NULL;
  while (right && fgets(line, sizeof(line), file) != NULL)
    right = read_operation(line, &operation) && add_operation(operations, &operation);
  if (file != NULL)
    fclose(file);
  return right;
}

#endif
