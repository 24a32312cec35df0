/*
 * store/call: who is calling becomes a scope, a host's answer becomes an error, and a store is not
 * entered where it must not be.
 */
#include "store_support.h"

#include <sys/wait.h>

static struct call call;

static void a_role_becomes_a_scope(void **state)
{
  const struct {
    connector_role role;
    const char *tenant;
    enum scope_kind kind;
  } cases[] = {
    { CONNECTOR_ROLE_MEMBER, "tenant-a", SCOPE_MEMBER },
    { CONNECTOR_ROLE_TENANT, "tenant-a", SCOPE_TENANT },
    { CONNECTOR_ROLE_SYSTEM, "tenant-a", SCOPE_TENANT },
    { CONNECTOR_ROLE_SYSTEM, NULL, SCOPE_SYSTEM },
    { CONNECTOR_ROLE_SYSTEM, "", SCOPE_SYSTEM },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    become(cases[i].tenant, "user-ann", cases[i].role);
    begin(&call);
    assert_int_equal(call.scope.kind, cases[i].kind);
    if (cases[i].kind == SCOPE_SYSTEM)
      assert_null(call.scope.tenant);
    else
      assert_text(call.scope.tenant, "tenant-a");
    end(&call);
  }
}

static void a_caller_without_a_tenant_is_nobody(void **state)
{
  const char *const tenants[] = { NULL, "" };
  (void)state;
  for (size_t i = 0; i < 2; i++)
    for (int role = CONNECTOR_ROLE_MEMBER; role <= CONNECTOR_ROLE_TENANT; role++) {
      become(tenants[i], "user-ann", (connector_role)role);
      engine_fails(call_begin(&call, test.store, &failure), CONNECTOR_UNAUTHENTICATED);
      (void)call_end(&call, CONNECTOR_UNAUTHENTICATED);
    }
}

static void empty_ids_are_no_ids(void **state)
{
  (void)state;
  become("tenant-a", "", CONNECTOR_ROLE_MEMBER);
  current.app_id = "";
  current.person_id = "";
  begin(&call);
  assert_null(call.scope.user);
  assert_null(call.scope.app);
  assert_null(call.caller.person_id);
  assert_null(call.scope.groups);
  end(&call);
}

static void groups_are_joined_however_many_they_are(void **state)
{
  static char names[300][8];
  const char *groups[300];
  (void)state;
  for (size_t i = 0; i < COUNT_OF(groups); i++) {
    snprintf(names[i], sizeof(names[i]), "g%zu", i);
    groups[i] = names[i];
  }
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.group_ids = groups;
  for (size_t count = 1; count <= COUNT_OF(groups); count += 23) {
    connector record = sample("tenant-a", "cnn_1");
    record.scope = CONNECTOR_SCOPE_GROUP;
    current.group_count = count;
    begin(&call);
    for (size_t i = 0; i < COUNT_OF(groups); i++) {
      record.group_id = groups[i];
      assert_int_equal(scope_covers(&call.scope, &record), i < count);
    }
    end(&call);
  }
}

static void a_malformed_caller_is_invalid(void **state)
{
  static char long_text[2000];
  static const char *const with_null[] = { "g", NULL };
  static const char *const with_control[] = { "a\x1f"
                                              "b" };
  const struct {
    const char *field;
    connector_caller caller;
  } cases[] = {
    { "tenant_id", { .tenant_id = "a\n" } },
    { "tenant_id", { .tenant_id = long_text } },
    { "app_id", { .tenant_id = "t", .app_id = "\xff" } },
    { "person_id", { .tenant_id = "t", .person_id = "\x01" } },
    { "user_id", { .tenant_id = "t", .user_id = "\x1f" } },
    { "source", { .tenant_id = "t", .source = "\x7f" } },
    { "request_id", { .tenant_id = "t", .request_id = "\xc2\x85" } },
    { "role", { .tenant_id = "t", .role = (connector_role)3 } },
    { "source_type", { .tenant_id = "t", .source_type = (connector_source_type)6 } },
    { "group_ids", { .tenant_id = "t", .group_count = 1 } },
    { "group_ids", { .tenant_id = "t", .group_ids = with_null, .group_count = 2 } },
    { "group_ids", { .tenant_id = "t", .group_ids = with_control, .group_count = 1 } },
    { "group_ids", { .tenant_id = "t", .group_ids = with_null, .group_count = 10001 } },
  };
  (void)state;
  memset(long_text, 'x', sizeof(long_text) - 1);
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    current = cases[i].caller;
    current.size = sizeof(current);
    engine_fails_at(call_begin(&call, test.store, &failure), CONNECTOR_INVALID, cases[i].field);
    (void)call_end(&call, CONNECTOR_INVALID);
  }
}

static void a_hosts_answer_keeps_what_it_told(void **state)
{
  connector_error said = { .version = 7, .field = "name", .message = "no such thing" };
  connector_error silent = { 0 };
  connector_error endless;
  (void)state;
  assert_int_equal(host_said(CONNECTOR_DENIED, &said, "usual", &failure), CONNECTOR_DENIED);
  assert_text(failure.field, "name");
  assert_text(failure.message, "no such thing");
  assert_int_equal(failure.version, 7);
  assert_int_equal(host_said(CONNECTOR_DENIED, &silent, "the usual", &failure), CONNECTOR_DENIED);
  assert_text(failure.message, "the usual");
  memset(&endless, 'x', sizeof(endless));
  assert_int_equal(host_said(CONNECTOR_IO, &endless, "usual", &failure), CONNECTOR_IO);
  assert_int_equal(strlen(failure.message), sizeof(failure.message) - 1);
  assert_int_equal(strlen(failure.field), sizeof(failure.field) - 1);
  assert_int_equal(host_said(CONNECTOR_IO, &silent, "usual", NULL), CONNECTOR_IO);
}

static void a_closing_store_is_not_entered_and_is_freed_by_the_last(void **state)
{
  struct call late;
  (void)state;
  begin(&call);
  connector_close(test.store);
  engine_fails(call_begin(&late, test.store, &failure), CONNECTOR_MISUSE);
  assert_int_equal(call_end(&late, CONNECTOR_MISUSE), CONNECTOR_MISUSE);
  end(&call);
  test.store = NULL;
}

static void another_processs_store_is_not_entered(void **state)
{
  int status = 0;
  pid_t child = 0;
  (void)state;
  child = fork();
  if (child == 0) {
    connector_status got = call_begin(&call, test.store, &failure);
    got = call_end(&call, got);
    connector_close(test.store);
    _exit(got == CONNECTOR_MISUSE ? 0 : 1);
  }
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_int_equal(status, 0);
  assert_int_equal(count_of(NULL), 0);
}

static void no_store_is_invalid(void **state)
{
  (void)state;
  engine_fails_at(call_begin(&call, NULL, &failure), CONNECTOR_INVALID, "store");
  assert_int_equal(call_end(&call, CONNECTOR_INVALID), CONNECTOR_INVALID);
}

static int64_t no_time(void *user)
{
  (void)user;
  return 0;
}

static void a_clock_without_a_time_is_invalid(void **state)
{
  int64_t now = 3;
  (void)state;
  test.store->clock = no_time;
  engine_fails_at(store_now(test.store, &now, &failure), CONNECTOR_INVALID, "clock");
  assert_int_equal(now, 3);
  test.store->clock = NULL;
  engine_ok(store_now(test.store, &now, &failure));
  assert_true(now > 1700000000000);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(a_role_becomes_a_scope),
    memory_test(a_caller_without_a_tenant_is_nobody),
    memory_test(empty_ids_are_no_ids),
    memory_test(groups_are_joined_however_many_they_are),
    memory_test(a_malformed_caller_is_invalid),
    cmocka_unit_test(a_hosts_answer_keeps_what_it_told),
    memory_test(a_closing_store_is_not_entered_and_is_freed_by_the_last),
    memory_test(another_processs_store_is_not_entered),
    memory_test(no_store_is_invalid),
    memory_test(a_clock_without_a_time_is_invalid),
  };
  return cmocka_run_group_tests_name("call", tests, NULL, NULL);
}
