/*
 * secret/secret_json_write: a secret as JSON that reads back the same, shown and gone.
 */
#include "secret_support.h"

#include "secret/secret_json.h"

static void values_are_written_in_order(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_json(secret, "{}");
  set(secret, "b", "1");
  set(secret, "a", "");
  assert_json(secret, "{\"b\":\"1\",\"a\":\"\"}");
  connector_secret_free(secret);
}

static void what_needs_an_escape_has_one(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  set(secret, "a\"b\\", "\"\\/\b\t\n\v\f\r\x01\x1f\x7f\xc3\xa9");
  assert_json(secret, "{\"a\\\"b\\\\\":"
                      "\"\\\"\\\\/\\b\\t\\n\\u000b\\f\\r\\u0001\\u001f\x7f\xc3\xa9\"}");
  connector_secret_free(secret);
}

static void other_kinds_go_out_as_they_came(void **state)
{
  static const char json[] = "{\"n\":1.50,\"t\":true,\"f\":false,\"o\":{\"k\":[null,\" \"]}}";
  connector_secret *secret = secret_of(json);

  (void)state;
  assert_json(secret, json);
  set(secret, "n", "1.50");
  set(secret, "t", "");
  set(secret, "f", "");
  set(secret, "o", "");
  assert_json(secret, "{\"n\":\"1.50\",\"t\":\"\",\"f\":\"\",\"o\":\"\"}");
  connector_secret_free(secret);
}

static void every_byte_of_text_reads_back(void **state)
{
  char text[128];
  connector_secret *secret = new_secret();
  connector_secret *again = NULL;
  struct shown shown = { "", 0, 0 };

  (void)state;
  for (size_t i = 0; i < 127; i++)
    text[i] = (char)(i + 1);
  text[127] = '\0';
  set(secret, "all", text);
  assert_ok(connector_secret_use_json(secret, keep_shown, &shown, &failure));
  again = secret_of(shown.text);
  assert_value(again, "all", text);
  assert_true(connector_secret_equal(secret, again));
  connector_secret_free(secret);
  connector_secret_free(again);
}

static void what_json_can_not_hold_is_told_by_name(void **state)
{
  connector_secret *secret = new_secret();
  struct shown shown = { "", 0, 0 };

  (void)state;
  set(secret, "fine", "x");
  set(secret, "latin", "caf\xe9");
  assert_answer(connector_secret_use_json(secret, keep_shown, &shown, &failure), CONNECTOR_INVALID,
                "latin");
  assert_ok(connector_secret_set(secret, "latin", "a\0b", 3, &failure));
  assert_answer(connector_secret_use_json(secret, keep_shown, &shown, &failure), CONNECTOR_INVALID,
                "latin");
  assert_int_equal(shown.calls, 0);
  connector_secret_free(secret);
}

static connector_status keep_place(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  const void **place = user;

  (void)length;
  (void)error;
  *place = bytes;
  return readable(bytes) ? CONNECTOR_OK : CONNECTOR_INTERNAL;
}

static void the_text_is_wiped_afterwards(void **state)
{
  connector_secret *secret = secret_of("{\"token\":\"t0p\"}");
  struct secret_work desk = { 0 };
  const char *place = NULL;

  (void)state;
  assert_ok(connector_secret_use_json(secret, keep_place, &place, &failure));
  assert_false(readable(place));
  assert_ok(secret_desk_take(memory, 1, &desk, &failure));
  for (size_t i = 0; i < strlen("{\"token\":\"t0p\"}"); i++)
    assert_int_equal(place[i], 0);
  secret_work_give(&desk);
  connector_secret_free(secret);
}

static void a_large_secret_is_shown_whole(void **state)
{
  connector_secret *secret = new_secret();
  struct shown shown = { "", 0, 0 };
  char *value = run_of('\x01', CONNECTOR_SECRET_VALUE_MAX);

  (void)state;
  assert_ok(connector_secret_set(secret, "a", value, CONNECTOR_SECRET_VALUE_MAX, &failure));
  assert_ok(connector_secret_use_json(secret, keep_shown, &shown, &failure));
  assert_int_equal(shown.length, 6 * CONNECTOR_SECRET_VALUE_MAX + strlen("{\"a\":\"\"}"));
  connector_secret_free(secret);
  free(value);
}

static connector_status refuse(void *user, const void *bytes, size_t length, connector_error *error)
{
  (void)bytes;
  (void)length;
  snprintf(error->message, sizeof(error->message), "no thanks");
  connector_secret_free(user);
  return CONNECTOR_SECRET_UNAVAILABLE;
}

static void what_the_function_says_is_the_answer(void **state)
{
  connector_secret *secret = secret_of("{\"token\":\"t0p\"}");

  (void)state;
  assert_answer(connector_secret_use_json(secret, refuse, NULL, &failure),
                CONNECTOR_SECRET_UNAVAILABLE, "");
  assert_string_equal(failure.message, "no thanks");
  assert_answer(connector_secret_use_json(secret, refuse, secret, &failure),
                CONNECTOR_SECRET_UNAVAILABLE, "");
}

static void what_is_missing_is_named(void **state)
{
  connector_secret *secret = new_secret();

  (void)state;
  assert_answer(connector_secret_use_json(NULL, keep_shown, NULL, &failure), CONNECTOR_INVALID,
                "secret");
  assert_answer(connector_secret_use_json(secret, NULL, NULL, &failure), CONNECTOR_INVALID, "use");
  connector_secret_free(secret);
}

static void json_on_the_desk_needs_no_secret(void **state)
{
  connector_secret *secret = secret_of("{\"token\":\"t0p\"}");
  struct secret_work desk = { 0 };

  (void)state;
  assert_ok(secret_write_json(secret, &desk, &failure));
  connector_secret_free(secret);
  assert_int_equal(desk.length, strlen("{\"token\":\"t0p\"}"));
  assert_memory_equal(desk.bytes, "{\"token\":\"t0p\"}", desk.length);
  secret_work_give(&desk);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(values_are_written_in_order),
    secret_test(what_needs_an_escape_has_one),
    secret_test(other_kinds_go_out_as_they_came),
    secret_test(every_byte_of_text_reads_back),
    secret_test(what_json_can_not_hold_is_told_by_name),
    secret_test(the_text_is_wiped_afterwards),
    secret_test(a_large_secret_is_shown_whole),
    secret_test(what_the_function_says_is_the_answer),
    secret_test(what_is_missing_is_named),
    secret_test(json_on_the_desk_needs_no_secret),
  };

  return cmocka_run_group_tests_name("secret_json_write", tests, NULL, NULL);
}
