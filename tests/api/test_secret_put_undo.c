/*
 * A put whose record can't be written: the version that was written goes again, that one alone.
 */
#include "secret_host.h"

#define PATH "secret/data/apps/mail"

static char subject[ID_SIZE];
static char said[512]; /* by the log */

static void keep_message(void *user, connector_log_level level, const char *message)
{
  (void)user;
  if (level >= CONNECTOR_LOG_WARNING)
    snprintf(said, sizeof(said), "%s", message);
}

static int setup_undo(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  options.secrets = &secrets;
  options.log = keep_message;
  options.clock = test_clock;
  host_reset();
  said[0] = '\0';
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define undo_test(name) cmocka_unit_test_setup_teardown(name, setup_undo, teardown)

/* The record has a secret of one version, and something happens to it once the next is written. */
static void make_subject(void (*after)(const char *call))
{
  make_id(PATCH(.vault_path = PATH), subject);
  host_write("tenant-a", "secret", "apps/mail", "{\"a\":\"1\"}");
  host.after = after;
}

static struct host_secret *stored(void)
{
  struct host_secret *secret = host_find("tenant-a", "secret", "apps/mail");
  assert_non_null(secret);
  return secret;
}

/* The second version was written, and destroyed; the first one is as it was. */
static void assert_undone(void)
{
  assert_int_equal(host_asked("put"), 1);
  assert_int_equal(host_asked("destroy"), 1);
  assert_int_equal(host_last("destroy")->version, 2);
  assert_int_equal(stored()->count, 2);
  assert_true(stored()->versions[1].destroyed);
  assert_false(stored()->versions[0].destroyed);
  assert_text(said, "");
}

static void delete_it(const char *call)
{
  if (strcmp(call, "put") == 0)
    assert_int_equal(connector_delete(test.store, subject, 0, NULL), CONNECTOR_OK);
}

static void a_record_deleted_meanwhile_undoes_the_version(void **state)
{
  (void)state;
  make_subject(delete_it);
  assert_put(subject, "{\"a\":\"2\"}", -1, CONNECTOR_NOT_FOUND);
  assert_undone();
  assert_changes(subject, "deleted created");
}

static void purge_it(const char *call)
{
  delete_it(call);
  if (strcmp(call, "put") == 0)
    assert_int_equal(connector_purge(test.store, subject, NULL), CONNECTOR_OK);
}

static void a_record_purged_meanwhile_undoes_the_version(void **state)
{
  (void)state;
  make_subject(purge_it);
  assert_put(subject, "{\"a\":\"2\"}", -1, CONNECTOR_NOT_FOUND);
  assert_undone();
}

static void move_it(const char *call)
{
  if (strcmp(call, "put") == 0)
    assert_int_equal(connector_update(test.store, subject, 0,
                                      PATCH(.vault_path = "secret/data/apps/elsewhere"), NULL,
                                      NULL),
                     CONNECTOR_OK);
}

static void a_path_changed_meanwhile_undoes_the_version(void **state)
{
  (void)state;
  int64_t version = 99;
  make_subject(move_it);
  assert_int_equal(try_put(subject, "{\"a\":\"2\"}", -1, &version), CONNECTOR_CONFLICT);
  assert_int_equal(failure.status, CONNECTOR_CONFLICT);
  assert_text(failure.field, "vault_path");
  assert_lacks(failure.message, "apps");
  assert_int_equal(failure.version, 2); /* the record's */
  assert_int_equal(version, 99);
  assert_undone();
  connector *record = fetch(subject);
  assert_int_equal(record->credential_last_rotated_at, 0);
  connector_free(record);
  assert_changes(subject, "updated created");
}

static void clear_it(const char *call)
{
  if (strcmp(call, "put") == 0)
    assert_int_equal(connector_update(test.store, subject, 0,
                                      PATCH(.clear = CONNECTOR_BIT(CONNECTOR_FIELD_VAULT_PATH)),
                                      NULL, NULL),
                     CONNECTOR_OK);
}

static void a_path_taken_away_meanwhile_undoes_the_version(void **state)
{
  (void)state;
  make_subject(clear_it);
  assert_put(subject, "{\"a\":\"2\"}", -1, CONNECTOR_CONFLICT);
  assert_undone();
}

static void a_path_given_meanwhile_undoes_the_first_version(void **state)
{
  (void)state;
  make_id(PATCH(0), subject);
  host.after = move_it;
  assert_put(subject, "{\"a\":\"1\"}", -1, CONNECTOR_CONFLICT);
  assert_int_equal(host_asked("destroy"), 1);
  assert_int_equal(host_last("destroy")->version, 1);
  assert_text(host_last("destroy")->path, host_last("put")->path);
  connector *record = fetch(subject);
  assert_text(record->vault_path, "secret/data/apps/elsewhere");
  connector_free(record);
}

static void put_it_too(const char *call)
{
  host.after = NULL;
  if (strcmp(call, "get") == 0)
    put_json(subject, "{\"first\":\"1\"}");
}

static void a_path_that_another_put_gave_meanwhile_is_the_same(void **state)
{
  (void)state;
  make_id(PATCH(0), subject);
  host.after = put_it_too;
  assert_int_equal(put_json(subject, "{\"second\":\"2\"}"), 2);
  assert_int_equal(host_asked("destroy"), 0);
  assert_reads(subject, 0, "{\"first\":\"1\",\"second\":\"2\"}");
  assert_changes(subject, "rotated rotated updated created");
}

static void rename_it(const char *call)
{
  if (strcmp(call, "put") == 0)
    assert_int_equal(connector_update(test.store, subject, 0, PATCH(.name = "new"), NULL, NULL),
                     CONNECTOR_OK);
}

static void another_change_of_the_record_undoes_nothing(void **state)
{
  (void)state;
  make_subject(rename_it);
  assert_put(subject, "{\"a\":\"2\"}", -1, CONNECTOR_OK);
  assert_int_equal(host_asked("destroy"), 0);
  connector *record = fetch(subject);
  assert_text(record->name, "new");
  assert_int_equal(record->credential_last_rotated_at, test_time);
  connector_free(record);
  assert_changes(subject, "rotated updated created");
}

static void what_cannot_be_undone_is_logged_without_its_path(void **state)
{
  (void)state;
  make_subject(move_it);
  host_fails("destroy", CONNECTOR_SECRET_UNAVAILABLE, "the vault has a cold");
  assert_put(subject, "{\"a\":\"2\"}", -1, CONNECTOR_CONFLICT);
  assert_contains(said, "could not be destroyed");
  assert_lacks(said, "apps");
  assert_false(stored()->versions[1].destroyed);
}

static void a_version_that_was_not_told_destroys_no_whole_secret(void **state)
{
  (void)state;
  make_subject(move_it);
  host.forgets_versions = true;
  assert_put(subject, "{\"a\":\"2\"}", -1, CONNECTOR_CONFLICT);
  assert_int_equal(host_asked("destroy"), 0);
  assert_false(stored()->versions[0].destroyed);
  assert_contains(said, "could not be destroyed");
}

static void a_conflict_of_the_resolver_undoes_nothing(void **state)
{
  (void)state;
  make_subject(NULL);
  host.overtaken = 1;
  assert_put(subject, "{\"a\":\"2\"}", 1, CONNECTOR_SECRET_CONFLICT);
  assert_int_equal(host_asked("destroy"), 0);
}

static connector_status put_and_fail(connector_store *store, void *user, connector_error *error)
{
  (void)error;
  connector_status status = connector_secret_put(store, subject, user, -1, NULL, NULL);
  return status == CONNECTOR_OK ? CONNECTOR_CANCELLED : status;
}

static void a_batch_undone_leaves_what_the_hosts_resolver_wrote(void **state)
{
  (void)state;
  make_subject(NULL);
  connector_secret *secret = secret_of("{\"a\":\"2\"}");
  assert_int_equal(connector_batch(test.store, put_and_fail, secret, NULL), CONNECTOR_CANCELLED);
  assert_int_equal(stored()->count, 2);
  assert_changes(subject, "created");
  connector_secret_free(secret);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    undo_test(a_record_deleted_meanwhile_undoes_the_version),
    undo_test(a_record_purged_meanwhile_undoes_the_version),
    undo_test(a_path_changed_meanwhile_undoes_the_version),
    undo_test(a_path_taken_away_meanwhile_undoes_the_version),
    undo_test(a_path_given_meanwhile_undoes_the_first_version),
    undo_test(a_path_that_another_put_gave_meanwhile_is_the_same),
    undo_test(another_change_of_the_record_undoes_nothing),
    undo_test(what_cannot_be_undone_is_logged_without_its_path),
    undo_test(a_version_that_was_not_told_destroys_no_whole_secret),
    undo_test(a_conflict_of_the_resolver_undoes_nothing),
    undo_test(a_batch_undone_leaves_what_the_hosts_resolver_wrote),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
