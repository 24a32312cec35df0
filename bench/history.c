/*
 * Contests of writes that the history is told of: create, update and sync report beside the
 * hand-written program, and what history adds to the library's own writes.
 */
#include "writes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

enum { REPORTED = 2000, CHECKED = 100, HOUR_TEXT = 64, HOURS_BEFORE = 23 };

/* Reports that a side has made; both sides make the same. */
struct reports {
  uint64_t seed;
  size_t count;
};

struct history {
  struct writes writes; /* the first member: the library's own work takes it as its context */
  struct reports library;
  struct reports other;
  connector_store *plain; /* without history */
  struct side plain_side;
  char plain_path[PATH_BYTES];
};

/* ---- create and update ---- */

static bool other_create(void *context, size_t calls)
{
  struct writes *writes = context;

  for (size_t i = 0; i < calls; i++)
    if (!handwritten_create_with_history(writes->pair.other, next_patch(writes, &writes->other),
                                         NULL))
      return false;
  return true;
}

static bool other_update(void *context, size_t calls)
{
  struct writes *writes = context;

  for (size_t i = 0; i < calls; i++) {
    size_t at = next_update(writes, &writes->other);
    uint32_t *version = &writes->other.versions[at];

    if (!handwritten_update_with_history(writes->pair.other, id_at(&writes->ids, at), (*version)++,
                                         next_name(writes, &writes->other)))
      return false;
  }
  return true;
}

static bool plain_create(void *context, size_t calls)
{
  struct history *history = context;

  return create_with(history->plain, &history->writes, &history->plain_side, calls);
}

static bool plain_update(void *context, size_t calls)
{
  struct history *history = context;

  return update_with(history->plain, &history->writes, &history->plain_side, calls);
}

/* ---- sync report ---- */

/* The connectors that are reported on have a day of reports behind them. */
static size_t reported(const struct history *history)
{
  return history->writes.ids.count < REPORTED ? history->writes.ids.count : REPORTED;
}

static const char *next_report(const struct history *history, struct reports *reports,
                               connector_sync_report *report)
{
  uint64_t random = sample_random(&reports->seed);

  reports->count++;
  report->synced = (int64_t)(1 + random % 500);
  report->latency_ms = (int64_t)(20 + random / 500 % 1000);
  return id_at(&history->writes.ids, (size_t)(random / 500000 % reported(history)));
}

static bool other_report(void *context, size_t calls)
{
  struct history *history = context;
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;

  for (size_t i = 0; i < calls; i++) {
    const char *id = next_report(history, &history->other, &report);

    if (!handwritten_report(history->writes.pair.other, id, report.synced, report.latency_ms))
      return false;
  }
  return true;
}

static bool library_report(void *context, size_t calls)
{
  struct history *history = context;
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  connector_error error;

  for (size_t i = 0; i < calls; i++) {
    const char *id = next_report(history, &history->library, &report);

    if (!library_good(
            connector_sync_succeeded(history->writes.pair.library, id, &report, NULL, &error),
            &error))
      return false;
  }
  return true;
}

/* ---- checks ---- */

/* Whether the library finds its own chain whole; the chain is the tenant's. */
static bool chain_is_whole(const char *path)
{
  connector_caller caller = sample_caller;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_store *store = NULL;
  connector_error error;
  int64_t first_bad = 0;
  bool good = false;

  caller.role = CONNECTOR_ROLE_TENANT;
  options.fixed_caller = &caller;
  good = library_good(connector_open(path, &options, &store, &error), &error) &&
         library_good(connector_history_verify(store, &first_bad, &error), &error) &&
         first_bad == 0;
  connector_close(store);
  return good;
}

static bool same_text(const char *a, const char *b)
{
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* Without the time of a report, which is not in the patch where the last one was in the same
 * millisecond. */
static size_t length_of(const char *text)
{
  static const char member[] = "\"last_sync_at\":";
  const char *start = text != NULL ? strstr(text, member) : NULL;

  if (start == NULL)
    return text != NULL ? strlen(text) : 0;
  return strlen(text) - (size_t)(strcspn(start, ",}") + 1);
}

/* The patches of health reports hold when they were made. */
static bool same_change(const connector_change *a, const connector_change *b)
{
  if (a->seq != b->seq || a->kind != b->kind || a->version != b->version)
    return false;
  if (a->kind == CONNECTOR_CHANGE_HEALTH)
    return length_of(a->forward) == length_of(b->forward) &&
           length_of(a->back) == length_of(b->back);
  return same_text(a->forward, b->forward) && same_text(a->back, b->back);
}

static bool same_changes(struct handwritten *library, struct handwritten *other, int64_t after)
{
  struct handwritten_changes *ours = handwritten_feed(library, after, CHECKED);
  struct handwritten_changes *theirs = handwritten_feed(other, after, CHECKED);
  bool good = ours != NULL && theirs != NULL && ours->count == theirs->count && ours->count > 0;

  for (size_t i = 0; good && i < ours->count; i++) {
    good = same_change(&ours->changes[i], &theirs->changes[i]);
    if (!good)
      complain("change %lld of version %lld is %s and %s", (long long)ours->changes[i].seq,
               (long long)ours->changes[i].version, ours->changes[i].forward,
               theirs->changes[i].forward);
  }
  handwritten_changes_free(ours);
  handwritten_changes_free(theirs);
  return good;
}

/* The last changes of both files, one for each write so far. */
static bool check_history(const struct history *history)
{
  const struct writes *writes = &history->writes;
  struct handwritten *program = handwritten_open(writes->library_path, &sample_caller, false);
  size_t changes = writes->library.creates + writes->library.updates + history->library.count;
  bool good = program != NULL &&
              same_changes(program, writes->pair.other,
                           changes > CHECKED ? (int64_t)(changes - CHECKED) : 0) &&
              chain_is_whole(writes->library_path);

  handwritten_close(program);
  if (!good)
    complain("the two histories differ, or the library's chain is not whole");
  return good;
}

static bool check_create(void *context)
{
  return check_created(context) && check_history(context);
}

static bool check_update(void *context)
{
  return check_updated(context) && check_history(context);
}

static bool same_health(const struct history *history, const char *id)
{
  connector *ours = NULL;
  connector *theirs = handwritten_get(history->writes.pair.other, id);
  bool good = theirs != NULL &&
              connector_get(history->writes.pair.library, id, 0, &ours, NULL) == CONNECTOR_OK;

  if (good) {
    theirs->last_sync_at = ours->last_sync_at;
    good = same_content(ours, theirs);
  }
  connector_free(ours);
  free(theirs);
  return good;
}

static bool check_report(void *context)
{
  const struct history *history = context;
  bool good = history->library.count == history->other.count && check_history(history);

  for (size_t i = 0; good && i < CHECKED && i < reported(history); i++)
    good = same_health(history, id_at(&history->writes.ids, i));
  return good;
}

/* ---- contests ---- */

static const struct contest disk_contests[] = {
  { .operation = "create with history",
    .versus = "hand-written",
    .other = other_create,
    .library = library_create,
    .check = check_create,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "update with history",
    .versus = "hand-written",
    .other = other_update,
    .library = library_update,
    .check = check_update,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "sync report",
    .versus = "hand-written",
    .other = other_report,
    .library = library_report,
    .check = check_report,
    .limit = 1.25,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "history's share of a create",
    .versus = "no history",
    .other = plain_create,
    .library = library_create,
    .limit = 1.60,
    .limit_kind = LIMIT_AT_MOST },
  { .operation = "history's share of an update",
    .versus = "no history",
    .other = plain_update,
    .library = library_update,
    .limit = 1.60,
    .limit_kind = LIMIT_AT_MOST },
};

static const struct contest memory_contests[] = {
  { .operation = "create with history, in memory",
    .versus = "hand-written",
    .other = other_create,
    .library = library_create,
    .check = check_create },
  { .operation = "update with history, in memory",
    .versus = "hand-written",
    .other = other_update,
    .library = library_update,
    .check = check_update },
  { .operation = "sync report, in memory",
    .versus = "hand-written",
    .other = other_report,
    .library = library_report,
    .check = check_report },
};

/* ---- what they need ---- */

static void history_close(void *context)
{
  struct history *history = context;

  writes_close_files(&history->writes);
  connector_close(history->plain);
  store_remove(history->plain_path);
  free(history->plain_side.versions);
  free(history);
}

/* Gives the connectors that will be reported on 23 hours of reports before this one. */
static bool fill_health(const char *path)
{
  static const char sql[] = "INSERT INTO health (connector_id, tenant_id, hours) "
                            "SELECT id, tenant_id, '[%s]' FROM connector ORDER BY id LIMIT %d";
  char hours[HOURS_BEFORE * HOUR_TEXT] = "";
  char text[sizeof(sql) + sizeof(hours) + HOUR_TEXT];
  struct handwritten *program = handwritten_open(path, &sample_caller, true);
  long long now = (long long)time(NULL) / 3600;
  int used = 0;
  bool good = false;

  for (int i = HOURS_BEFORE; i > 0; i--)
    used += snprintf(hours + used, HOUR_TEXT, "[%lld,%d,12,0,%d,12]%s", now - i, 2000 + i,
                     1500 + 7 * i, i > 1 ? "," : "");
  snprintf(text, sizeof(text), sql, hours, REPORTED);
  good = program != NULL && handwritten_prepare_file(program, text);
  if (program != NULL && !good)
    complain("filling health: %s", handwritten_problem(program));
  handwritten_close(program);
  return good;
}

static bool open_plain(struct history *history, const struct bench *bench, const char *directory)
{
  return store_path(history->plain_path, directory, "bench-plain.db") &&
         store_copy(bench->middle_path, history->plain_path) &&
         side_open(&history->plain_side, history->writes.ids.count) &&
         (history->plain = library_open(history->plain_path)) != NULL;
}

static void *history_open(struct bench *bench, const struct group *group)
{
  bool memory = group == &bench_memory_history;
  const char *directory = memory ? bench->memory_directory : bench->directory;
  struct history *history = calloc(1, sizeof(*history));

  if (history == NULL)
    return NULL;
  if (writes_open_files(&history->writes, bench, directory, true) &&
      fill_health(history->writes.library_path) && fill_health(history->writes.other_path) &&
      (memory || open_plain(history, bench, directory)))
    return history;
  history_close(history);
  return NULL;
}

const struct group bench_disk_history = {
  .contests = disk_contests,
  .count = sizeof(disk_contests) / sizeof(disk_contests[0]),
  .open = history_open,
  .close = history_close,
};

const struct group bench_memory_history = {
  .contests = memory_contests,
  .count = sizeof(memory_contests) / sizeof(memory_contests[0]),
  .open = history_open,
  .close = history_close,
  .skip = bench_no_memory_directory,
};
