/*
 * What a read retries, how long it waits, and that the deadline holds for all of it.
 */
#include "vault_support.h"

static int requests(void)
{
  return stand_in_counts(vault.server).requests;
}

static int setup_stored(void **state)
{
  if (setup_vault(state) != 0)
    return -1;
  store_values("t/a", "x");
  return 0;
}

#define stored_test(name) cmocka_unit_test_setup_teardown(name, setup_stored, teardown_vault)

static void what_may_pass_is_retried(void **state)
{
  (void)state;
  static const struct fault faults[] = {
    { .kind = FAULT_STATUS, .status = 412 },
    { .kind = FAULT_STATUS, .status = 429 },
    { .kind = FAULT_STATUS, .status = 500 },
    { .kind = FAULT_STATUS, .status = 502 },
    { .kind = FAULT_STATUS, .status = 503 },
    { .kind = FAULT_STATUS, .status = 504 },
    { .kind = FAULT_STATUS, .status = 599 },
    { .kind = FAULT_CLOSE },
    { .kind = FAULT_CUT },
  };
  for (size_t i = 0; i < COUNT_OF(faults); i++) {
    struct fault fault = faults[i];
    int before = requests();
    fault.count = 2;
    stand_in_fault(vault.server, fault);
    check_token_at("t/a", "x");
    assert_true(requests() - before >= 3); /* curl itself may try a closed connection again */
  }
}

static void what_will_not_pass_is_not_retried(void **state)
{
  (void)state;
  static const int codes[] = { 400, 403, 404, 405, 413, 501, 307, 301, 200, 204 };
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    int before = requests();
    FAULT(.kind = FAULT_STATUS, .status = codes[i], .count = 1);
    assert_int_not_equal(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_OK);
    assert_int_equal(requests() - before, 1);
  }
}

static void retries_are_counted(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  FAULT(.kind = FAULT_STATUS, .status = 500);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(requests(), 3);
  options.retries = 5;
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(requests(), 3 + 6);
  options.no_retries = true;
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(requests(), 3 + 6 + 1);
}

static void pauses_grow_and_have_a_limit(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  int64_t start = 0;
  int64_t took = 0;
  options.retries = 4;
  options.retry_min_ms = 40;
  options.retry_max_ms = 100;
  open_vault(&options);
  FAULT(.kind = FAULT_STATUS, .status = 500);
  start = milliseconds();
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  took = milliseconds() - start;
  /* 40 + 80 + 100 + 100, each between its half and its whole */
  assert_in_range(took, 155, 320 + 200);
}

static void retry_after_is_kept_to(void **state)
{
  (void)state;
  int64_t start = milliseconds();
  FAULT(.kind = FAULT_STATUS, .status = 429, .retry_after = 1, .count = 1);
  check_token_at("t/a", "x");
  assert_in_range(milliseconds() - start, 1000, 1500);
}

static void a_retry_after_beyond_the_deadline_is_not_waited_for(void **state)
{
  (void)state;
  int64_t start = milliseconds();
  FAULT(.kind = FAULT_STATUS, .status = 429, .retry_after = 3600);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  assert_contains(failure.message, "rate limit");
  assert_true(milliseconds() - start < 500);
}

/* ---- the deadline ---- */

static void a_slow_answer_is_a_timeout(void **state)
{
  (void)state;
  int64_t start = milliseconds();
  FAULT(.kind = FAULT_DELAY, .ms = 2000);
  assert_status(get(REQUEST(.path = "t/a", .timeout_ms = 200), NULL), CONNECTOR_SECRET_TIMEOUT);
  assert_in_range(milliseconds() - start, 190, 600);
}

static void the_options_give_the_time_where_the_request_does_not(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  int64_t start = 0;
  options.timeout_ms = 150;
  open_vault(&options);
  FAULT(.kind = FAULT_DELAY, .ms = 2000);
  start = milliseconds();
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_TIMEOUT);
  assert_in_range(milliseconds() - start, 140, 600);
}

static void one_deadline_holds_for_all_tries(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  int64_t start = 0;
  options.retries = 1000;
  options.retry_min_ms = 20;
  options.retry_max_ms = 20;
  open_vault(&options);
  FAULT(.kind = FAULT_STATUS, .status = 500, .ms = 30);
  start = milliseconds();
  assert_int_not_equal(get(REQUEST(.path = "t/a", .timeout_ms = 400), NULL), CONNECTOR_OK);
  assert_in_range(milliseconds() - start, 300, 700);
  assert_in_range(requests(), 3, 15);
}

static void a_login_counts_against_the_deadline(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  int64_t start = 0;
  options.token = NULL;
  options.auth = CONNECTOR_VAULT_AUTH_APPROLE;
  options.role_id = ROLE_ID;
  options.secret_id = SECRET_ID;
  open_vault(&options);
  FAULT(.kind = FAULT_DELAY, .ms = 150);
  start = milliseconds();
  assert_status(get(REQUEST(.path = "t/a", .timeout_ms = 250), NULL), CONNECTOR_SECRET_TIMEOUT);
  assert_in_range(milliseconds() - start, 240, 600);
  assert_int_equal(stand_in_counts(vault.server).logins, 1);
}

static void a_trickling_answer_ends_at_the_deadline(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  int64_t start = 0;
  options.max_response_bytes = 1 << 26;
  open_vault(&options);
  FAULT(.kind = FAULT_HUGE);
  start = milliseconds();
  assert_int_not_equal(get(REQUEST(.path = "t/a", .timeout_ms = 300), NULL), CONNECTOR_OK);
  assert_true(milliseconds() - start < 1500);
}

static void a_server_that_is_not_there_is_unavailable(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  char address[64];
  snprintf(address, sizeof(address), "%s", stand_in_address(vault.server));
  options.address = address;
  open_vault(&options);
  stand_in_stop(vault.server);
  vault.server = NULL;
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  assert_contains(failure.message, "can't be reached");
  assert_contains(vault.log, "trying again");
}

static void a_name_that_is_not_known_is_unavailable(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  options.address = "https://vault.invalid:8200";
  options.no_retries = true;
  open_vault(&options);
  assert_int_not_equal(get(REQUEST(.path = "t/a", .timeout_ms = 5000), NULL), CONNECTOR_OK);
  assert_true(failure.status == CONNECTOR_SECRET_UNAVAILABLE ||
              failure.status == CONNECTOR_SECRET_TIMEOUT);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    stored_test(what_may_pass_is_retried),
    stored_test(what_will_not_pass_is_not_retried),
    stored_test(retries_are_counted),
    stored_test(pauses_grow_and_have_a_limit),
    stored_test(retry_after_is_kept_to),
    stored_test(a_retry_after_beyond_the_deadline_is_not_waited_for),
    stored_test(a_slow_answer_is_a_timeout),
    stored_test(the_options_give_the_time_where_the_request_does_not),
    stored_test(one_deadline_holds_for_all_tries),
    stored_test(a_login_counts_against_the_deadline),
    stored_test(a_trickling_answer_ends_at_the_deadline),
    stored_test(a_server_that_is_not_there_is_unavailable),
    stored_test(a_name_that_is_not_known_is_unavailable),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
