/*
 * Contests of writes: create, create in batches, update and delete with a version, on disk and in
 * memory. Either program has a file of its own, both copies of one.
 */
#include "writes.h"

#include <stdlib.h>
#include <string.h>

/* ---- create ---- */

const connector_patch *next_patch(struct writes *writes, struct side *side)
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

bool create_with(connector_store *store, struct writes *writes, struct side *side, size_t calls)
{
  connector_error error;

  for (size_t i = 0; i < calls; i++)
    if (!library_good(connector_create(store, next_patch(writes, side), NULL, &error), &error))
      return false;
  return true;
}

bool library_create(void *context, size_t calls)
{
  struct writes *writes = context;

  return create_with(writes->pair.library, writes, &writes->library, calls);
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

size_t next_update(struct writes *writes, struct side *side)
{
  side->updates++;
  return (size_t)(sample_random(&side->seed) % writes->ids.count);
}

const char *next_name(const struct writes *writes, const struct side *side)
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

bool update_with(connector_store *store, struct writes *writes, struct side *side, size_t calls)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    size_t at = next_update(writes, side);

    patch.name = next_name(writes, side);
    if (!library_good(connector_update(store, id_at(&writes->ids, at), side->versions[at]++, &patch,
                                       NULL, &error),
                      &error))
      return false;
  }
  return true;
}

bool library_update(void *context, size_t calls)
{
  struct writes *writes = context;

  return update_with(writes->pair.library, writes, &writes->library, calls);
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
bool same_content(const connector *a, const connector *b)
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

  if (!good)
    complain("the two records differ: %s and %s", library_id, other_id);
  connector_free(ours);
  free(theirs);
  return good;
}

/* The last records of both files, created one after the other. */
bool check_created(void *context)
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

bool check_updated(void *context)
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

void writes_close_files(struct writes *writes)
{
  pair_close(&writes->pair);
  store_remove(writes->library_path);
  store_remove(writes->other_path);
  free(writes->ids.texts);
  free(writes->library.versions);
  free(writes->other.versions);
  free(writes->samples);
}

static void writes_close(void *context)
{
  writes_close_files(context);
  free(context);
}

bool side_open(struct side *side, size_t records)
{
  side->versions = calloc(records, sizeof(*side->versions));
  for (size_t i = 0; side->versions != NULL && i < records; i++)
    side->versions[i] = 1;
  return side->versions != NULL;
}

static bool fill_memory(struct writes *writes)
{
  writes->samples = calloc(BATCH, sizeof(*writes->samples));
  if (writes->samples == NULL || !side_open(&writes->library, writes->ids.count) ||
      !side_open(&writes->other, writes->ids.count))
    return false;
  for (size_t i = 0; i < BATCH; i++)
    sample_make(&writes->samples[i], 5000000 + i);
  return true;
}

bool writes_open_files(struct writes *writes, const struct bench *bench, const char *directory,
                       bool history)
{
  if (!store_path(writes->library_path, directory, "bench-library.db") ||
      !store_path(writes->other_path, directory, "bench-other.db") ||
      !store_copy(bench->middle_path, writes->library_path) ||
      !store_copy(bench->middle_path, writes->other_path))
    return false;
  writes->pair.library = history ? library_open_with_history(writes->library_path)
                                 : library_open(writes->library_path);
  writes->pair.other = handwritten_open(writes->other_path, &sample_caller, true);
  return writes->pair.library != NULL && writes->pair.other != NULL &&
         ids_read(&writes->ids, writes->pair.other) && fill_memory(writes);
}

static void *writes_open(struct bench *bench, const struct group *group)
{
  const char *directory = group == &bench_memory_writes ? bench->memory_directory
                                                        : bench->directory;
  struct writes *writes = calloc(1, sizeof(*writes));

  if (writes == NULL)
    return NULL;
  if (writes_open_files(writes, bench, directory, false))
    return writes;
  writes_close(writes);
  return NULL;
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
  .skip = bench_no_memory_directory,
};
