/*
 * watch.c: follows the feed and prints each change as it comes, until it is told to stop.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum {
  SLICE_MS = 200 /* how soon a signal is noticed */
};

struct watch {
  const struct session *session;
  int64_t after;    /* the last change dealt with */
  int64_t left;     /* changes to print yet */
  int64_t deadline; /* of the monotonic clock, in milliseconds; INT64_MAX: none */
  char day[11];     /* that the lines of now are of */
};

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
  (void)signal_number;
  stopped = 1;
}

static void stop_at_signals(void)
{
  struct sigaction action;

  memset(&action, 0, sizeof action);
  action.sa_handler = stop;
  sigemptyset(&action.sa_mask);
  sigaction(SIGINT, &action, NULL);
  sigaction(SIGTERM, &action, NULL);
}

static int64_t monotonic_now(void)
{
  struct timespec now;

  clock_gettime(CLOCK_MONOTONIC, &now);
  return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

/* The day stands on a line of its own where it changes, so that the others fit a narrow screen. */
static void print_line(struct watch *watch, const connector_change *change)
{
  char at[CELL_SIZE] = "";
  char what[WHAT_SIZE];
  const char *by = change_by(change);

  if (time_to_second(change->at, at) != NULL && strncmp(at, watch->day, 10) != 0) {
    memcpy(watch->day, at, 10);
    printf("%s UTC\n", watch->day);
  }
  change_what(change, what);
  printf("%5" PRId64 " %.8s %-9s %s %s%s%s\n", change->seq, at + 11,
         connector_change_kind_name(change->kind), change->id, by,
         *by != '\0' && *what != '\0' ? ": " : "", what);
}

static int print_change(struct watch *watch, const connector_change *change)
{
  connector_error error;

  switch (watch->session->output) {
  case OUTPUT_TABLE:
    print_line(watch, change);
    break;
  case OUTPUT_JSON:
  case OUTPUT_NDJSON:
    if (print_change_json(change, "\n", &error) != CONNECTOR_OK)
      return report_error(&error);
    break;
  case OUTPUT_ID:
    puts(change->id);
    break;
  }
  return EXIT_OK;
}

/* Prints what there is after the last change dealt with. */
static int print_page(struct watch *watch)
{
  connector_error error;
  connector_changes *changes = NULL;
  int result = EXIT_OK;

  if (connector_changes_after(watch->session->store, watch->after, 0, &changes, &error) !=
      CONNECTOR_OK)
    return report_error(&error);
  size_t count = connector_changes_count(changes);
  for (size_t i = 0; i < count && watch->left > 0 && !stopped && result == EXIT_OK; i++) {
    const connector_change *change = connector_changes_at(changes, i);
    result = print_change(watch, change);
    watch->after = change->seq;
    watch->left--;
  }
  connector_changes_free(changes);
  return result;
}

static int follow(struct watch *watch)
{
  connector_error error;
  int result = EXIT_OK;

  while (result == EXIT_OK && watch->left > 0 && !stopped && !ferror(stdout)) {
    int64_t newest = 0;
    int64_t rest = watch->deadline - monotonic_now();
    if (rest <= 0)
      break;
    uint32_t slice = rest < SLICE_MS ? (uint32_t)rest : SLICE_MS;
    if (connector_changes_wait(watch->session->store, watch->after, slice, &newest, &error) !=
        CONNECTOR_OK)
      return report_error(&error);
    if (newest > watch->after)
      result = print_page(watch);
  }
  return result;
}

int command_watch(struct session *session)
{
  const struct settings *settings = &session->settings;
  struct watch watch = { .session = session, .left = INT64_MAX, .deadline = INT64_MAX };
  connector_error error;
  int64_t lasting = INT64_MAX;

  int result = option_number("--after", settings->after, 0, INT64_MAX, &watch.after);
  if (result == EXIT_OK)
    result = option_number("--count", settings->count, 1, INT64_MAX, &watch.left);
  if (result == EXIT_OK)
    result = option_duration("--for", settings->lasting, &lasting);
  if (result != EXIT_OK)
    return result;
  if (lasting < INT64_MAX - monotonic_now())
    watch.deadline = monotonic_now() + lasting;
  if (settings->after == NULL &&
      connector_changes_wait(session->store, 0, 0, &watch.after, &error) != CONNECTOR_OK)
    return report_error(&error);
  stop_at_signals();
  setvbuf(stdout, NULL, _IOLBF, 0);
  return follow(&watch);
}
