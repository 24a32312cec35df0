/*
 * Workers: health reports, leases, outcomes and claims.
 */
#ifndef TESTS_MODEL_WORK_H
#define TESTS_MODEL_WORK_H

#include "history.h"

#define INTERVAL (HOUR + 5)

/* ---- reports ---- */

static inline const char *status_of(int64_t errors)
{
  return errors == 0 ? "healthy" : errors < 5 ? "degraded" : "failing";
}

static inline void add_hour(struct slot *slot, int64_t synced)
{
  int64_t hour = now_ms() / HOUR;
  size_t at = (size_t)(hour % CONNECTOR_HEALTH_HOURS);
  if (slot->hours[at].hour != hour) {
    slot->hours[at].hour = hour;
    slot->hours[at].synced = slot->hours[at].syncs = 0;
  }
  slot->hours[at].synced += synced;
  slot->hours[at].syncs++;
}

static inline void stamp_report(struct slot *slot, connector_change_kind kind)
{
  struct slot before = *slot;
  stamp(slot, false);
  wrote_at(slot, kind, &before);
}

/* Whether sync_status is this text now: a report's, or one that a user wrote, which is none. */
static inline bool status_is(const struct slot *slot, const char *text)
{
  return slot->status != NULL && strcmp(slot->status, text) == 0;
}

static inline void model_failed(struct slot *slot, connector_failure kind)
{
  slot->other_error = true;
  slot->refresh_needed = slot->refresh_needed ||
                         (kind == CONNECTOR_FAILURE_AUTH && slot->serial[TEXT_AUTH_TYPE] != 0);
  if (kind != CONNECTOR_FAILURE_RATE_LIMITED) {
    slot->errors++;
    slot->status = status_of(slot->errors);
  } else if (status_is(slot, "syncing")) {
    slot->status = slot->errors == 0 && slot->last_sync_at == 0 ? "" : status_of(slot->errors);
  }
}

static inline void try_sync_started(const char *id)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve_live(id, &wanted);
  answers(connector_sync_started(test.store, id, &failure), wanted);
  if (slot == NULL)
    return;
  slot->status = "syncing";
  stamp_report(slot, CONNECTOR_CHANGE_HEALTH);
}

static inline void try_sync_succeeded(const char *id, uint64_t *seed)
{
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  connector_status wanted = CONNECTOR_OK;
  connector *record = NULL;
  struct slot *slot = resolve_live(id, &wanted);
  report.synced = (int64_t)random_below(seed, 100);
  answers(connector_sync_succeeded(test.store, id, &report, &record, &failure), wanted);
  if (slot == NULL) {
    assert_null(record);
    return;
  }
  slot->status = "healthy";
  slot->errors = slot->refresh_errors = 0;
  slot->serial[TEXT_ERROR] = 0;
  slot->other_error = false;
  slot->last_sync_at = now_ms();
  slot->total = (slot->total < 0 ? 0 : slot->total) + report.synced;
  add_hour(slot, report.synced);
  stamp_report(slot, CONNECTOR_CHANGE_HEALTH);
  take_record(record, slot);
}

static inline void try_sync_failed(const char *id, uint64_t *seed)
{
  connector_failure kind = (connector_failure)(1 + random_below(seed, 4));
  connector_status wanted = CONNECTOR_OK;
  connector *record = NULL;
  char message[160] = "";
  struct slot *slot = resolve_live(id, &wanted);
  if (slot != NULL)
    canary(message, slot, TEXT_ERROR, ++serials);
  answers(connector_sync_failed(test.store, id, kind, message, 0, &record, &failure), wanted);
  if (slot == NULL) {
    assert_null(record);
    return;
  }
  model_failed(slot, kind);
  stamp_report(slot, CONNECTOR_CHANGE_HEALTH);
  assert_text(record->last_error, message);
  take_record(record, slot);
}

static inline void try_health(const char *id)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  connector_status wanted = CONNECTOR_NOT_FOUND;
  const struct slot *slot = NULL;
  size_t count = 0;
  int64_t synced = 0, syncs = 0;
  for (size_t i = 0; i < model.slot_count; i++)
    if (visible(&model.slots[i]) && !model.slots[i].deleted && strcmp(model.slots[i].id, id) == 0) {
      slot = &model.slots[i];
      count++;
    }
  wanted = count == 0 ? CONNECTOR_NOT_FOUND : count > 1 ? CONNECTOR_INVALID : CONNECTOR_OK;
  answers(connector_health_get(test.store, id, &health, &failure), wanted);
  if (wanted != CONNECTOR_OK)
    return;
  for (size_t i = 0; i < CONNECTOR_HEALTH_HOURS; i++)
    if (slot->hours[i].hour > now_ms() / HOUR - CONNECTOR_HEALTH_HOURS) {
      synced += slot->hours[i].synced;
      syncs += slot->hours[i].syncs;
    }
  assert_true(health.synced == synced && health.syncs == syncs);
}

/* ---- leases ---- */

static inline bool is_held(const struct lease *lease)
{
  return lease->fence > 0 && !lease->handed_back && lease->expires_at > now_ms();
}

/* The record that a lease is on by now: one that was purged may have come back by an import. */
static inline struct slot *subject_of(const struct slot *slot)
{
  for (size_t i = 0; i < model.slot_count; i++)
    if (model.slots[i].there && model.slots[i].tenant == slot->tenant &&
        strcmp(model.slots[i].id, slot->id) == 0)
      return &model.slots[i];
  return NULL;
}

/* What a call with this lease is answered. */
static inline connector_status wanted_with(const struct slot *slot, const struct lease *lease)
{
  const struct slot *subject = subject_of(slot);
  if (subject == NULL || !visible(subject) || subject->deleted)
    return CONNECTOR_NOT_FOUND;
  return subject == slot && is_held(lease) ? CONNECTOR_OK : CONNECTOR_STALE;
}

/* Hands a lease back; where the asker can't see the connector it runs on, its holder dead. */
static inline void drop_lease(struct slot *slot, struct lease *lease)
{
  connector_status wanted = wanted_with(slot, lease);
  if (wanted == CONNECTOR_STALE && lease->handed_back)
    wanted = CONNECTOR_OK;
  answers(connector_lease_release(test.store, lease->handle, &failure), wanted);
  lease->handle = NULL;
  lease->handed_back = lease->handed_back || wanted == CONNECTOR_OK;
}

static inline void try_take(const char *id, uint64_t *seed)
{
  size_t purpose = random_below(seed, PURPOSES);
  uint32_t ttl = (uint32_t)(10 * (1 + random_below(seed, 30000)) + 3);
  connector_status wanted = CONNECTOR_OK;
  connector_lease *handle = NULL;
  struct slot *slot = resolve_live(id, &wanted);
  struct lease *lease = slot != NULL ? &slot->leases[purpose] : NULL;
  if (run.batch_depth > 0)
    wanted = CONNECTOR_MISUSE;
  else if (slot != NULL && is_held(lease))
    wanted = CONNECTOR_LEASED;
  answers(connector_lease_take(test.store, id, purposes[purpose], ttl, &handle, &failure), wanted);
  if (wanted == CONNECTOR_LEASED)
    assert_true(failure.version == lease->fence);
  if (wanted != CONNECTOR_OK) {
    assert_null(handle);
    return;
  }
  assert_text(connector_lease_id(handle), slot->id);
  assert_text(connector_lease_purpose(handle), purposes[purpose]);
  assert_true(connector_lease_fence(handle) > lease->fence);
  assert_true(connector_lease_expires_at(handle) == now_ms() + ttl);
  if (lease->handle != NULL) /* its holder comes back too late */
    (void)!connector_lease_release(test.store, lease->handle, NULL);
  *lease = (struct lease){ connector_lease_fence(handle), now_ms() + ttl, false, handle };
}

static inline void try_renew(struct slot *slot, struct lease *lease)
{
  connector_status wanted = wanted_with(slot, lease);
  answers(connector_lease_renew(test.store, lease->handle, 60003, &failure), wanted);
  if (wanted == CONNECTOR_OK)
    lease->expires_at = now_ms() + 60003;
}

/* A good token takes the errors off that refreshes had. */
static inline void model_refreshed(struct slot *slot, int64_t expires_at)
{
  slot->token_expires_at = expires_at;
  slot->refresh_needed = false;
  if (slot->refresh_errors > slot->errors)
    slot->refresh_errors = slot->errors;
  if (slot->refresh_errors == 0)
    return;
  slot->errors -= slot->refresh_errors;
  slot->refresh_errors = 0;
  if (status_is(slot, "degraded") || status_is(slot, "failing"))
    slot->status = slot->errors == 0 && slot->last_sync_at == 0 ? "" : status_of(slot->errors);
  if (slot->errors == 0) {
    slot->serial[TEXT_ERROR] = 0;
    slot->other_error = false;
  }
}

static inline void try_outcome(struct slot *slot, size_t purpose, uint64_t *seed)
{
  struct lease *lease = &slot->leases[purpose];
  connector_status wanted = wanted_with(slot, lease);
  int64_t ahead = now_ms() + 10 * (int64_t)(1 + random_below(seed, 500000)) + 5;
  bool failed = purpose == 0 && random_below(seed, 3) == 0;
  connector *record = NULL;
  if (purpose == 1)
    answers(connector_rotated(test.store, lease->handle, ahead, &record, &failure), wanted);
  else if (failed)
    answers(connector_refresh_failed(test.store, lease->handle, CONNECTOR_FAILURE_TRANSIENT,
                                     "no token came", &failure),
            wanted);
  else
    answers(connector_refreshed(test.store, lease->handle, ahead, &record, &failure), wanted);
  if (wanted != CONNECTOR_OK) {
    assert_null(record);
    return;
  }
  lease->handed_back = true;
  if (purpose == 1) {
    slot->rotation_due = ahead;
    slot->rotated_at = now_ms();
  } else if (failed) {
    model_failed(slot, CONNECTOR_FAILURE_TRANSIENT);
    slot->refresh_errors++;
  } else {
    model_refreshed(slot, ahead);
  }
  stamp_report(slot, purpose == 1 ? CONNECTOR_CHANGE_ROTATED
                     : failed     ? CONNECTOR_CHANGE_HEALTH
                                  : CONNECTOR_CHANGE_REFRESHED);
  if (!failed)
    take_record(record, slot);
}

/* With a lease that somebody holds, whoever the asker is. */
static inline void try_lease(uint64_t *seed)
{
  size_t start = random_below(seed, model.slot_count * PURPOSES);
  size_t pick = random_below(seed, 10);
  if (run.batch_depth > 0)
    return; /* what a batch has undone, the handle does not know */
  for (size_t i = 0; i < model.slot_count * PURPOSES; i++) {
    size_t at = (start + i) % (model.slot_count * PURPOSES);
    struct slot *slot = &model.slots[at / PURPOSES];
    struct lease *lease = &slot->leases[at % PURPOSES];
    if (lease->handle == NULL)
      continue;
    if (random_below(seed, 2) == 0) { /* as often as not one who may */
      asker.tenant = slot->tenant;
      apply_asker();
    }
    if (pick < 4)
      try_renew(slot, lease);
    else if (pick < 8 && at % PURPOSES < 2)
      try_outcome(slot, at % PURPOSES, seed);
    else
      drop_lease(slot, lease);
    return;
  }
}

/* ---- claims ---- */

/* What surely is not due; when it is, and what waits, is not of this model. */
static inline bool never_due(const struct slot *slot, size_t purpose)
{
  if (purpose == 0)
    return !slot->refresh_needed && slot->token_expires_at == 0;
  if (purpose == 1)
    return slot->rotation_due == 0 || slot->rotation_due > now_ms();
  return !slot->enabled || slot->last_sync_at + INTERVAL > now_ms();
}

/* What surely is: nothing has failed, so nothing waits. */
static inline bool surely_due(const struct slot *slot, size_t purpose)
{
  bool calm = slot->enabled && slot->errors == 0 && slot->leases[purpose].fence == 0 &&
              !slot->other_error;
  if (purpose == 0)
    return calm && slot->refresh_needed;
  return purpose == 1 && calm && slot->rotation_due != 0 && slot->rotation_due < now_ms();
}

static inline void take_claimed(const connector_claim_item *item, size_t purpose, uint32_t ttl)
{
  struct slot *slot = NULL;
  for (size_t i = 0; i < model.slot_count; i++)
    if (model.slots[i].there && strcmp(model.slots[i].id, item->record->id) == 0 &&
        strcmp(tenants[model.slots[i].tenant], item->record->tenant_id) == 0)
      slot = &model.slots[i];
  if (slot == NULL || !visible(slot) || slot->deleted)
    fail_msg("%s of %s was claimed", item->record->id, item->record->tenant_id);
  struct lease *lease = &slot->leases[purpose];
  assert_false(is_held(lease));
  assert_false(never_due(slot, purpose));
  assert_record(item->record, slot);
  see_record(item->record);
  assert_true(connector_lease_fence(item->lease) > lease->fence);
  if (lease->handle != NULL)
    (void)!connector_lease_release(test.store, lease->handle, NULL);
  *lease = (struct lease){ connector_lease_fence(item->lease), now_ms() + ttl, false, NULL };
}

static inline void try_claim(uint64_t *seed)
{
  size_t purpose = random_below(seed, PURPOSES);
  connector_due due = (connector_due)(purpose + 1);
  uint32_t limit = (uint32_t)(1 + random_below(seed, 8));
  uint32_t ttl = (uint32_t)(10 * (1 + random_below(seed, 3000)) + 3);
  connector_claims *claims = NULL;
  size_t sure = 0;
  const connector_claim_options *options = CLAIM(.limit = limit, .ttl_ms = ttl,
                                                 .interval_ms = INTERVAL);
  if (run.batch_depth > 0) {
    answers(connector_claim(test.store, due, options, &claims, &failure), CONNECTOR_MISUSE);
    return;
  }
  for (size_t i = 0; i < model.slot_count; i++)
    sure += visible(&model.slots[i]) && !model.slots[i].deleted &&
            surely_due(&model.slots[i], purpose);
  answers(connector_claim(test.store, due, options, &claims, &failure), CONNECTOR_OK);
  size_t count = connector_claims_count(claims);
  assert_true(count <= limit && count >= (sure < limit ? sure : limit));
  for (size_t i = 0; i < count; i++)
    take_claimed(connector_claims_at(claims, i), purpose, ttl);
  connector_claims_free(claims);
}

#endif
