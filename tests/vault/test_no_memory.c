/*
 * Calls without memory: each allocation of the calling thread, curl's among them, fails in turn,
 * once or from then on. The call says so or succeeds, and the same call then works.
 */
#include "vault_support.h"

#define FAILS_ONE_THREAD /* the stand-in has threads of its own, which are left in peace */
#include "failing_heap.h"

/* ---- scenarios ---- */

struct scenario {
  void (*prepare)(void);
  connector_status (*run)(connector_secret *secret);
  void (*verify)(connector_secret *secret); /* after it succeeded */
};

static connector_vault_options base;

static void open_plain(void)
{
  open_vault(&base);
}

static void open_and_connect(void)
{
  open_vault(&base);
  assert_ok(get(REQUEST(.path = "t/a"), NULL));
}

static connector_status run_get(connector_secret *secret)
{
  return vault.secrets.get(vault.secrets.user, REQUEST(.path = "t/a"), secret, &failure);
}

static void verify_get(connector_secret *secret)
{
  check_value(secret, "token", "x");
}

static void open_for_writing(void)
{
  open_plain();
  assert_ok(vault.secrets.destroy(vault.secrets.user, REQUEST(.path = "t/b"), &failure));
}

static connector_status run_put(connector_secret *secret)
{
  (void)secret;
  return vault.secrets.put(vault.secrets.user, REQUEST(.path = "t/b"), secret, -1, NULL, &failure);
}

static void verify_put(connector_secret *secret)
{
  (void)secret;
  check_token_at("t/b", "s3cret-CANARY");
}

static connector_status take_nothing(void *user, const connector_secret_version_info *info,
                                     connector_error *error)
{
  (void)user;
  (void)info;
  (void)error;
  return CONNECTOR_OK;
}

static connector_status run_versions(connector_secret *secret)
{
  (void)secret;
  return vault.secrets.versions(vault.secrets.user, REQUEST(.path = "t/a"), take_nothing, NULL,
                                &failure);
}

static void verify_nothing(connector_secret *secret)
{
  (void)secret;
}

static connector_status run_open(connector_secret *secret)
{
  connector_secrets made = CONNECTOR_SECRETS_INIT;
  connector_status status = connector_secrets_vault(&base, &made, &failure);
  (void)secret;
  if (status == CONNECTOR_OK)
    made.close(made.user);
  return status;
}

/* ---- trials ---- */

/* curl and its TLS library tell the want of memory in words of their own now and then. */
static bool is_documented(connector_status status)
{
  return status == CONNECTOR_OK || status == CONNECTOR_NO_MEMORY ||
         status == CONNECTOR_SECRET_UNAVAILABLE || status == CONNECTOR_SECRET_AMBIGUOUS ||
         status == CONNECTOR_SECRET_TIMEOUT;
}

static bool try_one(const struct scenario *scenario, long at, bool from_then_on)
{
  connector_status status = CONNECTOR_OK;
  connector_secret *secret = NULL;
  bool injected = false;
  scenario->prepare();
  secret = scenario->run == run_put ? secret_of(VALUES) : new_secret();
  fail_heap(at, from_then_on);
  status = scenario->run(secret);
  heap.armed = false;
  injected = heap.calls >= at;
  if (!is_documented(status) || failure.status != status || (!injected && status != CONNECTOR_OK))
    fail_msg("allocation %ld%s: %s, %s", at, from_then_on ? " and all after it" : "",
             connector_status_name(status), failure.message);
  if (status != CONNECTOR_OK)
    assert_ok(scenario->run(secret));
  scenario->verify(secret);
  connector_secret_free(secret);
  close_vault();
  return injected;
}

static void try_all(const struct scenario *scenario)
{
  long tried = 0;
  long step = 1;
  if (!INTERPOSED) {
    fprintf(stderr, "SKIPPED: allocations can't be made to fail in this build\n");
    skip();
  }
  for (long at = 1; try_one(scenario, at, false); at += step, tried++)
    step = 1 + at / 200; /* a TLS handshake has thousands */
  for (long at = 1; try_one(scenario, at, true); at += step)
    step = 1 + at / 200;
  print_figure("%ld allocations failed in turn", tried);
  assert_true(tried > 2);
}

static int setup_base(void **state)
{
  if (setup_vault(state) != 0)
    return -1;
  store_values("t/a", "x");
  base = vault_options();
  base.log = NULL;
  base.retry_min_ms = 1;
  base.retry_max_ms = 1;
  return 0;
}

#define memory_test_of(name) cmocka_unit_test_setup_teardown(name, setup_base, teardown_vault)

static void opening_without_memory(void **state)
{
  (void)state;
  base.cache_ttl_ms = 60000;
  try_all(&(struct scenario){ open_plain, run_open, verify_nothing });
}

static void a_first_read_without_memory(void **state)
{
  (void)state;
  try_all(&(struct scenario){ open_plain, run_get, verify_get });
}

static void a_later_read_without_memory(void **state)
{
  (void)state;
  try_all(&(struct scenario){ open_and_connect, run_get, verify_get });
}

static void a_cached_read_without_memory(void **state)
{
  (void)state;
  base.cache_ttl_ms = 60000;
  try_all(&(struct scenario){ open_plain, run_get, verify_get });
}

static void a_login_without_memory(void **state)
{
  (void)state;
  base.token = NULL;
  base.auth = CONNECTOR_VAULT_AUTH_APPROLE;
  base.role_id = ROLE_ID;
  base.secret_id = SECRET_ID;
  try_all(&(struct scenario){ open_plain, run_get, verify_get });
}

static void a_write_without_memory(void **state)
{
  (void)state;
  try_all(&(struct scenario){ open_for_writing, run_put, verify_put });
}

static void a_list_without_memory(void **state)
{
  (void)state;
  try_all(&(struct scenario){ open_plain, run_versions, verify_nothing });
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test_of(opening_without_memory),      memory_test_of(a_first_read_without_memory),
    memory_test_of(a_later_read_without_memory), memory_test_of(a_cached_read_without_memory),
    memory_test_of(a_login_without_memory),      memory_test_of(a_write_without_memory),
    memory_test_of(a_list_without_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
