/*
 * Imports, batches, and what acts on the whole file.
 */
#ifndef TESTS_MODEL_FILES_H
#define TESTS_MODEL_FILES_H

#include "secrets.h"

/* ---- import ---- */

struct lines {
  const char *text;
  size_t length, at;
};

static inline connector_status give_lines(void *user, char *buffer, size_t capacity, size_t *length,
                                          connector_error *error)
{
  struct lines *lines = user;
  size_t left = lines->length - lines->at;
  (void)error;
  *length = left < capacity ? left : capacity;
  memcpy(buffer, lines->text + lines->at, *length);
  lines->at += *length;
  return CONNECTOR_OK;
}

static connector_error line_problem;

static inline connector_status take_bad_line(void *user, int64_t line,
                                             const connector_error *problem, connector_error *error)
{
  (void)user;
  (void)error;
  assert_int_equal(line, 1);
  line_problem = *problem;
  return CONNECTOR_OK;
}

/* The slot of a tenant's id that is in use, deleted or not. */
static inline const struct slot *user_of(size_t tenant, const char *id)
{
  for (size_t i = 0; i < model.slot_count; i++)
    if (model.slots[i].there && model.slots[i].tenant == tenant &&
        strcmp(model.slots[i].id, id) == 0)
      return &model.slots[i];
  return NULL;
}

/* A line with stamps of its own, and the id of another record, of this tenant or another. */
static inline size_t write_line(char *json, size_t size, const struct slot *slot,
                                const struct slot *twin, size_t tenant)
{
  char at[CONNECTOR_TIME_SIZE];
  char reach[200];
  put_json_reach(reach, &slot->reach);
  assert_int_equal(connector_time_format(slot->created_at, at), CONNECTOR_OK);
  size_t length = (size_t)snprintf(
      json, size,
      "{\"id\":\"%s\",\"tenant_id\":\"%s\",\"created_at\":\"%s\",\"updated_at\":\"%s\","
      "\"version\":%lld,\"enabled\":true,%s",
      twin->id, tenants[tenant], at, at, (long long)slot->version, reach);
  length += put_json_texts(json + length, size - length - 2, slot, ALL_TEXTS);
  json[length++] = '}';
  json[length++] = '\n';
  return length;
}

/* What an import of one line is to come to. */
static inline connector_status plan_import(struct slot *slot, const struct slot *twin,
                                           connector_used_id used_id, bool *kept, bool *skipped)
{
  const struct slot *used = user_of(slot->tenant, twin->id);
  bool shown = used != NULL && (asker.app == 0 || used->app == asker.app);
  *kept = asker.role != CONNECTOR_ROLE_MEMBER && used == NULL;
  *skipped = false;
  if (!reaches(&slot->reach))
    return CONNECTOR_DENIED;
  if (asker.role == CONNECTOR_ROLE_MEMBER || used == NULL)
    return CONNECTOR_OK;
  *skipped = shown && used_id == CONNECTOR_USED_ID_SKIP;
  return shown && used_id == CONNECTOR_USED_ID_REFUSE ? CONNECTOR_EXISTS : CONNECTOR_OK;
}

static inline void keep_imported(struct slot *slot, const struct slot *twin, bool kept,
                                 const connector_import_result *result)
{
  assert_int_equal(result->created, 1);
  assert_int_equal(result->kept, kept);
  if (kept) { /* by nobody: the line does not say by whom */
    memcpy(slot->id, twin->id, sizeof(slot->id));
    slot->created_by = slot->updated_by = NOBODY;
  } else {
    slot->version = 1;
    slot->created_at = slot->updated_at = now_ms();
    if (notes.told == 0)
      fail_msg("an import's record was not told of");
    snprintf(slot->id, sizeof(slot->id), "%s", notes.ids[notes.told - 1]);
  }
  model.slot_count++;
  wrote_at(slot, CONNECTOR_CHANGE_CREATED, NULL);
  try_get(slot->id, false);
}

static inline void try_import(uint64_t *seed)
{
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  char json[8192];
  bool kept = false, skipped = false;
  if (model.slot_count == SLOTS || run.batch_depth > 0)
    return; /* ids are told at the end of a batch */
  struct reach reach = random_reach(seed);
  const struct slot *twin = random_slot(seed);
  struct slot *slot = plan_slot(&reach);
  slot->version = 1 + (int64_t)random_below(seed, 5);
  slot->created_at = slot->updated_at = now_ms() - 10 * (int64_t)random_below(seed, 1000);
  slot->enabled = options.keep_enabled = random_below(seed, 2) == 0;
  options.all_or_nothing = random_below(seed, 2) == 0;
  options.used_id = (connector_used_id)random_below(seed, 3);
  options.bad_line = take_bad_line;
  memset(&line_problem, 0, sizeof(line_problem));
  struct lines lines = { json, 0, 0 };
  /* A line that names another tenant is the asker's all the same, but for SYSTEM without one. */
  lines.length = write_line(json, sizeof(json), slot, twin,
                            asker.all ? slot->tenant : random_below(seed, TENANTS));
  connector_status wanted = plan_import(slot, twin, options.used_id, &kept, &skipped);
  answers(connector_import(test.store, give_lines, &lines, &options, &result, &failure),
          options.all_or_nothing ? wanted : CONNECTOR_OK);
  assert_int_equal(line_problem.status, wanted);
  failure = line_problem;
  see_error();
  assert_int_equal(result.bad, wanted != CONNECTOR_OK);
  assert_int_equal(result.skipped, skipped);
  if (wanted == CONNECTOR_OK && !skipped)
    keep_imported(slot, twin, kept, &result);
}

/* ---- batches ---- */

static void operate(uint64_t *seed);

struct batch {
  uint64_t *seed;
  size_t count;
  connector_status status;
};

static inline connector_status run_batch(connector_store *store, void *user, connector_error *error)
{
  struct batch *batch = user;
  assert_ptr_equal(store, test.store);
  run.batch_depth++;
  for (size_t i = 0; i < batch->count; i++)
    operate(batch->seed);
  run.batch_depth--;
  if (batch->status != CONNECTOR_OK)
    snprintf(error->message, sizeof(error->message), "the batch was not wanted");
  return batch->status;
}

static inline void try_batch(uint64_t *seed)
{
  static struct model kept[3];
  struct batch batch = { seed, 1 + random_below(seed, 8),
                         random_below(seed, 2) == 0 ? CONNECTOR_OK : CONNECTOR_CANCELLED };
  size_t depth = run.batch_depth;
  if (depth == COUNT_OF(kept))
    return;
  kept[depth] = model;
  answers(connector_batch(test.store, run_batch, &batch, &failure), batch.status);
  if (batch.status != CONNECTOR_OK)
    model = kept[depth];
}

/* ---- the whole file ---- */

static inline int64_t count_seen(void)
{
  int64_t count = 0;
  for (size_t i = 0; i < model.slot_count; i++)
    count += visible(&model.slots[i]) && !model.slots[i].deleted;
  return count;
}

/* A copy knows the same callers and the same limits. */
static inline void try_backup(void)
{
  connector_options options = test_options();
  connector_store *copy = NULL;
  char path[600];
  int64_t count = -1;
  if (run.batch_depth > 0)
    return;
  options.clock = test_clock;
  answers(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure),
          CONNECTOR_OK);
  assert_ok(connector_open(path, &options, &copy, &failure));
  answers(connector_count(copy, NULL, &count, &failure), CONNECTOR_OK);
  assert_int_equal(count, count_seen());
  connector_close(copy);
  unlink(path);
}

static inline void try_whole(uint64_t *seed)
{
  connector_stats stats = CONNECTOR_STATS_INIT;
  int64_t live = 0, deleted = 0;
  size_t pick = random_below(seed, 4);
  if (run.batch_depth > 0)
    return;
  if (pick == 0)
    answers(connector_check(test.store, NULL, NULL, &failure), CONNECTOR_OK);
  else if (pick == 1)
    answers(connector_maintain(test.store, NULL, &failure), CONNECTOR_OK);
  else if (pick == 2)
    try_backup();
  for (size_t i = 0; i < model.slot_count; i++) {
    live += model.slots[i].there && !model.slots[i].deleted;
    deleted += model.slots[i].there && model.slots[i].deleted;
  }
  answers(connector_stats_get(test.store, &stats, &failure), CONNECTOR_OK);
  assert_true(stats.records == live && stats.deleted == deleted);
}

#endif
