/*
 * Writing: check-and-set, tried once, and what is found out after a failure that leaves it open.
 */
#include "vault_support.h"

static int version_at(const char *path)
{
  return stand_in_version(vault.server, "secret", path);
}

static void a_new_secret_is_written_as_version_1(void **state)
{
  (void)state;
  int64_t version = 0;
  assert_ok(put(REQUEST(.path = "t/a"), VALUES, 0, &version));
  assert_int_equal(version, 1);
  check_token_at("t/a", "s3cret-CANARY");
}

static void a_write_names_the_version_that_it_replaces(void **state)
{
  (void)state;
  int64_t version = 0;
  store_values("t/a", "one");
  assert_ok(put(REQUEST(.path = "t/a"), "{\"token\":\"two\"}", 1, &version));
  assert_int_equal(version, 2);
  check_token_at("t/a", "two");
}

static void a_version_that_is_not_current_is_a_conflict(void **state)
{
  (void)state;
  int64_t version = 77;
  store_values("t/a", "one");
  store_values("t/a", "two");
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 1, &version), CONNECTOR_SECRET_CONFLICT);
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 0, &version), CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(version, 77);
  assert_int_equal(version_at("t/a"), 2);
}

static void another_400_is_no_conflict(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_STATUS, .status = 400, .body = "{\"errors\":[\"no data provided\"]}");
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 0, NULL), CONNECTOR_SECRET_DENIED);
}

static void any_version_is_replaced_where_none_is_named(void **state)
{
  (void)state;
  int64_t version = 0;
  assert_ok(put(REQUEST(.path = "t/a"), VALUES, -1, &version));
  assert_int_equal(version, 1);
  assert_ok(put(REQUEST(.path = "t/a"), VALUES, -1, &version));
  assert_int_equal(version, 2);
  assert_ok(vault.secrets.remove(vault.secrets.user, REQUEST(.path = "t/a"), &failure));
  assert_ok(put(REQUEST(.path = "t/a"), VALUES, -1, &version));
  assert_int_equal(version, 3);
  assert_ok(put(REQUEST(.path = "t/a"), VALUES, -1, NULL));
}

static void a_faster_writer_is_written_over_where_no_version_is_named(void **state)
{
  (void)state;
  int64_t version = 0;
  store_values("t/a", "one");
  FAULT(.kind = FAULT_STATUS, .method = "POST", .count = 2, .status = 400,
        .body = "{\"errors\":[\"check-and-set parameter did not match the current version\"]}");
  assert_ok(put(REQUEST(.path = "t/a"), VALUES, -1, &version));
  assert_int_equal(version, 2);
  FAULT(.kind = FAULT_STATUS, .method = "POST", .count = 3, .status = 400,
        .body = "{\"errors\":[\"check-and-set parameter did not match the current version\"]}");
  assert_status(put(REQUEST(.path = "t/a"), VALUES, -1, &version), CONNECTOR_SECRET_CONFLICT);
}

static void a_version_below_minus_one_is_invalid(void **state)
{
  (void)state;
  assert_invalid(put(REQUEST(.path = "t/a"), VALUES, -2, NULL), "expected_version");
}

static void any_value_is_written_as_it_is(void **state)
{
  (void)state;
  connector_secret *written = new_secret();
  connector_secret *found = new_secret();
  static const char value[] = "a\\b\n\"\xc3\xa9\xf0\x9f\x98\x80<&>\x01";
  assert_ok(connector_secret_set(written, "name \"x\"", value, strlen(value), &failure));
  assert_ok(
      vault.secrets.put(vault.secrets.user, REQUEST(.path = "odd"), written, 0, NULL, &failure));
  assert_ok(get(REQUEST(.path = "odd"), found));
  assert_true(connector_secret_equal(written, found));
  connector_secret_free(written);
  connector_secret_free(found);
}

/* ---- a write is tried once ---- */

static void a_write_is_not_retried(void **state)
{
  (void)state;
  static const int codes[] = { 412, 429, 503, 501 };
  for (size_t i = 0; i < COUNT_OF(codes); i++) {
    int before = stand_in_counts(vault.server).writes;
    FAULT(.kind = FAULT_STATUS, .method = "POST", .status = codes[i], .body = "{\"errors\":[]}");
    assert_int_not_equal(put(REQUEST(.path = "t/a"), VALUES, 0, NULL), CONNECTOR_OK);
    assert_int_not_equal(failure.status, CONNECTOR_SECRET_AMBIGUOUS);
    assert_int_equal(stand_in_counts(vault.server).writes, before + 1);
  }
  assert_int_equal(version_at("t/a"), 0);
}

static void a_write_on_a_connection_that_is_dead_is_sent_once(void **state)
{
  (void)state;
  /* curl repeats a request by itself where a kept connection was closed: not a write. */
  (void)get(REQUEST(.path = "t/a"), NULL);
  FAULT(.kind = FAULT_DO_AND_CLOSE, .method = "POST");
  assert_ok(put(REQUEST(.path = "t/a"), VALUES, 0, NULL));
  assert_int_equal(stand_in_counts(vault.server).writes, 1);
  assert_int_equal(version_at("t/a"), 1);
}

static void a_server_that_is_not_there_was_not_written_to(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  char address[64];
  snprintf(address, sizeof(address), "%s", stand_in_address(vault.server));
  options.address = address;
  open_vault(&options);
  stand_in_stop(vault.server);
  vault.server = NULL;
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 0, NULL), CONNECTOR_SECRET_UNAVAILABLE);
}

/* ---- after a failure that leaves it open ---- */

static void a_write_that_was_done_is_found_out(void **state)
{
  (void)state;
  static const struct fault faults[] = {
    { .kind = FAULT_DO_AND_CLOSE, .method = "POST", .count = 1 },
    { .kind = FAULT_CUT, .method = "POST", .count = 1 },
    { .kind = FAULT_DO_AND_FAIL, .method = "POST", .count = 1, .status = 500, .body = "" },
    { .kind = FAULT_DO_AND_FAIL, .method = "POST", .count = 1, .status = 502, .body = "gateway" },
    { .kind = FAULT_DO_AND_FAIL, .method = "POST", .count = 1, .status = 504, .body = "gateway" },
    { .kind = FAULT_DO_AND_FAIL, .method = "POST", .count = 1, .status = 200, .body = "{\"da" },
  };
  for (size_t i = 0; i < COUNT_OF(faults); i++) {
    int64_t version = 0;
    stand_in_fault(vault.server, faults[i]);
    assert_ok(put(REQUEST(.path = "t/a"), "{\"token\":\"<\\u00e9&\\n\\\"\",\"b\":\"\"}", (int64_t)i,
                  &version));
    assert_int_equal(version, i + 1);
    assert_int_equal(stand_in_counts(vault.server).writes, i + 1);
  }
}

static void a_write_that_was_not_done_stays_ambiguous(void **state)
{
  (void)state;
  store_values("t/a", "one");
  FAULT(.kind = FAULT_CLOSE, .method = "POST");
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 1, NULL), CONNECTOR_SECRET_AMBIGUOUS);
  FAULT(.kind = FAULT_STATUS, .method = "POST", .status = 500);
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 1, NULL), CONNECTOR_SECRET_AMBIGUOUS);
  assert_int_equal(version_at("t/a"), 1);
}

static void what_can_not_be_read_again_stays_ambiguous(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_DO_AND_CLOSE);
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 0, NULL), CONNECTOR_SECRET_AMBIGUOUS);
  assert_int_equal(version_at("t/a"), 1);
}

static void *write_meanwhile(void *user)
{
  (void)user;
  sleep_ms(100);
  store_values("t/a", "another's");
  return NULL;
}

static void another_writers_version_shows_that_ours_was_not_done(void **state)
{
  (void)state;
  pthread_t thread;
  store_values("t/a", "one");
  FAULT(.kind = FAULT_CLOSE, .method = "POST", .ms = 200);
  assert_int_equal(pthread_create(&thread, NULL, write_meanwhile, NULL), 0);
  assert_status(put(REQUEST(.path = "t/a"), VALUES, 1, NULL), CONNECTOR_SECRET_CONFLICT);
  pthread_join(thread, NULL);
}

static void time_is_left_to_find_out(void **state)
{
  (void)state;
  int64_t version = 0;
  int64_t start = milliseconds();
  FAULT(.kind = FAULT_DO_AND_DELAY, .method = "POST", .count = 1, .ms = 2000);
  assert_ok(put(REQUEST(.path = "t/a", .timeout_ms = 900), VALUES, 0, &version));
  assert_int_equal(version, 1);
  assert_in_range(milliseconds() - start, 590, 900);
}

static void the_deadline_holds_for_finding_out_too(void **state)
{
  (void)state;
  int64_t start = milliseconds();
  FAULT(.kind = FAULT_DELAY, .ms = 2000);
  assert_status(put(REQUEST(.path = "t/a", .timeout_ms = 600), VALUES, 0, NULL),
                CONNECTOR_SECRET_AMBIGUOUS);
  assert_in_range(milliseconds() - start, 590, 900);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    vault_test(a_new_secret_is_written_as_version_1),
    vault_test(a_write_names_the_version_that_it_replaces),
    vault_test(a_version_that_is_not_current_is_a_conflict),
    vault_test(another_400_is_no_conflict),
    vault_test(any_version_is_replaced_where_none_is_named),
    vault_test(a_faster_writer_is_written_over_where_no_version_is_named),
    vault_test(a_version_below_minus_one_is_invalid),
    vault_test(any_value_is_written_as_it_is),
    vault_test(a_write_is_not_retried),
    vault_test(a_write_on_a_connection_that_is_dead_is_sent_once),
    vault_test(a_server_that_is_not_there_was_not_written_to),
    vault_test(a_write_that_was_done_is_found_out),
    vault_test(a_write_that_was_not_done_stays_ambiguous),
    vault_test(what_can_not_be_read_again_stays_ambiguous),
    vault_test(another_writers_version_shows_that_ours_was_not_done),
    vault_test(time_is_left_to_find_out),
    vault_test(the_deadline_holds_for_finding_out_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
