/*
 * What deleting and purging records does to their secrets.
 */
#include "secret_host.h"

/* A record with a secret at the default path. */
static void make_with_secret(char id[ID_SIZE])
{
  make_id(PATCH(0), id);
  put_json(id, "{\"token\":\"t\"}");
}

static void a_soft_delete_touches_no_secret(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id);
  host.asked = 0;
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_int_equal(host.asked, 0);
  assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

static void a_purge_destroys_the_whole_secret(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id);
  put_json(id, "{\"token\":\"u\"}");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(host_asked("destroy"), 1);
  assert_int_equal(host_last("destroy")->version, 0);
  assert_text(host_last("destroy")->id, id);
  assert_int_equal(host.count, 0);
  assert_not_found(
      connector_get(test.store, id, CONNECTOR_WITH_DELETED, &(connector *){ NULL }, &failure));
}

static void a_live_record_keeps_its_secret_when_its_purge_is_refused(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id);
  assert_status(connector_purge(test.store, id, &failure), CONNECTOR_CONFLICT);
  assert_int_equal(host_asked("destroy"), 0);
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

static void a_purge_out_of_reach_destroys_nothing(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
  assert_not_found(connector_purge(test.store, id, &failure));
  assert_ok(connector_purge_deleted(test.store, test_time + 1000, NULL, &failure));
  assert_int_equal(host_asked("destroy"), 0);
}

static void a_secret_that_may_be_others_too_stays(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = "secret/data/shared/smtp"), id);
  put_json(id, "{\"token\":\"t\"}");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(host_asked("destroy"), 0);
  assert_int_equal(host.count, 1);
}

/* A path names a connector by a segment that starts with its id, and not by one that holds it. */
static void a_secret_whose_path_only_holds_the_id_stays(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char path[200];
  make_id(PATCH(0), id);
  snprintf(path, sizeof(path), "kv/data/x-%s", id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.vault_path = path), NULL, &failure));
  put_json(id, "{\"token\":\"t\"}");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(host_asked("destroy"), 0);
  assert_int_equal(host.count, 1);
}

static void a_path_of_the_hosts_own_that_names_the_connector_is_destroyed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char path[200];
  make_id(PATCH(0), id);
  snprintf(path, sizeof(path), "kv/data/mine/%s", id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.vault_path = path), NULL, &failure));
  put_json(id, "{\"token\":\"t\"}");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(host.count, 0);
}

static void records_without_a_good_path_are_purged_with_nobody_asked(void **state)
{
  (void)state;
  char none[ID_SIZE];
  char bad[ID_SIZE];
  char path[200];
  make_id(PATCH(0), none);
  make_id(PATCH(0), bad);
  snprintf(path, sizeof(path), "secret/data/../%s", bad);
  assert_ok(connector_update(test.store, bad, 0, PATCH(.vault_path = path), NULL, &failure));
  assert_ok(connector_delete(test.store, none, 0, &failure));
  assert_ok(connector_delete(test.store, bad, 0, &failure));
  assert_ok(connector_purge(test.store, none, &failure));
  assert_ok(connector_purge(test.store, bad, &failure));
  assert_int_equal(host.asked, 0);
}

static void a_secret_that_cannot_be_destroyed_keeps_its_record(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_secret(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  host_fails("destroy", CONNECTOR_SECRET_UNAVAILABLE, "the vault has a cold");
  assert_status(connector_purge(test.store, id, &failure), CONNECTOR_SECRET_UNAVAILABLE);
  assert_text(failure.message, "the vault has a cold");
  connector_free(fetch(id));
  host.status = CONNECTOR_OK;
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(host.count, 0);
}

static void a_resolver_that_cannot_destroy_holds_up_no_purge(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  char id[ID_SIZE];
  (void)state;
  host_reset();
  secrets.destroy = NULL;
  options.secrets = &secrets;
  open_store(&options);
  make_with_secret(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(host.count, 1);
}

static void a_purge_that_a_read_only_store_refuses_destroys_nothing(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  char id[ID_SIZE];
  (void)state;
  host_reset();
  options.secrets = &secrets;
  open_store(&options);
  make_with_secret(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  options.read_only = true;
  open_store(&options);
  assert_status(connector_purge(test.store, id, &failure), CONNECTOR_READ_ONLY);
  assert_status(connector_purge_deleted(test.store, INT64_C(4000000000000), NULL, &failure),
                CONNECTOR_READ_ONLY);
  assert_int_equal(host_asked("destroy"), 0);
  assert_int_equal(host.count, 1);
}

static void purging_by_age_destroys_the_secrets_of_what_it_purges(void **state)
{
  (void)state;
  char old[3][ID_SIZE];
  char young[ID_SIZE];
  int64_t purged = 0;
  for (size_t i = 0; i < 3; i++) {
    make_with_secret(old[i]);
    assert_ok(connector_delete(test.store, old[i], 0, &failure));
  }
  test_time += 60000;
  make_with_secret(young);
  assert_ok(connector_delete(test.store, young, 0, &failure));
  assert_ok(connector_purge_deleted(test.store, test_time - 1000, &purged, &failure));
  assert_int_equal(purged, 3);
  assert_int_equal(host_asked("destroy"), 3);
  assert_int_equal(host.count, 1);
  assert_ok(connector_restore(test.store, young, 0, NULL, &failure));
  assert_reads(young, 0, "{\"token\":\"t\"}");
}

static void fail_the_second(const char *call)
{
  if (strcmp(call, "destroy") == 0 && host_asked("destroy") == 2)
    host_fails("destroy", CONNECTOR_SECRET_TIMEOUT, "the vault sleeps");
}

static void purging_by_age_keeps_the_record_whose_secret_stays(void **state)
{
  (void)state;
  char ids[3][ID_SIZE];
  for (size_t i = 0; i < 3; i++) {
    make_with_secret(ids[i]);
    assert_ok(connector_delete(test.store, ids[i], 0, &failure));
  }
  host.before = fail_the_second;
  assert_status(connector_purge_deleted(test.store, test_time + 60000, NULL, &failure),
                CONNECTOR_SECRET_TIMEOUT);
  assert_text(failure.message, "the vault sleeps");
  assert_int_equal(host.count, 2); /* and as many records, each with its secret */
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_ONLY)), 2);
  host.before = NULL;
  host.status = CONNECTOR_OK;
  assert_ok(connector_purge_deleted(test.store, test_time + 60000, NULL, &failure));
  assert_int_equal(host.count, 0);
}

static void purging_by_age_leaves_the_secrets_of_live_records(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t purged = -1;
  make_with_secret(id);
  assert_ok(connector_purge_deleted(test.store, test_time + 1000, &purged, &failure));
  assert_int_equal(purged, 0);
  assert_int_equal(host_asked("destroy"), 0);
  assert_reads(id, 0, "{\"token\":\"t\"}");
}

static char met[ID_SIZE];

/* Somebody restores the record and deletes it again while its secret is destroyed. */
static void delete_anew(const char *call)
{
  if (strcmp(call, "destroy") != 0)
    return;
  assert_int_equal(connector_restore(test.store, met, 0, NULL, NULL), CONNECTOR_OK);
  assert_int_equal(connector_delete(test.store, met, 0, NULL), CONNECTOR_OK);
}

static void purging_by_age_passes_over_what_was_changed_meanwhile(void **state)
{
  (void)state;
  int64_t purged = -1;
  make_with_secret(met);
  assert_ok(connector_delete(test.store, met, 0, &failure));
  test_time += 1000;
  host.before = delete_anew;
  assert_ok(connector_purge_deleted(test.store, test_time, &purged, &failure));
  host.before = NULL;
  assert_int_equal(purged, 0);
  connector *record = fetch(met);
  assert_true(record->is_deleted && record->deleted_at == test_time);
  connector_free(record);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secrets_test(a_soft_delete_touches_no_secret),
    secrets_test(a_purge_destroys_the_whole_secret),
    secrets_test(a_live_record_keeps_its_secret_when_its_purge_is_refused),
    secrets_test(a_purge_out_of_reach_destroys_nothing),
    secrets_test(a_secret_that_may_be_others_too_stays),
    secrets_test(a_secret_whose_path_only_holds_the_id_stays),
    secrets_test(a_path_of_the_hosts_own_that_names_the_connector_is_destroyed),
    secrets_test(records_without_a_good_path_are_purged_with_nobody_asked),
    secrets_test(a_secret_that_cannot_be_destroyed_keeps_its_record),
    folder_test(a_resolver_that_cannot_destroy_holds_up_no_purge),
    folder_test(a_purge_that_a_read_only_store_refuses_destroys_nothing),
    secrets_test(purging_by_age_destroys_the_secrets_of_what_it_purges),
    secrets_test(purging_by_age_keeps_the_record_whose_secret_stays),
    secrets_test(purging_by_age_leaves_the_secrets_of_live_records),
    secrets_test(purging_by_age_passes_over_what_was_changed_meanwhile),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
