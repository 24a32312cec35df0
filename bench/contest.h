/*
 * A contest: two sides do the same work in the same run, by turns, and their times are compared.
 */
#ifndef BENCH_CONTEST_H
#define BENCH_CONTEST_H

#include "report.h"

/* Does the work `calls` times; false ends the benchmark. */
typedef bool (*contest_fn)(void *context, size_t calls);

struct contest {
  const char *operation;
  const char *versus;
  contest_fn other;
  contest_fn library;
  void (*tidy)(void *context);  /* after each turn, not timed; may be NULL */
  bool (*check)(void *context); /* at the end: both sides did the same; may be NULL */
  size_t per_call;              /* operations in a call, 0 = 1; the times are for one */
  size_t turns;                 /* of a side in a round, 0 = 8 */
  size_t calls_least;           /* in a turn, 0 = 1 */
  size_t calls_most;            /* in a turn, 0 = no bound */
  double limit;
  enum limit_kind limit_kind;
  bool bounds;     /* what matters is how sure the ratio is */
  bool throughput; /* shown as operations a second, as those of several threads */
};

struct contest_options {
  size_t rounds;        /* at most CONTEST_ROUNDS_MOST */
  double round_seconds; /* of each side, at least */
};

enum { CONTEST_ROUNDS_MOST = 101 };

bool contest_run(const struct contest *contest, const struct contest_options *options,
                 void *context);

#endif
