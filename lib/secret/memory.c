/*
 * Slots in regions. A free slot is all zero; a large one has a region of its own. Everything but
 * the bytes is kept in ordinary memory, under one mutex.
 */
#include "secret/memory.h"

#include "base/status.h"
#include "secret/region.h"

#include <errno.h>
#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  REGION_FIRST = 11, /* the order of the first region: 64 KiB */
  REGION_MOST = 13,  /* 256 KiB: opening costs by the page, a region up to three mappings of the
                        65,530 that Linux allows by default, which is gigabytes of secrets */
  SHARED_MOST = 11   /* the order of the largest slot that shares a region */
};

struct secret_memory {
  pthread_mutex_t lock; /* of all below it, and of the regions */
  struct secret_region *regions;
  struct secret_region *last; /* one that was just used, asked first; may be NULL */
  unsigned next_order;
  struct secret_memory_figures figures;

  atomic_size_t references;
  pid_t process; /* that made it */
  bool strict;
};

/* ---- regions ---- */

static void count_region(struct secret_region *region, bool more)
{
  struct secret_memory_figures *figures = &region->memory->figures;
  size_t *bytes = region->locked ? &figures->locked : &figures->unlocked;

  *bytes = more ? *bytes + region->size : *bytes - region->size;
  figures->regions = more ? figures->regions + 1 : figures->regions - 1;
}

static void region_add(struct secret_memory *memory, struct secret_region *region)
{
  region->memory = memory;
  region->after = memory->regions;
  if (region->after != NULL)
    region->after->before = region;
  memory->regions = region;
  count_region(region, true);
}

static void region_remove(struct secret_region *region)
{
  struct secret_memory *memory = region->memory;

  if (region->after != NULL)
    region->after->before = region->before;
  if (region->before != NULL)
    region->before->after = region->after;
  else
    memory->regions = region->after;
  if (memory->last == region)
    memory->last = NULL;
  count_region(region, false);
  region_free(region);
}

/* One shared region without slots stays, so that taking and giving one slot maps nothing. */
static void region_retire(struct secret_region *region)
{
  if (region->slots > 0)
    return;
  if (!region_is_shared(region)) {
    region_remove(region);
    return;
  }
  for (struct secret_region *other = region->memory->regions; other != NULL; other = other->after)
    if (other != region && region_is_shared(other) && other->slots == 0) {
      region_remove(other->size < region->size ? other : region);
      return;
    }
}

/* ---- the whole ---- */

/* The next shared region, of twice the size of the last one. */
static connector_status grow(struct secret_memory *memory, connector_error *error)
{
  struct secret_region *region = NULL;
  connector_status status = region_new(buddy_size(memory->next_order), true, memory->strict,
                                       &region, error);

  if (status != CONNECTOR_OK)
    return status;
  region_add(memory, region);
  memory->last = region;
  if (memory->next_order < REGION_MOST)
    memory->next_order++;
  return CONNECTOR_OK;
}

connector_status secret_memory_new(bool strict, struct secret_memory **out, connector_error *error)
{
  struct secret_memory *memory = calloc(1, sizeof(*memory));
  connector_status status = CONNECTOR_OK;

  if (memory == NULL)
    return error_no_memory(error);
  if (pthread_mutex_init(&memory->lock, NULL) != 0) {
    free(memory);
    return error_no_memory(error);
  }
  atomic_init(&memory->references, 1);
  memory->process = getpid();
  memory->strict = strict;
  memory->next_order = REGION_FIRST;
  if (strict)
    status = grow(memory, error);
  if (status != CONNECTOR_OK) {
    secret_memory_release(memory);
    return status;
  }
  *out = memory;
  return error_clear(error);
}

struct secret_memory *secret_memory_share(struct secret_memory *memory)
{
  atomic_fetch_add(&memory->references, 1);
  return memory;
}

/* In a child of fork() the lock may be held by a thread that is not there: nothing is touched. */
void secret_memory_release(struct secret_memory *memory)
{
  if (memory == NULL || memory->process != getpid() || atomic_fetch_sub(&memory->references, 1) > 1)
    return;
  while (memory->regions != NULL) {
    struct secret_region *region = memory->regions;

    /* Slots were wiped as they were given; one is left only where its pages could not be opened. */
    if (region->slots > 0 && region_open(region, true))
      sodium_memzero(region->pages, region->size);
    region_remove(region);
  }
  pthread_mutex_destroy(&memory->lock);
  free(memory);
}

connector_status secret_memory_check(const struct secret_memory *memory, connector_error *error)
{
  if (memory->process == getpid())
    return CONNECTOR_OK;
  return error_set(error, CONNECTOR_MISUSE, NULL, "secrets do not pass to a child of fork()");
}

void secret_memory_figures(struct secret_memory *memory, struct secret_memory_figures *figures)
{
  *figures = (struct secret_memory_figures){ 0 };
  if (memory->process != getpid())
    return;
  pthread_mutex_lock(&memory->lock);
  *figures = memory->figures;
  pthread_mutex_unlock(&memory->lock);
}

/* ---- slots ---- */

static struct secret_region *region_with(struct secret_memory *memory, unsigned order)
{
  struct secret_region *region = memory->last;

  if (region != NULL && region_is_shared(region) && buddy_has(&region->buddy, order))
    return region;
  for (region = memory->regions; region != NULL; region = region->after)
    if (region_is_shared(region) && buddy_has(&region->buddy, order))
      return region;
  return NULL;
}

static connector_status take_shared(struct secret_memory *memory, size_t length,
                                    struct secret_slot *out, connector_error *error)
{
  unsigned order = buddy_order(length);
  struct secret_region *region = region_with(memory, order);

  if (region == NULL) {
    connector_status status = grow(memory, error);

    if (status != CONNECTOR_OK)
      return status;
    region = memory->last;
  }
  memory->last = region;
  out->region = region;
  out->offset = (uint32_t)buddy_take(&region->buddy, order);
  return CONNECTOR_OK;
}

static connector_status take_alone(struct secret_memory *memory, size_t length,
                                   struct secret_slot *out, connector_error *error)
{
  connector_status status = region_new(length, false, memory->strict, &out->region, error);

  if (status == CONNECTOR_OK)
    region_add(memory, out->region);
  out->offset = 0;
  return status;
}

connector_status secret_slot_take(struct secret_memory *memory, size_t length,
                                  struct secret_slot *out, connector_error *error)
{
  struct secret_slot slot = { NULL, 0, (uint32_t)length };
  connector_status status = secret_memory_check(memory, error);

  if (status != CONNECTOR_OK)
    return status;
  if (length > UINT32_MAX)
    return error_no_memory(error);
  if (length > 0) {
    pthread_mutex_lock(&memory->lock);
    status = length <= buddy_size(SHARED_MOST) ? take_shared(memory, length, &slot, error)
                                               : take_alone(memory, length, &slot, error);
    if (status == CONNECTOR_OK) {
      slot.region->slots++;
      memory->figures.slots++;
    }
    pthread_mutex_unlock(&memory->lock);
  }
  if (status == CONNECTOR_OK)
    *out = slot;
  return status;
}

/* Opens a slot for one more reader or writer, and hands out its bytes. */
static connector_status slot_open(const struct secret_slot *slot, bool write, char **bytes,
                                  connector_error *error)
{
  struct secret_region *region = slot->region;
  connector_status status = secret_memory_check(region->memory, error);
  bool opened = false;
  int code = 0;

  if (status != CONNECTOR_OK)
    return status;
  pthread_mutex_lock(&region->memory->lock);
  opened = region_open(region, write);
  code = errno;
  pthread_mutex_unlock(&region->memory->lock);
  if (opened) {
    *bytes = region->pages + slot->offset;
    return CONNECTOR_OK;
  }
  status = error_set(error, CONNECTOR_NO_MEMORY, NULL, "memory for secrets can't be opened");
  if (error != NULL)
    error->os_code = code;
  return status;
}

static void slot_close(const struct secret_slot *slot, bool write)
{
  struct secret_region *region = slot->region;

  if (region == NULL || secret_memory_check(region->memory, NULL) != CONNECTOR_OK)
    return;
  pthread_mutex_lock(&region->memory->lock);
  region_close(region, write);
  pthread_mutex_unlock(&region->memory->lock);
}

connector_status secret_slot_read(const struct secret_slot *slot, const char **bytes,
                                  connector_error *error)
{
  char *opened = NULL;
  connector_status status = CONNECTOR_OK;

  if (slot->region != NULL)
    status = slot_open(slot, false, &opened, error);
  if (status == CONNECTOR_OK)
    *bytes = opened != NULL ? opened : "";
  return status;
}

connector_status secret_slot_write(const struct secret_slot *slot, char **bytes,
                                   connector_error *error)
{
  *bytes = NULL;
  return slot->region != NULL ? slot_open(slot, true, bytes, error) : CONNECTOR_OK;
}

void secret_slot_read_done(const struct secret_slot *slot)
{
  slot_close(slot, false);
}

void secret_slot_write_done(const struct secret_slot *slot)
{
  slot_close(slot, true);
}

/* Closes a wiped slot and makes it free. */
static void slot_drop(struct secret_slot *slot)
{
  struct secret_region *region = slot->region;

  if (region_is_shared(region))
    buddy_give(&region->buddy, slot->offset, buddy_order(slot->length));
  region->slots--;
  region->memory->figures.slots--;
  region->memory->last = region;
  region_close(region, true);
  region_retire(region);
}

/* All are opened before the first is closed, so that each region is opened and closed once. A slot
 * whose pages can't be opened stays taken: it is not handed out again unwiped. */
void secret_slots_give(struct secret_slot *const *slots, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    char *bytes = NULL;

    if (secret_slot_write(slots[i], &bytes, NULL) != CONNECTOR_OK)
      *slots[i] = (struct secret_slot){ 0 };
    else if (bytes != NULL)
      sodium_memzero(bytes, slots[i]->length);
  }
  for (size_t i = 0; i < count; i++) {
    if (slots[i]->region != NULL) {
      struct secret_memory *memory = slots[i]->region->memory;

      pthread_mutex_lock(&memory->lock);
      slot_drop(slots[i]);
      pthread_mutex_unlock(&memory->lock);
    }
    *slots[i] = (struct secret_slot){ 0 };
  }
}

void secret_slot_give(struct secret_slot *slot)
{
  secret_slots_give(&slot, 1);
}

/* Volatile, or else the compiler would make a memcpy() of it. */
void secret_bytes_copy(char *to, const char *from, size_t length)
{
  const volatile char *source = from;
  volatile char *target = to;

  for (size_t i = 0; i < length; i++)
    target[i] = source[i];
}
