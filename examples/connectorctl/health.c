/*
 * health.c: the health of one record: what its fields say, and its last 24 hours as a sparkline.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

enum {
  TITLE_WIDTH = 20,
  HOUR_WIDTH = 2, /* columns of a bar */
  HOUR_MS = 3600000
};

static const char *const BLOCKS[] = { "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };

enum {
  BLOCK_COUNT = sizeof BLOCKS / sizeof BLOCKS[0]
};

/* ---- the fields ---- */

static void print_text(const char *title, const char *text)
{
  if (text != NULL)
    printf("%-*s%s\n", TITLE_WIDTH, title, text);
}

/* A time, and how far off it is: (3 min ago), (in 2 h). */
static void print_time(const char *title, int64_t at)
{
  static const struct {
    int64_t milliseconds;
    const char *name;
  } UNITS[] = { { 86400000, "days" }, { HOUR_MS, "h" }, { 60000, "min" }, { 1000, "s" } };
  char text[CELL_SIZE];
  int64_t away = at - (int64_t)time(NULL) * 1000;
  int64_t size = away < 0 ? -away : away;
  size_t unit = 0;

  if (time_to_second(at, text) == NULL)
    return;
  while (unit < 3 && size < 2 * UNITS[unit].milliseconds)
    unit++;
  printf("%-*s%s  (%s%" PRId64 " %s%s)\n", TITLE_WIDTH, title, text, away < 0 ? "" : "in ",
         size / UNITS[unit].milliseconds, UNITS[unit].name, away < 0 ? " ago" : "");
}

static void print_fields(const connector *record, const connector_health *health)
{
  print_text("id", record->id);
  print_text("provider", record->provider);
  print_text("name", record->name);
  print_text("enabled", record->enabled ? "yes" : "no");
  print_time("disabled_at", health->disabled_at);
  print_text("sync_status", record->sync_status);
  print_time("started_at", health->started_at);
  print_time("last_sync_at", record->last_sync_at);
  printf("%-*s%" PRId64 "\n", TITLE_WIDTH, "consecutive_errors", record->consecutive_errors);
  print_time("first_error_at", health->first_error_at);
  print_text("last_error", record->last_error);
  print_time("retry_at", health->retry_at);
}

/* ---- the last 24 hours ---- */

static void print_count(int64_t count, const char *one, const char *many)
{
  printf("%" PRId64 " %s", count, count == 1 ? one : many);
}

static void print_sums(const connector_health *health)
{
  printf("%-*s", TITLE_WIDTH, "last 24 hours");
  print_count(health->synced, "item in ", "items in ");
  print_count(health->syncs, "sync, ", "syncs, ");
  print_count(health->failures, "failure", "failures");
  if (health->latency_ms > 0)
    printf(", %" PRId64 " ms on average", health->latency_ms);
  putchar('\n');
}

static int64_t hour_value(const connector_health *health, int hour, size_t member)
{
  return *(const int64_t *)((const char *)&health->hours[hour] + member);
}

/* One bar for each hour, the highest as high as a line is; none where there is nothing. */
static void print_bars(const char *title, const connector_health *health, size_t member)
{
  int64_t highest = 0;
  char label[CELL_SIZE + 16];

  for (int i = 0; i < CONNECTOR_HEALTH_HOURS; i++)
    if (hour_value(health, i, member) > highest)
      highest = hour_value(health, i, member);
  snprintf(label, sizeof label, "%s, most %" PRId64, title, highest);
  printf("%-*s", TITLE_WIDTH, label);
  for (int i = 0; i < CONNECTOR_HEALTH_HOURS; i++) {
    int64_t value = hour_value(health, i, member);
    /* In double: a count times eight may be too large for 64 bits. */
    int step = value > 0 ? (int)((double)value / (double)highest * BLOCK_COUNT + 0.5) : 0;
    const char *block = value <= 0 ? " " : BLOCKS[step > 0 ? step - 1 : 0];
    for (int column = 0; column < HOUR_WIDTH; column++)
      fputs(block, stdout);
  }
  putchar('\n');
}

/* The hour of the day under every third bar, in UTC. */
static void print_axis(const connector_health *health)
{
  printf("%-*s", TITLE_WIDTH, "hour, UTC");
  for (int i = 0; i < CONNECTOR_HEALTH_HOURS; i++)
    if (i % 3 == 0)
      printf("%02d%*s", (int)(health->hours[i].start / HOUR_MS % 24),
             i < CONNECTOR_HEALTH_HOURS - 3 ? 3 * HOUR_WIDTH - 2 : 0, "");
  putchar('\n');
}

/* ---- as JSON ---- */

static void print_health_json(const connector *record, const connector_health *health)
{
  putchar('{');
  print_text_member("id", record->id, ",");
  print_text_member("tenant_id", record->tenant_id, ",");
  printf("\"enabled\":%s,", record->enabled ? "true" : "false");
  print_text_member("sync_status", record->sync_status, ",");
  print_time_member("last_sync_at", record->last_sync_at, ",");
  print_number_member("consecutive_errors", record->consecutive_errors, ",");
  print_text_member("last_error", record->last_error, ",");
  print_time_member("retry_at", health->retry_at, ",");
  print_time_member("first_error_at", health->first_error_at, ",");
  print_time_member("started_at", health->started_at, ",");
  print_time_member("disabled_at", health->disabled_at, ",");
  print_number_member("synced", health->synced, ",");
  print_number_member("syncs", health->syncs, ",");
  print_number_member("failures", health->failures, ",");
  print_number_member("latency_ms", health->latency_ms, ",\"hours\":[");
  for (int i = 0; i < CONNECTOR_HEALTH_HOURS; i++) {
    const connector_health_hour *hour = &health->hours[i];
    fputs(i == 0 ? "{" : ",{", stdout);
    print_time_member("start", hour->start, ",");
    print_number_member("synced", hour->synced, ",");
    print_number_member("syncs", hour->syncs, ",");
    print_number_member("failures", hour->failures, ",");
    print_number_member("latency_ms", hour->latency_ms, "}");
  }
  puts("]}");
}

int command_health(struct session *session)
{
  connector_error error;
  connector *record = NULL;
  connector_health health = CONNECTOR_HEALTH_INIT;
  const char *id = session->arguments[0];

  if (connector_get(session->store, id, 0, &record, &error) != CONNECTOR_OK)
    return report_error(&error);
  if (connector_health_get(session->store, id, &health, &error) != CONNECTOR_OK) {
    connector_free(record);
    return report_error(&error);
  }
  switch (session->output) {
  case OUTPUT_TABLE:
    print_fields(record, &health);
    print_sums(&health);
    if (health.synced > 0 || health.failures > 0) {
      putchar('\n');
      if (health.synced > 0)
        print_bars("items", &health, offsetof(connector_health_hour, synced));
      if (health.failures > 0)
        print_bars("failures", &health, offsetof(connector_health_hour, failures));
      print_axis(&health);
    }
    break;
  case OUTPUT_JSON:
  case OUTPUT_NDJSON:
    print_health_json(record, &health);
    break;
  case OUTPUT_ID:
    puts(record->id);
    break;
  }
  connector_free(record);
  return EXIT_OK;
}
