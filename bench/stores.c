/*
 * The benchmark's files: filled once through the library, then copied for whoever writes.
 */
#include "bench.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SMALL = 1000, FILL_BATCH = 10000, COPY_BYTES = 1 << 20 };

/* ---- files ---- */

bool store_path(char path[PATH_BYTES], const char *directory, const char *name)
{
  int length = snprintf(path, PATH_BYTES, "%s/%s", directory, name);

  if (length > 0 && length < PATH_BYTES - 8)
    return true;
  complain("%s: the path is too long", directory);
  return false;
}

void store_remove(const char *path)
{
  char log[PATH_BYTES + 8];

  (void)remove(path);
  snprintf(log, sizeof(log), "%s-wal", path);
  (void)remove(log);
  snprintf(log, sizeof(log), "%s-shm", path);
  (void)remove(log);
}

int64_t store_bytes(const char *path)
{
  struct stat file;

  return stat(path, &file) == 0 ? (int64_t)file.st_size : -1;
}

static bool copy_bytes(FILE *from, FILE *to)
{
  char *buffer = malloc(COPY_BYTES);
  size_t got = 0;
  bool good = buffer != NULL;

  while (good && (got = fread(buffer, 1, COPY_BYTES, from)) > 0)
    good = fwrite(buffer, 1, got, to) == got;
  free(buffer);
  return good && ferror(from) == 0 && fflush(to) == 0 && fsync(fileno(to)) == 0;
}

bool store_copy(const char *from, const char *to)
{
  FILE *in = fopen(from, "rb");
  FILE *out = NULL;
  bool good = false;

  store_remove(to);
  out = fopen(to, "wb");
  good = in != NULL && out != NULL && copy_bytes(in, out);
  if (out != NULL && fclose(out) != 0)
    good = false;
  if (!good)
    complain("copy to %s: %s", to, strerror(errno));
  if (in != NULL)
    fclose(in);
  return good;
}

/* ---- the two programs ---- */

bool library_good(connector_status status, const connector_error *error)
{
  if (status != CONNECTOR_OK)
    complain("%s: %s %s", connector_status_name(status), error->field, error->message);
  return status == CONNECTOR_OK;
}

static connector_store *open_store(const char *path, bool history, connector_durability durability)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_store *store = NULL;
  connector_error error;

  options.fixed_caller = &sample_caller;
  options.no_history = !history;
  options.durability = durability;
  return library_good(connector_open(path, &options, &store, &error), &error) ? store : NULL;
}

connector_store *library_open(const char *path)
{
  return open_store(path, false, CONNECTOR_DURABILITY_FULL);
}

connector_store *library_open_with_history(const char *path)
{
  return open_store(path, true, CONNECTOR_DURABILITY_FULL);
}

connector_store *library_open_relaxed(const char *path)
{
  return open_store(path, false, CONNECTOR_DURABILITY_NORMAL);
}

bool pair_open(struct pair *pair, const char *library_path, const char *other_path, bool writes)
{
  pair->library = library_open(library_path);
  pair->other = handwritten_open(other_path, &sample_caller, writes);
  if (pair->library != NULL && pair->other != NULL)
    return true;
  pair_close(pair);
  return false;
}

void pair_close(struct pair *pair)
{
  connector_close(pair->library);
  handwritten_close(pair->other);
  pair->library = NULL;
  pair->other = NULL;
}

bool ids_read(struct ids *ids, struct handwritten *program)
{
  free(ids->texts);
  ids->texts = handwritten_ids(program, &ids->count);
  if (ids->texts == NULL)
    complain("reading ids: %s", handwritten_problem(program));
  return ids->texts != NULL;
}

/* ---- filling ---- */

struct fill {
  uint64_t next;
  uint64_t end;
};

static connector_status fill_batch(connector_store *store, void *user, connector_error *error)
{
  struct fill *fill = user;
  struct sample sample;
  connector_status status = CONNECTOR_OK;

  for (; status == CONNECTOR_OK && fill->next < fill->end; fill->next++) {
    sample_make(&sample, fill->next);
    status = connector_create(store, &sample.patch, NULL, error);
  }
  return status;
}

static bool fill_up(const char *path, int64_t from, int64_t to, int64_t of)
{
  connector_store *store = library_open(path);
  connector_error error;
  struct fill fill = { .next = (uint64_t)from };
  bool good = store != NULL;

  while (good && fill.next < (uint64_t)to) {
    progress_show("filling the files", (int64_t)fill.next, of);
    fill.end = fill.next + FILL_BATCH;
    if (fill.end > (uint64_t)to)
      fill.end = (uint64_t)to;
    good = library_good(connector_batch(store, fill_batch, &fill, &error), &error);
  }
  connector_close(store);
  return good;
}

/* One file grows; copies of it stay behind on the way. */
bool stores_fill(struct bench *bench)
{
  if (!store_path(bench->small_path, bench->directory, "small.db") ||
      !store_path(bench->middle_path, bench->directory, "middle.db") ||
      !store_path(bench->large_path, bench->directory, "large.db"))
    return false;
  store_remove(bench->large_path);
  return fill_up(bench->large_path, 0, SMALL, bench->middle_records) &&
         store_copy(bench->large_path, bench->small_path) &&
         fill_up(bench->large_path, SMALL, bench->middle_records, bench->middle_records) &&
         store_copy(bench->large_path, bench->middle_path);
}

bool stores_fill_large(struct bench *bench)
{
  return fill_up(bench->large_path, bench->middle_records, bench->records, bench->records);
}
