/*
 * A region of guarded pages: closed but while its count of readers or writers is above 0. Used
 * under the lock of the memory that has it.
 */
#ifndef SECRET_REGION_H
#define SECRET_REGION_H

#include "secret/buddy.h"
#include "secret/memory.h"
#include "secret/pages.h"

struct secret_region {
  struct secret_memory *memory;         /* that has it */
  struct secret_region *before, *after; /* in the memory's list */
  char *pages;
  size_t size;
  struct buddy buddy; /* without notes where the region is one large slot */
  size_t slots;       /* in use */
  size_t readers;
  size_t writers;
  enum pages_access access;
  bool locked; /* in memory */
};

/* Maps one of at least `size` bytes, all zero and closed, that is in no list: `shared` for many
 * slots, else for one. With `strict`, NO_MEMORY also where it can't be locked. */
connector_status region_new(size_t size, bool shared, bool strict, struct secret_region **out,
                            connector_error *error);

/* Unmaps it. */
void region_free(struct secret_region *region);

static inline bool region_is_shared(const struct secret_region *region)
{
  return region->buddy.longest != NULL;
}

/* Counts one more reader or writer, as `write` says; false, with errno set, where the system
 * refuses to open the pages. */
bool region_open(struct secret_region *region, bool write);
void region_close(struct secret_region *region, bool write);

#endif
