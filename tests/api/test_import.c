/*
 * Import: NDJSON into a store, with ids, stamps and versions where the caller may keep them.
 */
#include "stream.h"

static connector_import_result import(struct source *source,
                                      const connector_import_options *options)
{
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  assert_ok(connector_import(test.store, source_read, source, options, &result, &failure));
  return result;
}

static void open_other(const char *name)
{
  connector_options options = test_options();
  char path[600];
  close_store();
  assert_ok(connector_open(beside(path, name), &options, &test.store, &failure));
}

static void a_tenants_import_keeps_ids_stamps_and_versions(void **state)
{
  (void)state;
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  options.keep_enabled = true;
  options.progress = source_progress;
  char *text = fill_and_export();
  struct source source = source_of(text);
  open_other("other.db");
  connector_import_result result = import(&source, &options);
  assert_int_equal(result.lines, 5);
  assert_int_equal(result.created, 5);
  assert_int_equal(result.kept, 5);
  assert_int_equal(result.bad, 0);
  assert_int_equal(result.first_bad, 0);
  assert_int_equal(source.progress, 5);
  char *again = export_text(test.store, QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
  assert_text(again, text);
  free(again);
  free(text);
}

static void records_land_disabled_unless_told_otherwise(void **state)
{
  (void)state;
  char *text = fill_and_export();
  struct source source = source_of(text);
  connector_filter enabled = { .field = CONNECTOR_FIELD_ENABLED, .number = 1 };
  open_other("other.db");
  assert_int_equal(import(&source, NULL).created, 5);
  assert_int_equal(
      count_of(QUERY(.filters = &enabled, .filter_count = 1, .deleted = CONNECTOR_DELETED_INCLUDE)),
      0);
  free(text);
}

static void any_size_of_piece_gives_the_same(void **state)
{
  (void)state;
  static const size_t pieces[] = { 1, 7, 1000 };
  char *text = fill_and_export();
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  options.keep_enabled = true;
  for (size_t i = 0; i < COUNT_OF(pieces); i++) {
    char name[32];
    struct source source = source_of(text);
    source.piece = pieces[i];
    snprintf(name, sizeof(name), "other-%zu.db", i);
    open_other(name);
    assert_int_equal(import(&source, &options).kept, 5);
    char *again = export_text(test.store, QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
    assert_text(again, text);
    free(again);
  }
  free(text);
}

static void a_members_import_makes_new_records(void **state)
{
  (void)state;
  connector *first = make(PATCH(.name = "old", .provider = "jira"));
  assert_ok(connector_update(test.store, first->id, 0, PATCH(0), NULL, &failure));
  char *text = export_text(test.store, NULL);
  struct source source = source_of(text);
  open_other("other.db");
  become("tenant-b", "user-bob", CONNECTOR_ROLE_MEMBER);
  current.person_id = "sub-b";
  connector_import_result result = import(&source, NULL);
  assert_int_equal(result.created, 1);
  assert_int_equal(result.kept, 0);
  connector_page *page = list_of(NULL);
  const connector *record = connector_page_at(page, 0);
  assert_string_not_equal(record->id, first->id);
  assert_text(record->tenant_id, "tenant-b");
  assert_text(record->created_by, "sub-b");
  assert_text(record->name, "old");
  assert_int_equal(record->version, 1);
  connector_page_free(page);
  connector_free(first);
  free(text);
}

static void a_member_imports_only_what_it_could_read(void **state)
{
  (void)state;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  struct source source = source_of(
      "{\"name\":\"fine\"}\n{\"scope\":\"group\",\"group_id\":\"group-9\"}\n");
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  options.bad_line = source_bad_line;
  connector_import_result result = import(&source, &options);
  assert_int_equal(result.created, 1);
  assert_int_equal(result.bad, 1);
  assert_int_equal(source.bad[0].status, CONNECTOR_DENIED);
}

static void the_tenant_is_the_callers_but_for_a_system_without_one(void **state)
{
  (void)state;
  char *text = fill_and_export();
  struct source source = source_of(text);
  open_other("other.db");
  become("tenant-b", NULL, CONNECTOR_ROLE_TENANT);
  assert_int_equal(import(&source, NULL).created, 5);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 5);
  open_other("another.db");
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  source.at = 0;
  assert_int_equal(import(&source, NULL).kept, 5);
  become("tenant-a", NULL, CONNECTOR_ROLE_TENANT);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 5);
  free(text);
}

static void an_id_in_use_is_renewed_skipped_or_refused(void **state)
{
  (void)state;
  static const char *const wanted[] = { "renew", "skip", "refuse" };
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  options.bad_line = source_bad_line;
  connector_free(make(PATCH(.name = "here already")));
  char *text = export_text(test.store, NULL);
  for (int used_id = 0; used_id < 3; used_id++) {
    struct source source = source_of(text);
    options.used_id = (connector_used_id)used_id;
    connector_import_result result = import(&source, &options);
    if (result.created != (used_id == CONNECTOR_USED_ID_RENEW) ||
        result.skipped != (used_id == CONNECTOR_USED_ID_SKIP) ||
        result.bad != (used_id == CONNECTOR_USED_ID_REFUSE) || result.kept != 0)
      fail_msg("%s: created %d, skipped %d, bad %d", wanted[used_id], (int)result.created,
               (int)result.skipped, (int)result.bad);
    if (used_id == CONNECTOR_USED_ID_REFUSE)
      assert_int_equal(source.bad[0].status, CONNECTOR_EXISTS);
  }
  assert_int_equal(count_of(NULL), 2);
  free(text);
}

static void an_id_is_in_use_only_within_its_tenant(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(.name = "a's"), id);
  char *text = export_text(test.store, NULL);
  struct source source = source_of(text);
  become("tenant-b", NULL, CONNECTOR_ROLE_TENANT);
  assert_int_equal(import(&source, NULL).kept, 1);
  record = fetch(id);
  assert_text(record->tenant_id, "tenant-b");
  connector_free(record);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_status(connector_get(test.store, id, 0, &record, &failure), CONNECTOR_INVALID);
  become("tenant-a", NULL, CONNECTOR_ROLE_SYSTEM);
  record = fetch(id);
  assert_text(record->tenant_id, "tenant-a");
  connector_free(record);
  free(text);
}

static const char mixed[] = "{\"name\":\"one\"}\n"
                            "\n"
                            "{\"name\":\"two\"\n"
                            "{\"name\":\"three\"}\r\n"
                            "{\"nonsense\":1}\n"
                            "not json\n"
                            "{\"name\":\"\\u0001\"}\n"
                            "{\"name\":\"eight\"}";

static void bad_lines_are_told_by_number_and_the_rest_goes_on(void **state)
{
  (void)state;
  struct source source = source_of(mixed);
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  options.bad_line = source_bad_line;
  connector_import_result result = import(&source, &options);
  assert_int_equal(result.lines, 8);
  assert_int_equal(result.created, 3);
  assert_int_equal(result.bad, 4);
  assert_int_equal(result.first_bad, 3);
  assert_int_equal(source.bad_count, 4);
  static const int64_t lines[] = { 3, 5, 6, 7 };
  for (size_t i = 0; i < COUNT_OF(lines); i++) {
    assert_int_equal(source.bad_lines[i], lines[i]);
    assert_int_equal(source.bad[i].status, CONNECTOR_INVALID);
  }
  assert_text(source.bad[1].field, "nonsense");
  assert_text(source.bad[3].field, "name");
  assert_int_equal(count_of(NULL), 3);
}

static void all_or_nothing_stops_and_undoes_all(void **state)
{
  (void)state;
  struct source source = source_of(mixed);
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  options.all_or_nothing = true;
  assert_status(connector_import(test.store, source_read, &source, &options, &result, &failure),
                CONNECTOR_INVALID);
  assert_int_equal(result.first_bad, 3);
  assert_int_equal(count_of(NULL), 0);
  source = source_of("{\"name\":\"one\"}\n{\"name\":\"two\"}\n");
  assert_int_equal(import(&source, &options).created, 2);
  assert_int_equal(count_of(NULL), 2);
}

static void callbacks_can_stop_an_import(void **state)
{
  (void)state;
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  connector_import_result result = CONNECTOR_IMPORT_RESULT_INIT;
  struct source source = source_of(mixed);
  source.stop_at_bad = true;
  options.bad_line = source_bad_line;
  options.all_or_nothing = false;
  assert_status(connector_import(test.store, source_read, &source, &options, &result, &failure),
                CONNECTOR_CANCELLED);
  assert_text(failure.message, "one bad line is enough");
  assert_int_equal(source.bad_count, 1);
  assert_int_equal(result.bad, 1);

  source = source_of(mixed);
  source.piece = 10;
  source.fail_at = 20;
  assert_status(connector_import(test.store, source_read, &source, NULL, NULL, &failure),
                CONNECTOR_IO);
  assert_text(failure.message, "the pipe broke");
}

static void progress_can_stop_an_import(void **state)
{
  (void)state;
  enum {
    LINES = 5000
  };
  static const char line[] = "{\"name\":\"x\"}\n";
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  char *text = calloc(LINES, sizeof(line));
  assert_non_null(text);
  for (size_t i = 0; i < LINES; i++)
    memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
  struct source source = source_of(text);
  source.cancel_at = 1;
  options.progress = source_progress;
  options.all_or_nothing = true;
  assert_status(connector_import(test.store, source_read, &source, &options, NULL, &failure),
                CONNECTOR_CANCELLED);
  assert_text(failure.message, "the host has had enough");
  assert_int_equal(count_of(NULL), 0);
  source = source_of(text);
  assert_int_equal(import(&source, &options).created, LINES);
  assert_int_equal(source.progress, LINES);
  assert_int_equal(count_of(NULL), LINES);
  free(text);
}

static void a_line_over_the_limit_is_bad_and_the_next_is_read(void **state)
{
  (void)state;
  enum {
    LONG = 2 * 1024 * 1024
  };
  static const char tail[] = "\"}\n{\"name\":\"after\"}\n";
  char *text = malloc(LONG + sizeof(tail));
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  assert_non_null(text);
  memset(text, 'x', LONG);
  memcpy(text, "{\"name\":\"", 9);
  memcpy(text + LONG, tail, sizeof(tail));
  struct source source = source_of(text);
  options.bad_line = source_bad_line;
  connector_import_result result = import(&source, &options);
  assert_int_equal(result.lines, 2);
  assert_int_equal(result.created, 1);
  assert_int_equal(source.bad_count, 1);
  assert_int_equal(source.bad[0].status, CONNECTOR_TOO_LARGE);
  free(text);
}

static void kept_ids_that_are_no_ids_are_not_kept(void **state)
{
  (void)state;
  static const char *const odd[] = { "", "x", "../../etc", "cnn_short" };
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  for (size_t i = 0; i < COUNT_OF(odd); i++) {
    char line[200];
    snprintf(line, sizeof(line), "{\"id\":\"%s\",\"name\":\"odd\",\"version\":3}\n", odd[i]);
    struct source source = source_of(line);
    connector_import_result result = import(&source, &options);
    assert_int_equal(result.kept, 0);
  }
}

static void arguments_that_make_no_sense_are_invalid(void **state)
{
  (void)state;
  struct source source = source_of(mixed);
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  options.used_id = (connector_used_id)9;
  assert_status(connector_import(test.store, NULL, NULL, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_invalid(connector_import(test.store, source_read, &source, &options, NULL, &failure),
                 "used_id");
  assert_int_equal(count_of(NULL), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(a_tenants_import_keeps_ids_stamps_and_versions),
    store_test(records_land_disabled_unless_told_otherwise),
    store_test(any_size_of_piece_gives_the_same),
    store_test(a_members_import_makes_new_records),
    memory_test(a_member_imports_only_what_it_could_read),
    store_test(the_tenant_is_the_callers_but_for_a_system_without_one),
    memory_test(an_id_in_use_is_renewed_skipped_or_refused),
    memory_test(an_id_is_in_use_only_within_its_tenant),
    memory_test(bad_lines_are_told_by_number_and_the_rest_goes_on),
    store_test(all_or_nothing_stops_and_undoes_all),
    memory_test(callbacks_can_stop_an_import),
    store_test(progress_can_stop_an_import),
    memory_test(a_line_over_the_limit_is_bad_and_the_next_is_read),
    memory_test(kept_ids_that_are_no_ids_are_not_kept),
    memory_test(arguments_that_make_no_sense_are_invalid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
