/*
 * The search for an order of one record's operations in which each takes effect at one moment
 * between its start and its end (Wing and Gong 1993), with the configurations that led nowhere kept
 * so that none is tried twice (Lowe 2017). An operation may be next where it started before any
 * other that is left has ended.
 *
 * A client's operations follow each other, so how many of each client have been placed tells which.
 */
#ifndef TESTS_LINEAR_SEARCH_H
#define TESTS_LINEAR_SEARCH_H

#include "model.h"

enum { CLIENTS_MOST = 64, NO_CLIENT = CLIENTS_MOST };

/* The operations of one record, each client's in their order. */
struct history {
  struct operation *of[CLIENTS_MOST];
  size_t count[CLIENTS_MOST];
};

struct configuration {
  size_t placed[CLIENTS_MOST];
  struct model model;
};

struct choice {
  size_t client;      /* whose operation was placed */
  bool only;          /* nothing else need be tried in its stead */
  struct model model; /* before it */
};

/* 128 bits of hash stand for a configuration. */
struct seen {
  uint64_t (*marks)[2];
  size_t count;
  size_t capacity;
};

struct search {
  const struct history *history;
  int64_t until; /* what ends later may be left out, what starts later is */
  struct configuration now;
  struct choice *choices;
  size_t depth;
  struct seen seen;
  struct configuration deepest;
  size_t deepest_depth;
  bool no_memory;
};

/* ---- configurations that were met ---- */

static inline uint64_t mix(uint64_t hash, uint64_t number)
{
  hash = (hash ^ number) * UINT64_C(0x9e3779b97f4a7c15);
  hash ^= hash >> 29;
  hash *= UINT64_C(0xbf58476d1ce4e5b9);
  return hash ^ (hash >> 32);
}

static inline uint64_t hash_configuration(const struct configuration *now, uint64_t hash)
{
  for (size_t i = 0; i < CLIENTS_MOST; i++)
    hash = mix(hash, now->placed[i]);
  hash = mix(hash, (uint64_t)now->model.version);
  hash = mix(hash, (uint64_t)now->model.value);
  hash = mix(hash, (uint64_t)now->model.deleted);
  hash = mix(hash, (uint64_t)now->model.held);
  return mix(hash, (uint64_t)now->model.fenced) | 1;
}

static inline void put_mark(struct seen *seen, const uint64_t mark[2])
{
  size_t at = (size_t)mark[1] & (seen->capacity - 1);
  while (seen->marks[at][0] != 0)
    at = (at + 1) & (seen->capacity - 1);
  memcpy(seen->marks[at], mark, sizeof(seen->marks[at]));
}

static inline bool grow_seen(struct seen *seen)
{
  struct seen larger = { .count = seen->count };
  larger.capacity = seen->capacity == 0 ? 64 : seen->capacity * 2;
  larger.marks = calloc(larger.capacity, sizeof(*larger.marks));
  if (larger.marks == NULL)
    return false;
  for (size_t i = 0; i < seen->capacity; i++)
    if (seen->marks[i][0] != 0)
      put_mark(&larger, seen->marks[i]);
  free(seen->marks);
  *seen = larger;
  return true;
}

/* Whether the search has been here before; from now on it has. */
static inline bool seen_before(struct search *search)
{
  struct seen *seen = &search->seen;
  const uint64_t mark[2] = { hash_configuration(&search->now, 1),
                             hash_configuration(&search->now, 2) };
  if (seen->count * 2 >= seen->capacity && !grow_seen(seen)) {
    search->no_memory = true;
    return true;
  }
  size_t at = (size_t)mark[1] & (seen->capacity - 1);
  for (; seen->marks[at][0] != 0; at = (at + 1) & (seen->capacity - 1))
    if (seen->marks[at][0] == mark[0] && seen->marks[at][1] == mark[1])
      return true;
  memcpy(seen->marks[at], mark, sizeof(mark));
  seen->count++;
  return false;
}

/* ---- what may be next ---- */

/* NULL where the client has none left. */
static inline const struct operation *next_of(const struct search *search, size_t client)
{
  size_t placed = search->now.placed[client];
  const struct operation *next = NULL;
  if (placed == search->history->count[client])
    return NULL;
  next = &search->history->of[client][placed];
  return next->start <= search->until ? next : NULL;
}

/* The first end of those that are left; nothing may be placed that started after it. */
static inline int64_t first_end(const struct search *search)
{
  int64_t first = INT64_MAX;
  for (size_t i = 0; i < CLIENTS_MOST; i++) {
    const struct operation *next = next_of(search, i);
    if (next != NULL && next->end < first)
      first = next->end;
  }
  return first;
}

static inline bool all_placed(const struct search *search)
{
  return first_end(search) > search->until;
}

/* Places the client's next operation where that may be. */
static inline bool place(struct search *search, size_t client, int64_t bound, bool reads_only)
{
  const struct operation *next = next_of(search, client);
  struct model model = search->now.model;
  bool reads = false;
  if (next == NULL || next->start > bound || !model_step(&model, next))
    return false;
  reads = memcmp(&model, &search->now.model, sizeof(model)) == 0;
  if (reads != reads_only)
    return false;
  search->choices[search->depth] = (struct choice){ .client = client,
                                                    .only = reads,
                                                    .model = search->now.model };
  search->now.model = model;
  search->now.placed[client]++;
  if (!reads && seen_before(search)) {
    search->now.placed[client]--;
    search->now.model = search->choices[search->depth].model;
    return false;
  }
  search->depth++;
  return true;
}

/* What reads and may be next can be placed at once, and nothing else need be tried: it changes
 * nothing for those that follow. */
static inline bool place_any(struct search *search, size_t from)
{
  int64_t bound = first_end(search);
  for (size_t i = 0; from == 0 && i < CLIENTS_MOST; i++)
    if (place(search, i, bound, true))
      return true;
  for (size_t i = from; i < CLIENTS_MOST; i++)
    if (place(search, i, bound, false))
      return true;
  return false;
}

/* ---- the search ---- */

static inline void note_depth(struct search *search)
{
  if (search->depth < search->deepest_depth)
    return;
  search->deepest_depth = search->depth;
  search->deepest = search->now;
}

/* Takes the last choice back; where to go on from, or NO_CLIENT with nothing else to try there. */
static inline size_t take_back(struct search *search)
{
  const struct choice *choice = &search->choices[--search->depth];
  search->now.placed[choice->client]--;
  search->now.model = choice->model;
  return choice->only ? NO_CLIENT : choice->client + 1;
}

static inline bool run_search(struct search *search)
{
  size_t from = 0;
  while (!all_placed(search) && !search->no_memory) {
    if (from < NO_CLIENT && place_any(search, from)) {
      note_depth(search);
      from = 0;
    } else if (search->depth == 0) {
      return false;
    } else {
      from = take_back(search);
    }
  }
  return !search->no_memory;
}

static inline size_t count_all(const struct history *history)
{
  size_t count = 0;
  for (size_t i = 0; i < CLIENTS_MOST; i++)
    count += history->count[i];
  return count;
}

enum answer { LINEARIZABLE, NOT_LINEARIZABLE, OUT_OF_MEMORY };

/* `deepest`: how far the search came. */
static inline enum answer search_order(const struct history *history, int64_t until,
                                       struct configuration *deepest)
{
  struct search search = { .history = history, .until = until };
  bool found = false;
  search.choices = malloc((count_all(history) + 1) * sizeof(*search.choices));
  search.no_memory = search.choices == NULL;
  found = run_search(&search);
  *deepest = search.deepest;
  free(search.choices);
  free(search.seen.marks);
  return found ? LINEARIZABLE : search.no_memory ? OUT_OF_MEMORY : NOT_LINEARIZABLE;
}

#endif
