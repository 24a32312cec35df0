/*
 * engine/scope: the predicate and scope_covers() say the same of every record and of every change
 * of one, and both say what a caller may reach.
 */
#include "engine_support.h"

#include "engine/history.h"
#include "engine/scope.h"

static const char *const tenants[] = { "tenant-a", "tenant-b", "tenant" };
static const char *const apps[] = { NULL, "app-1", "app-2" };
static const char *const users[] = { NULL, "ann", "bob", "" };
static const char *const groups[] = { NULL, "g", "g1", "g22", "" };
static const char *const memberships[] = {
  NULL, "\x1f", "\x1fg1\x1f", "\x1fg1\x1fg22\x1f", "\x1fgg\x1f", "\x1f\x1f", "\x1fg1\x1f\x1f"
};

enum { RECORDS_MOST = 2000 };

static connector records[RECORDS_MOST];
static char ids[RECORDS_MOST][16];
static size_t record_count;

static void add(connector record)
{
  assert_true(record_count < RECORDS_MOST);
  snprintf(ids[record_count], sizeof(ids[0]), "cnn_%04zu", record_count);
  record.id = ids[record_count];
  put(&record);
  records[record_count++] = record;
}

/* One record for each way in which tenant, app, scope and people can be. */
static void add_kinds(connector record)
{
  record.scope = CONNECTOR_SCOPE_ORG;
  add(record);
  for (size_t i = 0; i < COUNT_OF(users) * COUNT_OF(users); i++) {
    record.user_id = users[i % COUNT_OF(users)];
    record.owner_id = users[i / COUNT_OF(users)];
    record.scope = CONNECTOR_SCOPE_USER;
    add(record);
  }
  for (size_t i = 0; i < COUNT_OF(groups); i++) {
    record.user_id = "ann";
    record.group_id = groups[i];
    record.scope = CONNECTOR_SCOPE_GROUP;
    add(record);
  }
}

static int setup_records(void **state)
{
  if (setup_rows(state) != 0)
    return -1;
  record_count = 0;
  engine_ok(connection_begin_write(engine.connection, &failure));
  for (size_t i = 0; i < COUNT_OF(tenants) * COUNT_OF(apps); i++) {
    connector record = sample(tenants[i % COUNT_OF(tenants)], NULL);
    record.app_id = apps[i / COUNT_OF(tenants)];
    add_kinds(record);
  }
  engine_ok(connection_commit(engine.connection, &failure));
  return 0;
}

/* The records that the predicate finds, as a set. */
static void select_by(const struct scope *scope, bool found[RECORDS_MOST])
{
  struct buffer sql = { 0 };
  struct statement *statement = NULL;
  bool row = false;
  memset(found, 0, RECORDS_MOST * sizeof(*found));
  buffer_text(&sql, "SELECT substr(id, 5) FROM connector WHERE ");
  scope_write(&sql, scope);
  buffer_byte(&sql, '\0');
  statement = texted(sql.bytes);
  scope_bind(statement, scope);
  for (;;) {
    engine_ok(statement_step(statement, &row, &failure));
    if (!row)
      break;
    found[(size_t)column_integer(statement, 0)] = true;
  }
  statement_done(statement);
  buffer_free(&sql);
}

static size_t compare(const struct scope *scope)
{
  static bool found[RECORDS_MOST];
  size_t covered = 0;
  select_by(scope, found);
  for (size_t i = 0; i < record_count; i++) {
    bool covers = scope_covers(scope, &records[i]);
    covered += covers;
    if (covers != found[i])
      fail_msg("scope kind %d app %s user %s: record %s is %s in memory only", (int)scope->kind,
               scope->app ? scope->app : "-", scope->user ? scope->user : "-", records[i].id,
               covers ? "covered" : "refused");
  }
  return covered;
}

static void predicate_and_function_agree_on_every_record(void **state)
{
  (void)state;
  for (size_t app = 0; app < COUNT_OF(apps); app++)
    for (size_t user = 0; user < COUNT_OF(users); user++)
      for (size_t group = 0; group < COUNT_OF(memberships); group++) {
        struct scope scope = { SCOPE_MEMBER, "tenant-a", apps[app], users[user],
                               memberships[group] };
        size_t member = compare(&scope);
        scope.kind = SCOPE_TENANT;
        assert_true(member < compare(&scope));
        scope.kind = SCOPE_SYSTEM;
        scope.tenant = NULL;
        (void)compare(&scope);
      }
}

static void a_tenants_scope_is_all_of_the_tenant_and_no_more(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(tenants); i++) {
    struct scope scope = scope_of(SCOPE_TENANT, tenants[i]);
    assert_int_equal(compare(&scope), record_count / COUNT_OF(tenants));
    scope.app = "app-1";
    assert_int_equal(compare(&scope), record_count / COUNT_OF(tenants) / COUNT_OF(apps));
    scope.tenant = "tenant-c";
    assert_int_equal(compare(&scope), 0);
  }
}

static void a_scope_without_a_tenant_reaches_nothing(void **state)
{
  struct scope scope = scope_of(SCOPE_TENANT, NULL);
  (void)state;
  assert_int_equal(compare(&scope), 0);
  scope.kind = SCOPE_MEMBER;
  assert_int_equal(compare(&scope), 0);
}

static void a_member_reaches_what_is_its_own(void **state)
{
  struct scope scope = { SCOPE_MEMBER, "tenant-a", NULL, "ann", "\x1fg1\x1f" };
  connector record = sample("tenant-a", "cnn_x");
  (void)state;
  assert_true(scope_covers(&scope, &record));
  record.scope = CONNECTOR_SCOPE_USER;
  record.user_id = "bob";
  record.owner_id = "bob";
  assert_false(scope_covers(&scope, &record));
  record.owner_id = "ann";
  assert_true(scope_covers(&scope, &record));
  record.scope = CONNECTOR_SCOPE_GROUP;
  record.group_id = "g";
  assert_false(scope_covers(&scope, &record));
  record.group_id = "g1";
  assert_true(scope_covers(&scope, &record));
  record.scope = (connector_scope)0;
  assert_false(scope_covers(&scope, &record));
}

/* ---- changes ---- */

enum { CHANGES_MOST = 6000 };

/* The record of each change before and after it, the index being its seq - 1. */
static struct {
  connector after;
  connector before; /* scope 0: who sees it did not change */
} changes[CHANGES_MOST];
static size_t change_count;

static const char *scope_text(const connector *record)
{
  return record->scope == 0 ? NULL : connector_scope_name(record->scope);
}

static void add_change(const connector *after, const connector *before)
{
  struct history_row row = { .seq = (int64_t)change_count + 1,
                             .tenant_id = after->tenant_id,
                             .connector_id = "cnn_1",
                             .app_id = after->app_id,
                             .version = 1,
                             .kind = "updated",
                             .at = 1,
                             .scope = scope_text(after),
                             .owner_id = after->owner_id,
                             .group_id = after->group_id,
                             .user_id = after->user_id,
                             .was_scope = scope_text(before),
                             .was_owner_id = before->owner_id,
                             .was_group_id = before->group_id,
                             .was_user_id = before->user_id };
  assert_true(change_count < CHANGES_MOST);
  engine_ok(history_insert(engine.connection, &row, &failure));
  changes[change_count].after = *after;
  changes[change_count++].before = *before;
}

/* Every way to be seen, beginning with none at all. */
static size_t ways_to_be_seen(connector ways[32])
{
  static const char *const people[] = { NULL, "ann", "bob" };
  static const char *const teams[] = { NULL, "g", "g1" };
  size_t count = 0;
  ways[count++] = (connector){ .scope = (connector_scope)0 };
  ways[count++] = (connector){ .scope = CONNECTOR_SCOPE_ORG, .user_id = "ann", .group_id = "g1" };
  for (size_t i = 0; i < COUNT_OF(people) * COUNT_OF(people); i++)
    ways[count++] = (connector){ .scope = CONNECTOR_SCOPE_USER,
                                 .user_id = people[i % COUNT_OF(people)],
                                 .owner_id = people[i / COUNT_OF(people)],
                                 .group_id = "g1" };
  for (size_t i = 0; i < COUNT_OF(teams); i++)
    ways[count++] = (connector){
      .scope = CONNECTOR_SCOPE_GROUP, .user_id = "ann", .owner_id = "ann", .group_id = teams[i]
    };
  return count;
}

static int setup_changes(void **state)
{
  static connector ways[32];
  size_t count = ways_to_be_seen(ways);
  if (setup_rows(state) != 0)
    return -1;
  change_count = 0;
  engine_ok(connection_begin_write(engine.connection, &failure));
  for (size_t tenant = 0; tenant < 2; tenant++)
    for (size_t app = 0; app < 2; app++)
      for (size_t after = 1; after < count; after++)
        for (size_t before = 0; before < count; before++) {
          connector record = ways[after];
          connector was = ways[before];
          record.tenant_id = was.tenant_id = tenants[tenant];
          record.app_id = was.app_id = apps[app];
          add_change(&record, &was);
        }
  engine_ok(connection_commit(engine.connection, &failure));
  return 0;
}

/* The changes that the predicate on history finds, as a set. */
static void select_changes(const struct scope *scope, bool found[CHANGES_MOST])
{
  struct buffer sql = { 0 };
  struct statement *statement = NULL;
  bool row = false;
  memset(found, 0, CHANGES_MOST * sizeof(*found));
  buffer_text(&sql, "SELECT seq FROM history WHERE ");
  scope_write_history(&sql, scope);
  buffer_byte(&sql, '\0');
  statement = texted(sql.bytes);
  scope_bind_history(statement, scope);
  for (;;) {
    engine_ok(statement_step(statement, &row, &failure));
    if (!row)
      break;
    found[(size_t)column_integer(statement, 0) - 1] = true;
  }
  statement_done(statement);
  buffer_free(&sql);
}

static void compare_changes(const struct scope *scope)
{
  static bool found[CHANGES_MOST];
  select_changes(scope, found);
  for (size_t i = 0; i < change_count; i++) {
    bool covers = scope_covers(scope, &changes[i].after) ||
                  (changes[i].before.scope != 0 && scope_covers(scope, &changes[i].before));
    if (covers != found[i])
      fail_msg("scope kind %d app %s user %s: change %zu is %s in memory only", (int)scope->kind,
               scope->app ? scope->app : "-", scope->user ? scope->user : "-", i + 1,
               covers ? "covered" : "refused");
  }
}

static void a_change_is_covered_where_its_record_is_before_or_after_it(void **state)
{
  (void)state;
  for (size_t app = 0; app < 2; app++)
    for (size_t user = 0; user < COUNT_OF(users); user++)
      for (size_t group = 0; group < COUNT_OF(memberships); group++) {
        struct scope scope = { SCOPE_MEMBER, "tenant-a", apps[app], users[user],
                               memberships[group] };
        compare_changes(&scope);
      }
}

static void all_changes_of_a_tenant_or_of_all_are_covered_by_their_scopes(void **state)
{
  (void)state;
  for (size_t app = 0; app < COUNT_OF(apps); app++) {
    struct scope scope = { .kind = SCOPE_TENANT, .tenant = "tenant-a", .app = apps[app] };
    compare_changes(&scope);
    scope.tenant = NULL;
    compare_changes(&scope);
    scope.kind = SCOPE_SYSTEM;
    compare_changes(&scope);
  }
}

/* ---- texts ---- */

static size_t parameters_in(const struct buffer *sql)
{
  size_t parameters = 0;
  for (size_t i = 0; i < sql->length; i++)
    parameters += sql->bytes[i] == '?';
  return parameters;
}

static void the_predicate_on_history_asks_for_a_members_people_twice(void **state)
{
  (void)state;
  for (int kind = SCOPE_MEMBER; kind <= SCOPE_SYSTEM; kind++)
    for (size_t app = 0; app < 2; app++) {
      struct scope scope = { (enum scope_kind)kind, "t", apps[app], NULL, NULL };
      struct buffer plain = { 0 };
      struct buffer changed = { 0 };
      scope_write(&plain, &scope);
      scope_write_history(&changed, &scope);
      assert_int_equal(parameters_in(&changed),
                       parameters_in(&plain) + (kind == SCOPE_MEMBER ? 2 : 0));
      buffer_free(&plain);
      buffer_free(&changed);
    }
}

static void values_are_as_many_as_parameters_and_the_shape_tells_texts_apart(void **state)
{
  struct buffer texts[8] = { 0 };
  uint32_t shapes[8] = { 0 };
  size_t count = 0;
  (void)state;
  for (int kind = SCOPE_MEMBER; kind <= SCOPE_SYSTEM; kind++)
    for (size_t app = 0; app < 2; app++) {
      struct scope scope = { (enum scope_kind)kind, "t", apps[app], NULL, NULL };
      const char *values[SCOPE_VALUES];
      scope_write(&texts[count], &scope);
      assert_int_equal(scope_values(&scope, values), parameters_in(&texts[count]));
      shapes[count++] = scope_shape(&scope);
    }
  for (size_t i = 0; i < count; i++)
    for (size_t j = 0; j < i; j++) {
      assert_int_not_equal(shapes[i], shapes[j]);
      assert_false(texts[i].length == texts[j].length &&
                   memcmp(texts[i].bytes, texts[j].bytes, texts[i].length) == 0);
    }
  for (size_t i = 0; i < count; i++)
    buffer_free(&texts[i]);
}

#define records_test(name) cmocka_unit_test_setup_teardown(name, setup_records, teardown_engine)
#define changes_test(name) cmocka_unit_test_setup_teardown(name, setup_changes, teardown_engine)

int main(void)
{
  const struct CMUnitTest tests[] = {
    records_test(predicate_and_function_agree_on_every_record),
    records_test(a_tenants_scope_is_all_of_the_tenant_and_no_more),
    records_test(a_scope_without_a_tenant_reaches_nothing),
    cmocka_unit_test(a_member_reaches_what_is_its_own),
    changes_test(a_change_is_covered_where_its_record_is_before_or_after_it),
    changes_test(all_changes_of_a_tenant_or_of_all_are_covered_by_their_scopes),
    cmocka_unit_test(the_predicate_on_history_asks_for_a_members_people_twice),
    cmocka_unit_test(values_are_as_many_as_parameters_and_the_shape_tells_texts_apart),
  };
  return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
