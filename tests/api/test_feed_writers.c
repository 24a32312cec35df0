/*
 * The feed beside many writers: a reader that follows it misses nothing, sees nothing twice, and
 * ends with what the store holds.
 */
#include "lifecycle.h"

#include <pthread.h>
#include <sys/wait.h>

enum { WRITERS = 8, PROCESSES = 4, ROUNDS = 60, IDS = 2000 };

/* What a reader makes of the changes that it is told. */
struct mirror {
  struct {
    char id[ID_SIZE];
    int64_t version;
    int64_t errors; /* reports that it was told of */
    bool deleted, purged;
    char name[32];
  } records[IDS];
  size_t count;
  int64_t last;
  int64_t gaps; /* seqs that were not the one behind the last */
  int64_t strange;
};

static struct mirror mirror;

static void copy_name(char name[32], const char *forward)
{
  const char *at = forward == NULL ? NULL : strstr(forward, "\"name\":\"");
  if (at != NULL)
    snprintf(name, 32, "%.*s", (int)strcspn(at + 8, "\""), at + 8);
}

static void take_in(const connector_change *change)
{
  size_t i = 0;
  mirror.gaps += mirror.last != 0 && change->seq != mirror.last + 1;
  mirror.last = change->seq;
  while (i < mirror.count && strcmp(mirror.records[i].id, change->id) != 0)
    i++;
  mirror.strange += (i == mirror.count) != (change->kind == CONNECTOR_CHANGE_CREATED);
  if (i == IDS)
    return;
  if (i == mirror.count)
    snprintf(mirror.records[mirror.count++].id, ID_SIZE, "%s", change->id);
  bool moves = change->kind != CONNECTOR_CHANGE_HEALTH && change->kind != CONNECTOR_CHANGE_PURGED;
  mirror.strange += change->kind != CONNECTOR_CHANGE_PURGED &&
                    change->version != mirror.records[i].version + moves;
  mirror.records[i].version = change->version;
  mirror.records[i].errors += change->kind == CONNECTOR_CHANGE_HEALTH;
  mirror.records[i].deleted = change->kind == CONNECTOR_CHANGE_DELETED;
  mirror.records[i].purged = change->kind == CONNECTOR_CHANGE_PURGED;
  copy_name(mirror.records[i].name, change->forward);
}

/* Reads on to the end of the feed, as it stands. */
static connector_status follow(connector_error *error)
{
  for (;;) {
    connector_changes *changes = NULL;
    connector_status status = connector_changes_after(test.store, mirror.last, 50, &changes, error);
    size_t count = connector_changes_count(changes);
    for (size_t i = 0; i < count; i++)
      take_in(connector_changes_at(changes, i));
    connector_changes_free(changes);
    if (status != CONNECTOR_OK || count == 0)
      return status;
  }
}

/* What the mirror holds is what the store does. */
static void assert_mirrors_store(void)
{
  int64_t live = 0;
  assert_int_equal(mirror.gaps, 0);
  assert_int_equal(mirror.strange, 0);
  assert_true(mirror.count > 0 && mirror.count < IDS);
  for (size_t i = 0; i < mirror.count; i++) {
    connector *record = NULL;
    connector_status status = connector_get(test.store, mirror.records[i].id,
                                            CONNECTOR_WITH_DELETED, &record, &failure);
    if (mirror.records[i].purged) {
      assert_int_equal(status, CONNECTOR_NOT_FOUND);
      continue;
    }
    assert_int_equal(status, CONNECTOR_OK);
    assert_true(record->version == mirror.records[i].version);
    assert_int_equal(record->is_deleted, mirror.records[i].deleted);
    assert_true(record->consecutive_errors == mirror.records[i].errors);
    assert_text(record->name, mirror.records[i].name);
    live += !record->is_deleted;
    connector_free(record);
  }
  assert_true(count_of(NULL) == live);
  assert_int_equal(first_bad(), 0);
}

/* ---- writers ---- */

static connector_status undone(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  connector_status status = connector_create(store, PATCH(.name = "undone"), NULL, error);
  return status != CONNECTOR_OK ? status : CONNECTOR_CANCELLED;
}

/* Writes of every kind; the first answer that no rule allows, or CONNECTOR_OK. */
static connector_status write_much(int number)
{
  connector_status status = CONNECTOR_OK;
  for (int i = 0; i < ROUNDS && status == CONNECTOR_OK; i++) {
    connector *record = NULL;
    char name[32];
    snprintf(name, sizeof(name), "w%d-%d", number, i);
    status = connector_create(test.store, PATCH(.name = name), &record, &failure);
    if (status != CONNECTOR_OK)
      break;
    name[0] = 'u';
    status = connector_update(test.store, record->id, 1, PATCH(.name = name), NULL, &failure);
    if (status == CONNECTOR_OK)
      status = connector_sync_failed(test.store, record->id, CONNECTOR_FAILURE_TRANSIENT, NULL, 0,
                                     NULL, &failure);
    if (status == CONNECTOR_OK && i % 5 == 0)
      status = connector_batch(test.store, undone, NULL, NULL) == CONNECTOR_CANCELLED
                   ? CONNECTOR_OK
                   : CONNECTOR_INTERNAL;
    if (status == CONNECTOR_OK && i % 3 == 0)
      status = connector_delete(test.store, record->id, 2, &failure);
    if (status == CONNECTOR_OK && i % 6 == 0)
      status = connector_purge(test.store, record->id, &failure);
    connector_free(record);
  }
  return status;
}

static atomic_int running;

struct writer {
  pthread_t thread;
  int number;
  connector_status status;
};

static void *write_in_thread(void *user)
{
  struct writer *writer = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  writer->status = write_much(writer->number);
  atomic_fetch_sub(&running, 1);
  return NULL;
}

static void a_reader_beside_threads_misses_nothing(void **state)
{
  (void)state;
  struct writer writers[WRITERS];
  memset(&mirror, 0, sizeof(mirror));
  atomic_store(&running, WRITERS);
  for (int i = 0; i < WRITERS; i++) {
    writers[i] = (struct writer){ .number = i };
    assert_int_equal(pthread_create(&writers[i].thread, NULL, write_in_thread, &writers[i]), 0);
  }
  connector_status status = CONNECTOR_OK;
  while (atomic_load(&running) > 0 && status == CONNECTOR_OK) {
    int64_t newest = 0;
    status = connector_changes_wait(test.store, mirror.last, 20, &newest, &failure);
    if (status == CONNECTOR_OK)
      status = follow(&failure);
  }
  for (int i = 0; i < WRITERS; i++) {
    assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
    assert_int_equal(writers[i].status, CONNECTOR_OK);
  }
  assert_int_equal(status, CONNECTOR_OK);
  assert_ok(follow(&failure));
  assert_int_equal(mirror.count, WRITERS * ROUNDS);
  assert_mirrors_store();
}

static int write_in_child(int number)
{
  connector_options options = test_options();
  options.busy_timeout_ms = 30000;
  connector_status status = connector_open(test.path, &options, &test.store, &failure);
  if (status == CONNECTOR_OK)
    status = write_much(number);
  if (status != CONNECTOR_OK)
    print_error("child %d: %s\n", number, failure.message);
  connector_close(test.store);
  return (int)status;
}

static void a_reader_beside_processes_misses_nothing(void **state)
{
  (void)state;
  connector_options options = test_options();
  pid_t children[PROCESSES];
  int left = PROCESSES;
  memset(&mirror, 0, sizeof(mirror));
  for (int i = 0; i < PROCESSES; i++) {
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0)
      _exit(write_in_child(i));
  }
  open_store(&options);
  connector_status status = CONNECTOR_OK;
  while (left > 0) {
    int64_t newest = 0;
    int code = 0;
    if (status == CONNECTOR_OK)
      status = connector_changes_wait(test.store, mirror.last, 20, &newest, &failure);
    if (status == CONNECTOR_OK)
      status = follow(&failure);
    for (int i = 0; i < PROCESSES; i++) {
      if (children[i] == 0 || waitpid(children[i], &code, WNOHANG) != children[i])
        continue;
      assert_int_equal(code, 0);
      children[i] = 0;
      left--;
    }
  }
  assert_int_equal(status, CONNECTOR_OK);
  assert_ok(follow(&failure));
  assert_int_equal(mirror.count, PROCESSES * ROUNDS);
  assert_mirrors_store();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(a_reader_beside_threads_misses_nothing),
    memory_test(a_reader_beside_threads_misses_nothing),
    folder_test(a_reader_beside_processes_misses_nothing),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
