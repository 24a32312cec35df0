/*
 * Making and closing the resolver.
 */
#include "operations.h"

#include "report.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static void vault_close(void *user)
{
  struct client *client = user;

  /* A child's copy of the connections is the parent's to end. */
  if (client == NULL || getpid() != client->process)
    return;
  cache_free(client->cache);
  pool_free(&client->pool);
  session_free(&client->session);
  settings_free(&client->settings);
  free(client);
}

static connector_status make_cache(struct client *client, connector_error *error)
{
  const struct settings *settings = &client->settings;

  if (settings->cache_ttl_ms == 0)
    return CONNECTOR_OK;
  client->cache = cache_new((struct cache_limits){ .ttl_ms = settings->cache_ttl_ms,
                                                   .stale_ms = settings->cache_stale_ms,
                                                   .entries = settings->cache_entries });
  return client->cache != NULL ? CONNECTOR_OK : error_no_memory(error);
}

/* The locks first, so that closing what was half made needs no flags. */
static struct client *client_new(void)
{
  struct client *client = calloc(1, sizeof(*client));

  if (client == NULL)
    return NULL;
  if (!pool_init(&client->pool)) {
    free(client);
    return NULL;
  }
  if (!session_init(&client->session)) {
    pool_free(&client->pool);
    free(client);
    return NULL;
  }
  client->process = getpid();
  return client;
}

/* ---- the host's struct, which may be another release's ---- */

/* No smaller one was ever public. */
static const size_t least = offsetof(connector_secrets, close) + sizeof(connector_secrets_close_fn);

static connector_status check_size(const connector_secrets *out, connector_error *error)
{
  if (out == NULL)
    return error_set(error, CONNECTOR_INVALID, "out", "must be given");
  if (out->size < least || out->size > 65536)
    return error_set(error, CONNECTOR_INVALID, "size",
                     "must be set, by the _INIT macro of the struct");
  return CONNECTOR_OK;
}

/* As far as the host's struct reaches; its size stays as it is. */
static void write_out(connector_secrets *out, const connector_secrets *known)
{
  size_t size = out->size < sizeof(*known) ? out->size : sizeof(*known);

  memcpy((char *)out + sizeof(out->size), (const char *)known + sizeof(known->size),
         size - sizeof(out->size));
}

static const connector_secrets functions = { .get = vault_get,
                                             .put = vault_put,
                                             .destroy = vault_destroy,
                                             .remove = vault_remove,
                                             .restore = vault_restore,
                                             .versions = vault_versions,
                                             .invalidate = vault_invalidate,
                                             .close = vault_close };

connector_status connector_secrets_vault(const connector_vault_options *options,
                                         connector_secrets *out, connector_error *error)
{
  struct client *client = NULL;
  connector_secrets made = functions;
  connector_status status = check_size(out, error);

  if (status != CONNECTOR_OK)
    return status;
  if (!http_start())
    return error_set(error, CONNECTOR_INTERNAL, NULL, "libcurl or libsodium can't start");
  client = client_new();
  if (client == NULL)
    return error_no_memory(error);
  status = settings_read(&client->settings, options, error);
  if (status == CONNECTOR_OK)
    status = make_cache(client, error);
  if (status != CONNECTOR_OK) {
    vault_close(client);
    return status;
  }
  made.user = client;
  write_out(out, &made);
  return error_clear(error);
}
