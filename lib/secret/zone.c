/*
 * Zones: which region a slot comes from, and when regions are made, opened, closed and unmapped. A
 * free slot is all zero; a large one has a region of its own.
 */
#include "secret/zone.h"

#include "base/status.h"

enum {
  REGION_MOST = 13, /* the order of the largest region, 256 KiB: a zone has few even so */
  SHARED_MOST = 11  /* of the largest slot that shares one */
};

/* ---- regions ---- */

void zone_count(struct secret_memory_figures *figures, const struct secret_region *region,
                bool more)
{
  size_t *bytes = region->locked ? &figures->locked : &figures->unlocked;

  *bytes = more ? *bytes + region->size : *bytes - region->size;
  figures->regions = more ? figures->regions + 1 : figures->regions - 1;
}

/* Puts a new region behind the others. */
static void add(struct secret_zone *zone, struct secret_region *region)
{
  struct secret_region **at = &zone->regions;

  while (*at != NULL)
    at = &(*at)->after;
  *at = region;
  region->zone = zone;
  zone_count(zone->figures, region, true);
}

static void drop(struct secret_zone *zone, struct secret_region *region)
{
  struct secret_region **at = &zone->regions;

  while (*at != region)
    at = &(*at)->after;
  *at = region->after;
  zone_count(zone->figures, region, false);
  region_free(region);
}

static connector_status make(struct secret_zone *zone, size_t size, bool shared,
                             struct secret_region **out, connector_error *error)
{
  struct secret_region *region = NULL;
  connector_status status = region_new(size, shared, zone->strict, &region, error);

  if (status == CONNECTOR_OK && !zone->closes)
    status = region_protect(region, PAGES_WRITABLE, error);
  if (status != CONNECTOR_OK) {
    region_free(region);
    return status;
  }
  add(zone, region);
  *out = region;
  return CONNECTOR_OK;
}

/* Each is of twice the size of the largest one that is there. */
connector_status zone_grow(struct secret_zone *zone, unsigned order, struct secret_region **out,
                           connector_error *error)
{
  unsigned next = zone->first_order;

  for (const struct secret_region *region = zone->regions; region != NULL; region = region->after)
    if (region_is_shared(region) && region->buddy.order >= next)
      next = region->buddy.order + 1;
  if (next > REGION_MOST)
    next = REGION_MOST;
  return make(zone, buddy_size(order > next ? order : next), true, out, error);
}

/* One shared region without slots stays, so that taking and giving one slot maps nothing: the
 * smaller one of two, for opening costs by the page. */
static void retire(struct secret_zone *zone, struct secret_region *region)
{
  struct secret_region *other = zone->regions;

  if (!region_is_shared(region)) {
    drop(zone, region);
    return;
  }
  while (other != NULL && (other == region || !region_is_shared(other) || other->slots > 0))
    other = other->after;
  if (other != NULL)
    drop(zone, other->size > region->size ? other : region);
}

/* ---- slots ---- */

static struct secret_region *region_with(const struct secret_zone *zone, unsigned order)
{
  struct secret_region *region = zone->regions;

  while (region != NULL && !(region_is_shared(region) && buddy_has(&region->buddy, order)))
    region = region->after;
  return region;
}

/* The region for a new slot, in which nothing is taken yet. */
static connector_status choose(struct secret_zone *zone, size_t length, struct secret_region **out,
                               connector_error *error)
{
  if (length > buddy_size(SHARED_MOST))
    return make(zone, length, false, out, error);
  *out = region_with(zone, buddy_order(length));
  return *out != NULL ? CONNECTOR_OK : zone_grow(zone, buddy_order(length), out, error);
}

connector_status zone_take(struct secret_zone *zone, size_t length, struct secret_work *out,
                           connector_error *error)
{
  struct secret_region *region = NULL;
  connector_status status = CONNECTOR_OK;
  size_t offset = 0;

  if (length > UINT32_MAX)
    return error_no_memory(error);
  status = choose(zone, length, &region, error);
  if (status != CONNECTOR_OK)
    return status;
  if (zone->closes && region->slots == 0)
    status = region_protect(region, PAGES_WRITABLE, error);
  if (status != CONNECTOR_OK) {
    retire(zone, region);
    return status;
  }
  if (region_is_shared(region))
    offset = buddy_take(&region->buddy, buddy_order(length));
  region->slots++;
  zone->figures->slots++;
  *out = (struct secret_work){ region, (uint32_t)offset, (uint32_t)length, region->pages + offset };
  return CONNECTOR_OK;
}

/* Closing can't be refused for want of anything. */
void zone_give(const struct secret_work *work)
{
  struct secret_region *region = work->region;
  struct secret_zone *zone = region->zone;

  if (region_is_shared(region))
    buddy_give(&region->buddy, work->offset, buddy_order(work->length));
  region->slots--;
  zone->figures->slots--;
  if (region->slots > 0)
    return;
  if (zone->closes)
    (void)region_protect(region, PAGES_CLOSED, NULL);
  retire(zone, region);
}

void zone_free(struct secret_zone *zone)
{
  while (zone->regions != NULL)
    drop(zone, zone->regions);
}
