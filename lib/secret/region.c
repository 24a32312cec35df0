/*
 * Regions: pages, what is free in them, and who has them open.
 */
#include "secret/region.h"

#include "base/status.h"

#include <stdlib.h>

static connector_status cannot_lock(int code, connector_error *error)
{
  connector_status status = error_set(error, CONNECTOR_NO_MEMORY, NULL,
                                      "memory for secrets can't be locked: raise the limit on "
                                      "locked memory (RLIMIT_MEMLOCK)");

  if (error != NULL)
    error->os_code = code;
  return status;
}

connector_status region_new(size_t size, bool shared, bool strict, struct secret_region **out,
                            connector_error *error)
{
  struct secret_region *region = calloc(1, sizeof(*region));
  int lock_error = 0;

  if (region == NULL)
    return error_no_memory(error);
  region->size = pages_round(size);
  if (region->size > 0 && (!shared || buddy_init(&region->buddy, buddy_order(size))))
    region->pages = pages_map(region->size, &lock_error);
  if (region->pages == NULL || (lock_error != 0 && strict)) {
    bool unlocked = region->pages != NULL;

    region_free(region);
    return unlocked ? cannot_lock(lock_error, error) : error_no_memory(error);
  }
  region->locked = lock_error == 0;
  *out = region;
  return CONNECTOR_OK;
}

void region_free(struct secret_region *region)
{
  if (region->pages != NULL)
    pages_unmap(region->pages, region->size);
  buddy_free(&region->buddy);
  free(region);
}

/* Makes the pages as accessible as their readers and writers need them. */
static bool settle(struct secret_region *region)
{
  enum pages_access access = region->writers > 0   ? PAGES_WRITABLE
                             : region->readers > 0 ? PAGES_READABLE
                                                   : PAGES_CLOSED;

  if (region->access == access)
    return true;
  if (!pages_protect(region->pages, region->size, access))
    return false;
  region->access = access;
  return true;
}

static size_t *users_of(struct secret_region *region, bool write)
{
  return write ? &region->writers : &region->readers;
}

bool region_open(struct secret_region *region, bool write)
{
  size_t *users = users_of(region, write);

  ++*users;
  if (settle(region))
    return true;
  --*users;
  return false;
}

/* Closing can't be refused for want of anything; if it were, the next call would try again. */
void region_close(struct secret_region *region, bool write)
{
  --*users_of(region, write);
  (void)settle(region);
}
