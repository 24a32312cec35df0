/*
 * The table behind utf8_fold(), printed by docs/generate/casefold.
 */
#ifndef BASE_FOLD_H
#define BASE_FOLD_H

#include <stddef.h>
#include <stdint.h>

/* Each `stride`th character from `first` to `last` folds to itself plus `delta`. */
struct fold_range {
  uint32_t first;
  uint32_t last;
  int32_t delta;
  uint32_t stride; /* 1 or 2 */
};

/* Ascending, without overlaps. */
extern const struct fold_range fold_ranges[];
extern const size_t fold_range_count;

#endif
