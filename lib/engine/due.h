/*
 * Work that falls due: which connectors of a tenant are due for a kind of work, longest due first,
 * read from an index that holds nothing else. What a claim does with them is not known here.
 */
#ifndef ENGINE_DUE_H
#define ENGINE_DUE_H

#include "engine/rows.h"

#include <connector/health.h>

/* By what a kind of work is due, null where it never is. Schema and queries write the same text:
 * the engine then finds the index. */
#define DUE_REFRESH_KEY                                                                            \
  "(CASE WHEN oauth_refresh_needed = 1 THEN 0"                                                     \
  " ELSE oauth_token_expires_at - coalesce(token_lead, 900000) END)"
#define DUE_EXPIRY_KEY "(CASE WHEN oauth_refresh_needed = 1 THEN 0 ELSE oauth_token_expires_at END)"
#define DUE_ROTATION_KEY "next_rotation_due"
#define DUE_SYNC_KEY "(CASE WHEN enabled = 1 THEN coalesce(last_sync_at, 0) END)"

/* No wait is longer: one that is was set while the clock was wrong. */
#define WAIT_LONGEST_MS (INT64_C(31) * 24 * 3600 * 1000)

/* Binds the column `token_lead` of a token that expires at `expires_at` (0: none) and was told of
 * at `now`: how long before its expiry it is due. */
void due_bind_lead(struct statement *statement, int64_t expires_at, int64_t now);

/* Which entries of the index: a connector is in one of them. */
enum due_range {
  DUE_FREE,    /* of those that wait for nothing */
  DUE_WAITING, /* whose wait is over */
  DUE_AHEAD,   /* whose wait is longer than any could be: the clock was wrong when it was set */
  DUE_FUTURE,  /* free, and last synced in the future: the same */
  DUE_RANGES
};

struct due_query {
  connector_due due;
  bool by_expiry;  /* REFRESH: by the expiry itself, not by when it is due by default */
  int64_t latest;  /* a key up to this is due */
  int64_t now;     /* a wait up to this is over */
  int64_t longest; /* a wait behind this is wrong */
  int64_t limit;
};

/* Starts a run over the rows of one range within a scope of one tenant. */
connector_status due_start(struct connection *connection, const struct scope *scope,
                           const struct due_query *query, enum due_range range,
                           struct statement **out, connector_error *error);

/* Whether there is such a range for a kind of work. */
bool due_has_range(const struct due_query *query, enum due_range range);

/* Steps it like rows_next(); `*key` is by what the row is due, `*wait` until when it waits, 0 for
 * not at all. */
connector_status due_next(struct statement *statement, struct row *row, int64_t *key, int64_t *wait,
                          bool *found, connector_error *error);

/* The next tenant in order behind `after` that has an entry in the index of DUE_FREE or
 * DUE_WAITING, within a scope of all tenants, copied to `tenant`, "" for none; `*due` tells whether
 * any of its entries is due, the ranges DUE_FUTURE and DUE_AHEAD of the same indexes included. */
connector_status due_tenant(struct connection *connection, const struct scope *scope,
                            const struct due_query *query, enum due_range range, const char *after,
                            struct buffer *tenant, bool *due, connector_error *error);

#endif
