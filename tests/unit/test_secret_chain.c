/*
 * secret/chain: which route serves what, and when the next one is asked.
 */
#include "resolver_support.h"

#include "secret/chain.h"

/* ---- resolvers that note what they were asked ---- */

struct fake {
  connector_status answer;
  const char *value; /* of `v`; or NULL */
  int gets, puts, destroys, removes, restores, versions, invalidates, closes;
};

static struct fake fakes[4];

static connector_status answer_of(const struct fake *fake, connector_error *error)
{
  if (fake->answer != CONNECTOR_OK && error != NULL)
    *error = (connector_error){ .status = fake->answer, .os_code = (int)(fake - fakes) + 1 };
  return fake->answer;
}

static connector_status fake_get(void *user, const connector_secret_request *request,
                                 connector_secret *into, connector_error *error)
{
  struct fake *fake = user;

  (void)request;
  fake->gets++;
  if (fake->value != NULL)
    set(into, "v", fake->value);
  connector_secret_set_version(into, 7);
  return answer_of(fake, error);
}

static connector_status fake_put(void *user, const connector_secret_request *request,
                                 const connector_secret *secret, int64_t expected_version,
                                 int64_t *version, connector_error *error)
{
  struct fake *fake = user;

  (void)request;
  assert_value(secret, "w", "written");
  assert_int_equal(expected_version, 3);
  fake->puts++;
  *version = 4;
  return answer_of(fake, error);
}

static connector_status fake_destroy(void *user, const connector_secret_request *request,
                                     connector_error *error)
{
  struct fake *fake = user;

  assert_int_equal(request->version, 5);
  fake->destroys++;
  return answer_of(fake, error);
}

static connector_status fake_remove(void *user, const connector_secret_request *request,
                                    connector_error *error)
{
  struct fake *fake = user;

  (void)request;
  fake->removes++;
  return answer_of(fake, error);
}

static connector_status fake_restore(void *user, const connector_secret_request *request,
                                     connector_error *error)
{
  struct fake *fake = user;

  (void)request;
  fake->restores++;
  return answer_of(fake, error);
}

static connector_status fake_versions(void *user, const connector_secret_request *request,
                                      connector_secret_version_fn each, void *each_user,
                                      connector_error *error)
{
  connector_secret_version_info info = CONNECTOR_SECRET_VERSION_INFO_INIT;
  struct fake *fake = user;

  (void)request;
  fake->versions++;
  if (fake->answer != CONNECTOR_OK)
    return answer_of(fake, error);
  info.version = 7;
  return each(each_user, &info, error);
}

static void fake_invalidate(void *user, const connector_secret_request *request)
{
  (void)request;
  ((struct fake *)user)->invalidates++;
}

static void fake_close(void *user)
{
  ((struct fake *)user)->closes++;
}

static connector_secrets full(int index)
{
  connector_secrets made = CONNECTOR_SECRETS_INIT;

  made.user = &fakes[index];
  made.get = fake_get;
  made.put = fake_put;
  made.destroy = fake_destroy;
  made.remove = fake_remove;
  made.restore = fake_restore;
  made.versions = fake_versions;
  made.invalidate = fake_invalidate;
  made.close = fake_close;
  return made;
}

static connector_secrets bare(int index)
{
  connector_secrets made = CONNECTOR_SECRETS_INIT;

  made.user = &fakes[index];
  made.get = fake_get;
  return made;
}

/* ---- chains of them ---- */

static int setup_fakes(void **state)
{
  memset(fakes, 0, sizeof(fakes));
  resolver = (connector_secrets)CONNECTOR_SECRETS_INIT;
  return setup_memory(state);
}

static int teardown_fakes(void **state)
{
  close_resolver();
  return teardown_memory(state);
}

#define chain_test(name) cmocka_unit_test_setup_teardown(name, setup_fakes, teardown_fakes)

static connector_secrets chain_of(const connector_secrets_route *routes, size_t count)
{
  connector_secrets made = CONNECTOR_SECRETS_INIT;

  assert_ok(connector_secrets_chain(routes, count, &made, &failure));
  return made;
}

/* Route 0 for `secret/data/dev`, 1 for `secret`, 2 for all. */
static void make_three(void)
{
  const connector_secrets_route routes[] = {
    { "secret/data/dev", full(0) },
    { "secret", full(1) },
    { "", full(2) },
  };

  resolver = chain_of(routes, COUNT_OF(routes));
}

static void assert_gets(int first, int second, int third)
{
  assert_int_equal(fakes[0].gets, first);
  assert_int_equal(fakes[1].gets, second);
  assert_int_equal(fakes[2].gets, third);
}

/* ---- reading ---- */

static void a_prefix_is_whole_segments(void **state)
{
  static const struct {
    const char *prefix;
    const char *mount;
    const char *path;
    bool fits;
  } cases[] = {
    { "", "kv", "a", true },
    { "kv", "kv", "a", true },
    { "k", "kv", "a", false },
    { "kv", "k", "v", false },
    { "kv", "kv/team", "a", true },
    { "kv/team", "kv/team", "a", true },
    { "kv/tea", "kv/team", "a", false },
    { "kv/data", "kv", "a", true },
    { "kv/dat", "kv", "a", false },
    { "kv/data/a", "kv", "a", true },
    { "kv/data/a", "kv", "a/b", true },
    { "kv/data/a", "kv", "ab", false },
    { "kv/data/a/b", "kv", "a", false },
    { "kv/data/a", "kv/data", "a", false },
    { "KV", "kv", "a", false },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    const connector_secrets_route route = { cases[i].prefix, full(0) };

    resolver = chain_of(&route, 1);
    if ((resolver_first(&resolver, cases[i].mount, cases[i].path) != NULL) != cases[i].fits)
      fail_msg("%s and %s/data/%s", cases[i].prefix, cases[i].mount, cases[i].path);
    assert_int_equal(status_of(cases[i].mount, cases[i].path),
                     cases[i].fits ? CONNECTOR_OK : CONNECTOR_SECRET_PATH);
    close_resolver();
  }
}

static void the_first_route_that_has_the_secret_serves_it(void **state)
{
  connector_secret *secret = NULL;

  (void)state;
  make_three();
  fakes[0].value = "zero";
  fakes[1].value = "one";
  secret = read_from("secret", "dev/jira");
  assert_value(secret, "v", "zero");
  assert_int_equal(connector_secret_version(secret), 7);
  connector_secret_free(secret);
  assert_gets(1, 0, 0);
  secret = read_from("secret", "prod");
  assert_value(secret, "v", "one");
  connector_secret_free(secret);
  assert_gets(1, 1, 0);
  connector_secret_free(read_from("kv", "dev"));
  assert_gets(1, 1, 1);
}

static void the_next_is_asked_where_one_has_none(void **state)
{
  connector_secret *secret = NULL;

  (void)state;
  make_three();
  fakes[0].answer = CONNECTOR_SECRET_NOT_FOUND;
  fakes[1].answer = CONNECTOR_SECRET_NOT_FOUND;
  fakes[2].value = "two";
  secret = read_from("secret", "dev");
  assert_json(secret, "{\"v\":\"two\"}");
  connector_secret_free(secret);
  assert_gets(1, 1, 1);
  fakes[2].value = NULL;
  fakes[2].answer = CONNECTOR_SECRET_NOT_FOUND;
  assert_int_equal(status_of("secret", "dev"), CONNECTOR_SECRET_NOT_FOUND);
  assert_gets(2, 2, 2);
}

static void no_other_answer_makes_the_next_be_asked(void **state)
{
  static const connector_status answers[] = {
    CONNECTOR_SECRET_DELETED,
    CONNECTOR_SECRET_DENIED,
    CONNECTOR_SECRET_SEALED,
    CONNECTOR_SECRET_TAMPERED,
    CONNECTOR_SECRET_UNAVAILABLE,
    CONNECTOR_SECRET_TIMEOUT,
    CONNECTOR_NOT_FOUND,
    CONNECTOR_NO_MEMORY,
    CONNECTOR_SECRET_PATH,
    CONNECTOR_SECRET_READ_ONLY,
    CONNECTOR_DENIED,
    CONNECTOR_INTERNAL,
  };

  (void)state;
  make_three();
  for (size_t i = 0; i < COUNT_OF(answers); i++) {
    struct told told = { 0 };

    fakes[0].answer = answers[i];
    assert_int_equal(status_of("secret", "dev"), answers[i]);
    assert_int_equal(failure.os_code, 1);
    assert_int_equal(versions_of("secret", "dev", &told), answers[i]);
    assert_int_equal(failure.os_code, 1);
    assert_int_equal(told.calls, 0);
  }
  assert_gets((int)COUNT_OF(answers), 0, 0);
  assert_int_equal(fakes[1].versions, 0);
}

static void a_version_of_what_has_none_is_forgotten(void **state)
{
  connector_secret_request request = request_for("secret", "dev");
  connector_secret *secret = new_secret();

  (void)state;
  make_three();
  for (int i = 0; i < 3; i++)
    fakes[i].answer = CONNECTOR_SECRET_NOT_FOUND;
  assert_answer(resolver.get(resolver.user, &request, secret, &failure), CONNECTOR_SECRET_NOT_FOUND,
                "");
  assert_int_equal(connector_secret_version(secret), 0);
  connector_secret_free(secret);
}

static void values_of_what_has_none_are_never_served(void **state)
{
  (void)state;
  make_three();
  fakes[0].answer = CONNECTOR_SECRET_NOT_FOUND;
  fakes[0].value = "left";
  assert_int_equal(status_of("secret", "dev"), CONNECTOR_MISUSE);
  assert_gets(1, 0, 0);
}

static void versions_are_told_as_secrets_are_read(void **state)
{
  struct told told = { 0 };

  (void)state;
  make_three();
  fakes[0].answer = CONNECTOR_SECRET_NOT_FOUND;
  assert_int_equal(versions_of("secret", "dev", &told), CONNECTOR_OK);
  assert_int_equal(failure.status, CONNECTOR_OK);
  assert_int_equal(told.calls, 1);
  assert_int_equal(told.version, 7);
  assert_int_equal(fakes[0].versions, 1);
  assert_int_equal(fakes[1].versions, 1);
  assert_int_equal(fakes[2].versions, 0);
  told.answer = CONNECTOR_CANCELLED;
  assert_int_equal(versions_of("secret", "x", &told), CONNECTOR_CANCELLED);
}

/* ---- changing ---- */

static connector_status put_to(const char *mount, const char *path, int64_t *version)
{
  connector_secret_request request = request_for(mount, path);
  connector_secret *secret = secret_of("{\"w\":\"written\"}");
  connector_status status = CONNECTOR_OK;

  memset(&failure, 0x5a, sizeof(failure));
  status = resolver.put(resolver.user, &request, secret, 3, version, &failure);
  connector_secret_free(secret);
  return status;
}

static void changes_go_to_the_first_route_alone(void **state)
{
  connector_secret_request request = request_for("secret", "dev");
  int64_t version = 0;

  (void)state;
  make_three();
  request.version = 5;
  fakes[0].answer = CONNECTOR_SECRET_NOT_FOUND;
  assert_int_equal(put_to("secret", "dev", &version), CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(version, 4);
  assert_int_equal(resolver.destroy(resolver.user, &request, NULL), CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(resolver.remove(resolver.user, &request, NULL), CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(resolver.restore(resolver.user, &request, NULL), CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(fakes[0].puts, 1);
  assert_int_equal(fakes[0].destroys, 1);
  assert_int_equal(fakes[0].removes, 1);
  assert_int_equal(fakes[0].restores, 1);
  assert_int_equal(fakes[1].puts + fakes[1].destroys + fakes[1].removes + fakes[1].restores, 0);
  assert_int_equal(put_to("kv", "x", &version), CONNECTOR_OK);
  assert_int_equal(fakes[2].puts, 1);
}

static void what_is_cached_is_dropped_by_every_route_that_fits(void **state)
{
  connector_secret_request request = request_for("secret", "prod");

  (void)state;
  make_three();
  resolver.invalidate(resolver.user, &request);
  assert_int_equal(fakes[0].invalidates, 0);
  assert_int_equal(fakes[1].invalidates, 1);
  assert_int_equal(fakes[2].invalidates, 1);
}

static void what_a_resolver_lacks_is_answered_for_it(void **state)
{
  const connector_secrets_route routes[] = { { "secret", bare(0) }, { "", full(1) } };
  connector_secret_request request = request_for("secret", "a");
  struct told told = { 0 };
  int64_t version = -1;

  (void)state;
  resolver = chain_of(routes, COUNT_OF(routes));
  assert_int_equal(put_to("secret", "a", &version), CONNECTOR_SECRET_READ_ONLY);
  assert_int_equal(version, -1);
  assert_answer(resolver.destroy(resolver.user, &request, &failure), CONNECTOR_SECRET_READ_ONLY,
                "");
  assert_answer(resolver.remove(resolver.user, &request, &failure), CONNECTOR_SECRET_READ_ONLY, "");
  assert_answer(resolver.restore(resolver.user, &request, &failure), CONNECTOR_SECRET_READ_ONLY,
                "");
  assert_int_equal(versions_of("secret", "a", &told), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(failure.status, CONNECTOR_SECRET_UNAVAILABLE);
  resolver.invalidate(resolver.user, &request);
  assert_int_equal(fakes[1].invalidates, 1);
  assert_int_equal(fakes[1].puts + fakes[1].versions, 0);
}

static void a_path_without_a_route_is_refused(void **state)
{
  const connector_secrets_route route = { "kv", full(0) };
  connector_secret_request request = request_for("secret", "a");
  connector_secret *secret = secret_of("{\"w\":\"written\"}");
  struct told told = { 0 };
  int64_t version = 0;

  (void)state;
  resolver = chain_of(&route, 1);
  assert_answer(resolver.get(resolver.user, &request, secret, &failure), CONNECTOR_SECRET_PATH,
                "vault_path");
  assert_answer(resolver.put(resolver.user, &request, secret, 3, &version, &failure),
                CONNECTOR_SECRET_PATH, "vault_path");
  assert_answer(resolver.destroy(resolver.user, &request, &failure), CONNECTOR_SECRET_PATH,
                "vault_path");
  assert_answer(resolver.remove(resolver.user, &request, &failure), CONNECTOR_SECRET_PATH,
                "vault_path");
  assert_answer(resolver.restore(resolver.user, &request, &failure), CONNECTOR_SECRET_PATH,
                "vault_path");
  assert_answer(resolver.versions(resolver.user, &request, tell, &told, &failure),
                CONNECTOR_SECRET_PATH, "vault_path");
  resolver.invalidate(resolver.user, &request);
  assert_int_equal(fakes[0].gets + fakes[0].puts + fakes[0].invalidates, 0);
  connector_secret_free(secret);
}

/* ---- chains in chains, and the store's questions ---- */

/* Outer: all to (kv to 0, kv to 1), secret to 2. */
static void make_nested(void)
{
  const connector_secrets_route inner[] = { { "kv/data/a", full(0) }, { "kv", full(1) } };
  const connector_secrets_route outer[] = { { "", chain_of(inner, 2) }, { "secret", full(2) } };

  resolver = chain_of(outer, 2);
}

static void a_chain_in_a_chain_fits_where_its_routes_do(void **state)
{
  int64_t version = 0;

  (void)state;
  make_nested();
  assert_int_equal(status_of("secret", "x"), CONNECTOR_OK);
  assert_gets(0, 0, 1);
  assert_int_equal(put_to("secret", "x", &version), CONNECTOR_OK);
  assert_int_equal(fakes[2].puts, 1);
  fakes[0].answer = CONNECTOR_SECRET_NOT_FOUND;
  assert_int_equal(status_of("kv", "a"), CONNECTOR_OK);
  assert_gets(1, 1, 1);
  assert_int_equal(status_of("other", "a"), CONNECTOR_SECRET_PATH);
  close_resolver();
  for (int i = 0; i < 3; i++)
    assert_int_equal(fakes[i].closes, 1);
}

static void the_first_leaf_is_that_of_writes(void **state)
{
  connector_secrets alone = full(3);

  (void)state;
  make_nested();
  assert_ptr_equal(resolver_first(&alone, "any", "path"), &alone);
  assert_ptr_equal(resolver_first(&resolver, "kv", "a/b")->user, &fakes[0]);
  assert_ptr_equal(resolver_first(&resolver, "kv", "b")->user, &fakes[1]);
  assert_ptr_equal(resolver_first(&resolver, "secret", "b")->user, &fakes[2]);
  assert_null(resolver_first(&resolver, "other", "b"));
}

struct walk {
  size_t count;
  size_t stop; /* at this one */
  void *users[8];
};

static connector_status note_leaf(void *user, const connector_secrets *leaf, connector_error *error)
{
  struct walk *walk = user;

  (void)error;
  walk->users[walk->count++] = leaf->user;
  return walk->count == walk->stop ? CONNECTOR_CANCELLED : CONNECTOR_OK;
}

static void every_leaf_is_shown(void **state)
{
  connector_secrets alone = full(3);
  struct walk walk = { 0 };

  (void)state;
  make_nested();
  assert_ok(resolver_each(&resolver, note_leaf, &walk, &failure));
  assert_int_equal(walk.count, 3);
  for (size_t i = 0; i < walk.count; i++)
    assert_ptr_equal(walk.users[i], &fakes[i]);
  walk = (struct walk){ .stop = 2 };
  assert_int_equal(resolver_each(&resolver, note_leaf, &walk, &failure), CONNECTOR_CANCELLED);
  assert_int_equal(walk.count, 2);
  walk = (struct walk){ 0 };
  assert_ok(resolver_each(&alone, note_leaf, &walk, &failure));
  assert_int_equal(walk.count, 1);
  assert_ptr_equal(walk.users[0], &fakes[3]);
}

static void a_resolver_of_several_routes_is_closed_and_shown_once(void **state)
{
  const connector_secrets_route routes[] = {
    { "a", full(0) }, { "b", full(1) }, { "c", full(0) }, { "d", bare(2) }, { "e", bare(2) },
  };
  struct walk walk = { 0 };

  (void)state;
  resolver = chain_of(routes, COUNT_OF(routes));
  assert_int_equal(status_of("c", "x"), CONNECTOR_OK);
  assert_int_equal(fakes[0].gets, 1);
  assert_ok(resolver_each(&resolver, note_leaf, &walk, &failure));
  assert_int_equal(walk.count, 3);
  close_resolver();
  assert_int_equal(fakes[0].closes, 1);
  assert_int_equal(fakes[1].closes, 1);
  assert_int_equal(fakes[2].closes, 0);
}

/* ---- making ---- */

static connector_status make_of(const connector_secrets_route *routes, size_t count)
{
  connector_secrets out = CONNECTOR_SECRETS_INIT;
  connector_status status = connector_secrets_chain(routes, count, &out, &failure);

  if (status == CONNECTOR_OK)
    out.close(out.user);
  else
    assert_null(out.get);
  return status;
}

static void a_chain_has_rules(void **state)
{
  static const char *const prefixes[] = { NULL, "/", "secret/", "/secret", "a//b", "..", "a%41" };
  connector_secrets_route routes[65];
  connector_secrets out = CONNECTOR_SECRETS_INIT;

  (void)state;
  for (int i = 0; i < 65; i++)
    routes[i] = (connector_secrets_route){ "secret", full(i % 4) };
  assert_answer(make_of(NULL, 1), CONNECTOR_INVALID, "routes");
  assert_answer(make_of(routes, 0), CONNECTOR_INVALID, "count");
  assert_answer(make_of(routes, 65), CONNECTOR_INVALID, "count");
  assert_answer(connector_secrets_chain(routes, 1, NULL, &failure), CONNECTOR_INVALID, "out");
  out.size = 0;
  assert_answer(connector_secrets_chain(routes, 1, &out, &failure), CONNECTOR_INVALID, "size");
  for (size_t i = 0; i < COUNT_OF(prefixes); i++) {
    routes[1].prefix = prefixes[i];
    assert_answer(make_of(routes, 2), CONNECTOR_INVALID, "prefix");
  }
  routes[1].prefix = "";
  routes[1].secrets.get = NULL;
  assert_answer(make_of(routes, 2), CONNECTOR_INVALID, "get");
  routes[1].secrets = full(1);
  routes[1].secrets.size -= sizeof(void *);
  assert_answer(make_of(routes, 2), CONNECTOR_INVALID, "size");
  routes[1].secrets = full(1);
  assert_int_equal(fakes[0].closes + fakes[1].closes, 0);
  assert_ok(make_of(routes, 64));
  for (int i = 0; i < 4; i++)
    assert_int_equal(fakes[i].closes, 1);
}

/* A host of an earlier release, whose resolvers lack the last members. */
static void routes_may_be_of_another_size(void **state)
{
  struct {
    const char *prefix;
    char secrets[offsetof(connector_secrets, close)];
  } routes[2] = { { "a", { 0 } }, { "b", { 0 } } };

  (void)state;
  for (int i = 0; i < 2; i++) {
    connector_secrets shorter = full(i);

    shorter.size = sizeof(routes[i].secrets);
    memcpy(routes[i].secrets, &shorter, sizeof(routes[i].secrets));
  }
  resolver = chain_of((const connector_secrets_route *)(const void *)routes, 2);
  assert_int_equal(status_of("b", "x"), CONNECTOR_OK);
  assert_gets(0, 1, 0);
  close_resolver();
  assert_int_equal(fakes[1].closes, 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    chain_test(a_prefix_is_whole_segments),
    chain_test(the_first_route_that_has_the_secret_serves_it),
    chain_test(the_next_is_asked_where_one_has_none),
    chain_test(no_other_answer_makes_the_next_be_asked),
    chain_test(a_version_of_what_has_none_is_forgotten),
    chain_test(values_of_what_has_none_are_never_served),
    chain_test(versions_are_told_as_secrets_are_read),
    chain_test(changes_go_to_the_first_route_alone),
    chain_test(what_is_cached_is_dropped_by_every_route_that_fits),
    chain_test(what_a_resolver_lacks_is_answered_for_it),
    chain_test(a_path_without_a_route_is_refused),
    chain_test(a_chain_in_a_chain_fits_where_its_routes_do),
    chain_test(the_first_leaf_is_that_of_writes),
    chain_test(every_leaf_is_shown),
    chain_test(a_resolver_of_several_routes_is_closed_and_shown_once),
    chain_test(a_chain_has_rules),
    chain_test(routes_may_be_of_another_size),
  };

  return cmocka_run_group_tests_name("secret_chain", tests, NULL, NULL);
}
