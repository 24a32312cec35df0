/*
 * A process whose threads share commits is killed at any moment: nothing that one of them
 * acknowledged is lost, no batch is half there, and the history has no gap.
 */
#include "fault_support.h"

#include <pthread.h>

enum { KILLS = 20, THREADS = 8, IDS_MOST = 1000000, BATCH = 3 };

/* What the child tells over the pipe, in one piece, and what the parent knows. */
struct acknowledgement {
  int slot; /* of the thread */
  char id[40];
  int64_t version;
};

static struct acknowledgement known[IDS_MOST];
static size_t known_count;
static size_t latest[THREADS]; /* place of each thread's last one */

/* ---- the child ---- */

static int pipe_end;
static uint64_t seeds[THREADS];

static void acknowledge(int slot, const connector *record)
{
  struct acknowledgement told = { .slot = slot, .version = record->version };
  snprintf(told.id, sizeof(told.id), "%s", record->id);
  if (write(pipe_end, &told, sizeof(told)) != (ssize_t)sizeof(told))
    _exit(0);
}

struct three {
  char name[40];
  connector *records[BATCH];
};

static connector_status create_three(connector_store *store, void *user, connector_error *error)
{
  struct three *three = user;
  connector_status status = CONNECTOR_OK;
  for (size_t i = 0; status == CONNECTOR_OK && i < BATCH; i++)
    status = connector_create(store, PATCH(.name = three->name), &three->records[i], error);
  return status;
}

static void write_batch(int slot, unsigned turn)
{
  struct three three = { .name = "" };
  snprintf(three.name, sizeof(three.name), "batch-%d-%d-%u", (int)getpid(), slot, turn);
  child_expects(connector_batch(test.store, create_three, &three, &failure) == CONNECTOR_OK);
  for (size_t i = 0; i < BATCH; i++) {
    acknowledge(slot, three.records[i]);
    connector_free(three.records[i]);
  }
}

static void *write_on(void *user)
{
  uint64_t *seed = user;
  int slot = (int)(seed - seeds);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (unsigned turn = 0;; turn++) {
    connector *record = NULL;
    child_expects(connector_create(test.store, PATCH(.name = "single"), &record, &failure) ==
                  CONNECTOR_OK);
    acknowledge(slot, record);
    for (size_t updates = random_below(seed, 4); updates > 0; updates--) {
      connector *updated = NULL;
      child_expects(connector_update(test.store, record->id, record->version + 7,
                                     PATCH(.provider = "never"), NULL,
                                     &failure) == CONNECTOR_CONFLICT);
      child_expects(connector_update(test.store, record->id, 0, PATCH(.provider = "jira"), &updated,
                                     &failure) == CONNECTOR_OK);
      acknowledge(slot, updated);
      connector_free(record);
      record = updated;
    }
    connector_free(record);
    if (turn % 8 == 7)
      write_batch(slot, turn);
  }
  return NULL;
}

static void write_until_killed(uint64_t *seed)
{
  connector_options options = fault_options();
  pthread_t thread;
  test.store = NULL;
  options.busy_timeout_ms = 10000;
  child_expects(connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK);
  for (size_t i = 0; i < THREADS; i++) {
    seeds[i] = random_next(seed) | 1;
    child_expects(pthread_create(&thread, NULL, write_on, &seeds[i]) == 0);
  }
  for (;;)
    sleep_ms(1000);
}

/* ---- the parent ---- */

/* An update is of the record that the same thread told last. */
static void remember(const struct acknowledgement *told)
{
  struct acknowledgement *last = &known[latest[told->slot]];
  if (told->version > 1 && strcmp(last->id, told->id) == 0) {
    last->version = told->version;
    return;
  }
  assert_true(known_count < IDS_MOST);
  latest[told->slot] = known_count;
  known[known_count++] = *told;
}

static void run_and_kill(uint64_t *seed)
{
  struct acknowledgement told;
  int ends[2];
  int status = 0;
  pid_t child = 0;
  assert_int_equal(pipe(ends), 0);
  (void)random_next(seed);
  child = fork();
  if (child == 0) {
    close(ends[0]);
    pipe_end = ends[1];
    write_until_killed(seed);
  }
  assert_true(child > 0);
  close(ends[1]);
  if (read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told)) /* however slow the machine is */
    remember(&told);
  sleep_ms(10 + (long)random_below(seed, 60));
  assert_int_equal(kill(child, SIGKILL), 0);
  while (read(ends[0], &told, sizeof(told)) == (ssize_t)sizeof(told))
    remember(&told);
  close(ends[0]);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status))
    fail_msg("the child ended by itself with %d", status);
}

static void assert_there_since(size_t first)
{
  for (size_t i = first; i < known_count; i++) {
    connector *found = NULL;
    if (connector_get(test.store, known[i].id, 0, &found, &failure) != CONNECTOR_OK)
      fail_msg("%s was acknowledged and is lost: %s", known[i].id, failure.message);
    /* an update may have been committed that was not told any more */
    if (found->version != known[i].version && found->version != known[i].version + 1)
      fail_msg("%s has version %d and was acknowledged with %d", known[i].id, (int)found->version,
               (int)known[i].version);
    assert_true(found->provider == NULL || strcmp(found->provider, "jira") == 0);
    connector_free(found);
  }
}

static int64_t outside(const char *sql)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  int64_t number = -1;
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  if (sqlite3_step(statement) == SQLITE_ROW)
    number = sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return number;
}

static void killed_while_threads_share_commits(void **state)
{
  uint64_t seed = 20261129;
  int kills = kills_or(KILLS);
  int64_t bad = -1;
  (void)state;
  known_count = 0;
  for (int round = 0; round < kills; round++) {
    size_t first = known_count;
    run_and_kill(&seed);
    open_for_faults();
    assert_there_since(first);
    close_store();
    assert_int_equal(outside("SELECT count(*) FROM (SELECT name FROM connector"
                             " WHERE name LIKE 'batch-%' GROUP BY name HAVING count(*) <> 3)"),
                     0);
  }
  open_for_faults();
  assert_there_since(0);
  assert_whole(NULL);
  assert_ok(connector_history_verify(test.store, &bad, &failure));
  assert_int_equal(bad, 0);
  print_figure("%d kills, %zu acknowledged records", kills, known_count);
  assert_true(known_count > (size_t)kills);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(killed_while_threads_share_commits),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
