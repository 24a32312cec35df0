/*
 * The memory of a store's secrets: the key of their cells, and two zones of guarded slots. What is
 * free in the zones is kept in ordinary memory, under one mutex.
 */
#include "secret/memory.h"

#include "base/status.h"
#include "secret/zone.h"

#include <pthread.h>
#include <sodium.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

enum {
  WORK_FIRST = 9, /* the order of the first region for work, 16 KiB */
  DESK_FIRST = 0  /* of the desk's, a page: opening and closing cost by the page */
};

struct secret_memory {
  pthread_mutex_t lock; /* of the zones and figures, and of joining a key that is in pages */
  struct secret_zone work;
  struct secret_zone desk;
  struct secret_memory_figures figures;

  struct secret_halves halves;
  atomic_uint_least64_t count;
  atomic_size_t references;
  pid_t process; /* that made it */
};

/* ---- the whole ---- */

static void init_zones(struct secret_memory *memory, bool strict)
{
  memory->work = (struct secret_zone){ memory, &memory->figures, NULL, WORK_FIRST, false, strict };
  memory->desk = (struct secret_zone){ memory, &memory->figures, NULL, DESK_FIRST, true, strict };
}

static connector_status make_key(struct secret_memory *memory, bool strict,
                                 enum secret_key_place place, connector_error *error)
{
  connector_status status = secret_halves_make(&memory->halves, place, strict, error);

  if (status != CONNECTOR_OK)
    return status;
  zone_count(&memory->figures, memory->halves.first, true);
  if (memory->halves.second != NULL)
    zone_count(&memory->figures, memory->halves.second, true);
  return CONNECTOR_OK;
}

/* With `strict` each zone shows that it can lock. */
static connector_status make_zones(struct secret_memory *memory, bool strict,
                                   connector_error *error)
{
  struct secret_region *region = NULL;
  connector_status status = CONNECTOR_OK;

  init_zones(memory, strict);
  if (strict)
    status = zone_grow(&memory->work, 0, &region, error);
  if (strict && status == CONNECTOR_OK)
    status = zone_grow(&memory->desk, 0, &region, error);
  return status;
}

connector_status secret_memory_make(bool strict, enum secret_key_place place,
                                    struct secret_memory **out, connector_error *error)
{
  struct secret_memory *memory = calloc(1, sizeof(*memory));
  connector_status status = CONNECTOR_OK;

  if (memory == NULL)
    return error_no_memory(error);
  if (sodium_init() < 0 || pthread_mutex_init(&memory->lock, NULL) != 0) {
    free(memory);
    return error_no_memory(error);
  }
  atomic_init(&memory->references, 1);
  atomic_init(&memory->count, 0);
  memory->process = getpid();
  status = make_key(memory, strict, place, error);
  if (status == CONNECTOR_OK)
    status = make_zones(memory, strict, error);
  if (status != CONNECTOR_OK) {
    secret_memory_release(memory);
    return status;
  }
  *out = memory;
  return error_clear(error);
}

connector_status secret_memory_new(bool strict, struct secret_memory **out, connector_error *error)
{
  return secret_memory_make(strict, SECRET_KEY_IN_FILE, out, error);
}

struct secret_memory *secret_memory_share(struct secret_memory *memory)
{
  atomic_fetch_add(&memory->references, 1);
  return memory;
}

/* Asked for at every step: where the first half's page is empty in a child, that is a look at it
 * and no system call. */
static bool is_child(const struct secret_memory *memory)
{
  const struct secret_halves *halves = &memory->halves;

  if (halves->first == NULL || halves->first->inherited)
    return memory->process != getpid();
  return !secret_halves_are_here(halves);
}

/* In a child of fork() the lock may be held by a thread that is not there: nothing is touched. */
void secret_memory_release(struct secret_memory *memory)
{
  if (memory == NULL || is_child(memory) || atomic_fetch_sub(&memory->references, 1) > 1)
    return;
  zone_free(&memory->work); /* their slots were wiped as they were given */
  zone_free(&memory->desk);
  secret_halves_free(&memory->halves);
  pthread_mutex_destroy(&memory->lock);
  free(memory);
}

connector_status secret_memory_check(const struct secret_memory *memory, connector_error *error)
{
  if (!is_child(memory))
    return CONNECTOR_OK;
  return error_set(error, CONNECTOR_MISUSE, NULL, "secrets do not pass to a child of fork()");
}

void secret_memory_figures(struct secret_memory *memory, struct secret_memory_figures *figures)
{
  *figures = (struct secret_memory_figures){ 0 };
  if (is_child(memory))
    return;
  pthread_mutex_lock(&memory->lock);
  *figures = memory->figures;
  pthread_mutex_unlock(&memory->lock);
}

uint64_t secret_memory_count(struct secret_memory *memory)
{
  return atomic_fetch_add(&memory->count, 1);
}

/* ---- guarded bytes ---- */

static connector_status take(struct secret_memory *memory, struct secret_zone *zone, size_t length,
                             struct secret_work *out, connector_error *error)
{
  connector_status status = secret_memory_check(memory, error);

  if (status != CONNECTOR_OK)
    return status;
  pthread_mutex_lock(&memory->lock);
  status = zone_take(zone, length, out, error);
  pthread_mutex_unlock(&memory->lock);
  return status;
}

connector_status secret_work_take(struct secret_memory *memory, size_t length,
                                  struct secret_work *out, connector_error *error)
{
  return take(memory, &memory->work, length, out, error);
}

connector_status secret_desk_take(struct secret_memory *memory, size_t length,
                                  struct secret_work *out, connector_error *error)
{
  return take(memory, &memory->desk, length, out, error);
}

void secret_work_give(struct secret_work *work)
{
  struct secret_memory *memory = work->region != NULL ? work->region->zone->memory : NULL;

  if (memory != NULL && !is_child(memory)) {
    sodium_memzero(work->bytes, work->length);
    pthread_mutex_lock(&memory->lock);
    zone_give(work);
    pthread_mutex_unlock(&memory->lock);
  }
  *work = (struct secret_work){ 0 };
}

/* A key in pages is joined by one thread at a time, or else one would close what another reads. */
connector_status secret_memory_join(struct secret_memory *memory, void *key, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (memory->halves.second == NULL)
    return secret_halves_join(&memory->halves, key, error);
  pthread_mutex_lock(&memory->lock);
  status = secret_halves_join(&memory->halves, key, error);
  pthread_mutex_unlock(&memory->lock);
  return status;
}

/* Volatile, or else the compiler would make a memcpy() of it. */
void secret_bytes_copy(char *to, const char *from, size_t length)
{
  const volatile char *source = from;
  volatile char *target = to;

  for (size_t i = 0; i < length; i++)
    target[i] = source[i];
}
