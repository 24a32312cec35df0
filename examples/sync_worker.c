/*
 * sync_worker: four processes share the syncs that are due in one store. One of them is killed at
 * its work; when its leases end, the others take it over. No connector is ever worked on by two.
 *
 * A worker claims what is due, which gives it a lease on each, and for each: tells that the sync
 * has begun, syncs, tells how it went, and hands the lease back. That is all there is to it: no
 * queue, no scheduler, no lock beside the store's file.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <connector.h>

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
  WORKERS = 4,
  VICTIM = 3, /* the worker that gets killed */
  CONNECTORS = 48,
  CLAIM = 4,          /* leases at a time */
  SPEED = 60,         /* the stores' clock runs so many times as fast as ours */
  TTL_MS = 60 * 1000, /* of the stores' time: a second of ours */
  PATIENCE_MS = 30 * 1000
};

/* ---- what the processes share, to count and to prove ---- */

struct slot {        /* one for each connector */
  _Atomic int owner; /* the worker that works on it; 0 = none */
  _Atomic int64_t fence;
  _Atomic int tries, successes;
};

struct tally { /* one for each worker */
  int claims, synced, failed, taken_over;
  int64_t items;
};

struct shared {
  int64_t start; /* of the run, in our time */
  _Atomic int go, dead;
  _Atomic int finished; /* connectors that were synced */
  _Atomic int overlaps, fences_that_fell;
  struct slot slots[CONNECTORS];
  struct tally tallies[WORKERS + 1];
};

static int64_t real_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_REALTIME, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The clock of the stores: so that backing off for half a minute does not bore the reader. */
static int64_t fast_now(void *user)
{
  const struct shared *shared = user;

  return shared->start + (real_now() - shared->start) * SPEED;
}

static bool in_time(const struct shared *shared)
{
  return real_now() < shared->start + PATIENCE_MS;
}

static void rest(int milliseconds)
{
  nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000000L }, NULL);
}

static bool failed(const char *what, const connector_error *error)
{
  fprintf(stderr, "sync_worker: %s: %s: %s %s\n", what, connector_status_name(error->status),
          error->field, error->message);
  return false;
}

static connector_store *open_store(const char *path, struct shared *shared)
{
  connector_error error;
  connector_store *store = NULL;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;

  caller.tenant_id = "acme";
  caller.role = CONNECTOR_ROLE_TENANT;
  caller.source = "sync_worker";
  options.fixed_caller = &caller;
  options.clock = fast_now;
  options.user = shared;
  if (connector_open(path, &options, &store, &error) != CONNECTOR_OK)
    failed("open", &error);
  return store;
}

/* ---- the provider, which fails on some first tries ---- */

struct answer {
  connector_failure failure; /* 0: it went well */
  const char *message;
  int64_t retry_after_ms;
  connector_sync_report report;
};

static struct answer ask_provider(int number, int try)
{
  static const struct answer FAILURES[] = {
    { CONNECTOR_FAILURE_TRANSIENT, "connection reset by peer", 0, CONNECTOR_SYNC_REPORT_INIT },
    { CONNECTOR_FAILURE_RATE_LIMITED, "429 Too Many Requests", 20000, CONNECTOR_SYNC_REPORT_INIT },
    { CONNECTOR_FAILURE_AUTH, "401 token expired", 0, CONNECTOR_SYNC_REPORT_INIT },
  };
  struct answer answer = { .report = CONNECTOR_SYNC_REPORT_INIT };

  answer.report.latency_ms = 3 + number % 7;
  answer.report.synced = 20 + number * 7 % 60;
  rest((int)answer.report.latency_ms);
  if (number % 4 == 1 && try == 1)
    return FAILURES[number / 4 % 3];
  return answer;
}

/* ---- a worker ---- */

struct worker {
  int number;
  connector_store *store;
  struct shared *shared;
  struct tally *tally;
};

static int number_of(const connector *record)
{
  int number = 0;

  sscanf(record->name, "Source %d", &number);
  return number;
}

/* Puts our name on the connector; whose name is there already must be dead. */
static void enter(const struct worker *worker, const connector_claim_item *item)
{
  struct slot *slot = &worker->shared->slots[number_of(item->record)];
  int64_t fence = connector_lease_fence(item->lease);
  int before = atomic_exchange(&slot->owner, worker->number);

  if (before != 0 && before == worker->shared->dead)
    worker->tally->taken_over++;
  else if (before != 0)
    worker->shared->overlaps++;
  if (atomic_exchange(&slot->fence, fence) >= fence)
    worker->shared->fences_that_fell++;
}

static bool sync_one(const struct worker *worker, const connector_claim_item *item)
{
  connector_error error;
  const char *id = item->record->id;
  int number = number_of(item->record);
  struct slot *slot = &worker->shared->slots[number];

  /* The items before this one took their time: does the lease still stand, and long enough? */
  connector_status status = connector_lease_renew(worker->store, item->lease, TTL_MS, &error);
  if (status == CONNECTOR_STALE)
    return true; /* another has it by now */
  if (status == CONNECTOR_OK)
    status = connector_sync_started(worker->store, id, &error);
  if (status != CONNECTOR_OK)
    return failed("start", &error);
  enter(worker, item);

  struct answer answer = ask_provider(number, ++slot->tries);
  if (answer.failure != 0)
    status = connector_sync_failed(worker->store, id, answer.failure, answer.message,
                                   answer.retry_after_ms, NULL, &error);
  else
    status = connector_sync_succeeded(worker->store, id, &answer.report, NULL, &error);
  if (status != CONNECTOR_OK)
    return failed("report", &error);
  worker->tally->failed += answer.failure != 0;
  worker->tally->synced += answer.failure == 0;
  worker->tally->items += answer.failure == 0 ? answer.report.synced : 0;
  if (answer.failure == 0 && slot->successes++ == 0)
    worker->shared->finished++;

  slot->owner = 0;
  status = connector_lease_release(worker->store, item->lease, &error);
  return status == CONNECTOR_OK || status == CONNECTOR_STALE || failed("release", &error);
}

/* Dies with the leases from index `first` on in its hands, as when memory runs out. */
static void die(const struct worker *worker, const connector_claims *claims, size_t first)
{
  for (size_t i = first; i < connector_claims_count(claims); i++)
    enter(worker, connector_claims_at(claims, i));
  worker->shared->dead = worker->number;
  kill(getpid(), SIGKILL);
}

static bool work_on(const struct worker *worker, const connector_claims *claims)
{
  bool fine = true;

  for (size_t i = 0; i < connector_claims_count(claims) && fine; i++) {
    if (worker->number == VICTIM && i == 1)
      die(worker, claims, i);
    fine = sync_one(worker, connector_claims_at(claims, i));
  }
  return fine;
}

static int work(const char *path, struct shared *shared, int number)
{
  struct worker worker = { number, open_store(path, shared), shared, &shared->tallies[number] };
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  bool fine = worker.store != NULL;

  options.limit = CLAIM;
  options.ttl_ms = TTL_MS;
  while (number != VICTIM && !shared->go && in_time(shared)) /* it shall die with its hands full */
    rest(1);
  while (fine && shared->finished < CONNECTORS && in_time(shared)) {
    connector_error error;
    connector_claims *claims = NULL;
    if (connector_claim(worker.store, CONNECTOR_DUE_SYNC, &options, &claims, &error) !=
        CONNECTOR_OK) {
      fine = failed("claim", &error);
      break;
    }
    shared->go = 1;
    worker.tally->claims += connector_claims_count(claims) > 0;
    fine = work_on(&worker, claims);
    if (connector_claims_count(claims) == 0)
      rest(20);
    connector_claims_free(claims);
  }
  connector_close(worker.store);
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the parent: makes the connectors, starts the workers, adds up ---- */

static bool fill(const char *path, struct shared *shared)
{
  connector_error error;
  connector_store *store = open_store(path, shared);
  bool fine = store != NULL;

  for (int i = 0; i < CONNECTORS && fine; i++) {
    char name[32];
    connector_patch patch = CONNECTOR_PATCH_INIT;
    snprintf(name, sizeof name, "Source %d", i);
    patch.name = name;
    patch.provider = "jira";
    patch.auth_type = "oauth2";
    if (connector_create(store, &patch, NULL, &error) != CONNECTOR_OK)
      fine = failed("create", &error);
  }
  connector_close(store); /* before the workers are forked: each opens its own */
  return fine;
}

static bool run_workers(const char *path, struct shared *shared)
{
  bool fine = true;

  fflush(stdout);
  for (int number = 1; number <= WORKERS; number++) {
    pid_t pid = fork();
    if (pid == 0)
      _exit(work(path, shared, number));
    if (pid < 0)
      fine = false;
  }
  for (int status = 0; wait(&status) > 0;)
    fine = fine && (WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
  return fine;
}

static void print_tally(const struct shared *shared, struct tally *sum)
{
  puts("\nworker     claims  synced  failed  taken over  items");
  for (int i = 1; i <= WORKERS; i++) {
    const struct tally *tally = &shared->tallies[i];
    printf("%d %-8s %6d  %6d  %6d  %10d  %5" PRId64 "\n", i, i == VICTIM ? "killed" : "",
           tally->claims, tally->synced, tally->failed, tally->taken_over, tally->items);
    sum->claims += tally->claims;
    sum->synced += tally->synced;
    sum->failed += tally->failed;
    sum->taken_over += tally->taken_over;
    sum->items += tally->items;
  }
  printf("all        %6d  %6d  %6d  %10d  %5" PRId64 "\n\n", sum->claims, sum->synced, sum->failed,
         sum->taken_over, sum->items);
}

/* What the records say by themselves. */
struct records {
  int healthy;
  int64_t items;
};

static connector_status add_record(void *user, const connector *record, connector_error *error)
{
  struct records *records = user;
  const char *total = record->metrics != NULL ? strstr(record->metrics, "\"totalSynced\":") : NULL;

  (void)error;
  if (record->sync_status != NULL && strcmp(record->sync_status, "healthy") == 0 &&
      record->last_sync_at > 0 && record->consecutive_errors == 0)
    records->healthy++;
  if (total != NULL)
    records->items += strtoll(strchr(total, ':') + 1, NULL, 10);
  return CONNECTOR_OK;
}

static bool add_up(const char *path, struct shared *shared)
{
  connector_error error;
  struct tally sum = { 0 };
  struct records records = { 0 };
  connector_store *store = open_store(path, shared);

  if (store == NULL)
    return false;
  if (connector_each(store, NULL, add_record, &records, &error) != CONNECTOR_OK)
    failed("each", &error);
  connector_close(store);
  print_tally(shared, &sum);
  printf("synced and healthy:           %d of %d\n", records.healthy, CONNECTORS);
  printf("left by the dead, taken over: %d of %d\n", sum.taken_over, CLAIM - 1);
  printf("held by two at once:          %d\n", shared->overlaps);
  printf("fences that did not grow:     %d\n", shared->fences_that_fell);
  printf("items: %" PRId64 " told by the workers, %" PRId64 " in the records\n", sum.items,
         records.items);
  return records.healthy == CONNECTORS && sum.taken_over == CLAIM - 1 && shared->overlaps == 0 &&
         shared->fences_that_fell == 0 && records.items == sum.items;
}

int main(void)
{
  char folder[] = "/tmp/sync_worker.XXXXXX";
  char path[sizeof folder + 16];
  struct shared *shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE,
                               MAP_SHARED | MAP_ANONYMOUS, -1, 0);

  if (shared == MAP_FAILED || mkdtemp(folder) == NULL) {
    perror("sync_worker");
    return EXIT_FAILURE;
  }
  snprintf(path, sizeof path, "%s/store.db", folder);
  shared->start = real_now();
  printf("%d connectors are due. %d workers share them, and hold up to %d leases each.\n"
         "Worker %d will be killed with three leases in its hands; they end a second later.\n",
         CONNECTORS, WORKERS, CLAIM, VICTIM);
  bool fine = fill(path, shared) && run_workers(path, shared) && add_up(path, shared);

  remove(path);
  if (rmdir(folder) != 0)
    perror(folder);
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
