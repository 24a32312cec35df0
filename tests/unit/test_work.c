/*
 * store/work: what a write begins it ends, alone or inside a batch, and the host is told of changes
 * that were committed and of no other.
 */
#include "store_support.h"

static char told[200];

static void note_change(void *user, const connector_change *change)
{
  size_t length = strlen(told);
  (void)user;
  snprintf(told + length, sizeof(told) - length, "%s:%d:%d ", change->id, (int)change->kind,
           (int)change->version);
}

static int setup_told(void **state)
{
  connector_options options = test_options();
  options.on_change = note_change;
  told[0] = '\0';
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

static struct work work;

/* Begins a write, inserts a row, notes it. */
static void write_row(struct call *call, bool steps, const char *id)
{
  connector record = sample("tenant-a", id);
  engine_ok(work_begin_write(&work, call, steps));
  engine_ok(rows_insert(work.connection, &record, &failure));
  const connector_change change = { .size = sizeof(change),
                                    .kind = CONNECTOR_CHANGE_CREATED,
                                    .id = id,
                                    .tenant_id = record.tenant_id,
                                    .version = 1,
                                    .at = 5 };
  engine_ok(work_note(&work, &change));
}

static bool exists(const char *id)
{
  connector *record = NULL;
  connector_status status = connector_get(test.store, id, 0, &record, NULL);
  connector_free(record);
  return status == CONNECTOR_OK;
}

static void a_write_that_ends_well_is_committed_and_told(void **state)
{
  struct call call;
  (void)state;
  begin(&call);
  write_row(&call, false, "cnn_1");
  assert_text(told, "");
  engine_ok(work_end_write(&work, CONNECTOR_OK));
  end(&call);
  assert_true(exists("cnn_1"));
  assert_text(told, "cnn_1:1:1 ");
  assert_int_equal(atomic_load(&test.store->writes), 1);
}

static void a_write_that_ends_badly_is_undone_and_not_told(void **state)
{
  struct call call;
  (void)state;
  begin(&call);
  write_row(&call, false, "cnn_1");
  assert_int_equal(work_end_write(&work, CONNECTOR_DENIED), CONNECTOR_DENIED);
  write_row(&call, false, "cnn_2");
  engine_ok(work_end_write(&work, CONNECTOR_OK));
  end(&call);
  assert_false(exists("cnn_1"));
  assert_text(told, "cnn_2:1:1 ");
  assert_int_equal(atomic_load(&test.store->writes), 1);
}

static connector_status in_batch(connector_store *store, void *user, connector_error *error)
{
  struct call call;
  const connector_status *ends = user;
  assert_true(store_in_batch(store));
  (void)error;
  begin(&call);
  write_row(&call, true, "cnn_1");
  assert_true(work.joined);
  assert_int_equal(work_end_write(&work, ends[0]), ends[0]);
  write_row(&call, true, "cnn_2");
  assert_int_equal(work_end_write(&work, ends[1]), ends[1]);
  assert_text(told, "");
  end(&call);
  return ends[2];
}

static void a_batch_commits_and_tells_what_was_not_undone_inside(void **state)
{
  const connector_status ends[] = { CONNECTOR_DENIED, CONNECTOR_OK, CONNECTOR_OK };
  (void)state;
  assert_ok(connector_batch(test.store, in_batch, (void *)(uintptr_t)ends, &failure));
  assert_false(store_in_batch(test.store));
  assert_false(exists("cnn_1"));
  assert_true(exists("cnn_2"));
  assert_text(told, "cnn_2:1:1 ");
}

static void a_batch_that_fails_undoes_all_and_tells_nothing(void **state)
{
  const connector_status ends[] = { CONNECTOR_OK, CONNECTOR_OK, CONNECTOR_CANCELLED };
  (void)state;
  assert_status(connector_batch(test.store, in_batch, (void *)(uintptr_t)ends, &failure),
                CONNECTOR_CANCELLED);
  assert_false(store_in_batch(test.store));
  assert_false(exists("cnn_1"));
  assert_false(exists("cnn_2"));
  assert_text(told, "");
}

static connector_status undone_batch(connector_store *store, void *user, connector_error *error)
{
  connector_status *inside = user;
  (void)error;
  connection_rollback(store->batch->connection);
  *inside = connector_create(store, PATCH(.name = "late"), NULL, NULL);
  return CONNECTOR_OK;
}

static void a_batch_that_the_engine_undid_takes_no_more_writes_and_fails(void **state)
{
  connector_status inside = CONNECTOR_OK;
  (void)state;
  assert_int_not_equal(connector_batch(test.store, undone_batch, &inside, &failure), CONNECTOR_OK);
  assert_int_equal(inside, CONNECTOR_IO);
  assert_int_equal(count_of(NULL), 0);
}

static void reading_sees_the_batch_it_is_in_and_its_own_snapshot_else(void **state)
{
  struct call call;
  (void)state;
  begin(&call);
  engine_ok(work_begin_read(&work, &call));
  assert_false(work.joined);
  assert_int_equal(integer_of(work.connection, "PRAGMA query_only"), 1);
  work_end_read(&work);
  end(&call);
}

static void a_read_only_store_takes_no_write(void **state)
{
  connector_options options = test_options();
  struct call call;
  (void)state;
  options.read_only = true;
  open_store(&options);
  begin(&call);
  engine_fails(work_begin_write(&work, &call, false), CONNECTOR_READ_ONLY);
  end(&call);
}

static void a_busy_file_leaves_the_writer_free(void **state)
{
  connector_options options = test_options();
  sqlite3 *other = NULL;
  struct call call;
  (void)state;
  options.busy_timeout_ms = 20;
  open_store(&options);
  assert_int_equal(sqlite3_open(test.path, &other), SQLITE_OK);
  assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
  begin(&call);
  engine_fails(work_begin_write(&work, &call, false), CONNECTOR_BUSY);
  assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
  engine_ok(work_begin_write(&work, &call, false));
  engine_ok(work_end_write(&work, CONNECTOR_OK));
  end(&call);
  sqlite3_close(other);
}

#define work_test(name) cmocka_unit_test_setup_teardown(name, setup_told, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    work_test(a_write_that_ends_well_is_committed_and_told),
    work_test(a_write_that_ends_badly_is_undone_and_not_told),
    work_test(a_batch_commits_and_tells_what_was_not_undone_inside),
    work_test(a_batch_that_fails_undoes_all_and_tells_nothing),
    work_test(a_batch_that_the_engine_undid_takes_no_more_writes_and_fails),
    work_test(reading_sees_the_batch_it_is_in_and_its_own_snapshot_else),
    work_test(a_read_only_store_takes_no_write),
    work_test(a_busy_file_leaves_the_writer_free),
  };
  return cmocka_run_group_tests_name("work", tests, NULL, NULL);
}
