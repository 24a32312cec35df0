/*
 * What becomes of a failure's message: scrubbed, cut, made valid, and never refused.
 */
#include "lifecycle.h"

enum { MOST = 4096 };

/* Every character of it is whole and no control character but tab and newline. */
static bool is_clean_text(const char *text)
{
  const unsigned char *at = (const unsigned char *)text;
  while (*at != '\0') {
    int more = *at < 0x80 ? 0 : *at >= 0xc2 && *at < 0xe0 ? 1 : *at >= 0xe0 && *at < 0xf0 ? 2 : 3;
    if ((*at >= 0x80 && *at < 0xc2) || *at > 0xf4 || *at == 0x7f ||
        (*at < 0x20 && *at != '\t' && *at != '\n'))
      return false;
    if ((*at == 0xe0 && at[1] < 0xa0) || (*at == 0xed && at[1] > 0x9f) ||
        (*at == 0xf0 && at[1] < 0x90) || (*at == 0xf4 && at[1] > 0x8f))
      return false;
    for (at++; more > 0; more--, at++)
      if (*at < 0x80 || *at > 0xbf)
        return false;
  }
  return true;
}

/* The record after a failure with this message, told to a new connector; to be freed. */
static connector *fail_new(const char *message)
{
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector *record = fail_sync(id, CONNECTOR_FAILURE_CONFIG, message);
  assert_non_null(record->last_error);
  assert_true(strlen(record->last_error) <= MOST);
  assert_true(is_clean_text(record->last_error));
  return record;
}

static void a_plain_message_is_kept(void **state)
{
  (void)state;
  static const char *const messages[] = { "timeout", "a\tb\nc",
                                          "v\xc3\xa9 \xe2\x82\xac \xf0\x9f\x98\x80", "100% %s %n",
                                          "\"quoted\" \\ {\"a\":1}" };
  for (size_t i = 0; i < COUNT_OF(messages); i++) {
    connector *record = fail_new(messages[i]);
    assert_text(record->last_error, messages[i]);
    connector_free(record);
  }
}

static void secrets_are_scrubbed(void **state)
{
  (void)state;
  static const char *const messages[] = {
    "login failed: password=hunter2canary", "{\"client_secret\":\"hunter2canary\"}",
    "Authorization: Bearer hunter2canary",  "GET https://user:hunter2canary@example.com/",
    "\x01password=hunter2canary\xff",
  };
  for (size_t i = 0; i < COUNT_OF(messages); i++) {
    connector *record = fail_new(messages[i]);
    assert_contains(record->last_error, "[redacted]");
    assert_lacks(record->last_error, "hunter2canary");
    connector_free(record);
  }
}

/* What is taken out must not join a key and its value behind the scrubbing. */
static void a_secret_is_found_behind_control_characters(void **state)
{
  (void)state;
  static const char *const messages[] = { "pass\x01word=hunter2canary",
                                          "password\x01=hunter2canary",
                                          "password=\x7fhunter2canary" };
  for (size_t i = 0; i < COUNT_OF(messages); i++) {
    connector *record = fail_new(messages[i]);
    if (strstr(record->last_error, "password=hunter2canary") != NULL)
      fail_msg("message %zu became %s", i, record->last_error);
    connector_free(record);
  }
}

static void a_long_message_is_cut(void **state)
{
  (void)state;
  enum { LONG = 1 << 20 };
  static const char *const characters[] = { "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };
  char *message = malloc(LONG + 1);
  assert_non_null(message);
  for (size_t i = 0; i < COUNT_OF(characters); i++) {
    size_t length = strlen(characters[i]);
    for (size_t shift = 0; shift < 4; shift++) {
      memset(message, ' ', LONG);
      memset(message, '.', shift);
      for (size_t at = shift; at + length <= LONG; at += length)
        memcpy(message + at, characters[i], length);
      message[LONG] = '\0';
      connector *record = fail_new(message);
      size_t got = strlen(record->last_error);
      assert_true(got == shift + (MOST - shift) / length * length);
      assert_memory_equal(record->last_error, message, got);
      connector_free(record);
    }
  }
  free(message);
}

/* A token that the cut would part in two is scrubbed before it. */
static void no_part_of_a_secret_is_left_at_the_cut(void **state)
{
  (void)state;
  static const char *const secrets[][2] = { { "AKIA", "IOSFODNN7EXAMPLE" },
                                            { "password=", "hunter2canary" } };
  for (size_t i = 0; i < COUNT_OF(secrets); i++) {
    for (size_t before = MOST - 24; before <= MOST; before++) {
      char message[MOST + 100];
      memset(message, 'x', before);
      snprintf(message + before, sizeof(message) - before, " %s%s and more", secrets[i][0],
               secrets[i][1]);
      connector *record = fail_new(message);
      assert_lacks(record->last_error, i == 0 ? "AKIAI" : "=h");
      connector_free(record);
    }
  }
}

static void what_is_no_text_is_made_text(void **state)
{
  (void)state;
  static const struct {
    const char *message, *kept;
  } rows[] = {
    { "before \xff after", "before " },
    { "before \xff after", " after" },
    { "cut \xe2\x82", "cut " },
    { "cut \xf0\x9f\x98", "cut " },
    { "overlong \xc0\xaf end", " end" },
    { "surrogate \xed\xa0\x80 end", " end" },
    { "too high \xf4\x90\x80\x80 end", " end" },
    { "bell \x07 escape \x1b[31m red", "[31m red" },
    { "delete \x7f end", " end" },
    { "c1 \xc2\x85 end", " end" },
    { "carriage\r\nreturn", "\nreturn" },
    { "\xff\xfe\xfd", "" },
  };
  for (size_t i = 0; i < COUNT_OF(rows); i++) {
    connector *record = fail_new(rows[i].message);
    assert_contains(record->last_error, rows[i].kept);
    connector_free(record);
  }
}

static void every_byte_is_dealt_with(void **state)
{
  (void)state;
  char message[3 * 255 + 1];
  for (size_t i = 1; i < 256; i++) {
    message[3 * (i - 1)] = (char)i;
    message[3 * (i - 1) + 1] = (char)(255 - i == 0 ? 1 : 255 - i);
    message[3 * (i - 1) + 2] = 'x';
  }
  message[sizeof(message) - 1] = '\0';
  connector_free(fail_new(message));
}

static void without_a_message_there_is_a_sentence_on_the_kind(void **state)
{
  (void)state;
  char id[ID_SIZE];
  char texts[5][200];
  make_id(PATCH(0), id);
  for (int kind = CONNECTOR_FAILURE_AUTH; kind <= CONNECTOR_FAILURE_RATE_LIMITED; kind++) {
    connector *record = fail_sync(id, (connector_failure)kind, NULL);
    assert_non_null(record->last_error);
    assert_true(strlen(record->last_error) > 5);
    snprintf(texts[kind], sizeof(texts[kind]), "%s", record->last_error);
    for (int other = CONNECTOR_FAILURE_AUTH; other < kind; other++)
      assert_string_not_equal(texts[kind], texts[other]);
    connector_free(record);
  }
}

static void an_empty_message_is_not_refused(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector *record = fail_sync(id, CONNECTOR_FAILURE_CONFIG, "");
  assert_int_equal(record->consecutive_errors, 1);
  connector_free(record);
}

static void history_holds_the_message_as_it_was_kept(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "no\x01 password=hunter2canary \xff"));
  connector_changes *changes = history_of(id);
  const connector_change *change = connector_changes_at(changes, 0);
  assert_contains(change->forward, "[redacted]");
  assert_lacks(change->forward, "hunter2canary");
  assert_true(is_clean_text(change->forward));
  connector_changes_free(changes);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(a_plain_message_is_kept),
    memory_test(secrets_are_scrubbed),
    memory_test(a_secret_is_found_behind_control_characters),
    memory_test(a_long_message_is_cut),
    memory_test(no_part_of_a_secret_is_left_at_the_cut),
    memory_test(what_is_no_text_is_made_text),
    memory_test(every_byte_is_dealt_with),
    memory_test(without_a_message_there_is_a_sentence_on_the_kind),
    memory_test(an_empty_message_is_not_refused),
    memory_test(history_holds_the_message_as_it_was_kept),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
