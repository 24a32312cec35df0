/*
 * Contests of claiming due work: the next ten of many connectors that have never been synced, with
 * a lease on each that is left to run. Either program has a file of its own, both the same.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { CLAIMED = 10, TTL_MS = 86400000, INTERVAL_MS = 3600000 };

struct claims {
  struct pair pair;
  size_t library_claimed;
  size_t other_claimed;
  char library_last[HANDWRITTEN_ID]; /* the last that each side claimed */
  char other_last[HANDWRITTEN_ID];
  char library_path[PATH_BYTES];
  char other_path[PATH_BYTES];
};

static bool is_full(size_t count)
{
  if (count != CLAIMED)
    complain("claim: only %zu of %d were due; give --records a larger number", count, CLAIMED);
  return count == CLAIMED;
}

static bool other_claim(void *context, size_t calls)
{
  struct claims *claims = context;

  for (size_t i = 0; i < calls; i++) {
    int64_t fences[CLAIMED];
    struct handwritten_page *page = handwritten_claim(claims->pair.other, INTERVAL_MS, TTL_MS,
                                                      CLAIMED, fences);
    bool full = page != NULL && is_full(page->count) && fences[CLAIMED - 1] > 0;

    if (full)
      memcpy(claims->other_last, page->records[CLAIMED - 1].id, HANDWRITTEN_ID);
    handwritten_page_free(page);
    claims->other_claimed += CLAIMED;
    if (!full)
      return false;
  }
  return true;
}

static bool library_claim(void *context, size_t calls)
{
  struct claims *claims = context;
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  connector_error error;

  options.limit = CLAIMED;
  options.ttl_ms = TTL_MS;
  options.interval_ms = INTERVAL_MS;
  for (size_t i = 0; i < calls; i++) {
    connector_claims *claimed = NULL;
    bool full = library_good(connector_claim(claims->pair.library, CONNECTOR_DUE_SYNC, &options,
                                             &claimed, &error),
                             &error) &&
                is_full(connector_claims_count(claimed));

    if (full)
      memcpy(claims->library_last, connector_claims_at(claimed, CLAIMED - 1)->record->id,
             HANDWRITTEN_ID);
    connector_claims_free(claimed);
    claims->library_claimed += CLAIMED;
    if (!full)
      return false;
  }
  return true;
}

/* Both have come equally far in the same order. */
static bool check_claims(void *context)
{
  const struct claims *claims = context;

  return claims->library_claimed == claims->other_claimed &&
         strcmp(claims->library_last, claims->other_last) == 0;
}

/* ---- contests ---- */

static const struct contest disk_contests[] = {
  { .operation = "claim of 10 from 100,000 due",
    .versus = "hand-written",
    .other = other_claim,
    .library = library_claim,
    .check = check_claims,
    .turns = 4,
    .calls_most = 40,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
};

static const struct contest memory_contests[] = {
  { .operation = "claim of 10, in memory",
    .versus = "hand-written",
    .other = other_claim,
    .library = library_claim,
    .check = check_claims,
    .turns = 4,
    .calls_most = 40 },
};

static const struct contest large_contests[] = {
  { .operation = "claim of 10, large file",
    .versus = "hand-written",
    .other = other_claim,
    .library = library_claim,
    .check = check_claims,
    .turns = 4,
    .calls_most = 40,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
};

/* ---- what they need ---- */

static void claims_close(void *context)
{
  struct claims *claims = context;

  pair_close(&claims->pair);
  store_remove(claims->library_path);
  store_remove(claims->other_path);
  free(claims);
}

/* Makes the first 100,000 connectors of a file look as if they had never been synced. */
static bool make_due(const char *path)
{
  struct handwritten *program = handwritten_open(path, &sample_caller, true);
  char sql[128];
  bool good = false;

  snprintf(sql, sizeof(sql),
           "UPDATE connector SET enabled = 1, last_sync_at = NULL WHERE rowid <= %d", DUE);
  progress_show("making connectors due", 0, 0);
  good = program != NULL && handwritten_prepare_file(program, sql) &&
         handwritten_checkpoint(program);
  if (program != NULL && !good)
    complain("making connectors due: %s", handwritten_problem(program));
  handwritten_close(program);
  return good;
}

/* The large file is not needed any more: it becomes the library's. */
static bool take_large(struct claims *claims, const struct bench *bench)
{
  memcpy(claims->library_path, bench->large_path, PATH_BYTES);
  return store_path(claims->other_path, bench->directory, "bench-other.db") &&
         make_due(claims->library_path) && store_copy(claims->library_path, claims->other_path);
}

static bool copy_middle(struct claims *claims, const struct bench *bench, const char *directory)
{
  return store_path(claims->library_path, directory, "bench-library.db") &&
         store_path(claims->other_path, directory, "bench-other.db") &&
         store_copy(bench->middle_path, claims->library_path) && make_due(claims->library_path) &&
         store_copy(claims->library_path, claims->other_path);
}

static void *claims_open(struct bench *bench, const struct group *group)
{
  struct claims *claims = calloc(1, sizeof(*claims));
  bool good = false;

  if (claims == NULL)
    return NULL;
  if (group->large)
    good = take_large(claims, bench);
  else if (group == &bench_memory_claims)
    good = copy_middle(claims, bench, bench->memory_directory);
  else
    good = copy_middle(claims, bench, bench->directory);
  if (good && pair_open(&claims->pair, claims->library_path, claims->other_path, true))
    return claims;
  claims_close(claims);
  return NULL;
}

const struct group bench_claims = {
  .contests = disk_contests,
  .count = sizeof(disk_contests) / sizeof(disk_contests[0]),
  .open = claims_open,
  .close = claims_close,
};

const struct group bench_memory_claims = {
  .contests = memory_contests,
  .count = sizeof(memory_contests) / sizeof(memory_contests[0]),
  .open = claims_open,
  .close = claims_close,
  .skip = bench_no_memory_directory,
};

const struct group bench_large_claims = {
  .large = true,
  .contests = large_contests,
  .count = sizeof(large_contests) / sizeof(large_contests[0]),
  .open = claims_open,
  .close = claims_close,
};
