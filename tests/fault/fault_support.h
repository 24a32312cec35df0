/*
 * What the fault tests share: a template file to start each trial from, the store's whole content
 * as text, and children whose failures reach the test.
 */
#ifndef TESTS_FAULT_SUPPORT_H
#define TESTS_FAULT_SUPPORT_H

#include "sanitizer.h"
#include "stream.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#include <sqlite3.h>

static inline void skip_loudly(const char *reason)
{
  fprintf(stderr, "SKIPPED: %s\n", reason);
  skip();
}

/* Puts the test's folder in memory where the system has such a place: for faults that do not
 * concern the disk, many trials then cost little. Called first in main(). */
static inline void stay_in_memory(void)
{
  if (access("/dev/shm", W_OK) == 0)
    (void)setenv("TMPDIR", "/dev/shm", 0);
}

/* Of the places where a fault can be put every so-many-th is tried: CONNECTOR_FAULT_STEP, or else
 * `usual`. */
static inline long fault_step_or(long usual)
{
  const char *text = getenv("CONNECTOR_FAULT_STEP");
  long step = text != NULL ? strtol(text, NULL, 10) : usual;
  return step > 0 ? step : 1;
}

/* How many processes are killed: CONNECTOR_KILLS, or else `usual`. */
static inline int kills_or(int usual)
{
  const char *text = getenv("CONNECTOR_KILLS");
  long kills = text != NULL ? strtol(text, NULL, 10) : usual;
  return kills > 0 && kills < 1000000 ? (int)kills : usual;
}

/* ---- a file to start from ---- */

static struct {
  char *bytes;
  size_t length;
  char *content; /* of the store in it, as everything_in() gives it */
} template;

/* Every record of every tenant, deleted ones too, as NDJSON in the caller's hands. */
static inline char *everything_in(connector_store *store)
{
  connector_caller asked = current;
  char *text = NULL;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  text = export_text(store, QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
  current = asked;
  return text;
}

static inline void remove_side_files(void)
{
  static const char *const names[] = { "registry.db-wal", "registry.db-shm",
                                       "registry.db-journal" };
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    char path[600];
    unlink(beside(path, names[i]));
  }
}

/* Puts the template's bytes in test.path and nothing beside them. */
static inline void restore_template(void)
{
  remove_side_files();
  write_file(test.path, template.bytes, template.length);
}

/* Closes the open store and takes its file as the template. */
static inline void keep_as_template(void)
{
  template.content = everything_in(test.store);
  close_store();
  template.bytes = read_file(test.path, &template.length);
}

static inline void free_template(void)
{
  free(template.bytes);
  free(template.content);
  memset(&template, 0, sizeof(template));
}

static inline connector_options fault_options(void)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.durability = CONNECTOR_DURABILITY_FULL;
  options.readers = 2;
  options.busy_timeout_ms = 200;
  return options;
}

static inline void open_for_faults(void)
{
  connector_options options = fault_options();
  open_store(&options);
}

static inline connector_status report_finding(void *user, const connector_finding *finding,
                                              connector_error *error)
{
  (void)user;
  (void)error;
  print_error("finding: %s %s: %s\n", finding->id ? finding->id : "file", finding->field,
              finding->message);
  return CONNECTOR_OK;
}

/* The file is whole, every record keeps its rules, and the content is the text. */
static inline void assert_whole(const char *content)
{
  char *now = NULL;
  assert_ok(connector_check(test.store, report_finding, NULL, &failure));
  if (content == NULL)
    return;
  now = everything_in(test.store);
  if (strcmp(now, content) != 0) {
    print_error("the store holds\n%s\nand should hold\n%s\n", now, content);
    fail();
  }
  free(now);
}

/* ---- children ---- */

static inline void expect_in_child(bool right, const char *what, const connector_error *error)
{
  if (right)
    return;
  fprintf(stderr, "in the child: %s; last error %s %s: %s (os_code %d)\n", what,
          connector_status_name(error->status), error->field, error->message, error->os_code);
  _exit(1);
}

#define child_expects(condition) expect_in_child((condition), #condition, &failure)

/* Runs `body` in a process of its own and passes where it comes back. */
static inline void in_child(void (*body)(void))
{
  int status = 0;
  pid_t child = fork();
  if (child == 0) {
    body();
    _exit(0);
  }
  assert_true(child > 0);
  assert_int_equal(waitpid(child, &status, 0), child);
  if (status != 0)
    fail_msg("the child ended with %d", status);
}

static inline void sleep_ms(long ms)
{
  const struct timespec pause = { .tv_sec = ms / 1000, .tv_nsec = ms % 1000 * 1000000 };
  (void)nanosleep(&pause, NULL);
}

#endif
