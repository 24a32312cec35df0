/*
 * Trimming: the oldest rows of a tenant go, and the head keeps where the chain then starts. What
 * goes is walked first: a chain that was broken there stays broken.
 */
#include "store/trim.h"

#include "store/chain.h"
#include "store/work.h"

#include <connector/history.h>

#include <string.h>

enum { TRIM_AT_ONCE = 1000 };

struct trimming {
  int64_t before;
  int64_t newest; /* of the store: it stays */
  bool sound;     /* so far the chain is as it was written */
  int64_t count;
};

/* Walks the rows that go, and moves the anchor behind them. */
static connector_status move_anchor(struct work *work, const char *tenant,
                                    struct trimming *trimming, struct history_head *head)
{
  const connector_store *store = work->call->store;
  const struct scope scope = { .kind = SCOPE_TENANT, .tenant = tenant };
  struct statement *statement = NULL;
  struct history_row row = { 0 };
  bool found = true;
  connector_status status = history_feed(work->connection, &scope, HISTORY_ALL, INT64_MIN,
                                         TRIM_AT_ONCE, &statement, work->call->error);

  if (status != CONNECTOR_OK)
    return status;
  for (;;) {
    uint8_t mac[HISTORY_MAC];

    status = history_next(statement, HISTORY_ALL, &row, &found, work->call->error);
    if (status == CONNECTOR_CORRUPT && found) {
      trimming->sound = false;
      status = error_clear(work->call->error);
    }
    if (status != CONNECTOR_OK || !found || row.at >= trimming->before ||
        row.seq >= trimming->newest)
      break;
    chain_row(store->history_key, &row, head->anchor_mac, mac);
    trimming->sound = trimming->sound && row.seq > head->anchor_seq && chain_same(mac, row.mac);
    memcpy(head->anchor_mac, row.mac, HISTORY_MAC);
    head->anchor_seq = row.seq;
    head->anchor_changes++;
    trimming->count++;
  }
  statement_done(statement);
  return status;
}

static connector_status trim_chunk(struct work *work, const char *tenant, struct trimming *trimming)
{
  connector_store *store = work->call->store;
  connector_error *error = work->call->error;
  struct history_head head;
  bool keyed = false;
  connector_status status = chain_check_key(store, work->connection, &keyed, error);

  if (status == CONNECTOR_OK)
    status = history_tip(work->connection, tenant, &head, &trimming->newest, error);
  if (status != CONNECTOR_OK || head.seq == 0)
    return status;
  trimming->sound = chain_is_sound(store->history_key, tenant, &head);
  status = move_anchor(work, tenant, trimming, &head);
  if (status != CONNECTOR_OK || trimming->count == 0)
    return status;
  status = history_remove(work->connection, tenant, head.anchor_seq, error);
  chain_reseal(store->history_key, tenant, trimming->sound, &head);
  return status == CONNECTOR_OK ? history_put_head(work->connection, tenant, &head, error) : status;
}

static connector_status trim_tenant(struct call *call, const char *tenant, int64_t before,
                                    int64_t *trimmed)
{
  struct trimming trimming = { .before = before, .count = TRIM_AT_ONCE };
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && trimming.count == TRIM_AT_ONCE) {
    struct work work;

    trimming.count = 0;
    status = work_begin_write(&work, call, true);
    if (status != CONNECTOR_OK)
      return status;
    status = trim_chunk(&work, tenant, &trimming);
    status = work_end_write(&work, status);
    if (status == CONNECTOR_OK)
      *trimmed += trimming.count;
  }
  return status;
}

static connector_status next_tenant(struct call *call, struct buffer *tenant)
{
  struct work work;
  connector_status status = work_begin_read(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = history_tenant(work.connection, tenant->length > 0 ? tenant->bytes : "", tenant,
                          call->error);
  work_end_read(&work);
  return status;
}

connector_status trim_all(struct call *call, int64_t before, int64_t *trimmed)
{
  struct buffer tenant = { 0 };
  connector_status status = next_tenant(call, &tenant);

  while (status == CONNECTOR_OK && tenant.bytes[0] != '\0') {
    status = trim_tenant(call, tenant.bytes, before, trimmed);
    if (status == CONNECTOR_OK)
      status = next_tenant(call, &tenant);
  }
  buffer_free(&tenant);
  return status;
}

connector_status connector_history_trim(connector_store *store, int64_t before, int64_t *trimmed,
                                        connector_error *error)
{
  struct call call;
  int64_t count = 0;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && before <= 0)
    status = error_set(error, CONNECTOR_INVALID, "before", "must be a time after 1970");
  if (status == CONNECTOR_OK)
    status = chain_allow(&call);
  if (status == CONNECTOR_OK)
    status = call.scope.kind == SCOPE_SYSTEM
                 ? trim_all(&call, before, &count)
                 : trim_tenant(&call, call.scope.tenant, before, &count);
  if (status == CONNECTOR_OK && trimmed != NULL)
    *trimmed = count;
  return call_end(&call, status);
}
