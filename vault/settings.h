/*
 * The options as the client keeps them: checked, copied, with defaults in place of zeros.
 */
#ifndef VAULT_SETTINGS_H
#define VAULT_SETTINGS_H

#include "guarded.h"

#include <connector-vault.h>

struct settings {
  char *base;    /* "https://host:8200", with no slash at its end */
  char *header;  /* "X-Vault-Namespace: …", or NULL */
  char *ca_file; /* NULL: the system's */
  char *ca_path;
  char *unix_socket;
  bool https;
  bool environment_proxy;

  connector_vault_auth auth;
  char *mount;           /* of the login method */
  char *role;            /* AppRole's role_id, Kubernetes's role */
  char *file;            /* of the token, the secret id or the JWT; NULL: `secret` is it */
  struct guarded secret; /* the token or the secret id */
  bool renew_token;

  uint32_t timeout_ms;
  size_t max_response;
  uint32_t retries;
  uint32_t retry_min_ms;
  uint32_t retry_max_ms;

  uint32_t cache_ttl_ms; /* 0: no cache */
  uint32_t cache_stale_ms;
  uint32_t cache_entries;

  connector_log_fn log;
  void *user;
};

/* Fills all-zero settings, to be freed whatever is returned. */
connector_status settings_read(struct settings *settings, const connector_vault_options *options,
                               connector_error *error);
void settings_free(struct settings *settings);

#endif
