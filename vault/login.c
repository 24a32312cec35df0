/*
 * The ways to get a token: one that is given, AppRole, Kubernetes; and renewing it.
 */
#include "login.h"

#include "address.h"
#include "answer.h"
#include "exchange.h"
#include "report.h"

#include <string.h>

static connector_status set_address(struct call *call, const char *mount, const char *action)
{
  struct guarded *url = &call->worker->url;

  guarded_clear(url, url->capacity);
  guarded_text(url, call->client->settings.base);
  guarded_text(url, "/v1/auth");
  address_add_path(url, mount);
  address_add_path(url, action);
  guarded_end(url);
  return url->failed ? error_no_memory(call->error) : CONNECTOR_OK;
}

/* A 400 or 404 of a login: the credentials, or the method's place, are wrong. */
static connector_status refused(struct call *call)
{
  call->passing = false;
  return error_set(call->error, CONNECTOR_SECRET_DENIED, NULL, "the vault refused the login");
}

static connector_status ask(struct call *call, struct exchange *exchange,
                            bool (*read)(const char *, size_t, struct answer_token *),
                            struct answer_token *answer)
{
  const struct guarded *text = &call->worker->answer;
  connector_status status = exchange_run(call, exchange);

  if (status != CONNECTOR_OK)
    return status;
  if (exchange->http == 400 || exchange->http == 404)
    return refused(call);
  return read(text->bytes, text->length, answer) ? CONNECTOR_OK : exchange_garbled(call);
}

/* ---- a given token ---- */

/* Its lease is only known where the host wants it renewed; it may lack the right to look. */
static void look_up(struct call *call, struct lease *lease)
{
  const struct settings *settings = &call->client->settings;
  struct exchange exchange = { .method = HTTP_GET, .as = AS_TOKEN, .token = &lease->token };
  struct answer_token answer = { 0 };

  if (set_address(call, "token", "lookup-self") == CONNECTOR_OK &&
      ask(call, &exchange, answer_lookup, &answer) == CONNECTOR_OK) {
    lease->lease_ms = answer.lease_ms;
    lease->renewable = answer.renewable;
    return;
  }
  log_say(settings->log, settings->user, CONNECTOR_LOG_WARNING,
          "vault: the token can't look itself up, so it is not renewed");
}

static connector_status use_given(struct call *call, struct lease *lease)
{
  const struct settings *settings = &call->client->settings;
  connector_status status = CONNECTOR_OK;

  if (settings->file != NULL) {
    (void)file_stamp(settings->file, &lease->stamp); /* before it is read: late is seen again */
    status = file_read(settings->file, &lease->token, call->error);
  } else {
    guarded_append(&lease->token, settings->secret.bytes, settings->secret.length);
    if (lease->token.failed)
      status = error_no_memory(call->error);
  }
  if (status == CONNECTOR_OK && settings->renew_token)
    look_up(call, lease);
  return status;
}

/* ---- AppRole and Kubernetes ---- */

static void add_member(struct guarded *body, const char *before, const char *name, const char *text,
                       size_t length)
{
  guarded_text(body, before);
  guarded_json(body, name, strlen(name));
  guarded_text(body, ":");
  guarded_json(body, text, length);
}

/* The secret id or the JWT, from its file each time: both are replaced now and then. */
static connector_status add_credential(struct call *call, const char *name)
{
  const struct settings *settings = &call->client->settings;
  struct guarded *body = &call->worker->body;
  struct guarded text = { 0 };
  connector_status status = CONNECTOR_OK;

  if (settings->file == NULL) {
    add_member(body, ",", name, settings->secret.bytes, settings->secret.length);
    return CONNECTOR_OK;
  }
  status = file_read(settings->file, &text, call->error);
  if (status == CONNECTOR_OK)
    add_member(body, ",", name, text.bytes, text.length);
  guarded_free(&text);
  return status;
}

/* A token that could not stand in a header is none. */
static bool copy_token(struct span token, struct guarded *into)
{
  for (size_t i = 0; i < token.length; i++)
    if (token.start[i] <= 0x20 || token.start[i] >= 0x7f || token.start[i] == '\\')
      return false;
  guarded_append(into, token.start, token.length);
  return token.length > 0 && token.length <= 16384;
}

static connector_status log_in(struct call *call, const char *role_name,
                               const char *credential_name, struct lease *lease)
{
  const struct settings *settings = &call->client->settings;
  struct guarded *body = &call->worker->body;
  struct exchange exchange = { .method = HTTP_POST, .as = AS_NOBODY };
  struct answer_token answer = { 0 };
  connector_status status = set_address(call, settings->mount, "login");

  guarded_clear(body, body->capacity);
  add_member(body, "{", role_name, settings->role, strlen(settings->role));
  if (status == CONNECTOR_OK)
    status = add_credential(call, credential_name);
  guarded_text(body, "}");
  if (status == CONNECTOR_OK)
    status = ask(call, &exchange, answer_login, &answer);
  if (status != CONNECTOR_OK)
    return status;
  if (!copy_token(answer.token, &lease->token))
    return exchange_garbled(call);
  if (lease->token.failed)
    return error_no_memory(call->error);
  lease->lease_ms = answer.lease_ms;
  lease->renewable = answer.renewable;
  log_say(settings->log, settings->user, CONNECTOR_LOG_INFO, "vault: logged in");
  return CONNECTOR_OK;
}

connector_status login_run(struct call *call, struct lease *lease)
{
  switch (call->client->settings.auth) {
  case CONNECTOR_VAULT_AUTH_APPROLE:
    return log_in(call, "role_id", "secret_id", lease);
  case CONNECTOR_VAULT_AUTH_KUBERNETES:
    return log_in(call, "role", "jwt", lease);
  case CONNECTOR_VAULT_AUTH_TOKEN:
    break;
  }
  return use_given(call, lease);
}

/* ---- renewing ---- */

connector_status login_renew(struct call *call, const struct guarded *token, struct lease *lease)
{
  struct guarded *body = &call->worker->body;
  struct exchange exchange = { .method = HTTP_POST, .as = AS_TOKEN, .token = token };
  struct answer_token answer = { 0 };
  connector_status status = set_address(call, "token", "renew-self");

  guarded_clear(body, body->capacity);
  guarded_text(body, "{}");
  if (status == CONNECTOR_OK)
    status = ask(call, &exchange, answer_login, &answer);
  if (status != CONNECTOR_OK)
    return status;
  lease->lease_ms = answer.lease_ms;
  lease->renewable = answer.renewable;
  return CONNECTOR_OK;
}
