/*
 * print.c: one record in the form asked for, and text as JSON.
 */
#include "connectorctl.h"

#include <inttypes.h>

connector_status print_json(const connector *record, const char *end, connector_error *error)
{
  char *json = NULL;
  connector_status status = connector_to_json(record, 0, &json, NULL, error);

  if (status == CONNECTOR_OK)
    printf("%s%s", json, end);
  connector_string_free(json);
  return status;
}

/* The fields that are set, one under the other. */
static int print_fields(const connector *record)
{
  struct table table = { .untitled = true };
  bool complete = true;

  table_column(&table, "field", CELL_WIDE, false);
  table_column(&table, "value", CELL_WIDE, false);
  for (int i = 0; i < CONNECTOR_FIELD_COUNT && complete; i++) {
    char buffer[CELL_SIZE];
    connector_field field = (connector_field)i;
    const char *text = field_text(record, field, buffer);
    if (text != NULL)
      complete = table_cell(&table, connector_field_name(field)) && table_cell(&table, text);
  }
  if (complete)
    table_print(&table, stdout);
  table_free(&table);
  return complete ? EXIT_OK : report_failure("out of memory");
}

int print_record(const struct session *session, connector *record)
{
  connector_error error;
  int result = EXIT_OK;

  switch (session->output) {
  case OUTPUT_TABLE:
    result = print_fields(record);
    break;
  case OUTPUT_JSON:
  case OUTPUT_NDJSON:
    if (print_json(record, "\n", &error) != CONNECTOR_OK)
      result = report_error(&error);
    break;
  case OUTPUT_ID:
    puts(record->id);
    break;
  }
  connector_free(record);
  return result;
}

void print_json_text(const char *text)
{
  putchar('"');
  for (; *text != '\0'; text++) {
    unsigned char byte = (unsigned char)*text;
    if (byte < 0x20 || byte == '"' || byte == '\\')
      printf("\\u%04x", byte);
    else
      putchar(byte);
  }
  putchar('"');
}

void print_text_member(const char *name, const char *text, const char *end)
{
  printf("\"%s\":", name);
  if (text != NULL)
    print_json_text(text);
  else
    fputs("null", stdout);
  fputs(end, stdout);
}

void print_time_member(const char *name, int64_t milliseconds, const char *end)
{
  char text[CONNECTOR_TIME_SIZE];
  bool known = milliseconds != 0 && connector_time_format(milliseconds, text) == CONNECTOR_OK;

  print_text_member(name, known ? text : NULL, end);
}

void print_number_member(const char *name, int64_t number, const char *end)
{
  printf("\"%s\":%" PRId64 "%s", name, number, end);
}
