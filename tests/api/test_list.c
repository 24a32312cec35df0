/*
 * Lists: every order both ways against the records themselves, page by page; limits and totals.
 */
#include "population.h"

/* Orders a list can come in where the design leaves it open. */
enum {
  ENUM_BY_NAME = 1,
  TIES_DESCENDING = 2
};

static int compare_text(const char *a, const char *b)
{
  if (a == NULL || b == NULL)
    return (a != NULL) - (b != NULL);
  int order = strcmp(a, b);
  return (order > 0) - (order < 0);
}

static int compare(const struct column *column, const connector *a, const connector *b, int freedom)
{
  if (column->kind == TEXT)
    return compare_text(column_text(column, a), column_text(column, b));
  if (column->kind == CHOICE && (freedom & ENUM_BY_NAME) != 0)
    return compare_text(column_choice(column, a), column_choice(column, b));
  int64_t left = column_number(column, a);
  int64_t right = column_number(column, b);
  return (left > right) - (left < right);
}

static bool in_order(const struct column *column, bool descending, connector *const *list,
                     size_t count, int freedom)
{
  for (size_t i = 1; i < count; i++) {
    int order = compare(column, list[i - 1], list[i], freedom);
    int ties = strcmp(list[i - 1]->id, list[i]->id);
    if (descending)
      order = -order;
    if ((freedom & TIES_DESCENDING) != 0)
      ties = -ties;
    if (order > 0 || (order == 0 && ties >= 0))
      return false;
  }
  return true;
}

/* Reads all pages, `limit` records at a time; the records are copies. */
static size_t read_all(connector_query query, uint32_t limit, connector **list, size_t capacity)
{
  char cursor[4096] = "";
  size_t count = 0;
  query.limit = limit;
  for (;;) {
    query.cursor = cursor[0] != '\0' ? cursor : NULL;
    connector_page *page = list_of(&query);
    size_t on_page = connector_page_count(page);
    assert_true(on_page <= limit);
    for (size_t i = 0; i < on_page; i++) {
      assert_true(count < capacity);
      assert_ok(connector_dup(connector_page_at(page, i), &list[count++], &failure));
    }
    const char *next = connector_page_next(page);
    assert_true(next == NULL || on_page == limit);
    assert_true(next == NULL || strlen(next) < sizeof(cursor));
    snprintf(cursor, sizeof(cursor), "%s", next != NULL ? next : "");
    connector_page_free(page);
    if (cursor[0] == '\0')
      return count;
  }
}

static void free_all(connector **list, size_t count)
{
  for (size_t i = 0; i < count; i++)
    connector_free(list[i]);
}

static bool holds_once(connector *const *list, size_t count, const connector *wanted)
{
  size_t times = 0;
  for (size_t i = 0; i < count; i++)
    times += connector_equal(list[i], wanted);
  return times == 1;
}

static void every_order_pages_through_every_record_once(void **state)
{
  (void)state;
  connector *list[POPULATION];
  for (size_t field = 0; field < COUNT_OF(columns); field++)
    for (int descending = 0; descending < 2; descending++) {
      if (column_is_json(&columns[field]))
        continue;
      connector_query query = CONNECTOR_QUERY_INIT;
      query.order_by = (connector_field)field;
      query.descending = descending != 0;
      query.deleted = CONNECTOR_DELETED_INCLUDE;
      size_t count = read_all(query, 7, list, POPULATION);
      assert_int_equal(count, POPULATION);
      for (size_t i = 0; i < POPULATION; i++)
        assert_true(holds_once(list, count, population[i]));
      bool ordered = false;
      for (int freedom = 0; freedom < 4; freedom++) {
        bool free_ties = (freedom & TIES_DESCENDING) != 0;
        if (!free_ties || descending != 0)
          ordered = ordered || in_order(&columns[field], query.descending, list, count, freedom);
      }
      if (!ordered)
        fail_msg("not in the order of %s%s", columns[field].name, descending ? ", descending" : "");
      free_all(list, count);
    }
}

static void the_size_of_the_page_does_not_matter(void **state)
{
  (void)state;
  static const uint32_t limits[] = { 1, 2, 13, POPULATION, 500 };
  connector *wanted[POPULATION];
  connector *got[POPULATION];
  connector_query query = CONNECTOR_QUERY_INIT;
  query.order_by = CONNECTOR_FIELD_PROVIDER;
  size_t count = read_all(query, 3, wanted, POPULATION);
  for (size_t i = 0; i < COUNT_OF(limits); i++) {
    assert_int_equal(read_all(query, limits[i], got, POPULATION), count);
    for (size_t j = 0; j < count; j++)
      assert_true(connector_equal(wanted[j], got[j]));
    free_all(got, count);
  }
  free_all(wanted, count);
}

static size_t deleted_in_population(void)
{
  size_t count = 0;
  for (size_t i = 0; i < POPULATION; i++)
    count += population[i]->is_deleted;
  return count;
}

static void deleted_records_are_excluded_included_or_alone(void **state)
{
  (void)state;
  int64_t dead = (int64_t)deleted_in_population();
  assert_true(dead > 0 && dead < POPULATION);
  assert_int_equal(count_of(NULL), POPULATION - dead);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), POPULATION);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_ONLY)), dead);
  connector_page *page = list_of(QUERY(.deleted = CONNECTOR_DELETED_ONLY, .limit = 500));
  assert_int_equal(connector_page_count(page), dead);
  for (size_t i = 0; i < connector_page_count(page); i++)
    assert_true(connector_page_at(page, i)->is_deleted);
  connector_page_free(page);
}

static void the_default_is_fifty_live_records_by_id(void **state)
{
  (void)state;
  connector_page *page = list_of(NULL);
  assert_int_equal(connector_page_count(page), 50);
  for (size_t i = 0; i < 50; i++) {
    assert_false(connector_page_at(page, i)->is_deleted);
    if (i > 0)
      assert_true(strcmp(connector_page_at(page, i - 1)->id, connector_page_at(page, i)->id) < 0);
  }
  assert_non_null(connector_page_next(page));
  connector_page_free(page);
}

static void a_total_comes_only_when_asked_for(void **state)
{
  (void)state;
  int64_t live = POPULATION - (int64_t)deleted_in_population();
  connector_filter filter = { .field = CONNECTOR_FIELD_ENABLED,
                              .op = CONNECTOR_OP_EQ,
                              .number = 1 };
  connector_page *page = list_of(QUERY(.limit = 5));
  assert_int_equal(connector_page_total(page), -1);
  connector_page_free(page);
  page = list_of(QUERY(.limit = 5, .with_total = true));
  assert_int_equal(connector_page_total(page), live);
  char cursor[4096];
  snprintf(cursor, sizeof(cursor), "%s", connector_page_next(page));
  connector_page_free(page);
  page = list_of(QUERY(.limit = 5, .with_total = true, .cursor = cursor));
  assert_int_equal(connector_page_total(page), live);
  connector_page_free(page);
  page = list_of(QUERY(.limit = 5, .with_total = true, .filters = &filter, .filter_count = 1));
  assert_int_equal(connector_page_total(page),
                   count_of(QUERY(.filters = &filter, .filter_count = 1)));
  assert_true(connector_page_total(page) < live);
  connector_page_free(page);
}

static void count_ignores_limit(void **state)
{
  (void)state;
  assert_int_equal(count_of(QUERY(.limit = 3)), count_of(NULL));
}

static void a_full_last_page_has_no_next(void **state)
{
  (void)state;
  for (int i = 0; i < 20; i++)
    connector_free(make(PATCH(0)));
  connector_page *page = list_of(QUERY(.limit = 20));
  assert_int_equal(connector_page_count(page), 20);
  assert_null(connector_page_next(page));
  connector_page_free(page);
}

static void an_empty_store_gives_an_empty_page(void **state)
{
  (void)state;
  connector_page *page = list_of(QUERY(.with_total = true));
  assert_int_equal(connector_page_count(page), 0);
  assert_null(connector_page_at(page, 0));
  assert_null(connector_page_next(page));
  assert_int_equal(connector_page_total(page), 0);
  connector_page_free(page);
}

static void a_page_may_be_null_and_ends_where_it_ends(void **state)
{
  (void)state;
  connector_free(make(PATCH(0)));
  connector_page *page = list_of(NULL);
  assert_non_null(connector_page_at(page, 0));
  assert_null(connector_page_at(page, 1));
  assert_null(connector_page_at(page, SIZE_MAX));
  connector_page_free(page);
  connector_page_free(NULL);
  assert_int_equal(connector_page_count(NULL), 0);
  assert_null(connector_page_at(NULL, 0));
  assert_null(connector_page_next(NULL));
  assert_int_equal(connector_page_total(NULL), -1);
}

static void a_page_outlives_what_happens_to_its_records(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "as listed"), id);
  connector_page *page = list_of(NULL);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  assert_ok(connector_purge(test.store, id, &failure));
  close_store();
  assert_text(connector_page_at(page, 0)->name, "as listed");
  assert_text(connector_page_at(page, 0)->id, id);
  connector_page_free(page);
}

static void queries_that_make_no_sense_are_invalid(void **state)
{
  (void)state;
  connector_page *page = NULL;
  connector_store *store = test.store;
  connector_query sizeless = { 0 };
  assert_invalid(connector_list(store, QUERY(.limit = 501), &page, &failure), "limit");
  assert_invalid(connector_list(store, QUERY(.limit = UINT32_MAX), &page, &failure), "limit");
  assert_status(connector_list(store, QUERY(.order_by = (connector_field)38), &page, &failure),
                CONNECTOR_INVALID);
  assert_invalid(connector_list(store, QUERY(.deleted = (connector_deleted)3), &page, &failure),
                 "deleted");
  assert_status(connector_list(store, QUERY(.filter_count = 1), &page, &failure),
                CONNECTOR_INVALID);
  assert_invalid(connector_list(store, &sizeless, &page, &failure), "size");
  assert_status(connector_list(store, NULL, NULL, &failure), CONNECTOR_INVALID);
  assert_status(connector_count(store, NULL, NULL, &failure), CONNECTOR_INVALID);
  for (size_t i = 0; i < COUNT_OF(columns); i++)
    if (column_is_json(&columns[i]))
      assert_status(connector_list(store, QUERY(.order_by = (connector_field)i), &page, &failure),
                    CONNECTOR_INVALID);
  assert_null(page);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    population_test(every_order_pages_through_every_record_once),
    population_test(the_size_of_the_page_does_not_matter),
    population_test(deleted_records_are_excluded_included_or_alone),
    population_test(the_default_is_fifty_live_records_by_id),
    population_test(a_total_comes_only_when_asked_for),
    population_test(count_ignores_limit),
    memory_test(a_full_last_page_has_no_next),
    memory_test(an_empty_store_gives_an_empty_page),
    memory_test(a_page_may_be_null_and_ends_where_it_ends),
    store_test(a_page_outlives_what_happens_to_its_records),
    memory_test(queries_that_make_no_sense_are_invalid),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
