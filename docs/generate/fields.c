/*
 * Prints the field table as Markdown, from the table that the library itself loops over.
 */
#include "record/fields.h"

#include <stdio.h>

static const char *const kinds[] = {
  [KIND_TEXT] = "text",
  [KIND_ENUM] = "one of",
  [KIND_BOOL] = "boolean",
  [KIND_INTEGER] = "integer, 0 or more",
  [KIND_TIME] = "time",
  [KIND_OBJECT] = "JSON object",
  [KIND_TEXTS] = "JSON array of text",
  [KIND_TAGS] = "JSON array or object",
};

static const char *const writers[] = {
  [WRITER_SERVER] = "library",
  [WRITER_USER] = "caller",
  [WRITER_HEALTH] = "caller (health)",
};

static void print_type(const struct field *field)
{
  printf("%s", kinds[field->kind]);
  for (size_t i = 0; field->names != NULL && i < field->names->count; i++)
    printf("%s `%s`", i > 0 ? "," : "", field->names->names[i]);
}

static const char *null_text(const struct field *field)
{
  if ((field->flags & FIELD_OMITTED) != 0)
    return "left out";
  return (field->flags & FIELD_NULLABLE) != 0 ? "yes" : "no";
}

static void print_limit(const struct field *field)
{
  if (!field_is_text(field))
    return;
  if (field->limit > 0)
    printf("%u bytes", (unsigned)field->limit);
  else
    printf("`%s`", field_is_json(field) ? "max_json" : "max_text");
}

/* What else is done with the value, parted by commas. */
static void print_checks(const struct field *field)
{
  static const struct {
    unsigned flag;
    const char *text;
  } checks[] = {
    { FIELD_GUARDED, "secret guard" },
    { FIELD_SCRUBBED, "secrets scrubbed, cut at the limit" },
    { FIELD_LINES, "tab and newline allowed" },
    { FIELD_REFERENCE, "reference callback" },
    { FIELD_VISIBILITY, "decides who sees the record" },
    { FIELD_DERIVED, "follows from `deleted_at`" },
  };
  const char *between = "";

  for (size_t i = 0; i < sizeof(checks) / sizeof(checks[0]); i++)
    if ((field->flags & checks[i].flag) != 0) {
      printf("%s%s", between, checks[i].text);
      between = ", ";
    }
}

int main(void)
{
  printf("| field | type | written by | null | limit | rule |\n");
  printf("| --- | --- | --- | --- | --- | --- |\n");
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];

    printf("| `%s` | ", field->name);
    print_type(field);
    printf(" | %s | %s | ", writers[field->writer], null_text(field));
    print_limit(field);
    printf(" | ");
    print_checks(field);
    printf(" |\n");
  }
  return 0;
}
