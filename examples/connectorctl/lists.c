/*
 * lists.c: the commands that look at many records: list and count.
 */
#include "connectorctl.h"

#include <inttypes.h>
#include <string.h>

/* Widest that a column of a list gets. */
enum {
  LIST_CELL = 40
};

struct listing {
  const struct session *session;
  struct table table;
  connector_field fields[TABLE_COLUMNS_MAX];
  int64_t count;
};

static int choose_columns(struct listing *listing, const char *names)
{
  while (*names != '\0') {
    size_t length = strcspn(names, ",");
    char name[32] = "";
    connector_field field = CONNECTOR_FIELD_ID;
    if (length < sizeof name)
      memcpy(name, names, length);
    if (!connector_field_from_name(name, &field))
      return report_usage("--columns: '%.*s' is no field", (int)length, names);
    if (listing->table.column_count == TABLE_COLUMNS_MAX)
      return report_usage("--columns: too many");
    listing->fields[listing->table.column_count] = field;
    table_column(&listing->table, connector_field_name(field), LIST_CELL, field_is_number(field));
    names += length + (names[length] == ',');
  }
  return listing->table.column_count > 0 ? EXIT_OK : report_usage("--columns: name a field");
}

static const char *default_columns(const struct settings *settings)
{
  if (settings->tenant == NULL)
    return "id,tenant_id,provider,name,scope,enabled,version,updated_at";
  return "id,provider,type,name,scope,enabled,version,updated_at";
}

static connector_status out_of_memory(connector_error *error)
{
  *error = (connector_error){ .status = CONNECTOR_NO_MEMORY, .message = "memory is exhausted" };
  return CONNECTOR_NO_MEMORY;
}

static connector_status list_row(struct listing *listing, const connector *record,
                                 connector_error *error)
{
  for (size_t c = 0; c < listing->table.column_count; c++) {
    char buffer[CELL_SIZE];
    if (!table_cell(&listing->table, field_text(record, listing->fields[c], buffer)))
      return out_of_memory(error);
  }
  return CONNECTOR_OK;
}

static connector_status list_one(void *user, const connector *record, connector_error *error)
{
  struct listing *listing = user;

  listing->count++;
  switch (listing->session->output) {
  case OUTPUT_TABLE:
    return list_row(listing, record, error);
  case OUTPUT_JSON:
    if (listing->count > 1)
      puts(",");
    return print_json(record, "", error);
  case OUTPUT_NDJSON:
    return print_json(record, "\n", error);
  case OUTPUT_ID:
    puts(record->id);
    return CONNECTOR_OK;
  }
  return CONNECTOR_OK;
}

static int list_all(struct listing *listing, const connector_query *query)
{
  connector_error error;
  bool json = listing->session->output == OUTPUT_JSON;

  if (json)
    fputs("{\"items\":[", stdout);
  if (connector_each(listing->session->store, query, list_one, listing, &error) != CONNECTOR_OK)
    return report_error(&error);
  if (json)
    printf("],\"nextCursor\":null,\"total\":%" PRId64 "}\n", listing->count);
  return EXIT_OK;
}

static int print_page_json(const connector_page *page)
{
  connector_error error;
  char *json = NULL;

  if (connector_page_to_json(page, 0, &json, NULL, &error) != CONNECTOR_OK)
    return report_error(&error);
  puts(json);
  connector_string_free(json);
  return EXIT_OK;
}

static int list_page(struct listing *listing, const connector_query *query)
{
  connector_error error;
  connector_page *page = NULL;
  int result = EXIT_OK;

  if (connector_list(listing->session->store, query, &page, &error) != CONNECTOR_OK)
    return report_error(&error);
  if (listing->session->output == OUTPUT_JSON) {
    result = print_page_json(page);
  } else {
    for (size_t i = 0; i < connector_page_count(page) && result == EXIT_OK; i++)
      if (list_one(listing, connector_page_at(page, i), &error) != CONNECTOR_OK)
        result = report_error(&error);
  }
  if (result == EXIT_OK && listing->session->output != OUTPUT_JSON) {
    if (connector_page_total(page) >= 0)
      fprintf(stderr, "%" PRId64 " in all\n", connector_page_total(page));
    if (connector_page_next(page) != NULL)
      fprintf(stderr, "more follow: --cursor %s, or --all\n", connector_page_next(page));
  }
  connector_page_free(page);
  return result;
}

int command_list(struct session *session)
{
  const struct settings *settings = &session->settings;
  struct listing listing = { .session = session };
  connector_query *query = NULL;

  if (settings->all && (settings->limit != NULL || settings->cursor != NULL || settings->total))
    return report_usage("--all goes with none of --limit, --cursor, --total");
  int result = choose_columns(&listing, settings->columns != NULL ? settings->columns
                                                                  : default_columns(settings));
  if (result == EXIT_OK)
    result = query_read(session, 0, &query);
  if (result == EXIT_OK)
    result = settings->all ? list_all(&listing, query) : list_page(&listing, query);
  if (result == EXIT_OK && session->output == OUTPUT_TABLE)
    table_print(&listing.table, stdout);
  table_free(&listing.table);
  connector_query_free(query);
  return result;
}

int command_count(struct session *session)
{
  connector_error error;
  connector_query *query = NULL;
  int64_t count = 0;
  int result = query_read(session, 0, &query);

  if (result != EXIT_OK)
    return result;
  if (connector_count(session->store, query, &count, &error) != CONNECTOR_OK)
    result = report_error(&error);
  else if (session->output == OUTPUT_TABLE)
    printf("%" PRId64 "\n", count);
  else
    printf("{\"count\":%" PRId64 "}\n", count);
  connector_query_free(query);
  return result;
}
