/*
 * Checking and copying the options.
 */
#include "settings.h"

#include "address.h"
#include "report.h"

#include <stdlib.h>
#include <string.h>

enum {
  TEXT_MAX = 4096,
  TOKEN_MAX = 8192,
  DEFAULT_TIMEOUT_MS = 10000,
  DEFAULT_MAX_RESPONSE = 1 << 20,
  MOST_MAX_RESPONSE = 1 << 26,
  DEFAULT_RETRIES = 2,
  DEFAULT_RETRY_MIN_MS = 100,
  DEFAULT_RETRY_MAX_MS = 2000,
  MOST_CACHE_TTL_MS = 300000,
  DEFAULT_CACHE_ENTRIES = 1024
};

static const char default_jwt_file[] = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/* ---- the struct's size ---- */

/* No smaller one was ever public. */
static const size_t least = offsetof(connector_vault_options, user) + sizeof(void *);

static connector_status read_options(connector_vault_options *to,
                                     const connector_vault_options *from, connector_error *error)
{
  size_t size = 0;

  if (from == NULL)
    return error_set(error, CONNECTOR_INVALID, "options", "must be given");
  size = from->size;
  if (size < least || size > 65536)
    return error_set(error, CONNECTOR_INVALID, "size",
                     "must be set, by the _INIT macro of the struct");
  for (size_t i = sizeof(*to); i < size; i++)
    if (((const char *)from)[i] != 0)
      return error_set(error, CONNECTOR_INVALID, "size",
                       "asks for something that this library is too old to know");
  memset(to, 0, sizeof(*to));
  memcpy(to, from, size < sizeof(*to) ? size : sizeof(*to));
  return CONNECTOR_OK;
}

/* ---- texts ---- */

/* Printable, for most of them go into a header or an address. */
static bool is_clean(const char *text, size_t most)
{
  size_t length = guarded_length(text, most + 1);

  if (length == 0 || length > most)
    return false;
  for (size_t i = 0; i < length; i++)
    if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
      return false;
  return true;
}

static connector_status copy_text(char **to, const char *before, const char *text,
                                  const char *field, connector_error *error)
{
  size_t size = 0;

  if (text == NULL)
    return CONNECTOR_OK;
  if (!is_clean(text, TEXT_MAX))
    return error_set(error, CONNECTOR_INVALID, field,
                     "must have 1 to 4096 bytes and no control character");
  size = strlen(before) + strlen(text) + 1;
  *to = malloc(size);
  if (*to == NULL)
    return error_no_memory(error);
  memcpy(*to, before, strlen(before));
  memcpy(*to + strlen(before), text, strlen(text) + 1);
  return CONNECTOR_OK;
}

/* By a plain loop, as guarded_length(). */
static bool has_space(const char *text)
{
  const volatile char *at = text;

  while (*at != '\0' && *at != ' ')
    at++;
  return *at == ' ';
}

static connector_status copy_secret(struct guarded *to, const char *text, const char *field,
                                    connector_error *error)
{
  if (text == NULL)
    return CONNECTOR_OK;
  if (!is_clean(text, TOKEN_MAX) || has_space(text))
    return error_set(error, CONNECTOR_INVALID, field,
                     "must have 1 to 8192 bytes, no space and no control character");
  guarded_text(to, text);
  return to->failed ? error_no_memory(error) : CONNECTOR_OK;
}

/* ---- logging in ---- */

static connector_status either(const void *one, const void *other, const char *field,
                               const char *both, connector_error *error)
{
  if ((one == NULL) == (other == NULL))
    return error_set(error, CONNECTOR_INVALID, field, "one of %s must be given", both);
  return CONNECTOR_OK;
}

static connector_status read_token(struct settings *to, const connector_vault_options *from,
                                   connector_error *error)
{
  connector_status status = either(from->token, from->token_file, "token", "token and token_file",
                                   error);

  if (status == CONNECTOR_OK)
    status = copy_text(&to->file, "", from->token_file, "token_file", error);
  if (status == CONNECTOR_OK)
    status = copy_secret(&to->secret, from->token, "token", error);
  to->renew_token = from->renew_token;
  return status;
}

static connector_status read_approle(struct settings *to, const connector_vault_options *from,
                                     connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (from->role_id == NULL)
    return error_set(error, CONNECTOR_INVALID, "role_id", "must be given");
  status = either(from->secret_id, from->secret_id_file, "secret_id",
                  "secret_id and secret_id_file", error);
  if (status == CONNECTOR_OK)
    status = copy_text(&to->role, "", from->role_id, "role_id", error);
  if (status == CONNECTOR_OK)
    status = copy_text(&to->file, "", from->secret_id_file, "secret_id_file", error);
  if (status == CONNECTOR_OK)
    status = copy_secret(&to->secret, from->secret_id, "secret_id", error);
  return status;
}

static connector_status read_kubernetes(struct settings *to, const connector_vault_options *from,
                                        connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  if (from->role == NULL)
    return error_set(error, CONNECTOR_INVALID, "role", "must be given");
  status = copy_text(&to->role, "", from->role, "role", error);
  if (status == CONNECTOR_OK)
    status = copy_text(&to->file, "", from->jwt_file != NULL ? from->jwt_file : default_jwt_file,
                       "jwt_file", error);
  return status;
}

static const struct {
  const char *mount;
  connector_status (*read)(struct settings *to, const connector_vault_options *from,
                           connector_error *error);
} methods[] = {
  [CONNECTOR_VAULT_AUTH_TOKEN] = { "token", read_token },
  [CONNECTOR_VAULT_AUTH_APPROLE] = { "approle", read_approle },
  [CONNECTOR_VAULT_AUTH_KUBERNETES] = { "kubernetes", read_kubernetes },
};

static connector_status read_auth(struct settings *to, const connector_vault_options *from,
                                  connector_error *error)
{
  connector_status status = CONNECTOR_OK;
  size_t method = (size_t)from->auth;

  if (method >= sizeof(methods) / sizeof(methods[0]))
    return error_set(error, CONNECTOR_INVALID, "auth", "is no way to log in");
  to->auth = from->auth;
  status = copy_text(&to->mount, "",
                     from->auth_mount != NULL ? from->auth_mount : methods[method].mount,
                     "auth_mount", error);
  return status == CONNECTOR_OK ? methods[method].read(to, from, error) : status;
}

/* ---- numbers ---- */

static uint32_t or_default(uint32_t value, uint32_t otherwise)
{
  return value != 0 ? value : otherwise;
}

static connector_status read_numbers(struct settings *to, const connector_vault_options *from,
                                     connector_error *error)
{
  to->timeout_ms = or_default(from->timeout_ms, DEFAULT_TIMEOUT_MS);
  to->max_response = or_default(from->max_response_bytes, DEFAULT_MAX_RESPONSE);
  to->retries = from->no_retries ? 0 : or_default(from->retries, DEFAULT_RETRIES);
  to->retry_min_ms = or_default(from->retry_min_ms, DEFAULT_RETRY_MIN_MS);
  to->retry_max_ms = or_default(from->retry_max_ms, DEFAULT_RETRY_MAX_MS);
  to->cache_ttl_ms = from->cache_ttl_ms;
  to->cache_stale_ms = from->cache_stale_ms;
  to->cache_entries = or_default(from->cache_entries, DEFAULT_CACHE_ENTRIES);
  if (to->max_response > MOST_MAX_RESPONSE)
    return error_set(error, CONNECTOR_INVALID, "max_response_bytes", "must not be above 64 MiB");
  if (to->retry_min_ms > to->retry_max_ms)
    return error_set(error, CONNECTOR_INVALID, "retry_min_ms", "must not be above retry_max_ms");
  if (to->cache_ttl_ms > MOST_CACHE_TTL_MS)
    return error_set(error, CONNECTOR_INVALID, "cache_ttl_ms", "must not be above five minutes");
  if (to->cache_stale_ms > 0 && to->cache_ttl_ms == 0)
    return error_set(error, CONNECTOR_INVALID, "cache_stale_ms", "needs cache_ttl_ms");
  return CONNECTOR_OK;
}

/* ---- all of it ---- */

static connector_status read_texts(struct settings *to, const connector_vault_options *from,
                                   connector_error *error)
{
  connector_status status = copy_text(&to->header, "X-Vault-Namespace: ", from->vault_namespace,
                                      "vault_namespace", error);

  if (status == CONNECTOR_OK)
    status = copy_text(&to->ca_file, "", from->ca_file, "ca_file", error);
  if (status == CONNECTOR_OK)
    status = copy_text(&to->ca_path, "", from->ca_path, "ca_path", error);
  if (status == CONNECTOR_OK)
    status = copy_text(&to->unix_socket, "", from->unix_socket, "unix_socket", error);
  return status;
}

connector_status settings_read(struct settings *settings, const connector_vault_options *options,
                               connector_error *error)
{
  connector_vault_options given;
  connector_status status = read_options(&given, options, error);

  if (status == CONNECTOR_OK)
    status = address_read(&given, &settings->base, &settings->https, error);
  if (status == CONNECTOR_OK)
    status = read_texts(settings, &given, error);
  if (status == CONNECTOR_OK)
    status = read_auth(settings, &given, error);
  if (status == CONNECTOR_OK)
    status = read_numbers(settings, &given, error);
  if (status == CONNECTOR_OK) {
    settings->environment_proxy = given.environment_proxy;
    settings->log = given.log;
    settings->user = given.user;
  }
  return status;
}

void settings_free(struct settings *settings)
{
  free(settings->base);
  free(settings->header);
  free(settings->ca_file);
  free(settings->ca_path);
  free(settings->unix_socket);
  free(settings->mount);
  free(settings->role);
  free(settings->file);
  guarded_free(&settings->secret);
}
