/*
 * Writing one record, batches and imports while allocations fail.
 */
#include "no_memory.h"

/* ---- writing one record ---- */

static connector_status run_create(void)
{
  return connector_create(test.store,
                          PATCH(.name = "new", .config = "{ \"a\" : [1, 2] }",
                                .last_error = "token ghp_abcdefghijklmnopqrstuvwxyz0123456789"),
                          &out.record, &failure);
}

static connector_status run_create_json(void)
{
  static const char json[] =
      "{\"name\":\"n\\u0065w\",\"config\":{\"a\":[1,2]},\"tags\":{\"k\":\"v\"}}";
  return connector_create_json(test.store, json, sizeof(json) - 1, &out.record, &failure);
}

static void verify_created(void)
{
  connector *found = fetch(out.record->id);
  assert_true(connector_equal(found, out.record));
  assert_text(found->name, "new");
  assert_text(found->config, "{\"a\":[1,2]}");
  connector_free(found);
  assert_int_equal(count_of(NULL), RECORDS + 1);
}

static void creating_a_record(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_create, .verify = verify_created });
}

static void creating_a_record_from_json(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_create_json, .verify = verify_created });
}

static connector_status run_create_once(void)
{
  connector *first = NULL;
  connector_status status = connector_create_once(
      test.store, "key", PATCH(.name = "new", .config = "{\"a\":[1,2]}"), &first, &failure);
  connector_free(first);
  return status;
}

static void verify_created_once(void)
{
  assert_ok(connector_create_once(
      test.store, "key", PATCH(.name = "new", .config = "{\"a\":[1,2]}"), &out.record, &failure));
  verify_created();
}

static void creating_a_record_once(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_create_once, .verify = verify_created_once });
}

static connector_status run_update(void)
{
  return connector_update(test.store, ids[1], 1,
                          PATCH(.name = "new", .clear = CONNECTOR_BIT(CONNECTOR_FIELD_TAGS)),
                          &out.record, &failure);
}

static connector_status run_update_json(void)
{
  static const char json[] =
      "{\"name\":\"new\",\"config\":{\"labels\":{\"env\":null,\"tier\":\"\\u0031\"}},"
      "\"tags\":null}";
  return connector_update_json(test.store, ids[1], 1, json, sizeof(json) - 1, &out.record,
                               &failure);
}

static void verify_updated(void)
{
  connector *found = fetch(ids[1]);
  assert_true(connector_equal(found, out.record));
  assert_int_equal(found->version, 2);
  assert_text(found->name, "new");
  assert_null(found->tags);
  connector_free(found);
}

static void verify_merged(void)
{
  verify_updated();
  assert_contains(out.record->config, "\"region\":\"eu\"");
  assert_contains(out.record->config, "tier");
  assert_lacks(out.record->config, "env");
}

static void updating_a_record(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_update, .verify = verify_updated });
}

static void merging_json_into_a_record(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_update_json, .verify = verify_merged });
}

static connector_status run_delete(void)
{
  return connector_delete(test.store, ids[0], 1, &failure);
}

static void verify_deleted(void)
{
  connector *found = fetch(ids[0]);
  assert_true(found->is_deleted);
  assert_int_equal(found->version, 2);
  connector_free(found);
}

static connector_status run_restore(void)
{
  return connector_restore(test.store, deleted_id, 2, &out.record, &failure);
}

static void verify_restored(void)
{
  assert_int_equal(out.record->version, 3);
  assert_int_equal(count_of(NULL), RECORDS + 1);
}

static connector_status run_purge(void)
{
  return connector_purge(test.store, deleted_id, &failure);
}

static connector_status run_purge_deleted(void)
{
  return connector_purge_deleted(test.store, test_time + 1, NULL, &failure);
}

static void verify_purged(void)
{
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_ONLY)), 0);
  assert_int_equal(count_of(NULL), RECORDS);
}

static void deleting_a_record(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_delete, .verify = verify_deleted });
}

static void restoring_a_record(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_restore, .verify = verify_restored });
}

static void purging_records(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_purge, .verify = verify_purged });
  try_all(&(struct scenario){ .run = run_purge_deleted, .verify = verify_purged });
}

/* ---- batches and imports ---- */

static connector_status write_three(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_create(store, PATCH(.name = "one"), NULL, error);
  (void)user;
  if (status == CONNECTOR_OK)
    status = connector_update(store, ids[0], 1, PATCH(.name = "two"), NULL, error);
  if (status == CONNECTOR_OK)
    status = connector_delete(store, ids[1], 1, error);
  return status;
}

static connector_status run_batch(void)
{
  return connector_batch(test.store, write_three, NULL, &failure);
}

static void verify_batch(void)
{
  connector *updated = fetch(ids[0]);
  connector *deleted = fetch(ids[1]);
  assert_text(updated->name, "two");
  assert_true(deleted->is_deleted);
  assert_int_equal(count_of(NULL), RECORDS);
  connector_free(updated);
  connector_free(deleted);
}

static void a_batch_is_whole_or_not_at_all(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_batch, .verify = verify_batch });
}

/* Goes on after failures, and remembers what was acknowledged. */
static struct {
  int created;
  bool updated;
} acknowledged;

static connector_status write_on(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  acknowledged.created = 0;
  for (int i = 0; i < 3; i++)
    acknowledged.created += connector_create(store, PATCH(.name = "on"), NULL, error) ==
                            CONNECTOR_OK;
  acknowledged.updated = connector_update(store, ids[0], 0, PATCH(.name = "on"), NULL, error) ==
                         CONNECTOR_OK;
  return CONNECTOR_OK;
}

static connector_status run_batch_on(void)
{
  return connector_batch(test.store, write_on, NULL, &failure);
}

static void verify_batch_on(void)
{
  connector *updated = fetch(ids[0]);
  assert_int_equal(count_of(NULL), RECORDS + acknowledged.created);
  assert_text(updated->name, acknowledged.updated ? "on" : "first");
  connector_free(updated);
}

static void a_batch_that_goes_on_holds_what_was_acknowledged(void **state)
{
  (void)state;
  /* the engine may have undone all of it: then what the function returned can't be committed */
  try_all(
      &(struct scenario){ .run = run_batch_on, .verify = verify_batch_on, .also = CONNECTOR_IO });
}

enum { LINES = 12 };

static connector_import_result imported;

static connector_status import_lines(bool all_or_nothing)
{
  static const char line[] =
      "{\"name\":\"imported\",\"config\":{\"a\":\"\\u00e9\"},\"tags\":[\"x\"]}\n";
  static char text[LINES * sizeof(line)];
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  struct source source;
  text[0] = '\0';
  for (size_t i = 0; i < LINES; i++)
    memcpy(text + i * (sizeof(line) - 1), line, sizeof(line));
  source = source_of(text);
  options.all_or_nothing = all_or_nothing;
  imported = (connector_import_result)CONNECTOR_IMPORT_RESULT_INIT;
  return connector_import(test.store, source_read, &source, &options, &imported, &failure);
}

static connector_status run_import(void)
{
  return import_lines(false);
}

static connector_status run_import_all(void)
{
  return import_lines(true);
}

static void verify_import(void)
{
  assert_int_equal(imported.created, LINES);
  assert_int_equal(imported.bad, 0);
  assert_int_equal(count_of(NULL), RECORDS + LINES);
}

static void importing(void **state)
{
  (void)state;
  try_all(&(struct scenario){ .run = run_import, .verify = verify_import });
  try_all(&(struct scenario){ .run = run_import_all, .verify = verify_import });
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_fault(creating_a_record),
    memory_fault(creating_a_record_from_json),
    memory_fault(creating_a_record_once),
    memory_fault(updating_a_record),
    memory_fault(merging_json_into_a_record),
    memory_fault(deleting_a_record),
    memory_fault(restoring_a_record),
    memory_fault(purging_records),
    memory_fault(a_batch_is_whole_or_not_at_all),
    memory_fault(a_batch_that_goes_on_holds_what_was_acknowledged),
    memory_fault(importing),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("no_memory_write", tests, NULL, NULL);
}
