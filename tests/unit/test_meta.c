/*
 * engine/meta: the cursor key, fences that are given once, idempotency keys per tenant and app, and
 * the figures of a file.
 */
#include "engine_support.h"

#include "engine/meta.h"

static struct once once_of(const char *tenant, const char *app, const char *key)
{
  struct once once = {
    .tenant = tenant, .app = app, .key = key, .connector_id = "cnn_1", .created_at = 1000
  };
  memset(once.content, 7, sizeof(once.content));
  return once;
}

static bool known(const char *tenant, const char *app, const char *key, struct once *out)
{
  struct once once = { .tenant = tenant, .app = app, .key = key };
  bool found = false;
  engine_ok(once_find(engine.connection, &once, &found, &failure));
  if (out != NULL)
    *out = once;
  return found;
}

static void the_cursor_key_stays_the_same(void **state)
{
  uint8_t first[META_KEY_SIZE] = { 0 };
  uint8_t second[META_KEY_SIZE] = { 0 };
  uint8_t none[META_KEY_SIZE] = { 0 };
  (void)state;
  engine_ok(meta_cursor_key(engine.connection, first, &failure));
  engine_ok(meta_cursor_key(engine.connection, second, &failure));
  assert_memory_equal(first, second, sizeof(first));
  assert_memory_not_equal(first, none, sizeof(first));
}

static void a_file_without_a_whole_cursor_key_is_corrupt(void **state)
{
  static const char *const damages[] = {
    "UPDATE meta SET value = zeroblob(31) WHERE key = 'cursor_key'",
    "UPDATE meta SET value = 'text' WHERE key = 'cursor_key'",
    "UPDATE meta SET value = 5 WHERE key = 'cursor_key'",
    "DELETE FROM meta",
  };
  uint8_t key[META_KEY_SIZE] = { 0 };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(damages); i++) {
    engine_ok(connection_run(engine.connection, damages[i], &failure));
    engine_fails(meta_cursor_key(engine.connection, key, &failure), CONNECTOR_CORRUPT);
  }
}

/* ---- fences ---- */

static int64_t fences(int64_t count)
{
  int64_t first = -1;
  engine_ok(meta_take_fences(engine.connection, count, &first, &failure));
  return first;
}

static void fences_follow_one_another_from_1_on(void **state)
{
  (void)state;
  assert_int_equal(fences(1), 1);
  assert_int_equal(fences(1), 2);
  assert_int_equal(fences(500), 3);
  assert_int_equal(fences(1), 503);
  assert_int_equal(integer_of(engine.connection, "SELECT value FROM meta WHERE key = 'fence'"),
                   503);
}

static void fences_that_were_committed_are_not_given_again(void **state)
{
  (void)state;
  engine_ok(connection_begin_write(engine.connection, &failure));
  assert_int_equal(fences(10), 1);
  engine_ok(connection_commit(engine.connection, &failure));
  engine_ok(connection_begin_write(engine.connection, &failure));
  assert_int_equal(fences(10), 11);
  connection_rollback(engine.connection);
  assert_int_equal(fences(1), 11);
  connection_close(engine.connection);
  engine.connection = connect_as(CONNECTION_WRITE, false);
  assert_int_equal(fences(1), 12);
}

static void a_file_without_its_count_of_leases_gives_no_fence(void **state)
{
  static const char *const damages[] = { "UPDATE meta SET value = -1 WHERE key = 'fence'",
                                         "UPDATE meta SET value = -7 WHERE key = 'fence'",
                                         "DELETE FROM meta WHERE key = 'fence'" };
  int64_t first = 77;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(damages); i++) {
    engine_ok(connection_run(engine.connection, damages[i], &failure));
    engine_fails(meta_take_fences(engine.connection, 1, &first, &failure), CONNECTOR_CORRUPT);
    assert_int_equal(first, 77);
  }
}

static void fences_end_with_the_largest_number(void **state)
{
  int64_t first = 77;
  (void)state;
  engine_ok(connection_run(engine.connection,
                           "UPDATE meta SET value = 9223372036854775805 WHERE key = 'fence'",
                           &failure));
  engine_fails(meta_take_fences(engine.connection, 3, &first, &failure), CONNECTOR_CORRUPT);
  assert_int_equal(first, 77);
  assert_int_equal(fences(2), INT64_MAX - 1);
  engine_fails(meta_take_fences(engine.connection, 1, &first, &failure), CONNECTOR_CORRUPT);
}

static void taking_fences_searches_their_key(void **state)
{
  char plan[PLAN_SIZE];
  (void)state;
  (void)fences(1);
  latest_plan(plan);
  assert_text(plan, "SEARCH meta USING PRIMARY KEY (key=?)\n");
}

/* ---- idempotency ---- */

static void a_key_is_found_in_its_tenant_and_app_alone(void **state)
{
  struct once once = once_of("tenant-a", "app-1", "key");
  struct once found;
  (void)state;
  engine_ok(once_put(engine.connection, &once, &failure));
  assert_true(known("tenant-a", "app-1", "key", &found));
  assert_memory_equal(found.content, once.content, sizeof(once.content));
  assert_text(found.connector_id, "cnn_1");
  assert_int_equal(found.created_at, 1000);
  assert_false(known("tenant-b", "app-1", "key", NULL));
  assert_false(known("tenant-a", "", "key", NULL));
  assert_false(known("tenant-a", "app-2", "key", NULL));
  assert_false(known("tenant-a", "app-1", "Key", NULL));
}

static void a_later_use_takes_the_place_of_an_older_one(void **state)
{
  struct once once = once_of("tenant-a", "", "key");
  struct once found;
  (void)state;
  engine_ok(once_put(engine.connection, &once, &failure));
  once.created_at = 2000;
  memset(once.content, 9, sizeof(once.content));
  memcpy(once.connector_id, "cnn_2", 6);
  engine_ok(once_put(engine.connection, &once, &failure));
  assert_true(known("tenant-a", "", "key", &found));
  assert_int_equal(found.created_at, 2000);
  assert_int_equal(found.content[0], 9);
  assert_text(found.connector_id, "cnn_2");
}

static void old_keys_are_forgotten_some_at_a_time(void **state)
{
  int64_t expired = -1;
  (void)state;
  for (int i = 0; i < 5; i++) {
    char key[16];
    struct once once = once_of(i % 2 == 0 ? "tenant-a" : "tenant-b", "", key);
    snprintf(key, sizeof(key), "key%d", i);
    once.created_at = i < 3 ? 10 : 20;
    engine_ok(once_put(engine.connection, &once, &failure));
  }
  engine_ok(once_expire(engine.connection, 20, 2, &expired, &failure));
  assert_int_equal(expired, 2);
  engine_ok(once_expire(engine.connection, 20, 2, &expired, &failure));
  assert_int_equal(expired, 1);
  engine_ok(once_expire(engine.connection, 20, 2, &expired, &failure));
  assert_int_equal(expired, 0);
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM idempotency"), 2);
}

static void figures_count_the_whole_file(void **state)
{
  struct file_figures figures = { 0 };
  (void)state;
  for (int i = 0; i < 6; i++) {
    char id[16];
    connector record = sample(i < 4 ? "tenant-a" : "tenant-b", id);
    snprintf(id, sizeof(id), "cnn_%d", i);
    record.deleted_at = i < 2 ? 5 : 0;
    put(&record);
  }
  engine_ok(meta_figures(engine.connection, &figures, &failure));
  assert_int_equal(figures.live, 4);
  assert_int_equal(figures.deleted, 2);
  assert_int_equal(figures.tenants, 2);
  assert_int_equal(figures.schema_version, SCHEMA_VERSION);
  assert_int_equal(figures.file_bytes, integer_of(engine.connection, "PRAGMA page_count") *
                                           integer_of(engine.connection, "PRAGMA page_size"));
  assert_int_equal(figures.free_bytes, 0);
}

static void an_empty_file_counts_nothing(void **state)
{
  struct file_figures figures = { .live = 9, .deleted = 9, .tenants = 9 };
  (void)state;
  engine_ok(meta_figures(engine.connection, &figures, &failure));
  assert_int_equal(figures.live, 0);
  assert_int_equal(figures.deleted, 0);
  assert_int_equal(figures.tenants, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    rows_test(the_cursor_key_stays_the_same),
    rows_test(a_file_without_a_whole_cursor_key_is_corrupt),
    rows_test(fences_follow_one_another_from_1_on),
    file_test(fences_that_were_committed_are_not_given_again),
    rows_test(a_file_without_its_count_of_leases_gives_no_fence),
    rows_test(fences_end_with_the_largest_number),
    rows_test(taking_fences_searches_their_key),
    rows_test(a_key_is_found_in_its_tenant_and_app_alone),
    rows_test(a_later_use_takes_the_place_of_an_older_one),
    rows_test(old_keys_are_forgotten_some_at_a_time),
    rows_test(figures_count_the_whole_file),
    rows_test(an_empty_file_counts_nothing),
  };
  return cmocka_run_group_tests_name("meta", tests, NULL, NULL);
}
