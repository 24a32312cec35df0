/*
 * token_refresher: 8 processes of 8 threads keep the OAuth tokens of 120 connectors fresh, against
 * a provider that revokes everything when a refresh token is used a second time. Processes are
 * killed at random and replaced. With leases there is one exchange for each expiry, and none is
 * revoked.
 *
 * Usage: token_refresher [--no-lease]    the control: the same without leases, which goes wrong
 *
 * The order that makes it safe: take the lease, read the vault, exchange only a token that is due,
 * put the new one into the vault, report. Whoever takes over from a dead worker finds in the vault
 * whether the exchange was made, and does only what is left to do.
 */
#define _DEFAULT_SOURCE /* MAP_ANONYMOUS */
#include <connector.h>

#include <inttypes.h>
#include <pthread.h>
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
  PROCESSES = 8,
  THREADS = 8,
  ACCOUNTS = 120,
  EXPIRIES = 4,     /* of each account's tokens; the last token does not expire */
  LIFE_MS = 1000,   /* of a token; in the real world an hour, */
  HORIZON_MS = 300, /* and this a few minutes */
  TTL_MS = 800,     /* of a lease: many times what an exchange takes, */
  REQUEST_MS = 10,  /* to the provider */
  ANSWER_MS = 50,   /* and back, when the exchange has been made; */
  SLOW_MS = 950,    /* some answers take longer than the lease lasts */
  KILL_EVERY_MS = 100,
  PATIENCE_MS = 60 * 1000
};

/* What all processes see. A token is one word: its generation, and in the lower 48 bits when it
 * expires, or 0. Provider and vault keep it in one place, so that no kill comes between them. A
 * lease can't help there, nor where a process stands still for longer than its lease lasts just
 * before it exchanges: in both cases a person signs in again. */
struct world {
  _Atomic uint64_t tokens[ACCOUNTS];
  int64_t deadline;
  bool no_lease;
  _Atomic bool over;
  _Atomic int revoked, taken_over, stale;
};

static int64_t now(void)
{
  struct timespec clock;

  clock_gettime(CLOCK_REALTIME, &clock);
  return (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
}

static void rest(int milliseconds)
{
  nanosleep(&(struct timespec){ .tv_nsec = milliseconds * 1000000L }, NULL);
}

/* ---- the provider, and the vault ---- */

static uint64_t make_token(uint64_t generation, int64_t expires_at)
{
  return generation << 48 | (uint64_t)expires_at;
}

static uint64_t generation(uint64_t token)
{
  return token >> 48;
}

static int64_t expires_at(uint64_t token)
{
  return (int64_t)(token & ((UINT64_C(1) << 48) - 1));
}

static bool is_due(uint64_t token)
{
  return expires_at(token) != 0 && expires_at(token) <= now() + HORIZON_MS;
}

/* Gives a new token for one that has not been used yet; false where it has: that is a theft, and
 * the provider revokes the account's tokens. */
static bool exchange(struct world *world, int account, uint64_t *token)
{
  rest(REQUEST_MS);
  uint64_t given = *token;
  uint64_t next = generation(given) + 1;
  uint64_t fresh = make_token(next, next <= EXPIRIES ? now() + LIFE_MS : 0);
  if (!atomic_compare_exchange_strong(&world->tokens[account], &given, fresh)) {
    world->revoked++;
    return false;
  }
  *token = fresh;
  rest(account % 10 == 7 && next == 3 ? SLOW_MS : ANSWER_MS);
  return true;
}

/* ---- a worker ---- */

static int account_of(const connector *record)
{
  int account = 0;

  sscanf(record->name, "Account %d", &account);
  return account;
}

/* Sees to it that the account has a fresh token, and tells it. */
static bool refresh(struct world *world, int account, uint64_t *token)
{
  *token = world->tokens[account]; /* from the vault */
  if (is_due(*token))
    return exchange(world, account, token);
  world
      ->taken_over++; /* who had the lease before did the exchange, and died before it could tell */
  return true;
}

/* Whether a worker goes on after this outcome. */
static bool goes_on(struct world *world, const connector_error *error)
{
  if (error->status == CONNECTOR_STALE)
    world->stale++; /* another has the lease by now: it finds in the vault what we did */
  if (error->status == CONNECTOR_OK || error->status == CONNECTOR_STALE ||
      connector_status_retryable(error->status))
    return true;
  fprintf(stderr, "token_refresher: %s: %s %s\n", connector_status_name(error->status),
          error->field, error->message);
  return false;
}

static bool refresh_claimed(struct world *world, connector_store *store,
                            const connector_claim_item *item)
{
  connector_error error;
  uint64_t token = 0;

  /* The time since the claim may have been long: make sure of the lease before the exchange. */
  if (connector_lease_renew(store, item->lease, TTL_MS, &error) != CONNECTOR_OK)
    return goes_on(world, &error);
  if (!refresh(world, account_of(item->record), &token)) {
    connector_status told = connector_refresh_failed(store, item->lease, CONNECTOR_FAILURE_AUTH,
                                                     "the refresh token was revoked", &error);
    return told == CONNECTOR_OK || goes_on(world, &error);
  }
  if (connector_refreshed(store, item->lease, expires_at(token), NULL, &error) == CONNECTOR_OK)
    return true;
  if (error.status == CONNECTOR_INVALID && expires_at(token) <= now())
    return true; /* a very slow machine: the new token is old already, and due again */
  return goes_on(world, &error);
}

/* One turn: claims what is due and refreshes it. *count says how much that was. */
static bool claim_and_refresh(struct world *world, connector_store *store, size_t *count)
{
  connector_error error;
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  connector_claims *claims = NULL;
  bool fine = true;

  options.limit = 2;
  options.ttl_ms = TTL_MS;
  options.horizon_ms = HORIZON_MS;
  if (connector_claim(store, CONNECTOR_DUE_REFRESH, &options, &claims, &error) != CONNECTOR_OK)
    return goes_on(world, &error);
  *count = connector_claims_count(claims);
  for (size_t i = 0; i < *count && fine; i++)
    fine = refresh_claimed(world, store, connector_claims_at(claims, i));
  connector_claims_free(claims);
  return fine;
}

/* The control. The version of the record is checked, but too late: the exchange has been made. */
static bool refresh_listed(struct world *world, connector_store *store, const connector *record)
{
  connector_error error;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  uint64_t token = 0;

  if (!refresh(world, account_of(record), &token))
    return true;
  patch.oauth_token_expires_at = expires_at(token);
  if (expires_at(token) == 0)
    patch.clear = CONNECTOR_BIT(CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT);
  connector_status status = connector_update(store, record->id, record->version, &patch, NULL,
                                             &error);
  return status == CONNECTOR_OK || status == CONNECTOR_CONFLICT || goes_on(world, &error);
}

static bool list_and_refresh(struct world *world, connector_store *store, size_t *count)
{
  connector_error error;
  connector_filter due = { CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT, CONNECTOR_OP_LE,
                           .number = now() + HORIZON_MS };
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_page *page = NULL;
  bool fine = true;

  query.filters = &due;
  query.filter_count = 1;
  query.order_by = CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT;
  query.limit = 2;
  if (connector_list(store, &query, &page, &error) != CONNECTOR_OK)
    return goes_on(world, &error);
  *count = connector_page_count(page);
  for (size_t i = 0; i < *count && fine; i++)
    fine = refresh_listed(world, store, connector_page_at(page, i));
  connector_page_free(page);
  return fine;
}

/* Whether every account has its last token, and every record says so. */
static bool is_over(struct world *world, connector_store *store)
{
  connector_error error;
  connector_filter expires = { CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT, CONNECTOR_OP_NOT_NULL,
                               .number = 0 };
  connector_query query = CONNECTOR_QUERY_INIT;
  int64_t count = 0;

  for (int i = 0; i < ACCOUNTS && !world->over; i++)
    if (expires_at(world->tokens[i]) != 0)
      return false;
  query.filters = &expires;
  query.filter_count = 1;
  if (!world->over && connector_count(store, &query, &count, &error) == CONNECTOR_OK && count == 0)
    world->over = true;
  return world->over;
}

struct worker {
  struct world *world;
  connector_store *store;
};

static void *work(void *argument)
{
  const struct worker *worker = argument;
  struct world *world = worker->world;
  bool fine = true;

  while (fine && now() < world->deadline) {
    size_t count = 0;
    if (world->no_lease)
      fine = list_and_refresh(world, worker->store, &count);
    else
      fine = claim_and_refresh(world, worker->store, &count);
    if (count == 0 && is_over(world, worker->store))
      break;
    if (count == 0)
      rest(40);
  }
  return fine ? NULL : argument;
}

static connector_store *open_store(const char *path)
{
  connector_error error;
  connector_store *store = NULL;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;

  caller.tenant_id = "acme";
  caller.role = CONNECTOR_ROLE_TENANT;
  caller.source = "token_refresher";
  options.fixed_caller = &caller;
  options.durability = CONNECTOR_DURABILITY_NORMAL; /* no kill undoes a commit: power loss may */
  if (connector_open(path, &options, &store, &error) != CONNECTOR_OK)
    fprintf(stderr, "token_refresher: open: %s\n", error.message);
  return store;
}

static int run_process(const char *path, struct world *world)
{
  struct worker worker = { world, open_store(path) };
  pthread_t threads[THREADS];
  int started = 0;
  bool fine = worker.store != NULL;

  while (fine && started < THREADS && pthread_create(&threads[started], NULL, work, &worker) == 0)
    started++;
  fine = fine && started == THREADS;
  for (int i = 0; i < started; i++) {
    void *result = NULL;
    pthread_join(threads[i], &result);
    fine = fine && result == NULL;
  }
  connector_close(worker.store);
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

/* ---- the parent ---- */

static connector_status create_accounts(connector_store *store, void *user, connector_error *error)
{
  struct world *world = user;
  connector_status status = CONNECTOR_OK;
  int64_t start = now();

  for (int i = 0; i < ACCOUNTS && status == CONNECTOR_OK; i++) {
    char name[32];
    connector_patch patch = CONNECTOR_PATCH_INIT;
    world->tokens[i] = make_token(1, start + LIFE_MS + i * 4);
    snprintf(name, sizeof name, "Account %d", i);
    patch.name = name;
    patch.auth_type = "oauth2";
    patch.oauth_token_expires_at = expires_at(world->tokens[i]);
    status = connector_create(store, &patch, NULL, error);
  }
  return status;
}

static pid_t start_process(const char *path, struct world *world)
{
  fflush(stdout);
  pid_t pid = fork();
  if (pid == 0)
    _exit(run_process(path, world));
  return pid;
}

/* Starts the processes, kills one now and then, and waits for the end. */
static bool run_and_kill(const char *path, struct world *world, int *kills)
{
  pid_t pids[PROCESSES];
  uint32_t random = 20261124;
  bool fine = true;

  for (int i = 0; i < PROCESSES; i++)
    pids[i] = start_process(path, world);
  while (!world->over && now() < world->deadline) {
    rest(KILL_EVERY_MS);
    random = random * 1664525 + 1013904223;
    uint32_t victim = (random >> 16) % PROCESSES;
    if (world->over || pids[victim] < 0)
      continue;
    kill(pids[victim], SIGKILL);
    waitpid(pids[victim], NULL, 0);
    ++*kills;
    pids[victim] = start_process(path, world);
  }
  for (int i = 0; i < PROCESSES; i++) {
    int status = 0;
    fine = waitpid(pids[i], &status, 0) == pids[i] && WIFEXITED(status) &&
           WEXITSTATUS(status) == EXIT_SUCCESS && fine;
  }
  return fine && world->over;
}

/* Whether the records and their history are whole after all that. */
static bool look_back(const char *path, struct world *world)
{
  connector_error error;
  connector_store *store = open_store(path);
  int64_t first_bad_seq = 0;
  bool fine = store != NULL && is_over(world, store);

  if (fine && connector_history_verify(store, &first_bad_seq, &error) != CONNECTOR_OK)
    fine = goes_on(world, &error);
  connector_close(store);
  return fine && first_bad_seq == 0;
}

static bool tell(const struct world *world, int kills)
{
  int expiries = ACCOUNTS * EXPIRIES;
  int exchanges = world->revoked;

  for (int i = 0; i < ACCOUNTS; i++)
    exchanges += (int)generation(world->tokens[i]) - 1;
  printf("expiries                   %5d\n", expiries);
  printf("exchanges                  %5d\n", exchanges);
  if (!world->no_lease)
    printf("  told by a successor      %5d  who made them was killed, or too late\n"
           "STALE, and nothing changed %5d  who made them had the answer too late\n",
           world->taken_over, world->stale);
  printf("processes killed           %5d\n", kills);
  printf("revoked                    %5d\n\n", world->revoked);
  if (world->no_lease) {
    puts(
        "Whoever is late uses a token that was used: that many times a person must sign in again.");
    return world->revoked > 0;
  }
  bool fine = exchanges == expiries && world->revoked == 0;
  puts(fine ? "One exchange for each expiry, none revoked."
            : "THIS IS WRONG: there should be one exchange for each expiry, and none revoked.");
  return fine;
}

static bool play(const char *path, struct world *world)
{
  connector_error error;
  connector_store *store = open_store(path);
  int kills = 0;

  if (store == NULL)
    return false;
  connector_status status = connector_batch(store, create_accounts, world, &error);
  connector_close(store); /* before the first fork: each process opens its own */
  if (status != CONNECTOR_OK)
    return goes_on(world, &error);
  printf("%d processes of %d threads refresh the tokens of %d connectors, %s leases.\n"
         "A token lives %.1f s; a process is killed every %.1f s and replaced.\n\n",
         PROCESSES, THREADS, ACCOUNTS, world->no_lease ? "without" : "with", LIFE_MS / 1000.0,
         KILL_EVERY_MS / 1000.0);
  if (!run_and_kill(path, world, &kills)) {
    fputs("token_refresher: a process failed, or the time ran out\n", stderr);
    return false;
  }
  if (!look_back(path, world)) {
    fputs("token_refresher: the records or their history are not whole\n", stderr);
    return false;
  }
  return tell(world, kills);
}

int main(int argc, char **argv)
{
  char folder[] = "/tmp/token_refresher.XXXXXX";
  char path[sizeof folder + 16];
  bool no_lease = argc == 2 && strcmp(argv[1], "--no-lease") == 0;

  if (argc > 1 && !no_lease) {
    fprintf(stderr, "usage: %s [--no-lease]\n", argv[0]);
    return 2;
  }
  struct world *world = mmap(NULL, sizeof *world, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (world == MAP_FAILED || mkdtemp(folder) == NULL) {
    perror("token_refresher");
    return EXIT_FAILURE;
  }
  snprintf(path, sizeof path, "%s/store.db", folder);
  world->no_lease = no_lease;
  world->deadline = now() + PATIENCE_MS;
  bool fine = play(path, world);

  remove(path);
  if (rmdir(folder) != 0)
    perror(folder);
  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}
