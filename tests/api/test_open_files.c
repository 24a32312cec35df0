/*
 * Files that are not a store, are damaged, come from a newer library or can't be written: each is
 * refused with its own status and left as it was.
 */
#include "support.h"

#include <sys/wait.h>

enum {
  USER_VERSION_AT = 60,
  APPLICATION_ID_AT = 68
}; /* big-endian, www.sqlite.org/fileformat */

static connector_status open_here(void)
{
  connector_options options = test_options();
  return connector_open(test.path, &options, &test.store, &failure);
}

/* A closed store with some records in it. */
static void prepare_store(void)
{
  assert_ok(open_here());
  for (int i = 0; i < 200; i++)
    connector_free(make(PATCH(.name = "a name to fill the file", .provider = "jira")));
  close_store();
}

static void change_number(long at, uint32_t number)
{
  FILE *file = fopen(test.path, "r+b");
  const unsigned char bytes[] = { (unsigned char)(number >> 24), (unsigned char)(number >> 16),
                                  (unsigned char)(number >> 8), (unsigned char)number };
  assert_non_null(file);
  assert_int_equal(fseek(file, at, SEEK_SET), 0);
  assert_int_equal(fwrite(bytes, 1, 4, file), 4);
  assert_int_equal(fclose(file), 0);
}

static void assert_refused_untouched(connector_status wanted)
{
  size_t before_length = 0;
  size_t after_length = 0;
  char *before = read_file(test.path, &before_length);
  assert_status(open_here(), wanted);
  assert_null(test.store);
  char *after = read_file(test.path, &after_length);
  assert_int_equal(before_length, after_length);
  assert_memory_equal(before, after, before_length);
  free(before);
  free(after);
}

static void a_text_file_is_corrupt_and_untouched(void **state)
{
  (void)state;
  static char text[5000];
  memset(text, 'x', sizeof(text));
  write_file(test.path, text, sizeof(text));
  assert_refused_untouched(CONNECTOR_CORRUPT);
  write_file(test.path, "short", 5);
  assert_refused_untouched(CONNECTOR_CORRUPT);
}

static void another_programs_file_is_corrupt_and_untouched(void **state)
{
  (void)state;
  prepare_store();
  change_number(APPLICATION_ID_AT, 0x12345678);
  assert_refused_untouched(CONNECTOR_CORRUPT);
}

static void a_file_with_tables_and_no_application_id_is_corrupt_and_untouched(void **state)
{
  (void)state;
  prepare_store();
  change_number(APPLICATION_ID_AT, 0);
  change_number(USER_VERSION_AT, 0);
  assert_refused_untouched(CONNECTOR_CORRUPT);
}

static void a_newer_file_is_schema_and_untouched(void **state)
{
  (void)state;
  prepare_store();
  change_number(USER_VERSION_AT, 1000);
  assert_refused_untouched(CONNECTOR_SCHEMA);
}

static void a_damaged_file_is_corrupt(void **state)
{
  (void)state;
  size_t length = 0;
  prepare_store();
  char *bytes = read_file(test.path, &length);
  assert_true(length > 16384);
  memset(bytes + 4096, 0xa5, length - 4096);
  write_file(test.path, bytes, length);
  free(bytes);
  memset(&failure, 0, sizeof(failure));
  connector_status status = open_here();
  if (status == CONNECTOR_OK)
    status = connector_check(test.store, NULL, NULL, &failure);
  assert_int_equal(status, CONNECTOR_CORRUPT);
}

static void a_truncated_file_is_corrupt(void **state)
{
  (void)state;
  size_t length = 0;
  prepare_store();
  char *bytes = read_file(test.path, &length);
  write_file(test.path, bytes, length / 2);
  free(bytes);
  memset(&failure, 0, sizeof(failure));
  connector_status status = open_here();
  if (status == CONNECTOR_OK)
    status = connector_check(test.store, NULL, NULL, &failure);
  assert_int_equal(status, CONNECTOR_CORRUPT);
}

static void a_folder_is_refused(void **state)
{
  (void)state;
  assert_int_equal(mkdir(test.path, 0700), 0);
  memset(&failure, 0, sizeof(failure));
  assert_int_not_equal(open_here(), CONNECTOR_OK);
  assert_int_not_equal(failure.message[0], '\0');
  assert_null(test.store);
}

/* Runs `work` in a child that has no rights of its own, and gives back what it exits with. */
static int as_nobody(int (*work)(void))
{
  int code = 0;
  pid_t child = fork();
  assert_true(child >= 0);
  if (child == 0) {
    if (getuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
      _exit(100);
    _exit(work());
  }
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_true(WIFEXITED(code));
  return WEXITSTATUS(code);
}

static int open_status(void)
{
  return (int)open_here();
}

static void a_new_file_in_a_read_only_folder_is_read_only(void **state)
{
  (void)state;
  assert_int_equal(chmod(test.folder, 0555), 0);
  assert_int_equal(as_nobody(open_status), CONNECTOR_READ_ONLY);
  assert_false(file_exists(test.path));
}

static void a_file_that_cannot_be_written_is_read_only(void **state)
{
  (void)state;
  prepare_store();
  assert_int_equal(chmod(test.path, 0444), 0);
  assert_int_equal(chmod(test.folder, 0555), 0);
  assert_int_equal(as_nobody(open_status), CONNECTOR_READ_ONLY);
}

/* What a child gets from the store that its parent opened. */
static int use_parents_store(void)
{
  connector *record = NULL;
  connector_page *page = NULL;
  int64_t number = 0;
  int bad = 0;
  bad += connector_create(test.store, PATCH(0), NULL, &failure) != CONNECTOR_MISUSE;
  bad += failure.status != CONNECTOR_MISUSE;
  bad += connector_get(test.store, "x", 0, &record, NULL) != CONNECTOR_MISUSE;
  bad += connector_list(test.store, NULL, &page, NULL) != CONNECTOR_MISUSE;
  bad += connector_count(test.store, NULL, &number, NULL) != CONNECTOR_MISUSE;
  bad += connector_delete(test.store, "x", 0, NULL) != CONNECTOR_MISUSE;
  bad += connector_maintain(test.store, NULL, NULL) != CONNECTOR_MISUSE;
  connector_close(test.store);
  return bad;
}

static void after_fork_the_parents_store_is_misuse(void **state)
{
  (void)state;
  int code = 0;
  assert_ok(open_here());
  connector_free(make(PATCH(.name = "before")));
  pid_t child = fork();
  if (child == 0)
    _exit(use_parents_store());
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_true(WIFEXITED(code));
  assert_int_equal(WEXITSTATUS(code), 0);
  connector_free(make(PATCH(.name = "after")));
  assert_int_equal(count_of(NULL), 2);
}

static int open_own_store(void)
{
  int64_t count = 0;
  if (open_here() != CONNECTOR_OK)
    return 1;
  if (connector_create(test.store, PATCH(.name = "child's"), NULL, &failure) != CONNECTOR_OK)
    return 2;
  if (connector_count(test.store, NULL, &count, &failure) != CONNECTOR_OK || count != 2)
    return 3;
  connector_close(test.store);
  return 0;
}

static void after_fork_the_child_opens_its_own(void **state)
{
  (void)state;
  int code = 0;
  assert_ok(open_here());
  connector_free(make(PATCH(.name = "parent's")));
  pid_t child = fork();
  if (child == 0)
    _exit(open_own_store());
  assert_int_equal(waitpid(child, &code, 0), child);
  assert_true(WIFEXITED(code));
  assert_int_equal(WEXITSTATUS(code), 0);
  assert_int_equal(count_of(NULL), 2);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(a_text_file_is_corrupt_and_untouched),
    folder_test(another_programs_file_is_corrupt_and_untouched),
    folder_test(a_file_with_tables_and_no_application_id_is_corrupt_and_untouched),
    folder_test(a_newer_file_is_schema_and_untouched),
    folder_test(a_damaged_file_is_corrupt),
    folder_test(a_truncated_file_is_corrupt),
    folder_test(a_folder_is_refused),
    folder_test(a_new_file_in_a_read_only_folder_is_read_only),
    folder_test(a_file_that_cannot_be_written_is_read_only),
    folder_test(after_fork_the_parents_store_is_misuse),
    folder_test(after_fork_the_child_opens_its_own),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
