/*
 * A file that may not grow, page by page: a write, report, claim or outcome that finds no room says
 * so and leaves every row as it was; history, the feed and records can be read meanwhile; trimming
 * makes room, and with more room all goes on.
 */
#include "lifecycle_faults.h"

enum {
  CONNECTIONS_MOST = 16,
  TURNS_MOST = 60, /* of the steps below, until there is no room */
  FULL_TURNS = 3,  /* of all steps once there is none */
  PAGES_MOST = 12  /* that the file may grow by */
};

/* ---- the limit ---- */

/* The connections that the library has opened since open_counted(). */
static sqlite3 *connections[CONNECTIONS_MOST];
static size_t connection_count;

static int note_connection(sqlite3 *db, char **message, const struct sqlite3_api_routines *api)
{
  (void)message;
  (void)api;
  if (connection_count < CONNECTIONS_MOST)
    connections[connection_count++] = db;
  return SQLITE_OK;
}

typedef void (*extension)(void);

/* The limit is a connection's, and the library writes on one of its own. */
static void limit_pages(int64_t pages)
{
  char sql[80];
  snprintf(sql, sizeof(sql), "PRAGMA max_page_count = %" PRId64, pages);
  for (size_t i = 0; i < connection_count; i++)
    assert_int_equal(sqlite3_exec(connections[i], sql, NULL, NULL, NULL), SQLITE_OK);
}

static void lift_the_limit(void)
{
  limit_pages(INT64_C(1000000));
}

static connector_status write_nothing(connector_store *store, void *user, connector_error *error)
{
  (void)store;
  (void)user;
  (void)error;
  return CONNECTOR_CANCELLED;
}

/* Opens the store, and the connection that it writes on. */
static void open_counted(void)
{
  connection_count = 0;
  assert_int_equal(sqlite3_auto_extension((extension)(uintptr_t)note_connection), SQLITE_OK);
  open_past();
  assert_status(connector_batch(test.store, write_nothing, NULL, &failure), CONNECTOR_CANCELLED);
  assert_int_equal(sqlite3_cancel_auto_extension((extension)(uintptr_t)note_connection), 1);
  assert_true(connection_count > 0);
}

/* ---- steps ---- */

static connector_claims *claims;
static int turn;

/* Text that needs room, in JSON. */
static const char *wide_config(void)
{
  static char config[1500];
  snprintf(config, sizeof(config), "{\"turn\":%d,\"wide\":\"%01400d\"}", turn, turn);
  return config;
}

static connector_status step_create(void)
{
  return connector_create(test.store, PATCH(.name = "new", .config = wide_config()), NULL,
                          &failure);
}

static connector_status step_update(void)
{
  return connector_update(test.store, oauth_id, 0, PATCH(.config = wide_config()), NULL, &failure);
}

static connector_status step_succeed(void)
{
  return connector_sync_succeeded(test.store, syncing_id, NULL, NULL, &failure);
}

static connector_status step_fail(void)
{
  char message[1000];
  snprintf(message, sizeof(message), "%0900d", turn);
  return connector_sync_failed(test.store, failing_id, CONNECTOR_FAILURE_TRANSIENT, message, 0,
                               NULL, &failure);
}

static connector_status write_both(connector_store *store, void *user, connector_error *error)
{
  connector_status status = connector_update(store, plain_id, 0, PATCH(.config = wide_config()),
                                             NULL, error);
  (void)user;
  return status == CONNECTOR_OK ? connector_sync_started(store, syncing_id, error) : status;
}

static connector_status step_batch(void)
{
  return connector_batch(test.store, write_both, NULL, &failure);
}

static connector_status step_claim(void)
{
  connector_claims_free(claims);
  claims = NULL;
  return connector_claim(test.store, CONNECTOR_DUE_REFRESH, NULL, &claims, &failure);
}

/* The token is due again soon. */
static connector_status step_refreshed(void)
{
  connector_lease *lease = lease_on(claims, oauth_id);
  return lease != NULL ? connector_refreshed(test.store, lease, test_time + MINUTE, NULL, &failure)
                       : CONNECTOR_OK;
}

static const struct step {
  const char *name;
  connector_status (*run)(void);
  bool must_fail; /* sooner or later: every time it needs more room */
} steps[] = {
  { "create", step_create, true },       { "update", step_update, true },
  { "succeed", step_succeed, true },     { "fail", step_fail, true },
  { "batch", step_batch, true },         { "claim", step_claim, false },
  { "refreshed", step_refreshed, true },
};

static int64_t kept; /* changes that the feed must hold */
static bool failed[COUNT_OF(steps)];

/* A step is done whole, and told of, or it is not and says why. */
static connector_status take(size_t index)
{
  char *before = whole_file();
  int64_t rows = history_rows();
  connector_status status = CONNECTOR_OK;
  told.count = 0;
  test_time += MINUTE;
  status = steps[index].run();
  if (status == CONNECTOR_OK) {
    assert_int_equal(history_rows() - rows, told.count);
    kept += told.count;
  } else {
    char *now = whole_file();
    if (status != CONNECTOR_DISK_FULL || failure.status != status)
      fail_msg("%s: %s, %s", steps[index].name, connector_status_name(status), failure.message);
    assert_same_file(now, before, steps[index].name);
    assert_int_equal(told.count, 0);
    failed[index] = true;
    sqlite3_free(now);
  }
  sqlite3_free(before);
  turn++;
  return status;
}

static void assert_reads_go_on(void)
{
  connector_changes *changes = NULL;
  connector *record = NULL;
  int64_t newest = 0;
  assert_ok(connector_changes_after(test.store, 0, 1000, &changes, &failure));
  assert_int_equal(connector_changes_count(changes), kept);
  connector_changes_free(changes);
  assert_ok(connector_history(test.store, oauth_id, 0, 0, &changes, &failure));
  assert_true(connector_changes_count(changes) >= 3);
  connector_changes_free(changes);
  assert_ok(connector_changes_wait(test.store, 1, 0, &newest, &failure));
  assert_ok(connector_get_as_of(test.store, oauth_id, 1, &record, &failure));
  assert_text(record->name, "oauth");
  connector_free(record);
  assert_verified();
}

/* All steps, until one has found no room, and then some more. */
static void fill_up(void)
{
  connector_status status = CONNECTOR_OK;
  int full_turns = 0;
  for (int i = 0; i < TURNS_MOST && full_turns < FULL_TURNS; i++) {
    for (size_t at = 0; at < COUNT_OF(steps); at++)
      if (take(at) != CONNECTOR_OK)
        status = CONNECTOR_DISK_FULL;
    if (status != CONNECTOR_OK)
      full_turns++;
  }
  assert_int_equal(full_turns, FULL_TURNS);
}

static void assert_all_steps_work(void)
{
  for (size_t i = 0; i < COUNT_OF(steps); i++)
    if (take(i) != CONNECTOR_OK)
      fail_msg("%s with room again: %s", steps[i].name, failure.message);
}

static void start(int64_t more_pages)
{
  open_counted();
  turn = 0;
  kept = 27; /* of tenant-a, so far */
  limit_pages(number_in_file("PRAGMA page_count") + more_pages);
}

static void finish(void)
{
  connector_claims_free(claims);
  claims = NULL;
  assert_sound();
  open_lifecycle();
  assert_sound();
  close_store();
}

static void no_room_at_any_page(void **state)
{
  (void)state;
  memset(failed, 0, sizeof(failed));
  for (int more = 0; more < PAGES_MOST; more++) {
    start(more);
    fill_up();
    assert_reads_go_on();
    lift_the_limit();
    assert_all_steps_work();
    assert_reads_go_on();
    finish();
  }
  for (size_t i = 0; i < COUNT_OF(steps); i++)
    if (steps[i].must_fail && !failed[i])
      fail_msg("%s was never without room", steps[i].name);
}

/* The file grows no more, but what trimming frees inside it is used. */
static void trimming_makes_room(void **state)
{
  int64_t trimmed = 0;
  (void)state;
  start(30);
  fill_up();
  assert_ok(connector_history_trim(test.store, test_time, &trimmed, &failure));
  assert_true(trimmed > 20);
  kept -= trimmed;
  assert_verified();
  assert_all_steps_work();
  assert_int_equal(history_rows() - 2, kept); /* tenant-b has two */
  finish();
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    past_test(no_room_at_any_page),
    past_test(trimming_makes_room),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("full_disk_history", tests, NULL, NULL);
}
