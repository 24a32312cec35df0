/*
 * claim.c: takes leases on records that are due, for a script or an operator. They are left to run
 * until they end: whoever claims here does the work in that time, and tells of it by other means.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <string.h>

static const struct {
  const char *name;
  connector_due due;
} KINDS[] = {
  { CONNECTOR_PURPOSE_REFRESH, CONNECTOR_DUE_REFRESH },
  { CONNECTOR_PURPOSE_ROTATION, CONNECTOR_DUE_ROTATION },
  { CONNECTOR_PURPOSE_SYNC, CONNECTOR_DUE_SYNC },
};

static int read_kind(const char *text, connector_due *due)
{
  for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++)
    if (strcmp(text, KINDS[i].name) == 0) {
      *due = KINDS[i].due;
      return EXIT_OK;
    }
  return report_usage("'%s' is no kind of work: refresh, rotation or sync", text);
}

static int read_options(const struct settings *settings, connector_due due,
                        connector_claim_options *options)
{
  int64_t limit = 0;
  int64_t ttl = 0;

  if (settings->horizon != NULL && due != CONNECTOR_DUE_REFRESH)
    return report_usage("--horizon goes with refresh");
  if (settings->interval != NULL && due != CONNECTOR_DUE_SYNC)
    return report_usage("--interval goes with sync");
  int result = option_number("--limit", settings->limit, 1, CONNECTOR_CLAIMS_MAX, &limit);
  if (result == EXIT_OK)
    result = option_duration("--ttl", settings->ttl, &ttl);
  if (result == EXIT_OK && ttl > CONNECTOR_LEASE_TTL_MAX)
    result = report_usage("--ttl: at most 1d");
  if (result == EXIT_OK)
    result = option_duration("--horizon", settings->horizon, &options->horizon_ms);
  if (result == EXIT_OK)
    result = option_duration("--interval", settings->interval, &options->interval_ms);
  options->limit = (uint32_t)limit;
  options->ttl_ms = (uint32_t)ttl;
  return result;
}

static bool add_row(struct table *table, const connector_claim_item *item, bool tenant)
{
  char fence[CELL_SIZE];
  char expires[CELL_SIZE];
  char since[CELL_SIZE];
  const char *due = time_to_second(item->due_at, since);

  /* The time of day alone: a lease lasts a day at most. */
  if (time_to_second(connector_lease_expires_at(item->lease), expires) == NULL)
    return false;

  snprintf(fence, sizeof fence, "%" PRId64, connector_lease_fence(item->lease));
  return table_cell(table, item->record->id) &&
         (!tenant || table_cell(table, item->record->tenant_id)) && table_cell(table, fence) &&
         table_cell(table, expires + 11) && table_cell(table, due != NULL ? due : "always");
}

static int print_table(const struct session *session, const connector_claims *claims)
{
  struct table table = { 0 };
  bool tenant = session->settings.tenant == NULL;
  bool complete = true;

  table_column(&table, "id", CELL_WIDE, false);
  if (tenant)
    table_column(&table, "tenant_id", 24, false);
  table_column(&table, "fence", CELL_WIDE, true);
  table_column(&table, "expires_at", CELL_WIDE, false);
  table_column(&table, "due_since", CELL_WIDE, false);
  for (size_t i = 0; i < connector_claims_count(claims) && complete; i++)
    complete = add_row(&table, connector_claims_at(claims, i), tenant);
  if (complete && table.cell_count > 0)
    table_print(&table, stdout);
  table_free(&table);
  return complete ? EXIT_OK : report_failure("out of memory");
}

static void print_item(const connector_claim_item *item, const char *end)
{
  putchar('{');
  print_text_member("id", item->record->id, ",");
  print_text_member("tenant_id", item->record->tenant_id, ",");
  print_text_member("provider", item->record->provider, ",");
  print_text_member("name", item->record->name, ",");
  print_text_member("purpose", connector_lease_purpose(item->lease), ",");
  print_number_member("fence", connector_lease_fence(item->lease), ",");
  print_time_member("expires_at", connector_lease_expires_at(item->lease), ",");
  print_time_member("due_at", item->due_at, "}");
  fputs(end, stdout);
}

static int print_claims(const struct session *session, const connector_claims *claims)
{
  size_t count = connector_claims_count(claims);
  bool json = session->output == OUTPUT_JSON;

  if (session->output == OUTPUT_TABLE)
    return print_table(session, claims);
  if (json)
    fputs("{\"items\":[", stdout);
  for (size_t i = 0; i < count; i++) {
    const connector_claim_item *item = connector_claims_at(claims, i);
    if (session->output == OUTPUT_ID)
      puts(item->record->id);
    else
      print_item(item, !json ? "\n" : i + 1 < count ? "," : "");
  }
  if (json)
    puts("]}");
  return EXIT_OK;
}

int command_claim(struct session *session)
{
  connector_error error;
  connector_claim_options options = CONNECTOR_CLAIM_OPTIONS_INIT;
  connector_claims *claims = NULL;
  connector_due due = CONNECTOR_DUE_SYNC;

  int result = read_kind(session->arguments[0], &due);
  if (result == EXIT_OK)
    result = read_options(&session->settings, due, &options);
  if (result != EXIT_OK)
    return result;
  if (connector_claim(session->store, due, &options, &claims, &error) != CONNECTOR_OK)
    return report_error(&error);
  if (connector_claims_count(claims) == 0)
    fputs("nothing is due\n", stderr);
  result = print_claims(session, claims);
  connector_claims_free(claims);
  return result;
}
