/*
 * The options of a store that concern secrets, who closes a resolver and when, and the figures of
 * memory for secrets.
 */
#include "secret_host.h"

static connector_options options_with(const connector_secrets *secrets)
{
  connector_options options = test_options();
  options.secrets = secrets;
  return options;
}

static void assert_refused(const connector_options *options, const char *field)
{
  connector_store *store = NULL;
  assert_invalid(connector_open(":memory:", options, &store, &failure), field);
  assert_null(store);
  assert_int_equal(host.closed, 0);
}

static void a_resolver_is_closed_once_with_its_store(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  host_reset();
  open_store(&options);
  assert_int_equal(host.closed, 0);
  close_store();
  assert_int_equal(host.closed, 1);
}

static void close_inside(const char *call)
{
  (void)call;
  connector_close(test.store);
  assert_int_equal(host.closed, 0);
}

static void a_resolver_that_closes_its_store_is_closed_after_the_call(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  connector_secret *secret = NULL;
  char id[ID_SIZE];
  host_reset();
  open_store(&options);
  make_id(PATCH(.vault_path = "secret/data/apps/mail"), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"token\":\"t\"}");
  host.before = close_inside;
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  test.store = NULL;
  assert_int_equal(host.closed, 1);
  assert_secret(secret, "{\"token\":\"t\"}");
  connector_secret_free(secret);
}

static void a_resolver_needs_no_close(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  host_reset();
  secrets.close = NULL;
  open_store(&options);
  close_store();
  assert_int_equal(host.closed, 0);
}

static void a_resolver_without_get_or_size_is_refused_and_not_closed(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  host_reset();
  secrets.get = NULL;
  assert_refused(&options, "secrets");
  secrets = host_secrets();
  secrets.size = 0;
  assert_refused(&options, "size");
  secrets.size = offsetof(connector_secrets, get); /* one that ends before it */
  assert_refused(&options, "secrets");
}

static void a_resolver_of_an_older_size_has_the_members_that_it_knew(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  char id[ID_SIZE];
  host_reset();
  secrets.size = offsetof(connector_secrets, put);
  open_store(&options);
  make_id(PATCH(.vault_path = "secret/data/apps/mail"), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"token\":\"t\"}");
  assert_reads(id, 0, "{\"token\":\"t\"}");
  assert_put(id, "{\"token\":\"u\"}", -1, CONNECTOR_SECRET_READ_ONLY);
  close_store();
  assert_int_equal(host.closed, 0);
}

static void an_open_that_fails_leaves_the_resolver_to_the_host(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  connector_store *store = NULL;
  host_reset();
  options.id_prefix = "NOT GOOD";
  assert_refused(&options, "id_prefix");
  options.id_prefix = NULL;
  options.must_exist = true;
  assert_int_not_equal(connector_open(test.path, &options, &store, &failure), CONNECTOR_OK);
  assert_null(store);
  options.must_exist = false;
  write_file(test.path, "this is no database, but text that is long enough", 49);
  assert_status(connector_open(test.path, &options, &store, &failure), CONNECTOR_CORRUPT);
  assert_int_equal(host.closed, 0);
  unlink(test.path);
  open_store(&options); /* it still serves */
  close_store();
  assert_int_equal(host.closed, 1);
}

static void a_bad_template_is_refused(void **state)
{
  static const char *const templates[] = {
    "",
    "secret/data",
    "secret/data/fixed",
    "secret/data/{tenant_id}",
    "secret/data/x-{connector_id}",
    "secret/data/{connector}",
    "secret/data/../{connector_id}",
    "secret//data/{connector_id}",
    "{connector_id}",
  };
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  (void)state;
  host_reset();
  for (size_t i = 0; i < COUNT_OF(templates); i++) {
    options.vault_path_template = templates[i];
    assert_refused(&options, "vault_path_template");
    options.secrets = i % 2 == 0 ? NULL : &secrets; /* it is checked without a resolver too */
  }
}

static void the_options_are_copied(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  char template[] = "kv/data/{connector_id}";
  char id[ID_SIZE];
  host_reset();
  options.vault_path_template = template;
  open_store(&options);
  memset(template, 'x', sizeof(template) - 1);
  memset(&secrets, 0, sizeof(secrets));
  make_id(PATCH(0), id);
  assert_int_equal(put_json(id, "{\"token\":\"t\"}"), 1);
  assert_text(host_last("put")->mount, "kv");
  assert_text(host_last("put")->path, id);
}

static connector_status look_at_stats(void *user, const void *bytes, size_t length,
                                      connector_error *error)
{
  connector_stats *stats = user;
  (void)bytes;
  (void)length;
  return connector_stats_get(test.store, stats, error);
}

static void the_figures_tell_how_much_memory_is_locked(void **state)
{
  (void)state;
  connector_stats stats = CONNECTOR_STATS_INIT;
  connector_secret *secret = secret_of("{\"token\":\"t\"}");
  assert_ok(connector_secret_use(secret, "token", look_at_stats, &stats, &failure));
  assert_true(stats.secret_bytes_locked >= 0 && stats.secret_bytes_unlocked >= 0);
  assert_true(stats.secret_bytes_locked + stats.secret_bytes_unlocked > 0);
  connector_secret_free(secret);
}

/* Either memory can be locked, and all of it is; or the failure is told. */
static void memory_that_must_be_locked_is_locked_or_refused(void **state)
{
  (void)state;
  connector_secrets secrets = host_secrets();
  connector_options options = options_with(&secrets);
  connector_secret *secret = NULL;
  connector_stats stats = CONNECTOR_STATS_INIT;
  host_reset();
  options.lock_secrets = true;
  connector_status status = connector_open(":memory:", &options, &test.store, &failure);
  if (status != CONNECTOR_OK) {
    assert_int_equal(status, CONNECTOR_NO_MEMORY);
    return;
  }
  status = connector_secret_new(test.store, &secret, &failure);
  if (status == CONNECTOR_OK)
    status = connector_secret_set(secret, "token", "t", 1, &failure);
  assert_true(status == CONNECTOR_OK || status == CONNECTOR_NO_MEMORY);
  assert_ok(connector_stats_get(test.store, &stats, &failure));
  assert_int_equal(stats.secret_bytes_unlocked, 0);
  connector_secret_free(secret);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(a_resolver_is_closed_once_with_its_store),
    folder_test(a_resolver_that_closes_its_store_is_closed_after_the_call),
    folder_test(a_resolver_needs_no_close),
    folder_test(a_resolver_without_get_or_size_is_refused_and_not_closed),
    folder_test(a_resolver_of_an_older_size_has_the_members_that_it_knew),
    folder_test(an_open_that_fails_leaves_the_resolver_to_the_host),
    folder_test(a_bad_template_is_refused),
    folder_test(the_options_are_copied),
    memory_test(the_figures_tell_how_much_memory_is_locked),
    folder_test(memory_that_must_be_locked_is_locked_or_refused),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
