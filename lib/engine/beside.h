/*
 * What is kept beside a record: its health, and the leases on it. Every call names the tenant of a
 * record that was found within a scope before.
 */
#ifndef ENGINE_BESIDE_H
#define ENGINE_BESIDE_H

#include "base/arena.h"
#include "engine/engine.h"

/* Whose it is. */
struct owner {
  const char *id;
  const char *tenant;
};

/* ---- health ---- */

struct health_row {
  int64_t retry_at;            /* 0: none, like all here */
  int64_t first_error_at;      /* of the present run of errors */
  int64_t warned_at;           /* in this run */
  int64_t started_at;          /* of the sync under way */
  int64_t disabled_at;         /* by the library */
  int64_t refresh_errors;      /* how many of the errors in a row were of refreshes */
  int64_t first_sync_error_at; /* of those that were not */
  int64_t needs_token;         /* 1: the next try waits for a good token */
  const char *hours;           /* JSON; NULL for none */
};

/* All zero where there is none; the text is copied into the arena. */
connector_status health_find(struct connection *connection, const struct owner *owner,
                             struct health_row *row, struct arena *arena, connector_error *error);

connector_status health_put(struct connection *connection, const struct owner *owner,
                            const struct health_row *row, connector_error *error);

/* ---- leases ---- */

struct lease_row {
  int64_t fence;
  int64_t expires_at; /* 0: handed back */
  int64_t wait_after; /* until when the record waits once the lease is handed back; 0: not at all */
};

/* What a lease is to be. */
struct lease_terms {
  const char *purpose;
  const char *holder;
  int64_t fence;
  int64_t now;
  int64_t longest; /* an expiry behind this is held to be wrong */
  int64_t expires_at;
  int64_t wait_after;
};

/* Takes it where nobody holds it: `*taken` tells. */
connector_status lease_take(struct connection *connection, const struct owner *owner,
                            const struct lease_terms *terms, bool *taken, connector_error *error);

/* Sets until when the record waits once the lease is handed back. */
connector_status lease_set_wait(struct connection *connection, const struct owner *owner,
                                const char *purpose, int64_t wait_after, connector_error *error);

/* All zero where there never was one. */
connector_status lease_find(struct connection *connection, const struct owner *owner,
                            const char *purpose, struct lease_row *row, connector_error *error);

/* Sets the expiry of the lease of this fence, where it has not expired by `now`. */
connector_status lease_set(struct connection *connection, const struct owner *owner,
                           const char *purpose, int64_t fence, int64_t now, int64_t expires_at,
                           bool *changed, connector_error *error);

/* Removes all that is kept beside a record that is gone. */
connector_status beside_remove(struct connection *connection, const struct owner *owner,
                               connector_error *error);

#endif
