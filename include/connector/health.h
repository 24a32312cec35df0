/*
 * connector/health.h: what workers tell of connectors and how they share them: sync reports,
 * leases, work that is due, and the outcomes of refreshing a token or rotating a credential.
 *
 * None of these moves a record's `version`: a worker's report and a person's edit never conflict.
 * The caller must be able to read the connector; for one that is deleted or out of its reach every
 * call answers CONNECTOR_NOT_FOUND, as connector_get() does.
 */
#ifndef CONNECTOR_HEALTH_H
#define CONNECTOR_HEALTH_H

#include <connector/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sync reports ---- */

/** Why a sync or a refresh failed. Values are forever. @since 0.2.0 */
typedef enum connector_failure {
  CONNECTOR_FAILURE_AUTH = 1,        /**< the provider refused the credential; also sets
                                          `oauth_refresh_needed` where `auth_type` starts with
                                          "oauth" */
  CONNECTOR_FAILURE_CONFIG = 2,      /**< the connector is set up wrongly */
  CONNECTOR_FAILURE_TRANSIENT = 3,   /**< the network or the provider; it may pass */
  CONNECTOR_FAILURE_RATE_LIMITED = 4 /**< too many requests; counts no error */
} connector_failure;

/** What a sync did. Start from CONNECTOR_SYNC_REPORT_INIT. @since 0.2.0 */
typedef struct connector_sync_report {
  size_t size;        /**< set by CONNECTOR_SYNC_REPORT_INIT */
  int64_t synced;     /**< items; added to `metrics.totalSynced` and to the last 24 hours */
  int64_t latency_ms; /**< how long the sync or its requests took; 0 = not measured */
} connector_sync_report;

/** A report of nothing. @since 0.2.0 */
#define CONNECTOR_SYNC_REPORT_INIT CONNECTOR_INIT(connector_sync_report)

/**
 * Tells that a sync has begun: `sync_status` becomes "syncing".
 *
 * @param store an open store
 * @param id any text
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_sync_started(connector_store *store,
                                                                        const char *id,
                                                                        connector_error *error);

/**
 * Tells that a sync has succeeded.
 *
 * `sync_status` becomes "healthy", `last_sync_at` now, `consecutive_errors` 0, `last_error` null.
 * In `metrics`, `totalSynced` grows, `last24h` is the sum over the current hour and the 23 before
 * it, `avgLatencyMs` the mean of the latencies told in that time; other keys stay as they are.
 * A connector that the library had disabled is enabled again; what a person disabled stays
 * disabled. No lease is asked of a report.
 *
 * @param store an open store
 * @param id any text
 * @param report borrowed for the call; NULL = CONNECTOR_SYNC_REPORT_INIT
 * @param out the record as it now stands, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @retval CONNECTOR_INVALID a number of the report is negative
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_sync_succeeded(
    connector_store *store, const char *id, const connector_sync_report *report, connector **out,
    connector_error *error);

/**
 * Tells that a sync has failed.
 *
 * `last_error` becomes the message: scrubbed of secrets, cut at 4,096 bytes, and made valid text
 * where it is none; it is never refused. But for RATE_LIMITED, `consecutive_errors` grows by one
 * and `sync_status` becomes "degraded", from the fifth error on "failing"; a rate limit only ends
 * "syncing". The next try is due
 * after a random time of up to 30 seconds, doubled with each error up to 6 hours, or after
 * `retry_after_ms` where that is longer.
 *
 * Where both limits of the store's options are reached (30 errors in a row, the first 7 days ago),
 * the connector is disabled: `enabled` false, `sync_status` "paused". At half of either the log
 * and the feed hold one warning.
 *
 * @param store an open store
 * @param id any text
 * @param kind one of its values
 * @param message any bytes up to the NUL; NULL = a sentence on `kind`
 * @param retry_after_ms what the provider asked for; 0 = nothing; more than 31 days count as that
 * @param out the record as it now stands, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @retval CONNECTOR_INVALID `kind` is not one of its values, or `retry_after_ms` is negative
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_sync_failed(
    connector_store *store, const char *id, connector_failure kind, const char *message,
    int64_t retry_after_ms, connector **out, connector_error *error);

/* ---- health ---- */

/** How many hours of health are kept. @since 0.2.0 */
#define CONNECTOR_HEALTH_HOURS 24

/** One hour of reports. @since 0.2.0 */
typedef struct connector_health_hour {
  int64_t start;      /**< milliseconds since 1970-01-01T00:00:00Z, a whole hour */
  int64_t synced;     /**< items */
  int64_t syncs;      /**< that succeeded */
  int64_t failures;   /**< rate limits included */
  int64_t latency_ms; /**< mean of those told, rounded; 0 = none was */
} connector_health_hour;

/** What is known of a connector's health beside its record. @since 0.2.0 */
typedef struct connector_health {
  size_t size;            /**< set by CONNECTOR_HEALTH_INIT */
  int64_t retry_at;       /**< the next try of a failing connector; 0 = none is set */
  int64_t first_error_at; /**< of the present run of errors; 0 = there is none */
  int64_t started_at;     /**< of the sync under way; 0 = none is */
  int64_t disabled_at;    /**< when the library disabled it; 0 = it has not */
  int64_t synced;         /**< items in the hours below */
  int64_t syncs;          /**< successes in the hours below */
  int64_t failures;       /**< failures in the hours below, rate limits included */
  int64_t latency_ms;     /**< mean over the hours below, rounded; 0 = none was told */
  connector_health_hour hours[CONNECTOR_HEALTH_HOURS]; /**< oldest first, the last is this one */
} connector_health;

/** An empty one. @since 0.2.0 */
#define CONNECTOR_HEALTH_INIT CONNECTOR_INIT(connector_health)

/**
 * Reads the health of a connector as of now.
 *
 * @param store an open store
 * @param id any text
 * @param health the caller's; `size` says how much of it is written
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_health_get(connector_store *store,
                                                                      const char *id,
                                                                      connector_health *health,
                                                                      connector_error *error);

/* ---- leases ---- */

/**
 * The right to do one kind of work on one connector, until it expires.
 *
 * Its fence is higher than that of every lease of the store before it: hand it to what the work
 * writes to, so that a late writer can be told from the present one. Used by one thread at a time.
 *
 * @since 0.2.0
 */
typedef struct connector_lease connector_lease;

/** The longest time to live of a lease: a day. @since 0.2.0 */
#define CONNECTOR_LEASE_TTL_MAX UINT32_C(86400000)

/** The purpose of leases that connector_claim() takes for CONNECTOR_DUE_REFRESH. @since 0.2.0 */
#define CONNECTOR_PURPOSE_REFRESH "refresh"
/** The purpose of leases that connector_claim() takes for CONNECTOR_DUE_ROTATION. @since 0.2.0 */
#define CONNECTOR_PURPOSE_ROTATION "rotation"
/** The purpose of leases that connector_claim() takes for CONNECTOR_DUE_SYNC. @since 0.2.0 */
#define CONNECTOR_PURPOSE_SYNC "sync"

/**
 * Takes a lease. Take it before talking to the provider, and hold no batch meanwhile.
 *
 * @param store an open store
 * @param id any text
 * @param purpose 1 to 64 bytes of text; leases of different purposes do not exclude each other
 * @param ttl_ms from now; 1 to CONNECTOR_LEASE_TTL_MAX
 * @param out the caller's, released by connector_lease_release()
 * @param error may be NULL
 * @retval CONNECTOR_LEASED another holds it, or this caller itself: error.version is its fence
 * @retval CONNECTOR_MISUSE inside a batch, which may be undone
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @retval CONNECTOR_INVALID `ttl_ms` or `purpose` is out of range
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_lease_take(connector_store *store, const char *id, const char *purpose, uint32_t ttl_ms,
                     connector_lease **out, connector_error *error);

/**
 * Makes a lease last `ttl_ms` from now.
 *
 * @param store an open store of the same file
 * @param lease a lease that has not ended
 * @param ttl_ms 1 to CONNECTOR_LEASE_TTL_MAX
 * @param error may be NULL
 * @retval CONNECTOR_STALE it has expired, was taken over or handed back
 * @retval CONNECTOR_INVALID it is NULL or from another store, or `ttl_ms` is out of range
 * @retval CONNECTOR_MISUSE inside a batch
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_lease_renew(connector_store *store,
                                                                       connector_lease *lease,
                                                                       uint32_t ttl_ms,
                                                                       connector_error *error);

/**
 * Hands a lease back, unless an outcome has done so already, and releases its memory whatever the
 * answer; a lease of a connector_claims stays its, and goes with it.
 *
 * @param store an open store of the same file
 * @param lease may be NULL; not used again
 * @param error may be NULL
 * @retval CONNECTOR_STALE it was lost before: expired or taken over
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_lease_release(connector_store *store,
                                                                         connector_lease *lease,
                                                                         connector_error *error);

/**
 * The id of the connector that a lease is on.
 *
 * @param lease may be NULL
 * @return borrowed from the lease; NULL for NULL
 * @since 0.2.0
 */
CONNECTOR_API const char *connector_lease_id(const connector_lease *lease);

/**
 * What a lease is for.
 *
 * @param lease may be NULL
 * @return borrowed from the lease; NULL for NULL
 * @since 0.2.0
 */
CONNECTOR_API const char *connector_lease_purpose(const connector_lease *lease);

/**
 * The fence of a lease.
 *
 * @param lease may be NULL
 * @return above 0; 0 for NULL
 * @since 0.2.0
 */
CONNECTOR_API int64_t connector_lease_fence(const connector_lease *lease);

/**
 * When a lease expires, as this process knows: taken or renewed last.
 *
 * @param lease may be NULL
 * @return milliseconds since 1970-01-01T00:00:00Z; 0 for NULL
 * @since 0.2.0
 */
CONNECTOR_API int64_t connector_lease_expires_at(const connector_lease *lease);

/* ---- due work ---- */

/** A kind of work that falls due. Values are forever. @since 0.2.0 */
typedef enum connector_due {
  CONNECTOR_DUE_REFRESH = 1, /**< `oauth_refresh_needed`, or the token expires within the horizon */
  CONNECTOR_DUE_ROTATION = 2, /**< `next_rotation_due` has passed */
  CONNECTOR_DUE_SYNC = 3 /**< enabled, and the last successful sync is older than the interval */
} connector_due;

/** How much to claim. Start from CONNECTOR_CLAIM_OPTIONS_INIT. @since 0.2.0 */
typedef struct connector_claim_options {
  size_t size;         /**< set by CONNECTOR_CLAIM_OPTIONS_INIT */
  uint32_t limit;      /**< connectors; 0 = 10, at most CONNECTOR_CLAIMS_MAX */
  uint32_t ttl_ms;     /**< of each lease; 0 = 5 minutes, at most CONNECTOR_LEASE_TTL_MAX */
  int64_t horizon_ms;  /**< REFRESH: how long before its expiry a token is due; 0 = a fifth of its
                            life, at most 15 minutes */
  int64_t interval_ms; /**< SYNC: time from one successful sync to the next; 0 = an hour */
} connector_claim_options;

/** Default options. @since 0.2.0 */
#define CONNECTOR_CLAIM_OPTIONS_INIT CONNECTOR_INIT(connector_claim_options)

/** The most connectors that one call hands out. @since 0.2.0 */
#define CONNECTOR_CLAIMS_MAX 500

/** A connector that is due, and the lease on it. @since 0.2.0 */
typedef struct connector_claim_item {
  size_t size;
  const connector *record; /**< as it stood when it was claimed */
  connector_lease *lease;
  int64_t due_at; /**< since when it is due, in milliseconds; 0 = since ever: never synced, or
                     marked with `oauth_refresh_needed` */
} connector_claim_item;

/** What one call claimed; released by connector_claims_free(). @since 0.2.0 */
typedef struct connector_claims connector_claims;

/**
 * Claims connectors that are due and takes a lease on each, in one transaction, longest due first.
 *
 * Any number of workers in any number of processes may call it: none gets a connector that another
 * holds. One whose holder died is due again when its lease expires; one that failed when
 * its retry time has come. For CONNECTOR_ROLE_SYSTEM without a tenant each tenant with due work
 * gets its turn, whatever the backlog of others.
 *
 * @param store an open store
 * @param due one of its values
 * @param options NULL = CONNECTOR_CLAIM_OPTIONS_INIT
 * @param out the caller's; empty where nothing is due
 * @param error may be NULL
 * @retval CONNECTOR_INVALID an option is out of range or negative
 * @retval CONNECTOR_MISUSE inside a batch
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_claim(connector_store *store, connector_due due, const connector_claim_options *options,
                connector_claims **out, connector_error *error);

/**
 * How many connectors were claimed.
 *
 * @param claims may be NULL
 * @since 0.2.0
 */
CONNECTOR_API size_t connector_claims_count(const connector_claims *claims);

/**
 * One of them.
 *
 * @param claims may be NULL
 * @param index from 0
 * @return borrowed: lives as long as the claims; NULL for an index that is too high
 * @since 0.2.0
 */
CONNECTOR_API const connector_claim_item *connector_claims_at(const connector_claims *claims,
                                                              size_t index);

/**
 * Releases claims and their leases' memory. Leases that were not handed back run until they expire.
 *
 * @param claims may be NULL
 * @since 0.2.0
 */
CONNECTOR_API void connector_claims_free(connector_claims *claims);

/* ---- outcomes: each hands the lease back; a lost one is STALE and changes nothing ---- */

/**
 * Tells that the OAuth token was refreshed: `oauth_token_expires_at` is set, `oauth_refresh_needed`
 * false, and the refresh is no longer due. Errors in a row that refreshes had are taken off the
 * count, and a sync that waited for a good token waits no more. Store the token itself before.
 *
 * @param store an open store of the same file
 * @param lease one for CONNECTOR_PURPOSE_REFRESH; it ends, its memory stays the caller's
 * @param token_expires_at in the future, in milliseconds since 1970-01-01T00:00:00Z; 0 = never
 * @param out the record as it now stands, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_STALE the lease was lost: expired, taken over or handed back
 * @retval CONNECTOR_INVALID the lease is for another purpose, or the time is not in the future
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_refreshed(connector_store *store,
                                                                     const connector_lease *lease,
                                                                     int64_t token_expires_at,
                                                                     connector **out,
                                                                     connector_error *error);

/**
 * Tells that refreshing the token failed: counted, and tried again, as connector_sync_failed()
 * does.
 *
 * @param store an open store of the same file
 * @param lease one for CONNECTOR_PURPOSE_REFRESH; it ends, its memory stays the caller's
 * @param kind one of its values
 * @param message as for connector_sync_failed()
 * @param error may be NULL
 * @return as connector_refreshed()
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_refresh_failed(connector_store *store, const connector_lease *lease,
                         connector_failure kind, const char *message, connector_error *error);

/**
 * Tells that the credential was rotated: `credential_last_rotated_at` is now, `next_rotation_due`
 * is set.
 *
 * @param store an open store of the same file
 * @param lease one for CONNECTOR_PURPOSE_ROTATION; it ends, its memory stays the caller's
 * @param next_due in the future, in milliseconds since 1970-01-01T00:00:00Z; 0 = never
 * @param out the record as it now stands, the caller's; may be NULL
 * @param error may be NULL
 * @return as connector_refreshed()
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_rotated(connector_store *store,
                                                                   const connector_lease *lease,
                                                                   int64_t next_due,
                                                                   connector **out,
                                                                   connector_error *error);

#ifdef __cplusplus
}
#endif

#endif
