/*
 * secret/path: which paths there are, where they part, whose they may be, and the template.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "secret/path.h"

#include <connector/store.h>

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

#define OWN "cnn_01HZX3V7Q2M8K4T6B9D0F1G2H3"
#define OTHER "cnn_01HZX3V7Q2M8K4T6B9D0F1G2H4"

static const struct path_owner owner = { "acme", "app-1", OWN, "cnn_" };

static connector_error failure;
static struct arena arena;

static int teardown(void **state)
{
  (void)state;
  arena_free(&arena);
  return 0;
}

#define path_test(name) cmocka_unit_test_teardown(name, teardown)

static struct path_segments compile(const char *text)
{
  struct path_segments compiled;

  if (path_template_compile(text, &compiled, &failure) != CONNECTOR_OK)
    fail_msg("%s: %s", text, failure.message);
  return compiled;
}

static bool takes(const char *template, const struct path_owner *whose, const char *text)
{
  struct path_segments compiled = compile(template);
  struct vault_path parts = { NULL, NULL };
  connector_status status = CONNECTOR_OK;

  memset(&failure, 0x5a, sizeof(failure));
  status = vault_path_check(&compiled, whose, text, &arena, &parts, &failure);
  if (status == CONNECTOR_OK) {
    char whole[VAULT_PATH_MOST + 1];

    snprintf(whole, sizeof(whole), "%s/data/%s", parts.mount, parts.path);
    assert_string_equal(whole, text);
    return true;
  }
  assert_int_equal(status, CONNECTOR_SECRET_PATH);
  assert_int_equal(failure.status, CONNECTOR_SECRET_PATH);
  assert_string_equal(failure.field, "vault_path");
  assert_true(failure.message[0] != '\0');
  assert_null(parts.mount);
  return false;
}

static void accept(const char *text)
{
  if (!takes(CONNECTOR_VAULT_PATH_TEMPLATE, &owner, text))
    fail_msg("%s was refused: %s", text, failure.message);
}

static void refuse(const char *text)
{
  if (takes(CONNECTOR_VAULT_PATH_TEMPLATE, &owner, text))
    fail_msg("%s was accepted", text);
  assert_true(strlen(text) < 14 || strstr(failure.message, text) == NULL);
}

/* ---- form ---- */

static void a_path_has_a_mount_data_and_a_path(void **state)
{
  (void)state;
  accept("secret/data/a");
  accept("secret/data/a/b/c");
  accept("secret/data/Name with spaces, dots. and \xc3\xa9");
  accept("secret/data/..a");
  accept("secret/data/...");
  accept("secret/data/data");
  accept("data/data/a");
  refuse("");
  refuse("secret");
  refuse("data");
  refuse("data/a");
  refuse("secret/a/b");
  refuse("secret/data");
  refuse("secret/datas/a");
  refuse("secret/Data/a");
}

static void a_path_parts_at_the_first_data_behind_the_mount(void **state)
{
  static const struct {
    const char *text;
    const char *mount;
    const char *path;
  } cases[] = {
    { "secret/data/a/b", "secret", "a/b" },
    { "kv/team/data/a", "kv/team", "a" },
    { "data/data/a", "data", "a" },
    { "secret/data/a/data/b", "secret", "a/data/b" },
  };
  struct path_segments compiled = compile(CONNECTOR_VAULT_PATH_TEMPLATE);

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct vault_path parts = { NULL, NULL };

    assert_int_equal(vault_path_check(&compiled, &owner, cases[i].text, &arena, &parts, &failure),
                     CONNECTOR_OK);
    assert_string_equal(parts.mount, cases[i].mount);
    assert_string_equal(parts.path, cases[i].path);
  }
}

static void no_segment_leads_elsewhere(void **state)
{
  static const char *const cases[] = {
    "/secret/data/a",
    "secret/data/a/",
    "secret//data/a",
    "secret/data//a",
    "secret/data/a//b",
    "secret/data/",
    "secret/data/..",
    "secret/data/../a",
    "secret/data/a/../b",
    "secret/data/a/..",
    "../data/a",
    "secret/../data/a",
    "secret/data/.",
    "secret/data/./a",
    "./data/a",
    "secret/data/a\\..\\b",
    "secret/data/..\\a",
    "secret\\data\\a/data/b",
    "secret/data/%2e%2e/a",
    "secret/data/%2E%2E%2fa",
    "secret/data/a%2fb",
    "secret/data/%252e/a",
    "secret/data/100%",
    "secret/data/a%00",
    "secret/data/a?x=1",
    "secret/data/a#b",
    "secret/data/a\nb",
    "secret/data/a\x7f",
    "secret/data/a\xc2\x85",
    "secret/data/a\xff",
    "secret/data/\xc0\xae/",
    "secret/data/\xc0\xae\xc0\xae/a",
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    refuse(cases[i]);
}

static void the_mount_is_not_there_twice(void **state)
{
  (void)state;
  refuse("secret/data/secret/data/a");
  refuse("secret/data/secret/data");
  refuse("kv/team/data/kv/team/data/a");
  accept("secret/data/secret/a");
  accept("secret/data/other/data/a");
  accept("kv/team/data/kv/other/data/a");
}

static void lengths_are_limited(void **state)
{
  char text[VAULT_PATH_MOST + 2];
  size_t start = 0;

  (void)state;
  for (size_t length = VAULT_PATH_MOST; length <= VAULT_PATH_MOST + 1; length++) {
    memset(text, 'x', sizeof(text));
    memcpy(text, "secret/data/", 12);
    for (size_t at = 200; at < VAULT_PATH_MOST; at += 200)
      text[at] = '/';
    text[length] = '\0';
    if (length <= VAULT_PATH_MOST)
      accept(text);
    else
      refuse(text);
  }
  start = (size_t)snprintf(text, sizeof(text), "secret/data/");
  memset(text + start, 'x', VAULT_SEGMENT_MOST + 1);
  text[start + VAULT_SEGMENT_MOST] = '\0';
  accept(text);
  text[start + VAULT_SEGMENT_MOST] = 'x';
  text[start + VAULT_SEGMENT_MOST + 1] = '\0';
  refuse(text);
}

static void the_number_of_segments_is_limited(void **state)
{
  char text[300] = "secret/data";

  (void)state;
  for (int i = 2; i < VAULT_SEGMENTS_MOST; i++)
    strcat(text, "/x");
  accept(text);
  strcat(text, "/x");
  refuse(text);
}

/* ---- whose ---- */

static void a_path_of_the_templates_shape_is_the_records_own(void **state)
{
  (void)state;
  accept("secret/data/acme/connectors/" OWN "/credentials");
  refuse("secret/data/other/connectors/" OWN "/credentials");
  refuse("secret/data/acme/connectors/" OTHER "/credentials");
  refuse("secret/data/acme/connectors/name/credentials");
  refuse("secret/data/Acme/connectors/" OWN "/credentials");
}

static void all_in_the_templates_space_is_the_records_own(void **state)
{
  (void)state;
  accept("secret/data/acme/connectors");
  accept("secret/data/acme/connectors/" OWN);
  accept("secret/data/acme/connectors/" OWN "/other");
  accept("secret/data/acme/connectors/" OWN "/credentials/old");
  refuse("secret/data/other/connectors");
  refuse("secret/data/other/connectors/" OWN);
  refuse("secret/data/other/connectors/" OWN "/credentials/old");
  refuse("secret/data/acme/connectors/shared");
  refuse("secret/data/acme/connectors/shared/a/b/c");
}

static void elsewhere_only_ids_are_looked_at(void **state)
{
  (void)state;
  accept("secret/data/other/jira");
  accept("secret/data/shared/a/b/c/d");
  accept("kv/data/other/connectors/" OWN "/credentials");
  accept("secret/data/a/b/" OWN);
  refuse("secret/data/a/b/" OTHER);
  refuse("kv/data/other/connectors/" OTHER "/credentials");
  refuse(OTHER "/data/a");
}

static void an_id_is_found_however_it_is_written(void **state)
{
  (void)state;
  refuse("kv/data/cnn_01hzx3v7q2m8k4t6b9d0f1g2h4");
  refuse("kv/data/CNN_01HZX3V7Q2M8K4T6B9D0F1G2H4");
  refuse("kv/data/" OTHER "-old");
  refuse("kv/data/" OTHER "x");
  refuse("kv/data/cnn_01hzx3v7q2m8k4t6b9d0f1g2h3"); /* its own, but not byte for byte */
  accept("kv/data/" OWN "-old");
  accept("kv/data/x" OTHER);
  accept("kv/data/cnn_short");
  accept("kv/data/cnn_ULLLLLLLLLLLLLLLLLLLLLLLLL"); /* U is no Crockford character */
}

static void another_prefix_is_the_stores_own(void **state)
{
  static const struct path_owner src = { "acme", NULL, "src-01HZX3V7Q2M8K4T6B9D0F1G2H3", "src-" };

  (void)state;
  assert_false(
      takes(CONNECTOR_VAULT_PATH_TEMPLATE, &src, "kv/data/src-01HZX3V7Q2M8K4T6B9D0F1G2H4"));
  assert_true(takes(CONNECTOR_VAULT_PATH_TEMPLATE, &src, "kv/data/src-01HZX3V7Q2M8K4T6B9D0F1G2H3"));
  assert_true(takes(CONNECTOR_VAULT_PATH_TEMPLATE, &src, "kv/data/" OTHER));
}

static void a_template_without_a_literal_behind_is_a_shape_alone(void **state)
{
  static const char template[] = "kv/data/{tenant_id}/{connector_id}";

  (void)state;
  assert_true(takes(template, &owner, "kv/data/acme/" OWN));
  assert_false(takes(template, &owner, "kv/data/other/" OWN));
  assert_false(takes(template, &owner, "kv/data/acme/name"));
  assert_true(takes(template, &owner, "kv/data/acme"));
  assert_true(takes(template, &owner, "kv/data/other/a/b"));
}

static void a_placeholder_may_be_in_the_mount(void **state)
{
  static const char template[] = "kv/{tenant_id}/data/{connector_id}";

  (void)state;
  assert_true(takes(template, &owner, "kv/acme/data/" OWN));
  assert_true(takes(template, &owner, "kv/acme/data/" OWN "/more"));
  assert_false(takes(template, &owner, "kv/other/data/" OWN));
  assert_false(takes(template, &owner, "kv/other/data/a/b"));
}

static void a_record_without_an_app_has_no_path_with_one(void **state)
{
  static const char template[] = "kv/data/{app_id}/c/{connector_id}";
  static const struct path_owner human = { "acme", NULL, OWN, "cnn_" };

  (void)state;
  assert_true(takes(template, &owner, "kv/data/app-1/c/" OWN));
  assert_false(takes(template, &owner, "kv/data/app-2/c/" OWN));
  assert_false(takes(template, &human, "kv/data/app-1/c/" OWN));
  assert_true(takes(template, &human, "kv/data/a/b/" OWN));
}

/* ---- the template ---- */

static void templates_have_rules(void **state)
{
  static const char *const bad[] = {
    "",
    "kv",
    "kv/{connector_id}",
    "kv/data",
    "kv/data/name",
    "kv/data/{tenant_id}",
    "kv/data/{tenant_id}/x-{connector_id}",
    "kv/data/{connector_id}-x",
    "kv/data/{connector_id}/{other}",
    "kv/data/{connector_id}/{",
    "kv/data/{connector_id}/a}b",
    "kv/data/{Connector_id}",
    "kv/data/../{connector_id}",
    "kv/data/{connector_id}/",
    "kv/data/{connector_id}/a%41",
    "kv/data/kv/data/{connector_id}",
  };
  struct path_segments compiled;

  (void)state;
  for (size_t i = 0; i < COUNT_OF(bad); i++) {
    if (path_template_compile(bad[i], &compiled, &failure) != CONNECTOR_INVALID)
      fail_msg("%s was accepted", bad[i]);
    assert_string_equal(failure.field, "vault_path_template");
  }
  compile("kv/data/{connector_id}");
  compile("kv/data/{connector_id}/{connector_id}/{tenant_id}/{app_id}");
}

static const char *expand(const char *template, const struct path_owner *whose)
{
  struct path_segments compiled = compile(template);
  const char *path = NULL;

  if (path_template_expand(&compiled, whose, &arena, &path, &failure) == CONNECTOR_OK)
    return path;
  assert_int_equal(failure.status, CONNECTOR_SECRET_PATH);
  assert_string_equal(failure.field, "vault_path");
  assert_null(path);
  return NULL;
}

static void a_template_makes_the_records_path(void **state)
{
  (void)state;
  assert_string_equal(expand(CONNECTOR_VAULT_PATH_TEMPLATE, &owner),
                      "secret/data/acme/connectors/" OWN "/credentials");
  assert_string_equal(expand("kv/{app_id}/data/{connector_id}", &owner), "kv/app-1/data/" OWN);
}

static void what_a_template_makes_is_taken_from_its_record_alone(void **state)
{
  static const char *const templates[] = {
    CONNECTOR_VAULT_PATH_TEMPLATE,
    "kv/data/{tenant_id}/{connector_id}",
    "kv/{tenant_id}/data/{app_id}/x/{connector_id}",
  };
  static const struct path_owner others[] = {
    { "other", "app-1", OWN, "cnn_" },
    { "acme", "app-1", OTHER, "cnn_" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(templates); i++) {
    const char *path = expand(templates[i], &owner);

    assert_true(takes(templates[i], &owner, path));
    for (size_t j = 0; j < COUNT_OF(others); j++)
      assert_false(takes(templates[i], &others[j], path));
  }
}

static void a_value_that_can_be_no_segment_makes_no_path(void **state)
{
  static const char *const tenants[] = {
    "a/b", "..", ".", "", "/", "a%2fb", "a?b", "a\\b", "a\nb", "\xff", OTHER, "data/x",
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(tenants); i++) {
    struct path_owner odd = owner;

    odd.tenant_id = tenants[i];
    assert_null(expand(CONNECTOR_VAULT_PATH_TEMPLATE, &odd));
    assert_string_equal(failure.message,
                        "can't be made: an id of the record can't be a segment of it");
  }
}

static void a_value_that_moves_the_mount_makes_no_path(void **state)
{
  struct path_owner odd = owner;

  (void)state;
  odd.tenant_id = "data";
  assert_null(expand("kv/{tenant_id}/data/{connector_id}", &odd));
  assert_non_null(expand("{tenant_id}/data/{connector_id}", &odd));
  assert_non_null(expand(CONNECTOR_VAULT_PATH_TEMPLATE, &odd));
  odd.tenant_id = "kv";
  odd.app_id = "data";
  assert_null(expand("kv/data/{tenant_id}/{app_id}/{connector_id}", &odd));
}

static void a_record_without_an_app_gets_no_path_with_one(void **state)
{
  struct path_owner human = owner;

  (void)state;
  human.app_id = NULL;
  assert_null(expand("kv/data/{app_id}/{connector_id}", &human));
  assert_non_null(expand(CONNECTOR_VAULT_PATH_TEMPLATE, &human));
}

static void a_path_that_is_made_too_long_is_none(void **state)
{
  char text[VAULT_SEGMENT_MOST + 2];
  struct path_owner odd = owner;

  (void)state;
  memset(text, 't', sizeof(text));
  text[sizeof(text) - 1] = '\0';
  odd.tenant_id = text;
  assert_null(expand(CONNECTOR_VAULT_PATH_TEMPLATE, &odd));
  text[VAULT_SEGMENT_MOST] = '\0';
  assert_non_null(expand(CONNECTOR_VAULT_PATH_TEMPLATE, &odd));
  assert_null(
      expand("kv/data/{tenant_id}/{tenant_id}/{tenant_id}/{tenant_id}/{connector_id}", &odd));
}

/* ---- without a record ---- */

static void a_path_can_be_checked_without_its_record(void **state)
{
  (void)state;
  assert_null(vault_path_complaint("secret/data/dev/jira"));
  assert_null(vault_path_complaint("secret/data/a/b/" OTHER));
  assert_non_null(vault_path_complaint(""));
  assert_non_null(vault_path_complaint("secret/data"));
  assert_non_null(vault_path_complaint("secret/data/../a"));
  assert_non_null(vault_path_complaint("secret/data/secret/data/a"));
}

static void the_start_of_a_path_is_whole_segments(void **state)
{
  static const char *const good[] = { "", "secret", "secret/data", "secret/data/dev", "kv/team" };
  static const char *const bad[] = {
    "/", "secret/", "/secret", "a//b", "..", "a/./b", "a%41", "a\n"
  };
  char text[VAULT_PATH_MOST + 2];

  (void)state;
  for (size_t i = 0; i < COUNT_OF(good); i++)
    assert_null(vault_prefix_complaint(good[i]));
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    assert_non_null(vault_prefix_complaint(bad[i]));
  memset(text, 'x', sizeof(text));
  text[sizeof(text) - 1] = '\0';
  assert_non_null(vault_prefix_complaint(text));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    path_test(a_path_has_a_mount_data_and_a_path),
    path_test(a_path_parts_at_the_first_data_behind_the_mount),
    path_test(no_segment_leads_elsewhere),
    path_test(the_mount_is_not_there_twice),
    path_test(lengths_are_limited),
    path_test(the_number_of_segments_is_limited),
    path_test(a_path_of_the_templates_shape_is_the_records_own),
    path_test(all_in_the_templates_space_is_the_records_own),
    path_test(elsewhere_only_ids_are_looked_at),
    path_test(an_id_is_found_however_it_is_written),
    path_test(another_prefix_is_the_stores_own),
    path_test(a_template_without_a_literal_behind_is_a_shape_alone),
    path_test(a_placeholder_may_be_in_the_mount),
    path_test(a_record_without_an_app_has_no_path_with_one),
    path_test(templates_have_rules),
    path_test(a_template_makes_the_records_path),
    path_test(what_a_template_makes_is_taken_from_its_record_alone),
    path_test(a_value_that_can_be_no_segment_makes_no_path),
    path_test(a_value_that_moves_the_mount_makes_no_path),
    path_test(a_record_without_an_app_gets_no_path_with_one),
    path_test(a_path_that_is_made_too_long_is_none),
    path_test(a_path_can_be_checked_without_its_record),
    path_test(the_start_of_a_path_is_whole_segments),
  };

  return cmocka_run_group_tests_name("path", tests, NULL, NULL);
}
