/*
 * The secret guard: config, tags and metrics refuse what names or looks like a secret, with its
 * JSON path and without its value; last_error is scrubbed.
 */
#include "support.h"

/* Made of two parts, so that this file holds nothing that looks like a secret. */
static char *joined(const char *start, const char *end)
{
  static char text[300];
  snprintf(text, sizeof(text), "%s%s", start, end);
  return text;
}

static void keys_that_name_a_secret_are_refused_with_their_path(void **state)
{
  (void)state;
  static const struct {
    const char *json, *path;
  } rows[] = {
    { "{\"password\":\"hunter2canary\"}", "config.password" },
    { "{\"auth\":{\"client_secret\":\"hunter2canary\"}}", "config.auth.client_secret" },
    { "{\"apiKey\":\"hunter2canary\"}", "config.apiKey" },
    { "{\"ACCESS-TOKEN\":\"hunter2canary\"}", "config.ACCESS-TOKEN" },
    { "{\"private_key\":\"hunter2canary\"}", "config.private_key" },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    assert_invalid(connector_create(test.store, PATCH(.config = rows[i].json), NULL, &failure),
                   rows[i].path);
    assert_lacks(failure.message, "hunter2canary");
  }
  assert_status(connector_create(test.store, PATCH(.tags = "{\"password\":\"hunter2canary\"}"),
                                 NULL, &failure),
                CONNECTOR_INVALID);
  assert_status(connector_create(test.store, PATCH(.metrics = "{\"password\":\"hunter2canary\"}"),
                                 NULL, &failure),
                CONNECTOR_INVALID);
}

static void keys_that_only_sound_like_a_secret_are_kept(void **state)
{
  (void)state;
  assert_ok(connector_create(test.store,
                             PATCH(.config = "{\"token_url\":\"https://example.com/token\","
                                             "\"secret_name\":\"jira\",\"password_policy\":\"a\","
                                             "\"password\":\"\",\"api_key\":null}"),
                             NULL, &failure));
}

static void values_that_look_like_a_secret_are_refused(void **state)
{
  (void)state;
  static const char *const secrets[][2] = {
    { "-----BEGIN RSA PRIVATE", " KEY-----" },
    { "AKIA", "IOSFODNN7EXAMPLE" },
    { "ghp_", "16C7e42F292c6912E7710c838347Ae178B4a" },
    { "https://user:pass", "word@example.com/x" },
  };
  char json[400];
  for (size_t i = 0; i < COUNT_OF(secrets); i++) {
    const char *secret = joined(secrets[i][0], secrets[i][1]);
    snprintf(json, sizeof(json), "{\"note\":\"%s\"}", secret);
    assert_invalid(connector_create(test.store, PATCH(.config = json), NULL, &failure),
                   "config.note");
    assert_lacks(failure.message, secret);
    snprintf(json, sizeof(json), "[\"%s\"]", secret);
    assert_status(connector_create(test.store, PATCH(.tags = json), NULL, &failure),
                  CONNECTOR_INVALID);
  }
  assert_int_equal(count_of(NULL), 0);
}

static void an_update_is_guarded_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.config = "{\"a\":{\"b\":1}}"), id);
  static const char merge[] = "{\"config\":{\"a\":{\"password\":\"hunter2canary\"}}}";
  assert_invalid(connector_update_json(test.store, id, 0, merge, strlen(merge), NULL, &failure),
                 "config.a.password");
  assert_status(connector_update(test.store, id, 0,
                                 PATCH(.metrics = "{\"password\":\"hunter2canary\"}"), NULL,
                                 &failure),
                CONNECTOR_INVALID);
  connector *record = fetch(id);
  assert_int_equal(record->version, 1);
  connector_free(record);
}

static void the_guard_can_be_told_to_allow(void **state)
{
  (void)state;
  connector_options options = test_options();
  options.guard = CONNECTOR_GUARD_ALLOW;
  open_store(&options);
  connector *record = make(PATCH(.config = "{\"password\":\"hunter2canary\"}"));
  assert_text(record->config, "{\"password\":\"hunter2canary\"}");
  connector_free(record);
}

static void last_error_is_scrubbed(void **state)
{
  (void)state;
  char text[400];
  const char *secret = joined("ghp_", "16C7e42F292c6912E7710c838347Ae178B4a");
  snprintf(text, sizeof(text), "401 for %s at 12:00", secret);
  connector *record = make(PATCH(.last_error = text));
  assert_text(record->last_error, "401 for [redacted] at 12:00");
  connector_free(record);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(keys_that_name_a_secret_are_refused_with_their_path),
    memory_test(keys_that_only_sound_like_a_secret_are_kept),
    memory_test(values_that_look_like_a_secret_are_refused),
    memory_test(an_update_is_guarded_too),
    store_test(the_guard_can_be_told_to_allow),
    memory_test(last_error_is_scrubbed),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
