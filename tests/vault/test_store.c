/*
 * A vault behind a store: what connector_secret_get() and its neighbours make of it.
 */
#include "vault_support.h"

static char id[64];

static int reads(void)
{
  return stand_in_counts(vault.server).reads;
}

/* The path of the record's secret, below the mount. */
static const char *path(void)
{
  static char text[256];
  connector *record = NULL;
  assert_ok(connector_get(test.store, id, 0, &record, &failure));
  assert_non_null(record->vault_path);
  assert_int_equal(strncmp(record->vault_path, "secret/data/", 12), 0);
  snprintf(text, sizeof(text), "%s", record->vault_path + 12);
  connector_free(record);
  return text;
}

static connector_status put_token(const char *token, int64_t expected, int64_t *version)
{
  connector_secret *secret = new_secret();
  connector_status status = CONNECTOR_OK;
  assert_ok(connector_secret_set(secret, "token", token, strlen(token), &failure));
  status = connector_secret_put(test.store, id, secret, expected, version, &failure);
  connector_secret_free(secret);
  return status;
}

static void check_token(const char *wanted)
{
  connector_secret *secret = NULL;
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  check_value(secret, "token", wanted);
  assert_false(connector_secret_is_stale(secret));
  connector_secret_free(secret);
}

static connector_status read_status(int64_t version)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_get(test.store, id, version, &secret, &failure);
  connector_secret_free(secret);
  return status;
}

/* A store on the vault, with a cache, a record, and the token "one" as version 1. */
static int setup_stored(void **state)
{
  connector_vault_options options;
  connector_options store_options = test_options();
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;
  if (setup_vault(state) != 0)
    return -1;
  options = vault_options();
  options.cache_ttl_ms = 300000;
  open_vault(&options);
  store_options.secrets = &vault.secrets;
  open_store(&store_options);
  vault.secrets = (connector_secrets)CONNECTOR_SECRETS_INIT; /* the store's by now */
  patch.name = "Jira";
  assert_ok(connector_create(test.store, &patch, &record, &failure));
  snprintf(id, sizeof(id), "%s", record->id);
  connector_free(record);
  assert_ok(put_token("one", 0, NULL));
  return 0;
}

/* The store first: its resolver's connections are to the server. */
static int teardown_stored(void **state)
{
  close_store();
  return teardown_vault(state);
}

#define stored_test(name) cmocka_unit_test_setup_teardown(name, setup_stored, teardown_stored)

static void a_secret_is_read_once_and_then_copied(void **state)
{
  (void)state;
  int before = reads();
  for (int i = 0; i < 10; i++)
    check_token("one");
  assert_int_equal(reads(), before + 1);
}

static void what_a_host_does_to_its_copy_stays_there(void **state)
{
  (void)state;
  connector_secret *secret = NULL;
  check_token("one");
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  assert_ok(connector_secret_set(secret, "token", "mine", 4, &failure));
  check_token("one");
  connector_secret_free(secret);
}

static void a_cached_secret_outlives_its_store(void **state)
{
  (void)state;
  connector_secret *secret = NULL;
  check_token("one");
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  close_store();
  check_value(secret, "token", "one");
  connector_secret_free(secret);
}

static void put_merges_with_what_the_server_has_and_not_the_cache(void **state)
{
  (void)state;
  connector_secret *secret = NULL;
  int64_t version = 0;
  check_token("one");
  stand_in_store(vault.server, "secret", path(),
                 "{\"token\":\"theirs\",\"refresh_token\":\"new\"}");
  assert_ok(put_token("three", -1, &version));
  assert_int_equal(version, 3);
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  check_value(secret, "token", "three");
  check_value(secret, "refresh_token", "new");
  connector_secret_free(secret);
}

static void an_old_version_is_a_conflict_whatever_is_cached(void **state)
{
  (void)state;
  check_token("one");
  stand_in_store(vault.server, "secret", path(), "{\"token\":\"theirs\"}");
  assert_status(put_token("mine", 1, NULL), CONNECTOR_SECRET_CONFLICT);
  check_token("theirs");
}

static void another_process_that_rotates_is_seen_by_the_record(void **state)
{
  (void)state;
  connector_options options = test_options();
  connector_vault_options server = vault_options();
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_store *mine = test.store;
  check_token("one");
  assert_ok(connector_secrets_vault(&server, &secrets, &failure));
  options.secrets = &secrets;
  assert_ok(connector_open(test.path, &options, &test.store, &failure));
  sleep_ms(2); /* the record's time of rotation counts milliseconds */
  assert_ok(put_token("rotated", 1, NULL));
  close_store();
  test.store = mine;
  check_token("rotated");
}

static void a_deleted_secret_is_written_over_with_its_version_checked(void **state)
{
  (void)state;
  int64_t version = 0;
  assert_ok(connector_secret_delete(test.store, id, 0, &failure));
  assert_status(read_status(0), CONNECTOR_SECRET_DELETED);
  assert_status(put_token("two", 3, NULL), CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(failure.version, 1);
  assert_ok(put_token("two", -1, &version));
  assert_int_equal(version, 2);
  check_token("two");
}

static void versions_are_destroyed_one_or_all(void **state)
{
  (void)state;
  assert_ok(put_token("two", 1, NULL));
  assert_ok(connector_secret_destroy(test.store, id, 1, &failure));
  assert_status(read_status(1), CONNECTOR_SECRET_DELETED);
  assert_status(connector_secret_restore(test.store, id, 1, &failure), CONNECTOR_SECRET_DELETED);
  check_token("two");
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure));
  assert_status(read_status(0), CONNECTOR_SECRET_NOT_FOUND);
}

static void after_a_refusal_it_is_read_anew(void **state)
{
  (void)state;
  check_token("one");
  stand_in_store(vault.server, "secret", path(), "{\"token\":\"theirs\"}");
  check_token("one");
  assert_ok(connector_secret_invalidate(test.store, id, &failure));
  check_token("theirs");
}

static void a_purged_record_takes_its_secret_along(void **state)
{
  (void)state;
  char where[256];
  snprintf(where, sizeof(where), "%s", path());
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_int_equal(stand_in_version(vault.server, "secret", where), 1);
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(stand_in_version(vault.server, "secret", where), 0);
}

/* ---- threads ---- */

enum { READERS = 8, TURNS = 200 };

static void *read_many(void *user)
{
  bool *fine = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < TURNS; i++) {
    connector_secret *secret = NULL;
    connector_error error;
    char value[256] = "";
    *fine = connector_secret_get(test.store, id, 0, &secret, &error) == CONNECTOR_OK &&
            connector_secret_use(secret, "token", copy_value, value, &error) == CONNECTOR_OK &&
            strcmp(value, "one") == 0 && *fine;
    connector_secret_free(secret);
    if (i % 20 == 0)
      *fine = connector_secret_invalidate(test.store, id, &error) == CONNECTOR_OK && *fine;
  }
  return NULL;
}

static void threads_share_what_is_cached(void **state)
{
  (void)state;
  pthread_t threads[READERS];
  bool fine[READERS];
  for (size_t i = 0; i < READERS; i++) {
    fine[i] = true;
    assert_int_equal(pthread_create(&threads[i], NULL, read_many, &fine[i]), 0);
  }
  for (size_t i = 0; i < READERS; i++)
    pthread_join(threads[i], NULL);
  for (size_t i = 0; i < READERS; i++)
    assert_true(fine[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    stored_test(a_secret_is_read_once_and_then_copied),
    stored_test(what_a_host_does_to_its_copy_stays_there),
    stored_test(a_cached_secret_outlives_its_store),
    stored_test(put_merges_with_what_the_server_has_and_not_the_cache),
    stored_test(an_old_version_is_a_conflict_whatever_is_cached),
    stored_test(another_process_that_rotates_is_seen_by_the_record),
    stored_test(a_deleted_secret_is_written_over_with_its_version_checked),
    stored_test(versions_are_destroyed_one_or_all),
    stored_test(after_a_refusal_it_is_read_anew),
    stored_test(a_purged_record_takes_its_secret_along),
    stored_test(threads_share_what_is_cached),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
