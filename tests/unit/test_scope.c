/*
 * engine/scope: the predicate and scope_covers() say the same of every record, and both say what a
 * caller may reach.
 */
#include "engine_support.h"

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
      size_t parameters = 0;
      scope_write(&texts[count], &scope);
      for (size_t i = 0; i < texts[count].length; i++)
        parameters += texts[count].bytes[i] == '?';
      assert_int_equal(scope_values(&scope, values), parameters);
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

int main(void)
{
  const struct CMUnitTest tests[] = {
    records_test(predicate_and_function_agree_on_every_record),
    records_test(a_tenants_scope_is_all_of_the_tenant_and_no_more),
    records_test(a_scope_without_a_tenant_reaches_nothing),
    cmocka_unit_test(a_member_reaches_what_is_its_own),
    cmocka_unit_test(values_are_as_many_as_parameters_and_the_shape_tells_texts_apart),
  };
  return cmocka_run_group_tests_name("scope", tests, NULL, NULL);
}
