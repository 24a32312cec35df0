/*
 * secret/directory and secret/folder: which files are values, which are refused, and mounts whose
 * generation changes.
 */
#include "resolver_support.h"

#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

/* ---- a root for each test ---- */

static char root[64];

static const char *at(const char *name)
{
  static char paths[4][600];
  static int turn;
  char *path = paths[turn++ % 4];

  snprintf(path, sizeof(paths[0]), "%s/%s", root, name);
  return path;
}

static void remove_all(const char *folder)
{
  DIR *listing = opendir(folder);

  if (listing == NULL)
    return;
  for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
    char path[600];
    struct stat about;

    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    snprintf(path, sizeof(path), "%.299s/%.255s", folder, entry->d_name);
    if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
      remove_all(path);
    else
      unlink(path);
  }
  closedir(listing);
  rmdir(folder);
}

static int setup_root(void **state)
{
  snprintf(root, sizeof(root), "/tmp/connector-test-XXXXXX");
  if (setup_memory(state) != 0 || mkdtemp(root) == NULL)
    return -1;
  resolver = (connector_secrets)CONNECTOR_SECRETS_INIT;
  return connector_secrets_directory(root, &resolver, NULL) == CONNECTOR_OK ? 0 : -1;
}

static int teardown_root(void **state)
{
  close_resolver();
  remove_all(root);
  return teardown_memory(state);
}

#define root_test(name) cmocka_unit_test_setup_teardown(name, setup_root, teardown_root)

static void make_folder(const char *name)
{
  assert_int_equal(mkdir(at(name), 0700), 0);
}

static void make_file_of(const char *name, const void *bytes, size_t length, mode_t mode)
{
  int file = -1;

  (void)unlink(at(name));
  file = open(at(name), O_WRONLY | O_CREAT | O_EXCL, 0600);
  assert_true(file >= 0);
  assert_int_equal(write(file, bytes, length), length);
  assert_int_equal(fchmod(file, mode), 0);
  close(file);
}

static void make_file(const char *name, const char *text)
{
  make_file_of(name, text, strlen(text), 0400);
}

static void make_link(const char *name, const char *target)
{
  assert_int_equal(symlink(target, at(name)), 0);
}

/* The secret `kv/data/app`. */
static void make_secret(void)
{
  make_folder("kv");
  make_folder("kv/app");
  make_file("kv/app/token", "t1");
}

static void refused(const char *part)
{
  struct told told = { 0 };

  assert_int_equal(status_of("kv", "app"), CONNECTOR_SECRET_DENIED);
  if (strstr(failure.message, part) == NULL)
    fail_msg("\"%s\" lacks \"%s\"", failure.message, part);
  assert_null(strstr(failure.message, root));
  assert_null(strstr(failure.message, "token"));
  assert_string_equal(failure.field, "");
  assert_int_equal(versions_of("kv", "app", &told), CONNECTOR_SECRET_DENIED);
  assert_int_equal(told.calls, 0);
}

/* ---- values ---- */

static void each_file_is_a_value(void **state)
{
  connector_secret *secret = NULL;

  (void)state;
  make_secret();
  make_file_of("kv/app/user name", "a\0b\n", 4, 0600);
  make_file("kv/app/empty", "");
  secret = read_from("kv", "app");
  assert_int_equal(connector_secret_count(secret), 3);
  assert_int_equal(connector_secret_version(secret), 1);
  assert_value(secret, "token", "t1");
  assert_value(secret, "empty", "");
  {
    struct shown shown = { "", 0, 0 };

    assert_ok(connector_secret_use(secret, "user name", keep_shown, &shown, &failure));
    assert_int_equal(shown.length, 4);
    assert_memory_equal(shown.text, "a\0b\n", 4);
  }
  connector_secret_free(secret);
}

static void a_path_leads_through_folders(void **state)
{
  connector_secret *secret = NULL;

  (void)state;
  make_folder("kv");
  make_folder("kv/team");
  make_folder("kv/team/a");
  make_folder("kv/team/a/b");
  make_file("kv/team/a/b/x", "deep");
  secret = read_from("kv/team", "a/b");
  assert_json(secret, "{\"x\":\"deep\"}");
  connector_secret_free(secret);
}

static void files_are_read_anew_with_every_call(void **state)
{
  connector_secret *secret = NULL;

  (void)state;
  make_secret();
  connector_secret_free(read_from("kv", "app"));
  make_file("kv/app/token", "t2");
  secret = read_from("kv", "app");
  assert_value(secret, "token", "t2");
  connector_secret_free(secret);
}

static void folders_and_names_with_a_dot_are_passed_over(void **state)
{
  connector_secret *secret = NULL;

  (void)state;
  make_secret();
  make_folder("kv/app/other");
  make_folder("kv/app/.hidden");
  make_file("kv/app/.hidden/x", "x");
  make_file_of("kv/app/.swp", "x", 1, 0644);
  make_link("kv/app/.link", "/etc/passwd");
  secret = read_from("kv", "app");
  assert_json(secret, "{\"token\":\"t1\"}");
  connector_secret_free(secret);
  assert_int_equal(status_of("kv", "app/.hidden"), CONNECTOR_SECRET_NOT_FOUND);
}

static void what_is_not_there_is_not_found(void **state)
{
  static const struct {
    const char *mount;
    const char *path;
  } cases[] = {
    { "kv", "none" }, { "none", "app" },  { "kv", "app/none" }, { "kv", "app/token" },
    { "kv", "bare" }, { "kv", "app/.." }, { "..", "app" },      { "kv", "./app" },
    { "kv", "" },     { "kv", "app//a" }, { "kv", "/app" },
  };
  char *longest = run_of('x', 300);

  (void)state;
  make_secret();
  make_folder("kv/bare");
  make_folder("kv/bare/below");
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct told told = { 0 };

    assert_int_equal(status_of(cases[i].mount, cases[i].path), CONNECTOR_SECRET_NOT_FOUND);
    assert_int_equal(versions_of(cases[i].mount, cases[i].path, &told), CONNECTOR_SECRET_NOT_FOUND);
  }
  assert_int_equal(status_of("kv", longest), CONNECTOR_SECRET_NOT_FOUND);
  free(longest);
}

static void there_is_one_version(void **state)
{
  static const int64_t others[] = { -1, 2, INT64_MAX };
  connector_secret *secret = NULL;
  connector_secret_request request = request_for("kv", "app");

  (void)state;
  make_secret();
  secret = new_secret();
  request.version = 1;
  assert_ok(resolver.get(resolver.user, &request, secret, &failure));
  assert_int_equal(connector_secret_version(secret), 1);
  connector_secret_free(secret);
  secret = new_secret();
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    request.version = others[i];
    assert_answer(resolver.get(resolver.user, &request, secret, &failure),
                  CONNECTOR_SECRET_NOT_FOUND, "");
  }
  assert_int_equal(connector_secret_count(secret), 0);
  connector_secret_free(secret);
}

static void the_version_is_as_old_as_the_newest_file(void **state)
{
  const struct timespec old[2] = { { 1700000000, 0 }, { 1700000000, 123456789 } };
  const struct timespec older[2] = { { 1600000000, 0 }, { 1600000000, 0 } };
  struct told told = { 0 };

  (void)state;
  make_secret();
  make_file("kv/app/user", "u");
  assert_int_equal(utimensat(AT_FDCWD, at("kv/app/token"), old, 0), 0);
  assert_int_equal(utimensat(AT_FDCWD, at("kv/app/user"), older, 0), 0);
  assert_int_equal(versions_of("kv", "app", &told), CONNECTOR_OK);
  assert_int_equal(failure.status, CONNECTOR_OK);
  assert_int_equal(told.calls, 1);
  assert_int_equal(told.version, 1);
  assert_int_equal(told.created_at, INT64_C(1700000000123));
  told.answer = CONNECTOR_CANCELLED;
  assert_int_equal(versions_of("kv", "app", &told), CONNECTOR_CANCELLED);
}

static void times_before_1970_are_told_too(void **state)
{
  const struct timespec early[2] = { { -2, 0 }, { -2, 500000000 } };
  struct told told = { 0 };

  (void)state;
  make_secret();
  assert_int_equal(utimensat(AT_FDCWD, at("kv/app/token"), early, 0), 0);
  assert_int_equal(versions_of("kv", "app", &told), CONNECTOR_OK);
  assert_int_equal(told.created_at, -1500);
}

static void the_longest_value_is_read_and_no_longer_one(void **state)
{
  char *bytes = run_of('v', CONNECTOR_SECRET_VALUE_MAX + 1);
  connector_secret *secret = NULL;
  struct shown shown = { "", 0, 0 };

  (void)state;
  make_secret();
  make_file_of("kv/app/token", bytes, CONNECTOR_SECRET_VALUE_MAX, 0400);
  secret = read_from("kv", "app");
  assert_ok(connector_secret_use(secret, "token", keep_shown, &shown, &failure));
  assert_int_equal(shown.length, CONNECTOR_SECRET_VALUE_MAX);
  connector_secret_free(secret);
  make_file_of("kv/app/token", bytes, CONNECTOR_SECRET_VALUE_MAX + 1, 0400);
  assert_int_equal(status_of("kv", "app"), CONNECTOR_TOO_LARGE);
  free(bytes);
}

static void there_are_no_more_values_than_a_secret_holds(void **state)
{
  (void)state;
  make_secret();
  for (int i = 1; i <= CONNECTOR_SECRET_VALUES_MAX; i++) {
    char name[64];

    snprintf(name, sizeof(name), "kv/app/v%d", i);
    if (i == CONNECTOR_SECRET_VALUES_MAX)
      assert_int_equal(status_of("kv", "app"), CONNECTOR_OK);
    make_file(name, "v");
  }
  assert_int_equal(status_of("kv", "app"), CONNECTOR_TOO_LARGE);
}

/* ---- what is refused ---- */

static void files_that_others_may_use_are_refused(void **state)
{
  static const mode_t modes[] = { 0440, 0404, 0420, 0402, 0410, 0401, 0644, 0640 };

  (void)state;
  make_secret();
  for (size_t i = 0; i < COUNT_OF(modes); i++) {
    make_file_of("kv/app/token", "t", 1, modes[i]);
    refused("a file of the secret is open to ");
  }
  make_file_of("kv/app/token", "t", 1, 0700);
  assert_int_equal(status_of("kv", "app"), CONNECTOR_OK);
}

static void folders_that_others_may_change_are_refused(void **state)
{
  static const char *const folders[] = { "", "kv", "kv/app" };
  static const mode_t bad[] = { 0770, 0720, 0702, 0777 };
  static const mode_t good[] = { 0700, 0755, 01777, 01770, 0500 };

  (void)state;
  make_secret();
  for (size_t i = 0; i < COUNT_OF(folders); i++) {
    for (size_t j = 0; j < COUNT_OF(bad); j++) {
      assert_int_equal(chmod(at(folders[i]), bad[j]), 0);
      refused("can be changed by its group or others");
    }
    for (size_t j = 0; j < COUNT_OF(good); j++) {
      assert_int_equal(chmod(at(folders[i]), good[j]), 0);
      assert_int_equal(status_of("kv", "app"), CONNECTOR_OK);
    }
    assert_int_equal(chmod(at(folders[i]), 0700), 0);
  }
}

static void other_users_files_and_folders_are_refused(void **state)
{
  static const char *const names[] = { "", "kv", "kv/app", "kv/app/token" };

  (void)state;
  if (geteuid() != 0) {
    skip();
    return;
  }
  make_secret();
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    assert_int_equal(chown(at(names[i]), 12345, (gid_t)-1), 0);
    refused("belongs to another user");
    assert_int_equal(chown(at(names[i]), 0, (gid_t)-1), 0);
  }
  assert_int_equal(status_of("kv", "app"), CONNECTOR_OK);
}

static void links_are_refused(void **state)
{
  (void)state;
  make_secret();
  make_file("kv/secret", "s");
  make_link("kv/app/user", "token");
  refused("a file of the secret is a link");
  assert_int_equal(unlink(at("kv/app/user")), 0);
  make_link("kv/app/user", at("kv/secret"));
  refused("a file of the secret is a link");
  assert_int_equal(unlink(at("kv/app/user")), 0);
  make_link("kv/app/user", "../none");
  refused("a file of the secret is a link");
  assert_int_equal(unlink(at("kv/app/user")), 0);
  assert_int_equal(rename(at("kv/app"), at("kv/real")), 0);
  make_link("kv/app", "real");
  refused("a folder of the secret is a link");
  assert_int_equal(unlink(at("kv/app")), 0);
  make_link("kv/app", "none");
  refused("a folder of the secret is a link");
}

static void what_is_no_file_is_refused_at_once(void **state)
{
  struct sockaddr_un address = { .sun_family = AF_UNIX };
  int listener = socket(AF_UNIX, SOCK_STREAM, 0);

  (void)state;
  make_secret();
  assert_int_equal(mkfifo(at("kv/app/pipe"), 0600), 0);
  refused("is not a regular file");
  assert_int_equal(unlink(at("kv/app/pipe")), 0);
  snprintf(address.sun_path, sizeof(address.sun_path), "%s/kv/app/s", root);
  assert_int_equal(bind(listener, (struct sockaddr *)&address, sizeof(address)), 0);
  refused("is not a regular file");
  close(listener);
}

static void a_name_that_no_value_can_have_is_refused(void **state)
{
  (void)state;
  make_secret();
  make_file("kv/app/a\nb", "x");
  refused("has a name that no value can have");
  assert_int_equal(unlink(at("kv/app/a\nb")), 0);
  make_file("kv/app/\xff", "x");
  refused("has a name that no value can have");
}

/* ---- the root ---- */

static void the_root_is_an_absolute_path(void **state)
{
  connector_secrets out = CONNECTOR_SECRETS_INIT;

  (void)state;
  assert_answer(connector_secrets_directory(NULL, &out, &failure), CONNECTOR_INVALID, "root");
  assert_answer(connector_secrets_directory("", &out, &failure), CONNECTOR_INVALID, "root");
  assert_answer(connector_secrets_directory("tmp", &out, &failure), CONNECTOR_INVALID, "root");
  assert_answer(connector_secrets_directory("/tmp", NULL, &failure), CONNECTOR_INVALID, "out");
  out.size = 0;
  assert_answer(connector_secrets_directory("/tmp", &out, &failure), CONNECTOR_INVALID, "size");
  assert_null(out.user);
  assert_null(out.get);
}

static void it_can_only_read(void **state)
{
  (void)state;
  assert_non_null(resolver.get);
  assert_non_null(resolver.versions);
  assert_non_null(resolver.close);
  assert_null(resolver.put);
  assert_null(resolver.destroy);
  assert_null(resolver.remove);
  assert_null(resolver.restore);
  assert_null(resolver.invalidate);
}

static void the_root_may_be_a_link(void **state)
{
  (void)state;
  make_folder("real");
  make_folder("real/kv");
  make_folder("real/kv/app");
  make_file("real/kv/app/token", "t");
  make_link("link", "real");
  close_resolver();
  assert_ok(connector_secrets_directory(at("link"), &resolver, &failure));
  assert_int_equal(status_of("kv", "app"), CONNECTOR_OK);
}

static void without_its_root_it_is_not_to_be_had(void **state)
{
  (void)state;
  close_resolver();
  assert_ok(connector_secrets_directory(at("none"), &resolver, &failure));
  assert_int_equal(status_of("kv", "app"), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(failure.os_code, ENOENT);
  make_file("none", "");
  assert_int_equal(status_of("kv", "app"), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(failure.os_code, ENOTDIR);
}

static void errors_may_be_passed_over(void **state)
{
  connector_secret_request request = request_for("kv", "app");
  connector_secret *secret = new_secret();

  (void)state;
  assert_int_equal(resolver.get(resolver.user, &request, secret, NULL), CONNECTOR_SECRET_NOT_FOUND);
  make_secret();
  make_link("kv/app/link", "token");
  assert_int_equal(resolver.get(resolver.user, &request, secret, NULL), CONNECTOR_SECRET_DENIED);
  close_resolver();
  assert_int_equal(connector_secrets_directory(at("none"), &resolver, NULL), CONNECTOR_OK);
  assert_int_equal(resolver.get(resolver.user, &request, secret, NULL),
                   CONNECTOR_SECRET_UNAVAILABLE);
  connector_secret_free(secret);
}

/* ---- as another user ---- */

enum { SOMEBODY = 12345 };

static void become_somebody(void)
{
  child_expects(setegid(SOMEBODY) == 0 && seteuid(SOMEBODY) == 0);
}

/* Reads into nothing: a child can't open guarded memory. */
static void expect_as_somebody(void *wanted)
{
  struct told told = { 0 };
  connector_status status = CONNECTOR_OK;

  become_somebody();
  status = versions_of("kv", "app", &told);
  child_expects(status == *(const connector_status *)wanted);
  child_expects(status != CONNECTOR_SECRET_DENIED || failure.os_code != EACCES ||
                strstr(failure.message, "/tmp") == NULL);
}

static void as_somebody(connector_status wanted)
{
  in_child(expect_as_somebody, &wanted);
}

static void what_the_user_may_not_read_is_denied(void **state)
{
  (void)state;
  if (geteuid() != 0) {
    skip();
    return;
  }
  make_secret();
  as_somebody(CONNECTOR_SECRET_DENIED);
  assert_int_equal(chmod(root, 0755), 0);
  assert_int_equal(chmod(at("kv"), 0755), 0);
  assert_int_equal(chmod(at("kv/app"), 0755), 0);
  as_somebody(CONNECTOR_SECRET_DENIED);
  assert_int_equal(chown(at("kv/app/token"), SOMEBODY, SOMEBODY), 0);
  as_somebody(CONNECTOR_OK);
  assert_int_equal(chown(at("kv/app"), SOMEBODY + 1, SOMEBODY), 0);
  as_somebody(CONNECTOR_SECRET_DENIED);
}

#ifdef __linux__

#include <sys/xattr.h>

struct grant {
  uint8_t tag;
  uint8_t rights;
  uint32_t id;
};

enum { OWNER = 1, USER = 2, ITS_GROUP = 4, GROUP = 8, MASK = 16, OTHERS = 32 };

/* False where the file system keeps no access lists. */
static bool set_list(const char *name, const struct grant *grants, size_t count)
{
  uint8_t list[4 + 8 * 16] = { 2 };

  assert_true(count <= 16);
  for (size_t i = 0; i < count; i++) {
    uint8_t *entry = list + 4 + 8 * i;

    entry[0] = grants[i].tag;
    entry[2] = grants[i].rights;
    for (int byte = 0; byte < 4; byte++)
      entry[4 + byte] = (uint8_t)(grants[i].id >> (8 * byte));
  }
  return setxattr(at(name), "system.posix_acl_access", list, 4 + 8 * count, 0) == 0;
}

#define NOBODY UINT32_MAX

static void a_list_for_this_user_alone_is_as_good_as_a_mode(void **state)
{
  static const struct {
    struct grant grants[6];
    size_t count;
    bool good;
  } cases[] = {
    { { { OWNER, 4, NOBODY },
        { USER, 4, SOMEBODY },
        { ITS_GROUP, 0, NOBODY },
        { MASK, 4, NOBODY },
        { OTHERS, 0, NOBODY } },
      5,
      true },
    { { { OWNER, 4, NOBODY },
        { USER, 4, SOMEBODY },
        { ITS_GROUP, 4, NOBODY },
        { MASK, 4, NOBODY },
        { OTHERS, 0, NOBODY } },
      5,
      false },
    { { { OWNER, 4, NOBODY },
        { USER, 4, SOMEBODY },
        { ITS_GROUP, 0, NOBODY },
        { MASK, 4, NOBODY },
        { OTHERS, 4, NOBODY } },
      5,
      false },
    { { { OWNER, 4, NOBODY },
        { USER, 4, SOMEBODY },
        { USER, 4, SOMEBODY + 1 },
        { ITS_GROUP, 0, NOBODY },
        { MASK, 4, NOBODY },
        { OTHERS, 0, NOBODY } },
      6,
      false },
    { { { OWNER, 4, NOBODY },
        { USER, 4, SOMEBODY },
        { ITS_GROUP, 0, NOBODY },
        { GROUP, 4, 7 },
        { MASK, 4, NOBODY },
        { OTHERS, 0, NOBODY } },
      6,
      false },
  };

  (void)state;
  make_secret();
  assert_int_equal(chmod(root, 0755), 0);
  assert_int_equal(chmod(at("kv"), 0755), 0);
  assert_int_equal(chmod(at("kv/app"), 0755), 0);
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    if (geteuid() != 0 || !set_list("kv/app/token", cases[i].grants, cases[i].count)) {
      skip();
      return;
    }
    as_somebody(cases[i].good ? CONNECTOR_OK : CONNECTOR_SECRET_DENIED);
  }
}

#endif

/* ---- Kubernetes ---- */

#define OLD "..2026_01_01_00_00_00.1"
#define NEW "..2026_01_02_00_00_00.2"

/* The volume of the secret `kv/data/app`, as the kubelet makes it. */
static void make_volume(void)
{
  make_folder("kv");
  make_folder("kv/app");
  assert_int_equal(chmod(at("kv/app"), 01777), 0);
  make_folder("kv/app/" OLD);
  assert_int_equal(chmod(at("kv/app/" OLD), 0755), 0);
  make_file("kv/app/" OLD "/token", "t1");
  make_file("kv/app/" OLD "/user", "u1");
  make_link("kv/app/..data", OLD);
  make_link("kv/app/token", "..data/token");
  make_link("kv/app/user", "..data/user");
}

/* The next generation, made as `..data_tmp` and moved over. */
static void move_to(const char *generation)
{
  (void)unlink(at("kv/app/..data_tmp"));
  make_link("kv/app/..data_tmp", generation);
  assert_int_equal(rename(at("kv/app/..data_tmp"), at("kv/app/..data")), 0);
}

static void make_new_generation(void)
{
  make_folder("kv/app/" NEW);
  make_file("kv/app/" NEW "/token", "t2");
  make_file("kv/app/" NEW "/user", "u2");
}

static void a_mounts_links_are_followed(void **state)
{
  connector_secret *secret = NULL;
  struct told told = { 0 };

  (void)state;
  make_volume();
  secret = read_from("kv", "app");
  assert_int_equal(connector_secret_count(secret), 2);
  assert_value(secret, "token", "t1");
  assert_value(secret, "user", "u1");
  connector_secret_free(secret);
  assert_int_equal(versions_of("kv", "app", &told), CONNECTOR_OK);
  make_new_generation();
  move_to(NEW);
  secret = read_from("kv", "app");
  assert_value(secret, "token", "t2");
  assert_value(secret, "user", "u2");
  connector_secret_free(secret);
  assert_int_equal(status_of("kv", "app/" OLD), CONNECTOR_SECRET_NOT_FOUND);
  assert_int_equal(status_of("kv", "app/..data"), CONNECTOR_SECRET_NOT_FOUND);
}

static void a_folder_in_a_mount_is_passed_over(void **state)
{
  connector_secret *secret = NULL;

  (void)state;
  make_volume();
  make_folder("kv/app/" OLD "/below");
  make_link("kv/app/below", "..data/below");
  secret = read_from("kv", "app");
  assert_int_equal(connector_secret_count(secret), 2);
  connector_secret_free(secret);
}

static void other_links_in_a_mount_are_refused(void **state)
{
  static const char *const targets[] = {
    "..data/user",      "..data/../token", "../app/..data/token", "..data//token",
    "..data/token/",    "..data",          "./..data/token",      OLD "/token",
    "/kv/..data/token", "..data/",         "..data/tokens",
  };

  (void)state;
  make_volume();
  for (size_t i = 0; i < COUNT_OF(targets); i++) {
    assert_int_equal(unlink(at("kv/app/token")), 0);
    make_link("kv/app/token", targets[i]);
    refused("a file of the secret is a link");
  }
}

static void a_mounts_data_is_beside_it(void **state)
{
  static const char *const targets[] = {
    "..", ".", "/tmp", "../app/" OLD, OLD "/", "./" OLD, "other", "../other", "../..",
  };

  (void)state;
  make_volume();
  make_folder("kv/app/other");
  for (size_t i = 0; i < COUNT_OF(targets); i++) {
    move_to(targets[i]);
    refused("has a link ..data that leads elsewhere");
  }
}

static void a_mounts_generation_is_checked_as_any_folder(void **state)
{
  (void)state;
  make_volume();
  assert_int_equal(chmod(at("kv/app/" OLD), 0777), 0);
  refused("a folder of the secret can be changed");
  assert_int_equal(chmod(at("kv/app/" OLD), 0755), 0);
  make_link("kv/app/..link", OLD);
  move_to("..link");
  refused("a folder of the secret is a link");
  move_to(OLD);
  assert_int_equal(unlink(at("kv/app/" OLD "/token")), 0);
  make_link("kv/app/" OLD "/token", "user");
  refused("a file of the secret is not a regular file");
}

static void a_mounts_files_need_a_mode(void **state)
{
  (void)state;
  make_volume();
  assert_int_equal(chmod(at("kv/app/" OLD "/token"), 0644), 0);
  refused("set the defaultMode 0400");
}

static void a_mount_that_changes_is_not_to_be_had(void **state)
{
  (void)state;
  make_volume();
  make_folder("kv/app/" NEW);
  make_file("kv/app/" NEW "/token", "t2");
  move_to(NEW); /* the link to `user` is still there */
  assert_int_equal(status_of("kv", "app"), CONNECTOR_SECRET_UNAVAILABLE);
  make_file("kv/app/" NEW "/user", "u2");
  make_file("kv/app/" NEW "/more", "m2"); /* which no link leads to yet */
  assert_int_equal(status_of("kv", "app"), CONNECTOR_SECRET_UNAVAILABLE);
  make_link("kv/app/more", "..data/more");
  assert_int_equal(status_of("kv", "app"), CONNECTOR_OK);
  move_to("..gone");
  assert_int_equal(status_of("kv", "app"), CONNECTOR_SECRET_UNAVAILABLE);
  assert_int_equal(unlink(at("kv/app/..data")), 0);
  assert_int_equal(status_of("kv", "app"), CONNECTOR_SECRET_UNAVAILABLE);
}

static atomic_bool stop;

/* Has its own paths: at() is the main thread's. */
static void *swap_generations(void *unused)
{
  static const char *const generations[] = { OLD, NEW };
  char from[160];
  char to[160];

  snprintf(from, sizeof(from), "%s/kv/app/..data_tmp", root);
  snprintf(to, sizeof(to), "%s/kv/app/..data", root);
  for (int i = 0; !atomic_load(&stop); i++)
    if (symlink(generations[i % 2], from) != 0 || rename(from, to) != 0)
      return &stop; /* anything but NULL */
  return unused;
}

static void all_values_are_of_one_generation(void **state)
{
  pthread_t thread;
  void *failed = NULL;
  int got = 0;

  (void)state;
  make_volume();
  make_new_generation();
  atomic_store(&stop, false);
  assert_int_equal(pthread_create(&thread, NULL, swap_generations, NULL), 0);
  for (int i = 0; i < 1000; i++) {
    connector_secret_request request = request_for("kv", "app");
    connector_secret *secret = new_secret();
    connector_status status = resolver.get(resolver.user, &request, secret, &failure);

    if (status == CONNECTOR_OK) {
      connector_secret *old = secret_of("{\"token\":\"t1\",\"user\":\"u1\"}");
      connector_secret *new = secret_of("{\"token\":\"t2\",\"user\":\"u2\"}");

      assert_true(connector_secret_equal(secret, old) || connector_secret_equal(secret, new));
      connector_secret_free(old);
      connector_secret_free(new);
      got++;
    } else {
      assert_int_equal(status, CONNECTOR_SECRET_UNAVAILABLE);
    }
    connector_secret_free(secret);
  }
  atomic_store(&stop, true);
  assert_int_equal(pthread_join(thread, &failed), 0);
  assert_null(failed);
  assert_true(got > 0);
}

/* ---- what is left open ---- */

static int open_files(void)
{
  int count = 0;

  for (int file = 0; file < 256; file++)
    count += fcntl(file, F_GETFD) >= 0;
  return count;
}

static void no_file_is_left_open(void **state)
{
  int before = open_files();

  (void)state;
  make_volume();
  make_folder("kv/plain");
  make_file("kv/plain/a", "a");
  (void)status_of("kv", "app");
  (void)status_of("kv", "plain");
  (void)status_of("kv", "none");
  (void)status_of("kv", "plain/a/b");
  make_link("kv/plain/b", "a");
  (void)status_of("kv", "plain");
  assert_int_equal(chmod(at("kv/app/" OLD "/token"), 0644), 0);
  (void)status_of("kv", "app");
  assert_int_equal(chmod(at("kv/app/" OLD), 0777), 0);
  (void)status_of("kv", "app");
  assert_int_equal(chmod(root, 0777), 0);
  (void)status_of("kv", "app");
  assert_int_equal(open_files(), before);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    root_test(each_file_is_a_value),
    root_test(a_path_leads_through_folders),
    root_test(files_are_read_anew_with_every_call),
    root_test(folders_and_names_with_a_dot_are_passed_over),
    root_test(what_is_not_there_is_not_found),
    root_test(there_is_one_version),
    root_test(the_version_is_as_old_as_the_newest_file),
    root_test(times_before_1970_are_told_too),
    root_test(the_longest_value_is_read_and_no_longer_one),
    root_test(there_are_no_more_values_than_a_secret_holds),
    root_test(files_that_others_may_use_are_refused),
    root_test(folders_that_others_may_change_are_refused),
    root_test(other_users_files_and_folders_are_refused),
    root_test(links_are_refused),
    root_test(what_is_no_file_is_refused_at_once),
    root_test(a_name_that_no_value_can_have_is_refused),
    root_test(the_root_is_an_absolute_path),
    root_test(it_can_only_read),
    root_test(the_root_may_be_a_link),
    root_test(without_its_root_it_is_not_to_be_had),
    root_test(errors_may_be_passed_over),
    root_test(what_the_user_may_not_read_is_denied),
#ifdef __linux__
    root_test(a_list_for_this_user_alone_is_as_good_as_a_mode),
#endif
    root_test(a_mounts_links_are_followed),
    root_test(a_folder_in_a_mount_is_passed_over),
    root_test(other_links_in_a_mount_are_refused),
    root_test(a_mounts_data_is_beside_it),
    root_test(a_mounts_generation_is_checked_as_any_folder),
    root_test(a_mounts_files_need_a_mode),
    root_test(a_mount_that_changes_is_not_to_be_had),
    root_test(all_values_are_of_one_generation),
    root_test(no_file_is_left_open),
  };

  return cmocka_run_group_tests_name("directory", tests, NULL, NULL);
}
