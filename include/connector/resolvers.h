/*
 * connector/resolvers.h: the resolvers that come with the library, for connector_options.secrets.
 * One for HashiCorp Vault and OpenBao is in libconnector-vault, <connector-vault.h>.
 *
 * Each makes a connector_secrets that belongs to the caller until connector_open() or a chain has
 * taken it; one that is not handed on is released by its `close`.
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
 * call that needs it, outside of transactions; other threads wait meanwhile for the key, so it must
 * not use the store. The library wipes `key` afterwards. @since 0.3.0
 */
typedef connector_status (*connector_root_key_fn)(void *user, void *key, connector_error *error);

/**
 * Keeps the largest generation ever seen, where it can't go back with the file: in a TPM counter,
 * or on another machine. It is told the generation of the file as it stands, and sets `newest` to
 * the larger of that and the one that it keeps. Every write of a secret adds one; a file that is
 * behind is an old copy: SECRET_TAMPERED. Called with each read and after each write, by several
 * threads at once. @since 0.3.0
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
 * @param out the caller's, from CONNECTOR_SECRETS_INIT
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
 * @param progress told of the tenants done; may be NULL
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
 * `root/mount/a/b`, named as the file is. It has one version, 1.
 *
 * Refused with SECRET_DENIED: links (but those that a Kubernetes mount makes inside the folder of
 * the secret, through its `..data`), files or folders of other users than this one and root, and
 * files that the group or others can read. Names that start with a dot are passed over. Files are
 * read anew with every call; a change of a mount while it is read is SECRET_UNAVAILABLE.
 *
 * @param root a folder; copied, and opened with every call
 * @param out the caller's, from CONNECTOR_SECRETS_INIT
 * @param error may be NULL
 * @retval CONNECTOR_INVALID `root` is not given or not absolute
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
 * variable is not set is not there; a secret without values is SECRET_NOT_FOUND. It has one
 * version, 1.
 *
 * The library reads no environment by itself: the host hands its own over.
 *
 * @param environment such as `environ`; borrowed, and read with every call: the host must not
 * change it meanwhile
 * @param variables the map; copied
 * @param count of them
 * @param out the caller's, from CONNECTOR_SECRETS_INIT
 * @param error may be NULL
 * @retval CONNECTOR_INVALID a path, name or variable is none, or a value is there twice
 * @retval CONNECTOR_NO_MEMORY there is none
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status
connector_secrets_environment(char *const *environment, const connector_secret_variable *variables,
                              size_t count, connector_secrets *out, connector_error *error);

/* ---- chain: by the start of the path ---- */

/** Which resolver serves the paths that start so. @since 0.3.0 */
typedef struct connector_secrets_route {
  const char *prefix;        /**< whole segments of the path, such as `secret/data/dev`; "" = all */
  connector_secrets secrets; /**< taken over by the chain where it is made */
} connector_secrets_route;

/**
 * Makes a resolver of several, each for the paths that start with its prefix. The first route whose
 * prefix fits and whose resolver has the secret serves a read; what it answers but SECRET_NOT_FOUND
 * is the chain's answer, so that no other resolver steps in for one that denies, is sealed or can't
 * be had. Anything else goes to the first route that fits.
 *
 * @param routes copied; in the order in which they are tried
 * @param count 1 to 64
 * @param out the caller's, from CONNECTOR_SECRETS_INIT; its `close` closes theirs
 * @param error may be NULL
 * @retval CONNECTOR_INVALID a prefix is none, or a resolver has no `get`; they stay the caller's
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
