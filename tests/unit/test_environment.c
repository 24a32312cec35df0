/*
 * secret/environment: values by a map, and which maps there are.
 */
#include "resolver_support.h"

static const connector_secret_variable map[] = {
  { "secret/data/dev/jira", "token", "JIRA_TOKEN" },
  { "secret/data/dev/jira", "user name", "JIRA_USER" },
  { "secret/data/dev/slack", "token", "SLACK_TOKEN" },
  { "kv/team/data/a/data/b", "x", "JIRA_TOKEN" },
};

static char *environment[8]; /* ends in NULL, with room for one more variable */

static char path[] = "PATH=/bin";
static char longer[] = "JIRA_TOKEN_OLD=no";
static char token[] = "JIRA_TOKEN=a=b";
static char again[] = "JIRA_TOKEN=no";
static char no_sign[] = "NO_SIGN";
static char empty[] = "JIRA_USER=";

static int setup_map(void **state)
{
  char *const first[] = { path, longer, token, again, no_sign, empty };

  memset(environment, 0, sizeof(environment));
  memcpy(environment, first, sizeof(first));
  resolver = (connector_secrets)CONNECTOR_SECRETS_INIT;
  if (setup_memory(state) != 0)
    return -1;
  return connector_secrets_environment(environment, map, COUNT_OF(map), &resolver, NULL) ==
                 CONNECTOR_OK
             ? 0
             : -1;
}

static int teardown_map(void **state)
{
  close_resolver();
  return teardown_memory(state);
}

#define map_test(name) cmocka_unit_test_setup_teardown(name, setup_map, teardown_map)

/* ---- reading ---- */

static void the_map_tells_which_variable_is_which_value(void **state)
{
  connector_secret *secret = read_from("secret", "dev/jira");

  (void)state;
  assert_json(secret, "{\"token\":\"a=b\",\"user name\":\"\"}");
  assert_int_equal(connector_secret_version(secret), 1);
  connector_secret_free(secret);
  secret = read_from("kv/team", "a/data/b");
  assert_json(secret, "{\"x\":\"a=b\"}");
  connector_secret_free(secret);
}

static void what_is_not_set_is_not_there(void **state)
{
  static const struct {
    const char *mount;
    const char *path;
  } cases[] = {
    { "secret", "dev/slack" }, { "secret", "dev" },     { "secret", "dev/jira/x" },
    { "secret", "dev/jir" },   { "secre", "dev/jira" }, { "kv", "dev/jira" },
    { "kv", "team" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct told told = { 0 };

    assert_int_equal(status_of(cases[i].mount, cases[i].path), CONNECTOR_SECRET_NOT_FOUND);
    assert_int_equal(versions_of(cases[i].mount, cases[i].path, &told), CONNECTOR_SECRET_NOT_FOUND);
    assert_int_equal(told.calls, 0);
  }
}

static void the_environment_is_read_with_every_call(void **state)
{
  connector_secret *secret = NULL;
  char set_later[] = "SLACK_TOKEN=later";

  (void)state;
  assert_int_equal(status_of("secret", "dev/slack"), CONNECTOR_SECRET_NOT_FOUND);
  environment[6] = set_later;
  secret = read_from("secret", "dev/slack");
  assert_value(secret, "token", "later");
  connector_secret_free(secret);
  environment[2] = environment[0];
  environment[3] = environment[0];
  environment[5] = environment[0];
  assert_int_equal(status_of("secret", "dev/jira"), CONNECTOR_SECRET_NOT_FOUND);
}

static void there_is_one_version_of_no_known_time(void **state)
{
  static const int64_t others[] = { -1, 2 };
  connector_secret_request request = request_for("secret", "dev/jira");
  connector_secret *secret = new_secret();
  struct told told = { .created_at = -1 };

  (void)state;
  assert_int_equal(versions_of("secret", "dev/jira", &told), CONNECTOR_OK);
  assert_int_equal(failure.status, CONNECTOR_OK);
  assert_int_equal(told.calls, 1);
  assert_int_equal(told.version, 1);
  assert_int_equal(told.created_at, 0);
  told.answer = CONNECTOR_CANCELLED;
  assert_int_equal(versions_of("secret", "dev/jira", &told), CONNECTOR_CANCELLED);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    request.version = others[i];
    assert_answer(resolver.get(resolver.user, &request, secret, &failure),
                  CONNECTOR_SECRET_NOT_FOUND, "");
  }
  assert_int_equal(connector_secret_count(secret), 0);
  request.version = 1;
  assert_ok(resolver.get(resolver.user, &request, secret, &failure));
  connector_secret_free(secret);
}

static void a_variable_may_be_as_long_as_a_value(void **state)
{
  static const char start[] = "SLACK_TOKEN=";
  size_t length = sizeof(start) - 1 + CONNECTOR_SECRET_VALUE_MAX;
  char *variable = run_of('v', length + 1);

  (void)state;
  memcpy(variable, start, sizeof(start) - 1);
  environment[6] = variable;
  assert_int_equal(status_of("secret", "dev/slack"), CONNECTOR_TOO_LARGE);
  variable[length] = '\0';
  assert_int_equal(status_of("secret", "dev/slack"), CONNECTOR_OK);
  free(variable);
}

static void it_can_only_read(void **state)
{
  (void)state;
  assert_null(resolver.put);
  assert_null(resolver.destroy);
  assert_null(resolver.remove);
  assert_null(resolver.restore);
  assert_null(resolver.invalidate);
}

/* ---- maps ---- */

static connector_status make_of(const connector_secret_variable *variables, size_t count)
{
  connector_secrets out = CONNECTOR_SECRETS_INIT;
  connector_status status = connector_secrets_environment(environment, variables, count, &out,
                                                          &failure);

  if (status == CONNECTOR_OK)
    out.close(out.user);
  else
    assert_null(out.get);
  return status;
}

static void arguments_must_be_given(void **state)
{
  connector_secrets out = CONNECTOR_SECRETS_INIT;

  (void)state;
  assert_answer(connector_secrets_environment(NULL, map, 1, &out, &failure), CONNECTOR_INVALID,
                "environment");
  assert_answer(connector_secrets_environment(environment, map, 1, NULL, &failure),
                CONNECTOR_INVALID, "out");
  assert_answer(make_of(NULL, 1), CONNECTOR_INVALID, "variables");
  assert_ok(make_of(NULL, 0));
  assert_ok(make_of(map, 0));
  out.size = 0;
  assert_answer(connector_secrets_environment(environment, map, 1, &out, &failure),
                CONNECTOR_INVALID, "size");
}

static void a_map_without_values_has_no_secret(void **state)
{
  (void)state;
  close_resolver();
  assert_ok(connector_secrets_environment(environment, NULL, 0, &resolver, &failure));
  assert_int_equal(status_of("secret", "dev/jira"), CONNECTOR_SECRET_NOT_FOUND);
}

static void a_map_has_rules(void **state)
{
  char *longest = run_of('n', CONNECTOR_SECRET_NAME_MAX + 1);
  const struct {
    connector_secret_variable variable;
    const char *field;
  } cases[] = {
    { { NULL, "n", "V" }, "variables[1].path" },
    { { "", "n", "V" }, "variables[1].path" },
    { { "secret", "n", "V" }, "variables[1].path" },
    { { "secret/data/../a", "n", "V" }, "variables[1].path" },
    { { "secret/data/a", NULL, "V" }, "variables[1].name" },
    { { "secret/data/a", "", "V" }, "variables[1].name" },
    { { "secret/data/a", "a\nb", "V" }, "variables[1].name" },
    { { "secret/data/a", "\xff", "V" }, "variables[1].name" },
    { { "secret/data/a", longest, "V" }, "variables[1].name" },
    { { "secret/data/a", "n", NULL }, "variables[1].variable" },
    { { "secret/data/a", "n", "" }, "variables[1].variable" },
    { { "secret/data/a", "n", "A=B" }, "variables[1].variable" },
    { { "secret/data/dev/jira", "token", "V" }, "variables[1].name" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    const connector_secret_variable two[] = { map[0], cases[i].variable };

    assert_answer(make_of(two, 2), CONNECTOR_INVALID, cases[i].field);
  }
  longest[CONNECTOR_SECRET_NAME_MAX] = '\0';
  {
    const connector_secret_variable one = { "secret/data/a", longest, "V" };

    assert_ok(make_of(&one, 1));
  }
  free(longest);
}

static void the_map_is_copied(void **state)
{
  char whole[] = "secret/data/x";
  char name[] = "name";
  char variable[] = "JIRA_TOKEN";
  connector_secret_variable one = { whole, name, variable };
  connector_secret *secret = NULL;

  (void)state;
  close_resolver();
  assert_ok(connector_secrets_environment(environment, &one, 1, &resolver, &failure));
  whole[0] = name[0] = variable[0] = '!';
  memset(&one, 0, sizeof(one));
  secret = read_from("secret", "x");
  assert_json(secret, "{\"name\":\"a=b\"}");
  connector_secret_free(secret);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    map_test(the_map_tells_which_variable_is_which_value),
    map_test(what_is_not_set_is_not_there),
    map_test(the_environment_is_read_with_every_call),
    map_test(there_is_one_version_of_no_known_time),
    map_test(a_variable_may_be_as_long_as_a_value),
    map_test(it_can_only_read),
    map_test(arguments_must_be_given),
    map_test(a_map_without_values_has_no_secret),
    map_test(a_map_has_rules),
    map_test(the_map_is_copied),
  };

  return cmocka_run_group_tests_name("environment", tests, NULL, NULL);
}
