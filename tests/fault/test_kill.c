/*
 * A process that is killed at any moment loses nothing that it acknowledged, leaves no batch half
 * done, and the next one opens the file as if nothing had been. CONNECTOR_KILLS tells how many are
 * killed in each test, 20 by default.
 */
#include "fault_support.h"

enum { KILLS = 20, IDS_MOST = 1000000, BATCH = 3 };

/* What the child tells over the pipe: a record, and the version that the call gave it. */
struct acknowledgement {
  char id[40];
  int64_t version;
};

struct known {
  char id[40];
  int64_t version;
};

static struct known known[IDS_MOST];
static size_t known_count;

/* ---- the child ---- */

static int pipe_end;

static void acknowledge(const connector *record)
{
  struct acknowledgement told = { .version = record->version };
  snprintf(told.id, sizeof(told.id), "%s", record->id);
  if (write(pipe_end, &told, sizeof(told)) != (ssize_t)sizeof(told))
    _exit(0);
}

static connector *batch_records[BATCH];

static connector_status create_three(connector_store *store, void *user, connector_error *error)
{
  const char *name = user;
  connector_status status = CONNECTOR_OK;
  for (size_t i = 0; status == CONNECTOR_OK && i < BATCH; i++)
    status = connector_create(store, PATCH(.name = name), &batch_records[i], error);
  return status;
}

static void write_until_killed(uint64_t seed)
{
  connector_options options = fault_options();
  test.store = NULL;
  child_expects(connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK);
  for (unsigned turn = 0;; turn++) {
    connector *record = NULL;
    char name[40];
    child_expects(connector_create(test.store, PATCH(.name = "single"), &record, &failure) ==
                  CONNECTOR_OK);
    acknowledge(record);
    for (size_t updates = random_below(&seed, 3); updates > 0; updates--) {
      connector *updated = NULL;
      child_expects(connector_update(test.store, record->id, 0, PATCH(.provider = "jira"), &updated,
                                     &failure) == CONNECTOR_OK);
      acknowledge(updated);
      connector_free(updated);
    }
    connector_free(record);
    snprintf(name, sizeof(name), "batch-%d-%u", (int)getpid(), turn);
    child_expects(connector_batch(test.store, create_three, name, &failure) == CONNECTOR_OK);
    for (size_t i = 0; i < BATCH; i++) {
      acknowledge(batch_records[i]);
      connector_free(batch_records[i]);
    }
    if (turn % 16 == 15)
      child_expects(connector_maintain(test.store, NULL, &failure) == CONNECTOR_OK);
  }
}

/* ---- the parent ---- */

static void remember(const struct acknowledgement *told)
{
  for (size_t i = known_count; i > 0 && i + 8 > known_count; i--)
    if (strcmp(known[i - 1].id, told->id) == 0) {
      known[i - 1].version = told->version;
      return;
    }
  if (known_count == IDS_MOST)
    return;
  memcpy(known[known_count].id, told->id, sizeof(told->id));
  known[known_count++].version = told->version;
}

/* Lets a child write, kills it a while after its first word, and reads what it had told. */
static void run_and_kill(uint64_t *seed)
{
  struct acknowledgement told;
  int ends[2];
  int status = 0;
  pid_t child = 0;
  assert_int_equal(pipe(ends), 0);
  child = fork();
  if (child == 0) {
    close(ends[0]);
    pipe_end = ends[1];
    write_until_killed(random_next(seed) | 1);
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

static void killed_at_any_moment(void **state)
{
  uint64_t seed = 20261127;
  int kills = kills_or(KILLS);
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
  print_figure("%d kills, %zu acknowledged records", kills, known_count);
  assert_true(known_count > (size_t)kills);
}

static void killed_while_the_file_is_made(void **state)
{
  uint64_t seed = 20261128;
  int kills = kills_or(KILLS);
  (void)state;
  for (int round = 0; round < kills; round++) {
    connector_options options = fault_options();
    int status = 0;
    pid_t child = 0;
    const struct timespec pause = { .tv_nsec = (long)random_below(&seed, 4000000) };
    unlink(test.path);
    remove_side_files();
    child = fork();
    if (child == 0) {
      test.store = NULL;
      (void)!connector_open(test.path, &options, &test.store, &failure);
      for (;;)
        sleep_ms(1000);
    }
    assert_true(child > 0);
    (void)nanosleep(&pause, NULL);
    assert_int_equal(kill(child, SIGKILL), 0);
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_ok(connector_open(test.path, &options, &test.store, &failure));
    connector_free(make(PATCH(.name = "works")));
    assert_whole(NULL);
    close_store();
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(killed_at_any_moment),
    folder_test(killed_while_the_file_is_made),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("kill", tests, NULL, NULL);
}
