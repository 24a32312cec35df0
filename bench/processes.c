/*
 * Processes that write to one file at once: how many records they create together, how fairly, and
 * how long the unluckiest one waited. Each creates one record in a transaction, at FULL.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */

#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { PROCESSES = 8, ROUNDS = 3 };

static const char rate_name[] = "8 processes creating";
static const char share_name[] = "8 processes, least over most";
static const char wait_name[] = "8 processes, longest wait";

const char *const bench_process_names[] = { rate_name, share_name, wait_name };
const size_t bench_process_count = sizeof(bench_process_names) / sizeof(bench_process_names[0]);

/* What a process did, in memory that the parent sees. */
struct score {
  double creates;
  double longest; /* seconds of one create */
  bool good;
};

/* What all of them did in a round. */
struct outcome {
  double rate;
  double share;
  double longest;
};

static double seconds(void)
{
  struct timespec now;

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

static bool create_one(struct pair *pair, const struct sample *sample)
{
  connector_error error;

  if (pair->library != NULL)
    return library_good(connector_create(pair->library, &sample->patch, NULL, &error), &error);
  return handwritten_begin(pair->other) && handwritten_create(pair->other, &sample->patch, NULL) &&
         handwritten_commit(pair->other);
}

static void run_process(struct pair *pair, uint64_t seed, double end, struct score *score)
{
  struct sample sample;

  score->good = true;
  for (double now = seconds(); score->good && now < end;) {
    double after = 0;

    sample_make(&sample, seed++);
    score->good = create_one(pair, &sample);
    after = seconds();
    if (after - now > score->longest)
      score->longest = after - now;
    score->creates++;
    now = after;
  }
}

/* In the child: opens the file for itself, waits for the others, and writes. */
static void child(const char *path, bool library, size_t index, double start, double end,
                  struct score *score)
{
  struct pair pair = { 0 };
  struct timespec pause = { 0 };

  if (library)
    pair.library = library_open(path);
  else
    pair.other = handwritten_open(path, &sample_caller, true);
  if (start > seconds()) {
    pause.tv_nsec = (long)((start - seconds()) * 1e9);
    (void)nanosleep(&pause, NULL);
  }
  if (pair.library != NULL || pair.other != NULL)
    run_process(&pair, (uint64_t)index << 32, end, score);
  connector_close(pair.library);
  handwritten_close(pair.other);
}

static bool sum_up(const struct score *scores, double length, struct outcome *outcome)
{
  double least = scores[0].creates;
  double most = 0;

  *outcome = (struct outcome){ 0 };
  for (size_t i = 0; i < PROCESSES; i++) {
    if (!scores[i].good)
      return false;
    outcome->rate += scores[i].creates / length;
    least = scores[i].creates < least ? scores[i].creates : least;
    most = scores[i].creates > most ? scores[i].creates : most;
    if (scores[i].longest > outcome->longest)
      outcome->longest = scores[i].longest;
  }
  outcome->share = most > 0 ? least / most : 0;
  return true;
}

static bool run_round(const char *path, bool library, double length, struct score *scores,
                      struct outcome *outcome)
{
  const double ready = 0.3; /* seconds to fork and open */
  double start = seconds() + ready;

  fflush(NULL);
  for (size_t i = 0; i < PROCESSES; i++) {
    scores[i] = (struct score){ 0 };
    switch (fork()) {
    case -1:
      complain("%s: no more processes", rate_name);
      break;
    case 0:
      child(path, library, i, start, start + length, &scores[i]);
      _exit(0);
    default:
      break;
    }
  }
  while (wait(NULL) > 0)
    ;
  return sum_up(scores, length, outcome);
}

static double middle(const double *values)
{
  double least = values[0];
  double most = values[0];
  double sum = 0;

  for (size_t i = 0; i < ROUNDS; i++) {
    least = values[i] < least ? values[i] : least;
    most = values[i] > most ? values[i] : most;
    sum += values[i];
  }
  return sum - least - most;
}

_Static_assert(ROUNDS == 3, "the middle of three is what is left without the least and the most");

static void add(const char *operation, enum unit unit, const double *other, const double *library)
{
  struct result result = { .operation = operation,
                           .versus = "hand-written",
                           .unit = unit,
                           .other = middle(other),
                           .library = middle(library) };

  if (unit != UNIT_SHARE && result.other > 0)
    result.ratio = result.library / result.other;
  report_add(&result);
}

static bool run_rounds(const struct bench *bench, const char *path, struct score *scores)
{
  double length = bench->quick ? 0.5 : 2;
  double rates[2][ROUNDS];
  double shares[2][ROUNDS];
  double waits[2][ROUNDS];

  for (int round = 0; round < ROUNDS; round++)
    for (int library = 0; library < 2; library++) {
      struct outcome outcome;

      progress_show(rate_name, round * 2 + library, ROUNDS * 2);
      if (!run_round(path, library == 1, length, scores, &outcome))
        return false;
      rates[library][round] = outcome.rate;
      shares[library][round] = outcome.share;
      waits[library][round] = outcome.longest;
    }
  add(rate_name, UNIT_PER_SECOND, rates[0], rates[1]);
  add(share_name, UNIT_SHARE, shares[0], shares[1]);
  add(wait_name, UNIT_SECONDS, waits[0], waits[1]);
  return true;
}

bool bench_processes(const struct bench *bench)
{
  char path[PATH_BYTES];
  connector_store *store = NULL;
  struct score *scores = NULL;
  bool good = false;

  if (!bench_wants(bench, rate_name) && !bench_wants(bench, share_name) &&
      !bench_wants(bench, wait_name))
    return true;
  if (!store_path(path, bench->directory, "bench-processes.db"))
    return false;
  store_remove(path);
  store = library_open(path);
  connector_close(store);
  scores = mmap(NULL, PROCESSES * sizeof(*scores), PROT_READ | PROT_WRITE,
                MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (store != NULL && scores != MAP_FAILED)
    good = run_rounds(bench, path, scores);
  if (scores != MAP_FAILED)
    (void)munmap(scores, PROCESSES * sizeof(*scores));
  store_remove(path);
  return good;
}
