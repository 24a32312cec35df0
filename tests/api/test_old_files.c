/*
 * A file that an older library made opens with every record as it was, and all that is new works on
 * it; whoever opens it first, or dies in doing so, leaves it whole for the next.
 */
#include "old_file.h"

#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

static connector_options old_options(void)
{
  connector_options options = test_options();
  options.clock = test_clock;
  return options;
}

static int setup_old(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  test_time = OLD_FILE_TIME;
  put_old_file();
  return 0;
}

static int setup_open(void **state)
{
  const connector_options options = old_options();
  if (setup_old(state) != 0)
    return -1;
  return connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

static void reopen(void)
{
  const connector_options options = old_options();
  open_store(&options);
}

static void become_system(void)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
}

static void assert_history_is_whole(void)
{
  connector_caller asked = current;
  int64_t first_bad = -1;
  become_system();
  assert_ok(connector_history_verify(test.store, &first_bad, &failure));
  assert_int_equal(first_bad, 0);
  current = asked;
}

/* ---- what is in it ---- */

static void an_old_file_opens_with_every_record_as_it_was(void **state)
{
  (void)state;
  assert_old_records();
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
  reopen();
  assert_old_records();
}

static void each_caller_of_an_old_file_sees_its_own(void **state)
{
  const struct {
    const char *tenant, *app, *user;
    connector_role role;
    int64_t count;
  } cases[] = {
    { "tenant-a", NULL, "user-bob", CONNECTOR_ROLE_MEMBER, 2 },
    { "tenant-a", NULL, "user-ann", CONNECTOR_ROLE_MEMBER, 3 },
    { "tenant-a", NULL, NULL, CONNECTOR_ROLE_TENANT, 3 },
    { "tenant-b", NULL, NULL, CONNECTOR_ROLE_TENANT, 1 },
    { "tenant-b", "app-1", NULL, CONNECTOR_ROLE_TENANT, 1 },
    { "tenant-b", "app-2", NULL, CONNECTOR_ROLE_TENANT, 0 },
    { "tenant-c", NULL, NULL, CONNECTOR_ROLE_TENANT, 0 },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    become(cases[i].tenant, cases[i].user, cases[i].role);
    current.app_id = cases[i].app;
    assert_int_equal(count_of(NULL), cases[i].count);
  }
}

/* ---- what is new works on it ---- */

static connector_changes *changes_of(const char *id)
{
  connector_changes *changes = NULL;
  assert_ok(connector_history(test.store, id, 0, 0, &changes, &failure));
  return changes;
}

static void the_history_of_an_old_record_begins_with_its_next_change(void **state)
{
  const connector *jira = &old_records[OLD_JIRA];
  connector_changes *changes = changes_of(jira->id);
  connector *then = NULL;
  (void)state;
  assert_int_equal(connector_changes_count(changes), 0);
  connector_changes_free(changes);
  assert_history_is_whole();
  assert_ok(connector_update(test.store, jira->id, 1, PATCH(.name = "New"), NULL, &failure));
  changes = changes_of(jira->id);
  assert_int_equal(connector_changes_count(changes), 1);
  assert_int_equal(connector_changes_at(changes, 0)->seq, 1);
  assert_text(connector_changes_at(changes, 0)->back, "{\"name\":\"Jira Cloud\"}");
  connector_changes_free(changes);
  assert_status(connector_get_as_of(test.store, jira->id, 1, &then, &failure), CONNECTOR_NOT_FOUND);
  assert_text(failure.field, "version");
  assert_history_is_whole();
}

static void an_old_record_is_rebuilt_from_its_first_kept_version_on(void **state)
{
  const connector *jira = &old_records[OLD_JIRA];
  connector *second = NULL;
  connector *then = NULL;
  (void)state;
  assert_ok(connector_update(test.store, jira->id, 0, PATCH(.name = "Two"), &second, &failure));
  assert_ok(
      connector_update(test.store, jira->id, 0, PATCH(.config = "{\"a\":1}"), NULL, &failure));
  assert_ok(connector_delete(test.store, jira->id, 0, &failure));
  assert_ok(connector_get_as_of(test.store, jira->id, 2, &then, &failure));
  assert_true(connector_equal(then, second));
  connector_free(then);
  connector_free(second);
  assert_history_is_whole();
}

static void a_deleted_old_record_is_restored_and_purged(void **state)
{
  const connector *github = &old_records[OLD_GITHUB];
  connector *restored = NULL;
  (void)state;
  become("tenant-b", NULL, CONNECTOR_ROLE_TENANT);
  assert_ok(connector_restore(test.store, github->id, 2, &restored, &failure));
  assert_int_equal(restored->version, 3);
  connector_free(restored);
  assert_ok(connector_delete(test.store, github->id, 3, &failure));
  assert_ok(connector_purge(test.store, github->id, &failure));
  connector_changes *changes = changes_of(github->id);
  assert_int_equal(connector_changes_count(changes), 3);
  connector_changes_free(changes);
  assert_history_is_whole();
}

static void reports_on_old_records_count_on_from_where_they_stood(void **state)
{
  const connector_sync_report report = { sizeof(report), 9, 20 };
  const connector *jira = &old_records[OLD_JIRA];
  const connector *splunk = &old_records[OLD_SPLUNK];
  connector *record = NULL;
  (void)state;
  assert_ok(connector_sync_succeeded(test.store, jira->id, &report, &record, &failure));
  assert_text(record->metrics,
              "{\"totalSynced\":50,\"avgLatencyMs\":20,\"custom\":\"kept\",\"last24h\":9}");
  assert_int_equal(record->version, jira->version);
  connector_free(record);
  assert_ok(connector_sync_failed(test.store, splunk->id, CONNECTOR_FAILURE_TRANSIENT, "no", 0,
                                  &record, &failure));
  assert_int_equal(record->consecutive_errors, 4);
  assert_int_equal(record->version, splunk->version);
  connector_free(record);
}

static void the_health_of_an_old_record_is_empty(void **state)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  (void)state;
  assert_ok(connector_health_get(test.store, old_records[OLD_SPLUNK].id, &health, &failure));
  assert_int_equal(health.retry_at, 0);
  assert_int_equal(health.first_error_at, 0);
  assert_int_equal(health.syncs, 0);
}

/* The old records that were claimed, as a set of 1 << index. */
static unsigned claimed(connector_due due)
{
  connector_claims *claims = NULL;
  unsigned set = 0;
  assert_ok(connector_claim(test.store, due, NULL, &claims, &failure));
  for (size_t i = 0; i < connector_claims_count(claims); i++)
    for (size_t j = 0; j < OLD_RECORDS; j++)
      if (strcmp(connector_claims_at(claims, i)->record->id, old_records[j].id) == 0)
        set |= 1u << j;
  connector_claims_free(claims);
  return set;
}

static void what_is_due_of_old_records_is_claimed_once(void **state)
{
  (void)state;
  become_system();
  assert_int_equal(claimed(CONNECTOR_DUE_REFRESH), 1u << OLD_JIRA | 1u << OLD_OKTA);
  assert_int_equal(claimed(CONNECTOR_DUE_ROTATION), 1u << OLD_SPLUNK);
  assert_int_equal(claimed(CONNECTOR_DUE_SYNC),
                   1u << OLD_JIRA | 1u << OLD_SPLUNK | 1u << OLD_SLACK);
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++)
    assert_int_equal(claimed((connector_due)due), 0);
}

/* ---- a file of schema 2 ---- */

static int setup_second(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  test_time = OLD_FILE_TIME;
  put_file_of(2);
  return 0;
}

static void a_file_with_history_opens_with_every_record_as_it_was(void **state)
{
  (void)state;
  reopen();
  assert_records_of(2);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
  assert_history_is_whole();
  reopen();
  assert_records_of(2);
}

static void the_history_of_a_file_is_kept(void **state)
{
  const connector *records = old_records_of(2);
  connector_changes *changes = NULL;
  const connector_change *change = NULL;
  (void)state;
  reopen();
  become_system();
  assert_ok(connector_changes_after(test.store, 0, 10, &changes, &failure));
  assert_int_equal(connector_changes_count(changes), 3);
  change = connector_changes_at(changes, 0);
  assert_text(change->id, records[OLD_JIRA].id);
  assert_int_equal(change->kind, CONNECTOR_CHANGE_UPDATED);
  assert_int_equal(change->version, 2);
  assert_int_equal(change->at, 1796100001000);
  assert_text(change->person_id, "per_ann");
  assert_text(change->request_id, "req-1");
  assert_text(change->back, "{\"name\":\"Jira Cloud\",\"vault_path\":null}");
  change = connector_changes_at(changes, 1);
  assert_text(change->id, records[OLD_SPLUNK].id);
  assert_int_equal(change->kind, CONNECTOR_CHANGE_HEALTH);
  change = connector_changes_at(changes, 2);
  assert_text(change->id, records[OLD_SLACK].id);
  assert_int_equal(change->kind, CONNECTOR_CHANGE_DELETED);
  connector_changes_free(changes);
}

static void history_goes_on_where_the_file_left_it(void **state)
{
  connector_changes *changes = NULL;
  connector *then = NULL;
  (void)state;
  reopen();
  assert_ok(connector_update(test.store, old_records[OLD_JIRA].id, 2, PATCH(.name = "New"), &then,
                             &failure));
  assert_int_equal(then->version, 3);
  connector_free(then);
  changes = changes_of(old_records[OLD_JIRA].id);
  assert_int_equal(connector_changes_count(changes), 2);
  assert_int_equal(connector_changes_at(changes, 0)->seq, 4);
  connector_changes_free(changes);
  assert_ok(connector_get_as_of(test.store, old_records[OLD_JIRA].id, 2, &then, &failure));
  assert_true(connector_equal(then, &old_records_of(2)[OLD_JIRA]));
  connector_free(then);
  assert_history_is_whole();
}

static void the_health_of_a_file_is_kept(void **state)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  (void)state;
  reopen();
  assert_ok(connector_health_get(test.store, old_records[OLD_SPLUNK].id, &health, &failure));
  assert_int_equal(health.first_error_at, 1796100002000);
  assert_int_equal(health.retry_at, 1796100053461);
}

static connector_status keep_token(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  (void)error;
  snprintf(user, 16, "%.*s", (int)length, (const char *)bytes);
  return CONNECTOR_OK;
}

static void assert_secret_works(const char *id, const char *path)
{
  connector_secret *secret = NULL;
  connector *record = NULL;
  char token[16] = "";
  assert_status(connector_secret_get(test.store, id, 0, &secret, &failure),
                CONNECTOR_SECRET_NOT_FOUND);
  assert_ok(connector_secret_new(test.store, &secret, &failure));
  assert_ok(connector_secret_set(secret, "token", "t-1", 3, &failure));
  assert_ok(connector_secret_put(test.store, id, secret, 0, NULL, &failure));
  connector_secret_free(secret);
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  assert_ok(connector_secret_use(secret, "token", keep_token, token, &failure));
  assert_text(token, "t-1");
  connector_secret_free(secret);
  record = fetch(id);
  assert_text(record->vault_path, path);
  assert_int_equal(record->credential_last_rotated_at, test_time);
  connector_free(record);
}

static void secrets_work_on_the_records_of_an_old_file(void **state)
{
  static const unsigned char key[CONNECTOR_ROOT_KEY_BYTES] = { 1 };
  (void)state;
  for (int schema = 1; schema <= 2; schema++) {
    connector_options options = old_options();
    connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
    connector_secrets secrets = CONNECTOR_SECRETS_INIT;
    close_store();
    put_file_of(schema);
    sealed.root_key = key;
    assert_ok(connector_secrets_sealed(&sealed, &secrets, &failure));
    options.secrets = &secrets;
    open_store(&options);
    assert_secret_works(old_records[OLD_JIRA].id, old_records_of(2)[OLD_JIRA].vault_path);
    assert_secret_works(
        old_records[OLD_SPLUNK].id,
        "secret/data/tenant-a/connectors/cnn_01M86FMJ24SG236Q7KW4HAS79H/credentials");
    assert_history_is_whole();
  }
}

/* ---- read-only ---- */

static void assert_read_only_leaves(int schema)
{
  connector_options options = old_options();
  size_t length = 0;
  size_t length_after = 0;
  char *before = read_file(test.path, &length);
  char *after = NULL;
  options.read_only = true;
  assert_status(connector_open(test.path, &options, &test.store, &failure), CONNECTOR_READ_ONLY);
  assert_null(test.store);
  after = read_file(test.path, &length_after);
  assert_int_equal(length_after, length);
  assert_memory_equal(after, before, length);
  free(before);
  free(after);
  reopen();
  open_store(&options);
  assert_records_of(schema);
}

static void a_read_only_open_leaves_an_old_file_as_it_is(void **state)
{
  (void)state;
  for (int schema = 1; schema <= 2; schema++) {
    close_store();
    put_file_of(schema);
    assert_read_only_leaves(schema);
  }
}

/* ---- several at once ---- */

enum { OPENERS = 6, ROUNDS = 3, KILLS = 30 };

static void *open_and_close(void *opened)
{
  const connector_options options = old_options();
  connector_store *store = NULL;
  connector_error error;
  bool *ok = opened;
  *ok = connector_open(test.path, &options, &store, &error) == CONNECTOR_OK;
  if (!*ok)
    print_error("a thread could not open: %s\n", error.message);
  connector_close(store);
  return NULL;
}

static void several_threads_may_open_an_old_file_at_once(void **state)
{
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    pthread_t threads[OPENERS];
    bool opened[OPENERS] = { false };
    close_store();
    put_old_file();
    for (size_t i = 0; i < OPENERS; i++)
      assert_int_equal(pthread_create(&threads[i], NULL, open_and_close, &opened[i]), 0);
    for (size_t i = 0; i < OPENERS; i++)
      assert_int_equal(pthread_join(threads[i], NULL), 0);
    for (size_t i = 0; i < OPENERS; i++)
      assert_true(opened[i]);
    reopen();
    assert_old_records();
  }
}

/* In a child: opens the old file, reads all and reports on one, so that each leaves a change. */
static int open_and_report(void)
{
  const connector_options options = old_options();
  connector_status status = connector_open(test.path, &options, &test.store, &failure);
  if (status == CONNECTOR_OK)
    status = connector_sync_succeeded(test.store, old_records[OLD_SPLUNK].id, NULL, NULL, &failure);
  if (status != CONNECTOR_OK)
    print_error("a process got %s: %s\n", connector_status_name(status), failure.message);
  connector_close(test.store);
  return (int)status;
}

static void several_processes_may_open_an_old_file_at_once(void **state)
{
  (void)state;
  for (int round = 0; round < ROUNDS; round++) {
    pid_t children[OPENERS];
    int start[2];
    char byte = 0;
    close_store();
    put_old_file();
    assert_int_equal(pipe(start), 0);
    for (size_t i = 0; i < OPENERS; i++) {
      children[i] = fork();
      assert_true(children[i] >= 0);
      if (children[i] == 0) {
        close(start[1]);
        if (read(start[0], &byte, 1) != 0) /* the end comes when the parent closes it */
          _exit(CONNECTOR_IO);
        _exit(open_and_report());
      }
    }
    close(start[0]);
    close(start[1]);
    for (size_t i = 0; i < OPENERS; i++) {
      int status = -1;
      assert_int_equal(waitpid(children[i], &status, 0), children[i]);
      assert_int_equal(status, 0);
    }
    reopen();
    connector_changes *changes = changes_of(old_records[OLD_SPLUNK].id);
    assert_int_equal(connector_changes_count(changes), OPENERS);
    connector_changes_free(changes);
    assert_history_is_whole();
  }
}

/* ---- dying ---- */

static void an_opener_that_is_killed_leaves_a_file_that_opens(void **state)
{
  uint64_t seed = 20261124;
  (void)state;
  for (int round = 0; round < KILLS; round++) {
    const struct timespec pause = { .tv_nsec = (long)random_below(&seed, 5000000) };
    int status = 0;
    pid_t child = 0;
    close_store();
    put_old_file();
    child = fork();
    assert_true(child >= 0);
    if (child == 0)
      for (;;)
        (void)open_and_report();
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    reopen();
    become_system();
    assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), OLD_RECORDS);
    assert_ok(connector_check(test.store, NULL, NULL, &failure));
    assert_history_is_whole();
  }
}

#define old_test(name) cmocka_unit_test_setup_teardown(name, setup_old, teardown)
#define open_test(name) cmocka_unit_test_setup_teardown(name, setup_open, teardown)

#define second_test(name) cmocka_unit_test_setup_teardown(name, setup_second, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    open_test(an_old_file_opens_with_every_record_as_it_was),
    open_test(each_caller_of_an_old_file_sees_its_own),
    open_test(the_history_of_an_old_record_begins_with_its_next_change),
    open_test(an_old_record_is_rebuilt_from_its_first_kept_version_on),
    open_test(a_deleted_old_record_is_restored_and_purged),
    open_test(reports_on_old_records_count_on_from_where_they_stood),
    open_test(the_health_of_an_old_record_is_empty),
    open_test(what_is_due_of_old_records_is_claimed_once),
    second_test(a_file_with_history_opens_with_every_record_as_it_was),
    second_test(the_history_of_a_file_is_kept),
    second_test(history_goes_on_where_the_file_left_it),
    second_test(the_health_of_a_file_is_kept),
    second_test(secrets_work_on_the_records_of_an_old_file),
    old_test(a_read_only_open_leaves_an_old_file_as_it_is),
    old_test(several_threads_may_open_an_old_file_at_once),
    old_test(several_processes_may_open_an_old_file_at_once),
    old_test(an_opener_that_is_killed_leaves_a_file_that_opens),
  };
  return cmocka_run_group_tests_name("old_files", tests, NULL, NULL);
}
