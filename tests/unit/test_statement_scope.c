/*
 * Every statement on records that the engine can make, over all kinds, scopes, filters and orders:
 * its text holds its scope's predicate where nothing can get around it, the scope's own values are
 * bound to it, and no row out of the scope is touched.
 */
#include "engine_support.h"

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

/* What the scope must have written, with its values in their places. */
static void wanted_predicate(const struct scope *scope, bool bound, char *out, size_t size)
{
  size_t length = 0;
  if (scope->kind != SCOPE_SYSTEM)
    length += (size_t)snprintf(out, size, bound ? "tenant_id = '%s'" : "tenant_id = ?",
                               scope->tenant);
  else
    length += (size_t)snprintf(out, size, "1");
  if (scope->app != NULL)
    length += (size_t)snprintf(out + length, size - length,
                               bound ? " AND app_id = '%s'" : " AND app_id = ?", scope->app);
  if (scope->kind != SCOPE_MEMBER)
    return;
  length += (size_t)snprintf(out + length, size - length,
                             " AND (scope = 'org' OR (scope = 'user' AND ");
  if (!bound)
    length += (size_t)snprintf(out + length, size - length, "?");
  else
    length += (size_t)snprintf(out + length, size - length, scope->user != NULL ? "'%s'" : "NULL",
                               scope->user);
  length += (size_t)snprintf(out + length, size - length,
                             " IN (user_id, owner_id)) OR (scope = 'group' AND instr(");
  if (!bound)
    length += (size_t)snprintf(out + length, size - length, "?");
  else
    length += (size_t)snprintf(out + length, size - length, scope->groups != NULL ? "'%s'" : "NULL",
                               scope->groups);
  (void)snprintf(out + length, size - length, ", char(31) || group_id || char(31)) > 0))");
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

/* `values` false: they were borrowed from what is gone by now, so only the text is looked at. */
static void assert_scoped(const struct scope *scope, bool values)
{
  struct statement *statement = latest_statement();
  const char *text = sqlite3_sql(statement->handle);
  const char *condition = strstr(text, " WHERE ");
  char predicate[512];
  looked_at++;
  if (condition == NULL)
    fail_msg("no condition: %s", text);
  condition += strlen(" WHERE ");
  wanted_predicate(scope, false, predicate, sizeof(predicate));
  if (!is_term(condition, predicate) || has_open_or(condition))
    fail_msg("scope kind %d: %s", (int)scope->kind, text);
  if (values) {
    char *expanded = sqlite3_expanded_sql(statement->handle);
    wanted_predicate(scope, true, predicate, sizeof(predicate));
    if (expanded == NULL || strstr(expanded, predicate) == NULL)
      fail_msg("wanted %s in %s", predicate, expanded != NULL ? expanded : "nothing");
    sqlite3_free(expanded);
  }
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
    { update_nothing, false }, { update_all, false }, { delete_row, false },
    { restore_row, true },     { purge_row, true },
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
    scope_test(changes_are_scoped),
    scope_test(purging_by_age_is_scoped),
    scope_test(every_filter_is_scoped),
    scope_test(every_order_and_position_is_scoped),
    scope_test(searches_and_states_are_scoped),
  };
  return cmocka_run_group_tests_name("statement_scope", tests, NULL, NULL);
}
