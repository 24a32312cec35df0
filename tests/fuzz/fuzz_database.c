/*
 * Damaged files of every schema: the first byte chooses how the file is opened and who asks, the
 * second the file; the rest is edits. Every call then ends in right data or a clear status, in
 * bounded time, and shows tenant-a nothing of the other tenant's.
 */
#include "fuzz_file.h"

/* A store is opened and closed in every run: memory that is kept back would be fetched anew each
 * time. */
const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
  return "quarantine_size_mb=4";
}

/* A record shown by a call, or what the call said instead. */
static void check_shown(connector_status status, connector *record)
{
  check((told(status) == CONNECTOR_OK) || record == NULL);
  if (record != NULL && caller.role == CONNECTOR_ROLE_TENANT && !may_be_echoed)
    check_own(record);
  connector_free(record);
}

/* No damage of a file is the caller's fault or the library's. */
static connector_status clear(connector_status status)
{
  switch (told(status)) {
  case CONNECTOR_UNAUTHENTICATED:
  case CONNECTOR_DENIED: /* SYSTEM without a tenant may not all */
    check(caller.role == CONNECTOR_ROLE_SYSTEM);
    return status;
  case CONNECTOR_MISUSE:
  case CONNECTOR_CANCELLED:
  case CONNECTOR_INTERNAL:
  case CONNECTOR_NO_MEMORY:
    abort();
  default:
    return status;
  }
}

static void check_text(connector_status status, char *json)
{
  if (clear(status) == CONNECTOR_OK && caller.role == CONNECTOR_ROLE_TENANT)
    check(may_be_echoed || !has_canary(json));
  connector_string_free(json);
}

static connector_status look(void *user, const connector *record, connector_error *error)
{
  (void)user;
  (void)error;
  if (caller.role == CONNECTOR_ROLE_TENANT && !may_be_echoed)
    check_own(record);
  return CONNECTOR_OK;
}

static connector_status pass_on(void *user, const char *bytes, size_t length,
                                connector_error *error)
{
  (void)user;
  (void)bytes;
  (void)length;
  (void)error;
  return CONNECTOR_OK;
}

/* ---- reading ---- */

static void read_pages(connector_query query)
{
  char cursor[2048] = "";

  for (int pages = 0; pages < 6; pages++) {
    connector_page *page = NULL;
    char *json = NULL;

    query.cursor = cursor[0] != '\0' ? cursor : NULL;
    if (clear(connector_list(store, &query, &page, &failure)) != CONNECTOR_OK)
      return;
    for (size_t i = 0; i < connector_page_count(page); i++)
      (void)look(NULL, connector_page_at(page, i), NULL);
    check_text(connector_page_to_json(page, 0, &json, NULL, &failure), json);
    snprintf(cursor, sizeof(cursor), "%s",
             connector_page_next(page) != NULL ? connector_page_next(page) : "");
    connector_page_free(page);
    if (cursor[0] == '\0')
      return;
  }
}

static void show_changes(connector_status status, connector_changes *changes)
{
  if (clear(status) != CONNECTOR_OK)
    return;
  for (size_t i = 0; i < connector_changes_count(changes); i++) {
    char *json = NULL;

    check_text(connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &failure),
               json);
  }
  connector_changes_free(changes);
}

static void get_secret(const char *id)
{
  connector_secret *secret = NULL;

  (void)clear(connector_secret_get(store, id, 0, &secret, &failure));
  connector_secret_free(secret);
}

static void read_one(const char *id)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  connector_changes *changes = NULL;
  connector *record = NULL;
  connector_status status = connector_get(store, id, CONNECTOR_WITH_DELETED, &record, &failure);

  check_shown(clear(status), record);
  record = NULL;
  status = connector_get_as_of(store, id, 1, &record, &failure);
  check_shown(clear(status), record);
  status = connector_history(store, id, 0, 20, &changes, &failure);
  show_changes(status, changes);
  (void)clear(connector_health_get(store, id, &health, &failure));
  get_secret(id);
}

static void read_all(const struct base *base, size_t some)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_stats stats = CONNECTOR_STATS_INIT;
  connector_changes *changes = NULL;
  int64_t number = 0;
  connector_status status = CONNECTOR_OK;

  read_one(base->ids[0]);
  read_one(base->ids[some % IDS]);
  query.limit = 4;
  read_pages(query);
  query.order_by = CONNECTOR_FIELD_NAME;
  query.deleted = CONNECTOR_DELETED_INCLUDE;
  query.search = "pl";
  read_pages(query);
  (void)clear(connector_count(store, NULL, &number, &failure));
  (void)clear(connector_each(store, &query, look, NULL, &failure));
  (void)clear(connector_export(store, NULL, pass_on, NULL, NULL, &failure));
  status = connector_changes_after(store, 0, 100, &changes, &failure);
  show_changes(status, changes);
  (void)clear(connector_history_verify(store, &number, &failure));
  (void)told(connector_stats_get(store, &stats, &failure));
  (void)told(connector_check(store, NULL, NULL, &failure));
}

/* ---- writing ---- */

static void claim(connector_due due)
{
  connector_claims *claims = NULL;

  if (clear(connector_claim(store, due, NULL, &claims, &failure)) != CONNECTOR_OK)
    return;
  for (size_t i = 0; i < connector_claims_count(claims); i++) {
    const connector_claim_item *item = connector_claims_at(claims, i);

    (void)look(NULL, item->record, NULL);
    (void)clear(connector_lease_release(store, item->lease, &failure));
  }
  connector_claims_free(claims);
}

static void write_some(const struct base *base)
{
  static const char merge[] = "{\"config\":{\"b\":1},\"tags\":null}";
  connector_maintain_options maintain = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;
  connector_status status = CONNECTOR_OK;

  patch.name = "x";
  status = connector_update_json(store, base->ids[0], 0, merge, sizeof(merge) - 1, &record,
                                 &failure);
  check_shown(clear(status), record);
  (void)clear(connector_update(store, base->ids[1], 0, &patch, NULL, &failure));
  (void)clear(connector_sync_failed(store, base->ids[2], CONNECTOR_FAILURE_TRANSIENT, "no route", 0,
                                    NULL, &failure));
  (void)clear(connector_sync_succeeded(store, base->ids[1], NULL, NULL, &failure));
  for (int due = CONNECTOR_DUE_REFRESH; due <= CONNECTOR_DUE_SYNC; due++)
    claim((connector_due)due);
  (void)clear(put_secret(base->ids[0], 'z'));
  (void)clear(connector_delete(store, base->ids[2], 0, &failure));
  (void)clear(connector_restore(store, base->ids[2], 0, NULL, &failure));
  (void)clear(connector_purge(store, base->ids[2], &failure));
  (void)clear(connector_create(store, &patch, NULL, &failure));
  (void)clear(connector_purge_deleted(store, INT64_MAX / 2, NULL, &failure));
  (void)clear(connector_history_trim(store, INT64_C(1796100100000), NULL, &failure));
  if (caller.role == CONNECTOR_ROLE_SYSTEM) {
    maintain.history_before = INT64_C(1796100100000);
    (void)clear(connector_tenant_key_rotate(store, NULL, NULL, NULL, &failure));
    (void)clear(connector_maintain(store, &maintain, &failure));
  }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = { data, size };
  const struct base *base = NULL;
  uint8_t how = 0;

  if (bases[0].bytes == NULL)
    make_bases();
  note_input(data, size);
  how = take(&input);
  base = put_damaged(&input);
  store = NULL;
  become((how & 2) != 0 ? NULL : "tenant-a");
  if (clear(open_file((how & 1) != 0, &store)) == CONNECTOR_OK) {
    if ((how & 8) == 0)
      read_all(base, how >> 4);
    if ((how & 4) != 0)
      write_some(base);
  }
  connector_close(store);
  return 0;
}
