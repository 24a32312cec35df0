/*
 * What the tests of lib/secret share: whether memory can be reached, memory and secrets to work on,
 * and children.
 */
#ifndef TESTS_SECRET_SUPPORT_H
#define TESTS_SECRET_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "secret/secret.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

static connector_error failure;

#define assert_ok(call) assert_answer((call), CONNECTOR_OK, "")

/* `call` uses &failure as its error, which must say the same. */
#define assert_answer(call, wanted, wanted_field)                                                  \
  do {                                                                                             \
    memset(&failure, 0x5a, sizeof(failure));                                                       \
    connector_status assert_got = (call);                                                          \
    if (assert_got == CONNECTOR_OK && failure.status != CONNECTOR_OK)                              \
      failure = (connector_error){                                                                 \
        .status = CONNECTOR_OK                                                                     \
      }; /* internal calls need not clear it */                                                    \
    if (assert_got != (wanted) || failure.status != assert_got ||                                  \
        strcmp(failure.field, (wanted_field)) != 0)                                                \
      fail_msg("%s gave %s, field \"%.63s\", message \"%.255s\"", #call,                           \
               connector_status_name(assert_got), failure.field, failure.message);                 \
  } while (0)

/* ---- reaching memory, without ending the process where it can't be ---- */

#ifdef __linux__
/* Whether the kernel's list of mappings gives a right, `r` or `w`, to the byte. */
static inline bool mapped_with(const void *at, char right)
{
  FILE *maps = fopen("/proc/self/maps", "r");
  uintptr_t address = (uintptr_t)at;
  char line[512];
  bool found = false;

  assert_non_null(maps);
  while (fgets(line, sizeof(line), maps) != NULL) {
    unsigned long from = 0;
    unsigned long to = 0;
    char rights[5] = "";

    if (sscanf(line, "%lx-%lx %4s", &from, &to, rights) == 3 && from <= address && address < to)
      found = strchr(rights, right) != NULL;
  }
  fclose(maps);
  return found;
}

static inline bool readable(const void *at)
{
  return mapped_with(at, 'r');
}

static inline bool writable(void *at)
{
  return mapped_with(at, 'w');
}
#else
/* The kernel answers EFAULT. */
static inline bool passes_pipe(const void *from, void *to)
{
  int ends[2];
  ssize_t passed = 0;

  assert_int_equal(pipe(ends), 0);
  passed = write(ends[1], from, 1);
  if (passed == 1)
    passed = read(ends[0], to, 1);
  assert_true(passed == 1 || errno == EFAULT);
  close(ends[0]);
  close(ends[1]);
  return passed == 1;
}

static inline bool readable(const void *at)
{
  char byte = 0;

  return passes_pipe(at, &byte);
}

static inline bool writable(void *at)
{
  return passes_pipe(at, at);
}
#endif

/* ---- children ---- */

#define child_expects(condition)                                                                   \
  do {                                                                                             \
    if (!(condition)) {                                                                            \
      fprintf(stderr, "in the child: %s (errno %d)\n", #condition, errno);                         \
      _exit(1);                                                                                    \
    }                                                                                              \
  } while (0)

enum { CHILD_SKIPS = 77 };

/* Runs `body` in a child of fork(), and passes where it comes back or ends with CHILD_SKIPS, which
 * is handed out. */
static inline int run_child(void (*body)(void *), void *user)
{
  int status = 0;
  pid_t child = fork();

  if (child == 0) {
    body(user);
    _exit(0);
  }
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (!WIFEXITED(status) || (WEXITSTATUS(status) != 0 && WEXITSTATUS(status) != CHILD_SKIPS))
    fail_msg("the child ended with %d", status);
  return WEXITSTATUS(status);
}

static inline void in_child(void (*body)(void *), void *user)
{
  assert_int_equal(run_child(body, user), 0);
}

/* Lets no more than these bytes be locked, in a child; which ends here where mlock() does not heed
 * it, as with a sanitizer, which answers mlock() itself. */
static inline void limit_locking(size_t bytes)
{
  static char block[1 << 18];
  const struct rlimit limit = { bytes, bytes };

  child_expects(setrlimit(RLIMIT_MEMLOCK, &limit) == 0);
  if (geteuid() == 0)
    child_expects(setuid(65534) == 0);
  if (mlock(block, bytes < sizeof(block) ? sizeof(block) : 1) == 0)
    _exit(CHILD_SKIPS);
}

static inline void in_child_with_limit(void (*body)(void *), void *user)
{
  if (run_child(body, user) == CHILD_SKIPS) {
    fprintf(stderr, "SKIPPED: mlock() can't be made to fail here\n");
    skip();
  }
}

/* ---- secrets ---- */

static struct secret_memory *memory;

static inline int setup_memory(void **state)
{
  (void)state;
  return secret_memory_new(false, &memory, NULL) == CONNECTOR_OK ? 0 : -1;
}

/* Nothing may be left in use. */
static inline int teardown_memory(void **state)
{
  struct secret_memory_figures figures;

  (void)state;
  secret_memory_figures(memory, &figures);
  secret_memory_release(memory);
  memory = NULL;
  return figures.slots == 0 ? 0 : -1;
}

#define secret_test(name) cmocka_unit_test_setup_teardown(name, setup_memory, teardown_memory)

static inline struct secret_memory_figures figures_now(void)
{
  struct secret_memory_figures figures;

  secret_memory_figures(memory, &figures);
  return figures;
}

static inline connector_secret *new_secret(void)
{
  connector_secret *secret = NULL;

  assert_ok(secret_new(memory, &secret, &failure));
  return secret;
}

static inline void set(connector_secret *secret, const char *name, const char *text)
{
  assert_ok(connector_secret_set(secret, name, text, strlen(text), &failure));
}

static inline connector_secret *secret_of(const char *json)
{
  connector_secret *secret = new_secret();

  assert_ok(connector_secret_set_json(secret, json, strlen(json), &failure));
  return secret;
}

struct shown {
  char text[4096]; /* NUL-terminated, cut */
  size_t length;
  int calls;
};

static inline connector_status keep_shown(void *user, const void *bytes, size_t length,
                                          connector_error *error)
{
  struct shown *shown = user;
  size_t kept = length < sizeof(shown->text) ? length : sizeof(shown->text) - 1;

  (void)error;
  memcpy(shown->text, bytes, kept);
  shown->text[kept] = '\0';
  shown->length = length;
  shown->calls++;
  return CONNECTOR_OK;
}

static inline void assert_value(const connector_secret *secret, const char *name, const char *text)
{
  struct shown shown = { "", 0, 0 };

  assert_ok(connector_secret_use(secret, name, keep_shown, &shown, &failure));
  assert_string_equal(shown.text, text);
  assert_int_equal(shown.length, strlen(text));
  assert_int_equal(shown.calls, 1);
}

static inline void assert_no_value(const connector_secret *secret, const char *name)
{
  struct shown shown = { "", 0, 0 };

  assert_answer(connector_secret_use(secret, name, keep_shown, &shown, &failure),
                CONNECTOR_SECRET_NOT_FOUND, "name");
  assert_int_equal(shown.calls, 0);
}

static inline void assert_json(const connector_secret *secret, const char *json)
{
  struct shown shown = { "", 0, 0 };

  assert_ok(connector_secret_use_json(secret, keep_shown, &shown, &failure));
  assert_string_equal(shown.text, json);
}

/* `length` times `byte`, NUL-terminated, to be freed. */
static inline char *run_of(char byte, size_t length)
{
  char *text = malloc(length + 1);

  assert_non_null(text);
  memset(text, byte, length);
  text[length] = '\0';
  return text;
}

#endif
