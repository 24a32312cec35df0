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

enum {
  LIMIT_USUAL = 10,
  TTL_USUAL_MS = 300000,
  INTERVAL_USUAL_MS = 3600000,
  WAITS_ENDED_AT_ONCE = 100, /* of a tenant, in one claim */
  TENANTS_MOST = 10000       /* that one claim passes over for what waits that are over hide */
};

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
  char holder[HOLDER_SIZE];
  struct lease_terms terms; /* of the leases; the fence is the next one's */
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
  lease_name_holder(claiming->call, claiming->holder);
  claiming->terms = (struct lease_terms){ .purpose = lease_purposes[claiming->wait],
                                          .holder = claiming->holder,
                                          .now = now,
                                          .longest = now + WAIT_LONGEST_MS,
                                          .expires_at = now + claiming->options.ttl_ms };
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

/* 0 is since ever. A time that a wrong clock told says nothing. */
static int64_t due_since(const struct claiming *claiming, int64_t key)
{
  int64_t since = key > 0 ? key - lead_of(claiming) : 0;

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
    void *block = NULL;

    status = due_next(statement, &row, &key, &found, error);
    if (status != CONNECTOR_OK || !found)
      break;
    block = arena_object(&claiming->claims->arena, row.size);
    if (block == NULL) {
      status = error_no_memory(error);
      break;
    }
    candidate->record = row_place(&row, block);
    candidate->due_at = due_since(claiming, key);
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
    .expires_at = claiming->terms.expires_at,
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

/* One that another holds does not wait, which it should: it is set to, and not looked at again. */
static connector_status pass_over(struct claiming *claiming, const connector *record)
{
  const struct owner owner = { record->id, record->tenant_id };
  const struct scope scope = { .kind = SCOPE_TENANT, .tenant = record->tenant_id };
  const struct target target = { &scope, record->id, 0 };
  struct waits waits = { .set = 1u << claiming->wait };
  bool changed = false;
  connector_status status = lease_hold(&claiming->work, &owner, claiming->wait, claiming->query.now,
                                       0, &waits.until[claiming->wait], claiming->call->error);

  return status == CONNECTOR_OK ? rows_wait(claiming->work.connection, &target, &waits, &changed,
                                            claiming->call->error)
                                : status;
}

/* Up to `limit` of a tenant; `*taken` tells how many. Waits that are over are ended first. */
static connector_status claim_some(struct claiming *claiming, const struct scope *scope,
                                   size_t limit, struct candidates *candidates, size_t *taken)
{
  connector_status status = CONNECTOR_OK;

  *taken = 0;
  claiming->query.limit = WAITS_ENDED_AT_ONCE;
  status = due_end_waits(claiming->work.connection, scope, &claiming->query, claiming->call->error);
  if (status == CONNECTOR_OK)
    status = gather(claiming, scope, limit, candidates);
  for (size_t i = 0; status == CONNECTOR_OK && i < candidates->count && *taken < limit; i++) {
    bool own = false;

    status = lease_claim(&claiming->work, candidates->items[i].record, &claiming->terms, &own);
    if (status == CONNECTOR_OK && !own)
      status = pass_over(claiming, candidates->items[i].record);
    if (status != CONNECTOR_OK || !own)
      continue;
    add_claim(claiming, &candidates->items[i], claiming->terms.fence++);
    ++*taken;
  }
  return status;
}

static size_t claims_left(const struct claiming *claiming)
{
  return claiming->options.limit - claiming->claims->count;
}

/* Deals out equal shares; what one tenant does not need goes to the others. */
static connector_status claim_shares(struct claiming *claiming, struct tenant_list *tenants,
                                     struct candidates *candidates)
{
  struct scope scope = claiming->call->scope;
  connector_status status = CONNECTOR_OK;

  scope.kind = SCOPE_TENANT;
  while (status == CONNECTOR_OK && claims_left(claiming) > 0 && tenants->count > 0) {
    size_t share = (claims_left(claiming) + tenants->count - 1) / tenants->count;
    size_t kept = 0;

    for (size_t i = 0; status == CONNECTOR_OK && i < tenants->count; i++) {
      size_t wanted = share < claims_left(claiming) ? share : claims_left(claiming);
      size_t taken = 0;

      scope.tenant = tenants->names[i];
      status = claim_some(claiming, &scope, wanted, candidates, &taken);
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

static connector_status claim_in(struct claiming *claiming, struct tenant_list *tenants,
                                 struct candidates *candidates)
{
  struct call *call = claiming->call;
  size_t taken = 0;
  connector_status status = meta_take_fences(claiming->work.connection,
                                             (int64_t)claims_left(claiming), &claiming->terms.fence,
                                             call->error);

  if (status != CONNECTOR_OK)
    return status;
  return call->scope.kind == SCOPE_SYSTEM
             ? claim_shares(claiming, tenants, candidates)
             : claim_some(claiming, &call->scope, claims_left(claiming), candidates, &taken);
}

/* What was claimed in an earlier transaction of the call stays, should this one fail. */
static connector_status write_claims(struct claiming *claiming, struct tenant_list *tenants)
{
  struct call *call = claiming->call;
  size_t before = claiming->claims->count;
  size_t room = (size_t)claiming->options.limit * DUE_RANGES + 1;
  struct candidates candidates = { .items = calloc(room, sizeof(*candidates.items)) };
  connector_status status = CONNECTOR_OK;

  if (candidates.items == NULL)
    return error_no_memory(call->error);
  status = work_begin_write(&claiming->work, call, true);
  if (status == CONNECTOR_OK) {
    status = claim_in(claiming, tenants, &candidates);
    status = work_end_write(&claiming->work, status);
  }
  if (status != CONNECTOR_OK)
    claiming->claims->count = before;
  free(candidates.items);
  return status;
}

/* ---- the look before ---- */

static connector_status is_any_due(struct claiming *claiming, bool *any)
{
  struct call *call = claiming->call;
  connector_status status = due_any_ended(claiming->work.connection, &call->scope, &claiming->query,
                                          any, call->error);

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

/* Where the last claim of this kind found all that it asked for, there is likely more. */
static connector_status look(struct claiming *claiming, struct tenant_list *tenants, bool *any)
{
  struct call *call = claiming->call;
  bool system = call->scope.kind == SCOPE_SYSTEM;
  connector_status status = CONNECTOR_OK;

  *any = !system &&
         atomic_load_explicit(&call->store->much_due[claiming->wait], memory_order_relaxed);
  if (*any)
    return CONNECTOR_OK;
  status = work_begin_snapshot(&claiming->work, call);
  if (status != CONNECTOR_OK)
    return status;
  status = system ? turns_take(&claiming->work, &claiming->query, claiming->options.limit, tenants)
                  : is_any_due(claiming, any);
  work_end_snapshot(&claiming->work);
  *any = system ? tenants->count > 0 : *any;
  return status;
}

/* Of the tenants that a look over all of them finds, some may only have waits that are over: then
 * the circle goes on. */
static connector_status claim_rounds(struct claiming *claiming)
{
  struct call *call = claiming->call;
  size_t passed = 0;
  bool more = true;
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && more) {
    struct tenant_list tenants = { .count = 0 };
    bool any = false;

    status = look(claiming, &tenants, &any);
    more = call->scope.kind == SCOPE_SYSTEM && tenants.count == claiming->options.limit;
    if (status == CONNECTOR_OK && any)
      status = write_claims(claiming, &tenants);
    arena_free(&tenants.arena);
    passed += claiming->options.limit;
    more = more && claims_left(claiming) > 0 && passed < TENANTS_MOST;
  }
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
  connector_claims **claims = &claiming->claims;
  connector_status status = rules_authorize(call, CONNECTOR_ACTION_LEASE, NULL);

  if (status == CONNECTOR_OK)
    status = make_query(claiming, due);
  if (status == CONNECTOR_OK)
    status = new_claims(claiming->options.limit, claims, call->error);
  if (status == CONNECTOR_OK && call->store->read_only)
    status = error_set(call->error, CONNECTOR_READ_ONLY, NULL, "the store is opened read-only");
  if (status == CONNECTOR_OK)
    status = claim_rounds(claiming);
  if (*claims != NULL && (*claims)->count > 0)
    status = error_clear(call->error); /* some were claimed: the host is to know of them */
  if (status != CONNECTOR_OK)
    return status;
  atomic_store_explicit(&call->store->much_due[claiming->wait], claims_left(claiming) == 0,
                        memory_order_relaxed);
  if ((*claims)->count > 1)
    qsort((*claims)->items, (*claims)->count, sizeof((*claims)->items[0]), by_due);
  return CONNECTOR_OK;
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
