/*
 * Leases: the rows that say who works on what, and the handles that a host holds of them.
 */
#ifndef STORE_LEASE_H
#define STORE_LEASE_H

#include "engine/beside.h"
#include "store/find.h"

#include <connector/health.h>

enum { PURPOSE_MOST = 64, HOLDER_SIZE = 128 };

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

/* For whoever reads the file: on whose behalf, and by which process. Cut where it is long. */
void lease_name_holder(const struct call *call, char holder[HOLDER_SIZE]);

/* Inside a write: takes the lease on a record and makes it wait that long, unless another holds it:
 * `*taken` tells. */
connector_status lease_claim(struct work *work, const connector *record,
                             const struct lease_terms *terms, bool *taken);

/* Inside a write: until when a record that is to wait until `until` (0: not at all) for a kind of
 * work does wait, for a lease on it goes first where it lasts longer. What was to be comes then. */
connector_status lease_hold(struct work *work, const struct owner *owner, enum wait wait,
                            int64_t now, int64_t until, int64_t *held, connector_error *error);

/* Inside a write: hands a lease back. STALE where it is not held any more. */
connector_status lease_end(struct work *work, const connector_lease *lease, int64_t now);

/* Whether a lease is one of this store, and its tenant one of the caller's: aims at its record. */
connector_status lease_aim(struct call *call, const connector_lease *lease, struct aim *aim);

#endif
