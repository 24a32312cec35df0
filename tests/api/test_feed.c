/*
 * The feed: every change once and in order, after a restart too, and to each caller its own.
 */
#include "lifecycle.h"

static void the_feed_is_oldest_first(void **state)
{
  (void)state;
  for (int i = 0; i < 10; i++)
    connector_free(make(PATCH(0)));
  connector_changes *changes = feed_after(0);
  assert_int_equal(connector_changes_count(changes), 10);
  for (size_t i = 1; i < 10; i++)
    assert_true(connector_changes_at(changes, i)->seq > connector_changes_at(changes, i - 1)->seq);
  connector_changes_free(changes);
}

static void a_reader_that_keeps_its_last_seq_sees_each_change_once(void **state)
{
  (void)state;
  int64_t last = 0;
  size_t seen = 0;
  for (int round = 0; round < 12; round++) {
    for (int i = 0; i < round; i++)
      connector_free(make(PATCH(0)));
    for (;;) {
      connector_changes *changes = NULL;
      assert_ok(connector_changes_after(test.store, last, 7, &changes, &failure));
      size_t count = connector_changes_count(changes);
      for (size_t i = 0; i < count; i++) {
        const connector_change *change = connector_changes_at(changes, i);
        assert_true(change->seq > last);
        last = change->seq;
      }
      seen += count;
      connector_changes_free(changes);
      if (count < 7)
        break;
    }
  }
  assert_int_equal(seen, 66);
}

static void a_reader_goes_on_after_a_restart(void **state)
{
  (void)state;
  connector_options options = test_options();
  int64_t last = 0;
  for (int round = 0; round < 4; round++) {
    connector_free(make(PATCH(.name = "before")));
    close_store();
    open_store(&options);
    connector_free(make(PATCH(.name = "after")));
    connector_changes *changes = feed_after(last);
    assert_int_equal(connector_changes_count(changes), 2);
    assert_contains(connector_changes_at(changes, 0)->forward, "\"before\"");
    assert_contains(connector_changes_at(changes, 1)->forward, "\"after\"");
    assert_true(last == 0 || connector_changes_at(changes, 0)->seq == last + 1);
    last = connector_changes_at(changes, 1)->seq;
    connector_changes_free(changes);
  }
}

static void two_stores_of_one_file_have_one_order(void **state)
{
  (void)state;
  connector_options options = test_options();
  connector_store *stores[] = { test.store, NULL };
  assert_ok(connector_open(test.path, &options, &stores[1], &failure));
  for (int i = 0; i < 10; i++)
    assert_ok(connector_create(stores[i % 2], PATCH(.name = i % 2 == 0 ? "even" : "odd"), NULL,
                               &failure));
  connector_changes *changes = feed_after(0);
  assert_int_equal(connector_changes_count(changes), 10);
  for (size_t i = 0; i < 10; i++) {
    assert_contains(connector_changes_at(changes, i)->forward, i % 2 == 0 ? "even" : "odd");
    assert_true(connector_changes_at(changes, i)->seq ==
                connector_changes_at(changes, 0)->seq + (int64_t)i);
  }
  connector_changes_free(changes);
  connector_close(stores[1]);
}

static void behind_the_newest_there_is_nothing(void **state)
{
  (void)state;
  connector_free(make(PATCH(0)));
  assert_int_equal(changes_behind(newest_seq()), 0);
  assert_int_equal(changes_behind(INT64_MAX), 0);
}

static void a_limit_of_zero_is_a_hundred(void **state)
{
  (void)state;
  connector_changes *changes = NULL;
  for (int i = 0; i < 120; i++)
    connector_free(make(PATCH(0)));
  assert_ok(connector_changes_after(test.store, 0, 0, &changes, &failure));
  assert_int_equal(connector_changes_count(changes), 100);
  connector_changes_free(changes);
}

static void bad_arguments_are_named(void **state)
{
  (void)state;
  connector_changes *changes = NULL;
  int64_t newest = 0;
  assert_invalid(connector_changes_after(test.store, -1, 0, &changes, &failure), "after_seq");
  assert_invalid(
      connector_changes_after(test.store, 0, CONNECTOR_CHANGES_MAX + 1, &changes, &failure),
      "limit");
  assert_invalid(connector_changes_after(test.store, 0, 0, NULL, &failure), "out");
  assert_invalid(connector_changes_wait(test.store, -1, 0, &newest, &failure), "after_seq");
  assert_invalid(connector_changes_wait(test.store, 0, 0, NULL, &failure), "newest");
  assert_null(changes);
}

static void each_caller_has_its_own_feed(void **state)
{
  (void)state;
  static const struct {
    const char *tenant, *app, *user;
    connector_role role;
    size_t wanted;
  } rows[] = {
    { "tenant-a", NULL, "user-ann", CONNECTOR_ROLE_TENANT, 4 },
    { "tenant-a", "app-1", "user-ann", CONNECTOR_ROLE_TENANT, 1 },
    { "tenant-a", "app-2", "user-ann", CONNECTOR_ROLE_TENANT, 0 },
    { "tenant-a", NULL, "user-ann", CONNECTOR_ROLE_MEMBER, 3 },
    { "tenant-a", NULL, "user-eve", CONNECTOR_ROLE_MEMBER, 2 },
    { "tenant-b", NULL, "user-ann", CONNECTOR_ROLE_TENANT, 1 },
    { "tenant-c", NULL, "user-ann", CONNECTOR_ROLE_TENANT, 0 },
    { "tenant-b", NULL, NULL, CONNECTOR_ROLE_SYSTEM, 1 },
    { NULL, NULL, NULL, CONNECTOR_ROLE_SYSTEM, 5 },
  };
  connector_free(make(PATCH(0)));
  connector_free(make(PATCH(personal("user-ann"))));
  connector_free(make(PATCH(personal("user-bob"))));
  current.app_id = "app-1";
  connector_free(make(PATCH(0)));
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  connector_free(make(PATCH(0)));
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    become(rows[i].tenant, rows[i].user, rows[i].role);
    current.app_id = rows[i].app;
    connector_changes *changes = feed_after(0);
    size_t count = connector_changes_count(changes);
    if (count != rows[i].wanted)
      fail_msg("caller %zu is told %zu changes, not %zu", i, count, rows[i].wanted);
    assert_true(newest_seq() == (count == 0 ? 0 : connector_changes_at(changes, count - 1)->seq));
    connector_changes_free(changes);
  }
}

/* A page that holds little of the caller's must not end its reading. */
static void a_few_changes_among_many_of_others_are_found(void **state)
{
  (void)state;
  enum { OTHERS = 1500 };
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  connector_free(make(PATCH(personal("user-ann"))));
  for (int i = 0; i < OTHERS; i++) {
    if (i == OTHERS / 2)
      become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
    connector_free(make(PATCH(personal("user-bob"))));
  }
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  connector_free(make(PATCH(personal("user-ann"))));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  connector_changes *changes = NULL;
  assert_ok(connector_changes_after(test.store, 0, 1, &changes, &failure));
  assert_int_equal(connector_changes_count(changes), 1);
  int64_t first = connector_changes_at(changes, 0)->seq;
  connector_changes_free(changes);
  assert_ok(connector_changes_after(test.store, first, 1, &changes, &failure));
  assert_int_equal(connector_changes_count(changes), 1);
  assert_true(connector_changes_at(changes, 0)->seq == newest_seq());
  connector_changes_free(changes);
}

static void changes_stay_as_they_were_read(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "a"), id);
  connector_changes *changes = feed_after(0);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  close_store();
  assert_int_equal(connector_changes_count(changes), 1);
  assert_text(connector_changes_at(changes, 0)->id, id);
  assert_contains(connector_changes_at(changes, 0)->forward, "\"name\":\"a\"");
  connector_changes_free(changes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(the_feed_is_oldest_first),
    memory_test(a_reader_that_keeps_its_last_seq_sees_each_change_once),
    store_test(a_reader_goes_on_after_a_restart),
    store_test(two_stores_of_one_file_have_one_order),
    memory_test(behind_the_newest_there_is_nothing),
    memory_test(a_limit_of_zero_is_a_hundred),
    memory_test(bad_arguments_are_named),
    memory_test(each_caller_has_its_own_feed),
    memory_test(a_few_changes_among_many_of_others_are_found),
    store_test(changes_stay_as_they_were_read),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
