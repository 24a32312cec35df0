/*
 * Writes that keep history, and reading, trimming and verifying it, while allocations fail.
 */
#include "no_memory_lifecycle.h"

/* ---- writes ---- */

static connector_status run_create(void)
{
  return connector_create(test.store,
                          PATCH(.name = "new", .config = "{ \"a\" : [1, 2] }",
                                .last_error = "token ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
                          &out.record, &failure);
}

static connector_status run_update(void)
{
  return connector_update(test.store, oauth_id, 3,
                          PATCH(.name = "new", .clear = CONNECTOR_BIT(CONNECTOR_FIELD_TAGS)),
                          &out.record, &failure);
}

/* A null and another order of keys: what a patch back can't say is kept besides. */
static connector_status run_update_json(void)
{
  static const char json[] = "{\"config\":{\"labels\":{\"b\":[null],\"a\":1},\"region\":null}}";
  return connector_update_json(test.store, oauth_id, 3, json, sizeof(json) - 1, &out.record,
                               &failure);
}

static connector_status run_enable(void)
{
  return connector_update(test.store, disabled_id, 0, PATCH(.enabled = CONNECTOR_YES), &out.record,
                          &failure);
}

static connector_status run_restore(void)
{
  return connector_restore(test.store, deleted_id, 2, &out.record, &failure);
}

static void verify_record(void)
{
  connector *found = fetch(out.record->id);
  assert_true(connector_equal(found, out.record));
  connector_free(found);
}

static connector_status run_delete(void)
{
  return connector_delete(test.store, syncing_id, 0, &failure);
}

static connector_status run_purge(void)
{
  return connector_purge(test.store, deleted_id, &failure);
}

static connector_status run_purge_deleted(void)
{
  return connector_purge_deleted(test.store, TODAY, NULL, &failure);
}

static void writing(void **state)
{
  static const struct trial trials[] = {
    { .name = "create", .run = run_create, .verify = verify_record, .changes = 1, .random = true },
    { .name = "update", .run = run_update, .verify = verify_record, .changes = 1 },
    { .name = "update_json", .run = run_update_json, .verify = verify_record, .changes = 1 },
    { .name = "enable", .run = run_enable, .verify = verify_record, .changes = 1 },
    { .name = "restore", .run = run_restore, .verify = verify_record, .changes = 1 },
    { .name = "delete", .run = run_delete, .changes = 1 },
    { .name = "purge", .run = run_purge, .changes = 1 },
    { .name = "purge_deleted", .run = run_purge_deleted, .changes = 1 },
  };
  (void)state;
  try_each(trials);
}

static connector_status write_three(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_update(store, plain_id, 1, PATCH(.name = "two"), NULL, error);
  (void)user;
  if (status == CONNECTOR_OK)
    status = connector_sync_started(store, oauth_id, error);
  if (status == CONNECTOR_OK)
    status = connector_delete(store, failing_id, 1, error);
  return status;
}

static connector_status run_batch(void)
{
  return connector_batch(test.store, write_three, NULL, &failure);
}

static void a_batch_is_whole_in_history_or_not_at_all(void **state)
{
  static const struct trial trials[] = { { .name = "batch", .run = run_batch, .changes = 3 } };
  (void)state;
  try_each(trials);
}

/* ---- the first changes of a file ---- */

static int setup_empty(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  open_lifecycle();
  keep_as_template();
  return 0;
}

static connector_status create_two(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_create(store, PATCH(.name = "one"), NULL, error);
  (void)user;
  return status == CONNECTOR_OK ? connector_create(store, PATCH(.name = "two"), NULL, error)
                                : status;
}

static connector_status run_batch_of_two(void)
{
  return connector_batch(test.store, create_two, NULL, &failure);
}

/* Another process goes on with the chain. */
static void verify_keyed(void)
{
  assert_int_equal(number_in_file("SELECT count(*) FROM meta WHERE key = 'history_check'"), 1);
}

static void the_first_changes_of_a_file(void **state)
{
  static const struct trial trials[] = {
    { .name = "the first change",
      .run = run_create,
      .verify = verify_keyed,
      .changes = 1,
      .random = true },
    { .name = "the first two changes",
      .run = run_batch_of_two,
      .verify = verify_keyed,
      .changes = 2,
      .random = true },
  };
  (void)state;
  try_each(trials);
}

/* ---- reading ---- */

static connector_status run_history(void)
{
  return connector_history(test.store, oauth_id, 0, 0, &out.changes, &failure);
}

static connector_status run_history_before(void)
{
  return connector_history(test.store, oauth_id, 4, 10, &out.changes, &failure);
}

static connector_status run_history_of_purged(void)
{
  return connector_history(test.store, purged_id, 0, 0, &out.changes, &failure);
}

static void verify_three_newest_first(void)
{
  assert_int_equal(connector_changes_count(out.changes), 3);
  for (size_t i = 1; i < 3; i++)
    assert_true(connector_changes_at(out.changes, i)->seq <
                connector_changes_at(out.changes, i - 1)->seq);
}

static void verify_two_newest_first(void)
{
  assert_int_equal(connector_changes_count(out.changes), 2);
  assert_int_equal(connector_changes_at(out.changes, 0)->seq, 3);
  assert_text(connector_changes_at(out.changes, 0)->forward, "{\"name\":\"second\"}");
  assert_int_equal(connector_changes_at(out.changes, 1)->kind, CONNECTOR_CHANGE_CREATED);
}

/* All from before the record's first change are none: the caller is known to see it. */
static connector_status run_history_of_purged_before(void)
{
  return connector_history(test.store, purged_id, 1, 0, &out.changes, &failure);
}

static void verify_no_changes(void)
{
  assert_int_equal(connector_changes_count(out.changes), 0);
}

static connector_status run_feed(void)
{
  return connector_changes_after(test.store, 0, 1000, &out.changes, &failure);
}

enum { OWN_CHANGES = 27, ALL_CHANGES = 29 };

static void verify_count(size_t count)
{
  assert_int_equal(connector_changes_count(out.changes), count);
  for (size_t i = 0; i < count; i++)
    assert_int_equal(connector_changes_at(out.changes, i)->seq, i + 1);
}

static void verify_own_feed(void)
{
  verify_count(OWN_CHANGES);
}

static void verify_whole_feed(void)
{
  verify_count(ALL_CHANGES);
}

static void as_system(void)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
}

static void as_member(void)
{
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
}

static void verify_members_feed(void)
{
  size_t lost = 0;
  for (size_t i = 0; i < connector_changes_count(out.changes); i++)
    lost += connector_changes_at(out.changes, i)->out_of_reach ? 1 : 0;
  assert_int_equal(connector_changes_count(out.changes), OWN_CHANGES);
  assert_int_equal(lost, 1);
}

static connector_status run_wait(void)
{
  return connector_changes_wait(test.store, 5, 0, &out.number, &failure);
}

static void verify_newest(void)
{
  assert_int_equal(out.number, OWN_CHANGES);
}

static void reading_history_and_the_feed(void **state)
{
  static const struct trial trials[] = {
    { .name = "history", .run = run_history, .verify = verify_three_newest_first, .reads = true },
    { .name = "history before a change",
      .run = run_history_before,
      .verify = verify_two_newest_first,
      .reads = true },
    { .name = "history of a purged one",
      .run = run_history_of_purged,
      .verify = verify_three_newest_first,
      .reads = true },
    { .name = "no history of a purged one",
      .run = run_history_of_purged_before,
      .verify = verify_no_changes,
      .reads = true },
    { .name = "feed", .run = run_feed, .verify = verify_own_feed, .reads = true },
    { .name = "feed of all tenants",
      .prepare = as_system,
      .run = run_feed,
      .verify = verify_whole_feed,
      .reads = true },
    { .name = "feed of a member",
      .prepare = as_member,
      .run = run_feed,
      .verify = verify_members_feed,
      .reads = true },
    { .name = "wait", .run = run_wait, .verify = verify_newest, .reads = true },
  };
  (void)state;
  try_each(trials);
}

static connector_status run_as_of(void)
{
  return connector_get_as_of(test.store, oauth_id, 1, &out.record, &failure);
}

static void verify_as_of(void)
{
  assert_text(out.record->name, "oauth");
  assert_text(out.record->config, "{\"region\":\"eu\",\"labels\":{\"env\":\"prod\"}}");
  assert_null(out.record->tags);
}

static connector_status run_as_of_deleted(void)
{
  return connector_get_as_of(test.store, deleted_id, 1, &out.record, &failure);
}

static void verify_as_of_deleted(void)
{
  assert_false(out.record->is_deleted);
  assert_int_equal(out.record->version, 1);
}

static void prepare_changes(void)
{
  assert_ok(connector_history(test.store, oauth_id, 0, 0, &given.changes, &failure));
}

static connector_status run_change_to_json(void)
{
  return connector_change_to_json(connector_changes_at(given.changes, 0), &out.text, NULL,
                                  &failure);
}

static void verify_change_json(void)
{
  assert_contains(out.text, "\"kind\":\"updated\"");
  assert_contains(out.text, "\"forward\":{\"config\":{\"region\":\"us\",\"labels\":null}");
}

static void reading_a_record_as_it_stood(void **state)
{
  static const struct trial trials[] = {
    { .name = "as of", .run = run_as_of, .verify = verify_as_of, .reads = true },
    { .name = "as of, deleted",
      .run = run_as_of_deleted,
      .verify = verify_as_of_deleted,
      .reads = true },
    { .name = "change to JSON",
      .prepare = prepare_changes,
      .run = run_change_to_json,
      .verify = verify_change_json,
      .reads = true },
  };
  (void)state;
  try_each(trials);
}

/* ---- the chain ---- */

static connector_status run_verify(void)
{
  out.number = -1;
  return connector_history_verify(test.store, &out.number, &failure);
}

static void verify_none_bad(void)
{
  assert_int_equal(out.number, 0);
}

static connector_status run_trim(void)
{
  return connector_history_trim(test.store, BIRTH + 5 * MINUTE, NULL, &failure);
}

static connector_status run_maintain(void)
{
  connector_maintain_options options = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  options.history_before = BIRTH + 5 * MINUTE;
  return connector_maintain(test.store, &options, &failure);
}

static void verify_trimmed(void)
{
  assert_int_equal(number_in_file("SELECT min(seq) FROM history"), 10);
}

static connector_status run_trim_all(void)
{
  return connector_history_trim(test.store, TODAY, NULL, &failure);
}

static void verify_newest_stays(void)
{
  assert_int_equal(history_rows(), 1);
  assert_int_equal(number_in_file("SELECT seq FROM history"), ALL_CHANGES);
}

static void verifying_and_trimming(void **state)
{
  static const struct trial trials[] = {
    { .name = "verify", .run = run_verify, .verify = verify_none_bad, .reads = true },
    { .name = "verify all",
      .prepare = as_system,
      .run = run_verify,
      .verify = verify_none_bad,
      .reads = true },
    { .name = "trim", .run = run_trim, .verify = verify_trimmed },
    { .name = "trim all",
      .prepare = as_system,
      .run = run_trim_all,
      .verify = verify_newest_stays,
      .by_steps = true },
    { .name = "maintain", .run = run_maintain, .verify = verify_trimmed, .by_steps = true },
  };
  (void)state;
  try_each(trials);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    trials_test(writing),
    trials_test(a_batch_is_whole_in_history_or_not_at_all),
    cmocka_unit_test_setup_teardown(the_first_changes_of_a_file, setup_empty, teardown_past),
    trials_test(reading_history_and_the_feed),
    trials_test(reading_a_record_as_it_stood),
    trials_test(verifying_and_trimming),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("no_memory_history", tests, NULL, NULL);
}
