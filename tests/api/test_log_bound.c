/*
 * The write-ahead log has a bound, whatever a reader does: the host is warned, then writes are
 * refused, and go on once the reader has ended.
 */
#include "support.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

enum { BOUND = 8 << 20, SLACK = 1 << 20, CREATES_MOST = 4000, CONFIG = 8000, READERS = 4 };

/* What the log was told. */
static struct {
  int warnings;
  char last[300];
} told;

static void hear(void *user, connector_log_level level, const char *message)
{
  (void)user;
  if (level != CONNECTOR_LOG_WARNING)
    return;
  told.warnings++;
  (void)snprintf(told.last, sizeof(told.last), "%s", message);
}

static void open_bounded(uint64_t bound)
{
  connector_options options = test_options();

  options.log = hear;
  options.wal_most_bytes = bound;
  told.warnings = 0;
  open_store(&options);
  connector_free(make(PATCH(.name = "the first")));
}

static long log_bytes(void)
{
  char path[600];
  struct stat file;

  (void)snprintf(path, sizeof(path), "%s-wal", test.path);
  return stat(path, &file) == 0 ? (long)file.st_size : 0;
}

static const connector_patch *large_patch(void)
{
  static char config[CONFIG + 16];
  static connector_patch patch;

  (void)snprintf(config, sizeof(config), "{\"text\":\"%0*d\"}", CONFIG, 7);
  patch = *PATCH(.name = "one of many", .config = config);
  return &patch;
}

/* Creates until it is refused, or the log has twice what is its bound here. */
struct writing {
  int created;
  connector_status status;
  connector_error error;
};

static void write_much(struct writing *writing)
{
  const connector_patch *patch = large_patch();

  while (writing->status == CONNECTOR_OK && writing->created < CREATES_MOST &&
         log_bytes() < 2 * BOUND) {
    writing->status = connector_create(test.store, patch, NULL, &writing->error);
    writing->created += writing->status == CONNECTOR_OK;
  }
}

/* Its snapshot is open all the while. */
static connector_status write_beside(void *user, const connector *record, connector_error *error)
{
  (void)record;
  (void)error;
  write_much(user);
  return CONNECTOR_CANCELLED;
}

static void write_beside_a_reader(struct writing *writing)
{
  assert_status(connector_each(test.store, NULL, write_beside, writing, &failure),
                CONNECTOR_CANCELLED);
}

static void a_reader_that_never_ends_does_not_let_the_log_grow_for_ever(void **state)
{
  (void)state;
  struct writing writing = { 0 };
  open_bounded(BOUND);
  write_beside_a_reader(&writing);
  assert_int_equal(writing.status, CONNECTOR_BUSY);
  assert_contains(writing.error.message, "the write-ahead log is at its limit of 8388608 bytes");
  assert_true(writing.created > 10);
  assert_true(log_bytes() < BOUND + SLACK);
  assert_int_equal(count_of(NULL), writing.created + 1);
}

static void without_the_bound_it_grows(void **state)
{
  (void)state;
  struct writing writing = { 0 };
  open_bounded(0);
  write_beside_a_reader(&writing);
  assert_int_equal(writing.status, CONNECTOR_OK);
  assert_true(log_bytes() >= 2 * BOUND);
}

static void the_host_is_warned_before_writes_are_refused(void **state)
{
  (void)state;
  struct writing writing = { 0 };
  open_bounded(BOUND);
  write_beside_a_reader(&writing);
  assert_int_equal(told.warnings, 1);
  assert_contains(told.last, "the write-ahead log has grown to ");
}

static connector_status create_one(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  return connector_create(store, PATCH(.name = "in a batch"), NULL, error);
}

/* What is refused has changed nothing; reads go on. */
static connector_status refuse_all(void *user, const connector *record, connector_error *error)
{
  char id[ID_SIZE];
  int64_t before = 0;

  (void)error;
  (void)snprintf(id, sizeof(id), "%s", record->id);
  write_much(user);
  before = count_of(NULL);
  assert_status(connector_update(test.store, id, 0, PATCH(.name = "new"), NULL, &failure),
                CONNECTOR_BUSY);
  assert_status(connector_delete(test.store, id, 0, &failure), CONNECTOR_BUSY);
  assert_status(connector_batch(test.store, create_one, NULL, &failure), CONNECTOR_BUSY);
  assert_int_equal(count_of(NULL), before);
  connector_free(fetch(id));
  return CONNECTOR_CANCELLED;
}

static void every_write_is_refused_and_reads_go_on(void **state)
{
  (void)state;
  struct writing writing = { 0 };
  open_bounded(BOUND);
  assert_status(connector_each(test.store, NULL, refuse_all, &writing, &failure),
                CONNECTOR_CANCELLED);
}

static void writes_go_on_once_the_reader_has_ended(void **state)
{
  (void)state;
  struct writing writing = { 0 };
  long bytes = 0;
  open_bounded(BOUND);
  write_beside_a_reader(&writing);
  bytes = log_bytes();
  for (int i = 0; i < 200; i++)
    assert_ok(connector_create(test.store, large_patch(), NULL, &failure));
  assert_true(log_bytes() <= bytes); /* it has begun anew */
  assert_int_equal(count_of(NULL), writing.created + 201);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

static void a_bound_too_small_is_refused(void **state)
{
  (void)state;
  connector_options options = test_options();
  connector_store *store = NULL;
  options.wal_most_bytes = (8 << 20) - 1;
  assert_invalid(connector_open(test.path, &options, &store, &failure), "wal_most_bytes");
}

/* ---- readers that meet each other, so that one is always there ---- */

static atomic_bool enough;

static void *read_on(void *unused)
{
  connector_page *page = NULL;
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  while (!enough) {
    if (connector_list(test.store, NULL, &page, NULL) == CONNECTOR_OK)
      connector_page_free(page);
    page = NULL;
  }
  return unused;
}

static void readers_that_meet_keep_no_writer_out(void **state)
{
  (void)state;
  pthread_t readers[READERS];
  int created = 0;
  open_bounded(BOUND);
  enough = false;
  for (int i = 0; i < READERS; i++)
    assert_int_equal(pthread_create(&readers[i], NULL, read_on, NULL), 0);
  while (created < 600) {
    connector_status status = connector_create(test.store, large_patch(), NULL, &failure);
    if (status != CONNECTOR_OK && status != CONNECTOR_BUSY)
      break;
    created += status == CONNECTOR_OK;
  }
  enough = true;
  for (int i = 0; i < READERS; i++)
    pthread_join(readers[i], NULL);
  assert_int_equal(created, 600);
  assert_true(log_bytes() < BOUND + SLACK);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(a_reader_that_never_ends_does_not_let_the_log_grow_for_ever),
    store_test(without_the_bound_it_grows),
    store_test(the_host_is_warned_before_writes_are_refused),
    store_test(every_write_is_refused_and_reads_go_on),
    store_test(writes_go_on_once_the_reader_has_ended),
    store_test(a_bound_too_small_is_refused),
    store_test(readers_that_meet_keep_no_writer_out),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
