/*
 * A record as it stood at a version: from how it stands now, back along its changes until the first
 * one of that version or an older one.
 */
#include "engine/history.h"

#include "record/record_diff.h"
#include "store/change.h"
#include "store/rules.h"
#include "store/work.h"

#include <connector/history.h>

#include <string.h>

enum { CHANGES_KEPT = 64 };

struct rebuilding {
  struct call *call;
  int64_t version;
  connector record;   /* as it stood after the change that comes next */
  struct arena arena; /* of its text, as far as it is not in `kept` */
  connector *kept;    /* owned; a copy made on the way */
  size_t changes;     /* undone since */
  int64_t least;      /* the version of the change that comes next is one of these, */
  int64_t most;       /* unless changes were made that history does not hold */
  bool found;         /* it stands as wanted */
};

static const char *keep(struct rebuilding *rebuilding, const char *text, bool *failed)
{
  const char *copy = text != NULL ? arena_copy(&rebuilding->arena, text, strlen(text)) : NULL;

  *failed = *failed || (text != NULL && copy == NULL);
  return copy;
}

/* The stamps that the change left; fields come from the patches. */
static connector_status take_stamps(struct rebuilding *rebuilding, const struct history_row *row)
{
  connector *record = &rebuilding->record;
  const char *updated_by = row->updated_by != NULL ? row->updated_by : row->person_id;
  bool failed = false;

  record->version = row->version;
  record->updated_at = row->updated_at != 0 ? row->updated_at : row->at;
  record->updated_by = keep(rebuilding,
                            updated_by != NULL && *updated_by != '\0' ? updated_by : NULL, &failed);
  record->deleted_at = row->deleted_at;
  record->deleted_by = keep(rebuilding, row->deleted_by, &failed);
  record->is_deleted = row->deleted_at != 0;
  return failed ? error_no_memory(rebuilding->call->error) : CONNECTOR_OK;
}

/* A recovery is either a report or a person's update. */
static void foresee_next(struct rebuilding *rebuilding, const struct history_row *row)
{
  rebuilding->most = rebuilding->least = row->version;
  switch (change_kind_value(row->kind)) {
  case CONNECTOR_CHANGE_CREATED:
  case CONNECTOR_CHANGE_PURGED:
    rebuilding->most = 0; /* what is older was purged, and the id used again */
    return;
  case CONNECTOR_CHANGE_UPDATED:
  case CONNECTOR_CHANGE_DELETED:
  case CONNECTOR_CHANGE_RESTORED:
    rebuilding->most--;
    rebuilding->least--;
    return;
  case CONNECTOR_CHANGE_RECOVERED:
    rebuilding->least--;
    return;
  default:
    return;
  }
}

/* Now and then the record moves to memory of its own, so that what it was on the way goes. */
static connector_status tidy(struct rebuilding *rebuilding)
{
  connector *copy = NULL;

  if (++rebuilding->changes < CHANGES_KEPT)
    return CONNECTOR_OK;
  copy = record_copy(&rebuilding->record);
  if (copy == NULL)
    return error_no_memory(rebuilding->call->error);
  connector_free(rebuilding->kept);
  arena_free(&rebuilding->arena);
  rebuilding->arena = (struct arena){ 0 };
  rebuilding->kept = copy;
  rebuilding->record = *copy;
  rebuilding->changes = 0;
  return CONNECTOR_OK;
}

/* Goes back over the changes, newest first. */
static connector_status go_back(struct rebuilding *rebuilding, struct statement *statement)
{
  connector_error *error = rebuilding->call->error;
  struct history_row row = { 0 };
  bool more = true;
  connector_status status = CONNECTOR_OK;

  for (;;) {
    status = history_next(statement, HISTORY_ALL, &row, &more, error);
    if (status != CONNECTOR_OK || !more || row.version < rebuilding->least ||
        row.version > rebuilding->most)
      return status;
    status = take_stamps(rebuilding, &row);
    rebuilding->found = status == CONNECTOR_OK && row.version == rebuilding->version;
    foresee_next(rebuilding, &row);
    if (status == CONNECTOR_OK && !rebuilding->found)
      status = record_undo(&rebuilding->record, row.back, row.back_exact, &rebuilding->arena,
                           error);
    if (status == CONNECTOR_OK && !rebuilding->found)
      status = tidy(rebuilding);
    if (status != CONNECTOR_OK || rebuilding->found)
      return status;
  }
}

static connector_status no_such_version(connector_error *error)
{
  return error_set(error, CONNECTOR_NOT_FOUND, "version",
                   "there is no such version, or its history is not kept");
}

/* The caller's reach is looked at when the record is rebuilt: on the way it may have been
 * another's.
 */
static connector_status rebuild(struct rebuilding *rebuilding, struct work *work,
                                const connector *now)
{
  struct call *call = rebuilding->call;
  const struct scope scope = { .kind = SCOPE_TENANT, .tenant = now->tenant_id };
  struct statement *statement = NULL;
  connector_status status = CONNECTOR_OK;

  rebuilding->record = *now;
  rebuilding->found = now->version == rebuilding->version;
  rebuilding->least = rebuilding->most = now->version;
  if (now->version <= rebuilding->version)
    return CONNECTOR_OK;
  status = history_of(work->connection, &scope, HISTORY_ALL, now->id, INT64_MAX, -1, &statement,
                      call->error);
  if (status != CONNECTOR_OK)
    return status;
  status = go_back(rebuilding, statement);
  statement_done(statement);
  return status;
}

static connector_status read_as_of(struct rebuilding *rebuilding, const char *id, connector **now)
{
  struct call *call = rebuilding->call;
  struct work work;
  connector_status status = work_begin_snapshot(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = rows_find(work.connection, &call->scope, id, CONNECTOR_DELETED_INCLUDE, now,
                     call->error);
  if (status == CONNECTOR_OK && *now == NULL)
    status = not_found(call->error);
  if (status == CONNECTOR_OK)
    status = rebuild(rebuilding, &work, *now);
  work_end_snapshot(&work);
  return status;
}

static connector_status as_of(struct call *call, const char *id, int64_t version, connector **out)
{
  struct rebuilding rebuilding = { .call = call, .version = version };
  connector *now = NULL;
  connector_status status = read_as_of(&rebuilding, id, &now);

  if (status == CONNECTOR_OK)
    status = rules_authorize(call, CONNECTOR_ACTION_HISTORY, now);
  if (status == CONNECTOR_OK &&
      (!rebuilding.found || !scope_covers(&call->scope, &rebuilding.record)))
    status = no_such_version(call->error);
  if (status == CONNECTOR_OK) {
    *out = record_copy(&rebuilding.record);
    status = *out != NULL ? CONNECTOR_OK : error_no_memory(call->error);
  }
  arena_free(&rebuilding.arena);
  connector_free(rebuilding.kept);
  connector_free(now);
  return status;
}

connector_status connector_get_as_of(connector_store *store, const char *id, int64_t version,
                                     connector **out, connector_error *error)
{
  struct call call;
  connector *record = NULL;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && (id == NULL || out == NULL))
    status = not_given(id == NULL ? "id" : "out", error);
  if (status == CONNECTOR_OK && version < 1)
    status = error_set(error, CONNECTOR_INVALID, "version", "must be above 0");
  if (status == CONNECTOR_OK && !store_may_hold(id))
    status = not_found(error);
  if (status == CONNECTOR_OK)
    status = as_of(&call, id, version, &record);
  if (status == CONNECTOR_OK)
    *out = record;
  return call_end(&call, status);
}
