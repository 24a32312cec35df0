/*
 * Updating: expected versions, what moves and what stays, clearing, and what is refused.
 */
#include "columns.h"

static void update_writes_what_is_given_and_leaves_the_rest(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "old", .provider = "jira", .config = "{\"a\":1}"), id);
  test_time += 5000;
  current.person_id = "sub-2";
  assert_ok(connector_update(test.store, id, 1, PATCH(.name = "new", .enabled = CONNECTOR_NO),
                             &record, &failure));
  assert_text(record->name, "new");
  assert_false(record->enabled);
  assert_text(record->provider, "jira");
  assert_text(record->config, "{\"a\":1}");
  assert_int_equal(record->version, 2);
  assert_true(record->updated_at == test_time);
  assert_true(record->created_at == test_time - 5000);
  assert_text(record->created_by, "person-1");
  assert_text(record->updated_by, "sub-2");
  connector *read = fetch(id);
  assert_true(connector_equal(record, read));
  connector_free(record);
  connector_free(read);
}

static void every_field_can_be_updated(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.enabled = CONNECTOR_NO), id);
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    const struct column *column = &columns[i];
    connector_patch patch = CONNECTOR_PATCH_INIT;
    const char *text = column->kind == OBJECT   ? "{\"a\":2}"
                       : column_is_json(column) ? "[\"a\"]"
                                                : "secret/data/a/b";
    bool textual = column->kind == TEXT || column_is_json(column);
    connector *record = NULL;
    if (!column->user || column->kind == CHOICE)
      continue;
    if (textual)
      patch_text(&patch, column, text);
    else
      patch_number(&patch, column, column->kind == BOOLEAN ? CONNECTOR_YES : 1700000000123);
    assert_ok(connector_update(test.store, id, 0, &patch, &record, &failure));
    if (textual)
      assert_text(column_text(column, record), text);
    else
      assert_true(column_number(column, record) == (column->kind == BOOLEAN ? 1 : 1700000000123));
    connector_free(record);
  }
}

static void every_nullable_field_can_be_cleared(void **state)
{
  (void)state;
  char id[ID_SIZE];
  uint64_t clear = 0;
  connector *record = NULL;
  for (size_t i = 0; i < COUNT_OF(columns); i++)
    if (columns[i].user && columns[i].nullable)
      clear |= CONNECTOR_BIT(i);
  make_id(PATCH(.type = "t", .provider = "p", .name = "n", .owner_id = "o", .group_id = "g",
                .user_id = "u", .config = "{}", .vault_path = "secret/data/a", .auth_type = "a",
                .oauth_token_expires_at = 1, .sync_status = "s", .last_sync_at = 2,
                .consecutive_errors = 3, .last_error = "e", .metrics = "{}", .event_types = "[]",
                .webhook_endpoint_id = "w", .credential_last_rotated_at = 4, .next_rotation_due = 5,
                .tags = "[]", .application_id = "x"),
          id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.clear = clear), &record, &failure));
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    if (!columns[i].user || !columns[i].nullable)
      continue;
    if (columns[i].kind == TIME || columns[i].kind == INTEGER)
      assert_int_equal(column_number(&columns[i], record), 0);
    else
      assert_null(column_text(&columns[i], record));
  }
  connector_free(record);
}

static void an_old_version_is_a_conflict_that_tells_the_current_one(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "a"), id);
  assert_ok(connector_update(test.store, id, 1, PATCH(.name = "b"), NULL, &failure));
  assert_status(connector_update(test.store, id, 1, PATCH(.name = "c"), NULL, &failure),
                CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 2);
  assert_status(connector_update(test.store, id, 9, PATCH(.name = "c"), NULL, &failure),
                CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 2);
  connector *record = fetch(id);
  assert_text(record->name, "b");
  connector_free(record);
}

static void a_negative_version_is_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_status(connector_update(test.store, id, -1, PATCH(0), NULL, &failure), CONNECTOR_INVALID);
  assert_status(connector_delete(test.store, id, -1, &failure), CONNECTOR_INVALID);
}

static void version_zero_takes_whatever_is_current(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (int64_t version = 2; version < 6; version++) {
    connector *record = NULL;
    assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), &record, &failure));
    assert_int_equal(record->version, version);
    connector_free(record);
  }
}

static void an_empty_patch_moves_version_and_stamps(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "same"), id);
  test_time += 1;
  assert_ok(connector_update(test.store, id, 1, PATCH(0), &record, &failure));
  assert_int_equal(record->version, 2);
  assert_true(record->updated_at == test_time);
  assert_text(record->name, "same");
  connector_free(record);
}

static void a_machine_moves_updated_at_but_not_updated_by(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  current.person_id = NULL;
  test_time += 10;
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), &record, &failure));
  assert_text(record->updated_by, "person-1");
  assert_true(record->updated_at == test_time);
  connector_free(record);
}

static void updated_at_never_moves_backwards(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  int64_t first = test_time;
  make_id(PATCH(0), id);
  test_time -= 60000;
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), &record, &failure));
  assert_true(record->updated_at >= first);
  connector_free(record);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  record = fetch(id);
  assert_true(record->updated_at >= first);
  connector_free(record);
  assert_ok(connector_restore(test.store, id, 0, &record, &failure));
  assert_true(record->updated_at >= first);
  connector_free(record);
}

static void updating_a_deleted_record_is_not_found(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_not_found(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  assert_not_found(connector_update(test.store, id, 2, PATCH(.name = "x"), NULL, &failure));
}

static void a_refused_update_changes_nothing(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "a", .provider = "p"), id);
  connector *before = fetch(id);
  assert_invalid(
      connector_update(test.store, id, 0, PATCH(.name = "b", .provider = "\xff"), NULL, &failure),
      "provider");
  assert_invalid(
      connector_update(test.store, id, 0, PATCH(.name = "b", .tags = "1"), NULL, &failure), "tags");
  assert_invalid(connector_update(test.store, id, 0,
                                  PATCH(.name = "b", .clear = CONNECTOR_BIT(CONNECTOR_FIELD_NAME)),
                                  NULL, &failure),
                 "name");
  assert_invalid(
      connector_update(test.store, id, 0, PATCH(.scope = CONNECTOR_SCOPE_GROUP), NULL, &failure),
      "group_id");
  connector *after = fetch(id);
  assert_true(connector_equal(before, after));
  connector_free(before);
  connector_free(after);
}

static void a_required_group_or_person_cannot_be_cleared(void **state)
{
  (void)state;
  char group[ID_SIZE];
  char personal[ID_SIZE];
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-1"), group);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "user-ann"), personal);
  assert_invalid(connector_update(test.store, group, 0,
                                  PATCH(.clear = CONNECTOR_BIT(CONNECTOR_FIELD_GROUP_ID)), NULL,
                                  &failure),
                 "group_id");
  assert_invalid(connector_update(test.store, personal, 0,
                                  PATCH(.clear = CONNECTOR_BIT(CONNECTOR_FIELD_USER_ID)), NULL,
                                  &failure),
                 "user_id");
}

static void a_member_cannot_move_a_record_out_of_its_sight(void **state)
{
  (void)state;
  char id[ID_SIZE];
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  make_id(PATCH(0), id);
  assert_status(connector_update(test.store, id, 0,
                                 PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-9"), NULL,
                                 &failure),
                CONNECTOR_DENIED);
  assert_status(connector_update(test.store, id, 0,
                                 PATCH(.scope = CONNECTOR_SCOPE_USER, .owner_id = "user-bob",
                                       .user_id = "user-bob"),
                                 NULL, &failure),
                CONNECTOR_DENIED);
  connector *record = fetch(id);
  assert_int_equal(record->version, 1);
  assert_int_equal(record->scope, CONNECTOR_SCOPE_ORG);
  connector_free(record);
}

static void null_arguments_are_invalid(void **state)
{
  (void)state;
  assert_invalid(connector_update(test.store, NULL, 0, PATCH(0), NULL, &failure), "id");
  assert_status(connector_update(test.store, "cnn_x", 0, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_invalid(connector_delete(test.store, NULL, 0, &failure), "id");
  assert_invalid(connector_restore(test.store, NULL, 0, NULL, &failure), "id");
  assert_invalid(connector_purge(test.store, NULL, &failure), "id");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(update_writes_what_is_given_and_leaves_the_rest),
    memory_test(every_field_can_be_updated),
    memory_test(every_nullable_field_can_be_cleared),
    store_test(an_old_version_is_a_conflict_that_tells_the_current_one),
    memory_test(a_negative_version_is_invalid),
    memory_test(version_zero_takes_whatever_is_current),
    clock_test(an_empty_patch_moves_version_and_stamps),
    clock_test(a_machine_moves_updated_at_but_not_updated_by),
    clock_test(updated_at_never_moves_backwards),
    memory_test(updating_a_deleted_record_is_not_found),
    memory_test(a_refused_update_changes_nothing),
    memory_test(a_required_group_or_person_cannot_be_cleared),
    memory_test(a_member_cannot_move_a_record_out_of_its_sight),
    memory_test(null_arguments_are_invalid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
