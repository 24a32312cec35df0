/*
 * multi_tenant: a host with worker threads that serve requests of several tenants from one store.
 *
 * The request that a thread works on is thread-local. The store asks `who_is_asking` once in each
 * call, and it answers from there: no handler names a tenant, so none can name a wrong one.
 */
#include <connector.h>

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  WORKERS = 4,
  QUEUE_MAX = 16,
  NAMES_MAX = 8,
  REPLY_SIZE = 320
};

/* What the host knows of a signed-in user, from the session and never from the request's body. */
struct identity {
  const char *tenant, *person, *user;
  const char *groups[2];
  size_t group_count;
};

static const struct identity ANA = { "acme", "ana", "user-ana", { "security" }, 1 };
static const struct identity BEN = { "acme", "ben", "user-ben", { NULL }, 0 };
static const struct identity EVE = { "initech", "eve", "user-eve", { "security" }, 1 };

struct request;
typedef connector_status (*handler)(connector_store *store, struct request *request,
                                    connector_error *error);

struct request {
  const struct identity *identity;
  handler handle;
  const char *argument; /* a name to create, or an id to get */
  connector_scope scope;
  connector_status status;
  char reply[REPLY_SIZE];
};

static _Thread_local const struct request *current_request;

static connector_status who_is_asking(void *user, connector_caller *caller, connector_error *error)
{
  (void)user;
  (void)error;
  if (current_request == NULL)
    return CONNECTOR_OK; /* nobody: the library answers UNAUTHENTICATED */

  const struct identity *identity = current_request->identity;
  caller->tenant_id = identity->tenant;
  caller->person_id = identity->person;
  caller->user_id = identity->user;
  caller->group_ids = identity->groups;
  caller->group_count = identity->group_count;
  return CONNECTOR_OK;
}

/* ---- handlers: what the host offers ---- */

static connector_status create_one(connector_store *store, struct request *request,
                                   connector_error *error)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;

  patch.provider = "jira";
  patch.name = request->argument;
  patch.scope = request->scope;
  patch.group_id = request->scope == CONNECTOR_SCOPE_GROUP ? "security" : NULL;
  connector_status status = connector_create(store, &patch, &record, error);
  if (status == CONNECTOR_OK)
    snprintf(request->reply, sizeof request->reply, "%s", record->id);
  connector_free(record);
  return status;
}

static connector_status list_names(connector_store *store, struct request *request,
                                   connector_error *error)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_page *page = NULL;
  size_t length = 0;

  query.order_by = CONNECTOR_FIELD_NAME;
  query.limit = NAMES_MAX;
  connector_status status = connector_list(store, &query, &page, error);
  for (size_t i = 0; i < connector_page_count(page) && length < sizeof request->reply; i++)
    length += (size_t)snprintf(request->reply + length, sizeof request->reply - length, "%s%s",
                               i > 0 ? ", " : "", connector_page_at(page, i)->name);
  connector_page_free(page);
  return status;
}

static connector_status get_one(connector_store *store, struct request *request,
                                connector_error *error)
{
  connector *record = NULL;
  connector_status status = connector_get(store, request->argument, 0, &record, error);

  if (status == CONNECTOR_OK)
    snprintf(request->reply, sizeof request->reply, "%s", record->name);
  connector_free(record);
  return status;
}

/* ---- the host: a queue, and workers that empty it ---- */

struct host {
  connector_store *store;
  pthread_mutex_t lock;
  pthread_cond_t changed;
  struct request *queue[QUEUE_MAX];
  size_t queued, taken, answered;
  bool closing;
};

static void serve(struct host *host, struct request *request)
{
  connector_error error;

  current_request = request;
  request->status = request->handle(host->store, request, &error);
  if (request->status != CONNECTOR_OK)
    snprintf(request->reply, sizeof request->reply, "%s: %s", connector_status_name(error.status),
             error.message);
  current_request = NULL;
}

static void *work(void *argument)
{
  struct host *host = argument;

  pthread_mutex_lock(&host->lock);
  for (;;) {
    while (host->taken == host->queued && !host->closing)
      pthread_cond_wait(&host->changed, &host->lock);
    if (host->taken == host->queued)
      break;
    struct request *request = host->queue[host->taken++];
    pthread_mutex_unlock(&host->lock);
    serve(host, request);
    pthread_mutex_lock(&host->lock);
    host->answered++;
    pthread_cond_broadcast(&host->changed);
  }
  pthread_mutex_unlock(&host->lock);
  return NULL;
}

/* Hands the requests to the workers, and waits for all the answers. */
static void send_all(struct host *host, struct request *requests, size_t count)
{
  pthread_mutex_lock(&host->lock);
  host->queued = host->taken = host->answered = 0;
  for (size_t i = 0; i < count; i++)
    host->queue[host->queued++] = &requests[i];
  pthread_cond_broadcast(&host->changed);
  while (host->answered < count)
    pthread_cond_wait(&host->changed, &host->lock);
  pthread_mutex_unlock(&host->lock);
}

static void show(const char *title, const struct request *requests, size_t count)
{
  printf("%s\n", title);
  for (size_t i = 0; i < count; i++)
    printf("  %-8s %-4s %-30s  %s\n", requests[i].identity->tenant, requests[i].identity->person,
           requests[i].argument != NULL ? requests[i].argument : "", requests[i].reply);
}

/* ---- three rounds of requests; those of a round run side by side ---- */

/* Copies the id of Ana's personal connector. */
static bool create_round(struct host *host, char personal_id[REPLY_SIZE])
{
  struct request requests[] = {
    { .identity = &ANA, .handle = create_one, .argument = "Acme's Jira" },
    { .identity = &ANA,
      .handle = create_one,
      .argument = "Ana's own",
      .scope = CONNECTOR_SCOPE_USER },
    { .identity = &ANA,
      .handle = create_one,
      .argument = "Security's",
      .scope = CONNECTOR_SCOPE_GROUP },
    { .identity = &BEN,
      .handle = create_one,
      .argument = "Ben's own",
      .scope = CONNECTOR_SCOPE_USER },
    { .identity = &EVE, .handle = create_one, .argument = "Initech's Jira" },
  };
  size_t count = sizeof requests / sizeof requests[0];

  send_all(host, requests, count);
  show("Each creates; the store stamps tenant and person:", requests, count);
  snprintf(personal_id, REPLY_SIZE, "%s", requests[1].reply);
  for (size_t i = 0; i < count; i++)
    if (requests[i].status != CONNECTOR_OK)
      return false;
  return true;
}

static bool list_round(struct host *host)
{
  struct request requests[] = {
    { .identity = &ANA, .handle = list_names },
    { .identity = &BEN, .handle = list_names },
    { .identity = &EVE, .handle = list_names },
  };
  size_t count = sizeof requests / sizeof requests[0];

  send_all(host, requests, count);
  show("\nEach lists: org-wide, their own and their groups', of their tenant:", requests, count);
  for (size_t i = 0; i < count; i++)
    if (requests[i].status != CONNECTOR_OK)
      return false;
  return true;
}

static bool get_round(struct host *host, const char *personal_id)
{
  struct request requests[] = {
    { .identity = &ANA, .handle = get_one, .argument = personal_id },
    { .identity = &BEN, .handle = get_one, .argument = personal_id },
    { .identity = &EVE, .handle = get_one, .argument = personal_id },
    { .identity = &EVE, .handle = get_one, .argument = "no such id" },
  };
  size_t count = sizeof requests / sizeof requests[0];

  send_all(host, requests, count);
  show("\nEach gets Ana's own. Not theirs or not there, NOT_FOUND has one face:", requests, count);
  return requests[0].status == CONNECTOR_OK && strcmp(requests[1].reply, requests[3].reply) == 0 &&
         strcmp(requests[2].reply, requests[3].reply) == 0;
}

static int play(struct host *host)
{
  char personal_id[REPLY_SIZE];
  bool fine = create_round(host, personal_id) && list_round(host) && get_round(host, personal_id);

  return fine ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
  connector_error error;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  struct host host = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
  pthread_t workers[WORKERS];
  size_t started = 0;

  options.caller = who_is_asking;
  if (connector_open(argc > 1 ? argv[1] : ":memory:", &options, &host.store, &error) !=
      CONNECTOR_OK) {
    fprintf(stderr, "open: %s: %s\n", connector_status_name(error.status), error.message);
    return EXIT_FAILURE;
  }
  while (started < WORKERS && pthread_create(&workers[started], NULL, work, &host) == 0)
    started++;
  int result = started > 0 ? play(&host) : EXIT_FAILURE;

  pthread_mutex_lock(&host.lock);
  host.closing = true;
  pthread_cond_broadcast(&host.changed);
  pthread_mutex_unlock(&host.lock);
  for (size_t i = 0; i < started; i++)
    pthread_join(workers[i], NULL);
  connector_close(host.store);
  return result;
}
