/*
 * Contests of writes: create, create in batches, update and delete with a version, on disk and in
 * memory. Either program has a file of its own, both copies of one.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

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

/* ---- create ---- */

static const connector_patch *next_patch(struct writes *writes, struct side *side)
{
  return &writes->samples[side->creates++ % BATCH].patch;
}

static bool other_create(void *context, size_t calls)
{
  struct writes *writes = context;

  for (size_t i = 0; i < calls; i++)
    if (!handwritten_create(writes->pair.other, next_patch(writes, &writes->other), NULL))
      return false;
  return true;
}

static bool library_create(void *context, size_t calls)
{
  struct writes *writes = context;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    const connector_patch *patch = next_patch(writes, &writes->library);

    if (!library_good(connector_create(writes->pair.library, patch, NULL, &error), &error))
      return false;
  }
  return true;
}

static bool other_batch(void *context, size_t calls)
{
  struct writes *writes = context;

  for (size_t i = 0; i < calls; i++)
    if (!handwritten_begin(writes->pair.other) || !other_create(writes, BATCH) ||
        !handwritten_commit(writes->pair.other))
      return false;
  return true;
}

static connector_status create_batch(connector_store *store, void *user, connector_error *error)
{
  (void)store;
  (void)error;
  return library_create(user, BATCH) ? CONNECTOR_OK : CONNECTOR_CANCELLED;
}

static bool library_batch(void *context, size_t calls)
{
  struct writes *writes = context;
  connector_error error;

  for (size_t i = 0; i < calls; i++)
    if (!library_good(connector_batch(writes->pair.library, create_batch, writes, &error), &error))
      return false;
  return true;
}

/* ---- update and delete ---- */

static size_t next_update(struct writes *writes, struct side *side)
{
  side->updates++;
  return (size_t)(sample_random(&side->seed) % writes->ids.count);
}

static const char *next_name(struct writes *writes, const struct side *side)
{
  return writes->samples[side->updates % BATCH].patch.name;
}

static bool other_update(void *context, size_t calls)
{
  struct writes *writes = context;

  for (size_t i = 0; i < calls; i++) {
    size_t at = next_update(writes, &writes->other);
    uint32_t *version = &writes->other.versions[at];

    if (!handwritten_update(writes->pair.other, id_at(&writes->ids, at), (*version)++,
                            next_name(writes, &writes->other)))
      return false;
  }
  return true;
}

static bool library_update(void *context, size_t calls)
{
  struct writes *writes = context;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    size_t at = next_update(writes, &writes->library);
    uint32_t *version = &writes->library.versions[at];

    patch.name = next_name(writes, &writes->library);
    if (!library_good(connector_update(writes->pair.library, id_at(&writes->ids, at), (*version)++,
                                       &patch, NULL, &error),
                      &error))
      return false;
  }
  return true;
}

/* Each record once, in an order that is not the file's: the step is a prime. */
static bool next_delete(struct writes *writes, struct side *side, size_t *at)
{
  const size_t step = writes->ids.count % 7919 != 0 ? 7919 : 1;

  if (side->deletes == writes->ids.count) {
    complain("delete: no record is left; give --records a larger number");
    return false;
  }
  *at = side->deletes++ * step % writes->ids.count;
  return true;
}

static bool other_delete(void *context, size_t calls)
{
  struct writes *writes = context;
  size_t at = 0;

  for (size_t i = 0; i < calls; i++)
    if (!next_delete(writes, &writes->other, &at) ||
        !handwritten_delete(writes->pair.other, id_at(&writes->ids, at),
                            writes->other.versions[at]))
      return false;
  return true;
}

static bool library_delete(void *context, size_t calls)
{
  struct writes *writes = context;
  connector_error error;
  size_t at = 0;

  for (size_t i = 0; i < calls; i++)
    if (!next_delete(writes, &writes->library, &at) ||
        !library_good(connector_delete(writes->pair.library, id_at(&writes->ids, at),
                                       writes->library.versions[at], &error),
                      &error))
      return false;
  return true;
}

/* ---- checks ---- */

/* Whether two records differ in nothing but when, and under which id, they were written. */
static bool same_content(const connector *a, const connector *b)
{
  connector copy;

  if (a == NULL || b == NULL)
    return false;
  copy = *b;
  copy.id = a->id;
  copy.created_at = a->created_at;
  copy.updated_at = a->updated_at;
  return connector_equal(a, &copy);
}

static bool same_record(struct writes *writes, const char *library_id, const char *other_id)
{
  connector *ours = NULL;
  connector *theirs = handwritten_get(writes->pair.other, other_id);
  connector_error error;
  bool good = library_good(connector_get(writes->pair.library, library_id, 0, &ours, &error),
                           &error) &&
              same_content(ours, theirs);

  connector_free(ours);
  free(theirs);
  return good;
}

/* The last records of both files, created one after the other. */
static bool check_created(void *context)
{
  struct writes *writes = context;
  struct handwritten *program = handwritten_open(writes->library_path, &sample_caller, false);
  struct ids library = { 0 };
  struct ids other = { 0 };
  bool good = program != NULL && ids_read(&library, program) &&
              ids_read(&other, writes->pair.other) && library.count == other.count &&
              writes->library.creates == writes->other.creates;

  for (size_t i = 1; good && i <= BATCH; i++)
    good = same_record(writes, id_at(&library, library.count - i), id_at(&other, other.count - i));
  free(library.texts);
  free(other.texts);
  handwritten_close(program);
  return good;
}

static bool check_updated(void *context)
{
  struct writes *writes = context;
  uint64_t seed = 0;
  bool good = writes->library.updates == writes->other.updates &&
              writes->library.seed == writes->other.seed;

  for (size_t i = 0; good && i < 100; i++) {
    size_t at = (size_t)(sample_random(&seed) % writes->ids.count);

    good = same_record(writes, id_at(&writes->ids, at), id_at(&writes->ids, at));
  }
  return good;
}

static bool check_deleted(void *context)
{
  struct writes *writes = context;
  struct ids left = { 0 };
  int64_t count = 0;
  connector_error error;
  bool good = library_good(connector_count(writes->pair.library, NULL, &count, &error), &error) &&
              ids_read(&left, writes->pair.other) && (size_t)count == left.count &&
              writes->library.deletes == writes->other.deletes;

  free(left.texts);
  return good;
}

/* ---- contests ---- */

/* In the order in which they run: the records that deletes need were not touched by creates, and
 * are gone afterwards. */
static const struct contest disk_contests[] = {
  { .operation = "create",
    .versus = "hand-written",
    .other = other_create,
    .library = library_create,
    .check = check_created,
    .limit = 1.10,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "update with version",
    .versus = "hand-written",
    .other = other_update,
    .library = library_update,
    .check = check_updated,
    .limit = 1.10,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "create 1,000 in a batch",
    .versus = "hand-written",
    .other = other_batch,
    .library = library_batch,
    .check = check_created,
    .per_call = BATCH,
    .turns = 2,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "delete",
    .versus = "hand-written",
    .other = other_delete,
    .library = library_delete,
    .check = check_deleted,
    .calls_most = 200,
    .limit = 1.10,
    .limit_kind = LIMIT_AT_MOST },
};

static const struct contest memory_contests[] = {
  { .operation = "create, in memory",
    .versus = "hand-written",
    .other = other_create,
    .library = library_create,
    .check = check_created },
  { .operation = "update with version, in memory",
    .versus = "hand-written",
    .other = other_update,
    .library = library_update,
    .check = check_updated,
    .limit = 1.35,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "create 1,000 in a batch, in memory",
    .versus = "hand-written",
    .other = other_batch,
    .library = library_batch,
    .check = check_created,
    .per_call = BATCH,
    .turns = 2,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "delete, in memory",
    .versus = "hand-written",
    .other = other_delete,
    .library = library_delete,
    .check = check_deleted,
    .calls_most = 200 },
};

/* ---- what they need ---- */

static void writes_close(void *context)
{
  struct writes *writes = context;

  pair_close(&writes->pair);
  store_remove(writes->library_path);
  store_remove(writes->other_path);
  free(writes->ids.texts);
  free(writes->library.versions);
  free(writes->other.versions);
  free(writes->samples);
  free(writes);
}

static bool fill_memory(struct writes *writes)
{
  writes->samples = calloc(BATCH, sizeof(*writes->samples));
  writes->library.versions = calloc(writes->ids.count, sizeof(uint32_t));
  writes->other.versions = calloc(writes->ids.count, sizeof(uint32_t));
  if (writes->samples == NULL || writes->library.versions == NULL || writes->other.versions == NULL)
    return false;
  for (size_t i = 0; i < writes->ids.count; i++)
    writes->library.versions[i] = writes->other.versions[i] = 1;
  for (size_t i = 0; i < BATCH; i++)
    sample_make(&writes->samples[i], 5000000 + i);
  return true;
}

static void *writes_open(struct bench *bench, const struct group *group)
{
  const char *directory = group == &bench_memory_writes ? bench->memory_directory
                                                        : bench->directory;
  struct writes *writes = calloc(1, sizeof(*writes));

  if (writes == NULL)
    return NULL;
  if (store_path(writes->library_path, directory, "bench-library.db") &&
      store_path(writes->other_path, directory, "bench-other.db") &&
      store_copy(bench->middle_path, writes->library_path) &&
      store_copy(bench->middle_path, writes->other_path) &&
      pair_open(&writes->pair, writes->library_path, writes->other_path, true) &&
      ids_read(&writes->ids, writes->pair.other) && fill_memory(writes))
    return writes;
  writes_close(writes);
  return NULL;
}

static bool no_memory_directory(const struct bench *bench)
{
  if (bench->memory_directory != NULL)
    return false;
  complain("no storage in memory here: its operations are SKIPPED (--memory-dir names a folder)");
  return true;
}

const struct group bench_disk_writes = {
  .contests = disk_contests,
  .count = sizeof(disk_contests) / sizeof(disk_contests[0]),
  .open = writes_open,
  .close = writes_close,
};

const struct group bench_memory_writes = {
  .contests = memory_contests,
  .count = sizeof(memory_contests) / sizeof(memory_contests[0]),
  .open = writes_open,
  .close = writes_close,
  .skip = no_memory_directory,
};
