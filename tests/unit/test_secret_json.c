/*
 * secret/secret_json: strict JSON into values, all or none, and errors that name and do not tell.
 */
#include "secret_support.h"

static void assert_read(const char *json, const char *name, const char *text)
{
  connector_secret *secret = secret_of(json);

  assert_value(secret, name, text);
  connector_secret_free(secret);
}

static void strings_are_decoded(void **state)
{
  (void)state;
  assert_read("{\"a\":\"plain\"}", "a", "plain");
  assert_read(" { \"a\" : \"x\" } ", "a", "x");
  assert_read("{\"a\":\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"}", "a", "\"\\/\b\f\n\r\t");
  assert_read("{\"a\":\"\\u0041\\u00e9\\u20ac\\uD83D\\uDE00\"}", "a",
              "A\xc3\xa9\xe2\x82\xac"
              "\xf0\x9f\x98\x80");
  assert_read("{\"a\":\"\\u001f\\u007F\"}", "a", "\x1f\x7f");
  assert_read("{\"a\":\"x\\ny\\u0041z\"}", "a", "x\nyAz");
  assert_read("{\"a\":\"\xc3\xa9\"}", "a", "\xc3\xa9");
  assert_read("{\"a\":\"\"}", "a", "");
  assert_read("{\"a\":\"\\\\u0041\"}", "a", "\\u0041");
}

static void names_are_decoded(void **state)
{
  (void)state;
  assert_read("{\"\\u0061\\\"b\":\"x\"}", "a\"b", "x");
}

static void other_kinds_keep_their_text(void **state)
{
  (void)state;
  assert_read("{\"a\":1.50e+3}", "a", "1.50e+3");
  assert_read("{\"a\": -0 }", "a", "-0");
  assert_read("{\"a\":true}", "a", "true");
  assert_read("{\"a\":false}", "a", "false");
  assert_read("{\"a\": { \"b\" : [ 1 , \"x y\\\" z\" , null ] } }", "a",
              "{\"b\":[1,\"x y\\\" z\",null]}");
  assert_read("{\"a\":[]}", "a", "[]");
  assert_read("{\"a\": { } }", "a", "{}");
  assert_read("{\"a\":[\"\\\\\", \" \" ]}", "a", "[\"\\\\\",\" \"]");
  assert_read("{\"a\":{\"k\":1,\"k\":2}}", "a", "{\"k\":1,\"k\":2}");
}

static void null_is_an_empty_value(void **state)
{
  (void)state;
  assert_read("{\"a\":null}", "a", "");
}

static void members_are_set_over_what_is_there(void **state)
{
  connector_secret *secret = secret_of("{\"a\":\"1\",\"b\":\"2\"}");
  const char *json = "{\"b\":\"3\",\"c\":\"4\",\"a\":null}";

  (void)state;
  assert_ok(connector_secret_set_json(secret, json, strlen(json), &failure));
  assert_json(secret, "{\"a\":\"\",\"b\":\"3\",\"c\":\"4\"}");
  connector_secret_free(secret);
}

/* A secret stays as it was, and the error tells nothing of any value. */
static void refuse(const char *json, size_t length, connector_status status, const char *field)
{
  connector_secret *secret = secret_of("{\"kept\":\"as it was\"}");
  char *exact = malloc(length + 1); /* no NUL behind: reading past the end shows */

  assert_non_null(exact);
  memcpy(exact, json, length);
  exact = realloc(exact, length > 0 ? length : 1);
  assert_non_null(exact);
  assert_answer(connector_secret_set_json(secret, exact, length, &failure), status, field);
  assert_null(strstr(failure.message, "hush"));
  assert_null(strstr(failure.field, "hush"));
  assert_json(secret, "{\"kept\":\"as it was\"}");
  free(exact);
  connector_secret_free(secret);
}

static void what_is_no_strict_json_object_is_refused(void **state)
{
  static const struct {
    const char *json;
    const char *field;
  } cases[] = {
    { "", "" },
    { " ", "" },
    { "null", "" },
    { "\"hush\"", "" },
    { "[{\"a\":\"hush\"}]", "" },
    { "{", "" },
    { "{\"a\"", "" },
    { "{\"a\":", "a" },
    { "{\"a\":\"hush", "a" },
    { "{\"a\":\"hush\"", "" },
    { "{\"a\":\"hush\",", "" },
    { "{\"a\":\"hush\",}", "" },
    { "{\"a\":\"hush\" \"b\":\"hush\"}", "" },
    { "{\"a\":\"hush\"}{}", "" },
    { "{\"a\":\"hush\"} x", "" },
    { "{\"a\":hush}", "a" },
    { "{\"a\":'hush'}", "a" },
    { "{\"a\":\"hush\n\"}", "a" },
    { "{\"a\":\"hush\\x\"}", "a" },
    { "{\"a\":\"hush\\u12\"}", "a" },
    { "{\"a\":\"hush\\u0000\"}", "a" },
    { "{\"a\":\"hush\\ud800\"}", "a" },
    { "{\"a\":\"hush\\udc00\"}", "a" },
    { "{\"a\":\"hush\xff\"}", "a" },
    { "{\"a\":01}", "" },
    { "{\"a\":1.}", "a" },
    { "{\"a\":tru}", "a" },
    { "{\"a\":NaN}", "a" },
    { "{\"a\":{\"hush\":}}", "a" },
    { "{\"a\":{\"hush\" 1}}", "a" },
    { "{\"a\":{hush:1}}", "a" },
    { "{\"a\":{\"hush\\q\":1}}", "a" },
    { "{\"a\":[\"hush\",]}", "a" },
    { "{\"a\":[\"hush\"}}", "a" },
    { "{a:\"hush\"}", "" },
    { "\xef\xbb\xbf{}", "" },
    { "{\"a\":\"hush\"/**/}", "" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    refuse(cases[i].json, strlen(cases[i].json), CONNECTOR_INVALID, cases[i].field);
}

static void a_nul_behind_the_object_is_refused(void **state)
{
  (void)state;
  refuse("{\"a\":\"x\"}\0", 10, CONNECTOR_INVALID, "");
}

static void a_name_that_is_there_twice_is_refused(void **state)
{
  static const char twice[] = "{\"a\":\"hush\",\"b\":\"hush\",\"a\":\"hush\"}";
  static const char escaped[] = "{\"a\":\"hush\",\"\\u0061\":null}";

  (void)state;
  refuse(twice, strlen(twice), CONNECTOR_INVALID, "a");
  refuse(escaped, strlen(escaped), CONNECTOR_INVALID, "a");
}

static void a_name_that_can_be_none_is_refused(void **state)
{
  static const char empty[] = "{\"a\":\"1\",\"\":\"hush\"}";
  static const char control[] = "{\"a\\n\":\"hush\"}";

  (void)state;
  refuse(empty, strlen(empty), CONNECTOR_INVALID, "name");
  refuse(control, strlen(control), CONNECTOR_INVALID, "name");
}

static void a_name_that_looks_like_a_secret_is_not_told(void **state)
{
  char json[100];

  (void)state;
  snprintf(json, sizeof(json), "{\"%s%s\":hush}", "ghp_", "0123456789abcdefghijABCDEFGHIJ012345");
  refuse(json, strlen(json), CONNECTOR_INVALID, "");
}

static void nesting_ends_at_64(void **state)
{
  char json[200] = "{\"a\":";
  size_t at = strlen(json);

  (void)state;
  memset(json + at, '[', 64);
  memset(json + at + 64, ']', 64);
  json[at + 128] = '}';
  refuse(json, at + 129, CONNECTOR_INVALID, "a");
  memset(json + at, '[', 63);
  memset(json + at + 63, ']', 63);
  memcpy(json + at + 126, "}", 2);
  connector_secret_free(secret_of(json));
}

static void more_values_than_a_secret_has_are_refused(void **state)
{
  char json[CONNECTOR_SECRET_VALUES_MAX * 12 + 12] = "{";
  size_t at = 1;

  (void)state;
  for (int i = 0; i <= CONNECTOR_SECRET_VALUES_MAX; i++) {
    if (i == CONNECTOR_SECRET_VALUES_MAX) {
      connector_secret *secret = NULL;

      json[at] = '}';
      json[at + 1] = '\0';
      secret = secret_of(json);
      assert_int_equal(connector_secret_count(secret), CONNECTOR_SECRET_VALUES_MAX);
      connector_secret_free(secret);
    }
    at += (size_t)snprintf(json + at, sizeof(json) - at, "%s\"n%d\":1", i > 0 ? "," : "", i);
  }
  json[at++] = '}';
  refuse(json, at, CONNECTOR_TOO_LARGE, "");
}

/* `count` times \u0041, which is one byte each. */
static char *escaped_letters(size_t count)
{
  char *json = malloc(6 * count + 16);
  size_t at = 0;

  assert_non_null(json);
  memcpy(json, "{\"a\":\"", 6);
  at = 6;
  for (size_t i = 0; i < count; i++, at += 6)
    memcpy(json + at, "\\u0041", 6);
  memcpy(json + at, "\"}", 3);
  return json;
}

static void the_limit_is_on_what_is_decoded(void **state)
{
  char *most = escaped_letters(CONNECTOR_SECRET_VALUE_MAX);
  char *more = escaped_letters(CONNECTOR_SECRET_VALUE_MAX + 1);
  connector_secret *secret = secret_of(most);
  struct shown shown = { "", 0, 0 };

  (void)state;
  assert_ok(connector_secret_use(secret, "a", keep_shown, &shown, &failure));
  assert_int_equal(shown.length, CONNECTOR_SECRET_VALUE_MAX);
  refuse(more, strlen(more), CONNECTOR_INVALID, "a");
  connector_secret_free(secret);
  free(most);
  free(more);
}

static void what_is_missing_is_named(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_answer(connector_secret_set_json(NULL, "{}", 2, &failure), CONNECTOR_INVALID, "secret");
  assert_answer(connector_secret_set_json(secret, NULL, 0, &failure), CONNECTOR_INVALID, "json");
  assert_int_equal(connector_secret_set_json(secret, "{", 1, NULL), CONNECTOR_INVALID);
  connector_secret_free(secret);
}

static void the_place_of_a_syntax_error_is_told(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_answer(connector_secret_set_json(secret, "{\"a\":\"x\",?}", 11, &failure),
                CONNECTOR_INVALID, "");
  assert_string_equal(failure.message, "not well-formed JSON at byte 9");
  connector_secret_free(secret);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(strings_are_decoded),
    secret_test(names_are_decoded),
    secret_test(other_kinds_keep_their_text),
    secret_test(null_is_an_empty_value),
    secret_test(members_are_set_over_what_is_there),
    secret_test(what_is_no_strict_json_object_is_refused),
    secret_test(a_nul_behind_the_object_is_refused),
    secret_test(a_name_that_is_there_twice_is_refused),
    secret_test(a_name_that_can_be_none_is_refused),
    secret_test(a_name_that_looks_like_a_secret_is_not_told),
    secret_test(nesting_ends_at_64),
    secret_test(more_values_than_a_secret_has_are_refused),
    secret_test(the_limit_is_on_what_is_decoded),
    secret_test(what_is_missing_is_named),
    secret_test(the_place_of_a_syntax_error_is_told),
  };

  return cmocka_run_group_tests_name("secret_json", tests, NULL, NULL);
}
