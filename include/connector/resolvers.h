/*
 * connector/resolvers.h: the resolvers that come with the library, for connector_options.secrets.
 * One for HashiCorp Vault and OpenBao is in libconnector-vault, <connector-vault.h>.
 *
 * Each makes a connector_secrets that belongs to the caller until connector_open() or a chain has
 * taken it; one that is not handed on is released by its `close`, with its `user`. `out` is started
 * from CONNECTOR_SECRETS_INIT, and is left as it is by a call that fails. Making and closing one is
 * for one thread at a time; its other functions may be called by any number of threads at once.
 */
#ifndef CONNECTOR_RESOLVERS_H
#define CONNECTOR_RESOLVERS_H

#include <connector/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- sealed: encrypted in the store's own file ---- */

/** Bytes of a root key. @since 0.3.0 */
#define CONNECTOR_ROOT_KEY_BYTES 32

/**
 * Gives the root key, such as from a key service or a TPM. Asked once, on the thread of the first
 * call that needs it; other threads wait meanwhile for the key, so it must not use the store. The
 * library wipes `key` afterwards. @since 0.3.0
 */
typedef connector_status (*connector_root_key_fn)(void *user, void *key, connector_error *error);

/**
 * Keeps the largest generation ever seen, where it can't go back with the file: in a TPM counter,
 * or on another machine. It is told the generation of the file as it stands, and sets `newest` to
 * the larger of that and the one that it keeps. Every write of a secret adds one; a file that is
 * behind is an old copy: SECRET_TAMPERED. Called with each read, and before and after each write,
 * by several threads at once, but not inside a batch. A failure is the call's, even where what it
 * wrote stands already. With CONNECTOR_DURABILITY_NORMAL a power loss can look like an old copy.
 * @since 0.3.0
 */
typedef connector_status (*connector_generation_fn)(void *user, int64_t generation, int64_t *newest,
                                                    connector_error *error);

/**
 * Where the root key comes from: exactly one of `root_key`, `root_key_file`, `root_key_fn` and
 * `passphrase`. Start from CONNECTOR_SEALED_OPTIONS_INIT.
 *
 * @since 0.3.0
 */
typedef struct connector_sealed_options {
  size_t size;               /**< set by CONNECTOR_SEALED_OPTIONS_INIT */
  void *user;                /**< handed to the callbacks */
  const void *root_key;      /**< CONNECTOR_ROOT_KEY_BYTES of good randomness; copied */
  const char *root_key_file; /**< of 32 bytes, or 64 hexadecimal digits with or without a line
                                  end; a file of this user's or root's that nobody else can
                                  read. Read at once */
  connector_root_key_fn root_key_fn;
  const char *passphrase;     /**< the key is made of it by Argon2id (RFC 9106); copied */
  uint64_t passphrase_passes; /**< over the memory, where a file gets its first key: 0 = 3 */
  uint64_t passphrase_memory; /**< in bytes, there: 0 = 256 MiB */
  const struct connector_sealed_options *previous; /**< the key before, which serves too where the
                                                        file still has it: for the time of
                                                        connector_root_key_rotate(). NULL: none */
  connector_generation_fn generation; /**< NULL: an old copy of the whole file does not show */
  uint32_t max_versions;              /**< kept of each secret; older ones are destroyed.
                                           0 = 10, at most 1000 */
} connector_sealed_options;

/** No key. @since 0.3.0 */
#define CONNECTOR_SEALED_OPTIONS_INIT CONNECTOR_INIT(connector_sealed_options)

/**
 * Makes a resolver that keeps secrets in the store's own file, encrypted.
 *
 * A root key wraps a key for each tenant, and that a random key for each version
 * (XChaCha20-Poly1305). Values are bound to the file, tenant, app, connector, path and version, and
 * what is known of versions is authenticated: any change, swap or replay is SECRET_TAMPERED,
 * another root key SECRET_SEALED. What can't be shown is in docs/secrets.md. The first secret that
 * is written settles the root key of the file.
 *
 * It serves one store, handed to connector_open() itself or in a chain; else it answers MISUSE. Its
 * writes are in the same transaction as the record's. Each connector has its own secrets: two of
 * them with one path share nothing.
 *
 * @param options required
 * @param out the caller's
 * @param error may be NULL
 * @retval CONNECTOR_INVALID no key, more than one, or one that is none: error.field names it
 * @retval CONNECTOR_IO `root_key_file` can't be read
 * @retval CONNECTOR_DENIED it is a link, another user's, or others can read it
 * @retval CONNECTOR_NO_MEMORY there is none
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secrets_sealed(
    const connector_sealed_options *options, connector_secrets *out, connector_error *error);

/**
 * Gives the file another root key, and wraps the tenants' keys with it. One transaction: after a
 * kill at any moment either the one or the other key is the file's. Secrets are not touched.
 *
 * This store goes on with the new key; other processes answer SECRET_SEALED until they are opened
 * with it, unless it is theirs already and the old one their `previous`.
 *
 * For the host: asks no caller.
 *
 * @param store an open store with a sealed resolver that has the file's key
 * @param next the new key; `previous`, `generation` and `max_versions` are passed over
 * @param progress told of the tenants done, inside the transaction: it must not use the store; may
 *        be NULL
 * @param user handed to `progress`
 * @param error may be NULL
 * @retval CONNECTOR_MISUSE the store has no sealed resolver, or this thread is inside a batch
 * @retval CONNECTOR_CANCELLED `progress` stopped it: nothing is changed
 * @return else as connector_secrets_sealed() and connector_secret_get()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_root_key_rotate(connector_store *store, const connector_sealed_options *next,
                          connector_progress_fn progress, void *user, connector_error *error);

/**
 * Gives a tenant another key, and wraps the keys of its secrets' versions with it. Some secrets at
 * a time: others may write in between, and every version can be read all the while. Where it was
 * stopped, by a kill too, the next call goes on.
 *
 * For the host: asks no caller.
 *
 * @param store an open store with a sealed resolver that has the file's key
 * @param tenant_id NULL = every tenant, one after the other
 * @param progress told of the secrets done; may be NULL
 * @param user handed to `progress`
 * @param error may be NULL
 * @retval CONNECTOR_MISUSE the store has no sealed resolver, or this thread is inside a batch
 * @retval CONNECTOR_CANCELLED `progress` stopped it: what is done stays done
 * @return else as connector_secret_get()
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_tenant_key_rotate(connector_store *store, const char *tenant_id,
                            connector_progress_fn progress, void *user, connector_error *error);

/* ---- directory: a file for each value ---- */

/**
 * Makes a resolver that reads files below a folder, such as systemd's `$CREDENTIALS_DIRECTORY` or a
 * Kubernetes secret mount: the secret `mount/data/a/b` has a value for each file in the folder
 * `root/mount/a/b`, named as the file is, in no order. Its bytes are taken as they are: a line end
 * at the end of the file is part of the value. Folders in that folder are secrets of their own, and
 * names that start with a dot are passed over, in paths too. A folder without files is
 * SECRET_NOT_FOUND, a `root` that is not there SECRET_UNAVAILABLE, and a file of more than
 * CONNECTOR_SECRET_VALUE_MAX bytes TOO_LARGE.
 *
 * It can't write, and there is one version, 1, of the time at which the newest of the files was
 * last changed. Files are read anew with every call, without a lock: replace them by rename, or the
 * whole folder. A change that is noticed while a secret is read is SECRET_UNAVAILABLE.
 *
 * Refused with SECRET_DENIED, whatever else is in the folder:
 *
 * - Files and folders of other users than this process's effective one and root.
 * - Files that the group or others may read, write or execute. A POSIX access list that grants this
 *   user alone more, as systemd makes where a service has a `User=`, is none of that.
 * - Folders, `root` too, that the group or others may write, unless they are sticky.
 * - Pipes, sockets, devices and links. `root` itself may be a link, and what is above it is not
 *   looked at: that is the host's choice.
 *
 * Of a Kubernetes secret volume that is mounted at the folder of a secret, the links that it makes
 * are followed: `name` to `..data/name`, and `..data` to a folder beside it. All values are then of
 * one generation of the volume. Its files are open to all by default: set `defaultMode: 0400`. The
 * volume of a pod with an `fsGroup` is open to that group, and refused.
 *
 * @param root an absolute path; copied, and opened with every call
 * @param out the caller's
 * @param error may be NULL
 * @retval CONNECTOR_INVALID `root` or `out` is not given, `root` is not absolute, or `out` was not
 *         started from CONNECTOR_SECRETS_INIT (field `size`)
 * @retval CONNECTOR_NO_MEMORY there is none
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secrets_directory(const char *root, connector_secrets *out, connector_error *error);

/* ---- environment: variables by a map ---- */

/** A value that lies in a variable of the environment. @since 0.3.0 */
typedef struct connector_secret_variable {
  const char *path;     /**< the secret's whole path, such as `secret/data/dev/jira` */
  const char *name;     /**< of the value in it */
  const char *variable; /**< such as `JIRA_TOKEN` */
} connector_secret_variable;

/**
 * Makes a resolver for development that reads variables of the environment by a map. A value whose
 * variable is not set is not there, one whose variable is empty is empty; a secret without values
 * is SECRET_NOT_FOUND. Of a variable that is there twice, the first counts. One that is longer than
 * CONNECTOR_SECRET_VALUE_MAX is TOO_LARGE.
 *
 * It can't write, and there is one version, 1, whose time is not known (`created_at` 0). The
 * environment of a process can be read by its user and by root, and is inherited by its children:
 * what is in it is less well kept than in any other resolver.
 *
 * The library reads no environment by itself: the host hands its own over.
 *
 * @param environment such as `environ`, ends in NULL; borrowed until the resolver is closed, and
 *        read with every call: it must not be changed meanwhile, which setenv() and putenv() do
 * @param variables the map: paths as a record's `vault_path` has them, names as
 *        connector_secret_set() takes them, variables of any text without `=`; copied
 * @param count of them; may be 0
 * @param out the caller's
 * @param error may be NULL
 * @retval CONNECTOR_INVALID an argument is not given; a path, name or variable is none, or a name
 *         is there twice for a path (field such as `variables[2].name`); or `out` was not started
 *         from CONNECTOR_SECRETS_INIT (field `size`)
 * @retval CONNECTOR_NO_MEMORY there is none
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secrets_environment(char *const *environment, const connector_secret_variable *variables,
                              size_t count, connector_secrets *out, connector_error *error);

/* ---- chain: by the start of the path ---- */

/**
 * Which resolver serves the paths that start so. All resolvers of an array are started from
 * CONNECTOR_SECRETS_INIT, or made by a function above. @since 0.3.0
 */
typedef struct connector_secrets_route {
  const char *prefix;        /**< whole segments of the path, such as `secret/data/dev`; "" = all */
  connector_secrets secrets; /**< taken over by the chain where it is made; may be in several
                                routes of this chain, and may be a chain itself */
} connector_secrets_route;

/**
 * Makes a resolver of several, each for the paths that start with its prefix.
 *
 * Reads, and the telling of versions, try the routes whose prefix fits one after the other, and go
 * on only where one answers SECRET_NOT_FOUND: no other resolver steps in for one that denies, is
 * sealed or can't be had. A resolver that sets values and then answers SECRET_NOT_FOUND makes the
 * read MISUSE. Writes, and what else changes a secret, go to the first route that fits alone, even
 * where another one has the secret: SECRET_READ_ONLY where its resolver lacks the function. What is
 * cached is dropped by every route that fits. Where none fits, all answer SECRET_PATH (field
 * `vault_path`).
 *
 * A chain in a chain is the same as its routes in place of it, with both prefixes: it fits only
 * where one of its routes does.
 *
 * @param routes copied; in the order in which they are tried
 * @param count 1 to 64
 * @param out the caller's; its `close` closes theirs, each once: routes with the same `user`, `get`
 *        and `close` have the same resolver
 * @param error may be NULL
 * @retval CONNECTOR_INVALID an argument is not given, or a prefix is none (field `prefix`), a
 *         resolver has no `get` (field `get`), or a `size` is wrong or differs: the resolvers stay
 *         the caller's, as with every failure
 * @retval CONNECTOR_NO_MEMORY there is none
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secrets_chain(const connector_secrets_route *routes, size_t count, connector_secrets *out,
                        connector_error *error);

#ifdef __cplusplus
}
#endif

#endif
