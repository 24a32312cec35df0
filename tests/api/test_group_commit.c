/*
 * Threads that write at once share commits: what each is told is true all the same, history and
 * feed hold each change once and in order, and nobody hears of what was not kept.
 */
#include "lifecycle.h"
#include "secret_host.h"

#include <sys/wait.h>

enum { THREADS = 16, PROCESSES = 2, ROUNDS = 12, STEPS = 12, OWN_MOST = 64, TOLD_MOST = 40000 };

/* A record that one thread alone writes, as it was last told. */
struct own {
  char id[ID_SIZE];
  char name[40];
  int64_t version, secret_version, synced;
  bool deleted;
};

struct worker {
  pthread_t thread;
  int number;
  uint64_t seed;
  struct own own[OWN_MOST];
  size_t count;
  int64_t shared_updates; /* acknowledged ones of the record that all write */
  char claimed[2 * ROUNDS * STEPS][ID_SIZE];
  size_t claimed_count;
  int bad;
  char first_bad[400];
};

static struct worker workers[THREADS];
static char shared_id[ID_SIZE];

/* What on_change was told. */
static struct {
  pthread_mutex_t lock;
  size_t count;
  int64_t seqs[TOLD_MOST];
  bool unkept; /* told of a record that never was */
} told = { .lock = PTHREAD_MUTEX_INITIALIZER };

static void hear(void *user, const connector_change *change)
{
  (void)user;
  pthread_mutex_lock(&told.lock);
  if (told.count < TOLD_MOST)
    told.seqs[told.count++] = change->seq;
  if (change->forward != NULL && strstr(change->forward, "undone") != NULL)
    told.unkept = true;
  pthread_mutex_unlock(&told.lock);
}

static connector_options group_options(void)
{
  connector_options options = test_options();
  options.on_change = hear;
  options.busy_timeout_ms = 60000;
  return options;
}

static int setup_shared(void **state)
{
  connector_options options = group_options();
  if (setup_folder(state) != 0)
    return -1;
  told.count = 0;
  told.unkept = false;
  if (open_sealed(test.path, &options, test_root_key, &test.store) != CONNECTOR_OK)
    return -1;
  make_id(PATCH(.name = "shared"), shared_id);
  return 0;
}

#define shared_test(name) cmocka_unit_test_setup_teardown(name, setup_shared, teardown)

/* ---- what one thread does ---- */

static void expect_at(struct worker *worker, bool right, const char *what, int line)
{
  if (right || worker->bad++ > 0)
    return;
  snprintf(worker->first_bad, sizeof(worker->first_bad), "line %d: %s; last error %s %.60s: %.100s",
           line, what, connector_status_name(failure.status), failure.field, failure.message);
}

#define expect(condition) expect_at(worker, (condition), #condition, __LINE__)

/* The record is what it was last told to be, as any thread would see it now. */
static void look_at(struct worker *worker, const struct own *own)
{
  connector *record = NULL;
  connector_status status = connector_get(test.store, own->id, CONNECTOR_WITH_DELETED, &record,
                                          &failure);
  expect(status == CONNECTOR_OK);
  if (status != CONNECTOR_OK)
    return;
  expect(record->version == own->version);
  expect(strcmp(record->name, own->name) == 0);
  expect((record->deleted_at != 0) == own->deleted);
  connector_free(record);
}

static struct own *pick(struct worker *worker)
{
  struct own *own = NULL;
  for (int i = 0; worker->count > 0 && i < 8; i++) {
    own = &worker->own[random_below(&worker->seed, worker->count)];
    if (!own->deleted)
      return own;
  }
  return NULL;
}

static void keep_own(struct worker *worker, const connector *record)
{
  struct own *own = &worker->own[worker->count++];
  memset(own, 0, sizeof(*own));
  snprintf(own->id, sizeof(own->id), "%s", record->id);
  snprintf(own->name, sizeof(own->name), "%s", record->name);
  own->version = record->version;
}

static void do_create(struct worker *worker)
{
  connector *record = NULL;
  char name[40];
  if (worker->count == OWN_MOST)
    return;
  snprintf(name, sizeof(name), "t%d-%zu", worker->number, worker->count);
  expect(connector_create(test.store, PATCH(.name = name), &record, &failure) == CONNECTOR_OK);
  if (record != NULL)
    keep_own(worker, record);
  connector_free(record);
  if (worker->count > 0)
    look_at(worker, &worker->own[worker->count - 1]);
}

static void do_refused_create(struct worker *worker)
{
  connector *record = NULL;
  connector_status status = connector_create(
      test.store, PATCH(.name = "undone", .metrics = "[not an object"), &record, &failure);
  expect(status == CONNECTOR_INVALID && record == NULL);
  expect(strcmp(failure.field, "metrics") == 0 && failure.message[0] != '\0');
}

static void do_update(struct worker *worker)
{
  struct own *own = pick(worker);
  connector *record = NULL;
  char name[40];
  if (own == NULL)
    return;
  snprintf(name, sizeof(name), "u%d-%u", worker->number, (unsigned)random_next(&worker->seed));
  expect(connector_update(test.store, own->id, own->version, PATCH(.name = name), &record,
                          &failure) == CONNECTOR_OK);
  if (record != NULL) {
    expect(record->version == own->version + 1);
    own->version = record->version;
    snprintf(own->name, sizeof(own->name), "%s", name);
  }
  connector_free(record);
  look_at(worker, own);
}

static void do_conflict(struct worker *worker)
{
  struct own *own = pick(worker);
  if (own == NULL)
    return;
  expect(connector_update(test.store, own->id, own->version + 1, PATCH(.name = "undone"), NULL,
                          &failure) == CONNECTOR_CONFLICT);
  expect(failure.version == own->version);
  look_at(worker, own);
}

static void do_shared(struct worker *worker)
{
  connector *record = NULL;
  expect(connector_update(test.store, shared_id, 0,
                          PATCH(.consecutive_errors = (int64_t)random_below(&worker->seed, 1000)),
                          &record, &failure) == CONNECTOR_OK);
  worker->shared_updates += record != NULL;
  connector_free(record);
}

static void do_delete(struct worker *worker)
{
  struct own *own = pick(worker);
  connector *record = NULL;
  if (own == NULL)
    return;
  expect(connector_delete(test.store, own->id, own->version, &failure) == CONNECTOR_OK);
  own->deleted = true;
  if (connector_get(test.store, own->id, CONNECTOR_WITH_DELETED, &record, &failure) == CONNECTOR_OK)
    own->version = record->version;
  connector_free(record);
  look_at(worker, own);
}

static void do_report(struct worker *worker)
{
  struct own *own = pick(worker);
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  connector *record = NULL;
  report.synced = 1;
  if (own == NULL)
    return;
  expect(connector_sync_succeeded(test.store, own->id, &report, &record, &failure) == CONNECTOR_OK);
  own->synced++;
  if (record != NULL)
    own->version = record->version;
  connector_free(record);
}

static void do_secret(struct worker *worker)
{
  struct own *own = pick(worker);
  connector_secret *secret = NULL;
  connector *record = NULL;
  bool wrong = random_below(&worker->seed, 3) == 0;
  int64_t version = 0;
  char json[80];
  if (own == NULL)
    return;
  snprintf(json, sizeof(json), "{\"v\":\"%s-%d\"}", wrong ? "undone" : "kept",
           (int)own->secret_version + 1);
  expect(connector_secret_new(test.store, &secret, &failure) == CONNECTOR_OK);
  expect(connector_secret_set_json(secret, json, strlen(json), &failure) == CONNECTOR_OK);
  connector_status status = connector_secret_put(test.store, own->id, secret,
                                                 own->secret_version + wrong, &version, &failure);
  expect(status == (wrong ? CONNECTOR_SECRET_CONFLICT : CONNECTOR_OK));
  expect(wrong || version == own->secret_version + 1);
  connector_secret_free(secret);
  if (status == CONNECTOR_OK) {
    own->secret_version = version;
    if (connector_get(test.store, own->id, 0, &record, &failure) == CONNECTOR_OK)
      own->version = record->version;
    connector_free(record);
  }
  look_at(worker, own);
}

struct pair {
  char name[40];
  connector *records[2];
  connector_status end;
};

static connector_status create_pair(connector_store *store, void *user, connector_error *error)
{
  struct pair *pair = user;
  connector_status status = CONNECTOR_OK;
  for (int i = 0; status == CONNECTOR_OK && i < 2; i++)
    status = connector_create(store, PATCH(.name = pair->name), &pair->records[i], error);
  return status == CONNECTOR_OK ? pair->end : status;
}

static void do_batch(struct worker *worker)
{
  bool undone = random_below(&worker->seed, 2) == 0;
  struct pair pair = { .end = undone ? CONNECTOR_CANCELLED : CONNECTOR_OK };
  if (worker->count + 2 > OWN_MOST)
    return;
  snprintf(pair.name, sizeof(pair.name), "%s", undone ? "undone" : "pair");
  expect(connector_batch(test.store, create_pair, &pair, &failure) == pair.end);
  for (int i = 0; i < 2; i++) {
    connector *record = NULL;
    if (pair.records[i] == NULL)
      continue;
    if (!undone)
      keep_own(worker, pair.records[i]);
    expect(connector_get(test.store, pair.records[i]->id, 0, &record, &failure) ==
           (undone ? CONNECTOR_NOT_FOUND : CONNECTOR_OK));
    connector_free(record);
    connector_free(pair.records[i]);
  }
}

/* Leases run for an hour: nothing is handed out twice while the test runs. */
static void do_claim(struct worker *worker)
{
  connector_claims *claims = NULL;
  expect(connector_claim(test.store, CONNECTOR_DUE_SYNC, CLAIM(.limit = 2, .ttl_ms = 3600000),
                         &claims, &failure) == CONNECTOR_OK);
  for (size_t i = 0; i < connector_claims_count(claims); i++)
    snprintf(worker->claimed[worker->claimed_count++], ID_SIZE, "%s",
             connector_claims_at(claims, i)->record->id);
  connector_claims_free(claims);
}

static void *work(void *user)
{
  static void (*const steps[STEPS])(struct worker *) = {
    do_create, do_refused_create, do_update, do_conflict, do_shared, do_secret,
    do_delete, do_report,         do_update, do_batch,    do_shared, do_claim,
  };
  struct worker *worker = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  do_create(worker);
  do_create(worker);
  for (int i = 0; i < ROUNDS; i++)
    for (size_t j = 0; j < STEPS; j++)
      steps[random_below(&worker->seed, STEPS)](worker);
  return NULL;
}

/* Starts so many, ends them, and tells the first wrong answer; NULL where there was none. */
static const char *run_workers(int count, uint64_t seed)
{
  const char *wrong = NULL;
  memset(workers, 0, sizeof(workers));
  for (int i = 0; i < count; i++) {
    workers[i].number = i;
    workers[i].seed = seed * 1000 + (uint64_t)i + 1;
    if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
      return "no thread could be started";
  }
  for (int i = 0; i < count; i++)
    if (pthread_join(workers[i].thread, NULL) != 0)
      return "a thread could not be joined";
  for (int i = 0; i < count && wrong == NULL; i++)
    wrong = workers[i].bad > 0 ? workers[i].first_bad : NULL;
  return wrong;
}

/* What stands at the end is what each thread was told. */
static const char *look_at_all(int count)
{
  for (int i = 0; i < count; i++) {
    struct worker *worker = &workers[i];
    for (size_t j = 0; j < worker->count; j++) {
      const struct own *own = &worker->own[j];
      connector_secret *secret = NULL;
      look_at(worker, own);
      if (own->deleted || own->secret_version == 0)
        continue;
      expect(connector_secret_get(test.store, own->id, 0, &secret, &failure) == CONNECTOR_OK);
      expect(secret != NULL && connector_secret_version(secret) == own->secret_version);
      connector_secret_free(secret);
    }
    if (worker->bad > 0)
      return worker->first_bad;
  }
  return NULL;
}

/* ---- the feed ---- */

struct seen {
  char id[ID_SIZE];
  int64_t version;
};

static struct seen seen[TOLD_MOST];
static size_t seen_count;

static void see(const connector_change *change)
{
  struct seen *found = NULL;
  for (size_t i = 0; found == NULL && i < seen_count; i++)
    found = strcmp(seen[i].id, change->id) == 0 ? &seen[i] : NULL;
  if (found == NULL) {
    assert_int_equal(change->kind, CONNECTOR_CHANGE_CREATED);
    assert_int_equal(change->version, 1);
    assert_true(seen_count < TOLD_MOST);
    found = &seen[seen_count++];
    snprintf(found->id, sizeof(found->id), "%s", change->id);
  } else {
    assert_true(change->kind != CONNECTOR_CHANGE_CREATED);
    assert_in_range(change->version, found->version, found->version + 1);
  }
  found->version = change->version;
  if (change->forward != NULL)
    assert_lacks(change->forward, "undone");
}

/* Reads all: numbers and versions without a gap. The number of changes. */
static int64_t read_feed(void)
{
  int64_t last = 0;
  size_t count = 0;
  seen_count = 0;
  do {
    connector_changes *changes = feed_after(last);
    count = connector_changes_count(changes);
    for (size_t i = 0; i < count; i++) {
      const connector_change *change = connector_changes_at(changes, i);
      assert_int_equal(change->seq, last + 1);
      last = change->seq;
      see(change);
    }
    connector_changes_free(changes);
  } while (count > 0);
  return last;
}

static int by_number(const void *a, const void *b)
{
  int64_t first = *(const int64_t *)a;
  int64_t second = *(const int64_t *)b;
  return (first > second) - (first < second);
}

static int64_t live(int count)
{
  int64_t sum = 1; /* the shared one */
  for (int i = 0; i < count; i++)
    for (size_t j = 0; j < workers[i].count; j++)
      sum += !workers[i].own[j].deleted;
  return sum;
}

static int64_t shared_updates(int count)
{
  int64_t sum = 0;
  for (int i = 0; i < count; i++)
    sum += workers[i].shared_updates;
  return sum;
}

static int by_text(const void *a, const void *b)
{
  return strcmp(a, b);
}

/* No connector was claimed twice: the leases still run. */
static void assert_claimed_once(int count)
{
  static char ids[THREADS * 2 * ROUNDS * STEPS][ID_SIZE];
  size_t all = 0;
  for (int i = 0; i < count; i++) {
    memcpy(ids[all], workers[i].claimed, workers[i].claimed_count * ID_SIZE);
    all += workers[i].claimed_count;
  }
  assert_true(all > 0);
  qsort(ids, all, ID_SIZE, by_text);
  for (size_t i = 1; i < all; i++)
    assert_string_not_equal(ids[i], ids[i - 1]);
}

/* ---- tests ---- */

static void what_each_thread_was_told_is_true(void **state)
{
  const char *wrong = run_workers(THREADS, 7);
  connector *shared = NULL;
  int64_t changes = 0;
  (void)state;
  if (wrong == NULL)
    wrong = look_at_all(THREADS);
  if (wrong != NULL)
    fail_msg("%s", wrong);
  shared = fetch(shared_id);
  assert_int_equal(shared->version, 1 + shared_updates(THREADS));
  connector_free(shared);
  assert_int_equal(count_of(NULL), live(THREADS));
  assert_claimed_once(THREADS);
  changes = read_feed();
  assert_int_equal(first_bad(), 0);
  assert_false(told.unkept);
  assert_int_equal(told.count, changes);
  qsort(told.seqs, told.count, sizeof(told.seqs[0]), by_number);
  for (size_t i = 0; i < told.count; i++)
    assert_int_equal(told.seqs[i], i + 1);
}

/* Changes the shared record from what was read; a conflict is with what can be read at once. */
static void *change_what_was_read(void *user)
{
  struct worker *worker = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  while (worker->shared_updates < ROUNDS && worker->bad == 0) {
    connector *record = NULL;
    connector *again = NULL;
    expect(connector_get(test.store, shared_id, 0, &record, &failure) == CONNECTOR_OK);
    if (record == NULL)
      break;
    connector_status status = connector_update(
        test.store, shared_id, record->version,
        PATCH(.consecutive_errors = record->consecutive_errors + 1), NULL, &failure);
    expect(status == CONNECTOR_OK || status == CONNECTOR_CONFLICT);
    worker->shared_updates += status == CONNECTOR_OK;
    int64_t wanted = status == CONNECTOR_OK ? record->version + 1 : failure.version;
    expect(wanted > record->version);
    expect(connector_get(test.store, shared_id, 0, &again, &failure) == CONNECTOR_OK);
    expect(again != NULL && again->version >= wanted);
    connector_free(again);
    connector_free(record);
  }
  return NULL;
}

static void a_conflict_is_with_what_can_be_read(void **state)
{
  (void)state;
  memset(workers, 0, sizeof(workers));
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&workers[i].thread, NULL, change_what_was_read, &workers[i]),
                     0);
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
  for (int i = 0; i < THREADS; i++)
    if (workers[i].bad > 0)
      fail_msg("%s", workers[i].first_bad);
  connector *shared = fetch(shared_id);
  assert_int_equal(shared->consecutive_errors, THREADS * ROUNDS);
  assert_int_equal(shared->version, 1 + THREADS * ROUNDS);
  connector_free(shared);
}

static void a_new_store_reads_the_same(void **state)
{
  connector_options options = group_options();
  const char *wrong = run_workers(THREADS, 8);
  (void)state;
  if (wrong != NULL)
    fail_msg("%s", wrong);
  close_store();
  assert_ok(open_sealed(test.path, &options, test_root_key, &test.store));
  wrong = look_at_all(THREADS);
  if (wrong != NULL)
    fail_msg("%s", wrong);
  (void)read_feed();
  assert_int_equal(first_bad(), 0);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

struct sums {
  int64_t live, shared_updates;
};

static int write_in_child(int number, int pipe_end)
{
  connector_options options = group_options();
  const char *wrong = NULL;
  struct sums sums = { 0, 0 };
  if (open_sealed(test.path, &options, test_root_key, &test.store) != CONNECTOR_OK)
    return 1;
  wrong = run_workers(THREADS / PROCESSES, 20 + (uint64_t)number);
  if (wrong == NULL)
    wrong = look_at_all(THREADS / PROCESSES);
  connector_close(test.store);
  if (wrong != NULL)
    print_error("child %d: %s\n", number, wrong);
  sums.live = live(THREADS / PROCESSES) - 1;
  sums.shared_updates = shared_updates(THREADS / PROCESSES);
  return wrong != NULL || write(pipe_end, &sums, sizeof(sums)) != (ssize_t)sizeof(sums);
}

static void two_processes_of_many_threads_write_one_file(void **state)
{
  connector_options options = group_options();
  struct sums all = { 1, 0 };
  pid_t children[PROCESSES];
  int ends[2];
  (void)state;
  close_store();
  assert_int_equal(pipe(ends), 0);
  for (int i = 0; i < PROCESSES; i++) {
    children[i] = fork();
    assert_true(children[i] >= 0);
    if (children[i] == 0)
      _exit(write_in_child(i, ends[1]));
  }
  for (int i = 0; i < PROCESSES; i++) {
    struct sums sums = { 0, 0 };
    int code = 0;
    assert_int_equal(waitpid(children[i], &code, 0), children[i]);
    assert_int_equal(code, 0);
    assert_int_equal(read(ends[0], &sums, sizeof(sums)), sizeof(sums));
    all.live += sums.live;
    all.shared_updates += sums.shared_updates;
  }
  close(ends[0]);
  close(ends[1]);
  assert_ok(open_sealed(test.path, &options, test_root_key, &test.store));
  connector *shared = fetch(shared_id);
  assert_int_equal(shared->version, 1 + all.shared_updates);
  connector_free(shared);
  assert_int_equal(count_of(NULL), all.live);
  (void)read_feed();
  assert_int_equal(first_bad(), 0);
}

/* ---- alone ---- */

static void the_errors_of_a_lone_thread_are_its_own(void **state)
{
  (void)state;
  assert_invalid(connector_create(test.store, PATCH(.metrics = "[not an object"), NULL, &failure),
                 "metrics");
  assert_status(connector_update(test.store, shared_id, 9, PATCH(.name = "x"), NULL, &failure),
                CONNECTOR_CONFLICT);
  assert_int_equal(failure.version, 1);
  assert_not_found(connector_update(test.store, "nowhere", 0, PATCH(.name = "x"), NULL, &failure));
  assert_not_found(connector_delete(test.store, "nowhere", 0, &failure));
  assert_int_equal(count_of(NULL), 1);
  assert_int_equal(told.count, 1);
}

static connector_status write_beside(connector_store *store, void *user, connector_error *error)
{
  connector_store *other = user;
  (void)store;
  (void)error;
  assert_status(connector_create(other, PATCH(.name = "x"), NULL, &failure), CONNECTOR_BUSY);
  assert_text(failure.message, "another process held the write lock past the timeout");
  return CONNECTOR_OK;
}

static void a_lock_that_is_held_elsewhere_is_busy(void **state)
{
  connector_options options = group_options();
  connector_store *other = NULL;
  (void)state;
  options.busy_timeout_ms = 50;
  assert_ok(connector_open(test.path, &options, &other, &failure));
  assert_ok(connector_batch(test.store, write_beside, other, &failure));
  connector_close(other);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    shared_test(what_each_thread_was_told_is_true),
    shared_test(a_conflict_is_with_what_can_be_read),
    shared_test(a_new_store_reads_the_same),
    shared_test(two_processes_of_many_threads_write_one_file),
    shared_test(the_errors_of_a_lone_thread_are_its_own),
    shared_test(a_lock_that_is_held_elsewhere_is_busy),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
