/*
 * Export: a line of JSON for each record that matches, from one snapshot.
 */
#include "stream.h"

static void an_export_is_a_line_of_json_for_each_record(void **state)
{
  (void)state;
  struct sink sink = { 0 };
  char *whole = fill_and_export();
  char *wanted = calloc(1, strlen(whole) + 1);
  connector_page *page = list_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
  assert_non_null(wanted);
  assert_int_equal(connector_page_count(page), 5);
  size_t length = 0;
  for (size_t i = 0; i < 5; i++) {
    char *json = NULL;
    assert_ok(connector_to_json(connector_page_at(page, i), 0, &json, NULL, &failure));
    length += strlen(json) + 1;
    assert_true(length <= strlen(whole));
    memcpy(wanted + length - strlen(json) - 1, json, strlen(json));
    wanted[length - 1] = '\n';
    connector_string_free(json);
  }
  assert_text(whole, wanted);
  assert_ok(
      connector_export(test.store, QUERY(.limit = 1), sink_write, sink_progress, &sink, &failure));
  assert_int_equal(sink.progress, 4);
  assert_true(sink.whole_lines);
  free(sink.text);
  free(wanted);
  free(whole);
  connector_page_free(page);
}

static void an_export_without_progress_or_records_works(void **state)
{
  (void)state;
  struct sink sink = { 0 };
  assert_ok(connector_export(test.store, NULL, sink_write, NULL, &sink, &failure));
  assert_int_equal(sink.length, 0);
  connector_free(make(PATCH(0)));
  assert_ok(connector_export(test.store, NULL, sink_write, NULL, &sink, &failure));
  assert_true(sink.length > 0);
  free(sink.text);
  assert_status(connector_export(test.store, NULL, NULL, NULL, NULL, &failure), CONNECTOR_INVALID);
}

static void a_failing_write_stops_the_export(void **state)
{
  (void)state;
  struct sink sink = { .fail_at = 1 };
  connector_free(make(PATCH(0)));
  assert_status(connector_export(test.store, NULL, sink_write, NULL, &sink, &failure),
                CONNECTOR_DISK_FULL);
  assert_text(failure.message, "no more room");
  free(sink.text);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(an_export_is_a_line_of_json_for_each_record),
    memory_test(an_export_without_progress_or_records_works),
    memory_test(a_failing_write_stops_the_export),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
