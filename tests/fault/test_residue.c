/*
 * No residue of secrets: canary values are set, used and freed; then, and while they are held, they
 * are searched for in the process's own memory and in core dumps. Each search has a control, the
 * same with plain memory, which must find them. Then the same for what is sealed in a file, and in
 * that file, its log, its backup and the host's log.
 *
 * The kernel's /proc/self/mem reads closed pages too, as a debugger does; a value that is held is
 * not even there, for it is encrypted.
 */
#include "canary.h"
#include "fault_support.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS 0x20
#endif

/* ---- searching ---- */

enum { CHUNK = 1 << 16 };

/* Where a search reads to, with room before it for what a chunk's end may have begun. */
static unsigned char *window;

/* How many pieces a file holds from one offset to another; stops where it can't be read. */
static size_t pieces_between(int file, off_t from, off_t to)
{
  size_t found = 0;
  size_t kept = 0;

  while (from < to) {
    size_t want = to - from < CHUNK ? (size_t)(to - from) : CHUNK;
    ssize_t got = pread(file, window + kept, want, from);

    if (got <= 0)
      break;
    found += pieces_in(window, kept + (size_t)got);
    from += got;
    kept += (size_t)got;
    if (kept >= PIECE) {
      memmove(window, window + kept - (PIECE - 1), PIECE - 1);
      kept = PIECE - 1;
    }
  }
  return found;
}

/* How many pieces the process's memory holds: in the mappings that it can read, or in all. */
static size_t pieces_in_memory(bool closed_too)
{
  FILE *maps = fopen("/proc/self/maps", "r");
  int mem = open("/proc/self/mem", O_RDONLY);
  char line[512];
  size_t found = 0;

  assert_non_null(maps);
  assert_true(mem >= 0);
  while (fgets(line, sizeof(line), maps) != NULL) {
    unsigned long from = 0;
    unsigned long to = 0;
    char rights[5] = "";

    if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) != 3 || strstr(line, "[v") != NULL)
      continue;
    if (from <= (unsigned long)window && (unsigned long)window < to)
      continue;
    if (closed_too || rights[0] == 'r')
      found += pieces_between(mem, (off_t)from, (off_t)to);
  }
  close(mem);
  fclose(maps);
  return found;
}

/* ---- what holds it ---- */

static connector_secret *secret;
static volatile char *plain;

static connector_status look(void *user, const void *bytes, size_t length, connector_error *error)
{
  size_t *lengths = user;

  (void)error;
  *lengths += length;
  return ((const volatile char *)bytes)[length - 1] != 0 ? CONNECTOR_OK : CONNECTOR_INTERNAL;
}

/* Bytes with the canary in them, in the caller's hands. */
static connector_status set_text(char *text)
{
  return connector_secret_set(secret, "text", text, CANARY, &failure);
}

/* A few bytes at a time, by a loop that the compiler can't make a memcpy() of. */
static void append(char *text, size_t *length, const volatile char *bytes, size_t count)
{
  volatile char *to = text + *length;

  for (size_t i = 0; i < count; i++)
    to[i] = bytes[i];
  *length += count;
}

/* With an escape, so that the decoder has something to decode. */
static connector_status set_json(char *text)
{
  char json[CANARY + 32];
  size_t length = 0;
  connector_status status = CONNECTOR_OK;

  append(json, &length, "{\"json\":\"", 9);
  append(json, &length, text, CANARY);
  append(json, &length, "\\n\",\"n\":1}", 10);
  status = connector_secret_set_json(secret, json, length, &failure);
  wipe(json, sizeof(json));
  return status;
}

enum { LONG = 20 * CANARY };

/* One of several blocks of the cipher, which then takes wider registers. */
static connector_status set_long(void)
{
  char text[LONG];
  connector_status status = CONNECTOR_OK;

  for (size_t at = 0; at < LONG; at += CANARY)
    write_canary(text + at);
  status = connector_secret_set(secret, "long", text, LONG, &failure);
  wipe(text, sizeof(text));
  return status;
}

static connector_status use_all(void)
{
  static const char *const names[] = { "text", "json", "long" };
  size_t lengths = 0;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < sizeof(names) / sizeof(names[0]); i++)
    status = connector_secret_use(secret, names[i], look, &lengths, &failure);
  if (status == CONNECTOR_OK)
    status = connector_secret_use_json(secret, look, &lengths, &failure);
  return status == CONNECTOR_OK && lengths <= 2 * (2 * CANARY + LONG) ? CONNECTOR_INTERNAL : status;
}

/* Sets the canary in each way that there is, and uses it. */
static connector_status hold_secret(void)
{
  char text[CANARY];
  connector_status status = connector_secret_new(test.store, &secret, &failure);

  if (status != CONNECTOR_OK)
    return status;
  write_canary(text);
  status = set_text(text);
  if (status == CONNECTOR_OK)
    status = set_text(text); /* the first one is replaced */
  if (status == CONNECTOR_OK)
    status = set_json(text);
  wipe(text, sizeof(text));
  if (status == CONNECTOR_OK)
    status = set_long();
  return status == CONNECTOR_OK ? use_all() : status;
}

static void free_secret(void)
{
  connector_secret_free(secret);
  secret = NULL;
}

static connector_status hold_plain(void)
{
  plain = malloc(CANARY);
  if (plain == NULL)
    return CONNECTOR_NO_MEMORY;
  write_canary(plain);
  return CONNECTOR_OK;
}

/* ---- in memory ---- */

static int setup_residue(void **state)
{
  window = mmap(NULL, 2 * CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (window == MAP_FAILED)
    return -1;
  new_canary();
  return setup_memory(state);
}

static int teardown_residue(void **state)
{
  int result = teardown(state);

  free_secret();
  munmap(window, 2 * CHUNK);
  return result;
}

static bool can_search(void)
{
  if (UNDER_SANITIZER)
    skip_loudly("a sanitizer's own memory is too large to search, and it forbids core dumps");
  return !UNDER_SANITIZER;
}

static void the_search_finds_plain_memory_held_and_freed(void **state)
{
  (void)state;
  if (!can_search())
    return;
  assert_int_equal(pieces_in_memory(true), 0);
  assert_int_equal(hold_plain(), CONNECTOR_OK);
  assert_int_equal(pieces_in_memory(false), CANARY / PIECE);
  free((void *)(uintptr_t)plain);
  assert_true(pieces_in_memory(false) > 0);
}

/* malloc() may hand the freed block out again. */
static int teardown_plain(void **state)
{
  char *block = malloc(CANARY);

  if (block != NULL)
    wipe(block, CANARY);
  free(block);
  return teardown_residue(state);
}

static void a_held_value_is_in_no_memory_at_all(void **state)
{
  (void)state;
  if (!can_search())
    return;
  assert_ok(hold_secret());
  assert_int_equal(pieces_in_memory(true), 0);
}

static void a_freed_value_is_in_no_memory_at_all(void **state)
{
  (void)state;
  if (!can_search())
    return;
  assert_ok(hold_secret());
  free_secret();
  assert_int_equal(pieces_in_memory(true), 0);
  close_store();
  assert_int_equal(pieces_in_memory(true), 0);
}

/* ---- in core dumps ---- */

static void end_with_core(void)
{
  struct rlimit limit = { 0, 0 };

  child_expects(getrlimit(RLIMIT_CORE, &limit) == 0);
  limit.rlim_cur = limit.rlim_max;
  child_expects(setrlimit(RLIMIT_CORE, &limit) == 0);
  child_expects(chdir(test.folder) == 0);
  signal(SIGABRT, SIG_DFL);
  raise(SIGABRT);
}

/* How many pieces of the canary are in the core dump of a child that runs `body`; -1 where the
 * kernel wrote none. The child opens a store of its own: the parent's secrets do not pass to it. */
static long pieces_in_core(void (*body)(void))
{
  char path[600];
  int status = 0;
  int core = -1;
  long found = -1;
  pid_t child = fork();

  if (child == 0) {
    connector_options options = test_options();

    child_expects(connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK);
    body();
    end_with_core();
    _exit(2);
  }
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGABRT);
  name_of_core(path);
  if (path[0] == '\0')
    return -1;
  core = open(path, O_RDONLY);
  assert_true(core >= 0);
  found = (long)pieces_between(core, 0, (off_t)file_size(path));
  close(core);
  unlink(path);
  return found;
}

static void nothing_held(void) {}

static void plain_held(void)
{
  child_expects(hold_plain() == CONNECTOR_OK);
}

/* Closed pages alone keep nothing out of a core dump. */
static void closed_held(void)
{
  volatile char *pages = mmap(NULL, CHUNK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
                              0);

  child_expects(pages != MAP_FAILED);
  write_canary(pages);
  child_expects(mprotect((void *)(uintptr_t)pages, CHUNK, PROT_NONE) == 0);
}

static void secret_held(void)
{
  child_expects(hold_secret() == CONNECTOR_OK);
}

static connector_status end_inside(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  (void)user;
  (void)bytes;
  (void)length;
  (void)error;
  end_with_core();
  return CONNECTOR_OK;
}

static void secret_in_use(void)
{
  child_expects(hold_secret() == CONNECTOR_OK);
  child_expects(connector_secret_use(secret, "text", end_inside, NULL, &failure) == CONNECTOR_OK);
}

static void long_in_use(void)
{
  child_expects(hold_secret() == CONNECTOR_OK);
  child_expects(connector_secret_use(secret, "long", end_inside, NULL, &failure) == CONNECTOR_OK);
}

static void json_in_use(void)
{
  child_expects(hold_secret() == CONNECTOR_OK);
  child_expects(connector_secret_use_json(secret, end_inside, NULL, &failure) == CONNECTOR_OK);
}

static void secret_freed(void)
{
  child_expects(hold_secret() == CONNECTOR_OK);
  free_secret();
}

static bool can_dump(void)
{
  if (!can_search())
    return false;
  if (kernel_dumps_here() && pieces_in_core(nothing_held) == 0)
    return true;
  skip_loudly("this system writes no core dump into the working folder");
  return false;
}

static void a_core_dump_holds_plain_memory(void **state)
{
  (void)state;
  if (!can_dump())
    return;
  assert_int_equal(pieces_in_core(plain_held), CANARY / PIECE);
  assert_int_equal(pieces_in_core(closed_held), CANARY / PIECE);
}

static void a_core_dump_holds_no_secret(void **state)
{
  (void)state;
  if (!can_dump())
    return;
  assert_int_equal(pieces_in_core(secret_held), 0);
  assert_int_equal(pieces_in_core(secret_in_use), 0);
  assert_int_equal(pieces_in_core(long_in_use), 0);
  assert_int_equal(pieces_in_core(json_in_use), 0);
  assert_int_equal(pieces_in_core(secret_freed), 0);
}

/* ---- sealed in a file ---- */

static char logged[4096];

static void keep_log(void *user, connector_log_level level, const char *message)
{
  size_t length = strlen(logged);

  (void)user;
  (void)level;
  snprintf(logged + length, sizeof(logged) - length, "%s\n", message);
}

static bool open_sealed(const char *path)
{
  static const unsigned char key[CONNECTOR_ROOT_KEY_BYTES] = "a root key for the search";
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets resolver = CONNECTOR_SECRETS_INIT;
  connector_options options = test_options();

  sealed.root_key = key;
  options.secrets = &resolver;
  options.log = keep_log;
  return connector_secrets_sealed(&sealed, &resolver, &failure) == CONNECTOR_OK &&
         connector_open(path, &options, &test.store, &failure) == CONNECTOR_OK;
}

/* Puts the canary, twice, and frees what was put. */
static connector_status put_secret(char id[ID_SIZE])
{
  connector *record = NULL;
  connector_status status = connector_create(test.store, PATCH(.name = "sealed"), &record,
                                             &failure);

  if (status == CONNECTOR_OK) {
    snprintf(id, ID_SIZE, "%s", record->id);
    status = hold_secret();
  }
  for (int i = 0; status == CONNECTOR_OK && i < 2; i++)
    status = connector_secret_put(test.store, id, secret, -1, NULL, &failure);
  connector_free(record);
  free_secret();
  return status;
}

static connector_status get_secret(const char *id)
{
  return connector_secret_get(test.store, id, 0, &secret, &failure);
}

static size_t pieces_in_file(const char *path)
{
  int file = open(path, O_RDONLY);
  size_t found = 0;

  if (file < 0)
    return 0;
  found = pieces_between(file, 0, (off_t)file_size(path));
  close(file);
  return found;
}

/* The file, its log and the memory that they share, and a backup. */
static size_t pieces_in_files(void)
{
  static const char *const names[] = { "sealed.db", "sealed.db-wal", "sealed.db-shm", "copy.db" };
  char path[600];
  size_t found = 0;

  for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
    found += pieces_in_file(beside(path, names[i]));
  return found;
}

static void a_sealed_value_is_in_no_memory_file_log_or_backup(void **state)
{
  char path[600];
  char id[ID_SIZE];
  (void)state;
  if (!can_search())
    return;
  close_store();
  assert_true(open_sealed(beside(path, "sealed.db")));
  assert_int_equal(put_secret(id), CONNECTOR_OK);
  assert_int_equal(pieces_in_memory(true), 0);
  assert_ok(get_secret(id));
  assert_int_equal(pieces_in_memory(true), 0);
  assert_ok(use_all());
  assert_int_equal(pieces_in_memory(true), 0);
  assert_ok(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure));
  assert_int_equal(pieces_in_files(), 0);
  assert_ok(connector_secret_destroy(test.store, id, 0, &failure));
  assert_status(connector_secret_get(test.store, id, 0, &secret, &failure),
                CONNECTOR_SECRET_NOT_FOUND);
  close_store();
  assert_int_equal(pieces_in_files(), 0);
  assert_int_equal(pieces_in((const unsigned char *)logged, strlen(logged)), 0);
}

/* The control: a field of a record is in the file, its log and its backup. */
static void a_field_is_in_file_log_and_backup(void **state)
{
  char name[CANARY + 1] = "";
  char path[600];
  (void)state;
  if (!can_search())
    return;
  close_store();
  assert_true(open_sealed(beside(path, "sealed.db")));
  write_canary(name);
  assert_ok(connector_create(test.store, PATCH(.name = name), NULL, &failure));
  assert_true(pieces_in_file(beside(path, "sealed.db-wal")) >= CANARY / PIECE);
  assert_ok(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure));
  assert_true(pieces_in_file(beside(path, "copy.db")) >= CANARY / PIECE);
  close_store();
  assert_true(pieces_in_file(beside(path, "sealed.db")) >= CANARY / PIECE);
  wipe(name, sizeof(name));
}

static void sealed_put(void)
{
  char id[ID_SIZE];

  connector_close(test.store);
  child_expects(open_sealed(":memory:"));
  child_expects(put_secret(id) == CONNECTOR_OK);
}

static void sealed_get(void)
{
  char id[ID_SIZE];

  connector_close(test.store);
  child_expects(open_sealed(":memory:"));
  child_expects(put_secret(id) == CONNECTOR_OK);
  child_expects(get_secret(id) == CONNECTOR_OK);
}

static void a_core_dump_holds_no_sealed_value(void **state)
{
  (void)state;
  if (!can_dump())
    return;
  assert_int_equal(pieces_in_core(sealed_put), 0);
  assert_int_equal(pieces_in_core(sealed_get), 0);
}

/* ---- in a child of fork() ---- */

static void find_nothing(void)
{
  child_expects(pieces_in_memory(true) == 0);
}

static void find_plain(void)
{
  child_expects(pieces_in_memory(true) == CANARY / PIECE);
}

static void a_child_of_fork_has_plain_memory_but_no_value(void **state)
{
  (void)state;
  if (!can_search())
    return;
  assert_ok(hold_secret());
  in_child(find_nothing);
  assert_int_equal(hold_plain(), CONNECTOR_OK);
  in_child(find_plain);
  wipe(plain, CANARY);
  free((void *)(uintptr_t)plain);
}

#define residue_test(name) cmocka_unit_test_setup_teardown(name, setup_residue, teardown_residue)

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test_setup_teardown(the_search_finds_plain_memory_held_and_freed, setup_residue,
                                    teardown_plain),
    residue_test(a_held_value_is_in_no_memory_at_all),
    residue_test(a_freed_value_is_in_no_memory_at_all),
    residue_test(a_core_dump_holds_plain_memory),
    residue_test(a_core_dump_holds_no_secret),
    residue_test(a_sealed_value_is_in_no_memory_file_log_or_backup),
    residue_test(a_field_is_in_file_log_and_backup),
    residue_test(a_core_dump_holds_no_sealed_value),
    residue_test(a_child_of_fork_has_plain_memory_but_no_value),
  };

  return cmocka_run_group_tests_name("residue", tests, NULL, NULL);
}
