/*
 * The reader of JSON, the comparison of what was written with what is read, and the forms of
 * answers.
 */
#include "support.h"

#include "answer.h"
#include "compare.h"

static struct span span_of(const char *text)
{
  struct span value = { NULL, 0 };
  if (!json_read(text, strlen(text), &value))
    fail_msg("not read: %s", text);
  return value;
}

static void what_is_json_is_read(void **state)
{
  (void)state;
  static const char *const texts[] = {
    "null",       "true",
    "false",      "0",
    "-0",         "12",
    "-1.5e+10",   "1E5",
    "\"\"",       "\"\\u00e9\\n\\/\"",
    "[]",         "[ ]",
    "[1,[2],{}]", "{}",
    "{ }",        " {\"a\" : 1 , \"b\" : [ ] } ",
    "\t\r\n 1 ",
  };
  struct span value;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    if (!json_read(texts[i], strlen(texts[i]), &value))
      fail_msg("refused: %s", texts[i]);
}

static void what_is_not_json_is_refused(void **state)
{
  (void)state;
  static const char *const texts[] = {
    "",        " ",         "nul",        "nulll",       "tru",      "01",    "1.",
    ".5",      "+1",        "-",          "1e",          "1e+",      "NaN",   "\"",
    "\"a",     "\"\\x\"",   "\"\\u12\"",  "\"\\u12g4\"", "\"a\nb\"", "'a'",   "[",
    "]",       "[1",        "[1,",        "[1,]",        "[,1]",     "[1 2]", "{",
    "{\"a\"}", "{\"a\":}",  "{\"a\":1,}", "{a:1}",       "{1:2}",    "{} {}", "1 2",
    "\"\\",    "{\"a\" 1}", "[1}",        "{\"a\":1]",
  };
  struct span value;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    if (json_read(texts[i], strlen(texts[i]), &value))
      fail_msg("taken: %s", texts[i]);
  assert_false(json_read("1\0", 2, &value));
  assert_false(json_read("\"\\\0\"", 4, &value));
  assert_false(json_read(NULL, 0, &value));
}

static void nesting_has_a_limit(void **state)
{
  (void)state;
  char text[400];
  struct span value;
  memset(text, '[', 200);
  memset(text + 200, ']', 200);
  assert_false(json_read(text, 400, &value));
  assert_false(json_read(text + 135, 130, &value)); /* 65 arrays, one in the other */
  assert_true(json_read(text + 136, 128, &value));
}

static void each_of_the_json_test_suite_is_judged_as_it_says(void **state)
{
  (void)state;
  char folder[600];
  struct dirent *entry = NULL;
  DIR *listing = NULL;
  size_t judged = 0;
  if (shared_data(folder, "JSONTestSuite/test_parsing") == NULL) {
    fprintf(stderr, "SKIPPED: no JSONTestSuite in the shared data\n");
    skip();
  }
  listing = opendir(folder);
  while ((entry = readdir(listing)) != NULL) {
    char path[900];
    size_t length = 0;
    char *text = NULL;
    struct span value;
    snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name);
    if (entry->d_name[1] != '_' || (entry->d_name[0] != 'y' && entry->d_name[0] != 'n'))
      continue;
    text = read_file(path, &length);
    /* UTF-8 inside strings is left to who takes the values. */
    if (json_read(text, length, &value) != (entry->d_name[0] == 'y') &&
        strstr(entry->d_name, "utf") == NULL && strstr(entry->d_name, "UTF") == NULL)
      print_error("misjudged: %s\n", entry->d_name);
    else
      judged++;
    free(text);
  }
  closedir(listing);
  print_figure("%zu files judged", judged);
  assert_true(judged > 250);
}

static void members_are_found_by_name(void **state)
{
  (void)state;
  struct span object = span_of("{\"a\":1,\"bb\":{\"a\":2},\"c\" : [3 , 4],\"a\":9}");
  int64_t number = 0;
  size_t offset = 0;
  struct span item;
  assert_true(json_count(json_member(object, "a"), &number) && number == 1);
  assert_true(json_count(json_member(json_member(object, "bb"), "a"), &number) && number == 2);
  assert_int_equal(json_member(object, "b").length, 0);
  assert_int_equal(json_member(json_member(object, "c"), "a").length, 0);
  assert_true(json_next_item(json_member(object, "c"), &offset, &item) && *item.start == '3');
  assert_true(json_next_item(json_member(object, "c"), &offset, &item) && *item.start == '4');
  assert_false(json_next_item(json_member(object, "c"), &offset, &item));
}

static void counts_are_whole_and_not_negative(void **state)
{
  (void)state;
  int64_t number = 0;
  assert_true(json_count(span_of("9223372036854775799"), &number));
  assert_true(number == 9223372036854775799);
  assert_false(json_count(span_of("9223372036854775808"), &number));
  assert_false(json_count(span_of("99999999999999999999"), &number));
  assert_false(json_count(span_of("-1"), &number));
  assert_false(json_count(span_of("1.0"), &number));
  assert_false(json_count(span_of("1e3"), &number));
  assert_false(json_count(span_of("\"1\""), &number));
  assert_false(json_count((struct span){ NULL, 0 }, &number));
}

/* ---- comparing ---- */

static const struct {
  const char *a;
  const char *b;
  bool equal;
} pairs[] = {
  { "{}", "{ }", true },
  { "{\"a\":\"x\",\"b\":\"y\"}", "{\"b\":\"y\",\"a\":\"x\"}", true },
  { "{\"a\":\"<&>\"}", "{\"a\":\"\\u003c\\u0026\\u003e\"}", true },
  { "{\"a\":\"\\u00e9\\ud83d\\ude00\\u20ac\"}", "{\"a\":\"\xc3\xa9\xf0\x9f\x98\x80\xe2\x82\xac\"}",
    true },
  { "{\"a\":\"\\/\\b\\f\\n\\r\\t\\\\\\\"\"}",
    "{\"a\":\"/\\u0008\\u000c\\u000a\\u000D\\u0009\\u005c\\u0022\"}", true },
  { "{\"\\u0061\":\"x\"}", "{\"a\":\"x\"}", true },
  { "{\"a\":12,\"b\":true,\"c\":null}", "{\"c\":null,\"b\":true,\"a\":12}", true },
  { "{\"a\":{\"x\":[1,\"<\"],\"y\":\"\"}}", "{\"a\":{\"y\":\"\",\"x\":[ 1, \"\\u003c\" ]}}", true },
  { "{\"a\":\"x\"}", "{\"a\":\"y\"}", false },
  { "{\"a\":\"x\"}", "{\"a\":\"xx\"}", false },
  { "{\"a\":\"xx\"}", "{\"a\":\"x\"}", false },
  { "{\"a\":\"x\"}", "{\"b\":\"x\"}", false },
  { "{\"a\":\"x\"}", "{\"a\":\"x\",\"b\":\"\"}", false },
  { "{\"a\":\"x\",\"b\":\"\"}", "{\"a\":\"x\"}", false },
  { "{\"a\":\"1\"}", "{\"a\":1}", false },
  { "{\"a\":\"\"}", "{\"a\":null}", false },
  { "{\"a\":[1]}", "{\"a\":[1,2]}", false },
  { "{\"a\":[1,2]}", "{\"a\":[2,1]}", false },
  { "{\"a\":\"\\ud83d\"}", "{\"a\":\"\\ud83e\"}", false },
  { "{\"a\":\"\xff\"}", "{\"a\":\"\"}", false },
  { "[]", "[]", false },
  { "\"a\"", "\"a\"", false },
};

static void objects_are_compared_by_what_they_say(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(pairs); i++) {
    if (compare_objects(span_of(pairs[i].a), span_of(pairs[i].b)) != pairs[i].equal)
      fail_msg("%s and %s", pairs[i].a, pairs[i].b);
    if (compare_objects(span_of(pairs[i].b), span_of(pairs[i].a)) != pairs[i].equal)
      fail_msg("%s and %s, the other way round", pairs[i].a, pairs[i].b);
  }
}

/* ---- answers ---- */

static void error_lists_are_told_apart(void **state)
{
  (void)state;
  static const struct {
    const char *text;
    enum answer_errors errors;
  } cases[] = {
    { "", ERRORS_FOREIGN },
    { "<html>", ERRORS_FOREIGN },
    { "{}", ERRORS_FOREIGN },
    { "{\"errors\":null}", ERRORS_FOREIGN },
    { "{\"errors\":[]}", ERRORS_NONE },
    { "{\"errors\":[\"x\"]}", ERRORS_OTHER },
    { "{\"errors\":[7]}", ERRORS_OTHER },
    { "{\"errors\":[\"check-and-set parameter did not match the current version\"]}", ERRORS_CAS },
    { "{\"errors\":[\"x\",\"1 error:\\n* check-and-set parameter did not match the current "
      "version\"]}",
      ERRORS_CAS },
    { "{\"errors\":[\"check-and-set parameter required for this call\"]}", ERRORS_OTHER },
    { "{\"errors\":[\"no handler for route \\\"a/b\\\". route entry not found.\"]}",
      ERRORS_NO_MOUNT },
  };
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    if (answer_errors(cases[i].text, strlen(cases[i].text)) != cases[i].errors)
      fail_msg("%s", cases[i].text);
}

static void a_secret_is_found_in_its_envelope(void **state)
{
  (void)state;
  struct answer_secret answer;
  static const char text[] =
      "{\"request_id\":\"x\",\"data\":{\"data\":{\"data\":\"no\"},\"metadata\":"
      "{\"version\":3,\"destroyed\":false}},\"auth\":null}";
  assert_true(answer_secret(text, strlen(text), &answer));
  assert_int_equal(answer.version, 3);
  assert_int_equal(answer.values.length, strlen("{\"data\":\"no\"}"));
  assert_false(answer_secret(text, strlen(text) - 1, &answer));
}

static void leases_are_read_and_kept_within_a_century(void **state)
{
  (void)state;
  struct answer_token answer;
  static const char text[] =
      "{\"auth\":{\"client_token\":\"t\",\"lease_duration\":9223372036854775,"
      "\"renewable\":true}}";
  assert_true(answer_login(text, strlen(text), &answer));
  assert_true(answer.renewable && answer.lease_ms == INT64_C(3155760000000));
  assert_int_equal(answer.token.length, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(what_is_json_is_read),
    cmocka_unit_test(what_is_not_json_is_refused),
    cmocka_unit_test(nesting_has_a_limit),
    cmocka_unit_test(each_of_the_json_test_suite_is_judged_as_it_says),
    cmocka_unit_test(members_are_found_by_name),
    cmocka_unit_test(counts_are_whole_and_not_negative),
    cmocka_unit_test(objects_are_compared_by_what_they_say),
    cmocka_unit_test(error_lists_are_told_apart),
    cmocka_unit_test(a_secret_is_found_in_its_envelope),
    cmocka_unit_test(leases_are_read_and_kept_within_a_century),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
