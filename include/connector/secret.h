/*
 * connector/secret.h: secrets by reference. A record holds a `vault_path`; what is there is read
 * and written through a resolver: the host's own callbacks, or one that comes with the library.
 * Values are encrypted in memory and can be read only inside connector_secret_use().
 *
 * A secret is a set of named values, such as `username` and `token`, with versions (the meaning of
 * HashiCorp Vault's KV version 2). No record, list, export, history, feed, error or log ever holds
 * a value. The resolvers that come with the library are in <connector/resolvers.h>.
 */
#ifndef CONNECTOR_SECRET_H
#define CONNECTOR_SECRET_H

#include <connector/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- values in memory ---- */

/**
 * A set of named values, in the order in which they were first set.
 *
 * Values are encrypted in memory, under a random key of the store that no core dump holds; so any
 * number may be held. While one is shown or worked on its bytes are between guard pages, locked in
 * memory where the system allows, left out of core dumps, and wiped at the end. Used by one thread
 * at a time; any number of secrets may be used at once. It may outlive its store's
 * connector_close(). In a child of fork() its values are gone: names can be read there and it can
 * be freed, all else answers MISUSE; and so it does where the host closed a file of the library's.
 *
 * @since 0.3.0
 */
typedef struct connector_secret connector_secret;

/** The longest name of a value, in bytes. @since 0.3.0 */
#define CONNECTOR_SECRET_NAME_MAX 255

/** The longest value, in bytes. @since 0.3.0 */
#define CONNECTOR_SECRET_VALUE_MAX 65536

/** The most values of one secret. @since 0.3.0 */
#define CONNECTOR_SECRET_VALUES_MAX 256

/**
 * Makes an empty secret of the store's.
 *
 * @param store an open store
 * @param out the caller's, released by connector_secret_free()
 * @param error may be NULL
 * @retval CONNECTOR_NO_MEMORY there is none; or it can't be locked and the store asks for that
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_new(connector_store *store,
                                                                      connector_secret **out,
                                                                      connector_error *error);

/**
 * Makes an empty secret in the memory of another one; for resolvers, which have no store: what they
 * keep between calls is then copied cheaply, by connector_secret_copy(), to and from the secrets
 * that they fill.
 *
 * @param of any secret; stays as it is, and may be freed before the new one
 * @param out the caller's, released by connector_secret_free()
 * @param error may be NULL
 * @retval CONNECTOR_INVALID an argument is missing
 * @retval CONNECTOR_NO_MEMORY there is none
 * @retval CONNECTOR_MISUSE in a child of fork()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_new_like(
    const connector_secret *of, connector_secret **out, connector_error *error);

/**
 * Copies a value in, in place of the one of that name where there is one.
 *
 * The caller's own copy is left as it is: wipe it. An empty value stands in the secret like any
 * other; where the secret is put, it removes what it names.
 *
 * @param secret not inside a use of it
 * @param name 1 to CONNECTOR_SECRET_NAME_MAX bytes of UTF-8 without control characters; copied
 * @param bytes any; may be NULL where `length` is 0
 * @param length at most CONNECTOR_SECRET_VALUE_MAX
 * @param error may be NULL
 * @retval CONNECTOR_INVALID the name breaks its rule (field `name`), or the value is too long
 *         (field: its name)
 * @retval CONNECTOR_TOO_LARGE the secret has CONNECTOR_SECRET_VALUES_MAX values
 * @retval CONNECTOR_NO_MEMORY there is none; the secret is as it was
 * @retval CONNECTOR_MISUSE inside a use of this secret, or in a child of fork()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_set(connector_secret *secret,
                                                                      const char *name,
                                                                      const void *bytes,
                                                                      size_t length,
                                                                      connector_error *error);

/**
 * Sets a value for each member of a JSON object such as `{"token":"…"}`, decoded in
 * guarded memory. All or, on a failure, none.
 *
 * Strings are decoded. A number, true or false keeps its text, and a nested object or array its
 * compact text; connector_secret_use_json() writes these out as they came in. null sets an empty
 * value. The rules of JSON input apply (connector/json.h), except that keys inside nested objects
 * are part of the value and may be there twice.
 *
 * @param secret not inside a use of it
 * @param json need not end in NUL; borrowed for the call, and the caller's to wipe
 * @param length bytes
 * @param error may be NULL; names the member at fault, unless its name looks like a secret itself,
 *        and holds nothing of a value
 * @retval CONNECTOR_INVALID not one strict JSON object, a name there twice, or what
 *         connector_secret_set() refuses
 * @return else as connector_secret_set()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_set_json(connector_secret *secret,
                                                                           const char *json,
                                                                           size_t length,
                                                                           connector_error *error);

/**
 * Is shown the bytes of a value, or of a secret's JSON. They do not end in NUL, can be read until
 * it returns, and are gone afterwards: reading them then ends the process.
 *
 * It may read and use secrets, this one too. Any status but CONNECTOR_OK is returned by the call,
 * with what the function wrote to `error`. @since 0.3.0
 */
typedef connector_status (*connector_secret_use_fn)(void *user, const void *bytes, size_t length,
                                                    connector_error *error);

/**
 * Shows one value to a function, on the calling thread. The only way to a value.
 *
 * The secret must not be changed inside; where the function frees it, it lives until the call
 * returns.
 *
 * @param secret any
 * @param name of one of its values
 * @param use called once; not with NULL bytes, even for an empty value
 * @param user handed to `use`
 * @param error may be NULL
 * @retval CONNECTOR_SECRET_NOT_FOUND no value has this name
 * @retval CONNECTOR_NO_MEMORY there is none to show it in
 * @retval CONNECTOR_CORRUPT the value was damaged in memory, by a fault of the process
 * @retval CONNECTOR_MISUSE in a child of fork()
 * @return else what `use` answered
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secret_use(const connector_secret *secret, const char *name, connector_secret_use_fn use,
                     void *user, connector_error *error);

/**
 * Shows a secret as one JSON object to a function, for a resolver that sends it on. The text is in
 * guarded memory, and wiped afterwards.
 *
 * @param secret any
 * @param use called once, as by connector_secret_use()
 * @param user handed to `use`
 * @param error may be NULL
 * @retval CONNECTOR_INVALID a value is not UTF-8 or holds a NUL, which JSON can't hold here: the
 *         field is its name
 * @return else as connector_secret_use()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secret_use_json(const connector_secret *secret, connector_secret_use_fn use, void *user,
                          connector_error *error);

/**
 * Whether two secrets hold the same values under the same names, in any order and whatever their
 * versions. Takes the same time whatever the bytes are; names and lengths compare plainly.
 *
 * @param a may be NULL
 * @param b may be NULL; two NULLs are equal
 * @return false too where the values can't be read, such as in a child of fork()
 * @since 0.3.0
 */
CONNECTOR_API bool connector_secret_equal(const connector_secret *a, const connector_secret *b);

/**
 * Puts copies of all of a secret's values, its version and its stale mark in place of what another
 * one has. They may be of different stores.
 *
 * @param into changed; not inside a use of it
 * @param from stays as it is; may be `into` itself; several threads may copy from it at once
 * @param error may be NULL
 * @retval CONNECTOR_INVALID one of them is missing
 * @retval CONNECTOR_NO_MEMORY there is none; `into` is as it was
 * @retval CONNECTOR_CORRUPT a value was damaged in memory, by a fault of the process; found only
 *         where the stores are different ones
 * @retval CONNECTOR_MISUSE inside a use of `into`, or in a child of fork()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_copy(connector_secret *into,
                                                                       const connector_secret *from,
                                                                       connector_error *error);

/**
 * How many values there are, empty ones too.
 *
 * @param secret may be NULL
 * @since 0.3.0
 */
CONNECTOR_API size_t connector_secret_count(const connector_secret *secret);

/**
 * The name of one of the values.
 *
 * @param secret may be NULL
 * @param index from 0
 * @return borrowed: lives until the secret is changed or freed; NULL for an index that is too high
 * @since 0.3.0
 */
CONNECTOR_API const char *connector_secret_name(const connector_secret *secret, size_t index);

/**
 * The version that a resolver found or wrote.
 *
 * @param secret may be NULL
 * @return from 1; 0 where there is none yet
 * @since 0.3.0
 */
CONNECTOR_API int64_t connector_secret_version(const connector_secret *secret);

/**
 * Tells the version of what was read; for resolvers.
 *
 * @param secret may be NULL
 * @param version from 1; 0 = not known
 * @since 0.3.0
 */
CONNECTOR_API void connector_secret_set_version(connector_secret *secret, int64_t version);

/**
 * Marks what was read as out of date, or as not; for resolvers with a cache, while the server can't
 * be had.
 *
 * @param secret may be NULL
 * @param stale whether it may be out of date
 * @since 0.3.0
 */
CONNECTOR_API void connector_secret_set_stale(connector_secret *secret, bool stale);

/**
 * Whether a resolver gave an old value, for its server can't be had and the host allows that.
 *
 * @param secret may be NULL
 * @since 0.3.0
 */
CONNECTOR_API bool connector_secret_is_stale(const connector_secret *secret);

/**
 * Wipes a secret's values and releases it.
 *
 * @param secret may be NULL
 * @since 0.3.0
 */
CONNECTOR_API void connector_secret_free(connector_secret *secret);

/* ---- resolvers ---- */

/** What a resolver is asked for. Text is borrowed until the callback returns. @since 0.3.0 */
typedef struct connector_secret_request {
  size_t size;                    /**< set by the library */
  const connector_caller *caller; /**< who is asking */
  const char *connector_id;
  const char *tenant_id; /**< the record's */
  const char *app_id;    /**< the record's, or NULL */
  const char *mount;     /**< of `vault_path`: what stands before `/data/` */
  const char *path;      /**< of `vault_path`: what stands behind it; checked by the library */
  int64_t version;       /**< 0 = the latest; for `destroy` all of them */
  uint32_t timeout_ms;   /**< for all of the call, retries included; 0 = the resolver's own */
  int64_t rotated_at; /**< the record's `credential_last_rotated_at`: where it is another one, what
                           was cached for the path does not serve */
} connector_secret_request;

/**
 * A version of a secret, as far as it is known. Start from CONNECTOR_SECRET_VERSION_INFO_INIT.
 *
 * @since 0.3.0
 */
typedef struct connector_secret_version_info {
  size_t size; /**< set by CONNECTOR_SECRET_VERSION_INFO_INIT */
  int64_t version;
  int64_t created_at; /**< milliseconds since 1970-01-01T00:00:00Z */
  int64_t deleted_at; /**< 0: it is not deleted */
  bool destroyed;
} connector_secret_version_info;

/** Nothing known. @since 0.3.0 */
#define CONNECTOR_SECRET_VERSION_INFO_INIT CONNECTOR_INIT(connector_secret_version_info)

/** Told of a version; anything but CONNECTOR_OK stops with that status. @since 0.3.0 */
typedef connector_status (*connector_secret_version_fn)(void *user,
                                                        const connector_secret_version_info *info,
                                                        connector_error *error);

/**
 * Reads a secret: fills `into` by connector_secret_set(), connector_secret_set_json() or
 * connector_secret_copy(), and tells the version by connector_secret_set_version(); the version of
 * one that is SECRET_DELETED too, where it is known. SECRET_NOT_FOUND, SECRET_DELETED and their
 * like where there is nothing to read. @since 0.3.0
 */
typedef connector_status (*connector_secret_get_fn)(void *user,
                                                    const connector_secret_request *request,
                                                    connector_secret *into, connector_error *error);

/**
 * Writes a new version of a secret: all of its values, the library has merged them.
 * `expected_version` 0: it must not exist; -1: whatever it is; else the current one.
 * SECRET_CONFLICT where it is another, SECRET_AMBIGUOUS where it is not known whether it was
 * written. @since 0.3.0
 */
typedef connector_status (*connector_secret_put_fn)(void *user,
                                                    const connector_secret_request *request,
                                                    const connector_secret *secret,
                                                    int64_t expected_version, int64_t *version,
                                                    connector_error *error);

/** Changes something else about a secret, as the member tells. @since 0.3.0 */
typedef connector_status (*connector_secret_change_fn)(void *user,
                                                       const connector_secret_request *request,
                                                       connector_error *error);

/** Calls `each` for every version of a secret, oldest first. @since 0.3.0 */
typedef connector_status (*connector_secret_versions_fn)(void *user,
                                                         const connector_secret_request *request,
                                                         connector_secret_version_fn each,
                                                         void *each_user, connector_error *error);

/** Forgets what is kept of a secret. @since 0.3.0 */
typedef void (*connector_secret_forget_fn)(void *user, const connector_secret_request *request);

/** Releases a resolver. @since 0.3.0 */
typedef void (*connector_secrets_close_fn)(void *user);

/**
 * A resolver: where secrets are. Start from CONNECTOR_SECRETS_INIT.
 *
 * Its functions are called on the calling thread with nothing of the library's locked, by several
 * threads at once. `get` must be given; where a call needs another one that is NULL, it answers
 * SECRET_READ_ONLY, and for `versions` SECRET_UNAVAILABLE.
 *
 * A status without meaning for a secret is passed on as it is. What a function writes to the error
 * is shown to the caller: no value, token or other tenant's path may be in it.
 *
 * @since 0.3.0
 */
typedef struct connector_secrets {
  size_t size; /**< set by CONNECTOR_SECRETS_INIT */
  void *user;  /**< handed to every function below */
  connector_secret_get_fn get;
  connector_secret_put_fn put;
  connector_secret_change_fn destroy;    /**< removes a version, or all of the secret, for good;
                                              OK where it is absent */
  connector_secret_change_fn remove;     /**< marks a version as deleted; its value stays */
  connector_secret_change_fn restore;    /**< takes that back */
  connector_secret_versions_fn versions; /**< tells all of them */
  connector_secret_forget_fn invalidate; /**< drops what is cached for the path; NULL: nothing is */
  connector_secrets_close_fn close;      /**< called once, when the store that took it is released;
                                              may be NULL */
} connector_secrets;

/** A resolver without functions. @since 0.3.0 */
#define CONNECTOR_SECRETS_INIT CONNECTOR_INIT(connector_secrets)

/* ---- secrets of a store's records ---- */

/**
 * Reads the secret of a record.
 *
 * The record is read first, as by connector_get(); the host's rules are asked for
 * CONNECTOR_ACTION_SECRET_READ. Its `vault_path` is then checked: a mount, `data` and a path, no
 * segment that is empty, `..` or holds a control character, and none that names another tenant or
 * connector.
 *
 * @param store an open store with a resolver (connector_options.secrets)
 * @param id of a record that the caller may read
 * @param version 0 = the latest
 * @param out the caller's, released by connector_secret_free()
 * @param error may be NULL
 * @retval CONNECTOR_NOT_FOUND as by connector_get(); nothing else is told of a record out of reach
 * @retval CONNECTOR_SECRET_PATH the record's path breaks a rule
 * @retval CONNECTOR_SECRET_NOT_FOUND the record has no path, or there is no such secret or version
 * @retval CONNECTOR_SECRET_DELETED the version was deleted or destroyed
 * @retval CONNECTOR_SECRET_DENIED the resolver refuses
 * @retval CONNECTOR_SECRET_SEALED the key is not the secrets' key; or the server is sealed
 * @retval CONNECTOR_SECRET_TAMPERED what is stored was changed by somebody else
 * @retval CONNECTOR_SECRET_UNAVAILABLE the resolver's source can't be had; try again
 * @retval CONNECTOR_SECRET_TIMEOUT it did not answer in time
 * @retval CONNECTOR_MISUSE the store has no resolver
 * @return else as connector_get()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_get(connector_store *store,
                                                                      const char *id,
                                                                      int64_t version,
                                                                      connector_secret **out,
                                                                      connector_error *error);

/**
 * Writes a new version of a record's secret.
 *
 * Values that `secret` does not name stay as they are, and an empty one removes what it names: a
 * token response without a refresh token loses none. The latest version is read for that, unless
 * `expected_version` is 0; a deleted one counts as empty.
 *
 * A record without `vault_path` gets the default one (connector_options.vault_path_template). The
 * secret is written first, then the record: `credential_last_rotated_at` is now, and history gets a
 * change of the kind CONNECTOR_CHANGE_ROTATED; the record's version moves only where its path was
 * set. Where that second write fails, the version is destroyed again. With secrets sealed in the
 * store's own file both are one transaction, which may be part of a batch; any other resolver is
 * not undone where a batch is.
 *
 * @param store an open store with a resolver
 * @param id of a record that the caller may change; the host's rules are asked for
 *        CONNECTOR_ACTION_SECRET_WRITE
 * @param secret borrowed for the call
 * @param expected_version 0 = there must be none yet, -1 = whatever it is, else the current one
 * @param version what was written; may be NULL
 * @param error may be NULL
 * @retval CONNECTOR_SECRET_CONFLICT the current version is another
 * @retval CONNECTOR_SECRET_AMBIGUOUS it is not known whether the secret was written; the record was
 *         not changed
 * @retval CONNECTOR_SECRET_READ_ONLY the resolver can't write
 * @retval CONNECTOR_CONFLICT the record's path changed meanwhile: nothing is written
 * @return else as connector_secret_get() and connector_update()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secret_put(connector_store *store, const char *id, const connector_secret *secret,
                     int64_t expected_version, int64_t *version, connector_error *error);

/**
 * Marks a version of a record's secret as deleted: it can't be read, and can be restored.
 *
 * @param store an open store with a resolver
 * @param id of a record that the caller may change
 * @param version 0 = the latest
 * @param error may be NULL
 * @return as connector_secret_put(); SECRET_NOT_FOUND where there is no such version
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_delete(connector_store *store,
                                                                         const char *id,
                                                                         int64_t version,
                                                                         connector_error *error);

/**
 * Takes the deletion of a version back. One that is not deleted stays as it is.
 *
 * @param store an open store with a resolver
 * @param id of a record that the caller may change
 * @param version 0 = the latest
 * @param error may be NULL
 * @return as connector_secret_delete(); SECRET_DELETED where it was destroyed
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_restore(connector_store *store,
                                                                          const char *id,
                                                                          int64_t version,
                                                                          connector_error *error);

/**
 * Destroys a version of a record's secret for good, or the whole secret with all of its versions.
 * The record keeps its path. connector_purge() does the same with the whole secret, where the path
 * names the connector; connector_delete() touches no secret.
 *
 * @param store an open store with a resolver
 * @param id of a record that the caller may change; a deleted one too
 * @param version 0 = the whole secret
 * @param error may be NULL
 * @return as connector_secret_put(); OK where there is none
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secret_destroy(connector_store *store,
                                                                          const char *id,
                                                                          int64_t version,
                                                                          connector_error *error);

/**
 * Tells the versions of a record's secret, oldest first.
 *
 * @param store an open store with a resolver
 * @param id of a record that the caller may read; asks for CONNECTOR_ACTION_SECRET_READ
 * @param each called for every version
 * @param user handed to `each`
 * @param error may be NULL
 * @retval CONNECTOR_SECRET_UNAVAILABLE the resolver can't tell
 * @return else as connector_secret_get(), or what `each` answered
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secret_versions(connector_store *store, const char *id, connector_secret_version_fn each,
                          void *user, connector_error *error);

/**
 * Drops what a resolver has cached of a record's secret: after the provider refused it, read it
 * anew.
 *
 * @param store an open store with a resolver
 * @param id of a record that the caller may read; asks for CONNECTOR_ACTION_SECRET_READ
 * @param error may be NULL
 * @return as connector_secret_get()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secret_invalidate(connector_store *store, const char *id, connector_error *error);

#ifdef __cplusplus
}
#endif

#endif
