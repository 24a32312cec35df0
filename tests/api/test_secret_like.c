/*
 * Secrets made in the memory of others, as resolvers make them.
 */
#include "support.h"

static connector_secret *new_secret(void)
{
  connector_secret *secret = NULL;
  assert_ok(connector_secret_new(test.store, &secret, &failure));
  return secret;
}

static connector_status compare(void *user, const void *bytes, size_t length,
                                connector_error *error)
{
  (void)error;
  assert_int_equal(length, strlen(user));
  assert_memory_equal(bytes, user, length);
  return CONNECTOR_OK;
}

static void one_like_another_is_empty(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  connector_secret *like = NULL;
  assert_ok(connector_secret_set(secret, "token", "x", 1, &failure));
  connector_secret_set_version(secret, 7);
  connector_secret_set_stale(secret, true);
  assert_ok(connector_secret_new_like(secret, &like, &failure));
  assert_int_equal(connector_secret_count(like), 0);
  assert_int_equal(connector_secret_version(like), 0);
  assert_false(connector_secret_is_stale(like));
  assert_int_equal(connector_secret_count(secret), 1);
  connector_secret_free(like);
  connector_secret_free(secret);
}

static void it_outlives_the_other_and_the_store(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  connector_secret *like = NULL;
  char value[] = "kept";
  assert_ok(connector_secret_set(secret, "token", value, strlen(value), &failure));
  assert_ok(connector_secret_new_like(secret, &like, &failure));
  assert_ok(connector_secret_copy(like, secret, &failure));
  connector_secret_free(secret);
  close_store();
  assert_ok(connector_secret_use(like, "token", compare, value, &failure));
  connector_secret_free(like);
}

static void what_is_missing_is_named(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  connector_secret *like = NULL;
  assert_invalid(connector_secret_new_like(NULL, &like, &failure), "of");
  assert_invalid(connector_secret_new_like(secret, NULL, &failure), "out");
  assert_null(like);
  connector_secret_free(secret);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(one_like_another_is_empty),
    memory_test(it_outlives_the_other_and_the_store),
    memory_test(what_is_missing_is_named),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
