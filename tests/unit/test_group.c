/*
 * engine/group: threads that write at once share a transaction and its commit, each is undone
 * alone, and nobody is told before what it wrote can be seen. The threads are held at their steps,
 * so that who shares with whom is known.
 */
#include "engine_support.h"

#include "engine/group.h"
#include "engine/pool.h"
#include "fault/failing_vfs.h"

#include <pthread.h>
#include <time.h>

enum { WRITERS_MOST = 48, GROUP_MOST = 33, THREADS = 8, WRITES = 150 };

enum step { STARTED, BEGUN, ENDED };

/* A thread with one write, held between its begin and its end. */
struct writer {
  pthread_t thread;
  bool alone, held;
  const char *sql;
  atomic_bool go;
  connector_status verdict; /* what group_end() is told */
  struct member member;
  connector_status begun, ran, ended;
  connector_error error;
  atomic_int step;
};

static struct pool *pool;
static struct connection *watcher;
static struct connection *behind; /* the pool's writer, for what happens behind its back */
static struct writer writers[WRITERS_MOST];
static size_t started;
static atomic_int commits;

/* ---- the pool ---- */

static int count_commit(void *user)
{
  (void)user;
  atomic_fetch_add(&commits, 1);
  return 0;
}

static int setup_group(void **state)
{
  const struct pool_settings settings = { .path = test.path, .busy_timeout_ms = 50, .readers = 2 };
  mend_disk();
  if (setup_options(state) != 0)
    return -1;
  engine_ok(pool_open(&settings, &pool, &failure));
  engine_ok(pool_take_writer(pool, &behind, &failure));
  engine_ok(connection_run(behind, "CREATE TABLE note (id INTEGER PRIMARY KEY, text)", &failure));
  sqlite3_commit_hook(behind->db, count_commit, NULL);
  pool_give_writer(pool);
  watcher = connect_as(CONNECTION_READ, false);
  started = 0;
  atomic_store(&commits, 0);
  return 0;
}

static int teardown_group(void **state)
{
  mend_disk();
  connection_close(watcher);
  pool_close(pool);
  watcher = NULL;
  pool = NULL;
  return teardown(state);
}

#define group_test(name) cmocka_unit_test_setup_teardown(name, setup_group, teardown_group)

static void pause_ms(long ms)
{
  const struct timespec pause = { .tv_nsec = ms * 1000000 };
  (void)nanosleep(&pause, NULL);
}

static int64_t notes(void)
{
  return integer_of(watcher, "SELECT count(*) FROM note");
}

static bool noted(int64_t id)
{
  char sql[80];
  snprintf(sql, sizeof(sql), "SELECT count(*) FROM note WHERE id = %lld", (long long)id);
  return integer_of(watcher, sql) == 1;
}

/* Makes a step of the writer's fail until it is given back. */
static sqlite3_stmt *break_step(enum transaction_step step)
{
  static const char text[] = "SELECT abs(-9223372036854775807 - 1)";
  sqlite3_stmt *kept = behind->transactions[step];
  assert_int_equal(sqlite3_prepare_v2(behind->db, text, -1, &behind->transactions[step], NULL),
                   SQLITE_OK);
  return kept;
}

static void mend_step(enum transaction_step step, sqlite3_stmt *kept)
{
  sqlite3_finalize(behind->transactions[step]);
  behind->transactions[step] = kept;
}

/* ---- threads ---- */

static void *write_once(void *user)
{
  struct writer *writer = user;
  writer->begun = group_begin(pool, &writer->member, writer->alone, &writer->error);
  if (writer->begun == CONNECTOR_OK) {
    if (writer->sql != NULL)
      writer->ran = connection_run(writer->member.connection, writer->sql, &writer->error);
    atomic_store(&writer->step, BEGUN);
    while (writer->held && !atomic_load(&writer->go))
      pause_ms(1);
    writer->ended = group_end(pool, &writer->member,
                              writer->ran != CONNECTOR_OK ? writer->ran : writer->verdict,
                              &writer->error);
  }
  atomic_store(&writer->step, ENDED);
  return NULL;
}

static struct writer *start(const char *sql, bool alone, bool held)
{
  struct writer *writer = &writers[started++];
  memset(writer, 0, sizeof(*writer));
  writer->sql = sql;
  writer->alone = alone;
  writer->held = held;
  assert_int_equal(pthread_create(&writer->thread, NULL, write_once, writer), 0);
  return writer;
}

static void await(struct writer *writer, enum step step)
{
  for (int i = 0; i < 20000 && atomic_load(&writer->step) < (int)step; i++)
    pause_ms(1);
  assert_true(atomic_load(&writer->step) >= (int)step);
}

static void await_coming(unsigned count)
{
  for (int i = 0; i < 20000 && atomic_load(&pool_group(pool)->coming) != count; i++)
    pause_ms(1);
  assert_int_equal(atomic_load(&pool_group(pool)->coming), count);
}

/* A writer that has begun. */
static struct writer *begin(const char *sql)
{
  struct writer *writer = start(sql, false, true);
  await(writer, BEGUN);
  return writer;
}

/* A writer that waits for its turn, the only one. */
static struct writer *queue(const char *sql)
{
  struct writer *writer = start(sql, false, true);
  await_coming(1);
  return writer;
}

static void let_end(struct writer *writer, connector_status verdict)
{
  writer->verdict = verdict;
  atomic_store(&writer->go, true);
}

static void join_all(void)
{
  for (size_t i = 0; i < started; i++)
    assert_int_equal(pthread_join(writers[i].thread, NULL), 0);
  started = 0;
}

/* It has ended its write and waits to be told. */
static void assert_waits(struct writer *writer)
{
  pause_ms(5);
  assert_int_equal(atomic_load(&writer->step), BEGUN);
}

static void assert_told(const struct writer *writer, connector_status status)
{
  assert_int_equal(writer->begun, CONNECTOR_OK);
  assert_int_equal(writer->ended, status);
  if (writer->ended != CONNECTOR_OK && writer->verdict == CONNECTOR_OK) {
    assert_int_equal(writer->error.status, status);
    assert_true(writer->error.message[0] != '\0');
  }
}

/* The pool is as good as new. */
static void assert_goes_on(void)
{
  int before = atomic_load(&commits);
  struct writer *writer = begin("INSERT INTO note VALUES (9000, 'on')");
  assert_false(writer->member.shared);
  let_end(writer, CONNECTOR_OK);
  join_all();
  assert_told(writer, CONNECTOR_OK);
  assert_int_equal(atomic_load(&commits), before + 1);
  assert_true(noted(9000));
  assert_null(pool_group(pool)->members);
  assert_int_equal(pool_group(pool)->count, 0);
  assert_int_equal(atomic_load(&pool_group(pool)->coming), 0);
}

/* ---- sharing ---- */

static void a_lone_writer_begins_and_commits_at_once(void **state)
{
  struct member member;
  (void)state;
  engine_ok(group_begin(pool, &member, false, &failure));
  assert_false(member.shared);
  engine_ok(connection_run(member.connection, "INSERT INTO note VALUES (1, 'a')", &failure));
  engine_ok(group_end(pool, &member, CONNECTOR_OK, &failure));
  assert_int_equal(atomic_load(&commits), 1);
  assert_int_equal(notes(), 1);
  engine_ok(group_begin(pool, &member, false, &failure));
  assert_false(member.shared);
  engine_ok(connection_run(member.connection, "INSERT INTO note VALUES (2, 'b')", &failure));
  assert_int_equal(group_end(pool, &member, CONNECTOR_CONFLICT, &failure), CONNECTOR_CONFLICT);
  assert_int_equal(notes(), 1);
  assert_goes_on();
}

static void two_share_a_commit(void **state)
{
  (void)state;
  int64_t version = integer_of(watcher, "PRAGMA data_version");
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  struct writer *second = queue("INSERT INTO note VALUES (2, 'b')");
  let_end(first, CONNECTOR_OK);
  await(second, BEGUN);
  assert_true(second->member.shared);
  assert_waits(first);
  assert_int_equal(notes(), 0);
  assert_int_equal(integer_of(watcher, "PRAGMA data_version"), version);
  let_end(second, CONNECTOR_OK);
  join_all();
  assert_told(first, CONNECTOR_OK);
  assert_told(second, CONNECTOR_OK);
  assert_int_equal(atomic_load(&commits), 1);
  assert_int_equal(notes(), 2);
  assert_goes_on();
}

/* Three writers, the third of which holds the transaction of all. */
static void begin_three(struct writer *three[3])
{
  three[0] = begin("INSERT INTO note VALUES (1, 'a')");
  three[1] = queue("INSERT INTO note VALUES (2, 'b')");
  three[2] = NULL;
  let_end(three[0], CONNECTOR_OK);
  await(three[1], BEGUN);
  three[2] = queue("INSERT INTO note VALUES (3, 'c')");
  let_end(three[1], CONNECTOR_OK);
  await(three[2], BEGUN);
}

static void three_share_a_commit(void **state)
{
  struct writer *three[3];
  (void)state;
  begin_three(three);
  assert_waits(three[0]);
  assert_waits(three[1]);
  assert_int_equal(notes(), 0);
  let_end(three[2], CONNECTOR_OK);
  join_all();
  for (size_t i = 0; i < 3; i++)
    assert_told(three[i], CONNECTOR_OK);
  assert_int_equal(atomic_load(&commits), 1);
  assert_int_equal(notes(), 3);
  assert_goes_on();
}

static void a_group_is_bounded(void **state)
{
  static char texts[WRITERS_MOST][60];
  (void)state;
  struct writer *first = begin("INSERT INTO note VALUES (100, 'a')");
  for (int i = 1; i < WRITERS_MOST - 1; i++) {
    snprintf(texts[i], sizeof(texts[i]), "INSERT INTO note VALUES (%d, 'n')", 100 + i);
    start(texts[i], false, false);
  }
  await_coming(WRITERS_MOST - 2);
  let_end(first, CONNECTOR_OK);
  join_all();
  for (int i = 0; i < WRITERS_MOST - 1; i++)
    assert_told(&writers[i], CONNECTOR_OK);
  assert_int_equal(notes(), WRITERS_MOST - 1);
  assert_true(GROUP_MOST < WRITERS_MOST - 1);
  assert_int_equal(atomic_load(&commits), 2);
  assert_goes_on();
}

static void alone_commits_what_is_open_and_shares_with_nobody(void **state)
{
  (void)state;
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  struct writer *second = NULL;
  struct writer *alone = start("INSERT INTO note VALUES (2, 'b')", true, true);
  pause_ms(20); /* it waits for the mutex and is not counted; first in, it mostly goes first */
  second = queue("INSERT INTO note VALUES (3, 'c')");
  let_end(first, CONNECTOR_OK);
  for (int i = 0; i < 20000 && atomic_load(&alone->step) < BEGUN; i++) {
    if (atomic_load(&second->step) == BEGUN)
      let_end(second, CONNECTOR_OK);
    pause_ms(1);
  }
  await(first, ENDED);
  assert_told(first, CONNECTOR_OK);
  assert_false(alone->member.shared);
  assert_true(noted(1));
  assert_false(noted(2));
  let_end(alone, CONNECTOR_OK);
  let_end(second, CONNECTOR_OK);
  join_all();
  assert_told(alone, CONNECTOR_OK);
  assert_told(second, CONNECTOR_OK);
  assert_int_equal(notes(), 3);
  assert_goes_on();
}

static void alone_is_committed_though_others_come(void **state)
{
  (void)state;
  struct writer *alone = start("INSERT INTO note VALUES (1, 'a')", true, true);
  await(alone, BEGUN);
  struct writer *next = queue("INSERT INTO note VALUES (2, 'b')");
  let_end(alone, CONNECTOR_OK);
  await(alone, ENDED);
  assert_int_equal(notes(), 1);
  await(next, BEGUN);
  assert_false(next->member.shared);
  let_end(next, CONNECTOR_OK);
  join_all();
  assert_int_equal(atomic_load(&commits), 2);
  assert_goes_on();
}

/* ---- failures of one ---- */

/* What it was refused for can be read when it is told. */
static void a_later_one_that_fails_is_undone_alone(void **state)
{
  (void)state;
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  struct writer *second = queue("INSERT INTO note VALUES (2, 'b')");
  struct writer *third = NULL;
  let_end(first, CONNECTOR_OK);
  await(second, BEGUN);
  third = queue("INSERT INTO note VALUES (3, 'c')");
  let_end(second, CONNECTOR_CONFLICT);
  await(second, ENDED);
  assert_told(second, CONNECTOR_CONFLICT);
  assert_true(noted(1));
  await(third, BEGUN);
  await(first, ENDED);
  assert_false(third->member.shared);
  let_end(third, CONNECTOR_OK);
  join_all();
  assert_told(first, CONNECTOR_OK);
  assert_told(third, CONNECTOR_OK);
  assert_true(noted(1) && !noted(2) && noted(3));
  assert_int_equal(atomic_load(&commits), 2);
  assert_goes_on();
}

static atomic_bool refusals_end;

static void *be_refused(void *user)
{
  (void)user;
  while (!atomic_load(&refusals_end)) {
    struct member member;
    if (group_begin(pool, &member, false, NULL) == CONNECTOR_OK)
      (void)group_end(pool, &member, CONNECTOR_CONFLICT, NULL);
  }
  return NULL;
}

/* As writers do that read an old version again and again. */
static void refusals_without_end_hold_up_no_commit(void **state)
{
  pthread_t refused[THREADS];
  (void)state;
  atomic_store(&refusals_end, false);
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&refused[i], NULL, be_refused, NULL), 0);
  await_coming(THREADS);
  let_end(first, CONNECTOR_OK);
  for (int i = 0; i < 10000 && atomic_load(&first->step) != ENDED; i++)
    pause_ms(1);
  int ended = atomic_load(&first->step);
  atomic_store(&refusals_end, true);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(refused[i], NULL), 0);
  assert_int_equal(ended, ENDED);
  join_all();
  assert_told(first, CONNECTOR_OK);
  assert_goes_on();
}

static void the_last_one_that_fails_commits_for_the_others(void **state)
{
  struct writer *three[3];
  (void)state;
  begin_three(three);
  let_end(three[2], CONNECTOR_INVALID);
  join_all();
  assert_told(three[0], CONNECTOR_OK);
  assert_told(three[1], CONNECTOR_OK);
  assert_told(three[2], CONNECTOR_INVALID);
  assert_true(noted(1) && noted(2) && !noted(3));
  assert_int_equal(atomic_load(&commits), 1);
  assert_goes_on();
}

static void after_a_first_one_that_fails_the_next_begins_anew(void **state)
{
  (void)state;
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  struct writer *second = queue("INSERT INTO note VALUES (2, 'b')");
  let_end(first, CONNECTOR_EXISTS);
  await(first, ENDED);
  await(second, BEGUN);
  assert_false(second->member.shared);
  let_end(second, CONNECTOR_OK);
  join_all();
  assert_told(first, CONNECTOR_EXISTS);
  assert_told(second, CONNECTOR_OK);
  assert_true(!noted(1) && noted(2));
  assert_goes_on();
}

static void a_statement_that_fails_has_its_own_text(void **state)
{
  (void)state;
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  struct writer *second = queue("INSERT INTO note VALUES (1, 'b')");
  struct writer *third = NULL;
  let_end(first, CONNECTOR_OK);
  await(second, BEGUN);
  third = queue("INSERT INTO nowhere VALUES (1)");
  let_end(second, CONNECTOR_OK);
  await(third, BEGUN);
  let_end(third, CONNECTOR_OK);
  join_all();
  assert_told(first, CONNECTOR_OK);
  assert_int_equal(first->error.message[0], '\0');
  assert_told(second, CONNECTOR_EXISTS);
  assert_string_equal(second->error.message, "the id is in use");
  assert_told(third, CONNECTOR_CORRUPT);
  assert_string_equal(third->error.message, "the file does not hold what it should");
  assert_int_equal(notes(), 1);
  assert_goes_on();
}

static void a_savepoint_that_fails_is_the_newcomers_alone(void **state)
{
  (void)state;
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  struct writer *second = queue("INSERT INTO note VALUES (2, 'b')");
  sqlite3_stmt *kept = break_step(STEP_SAVEPOINT);
  let_end(first, CONNECTOR_OK);
  join_all();
  mend_step(STEP_SAVEPOINT, kept);
  assert_told(first, CONNECTOR_OK);
  assert_int_equal(second->begun, CONNECTOR_CORRUPT);
  assert_true(noted(1) && !noted(2));
  assert_goes_on();
}

/* ---- failures of all ---- */

static void a_commit_that_fails_is_told_to_all(void **state)
{
  struct writer *three[3];
  (void)state;
  begin_three(three);
  fail_disk(DISK_WRITE, SQLITE_FULL, 1, false);
  let_end(three[2], CONNECTOR_OK);
  join_all();
  assert_true(mend_disk());
  for (size_t i = 0; i < 3; i++) {
    assert_told(three[i], CONNECTOR_DISK_FULL);
    assert_string_equal(three[i]->error.message, "there is no room left to write");
  }
  assert_int_equal(notes(), 0);
  assert_goes_on();
}

/* It may have been refused for what was not kept. */
static void a_refusal_whose_commit_fails_is_that_failure(void **state)
{
  struct writer *three[3];
  (void)state;
  begin_three(three);
  fail_disk(DISK_WRITE, SQLITE_FULL, 1, false);
  let_end(three[2], CONNECTOR_CONFLICT);
  join_all();
  assert_true(mend_disk());
  assert_told(three[0], CONNECTOR_DISK_FULL);
  assert_told(three[1], CONNECTOR_DISK_FULL);
  assert_told(three[2], CONNECTOR_DISK_FULL);
  assert_string_equal(three[2]->error.message, "there is no room left to write");
  assert_int_equal(notes(), 0);
  assert_goes_on();
}

/* No room inside a statement: the engine undoes all. */
static void a_full_file_tells_those_who_wait_busy(void **state)
{
  char limit[80];
  (void)state;
  struct writer *first = begin("INSERT INTO note VALUES (1, 'a')");
  struct writer *second = queue("INSERT INTO note VALUES (2, zeroblob(1000000))");
  snprintf(limit, sizeof(limit), "PRAGMA max_page_count = %d",
           (int)integer_of(first->member.connection, "PRAGMA page_count") + 4);
  engine_ok(connection_run(first->member.connection, limit, &failure));
  let_end(first, CONNECTOR_OK);
  await(second, BEGUN);
  let_end(second, CONNECTOR_OK);
  join_all();
  assert_told(first, CONNECTOR_BUSY);
  assert_told(second, CONNECTOR_DISK_FULL);
  assert_int_equal(notes(), 0);
  assert_goes_on();
}

static void undone_behind_its_back(connector_status verdict)
{
  struct writer *three[3];
  begin_three(three);
  engine_ok(connection_run(three[2]->member.connection, "ROLLBACK", &failure));
  let_end(three[2], verdict);
  join_all();
  assert_told(three[0], CONNECTOR_BUSY);
  assert_told(three[1], CONNECTOR_BUSY);
  assert_true(three[2]->ended != CONNECTOR_OK && three[2]->ended != CONNECTOR_BUSY);
  assert_int_equal(notes(), 0);
  assert_goes_on();
}

static void a_transaction_undone_by_the_engine_is_busy_for_those_who_wait(void **state)
{
  (void)state;
  undone_behind_its_back(CONNECTOR_NO_MEMORY);
}

static void a_write_after_which_nothing_is_open_is_no_success(void **state)
{
  (void)state;
  undone_behind_its_back(CONNECTOR_OK);
}

/* What can't be undone alone must not be committed with the others. */
static void a_write_that_cannot_be_undone_alone_is_undone_with_all(void **state)
{
  struct writer *three[3];
  sqlite3_stmt *kept = NULL;
  (void)state;
  begin_three(three);
  kept = break_step(STEP_ROLLBACK_TO);
  let_end(three[2], CONNECTOR_INVALID);
  join_all();
  mend_step(STEP_ROLLBACK_TO, kept);
  assert_told(three[0], CONNECTOR_BUSY);
  assert_told(three[1], CONNECTOR_BUSY);
  assert_told(three[2], CONNECTOR_INVALID);
  assert_int_equal(notes(), 0);
  assert_goes_on();
}

static void another_process_that_writes_is_busy_for_who_begins(void **state)
{
  (void)state;
  struct connection *other = connect_as(CONNECTION_WRITE, false);
  struct member member;
  engine_ok(connection_begin_write(other, &failure));
  engine_fails(group_begin(pool, &member, false, &failure), CONNECTOR_BUSY);
  engine_fails(group_begin(pool, &member, true, &failure), CONNECTOR_BUSY);
  connection_rollback(other);
  connection_close(other);
  assert_goes_on();
}

/* ---- many ---- */

struct crowd {
  pthread_t thread;
  int number;
  bool kept[WRITES];
  int wrong, shared, unseen;
};

static bool sees(struct connection *own, int64_t id)
{
  char sql[80];
  int64_t found = 0;
  snprintf(sql, sizeof(sql), "SELECT count(*) FROM note WHERE id = %lld", (long long)id);
  return connection_integer(own, sql, &found, NULL) == CONNECTOR_OK && found == 1;
}

static void write_one(struct crowd *crowd, struct connection *own, uint64_t *seed, int i)
{
  static const connector_status verdicts[] = {
    CONNECTOR_OK, CONNECTOR_OK, CONNECTOR_OK, CONNECTOR_OK, CONNECTOR_CONFLICT, CONNECTOR_INVALID
  };
  connector_status verdict = verdicts[random_below(seed, COUNT_OF(verdicts))];
  bool alone = random_below(seed, 10) == 0;
  int64_t id = crowd->number * 10000 + i;
  struct member member;
  connector_error error = { 0 };
  char sql[100];
  snprintf(sql, sizeof(sql), "INSERT INTO note VALUES (%lld, 'x')", (long long)id);
  if (group_begin(pool, &member, alone, &error) != CONNECTOR_OK) {
    crowd->wrong++;
    return;
  }
  if (connection_run(member.connection, sql, &error) != CONNECTOR_OK)
    crowd->wrong++;
  crowd->shared += member.shared;
  if (group_end(pool, &member, verdict, &error) != verdict)
    crowd->wrong++;
  crowd->kept[i] = verdict == CONNECTOR_OK;
  crowd->unseen += sees(own, id) != crowd->kept[i];
}

static void *write_many(void *user)
{
  struct crowd *crowd = user;
  struct connection *own = NULL;
  uint64_t seed = 77 + (uint64_t)crowd->number;
  if (connection_open(&engine.options, CONNECTION_READ, false, &own, NULL) != CONNECTOR_OK) {
    crowd->wrong++;
    return NULL;
  }
  for (int i = 0; i < WRITES; i++)
    write_one(crowd, own, &seed, i);
  connection_close(own);
  return NULL;
}

static void many_threads_keep_what_they_were_told(void **state)
{
  static struct crowd crowds[THREADS];
  int64_t kept = 0;
  int shared = 0;
  (void)state;
  memset(crowds, 0, sizeof(crowds));
  for (int i = 0; i < THREADS; i++) {
    crowds[i].number = i;
    assert_int_equal(pthread_create(&crowds[i].thread, NULL, write_many, &crowds[i]), 0);
  }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(crowds[i].thread, NULL), 0);
  for (int i = 0; i < THREADS; i++) {
    assert_int_equal(crowds[i].wrong, 0);
    assert_int_equal(crowds[i].unseen, 0);
    shared += crowds[i].shared;
    for (int64_t j = 0; j < WRITES; j++) {
      assert_int_equal(noted(i * 10000 + j), crowds[i].kept[j]);
      kept += crowds[i].kept[j];
    }
  }
  assert_int_equal(notes(), kept);
  print_figure("%d of %d writes joined, %d commits", shared, THREADS * WRITES,
               atomic_load(&commits));
  assert_goes_on();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    group_test(a_lone_writer_begins_and_commits_at_once),
    group_test(two_share_a_commit),
    group_test(three_share_a_commit),
    group_test(a_group_is_bounded),
    group_test(alone_commits_what_is_open_and_shares_with_nobody),
    group_test(alone_is_committed_though_others_come),
    group_test(a_later_one_that_fails_is_undone_alone),
    group_test(refusals_without_end_hold_up_no_commit),
    group_test(the_last_one_that_fails_commits_for_the_others),
    group_test(after_a_first_one_that_fails_the_next_begins_anew),
    group_test(a_statement_that_fails_has_its_own_text),
    group_test(a_savepoint_that_fails_is_the_newcomers_alone),
    group_test(a_commit_that_fails_is_told_to_all),
    group_test(a_refusal_whose_commit_fails_is_that_failure),
    group_test(a_full_file_tells_those_who_wait_busy),
    group_test(a_transaction_undone_by_the_engine_is_busy_for_those_who_wait),
    group_test(a_write_after_which_nothing_is_open_is_no_success),
    group_test(a_write_that_cannot_be_undone_alone_is_undone_with_all),
    group_test(another_process_that_writes_is_busy_for_who_begins),
    group_test(many_threads_keep_what_they_were_told),
  };
  install_failing_vfs();
  return cmocka_run_group_tests(tests, NULL, NULL);
}
