/*
 * What the benchmark says: progress on stderr, the table on stdout, and a JSON file at the end.
 */
#ifndef BENCH_REPORT_H
#define BENCH_REPORT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How a limit is meant. */
enum limit_kind {
  LIMIT_NONE,
  LIMIT_AT_MOST, /* the ratio is the library's figure over the other's */
  LIMIT_AT_LEAST /* how many times faster the library is */
};

enum unit { UNIT_SECONDS, UNIT_PER_SECOND, UNIT_BYTES, UNIT_SHARE };

/* One line of the table. Text is static. */
struct result {
  const char *operation;
  const char *versus; /* what the library is held against */
  enum unit unit;
  double other; /* medians, for one operation; 0 where there is nothing to compare with */
  double library;
  double ratio; /* median of the rounds' ratios */
  double ratio_least;
  double ratio_most;
  double ratio_low; /* with `confidence` the median lies between; 0 where that is not asked for */
  double ratio_high;
  double confidence;
  double limit;
  enum limit_kind limit_kind;
  size_t rounds;
  size_t calls; /* of each side in a round */
};

/* Figures about the run as a whole. */
struct run_facts {
  bool quick;
  int64_t records;
};

/* Shows what is being done, over the line before on a terminal; at most four times a second.
 * `total` is 0 where it is not known. */
void progress_show(const char *what, int64_t done, int64_t total);
void progress_clear(void);

/* Whether something went wrong is for the caller to return: this only says so. */
#if defined(__GNUC__)
__attribute__((format(printf, 1, 2)))
#endif
void complain(const char *format, ...);

/* Prints the heading once, then a line; keeps the result for the file. */
void report_add(const struct result *result);

/* The kept results as JSON. */
bool report_write(const char *path, const struct run_facts *facts);

#endif
