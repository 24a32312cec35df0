/*
 * Reading history: the changes of one connector, and the feed of all that a caller can read.
 */
#include "engine/history.h"

#include "record/json_tree.h"
#include "store/change.h"
#include "store/rules.h"

#include <connector/history.h>

#include <stdlib.h>
#include <string.h>

enum { LIMIT_USUAL = 100 };

struct connector_changes {
  size_t count;
  connector_change *items; /* in the arena, like their text */
  struct arena arena;
};

/* ---- what a caller may see of a change ---- */

static bool covers(const struct scope *scope, const struct history_row *row, bool before)
{
  const char *text = before ? row->was_scope : row->scope;
  const connector record = {
    .tenant_id = row->tenant_id,
    .app_id = row->app_id,
    .scope = text != NULL ? (connector_scope)enum_value(record_fields[CONNECTOR_FIELD_SCOPE].names,
                                                        text, strlen(text))
                          : 0,
    .owner_id = before ? row->was_owner_id : row->owner_id,
    .group_id = before ? row->was_group_id : row->group_id,
    .user_id = before ? row->was_user_id : row->user_id,
  };

  return scope_covers(scope, &record);
}

/* Takes out what belongs to a side of the change that the caller can't see. Where it sees only what
 * came of it, `forward` keeps what was set and loses what was removed. */
static bool limit_to_reach(const struct scope *scope, const struct history_row *row,
                           connector_change *change, struct arena *arena)
{
  change->out_of_reach = !covers(scope, row, false);
  if (!change->out_of_reach && covers(scope, row, true))
    return true;
  change->back = NULL;
  if (change->out_of_reach || change->forward == NULL)
    change->forward = NULL;
  else
    change->forward = json_merge(NULL, change->forward, arena);
  return change->out_of_reach || row->forward == NULL || change->forward != NULL;
}

/* ---- rows into changes ---- */

/* Who may see a change is of use only where that changed, which is rare: those are read again. */
static unsigned parts_for(const struct scope *scope)
{
  return scope->kind == SCOPE_MEMBER ? HISTORY_SHOWN | HISTORY_MOVED : HISTORY_SHOWN;
}

/* Copies the text of a change into one block of the arena. */
static bool keep_text(struct arena *arena, connector_change *change)
{
  const char **texts[] = { &change->id,        &change->tenant_id, &change->app_id,
                           &change->person_id, &change->source,    &change->request_id,
                           &change->reason,    &change->forward,   &change->back };
  enum { TEXTS = sizeof(texts) / sizeof(texts[0]) };
  size_t sizes[TEXTS];
  size_t total = 0;
  char *at = NULL;

  for (size_t i = 0; i < TEXTS; i++) {
    sizes[i] = *texts[i] != NULL ? strlen(*texts[i]) + 1 : 0;
    total += sizes[i];
  }
  at = arena_alloc(arena, total);
  for (size_t i = 0; at != NULL && i < TEXTS; i++) {
    if (sizes[i] == 0)
      continue;
    memcpy(at, *texts[i], sizes[i]);
    *texts[i] = at;
    at += sizes[i];
  }
  return at != NULL;
}

/* Reads a change again with who may see it, and takes out what the caller may not. */
static connector_status limit_change(struct work *work, connector_change *change,
                                     struct arena *arena)
{
  enum { PARTS = HISTORY_SHOWN | HISTORY_REACH };
  struct call *call = work->call;
  struct statement *statement = NULL;
  struct history_row row = { 0 };
  bool found = false;
  connector_status status = history_feed(work->connection, &call->scope, PARTS, change->seq - 1, 1,
                                         &statement, call->error);

  if (status != CONNECTOR_OK)
    return status;
  status = history_next(statement, PARTS, &row, &found, call->error);
  if (status == CONNECTOR_OK && (!found || row.seq != change->seq))
    status = error_set(call->error, CONNECTOR_INTERNAL, NULL, "a change is gone while it is read");
  if (status == CONNECTOR_OK && !limit_to_reach(&call->scope, &row, change, arena))
    status = error_no_memory(call->error);
  statement_done(statement);
  return status;
}

static connector_status read_changes(struct work *work, struct statement *statement, size_t limit,
                                     connector_changes *changes)
{
  struct call *call = work->call;
  struct history_row row = { 0 };
  unsigned parts = parts_for(&call->scope);
  bool found = true;
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && changes->count < limit) {
    connector_change *change = &changes->items[changes->count];

    status = history_next(statement, parts, &row, &found, call->error);
    if (status != CONNECTOR_OK || !found)
      break;
    *change = change_of(&row);
    change->out_of_reach = row.was_scope != NULL; /* for now: it is to be looked at */
    if (!keep_text(&changes->arena, change))
      status = error_no_memory(call->error);
    changes->count++;
  }
  statement_done(statement);
  for (size_t i = 0; status == CONNECTOR_OK && i < changes->count; i++)
    if (changes->items[i].out_of_reach)
      status = limit_change(work, &changes->items[i], &changes->arena);
  return status;
}

static connector_status check_range(int64_t seq, const char *name, uint32_t *limit,
                                    connector_error *error)
{
  if (seq < 0)
    return error_set(error, CONNECTOR_INVALID, name, "must not be negative");
  if (*limit > CONNECTOR_CHANGES_MAX)
    return error_set(error, CONNECTOR_INVALID, "limit", "is more than %d", CONNECTOR_CHANGES_MAX);
  if (*limit == 0)
    *limit = LIMIT_USUAL;
  return CONNECTOR_OK;
}

static connector_status new_changes(size_t limit, connector_changes **out, connector_error *error)
{
  connector_changes *changes = calloc(1, sizeof(*changes));

  if (changes == NULL)
    return error_no_memory(error);
  changes->items = arena_object(&changes->arena, limit * sizeof(*changes->items));
  if (changes->items == NULL) {
    connector_changes_free(changes);
    return error_no_memory(error);
  }
  *out = changes;
  return CONNECTOR_OK;
}

/* ---- the feed ---- */

static connector_status read_feed(struct call *call, int64_t after, uint32_t limit,
                                  connector_changes *changes)
{
  struct statement *statement = NULL;
  struct work work;
  connector_status status = work_begin_snapshot(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = history_feed(work.connection, &call->scope, parts_for(&call->scope), after, limit,
                        &statement, call->error);
  if (status == CONNECTOR_OK)
    status = read_changes(&work, statement, limit, changes);
  work_end_snapshot(&work);
  return status;
}

connector_status connector_changes_after(connector_store *store, int64_t after_seq, uint32_t limit,
                                         connector_changes **out, connector_error *error)
{
  struct call call;
  connector_changes *changes = NULL;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && out == NULL)
    status = not_given("out", error);
  if (status == CONNECTOR_OK)
    status = check_range(after_seq, "after_seq", &limit, error);
  if (status == CONNECTOR_OK)
    status = rules_authorize(&call, CONNECTOR_ACTION_HISTORY, NULL);
  if (status == CONNECTOR_OK)
    status = new_changes(limit, &changes, error);
  if (status == CONNECTOR_OK)
    status = read_feed(&call, after_seq, limit, changes);
  if (status == CONNECTOR_OK)
    *out = changes;
  else
    connector_changes_free(changes);
  return call_end(&call, status);
}

/* ---- one connector ---- */

static connector_status read_of(struct work *work, const char *id, int64_t before, uint32_t limit,
                                connector_changes *changes)
{
  struct call *call = work->call;
  struct statement *statement = NULL;
  connector_status status = history_of(work->connection, &call->scope, parts_for(&call->scope), id,
                                       before, limit, &statement, call->error);

  return status == CONNECTOR_OK ? read_changes(work, statement, limit, changes) : status;
}

/* Where the caller finds no record: whether it has a history for it all the same. One that is there
 * has none for who can't read it, whatever it could read of it before. One that was purged has one
 * for who could see it at the end. Neither takes longer the more history there is. */
static connector_status check_gone(struct work *work, const char *id)
{
  struct call *call = work->call;
  const struct scope tenant = { .kind = SCOPE_TENANT, .tenant = call->scope.tenant };
  struct statement *statement = NULL;
  struct history_row row = { 0 };
  bool found = false;
  bool seen = false;
  connector_status status = history_of(work->connection, &tenant, HISTORY_SHOWN | HISTORY_REACH, id,
                                       INT64_MAX, 1, &statement, call->error);

  if (status != CONNECTOR_OK)
    return status;
  status = history_next(statement, HISTORY_SHOWN | HISTORY_REACH, &row, &found, call->error);
  seen = status == CONNECTOR_OK && found &&
         change_kind_value(row.kind) == CONNECTOR_CHANGE_PURGED &&
         covers(&call->scope, &row, false);
  statement_done(statement);
  return status == CONNECTOR_OK && !seen ? not_found(call->error) : status;
}

/* The record, NULL where it was purged or is out of reach now. */
struct subject {
  connector *record;    /* owned */
  struct buffer tenant; /* whose it was, where it is gone and the caller has no tenant */
};

/* Narrows a scope that spans tenants to the connector's own: the changes of one are in order. */
static connector_status narrow(struct work *work, const char *id, struct subject *subject)
{
  struct call *call = work->call;
  connector_status status = CONNECTOR_OK;

  if (call->scope.kind != SCOPE_SYSTEM)
    return CONNECTOR_OK;
  if (subject->record == NULL)
    status = history_owner(work->connection, id, &subject->tenant, call->error);
  if (status != CONNECTOR_OK)
    return status;
  call->scope.kind = SCOPE_TENANT;
  call->scope.tenant = subject->record != NULL ? subject->record->tenant_id : subject->tenant.bytes;
  return CONNECTOR_OK;
}

static connector_status read_history(struct work *work, const char *id, int64_t before,
                                     uint32_t limit, struct subject *subject,
                                     connector_changes *changes)
{
  struct call *call = work->call;
  connector_status status = rows_find(work->connection, &call->scope, id, CONNECTOR_DELETED_INCLUDE,
                                      &subject->record, call->error);

  if (status == CONNECTOR_OK)
    status = narrow(work, id, subject);
  if (status == CONNECTOR_OK && subject->record == NULL)
    status = check_gone(work, id);
  return status == CONNECTOR_OK ? read_of(work, id, before, limit, changes) : status;
}

/* All from one snapshot. What the caller could never see looks like what never was. */
static connector_status find_history(struct call *call, const char *id, int64_t before,
                                     uint32_t limit, connector_changes *changes)
{
  struct subject subject = { 0 };
  struct work work;
  connector_status status = work_begin_snapshot(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = read_history(&work, id, before > 0 ? before : INT64_MAX, limit, &subject, changes);
  work_end_snapshot(&work);
  if (status == CONNECTOR_OK)
    status = rules_authorize(call, CONNECTOR_ACTION_HISTORY, subject.record);
  buffer_free(&subject.tenant);
  connector_free(subject.record);
  return status;
}

connector_status connector_history(connector_store *store, const char *id, int64_t before_seq,
                                   uint32_t limit, connector_changes **out, connector_error *error)
{
  struct call call;
  connector_changes *changes = NULL;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && (id == NULL || out == NULL))
    status = not_given(id == NULL ? "id" : "out", error);
  if (status == CONNECTOR_OK)
    status = check_range(before_seq, "before_seq", &limit, error);
  if (status == CONNECTOR_OK && !store_may_hold(id))
    status = not_found(error);
  if (status == CONNECTOR_OK)
    status = new_changes(limit, &changes, error);
  if (status == CONNECTOR_OK)
    status = find_history(&call, id, before_seq, limit, changes);
  if (status == CONNECTOR_OK)
    *out = changes;
  else
    connector_changes_free(changes);
  return call_end(&call, status);
}

/* ---- lists of changes ---- */

size_t connector_changes_count(const connector_changes *changes)
{
  return changes != NULL ? changes->count : 0;
}

const connector_change *connector_changes_at(const connector_changes *changes, size_t index)
{
  return changes != NULL && index < changes->count ? &changes->items[index] : NULL;
}

void connector_changes_free(connector_changes *changes)
{
  if (changes == NULL)
    return;
  arena_free(&changes->arena);
  free(changes);
}
