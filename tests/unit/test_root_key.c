/*
 * secret/root_key: a root key from bytes, a file, a callback or a passphrase; what a file is
 * refused for; and what is kept for the file of the store.
 */
#include "secret_support.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "secret/root_key.h"

static const uint8_t sample_key[SEAL_KEY] = { 0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef,
                                              0xfe, 0xdc, 0xba, 0x98, 0x76, 0x54, 0x32, 0x10,
                                              0xf0, 0xe1, 0xd2, 0xc3, 0xb4, 0xa5, 0x96, 0x87,
                                              0x78, 0x69, 0x5a, 0x4b, 0x3c, 0x2d, 0x1e, 0x0f };
static const char sample_hex[] = "0123456789abcdeffedcba9876543210f0e1d2c3b4a5968778695a4b3c2d1e0f";

static char folder[64];
static char path[128];

static int setup_files(void **state)
{
  snprintf(folder, sizeof(folder), "/tmp/connector-root-XXXXXX");
  if (mkdtemp(folder) == NULL)
    return -1;
  snprintf(path, sizeof(path), "%s/key", folder);
  return setup_memory(state);
}

static int teardown_files(void **state)
{
  (void)unlink(path);
  (void)rmdir(path);
  (void)rmdir(folder);
  return teardown_memory(state);
}

#define file_test(name) cmocka_unit_test_setup_teardown(name, setup_files, teardown_files)

static void write_key(const void *bytes, size_t length, mode_t mode)
{
  int file = -1;

  (void)unlink(path);
  file = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
  assert_true(file >= 0);
  assert_int_equal(write(file, bytes, length), (ssize_t)length);
  assert_int_equal(fchmod(file, mode), 0);
  close(file);
}

static connector_status take(const connector_sealed_options *options, struct root_key *out)
{
  memset(out, 0, sizeof(*out));
  return root_key_take(memory, options, out, &failure);
}

static connector_status take_path(const char *from, struct root_key *out)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;

  options.root_key_file = from;
  return take(&options, out);
}

/* The key for a file of this kind is the one wanted. */
static void assert_makes(struct root_key *root, int64_t passes, const uint8_t *wanted)
{
  static const uint8_t salt[SEAL_SALT] = { 1 };
  const struct seal_root known = { 1, passes, 8192, salt, 1, 0 };
  uint8_t key[SEAL_KEY] = { 0 };
  bool fits = false;

  assert_ok(root_key_make(memory, root, &known, key, &fits, &failure));
  assert_int_equal(fits, wanted != NULL);
  if (wanted != NULL)
    assert_memory_equal(key, wanted, SEAL_KEY);
}

/* ---- bytes ---- */

static void bytes_are_copied(void **state)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;
  uint8_t key[SEAL_KEY];
  struct root_key root;

  (void)state;
  memcpy(key, sample_key, sizeof(key));
  options.root_key = key;
  assert_ok(take(&options, &root));
  memset(key, 0, sizeof(key));
  assert_makes(&root, 0, sample_key);
  assert_makes(&root, 1, NULL); /* a file whose key is a passphrase's */
  root_key_free(&root);
}

static void exactly_one_source_is_given(void **state)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;
  struct root_key root;

  (void)state;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "root_key");
  options.root_key = sample_key;
  options.passphrase = "words";
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "root_key");
  options.passphrase = NULL;
  options.root_key_file = path;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "root_key");
}

static void a_key_moves_to_another_memory(void **state)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;
  struct secret_memory *other = NULL;
  struct root_key root;
  struct root_key moved = { .passes = 0 };
  uint8_t key[SEAL_KEY];
  bool fits = false;
  static const uint8_t salt[SEAL_SALT] = { 1 };
  const struct seal_root known = { 1, 0, 0, salt, 1, 0 };

  (void)state;
  options.root_key = sample_key;
  assert_ok(secret_memory_new(false, &other, &failure));
  assert_ok(take(&options, &root));
  assert_ok(root_key_move(&root, memory, other, &moved, &failure));
  root_key_free(&root);
  assert_ok(root_key_make(other, &moved, &known, key, &fits, &failure));
  assert_true(fits);
  assert_memory_equal(key, sample_key, SEAL_KEY);
  root_key_free(&moved);
  secret_memory_release(other);
}

/* ---- files ---- */

static void a_file_holds_bytes_or_digits(void **state)
{
  char upper[sizeof(sample_hex)];
  char line[sizeof(sample_hex) + 2];
  struct root_key root;

  (void)state;
  write_key(sample_key, SEAL_KEY, 0400);
  assert_ok(take_path(path, &root));
  assert_makes(&root, 0, sample_key);
  root_key_free(&root);
  for (size_t i = 0; i < sizeof(sample_hex); i++)
    upper[i] = (char)(sample_hex[i] >= 'a' ? sample_hex[i] - 'a' + 'A' : sample_hex[i]);
  for (int i = 0; i < 4; i++) {
    static const char *const ends[] = { "", "\n", "\r\n", "" };
    int length = snprintf(line, sizeof(line), "%s%s", i == 3 ? upper : sample_hex, ends[i]);

    write_key(line, (size_t)length, 0600);
    assert_ok(take_path(path, &root));
    assert_makes(&root, 0, sample_key);
    root_key_free(&root);
  }
}

static void a_file_of_anything_else_is_invalid(void **state)
{
  char text[80];
  struct root_key root;

  (void)state;
  for (size_t length = 0; length <= 70; length++) {
    memset(text, 'g', sizeof(text)); /* no digit */
    write_key(text, length, 0600);
    if (length != SEAL_KEY)
      assert_answer(take_path(path, &root), CONNECTOR_INVALID, "root_key_file");
  }
  for (size_t length = 60; length <= 68; length++) {
    memset(text, 'a', sizeof(text));
    write_key(text, length, 0600);
    if (length != sizeof(sample_hex) - 1)
      assert_answer(take_path(path, &root), CONNECTOR_INVALID, "root_key_file");
  }
  memcpy(text, sample_hex, sizeof(sample_hex) - 1);
  for (int i = 0; i < 3; i++) {
    static const char *const ends[] = { "\r", " \n", "\n\n" };

    memcpy(text + sizeof(sample_hex) - 1, ends[i], strlen(ends[i]));
    write_key(text, sizeof(sample_hex) - 1 + strlen(ends[i]), 0600);
    assert_answer(take_path(path, &root), CONNECTOR_INVALID, "root_key_file");
  }
}

static void a_file_that_others_can_use_is_denied(void **state)
{
  static const mode_t modes[] = { 0640, 0620, 0610, 0604, 0602, 0601, 0644, 0666 };
  struct root_key root;

  (void)state;
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    write_key(sample_key, SEAL_KEY, modes[i]);
    assert_int_equal(take_path(path, &root), CONNECTOR_DENIED);
  }
}

static void a_file_of_another_user_is_denied(void **state)
{
  struct root_key root;

  (void)state;
  write_key(sample_key, SEAL_KEY, 0600);
  if (geteuid() != 0 || chown(path, 12345, 12345) != 0) {
    fprintf(stderr, "SKIPPED: only root can give files away\n");
    skip();
  }
  assert_int_equal(take_path(path, &root), CONNECTOR_DENIED);
}

static void links_pipes_and_folders_are_denied(void **state)
{
  char target[160];
  struct root_key root;

  (void)state;
  write_key(sample_key, SEAL_KEY, 0600);
  snprintf(target, sizeof(target), "%s-target", path);
  assert_int_equal(rename(path, target), 0);
  assert_int_equal(symlink(target, path), 0);
  assert_int_equal(take_path(path, &root), CONNECTOR_DENIED);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(unlink(target), 0);
  assert_int_equal(mkfifo(path, 0600), 0);
  assert_int_equal(take_path(path, &root), CONNECTOR_DENIED);
  assert_int_equal(unlink(path), 0);
  assert_int_equal(mkdir(path, 0700), 0);
  assert_int_equal(take_path(path, &root), CONNECTOR_DENIED);
}

static void a_file_that_is_not_there_is_io(void **state)
{
  struct root_key root;

  (void)state;
  assert_int_equal(take_path(path, &root), CONNECTOR_IO);
  assert_int_equal(failure.os_code, ENOENT);
}

/* ---- callbacks ---- */

static int asked;
static connector_status answer;

static connector_status give_key(void *user, void *key, connector_error *error)
{
  asked++;
  assert_string_equal(user, "the host's");
  if (answer == CONNECTOR_OK)
    memcpy(key, sample_key, SEAL_KEY);
  else
    snprintf(error->message, sizeof(error->message), "the key service sleeps");
  return answer;
}

static void a_callback_is_asked_once_and_only_when_needed(void **state)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;
  struct root_key root;

  (void)state;
  asked = 0;
  answer = CONNECTOR_OK;
  options.root_key_fn = give_key;
  options.user = (void *)(uintptr_t) "the host's";
  assert_ok(take(&options, &root));
  assert_makes(&root, 1, NULL);
  assert_int_equal(asked, 0);
  assert_makes(&root, 0, sample_key);
  assert_makes(&root, 0, sample_key);
  assert_int_equal(asked, 1);
  root_key_free(&root);
}

static void a_callback_that_fails_is_passed_on_and_asked_again(void **state)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;
  static const uint8_t salt[SEAL_SALT] = { 1 };
  const struct seal_root known = { 1, 0, 0, salt, 1, 0 };
  struct root_key root;
  uint8_t key[SEAL_KEY];
  bool fits = false;

  (void)state;
  asked = 0;
  answer = CONNECTOR_SECRET_UNAVAILABLE;
  options.root_key_fn = give_key;
  options.user = (void *)(uintptr_t) "the host's";
  assert_ok(take(&options, &root));
  assert_answer(root_key_make(memory, &root, &known, key, &fits, &failure),
                CONNECTOR_SECRET_UNAVAILABLE, "");
  assert_string_equal(failure.message, "the key service sleeps");
  answer = CONNECTOR_OK;
  assert_makes(&root, 0, sample_key);
  assert_int_equal(asked, 2);
  root_key_free(&root);
}

/* ---- passphrases ---- */

static connector_sealed_options passphrase_options(const char *passphrase)
{
  connector_sealed_options options = CONNECTOR_SEALED_OPTIONS_INIT;

  options.passphrase = passphrase;
  options.passphrase_passes = 1;
  options.passphrase_memory = 8192;
  return options;
}

static void a_passphrase_plans_its_parameters(void **state)
{
  const connector_sealed_options options = passphrase_options("words");
  connector_sealed_options usual = CONNECTOR_SEALED_OPTIONS_INIT;
  struct root_key root;
  struct seal_root planned;
  uint8_t salt[SEAL_SALT] = { 0 };
  uint8_t other[SEAL_SALT] = { 0 };

  (void)state;
  assert_ok(take(&options, &root));
  root_key_plan(&root, &planned, salt);
  assert_int_equal(planned.passes, 1);
  assert_int_equal(planned.memory, 8192);
  assert_int_equal(planned.term, 1);
  assert_int_equal(planned.generation, 0);
  root_key_plan(&root, &planned, other);
  assert_memory_not_equal(salt, other, SEAL_SALT);
  root_key_free(&root);
  usual.passphrase = "words";
  assert_ok(take(&usual, &root));
  root_key_plan(&root, &planned, salt);
  assert_int_equal(planned.passes, 3);
  assert_int_equal(planned.memory, 256 * 1024 * 1024);
  root_key_free(&root);
}

static void the_files_parameters_make_the_key_whatever_the_options(void **state)
{
  static const uint8_t salt[SEAL_SALT] = { 1 };
  const struct seal_root known = { 1, 2, 16384, salt, 1, 0 };
  const connector_sealed_options options = passphrase_options("words");
  struct root_key root;
  uint8_t wanted[SEAL_KEY];
  uint8_t key[SEAL_KEY];
  bool fits = false;

  (void)state;
  assert_true(seal_root_derive("words", 5, &known, wanted));
  assert_ok(take(&options, &root));
  assert_ok(root_key_make(memory, &root, &known, key, &fits, &failure));
  assert_true(fits);
  assert_memory_equal(key, wanted, SEAL_KEY);
  assert_makes(&root, 0, NULL);
  root_key_free(&root);
}

static void parameters_that_no_library_wrote_are_not_heeded(void **state)
{
  static const uint8_t salt[SEAL_SALT] = { 1 };
  const struct seal_root bad[] = {
    { 1, 1001, 8192, salt, 1, 0 },
    { 1, INT64_MAX, 8192, salt, 1, 0 },
    { 1, 1, 8191, salt, 1, 0 },
    { 1, 1, -1, salt, 1, 0 },
    { 1, 1, INT64_C(5) << 30, salt, 1, 0 },
    { 1, 1, INT64_MAX, salt, 1, 0 },
  };
  const connector_sealed_options options = passphrase_options("words");
  struct root_key root;
  uint8_t key[SEAL_KEY];
  bool fits = false;

  (void)state;
  assert_ok(take(&options, &root));
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    assert_answer(root_key_make(memory, &root, &bad[i], key, &fits, &failure),
                  CONNECTOR_SECRET_TAMPERED, "");
  root_key_free(&root);
}

static void passphrases_and_their_numbers_have_limits(void **state)
{
  char *longest = run_of('x', 1024);
  char *longer = run_of('x', 1025);
  connector_sealed_options options = passphrase_options("");
  struct root_key root;

  (void)state;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "passphrase");
  options.passphrase = longer;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "passphrase");
  options.passphrase = longest;
  assert_ok(take(&options, &root));
  root_key_free(&root);
  options.passphrase_passes = 1001;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "passphrase_passes");
  options.passphrase_passes = 1;
  options.passphrase_memory = 8191;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "passphrase_memory");
  options.passphrase_memory = (UINT64_C(4) << 30) + 1;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "passphrase_memory");
  options.passphrase_memory = UINT64_MAX;
  assert_answer(take(&options, &root), CONNECTOR_INVALID, "passphrase_memory");
  free(longest);
  free(longer);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    secret_test(bytes_are_copied),
    file_test(exactly_one_source_is_given),
    secret_test(a_key_moves_to_another_memory),
    file_test(a_file_holds_bytes_or_digits),
    file_test(a_file_of_anything_else_is_invalid),
    file_test(a_file_that_others_can_use_is_denied),
    file_test(a_file_of_another_user_is_denied),
    file_test(links_pipes_and_folders_are_denied),
    file_test(a_file_that_is_not_there_is_io),
    secret_test(a_callback_is_asked_once_and_only_when_needed),
    secret_test(a_callback_that_fails_is_passed_on_and_asked_again),
    secret_test(a_passphrase_plans_its_parameters),
    secret_test(the_files_parameters_make_the_key_whatever_the_options),
    secret_test(parameters_that_no_library_wrote_are_not_heeded),
    secret_test(passphrases_and_their_numbers_have_limits),
  };

  return cmocka_run_group_tests_name("root_key", tests, NULL, NULL);
}
