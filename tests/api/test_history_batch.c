/*
 * History in batches: all rows of a batch or none, and what is undone inside leaves no trace.
 */
#include "lifecycle.h"

/* What the functions of this file do and find. */
struct work {
  char id[ID_SIZE];
  connector_status outcome;
  size_t behind; /* changes that the feed held at the end of the batch */
  size_t in_history;
  int64_t newest;
};

static size_t feed_count(connector_store *store, connector_error *error)
{
  connector_changes *changes = NULL;
  size_t count = 1000;
  if (connector_changes_after(store, 0, 0, &changes, error) == CONNECTOR_OK)
    count = connector_changes_count(changes);
  connector_changes_free(changes);
  return count;
}

static connector_status write_three(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  connector *record = NULL;
  connector_changes *changes = NULL;
  connector_status status = connector_create(store, PATCH(.name = "one"), &record, error);
  if (status != CONNECTOR_OK)
    return status;
  snprintf(work->id, sizeof(work->id), "%s", record->id);
  connector_free(record);
  status = connector_update(store, work->id, 1, PATCH(.name = "two"), NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_sync_started(store, work->id, error);
  if (status == CONNECTOR_OK)
    status = connector_history(store, work->id, 0, 0, &changes, error);
  work->in_history = connector_changes_count(changes);
  connector_changes_free(changes);
  work->behind = feed_count(store, error);
  return status != CONNECTOR_OK ? status : work->outcome;
}

static void a_batch_has_all_its_rows(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_OK };
  assert_ok(connector_batch(test.store, write_three, &work, &failure));
  connector_changes *changes = feed_after(0);
  assert_int_equal(connector_changes_count(changes), 3);
  assert_int_equal(connector_changes_at(changes, 0)->kind, CONNECTOR_CHANGE_CREATED);
  assert_int_equal(connector_changes_at(changes, 1)->kind, CONNECTOR_CHANGE_UPDATED);
  assert_int_equal(connector_changes_at(changes, 2)->kind, CONNECTOR_CHANGE_HEALTH);
  connector_changes_free(changes);
  assert_int_equal(first_bad(), 0);
}

static void a_batch_sees_what_it_has_written_so_far(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_OK };
  assert_ok(connector_batch(test.store, write_three, &work, &failure));
  assert_int_equal(work.behind, 3);
  assert_int_equal(work.in_history, 3);
}

static void a_batch_that_fails_has_no_row(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_CANCELLED };
  connector_free(make(PATCH(0)));
  int64_t before = newest_seq();
  assert_int_equal(connector_batch(test.store, write_three, &work, NULL), CONNECTOR_CANCELLED);
  assert_int_equal(changes_behind(0), 1);
  connector_free(make(PATCH(0)));
  assert_true(newest_seq() == before + 1);
  assert_int_equal(first_bad(), 0);
}

static connector_status write_around_a_savepoint(connector_store *store, void *user,
                                                 connector_error *error)
{
  struct work inner = { .outcome = CONNECTOR_CANCELLED };
  connector_status status = connector_create(store, PATCH(.name = "before"), NULL, error);
  if (status != CONNECTOR_OK)
    return status;
  if (connector_batch(store, write_three, &inner, NULL) != CONNECTOR_CANCELLED)
    return CONNECTOR_INTERNAL;
  status = connector_create(store, PATCH(.name = "after"), NULL, error);
  ((struct work *)user)->behind = feed_count(store, error);
  return status;
}

static void an_undone_savepoint_has_no_row(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_OK };
  assert_ok(connector_batch(test.store, write_around_a_savepoint, &work, &failure));
  assert_int_equal(work.behind, 2);
  connector_changes *changes = feed_after(0);
  assert_int_equal(connector_changes_count(changes), 2);
  assert_contains(connector_changes_at(changes, 0)->forward, "\"before\"");
  assert_contains(connector_changes_at(changes, 1)->forward, "\"after\"");
  assert_true(connector_changes_at(changes, 1)->seq == connector_changes_at(changes, 0)->seq + 1);
  connector_changes_free(changes);
  assert_int_equal(first_bad(), 0);
}

static connector_status fail_and_write(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  connector_status status = connector_create(store, PATCH(.name = "one"), NULL, error);
  if (connector_create(store, PATCH(.name = "\xff"), NULL, NULL) != CONNECTOR_INVALID ||
      connector_update(store, work->id, 9, PATCH(0), NULL, NULL) != CONNECTOR_CONFLICT)
    return CONNECTOR_INTERNAL;
  return status != CONNECTOR_OK ? status
                                : connector_create(store, PATCH(.name = "two"), NULL, error);
}

static void calls_that_fail_inside_have_no_row(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_OK };
  make_id(PATCH(0), work.id);
  assert_ok(connector_batch(test.store, fail_and_write, &work, &failure));
  assert_int_equal(changes_behind(0), 3);
  assert_int_equal(first_bad(), 0);
}

static connector_status trim_and_verify(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  connector_status status = connector_create(store, PATCH(.name = "one"), NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_history_trim(store, test_time + 1, NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_create(store, PATCH(.name = "two"), NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_history_verify(store, &work->newest, error);
  return status != CONNECTOR_OK ? status : work->outcome;
}

static void trimming_in_a_batch_is_undone_with_it(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_CANCELLED, .newest = -1 };
  for (int i = 0; i < 5; i++)
    connector_free(make(PATCH(0)));
  assert_int_equal(connector_batch(test.store, trim_and_verify, &work, NULL), CONNECTOR_CANCELLED);
  assert_int_equal(work.newest, 0);
  assert_int_equal(changes_behind(0), 5);
  assert_int_equal(first_bad(), 0);
  work.outcome = CONNECTOR_OK;
  assert_ok(connector_batch(test.store, trim_and_verify, &work, &failure));
  assert_int_equal(work.newest, 0);
  assert_int_equal(changes_behind(0), 2);
  assert_int_equal(first_bad(), 0);
}

#define both(name) store_test(name), memory_test(name)

static connector_status create_two_and_undo(connector_store *store, void *user,
                                            connector_error *error)
{
  (void)user;
  for (int i = 0; i < 2; i++)
    assert_int_equal(connector_create(store, PATCH(0), NULL, error), CONNECTOR_OK);
  return CONNECTOR_CANCELLED;
}

/* The first change of a file settles its key: undone, it is to be settled again. */
static void a_first_batch_that_is_undone_leaves_a_store_that_writes(void **state)
{
  connector_options options = test_options();
  int64_t bad = -1;
  (void)state;
  assert_int_equal(connector_batch(test.store, create_two_and_undo, NULL, NULL),
                   CONNECTOR_CANCELLED);
  connector_free(make(PATCH(0)));
  open_store(&options);
  connector_free(make(PATCH(0)));
  assert_ok(connector_history_verify(test.store, &bad, &failure));
  assert_int_equal(bad, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    both(a_batch_has_all_its_rows),
    both(a_batch_sees_what_it_has_written_so_far),
    both(a_batch_that_fails_has_no_row),
    both(an_undone_savepoint_has_no_row),
    both(calls_that_fail_inside_have_no_row),
    clock_test(trimming_in_a_batch_is_undone_with_it),
    store_test(a_first_batch_that_is_undone_leaves_a_store_that_writes),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
