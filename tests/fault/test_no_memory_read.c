/*
 * Opening, reading and upkeep while allocations fail.
 */
#include "no_memory.h"

/* ---- open ---- */

static connector_status run_open(void)
{
  connector_options options = fault_options();
  return connector_open(test.path, &options, &test.store, &failure);
}

static connector_status run_open_new(void)
{
  connector_options options = fault_options();
  unlink(test.path);
  remove_side_files();
  return connector_open(test.path, &options, &test.store, &failure);
}

static void verify_opened(void)
{
  assert_int_equal(count_of(NULL), RECORDS);
}

static void verify_empty(void)
{
  connector_free(make(PATCH(.name = "works")));
  assert_int_equal(count_of(NULL), 1);
}

static void opening_a_file(void **state)
{
  (void)state;
  try_all(
      &(struct scenario){ .run = run_open, .verify = verify_opened, .reads = true, .opens = true });
}

static void creating_a_file(void **state)
{
  const struct scenario scenario = { .run = run_open_new, .verify = verify_empty, .opens = true };
  bool injected = true;
  (void)state;
  if (!INTERPOSED) {
    skip_loudly("allocations can't be made to fail in this build (sanitizer or C library)");
    return;
  }
  for (int from_then_on = 0; from_then_on < 2; from_then_on++)
    for (long at = 1; injected || at == 1; at += fault_step_or(5)) {
      connector_status status = run_armed(&scenario, at, from_then_on != 0);
      injected = heap.calls >= at;
      assert_documented(&scenario, status, at, from_then_on != 0);
      if (status != CONNECTOR_OK) {
        connector_options options = fault_options();
        assert_ok(connector_open(test.path, &options, &test.store, &failure));
      }
      verify_empty();
      assert_whole(NULL);
      close_store();
    }
}

/* ---- reading ---- */

static connector_status run_get(void)
{
  return connector_get(test.store, ids[2], 0, &out.record, &failure);
}

static void verify_get(void)
{
  assert_text(out.record->id, ids[2]);
  assert_text(out.record->name, "first");
  assert_text(out.record->provider, "jira");
  assert_text(out.record->config, "{\"region\":\"eu\",\"labels\":{\"env\":\"prod\"}}");
  assert_text(out.record->tags, "[\"red\",\"blue\"]");
  assert_text(out.record->last_error, "line 1\nline 2");
  assert_int_equal(out.record->version, 1);
}

static void getting_a_record(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_get, .verify = verify_get, .reads = true });
}

static connector_status run_list(void)
{
  static const char *const providers[] = { "jira", "okta" };
  const connector_filter filters[] = {
    { .field = CONNECTOR_FIELD_PROVIDER,
      .op = CONNECTOR_OP_IN,
      .texts = providers,
      .text_count = 2 },
    { .field = CONNECTOR_FIELD_CONFIG,
      .op = CONNECTOR_OP_EQ,
      .text = "prod",
      .path = "labels.env" },
  };
  connector_query query = { .size = sizeof(query),
                            .filters = filters,
                            .filter_count = 2,
                            .search = "firs red",
                            .order_by = CONNECTOR_FIELD_NAME,
                            .limit = 2,
                            .with_total = true };
  connector_page *first = NULL;
  connector_status status = connector_list(test.store, &query, &first, &failure);
  if (status != CONNECTOR_OK)
    return status;
  query.cursor = connector_page_next(first);
  status = connector_list(test.store, &query, &out.page, &failure);
  connector_page_free(first);
  return status;
}

static void verify_list(void)
{
  assert_int_equal(connector_page_count(out.page), 2);
  assert_int_equal(connector_page_total(out.page), RECORDS);
  assert_text(connector_page_at(out.page, 0)->id, ids[2]);
  assert_text(connector_page_at(out.page, 1)->id, ids[3]);
  assert_text(connector_page_at(out.page, 1)->provider, "okta");
  assert_non_null(connector_page_next(out.page));
}

static void listing_with_filters_and_a_cursor(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_list, .verify = verify_list, .reads = true });
}

static connector_status run_count(void)
{
  return connector_count(test.store, QUERY(.search = "blue"), &out.number, &failure);
}

static void verify_count(void)
{
  assert_int_equal(out.number, RECORDS);
}

static void counting(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_count, .verify = verify_count, .reads = true });
}

/* Compares what is exported with the template's content, allocating nothing. */
static connector_status compare_bytes(void *user, const char *bytes, size_t length,
                                      connector_error *error)
{
  size_t *at = user;
  (void)error;
  if (*at + length <= strlen(template.content) &&
      memcmp(template.content + *at, bytes, length) == 0)
    *at += length;
  else
    *at = SIZE_MAX / 2;
  return CONNECTOR_OK;
}

static connector_status run_export(void)
{
  connector_caller asked = current;
  size_t at = 0;
  connector_status status = CONNECTOR_OK;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  status = connector_export(test.store, QUERY(.deleted = CONNECTOR_DELETED_INCLUDE), compare_bytes,
                            NULL, &at, &failure);
  current = asked;
  out.number = (int64_t)at;
  return status;
}

static void verify_export(void)
{
  assert_int_equal(out.number, strlen(template.content));
}

static void exporting(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_export, .verify = verify_export, .reads = true });
}

static connector_status run_to_json(void)
{
  connector *record = NULL;
  connector_status status = connector_get(test.store, ids[0], 0, &record, &failure);
  if (status == CONNECTOR_OK)
    status = connector_dup(record, &out.record, &failure);
  if (status == CONNECTOR_OK)
    status = connector_to_json(record, 0, &out.text, &out.length, &failure);
  connector_free(record);
  return status;
}

static void verify_to_json(void)
{
  assert_int_equal(strlen(out.text), out.length);
  assert_memory_equal(template.content, out.text, out.length);
}

static void writing_json(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_to_json, .verify = verify_to_json, .reads = true });
}

static connector_status run_page_json(void)
{
  connector_query *query = NULL;
  connector_status status = connector_query_from_params(
      "provider[in]=jira,okta&config.region=eu&search=first&limit=3&total=true", &query, &failure);
  if (status == CONNECTOR_OK)
    status = connector_list(test.store, query, &out.page, &failure);
  if (status == CONNECTOR_OK)
    status = connector_page_to_json(out.page, 0, &out.text, &out.length, &failure);
  connector_query_free(query);
  return status;
}

static void verify_page_json(void)
{
  assert_contains(out.text, ids[2]);
  assert_contains(out.text, "\"total\":6}");
}

static void reading_params_and_writing_a_page(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_page_json, .verify = verify_page_json, .reads = true });
}

static connector_status run_check(void)
{
  connector_stats stats = CONNECTOR_STATS_INIT;
  connector_status status = connector_check(test.store, NULL, NULL, &failure);
  if (status == CONNECTOR_OK)
    status = connector_stats_get(test.store, &stats, &failure);
  out.number = stats.records;
  return status;
}

static void checking_and_counting_the_file(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_check, .verify = verify_count, .reads = true });
}

/* ---- upkeep ---- */

static connector_status run_backup(void)
{
  char path[600];
  return connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure);
}

static void verify_backup(void)
{
  connector_options options = fault_options();
  connector_store *copy = NULL;
  char path[600];
  char *content = NULL;
  assert_ok(connector_open(beside(path, "copy.db"), &options, &copy, &failure));
  content = everything_in(copy);
  assert_string_equal(content, template.content);
  free(content);
  connector_close(copy);
  unlink(path);
  assert_false(file_exists(beside(path, "copy.db.partial")));
}

static void backing_up(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_backup, .verify = verify_backup, .reads = true });
}

static connector_status run_maintain(void)
{
  connector_maintain_options options = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  options.wal_limit_bytes = 1;
  return connector_maintain(test.store, &options, &failure);
}

static void maintaining(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_maintain, .verify = verify_opened, .reads = true });
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_fault(opening_a_file),
    memory_fault(creating_a_file),
    memory_fault(getting_a_record),
    memory_fault(listing_with_filters_and_a_cursor),
    memory_fault(counting),
    memory_fault(exporting),
    memory_fault(writing_json),
    memory_fault(reading_params_and_writing_a_page),
    memory_fault(checking_and_counting_the_file),
    memory_fault(backing_up),
    memory_fault(maintaining),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("no_memory_read", tests, NULL, NULL);
}
