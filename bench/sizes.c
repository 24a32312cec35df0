/*
 * Sizes: bytes on disk and in memory for a record, and the shared library's own.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>
#if defined(__GLIBC__)
#include <malloc.h>
#endif

enum { DISK_BATCHES = 10, LIBRARY_LIMIT = 300000, SECRETS = 100000 };

static const char disk_name[] = "bytes on disk for a record";
static const char history_name[] = "bytes of history for a record";
static const char heap_name[] = "memory for a record";
static const char resident_name[] = "resident memory for a record";
static const char secret_name[] = "memory for a secret, 100,000 held";
static const char library_name[] = "shared library, stripped";

const char *const bench_size_names[] = { disk_name,     history_name, heap_name,
                                         resident_name, secret_name,  library_name };
const size_t bench_size_count = sizeof(bench_size_names) / sizeof(bench_size_names[0]);

static void add(const char *operation, const char *versus, double other, double library,
                double limit)
{
  struct result result = {
    .operation = operation,
    .versus = versus,
    .unit = UNIT_BYTES,
    .other = other,
    .library = library,
    .ratio = library / other,
    .limit = limit,
    .limit_kind = limit > 0 ? LIMIT_AT_MOST : LIMIT_NONE,
  };

  report_add(&result);
}

/* ---- on disk ---- */

static connector_status create_batch(connector_store *store, void *user, connector_error *error)
{
  const uint64_t *first = user;
  struct sample sample;
  connector_status status = CONNECTOR_OK;

  for (uint64_t i = 0; status == CONNECTOR_OK && i < BATCH; i++) {
    sample_make(&sample, *first + i);
    status = connector_create(store, &sample.patch, NULL, error);
  }
  return status;
}

static bool other_batch(struct handwritten *program, uint64_t first)
{
  struct sample sample;

  if (!handwritten_begin(program))
    return false;
  for (uint64_t i = 0; i < BATCH; i++) {
    sample_make(&sample, first + i);
    if (!handwritten_create(program, &sample.patch, NULL))
      return false;
  }
  return handwritten_commit(program);
}

static bool library_batches(connector_store *store)
{
  connector_error error;
  bool good = true;

  for (uint64_t i = 0; good && i < DISK_BATCHES; i++) {
    uint64_t first = i * BATCH;

    good = library_good(connector_batch(store, create_batch, &first, &error), &error);
  }
  return good;
}

/* Writes the same records to two files that were the same, one empty store. */
static bool write_both(const char *library_path, const char *other_path)
{
  struct pair pair = { 0 };
  bool good = false;

  store_remove(library_path);
  pair.library = library_open(library_path);
  connector_close(pair.library);
  good = pair.library != NULL && store_copy(library_path, other_path) &&
         pair_open(&pair, library_path, other_path, true) && library_batches(pair.library);
  for (uint64_t i = 0; good && i < DISK_BATCHES; i++)
    good = other_batch(pair.other, i * BATCH);
  if (good)
    pair_close(&pair);
  return good;
}

static bool disk_size(const struct bench *bench)
{
  char library_path[PATH_BYTES];
  char other_path[PATH_BYTES];
  const double records = (double)DISK_BATCHES * BATCH;
  bool good = store_path(library_path, bench->directory, "bench-library.db") &&
              store_path(other_path, bench->directory, "bench-other.db") &&
              write_both(library_path, other_path);

  if (good)
    add(disk_name, "hand-written", (double)store_bytes(other_path) / records,
        (double)store_bytes(library_path) / records, 1.05);
  store_remove(library_path);
  store_remove(other_path);
  return good;
}

/* The same records through the library in a new file; closing it moves the log into the file. */
static bool write_new(const char *path, bool history)
{
  connector_store *store = NULL;
  bool good = false;

  store_remove(path);
  store = history ? library_open_with_history(path) : library_open(path);
  good = store != NULL && library_batches(store);
  connector_close(store);
  return good;
}

/* The record with its history beside the record alone. */
static bool history_size(const struct bench *bench)
{
  char with_path[PATH_BYTES];
  char without_path[PATH_BYTES];
  const double records = (double)DISK_BATCHES * BATCH;
  bool good = store_path(with_path, bench->directory, "bench-library.db") &&
              store_path(without_path, bench->directory, "bench-plain.db") &&
              write_new(with_path, true) && write_new(without_path, false);

  if (good)
    add(history_name, "no history", (double)store_bytes(without_path) / records,
        (double)store_bytes(with_path) / records, 2.00);
  store_remove(with_path);
  store_remove(without_path);
  return good;
}

/* ---- in memory ---- */

struct holding {
  connector_store *store;
  struct ids ids;
  connector **records;
  size_t count;
};

static double heap_bytes(void)
{
#if defined(__GLIBC__) && (__GLIBC__ > 2 || __GLIBC_MINOR__ >= 33)
  struct mallinfo2 heap = mallinfo2();

  return (double)heap.uordblks + (double)heap.hblkhd;
#else
  return 0;
#endif
}

static double resident_bytes(void)
{
  long pages = 0;
  FILE *file = fopen("/proc/self/statm", "r");

  if (file != NULL) {
    if (fscanf(file, "%*d %ld", &pages) != 1)
      pages = 0;
    fclose(file);
  }
  return (double)pages * (double)sysconf(_SC_PAGESIZE);
}

static bool hold(struct holding *holding)
{
  connector_error error;

  for (size_t i = 0; i < holding->count; i++)
    if (!library_good(
            connector_get(holding->store, id_at(&holding->ids, i), 0, &holding->records[i], &error),
            &error))
      return false;
  return true;
}

static double text_bytes(const struct holding *holding)
{
  double bytes = 0;

  for (size_t i = 0; i < holding->count; i++)
    bytes += (double)sample_text_bytes(holding->records[i]);
  return bytes / (double)holding->count;
}

static void release(struct holding *holding)
{
  for (size_t i = 0; holding->records != NULL && i < holding->count; i++)
    connector_free(holding->records[i]);
  free(holding->records);
  free(holding->ids.texts);
  connector_close(holding->store);
}

/* More than one allocation for a record would show as bytes beyond its block. */
static void report_heap(const struct holding *holding, double grown, double text)
{
#if defined(__GLIBC__)
  double blocks = 0;

  for (size_t i = 0; i < holding->count; i++)
    blocks += (double)malloc_usable_size(holding->records[i]) + (double)sizeof(size_t);
  if (grown - blocks > 16 * (double)holding->count)
    complain("a record takes %.0f bytes beside its one allocation of %.0f",
             (grown - blocks) / (double)holding->count, blocks / (double)holding->count);
#endif
  if (grown > 0)
    add(heap_name, "its text", text, grown / (double)holding->count, 1.30);
  else
    complain("%s: SKIPPED, this allocator does not tell", heap_name);
}

/* Free memory that the allocator keeps would hide what records take. */
static void give_back_free_memory(void)
{
#if defined(__GLIBC__)
  (void)malloc_trim(0);
#endif
}

/* Reads all records once, so that the library's caches are as large as they get. */
static bool warm_up(struct holding *holding)
{
  bool good = hold(holding);

  for (size_t i = 0; i < holding->count; i++) {
    connector_free(holding->records[i]);
    holding->records[i] = NULL;
  }
  give_back_free_memory();
  return good;
}

static bool hold_and_report(struct holding *holding)
{
  double heap = heap_bytes();
  double resident = resident_bytes();
  double text = 0;

  if (!hold(holding))
    return false;
  heap = heap_bytes() - heap;
  resident = resident_bytes() - resident;
  text = text_bytes(holding);
  report_heap(holding, heap, text);
  if (resident > 0)
    add(resident_name, "its text", text, resident / (double)holding->count, 0);
  return true;
}

static bool memory_size(const struct bench *bench)
{
  struct holding holding = { .store = library_open(bench->middle_path) };
  struct handwritten *program = handwritten_open(bench->middle_path, &sample_caller, false);
  bool good = holding.store != NULL && program != NULL && ids_read(&holding.ids, program);

  handwritten_close(program);
  if (good) {
    holding.count = holding.ids.count;
    holding.records = calloc(holding.count, sizeof(*holding.records));
    good = holding.records != NULL && warm_up(&holding) && hold_and_report(&holding);
  }
  release(&holding);
  return good;
}

/* ---- secrets in memory ---- */

static bool hold_secrets(connector_store *store, connector_secret **secrets)
{
  connector_error error;

  for (size_t i = 0; i < SECRETS; i++)
    if (!library_good(connector_secret_new(store, &secrets[i], &error), &error) ||
        !secret_fill(secrets[i], &error))
      return false;
  return true;
}

static bool secret_size(const struct bench *bench)
{
  connector_store *store = library_open(bench->small_path);
  connector_secret **secrets = calloc(SECRETS, sizeof(*secrets));
  double heap = heap_bytes();
  bool good = store != NULL && secrets != NULL && hold_secrets(store, secrets);

  heap = heap_bytes() - heap;
  if (good && heap > 0)
    add(secret_name, "its bytes", (double)secret_bytes(), heap / SECRETS, 0);
  for (size_t i = 0; secrets != NULL && i < SECRETS; i++)
    connector_secret_free(secrets[i]);
  free(secrets);
  connector_close(store);
  return good;
}

bool bench_sizes(struct bench *bench)
{
  if (bench_wants(bench, disk_name) && !disk_size(bench))
    return false;
  if (bench_wants(bench, history_name) && !history_size(bench))
    return false;
  if ((bench_wants(bench, heap_name) || bench_wants(bench, resident_name)) && !memory_size(bench))
    return false;
  if (bench_wants(bench, secret_name) && !secret_size(bench))
    return false;
  if (bench->library_bytes > 0 && bench_wants(bench, library_name))
    add(library_name, "300 kB", LIBRARY_LIMIT, (double)bench->library_bytes, 1.0);
  return true;
}
