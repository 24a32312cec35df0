/*
 * A store without history: nothing of it is written, all else works, and what other stores wrote to
 * the file stays right.
 */
#include "lifecycle.h"

/* What on_change was told last. */
static struct {
  size_t count;
  int64_t seq;
  bool patched;
} told;

static void take_change(void *user, const connector_change *change)
{
  (void)user;
  told.count++;
  told.seq = change->seq;
  told.patched = change->forward != NULL || change->back != NULL;
}

static void open_with(bool history)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.on_change = take_change;
  options.no_history = !history;
  open_store(&options);
  memset(&told, 0, sizeof(told));
}

static void nothing_is_written(void **state)
{
  (void)state;
  char id[ID_SIZE];
  open_with(false);
  make_id(PATCH(.name = "a"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b"), NULL, &failure));
  connector_free(succeed(id, 1, 1));
  connector_changes *changes = history_of(id);
  assert_int_equal(connector_changes_count(changes), 0);
  connector_changes_free(changes);
  assert_int_equal(changes_behind(0), 0);
  assert_int_equal(newest_seq(), 0);
  assert_int_equal(first_bad(), 0);
  assert_int_equal(trim_before(INT64_MAX), 0);
}

static void on_change_is_told_without_seq_and_patches(void **state)
{
  (void)state;
  open_with(false);
  connector_free(make(PATCH(.name = "a")));
  assert_int_equal(told.count, 1);
  assert_int_equal(told.seq, 0);
  assert_false(told.patched);
}

/* Only a store without history can have moved it so that no change tells. */
static void a_move_that_no_history_tells_ends_the_reach_of_history_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_changes *changes = NULL;
  open_with(true);
  make_id(PATCH(.name = "a"), id);
  open_with(false);
  assert_ok(connector_update(test.store, id, 0,
                             PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "user-bob"), NULL,
                             &failure));
  open_with(true);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  assert_not_found(connector_history(test.store, id, 0, 0, &changes, &failure));
  become("tenant-a", "user-bob", CONNECTOR_ROLE_MEMBER);
  connector_changes_free(history_of(id));
}

static void health_leases_and_claims_work(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  open_with(false);
  make_id(PATCH(.auth_type = "oauth2", .oauth_refresh_needed = CONNECTOR_YES), id);
  record = fail_sync(id, CONNECTOR_FAILURE_TRANSIENT, "timeout");
  assert_int_equal(record->consecutive_errors, 1);
  connector_free(record);
  record = succeed(id, 5, 10);
  assert_int_equal(metric(record, "totalSynced"), 5);
  connector_free(record);
  assert_int_equal(health_of(id).failures, 1);
  connector_claims *claims = claim(CONNECTOR_DUE_REFRESH, NULL);
  assert_int_equal(connector_claims_count(claims), 1);
  assert_ok(connector_refreshed(test.store, connector_claims_at(claims, 0)->lease, test_time + HOUR,
                                &record, &failure));
  assert_false(record->oauth_refresh_needed);
  connector_free(record);
  connector_claims_free(claims);
}

static void a_version_that_was_never_written_is_not_found(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  open_with(false);
  make_id(PATCH(.name = "a"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b"), NULL, &failure));
  assert_answer(connector_get_as_of(test.store, id, 1, &record, &failure), CONNECTOR_NOT_FOUND,
                "version");
}

/* Versions 1-2 are written with history, 3-4 without, 5-6 with. What can be rebuilt is right. */
static void a_gap_gives_no_wrong_version(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *copies[7] = { NULL };
  for (int version = 1; version <= 6; version++) {
    char name[24];
    open_with(version < 3 || version > 4);
    test_time += 1000;
    snprintf(name, sizeof(name), "name-%d", version);
    if (version == 1)
      make_id(PATCH(.name = name, .config = "{\"a\":null}"), id);
    else
      assert_ok(
          connector_update(test.store, id, 0, PATCH(.name = name, .type = name), NULL, &failure));
    copies[version] = fetch(id);
  }
  for (int version = 1; version <= 6; version++) {
    connector *record = NULL;
    connector_status status = connector_get_as_of(test.store, id, version, &record, &failure);
    if (status == CONNECTOR_OK
            ? !connector_equal(record, copies[version])
            : status != CONNECTOR_NOT_FOUND || strcmp(failure.field, "version") != 0)
      fail_msg("version %d: %s, named %s", version, connector_status_name(status),
               record != NULL ? record->name : "-");
    if (version >= 5)
      assert_int_equal(status, CONNECTOR_OK);
    connector_free(record);
    connector_free(copies[version]);
  }
}

static void rows_of_other_stores_are_shown(void **state)
{
  (void)state;
  char id[ID_SIZE];
  open_with(true);
  make_id(PATCH(.name = "a"), id);
  open_with(false);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b"), NULL, &failure));
  assert_int_equal(changes_of_kind(id, CONNECTOR_CHANGE_CREATED), 1);
  assert_int_equal(changes_behind(0), 1);
  open_with(true);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "c"), NULL, &failure));
  assert_int_equal(changes_behind(0), 2);
  assert_int_equal(first_bad(), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(nothing_is_written),
    folder_test(on_change_is_told_without_seq_and_patches),
    folder_test(a_move_that_no_history_tells_ends_the_reach_of_history_too),
    folder_test(health_leases_and_claims_work),
    folder_test(a_version_that_was_never_written_is_not_found),
    folder_test(a_gap_gives_no_wrong_version),
    folder_test(rows_of_other_stores_are_shown),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
