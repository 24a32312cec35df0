/*
 * import_export: copy all records of a store to another one through a file of JSON lines, with
 * progress on stderr, and verify the copy.
 *
 * Usage: import_export SOURCE.db TARGET.db      the lines stay in TARGET.db.ndjson
 *        import_export                          the same with a store made for the occasion
 */
#include <connector.h>

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum {
  DEMO_RECORDS = 2000
};

/* A file, and which way the records go, for the callbacks. */
struct transfer {
  FILE *file;
  const char *action;
};

static int failed(const char *what, const connector_error *error)
{
  fprintf(stderr, "%s: %s: %s%s%s\n", what, connector_status_name(error->status), error->field,
          error->field[0] != '\0' ? ": " : "", error->message);
  return EXIT_FAILURE;
}

/* What a callback answers when the file fails it; the library hands it on to the caller. */
static connector_status file_failed(connector_error *error)
{
  *error = (connector_error){ .status = CONNECTOR_IO, .os_code = errno };
  snprintf(error->message, sizeof error->message, "%s", strerror(errno));
  return CONNECTOR_IO;
}

static connector_status write_lines(void *user, const char *bytes, size_t length,
                                    connector_error *error)
{
  struct transfer *transfer = user;

  return fwrite(bytes, 1, length, transfer->file) == length ? CONNECTOR_OK : file_failed(error);
}

static connector_status read_lines(void *user, char *buffer, size_t capacity, size_t *length,
                                   connector_error *error)
{
  struct transfer *transfer = user;

  *length = fread(buffer, 1, capacity, transfer->file);
  return ferror(transfer->file) ? file_failed(error) : CONNECTOR_OK;
}

static connector_status show_progress(void *user, int64_t done, int64_t total,
                                      connector_error *error)
{
  const struct transfer *transfer = user;

  (void)total; /* not known beforehand: -1 */
  (void)error;
  fprintf(stderr, "%s: %" PRId64 "\n", transfer->action, done);
  return CONNECTOR_OK; /* anything else would stop it */
}

static connector_status show_bad_line(void *user, int64_t line, const connector_error *problem,
                                      connector_error *error)
{
  (void)user;
  (void)error;
  fprintf(stderr, "line %" PRId64 ": %s %s\n", line, problem->field, problem->message);
  return CONNECTOR_OK;
}

/* Opens a store as its operator: all tenants, deleted records too. */
static connector_store *open_store(const char *path, bool must_exist)
{
  connector_error error;
  connector_store *store = NULL;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;

  caller.role = CONNECTOR_ROLE_SYSTEM;
  options.fixed_caller = &caller;
  options.must_exist = must_exist;
  if (connector_open(path, &options, &store, &error) != CONNECTOR_OK)
    failed(path, &error);
  return store;
}

static int export_store(connector_store *store, const char *path)
{
  connector_error error;
  connector_query everything = CONNECTOR_QUERY_INIT;
  struct transfer transfer = { fopen(path, "wb"), "exported" };
  int result = EXIT_SUCCESS;

  everything.deleted = CONNECTOR_DELETED_INCLUDE;
  if (transfer.file == NULL) {
    perror(path);
    return EXIT_FAILURE;
  }
  if (connector_export(store, &everything, write_lines, show_progress, &transfer, &error) !=
      CONNECTOR_OK)
    result = failed("export", &error);
  if (fclose(transfer.file) != 0) {
    perror(path);
    result = EXIT_FAILURE;
  }
  return result;
}

static int import_store(connector_store *store, const char *path)
{
  connector_error error;
  connector_import_result counts = CONNECTOR_IMPORT_RESULT_INIT;
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  struct transfer transfer = { fopen(path, "rb"), "imported" };
  int result = EXIT_SUCCESS;

  if (transfer.file == NULL) {
    perror(path);
    return EXIT_FAILURE;
  }
  options.keep_enabled = true;              /* a copy, not new records to be looked over first */
  options.used_id = CONNECTOR_USED_ID_SKIP; /* can be run again */
  options.bad_line = show_bad_line;
  options.progress = show_progress;
  if (connector_import(store, read_lines, &transfer, &options, &counts, &error) != CONNECTOR_OK)
    result = failed("import", &error);
  printf("imported: %" PRId64 " created, %" PRId64 " there already, %" PRId64 " bad\n",
         counts.created, counts.skipped, counts.bad);
  fclose(transfer.file);
  return counts.bad == 0 ? result : EXIT_FAILURE;
}

/* ---- verifying: every record of the source is in the target, field by field ---- */

struct comparison {
  connector_store *target;
  int64_t same, different;
};

static connector_status compare(void *user, const connector *record, connector_error *error)
{
  struct comparison *comparison = user;
  connector *copy = NULL;
  connector_status status = connector_get(comparison->target, record->id, CONNECTOR_WITH_DELETED,
                                          &copy, error);

  if (status != CONNECTOR_OK && status != CONNECTOR_NOT_FOUND)
    return status;
  if (connector_equal(record, copy))
    comparison->same++;
  else
    comparison->different++;
  connector_free(copy);
  return CONNECTOR_OK;
}

static int verify(connector_store *source, connector_store *target)
{
  connector_error error;
  connector_query everything = CONNECTOR_QUERY_INIT;
  struct comparison comparison = { .target = target };
  int64_t in_source = 0;
  int64_t in_target = 0;

  everything.deleted = CONNECTOR_DELETED_INCLUDE;
  if (connector_count(source, &everything, &in_source, &error) != CONNECTOR_OK ||
      connector_count(target, &everything, &in_target, &error) != CONNECTOR_OK)
    return failed("count", &error);
  if (connector_each(source, &everything, compare, &comparison, &error) != CONNECTOR_OK)
    return failed("compare", &error);
  printf("verified: %" PRId64 " records in the source, %" PRId64 " in the target, %" PRId64
         " the same, %" PRId64 " different\n",
         in_source, in_target, comparison.same, comparison.different);
  return comparison.same == in_source ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int copy(const char *source_path, const char *target_path)
{
  char lines_path[4096];
  connector_store *source = NULL;
  connector_store *target = NULL;
  int result = EXIT_FAILURE;

  snprintf(lines_path, sizeof lines_path, "%s.ndjson", target_path);
  source = open_store(source_path, true);
  target = source != NULL ? open_store(target_path, false) : NULL;
  if (target != NULL && export_store(source, lines_path) == EXIT_SUCCESS &&
      import_store(target, lines_path) == EXIT_SUCCESS)
    result = verify(source, target);
  connector_close(target);
  connector_close(source);
  return result;
}

/* ---- without arguments: a store of our own, in a folder that goes afterwards ---- */

/* One transaction for all records: thousands of times fewer waits for the disk. */
static connector_status create_records(connector_store *store, void *user, connector_error *error)
{
  static const char *const PROVIDERS[] = { "jira", "okta", "splunk", "slack" };
  connector_status status = CONNECTOR_OK;

  (void)user;
  for (int i = 0; i < DEMO_RECORDS && status == CONNECTOR_OK; i++) {
    char name[64];
    connector_patch patch = CONNECTOR_PATCH_INIT;
    snprintf(name, sizeof name, "Verbindung № %d", i);
    patch.provider = PROVIDERS[i % 4];
    patch.name = name;
    patch.enabled = i % 3 == 0 ? CONNECTOR_NO : CONNECTOR_YES;
    connector *record = NULL;
    status = connector_create(store, &patch, &record, error);
    if (status == CONNECTOR_OK && i % 10 == 0)
      status = connector_delete(store, record->id, record->version, error);
    connector_free(record);
  }
  return status;
}

static int fill(const char *path)
{
  connector_error error;
  connector_store *store = NULL;
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;

  caller.tenant_id = "acme";
  caller.role = CONNECTOR_ROLE_TENANT;
  options.fixed_caller = &caller;
  if (connector_open(path, &options, &store, &error) != CONNECTOR_OK)
    return failed("open", &error);
  int result = EXIT_SUCCESS;
  if (connector_batch(store, create_records, NULL, &error) != CONNECTOR_OK)
    result = failed("create", &error);
  connector_close(store);
  return result;
}

static int demonstrate(void)
{
  static const char *const FILES[] = { "source.db", "target.db", "target.db.ndjson" };
  char folder[] = "/tmp/import_export.XXXXXX";

  if (mkdtemp(folder) == NULL || chdir(folder) != 0) {
    perror(folder);
    return EXIT_FAILURE;
  }
  int result = fill("source.db");
  if (result == EXIT_SUCCESS)
    result = copy("source.db", "target.db");
  for (size_t i = 0; i < sizeof FILES / sizeof FILES[0]; i++)
    remove(FILES[i]);
  if (rmdir(folder) != 0)
    perror(folder);
  return result;
}

int main(int argc, char **argv)
{
  if (argc == 1)
    return demonstrate();
  if (argc == 3)
    return copy(argv[1], argv[2]);
  fprintf(stderr, "usage: %s [SOURCE.db TARGET.db]\n", argv[0]);
  return 2;
}
