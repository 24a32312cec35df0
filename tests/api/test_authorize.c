/*
 * What the caller and authorize callbacks are asked, how often, and what a refusal does.
 */
#include "support.h"

enum { EVENTS = 64 };

/* What the callbacks saw and what they answer. */
static struct {
  connector_action actions[EVENTS];
  char names[EVENTS][64]; /* of the record shown to authorize; "-" for none */
  size_t asked;
  connector_action refuse;
  connector_status refusal;
  size_t changed;
  size_t callers;
} seen;

static connector_status counting_caller(void *user, connector_caller *caller,
                                        connector_error *error)
{
  assert_ptr_equal(user, &seen);
  seen.callers++;
  return current_caller(user, caller, error);
}

static connector_status authorize(void *user, const connector_caller *caller,
                                  connector_action action, const connector *record,
                                  connector_error *error)
{
  (void)user;
  (void)caller;
  if (seen.asked < EVENTS) {
    seen.actions[seen.asked] = action;
    snprintf(seen.names[seen.asked++], 64, "%s",
             record == NULL         ? "-"
             : record->name == NULL ? "(null)"
                                    : record->name);
  }
  if (action != seen.refuse)
    return CONNECTOR_OK;
  snprintf(error->message, sizeof(error->message), "the host says no");
  return seen.refusal;
}

static void count_change(void *user, const connector_change *change)
{
  (void)user;
  (void)change;
  seen.changed++;
}

static int setup_callbacks(void **state)
{
  connector_options options = test_options();
  options.user = &seen;
  options.caller = counting_caller;
  options.authorize = authorize;
  options.on_change = count_change;
  memset(&seen, 0, sizeof(seen));
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define callback_test(name) cmocka_unit_test_setup_teardown(name, setup_callbacks, teardown)

static void the_caller_is_asked_once_for_each_call(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_int_equal(seen.callers, 1);
  connector_free(fetch(id));
  assert_int_equal(seen.callers, 2);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  assert_int_equal(seen.callers, 3);
  connector_page_free(list_of(NULL));
  assert_int_equal(seen.callers, 4);
  assert_int_equal(count_of(NULL), 1);
  assert_int_equal(seen.callers, 5);
}

static connector_status each_nothing(void *user, const connector *record, connector_error *error)
{
  (void)user;
  (void)record;
  (void)error;
  return CONNECTOR_OK;
}

static connector_status write_nothing(void *user, const char *bytes, size_t length,
                                      connector_error *error)
{
  (void)user;
  (void)bytes;
  (void)length;
  (void)error;
  return CONNECTOR_OK;
}

static void assert_asked(connector_action action, const char *name)
{
  assert_int_equal(seen.asked, 1);
  assert_int_equal(seen.actions[0], action);
  assert_text(seen.names[0], name);
  seen.asked = 0;
}

static void authorize_is_asked_for_each_action_once(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "first"), id);
  assert_asked(CONNECTOR_ACTION_CREATE, "first");
  connector_free(fetch(id));
  assert_asked(CONNECTOR_ACTION_READ, "first");
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "second"), NULL, &failure));
  assert_asked(CONNECTOR_ACTION_UPDATE, "first");
  connector_page_free(list_of(NULL));
  assert_asked(CONNECTOR_ACTION_LIST, "-");
  count_of(NULL);
  assert_asked(CONNECTOR_ACTION_LIST, "-");
  assert_ok(connector_each(test.store, NULL, each_nothing, NULL, &failure));
  assert_asked(CONNECTOR_ACTION_LIST, "-");
  assert_ok(connector_export(test.store, NULL, write_nothing, NULL, NULL, &failure));
  assert_asked(CONNECTOR_ACTION_LIST, "-");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_asked(CONNECTOR_ACTION_DELETE, "second");
  assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  assert_asked(CONNECTOR_ACTION_RESTORE, "second");
  assert_ok(connector_delete(test.store, id, 0, &failure));
  seen.asked = 0;
  assert_ok(connector_purge(test.store, id, &failure));
  assert_asked(CONNECTOR_ACTION_PURGE, "second");
  assert_ok(connector_purge_deleted(test.store, 1, NULL, &failure));
  assert_asked(CONNECTOR_ACTION_PURGE, "-");
  assert_ok(connector_create_once(test.store, "key", PATCH(.name = "once"), NULL, &failure));
  assert_asked(CONNECTOR_ACTION_CREATE, "once");
  assert_ok(connector_create_once(test.store, "key", PATCH(.name = "once"), NULL, &failure));
  assert_int_equal(seen.asked, 2); /* the record of the first call is shown */
  assert_int_equal(seen.actions[1], CONNECTOR_ACTION_READ);
  seen.asked = 0;
  assert_ok(connector_create_json(test.store, "{\"name\":\"j\"}", 12, NULL, &failure));
  assert_asked(CONNECTOR_ACTION_CREATE, "j");
}

static connector_status act(connector_action action, const char *live, const char *dead)
{
  connector *record = NULL;
  connector_page *page = NULL;
  switch (action) {
  case CONNECTOR_ACTION_CREATE:
    return connector_create(test.store, PATCH(0), NULL, &failure);
  case CONNECTOR_ACTION_READ:
    return connector_get(test.store, live, 0, &record, &failure);
  case CONNECTOR_ACTION_LIST:
    return connector_list(test.store, NULL, &page, &failure);
  case CONNECTOR_ACTION_UPDATE:
    return connector_update(test.store, live, 0, PATCH(.name = "x"), NULL, &failure);
  case CONNECTOR_ACTION_DELETE:
    return connector_delete(test.store, live, 0, &failure);
  case CONNECTOR_ACTION_RESTORE:
    return connector_restore(test.store, dead, 0, NULL, &failure);
  default:
    return connector_purge(test.store, dead, &failure);
  }
}

static void what_authorize_refuses_does_not_happen(void **state)
{
  (void)state;
  char live[ID_SIZE];
  char dead[ID_SIZE];
  make_id(PATCH(.name = "live"), live);
  make_id(PATCH(.name = "dead"), dead);
  assert_ok(connector_delete(test.store, dead, 0, &failure));
  size_t changed = seen.changed;
  for (int action = CONNECTOR_ACTION_CREATE; action <= CONNECTOR_ACTION_PURGE; action++) {
    seen.refuse = (connector_action)action;
    seen.refusal = CONNECTOR_DENIED;
    assert_status(act(seen.refuse, live, dead), CONNECTOR_DENIED);
    assert_text(failure.message, "the host says no");
    seen.refusal = CONNECTOR_CANCELLED;
    assert_status(act(seen.refuse, live, dead), CONNECTOR_CANCELLED);
  }
  seen.refuse = (connector_action)0;
  assert_int_equal(seen.changed, changed);
  assert_int_equal(count_of(NULL), 1);
  connector *record = fetch(live);
  assert_int_equal(record->version, 1);
  connector_free(record);
}

static void a_refusal_with_not_found_has_the_one_face(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  assert_not_found(connector_get(test.store, "cnn_none", 0, &record, &failure));
  connector_error face = failure;
  seen.refuse = CONNECTOR_ACTION_READ;
  seen.refusal = CONNECTOR_NOT_FOUND;
  assert_not_found(connector_get(test.store, id, 0, &record, &failure));
  assert_text(failure.message, face.message);
  assert_text(failure.field, face.field);
}

/* Neither a wrong version nor a wrong state tells that there is one. */
static void what_is_refused_with_not_found_conflicts_with_nothing(void **state)
{
  (void)state;
  static const connector_action refused[] = { CONNECTOR_ACTION_UPDATE, CONNECTOR_ACTION_DELETE,
                                              CONNECTOR_ACTION_RESTORE, CONNECTOR_ACTION_PURGE };
  char id[ID_SIZE];
  make_id(PATCH(.name = "x"), id);
  seen.refusal = CONNECTOR_NOT_FOUND;
  for (size_t i = 0; i < COUNT_OF(refused); i++) {
    connector_status answers[COUNT_OF(refused)] = { CONNECTOR_OK };
    seen.refuse = refused[i];
    answers[0] = connector_update(test.store, id, 9, PATCH(0), NULL, &failure);
    answers[1] = connector_delete(test.store, id, 9, &failure);
    answers[2] = connector_restore(test.store, id, 0, NULL, &failure);
    answers[3] = connector_purge(test.store, id, &failure);
    for (size_t k = 0; k < COUNT_OF(answers); k++)
      assert_int_equal(answers[k], k == i ? CONNECTOR_NOT_FOUND : CONNECTOR_CONFLICT);
  }
}

static void authorize_is_not_asked_what_tenancy_hides(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "a's"), id);
  seen.asked = 0;
  become("tenant-b", NULL, CONNECTOR_ROLE_TENANT);
  assert_not_found(connector_get(test.store, id, 0, &record, &failure));
  assert_not_found(connector_update(test.store, id, 0, PATCH(0), NULL, &failure));
  assert_not_found(connector_delete(test.store, id, 0, &failure));
  assert_int_equal(seen.asked, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    callback_test(the_caller_is_asked_once_for_each_call),
    callback_test(authorize_is_asked_for_each_action_once),
    callback_test(what_authorize_refuses_does_not_happen),
    callback_test(a_refusal_with_not_found_has_the_one_face),
    callback_test(what_is_refused_with_not_found_conflicts_with_nothing),
    callback_test(authorize_is_not_asked_what_tenancy_hides),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
