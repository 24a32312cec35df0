/*
 * The end of a record: soft delete, restore, and purging for good.
 */
#include "support.h"

static void delete_stamps_who_and_when(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "kept"), id);
  test_time += 7;
  current.person_id = "sub-3";
  assert_ok(connector_delete(test.store, id, 1, &failure));
  connector *record = fetch(id);
  assert_true(record->is_deleted);
  assert_true(record->deleted_at == test_time);
  assert_true(record->updated_at == test_time);
  assert_text(record->deleted_by, "sub-3");
  assert_text(record->updated_by, "sub-3");
  assert_int_equal(record->version, 2);
  assert_text(record->name, "kept");
  connector_free(record);
}

static void restore_clears_the_stamps(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "back"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  test_time += 7;
  current.person_id = "sub-4";
  assert_ok(connector_restore(test.store, id, 2, &record, &failure));
  assert_false(record->is_deleted);
  assert_int_equal(record->deleted_at, 0);
  assert_null(record->deleted_by);
  assert_int_equal(record->version, 3);
  assert_true(record->updated_at == test_time);
  assert_text(record->updated_by, "sub-4");
  assert_text(record->name, "back");
  connector *read = NULL;
  assert_ok(connector_get(test.store, id, 0, &read, &failure));
  assert_true(connector_equal(record, read));
  connector_free(record);
  connector_free(read);
}

static void an_old_version_is_a_conflict(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  assert_status(connector_delete(test.store, id, 1, &failure), CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 2);
  assert_ok(connector_delete(test.store, id, 2, &failure));
  assert_status(connector_restore(test.store, id, 2, NULL, &failure), CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 3);
  assert_ok(connector_restore(test.store, id, 3, NULL, &failure));
}

static void deleting_twice_is_not_found(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_not_found(connector_delete(test.store, id, 0, &failure));
  assert_not_found(connector_delete(test.store, id, 2, &failure));
}

static void restoring_a_live_record_is_a_conflict(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_status(connector_restore(test.store, id, 0, NULL, &failure), CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 1);
  assert_status(connector_restore(test.store, id, 1, NULL, &failure), CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 1);
}

static void purging_a_live_record_is_a_conflict(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_status(connector_purge(test.store, id, &failure), CONNECTOR_CONFLICT);
  connector_free(fetch(id));
}

static void a_purged_record_is_gone(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_not_found(connector_get(test.store, id, CONNECTOR_WITH_DELETED, &record, &failure));
  assert_not_found(connector_restore(test.store, id, 0, NULL, &failure));
  assert_not_found(connector_purge(test.store, id, &failure));
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 0);
}

static void purge_deleted_takes_only_what_was_deleted_before(void **state)
{
  (void)state;
  char ids[3][ID_SIZE];
  int64_t purged = -1;
  for (size_t i = 0; i < COUNT_OF(ids); i++)
    make_id(PATCH(0), ids[i]);
  assert_ok(connector_delete(test.store, ids[0], 0, &failure));
  test_time += 1000;
  assert_ok(connector_delete(test.store, ids[1], 0, &failure));
  assert_ok(connector_purge_deleted(test.store, test_time, &purged, &failure));
  assert_int_equal(purged, 1);
  connector_free(fetch(ids[1]));
  connector_free(fetch(ids[2]));
  assert_ok(connector_purge_deleted(test.store, test_time + 1, &purged, &failure));
  assert_int_equal(purged, 1);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 1);
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, &purged, &failure));
  assert_int_equal(purged, 0);
}

static void purge_deleted_works_through_many_and_out_may_be_null(void **state)
{
  (void)state;
  enum {
    MANY = 2500
  };
  char id[ID_SIZE];
  int64_t purged = 0;
  for (int i = 0; i < MANY; i++) {
    make_id(PATCH(0), id);
    assert_ok(connector_delete(test.store, id, 0, &failure));
  }
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, &purged, &failure));
  assert_int_equal(purged, MANY);
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, NULL, &failure));
}

static void purge_deleted_takes_only_what_the_caller_may_read(void **state)
{
  (void)state;
  char id[4][ID_SIZE];
  int64_t purged = -1;
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .owner_id = "user-bob", .user_id = "user-bob"),
          id[0]);
  make_id(PATCH(0), id[1]);
  current.app_id = "app-2";
  make_id(PATCH(0), id[2]);
  current.app_id = NULL;
  for (size_t i = 0; i < 3; i++)
    assert_ok(connector_delete(test.store, id[i], 0, &failure));
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  make_id(PATCH(0), id[3]);
  assert_ok(connector_delete(test.store, id[3], 0, &failure));

  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.app_id = "app-2";
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, &purged, &failure));
  assert_int_equal(purged, 1);
  current.app_id = NULL;
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, &purged, &failure));
  assert_int_equal(purged, 1);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, &purged, &failure));
  assert_int_equal(purged, 1);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, &purged, &failure));
  assert_int_equal(purged, 1);
}

static void the_error_may_be_null(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_int_equal(connector_restore(test.store, id, 0, NULL, NULL), CONNECTOR_CONFLICT);
  assert_int_equal(connector_delete(test.store, id, 0, NULL), CONNECTOR_OK);
  assert_int_equal(connector_restore(test.store, id, 0, NULL, NULL), CONNECTOR_OK);
  assert_int_equal(connector_delete(test.store, id, 0, NULL), CONNECTOR_OK);
  assert_int_equal(connector_purge(test.store, id, NULL), CONNECTOR_OK);
  assert_int_equal(connector_purge(test.store, id, NULL), CONNECTOR_NOT_FOUND);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(delete_stamps_who_and_when),
    clock_test(restore_clears_the_stamps),
    store_test(an_old_version_is_a_conflict),
    memory_test(deleting_twice_is_not_found),
    memory_test(restoring_a_live_record_is_a_conflict),
    memory_test(purging_a_live_record_is_a_conflict),
    store_test(a_purged_record_is_gone),
    clock_test(purge_deleted_takes_only_what_was_deleted_before),
    memory_test(purge_deleted_works_through_many_and_out_may_be_null),
    memory_test(purge_deleted_takes_only_what_the_caller_may_read),
    memory_test(the_error_may_be_null),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
