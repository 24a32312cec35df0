/*
 * Where tokens and values do not go: to the target of a redirect, to a proxy of the environment,
 * into errors, logs and core dumps, to a child process.
 */
#include "vault_support.h"

#include <sys/wait.h>

static void a_redirect_is_not_followed(void **state)
{
  (void)state;
  static const int codes[] = { 301, 302, 303, 307, 308 };
  char location[128];
  struct stand_in *target = stand_in_start(NULL);
  assert_non_null(target);
  snprintf(location, sizeof(location), "%s/v1/secret/data/t/a", stand_in_address(target));
  stand_in_store(target, "secret", "t/a", VALUES);
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    FAULT(.kind = FAULT_STATUS, .status = codes[i], .location = location);
    assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
    assert_contains(failure.message, "redirect");
    assert_status(put(REQUEST(.path = "t/a"), VALUES, 0, NULL), CONNECTOR_SECRET_UNAVAILABLE);
  }
  assert_int_equal(stand_in_counts(target).requests, 0);
  assert_int_equal(stand_in_counts(target).connections, 0);
  stand_in_stop(target);
}

static void a_login_is_not_redirected_either(void **state)
{
  (void)state;
  char location[128];
  struct stand_in *target = stand_in_start(NULL);
  connector_vault_options options = vault_options();
  options.token = NULL;
  options.auth = CONNECTOR_VAULT_AUTH_APPROLE;
  options.role_id = ROLE_ID;
  options.secret_id = SECRET_ID;
  open_vault(&options);
  snprintf(location, sizeof(location), "%s/v1/auth/approle/login", stand_in_address(target));
  FAULT(.kind = FAULT_STATUS, .status = 307, .location = location);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(stand_in_counts(target).connections, 0);
  stand_in_stop(target);
}

static void a_proxy_of_the_environment_is_used_only_where_asked_for(void **state)
{
  (void)state;
  struct stand_in *proxy = stand_in_start(NULL);
  connector_vault_options options = vault_options();
  setenv("http_proxy", stand_in_address(proxy), 1);
  setenv("all_proxy", stand_in_address(proxy), 1);
  open_vault(&options);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  assert_int_equal(stand_in_counts(proxy).connections, 0);
  options.environment_proxy = true;
  options.no_retries = true;
  open_vault(&options);
  (void)get(REQUEST(.path = "t/a"), NULL);
  assert_int_equal(stand_in_counts(proxy).connections, 1);
  unsetenv("http_proxy");
  unsetenv("all_proxy");
  stand_in_stop(proxy);
}

static void no_netrc_is_read(void **state)
{
  (void)state;
  char path[600];
  static const char line[] = "machine 127.0.0.1 login netrc password netrc\n";
  write_file(beside(path, ".netrc"), line, strlen(line));
  setenv("HOME", test.folder, 1);
  store_values("t/a", "x");
  check_token_at("t/a", "x"); /* the stand-in takes no Authorization; curl would add one */
}

static void errors_and_logs_hold_nothing_of_an_answer(void **state)
{
  (void)state;
  static const int codes[] = { 200, 400, 403, 404, 429, 500, 503 };
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    FAULT(.kind = FAULT_STATUS, .status = codes[i],
          .body = "{\"errors\":[\"the token hvs.CANARY and the value CANARY\"]}");
    assert_int_not_equal(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_OK);
    check_silence();
    assert_int_not_equal(put(REQUEST(.path = "t/a"), VALUES, 0, NULL), CONNECTOR_OK);
    check_silence();
  }
}

/* ---- a child of fork() ---- */

static int run_child(connector_secret *secret)
{
  connector_error error = { 0 };
  int wrong = 0;
  wrong += vault.secrets.get(vault.secrets.user, REQUEST(.path = "t/a"), secret, &error) !=
           CONNECTOR_MISUSE;
  wrong += vault.secrets.put(vault.secrets.user, REQUEST(.path = "t/a"), secret, 0, NULL, &error) !=
           CONNECTOR_MISUSE;
  wrong += vault.secrets.destroy(vault.secrets.user, REQUEST(.path = "t/a"), &error) !=
           CONNECTOR_MISUSE;
  vault.secrets.close(vault.secrets.user);
  return wrong;
}

static void a_child_may_not_use_the_client(void **state)
{
  (void)state;
  int status = 0;
  pid_t child = 0;
  connector_secret *secret = secret_of(VALUES);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  child = fork();
  if (child == 0)
    _exit(run_child(secret));
  connector_secret_free(secret);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  check_token_at("t/a", "x"); /* the connection is as it was */
  assert_int_equal(stand_in_counts(vault.server).connections, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    vault_test(a_redirect_is_not_followed),
    vault_test(a_login_is_not_redirected_either),
    vault_test(a_proxy_of_the_environment_is_used_only_where_asked_for),
    vault_test(no_netrc_is_read),
    vault_test(errors_and_logs_hold_nothing_of_an_answer),
    vault_test(a_child_may_not_use_the_client),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
