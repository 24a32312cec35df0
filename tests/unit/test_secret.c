/*
 * secret/secret: values are set, used, compared, merged and gone; a use holds the secret as it is.
 */
#include "secret_support.h"

#include <pthread.h>

/* ---- setting and using ---- */

static void what_is_set_is_shown(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  set(secret, "username", "ann");
  set(secret, "token", "t0p");
  assert_int_equal(connector_secret_count(secret), 2);
  assert_string_equal(connector_secret_name(secret, 0), "username");
  assert_string_equal(connector_secret_name(secret, 1), "token");
  assert_null(connector_secret_name(secret, 2));
  assert_value(secret, "username", "ann");
  assert_value(secret, "token", "t0p");
  connector_secret_free(secret);
}

static void setting_again_replaces(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  set(secret, "token", "first");
  set(secret, "token", "the second one, which is longer");
  assert_int_equal(connector_secret_count(secret), 1);
  assert_value(secret, "token", "the second one, which is longer");
  connector_secret_free(secret);
}

static void any_bytes_can_be_a_value(void **state)
{
  static const char bytes[] = "\0\xff\n\0";
  connector_secret *secret = new_secret();
  struct shown shown = { "", 0, 0 };

  (void)state;
  assert_ok(connector_secret_set(secret, "key", bytes, sizeof(bytes), &failure));
  assert_ok(connector_secret_use(secret, "key", keep_shown, &shown, &failure));
  assert_int_equal(shown.length, sizeof(bytes));
  assert_memory_equal(shown.text, bytes, sizeof(bytes));
  connector_secret_free(secret);
}

static void an_empty_value_is_shown_as_empty(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_ok(connector_secret_set(secret, "token", NULL, 0, &failure));
  assert_int_equal(connector_secret_count(secret), 1);
  assert_value(secret, "token", "");
  connector_secret_free(secret);
}

static void the_longest_value_is_taken_and_no_longer_one(void **state)
{
  connector_secret *secret = new_secret();
  struct shown shown = { "", 0, 0 };
  char *bytes = run_of('v', CONNECTOR_SECRET_VALUE_MAX + 1);

  (void)state;
  set(secret, "key", "before");
  assert_answer(
      connector_secret_set(secret, "key", bytes, CONNECTOR_SECRET_VALUE_MAX + 1, &failure),
      CONNECTOR_INVALID, "key");
  assert_value(secret, "key", "before");
  assert_ok(connector_secret_set(secret, "key", bytes, CONNECTOR_SECRET_VALUE_MAX, &failure));
  assert_ok(connector_secret_use(secret, "key", keep_shown, &shown, &failure));
  assert_int_equal(shown.length, CONNECTOR_SECRET_VALUE_MAX);
  connector_secret_free(secret);
  free(bytes);
}

static void a_name_that_is_not_there_is_not_found(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_no_value(secret, "token");
  set(secret, "token", "x");
  assert_no_value(secret, "toke");
  assert_no_value(secret, "");
  connector_secret_free(secret);
}

static void what_is_missing_is_named(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_answer(connector_secret_set(NULL, "a", "b", 1, &failure), CONNECTOR_INVALID, "secret");
  assert_answer(connector_secret_set(secret, NULL, "b", 1, &failure), CONNECTOR_INVALID, "name");
  assert_answer(connector_secret_set(secret, "a", NULL, 1, &failure), CONNECTOR_INVALID, "bytes");
  assert_answer(connector_secret_use(NULL, "a", keep_shown, NULL, &failure), CONNECTOR_INVALID,
                "secret");
  assert_answer(connector_secret_use(secret, NULL, keep_shown, NULL, &failure), CONNECTOR_INVALID,
                "name");
  assert_answer(connector_secret_use(secret, "a", NULL, NULL, &failure), CONNECTOR_INVALID, "use");
  assert_int_equal(connector_secret_set(secret, NULL, "b", 1, NULL), CONNECTOR_INVALID);
  assert_int_equal(connector_secret_count(NULL), 0);
  assert_int_equal(connector_secret_version(NULL), 0);
  assert_null(connector_secret_name(NULL, 0));
  assert_false(connector_secret_is_stale(NULL));
  connector_secret_set_version(NULL, 1);
  connector_secret_set_stale(NULL, true);
  assert_answer(connector_secret_copy(NULL, secret, &failure), CONNECTOR_INVALID, "into");
  assert_answer(connector_secret_copy(secret, NULL, &failure), CONNECTOR_INVALID, "from");
  connector_secret_free(NULL);
  connector_secret_free(secret);
}

static void a_version_is_what_it_was_set_to(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_int_equal(connector_secret_version(secret), 0);
  connector_secret_set_version(secret, 7);
  assert_int_equal(connector_secret_version(secret), 7);
  connector_secret_free(secret);
}

static void a_stale_mark_is_what_it_was_set_to(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_false(connector_secret_is_stale(secret));
  connector_secret_set_stale(secret, true);
  assert_true(connector_secret_is_stale(secret));
  connector_secret_set_stale(secret, false);
  assert_false(connector_secret_is_stale(secret));
  connector_secret_free(secret);
}

/* The byte is in the box of the only value. */
static void a_value_that_the_process_damaged_is_told(void **state)
{
  connector_secret *secret = secret_of("{\"token\":\"t0p\"}");
  connector_secret *same = secret_of("{\"token\":\"t0p\"}");
  struct shown shown = { "", 0, 0 };
  struct secret_work work = { 0 };

  (void)state;
  secret->values.items[0].cell.box[25] ^= 1;
  assert_answer(connector_secret_use(secret, "token", keep_shown, &shown, &failure),
                CONNECTOR_CORRUPT, "");
  assert_answer(connector_secret_use_json(secret, keep_shown, &shown, &failure), CONNECTOR_CORRUPT,
                "");
  assert_answer(secret_pack(secret, &work, &failure), CONNECTOR_CORRUPT, "");
  assert_false(connector_secret_equal(secret, same));
  assert_int_equal(shown.calls, 0);
  set(secret, "token", "again");
  assert_value(secret, "token", "again");
  connector_secret_free(secret);
  connector_secret_free(same);
}

static void a_secret_outlives_the_memory_of_its_store(void **state)
{
  struct secret_memory *own = NULL;
  connector_secret *secret = NULL;

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ok(secret_new(own, &secret, &failure));
  secret_memory_release(own);
  set(secret, "token", "x");
  assert_value(secret, "token", "x");
  connector_secret_free(secret);
}

/* ---- inside a use ---- */

struct inside {
  connector_secret *secret;
  const char *seen;
  bool right;
};

static connector_status look(void *user, const void *bytes, size_t length, connector_error *error)
{
  struct inside *inside = user;

  (void)length;
  (void)error;
  inside->seen = bytes;
  inside->right = readable(bytes);
  return CONNECTOR_OK;
}

static void bytes_can_be_read_only_inside(void **state)
{
  struct inside inside = { new_secret(), NULL, false };

  (void)state;
  set(inside.secret, "token", "x");
  assert_ok(connector_secret_use(inside.secret, "token", look, &inside, &failure));
  assert_true(inside.right);
  assert_false(readable(inside.seen));
  connector_secret_free(inside.secret);
}

static connector_status refuse(void *user, const void *bytes, size_t length, connector_error *error)
{
  (void)bytes;
  (void)length;
  if (user != NULL) {
    memset(error->message, 'm', sizeof(error->message)); /* without an end */
    snprintf(error->field, sizeof(error->field), "header");
    error->os_code = 7;
    error->version = 8;
  }
  return CONNECTOR_SECRET_DENIED;
}

static void what_the_function_says_is_the_answer(void **state)
{
  connector_secret *secret = new_secret();
  int tells = 1;

  (void)state;
  set(secret, "token", "x");
  assert_answer(connector_secret_use(secret, "token", refuse, &tells, &failure),
                CONNECTOR_SECRET_DENIED, "header");
  assert_int_equal(strlen(failure.message), sizeof(failure.message) - 1);
  assert_int_equal(failure.os_code, 7);
  assert_int_equal(failure.version, 8);
  assert_answer(connector_secret_use(secret, "token", refuse, NULL, &failure),
                CONNECTOR_SECRET_DENIED, "");
  assert_string_equal(failure.message, "the host's function stopped the call");
  assert_int_equal(connector_secret_use(secret, "token", refuse, &tells, NULL),
                   CONNECTOR_SECRET_DENIED);
  connector_secret_free(secret);
}

static connector_status change_inside(void *user, const void *bytes, size_t length,
                                      connector_error *error)
{
  struct inside *inside = user;

  inside->right = connector_secret_set(inside->secret, "token", "other", 5, error) ==
                      CONNECTOR_MISUSE &&
                  connector_secret_set_json(inside->secret, "{}", 2, error) == CONNECTOR_MISUSE &&
                  connector_secret_copy(inside->secret, inside->secret, error) ==
                      CONNECTOR_MISUSE &&
                  length == 5 && memcmp(bytes, "value", 5) == 0;
  return CONNECTOR_OK;
}

static void a_secret_can_not_be_changed_inside_its_own_use(void **state)
{
  struct inside inside = { new_secret(), NULL, false };

  (void)state;
  set(inside.secret, "token", "value");
  assert_ok(connector_secret_use(inside.secret, "token", change_inside, &inside, &failure));
  assert_true(inside.right);
  set(inside.secret, "token", "other");
  assert_value(inside.secret, "token", "other");
  connector_secret_free(inside.secret);
}

static connector_status free_inside(void *user, const void *bytes, size_t length,
                                    connector_error *error)
{
  struct inside *inside = user;

  (void)error;
  connector_secret_free(inside->secret);
  inside->right = length == 5 && memcmp(bytes, "value", 5) == 0;
  return CONNECTOR_OK;
}

static void a_secret_that_is_freed_inside_its_own_use_lives_until_the_end(void **state)
{
  struct inside inside = { NULL, NULL, false };
  struct secret_memory *own = NULL;

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ok(secret_new(own, &inside.secret, &failure));
  secret_memory_release(own);
  set(inside.secret, "token", "value");
  assert_ok(connector_secret_use(inside.secret, "token", free_inside, &inside, &failure));
  assert_true(inside.right);
}

static connector_status use_other(void *user, const void *bytes, size_t length,
                                  connector_error *error)
{
  struct inside *inside = user;
  struct shown shown = { "", 0, 0 };
  connector_status status = connector_secret_use(inside->secret, "second", keep_shown, &shown,
                                                 error);

  inside->right = status == CONNECTOR_OK && strcmp(shown.text, "two") == 0 && length == 3 &&
                  memcmp(bytes, "one", 3) == 0;
  return status;
}

static void uses_may_be_nested(void **state)
{
  struct inside inside = { new_secret(), NULL, false };

  (void)state;
  set(inside.secret, "first", "one");
  set(inside.secret, "second", "two");
  assert_ok(connector_secret_use(inside.secret, "first", use_other, &inside, &failure));
  assert_true(inside.right);
  connector_secret_free(inside.secret);
}

/* ---- comparing ---- */

static void assert_equal(const char *a, const char *b, bool equal)
{
  connector_secret *left = secret_of(a);
  connector_secret *right = secret_of(b);

  assert_int_equal(connector_secret_equal(left, right), equal);
  assert_int_equal(connector_secret_equal(right, left), equal);
  connector_secret_free(left);
  connector_secret_free(right);
}

static void secrets_are_equal_where_names_and_bytes_are(void **state)
{
  connector_secret *secret = secret_of("{\"a\":\"1\"}");

  (void)state;
  assert_equal("{}", "{}", true);
  assert_equal("{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"1\",\"b\":\"2\"}", true);
  assert_equal("{\"a\":\"1\",\"b\":\"2\"}", "{\"b\":\"2\",\"a\":\"1\"}", true);
  assert_equal("{\"a\":\"\"}", "{\"a\":\"\"}", true);
  assert_equal("{\"a\":\"1\"}", "{}", false);
  assert_equal("{\"a\":\"1\"}", "{\"b\":\"1\"}", false);
  assert_equal("{\"a\":\"1\"}", "{\"a\":\"2\"}", false);
  assert_equal("{\"a\":\"1\"}", "{\"a\":\"11\"}", false);
  assert_equal("{\"a\":\"1\"}", "{\"a\":\"1\",\"b\":\"1\"}", false);
  assert_equal("{\"a\":\"1\",\"b\":\"2\"}", "{\"a\":\"2\",\"b\":\"1\"}", false);
  assert_true(connector_secret_equal(secret, secret));
  assert_true(connector_secret_equal(NULL, NULL));
  assert_false(connector_secret_equal(secret, NULL));
  assert_false(connector_secret_equal(NULL, secret));
  connector_secret_free(secret);
}

static void secrets_of_two_stores_can_be_compared(void **state)
{
  struct secret_memory *own = NULL;
  connector_secret *left = secret_of("{\"a\":\"1\"}");
  connector_secret *right = NULL;

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ok(secret_new(own, &right, &failure));
  secret_memory_release(own);
  set(right, "a", "1");
  connector_secret_set_version(right, 3);
  assert_true(connector_secret_equal(left, right));
  connector_secret_free(left);
  connector_secret_free(right);
}

/* ---- merging and copying ---- */

static void assert_merged(const char *onto_json, const char *patch_json, const char *merged)
{
  connector_secret *onto = secret_of(onto_json);
  connector_secret *patch = secret_of(patch_json);

  connector_secret_set_version(onto, 5);
  assert_ok(secret_merge(onto, patch, &failure));
  assert_json(onto, merged);
  assert_json(patch, patch_json);
  assert_int_equal(connector_secret_version(onto), 5);
  connector_secret_free(onto);
  connector_secret_free(patch);
}

static void merging_replaces_adds_removes_and_keeps(void **state)
{
  (void)state;
  assert_merged("{\"access\":\"1\",\"refresh\":\"2\"}", "{\"access\":\"3\"}",
                "{\"access\":\"3\",\"refresh\":\"2\"}");
  assert_merged("{\"a\":\"1\"}", "{\"b\":\"2\"}", "{\"a\":\"1\",\"b\":\"2\"}");
  assert_merged("{\"a\":\"1\",\"b\":\"2\",\"c\":\"3\"}", "{\"b\":\"\"}",
                "{\"a\":\"1\",\"c\":\"3\"}");
  assert_merged("{\"a\":\"1\"}", "{\"b\":\"\"}", "{\"a\":\"1\"}");
  assert_merged("{}", "{\"a\":\"1\",\"b\":\"\"}", "{\"a\":\"1\"}");
  assert_merged("{\"a\":\"1\"}", "{}", "{\"a\":\"1\"}");
  assert_merged("{\"a\":1}", "{\"b\":true}", "{\"a\":1,\"b\":true}");
  assert_merged("{\"a\":1}", "{\"a\":\"1\"}", "{\"a\":\"1\"}");
}

static void merging_a_secret_onto_itself_changes_nothing(void **state)
{
  connector_secret *secret = secret_of("{\"a\":\"1\",\"b\":2}");

  (void)state;
  assert_ok(secret_merge(secret, secret, &failure));
  assert_json(secret, "{\"a\":\"1\",\"b\":2}");
  connector_secret_free(secret);
}

static void a_merge_that_is_too_much_changes_nothing(void **state)
{
  connector_secret *onto = new_secret();
  connector_secret *patch = secret_of("{\"n0\":\"changed\",\"one-more\":\"x\"}");

  (void)state;
  for (int i = 0; i < CONNECTOR_SECRET_VALUES_MAX; i++) {
    char name[16];

    snprintf(name, sizeof(name), "n%d", i);
    set(onto, name, "v");
  }
  assert_answer(secret_merge(onto, patch, &failure), CONNECTOR_TOO_LARGE, "");
  assert_int_equal(connector_secret_count(onto), CONNECTOR_SECRET_VALUES_MAX);
  assert_value(onto, "n0", "v");
  connector_secret_free(onto);
  connector_secret_free(patch);
}

static void a_copy_is_the_same_and_its_own(void **state)
{
  connector_secret *secret = secret_of("{\"a\":\"1\",\"b\":2,\"c\":\"\"}");
  connector_secret *copy = NULL;

  (void)state;
  connector_secret_set_version(secret, 4);
  assert_ok(secret_copy(secret, &copy, &failure));
  assert_true(connector_secret_equal(secret, copy));
  assert_int_equal(connector_secret_version(copy), 4);
  assert_int_equal(connector_secret_count(copy), 3);
  set(secret, "a", "changed");
  connector_secret_free(secret);
  assert_json(copy, "{\"a\":\"1\",\"b\":2,\"c\":\"\"}");
  connector_secret_free(copy);
}

static void a_copy_takes_the_place_of_all(void **state)
{
  connector_secret *from = secret_of("{\"a\":\"1\",\"b\":2,\"c\":\"\"}");
  connector_secret *into = secret_of("{\"b\":\"old\",\"z\":\"gone\"}");

  (void)state;
  connector_secret_set_version(from, 4);
  connector_secret_set_stale(from, true);
  assert_ok(connector_secret_copy(into, from, &failure));
  assert_json(into, "{\"a\":\"1\",\"b\":2,\"c\":\"\"}");
  assert_int_equal(connector_secret_version(into), 4);
  assert_true(connector_secret_is_stale(into));
  assert_ok(connector_secret_copy(into, into, &failure));
  assert_true(connector_secret_equal(into, from));
  connector_secret_free(from);
  assert_value(into, "a", "1");
  connector_secret_free(into);
}

static void copies_and_merges_pass_from_store_to_store(void **state)
{
  struct secret_memory *own = NULL;
  connector_secret *from = secret_of("{\"a\":\"1\",\"b\":2,\"c\":\"\"}");
  connector_secret *into = NULL;

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ok(secret_new(own, &into, &failure));
  secret_memory_release(own);
  set(into, "old", "gone");
  assert_ok(connector_secret_copy(into, from, &failure));
  assert_json(into, "{\"a\":\"1\",\"b\":2,\"c\":\"\"}");
  set(from, "a", "3");
  set(into, "c", "kept no longer");
  assert_ok(secret_merge(into, from, &failure));
  connector_secret_free(from);
  assert_json(into, "{\"a\":\"3\",\"b\":2}");
  connector_secret_free(into);
}

static void a_damaged_value_is_not_copied_to_another_store(void **state)
{
  struct secret_memory *own = NULL;
  connector_secret *from = secret_of("{\"a\":\"1\",\"b\":\"2\"}");
  connector_secret *into = NULL;

  (void)state;
  assert_ok(secret_memory_new(false, &own, &failure));
  assert_ok(secret_new(own, &into, &failure));
  secret_memory_release(own);
  set(into, "old", "stays");
  from->values.items[1].cell.box[0] ^= 1;
  assert_answer(connector_secret_copy(into, from, &failure), CONNECTOR_CORRUPT, "");
  assert_json(into, "{\"old\":\"stays\"}");
  connector_secret_free(from);
  connector_secret_free(into);
}

enum { MANY = 100000 };

/* 64 KiB of locked memory: what many systems give a process. */
static void hold_many(void *user)
{
  connector_secret **secrets = calloc(MANY, sizeof(connector_secret *));
  struct secret_memory *strict = NULL;
  char value[200];

  child_expects(secrets != NULL);
  memset(value, 'v', sizeof(value));
  limit_locking(*(size_t *)user);
  child_expects(secret_memory_new(true, &strict, NULL) == CONNECTOR_OK);
  for (size_t i = 0; i < MANY; i++) {
    memcpy(value, &i, sizeof(i));
    child_expects(secret_new(strict, &secrets[i], NULL) == CONNECTOR_OK);
    child_expects(connector_secret_set(secrets[i], "token", value, sizeof(value), NULL) ==
                  CONNECTOR_OK);
  }
  for (size_t i = 0; i < MANY; i++) {
    struct shown shown = { "", 0, 0 };

    memcpy(value, &i, sizeof(i));
    if (i % 1000 == 0)
      child_expects(connector_secret_use(secrets[i], "token", keep_shown, &shown, NULL) ==
                        CONNECTOR_OK &&
                    shown.length == sizeof(value) && memcmp(shown.text, value, shown.length) == 0);
    connector_secret_free(secrets[i]);
  }
  free(secrets);
  secret_memory_release(strict);
}

static void a_hundred_thousand_secrets_need_little_locked_memory(void **state)
{
  size_t limit = 65536;

  (void)state;
  in_child_with_limit(hold_many, &limit);
}

/* ---- children and threads ---- */

static void use_in_child(void *user)
{
  connector_secret *secret = user;
  connector_secret *other = NULL;
  struct shown shown = { "", 0, 0 };
  struct secret_work work = { 0 };
  connector_error error = { 0 };

  child_expects(secret_new(memory, &other, &error) == CONNECTOR_MISUSE && other == NULL);
  child_expects(connector_secret_set(secret, "a", "2", 1, &error) == CONNECTOR_MISUSE);
  child_expects(connector_secret_set_json(secret, "{}", 2, &error) == CONNECTOR_MISUSE);
  child_expects(connector_secret_use(secret, "a", keep_shown, &shown, &error) == CONNECTOR_MISUSE);
  child_expects(connector_secret_use(secret, "empty", keep_shown, &shown, &error) ==
                CONNECTOR_MISUSE);
  child_expects(connector_secret_use_json(secret, keep_shown, &shown, &error) == CONNECTOR_MISUSE);
  child_expects(error.status == CONNECTOR_MISUSE && error.message[0] != '\0');
  child_expects(secret_pack(secret, &work, &error) == CONNECTOR_MISUSE);
  child_expects(secret_merge(secret, secret, &error) == CONNECTOR_MISUSE);
  child_expects(connector_secret_copy(secret, secret, &error) == CONNECTOR_MISUSE);
  child_expects(!connector_secret_equal(secret, secret));
  child_expects(shown.calls == 0);
  child_expects(connector_secret_count(secret) == 2);
  child_expects(strcmp(connector_secret_name(secret, 0), "a") == 0);
  connector_secret_free(secret);
}

static void a_child_sees_no_value_and_can_free(void **state)
{
  connector_secret *secret = secret_of("{\"a\":\"1\",\"empty\":\"\"}");

  (void)state;
  in_child(use_in_child, secret);
  assert_value(secret, "a", "1");
  connector_secret_free(secret);
}

enum { THREADS = 4, ROUNDS = 100 };

static connector_status is_it(void *user, const void *bytes, size_t length, connector_error *error)
{
  const char *text = user;

  (void)error;
  return length == strlen(text) && memcmp(bytes, text, length) == 0 ? CONNECTOR_OK
                                                                    : CONNECTOR_INTERNAL;
}

static connector_secret *shared;

/* Each thread has secrets of its own in the one memory; all read one. */
static void *work(void *user)
{
  char text[] = "value of thread x";
  bool right = true;

  text[sizeof(text) - 2] = *(const char *)user;
  for (int i = 0; i < ROUNDS && right; i++) {
    connector_secret *secret = NULL;

    right = secret_new(memory, &secret, NULL) == CONNECTOR_OK &&
            connector_secret_set(secret, "a", text, strlen(text), NULL) == CONNECTOR_OK &&
            connector_secret_set_json(secret, "{\"b\":\"json\"}", 12, NULL) == CONNECTOR_OK &&
            connector_secret_use(secret, "a", is_it, text, NULL) == CONNECTOR_OK &&
            connector_secret_use(secret, "b", is_it, "json", NULL) == CONNECTOR_OK &&
            connector_secret_use(shared, "s", is_it, "shared", NULL) == CONNECTOR_OK;
    connector_secret_free(secret);
  }
  return right ? NULL : user;
}

static void threads_use_secrets_of_one_store(void **state)
{
  static const char bytes[THREADS] = { 'a', 'b', 'c', 'd' };
  pthread_t threads[THREADS];

  (void)state;
  shared = secret_of("{\"s\":\"shared\"}");
  for (size_t i = 0; i < THREADS; i++)
    assert_int_equal(pthread_create(&threads[i], NULL, work, (void *)&bytes[i]), 0);
  for (size_t i = 0; i < THREADS; i++) {
    void *result = NULL;

    assert_int_equal(pthread_join(threads[i], &result), 0);
    assert_null(result);
  }
  connector_secret_free(shared);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(what_is_set_is_shown),
    secret_test(setting_again_replaces),
    secret_test(any_bytes_can_be_a_value),
    secret_test(an_empty_value_is_shown_as_empty),
    secret_test(the_longest_value_is_taken_and_no_longer_one),
    secret_test(a_name_that_is_not_there_is_not_found),
    secret_test(what_is_missing_is_named),
    secret_test(a_version_is_what_it_was_set_to),
    secret_test(a_stale_mark_is_what_it_was_set_to),
    secret_test(a_value_that_the_process_damaged_is_told),
    secret_test(a_secret_outlives_the_memory_of_its_store),
    secret_test(bytes_can_be_read_only_inside),
    secret_test(what_the_function_says_is_the_answer),
    secret_test(a_secret_can_not_be_changed_inside_its_own_use),
    secret_test(a_secret_that_is_freed_inside_its_own_use_lives_until_the_end),
    secret_test(uses_may_be_nested),
    secret_test(secrets_are_equal_where_names_and_bytes_are),
    secret_test(secrets_of_two_stores_can_be_compared),
    secret_test(merging_replaces_adds_removes_and_keeps),
    secret_test(merging_a_secret_onto_itself_changes_nothing),
    secret_test(a_merge_that_is_too_much_changes_nothing),
    secret_test(a_copy_is_the_same_and_its_own),
    secret_test(a_copy_takes_the_place_of_all),
    secret_test(copies_and_merges_pass_from_store_to_store),
    secret_test(a_damaged_value_is_not_copied_to_another_store),
    secret_test(a_hundred_thousand_secrets_need_little_locked_memory),
    secret_test(a_child_sees_no_value_and_can_free),
    secret_test(threads_use_secrets_of_one_store),
  };

  return cmocka_run_group_tests_name("secret", tests, NULL, NULL);
}
