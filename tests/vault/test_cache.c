/*
 * The cache: off unless asked for, fresh for its time, one request for all who miss, stale values
 * only where they may be.
 */
#include "vault_support.h"

static int reads(void)
{
  return stand_in_counts(vault.server).reads;
}

static connector_vault_options cache_options(uint32_t ttl, uint32_t stale)
{
  connector_vault_options options = vault_options();
  options.cache_ttl_ms = ttl;
  options.cache_stale_ms = stale;
  options.no_retries = true;
  return options;
}

static void open_cached(uint32_t ttl, uint32_t stale)
{
  connector_vault_options options = cache_options(ttl, stale);
  open_vault(&options);
}

static void invalidate(const char *path)
{
  vault.secrets.invalidate(vault.secrets.user, REQUEST(.path = path));
}

/* Reads, and tells whether what came is marked. */
static bool is_stale(const char *path, const char *wanted)
{
  connector_secret *secret = new_secret();
  bool stale = false;
  assert_ok(get(REQUEST(.path = path), secret));
  check_value(secret, "token", wanted);
  stale = connector_secret_is_stale(secret);
  connector_secret_free(secret);
  return stale;
}

static void there_is_no_cache_unless_asked_for(void **state)
{
  (void)state;
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  check_token_at("t/a", "x");
  assert_int_equal(reads(), 2);
  invalidate("t/a");
}

static void a_value_serves_for_its_time(void **state)
{
  (void)state;
  open_cached(300, 0);
  store_values("t/a", "old");
  check_token_at("t/a", "old");
  store_values("t/a", "new");
  assert_false(is_stale("t/a", "old"));
  assert_int_equal(reads(), 1);
  sleep_ms(320);
  check_token_at("t/a", "new");
  assert_int_equal(reads(), 2);
}

static void a_cached_value_has_its_version(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  open_cached(60000, 0);
  store_values("t/a", "x");
  store_values("t/a", "y");
  check_token_at("t/a", "y");
  assert_ok(get(REQUEST(.path = "t/a"), secret));
  assert_int_equal(connector_secret_version(secret), 2);
  connector_secret_free(secret);
}

static void versions_paths_and_mounts_are_kept_apart(void **state)
{
  (void)state;
  connector_secret *secret = new_secret();
  open_cached(60000, 0);
  store_values("t/a", "one");
  store_values("t/a", "two");
  store_values("t/b", "b");
  stand_in_store(vault.server, "team/kv", "t/a", "{\"token\":\"team\"}");
  for (int i = 0; i < 2; i++) {
    check_token_at("t/a", "two");
    check_token_at("t/b", "b");
    assert_ok(get(REQUEST(.path = "t/a", .version = 1), secret));
    check_value(secret, "token", "one");
    assert_ok(get(REQUEST_AT(.mount = "team/kv", .path = "t/a"), secret));
    check_value(secret, "token", "team");
  }
  assert_int_equal(reads(), 4);
  connector_secret_free(secret);
}

static void a_write_drops_what_was_cached(void **state)
{
  (void)state;
  open_cached(60000, 0);
  store_values("t/a", "old");
  check_token_at("t/a", "old");
  assert_ok(put(REQUEST(.path = "t/a"), "{\"token\":\"new\"}", 1, NULL));
  check_token_at("t/a", "new");
}

static void a_write_that_failed_drops_it_too(void **state)
{
  (void)state;
  open_cached(60000, 0);
  store_values("t/a", "old");
  check_token_at("t/a", "old");
  store_values("t/a", "another's");
  assert_status(put(REQUEST(.path = "t/a"), "{\"token\":\"new\"}", 1, NULL),
                CONNECTOR_SECRET_CONFLICT);
  check_token_at("t/a", "another's");
}

static void removing_restoring_and_destroying_drop_it(void **state)
{
  (void)state;
  open_cached(60000, 0);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  assert_ok(vault.secrets.remove(vault.secrets.user, REQUEST(.path = "t/a"), &failure));
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_DELETED);
  assert_ok(vault.secrets.restore(vault.secrets.user, REQUEST(.path = "t/a"), &failure));
  check_token_at("t/a", "x");
  assert_ok(vault.secrets.destroy(vault.secrets.user, REQUEST(.path = "t/a"), &failure));
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_NOT_FOUND);
}

static void a_cached_secret_serves_another_store(void **state)
{
  (void)state;
  connector_options options = test_options();
  connector_store *other = NULL;
  connector_secret *secret = NULL;
  open_cached(60000, 0);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  assert_ok(connector_open(":memory:", &options, &other, &failure));
  assert_ok(connector_secret_new(other, &secret, &failure));
  assert_ok(get(REQUEST(.path = "t/a"), secret));
  check_value(secret, "token", "x");
  assert_int_equal(reads(), 1);
  connector_secret_free(secret);
  connector_close(other);
}

static void invalidate_drops_all_versions_of_one_path(void **state)
{
  (void)state;
  open_cached(60000, 0);
  store_values("t/a", "x");
  store_values("t/b", "x");
  check_token_at("t/a", "x");
  assert_ok(get(REQUEST(.path = "t/a", .version = 1), NULL));
  check_token_at("t/b", "x");
  invalidate("t/a");
  check_token_at("t/a", "x");
  assert_ok(get(REQUEST(.path = "t/a", .version = 1), NULL));
  check_token_at("t/b", "x");
  assert_int_equal(reads(), 5);
}

static void a_rotated_record_reads_anew(void **state)
{
  (void)state;
  open_cached(60000, 0);
  store_values("t/a", "x");
  assert_ok(get(REQUEST(.path = "t/a", .rotated_at = 1), NULL));
  assert_ok(get(REQUEST(.path = "t/a", .rotated_at = 1), NULL));
  assert_int_equal(reads(), 1);
  assert_ok(get(REQUEST(.path = "t/a", .rotated_at = 2), NULL));
  assert_int_equal(reads(), 2);
}

static void failures_are_not_cached(void **state)
{
  (void)state;
  open_cached(60000, 0);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_NOT_FOUND);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
}

static void the_least_used_goes_first(void **state)
{
  (void)state;
  connector_vault_options options = cache_options(60000, 0);
  options.cache_entries = 2;
  open_vault(&options);
  store_values("a", "x");
  store_values("b", "x");
  store_values("c", "x");
  check_token_at("a", "x");
  check_token_at("b", "x");
  check_token_at("a", "x");
  check_token_at("c", "x"); /* b goes */
  assert_int_equal(reads(), 3);
  check_token_at("a", "x");
  check_token_at("c", "x");
  assert_int_equal(reads(), 3);
  check_token_at("b", "x");
  assert_int_equal(reads(), 4);
}

/* ---- stale values ---- */

static const struct fault passing[] = {
  { .kind = FAULT_STATUS, .status = 500 },
  { .kind = FAULT_STATUS, .status = 429 },
  { .kind = FAULT_STATUS, .status = 503, .body = "<html>gateway</html>" },
  { .kind = FAULT_STATUS, .status = 412 },
  { .kind = FAULT_CLOSE },
  { .kind = FAULT_CUT },
  { .kind = FAULT_DELAY, .ms = 600 },
};

static void a_stale_value_serves_while_the_vault_can_not_be_had(void **state)
{
  (void)state;
  connector_vault_options options = cache_options(1, 60000);
  options.timeout_ms = 300;
  store_values("t/a", "x");
  for (size_t i = 0; i < COUNT_OF(passing); i++) {
    open_vault(&options);
    FAULT(.kind = FAULT_NONE);
    assert_false(is_stale("t/a", "x"));
    sleep_ms(5);
    stand_in_fault(vault.server, passing[i]);
    assert_true(is_stale("t/a", "x"));
  }
  assert_contains(vault.log, "past its time");
  check_silence();
}

static const struct {
  int http;
  const char *body;
  connector_status status;
} lasting[] = {
  { 403, "", CONNECTOR_SECRET_DENIED },
  { 404, "{\"errors\":[]}", CONNECTOR_SECRET_NOT_FOUND },
  { 404, "{\"data\":{\"data\":null,\"metadata\":{\"version\":1}}}", CONNECTOR_SECRET_DELETED },
  { 503, "{\"errors\":[\"Vault is sealed\"]}", CONNECTOR_SECRET_SEALED },
  { 400, "", CONNECTOR_SECRET_DENIED },
  { 307, "", CONNECTOR_SECRET_UNAVAILABLE },
  { 200, "garbage", CONNECTOR_SECRET_UNAVAILABLE },
  { 501, "", CONNECTOR_SECRET_UNAVAILABLE },
};

static void no_other_failure_is_covered_by_a_stale_value(void **state)
{
  (void)state;
  store_values("t/a", "x");
  for (size_t i = 0; i < COUNT_OF(lasting); i++) {
    open_cached(1, 60000);
    FAULT(.kind = FAULT_NONE);
    check_token_at("t/a", "x");
    sleep_ms(5);
    FAULT(.kind = FAULT_STATUS, .status = lasting[i].http, .body = lasting[i].body);
    assert_status(get(REQUEST(.path = "t/a"), NULL), lasting[i].status);
    /* And it is gone: an outage that follows does not bring it back. */
    FAULT(.kind = FAULT_CLOSE);
    assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
  }
}

static void no_stale_value_serves_unless_asked_for(void **state)
{
  (void)state;
  open_cached(1, 0);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  sleep_ms(5);
  FAULT(.kind = FAULT_CLOSE);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
}

static void a_stale_value_has_an_end(void **state)
{
  (void)state;
  open_cached(50, 150);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  FAULT(.kind = FAULT_CLOSE);
  sleep_ms(60);
  assert_true(is_stale("t/a", "x"));
  sleep_ms(200);
  assert_status(get(REQUEST(.path = "t/a"), NULL), CONNECTOR_SECRET_UNAVAILABLE);
}

static void a_vault_that_is_down_is_not_asked_each_time(void **state)
{
  (void)state;
  open_cached(1, 60000);
  store_values("t/a", "x");
  check_token_at("t/a", "x");
  sleep_ms(5);
  FAULT(.kind = FAULT_STATUS, .status = 500);
  for (int i = 0; i < 50; i++)
    assert_true(is_stale("t/a", "x"));
  assert_int_equal(reads(), 2);
  FAULT(.kind = FAULT_NONE);
  store_values("t/a", "y");
  sleep_ms(1050);
  assert_false(is_stale("t/a", "y"));
}

/* ---- one request for all ---- */

enum { CROWD = 1000 };

struct reader {
  pthread_t thread;
  connector_status status;
  int64_t version;
  char value[256];
};

static void *read_one(void *user)
{
  struct reader *reader = user;
  connector_secret *secret = new_secret();
  reader->status = get(REQUEST(.path = "t/a"), secret);
  reader->version = connector_secret_version(secret);
  if (reader->status == CONNECTOR_OK)
    reader->status = connector_secret_use(secret, "token", copy_value, reader->value, &failure);
  connector_secret_free(secret);
  return NULL;
}

/* Small stacks, so that a thousand fit. */
static size_t start_crowd(struct reader *readers)
{
  pthread_attr_t attributes;
  size_t started = 0;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, 256 * 1024);
  while (started < CROWD &&
         pthread_create(&readers[started].thread, &attributes, read_one, &readers[started]) == 0)
    started++;
  pthread_attr_destroy(&attributes);
  return started;
}

static void a_thousand_misses_make_one_request(void **state)
{
  (void)state;
  struct reader *readers = calloc(CROWD, sizeof(*readers));
  size_t started = 0;
  open_cached(60000, 0);
  store_values("t/a", "x");
  FAULT(.kind = FAULT_DELAY, .ms = 1500);
  started = start_crowd(readers);
  for (size_t i = 0; i < started; i++) {
    pthread_join(readers[i].thread, NULL);
    assert_int_equal(readers[i].status, CONNECTOR_OK);
    assert_text(readers[i].value, "x");
  }
  assert_int_equal(started, CROWD);
  assert_int_equal(stand_in_counts(vault.server).requests, 1);
  free(readers);
}

static void all_who_wait_share_a_failure(void **state)
{
  (void)state;
  struct reader readers[16] = { 0 };
  open_cached(60000, 0);
  FAULT(.kind = FAULT_STATUS, .status = 403, .ms = 300, .count = 1);
  for (size_t i = 0; i < COUNT_OF(readers); i++)
    pthread_create(&readers[i].thread, NULL, read_one, &readers[i]);
  for (size_t i = 0; i < COUNT_OF(readers); i++) {
    pthread_join(readers[i].thread, NULL);
    assert_int_equal(readers[i].status, CONNECTOR_SECRET_DENIED);
  }
  assert_int_equal(reads(), 1);
}

static void all_who_wait_learn_a_deleted_version(void **state)
{
  (void)state;
  struct reader readers[16] = { 0 };
  open_cached(60000, 0);
  store_values("t/a", "x");
  store_values("t/a", "y");
  assert_ok(vault.secrets.remove(vault.secrets.user, REQUEST(.path = "t/a"), &failure));
  FAULT(.kind = FAULT_DELAY, .ms = 300);
  for (size_t i = 0; i < COUNT_OF(readers); i++)
    pthread_create(&readers[i].thread, NULL, read_one, &readers[i]);
  for (size_t i = 0; i < COUNT_OF(readers); i++) {
    pthread_join(readers[i].thread, NULL);
    assert_int_equal(readers[i].status, CONNECTOR_SECRET_DELETED);
    assert_int_equal(readers[i].version, 2);
  }
  assert_int_equal(reads(), 1);
}

static void a_wait_ends_at_its_own_deadline(void **state)
{
  (void)state;
  struct reader reader = { 0 };
  open_cached(60000, 0);
  store_values("t/a", "x");
  FAULT(.kind = FAULT_DELAY, .ms = 400, .count = 1);
  assert_int_equal(pthread_create(&reader.thread, NULL, read_one, &reader), 0);
  sleep_ms(50);
  assert_status(get(REQUEST(.path = "t/a", .timeout_ms = 100), NULL), CONNECTOR_SECRET_TIMEOUT);
  pthread_join(reader.thread, NULL);
  assert_int_equal(reader.status, CONNECTOR_OK);
  assert_int_equal(reads(), 1);
}

static void *read_briefly(void *user)
{
  connector_status *status = user;
  *status = get(REQUEST(.path = "t/a", .timeout_ms = 200), NULL);
  return NULL;
}

static void who_waits_asks_where_the_asker_gives_up(void **state)
{
  (void)state;
  connector_status brief = CONNECTOR_OK;
  pthread_t asker;
  open_cached(60000, 0);
  store_values("t/a", "x");
  FAULT(.kind = FAULT_DELAY, .ms = 500, .count = 1);
  assert_int_equal(pthread_create(&asker, NULL, read_briefly, &brief), 0);
  sleep_ms(50);
  check_token_at("t/a", "x");
  pthread_join(asker, NULL);
  assert_int_equal(brief, CONNECTOR_SECRET_TIMEOUT);
  assert_int_equal(reads(), 2);
}

static void a_request_from_before_an_invalidation_is_not_joined(void **state)
{
  (void)state;
  struct reader reader = { 0 };
  open_cached(60000, 0);
  store_values("t/a", "x");
  FAULT(.kind = FAULT_DELAY, .ms = 400, .count = 1);
  assert_int_equal(pthread_create(&reader.thread, NULL, read_one, &reader), 0);
  sleep_ms(50);
  invalidate("t/a");
  check_token_at("t/a", "x");
  assert_int_equal(reads(), 2);
  pthread_join(reader.thread, NULL);
  assert_int_equal(reader.status, CONNECTOR_OK);
}

static void a_request_from_before_a_write_is_not_kept(void **state)
{
  (void)state;
  struct reader reader = { 0 };
  open_cached(60000, 0);
  store_values("t/a", "old");
  /* Read before the write, answered after it. */
  FAULT(.kind = FAULT_DO_AND_FAIL, .method = "GET", .count = 1, .ms = 400, .status = 200,
        .body = "{\"data\":{\"data\":{\"token\":\"old\"},\"metadata\":{\"version\":1}}}");
  assert_int_equal(pthread_create(&reader.thread, NULL, read_one, &reader), 0);
  sleep_ms(100);
  assert_ok(put(REQUEST(.path = "t/a"), "{\"token\":\"new\"}", 1, NULL));
  check_token_at("t/a", "new");
  pthread_join(reader.thread, NULL);
  assert_text(reader.value, "old");
  check_token_at("t/a", "new");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    vault_test(there_is_no_cache_unless_asked_for),
    vault_test(a_value_serves_for_its_time),
    vault_test(a_cached_value_has_its_version),
    vault_test(versions_paths_and_mounts_are_kept_apart),
    vault_test(a_write_drops_what_was_cached),
    vault_test(a_write_that_failed_drops_it_too),
    vault_test(removing_restoring_and_destroying_drop_it),
    vault_test(a_cached_secret_serves_another_store),
    vault_test(invalidate_drops_all_versions_of_one_path),
    vault_test(a_rotated_record_reads_anew),
    vault_test(failures_are_not_cached),
    vault_test(the_least_used_goes_first),
    vault_test(a_stale_value_serves_while_the_vault_can_not_be_had),
    vault_test(no_other_failure_is_covered_by_a_stale_value),
    vault_test(no_stale_value_serves_unless_asked_for),
    vault_test(a_stale_value_has_an_end),
    vault_test(a_vault_that_is_down_is_not_asked_each_time),
    vault_test(a_thousand_misses_make_one_request),
    vault_test(all_who_wait_share_a_failure),
    vault_test(all_who_wait_learn_a_deleted_version),
    vault_test(a_wait_ends_at_its_own_deadline),
    vault_test(who_waits_asks_where_the_asker_gives_up),
    vault_test(a_request_from_before_an_invalidation_is_not_joined),
    vault_test(a_request_from_before_a_write_is_not_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
