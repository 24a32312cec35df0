/*
 * Threads that share a transaction while the disk or the memory fails: each is told the truth,
 * whoever of them met the failure, and the store goes on. The threads are let go together behind a
 * batch, so that they find each other waiting.
 */
#include "failing_heap.h"
#include "failing_vfs.h"
#include "fault_support.h"

#include <pthread.h>

enum { THREADS = 4, WRITES = 3, RECORDS = 4 };

static char ids[RECORDS][ID_SIZE];
static int64_t changes_before;

/* ---- the file that each trial starts from ---- */

static int64_t count_all(void)
{
  return count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
}

static int64_t newest_change(void)
{
  int64_t newest = -1;
  assert_ok(connector_changes_wait(test.store, 0, 0, &newest, &failure));
  return newest;
}

static int setup_group(void **state)
{
  mend_disk();
  if (setup_folder(state) != 0)
    return -1;
  open_for_faults();
  for (size_t i = 0; i < RECORDS; i++)
    make_id(PATCH(.name = "first", .config = "{\"region\":\"eu\"}"), ids[i]);
  changes_before = newest_change();
  keep_as_template();
  return 0;
}

static int teardown_group(void **state)
{
  mend_disk();
  free_template();
  return teardown(state);
}

/* ---- threads ---- */

/* Each creates a record, changes one of its own twice, and tells what it was answered. */
struct writer {
  pthread_t thread;
  int number;
  char created[ID_SIZE];
  connector_status statuses[WRITES];
  connector_error errors[WRITES];
};

static struct writer writers[THREADS];
static atomic_int waiting; /* at the gate */
static atomic_bool gate_open;

static void *write_three(void *user)
{
  struct writer *writer = user;
  connector *record = NULL;
  const char *own = ids[writer->number];
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  atomic_fetch_add(&waiting, 1);
  while (!atomic_load(&gate_open))
    sleep_ms(0);
  writer->statuses[0] = connector_create(test.store, PATCH(.name = "new", .config = "{\"a\":[1]}"),
                                         &record, &writer->errors[0]);
  if (record != NULL)
    snprintf(writer->created, ID_SIZE, "%s", record->id);
  connector_free(record);
  writer->statuses[1] = connector_update(test.store, own, 0, PATCH(.name = "second"), NULL,
                                         &writer->errors[1]);
  writer->statuses[2] = connector_update(test.store, own, 0, PATCH(.provider = "jira"), NULL,
                                         &writer->errors[2]);
  return NULL;
}

/* What fails, from the moment that the threads wait for the batch to end. */
struct fault {
  bool heap;
  unsigned calls;
  int code;
  connector_status status;
  long at;
  bool from_then_on;
};

static connector_status let_go(connector_store *store, void *user, connector_error *error)
{
  const struct fault *fault = user;
  (void)store;
  (void)error;
  while (atomic_load(&waiting) < THREADS)
    sleep_ms(0);
  atomic_store(&gate_open, true);
  sleep_ms(1);
  if (fault->heap)
    fail_heap(fault->at, fault->from_then_on);
  else
    fail_disk(fault->calls, fault->code, fault->at, fault->from_then_on);
  return CONNECTOR_OK;
}

/* ---- the truth ---- */

static void assert_honest(const struct writer *writer, const struct fault *fault, bool failed)
{
  for (int i = 0; i < WRITES; i++) {
    connector_status status = writer->statuses[i];
    if (status == CONNECTOR_OK)
      continue;
    if (!failed || (status != fault->status && status != CONNECTOR_BUSY) ||
        writer->errors[i].status != status || writer->errors[i].message[0] == '\0')
      fail_msg("call %ld%s failing: write %d of thread %d answers %s (%s)", fault->at,
               fault->from_then_on ? " and all after" : "", i, writer->number,
               connector_status_name(status), writer->errors[i].message);
  }
}

/* The file holds what was acknowledged, and nothing else. */
static void assert_kept(const struct fault *fault)
{
  int64_t created = 0;
  int64_t changes = 0;
  for (int i = 0; i < THREADS; i++) {
    const struct writer *writer = &writers[i];
    bool renamed = writer->statuses[1] == CONNECTOR_OK;
    bool provided = writer->statuses[2] == CONNECTOR_OK;
    connector *own = fetch(ids[i]);
    assert_string_equal(own->name, renamed ? "second" : "first");
    assert_text(own->provider, provided ? "jira" : NULL);
    assert_int_equal(own->version, 1 + renamed + provided);
    connector_free(own);
    if (writer->statuses[0] == CONNECTOR_OK)
      connector_free(fetch(writer->created));
    created += writer->statuses[0] == CONNECTOR_OK;
    changes += renamed + provided;
  }
  if (count_all() != RECORDS + 1 + created)
    fail_msg("call %ld%s failing: %d records and %d were acknowledged", fault->at,
             fault->from_then_on ? " and all after" : "", (int)count_all(),
             (int)(RECORDS + 1 + created));
  assert_int_equal(newest_change(), changes_before + 1 + created + changes);
}

static void assert_sound(const struct fault *fault)
{
  int64_t bad = -1;
  assert_kept(fault);
  assert_whole(NULL);
  assert_ok(connector_history_verify(test.store, &bad, &failure));
  assert_int_equal(bad, 0);
}

/* One trial; false where the threads made fewer calls than `at`. */
static bool try_fault(struct fault *fault, long *busy)
{
  bool failed = false;
  restore_template();
  open_for_faults();
  connector_free(make(PATCH(.name = "warm"))); /* opens the writer, so that only writes fail */
  atomic_store(&waiting, 0);
  atomic_store(&gate_open, false);
  memset(writers, 0, sizeof(writers));
  for (int i = 0; i < THREADS; i++) {
    writers[i].number = i;
    assert_int_equal(pthread_create(&writers[i].thread, NULL, write_three, &writers[i]), 0);
  }
  (void)!connector_batch(test.store, let_go, fault, &failure);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
  failed = fault->heap ? mend_heap() : mend_disk();
  for (int i = 0; i < THREADS; i++) {
    assert_honest(&writers[i], fault, failed);
    for (int j = 0; j < WRITES; j++)
      *busy += writers[i].statuses[j] == CONNECTOR_BUSY;
  }
  assert_sound(fault);
  for (int i = 0; i < THREADS; i++) /* what was refused may be tried again */
    if (writers[i].statuses[1] != CONNECTOR_OK) {
      assert_ok(connector_update(test.store, ids[i], 0, PATCH(.name = "second"), NULL, &failure));
      writers[i].statuses[1] = CONNECTOR_OK;
    }
  open_for_faults();
  assert_sound(fault);
  assert_ok(connector_delete(test.store, ids[0], 0, &failure));
  close_store();
  return failed;
}

static void try_all(struct fault *fault, long step)
{
  long trials = 0;
  long busy = 0;
  for (int again = 0; again < 2; again++) {
    fault->from_then_on = again == 1;
    for (fault->at = 1; try_fault(fault, &busy); fault->at += step)
      trials++;
  }
  print_figure("%ld trials, %ld writes undone by another's failure", trials, busy);
  assert_true(trials > 0);
}

/* ---- tests ---- */

static void a_disk_that_fills_up(void **state)
{
  (void)state;
  try_all(
      &(struct fault){ .calls = DISK_WRITE, .code = SQLITE_FULL, .status = CONNECTOR_DISK_FULL },
      fault_step_or(3));
}

static void a_disk_whose_writes_fail(void **state)
{
  (void)state;
  try_all(
      &(struct fault){ .calls = DISK_WRITE, .code = SQLITE_IOERR_WRITE, .status = CONNECTOR_IO },
      fault_step_or(3));
}

static void a_disk_whose_syncs_fail(void **state)
{
  (void)state;
  try_all(&(struct fault){ .calls = DISK_SYNC, .code = SQLITE_IOERR_FSYNC, .status = CONNECTOR_IO },
          1);
}

static void memory_that_is_gone(void **state)
{
  (void)state;
  if (!INTERPOSED)
    skip_loudly("the sanitizer or the C library owns the allocator");
  try_all(&(struct fault){ .heap = true, .status = CONNECTOR_NO_MEMORY }, fault_step_or(7));
}

#define fault_test(name) cmocka_unit_test_setup_teardown(name, setup_group, teardown_group)

int main(void)
{
  const struct CMUnitTest tests[] = {
    fault_test(a_disk_that_fills_up),
    fault_test(a_disk_whose_writes_fail),
    fault_test(a_disk_whose_syncs_fail),
    fault_test(memory_that_is_gone),
  };
  stay_in_memory();
  install_failing_vfs();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
