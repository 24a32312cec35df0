/*
 * What acts on the whole file: backup, check, maintenance and figures. None asks a caller.
 */
#include "stream.h"

static connector_status no_caller(void *user, connector_caller *caller, connector_error *error)
{
  (void)user;
  (void)caller;
  snprintf(error->message, sizeof(error->message), "nobody is to be asked");
  return CONNECTOR_DENIED;
}

static void fill(int count)
{
  char config[600] = "{\"k\":\"";
  memset(config + 6, 'x', 500);
  memcpy(config + 506, "\"}", 3);
  for (int i = 0; i < count; i++)
    connector_free(make(PATCH(.name = "canary name", .config = config)));
}

/* What backup told, and when it is to stop. */
struct progress {
  int64_t done, total;
  int calls, stop_at;
  bool forward;
};

static connector_status note(void *user, int64_t done, int64_t total, connector_error *error)
{
  struct progress *progress = user;
  progress->forward = (progress->calls == 0 || progress->forward) && done >= progress->done &&
                      done <= total;
  progress->done = done;
  progress->total = total;
  if (++progress->calls == progress->stop_at) {
    snprintf(error->message, sizeof(error->message), "stopped by the host");
    return CONNECTOR_CANCELLED;
  }
  return CONNECTOR_OK;
}

static char *everything(connector_store *store)
{
  return export_text(store, QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
}

static void a_backup_holds_the_same_records(void **state)
{
  (void)state;
  char path[600];
  char id[ID_SIZE];
  struct progress progress = { 0 };
  connector_options options = test_options();
  connector_store *copy = NULL;
  fill(300);
  make_id(PATCH(.name = "deleted"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_backup(test.store, beside(path, "copy.db"), note, &progress, &failure));
  assert_true(progress.calls > 0 && progress.forward);
  assert_true(progress.total > 0);
  assert_int_equal(progress.done, progress.total);
  char *original = everything(test.store);
  connector_free(make(PATCH(.name = "later")));
  assert_ok(connector_open(path, &options, &copy, &failure));
  char *copied = everything(copy);
  assert_text(copied, original);
  assert_ok(connector_check(copy, NULL, NULL, &failure));
  connector_close(copy);
  free(original);
  free(copied);
}

static void a_backup_replaces_its_target_and_leaves_nothing_beside_it(void **state)
{
  (void)state;
  char path[600];
  int files = 0;
  connector_options options = test_options();
  connector_store *copy = NULL;
  int64_t count = 0;
  write_file(beside(path, "copy.db"), "something else", 14);
  fill(3);
  assert_ok(connector_backup(test.store, path, NULL, NULL, &failure));
  fill(1);
  assert_ok(connector_backup(test.store, path, NULL, NULL, &failure));
  close_store();
  DIR *listing = opendir(test.folder);
  assert_non_null(listing);
  for (struct dirent *entry = readdir(listing); entry != NULL; entry = readdir(listing))
    files += entry->d_name[0] != '.';
  closedir(listing);
  assert_int_equal(files, 2);
  assert_ok(connector_open(path, &options, &copy, &failure));
  assert_ok(connector_count(copy, NULL, &count, &failure));
  assert_int_equal(count, 4);
  connector_close(copy);
}

static void a_stopped_backup_leaves_the_target_as_it_was(void **state)
{
  (void)state;
  char path[600];
  char absent[600];
  size_t length = 0;
  struct progress progress = { .stop_at = 1 };
  fill(300);
  write_file(beside(path, "copy.db"), "something else", 14);
  assert_status(connector_backup(test.store, path, note, &progress, &failure), CONNECTOR_CANCELLED);
  assert_text(failure.message, "stopped by the host");
  char *bytes = read_file(path, &length);
  assert_text(bytes, "something else");
  free(bytes);
  progress = (struct progress){ .stop_at = 1 };
  assert_status(
      connector_backup(test.store, beside(absent, "absent.db"), note, &progress, &failure),
      CONNECTOR_CANCELLED);
  assert_false(file_exists(absent));
}

static void the_stores_own_file_is_refused(void **state)
{
  (void)state;
  char path[600];
  fill(3);
  assert_status(connector_backup(test.store, test.path, NULL, NULL, &failure), CONNECTOR_INVALID);
  snprintf(path, sizeof(path), "%s/./registry.db", test.folder);
  assert_status(connector_backup(test.store, path, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_int_equal(symlink(test.path, beside(path, "link.db")), 0);
  assert_status(connector_backup(test.store, path, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_status(connector_backup(test.store, NULL, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_int_equal(count_of(NULL), 3);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

static void a_backup_into_no_folder_fails(void **state)
{
  (void)state;
  char path[600];
  memset(&failure, 0, sizeof(failure));
  assert_int_not_equal(
      connector_backup(test.store, beside(path, "none/copy.db"), NULL, NULL, &failure),
      CONNECTOR_OK);
  assert_int_not_equal(failure.message[0], '\0');
}

static void a_memory_store_can_be_backed_up(void **state)
{
  (void)state;
  char path[600];
  int64_t count = 0;
  connector_options options = test_options();
  connector_store *copy = NULL;
  fill(5);
  assert_ok(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure));
  assert_ok(connector_open(path, &options, &copy, &failure));
  assert_ok(connector_count(copy, NULL, &count, &failure));
  assert_int_equal(count, 5);
  connector_close(copy);
}

/* What check reported. */
struct findings {
  int count;
  char tenant[64], id[64], field[64];
  connector_status answer;
};

static connector_status take_finding(void *user, const connector_finding *finding,
                                     connector_error *error)
{
  struct findings *findings = user;
  findings->count++;
  snprintf(findings->tenant, 64, "%s", finding->tenant_id ? finding->tenant_id : "-");
  snprintf(findings->id, 64, "%s", finding->id ? finding->id : "-");
  snprintf(findings->field, 64, "%s", finding->field);
  if (findings->answer != CONNECTOR_OK)
    snprintf(error->message, sizeof(error->message), "no more, please");
  return findings->answer;
}

static void a_sound_file_has_no_findings(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct findings findings = { 0 };
  fill(50);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "g", .last_error = "a\nb"), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_check(test.store, take_finding, &findings, &failure));
  assert_int_equal(findings.count, 0);
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
}

/* Makes the text of one record break its rule, behind the library's back. */
static void spoil_name(char id[ID_SIZE])
{
  static const char marker[] = "a name to be spoilt";
  size_t length = 0;
  int hits = 0;
  connector_options options = test_options();
  make_id(PATCH(.name = marker), id);
  close_store();
  char *bytes = read_file(test.path, &length);
  for (size_t i = 0; i + sizeof(marker) <= length; i++)
    if (memcmp(bytes + i, marker, sizeof(marker) - 1) == 0) {
      bytes[i] = '\x01';
      hits++;
    }
  assert_true(hits > 0);
  write_file(test.path, bytes, length);
  free(bytes);
  open_store(&options);
}

static void a_record_that_breaks_its_rule_is_found(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct findings findings = { 0 };
  fill(20);
  spoil_name(id);
  assert_status(connector_check(test.store, take_finding, &findings, &failure), CONNECTOR_CORRUPT);
  assert_int_equal(findings.count, 1);
  assert_text(findings.tenant, "tenant-a");
  assert_text(findings.id, id);
  assert_text(findings.field, "name");
  assert_status(connector_check(test.store, NULL, NULL, &failure), CONNECTOR_CORRUPT);
}

static void a_report_can_stop_the_check(void **state)
{
  (void)state;
  char id[ID_SIZE];
  struct findings findings = { .answer = CONNECTOR_CANCELLED };
  spoil_name(id);
  assert_status(connector_check(test.store, take_finding, &findings, &failure),
                CONNECTOR_CANCELLED);
  assert_text(failure.message, "no more, please");
  assert_int_equal(findings.count, 1);
}

static void maintenance_bounds_the_log(void **state)
{
  (void)state;
  char log[310];
  connector_maintain_options options = CONNECTOR_MAINTAIN_OPTIONS_INIT;
  snprintf(log, sizeof(log), "%s-wal", test.path);
  fill(200);
  assert_true(file_size(log) > 100000);
  options.wal_limit_bytes = 1;
  assert_ok(connector_maintain(test.store, &options, &failure));
  assert_true(file_size(log) <= 1);
  assert_int_equal(count_of(NULL), 200);
  fill(1);
  assert_ok(connector_maintain(test.store, NULL, &failure));
  assert_int_equal(count_of(NULL), 201);
}

static void the_figures_tell_what_is_there(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_stats stats = CONNECTOR_STATS_INIT;
  connector_stats later = CONNECTOR_STATS_INIT;
  fill(10);
  make_id(PATCH(0), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  become("tenant-b", NULL, CONNECTOR_ROLE_TENANT);
  fill(2);
  assert_ok(connector_stats_get(test.store, &stats, &failure));
  assert_int_equal(stats.size, sizeof(stats));
  assert_int_equal(stats.records, 12);
  assert_int_equal(stats.deleted, 1);
  assert_int_equal(stats.tenants, 2);
  assert_true(stats.file_bytes > 0 || stats.wal_bytes > 0);
  assert_true(stats.schema_version >= 1);
  assert_true(stats.readers_open >= 0);
  assert_true(stats.writes >= 14);
  fill(1);
  assert_ok(connector_stats_get(test.store, &later, &failure));
  assert_int_equal(later.writes, stats.writes + 1);
  assert_int_equal(later.records, 13);
}

static void figures_of_an_older_host_stay_in_its_struct(void **state)
{
  (void)state;
  connector_stats stats;
  memset(&stats, 0x5a, sizeof(stats));
  stats.size = offsetof(connector_stats, tenants);
  fill(2);
  assert_ok(connector_stats_get(test.store, &stats, &failure));
  assert_int_equal(stats.records, 2);
  assert_true(stats.tenants == 0x5a5a5a5a5a5a5a5a);
  assert_int_equal(stats.size, offsetof(connector_stats, tenants));
  assert_status(connector_stats_get(test.store, NULL, &failure), CONNECTOR_INVALID);
}

static void maintenance_asks_no_caller(void **state)
{
  (void)state;
  char path[600];
  connector_options options = test_options();
  connector_stats stats = CONNECTOR_STATS_INIT;
  fill(3);
  options.caller = no_caller;
  open_store(&options);
  assert_ok(connector_backup(test.store, beside(path, "copy.db"), NULL, NULL, &failure));
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
  assert_ok(connector_maintain(test.store, NULL, &failure));
  assert_ok(connector_stats_get(test.store, &stats, &failure));
  assert_int_equal(stats.records, 3);
}

static void maintenance_works_in_memory(void **state)
{
  (void)state;
  connector_stats stats = CONNECTOR_STATS_INIT;
  fill(3);
  assert_ok(connector_maintain(test.store, NULL, &failure));
  assert_ok(connector_check(test.store, NULL, NULL, &failure));
  assert_ok(connector_stats_get(test.store, &stats, &failure));
  assert_int_equal(stats.records, 3);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    store_test(a_backup_holds_the_same_records),
    store_test(a_backup_replaces_its_target_and_leaves_nothing_beside_it),
    store_test(a_stopped_backup_leaves_the_target_as_it_was),
    store_test(the_stores_own_file_is_refused),
    store_test(a_backup_into_no_folder_fails),
    memory_test(a_memory_store_can_be_backed_up),
    store_test(a_sound_file_has_no_findings),
    store_test(a_record_that_breaks_its_rule_is_found),
    store_test(a_report_can_stop_the_check),
    store_test(maintenance_bounds_the_log),
    store_test(the_figures_tell_what_is_there),
    store_test(figures_of_an_older_host_stay_in_its_struct),
    store_test(maintenance_asks_no_caller),
    memory_test(maintenance_works_in_memory),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
