/*
 * engine/rows: single rows go in and come out whole; each state change hits its one row under its
 * scope, state and version, or none; and every statement finds its row by an index.
 */
#include "engine_support.h"

static const struct stamp later = { 1700000005000, "person-2" };

/* Every field holds a value of its own. */
static connector full(const char *tenant, const char *id)
{
  connector record = sample(tenant, id);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    if (i == CONNECTOR_FIELD_ID || i == CONNECTOR_FIELD_TENANT_ID ||
        i == CONNECTOR_FIELD_SCHEMA_VERSION)
      continue;
    if (field_is_json(field))
      *field_text(&record, field) = field->kind == KIND_OBJECT ? "{\"é\":1.10}" : "[\"a\"]";
    else if (field_is_text(field))
      *field_text(&record, field) = field->name;
    else
      field_set_number(&record, field, field->kind == KIND_ENUM ? 2 : 1000 + (int64_t)i);
  }
  return record;
}

static struct scope tenant_a = { .kind = SCOPE_TENANT, .tenant = "tenant-a" };

static struct target target_of(const char *id, int64_t version)
{
  return (struct target){ &tenant_a, id, version };
}

/* ---- in and out ---- */

static void a_row_comes_out_as_it_went_in(void **state)
{
  connector record = full("tenant-a", "cnn_1");
  connector bare = sample("tenant-a", "cnn_2");
  connector *found = NULL;
  (void)state;
  put(&record);
  put(&bare);
  found = row_of("tenant-a", "cnn_1");
  assert_true(connector_equal(found, &record));
  connector_free(found);
  found = row_of("tenant-a", "cnn_2");
  assert_true(connector_equal(found, &bare));
  connector_free(found);
}

static void an_id_is_used_once_in_a_tenant(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  connector other = sample("tenant-b", "cnn_1");
  (void)state;
  put(&record);
  engine_fails(rows_insert(engine.connection, &record, &failure), CONNECTOR_EXISTS);
  put(&other);
}

static void a_row_out_of_scope_is_not_found(void **state)
{
  struct scope scopes[] = {
    { .kind = SCOPE_TENANT, .tenant = "tenant-b" },
    { .kind = SCOPE_TENANT, .tenant = NULL },
    { .kind = SCOPE_TENANT, .tenant = "tenant-a", .app = "app-1" },
    { .kind = SCOPE_MEMBER, .tenant = "tenant-a", .user = "bob" },
  };
  connector record = sample("tenant-a", "cnn_1");
  (void)state;
  record.scope = CONNECTOR_SCOPE_USER;
  record.user_id = "ann";
  put(&record);
  for (size_t i = 0; i < COUNT_OF(scopes); i++) {
    connector *found = NULL;
    engine_ok(rows_find(engine.connection, &scopes[i], "cnn_1", CONNECTOR_DELETED_INCLUDE, &found,
                        &failure));
    assert_null(found);
  }
}

static void an_id_of_several_tenants_must_be_told_apart(void **state)
{
  struct scope system = scope_of(SCOPE_SYSTEM, NULL);
  connector first = sample("tenant-a", "cnn_1");
  connector second = sample("tenant-b", "cnn_1");
  connector *found = NULL;
  (void)state;
  put(&first);
  engine_ok(
      rows_find(engine.connection, &system, "cnn_1", CONNECTOR_DELETED_EXCLUDE, &found, &failure));
  assert_text(found->tenant_id, "tenant-a");
  connector_free(found);
  put(&second);
  engine_fails_at(
      rows_find(engine.connection, &system, "cnn_1", CONNECTOR_DELETED_EXCLUDE, &found, &failure),
      CONNECTOR_INVALID, "tenant_id");
  assert_null(found);
}

static void deleted_rows_are_found_as_asked(void **state)
{
  const struct {
    connector_deleted deleted;
    bool live;
    bool dead;
  } cases[] = {
    { CONNECTOR_DELETED_EXCLUDE, true, false },
    { CONNECTOR_DELETED_INCLUDE, true, true },
    { CONNECTOR_DELETED_ONLY, false, true },
  };
  connector live = sample("tenant-a", "cnn_1");
  connector dead = sample("tenant-a", "cnn_2");
  (void)state;
  dead.deleted_at = 5;
  put(&live);
  put(&dead);
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    connector *found = NULL;
    engine_ok(rows_find(engine.connection, &tenant_a, "cnn_1", cases[i].deleted, &found, &failure));
    assert_int_equal(found != NULL, cases[i].live);
    connector_free(found);
    engine_ok(rows_find(engine.connection, &tenant_a, "cnn_2", cases[i].deleted, &found, &failure));
    assert_int_equal(found != NULL, cases[i].dead);
    assert_true(found == NULL || found->is_deleted);
    connector_free(found);
  }
}

/* ---- state changes ---- */

static bool update(const struct target *target, const connector_patch *patch,
                   const struct stamp *stamp)
{
  struct draft draft;
  bool changed = false;
  draft_init(&draft);
  engine_ok(draft_from_patch(&draft, patch, &failure));
  engine_ok(rows_update(engine.connection, target, &draft, stamp, &changed, &failure));
  draft_free(&draft);
  return changed;
}

static void put_one(void)
{
  connector record = full("tenant-a", "cnn_1");
  connector neighbour = full("tenant-b", "cnn_1");
  record.is_deleted = false;
  record.deleted_at = 0;
  record.deleted_by = NULL;
  record.version = 3;
  neighbour.is_deleted = false;
  neighbour.deleted_at = 0;
  neighbour.deleted_by = NULL;
  neighbour.version = 3;
  put(&record);
  put(&neighbour);
}

static void an_update_writes_its_fields_and_stamps_and_nothing_else(void **state)
{
  struct target target = target_of("cnn_1", 3);
  connector *before = NULL;
  connector *after = NULL;
  connector wanted;
  (void)state;
  put_one();
  before = row_of("tenant-a", "cnn_1");
  wanted = *before;
  wanted.name = "new";
  wanted.enabled = false;
  wanted.provider = NULL;
  wanted.last_sync_at = 0;
  wanted.consecutive_errors = 0;
  wanted.updated_at = later.now;
  wanted.updated_by = later.person;
  wanted.version = 4;
  assert_true(update(&target,
                     PATCH(.name = "new", .enabled = CONNECTOR_NO,
                           .clear = CONNECTOR_BIT(CONNECTOR_FIELD_PROVIDER) |
                                    CONNECTOR_BIT(CONNECTOR_FIELD_LAST_SYNC_AT) |
                                    CONNECTOR_BIT(CONNECTOR_FIELD_CONSECUTIVE_ERRORS)),
                     &later));
  after = row_of("tenant-a", "cnn_1");
  assert_true(connector_equal(after, &wanted));
  connector_free(before);
  connector_free(after);
}

static void every_writable_field_can_be_updated_alone(void **state)
{
  connector bare = sample("tenant-a", "cnn_1");
  connector wanted = full("tenant-a", "cnn_1");
  struct target target = target_of("cnn_1", 0);
  bool changed = false;
  (void)state;
  put(&bare);
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    struct draft draft;
    connector *found = NULL;
    if (record_fields[i].writer == WRITER_SERVER)
      continue;
    draft_init(&draft);
    draft.values = wanted;
    draft.set = CONNECTOR_BIT(i);
    engine_ok(rows_update(engine.connection, &target, &draft, &later, &changed, &failure));
    assert_true(changed);
    found = row_of("tenant-a", "cnn_1");
    if (field_is_text(&record_fields[i]))
      assert_text(*field_text(found, &record_fields[i]), *field_text(&wanted, &record_fields[i]));
    else
      assert_int_equal(field_number(found, &record_fields[i]),
                       field_number(&wanted, &record_fields[i]));
    connector_free(found);
  }
}

static void the_clock_of_a_row_never_goes_back_and_a_machine_keeps_the_person(void **state)
{
  const struct stamp earlier = { 5, NULL };
  struct target target = target_of("cnn_1", 0);
  connector *found = NULL;
  (void)state;
  put_one();
  assert_true(update(&target, PATCH(0), &later));
  assert_true(update(&target, PATCH(0), &earlier));
  found = row_of("tenant-a", "cnn_1");
  assert_int_equal(found->updated_at, later.now + 1);
  assert_text(found->updated_by, "person-2");
  assert_int_equal(found->version, 5);
  connector_free(found);
}

static void delete_and_restore_move_the_state_and_back(void **state)
{
  struct target target = target_of("cnn_1", 3);
  connector *found = NULL;
  bool changed = false;
  (void)state;
  put_one();
  engine_ok(rows_delete(engine.connection, &target, &later, &changed, &failure));
  assert_true(changed);
  found = row_of("tenant-a", "cnn_1");
  assert_true(found->is_deleted);
  assert_int_equal(found->deleted_at, later.now);
  assert_text(found->deleted_by, "person-2");
  assert_int_equal(found->version, 4);
  connector_free(found);
  target.expected_version = 4;
  engine_ok(rows_restore(engine.connection, &target, &later, &changed, &failure));
  assert_true(changed);
  found = row_of("tenant-a", "cnn_1");
  assert_false(found->is_deleted);
  assert_int_equal(found->deleted_at, 0);
  assert_null(found->deleted_by);
  assert_int_equal(found->version, 5);
  connector_free(found);
}

/* ---- when a change must hit nothing ---- */

enum change { UPDATE, DELETE, RESTORE, PURGE, CHANGES };

static bool change_row(enum change change, const struct target *target)
{
  bool changed = true;
  switch (change) {
  case UPDATE:
    return update(target, PATCH(.name = "changed"), &later);
  case DELETE:
    engine_ok(rows_delete(engine.connection, target, &later, &changed, &failure));
    break;
  case RESTORE:
    engine_ok(rows_restore(engine.connection, target, &later, &changed, &failure));
    break;
  default:
    engine_ok(rows_purge(engine.connection, target, &changed, &failure));
  }
  return changed;
}

/* A row in the state that the change is for. */
static void put_for(enum change change, const char *id, connector record)
{
  record.id = id;
  record.version = 3;
  if (change == RESTORE || change == PURGE)
    record.deleted_at = 9;
  put(&record);
}

static void changes_hit_nothing_but_what_they_are_for(void **state)
{
  (void)state;
  for (enum change change = UPDATE; change < CHANGES; change++) {
    struct scope other = scope_of(SCOPE_TENANT, "tenant-b");
    struct scope app = { .kind = SCOPE_TENANT, .tenant = "tenant-a", .app = "app-1" };
    struct scope member = { .kind = SCOPE_MEMBER, .tenant = "tenant-a", .user = "ann" };
    struct scope *const scopes[] = { &other, &app, &member };
    connector personal = sample("tenant-a", NULL);
    connector newer = sample("tenant-a", NULL);
    struct target target = target_of("", 0);
    char id[16];
    snprintf(id, sizeof(id), "cnn_%d", (int)change);
    personal.scope = CONNECTOR_SCOPE_USER;
    personal.user_id = "bob";
    put_for(change, id, personal);
    target.id = id;
    for (size_t i = 0; i < COUNT_OF(scopes); i++) {
      target.scope = scopes[i];
      assert_false(change_row(change, &target));
    }
    target.scope = &tenant_a;
    target.expected_version = 2;
    assert_false(change_row(change, &target));
    target.expected_version = 4;
    assert_false(change_row(change, &target));
    target.id = "cnn_";
    target.expected_version = 0;
    assert_false(change_row(change, &target));
    snprintf(id, sizeof(id), "cnn_new%d", (int)change);
    newer.schema_version = 2;
    put_for(change, id, newer);
    target.id = id;
    assert_false(change_row(change, &target));
    snprintf(id, sizeof(id), "cnn_%d", (int)change);
    target.expected_version = 3;
    assert_true(change_row(change, &target));
  }
}

static void changes_hit_no_row_in_the_other_state(void **state)
{
  struct target live = target_of("cnn_live", 0);
  struct target dead = target_of("cnn_dead", 0);
  (void)state;
  put_for(UPDATE, "cnn_live", sample("tenant-a", NULL));
  put_for(PURGE, "cnn_dead", sample("tenant-a", NULL));
  assert_false(change_row(UPDATE, &dead));
  assert_false(change_row(DELETE, &dead));
  assert_false(change_row(RESTORE, &live));
  assert_false(change_row(PURGE, &live));
}

static void purgeable_rows_are_deleted_long_enough_ago_and_in_scope(void **state)
{
  struct statement *statement = NULL;
  connector row;
  bool found = false;
  (void)state;
  for (int i = 0; i < 8; i++) {
    char id[16];
    connector record = sample(i < 4 ? "tenant-a" : "tenant-b", id);
    snprintf(id, sizeof(id), "cnn_%d", i);
    record.deleted_at = i % 4 * 1000;
    record.schema_version = i == 1 ? 2 : 1;
    put(&record);
  }
  engine_ok(rows_purgeable(engine.connection, &tenant_a, 3000, 10, &statement, &failure));
  engine_ok(rows_next_purgeable(statement, &row, &found, &failure));
  assert_true(found);
  assert_text(row.id, "cnn_2");
  assert_text(row.tenant_id, "tenant-a");
  engine_ok(rows_next_purgeable(statement, &row, &found, &failure));
  assert_false(found);
  statement_done(statement);
  engine_ok(rows_purgeable(engine.connection, &tenant_a, 3000, 0, &statement, &failure));
  engine_ok(rows_next_purgeable(statement, &row, &found, &failure));
  assert_false(found);
  statement_done(statement);
}

/* ---- plans ---- */

static void assert_searched_by_id(enum scope_kind kind)
{
  char plan[PLAN_SIZE];
  latest_plan(plan);
  if (strstr(plan, "SCAN") != NULL || strstr(plan, "TEMP B-TREE") != NULL ||
      (strstr(plan, "connector_key (id=?") == NULL &&
       strstr(plan, "connector_list (tenant_id=? AND id=?)") == NULL))
    fail_msg("scope kind %d: %s\n    %s", (int)kind, latest_text(), plan);
}

static void every_statement_on_one_row_searches_by_its_id(void **state)
{
  (void)state;
  for (int kind = SCOPE_MEMBER; kind <= SCOPE_SYSTEM; kind++)
    for (int app = 0; app < 2; app++) {
      struct scope scope = { (enum scope_kind)kind, "tenant-a", app != 0 ? "app-1" : NULL, "ann",
                             "\x1fops\x1f" };
      connector *found = NULL;
      for (int deleted = 0; deleted <= CONNECTOR_DELETED_ONLY; deleted++) {
        engine_ok(rows_find(engine.connection, &scope, "cnn_1", (connector_deleted)deleted, &found,
                            &failure));
        assert_searched_by_id(scope.kind);
      }
      for (enum change change = UPDATE; change < CHANGES; change++)
        for (int64_t version = 0; version < 2; version++) {
          struct target target = { &scope, "cnn_1", version };
          assert_false(change_row(change, &target));
          assert_searched_by_id(scope.kind);
        }
    }
}

static void purging_by_age_walks_the_index_of_deleted_rows(void **state)
{
  (void)state;
  for (int kind = SCOPE_MEMBER; kind <= SCOPE_SYSTEM; kind++) {
    struct scope scope = { (enum scope_kind)kind, "tenant-a", NULL, "ann", NULL };
    struct statement *statement = NULL;
    char plan[PLAN_SIZE];
    engine_ok(rows_purgeable(engine.connection, &scope, 5, 10, &statement, &failure));
    latest_plan(plan);
    statement_done(statement);
    if (kind == SCOPE_SYSTEM)
      assert_contains(plan, "connector_deleted");
    else
      assert_contains(plan, "SEARCH connector USING INDEX connector_deleted"
                            " (tenant_id=? AND deleted_at>? AND deleted_at<?)");
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    rows_test(a_row_comes_out_as_it_went_in),
    rows_test(an_id_is_used_once_in_a_tenant),
    rows_test(a_row_out_of_scope_is_not_found),
    rows_test(an_id_of_several_tenants_must_be_told_apart),
    rows_test(deleted_rows_are_found_as_asked),
    rows_test(an_update_writes_its_fields_and_stamps_and_nothing_else),
    rows_test(every_writable_field_can_be_updated_alone),
    rows_test(the_clock_of_a_row_never_goes_back_and_a_machine_keeps_the_person),
    rows_test(delete_and_restore_move_the_state_and_back),
    rows_test(changes_hit_nothing_but_what_they_are_for),
    rows_test(changes_hit_no_row_in_the_other_state),
    rows_test(purgeable_rows_are_deleted_long_enough_ago_and_in_scope),
    rows_test(every_statement_on_one_row_searches_by_its_id),
    rows_test(purging_by_age_walks_the_index_of_deleted_rows),
  };
  return cmocka_run_group_tests_name("rows", tests, NULL, NULL);
}
