/*
 * What may stand where a store's file should, or where the engine keeps its own beside it: pipes,
 * devices, folders, sockets, links. Each is refused before it is opened, for opening a pipe or
 * reading a device may never end; an alarm ends the test where it does.
 */
#define _XOPEN_SOURCE 700 /* mkfifo() and symlink() */

#include "damaged_file.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

enum { HANG_SECONDS = 60 };

/* ---- what is put there ---- */

static void put_pipe(const char *path)
{
  assert_int_equal(mkfifo(path, 0600), 0);
}

static void put_folder(const char *path)
{
  assert_int_equal(mkdir(path, 0700), 0);
}

static void put_zeros(const char *path)
{
  assert_int_equal(symlink("/dev/zero", path), 0);
}

static void put_null(const char *path)
{
  assert_int_equal(symlink("/dev/null", path), 0);
}

static void put_link_to_pipe(const char *path)
{
  char pipe[600];
  assert_int_equal(mkfifo(beside(pipe, "pipe"), 0600), 0);
  assert_int_equal(symlink(pipe, path), 0);
}

static void put_socket(const char *path)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int made = socket(AF_UNIX, SOCK_STREAM, 0);
  assert_true(made >= 0 && strlen(path) < sizeof(address.sun_path));
  memcpy(address.sun_path, path, strlen(path) + 1);
  assert_int_equal(bind(made, (const struct sockaddr *)&address, sizeof(address)), 0);
  close(made);
}

static void put_link_to_file(const char *path)
{
  char other[600];
  write_file(beside(other, "other"), "others' bytes", 13);
  assert_int_equal(symlink(other, path), 0);
}

static const struct {
  const char *name;
  void (*put)(const char *path);
} things[] = {
  { "a pipe", put_pipe },
  { "a folder", put_folder },
  { "/dev/zero", put_zeros },
  { "/dev/null", put_null },
  { "a link to a pipe", put_link_to_pipe },
  { "a socket", put_socket },
  { "a link to a file", put_link_to_file }, /* the last: no fault in place of the file itself */
};

static void take_away(const char *path)
{
  char made[600];
  if (unlink(path) != 0)
    assert_int_equal(rmdir(path), 0);
  (void)unlink(beside(made, "pipe"));
}

/* ---- opening ---- */

static void assert_refused(const char *what, const char *where)
{
  for (int read_only = 0; read_only <= 1; read_only++) {
    connector_options options = fault_options();
    options.read_only = read_only != 0;
    if (connector_open(test.path, &options, &test.store, &failure) != CONNECTOR_IO ||
        failure.message[0] == '\0')
      fail_msg("%s as %s, %s: %s: %s", what, where, read_only ? "read-only" : "to write",
               connector_status_name(failure.status), failure.message);
  }
}

static void what_is_no_file_in_place_of_the_file_is_refused(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(things) - 1; i++) {
    things[i].put(test.path);
    assert_refused(things[i].name, "the file");
    take_away(test.path);
  }
}

static void what_is_no_file_beside_it_is_refused_and_left_alone(void **state)
{
  static const char *const places[] = { "registry.db-wal", "registry.db-shm",
                                        "registry.db-journal" };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(things); i++)
    for (size_t j = 0; j < COUNT_OF(places); j++) {
      char path[600];
      restore_template();
      things[i].put(beside(path, places[j]));
      assert_refused(things[i].name, places[j]);
      take_away(path);
      open_for_faults();
      become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
      assert_whole(NULL);
      close_store();
    }
}

static void what_a_link_leads_to_is_not_written(void **state)
{
  char path[600];
  char other[600];
  size_t length = 0;
  char *bytes = NULL;
  (void)state;
  put_link_to_file(beside(path, "registry.db-wal"));
  assert_refused("a link", "the log");
  bytes = read_file(beside(other, "other"), &length);
  assert_int_equal(length, 13);
  assert_memory_equal(bytes, "others' bytes", 13);
  free(bytes);
}

/* The file itself may be a link: what is beside it is looked for where the file is. */
static void a_link_to_the_file_is_followed_and_what_is_beside_the_file_counts(void **state)
{
  char real[600];
  char pipe[700];
  (void)state;
  assert_int_equal(rename(test.path, beside(real, "real.db")), 0);
  assert_int_equal(symlink(real, test.path), 0);
  open_for_faults();
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  assert_true(count_of(NULL) > 0);
  close_store();
  snprintf(pipe, sizeof(pipe), "%s-journal", real);
  put_pipe(pipe);
  assert_refused("a pipe", "beside where the link leads");
}

/* ---- the control: who opens without looking waits ---- */

static void open_pipe(void)
{
  (void)alarm(1);
  (void)open(test.path, O_RDONLY);
}

static void opening_a_pipe_to_read_never_ends_by_itself(void **state)
{
  int status = 0;
  pid_t child = 0;
  (void)state;
  assert_int_equal(unlink(test.path), 0);
  put_pipe(test.path);
  child = fork();
  if (child == 0) {
    open_pipe();
    _exit(0);
  }
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGALRM);
}

#define path_test(name) cmocka_unit_test_setup_teardown(name, setup_tenants, teardown_tenants)
#define folder_test(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(what_is_no_file_in_place_of_the_file_is_refused),
    path_test(what_is_no_file_beside_it_is_refused_and_left_alone),
    path_test(what_a_link_leads_to_is_not_written),
    path_test(a_link_to_the_file_is_followed_and_what_is_beside_the_file_counts),
    path_test(opening_a_pipe_to_read_never_ends_by_itself),
  };
  (void)alarm(HANG_SECONDS);
  stay_in_memory();
  return cmocka_run_group_tests_name("hostile_path", tests, NULL, NULL);
}
