/*
 * The same meaning against the real thing: `bao` or `vault`, in development mode, where one is on
 * PATH. Else all of it is skipped, loudly.
 */
#include "vault_support.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define SERVER_TOKEN "test-root-token-CANARY"

static struct {
  const char *program;
  pid_t process;
  char address[64];
} server;

static bool is_here(const char *program)
{
  char command[64];
  snprintf(command, sizeof(command), "command -v %s >/dev/null 2>&1", program);
  return system(command) == 0;
}

/* Free a moment ago: the server can't be told to let the kernel pick. */
static int free_port(void)
{
  struct sockaddr_in name = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
  socklen_t size = sizeof(name);
  int probe = socket(AF_INET, SOCK_STREAM, 0);
  int port = 0;
  if (bind(probe, (struct sockaddr *)&name, sizeof(name)) == 0 &&
      getsockname(probe, (struct sockaddr *)&name, &size) == 0)
    port = ntohs(name.sin_port);
  close(probe);
  return port;
}

static void run_server(const char *listen)
{
  int null = open("/dev/null", O_RDWR);
  dup2(null, 0);
  dup2(null, 1);
  dup2(null, 2);
  setenv("HOME", test.folder, 1);
  execlp(server.program, server.program, "server", "-dev", "-dev-no-store-token",
         "-dev-root-token-id=" SERVER_TOKEN, listen, (char *)NULL);
  _exit(127);
}

static connector_vault_options server_options(void)
{
  connector_vault_options options = CONNECTOR_VAULT_OPTIONS_INIT;
  options.address = server.address;
  options.token = SERVER_TOKEN;
  return options;
}

static bool wait_for_server(void)
{
  for (int i = 0; i < 100; i++) {
    connector_status status = get(REQUEST(.path = "none", .timeout_ms = 1000), NULL);
    if (status == CONNECTOR_SECRET_NOT_FOUND)
      return true;
    sleep_ms(100);
  }
  return false;
}

static int setup_server(void **state)
{
  char listen[64];
  int port = 0;
  connector_vault_options options;
  if (setup_memory(state) != 0)
    return -1;
  memset(&server, 0, sizeof(server));
  server.program = is_here("bao") ? "bao" : is_here("vault") ? "vault" : NULL;
  if (server.program == NULL)
    return 0;
  port = free_port();
  snprintf(listen, sizeof(listen), "-dev-listen-address=127.0.0.1:%d", port);
  snprintf(server.address, sizeof(server.address), "http://127.0.0.1:%d", port);
  server.process = fork();
  if (server.process == 0)
    run_server(listen);
  options = server_options();
  open_vault(&options);
  return wait_for_server() ? 0 : -1;
}

static int teardown_server(void **state)
{
  close_store();
  close_vault();
  if (server.process > 0) {
    kill(server.process, SIGTERM);
    waitpid(server.process, NULL, 0);
  }
  return teardown(state);
}

static void need_server(void)
{
  if (server.program != NULL)
    return;
  fprintf(stderr, "SKIPPED: no bao or vault on PATH: only the stand-in was tested against\n");
  skip();
}

#define server_test(name) cmocka_unit_test_setup_teardown(name, setup_server, teardown_server)

static void a_real_vault_stores_and_reads(void **state)
{
  (void)state;
  int64_t version = 0;
  need_server();
  assert_ok(
      put(REQUEST(.path = "a b/c"), "{\"token\":\"<\\u00e9&\\\"\\n>\",\"n\":\"1\"}", 0, &version));
  assert_int_equal(version, 1);
  check_token_at("a b/c", "<\xc3\xa9&\"\n>");
  assert_status(put(REQUEST(.path = "a b/c"), VALUES, 0, NULL), CONNECTOR_SECRET_CONFLICT);
  assert_ok(put(REQUEST(.path = "a b/c"), VALUES, -1, &version));
  assert_int_equal(version, 2);
}

static void a_real_vault_has_three_faces_of_404(void **state)
{
  (void)state;
  need_server();
  assert_status(get(REQUEST(.path = "none"), NULL), CONNECTOR_SECRET_NOT_FOUND);
  assert_status(get(REQUEST_AT(.mount = "nowhere", .path = "x"), NULL), CONNECTOR_SECRET_PATH);
  assert_ok(put(REQUEST(.path = "x"), VALUES, 0, NULL));
  assert_ok(vault.secrets.remove(vault.secrets.user, REQUEST(.path = "x"), &failure));
  assert_status(get(REQUEST(.path = "x"), NULL), CONNECTOR_SECRET_DELETED);
  assert_ok(vault.secrets.restore(vault.secrets.user, REQUEST(.path = "x"), &failure));
  assert_ok(get(REQUEST(.path = "x"), NULL));
  assert_ok(vault.secrets.destroy(vault.secrets.user, REQUEST(.path = "x"), &failure));
  assert_status(get(REQUEST(.path = "x"), NULL), CONNECTOR_SECRET_NOT_FOUND);
  assert_ok(vault.secrets.destroy(vault.secrets.user, REQUEST(.path = "x"), &failure));
}

static connector_status count_version(void *user, const connector_secret_version_info *info,
                                      connector_error *error)
{
  int64_t *last = user;
  (void)error;
  assert_int_equal(info->version, *last + 1);
  assert_true(info->created_at > 0);
  *last = info->version;
  return CONNECTOR_OK;
}

static void a_real_vault_destroys_one_version(void **state)
{
  (void)state;
  connector_secret *secret = NULL;
  need_server();
  assert_ok(put(REQUEST(.path = "d"), VALUES, 0, NULL));
  assert_ok(put(REQUEST(.path = "d"), VALUES, 1, NULL));
  assert_ok(
      vault.secrets.destroy(vault.secrets.user, REQUEST(.path = "d", .version = 2), &failure));
  assert_ok(
      vault.secrets.destroy(vault.secrets.user, REQUEST(.path = "d", .version = 7), &failure));
  secret = new_secret();
  assert_status(get(REQUEST(.path = "d"), secret), CONNECTOR_SECRET_DELETED);
  assert_int_equal(connector_secret_version(secret), 2);
  assert_status(vault.secrets.restore(vault.secrets.user, REQUEST(.path = "d"), &failure),
                CONNECTOR_SECRET_DELETED);
  assert_ok(get(REQUEST(.path = "d", .version = 1), secret));
  assert_ok(put(REQUEST(.path = "d"), VALUES, 2, NULL));
  connector_secret_free(secret);
}

static void a_real_vault_behind_a_store(void **state)
{
  (void)state;
  connector_options options = test_options();
  connector_vault_options client = server_options();
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector_secret *secret = NULL;
  connector *record = NULL;
  int64_t version = 0;
  need_server();
  client.cache_ttl_ms = 60000;
  open_vault(&client);
  options.secrets = &vault.secrets;
  open_store(&options);
  vault.secrets = (connector_secrets)CONNECTOR_SECRETS_INIT; /* the store's by now */
  patch.name = "Jira";
  assert_ok(connector_create(test.store, &patch, &record, &failure));
  secret = secret_of(VALUES);
  assert_ok(connector_secret_put(test.store, record->id, secret, -1, &version, &failure));
  connector_secret_free(secret);
  secret = secret_of("{\"token\":\"rotated\"}");
  assert_ok(connector_secret_put(test.store, record->id, secret, version, &version, &failure));
  assert_int_equal(version, 2);
  connector_secret_free(secret);
  assert_ok(connector_secret_get(test.store, record->id, 0, &secret, &failure));
  check_value(secret, "token", "rotated");
  check_value(secret, "username", "ann");
  connector_secret_free(secret);
  connector_free(record);
}

static void a_real_vault_lists_its_versions(void **state)
{
  (void)state;
  int64_t last = 0;
  need_server();
  for (int64_t i = 0; i < 10; i++)
    assert_ok(put(REQUEST(.path = "v"), VALUES, i, NULL));
  assert_ok(vault.secrets.versions(vault.secrets.user, REQUEST(.path = "v"), count_version, &last,
                                   &failure));
  assert_int_equal(last, 10);
}

static void a_real_vault_refuses_a_token(void **state)
{
  (void)state;
  connector_vault_options options = server_options();
  need_server();
  options.token = "wrong";
  open_vault(&options);
  assert_status(get(REQUEST(.path = "x"), NULL), CONNECTOR_SECRET_DENIED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    server_test(a_real_vault_stores_and_reads),
    server_test(a_real_vault_has_three_faces_of_404),
    server_test(a_real_vault_destroys_one_version),
    server_test(a_real_vault_behind_a_store),
    server_test(a_real_vault_lists_its_versions),
    server_test(a_real_vault_refuses_a_token),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
