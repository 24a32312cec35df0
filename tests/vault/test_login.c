/*
 * Tokens: given, from a file, from AppRole and Kubernetes; renewed in time, fetched anew after 403.
 */
#include "vault_support.h"

static struct stand_in_counts counts(void)
{
  return stand_in_counts(vault.server);
}

static connector_vault_options approle_options(void)
{
  connector_vault_options options = vault_options();
  options.token = NULL;
  options.auth = CONNECTOR_VAULT_AUTH_APPROLE;
  options.role_id = ROLE_ID;
  options.secret_id = SECRET_ID;
  return options;
}

static int setup_approle(void **state)
{
  connector_vault_options options;
  if (setup_vault(state) != 0)
    return -1;
  store_values("t/a", "x");
  options = approle_options();
  open_vault(&options);
  return 0;
}

#define approle_test(name) cmocka_unit_test_setup_teardown(name, setup_approle, teardown_vault)

static void write_line(const char *path, const char *text)
{
  char line[128];
  snprintf(line, sizeof(line), "%s\n", text);
  write_file(path, line, strlen(line));
}

/* ---- logging in ---- */

static void approle_logs_in_once(void **state)
{
  (void)state;
  char token[256];
  assert_int_equal(counts().requests, 0);
  check_token_at("t/a", "x");
  check_token_at("t/a", "x");
  stand_in_last(vault.server, NULL, token, NULL, sizeof(token));
  assert_text(token, "hvs.login-1-CANARY");
  assert_int_equal(counts().logins, 1);
  assert_int_equal(counts().reads, 2);
  assert_contains(vault.log, "logged in");
  check_silence();
}

static void a_wrong_secret_id_is_denied(void **state)
{
  (void)state;
  connector_vault_options options = approle_options();
  options.secret_id = "wrong-CANARY";
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DENIED);
  assert_contains(failure.message, "refused the login");
  assert_int_equal(counts().logins, 1);
  check_silence();
}

static void a_secret_id_is_read_from_its_file_for_each_login(void **state)
{
  (void)state;
  char path[600];
  connector_vault_options options = approle_options();
  options.secret_id = NULL;
  options.secret_id_file = beside(path, "secret-id");
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_IO);
  assert_int_not_equal(failure.os_code, 0);
  write_line(path, SECRET_ID);
  check_token_at("t/a", "x");
}

static void a_login_elsewhere_names_its_mount(void **state)
{
  (void)state;
  connector_vault_options options = approle_options();
  options.auth_mount = "nowhere";
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DENIED);
}

static void kubernetes_logs_in_with_the_jwt_of_its_file(void **state)
{
  (void)state;
  char path[600];
  char token[256];
  connector_vault_options options = vault_options();
  options.token = NULL;
  options.auth = CONNECTOR_VAULT_AUTH_KUBERNETES;
  options.role = KUBERNETES_ROLE;
  options.jwt_file = beside(path, "jwt");
  write_line(path, KUBERNETES_JWT);
  open_vault(&options);
  check_token_at("t/a", "x");
  stand_in_last(vault.server, NULL, token, NULL, sizeof(token));
  assert_text(token, "hvs.login-1-CANARY");
  options.auth_mount = "team/k8s";
  open_vault(&options);
  check_token_at("t/a", "x");
  assert_int_equal(counts().logins, 2);
}

static void a_credential_that_is_no_line_of_text_is_refused(void **state)
{
  (void)state;
  static const char *const texts[] = { "", "\n", "two words", "two\nlines", "a\x01", "\xc3\xa9" };
  char path[600];
  connector_vault_options options = vault_options();
  options.token = NULL;
  options.token_file = beside(path, "token");
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    write_file(path, texts[i], strlen(texts[i]));
    open_vault(&options);
    assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_INVALID);
  }
  assert_int_equal(counts().requests, 0);
}

static void a_malformed_login_is_no_token(void **state)
{
  (void)state;
  static const char *const bodies[] = {
    "{}",
    "{\"auth\":null}",
    "{\"auth\":{\"lease_duration\":1,\"renewable\":true}}",
    "{\"auth\":{\"client_token\":\"\",\"lease_duration\":1}}",
    "{\"auth\":{\"client_token\":\"a\\r\\nX-Evil: 1\",\"lease_duration\":1}}",
    "{\"auth\":{\"client_token\":\"a b\",\"lease_duration\":1}}",
    "{\"auth\":{\"client_token\":\"a\",\"lease_duration\":-1}}",
    "{\"auth\":{\"client_token\":7,\"lease_duration\":1}}",
    "not json",
  };
  for (size_t i = 0; i < COUNT_OF(bodies); i++) {
    FAULT(.kind = FAULT_STATUS, .status = 200, .body = bodies[i], .part = "/login");
    assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  }
  assert_int_equal(counts().reads, 0);
}

static void a_login_is_retried_like_a_read(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_STATUS, .status = 500, .part = "/login", .count = 2);
  check_token_at("t/a", "x");
  assert_int_equal(counts().logins, 3);
}

static void a_sealed_vault_takes_no_login(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_STATUS, .status = 503, .body = "{\"errors\":[\"Vault is sealed\"]}");
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_SEALED);
}

/* ---- after a 403 ---- */

static void a_revoked_token_is_replaced(void **state)
{
  (void)state;
  check_token_at("t/a", "x");
  stand_in_revoke(vault.server);
  check_token_at("t/a", "x");
  assert_int_equal(counts().logins, 2);
}

static void a_write_with_a_revoked_token_is_done_once(void **state)
{
  (void)state;
  int64_t version = 0;
  check_token_at("t/a", "x");
  stand_in_revoke(vault.server);
  assert_ok(put(REQUEST(.path = "t/b"), VALUES, 0, &version));
  assert_int_equal(version, 1);
  assert_int_equal(counts().logins, 2);
  assert_int_equal(stand_in_version(vault.server, "secret", "t/b"), 1);
}

static void what_the_policy_denies_stays_denied(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_STATUS, .status = 403, .part = "/data/");
  for (int i = 0; i < 10; i++)
    assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DENIED);
  /* One login more for the first 403, none for those that follow soon. */
  assert_int_equal(counts().logins, 2);
  assert_int_equal(counts().reads, 11);
}

static void a_given_token_that_is_refused_is_denied(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  options.token = "hvs.unknown-CANARY";
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DENIED);
  assert_int_equal(counts().requests, 1);
  check_silence();
}

/* ---- a token's file ---- */

static void a_token_file_is_read_again_when_it_changes(void **state)
{
  (void)state;
  char path[600];
  char token[256];
  connector_vault_options options = vault_options();
  options.token = NULL;
  options.token_file = beside(path, "token");
  stand_in_add_token(vault.server, "hvs.first", 0);
  stand_in_add_token(vault.server, "hvs.second", 0);
  write_line(path, "hvs.first");
  open_vault(&options);
  check_token_at("t/a", "x");
  write_line(path, "hvs.second");
  check_token_at("t/a", "x");
  stand_in_last(vault.server, NULL, token, NULL, sizeof(token));
  assert_text(token, "hvs.second");
  assert_int_equal(counts().reads, 2);
}

static void a_token_file_that_goes_leaves_the_token(void **state)
{
  (void)state;
  char path[600];
  connector_vault_options options = vault_options();
  options.token = NULL;
  options.token_file = beside(path, "token");
  write_line(path, ROOT_TOKEN);
  open_vault(&options);
  check_token_at("t/a", "x");
  assert_int_equal(unlink(path), 0);
  check_token_at("t/a", "x");
  write_line(path, "two words");
  check_token_at("t/a", "x");
  write_line(path, ROOT_TOKEN);
  check_token_at("t/a", "x");
}

/* ---- leases ---- */

static void a_token_is_renewed_after_two_thirds_of_its_lease(void **state)
{
  (void)state;
  stand_in_lease(vault.server, 2, true, 3600);
  check_token_at("t/a", "x");
  sleep_ms(1000);
  check_token_at("t/a", "x");
  assert_int_equal(counts().renewals, 0);
  sleep_ms(400);
  check_token_at("t/a", "x");
  assert_int_equal(counts().renewals, 1);
  sleep_ms(800);
  check_token_at("t/a", "x");
  assert_int_equal(counts().renewals, 1);
  assert_int_equal(counts().logins, 1);
  assert_contains(vault.log, "renewed");
  check_silence();
}

static void a_token_that_can_not_be_renewed_is_replaced(void **state)
{
  (void)state;
  stand_in_lease(vault.server, 1, false, 0);
  check_token_at("t/a", "x");
  sleep_ms(750);
  check_token_at("t/a", "x");
  assert_int_equal(counts().renewals, 0);
  assert_int_equal(counts().logins, 2);
}

static void a_token_near_its_longest_life_is_replaced(void **state)
{
  (void)state;
  stand_in_lease(vault.server, 4, true, 1);
  check_token_at("t/a", "x");
  sleep_ms(2800);
  check_token_at("t/a", "x");
  assert_int_equal(counts().renewals, 1);
  assert_int_equal(counts().logins, 2);
}

static void a_token_that_ended_is_replaced(void **state)
{
  (void)state;
  stand_in_lease(vault.server, 1, true, 1);
  check_token_at("t/a", "x");
  sleep_ms(1100);
  check_token_at("t/a", "x");
  assert_int_equal(counts().logins, 2);
}

static void a_renewal_that_fails_leaves_the_token_that_holds(void **state)
{
  (void)state;
  connector_vault_options options = approle_options();
  options.no_retries = true;
  open_vault(&options);
  stand_in_lease(vault.server, 2, true, 3600);
  check_token_at("t/a", "x");
  sleep_ms(1400);
  FAULT(.kind = FAULT_STATUS, .status = 500, .part = "/auth/");
  check_token_at("t/a", "x");
  check_token_at("t/a", "x");
  assert_int_equal(counts().renewals, 1); /* not again at once */
  FAULT(.kind = FAULT_NONE);
  sleep_ms(700);
  check_token_at("t/a", "x"); /* it has ended meanwhile */
  assert_int_equal(counts().logins, 2);
}

static void a_given_token_is_renewed_where_it_is_asked_for(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  options.token = "hvs.lent";
  options.renew_token = true;
  stand_in_add_token(vault.server, "hvs.lent", 2);
  stand_in_lease(vault.server, 2, true, 3600);
  open_vault(&options);
  check_token_at("t/a", "x");
  assert_int_equal(counts().lookups, 1);
  sleep_ms(1400);
  check_token_at("t/a", "x");
  assert_int_equal(counts().renewals, 1);
  sleep_ms(800);
  check_token_at("t/a", "x");
}

static void a_token_that_may_not_look_itself_up_is_used(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  options.renew_token = true;
  open_vault(&options);
  FAULT(.kind = FAULT_STATUS, .status = 403, .part = "/lookup-self");
  check_token_at("t/a", "x");
  check_token_at("t/a", "x");
  assert_int_equal(counts().lookups, 1);
}

/* ---- many threads ---- */

enum { THREADS = 32 };

static void *read_once(void *user)
{
  connector_status *status = user;
  *status = get(REQUEST(.path = "t/a"), NULL);
  return NULL;
}

static void read_from_all(connector_status wanted)
{
  pthread_t threads[THREADS];
  connector_status statuses[THREADS];
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, read_once, &statuses[i]), 0);
  for (int i = 0; i < THREADS; i++)
    pthread_join(threads[i], NULL);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(statuses[i], wanted);
}

static void many_threads_log_in_once(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_DELAY, .ms = 100, .part = "/login");
  read_from_all(CONNECTOR_OK);
  assert_int_equal(counts().logins, 1);
  assert_int_equal(counts().reads, THREADS);
}

static void many_threads_whose_token_was_revoked_log_in_once(void **state)
{
  (void)state;
  read_from_all(CONNECTOR_OK);
  stand_in_revoke(vault.server);
  FAULT(.kind = FAULT_DELAY, .ms = 100, .part = "/login");
  read_from_all(CONNECTOR_OK);
  assert_int_equal(counts().logins, 2);
}

static void others_go_on_while_one_thread_renews(void **state)
{
  (void)state;
  pthread_t thread;
  connector_status status = CONNECTOR_INTERNAL;
  int64_t start = 0;
  stand_in_lease(vault.server, 3, true, 3600);
  check_token_at("t/a", "x");
  sleep_ms(2050);
  FAULT(.kind = FAULT_DELAY, .ms = 600, .part = "/renew-self");
  assert_int_equal(pthread_create(&thread, NULL, read_once, &status), 0);
  sleep_ms(100);
  start = milliseconds();
  check_token_at("t/a", "x");
  assert_true(milliseconds() - start < 400);
  pthread_join(thread, NULL);
  assert_int_equal(status, CONNECTOR_OK);
  assert_int_equal(counts().renewals, 1);
}

static void many_threads_share_a_login_that_fails(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_STATUS, .status = 400, .body = "{\"errors\":[\"x\"]}", .ms = 1500,
        .part = "/login");
  read_from_all(CONNECTOR_SECRET_DENIED);
  assert_in_range(counts().logins, 1, 3); /* a late thread tries anew */
}

static void a_login_given_up_by_one_thread_is_tried_by_the_next(void **state)
{
  (void)state;
  pthread_t thread;
  connector_status status = CONNECTOR_INTERNAL;
  FAULT(.kind = FAULT_DELAY, .ms = 400, .part = "/login", .count = 1);
  assert_int_equal(pthread_create(&thread, NULL, read_once, &status), 0);
  sleep_ms(50);
  assert_status(get(REQUEST(.path = "t/a", .timeout_ms = 100), NULL), CONNECTOR_SECRET_TIMEOUT);
  pthread_join(thread, NULL);
  assert_int_equal(status, CONNECTOR_OK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    approle_test(approle_logs_in_once),
    approle_test(a_wrong_secret_id_is_denied),
    approle_test(a_secret_id_is_read_from_its_file_for_each_login),
    approle_test(a_login_elsewhere_names_its_mount),
    approle_test(kubernetes_logs_in_with_the_jwt_of_its_file),
    approle_test(a_credential_that_is_no_line_of_text_is_refused),
    approle_test(a_malformed_login_is_no_token),
    approle_test(a_login_is_retried_like_a_read),
    approle_test(a_sealed_vault_takes_no_login),
    approle_test(a_revoked_token_is_replaced),
    approle_test(a_write_with_a_revoked_token_is_done_once),
    approle_test(what_the_policy_denies_stays_denied),
    approle_test(a_given_token_that_is_refused_is_denied),
    approle_test(a_token_file_is_read_again_when_it_changes),
    approle_test(a_token_file_that_goes_leaves_the_token),
    approle_test(a_token_is_renewed_after_two_thirds_of_its_lease),
    approle_test(a_token_that_can_not_be_renewed_is_replaced),
    approle_test(a_token_near_its_longest_life_is_replaced),
    approle_test(a_token_that_ended_is_replaced),
    approle_test(a_renewal_that_fails_leaves_the_token_that_holds),
    approle_test(a_given_token_is_renewed_where_it_is_asked_for),
    approle_test(a_token_that_may_not_look_itself_up_is_used),
    approle_test(many_threads_log_in_once),
    approle_test(many_threads_whose_token_was_revoked_log_in_once),
    approle_test(others_go_on_while_one_thread_renews),
    approle_test(many_threads_share_a_login_that_fails),
    approle_test(a_login_given_up_by_one_thread_is_tried_by_the_next),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
