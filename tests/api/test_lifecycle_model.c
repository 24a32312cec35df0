/*
 * Random writes, reports, leases and claims of several tenants, apps and people under a clock that
 * jumps, against a simple model: answers, records, leases, what is due and what history tells whom.
 */
#include "lifecycle_model.h"

enum { OPERATIONS = 6000 };

static struct model *random_model(uint64_t *seed)
{
  return &models[random_below(seed, model_count)];
}

static connector_status wanted_for(const struct model *model)
{
  return model_live(model) ? CONNECTOR_OK : CONNECTOR_NOT_FOUND;
}

/* A time ahead that no step of the clock meets: see lifecycle_model.h. */
static int64_t random_time_ahead(uint64_t *seed)
{
  return test_time + 50 * (int64_t)(1 + random_below(seed, 200000)) + 5;
}

/* ---- the record ---- */

static void assert_record_is(struct model *model)
{
  connector_caller asked = current;
  connector *record = NULL;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_status(connector_get(test.store, model->id, CONNECTOR_WITH_DELETED, &record, &failure),
                model->reach.there ? CONNECTOR_OK : CONNECTOR_NOT_FOUND);
  if (record != NULL) {
    assert_true(record->version == model->version);
    assert_int_equal(record->is_deleted, model->deleted);
    assert_int_equal(record->enabled, model->enabled);
    assert_int_equal(record->oauth_refresh_needed, model->refresh_needed);
    assert_true(record->oauth_token_expires_at == model->token_expires_at);
    assert_true(record->next_rotation_due == model->rotation_due);
    assert_true(record->last_sync_at == model->last_sync_at);
    assert_true(record->consecutive_errors == model->errors);
    assert_text(record->sync_status, model->status);
    assert_true(model->report_count == 0 || metric(record, "totalSynced") == model->total);
  }
  if (record != NULL && !record->is_deleted) {
    connector_health health = health_of(model->id);
    model->retry_at = health.retry_at;
    assert_true(model->errors > 0 || health.first_error_at == 0);
    if (latest_time / HOUR == test_time / HOUR)
      assert_true(health.synced == last_day(model));
  }
  connector_free(record);
  current = asked;
}

static void try_create(uint64_t *seed)
{
  struct model *model = &models[model_count];
  if (asker.all || model_count == MODELS)
    return;
  *model = (struct model){
    .tenant = asker.tenant, .app = asker.app, .version = 1, .enabled = true
  };
  model->reach = (struct reach){ true, random_below(seed, 2) == 0, asker.user };
  model->oauth = random_below(seed, 2) == 0;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  if (model->reach.personal) {
    patch.scope = CONNECTOR_SCOPE_USER;
    patch.user_id = model_users[asker.user];
  }
  patch.auth_type = model->oauth ? "oauth2" : "api_key";
  make_id(&patch, model->id);
  model_count++;
  model_wrote(model, CONNECTOR_CHANGE_CREATED, (struct reach){ 0 });
}

static void try_update(struct model *model, uint64_t *seed)
{
  struct model changed = *model;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  size_t pick = random_below(seed, 7);
  if (pick == 0) {
    changed.enabled = !model->enabled;
    patch.enabled = changed.enabled ? CONNECTOR_YES : CONNECTOR_NO;
  } else if (pick == 1) {
    changed.token_expires_at = random_time_ahead(seed);
    changed.token_written_at = test_time;
    patch.oauth_token_expires_at = changed.token_expires_at;
  } else if (pick == 2) {
    changed.rotation_due = random_time_ahead(seed);
    patch.next_rotation_due = changed.rotation_due;
  } else if (pick == 3) {
    changed.refresh_needed = true;
    patch.oauth_refresh_needed = CONNECTOR_YES;
  } else if (pick == 4 && asker.role != CONNECTOR_ROLE_MEMBER) {
    changed.reach.personal = !model->reach.personal;
    changed.reach.user = random_below(seed, USERS);
    patch.scope = changed.reach.personal ? CONNECTOR_SCOPE_USER : CONNECTOR_SCOPE_ORG;
    patch.owner_id = model_users[changed.reach.user];
    patch.user_id = model_users[changed.reach.user];
  }
  assert_status(connector_update(test.store, model->id, model->version, &patch, NULL, &failure),
                wanted_for(model));
  if (model_live(model)) {
    struct reach before = model->reach;
    *model = changed;
    model->version++;
    model_wrote(model, CONNECTOR_CHANGE_UPDATED, before);
  }
}

static void try_end(struct model *model, size_t pick)
{
  struct reach before = model->reach;
  if (pick < 5) {
    assert_status(connector_delete(test.store, model->id, 0, &failure), wanted_for(model));
    if (!model_live(model))
      return;
    model->deleted = true;
    model->version++;
    model_wrote(model, CONNECTOR_CHANGE_DELETED, before);
  } else if (pick < 9) {
    assert_status(connector_restore(test.store, model->id, 0, NULL, &failure),
                  !model_visible(model) ? CONNECTOR_NOT_FOUND
                  : model->deleted      ? CONNECTOR_OK
                                        : CONNECTOR_CONFLICT);
    if (!model_visible(model) || !model->deleted)
      return;
    model->deleted = false;
    model->version++;
    model_wrote(model, CONNECTOR_CHANGE_RESTORED, before);
  } else {
    assert_status(connector_purge(test.store, model->id, &failure),
                  !model_visible(model) ? CONNECTOR_NOT_FOUND
                  : model->deleted      ? CONNECTOR_OK
                                        : CONNECTOR_CONFLICT);
    if (!model_visible(model) || !model->deleted)
      return;
    model->reach.there = false;
    model_wrote(model, CONNECTOR_CHANGE_PURGED, before);
  }
}

/* ---- reports ---- */

static const char *status_of(int64_t errors)
{
  return errors == 0 ? "healthy" : errors < 5 ? "degraded" : "failing";
}

static void model_failed(struct model *model, connector_failure kind)
{
  model->refresh_needed = model->refresh_needed || (model->oauth && kind == CONNECTOR_FAILURE_AUTH);
  if (kind == CONNECTOR_FAILURE_RATE_LIMITED) {
    bool syncing = model->status != NULL && strcmp(model->status, "syncing") == 0;
    if (syncing)
      model->status = model->errors == 0 && model->last_sync_at == 0 ? NULL
                                                                     : status_of(model->errors);
    return;
  }
  model->errors++;
  model->status = status_of(model->errors);
}

static void try_report(struct model *model, uint64_t *seed)
{
  size_t pick = random_below(seed, 10);
  bool live = model_live(model);
  if (pick < 2) {
    assert_status(connector_sync_started(test.store, model->id, &failure), wanted_for(model));
    model->status = live ? "syncing" : model->status;
  } else if (pick < 6 && model->report_count < REPORTS) {
    connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
    report.synced = (int64_t)random_below(seed, 100);
    assert_status(connector_sync_succeeded(test.store, model->id, &report, NULL, &failure),
                  wanted_for(model));
    if (live) {
      model->status = "healthy";
      model->errors = model->refresh_errors = 0;
      model->refresh_failed = false;
      model->total += report.synced;
      model->last_sync_at = test_time;
      model->reports[model->report_count].at = test_time;
      model->reports[model->report_count++].synced = report.synced;
    }
  } else {
    connector_failure kind = (connector_failure)(1 + random_below(seed, 4));
    assert_status(connector_sync_failed(test.store, model->id, kind, "no", 0, NULL, &failure),
                  wanted_for(model));
    if (live) {
      model_failed(model, kind);
      model->refresh_failed = false;
    }
  }
  if (live) {
    settle_hours(model);
    model_wrote(model, CONNECTOR_CHANGE_HEALTH, model->reach);
  }
}

/* ---- leases ---- */

/* Hands a lease back, in time or not; where the asker can't see the connector it runs on. */
static void drop(struct model *model, struct model_lease *lease)
{
  connector_status wanted = !model_live(model)                        ? CONNECTOR_NOT_FOUND
                            : lease_held(lease) || lease->handed_back ? CONNECTOR_OK
                                                                      : CONNECTOR_STALE;
  assert_status(connector_lease_release(test.store, lease->handle, &failure), wanted);
  lease->handle = NULL;
  lease->handed_back = lease->handed_back || wanted == CONNECTOR_OK;
}

static void try_take(struct model *model, size_t purpose, uint64_t *seed)
{
  struct model_lease *lease = &model->leases[purpose];
  connector_lease *handle = NULL;
  int64_t ttl = 10 * (int64_t)(1 + random_below(seed, 30000)) + 3;
  connector_status wanted = !model_live(model)  ? CONNECTOR_NOT_FOUND
                            : lease_held(lease) ? CONNECTOR_LEASED
                                                : CONNECTOR_OK;
  assert_status(connector_lease_take(test.store, model->id, model_purposes[purpose], (uint32_t)ttl,
                                     &handle, &failure),
                wanted);
  if (wanted == CONNECTOR_LEASED)
    assert_true(failure.version == lease->fence);
  if (wanted != CONNECTOR_OK)
    return;
  assert_true(connector_lease_fence(handle) > lease->fence);
  assert_true(connector_lease_expires_at(handle) == test_time + ttl);
  if (lease->handle != NULL) /* its holder comes back too late */
    assert_status(connector_lease_release(test.store, lease->handle, &failure),
                  lease->handed_back ? CONNECTOR_OK : CONNECTOR_STALE);
  *lease = (struct model_lease){ connector_lease_fence(handle), test_time + ttl, false, handle };
}

static void try_renew(struct model *model, struct model_lease *lease)
{
  connector_status wanted = !model_live(model)  ? CONNECTOR_NOT_FOUND
                            : lease_held(lease) ? CONNECTOR_OK
                                                : CONNECTOR_STALE;
  assert_status(connector_lease_renew(test.store, lease->handle, 60003, &failure), wanted);
  if (wanted == CONNECTOR_OK)
    lease->expires_at = test_time + 60003;
}

static void try_outcome(struct model *model, size_t purpose, const connector_lease *handle,
                        uint64_t *seed)
{
  struct model_lease *lease = &model->leases[purpose];
  connector_status wanted = !model_live(model)  ? CONNECTOR_NOT_FOUND
                            : lease_held(lease) ? CONNECTOR_OK
                                                : CONNECTOR_STALE;
  bool failed = random_below(seed, 2) == 0;
  int64_t ahead = random_time_ahead(seed);
  if (purpose == 1)
    assert_status(connector_rotated(test.store, handle, ahead, NULL, &failure), wanted);
  else if (failed)
    assert_status(
        connector_refresh_failed(test.store, handle, CONNECTOR_FAILURE_TRANSIENT, "no", &failure),
        wanted);
  else
    assert_status(connector_refreshed(test.store, handle, ahead, NULL, &failure), wanted);
  if (wanted != CONNECTOR_OK)
    return;
  lease->handed_back = true;
  settle_hours(model);
  if (purpose == 1) {
    model->rotation_due = ahead;
  } else if (failed) {
    model_failed(model, CONNECTOR_FAILURE_TRANSIENT);
    model->refresh_errors++;
    model->refresh_failed = true;
  } else {
    model->token_expires_at = ahead;
    model->token_written_at = test_time;
    model->refresh_needed = false;
    if (model->refresh_errors > 0) { /* what syncs had goes on */
      model->errors -= model->refresh_errors;
      model->refresh_errors = 0;
      bool told = model->status != NULL &&
                  (strcmp(model->status, "degraded") == 0 || strcmp(model->status, "failing") == 0);
      if (told)
        model->status = model->errors == 0 && model->last_sync_at == 0 ? NULL
                                                                       : status_of(model->errors);
    }
  }
  model_wrote(model,
              purpose == 1 ? CONNECTOR_CHANGE_ROTATED
              : failed     ? CONNECTOR_CHANGE_HEALTH
                           : CONNECTOR_CHANGE_REFRESHED,
              model->reach);
}

static void try_lease(struct model *model, uint64_t *seed)
{
  size_t purpose = random_below(seed, PURPOSES);
  struct model_lease *lease = &model->leases[purpose];
  size_t pick = random_below(seed, 10);
  if (pick < 4 || lease->handle == NULL)
    try_take(model, purpose, seed);
  else if (pick < 6)
    try_renew(model, lease);
  else if (pick < 8 && purpose < 2)
    try_outcome(model, purpose, lease->handle, seed);
  else
    drop(model, lease);
}

/* ---- claims ---- */

static struct model *model_of(const char *id)
{
  for (size_t i = 0; i < model_count; i++)
    if (strcmp(models[i].id, id) == 0)
      return &models[i];
  fail_msg("%s is nobody's", id);
  return NULL;
}

/* One claimed connector was due and free; its holder ends the lease, tells an outcome, or dies. */
static void take_claimed(const connector_claim_item *item, size_t purpose, uint64_t *seed)
{
  struct model *model = model_of(item->record->id);
  struct model_lease *lease = &model->leases[purpose];
  if (!model_live(model) || lease_held(lease) ||
      model_due(model, (connector_due)(purpose + 1)) == NO)
    fail_msg("%s was claimed for %s: live %d, held %d, retry in %lld ms", model->id,
             model_purposes[purpose], model_live(model), lease_held(lease),
             (long long)(model->retry_at - test_time));
  assert_true(item->record->version == model->version);
  assert_true(connector_lease_fence(item->lease) > lease->fence);
  if (lease->handle != NULL)
    (void)!connector_lease_release(test.store, lease->handle, NULL);
  *lease = (struct model_lease){ connector_lease_fence(item->lease),
                                 connector_lease_expires_at(item->lease), false, NULL };
  size_t pick = random_below(seed, 3);
  if (pick == 0) {
    release(item->lease);
    lease->handed_back = true;
  } else if (pick == 1 && purpose < 2) {
    try_outcome(model, purpose, item->lease, seed);
  }
}

static void try_claim(uint64_t *seed)
{
  size_t purpose = random_below(seed, PURPOSES);
  connector_due due = (connector_due)(purpose + 1);
  size_t limit = random_below(seed, 2) == 0 ? 5 : CONNECTOR_CLAIMS_MAX;
  size_t least = 0;
  int64_t last = 0;
  bool claimed[MODELS] = { false };
  connector_claims *claims = claim(
      due, CLAIM(.limit = (uint32_t)limit, .ttl_ms = 120003, .interval_ms = INTERVAL));
  size_t count = connector_claims_count(claims);
  for (size_t i = 0; i < count; i++)
    claimed[model_of(connector_claims_at(claims, i)->record->id) - models] = true;
  for (size_t i = 0; i < model_count; i++) {
    bool must = model_live(&models[i]) && !lease_held(&models[i].leases[purpose]) &&
                model_due(&models[i], due) == YES;
    least += must;
    if (must && !claimed[i] && count < limit)
      fail_msg("%s is due for %s: needed %d, expires in %lld ms, retry in %lld ms", models[i].id,
               model_purposes[purpose], models[i].refresh_needed,
               (long long)(models[i].token_expires_at - test_time),
               (long long)(models[i].retry_at - test_time));
  }
  assert_true(count >= (least < limit ? least : limit) && count <= limit);
  for (size_t i = 0; i < count; i++) {
    const connector_claim_item *item = connector_claims_at(claims, i);
    assert_true(asker.all || item->due_at >= last);
    last = item->due_at;
    take_claimed(item, purpose, seed);
    assert_record_is(model_of(item->record->id));
  }
  connector_claims_free(claims);
}

/* ---- history and the clock ---- */

static void try_history(const struct model *model)
{
  connector_changes *changes = NULL;
  struct reach last = model->reach;
  last.there = true; /* a purged connector's history is still there */
  if (in_tenancy(model) && reaches(&last))
    assert_told(model);
  else
    assert_not_found(connector_history(test.store, model->id, 0, 0, &changes, &failure));
}

static void move_clock(uint64_t *seed)
{
  size_t pick = random_below(seed, 100);
  int64_t steps = (int64_t)random_below(seed, 3000);
  if (pick < 2)
    test_time -= 10 * steps; /* at most 30 s */
  else if (pick < 6)
    test_time += 3600 * 10 * steps; /* at most 30 h */
  else
    test_time += 10 * steps;
  latest_time = latest_time > test_time ? latest_time : test_time;
}

static void operate(uint64_t *seed)
{
  move_clock(seed);
  become_random(seed);
  size_t pick = random_below(seed, 100);
  if (pick < 8 || model_count == 0) {
    try_create(seed);
    return;
  }
  struct model *model = random_model(seed);
  if (pick < 24)
    try_update(model, seed);
  else if (pick < 32)
    try_end(model, random_below(seed, 10));
  else if (pick < 60)
    try_report(model, seed);
  else if (pick < 85)
    try_lease(model, seed);
  else if (pick < 95)
    try_claim(seed);
  else
    try_history(model);
  assert_record_is(model);
}

/* The whole feed, of a caller of every kind. */
static void assert_feeds(uint64_t *seed)
{
  for (int i = 0; i < 12; i++) {
    become_random(seed);
    assert_told(NULL);
  }
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_true(newest_seq() == (int64_t)model_row_count);
  assert_int_equal(first_bad(), 0);
}

static void everything_is_as_the_model_says(void **state)
{
  (void)state;
  static const uint64_t seeds[] = { 3, 20260401 };
  for (size_t i = 0; i < COUNT_OF(seeds); i++) {
    uint64_t seed = seeds[i];
    connector_options options = test_options();
    options.clock = test_clock;
    options.never_disable = true;
    close_store();
    assert_ok(connector_open(":memory:", &options, &test.store, &failure));
    memset(models, 0, sizeof(models));
    model_count = 0;
    model_row_count = 0;
    latest_time = test_time;
    for (int operation = 0; operation < OPERATIONS; operation++) {
      operate(&seed);
      if (operation % 1000 == 0)
        assert_feeds(&seed);
    }
    assert_feeds(&seed);
    become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
    for (size_t at = 0; at < model_count * PURPOSES; at++)
      (void)!connector_lease_release(test.store, models[at / PURPOSES].leases[at % PURPOSES].handle,
                                     NULL);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(everything_is_as_the_model_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
