/*
 * Slots in a few regions: the memory's work, whose regions stay writable, and its desk, whose
 * regions are closed but while one of their slots is taken. Used under the lock of the memory.
 */
#ifndef SECRET_ZONE_H
#define SECRET_ZONE_H

#include "secret/memory.h"
#include "secret/region.h"

struct secret_zone {
  struct secret_memory *memory;          /* that has it */
  struct secret_memory_figures *figures; /* the memory's */
  struct secret_region *regions;         /* the oldest first, asked first */
  unsigned first_order;                  /* of its first region */
  bool closes;
  bool strict;
};

/* Counts a region in, or out. */
void zone_count(struct secret_memory_figures *figures, const struct secret_region *region,
                bool more);

/* Makes one more region, for a slot of this order; NO_MEMORY. */
connector_status zone_grow(struct secret_zone *zone, unsigned order, struct secret_region **out,
                           connector_error *error);

/* Takes a slot of `length` zero bytes; NO_MEMORY. */
connector_status zone_take(struct secret_zone *zone, size_t length, struct secret_work *out,
                           connector_error *error);

/* Gives a wiped one back. */
void zone_give(const struct secret_work *work);

/* Unmaps all. */
void zone_free(struct secret_zone *zone);

#endif
