/*
 * Runs a contest: a first turn to warm up and to find how many calls make a turn long enough, then
 * rounds of short turns by either side, who goes first changing each time, and medians.
 */
#include "contest.h"

#include <stdlib.h>
#include <time.h>

enum { TURNS = 8 };

struct times {
  double other[CONTEST_ROUNDS_MOST];
  double library[CONTEST_ROUNDS_MOST];
  double ratio[CONTEST_ROUNDS_MOST];
};

static double seconds(void)
{
  struct timespec now = { 0 };

  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static bool take_turn(const struct contest *contest, contest_fn side, void *context, size_t calls,
                      double *sum)
{
  double start = seconds();
  bool good = side(context, calls);

  *sum += seconds() - start;
  if (contest->tidy != NULL)
    contest->tidy(context);
  return good;
}

/* Doubles the calls of a turn until the quicker side takes its share of a round. */
static bool find_calls(const struct contest *contest, double turn_seconds, void *context,
                       size_t *calls)
{
  size_t most = contest->calls_most != 0 ? contest->calls_most : SIZE_MAX / 4;

  for (*calls = contest->calls_least != 0 ? contest->calls_least : 1;; *calls *= 2) {
    double other = 0;
    double library = 0;
    double quicker = 0;

    if (!take_turn(contest, contest->other, context, *calls, &other) ||
        !take_turn(contest, contest->library, context, *calls, &library))
      return false;
    quicker = other < library ? other : library;
    if (quicker >= turn_seconds / 2)
      *calls = (size_t)((double)*calls * turn_seconds / quicker) + 1;
    if (*calls >= most)
      *calls = most;
    if (quicker >= turn_seconds / 2 || *calls == most)
      return true;
  }
}

static bool run_round(const struct contest *contest, size_t round, size_t turns, size_t calls,
                      void *context, struct times *times)
{
  for (size_t turn = 0; turn < turns; turn++) {
    bool library_first = ((round + turn) & 1) != 0;

    if (library_first &&
        !take_turn(contest, contest->library, context, calls, &times->library[round]))
      return false;
    if (!take_turn(contest, contest->other, context, calls, &times->other[round]))
      return false;
    if (!library_first &&
        !take_turn(contest, contest->library, context, calls, &times->library[round]))
      return false;
  }
  times->ratio[round] = contest->limit_kind == LIMIT_AT_LEAST
                            ? times->other[round] / times->library[round]
                            : times->library[round] / times->other[round];
  return true;
}

static int compare(const void *a, const void *b)
{
  double left = *(const double *)a;
  double right = *(const double *)b;

  return (left > right) - (left < right);
}

static double median(double *values, size_t count)
{
  qsort(values, count, sizeof(*values), compare);
  return count % 2 != 0 ? values[count / 2] : (values[count / 2 - 1] + values[count / 2]) / 2;
}

/* The narrowest of the sorted rounds' ratios that hold the median of all such rounds with 99 %: it
 * is above each of them with a chance of one half, so how many it is above follows the binomial. */
static void set_bounds(const double *sorted, size_t rounds, struct result *result)
{
  double chance = 1;
  double sum = 0;
  size_t outside = 0;

  for (size_t i = 0; i < rounds; i++)
    chance /= 2;
  while (outside == 0 || sum + chance <= 0.005) {
    sum += chance;
    chance *= (double)(rounds - outside) / (double)(outside + 1);
    outside++;
  }
  result->confidence = 1 - 2 * sum;
  result->ratio_low = sorted[outside - 1];
  result->ratio_high = sorted[rounds - outside];
}

static void report(const struct contest *contest, struct times *times, size_t rounds, size_t calls)
{
  double operations = (double)calls * (double)(contest->per_call != 0 ? contest->per_call : 1);
  struct result result = {
    .operation = contest->operation,
    .versus = contest->versus,
    .unit = contest->throughput ? UNIT_PER_SECOND : UNIT_SECONDS,
    .other = median(times->other, rounds) / operations,
    .library = median(times->library, rounds) / operations,
    .ratio = median(times->ratio, rounds),
    .ratio_least = times->ratio[0],
    .ratio_most = times->ratio[rounds - 1],
    .limit = contest->limit,
    .limit_kind = contest->limit_kind,
    .rounds = rounds,
    .calls = calls,
  };

  if (contest->throughput) {
    result.other = 1 / result.other;
    result.library = 1 / result.library;
  }
  if (contest->bounds)
    set_bounds(times->ratio, rounds, &result);
  report_add(&result);
}

bool contest_run(const struct contest *contest, const struct contest_options *options,
                 void *context)
{
  static struct times times;
  static const struct times none;
  size_t turns = contest->turns != 0 ? contest->turns : TURNS;
  size_t calls = 0;

  times = none;
  progress_show(contest->operation, 0, 0);
  if (!find_calls(contest, options->round_seconds / (double)turns, context, &calls)) {
    complain("%s: failed", contest->operation);
    return false;
  }
  for (size_t round = 0; round < options->rounds; round++) {
    progress_show(contest->operation, (int64_t)round, (int64_t)options->rounds);
    if (!run_round(contest, round, turns, calls, context, &times)) {
      complain("%s: failed", contest->operation);
      return false;
    }
  }
  if (contest->check != NULL && !contest->check(context)) {
    complain("%s: the two sides did not do the same", contest->operation);
    return false;
  }
  report(contest, &times, options->rounds, calls * turns);
  return true;
}
