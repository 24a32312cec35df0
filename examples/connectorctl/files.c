/*
 * files.c: the commands that concern the whole file or none: init, check, stats, schema.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <stddef.h>

/* ---- init ---- */

/* The store is open already, and new: main() has refused a file that was there. */
int command_init(struct session *session)
{
  connector_error error;
  connector_stats stats = CONNECTOR_STATS_INIT;

  if (connector_stats_get(session->store, &stats, &error) != CONNECTOR_OK)
    return report_error(&error);
  printf("created %s, schema version %" PRId64 "\n", session->store_path, stats.schema_version);
  return EXIT_OK;
}

/* ---- check ---- */

struct check {
  const struct session *session;
  struct table table;
  int64_t findings;
};

static connector_status take_finding(void *user, const connector_finding *finding,
                                     connector_error *error)
{
  struct check *check = user;

  check->findings++;
  if (check->session->output != OUTPUT_TABLE) {
    putchar('{');
    print_text_member("tenant_id", finding->tenant_id, ",");
    print_text_member("id", finding->id, ",");
    print_text_member("field", finding->field, ",");
    print_text_member("message", finding->message, "}\n");
    return CONNECTOR_OK;
  }
  if (table_cell(&check->table, finding->tenant_id) && table_cell(&check->table, finding->id) &&
      table_cell(&check->table, finding->field) && table_cell(&check->table, finding->message))
    return CONNECTOR_OK;
  *error = (connector_error){ .status = CONNECTOR_NO_MEMORY, .message = "memory is exhausted" };
  return CONNECTOR_NO_MEMORY;
}

int command_check(struct session *session)
{
  connector_error error;
  struct check check = { .session = session };
  bool table = session->output == OUTPUT_TABLE;
  int result = EXIT_OK;

  table_column(&check.table, "tenant_id", CELL_WIDE, false);
  table_column(&check.table, "id", CELL_WIDE, false);
  table_column(&check.table, "field", CELL_WIDE, false);
  table_column(&check.table, "message", CELL_WIDE, false);
  if (connector_check(session->store, take_finding, &check, &error) != CONNECTOR_OK)
    result = report_error(&error);
  if (table && check.findings > 0)
    table_print(&check.table, stdout);
  else if (table && result == EXIT_OK)
    puts("no problem found");
  table_free(&check.table);
  return result;
}

/* ---- stats ---- */

static const struct figure {
  const char *name;
  size_t offset;
} FIGURES[] = {
#define FIGURE(member)                                                                             \
  {                                                                                                \
#member, offsetof(connector_stats, member)                                                     \
  }
  FIGURE(records),   FIGURE(deleted),    FIGURE(tenants),        FIGURE(file_bytes),
  FIGURE(wal_bytes), FIGURE(free_bytes), FIGURE(schema_version),
#undef FIGURE
};

int command_stats(struct session *session)
{
  connector_error error;
  connector_stats stats = CONNECTOR_STATS_INIT;
  size_t count = sizeof FIGURES / sizeof FIGURES[0];
  bool table = session->output == OUTPUT_TABLE;

  if (connector_stats_get(session->store, &stats, &error) != CONNECTOR_OK)
    return report_error(&error);
  for (size_t i = 0; i < count; i++) {
    int64_t value = *(const int64_t *)((const char *)&stats + FIGURES[i].offset);
    if (table)
      printf("%-16s %12" PRId64 "\n", FIGURES[i].name, value);
    else
      printf("%s\"%s\":%" PRId64 "%s", i == 0 ? "{" : "", FIGURES[i].name, value,
             i + 1 < count ? "," : "}\n");
  }
  return EXIT_OK;
}

/* ---- schema ---- */

int command_schema(struct session *session)
{
  connector_error error;
  char *json = NULL;

  (void)session;
  if (connector_schema_json(&json, NULL, &error) != CONNECTOR_OK)
    return report_error(&error);
  puts(json);
  connector_string_free(json);
  return EXIT_OK;
}
