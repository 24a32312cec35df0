/*
 * Contests of eight threads that read at once: through one store of the library's, and through a
 * connection of its own for each thread of the hand-written program.
 */
#include "bench.h"

#include <pthread.h>
#include <stdlib.h>

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

struct threads {
  connector_store *library;
  struct ids ids;
  struct worker workers[THREADS];
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
  pthread_t started[THREADS];
  size_t count = 0;
  bool good = true;

  for (; count < THREADS; count++) {
    threads->workers[count].calls = calls;
    if (pthread_create(&started[count], NULL, work, &threads->workers[count]) != 0)
      break;
  }
  good = count == THREADS;
  for (size_t i = 0; i < count; i++) {
    (void)pthread_join(started[i], NULL);
    good = good && threads->workers[i].good;
  }
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

static void threads_close(void *context)
{
  struct threads *threads = context;

  connector_close(threads->library);
  for (size_t i = 0; i < THREADS; i++)
    handwritten_close(threads->workers[i].other);
  free(threads->ids.texts);
  free(threads);
}

static void *threads_open(struct bench *bench, const struct group *group)
{
  struct threads *threads = calloc(1, sizeof(*threads));
  bool good = false;

  (void)group;
  if (threads == NULL)
    return NULL;
  threads->library = library_open(bench->middle_path);
  good = threads->library != NULL;
  for (size_t i = 0; good && i < THREADS; i++) {
    threads->workers[i].threads = threads;
    threads->workers[i].seed = i;
    threads->workers[i].other = handwritten_open(bench->middle_path, &sample_caller, false);
    good = threads->workers[i].other != NULL;
  }
  if (good && ids_read(&threads->ids, threads->workers[0].other))
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
