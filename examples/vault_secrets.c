/*
 * vault_secrets: a connector's token in HashiCorp Vault or OpenBao. Puts it, uses it, rotates it,
 * reads it from the cache, and reads it anew after the provider answered 401.
 *
 * Usage: vault_secrets    against the server of VAULT_ADDR, with the token in VAULT_TOKEN and an
 *                         engine of version 2 at `secret`; where they are not set, against the
 *                         stand-in server of this repository's tests
 */
#include "stand_in.h"

#include <connector-vault.h>
#include <connector.h>

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- the provider, which takes one token only ---- */

static char accepted[64] = "first-token";

/* An HTTP status, as of a request with this token. The token is read here and nowhere else. */
static connector_status call_provider(void *user, const void *bytes, size_t length,
                                      connector_error *error)
{
  int *http = user;

  (void)error;
  *http = length == strlen(accepted) && memcmp(bytes, accepted, length) == 0 ? 200 : 401;
  return CONNECTOR_OK;
}

/* ---- the client ---- */

static connector_status use_token(connector_store *store, const char *id, int *http,
                                  connector_error *error)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_get(store, id, 0, &secret, error);

  if (status == CONNECTOR_OK)
    status = connector_secret_use(secret, "access_token", call_provider, http, error);
  if (status == CONNECTOR_OK)
    printf("version %" PRId64 ": the provider answers %d\n", connector_secret_version(secret),
           *http);
  connector_secret_free(secret);
  return status;
}

/* After a 401 what is cached may be old: another process may have rotated it. */
static connector_status use_token_or_newer(connector_store *store, const char *id,
                                           connector_error *error)
{
  int http = 0;
  connector_status status = use_token(store, id, &http, error);

  if (status == CONNECTOR_OK && http == 401) {
    status = connector_secret_invalidate(store, id, error);
    if (status == CONNECTOR_OK)
      status = use_token(store, id, &http, error);
  }
  return status;
}

static connector_status put_token(connector_store *store, const char *id, const char *token,
                                  const char *refresh_token, connector_error *error)
{
  connector_secret *secret = NULL;
  int64_t version = 0;
  connector_status status = connector_secret_new(store, &secret, error);

  if (status == CONNECTOR_OK)
    status = connector_secret_set(secret, "access_token", token, strlen(token), error);
  if (status == CONNECTOR_OK && refresh_token != NULL)
    status = connector_secret_set(secret, "refresh_token", refresh_token, strlen(refresh_token),
                                  error);
  if (status == CONNECTOR_OK) /* -1: whatever is there; what is not named here stays */
    status = connector_secret_put(store, id, secret, -1, &version, error);
  if (status == CONNECTOR_OK)
    printf("wrote version %" PRId64 "\n", version);
  connector_secret_free(secret);
  return status;
}

/* ---- the two stores: this process, and another machine's with the same records ---- */

static connector_status open_store(const char *path, const connector_vault_options *vault,
                                   connector_store **out, connector_error *error)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_status status = connector_secrets_vault(vault, &secrets, error);

  if (status != CONNECTOR_OK)
    return status;
  caller.tenant_id = "acme";
  caller.role = CONNECTOR_ROLE_TENANT;
  caller.source = "vault_secrets";
  options.fixed_caller = &caller;
  options.secrets = &secrets; /* the store's, once it is open */
  status = connector_open(path, &options, out, error);
  if (status != CONNECTOR_OK)
    secrets.close(secrets.user);
  return status;
}

/* Somebody writes a version that this process is not told of, straight into the vault. */
static connector_status rotate_elsewhere(const connector_vault_options *vault,
                                         const connector *record, connector_error *error)
{
  connector_secret_request request = { .size = sizeof(request), .mount = "secret" };
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_secret *secret = NULL;
  connector_store *store = NULL; /* an empty one, to make secrets in */
  connector_status status = open_store(":memory:", vault, &store, error);

  if (status == CONNECTOR_OK)
    status = connector_secrets_vault(vault, &secrets, error);
  if (status == CONNECTOR_OK)
    status = connector_secret_new(store, &secret, error);
  snprintf(accepted, sizeof accepted, "third-token");
  if (status == CONNECTOR_OK)
    status = connector_secret_set(secret, "access_token", accepted, strlen(accepted), error);
  request.path = record->vault_path + strlen("secret/data/");
  if (status == CONNECTOR_OK)
    status = secrets.put(secrets.user, &request, secret, -1, NULL, error);
  connector_secret_free(secret);
  if (secrets.close != NULL)
    secrets.close(secrets.user);
  connector_close(store);
  return status;
}

static connector_status play(connector_store *store, const connector_vault_options *vault,
                             connector_error *error)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;
  connector *after = NULL;
  connector_status status = CONNECTOR_OK;

  patch.name = "Jira";
  patch.provider = "jira";
  status = connector_create(store, &patch, &record, error);
  if (status == CONNECTOR_OK)
    status = put_token(store, record->id, accepted, "refresh-me", error);
  if (status == CONNECTOR_OK)
    status = use_token_or_newer(store, record->id, error);

  puts("\nrotated here: the cache has forgotten the old one");
  snprintf(accepted, sizeof accepted, "second-token");
  if (status == CONNECTOR_OK)
    status = put_token(store, record->id, accepted, NULL, error);
  if (status == CONNECTOR_OK)
    status = use_token_or_newer(store, record->id, error);

  puts("\nrotated elsewhere: the cache serves the old one until the provider refuses it");
  if (status == CONNECTOR_OK)
    status = connector_get(store, record->id, 0, &after, error);
  if (status == CONNECTOR_OK)
    status = rotate_elsewhere(vault, after, error);
  if (status == CONNECTOR_OK)
    status = use_token_or_newer(store, record->id, error);
  if (status == CONNECTOR_OK)
    status = connector_secret_destroy(store, record->id, 0, error);
  if (status == CONNECTOR_OK)
    puts("\ndestroyed, with all of its versions");
  connector_free(after);
  connector_free(record);
  return status;
}

int main(void)
{
  connector_error error;
  connector_store *store = NULL;
  connector_vault_options vault = CONNECTOR_VAULT_OPTIONS_INIT;
  struct stand_in *server = NULL;

  vault.address = getenv("VAULT_ADDR"); /* the host's to read: the library reads no environment */
  vault.token = getenv("VAULT_TOKEN");
  vault.cache_ttl_ms = 60000;
  if (vault.address == NULL || vault.token == NULL) {
    server = stand_in_start(NULL);
    if (server == NULL) {
      fputs("vault_secrets: the stand-in server can't start\n", stderr);
      return EXIT_FAILURE;
    }
    vault.address = stand_in_address(server);
    vault.token = ROOT_TOKEN;
    puts("VAULT_ADDR and VAULT_TOKEN are not set: a stand-in server is used\n");
  }
  connector_status status = open_store(":memory:", &vault, &store, &error);
  if (status == CONNECTOR_OK)
    status = play(store, &vault, &error);
  if (status != CONNECTOR_OK)
    fprintf(stderr, "vault_secrets: %s: %s\n", connector_status_name(status), error.message);
  connector_close(store);
  if (server != NULL)
    stand_in_stop(server);
  return status == CONNECTOR_OK ? EXIT_SUCCESS : EXIT_FAILURE;
}
