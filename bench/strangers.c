/*
 * Contests of ids that a caller can't have: those of others beside ids that never were. The ratio
 * is how much the time tells. The callers have records of their own.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { OWN_RECORDS = 1000, CHANGED = 10 };

struct strangers {
  char path[PATH_BYTES];
  connector_store *tenant; /* another one than the ids' */
  connector_store *app;    /* the ids' tenant, and another app than theirs */
  struct ids theirs;
  struct ids absent;
  uint64_t library_seed;
  uint64_t other_seed;
};

/* ---- what is timed ---- */

static const char *random_of(const struct ids *ids, uint64_t *seed)
{
  return id_at(ids, (size_t)(sample_random(seed) % ids->count));
}

static bool get_none(connector_store *store, const struct ids *ids, uint64_t *seed, size_t calls)
{
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    connector *record = NULL;

    if (connector_get(store, random_of(ids, seed), 0, &record, &error) != CONNECTOR_NOT_FOUND)
      return false;
  }
  return true;
}

static bool update_none(connector_store *store, const struct ids *ids, uint64_t *seed, size_t calls)
{
  const connector_patch patch = { .size = sizeof(patch), .name = "mine" };
  connector_error error;

  for (size_t i = 0; i < calls; i++)
    if (connector_update(store, random_of(ids, seed), 0, &patch, NULL, &error) !=
        CONNECTOR_NOT_FOUND)
      return false;
  return true;
}

static bool tenant_gets_absent(void *context, size_t calls)
{
  struct strangers *strangers = context;

  return get_none(strangers->tenant, &strangers->absent, &strangers->other_seed, calls);
}

static bool tenant_gets_theirs(void *context, size_t calls)
{
  struct strangers *strangers = context;

  return get_none(strangers->tenant, &strangers->theirs, &strangers->library_seed, calls);
}

static bool tenant_updates_absent(void *context, size_t calls)
{
  struct strangers *strangers = context;

  return update_none(strangers->tenant, &strangers->absent, &strangers->other_seed, calls);
}

static bool tenant_updates_theirs(void *context, size_t calls)
{
  struct strangers *strangers = context;

  return update_none(strangers->tenant, &strangers->theirs, &strangers->library_seed, calls);
}

static bool app_gets_absent(void *context, size_t calls)
{
  struct strangers *strangers = context;

  return get_none(strangers->app, &strangers->absent, &strangers->other_seed, calls);
}

static bool app_gets_theirs(void *context, size_t calls)
{
  struct strangers *strangers = context;

  return get_none(strangers->app, &strangers->theirs, &strangers->library_seed, calls);
}

static const struct contest contests[] = {
  { .operation = "get another tenant's id",
    .versus = "an absent id",
    .other = tenant_gets_absent,
    .library = tenant_gets_theirs,
    .bounds = true },
  { .operation = "update another tenant's id",
    .versus = "an absent id",
    .other = tenant_updates_absent,
    .library = tenant_updates_theirs,
    .bounds = true },
  { .operation = "get another app's id",
    .versus = "an absent id",
    .other = app_gets_absent,
    .library = app_gets_theirs,
    .bounds = true },
};

/* ---- what they need ---- */

static void strangers_close(void *context)
{
  struct strangers *strangers = context;

  connector_close(strangers->tenant);
  connector_close(strangers->app);
  free(strangers->theirs.texts);
  free(strangers->absent.texts);
  if (strangers->path[0] != '\0')
    store_remove(strangers->path);
  free(strangers);
}

/* Opens the file as a caller and gives it records of its own. */
static connector_store *open_as(const char *path, const connector_caller *caller)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_store *store = NULL;
  connector_error error;
  struct sample sample;
  bool good = false;

  options.fixed_caller = caller;
  options.durability = CONNECTOR_DURABILITY_NORMAL;
  options.no_history = true;
  good = library_good(connector_open(path, &options, &store, &error), &error);
  for (uint64_t i = 0; good && i < OWN_RECORDS; i++) {
    sample_make(&sample, i);
    sample.patch.scope = CONNECTOR_SCOPE_ORG;
    good = library_good(connector_create(store, &sample.patch, NULL, &error), &error);
  }
  if (good)
    return store;
  connector_close(store);
  return NULL;
}

/* Theirs with other characters at the end: neighbours in every index. */
static bool make_absent(struct strangers *strangers)
{
  static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  size_t bytes = HANDWRITTEN_ID * strangers->theirs.count;
  uint64_t seed = 1;

  strangers->absent.count = strangers->theirs.count;
  strangers->absent.texts = malloc(bytes);
  if (strangers->absent.texts == NULL)
    return false;
  memcpy(strangers->absent.texts, strangers->theirs.texts, bytes);
  for (size_t i = 0; i < strangers->absent.count; i++) {
    char *id = strangers->absent.texts + HANDWRITTEN_ID * i;
    size_t length = strlen(id);

    for (size_t k = length - CHANGED; k < length; k++)
      id[k] = digits[sample_random(&seed) % 32];
  }
  return true;
}

static bool read_theirs(struct strangers *strangers)
{
  struct handwritten *program = handwritten_open(strangers->path, &sample_caller, false);
  bool good = program != NULL && ids_read(&strangers->theirs, program);

  handwritten_close(program);
  return good;
}

static void *strangers_open(struct bench *bench, const struct group *group)
{
  struct strangers *strangers = calloc(1, sizeof(*strangers));
  connector_caller tenant = sample_caller;
  connector_caller app = sample_caller;

  (void)group;
  if (strangers == NULL)
    return NULL;
  tenant.tenant_id = "tnt-another";
  app.app_id = "app-another";
  if (store_path(strangers->path, bench->directory, "strangers.db") &&
      store_copy(bench->small_path, strangers->path) && read_theirs(strangers) &&
      make_absent(strangers) && (strangers->tenant = open_as(strangers->path, &tenant)) != NULL &&
      (strangers->app = open_as(strangers->path, &app)) != NULL)
    return strangers;
  strangers_close(strangers);
  return NULL;
}

const struct group bench_strangers = {
  .contests = contests,
  .count = sizeof(contests) / sizeof(contests[0]),
  .open = strangers_open,
  .close = strangers_close,
};
