/*
 * Whether recorded operations are linearizable, record by record, and where not the shortest window
 * that is not: the operations that no order has room for before the first moment by which that is
 * certain.
 */
#ifndef TESTS_LINEAR_CHECKER_H
#define TESTS_LINEAR_CHECKER_H

#include "search.h"

/* ---- one record ---- */

static inline int by_client_and_start(const void *left, const void *right)
{
  const struct operation *a = left;
  const struct operation *b = right;
  if (a->record != b->record)
    return a->record < b->record ? -1 : 1;
  if (a->client != b->client)
    return a->client < b->client ? -1 : 1;
  return a->start < b->start ? -1 : a->start > b->start;
}

/* A client's operations end before its next one starts, and there are not too many clients. */
static inline bool is_recorded_well(const struct operations *sorted)
{
  for (size_t i = 0; i < sorted->count; i++) {
    const struct operation *operation = &sorted->all[i];
    if (operation->client < 0 || operation->client >= CLIENTS_MOST ||
        operation->start > operation->end)
      return false;
    if (i > 0 && operation[-1].record == operation->record &&
        operation[-1].client == operation->client && operation[-1].end > operation->start)
      return false;
  }
  return true;
}

/* The operations from `first` on that are of one record; where the next record's begin. */
static inline size_t take_record(const struct operations *sorted, size_t first,
                                 struct history *history)
{
  size_t i = first;
  memset(history, 0, sizeof(*history));
  for (; i < sorted->count && sorted->all[i].record == sorted->all[first].record; i++) {
    int client = sorted->all[i].client;
    if (history->count[client]++ == 0)
      history->of[client] = &sorted->all[i];
  }
  return i;
}

/* ---- the shortest window ---- */

static inline int by_number(const void *left, const void *right)
{
  const int64_t *a = left;
  const int64_t *b = right;
  return *a < *b ? -1 : *a > *b;
}

/* The ends of all operations, ascending, to be freed. */
static inline int64_t *all_ends(const struct history *history, size_t count)
{
  int64_t *ends = malloc((count + 1) * sizeof(*ends));
  size_t at = 0;
  for (size_t i = 0; ends != NULL && i < CLIENTS_MOST; i++)
    for (size_t k = 0; k < history->count[i]; k++)
      ends[at++] = history->of[i][k].end;
  if (ends != NULL)
    qsort(ends, at, sizeof(*ends), by_number);
  return ends;
}

/* The first end by which the history is not linearizable: what is so once stays so. */
static inline int64_t first_bad_end(const struct history *history, struct configuration *deepest)
{
  size_t high = count_all(history);
  int64_t *ends = all_ends(history, high);
  size_t low = 0;
  int64_t end = INT64_MAX;
  if (ends == NULL)
    return end;
  for (high--; low < high;) {
    size_t middle = (low + high) / 2;
    if (search_order(history, ends[middle], deepest) == LINEARIZABLE)
      low = middle + 1;
    else
      high = middle;
  }
  end = ends[low];
  free(ends);
  (void)search_order(history, end, deepest);
  return end;
}

static inline void print_window(FILE *file, const struct history *history)
{
  struct configuration deepest = { .placed = { 0 } };
  int64_t end = first_bad_end(history, &deepest);
  fprintf(file,
          "  the record could get as far as version %" PRId64 ", value %" PRId64
          "%s, lease %" PRId64 "; no order has room for\n",
          deepest.model.version, deepest.model.value, deepest.model.deleted != 0 ? ", deleted" : "",
          deepest.model.held);
  for (size_t i = 0; i < CLIENTS_MOST; i++)
    for (size_t k = deepest.placed[i]; k < history->count[i]; k++)
      if (history->of[i][k].start <= end) {
        fprintf(file, "  ");
        write_operation(file, &history->of[i][k]);
      }
}

/* ---- all records ---- */

/* Sorts the operations. What is wrong is told to `file`, where it is not NULL. */
static inline enum answer check_operations(struct operations *operations, FILE *file)
{
  struct configuration deepest = { .placed = { 0 } };
  struct history history;
  enum answer answer = LINEARIZABLE;
  if (operations->count > 0)
    qsort(operations->all, operations->count, sizeof(*operations->all), by_client_and_start);
  if (!is_recorded_well(operations)) {
    if (file != NULL)
      fprintf(file, "the operations of a client overlap, or a client has no number\n");
    return NOT_LINEARIZABLE;
  }
  for (size_t i = 0; answer == LINEARIZABLE && i < operations->count;) {
    int record = operations->all[i].record;
    i = take_record(operations, i, &history);
    answer = search_order(&history, INT64_MAX - 1, &deepest);
    if (answer != LINEARIZABLE && file != NULL)
      fprintf(file, "record %d: %s\n", record,
              answer == OUT_OF_MEMORY ? "there is no memory for the search" : "not linearizable");
    if (answer == NOT_LINEARIZABLE && file != NULL)
      print_window(file, &history);
  }
  return answer;
}

#endif
