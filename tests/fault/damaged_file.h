/*
 * A file of two tenants to be damaged, and the calls on what is left of it: each ends in right data
 * or a clear status, and none shows the other tenant's.
 */
#ifndef TESTS_DAMAGED_FILE_H
#define TESTS_DAMAGED_FILE_H

#include "fault_support.h"

enum { RECORDS = 40 };

static char ids[RECORDS][ID_SIZE];

/* Every text of tenant-b, even its name, says whose it is. */
static const char canary[] = "canary-of-b";

static inline void fill_tenant(const char *tenant, const char *text)
{
  become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
  for (size_t i = 0; i < RECORDS; i++) {
    char config[700];
    char tags[100];
    char id[ID_SIZE];
    snprintf(config, sizeof(config), "{\"a\":\"%s\",\"pad\":\"%0500d\"}", text, (int)i);
    snprintf(tags, sizeof(tags), "[\"%s\",\"tag\"]", text);
    make_id(PATCH(.name = text, .provider = text, .type = text, .config = config, .tags = tags,
                  .last_error = text),
            id);
    if (strcmp(tenant, "tenant-a") == 0)
      memcpy(ids[i], id, ID_SIZE);
    if (i % 7 == 0)
      assert_ok(connector_delete(test.store, id, 0, &failure));
  }
}

static inline int setup_tenants(void **state)
{
  sqlite3 *db = NULL;
  if (setup_folder(state) != 0)
    return -1;
  open_for_faults();
  fill_tenant(canary, canary);
  fill_tenant("tenant-a", "plain");
  close_store();
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_exec(db, "PRAGMA wal_checkpoint(TRUNCATE); VACUUM", NULL, NULL, NULL),
                   SQLITE_OK);
  sqlite3_close(db);
  template.bytes = read_file(test.path, &template.length);
  return 0;
}

static inline int teardown_tenants(void **state)
{
  free_template();
  return teardown(state);
}

/* ---- what may come of a call ---- */

static char trial_name[100];

static inline bool is_clear(connector_status status)
{
  switch (status) {
  case CONNECTOR_OK:
  case CONNECTOR_INVALID: /* a record that breaks its rules can't be merged into */
  case CONNECTOR_NOT_FOUND:
  case CONNECTOR_CONFLICT:
  case CONNECTOR_EXISTS:
  case CONNECTOR_TOO_LARGE:
  case CONNECTOR_DISK_FULL:
  case CONNECTOR_IO:
  case CONNECTOR_CORRUPT:
  case CONNECTOR_SCHEMA:
  case CONNECTOR_READ_ONLY:
    return true;
  default:
    return false;
  }
}

static inline bool ends_well(connector_status status, const char *call)
{
  if (!is_clear(status) || failure.status != status)
    fail_msg("%s: %s ends in %s: %s (os_code %d)", trial_name, call, connector_status_name(status),
             failure.message, failure.os_code);
  if (strstr(failure.message, canary) != NULL)
    fail_msg("%s: the error of %s tells another tenant's data", trial_name, call);
  return status == CONNECTOR_OK;
}

static inline void assert_own(const connector *record, const char *call)
{
  const char *const texts[] = { record->tenant_id, record->name, record->provider,   record->type,
                                record->config,    record->tags, record->last_error, record->id };
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    if (texts[i] != NULL && strstr(texts[i], canary) != NULL)
      fail_msg("%s: %s shows another tenant's data: %.60s", trial_name, call, texts[i]);
}

static inline connector_status look_at(void *user, const connector *record, connector_error *error)
{
  (void)user;
  (void)error;
  assert_own(record, "each");
  return CONNECTOR_OK;
}

/* ---- the calls ---- */

static inline void read_pages(connector_query query)
{
  for (int pages = 0; pages < 10; pages++) {
    connector_page *page = NULL;
    char *json = NULL;
    static char cursor[1000];
    if (!ends_well(connector_list(test.store, &query, &page, &failure), "list"))
      return;
    for (size_t i = 0; i < connector_page_count(page); i++)
      assert_own(connector_page_at(page, i), "list");
    if (ends_well(connector_page_to_json(page, 0, &json, NULL, &failure), "page_to_json"))
      assert_null(strstr(json, canary));
    connector_string_free(json);
    snprintf(cursor, sizeof(cursor), "%s",
             connector_page_next(page) ? connector_page_next(page) : "");
    connector_page_free(page);
    query.cursor = cursor;
    if (cursor[0] == '\0')
      return;
  }
}

static inline void read_all(void)
{
  int64_t count = 0;
  for (size_t i = 0; i < RECORDS; i += 3) {
    connector *record = NULL;
    if (ends_well(connector_get(test.store, ids[i], CONNECTOR_WITH_DELETED, &record, &failure),
                  "get"))
      assert_own(record, "get");
    connector_free(record);
  }
  read_pages((connector_query){ .size = sizeof(connector_query), .limit = 15, .with_total = true });
  read_pages((connector_query){ .size = sizeof(connector_query),
                                .order_by = CONNECTOR_FIELD_NAME,
                                .deleted = CONNECTOR_DELETED_INCLUDE });
  read_pages((connector_query){ .size = sizeof(connector_query), .search = "TAG plain" });
  (void)ends_well(connector_count(test.store, NULL, &count, &failure), "count");
  (void)ends_well(
      connector_each(test.store, QUERY(.deleted = CONNECTOR_DELETED_ONLY), look_at, NULL, &failure),
      "each");
}

static inline void write_some(void)
{
  static const char merge[] = "{\"config\":{\"b\":1}}";
  connector *record = NULL;
  char path[600];
  if (ends_well(
          connector_update_json(test.store, ids[1], 0, merge, sizeof(merge) - 1, &record, &failure),
          "update_json"))
    assert_own(record, "update_json");
  connector_free(record);
  (void)ends_well(connector_update(test.store, ids[2], 0, PATCH(.name = "x"), NULL, &failure),
                  "update");
  (void)ends_well(connector_create(test.store, PATCH(.name = "x"), NULL, &failure), "create");
  (void)ends_well(connector_delete(test.store, ids[3], 0, &failure), "delete");
  (void)ends_well(connector_purge_deleted(test.store, INT64_MAX / 2, NULL, &failure),
                  "purge_deleted");
  (void)ends_well(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure),
                  "backup");
}

static inline void use_file(void)
{
  connector_options options = fault_options();
  connector_stats stats = CONNECTOR_STATS_INIT;
  if (!ends_well(connector_open(test.path, &options, &test.store, &failure), "open"))
    return;
  read_all();
  (void)ends_well(connector_check(test.store, NULL, NULL, &failure), "check");
  (void)ends_well(connector_stats_get(test.store, &stats, &failure), "stats");
  write_some();
  close_store();
}

static inline void claim_some(connector_due due)
{
  connector_claims *claims = NULL;
  if (!ends_well(connector_claim(test.store, due, NULL, &claims, &failure), "claim"))
    return;
  if (current.role == CONNECTOR_ROLE_TENANT)
    for (size_t i = 0; i < connector_claims_count(claims); i++)
      assert_own(connector_claims_at(claims, i)->record, "claim");
  connector_claims_free(claims);
}

/* What looks at all tenants and at the file as a whole. */
static inline void use_file_as_system(void)
{
  connector_options options = fault_options();
  connector_maintain_options maintain = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  connector_changes *changes = NULL;
  int64_t number = 0;
  if (!ends_well(connector_open(test.path, &options, &test.store, &failure), "open"))
    return;
  (void)ends_well(connector_count(test.store, NULL, &number, &failure), "count of all");
  if (ends_well(connector_changes_after(test.store, 0, 100, &changes, &failure), "changes_after"))
    connector_changes_free(changes);
  (void)ends_well(connector_history_verify(test.store, &number, &failure), "history_verify");
  (void)ends_well(connector_check(test.store, NULL, NULL, &failure), "check");
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++)
    claim_some((connector_due)due);
  maintain.history_before = 1;
  (void)ends_well(connector_maintain(test.store, &maintain, &failure), "maintain");
  (void)ends_well(connector_purge_deleted(test.store, INT64_MAX / 2, NULL, &failure),
                  "purge_deleted of all");
  close_store();
}

static inline void damage_and_use(const char *bytes, size_t length)
{
  remove_side_files();
  write_file(test.path, bytes, length);
  use_file();
}

#endif
