/*
 * Threads of several processes do as they like with a handful of records; what each was told, and
 * between which moments, is written to a file for each, and checked offline for linearizability: of
 * every second process all threads share one handle, of the others each has its own. Controls:
 * answers that are bent afterwards, and writers who pass by the check of versions.
 *
 * CONNECTOR_LINEAR operations in all; CONNECTOR_LINEAR_FILE keeps them for
 * build/tests/linear/check.
 */
#include "sanitizer.h"
#include "support.h"

#include "checker.h"
#include "clients.h"

#include <sys/wait.h>

enum {
  PROCESSES = 3,
  OPERATIONS_USUAL = UNDER_SANITIZER ? 2400 : 12000,
  OPERATIONS_LEAST = PROCESSES * THREADS * 20,
  MUTANTS = 40
};

static char *program;

static long operations_wanted(void)
{
  const char *text = getenv("CONNECTOR_LINEAR");
  long operations = text != NULL ? strtol(text, NULL, 10) : OPERATIONS_USUAL;
  return operations >= OPERATIONS_LEAST ? operations : OPERATIONS_LEAST;
}

/* ---- processes ---- */

/* Starts the program anew as one of the processes; each waits until `start` is closed. */
static pid_t start_process(int number, const int start[2])
{
  char texts[3][32];
  pid_t child = fork();
  if (child != 0)
    return child;
  (void)close(start[1]);
  (void)dup2(start[0], STDIN_FILENO);
  snprintf(texts[0], sizeof(texts[0]), "%d", number);
  snprintf(texts[1], sizeof(texts[1]), "%ld", operations_wanted() / (PROCESSES * THREADS));
  snprintf(texts[2], sizeof(texts[2]), "%d", 20261210 + number);
  (void)execl(program, program, test.folder, texts[0], texts[1], texts[2], (char *)NULL);
  _exit(127);
}

static void run_processes(void)
{
  pid_t children[PROCESSES];
  int start[2] = { -1, -1 };
  assert_int_equal(pipe(start), 0);
  for (int i = 0; i < PROCESSES; i++) {
    children[i] = start_process(i, start);
    assert_true(children[i] > 0);
  }
  close(start[0]);
  close(start[1]);
  for (int i = 0; i < PROCESSES; i++) {
    int code = 0;
    assert_int_equal(waitpid(children[i], &code, 0), children[i]);
    if (code != 0)
      fail_msg("process %d ended with %d", i, code);
  }
}

static struct operations recorded;

static void read_all(void)
{
  for (int client = 0; client < PROCESSES * THREADS; client++) {
    char path[600];
    if (!read_operations(path_of_client(path, client), &recorded))
      fail_msg("can't read %s", path);
  }
}

static int run_once(void **state)
{
  connector_options options = client_options();
  if (setup_folder(state) != 0)
    return -1;
  if (connector_open(test.path, &options, &test.store, &failure) != CONNECTOR_OK)
    return -1;
  close_store();
  run_processes();
  read_all();
  return 0;
}

static void keep_recorded(const char *path)
{
  FILE *file = fopen(path, "w");
  if (file == NULL)
    fail_msg("can't write %s", path);
  for (size_t i = 0; i < recorded.count; i++)
    write_operation(file, &recorded.all[i]);
  assert_int_equal(fclose(file), 0);
}

static int forget_run(void **state)
{
  free_operations(&recorded);
  return teardown(state);
}

/* ---- what was recorded ---- */

static size_t count_of_outcome(enum outcome outcome)
{
  size_t count = 0;
  for (size_t i = 0; i < recorded.count; i++)
    count += recorded.all[i].outcome == outcome;
  return count;
}

static void what_all_were_told_is_linearizable(void **state)
{
  (void)state;
  assert_true((long)recorded.count > operations_wanted() - PROCESSES * THREADS);
  print_figure("%zu operations of %d threads in %d processes on %d records: %zu conflicts, %zu not"
               " found, %zu leases in the way",
               recorded.count, (int)(PROCESSES * THREADS), (int)PROCESSES, (int)RECORDS,
               count_of_outcome(OUTCOME_CONFLICT), count_of_outcome(OUTCOME_NOT_FOUND),
               count_of_outcome(OUTCOME_LEASED));
  if (getenv("CONNECTOR_LINEAR_FILE") != NULL)
    keep_recorded(getenv("CONNECTOR_LINEAR_FILE"));
  assert_int_equal(check_operations(&recorded, stderr), LINEARIZABLE);
  for (int outcome = 0; outcome < OUTCOMES; outcome++)
    assert_true(count_of_outcome((enum outcome)outcome) > 0);
}

/* ---- answers that are bent ---- */

/* Of a record, not deleted since: the update that made a version; NULL where none did. */
static const struct operation *update_to(int record, int64_t version)
{
  for (size_t i = 0; i < recorded.count; i++) {
    const struct operation *one = &recorded.all[i];
    if (one->record == record && one->kind == OPERATION_UPDATE && one->outcome == OUTCOME_DONE &&
        one->version == version)
      return one;
  }
  return NULL;
}

/* A read of the version before the one that stood when it began. */
static bool bend_to_stale_read(struct operation *read)
{
  const struct operation *last = update_to(read->record, read->version);
  const struct operation *before = update_to(read->record, read->version - 1);
  if (read->kind != OPERATION_GET || read->outcome != OUTCOME_DONE || last == NULL ||
      before == NULL || last->end >= read->start)
    return false;
  read->version = before->version;
  read->value = before->value;
  return true;
}

/* An update that claims the version which another one made. */
static bool bend_to_lost_update(struct operation *update)
{
  if (update->kind != OPERATION_UPDATE || update->outcome != OUTCOME_DONE ||
      update_to(update->record, update->version - 1) == NULL)
    return false;
  update->version--;
  return true;
}

/* A refused update that claims to be done. */
static bool bend_to_done(struct operation *update)
{
  if (update->kind != OPERATION_UPDATE || update->outcome != OUTCOME_CONFLICT)
    return false;
  update->outcome = OUTCOME_DONE;
  update->value = update->written;
  update->version = update->expected + 1;
  return true;
}

/* A lease that is taken while another holds it. */
static bool bend_to_second_holder(struct operation *take)
{
  if (take->kind != OPERATION_TAKE || take->outcome != OUTCOME_LEASED)
    return false;
  take->outcome = OUTCOME_DONE;
  return true;
}

static void assert_bent_is_refused(const char *what, bool (*bend)(struct operation *operation))
{
  uint64_t seed = 20261211;
  size_t refused = 0;
  for (size_t i = 0; i < recorded.count * 4 && refused < MUTANTS; i++) {
    struct operation *operation = &recorded.all[random_below(&seed, recorded.count)];
    const struct operation as_told = *operation;
    if (!bend(operation))
      continue;
    if (check_operations(&recorded, NULL) != NOT_LINEARIZABLE)
      fail_msg("%s: client %d, operation from %" PRId64 " on passes", what, as_told.client,
               as_told.start);
    refused++;
    *operation = as_told; /* the order of the operations is by what was not bent */
  }
  print_message("%zu %s refused\n", refused, what);
  assert_int_equal(refused, MUTANTS);
}

static void bent_answers_are_refused(void **state)
{
  (void)state;
  assert_bent_is_refused("stale reads", bend_to_stale_read);
  assert_bent_is_refused("lost updates", bend_to_lost_update);
  assert_bent_is_refused("conflicts told to be done", bend_to_done);
  assert_bent_is_refused("second holders of a lease", bend_to_second_holder);
}

/* ---- without the check of versions ---- */

enum { ROUNDS = 25, COUNTERS = 2 };

static struct {
  pthread_barrier_t barrier;
  bool checks; /* of versions */
  struct client clients[COUNTERS];
} counting;

/* Each adds 1 to the value, after both have read it; whom the library refuses tries again. */
static void *count_up(void *user)
{
  struct client *client = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < ROUNDS && client->failed == NULL; i++) {
    enum outcome outcome = OUTCOME_CONFLICT;
    for (int attempt = 0; outcome != OUTCOME_DONE && client->failed == NULL; attempt++) {
      struct operation read = { .kind = OPERATION_GET };
      struct operation update = { .kind = OPERATION_UPDATE };
      perform(client, &read);
      if (attempt == 0)
        (void)pthread_barrier_wait(&counting.barrier);
      update.expected = counting.checks ? read.version : 0;
      update.written = read.value + 1;
      perform(client, &update);
      client->told.all[client->told.count - 1].expected = read.version; /* what it meant */
      outcome = update.outcome;
    }
    (void)pthread_barrier_wait(&counting.barrier);
  }
  return NULL;
}

/* Both count; what the counter shows at the end. */
static int64_t count_together(bool checks)
{
  struct operation first = { .kind = OPERATION_CREATE };
  struct operation last = { .kind = OPERATION_GET };
  struct client *clients = counting.clients;
  memset(clients, 0, sizeof(counting.clients));
  counting.checks = checks;
  assert_int_equal(pthread_barrier_init(&counting.barrier, NULL, COUNTERS), 0);
  for (int i = 0; i < COUNTERS; i++) {
    clients[i].number = i;
    clients[i].store = test.store;
  }
  perform(&clients[0], &first);
  memcpy(clients[1].records[0].id, clients[0].records[0].id, ID_SIZE);
  for (int i = 0; i < COUNTERS; i++)
    assert_int_equal(pthread_create(&clients[i].thread, NULL, count_up, &clients[i]), 0);
  for (int i = 0; i < COUNTERS; i++)
    assert_int_equal(pthread_join(clients[i].thread, NULL), 0);
  perform(&clients[0], &last);
  (void)pthread_barrier_destroy(&counting.barrier);
  for (int i = 0; i < COUNTERS; i++) {
    assert_null(clients[i].failed);
    for (size_t k = 0; k < clients[i].told.count; k++)
      assert_true(add_operation(&recorded, &clients[i].told.all[k]));
    free_operations(&clients[i].told);
  }
  return last.value;
}

static void no_count_is_lost_where_versions_are_checked(void **state)
{
  (void)state;
  assert_int_equal(count_together(true), COUNTERS * ROUNDS);
  assert_int_equal(check_operations(&recorded, stderr), LINEARIZABLE);
  free_operations(&recorded);
}

static void counts_are_lost_where_versions_are_not_checked(void **state)
{
  (void)state;
  int64_t counted = count_together(false);
  print_figure("control, versions not checked: %d of %d counts lost",
               (int)(COUNTERS * ROUNDS - counted), (int)(COUNTERS * ROUNDS));
  assert_int_equal(counted, ROUNDS);
  assert_int_equal(check_operations(&recorded, NULL), NOT_LINEARIZABLE);
  free_operations(&recorded);
}

int main(int count, char **arguments)
{
  const struct CMUnitTest run[] = {
    cmocka_unit_test(what_all_were_told_is_linearizable),
    cmocka_unit_test(bent_answers_are_refused),
  };
  const struct CMUnitTest counters[] = {
    store_test(no_count_is_lost_where_versions_are_checked),
    store_test(counts_are_lost_where_versions_are_not_checked),
  };
  if (count == 5)
    return run_clients(arguments);
  program = arguments[0];
  if (access("/dev/shm", W_OK) == 0) /* many operations in a short time */
    (void)setenv("TMPDIR", "/dev/shm", 0);
  int failed = cmocka_run_group_tests_name("linearizability", run, run_once, forget_run);
  return failed + cmocka_run_group_tests_name("counters", counters, NULL, NULL);
}
