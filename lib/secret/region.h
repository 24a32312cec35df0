/*
 * A region of guarded pages for slots, or for half of a key. Who may use it when is the concern of
 * the zone or the key that has it.
 */
#ifndef SECRET_REGION_H
#define SECRET_REGION_H

#include "secret/buddy.h"
#include "secret/pages.h"

#include <connector/error.h>

struct secret_zone;

struct secret_region {
  struct secret_zone *zone;    /* that has it, or NULL */
  struct secret_region *after; /* in the zone's list */
  char *pages;
  size_t size;
  struct buddy buddy; /* without notes where the region is one whole */
  size_t slots;       /* in use */
  bool locked;        /* in memory */
  bool inherited;     /* a child of fork() finds what is in it */
};

/* Maps one of at least `size` bytes, all zero and PAGES_CLOSED, that is in no list: `shared` for
 * many slots, else as one whole. With `strict`, NO_MEMORY also where it can't be locked. */
connector_status region_new(size_t size, bool shared, bool strict, struct secret_region **out,
                            connector_error *error);

/* Unmaps it; NULL is passed over. */
void region_free(struct secret_region *region);

static inline bool region_is_shared(const struct secret_region *region)
{
  return region->buddy.longest != NULL;
}

/* Makes it as accessible as asked for. NO_MEMORY where the system refuses. */
connector_status region_protect(const struct secret_region *region, enum pages_access access,
                                connector_error *error);

#endif
