/*
 * Contests of sixteen threads that create at once, each record in a transaction of its own: through
 * one store of the library's, and through one connection of the hand-written program behind a
 * mutex. And what the slowest creates of each take.
 */
#include "bench.h"
#include "crowd.h"
#include "slow_disk.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

enum {
  THREADS = 16,
  WAITS_KEPT = 1 << 16,
  SYNC_US = 3000,
  /* of a thread in a turn: the last ones of a turn have few to share with */
  CALLS_LEAST = 20
};

struct writers;

/* How long creates took, in seconds; the oldest are overwritten. */
struct waits {
  double *kept;
  size_t count;
};

struct writer {
  struct writers *writers;
  uint64_t seed;
  size_t calls;
  bool good;
};

struct writers {
  struct pair pair;
  const char *waits_name;
  bool slow;            /* the disk is made slow meanwhile */
  pthread_mutex_t lock; /* of the hand-written program, and of both lists of waits */
  struct waits other_waits;
  struct waits library_waits;
  size_t other_created;
  size_t library_created;
  struct writer threads[THREADS];
  char library_path[PATH_BYTES];
  char other_path[PATH_BYTES];
};

static double seconds(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static void keep(struct writers *writers, struct waits *waits, double wait)
{
  (void)pthread_mutex_lock(&writers->lock);
  waits->kept[waits->count++ % WAITS_KEPT] = wait;
  (void)pthread_mutex_unlock(&writers->lock);
}

/* ---- creating ---- */

static bool other_create(struct writers *writers, const struct sample *sample)
{
  bool good = false;

  (void)pthread_mutex_lock(&writers->lock);
  good = handwritten_begin(writers->pair.other) &&
         handwritten_create(writers->pair.other, &sample->patch, NULL) &&
         handwritten_commit(writers->pair.other);
  (void)pthread_mutex_unlock(&writers->lock);
  return good;
}

static bool library_create(struct writers *writers, const struct sample *sample)
{
  connector_error error;

  return library_good(connector_create(writers->pair.library, &sample->patch, NULL, &error),
                      &error);
}

#define WORK(side)                                                                                 \
  static void *side##_work(void *argument)                                                         \
  {                                                                                                \
    struct writer *writer = argument;                                                              \
    struct writers *writers = writer->writers;                                                     \
                                                                                                   \
    writer->good = true;                                                                           \
    for (size_t i = 0; writer->good && i < writer->calls; i++) {                                   \
      struct sample sample;                                                                        \
      double start = 0;                                                                            \
                                                                                                   \
      sample_make(&sample, writer->seed++);                                                        \
      start = seconds();                                                                           \
      writer->good = side##_create(writers, &sample);                                              \
      keep(writers, &writers->side##_waits, seconds() - start);                                    \
    }                                                                                              \
    return NULL;                                                                                   \
  }

WORK(other)
WORK(library)

static bool run_all(struct writers *writers, size_t calls, void *(*work)(void *))
{
  bool good = true;

  for (size_t i = 0; i < THREADS; i++)
    writers->threads[i].calls = calls;
  good = crowd_run(work, writers->threads, THREADS, sizeof(writers->threads[0]));
  for (size_t i = 0; i < THREADS; i++)
    good = good && writers->threads[i].good;
  return good;
}

static bool other_run(void *context, size_t calls)
{
  struct writers *writers = context;

  writers->other_created += calls * THREADS;
  return run_all(writers, calls, other_work);
}

static bool library_run(void *context, size_t calls)
{
  struct writers *writers = context;

  writers->library_created += calls * THREADS;
  return run_all(writers, calls, library_work);
}

static int by_length(const void *a, const void *b)
{
  double left = *(const double *)a;
  double right = *(const double *)b;

  return left < right ? -1 : left > right;
}

/* What all but one in a hundred stayed below. */
static double longest(struct waits *waits)
{
  size_t count = waits->count < WAITS_KEPT ? waits->count : WAITS_KEPT;

  qsort(waits->kept, count, sizeof(*waits->kept), by_length);
  return count > 0 ? waits->kept[count * 99 / 100] : 0;
}

static void report_waits(struct writers *writers)
{
  struct result result = { .operation = writers->waits_name,
                           .versus = "hand-written",
                           .unit = UNIT_SECONDS,
                           .other = longest(&writers->other_waits),
                           .library = longest(&writers->library_waits),
                           .limit = 1.00,
                           .limit_kind = LIMIT_AT_MOST };

  result.ratio = result.library / result.other;
  report_add(&result);
}

/* Every record that was acknowledged is there, on both sides as many. */
static bool check(void *context)
{
  struct writers *writers = context;
  struct ids theirs = { 0 };
  int64_t ours = 0;
  bool good = ids_read(&theirs, writers->pair.other) &&
              connector_count(writers->pair.library, NULL, &ours, NULL) == CONNECTOR_OK;
  int64_t before = ours - (int64_t)writers->library_created;

  good = good && before >= 0 && (int64_t)theirs.count == before + (int64_t)writers->other_created;
  free(theirs.texts);
  report_waits(writers);
  return good;
}

#define CREATING(name, least)                                                                      \
  {                                                                                                \
    .operation = (name), .versus = "hand-written", .other = other_run, .library = library_run,     \
    .check = check, .per_call = THREADS, .turns = 2, .calls_least = CALLS_LEAST,                   \
    .calls_most = 2 * CALLS_LEAST, .limit = (least), .limit_kind = LIMIT_AT_LEAST,                 \
    .throughput = true                                                                             \
  }

static const struct contest durable[] = { CREATING("16 threads creating, durable", 2.20) };
static const struct contest durable_slow[] = { CREATING("16 threads creating, sync of 3 ms",
                                                        6.00) };
static const struct contest normal[] = { CREATING("16 threads creating, NORMAL", 1.00) };

/* ---- what they need ---- */

static void writers_close(void *context)
{
  struct writers *writers = context;

  pair_close(&writers->pair);
  if (writers->slow)
    slow_disk_end();
  store_remove(writers->library_path);
  store_remove(writers->other_path);
  (void)pthread_mutex_destroy(&writers->lock);
  free(writers->other_waits.kept);
  free(writers->library_waits.kept);
  free(writers);
}

static bool waits_make(struct waits *waits)
{
  waits->kept = calloc(WAITS_KEPT, sizeof(*waits->kept));
  return waits->kept != NULL;
}

static struct writers *writers_make(struct bench *bench, const char *waits_name)
{
  struct writers *writers = calloc(1, sizeof(*writers));

  if (writers == NULL)
    return NULL;
  writers->waits_name = waits_name;
  (void)pthread_mutex_init(&writers->lock, NULL);
  for (size_t i = 0; i < THREADS; i++) {
    writers->threads[i].writers = writers;
    writers->threads[i].seed = i << 32;
  }
  if (waits_make(&writers->other_waits) && waits_make(&writers->library_waits) &&
      store_path(writers->library_path, bench->directory, "bench-library.db") &&
      store_path(writers->other_path, bench->directory, "bench-other.db") &&
      store_copy(bench->small_path, writers->library_path) &&
      store_copy(bench->small_path, writers->other_path))
    return writers;
  writers_close(writers);
  return NULL;
}

static void *open_or_close(struct writers *writers, bool good)
{
  if (good)
    return writers;
  writers_close(writers);
  return NULL;
}

static void *durable_open(struct bench *bench, const struct group *group)
{
  struct writers *writers = writers_make(bench, "16 threads creating, 99 of 100 within");

  (void)group;
  return writers == NULL ? NULL
                         : open_or_close(writers, pair_open(&writers->pair, writers->library_path,
                                                            writers->other_path, true));
}

static void *slow_open(struct bench *bench, const struct group *group)
{
  struct writers *writers = writers_make(bench, "and a sync of 3 ms, 99 of 100 within");

  (void)group;
  if (writers == NULL)
    return NULL;
  writers->slow = slow_disk_begin(SYNC_US);
  return open_or_close(writers, writers->slow && pair_open(&writers->pair, writers->library_path,
                                                           writers->other_path, true));
}

static void *normal_open(struct bench *bench, const struct group *group)
{
  struct writers *writers = writers_make(bench, "and NORMAL, 99 of 100 within");

  (void)group;
  if (writers == NULL)
    return NULL;
  writers->pair.library = library_open_relaxed(writers->library_path);
  writers->pair.other = handwritten_open(writers->other_path, &sample_caller, true);
  return open_or_close(writers, writers->pair.library != NULL && writers->pair.other != NULL &&
                                    handwritten_relax(writers->pair.other));
}

#define GROUP(list, opened)                                                                        \
  {                                                                                                \
    .contests = (list), .count = sizeof(list) / sizeof((list)[0]), .open = (opened),               \
    .close = writers_close                                                                         \
  }

const struct group bench_writers = GROUP(durable, durable_open);
const struct group bench_writers_slow = GROUP(durable_slow, slow_open);
const struct group bench_writers_normal = GROUP(normal, normal_open);
