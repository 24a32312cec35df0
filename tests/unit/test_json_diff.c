/*
 * record/json_diff: merge patches between two texts, applied with json_merge() there and back.
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
#include <cjson/cJSON.h>

#include "record/json_diff.h"
#include "record/json_reader.h"
#include "record/json_tree.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum { PAIRS = 12000, MOST_MEMBERS = 24, WIDE = 100000 };

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

struct patches {
  char *forward;
  char *back;
  bool exact;
};

/* The patches, NUL-terminated in the arena. */
static struct patches patches_between(const char *before, const char *after)
{
  struct buffer forward = { 0 };
  struct buffer back = { 0 };
  struct patches patches = { NULL, NULL, false };

  assert_true(json_diff(before, after, &forward, &back, &patches.exact));
  patches.forward = arena_copy(&arena, forward.bytes, forward.length);
  patches.back = arena_copy(&arena, back.bytes, back.length);
  assert_non_null(patches.forward);
  assert_non_null(patches.back);
  buffer_free(&forward);
  buffer_free(&back);
  return patches;
}

/* ---- what the patches are ---- */

struct example {
  const char *before;
  const char *after;
  const char *forward;
  const char *back;
  bool exact;
};

static void check_examples(const struct example *examples, size_t count)
{
  for (size_t i = 0; i < count; i++) {
    const struct example *example = &examples[i];
    struct patches patches = patches_between(example->before, example->after);

    if (strcmp(patches.forward, example->forward) != 0 ||
        strcmp(patches.back, example->back) != 0 || patches.exact != example->exact)
      fail_msg("%zu: %s to %s gave %s and %s, %s", i, example->before, example->after,
               patches.forward, patches.back, patches.exact ? "exact" : "not exact");
  }
}

#define CHECK(examples) check_examples(examples, COUNT_OF(examples))

static void only_members_that_differ_are_in_a_patch(void **state)
{
  static const struct example examples[] = {
    { "{}", "{}", "{}", "{}", true },
    { "{\"a\":1,\"b\":2}", "{\"a\":1,\"b\":3}", "{\"b\":3}", "{\"b\":2}", true },
    { "{\"a\":1}", "{\"a\":1,\"b\":2}", "{\"b\":2}", "{\"b\":null}", true },
    { "{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"b\":null}", "{\"b\":2}", true },
    { "{\"a\":1}", "{}", "{\"a\":null}", "{\"a\":1}", true },
    { "{\"a\":1}", "{\"b\":1}", "{\"a\":null,\"b\":1}", "{\"a\":1,\"b\":null}", true },
    { "{\"a\":\"x\"}", "{\"a\":true}", "{\"a\":true}", "{\"a\":\"x\"}", true },
    { "{\"a\":1.10}", "{\"a\":1.1}", "{\"a\":1.1}", "{\"a\":1.10}", true },
  };

  (void)state;
  CHECK(examples);
}

static void objects_within_objects_differ_by_their_own_members(void **state)
{
  static const struct example examples[] = {
    { "{\"a\":{\"x\":1,\"y\":2},\"b\":1}", "{\"a\":{\"x\":1,\"y\":3},\"b\":1}", "{\"a\":{\"y\":3}}",
      "{\"a\":{\"y\":2}}", true },
    { "{\"a\":{}}", "{\"a\":{\"x\":1}}", "{\"a\":{\"x\":1}}", "{\"a\":{\"x\":null}}", true },
    { "{\"a\":{}}", "{}", "{\"a\":null}", "{\"a\":{}}", true },
    { "{\"a\":{\"b\":{\"c\":{}}}}", "{\"a\":{\"b\":{\"c\":{\"d\":1}}}}",
      "{\"a\":{\"b\":{\"c\":{\"d\":1}}}}", "{\"a\":{\"b\":{\"c\":{\"d\":null}}}}", true },
  };

  (void)state;
  CHECK(examples);
}

static void arrays_are_replaced_whole(void **state)
{
  static const struct example examples[] = {
    { "[1]", "[1,2]", "[1,2]", "[1]", true },
    { "{\"a\":[1,null]}", "{\"a\":[2]}", "{\"a\":[2]}", "{\"a\":[1,null]}", true },
    { "{\"a\":[{\"x\":null}]}", "{\"a\":{}}", "{\"a\":{}}", "{\"a\":[{\"x\":null}]}", true },
    { "[\"]\",[\"}\"]]", "{\"a\":1}", "{\"a\":1}", "[\"]\",[\"}\"]]", true },
  };

  (void)state;
  CHECK(examples);
}

static void what_is_absent_is_null_in_a_patch(void **state)
{
  static const struct example examples[] = {
    { NULL, "{\"a\":1}", "{\"a\":1}", "null", true },
    { "{\"a\":1}", NULL, "null", "{\"a\":1}", true },
    { NULL, "[1]", "[1]", "null", true },
    { "[null]", NULL, "null", "[null]", true },
    { NULL, NULL, "null", "null", true },
  };

  (void)state;
  CHECK(examples);
}

static void a_null_member_can_not_be_put_back(void **state)
{
  static const struct example examples[] = {
    { "{\"a\":null}", "{\"a\":1}", "{\"a\":1}", "{\"a\":null}", false },
    { "{\"a\":null}", "{}", "{\"a\":null}", "{\"a\":null}", false },
    { "{\"a\":null}", NULL, "null", "{\"a\":null}", false },
    { "{\"a\":null}", "[]", "[]", "{\"a\":null}", false },
    { "{\"a\":{\"b\":{\"c\":null}}}", "{}", "{\"a\":null}", "{\"a\":{\"b\":{\"c\":null}}}", false },
    { "{\"a\":{\"b\":null}}", "{\"a\":1}", "{\"a\":1}", "{\"a\":{\"b\":null}}", false },
    { "{\"a\":{\"b\":null}}", "{\"a\":{}}", "{\"a\":{\"b\":null}}", "{\"a\":{\"b\":null}}", false },
  };

  (void)state;
  CHECK(examples);
}

static void a_null_member_that_stays_or_comes_is_no_obstacle(void **state)
{
  static const struct example examples[] = {
    { "{\"a\":null,\"b\":1}", "{\"a\":null,\"b\":2}", "{\"b\":2}", "{\"b\":1}", true },
    { "{\"a\":{\"n\":null},\"b\":1}", "{\"a\":{\"n\":null}}", "{\"b\":null}", "{\"b\":1}", true },
    { "{}", "{\"a\":null}", "{\"a\":null}", "{\"a\":null}", true },
    { "{\"a\":1}", "{\"a\":null}", "{\"a\":null}", "{\"a\":1}", true },
  };

  (void)state;
  CHECK(examples);
}

static void members_that_moved_are_not_moved_back(void **state)
{
  static const struct example examples[] = {
    { "{\"a\":1,\"b\":2}", "{\"b\":2,\"a\":1}", "{}", "{}", false },
    { "{\"a\":1,\"b\":2}", "{\"b\":2}", "{\"a\":null}", "{\"a\":1}", false },
    { "{\"b\":2}", "{\"a\":1,\"b\":2}", "{\"a\":1}", "{\"a\":null}", true },
    { "{\"a\":1,\"b\":2}", "{\"a\":1,\"c\":3,\"b\":2}", "{\"c\":3}", "{\"c\":null}", true },
    { "{\"o\":{\"a\":1,\"b\":2}}", "{\"o\":{\"b\":2,\"a\":1}}", "{\"o\":{}}", "{\"o\":{}}", false },
  };

  (void)state;
  CHECK(examples);
}

static void keys_match_whatever_their_spelling_which_is_not_put_back(void **state)
{
  static const struct example examples[] = {
    { "{\"a\":1}", "{\"\\u0061\":1}", "{}", "{}", false },
    { "{\"a\":1}", "{\"\\u0061\":2}", "{\"\\u0061\":2}", "{\"a\":1}", false },
    { "{\"\\u0061\":1}", "{\"\\u0061\":2}", "{\"\\u0061\":2}", "{\"\\u0061\":1}", true },
    { "{\"\\u0061\":1}", "{}", "{\"\\u0061\":null}", "{\"\\u0061\":1}", true },
    { "{\"\":1}", "{\"\":2}", "{\"\":2}", "{\"\":1}", true },
    { "{\"{\":1,\"b\":1}", "{\"{\":2,\"b\":2}", "{\"{\":2,\"b\":2}", "{\"{\":1,\"b\":1}", true },
  };

  (void)state;
  CHECK(examples);
}

static void what_is_not_json_counts_as_absent_and_is_never_exact(void **state)
{
  static const struct example examples[] = {
    { "{\"a\":", "{\"a\":1}", "{\"a\":1}", "null", false },
    { "{\"a\":1}", "{\"a\"", "null", "{\"a\":1}", false },
    { "", "{}", "{}", "null", false },
    { "{}x", "{}", "{}", "null", false },
    { "[1,", NULL, "null", "null", false },
    { "{\"\xFF\":1}", "{}", "{}", "null", false },
  };

  (void)state;
  CHECK(examples);
}

static void a_key_that_is_there_twice_harms_nothing(void **state)
{
  (void)state;
  (void)patches_between("{\"a\":1,\"a\":2}", "{\"a\":3}");
  (void)patches_between("{\"a\":3}", "{\"a\":1,\"a\":2}");
  (void)patches_between("{\"a\":{},\"a\":{}}", "{\"a\":{},\"a\":{}}");
}

static void the_patches_come_behind_what_is_in_the_buffers(void **state)
{
  struct buffer forward = { 0 };
  struct buffer back = { 0 };
  bool exact = false;

  (void)state;
  buffer_text(&forward, "{\"tags\":");
  buffer_text(&back, "1,");
  assert_true(json_diff("{\"a\":1}", "{\"a\":2}", &forward, &back, &exact));
  buffer_byte(&forward, '\0');
  buffer_byte(&back, '\0');
  assert_string_equal(forward.bytes, "{\"tags\":{\"a\":2}");
  assert_string_equal(back.bytes, "1,{\"a\":1}");
  buffer_free(&forward);
  buffer_free(&back);
}

static void a_failed_buffer_is_told(void **state)
{
  struct buffer good = { 0 };
  struct buffer failed = { .failed = true };
  bool exact = false;

  (void)state;
  assert_false(json_diff("{\"a\":{}}", "{\"a\":{\"b\":1}}", &good, &failed, &exact));
  assert_false(json_diff("{\"a\":{}}", "{\"a\":{\"b\":1}}", &failed, &good, &exact));
  assert_null(failed.bytes);
  buffer_free(&good);
}

/* ---- random pairs ---- */

/* JSON that can be changed and written. */
struct value {
  int scalar; /* of `scalars`; -1 is an object */
  size_t count;
  struct {
    size_t name;
    size_t spelling;
    struct value *value;
  } members[MOST_MEMBERS];
};

static const char *const scalars[] = {
  "null", "1", "2", "\"a\"", "\"null\"", "\":null,{\"", "[null,{\"n\":null}]", "[]", "null", "false"
};

static const char *const names[][2] = {
  { "a", "\\u0061" }, { "null", "n\\u0075ll" }, { "\\u00e9", "\\u00E9" },
  { "{", "\\u007b" }, { "\\\"", "\\u0022" },    { "", "" },
};

static uint64_t seed;

static size_t random_below(size_t limit)
{
  seed ^= seed >> 12;
  seed ^= seed << 25;
  seed ^= seed >> 27;
  return (size_t)((seed * UINT64_C(2685821657736338717) >> 11) % limit);
}

static bool one_in(size_t chance)
{
  return random_below(chance) == 0;
}

static bool has_name(const struct value *object, size_t name)
{
  for (size_t i = 0; i < object->count; i++)
    if (object->members[i].name == name)
      return true;
  return false;
}

static struct value *random_value(unsigned depth);

/* Adds a member at a random place, where the name is free. */
static void add_member(struct value *object, size_t name, unsigned depth)
{
  size_t at = random_below(object->count + 1);

  if (object->count == MOST_MEMBERS || has_name(object, name))
    return;
  object->members[object->count] = object->members[at];
  object->members[at].name = name;
  object->members[at].spelling = one_in(4);
  object->members[at].value = random_value(depth + 1);
  object->count++;
}

static size_t random_name(void)
{
  return one_in(3) ? random_below(COUNT_OF(names)) : random_below(2 * (size_t)MOST_MEMBERS);
}

static struct value *random_object(unsigned depth)
{
  struct value *object = arena_object(&arena, sizeof(*object));
  size_t count = one_in(6) ? random_below(MOST_MEMBERS) : random_below(5);

  assert_non_null(object);
  object->scalar = -1;
  object->count = 0;
  while (count-- > 0)
    add_member(object, random_name(), depth);
  return object;
}

static struct value *random_value(unsigned depth)
{
  struct value *value = NULL;

  if (depth < 4 && one_in(3))
    return random_object(depth);
  value = arena_object(&arena, sizeof(*value));
  assert_non_null(value);
  value->scalar = (int)random_below(COUNT_OF(scalars));
  value->count = 0;
  return value;
}

static void move_a_member(struct value *object)
{
  size_t from = random_below(object->count);
  size_t to = random_below(object->count);
  size_t name = object->members[from].name;
  size_t spelling = object->members[from].spelling;
  struct value *value = object->members[from].value;

  object->members[from] = object->members[to];
  object->members[to].name = name;
  object->members[to].spelling = spelling;
  object->members[to].value = value;
}

/* Changes an object in some of the ways there are; `calm` is how seldom. */
static void change_object(struct value *object, unsigned depth, size_t calm)
{
  for (size_t i = object->count; i-- > 0;) {
    struct value *value = object->members[i].value;

    if (one_in(3 * calm))
      object->members[i] = object->members[--object->count];
    else if (one_in(2 * calm))
      object->members[i].value = random_value(depth + 1);
    else if (one_in(8 * calm))
      object->members[i].spelling ^= 1;
    else if (value->scalar < 0 && !one_in(3))
      change_object(value, depth + 1, calm);
  }
  if (object->count > 1 && one_in(6 * calm))
    move_a_member(object);
  if (one_in(calm))
    add_member(object, random_name(), depth);
}

static void write_name(struct buffer *buffer, size_t name, size_t spelling)
{
  char text[32];

  if (name < COUNT_OF(names)) {
    buffer_text(buffer, names[name][spelling]);
    return;
  }
  snprintf(text, sizeof(text), "%s%zu", spelling == 0 ? "k" : "\\u006b", name);
  buffer_text(buffer, text);
}

static void write_value(struct buffer *buffer, const struct value *value)
{
  if (value->scalar >= 0) {
    buffer_text(buffer, scalars[value->scalar]);
    return;
  }
  buffer_byte(buffer, '{');
  for (size_t i = 0; i < value->count; i++) {
    buffer_text(buffer, i > 0 ? ",\"" : "\"");
    write_name(buffer, value->members[i].name, value->members[i].spelling);
    buffer_text(buffer, "\":");
    write_value(buffer, value->members[i].value);
  }
  buffer_byte(buffer, '}');
}

static char *text_of(const struct value *value)
{
  struct buffer buffer = { 0 };
  char *text = NULL;

  write_value(&buffer, value);
  text = arena_copy(&arena, buffer.bytes, buffer.length);
  assert_non_null(text);
  buffer_free(&buffer);
  return text;
}

/* Takes the null members out of a tree, but for those in arrays. */
static void strip_nulls(cJSON *object)
{
  cJSON *next = NULL;

  if (!cJSON_IsObject(object))
    return;
  for (cJSON *member = object->child; member != NULL; member = next) {
    next = member->next;
    if (cJSON_IsNull(member))
      cJSON_Delete(cJSON_DetachItemViaPointer(object, member));
    else
      strip_nulls(member);
  }
}

/* Whether each null member of a tree is one of the other too. */
static bool has_nulls_of(const cJSON *tree, const cJSON *other)
{
  if (!cJSON_IsObject(tree))
    return true;
  for (const cJSON *member = tree->child; member != NULL; member = member->next) {
    const cJSON *match = cJSON_GetObjectItemCaseSensitive(other, member->string);

    if (cJSON_IsNull(member) ? !cJSON_IsNull(match) : !has_nulls_of(member, match))
      return false;
  }
  return true;
}

/* Whether a merged text says what is wanted, but for null members that a patch can't put there. */
static bool says(const char *merged, const char *wanted)
{
  cJSON *first = cJSON_Parse(merged);
  cJSON *second = cJSON_Parse(wanted);
  bool same = false;

  assert_non_null(first);
  assert_non_null(second);
  same = has_nulls_of(first, second);
  strip_nulls(first);
  strip_nulls(second);
  same = same && cJSON_Compare(first, second, true);
  cJSON_Delete(first);
  cJSON_Delete(second);
  return same;
}

/* Checks the patches of a pair, and tells whether the way back is exact. */
static bool check_pair(const char *before, const char *after)
{
  struct patches patches = patches_between(before, after);
  const char *there = json_merge(before, patches.forward, &arena);
  const char *back = json_merge(after, patches.back, &arena);

  assert_non_null(there);
  assert_non_null(back);
  if (!says(there, after))
    fail_msg("%s to %s is not %s", before, after, patches.forward);
  if (!says(back, before))
    fail_msg("%s back to %s is not %s", after, before, patches.back);
  if (patches.exact != (strcmp(back, before) == 0))
    fail_msg("%s back to %s: %s gives %s", after, before, patches.back, back);
  return patches.exact;
}

/* Each kind of pair must be there often enough to mean something. */
static void check_pairs(size_t calm)
{
  size_t exact = 0;

  seed = UINT64_C(0x9E3779B97F4A7C15) + calm;
  for (size_t i = 0; i < PAIRS; i++) {
    struct value *value = random_object(0);
    char *before = text_of(value);

    if (calm == 0)
      value = random_value(1);
    else
      change_object(value, 0, calm);
    exact += check_pair(before, text_of(value));
    arena_free(&arena);
  }
  if (exact < PAIRS / 20 || exact > PAIRS - PAIRS / 20)
    fail_msg("%zu of %d were exact", exact, PAIRS);
}

static void unrelated_texts_lead_to_each_other(void **state)
{
  (void)state;
  check_pairs(0);
}

static void an_object_and_what_became_of_it_lead_to_each_other(void **state)
{
  (void)state;
  check_pairs(1);
  check_pairs(4);
}

/* ---- large objects ---- */

/* Members first, first + step, … of as many members. */
static char *wide(size_t first, int step, size_t count, const char *value)
{
  struct buffer buffer = { 0 };
  char member[64];

  for (size_t i = 0; i < count; i++) {
    snprintf(member, sizeof(member), "%s\"key-%zu\":%s", i > 0 ? "," : "{", first, value);
    buffer_text(&buffer, member);
    first += (size_t)step;
  }
  buffer_byte(&buffer, '}');
  return buffer_take(&buffer, NULL);
}

/* Looking for each key in turn would be ten thousand million comparisons. */
static void wide_objects_are_compared_quickly(void **state)
{
  char *before = wide(0, 1, WIDE, "1");
  char *turned = wide(WIDE - 1, -1, WIDE, "1");
  char *other = wide(WIDE / 2, 1, WIDE, "2");
  clock_t start = clock();

  (void)state;
  assert_string_equal(patches_between(before, turned).forward, "{}");
  assert_false(patches_between(before, turned).exact);
  assert_true(patches_between(before, before).exact);
  (void)patches_between(before, other);
  (void)patches_between(before, "{\"other\":1}");
  (void)patches_between("{\"other\":1}", before);
  assert_true((double)(clock() - start) / CLOCKS_PER_SEC < 10.0);
  free(before);
  free(turned);
  free(other);
}

static char *deep(const char *value, size_t levels)
{
  struct buffer buffer = { 0 };

  for (size_t i = 0; i < levels; i++)
    buffer_text(&buffer, "{\"a\":");
  buffer_text(&buffer, value);
  for (size_t i = 0; i < levels; i++)
    buffer_byte(&buffer, '}');
  return buffer_take(&buffer, NULL);
}

static void the_deepest_member_is_found(void **state)
{
  char *before = deep("1", JSON_DEPTH);
  char *after = deep("2", JSON_DEPTH);
  struct patches patches = patches_between(before, after);

  (void)state;
  assert_string_equal(patches.forward, after);
  assert_string_equal(patches.back, before);
  assert_true(patches.exact);
  free(before);
  free(after);
}

static void what_is_too_deep_counts_as_absent(void **state)
{
  char *before = deep("1", JSON_DEPTH + 1);

  (void)state;
  assert_string_equal(patches_between(before, "{}").back, "null");
  free(before);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    TEST(only_members_that_differ_are_in_a_patch),
    TEST(objects_within_objects_differ_by_their_own_members),
    TEST(arrays_are_replaced_whole),
    TEST(what_is_absent_is_null_in_a_patch),
    TEST(a_null_member_can_not_be_put_back),
    TEST(a_null_member_that_stays_or_comes_is_no_obstacle),
    TEST(members_that_moved_are_not_moved_back),
    TEST(keys_match_whatever_their_spelling_which_is_not_put_back),
    TEST(what_is_not_json_counts_as_absent_and_is_never_exact),
    TEST(a_key_that_is_there_twice_harms_nothing),
    TEST(the_patches_come_behind_what_is_in_the_buffers),
    TEST(a_failed_buffer_is_told),
    TEST(unrelated_texts_lead_to_each_other),
    TEST(an_object_and_what_became_of_it_lead_to_each_other),
    TEST(wide_objects_are_compared_quickly),
    TEST(the_deepest_member_is_found),
    TEST(what_is_too_deep_counts_as_absent),
  };

  return cmocka_run_group_tests_name("json_diff", tests, NULL, NULL);
}
