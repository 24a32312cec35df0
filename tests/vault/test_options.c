/*
 * What may be asked for, and what is refused before anything is sent.
 */
#include "vault_support.h"

static connector_vault_options plain_options(void)
{
  connector_vault_options options = CONNECTOR_VAULT_OPTIONS_INIT;
  options.address = "https://127.0.0.1:1";
  options.token = "t";
  return options;
}

static void check_invalid(const connector_vault_options *options, const char *field)
{
  connector_secrets out = CONNECTOR_SECRETS_INIT;
  assert_invalid(connector_secrets_vault(options, &out, &failure), field);
  assert_null(out.get); /* written on success only */
}

static void check_valid(const connector_vault_options *options)
{
  open_vault(options);
  assert_int_equal(vault.secrets.size, sizeof(connector_secrets));
  close_vault();
}

static void an_address_and_a_token_are_enough(void **state)
{
  (void)state;
  connector_vault_options options = plain_options();
  connector_secrets *out = &vault.secrets;
  open_vault(&options);
  assert_true(out->get && out->put && out->destroy && out->remove && out->restore &&
              out->versions && out->invalidate && out->close);
}

static void nothing_at_all_is_invalid(void **state)
{
  (void)state;
  connector_vault_options options = plain_options();
  check_invalid(NULL, "options");
  options.size = 0;
  check_invalid(&options, "size");
  options = plain_options();
  assert_invalid(connector_secrets_vault(&options, NULL, &failure), "out");
  assert_int_equal(connector_secrets_vault(NULL, &vault.secrets, NULL), CONNECTOR_INVALID);
}

static void the_resolver_is_written_as_far_as_its_struct_reaches(void **state)
{
  (void)state;
  connector_vault_options options = plain_options();
  struct {
    connector_secrets secrets;
    char more[16];
  } newer = { .secrets = CONNECTOR_SECRETS_INIT };
  assert_ok(connector_secrets_vault(&options, &newer.secrets, &failure));
  newer.secrets.close(newer.secrets.user);
  newer = (__typeof__(newer)){ .secrets = { .size = sizeof(newer) } };
  memset(newer.more, 0x5a, sizeof(newer.more));
  assert_ok(connector_secrets_vault(&options, &newer.secrets, &failure));
  assert_int_equal(newer.secrets.size, sizeof(newer));
  for (size_t i = 0; i < sizeof(newer.more); i++)
    assert_int_equal(newer.more[i], 0x5a);
  newer.secrets.close(newer.secrets.user);
}

static void a_resolver_without_its_size_is_invalid(void **state)
{
  (void)state;
  static const size_t wrong[] = { 0, 8, sizeof(connector_secrets) - 1, 1 << 20 };
  connector_vault_options options = plain_options();
  connector_secrets out = CONNECTOR_SECRETS_INIT;
  for (size_t i = 0; i < COUNT_OF(wrong); i++) {
    out.size = wrong[i];
    assert_invalid(connector_secrets_vault(&options, &out, &failure), "size");
    assert_null(out.get);
  }
}

static void a_newer_and_longer_struct_is_taken_where_it_asks_for_nothing_new(void **state)
{
  (void)state;
  struct {
    connector_vault_options options;
    char more[16];
  } newer = { .options = plain_options() };
  newer.options.size = sizeof(newer);
  check_valid(&newer.options);
  newer.more[3] = 1;
  check_invalid(&newer.options, "size");
}

static const struct {
  const char *address;
  bool allow_http;
  bool valid;
} addresses[] = {
  { "https://vault.example", false, true },
  { "https://vault.example:8200/", false, true },
  { "https://vault.example/behind/a/path//", false, true },
  { "HTTPS://vault.example", false, true },
  { "https://[2001:db8::1]:8200", false, true },
  { "http://127.0.0.1:8200", false, true },
  { "http://127.8.9.10", false, true },
  { "http://localhost:8200", false, true },
  { "http://LOCALHOST", false, true },
  { "http://[::1]:8200", false, true },
  { "http://vault.example", true, true },
  { NULL, false, false },
  { "", false, false },
  { "http://vault.example", false, false },
  { "http://localhost.example", false, false },
  { "http://127.0.0.1.example", false, false },
  { "http://128.0.0.1", false, false },
  { "http://[::2]", false, false },
  { "http://[::ffff:10.0.0.1]", false, false },
  { "http://0.0.0.0", false, false },
  { "http://127.0.0.1@vault.example", false, false },
  { "https://user@vault.example", false, false },
  { "https://user:password@vault.example", false, false },
  { "https://vault.example?x=1", false, false },
  { "https://vault.example#x", false, false },
  { "ftp://127.0.0.1", true, false },
  { "file:///etc/passwd", true, false },
  { "vault.example", true, false },
  { "https://", true, false },
  { "https://a b", true, false },
  { "https://a\nb", true, false },
};

static void http_is_for_this_machine_unless_allowed(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(addresses); i++) {
    connector_vault_options options = plain_options();
    options.address = addresses[i].address;
    options.allow_http = addresses[i].allow_http;
    if (addresses[i].valid)
      check_valid(&options);
    else
      check_invalid(&options, "address");
  }
}

static void each_method_needs_its_credentials(void **state)
{
  (void)state;
  connector_vault_options options = plain_options();
  options.token = NULL;
  check_invalid(&options, "token");
  options.token = "t";
  options.token_file = "f";
  check_invalid(&options, "token");
  options = plain_options();
  options.auth = CONNECTOR_VAULT_AUTH_APPROLE;
  check_invalid(&options, "role_id");
  options.role_id = "r";
  check_invalid(&options, "secret_id");
  options.secret_id = "s";
  options.secret_id_file = "f";
  check_invalid(&options, "secret_id");
  options.secret_id_file = NULL;
  check_valid(&options);
  options.auth = CONNECTOR_VAULT_AUTH_KUBERNETES;
  check_invalid(&options, "role");
  options.role = "r";
  check_valid(&options);
  options.auth = (connector_vault_auth)3;
  check_invalid(&options, "auth");
  options.auth = (connector_vault_auth)-1;
  check_invalid(&options, "auth");
}

static void texts_that_could_break_a_header_are_refused(void **state)
{
  (void)state;
  static const char *const bad[] = { "", "a\r\nX-Evil: 1", "a\nb", "a\x7f" };
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    connector_vault_options options = plain_options();
    options.token = bad[i];
    check_invalid(&options, "token");
    options = plain_options();
    options.vault_namespace = bad[i];
    check_invalid(&options, "vault_namespace");
    options = plain_options();
    options.auth_mount = bad[i];
    check_invalid(&options, "auth_mount");
    options = plain_options();
    options.ca_file = bad[i];
    check_invalid(&options, "ca_file");
    options.ca_file = NULL;
    options.ca_path = bad[i];
    check_invalid(&options, "ca_path");
    options.ca_path = NULL;
    options.unix_socket = bad[i];
    check_invalid(&options, "unix_socket");
    options = plain_options();
    options.auth = CONNECTOR_VAULT_AUTH_APPROLE;
    options.role_id = bad[i];
    options.secret_id = "s";
    check_invalid(&options, "role_id");
    options.role_id = "r";
    options.secret_id = bad[i];
    check_invalid(&options, "secret_id");
  }
}

static void a_text_that_is_too_long_is_refused(void **state)
{
  (void)state;
  static char text[8300];
  connector_vault_options options = plain_options();
  memset(text, 'a', 8193);
  options.token = text;
  check_invalid(&options, "token");
  text[8192] = '\0';
  check_valid(&options);
  options.token = "t";
  options.vault_namespace = text;
  check_invalid(&options, "vault_namespace");
}

static void numbers_have_limits(void **state)
{
  (void)state;
  connector_vault_options options = plain_options();
  options.cache_ttl_ms = 300001;
  check_invalid(&options, "cache_ttl_ms");
  options.cache_ttl_ms = 300000;
  options.cache_stale_ms = 1;
  check_valid(&options);
  options.cache_ttl_ms = 0;
  check_invalid(&options, "cache_stale_ms");
  options = plain_options();
  options.max_response_bytes = (1u << 26) + 1;
  check_invalid(&options, "max_response_bytes");
  options.max_response_bytes = 1u << 26;
  check_valid(&options);
  options.retry_min_ms = 3000;
  check_invalid(&options, "retry_min_ms");
  options.retry_max_ms = 3000;
  check_valid(&options);
}

static void options_are_copied(void **state)
{
  (void)state;
  char address[64];
  char token[64] = ROOT_TOKEN;
  connector_vault_options options = vault_options();
  snprintf(address, sizeof(address), "%s", stand_in_address(vault.server));
  options.address = address;
  options.token = token;
  open_vault(&options);
  memset(address, 'x', sizeof(address));
  memset(token, 'x', sizeof(token));
  memset(&options, 0x5a, sizeof(options));
  store_values("t/a", "x");
  check_token_at("t/a", "x");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    vault_test(an_address_and_a_token_are_enough),
    vault_test(nothing_at_all_is_invalid),
    vault_test(the_resolver_is_written_as_far_as_its_struct_reaches),
    vault_test(a_resolver_without_its_size_is_invalid),
    vault_test(a_newer_and_longer_struct_is_taken_where_it_asks_for_nothing_new),
    vault_test(http_is_for_this_machine_unless_allowed),
    vault_test(each_method_needs_its_credentials),
    vault_test(texts_that_could_break_a_header_are_refused),
    vault_test(a_text_that_is_too_long_is_refused),
    vault_test(numbers_have_limits),
    vault_test(options_are_copied),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
