/*
 * Contests of opening a file and getting a first record. Closing is not timed, and nothing else has
 * the file open.
 */
#include "bench.h"

#include <stdlib.h>

struct opens {
  const char *large_path;
  const char *small_path;
  char large_id[HANDWRITTEN_ID];
  char small_id[HANDWRITTEN_ID];
  connector_store *library; /* open until the turn is over */
  struct handwritten *other;
};

static bool other_open(void *context, size_t calls)
{
  struct opens *opens = context;
  connector *record = NULL;

  (void)calls;
  opens->other = handwritten_open(opens->large_path, &sample_caller, false);
  if (opens->other != NULL)
    record = handwritten_get(opens->other, opens->large_id);
  free(record);
  return record != NULL;
}

static bool library_open_and_get(struct opens *opens, const char *path, const char *id)
{
  connector *record = NULL;
  connector_error error;

  opens->library = library_open(path);
  if (opens->library == NULL ||
      !library_good(connector_get(opens->library, id, 0, &record, &error), &error))
    return false;
  connector_free(record);
  return true;
}

static bool library_open_large(void *context, size_t calls)
{
  struct opens *opens = context;

  (void)calls;
  return library_open_and_get(opens, opens->large_path, opens->large_id);
}

static bool library_open_small(void *context, size_t calls)
{
  struct opens *opens = context;

  (void)calls;
  return library_open_and_get(opens, opens->small_path, opens->small_id);
}

static void close_again(void *context)
{
  struct opens *opens = context;

  connector_close(opens->library);
  handwritten_close(opens->other);
  opens->library = NULL;
  opens->other = NULL;
}

static const struct contest contests[] = {
  { .operation = "open and first get",
    .versus = "hand-written",
    .other = other_open,
    .library = library_open_large,
    .tidy = close_again,
    .turns = 50,
    .calls_most = 1,
    .limit = 1.50,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "open and first get",
    .versus = "1,000 records",
    .other = library_open_small,
    .library = library_open_large,
    .tidy = close_again,
    .turns = 50,
    .calls_most = 1 },
};

static void opens_close(void *context)
{
  close_again(context);
  free(context);
}

/* An id from the middle of a file. */
static bool pick_id(const char *path, char id[HANDWRITTEN_ID])
{
  struct handwritten *program = handwritten_open(path, &sample_caller, false);
  struct ids ids = { 0 };
  bool good = program != NULL && ids_read(&ids, program);

  for (size_t i = 0; good && i < HANDWRITTEN_ID; i++)
    id[i] = id_at(&ids, ids.count / 2)[i];
  free(ids.texts);
  handwritten_close(program);
  return good;
}

static void *opens_open(struct bench *bench, const struct group *group)
{
  struct opens *opens = calloc(1, sizeof(*opens));

  (void)group;
  if (opens == NULL)
    return NULL;
  opens->large_path = bench->large_path;
  opens->small_path = bench->small_path;
  if (pick_id(opens->large_path, opens->large_id) && pick_id(opens->small_path, opens->small_id))
    return opens;
  opens_close(opens);
  return NULL;
}

const struct group bench_opens = {
  .large = true,
  .contests = contests,
  .count = sizeof(contests) / sizeof(contests[0]),
  .open = opens_open,
  .close = opens_close,
};
