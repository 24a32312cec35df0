/*
 * connector/store.h: open a store, say who is calling, and create, get, update and delete; then
 * what acts on the whole file: backup, check, maintenance, statistics.
 */
#ifndef CONNECTOR_STORE_H
#define CONNECTOR_STORE_H

#include <connector/query.h>
#include <connector/record.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- who is calling ---- */

/** How far a caller sees. @since 0.1.0 */
typedef enum connector_role {
  CONNECTOR_ROLE_MEMBER = 0, /**< org-wide connectors, its own, and its groups' */
  CONNECTOR_ROLE_TENANT = 1, /**< everything of its tenant */
  CONNECTOR_ROLE_SYSTEM = 2  /**< every tenant's, or tenant_id's where one is given */
} connector_role;

/**
 * Who is asking. The library stamps and filters by it, and believes it: fill it from what the host
 * has authenticated, never from the request's body.
 *
 * Text is borrowed until the library call returns. Any text that is not UTF-8, holds a control
 * character or is longer than the store's `max_text` is INVALID.
 *
 * @since 0.1.0
 */
typedef struct connector_caller {
  size_t size;           /**< set by CONNECTOR_CALLER_INIT */
  const char *tenant_id; /**< required but for CONNECTOR_ROLE_SYSTEM */
  const char *app_id;    /**< NULL for a human session; else it filters every call */
  const char *person_id; /**< the JWT's `sub`; stamps created_by and its kin; NULL for a machine */
  const char *user_id;   /**< matched with owner_id and user_id of personal connectors */
  const char *const *group_ids; /**< groups whose connectors the caller sees */
  size_t group_count;
  connector_role role;
  const char *source;                /**< default of a new record's `source`; NULL = "edm" */
  connector_source_type source_type; /**< default of a new record's; 0 = api */
  const char *request_id;            /**< kept in history, and handed on to `on_change` */
} connector_caller;

/** A caller of nobody. @since 0.1.0 */
#define CONNECTOR_CALLER_INIT CONNECTOR_INIT(connector_caller)

/** What is about to be done, for the host's own rules. Values are forever. @since 0.1.0 */
typedef enum connector_action {
  CONNECTOR_ACTION_CREATE = 1,
  CONNECTOR_ACTION_READ = 2,   /**< get: the record is shown */
  CONNECTOR_ACTION_LIST = 3,   /**< list, count, each, export: asked once, the record is NULL */
  CONNECTOR_ACTION_UPDATE = 4, /**< the record as it stands before the update */
  CONNECTOR_ACTION_DELETE = 5,
  CONNECTOR_ACTION_RESTORE = 6,
  CONNECTOR_ACTION_PURGE = 7,   /**< the record is NULL for connector_purge_deleted() */
  CONNECTOR_ACTION_HISTORY = 8, /**< history, as-of and feed; the record is NULL for a feed, for
                                     trimming and verifying, and where it was purged */
  CONNECTOR_ACTION_REPORT = 9,  /**< a health report: the record as it stands before it */
  CONNECTOR_ACTION_LEASE = 10,  /**< taking, renewing and ending a lease, and claiming, where it is
                                     asked once and the record is NULL */
  CONNECTOR_ACTION_SECRET_READ = 11, /**< reading the record's secret, or of its versions */
  CONNECTOR_ACTION_SECRET_WRITE = 12 /**< writing, deleting, restoring or destroying it */
} connector_action;

/** What happened to a record. Values are forever. @since 0.1.0 */
typedef enum connector_change_kind {
  CONNECTOR_CHANGE_CREATED = 1,
  CONNECTOR_CHANGE_UPDATED = 2,
  CONNECTOR_CHANGE_DELETED = 3,
  CONNECTOR_CHANGE_RESTORED = 4,
  CONNECTOR_CHANGE_PURGED = 5,
  CONNECTOR_CHANGE_HEALTH = 6,    /**< a health report; the version does not move */
  CONNECTOR_CHANGE_REFRESHED = 7, /**< an OAuth token was refreshed; the version does not move */
  CONNECTOR_CHANGE_ROTATED = 8,   /**< a credential was rotated; the version does not move */
  CONNECTOR_CHANGE_DISABLED = 9,  /**< disabled by the library, for the `reason` given */
  CONNECTOR_CHANGE_RECOVERED = 10 /**< healthy again, or enabled again by a person, after the
                                       library had disabled it or warned that it would */
} connector_change_kind;

/**
 * A committed change, as `on_change` is told of it and as history keeps it. Borrowed: until the
 * callback returns, or as long as the connector_changes that it is in.
 *
 * `forward` and `back` are JSON Merge Patches (RFC 7396) between the record before and after the
 * change, over the fields that a user or a health report may write; what the library stamps is in
 * the members here. Neither is there for a purge and in a store that keeps no history. A MEMBER who
 * could not see the record before gets no `back`, and of `forward` only what was set. What a merge
 * patch can't say, a null inside an object and the order of its keys, is not in them;
 * connector_get_as_of() has both.
 *
 * @since 0.1.0
 */
typedef struct connector_change {
  size_t size;
  connector_change_kind kind;
  const char *id;
  const char *tenant_id;
  const char *app_id;     /**< the record's, or NULL */
  int64_t version;        /**< after the change */
  int64_t at;             /**< milliseconds since 1970-01-01T00:00:00Z */
  const char *person_id;  /**< the caller's, or NULL */
  const char *request_id; /**< the caller's, or NULL */
  int64_t seq;            /**< its place in the store's one order of changes; 0 without history.
                               @since 0.2.0 */
  const char *source;     /**< the caller's, or NULL. @since 0.2.0 */
  const char *reason;     /**< one sentence where the library itself acted or warns, or NULL.
                               @since 0.2.0 */
  const char *forward;    /**< from the record before to the one after, or NULL. @since 0.2.0 */
  const char *back;       /**< from the record after to the one before, or NULL. @since 0.2.0 */
  bool out_of_reach;      /**< the change took the record out of the caller's reach: `forward` is
                               NULL, and nothing more of it is told. @since 0.2.0 */
} connector_change;

/** How loud a log message is. @since 0.1.0 */
typedef enum connector_log_level {
  CONNECTOR_LOG_DEBUG = 0,
  CONNECTOR_LOG_INFO = 1,
  CONNECTOR_LOG_WARNING = 2,
  CONNECTOR_LOG_ERROR = 3
} connector_log_level;

/**
 * Tells who is calling. Asked once for each call, on the calling thread, before anything else.
 *
 * `caller` arrives as CONNECTOR_CALLER_INIT. A status other than CONNECTOR_OK is returned by the
 * call, with what the function wrote to `error`.
 *
 * @since 0.1.0
 */
typedef connector_status (*connector_caller_fn)(void *user, connector_caller *caller,
                                                connector_error *error);

/**
 * The host's own rules, asked after tenancy has passed: CONNECTOR_OK allows.
 *
 * Any other status refuses and is returned by the call, with what the function wrote to `error`;
 * CONNECTOR_NOT_FOUND is given its one face. Called without a lock or transaction of the library's
 * held, but inside a batch.
 *
 * @since 0.1.0
 */
typedef connector_status (*connector_authorize_fn)(void *user, const connector_caller *caller,
                                                   connector_action action, const connector *record,
                                                   connector_error *error);

/**
 * Whether what a field refers to exists, asked for `group_id`, `application_id` and
 * `webhook_endpoint_id` when a create, update or import sets them: CONNECTOR_OK means yes.
 *
 * Any other status is returned by the call as INVALID with the field's name, with what the function
 * wrote to `error->message`. Called like connector_authorize_fn.
 *
 * @since 0.1.0
 */
typedef connector_status (*connector_reference_fn)(void *user, const connector_caller *caller,
                                                   connector_field field, const char *value,
                                                   connector_error *error);

/**
 * Told of each committed change, after commit, on the thread that wrote, in the order of that
 * thread's writes. It may call the library; what it writes itself it is told of inside that call.
 *
 * @since 0.1.0
 */
typedef void (*connector_change_fn)(void *user, const connector_change *change);

/**
 * The time now, in milliseconds since 1970-01-01T00:00:00Z, above 0; for tests. Called without a
 * lock or transaction of the library's held, but inside a batch. @since 0.1.0
 */
typedef int64_t (*connector_clock_fn)(void *user);

/** Receives what the library has to say; the message is borrowed. @since 0.1.0 */
typedef void (*connector_log_fn)(void *user, connector_log_level level, const char *message);

/* ---- open and close ---- */

/** What an acknowledged write survives. @since 0.1.0 */
typedef enum connector_durability {
  CONNECTOR_DURABILITY_FULL = 0, /**< power loss */
  CONNECTOR_DURABILITY_NORMAL =
      1 /**< a crash of the process; power loss may take the last writes */
} connector_durability;

/** What is done with a secret in config, tags or metrics. @since 0.1.0 */
typedef enum connector_guard {
  CONNECTOR_GUARD_REFUSE = 0, /**< INVALID, with the JSON path and never the value */
  CONNECTOR_GUARD_ALLOW = 1
} connector_guard;

/**
 * How a store is opened. Start from CONNECTOR_OPTIONS_INIT: all else zero is the default.
 *
 * @since 0.1.0
 */
typedef struct connector_options {
  size_t size;                          /**< set by CONNECTOR_OPTIONS_INIT */
  void *user;                           /**< handed to every callback below */
  connector_caller_fn caller;           /**< asked once for each call, on its thread */
  const connector_caller *fixed_caller; /**< used where `caller` is NULL; copied */
  connector_authorize_fn authorize;     /**< NULL: tenancy alone decides */
  connector_reference_fn reference;     /**< NULL: references are not checked */
  connector_change_fn on_change;        /**< NULL: nobody is told */
  connector_clock_fn clock;             /**< NULL: the system's */
  connector_log_fn log;                 /**< NULL: no output at all */
  const char *id_prefix; /**< NULL = "cnn_"; 1-16 of a-z 0-9, then `_` or `-`; copied */
  connector_durability durability;
  connector_guard guard;
  uint32_t busy_timeout_ms; /**< longest wait for another process's write; 0 = 5000 */
  uint32_t readers;         /**< reader connections; 0 = by processors */
  uint32_t max_text;        /**< bytes of a text field; 0 = 1024 */
  uint32_t max_json;        /**< bytes of a JSON field; 0 = 256 KiB */
  uint32_t max_document;    /**< bytes of a JSON document; 0 = 1 MiB */
  uint64_t mmap_bytes;      /**< memory-mapped reads: 1.4 times faster gets, but an I/O
                                 error then ends the host with a signal; 0 = off */
  bool read_only;          /**< refuse every write; the file is neither created nor migrated, though
                                the engine's -wal and -shm may be made beside it */
  bool must_exist;         /**< refuse to create the file */
  const void *history_key; /**< CONNECTOR_HISTORY_KEY_BYTES that the chain of history is keyed
                                with, copied; NULL = a key made and kept in the file, which shows
                                damage but not a change by whoever can read the file.
                                @since 0.2.0 */
  int64_t disable_after_ms;      /**< age of the first error from which a failing connector is
                                      disabled; 0 = 7 days. @since 0.2.0 */
  uint32_t disable_after_errors; /**< and the count of errors in a row; 0 = 30. @since 0.2.0 */
  bool never_disable;            /**< failing connectors stay enabled. @since 0.2.0 */
  bool no_history;               /**< write no history: the feed, history and as-of show only what
                                      stores without this option write. @since 0.2.0 */
  const struct connector_secrets *secrets; /**< where secrets are (connector/secret.h); copied, and
                                                the store's once it is open: it calls `close`. NULL:
                                                nowhere. @since 0.3.0 */
  const char *vault_path_template; /**< the path of a secret whose record has none: whole segments may
                                        be tenant_id, app_id or connector_id in braces, the last
                                        one at least once; copied. NULL =
                                        CONNECTOR_VAULT_PATH_TEMPLATE. @since 0.3.0 */
  uint32_t secret_timeout_ms; /**< for each call of a resolver; 0 = its own. @since 0.3.0 */
  bool lock_secrets;          /**< fail where memory for secrets can't be locked, instead of going
                                   on with memory that may reach swap. @since 0.3.0 */
  uint64_t wal_most_bytes;    /**< bytes of the write-ahead log from which writes are refused with
                                   BUSY while a reader keeps it from being moved into the file: it
                                   grows by one transaction more at most. `log` is warned from
                                   64 MiB on, at each doubling. At least 8 MiB; 0 = 4 GiB.
                                   @since 0.3.0 */
} connector_options;

/** Bytes of `history_key`. @since 0.2.0 */
#define CONNECTOR_HISTORY_KEY_BYTES 32

/** The default of `vault_path_template`. @since 0.3.0 */
#define CONNECTOR_VAULT_PATH_TEMPLATE "secret/data/{tenant_id}/connectors/{connector_id}/credentials"

/** Default options. @since 0.1.0 */
#define CONNECTOR_OPTIONS_INIT CONNECTOR_INIT(connector_options)

/**
 * Opens a store, and creates or migrates its file where needed.
 *
 * Any number of threads may use one store, and any number of processes may open one file. After
 * fork() a child opens its own; the parent's answers MISUSE there.
 *
 * @param path a file, or ":memory:" for a store that ends with connector_close()
 * @param options NULL means CONNECTOR_OPTIONS_INIT; copied. Without a caller in it, every call that
 *        needs one answers UNAUTHENTICATED
 * @param out the caller's, released by connector_close()
 * @param error may be NULL
 * @retval CONNECTOR_CORRUPT the file is damaged or belongs to another program; it is left untouched
 * @retval CONNECTOR_SCHEMA the file was written by a newer library
 * @retval CONNECTOR_READ_ONLY the file or its folder can't be written
 * @retval CONNECTOR_INVALID an option is wrong: error.field names it; `history_key` is not the one
 *         that the file's history is keyed with. Without a key such a file opens and can be read;
 *         writes that add to history and connector_history_verify() then answer this
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_open(const char *path,
                                                                const connector_options *options,
                                                                connector_store **out,
                                                                connector_error *error);

/**
 * Closes a store.
 *
 * Where other threads are inside a call, or this one is inside a callback, those calls finish, any
 * call that they make on the store meanwhile answers MISUSE, and the last to leave releases it.
 * The pointer must not be used to start another call.
 *
 * @param store may be NULL
 * @since 0.1.0
 */
CONNECTOR_API void connector_close(connector_store *store);

/* ---- records ---- */

/** Flag of connector_get(): a soft-deleted record is found too. @since 0.1.0 */
#define CONNECTOR_WITH_DELETED UINT32_C(1)

/**
 * Creates a record for the caller's tenant and app.
 *
 * Stamps id, tenant, app, times, people and version 1, fills the defaults, and checks every field
 * before anything is written.
 *
 * @param store an open store
 * @param patch the fields; borrowed for the call
 * @param out the record as stored, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_INVALID a field breaks its rule: error.field names it
 * @retval CONNECTOR_DENIED a MEMBER could not read the record it asks for
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_create(connector_store *store,
                                                                  const connector_patch *patch,
                                                                  connector **out,
                                                                  connector_error *error);

/**
 * Creates a record unless the same was created under this key in the last 24 hours.
 *
 * Keys are per tenant and app. A repeat with the same content returns the record of the first call
 * as it stands now, deleted or not.
 *
 * @param store an open store
 * @param idempotency_key 1 to 255 bytes of text
 * @param patch the fields; borrowed for the call
 * @param out the record, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_EXISTS the key was used with other content
 * @return else as connector_create()
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_create_once(connector_store *store,
                                                                       const char *idempotency_key,
                                                                       const connector_patch *patch,
                                                                       connector **out,
                                                                       connector_error *error);

/**
 * Reads a record.
 *
 * @param store an open store
 * @param id any text
 * @param flags 0 or CONNECTOR_WITH_DELETED
 * @param out the record, the caller's
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND malformed, absent, deleted, another tenant's, app's or person's: the
 *         status, field and message are the same for all
 * @retval CONNECTOR_INVALID `id` or `out` is NULL; or CONNECTOR_ROLE_SYSTEM named no tenant and
 *         several have this id
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_get(connector_store *store,
                                                               const char *id, uint32_t flags,
                                                               connector **out,
                                                               connector_error *error);

/**
 * Updates a live record.
 *
 * An empty patch is an update too: the version and the stamps move.
 *
 * @param store an open store
 * @param id any text
 * @param expected_version the version that was read; 0 = whatever it is
 * @param patch the fields to write; borrowed for the call
 * @param out the record as it now stands, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_CONFLICT another version is current: error.version is
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @retval CONNECTOR_INVALID a field breaks its rule, or is both written and cleared
 * @retval CONNECTOR_DENIED a MEMBER could not read the result
 * @retval CONNECTOR_SCHEMA the record was written by a newer library
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_update(connector_store *store, const char *id, int64_t expected_version,
                 const connector_patch *patch, connector **out, connector_error *error);

/**
 * Deletes a live record softly: it stays until it is purged, and can be restored.
 *
 * @param store an open store
 * @param id any text
 * @param expected_version the version that was read; 0 = whatever it is
 * @param error may be NULL
 * @return as connector_update()
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_delete(connector_store *store,
                                                                  const char *id,
                                                                  int64_t expected_version,
                                                                  connector_error *error);

/**
 * Restores a soft-deleted record.
 *
 * @param store an open store
 * @param id any text
 * @param expected_version the version that was read; 0 = whatever it is
 * @param out the record as it now stands, the caller's; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_CONFLICT another version is current, or the record is not deleted:
 *         error.version is the current version
 * @return else as connector_update()
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_restore(connector_store *store,
                                                                   const char *id,
                                                                   int64_t expected_version,
                                                                   connector **out,
                                                                   connector_error *error);

/**
 * Removes a soft-deleted record for good, and before it the secret that its `vault_path` names,
 * where the path names the connector: a path that it may share with others is left to the host. A
 * restore at the same moment may find the secret gone.
 *
 * @param store an open store
 * @param id any text
 * @param error may be NULL
 * @retval CONNECTOR_CONFLICT the record is not deleted
 * @retval CONNECTOR_NOT_FOUND as for connector_get()
 * @retval CONNECTOR_SECRET_UNAVAILABLE or another SECRET_ status: the secret can't be destroyed,
 * and the record is still there
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_purge(connector_store *store,
                                                                 const char *id,
                                                                 connector_error *error);

/**
 * Removes for good the records that the caller may read and that were deleted before a time, and
 * their secrets as connector_purge().
 *
 * Works in transactions of a bounded size, so that other writers are not held up; what is purged
 * before a failure stays purged.
 *
 * @param store an open store
 * @param deleted_before milliseconds since 1970-01-01T00:00:00Z
 * @param purged how many; may be NULL
 * @param error may be NULL
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_purge_deleted(connector_store *store,
                                                                         int64_t deleted_before,
                                                                         int64_t *purged,
                                                                         connector_error *error);

/** The work of a batch; the status that it returns commits (CONNECTOR_OK) or rolls back. @since
 * 0.1.0 */
typedef connector_status (*connector_batch_fn)(connector_store *store, void *user,
                                               connector_error *error);

/**
 * Runs a function whose calls on the same store, from the same thread, are one transaction.
 *
 * The write lock is held meanwhile. A call that fails inside changes nothing, and the function may
 * go on; but where the machine fails (NO_MEMORY, DISK_FULL, IO) all of the batch may be undone at
 * once: the writes that follow in it, and the batch, then answer the same status. A batch inside a
 * batch is a savepoint: its failure undoes it alone.
 *
 * @param store an open store
 * @param batch called once, on this thread
 * @param user handed to `batch`
 * @param error may be NULL; what `batch` wrote to its own `error` arrives here
 * @return CONNECTOR_OK after the commit; else what `batch` returned, with all of it undone
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_batch(connector_store *store,
                                                                 connector_batch_fn batch,
                                                                 void *user,
                                                                 connector_error *error);

/* ---- maintenance: acts on the whole file, belongs to the host, asks no caller ---- */

/**
 * Told how far a long call is; anything but CONNECTOR_OK stops the call with that status.
 *
 * `total` is -1 where it is not known.
 *
 * @since 0.1.0
 */
typedef connector_status (*connector_progress_fn)(void *user, int64_t done, int64_t total,
                                                  connector_error *error);

/**
 * Copies the store to a file while it is in use: a consistent snapshot, made beside the target and
 * renamed over it when it is whole and on disk. Nothing may have the target open. Of a ":memory:"
 * store `progress` is told at the end alone.
 *
 * @param store an open store
 * @param path the target; replaced where it exists; not the store's own file
 * @param progress told pages done and in all; may be NULL
 * @param user handed to `progress`
 * @param error may be NULL
 * @retval CONNECTOR_CANCELLED or what `progress` returned; the target is as it was
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_backup(connector_store *store,
                                                                  const char *path,
                                                                  connector_progress_fn progress,
                                                                  void *user,
                                                                  connector_error *error);

/** Something that connector_check() found. Borrowed until the callback returns. @since 0.1.0 */
typedef struct connector_finding {
  size_t size;
  const char *tenant_id; /**< NULL where the file itself is at fault */
  const char *id;        /**< NULL where the file itself is at fault */
  const char *field;     /**< "" where no one field is at fault */
  const char *message;
} connector_finding;

/** Told of each finding; anything but CONNECTOR_OK stops the check with that status. @since 0.1.0
 */
typedef connector_status (*connector_report_fn)(void *user, const connector_finding *finding,
                                                connector_error *error);

/**
 * Checks the file: the engine's own integrity check, then every record against its rules.
 *
 * @param store an open store
 * @param report told of each finding; may be NULL
 * @param user handed to `report`
 * @param error may be NULL
 * @retval CONNECTOR_OK nothing was found
 * @retval CONNECTOR_CORRUPT something was
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_check(connector_store *store,
                                                                 connector_report_fn report,
                                                                 void *user,
                                                                 connector_error *error);

/** What connector_maintain() keeps to. @since 0.1.0 */
typedef struct connector_maintain_options {
  size_t size;              /**< set by CONNECTOR_MAINTAIN_OPTIONS_INIT */
  uint64_t wal_limit_bytes; /**< a write-ahead log above this is emptied and cut, waiting for
                               readers up to busy_timeout_ms; 0 = 64 MiB */
  int64_t history_before;   /**< history of all tenants from before this time is trimmed, as
                               connector_history_trim() does; 0 = none. @since 0.2.0 */
} connector_maintain_options;

/** Default options. @since 0.1.0 */
#define CONNECTOR_MAINTAIN_OPTIONS_INIT CONNECTOR_INIT(connector_maintain_options)

/**
 * Does the housekeeping, from a thread of the host's when it likes: moves the write-ahead log into
 * the file, keeps its size bounded, forgets idempotency keys older than 24 hours, and trims history
 * where it is asked to.
 *
 * Without it writers checkpoint as SQLite does. Once a minute is plenty.
 *
 * @param store an open store
 * @param options NULL means CONNECTOR_MAINTAIN_OPTIONS_INIT
 * @param error may be NULL
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_maintain(
    connector_store *store, const connector_maintain_options *options, connector_error *error);

/** Figures of a store. Start from CONNECTOR_STATS_INIT. @since 0.1.0 */
typedef struct connector_stats {
  size_t size;     /**< set by CONNECTOR_STATS_INIT */
  int64_t records; /**< live records of all tenants */
  int64_t deleted; /**< soft-deleted records of all tenants */
  int64_t tenants; /**< tenants that have a record */
  int64_t file_bytes;
  int64_t wal_bytes;
  int64_t free_bytes;            /**< inside the file, to be used again */
  int64_t schema_version;        /**< of the file */
  int64_t readers_open;          /**< reader connections open now */
  int64_t writes;                /**< transactions that this store committed */
  int64_t busy_waits;            /**< times that a write waited for another process */
  int64_t longest_wait_us;       /**< the longest of these waits, in microseconds */
  int64_t secret_bytes_locked;   /**< memory for secrets that is locked. @since 0.3.0 */
  int64_t secret_bytes_unlocked; /**< and that could not be: it may reach swap. @since 0.3.0 */
} connector_stats;

/** Empty figures. @since 0.1.0 */
#define CONNECTOR_STATS_INIT CONNECTOR_INIT(connector_stats)

/**
 * Reads the figures of a store. Counting reads an index of the whole file.
 *
 * @param store an open store
 * @param stats the caller's; `size` says how much of it is written
 * @param error may be NULL
 * @since 0.1.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_stats_get(connector_store *store,
                                                                     connector_stats *stats,
                                                                     connector_error *error);

/** Version of this header, as connector_version_number() gives the library's. @since 0.1.0 */
#define CONNECTOR_VERSION_NUMBER 300

/**
 * The library's version, such as "0.3.0".
 *
 * @return static text
 * @since 0.1.0
 */
CONNECTOR_API const char *connector_version(void);

/**
 * The library's version as one number: major × 10000 + minor × 100 + patch.
 *
 * @since 0.1.0
 */
CONNECTOR_API int connector_version_number(void);

#ifdef __cplusplus
}
#endif

#endif
