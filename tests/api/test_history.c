/*
 * History: which writes have a row, of what kind, and what stands in it.
 */
#include "lifecycle.h"
#include "stream.h"

enum { TOLD = 64 };

/* What on_change was told, in its order. */
static struct {
  int64_t seqs[TOLD];
  char *texts[TOLD]; /* connector_change_to_json() of each */
  size_t count;
  size_t in_feed; /* of these, how many the feed held already */
} told;

static void take_change(void *user, const connector_change *change)
{
  (void)user;
  connector_changes *changes = NULL;
  if (told.count == TOLD)
    return;
  told.seqs[told.count] = change->seq;
  if (connector_change_to_json(change, &told.texts[told.count], NULL, NULL) != CONNECTOR_OK)
    told.texts[told.count] = NULL;
  told.count++;
  if (connector_changes_after(test.store, change->seq - 1, 1, &changes, NULL) == CONNECTOR_OK &&
      connector_changes_count(changes) == 1 && connector_changes_at(changes, 0)->seq == change->seq)
    told.in_feed++;
  connector_changes_free(changes);
}

static connector_options history_options(void)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.on_change = take_change;
  return options;
}

static int setup_history(void **state)
{
  connector_options options = history_options();
  if (setup_folder(state) != 0)
    return -1;
  memset(&told, 0, sizeof(told));
  return connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

static int teardown_history(void **state)
{
  for (size_t i = 0; i < told.count; i++)
    connector_string_free(told.texts[i]);
  return teardown(state);
}

#define history_test(name) cmocka_unit_test_setup_teardown(name, setup_history, teardown_history)

static void refresh_and_rotate(const char *id)
{
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, test_time + HOUR, NULL, &failure));
  release(lease);
  lease = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  assert_ok(connector_rotated(test.store, lease, test_time + DAY, NULL, &failure));
  release(lease);
}

/* One write of each kind that needs no failing connector. */
static void live_through(char id[ID_SIZE])
{
  make_id(PATCH(.name = "a", .auth_type = "oauth2"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b"), NULL, &failure));
  connector_free(succeed(id, 3, 20));
  refresh_and_rotate(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
}

static void each_write_has_a_row_of_its_kind(void **state)
{
  (void)state;
  static const struct {
    connector_change_kind kind;
    const char *name;
    int64_t version; /* 0 = not looked at */
  } wanted[] = {
    { CONNECTOR_CHANGE_CREATED, "created", 1 },   { CONNECTOR_CHANGE_UPDATED, "updated", 2 },
    { CONNECTOR_CHANGE_HEALTH, "health", 2 },     { CONNECTOR_CHANGE_REFRESHED, "refreshed", 2 },
    { CONNECTOR_CHANGE_ROTATED, "rotated", 2 },   { CONNECTOR_CHANGE_DELETED, "deleted", 3 },
    { CONNECTOR_CHANGE_RESTORED, "restored", 4 }, { CONNECTOR_CHANGE_DELETED, "deleted", 5 },
    { CONNECTOR_CHANGE_PURGED, "purged", 0 },
  };
  char id[ID_SIZE];
  live_through(id);
  connector_changes *changes = history_of(id);
  size_t count = connector_changes_count(changes);
  assert_int_equal(count, COUNT_OF(wanted));
  for (size_t i = 0; i < count; i++) {
    const connector_change *change = connector_changes_at(changes, count - 1 - i);
    assert_int_equal(change->kind, wanted[i].kind);
    assert_text(connector_change_kind_name(change->kind), wanted[i].name);
    assert_text(change->id, id);
    assert_text(change->tenant_id, "tenant-a");
    assert_false(change->out_of_reach);
    assert_null(change->reason);
    if (wanted[i].version != 0)
      assert_int_equal(change->version, wanted[i].version);
  }
  connector_changes_free(changes);
}

static void a_row_tells_who_when_and_for_which_request(void **state)
{
  (void)state;
  char id[ID_SIZE];
  current.app_id = "app-1";
  current.person_id = "sub-9";
  current.source = "cli";
  current.request_id = "req-7";
  make_id(PATCH(0), id);
  test_time += 1234;
  current.person_id = NULL;
  current.source = NULL;
  current.request_id = NULL;
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  connector_changes *changes = history_of(id);
  const connector_change *change = connector_changes_at(changes, 1);
  assert_text(change->app_id, "app-1");
  assert_text(change->person_id, "sub-9");
  assert_text(change->source, "cli");
  assert_text(change->request_id, "req-7");
  assert_true(change->at == test_time - 1234);
  change = connector_changes_at(changes, 0);
  assert_text(change->app_id, "app-1");
  assert_null(change->person_id);
  assert_null(change->source);
  assert_null(change->request_id);
  assert_true(change->at == test_time);
  connector_changes_free(changes);
}

static void patches_hold_what_changed_in_both_directions(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "old", .provider = "jira", .config = "{\"a\":1,\"b\":{\"c\":2}}"), id);
  assert_ok(
      connector_update(test.store, id, 0,
                       PATCH(.name = "new", .type = "t", .config = "{\"a\":1,\"b\":{\"c\":3}}",
                             .clear = CONNECTOR_BIT(CONNECTOR_FIELD_PROVIDER)),
                       NULL, &failure));
  connector_changes *changes = history_of(id);
  const connector_change *change = connector_changes_at(changes, 0);
  assert_contains(change->forward, "\"name\":\"new\"");
  assert_contains(change->forward, "\"type\":\"t\"");
  assert_contains(change->forward, "\"provider\":null");
  assert_contains(change->forward, "\"config\":{\"b\":{\"c\":3}}");
  assert_contains(change->back, "\"name\":\"old\"");
  assert_contains(change->back, "\"type\":null");
  assert_contains(change->back, "\"provider\":\"jira\"");
  assert_contains(change->back, "\"config\":{\"b\":{\"c\":2}}");
  connector_changes_free(changes);
}

static void patches_leave_out_what_the_library_stamps(void **state)
{
  (void)state;
  static const char *const stamps[] = {
    "\"id\":",         "\"tenant_id\":",  "\"app_id\":",     "\"created_at\":",
    "\"updated_at\":", "\"created_by\":", "\"updated_by\":", "\"is_deleted\":",
    "\"deleted_at\":", "\"deleted_by\":", "\"version\":",    "\"schema_version\":"
  };
  char id[ID_SIZE];
  live_through(id);
  connector_changes *changes = history_of(id);
  for (size_t i = 0; i < connector_changes_count(changes); i++) {
    const connector_change *change = connector_changes_at(changes, i);
    for (size_t j = 0; j < COUNT_OF(stamps) && change->kind != CONNECTOR_CHANGE_PURGED; j++) {
      assert_lacks(change->forward, stamps[j]);
      assert_lacks(change->back != NULL ? change->back : "", stamps[j]);
    }
  }
  connector_changes_free(changes);
}

static void a_purge_has_no_patches(void **state)
{
  (void)state;
  char id[ID_SIZE];
  live_through(id);
  connector_changes *changes = history_of(id);
  assert_null(connector_changes_at(changes, 0)->forward);
  assert_null(connector_changes_at(changes, 0)->back);
  connector_changes_free(changes);
}

static void what_changes_no_field_has_empty_patches(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "same"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(0), NULL, &failure));
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "same"), NULL, &failure));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  connector_changes *changes = history_of(id);
  assert_int_equal(connector_changes_count(changes), 5);
  for (size_t i = 0; i < 4; i++) {
    assert_text(connector_changes_at(changes, i)->forward, "{}");
    assert_text(connector_changes_at(changes, i)->back, "{}");
  }
  connector_changes_free(changes);
}

static void no_secret_of_an_error_gets_into_a_patch(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.last_error = "password=hunter2canary"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.last_error = "token: hunter3canary"), NULL,
                             &failure));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "api_key=hunter4canary"));
  connector_changes *changes = history_of(id);
  for (size_t i = 0; i < connector_changes_count(changes); i++) {
    char *json = NULL;
    assert_ok(connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &failure));
    assert_contains(json, "[redacted]");
    assert_lacks(json, "canary");
    connector_string_free(json);
  }
  connector_changes_free(changes);
}

static void a_repeated_create_once_has_one_row(void **state)
{
  (void)state;
  for (int i = 0; i < 3; i++)
    assert_ok(connector_create_once(test.store, "key", PATCH(.name = "x"), NULL, &failure));
  assert_status(connector_create_once(test.store, "key", PATCH(.name = "y"), NULL, &failure),
                CONNECTOR_EXISTS);
  assert_int_equal(changes_behind(0), 1);
}

static void what_fails_has_no_row(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_status(connector_update(test.store, id, 9, PATCH(.name = "x"), NULL, &failure),
                CONNECTOR_CONFLICT);
  assert_invalid(connector_update(test.store, id, 0, PATCH(.name = "\xff"), NULL, &failure),
                 "name");
  assert_invalid(connector_create(test.store, PATCH(.tags = "1"), NULL, &failure), "tags");
  assert_not_found(connector_delete(test.store, "cnn_none", 0, &failure));
  assert_status(connector_restore(test.store, id, 0, NULL, &failure), CONNECTOR_CONFLICT);
  assert_status(connector_purge(test.store, id, &failure), CONNECTOR_CONFLICT);
  assert_not_found(connector_sync_started(test.store, "cnn_none", &failure));
  assert_int_equal(changes_behind(0), 1);
}

static void leases_have_no_rows(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.oauth_refresh_needed = CONNECTOR_YES), id);
  connector_lease *lease = take(id, "probe", MINUTE);
  assert_ok(connector_lease_renew(test.store, lease, (uint32_t)MINUTE, &failure));
  release(lease);
  assert_int_equal(claim_count(CONNECTOR_DUE_REFRESH), 1);
  assert_int_equal(changes_behind(0), 1);
}

static void each_imported_record_has_a_row(void **state)
{
  (void)state;
  char *text = fill_and_export();
  struct source source = source_of(text);
  connector_options options = history_options();
  snprintf(test.path, sizeof(test.path), "%s/other.db", test.folder);
  open_store(&options);
  assert_ok(connector_import(test.store, source_read, &source, NULL, NULL, &failure));
  connector_changes *changes = feed_after(0);
  assert_int_equal(connector_changes_count(changes), 5);
  for (size_t i = 0; i < 5; i++) {
    assert_int_equal(connector_changes_at(changes, i)->kind, CONNECTOR_CHANGE_CREATED);
    assert_non_null(connector_changes_at(changes, i)->forward);
  }
  connector_changes_free(changes);
  free(text);
}

static void purge_deleted_has_a_row_for_each(void **state)
{
  (void)state;
  char ids[3][ID_SIZE];
  for (size_t i = 0; i < 3; i++) {
    make_id(PATCH(0), ids[i]);
    assert_ok(connector_delete(test.store, ids[i], 0, &failure));
  }
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, NULL, &failure));
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(changes_of_kind(ids[i], CONNECTOR_CHANGE_PURGED), 1);
}

static void on_change_is_told_the_rows_after_their_commit(void **state)
{
  (void)state;
  char id[ID_SIZE];
  live_through(id);
  connector_changes *changes = feed_after(0);
  assert_int_equal(told.count, connector_changes_count(changes));
  assert_int_equal(told.in_feed, told.count);
  for (size_t i = 0; i < told.count; i++) {
    char *json = NULL;
    assert_ok(connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &failure));
    assert_text(told.texts[i], json);
    connector_string_free(json);
  }
  connector_changes_free(changes);
}

static void seqs_ascend_without_gaps_over_all_tenants(void **state)
{
  (void)state;
  static const char *const tenants[] = { "tenant-a", "tenant-b", "tenant-c" };
  for (int i = 0; i < 30; i++) {
    become(tenants[i % 3], "user-ann", CONNECTOR_ROLE_TENANT);
    connector_free(make(PATCH(0)));
    assert_invalid(connector_create(test.store, PATCH(.name = "\xff"), NULL, &failure), "name");
  }
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  connector_changes *changes = feed_after(0);
  assert_int_equal(connector_changes_count(changes), 30);
  int64_t first = connector_changes_at(changes, 0)->seq;
  assert_true(first > 0);
  for (size_t i = 0; i < 30; i++)
    assert_true(connector_changes_at(changes, i)->seq == first + (int64_t)i);
  connector_changes_free(changes);
}

static void a_change_is_written_as_json(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char wanted[600];
  char *json = NULL;
  size_t length = 0;
  current.request_id = "req \"1\"";
  make_id(PATCH(.name = "a"), id);
  test_time += 1000;
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b"), NULL, &failure));
  connector_changes *changes = history_of(id);
  const connector_change *change = connector_changes_at(changes, 0);
  assert_ok(connector_change_to_json(change, &json, &length, &failure));
  snprintf(wanted, sizeof(wanted),
           "{\"seq\":%lld,\"kind\":\"updated\",\"id\":\"%s\",\"tenant_id\":\"tenant-a\","
           "\"app_id\":null,\"version\":2,\"at\":\"2023-11-14T22:13:21.000Z\","
           "\"person_id\":\"person-1\",\"source\":null,\"request_id\":\"req \\\"1\\\"\","
           "\"reason\":null,\"out_of_reach\":false,\"forward\":{\"name\":\"b\"},"
           "\"back\":{\"name\":\"a\"}}",
           (long long)change->seq, id);
  assert_text(json, wanted);
  assert_int_equal(length, strlen(wanted));
  connector_string_free(json);
  connector_changes_free(changes);
}

static void a_value_that_is_no_kind_has_a_name_too(void **state)
{
  (void)state;
  assert_text(connector_change_kind_name(CONNECTOR_CHANGE_DISABLED), "disabled");
  assert_text(connector_change_kind_name(CONNECTOR_CHANGE_RECOVERED), "recovered");
  assert_text(connector_change_kind_name((connector_change_kind)0), "unknown");
  assert_text(connector_change_kind_name((connector_change_kind)99), "unknown");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    history_test(each_write_has_a_row_of_its_kind),
    history_test(a_row_tells_who_when_and_for_which_request),
    history_test(patches_hold_what_changed_in_both_directions),
    history_test(patches_leave_out_what_the_library_stamps),
    history_test(a_purge_has_no_patches),
    history_test(what_changes_no_field_has_empty_patches),
    history_test(no_secret_of_an_error_gets_into_a_patch),
    history_test(a_repeated_create_once_has_one_row),
    history_test(what_fails_has_no_row),
    history_test(leases_have_no_rows),
    history_test(each_imported_record_has_a_row),
    history_test(purge_deleted_has_a_row_for_each),
    history_test(on_change_is_told_the_rows_after_their_commit),
    history_test(seqs_ascend_without_gaps_over_all_tenants),
    history_test(a_change_is_written_as_json),
    folder_test(a_value_that_is_no_kind_has_a_name_too),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
