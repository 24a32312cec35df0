/*
 * What an import keeps, renews and tells, where rules meet.
 */
#include "stream.h"

static const char kept_line[] =
    "{\"id\":\"cnn_01KF5KZNWJ47TAN9ZT24MNPZX4\",\"created_at\":\"2026-01-01T00:00:00Z\","
    "\"updated_at\":\"2026-01-02T00:00:00Z\",\"version\":%s,\"name\":\"x\"%s}\n";

static char *line_of(char text[1024], const char *version, const char *more)
{
  snprintf(text, 1024, kept_line, version, more);
  return text;
}

static connector_import_result import_text(const char *text, connector_import_options *options)
{
  struct source source = source_of(text);
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  assert_ok(connector_import(test.store, source_read, &source, options, &result, &failure));
  return result;
}

static void what_was_written_counts_when_a_bad_line_ends_the_import(void **state)
{
  struct source source = source_of("{\"name\":\"one\"}\nnot json\n{\"name\":\"two\"}\n");
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  (void)state;
  source.stop_at_bad = true;
  options.bad_line = source_bad_line;
  assert_true(connector_import(test.store, source_read, &source, &options, &result, &failure) !=
              CONNECTOR_OK);
  assert_int_equal(result.created, count_of(NULL));
}

static void a_version_that_leaves_no_room_is_a_bad_line(void **state)
{
  char text[1024];
  (void)state;
  become("tenant", NULL, CONNECTOR_ROLE_TENANT);
  connector_import_result result = import_text(line_of(text, "9223372036854775807", ""), NULL);
  assert_int_equal(result.bad, 1);
  result = import_text(line_of(text, "9007199254740991", ""), NULL);
  assert_int_equal(result.kept, 1);
}

static void an_update_before_the_creation_is_a_bad_line(void **state)
{
  (void)state;
  become("tenant", NULL, CONNECTOR_ROLE_TENANT);
  connector_import_result result = import_text(
      "{\"id\":\"cnn_01KF5KZNWJ47TAN9ZT24MNPZX4\",\"version\":1,"
      "\"created_at\":\"2026-01-02T00:00:00Z\",\"updated_at\":\"2026-01-01T00:00:00Z\"}",
      NULL);
  assert_int_equal(result.bad, 1);
}

static void another_apps_id_is_renewed_and_not_told(void **state)
{
  static const connector_used_id all[] = { CONNECTOR_USED_ID_RENEW, CONNECTOR_USED_ID_SKIP,
                                           CONNECTOR_USED_ID_REFUSE };
  char text[1024];
  (void)state;
  become("tenant", NULL, CONNECTOR_ROLE_TENANT);
  current.app_id = "app-a";
  assert_int_equal(import_text(line_of(text, "1", ""), NULL).kept, 1);
  current.app_id = "app-b";
  for (size_t i = 0; i < COUNT_OF(all); i++) {
    connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
    options.used_id = all[i];
    connector_import_result result = import_text(line_of(text, "1", ""), &options);
    assert_int_equal(result.bad, 0);
    assert_int_equal(result.skipped, 0);
    assert_int_equal(result.created, 1);
  }
}

/* Several tenants may have the id: what counts is the line's own. */
static void another_tenants_record_of_the_app_does_not_count(void **state)
{
  static const char *const others[] = { "tenant-b", "tenant-c" };
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  char text[1024];
  (void)state;
  options.used_id = CONNECTOR_USED_ID_SKIP;
  become("tenant-a", NULL, CONNECTOR_ROLE_TENANT);
  current.app_id = "app-a";
  assert_int_equal(import_text(line_of(text, "1", ""), NULL).kept, 1);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    become(others[i], NULL, CONNECTOR_ROLE_TENANT);
    current.app_id = "app-b";
    assert_int_equal(import_text(line_of(text, "1", ""), NULL).kept, 1);
    become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
    current.app_id = "app-b";
    connector_import_result result = import_text(line_of(text, "1", ",\"tenant_id\":\"tenant-a\""),
                                                 &options);
    assert_int_equal(result.skipped, 0);
    assert_int_equal(result.created, 1);
  }
}

static void the_app_is_the_callers_where_it_has_one(void **state)
{
  char text[1024];
  (void)state;
  become("tenant", NULL, CONNECTOR_ROLE_TENANT);
  current.app_id = "app-a";
  assert_int_equal(import_text(line_of(text, "1", ",\"app_id\":\"app-b\""), NULL).kept, 1);
  connector *record = fetch("cnn_01KF5KZNWJ47TAN9ZT24MNPZX4");
  assert_text(record->app_id, "app-a");
  connector_free(record);
}

static void a_renewed_record_stays_deleted_and_keeps_its_app(void **state)
{
  char text[1024];
  connector_query query = CONNECTOR_QUERY_INIT;
  (void)state;
  become("tenant", NULL, CONNECTOR_ROLE_TENANT);
  line_of(text, "1", ",\"app_id\":\"app-a\",\"deleted_at\":\"2026-01-03T00:00:00Z\"");
  (void)import_text(text, NULL);
  assert_int_equal(import_text(text, NULL).created, 1);
  assert_int_equal(count_of(NULL), 0);
  query.deleted = CONNECTOR_DELETED_ONLY;
  connector_page *page = list_of(&query);
  assert_int_equal(connector_page_count(page), 2);
  assert_text(connector_page_at(page, 0)->app_id, "app-a");
  assert_text(connector_page_at(page, 1)->app_id, "app-a");
  connector_page_free(page);
}

static void a_system_caller_takes_the_lines_tenant_for_new_records_too(void **state)
{
  (void)state;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  connector_import_result result = import_text(
      "{\"tenant_id\":\"tenant-x\",\"name\":\"new\"}\n{\"name\":\"nobody's\"}\n", NULL);
  assert_int_equal(result.created, 1);
  assert_int_equal(result.bad, 1);
  become("tenant-x", NULL, CONNECTOR_ROLE_MEMBER);
  assert_int_equal(count_of(NULL), 1);
}

static int64_t clock_that_uses_the_store(void *user)
{
  connector_stats stats = CONNECTOR_STATS_INIT;
  (void)user;
  if (test.store != NULL)
    assert_ok(connector_stats_get(test.store, &stats, &failure));
  return 1800000000000;
}

static void the_clock_is_asked_while_nothing_is_held(void **state)
{
  connector_options options = test_options();
  char text[1024];
  (void)state;
  close_store();
  options.clock = clock_that_uses_the_store;
  assert_ok(connector_open(":memory:", &options, &test.store, &failure));
  become("tenant", NULL, CONNECTOR_ROLE_TENANT);
  (void)import_text(line_of(text, "1", ""), NULL);
  assert_int_equal(import_text(text, NULL).created, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(what_was_written_counts_when_a_bad_line_ends_the_import),
    store_test(a_version_that_leaves_no_room_is_a_bad_line),
    store_test(an_update_before_the_creation_is_a_bad_line),
    store_test(another_apps_id_is_renewed_and_not_told),
    store_test(another_tenants_record_of_the_app_does_not_count),
    store_test(the_app_is_the_callers_where_it_has_one),
    store_test(a_renewed_record_stays_deleted_and_keeps_its_app),
    store_test(a_system_caller_takes_the_lines_tenant_for_new_records_too),
    memory_test(the_clock_is_asked_while_nothing_is_held),
  };
  return cmocka_run_group_tests_name("import_rules", tests, NULL, NULL);
}
