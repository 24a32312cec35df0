/*
 * Beginning and ending a call.
 */
#include "client.h"

#include "address.h"
#include "clock.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

connector_status call_begin(struct call *call, void *user, const connector_secret_request *request,
                            connector_error *error)
{
  struct client *client = user;
  uint32_t timeout = client->settings.timeout_ms;

  memset(call, 0, sizeof(*call));
  call->client = client;
  call->error = error;
  if (getpid() != client->process)
    return error_set(error, CONNECTOR_MISUSE, NULL, "the client was made before fork");
  if (request->mount == NULL || !address_path_is_clean(request->mount) || request->path == NULL ||
      !address_path_is_clean(request->path))
    return error_set(error, CONNECTOR_SECRET_PATH, "vault_path",
                     "must have a mount and a path without empty or dotted segments");
  if (request->version < 0)
    return error_set(error, CONNECTOR_INVALID, "version", "must not be negative");
  if (request->timeout_ms > 0)
    timeout = request->timeout_ms;
  call->deadline = clock_now() + timeout;
  return CONNECTOR_OK;
}

connector_status call_worker(struct call *call)
{
  if (call->worker == NULL)
    call->worker = pool_take(&call->client->pool);
  return call->worker != NULL ? CONNECTOR_OK : error_no_memory(call->error);
}

connector_status call_end(struct call *call, connector_status status)
{
  pool_give(&call->client->pool, call->worker);
  call->worker = NULL;
  return status == CONNECTOR_OK ? error_clear(call->error) : status;
}

connector_status call_address(struct call *call, const connector_secret_request *request,
                              const char *action, int64_t version)
{
  struct guarded *url = NULL;
  char query[40];
  connector_status status = call_worker(call);

  if (status != CONNECTOR_OK)
    return status;
  url = &call->worker->url;
  guarded_clear(url, url->capacity);
  guarded_text(url, call->client->settings.base);
  guarded_text(url, "/v1");
  address_add_path(url, request->mount);
  address_add_path(url, action);
  address_add_path(url, request->path);
  if (version > 0) {
    (void)snprintf(query, sizeof(query), "?version=%" PRId64, version);
    guarded_text(url, query);
  }
  guarded_end(url);
  return url->failed ? error_no_memory(call->error) : CONNECTOR_OK;
}
