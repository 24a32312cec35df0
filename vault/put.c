/*
 * Writing a secret: check-and-set, tried once. Where it is not known whether a write was done, the
 * version that it would have made is read and compared.
 */
#include "operations.h"

#include "clock.h"
#include "compare.h"
#include "exchange.h"
#include "report.h"

#include <inttypes.h>
#include <stdio.h>

enum { BLIND_ROUNDS = 3 };

/* ---- the body: {"options":{"cas":N},"data":{…}} ---- */

struct body {
  struct guarded *text;
  int64_t expected;
  size_t offset; /* of the values in it */
  size_t length;
};

static connector_status add_values(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  struct body *body = user;
  char head[64];

  (void)error;
  (void)snprintf(head, sizeof(head),
                 "{\"options\":{\"cas\":%" PRId64 "},\"data\":", body->expected);
  guarded_text(body->text, head);
  body->offset = body->text->length;
  body->length = length;
  guarded_append(body->text, bytes, length);
  guarded_text(body->text, "}");
  return CONNECTOR_OK;
}

static connector_status build(struct call *call, const connector_secret *secret, struct body *body)
{
  connector_status status = CONNECTOR_OK;

  body->text = &call->worker->body;
  guarded_clear(body->text, body->text->capacity);
  status = connector_secret_use_json(secret, add_values, body, call->error);
  if (status == CONNECTOR_OK && body->text->failed)
    status = error_no_memory(call->error);
  return status;
}

/* ---- after a failure that leaves it open ---- */

static connector_status ambiguous(struct call *call)
{
  return error_set(call->error, CONNECTOR_SECRET_AMBIGUOUS, NULL,
                   "the vault may or may not have stored the secret");
}

/* The write made this version or none: check-and-set leaves no other way. */
static connector_status settle(struct call *call, const connector_secret_request *request,
                               const struct body *body, int64_t *version)
{
  struct answer_secret answer;
  struct span ours = { NULL, 0 };
  struct span sent = { body->text->bytes + body->offset, body->length };
  connector_status status = fetch(call, request, body->expected + 1, &answer);

  if (status != CONNECTOR_OK || !json_read(sent.start, sent.length, &ours))
    return ambiguous(call);
  if (!compare_objects(ours, answer.values))
    return error_set(call->error, CONNECTOR_SECRET_CONFLICT, NULL,
                     "another version of the secret was stored meanwhile");
  *version = body->expected + 1;
  return CONNECTOR_OK;
}

/* ---- a write ---- */

static connector_status read_answer(struct call *call, const struct exchange *exchange,
                                    const connector_secret_request *request,
                                    const struct body *body, int64_t *version)
{
  const struct guarded *text = &call->worker->answer;

  if (exchange->http == 400 && answer_errors(text->bytes, text->length) == ERRORS_CAS)
    return error_set(call->error, CONNECTOR_SECRET_CONFLICT, NULL,
                     "the secret's current version is not the one expected");
  if (exchange->http >= 400)
    return exchange_refused(call, exchange->http);
  if (answer_written(text->bytes, text->length, version))
    return CONNECTOR_OK;
  return settle(call, request, body, version); /* done, it seems, but not said in its form */
}

/* Of the time left a third is kept to find out what became of it. */
static connector_status write_version(struct call *call, const connector_secret_request *request,
                                      const connector_secret *secret, int64_t expected,
                                      int64_t *version)
{
  int64_t now = clock_now();
  struct body body = { .expected = expected };
  struct exchange exchange = { .method = HTTP_POST,
                               .once = true,
                               .deadline = now + (call->deadline - now) / 3 * 2 };
  connector_status status = call_address(call, request, "data", 0);

  if (status == CONNECTOR_OK)
    status = build(call, secret, &body);
  if (status != CONNECTOR_OK)
    return status;
  status = exchange_run(call, &exchange);
  if (status == CONNECTOR_OK)
    return read_answer(call, &exchange, request, &body, version);
  return exchange.unknown ? settle(call, request, &body, version) : status;
}

/* What is current: 0 where there is nothing. */
static connector_status find_current(struct call *call, const connector_secret_request *request,
                                     int64_t *current)
{
  struct answer_secret answer;
  connector_status status = fetch(call, request, 0, &answer);

  if (status == CONNECTOR_SECRET_NOT_FOUND)
    answer.version = 0;
  else if (status != CONNECTOR_OK && status != CONNECTOR_SECRET_DELETED)
    return status;
  *current = answer.version;
  return CONNECTOR_OK;
}

/* "Whatever it is" still names a version, so that a write that came through twice shows. */
static connector_status write_blindly(struct call *call, const connector_secret_request *request,
                                      const connector_secret *secret, int64_t *version)
{
  int64_t current = 0;
  connector_status status = CONNECTOR_SECRET_CONFLICT;

  for (int round = 0; status == CONNECTOR_SECRET_CONFLICT && round < BLIND_ROUNDS; round++) {
    status = find_current(call, request, &current);
    if (status == CONNECTOR_OK)
      status = write_version(call, request, secret, current, version);
  }
  return status;
}

connector_status vault_put(void *user, const connector_secret_request *request,
                           const connector_secret *secret, int64_t expected_version,
                           int64_t *version, connector_error *error)
{
  struct call call;
  int64_t made = 0;
  connector_status status = call_begin(&call, user, request, error);

  if (status == CONNECTOR_OK && expected_version < -1)
    status = error_set(error, CONNECTOR_INVALID, "expected_version", "must be -1 or more");
  if (status == CONNECTOR_OK && expected_version >= 0)
    status = write_version(&call, request, secret, expected_version, &made);
  else if (status == CONNECTOR_OK)
    status = write_blindly(&call, request, secret, &made);
  vault_invalidate(user, request); /* whatever came of it */
  if (status == CONNECTOR_OK && version != NULL)
    *version = made;
  return call_end(&call, status);
}
