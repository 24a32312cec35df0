/*
 * Eight threads on one store: no update is lost, versions add up, readers see whole records.
 */
#include "support.h"

#include <pthread.h>

enum {
  THREADS = 8,
  ROUNDS = 60
};

struct worker {
  pthread_t thread;
  int number;
  int done;
  int bad; /* answers that no rule allows */
  connector_status first_bad;
  char shared[ID_SIZE];
};

static void run_workers(struct worker workers[THREADS], const char *shared,
                        void *(*work)(void *worker))
{
  for (int i = 0; i < THREADS; i++) {
    workers[i] = (struct worker){ .number = i };
    snprintf(workers[i].shared, ID_SIZE, "%s", shared);
    assert_int_equal(pthread_create(&workers[i].thread, NULL, work, &workers[i]), 0);
  }
  for (int i = 0; i < THREADS; i++)
    assert_int_equal(pthread_join(workers[i].thread, NULL), 0);
  for (int i = 0; i < THREADS; i++)
    if (workers[i].bad > 0)
      fail_msg("thread %d: %d bad answers, the first %s", i, workers[i].bad,
               connector_status_name(workers[i].first_bad));
}

static void expect(struct worker *worker, bool right, connector_status status)
{
  if (right)
    return;
  if (worker->bad++ == 0)
    worker->first_bad = status;
}

/* Adds one to consecutive_errors, again and again, each time from what was read. */
static void *count_up(void *user)
{
  struct worker *worker = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  while (worker->done < ROUNDS && worker->bad == 0) {
    connector *record = NULL;
    connector_status status = connector_get(test.store, worker->shared, 0, &record, &failure);
    expect(worker, status == CONNECTOR_OK, status);
    if (status != CONNECTOR_OK)
      break;
    status = connector_update(test.store, worker->shared, record->version,
                              PATCH(.consecutive_errors = record->consecutive_errors + 1), NULL,
                              &failure);
    expect(worker, status == CONNECTOR_OK || status == CONNECTOR_CONFLICT, status);
    worker->done += status == CONNECTOR_OK;
    connector_free(record);
  }
  return NULL;
}

static void no_update_is_lost(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct worker workers[THREADS];
  make_id(PATCH(0), id);
  run_workers(workers, id, count_up);
  connector *record = fetch(id);
  assert_int_equal(record->consecutive_errors, THREADS * ROUNDS);
  assert_int_equal(record->version, 1 + THREADS * ROUNDS);
  connector_free(record);
}

static void *update_blindly(void *user)
{
  struct worker *worker = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < ROUNDS; i++) {
    connector_status status = connector_update(test.store, worker->shared, 0,
                                               PATCH(.consecutive_errors = i + 1), NULL, &failure);
    expect(worker, status == CONNECTOR_OK, status);
  }
  return NULL;
}

static void versions_add_up(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct worker workers[THREADS];
  make_id(PATCH(0), id);
  run_workers(workers, id, update_blindly);
  connector *record = fetch(id);
  assert_int_equal(record->version, 1 + THREADS * ROUNDS);
  connector_free(record);
}

static connector_status two_in_a_batch(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_create(store, PATCH(.name = user), NULL, error);
  return status != CONNECTOR_OK ? status
                                : connector_create(store, PATCH(.name = user), NULL, error);
}

/* Creates, changes, lists, streams and deletes records of a tenant of its own. */
static void *use_all(void *user)
{
  struct worker *worker = user;
  char tenant[32];
  connector_store *store = test.store;
  snprintf(tenant, sizeof(tenant), "tenant-%d", worker->number);
  become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < ROUNDS / 2; i++) {
    connector *record = NULL;
    connector_page *page = NULL;
    int64_t count = 0;
    connector_status status = connector_create(store, PATCH(.name = tenant), &record, &failure);
    expect(worker, status == CONNECTOR_OK, status);
    if (status != CONNECTOR_OK)
      break;
    expect(worker, strcmp(record->tenant_id, tenant) == 0, CONNECTOR_INTERNAL);
    status = connector_update(store, record->id, 1, PATCH(.provider = "x"), NULL, &failure);
    expect(worker, status == CONNECTOR_OK, status);
    status = connector_batch(store, two_in_a_batch, tenant, &failure);
    expect(worker, status == CONNECTOR_OK, status);
    status = connector_delete(store, record->id, 2, &failure);
    expect(worker, status == CONNECTOR_OK, status);
    status = connector_list(store, QUERY(.limit = 500), &page, &failure);
    expect(worker, status == CONNECTOR_OK, status);
    expect(worker, connector_page_count(page) == (size_t)(2 * (i + 1)), CONNECTOR_INTERNAL);
    for (size_t at = 0; at < connector_page_count(page); at++)
      expect(worker, strcmp(connector_page_at(page, at)->name, tenant) == 0, CONNECTOR_INTERNAL);
    status = connector_count(store, QUERY(.deleted = CONNECTOR_DELETED_ONLY), &count, &failure);
    expect(worker, status == CONNECTOR_OK && count == i + 1, status);
    connector_page_free(page);
    connector_free(record);
  }
  return NULL;
}

static void threads_of_different_tenants_do_not_meet(void **state)
{
  (void)state;
  struct worker workers[THREADS];
  run_workers(workers, "", use_all);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(count_of(NULL), THREADS * ROUNDS);
}

/* Name and provider are always written together: a reader must never see two that differ. */
static void *write_or_read_pairs(void *user)
{
  struct worker *worker = user;
  static const char *const names[] = { "one", "two", "three", "four" };
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < ROUNDS * 2; i++) {
    const char *name = names[(i + worker->number) % 4];
    connector *record = NULL;
    connector_status status = worker->number < 2
                                  ? connector_update(test.store, worker->shared, 0,
                                                     PATCH(.name = name, .provider = name), &record,
                                                     &failure)
                                  : connector_get(test.store, worker->shared, 0, &record, &failure);
    expect(worker, status == CONNECTOR_OK, status);
    if (status != CONNECTOR_OK)
      break;
    expect(worker, strcmp(record->name, record->provider) == 0, CONNECTOR_INTERNAL);
    connector_free(record);
  }
  return NULL;
}

static void readers_see_whole_records(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct worker workers[THREADS];
  make_id(PATCH(.name = "one", .provider = "one"), id);
  run_workers(workers, id, write_or_read_pairs);
}

static void *create_once(void *user)
{
  struct worker *worker = user;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < ROUNDS / 2; i++) {
    char key[32];
    snprintf(key, sizeof(key), "key-%d", i);
    connector_status status = connector_create_once(test.store, key, PATCH(.name = key), NULL,
                                                    &failure);
    expect(worker, status == CONNECTOR_OK, status);
  }
  return NULL;
}

static void one_key_makes_one_record_whoever_is_first(void **state)
{
  (void)state;
  struct worker workers[THREADS];
  run_workers(workers, "", create_once);
  assert_int_equal(count_of(NULL), ROUNDS / 2);
}

/* Half of the threads write while the others maintain, back up and check. */
static void *maintain_or_write(void *user)
{
  struct worker *worker = user;
  char path[600];
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < ROUNDS / 4; i++) {
    connector_status status = CONNECTOR_OK;
    if (worker->number % 4 == 0)
      status = connector_maintain(test.store, NULL, &failure);
    else if (worker->number == 1)
      status = connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure);
    else if (worker->number == 2)
      status = connector_check(test.store, NULL, NULL, &failure);
    else
      status = connector_create(test.store, PATCH(.name = "x"), NULL, &failure);
    expect(worker, status == CONNECTOR_OK, status);
  }
  return NULL;
}

static void maintenance_goes_on_beside_writers(void **state)
{
  (void)state;
  struct worker workers[THREADS];
  run_workers(workers, "", maintain_or_write);
  assert_int_equal(count_of(NULL), 4 * (ROUNDS / 4));
}

#define both(name) store_test(name), memory_test(name)

int main(void)
{
  const struct CMUnitTest tests[] = {
    both(no_update_is_lost),
    both(versions_add_up),
    both(threads_of_different_tenants_do_not_meet),
    both(readers_see_whole_records),
    both(one_key_makes_one_record_whoever_is_first),
    store_test(maintenance_goes_on_beside_writers),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
