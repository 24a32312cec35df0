/*
 * Contests of eight threads that read at once: through one store of the library's, and through a
 * connection of its own for each thread of the hand-written program.
 */
#include "bench.h"
#include "crowd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { THREADS = 8, PAGE = 50 };

struct threads;

/* The work of one thread. */
struct worker {
  struct threads *threads;
  struct handwritten *other;
  uint64_t seed;
  size_t calls;
  bool good;
};

/* Creates one record after the other, durable each, until it is enough. */
struct writer {
  connector_store *library;
  struct handwritten *other;
  uint64_t seed;
  atomic_bool enough;
  bool good;
};

struct threads {
  connector_store *library;
  struct ids ids;
  struct worker workers[THREADS];
  struct writer writer;          /* only beside a writer */
  char library_path[PATH_BYTES]; /* of copies; "" where nothing is written */
  char other_path[PATH_BYTES];
};

static const char *random_id(struct worker *worker)
{
  const struct ids *ids = &worker->threads->ids;

  return id_at(ids, (size_t)(sample_random(&worker->seed) % ids->count));
}

static bool other_get_one(struct worker *worker)
{
  connector *record = handwritten_get(worker->other, random_id(worker));

  free(record);
  return record != NULL;
}

static bool library_get_one(struct worker *worker)
{
  connector *record = NULL;
  connector_status status = connector_get(worker->threads->library, random_id(worker), 0, &record,
                                          NULL);

  connector_free(record);
  return status == CONNECTOR_OK;
}

static bool other_list_one(struct worker *worker)
{
  struct handwritten_page *page = handwritten_list(worker->other, "", NULL, PAGE);
  bool full = page != NULL && page->count == PAGE;

  handwritten_page_free(page);
  return full;
}

static bool library_list_one(struct worker *worker)
{
  connector_page *page = NULL;
  bool full = connector_list(worker->threads->library, NULL, &page, NULL) == CONNECTOR_OK &&
              connector_page_count(page) == PAGE;

  connector_page_free(page);
  return full;
}

/* ---- running ---- */

#define WORK(name)                                                                                 \
  static void *name##_work(void *argument)                                                         \
  {                                                                                                \
    struct worker *worker = argument;                                                              \
                                                                                                   \
    worker->good = true;                                                                           \
    for (size_t i = 0; worker->good && i < worker->calls; i++)                                     \
      worker->good = name##_one(worker);                                                           \
    return NULL;                                                                                   \
  }

WORK(other_get)
WORK(library_get)
WORK(other_list)
WORK(library_list)

static bool run_all(struct threads *threads, size_t calls, void *(*work)(void *))
{
  bool good = true;

  for (size_t i = 0; i < THREADS; i++)
    threads->workers[i].calls = calls;
  good = crowd_run(work, threads->workers, THREADS, sizeof(threads->workers[0]));
  for (size_t i = 0; i < THREADS; i++)
    good = good && threads->workers[i].good;
  return good;
}

static bool other_get(void *context, size_t calls)
{
  return run_all(context, calls, other_get_work);
}

static bool library_get(void *context, size_t calls)
{
  return run_all(context, calls, library_get_work);
}

static bool other_list(void *context, size_t calls)
{
  return run_all(context, calls, other_list_work);
}

static bool library_list(void *context, size_t calls)
{
  return run_all(context, calls, library_list_work);
}

/* ---- beside a writer ---- */

static void *other_write(void *argument)
{
  struct writer *writer = argument;

  while (writer->good && !writer->enough) {
    struct sample sample;

    sample_make(&sample, writer->seed++);
    writer->good = handwritten_begin(writer->other) &&
                   handwritten_create(writer->other, &sample.patch, NULL) &&
                   handwritten_commit(writer->other);
  }
  return NULL;
}

static void *library_write(void *argument)
{
  struct writer *writer = argument;

  while (writer->good && !writer->enough) {
    struct sample sample;
    connector_error error;

    sample_make(&sample, writer->seed++);
    writer->good = library_good(connector_create(writer->library, &sample.patch, NULL, &error),
                                &error);
  }
  return NULL;
}

static bool run_beside(struct threads *threads, size_t calls, void *(*work)(void *),
                       void *(*write)(void *))
{
  struct writer *writer = &threads->writer;
  pthread_t thread;
  bool good = true;

  writer->enough = false;
  writer->good = true;
  if (pthread_create(&thread, NULL, write, writer) != 0)
    return false;
  good = run_all(threads, calls, work);
  writer->enough = true;
  (void)pthread_join(thread, NULL);
  return good && writer->good;
}

static bool other_get_beside(void *context, size_t calls)
{
  return run_beside(context, calls, other_get_work, other_write);
}

static bool library_get_beside(void *context, size_t calls)
{
  return run_beside(context, calls, library_get_work, library_write);
}

static const struct contest contests[] = {
  { .operation = "8 threads getting",
    .versus = "hand-written",
    .other = other_get,
    .library = library_get,
    .per_call = THREADS,
    .turns = 2,
    .limit = 0.90,
    .limit_kind = LIMIT_AT_LEAST,
    .throughput = true },
  { .operation = "8 threads listing 50",
    .versus = "hand-written",
    .other = other_list,
    .library = library_list,
    .per_call = THREADS,
    .turns = 2,
    .limit = 0.90,
    .limit_kind = LIMIT_AT_LEAST,
    .throughput = true },
};

static const struct contest beside[] = {
  { .operation = "8 threads getting beside a writer",
    .versus = "hand-written",
    .other = other_get_beside,
    .library = library_get_beside,
    .per_call = THREADS,
    .turns = 2,
    .limit = 0.90,
    .limit_kind = LIMIT_AT_LEAST,
    .throughput = true },
};

static void threads_close(void *context)
{
  struct threads *threads = context;

  connector_close(threads->library);
  for (size_t i = 0; i < THREADS; i++)
    handwritten_close(threads->workers[i].other);
  handwritten_close(threads->writer.other);
  store_remove(threads->library_path);
  store_remove(threads->other_path);
  free(threads->ids.texts);
  free(threads);
}

static struct threads *open_on(const char *library_path, const char *other_path)
{
  struct threads *threads = calloc(1, sizeof(*threads));
  bool good = false;

  if (threads == NULL)
    return NULL;
  threads->library = library_open(library_path);
  good = threads->library != NULL;
  for (size_t i = 0; good && i < THREADS; i++) {
    threads->workers[i].threads = threads;
    threads->workers[i].seed = i;
    threads->workers[i].other = handwritten_open(other_path, &sample_caller, false);
    good = threads->workers[i].other != NULL;
  }
  if (good && ids_read(&threads->ids, threads->workers[0].other))
    return threads;
  threads_close(threads);
  return NULL;
}

static void *threads_open(struct bench *bench, const struct group *group)
{
  (void)group;
  return open_on(bench->middle_path, bench->middle_path);
}

/* Both sides write, so each has a file of its own; they begin the same. */
static void *beside_open(struct bench *bench, const struct group *group)
{
  struct threads *threads = NULL;
  char library_path[PATH_BYTES];
  char other_path[PATH_BYTES];

  (void)group;
  if (!store_path(library_path, bench->directory, "bench-library.db") ||
      !store_path(other_path, bench->directory, "bench-other.db") ||
      !store_copy(bench->middle_path, library_path) || !store_copy(bench->middle_path, other_path))
    return NULL;
  threads = open_on(library_path, other_path);
  if (threads == NULL)
    return NULL;
  memcpy(threads->library_path, library_path, PATH_BYTES);
  memcpy(threads->other_path, other_path, PATH_BYTES);
  threads->writer.library = threads->library;
  threads->writer.seed = UINT64_C(1) << 32;
  threads->writer.other = handwritten_open(other_path, &sample_caller, true);
  if (threads->writer.other != NULL)
    return threads;
  threads_close(threads);
  return NULL;
}

const struct group bench_threads = {
  .contests = contests,
  .count = sizeof(contests) / sizeof(contests[0]),
  .open = threads_open,
  .close = threads_close,
};

const struct group bench_beside = {
  .contests = beside,
  .count = sizeof(beside) / sizeof(beside[0]),
  .open = beside_open,
  .close = threads_close,
};
