/*
 * Contests of reads: get, lists near and deep, a filtered list, and a stream. Both programs read
 * the same file.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

enum { PAGE = 50, WALK = 500, CHECKED = 1000 };

struct reads {
  struct pair pair;
  struct ids ids;
  uint64_t library_seed;
  uint64_t other_seed;
  char *deep_cursor; /* after which fewer than two pages' worth of records are left */
  size_t deep_at;    /* records before it */
};

/* ---- get ---- */

static const char *random_id(const struct reads *reads, uint64_t *seed)
{
  return id_at(&reads->ids, (size_t)(sample_random(seed) % reads->ids.count));
}

static bool other_get(void *context, size_t calls)
{
  struct reads *reads = context;

  for (size_t i = 0; i < calls; i++) {
    connector *record = handwritten_get(reads->pair.other, random_id(reads, &reads->other_seed));

    if (record == NULL)
      return false;
    free(record);
  }
  return true;
}

static bool library_get(void *context, size_t calls)
{
  struct reads *reads = context;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    connector *record = NULL;

    if (!library_good(connector_get(reads->pair.library, random_id(reads, &reads->library_seed), 0,
                                    &record, &error),
                      &error))
      return false;
    connector_free(record);
  }
  return true;
}

static bool check_get(void *context)
{
  struct reads *reads = context;
  uint64_t seed = 1;
  bool good = reads->library_seed == reads->other_seed;

  for (size_t i = 0; good && i < CHECKED; i++) {
    const char *id = random_id(reads, &seed);
    connector *theirs = handwritten_get(reads->pair.other, id);
    connector *ours = NULL;

    good = connector_get(reads->pair.library, id, 0, &ours, NULL) == CONNECTOR_OK &&
           theirs != NULL && connector_equal(ours, theirs);
    free(theirs);
    connector_free(ours);
  }
  return good;
}

/* ---- lists ---- */

static bool other_pages(struct reads *reads, const char *after, const char *provider, size_t calls)
{
  for (size_t i = 0; i < calls; i++) {
    struct handwritten_page *page = handwritten_list(reads->pair.other, after, provider, PAGE);
    bool full = page != NULL && page->count == PAGE;

    handwritten_page_free(page);
    if (!full)
      return false;
  }
  return true;
}

static bool library_pages(struct reads *reads, const connector_query *query, size_t calls)
{
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    connector_page *page = NULL;
    bool full = library_good(connector_list(reads->pair.library, query, &page, &error), &error) &&
                connector_page_count(page) == PAGE;

    connector_page_free(page);
    if (!full)
      return false;
  }
  return true;
}

static const char *deep_after(const struct reads *reads)
{
  return id_at(&reads->ids, reads->deep_at - 1);
}

static connector_query deep_query(const struct reads *reads)
{
  connector_query query = CONNECTOR_QUERY_INIT;

  query.cursor = reads->deep_cursor;
  return query;
}

static const connector_filter provider_filter = { .field = CONNECTOR_FIELD_PROVIDER,
                                                  .op = CONNECTOR_OP_EQ,
                                                  .text = sample_provider };

static connector_query filtered_query(void)
{
  connector_query query = CONNECTOR_QUERY_INIT;

  query.filters = &provider_filter;
  query.filter_count = 1;
  return query;
}

static bool other_list(void *context, size_t calls)
{
  return other_pages(context, "", NULL, calls);
}

static bool library_list(void *context, size_t calls)
{
  const connector_query query = CONNECTOR_QUERY_INIT;

  return library_pages(context, &query, calls);
}

static bool other_list_deep(void *context, size_t calls)
{
  return other_pages(context, deep_after(context), NULL, calls);
}

static bool library_list_deep(void *context, size_t calls)
{
  const connector_query query = deep_query(context);

  return library_pages(context, &query, calls);
}

static bool other_list_filtered(void *context, size_t calls)
{
  return other_pages(context, "", sample_provider, calls);
}

static bool library_list_filtered(void *context, size_t calls)
{
  const connector_query query = filtered_query();

  return library_pages(context, &query, calls);
}

/* ---- checks of lists ---- */

static bool same_page(struct reads *reads, const connector_query *query, const char *after,
                      const char *provider)
{
  struct handwritten_page *theirs = handwritten_list(reads->pair.other, after, provider, PAGE);
  connector_page *ours = NULL;
  bool good = theirs != NULL &&
              connector_list(reads->pair.library, query, &ours, NULL) == CONNECTOR_OK &&
              connector_page_count(ours) == theirs->count &&
              (connector_page_next(ours) != NULL) == theirs->more;

  for (size_t i = 0; good && i < theirs->count; i++)
    good = connector_equal(connector_page_at(ours, i), &theirs->records[i]);
  handwritten_page_free(theirs);
  connector_page_free(ours);
  return good;
}

static bool check_list(void *context)
{
  const connector_query query = CONNECTOR_QUERY_INIT;

  return same_page(context, &query, "", NULL);
}

static bool check_list_deep(void *context)
{
  const connector_query query = deep_query(context);

  return same_page(context, &query, deep_after(context), NULL);
}

static bool check_list_filtered(void *context)
{
  const connector_query query = filtered_query();

  return same_page(context, &query, "", sample_provider);
}

/* ---- each ---- */

struct seen {
  size_t records;
  size_t bytes;
  int64_t versions;
};

static void look_at(struct seen *seen, const connector *record)
{
  seen->records++;
  seen->versions += record->version;
  seen->bytes += strlen(record->id) + strlen(record->name);
}

static void other_show(void *user, const connector *record)
{
  look_at(user, record);
}

static connector_status library_show(void *user, const connector *record, connector_error *error)
{
  (void)error;
  look_at(user, record);
  return CONNECTOR_OK;
}

static bool other_each(void *context, size_t calls)
{
  struct reads *reads = context;
  struct seen seen = { 0 };

  for (size_t i = 0; i < calls; i++)
    if (!handwritten_each(reads->pair.other, other_show, &seen))
      return false;
  return seen.records == calls * reads->ids.count;
}

static bool library_each(void *context, size_t calls)
{
  struct reads *reads = context;
  struct seen seen = { 0 };
  connector_error error;

  for (size_t i = 0; i < calls; i++)
    if (!library_good(connector_each(reads->pair.library, NULL, library_show, &seen, &error),
                      &error))
      return false;
  return seen.records == calls * reads->ids.count;
}

static bool check_each(void *context)
{
  struct reads *reads = context;
  struct seen theirs = { 0 };
  struct seen ours = { 0 };

  return handwritten_each(reads->pair.other, other_show, &theirs) &&
         connector_each(reads->pair.library, NULL, library_show, &ours, NULL) == CONNECTOR_OK &&
         memcmp(&ours, &theirs, sizeof(ours)) == 0;
}

/* ---- contests ---- */

static const struct contest read_contests[] = {
  { .operation = "get",
    .versus = "hand-written",
    .other = other_get,
    .library = library_get,
    .check = check_get,
    .limit = 1.20,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "list of 50",
    .versus = "hand-written",
    .other = other_list,
    .library = library_list,
    .check = check_list,
    .limit = 1.20,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "list of 50, at the end",
    .versus = "hand-written",
    .other = other_list_deep,
    .library = library_list_deep,
    .check = check_list_deep,
    .limit = 1.20,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "list of 50, at the end",
    .versus = "the first page",
    .other = library_list,
    .library = library_list_deep,
    .limit = 1.10,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "list of 50 with a filter",
    .versus = "hand-written",
    .other = other_list_filtered,
    .library = library_list_filtered,
    .check = check_list_filtered,
    .limit = 1.20,
    .limit_kind = LIMIT_AT_MOST },
};

static const struct contest stream_contests[] = {
  { .operation = "get, middle file",
    .versus = "hand-written",
    .other = other_get,
    .library = library_get,
    .check = check_get,
    .limit = 1.20,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "each, middle file",
    .versus = "hand-written",
    .other = other_each,
    .library = library_each,
    .check = check_each,
    .turns = 1,
    .limit = 1.15,
    .limit_kind = LIMIT_AT_MOST },
};

/* ---- what they need ---- */

static void reads_close(void *context)
{
  struct reads *reads = context;

  pair_close(&reads->pair);
  free(reads->ids.texts);
  free(reads->deep_cursor);
  free(reads);
}

/* One step of the walk to the end: from a cursor to the next, which is NULL on the last page. */
static bool step_on(struct reads *reads, char **cursor, size_t *seen)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_page *page = NULL;
  connector_error error;
  bool good = false;

  query.cursor = *cursor;
  query.limit = reads->ids.count - *seen > 2 * WALK ? WALK : PAGE;
  good = library_good(connector_list(reads->pair.library, &query, &page, &error), &error);
  free(*cursor);
  *cursor = NULL;
  if (!good)
    return false;
  *seen += connector_page_count(page);
  if (connector_page_next(page) != NULL)
    *cursor = strdup(connector_page_next(page));
  connector_page_free(page);
  return *cursor != NULL;
}

/* Only paging leads to a cursor deep in the file. */
static bool walk_to_the_end(struct reads *reads)
{
  reads->deep_at = 0;
  while (reads->ids.count - reads->deep_at > 2 * PAGE) {
    progress_show("paging to the end of the large file", (int64_t)reads->deep_at,
                  (int64_t)reads->ids.count);
    if (!step_on(reads, &reads->deep_cursor, &reads->deep_at))
      return false;
  }
  return true;
}

static void *reads_open(struct bench *bench, const struct group *group)
{
  const char *path = group->large ? bench->large_path : bench->middle_path;
  struct reads *reads = calloc(1, sizeof(*reads));

  if (reads == NULL)
    return NULL;
  if (pair_open(&reads->pair, path, path, false) && ids_read(&reads->ids, reads->pair.other) &&
      (!group->large || walk_to_the_end(reads)))
    return reads;
  reads_close(reads);
  return NULL;
}

const struct group bench_reads = {
  .large = true,
  .contests = read_contests,
  .count = sizeof(read_contests) / sizeof(read_contests[0]),
  .open = reads_open,
  .close = reads_close,
};

const struct group bench_streams = {
  .contests = stream_contests,
  .count = sizeof(stream_contests) / sizeof(stream_contests[0]),
  .open = reads_open,
  .close = reads_close,
};
