/*
 * connector/history.h: what happened to connectors, by whom and when: the history of one, the feed
 * of all, a record as it stood at a version, and the chain that shows whether somebody changed any
 * of it later.
 *
 * Every committed change writes one row in the transaction of the change itself. `seq` numbers the
 * rows of a store in the order of their commits, over all tenants, threads and processes: a reader
 * that keeps the last `seq` it dealt with sees every change after it once, and in order. What a
 * caller can't read, its history and its feed do not hold.
 */
#ifndef CONNECTOR_HISTORY_H
#define CONNECTOR_HISTORY_H

#include <connector/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/** Changes read by one call; released by connector_changes_free(). @since 0.2.0 */
typedef struct connector_changes connector_changes;

/** The most changes that one call hands out. @since 0.2.0 */
#define CONNECTOR_CHANGES_MAX 1000

/**
 * Reads the history of one connector, newest first. A deleted connector has one too; a purged one
 * keeps it for callers who could see the connector. A caller out of whose reach the connector is
 * now sees nothing of it here; the feed has told it of the change that took it away.
 *
 * @param store an open store
 * @param id any text
 * @param before_seq only changes before this one; 0 = from the newest on
 * @param limit at most so many; 0 = 100, at most CONNECTOR_CHANGES_MAX
 * @param out the caller's; empty where there is no more
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @retval CONNECTOR_INVALID `limit` or `before_seq` is out of range, or an argument is NULL
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_history(connector_store *store, const char *id, int64_t before_seq, uint32_t limit,
                  connector_changes **out, connector_error *error);

/**
 * Reads the feed: the changes of all connectors that the caller can read, oldest first.
 *
 * To follow it, keep the `seq` of the last change dealt with and give it to the next call, after a
 * restart too. A change that takes a record out of the caller's reach is told once, with
 * `out_of_reach`. Inside a batch it holds what the batch has written so far.
 *
 * @param store an open store
 * @param after_seq only changes after this one; 0 = from the oldest kept on
 * @param limit at most so many; 0 = 100, at most CONNECTOR_CHANGES_MAX
 * @param out the caller's; empty where there is no more
 * @param error may be NULL
 * @retval CONNECTOR_INVALID `limit` or `after_seq` is out of range, or `out` is NULL
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_changes_after(connector_store *store,
                                                                         int64_t after_seq,
                                                                         uint32_t limit,
                                                                         connector_changes **out,
                                                                         connector_error *error);

/**
 * Waits until the feed holds a change after `after_seq`, by this process or another, or until the
 * time is over.
 *
 * A change of this process wakes it at once, one of another within 100 ms: it looks for those 20
 * times a second, and holds no connection between two looks.
 *
 * @param store an open store
 * @param after_seq the last change dealt with
 * @param timeout_ms 0 looks once
 * @param newest the newest change of the caller's feed, or `after_seq` where none came
 * @param error may be NULL
 * @retval CONNECTOR_MISUSE the store was closed meanwhile, or the call is inside a batch
 * @retval CONNECTOR_INVALID `after_seq` is negative, or `newest` is NULL
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_changes_wait(connector_store *store,
                                                                        int64_t after_seq,
                                                                        uint32_t timeout_ms,
                                                                        int64_t *newest,
                                                                        connector_error *error);

/**
 * How many changes there are.
 *
 * @param changes may be NULL
 * @since 0.2.0
 */
CONNECTOR_API size_t connector_changes_count(const connector_changes *changes);

/**
 * One of the changes.
 *
 * @param changes may be NULL
 * @param index from 0
 * @return borrowed: lives as long as the changes; NULL for an index that is too high
 * @since 0.2.0
 */
CONNECTOR_API const connector_change *connector_changes_at(const connector_changes *changes,
                                                           size_t index);

/**
 * Releases changes that a call handed out.
 *
 * @param changes may be NULL
 * @since 0.2.0
 */
CONNECTOR_API void connector_changes_free(connector_changes *changes);

/**
 * The name of a kind of change, such as "created".
 *
 * @param kind any value
 * @return static text; "unknown" for a value that is no kind
 * @since 0.2.0
 */
CONNECTOR_API const char *connector_change_kind_name(connector_change_kind kind);

/**
 * Writes a change as one JSON object: `seq`, `kind`, `id`, `tenant_id`, `app_id`, `version`, `at`,
 * `person_id`, `source`, `request_id`, `reason`, `out_of_reach`, `forward` and `back`, null where
 * unset; `at` is RFC 3339 in UTC with milliseconds, the patches are objects.
 *
 * @param change borrowed for the call
 * @param json NUL-terminated, the caller's, released by connector_string_free()
 * @param length bytes without the NUL; may be NULL
 * @param error may be NULL
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_change_to_json(
    const connector_change *change, char **json, size_t *length, connector_error *error);

/**
 * Rebuilds a record as it stood at a version: as it was when that version ended, or stands now for
 * the current one, health reports of that time included.
 *
 * @param store an open store
 * @param id any text; of a deleted connector too
 * @param version from 1
 * @param out the record, the caller's
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND as for connector_get(); or, with field `version`, there is no such
 *         version, its history was trimmed or never written, or the caller could not see it then
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_get_as_of(connector_store *store,
                                                                     const char *id,
                                                                     int64_t version,
                                                                     connector **out,
                                                                     connector_error *error);

/**
 * Removes the oldest part of the history of the caller's tenant, or of every tenant for
 * CONNECTOR_ROLE_SYSTEM: all changes before the first one at or after a time. Leaves an anchor for
 * the chain. The newest change of the store always stays, so that no `seq` is used twice.
 *
 * @param store an open store
 * @param before milliseconds since 1970-01-01T00:00:00Z, above 0
 * @param trimmed how many changes were removed; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_DENIED the caller is a MEMBER or bound to an app: the history is the tenant's
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_history_trim(connector_store *store,
                                                                        int64_t before,
                                                                        int64_t *trimmed,
                                                                        connector_error *error);

/**
 * Checks the chain: whether a change of the caller's tenant, or of any tenant for
 * CONNECTOR_ROLE_SYSTEM, was altered, removed, put in or moved since it was written.
 *
 * Each change carries a keyed hash (BLAKE2b, RFC 7693) of itself and of the tenant's change before
 * it; a sealed head tells the tenant's last one, so that the end of its history can't be cut off
 * unseen, and a sealed anchor where trimming left off. Over all tenants the numbers must have no
 * gap either. Reads all of the history, from one snapshot. What the chain can't show is in
 * docs/security.md: what equals an older copy of the file, and a change by somebody who has the
 * key.
 *
 * @param store an open store
 * @param first_bad_seq 0: all is as it was written. Else the first change at which the chain
 *        breaks: altered or put in itself, or the one behind those removed
 * @param error may be NULL
 * @retval CONNECTOR_DENIED as for connector_history_trim()
 * @since 0.2.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_history_verify(connector_store *store,
                                                                          int64_t *first_bad_seq,
                                                                          connector_error *error);

#ifdef __cplusplus
}
#endif

#endif
