/*
 * A simple model of what a store's connectors are to be: their fields, leases, due work and
 * history, and who may see what. It knows nothing of how the library does it.
 *
 * The clock of the model runs in steps of 10 ms, and every time that work falls due at lies between
 * two steps: the model need not know on which side the very millisecond falls.
 */
#ifndef TESTS_LIFECYCLE_MODEL_H
#define TESTS_LIFECYCLE_MODEL_H

#include "lifecycle.h"

enum { TENANTS = 3, APPS = 2, USERS = 2, MODELS = 90, ROWS = 20000, REPORTS = 400, PURPOSES = 3 };

static const char *const model_tenants[TENANTS] = { "tenant-0", "tenant-1", "tenant-2" };
static const char *const model_apps[APPS] = { NULL, "app-1" };
static const char *const model_users[USERS] = { "user-0", "user-1" };
static const char *const model_purposes[PURPOSES] = { CONNECTOR_PURPOSE_REFRESH,
                                                      CONNECTOR_PURPOSE_ROTATION,
                                                      CONNECTOR_PURPOSE_SYNC };

#define INTERVAL (HOUR + 5)

/* Who sees a record: everybody of its tenant, or one person. */
struct reach {
  bool there;
  bool personal;
  size_t user;
};

/* The latest lease on a connector for one purpose. */
struct model_lease {
  int64_t fence, expires_at;
  bool handed_back;
  connector_lease *handle; /* NULL where its holder died */
};

struct model {
  char id[ID_SIZE];
  size_t tenant, app;
  struct reach reach;
  int64_t version;
  bool deleted, oauth;
  bool enabled, refresh_needed;
  bool refresh_failed; /* last, and no sync since */
  int64_t token_expires_at, token_written_at, rotation_due, last_sync_at, retry_at;
  int64_t errors, refresh_errors, total;
  const char *status;
  struct {
    int64_t at, synced;
  } reports[REPORTS];
  size_t report_count;
  struct model_lease leases[PURPOSES];
};

/* One row of history. */
struct model_row {
  size_t model;
  connector_change_kind kind;
  int64_t version;
  struct reach before, after;
};

static struct model models[MODELS];
static size_t model_count;
static struct model_row model_rows[ROWS];
static size_t model_row_count;
static int64_t latest_time; /* that the clock has ever shown */

/* Who is asking. */
static struct {
  size_t tenant, app, user;
  connector_role role;
  bool all;
} asker;

/* ---- who sees what ---- */

static inline void become_random(uint64_t *seed)
{
  size_t pick = random_below(seed, 20);
  asker.tenant = random_below(seed, TENANTS);
  asker.app = random_below(seed, 4) == 0;
  asker.user = random_below(seed, USERS);
  asker.role = pick < 8    ? CONNECTOR_ROLE_MEMBER
               : pick < 17 ? CONNECTOR_ROLE_TENANT
                           : CONNECTOR_ROLE_SYSTEM;
  asker.all = pick >= 18;
  if (asker.all)
    asker.app = 0;
  become(asker.all ? NULL : model_tenants[asker.tenant], model_users[asker.user], asker.role);
  current.app_id = model_apps[asker.app];
}

static inline bool in_tenancy(const struct model *model)
{
  return (asker.all || model->tenant == asker.tenant) &&
         (asker.app == 0 || model->app == asker.app);
}

static inline bool reaches(const struct reach *reach)
{
  return reach->there &&
         (asker.role != CONNECTOR_ROLE_MEMBER || !reach->personal || reach->user == asker.user);
}

static inline bool model_visible(const struct model *model)
{
  return model->reach.there && in_tenancy(model) && reaches(&model->reach);
}

static inline bool model_live(const struct model *model)
{
  return model_visible(model) && !model->deleted;
}

/* ---- history ---- */

static inline void model_wrote(const struct model *model, connector_change_kind kind,
                               struct reach before)
{
  assert_true(model_row_count < ROWS);
  model_rows[model_row_count++] = (struct model_row){ (size_t)(model - models), kind,
                                                      model->version, before, model->reach };
}

/* What calls that follow each other have read. */
struct told {
  connector_changes *pages[ROWS / CONNECTOR_CHANGES_MAX + 1];
  size_t count;
};

static inline const connector_change *told_at(const struct told *told, size_t index)
{
  return index >= told->count ? NULL
                              : connector_changes_at(told->pages[index / CONNECTOR_CHANGES_MAX],
                                                     index % CONNECTOR_CHANGES_MAX);
}

/* Reads the asker's whole history of a connector, newest first, or its feed for NULL. */
static inline struct told told_of(const char *id)
{
  struct told told = { .count = 0 };
  int64_t seq = 0;
  for (size_t page = 0; told.count == page * CONNECTOR_CHANGES_MAX; page++) {
    connector_changes **changes = &told.pages[page];
    if (id != NULL)
      assert_ok(connector_history(test.store, id, seq, CONNECTOR_CHANGES_MAX, changes, &failure));
    else
      assert_ok(connector_changes_after(test.store, seq, CONNECTOR_CHANGES_MAX, changes, &failure));
    if (connector_changes_count(*changes) == 0)
      break;
    told.count += connector_changes_count(*changes);
    seq = told_at(&told, told.count - 1)->seq;
  }
  return told;
}

static inline void told_free(struct told *told)
{
  for (size_t i = 0; i < COUNT_OF(told->pages); i++)
    connector_changes_free(told->pages[i]);
}

/* The asker is told what it may see of each row: of one connector, newest first, or of all for
 * NULL, oldest first. */
static inline void assert_told(const struct model *only)
{
  struct told told = told_of(only != NULL ? only->id : NULL);

  size_t at = 0;
  for (size_t i = 0; i < model_row_count; i++) {
    size_t index = only != NULL ? model_row_count - 1 - i : i;
    const struct model_row *row = &model_rows[index];
    const struct model *model = &models[row->model];
    bool before = reaches(&row->before);
    bool after = reaches(&row->after);
    if ((only != NULL && only != model) || !in_tenancy(model) || (!before && !after))
      continue;
    const connector_change *change = told_at(&told, at++);
    if (change == NULL)
      fail_msg("row %zu is not told, only %zu are", index, at - 1);
    bool purged = row->kind == CONNECTOR_CHANGE_PURGED;
    if (change->seq != (int64_t)index + 1 || strcmp(change->id, model->id) != 0 ||
        change->kind != row->kind || (!purged && change->version != row->version) ||
        change->out_of_reach != (before && !after && !purged) ||
        (change->forward != NULL) != after ||
        (row->kind != CONNECTOR_CHANGE_CREATED && (change->back != NULL) != (before && after)))
      fail_msg("row %zu is told as seq %d, %s, version %d", index, (int)change->seq,
               connector_change_kind_name(change->kind), (int)change->version);
  }
  assert_int_equal(told.count, at);
  told_free(&told);
}

/* ---- health ---- */

static inline int64_t last_day(const struct model *model)
{
  int64_t hour = test_time / HOUR;
  int64_t sum = 0;
  for (size_t i = 0; i < model->report_count; i++) {
    int64_t of = model->reports[i].at / HOUR;
    sum += of <= hour && of > hour - 24 ? model->reports[i].synced : 0;
  }
  return sum;
}

/* A clock set back over the hour makes reports of the hour ahead this one's. */
static inline void settle_hours(struct model *model)
{
  for (size_t i = 0; i < model->report_count; i++)
    if (model->reports[i].at / HOUR > test_time / HOUR)
      model->reports[i].at = test_time;
}

/* ---- leases and due work ---- */

static inline bool lease_held(const struct model_lease *lease)
{
  return lease->fence > 0 && !lease->handed_back && lease->expires_at > test_time;
}

enum certainty { NO, PERHAPS, YES };

/* Whether the contract says that a live connector is due, its leases aside. */
static inline enum certainty model_due(const struct model *model, connector_due due)
{
  bool waits = model->retry_at > test_time;
  int64_t life = model->token_expires_at - model->token_written_at;
  int64_t horizon = life / 5 < 15 * MINUTE ? life / 5 : 15 * MINUTE;
  switch (due) {
  case CONNECTOR_DUE_REFRESH:
    if (!model->refresh_needed &&
        (model->token_expires_at == 0 || model->token_expires_at - horizon > test_time))
      return NO;
    if (waits && model->refresh_failed)
      return NO;
    return waits || !model->enabled ? PERHAPS : YES;
  case CONNECTOR_DUE_ROTATION:
    if (model->rotation_due == 0 || model->rotation_due > test_time)
      return NO;
    return waits || !model->enabled ? PERHAPS : YES;
  default:
    if (!model->enabled || waits)
      return NO;
    if (model->last_sync_at > test_time)
      return PERHAPS;
    return model->last_sync_at == 0 || model->last_sync_at + INTERVAL < test_time ? YES : NO;
  }
}

#endif
