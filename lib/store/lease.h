/*
 * Leases: the rows that say who works on what, and the handles that a host holds of them.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "engine/beside.h"
#include "store/find.h"

#include <connector/health.h>

enum { PURPOSE_MOST = 64 };

/* The purposes of work that falls due. */
extern const char *const lease_purposes[WAITS];

/* The text lives behind the lease or in the arena of its list. */
struct connector_lease {
  char store_id[META_STORE_ID + 1];
  const char *id, *tenant_id, *purpose;
  int64_t fence;
  int64_t expires_at;
  bool listed; /* it goes with its connector_claims */
  bool ended;  /* an outcome has handed it back */
};

/* Which of a record's waits goes with a purpose; WAITS for none. */
enum wait lease_wait(const char *purpose);

connector_status lease_check_ttl(uint32_t ttl_ms, connector_error *error);

/* MISUSE inside a batch: undoing it would give a fence twice. */
connector_status lease_check_alone(connector_store *store, connector_error *error);

/* Inside a write: takes the lease on a record and makes it wait that long. Of the terms only the
 * times are given. `*fence` is 0 where another holds it. */
connector_status lease_claim(struct work *work, const connector *record, const char *purpose,
                             const struct lease_terms *given, int64_t *fence);

/* Inside a write: hands a lease back. STALE where it is not held any more. */
connector_status lease_end(struct work *work, const connector_lease *lease, int64_t now);

/* Whether a lease is one of this store, and its tenant one of the caller's: aims at its record. */
connector_status lease_aim(struct call *call, const connector_lease *lease, struct aim *aim);

#endif
