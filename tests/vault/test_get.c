/*
 * Reading: values, versions, the three faces of 404, and what other answers mean.
 */
#include "vault_support.h"

static void a_secret_is_read_with_its_version(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  store_values("t/a", "old");
  store_values("t/a", "new");
  assert_ok(get(REQUEST(.path = "t/a"), secret));
  assert_int_equal(connector_secret_version(secret), 2);
  assert_int_equal(connector_secret_count(secret), 2);
  check_value(secret, "username", "ann");
  check_value(secret, "token", "new");
  connector_secret_free(secret);
}

static void an_older_version_is_read_by_its_number(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  store_values("t/a", "old");
  store_values("t/a", "new");
  assert_ok(get(REQUEST(.path = "t/a", .version = 1), secret));
  assert_int_equal(connector_secret_version(secret), 1);
  check_value(secret, "token", "old");
  connector_secret_free(secret);
}

static void any_value_arrives_as_it_was_stored(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  stand_in_store(
      vault.server, "secret", "odd",
      "{\"quote\\\"d\":\"a\\\\b\\n\\u00e9\\ud83d\\ude00<&>\",\"number\":12,\"no\":false}");
  assert_ok(get(REQUEST(.path = "odd"), secret));
  check_value(secret, "quote\"d", "a\\b\n\xc3\xa9\xf0\x9f\x98\x80<&>");
  check_value(secret, "number", "12");
  check_value(secret, "no", "false");
  connector_secret_free(secret);
}

static void an_absent_secret_is_not_found(void **state)
{
  (void)state;
  assert_status(get(REQUEST(.path = "none"), NULL), CONNECTOR_SECRET_NOT_FOUND);
  store_values("t/a", "x");
  assert_status(get(REQUEST(.path = "t/a", .version = 9), NULL), CONNECTOR_SECRET_NOT_FOUND);
}

static void a_deleted_version_is_deleted(void **state)
{
  (void)state;
  store_values("t/a", "x");
  assert_ok(vault.secrets.remove(vault.secrets.user, REQUEST(.path = "t/a"), &failure));
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DELETED);
  assert_text(failure.message, "this version was deleted");
}

static void a_destroyed_version_is_deleted_and_says_so(void **state)
{
  (void)state;
  store_values("t/a", "x");
  stand_in_destroy_version(vault.server, "secret", "t/a", 1);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DELETED);
  assert_text(failure.message, "this version was destroyed");
}

static void a_mount_that_is_not_there_is_a_wrong_path(void **state)
{
  (void)state;
  assert_status(get(REQUEST_AT(.mount = "nowhere", .path = "t/a"), NULL), CONNECTOR_SECRET_PATH);
}

static void a_mount_may_have_several_segments(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  stand_in_store(vault.server, "team/kv", "x", VALUES);
  assert_ok(get(REQUEST_AT(.mount = "team/kv", .path = "x"), secret));
  check_value(secret, "username", "ann");
  connector_secret_free(secret);
}

static void each_segment_is_percent_encoded(void **state)
{
  (void)state;
  char raw[256];
  store_values("a b/c?d#e/%2f/\xc3\xa9;=&+", "x");
  check_token_at("a b/c?d#e/%2f/\xc3\xa9;=&+", "x");
  stand_in_last(vault.server, raw, NULL, NULL, sizeof(raw));
  assert_text(raw, "/v1/secret/data/a%20b/c%3Fd%23e/%252f/%C3%A9%3B%3D%26%2B");
}

static void an_unclean_path_is_refused_unsent(void **state)
{
  (void)state;
  static const char *const paths[] = { "",     "/a",  "a/",     "a//b", "..",
                                       "a/..", "./a", "a/../b", "a\nb", "a\x7f" };
  for (size_t i = 0; i < COUNT_OF(paths); i++) {
    assert_answer(get(REQUEST(.path = paths[i]), NULL), CONNECTOR_SECRET_PATH, "vault_path");
    assert_answer(get(REQUEST_AT(.mount = paths[i], .path = "a"), NULL), CONNECTOR_SECRET_PATH,
                  "vault_path");
  }
  assert_status(get(REQUEST_AT(.mount = NULL, .path = "a"), NULL), CONNECTOR_SECRET_PATH);
  assert_status(get(REQUEST(.path = NULL), NULL), CONNECTOR_SECRET_PATH);
  assert_invalid(get(REQUEST(.path = "a", .version = -1), NULL), "version");
  assert_int_equal(stand_in_counts(vault.server).requests, 0);
}

static void the_headers_say_who_asks(void **state)
{
  (void)state;
  char token[256];
  char name_space[256];
  connector_vault_options options = vault_options();
  options.vault_namespace = "team/a";
  open_vault(&options);
  stand_in_want_namespace(vault.server, "team/a");
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  stand_in_last(vault.server, NULL, token, name_space, sizeof(token));
  assert_text(token, ROOT_TOKEN);
  assert_text(name_space, "team/a");
}

static void an_address_may_have_a_path(void **state)
{
  (void)state;
  char raw[256];
  char address[128];
  connector_vault_options options = vault_options();
  snprintf(address, sizeof(address), "%s/behind/", stand_in_address(vault.server));
  options.address = address;
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  stand_in_last(vault.server, raw, NULL, NULL, sizeof(raw));
  assert_text(raw, "/behind/v1/secret/data/t/a");
}

/* ---- answers ---- */

static const struct {
  int http;
  const char *body;
  connector_status status;
  const char *message;
} answers[] = {
  { 403, "{\"errors\":[\"permission denied\"]}", CONNECTOR_SECRET_DENIED, "refused the token" },
  { 400, "{\"errors\":[\"odd\"]}", CONNECTOR_SECRET_DENIED, "400" },
  { 405, "{\"errors\":[\"unsupported operation\"]}", CONNECTOR_SECRET_DENIED, "405" },
  { 404, "{\"errors\":[]}", CONNECTOR_SECRET_NOT_FOUND, "no such" },
  { 404, "{\"errors\":[\"no handler for route \\\"x\\\"\"]}", CONNECTOR_SECRET_PATH, "mounted" },
  { 404, "{\"errors\":[\"1 error occurred:\\n\\t* unsupported path\\n\\n\"]}",
    CONNECTOR_SECRET_PATH, "no such path" },
  { 404, "<html>not here</html>", CONNECTOR_SECRET_UNAVAILABLE, "not of the form" },
  { 404, "", CONNECTOR_SECRET_UNAVAILABLE, "not of the form" },
  { 503, "{\"errors\":[\"Vault is sealed\"]}", CONNECTOR_SECRET_SEALED, "sealed" },
  { 503, "<html>Service Unavailable</html>", CONNECTOR_SECRET_UNAVAILABLE, "can't be reached" },
  { 429, "{\"errors\":[\"request path \\\"secret/data/t/a\\\": rate limit quota exceeded\"]}",
    CONNECTOR_SECRET_UNAVAILABLE, "rate limit" },
  { 412, "{\"errors\":[\"required index state not present\"]}", CONNECTOR_SECRET_UNAVAILABLE,
    "caught up" },
  { 413, "{\"errors\":[\"http: request body too large\"]}", CONNECTOR_TOO_LARGE, "length" },
  { 500, "{\"errors\":[\"internal error\"]}", CONNECTOR_SECRET_UNAVAILABLE, "500" },
  { 501, "{\"errors\":[\"not initialized\"]}", CONNECTOR_SECRET_UNAVAILABLE, "501" },
  { 502, "bad gateway", CONNECTOR_SECRET_UNAVAILABLE, "502" },
  { 307, "", CONNECTOR_SECRET_UNAVAILABLE, "redirect" },
  { 200, "", CONNECTOR_SECRET_UNAVAILABLE, "not of the form" },
  { 200, "{", CONNECTOR_SECRET_UNAVAILABLE, "not of the form" },
  { 200, "null", CONNECTOR_SECRET_UNAVAILABLE, "not of the form" },
  { 200, "{\"data\":{\"a\":\"b\"}}", CONNECTOR_SECRET_UNAVAILABLE, "not of the form" }, /* KV 1 */
  { 200, "{\"data\":{\"data\":{\"a\":\"b\"}}}", CONNECTOR_SECRET_UNAVAILABLE, "not of the form" },
  { 200, "{\"data\":{\"data\":{\"a\":\"b\"},\"metadata\":{\"version\":1.5}}}",
    CONNECTOR_SECRET_UNAVAILABLE, "not of the form" },
  { 200, "{\"data\":{\"data\":[],\"metadata\":{\"version\":1}}}", CONNECTOR_SECRET_UNAVAILABLE,
    "not of the form" },
  { 200, "{\"data\":{\"data\":{},\"metadata\":{\"version\":1}}} x", CONNECTOR_SECRET_UNAVAILABLE,
    "not of the form" },
};

static void each_answer_has_its_status(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  options.no_retries = true;
  open_vault(&options);
  store_values("t/a", "x");
  for (size_t i = 0; i < COUNT_OF(answers); i++) {
    FAULT(.kind = FAULT_STATUS, .status = answers[i].http, .body = answers[i].body);
    assert_status(get(REQUEST(.path = "t/a"), NULL), answers[i].status);
    assert_contains(failure.message, answers[i].message);
  }
  FAULT(.kind = FAULT_NONE);
  check_token_at("t/a", "x");
}

static void the_server_names_the_version_that_was_asked_for(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_STATUS, .status = 200,
        .body = "{\"data\":{\"data\":{},\"metadata\":{\"version\":2}}}");
  assert_status(get(REQUEST(.path = "t/a", .version = 1), NULL), CONNECTOR_SECRET_UNAVAILABLE);
}

static void an_answer_longer_than_the_limit_is_too_large(void **state)
{
  (void)state;
  connector_vault_options options = vault_options();
  FAULT(.kind = FAULT_HUGE);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_TOO_LARGE);
  FAULT(.kind = FAULT_NONE);
  options.max_response_bytes = 64;
  open_vault(&options);
  store_values("t/a", "x");
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_TOO_LARGE);
}

static void a_large_secret_within_the_limit_is_read(void **state)
{
  (void)state;
  char *json = malloc(70000);
  connector_secret *secret = new_secret();
  size_t length = (size_t)sprintf(json, "{\"big\":\"");
  memset(json + length, 'x', 60000);
  strcpy(json + length + 60000, "\"}");
  stand_in_store(vault.server, "secret", "big", json);
  assert_ok(get(REQUEST(.path = "big"), secret));
  assert_int_equal(connector_secret_count(secret), 1);
  connector_secret_free(secret);
  free(json);
}

static void an_empty_secret_is_one(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  stand_in_store(vault.server, "secret", "empty", "{}");
  assert_ok(get(REQUEST(.path = "empty"), secret));
  assert_int_equal(connector_secret_count(secret), 0);
  assert_int_equal(connector_secret_version(secret), 1);
  connector_secret_free(secret);
}

static void connections_are_used_again(void **state)
{
  (void)state;
  store_values("t/a", "x");
  for (int i = 0; i < 20; i++)
    check_token_at("t/a", "x");
  assert_int_equal(stand_in_counts(vault.server).reads, 20);
  assert_int_equal(stand_in_counts(vault.server).connections, 1);
}

static void a_null_error_is_fine(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  assert_int_equal(vault.secrets.get(vault.secrets.user, REQUEST(.path = "none"), secret, NULL),
                   CONNECTOR_SECRET_NOT_FOUND);
  FAULT(.kind = FAULT_CLOSE);
  assert_int_equal(vault.secrets.get(vault.secrets.user, REQUEST(.path = "none"), secret, NULL),
                   CONNECTOR_SECRET_UNAVAILABLE);
  connector_secret_free(secret);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    vault_test(a_secret_is_read_with_its_version),
    vault_test(an_older_version_is_read_by_its_number),
    vault_test(any_value_arrives_as_it_was_stored),
    vault_test(an_absent_secret_is_not_found),
    vault_test(a_deleted_version_is_deleted),
    vault_test(a_destroyed_version_is_deleted_and_says_so),
    vault_test(a_mount_that_is_not_there_is_a_wrong_path),
    vault_test(a_mount_may_have_several_segments),
    vault_test(each_segment_is_percent_encoded),
    vault_test(an_unclean_path_is_refused_unsent),
    vault_test(the_headers_say_who_asks),
    vault_test(an_address_may_have_a_path),
    vault_test(each_answer_has_its_status),
    vault_test(the_server_names_the_version_that_was_asked_for),
    vault_test(an_answer_longer_than_the_limit_is_too_large),
    vault_test(a_large_secret_within_the_limit_is_read),
    vault_test(an_empty_secret_is_one),
    vault_test(connections_are_used_again),
    vault_test(a_null_error_is_fine),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
