/*
 * Regions: guarded pages, and what is free in them.
 */
#include "secret/region.h"

#include "base/status.h"

#include <errno.h>
#include <stdlib.h>

/* NO_MEMORY, with the system's own code. */
static connector_status no_pages(const char *message, int code, connector_error *error)
{
  connector_status status = error_set(error, CONNECTOR_NO_MEMORY, NULL, "%s", message);

  if (error != NULL)
    error->os_code = code;
  return status;
}

connector_status region_new(size_t size, bool shared, bool strict, struct secret_region **out,
                            connector_error *error)
{
  struct secret_region *region = calloc(1, sizeof(*region));
  struct pages_lack lack = { 0, false };

  if (region == NULL)
    return error_no_memory(error);
  region->size = pages_round(size);
  if (region->size > 0 && (!shared || buddy_init(&region->buddy, buddy_order(region->size))))
    region->pages = pages_map(region->size, &lack);
  if (region->pages == NULL || (lack.lock_error != 0 && strict)) {
    bool unlocked = region->pages != NULL;

    region_free(region);
    return unlocked ? no_pages("memory for secrets can't be locked: raise the limit on locked "
                               "memory (RLIMIT_MEMLOCK)",
                               lack.lock_error, error)
                    : error_no_memory(error);
  }
  region->locked = lack.lock_error == 0;
  region->inherited = lack.inherited;
  *out = region;
  return CONNECTOR_OK;
}

void region_free(struct secret_region *region)
{
  if (region == NULL)
    return;
  if (region->pages != NULL)
    pages_unmap(region->pages, region->size);
  buddy_free(&region->buddy);
  free(region);
}

connector_status region_protect(const struct secret_region *region, enum pages_access access,
                                connector_error *error)
{
  if (pages_protect(region->pages, region->size, access))
    return CONNECTOR_OK;
  return no_pages("memory for secrets can't be opened", errno, error);
}
