/*
 * Changes: the diff, the row of history with its place in the tenant's chain, and the note for
 * `on_change`.
 */
#include "store/change.h"

#include "record/record_diff.h"
#include "store/chain.h"

#include <connector/history.h>

#include <string.h>

/* ---- kinds ---- */

static const char *const kind_texts[] = {
  "created", "updated",   "deleted", "restored", "purged",
  "health",  "refreshed", "rotated", "disabled", "recovered",
};

static const struct enum_names kinds = { kind_texts, sizeof(kind_texts) / sizeof(kind_texts[0]) };

_Static_assert(sizeof(kind_texts) / sizeof(kind_texts[0]) == CONNECTOR_CHANGE_RECOVERED,
               "each kind of change has a text");

const char *change_kind_text(connector_change_kind kind)
{
  return enum_text(&kinds, (int64_t)kind);
}

connector_change_kind change_kind_value(const char *text)
{
  return (connector_change_kind)enum_value(&kinds, text, strlen(text));
}

const char *connector_change_kind_name(connector_change_kind kind)
{
  const char *text = change_kind_text(kind);

  return text != NULL ? text : "unknown";
}

/* ---- the row of a change ---- */

static bool same_text(const char *a, const char *b)
{
  return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

static const char *scope_text(const connector *record)
{
  return enum_text(record_fields[CONNECTOR_FIELD_SCOPE].names, (int64_t)record->scope);
}

static bool same_reach(const connector *a, const connector *b)
{
  return a->scope == b->scope && same_text(a->owner_id, b->owner_id) &&
         same_text(a->group_id, b->group_id) && same_text(a->user_id, b->user_id);
}

static void fill_reach(struct history_row *row, const struct change *change)
{
  const connector *record = change->after != NULL ? change->after : change->before;

  row->scope = scope_text(record);
  row->owner_id = record->owner_id;
  row->group_id = record->group_id;
  row->user_id = record->user_id;
  if (change->before == NULL || same_reach(change->before, record))
    return;
  row->was_scope = scope_text(change->before);
  row->was_owner_id = change->before->owner_id;
  row->was_group_id = change->before->group_id;
  row->was_user_id = change->before->user_id;
}

/* What of the record's stamps the other columns do not tell. */
static void fill_state(struct history_row *row, const connector *after)
{
  if (after == NULL)
    return;
  row->updated_at = after->updated_at != row->at ? after->updated_at : 0;
  if (!same_text(after->updated_by, row->person_id))
    row->updated_by = after->updated_by != NULL ? after->updated_by : "";
  row->deleted_at = after->deleted_at;
  row->deleted_by = after->deleted_by;
}

static const char *text_of(struct buffer *buffer)
{
  if (buffer->length == 0)
    return NULL;
  buffer_byte(buffer, '\0');
  return buffer->failed ? NULL : buffer->bytes;
}

static connector_status fill_row(struct history_row *row, const struct work *work,
                                 const struct change *change, struct record_diff *diff)
{
  const connector_caller *caller = &work->call->caller;
  const connector *record = change->after != NULL ? change->after : change->before;

  *row = (struct history_row){
    .tenant_id = record->tenant_id,
    .connector_id = record->id,
    .app_id = record->app_id,
    .version = record->version,
    .kind = change_kind_text(change->kind),
    .at = change->at,
    .person_id = caller->person_id,
    .source = caller->source,
    .request_id = caller->request_id,
    .reason = change->reason,
  };
  if (!work->call->store->keeps_history)
    return CONNECTOR_OK;
  fill_reach(row, change);
  fill_state(row, change->after);
  if (!record_diff(change->before, change->after, diff))
    return error_no_memory(work->call->error);
  row->forward = text_of(&diff->forward);
  row->back = text_of(&diff->back);
  row->back_exact = text_of(&diff->back_exact);
  return diff->forward.failed || diff->back.failed || diff->back_exact.failed
             ? error_no_memory(work->call->error)
             : CONNECTOR_OK;
}

/* ---- its place in the chain ---- */

/* Before the first row of this store: whether the file's history is keyed with its key. The first
 * row of the file settles which key that is. It is remembered where it is seen committed: what this
 * transaction itself wrote may be undone. A batch remembers it for its own time: where a savepoint
 * of it takes the key back, it takes all of the history too, and the next row is the first again.
 */
static connector_status settle_key(struct work *work, bool first)
{
  connector_store *store = work->call->store;
  struct batch *batch = work->joined ? store->batch : NULL;
  uint8_t check[META_KEY_SIZE];
  bool keyed = false;
  connector_status status = CONNECTOR_OK;

  if (atomic_load_explicit(&store->history_checked, memory_order_relaxed))
    return CONNECTOR_OK;
  if (batch != NULL && batch->history_checked && !first)
    return CONNECTOR_OK;
  status = chain_check_key(store, work->connection, &keyed, work->call->error);
  if (status == CONNECTOR_OK && keyed && batch != NULL)
    batch->history_checked = true;
  if (status == CONNECTOR_OK && keyed && !work->joined && !work->member.shared && !work->changed)
    atomic_store_explicit(&store->history_checked, true, memory_order_relaxed);
  if (status != CONNECTOR_OK || keyed)
    return status;
  if (!first)
    return error_set(work->call->error, CONNECTOR_CORRUPT, NULL, "the history has lost its check");
  chain_check(store->history_key, check);
  return meta_put_history_check(work->connection, check, work->call->error);
}

static connector_status append(struct work *work, struct history_row *row)
{
  connector_store *store = work->call->store;
  connector_error *error = work->call->error;
  struct history_head head;
  int64_t newest = 0;
  bool sound = false;
  connector_status status = history_tip(work->connection, row->tenant_id, &head, &newest, error);

  if (status == CONNECTOR_OK)
    status = settle_key(work, newest == 0);
  if (status != CONNECTOR_OK)
    return status;
  if (newest < 0 || newest == INT64_MAX)
    return error_set(error, CONNECTOR_CORRUPT, NULL, "the history is damaged");
  sound = chain_is_sound(store->history_key, row->tenant_id, &head);
  row->seq = newest + 1;
  chain_row(store->history_key, row, head.mac, row->mac);
  status = history_insert(work->connection, row, error);
  if (status != CONNECTOR_OK)
    return status;
  head.seq = row->seq;
  head.changes++;
  memcpy(head.mac, row->mac, HISTORY_MAC);
  chain_reseal(store->history_key, row->tenant_id, sound, &head);
  work->changed = true;
  return history_put_head(work->connection, row->tenant_id, &head, error);
}

/* ---- all of it ---- */

bool change_is_kept(const connector_store *store)
{
  return store->keeps_history || store->on_change != NULL;
}

connector_change change_of(const struct history_row *row)
{
  return (connector_change){
    .size = sizeof(connector_change),
    .kind = change_kind_value(row->kind),
    .id = row->connector_id,
    .tenant_id = row->tenant_id,
    .app_id = row->app_id,
    .version = row->version,
    .at = row->at,
    .person_id = row->person_id,
    .request_id = row->request_id,
    .seq = row->seq,
    .source = row->source,
    .reason = row->reason,
    .forward = row->forward,
    .back = row->back,
  };
}

static connector_status note(struct work *work, const struct history_row *row)
{
  const connector_change told = change_of(row);

  return work_note(work, &told);
}

connector_status change_write(struct work *work, const struct change *change)
{
  struct record_diff diff = { 0 };
  struct history_row row;
  connector_status status = CONNECTOR_OK;

  if (!change_is_kept(work->call->store) && change->reason == NULL)
    return CONNECTOR_OK;
  status = fill_row(&row, work, change, &diff);
  if (status == CONNECTOR_OK && work->call->store->keeps_history)
    status = append(work, &row);
  if (status == CONNECTOR_OK && (work->call->store->on_change != NULL || change->reason != NULL))
    status = note(work, &row);
  record_diff_free(&diff);
  return status;
}
