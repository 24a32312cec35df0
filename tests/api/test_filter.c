/*
 * Filters: each field with each operator either fits or is INVALID with the field's name; what fits
 * finds the same records as plain C does.
 */
#include "population.h"

#include <ctype.h>

enum {
  OPS = CONNECTOR_OP_NOT_NULL + 1
};
enum fit {
  FITS,
  REFUSED,
  OPEN
}; /* OPEN: the design does not say */

static enum fit fit_of(const struct column *column, int op)
{
  static const char table[][OPS + 1] = {
    /* = ! < <= > >= in prefix contains null not-null */
    [TEXT] = "yyyyyyyyyyy",    [CHOICE] = "yyyyyyynnyy", [BOOLEAN] = "yynnnn?nnyy",
    [INTEGER] = "yyyyyy?nnyy", [TIME] = "yyyyyy?nnyy",   [OBJECT] = "nnnnnnnn?yy",
    [TEXTS] = "nnnnnnnnyyy",   [TAGS] = "nnnnnnnnyyy",
  };
  char cell = table[column->kind][op];
  return cell == 'y' ? FITS : cell == 'n' ? REFUSED : OPEN;
}

static bool contains_any_case(const char *text, const char *part)
{
  size_t length = strlen(part);
  for (; *text != '\0'; text++) {
    size_t i = 0;
    while (i < length && text[i] != '\0' &&
           tolower((unsigned char)text[i]) == tolower((unsigned char)part[i]))
      i++;
    if (i == length)
      return true;
  }
  return length == 0;
}

static bool compares(int op, int order)
{
  switch (op) {
  case CONNECTOR_OP_EQ:
    return order == 0;
  case CONNECTOR_OP_NE:
    return order != 0;
  case CONNECTOR_OP_LT:
    return order < 0;
  case CONNECTOR_OP_LE:
    return order <= 0;
  case CONNECTOR_OP_GT:
    return order > 0;
  default:
    return order >= 0;
  }
}

static bool text_matches(const connector_filter *filter, const char *value)
{
  if (filter->op == CONNECTOR_OP_IS_NULL || filter->op == CONNECTOR_OP_NOT_NULL)
    return (value == NULL) == (filter->op == CONNECTOR_OP_IS_NULL);
  if (value == NULL)
    return filter->op == CONNECTOR_OP_NE;
  if (filter->op == CONNECTOR_OP_IN) {
    for (size_t i = 0; i < filter->text_count; i++)
      if (strcmp(filter->texts[i], value) == 0)
        return true;
    return false;
  }
  if (filter->op == CONNECTOR_OP_PREFIX)
    return strncmp(value, filter->text, strlen(filter->text)) == 0;
  if (filter->op == CONNECTOR_OP_CONTAINS)
    return contains_any_case(value, filter->text);
  return compares((int)filter->op, strcmp(value, filter->text));
}

static bool number_matches(const connector_filter *filter, bool null, int64_t value)
{
  if (filter->op == CONNECTOR_OP_IS_NULL || filter->op == CONNECTOR_OP_NOT_NULL)
    return null == (filter->op == CONNECTOR_OP_IS_NULL);
  if (null)
    return filter->op == CONNECTOR_OP_NE;
  return compares((int)filter->op, (value > filter->number) - (value < filter->number));
}

static bool matches(const connector_filter *filter, const connector *record)
{
  const struct column *column = &columns[filter->field];
  if (column->kind == CHOICE)
    return text_matches(filter, column_choice(column, record));
  if (column->kind == TEXT || column_is_json(column))
    return text_matches(filter, column_text(column, record));
  int64_t value = column_number(column, record);
  return number_matches(filter, column->kind == TIME && value == 0, value);
}

/* The list holds the records that match, and no other. */
static void assert_finds(const connector_filter *filters, size_t count)
{
  connector_page *page = list_of(QUERY(.filters = filters, .filter_count = count, .limit = 500,
                                       .deleted = CONNECTOR_DELETED_INCLUDE));
  size_t at = 0;
  for (size_t i = 0; i < POPULATION; i++) {
    bool wanted = true;
    for (size_t j = 0; j < count; j++)
      wanted = wanted && matches(&filters[j], population[i]);
    const connector *next = connector_page_at(page, at);
    bool found = next != NULL && connector_equal(next, population[i]);
    if (found != wanted)
      fail_msg("%s op %d \"%s\" %lld: %s %s", columns[filters[0].field].name, (int)filters[0].op,
               filters[0].text ? filters[0].text : "", (long long)filters[0].number,
               wanted ? "missed" : "found", population[i]->id);
    at += found;
  }
  assert_int_equal(at, connector_page_count(page));
  connector_page_free(page);
}

static connector_filter filter_of(size_t field, int op, const connector *like)
{
  static const char *texts[2] = { "nobody has this", NULL };
  const struct column *column = &columns[field];
  connector_filter filter = { .field = (connector_field)field, .op = (connector_op)op };
  const char *value = column->kind == CHOICE                           ? column_choice(column, like)
                      : column->kind == TEXT || column_is_json(column) ? column_text(column, like)
                                                                       : NULL;
  if (value == NULL)
    value = column->kind == TEXT ? "alpha" : "red";
  if (column->kind == CHOICE) {
    texts[0] = field == CONNECTOR_FIELD_SCOPE ? "group" : "system";
  } else {
    texts[0] = "nobody has this";
  }
  if (column->kind == TEXT || column->kind == CHOICE || column_is_json(column))
    filter.text = value;
  else
    filter.number = column_number(column, like);
  if (column->kind == TIME && filter.number == 0)
    filter.number = 1700000002000; /* 0 is no time */
  texts[1] = value;
  if (op == CONNECTOR_OP_IN) {
    filter.texts = texts;
    filter.text_count = COUNT_OF(texts);
  }
  return filter;
}

static void what_does_not_fit_is_invalid_with_the_fields_name(void **state)
{
  (void)state;
  connector_page *page = NULL;
  for (size_t field = 0; field < COUNT_OF(columns); field++)
    for (int op = 0; op < OPS; op++) {
      connector_filter filter = filter_of(field, op, population[0]);
      connector_query query = { .size = sizeof(query), .filters = &filter, .filter_count = 1 };
      if (fit_of(&columns[field], op) != REFUSED)
        continue;
      assert_invalid(connector_list(test.store, &query, &page, &failure), columns[field].name);
      assert_invalid(connector_count(test.store, &query, &(int64_t){ 0 }, &failure),
                     columns[field].name);
    }
  assert_null(page);
}

static void what_fits_finds_what_plain_c_finds(void **state)
{
  (void)state;
  for (size_t field = 0; field < COUNT_OF(columns); field++)
    for (int op = 0; op < OPS; op++)
      for (size_t like = 0; like < POPULATION; like += 11) {
        bool null_test = op == CONNECTOR_OP_IS_NULL || op == CONNECTOR_OP_NOT_NULL;
        connector_filter filter = filter_of(field, op, population[like]);
        if (fit_of(&columns[field], op) == FITS && (null_test || !column_is_json(&columns[field])))
          assert_finds(&filter, 1);
      }
}

static void all_filters_must_hold(void **state)
{
  (void)state;
  uint64_t seed = 99;
  for (int round = 0; round < 150; round++) {
    connector_filter filters[3];
    size_t count = 1 + random_below(&seed, 3);
    for (size_t i = 0; i < count; i++) {
      size_t field = 0;
      int op = 0;
      do {
        field = random_below(&seed, COUNT_OF(columns));
        op = (int)random_below(&seed, OPS);
      } while (fit_of(&columns[field], op) != FITS || column_is_json(&columns[field]) ||
               op == CONNECTOR_OP_IN);
      filters[i] = filter_of(field, op, population[random_below(&seed, POPULATION)]);
    }
    assert_finds(filters, count);
  }
}

static void times_compare_as_rfc_3339_text(void **state)
{
  (void)state;
  connector_filter filter = { .field = CONNECTOR_FIELD_LAST_SYNC_AT, .op = CONNECTOR_OP_GE };
  filter.text = "2023-11-14T23:13:22+01:00"; /* 1700000002000 */
  int64_t by_text = count_of(QUERY(.filters = &filter, .filter_count = 1));
  filter.text = NULL;
  filter.number = 1700000002000;
  assert_int_equal(by_text, count_of(QUERY(.filters = &filter, .filter_count = 1)));
  assert_true(by_text > 0);
  filter.text = "yesterday";
  assert_invalid(connector_count(test.store, QUERY(.filters = &filter, .filter_count = 1),
                                 &(int64_t){ 0 }, &failure),
                 "last_sync_at");
}

static void malformed_filters_are_invalid(void **state)
{
  (void)state;
  static const char *many[CONNECTOR_FILTER_TEXTS_MAX + 1];
  for (size_t i = 0; i < COUNT_OF(many); i++)
    many[i] = "x";
  const connector_filter bad[] = {
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_EQ },
    { .field = CONNECTOR_FIELD_NAME, .op = (connector_op)11, .text = "x" },
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_EQ, .text = "x", .path = "a" },
    { .field = CONNECTOR_FIELD_NAME, .op = CONNECTOR_OP_EQ, .text = "\xff" },
    { .field = CONNECTOR_FIELD_NAME,
      .op = CONNECTOR_OP_IN,
      .texts = many,
      .text_count = COUNT_OF(many) },
    { .field = CONNECTOR_FIELD_SCOPE, .op = CONNECTOR_OP_EQ, .text = "planet" },
    { .field = CONNECTOR_FIELD_ENABLED, .op = CONNECTOR_OP_EQ, .number = 2 },
  };
  for (size_t i = 0; i < COUNT_OF(bad); i++)
    assert_invalid(connector_count(test.store, QUERY(.filters = &bad[i], .filter_count = 1),
                                   &(int64_t){ 0 }, &failure),
                   columns[bad[i].field].name);
  connector_filter unknown = { .field = (connector_field)38, .op = CONNECTOR_OP_IS_NULL };
  assert_status(connector_count(test.store, QUERY(.filters = &unknown, .filter_count = 1),
                                &(int64_t){ 0 }, &failure),
                CONNECTOR_INVALID);
}

static void thirty_two_filters_are_the_most(void **state)
{
  (void)state;
  connector_filter filters[CONNECTOR_FILTERS_MAX + 1];
  for (size_t i = 0; i < COUNT_OF(filters); i++)
    filters[i] = (connector_filter){ .field = CONNECTOR_FIELD_ID, .op = CONNECTOR_OP_NOT_NULL };
  assert_true(count_of(QUERY(.filters = filters, .filter_count = CONNECTOR_FILTERS_MAX)) > 0);
  assert_status(connector_count(test.store,
                                QUERY(.filters = filters, .filter_count = COUNT_OF(filters)),
                                &(int64_t){ 0 }, &failure),
                CONNECTOR_INVALID);
}

static void two_hundred_values_of_in_are_taken(void **state)
{
  (void)state;
  const char *texts[CONNECTOR_FILTER_TEXTS_MAX];
  for (size_t i = 0; i < COUNT_OF(texts); i++)
    texts[i] = population[i % POPULATION]->id;
  connector_filter filter = { .field = CONNECTOR_FIELD_ID,
                              .op = CONNECTOR_OP_IN,
                              .texts = texts,
                              .text_count = COUNT_OF(texts) };
  assert_finds(&filter, 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    population_test(what_does_not_fit_is_invalid_with_the_fields_name),
    population_test(what_fits_finds_what_plain_c_finds),
    population_test(all_filters_must_hold),
    population_test(times_compare_as_rfc_3339_text),
    population_test(malformed_filters_are_invalid),
    population_test(thirty_two_filters_are_the_most),
    population_test(two_hundred_values_of_in_are_taken),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
