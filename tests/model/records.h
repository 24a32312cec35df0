/*
 * Creating, reading, changing and removing records, in each form that the API has for it.
 */
#ifndef TESTS_MODEL_RECORDS_H
#define TESTS_MODEL_RECORDS_H

#include "content.h"

/* ---- create ---- */

/* A new record of the asker's in the next free slot, which is taken when it was created. */
static inline struct slot *plan_slot(const struct reach *reach)
{
  struct slot *slot = &model.slots[model.slot_count];
  int64_t serial = ++serials;
  *slot = (struct slot){ .tenant = asker.tenant,
                         .app = asker.app,
                         .reach = *reach,
                         .there = true,
                         .version = 1,
                         .created_at = now_ms(),
                         .updated_at = now_ms(),
                         .created_by = asker.machine ? NOBODY : (int)asker.user,
                         .updated_by = asker.machine ? NOBODY : (int)asker.user,
                         .deleted_by = NOBODY,
                         .enabled = true,
                         .total = -1 };
  for (size_t i = 0; i < TEXTS; i++)
    slot->serial[i] = serial;
  return slot;
}

static inline void keep_slot(struct slot *slot, const char *id)
{
  snprintf(slot->id, sizeof(slot->id), "%s", id);
  model.slot_count++;
  wrote_at(slot, CONNECTOR_CHANGE_CREATED, NULL);
}

static inline connector_status wanted_of_create(const struct slot *slot)
{
  return asker.all ? CONNECTOR_INVALID : reaches(&slot->reach) ? CONNECTOR_OK : CONNECTOR_DENIED;
}

static inline void try_create(uint64_t *seed)
{
  struct reach reach = random_reach(seed);
  connector *record = NULL;
  connector_status wanted = CONNECTOR_OK;
  if (model.slot_count == SLOTS)
    return;
  struct slot *slot = plan_slot(&reach);
  wanted = wanted_of_create(slot);
  if (random_below(seed, 2) == 0) {
    connector_patch patch = CONNECTOR_PATCH_INIT;
    put_reach(&patch, &reach);
    put_texts(&patch, slot, ALL_TEXTS);
    answers(connector_create(test.store, &patch, &record, &failure), wanted);
  } else {
    char json[4096] = "{";
    put_json_reach(json + 1, &reach);
    size_t length = strlen(json);
    length += put_json_texts(json + length, sizeof(json) - length - 1, slot, ALL_TEXTS);
    json[length++] = '}';
    answers(connector_create_json(test.store, json, length, &record, &failure), wanted);
  }
  if (wanted != CONNECTOR_OK) {
    assert_null(record);
    return;
  }
  keep_slot(slot, record->id);
  take_record(record, slot);
}

/* The content of a key's first call, again or changed. */
static inline void try_once(uint64_t *seed)
{
  size_t key = random_below(seed, KEYS);
  struct once *once = &model.once[asker.tenant][asker.app][key];
  char name[32];
  connector *record = NULL;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  if (model.slot_count == SLOTS)
    return;
  struct reach reach = random_reach(seed);
  struct slot *slot = plan_slot(&reach);
  bool known = once->used && !asker.all && once->at > now_ms() - DAY &&
               model.slots[once->slot].there;
  bool again = known && random_below(seed, 4) != 0;
  struct slot first = *slot;
  snprintf(name, sizeof(name), "key-%zu", key);
  if (again) { /* texts name the slot that they were made for */
    reach = once->reach;
    for (size_t i = 0; i < TEXTS; i++)
      model.slots[model.slot_count].serial[i] = once->serial;
  }
  put_reach(&patch, &reach);
  if (again) {
    struct slot *original = &model.slots[once->slot];
    struct slot kept = *original;
    for (size_t i = 0; i < TEXTS; i++)
      original->serial[i] = once->serial;
    put_texts(&patch, original, ALL_TEXTS);
    *original = kept;
  } else {
    *slot = first;
    put_texts(&patch, slot, ALL_TEXTS);
  }
  connector_status wanted = asker.all                                    ? CONNECTOR_INVALID
                            : !reaches(&reach)                           ? CONNECTOR_DENIED
                            : !known                                     ? CONNECTOR_OK
                            : again && visible(&model.slots[once->slot]) ? CONNECTOR_OK
                                                                         : CONNECTOR_EXISTS;
  answers(connector_create_once(test.store, name, &patch, &record, &failure), wanted);
  if (wanted != CONNECTOR_OK)
    return;
  if (again) {
    take_record(record, &model.slots[once->slot]);
    return;
  }
  *once = (struct once){ true, model.slot_count, first.serial[0], now_ms(), reach };
  keep_slot(slot, record->id);
  take_record(record, slot);
}

/* ---- get ---- */

static inline void try_get(const char *id, bool with_deleted)
{
  connector *record = NULL;
  connector *copy = NULL;
  const struct slot *found = NULL;
  size_t count = 0;
  for (size_t i = 0; i < model.slot_count; i++) {
    const struct slot *slot = &model.slots[i];
    if (visible(slot) && (with_deleted || !slot->deleted) && strcmp(slot->id, id) == 0) {
      found = slot;
      count++;
    }
  }
  answers(
      connector_get(test.store, id, with_deleted ? CONNECTOR_WITH_DELETED : 0, &record, &failure),
      count == 0  ? CONNECTOR_NOT_FOUND
      : count > 1 ? CONNECTOR_INVALID
                  : CONNECTOR_OK);
  if (count != 1) {
    assert_null(record);
    return;
  }
  assert_ok(connector_dup(record, &copy, &failure));
  assert_true(connector_equal(record, copy));
  connector_free(copy);
  take_record(record, found);
}

/* ---- update ---- */

/* Random changes to a copy of the record; the texts that change. */
static inline unsigned plan_update(struct slot *changed, connector_patch *patch, uint64_t *seed)
{
  unsigned set = 0;
  int64_t serial = ++serials;
  for (size_t times = random_below(seed, 4); times > 0; times--)
    set |= 1u << random_below(seed, TEXTS);
  for (size_t i = 0; i < TEXTS; i++)
    if ((set & 1u << i) != 0)
      changed->serial[i] = i != TEXT_SOURCE && random_below(seed, 6) == 0 ? 0 : serial;
  if ((set & 1u << TEXT_STATUS) != 0)
    changed->status = NULL;
  if ((set & 1u << TEXT_ERROR) != 0)
    changed->other_error = false;
  if (random_below(seed, 4) == 0) {
    changed->enabled = !changed->enabled;
    patch->enabled = changed->enabled ? CONNECTOR_YES : CONNECTOR_NO;
  }
  if (random_below(seed, 5) == 0) {
    changed->refresh_needed = true;
    patch->oauth_refresh_needed = CONNECTOR_YES;
  }
  if (random_below(seed, 5) == 0)
    patch->oauth_token_expires_at = changed->token_expires_at =
        now_ms() + 10 * (int64_t)random_below(seed, 200000) + 5;
  if (random_below(seed, 5) == 0)
    patch->next_rotation_due = changed->rotation_due = now_ms() +
                                                       10 * (int64_t)random_below(seed, 200000) + 5;
  return set;
}

/* The change as a merge patch; of what is not text, `enabled` and the version alone. */
static inline connector_status update_by_json(const char *id, int64_t version,
                                              const struct slot *changed, unsigned set,
                                              const struct reach *reach, connector **out)
{
  char json[4096];
  char text[200] = "";
  if (reach != NULL)
    put_json_reach(text, reach);
  size_t length = (size_t)snprintf(json, sizeof(json), "{\"enabled\":%s%s%s",
                                   changed->enabled ? "true" : "false", reach != NULL ? "," : "",
                                   text);
  length += put_json_texts(json + length, sizeof(json) - length - 60, changed, set);
  if (version > 0 && version % 2 == 0) { /* in the body */
    length += (size_t)snprintf(json + length, 60, ",\"version\":%lld", (long long)version);
    version = 0;
  }
  json[length++] = '}';
  return connector_update_json(test.store, id, version, json, length, out, &failure);
}

static inline void try_update(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve_live(id, &wanted);
  struct slot *stand_in = slot != NULL ? slot : random_slot(seed);
  struct slot before = *stand_in;
  struct slot *changed = stand_in; /* canaries tell the slot by where it is */
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;
  bool json = random_below(seed, 2) == 0;
  bool moves = random_below(seed, 3) == 0;
  size_t pick = random_below(seed, 6);
  int64_t version = pick == 0 ? before.version + 1 : pick < 4 ? before.version : 0;
  unsigned set = plan_update(changed, &patch, seed);
  if (moves) {
    changed->reach = random_reach(seed);
    put_reach(&patch, &changed->reach);
  }
  put_texts(&patch, changed, set);
  bool denied = !reaches(&changed->reach);
  struct slot after = *changed;
  *stand_in = before; /* in case that it fails */
  if (slot != NULL)
    wanted = pick == 0 ? CONNECTOR_CONFLICT : denied ? CONNECTOR_DENIED : CONNECTOR_OK;
  memset(&failure, 0x5a, sizeof(failure));
  if (json) {
    *stand_in = after;
    connector_status status = update_by_json(id, version, changed, set, moves ? &after.reach : NULL,
                                             &record);
    *stand_in = before;
    check_status(status, wanted, NULL, "connector_update_json()", __FILE__, __LINE__);
    see_error();
    after.refresh_needed = before.refresh_needed;
    after.token_expires_at = before.token_expires_at;
    after.rotation_due = before.rotation_due;
  } else {
    answers(connector_update(test.store, id, version, &patch, &record, &failure), wanted);
  }
  if (wanted == CONNECTOR_CONFLICT)
    assert_true(failure.version == before.version);
  if (wanted != CONNECTOR_OK) {
    assert_null(record);
    return;
  }
  /* A patch replaces metrics whole; a merge patch keeps what a report put there. */
  if ((set & 1u << TEXT_METRICS) != 0 && (!json || after.serial[TEXT_METRICS] == 0))
    after.total = -1;
  *slot = after;
  stamp(slot, true);
  wrote_at(slot, CONNECTOR_CHANGE_UPDATED, &before);
  take_record(record, slot);
}

/* ---- delete, restore, purge ---- */

static inline void try_delete(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve_live(id, &wanted);
  int64_t version = slot != NULL && random_below(seed, 2) == 0 ? slot->version : 0;
  if (slot != NULL && random_below(seed, 6) == 0) {
    version = slot->version + 1;
    wanted = CONNECTOR_CONFLICT;
  }
  answers(connector_delete(test.store, id, version, &failure), wanted);
  if (wanted != CONNECTOR_OK)
    return;
  struct slot before = *slot;
  stamp(slot, true);
  slot->deleted = true;
  slot->deleted_at = now_ms();
  slot->deleted_by = asker.machine ? NOBODY : (int)asker.user;
  wrote_at(slot, CONNECTOR_CHANGE_DELETED, &before);
}

static inline void try_restore(const char *id)
{
  connector_status wanted = CONNECTOR_OK;
  connector *record = NULL;
  struct slot *slot = resolve(id, &wanted);
  if (slot != NULL && !slot->deleted)
    wanted = CONNECTOR_CONFLICT;
  answers(connector_restore(test.store, id, 0, &record, &failure), wanted);
  if (wanted != CONNECTOR_OK)
    return;
  struct slot before = *slot;
  stamp(slot, true);
  slot->deleted = false;
  slot->deleted_at = 0;
  slot->deleted_by = NOBODY;
  wrote_at(slot, CONNECTOR_CHANGE_RESTORED, &before);
  take_record(record, slot);
}

static inline void purged(struct slot *slot)
{
  struct slot before = *slot;
  wrote_at(slot, CONNECTOR_CHANGE_PURGED, &before);
  slot->there = false;
  slot->secret = (struct secret){ 0 };
  for (size_t i = 0; i < PURPOSES; i++)
    slot->leases[i].fence = 0;
}

static inline void try_purge(const char *id)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve(id, &wanted);
  if (slot != NULL && !slot->deleted)
    wanted = CONNECTOR_CONFLICT;
  answers(connector_purge(test.store, id, &failure), wanted);
  if (wanted == CONNECTOR_OK)
    purged(slot);
}

/* In which order they go is not settled: on_change tells. */
static inline void try_purge_deleted(void)
{
  int64_t before = now_ms() - HOUR / 2;
  int64_t count = -1;
  size_t wanted = 0;
  if (run.batch_depth > 0)
    return; /* nothing is told before its end */
  for (size_t i = 0; i < model.slot_count; i++)
    wanted += visible(&model.slots[i]) && model.slots[i].deleted &&
              model.slots[i].deleted_at < before;
  answers(connector_purge_deleted(test.store, before, &count, &failure), CONNECTOR_OK);
  assert_int_equal(count, wanted);
  assert_int_equal(notes.told, wanted);
  for (size_t note = 0; note < notes.told; note++) {
    struct slot *slot = NULL;
    for (size_t i = 0; i < model.slot_count && slot == NULL; i++)
      if (visible(&model.slots[i]) && model.slots[i].deleted &&
          model.slots[i].deleted_at < before && strcmp(model.slots[i].id, notes.ids[note]) == 0 &&
          notes.tenants[note] == (char)('0' + model.slots[i].tenant))
        slot = &model.slots[i];
    assert_non_null(slot);
    purged(slot);
  }
}

#endif
