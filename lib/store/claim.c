/*
 * Claims: connectors that are due, each with a lease, in one transaction. A look without a lock
 * comes first: where nothing is due no writer is kept waiting, and over all tenants it finds whose
 * turn it is.
 */
#include "base/structs.h"
#include "engine/due.h"
#include "store/lease.h"
#include "store/rules.h"
#include "store/turns.h"

#include <stdlib.h>
#include <string.h>

enum { LIMIT_USUAL = 10, TTL_USUAL_MS = 300000, INTERVAL_USUAL_MS = 3600000 };

struct connector_claims {
  size_t count;
  connector_claim_item *items; /* in the arena, like the leases and the records */
  connector_lease *leases;
  struct arena arena;
};

struct claiming {
  struct call *call;
  struct work work;
  connector_claim_options options;
  struct due_query query;
  enum wait wait;
  int64_t expires_at; /* of the leases */
  connector_claims *claims;
};

/* ---- options ---- */

static connector_status check_options(connector_due due, connector_claim_options *options,
                                      connector_error *error)
{
  if ((unsigned)due < CONNECTOR_DUE_REFRESH || (unsigned)due > CONNECTOR_DUE_SYNC)
    return error_set(error, CONNECTOR_INVALID, "due", "is not one of its values");
  if (options->limit > CONNECTOR_CLAIMS_MAX)
    return error_set(error, CONNECTOR_INVALID, "limit", "is more than %d", CONNECTOR_CLAIMS_MAX);
  if (options->horizon_ms < 0 || options->interval_ms < 0)
    return error_set(error, CONNECTOR_INVALID,
                     options->horizon_ms < 0 ? "horizon_ms" : "interval_ms",
                     "must not be negative");
  if (options->limit == 0)
    options->limit = LIMIT_USUAL;
  if (options->ttl_ms == 0)
    options->ttl_ms = TTL_USUAL_MS;
  if (options->interval_ms == 0)
    options->interval_ms = INTERVAL_USUAL_MS;
  return lease_check_ttl(options->ttl_ms, error);
}

/* How far before a key's time the work is due. */
static int64_t lead_of(const struct claiming *claiming)
{
  if (claiming->query.by_expiry)
    return claiming->options.horizon_ms;
  return claiming->wait == WAIT_SYNC ? -claiming->options.interval_ms : 0;
}

static connector_status make_query(struct claiming *claiming, connector_due due)
{
  int64_t now = 0;
  int64_t lead = 0;
  connector_status status = store_now(claiming->call->store, &now, claiming->call->error);

  if (status != CONNECTOR_OK)
    return status;
  claiming->wait = (enum wait)(due - 1);
  claiming->expires_at = now + claiming->options.ttl_ms;
  claiming->query.due = due;
  claiming->query.by_expiry = due == CONNECTOR_DUE_REFRESH && claiming->options.horizon_ms > 0;
  claiming->query.now = now;
  claiming->query.longest = now + WAIT_LONGEST_MS;
  lead = lead_of(claiming);
  claiming->query.latest = lead > INT64_MAX - now ? INT64_MAX : now + lead;
  if (claiming->query.latest < 0) /* what always was due has the key 0 */
    claiming->query.latest = 0;
  return CONNECTOR_OK;
}

/* ---- candidates of one tenant ---- */

struct candidate {
  const connector *record;
  int64_t due_at; /* since when */
};

struct candidates {
  struct candidate *items; /* DUE_RANGES times the limit */
  size_t count;
};

/* Work that waited for a lease or another try is due since that was over; 0 is since ever. Times of
 * a clock that was wrong tell nothing. */
static int64_t due_since(const struct claiming *claiming, int64_t key, int64_t wait)
{
  int64_t since = key > 0 ? key - lead_of(claiming) : 0;

  if (wait > since)
    since = wait;
  return since <= claiming->query.now ? since : 0;
}

static connector_status gather_range(struct claiming *claiming, const struct scope *scope,
                                     enum due_range range, struct candidates *candidates)
{
  connector_error *error = claiming->call->error;
  struct statement *statement = NULL;
  struct row row;
  bool found = true;
  connector_status status = due_start(claiming->work.connection, scope, &claiming->query, range,
                                      &statement, error);

  if (status != CONNECTOR_OK)
    return status;
  while (status == CONNECTOR_OK && found) {
    struct candidate *candidate = &candidates->items[candidates->count];
    int64_t key = 0;
    int64_t wait = 0;
    void *block = NULL;

    status = due_next(statement, &row, &key, &wait, &found, error);
    if (status != CONNECTOR_OK || !found)
      break;
    block = arena_object(&claiming->claims->arena, row.size);
    if (block == NULL) {
      status = error_no_memory(error);
      break;
    }
    candidate->record = row_place(&row, block);
    candidate->due_at = due_since(claiming, key, wait);
    candidates->count++;
  }
  statement_done(statement);
  return status;
}

static int by_time(const void *a, const void *b)
{
  const struct candidate *first = a;
  const struct candidate *second = b;

  if (first->due_at != second->due_at)
    return first->due_at < second->due_at ? -1 : 1;
  return strcmp(first->record->id, second->record->id);
}

/* The due ones of each range, longest due first. */
static connector_status gather(struct claiming *claiming, const struct scope *scope, size_t limit,
                               struct candidates *candidates)
{
  connector_status status = CONNECTOR_OK;

  candidates->count = 0;
  claiming->query.limit = (int64_t)limit;
  for (int range = 0; status == CONNECTOR_OK && range < DUE_RANGES; range++)
    if (due_has_range(&claiming->query, (enum due_range)range))
      status = gather_range(claiming, scope, (enum due_range)range, candidates);
  if (status == CONNECTOR_OK && candidates->count > 1)
    qsort(candidates->items, candidates->count, sizeof(candidates->items[0]), by_time);
  return status;
}

/* ---- taking them ---- */

static void add_claim(struct claiming *claiming, const struct candidate *candidate, int64_t fence)
{
  connector_claims *claims = claiming->claims;
  connector_lease *lease = &claims->leases[claims->count];

  *lease = (connector_lease){
    .id = candidate->record->id,
    .tenant_id = candidate->record->tenant_id,
    .purpose = lease_purposes[claiming->wait],
    .fence = fence,
    .expires_at = claiming->expires_at,
    .listed = true,
  };
  memcpy(lease->store_id, claiming->call->store->id, sizeof(lease->store_id));
  claims->items[claims->count++] = (connector_claim_item){
    .size = sizeof(connector_claim_item),
    .record = candidate->record,
    .lease = lease,
    .due_at = candidate->due_at,
  };
}

/* Up to `limit` of a tenant; `*taken` tells how many. */
static connector_status claim_some(struct claiming *claiming, const struct scope *scope,
                                   size_t limit, struct candidates *candidates, size_t *taken)
{
  const struct lease_terms terms = { .now = claiming->query.now,
                                     .expires_at = claiming->expires_at };
  connector_status status = gather(claiming, scope, limit, candidates);

  *taken = 0;
  for (size_t i = 0; status == CONNECTOR_OK && i < candidates->count && *taken < limit; i++) {
    int64_t fence = 0;

    status = lease_claim(&claiming->work, candidates->items[i].record,
                         lease_purposes[claiming->wait], &terms, &fence);
    if (status != CONNECTOR_OK || fence == 0)
      continue;
    add_claim(claiming, &candidates->items[i], fence);
    ++*taken;
  }
  return status;
}

/* Deals out equal shares; what one tenant does not need goes to the others. */
static connector_status claim_shares(struct claiming *claiming, struct tenant_list *tenants,
                                     struct candidates *candidates)
{
  struct scope scope = claiming->call->scope;
  size_t left = claiming->options.limit;
  connector_status status = CONNECTOR_OK;

  scope.kind = SCOPE_TENANT;
  while (status == CONNECTOR_OK && left > 0 && tenants->count > 0) {
    size_t share = (left + tenants->count - 1) / tenants->count;
    size_t kept = 0;

    for (size_t i = 0; status == CONNECTOR_OK && i < tenants->count; i++) {
      size_t wanted = share < left ? share : left;
      size_t taken = 0;

      scope.tenant = tenants->names[i];
      status = claim_some(claiming, &scope, wanted, candidates, &taken);
      left -= taken;
      if (taken == wanted && wanted > 0)
        tenants->names[kept++] = tenants->names[i];
    }
    tenants->count = kept;
  }
  return status;
}

/* Those of several tenants, like those of one, come longest due first. */
static int by_due(const void *a, const void *b)
{
  const connector_claim_item *first = a;
  const connector_claim_item *second = b;

  if (first->due_at != second->due_at)
    return first->due_at < second->due_at ? -1 : 1;
  return strcmp(first->record->id, second->record->id);
}

static connector_status write_claims(struct claiming *claiming, struct tenant_list *tenants)
{
  struct call *call = claiming->call;
  size_t room = (size_t)claiming->options.limit * DUE_RANGES;
  struct candidates candidates = { .items = calloc(room + 1, sizeof(*candidates.items)) };
  size_t taken = 0;
  connector_status status = CONNECTOR_OK;

  if (candidates.items == NULL)
    return error_no_memory(call->error);
  status = work_begin_write(&claiming->work, call, true);
  if (status == CONNECTOR_OK) {
    status = call->scope.kind == SCOPE_SYSTEM
                 ? claim_shares(claiming, tenants, &candidates)
                 : claim_some(claiming, &call->scope, claiming->options.limit, &candidates, &taken);
    status = work_end_write(&claiming->work, status);
  }
  free(candidates.items);
  if (status == CONNECTOR_OK && claiming->claims->count > 1)
    qsort(claiming->claims->items, claiming->claims->count, sizeof(claiming->claims->items[0]),
          by_due);
  return status;
}

/* ---- the look before ---- */

static connector_status is_any_due(struct claiming *claiming, bool *any)
{
  struct call *call = claiming->call;
  connector_status status = CONNECTOR_OK;

  claiming->query.limit = 1;
  for (int range = 0; status == CONNECTOR_OK && !*any && range < DUE_RANGES; range++) {
    struct statement *statement = NULL;

    if (!due_has_range(&claiming->query, (enum due_range)range))
      continue;
    status = due_start(claiming->work.connection, &call->scope, &claiming->query,
                       (enum due_range)range, &statement, call->error);
    if (status != CONNECTOR_OK)
      return status;
    status = statement_step(statement, any, call->error);
    statement_done(statement);
  }
  return status;
}

static connector_status look(struct claiming *claiming, struct tenant_list *tenants, bool *any)
{
  struct call *call = claiming->call;
  connector_status status = work_begin_snapshot(&claiming->work, call);

  if (status != CONNECTOR_OK)
    return status;
  if (call->scope.kind == SCOPE_SYSTEM) {
    status = turns_take(&claiming->work, &claiming->query, claiming->options.limit, tenants);
    *any = tenants->count > 0;
  } else {
    status = is_any_due(claiming, any);
  }
  work_end_snapshot(&claiming->work);
  return status;
}

/* ---- the call ---- */

static connector_status new_claims(size_t limit, connector_claims **out, connector_error *error)
{
  connector_claims *claims = calloc(1, sizeof(*claims));

  if (claims == NULL)
    return error_no_memory(error);
  claims->items = arena_object(&claims->arena, limit * sizeof(*claims->items));
  claims->leases = arena_object(&claims->arena, limit * sizeof(*claims->leases));
  if (claims->items == NULL || claims->leases == NULL) {
    connector_claims_free(claims);
    return error_no_memory(error);
  }
  *out = claims;
  return CONNECTOR_OK;
}

static connector_status claim(struct claiming *claiming, connector_due due)
{
  struct call *call = claiming->call;
  struct tenant_list tenants = { .count = 0 };
  bool any = false;
  connector_status status = rules_authorize(call, CONNECTOR_ACTION_LEASE, NULL);

  if (status == CONNECTOR_OK)
    status = make_query(claiming, due);
  if (status == CONNECTOR_OK)
    status = new_claims(claiming->options.limit, &claiming->claims, call->error);
  if (status == CONNECTOR_OK && call->store->read_only)
    status = error_set(call->error, CONNECTOR_READ_ONLY, NULL, "the store is opened read-only");
  if (status == CONNECTOR_OK)
    status = look(claiming, &tenants, &any);
  if (status == CONNECTOR_OK && any)
    status = write_claims(claiming, &tenants);
  arena_free(&tenants.arena);
  return status;
}

connector_status connector_claim(connector_store *store, connector_due due,
                                 const connector_claim_options *options, connector_claims **out,
                                 connector_error *error)
{
  struct call call;
  struct claiming claiming = { .call = &call, .options = CONNECTOR_CLAIM_OPTIONS_INIT };
  connector_status status = call_begin(&call, store, error);

  if (status == CONNECTOR_OK && out == NULL)
    status = not_given("out", error);
  if (status == CONNECTOR_OK && options != NULL)
    status = struct_read(&claiming.options, sizeof(claiming.options), options, error);
  if (status == CONNECTOR_OK)
    status = check_options(due, &claiming.options, error);
  if (status == CONNECTOR_OK)
    status = lease_check_alone(store, error);
  if (status == CONNECTOR_OK)
    status = claim(&claiming, due);
  if (status == CONNECTOR_OK)
    *out = claiming.claims;
  else
    connector_claims_free(claiming.claims);
  return call_end(&call, status);
}

/* ---- lists of claims ---- */

size_t connector_claims_count(const connector_claims *claims)
{
  return claims != NULL ? claims->count : 0;
}

const connector_claim_item *connector_claims_at(const connector_claims *claims, size_t index)
{
  return claims != NULL && index < claims->count ? &claims->items[index] : NULL;
}

void connector_claims_free(connector_claims *claims)
{
  if (claims == NULL)
    return;
  arena_free(&claims->arena);
  free(claims);
}
