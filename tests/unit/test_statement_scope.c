/*
 * Every statement on records and their history that the engine can make, over all kinds, scopes,
 * filters and orders: its text holds its scope's predicate where nothing can get around it, the
 * scope's own values are bound to it, and no row out of the scope is touched. Statements on what is
 * kept beside records name the tenant.
 */
#include "engine_support.h"

#include "engine/beside.h"
#include "engine/due.h"
#include "engine/history.h"
#include "engine/meta.h"

/* ---- scopes and rows ---- */

static const struct scope scopes[] = {
  { SCOPE_MEMBER, "tenant-a", NULL, "user-ann", "\x1fgroup-1\x1f" },
  { SCOPE_MEMBER, "tenant-a", "app-1", "user-ann", "\x1fgroup-1\x1f" },
  { SCOPE_MEMBER, "tenant-a", NULL, NULL, NULL },
  { SCOPE_TENANT, "tenant-a", NULL, NULL, NULL },
  { SCOPE_TENANT, "tenant-a", "app-1", NULL, NULL },
  { SCOPE_SYSTEM, NULL, NULL, NULL, NULL },
  { SCOPE_SYSTEM, NULL, "app-1", NULL, NULL },
};

enum { ROWS = 2 * 2 * 4 * 2 };

static connector rows[ROWS];
static char ids[ROWS][16];
static size_t looked_at;

/* Each tenant, app, kind of visibility and state; the foreign ones look like the own ones. */
static int setup_neighbours(void **state)
{
  if (setup_rows(state) != 0)
    return -1;
  looked_at = 0;
  for (size_t i = 0; i < ROWS; i++) {
    static const connector_scope kinds[] = { CONNECTOR_SCOPE_ORG, CONNECTOR_SCOPE_USER,
                                             CONNECTOR_SCOPE_USER, CONNECTOR_SCOPE_GROUP };
    connector *row = &rows[i];
    snprintf(ids[i], sizeof(ids[0]), "cnn_%02zu", i);
    *row = sample(i % 2 == 0 ? "tenant-a" : "tenant-b", ids[i]);
    row->app_id = i / 2 % 2 == 0 ? NULL : "app-1";
    row->scope = kinds[i / 4 % 4];
    row->user_id = i / 4 % 4 == 2 ? "user-bob" : "user-ann";
    row->group_id = i / 4 % 4 == 3 && i / 2 % 2 == 0 ? "group-2" : "group-1";
    row->deleted_at = i / 16 == 0 ? 0 : 5;
    row->is_deleted = row->deleted_at != 0;
    row->name = "x";
    row->provider = "x";
    row->config = "{\"a\":\"x\"}";
    row->tags = "[\"x\"]";
    row->oauth_refresh_needed = true;
    row->next_rotation_due = 5;
    put(row);
  }
  return 0;
}

static const connector *row_with_id(const char *id)
{
  for (size_t i = 0; i < ROWS; i++)
    if (strcmp(rows[i].id, id) == 0)
      return &rows[i];
  fail_msg("no row has the id %s", id);
  return NULL;
}

/* ---- looking at a statement ---- */

/* Whether an OR stands outside all brackets, where it would get around the scope. */
static bool has_open_or(const char *condition)
{
  int depth = 0;
  for (const char *at = condition; *at != '\0'; at++) {
    depth += *at == '(';
    depth -= *at == ')';
    if (depth == 0 && strncmp(at, " OR ", 4) == 0)
      return true;
  }
  return depth != 0;
}

struct wanted {
  bool bound;   /* with its values in their places */
  bool history; /* of the table of history */
  char text[1024];
  size_t length;
};

static void want(struct wanted *wanted, const char *text)
{
  wanted->length += (size_t)snprintf(wanted->text + wanted->length,
                                     sizeof(wanted->text) - wanted->length, "%s", text);
  assert_true(wanted->length < sizeof(wanted->text));
}

static void want_value(struct wanted *wanted, const char *value)
{
  char quoted[64];
  snprintf(quoted, sizeof(quoted), value != NULL ? "'%s'" : "NULL", value);
  want(wanted, wanted->bound ? quoted : "?");
}

/* Writes `text` with `prefix` in the place of each '@'. */
static void want_prefixed(struct wanted *wanted, const char *text, const char *prefix)
{
  for (; *text != '\0'; text++) {
    const char one[] = { *text, '\0' };
    want(wanted, *text == '@' ? prefix : one);
  }
}

static void want_reach(struct wanted *wanted, const struct scope *scope, const char *prefix)
{
  want_prefixed(wanted, "(@scope = 'org' OR (@scope = 'user' AND ", prefix);
  want_value(wanted, scope->user);
  want_prefixed(wanted, " IN (@user_id, @owner_id)) OR (@scope = 'group' AND instr(", prefix);
  want_value(wanted, scope->groups);
  want_prefixed(wanted, ", char(31) || @group_id || char(31)) > 0))", prefix);
}

/* What the scope must have written. */
static void wanted_predicate(const struct scope *scope, struct wanted *wanted)
{
  wanted->length = 0;
  if (scope->kind != SCOPE_SYSTEM) {
    want(wanted, "tenant_id = ");
    want_value(wanted, scope->tenant);
  } else {
    want(wanted, "1");
  }
  if (scope->app != NULL) {
    want(wanted, " AND app_id = ");
    want_value(wanted, scope->app);
  }
  if (scope->kind != SCOPE_MEMBER)
    return;
  want(wanted, wanted->history ? " AND (" : " AND ");
  want_reach(wanted, scope, "");
  if (!wanted->history)
    return;
  want(wanted, " OR ");
  want_reach(wanted, scope, "was_");
  want(wanted, ")");
}

/* What may stand behind a predicate. */
static bool is_followed_well(const char *rest)
{
  static const char *const starts[] = { " AND ", " ORDER BY ", " LIMIT ?", " LIMIT 2" };
  bool well = *rest == '\0';
  for (size_t i = 0; i < COUNT_OF(starts); i++)
    well = well || strncmp(rest, starts[i], strlen(starts[i])) == 0;
  return well;
}

/* Whether the predicate is one of the condition's own terms, outside all brackets. */
static bool is_term(const char *condition, const char *predicate)
{
  int depth = 0;
  for (const char *at = condition; *at != '\0'; at++) {
    bool starts = at == condition || (at - condition >= 5 && strncmp(at - 5, " AND ", 5) == 0);
    if (depth == 0 && starts && strncmp(at, predicate, strlen(predicate)) == 0 &&
        is_followed_well(at + strlen(predicate)))
      return true;
    depth += *at == '(';
    depth -= *at == ')';
  }
  return false;
}

/* What stands behind the WHERE of the statement itself, not of a query inside it. */
static const char *condition_of(const char *text)
{
  int depth = 0;
  for (const char *at = text; *at != '\0'; at++) {
    depth += *at == '(';
    depth -= *at == ')';
    if (depth == 0 && strncmp(at, " WHERE ", 7) == 0)
      return at + 7;
  }
  fail_msg("no condition: %s", text);
  return NULL;
}

static void assert_written(const struct scope *scope, struct wanted *wanted, bool values)
{
  struct statement *statement = latest_statement();
  const char *text = sqlite3_sql(statement->handle);
  const char *condition = condition_of(text);
  looked_at++;
  wanted->bound = false;
  wanted_predicate(scope, wanted);
  if (!is_term(condition, wanted->text) || has_open_or(condition))
    fail_msg("scope kind %d: %s", (int)scope->kind, text);
  if (values) {
    char *expanded = sqlite3_expanded_sql(statement->handle);
    wanted->bound = true;
    wanted_predicate(scope, wanted);
    if (expanded == NULL || strstr(expanded, wanted->text) == NULL)
      fail_msg("wanted %s in %s", wanted->text, expanded != NULL ? expanded : "nothing");
    sqlite3_free(expanded);
  }
}

/* `values` false: they were borrowed from what is gone by now, so only the text is looked at. */
static void assert_scoped(const struct scope *scope, bool values)
{
  struct wanted wanted = { .history = false };
  assert_written(scope, &wanted, values);
}

static void assert_history_scoped(const struct scope *scope)
{
  struct wanted wanted = { .history = true };
  assert_written(scope, &wanted, true);
}

/* ---- single rows ---- */

static void finding_is_scoped(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    for (int deleted = 0; deleted <= CONNECTOR_DELETED_ONLY; deleted++)
      for (size_t row = 0; row < ROWS; row++) {
        connector *found = NULL;
        bool covered = scope_covers(&scopes[i], &rows[row]) &&
                       (deleted == CONNECTOR_DELETED_INCLUDE ||
                        rows[row].is_deleted == (deleted == CONNECTOR_DELETED_ONLY));
        engine_ok(rows_find(engine.connection, &scopes[i], rows[row].id, (connector_deleted)deleted,
                            &found, &failure));
        assert_scoped(&scopes[i], false);
        assert_int_equal(found != NULL, covered);
        connector_free(found);
      }
}

static void finding_a_wait_is_scoped(void **state)
{
  (void)state;
  engine_ok(connection_run(engine.connection,
                           "UPDATE connector SET refresh_after = 1, rotation_after = 2,"
                           " sync_after = 3",
                           &failure));
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    for (int wait = 0; wait < WAITS; wait++)
      for (size_t row = 0; row < ROWS; row++) {
        int64_t until = -1;
        engine_ok(rows_find_wait(engine.connection, &scopes[i], rows[row].id, (enum wait)wait,
                                 &until, &failure));
        assert_scoped(&scopes[i], true);
        assert_int_equal(until, scope_covers(&scopes[i], &rows[row]) ? wait + 1 : 0);
      }
}

typedef connector_status (*change_fn)(const struct target *target, bool *changed);

static const struct stamp stamp = { 9, NULL };

static connector_status update_nothing(const struct target *target, bool *changed)
{
  struct draft draft;
  connector_status status = CONNECTOR_OK;
  draft_init(&draft);
  status = rows_update(engine.connection, target, &draft, &stamp, changed, &failure);
  draft_free(&draft);
  return status;
}

static connector_status update_all(const struct target *target, bool *changed)
{
  struct draft draft;
  connector_status status = CONNECTOR_OK;
  draft_init(&draft);
  draft.values = sample("tenant-a", "cnn_x");
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++)
    if (record_fields[i].writer != WRITER_SERVER)
      draft.set |= CONNECTOR_BIT(i);
  status = rows_update(engine.connection, target, &draft, &stamp, changed, &failure);
  draft_free(&draft);
  return status;
}

static connector_status report(const struct target *target, unsigned waits, bool *changed)
{
  const struct waits until = { waits, { 5, 0, 7 } };
  struct draft draft;
  connector_status status = CONNECTOR_OK;
  draft_init(&draft);
  draft.values.oauth_token_expires_at = 9;
  draft.set = CONNECTOR_BIT(CONNECTOR_FIELD_OAUTH_TOKEN_EXPIRES_AT);
  draft.cleared = CONNECTOR_BIT(CONNECTOR_FIELD_LAST_ERROR);
  status = rows_report(engine.connection, target, &draft, &until, &stamp, changed, &failure);
  draft_free(&draft);
  return status;
}

enum { ALL_WAITS = (1 << WAITS) - 1 };

static connector_status report_alone(const struct target *target, bool *changed)
{
  return report(target, 0, changed);
}

static connector_status report_and_wait(const struct target *target, bool *changed)
{
  return report(target, ALL_WAITS, changed);
}

static connector_status wait_for_one(const struct target *target, bool *changed)
{
  const struct waits waits = { 1u << WAIT_SYNC, { 0, 0, 7 } };
  return rows_wait(engine.connection, target, &waits, changed, &failure);
}

static connector_status wait_for_all(const struct target *target, bool *changed)
{
  const struct waits waits = { ALL_WAITS, { 0, 6, 7 } };
  return rows_wait(engine.connection, target, &waits, changed, &failure);
}

static connector_status delete_row(const struct target *target, bool *changed)
{
  return rows_delete(engine.connection, target, &stamp, changed, &failure);
}

static connector_status restore_row(const struct target *target, bool *changed)
{
  return rows_restore(engine.connection, target, &stamp, changed, &failure);
}

static connector_status purge_row(const struct target *target, bool *changed)
{
  return rows_purge(engine.connection, target, changed, &failure);
}

static void changes_are_scoped(void **state)
{
  const struct {
    change_fn change;
    bool of_deleted;
  } changes[] = {
    { update_nothing, false },  { update_all, false },   { report_alone, false },
    { report_and_wait, false }, { wait_for_one, false }, { wait_for_all, false },
    { delete_row, false },      { restore_row, true },   { purge_row, true },
  };
  (void)state;
  for (size_t change = 0; change < COUNT_OF(changes); change++)
    for (size_t i = 0; i < COUNT_OF(scopes); i++)
      for (size_t row = 0; row < ROWS * 2; row++) {
        struct target target = { &scopes[i], rows[row / 2].id, (int64_t)(row % 2) };
        bool wanted = scopes[i].tenant != NULL && scope_covers(&scopes[i], &rows[row / 2]) &&
                      rows[row / 2].is_deleted == changes[change].of_deleted;
        bool changed = false;
        engine_ok(connection_begin_write(engine.connection, &failure));
        engine_ok(changes[change].change(&target, &changed));
        connection_rollback(engine.connection);
        assert_scoped(&scopes[i], true);
        if (changed != wanted)
          fail_msg("change %zu, scope %zu: row %s", change, i, target.id);
      }
}

static void assert_all_covered(const struct scope *scope, struct statement *statement)
{
  struct row row;
  bool found = false;
  do {
    engine_ok(rows_next(statement, &row, &found, &failure));
    if (found && !scope_covers(scope, row_with_id(row.record.id)))
      fail_msg("%s is out of scope: %s", row.record.id, latest_text());
  } while (found);
}

static void purging_by_age_is_scoped(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scopes); i++) {
    struct statement *statement = NULL;
    connector row;
    bool found = true;
    engine_ok(rows_purgeable(engine.connection, &scopes[i], 100, 100, &statement, &failure));
    while (found) {
      engine_ok(rows_next_purgeable(statement, &row, &found, &failure));
      if (found)
        assert_true(scope_covers(&scopes[i], row_with_id(row.id)));
    }
    assert_scoped(&scopes[i], true);
    statement_done(statement);
  }
}

/* ---- lists ---- */

static const char *const texts[] = { "x" };
static const char *const times[] = { "2026-11-23T17:49:00Z" };
static const char *const choices[] = { "user" };
static const char *const types[] = { "api" };

static bool fitting_filter(size_t field, int op, bool path, connector_filter *filter)
{
  const char *const *values = record_fields[field].kind == KIND_TIME ? times : texts;
  if (record_fields[field].kind == KIND_ENUM)
    values = field == CONNECTOR_FIELD_SCOPE ? choices : types;
  *filter = (connector_filter){ .field = (connector_field)field,
                                .op = (connector_op)op,
                                .text = values[0],
                                .texts = values,
                                .text_count = 1,
                                .path = path ? "a" : NULL };
  if (record_fields[field].kind == KIND_BOOL || record_fields[field].kind == KIND_INTEGER) {
    filter->text = NULL;
    filter->number = 1;
  }
  return listing_check(&(connector_query){ .filters = filter, .filter_count = 1 }, NULL) ==
         CONNECTOR_OK;
}

static void assert_list_scoped(const struct scope *scope, const connector_query *query,
                               const struct position *after)
{
  struct arena arena = { 0 };
  struct listing listing = { scope, query, after, 100, &arena };
  struct statement *statement = NULL;
  int64_t count = 0;
  engine_ok(listing_start(engine.connection, &listing, &statement, &failure));
  assert_all_covered(scope, statement);
  assert_scoped(scope, true);
  statement_done(statement);
  engine_ok(listing_count(engine.connection, &listing, &count, &failure));
  assert_scoped(scope, true);
  arena_free(&arena);
}

static void every_filter_is_scoped(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    for (size_t field = 0; field < CONNECTOR_FIELD_COUNT; field++)
      for (int op = CONNECTOR_OP_EQ; op <= CONNECTOR_OP_NOT_NULL; op++)
        for (int path = 0; path < 2; path++) {
          connector_filter filter;
          connector_query query = CONNECTOR_QUERY_INIT;
          if (!fitting_filter(field, op, path != 0, &filter))
            continue;
          query.filters = &filter;
          query.filter_count = 1;
          query.deleted = (connector_deleted)(op % 3);
          assert_list_scoped(&scopes[i], &query, NULL);
        }
}

static void every_order_and_position_is_scoped(void **state)
{
  static const struct position positions[] = {
    { .id = "cnn_04", .tenant = "tenant-a", .text = "x" },
    { .id = "cnn_04", .tenant = "tenant-a", .number = 1 },
    { .id = "cnn_04", .tenant = "tenant-a", .null = true },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    for (size_t field = 0; field < CONNECTOR_FIELD_COUNT; field++)
      for (size_t variant = 0; variant < 2 * (COUNT_OF(positions) + 1); variant++) {
        connector_query query = CONNECTOR_QUERY_INIT;
        size_t position = variant / 2;
        query.order_by = (connector_field)field;
        query.descending = variant % 2 != 0;
        query.deleted = CONNECTOR_DELETED_INCLUDE;
        if (position == COUNT_OF(positions) && (record_fields[field].flags & FIELD_NULLABLE) == 0)
          continue;
        if (listing_check(&query, NULL) == CONNECTOR_OK)
          assert_list_scoped(&scopes[i], &query, position > 0 ? &positions[position - 1] : NULL);
      }
}

static void searches_and_states_are_scoped(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    for (int deleted = 0; deleted <= CONNECTOR_DELETED_ONLY; deleted++) {
      connector_query query = CONNECTOR_QUERY_INIT;
      query.search = "x') OR 1 --  x";
      query.deleted = (connector_deleted)deleted;
      assert_list_scoped(&scopes[i], &query, NULL);
    }
}

/* ---- due work ---- */

/* Makes every row wait, NULL for none, and its last sync be then. */
static void wait_all(const char *until, const char *last_sync_at)
{
  char sql[200];
  snprintf(sql, sizeof(sql),
           "UPDATE connector SET refresh_after = %s, rotation_after = %s, sync_after = %s,"
           " last_sync_at = %s",
           until, until, until, last_sync_at);
  engine_ok(connection_run(engine.connection, sql, &failure));
}

static const struct due_query due_queries[] = {
  { CONNECTOR_DUE_REFRESH, false, 100, 100, 1000, 1000 },
  { CONNECTOR_DUE_REFRESH, true, 100, 100, 1000, 1000 },
  { CONNECTOR_DUE_ROTATION, false, 100, 100, 1000, 1000 },
  { CONNECTOR_DUE_SYNC, false, 100, 100, 1000, 1000 },
};

static size_t covered_live(const struct scope *scope)
{
  size_t count = 0;
  for (size_t i = 0; i < ROWS; i++)
    count += scope_covers(scope, &rows[i]) && !rows[i].is_deleted;
  return count;
}

static void assert_due_scoped(const struct scope *scope, const struct due_query *query,
                              enum due_range range)
{
  struct statement *statement = NULL;
  size_t count = 0;
  bool found = true;
  engine_ok(due_start(engine.connection, scope, query, range, &statement, &failure));
  for (;;) {
    struct row row;
    int64_t key = 0;
    engine_ok(due_next(statement, &row, &key, &found, &failure));
    if (!found)
      break;
    assert_true(scope_covers(scope, row_with_id(row.record.id)));
    count++;
  }
  assert_scoped(scope, true);
  statement_done(statement);
  assert_int_equal(count, covered_live(scope));
}

static void due_work_is_scoped(void **state)
{
  (void)state;
  for (int range = 0; range < DUE_RANGES; range++) {
    wait_all("NULL", range == DUE_AHEAD ? "5000" : "NULL");
    for (size_t query = 0; query < COUNT_OF(due_queries); query++)
      for (size_t i = 0;
           i < COUNT_OF(scopes) && due_has_range(&due_queries[query], (enum due_range)range); i++)
        assert_due_scoped(&scopes[i], &due_queries[query], (enum due_range)range);
  }
}

/* Over, and longer than any could be. */
static const char *const ended_waits[] = { "5", "5000" };

static size_t waiting(connector_due due, const struct scope *scope)
{
  size_t count = 0;
  for (size_t i = 0; i < ROWS; i++) {
    const struct scope own = scope_of(SCOPE_TENANT, rows[i].tenant_id);
    int64_t until = 0;
    engine_ok(rows_find_wait(engine.connection, &own, rows[i].id, (enum wait)(due - 1), &until,
                             &failure));
    count += until != 0 && scope_covers(scope, &rows[i]);
  }
  return count;
}

static void looking_for_waits_that_are_over_is_scoped(void **state)
{
  (void)state;
  for (size_t wait = 0; wait < COUNT_OF(ended_waits); wait++)
    for (size_t query = 0; query < COUNT_OF(due_queries); query++)
      for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        bool any = false;
        wait_all(ended_waits[wait], "NULL");
        engine_ok(
            due_any_ended(engine.connection, &scopes[i], &due_queries[query], &any, &failure));
        assert_true(any);
        assert_scoped(&scopes[i], true);
        for (size_t row = 0; row < ROWS; row++)
          if (scope_covers(&scopes[i], &rows[row])) {
            const struct scope own = scope_of(SCOPE_TENANT, rows[row].tenant_id);
            const struct target target = { &own, rows[row].id, 0 };
            const struct waits none = { .set = 1u << (due_queries[query].due - 1) };
            bool changed = false;
            engine_ok(rows_wait(engine.connection, &target, &none, &changed, &failure));
          }
        engine_ok(
            due_any_ended(engine.connection, &scopes[i], &due_queries[query], &any, &failure));
        assert_false(any);
      }
}

static void waits_are_ended_within_the_scope(void **state)
{
  const struct scope everything = { .kind = SCOPE_SYSTEM };
  (void)state;
  for (size_t wait = 0; wait < COUNT_OF(ended_waits); wait++)
    for (size_t query = 0; query < COUNT_OF(due_queries); query++)
      for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        connector_due due = due_queries[query].due;
        size_t live = covered_live(&scopes[i]);
        size_t before = 0;
        wait_all(ended_waits[wait], "NULL");
        before = waiting(due, &everything);
        engine_ok(due_end_waits(engine.connection, &scopes[i], &due_queries[query], &failure));
        assert_scoped(&scopes[i], true);
        assert_contains(latest_text(), " AND id IN (SELECT id FROM connector WHERE ");
        assert_true(live > 0);
        assert_int_equal(waiting(due, &everything), before - live);
      }
}

/* The list that an update is made of is scoped like the update itself. */
static void what_waits_are_ended_from_is_scoped_too(void **state)
{
  (void)state;
  for (size_t query = 0; query < COUNT_OF(due_queries); query++)
    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
      struct wanted wanted = { .bound = true };
      char *expanded = NULL;
      const char *list = NULL;
      engine_ok(due_end_waits(engine.connection, &scopes[i], &due_queries[query], &failure));
      assert_scoped(&scopes[i], true);
      wanted_predicate(&scopes[i], &wanted);
      expanded = sqlite3_expanded_sql(latest_statement()->handle);
      assert_non_null(expanded);
      list = strstr(expanded, "(SELECT id FROM connector WHERE ");
      assert_non_null(list);
      list += strlen("(SELECT id FROM connector WHERE ");
      assert_int_equal(strncmp(list, wanted.text, wanted.length), 0);
      assert_int_equal(strncmp(list + wanted.length, " AND ", 5), 0);
      sqlite3_free(expanded);
    }
}

static void tenants_with_due_work_are_scoped(void **state)
{
  (void)state;
  for (int index = DUE_INDEX_FREE; index <= DUE_INDEX_WAITING; index++) {
    wait_all(index == DUE_INDEX_FREE ? "NULL" : "5", "NULL");
    for (size_t query = 0; query < COUNT_OF(due_queries); query++)
      for (size_t i = 0; i < COUNT_OF(scopes); i++) {
        struct buffer tenant = { 0 };
        bool due = false;
        engine_ok(due_tenant(engine.connection, &scopes[i], &due_queries[query],
                             (enum due_index)index, "tenant-a", &tenant, &due, &failure));
        assert_scoped(&scopes[i], true);
        assert_contains(latest_text(), "WHERE tenant_id = first.tenant_id AND ");
        assert_text(tenant.bytes, scopes[i].kind == SCOPE_SYSTEM ? "tenant-b" : "");
        buffer_free(&tenant);
      }
  }
}

/* ---- history ---- */

/* A change of each row, whose seq is its index + 1. */
static void add_history(void)
{
  for (size_t i = 0; i < ROWS; i++) {
    static const char *const kinds[] = { "org", "user", "group" };
    const connector *record = &rows[i];
    struct history_row row = { .seq = (int64_t)i + 1,
                               .tenant_id = record->tenant_id,
                               .connector_id = "cnn_1",
                               .app_id = record->app_id,
                               .version = 1,
                               .kind = "updated",
                               .at = 1,
                               .scope = kinds[record->scope - 1],
                               .owner_id = record->owner_id,
                               .group_id = record->group_id,
                               .user_id = record->user_id };
    if (i / 16 == 1) {
      row.was_scope = row.scope;
      row.was_user_id = row.user_id;
      row.was_group_id = row.group_id;
      row.scope = "user";
      row.user_id = "user-bob";
    }
    engine_ok(history_insert(engine.connection, &row, &failure));
  }
}

static void assert_changes_scoped(const struct scope *scope, struct statement *statement,
                                  unsigned parts)
{
  struct history_row row = { .tenant_id = "", .connector_id = "", .kind = "" };
  size_t count = 0;
  size_t wanted = 0;
  bool found = true;
  for (;;) {
    engine_ok(history_next(statement, parts, &row, &found, &failure));
    if (!found)
      break;
    if ((parts & HISTORY_SHOWN) != 0)
      assert_true(scope_covers(scope, &rows[row.seq - 1]));
    count++;
  }
  assert_history_scoped(scope);
  statement_done(statement);
  for (size_t i = 0; i < ROWS; i++)
    wanted += scope_covers(scope, &rows[i]);
  assert_int_equal(count, wanted);
}

static void feeds_and_histories_are_scoped(void **state)
{
  (void)state;
  add_history();
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    for (unsigned parts = HISTORY_SHOWN; parts <= HISTORY_ALL; parts++) {
      struct statement *statement = NULL;
      engine_ok(history_feed(engine.connection, &scopes[i], parts, 0, 1000, &statement, &failure));
      assert_changes_scoped(&scopes[i], statement, parts);
      engine_ok(history_of(engine.connection, &scopes[i], parts, "cnn_1", INT64_MAX, 1000,
                           &statement, &failure));
      assert_changes_scoped(&scopes[i], statement, parts);
    }
}

/* An index that is out of order may lead to another's row, which no predicate can turn away. */
static void a_row_of_another_tenant_than_expected_is_damage(void **state)
{
  const struct scope own = scope_of(SCOPE_TENANT, "tenant-a");
  struct statement *statement = NULL;
  struct history_row row = { 0 };
  connector purged;
  bool found = false;
  (void)state;
  add_history();
  engine_ok(history_feed(engine.connection, &own, HISTORY_SHOWN, 0, 10, &statement, &failure));
  statement_expect(statement, "tenant-b");
  assert_status(history_next(statement, HISTORY_SHOWN, &row, &found, &failure), CONNECTOR_CORRUPT);
  statement_done(statement);
  engine_ok(rows_purgeable(engine.connection, &own, 100, 100, &statement, &failure));
  statement_expect(statement, "tenant-b");
  assert_status(rows_next_purgeable(statement, &purged, &found, &failure), CONNECTOR_CORRUPT);
  statement_done(statement);
}

static void the_newest_change_is_scoped(void **state)
{
  (void)state;
  add_history();
  for (size_t i = 0; i < COUNT_OF(scopes); i++) {
    int64_t newest = 0;
    engine_ok(history_newest(engine.connection, &scopes[i], 0, &newest, &failure));
    assert_history_scoped(&scopes[i]);
    assert_true(scope_covers(&scopes[i], &rows[newest - 1]));
    for (size_t later = (size_t)newest; later < ROWS; later++)
      assert_false(scope_covers(&scopes[i], &rows[later]));
  }
}

/* ---- statements that name the tenant ---- */

/* Some kept statement on the tenant's own names it as wanted. */
static void assert_names(const char *wanted)
{
  for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
    struct statement *statement = &engine.connection->statements[i];
    char *expanded = statement->handle != NULL ? sqlite3_expanded_sql(statement->handle) : NULL;
    bool found = expanded != NULL && strstr(expanded, wanted) != NULL;
    sqlite3_free(expanded);
    if (found)
      return;
  }
  fail_msg("no statement holds: %s", wanted);
}

static void statements_beside_a_record_name_its_tenant(void **state)
{
  const struct owner owner = { "cnn_1", "tenant-a" };
  const struct health_row put_row = { .retry_at = 5 };
  const struct lease_terms terms = {
    .purpose = "sync", .holder = "me", .fence = 3, .now = 5, .longest = 100, .expires_at = 50
  };
  struct arena arena = { 0 };
  struct health_row health;
  struct lease_row lease;
  bool changed = false;
  (void)state;
  engine_ok(health_find(engine.connection, &owner, &health, &arena, &failure));
  assert_names("FROM health WHERE connector_id = 'cnn_1' AND tenant_id = 'tenant-a'");
  engine_ok(health_put(engine.connection, &owner, &put_row, &failure));
  assert_names("VALUES ('cnn_1', 'tenant-a', 5, NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL)"
               " ON CONFLICT (connector_id, tenant_id)");
  engine_ok(lease_take(engine.connection, &owner, &terms, &changed, &failure));
  assert_names("VALUES ('cnn_1', 'tenant-a', 'sync', 3, 'me', 50, NULL)"
               " ON CONFLICT (connector_id, tenant_id, purpose)");
  engine_ok(lease_find(engine.connection, &owner, "sync", &lease, &failure));
  assert_names("FROM lease WHERE connector_id = 'cnn_1' AND tenant_id = 'tenant-a' AND purpose =");
  engine_ok(lease_set(engine.connection, &owner, "sync", 3, 5, 60, &changed, &failure));
  assert_names("= 60 WHERE connector_id = 'cnn_1' AND tenant_id = 'tenant-a' AND purpose =");
  engine_ok(lease_set_wait(engine.connection, &owner, "sync", 70, &failure));
  assert_names("= 70 WHERE connector_id = 'cnn_1' AND tenant_id = 'tenant-a' AND purpose =");
  engine_ok(beside_remove(engine.connection, &owner, &failure));
  assert_names("DELETE FROM health WHERE connector_id = 'cnn_1' AND tenant_id = 'tenant-a'");
  assert_names("DELETE FROM lease WHERE connector_id = 'cnn_1' AND tenant_id = 'tenant-a'");
  arena_free(&arena);
}

static void statements_on_a_chain_name_its_tenant(void **state)
{
  const struct history_row row = { .seq = 1,
                                   .tenant_id = "tenant-a",
                                   .connector_id = "cnn_1",
                                   .version = 1,
                                   .kind = "created",
                                   .at = 1,
                                   .scope = "org" };
  struct history_head head = { .seq = 1, .changes = 1 };
  struct buffer tenant = { 0 };
  int64_t newest = 0;
  (void)state;
  engine_ok(history_insert(engine.connection, &row, &failure));
  assert_names("VALUES (1, 'tenant-a', 'cnn_1', NULL, 1, 'created',");
  engine_ok(history_put_head(engine.connection, "tenant-a", &head, &failure));
  assert_names("VALUES ('tenant-a', 1, 1,");
  assert_names("ON CONFLICT (tenant_id) DO UPDATE");
  engine_ok(history_tip(engine.connection, "tenant-a", &head, &newest, &failure));
  assert_names("LEFT JOIN history_head AS h ON h.tenant_id = 'tenant-a'");
  engine_ok(history_tenant(engine.connection, "tenant-a", &tenant, &failure));
  assert_names("FROM history_head WHERE tenant_id > 'tenant-a'");
  assert_names("FROM history WHERE tenant_id > 'tenant-a'");
  engine_ok(history_remove(engine.connection, "tenant-a", 1, &failure));
  assert_names("DELETE FROM history WHERE tenant_id = 'tenant-a' AND seq <= 1");
  buffer_free(&tenant);
}

static void statements_on_idempotency_keys_name_their_tenant_and_app(void **state)
{
  struct once once = {
    .tenant = "tenant-a", .app = "app-1", .key = "key", .connector_id = "cnn_1", .created_at = 5
  };
  bool found = false;
  (void)state;
  engine_ok(once_put(engine.connection, &once, &failure));
  assert_names("VALUES ('tenant-a', 'app-1', 'key',");
  assert_names("ON CONFLICT (tenant_id, app_id, key) DO UPDATE");
  engine_ok(once_find(engine.connection, &once, &found, &failure));
  assert_true(found);
  assert_names("WHERE tenant_id = 'tenant-a' AND app_id = 'app-1' AND key = 'key'");
}

static int teardown_looked(void **state)
{
  if (looked_at < COUNT_OF(scopes)) {
    print_error("only %zu statements were looked at\n", looked_at);
    return -1;
  }
  return teardown_engine(state);
}

#define scope_test(name) cmocka_unit_test_setup_teardown(name, setup_neighbours, teardown_looked)

int main(void)
{
  const struct CMUnitTest tests[] = {
    scope_test(finding_is_scoped),
    scope_test(finding_a_wait_is_scoped),
    scope_test(changes_are_scoped),
    scope_test(purging_by_age_is_scoped),
    scope_test(every_filter_is_scoped),
    scope_test(every_order_and_position_is_scoped),
    scope_test(searches_and_states_are_scoped),
    scope_test(due_work_is_scoped),
    scope_test(looking_for_waits_that_are_over_is_scoped),
    scope_test(waits_are_ended_within_the_scope),
    scope_test(what_waits_are_ended_from_is_scoped_too),
    scope_test(tenants_with_due_work_are_scoped),
    scope_test(feeds_and_histories_are_scoped),
    cmocka_unit_test_setup_teardown(a_row_of_another_tenant_than_expected_is_damage,
                                    setup_neighbours, teardown_engine),
    scope_test(the_newest_change_is_scoped),
    rows_test(statements_beside_a_record_name_its_tenant),
    rows_test(statements_on_a_chain_name_its_tenant),
    rows_test(statements_on_idempotency_keys_name_their_tenant_and_app),
  };
  return cmocka_run_group_tests_name("statement_scope", tests, NULL, NULL);
}
