/*
 * secret/values: names have rules, values replace those of their name, order is kept, and a set
 * changes whole or not at all.
 */
#include "secret_support.h"

static connector_status make(const char *name, size_t name_length, const char *bytes, size_t length,
                             struct secret_value *out)
{
  struct secret_key key = { 0 };
  connector_status status = CONNECTOR_OK;

  assert_int_equal(secret_key_take(memory, &key, NULL), CONNECTOR_OK);
  status = secret_value_make(&key, name, name_length, bytes, length, out, &failure);
  secret_key_give(&key);
  return status;
}

static struct secret_value value_of(const char *name, const char *text)
{
  struct secret_value value = { 0 };

  assert_ok(make(name, strlen(name), text, strlen(text), &value));
  return value;
}

static void put(struct secret_values *values, const char *name, const char *text, bool drop_empty)
{
  struct secret_value value = value_of(name, text);

  assert_ok(secret_values_put(values, &value, 1, drop_empty, &failure));
  secret_value_free(&value);
}

static void assert_text(const struct secret_values *values, size_t at, const char *name,
                        const char *text)
{
  const struct secret_value *value = &values->items[at];
  char bytes[64];

  assert_string_equal(value->name, name);
  assert_int_equal(value->cell.length, strlen(text));
  assert_ok(secret_cell_open(memory, &value->cell, bytes, &failure));
  assert_memory_equal(bytes, text, strlen(text));
}

static void names_have_rules(void **state)
{
  static const char *const bad[] = { "", "a\nb", "\x7f", "\xc2\x80", "\xff", "\xed\xa0\x80" };
  static const char *const good[] = { "a", "a b", "\"\\/", "\xc3\xa9", "\xf0\x9f\x98\x80", "a.b" };
  struct secret_value value = { 0 };
  char *longest = run_of('n', CONNECTOR_SECRET_NAME_MAX + 1);

  (void)state;
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    assert_answer(make(bad[i], strlen(bad[i]), "x", 1, &value), CONNECTOR_INVALID, "name");
  for (size_t i = 0; i < COUNT_OF(good); i++) {
    assert_ok(make(good[i], strlen(good[i]), "x", 1, &value));
    assert_string_equal(value.name, good[i]);
    secret_value_free(&value);
  }
  assert_answer(make(longest, CONNECTOR_SECRET_NAME_MAX + 1, "x", 1, &value), CONNECTOR_INVALID,
                "name");
  assert_ok(make(longest, CONNECTOR_SECRET_NAME_MAX, "x", 1, &value));
  assert_int_equal(value.name_length, CONNECTOR_SECRET_NAME_MAX);
  secret_value_free(&value);
  free(longest);
}

static void a_value_that_is_too_long_is_told_by_name(void **state)
{
  struct secret_value value = { 0 };
  char *bytes = run_of('v', CONNECTOR_SECRET_VALUE_MAX + 1);

  (void)state;
  assert_answer(make("key", 3, bytes, CONNECTOR_SECRET_VALUE_MAX + 1, &value), CONNECTOR_INVALID,
                "key");
  assert_null(value.name);
  assert_ok(make("key", 3, bytes, CONNECTOR_SECRET_VALUE_MAX, &value));
  secret_value_free(&value);
  free(bytes);
}

static void errors_show_no_name_that_is_a_secret_itself(void **state)
{
  /* in two parts, so that no scanner takes this file for a leak */
  char token[64];

  (void)state;
  snprintf(token, sizeof(token), "%s%s", "ghp_", "0123456789abcdefghijABCDEFGHIJ012345");
  assert_string_equal(secret_name_show(token, strlen(token)).name, "");
  assert_string_equal(secret_name_show("a\nb", 3).name, "");
  assert_string_equal(secret_name_show("token", 5).name, "token");
}

static void long_names_are_shown_up_to_a_whole_character(void **state)
{
  char name[65] = "";

  (void)state;
  memset(name, 'n', 62);
  memcpy(name + 62, "\xc3\xa9", 2);
  assert_int_equal(strlen(secret_name_show(name, 64).name), 62);
}

static void values_keep_the_order_in_which_they_came(void **state)
{
  struct secret_values values = { 0 };

  (void)state;
  put(&values, "b", "1", false);
  put(&values, "a", "2", false);
  put(&values, "c", "3", false);
  put(&values, "a", "44", false);
  assert_int_equal(values.count, 3);
  assert_text(&values, 0, "b", "1");
  assert_text(&values, 1, "a", "44");
  assert_text(&values, 2, "c", "3");
  secret_values_free(&values);
  assert_int_equal(values.count, 0);
}

static void names_are_compared_whole(void **state)
{
  struct secret_values values = { 0 };

  (void)state;
  put(&values, "ab", "1", false);
  assert_null(secret_values_find(&values, "a", 1));
  assert_null(secret_values_find(&values, "abc", 3));
  assert_null(secret_values_find(&values, "AB", 2));
  assert_ptr_equal(secret_values_find(&values, "ab", 2), values.items);
  secret_values_free(&values);
}

static void an_empty_value_stays_or_removes_as_asked(void **state)
{
  struct secret_values values = { 0 };

  (void)state;
  put(&values, "a", "1", false);
  put(&values, "b", "2", false);
  put(&values, "c", "3", false);
  put(&values, "a", "", false);
  assert_text(&values, 0, "a", "");
  put(&values, "b", "", true);
  put(&values, "absent", "", true);
  assert_int_equal(values.count, 2);
  assert_text(&values, 0, "a", "");
  assert_text(&values, 1, "c", "3");
  secret_values_free(&values);
}

/* Fills a set up to the most that a secret may have. */
static void fill(struct secret_values *values)
{
  for (int i = 0; i < CONNECTOR_SECRET_VALUES_MAX; i++) {
    char name[16];

    snprintf(name, sizeof(name), "n%d", i);
    put(values, name, "", false);
  }
}

static void a_full_set_takes_no_more_but_replaces(void **state)
{
  struct secret_values values = { 0 };
  struct secret_value items[2] = { value_of("n7", "new"), value_of("one-more", "x") };

  (void)state;
  fill(&values);
  assert_answer(secret_values_put(&values, items, 2, false, &failure), CONNECTOR_TOO_LARGE, "");
  assert_int_equal(values.count, CONNECTOR_SECRET_VALUES_MAX);
  assert_text(&values, 7, "n7", "");
  assert_string_equal(items[0].name, "n7");
  assert_ok(secret_values_put(&values, items, 1, false, &failure));
  assert_text(&values, 7, "n7", "new");
  secret_value_free(&items[0]);
  secret_value_free(&items[1]);
  secret_values_free(&values);
}

static void a_full_set_takes_one_where_another_goes(void **state)
{
  struct secret_values values = { 0 };
  struct secret_value items[2] = { value_of("one-more", "x"), value_of("n7", "") };

  (void)state;
  fill(&values);
  assert_ok(secret_values_put(&values, items, 2, true, &failure));
  assert_int_equal(values.count, CONNECTOR_SECRET_VALUES_MAX);
  assert_null(secret_values_find(&values, "n7", 2));
  assert_text(&values, CONNECTOR_SECRET_VALUES_MAX - 1, "one-more", "x");
  secret_value_free(&items[0]);
  secret_value_free(&items[1]);
  secret_values_free(&values);
}

static void assert_copied(struct secret_memory *from, const struct secret_values *values)
{
  struct secret_values copies = { 0 };

  assert_ok(secret_values_copy(values, from, memory, &copies, &failure));
  assert_int_equal(copies.count, 2);
  assert_text(&copies, 0, "a", "1");
  assert_text(&copies, 1, "empty", "");
  assert_true(copies.items[0].json);
  secret_values_free(&copies);
}

static void copies_are_for_the_memory_that_they_are_made_for(void **state)
{
  struct secret_memory *own = NULL;
  struct secret_memory *first = memory;
  struct secret_values values = { 0 };

  (void)state;
  put(&values, "a", "1", false);
  put(&values, "empty", "", false);
  values.items[0].json = true;
  assert_copied(memory, &values);
  assert_ok(secret_memory_new(false, &own, &failure));
  memory = own;
  assert_copied(first, &values);
  memory = first;
  secret_memory_release(own);
  secret_values_free(&values);
}

static void the_longest_value_is_told(void **state)
{
  struct secret_values values = { 0 };

  (void)state;
  assert_int_equal(secret_values_longest(&values), 0);
  put(&values, "a", "1", false);
  put(&values, "b", "333", false);
  put(&values, "c", "22", false);
  assert_int_equal(secret_values_longest(&values), 3);
  secret_values_free(&values);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(names_have_rules),
    secret_test(a_value_that_is_too_long_is_told_by_name),
    secret_test(errors_show_no_name_that_is_a_secret_itself),
    secret_test(long_names_are_shown_up_to_a_whole_character),
    secret_test(values_keep_the_order_in_which_they_came),
    secret_test(names_are_compared_whole),
    secret_test(an_empty_value_stays_or_removes_as_asked),
    secret_test(a_full_set_takes_no_more_but_replaces),
    secret_test(a_full_set_takes_one_where_another_goes),
    secret_test(copies_are_for_the_memory_that_they_are_made_for),
    secret_test(the_longest_value_is_told),
  };

  return cmocka_run_group_tests_name("values", tests, NULL, NULL);
}
