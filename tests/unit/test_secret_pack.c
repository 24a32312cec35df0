/*
 * secret/secret_pack: what is packed comes back the same, and nothing else is taken.
 */
#include "secret_support.h"

/* What a secret packs to, to be freed. */
static uint8_t *packed(const connector_secret *secret, size_t *length)
{
  struct secret_work work = { 0 };
  uint8_t *copy = NULL;

  assert_ok(secret_pack(secret, &work, &failure));
  copy = malloc(work.length);
  assert_non_null(copy);
  memcpy(copy, work.bytes, work.length);
  *length = work.length;
  secret_work_give(&work);
  return copy;
}

static void assert_same_again(const char *json)
{
  connector_secret *secret = secret_of(json);
  connector_secret *again = secret_of("{\"old\":\"gone\"}");
  size_t length = 0;
  uint8_t *bytes = packed(secret, &length);

  connector_secret_set_version(again, 3);
  assert_ok(secret_unpack(again, NULL, bytes, length, &failure));
  assert_json(again, json);
  assert_true(connector_secret_equal(secret, again));
  assert_int_equal(connector_secret_version(again), 3);
  connector_secret_free(secret);
  connector_secret_free(again);
  free(bytes);
}

static void what_is_packed_comes_back(void **state)
{
  (void)state;
  assert_same_again("{}");
  assert_same_again("{\"token\":\"t0p\"}");
  assert_same_again("{\"b\":\"1\",\"a\":\"\",\"c\":2,\"d\":{\"e\":[true]}}");
}

static void the_form_is_fixed(void **state)
{
  static const uint8_t expected[] = { 1,   2,   0, 0, 2, 3, 0, 0, 0,   'a', 'b', 'x',
                                      'y', 'z', 1, 1, 2, 0, 0, 0, 'n', '4', '2' };
  connector_secret *secret = secret_of("{\"ab\":\"xyz\",\"n\":42}");
  size_t length = 0;
  uint8_t *bytes = packed(secret, &length);

  (void)state;
  assert_int_equal(length, sizeof(expected));
  assert_memory_equal(bytes, expected, sizeof(expected));
  connector_secret_free(secret);
  free(bytes);
}

static void a_large_secret_comes_back(void **state)
{
  connector_secret *secret = new_secret();
  connector_secret *again = new_secret();
  char *value = run_of('v', CONNECTOR_SECRET_VALUE_MAX);
  size_t length = 0;
  uint8_t *bytes = NULL;

  (void)state;
  for (int i = 0; i < 20; i++) {
    char name[16];

    snprintf(name, sizeof(name), "n%d", i);
    assert_ok(connector_secret_set(secret, name, value, CONNECTOR_SECRET_VALUE_MAX, &failure));
  }
  bytes = packed(secret, &length);
  assert_ok(secret_unpack(again, NULL, bytes, length, &failure));
  assert_true(connector_secret_equal(secret, again));
  connector_secret_free(secret);
  connector_secret_free(again);
  free(bytes);
  free(value);
}

static void what_is_in_work_memory_can_be_unpacked(void **state)
{
  connector_secret *secret = secret_of("{\"token\":\"t0p\"}");
  struct secret_work work = { 0 };

  (void)state;
  assert_ok(secret_pack(secret, &work, &failure));
  assert_ok(connector_secret_set(secret, "token", "other", 5, &failure));
  assert_ok(secret_unpack(secret, NULL, work.bytes, work.length, &failure));
  assert_value(secret, "token", "t0p");
  secret_work_give(&work);
  connector_secret_free(secret);
}

static void refuse(connector_secret *secret, const void *bytes, size_t length)
{
  assert_answer(secret_unpack(secret, NULL, bytes, length, &failure), CONNECTOR_CORRUPT, "");
  assert_json(secret, "{\"kept\":\"as it was\"}");
}

static void anything_that_is_cut_is_refused(void **state)
{
  connector_secret *secret = secret_of("{\"ab\":\"xyz\",\"n\":42}");
  connector_secret *other = secret_of("{\"kept\":\"as it was\"}");
  size_t length = 0;
  uint8_t *bytes = packed(secret, &length);

  (void)state;
  for (size_t cut = 0; cut < length; cut++) {
    uint8_t *exact = malloc(cut + 1); /* so that reading past the end shows */

    assert_non_null(exact);
    memcpy(exact, bytes, cut);
    refuse(other, exact, cut);
    free(exact);
  }
  connector_secret_free(secret);
  connector_secret_free(other);
  free(bytes);
}

static void anything_else_is_refused(void **state)
{
  static const struct {
    const char *bytes;
    size_t length;
  } cases[] = {
    { "\2\0\0", 3 },                               /* another form */
    { "\1\0\0\0", 4 },                             /* a byte behind */
    { "\1\1\0\2\1\0\0\0\0a", 10 },                 /* a flag that is none */
    { "\1\1\0\0\0\0\0\0\0", 9 },                   /* a name without bytes */
    { "\1\1\0\0\1\0\0\0\0\n", 10 },                /* a name that can be none */
    { "\1\1\0\0\1\0\0\0\377a", 10 },               /* a length beyond the end */
    { "\1\2\0\0\1\0\0\0\0a\0\1\0\0\0\0a", 17 },    /* a name twice */
    { "\1\1\1", 3 },                               /* more values than a secret has */
    { "\1\377\377\0\1\0\0\0\0a\0\1\0\0\0\0b", 17 } /* the same */
  };
  connector_secret *secret = secret_of("{\"kept\":\"as it was\"}");

  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    refuse(secret, cases[i].bytes, cases[i].length);
  connector_secret_free(secret);
}

static void a_value_that_is_too_long_is_refused(void **state)
{
  enum { LENGTH = CONNECTOR_SECRET_VALUE_MAX + 1, HEAD = 10 };
  connector_secret *secret = secret_of("{\"kept\":\"as it was\"}");
  char *bytes = run_of('v', HEAD + LENGTH);

  (void)state;
  memcpy(bytes, "\1\1\0\0\1\1\0\1\0a", HEAD);
  refuse(secret, bytes, HEAD + LENGTH);
  connector_secret_free(secret);
  free(bytes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(what_is_packed_comes_back),
    secret_test(the_form_is_fixed),
    secret_test(a_large_secret_comes_back),
    secret_test(what_is_in_work_memory_can_be_unpacked),
    secret_test(anything_that_is_cut_is_refused),
    secret_test(anything_else_is_refused),
    secret_test(a_value_that_is_too_long_is_refused),
  };

  return cmocka_run_group_tests_name("secret_pack", tests, NULL, NULL);
}
