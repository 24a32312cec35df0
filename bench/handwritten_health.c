/*
 * The hand-written program's sync report: the record's health columns, its counts by the hour, and
 * the history, in one transaction.
 */
#include "handwritten_parts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
  HOURS = 24,
  HOUR_MS = 3600000,
  DIGITS = 20,                       /* of a number at most */
  HOUR_BYTES = 6 * (DIGITS + 1) + 2, /* of one hour as text */
  COUNTED = 3,
  COUNTED_BYTES = 40 /* of one of the counted members as text */
};

/* What was reported in one hour, in the order in which it is written. */
struct hour {
  int64_t hour; /* since 1970 */
  int64_t synced;
  int64_t syncs;
  int64_t failures;
  int64_t latency; /* the sum */
  int64_t timed;   /* how many told one */
};

struct hours {
  struct hour list[HOURS];
  size_t count;
};

/* ---- hours ---- */

/* Reads a number that no sign stands before, and what follows it. */
static const char *read_number(const char *text, int64_t *value)
{
  *value = 0;
  for (; *text >= '0' && *text <= '9'; text++)
    *value = *value * 10 + (*text - '0');
  return *text != '\0' ? text + 1 : text;
}

static char *write_number(char *out, int64_t value)
{
  char digits[DIGITS];
  size_t at = sizeof(digits);
  uint64_t left = (uint64_t)value;

  do
    digits[--at] = (char)('0' + left % 10);
  while ((left /= 10) != 0);
  memcpy(out, digits + at, sizeof(digits) - at);
  return out + sizeof(digits) - at;
}

/* The hours of `text` that the day up to `now` still holds. */
static void read_hours(struct hours *hours, const char *text, int64_t now)
{
  hours->count = 0;
  for (text = strchr(text + 1, '['); text != NULL; text = strchr(text, '[')) {
    struct hour hour;

    text = read_number(text + 1, &hour.hour);
    text = read_number(text, &hour.synced);
    text = read_number(text, &hour.syncs);
    text = read_number(text, &hour.failures);
    text = read_number(text, &hour.latency);
    text = read_number(text, &hour.timed);
    if (hour.hour > now - HOURS && hour.hour <= now && hours->count < HOURS)
      hours->list[hours->count++] = hour;
  }
}

static void add_to_hour(struct hours *hours, int64_t now, int64_t synced, int64_t latency)
{
  struct hour *hour = NULL;

  if (hours->count == 0 || hours->list[hours->count - 1].hour != now) {
    if (hours->count == HOURS)
      memmove(&hours->list[0], &hours->list[1], --hours->count * sizeof(hours->list[0]));
    hours->list[hours->count++] = (struct hour){ .hour = now };
  }
  hour = &hours->list[hours->count - 1];
  hour->synced += synced;
  hour->syncs++;
  hour->latency += latency;
  hour->timed += latency != 0;
}

static void hours_text(const struct hours *hours, char text[HOURS * HOUR_BYTES + 3])
{
  char *out = text;

  *out++ = '[';
  for (size_t i = 0; i < hours->count; i++) {
    const struct hour *hour = &hours->list[i];
    const int64_t numbers[] = { hour->hour,     hour->synced,  hour->syncs,
                                hour->failures, hour->latency, hour->timed };

    if (i > 0)
      *out++ = ',';
    for (size_t j = 0; j < sizeof(numbers) / sizeof(numbers[0]); j++) {
      *out++ = j == 0 ? '[' : ',';
      out = write_number(out, numbers[j]);
    }
    *out++ = ']';
  }
  memcpy(out, "]", 2);
}

static bool load_hours(struct handwritten *program, const char *id, int64_t now,
                       struct hours *hours)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_READ_HEALTH);
  int at = 0;
  int code = SQLITE_ERROR;

  hours->count = 0;
  if (statement == NULL)
    return false;
  handwritten_text(statement, &at, id);
  handwritten_text(statement, &at, program->caller->tenant_id);
  code = sqlite3_step(statement);
  if (code == SQLITE_ROW && sqlite3_column_type(statement, 0) == SQLITE_TEXT)
    read_hours(hours, (const char *)sqlite3_column_text(statement, 0), now);
  return sqlite3_reset(statement) == SQLITE_OK && (code == SQLITE_ROW || code == SQLITE_DONE);
}

static bool store_hours(struct handwritten *program, const char *id, const struct hours *hours)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_WRITE_HEALTH);
  char text[HOURS * HOUR_BYTES + 3];
  int at = 0;

  if (statement == NULL)
    return false;
  hours_text(hours, text);
  handwritten_text(statement, &at, id);
  handwritten_text(statement, &at, program->caller->tenant_id);
  handwritten_text(statement, &at, text);
  return handwritten_run(statement);
}

/* ---- metrics ---- */

static const char *const counted_names[COUNTED] = { "totalSynced", "last24h", "avgLatencyMs" };

/* A value in JSON text. */
struct slice {
  const char *text; /* NULL where there is none */
  size_t length;
};

/* The counted members of the metrics, before a report and after. */
struct metrics {
  struct slice old[COUNTED];
  int64_t now[COUNTED];
};

static const char *after_string(const char *at)
{
  for (at++; *at != '"'; at++)
    at += *at == '\\';
  return at + 1;
}

/* Stored JSON is valid and has no white space between tokens. */
static const char *after_value(const char *at)
{
  size_t depth = 0;

  for (; depth > 0 || (*at != ',' && *at != '}');) {
    if (*at == '"') {
      at = after_string(at);
      continue;
    }
    if (*at == '{' || *at == '[')
      depth++;
    else if (*at == '}' || *at == ']')
      depth--;
    at++;
  }
  return at;
}

static size_t counted_index(const char *name, size_t length)
{
  for (size_t i = 0; i < COUNTED; i++)
    if (strlen(counted_names[i]) == length && memcmp(counted_names[i], name, length) == 0)
      return i;
  return COUNTED;
}

/* `text` is an object; each round begins at the brace or the comma before a member. */
static void find_old(struct metrics *metrics, const char *text)
{
  while (text[1] == '"') {
    const char *name = text + 2;
    const char *value = after_string(text + 1) + 1;
    size_t index = counted_index(name, (size_t)(value - name) - 2);

    text = after_value(value);
    if (index < COUNTED)
      metrics->old[index] = (struct slice){ value, (size_t)(text - value) };
  }
}

static void count_up(struct metrics *metrics, const struct hours *hours, int64_t synced)
{
  int64_t latency = 0;
  int64_t timed = 0;

  metrics->now[0] = synced;
  if (metrics->old[0].text != NULL)
    metrics->now[0] += strtoll(metrics->old[0].text, NULL, 10);
  metrics->now[1] = 0;
  for (size_t i = 0; i < hours->count; i++) {
    metrics->now[1] += hours->list[i].synced;
    latency += hours->list[i].latency;
    timed += hours->list[i].timed;
  }
  metrics->now[2] = timed > 0 ? (latency + timed / 2) / timed : 0;
}

/* The counted member that comes first behind `from`; COUNTED for none. */
static size_t next_old(const struct metrics *metrics, const char *from)
{
  size_t next = COUNTED;

  for (size_t i = 0; i < COUNTED; i++)
    if (metrics->old[i].text != NULL && metrics->old[i].text >= from &&
        (next == COUNTED || metrics->old[i].text < metrics->old[next].text))
      next = i;
  return next;
}

/* The old object with new numbers in their places, and those that it did not have at its end, for
 * free(). */
static char *write_metrics(const struct metrics *metrics, const char *from)
{
  size_t length = strlen(from);
  char *text = malloc(length + COUNTED * COUNTED_BYTES + 1);
  char *out = text;

  if (text == NULL)
    return NULL;
  for (size_t i = next_old(metrics, from); i < COUNTED; i = next_old(metrics, from)) {
    size_t before = (size_t)(metrics->old[i].text - from);

    memcpy(out, from, before);
    out += before;
    out += snprintf(out, COUNTED_BYTES, "%lld", (long long)metrics->now[i]);
    length -= before + metrics->old[i].length;
    from = metrics->old[i].text + metrics->old[i].length;
  }
  memcpy(out, from, length - 1);
  out += length - 1;
  for (size_t i = 0; i < COUNTED; i++)
    if (metrics->old[i].text == NULL)
      out += snprintf(out, COUNTED_BYTES, "%s\"%s\":%lld", out[-1] == '{' ? "" : ",",
                      counted_names[i], (long long)metrics->now[i]);
  memcpy(out, "}", 2);
  return text;
}

/* ---- patches ---- */

enum { PATCH_BYTES = COUNTED * (2 * COUNTED_BYTES) };

/* The counted members that changed, as they are now and as they were; a number that is too long to
 * be one of this program's was another's, and is not kept. */
static void metrics_patches(const struct metrics *metrics, char forward[PATCH_BYTES],
                            char back[PATCH_BYTES])
{
  char *ahead = forward;
  char *behind = back;

  for (size_t i = 0; i < COUNTED; i++) {
    const struct slice *old = &metrics->old[i];
    char number[COUNTED_BYTES];
    int length = snprintf(number, sizeof(number), "%lld", (long long)metrics->now[i]);
    bool keep = old->text != NULL && old->length < COUNTED_BYTES;

    if (old->length == (size_t)length && memcmp(old->text, number, old->length) == 0)
      continue;
    ahead += snprintf(ahead, COUNTED_BYTES, "%c\"%s\":%s", ahead == forward ? '{' : ',',
                      counted_names[i], number);
    behind += snprintf(behind, 2 * COUNTED_BYTES, "%c\"%s\":%.*s", behind == back ? '{' : ',',
                       counted_names[i], keep ? (int)old->length : 4, keep ? old->text : "null");
  }
  memcpy(ahead, ahead == forward ? "{}" : "}", ahead == forward ? 3 : 2);
  memcpy(behind, behind == back ? "{}" : "}", behind == back ? 3 : 2);
}

/* What the report changes of the record, there and back. */
static void fill_patches(const connector *record, int64_t now, connector_patch *forward,
                         connector_patch *back)
{
  forward->last_sync_at = now;
  back->last_sync_at = record->last_sync_at;
  if (record->last_sync_at == 0)
    back->clear |= CONNECTOR_BIT(CONNECTOR_FIELD_LAST_SYNC_AT);
  if (record->sync_status == NULL || strcmp(record->sync_status, "healthy") != 0) {
    forward->sync_status = "healthy";
    back->sync_status = record->sync_status;
    if (record->sync_status == NULL)
      back->clear |= CONNECTOR_BIT(CONNECTOR_FIELD_SYNC_STATUS);
  }
  if (record->consecutive_errors != 0) {
    forward->clear |= CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS);
    back->consecutive_errors = record->consecutive_errors;
  }
  if (record->last_error != NULL) {
    forward->clear |= CONNECTOR_BIT(CONNECTOR_FIELD_LAST_ERROR);
    back->last_error = record->last_error;
  }
}

/* ---- the report ---- */

static bool tell(struct handwritten *program, const connector *record,
                 const struct metrics *metrics, int64_t now)
{
  connector_patch forward = CONNECTOR_PATCH_INIT;
  connector_patch back = CONNECTOR_PATCH_INIT;
  char ahead[PATCH_BYTES];
  char behind[PATCH_BYTES];
  char *texts[2] = { NULL, NULL };
  struct handwritten_change change = {
    .kind = "health",
    .id = record->id,
    .app_id = record->app_id,
    .version = record->version,
    .at = now,
    .scope = record->scope,
    .owner_id = record->owner_id,
    .group_id = record->group_id,
    .user_id = record->user_id,
  };
  bool good = false;

  metrics_patches(metrics, ahead, behind);
  fill_patches(record, now, &forward, &back);
  forward.metrics = ahead;
  back.metrics = behind;
  change.forward = texts[0] = handwritten_patch_to_json(&forward);
  change.back = texts[1] = handwritten_patch_to_json(&back);
  good = change.back != NULL && handwritten_tell(program, &change);
  free(texts[0]);
  free(texts[1]);
  return good;
}

static bool update_row(struct handwritten *program, const char *id, const char *metrics,
                       int64_t now)
{
  sqlite3_stmt *statement = handwritten_prepared(program, HANDWRITTEN_REPORT);
  int at = 0;

  if (statement == NULL)
    return false;
  handwritten_text(statement, &at, program->caller->tenant_id);
  handwritten_text(statement, &at, id);
  handwritten_number(statement, &at, now);
  handwritten_text(statement, &at, program->caller->person_id);
  handwritten_text(statement, &at, metrics);
  return handwritten_run(statement) && sqlite3_changes(program->db) == 1;
}

static bool report_on(struct handwritten *program, const connector *record, int64_t synced,
                      int64_t latency)
{
  const char *old = record->metrics != NULL ? record->metrics : "{}";
  int64_t now = handwritten_now();
  struct hours hours;
  struct metrics metrics = { 0 };
  char *text = NULL;
  bool good = load_hours(program, record->id, now / HOUR_MS, &hours);

  if (!good)
    return false;
  add_to_hour(&hours, now / HOUR_MS, synced, latency);
  find_old(&metrics, old);
  count_up(&metrics, &hours, synced);
  text = write_metrics(&metrics, old);
  good = text != NULL && update_row(program, record->id, text, now) &&
         store_hours(program, record->id, &hours) && tell(program, record, &metrics, now);
  free(text);
  return good;
}

bool handwritten_report(struct handwritten *program, const char *id, int64_t synced,
                        int64_t latency)
{
  connector *record = NULL;
  bool good = false;

  if (!handwritten_begin(program))
    return false;
  record = handwritten_get(program, id);
  good = record != NULL && report_on(program, record, synced, latency);
  good = handwritten_end(program, good);
  free(record);
  return good;
}
