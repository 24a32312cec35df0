/*
 * TLS: only a server whose certificate is good, for its host, of a trusted authority, is talked to.
 * And talk through a unix socket.
 */
#include "vault_support.h"

#include "certificates.h"

#include <sys/wait.h>

static struct {
  bool made;
  char trusted[600]; /* the authority's certificate */
  char *pem[3];      /* good, expired, of another host */
  char *key[3];
} tls;

enum { GOOD, EXPIRED, OTHER_HOST };

static char *text_of(const char *name, const char *end)
{
  char file[64];
  char path[600];
  size_t length = 0;
  snprintf(file, sizeof(file), "%s%s", name, end);
  return read_file(beside(path, file), &length);
}

static void make_certificates(void)
{
  static const char *const names[] = { "good", "expired", "other" };
  tls.made = make_authority("authority") && make_authority("stranger") &&
             make_server("good", "authority", "IP:127.0.0.1", "20991231235959Z") &&
             make_server("expired", "authority", "IP:127.0.0.1", "20200201000000Z") &&
             make_server("other", "authority", "DNS:vault.example", "20991231235959Z");
  for (int i = 0; tls.made && i < 3; i++) {
    tls.pem[i] = text_of(names[i], ".pem");
    tls.key[i] = text_of(names[i], ".key");
  }
  beside(tls.trusted, "authority.pem");
}

static int setup_tls(void **state)
{
  if (setup_memory(state) != 0)
    return -1;
  memset(&tls, 0, sizeof(tls));
  make_certificates();
  return 0;
}

static int teardown_tls(void **state)
{
  for (int i = 0; i < 3; i++) {
    free(tls.pem[i]);
    free(tls.key[i]);
  }
  return teardown_vault(state);
}

#define tls_test(name) cmocka_unit_test_setup_teardown(name, setup_tls, teardown_tls)

static void need_openssl(void)
{
  if (tls.made)
    return;
  fprintf(stderr, "SKIPPED: certificates need the openssl command, 1.1.1 or later\n");
  skip();
}

/* A server with that certificate, and a client that trusts the authority. */
static connector_vault_options start_tls(int which, const char *priorities)
{
  connector_vault_options options;
  need_openssl();
  vault.server = stand_in_start(&(struct stand_in_options){
      .certificate = tls.pem[which], .key = tls.key[which], .priorities = priorities });
  assert_non_null(vault.server);
  store_values("t/a", "x");
  options = vault_options();
  options.ca_file = tls.trusted;
  return options;
}

static void check_refused(const char *message)
{
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  assert_contains(failure.message, message);
  assert_int_equal(stand_in_counts(vault.server).requests, 0);
}

static void a_certificate_of_a_trusted_authority_is_good(void **state)
{
  (void)state;
  connector_vault_options options = start_tls(GOOD, NULL);
  open_vault(&options);
  check_token_at("t/a", "x");
  assert_ok(put(REQUEST(.path = "t/b"), VALUES, 0, NULL));
}

static void a_folder_of_authorities_is_as_good(void **state)
{
  (void)state;
  char folder[600];
  connector_vault_options options = start_tls(GOOD, NULL);
  assert_int_equal(mkdir(beside(folder, "trusted"), 0700), 0);
  assert_true(openssl("x509 -in authority.pem -out trusted/authority.pem") &&
              openssl("rehash trusted"));
  options.ca_file = NULL;
  options.ca_path = folder;
  open_vault(&options);
  check_token_at("t/a", "x");
}

static void an_unknown_authority_is_refused(void **state)
{
  (void)state;
  char path[600];
  connector_vault_options options = start_tls(GOOD, NULL);
  options.ca_file = beside(path, "stranger.pem");
  open_vault(&options);
  check_refused("certificate was refused");
  options.ca_file = NULL; /* the system's do not know it either */
  open_vault(&options);
  check_refused("certificate was refused");
}

static void an_expired_certificate_is_refused(void **state)
{
  (void)state;
  connector_vault_options options = start_tls(EXPIRED, NULL);
  open_vault(&options);
  check_refused("certificate was refused");
}

static void a_certificate_of_another_host_is_refused(void **state)
{
  (void)state;
  connector_vault_options options = start_tls(OTHER_HOST, NULL);
  open_vault(&options);
  check_refused("certificate was refused");
}

static void a_refused_certificate_is_not_tried_again_nor_covered_by_a_stale_value(void **state)
{
  (void)state;
  connector_vault_options options = start_tls(EXPIRED, NULL);
  options.cache_ttl_ms = 1;
  options.cache_stale_ms = 60000;
  open_vault(&options);
  check_refused("certificate was refused");
  assert_int_equal(stand_in_counts(vault.server).connections, 1);
}

static void tls_below_1_2_is_refused(void **state)
{
  (void)state;
  connector_vault_options options = start_tls(GOOD,
                                              "NORMAL:-VERS-ALL:+VERS-TLS1.1:+VERS-TLS1.0:%COMPAT");
  options.no_retries = true;
  open_vault(&options);
  check_refused("");
}

static void tls_1_2_alone_is_enough(void **state)
{
  (void)state;
  connector_vault_options options = start_tls(GOOD, "NORMAL:-VERS-ALL:+VERS-TLS1.2");
  open_vault(&options);
  check_token_at("t/a", "x");
}

static void certificates_that_can_not_be_read_are_told(void **state)
{
  (void)state;
  char path[600];
  connector_vault_options options = start_tls(GOOD, NULL);
  options.ca_file = beside(path, "none.pem");
  open_vault(&options);
  check_refused("files of certificates");
}

static void https_to_a_plain_server_is_unavailable(void **state)
{
  (void)state;
  char address[64];
  connector_vault_options options;
  vault.server = stand_in_start(NULL);
  options = vault_options();
  snprintf(address, sizeof(address), "https%s", strchr(stand_in_address(vault.server), ':'));
  options.address = address;
  options.no_retries = true;
  open_vault(&options);
  check_refused("");
}

static void a_child_that_closes_leaves_the_connection_to_the_parent(void **state)
{
  (void)state;
  pid_t child = 0;
  connector_vault_options options = start_tls(GOOD, NULL);
  open_vault(&options);
  check_token_at("t/a", "x");
  child = fork();
  if (child == 0) {
    vault.secrets.close(vault.secrets.user);
    _exit(0);
  }
  assert_int_equal(waitpid(child, NULL, 0), child);
  sleep_ms(50);
  check_token_at("t/a", "x");
  assert_int_equal(stand_in_counts(vault.server).connections, 1);
}

/* ---- a unix socket ---- */

static void a_unix_socket_is_talked_through(void **state)
{
  (void)state;
  char path[600];
  connector_vault_options options = CONNECTOR_VAULT_OPTIONS_INIT;
  vault.server = stand_in_start(&(struct stand_in_options){ .unix_socket = beside(path, "sock") });
  assert_non_null(vault.server);
  store_values("t/a", "x");
  options.unix_socket = path;
  options.token = ROOT_TOKEN;
  open_vault(&options);
  check_token_at("t/a", "x");
  options.address = "http://agent.example";
  open_vault(&options);
  check_token_at("t/a", "x");
}

static void a_unix_socket_that_is_not_there_is_unavailable(void **state)
{
  (void)state;
  char path[600];
  connector_vault_options options = CONNECTOR_VAULT_OPTIONS_INIT;
  options.unix_socket = beside(path, "none");
  options.token = ROOT_TOKEN;
  options.no_retries = true;
  open_vault(&options);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
}

/* So that what is refused is refused by the client, not by the system's own policy. */
static int allow_old_tls(void **state)
{
  static const char config[] = "openssl_conf=a\n[a]\nssl_conf=b\n[b]\nsystem_default=c\n"
                               "[c]\nMinProtocol=TLSv1\nCipherString=DEFAULT@SECLEVEL=0\n";
  static char path[] = "/tmp/connector-openssl-XXXXXX";
  int file = mkstemp(path);
  (void)state;
  if (file < 0 || write(file, config, strlen(config)) != (ssize_t)strlen(config))
    return -1;
  close(file);
  setenv("OPENSSL_CONF", path, 1);
  return 0;
}

static int forget_policy(void **state)
{
  (void)state;
  return unlink(getenv("OPENSSL_CONF"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    tls_test(a_certificate_of_a_trusted_authority_is_good),
    tls_test(a_folder_of_authorities_is_as_good),
    tls_test(an_unknown_authority_is_refused),
    tls_test(an_expired_certificate_is_refused),
    tls_test(a_certificate_of_another_host_is_refused),
    tls_test(a_refused_certificate_is_not_tried_again_nor_covered_by_a_stale_value),
    tls_test(tls_below_1_2_is_refused),
    tls_test(tls_1_2_alone_is_enough),
    tls_test(certificates_that_can_not_be_read_are_told),
    tls_test(https_to_a_plain_server_is_unavailable),
    tls_test(a_child_that_closes_leaves_the_connection_to_the_parent),
    tls_test(a_unix_socket_is_talked_through),
    tls_test(a_unix_socket_that_is_not_there_is_unavailable),
  };
  return cmocka_run_group_tests(tests, allow_old_tls, forget_policy);
}
