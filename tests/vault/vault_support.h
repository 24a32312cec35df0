/*
 * What every test of libconnector-vault needs beside tests/support.h: a stand-in server, a client
 * of it, and short ways to read and write.
 */
#ifndef TESTS_VAULT_SUPPORT_H
#define TESTS_VAULT_SUPPORT_H

#include "support.h"

#include "stand_in.h"

#include <connector-vault.h>

#include <pthread.h>
#include <time.h>

#define VALUES "{\"username\":\"ann\",\"token\":\"s3cret-CANARY\"}"

/* The server and the client of the running test, and all that the client logged. */
static struct {
  struct stand_in *server;
  connector_secrets secrets;
  pthread_mutex_t lock;
  char log[16384];
  size_t logged;
} vault = { .lock = PTHREAD_MUTEX_INITIALIZER };

static inline void remember_log(void *user, connector_log_level level, const char *message)
{
  (void)user;
  (void)level;
  pthread_mutex_lock(&vault.lock);
  if (vault.logged + strlen(message) + 2 < sizeof(vault.log))
    vault.logged += (size_t)snprintf(vault.log + vault.logged, sizeof(vault.log) - vault.logged,
                                     "%s\n", message);
  pthread_mutex_unlock(&vault.lock);
}

static inline int64_t milliseconds(void)
{
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (int64_t)time.tv_sec * 1000 + time.tv_nsec / 1000000;
}

static inline void sleep_ms(int ms)
{
  struct timespec time = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 };
  nanosleep(&time, NULL);
}

/* ---- client ---- */

/* The stand-in with its own token, and short pauses. */
static inline connector_vault_options vault_options(void)
{
  connector_vault_options options = CONNECTOR_VAULT_OPTIONS_INIT;
  options.address = stand_in_address(vault.server);
  options.token = ROOT_TOKEN;
  options.retry_min_ms = 4;
  options.retry_max_ms = 16;
  options.log = remember_log;
  return options;
}

static inline void close_vault(void)
{
  if (vault.secrets.close != NULL)
    vault.secrets.close(vault.secrets.user);
  vault.secrets = (connector_secrets)CONNECTOR_SECRETS_INIT;
}

static inline void open_vault(const connector_vault_options *options)
{
  close_vault();
  assert_ok(connector_secrets_vault(options, &vault.secrets, &failure));
}

static inline int setup_vault(void **state)
{
  connector_vault_options options;
  if (setup_memory(state) != 0)
    return -1;
  vault.logged = 0;
  vault.log[0] = '\0';
  vault.server = stand_in_start(NULL);
  if (vault.server == NULL)
    return -1;
  options = vault_options();
  vault.secrets = (connector_secrets)CONNECTOR_SECRETS_INIT;
  return connector_secrets_vault(&options, &vault.secrets, &failure) == CONNECTOR_OK ? 0 : -1;
}

static inline int teardown_vault(void **state)
{
  close_vault();
  stand_in_stop(vault.server);
  vault.server = NULL;
  return teardown(state);
}

#define vault_test(name) cmocka_unit_test_setup_teardown(name, setup_vault, teardown_vault)

#define FAULT(...) stand_in_fault(vault.server, (struct fault){ __VA_ARGS__ })

/* ---- calls ---- */

#define REQUEST_AT(...)                                                                            \
  (&(connector_secret_request){ .size = sizeof(connector_secret_request), __VA_ARGS__ })
#define REQUEST(...) REQUEST_AT(.mount = "secret", __VA_ARGS__)

static inline connector_secret *new_secret(void)
{
  connector_secret *secret = NULL;
  connector_error error;
  if (connector_secret_new(test.store, &secret, &error) != CONNECTOR_OK)
    fail_msg("no secret: %s", error.message);
  return secret;
}

static inline connector_secret *secret_of(const char *json)
{
  connector_secret *secret = new_secret();
  assert_ok(connector_secret_set_json(secret, json, strlen(json), &failure));
  return secret;
}

/* `into` may be NULL. */
static inline connector_status get(const connector_secret_request *request, connector_secret *into)
{
  connector_secret *own = into == NULL ? new_secret() : NULL;
  connector_status status = vault.secrets.get(vault.secrets.user, request,
                                              into != NULL ? into : own, &failure);
  connector_secret_free(own);
  return status;
}

static inline connector_status put(const connector_secret_request *request, const char *json,
                                   int64_t expected, int64_t *version)
{
  connector_secret *secret = secret_of(json);
  connector_status status = vault.secrets.put(vault.secrets.user, request, secret, expected,
                                              version, &failure);
  connector_secret_free(secret);
  return status;
}

static inline connector_status copy_value(void *user, const void *bytes, size_t length,
                                          connector_error *error)
{
  (void)error;
  snprintf(user, 256, "%.*s", (int)length, (const char *)bytes);
  return CONNECTOR_OK;
}

static inline void check_value(const connector_secret *secret, const char *name, const char *wanted)
{
  char value[256] = "";
  assert_ok(connector_secret_use(secret, name, copy_value, value, &failure));
  assert_text(value, wanted);
}

/* Reads the path's latest version, whose token is the one wanted. */
static inline void check_token_at(const char *path, const char *wanted)
{
  connector_secret *secret = new_secret();
  assert_ok(get(REQUEST(.path = path), secret));
  check_value(secret, "token", wanted);
  connector_secret_free(secret);
}

static inline void store_values(const char *path, const char *token)
{
  char json[256];
  snprintf(json, sizeof(json), "{\"username\":\"ann\",\"token\":\"%s\"}", token);
  stand_in_store(vault.server, "secret", path, json);
}

/* Nothing that the client said to anyone holds a secret. */
static inline void check_silence(void)
{
  assert_lacks(vault.log, "CANARY");
  assert_lacks(failure.message, "CANARY");
  assert_lacks(failure.field, "CANARY");
}

#endif
