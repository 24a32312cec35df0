/*
 * Threads that read and write sealed secrets while root and tenants' keys are rotated again and
 * again: nobody is refused, no value is torn, no write is lost.
 */
#include "secret_host.h"

#include <pthread.h>

enum { RECORDS = 16, WRITERS = 4, READERS = 3, WRITES = 60, ROTATIONS = 8, DIGITS = 8 };

static char ids[RECORDS][ID_SIZE];
static atomic_bool over;
static atomic_int refused;

static bool good(connector_status status, const connector_error *error)
{
  if (status == CONNECTOR_OK)
    return true;
  print_error("%s: %s %s\n", connector_status_name(status), error->field, error->message);
  refused++;
  return false;
}

static connector_status keep_digits(void *user, const void *bytes, size_t length,
                                    connector_error *error)
{
  (void)error;
  memcpy(user, bytes, length < DIGITS ? length : DIGITS);
  return CONNECTOR_OK;
}

/* Both values of a version are the same digits. */
static void *write_secrets(void *context)
{
  size_t writer = (size_t)(uintptr_t)context;
  become("tenant-a", NULL, CONNECTOR_ROLE_TENANT);
  for (size_t i = 0; i < WRITES; i++) {
    connector_secret *secret = NULL;
    connector_error error;
    char digits[DIGITS + 1];
    snprintf(digits, sizeof(digits), "%08zu", writer * WRITES + i);
    if (good(connector_secret_new(test.store, &secret, &error), &error) &&
        good(connector_secret_set(secret, "one", digits, DIGITS, &error), &error) &&
        good(connector_secret_set(secret, "two", digits, DIGITS, &error), &error))
      (void)good(connector_secret_put(test.store, ids[(writer * 7 + i) % RECORDS], secret, -1, NULL,
                                      &error),
                 &error);
    connector_secret_free(secret);
  }
  return NULL;
}

static void read_one(const char *id)
{
  connector_secret *secret = NULL;
  connector_error error;
  char one[DIGITS + 1] = "";
  char two[DIGITS + 1] = "";
  connector_status status = connector_secret_get(test.store, id, 0, &secret, &error);
  if (status == CONNECTOR_SECRET_NOT_FOUND) /* not written yet */
    return;
  if (good(status, &error) &&
      good(connector_secret_use(secret, "one", keep_digits, one, &error), &error) &&
      good(connector_secret_use(secret, "two", keep_digits, two, &error), &error) &&
      strcmp(one, two) != 0)
    refused++;
  connector_secret_free(secret);
}

static void *read_secrets(void *context)
{
  size_t at = (size_t)(uintptr_t)context;
  become("tenant-a", NULL, CONNECTOR_ROLE_TENANT);
  while (!over)
    read_one(ids[at++ % RECORDS]);
  return NULL;
}

static void *rotate_keys(void *context)
{
  (void)context;
  for (unsigned char i = 1; i <= ROTATIONS; i++) {
    const unsigned char key[CONNECTOR_ROOT_KEY_BYTES] = { i };
    connector_sealed_options next = CONNECTOR_SEALED_OPTIONS_INIT;
    connector_error error;
    next.root_key = key;
    (void)good(connector_root_key_rotate(test.store, &next, NULL, NULL, &error), &error);
    (void)good(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &error), &error);
  }
  return NULL;
}

static int setup_rotation(void **state)
{
  connector_options options = test_options();
  if (setup_folder(state) != 0)
    return -1;
  options.busy_timeout_ms = 60000;
  if (open_sealed(test.path, &options, test_root_key, &test.store) != CONNECTOR_OK)
    return -1;
  become("tenant-a", NULL, CONNECTOR_ROLE_TENANT);
  for (size_t i = 0; i < RECORDS; i++)
    make_id(PATCH(.name = "some"), ids[i]);
  return 0;
}

static void start(pthread_t *thread, void *(*work)(void *), size_t number)
{
  assert_int_equal(pthread_create(thread, NULL, work, (void *)(uintptr_t)number), 0);
}

static void nobody_is_refused_while_keys_are_rotated(void **state)
{
  pthread_t writers[WRITERS];
  pthread_t readers[READERS];
  pthread_t rotator;
  int64_t versions = 0;
  (void)state;
  for (size_t i = 0; i < WRITERS; i++)
    start(&writers[i], write_secrets, i);
  for (size_t i = 0; i < READERS; i++)
    start(&readers[i], read_secrets, i);
  start(&rotator, rotate_keys, 0);
  for (size_t i = 0; i < WRITERS; i++)
    pthread_join(writers[i], NULL);
  pthread_join(rotator, NULL);
  over = true;
  for (size_t i = 0; i < READERS; i++)
    pthread_join(readers[i], NULL);
  assert_int_equal(refused, 0);
  for (size_t i = 0; i < RECORDS; i++) {
    connector_secret *secret = NULL;
    assert_ok(connector_secret_get(test.store, ids[i], 0, &secret, &failure));
    versions += connector_secret_version(secret);
    connector_secret_free(secret);
  }
  assert_int_equal(versions, WRITERS * WRITES);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(nobody_is_refused_while_keys_are_rotated, setup_rotation,
                                    teardown),
  };
  return cmocka_run_group_tests_name("rotation_threads", tests, NULL, NULL);
}
