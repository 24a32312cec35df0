/*
 * What the fault tests of history and health share: a file with a past, its whole content as text,
 * and what must always hold in it: the chain is whole, no number of a change is missing, history
 * tells what the records say, and no lease contradicts the record that it is on.
 */
#ifndef TESTS_LIFECYCLE_FAULTS_H
#define TESTS_LIFECYCLE_FAULTS_H

#include "fault_support.h"

#include <inttypes.h>
#include <limits.h>

/* ---- the file, past the library ---- */

static inline sqlite3 *open_past_the_library(void)
{
  sqlite3 *db = NULL;
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_busy_timeout(db, 5000), SQLITE_OK);
  return db;
}

static inline sqlite3_stmt *prepared(sqlite3 *db, const char *sql)
{
  sqlite3_stmt *statement = NULL;
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
    fail_msg("%s: %s", sql, sqlite3_errmsg(db));
  return statement;
}

/* The first column of the first row; -1 where there is no row. */
static inline int64_t number_in(sqlite3 *db, const char *sql)
{
  sqlite3_stmt *statement = prepared(db, sql);
  int64_t number = -1;
  if (sqlite3_step(statement) == SQLITE_ROW)
    number = sqlite3_column_int64(statement, 0);
  assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
  return number;
}

static inline int64_t number_in_file(const char *sql)
{
  sqlite3 *db = open_past_the_library();
  int64_t number = number_in(db, sql);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  return number;
}

static inline int64_t history_rows(void)
{
  return number_in_file("SELECT count(*) FROM history");
}

/* ---- all that the file holds ---- */

static inline void append_value(sqlite3_str *text, sqlite3_stmt *row, int column)
{
  static const char digits[] = "0123456789abcdef";
  bool is_blob = sqlite3_column_type(row, column) == SQLITE_BLOB;
  const unsigned char *bytes = is_blob ? sqlite3_column_blob(row, column)
                                       : sqlite3_column_text(row, column);
  int length = sqlite3_column_bytes(row, column);
  sqlite3_str_appendchar(text, 1, '|');
  for (int i = 0; is_blob && i < length; i++) {
    sqlite3_str_appendchar(text, 1, digits[bytes[i] >> 4]);
    sqlite3_str_appendchar(text, 1, digits[bytes[i] & 15]);
  }
  if (!is_blob && bytes != NULL)
    sqlite3_str_append(text, (const char *)bytes, length);
}

static inline void append_table(sqlite3 *db, const char *table, sqlite3_str *text)
{
  char sql[200];
  sqlite3_stmt *rows = NULL;
  snprintf(sql, sizeof(sql), "SELECT * FROM \"%s\"", table);
  rows = prepared(db, sql);
  while (sqlite3_step(rows) == SQLITE_ROW) {
    sqlite3_str_appendall(text, table);
    for (int i = 0; i < sqlite3_column_count(rows); i++)
      append_value(text, rows, i);
    sqlite3_str_appendchar(text, 1, '\n');
  }
  assert_int_equal(sqlite3_finalize(rows), SQLITE_OK);
}

/* Every row of every table: records, history and its heads, health, leases, all. Released by
 * sqlite3_free(). */
static inline char *whole_file(void)
{
  sqlite3 *db = open_past_the_library();
  sqlite3_str *text = sqlite3_str_new(db);
  sqlite3_stmt *tables = prepared(db, "SELECT name FROM sqlite_schema WHERE type = 'table'"
                                      " AND name NOT LIKE 'sqlite_%'");
  char *content = NULL;
  while (sqlite3_step(tables) == SQLITE_ROW)
    append_table(db, (const char *)sqlite3_column_text(tables, 0), text);
  assert_int_equal(sqlite3_finalize(tables), SQLITE_OK);
  content = sqlite3_str_finish(text);
  assert_non_null(content);
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
  return content;
}

/* The first line in which two texts differ, for whoever reads the failure. */
static inline void assert_same_file(const char *now, const char *wanted, const char *what)
{
  size_t at = 0;
  size_t line = 0;
  if (strcmp(now, wanted) == 0)
    return;
  for (; now[at] == wanted[at]; at++)
    if (now[at] == '\n')
      line = at + 1;
  fail_msg("%s: the file holds\n%.*s\nand should hold\n%.*s", what, (int)strcspn(now + line, "\n"),
           now + line, (int)strcspn(wanted + line, "\n"), wanted + line);
}

/* ---- what must always hold ---- */

struct rule {
  const char *what;
  const char *broken; /* counts what breaks it; ?1 is the time now */
};

static const struct rule lifecycle_rules[] = {
  { "the numbers of changes have no gap and are as many as the heads tell",
    "SELECT coalesce(max(seq), 0) <> coalesce((SELECT sum(changes) FROM history_head), 0)"
    " FROM history" },
  { "a record's version is that of its newest change",
    "SELECT count(*) FROM connector AS c JOIN"
    " (SELECT connector_id, tenant_id, max(seq) AS seq FROM history GROUP BY 1, 2) AS newest"
    "  ON newest.connector_id = c.id AND newest.tenant_id = c.tenant_id"
    " JOIN history AS h ON h.seq = newest.seq WHERE h.version <> c.version"
    "  OR (h.kind = 'deleted') <> (c.deleted_at IS NOT NULL) AND h.kind IN"
    "   ('created', 'updated', 'deleted', 'restored')"
    "  OR h.kind = 'purged' OR coalesce(h.updated_at, h.at) <> c.updated_at" },
  { "a record is gone only where a change says so",
    "SELECT count(*) FROM history AS h WHERE NOT EXISTS"
    "  (SELECT 1 FROM connector AS c WHERE c.id = h.connector_id AND c.tenant_id = h.tenant_id)"
    " AND NOT EXISTS (SELECT 1 FROM history AS p WHERE p.connector_id = h.connector_id"
    "  AND p.tenant_id = h.tenant_id AND p.kind = 'purged')" },
  { "the versions of a record ascend without a gap",
    "SELECT count(*) FROM (SELECT version - lag(version) OVER"
    " (PARTITION BY connector_id, tenant_id ORDER BY seq) AS step, kind FROM history)"
    " WHERE step IS NOT NULL AND step <>"
    " CASE WHEN kind IN ('updated', 'deleted', 'restored') THEN 1"
    "  WHEN kind = 'recovered' THEN step = 1 ELSE 0 END" },
  { "health and leases are of records that there are",
    "SELECT (SELECT count(*) FROM lease AS l WHERE NOT EXISTS (SELECT 1 FROM connector AS c"
    "  WHERE c.id = l.connector_id AND c.tenant_id = l.tenant_id))"
    " + (SELECT count(*) FROM health AS l WHERE NOT EXISTS (SELECT 1 FROM connector AS c"
    "  WHERE c.id = l.connector_id AND c.tenant_id = l.tenant_id))" },
  { "each lease has a number of its own, and all were counted",
    "SELECT count(fence) - count(DISTINCT fence)"
    " + (coalesce(max(fence), 0) > (SELECT value FROM meta WHERE key = 'fence')) FROM lease" },
  { "a record waits at least as long as the lease on it lasts",
    "SELECT count(*) FROM lease AS l JOIN connector AS c"
    "  ON c.id = l.connector_id AND c.tenant_id = l.tenant_id"
    " WHERE l.expires_at > ?1 AND l.purpose IN ('refresh', 'rotation', 'sync')"
    "  AND coalesce(CASE l.purpose WHEN 'refresh' THEN refresh_after"
    "   WHEN 'rotation' THEN rotation_after ELSE sync_after END, 0) < l.expires_at" },
  /* An earlier try may still be waited for after another failure or success: up to 6 hours. */
  { "a record waits for nothing but a lease or its next try",
    "SELECT count(*) FROM (SELECT id, tenant_id, 'refresh' AS purpose, refresh_after AS until"
    "  FROM connector UNION ALL SELECT id, tenant_id, 'rotation', rotation_after FROM connector"
    "  UNION ALL SELECT id, tenant_id, 'sync', sync_after FROM connector) AS w"
    " WHERE until > ?1 AND NOT EXISTS (SELECT 1 FROM lease AS l WHERE l.connector_id = w.id"
    "  AND l.tenant_id = w.tenant_id AND l.purpose = w.purpose AND l.expires_at = w.until)"
    " AND NOT EXISTS (SELECT 1 FROM health AS h WHERE h.connector_id = w.id"
    "  AND h.tenant_id = w.tenant_id AND (h.retry_at = w.until OR w.purpose <> 'rotation'"
    "   AND w.until <= ?1 + 21600000))" },
};

static inline void assert_rules(void)
{
  sqlite3 *db = open_past_the_library();
  for (size_t i = 0; i < COUNT_OF(lifecycle_rules); i++) {
    sqlite3_stmt *statement = prepared(db, lifecycle_rules[i].broken);
    (void)sqlite3_bind_int64(statement, 1, test_time); /* not all of them ask the time */
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    if (sqlite3_column_int64(statement, 0) != 0)
      fail_msg("%" PRId64 " times it does not hold that %s",
               (int64_t)sqlite3_column_int64(statement, 0), lifecycle_rules[i].what);
    assert_int_equal(sqlite3_finalize(statement), SQLITE_OK);
  }
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

static inline void assert_verified(void)
{
  connector_caller asked = current;
  int64_t first_bad = -1;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  assert_ok(connector_history_verify(test.store, &first_bad, &failure));
  current = asked;
  if (first_bad != 0)
    fail_msg("the chain is broken at change %" PRId64, first_bad);
}

/* The keys under which a folded history and the record differ: what is false, 0 or null need not be
 * in a patch, and what the library stamps is in none. */
static const char differing_fields[] =
    "SELECT group_concat(name) FROM"
    " (SELECT b.key AS name FROM json_each(?2) AS b LEFT JOIN json_each(?1) AS a"
    "   ON a.key = b.key WHERE coalesce(b.value, 0) <> coalesce(a.value, 0) AND b.key NOT IN "
    "('id', 'tenant_id',"
    "   'app_id', 'created_at', 'updated_at', 'created_by', 'updated_by', 'is_deleted',"
    "   'deleted_at', 'deleted_by', 'schema_version', 'version')"
    "  UNION ALL SELECT a.key FROM json_each(?1) AS a"
    "   WHERE a.key NOT IN (SELECT key FROM json_each(?2)))";

static const char folded_history[] =
    "WITH RECURSIVE change AS (SELECT row_number() OVER (ORDER BY seq) AS place, kind, forward"
    "  FROM history WHERE connector_id = ?1 AND tenant_id = ?2),"
    " folded (place, record) AS (SELECT 1, forward FROM change WHERE place = 1"
    "   AND kind = 'created'"
    "  UNION ALL SELECT change.place,"
    "    CASE WHEN change.forward IS NULL THEN record ELSE json_patch(record, change.forward) END"
    "   FROM folded JOIN change ON change.place = folded.place + 1)"
    " SELECT record FROM folded ORDER BY place DESC LIMIT 1";

static inline void assert_history_tells(sqlite3 *db, const connector *record)
{
  sqlite3_stmt *folding = prepared(db, folded_history);
  sqlite3_stmt *comparing = prepared(db, differing_fields);
  char *json = NULL;
  assert_ok(connector_to_json(record, 0, &json, NULL, &failure));
  assert_int_equal(sqlite3_bind_text(folding, 1, record->id, -1, SQLITE_STATIC), SQLITE_OK);
  assert_int_equal(sqlite3_bind_text(folding, 2, record->tenant_id, -1, SQLITE_STATIC), SQLITE_OK);
  if (sqlite3_step(folding) == SQLITE_ROW) { /* else its creation was trimmed */
    assert_int_equal(sqlite3_bind_value(comparing, 1, sqlite3_column_value(folding, 0)), SQLITE_OK);
    assert_int_equal(sqlite3_bind_text(comparing, 2, json, -1, SQLITE_STATIC), SQLITE_OK);
    assert_int_equal(sqlite3_step(comparing), SQLITE_ROW);
    if (sqlite3_column_type(comparing, 0) != SQLITE_NULL)
      fail_msg("record\n%s\nand history\n%s\ndiffer in %s", json,
               (const char *)sqlite3_column_text(folding, 0),
               (const char *)sqlite3_column_text(comparing, 0));
  }
  assert_int_equal(sqlite3_finalize(folding), SQLITE_OK);
  assert_int_equal(sqlite3_finalize(comparing), SQLITE_OK);
  connector_string_free(json);
}

/* The changes of every record, put one on the other, give the record. */
static inline void assert_history_and_records_agree(void)
{
  connector_caller asked = current;
  sqlite3 *db = open_past_the_library();
  connector_page *page = NULL;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  page = list_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE, .limit = 500));
  for (size_t i = 0; i < connector_page_count(page); i++)
    assert_history_tells(db, connector_page_at(page, i));
  connector_page_free(page);
  current = asked;
  assert_int_equal(sqlite3_close(db), SQLITE_OK);
}

/* All of the above. */
static inline void assert_sound(void)
{
  assert_whole(NULL);
  assert_verified();
  assert_rules();
  assert_history_and_records_agree();
}

/* ---- who is told ---- */

/* What on_change was told: the children of the kill test pass it on. */
static struct {
  int64_t count;
  int64_t last_seq;
} told;

static inline void note_change(void *user, const connector_change *change)
{
  (void)user;
  told.count++;
  told.last_seq = change->seq;
}

/* A connector is disabled at the fourth error in a row, warned of at the second. */
static inline connector_options lifecycle_options(void)
{
  connector_options options = fault_options();
  options.on_change = note_change;
  options.disable_after_errors = 4;
  options.disable_after_ms = 1000;
  return options;
}

static inline void open_lifecycle(void)
{
  connector_options options = lifecycle_options();
  open_store(&options);
}

/* ---- a file with a past ---- */

#define MINUTE INT64_C(60000)
#define DAY (1440 * MINUTE)

/* The time of the first record, and of each trial: by then tokens have expired, rotations are due
 * and every retry has come. */
#define BIRTH INT64_C(1700000000000)
#define TODAY (BIRTH + 2 * DAY)

static char plain_id[ID_SIZE];    /* created, nothing more */
static char oauth_id[ID_SIZE];    /* due for refresh, rotation and sync; in its third version */
static char failing_id[ID_SIZE];  /* three errors: the next one disables it */
static char disabled_id[ID_SIZE]; /* by the library */
static char syncing_id[ID_SIZE];  /* healthy, with hours of reports */
static char moved_id[ID_SIZE];    /* user-ann's, then user-bob's */
static char deleted_id[ID_SIZE];
static char purged_id[ID_SIZE];
static char others_id[2][ID_SIZE]; /* of tenant-b: due for refresh and sync */

static inline void make_errors(const char *id, int count)
{
  for (int i = 0; i < count; i++) {
    test_time += MINUTE;
    assert_ok(connector_sync_failed(test.store, id, CONNECTOR_FAILURE_TRANSIENT,
                                    "the provider is down", 0, NULL, &failure));
  }
}

static inline void make_oauth(void)
{
  make_id(PATCH(.name = "oauth", .provider = "okta", .auth_type = "oauth2",
                .config = "{\"region\":\"eu\",\"labels\":{\"env\":\"prod\"}}",
                .oauth_token_expires_at = BIRTH + DAY, .next_rotation_due = BIRTH + DAY),
          oauth_id);
  test_time += MINUTE;
  assert_ok(connector_update(test.store, oauth_id, 1, PATCH(.name = "second"), NULL, &failure));
  assert_ok(connector_update(test.store, oauth_id, 2,
                             PATCH(.config = "{\"region\":\"us\"}", .tags = "[\"red\"]"), NULL,
                             &failure));
}

static inline void make_reports(void)
{
  connector_sync_report report = CONNECTOR_SYNC_REPORT_INIT;
  make_id(PATCH(.name = "syncing", .metrics = "{\"own\":1}"), syncing_id);
  for (int i = 0; i < 3; i++) {
    test_time += 30 * MINUTE;
    report.synced = 10 + i;
    report.latency_ms = 100 + i;
    assert_ok(connector_sync_started(test.store, syncing_id, &failure));
    assert_ok(connector_sync_succeeded(test.store, syncing_id, &report, NULL, &failure));
  }
}

static inline void make_moved(void)
{
  make_id(PATCH(.name = "moved", .scope = CONNECTOR_SCOPE_USER, .user_id = "user-ann"), moved_id);
  assert_ok(connector_update(test.store, moved_id, 1,
                             PATCH(.owner_id = "user-bob", .user_id = "user-bob"), NULL, &failure));
}

static inline void make_past(void)
{
  test_time = BIRTH;
  make_id(PATCH(.name = "plain"), plain_id);
  make_oauth();
  make_id(PATCH(.name = "failing", .auth_type = "oauth2"), failing_id);
  make_errors(failing_id, 3);
  make_id(PATCH(.name = "disabled"), disabled_id);
  make_errors(disabled_id, 4);
  make_reports();
  make_moved();
  make_id(PATCH(.name = "purged"), purged_id);
  assert_ok(connector_delete(test.store, purged_id, 0, &failure));
  assert_ok(connector_purge(test.store, purged_id, &failure));
  make_id(PATCH(.name = "deleted"), deleted_id);
  assert_ok(connector_delete(test.store, deleted_id, 0, &failure));
  become("tenant-b", "user-eve", CONNECTOR_ROLE_TENANT);
  for (size_t i = 0; i < COUNT_OF(others_id); i++)
    make_id(PATCH(.name = "theirs", .auth_type = "oauth2", .oauth_refresh_needed = CONNECTOR_YES),
            others_id[i]);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
}

/* The template of the trials; cmocka's setup. */
static inline int setup_past(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  open_lifecycle();
  make_past();
  assert_sound();
  keep_as_template();
  test_time = TODAY;
  return 0;
}

static inline int teardown_past(void **state)
{
  free_template();
  return teardown(state);
}

static inline void open_past(void)
{
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  test_time = TODAY;
  restore_template();
  open_lifecycle();
}

#define past_test(name) cmocka_unit_test_setup_teardown(name, setup_past, teardown_past)

/* ---- claims ---- */

static inline connector_claims *claims_of(connector_due due)
{
  connector_claims *claims = NULL;
  assert_ok(connector_claim(test.store, due, NULL, &claims, &failure));
  assert_non_null(claims);
  return claims;
}

/* The lease on one of them; NULL where it was not claimed. */
static inline connector_lease *lease_on(const connector_claims *claims, const char *id)
{
  for (size_t i = 0; i < connector_claims_count(claims); i++)
    if (strcmp(connector_claims_at(claims, i)->record->id, id) == 0)
      return connector_claims_at(claims, i)->lease;
  return NULL;
}

#endif
