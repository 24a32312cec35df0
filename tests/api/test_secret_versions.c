/*
 * Versions of a secret: deleted, restored, destroyed and told; and caches that are dropped. A table
 * of the calls says what they have in common.
 */
#include "secret_host.h"

#define PATH "secret/data/apps/mail"

static connector_status authorize(void *user, const connector_caller *caller,
                                  connector_action action, const connector *record,
                                  connector_error *error);

/* What authorize refuses, and what it was asked last. */
static connector_action refused, asked;

static void make_with_versions(char id[ID_SIZE])
{
  make_id(PATCH(.vault_path = PATH), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"v\":\"1\"}");
  host_write("tenant-a", "secret", "apps/mail", "{\"v\":\"2\"}");
}

static connector_status no_version(void *user, const connector_secret_version_info *info,
                                   connector_error *error)
{
  (void)user;
  (void)info;
  (void)error;
  return CONNECTOR_OK;
}

static connector_status tell_versions(connector_store *store, const char *id, int64_t version,
                                      connector_error *error)
{
  (void)version;
  return connector_secret_versions(store, id, no_version, NULL, error);
}

static connector_status forget(connector_store *store, const char *id, int64_t version,
                               connector_error *error)
{
  (void)version;
  return connector_secret_invalidate(store, id, error);
}

static const struct {
  const char *member;
  connector_status (*call)(connector_store *, const char *, int64_t, connector_error *);
  connector_action action;
  bool takes_version;
} calls[] = {
  { "remove", connector_secret_delete, CONNECTOR_ACTION_SECRET_WRITE, true },
  { "restore", connector_secret_restore, CONNECTOR_ACTION_SECRET_WRITE, true },
  { "destroy", connector_secret_destroy, CONNECTOR_ACTION_SECRET_WRITE, true },
  { "versions", tell_versions, CONNECTOR_ACTION_SECRET_READ, false },
  { "invalidate", forget, CONNECTOR_ACTION_SECRET_READ, false },
};

/* ---- what each does ---- */

static void a_deleted_version_cannot_be_read_until_it_is_restored(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_versions(id);
  assert_ok(connector_secret_delete(test.store, id, 1, &failure));
  assert_unread(id, 1, CONNECTOR_SECRET_DELETED);
  assert_reads(id, 0, "{\"v\":\"2\"}");
  assert_ok(connector_secret_restore(test.store, id, 1, &failure));
  assert_reads(id, 1, "{\"v\":\"1\"}");
  assert_ok(connector_secret_delete(test.store, id, 0, &failure));
  assert_unread(id, 0, CONNECTOR_SECRET_DELETED);
  assert_reads(id, 1, "{\"v\":\"1\"}");
  assert_ok(connector_secret_restore(test.store, id, 0, &failure));
  assert_reads(id, 0, "{\"v\":\"2\"}");
  assert_status(connector_secret_delete(test.store, id, 3, &failure), CONNECTOR_SECRET_NOT_FOUND);
  assert_status(connector_secret_restore(test.store, id, 3, &failure), CONNECTOR_SECRET_NOT_FOUND);
  assert_changes(id, "created");
}

static void a_version_is_destroyed_alone_and_a_secret_as_a_whole(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_versions(id);
  assert_ok(connector_secret_destroy(test.store, id, 1, &failure));
  assert_unread(id, 1, CONNECTOR_SECRET_DELETED);
  assert_reads(id, 0, "{\"v\":\"2\"}");
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure));
  assert_unread(id, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure)); /* there is none */
  connector *record = fetch(id);
  assert_text(record->vault_path, PATH);
  assert_int_equal(record->version, 1);
  connector_free(record);
}

static void the_secret_of_a_deleted_record_can_only_be_destroyed(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_versions(id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  for (size_t i = 0; i < COUNT_OF(calls); i++)
    if (strcmp(calls[i].member, "destroy") != 0)
      assert_not_found(calls[i].call(test.store, id, 1, &failure));
  assert_int_equal(host.asked, 0);
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure));
  assert_int_equal(host.count, 0);
}

struct told {
  connector_secret_version_info infos[4];
  size_t count;
  size_t stop_at; /* 0: never */
};

static connector_status keep_version(void *user, const connector_secret_version_info *info,
                                     connector_error *error)
{
  struct told *told = user;
  assert_true(told->count < COUNT_OF(told->infos));
  assert_int_equal(info->size, sizeof(*info));
  told->infos[told->count++] = *info;
  if (told->count != told->stop_at)
    return CONNECTOR_OK;
  snprintf(error->message, sizeof(error->message), "that will do");
  return CONNECTOR_CANCELLED;
}

static void versions_are_told_oldest_first(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct told told = { .count = 0 };
  make_with_versions(id);
  assert_ok(connector_secret_delete(test.store, id, 1, &failure));
  assert_ok(connector_secret_destroy(test.store, id, 2, &failure));
  assert_ok(connector_secret_versions(test.store, id, keep_version, &told, &failure));
  assert_int_equal(told.count, 2);
  assert_int_equal(told.infos[0].version, 1);
  assert_int_equal(told.infos[0].created_at, 1000);
  assert_int_equal(told.infos[0].deleted_at, 2000);
  assert_false(told.infos[0].destroyed);
  assert_int_equal(told.infos[1].version, 2);
  assert_int_equal(told.infos[1].deleted_at, 0);
  assert_true(told.infos[1].destroyed);
}

static void being_told_of_versions_can_be_stopped(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct told told = { .stop_at = 1 };
  make_with_versions(id);
  assert_status(connector_secret_versions(test.store, id, keep_version, &told, &failure),
                CONNECTOR_CANCELLED);
  assert_text(failure.message, "that will do");
  assert_int_equal(told.count, 1);
  assert_invalid(connector_secret_versions(test.store, id, NULL, NULL, &failure), "each");
}

static void a_cache_is_told_of_the_path_to_forget(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_versions(id);
  assert_ok(connector_secret_invalidate(test.store, id, &failure));
  assert_int_equal(host.asked, 1);
  assert_text(host_last("invalidate")->path, "apps/mail");
  assert_text(host_last("invalidate")->tenant, "tenant-a");
}

/* ---- what all have in common ---- */

static void each_asks_one_member_with_the_records_own(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_versions(id);
  for (size_t i = 0; i < COUNT_OF(calls); i++) {
    host.asked = 0;
    assert_ok(calls[i].call(test.store, id, 2, &failure));
    assert_int_equal(host.asked, 1);
    const struct host_request *request = host_last(calls[i].member);
    assert_text(request->id, id);
    assert_text(request->mount, "secret");
    assert_text(request->path, "apps/mail");
    assert_text(request->tenant, "tenant-a");
    assert_int_equal(request->version, calls[i].takes_version ? 2 : 0);
  }
}

static void each_passes_on_what_the_resolver_answers(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_versions(id);
  for (size_t i = 0; i < COUNT_OF(calls); i++) {
    if (strcmp(calls[i].member, "invalidate") == 0)
      continue; /* it answers nothing */
    host_fails(calls[i].member, CONNECTOR_SECRET_TIMEOUT, "the vault sleeps");
    assert_status(calls[i].call(test.store, id, 1, &failure), CONNECTOR_SECRET_TIMEOUT);
    assert_text(failure.message, "the vault sleeps");
  }
}

static void each_checks_its_arguments(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_with_versions(id);
  for (size_t i = 0; i < COUNT_OF(calls); i++) {
    assert_invalid(calls[i].call(test.store, NULL, 1, &failure), "id");
    if (calls[i].takes_version)
      assert_invalid(calls[i].call(test.store, id, -1, &failure), "version");
  }
  assert_int_equal(host.asked, 0);
}

static void a_record_without_a_path_has_nothing_to_change(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (size_t i = 0; i < COUNT_OF(calls); i++)
    assert_status(calls[i].call(test.store, id, 0, &failure),
                  strcmp(calls[i].member, "destroy") == 0 ? CONNECTOR_OK
                                                          : CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(host.asked, 0);
}

/* Nor where none could be made of it: an id of its tenant can't be a segment. */
static void a_record_that_can_have_no_path_has_nothing_to_destroy(void **state)
{
  (void)state;
  char id[ID_SIZE];
  become("tenant/with/slashes", NULL, CONNECTOR_ROLE_TENANT);
  make_id(PATCH(0), id);
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure));
  assert_int_equal(host.asked, 0);
}

static void members_that_are_not_there_have_their_answer(void **state)
{
  static const connector_status answers[] = {
    CONNECTOR_SECRET_READ_ONLY,
    CONNECTOR_SECRET_READ_ONLY,
    CONNECTOR_SECRET_READ_ONLY,
    CONNECTOR_SECRET_UNAVAILABLE,
    CONNECTOR_OK,
  };
  connector_options options = test_options();
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  char id[ID_SIZE];
  (void)state;
  host_reset();
  secrets.user = &host;
  secrets.get = host_get;
  options.secrets = &secrets;
  open_store(&options);
  make_with_versions(id);
  for (size_t i = 0; i < COUNT_OF(calls); i++)
    assert_status(calls[i].call(test.store, id, 0, &failure), answers[i]);
  assert_reads(id, 0, "{\"v\":\"2\"}");
}

static connector_status authorize(void *user, const connector_caller *caller,
                                  connector_action action, const connector *record,
                                  connector_error *error)
{
  (void)user;
  (void)caller;
  (void)error;
  assert_non_null(record);
  asked = action;
  return action == refused ? CONNECTOR_DENIED : CONNECTOR_OK;
}

static void each_is_asked_of_the_hosts_rules(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  char id[ID_SIZE];
  (void)state;
  host_reset();
  options.authorize = authorize;
  options.secrets = &secrets;
  open_store(&options);
  make_with_versions(id);
  for (size_t i = 0; i < COUNT_OF(calls); i++) {
    refused = (connector_action)0;
    host.asked = 0;
    assert_ok(calls[i].call(test.store, id, 1, &failure));
    assert_int_equal(asked, calls[i].action);
    assert_int_equal(host.asked, 1);
    refused = calls[i].action;
    assert_status(calls[i].call(test.store, id, 1, &failure), CONNECTOR_DENIED);
    assert_int_equal(host.asked, 1);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secrets_test(a_deleted_version_cannot_be_read_until_it_is_restored),
    secrets_test(a_version_is_destroyed_alone_and_a_secret_as_a_whole),
    secrets_test(the_secret_of_a_deleted_record_can_only_be_destroyed),
    secrets_test(versions_are_told_oldest_first),
    secrets_test(being_told_of_versions_can_be_stopped),
    secrets_test(a_cache_is_told_of_the_path_to_forget),
    secrets_test(each_asks_one_member_with_the_records_own),
    secrets_test(each_passes_on_what_the_resolver_answers),
    secrets_test(each_checks_its_arguments),
    secrets_test(a_record_without_a_path_has_nothing_to_change),
    secrets_test(a_record_that_can_have_no_path_has_nothing_to_destroy),
    folder_test(members_that_are_not_there_have_their_answer),
    folder_test(each_is_asked_of_the_hosts_rules),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
