/*
 * Creating: what is stamped, what is the default, and that every field comes back as given. Limits
 * and refusals are in test_create_limits.c.
 */
#include "columns.h"

static void a_bare_record_has_every_stamp_and_default(void **state)
{
  (void)state;
  current.person_id = "sub-9";
  connector *record = make(PATCH(0));
  assert_int_equal(strncmp(record->id, "cnn_", 4), 0);
  assert_int_equal(strlen(record->id), 30);
  assert_int_equal(strspn(record->id + 4, "0123456789ABCDEFGHJKMNPQRSTVWXYZ"), 26);
  assert_text(record->tenant_id, "tenant-a");
  assert_null(record->app_id);
  assert_true(record->created_at == test_time);
  assert_true(record->updated_at == test_time);
  assert_text(record->created_by, "sub-9");
  assert_text(record->updated_by, "sub-9");
  assert_text(record->source, "edm");
  assert_int_equal(record->source_type, CONNECTOR_SOURCE_TYPE_API);
  assert_false(record->is_deleted);
  assert_int_equal(record->deleted_at, 0);
  assert_null(record->deleted_by);
  assert_int_equal(record->schema_version, 1);
  assert_int_equal(record->scope, CONNECTOR_SCOPE_ORG);
  assert_false(record->oauth_refresh_needed);
  assert_true(record->enabled);
  assert_int_equal(record->consecutive_errors, 0);
  assert_int_equal(record->version, 1);
  for (size_t i = 0; i < COUNT_OF(columns); i++)
    if (columns[i].user && columns[i].nullable && columns[i].kind == TIME)
      assert_int_equal(column_number(&columns[i], record), 0);
    else if (columns[i].user && columns[i].nullable && columns[i].kind != INTEGER)
      assert_null(column_text(&columns[i], record));
  connector_free(record);
}

static void the_callers_app_person_and_source_are_stamped(void **state)
{
  (void)state;
  current.app_id = "app-1";
  current.person_id = "sub-1";
  current.source = "portal";
  current.source_type = CONNECTOR_SOURCE_TYPE_FRONTEND;
  connector *record = make(PATCH(0));
  assert_text(record->app_id, "app-1");
  assert_text(record->created_by, "sub-1");
  assert_text(record->source, "portal");
  assert_int_equal(record->source_type, CONNECTOR_SOURCE_TYPE_FRONTEND);
  connector_free(record);
}

static void a_machine_leaves_people_null(void **state)
{
  (void)state;
  current.person_id = NULL;
  connector *record = make(PATCH(0));
  assert_null(record->created_by);
  assert_null(record->updated_by);
  connector_free(record);
}

static void the_patch_comes_before_the_callers_source(void **state)
{
  (void)state;
  current.source = "portal";
  current.source_type = CONNECTOR_SOURCE_TYPE_FRONTEND;
  connector *record = make(PATCH(.source = "import", .source_type = CONNECTOR_SOURCE_TYPE_SYSTEM));
  assert_text(record->source, "import");
  assert_int_equal(record->source_type, CONNECTOR_SOURCE_TYPE_SYSTEM);
  connector_free(record);
}

static const connector_patch full = {
  .size = sizeof(connector_patch),
  .source = "source é",
  .source_type = CONNECTOR_SOURCE_TYPE_BACKEND,
  .type = "ticketing",
  .provider = "jira",
  .name = "Jira – 中文 😀",
  .scope = CONNECTOR_SCOPE_GROUP,
  .owner_id = "user-owner",
  .group_id = "group-1",
  .user_id = "user-1",
  .config = "{\"region\":\"eu\",\"n\":9007199254740993,\"d\":1.10,\"e\":1e400}",
  .vault_path = "secret/data/apps/jira",
  .auth_type = "oauth2",
  .oauth_refresh_needed = CONNECTOR_YES,
  .oauth_token_expires_at = 1700000000001,
  .enabled = CONNECTOR_NO,
  .sync_status = "healthy",
  .last_sync_at = 1700000000002,
  .consecutive_errors = 7,
  .last_error = "two lines\nand a\ttab",
  .metrics = "{\"totalSynced\":12,\"z\":1,\"a\":2}",
  .event_types = "[\"issue.created\",\"issue.updated\"]",
  .webhook_endpoint_id = "hook-1",
  .credential_last_rotated_at = 1700000000003,
  .next_rotation_due = 1700000000004,
  .tags = "{\"env\":\"prod\"}",
  .application_id = "application-1",
};

static void assert_full(const connector *record)
{
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    const struct column *column = &columns[i];
    const char *text = NULL;
    int64_t number = 0;
    int choice = 0;
    if (!column->user)
      continue;
    memcpy(&text, (const char *)&full + column->patch_at, sizeof(text));
    memcpy(&number, (const char *)&full + column->patch_at, sizeof(number));
    memcpy(&choice, (const char *)&full + column->patch_at, sizeof(choice));
    if (column->kind == BOOLEAN)
      assert_int_equal(column_number(column, record), choice == CONNECTOR_YES);
    else if (column->kind == CHOICE)
      assert_int_equal(column_number(column, record), choice);
    else if (column->kind == TIME || column->kind == INTEGER)
      assert_true(column_number(column, record) == number);
    else
      assert_text(column_text(column, record), text);
  }
}

static void every_field_comes_back_as_given(void **state)
{
  (void)state;
  connector *record = make(&full);
  assert_full(record);
  connector *read = fetch(record->id);
  assert_full(read);
  assert_true(connector_equal(record, read));
  connector_free(record);
  connector_free(read);
}

static void what_is_given_is_copied_before_the_call_returns(void **state)
{
  (void)state;
  char name[] = "mine";
  connector *record = make(PATCH(.name = name));
  memset(name, '?', sizeof(name) - 1);
  assert_text(record->name, "mine");
  connector_free(record);
}

static void every_enum_value_comes_back(void **state)
{
  (void)state;
  for (int value = CONNECTOR_SOURCE_TYPE_FRONTEND; value <= CONNECTOR_SOURCE_TYPE_API; value++) {
    connector *record = make(PATCH(.source_type = (connector_source_type)value));
    connector *read = fetch(record->id);
    assert_int_equal(read->source_type, value);
    connector_free(record);
    connector_free(read);
  }
}

static void empty_text_is_not_null(void **state)
{
  (void)state;
  connector *record = make(PATCH(.provider = ""));
  connector *read = fetch(record->id);
  assert_text(read->provider, "");
  assert_null(read->type);
  connector_free(record);
  connector_free(read);
}

static void json_keeps_digits_and_order_and_loses_white_space(void **state)
{
  (void)state;
  connector *record = make(PATCH(
          .config = " { \"b\" : [ 1 , 2.50 , -0 , 1E+2 ] ,\n\t\"a\" : \" sp ace \\u0041 \\/ \" } ",
          .tags = "[ \"x\" , \"y z\" ]", .event_types = "[ ]"));
  assert_text(record->config, "{\"b\":[1,2.50,-0,1E+2],\"a\":\" sp ace \\u0041 \\/ \"}");
  assert_text(record->tags, "[\"x\",\"y z\"]");
  assert_text(record->event_types, "[]");
  connector_free(record);
}

static void ids_rise_with_every_create(void **state)
{
  (void)state;
  char last[ID_SIZE] = "";
  char id[ID_SIZE];
  for (int i = 0; i < 200; i++) {
    test_time += i % 3 - 1;
    make_id(PATCH(0), id);
    assert_true(strcmp(last, id) < 0);
    memcpy(last, id, sizeof(id));
  }
}

static void out_may_be_null(void **state)
{
  (void)state;
  assert_ok(connector_create(test.store, PATCH(.name = "x"), NULL, &failure));
  assert_int_equal(count_of(NULL), 1);
}

static void the_error_may_be_null(void **state)
{
  (void)state;
  connector *record = NULL;
  assert_int_equal(connector_create(test.store, PATCH(0), &record, NULL), CONNECTOR_OK);
  connector_free(record);
  assert_int_equal(connector_create(test.store, PATCH(.name = "\xff"), &record, NULL),
                   CONNECTOR_INVALID);
}

static void a_personal_record_belongs_to_the_caller_by_default(void **state)
{
  (void)state;
  become("tenant-a", "user-bob", CONNECTOR_ROLE_MEMBER);
  connector *record = make(PATCH(.scope = CONNECTOR_SCOPE_USER));
  assert_text(record->user_id, "user-bob");
  assert_text(record->owner_id, "user-bob");
  connector_free(record);
}

static void a_shorter_patch_of_an_older_host_works(void **state)
{
  (void)state;
  connector_patch patch;
  memset(&patch, 0xff, sizeof(patch));
  patch.size = offsetof(connector_patch, provider);
  patch.source = "old";
  patch.source_type = CONNECTOR_SOURCE_TYPE_SERVER;
  patch.type = "t";
  connector *record = make(&patch);
  assert_text(record->type, "t");
  assert_null(record->provider);
  connector_free(record);
}

static void a_longer_patch_of_a_newer_host_works_while_it_asks_nothing_new(void **state)
{
  (void)state;
  struct {
    connector_patch patch;
    int64_t news;
  } newer = { .patch = { .size = sizeof(newer), .name = "from the future" } };
  connector *record = make(&newer.patch);
  assert_text(record->name, "from the future");
  connector_free(record);
  newer.news = 1;
  assert_status(connector_create(test.store, &newer.patch, NULL, &failure), CONNECTOR_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    clock_test(a_bare_record_has_every_stamp_and_default),
    clock_test(the_callers_app_person_and_source_are_stamped),
    clock_test(a_machine_leaves_people_null),
    clock_test(the_patch_comes_before_the_callers_source),
    store_test(every_field_comes_back_as_given),
    memory_test(what_is_given_is_copied_before_the_call_returns),
    memory_test(every_enum_value_comes_back),
    memory_test(empty_text_is_not_null),
    memory_test(json_keeps_digits_and_order_and_loses_white_space),
    clock_test(ids_rise_with_every_create),
    memory_test(out_may_be_null),
    memory_test(the_error_may_be_null),
    memory_test(a_personal_record_belongs_to_the_caller_by_default),
    memory_test(a_shorter_patch_of_an_older_host_works),
    memory_test(a_longer_patch_of_a_newer_host_works_while_it_asks_nothing_new),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
