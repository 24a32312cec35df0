/*
 * engine/due: what is due of each kind of work, in which range and order, that a wait which is over
 * is ended, and that the queries read an index of nothing else, however many records there are.
 */
#include "engine_support.h"

#include "engine/due.h"

static const int64_t now = 1700000000000;

static struct scope tenant_a = { .kind = SCOPE_TENANT, .tenant = "tenant-a" };
static struct scope everything = { .kind = SCOPE_SYSTEM };

enum { HOUR = 3600000 };

static struct due_query query_of(connector_due due, int64_t latest)
{
  return (struct due_query){
    .due = due, .latest = latest, .now = now, .longest = now + WAIT_LONGEST_MS, .limit = 100
  };
}

/* ---- helpers ---- */

static void run(const char *sql)
{
  engine_ok(connection_run(engine.connection, sql, &failure));
}

static void set_wait(const char *id, connector_due due, int64_t until)
{
  const struct target target = { &tenant_a, id, 0 };
  struct waits waits = { .set = 1u << (due - 1) };
  bool changed = false;
  waits.until[due - 1] = until;
  engine_ok(rows_wait(engine.connection, &target, &waits, &changed, &failure));
  assert_true(changed);
}

static int64_t wait_of(const char *tenant, const char *id, connector_due due)
{
  const struct scope scope = { .kind = SCOPE_TENANT, .tenant = tenant };
  int64_t until = -1;
  engine_ok(rows_find_wait(engine.connection, &scope, id, (enum wait)(due - 1), &until, &failure));
  return until;
}

static bool any_ended(const struct scope *scope, const struct due_query *query)
{
  bool any = false;
  engine_ok(due_any_ended(engine.connection, scope, query, &any, &failure));
  return any;
}

/* How many rows it freed. */
static int end_waits(const struct scope *scope, const struct due_query *query)
{
  int before = sqlite3_total_changes(engine.connection->db);
  engine_ok(due_end_waits(engine.connection, scope, query, &failure));
  return sqlite3_total_changes(engine.connection->db) - before;
}

enum { FOUND_MOST = 600 };

/* The ids and keys that a run gives, ids parted by blanks. */
struct due_found {
  char ids[FOUND_MOST];
  int64_t keys[16];
  size_t count;
};

static void find_in(const struct scope *scope, const struct due_query *query, enum due_range range,
                    struct due_found *found)
{
  struct statement *statement = NULL;
  struct row row;
  bool more = true;
  size_t length = 0;
  memset(found, 0, sizeof(*found));
  engine_ok(due_start(engine.connection, scope, query, range, &statement, &failure));
  while (more) {
    int64_t key = 0;
    engine_ok(due_next(statement, &row, &key, &more, &failure));
    if (!more)
      break;
    length += (size_t)snprintf(found->ids + length, FOUND_MOST - length, "%s%s",
                               length > 0 ? " " : "", row.record.id);
    assert_true(length < FOUND_MOST);
    if (found->count < COUNT_OF(found->keys))
      found->keys[found->count] = key;
    found->count++;
  }
  statement_done(statement);
}

static void check_due(connector_due due, int64_t latest, enum due_range range, const char *wanted,
                      const char *file, int line)
{
  struct due_query query = query_of(due, latest);
  struct due_found found;
  find_in(&tenant_a, &query, range, &found);
  if (strcmp(found.ids, wanted) == 0)
    return;
  print_error("due in range %d: \"%s\", wanted \"%s\"\n", (int)range, found.ids, wanted);
  _fail(file, line);
}

#define assert_due(due, latest, range, wanted)                                                     \
  check_due(due, latest, range, wanted, __FILE__, __LINE__)

/* ---- what is due ---- */

static void a_token_is_due_its_lead_before_it_expires(void **state)
{
  connector row = sample("tenant-a", "cnn_1");
  (void)state;
  row.updated_at = now;
  row.oauth_token_expires_at = now + 10 * HOUR;
  put(&row);
  assert_due(CONNECTOR_DUE_REFRESH, now + 10 * HOUR - 900000, DUE_PAST, "cnn_1");
  assert_due(CONNECTOR_DUE_REFRESH, now + 10 * HOUR - 900000 - 1, DUE_PAST, "");
}

static void a_token_of_a_short_life_is_due_when_a_fifth_is_left(void **state)
{
  connector row = sample("tenant-a", "cnn_1");
  (void)state;
  row.updated_at = now;
  row.oauth_token_expires_at = now + 1000;
  put(&row);
  assert_due(CONNECTOR_DUE_REFRESH, now + 800, DUE_PAST, "cnn_1");
  assert_due(CONNECTOR_DUE_REFRESH, now + 799, DUE_PAST, "");
}

static void with_a_horizon_a_token_is_due_by_its_expiry_alone(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_REFRESH, now + 999);
  struct due_found found;
  connector row = sample("tenant-a", "cnn_1");
  (void)state;
  row.updated_at = now;
  row.oauth_token_expires_at = now + 1000;
  put(&row);
  query.by_expiry = true;
  find_in(&tenant_a, &query, DUE_PAST, &found);
  assert_text(found.ids, "");
  query.latest = now + 1000;
  find_in(&tenant_a, &query, DUE_PAST, &found);
  assert_text(found.ids, "cnn_1");
  assert_int_equal(found.keys[0], now + 1000);
}

static void a_token_that_needs_a_refresh_always_is_due_and_comes_first(void **state)
{
  connector early = sample("tenant-a", "cnn_1");
  connector needed = sample("tenant-a", "cnn_2");
  connector later = sample("tenant-a", "cnn_3");
  struct due_query query = query_of(CONNECTOR_DUE_REFRESH, now);
  struct due_found found;
  (void)state;
  early.oauth_token_expires_at = 1000000;
  needed.oauth_refresh_needed = true;
  needed.oauth_token_expires_at = now + 100 * HOUR;
  later.oauth_refresh_needed = false;
  put(&early);
  put(&needed);
  put(&later);
  for (int by_expiry = 0; by_expiry < 2; by_expiry++) {
    query.by_expiry = by_expiry != 0;
    find_in(&tenant_a, &query, DUE_PAST, &found);
    assert_text(found.ids, "cnn_2 cnn_1");
    assert_int_equal(found.keys[0], 0);
  }
}

static void a_rotation_is_due_at_its_time(void **state)
{
  connector row = sample("tenant-a", "cnn_1");
  connector never = sample("tenant-a", "cnn_2");
  (void)state;
  row.next_rotation_due = now;
  put(&row);
  put(&never);
  assert_due(CONNECTOR_DUE_ROTATION, now, DUE_PAST, "cnn_1");
  assert_due(CONNECTOR_DUE_ROTATION, now - 1, DUE_PAST, "");
}

static void a_sync_is_due_of_what_is_enabled_and_was_synced_long_ago_or_never(void **state)
{
  connector recent = sample("tenant-a", "cnn_1");
  connector old = sample("tenant-a", "cnn_2");
  connector never = sample("tenant-a", "cnn_3");
  connector disabled = sample("tenant-a", "cnn_4");
  (void)state;
  recent.last_sync_at = now - HOUR + 1;
  old.last_sync_at = now - HOUR;
  disabled.enabled = false;
  put(&recent);
  put(&old);
  put(&never);
  put(&disabled);
  assert_due(CONNECTOR_DUE_SYNC, now - HOUR, DUE_PAST, "cnn_3 cnn_2");
}

/* All that could be due of every kind. */
static connector due_for_all(const char *id)
{
  connector row = sample("tenant-a", id);
  row.oauth_refresh_needed = true;
  row.next_rotation_due = 1;
  return row;
}

static void what_is_deleted_or_of_a_newer_schema_is_never_due(void **state)
{
  connector deleted = due_for_all("cnn_1");
  connector newer = due_for_all("cnn_2");
  (void)state;
  deleted.deleted_at = 5;
  newer.schema_version = 2;
  put(&deleted);
  put(&newer);
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++)
    assert_due((connector_due)due, now, DUE_PAST, "");
  run("UPDATE connector SET refresh_after = 1, rotation_after = 1, sync_after = 1");
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++) {
    struct due_query query = query_of((connector_due)due, now);
    assert_due((connector_due)due, now, DUE_PAST, "");
    end_waits(&tenant_a, &query);
    assert_due((connector_due)due, now, DUE_PAST, "");
  }
}

static void the_longest_due_come_first_and_no_more_than_asked_for(void **state)
{
  static const int64_t times[] = { 30, 10, 40, 20, 50 };
  struct due_query query = query_of(CONNECTOR_DUE_ROTATION, now);
  struct due_found found;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(times); i++) {
    char id[16];
    connector row = sample("tenant-a", id);
    snprintf(id, sizeof(id), "cnn_%d", (int)times[i]);
    row.next_rotation_due = times[i];
    put(&row);
  }
  query.limit = 3;
  find_in(&tenant_a, &query, DUE_PAST, &found);
  assert_text(found.ids, "cnn_10 cnn_20 cnn_30");
  assert_int_equal(found.keys[0], 10);
  assert_int_equal(found.keys[2], 30);
}

static void a_row_is_whole_beside_its_key(void **state)
{
  connector row = sample("tenant-a", "cnn_1");
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  struct statement *statement = NULL;
  struct row read;
  int64_t key = 0;
  bool found = false;
  (void)state;
  row.name = "Jira";
  row.config = "{\"a\":1}";
  row.last_sync_at = 77;
  put(&row);
  engine_ok(due_start(engine.connection, &tenant_a, &query, DUE_PAST, &statement, &failure));
  engine_ok(due_next(statement, &read, &key, &found, &failure));
  assert_true(found);
  assert_int_equal(key, 77);
  assert_true(connector_equal(&read.record, &row));
  statement_done(statement);
}

/* ---- waits ---- */

static void a_wait_is_over_at_its_time_or_where_none_could_be_so_long(void **state)
{
  const struct {
    int64_t until;
    bool ended;
  } cases[] = {
    { 1, true },
    { now - 1, true },
    { now, true },
    { now + 1, false },
    { now + WAIT_LONGEST_MS, false },
    { now + WAIT_LONGEST_MS + 1, true },
    { INT64_MAX, true },
  };
  connector row = due_for_all("cnn_1");
  (void)state;
  put(&row);
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++) {
    struct due_query query = query_of((connector_due)due, now);
    set_wait("cnn_1", (connector_due)due, 0);
    assert_due((connector_due)due, now, DUE_PAST, "cnn_1");
    assert_false(any_ended(&tenant_a, &query));
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
      set_wait("cnn_1", (connector_due)due, cases[i].until);
      assert_due((connector_due)due, now, DUE_PAST, "");
      assert_int_equal(any_ended(&tenant_a, &query), cases[i].ended);
      assert_int_equal(end_waits(&tenant_a, &query), cases[i].ended);
      assert_false(any_ended(&tenant_a, &query));
      assert_int_equal(wait_of("tenant-a", "cnn_1", (connector_due)due),
                       cases[i].ended ? 0 : cases[i].until);
      assert_due((connector_due)due, now, DUE_PAST, cases[i].ended ? "cnn_1" : "");
    }
  }
}

static void waits_are_ended_some_at_a_time_the_oldest_first(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  (void)state;
  for (int i = 1; i <= 5; i++) {
    char id[24];
    connector row = sample("tenant-a", id);
    snprintf(id, sizeof(id), "cnn_%d", i);
    row.last_sync_at = i;
    put(&row);
    set_wait(id, CONNECTOR_DUE_SYNC, now - i);
    snprintf(id, sizeof(id), "cnn_w%d", i);
    row.last_sync_at = 10 + i;
    put(&row);
    set_wait(id, CONNECTOR_DUE_SYNC, now + WAIT_LONGEST_MS + i);
  }
  query.limit = 2;
  assert_int_equal(end_waits(&tenant_a, &query), 4);
  assert_due(CONNECTOR_DUE_SYNC, now, DUE_PAST, "cnn_4 cnn_5 cnn_w1 cnn_w2");
  assert_int_equal(end_waits(&tenant_a, &query), 4);
  assert_true(any_ended(&tenant_a, &query));
  assert_int_equal(end_waits(&tenant_a, &query), 2);
  assert_false(any_ended(&tenant_a, &query));
  assert_int_equal(end_waits(&tenant_a, &query), 0);
}

static void the_waits_of_a_tenant_are_its_own(void **state)
{
  const struct scope tenant_b = { .kind = SCOPE_TENANT, .tenant = "tenant-b" };
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  connector own = sample("tenant-a", "cnn_1");
  connector same_id = sample("tenant-b", "cnn_1");
  connector waiting = sample("tenant-b", "cnn_2");
  connector also_over = sample("tenant-a", "cnn_2");
  (void)state;
  put(&own);
  put(&same_id);
  put(&waiting);
  put(&also_over);
  run("UPDATE connector SET sync_after = 5");
  run("UPDATE connector SET sync_after = 1700000000001 WHERE tenant_id = 'tenant-b'"
      " AND id = 'cnn_2'");
  assert_int_equal(end_waits(&tenant_a, &query), 2);
  assert_int_equal(wait_of("tenant-b", "cnn_1", CONNECTOR_DUE_SYNC), 5);
  assert_int_equal(wait_of("tenant-b", "cnn_2", CONNECTOR_DUE_SYNC), now + 1);
  assert_false(any_ended(&tenant_a, &query));
  assert_true(any_ended(&tenant_b, &query));
  assert_int_equal(end_waits(&tenant_b, &query), 1);
  assert_int_equal(wait_of("tenant-b", "cnn_2", CONNECTOR_DUE_SYNC), now + 1);
}

static void waits_are_ended_of_what_the_scope_reaches(void **state)
{
  struct scope app = { .kind = SCOPE_TENANT, .tenant = "tenant-a", .app = "app-1" };
  struct scope member = {
    .kind = SCOPE_MEMBER, .tenant = "tenant-a", .user = "ann", .groups = "\x1fops\x1f"
  };
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  connector of_app = sample("tenant-a", "cnn_app");
  connector of_other_app = sample("tenant-a", "cnn_other");
  connector of_bob = sample("tenant-a", "cnn_bob");
  (void)state;
  of_app.app_id = "app-1";
  of_other_app.app_id = "app-2";
  of_bob.scope = CONNECTOR_SCOPE_USER;
  of_bob.user_id = "bob";
  put(&of_bob);
  set_wait("cnn_bob", CONNECTOR_DUE_SYNC, 5);
  assert_false(any_ended(&member, &query));
  assert_int_equal(end_waits(&member, &query), 0);
  put(&of_other_app);
  set_wait("cnn_other", CONNECTOR_DUE_SYNC, 5);
  assert_false(any_ended(&app, &query));
  assert_int_equal(end_waits(&app, &query), 0);
  put(&of_app);
  set_wait("cnn_app", CONNECTOR_DUE_SYNC, 5);
  assert_true(any_ended(&app, &query));
  assert_int_equal(end_waits(&app, &query), 1);
  assert_int_equal(wait_of("tenant-a", "cnn_app", CONNECTOR_DUE_SYNC), 0);
  assert_true(any_ended(&member, &query));
  assert_int_equal(end_waits(&member, &query), 1);
  assert_int_equal(wait_of("tenant-a", "cnn_bob", CONNECTOR_DUE_SYNC), 5);
}

static void what_is_disabled_has_no_wait_to_end(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  connector row = sample("tenant-a", "cnn_1");
  (void)state;
  row.enabled = false;
  put(&row);
  set_wait("cnn_1", CONNECTOR_DUE_SYNC, 1);
  assert_false(any_ended(&tenant_a, &query));
  assert_int_equal(end_waits(&tenant_a, &query), 0);
  run("UPDATE connector SET enabled = 1");
  assert_true(any_ended(&tenant_a, &query));
}

static void a_wait_that_is_ended_changes_nothing_that_a_record_shows(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  connector row = due_for_all("cnn_1");
  connector *after = NULL;
  (void)state;
  put(&row);
  set_wait("cnn_1", CONNECTOR_DUE_SYNC, 5);
  assert_int_equal(end_waits(&tenant_a, &query), 1);
  after = row_of("tenant-a", "cnn_1");
  assert_true(connector_equal(after, &row));
  connector_free(after);
}

/* ---- ranges ---- */

static void
a_sync_further_ahead_than_any_clock_could_have_told_is_due_in_a_range_of_its_own(void **state)
{
  connector ahead = sample("tenant-a", "cnn_1");
  connector near = sample("tenant-a", "cnn_2");
  connector disabled = sample("tenant-a", "cnn_3");
  (void)state;
  ahead.last_sync_at = now + WAIT_LONGEST_MS + 1;
  near.last_sync_at = now + WAIT_LONGEST_MS;
  disabled.last_sync_at = INT64_MAX;
  disabled.enabled = false;
  put(&ahead);
  put(&near);
  put(&disabled);
  assert_due(CONNECTOR_DUE_SYNC, now, DUE_PAST, "");
  assert_due(CONNECTOR_DUE_SYNC, now, DUE_AHEAD, "cnn_1");
  set_wait("cnn_1", CONNECTOR_DUE_SYNC, now + 1);
  assert_due(CONNECTOR_DUE_SYNC, now, DUE_AHEAD, "");
}

static void only_syncs_have_that_range(void **state)
{
  (void)state;
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++)
    for (int range = 0; range < DUE_RANGES; range++) {
      struct due_query query = query_of((connector_due)due, now);
      assert_int_equal(due_has_range(&query, (enum due_range)range),
                       range != DUE_AHEAD || due == CONNECTOR_DUE_SYNC);
    }
}

static void waits_of_different_kinds_of_work_are_apart(void **state)
{
  connector row = due_for_all("cnn_1");
  (void)state;
  put(&row);
  set_wait("cnn_1", CONNECTOR_DUE_SYNC, now + 1);
  assert_due(CONNECTOR_DUE_SYNC, now, DUE_PAST, "");
  assert_due(CONNECTOR_DUE_REFRESH, now, DUE_PAST, "cnn_1");
  assert_due(CONNECTOR_DUE_ROTATION, now, DUE_PAST, "cnn_1");
  set_wait("cnn_1", CONNECTOR_DUE_SYNC, 5);
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_ROTATION; due++) {
    struct due_query query = query_of((connector_due)due, now);
    assert_false(any_ended(&tenant_a, &query));
    assert_int_equal(end_waits(&tenant_a, &query), 0);
  }
  assert_int_equal(wait_of("tenant-a", "cnn_1", CONNECTOR_DUE_SYNC), 5);
}

static void a_wait_that_is_over_makes_nothing_due_that_is_not(void **state)
{
  connector later = sample("tenant-a", "cnn_1");
  connector disabled = sample("tenant-a", "cnn_2");
  (void)state;
  later.next_rotation_due = now + 1;
  later.last_sync_at = now + 1;
  disabled.enabled = false;
  put(&later);
  put(&disabled);
  set_wait("cnn_1", CONNECTOR_DUE_ROTATION, 5);
  set_wait("cnn_1", CONNECTOR_DUE_SYNC, 5);
  set_wait("cnn_2", CONNECTOR_DUE_SYNC, 5);
  for (int due = CONNECTOR_DUE_ROTATION; due <= CONNECTOR_DUE_SYNC; due++) {
    struct due_query query = query_of((connector_due)due, now);
    assert_due((connector_due)due, now, DUE_PAST, "");
    end_waits(&tenant_a, &query);
    assert_due((connector_due)due, now, DUE_PAST, "");
  }
}

/* ---- the lead of a token ---- */

static void a_lead_is_a_fifth_of_the_tokens_life_up_to_15_minutes(void **state)
{
  const struct {
    int64_t expires_at;
    int64_t told_at;
    int64_t lead; /* -1: null, which is 15 minutes */
  } cases[] = {
    { 0, now, -1 },
    { now + 1000, now, 200 },
    { now + 4, now, 0 },
    { now + 5, now, 1 },
    { now, now, 0 },
    { now - 1000, now, 0 },
    { 1, now, 0 },
    { now + 5 * 900000 - 1, now, 899999 },
    { now + 5 * 900000, now, -1 },
    { now + 1000 * (int64_t)HOUR, now, -1 },
    { INT64_MAX, 1, -1 },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++) {
    struct statement *statement = texted("SELECT coalesce(?, -1)");
    rows_bind_lead(statement, cases[i].expires_at, cases[i].told_at);
    assert_int_equal(integer_from(statement), cases[i].lead);
  }
}

/* ---- tenants ---- */

static void put_sync(const char *tenant, const char *app, const char *id, int64_t last_sync_at)
{
  connector row = sample(tenant, id);
  row.app_id = app;
  row.last_sync_at = last_sync_at;
  put(&row);
}

/* All tenants of an index in order, those with due work marked. */
static void tenants_in(const struct scope *scope, const struct due_query *query,
                       enum due_index index, char out[FOUND_MOST])
{
  struct buffer tenant = { 0 };
  char after[64] = "";
  size_t length = 0;
  out[0] = '\0';
  for (;;) {
    bool due = false;
    engine_ok(due_tenant(engine.connection, scope, query, index, after, &tenant, &due, &failure));
    if (tenant.bytes[0] == '\0')
      break;
    length += (size_t)snprintf(out + length, FOUND_MOST - length, "%s%s%s", length > 0 ? " " : "",
                               tenant.bytes, due ? "!" : "");
    assert_true(length < FOUND_MOST);
    snprintf(after, sizeof(after), "%s", tenant.bytes);
  }
  buffer_free(&tenant);
}

static void tenants_come_in_order_each_with_whether_it_has_due_work(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, 100);
  char found[FOUND_MOST];
  (void)state;
  put_sync("tenant-c", NULL, "cnn_1", 100);
  put_sync("tenant-a", NULL, "cnn_2", 101);
  put_sync("tenant-b", NULL, "cnn_3", 200);
  put_sync("tenant-b", NULL, "cnn_4", 0);
  tenants_in(&everything, &query, DUE_INDEX_FREE, found);
  assert_text(found, "tenant-a tenant-b! tenant-c!");
  tenants_in(&everything, &query, DUE_INDEX_WAITING, found);
  assert_text(found, "");
}

static void tenants_with_a_wait_that_is_over_or_too_long_are_found(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  char found[FOUND_MOST];
  (void)state;
  put_sync("tenant-a", NULL, "cnn_1", 1);
  put_sync("tenant-b", NULL, "cnn_2", 1);
  put_sync("tenant-c", NULL, "cnn_3", 1);
  put_sync("tenant-d", NULL, "cnn_4", 1);
  run("UPDATE connector SET sync_after = 1700000000000 WHERE tenant_id = 'tenant-a'");
  run("UPDATE connector SET sync_after = 1700000000001 WHERE tenant_id = 'tenant-b'");
  run("UPDATE connector SET sync_after = 9000000000000 WHERE tenant_id = 'tenant-c'");
  tenants_in(&everything, &query, DUE_INDEX_FREE, found);
  assert_text(found, "tenant-d!");
  tenants_in(&everything, &query, DUE_INDEX_WAITING, found);
  assert_text(found, "tenant-a! tenant-b tenant-c!");
}

static void a_tenant_with_a_sync_far_ahead_has_due_work(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  char found[FOUND_MOST];
  (void)state;
  put_sync("tenant-a", NULL, "cnn_1", now + 1);
  put_sync("tenant-b", NULL, "cnn_2", now + 1);
  put_sync("tenant-b", NULL, "cnn_3", now + WAIT_LONGEST_MS + 1);
  tenants_in(&everything, &query, DUE_INDEX_FREE, found);
  assert_text(found, "tenant-a tenant-b!");
}

/* The last entry counts as due where its wait is wrong, not where its key lies far ahead. */
static void a_rotation_far_ahead_is_not_due(void **state)
{
  struct due_query query = query_of(CONNECTOR_DUE_ROTATION, now);
  char found[FOUND_MOST];
  connector row = sample("tenant-a", "cnn_1");
  (void)state;
  row.next_rotation_due = now + 10 * WAIT_LONGEST_MS;
  put(&row);
  tenants_in(&everything, &query, DUE_INDEX_FREE, found);
  assert_text(found, "tenant-a");
}

static void tenants_are_those_of_the_scopes_app(void **state)
{
  struct scope app = { .kind = SCOPE_SYSTEM, .app = "app-1" };
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now);
  char found[FOUND_MOST];
  (void)state;
  put_sync("tenant-a", NULL, "cnn_1", 1);
  put_sync("tenant-b", "app-1", "cnn_2", 1);
  put_sync("tenant-c", "app-2", "cnn_3", 1);
  tenants_in(&app, &query, DUE_INDEX_FREE, found);
  assert_text(found, "tenant-b!");
}

/* ---- plans ---- */

static const struct {
  connector_due due;
  bool by_expiry;
  enum due_range range;
  const char *index;
  const char *bounds; /* of a query in one tenant */
} reads[] = {
  { CONNECTOR_DUE_REFRESH, false, DUE_PAST, "connector_refresh", "<expr><?" },
  { CONNECTOR_DUE_REFRESH, true, DUE_PAST, "connector_expiry", "<expr><?" },
  { CONNECTOR_DUE_ROTATION, false, DUE_PAST, "connector_rotation",
    "next_rotation_due>? AND next_rotation_due<?" },
  { CONNECTOR_DUE_SYNC, false, DUE_PAST, "connector_sync", "<expr><?" },
  { CONNECTOR_DUE_SYNC, false, DUE_AHEAD, "connector_sync", "<expr>>?" },
};

static const struct {
  connector_due due;
  bool by_expiry;
  const char *column;
} waits[] = {
  { CONNECTOR_DUE_REFRESH, false, "refresh_after" },
  { CONNECTOR_DUE_REFRESH, true, "refresh_after" },
  { CONNECTOR_DUE_ROTATION, false, "rotation_after" },
  { CONNECTOR_DUE_SYNC, false, "sync_after" },
};

/* A scope of one tenant of each kind, with and without an app. */
enum { ONE_TENANT_SCOPES = 4 };

static struct scope one_tenant_scope(size_t at)
{
  return (struct scope){ at / 2 == 0 ? SCOPE_MEMBER : SCOPE_TENANT, "tenant-a",
                         at % 2 == 0 ? NULL : "app-1", "ann", "\x1fops\x1f" };
}

static struct due_query query_by(connector_due due, bool by_expiry)
{
  struct due_query query = query_of(due, now);
  query.by_expiry = by_expiry;
  return query;
}

/* The plan is as wanted and nothing else. */
static void assert_plan_of(const char *text, const char *wanted)
{
  char plan[PLAN_SIZE];
  plan_of(text, plan);
  if (strcmp(plan, wanted) != 0)
    fail_msg("%s\n    is run as %s    wanted    %s", text, plan, wanted);
}

static void due_rows_are_read_from_the_index_of_their_range(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(reads); i++)
    for (size_t at = 0; at < ONE_TENANT_SCOPES; at++) {
      struct scope scope = one_tenant_scope(at);
      struct due_query query = query_by(reads[i].due, reads[i].by_expiry);
      struct due_found found;
      char wanted[PLAN_SIZE];
      find_in(&scope, &query, reads[i].range, &found);
      snprintf(wanted, sizeof(wanted), "SEARCH connector USING INDEX %s (tenant_id=? AND %s)\n",
               reads[i].index, reads[i].bounds);
      assert_plan_of(latest_text(), wanted);
    }
}

/* The text of the last statement but so many. */
static const char *text_before(uint64_t many)
{
  for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
    struct statement *statement = &engine.connection->statements[i];
    if (statement->handle != NULL && statement->used + many == engine.connection->tick)
      return sqlite3_sql(statement->handle);
  }
  fail_msg("so many statements were not used");
  return NULL;
}

/* Of the last two: what asks for the waits that have ended, and for those that are wrong. */
static void assert_wait_plans(const char *start, const char *plan, const char *column)
{
  for (int wrong = 0; wrong < 2; wrong++) {
    const char *text = text_before(wrong == 0);
    char bounds[80];
    char wanted[PLAN_SIZE];
    if (wrong == 0)
      snprintf(bounds, sizeof(bounds), "%s>? AND %s<?", column, column);
    else
      snprintf(bounds, sizeof(bounds), "%s>?", column);
    snprintf(wanted, sizeof(wanted),
             "%sSEARCH connector USING INDEX connector_%s"
             " (tenant_id=? AND %s)\n",
             plan, column, bounds);
    assert_int_equal(strncmp(text, start, strlen(start)), 0);
    assert_plan_of(text, wanted);
  }
}

static void waits_that_are_over_are_read_from_the_index_of_waits(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(waits); i++)
    for (size_t at = 0; at < ONE_TENANT_SCOPES; at++) {
      struct scope scope = one_tenant_scope(at);
      struct due_query query = query_by(waits[i].due, waits[i].by_expiry);
      assert_false(any_ended(&scope, &query));
      assert_wait_plans("SELECT 1 FROM connector ", "", waits[i].column);
      assert_int_equal(end_waits(&scope, &query), 0);
      assert_wait_plans("UPDATE connector SET ",
                        "SEARCH connector USING INDEX connector_list (tenant_id=? AND id=?)\n"
                        "LIST SUBQUERY 1\n",
                        waits[i].column);
    }
}

static void assert_tenant_plan(const struct due_query *query, enum due_index which,
                               const char *index, const char *app)
{
  struct scope scope = { .kind = SCOPE_SYSTEM, .app = app };
  struct buffer tenant = { 0 };
  char search[200];
  char plan[PLAN_SIZE];
  bool due = false;
  engine_ok(due_tenant(engine.connection, &scope, query, which, "", &tenant, &due, &failure));
  buffer_free(&tenant);
  latest_plan(plan);
  snprintf(search, sizeof(search), "SEARCH first USING INDEX %s (tenant_id>?)\n", index);
  assert_contains(plan, search);
  snprintf(search, sizeof(search), "SEARCH connector USING INDEX %s (tenant_id=?", index);
  assert_contains(plan, search);
  assert_lacks(plan, "SCAN");
  assert_lacks(plan, "TEMP B-TREE");
}

static void the_next_tenant_is_read_from_the_same_index(void **state)
{
  static const char *const apps[] = { NULL, "app-1" };
  (void)state;
  for (size_t app = 0; app < COUNT_OF(apps); app++) {
    for (size_t i = 0; i < COUNT_OF(reads); i++) {
      struct due_query query = query_by(reads[i].due, reads[i].by_expiry);
      assert_tenant_plan(&query, DUE_INDEX_FREE, reads[i].index, apps[app]);
    }
    for (size_t i = 0; i < COUNT_OF(waits); i++) {
      struct due_query query = query_by(waits[i].due, waits[i].by_expiry);
      char index[40];
      snprintf(index, sizeof(index), "connector_%s", waits[i].column);
      assert_tenant_plan(&query, DUE_INDEX_WAITING, index, apps[app]);
    }
  }
}

/* ---- cost ---- */

/* Makes `count` rows like the one of the id `cnn_model`, and removes it. */
static void multiply(int count)
{
  struct buffer sql = { 0 };
  char start[64];
  const uint64_t others = UINT64_MAX & ~CONNECTOR_BIT(CONNECTOR_FIELD_ID);
  snprintf(start, sizeof(start), "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n");
  buffer_text(&sql, start);
  snprintf(start, sizeof(start), " WHERE i < %d) ", count);
  buffer_text(&sql, start);
  buffer_text(&sql, "INSERT INTO connector (id, row_check, token_lead, refresh_after,"
                    " rotation_after, sync_after, ");
  rows_write_columns(&sql, others, "");
  buffer_text(&sql, ") SELECT printf('cnn_%06d', i), row_check, token_lead, refresh_after,"
                    " rotation_after, sync_after, ");
  rows_write_columns(&sql, others, "");
  buffer_text(&sql, " FROM connector, n WHERE id = 'cnn_model'");
  buffer_byte(&sql, '\0');
  run(sql.bytes);
  run("DELETE FROM connector WHERE id = 'cnn_model'");
  buffer_free(&sql);
}

static int steps_of(struct statement *statement)
{
  return sqlite3_stmt_status(statement->handle, SQLITE_STMTSTATUS_VM_STEP, 1);
}

/* What a statement made the engine do since it was asked last; it sorted and scanned nothing. */
static int steps_of_search(struct statement *statement)
{
  assert_int_equal(sqlite3_stmt_status(statement->handle, SQLITE_STMTSTATUS_FULLSCAN_STEP, 1), 0);
  assert_int_equal(sqlite3_stmt_status(statement->handle, SQLITE_STMTSTATUS_SORT, 1), 0);
  return steps_of(statement);
}

/* The same for ending waits; `*freed` tells how many. */
static int steps_of_ending(const struct scope *scope, const struct due_query *query, int *freed)
{
  int steps = 0;
  *freed = end_waits(scope, query);
  for (size_t i = 0; i < STATEMENTS_KEPT; i++) {
    struct statement *statement = &engine.connection->statements[i];
    if (statement->handle != NULL &&
        strstr(sqlite3_sql(statement->handle), "UPDATE connector SET sync_after = NULL") != NULL)
      steps += steps_of_search(statement);
  }
  return steps;
}

/* What a claim of ten in the tenant makes the engine do, over all ranges. */
static int steps_of_claim(const struct scope *scope, const struct due_query *query)
{
  int steps = 0;
  for (int range = 0; range < DUE_RANGES; range++) {
    struct due_found found;
    if (!due_has_range(query, (enum due_range)range))
      continue;
    find_in(scope, query, (enum due_range)range, &found);
    assert_int_equal(found.count, range == DUE_PAST ? 10 : 0);
    steps += steps_of_search(latest_statement());
  }
  return steps;
}

static connector due_tomorrow(const char *tenant, const char *id)
{
  connector row = sample(tenant, id);
  row.oauth_token_expires_at = now + 24 * (int64_t)HOUR;
  row.next_rotation_due = now + 24 * (int64_t)HOUR;
  row.last_sync_at = now;
  return row;
}

/* Ten rows that are due among so many that are not, nine tenths of them the tenant's own. */
static void fill(int count)
{
  connector model = due_tomorrow("tenant-a", "cnn_model");
  run("DELETE FROM connector");
  engine_ok(connection_begin_write(engine.connection, &failure));
  put(&model);
  multiply(count);
  run("UPDATE connector SET tenant_id = 'tenant-b' WHERE CAST(substr(id, 5) AS INTEGER) % 10 = 0");
  for (int i = 0; i < 10; i++) {
    char id[24];
    connector row = due_for_all(id);
    snprintf(id, sizeof(id), "cnn_due%d", i);
    put(&row);
  }
  engine_ok(connection_commit(engine.connection, &failure));
}

static void what_a_claim_reads_does_not_grow_with_the_records(void **state)
{
  static const int counts[] = { 1000, 50000 };
  int steps[CONNECTOR_DUE_SYNC + 2][COUNT_OF(counts)] = { { 0 } };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(counts); i++) {
    fill(counts[i]);
    for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++) {
      struct due_query query = query_of((connector_due)due, now - HOUR);
      query.limit = 10;
      steps[due][i] = steps_of_claim(&tenant_a, &query);
      if (due == CONNECTOR_DUE_REFRESH) {
        query.by_expiry = true;
        steps[CONNECTOR_DUE_SYNC + 1][i] = steps_of_claim(&tenant_a, &query);
      }
    }
  }
  for (size_t i = CONNECTOR_DUE_REFRESH; i < COUNT_OF(steps); i++)
    assert_int_equal(steps[i][0], steps[i][1]);
}

static int steps_to_the_next_tenant(enum due_index index, const char *after, const char *wanted)
{
  struct due_query query = query_of(CONNECTOR_DUE_SYNC, now - HOUR);
  struct buffer tenant = { 0 };
  bool due = false;
  engine_ok(
      due_tenant(engine.connection, &everything, &query, index, after, &tenant, &due, &failure));
  assert_text(tenant.bytes, wanted);
  buffer_free(&tenant);
  return steps_of(latest_statement());
}

static void what_finding_the_next_tenant_reads_does_not_grow_with_the_records(void **state)
{
  static const int counts[] = { 1000, 50000 };
  int steps[COUNT_OF(counts)] = { 0 };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(counts); i++) {
    fill(counts[i]);
    steps[i] = steps_to_the_next_tenant(DUE_INDEX_FREE, "", "tenant-a") +
               steps_to_the_next_tenant(DUE_INDEX_FREE, "tenant-a", "tenant-b") +
               steps_to_the_next_tenant(DUE_INDEX_FREE, "tenant-b", "");
    run("UPDATE connector SET sync_after = 1700000001000");
    steps[i] += steps_to_the_next_tenant(DUE_INDEX_WAITING, "", "tenant-a") +
                steps_to_the_next_tenant(DUE_INDEX_WAITING, "tenant-a", "tenant-b") +
                steps_to_the_next_tenant(DUE_INDEX_WAITING, "tenant-b", "");
  }
  assert_int_equal(steps[0], steps[1]);
}

/* What was disabled while it waited, or is due later than its wait was over. */
static void what_has_waited_and_is_not_due_costs_a_claim_nothing(void **state)
{
  static const int counts[] = { 1000, 20000 };
  static const char *const states[] = { "enabled = 0, sync_after = 5",
                                        "last_sync_at = 1700000000000, sync_after = 5" };
  (void)state;
  for (size_t kind = 0; kind < COUNT_OF(states); kind++) {
    int steps[COUNT_OF(counts)] = { 0 };
    int ending[COUNT_OF(counts)] = { 0 };
    for (size_t i = 0; i < COUNT_OF(counts); i++) {
      struct due_query query = query_of(CONNECTOR_DUE_SYNC, now - HOUR);
      int freed = 0;
      char sql[200];
      fill(counts[i]);
      snprintf(sql, sizeof(sql), "UPDATE connector SET %s WHERE id NOT LIKE 'cnn_due%%'",
               states[kind]);
      run(sql);
      query.limit = 10;
      ending[i] = steps_of_ending(&tenant_a, &query, &freed);
      assert_int_equal(freed, kind == 0 ? 0 : 10);
      query.limit = counts[i];
      (void)steps_of_ending(&tenant_a, &query, &freed);
      assert_int_equal(freed, kind == 0 ? 0 : counts[i] / 10 * 9 - 10);
      query.limit = 10;
      assert_false(any_ended(&tenant_a, &query));
      steps[i] = steps_of_claim(&tenant_a, &query) + steps_of_ending(&tenant_a, &query, &freed);
      assert_int_equal(freed, 0);
    }
    assert_int_equal(ending[0], ending[1]);
    assert_int_equal(steps[0], steps[1]);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    rows_test(a_token_is_due_its_lead_before_it_expires),
    rows_test(a_token_of_a_short_life_is_due_when_a_fifth_is_left),
    rows_test(with_a_horizon_a_token_is_due_by_its_expiry_alone),
    rows_test(a_token_that_needs_a_refresh_always_is_due_and_comes_first),
    rows_test(a_rotation_is_due_at_its_time),
    rows_test(a_sync_is_due_of_what_is_enabled_and_was_synced_long_ago_or_never),
    rows_test(what_is_deleted_or_of_a_newer_schema_is_never_due),
    rows_test(the_longest_due_come_first_and_no_more_than_asked_for),
    rows_test(a_row_is_whole_beside_its_key),
    rows_test(a_wait_is_over_at_its_time_or_where_none_could_be_so_long),
    rows_test(waits_are_ended_some_at_a_time_the_oldest_first),
    rows_test(the_waits_of_a_tenant_are_its_own),
    rows_test(waits_are_ended_of_what_the_scope_reaches),
    rows_test(what_is_disabled_has_no_wait_to_end),
    rows_test(a_wait_that_is_ended_changes_nothing_that_a_record_shows),
    rows_test(a_sync_further_ahead_than_any_clock_could_have_told_is_due_in_a_range_of_its_own),
    cmocka_unit_test(only_syncs_have_that_range),
    rows_test(waits_of_different_kinds_of_work_are_apart),
    rows_test(a_wait_that_is_over_makes_nothing_due_that_is_not),
    rows_test(a_lead_is_a_fifth_of_the_tokens_life_up_to_15_minutes),
    rows_test(tenants_come_in_order_each_with_whether_it_has_due_work),
    rows_test(tenants_with_a_wait_that_is_over_or_too_long_are_found),
    rows_test(a_tenant_with_a_sync_far_ahead_has_due_work),
    rows_test(a_rotation_far_ahead_is_not_due),
    rows_test(tenants_are_those_of_the_scopes_app),
    rows_test(due_rows_are_read_from_the_index_of_their_range),
    rows_test(waits_that_are_over_are_read_from_the_index_of_waits),
    rows_test(the_next_tenant_is_read_from_the_same_index),
    rows_test(what_a_claim_reads_does_not_grow_with_the_records),
    rows_test(what_has_waited_and_is_not_due_costs_a_claim_nothing),
    rows_test(what_finding_the_next_tenant_reads_does_not_grow_with_the_records),
  };
  return cmocka_run_group_tests_name("due", tests, NULL, NULL);
}
