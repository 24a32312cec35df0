/*
 * Nothing leaks: canary values, and the paths that errors and logs must not repeat, are looked for
 * in everything that a store gives out, with the host's resolver and with the sealed vault.
 */
#include "secret_host.h"
#include "stream.h"

#define CANARY "CANARY-5fd2e1"
#define SECRET "{\"token\":\"" CANARY "\",\"refresh\":\"" CANARY "\"}"
#define PATH "secret/data/hidden-place/of-it"

/* Everything that the store logged or told of changes. */
static char heard[65536];

static void hear(const char *text)
{
  if (text != NULL)
    strncat(heard, text, sizeof(heard) - strlen(heard) - 1);
}

static void keep_log(void *user, connector_log_level level, const char *message)
{
  (void)user;
  (void)level;
  assert_lacks(message, "hidden-place");
  hear(message);
}

static void keep_change(void *user, const connector_change *change)
{
  (void)user;
  hear(change->forward);
  hear(change->back);
  hear(change->reason);
}

static int open_told(bool sealed)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  heard[0] = '\0';
  host_reset();
  options.log = keep_log;
  options.on_change = keep_change;
  if (sealed)
    return open_sealed(test.path, &options, test_root_key, &test.store) == CONNECTOR_OK ? 0 : -1;
  options.secrets = &secrets;
  return connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

static int setup_told(void **state)
{
  return setup_folder(state) != 0 ? -1 : open_told(false);
}

static int setup_told_sealed(void **state)
{
  return setup_folder(state) != 0 ? -1 : open_told(true);
}

static void assert_no_canary_in(const connector_changes *changes)
{
  for (size_t i = 0; i < connector_changes_count(changes); i++) {
    char *json = NULL;
    assert_ok(connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &failure));
    assert_lacks(json, CANARY);
    connector_string_free(json);
  }
}

/* Asks for all that can be had of a record, and of all records. */
static void assert_nothing_leaks(const char *id)
{
  struct sink sink = { 0 };
  connector_changes *changes = NULL;
  connector *record = fetch(id);
  char *json = NULL;
  assert_ok(connector_to_json(record, 0, &json, NULL, &failure));
  assert_lacks(json, CANARY);
  connector_string_free(json);
  connector_free(record);
  connector_page *page = list_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
  for (size_t i = 0; i < connector_page_count(page); i++) {
    assert_ok(connector_to_json(connector_page_at(page, i), 0, &json, NULL, &failure));
    assert_lacks(json, CANARY);
    connector_string_free(json);
  }
  connector_page_free(page);
  assert_int_equal(count_of(QUERY(.search = CANARY)), 0);
  assert_ok(connector_export(test.store, QUERY(.deleted = CONNECTOR_DELETED_INCLUDE), sink_write,
                             NULL, &sink, &failure));
  assert_lacks(sink.text, CANARY);
  free(sink.text);
  assert_ok(connector_history(test.store, id, 0, 0, &changes, &failure));
  assert_true(connector_changes_count(changes) > 1);
  assert_no_canary_in(changes);
  connector_changes_free(changes);
  assert_ok(connector_changes_after(test.store, 0, 0, &changes, &failure));
  assert_true(connector_changes_count(changes) > 1);
  assert_no_canary_in(changes);
  connector_changes_free(changes);
  assert_lacks(heard, CANARY);
}

/* The call fails, and says nothing of the value or the path. */
static void check_failing(connector_status status)
{
  assert_int_not_equal(status, CONNECTOR_OK);
  assert_int_equal(failure.status, status);
  assert_lacks(failure.message, CANARY);
  assert_lacks(failure.field, CANARY);
  assert_lacks(failure.message, "hidden-place");
  assert_lacks(failure.field, "hidden-place");
}

static connector_status refuse_use(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  (void)user;
  (void)bytes;
  (void)length;
  (void)error;
  return CONNECTOR_CANCELLED;
}

static void fail_in_every_way(const char *id)
{
  connector_secret *secret = NULL;
  connector_secret *bad = secret_of("{\"a\":\"b\"}");
  check_failing(try_put(id, SECRET, 77, NULL));
  check_failing(try_put(id, SECRET, 0, NULL));
  check_failing(connector_secret_get(test.store, id, 77, &secret, &failure));
  check_failing(connector_secret_delete(test.store, id, 77, &failure));
  check_failing(connector_secret_restore(test.store, id, 77, &failure));
  check_failing(connector_secret_set_json(bad, "{\"t\":\"" CANARY "\"", 20, &failure));
  check_failing(connector_secret_set_json(bad, "{\"t\":\"" CANARY "\",\"t\":1}", 28, &failure));
  check_failing(connector_secret_set(bad, "\n", CANARY, strlen(CANARY), &failure));
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  check_failing(connector_secret_use(secret, "absent", refuse_use, NULL, &failure));
  check_failing(connector_secret_use(secret, "token", refuse_use, NULL, &failure));
  connector_secret_free(secret);
  connector_secret_free(bad);
  become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
  check_failing(connector_secret_get(test.store, id, 0, &secret, &failure));
  check_failing(try_put(id, SECRET, -1, NULL));
  assert_ok(connector_create(test.store, PATCH(.vault_path = PATH), NULL, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
}

static void nothing_shows_what_a_secret_holds(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = PATH, .name = "mail"), id);
  put_json(id, SECRET);
  put_json(id, SECRET);
  fail_in_every_way(id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "post"), NULL, &failure));
  assert_ok(connector_secret_delete(test.store, id, 1, &failure));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_nothing_leaks(id);
  assert_true(strlen(heard) > 0);
}

static void list_get_export_and_feed_ask_no_resolver(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  put_json(id, SECRET);
  host.asked = 0;
  assert_nothing_leaks(id);
  assert_int_equal(host.asked, 0);
}

static void another_tenant_gets_nothing_of_it(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char other[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  put_json(id, SECRET);
  become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
  make_id(PATCH(.vault_path = PATH), other);
  assert_unread(other, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_put(other, "{\"mine\":\"1\"}", -1, CONNECTOR_OK);
  assert_reads(other, 0, "{\"mine\":\"1\"}");
  assert_nothing_leaks(other);
}

#define told_test(name) cmocka_unit_test_setup_teardown(name, setup_told, teardown)
#define told_sealed_test(test_name)                                                                \
  {                                                                                                \
#test_name "_when_sealed", test_name, setup_told_sealed, teardown, NULL                        \
  }

int main(void)
{
  const struct CMUnitTest tests[] = {
    told_test(nothing_shows_what_a_secret_holds),
    told_test(list_get_export_and_feed_ask_no_resolver),
    told_test(another_tenant_gets_nothing_of_it),
    told_sealed_test(nothing_shows_what_a_secret_holds),
    told_sealed_test(another_tenant_gets_nothing_of_it),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
