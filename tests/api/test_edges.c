/*
 * Edges between two rules, each of which was wrong once.
 */
#include "support.h"

static connector_status no_reading(void *user, const connector_caller *caller,
                                   connector_action action, const connector *record,
                                   connector_error *error)
{
  (void)user;
  (void)caller;
  (void)record;
  (void)error;
  return action == CONNECTOR_ACTION_READ ? CONNECTOR_NOT_FOUND : CONNECTOR_OK;
}

static void a_repeated_key_shows_nothing_that_get_would_not(void **state)
{
  connector_options options = test_options();
  connector *record = NULL;
  (void)state;
  options.authorize = no_reading;
  open_store(&options);
  assert_ok(connector_create_once(test.store, "key", PATCH(.name = "x"), NULL, &failure));
  assert_not_found(connector_create_once(test.store, "key", PATCH(.name = "x"), &record, &failure));
  assert_null(record);
}

static int asked_references;

static connector_status count_reference(void *user, const connector_caller *caller,
                                        connector_field field, const char *value,
                                        connector_error *error)
{
  (void)user;
  (void)caller;
  (void)field;
  (void)value;
  (void)error;
  asked_references++;
  return CONNECTOR_OK;
}

static connector_status allow_nothing(void *user, const connector_caller *caller,
                                      connector_action action, const connector *record,
                                      connector_error *error)
{
  (void)user;
  (void)caller;
  (void)action;
  (void)record;
  (void)error;
  return CONNECTOR_DENIED;
}

static void who_may_not_create_learns_nothing_of_references(void **state)
{
  connector_options options = test_options();
  (void)state;
  options.authorize = allow_nothing;
  options.reference = count_reference;
  open_store(&options);
  asked_references = 0;
  assert_status(connector_create(test.store, PATCH(.application_id = "app_1"), NULL, &failure),
                CONNECTOR_DENIED);
  assert_int_equal(asked_references, 0);
}

static bool meanwhile;

static connector_status write_meanwhile(void *user, const connector_caller *caller,
                                        connector_action action, const connector *record,
                                        connector_error *error)
{
  (void)user;
  (void)caller;
  (void)error;
  if (action != CONNECTOR_ACTION_UPDATE || meanwhile)
    return CONNECTOR_OK;
  meanwhile = true;
  assert_ok(connector_update(test.store, record->id, 1, PATCH(.name = "other"), NULL, &failure));
  return CONNECTOR_OK;
}

static void a_change_while_the_rules_are_asked_is_a_conflict_that_says_so(void **state)
{
  connector_options options = test_options();
  connector *record = NULL;
  (void)state;
  meanwhile = false;
  options.authorize = write_meanwhile;
  open_store(&options);
  record = make(PATCH(.name = "first"));
  assert_status(connector_update(test.store, record->id, 0, PATCH(.name = "mine"), NULL, &failure),
                CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 2);
  assert_contains(failure.message, "rules");
  connector_free(record);
}

static void an_empty_source_is_invalid(void **state)
{
  (void)state;
  assert_invalid(connector_create(test.store, PATCH(.source = ""), NULL, &failure), "source");
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

static void a_limit_is_for_pages_alone(void **state)
{
  int64_t count = 0;
  connector_page *page = NULL;
  (void)state;
  connector_free(make(PATCH(.name = "x")));
  assert_ok(connector_count(test.store, QUERY(.limit = 501), &count, &failure));
  assert_int_equal(count, 1);
  assert_invalid(connector_list(test.store, QUERY(.limit = 501), &page, &failure), "limit");
}

static void a_cursor_of_a_long_sort_value_can_be_used(void **state)
{
  connector_options options = test_options();
  connector_page *page = NULL;
  connector_query query = CONNECTOR_QUERY_INIT;
  char text[15001];
  (void)state;
  options.max_text = 20000;
  open_store(&options);
  memset(text, 'x', sizeof(text) - 1);
  text[sizeof(text) - 1] = '\0';
  for (int i = 0; i < 3; i++)
    connector_free(make(PATCH(.type = text)));
  query.order_by = CONNECTOR_FIELD_TYPE;
  query.limit = 1;
  page = list_of(&query);
  query.cursor = connector_page_next(page);
  connector_page *next = list_of(&query);
  assert_int_equal(connector_page_count(next), 1);
  connector_page_free(next);
  connector_page_free(page);
}

static void updated_at_moves_at_every_write_even_within_a_millisecond(void **state)
{
  connector *record = NULL;
  connector *updated = NULL;
  (void)state;
  record = make(PATCH(.name = "x"));
  assert_ok(connector_update(test.store, record->id, 0, PATCH(.name = "y"), &updated, &failure));
  assert_true(updated->updated_at > record->updated_at);
  connector_free(record);
  connector_free(updated);
}

static void a_member_that_is_a_boolean_is_found_by_its_text(void **state)
{
  const connector_filter is_true = { .field = CONNECTOR_FIELD_TAGS,
                                     .op = CONNECTOR_OP_CONTAINS,
                                     .text = "true" };
  const connector_filter is_one = { .field = CONNECTOR_FIELD_TAGS,
                                    .op = CONNECTOR_OP_CONTAINS,
                                    .text = "1" };
  (void)state;
  connector_free(make(PATCH(.tags = "[true]")));
  assert_int_equal(count_of(QUERY(.filters = &is_true, .filter_count = 1)), 1);
  assert_int_equal(count_of(QUERY(.filters = &is_one, .filter_count = 1)), 0);
}

static void a_number_that_no_integer_holds_is_invalid_in_a_query_string(void **state)
{
  connector_query *query = NULL;
  (void)state;
  assert_invalid(
      connector_query_from_params("consecutive_errors=9999999999999999999", &query, &failure),
      "consecutive_errors");
}

static void a_version_in_a_create_is_ignored(void **state)
{
  static const char json[] = "{\"name\":\"x\",\"version\":0}";
  connector *record = NULL;
  (void)state;
  assert_ok(connector_create_json(test.store, json, sizeof(json) - 1, &record, &failure));
  assert_int_equal(record->version, 1);
  connector_free(record);
}

static void an_id_of_any_length_is_not_found(void **state)
{
  size_t length = (size_t)70 * 1024 * 1024;
  char *id = malloc(length + 1);
  connector *record = NULL;
  (void)state;
  assert_non_null(id);
  memset(id, 'x', length);
  id[length] = '\0';
  assert_not_found(connector_get(test.store, id, 0, &record, &failure));
  assert_not_found(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  assert_not_found(connector_purge(test.store, id, &failure));
  free(id);
}

static void a_secret_keys_list_is_refused_too(void **state)
{
  (void)state;
  assert_invalid(
      connector_create(test.store, PATCH(.config = "{\"password\":[\"hunter2\"]}"), NULL, &failure),
      "config.password[0]");
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(a_repeated_key_shows_nothing_that_get_would_not),
    folder_test(who_may_not_create_learns_nothing_of_references),
    folder_test(a_change_while_the_rules_are_asked_is_a_conflict_that_says_so),
    store_test(an_empty_source_is_invalid),
    store_test(a_limit_is_for_pages_alone),
    folder_test(a_cursor_of_a_long_sort_value_can_be_used),
    clock_test(updated_at_moves_at_every_write_even_within_a_millisecond),
    store_test(a_member_that_is_a_boolean_is_found_by_its_text),
    store_test(a_number_that_no_integer_holds_is_invalid_in_a_query_string),
    store_test(a_version_in_a_create_is_ignored),
    store_test(an_id_of_any_length_is_not_found),
    store_test(a_secret_keys_list_is_refused_too),
  };
  return cmocka_run_group_tests_name("edges", tests, NULL, NULL);
}
