/*
 * Merge patches: the cases of RFC 7396, and that digits, escapes, order and spelling survive.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <time.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "record/json_reader.h"
#include "record/json_tree.h"

static struct arena arena;

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

static void assert_merges(const char *target, const char *patch, const char *wanted)
{
  const char *merged = json_merge(target, patch, &arena);

  if (merged == NULL || strcmp(merged, wanted) != 0)
    fail_msg("%s with %s gave %s, wanted %s", target != NULL ? target : "nothing", patch,
             merged != NULL ? merged : "nothing", wanted);
}

/* ---- the RFC's cases ---- */

static char *read_all(const char *path, size_t *length)
{
  FILE *file = fopen(path, "rb");
  struct buffer buffer = { 0 };
  char block[4096];
  size_t got = 0;

  if (file == NULL)
    return NULL;
  while ((got = fread(block, 1, sizeof(block), file)) > 0)
    buffer_append(&buffer, block, got);
  fclose(file);
  return buffer_take(&buffer, length);
}

/* Reads the next value of an array. */
static const char *next_value(struct json_reader *reader, bool *first)
{
  size_t length = 0;
  const char *value = NULL;

  assert_true(json_more(reader, first));
  value = json_copy(reader, "case", &length);
  assert_non_null(value);
  return value;
}

static void check_case(struct json_reader *reader)
{
  bool first = true;
  const char *original = NULL;
  const char *patch = NULL;
  const char *result = NULL;

  assert_true(json_enter(reader));
  original = next_value(reader, &first);
  patch = next_value(reader, &first);
  result = next_value(reader, &first);
  assert_false(json_more(reader, &first));
  assert_merges(original, patch, result);
}

static void the_cases_of_rfc_7396_merge_as_it_says(void **state)
{
  const char *root = getenv("CONNECTOR_SHARED");
  struct json_reader reader;
  char path[1000];
  size_t length = 0;
  char *cases = NULL;
  bool first = true;
  int count = 0;

  (void)state;
  snprintf(path, sizeof(path), "%s/data/merge-patch.json", root != NULL ? root : "../shared");
  cases = read_all(path, &length);
  if (cases == NULL) {
    fprintf(stderr, "SKIPPED: no %s: set CONNECTOR_SHARED\n", path);
    skip();
  }
  json_reader_init(&reader, cases, length, &arena);
  assert_true(json_enter(&reader));
  for (; json_more(&reader, &first); count++)
    check_case(&reader);
  assert_true(json_finish(&reader));
  assert_int_equal(count, 15);
  free(cases);
}

/* ---- what survives ---- */

static void digits_survive(void **state)
{
  (void)state;
  assert_merges("{\"a\":9007199254740993,\"b\":1.10,\"c\":[1e400,-0]}", "{\"d\":0.1000e+2}",
                "{\"a\":9007199254740993,\"b\":1.10,\"c\":[1e400,-0],\"d\":0.1000e+2}");
}

static void escapes_survive_in_keys_and_values(void **state)
{
  (void)state;
  assert_merges("{\"a\\/b\":\"\\u00e9\\n\",\"\\u0063\":{\"\\\"\":\"\\\\\"}}", "{\"\\td\":\"\\/\"}",
                "{\"a\\/b\":\"\\u00e9\\n\",\"\\u0063\":{\"\\\"\":\"\\\\\"},\"\\td\":\"\\/\"}");
}

static void members_keep_their_order_and_new_ones_come_last(void **state)
{
  (void)state;
  assert_merges("{\"z\":1,\"y\":2,\"x\":3}", "{\"b\":9,\"y\":8,\"a\":7}",
                "{\"z\":1,\"y\":8,\"x\":3,\"b\":9,\"a\":7}");
  assert_merges("{\"z\":1,\"y\":2,\"x\":3}", "{\"z\":null,\"z2\":1}", "{\"y\":2,\"x\":3,\"z2\":1}");
  assert_merges("{\"z\":1,\"y\":2,\"x\":3}", "{\"x\":null,\"x2\":1}", "{\"z\":1,\"y\":2,\"x2\":1}");
}

static void keys_match_whatever_their_spelling_and_keep_the_targets(void **state)
{
  (void)state;
  assert_merges("{\"\\u0061\":1,\"b\":2}", "{\"a\":3,\"\\u0062\":4}", "{\"\\u0061\":3,\"b\":4}");
  assert_merges("{\"\\u0061\":{\"x\":1}}", "{\"a\":{\"\\u0078\":2}}", "{\"\\u0061\":{\"x\":2}}");
  assert_merges("{\"\\u0061\":1}", "{\"a\":{\"x\":2}}", "{\"\\u0061\":{\"x\":2}}");
  assert_merges("{\"\\u0061\":1}", "{\"a\":null}", "{}");
}

static void nulls_inside_arrays_are_values(void **state)
{
  (void)state;
  assert_merges("{}", "{\"a\":[null,{\"b\":null}]}", "{\"a\":[null,{\"b\":null}]}");
}

static void nulls_of_a_new_object_are_left_out(void **state)
{
  (void)state;
  assert_merges("{\"a\":[1]}", "{\"a\":{\"b\":null,\"c\":{\"d\":null}}}", "{\"a\":{\"c\":{}}}");
}

static void an_absent_target_is_an_empty_object(void **state)
{
  (void)state;
  assert_merges(NULL, "{\"a\":1,\"b\":null}", "{\"a\":1}");
  assert_merges(NULL, "[1,null]", "[1,null]");
}

static void an_array_is_replaced_by_an_object_and_back(void **state)
{
  (void)state;
  assert_merges("[\"a\"]", "{\"b\":\"c\"}", "{\"b\":\"c\"}");
  assert_merges("{\"b\":\"c\"}", "[\"a\"]", "[\"a\"]");
}

/* ---- size and depth ---- */

/* An object of keys from `from`, all with the same value. */
static char *wide(int64_t from, int64_t count, const char *value)
{
  struct buffer buffer = { 0 };

  buffer_byte(&buffer, '{');
  for (int64_t i = from; i < from + count; i++) {
    buffer_text(&buffer, i == from ? "\"k" : ",\"k");
    buffer_integer(&buffer, i);
    buffer_text(&buffer, "\":");
    buffer_text(&buffer, value);
  }
  buffer_byte(&buffer, '}');
  return buffer_take(&buffer, NULL);
}

static void objects_of_every_size_merge_alike(void **state)
{
  (void)state;
  for (int64_t count = 1; count < 40; count++) {
    char *target = wide(0, count, "1");
    char *patch = wide(0, count, "2");
    char *removal = wide(0, count, "null");

    assert_merges(target, patch, patch);
    assert_merges(target, removal, "{}");
    assert_merges("{}", removal, "{}");
    assert_merges("{}", patch, patch);
    free(target);
    free(patch);
    free(removal);
  }
}

/* Looking for each key in turn would be ten thousand million comparisons. */
static void wide_objects_merge_quickly(void **state)
{
  char *target = wide(0, 100000, "1");
  char *patch = wide(50000, 100000, "null");
  char *rest = wide(0, 50000, "1");
  clock_t before = clock();

  (void)state;
  assert_merges(target, patch, rest);
  assert_true((double)(clock() - before) / CLOCKS_PER_SEC < 10.0);
  free(target);
  free(patch);
  free(rest);
}

static char *deep(const char *value)
{
  struct buffer buffer = { 0 };

  for (int i = 1; i < JSON_DEPTH; i++)
    buffer_text(&buffer, "{\"a\":");
  buffer_text(&buffer, value);
  for (int i = 1; i < JSON_DEPTH; i++)
    buffer_byte(&buffer, '}');
  return buffer_take(&buffer, NULL);
}

static void objects_merge_down_to_the_deepest_level(void **state)
{
  char *target = deep("{\"x\":1}");
  char *patch = deep("{\"y\":2}");
  char *both = deep("{\"x\":1,\"y\":2}");

  (void)state;
  assert_merges(target, patch, both);
  assert_merges(NULL, patch, patch);
  free(target);
  free(patch);
  free(both);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(the_cases_of_rfc_7396_merge_as_it_says),
    TEST(digits_survive),
    TEST(escapes_survive_in_keys_and_values),
    TEST(members_keep_their_order_and_new_ones_come_last),
    TEST(keys_match_whatever_their_spelling_and_keep_the_targets),
    TEST(nulls_inside_arrays_are_values),
    TEST(nulls_of_a_new_object_are_left_out),
    TEST(an_absent_target_is_an_empty_object),
    TEST(an_array_is_replaced_by_an_object_and_back),
    TEST(objects_of_every_size_merge_alike),
    TEST(wide_objects_merge_quickly),
    TEST(objects_merge_down_to_the_deepest_level),
  };

  return cmocka_run_group_tests_name("json_tree", tests, NULL, NULL);
}
