/*
 * A file's schema beside the library's: the texts of the steps are taken apart into statements, and
 * each text of the file must be one of them. The engine reads nothing but the text of an object, so
 * that nothing else of the file's schema needs a look.
 */
#include "engine/schema_check.h"

#include <string.h>

enum { OBJECTS_MOST = 64, COLUMNS_MOST = 16 };

struct text {
  const char *at;
  size_t length;
};

struct own {
  struct text objects[OBJECTS_MOST]; /* in the order that the steps make them */
  size_t count;
  struct text columns[COLUMNS_MOST]; /* that later steps gave to `connector` */
  size_t column_count;
  uint64_t found; /* a bit for each object */
  size_t next;    /* where the next one is likely */
};

_Static_assert(OBJECTS_MOST <= 64, "a bit for each object");

static const char connector_start[] = "CREATE TABLE connector (";
static const char column_start[] = "ALTER TABLE connector ADD COLUMN ";
static const char table_end[] = ") STRICT";

static bool starts_with(const struct text *text, const char *start, size_t length)
{
  return text->length >= length && memcmp(text->at, start, length) == 0;
}

/* A step that has more than there is room for makes no file ours: a test would not miss it. */
static void take_statement(struct own *own, struct text statement)
{
  static const char create[] = "CREATE ";

  if (starts_with(&statement, create, sizeof(create) - 1) && own->count < OBJECTS_MOST) {
    own->objects[own->count++] = statement;
  } else if (starts_with(&statement, column_start, sizeof(column_start) - 1) &&
             own->column_count < COLUMNS_MOST) {
    statement.at += sizeof(column_start) - 1;
    statement.length -= sizeof(column_start) - 1;
    own->columns[own->column_count++] = statement;
  }
}

/* No text of a step has a semicolon inside a statement. */
static void take_step(struct own *own, const char *step)
{
  for (const char *end = strchr(step, ';'); end != NULL; end = strchr(step, ';')) {
    take_statement(own, (struct text){ step, (size_t)(end - step) });
    step = end + 1;
  }
}

/* Passes over a part of `text` where it starts so. */
static bool pass(struct text *text, const char *part, size_t length)
{
  if (!starts_with(text, part, length))
    return false;
  text->at += length;
  text->length -= length;
  return true;
}

/* The engine writes a new column into the text of its table, behind the others. */
static bool is_connector(const struct own *own, const struct text *made, struct text text)
{
  bool same = pass(&text, made->at, made->length - (sizeof(table_end) - 1));

  for (size_t i = 0; same && i < own->column_count; i++)
    same = pass(&text, ", ", 2) && pass(&text, own->columns[i].at, own->columns[i].length);
  return same && pass(&text, table_end, sizeof(table_end) - 1) && text.length == 0;
}

static bool is_object(const struct own *own, const struct text *made, const struct text *text)
{
  if (starts_with(made, connector_start, sizeof(connector_start) - 1))
    return is_connector(own, made, *text);
  return made->length == text->length && memcmp(made->at, text->at, text->length) == 0;
}

static bool is_engines(const struct text *text)
{
  static const char *const texts[] = {
    "CREATE TABLE sqlite_sequence(name,seq)",
    "CREATE TABLE sqlite_stat1(tbl,idx,stat)",
    "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)",
  };

  for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
    if (strlen(texts[i]) == text->length && memcmp(texts[i], text->at, text->length) == 0)
      return true;
  return false;
}

/* Files mostly have the order of the steps. An object that is there twice does not load. */
static bool take_object(struct own *own, const struct text *text)
{
  for (size_t i = 0; i < own->count; i++) {
    size_t at = (own->next + i) % own->count;

    if (is_object(own, &own->objects[at], text)) {
      own->found |= UINT64_C(1) << at;
      own->next = at + 1;
      return true;
    }
  }
  return is_engines(text);
}

connector_status schema_compare(struct connection *connection, const char *const *steps,
                                size_t count, bool *same, connector_error *error)
{
  static const char sql[] = "SELECT sql FROM sqlite_schema";
  struct statement *statement = NULL;
  struct own own = { .count = 0 };
  bool row = false;
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; i < count; i++)
    take_step(&own, steps[i]);
  status = statement_get_text(connection, 0, NULL, sql, sizeof(sql) - 1, &statement, error);
  if (status != CONNECTOR_OK)
    return status;
  *same = true;
  do {
    uint32_t length = 0;
    const char *text = NULL;

    status = statement_step(statement, &row, error);
    text = row ? column_text(statement, 0, &length) : NULL;
    if (text != NULL) /* the indexes of primary keys have none */
      *same = take_object(&own, &(struct text){ text, length });
  } while (row && *same);
  if (status == CONNECTOR_OK)
    status = statement_check(statement, error);
  statement_done(statement);
  *same = *same && own.found == (own.count < 64 ? (UINT64_C(1) << own.count) - 1 : UINT64_MAX);
  return status;
}
