/*
 * Reading secrets: what a resolver is asked, and what is told of its answers and of records that
 * are out of reach.
 */
#include "secret_host.h"

#define PATH "secret/data/apps/mail"

/* What authorize was asked, and what it answers. */
static struct {
  size_t asked;
  connector_action action;
  char id[ID_SIZE];
  connector_status refusal;
} rules;

static connector_status authorize(void *user, const connector_caller *caller,
                                  connector_action action, const connector *record,
                                  connector_error *error)
{
  (void)user;
  (void)caller;
  if (action != CONNECTOR_ACTION_SECRET_READ)
    return CONNECTOR_OK;
  rules.asked++;
  rules.action = action;
  snprintf(rules.id, sizeof(rules.id), "%s", record != NULL ? record->id : "(none)");
  snprintf(error->message, sizeof(error->message), "the host says no");
  return rules.refusal;
}

static int setup_rules(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  options.authorize = authorize;
  options.secrets = &secrets;
  host_reset();
  memset(&rules, 0, sizeof(rules));
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define rules_test(name) cmocka_unit_test_setup_teardown(name, setup_rules, teardown)

/* ---- values and versions ---- */

static void a_secret_has_the_values_and_the_version_that_the_resolver_gave(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_secret *secret = NULL;
  make_id(PATCH(.vault_path = PATH), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"username\":\"ann\",\"token\":\"t-1\"}");
  host_write("tenant-a", "secret", "apps/mail", "{\"username\":\"ann\",\"token\":\"t-2\"}");
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  assert_int_equal(connector_secret_count(secret), 2);
  assert_text(connector_secret_name(secret, 0), "username");
  assert_text(connector_secret_name(secret, 1), "token");
  assert_int_equal(connector_secret_version(secret), 2);
  assert_false(connector_secret_is_stale(secret));
  assert_secret(secret, "{\"username\":\"ann\",\"token\":\"t-2\"}");
  connector_secret_free(secret);
  assert_reads(id, 1, "{\"username\":\"ann\",\"token\":\"t-1\"}");
  assert_reads(id, 2, "{\"username\":\"ann\",\"token\":\"t-2\"}");
  assert_unread(id, 3, CONNECTOR_SECRET_NOT_FOUND);
}

static void a_secret_outlives_its_store(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_secret *secret = NULL;
  make_id(PATCH(.vault_path = PATH), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"token\":\"t\"}");
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  close_store();
  assert_secret(secret, "{\"token\":\"t\"}");
  connector_secret_free(secret);
}

static void arguments_are_checked_before_anybody_is_asked(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_secret *secret = NULL;
  make_id(PATCH(.vault_path = PATH), id);
  assert_invalid(connector_secret_get(test.store, NULL, 0, &secret, &failure), "id");
  assert_invalid(connector_secret_get(test.store, id, -1, &secret, &failure), "version");
  assert_invalid(connector_secret_get(test.store, id, 0, NULL, &failure), "out");
  assert_null(secret);
  assert_int_equal(host.asked, 0);
}

/* ---- the request ---- */

static void the_request_says_what_is_asked_and_by_whom(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  char id[ID_SIZE];
  (void)state;
  host_reset();
  options.secrets = &secrets;
  options.secret_timeout_ms = 1234;
  open_store(&options);
  current.app_id = "app-1";
  make_id(PATCH(.vault_path = "kv/team/data/apps/data/mail", .credential_last_rotated_at = 77), id);
  host_write("tenant-a", "kv/team", "apps/data/mail", "{\"token\":\"t\"}");
  assert_reads(id, 1, "{\"token\":\"t\"}");
  const struct host_request *request = host_last("get");
  assert_int_equal(request->size, sizeof(connector_secret_request));
  assert_text(request->id, id);
  assert_text(request->tenant, "tenant-a");
  assert_text(request->app, "app-1");
  assert_text(request->mount, "kv/team");
  assert_text(request->path, "apps/data/mail");
  assert_text(request->caller, "tenant-a");
  assert_text(request->person, "person-1");
  assert_int_equal(request->role, CONNECTOR_ROLE_TENANT);
  assert_int_equal(request->version, 1);
  assert_int_equal(request->timeout_ms, 1234);
  assert_int_equal(request->rotated_at, 77);
}

static void a_system_caller_asks_for_the_tenant_of_the_record(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"token\":\"t\"}");
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_reads(id, 0, "{\"token\":\"t\"}");
  assert_text(host_last("get")->caller, "(null)");
  assert_text(host_last("get")->tenant, "tenant-a");
  assert_text(host_last("get")->app, "(null)");
  assert_int_equal(host_last("get")->role, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(host_last("get")->timeout_ms, 0);
  assert_int_equal(host_last("get")->rotated_at, 0);
}

static void *write_elsewhere(void *user)
{
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  *(connector_status *)user = connector_create(test.store, PATCH(.name = "meanwhile"), NULL, NULL);
  return NULL;
}

static void write_meanwhile(const char *call)
{
  pthread_t thread;
  connector_status status = CONNECTOR_INTERNAL;
  (void)call;
  assert_int_equal(pthread_create(&thread, NULL, write_elsewhere, &status), 0);
  assert_int_equal(pthread_join(thread, NULL), 0);
  assert_int_equal(status, CONNECTOR_OK);
}

static void other_threads_write_while_a_resolver_is_slow(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"token\":\"t\"}");
  host.before = write_meanwhile;
  assert_reads(id, 0, "{\"token\":\"t\"}");
  put_json(id, "{\"token\":\"u\"}");
  assert_int_equal(count_of(NULL), 1 + 3); /* get; and put, which reads first */
}

/* ---- out of reach ---- */

static connector_error one_face(const char *id)
{
  connector_secret *secret = NULL;
  assert_not_found(connector_secret_get(test.store, id, 0, &secret, &failure));
  assert_null(secret);
  return failure;
}

static void whatever_is_out_of_reach_has_one_face(void **state)
{
  (void)state;
  char foreign[ID_SIZE];
  char app[ID_SIZE];
  char personal[ID_SIZE];
  char gone[ID_SIZE];
  char bad_path[ID_SIZE];
  become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
  make_id(PATCH(.vault_path = PATH), foreign);
  make_id(PATCH(.vault_path = "no path"), bad_path);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  make_id(PATCH(.vault_path = PATH), app);
  current.app_id = "app-2";
  make_id(PATCH(.vault_path = PATH, .scope = CONNECTOR_SCOPE_USER, .user_id = "user-eve",
                .owner_id = "user-eve"),
          personal);
  make_id(PATCH(.vault_path = PATH), gone);
  assert_ok(connector_delete(test.store, gone, 0, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.app_id = "app-2";
  const char *const ids[] = { bad_path,   app, personal, gone, "cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV",
                              "not an id" };
  const connector_error face = one_face(foreign);
  for (size_t i = 0; i < COUNT_OF(ids); i++) {
    const connector_error other = one_face(ids[i]);
    assert_memory_equal(&face, &other, sizeof(face));
  }
  assert_int_equal(host.asked, 0);
}

static void the_other_calls_have_the_same_face(void **state)
{
  (void)state;
  char id[ID_SIZE];
  become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
  make_id(PATCH(.vault_path = PATH), id);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  const connector_error face = one_face(id);
  assert_put(id, "{\"token\":\"t\"}", -1, CONNECTOR_NOT_FOUND);
  assert_memory_equal(&face, &failure, sizeof(face));
  assert_not_found(connector_secret_delete(test.store, id, 1, &failure));
  assert_memory_equal(&face, &failure, sizeof(face));
  assert_not_found(connector_secret_restore(test.store, id, 1, &failure));
  assert_memory_equal(&face, &failure, sizeof(face));
  assert_not_found(connector_secret_destroy(test.store, id, 1, &failure));
  assert_memory_equal(&face, &failure, sizeof(face));
  assert_not_found(connector_secret_invalidate(test.store, id, &failure));
  assert_memory_equal(&face, &failure, sizeof(face));
  assert_int_equal(host.asked, 0);
}

static void without_a_resolver_a_record_of_the_callers_is_misuse(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char foreign[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  become("tenant-b", "user-bob", CONNECTOR_ROLE_TENANT);
  make_id(PATCH(.vault_path = PATH), foreign);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_unread(id, 0, CONNECTOR_MISUSE);
  assert_put(id, "{\"token\":\"t\"}", -1, CONNECTOR_MISUSE);
  assert_unread(foreign, 0, CONNECTOR_NOT_FOUND);
  assert_put(foreign, "{\"token\":\"t\"}", -1, CONNECTOR_NOT_FOUND);
  assert_unread("not an id", 0, CONNECTOR_NOT_FOUND);
}

/* ---- the host's rules ---- */

static void authorize_is_asked_to_read_with_the_record(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  host_write("tenant-a", "secret", "apps/mail", "{\"token\":\"t\"}");
  assert_reads(id, 0, "{\"token\":\"t\"}");
  assert_int_equal(rules.asked, 1);
  assert_int_equal(rules.action, CONNECTOR_ACTION_SECRET_READ);
  assert_text(rules.id, id);
}

static void a_refusal_is_passed_on_before_the_path_and_the_resolver(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = "not a path"), id);
  rules.refusal = CONNECTOR_DENIED;
  assert_unread(id, 0, CONNECTOR_DENIED);
  assert_text(failure.message, "the host says no");
  assert_status(connector_secret_invalidate(test.store, id, &failure), CONNECTOR_DENIED);
  rules.refusal = CONNECTOR_NOT_FOUND;
  const connector_error refused = one_face(id);
  const connector_error absent = one_face("cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV");
  assert_memory_equal(&refused, &absent, sizeof(refused));
  assert_int_equal(host.asked, 0);
}

/* ---- paths ---- */

static void a_record_without_a_path_has_no_secret(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_unread(id, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(host.asked, 0);
}

static void a_bad_path_is_told_without_it_and_no_resolver_is_asked(void **state)
{
  static const char *const paths[] = {
    "secret",
    "secret/data",
    "secret/data/",
    "data/secret",
    "/secret/data/CANARY",
    "secret/data//CANARY",
    "secret/data/CANARY/",
    "secret/data/../CANARY",
    "secret/data/CANARY/..",
    "secret/data/./CANARY",
    "../data/CANARY",
    "secret/data/CANARY\\x",
    "secret/data/CANARY%2fx",
    "secret/data/CANARY?x",
    "secret/data/CANARY#x",
    "secret/data/secret/data/CANARY",
    "secret/metadata/CANARY",
    "secret/data/tenant-CANARY/connectors/cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV/credentials",
    "secret/data/tenant-a/connectors/CANARY/credentials",
    "secret/data/tenant-CANARY/connectors/x",
    "secret/data/CANARY/cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV",
    "secret/data/CANARY/CNN_01arz3ndektsv4rrffq69g5fav",
  };
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(0), id);
  for (size_t i = 0; i < COUNT_OF(paths); i++) {
    connector_secret *secret = NULL;
    assert_ok(connector_update(test.store, id, 0, PATCH(.vault_path = paths[i]), NULL, &failure));
    assert_answer(connector_secret_get(test.store, id, 0, &secret, &failure), CONNECTOR_SECRET_PATH,
                  "vault_path");
    assert_lacks(failure.message, "CANARY");
    assert_null(secret);
    assert_put(id, "{\"token\":\"t\"}", -1, CONNECTOR_SECRET_PATH);
    assert_lacks(failure.message, "CANARY");
    assert_status(connector_secret_destroy(test.store, id, 0, &failure), CONNECTOR_SECRET_PATH);
  }
  assert_int_equal(host.asked, 0);
}

static void a_control_character_gets_into_no_path(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_invalid(
      connector_update(test.store, id, 0, PATCH(.vault_path = "secret/data/a\nb"), NULL, &failure),
      "vault_path");
}

static void a_path_of_the_records_own_is_good(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char path[300];
  make_id(PATCH(0), id);
  snprintf(path, sizeof(path), "secret/data/tenant-a/connectors/%s/more/of/it", id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.vault_path = path), NULL, &failure));
  assert_unread(id, 0, CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(host_asked("get"), 1);
}

/* ---- what a resolver answers ---- */

static void every_status_of_a_resolver_is_passed_on_with_what_it_told(void **state)
{
  static const connector_status statuses[] = {
    CONNECTOR_SECRET_NOT_FOUND, CONNECTOR_SECRET_DELETED,  CONNECTOR_SECRET_DENIED,
    CONNECTOR_SECRET_SEALED,    CONNECTOR_SECRET_TAMPERED, CONNECTOR_SECRET_UNAVAILABLE,
    CONNECTOR_SECRET_TIMEOUT,   CONNECTOR_SECRET_CONFLICT, CONNECTOR_SECRET_AMBIGUOUS,
    CONNECTOR_SECRET_PATH,      CONNECTOR_NO_MEMORY,       CONNECTOR_IO,
    CONNECTOR_CANCELLED,        CONNECTOR_INVALID,         CONNECTOR_DENIED,
  };
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(.vault_path = PATH), id);
  for (size_t i = 0; i < COUNT_OF(statuses); i++) {
    host_fails("get", statuses[i], "the vault has a cold");
    snprintf(host.told.field, sizeof(host.told.field), "a field");
    host.told.os_code = 111;
    host.told.version = 5;
    assert_unread(id, 0, statuses[i]);
    assert_text(failure.message, "the vault has a cold");
    assert_text(failure.field, "a field");
    assert_int_equal(failure.os_code, 111);
    assert_int_equal(failure.version, 5);
  }
  assert_int_equal(host_asked("get"), COUNT_OF(statuses)); /* none is tried again */
}

static void a_resolver_without_a_word_gets_one(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  host_fails("get", CONNECTOR_SECRET_UNAVAILABLE, "");
  assert_unread(id, 0, CONNECTOR_SECRET_UNAVAILABLE);
}

static void a_message_without_its_end_is_given_one(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.vault_path = PATH), id);
  host_fails("get", CONNECTOR_SECRET_UNAVAILABLE, "");
  memset(host.told.message, 'm', sizeof(host.told.message));
  memset(host.told.field, 'f', sizeof(host.told.field));
  assert_unread(id, 0, CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(strnlen(failure.message, sizeof(failure.message)), sizeof(failure.message) - 1);
  assert_int_equal(strnlen(failure.field, sizeof(failure.field)), sizeof(failure.field) - 1);
}

static void a_failing_resolver_hands_out_nothing_without_an_error_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_secret *secret = NULL;
  make_id(PATCH(.vault_path = PATH), id);
  host_fails("get", CONNECTOR_SECRET_DENIED, "no");
  assert_int_equal(connector_secret_get(test.store, id, 0, &secret, NULL), CONNECTOR_SECRET_DENIED);
  assert_null(secret);
}

static connector_status stale_get(void *user, const connector_secret_request *request,
                                  connector_secret *into, connector_error *error)
{
  (void)user;
  (void)request;
  connector_secret_set_stale(into, true);
  connector_secret_set_version(into, 9);
  return connector_secret_set(into, "token", "old", 3, error);
}

static void an_old_value_is_marked(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_secret *secret = NULL;
  char id[ID_SIZE];
  (void)state;
  secrets.get = stale_get;
  options.secrets = &secrets;
  open_store(&options);
  make_id(PATCH(.vault_path = PATH), id);
  assert_ok(connector_secret_get(test.store, id, 0, &secret, &failure));
  assert_true(connector_secret_is_stale(secret));
  assert_int_equal(connector_secret_version(secret), 9);
  connector_secret_free(secret);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secrets_test(a_secret_has_the_values_and_the_version_that_the_resolver_gave),
    secrets_test(a_secret_outlives_its_store),
    secrets_test(arguments_are_checked_before_anybody_is_asked),
    folder_test(the_request_says_what_is_asked_and_by_whom),
    secrets_test(a_system_caller_asks_for_the_tenant_of_the_record),
    secrets_test(other_threads_write_while_a_resolver_is_slow),
    secrets_test(whatever_is_out_of_reach_has_one_face),
    secrets_test(the_other_calls_have_the_same_face),
    memory_test(without_a_resolver_a_record_of_the_callers_is_misuse),
    rules_test(authorize_is_asked_to_read_with_the_record),
    rules_test(a_refusal_is_passed_on_before_the_path_and_the_resolver),
    secrets_test(a_record_without_a_path_has_no_secret),
    secrets_test(a_bad_path_is_told_without_it_and_no_resolver_is_asked),
    secrets_test(a_control_character_gets_into_no_path),
    secrets_test(a_path_of_the_records_own_is_good),
    secrets_test(every_status_of_a_resolver_is_passed_on_with_what_it_told),
    secrets_test(a_resolver_without_a_word_gets_one),
    secrets_test(a_message_without_its_end_is_given_one),
    secrets_test(a_failing_resolver_hands_out_nothing_without_an_error_too),
    folder_test(an_old_value_is_marked),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
