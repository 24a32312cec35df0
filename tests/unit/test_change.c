/*
 * store/change: what is written of a change into history, its place in the store's order and the
 * tenant's chain, and that the host is told the same.
 */
#include "history_support.h"

#include "engine/history.h"
#include "store/change.h"

/* ---- kinds ---- */

static void every_kind_has_a_text_of_its_own_and_back(void **state)
{
  (void)state;
  for (int kind = CONNECTOR_CHANGE_CREATED; kind <= CONNECTOR_CHANGE_RECOVERED; kind++) {
    const char *text = change_kind_text((connector_change_kind)kind);
    assert_non_null(text);
    assert_int_equal(change_kind_value(text), kind);
    assert_text(connector_change_kind_name((connector_change_kind)kind), text);
  }
}

static void what_is_no_kind_has_no_text(void **state)
{
  static const int values[] = { 0, -1, CONNECTOR_CHANGE_RECOVERED + 1, 1000 };
  static const char *const texts[] = { "", "Created", "create", "createdx", "unknown" };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(values); i++) {
    assert_null(change_kind_text((connector_change_kind)values[i]));
    assert_text(connector_change_kind_name((connector_change_kind)values[i]), "unknown");
  }
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    assert_int_equal(change_kind_value(texts[i]), 0);
}

/* ---- one change through the door ---- */

static char told[2000];

static void note_change(void *user, const connector_change *change)
{
  char *json = NULL;
  size_t length = strlen(told);
  (void)user;
  assert_ok(connector_change_to_json(change, &json, NULL, &failure));
  snprintf(told + length, sizeof(told) - length, "%s\n", json);
  connector_string_free(json);
}

static connector_options noting_options(void)
{
  connector_options options = test_options();
  options.clock = test_clock;
  options.on_change = note_change;
  return options;
}

static int setup_noting(void **state)
{
  connector_options options = noting_options();
  told[0] = '\0';
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

static connector_status write_change(const struct change *change)
{
  struct call call;
  struct work work;
  connector_status status = CONNECTOR_OK;
  begin(&call);
  engine_ok(work_begin_write(&work, &call, true));
  status = work_end_write(&work, change_write(&work, change));
  (void)call_end(&call, status);
  return status;
}

static void assert_written(const struct change *change)
{
  engine_ok(write_change(change));
}

/* The row of a seq; its text lives in the arena. */
static struct history_row row_at(int64_t seq, struct arena *arena)
{
  const struct scope everything = { .kind = SCOPE_SYSTEM };
  struct connection *connection = NULL;
  struct statement *statement = NULL;
  struct history_row row = { 0 };
  bool found = false;
  engine_ok(pool_take_writer(test.store->pool, &connection, &failure));
  engine_ok(history_feed(connection, &everything, HISTORY_ALL, seq - 1, 1, &statement, &failure));
  engine_ok(history_next(statement, HISTORY_ALL, &row, &found, &failure));
  assert_true(found);
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    const char **text = history_text(&row, &history_columns[i]);
    if (history_columns[i].is_text && *text != NULL)
      *text = arena_copy(arena, *text, strlen(*text));
  }
  statement_done(statement);
  pool_give_writer(test.store->pool);
  return row;
}

static void a_creation_holds_what_the_record_and_the_caller_say(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  const struct change change = {
    .kind = CONNECTOR_CHANGE_CREATED, .after = &record, .at = record.updated_at, .reason = "why"
  };
  struct arena arena = { 0 };
  struct history_row row;
  (void)state;
  record.app_id = "app-1";
  record.updated_by = "person-1";
  current.source = "sync";
  current.request_id = "req-1";
  assert_written(&change);
  row = row_at(1, &arena);
  assert_text(row.tenant_id, "tenant-a");
  assert_text(row.connector_id, "cnn_1");
  assert_text(row.app_id, "app-1");
  assert_int_equal(row.version, 1);
  assert_text(row.kind, "created");
  assert_int_equal(row.at, record.updated_at);
  assert_text(row.person_id, "person-1");
  assert_text(row.source, "sync");
  assert_text(row.request_id, "req-1");
  assert_text(row.reason, "why");
  assert_text(row.scope, "org");
  assert_null(row.was_scope);
  assert_null(row.back);
  assert_contains(row.forward, "\"source\":\"edm\"");
  arena_free(&arena);
}

static void stamps_that_the_other_columns_tell_are_left_out(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  struct change change = { .kind = CONNECTOR_CHANGE_CREATED,
                           .after = &record,
                           .at = record.updated_at };
  const struct {
    const char *updated_by;
    int64_t updated_at;
    const char *kept_by;
    int64_t kept_at;
  } cases[] = {
    { "person-1", 1700000000000, NULL, 0 },
    { "person-2", 1700000000000, "person-2", 0 },
    { NULL, 1700000000000, "", 0 },
    { "person-1", 1700000000005, NULL, 1700000000005 },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct arena arena = { 0 };
    struct history_row row;
    record.updated_by = cases[i].updated_by;
    record.updated_at = cases[i].updated_at;
    assert_written(&change);
    row = row_at((int64_t)i + 1, &arena);
    assert_text(row.updated_by, cases[i].kept_by);
    assert_int_equal(row.updated_at, cases[i].kept_at);
    arena_free(&arena);
  }
}

static void a_deletion_keeps_when_and_by_whom(void **state)
{
  const connector before = sample("tenant-a", "cnn_1");
  connector after = before;
  const struct change change = {
    .kind = CONNECTOR_CHANGE_DELETED, .before = &before, .after = &after, .at = after.updated_at
  };
  struct arena arena = { 0 };
  struct history_row row;
  (void)state;
  after.deleted_at = 77;
  after.deleted_by = "person-1";
  assert_written(&change);
  row = row_at(1, &arena);
  assert_int_equal(row.deleted_at, 77);
  assert_text(row.deleted_by, "person-1");
  assert_text(row.forward, "{}");
  assert_text(row.back, "{}");
  arena_free(&arena);
}

static void a_purge_holds_who_could_see_the_record_and_no_patch(void **state)
{
  connector before = sample("tenant-a", "cnn_1");
  const struct change change = { .kind = CONNECTOR_CHANGE_PURGED, .before = &before, .at = 55 };
  struct arena arena = { 0 };
  struct history_row row;
  (void)state;
  before.scope = CONNECTOR_SCOPE_USER;
  before.user_id = "user-ann";
  before.version = 9;
  assert_written(&change);
  row = row_at(1, &arena);
  assert_int_equal(row.version, 9);
  assert_text(row.scope, "user");
  assert_text(row.user_id, "user-ann");
  assert_null(row.was_scope);
  assert_null(row.forward);
  assert_null(row.back);
  assert_null(row.back_exact);
  arena_free(&arena);
}

/* ---- who may see it ---- */

typedef void (*move_fn)(connector *record);

static void move_scope(connector *record)
{
  record->scope = CONNECTOR_SCOPE_GROUP;
}

static void move_owner(connector *record)
{
  record->owner_id = NULL;
}

static void move_group(connector *record)
{
  record->group_id = "group-2";
}

static void move_user(connector *record)
{
  record->user_id = "";
}

static void who_saw_it_before_is_kept_where_that_changed(void **state)
{
  static const move_fn moves[] = { move_scope, move_owner, move_group, move_user };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(moves); i++) {
    connector before = sample("tenant-a", "cnn_1");
    connector after;
    const struct change change = {
      .kind = CONNECTOR_CHANGE_UPDATED, .before = &before, .after = &after, .at = before.updated_at
    };
    struct arena arena = { 0 };
    struct history_row row;
    before.scope = CONNECTOR_SCOPE_USER;
    before.owner_id = "owner";
    before.group_id = "group";
    before.user_id = "user";
    after = before;
    moves[i](&after);
    assert_written(&change);
    row = row_at((int64_t)i + 1, &arena);
    assert_text(row.was_scope, "user");
    assert_text(row.was_owner_id, "owner");
    assert_text(row.was_group_id, "group");
    assert_text(row.was_user_id, "user");
    assert_text(row.owner_id, after.owner_id);
    assert_text(row.group_id, after.group_id);
    assert_text(row.user_id, after.user_id);
    arena_free(&arena);
  }
}

static void who_saw_it_before_is_left_out_where_that_stayed(void **state)
{
  const connector before = sample("tenant-a", "cnn_1");
  connector after = before;
  const struct change change = {
    .kind = CONNECTOR_CHANGE_UPDATED, .before = &before, .after = &after, .at = before.updated_at
  };
  struct arena arena = { 0 };
  struct history_row row;
  (void)state;
  after.name = "new";
  after.app_id = "app-1";
  assert_written(&change);
  row = row_at(1, &arena);
  assert_null(row.was_scope);
  assert_null(row.was_owner_id);
  assert_text(row.forward, "{\"name\":\"new\"}");
  assert_text(row.back, "{\"name\":null}");
  arena_free(&arena);
}

/* ---- its place ---- */

static void seqs_have_no_gap_over_tenants_even_after_writes_that_were_undone(void **state)
{
  const connector before = sample("tenant-a", "cnn_1");
  const struct change change = { .kind = CONNECTOR_CHANGE_PURGED, .before = &before, .at = 5 };
  struct call call;
  struct work work;
  (void)state;
  change_many("tenant-a", 3);
  change_many("tenant-b", 2);
  begin(&call);
  engine_ok(work_begin_write(&work, &call, true));
  engine_ok(change_write(&work, &change));
  assert_int_equal(work_end_write(&work, CONNECTOR_CANCELLED), CONNECTOR_CANCELLED);
  end(&call);
  change_many("tenant-a", 2);
  assert_int_equal(look_up("SELECT count(*) FROM history"), 7);
  assert_int_equal(look_up("SELECT max(seq) FROM history"), 7);
  assert_int_equal(look_up("SELECT min(seq) FROM history"), 1);
  assert_int_equal(first_bad_of(NULL), 0);
}

static void a_head_follows_each_change_of_its_tenant(void **state)
{
  (void)state;
  change_many("tenant-a", 3);
  change_many("tenant-b", 2);
  assert_int_equal(look_up("SELECT seq * 100 + changes FROM history_head"
                           " WHERE tenant_id = 'tenant-a'"),
                   303);
  assert_int_equal(look_up("SELECT seq * 100 + changes FROM history_head"
                           " WHERE tenant_id = 'tenant-b'"),
                   502);
  assert_int_equal(look_up("SELECT count(*) FROM history_head AS h JOIN history AS n"
                           " ON n.seq = h.seq AND n.mac = h.mac AND n.tenant_id = h.tenant_id"),
                   2);
}

static void a_history_without_the_check_of_its_key_takes_no_change(void **state)
{
  connector_options options = test_options();
  (void)state;
  open_store(&options);
  assert_ok(connector_create(test.store, PATCH(.name = "x"), NULL, &failure));
  tamper("DELETE FROM meta WHERE key = 'history_check'");
  open_store(&options);
  assert_status(connector_create(test.store, PATCH(.name = "x"), NULL, &failure),
                CONNECTOR_CORRUPT);
  assert_int_equal(count_of(NULL), 1);
}

static void a_damaged_head_refuses_the_change_and_keeps_the_record(void **state)
{
  char id[ID_SIZE];
  (void)state;
  make_id(PATCH(.name = "before"), id);
  tamper("UPDATE history_head SET mac = zeroblob(3)");
  assert_status(connector_update(test.store, id, 0, PATCH(.name = "after"), NULL, &failure),
                CONNECTOR_CORRUPT);
  connector *record = fetch(id);
  assert_text(record->name, "before");
  connector_free(record);
}

/* ---- telling ---- */

static void the_host_is_told_what_history_holds(void **state)
{
  char id[ID_SIZE];
  char read[sizeof(told)] = "";
  size_t length = 0;
  (void)state;
  current.source = "sync";
  current.request_id = "req-1";
  make_id(PATCH(.name = "a"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "b"), NULL, &failure));
  assert_ok(
      connector_sync_failed(test.store, id, CONNECTOR_FAILURE_CONFIG, "no", 0, NULL, &failure));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  connector_changes *changes = feed_after(0);
  for (size_t i = 0; i < connector_changes_count(changes); i++) {
    char *json = NULL;
    assert_ok(connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &failure));
    length += (size_t)snprintf(read + length, sizeof(read) - length, "%s\n", json);
    connector_string_free(json);
  }
  connector_changes_free(changes);
  assert_text(told, read);
  assert_contains(told, "\"kind\":\"purged\"");
}

static void without_history_the_host_is_told_without_a_place_and_patches(void **state)
{
  connector_options options = noting_options();
  (void)state;
  options.no_history = true;
  close_store();
  assert_ok(connector_open(":memory:", &options, &test.store, &failure));
  change_many("tenant-a", 2);
  assert_int_equal(look_up("SELECT count(*) FROM history"), 0);
  assert_int_equal(look_up("SELECT count(*) FROM history_head"), 0);
  assert_contains(told, "\"seq\":0,\"kind\":\"updated\"");
  assert_contains(told, "\"forward\":null,\"back\":null");
}

static void changes_are_kept_for_a_history_or_a_host_that_wants_to_know(void **state)
{
  connector_options options = test_options();
  (void)state;
  assert_true(change_is_kept(test.store));
  options.no_history = true;
  close_store();
  assert_ok(connector_open(":memory:", &options, &test.store, &failure));
  assert_false(change_is_kept(test.store));
  options.on_change = note_change;
  close_store();
  assert_ok(connector_open(":memory:", &options, &test.store, &failure));
  assert_true(change_is_kept(test.store));
}

#define noting_test(name) cmocka_unit_test_setup_teardown(name, setup_noting, teardown)

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(every_kind_has_a_text_of_its_own_and_back),
    cmocka_unit_test(what_is_no_kind_has_no_text),
    memory_test(a_creation_holds_what_the_record_and_the_caller_say),
    memory_test(stamps_that_the_other_columns_tell_are_left_out),
    memory_test(a_deletion_keeps_when_and_by_whom),
    memory_test(a_purge_holds_who_could_see_the_record_and_no_patch),
    memory_test(who_saw_it_before_is_kept_where_that_changed),
    memory_test(who_saw_it_before_is_left_out_where_that_stayed),
    clock_test(seqs_have_no_gap_over_tenants_even_after_writes_that_were_undone),
    clock_test(a_head_follows_each_change_of_its_tenant),
    folder_test(a_history_without_the_check_of_its_key_takes_no_change),
    memory_test(a_damaged_head_refuses_the_change_and_keeps_the_record),
    noting_test(the_host_is_told_what_history_holds),
    noting_test(without_history_the_host_is_told_without_a_place_and_patches),
    memory_test(changes_are_kept_for_a_history_or_a_host_that_wants_to_know),
  };
  return cmocka_run_group_tests_name("change", tests, NULL, NULL);
}
