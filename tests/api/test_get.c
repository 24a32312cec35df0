/*
 * Getting: who may read what, and that everything that may not be read has one and the same face.
 */
#include "support.h"

static void get_gives_the_record_as_stored(void **state)
{
  (void)state;
  connector *created = make(PATCH(.name = "n", .config = "{\"a\":1}"));
  connector *read = NULL;
  assert_ok(connector_get(test.store, created->id, 0, &read, &failure));
  assert_true(connector_equal(created, read));
  connector_free(created);
  connector_free(read);
}

static void a_deleted_record_is_found_only_with_the_flag(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_not_found(connector_get(test.store, id, 0, &record, &failure));
  assert_ok(connector_get(test.store, id, CONNECTOR_WITH_DELETED, &record, &failure));
  assert_true(record->is_deleted);
  connector_free(record);
}

static void unknown_flags_are_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  assert_invalid(connector_get(test.store, id, 2, &record, &failure), "flags");
  assert_invalid(connector_get(test.store, id, UINT32_MAX, &record, &failure), "flags");
}

static void null_arguments_are_invalid(void **state)
{
  (void)state;
  connector *record = NULL;
  assert_invalid(connector_get(test.store, NULL, 0, &record, &failure), "id");
  assert_status(connector_get(test.store, "cnn_", 0, NULL, &failure), CONNECTOR_INVALID);
}

static void out_is_untouched_on_failure(void **state)
{
  (void)state;
  connector *record = (connector *)&failure;
  assert_not_found(connector_get(test.store, "cnn_none", 0, &record, &failure));
  assert_ptr_equal(record, &failure);
}

/* Records that the caller of one_face_of_not_found() can't see, each for a reason of its own. */
enum {
  HIDDEN = 6
};

static void hide_records(char hidden[HIDDEN][ID_SIZE])
{
  current.app_id = "app-1";
  make_id(PATCH(.name = "deleted"), hidden[0]);
  assert_ok(connector_delete(test.store, hidden[0], 0, &failure));
  current.app_id = "app-2";
  make_id(PATCH(.name = "another app's"), hidden[1]);
  current.app_id = NULL;
  make_id(PATCH(.name = "no app's"), hidden[2]);
  current.app_id = "app-1";
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .owner_id = "user-bob", .user_id = "user-bob"),
          hidden[3]);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-9"), hidden[4]);
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  make_id(PATCH(.name = "another tenant's"), hidden[5]);
}

static connector_status call(int which, const char *id)
{
  connector *record = NULL;
  static const char json[] = "{\"name\":\"x\"}";
  memset(&failure, 0x5a, sizeof(failure));
  switch (which) {
  case 0:
    return connector_get(test.store, id, 0, &record, &failure);
  case 1:
    return connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure);
  case 2:
    return connector_update(test.store, id, 77, PATCH(.name = "x"), NULL, &failure);
  case 3:
    return connector_delete(test.store, id, 0, &failure);
  case 4:
    return connector_delete(test.store, id, 77, &failure);
  case 5:
    return connector_update_json(test.store, id, 0, json, strlen(json), NULL, &failure);
  case 6:
    return connector_restore(test.store, id, 0, NULL, &failure);
  case 7:
    return connector_restore(test.store, id, 77, NULL, &failure);
  default:
    return connector_purge(test.store, id, &failure);
  }
}

enum {
  CALLS = 9,
  RESTORE = 6
};

/* Whether two errors are the same in every member and byte of text. */
static void assert_same_face(const connector_error *a, const connector_error *b)
{
  assert_int_equal(a->status, b->status);
  assert_int_equal(a->os_code, b->os_code);
  assert_true(a->version == b->version);
  assert_string_equal(a->field, b->field);
  assert_string_equal(a->message, b->message);
}

static void not_found_has_one_face(void **state)
{
  (void)state;
  static char long_id[5000];
  static const char *const groups[] = { "group-1" };
  char hidden[HIDDEN][ID_SIZE];
  memset(long_id, 'A', sizeof(long_id) - 1);
  const char *const malformed[] = { "",       "x",
                                    "cnn_",   "\xff\xfe",
                                    "' OR 1", "cnn_01\n02",
                                    "%s%n",   "cnn_00000000000000000000000000",
                                    long_id };
  hide_records(hidden);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.app_id = "app-1";
  current.group_ids = groups;
  current.group_count = 1;

  for (int which = 0; which < CALLS; which++) {
    assert_int_equal(call(which, "cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV"), CONNECTOR_NOT_FOUND);
    connector_error face = failure;
    for (size_t i = 0; i < COUNT_OF(malformed); i++) {
      assert_int_equal(call(which, malformed[i]), CONNECTOR_NOT_FOUND);
      assert_same_face(&failure, &face);
    }
    for (size_t i = which >= RESTORE ? 1 : 0; i < HIDDEN; i++) {
      assert_int_equal(call(which, hidden[i]), CONNECTOR_NOT_FOUND);
      assert_same_face(&failure, &face);
    }
    call(0, "cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV");
    assert_same_face(&failure, &face);
  }
}

static void nothing_but_the_very_id_finds_a_record(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char near[ID_SIZE + 2];
  connector *record = NULL;
  make_id(PATCH(0), id);
  snprintf(near, sizeof(near), "%s ", id);
  assert_not_found(connector_get(test.store, near, 0, &record, &failure));
  snprintf(near, sizeof(near), " %s", id);
  assert_not_found(connector_get(test.store, near, 0, &record, &failure));
  assert_not_found(connector_get(test.store, id + 4, 0, &record, &failure));
  snprintf(near, sizeof(near), "CNN_%s", id + 4);
  assert_not_found(connector_get(test.store, near, 0, &record, &failure));
  snprintf(near, sizeof(near), "%.*s%%", (int)strlen(id) - 1, id);
  assert_not_found(connector_get(test.store, near, 0, &record, &failure));
}

static void with_deleted_shows_no_more_of_other_tenants(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_not_found(connector_get(test.store, id, CONNECTOR_WITH_DELETED, &record, &failure));
}

static void a_tenants_role_reads_all_of_the_tenant(void **state)
{
  (void)state;
  char mine[ID_SIZE];
  char group[ID_SIZE];
  current.app_id = "app-1";
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "user-bob"), mine);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-9"), group);
  become("tenant-a", "user-zoe", CONNECTOR_ROLE_TENANT);
  connector_free(fetch(mine));
  connector_free(fetch(group));
}

static void a_member_reads_its_own_its_groups_and_org_wide_ones(void **state)
{
  (void)state;
  static const char *const groups[] = { "group-1", "group-2" };
  char ids[3][ID_SIZE];
  make_id(PATCH(0), ids[0]);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .owner_id = "user-bob", .user_id = "user-bob"),
          ids[1]);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-2"), ids[2]);
  become("tenant-a", "user-bob", CONNECTOR_ROLE_MEMBER);
  current.group_ids = groups;
  current.group_count = COUNT_OF(groups);
  for (size_t i = 0; i < COUNT_OF(ids); i++)
    connector_free(fetch(ids[i]));
  assert_int_equal(count_of(NULL), 3);
}

static void a_member_without_a_user_sees_nobodys_personal_records(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "user-bob"), id);
  become("tenant-a", NULL, CONNECTOR_ROLE_MEMBER);
  assert_not_found(connector_get(test.store, id, 0, &record, &failure));
  assert_int_equal(count_of(NULL), 0);
}

static void system_reads_every_tenant_or_the_one_it_names(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "a's"), id);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  record = fetch(id);
  assert_text(record->tenant_id, "tenant-a");
  connector_free(record);
  become("tenant-a", NULL, CONNECTOR_ROLE_SYSTEM);
  connector_free(fetch(id));
  become("tenant-b", NULL, CONNECTOR_ROLE_SYSTEM);
  assert_not_found(connector_get(test.store, id, 0, &record, &failure));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(get_gives_the_record_as_stored),
    memory_test(a_deleted_record_is_found_only_with_the_flag),
    memory_test(unknown_flags_are_invalid),
    memory_test(null_arguments_are_invalid),
    memory_test(out_is_untouched_on_failure),
    memory_test(not_found_has_one_face),
    memory_test(nothing_but_the_very_id_finds_a_record),
    memory_test(with_deleted_shows_no_more_of_other_tenants),
    memory_test(a_tenants_role_reads_all_of_the_tenant),
    memory_test(a_member_reads_its_own_its_groups_and_org_wide_ones),
    memory_test(a_member_without_a_user_sees_nobodys_personal_records),
    memory_test(system_reads_every_tenant_or_the_one_it_names),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
