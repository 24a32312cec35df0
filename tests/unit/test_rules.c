/*
 * store/rules: what the host is asked, when, and what its refusals become.
 */
#include "store_support.h"

#include "store/rules.h"

static connector_status answer;
static char asked[300];

static connector_status rule(void *user, const connector_caller *caller, connector_action action,
                             const connector *record, connector_error *error)
{
  (void)user;
  (void)caller;
  snprintf(asked, sizeof(asked), "%d %s", (int)action, record != NULL ? record->id : "-");
  error->version = 4;
  snprintf(error->message, sizeof(error->message), "%s",
           answer == CONNECTOR_DENIED ? "not today" : "");
  return answer;
}

static connector_status refer(void *user, const connector_caller *caller, connector_field field,
                              const char *value, connector_error *error)
{
  size_t length = strlen(asked);
  (void)user;
  (void)caller;
  snprintf(asked + length, sizeof(asked) - length, "%s=%s ", connector_field_name(field), value);
  snprintf(error->field, sizeof(error->field), "id");
  return strcmp(value, "missing") == 0 ? CONNECTOR_NOT_FOUND : CONNECTOR_OK;
}

static struct call call;

static int setup_rules(void **state)
{
  if (setup_memory(state) != 0)
    return -1;
  asked[0] = '\0';
  answer = CONNECTOR_OK;
  test.store->authorize = rule;
  test.store->reference = refer;
  begin(&call);
  return 0;
}

static int teardown_rules(void **state)
{
  end(&call);
  return teardown(state);
}

static void without_rules_all_is_allowed_and_nothing_is_shown(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  test.store->authorize = NULL;
  test.store->reference = NULL;
  record.group_id = "missing";
  assert_false(rules_see_records(&call));
  engine_ok(rules_authorize(&call, CONNECTOR_ACTION_READ, &record));
  engine_ok(rules_references(&call, &record, UINT64_MAX));
  assert_text(asked, "");
}

static void the_host_is_shown_action_and_record(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  assert_true(rules_see_records(&call));
  engine_ok(rules_authorize(&call, CONNECTOR_ACTION_DELETE, &record));
  assert_text(asked, "5 cnn_1");
  engine_ok(rules_authorize(&call, CONNECTOR_ACTION_LIST, NULL));
  assert_text(asked, "3 -");
}

static void a_refusal_is_passed_on_and_not_found_has_its_one_face(void **state)
{
  connector_error one_face;
  (void)state;
  answer = CONNECTOR_DENIED;
  engine_fails(rules_authorize(&call, CONNECTOR_ACTION_READ, NULL), CONNECTOR_DENIED);
  assert_text(failure.message, "not today");
  assert_int_equal(failure.version, 4);
  answer = CONNECTOR_NOT_FOUND;
  engine_fails(rules_authorize(&call, CONNECTOR_ACTION_READ, NULL), CONNECTOR_NOT_FOUND);
  memset(&one_face, 0, sizeof(one_face));
  (void)not_found(&one_face);
  assert_memory_equal(&failure, &one_face, sizeof(failure));
  answer = CONNECTOR_BUSY;
  engine_fails(rules_authorize(&call, CONNECTOR_ACTION_READ, NULL), CONNECTOR_BUSY);
  assert_true(strlen(failure.message) > 0);
}

static void references_that_are_set_and_given_are_asked(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  record.group_id = "ops";
  record.application_id = "app";
  record.provider = "jira";
  engine_ok(rules_references(&call, &record, UINT64_MAX));
  assert_text(asked, "group_id=ops application_id=app ");
  asked[0] = '\0';
  engine_ok(rules_references(&call, &record, CONNECTOR_BIT(CONNECTOR_FIELD_APPLICATION_ID)));
  assert_text(asked, "application_id=app ");
}

static void a_missing_reference_is_invalid_by_its_field(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  record.webhook_endpoint_id = "missing";
  engine_fails_at(rules_references(&call, &record, UINT64_MAX), CONNECTOR_INVALID,
                  "webhook_endpoint_id");
}

#define rules_test(name) cmocka_unit_test_setup_teardown(name, setup_rules, teardown_rules)

int main(void)
{
  const struct CMUnitTest tests[] = {
    rules_test(without_rules_all_is_allowed_and_nothing_is_shown),
    rules_test(the_host_is_shown_action_and_record),
    rules_test(a_refusal_is_passed_on_and_not_found_has_its_one_face),
    rules_test(references_that_are_set_and_given_are_asked),
    rules_test(a_missing_reference_is_invalid_by_its_field),
  };
  return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
