/*
 * History, the feed, records as they stood, trimming, and the chain.
 */
#ifndef TESTS_MODEL_HISTORY_H
#define TESTS_MODEL_HISTORY_H

#include "lists.h"

enum { ROWS_ASKED = 50 };

/* Whether a change is told to the asker at all. */
static inline bool row_told(const struct row *row)
{
  return !row->trimmed && in_tenancy(&model.slots[row->slot]) &&
         (reaches(&row->after) || (row->had_before && reaches(&row->before)));
}

static inline void see_change(const connector_change *change, const struct row *row)
{
  char *json = NULL;
  size_t length = 0;
  assert_ok(connector_change_to_json(change, &json, &length, &failure));
  looked_at_row = row;
  see(json, length);
  looked_at_row = NULL;
  connector_string_free(json);
}

static inline void assert_change(const connector_change *change, const struct row *row)
{
  const struct slot *slot = &model.slots[row->slot];
  bool after = reaches(&row->after);
  bool before = row->had_before && reaches(&row->before);
  bool purge = row->kind == CONNECTOR_CHANGE_PURGED;
  if (change->seq != row - rows + 1 || change->kind != row->kind ||
      change->version != row->version || strcmp(change->id, slot->id) != 0 ||
      strcmp(change->tenant_id, tenants[slot->tenant]) != 0 || change->at != row->at ||
      change->out_of_reach != (!after && !purge))
    fail_msg("row %td, %s of slot %zu, is told to tenant %zu%s, app %zu, role %d as seq %lld, %s,"
             " version %lld, out of reach %d",
             row - rows, connector_change_kind_name(row->kind), row->slot, asker.tenant,
             asker.all ? " (all)" : "", asker.app, (int)asker.role, (long long)change->seq,
             connector_change_kind_name(change->kind), (long long)change->version,
             change->out_of_reach);
  assert_text(change->app_id, apps[slot->app]);
  assert_int_equal(change->forward != NULL, after && !purge);
  assert_int_equal(change->back != NULL, after && before && !purge);
  if (change->forward != NULL && !before) /* what was removed was there before */
    assert_lacks(change->forward, ":null");
  see_change(change, row);
}

/* ---- the feed ---- */

static inline void try_feed(uint64_t *seed)
{
  size_t back = random_below(seed, 400);
  size_t after = back < model.row_count ? model.row_count - back : 0;
  uint32_t limit = (uint32_t)(1 + random_below(seed, ROWS_ASKED));
  connector_changes *changes = NULL;
  size_t told = 0;
  answers(connector_changes_after(test.store, (int64_t)after, limit, &changes, &failure),
          CONNECTOR_OK);
  for (size_t i = after; i < model.row_count && told < limit; i++) {
    if (!row_told(&rows[i]))
      continue;
    const connector_change *change = connector_changes_at(changes, told++);
    if (change == NULL)
      fail_msg("row %zu is not told", i);
    assert_change(change, &rows[i]);
  }
  assert_int_equal(connector_changes_count(changes), told);
  connector_changes_free(changes);
}

static inline void try_wait(uint64_t *seed)
{
  size_t back = random_below(seed, 200);
  int64_t after = (int64_t)(back < model.row_count ? model.row_count - back : 0);
  int64_t wanted = after;
  int64_t newest = -1;
  if (run.batch_depth > 0) {
    answers(connector_changes_wait(test.store, after, 0, &newest, &failure), CONNECTOR_MISUSE);
    return;
  }
  for (size_t i = (size_t)after; i < model.row_count; i++)
    if (row_told(&rows[i]))
      wanted = (int64_t)i + 1;
  answers(connector_changes_wait(test.store, after, 0, &newest, &failure), CONNECTOR_OK);
  assert_int_equal(newest, wanted);
}

/* ---- one connector ---- */

/* Whose history the asker has for an id, and whether it has any: of a record that it sees, or of
 * one that was purged when it could see it. */
static inline bool history_of_whom(const char *id, size_t *tenant, connector_status *status)
{
  const struct slot *slot = resolve(id, status);
  const struct row *newest = NULL;
  size_t least = TENANTS;
  if (slot != NULL || *status == CONNECTOR_INVALID) {
    *tenant = slot != NULL ? slot->tenant : 0;
    return slot != NULL;
  }
  for (size_t i = 0; i < model.row_count; i++)
    if (!rows[i].trimmed && strcmp(model.slots[rows[i].slot].id, id) == 0 &&
        model.slots[rows[i].slot].tenant < least)
      least = model.slots[rows[i].slot].tenant;
  *tenant = asker.all ? least : asker.tenant;
  for (size_t i = 0; i < model.row_count; i++)
    if (!rows[i].trimmed && model.slots[rows[i].slot].tenant == *tenant &&
        strcmp(model.slots[rows[i].slot].id, id) == 0)
      newest = &rows[i];
  if (newest == NULL || newest->kind != CONNECTOR_CHANGE_PURGED ||
      !in_tenancy(&model.slots[newest->slot]) || !reaches(&newest->after))
    return false;
  *status = CONNECTOR_OK;
  return true;
}

static inline void try_history(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  connector_changes *changes = NULL;
  uint32_t limit = (uint32_t)(1 + random_below(seed, ROWS_ASKED));
  size_t before = random_below(seed, 2) == 0 ? 0 : 1 + random_below(seed, model.row_count + 1);
  size_t tenant = 0;
  size_t told = 0;
  bool has = history_of_whom(id, &tenant, &wanted);
  answers(connector_history(test.store, id, (int64_t)before, limit, &changes, &failure), wanted);
  if (!has) {
    assert_null(changes);
    return;
  }
  for (size_t i = before == 0 ? model.row_count : before - 1; i-- > 0 && told < limit;) {
    const struct slot *slot = &model.slots[rows[i].slot];
    if (slot->tenant != tenant || !row_told(&rows[i]) || strcmp(slot->id, id) != 0)
      continue;
    const connector_change *change = connector_changes_at(changes, told++);
    if (change == NULL)
      fail_msg("row %zu is not told of %s", i, id);
    assert_change(change, &rows[i]);
  }
  assert_int_equal(connector_changes_count(changes), told);
  connector_changes_free(changes);
}

/* Whose name it is, as it was: the record itself may say another one now. */
static inline void see_as_of(const connector *record, const struct slot *slot, int64_t name)
{
  char text[160];
  assert_text(record->name, name == 0 ? NULL : canary(text, slot, TEXT_NAME, name));
  see_record(record);
}

static inline void try_as_of(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  connector *record = NULL;
  struct slot *slot = resolve(id, &wanted);
  int64_t version = 1 + (int64_t)random_below(seed, slot != NULL ? (size_t)slot->version + 1 : 3);
  bool unsure = false;
  if (slot != NULL && version != slot->version) {
    bool known = version < VERSIONS && slot->versions[version].known && version < slot->version;
    unsure = version >= VERSIONS && version < slot->version;
    if (!known || rows[slot->versions[version].row - 1].trimmed ||
        !reaches(&slot->versions[version].reach))
      wanted = CONNECTOR_NOT_FOUND;
  }
  memset(&failure, 0x5a, sizeof(failure));
  connector_status got = connector_get_as_of(test.store, id, version, &record, &failure);
  see_error();
  if (!unsure)
    check_status(got, wanted, NULL, "connector_get_as_of()", __FILE__, __LINE__);
  if (got != CONNECTOR_OK)
    return;
  assert_true(record->version == version);
  if (version == slot->version)
    assert_record(record, slot);
  if (!unsure)
    see_as_of(record, slot,
              version == slot->version ? slot->serial[TEXT_NAME] : slot->versions[version].name);
  connector_free(record);
}

/* ---- the chain ---- */

static inline bool has_chain(void)
{
  return asker.role != CONNECTOR_ROLE_MEMBER && asker.app == 0;
}

static inline void try_trim(uint64_t *seed)
{
  int64_t before = now_ms() - (int64_t)random_below(seed, 8 * (size_t)HOUR);
  int64_t wanted = 0;
  int64_t trimmed = -1;
  if (run.batch_depth > 0)
    return; /* rows are not among what the model can undo */
  if (!has_chain()) {
    answers(connector_history_trim(test.store, before, &trimmed, &failure), CONNECTOR_DENIED);
    return;
  }
  for (size_t i = 0; i + 1 < model.row_count; i++) {
    if (rows[i].trimmed || rows[i].at >= before || !in_tenancy(&model.slots[rows[i].slot]))
      continue;
    rows[i].trimmed = true;
    wanted++;
  }
  answers(connector_history_trim(test.store, before, &trimmed, &failure), CONNECTOR_OK);
  assert_int_equal(trimmed, wanted);
}

static inline void try_verify(void)
{
  int64_t first_bad_seq = -1;
  answers(connector_history_verify(test.store, &first_bad_seq, &failure),
          has_chain() ? CONNECTOR_OK : CONNECTOR_DENIED);
  if (has_chain())
    assert_int_equal(first_bad_seq, 0);
}

#endif
