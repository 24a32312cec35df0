/*
 * Counts what each main operation of the public API does, in figures that no other program on the
 * machine can change: statements, allocations, bytes written to the log, syncs, reads, and under
 * callgrind instructions. bench/counts/check runs it and judges.
 */
#include "counts.h"

#include "layers.h"

#include <gnu/libc-version.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>
#include <valgrind/callgrind.h>

static const struct operations *const all[] = {
  &write_operations,   &batch_operations, &read_operations,   &stream_operations,
  &history_operations, &work_operations,  &secret_operations, &file_operations,
};

struct settings {
  bool instructions; /* counted by callgrind, which is told where an operation begins and ends */
  bool twice;        /* every call is made twice: what the check must notice */
  bool shows;        /* prints the statements of a call */
  const char *only;  /* an operation's name, or NULL */
  const char *folder;
};

static connector_status do_nothing(struct world *world, int call)
{
  (void)world;
  (void)call;
  return CONNECTOR_OK;
}

/* What the loop itself costs: check takes it from the others. */
static const struct operation nothing = {
  .name = "nothing", .calls = 100, .units = 1, .run = do_nothing
};

int calls_to_warm_up(const struct operation *operation)
{
  return operation->calls / 10 + 1;
}

static bool run(struct world *world, const struct operation *operation, int from, int to,
                bool twice)
{
  connector_status status = CONNECTOR_OK;

  for (int i = from; i < to && status == CONNECTOR_OK; i++) {
    status = operation->run(world, i);
    if (twice && status == CONNECTOR_OK)
      status = operation->run(world, i);
  }
  if (status != CONNECTOR_OK)
    fprintf(stderr, "counts: %s: %s %s %s\n", operation->name, connector_status_name(status),
            world->error.field, world->error.message);
  return status == CONNECTOR_OK;
}

static bool run_counted(struct world *world, const struct operation *operation,
                        const struct settings *settings)
{
  const int first = calls_to_warm_up(operation);
  const int end = first + operation->calls;
  bool good = false;

  if (!settings->instructions)
    return run(world, operation, first, end, settings->twice);
  CALLGRIND_START_INSTRUMENTATION;
  CALLGRIND_ZERO_STATS;
  good = run(world, operation, first, end, settings->twice);
  CALLGRIND_DUMP_STATS_AT(operation->name);
  CALLGRIND_STOP_INSTRUMENTATION;
  return good;
}

static void print_counts(const struct operation *operation, const struct layer_counts *before,
                         const struct layer_counts *now)
{
  printf("%s\t%d\t%d", operation->name, operation->calls, operation->units);
  printf("\t%lld\t%lld\t%lld", (long long)(now->statements - before->statements),
         (long long)(now->allocations - before->allocations),
         (long long)(now->bytes - before->bytes));
  printf("\t%lld\t%lld\t%lld\n", (long long)(now->wal_bytes - before->wal_bytes),
         (long long)(now->syncs - before->syncs), (long long)(now->reads - before->reads));
  (void)fflush(stdout);
}

/* The statements of the last call that warms up. */
static bool show(struct world *world, const struct operation *operation)
{
  int last = calls_to_warm_up(operation) - 1;
  bool good = run(world, operation, 0, last, false);

  layer_shows_statements = true;
  printf("%s:\n", operation->name);
  good = good && run(world, operation, last, last + 1, false);
  layer_shows_statements = false;
  return good;
}

static bool count(struct world *world, const struct operation *operation,
                  const struct settings *settings)
{
  struct layer_counts before;
  struct layer_counts now;
  bool good = false;

  if (settings->only != NULL && operation != &nothing &&
      strcmp(settings->only, operation->name) != 0)
    return true;
  good = world_begin(world, operation);
  if (good && settings->shows) {
    good = show(world, operation);
  } else if (good) {
    good = run(world, operation, 0, calls_to_warm_up(operation), false);
    before = layer_counts;
    good = good && run_counted(world, operation, settings);
    now = layer_counts;
    if (good)
      print_counts(operation, &before, &now);
  }
  return world_end(world, operation) && good;
}

static bool count_all(const struct settings *settings)
{
  struct world world;
  bool good = world_make(&world, settings->folder) && count(&world, &nothing, settings);

  for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
    for (size_t j = 0; j < all[i]->count && good; j++)
      good = count(&world, &all[i]->list[j], settings);
  world_free(&world);
  return good;
}

/* What the figures hang on beside the library's own text. */
static void print_versions(void)
{
#if defined(__clang__)
  printf("clang %d.%d, ", __clang_major__, __clang_minor__);
#else
  printf("gcc %d.%d, ", __GNUC__, __GNUC_MINOR__);
#endif
  printf("SQLite %s, libsodium %s, glibc %s", sqlite3_libversion(), sodium_version_string(),
         gnu_get_libc_version());
}

int main(int count, char **arguments)
{
  struct settings settings = { .instructions = false };

  for (int i = 1; i < count; i++) {
    if (strcmp(arguments[i], "--versions") == 0) {
      print_versions();
      return 0;
    }
    if (strcmp(arguments[i], "--instructions") == 0)
      settings.instructions = true;
    else if (strcmp(arguments[i], "--twice") == 0)
      settings.twice = true;
    else if (strcmp(arguments[i], "--statements") == 0)
      settings.shows = true;
    else if (strcmp(arguments[i], "--only") == 0 && i + 1 < count)
      settings.only = arguments[++i];
    else
      settings.folder = arguments[i];
  }
  if (settings.folder == NULL) {
    fprintf(stderr, "counts [--instructions] [--twice] [--statements] [--only NAME] FOLDER\n");
    return 2;
  }
  /* Under callgrind the layers that count would be counted themselves. */
  if (!layer_random() || (!settings.instructions && !layers_begin())) {
    fprintf(stderr, "counts: the layers that count can't be put in place\n");
    return 2;
  }
  return count_all(&settings) ? 0 : 2;
}
