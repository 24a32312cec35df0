/*
 * The generation callback of the sealed vault: it counts up with each write, shows a file that was
 * put back from an older time, and is not asked inside batches.
 */
#include "support.h"

#include <pthread.h>

/* What the host keeps outside of the file. */
static struct {
  _Atomic int64_t newest;
  _Atomic int64_t calls;
  connector_status status;
  const char *message;
} host;

static char id[ID_SIZE];

static connector_status keep_newest(void *user, int64_t generation, int64_t *newest,
                                    connector_error *error)
{
  int64_t kept = host.newest;
  (void)user;
  host.calls++;
  if (host.status != CONNECTOR_OK) {
    snprintf(error->message, sizeof(error->message), "%s", host.message);
    return host.status;
  }
  while (generation > kept && !atomic_compare_exchange_weak(&host.newest, &kept, generation))
    ;
  *newest = kept > generation ? kept : generation;
  return CONNECTOR_OK;
}

static const unsigned char root_key[CONNECTOR_ROOT_KEY_BYTES] = { 1, 2, 3 };
static const unsigned char next_key[CONNECTOR_ROOT_KEY_BYTES] = { 4, 5, 6 };

static void reopen(void)
{
  connector_options options = test_options();
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  sealed.root_key = root_key;
  sealed.generation = keep_newest;
  assert_ok(connector_secrets_sealed(&sealed, &secrets, &failure));
  options.secrets = &secrets;
  open_store(&options);
}

static int setup_generation(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  memset(&host, 0, sizeof(host));
  reopen();
  make_id(PATCH(.name = "some"), id);
  return 0;
}

#define generation_test(name) cmocka_unit_test_setup_teardown(name, setup_generation, teardown)

static connector_status put(void)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_new(test.store, &secret, &failure);
  if (status == CONNECTOR_OK)
    status = connector_secret_set(secret, "token", "value", 5, &failure);
  if (status == CONNECTOR_OK)
    status = connector_secret_put(test.store, id, secret, -1, NULL, &failure);
  connector_secret_free(secret);
  return status;
}

static connector_status get(void)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_get(test.store, id, 0, &secret, &failure);
  connector_secret_free(secret);
  return status;
}

static connector_status pass_over(void *user, const connector_secret_version_info *info,
                                  connector_error *error)
{
  (void)user;
  (void)info;
  (void)error;
  return CONNECTOR_OK;
}

static connector_status tell_versions(void)
{
  return connector_secret_versions(test.store, id, pass_over, NULL, &failure);
}

static connector_status delete_latest(void)
{
  return connector_secret_delete(test.store, id, 0, &failure);
}

static connector_status restore_latest(void)
{
  return connector_secret_restore(test.store, id, 0, &failure);
}

static connector_status destroy_first(void)
{
  return connector_secret_destroy(test.store, id, 1, &failure);
}

static connector_status destroy_all(void)
{
  return connector_secret_destroy(test.store, id, 0, &failure);
}

static connector_status rotate_tenant(void)
{
  return connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure);
}

static connector_status rotate_root(void)
{
  connector_sealed_options next = CONNECTOR_SEALED_OPTIONS_INIT;
  next.root_key = next_key;
  return connector_root_key_rotate(test.store, &next, NULL, NULL, &failure);
}

typedef connector_status (*operation)(void);

/* In this order each of them writes. */
static const operation writes[] = { put,           put,           delete_latest, restore_latest,
                                    destroy_first, rotate_tenant, rotate_root,   destroy_all };

static void each_write_counts_up_and_is_told(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(writes); i++) {
    int64_t before = host.newest;
    assert_ok(writes[i]());
    if (host.newest <= before)
      fail_msg("write %zu was not told", i);
  }
}

static void reading_counts_nothing_and_asks(void **state)
{
  int64_t newest = 0;
  int64_t calls = 0;
  (void)state;
  assert_ok(put());
  newest = host.newest;
  calls = host.calls;
  assert_ok(get());
  assert_ok(get());
  assert_ok(tell_versions());
  assert_int_equal(host.newest, newest);
  assert_int_equal(host.calls, calls + 3);
}

/* ---- an older file ---- */

static void keep_file(const char *name)
{
  char path[600];
  size_t length = 0;
  char *bytes = NULL;
  close_store();
  bytes = read_file(test.path, &length);
  write_file(beside(path, name), bytes, length);
  free(bytes);
}

static void put_file_back(const char *name)
{
  char path[600];
  size_t length = 0;
  char *bytes = NULL;
  close_store();
  bytes = read_file(beside(path, name), &length);
  write_file(test.path, bytes, length);
  free(bytes);
}

static void an_older_copy_of_the_file_is_tampered(void **state)
{
  (void)state;
  assert_ok(put());
  keep_file("old");
  reopen();
  assert_ok(put());
  put_file_back("old");
  reopen();
  assert_status(get(), CONNECTOR_SECRET_TAMPERED);
  assert_contains(failure.message, "older copy");
  assert_status(tell_versions(), CONNECTOR_SECRET_TAMPERED);
}

/* The generation would be as high again after as many writes as were taken back. */
static void no_write_hides_that_the_file_is_old(void **state)
{
  (void)state;
  assert_ok(put());
  assert_ok(put());
  keep_file("old");
  reopen();
  assert_ok(put());
  for (size_t i = 0; i < COUNT_OF(writes); i++) {
    put_file_back("old");
    reopen();
    if (writes[i] == restore_latest) /* nothing is deleted in it */
      continue;
    assert_status(writes[i](), CONNECTOR_SECRET_TAMPERED);
    assert_status(get(), CONNECTOR_SECRET_TAMPERED);
  }
}

static void the_newest_file_is_right_again(void **state)
{
  (void)state;
  assert_ok(put());
  keep_file("old");
  reopen();
  assert_ok(put());
  keep_file("new");
  put_file_back("old");
  reopen();
  assert_status(get(), CONNECTOR_SECRET_TAMPERED);
  put_file_back("new");
  reopen();
  assert_ok(get());
}

/* ---- batches ---- */

static connector_status write_and_read(connector_store *store, void *user, connector_error *error)
{
  (void)store;
  (void)user;
  (void)error;
  host.calls = 0;
  assert_ok(put());
  assert_ok(get());
  assert_ok(delete_latest());
  assert_int_equal(host.calls, 0);
  return CONNECTOR_OK;
}

static void a_batch_asks_nothing_and_the_next_call_tells(void **state)
{
  int64_t before = 0;
  (void)state;
  assert_ok(put());
  before = host.newest;
  assert_ok(connector_batch(test.store, write_and_read, NULL, &failure));
  assert_int_equal(host.newest, before);
  assert_ok(restore_latest());
  assert_true(host.newest > before + 2);
}

/* ---- a host that fails ---- */

static void a_callback_that_fails_is_the_calls_answer(void **state)
{
  int64_t newest = 0;
  (void)state;
  assert_ok(put());
  newest = host.newest;
  host.status = CONNECTOR_SECRET_UNAVAILABLE;
  host.message = "the counter can't be had";
  for (size_t i = 0; i < COUNT_OF(writes); i++) {
    assert_status(writes[i](), CONNECTOR_SECRET_UNAVAILABLE);
    assert_text(failure.message, host.message);
  }
  assert_status(get(), CONNECTOR_SECRET_UNAVAILABLE);
  host.status = CONNECTOR_OK;
  assert_ok(get());
  assert_int_equal(host.newest, newest); /* none of them wrote */
}

static void a_callback_that_fails_without_a_word_gets_one(void **state)
{
  (void)state;
  assert_ok(put());
  host.status = CONNECTOR_IO;
  host.message = "";
  assert_status(get(), CONNECTOR_IO);
}

/* ---- several at once ---- */

enum { THREADS = 4, TURNS = 60 };

static void *work(void *failed)
{
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < TURNS; i++)
    if (put() != CONNECTOR_OK || get() != CONNECTOR_OK) {
      print_error("%s: %s\n", connector_status_name(failure.status), failure.message);
      *(bool *)failed = true;
      break;
    }
  return NULL;
}

/* One may have read the file's generation before another's write, and ask the host after it. */
static void writers_and_readers_at_once_are_no_old_file(void **state)
{
  pthread_t threads[THREADS];
  bool failed[THREADS] = { false };
  (void)state;
  assert_ok(put()); /* the path is set: two first puts at once are a conflict */
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, work, &failed[i]), 0);
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  for (size_t i = 0; i < THREADS; i++)
    assert_false(failed[i]);
  assert_true(host.newest >= THREADS * TURNS);
}

/* In a chain only the vault's own reads ask. */
static void a_read_that_another_resolver_serves_asks_nothing(void **state)
{
  static char variable[] = "TOKEN=t";
  static char *environment[] = { variable, NULL };
  const connector_secret_variable map[] = { { "env/data/app", "token", "TOKEN" } };
  connector_secrets_route routes[] = { { "env", CONNECTOR_SECRETS_INIT },
                                       { "", CONNECTOR_SECRETS_INIT } };
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets chain = CONNECTOR_SECRETS_INIT;
  connector_options options = test_options();
  connector_secret *secret = NULL;
  char other[ID_SIZE];
  (void)state;
  sealed.root_key = next_key; /* not the file's: only a look at the vault would show it */
  sealed.generation = keep_newest;
  assert_ok(put());
  assert_ok(connector_secrets_environment(environment, map, 1, &routes[0].secrets, &failure));
  assert_ok(connector_secrets_sealed(&sealed, &routes[1].secrets, &failure));
  assert_ok(connector_secrets_chain(routes, COUNT_OF(routes), &chain, &failure));
  options.secrets = &chain;
  open_store(&options);
  make_id(PATCH(.vault_path = "env/data/app"), other);
  host.calls = 0;
  assert_ok(connector_secret_get(test.store, other, 0, &secret, &failure));
  connector_secret_free(secret);
  assert_int_equal(host.calls, 0);
  assert_status(connector_secret_get(test.store, id, 0, &secret, &failure),
                CONNECTOR_SECRET_SEALED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    generation_test(each_write_counts_up_and_is_told),
    generation_test(reading_counts_nothing_and_asks),
    generation_test(an_older_copy_of_the_file_is_tampered),
    generation_test(no_write_hides_that_the_file_is_old),
    generation_test(the_newest_file_is_right_again),
    generation_test(a_batch_asks_nothing_and_the_next_call_tells),
    generation_test(a_callback_that_fails_is_the_calls_answer),
    generation_test(a_callback_that_fails_without_a_word_gets_one),
    generation_test(writers_and_readers_at_once_are_no_old_file),
    generation_test(a_read_that_another_resolver_serves_asks_nothing),
  };
  return cmocka_run_group_tests_name("generation", tests, NULL, NULL);
}
