/*
 * Records as JSON: what is written, to the byte, and what is read back. Merge patches and hostile
 * input are in test_json_update.c and test_json_input.c.
 */
#include "columns.h"

static const connector full = {
  .id = "cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV",
  .tenant_id = "tenant",
  .app_id = "app",
  .created_at = 1795456140123,
  .updated_at = 1795456140000,
  .created_by = "ann",
  .updated_by = "bob",
  .source = "edm",
  .source_type = CONNECTOR_SOURCE_TYPE_SERVER,
  .is_deleted = true,
  .deleted_at = 951782400001,
  .deleted_by = "zoe",
  .schema_version = 1,
  .type = "ticketing",
  .provider = "jira",
  .name = "a \"quoted\" \\ name / é 😀 \x7f",
  .scope = CONNECTOR_SCOPE_GROUP,
  .owner_id = "o",
  .group_id = "g",
  .user_id = "u",
  .config = "{\"n\":9007199254740993,\"d\":1.10,\"e\":1e400}",
  .vault_path = "secret/data/x",
  .auth_type = "oauth2",
  .oauth_refresh_needed = true,
  .oauth_token_expires_at = 1,
  .enabled = false,
  .sync_status = "failing",
  .last_sync_at = 2,
  .consecutive_errors = 9223372036854775807,
  .last_error = "line\n\ttab",
  .metrics = "{}",
  .event_types = "[\"a\"]",
  .webhook_endpoint_id = "w",
  .credential_last_rotated_at = 3,
  .next_rotation_due = 4,
  .tags = "[]",
  .version = 12,
  .application_id = "",
};

static const char full_json[] =
    "{\"id\":\"cnn_01ARZ3NDEKTSV4RRFFQ69G5FAV\",\"tenant_id\":\"tenant\",\"app_id\":\"app\","
    "\"created_at\":\"2026-11-23T17:49:00.123Z\",\"updated_at\":\"2026-11-23T17:49:00.000Z\","
    "\"created_by\":\"ann\",\"updated_by\":\"bob\",\"source\":\"edm\",\"source_type\":\"server\","
    "\"is_deleted\":true,\"deleted_at\":\"2000-02-29T00:00:00.001Z\",\"deleted_by\":\"zoe\","
    "\"schema_version\":1,\"type\":\"ticketing\",\"provider\":\"jira\","
    "\"name\":\"a \\\"quoted\\\" \\\\ name / é 😀 \x7f\",\"scope\":\"group\",\"owner_id\":\"o\","
    "\"group_id\":\"g\",\"user_id\":\"u\","
    "\"config\":{\"n\":9007199254740993,\"d\":1.10,\"e\":1e400},"
    "\"vault_path\":\"secret/data/x\",\"auth_type\":\"oauth2\",\"oauth_refresh_needed\":true,"
    "\"oauth_token_expires_at\":\"1970-01-01T00:00:00.001Z\",\"enabled\":false,"
    "\"sync_status\":\"failing\",\"last_sync_at\":\"1970-01-01T00:00:00.002Z\","
    "\"consecutive_errors\":9223372036854775807,\"last_error\":\"line\\n\\ttab\",\"metrics\":{},"
    "\"event_types\":[\"a\"],\"webhook_endpoint_id\":\"w\","
    "\"credential_last_rotated_at\":\"1970-01-01T00:00:00.003Z\","
    "\"next_rotation_due\":\"1970-01-01T00:00:00.004Z\",\"tags\":[],\"version\":12,"
    "\"application_id\":\"\"}";

static char *json_of(const connector *record, uint32_t flags)
{
  char *json = NULL;
  size_t length = 0;
  assert_ok(connector_to_json(record, flags, &json, &length, &failure));
  assert_int_equal(length, strlen(json));
  return json;
}

static void a_record_is_written_with_every_key_in_order(void **state)
{
  (void)state;
  char *json = json_of(&full, 0);
  assert_text(json, full_json);
  connector_string_free(json);
}

static void what_is_not_set_is_null_and_the_app_is_left_out(void **state)
{
  (void)state;
  connector bare = { .id = "i",
                     .tenant_id = "t",
                     .created_at = 1,
                     .updated_at = 1,
                     .source = "s",
                     .source_type = CONNECTOR_SOURCE_TYPE_API,
                     .schema_version = 1,
                     .scope = CONNECTOR_SCOPE_ORG,
                     .enabled = true,
                     .version = 1 };
  char *json = json_of(&bare, 0);
  assert_text(
      json,
      "{\"id\":\"i\",\"tenant_id\":\"t\",\"created_at\":\"1970-01-01T00:00:00.001Z\","
      "\"updated_at\":\"1970-01-01T00:00:00.001Z\",\"created_by\":null,\"updated_by\":null,"
      "\"source\":\"s\",\"source_type\":\"api\",\"is_deleted\":false,\"deleted_at\":null,"
      "\"deleted_by\":null,\"schema_version\":1,\"type\":null,\"provider\":null,\"name\":null,"
      "\"scope\":\"org\",\"owner_id\":null,\"group_id\":null,\"user_id\":null,\"config\":null,"
      "\"vault_path\":null,\"auth_type\":null,\"oauth_refresh_needed\":false,"
      "\"oauth_token_expires_at\":null,\"enabled\":true,\"sync_status\":null,"
      "\"last_sync_at\":null,\"consecutive_errors\":0,\"last_error\":null,\"metrics\":null,"
      "\"event_types\":null,\"webhook_endpoint_id\":null,\"credential_last_rotated_at\":null,"
      "\"next_rotation_due\":null,\"tags\":null,\"version\":1,\"application_id\":null}");
  connector_string_free(json);
  json = json_of(&bare, CONNECTOR_JSON_OMIT_NULL);
  assert_text(json, "{\"id\":\"i\",\"tenant_id\":\"t\","
                    "\"created_at\":\"1970-01-01T00:00:00.001Z\","
                    "\"updated_at\":\"1970-01-01T00:00:00.001Z\",\"source\":\"s\","
                    "\"source_type\":\"api\",\"is_deleted\":false,\"schema_version\":1,"
                    "\"scope\":\"org\",\"oauth_refresh_needed\":false,\"enabled\":true,"
                    "\"consecutive_errors\":0,\"version\":1}");
  connector_string_free(json);
}

static void writing_nothing_or_with_unknown_flags_is_invalid(void **state)
{
  (void)state;
  char *json = NULL;
  size_t length = 0;
  assert_status(connector_to_json(NULL, 0, &json, &length, &failure), CONNECTOR_INVALID);
  assert_status(connector_to_json(&full, 0, NULL, &length, &failure), CONNECTOR_INVALID);
  assert_invalid(connector_to_json(&full, 2, &json, &length, &failure), "flags");
  assert_status(connector_page_to_json(NULL, 0, &json, &length, &failure), CONNECTOR_INVALID);
  assert_status(connector_schema_json(NULL, &length, &failure), CONNECTOR_INVALID);
  assert_null(json);
  assert_ok(connector_to_json(&full, 0, &json, NULL, &failure));
  connector_string_free(json);
  connector_string_free(NULL);
}

/* JSON is handed over without a NUL behind it. */
static connector_status create_json(const char *json, connector **out)
{
  size_t length = strlen(json);
  char *bytes = malloc(length > 0 ? length : 1);
  assert_non_null(bytes);
  memcpy(bytes, json, length);
  connector_status status = connector_create_json(test.store, bytes, length, out, &failure);
  free(bytes);
  return status;
}

static void every_user_field_is_read(void **state)
{
  (void)state;
  connector *record = NULL;
  assert_ok(create_json(
      "{\"source\":\"portal\",\"source_type\":\"frontend\",\"type\":\"ticketing\","
      "\"provider\":\"jira\",\"name\":\"\\u00e9\\ud83d\\ude00\",\"scope\":\"group\","
      "\"owner_id\":\"o\",\"group_id\":\"g\",\"user_id\":\"u\",\"config\": { \"a\" : 1.10 },"
      "\"vault_path\":\"secret/data/x\",\"auth_type\":\"oauth2\",\"oauth_refresh_needed\":true,"
      "\"oauth_token_expires_at\":\"2026-11-23T18:49:00.123+01:00\",\"enabled\":false,"
      "\"sync_status\":\"paused\",\"last_sync_at\":\"2026-11-23T17:49:00Z\","
      "\"consecutive_errors\":12,\"last_error\":\"a\\nb\",\"metrics\":{\"m\":{}},"
      "\"event_types\":[\"x\"],\"webhook_endpoint_id\":\"w\","
      "\"credential_last_rotated_at\":\"1970-01-01T00:00:00.001Z\","
      "\"next_rotation_due\":\"1970-01-01T00:00:00.002Z\",\"tags\":{\"t\":null},"
      "\"application_id\":\"app\"}",
      &record));
  connector wanted = *record;
  wanted.source = "portal";
  wanted.source_type = CONNECTOR_SOURCE_TYPE_FRONTEND;
  wanted.type = "ticketing";
  wanted.provider = "jira";
  wanted.name = "é😀";
  wanted.scope = CONNECTOR_SCOPE_GROUP;
  wanted.owner_id = "o";
  wanted.group_id = "g";
  wanted.user_id = "u";
  wanted.config = "{\"a\":1.10}";
  wanted.vault_path = "secret/data/x";
  wanted.auth_type = "oauth2";
  wanted.oauth_refresh_needed = true;
  wanted.oauth_token_expires_at = 1795456140123;
  wanted.enabled = false;
  wanted.sync_status = "paused";
  wanted.last_sync_at = 1795456140000;
  wanted.consecutive_errors = 12;
  wanted.last_error = "a\nb";
  wanted.metrics = "{\"m\":{}}";
  wanted.event_types = "[\"x\"]";
  wanted.webhook_endpoint_id = "w";
  wanted.credential_last_rotated_at = 1;
  wanted.next_rotation_due = 2;
  wanted.tags = "{\"t\":null}";
  wanted.application_id = "app";
  for (size_t i = 0; i < COUNT_OF(columns); i++)
    if (columns[i].kind == TEXT || column_is_json(&columns[i]))
      assert_text(column_text(&columns[i], record), column_text(&columns[i], &wanted));
    else
      assert_true(column_number(&columns[i], record) == column_number(&columns[i], &wanted));
  connector_free(record);
}

static void keys_of_server_fields_are_ignored(void **state)
{
  (void)state;
  connector *record = NULL;
  assert_ok(create_json("{\"id\":\"cnn_mine\",\"tenant_id\":\"tenant-b\",\"app_id\":\"app-9\","
                        "\"created_at\":\"2001-01-01T00:00:00Z\",\"created_by\":\"me\","
                        "\"is_deleted\":true,\"deleted_at\":\"2001-01-01T00:00:00Z\","
                        "\"deleted_by\":\"me\",\"schema_version\":9,\"version\":40,"
                        "\"updated_at\":null,\"updated_by\":\"me\",\"name\":\"mine\"}",
                        &record));
  assert_string_not_equal(record->id, "cnn_mine");
  assert_text(record->tenant_id, "tenant-a");
  assert_null(record->app_id);
  assert_text(record->created_by, "person-1");
  assert_text(record->updated_by, "person-1");
  assert_true(record->created_at == test_time);
  assert_false(record->is_deleted);
  assert_int_equal(record->schema_version, 1);
  assert_int_equal(record->version, 1);
  assert_text(record->name, "mine");
  connector_free(record);
}

static void a_fetched_record_can_be_sent_back(void **state)
{
  (void)state;
  connector *record = make(PATCH(.name = "a \"name\"", .config = "{\"a\":{\"b\":1.10}}",
                                 .tags = "[1,\"x\"]", .last_error = "x\ny",
                                 .last_sync_at = 1700000000123));
  char *json = json_of(record, 0);
  connector *again = NULL;
  assert_ok(connector_update_json(test.store, record->id, 0, json, strlen(json), &again, &failure));
  assert_int_equal(again->version, 2);
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    if (!columns[i].user)
      continue;
    if (columns[i].kind == TEXT || column_is_json(&columns[i]))
      assert_text(column_text(&columns[i], again), column_text(&columns[i], record));
    else
      assert_true(column_number(&columns[i], again) == column_number(&columns[i], record));
  }
  connector_free(record);
  connector_free(again);
  connector_string_free(json);
}

static void a_page_is_its_records_cursor_and_total(void **state)
{
  (void)state;
  char wanted[8192] = "{\"items\":[";
  char *json = NULL;
  size_t length = 0;
  for (int i = 0; i < 3; i++)
    connector_free(make(PATCH(.name = "x")));
  connector_page *page = list_of(QUERY(.limit = 2, .with_total = true));
  for (size_t i = 0; i < 2; i++) {
    char *item = json_of(connector_page_at(page, i), 0);
    snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted), "%s%s", i > 0 ? "," : "",
             item);
    connector_string_free(item);
  }
  snprintf(wanted + strlen(wanted), sizeof(wanted) - strlen(wanted),
           "],\"nextCursor\":\"%s\",\"total\":3}", connector_page_next(page));
  assert_ok(connector_page_to_json(page, 0, &json, &length, &failure));
  assert_text(json, wanted);
  assert_int_equal(length, strlen(json));
  connector_string_free(json);
  assert_ok(connector_page_to_json(page, CONNECTOR_JSON_OMIT_NULL, &json, NULL, &failure));
  assert_lacks(json, "\"vault_path\"");
  connector_string_free(json);
  assert_invalid(connector_page_to_json(page, 8, &json, NULL, &failure), "flags");
  connector_page_free(page);
}

static void an_empty_page_has_nulls(void **state)
{
  (void)state;
  char *json = NULL;
  connector_page *page = list_of(NULL);
  assert_ok(connector_page_to_json(page, 0, &json, NULL, &failure));
  assert_text(json, "{\"items\":[],\"nextCursor\":null,\"total\":null}");
  connector_string_free(json);
  connector_page_free(page);
}

static void the_schema_is_json_and_knows_every_field(void **state)
{
  (void)state;
  char *json = NULL;
  size_t length = 0;
  connector_options options = test_options();
  options.guard = CONNECTOR_GUARD_ALLOW;
  open_store(&options);
  assert_ok(connector_schema_json(&json, &length, &failure));
  assert_int_equal(length, strlen(json));
  assert_contains(json, "https://json-schema.org/draft/2020-12/schema");
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    char key[64];
    snprintf(key, sizeof(key), "\"%s\"", columns[i].name);
    assert_contains(json, key);
  }
  assert_contains(json, "\"frontend\"");
  assert_contains(json, "\"group\"");
  connector_free(make(PATCH(.config = json)));
  connector_string_free(json);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_record_is_written_with_every_key_in_order),
    cmocka_unit_test(what_is_not_set_is_null_and_the_app_is_left_out),
    cmocka_unit_test(writing_nothing_or_with_unknown_flags_is_invalid),
    memory_test(every_user_field_is_read),
    clock_test(keys_of_server_fields_are_ignored),
    memory_test(a_fetched_record_can_be_sent_back),
    memory_test(a_page_is_its_records_cursor_and_total),
    memory_test(an_empty_page_has_nulls),
    store_test(the_schema_is_json_and_knows_every_field),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
