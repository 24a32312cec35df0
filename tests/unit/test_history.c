/*
 * engine/history: rows of history go in and come out whole, in the order asked for and by an index;
 * the heads of chains; and what of a tenant is removed.
 */
#include "engine_support.h"

#include "engine/history.h"

static struct scope tenant_a = { .kind = SCOPE_TENANT, .tenant = "tenant-a" };
static struct scope everything = { .kind = SCOPE_SYSTEM };

/* ---- helpers ---- */

static void run(const char *sql)
{
  engine_ok(connection_run(engine.connection, sql, &failure));
}

static struct history_row change_of(int64_t seq, const char *tenant, const char *id)
{
  struct history_row row = { .seq = seq,
                             .tenant_id = tenant,
                             .connector_id = id,
                             .version = 1,
                             .kind = "created",
                             .at = 1000 + seq,
                             .scope = "org" };
  memset(row.mac, (int)seq, sizeof(row.mac));
  return row;
}

static void add(const struct history_row *row)
{
  engine_ok(history_insert(engine.connection, row, &failure));
}

/* A row of each seq from 1 on: of these tenants in turn, of two connectors each. */
static void add_many(int count, const char *const *tenants, size_t tenant_count)
{
  engine_ok(connection_begin_write(engine.connection, &failure));
  for (int i = 0; i < count; i++) {
    size_t turn = (size_t)i / tenant_count;
    struct history_row row = change_of(i + 1, tenants[(size_t)i % tenant_count],
                                       turn % 2 == 0 ? "cnn_1" : "cnn_2");
    add(&row);
  }
  engine_ok(connection_commit(engine.connection, &failure));
}

static const char *const two[] = { "tenant-a", "tenant-b" };

enum { TEXT_MOST = 400 };

/* The seqs that a run gives, parted by blanks. */
static void seqs_of(struct statement *statement, char out[TEXT_MOST])
{
  struct history_row row = { 0 };
  bool found = true;
  size_t length = 0;
  out[0] = '\0';
  while (found) {
    engine_ok(history_next(statement, HISTORY_SHOWN, &row, &found, &failure));
    if (found)
      length += (size_t)snprintf(out + length, TEXT_MOST - length, "%s%d", length > 0 ? " " : "",
                                 (int)row.seq);
    assert_true(length < TEXT_MOST);
  }
  statement_done(statement);
}

static void feed(const struct scope *scope, int64_t after, int64_t limit, char out[TEXT_MOST])
{
  struct statement *statement = NULL;
  engine_ok(
      history_feed(engine.connection, scope, HISTORY_SHOWN, after, limit, &statement, &failure));
  seqs_of(statement, out);
}

static void changes_of(const struct scope *scope, const char *id, int64_t before, int64_t limit,
                       char out[TEXT_MOST])
{
  struct statement *statement = NULL;
  engine_ok(
      history_of(engine.connection, scope, HISTORY_SHOWN, id, before, limit, &statement, &failure));
  seqs_of(statement, out);
}

static int64_t newest_of(const struct scope *scope, int64_t after)
{
  int64_t newest = -1;
  engine_ok(history_newest(engine.connection, scope, after, &newest, &failure));
  return newest;
}

/* ---- rows ---- */

/* Every column holds a value of its own. */
static struct history_row full_row(void)
{
  struct history_row row = { 0 };
  for (size_t i = 0; i < HISTORY_COLUMNS; i++)
    if (history_columns[i].is_text)
      *history_text(&row, &history_columns[i]) = history_columns[i].name;
    else
      *history_number(&row, &history_columns[i]) = 100 + (int64_t)i;
  row.tenant_id = "tenant-a";
  memset(row.mac, 0xab, sizeof(row.mac));
  return row;
}

static void assert_row(const struct history_row *got, const struct history_row *wanted,
                       unsigned parts)
{
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    if ((history_columns[i].part & parts) == 0)
      continue;
    if (history_columns[i].is_text)
      assert_text(*history_text(got, &history_columns[i]),
                  *history_text(wanted, &history_columns[i]));
    else
      assert_int_equal(*history_number(got, &history_columns[i]),
                       *history_number(wanted, &history_columns[i]));
  }
}

/* The statement stays open: the row's text is borrowed. */
static struct statement *first_of(unsigned parts, struct history_row *row)
{
  struct statement *statement = NULL;
  bool found = false;
  engine_ok(history_feed(engine.connection, &tenant_a, parts, 0, 1, &statement, &failure));
  engine_ok(history_next(statement, parts, row, &found, &failure));
  assert_true(found);
  return statement;
}

static void a_row_comes_out_as_it_went_in(void **state)
{
  struct history_row wanted = full_row();
  struct history_row got = { 0 };
  (void)state;
  add(&wanted);
  struct statement *statement = first_of(HISTORY_ALL, &got);
  assert_row(&got, &wanted, HISTORY_ALL);
  assert_memory_equal(got.mac, wanted.mac, HISTORY_MAC);
  statement_done(statement);
}

static void a_bare_row_comes_out_bare(void **state)
{
  struct history_row wanted = change_of(1, "tenant-a", "cnn_1");
  struct history_row got = full_row();
  (void)state;
  wanted.updated_by = "";
  wanted.was_user_id = "";
  add(&wanted);
  struct statement *statement = first_of(HISTORY_ALL, &got);
  assert_row(&got, &wanted, HISTORY_ALL);
  statement_done(statement);
}

static void a_reader_gets_the_parts_that_it_asks_for_and_keeps_the_rest(void **state)
{
  const struct history_row wanted = full_row();
  (void)state;
  add(&wanted);
  for (unsigned parts = HISTORY_SHOWN; parts <= HISTORY_ALL; parts++) {
    struct history_row untouched = { 0 };
    struct history_row got = { .tenant_id = "mine", .connector_id = "mine", .kind = "mine" };
    if ((parts & HISTORY_SHOWN) == 0)
      untouched = got;
    struct statement *statement = first_of(parts, &got);
    assert_row(&got, &wanted, parts);
    assert_row(&got, &untouched, HISTORY_ALL & ~parts);
    statement_done(statement);
  }
}

static void every_column_but_the_hash_is_in_the_table_of_columns(void **state)
{
  char sql[200];
  (void)state;
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM pragma_table_info('history')"
                                                 " WHERE name <> 'mac'"),
                   HISTORY_COLUMNS);
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    snprintf(sql, sizeof(sql),
             "SELECT count(*) FROM pragma_table_info('history') WHERE name = '%s' AND type = '%s'",
             history_columns[i].name, history_columns[i].is_text ? "TEXT" : "INTEGER");
    assert_int_equal(integer_of(engine.connection, sql), 1);
  }
}

static void a_seq_is_used_once(void **state)
{
  struct history_row row = change_of(1, "tenant-a", "cnn_1");
  (void)state;
  add(&row);
  assert_int_not_equal(history_insert(engine.connection, &row, &failure), CONNECTOR_OK);
}

static void a_hash_of_another_size_is_corrupt(void **state)
{
  static const char *const damages[] = {
    "UPDATE history SET mac = zeroblob(31)",
    "UPDATE history SET mac = zeroblob(33)",
    "UPDATE history SET mac = zeroblob(0)",
  };
  struct history_row row = change_of(1, "tenant-a", "cnn_1");
  struct statement *statement = NULL;
  bool found = false;
  (void)state;
  add(&row);
  for (size_t i = 0; i < COUNT_OF(damages); i++) {
    run(damages[i]);
    engine_ok(history_feed(engine.connection, &tenant_a, HISTORY_ALL, 0, 1, &statement, &failure));
    engine_fails(history_next(statement, HISTORY_ALL, &row, &found, &failure), CONNECTOR_CORRUPT);
    assert_true(found);
    statement_done(statement);
  }
}

/* Neither a reader of the text nor the hash would see it. */
static void text_behind_a_nul_is_corrupt(void **state)
{
  (void)state;
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    struct history_row row = full_row();
    struct statement *statement = NULL;
    char sql[120];
    bool found = false;
    if (!history_columns[i].is_text || strcmp(history_columns[i].name, "tenant_id") == 0)
      continue;
    run("DELETE FROM history");
    add(&row);
    snprintf(sql, sizeof(sql), "UPDATE history SET %s = 'a' || char(0) || 'b'",
             history_columns[i].name);
    run(sql);
    engine_ok(history_feed(engine.connection, &tenant_a, HISTORY_ALL, 0, 1, &statement, &failure));
    engine_fails(history_next(statement, HISTORY_ALL, &row, &found, &failure), CONNECTOR_CORRUPT);
    statement_done(statement);
  }
}

static void rows_numbered_below_1_are_in_no_connectors_history(void **state)
{
  struct history_row row = change_of(1, "tenant-a", "cnn_1");
  char seqs[TEXT_MOST];
  (void)state;
  add(&row);
  row.seq = -1;
  add(&row);
  changes_of(&tenant_a, "cnn_1", INT64_MAX, 100, seqs);
  assert_text(seqs, "1");
}

/* ---- the feed ---- */

static void a_feed_holds_a_tenants_rows_behind_a_seq_in_order(void **state)
{
  char seqs[TEXT_MOST];
  (void)state;
  add_many(10, two, 2);
  feed(&tenant_a, 0, 100, seqs);
  assert_text(seqs, "1 3 5 7 9");
  feed(&tenant_a, 3, 100, seqs);
  assert_text(seqs, "5 7 9");
  feed(&tenant_a, 4, 2, seqs);
  assert_text(seqs, "5 7");
  feed(&tenant_a, 9, 100, seqs);
  assert_text(seqs, "");
  feed(&tenant_a, INT64_MAX, 100, seqs);
  assert_text(seqs, "");
}

static void a_feed_of_all_tenants_holds_every_row_in_order(void **state)
{
  char seqs[TEXT_MOST];
  (void)state;
  add_many(6, two, 2);
  feed(&everything, 0, 100, seqs);
  assert_text(seqs, "1 2 3 4 5 6");
  feed(&everything, 2, 3, seqs);
  assert_text(seqs, "3 4 5");
}

static void a_feed_without_a_limit_holds_all(void **state)
{
  char seqs[TEXT_MOST];
  (void)state;
  add_many(40, two, 1);
  feed(&tenant_a, 38, -1, seqs);
  assert_text(seqs, "39 40");
  feed(&tenant_a, 0, -1, seqs);
  assert_int_equal(strlen(seqs), 9 * 2 + 31 * 3 - 1);
}

static void the_newest_of_a_scope_is_its_last_row_or_what_was_asked_behind(void **state)
{
  (void)state;
  assert_int_equal(newest_of(&tenant_a, 0), 0);
  assert_int_equal(newest_of(&tenant_a, 7), 7);
  add_many(10, two, 2);
  assert_int_equal(newest_of(&tenant_a, 0), 9);
  assert_int_equal(newest_of(&tenant_a, 8), 9);
  assert_int_equal(newest_of(&tenant_a, 9), 9);
  assert_int_equal(newest_of(&tenant_a, 10), 10);
  assert_int_equal(newest_of(&everything, 0), 10);
}

/* ---- one connector ---- */

static void a_connectors_history_is_its_own_newest_first(void **state)
{
  char seqs[TEXT_MOST];
  (void)state;
  add_many(16, two, 2);
  changes_of(&tenant_a, "cnn_1", INT64_MAX, 100, seqs);
  assert_text(seqs, "13 9 5 1");
  changes_of(&tenant_a, "cnn_1", 9, 100, seqs);
  assert_text(seqs, "5 1");
  changes_of(&tenant_a, "cnn_1", 13, 2, seqs);
  assert_text(seqs, "9 5");
  changes_of(&tenant_a, "cnn_1", 1, 2, seqs);
  assert_text(seqs, "");
  changes_of(&tenant_a, "cnn_3", INT64_MAX, 2, seqs);
  assert_text(seqs, "");
}

static void a_connectors_history_over_tenants_holds_those_of_its_id(void **state)
{
  char seqs[TEXT_MOST];
  (void)state;
  add_many(8, two, 2);
  changes_of(&everything, "cnn_1", INT64_MAX, 100, seqs);
  assert_text(seqs, "6 5 2 1");
}

/* Of a connector that is gone its history alone tells whose it was. */
static void the_first_tenant_with_changes_of_a_connector_is_its_owner(void **state)
{
  static const char *const tenants[] = { "tenant-b", "tenant-c" };
  struct buffer tenant = { 0 };
  (void)state;
  add_many(8, tenants, 2);
  engine_ok(history_owner(engine.connection, "cnn_2", &tenant, &failure));
  assert_text(tenant.bytes, "tenant-b");
  engine_ok(history_owner(engine.connection, "cnn_", &tenant, &failure));
  assert_text(tenant.bytes, "");
  run("DELETE FROM history WHERE tenant_id = 'tenant-b' AND connector_id = 'cnn_1'");
  engine_ok(history_owner(engine.connection, "cnn_1", &tenant, &failure));
  assert_text(tenant.bytes, "tenant-c");
  buffer_free(&tenant);
}

/* ---- heads ---- */

static struct history_head head_of(int start)
{
  struct history_head head = {
    .seq = start, .changes = start + 1, .anchor_seq = start + 2, .anchor_changes = start + 3
  };
  memset(head.mac, start + 4, HISTORY_MAC);
  memset(head.anchor_mac, start + 5, HISTORY_MAC);
  memset(head.seal, start + 6, HISTORY_MAC);
  return head;
}

static void assert_head(const char *tenant, const struct history_head *wanted)
{
  struct history_head head = head_of(90);
  int64_t newest = -1;
  engine_ok(history_tip(engine.connection, tenant, &head, &newest, &failure));
  assert_int_equal(head.seq, wanted->seq);
  assert_int_equal(head.changes, wanted->changes);
  assert_int_equal(head.anchor_seq, wanted->anchor_seq);
  assert_int_equal(head.anchor_changes, wanted->anchor_changes);
  assert_memory_equal(head.mac, wanted->mac, HISTORY_MAC);
  assert_memory_equal(head.anchor_mac, wanted->anchor_mac, HISTORY_MAC);
  assert_memory_equal(head.seal, wanted->seal, HISTORY_MAC);
}

static void put_head(const char *tenant, const struct history_head *head)
{
  engine_ok(history_put_head(engine.connection, tenant, head, &failure));
}

static void a_head_comes_out_as_it_went_in_the_last_time(void **state)
{
  const struct history_head none = { 0 };
  struct history_head first = head_of(1);
  struct history_head second = head_of(20);
  struct history_head other = head_of(40);
  (void)state;
  assert_head("tenant-a", &none);
  put_head("tenant-a", &first);
  assert_head("tenant-a", &first);
  assert_head("tenant-b", &none);
  put_head("tenant-b", &other);
  put_head("tenant-a", &second);
  assert_head("tenant-a", &second);
  assert_head("tenant-b", &other);
}

static void a_tip_tells_the_last_seq_of_the_store_whatever_the_tenant(void **state)
{
  struct history_head head;
  int64_t newest = -1;
  (void)state;
  engine_ok(history_tip(engine.connection, "tenant-c", &head, &newest, &failure));
  assert_int_equal(newest, 0);
  add_many(5, two, 2);
  engine_ok(history_tip(engine.connection, "tenant-c", &head, &newest, &failure));
  assert_int_equal(newest, 5);
}

static void a_head_with_a_hash_of_another_size_is_corrupt(void **state)
{
  static const char *const columns[] = { "mac", "anchor_mac", "seal" };
  struct history_head head = head_of(1);
  (void)state;
  for (size_t i = 0; i < COUNT_OF(columns); i++) {
    char sql[100];
    int64_t newest = 0;
    put_head("tenant-a", &head);
    snprintf(sql, sizeof(sql), "UPDATE history_head SET %s = zeroblob(31)", columns[i]);
    run(sql);
    engine_fails(history_tip(engine.connection, "tenant-a", &head, &newest, &failure),
                 CONNECTOR_CORRUPT);
    head = head_of(1);
  }
}

/* ---- tenants ---- */

static void tenants_in_order(char out[TEXT_MOST])
{
  struct buffer tenant = { 0 };
  char after[64] = "";
  size_t length = 0;
  out[0] = '\0';
  for (;;) {
    engine_ok(history_tenant(engine.connection, after, &tenant, &failure));
    if (tenant.bytes[0] == '\0')
      break;
    length += (size_t)snprintf(out + length, TEXT_MOST - length, "%s%s", length > 0 ? " " : "",
                               tenant.bytes);
    snprintf(after, sizeof(after), "%s", tenant.bytes);
  }
  buffer_free(&tenant);
}

static void tenants_with_a_head_or_a_row_come_once_and_in_order(void **state)
{
  struct history_head head = head_of(1);
  struct history_row only_row = change_of(1, "tenant-b", "cnn_1");
  struct history_row both = change_of(2, "tenant-c", "cnn_1");
  struct history_row again = change_of(3, "tenant-c", "cnn_1");
  char tenants[TEXT_MOST];
  (void)state;
  tenants_in_order(tenants);
  assert_text(tenants, "");
  add(&only_row);
  add(&both);
  add(&again);
  put_head("tenant-c", &head);
  put_head("tenant-a", &head);
  put_head("tenant-d", &head);
  tenants_in_order(tenants);
  assert_text(tenants, "tenant-a tenant-b tenant-c tenant-d");
}

static void the_tenant_asked_behind_may_be_the_buffers_own(void **state)
{
  struct buffer tenant = { 0 };
  (void)state;
  add_many(4, two, 2);
  engine_ok(history_tenant(engine.connection, "", &tenant, &failure));
  assert_text(tenant.bytes, "tenant-a");
  engine_ok(history_tenant(engine.connection, tenant.bytes, &tenant, &failure));
  assert_text(tenant.bytes, "tenant-b");
  engine_ok(history_tenant(engine.connection, tenant.bytes, &tenant, &failure));
  assert_text(tenant.bytes, "");
  buffer_free(&tenant);
}

static void removing_takes_a_tenants_rows_up_to_a_seq(void **state)
{
  char seqs[TEXT_MOST];
  (void)state;
  add_many(10, two, 2);
  engine_ok(history_remove(engine.connection, "tenant-a", 5, &failure));
  feed(&everything, 0, 100, seqs);
  assert_text(seqs, "2 4 6 7 8 9 10");
}

/* ---- plans and cost ---- */

static void assert_plan(const char *wanted)
{
  char plan[PLAN_SIZE];
  latest_plan(plan);
  if (strcmp(plan, wanted) != 0)
    fail_msg("%s\n    is run as %s    wanted    %s", latest_text(), plan, wanted);
}

static void reads_of_a_tenant_search_an_index_whatever_the_scope(void **state)
{
  (void)state;
  for (int kind = SCOPE_MEMBER; kind <= SCOPE_TENANT; kind++)
    for (int app = 0; app < 2; app++)
      for (unsigned parts = HISTORY_SHOWN; parts <= HISTORY_ALL; parts++) {
        struct scope scope = { (enum scope_kind)kind, "tenant-a", app != 0 ? "app-1" : NULL, "ann",
                               "\x1fops\x1f" };
        struct statement *statement = NULL;
        engine_ok(history_feed(engine.connection, &scope, parts, 5, 10, &statement, &failure));
        assert_plan("SEARCH history USING INDEX history_feed (tenant_id=? AND rowid>?)\n");
        engine_ok(
            history_of(engine.connection, &scope, parts, "cnn_1", 5, 10, &statement, &failure));
        assert_plan("SEARCH history USING INDEX history_of"
                    " (connector_id=? AND tenant_id=? AND rowid>? AND rowid<?)\n");
        (void)newest_of(&scope, 5);
        assert_plan(kind == SCOPE_TENANT && app == 0
                        ? "SEARCH history USING COVERING INDEX history_feed"
                          " (tenant_id=? AND rowid>?)\n"
                        : "SEARCH history USING INDEX history_feed (tenant_id=? AND rowid>?)\n");
      }
}

static void a_feed_of_all_tenants_walks_the_table_from_the_seq_on(void **state)
{
  char seqs[TEXT_MOST];
  (void)state;
  for (int app = 0; app < 2; app++) {
    struct scope scope = { .kind = SCOPE_SYSTEM, .app = app != 0 ? "app-1" : NULL };
    feed(&scope, 5, 10, seqs);
    assert_plan("SEARCH history USING INTEGER PRIMARY KEY (rowid>?)\n");
    (void)newest_of(&scope, 5);
    assert_plan("SEARCH history USING INTEGER PRIMARY KEY (rowid>?)\n");
  }
}

static void statements_on_a_named_tenant_search_by_it(void **state)
{
  struct history_head head;
  struct buffer tenant = { 0 };
  char plan[PLAN_SIZE];
  int64_t newest = 0;
  (void)state;
  engine_ok(history_remove(engine.connection, "tenant-a", 5, &failure));
  assert_plan("SEARCH history USING INDEX history_feed (tenant_id=? AND rowid<?)\n");
  engine_ok(history_tip(engine.connection, "tenant-a", &head, &newest, &failure));
  latest_plan(plan);
  assert_contains(plan, "SEARCH history\n");
  assert_contains(plan, "SEARCH h USING PRIMARY KEY (tenant_id=?)");
  engine_ok(history_tenant(engine.connection, "tenant-a", &tenant, &failure));
  latest_plan(plan);
  assert_contains(plan, "SEARCH history_head USING PRIMARY KEY (tenant_id>?)");
  assert_contains(plan, "SEARCH history USING COVERING INDEX history_feed (tenant_id>?)");
  assert_lacks(plan, "TEMP B-TREE");
  buffer_free(&tenant);
}

/* Over all tenants it is read within its own. */
static void a_connectors_history_over_tenants_is_read_without_sorting_all_of_it(void **state)
{
  struct scope own = { .kind = SCOPE_TENANT };
  struct buffer tenant = { 0 };
  char plan[PLAN_SIZE];
  char seqs[TEXT_MOST];
  (void)state;
  add_many(8, two, 2);
  engine_ok(history_owner(engine.connection, "cnn_1", &tenant, &failure));
  assert_plan("SEARCH history USING COVERING INDEX history_of (connector_id=?)\n");
  own.tenant = tenant.bytes;
  changes_of(&own, "cnn_1", INT64_MAX, 10, seqs);
  assert_text(seqs, "5 1");
  latest_plan(plan);
  assert_lacks(plan, "TEMP B-TREE");
  buffer_free(&tenant);
}

static int steps_of_latest(void)
{
  struct statement *statement = latest_statement();
  assert_int_equal(sqlite3_stmt_status(statement->handle, SQLITE_STMTSTATUS_SORT, 1), 0);
  return sqlite3_stmt_status(statement->handle, SQLITE_STMTSTATUS_VM_STEP, 1);
}

/* The steps of each kind of reading ten rows or fewer among so many. */
static void measure(int count, int steps[7])
{
  struct buffer tenant = { 0 };
  struct history_head head;
  int64_t newest = 0;
  char seqs[TEXT_MOST];
  run("DELETE FROM history");
  add_many(count, two, 2);
  feed(&tenant_a, 100, 10, seqs);
  steps[0] = steps_of_latest();
  feed(&everything, 100, 10, seqs);
  steps[1] = steps_of_latest();
  changes_of(&tenant_a, "cnn_1", INT64_MAX, 10, seqs);
  steps[2] = steps_of_latest();
  assert_int_equal(newest_of(&tenant_a, 5), count - 1);
  steps[3] = steps_of_latest();
  engine_ok(history_tip(engine.connection, "tenant-a", &head, &newest, &failure));
  steps[4] = steps_of_latest();
  engine_ok(history_tenant(engine.connection, "tenant-a", &tenant, &failure));
  assert_text(tenant.bytes, "tenant-b");
  steps[5] = steps_of_latest();
  engine_ok(history_owner(engine.connection, "cnn_2", &tenant, &failure));
  assert_text(tenant.bytes, "tenant-a");
  steps[6] = steps_of_latest();
  buffer_free(&tenant);
}

static void what_a_read_costs_does_not_grow_with_the_history(void **state)
{
  int few[7] = { 0 };
  int many[COUNT_OF(few)] = { 0 };
  (void)state;
  measure(1000, few);
  measure(50000, many);
  for (size_t i = 0; i < COUNT_OF(few); i++)
    assert_int_equal(few[i], many[i]);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    rows_test(a_row_comes_out_as_it_went_in),
    rows_test(a_bare_row_comes_out_bare),
    rows_test(a_reader_gets_the_parts_that_it_asks_for_and_keeps_the_rest),
    rows_test(every_column_but_the_hash_is_in_the_table_of_columns),
    rows_test(a_seq_is_used_once),
    rows_test(a_hash_of_another_size_is_corrupt),
    rows_test(text_behind_a_nul_is_corrupt),
    rows_test(rows_numbered_below_1_are_in_no_connectors_history),
    rows_test(a_feed_holds_a_tenants_rows_behind_a_seq_in_order),
    rows_test(a_feed_of_all_tenants_holds_every_row_in_order),
    rows_test(a_feed_without_a_limit_holds_all),
    rows_test(the_newest_of_a_scope_is_its_last_row_or_what_was_asked_behind),
    rows_test(a_connectors_history_is_its_own_newest_first),
    rows_test(a_connectors_history_over_tenants_holds_those_of_its_id),
    rows_test(the_first_tenant_with_changes_of_a_connector_is_its_owner),
    rows_test(a_head_comes_out_as_it_went_in_the_last_time),
    rows_test(a_tip_tells_the_last_seq_of_the_store_whatever_the_tenant),
    rows_test(a_head_with_a_hash_of_another_size_is_corrupt),
    rows_test(tenants_with_a_head_or_a_row_come_once_and_in_order),
    rows_test(the_tenant_asked_behind_may_be_the_buffers_own),
    rows_test(removing_takes_a_tenants_rows_up_to_a_seq),
    rows_test(reads_of_a_tenant_search_an_index_whatever_the_scope),
    rows_test(a_feed_of_all_tenants_walks_the_table_from_the_seq_on),
    rows_test(statements_on_a_named_tenant_search_by_it),
    rows_test(a_connectors_history_over_tenants_is_read_without_sorting_all_of_it),
    rows_test(what_a_read_costs_does_not_grow_with_the_history),
  };
  return cmocka_run_group_tests_name("history", tests, NULL, NULL);
}
