/*
 * The resolvers that come with the library without memory: each allocation and mapping fails once,
 * and from then on. What is asked for is done or answers NO_MEMORY, and nothing stays in use: no
 * memory, no file, and no resolver that a chain was not made of.
 */
#include "resolver_support.h"

#include <fcntl.h>
#include <sys/stat.h>

#define FAILS_MAPPINGS
#include "failing_heap.h"

/* ---- what is tried ---- */

static char root[64];
static char folder[96];
static char file[128];
static char variable[] = "TOKEN=t";
static char *environment[] = { variable, NULL };
static const connector_secret_variable map[] = {
  { "kv/data/app", "token", "TOKEN" },
  { "kv/data/app", "user", "USER" },
};

static connector_status make_directory(connector_secrets *out, connector_error *error)
{
  return connector_secrets_directory(root, out, error);
}

static connector_status make_environment(connector_secrets *out, connector_error *error)
{
  return connector_secrets_environment(environment, map, COUNT_OF(map), out, error);
}

/* What the chain is made of: its close is counted. */
static long closed;

static void count_close(void *user)
{
  (void)user;
  closed++;
}

static connector_status set_one(void *user, const connector_secret_request *request,
                                connector_secret *into, connector_error *error)
{
  (void)user;
  (void)request;
  return connector_secret_set(into, "token", "t", 1, error);
}

static connector_status make_chain(connector_secrets *out, connector_error *error)
{
  connector_secrets_route routes[] = {
    { "kv", { .size = sizeof(connector_secrets), .get = set_one, .close = count_close } },
    { "", { .size = sizeof(connector_secrets), .get = set_one, .close = count_close } },
  };

  return connector_secrets_chain(routes, COUNT_OF(routes), out, error);
}

static void arm(long at, bool from_then_on)
{
  memset(&failure, 0x5a, sizeof(failure));
  fail_heap(at, from_then_on);
}

static void check(connector_status status)
{
  assert_true(status == CONNECTOR_OK || status == CONNECTOR_NO_MEMORY);
  assert_int_equal(failure.status, status);
}

typedef connector_status (*make_fn)(connector_secrets *out, connector_error *error);

static bool try_make(make_fn make, long at, bool from_then_on)
{
  long outstanding = heap.outstanding;
  connector_secrets made = CONNECTOR_SECRETS_INIT;
  connector_status status = CONNECTOR_OK;

  closed = 0;
  arm(at, from_then_on);
  status = make(&made, &failure);
  heap.armed = false;
  check(status);
  assert_int_equal(closed, 0);
  if (status == CONNECTOR_OK)
    made.close(made.user);
  else
    assert_null(made.user);
  assert_int_equal(heap.outstanding, outstanding);
  return heap.calls >= at;
}

static bool try_use(make_fn make, bool versions, long at, bool from_then_on)
{
  connector_secret_request request = request_for("kv", "app");
  struct told told = { 0 };
  connector_secrets made = CONNECTOR_SECRETS_INIT;
  long outstanding = heap.outstanding;
  connector_secret *into = NULL;
  connector_status status = CONNECTOR_OK;
  int next = open("/", O_RDONLY);

  close(next);
  assert_ok(secret_memory_new(false, &memory, &failure));
  into = new_secret();
  assert_ok(make(&made, &failure));
  arm(at, from_then_on);
  status = versions ? made.versions(made.user, &request, tell, &told, &failure)
                    : made.get(made.user, &request, into, &failure);
  heap.armed = false;
  check(status);
  made.close(made.user);
  connector_secret_free(into);
  secret_memory_release(memory);
  assert_int_equal(heap.outstanding, outstanding);
  assert_int_equal(open("/", O_RDONLY), next);
  close(next);
  return heap.calls >= at;
}

/* valgrind has an allocator of its own. */
static bool can_fail(void)
{
  void *(*volatile allocate)(size_t) = malloc; /* or else the compiler would know what it answers */
  void *block = NULL;

  if (INTERPOSED) {
    fail_heap(1, false);
    block = allocate(1);
    heap.armed = false;
  }
  if (INTERPOSED && block == NULL)
    return true;
  free(block);
  fprintf(stderr, "SKIPPED: memory can't be made to fail in this build\n");
  skip();
  return false;
}

static void nothing_is_lost_where_one_can_not_be_made(void **state)
{
  static const make_fn makes[] = { make_directory, make_environment, make_chain };

  (void)state;
  if (!can_fail())
    return;
  for (size_t i = 0; i < COUNT_OF(makes); i++)
    for (int mode = 0; mode < 2; mode++) {
      long at = 1;

      while (try_make(makes[i], at, mode == 1))
        at++;
      assert_true(at > 1);
    }
}

static void nothing_is_lost_where_one_can_not_be_used(void **state)
{
  static const struct {
    make_fn make;
    bool versions;
  } cases[] = {
    { make_directory, false },
    { make_directory, true },
    { make_environment, false },
    { make_chain, false },
  };

  (void)state;
  if (!can_fail())
    return;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    for (int mode = 0; mode < 2; mode++) {
      long at = 1;

      while (try_use(cases[i].make, cases[i].versions, at, mode == 1))
        at++;
      assert_true(at > 1);
    }
}

static int make_files(void **state)
{
  int made = -1;

  (void)state;
  snprintf(root, sizeof(root), "/tmp/connector-test-XXXXXX");
  if (mkdtemp(root) == NULL)
    return -1;
  snprintf(folder, sizeof(folder), "%s/kv", root);
  snprintf(file, sizeof(file), "%s/app", folder);
  if (mkdir(folder, 0700) != 0 || mkdir(file, 0700) != 0)
    return -1;
  snprintf(file, sizeof(file), "%s/app/token", folder);
  made = open(file, O_WRONLY | O_CREAT, 0400);
  return made >= 0 && write(made, "t", 1) == 1 ? close(made) : -1;
}

static int remove_files(void **state)
{
  (void)state;
  unlink(file);
  *strrchr(file, '/') = '\0';
  rmdir(file);
  rmdir(folder);
  return rmdir(root);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(nothing_is_lost_where_one_can_not_be_made),
    cmocka_unit_test(nothing_is_lost_where_one_can_not_be_used),
  };

  return cmocka_run_group_tests_name("resolvers_no_memory", tests, make_files, remove_files);
}
