/*
 * What is handed out is released: each kind, again and again, within a bound on memory. Under a
 * leak checker (sanitizers, or a TEST_RUNNER such as valgrind) that finds the leak instead.
 */
#include "sanitizer.h"
#include "support.h"

#include <sys/resource.h>
#include <sys/wait.h>

enum {
  ROUNDS = 3000,
  JSON = 200 * 1024,
  BOUND = 400 * 1024 * 1024,
  STORES = 200,
  FILTERS = 30,
  FILTER = 1000
};

static char big_json[JSON + 1];
static char big_params[FILTERS * FILTER + 1];

static void fill_texts(void)
{
  memset(big_json, 'x', JSON);
  memcpy(big_json, "{\"k\":\"", 6);
  memcpy(big_json + JSON - 2, "\"}", 2);
  memset(big_params, 'x', FILTERS * FILTER);
  for (size_t i = 0; i < FILTERS; i++)
    memcpy(big_params + i * FILTER, "&name[contains]=", 16);
}

/* Runs `work` in a child that has BOUND bytes of memory; 0 is success. */
static int within_bound(int (*work)(void))
{
  int code = 0;
  bool bounded = !UNDER_SANITIZER && getenv("TEST_RUNNER") == NULL;
  fill_texts();
  fflush(NULL);
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    struct rlimit limit = { .rlim_cur = BOUND, .rlim_max = BOUND };
    if (bounded && setrlimit(RLIMIT_AS, &limit) != 0)
      _exit(100);
    exit(work());
  }
  assert_int_equal(waitpid(child, &code, 0), child);
  return WIFEXITED(code) ? WEXITSTATUS(code) : 101;
}

static int rounds(void)
{
  return UNDER_SANITIZER || getenv("TEST_RUNNER") != NULL ? 10 : ROUNDS;
}

static int copy_and_free(void)
{
  const connector record = { .id = "x", .config = big_json };
  for (int i = 0; i < rounds(); i++) {
    connector *copy = NULL;
    if (connector_dup(&record, &copy, NULL) != CONNECTOR_OK)
      return 1;
    connector_free(copy);
  }
  return 0;
}

static void records_are_released(void **state)
{
  (void)state;
  assert_int_equal(within_bound(copy_and_free), 0);
}

static int write_and_free(void)
{
  const connector record = { .id = "x", .config = big_json };
  for (int i = 0; i < rounds(); i++) {
    char *json = NULL;
    if (connector_to_json(&record, 0, &json, NULL, NULL) != CONNECTOR_OK)
      return 1;
    connector_string_free(json);
  }
  return 0;
}

static void texts_are_released(void **state)
{
  (void)state;
  assert_int_equal(within_bound(write_and_free), 0);
}

static int parse_and_free(void)
{
  for (int i = 0; i < rounds() * 6; i++) {
    connector_query *query = NULL;
    if (connector_query_from_params(big_params + 1, &query, NULL) != CONNECTOR_OK)
      return 1;
    connector_query_free(query);
  }
  return 0;
}

static void queries_are_released(void **state)
{
  (void)state;
  assert_int_equal(within_bound(parse_and_free), 0);
}

static int list_and_free(void)
{
  connector_options options = test_options();
  if (connector_open(":memory:", &options, &test.store, NULL) != CONNECTOR_OK ||
      connector_create(test.store, PATCH(.config = big_json), NULL, NULL) != CONNECTOR_OK)
    return 1;
  for (int i = 0; i < rounds(); i++) {
    connector_page *page = NULL;
    if (connector_list(test.store, NULL, &page, NULL) != CONNECTOR_OK)
      return 2;
    connector_page_free(page);
  }
  connector_close(test.store);
  return 0;
}

static void pages_are_released(void **state)
{
  (void)state;
  assert_int_equal(within_bound(list_and_free), 0);
}

static int read_changes_and_free(void)
{
  connector_options options = test_options();
  if (connector_open(":memory:", &options, &test.store, NULL) != CONNECTOR_OK ||
      connector_create(test.store, PATCH(.config = big_json), NULL, NULL) != CONNECTOR_OK)
    return 1;
  for (int i = 0; i < rounds(); i++) {
    connector_changes *changes = NULL;
    if (connector_changes_after(test.store, 0, 0, &changes, NULL) != CONNECTOR_OK)
      return 2;
    connector_changes_free(changes);
  }
  connector_close(test.store);
  return 0;
}

static void changes_are_released(void **state)
{
  (void)state;
  assert_int_equal(within_bound(read_changes_and_free), 0);
}

/* A claimed connector is due again once its lease is handed back. */
static int claim_and_free(void)
{
  connector_options options = test_options();
  if (connector_open(":memory:", &options, &test.store, NULL) != CONNECTOR_OK ||
      connector_create(test.store, PATCH(.config = big_json), NULL, NULL) != CONNECTOR_OK)
    return 1;
  for (int i = 0; i < rounds(); i++) {
    connector_claims *claims = NULL;
    if (connector_claim(test.store, CONNECTOR_DUE_SYNC, NULL, &claims, NULL) != CONNECTOR_OK ||
        connector_claims_count(claims) != 1 ||
        connector_lease_release(test.store, connector_claims_at(claims, 0)->lease, NULL) !=
            CONNECTOR_OK)
      return 2;
    connector_claims_free(claims);
  }
  connector_close(test.store);
  return 0;
}

static void claims_are_released(void **state)
{
  (void)state;
  assert_int_equal(within_bound(claim_and_free), 0);
}

static int open_and_close(void)
{
  connector_options options = test_options();
  for (int i = 0; i < STORES; i++) {
    connector_store *store = NULL;
    if (connector_open(test.path, &options, &store, NULL) != CONNECTOR_OK)
      return 1;
    if (connector_create(store, PATCH(.config = big_json), NULL, NULL) != CONNECTOR_OK)
      return 2;
    connector_close(store);
  }
  return 0;
}

static int open_and_close_with_few_files(void)
{
  struct rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
    return 3;
  limit.rlim_cur = 64;
  return setrlimit(RLIMIT_NOFILE, &limit) != 0 ? 3 : open_and_close();
}

static void stores_are_released_with_their_files(void **state)
{
  (void)state;
  assert_int_equal(within_bound(open_and_close_with_few_files), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(records_are_released),
    folder_test(texts_are_released),
    folder_test(queries_are_released),
    folder_test(pages_are_released),
    folder_test(changes_are_released),
    folder_test(claims_are_released),
    folder_test(stores_are_released_with_their_files),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
