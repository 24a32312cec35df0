/*
 * Walking the chain of history: of a tenant, or of all.
 */
#include "store/chain.h"
#include "store/rules.h"
#include "store/work.h"

#include <connector/history.h>

#include <string.h>

/* ---- walking one tenant's chain ---- */

struct walk {
  struct call *call;
  struct connection *connection;
  const char *tenant;
  struct history_head head;
  uint8_t mac[HISTORY_MAC]; /* of the row before */
  int64_t seq;              /* of it */
  int64_t changes;          /* rows up to it, trimmed ones included */
  int64_t first_bad;        /* 0: none yet */
};

/* A row that was put in may have any number; the changes are numbered from 1. */
static void note_bad(struct walk *walk, int64_t seq)
{
  if (seq < 1)
    seq = 1;
  if (walk->first_bad == 0 || seq < walk->first_bad)
    walk->first_bad = seq;
}

static connector_status walk_rows(struct walk *walk)
{
  const connector_store *store = walk->call->store;
  const struct scope scope = { .kind = SCOPE_TENANT, .tenant = walk->tenant };
  struct statement *statement = NULL;
  struct history_row row = { 0 };
  bool found = true;
  connector_status status = history_feed(walk->connection, &scope, HISTORY_ALL, INT64_MIN, -1,
                                         &statement, walk->call->error);

  if (status != CONNECTOR_OK)
    return status;
  while (status == CONNECTOR_OK && walk->first_bad == 0) {
    uint8_t mac[HISTORY_MAC];

    status = history_next(statement, HISTORY_ALL, &row, &found, walk->call->error);
    if (status == CONNECTOR_CORRUPT && found) {
      note_bad(walk, row.seq);
      status = error_clear(walk->call->error);
    }
    if (status != CONNECTOR_OK || !found || walk->first_bad != 0)
      break;
    chain_row(store->history_key, &row, walk->mac, mac);
    if (row.seq <= walk->head.anchor_seq || !chain_same(mac, row.mac))
      note_bad(walk, row.seq);
    memcpy(walk->mac, mac, HISTORY_MAC);
    walk->seq = row.seq;
    walk->changes++;
  }
  statement_done(statement);
  return status;
}

/* Where the chain breaks though every row fits the one before it: the rows end too early, or it is
 * the head that is not right. */
static bool ends_well(const struct walk *walk)
{
  const struct history_head *head = &walk->head;

  return chain_is_sound(walk->call->store->history_key, walk->tenant, head) &&
         walk->seq == head->seq && walk->changes == head->changes &&
         chain_same(walk->mac, head->mac);
}

static connector_status walk_tenant(struct walk *walk)
{
  int64_t newest = 0;
  connector_status status = history_tip(walk->connection, walk->tenant, &walk->head, &newest,
                                        walk->call->error);

  if (status == CONNECTOR_CORRUPT) {
    walk->head.seq = -1;
    status = error_clear(walk->call->error);
  }
  if (status != CONNECTOR_OK)
    return status;
  walk->seq = walk->head.anchor_seq;
  walk->changes = walk->head.anchor_changes;
  memcpy(walk->mac, walk->head.anchor_mac, HISTORY_MAC);
  status = walk_rows(walk);
  if (status == CONNECTOR_OK && walk->first_bad == 0 && !ends_well(walk))
    note_bad(walk, walk->seq < walk->head.seq ? walk->seq + 1 : walk->seq > 0 ? walk->seq : 1);
  return status;
}

/* ---- walking all that the caller may ---- */

struct verifying {
  int64_t first_bad;
  int64_t changes; /* of all tenants, trimmed ones included */
  int64_t rows;
};

static connector_status walk_one(struct work *work, const char *tenant, struct verifying *verifying)
{
  struct walk walk = { .call = work->call, .connection = work->connection, .tenant = tenant };
  connector_status status = walk_tenant(&walk);

  verifying->changes += walk.changes;
  verifying->rows += walk.changes - walk.head.anchor_changes;
  if (status == CONNECTOR_OK && walk.first_bad != 0 &&
      (verifying->first_bad == 0 || walk.first_bad < verifying->first_bad))
    verifying->first_bad = walk.first_bad;
  return status;
}

/* Over all tenants the numbers have no gap: where a whole tenant was taken out, with its head,
 * there are fewer changes than the last number says. And every row is some tenant's. */
static connector_status walk_all(struct work *work, struct verifying *verifying)
{
  struct call *call = work->call;
  const struct scope everything = { .kind = SCOPE_SYSTEM };
  struct buffer tenant = { 0 };
  int64_t newest = 0;
  int64_t rows = 0;
  connector_status status = history_tenant(work->connection, "", &tenant, call->error);

  while (status == CONNECTOR_OK && tenant.bytes[0] != '\0') {
    status = walk_one(work, tenant.bytes, verifying);
    if (status == CONNECTOR_OK)
      status = history_tenant(work->connection, tenant.bytes, &tenant, call->error);
  }
  buffer_free(&tenant);
  if (status == CONNECTOR_OK)
    status = history_newest(work->connection, &everything, 0, &newest, call->error);
  if (status == CONNECTOR_OK)
    status = history_count(work->connection, &rows, call->error);
  if (status == CONNECTOR_OK && verifying->first_bad == 0 &&
      (verifying->changes != newest || verifying->rows != rows))
    verifying->first_bad = newest > 0 ? newest : 1;
  return status;
}

static connector_status verify(struct call *call, int64_t *first_bad)
{
  struct verifying verifying = { 0 };
  struct work work;
  bool keyed = false;
  connector_status status = work_begin_long(&work, call);

  if (status != CONNECTOR_OK)
    return status;
  status = chain_check_key(call->store, work.connection, &keyed, call->error);
  if (status == CONNECTOR_OK)
    status = call->scope.kind == SCOPE_SYSTEM ? walk_all(&work, &verifying)
                                              : walk_one(&work, call->scope.tenant, &verifying);
  work_end_long(&work);
  *first_bad = verifying.first_bad;
  return status;
}

connector_status connector_history_verify(connector_store *store, int64_t *first_bad_seq,
                                          connector_error *error)
{
  struct call call;
  int64_t first_bad = 0;
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && first_bad_seq == NULL)
    status = not_given("first_bad_seq", error);
  if (status == CONNECTOR_OK)
    status = chain_allow(&call);
  if (status == CONNECTOR_OK)
    status = verify(&call, &first_bad);
  if (status == CONNECTOR_OK)
    *first_bad_seq = first_bad;
  return call_end(&call, status);
}
