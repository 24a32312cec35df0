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

/* A connector that is due for nothing is in neither. */
enum due_index { DUE_INDEX_FREE, DUE_INDEX_WAITING };

/* Which of the free ones are due. */
enum due_range {
  DUE_PAST,  /* whose key has come */
  DUE_AHEAD, /* whose last sync is further ahead than any could be: the clock was wrong */
  DUE_RANGES
};

struct due_query {
  connector_due due;
  bool by_expiry;  /* REFRESH: by the expiry itself, not by when it is due by default */
  int64_t latest;  /* a key up to this is due */
  int64_t now;     /* a wait up to this is over */
  int64_t longest; /* a key or wait behind this is wrong */
  int64_t limit;
};

/* Whether there is such a range for a kind of work. */
bool due_has_range(const struct due_query *query, enum due_range range);

/* Starts a run over the rows of one range within a scope of one tenant, longest due first. */
connector_status due_start(struct connection *connection, const struct scope *scope,
                           const struct due_query *query, enum due_range range,
                           struct statement **out, connector_error *error);

/* Steps it like rows_next(); `*key` is by what the row is due. */
connector_status due_next(struct statement *statement, struct row *row, int64_t *key, bool *found,
                          connector_error *error);

/* Whether any wait of a scope of one tenant is over, or wrong. */
connector_status due_any_ended(struct connection *connection, const struct scope *scope,
                               const struct due_query *query, bool *any, connector_error *error);

/* Ends such waits, up to the query's limit of either: the rows are free again. */
connector_status due_end_waits(struct connection *connection, const struct scope *scope,
                               const struct due_query *query, connector_error *error);

/* The next tenant in order behind `after` that has an entry in an index, within a scope of all
 * tenants, copied to `tenant`, "" for none; `*due` tells whether one of its entries is due, or may
 * be once its wait is ended. */
connector_status due_tenant(struct connection *connection, const struct scope *scope,
                            const struct due_query *query, enum due_index index, const char *after,
                            struct buffer *tenant, bool *due, connector_error *error);

#endif
