/*
 * Children that are killed while they write: what they acknowledge comes over a pipe, and must be
 * there afterwards.
 */
#ifndef TESTS_KILL_SUPPORT_H
#define TESTS_KILL_SUPPORT_H

#include "fault_support.h"

enum { KILLS = 20, WRITERS_MOST = 8, IDS_MOST = 1000000, BATCH = 3 };

/* What the child tells over the pipe, in one piece: a record, and the version that the call gave
 * it. */
struct acknowledgement {
  int writer; /* of the child's threads */
  char id[40];
  int64_t version;
};

/* What the parent knows. */
static struct acknowledgement known[IDS_MOST];
static size_t known_count;
static size_t latest[WRITERS_MOST]; /* place of each writer's last one */

/* ---- the child ---- */

static int pipe_end;

static inline void acknowledge(int writer, const connector *record)
{
  struct acknowledgement told = { .writer = writer, .version = record->version };
  snprintf(told.id, sizeof(told.id), "%s", record->id);
  if (write(pipe_end, &told, sizeof(told)) != (ssize_t)sizeof(told))
    _exit(0);
}

struct three {
  char name[40];
  connector *records[BATCH];
};

static inline connector_status create_three(connector_store *store, void *user,
                                            connector_error *error)
{
  struct three *three = user;
  connector_status status = CONNECTOR_OK;
  for (size_t i = 0; status == CONNECTOR_OK && i < BATCH; i++)
    status = connector_create(store, PATCH(.name = three->name), &three->records[i], error);
  return status;
}

static inline void write_batch(int writer, unsigned turn)
{
  struct three three = { .name = "" };
  snprintf(three.name, sizeof(three.name), "batch-%d-%d-%u", (int)getpid(), writer, turn);
  child_expects(connector_batch(test.store, create_three, &three, &failure) == CONNECTOR_OK);
  for (size_t i = 0; i < BATCH; i++) {
    acknowledge(writer, three.records[i]);
    connector_free(three.records[i]);
  }
}

/* ---- the parent ---- */

/* An update is of the record that the same writer told last. */
static inline void remember(const struct acknowledgement *told)
{
  struct acknowledgement *last = &known[latest[told->writer]];
  if (told->version > 1 && strcmp(last->id, told->id) == 0) {
    last->version = told->version;
    return;
  }
  assert_true(known_count < IDS_MOST);
  latest[told->writer] = known_count;
  known[known_count++] = *told;
}

/* Lets a child write, kills it a while after its first word, and reads what it had told. */
static inline void run_and_kill(void (*write_until_killed)(uint64_t seed), uint64_t *seed)
{
  struct acknowledgement told;
  int ends[2];
  int status = 0;
  uint64_t childs = random_next(seed) | 1;
  pid_t child = 0;
  assert_int_equal(pipe(ends), 0);
  child = fork();
  if (child == 0) {
    close(ends[0]);
    pipe_end = ends[1];
    write_until_killed(childs);
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

static inline void assert_there_since(size_t first)
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

/* One integer, as another program sees the file. */
static inline int64_t outside(const char *sql)
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

/* Kills as often as is asked for; after each everything that was told is there, no batch in part.
 */
static inline void kill_again_and_again(void (*write_until_killed)(uint64_t seed), uint64_t seed)
{
  int kills = kills_or(KILLS);
  known_count = 0;
  for (int round = 0; round < kills; round++) {
    size_t first = known_count;
    run_and_kill(write_until_killed, &seed);
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

#endif
