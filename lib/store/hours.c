/*
 * Buckets as text: `[[hour,synced,syncs,failures,latency_ms,timed],…]`, ascending.
 */
#include "store/hours.h"

#include "base/status.h"
#include "record/json_reader.h"

#include <string.h>

enum { NUMBERS = 6 };

static int64_t hour_of(int64_t now)
{
  return now / HOUR_MS;
}

static bool read_numbers(struct json_reader *reader, int64_t numbers[NUMBERS])
{
  bool first = true;
  size_t count = 0;

  if (json_peek(reader) != JSON_ARRAY || !json_enter(reader))
    return false;
  while (json_more(reader, &first)) {
    if (count == NUMBERS || json_peek(reader) != JSON_NUMBER ||
        !json_integer(reader, &numbers[count]) || numbers[count] < 0)
      return false;
    count++;
  }
  return reader->problem == JSON_FINE && count == NUMBERS;
}

/* An hour that lies ahead counts as this one where it is the next, for clocks step a little; a
 * later one is of a clock that was wrong. */
static void keep(struct hours *hours, const int64_t numbers[NUMBERS], int64_t this_hour)
{
  struct hour *last = hours->count > 0 ? &hours->items[hours->count - 1] : NULL;
  struct hour hour = { numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5] };

  if (hour.hour == this_hour + 1)
    hour.hour = this_hour;
  if (hour.hour > this_hour || hour.hour <= this_hour - CONNECTOR_HEALTH_HOURS)
    return;
  if (last == NULL || last->hour < hour.hour) {
    hours->items[hours->count++] = hour;
    return;
  }
  last->synced = add_capped(last->synced, hour.synced);
  last->syncs = add_capped(last->syncs, hour.syncs);
  last->failures = add_capped(last->failures, hour.failures);
  last->latency_ms = add_capped(last->latency_ms, hour.latency_ms);
  last->timed = add_capped(last->timed, hour.timed);
}

connector_status hours_read(struct hours *hours, const char *text, int64_t now,
                            connector_error *error)
{
  struct json_reader reader;
  struct arena arena = { 0 };
  bool first = true;
  bool good = true;

  hours->count = 0;
  if (text == NULL)
    return CONNECTOR_OK;
  json_reader_init(&reader, text, strlen(text), &arena);
  good = json_peek(&reader) == JSON_ARRAY && json_enter(&reader);
  while (good && json_more(&reader, &first)) {
    int64_t numbers[NUMBERS] = { 0 };

    good = read_numbers(&reader, numbers);
    if (good)
      keep(hours, numbers, hour_of(now));
  }
  good = good && json_finish(&reader);
  arena_free(&arena);
  return good ? CONNECTOR_OK
              : error_set(error, CONNECTOR_CORRUPT, NULL, "the health beside a record is damaged");
}

struct hour *hours_at(struct hours *hours, int64_t now)
{
  int64_t this_hour = hour_of(now);
  struct hour *last = hours->count > 0 ? &hours->items[hours->count - 1] : NULL;

  if (last != NULL && last->hour == this_hour)
    return last;
  if (hours->count == CONNECTOR_HEALTH_HOURS)
    memmove(hours->items, hours->items + 1, --hours->count * sizeof(hours->items[0]));
  last = &hours->items[hours->count++];
  *last = (struct hour){ .hour = this_hour };
  return last;
}

int64_t add_capped(int64_t a, int64_t b)
{
  return a > INT64_MAX - b ? INT64_MAX : a + b;
}

struct hour hours_sum(const struct hours *hours)
{
  struct hour sum = { 0 };

  for (size_t i = 0; i < hours->count; i++) {
    const struct hour *hour = &hours->items[i];

    sum.synced = add_capped(sum.synced, hour->synced);
    sum.syncs = add_capped(sum.syncs, hour->syncs);
    sum.failures = add_capped(sum.failures, hour->failures);
    sum.latency_ms = add_capped(sum.latency_ms, hour->latency_ms);
    sum.timed = add_capped(sum.timed, hour->timed);
  }
  return sum;
}

int64_t hour_latency(const struct hour *hour)
{
  int64_t rest = 0;

  if (hour->timed == 0)
    return 0;
  rest = hour->latency_ms % hour->timed;
  return hour->latency_ms / hour->timed + (rest >= hour->timed - rest);
}

void hours_write(const struct hours *hours, struct buffer *buffer)
{
  buffer_byte(buffer, '[');
  for (size_t i = 0; i < hours->count; i++) {
    const struct hour *hour = &hours->items[i];
    const int64_t numbers[NUMBERS] = { hour->hour,     hour->synced,     hour->syncs,
                                       hour->failures, hour->latency_ms, hour->timed };

    buffer_text(buffer, i > 0 ? ",[" : "[");
    for (size_t j = 0; j < NUMBERS; j++) {
      if (j > 0)
        buffer_byte(buffer, ',');
      buffer_integer(buffer, numbers[j]);
    }
    buffer_byte(buffer, ']');
  }
  buffer_byte(buffer, ']');
}
