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

static connector_status fill(struct call *call, connector_secret *into, struct span values,
                             int64_t version)
{
  connector_status status = connector_secret_set_json(into, values.start, values.length,
                                                      call->error);

  if (status == CONNECTOR_OK)
    connector_secret_set_version(into, version);
  return status;
}

/* ---- through the cache ---- */

static connector_status fill_sealed(struct call *call, connector_secret *into,
                                    const struct sealed *value, bool stale)
{
  struct guarded *text = NULL;
  const struct settings *settings = &call->client->settings;
  connector_status status = call_worker(call);

  if (status != CONNECTOR_OK)
    return status;
  text = &call->worker->answer;
  if (!sealed_open(value, cache_sealing_key(call->client->cache), text))
    return text->failed ? error_no_memory(call->error)
                        : error_set(call->error, CONNECTOR_INTERNAL, NULL,
                                    "a cached secret is not what it was");
  status = fill(call, into, (struct span){ text->bytes, text->length }, value->version);
  if (status == CONNECTOR_OK && stale) {
    connector_secret_set_stale(into, true);
    log_say(settings->log, settings->user, CONNECTOR_LOG_WARNING,
            "vault: a secret was served past its time");
  }
  return status;
}

/* Nothing is kept without memory: the caller has its answer all the same. */
static struct sealed *seal(struct call *call, const struct answer_secret *answer, int64_t asked_at)
{
  struct sealed *value = sealed_new(cache_sealing_key(call->client->cache), answer->values);

  if (value == NULL)
    return NULL;
  value->version = answer->version;
  value->asked_at = asked_at;
  return value;
}

/* Asks for all who wait for the flight. */
static connector_status ask(struct call *call, const connector_secret_request *request,
                            struct flight *flight, connector_secret *into)
{
  struct answer_secret answer;
  struct landing landing = { 0 };
  int64_t asked_at = clock_now();
  connector_error *outer = call->error;
  connector_status status = CONNECTOR_OK;

  call->error = &landing.error;
  landing.status = fetch(call, request, request->version, &answer);
  landing.passing = call->passing;
  call->error = outer;
  if (landing.status == CONNECTOR_OK)
    landing.value = seal(call, &answer, asked_at);
  cache_land(call->client->cache, flight, &landing, clock_now());
  status = landing.status;
  if (status == CONNECTOR_OK)
    status = fill(call, into, answer.values, answer.version);
  else if (landing.stale)
    status = fill_sealed(call, into, landing.value, true);
  else if (outer != NULL)
    *outer = landing.error;
  sealed_release(landing.value);
  return status;
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
  if (landing.value != NULL)
    status = fill_sealed(call, into, landing.value, landing.stale);
  else if (landing.status == CONNECTOR_OK || landing.status == CONNECTOR_SECRET_TIMEOUT ||
           landing.status == CONNECTOR_NO_MEMORY)
    *again = true; /* that thread's time or memory was short, not ours */
  else
    status = landing.status;
  if (status != CONNECTOR_OK && landing.value == NULL && call->error != NULL)
    *call->error = landing.error;
  sealed_release(landing.value);
  return status;
}

static connector_status get_cached(struct call *call, const connector_secret_request *request,
                                   connector_secret *into)
{
  struct cache *cache = call->client->cache;
  struct cache_key key = { request->mount, request->path, request->version, request->rotated_at };
  struct sealed *value = NULL;
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
      status = fill_sealed(call, into, value, state == CACHE_STALE);
    sealed_release(value);
  }
  return status;
}

connector_status vault_get(void *user, const connector_secret_request *request,
                           connector_secret *into, connector_error *error)
{
  struct call call;
  struct answer_secret answer;
  connector_status status = call_begin(&call, user, request, error);

  if (status == CONNECTOR_OK && call.client->cache != NULL) {
    status = get_cached(&call, request, into);
  } else if (status == CONNECTOR_OK) {
    status = fetch(&call, request, request->version, &answer);
    if (status == CONNECTOR_OK)
      status = fill(&call, into, answer.values, answer.version);
  }
  return call_end(&call, status);
}

void vault_invalidate(void *user, const connector_secret_request *request)
{
  struct client *client = user;

  if (client->cache != NULL && request->mount != NULL && request->path != NULL)
    cache_drop(client->cache, request->mount, request->path);
}
