/*
 * store/change_json: a change as one JSON object, whatever is in it.
 */
#include "engine_support.h"

#include "store/change.h"

#include <connector/history.h>

static const connector_change full = {
  .size = sizeof(full),
  .kind = CONNECTOR_CHANGE_DISABLED,
  .id = "cnn_1",
  .tenant_id = "tenant-a",
  .app_id = "app-1",
  .version = 3,
  .at = 1700000000123,
  .person_id = "person-1",
  .request_id = "req-1",
  .seq = 9007199254740993,
  .source = "edm",
  .reason = "was disabled",
  .forward = "{\"enabled\":false,\"n\":1.10}",
  .back = "{\"enabled\":true}",
};

static void assert_json(const connector_change *change, const char *wanted)
{
  char *json = NULL;
  size_t length = 0;
  assert_ok(connector_change_to_json(change, &json, &length, &failure));
  assert_text(json, wanted);
  assert_int_equal(length, strlen(json));
  connector_string_free(json);
}

static void a_change_is_written_with_every_member(void **state)
{
  (void)state;
  assert_json(&full, "{\"seq\":9007199254740993,\"kind\":\"disabled\",\"id\":\"cnn_1\","
                     "\"tenant_id\":\"tenant-a\",\"app_id\":\"app-1\",\"version\":3,"
                     "\"at\":\"2023-11-14T22:13:20.123Z\",\"person_id\":\"person-1\","
                     "\"source\":\"edm\",\"request_id\":\"req-1\",\"reason\":\"was disabled\","
                     "\"out_of_reach\":false,\"forward\":{\"enabled\":false,\"n\":1.10},"
                     "\"back\":{\"enabled\":true}}");
}

static void what_is_unset_is_null(void **state)
{
  const connector_change bare = {
    .size = sizeof(bare), .kind = CONNECTOR_CHANGE_PURGED, .id = "i", .tenant_id = "t", .at = 1
  };
  (void)state;
  assert_json(&bare, "{\"seq\":0,\"kind\":\"purged\",\"id\":\"i\",\"tenant_id\":\"t\","
                     "\"app_id\":null,\"version\":0,\"at\":\"1970-01-01T00:00:00.001Z\","
                     "\"person_id\":null,\"source\":null,\"request_id\":null,\"reason\":null,"
                     "\"out_of_reach\":false,\"forward\":null,\"back\":null}");
}

static void a_change_out_of_reach_says_so(void **state)
{
  connector_change change = full;
  char *json = NULL;
  (void)state;
  change.out_of_reach = true;
  change.forward = change.back = NULL;
  assert_ok(connector_change_to_json(&change, &json, NULL, &failure));
  assert_contains(json, "\"out_of_reach\":true,\"forward\":null,\"back\":null}");
  connector_string_free(json);
}

static void text_is_escaped_wherever_it_stands(void **state)
{
  static const char hostile[] = "a\"b\\c\x01\n\t</\xc3\xa9\xf0\x9f\x98\x80\x7f\",\"x\":\"";
  static const char written[] = "\"a\\\"b\\\\c\\u0001\\n\\t</\xc3\xa9\xf0\x9f\x98\x80\x7f\\\","
                                "\\\"x\\\":\\\"\"";
  static const size_t texts[] = {
    offsetof(connector_change, id),     offsetof(connector_change, tenant_id),
    offsetof(connector_change, app_id), offsetof(connector_change, person_id),
    offsetof(connector_change, source), offsetof(connector_change, request_id),
    offsetof(connector_change, reason),
  };
  const char *text = hostile;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++) {
    connector_change change = full;
    char *json = NULL;
    memcpy((char *)&change + texts[i], &text, sizeof(text));
    assert_ok(connector_change_to_json(&change, &json, NULL, &failure));
    assert_contains(json, written);
    connector_string_free(json);
  }
}

static void a_value_that_is_no_kind_is_null(void **state)
{
  connector_change change = full;
  char *json = NULL;
  (void)state;
  change.kind = (connector_change_kind)99;
  assert_ok(connector_change_to_json(&change, &json, NULL, &failure));
  assert_contains(json, "\"kind\":null,");
  connector_string_free(json);
}

static void the_largest_numbers_are_written_whole(void **state)
{
  connector_change change = full;
  char *json = NULL;
  (void)state;
  change.seq = INT64_MAX;
  change.version = INT64_MAX;
  assert_ok(connector_change_to_json(&change, &json, NULL, &failure));
  assert_contains(json, "\"seq\":9223372036854775807,");
  assert_contains(json, "\"version\":9223372036854775807,");
  connector_string_free(json);
}

/* A host that was built before `seq` came. */
static void a_change_of_an_older_host_is_read_as_far_as_it_goes(void **state)
{
  connector_change change = full;
  char *json = NULL;
  (void)state;
  change.size = offsetof(connector_change, seq);
  assert_ok(connector_change_to_json(&change, &json, NULL, &failure));
  assert_contains(json, "\"seq\":0,");
  assert_contains(json, "\"id\":\"cnn_1\"");
  assert_contains(json, "\"forward\":null,\"back\":null}");
  connector_string_free(json);
}

static void arguments_are_checked_and_nothing_is_handed_out(void **state)
{
  connector_change change = full;
  char *json = NULL;
  size_t length = 77;
  (void)state;
  assert_invalid(connector_change_to_json(NULL, &json, &length, &failure), "change");
  assert_invalid(connector_change_to_json(&change, NULL, &length, &failure), "json");
  change.size = 0;
  assert_status(connector_change_to_json(&change, &json, &length, &failure), CONNECTOR_INVALID);
  assert_null(json);
  assert_int_equal(connector_change_to_json(NULL, &json, &length, NULL), CONNECTOR_INVALID);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_change_is_written_with_every_member),
    cmocka_unit_test(what_is_unset_is_null),
    cmocka_unit_test(a_change_out_of_reach_says_so),
    cmocka_unit_test(text_is_escaped_wherever_it_stands),
    cmocka_unit_test(a_value_that_is_no_kind_is_null),
    cmocka_unit_test(the_largest_numbers_are_written_whole),
    cmocka_unit_test(a_change_of_an_older_host_is_read_as_far_as_it_goes),
    cmocka_unit_test(arguments_are_checked_and_nothing_is_handed_out),
  };
  return cmocka_run_group_tests_name("change_json", tests, NULL, NULL);
}
