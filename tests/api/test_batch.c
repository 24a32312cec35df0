/*
 * Batches: all or nothing, savepoints inside, and on_change after the commit only.
 */
#include "support.h"

/* How many changes on_change was told of. */
static int changes;

static void count_change(void *user, const connector_change *change)
{
  (void)user;
  (void)change;
  changes++;
}

static int setup_changes(void **state)
{
  connector_options options = test_options();
  options.on_change = count_change;
  changes = 0;
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define batch_test(name) cmocka_unit_test_setup_teardown(name, setup_changes, teardown)

/* What the functions of this file find and want. */
struct work {
  int made;
  connector_status outcome;
  connector_status inner; /* what a call inside answered */
  int changes_seen;
  int64_t seen_inside;
};

static connector_status make_two(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  for (int i = 0; i < 2; i++) {
    connector_status status = connector_create(store, PATCH(.name = "in batch"), NULL, error);
    if (status != CONNECTOR_OK)
      return status;
  }
  work->changes_seen = changes;
  work->inner = connector_count(store, NULL, &work->seen_inside, error);
  if (work->outcome != CONNECTOR_OK)
    snprintf(error->message, sizeof(error->message), "the host thought better of it");
  return work->outcome;
}

static void a_batch_commits_all(void **state)
{
  (void)state;
  struct work work = { 0 };
  assert_ok(connector_batch(test.store, make_two, &work, &failure));
  assert_int_equal(count_of(NULL), 2);
  assert_int_equal(work.seen_inside, 2);
  assert_int_equal(work.changes_seen, 0);
  assert_int_equal(changes, 2);
}

static void a_failed_batch_leaves_nothing_and_tells_what_it_returned(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_CANCELLED };
  assert_status(connector_batch(test.store, make_two, &work, &failure), CONNECTOR_CANCELLED);
  assert_text(failure.message, "the host thought better of it");
  assert_int_equal(work.seen_inside, 2);
  assert_int_equal(count_of(NULL), 0);
  assert_int_equal(changes, 0);
  connector_free(make(PATCH(.name = "afterwards")));
  assert_int_equal(changes, 1);
}

static connector_status fail_and_go_on(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  connector_status status = connector_create(store, PATCH(.name = "before"), NULL, error);
  work->inner = connector_create(store, PATCH(.name = "\xff"), NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_create(store, PATCH(.name = "after"), NULL, error);
  return status;
}

static void a_failed_call_inside_changes_nothing_and_the_batch_goes_on(void **state)
{
  (void)state;
  struct work work = { 0 };
  assert_ok(connector_batch(test.store, fail_and_go_on, &work, &failure));
  assert_int_equal(work.inner, CONNECTOR_INVALID);
  assert_int_equal(count_of(NULL), 2);
}

static connector_status conflict_and_go_on(connector_store *store, void *user,
                                           connector_error *error)
{
  struct work *work = user;
  connector *record = NULL;
  connector_status status = connector_create(store, PATCH(.name = "one"), &record, error);
  if (status != CONNECTOR_OK)
    return status;
  work->inner = connector_update(store, record->id, 5, PATCH(.name = "two"), NULL, error);
  status = connector_update(store, record->id, 1, PATCH(.name = "three"), NULL, error);
  connector_free(record);
  return status;
}

static void a_conflict_inside_does_not_end_the_batch(void **state)
{
  (void)state;
  struct work work = { 0 };
  assert_ok(connector_batch(test.store, conflict_and_go_on, &work, &failure));
  assert_int_equal(work.inner, CONNECTOR_CONFLICT);
  connector_page *page = list_of(NULL);
  assert_int_equal(connector_page_count(page), 1);
  assert_text(connector_page_at(page, 0)->name, "three");
  assert_int_equal(connector_page_at(page, 0)->version, 2);
  connector_page_free(page);
}

static connector_status nest(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  struct work lost = { .outcome = CONNECTOR_DENIED };
  struct work kept = { 0 };
  connector_status status = connector_create(store, PATCH(.name = "outer"), NULL, error);
  if (status != CONNECTOR_OK)
    return status;
  work->inner = connector_batch(store, make_two, &lost, error);
  status = connector_batch(store, make_two, &kept, error);
  if (status == CONNECTOR_OK)
    status = connector_count(store, NULL, &work->seen_inside, error);
  return status != CONNECTOR_OK ? status : work->outcome;
}

static void a_nested_batch_fails_alone(void **state)
{
  (void)state;
  struct work work = { 0 };
  assert_ok(connector_batch(test.store, nest, &work, &failure));
  assert_int_equal(work.inner, CONNECTOR_DENIED);
  assert_int_equal(work.seen_inside, 3);
  assert_int_equal(count_of(NULL), 3);
  assert_int_equal(changes, 3);
}

static void a_failed_outer_batch_undoes_the_nested_ones(void **state)
{
  (void)state;
  struct work work = { .outcome = CONNECTOR_DISK_FULL };
  assert_int_equal(connector_batch(test.store, nest, &work, NULL), CONNECTOR_DISK_FULL);
  assert_int_equal(count_of(NULL), 0);
  assert_int_equal(changes, 0);
}

static connector_status go_deeper(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  connector_status status = connector_create(store, PATCH(.name = "level"), NULL, error);
  if (status == CONNECTOR_OK && ++work->made < 20)
    status = connector_batch(store, go_deeper, work, error);
  return status;
}

static void batches_nest_twenty_deep(void **state)
{
  (void)state;
  struct work work = { 0 };
  assert_ok(connector_batch(test.store, go_deeper, &work, &failure));
  assert_int_equal(count_of(NULL), 20);
}

static connector_status all_kinds(connector_store *store, void *user, connector_error *error)
{
  struct work *work = user;
  connector *record = NULL;
  connector_page *page = NULL;
  char id[ID_SIZE] = "";
  connector_status status = connector_create_once(store, "key", PATCH(.name = "x"), &record, error);
  if (status != CONNECTOR_OK)
    return status;
  snprintf(id, sizeof(id), "%s", record->id);
  connector_free(record);
  status = connector_delete(store, id, 1, error);
  if (status == CONNECTOR_OK)
    status = connector_restore(store, id, 2, NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_get(store, id, 0, &record, error);
  if (status != CONNECTOR_OK)
    return status;
  work->made = (int)record->version;
  connector_free(record);
  status = connector_list(store, NULL, &page, error);
  work->seen_inside = (int64_t)connector_page_count(page);
  connector_page_free(page);
  if (status == CONNECTOR_OK)
    status = connector_delete(store, id, 3, error);
  if (status == CONNECTOR_OK)
    status = connector_purge(store, id, error);
  return status;
}

static void every_write_and_read_joins_the_batch(void **state)
{
  (void)state;
  struct work work = { 0 };
  assert_ok(connector_batch(test.store, all_kinds, &work, &failure));
  assert_int_equal(work.made, 3);
  assert_int_equal(work.seen_inside, 1);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 0);
  assert_int_equal(changes, 5);
}

static connector_status make_many(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  for (int i = 0; i < 2000; i++) {
    connector_status status = connector_create(store, PATCH(.name = "bulk"), NULL, error);
    if (status != CONNECTOR_OK)
      return status;
  }
  return CONNECTOR_OK;
}

static void a_batch_holds_thousands_of_writes(void **state)
{
  (void)state;
  assert_ok(connector_batch(test.store, make_many, NULL, &failure));
  assert_int_equal(count_of(NULL), 2000);
  assert_int_equal(changes, 2000);
}

static void what_a_batch_wrote_survives_closing(void **state)
{
  (void)state;
  struct work work = { 0 };
  connector_options options = test_options();
  assert_ok(connector_batch(test.store, make_two, &work, &failure));
  open_store(&options);
  assert_int_equal(count_of(NULL), 2);
}

static void null_arguments_are_invalid(void **state)
{
  (void)state;
  assert_status(connector_batch(test.store, NULL, NULL, &failure), CONNECTOR_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    batch_test(a_batch_commits_all),
    batch_test(a_failed_batch_leaves_nothing_and_tells_what_it_returned),
    batch_test(a_failed_call_inside_changes_nothing_and_the_batch_goes_on),
    batch_test(a_conflict_inside_does_not_end_the_batch),
    batch_test(a_nested_batch_fails_alone),
    batch_test(a_failed_outer_batch_undoes_the_nested_ones),
    batch_test(batches_nest_twenty_deep),
    batch_test(every_write_and_read_joins_the_batch),
    batch_test(a_batch_holds_thousands_of_writes),
    batch_test(what_a_batch_wrote_survives_closing),
    batch_test(null_arguments_are_invalid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
