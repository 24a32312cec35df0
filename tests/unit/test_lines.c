/*
 * store/lines: lines out of any pieces, ends of any kind, and lines that are too long passed over
 * in bounded memory.
 */
#include "stream.h"

#include "store/lines.h"

enum { MOST = 10 };

static struct lines lines;

/* Reads all lines as `a|b|#|`, # for one that is too long. */
static void read_all(struct source *source, size_t most, char *out, size_t size)
{
  const char *line = "";
  size_t length = 0;
  size_t at = 0;
  bool too_long = false;
  lines_init(&lines, source_read, source, most);
  out[0] = '\0';
  for (;;) {
    assert_int_equal(lines_next(&lines, &line, &length, &too_long, &failure), CONNECTOR_OK);
    if (line == NULL)
      break;
    at += (size_t)snprintf(out + at, size - at, "%.*s|", too_long ? 1 : (int)length,
                           too_long ? "#" : line);
    assert_true(at < size);
  }
  lines_free(&lines);
}

static void lines_come_out_of_pieces_of_any_size(void **state)
{
  const struct {
    const char *text;
    const char *wanted;
  } cases[] = {
    { "", "" },
    { "a", "a|" },
    { "a\n", "a|" },
    { "a\nb", "a|b|" },
    { "\n", "|" },
    { "\n\nab\n\n", "||ab||" },
    { "a\r\nb\r\n", "a\r|b\r|" },
    { "0123456789\n", "0123456789|" },
    { "0123456789", "0123456789|" },
    { "0123456789a\nb\n", "#|b|" },
    { "b\n0123456789abcdefghijklmnop\n0123456789a\nc", "b|#|#|c|" },
    { "0123456789abcdefghijklmnopqrstuvwxyz", "#|" },
    { "0123456789a\n", "#|" },
  };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    for (size_t piece = 0; piece < 15; piece++) {
      struct source source = source_of(cases[i].text);
      char got[200];
      source.piece = piece;
      read_all(&source, MOST, got, sizeof(got));
      if (strcmp(got, cases[i].wanted) != 0)
        fail_msg("%s in pieces of %zu: %s", cases[i].text, piece, got);
    }
}

static connector_status endless(void *user, char *buffer, size_t capacity, size_t *length,
                                connector_error *error)
{
  int *calls = user;
  (void)error;
  memset(buffer, 'x', capacity);
  *length = --*calls >= 0 ? capacity : 0;
  return CONNECTOR_OK;
}

static void a_long_line_takes_bounded_memory(void **state)
{
  const char *line = NULL;
  size_t length = 0;
  bool too_long = false;
  int calls = 1000;
  (void)state;
  lines_init(&lines, endless, &calls, 100000);
  assert_int_equal(lines_next(&lines, &line, &length, &too_long, &failure), CONNECTOR_OK);
  assert_true(too_long);
  assert_non_null(line);
  assert_true(lines.bytes.capacity < 1000000);
  assert_int_equal(lines_next(&lines, &line, &length, &too_long, &failure), CONNECTOR_OK);
  assert_null(line);
  lines_free(&lines);
}

static void a_failure_of_the_host_is_passed_on(void **state)
{
  struct source source = source_of("a\nb\nc\n");
  const char *line = NULL;
  size_t length = 0;
  bool too_long = false;
  (void)state;
  source.piece = 2;
  source.fail_at = 4;
  lines_init(&lines, source_read, &source, MOST);
  assert_int_equal(lines_next(&lines, &line, &length, &too_long, &failure), CONNECTOR_OK);
  assert_int_equal(lines_next(&lines, &line, &length, &too_long, &failure), CONNECTOR_OK);
  assert_int_equal(lines_next(&lines, &line, &length, &too_long, &failure), CONNECTOR_IO);
  assert_text(failure.message, "the pipe broke");
  lines_free(&lines);
}

static connector_status boastful(void *user, char *buffer, size_t capacity, size_t *length,
                                 connector_error *error)
{
  (void)user;
  (void)buffer;
  (void)error;
  *length = capacity + 1;
  return CONNECTOR_OK;
}

static void more_bytes_than_were_asked_are_refused(void **state)
{
  const char *line = NULL;
  size_t length = 0;
  bool too_long = false;
  (void)state;
  lines_init(&lines, boastful, NULL, MOST);
  assert_int_equal(lines_next(&lines, &line, &length, &too_long, &failure), CONNECTOR_INVALID);
  assert_text(failure.field, "read");
  lines_free(&lines);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(lines_come_out_of_pieces_of_any_size),
    cmocka_unit_test(a_long_line_takes_bounded_memory),
    cmocka_unit_test(a_failure_of_the_host_is_passed_on),
    cmocka_unit_test(more_bytes_than_were_asked_are_refused),
  };
  return cmocka_run_group_tests_name("lines", tests, NULL, NULL);
}
