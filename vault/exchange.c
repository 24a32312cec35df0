/*
 * A request with its token and its tries.
 */
#include "exchange.h"

#include "answer.h"
#include "clock.h"
#include "report.h"

#include <sodium.h>

/* ---- failures ---- */

static const struct {
  enum http_end end;
  connector_status status;
  bool passing;
  const char *message;
} broken[] = {
  { HTTP_UNREACHED, CONNECTOR_SECRET_UNAVAILABLE, true, "the vault can't be reached" },
  { HTTP_LOST, CONNECTOR_SECRET_UNAVAILABLE, true, "the connection to the vault broke" },
  { HTTP_TIMED_OUT, CONNECTOR_SECRET_TIMEOUT, true, "the vault did not answer in time" },
  { HTTP_TOO_LARGE, CONNECTOR_TOO_LARGE, false,
    "the vault's answer is longer than max_response_bytes" },
  { HTTP_UNTRUSTED, CONNECTOR_SECRET_UNAVAILABLE, false, "the vault's certificate was refused" },
  { HTTP_NO_MEMORY, CONNECTOR_NO_MEMORY, false, "out of memory" },
  { HTTP_BAD_SETUP, CONNECTOR_SECRET_UNAVAILABLE, false,
    "the files of certificates or the address can't be used" },
};

static connector_status fail(struct call *call, connector_status status, bool passing, int os_code,
                             const char *message)
{
  call->passing = passing;
  (void)error_set(call->error, status, NULL, "%s", message);
  if (call->error != NULL)
    call->error->os_code = os_code;
  return status;
}

static connector_status broken_end(struct call *call, const struct http_answer *answer)
{
  for (size_t i = 0; i < sizeof(broken) / sizeof(broken[0]); i++)
    if (broken[i].end == answer->end)
      return fail(call, broken[i].status, broken[i].passing, answer->os_code, broken[i].message);
  return fail(call, CONNECTOR_INTERNAL, false, 0, "a request ended in a way that has no name");
}

connector_status exchange_garbled(struct call *call)
{
  return fail(call, CONNECTOR_SECRET_UNAVAILABLE, false, 0,
              "the vault's answer is not of the form that is documented");
}

/* A 503 in Vault's own form comes from a sealed one; any other is of something in between. */
static connector_status unavailable(struct call *call)
{
  const struct guarded *text = &call->worker->answer;

  if (answer_errors(text->bytes, text->length) != ERRORS_FOREIGN)
    return fail(call, CONNECTOR_SECRET_SEALED, false, 0, "the vault is sealed or in maintenance");
  return fail(call, CONNECTOR_SECRET_UNAVAILABLE, true, 0, "the vault can't be reached now");
}

static connector_status bad_answer(struct call *call, long http)
{
  if (http == 403)
    return fail(call, CONNECTOR_SECRET_DENIED, false, 0, "the vault refused the token");
  if (http == 429)
    return fail(call, CONNECTOR_SECRET_UNAVAILABLE, true, 0, "the vault's rate limit is reached");
  if (http == 412)
    return fail(call, CONNECTOR_SECRET_UNAVAILABLE, true, 0,
                "the vault's node has not caught up yet");
  if (http == 413)
    return fail(call, CONNECTOR_TOO_LARGE, false, 0, "the vault takes no request of that length");
  if (http == 503)
    return unavailable(call);
  if (http >= 300 && http < 400)
    return fail(call, CONNECTOR_SECRET_UNAVAILABLE, false, 0,
                "the vault answered with a redirect, which is not followed");
  if (http >= 500) {
    call->passing = http != 501;
    return error_set(call->error, CONNECTOR_SECRET_UNAVAILABLE, NULL, "the vault answered %ld",
                     http);
  }
  call->passing = false;
  return error_set(call->error, CONNECTOR_SECRET_DENIED, NULL, "the vault refused the request: %ld",
                   http);
}

connector_status exchange_refused(struct call *call, long http)
{
  const struct guarded *text = &call->worker->answer;
  enum answer_errors errors = answer_errors(text->bytes, text->length);

  if (http != 404)
    return bad_answer(call, http);
  if (errors == ERRORS_NONE)
    return fail(call, CONNECTOR_SECRET_NOT_FOUND, false, 0, "there is no such secret or version");
  if (errors == ERRORS_NO_MOUNT)
    return fail(call, CONNECTOR_SECRET_PATH, false, 0,
                "no secrets engine is mounted where the path says");
  if (errors == ERRORS_OTHER)
    return fail(call, CONNECTOR_SECRET_PATH, false, 0, "the vault has no such path");
  return exchange_garbled(call);
}

/* ---- tries ---- */

static bool is_success(long http)
{
  return http >= 200 && http < 300;
}

/* Read by who asked. */
static bool is_answer(const struct http_answer *answer)
{
  return answer->end == HTTP_ANSWERED &&
         (is_success(answer->status) || answer->status == 400 || answer->status == 404);
}

static bool may_retry(const struct http_answer *answer)
{
  long http = answer->status;

  if (answer->end != HTTP_ANSWERED)
    return answer->end == HTTP_UNREACHED || answer->end == HTTP_LOST;
  return http == 412 || http == 429 || (http >= 500 && http != 501);
}

/* The server may have done what it was asked: it broke off, or failed inside. */
static bool may_be_done(const struct http_answer *answer)
{
  if (!answer->sent || answer->end == HTTP_NO_MEMORY)
    return answer->sent;
  if (answer->end != HTTP_ANSWERED)
    return true;
  return answer->status >= 500 && answer->status != 501 && answer->status != 503;
}

/* Doubles with each try, and is drawn from its upper half so that clients spread out. */
static int64_t pause_before(const struct settings *settings, const struct http_answer *answer,
                            uint32_t tries)
{
  uint64_t most = settings->retry_max_ms;
  uint64_t pause = (uint64_t)settings->retry_min_ms << (tries < 16 ? tries : 16);

  if (answer->retry_after_ms > 0)
    return answer->retry_after_ms + randombytes_uniform(settings->retry_min_ms + 1);
  if (pause > most)
    pause = most;
  return (int64_t)(pause / 2 + randombytes_uniform((uint32_t)(pause / 2) + 1));
}

/* Sleeps before another try; false where none is to be made. */
static bool wait_to_retry(struct call *call, const struct exchange *exchange,
                          const struct http_answer *answer, uint32_t tries)
{
  const struct settings *settings = &call->client->settings;
  int64_t now = clock_now();
  int64_t pause = 0;

  if (exchange->once || tries >= settings->retries || !may_retry(answer))
    return false;
  pause = pause_before(settings, answer, tries);
  if (pause >= exchange->deadline - now)
    return false;
  log_say(settings->log, settings->user, CONNECTOR_LOG_INFO,
          answer->end == HTTP_ANSWERED ? "vault: answered %ld, trying again"
                                       : "vault: not reached, trying again",
          answer->status);
  clock_sleep_until(now + pause);
  return true;
}

static connector_status put_token(struct call *call, const struct exchange *exchange,
                                  struct session_use *use)
{
  struct guarded *header = &call->worker->header;

  guarded_clear(header, header->capacity);
  if (exchange->as == AS_NOBODY)
    return CONNECTOR_OK;
  if (exchange->as == AS_SESSION)
    return session_header(call, exchange->deadline, use);
  guarded_text(header, "X-Vault-Token: ");
  guarded_append(header, exchange->token->bytes, exchange->token->length);
  guarded_end(header);
  return header->failed ? error_no_memory(call->error) : CONNECTOR_OK;
}

static connector_status send_once(struct call *call, const struct exchange *exchange,
                                  struct session_use *use, struct http_answer *answer)
{
  struct http_request request = { .method = exchange->method,
                                  .with_header = exchange->as != AS_NOBODY,
                                  .once = exchange->once,
                                  .deadline = exchange->deadline };
  connector_status status = put_token(call, exchange, use);

  if (status == CONNECTOR_OK)
    http_send(call->worker, &call->client->settings, &request, answer);
  return status;
}

/* A 403 means that nothing was done, so that even a write may come again with a new token. */
static bool token_was_refused(struct call *call, const struct exchange *exchange,
                              struct session_use *use, const struct http_answer *answer)
{
  return exchange->as == AS_SESSION && answer->end == HTTP_ANSWERED && answer->status == 403 &&
         session_refused(call->client, use);
}

connector_status exchange_run(struct call *call, struct exchange *exchange)
{
  struct session_use use = { 0 };
  struct http_answer answer = { 0 };
  uint32_t tries = 0;
  connector_status status = CONNECTOR_OK;

  call->passing = false;
  exchange->unknown = false;
  if (exchange->deadline == 0)
    exchange->deadline = call->deadline;
  for (;;) {
    status = send_once(call, exchange, &use, &answer);
    if (status != CONNECTOR_OK)
      return status;
    if (token_was_refused(call, exchange, &use, &answer))
      continue;
    if (!wait_to_retry(call, exchange, &answer, tries++))
      break;
  }
  exchange->http = answer.status;
  if (is_answer(&answer))
    return CONNECTOR_OK;
  exchange->unknown = may_be_done(&answer);
  return answer.end == HTTP_ANSWERED ? bad_answer(call, answer.status) : broken_end(call, &answer);
}
