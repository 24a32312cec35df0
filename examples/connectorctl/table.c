/*
 * table.c: rows of text in aligned columns. Width is counted as a terminal shows it, not in bytes:
 * Chinese, Japanese and Korean characters and most emoji take two columns, combining marks none.
 */
#define _XOPEN_SOURCE 700 /* wcwidth */
#include "connectorctl.h"

#include <stdlib.h>
#include <string.h>
#include <wchar.h>

static const char ELLIPSIS[] = "\xe2\x80\xa6"; /* one column */

/* Reads one character and tells its width. What can't be shown is 1 wide and prints as a space;
 * what is no UTF-8, or no text in this locale, is taken byte by byte. */
static size_t character(const char *text, int *width, bool *shown)
{
  mbstate_t state;
  wchar_t wide = 0;

  memset(&state, 0, sizeof state);
  size_t bytes = mbrtowc(&wide, text, MB_CUR_MAX, &state);
  if (bytes == 0 || bytes > MB_CUR_MAX) {
    *width = 1;
    *shown = false;
    return 1;
  }
  *width = wcwidth(wide);
  *shown = *width >= 0;
  if (!*shown)
    *width = 1;
  return bytes;
}

static int text_width(const char *text)
{
  int width = 0;

  while (*text != '\0') {
    int one = 0;
    bool shown = false;
    text += character(text, &one, &shown);
    width += one;
  }
  return width;
}

/* Prints as much of the text as fits in `room` columns, and returns how many it took. */
static int print_cut(const char *text, int room, FILE *stream)
{
  int used = 0;
  bool cut = text_width(text) > room;

  while (*text != '\0') {
    int one = 0;
    bool shown = false;
    size_t bytes = character(text, &one, &shown);
    if (used + one > room - (cut ? 1 : 0))
      break;
    if (shown)
      fwrite(text, 1, bytes, stream);
    else
      fputc(' ', stream);
    text += bytes;
    used += one;
  }
  if (cut)
    fputs(ELLIPSIS, stream);
  return used + (cut ? 1 : 0);
}

static void print_spaces(int count, FILE *stream)
{
  while (count-- > 0)
    fputc(' ', stream);
}

static void print_cell(const char *text, int width, bool right, bool last, FILE *stream)
{
  int missing = width - text_width(text);

  if (right)
    print_spaces(missing, stream);
  int used = print_cut(text, width, stream);
  if (last)
    fputc('\n', stream);
  else
    print_spaces(right ? 2 : width - used + 2, stream);
}

static const char *cell_at(const struct table *table, size_t index)
{
  return table->cells[index] != NULL ? table->cells[index] : "";
}

static int column_width(const struct table *table, size_t column)
{
  int width = table->untitled ? 0 : text_width(table->titles[column]);

  for (size_t i = column; i < table->cell_count; i += table->column_count) {
    int cell = text_width(cell_at(table, i));
    width = cell > width ? cell : width;
  }
  return width < table->limits[column] ? width : table->limits[column];
}

void table_column(struct table *table, const char *title, int limit, bool right)
{
  size_t column = table->column_count++;

  table->titles[column] = title;
  table->limits[column] = limit;
  table->right[column] = right;
}

bool table_cell(struct table *table, const char *text)
{
  if (table->cell_count == table->cell_capacity) {
    size_t capacity = table->cell_capacity == 0 ? 256 : 2 * table->cell_capacity;
    char **cells = realloc(table->cells, capacity * sizeof *cells);
    if (cells == NULL)
      return false;
    table->cells = cells;
    table->cell_capacity = capacity;
  }

  char *copy = NULL;
  if (text != NULL && (copy = strdup(text)) == NULL)
    return false;
  table->cells[table->cell_count++] = copy;
  return true;
}

void table_print(const struct table *table, FILE *stream)
{
  int widths[TABLE_COLUMNS_MAX] = { 0 };
  size_t last = table->column_count - 1;

  for (size_t c = 0; c <= last; c++)
    widths[c] = column_width(table, c);
  for (size_t c = 0; c <= last && !table->untitled; c++)
    print_cell(table->titles[c], widths[c], table->right[c], c == last, stream);
  for (size_t i = 0; i < table->cell_count; i++) {
    size_t c = i % table->column_count;
    print_cell(cell_at(table, i), widths[c], table->right[c], c == last, stream);
  }
}

void table_free(struct table *table)
{
  for (size_t i = 0; i < table->cell_count; i++)
    free(table->cells[i]);
  free(table->cells);
  table->cells = NULL;
  table->cell_count = table->cell_capacity = 0;
}
