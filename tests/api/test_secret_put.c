/*
 * Writing secrets: the path of a record that has none, values that stay, check-and-set, and what
 * becomes of the record. What happens where the second write fails is in test_secret_put_undo.c.
 */
#include "secret_host.h"

#define PATH "secret/data/apps/mail"

/* Whether a record's path is the one that the template makes of its tenant and id. */
static void assert_default_path(const connector *record)
{
  char path[300];
  snprintf(path, sizeof(path), "secret/data/%s/connectors/%s/credentials", record->tenant_id,
           record->id);
  assert_text(record->vault_path, path);
}

/* A record with this path whose secret has one version. */
static void make_with_secret(char id[ID_SIZE], const char *json)
{
  make_id(PATCH(.vault_path = PATH), id);
  host_write("tenant-a", "secret", "apps/mail", json);
}

static const char *stored(void)
{
  const struct host_secret *secret = host_find("tenant-a", "secret", "apps/mail");
  assert_non_null(secret);
  return secret->versions[secret->count - 1].json;
}

/* ---- the record ---- */

static void the_first_put_gives_a_record_its_path(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "mail"), id);
  test_time += 1000;
  assert_int_equal(put_json(id, "{\"token\":\"t\"}"), 1);
  connector *record = fetch(id);
  assert_default_path(record);
  assert_int_equal(record->version, 2);
  assert_int_equal(record->credential_last_rotated_at, test_time);
  assert_true(record->updated_at >= test_time);
  assert_text(record->name, "mail");
  assert_changes(id, "rotated updated created");
  assert_reads(id, 0, "{\"token\":\"t\"}");
  connector_free(record);
}

static void a_later_put_rotates_and_leaves_the_version(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  test_time += 5000;
  assert_int_equal(put_json(id, "{\"token\":\"u\"}"), 2);
  connector *record = fetch(id);
  assert_int_equal(record->version, 2);
  assert_int_equal(record->credential_last_rotated_at, test_time);
  assert_changes(id, "rotated rotated updated created");
  connector_free(record);
}

static void history_tells_the_path_once_and_each_rotation(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_changes *changes = NULL;
  int64_t bad = 0;
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  assert_ok(connector_history(test.store, id, 0, 0, &changes, &failure));
  const connector_change *rotated = connector_changes_at(changes, 0);
  const connector_change *updated = connector_changes_at(changes, 1);
  assert_contains(rotated->forward, "credential_last_rotated_at");
  assert_lacks(rotated->forward, "vault_path");
  assert_int_equal(rotated->version, 2);
  assert_contains(updated->forward, "vault_path");
  assert_int_equal(updated->version, 2);
  assert_text(updated->person_id, "person-1");
  connector_changes_free(changes);
  assert_ok(connector_history_verify(test.store, &bad, &failure));
}

static void a_template_of_the_hosts_makes_the_path(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  char id[ID_SIZE];
  char path[300];
  (void)state;
  host_reset();
  options.secrets = &secrets;
  options.vault_path_template = "kv/data/{app_id}/{tenant_id}/x/{connector_id}";
  open_store(&options);
  make_id(PATCH(0), id);
  assert_put(id, "{\"token\":\"t\"}", -1, CONNECTOR_SECRET_PATH); /* it has no app */
  assert_int_equal(host.asked, 0);
  current.app_id = "app-1";
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
  connector *record = fetch(id);
  snprintf(path, sizeof(path), "kv/data/app-1/tenant-a/x/%s", id);
  assert_text(record->vault_path, path);
  assert_text(host_last("put")->mount, "kv");
  assert_text(host_last("put")->path, path + strlen("kv/data/"));
  connector_free(record);
}

static void a_tenant_that_can_be_no_segment_gets_no_path(void **state)
{
  (void)state;
  char id[ID_SIZE];
  become("tenant/..", "user-ann", CONNECTOR_ROLE_TENANT);
  make_id(PATCH(0), id);
  assert_put(id, "{\"token\":\"t\"}", -1, CONNECTOR_SECRET_PATH);
  assert_int_equal(host.asked, 0);
  assert_changes(id, "created");
}

/* ---- callers ---- */

static void a_member_writes_what_it_can_reach(void **state)
{
  (void)state;
  char id[ID_SIZE];
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_USER, .user_id = "user-ann", .owner_id = "user-ann"), id);
  assert_int_equal(put_json(id, "{\"token\":\"t\"}"), 1);
  become("tenant-a", "user-eve", CONNECTOR_ROLE_MEMBER);
  assert_put(id, "{\"token\":\"u\"}", -1, CONNECTOR_NOT_FOUND);
  assert_int_equal(host_asked("put"), 1);
}

static void a_system_caller_writes_for_the_tenant_of_the_record(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(put_json(id, "{\"token\":\"t\"}"), 1);
  assert_text(host_last("put")->tenant, "tenant-a");
  connector *record = fetch(id);
  assert_default_path(record);
  connector_free(record);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

static struct {
  connector_action refused;
  connector_action asked[8];
  size_t count;
  size_t changes;
  connector_change_kind kinds[8];
  connector_status read_back;
} seen;

static connector_status authorize(void *user, const connector_caller *caller,
                                  connector_action action, const connector *record,
                                  connector_error *error)
{
  (void)user;
  (void)caller;
  (void)error;
  assert_true(seen.count < COUNT_OF(seen.asked));
  if (record != NULL && action != CONNECTOR_ACTION_READ) /* on_change reads */
    seen.asked[seen.count++] = action;
  return action == seen.refused ? CONNECTOR_DENIED : CONNECTOR_OK;
}

static void on_change(void *user, const connector_change *change)
{
  (void)user;
  assert_true(seen.changes < COUNT_OF(seen.kinds));
  seen.kinds[seen.changes++] = change->kind;
  connector *record = NULL;
  seen.read_back = connector_get(test.store, change->id, 0, &record, NULL);
  if (record == NULL || record->version != change->version)
    seen.read_back = CONNECTOR_INTERNAL;
  connector_free(record);
}

static void open_told(void)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  host_reset();
  memset(&seen, 0, sizeof(seen));
  options.authorize = authorize;
  options.on_change = on_change;
  options.secrets = &secrets;
  open_store(&options);
}

static void authorize_is_asked_to_write_once(void **state)
{
  (void)state;
  char id[ID_SIZE];
  open_told();
  make_id(PATCH(0), id);
  seen.count = 0;
  put_json(id, "{\"token\":\"t\"}");
  assert_int_equal(seen.count, 1);
  assert_int_equal(seen.asked[0], CONNECTOR_ACTION_SECRET_WRITE);
  seen.refused = CONNECTOR_ACTION_SECRET_WRITE;
  assert_put(id, "{\"token\":\"u\"}", -1, CONNECTOR_DENIED);
  assert_int_equal(host_asked("put"), 1);
  assert_text(host_find("tenant-a", "secret", host_last("put")->path)->versions[0].json,
              "{\"token\":\"t\"}");
}

static void the_host_is_told_of_each_change_once_after_commit(void **state)
{
  (void)state;
  char id[ID_SIZE];
  open_told();
  make_id(PATCH(0), id);
  seen.changes = 0;
  put_json(id, "{\"token\":\"t\"}");
  assert_int_equal(seen.changes, 2);
  assert_int_equal(seen.kinds[0], CONNECTOR_CHANGE_UPDATED);
  assert_int_equal(seen.kinds[1], CONNECTOR_CHANGE_ROTATED);
  assert_int_equal(seen.read_back, CONNECTOR_OK);
  put_json(id, "{\"token\":\"u\"}");
  assert_int_equal(seen.changes, 3);
  assert_int_equal(seen.kinds[2], CONNECTOR_CHANGE_ROTATED);
}

/* ---- merging ---- */

static void values_are_kept_replaced_added_and_removed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}");
  put_json(id, "{\"b\":\"two\",\"c\":\"\",\"d\":\"4\"}");
  assert_text(stored(), "{\"a\":\"1\",\"b\":\"two\",\"d\":\"4\"}");
  put_json(id, "{\"a\":null,\"absent\":\"\"}");
  assert_text(stored(), "{\"b\":\"two\",\"d\":\"4\"}");
}

static void a_response_without_a_refresh_token_loses_none(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"access_token\":\"a-1\",\"refresh_token\":\"r-1\",\"expires_in\":3600}");
  put_json(id, "{\"access_token\":\"a-2\",\"expires_in\":3600}");
  assert_text(stored(), "{\"access_token\":\"a-2\",\"refresh_token\":\"r-1\",\"expires_in\":3600}");
}

static void what_is_put_stays_as_it_was(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  connector_secret *secret = secret_of("{\"b\":\"2\",\"a\":\"\"}");
  assert_ok(connector_secret_put(test.store, id, secret, -1, NULL, &failure));
  assert_secret(secret, "{\"b\":\"2\",\"a\":\"\"}");
  assert_int_equal(connector_secret_version(secret), 0);
  assert_text(stored(), "{\"b\":\"2\"}");
  connector_secret_free(secret);
}

static void a_deleted_latest_version_counts_as_empty(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"old\":\"1\"}");
  assert_ok(connector_secret_delete(test.store, id, 0, &failure));
  assert_int_equal(put_json(id, "{\"new\":\"2\"}"), 2);
  assert_text(stored(), "{\"new\":\"2\"}");
  assert_int_equal(host_last("put")->expected, 1);
  assert_ok(connector_secret_delete(test.store, id, 2, &failure));
  assert_put(id, "{\"newer\":\"3\"}", 2, CONNECTOR_OK);
  assert_text(stored(), "{\"newer\":\"3\"}");
}

static void a_put_reads_the_latest_anew(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  put_json(id, "{\"b\":\"2\"}");
  assert_int_equal(host.asked, 3);
  assert_text(host.requests[0].call, "invalidate");
  assert_text(host.requests[1].call, "get");
  assert_int_equal(host.requests[1].version, 0);
  assert_text(host.requests[2].call, "put");
}

static void a_resolver_without_versions_is_told_what_the_caller_expects(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  host.forgets_versions = true;
  assert_put(id, "{\"b\":\"2\"}", -1, CONNECTOR_OK);
  assert_int_equal(host_last("put")->expected, -1);
  assert_text(stored(), "{\"a\":\"1\",\"b\":\"2\"}");
}

/* ---- check-and-set ---- */

static void expecting_none_writes_only_the_first(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t version = -1;
  make_id(PATCH(.vault_path = PATH), id);
  assert_int_equal(try_put(id, "{\"a\":\"1\"}", 0, &version), CONNECTOR_OK);
  assert_int_equal(version, 1);
  assert_int_equal(host_asked("get"), 0); /* there is nothing to merge with */
  version = 99;
  assert_int_equal(try_put(id, "{\"b\":\"2\"}", 0, &version), CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(version, 99);
  assert_int_equal(failure.version, 1);
  assert_text(stored(), "{\"a\":\"1\"}");
  assert_changes(id, "rotated created");
}

static void expecting_a_version_writes_only_after_it(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  assert_put(id, "{\"b\":\"2\"}", 2, CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(failure.version, 1);
  assert_int_equal(host_asked("put"), 0);
  assert_put(id, "{\"b\":\"2\"}", 1, CONNECTOR_OK);
  assert_text(stored(), "{\"a\":\"1\",\"b\":\"2\"}");
  assert_put(id, "{\"c\":\"3\"}", 1, CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(failure.version, 2);
  assert_changes(id, "rotated created");
}

static void expecting_a_version_of_no_secret_is_a_conflict(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_put(id, "{\"b\":\"2\"}", 1, CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(failure.version, 0);
  assert_changes(id, "created");
}

static void whoever_takes_any_version_writes_after_another_writer(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  host.overtaken = 2;
  assert_int_equal(put_json(id, "{\"b\":\"2\"}"), 4);
  assert_text(stored(), "{\"other\":\"writer\",\"b\":\"2\"}");
  assert_int_equal(host_asked("put"), 3);
  assert_changes(id, "rotated created");
}

static void whoever_is_always_overtaken_gives_up(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  host.overtaken = 12;
  assert_put(id, "{\"b\":\"2\"}", -1, CONNECTOR_SECRET_CONFLICT);
  assert_true(host_asked("put") > 1);
  assert_changes(id, "created");
}

static void whoever_expects_a_version_is_not_tried_again(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  host.overtaken = 1;
  assert_put(id, "{\"b\":\"2\"}", 1, CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(failure.version, 2);
  assert_int_equal(host_asked("put"), 1);
  assert_changes(id, "created");
}

/* ---- refusals ---- */

static void arguments_are_checked_before_anybody_is_asked(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_secret *secret = secret_of("{\"a\":\"1\"}");
  connector_secret *empty = secret_of("{}");
  assert_invalid(connector_secret_put(test.store, NULL, secret, -1, NULL, &failure), "id");
  assert_invalid(connector_secret_put(test.store, id, NULL, -1, NULL, &failure), "secret");
  assert_invalid(connector_secret_put(test.store, id, empty, -1, NULL, &failure), "secret");
  assert_invalid(connector_secret_put(test.store, id, secret, -2, NULL, &failure),
                 "expected_version");
  assert_int_equal(host.asked, 0);
  connector_secret_free(secret);
  connector_secret_free(empty);
}

static void a_failure_of_the_resolver_changes_no_record(void **state)
{
  static const connector_status statuses[] = {
    CONNECTOR_SECRET_DENIED,      CONNECTOR_SECRET_SEALED,  CONNECTOR_SECRET_TAMPERED,
    CONNECTOR_SECRET_UNAVAILABLE, CONNECTOR_SECRET_TIMEOUT, CONNECTOR_SECRET_AMBIGUOUS,
    CONNECTOR_SECRET_READ_ONLY,   CONNECTOR_SECRET_PATH,    CONNECTOR_IO,
  };
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(0), id);
  connector *before = fetch(id);
  for (size_t i = 0; i < COUNT_OF(statuses); i++) {
    host_fails("put", statuses[i], "the vault has a cold");
    host.told.os_code = 7;
    assert_put(id, "{\"a\":\"1\"}", -1, statuses[i]);
    assert_text(failure.message, "the vault has a cold");
    assert_int_equal(failure.os_code, 7);
    host_fails("get", statuses[i], "the vault has a cold");
    assert_put(id, "{\"a\":\"1\"}", -1, statuses[i]);
  }
  connector *after = fetch(id);
  assert_true(connector_equal(before, after));
  assert_changes(id, "created");
  assert_int_equal(host_asked("put"), COUNT_OF(statuses)); /* a write is tried once */
  assert_int_equal(host_asked("destroy"), 0);
  connector_free(before);
  connector_free(after);
}

static void a_write_that_may_have_happened_is_not_undone(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id, "{\"a\":\"1\"}");
  host_fails("put", CONNECTOR_SECRET_AMBIGUOUS, "no answer came");
  host.written = true;
  assert_put(id, "{\"a\":\"2\"}", -1, CONNECTOR_SECRET_AMBIGUOUS);
  assert_int_equal(host_asked("put"), 1);
  assert_int_equal(host_asked("destroy"), 0);
  assert_text(stored(), "{\"a\":\"2\"}");
  assert_changes(id, "created");
}

static void a_resolver_that_only_reads_takes_no_writes(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  char id[ID_SIZE];
  (void)state;
  host_reset();
  secrets.put = NULL;
  options.secrets = &secrets;
  open_store(&options);
  make_id(PATCH(.vault_path = PATH), id);
  assert_put(id, "{\"a\":\"1\"}", -1, CONNECTOR_SECRET_READ_ONLY);
  assert_changes(id, "created");
  assert_int_equal(host.asked, 0);
}

static void a_read_only_store_reads_secrets_and_writes_none(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  char id[ID_SIZE];
  (void)state;
  host_reset();
  open_store(&options);
  make_with_secret(id, "{\"a\":\"1\"}");
  options.secrets = &secrets;
  options.read_only = true;
  open_store(&options);
  assert_reads(id, 0, "{\"a\":\"1\"}");
  host.asked = 0;
  assert_put(id, "{\"a\":\"2\"}", -1, CONNECTOR_READ_ONLY);
  assert_status(connector_secret_delete(test.store, id, 1, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_secret_restore(test.store, id, 1, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_secret_destroy(test.store, id, 0, &failure), CONNECTOR_READ_ONLY);
  assert_int_equal(host.asked, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secrets_test(the_first_put_gives_a_record_its_path),
    secrets_test(a_later_put_rotates_and_leaves_the_version),
    secrets_test(history_tells_the_path_once_and_each_rotation),
    folder_test(a_template_of_the_hosts_makes_the_path),
    secrets_test(a_tenant_that_can_be_no_segment_gets_no_path),
    secrets_test(a_member_writes_what_it_can_reach),
    secrets_test(a_system_caller_writes_for_the_tenant_of_the_record),
    folder_test(authorize_is_asked_to_write_once),
    folder_test(the_host_is_told_of_each_change_once_after_commit),
    secrets_test(values_are_kept_replaced_added_and_removed),
    secrets_test(a_response_without_a_refresh_token_loses_none),
    secrets_test(what_is_put_stays_as_it_was),
    secrets_test(a_deleted_latest_version_counts_as_empty),
    secrets_test(a_put_reads_the_latest_anew),
    secrets_test(a_resolver_without_versions_is_told_what_the_caller_expects),
    secrets_test(expecting_none_writes_only_the_first),
    secrets_test(expecting_a_version_writes_only_after_it),
    secrets_test(expecting_a_version_of_no_secret_is_a_conflict),
    secrets_test(whoever_takes_any_version_writes_after_another_writer),
    secrets_test(whoever_is_always_overtaken_gives_up),
    secrets_test(whoever_expects_a_version_is_not_tried_again),
    secrets_test(arguments_are_checked_before_anybody_is_asked),
    secrets_test(a_failure_of_the_resolver_changes_no_record),
    secrets_test(a_write_that_may_have_happened_is_not_undone),
    folder_test(a_resolver_that_only_reads_takes_no_writes),
    folder_test(a_read_only_store_reads_secrets_and_writes_none),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
