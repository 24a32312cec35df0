/*
 * Guarded buffers, kept secrets, and the addresses of requests.
 */
#include "support.h"

#include "address.h"
#include "guarded.h"
#include "kept.h"

#include <sodium.h>
#include <sys/wait.h>

static int start_sodium(void **state)
{
  (void)state;
  return sodium_init() < 0 ? -1 : 0;
}

static void a_buffer_grows_and_keeps_what_is_in_it(void **state)
{
  (void)state;
  struct guarded buffer = { 0 };
  for (int i = 0; i < 20000; i++)
    guarded_append(&buffer, "abc", 3);
  guarded_end(&buffer);
  assert_false(buffer.failed);
  assert_int_equal(buffer.length, 60000);
  for (size_t i = 0; i < buffer.length; i++)
    assert_int_equal(buffer.bytes[i], "abc"[i % 3]);
  assert_int_equal(buffer.bytes[60000], '\0');
  guarded_free(&buffer);
}

static void clearing_wipes_and_gives_back_what_is_large(void **state)
{
  (void)state;
  struct guarded buffer = { 0 };
  guarded_text(&buffer, "secret");
  guarded_end(&buffer);
  guarded_clear(&buffer, 16384);
  assert_int_equal(buffer.length, 0);
  for (size_t i = 0; i < 7; i++)
    assert_int_equal(buffer.bytes[i], 0);
  guarded_reserve(&buffer, 100000);
  guarded_clear(&buffer, 16384);
  assert_null(buffer.bytes);
  guarded_free(&buffer);
}

static void a_length_that_can_not_be_had_is_told_until_cleared(void **state)
{
  (void)state;
  struct guarded buffer = { 0 };
  assert_false(guarded_reserve(&buffer, (size_t)1 << 31));
  assert_true(buffer.failed);
  guarded_text(&buffer, "x");
  assert_int_equal(buffer.length, 0);
  guarded_clear(&buffer, 0);
  guarded_text(&buffer, "x");
  assert_int_equal(buffer.length, 1);
  guarded_free(&buffer);
}

static void texts_become_json_strings(void **state)
{
  (void)state;
  struct guarded buffer = { 0 };
  guarded_json(&buffer, "a\"\\\n\x1f\xc3\xa9", 7);
  guarded_end(&buffer);
  assert_text(buffer.bytes, "\"a\\\"\\\\\\u000a\\u001f\xc3\xa9\"");
  guarded_free(&buffer);
}

static void a_buffer_is_empty_in_a_child(void **state)
{
  (void)state;
  struct guarded buffer = { 0 };
  int status = 0;
  pid_t child = 0;
#ifndef __linux__
  skip();
#endif
  guarded_text(&buffer, "secret");
  child = fork();
  if (child == 0)
    _exit(memcmp(buffer.bytes, "\0\0\0\0\0\0", 6) == 0 ? 0 : 1);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
  assert_memory_equal(buffer.bytes, "secret", 6);
  guarded_free(&buffer);
}

static void a_kept_secret_is_shared_until_its_last_reference(void **state)
{
  (void)state;
  struct kept *kept = NULL;
  connector_secret *like = NULL;
  assert_ok(connector_secret_new(test.store, &like, &failure));
  assert_int_equal(kept_new(NULL, 7, &kept, &failure), CONNECTOR_INVALID);
  assert_null(kept);
  assert_ok(kept_new(like, 7, &kept, &failure));
  connector_secret_free(like); /* the kept one does not need it */
  assert_int_equal(kept->asked_at, 7);
  assert_ptr_equal(kept_hold(kept), kept);
  kept_release(kept);
  assert_ok(connector_secret_set(kept->secret, "token", "x", 1, &failure));
  kept_release(kept);
  assert_null(kept_hold(NULL));
  kept_release(NULL);
}

static void every_byte_of_a_segment_is_encoded_but_unreserved_ones(void **state)
{
  (void)state;
  static const char unreserved[] =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~";
  for (int byte = 1; byte < 256; byte++) {
    struct guarded address = { 0 };
    char text[2] = { (char)byte, '\0' };
    char wanted[8];
    if (byte == '/' || strchr(unreserved, byte) != NULL)
      snprintf(wanted, sizeof(wanted), "/%c", byte);
    else
      snprintf(wanted, sizeof(wanted), "/%%%02X", (unsigned)byte);
    address_add_path(&address, text);
    guarded_end(&address);
    assert_text(address.bytes, wanted);
    guarded_free(&address);
  }
}

static void clean_paths_are_told(void **state)
{
  (void)state;
  assert_true(address_path_is_clean("a"));
  assert_true(address_path_is_clean("a/b.c/..d/...e"));
  assert_false(address_path_is_clean(""));
  assert_false(address_path_is_clean("a/"));
  assert_false(address_path_is_clean("a/../b"));
  assert_false(address_path_is_clean("a/./b"));
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_buffer_grows_and_keeps_what_is_in_it),
    cmocka_unit_test(clearing_wipes_and_gives_back_what_is_large),
    cmocka_unit_test(a_length_that_can_not_be_had_is_told_until_cleared),
    cmocka_unit_test(texts_become_json_strings),
    cmocka_unit_test(a_buffer_is_empty_in_a_child),
    memory_test(a_kept_secret_is_shared_until_its_last_reference),
    cmocka_unit_test(every_byte_of_a_segment_is_encoded_but_unreserved_ones),
    cmocka_unit_test(clean_paths_are_told),
  };
  return cmocka_run_group_tests(tests, start_sodium, NULL);
}
