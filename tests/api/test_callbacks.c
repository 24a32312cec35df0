/*
 * The host's other callbacks: what reference is asked, what on_change is told, and the log.
 */
#include "support.h"

enum {
  EVENTS = 64
};

/* What the callbacks saw and what they answer. */
static struct {
  connector_change_kind kinds[EVENTS];
  int64_t versions[EVENTS];
  char ids[EVENTS][ID_SIZE];
  char request[64], person[64], tenant[64], app[64];
  int64_t at;
  size_t changed, updated;
  connector_field fields[EVENTS];
  char values[EVENTS][64];
  size_t referred;
  const char *unknown_value;
  char log[4096];
} seen;

static connector_status reference(void *user, const connector_caller *caller, connector_field field,
                                  const char *value, connector_error *error)
{
  (void)user;
  (void)caller;
  if (seen.referred < EVENTS) {
    seen.fields[seen.referred] = field;
    snprintf(seen.values[seen.referred++], 64, "%s", value);
  }
  if (seen.unknown_value == NULL || strcmp(value, seen.unknown_value) != 0)
    return CONNECTOR_OK;
  snprintf(error->message, sizeof(error->message), "nothing of this name exists");
  return CONNECTOR_NOT_FOUND;
}

static void on_change(void *user, const connector_change *change)
{
  (void)user;
  if (seen.changed >= EVENTS)
    return;
  seen.kinds[seen.changed] = change->kind;
  seen.versions[seen.changed] = change->version;
  snprintf(seen.ids[seen.changed++], ID_SIZE, "%s", change->id);
  snprintf(seen.request, 64, "%s", change->request_id ? change->request_id : "-");
  snprintf(seen.person, 64, "%s", change->person_id ? change->person_id : "-");
  snprintf(seen.tenant, 64, "%s", change->tenant_id);
  snprintf(seen.app, 64, "%s", change->app_id ? change->app_id : "-");
  seen.at = change->at;
}

static void take_log(void *user, connector_log_level level, const char *message)
{
  (void)user;
  (void)level;
  size_t used = strlen(seen.log);
  snprintf(seen.log + used, sizeof(seen.log) - used, "%s\n", message);
}

static int setup_callbacks(void **state)
{
  connector_options options = test_options();
  options.user = &seen;
  options.reference = reference;
  options.on_change = on_change;
  options.clock = test_clock;
  options.log = take_log;
  memset(&seen, 0, sizeof(seen));
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define callback_test(name) cmocka_unit_test_setup_teardown(name, setup_callbacks, teardown)

static void references_are_asked_when_they_are_set(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "g", .application_id = "a",
                .webhook_endpoint_id = "w", .owner_id = "o", .name = "n"),
          id);
  assert_int_equal(seen.referred, 3);
  for (size_t i = 0; i < 3; i++)
    assert_text(seen.values[i], seen.fields[i] == CONNECTOR_FIELD_GROUP_ID         ? "g"
                                : seen.fields[i] == CONNECTOR_FIELD_APPLICATION_ID ? "a"
                                                                                   : "w");
  seen.referred = 0;
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "m"), NULL, &failure));
  assert_int_equal(seen.referred, 0);
  assert_ok(connector_update(test.store, id, 0, PATCH(.application_id = "b"), NULL, &failure));
  assert_int_equal(seen.referred, 1);
  assert_int_equal(seen.fields[0], CONNECTOR_FIELD_APPLICATION_ID);
  assert_text(seen.values[0], "b");
}

static void an_unknown_reference_is_invalid_with_its_field(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  seen.unknown_value = "nowhere";
  assert_invalid(connector_create(test.store, PATCH(.application_id = "nowhere"), NULL, &failure),
                 "application_id");
  assert_text(failure.message, "nothing of this name exists");
  assert_invalid(
      connector_update(test.store, id, 0, PATCH(.webhook_endpoint_id = "nowhere"), NULL, &failure),
      "webhook_endpoint_id");
  static const char json[] = "{\"group_id\":\"nowhere\"}";
  assert_invalid(connector_update_json(test.store, id, 0, json, strlen(json), NULL, &failure),
                 "group_id");
  assert_int_equal(count_of(NULL), 1);
}

static void on_change_is_told_every_change_in_order(void **state)
{
  (void)state;
  static const connector_change_kind kinds[] = {
    CONNECTOR_CHANGE_CREATED,  CONNECTOR_CHANGE_UPDATED, CONNECTOR_CHANGE_DELETED,
    CONNECTOR_CHANGE_RESTORED, CONNECTOR_CHANGE_DELETED, CONNECTOR_CHANGE_PURGED
  };
  char id[ID_SIZE];
  current.app_id = "app-1";
  current.request_id = "req-7";
  make_id(PATCH(0), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  assert_int_equal(seen.changed, COUNT_OF(kinds));
  for (size_t i = 0; i < COUNT_OF(kinds); i++) {
    assert_int_equal(seen.kinds[i], kinds[i]);
    assert_text(seen.ids[i], id);
    if (i < 5)
      assert_int_equal(seen.versions[i], i + 1);
  }
  assert_text(seen.request, "req-7");
  assert_text(seen.person, "person-1");
  assert_text(seen.tenant, "tenant-a");
  assert_text(seen.app, "app-1");
  assert_true(seen.at == test_time);
}

static void failed_calls_change_nothing_and_tell_nobody(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  size_t changed = seen.changed;
  assert_status(connector_update(test.store, id, 9, PATCH(0), NULL, &failure), CONNECTOR_CONFLICT);
  assert_invalid(connector_create(test.store, PATCH(.name = "\xff"), NULL, &failure), "name");
  assert_status(connector_purge(test.store, id, &failure), CONNECTOR_CONFLICT);
  assert_ok(connector_create_once(test.store, "k", PATCH(0), NULL, &failure));
  assert_ok(connector_create_once(test.store, "k", PATCH(0), NULL, &failure));
  assert_int_equal(seen.changed, changed + 1);
}

static void purge_deleted_tells_each_purge(void **state)
{
  (void)state;
  for (int i = 0; i < 3; i++) {
    char id[ID_SIZE];
    make_id(PATCH(0), id);
    assert_ok(connector_delete(test.store, id, 0, &failure));
  }
  seen.changed = 0;
  assert_ok(connector_purge_deleted(test.store, INT64_MAX, NULL, &failure));
  assert_int_equal(seen.changed, 3);
  for (size_t i = 0; i < 3; i++)
    assert_int_equal(seen.kinds[i], CONNECTOR_CHANGE_PURGED);
}

static void the_log_and_errors_hold_no_data(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "canary-name", .config = "{\"k\":\"canary-value\"}"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_maintain(test.store, NULL, &failure));
  assert_lacks(seen.log, "canary");
}

static void calling_on_change(void *user, const connector_change *change)
{
  (void)user;
  connector *record = NULL;
  seen.changed++;
  if (connector_get(test.store, change->id, 0, &record, NULL) == CONNECTOR_OK)
    seen.referred++;
  connector_free(record);
  if (change->version < 4 && connector_update(test.store, change->id, 0, PATCH(.name = "again"),
                                              NULL, NULL) == CONNECTOR_OK)
    seen.updated++;
}

static void on_change_may_call_the_library(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.on_change = calling_on_change;
  memset(&seen, 0, sizeof(seen));
  open_store(&options);
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_int_equal(seen.changed, 4);
  assert_int_equal(seen.referred, 4);
  assert_int_equal(seen.updated, 3);
  connector *record = fetch(id);
  assert_int_equal(record->version, 4);
  connector_free(record);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    callback_test(references_are_asked_when_they_are_set),
    callback_test(an_unknown_reference_is_invalid_with_its_field),
    callback_test(on_change_is_told_every_change_in_order),
    callback_test(failed_calls_change_nothing_and_tell_nobody),
    callback_test(purge_deleted_tells_each_purge),
    callback_test(the_log_and_errors_hold_no_data),
    folder_test(on_change_may_call_the_library),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
