/*
 * The clients of the linearizability test: the threads of one process, each of which does what
 * chance says to a handful of records and keeps what it was told.
 */
#ifndef TESTS_LINEAR_CLIENTS_H
#define TESTS_LINEAR_CLIENTS_H

#include "support.h"

#include "operations.h"

#include <pthread.h>
#include <time.h>

enum {
  THREADS = 4,
  LEASED_RECORDS = 2, /* never deleted: their leases are what is used */
  RECORDS = 6,
  FIRST_VALUE = 0,
  LEASE_MS = 3600000 /* none expires */
};

struct client {
  pthread_t thread;
  int number;
  connector_store *store;
  uint64_t seed;
  long operations;
  struct operations told;
  struct {
    char id[ID_SIZE]; /* "": this client does not know the record yet */
    int64_t version;  /* that it was told last */
    connector_lease *lease;
  } records[RECORDS];
  int64_t written; /* values so far; no two of all clients are the same */
  const char *failed;
};

static inline connector_options client_options(void)
{
  connector_options options = test_options();
  options.durability = CONNECTOR_DURABILITY_FULL;
  options.busy_timeout_ms = 60000; /* however slow the machine is */
  return options;
}

static inline const char *path_of_client(char path[600], int number)
{
  char name[40];
  snprintf(name, sizeof(name), "client-%d", number);
  return beside(path, name);
}

static inline int64_t nanoseconds_now(void)
{
  struct timespec now;
  (void)clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* ---- one operation ---- */

/* Which record it is stands in its provider, its value in its name. */
static inline void tag_of(char tag[32], int record)
{
  snprintf(tag, 32, "record-%d", record);
}

static inline void note_record(struct operation *operation, const connector *record)
{
  if (record == NULL)
    return;
  operation->version = record->version;
  operation->value = strtoll(record->name, NULL, 10);
  operation->deleted = record->is_deleted;
}

static inline connector_status do_create(struct client *client, struct operation *operation)
{
  char tag[32];
  char name[32];
  connector *record = NULL;
  tag_of(tag, operation->record);
  snprintf(name, sizeof(name), "%d", (int)FIRST_VALUE);
  connector_status status = connector_create_once(
      client->store, tag, PATCH(.name = name, .provider = tag), &record, &failure);
  note_record(operation, record);
  if (record != NULL)
    snprintf(client->records[operation->record].id, ID_SIZE, "%s", record->id);
  connector_free(record);
  return status;
}

static inline connector_status do_get(struct client *client, struct operation *operation)
{
  connector *record = NULL;
  uint32_t flags = operation->kind == OPERATION_GET_DELETED ? CONNECTOR_WITH_DELETED : 0;
  connector_status status = connector_get(client->store, client->records[operation->record].id,
                                          flags, &record, &failure);
  note_record(operation, record);
  connector_free(record);
  return status;
}

static inline connector_status do_list(struct client *client, struct operation *operation)
{
  char tag[32];
  connector_page *page = NULL;
  tag_of(tag, operation->record);
  const connector_filter filter = { .field = CONNECTOR_FIELD_PROVIDER, .text = tag };
  connector_status status = connector_list(
      client->store, QUERY(.filters = &filter, .filter_count = 1), &page, &failure);
  if (status == CONNECTOR_OK && connector_page_count(page) == 0)
    status = CONNECTOR_NOT_FOUND;
  else if (status == CONNECTOR_OK)
    note_record(operation, connector_page_at(page, 0));
  connector_page_free(page);
  return status;
}

static inline connector_status do_write(struct client *client, struct operation *operation)
{
  char name[32];
  connector *record = NULL;
  const char *id = client->records[operation->record].id;
  connector_status status = CONNECTOR_OK;
  snprintf(name, sizeof(name), "%" PRId64, operation->written);
  if (operation->kind == OPERATION_UPDATE)
    status = connector_update(client->store, id, operation->expected, PATCH(.name = name), &record,
                              &failure);
  else if (operation->kind == OPERATION_RESTORE)
    status = connector_restore(client->store, id, operation->expected, &record, &failure);
  else
    status = connector_delete(client->store, id, operation->expected, &failure);
  note_record(operation, record);
  connector_free(record);
  return status;
}

static inline connector_status do_take(struct client *client, struct operation *operation)
{
  connector_lease **lease = &client->records[operation->record].lease;
  connector_status status = connector_lease_take(
      client->store, client->records[operation->record].id, "test", LEASE_MS, lease, &failure);
  if (status == CONNECTOR_OK)
    operation->fence = connector_lease_fence(*lease);
  return status;
}

static inline connector_status do_release(struct client *client, struct operation *operation)
{
  connector_lease *lease = client->records[operation->record].lease;
  operation->fence = connector_lease_fence(lease);
  client->records[operation->record].lease = NULL;
  return connector_lease_release(client->store, lease, &failure);
}

typedef connector_status (*operation_fn)(struct client *client, struct operation *operation);

static const operation_fn operation_calls[OPERATION_KINDS] = {
  [OPERATION_CREATE] = do_create, [OPERATION_GET] = do_get,      [OPERATION_GET_DELETED] = do_get,
  [OPERATION_LIST] = do_list,     [OPERATION_UPDATE] = do_write, [OPERATION_DELETE] = do_write,
  [OPERATION_RESTORE] = do_write, [OPERATION_TAKE] = do_take,    [OPERATION_RELEASE] = do_release,
};

/* False for an answer that no operation may have. */
static inline bool note_outcome(struct client *client, struct operation *operation,
                                connector_status status)
{
  switch (status) {
  case CONNECTOR_OK:
    operation->outcome = OUTCOME_DONE;
    return true;
  case CONNECTOR_NOT_FOUND:
    operation->outcome = OUTCOME_NOT_FOUND;
    return true;
  case CONNECTOR_CONFLICT:
    operation->outcome = OUTCOME_CONFLICT;
    operation->version = failure.version;
    return true;
  case CONNECTOR_LEASED:
    operation->outcome = OUTCOME_LEASED;
    operation->fence = failure.version;
    return true;
  default:
    client->failed = connector_status_name(status);
    return false;
  }
}

/* Does it and keeps what was told. */
static inline void perform(struct client *client, struct operation *operation)
{
  operation->client = client->number;
  operation->start = nanoseconds_now();
  connector_status status = operation_calls[operation->kind](client, operation);
  operation->end = nanoseconds_now();
  if (!note_outcome(client, operation, status))
    return;
  if (operation->version > 0)
    client->records[operation->record].version = operation->version;
  if (!add_operation(&client->told, operation))
    client->failed = "no memory";
}

/* ---- many ---- */

static inline enum operation_kind kind_of_chance(struct client *client, int record)
{
  static const enum operation_kind kinds[] = {
    OPERATION_GET,    OPERATION_GET,     OPERATION_GET_DELETED, OPERATION_LIST,
    OPERATION_UPDATE, OPERATION_UPDATE,  OPERATION_UPDATE,      OPERATION_UPDATE,
    OPERATION_DELETE, OPERATION_RESTORE, OPERATION_RESTORE,     OPERATION_CREATE,
  };
  if (client->records[record].id[0] == '\0')
    return OPERATION_CREATE;
  if (record < LEASED_RECORDS)
    return client->records[record].lease != NULL ? OPERATION_RELEASE : OPERATION_TAKE;
  return kinds[random_below(&client->seed, COUNT_OF(kinds))];
}

static inline void act_once(struct client *client)
{
  int record = (int)random_below(&client->seed, RECORDS);
  struct operation operation = { .record = record, .kind = kind_of_chance(client, record) };
  bool writes = operation.kind == OPERATION_UPDATE || operation.kind == OPERATION_DELETE ||
                operation.kind == OPERATION_RESTORE;
  if (operation.kind == OPERATION_CREATE)
    operation.written = FIRST_VALUE;
  else if (operation.kind == OPERATION_UPDATE)
    operation.written = (int64_t)(client->number + 1) * 1000000000 + ++client->written;
  if (writes && random_below(&client->seed, 2) == 0)
    operation.expected = client->records[record].version;
  perform(client, &operation);
}

/* Leases that are held at the end are handed back. */
static inline void *act(void *user)
{
  struct client *client = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (long i = 0; i < client->operations && client->failed == NULL; i++)
    act_once(client);
  for (int i = 0; i < LEASED_RECORDS; i++) {
    struct operation operation = { .record = i, .kind = OPERATION_RELEASE };
    if (client->records[i].lease != NULL)
      perform(client, &operation);
  }
  return NULL;
}

/* ---- a process ---- */

static inline bool write_told(const struct client *client)
{
  char path[600];
  FILE *file = fopen(path_of_client(path, client->number), "w");
  for (size_t i = 0; file != NULL && i < client->told.count; i++)
    write_operation(file, &client->told.all[i]);
  return file != NULL && fclose(file) == 0;
}

/* Every second process has one handle for all threads. */
static inline bool open_clients(struct client clients[THREADS], int process)
{
  connector_options options = client_options();
  for (int i = 0; i < THREADS; i++)
    if (i > 0 && process % 2 == 0)
      clients[i].store = clients[0].store;
    else if (connector_open(test.path, &options, &clients[i].store, &failure) != CONNECTOR_OK)
      return false;
  return true;
}

static inline bool end_client(struct client *client)
{
  bool right = client->failed == NULL && write_told(client);
  if (client->failed != NULL)
    fprintf(stderr, "client %d was told %s\n", client->number, client->failed);
  free_operations(&client->told);
  return right;
}

/* Arguments: the folder, the process's number, operations of each thread, a seed. */
static inline int run_clients(char **arguments)
{
  static struct client clients[THREADS];
  int process = (int)strtol(arguments[2], NULL, 10);
  char byte = 0;
  bool right = true;
  snprintf(test.folder, sizeof(test.folder), "%s", arguments[1]);
  snprintf(test.path, sizeof(test.path), "%s/registry.db", test.folder);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  if (!open_clients(clients, process))
    return 1;
  if (read(STDIN_FILENO, &byte, 1) != 0) /* its end is the start of all */
    return 1;
  for (int i = 0; i < THREADS; i++) {
    clients[i].number = process * THREADS + i;
    clients[i].operations = strtol(arguments[3], NULL, 10);
    clients[i].seed = (uint64_t)strtoll(arguments[4], NULL, 10) * THREADS + (uint64_t)i + 1;
    if (pthread_create(&clients[i].thread, NULL, act, &clients[i]) != 0)
      return 1;
  }
  for (int i = 0; i < THREADS; i++)
    (void)pthread_join(clients[i].thread, NULL);
  for (int i = 0; i < THREADS; i++)
    right = end_client(&clients[i]) && right;
  for (int i = 0; i < THREADS; i++)
    if (i == 0 || process % 2 != 0)
      connector_close(clients[i].store);
  return right ? 0 : 1;
}

#endif
