/*
 * The JSON reader: what it takes and refuses, what it keeps, and where it finds secrets.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "record/json_reader.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static struct arena arena;
static struct json_reader reader;

static int setup(void **state)
{
  (void)state;
  arena = (struct arena){ 0 };
  return 0;
}

static int teardown(void **state)
{
  (void)state;
  arena_free(&arena);
  return 0;
}

static void start(const char *text)
{
  json_reader_init(&reader, text, strlen(text), &arena);
}

/* The compact text of the one value in `bytes`, or NULL with reader.problem. The reader gets bytes
 * of their own, so that reading behind their end is seen by a sanitizer. */
static const char *compact_bytes(const char *bytes, size_t length, bool guard)
{
  char *own = malloc(length > 0 ? length : 1);
  size_t copied = 0;
  const char *copy = NULL;

  assert_non_null(own);
  memcpy(own, bytes, length);
  json_reader_init(&reader, own, length, &arena);
  reader.guard = guard;
  copy = json_copy(&reader, "config", &copied);
  if (copy != NULL && !json_finish(&reader))
    copy = NULL;
  if (copy != NULL)
    assert_int_equal(strlen(copy), copied);
  free(own);
  return copy;
}

static const char *compact(const char *text)
{
  return compact_bytes(text, strlen(text), false);
}

static void assert_kept(const char *text)
{
  const char *copy = compact(text);

  if (copy == NULL || strcmp(copy, text) != 0)
    fail_msg("%s came out as %s", text, copy != NULL ? copy : "nothing");
}

static void assert_problem(const char *text, enum json_problem problem)
{
  if (compact(text) != NULL)
    fail_msg("%s was taken", text);
  if (reader.problem != problem)
    fail_msg("%s: \"%s\", wanted \"%s\"", text, json_problem_text(reader.problem),
             json_problem_text(problem));
}

/* ---- the public test suite ---- */

static char *read_all(const char *path, size_t *length)
{
  FILE *file = fopen(path, "rb");
  struct buffer buffer = { 0 };
  char block[4096];
  size_t got = 0;

  if (file == NULL)
    fail_msg("can't read %s", path);
  while ((got = fread(block, 1, sizeof(block), file)) > 0)
    buffer_append(&buffer, block, got);
  fclose(file);
  return buffer_take(&buffer, length);
}

/* Files that the grammar allows and that are refused here: a key twice, so that no two readers of a
 * record see different values, and \u0000, which C text can't hold. */
struct stricter {
  const char *name;
  enum json_problem problem;
};

static const struct stricter stricter[] = {
  { "y_object_duplicated_key.json", JSON_DUPLICATE },
  { "y_object_duplicated_key_and_value.json", JSON_DUPLICATE },
  { "y_object_escaped_null_in_key.json", JSON_ESCAPE },
  { "y_string_null_escape.json", JSON_ESCAPE },
};

static enum json_problem stricter_problem(const char *name)
{
  for (size_t i = 0; i < COUNT_OF(stricter); i++)
    if (strcmp(stricter[i].name, name) == 0)
      return stricter[i].problem;
  return JSON_FINE;
}

/* What is taken must also be stable: its compact text is itself when read again. */
static void check_suite_file(const char *folder, const char *name)
{
  char path[1200];
  size_t length = 0;
  char *bytes = NULL;
  const char *copy = NULL;

  snprintf(path, sizeof(path), "%s/%s", folder, name);
  bytes = read_all(path, &length);
  copy = compact_bytes(bytes, length, false);
  free(bytes);
  if (stricter_problem(name) != JSON_FINE)
    assert_int_equal(reader.problem, stricter_problem(name));
  else if (name[0] == 'y' && copy == NULL)
    fail_msg("%s was refused: %s", name, json_problem_text(reader.problem));
  if (name[0] == 'n' && copy != NULL)
    fail_msg("%s was taken as %s", name, copy);
  if (copy != NULL)
    assert_kept(copy);
  else
    assert_int_not_equal(reader.problem, JSON_FINE);
}

static void the_public_test_suite_is_taken_and_refused_as_it_says(void **state)
{
  const char *root = getenv("CONNECTOR_SHARED");
  char folder[900];
  DIR *listing = NULL;
  size_t files = 0;

  (void)state;
  snprintf(folder, sizeof(folder), "%s/data/JSONTestSuite/test_parsing",
           root != NULL ? root : "../shared");
  listing = opendir(folder);
  if (listing == NULL) {
    fprintf(stderr, "SKIPPED: no %s: set CONNECTOR_SHARED\n", folder);
    skip();
  }
  for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
    const char *name = entry->d_name;

    if (strstr(name, ".json") == NULL)
      continue;
    files++;
    check_suite_file(folder, name);
  }
  closedir(listing);
  assert_true(files > 300);
}

/* ---- what is kept ---- */

static void numbers_keep_their_digits(void **state)
{
  (void)state;
  assert_kept("[9007199254740993,1.10,1e400,-0,0.1e-7,1E+2,123456789012345678901234567890]");
}

static void keys_keep_their_order(void **state)
{
  (void)state;
  assert_kept("{\"z\":1,\"a\":{\"y\":2,\"b\":3},\"m\":[]}");
}

static void strings_keep_their_escapes(void **state)
{
  (void)state;
  assert_kept("{\"\\u0061\\/\":\"\\u00e9 \\\"\\\\\\/\\b\\f\\n\\r\\t \\ud834\\udd1e é\"}");
}

static void white_space_between_tokens_goes_and_within_strings_stays(void **state)
{
  (void)state;
  assert_string_equal(compact(" \t{ \"a b\" :\r\n[ 1 , \" x \" ,{ } , [ ] ] }\n"),
                      "{\"a b\":[1,\" x \",{},[]]}");
}

static void text_behind_the_value_stays_unread(void **state)
{
  size_t length = 0;

  (void)state;
  start("{\"a\": 1} , 2");
  assert_string_equal(json_copy(&reader, "config", &length), "{\"a\":1}");
  assert_string_equal(reader.at, " , 2");
  assert_false(json_finish(&reader));
}

static void copies_take_no_more_room_than_they_need(void **state)
{
  char *text = NULL;
  size_t length = 0;

  (void)state;
  start("[1, 2] [3]");
  text = json_copy(&reader, "config", &length);
  assert_ptr_equal(json_copy(&reader, "config", &length), text + sizeof("[1,2]"));
  assert_string_equal(text, "[1,2]");
}

/* ---- what is refused ---- */

static void malformed_values_are_syntax_problems(void **state)
{
  static const char *const texts[] = {
    "",          " ",           "{",          "[",        "[1,]",  "[,1]",      "{,}",
    "{\"a\"}",   "{\"a\":}",    "{\"a\":1,}", "{a:1}",    "[1}",   "{\"a\":1]", "nul",
    "trueish",   "01",          "-",          "1.",       ".5",    "+1",        "1e",
    "1e+",       "0x1",         "NaN",        "'a'",      "\"",    "\"\\",      "\"\\x\"",
    "\"\\u12\"", "\"\\u12g4\"", "\"\n\"",     "\"\x1f\"", "[1 2]", "{} {}",     "/**/1"
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_problem(texts[i], JSON_SYNTAX);
}

static void a_problem_tells_where_it_is(void **state)
{
  (void)state;
  assert_problem("{\"a\": truE}", JSON_SYNTAX);
  assert_int_equal(reader.at - reader.start, 6);
  assert_problem("[1, \"ab\x01\"]", JSON_SYNTAX);
  assert_int_equal(reader.at - reader.start, 7);
}

static void bytes_that_are_not_utf8_are_refused_at_every_place_of_a_word(void **state)
{
  static const char *const bad[] = { "\xff",         "\xc0\xaf",     "\xc3",
                                     "\xe2\x82",     "\xed\xa0\x80", "\xf4\x90\x80\x80",
                                     "\xf8\x88\x80", "\xe0\x80\x80" };
  char text[64];

  (void)state;
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    for (int before = 0; before < 17; before++) {
      snprintf(text, sizeof(text), "[\"%.*s%s\"]", before, "aaaaaaaaaaaaaaaaa", bad[i]);
      assert_problem(text, JSON_UTF8);
    }
}

static void characters_of_every_length_are_kept_at_every_place_of_a_word(void **state)
{
  char text[64];

  (void)state;
  for (int before = 0; before < 17; before++) {
    snprintf(text, sizeof(text), "{\"%.*s\":\"%.*sé€😀\x7f\"}", before, "bbbbbbbbbbbbbbbbb", before,
             "aaaaaaaaaaaaaaaaa");
    assert_kept(text);
  }
}

static void quotes_and_control_characters_are_seen_at_every_place_of_a_word(void **state)
{
  char text[64];

  (void)state;
  for (int before = 0; before < 17; before++)
    for (int byte = 1; byte < 128; byte++) {
      int length = snprintf(text, sizeof(text), "\"%.*s%caaaaaaaaa\"", before, "!!!!!!!!!!!!!!!!!",
                            byte);
      bool plain = byte >= 0x20 && byte != '"' && byte != '\\';

      assert_int_equal(compact_bytes(text, (size_t)length, false) != NULL, plain);
    }
}

static void a_nul_byte_is_a_syntax_problem(void **state)
{
  (void)state;
  assert_null(compact_bytes("[\"a\0b\"]", 7, false));
  assert_int_equal(reader.problem, JSON_SYNTAX);
  assert_null(compact_bytes("[1]\0", 4, false));
  assert_int_equal(reader.problem, JSON_SYNTAX);
}

static void escapes_that_stand_for_no_character_are_refused(void **state)
{
  static const char *const texts[] = { "\"\\u0000\"",        "\"\\ud800\"",
                                       "\"\\udc00\"",        "\"\\ud800x\"",
                                       "\"\\ud800\\n\"",     "\"\\ud800\\u0041\"",
                                       "\"\\ud800\\ud800\"", "{\"\\u0000\":1}",
                                       "{\"\\uDFFF\":1}" };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_problem(texts[i], JSON_ESCAPE);
}

/* `depth` opening brackets of one kind, and their closing ones. */
static char *nested(size_t depth, bool objects)
{
  struct buffer buffer = { 0 };

  for (size_t i = 0; i < depth; i++)
    buffer_text(&buffer, !objects ? "[" : i + 1 < depth ? "{\"a\":" : "{");
  for (size_t i = 0; i < depth; i++)
    buffer_text(&buffer, objects ? "}" : "]");
  return buffer_take(&buffer, NULL);
}

static void sixty_four_levels_are_taken_and_one_more_is_not(void **state)
{
  (void)state;
  for (int objects = 0; objects < 2; objects++) {
    char *deepest = nested(JSON_DEPTH, objects != 0);
    char *deeper = nested(JSON_DEPTH + 1, objects != 0);

    assert_kept(deepest);
    assert_problem(deeper, JSON_TOO_DEEP);
    free(deepest);
    free(deeper);
  }
}

static void very_deep_input_stops_at_the_limit(void **state)
{
  char *text = nested(1000000, false);

  (void)state;
  assert_problem(text, JSON_TOO_DEEP);
  assert_int_equal(reader.at - reader.start, JSON_DEPTH);
  free(text);
}

static void open_members_count_as_levels(void **state)
{
  char *text = nested(JSON_DEPTH, false);
  size_t length = 0;

  (void)state;
  start(text);
  reader.depth = 1;
  assert_null(json_copy(&reader, "config", &length));
  assert_int_equal(reader.problem, JSON_TOO_DEEP);
  start(text);
  assert_true(json_enter(&reader));
  assert_non_null(json_copy(&reader, "config", &length));
  free(text);
}

static void no_more_than_64_members_deep_can_be_entered(void **state)
{
  char *text = nested(JSON_DEPTH + 1, true);

  (void)state;
  start(text);
  for (int depth = 0; depth < JSON_DEPTH; depth++) {
    size_t length = 0;
    bool first = true;

    assert_true(json_enter(&reader));
    assert_true(json_more(&reader, &first));
    assert_non_null(json_key(&reader, &length));
  }
  assert_false(json_enter(&reader));
  assert_int_equal(reader.problem, JSON_TOO_DEEP);
  free(text);
}

/* ---- duplicate keys ---- */

static void a_key_twice_is_refused_with_its_path(void **state)
{
  (void)state;
  assert_problem("{\"a\":1,\"b\":{\"c\":[0,{\"d\":1,\"e\":2,\"d\":3}]}}", JSON_DUPLICATE);
  assert_string_equal(reader.path, "config.b.c[1].d");
}

static void keys_are_compared_after_decoding(void **state)
{
  (void)state;
  assert_problem("{\"a\":1,\"\\u0061\":2}", JSON_DUPLICATE);
  assert_problem("{\"\\ud83d\\ude00\":1,\"😀\":2}", JSON_DUPLICATE);
  assert_problem("{\"/\":1,\"\\/\":2}", JSON_DUPLICATE);
  assert_kept("{\"a\":1,\"\\u0041\":2}");
}

static void the_same_key_in_different_objects_is_fine(void **state)
{
  (void)state;
  assert_kept("{\"a\":{\"a\":1,\"b\":2},\"b\":[{\"a\":1},{\"a\":2}],\"c\":{\"a\":1}}");
}

/* An object of `count` keys, of which the last is key `again`. */
static char *wide(size_t count, size_t again, size_t *length)
{
  struct buffer buffer = { 0 };

  for (size_t i = 0; i < count; i++) {
    buffer_text(&buffer, i == 0 ? "{\"key" : ",\"key");
    buffer_integer(&buffer, (int64_t)(i + 1 < count ? i : again));
    buffer_text(&buffer, "\":0");
  }
  buffer_byte(&buffer, '}');
  return buffer_take(&buffer, length);
}

static void a_key_twice_is_found_in_objects_of_every_size(void **state)
{
  (void)state;
  for (size_t count = 2; count < 80; count++)
    for (size_t again = 0; again < count; again++) {
      size_t length = 0;
      char *text = wide(count, again, &length);
      bool taken = compact_bytes(text, length, false) != NULL;

      assert_int_equal(taken, again == count - 1);
      arena_free(&arena);
      free(text);
    }
}

static double seconds(void)
{
  struct timespec now = { 0 };

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* In pairs this would be five thousand million comparisons. */
static void an_object_of_100000_keys_is_read_quickly(void **state)
{
  size_t length = 0;
  char *text = wide(100000, 99999, &length);
  double before = seconds();

  (void)state;
  assert_non_null(compact_bytes(text, length, false));
  assert_true(seconds() - before < 5.0);
  free(text);
  text = wide(100000, 50000, &length);
  assert_null(compact_bytes(text, length, false));
  assert_string_equal(reader.path, "config.key50000");
  free(text);
}

/* ---- the secret guard ---- */

struct secret_case {
  const char *text;
  const char *path; /* NULL where it is no secret */
};

static void secrets_are_refused_with_their_path_and_never_their_value(void **state)
{
  static const struct secret_case cases[] = {
    { "{\"password\":\"hunter2\"}", "config.password" },
    { "{\"auth\":{\"password\":\"hunter2\"}}", "config.auth.password" },
    { "{\"a\":[{},{\"client_secret\":\"x\"}]}", "config.a[1].client_secret" },
    { "{\"pass\\u0077ord\":\"x\"}", "config.password" },
    { "[\"a\",\"b\",\"AKIAIOSFODNN7EXAMPLE\"]", "config[2]" },
    { "{\"note\":\"AKIA\\u0049OSFODNN7EXAMPLE\"}", "config.note" },
    { "{\"url\":\"https:\\/\\/u:p@h\"}", "config.url" },
    { "{\"AKIAIOSFODNN7EXAMPLE\":{\"password\":\"x\"}}", "config.?.password" },
    { "{\"a\\nb\":{\"password\":\"x\"}}", "config.?.password" },
    { "{\"password\":\"\"}", NULL },
    { "{\"password\":null}", NULL },
    { "{\"password\":true}", NULL },
    { "{\"password\":{\"policy\":\"strict\"}}", NULL },
    { "{\"token_url\":\"https://h/token\"}", NULL },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    const struct secret_case *each = &cases[i];
    const char *copy = compact_bytes(each->text, strlen(each->text), true);

    if (each->path == NULL) {
      assert_non_null(copy);
      continue;
    }
    assert_null(copy);
    assert_int_equal(reader.problem, JSON_SECRET);
    assert_string_equal(reader.path, each->path);
  }
}

static void secrets_are_taken_without_the_guard(void **state)
{
  (void)state;
  assert_kept("{\"password\":\"hunter2\",\"k\":\"AKIAIOSFODNN7EXAMPLE\"}");
}

static void long_paths_are_cut_on_a_character_boundary(void **state)
{
  char text[256];

  (void)state;
  for (int before = 0; before < 4; before++) {
    snprintf(text, sizeof(text), "{\"%.*s€€€€€€€€€€€€€€€€€€€€€€€€€€€€\":{\"password\":\"x\"}}",
             before, "aaaa");
    assert_null(compact_bytes(text, strlen(text), true));
    assert_true(strlen(reader.path) < JSON_PATH && strlen(reader.path) > JSON_PATH - 4);
    assert_int_equal((strlen(reader.path) - strlen("config.") - (size_t)before) % strlen("€"), 0);
  }
}

/* ---- member by member ---- */

static void members_are_read_one_by_one(void **state)
{
  size_t length = 0;
  int64_t number = 0;
  bool first = true;

  (void)state;
  start(" { \"a\" : \"x\\n\" , \"\\u0062\":-12,\"c\":[]} ");
  assert_int_equal(json_peek(&reader), JSON_OBJECT);
  assert_true(json_enter(&reader));
  assert_true(json_more(&reader, &first));
  assert_memory_equal(json_key(&reader, &length), "a", 1);
  assert_string_equal(json_text(&reader, &length), "x\n");
  assert_int_equal(length, 2);
  assert_true(json_more(&reader, &first));
  assert_memory_equal(json_key(&reader, &length), "b", 1);
  assert_true(json_integer(&reader, &number));
  assert_int_equal(number, -12);
  assert_true(json_more(&reader, &first));
  assert_true(json_key_is(&reader, "\"c\":", 4));
  assert_true(json_skip(&reader));
  assert_false(json_more(&reader, &first));
  assert_true(json_finish(&reader));
}

static void a_foreseen_key_that_does_not_come_is_left_unread(void **state)
{
  static const char *const others[] = { "\"version\" :1", "\"versiom\":1", "\"version", "\"v",
                                        "\"versions\":1" };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    start(others[i]);
    assert_false(json_key_is(&reader, "\"version\":", 10));
    assert_ptr_equal(reader.at, reader.start);
    assert_int_equal(reader.problem, JSON_FINE);
  }
}

static void brackets_must_match_member_by_member(void **state)
{
  bool first = true;

  (void)state;
  start("[1}");
  assert_true(json_enter(&reader));
  assert_true(json_more(&reader, &first));
  assert_true(json_skip(&reader));
  assert_false(json_more(&reader, &first));
  assert_int_equal(reader.problem, JSON_SYNTAX);
}

static void a_comma_before_the_end_is_refused_member_by_member(void **state)
{
  bool first = true;

  (void)state;
  start("[1,]");
  assert_true(json_enter(&reader));
  assert_true(json_more(&reader, &first));
  assert_true(json_skip(&reader));
  assert_true(json_more(&reader, &first));
  assert_int_equal(json_peek(&reader), JSON_BAD);
  assert_int_equal(reader.problem, JSON_SYNTAX);
}

static void the_first_problem_sticks(void **state)
{
  size_t length = 0;
  bool first = true;

  (void)state;
  start("\"\\u0000\"");
  assert_null(json_text(&reader, &length));
  assert_int_equal(json_peek(&reader), JSON_BAD);
  assert_null(json_copy(&reader, "config", &length));
  assert_null(json_key(&reader, &length));
  assert_false(json_skip(&reader));
  assert_false(json_enter(&reader));
  assert_false(json_more(&reader, &first));
  assert_false(json_finish(&reader));
  assert_int_equal(reader.problem, JSON_ESCAPE);
}

struct text_case {
  const char *json;
  const char *text;
};

static void strings_are_decoded(void **state)
{
  static const struct text_case cases[] = {
    { "\"\"", "" },
    { "\"plain\"", "plain" },
    { "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\"", "\"\\/\b\f\n\r\t" },
    { "\"\\u0041\\u00e9\\u20AC\\uD83D\\uDE00z\"", "Aé€😀z" },
    { "\"\\u0001\\u007f\"", "\x01\x7f" },
    { "\"\\uffff\\ud7ff\\ue000\"", "\xef\xbf\xbf\xed\x9f\xbf\xee\x80\x80" },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    size_t length = 0;

    start(cases[i].json);
    assert_string_equal(json_text(&reader, &length), cases[i].text);
    assert_int_equal(length, strlen(cases[i].text));
    start(cases[i].json);
    assert_memory_equal(json_string(&reader, &length), cases[i].text, strlen(cases[i].text));
    assert_int_equal(length, strlen(cases[i].text));
  }
}

struct integer_case {
  const char *json;
  bool taken;
  int64_t number;
};

static void integers_are_read_within_64_bits_only(void **state)
{
  static const struct integer_case cases[] = {
    { "0", true, 0 },
    { "-0", true, 0 },
    { "7", true, 7 },
    { "-7", true, -7 },
    { "9223372036854775807", true, INT64_MAX },
    { "-9223372036854775808", true, INT64_MIN },
    { "9223372036854775808", false, 0 },
    { "-9223372036854775809", false, 0 },
    { "18446744073709551616", false, 0 },
    { "99999999999999999999999", false, 0 },
    { "1.0", false, 0 },
    { "1e2", false, 0 },
  };

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    int64_t number = 0;

    start(cases[i].json);
    assert_int_equal(json_integer(&reader, &number), cases[i].taken);
    assert_int_equal(reader.problem, JSON_FINE);
    assert_int_equal(number, cases[i].number);
    assert_true(json_finish(&reader));
  }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(the_public_test_suite_is_taken_and_refused_as_it_says),
    TEST(numbers_keep_their_digits),
    TEST(keys_keep_their_order),
    TEST(strings_keep_their_escapes),
    TEST(white_space_between_tokens_goes_and_within_strings_stays),
    TEST(text_behind_the_value_stays_unread),
    TEST(copies_take_no_more_room_than_they_need),
    TEST(malformed_values_are_syntax_problems),
    TEST(a_problem_tells_where_it_is),
    TEST(bytes_that_are_not_utf8_are_refused_at_every_place_of_a_word),
    TEST(characters_of_every_length_are_kept_at_every_place_of_a_word),
    TEST(quotes_and_control_characters_are_seen_at_every_place_of_a_word),
    TEST(a_nul_byte_is_a_syntax_problem),
    TEST(escapes_that_stand_for_no_character_are_refused),
    TEST(sixty_four_levels_are_taken_and_one_more_is_not),
    TEST(very_deep_input_stops_at_the_limit),
    TEST(open_members_count_as_levels),
    TEST(no_more_than_64_members_deep_can_be_entered),
    TEST(a_key_twice_is_refused_with_its_path),
    TEST(keys_are_compared_after_decoding),
    TEST(the_same_key_in_different_objects_is_fine),
    TEST(a_key_twice_is_found_in_objects_of_every_size),
    TEST(an_object_of_100000_keys_is_read_quickly),
    TEST(secrets_are_refused_with_their_path_and_never_their_value),
    TEST(secrets_are_taken_without_the_guard),
    TEST(long_paths_are_cut_on_a_character_boundary),
    TEST(members_are_read_one_by_one),
    TEST(a_foreseen_key_that_does_not_come_is_left_unread),
    TEST(brackets_must_match_member_by_member),
    TEST(a_comma_before_the_end_is_refused_member_by_member),
    TEST(the_first_problem_sticks),
    TEST(strings_are_decoded),
    TEST(integers_are_read_within_64_bits_only),
  };

  return cmocka_run_group_tests_name("json_reader", tests, NULL, NULL);
}
