/*
 * connector-vault.h: secrets in HashiCorp Vault or OpenBao, key/value engine version 2, over HTTP.
 *
 * A library of its own, `libconnector-vault`, so that the core needs no libcurl. It makes a
 * resolver, as <connector/secret.h> describes them, to be handed to connector_open().
 */
#ifndef CONNECTOR_VAULT_H
#define CONNECTOR_VAULT_H

#include <connector/secret.h>

#ifdef __cplusplus
extern "C" {
#endif

/** How the client gets its token. Values are forever. @since 0.3.0 */
typedef enum connector_vault_auth {
  CONNECTOR_VAULT_AUTH_TOKEN = 0,     /**< one that is given, or lies in a file */
  CONNECTOR_VAULT_AUTH_APPROLE = 1,   /**< a role id and a secret id */
  CONNECTOR_VAULT_AUTH_KUBERNETES = 2 /**< a role and the pod's service account */
} connector_vault_auth;

/**
 * Where the vault is and how to talk to it. Start from CONNECTOR_VAULT_OPTIONS_INIT: all else zero
 * is the default. Everything is copied; a token or secret id that is given as text lies in guarded
 * memory from then on, and the host may wipe its own copy.
 *
 * @since 0.3.0
 */
typedef struct connector_vault_options {
  size_t size; /**< set by CONNECTOR_VAULT_OPTIONS_INIT */

  const char *address; /**< such as `https://vault.example:8200`; a path behind it stays in front
                            of `/v1`. Required but with `unix_socket` */
  const char *vault_namespace; /**< sent as `X-Vault-Namespace`; NULL: none */
  const char *ca_file;         /**< certificates (PEM) to trust; NULL: the system's */
  const char *ca_path;         /**< a folder of such, named by their hashes; NULL: the system's */
  const char *unix_socket;     /**< the path of a socket to talk through, such as an agent's */
  bool allow_http; /**< http to other machines too: everyone on the way reads the secrets. Without
                        it http is for loopback and unix sockets */
  bool environment_proxy; /**< heed `https_proxy` and its kin; else no proxy is used */

  connector_vault_auth auth;
  const char *auth_mount;     /**< where the method is mounted; NULL: `approle`, `kubernetes` */
  const char *token;          /**< TOKEN: this or `token_file` */
  const char *token_file;     /**< TOKEN: one line; read again when it changes and after a 403 */
  bool renew_token;           /**< TOKEN: look its lease up, and renew it */
  const char *role_id;        /**< APPROLE */
  const char *secret_id;      /**< APPROLE: this or `secret_id_file` */
  const char *secret_id_file; /**< APPROLE: one line, read for each login */
  const char *role;           /**< KUBERNETES */
  const char *jwt_file;       /**< KUBERNETES: read for each login; NULL: the pod's own,
                                   `/var/run/secrets/kubernetes.io/serviceaccount/token` */

  uint32_t timeout_ms; /**< for a whole call, logins and retries included, where the request names
                            none; 0 = 10000 */
  uint32_t max_response_bytes; /**< a longer answer is TOO_LARGE; 0 = 1 MiB, at most 64 MiB */
  uint32_t retries;            /**< tries of a read after the first; 0 = 2 */
  bool no_retries;
  uint32_t retry_min_ms; /**< the first pause, doubled for each that follows; 0 = 100 */
  uint32_t retry_max_ms; /**< the longest pause; 0 = 2000. `Retry-After` is kept to beyond it */

  uint32_t cache_ttl_ms;   /**< how long a value read may serve; 0 = no cache, at most 300000 */
  uint32_t cache_stale_ms; /**< how much longer it may serve, marked, while the vault can't be
                                reached, does not answer in time or is over its rate limit; 0 = not
                                at all */
  uint32_t cache_entries;  /**< the most values kept; 0 = 1024 */

  connector_log_fn log; /**< told of logins, renewals, retries and stale values; no path, token or
                             value is in it; NULL: no output */
  void *user;           /**< handed to `log` */
} connector_vault_options;

/** Default options. @since 0.3.0 */
#define CONNECTOR_VAULT_OPTIONS_INIT CONNECTOR_INIT(connector_vault_options)

/**
 * Makes a resolver for a vault. Nothing is sent before the first call on it.
 *
 * A call logs in where that is due: first, when two thirds of the token's lease are over (a
 * renewal, by one thread, while others go on), and once after a 403. There is no thread of the
 * library's.
 *
 * `get` retries what may pass: connections that fail or break, 412, 429 and 5xx but 501. With a
 * cache, threads that miss the same secret at the same time make one request; without one, each
 * call makes its own, so that it sees every write that was over before it began.
 *
 * `put` sends check-and-set, once. Where it is not known what became of it, the version that it
 * would have made is read and compared; where that can't be read either, SECRET_AMBIGUOUS. -1
 * reads the current version first, and again, twice at most, where another writer was faster; it
 * needs the right to read.
 *
 * `destroy` destroys one version for good, or with version 0 deletes the metadata and all versions;
 * `remove` deletes one version, `restore` reads one and undeletes it, and `versions` reads the
 * metadata. A version to remove that is not there is no failure: the server does not say so.
 *
 * A resolver serves any number of threads. In a child of fork() its calls are MISUSE, and closing
 * it there does nothing.
 *
 * What each failure means:
 *
 * SECRET_NOT_FOUND: no such secret or version. SECRET_DELETED: the version was deleted or
 * destroyed. SECRET_PATH: no engine is mounted there.
 *
 * SECRET_DENIED: the vault refused the token, the login or the request.
 *
 * SECRET_SEALED: it is sealed, or in maintenance.
 *
 * SECRET_UNAVAILABLE: it can't be reached, its certificate was refused, its rate limit is
 * reached, it failed, or it answered in no form that is known. SECRET_TIMEOUT: the time was over.
 *
 * SECRET_CONFLICT, SECRET_AMBIGUOUS: a write only.
 *
 * TOO_LARGE: the answer is longer than `max_response_bytes`.
 *
 * CONNECTOR_IO: a credential's file can't be read.
 *
 * Tokens, request bodies and answers lie in guarded memory and are wiped; cached values are
 * encrypted, as a connector_secret holds them. Out of reach are the buffers of libcurl and of its
 * TLS library, which hold a request, its token among it, and an answer's ciphertext and text until
 * the memory is used again; and the registers while they work.
 *
 * libcurl is begun once for the process, by curl_global_init(), and not ended. With a libcurl
 * before 7.84 the first call of this function must not run beside another use of libcurl in the
 * process. A name that takes the system long to resolve can hold a call up past its deadline.
 *
 * @param options required
 * @param out from CONNECTOR_SECRETS_INIT; the resolver: hand it to connector_open(), whose store
 *        closes it, or call its `close`
 * @param error may be NULL
 * @retval CONNECTOR_INVALID an option is wrong: error.field names it; `size` too where a struct
 * does not start from its _INIT macro
 * @since 0.3.0
 */
CONNECTOR_API CONNECTOR_CHECKED connector_status connector_secrets_vault(
    const connector_vault_options *options, connector_secrets *out, connector_error *error);

#ifdef __cplusplus
}
#endif

#endif
