/*
 * What happens to versions: deleted, taken back, destroyed, listed.
 */
#include "operations.h"

#include "clock.h"
#include "exchange.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

/* Runs it and reads an answer that says no more than that it was done. */
static connector_status run(struct call *call, struct exchange *exchange)
{
  connector_status status = exchange_run(call, exchange);

  if (status == CONNECTOR_OK && exchange->http >= 400)
    status = exchange_refused(call, exchange->http);
  if (status != CONNECTOR_OK && exchange->once && exchange->unknown)
    status = error_set(call->error, CONNECTOR_SECRET_AMBIGUOUS, NULL,
                       "the vault may or may not have deleted the secret");
  return status;
}

/* POST {"versions":[N]}: doing it twice is doing it once, so that it may be retried. */
static connector_status post_version(struct call *call, const connector_secret_request *request,
                                     const char *action, int64_t version)
{
  struct exchange exchange = { .method = HTTP_POST };
  char text[48];
  connector_status status = call_address(call, request, action, 0);

  if (status != CONNECTOR_OK)
    return status;
  (void)snprintf(text, sizeof(text), "{\"versions\":[%" PRId64 "]}", version);
  guarded_clear(&call->worker->body, call->worker->body.capacity);
  guarded_text(&call->worker->body, text);
  return run(call, &exchange);
}

static connector_status destroy_all(struct call *call, const connector_secret_request *request)
{
  struct exchange exchange = { .method = HTTP_DELETE };
  connector_status status = call_address(call, request, "metadata", 0);

  return status == CONNECTOR_OK ? run(call, &exchange) : status;
}

connector_status vault_destroy(void *user, const connector_secret_request *request,
                               connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, user, request, error);

  if (status == CONNECTOR_OK)
    status = request->version == 0 ? destroy_all(&call, request)
                                   : post_version(&call, request, "destroy", request->version);
  if (status == CONNECTOR_SECRET_NOT_FOUND)
    status = CONNECTOR_OK;
  vault_invalidate(user, request);
  return call_end(&call, status);
}

/* Which version is the latest may change between two tries: so that one is tried once. */
static connector_status remove_latest(struct call *call, const connector_secret_request *request)
{
  struct exchange exchange = { .method = HTTP_DELETE, .once = true };
  connector_status status = call_address(call, request, "data", 0);

  return status == CONNECTOR_OK ? run(call, &exchange) : status;
}

connector_status vault_remove(void *user, const connector_secret_request *request,
                              connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, user, request, error);

  if (status == CONNECTOR_OK && request->version == 0)
    status = remove_latest(&call, request);
  else if (status == CONNECTOR_OK)
    status = post_version(&call, request, "delete", request->version);
  vault_invalidate(user, request);
  return call_end(&call, status);
}

/* The version to take back; 0: it is there. The server itself does not say that one is destroyed or
 * was never there. */
static connector_status find_deleted(struct call *call, const connector_secret_request *request,
                                     int64_t *version)
{
  struct answer_secret answer;
  connector_status status = fetch(call, request, request->version, &answer);

  *version = 0;
  if (status != CONNECTOR_SECRET_DELETED || answer.destroyed)
    return status;
  *version = answer.version;
  return CONNECTOR_OK;
}

connector_status vault_restore(void *user, const connector_secret_request *request,
                               connector_error *error)
{
  struct call call;
  int64_t version = 0;
  connector_status status = call_begin(&call, user, request, error);

  if (status == CONNECTOR_OK)
    status = find_deleted(&call, request, &version);
  if (status == CONNECTOR_OK && version > 0)
    status = post_version(&call, request, "undelete", version);
  vault_invalidate(user, request);
  return call_end(&call, status);
}

/* ---- the list ---- */

static connector_status read_versions(struct call *call, long http,
                                      connector_secret_version_info **versions, size_t *count)
{
  const struct guarded *text = &call->worker->answer;
  bool no_memory = false;

  if (http >= 400)
    return exchange_refused(call, http);
  if (answer_versions(text->bytes, text->length, clock_wall(), versions, count, &no_memory))
    return CONNECTOR_OK;
  return no_memory ? error_no_memory(call->error) : exchange_garbled(call);
}

connector_status vault_versions(void *user, const connector_secret_request *request,
                                connector_secret_version_fn each, void *each_user,
                                connector_error *error)
{
  struct call call;
  struct exchange exchange = { .method = HTTP_GET };
  connector_secret_version_info *versions = NULL;
  size_t count = 0;
  connector_status status = call_begin(&call, user, request, error);

  if (status == CONNECTOR_OK)
    status = call_address(&call, request, "metadata", 0);
  if (status == CONNECTOR_OK)
    status = exchange_run(&call, &exchange);
  if (status == CONNECTOR_OK)
    status = read_versions(&call, exchange.http, &versions, &count);
  status = call_end(&call, status); /* before the callback, which may call the library */
  for (size_t i = 0; status == CONNECTOR_OK && i < count; i++)
    status = each(each_user, &versions[i], error);
  free(versions);
  return status;
}
