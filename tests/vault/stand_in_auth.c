/*
 * The stand-in server's tokens and logins.
 */
#include "stand_in_inside.h"

#include <stdio.h>
#include <string.h>

static struct known_token *find_token(struct stand_in *server, const char *text)
{
  for (int i = 0; text != NULL && i < server->token_count; i++)
    if (strcmp(server->tokens[i].text, text) == 0)
      return &server->tokens[i];
  return NULL;
}

bool token_is_known(const struct stand_in *server, const char *token)
{
  const struct known_token *known = find_token((struct stand_in *)(uintptr_t)server, token);

  return known != NULL && (known->until == 0 || known->until > now_ms());
}

static struct known_token *add_token(struct stand_in *server, const char *text, int seconds)
{
  struct known_token *token = &server->tokens[server->token_count++ % TOKENS];

  if (server->token_count > TOKENS)
    server->token_count = TOKENS;
  snprintf(token->text, sizeof(token->text), "%s", text);
  token->until = seconds > 0 ? now_ms() + (int64_t)seconds * 1000 : 0;
  token->renewable = false;
  return token;
}

static struct reply auth_reply(const char *token, int seconds, bool renewable)
{
  cJSON *tree = cJSON_CreateObject();
  cJSON *auth = NULL;

  cJSON_AddStringToObject(tree, "request_id", "f00341c1-fad5-f6e6-13fd-235617f858a1");
  cJSON_AddNullToObject(tree, "data");
  auth = cJSON_AddObjectToObject(tree, "auth");
  cJSON_AddStringToObject(auth, "client_token", token);
  cJSON_AddStringToObject(auth, "accessor", "B6oixijqmeR4bsLOJH88Ska9");
  cJSON_AddNumberToObject(auth, "lease_duration", seconds);
  cJSON_AddBoolToObject(auth, "renewable", renewable);
  return reply_json(200, tree);
}

static bool is_text(const cJSON *body, const char *name, const char *wanted)
{
  const cJSON *item = cJSON_GetObjectItemCaseSensitive(body, name);

  return cJSON_IsString(item) && strcmp(item->valuestring, wanted) == 0;
}

static struct reply log_in(struct stand_in *server, bool good, const char *refusal)
{
  char text[64];

  if (!good)
    return reply_error(400, refusal);
  snprintf(text, sizeof(text), "hvs.login-%d-CANARY", ++server->token_number);
  add_token(server, text, server->lease_seconds)->renewable = server->lease_renewable;
  return auth_reply(text, server->lease_seconds, server->lease_renewable);
}

static struct reply renew(struct stand_in *server, struct known_token *token)
{
  if (!token->renewable)
    return reply_error(400, "lease is not renewable");
  token->until = now_ms() + (int64_t)server->renewed_seconds * 1000;
  return auth_reply(token->text, server->renewed_seconds, true);
}

static struct reply look_up(const struct known_token *token)
{
  cJSON *tree = cJSON_CreateObject();
  cJSON *data = cJSON_AddObjectToObject(tree, "data");
  int64_t left = token->until == 0 ? 0 : (token->until - now_ms() + 999) / 1000;

  cJSON_AddStringToObject(data, "id", token->text);
  cJSON_AddNumberToObject(data, "ttl", (double)left);
  cJSON_AddBoolToObject(data, "renewable", token->renewable);
  return reply_json(200, tree);
}

struct reply answer_auth(struct stand_in *server, const char *method, const char *path,
                         const char *token, const cJSON *body)
{
  bool post = strcmp(method, "POST") == 0;

  if (post && strcmp(path, "approle/login") == 0)
    return log_in(server,
                  is_text(body, "role_id", ROLE_ID) && is_text(body, "secret_id", SECRET_ID),
                  "invalid role or secret ID");
  if (post && (strcmp(path, "kubernetes/login") == 0 || strcmp(path, "team/k8s/login") == 0))
    return log_in(server,
                  is_text(body, "role", KUBERNETES_ROLE) && is_text(body, "jwt", KUBERNETES_JWT),
                  "invalid role name");
  if (!token_is_known(server, token))
    return reply_error(403, "permission denied");
  if (post && strcmp(path, "token/renew-self") == 0)
    return renew(server, find_token(server, token));
  if (!post && strcmp(path, "token/lookup-self") == 0)
    return look_up(find_token(server, token));
  return reply_error(404, "no handler for route");
}

/* ---- for the tests ---- */

void stand_in_lease(struct stand_in *server, int seconds, bool renewable, int renewed_seconds)
{
  pthread_mutex_lock(&server->lock);
  server->lease_seconds = seconds;
  server->lease_renewable = renewable;
  server->renewed_seconds = renewed_seconds;
  pthread_mutex_unlock(&server->lock);
}

void stand_in_revoke(struct stand_in *server)
{
  pthread_mutex_lock(&server->lock);
  server->token_count = 1; /* ROOT_TOKEN is the first */
  pthread_mutex_unlock(&server->lock);
}

void stand_in_add_token(struct stand_in *server, const char *token, int seconds)
{
  pthread_mutex_lock(&server->lock);
  add_token(server, token, seconds)->renewable = seconds > 0;
  pthread_mutex_unlock(&server->lock);
}

void stand_in_want_namespace(struct stand_in *server, const char *name_space)
{
  pthread_mutex_lock(&server->lock);
  snprintf(server->name_space, sizeof(server->name_space), "%s", name_space);
  pthread_mutex_unlock(&server->lock);
}
