/*
 * What every API test needs: a folder of its own, a store whose caller can be changed for each
 * thread, and assertions that print the error. One program is one file, so the state is static.
 */
#ifndef TESTS_SUPPORT_H
#define TESTS_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <dirent.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <cmocka.h>
#include <connector.h>

enum { ID_SIZE = 64 };

/* The folder, the file and the store of the running test. */
static struct {
  char folder[256];
  char path[300];
  connector_store *store;
} test;

/* Who is asking on this thread, and what the last call on it said. */
static _Thread_local connector_caller current;
static _Thread_local connector_error failure;

/* The time of a store whose clock is test_clock(). */
static _Atomic int64_t test_time = 1700000000000;

#define PATCH(...) (&(connector_patch){ .size = sizeof(connector_patch), __VA_ARGS__ })
#define QUERY(...) (&(connector_query){ .size = sizeof(connector_query), __VA_ARGS__ })
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* ---- assertions ---- */

/* The status is the one wanted, and the error says the same: empty after success, one sentence
 * after a failure. */
static inline void check_status(connector_status got, connector_status wanted, const char *field,
                                const char *call, const char *file, int line)
{
  size_t length = strnlen(failure.message, sizeof(failure.message));
  bool right = got == wanted && failure.status == got;
  if (got == CONNECTOR_OK)
    right = right && length == 0 && failure.field[0] == '\0' && failure.version == 0 &&
            failure.os_code == 0;
  else
    right = right && length > 0 && length < sizeof(failure.message) &&
            failure.message[length - 1] != '.';
  if (right && field != NULL)
    right = strcmp(failure.field, field) == 0;
  if (right)
    return;
  print_error("%s\n    gave   %s; its error: %s, field \"%.63s\", message \"%.255s\", os_code %d\n",
              call, connector_status_name(got), connector_status_name(failure.status),
              failure.field, failure.message, failure.os_code);
  print_error("    wanted %s%s%s\n", connector_status_name(wanted), field ? " for field " : "",
              field ? field : "");
  _fail(file, line);
}

/* `call` uses &failure as its error; what stood there before is overwritten first. */
#define assert_answer(call, wanted, field)                                                         \
  do {                                                                                             \
    memset(&failure, 0x5a, sizeof(failure));                                                       \
    connector_status assert_got = (call);                                                          \
    check_status(assert_got, (wanted), (field), #call, __FILE__, __LINE__);                        \
  } while (0)
#define assert_status(call, wanted) assert_answer(call, wanted, NULL)
#define assert_ok(call) assert_answer(call, CONNECTOR_OK, NULL)
#define assert_invalid(call, field) assert_answer(call, CONNECTOR_INVALID, field)
#define assert_not_found(call) assert_answer(call, CONNECTOR_NOT_FOUND, NULL)

static inline void check_text(const char *got, const char *wanted, const char *file, int line)
{
  if (got == wanted || (got != NULL && wanted != NULL && strcmp(got, wanted) == 0))
    return;
  print_error("got \"%s\", wanted \"%s\"\n", got ? got : "(null)", wanted ? wanted : "(null)");
  _fail(file, line);
}

/* Both texts are the same; NULL is the same as NULL only. */
#define assert_text(got, wanted) check_text((got), (wanted), __FILE__, __LINE__)

static inline void check_contains(const char *text, const char *part, bool wanted, const char *file,
                                  int line)
{
  if (text != NULL && (strstr(text, part) != NULL) == wanted)
    return;
  print_error("\"%s\" %s \"%s\"\n", text ? text : "(null)", wanted ? "lacks" : "has", part);
  _fail(file, line);
}

#define assert_contains(text, part) check_contains((text), (part), true, __FILE__, __LINE__)
#define assert_lacks(text, part) check_contains((text), (part), false, __FILE__, __LINE__)

/* What a run has measured, in a line that docs/quality.md is made from: equal lines of a program
 * are added up, number by number. */
#define print_figure(...)                                                                          \
  do {                                                                                             \
    print_message("figure: " __VA_ARGS__);                                                         \
    print_message("\n");                                                                           \
  } while (0)

/* ---- files ---- */

static inline void remove_folder(const char *folder)
{
  DIR *listing = opendir(folder);
  if (listing == NULL)
    return;
  for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing)) {
    char path[600];
    struct stat about;
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
      continue;
    if (snprintf(path, sizeof(path), "%s/%s", folder, entry->d_name) >= (int)sizeof(path))
      continue;
    if (lstat(path, &about) == 0 && S_ISDIR(about.st_mode))
      remove_folder(path);
    else
      unlink(path);
  }
  closedir(listing);
  rmdir(folder);
}

static inline bool file_exists(const char *path)
{
  struct stat about;
  return stat(path, &about) == 0;
}

static inline int64_t file_size(const char *path)
{
  struct stat about;
  return stat(path, &about) == 0 ? (int64_t)about.st_size : 0;
}

/* A file's bytes with a NUL behind them, to be freed. */
static inline char *read_file(const char *path, size_t *length)
{
  FILE *file = fopen(path, "rb");
  if (file == NULL)
    fail_msg("can't read %s", path);
  size_t capacity = (size_t)file_size(path);
  char *bytes = malloc(capacity + 1);
  assert_non_null(bytes);
  *length = fread(bytes, 1, capacity, file);
  bytes[*length] = '\0';
  fclose(file);
  return bytes;
}

static inline void write_file(const char *path, const char *bytes, size_t length)
{
  FILE *file = fopen(path, "wb");
  if (file == NULL)
    fail_msg("can't write %s", path);
  assert_int_equal(fwrite(bytes, 1, length, file), length);
  assert_int_equal(fclose(file), 0);
}

/* A path in the test's folder, in the caller's memory. */
static inline const char *beside(char path[600], const char *name)
{
  snprintf(path, 600, "%s/%s", test.folder, name);
  return path;
}

/* Data that several parts of the project share; NULL where there is none. */
static inline const char *shared_data(char path[600], const char *name)
{
  const char *root = getenv("CONNECTOR_SHARED");
  snprintf(path, 600, "%s/data/%s", root != NULL ? root : "../shared", name);
  return file_exists(path) ? path : NULL;
}

/* ---- callers and stores ---- */

static inline connector_status current_caller(void *user, connector_caller *caller,
                                              connector_error *error)
{
  (void)user;
  (void)error;
  *caller = current;
  return CONNECTOR_OK;
}

static inline int64_t test_clock(void *user)
{
  (void)user;
  return test_time;
}

/* From here on this thread's calls are this caller's: no app, no groups. */
static inline void become(const char *tenant, const char *user, connector_role role)
{
  current = (connector_caller)CONNECTOR_CALLER_INIT;
  current.tenant_id = tenant;
  current.user_id = user;
  current.person_id = "person-1";
  current.role = role;
}

/* Options of a store that asks `current`, quick rather than safe from power loss. */
static inline connector_options test_options(void)
{
  connector_options options = CONNECTOR_OPTIONS_INIT;
  options.caller = current_caller;
  options.durability = CONNECTOR_DURABILITY_NORMAL;
  return options;
}

static inline void close_store(void)
{
  connector_close(test.store);
  test.store = NULL;
}

/* Closes what is open and opens test.path. */
static inline void open_store(const connector_options *options)
{
  close_store();
  assert_ok(connector_open(test.path, options, &test.store, &failure));
}

static inline int setup_folder(void **state)
{
  (void)state;
  const char *root = getenv("TMPDIR");
  memset(&test, 0, sizeof(test));
  snprintf(test.folder, sizeof(test.folder), "%s/connector-test-XXXXXX",
           root != NULL && strlen(root) < 200 ? root : "/tmp");
  if (mkdtemp(test.folder) == NULL)
    return -1;
  snprintf(test.path, sizeof(test.path), "%s/registry.db", test.folder);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  test_time = 1700000000000;
  return 0;
}

static inline int setup(void **state)
{
  connector_options options = test_options();
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(test.path, &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

static inline int setup_memory(void **state)
{
  connector_options options = test_options();
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

/* A store in memory that asks test_clock(). */
static inline int setup_clock(void **state)
{
  connector_options options = test_options();
  options.clock = test_clock;
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

static inline int teardown(void **state)
{
  (void)state;
  close_store();
  chmod(test.folder, 0700);
  remove_folder(test.folder);
  return 0;
}

#define folder_test(name) cmocka_unit_test_setup_teardown(name, setup_folder, teardown)
#define store_test(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
#define memory_test(name) cmocka_unit_test_setup_teardown(name, setup_memory, teardown)
#define clock_test(name) cmocka_unit_test_setup_teardown(name, setup_clock, teardown)

/* ---- records ---- */

/* A new record, to be freed. */
static inline connector *make(const connector_patch *patch)
{
  connector *record = NULL;
  assert_ok(connector_create(test.store, patch, &record, &failure));
  assert_non_null(record);
  return record;
}

/* A new record's id. */
static inline void make_id(const connector_patch *patch, char id[ID_SIZE])
{
  connector *record = make(patch);
  assert_true(strlen(record->id) < ID_SIZE);
  strncpy(id, record->id, ID_SIZE - 1);
  id[ID_SIZE - 1] = '\0';
  connector_free(record);
}

/* A record as it stands, deleted or not, to be freed. */
static inline connector *fetch(const char *id)
{
  connector *record = NULL;
  assert_ok(connector_get(test.store, id, CONNECTOR_WITH_DELETED, &record, &failure));
  return record;
}

static inline int64_t count_of(const connector_query *query)
{
  int64_t count = -1;
  assert_ok(connector_count(test.store, query, &count, &failure));
  return count;
}

static inline connector_page *list_of(const connector_query *query)
{
  connector_page *page = NULL;
  assert_ok(connector_list(test.store, query, &page, &failure));
  assert_non_null(page);
  return page;
}

/* The same number in every run for the same seed (xorshift64*). */
static inline uint64_t random_next(uint64_t *seed)
{
  *seed ^= *seed >> 12;
  *seed ^= *seed << 25;
  *seed ^= *seed >> 27;
  return *seed * UINT64_C(2685821657736338717);
}

static inline size_t random_below(uint64_t *seed, size_t limit)
{
  return (size_t)((random_next(seed) >> 11) % limit);
}

#endif
