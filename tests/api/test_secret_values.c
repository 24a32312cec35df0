/*
 * Secrets as values in memory: set, shown inside a function only, compared, copied.
 */
#include "sanitizer.h"
#include "secret_host.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum { ROUNDS = 8000, BOUND = 400 * 1024 * 1024 };

struct shown {
  const char *wanted;
  size_t length;
  size_t times;
  connector_status answer;
};

static connector_status look(void *user, const void *bytes, size_t length, connector_error *error)
{
  struct shown *shown = user;
  assert_non_null(bytes);
  assert_int_equal(length, shown->length);
  assert_memory_equal(bytes, shown->wanted, length);
  shown->times++;
  if (shown->answer != CONNECTOR_OK)
    snprintf(error->message, sizeof(error->message), "seen enough");
  return shown->answer;
}

static void assert_value(const connector_secret *secret, const char *name, const char *bytes,
                         size_t length)
{
  struct shown shown = { .wanted = bytes, .length = length };
  assert_ok(connector_secret_use(secret, name, look, &shown, &failure));
  assert_int_equal(shown.times, 1);
}

static void values_are_set_replaced_and_kept_in_order(void **state)
{
  (void)state;
  connector_secret *secret = secret_of("{}");
  assert_int_equal(connector_secret_count(secret), 0);
  assert_int_equal(connector_secret_version(secret), 0);
  assert_ok(connector_secret_set(secret, "b", "bytes\0inside", 12, &failure));
  assert_ok(connector_secret_set(secret, "a", "first", 5, &failure));
  assert_ok(connector_secret_set(secret, "empty", NULL, 0, &failure));
  assert_ok(connector_secret_set(secret, "a", "second", 6, &failure));
  assert_int_equal(connector_secret_count(secret), 3);
  assert_text(connector_secret_name(secret, 0), "b");
  assert_text(connector_secret_name(secret, 1), "a");
  assert_text(connector_secret_name(secret, 2), "empty");
  assert_null(connector_secret_name(secret, 3));
  assert_value(secret, "b", "bytes\0inside", 12);
  assert_value(secret, "a", "second", 6);
  assert_value(secret, "empty", "", 0);
  connector_secret_free(secret);
}

static void a_use_answers_what_the_function_answers(void **state)
{
  (void)state;
  struct shown shown = { .wanted = "t", .length = 1, .answer = CONNECTOR_CANCELLED };
  connector_secret *secret = secret_of("{\"token\":\"t\"}");
  assert_status(connector_secret_use(secret, "token", look, &shown, &failure), CONNECTOR_CANCELLED);
  assert_text(failure.message, "seen enough");
  assert_status(connector_secret_use(secret, "other", look, &shown, &failure),
                CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(shown.times, 1);
  connector_secret_free(secret);
}

static void names_and_lengths_have_their_limits(void **state)
{
  static char name[CONNECTOR_SECRET_NAME_MAX + 2];
  static char value[CONNECTOR_SECRET_VALUE_MAX + 1];
  connector_secret *secret = secret_of("{}");
  (void)state;
  memset(name, 'n', CONNECTOR_SECRET_NAME_MAX + 1);
  assert_invalid(connector_secret_set(secret, name, "v", 1, &failure), "name");
  assert_invalid(connector_secret_set(secret, "", "v", 1, &failure), "name");
  assert_invalid(connector_secret_set(secret, "a\nb", "v", 1, &failure), "name");
  assert_invalid(connector_secret_set(secret, "long", value, sizeof(value), &failure), "long");
  assert_int_equal(connector_secret_count(secret), 0);
  name[CONNECTOR_SECRET_NAME_MAX] = '\0';
  assert_ok(connector_secret_set(secret, name, value, sizeof(value) - 1, &failure));
  for (int i = 1; i < CONNECTOR_SECRET_VALUES_MAX; i++) {
    snprintf(name, sizeof(name), "%d", i);
    assert_ok(connector_secret_set(secret, name, "v", 1, &failure));
  }
  assert_status(connector_secret_set(secret, "more", "v", 1, &failure), CONNECTOR_TOO_LARGE);
  assert_int_equal(connector_secret_count(secret), CONNECTOR_SECRET_VALUES_MAX);
  connector_secret_free(secret);
}

static void json_goes_in_and_out(void **state)
{
  static const char json[] = "{\"token\":\"t\\u00e4\",\"expires_in\":3600,\"on\":true,"
                             "\"nested\":{\"a\":[1,2]}}";
  connector_secret *secret = secret_of("{\"token\":\"old\",\"kept\":\"k\"}");
  (void)state;
  assert_ok(connector_secret_set_json(secret, json, strlen(json), &failure));
  assert_value(secret, "token", "t\xc3\xa4", 3);
  assert_value(secret, "expires_in", "3600", 4);
  assert_secret(secret, "{\"token\":\"t\xc3\xa4\",\"kept\":\"k\",\"expires_in\":3600,\"on\":true,"
                        "\"nested\":{\"a\":[1,2]}}");
  assert_ok(connector_secret_set_json(secret, "{\"token\":null}", 14, &failure));
  assert_value(secret, "token", "", 0);
  connector_secret_free(secret);
}

static void bad_json_changes_nothing(void **state)
{
  static const char *const texts[] = {
    "", "[]", "\"t\"", "{", "{\"a\":1}x", "{\"a\":1,\"a\":2}", "{\"new\":1,\"\":2}", "{\"new\":1,}"
  };
  connector_secret *secret = secret_of("{\"token\":\"t\"}");
  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_status(connector_secret_set_json(secret, texts[i], strlen(texts[i]), &failure),
                  CONNECTOR_INVALID);
  assert_secret(secret, "{\"token\":\"t\"}");
  connector_secret_free(secret);
}

static void equal_secrets_hold_the_same_in_any_order(void **state)
{
  (void)state;
  connector_secret *one = secret_of("{\"a\":\"1\",\"b\":\"2\"}");
  connector_secret *same = secret_of("{\"b\":\"2\",\"a\":\"1\"}");
  connector_secret *other = secret_of("{\"a\":\"1\",\"b\":\"3\"}");
  connector_secret *fewer = secret_of("{\"a\":\"1\"}");
  connector_secret_set_version(same, 4);
  assert_true(connector_secret_equal(one, same));
  assert_true(connector_secret_equal(NULL, NULL));
  assert_false(connector_secret_equal(one, other));
  assert_false(connector_secret_equal(one, fewer));
  assert_false(connector_secret_equal(one, NULL));
  connector_secret_free(one);
  connector_secret_free(same);
  connector_secret_free(other);
  connector_secret_free(fewer);
}

static void a_copy_takes_values_version_and_mark(void **state)
{
  (void)state;
  connector_secret *from = secret_of("{\"a\":\"1\"}");
  connector_secret *into = secret_of("{\"z\":\"26\"}");
  connector_secret_set_version(from, 4);
  connector_secret_set_stale(from, true);
  assert_ok(connector_secret_copy(into, from, &failure));
  assert_secret(into, "{\"a\":\"1\"}");
  assert_int_equal(connector_secret_version(into), 4);
  assert_true(connector_secret_is_stale(into));
  connector_secret_free(from);
  assert_secret(into, "{\"a\":\"1\"}");
  connector_secret_free(into);
}

static void a_secret_of_another_store_can_be_put(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_secret *secret = secret_of("{\"a\":\"1\"}");
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  host_reset();
  options.secrets = &secrets;
  open_store(&options);
  make_id(PATCH(0), id);
  assert_ok(connector_secret_put(test.store, id, secret, -1, NULL, &failure));
  assert_reads(id, 0, "{\"a\":\"1\"}");
  connector_secret_free(secret);
}

static void no_secret_has_no_values(void **state)
{
  (void)state;
  assert_int_equal(connector_secret_count(NULL), 0);
  assert_null(connector_secret_name(NULL, 0));
  assert_int_equal(connector_secret_version(NULL), 0);
  assert_false(connector_secret_is_stale(NULL));
  connector_secret_set_version(NULL, 1);
  connector_secret_set_stale(NULL, true);
  connector_secret_free(NULL);
  assert_invalid(connector_secret_new(test.store, NULL, &failure), "out");
}

/* Makes and frees secrets of more bytes in all than the child may have; 0 is success. */
static int make_many(void)
{
  static char value[CONNECTOR_SECRET_VALUE_MAX];
  connector_options options = test_options();
  connector_status status = connector_open(":memory:", &options, &test.store, NULL);
  int rounds = UNDER_SANITIZER || getenv("TEST_RUNNER") != NULL ? 10 : ROUNDS;
  for (int i = 0; status == CONNECTOR_OK && i < rounds; i++) {
    connector_secret *secret = NULL;
    status = connector_secret_new(test.store, &secret, NULL);
    if (status == CONNECTOR_OK)
      status = connector_secret_set(secret, "large", value, sizeof(value), NULL);
    connector_secret_free(secret);
  }
  close_store();
  return (int)status;
}

static void a_freed_secret_gives_its_memory_back(void **state)
{
  bool bounded = !UNDER_SANITIZER && getenv("TEST_RUNNER") == NULL;
  int code = 0;
  (void)state;
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit limit = { .rlim_cur = BOUND, .rlim_max = BOUND };
    if (bounded && setrlimit(RLIMIT_AS, &limit) != 0)
      _exit(100);
    exit(make_many());
  }
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_true(WIFEXITED(code));
  assert_int_equal(WEXITSTATUS(code), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(values_are_set_replaced_and_kept_in_order),
    memory_test(a_use_answers_what_the_function_answers),
    memory_test(names_and_lengths_have_their_limits),
    memory_test(json_goes_in_and_out),
    memory_test(bad_json_changes_nothing),
    memory_test(equal_secrets_hold_the_same_in_any_order),
    memory_test(a_copy_takes_values_version_and_mark),
    memory_test(a_secret_of_another_store_can_be_put),
    memory_test(no_secret_has_no_values),
    folder_test(a_freed_secret_gives_its_memory_back),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
