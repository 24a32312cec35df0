/*
 * Rotations of the vault's keys that are killed at any moment, stopped after any step, or run among
 * readers and writers: every version of every secret reads right all the while, and the rotation
 * that is run again comes to its end.
 *
 * CONNECTOR_KILLS tells how many are killed, 40 by default, 12 under a sanitizer.
 */
#include "sealed_faults.h"

#include <fcntl.h>
#include <pthread.h>

enum {
  KILLS = UNDER_SANITIZER ? 12 : 40,
  SECRETS = 320, /* five transactions of a rotation */
  TENANTS = 2,
  OTHERS = 40, /* secrets of the second tenant */
  KILL_MOST_MS = UNDER_SANITIZER ? 300 : 60,
  WRITERS = 2,
  READERS = 2
};

static const char *const tenants[TENANTS] = { "tenant-a", "tenant-b" };

struct known {
  char id[ID_SIZE];
  _Atomic int64_t newest;
};

static struct known secrets[SECRETS + OTHERS];
static uint64_t seed = 20261124;

static void text_of(const struct known *known, int64_t version, char text[128])
{
  snprintf(text, 128, "%s in version %" PRId64, known->id, version);
}

static connector_status put_next(connector_store *store, struct known *known)
{
  char text[128];
  int64_t version = 0;
  connector_status status = CONNECTOR_OK;
  text_of(known, known->newest + 1, text);
  status = try_put(store, known->id, text, -1, &version);
  if (status == CONNECTOR_OK)
    known->newest = version;
  return status;
}

static bool reads_right(connector_store *store, const struct known *known, int64_t version)
{
  char text[VALUE_SIZE];
  char wanted[128];
  text_of(known, version, wanted);
  return try_get(store, known->id, version, text) == CONNECTOR_OK && strcmp(text, wanted) == 0;
}

static void as_system(void)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
}

/* Two versions of each; one transaction for all of them. */
static connector_status make_all(connector_store *store, void *user, connector_error *error)
{
  (void)user;
  (void)error;
  for (size_t i = 0; i < COUNT_OF(secrets); i++) {
    become(tenants[i >= SECRETS], "user-ann", CONNECTOR_ROLE_TENANT);
    make_id(PATCH(.name = "some"), secrets[i].id);
    secrets[i].newest = 0;
    for (int version = 1; version <= 2; version++)
      assert_int_equal(put_next(store, &secrets[i]), CONNECTOR_OK);
  }
  return CONNECTOR_OK;
}

static int setup_secrets(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  open_sealed(first_key, NULL);
  assert_ok(connector_batch(test.store, make_all, NULL, &failure));
  as_system();
  return 0;
}

#define secrets_test(name) cmocka_unit_test_setup_teardown(name, setup_secrets, teardown)

static void assert_all(const char *when)
{
  for (size_t i = 0; i < COUNT_OF(secrets); i++)
    for (int64_t version = 1; version <= secrets[i].newest; version++)
      if (!reads_right(test.store, &secrets[i], version))
        fail_msg("%s: version %" PRId64 " of secret %zu: %s (%s)", when, version, i,
                 connector_status_name(failure.status), failure.message);
}

/* ---- killed ---- */

static const unsigned char *keys[] = { first_key, second_key };
static size_t present; /* of keys: the one the file had before the child */

/* In a child: a new root key, then new keys of all tenants. */
static void rotate_until_killed(void)
{
  const connector_sealed_options next = sealed_key_of(keys[1 - present]);
  test.store = NULL;
  child_expects(try_open_sealed(keys[present], keys[1 - present], &test.store) == CONNECTOR_OK);
  child_expects(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure) == CONNECTOR_OK);
  for (;;)
    child_expects(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure) ==
                  CONNECTOR_OK);
}

static void run_and_kill(void)
{
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    rotate_until_killed();
    _exit(0);
  }
  assert_true(child > 0);
  sleep_ms(1 + (long)random_below(&seed, KILL_MOST_MS));
  assert_int_equal(kill(child, SIGKILL), 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status))
    fail_msg("the child ended with %d", status);
}

static bool has_key(const void *key)
{
  char text[VALUE_SIZE];
  open_sealed(key, NULL);
  return try_get(test.store, secrets[0].id, 0, text) == CONNECTOR_OK;
}

static int64_t keys_of(const char *tenant)
{
  char sql[100];
  snprintf(sql, sizeof(sql), "SELECT count(*) FROM sealed_key WHERE tenant_id = '%s'", tenant);
  return number_past(sql);
}

static struct {
  int in_root;   /* kills that left the old root key */
  int in_tenant; /* and those that left a tenant with two keys */
} stopped;

/* What a kill has left is whole, and the rotation is run to its end. */
static void finish_rotation(void)
{
  const size_t next = 1 - present;
  const connector_sealed_options options = sealed_key_of(keys[next]);
  char text[VALUE_SIZE];
  stopped.in_tenant += keys_of(tenants[0]) > 1 || keys_of(tenants[1]) > 1;
  if (!has_key(keys[next])) {
    assert_int_equal(failure.status, CONNECTOR_SECRET_SEALED);
    stopped.in_root++;
  }
  open_sealed(keys[next], keys[present]);
  assert_all("after the kill");
  assert_ok(connector_root_key_rotate(test.store, &options, NULL, NULL, &failure));
  assert_ok(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure));
  assert_all("after the end");
  for (size_t i = 0; i < TENANTS; i++)
    assert_int_equal(keys_of(tenants[i]), 1);
  assert_int_equal(number_past("SELECT count(*) FROM sealed_secret AS s WHERE NOT EXISTS"
                               " (SELECT 1 FROM sealed_key AS k"
                               "  WHERE k.tenant_id = s.tenant_id AND k.term = s.term)"),
                   0);
  assert_ok(connector_check(test.store, report_finding, NULL, &failure));
  assert_false(has_key(keys[present]));
  assert_status(try_get(test.store, secrets[0].id, 0, text), CONNECTOR_SECRET_SEALED);
  close_store();
  present = next;
}

static void a_rotation_killed_at_any_moment_goes_on(void **state)
{
  int kills = kills_or(KILLS);
  (void)state;
  memset(&stopped, 0, sizeof(stopped));
  present = 0;
  close_store();
  for (int i = 0; i < kills; i++) {
    run_and_kill();
    finish_rotation();
  }
  print_figure("%d kills: %d before the new root key, %d between a tenant's keys", kills,
               stopped.in_root, stopped.in_tenant);
}

/* ---- stopped after each step ---- */

static int steps_left;

static connector_status stop_after_a_step(void *user, int64_t done, int64_t total,
                                          connector_error *error)
{
  (void)user;
  (void)error;
  assert_true(done <= total);
  return steps_left-- > 0 ? CONNECTOR_OK : CONNECTOR_CANCELLED;
}

static void a_rotation_stopped_after_any_step_goes_on(void **state)
{
  connector_status status = CONNECTOR_CANCELLED;
  int64_t term = 0;
  int stops = 0;
  (void)state;
  for (; status == CONNECTOR_CANCELLED; stops++) {
    steps_left = 0;
    status = connector_tenant_key_rotate(test.store, tenants[0], stop_after_a_step, NULL, &failure);
    assert_true(status == CONNECTOR_OK || failure.status == CONNECTOR_CANCELLED);
    assert_all("stopped");
    assert_int_equal(put_next(test.store, &secrets[(size_t)stops % SECRETS]), CONNECTOR_OK);
    if (stops % 2 == 0)
      open_sealed(first_key, NULL); /* as a process that ended */
    assert_all("opened anew");
    term = number_past("SELECT max(term) FROM sealed_key WHERE tenant_id = 'tenant-a'");
    if (keys_of(tenants[0]) == 1)
      break;
    assert_int_equal(term, 2);
  }
  assert_true(stops >= SECRETS / 64);
  assert_int_equal(term, 2);
  assert_int_equal(keys_of(tenants[1]), 1);
  assert_int_equal(number_past("SELECT count(*) FROM sealed_secret"
                               " WHERE tenant_id = 'tenant-a' AND term <> 2"),
                   0);
}

static void a_root_rotation_that_is_stopped_changes_nothing(void **state)
{
  const connector_sealed_options next = sealed_key_of(second_key);
  (void)state;
  for (int i = 0; i < TENANTS; i++) {
    steps_left = i;
    assert_status(connector_root_key_rotate(test.store, &next, stop_after_a_step, NULL, &failure),
                  CONNECTOR_CANCELLED);
    assert_all("stopped");
  }
  assert_false(has_key(second_key));
  assert_true(has_key(first_key));
}

/* ---- among others ---- */

static _Atomic bool over;
static _Atomic int64_t reads;
static _Atomic int64_t writes;
static _Atomic int failures;

static void note_failure(const char *what)
{
  print_error("%s: %s (%s)\n", what, connector_status_name(failure.status), failure.message);
  failures++;
}

static void *read_on(void *from)
{
  uint64_t own = (uint64_t)(uintptr_t)from;
  as_system();
  while (!over && failures == 0) {
    struct known *known = &secrets[random_below(&own, COUNT_OF(secrets))];
    int64_t newest = known->newest;
    if (!reads_right(test.store, known, 1 + (int64_t)random_below(&own, (size_t)newest)))
      note_failure("reading");
    reads++;
  }
  return NULL;
}

/* Each writer has secrets of its own. */
static void *write_on(void *from)
{
  size_t first = (size_t)(uintptr_t)from;
  as_system();
  for (size_t i = first; !over && failures == 0; i = (i + WRITERS) % COUNT_OF(secrets))
    if (i % 16 < WRITERS && secrets[i].newest < 8) {
      if (put_next(test.store, &secrets[i]) != CONNECTOR_OK)
        note_failure("writing");
      writes++;
    } else if (i + WRITERS >= COUNT_OF(secrets)) {
      sleep_ms(1);
    }
  return NULL;
}

static void readers_and_writers_go_on_during_rotations(void **state)
{
  pthread_t threads[READERS + WRITERS];
  (void)state;
  over = false;
  reads = writes = 0;
  failures = 0;
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_create(&threads[i], NULL, i < READERS ? read_on : write_on,
                                    (void *)(uintptr_t)(i < READERS ? i + 1 : i - READERS)),
                     0);
  for (int i = 0; i < 6 && failures == 0; i++) {
    const connector_sealed_options next = sealed_key_of(keys[1 - (size_t)i % 2]);
    assert_ok(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure));
    assert_ok(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure));
    sleep_ms(10);
  }
  over = true;
  for (size_t i = 0; i < COUNT_OF(threads); i++)
    assert_int_equal(pthread_join(threads[i], NULL), 0);
  assert_int_equal(failures, 0);
  assert_all("after rotations");
  print_figure("%" PRId64 " reads and %" PRId64 " writes during rotations", (int64_t)reads,
               (int64_t)writes);
}

/* ---- another process ---- */

enum { ELSEWHERE = 5 }; /* secrets that the other process writes */

/* In a child, with both root keys at hand, until the parent closes its end. */
static void work_with_both_keys(int end, int told)
{
  char byte = 0;
  int64_t rounds = 0;
  test.store = NULL;
  child_expects(try_open_sealed(first_key, second_key, &test.store) == CONNECTOR_OK);
  as_system();
  for (;; rounds++) {
    struct known *known = &secrets[(size_t)rounds % ELSEWHERE];
    child_expects(put_next(test.store, known) == CONNECTOR_OK);
    child_expects(reads_right(test.store, known, known->newest));
    known = &secrets[ELSEWHERE + (size_t)rounds % (COUNT_OF(secrets) - ELSEWHERE)];
    child_expects(reads_right(test.store, known, 2));
    if (rounds == 0)
      child_expects(write(told, "", 1) == 1);
    if (read(end, &byte, 1) >= 0)
      break; /* the parent has closed it */
  }
  connector_close(test.store);
  _exit(rounds > 0 ? 0 : 1);
}

static void another_process_goes_on_during_rotations(void **state)
{
  int stop[2];
  int told[2];
  int status = -1;
  char byte = 0;
  pid_t child = 0;
  (void)state;
  close_store();
  assert_int_equal(pipe(stop), 0);
  assert_int_equal(pipe(told), 0);
  assert_int_equal(fcntl(stop[0], F_SETFL, O_NONBLOCK), 0);
  child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    close(stop[1]);
    work_with_both_keys(stop[0], told[1]);
  }
  close(stop[0]);
  assert_int_equal(read(told[0], &byte, 1), 1);
  open_sealed(first_key, second_key);
  for (int i = 0; i < 4; i++) {
    const connector_sealed_options next = sealed_key_of(keys[1 - (size_t)i % 2]);
    assert_ok(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure));
    assert_ok(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure));
    sleep_ms(20);
  }
  close(stop[1]);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  close(told[0]);
  close(told[1]);
  for (size_t i = ELSEWHERE; i < COUNT_OF(secrets); i++)
    assert_true(reads_right(test.store, &secrets[i], 2));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secrets_test(a_rotation_killed_at_any_moment_goes_on),
    secrets_test(a_rotation_stopped_after_any_step_goes_on),
    secrets_test(a_root_rotation_that_is_stopped_changes_nothing),
    secrets_test(readers_and_writers_go_on_during_rotations),
    secrets_test(another_process_goes_on_during_rotations),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("kill_rotation", tests, NULL, NULL);
}
