/*
 * secret.c: the commands on the secret of a record. Values come from a file or standard input, so
 * that no list of processes and no shell's history has them, and go nowhere but to standard output,
 * where --reveal asks for it.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <string.h>
#include <unistd.h>

/* Every byte of a value may be an escape of six bytes. */
static const size_t json_most = (size_t)6 * CONNECTOR_SECRET_VALUES_MAX *
                                (CONNECTOR_SECRET_VALUE_MAX + 256);

/* The version that an option names; 0: none is named. */
static int read_version(const struct session *session, int64_t *version)
{
  *version = 0;
  return option_number("--secret-version", session->settings.secret_version, 1, INT64_MAX, version);
}

/* ---- put ---- */

static int print_put(const struct session *session, int64_t version)
{
  const char *id = session->arguments[0];

  if (session->output == OUTPUT_TABLE) {
    printf("wrote version %" PRId64 "\n", version);
  } else if (session->output == OUTPUT_ID) {
    puts(id);
  } else {
    putchar('{');
    print_text_member("id", id, ",");
    print_number_member("version", version, "}\n");
  }
  return EXIT_OK;
}

static int put(struct session *session, const struct private_bytes *input)
{
  connector_error error;
  connector_secret *secret = NULL;
  const char *name = session->settings.name;
  int64_t expected = session->settings.expect != NULL ? session->expected_version : -1;
  int64_t version = 0;
  connector_status status = connector_secret_new(session->store, &secret, &error);

  if (status == CONNECTOR_OK && name != NULL)
    status = connector_secret_set(secret, name, input->bytes, input->length, &error);
  else if (status == CONNECTOR_OK)
    status = connector_secret_set_json(secret, input->bytes, input->length, &error);
  if (status == CONNECTOR_OK)
    status = connector_secret_put(session->store, session->arguments[0], secret, expected, &version,
                                  &error);
  connector_secret_free(secret);
  return status == CONNECTOR_OK ? print_put(session, version) : report_error(&error);
}

int command_secret_put(struct session *session)
{
  const struct settings *settings = &session->settings;
  struct private_bytes input = { 0 };
  size_t most = settings->name != NULL ? CONNECTOR_SECRET_VALUE_MAX : json_most;

  if (session->argument_count > 1)
    return report_usage("values come from standard input or --from FILE, never from arguments, "
                        "which other users can see");
  int result = private_read(settings->from != NULL ? settings->from : "-", most, &input);
  if (result == EXIT_OK)
    result = put(session, &input);
  private_free(&input);
  return result;
}

/* ---- get ---- */

static connector_status take_length(void *user, const void *bytes, size_t length,
                                    connector_error *error)
{
  (void)bytes;
  (void)error;
  *(size_t *)user = length;
  return CONNECTOR_OK;
}

static connector_status show_bytes(void *user, const void *bytes, size_t length,
                                   connector_error *error)
{
  int code = private_write(STDOUT_FILENO, bytes, length);

  (void)user;
  if (code == 0)
    return CONNECTOR_OK;
  *error = (connector_error){ .status = CONNECTOR_IO, .os_code = code };
  snprintf(error->message, sizeof error->message, "the output can't be written: %s",
           strerror(code));
  return CONNECTOR_IO;
}

static int reveal(const struct session *session, const connector_secret *secret)
{
  connector_error error;
  const char *name = session->settings.name;
  connector_status status = CONNECTOR_OK;

  if (name != NULL)
    status = connector_secret_use(secret, name, show_bytes, NULL, &error);
  else
    status = connector_secret_use_json(secret, show_bytes, NULL, &error);
  if (status != CONNECTOR_OK)
    return report_error(&error);
  if (name == NULL)
    putchar('\n');
  return EXIT_OK;
}

/* Adds a value's row, or prints it as a member of a list. */
static connector_status describe_value(const struct session *session, struct table *table,
                                       const connector_secret *secret, size_t index,
                                       connector_error *error)
{
  const char *name = connector_secret_name(secret, index);
  char text[CELL_SIZE];
  size_t length = 0;
  connector_status status = connector_secret_use(secret, name, take_length, &length, error);

  if (status != CONNECTOR_OK)
    return status;
  if (session->output != OUTPUT_TABLE) {
    fputs(index > 0 ? ",{" : "{", stdout);
    print_text_member("name", name, ",");
    print_number_member("bytes", (int64_t)length, "}");
    return CONNECTOR_OK;
  }
  snprintf(text, sizeof text, "%zu", length);
  if (table_cell(table, name) && table_cell(table, text))
    return CONNECTOR_OK;
  *error = (connector_error){ .status = CONNECTOR_NO_MEMORY, .message = "memory is exhausted" };
  return CONNECTOR_NO_MEMORY;
}

/* Names, lengths and the version; no value. */
static int describe(const struct session *session, const connector_secret *secret)
{
  connector_error error;
  struct table rows = { 0 };
  bool table = session->output == OUTPUT_TABLE;
  int64_t version = connector_secret_version(secret);
  connector_status status = CONNECTOR_OK;

  table_column(&rows, "name", CELL_WIDE, false);
  table_column(&rows, "bytes", CELL_WIDE, true);
  if (table)
    printf("version %" PRId64 "\n", version);
  else
    printf("{\"version\":%" PRId64 ",\"values\":[", version);
  for (size_t i = 0; i < connector_secret_count(secret) && status == CONNECTOR_OK; i++)
    status = describe_value(session, &rows, secret, i, &error);
  if (table)
    table_print(&rows, stdout);
  else
    puts("]}");
  table_free(&rows);
  return status == CONNECTOR_OK ? EXIT_OK : report_error(&error);
}

int command_secret_get(struct session *session)
{
  connector_error error;
  connector_secret *secret = NULL;
  const struct settings *settings = &session->settings;
  int64_t version = 0;

  if (settings->name != NULL && !settings->reveal)
    return report_usage("--name goes with --reveal");
  if (settings->output != NULL && settings->reveal)
    return report_usage("--reveal prints JSON, or with --name the bytes of the value: no --output");
  if (session->output == OUTPUT_ID)
    return report_usage("--output: table, json or ndjson");
  int result = read_version(session, &version);
  if (result != EXIT_OK)
    return result;
  if (connector_secret_get(session->store, session->arguments[0], version, &secret, &error) !=
      CONNECTOR_OK)
    return report_error(&error);
  result = settings->reveal ? reveal(session, secret) : describe(session, secret);
  connector_secret_free(secret);
  return result;
}

/* ---- delete, restore, destroy ---- */

typedef connector_status (*change_fn)(connector_store *, const char *, int64_t, connector_error *);

static int change(const struct session *session, int64_t version, change_fn run, const char *done)
{
  connector_error error;

  if (run(session->store, session->arguments[0], version, &error) != CONNECTOR_OK)
    return report_error(&error);
  if (version > 0)
    printf("%s version %" PRId64 "\n", done, version);
  else
    printf("%s the %s\n", done,
           run == connector_secret_destroy ? "whole secret" : "latest version");
  return EXIT_OK;
}

int command_secret_delete(struct session *session)
{
  int64_t version = 0;
  int result = read_version(session, &version);

  return result == EXIT_OK ? change(session, version, connector_secret_delete, "deleted") : result;
}

int command_secret_restore(struct session *session)
{
  int64_t version = 0;
  int result = read_version(session, &version);

  return result == EXIT_OK ? change(session, version, connector_secret_restore, "restored")
                           : result;
}

/* What can't be undone is named: nothing is destroyed because an option was left out. */
int command_secret_destroy(struct session *session)
{
  int64_t version = 0;
  int result = read_version(session, &version);

  if (result == EXIT_OK && (version > 0) == session->settings.all)
    result = report_usage("give --secret-version VERSION, or --all for the whole secret");
  return result == EXIT_OK ? change(session, version, connector_secret_destroy, "destroyed")
                           : result;
}

/* ---- versions ---- */

struct versions {
  const struct session *session;
  struct table table;
  int64_t count;
};

static const char *state_of(const connector_secret_version_info *info)
{
  if (info->destroyed)
    return "destroyed";
  return info->deleted_at != 0 ? "deleted" : "there";
}

static void print_version(const struct versions *versions,
                          const connector_secret_version_info *info)
{
  bool json = versions->session->output == OUTPUT_JSON;

  if (json && versions->count > 0)
    putchar(',');
  putchar('{');
  print_number_member("version", info->version, ",");
  print_text_member("state", state_of(info), ",");
  print_time_member("created_at", info->created_at, ",");
  print_time_member("deleted_at", info->deleted_at, json ? "}" : "}\n");
}

static connector_status take_version(void *user, const connector_secret_version_info *info,
                                     connector_error *error)
{
  struct versions *versions = user;
  char number[CELL_SIZE];
  char created[CELL_SIZE];
  char deleted[CELL_SIZE];

  if (versions->session->output != OUTPUT_TABLE) {
    print_version(versions, info);
    versions->count++;
    return CONNECTOR_OK;
  }
  versions->count++;
  snprintf(number, sizeof number, "%" PRId64, info->version);
  if (table_cell(&versions->table, number) && table_cell(&versions->table, state_of(info)) &&
      table_cell(&versions->table, time_to_second(info->created_at, created)) &&
      table_cell(&versions->table, time_to_second(info->deleted_at, deleted)))
    return CONNECTOR_OK;
  *error = (connector_error){ .status = CONNECTOR_NO_MEMORY, .message = "memory is exhausted" };
  return CONNECTOR_NO_MEMORY;
}

int command_secret_versions(struct session *session)
{
  connector_error error;
  struct versions versions = { .session = session };
  bool json = session->output == OUTPUT_JSON;
  connector_status status = CONNECTOR_OK;

  if (session->output == OUTPUT_ID)
    return report_usage("--output: table, json or ndjson");
  table_column(&versions.table, "version", CELL_WIDE, true);
  table_column(&versions.table, "state", CELL_WIDE, false);
  table_column(&versions.table, "created_at", CELL_WIDE, false);
  table_column(&versions.table, "deleted_at", CELL_WIDE, false);
  if (json)
    fputs("{\"items\":[", stdout);
  status = connector_secret_versions(session->store, session->arguments[0], take_version, &versions,
                                     &error);
  if (json)
    puts("]}");
  if (status == CONNECTOR_OK && session->output == OUTPUT_TABLE)
    table_print(&versions.table, stdout);
  table_free(&versions.table);
  return status == CONNECTOR_OK ? EXIT_OK : report_error(&error);
}
