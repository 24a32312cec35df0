/*
 * Reading a secret: from the server, or from what the cache has of it.
 */
#include "operations.h"

#include "answer.h"
#include "clock.h"
#include "exchange.h"
#include "report.h"

#include <string.h>

/* ---- from the server ---- */

static connector_status read_answer(struct call *call, long http, struct answer_secret *answer)
{
  const struct guarded *text = &call->worker->answer;
  bool is_envelope = answer_secret(text->bytes, text->length, answer);

  if (is_envelope && (http == 200 || http == 404) && answer->values.length == 0) {
    call->passing = false;
    return error_set(call->error, CONNECTOR_SECRET_DELETED, NULL,
                     answer->destroyed ? "this version was destroyed" : "this version was deleted");
  }
  if (http >= 400)
    return exchange_refused(call, http);
  return is_envelope ? CONNECTOR_OK : exchange_garbled(call);
}

connector_status fetch(struct call *call, const connector_secret_request *request, int64_t version,
                       struct answer_secret *answer)
{
  struct exchange exchange = { .method = HTTP_GET };
  connector_status status = call_address(call, request, "data", version);

  memset(answer, 0, sizeof(*answer));
  if (status == CONNECTOR_OK)
    status = exchange_run(call, &exchange);
  if (status == CONNECTOR_OK)
    status = read_answer(call, exchange.http, answer);
  if (status == CONNECTOR_OK && version > 0 && answer->version != version)
    status = exchange_garbled(call);
  return status;
}

static connector_status fill(struct call *call, connector_secret *into,
                             const struct answer_secret *answer)
{
  connector_status status = connector_secret_set_json(into, answer->values.start,
                                                      answer->values.length, call->error);

  if (status == CONNECTOR_OK)
    connector_secret_set_version(into, answer->version);
  return status;
}

/* A deleted one has a version too, for whoever writes the next. */
static connector_status get_plainly(struct call *call, const connector_secret_request *request,
                                    connector_secret *into)
{
  struct answer_secret answer;
  connector_status status = fetch(call, request, request->version, &answer);

  if (status == CONNECTOR_OK)
    return fill(call, into, &answer);
  if (status == CONNECTOR_SECRET_DELETED)
    connector_secret_set_version(into, answer.version);
  return status;
}

/* ---- through the cache ---- */

static connector_status give(struct call *call, const struct kept *kept, bool stale,
                             connector_secret *into)
{
  const struct settings *settings = &call->client->settings;
  connector_status status = connector_secret_copy(into, kept->secret, call->error);

  if (status == CONNECTOR_OK && stale) {
    connector_secret_set_stale(into, true);
    log_say(settings->log, settings->user, CONNECTOR_LOG_WARNING,
            "vault: a secret was served past its time");
  }
  return status;
}

/* Hands on what a flight brought. */
static connector_status give_landing(struct call *call, const struct landing *landing,
                                     connector_secret *into)
{
  if (landing->value != NULL)
    return give(call, landing->value, landing->stale, into);
  if (landing->status == CONNECTOR_SECRET_DELETED)
    connector_secret_set_version(into, landing->version);
  if (call->error != NULL)
    *call->error = landing->error;
  return landing->status;
}

static connector_status fetch_kept(struct call *call, const connector_secret_request *request,
                                   const connector_secret *like, struct landing *landing)
{
  struct answer_secret answer;
  int64_t asked_at = clock_now();
  connector_status status = fetch(call, request, request->version, &answer);

  landing->version = answer.version;
  if (status == CONNECTOR_OK)
    status = kept_new(like, asked_at, &landing->value, call->error);
  if (status == CONNECTOR_OK)
    status = fill(call, landing->value->secret, &answer);
  if (status == CONNECTOR_OK)
    return CONNECTOR_OK;
  kept_release(landing->value);
  landing->value = NULL;
  return status;
}

/* Asks for all who wait for the flight. */
static connector_status ask(struct call *call, const connector_secret_request *request,
                            struct flight *flight, connector_secret *into)
{
  struct landing landing = { 0 };
  connector_error *outer = call->error;
  connector_status status = CONNECTOR_OK;

  call->error = &landing.error;
  landing.status = fetch_kept(call, request, into, &landing);
  landing.passing = call->passing;
  call->error = outer;
  cache_land(call->client->cache, flight, &landing, clock_now());
  status = give_landing(call, &landing, into);
  kept_release(landing.value);
  return status;
}

/* That thread's time or memory was short, not ours. */
static bool is_its_own_trouble(const struct landing *landing)
{
  return landing->value == NULL &&
         (landing->status == CONNECTOR_SECRET_TIMEOUT || landing->status == CONNECTOR_NO_MEMORY);
}

/* *again: it brought nothing that this call can use, and there is time left. */
static connector_status wait_for(struct call *call, struct flight *flight, connector_secret *into,
                                 bool *again)
{
  struct landing landing = { 0 };
  connector_status status = CONNECTOR_OK;

  if (!cache_wait(call->client->cache, flight, call->deadline, &landing))
    return error_set(call->error, CONNECTOR_SECRET_TIMEOUT, NULL,
                     "the vault did not answer in time");
  *again = is_its_own_trouble(&landing);
  if (!*again)
    status = give_landing(call, &landing, into);
  kept_release(landing.value);
  return status;
}

static connector_status get_cached(struct call *call, const connector_secret_request *request,
                                   connector_secret *into)
{
  struct cache *cache = call->client->cache;
  struct cache_key key = { request->mount, request->path, request->version, request->rotated_at };
  struct kept *value = NULL;
  struct flight *flight = NULL;
  bool again = true;
  connector_status status = CONNECTOR_OK;

  while (status == CONNECTOR_OK && again) {
    enum cache_state state = cache_find(cache, &key, clock_now(), &value, &flight);

    again = false;
    if (state == CACHE_ASK)
      status = ask(call, request, flight, into);
    else if (state == CACHE_WAIT)
      status = wait_for(call, flight, into, &again);
    else
      status = give(call, value, state == CACHE_STALE, into);
    kept_release(value);
  }
  return status;
}

connector_status vault_get(void *user, const connector_secret_request *request,
                           connector_secret *into, connector_error *error)
{
  struct call call;
  connector_status status = call_begin(&call, user, request, error);

  if (status == CONNECTOR_OK)
    status = call.client->cache != NULL ? get_cached(&call, request, into)
                                        : get_plainly(&call, request, into);
  return call_end(&call, status);
}

void vault_invalidate(void *user, const connector_secret_request *request)
{
  struct client *client = user;

  if (client->cache != NULL && request->mount != NULL && request->path != NULL)
    cache_drop(client->cache, request->mount, request->path);
}
