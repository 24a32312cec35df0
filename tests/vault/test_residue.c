/*
 * No residue of tokens: a child that dies with a token or a value in use leaves none of it in its
 * core dump. Each token is made for the run, so that neither the program nor the parent holds it.
 * What libcurl holds in its own buffers is not promised, so its memory is left out of the dumps
 * here; a control shows that a search finds what is in plain memory.
 */
#ifndef _DEFAULT_SOURCE
#define _DEFAULT_SOURCE /* madvise, MAP_ANONYMOUS */
#endif
#include "canary.h"
#include "sanitizer.h"
#include "vault_support.h"

#include <curl/curl.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

enum { ARENA = 64 << 20 };

/* ---- libcurl's memory, left out of core dumps ---- */

static struct {
  pthread_mutex_t lock;
  char *bytes;
  size_t used;
} arena = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* Never used again: there is enough for one child. The length stands before each block. */
static void *curl_take(size_t size)
{
  size_t whole = (size + 31) / 16 * 16;
  char *block = NULL;

  pthread_mutex_lock(&arena.lock);
  if (whole <= ARENA - arena.used) {
    block = arena.bytes + arena.used + 16;
    memcpy(block - 16, &size, sizeof(size));
    arena.used += whole;
  }
  pthread_mutex_unlock(&arena.lock);
  return block;
}

static void curl_give(void *block)
{
  (void)block;
}

static void *curl_resize(void *block, size_t size)
{
  size_t old = 0;
  void *moved = curl_take(size);

  if (block == NULL || moved == NULL)
    return moved;
  memcpy(&old, (char *)block - 16, sizeof(old));
  return memcpy(moved, block, old < size ? old : size);
}

static char *curl_copy(const char *text)
{
  size_t size = strlen(text) + 1;
  char *copy = curl_take(size);

  return copy != NULL ? memcpy(copy, text, size) : NULL;
}

static void *curl_take_many(size_t count, size_t size)
{
  return curl_take(count * size); /* the mapping is empty */
}

static bool hide_curl(void)
{
  arena.bytes = mmap(NULL, ARENA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return arena.bytes != MAP_FAILED && madvise(arena.bytes, ARENA, MADV_DONTDUMP) == 0 &&
         curl_global_init_mem(CURL_GLOBAL_DEFAULT, curl_take, curl_give, curl_resize, curl_copy,
                              curl_take_many) == CURLE_OK;
}

/* ---- core dumps ---- */

static void end_with_core(void)
{
  struct rlimit limit = { RLIM_INFINITY, RLIM_INFINITY };

  if (setrlimit(RLIMIT_CORE, &limit) != 0 || chdir(test.folder) != 0)
    _exit(3);
  signal(SIGABRT, SIG_DFL);
  abort();
}

static size_t pieces_in_file(const char *path)
{
  int file = open(path, O_RDONLY);
  struct stat about;
  unsigned char *bytes = NULL;
  size_t found = 0;

  assert_true(file >= 0 && fstat(file, &about) == 0 && about.st_size > 0);
  bytes = mmap(NULL, (size_t)about.st_size, PROT_READ, MAP_PRIVATE, file, 0);
  assert_true(bytes != MAP_FAILED);
  found = pieces_in(bytes, (size_t)about.st_size);
  munmap(bytes, (size_t)about.st_size);
  close(file);
  return found;
}

/* The parent's server learns the value once the child is there, which so has no copy of it. */
static void store_canary(void)
{
  char token[CANARY + 1] = "";

  write_canary(token);
  store_values("t/canary", token);
}

/* How many pieces of the canary are in the core dump of a child that runs `body`; -1: no dump was
 * written. The child has a store of its own, and the server is the parent's. */
static long pieces_in_core(void (*body)(void))
{
  char path[600];
  char go = 0;
  int pipes[2];
  int status = 0;
  long found = -1;
  pid_t child = -1;

  assert_int_equal(pipe(pipes), 0);
  child = fork();
  if (child == 0) {
    connector_options options = test_options();

    if (read(pipes[0], &go, 1) != 1 || !hide_curl() ||
        connector_open(":memory:", &options, &test.store, &failure) != CONNECTOR_OK)
      _exit(4);
    body();
    end_with_core();
  }
  assert_true(child > 0);
  store_canary();
  assert_int_equal(write(pipes[1], &go, 1), 1);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFSIGNALED(status) || WTERMSIG(status) != SIGABRT)
    fail_msg("the child ended with %d", WEXITSTATUS(status));
  close(pipes[0]);
  close(pipes[1]);
  name_of_core(path);
  if (path[0] != '\0') {
    found = (long)pieces_in_file(path);
    unlink(path);
  }
  return found;
}

static void check_core(void (*body)(void), bool finds)
{
  long found = 0;

  if (UNDER_SANITIZER) {
    fprintf(stderr, "SKIPPED: a sanitizer forbids core dumps\n");
    skip();
  }
  if (!kernel_dumps_here()) {
    fprintf(stderr, "SKIPPED: the kernel writes no core dump into the working folder here\n");
    skip();
  }
  found = pieces_in_core(body);
  if (found < 0) {
    fprintf(stderr, "SKIPPED: no core dump was written\n");
    skip();
  }
  if (finds)
    assert_true(found > 0);
  else
    assert_int_equal(found, 0);
}

/* ---- what a child does ---- */

static volatile char *plain;

static void hold_plainly(void)
{
  plain = malloc(CANARY + 1);
  if (plain == NULL)
    _exit(5);
  write_canary(plain);
  plain[CANARY] = '\0';
}

static bool dies_in_log;

static void die_in_log(void *user, connector_log_level level, const char *message)
{
  (void)user;
  (void)level;
  (void)message;
  if (dies_in_log)
    end_with_core();
}

/* A client whose token is the canary. */
static void open_with_canary(void)
{
  static char token[CANARY + 1];
  connector_vault_options options = vault_options();

  write_canary(token);
  options.token = token;
  options.log = die_in_log;
  vault.secrets = (connector_secrets)CONNECTOR_SECRETS_INIT;
  if (connector_secrets_vault(&options, &vault.secrets, &failure) != CONNECTOR_OK)
    _exit(6);
  wipe(token, sizeof(token));
}

static void token_held(void)
{
  open_with_canary();
}

/* Refused: the stand-in does not know it. */
static void token_sent(void)
{
  open_with_canary();
  if (get(REQUEST(.path = "t/a"), NULL) != CONNECTOR_SECRET_DENIED)
    _exit(7);
}

/* Between two tries of one call. */
static void token_in_a_call(void)
{
  dies_in_log = true;
  open_with_canary();
  (void)get(REQUEST(.path = "t/a"), NULL);
  _exit(9);
}

static void value_cached(void)
{
  connector_vault_options options = vault_options();
  connector_secret *secret = new_secret();

  options.cache_ttl_ms = 60000;
  options.log = NULL;
  vault.secrets = (connector_secrets)CONNECTOR_SECRETS_INIT;
  if (connector_secrets_vault(&options, &vault.secrets, &failure) != CONNECTOR_OK ||
      get(REQUEST(.path = "t/canary"), secret) != CONNECTOR_OK ||
      get(REQUEST(.path = "t/canary"), secret) != CONNECTOR_OK)
    _exit(10);
}

/* ---- tests ---- */

/* No client in the parent: it would begin libcurl with an allocator of its own. */
static int setup_residue(void **state)
{
  new_canary();
  vault.secrets = (connector_secrets)CONNECTOR_SECRETS_INIT;
  vault.server = NULL;
  if (setup_memory(state) == 0)
    vault.server = stand_in_start(NULL);
  return vault.server != NULL ? 0 : -1;
}

#define residue_test(name) cmocka_unit_test_setup_teardown(name, setup_residue, teardown_vault)

static void the_search_finds_what_is_in_plain_memory(void **state)
{
  (void)state;
  check_core(hold_plainly, true);
}

static void a_token_that_is_held_is_in_no_core_dump(void **state)
{
  (void)state;
  check_core(token_held, false);
}

static void a_token_that_was_sent_is_in_no_core_dump(void **state)
{
  (void)state;
  check_core(token_sent, false);
}

static void a_token_in_the_midst_of_a_call_is_in_no_core_dump(void **state)
{
  (void)state;
  FAULT(.kind = FAULT_STATUS, .status = 500);
  check_core(token_in_a_call, false);
}

static void a_cached_value_is_in_no_core_dump(void **state)
{
  (void)state;
  check_core(value_cached, false);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    residue_test(the_search_finds_what_is_in_plain_memory),
    residue_test(a_token_that_is_held_is_in_no_core_dump),
    residue_test(a_token_that_was_sent_is_in_no_core_dump),
    residue_test(a_token_in_the_midst_of_a_call_is_in_no_core_dump),
    residue_test(a_cached_value_is_in_no_core_dump),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
