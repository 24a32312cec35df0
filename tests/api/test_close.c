/*
 * Closing from inside a callback: the running call finishes, every other call answers MISUSE.
 */
#include "support.h"

/* What a callback's calls answered after it closed the store. */
static struct {
  int calls;
  int misused;
} seen;

static void close_and_use(void)
{
  connector *record = NULL;
  if (seen.calls == 0)
    connector_close(test.store);
  seen.calls += 3;
  seen.misused += connector_create(test.store, PATCH(0), NULL, NULL) == CONNECTOR_MISUSE;
  seen.misused += connector_get(test.store, "x", 0, &record, NULL) == CONNECTOR_MISUSE;
  seen.misused += connector_count(test.store, NULL, &(int64_t){ 0 }, NULL) == CONNECTOR_MISUSE;
}

static connector_status each_closes(void *user, const connector *record, connector_error *error)
{
  (void)user;
  (void)record;
  (void)error;
  close_and_use();
  return CONNECTOR_OK;
}

static void a_store_closed_inside_each_is_misuse_from_then_on(void **state)
{
  (void)state;
  memset(&seen, 0, sizeof(seen));
  for (int i = 0; i < 3; i++)
    connector_free(make(PATCH(.name = "x")));
  assert_ok(connector_each(test.store, NULL, each_closes, NULL, &failure));
  test.store = NULL;
  assert_int_equal(seen.calls, 9);
  assert_int_equal(seen.misused, 9);
}

static connector_status authorize_closes(void *user, const connector_caller *caller,
                                         connector_action action, const connector *record,
                                         connector_error *error)
{
  (void)user;
  (void)caller;
  (void)action;
  (void)record;
  (void)error;
  close_and_use();
  return CONNECTOR_OK;
}

static void a_store_closed_inside_authorize_finishes_the_call(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.authorize = authorize_closes;
  memset(&seen, 0, sizeof(seen));
  open_store(&options);
  assert_ok(connector_create(test.store, PATCH(.name = "written all the same"), NULL, &failure));
  test.store = NULL;
  assert_int_equal(seen.calls, 3);
  assert_int_equal(seen.misused, 3);
  options.authorize = NULL;
  open_store(&options);
  assert_int_equal(count_of(NULL), 1);
}

static void change_closes(void *user, const connector_change *change)
{
  (void)user;
  (void)change;
  close_and_use();
}

static void a_store_closed_inside_on_change_finishes_the_call(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.on_change = change_closes;
  memset(&seen, 0, sizeof(seen));
  open_store(&options);
  assert_ok(connector_create(test.store, PATCH(0), NULL, &failure));
  test.store = NULL;
  assert_int_equal(seen.calls, 3);
  assert_int_equal(seen.misused, 3);
}

static connector_status batch_closes(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  connector_status status = connector_create(store, PATCH(.name = "first"), NULL, error);
  close_and_use();
  return status;
}

static void a_store_closed_inside_a_batch_finishes_the_batch(void **state)
{
  (void)state;
  connector_options options = test_options();
  memset(&seen, 0, sizeof(seen));
  assert_ok(connector_batch(test.store, batch_closes, NULL, &failure));
  test.store = NULL;
  assert_int_equal(seen.misused, 3);
  open_store(&options);
  assert_int_equal(count_of(NULL), 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(a_store_closed_inside_each_is_misuse_from_then_on),
    store_test(a_store_closed_inside_authorize_finishes_the_call),
    store_test(a_store_closed_inside_on_change_finishes_the_call),
    store_test(a_store_closed_inside_a_batch_finishes_the_batch),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
