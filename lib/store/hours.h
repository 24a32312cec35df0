/*
 * Hourly buckets of health: the last 24 hours of a connector's reports, and their text as it is
 * kept beside the record.
 */
#ifndef STORE_HOURS_H
#define STORE_HOURS_H

#include "base/arena.h"
#include "base/buffer.h"

#include <connector/health.h>

enum { HOUR_MS = 3600000 };

/* What was told within one hour. */
struct hour {
  int64_t hour; /* since 1970 */
  int64_t synced;
  int64_t syncs;
  int64_t failures;
  int64_t latency_ms; /* the sum of those told */
  int64_t timed;      /* how many told one */
};

struct hours {
  size_t count;
  struct hour items[CONNECTOR_HEALTH_HOURS]; /* ascending */
};

/* Reads what of the text (NULL: none) belongs to the hour of `now` and the 23 before it. CORRUPT
 * where it is not what hours_write() writes. */
connector_status hours_read(struct hours *hours, const char *text, int64_t now,
                            connector_error *error);

/* The bucket of this hour. */
struct hour *hours_at(struct hours *hours, int64_t now);

struct hour hours_sum(const struct hours *hours);

/* The mean, rounded; 0 where nothing was told. */
int64_t hour_latency(const struct hour *hour);

/* A sum that stays at the largest number rather than turn around. */
int64_t add_capped(int64_t a, int64_t b);

void hours_write(const struct hours *hours, struct buffer *buffer);

#endif
