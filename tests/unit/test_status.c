/*
 * base/status: what each status is called and answers in HTTP, and how an error is filled.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/status.h"
#include "base/utf8.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

enum {
  MESSAGE_ROOM = 255,
  FIELD_ROOM = 63
};

struct expected {
  int value;
  const char *name;
  int http;
  bool retryable;
};

static const struct expected every_status[] = {
  { 0, "OK", 200, false },
  { 1, "INVALID", 400, false },
  { 2, "NOT_FOUND", 404, false },
  { 3, "CONFLICT", 409, false },
  { 4, "EXISTS", 409, false },
  { 5, "UNAUTHENTICATED", 401, false },
  { 6, "DENIED", 403, false },
  { 7, "BUSY", 503, true },
  { 8, "LEASED", 409, true },
  { 9, "STALE", 409, false },
  { 10, "TOO_LARGE", 413, false },
  { 11, "MISUSE", 500, false },
  { 12, "CANCELLED", 499, false },
  { 20, "SECRET_NOT_FOUND", 404, false },
  { 21, "SECRET_DELETED", 410, false },
  { 22, "SECRET_DENIED", 403, false },
  { 23, "SECRET_SEALED", 503, true },
  { 24, "SECRET_CONFLICT", 409, false },
  { 25, "SECRET_TAMPERED", 500, false },
  { 26, "SECRET_UNAVAILABLE", 503, true },
  { 27, "SECRET_TIMEOUT", 504, true },
  { 28, "SECRET_AMBIGUOUS", 502, false },
  { 29, "SECRET_PATH", 400, false },
  { 30, "SECRET_READ_ONLY", 405, false },
  { 40, "NO_MEMORY", 503, true },
  { 41, "DISK_FULL", 507, true },
  { 42, "IO", 500, false },
  { 43, "CORRUPT", 500, false },
  { 44, "SCHEMA", 500, false },
  { 45, "READ_ONLY", 403, false },
  { 46, "INTERNAL", 500, false },
};

static void every_status_has_its_name_http_code_and_retryability(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(every_status); i++) {
    const struct expected *row = &every_status[i];
    connector_status status = (connector_status)row->value;

    assert_string_equal(connector_status_name(status), row->name);
    assert_int_equal(connector_status_http(status), row->http);
    assert_int_equal(connector_status_retryable(status), row->retryable);
  }
}

static bool is_listed(int value)
{
  for (size_t i = 0; i < COUNT_OF(every_status); i++)
    if (every_status[i].value == value)
      return true;
  return false;
}

static void check_unknown(int value)
{
  connector_status status = (connector_status)value;

  assert_string_equal(connector_status_name(status), "UNKNOWN");
  assert_int_equal(connector_status_http(status), 500);
  assert_false(connector_status_retryable(status));
}

static void values_between_the_statuses_are_unknown(void **state)
{
  (void)state;
  for (int value = 0; value < 63; value++)
    if (!is_listed(value))
      check_unknown(value);
}

static void an_error_is_filled_and_its_status_returned(void **state)
{
  connector_error error;

  (void)state;
  memset(&error, 0x5a, sizeof(error));
  assert_int_equal(error_set(&error, CONNECTOR_INVALID, "name", "is longer than %d bytes", 256),
                   CONNECTOR_INVALID);
  assert_int_equal(error.status, CONNECTOR_INVALID);
  assert_string_equal(error.field, "name");
  assert_string_equal(error.message, "is longer than 256 bytes");
  assert_int_equal(error.os_code, 0);
  assert_int_equal(error.version, 0);
}

static void a_failure_of_no_field_has_an_empty_field(void **state)
{
  connector_error error = { .field = "left over" };

  (void)state;
  error_set(&error, CONNECTOR_BUSY, NULL, "another process is writing");
  assert_string_equal(error.field, "");
}

static void the_status_is_returned_where_no_error_is_wanted(void **state)
{
  (void)state;
  assert_int_equal(error_set(NULL, CONNECTOR_IO, "field", "reading failed"), CONNECTOR_IO);
  assert_int_equal(error_no_memory(NULL), CONNECTOR_NO_MEMORY);
  assert_int_equal(error_clear(NULL), CONNECTOR_OK);
}

static void an_error_can_be_made_from_its_own_text(void **state)
{
  connector_error error = { 0 };

  (void)state;
  error_set(&error, CONNECTOR_INVALID, "tags", "is empty");
  error_set(&error, CONNECTOR_CORRUPT, error.field, "%s in a stored row", error.message);
  assert_string_equal(error.field, "tags");
  assert_string_equal(error.message, "is empty in a stored row");
}

static void out_of_memory_says_so_without_a_field(void **state)
{
  connector_error error = { .field = "left over" };

  (void)state;
  assert_int_equal(error_no_memory(&error), CONNECTOR_NO_MEMORY);
  assert_int_equal(error.status, CONNECTOR_NO_MEMORY);
  assert_string_equal(error.field, "");
  assert_true(strlen(error.message) > 0);
}

static void clearing_empties_every_member(void **state)
{
  connector_error error = { .os_code = 5, .version = 7 };

  (void)state;
  error_set(&error, CONNECTOR_IO, "field", "reading failed");
  error.os_code = 5;
  error.version = 7;
  assert_int_equal(error_clear(&error), CONNECTOR_OK);
  assert_int_equal(error.status, CONNECTOR_OK);
  assert_int_equal(error.os_code, 0);
  assert_int_equal(error.version, 0);
  assert_string_equal(error.field, "");
  assert_string_equal(error.message, "");
}

/* `lead` ASCII bytes, then one character again and again until `size` is full. */
static void fill(char *text, size_t size, size_t lead, const char *character)
{
  size_t at = lead;

  memset(text, 'x', lead);
  for (; at + strlen(character) < size; at += strlen(character))
    memcpy(text + at, character, strlen(character));
  text[at] = '\0';
}

static const char *const characters[] = { "y", "\xC3\xA9", "\xE2\x82\xAC", "\xF0\x9F\x98\x80" };

/* The longest start of whole characters that fits. */
static size_t whole(size_t lead, size_t width, size_t room)
{
  return lead + (room - lead) / width * width;
}

static void a_long_message_is_cut_on_a_character_boundary(void **state)
{
  connector_error error;
  char text[600];

  (void)state;
  for (size_t kind = 0; kind < COUNT_OF(characters); kind++)
    for (size_t lead = 0; lead < 8; lead++) {
      fill(text, sizeof(text), lead, characters[kind]);
      error_set(&error, CONNECTOR_INTERNAL, NULL, "%s", text);
      assert_int_equal(strlen(error.message), whole(lead, strlen(characters[kind]), MESSAGE_ROOM));
      assert_int_equal(utf8_classify(error.message, strlen(error.message)), UTF8_PLAIN);
      assert_memory_equal(error.message, text, strlen(error.message));
    }
}

static void a_long_field_is_cut_on_a_character_boundary(void **state)
{
  connector_error error;
  char text[200];

  (void)state;
  for (size_t kind = 0; kind < COUNT_OF(characters); kind++)
    for (size_t lead = 0; lead < 8; lead++) {
      fill(text, sizeof(text), lead, characters[kind]);
      error_set(&error, CONNECTOR_INVALID, text, "is unknown");
      assert_int_equal(strlen(error.field), whole(lead, strlen(characters[kind]), FIELD_ROOM));
      assert_memory_equal(error.field, text, strlen(error.field));
    }
}

static void text_that_just_fits_is_kept_whole(void **state)
{
  connector_error error;
  char message[MESSAGE_ROOM + 1];
  char field[FIELD_ROOM + 1];

  (void)state;
  fill(message, sizeof(message), 1, "\xC3\xA9");
  fill(field, sizeof(field), 1, "\xC3\xA9");
  error_set(&error, CONNECTOR_INVALID, field, "%s", message);
  assert_int_equal(strlen(error.message), MESSAGE_ROOM);
  assert_string_equal(error.message, message);
  assert_int_equal(strlen(error.field), FIELD_ROOM);
  assert_string_equal(error.field, field);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_status_has_its_name_http_code_and_retryability),
    cmocka_unit_test(values_between_the_statuses_are_unknown),
    cmocka_unit_test(an_error_is_filled_and_its_status_returned),
    cmocka_unit_test(a_failure_of_no_field_has_an_empty_field),
    cmocka_unit_test(the_status_is_returned_where_no_error_is_wanted),
    cmocka_unit_test(an_error_can_be_made_from_its_own_text),
    cmocka_unit_test(out_of_memory_says_so_without_a_field),
    cmocka_unit_test(clearing_empties_every_member),
    cmocka_unit_test(a_long_message_is_cut_on_a_character_boundary),
    cmocka_unit_test(a_long_field_is_cut_on_a_character_boundary),
    cmocka_unit_test(text_that_just_fits_is_kept_whole),
  };

  return cmocka_run_group_tests_name("status", tests, NULL, NULL);
}
