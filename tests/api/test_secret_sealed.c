/*
 * Secrets sealed in the store's own file, through the same calls: one transaction with the record,
 * each connector its own, and several stores, threads and processes on one file.
 */
#include "secret_host.h"

#include <sys/wait.h>

enum { WRITERS = 3, ROUNDS = 20, MANY = 300 };

static connector_options plain_options(void)
{
  connector_options options = test_options();
  options.clock = test_clock;
  return options;
}

/* ---- reading and writing ---- */

static void what_is_put_is_read_again_by_version(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t version = 0;
  make_id(PATCH(0), id);
  assert_unread(id, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(put_json(id, "{\"token\":\"t-1\",\"refresh_token\":\"r\"}"), 1);
  assert_int_equal(try_put(id, "{\"token\":\"t-2\"}", 1, &version), CONNECTOR_OK);
  assert_int_equal(version, 2);
  assert_reads(id, 0, "{\"token\":\"t-2\",\"refresh_token\":\"r\"}");
  assert_reads(id, 1, "{\"token\":\"t-1\",\"refresh_token\":\"r\"}");
  assert_unread(id, 3, CONNECTOR_SECRET_NOT_FOUND);
  put_json(id, "{\"refresh_token\":\"\"}");
  assert_reads(id, 0, "{\"token\":\"t-2\"}");
  connector *record = fetch(id);
  assert_int_equal(record->version, 2);
  assert_int_equal(record->credential_last_rotated_at, test_time);
  connector_free(record);
  assert_changes(id, "rotated rotated rotated updated created");
}

static void another_version_than_expected_is_a_conflict(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_put(id, "{\"a\":\"1\"}", 1, CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(failure.version, 0);
  assert_changes(id, "created"); /* the path was undone with it */
  assert_put(id, "{\"a\":\"1\"}", 0, CONNECTOR_OK);
  assert_put(id, "{\"a\":\"2\"}", 0, CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(failure.version, 1);
  assert_put(id, "{\"a\":\"2\"}", 2, CONNECTOR_SECRET_CONFLICT);
  assert_reads(id, 0, "{\"a\":\"1\"}");
  assert_changes(id, "rotated updated created");
}

static void versions_are_deleted_restored_and_destroyed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  put_json(id, "{\"v\":\"1\"}");
  put_json(id, "{\"v\":\"2\"}");
  assert_ok(connector_secret_delete(test.store, id, 0, &failure));
  assert_unread(id, 0, CONNECTOR_SECRET_DELETED);
  assert_ok(connector_secret_restore(test.store, id, 0, &failure));
  assert_reads(id, 0, "{\"v\":\"2\"}");
  assert_ok(connector_secret_destroy(test.store, id, 1, &failure));
  assert_unread(id, 1, CONNECTOR_SECRET_DELETED);
  assert_status(connector_secret_restore(test.store, id, 1, &failure), CONNECTOR_SECRET_DELETED);
  assert_ok(connector_secret_delete(test.store, id, 2, &failure));
  assert_int_equal(put_json(id, "{\"new\":\"3\"}"), 3);
  assert_reads(id, 0, "{\"new\":\"3\"}");
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure));
  assert_unread(id, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure));
}

static connector_status sum_versions(void *user, const connector_secret_version_info *info,
                                     connector_error *error)
{
  int64_t *sum = user;
  (void)error;
  assert_int_equal(info->created_at, test_time);
  *sum = *sum * 10 + info->version;
  return info->version < 3 ? CONNECTOR_OK : CONNECTOR_CANCELLED;
}

static void versions_are_told_until_the_host_stops(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t sum = 0;
  make_id(PATCH(0), id);
  for (int i = 0; i < 4; i++)
    put_json(id, "{\"v\":\"1\"}");
  assert_int_equal(connector_secret_versions(test.store, id, sum_versions, &sum, NULL),
                   CONNECTOR_CANCELLED);
  assert_int_equal(sum, 123);
  assert_ok(connector_secret_invalidate(test.store, id, &failure));
}

/* ---- whose they are ---- */

static void two_connectors_with_one_path_share_nothing(void **state)
{
  (void)state;
  char one[ID_SIZE];
  char other[ID_SIZE];
  make_id(PATCH(.vault_path = "secret/data/shared/smtp"), one);
  make_id(PATCH(.vault_path = "secret/data/shared/smtp"), other);
  put_json(one, "{\"token\":\"one\"}");
  assert_unread(other, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_put(other, "{\"token\":\"other\"}", 0, CONNECTOR_OK);
  assert_reads(one, 0, "{\"token\":\"one\"}");
  assert_ok(connector_secret_destroy(test.store, other, 0, &failure));
  assert_reads(one, 0, "{\"token\":\"one\"}");
}

static void each_path_of_a_connector_has_a_secret_of_its_own(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = "secret/data/shared/smtp"), id);
  put_json(id, "{\"token\":\"smtp\"}");
  assert_ok(connector_update(test.store, id, 0, PATCH(.vault_path = "secret/data/shared/imap"),
                             NULL, &failure));
  assert_unread(id, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(put_json(id, "{\"token\":\"imap\"}"), 1);
  assert_reads(id, 0, "{\"token\":\"imap\"}");
  assert_ok(connector_update(test.store, id, 0, PATCH(.vault_path = "secret/data/shared/smtp"),
                             NULL, &failure));
  assert_reads(id, 0, "{\"token\":\"smtp\"}");
}

static void tenants_are_apart(void **state)
{
  static const char *const tenants[] = { "tenant-a", "tenant-b", "tenant-c" };
  char ids[COUNT_OF(tenants)][ID_SIZE];
  char json[64];
  (void)state;
  for (size_t i = 0; i < COUNT_OF(tenants); i++) {
    become(tenants[i], "user-ann", CONNECTOR_ROLE_TENANT);
    make_id(PATCH(.vault_path = "secret/data/shared/smtp"), ids[i]);
    snprintf(json, sizeof(json), "{\"token\":\"CANARY-%s\"}", tenants[i]);
    put_json(ids[i], json);
  }
  for (size_t i = 0; i < COUNT_OF(tenants); i++) {
    become(tenants[i], "user-ann", CONNECTOR_ROLE_TENANT);
    snprintf(json, sizeof(json), "{\"token\":\"CANARY-%s\"}", tenants[i]);
    for (size_t j = 0; j < COUNT_OF(tenants); j++) {
      if (i == j) {
        assert_reads(ids[j], 0, json);
        continue;
      }
      assert_unread(ids[j], 0, CONNECTOR_NOT_FOUND);
      assert_put(ids[j], "{\"token\":\"mine\"}", -1, CONNECTOR_NOT_FOUND);
      assert_not_found(connector_secret_destroy(test.store, ids[j], 0, &failure));
    }
  }
}

/* More than there is room for among the keys that are kept unwrapped. */
static void the_keys_of_many_tenants_are_apart(void **state)
{
  static char ids[MANY][ID_SIZE];
  static char names[MANY][24];
  (void)state;
  for (size_t i = 0; i < MANY; i++) {
    char json[64];
    snprintf(names[i], sizeof(names[i]), "tenant-%zu", i);
    snprintf(json, sizeof(json), "{\"token\":\"of %zu\"}", i);
    become(names[i], "user-ann", CONNECTOR_ROLE_TENANT);
    make_id(PATCH(0), ids[i]);
    put_json(ids[i], json);
  }
  for (size_t i = 0; i < 2 * MANY; i++) {
    char json[64];
    snprintf(json, sizeof(json), "{\"token\":\"of %zu\"}", i % MANY);
    become(names[i % MANY], "user-ann", CONNECTOR_ROLE_TENANT);
    assert_reads(ids[i % MANY], 0, json);
  }
}

static void a_file_holds_no_value_in_the_clear(void **state)
{
  static const char *const names[] = { "registry.db", "registry.db-wal" };
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(0), id);
  put_json(id, "{\"CANARYNAME\":\"CANARYVALUE\"}");
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    char path[600];
    size_t length = 0;
    char *bytes = read_file(beside(path, names[i]), &length);
    for (size_t at = 0; at + 6 <= length; at++)
      assert_memory_not_equal(bytes + at, "CANARY", 6);
    free(bytes);
  }
}

/* ---- with the record ---- */

static void a_purge_removes_what_is_sealed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char kept[ID_SIZE];
  make_id(PATCH(0), id);
  make_id(PATCH(0), kept);
  put_json(id, "{\"token\":\"t\"}");
  put_json(kept, "{\"token\":\"k\"}");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  assert_reads(id, 0, "{\"token\":\"t\"}");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_reads(kept, 0, "{\"token\":\"k\"}");
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

struct batch {
  const char *id;
  connector_secret *secret;
  connector_status end;
  char inside[HOST_JSON]; /* what is read before the end */
};

static connector_status put_in_batch(connector_store *store, void *user, connector_error *error)
{
  struct batch *batch = user;
  connector_secret *read = NULL;
  connector_status status = connector_secret_put(store, batch->id, batch->secret, -1, NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_secret_get(store, batch->id, 0, &read, error);
  if (status == CONNECTOR_OK)
    status = connector_secret_use_json(read, host_take_json, batch->inside, error);
  connector_secret_free(read);
  return status == CONNECTOR_OK ? batch->end : status;
}

static void a_batch_takes_secrets_with_it(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  struct batch batch = { id, secret_of("{\"token\":\"t\"}"), CONNECTOR_CANCELLED, "" };
  connector *before = fetch(id);
  assert_int_equal(connector_batch(test.store, put_in_batch, &batch, NULL), CONNECTOR_CANCELLED);
  assert_text(batch.inside, "{\"token\":\"t\"}");
  connector *after = fetch(id);
  assert_true(connector_equal(before, after));
  assert_changes(id, "created");
  batch.end = CONNECTOR_OK;
  assert_ok(connector_batch(test.store, put_in_batch, &batch, &failure));
  assert_reads(id, 1, "{\"token\":\"t\"}");
  assert_changes(id, "rotated updated created");
  batch.end = CONNECTOR_CANCELLED;
  assert_int_equal(connector_batch(test.store, put_in_batch, &batch, NULL), CONNECTOR_CANCELLED);
  assert_unread(id, 2, CONNECTOR_SECRET_NOT_FOUND);
  connector_free(before);
  connector_free(after);
  connector_secret_free(batch.secret);
}

static void a_store_in_memory_seals_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = plain_options();
  close_store();
  assert_ok(open_sealed(":memory:", &options, test_root_key, &test.store));
  make_id(PATCH(0), id);
  assert_int_equal(put_json(id, "{\"token\":\"t\"}"), 1);
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

static void a_read_only_store_reads_what_is_sealed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_options options = plain_options();
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  close_store();
  options.read_only = true;
  assert_ok(open_sealed(test.path, &options, test_root_key, &test.store));
  assert_reads(id, 0, "{\"token\":\"t\"}");
  assert_put(id, "{\"token\":\"u\"}", -1, CONNECTOR_READ_ONLY);
  assert_status(connector_secret_delete(test.store, id, 0, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_secret_destroy(test.store, id, 0, &failure), CONNECTOR_READ_ONLY);
}

/* ---- keys ---- */

static void another_root_key_is_sealed(void **state)
{
  static const unsigned char wrong[CONNECTOR_ROOT_KEY_BYTES] = "another key of thirty-two bytes";
  char id[ID_SIZE];
  connector_options options = plain_options();
  (void)state;
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  close_store();
  assert_ok(open_sealed(test.path, &options, wrong, &test.store));
  assert_unread(id, 0, CONNECTOR_SECRET_SEALED);
  assert_put(id, "{\"token\":\"u\"}", -1, CONNECTOR_SECRET_SEALED);
  assert_changes(id, "rotated updated created");
  connector_free(fetch(id)); /* records need no key */
  close_store();
  assert_ok(open_sealed(test.path, &options, test_root_key, &test.store));
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

static void a_rotated_root_key_is_the_files(void **state)
{
  unsigned char next_key[CONNECTOR_ROOT_KEY_BYTES] = "the next key of thirty-two byte";
  connector_sealed_options next = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_options options = plain_options();
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  next.root_key = next_key;
  assert_ok(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure));
  assert_ok(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure));
  assert_reads(id, 0, "{\"token\":\"t\"}");
  close_store();
  assert_ok(open_sealed(test.path, &options, test_root_key, &test.store));
  assert_unread(id, 0, CONNECTOR_SECRET_SEALED);
  close_store();
  assert_ok(open_sealed(test.path, &options, next_key, &test.store));
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

static connector_status open_with_previous(const void *key, const void *previous,
                                           connector_store **out)
{
  connector_options options = plain_options();
  connector_sealed_options before = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  before.root_key = previous;
  sealed.root_key = key;
  sealed.previous = &before;
  assert_ok(connector_secrets_sealed(&sealed, &secrets, &failure));
  options.secrets = &secrets;
  return connector_open(test.path, &options, out, &failure);
}

/* Each rotation is the first call of the second store after the first store's. */
static void a_store_with_both_keys_goes_on_rotating(void **state)
{
  static const char keys[4][CONNECTOR_ROOT_KEY_BYTES] = { { 1 }, { 2 }, { 3 }, { 4 } };
  connector_sealed_options next = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_store *second = NULL;
  connector_store *first = NULL;
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  for (int i = 0; i < 2; i++) {
    const void *old = i == 0 ? (const void *)test_root_key : keys[2];
    first = test.store;
    assert_ok(open_with_previous(keys[i], old, &second));
    test.store = second;
    assert_reads(id, 0, "{\"token\":\"t\"}");
    next.root_key = keys[i];
    assert_ok(connector_root_key_rotate(first, &next, NULL, NULL, &failure));
    if (i == 0)
      assert_ok(connector_tenant_key_rotate(second, NULL, NULL, NULL, &failure));
    next.root_key = keys[i + 2];
    assert_ok(connector_root_key_rotate(second, &next, NULL, NULL, &failure));
    assert_reads(id, 0, "{\"token\":\"t\"}");
    connector_close(first);
  }
}

static connector_status count_progress(void *user, int64_t done, int64_t total,
                                       connector_error *error)
{
  (void)done;
  (void)total;
  (void)error;
  ++*(int *)user;
  return CONNECTOR_OK;
}

static void rotating_a_tenants_key_goes_over_its_secrets(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int told = 0;
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  assert_ok(connector_tenant_key_rotate(test.store, "tenant-a", count_progress, &told, &failure));
  assert_true(told > 0);
  assert_reads(id, 0, "{\"token\":\"t\"}");
  put_json(id, "{\"token\":\"u\"}");
  assert_reads(id, 1, "{\"token\":\"t\"}");
}

/* ---- several stores ---- */

static void a_backup_opens_with_the_same_key(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char path[600];
  connector_options options = plain_options();
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  assert_ok(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure));
  put_json(id, "{\"token\":\"u\"}");
  close_store();
  assert_ok(open_sealed(path, &options, test_root_key, &test.store));
  assert_reads(id, 0, "{\"token\":\"t\"}");
  assert_int_equal(put_json(id, "{\"token\":\"v\"}"), 2);
}

static void a_vault_serves_one_store(void **state)
{
  (void)state;
  connector_options options = plain_options();
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_store *second = NULL;
  sealed.root_key = test_root_key;
  assert_ok(connector_secrets_sealed(&sealed, &secrets, &failure));
  options.secrets = &secrets;
  open_store(&options);
  assert_invalid(connector_open(":memory:", &options, &second, &failure), "secrets");
  assert_null(second);
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_int_equal(put_json(id, "{\"token\":\"t\"}"), 1);
}

/* Adds ROUNDS versions, each with what it read; in a thread or process of its own. */
static connector_status write_rounds(connector_store *store, const char *id, int number)
{
  char name[32];
  connector_status status = CONNECTOR_OK;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  snprintf(name, sizeof(name), "writer-%d", number);
  for (int i = 0; status == CONNECTOR_OK && i < ROUNDS; i++) {
    connector_secret *secret = NULL;
    char value[32];
    snprintf(value, sizeof(value), "%d", i);
    status = connector_secret_new(store, &secret, NULL);
    if (status == CONNECTOR_OK)
      status = connector_secret_set(secret, name, value, strlen(value), NULL);
    if (status == CONNECTOR_OK)
      status = connector_secret_put(store, id, secret, -1, NULL, NULL);
    connector_secret_free(secret);
    secret = NULL;
    if (status == CONNECTOR_OK)
      status = connector_secret_get(store, id, 0, &secret, NULL);
    connector_secret_free(secret);
  }
  return status;
}

/* Nobody's value was lost, and each write made a version. */
static void assert_all_written(const char *id)
{
  connector_secret *secret = NULL;
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  assert_int_equal(connector_secret_version(secret), WRITERS * ROUNDS);
  assert_int_equal(connector_secret_count(secret), WRITERS);
  connector_secret_free(secret);
  connector *record = fetch(id);
  assert_int_equal(record->version, 2); /* one of them gave it its path */
  connector_free(record);
}

static char shared_id[ID_SIZE];

static void *write_in_thread(void *user)
{
  int number = *(const int *)user;
  connector_options options = test_options();
  connector_store *store = NULL;
  connector_status status = CONNECTOR_OK;
  if (number > 0) /* the first one shares the test's store */
    status = open_sealed(test.path, &options, test_root_key, &store);
  if (status == CONNECTOR_OK)
    status = write_rounds(number > 0 ? store : test.store, shared_id, number);
  connector_close(store);
  return status == CONNECTOR_OK ? NULL : user;
}

static void stores_of_several_threads_lose_no_write(void **state)
{
  (void)state;
  pthread_t threads[WRITERS];
  int numbers[WRITERS];
  make_id(PATCH(0), shared_id);
  for (int i = 0; i < WRITERS; i++) {
    numbers[i] = i;
    assert_int_equal(pthread_create(&threads[i], NULL, write_in_thread, &numbers[i]), 0);
  }
  for (int i = 0; i < WRITERS; i++) {
    void *failed = NULL;
    assert_int_equal(pthread_join(threads[i], &failed), 0);
    assert_null(failed);
  }
  assert_all_written(shared_id);
}

static void stores_of_several_processes_lose_no_write(void **state)
{
  (void)state;
  pid_t children[WRITERS];
  connector_options options = test_options();
  make_id(PATCH(0), shared_id);
  close_store();
  for (int i = 0; i < WRITERS; i++) {
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0) {
      connector_store *store = NULL;
      connector_status status = open_sealed(test.path, &options, test_root_key, &store);
      if (status == CONNECTOR_OK)
        status = write_rounds(store, shared_id, i);
      connector_close(store);
      _exit((int)status);
    }
  }
  for (int i = 0; i < WRITERS; i++) {
    int code = 0;
    assert_int_equal(waitpid(children[i], &code, 0), children[i]);
    assert_true(WIFEXITED(code));
    assert_int_equal(WEXITSTATUS(code), CONNECTOR_OK);
  }
  assert_ok(open_sealed(test.path, &options, test_root_key, &test.store));
  assert_all_written(shared_id);
}

static connector_status not_shown(void *user, const void *bytes, size_t length,
                                  connector_error *error)
{
  (void)user;
  (void)bytes;
  (void)length;
  (void)error;
  return CONNECTOR_OK;
}

/* Which of the calls does not answer MISUSE in a child of fork(); 0: all do. */
static int misuse_in_child(const char *id, connector_secret *secret)
{
  connector_secret *out = NULL;
  const connector_status answers[] = {
    connector_secret_get(test.store, id, 0, &out, NULL),
    connector_secret_put(test.store, id, secret, -1, NULL, NULL),
    connector_secret_destroy(test.store, id, 0, NULL),
    connector_secret_new(test.store, &out, NULL),
    connector_secret_use(secret, "token", not_shown, NULL, NULL),
    connector_secret_set(secret, "token", "x", 1, NULL),
  };
  for (size_t i = 0; i < COUNT_OF(answers); i++)
    if (answers[i] != CONNECTOR_MISUSE)
      return (int)i + 1;
  connector_secret_free(secret);
  connector_close(test.store);
  return 0;
}

static void a_child_of_fork_has_no_secrets(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_secret *secret = NULL;
  int code = 0;
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0)
    _exit(misuse_in_child(id, secret));
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_true(WIFEXITED(code));
  assert_int_equal(WEXITSTATUS(code), 0);
  assert_secret(secret, "{\"token\":\"t\"}");
  connector_secret_free(secret);
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    sealed_test(what_is_put_is_read_again_by_version),
    sealed_test(another_version_than_expected_is_a_conflict),
    sealed_test(versions_are_deleted_restored_and_destroyed),
    sealed_test(versions_are_told_until_the_host_stops),
    sealed_test(two_connectors_with_one_path_share_nothing),
    sealed_test(each_path_of_a_connector_has_a_secret_of_its_own),
    sealed_test(tenants_are_apart),
    sealed_test(the_keys_of_many_tenants_are_apart),
    sealed_test(a_file_holds_no_value_in_the_clear),
    sealed_test(a_purge_removes_what_is_sealed),
    sealed_test(a_batch_takes_secrets_with_it),
    sealed_test(a_store_in_memory_seals_too),
    sealed_test(a_read_only_store_reads_what_is_sealed),
    sealed_test(another_root_key_is_sealed),
    sealed_test(a_rotated_root_key_is_the_files),
    sealed_test(a_store_with_both_keys_goes_on_rotating),
    sealed_test(rotating_a_tenants_key_goes_over_its_secrets),
    sealed_test(a_backup_opens_with_the_same_key),
    folder_test(a_vault_serves_one_store),
    sealed_test(stores_of_several_threads_lose_no_write),
    sealed_test(stores_of_several_processes_lose_no_write),
    sealed_test(a_child_of_fork_has_no_secrets),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
