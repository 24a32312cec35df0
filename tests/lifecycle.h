/*
 * What the tests of history, health, leases and claims share: times, and each call in the form that
 * is expected to work.
 */
#ifndef TESTS_LIFECYCLE_H
#define TESTS_LIFECYCLE_H

#include "support.h"

#define MINUTE INT64_C(60000)
#define HOUR INT64_C(3600000)
#define DAY INT64_C(86400000)
#define YEAR (365 * DAY)

#define CLAIM(...)                                                                                 \
  (&(connector_claim_options){ .size = sizeof(connector_claim_options), __VA_ARGS__ })

#define personal(user) .scope = CONNECTOR_SCOPE_USER, .owner_id = (user), .user_id = (user)

/* ---- changes ---- */

/* The caller's feed behind a change, as much of it as one call gives; to be freed. */
static inline connector_changes *feed_after(int64_t after_seq)
{
  connector_changes *changes = NULL;
  assert_ok(
      connector_changes_after(test.store, after_seq, CONNECTOR_CHANGES_MAX, &changes, &failure));
  assert_non_null(changes);
  return changes;
}

/* The history of one connector, newest first, as much of it as one call gives; to be freed. */
static inline connector_changes *history_of(const char *id)
{
  connector_changes *changes = NULL;
  assert_ok(connector_history(test.store, id, 0, CONNECTOR_CHANGES_MAX, &changes, &failure));
  assert_non_null(changes);
  return changes;
}

/* The newest change that the caller's feed holds; 0 where it is empty. */
static inline int64_t newest_seq(void)
{
  int64_t newest = -1;
  assert_ok(connector_changes_wait(test.store, 0, 0, &newest, &failure));
  return newest;
}

/* How many changes the feed holds behind one. */
static inline size_t changes_behind(int64_t after_seq)
{
  connector_changes *changes = feed_after(after_seq);
  size_t count = connector_changes_count(changes);
  connector_changes_free(changes);
  return count;
}

/* How many changes of a kind the history of a connector holds. */
static inline size_t changes_of_kind(const char *id, connector_change_kind kind)
{
  connector_changes *changes = history_of(id);
  size_t count = 0;
  for (size_t i = 0; i < connector_changes_count(changes); i++)
    count += connector_changes_at(changes, i)->kind == kind;
  connector_changes_free(changes);
  return count;
}

static inline int64_t first_bad(void)
{
  int64_t seq = -1;
  assert_ok(connector_history_verify(test.store, &seq, &failure));
  return seq;
}

static inline int64_t trim_before(int64_t before)
{
  int64_t trimmed = -1;
  assert_ok(connector_history_trim(test.store, before, &trimmed, &failure));
  return trimmed;
}

/* ---- health ---- */

/* The record after a successful sync, to be freed. */
static inline connector *succeed(const char *id, int64_t synced, int64_t latency_ms)
{
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  connector *record = NULL;
  report.synced = synced;
  report.latency_ms = latency_ms;
  assert_ok(connector_sync_succeeded(test.store, id, &report, &record, &failure));
  assert_non_null(record);
  return record;
}

/* The record after a failed sync, to be freed. */
static inline connector *fail_sync(const char *id, connector_failure kind, const char *message)
{
  connector *record = NULL;
  assert_ok(connector_sync_failed(test.store, id, kind, message, 0, &record, &failure));
  assert_non_null(record);
  return record;
}

static inline connector_health health_of(const char *id)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  assert_ok(connector_health_get(test.store, id, &health, &failure));
  return health;
}

/* A whole number in a record's metrics; -1 where there is none. */
static inline int64_t metric(const connector *record, const char *key)
{
  char quoted[64];
  snprintf(quoted, sizeof(quoted), "\"%s\":", key);
  const char *at = record->metrics == NULL ? NULL : strstr(record->metrics, quoted);
  if (at == NULL)
    return -1;
  char *end = NULL;
  int64_t number = strtoll(at + strlen(quoted), &end, 10);
  return end != at + strlen(quoted) && (*end == ',' || *end == '}') ? number : -1;
}

/* ---- leases and claims ---- */

/* A lease, to be released. */
static inline connector_lease *take(const char *id, const char *purpose, int64_t ttl_ms)
{
  connector_lease *lease = NULL;
  assert_ok(connector_lease_take(test.store, id, purpose, (uint32_t)ttl_ms, &lease, &failure));
  assert_non_null(lease);
  return lease;
}

static inline void release(connector_lease *lease)
{
  assert_ok(connector_lease_release(test.store, lease, &failure));
}

/* What is due, to be freed. */
static inline connector_claims *claim(connector_due due, const connector_claim_options *options)
{
  connector_claims *claims = NULL;
  assert_ok(connector_claim(test.store, due, options, &claims, &failure));
  assert_non_null(claims);
  return claims;
}

/* Claims as many as may be and says how many they were; the leases run on. */
static inline size_t claim_count(connector_due due)
{
  connector_claims *claims = claim(due, CLAIM(.limit = CONNECTOR_CLAIMS_MAX));
  size_t count = connector_claims_count(claims);
  connector_claims_free(claims);
  return count;
}

/* Whether a connector is due; what is claimed for that is handed back. */
static inline bool is_due(connector_due due, const char *id, const connector_claim_options *options)
{
  connector_claims *claims = claim(due, options);
  bool found = false;
  for (size_t i = 0; i < connector_claims_count(claims); i++) {
    const connector_claim_item *item = connector_claims_at(claims, i);
    found = found || strcmp(item->record->id, id) == 0;
    release(item->lease);
  }
  connector_claims_free(claims);
  return found;
}

#endif
