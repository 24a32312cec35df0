/*
 * Contests of reading the feed: both programs read the same file, whose history the library wrote.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 1000, CREATES = 10000, QUICK_CREATES = 2000 };

struct feed {
  struct pair pair;
  size_t changes; /* in the file */
  size_t library_pages;
  size_t other_pages;
  char path[PATH_BYTES];
};

/* One page after the other, and from the start again. */
static int64_t next_after(const struct feed *feed, size_t *pages)
{
  return (int64_t)((*pages)++ * PAGE % feed->changes);
}

static bool other_feed(void *context, size_t calls)
{
  struct feed *feed = context;

  for (size_t i = 0; i < calls; i++) {
    int64_t after = next_after(feed, &feed->other_pages);
    struct handwritten_changes *changes = handwritten_feed(feed->pair.other, after, PAGE);
    bool full = changes != NULL && changes->count == PAGE;

    handwritten_changes_free(changes);
    if (!full)
      return false;
  }
  return true;
}

static bool library_feed(void *context, size_t calls)
{
  struct feed *feed = context;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    int64_t after = next_after(feed, &feed->library_pages);
    connector_changes *changes = NULL;
    bool full = library_good(
                    connector_changes_after(feed->pair.library, after, PAGE, &changes, &error),
                    &error) &&
                connector_changes_count(changes) == PAGE;

    connector_changes_free(changes);
    if (!full)
      return false;
  }
  return true;
}

/* ---- check ---- */

static bool same_text(const char *a, const char *b)
{
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static bool same_change(const connector_change *a, const connector_change *b)
{
  return a->seq == b->seq && a->kind == b->kind && a->version == b->version && a->at == b->at &&
         same_text(a->id, b->id) && same_text(a->tenant_id, b->tenant_id) &&
         same_text(a->app_id, b->app_id) && same_text(a->person_id, b->person_id) &&
         same_text(a->request_id, b->request_id) && same_text(a->source, b->source) &&
         same_text(a->reason, b->reason) && same_text(a->forward, b->forward) &&
         same_text(a->back, b->back) && !a->out_of_reach;
}

static bool same_page(struct feed *feed, int64_t after)
{
  struct handwritten_changes *theirs = handwritten_feed(feed->pair.other, after, PAGE);
  connector_changes *ours = NULL;
  bool good = theirs != NULL &&
              connector_changes_after(feed->pair.library, after, PAGE, &ours, NULL) ==
                  CONNECTOR_OK &&
              connector_changes_count(ours) == theirs->count;

  for (size_t i = 0; good && i < theirs->count; i++)
    good = same_change(connector_changes_at(ours, i), &theirs->changes[i]);
  handwritten_changes_free(theirs);
  connector_changes_free(ours);
  return good;
}

static bool check_feed(void *context)
{
  struct feed *feed = context;
  bool good = true;

  for (size_t after = 0; good && after < feed->changes; after += PAGE)
    good = same_page(feed, (int64_t)after);
  return good && feed->library_pages == feed->other_pages;
}

/* ---- what it needs ---- */

static const struct contest contests[] = {
  { .operation = "feed of 1,000 changes",
    .versus = "hand-written",
    .other = other_feed,
    .library = library_feed,
    .check = check_feed,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
};

/* Records to be created, each renamed by turns with the creates. */
struct fill {
  uint64_t next;
  uint64_t end;
};

static connector_status fill_batch(connector_store *store, void *user, connector_error *error)
{
  struct fill *fill = user;
  connector_patch renamed = CONNECTOR_PATCH_INIT;
  struct sample sample;
  connector_status status = CONNECTOR_OK;

  for (; status == CONNECTOR_OK && fill->next < fill->end; fill->next++) {
    connector *record = NULL;

    sample_make(&sample, fill->next);
    renamed.name = sample.patch.name;
    status = connector_create(store, &sample.patch, &record, error);
    if (status == CONNECTOR_OK)
      status = connector_update(store, record->id, 1, &renamed, NULL, error);
    connector_free(record);
  }
  return status;
}

static bool fill_file(const char *path, size_t creates)
{
  connector_store *store = library_open_with_history(path);
  struct fill fill = { 0, 0 };
  connector_error error;
  bool good = store != NULL;

  while (good && fill.next < creates) {
    progress_show("filling the feed", (int64_t)fill.next, (int64_t)creates);
    fill.end = fill.next + BATCH;
    good = library_good(connector_batch(store, fill_batch, &fill, &error), &error);
  }
  connector_close(store);
  return good;
}

static void feed_close(void *context)
{
  struct feed *feed = context;

  pair_close(&feed->pair);
  store_remove(feed->path);
  free(feed);
}

static void *feed_open(struct bench *bench, const struct group *group)
{
  size_t creates = bench->quick ? QUICK_CREATES : CREATES;
  struct feed *feed = calloc(1, sizeof(*feed));

  (void)group;
  if (feed == NULL)
    return NULL;
  feed->changes = 2 * creates;
  if (store_path(feed->path, bench->directory, "bench-feed.db")) {
    store_remove(feed->path);
    if (fill_file(feed->path, creates) && pair_open(&feed->pair, feed->path, feed->path, false))
      return feed;
  }
  feed_close(feed);
  return NULL;
}

const struct group bench_feed = {
  .contests = contests,
  .count = sizeof(contests) / sizeof(contests[0]),
  .open = feed_open,
  .close = feed_close,
};
