/*
 * engine/listing: every order, either way, page by page, is the order of the values; and the orders
 * that promise an index have one.
 */
#include "engine_support.h"

enum { ROWS = 60 };

static connector rows[ROWS];
static char ids[ROWS][16];

/* Few values, so that there are ties and nulls in every field. */
static void randomize(connector *record, uint64_t *seed)
{
  static const char *const texts[] = { NULL, "", "A", "a", "ab", "b", "é" };
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT; i++) {
    const struct field *field = &record_fields[i];
    size_t pick = random_below(seed, COUNT_OF(texts));
    bool nullable = (field->flags & FIELD_NULLABLE) != 0;
    if (i == CONNECTOR_FIELD_ID || i == CONNECTOR_FIELD_TENANT_ID || field_is_json(field) ||
        (field->flags & FIELD_DERIVED) != 0)
      continue;
    if (field_is_text(field))
      *field_text(record, field) = texts[pick] == NULL && !nullable ? "z" : texts[pick];
    else if (field->kind == KIND_ENUM)
      field_set_number(record, field, 1 + (int64_t)(pick % 3));
    else
      field_set_number(record, field,
                       (int64_t)(pick % 4) * 1000 - (field->kind == KIND_TIME ? 1000 : 0));
  }
  record->is_deleted = record->deleted_at != 0;
}

/* The same ids in both tenants, so that the tenant is the last tie-break. */
static int setup_listing(void **state)
{
  uint64_t seed = 20260102;
  if (setup_rows(state) != 0)
    return -1;
  for (size_t i = 0; i < ROWS; i++) {
    snprintf(ids[i], sizeof(ids[0]), "cnn_%03zu", i / 2 * 7 % 60);
    rows[i] = sample(i % 2 == 0 ? "tenant-a" : "tenant-b", ids[i]);
    randomize(&rows[i], &seed);
    put(&rows[i]);
  }
  return 0;
}

/* ---- the order in memory ---- */

static connector_field model_order;
static bool model_descending;

static int compare_numbers(int64_t a, int64_t b)
{
  return a < b ? -1 : a > b;
}

static int compare_texts(const char *a, const char *b)
{
  if (a == NULL || b == NULL)
    return (a != NULL) - (b != NULL);
  return strcmp(a, b);
}

static int compare_fields(const connector *a, const connector *b)
{
  const struct field *field = &record_fields[model_order];
  int64_t first = 0;
  int64_t second = 0;
  if (field_is_text(field))
    return compare_texts(*field_text(a, field), *field_text(b, field));
  first = field_number(a, field);
  second = field_number(b, field);
  if (field->kind == KIND_ENUM)
    return strcmp(enum_text(field->names, first), enum_text(field->names, second));
  if ((field->flags & FIELD_NULLABLE) != 0 && (first == 0 || second == 0))
    return (first != 0) - (second != 0);
  return compare_numbers(first, second);
}

static int compare_rows(const void *a, const void *b)
{
  const connector *first = *(const connector *const *)a;
  const connector *second = *(const connector *const *)b;
  int order = compare_fields(first, second);
  if (order == 0)
    order = strcmp(first->id, second->id);
  if (order == 0)
    order = strcmp(first->tenant_id, second->tenant_id);
  return model_descending ? -order : order;
}

static size_t model(const struct scope *scope, const connector_query *query,
                    const connector *wanted[ROWS])
{
  size_t count = 0;
  for (size_t i = 0; i < ROWS; i++)
    if (scope_covers(scope, &rows[i]) &&
        (query->deleted == CONNECTOR_DELETED_INCLUDE ||
         rows[i].is_deleted == (query->deleted == CONNECTOR_DELETED_ONLY)))
      wanted[count++] = &rows[i];
  model_order = query->order_by;
  model_descending = query->descending;
  qsort(wanted, count, sizeof(*wanted), compare_rows);
  return count;
}

/* ---- the order of the engine ---- */

/* Reads page after page and holds each row against the model's. */
static void assert_pages(const struct scope *scope, const connector_query *query, int64_t page)
{
  const connector *wanted[ROWS];
  size_t count = model(scope, query, wanted);
  size_t at = 0;
  struct position after = { 0 };
  struct arena arena = { 0 };
  connector *last = NULL;
  connector *end = NULL;
  int64_t counted = -1;
  int64_t got = page;
  struct listing listing = { .scope = scope, .query = query, .limit = page, .arena = &arena };
  engine_ok(listing_count(engine.connection, &listing, &counted, &failure));
  assert_int_equal(counted, count);
  while (got == page) {
    struct statement *statement = NULL;
    struct row row;
    bool found = true;
    engine_ok(listing_start(engine.connection, &listing, &statement, &failure));
    for (got = -1; found; got++) {
      engine_ok(rows_next(statement, &row, &found, &failure));
      if (!found)
        continue;
      if (at >= count || !connector_equal(&row.record, wanted[at]))
        fail_msg("order by %s%s, page of %d: row %zu is %s of %s",
                 record_fields[query->order_by].name, query->descending ? " descending" : "",
                 (int)page, at, row.record.id, row.record.tenant_id);
      at++;
      connector_free(end);
      end = row_copy(&row);
    }
    statement_done(statement);
    if (end != NULL) { /* the statement had borrowed the position until it was done */
      connector_free(last);
      last = end;
      end = NULL;
    }
    if (last == NULL)
      break;
    after = position_of(last, query);
    listing.after = &after;
  }
  assert_int_equal(at, count);
  connector_free(last);
  arena_free(&arena);
}

static void every_order_is_kept_from_page_to_page(void **state)
{
  const struct scope scopes[] = { { .kind = SCOPE_TENANT, .tenant = "tenant-a" },
                                  { .kind = SCOPE_SYSTEM } };
  (void)state;
  for (size_t i = 0; i < CONNECTOR_FIELD_COUNT * 2; i++)
    for (size_t j = 0; j < COUNT_OF(scopes); j++) {
      connector_query query = CONNECTOR_QUERY_INIT;
      query.order_by = (connector_field)(i / 2);
      query.descending = i % 2 != 0;
      query.deleted = CONNECTOR_DELETED_INCLUDE;
      if (field_is_json(&record_fields[query.order_by]))
        continue;
      assert_pages(&scopes[j], &query, 1);
      assert_pages(&scopes[j], &query, 7);
      assert_pages(&scopes[j], &query, ROWS);
    }
}

static void deleted_rows_are_listed_as_asked(void **state)
{
  const struct scope scopes[] = { { .kind = SCOPE_TENANT, .tenant = "tenant-a" },
                                  { .kind = SCOPE_SYSTEM },
                                  { .kind = SCOPE_MEMBER,
                                    .tenant = "tenant-a",
                                    .user = "ab",
                                    .groups = "\x1f"
                                              "b\x1f" } };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(scopes); i++)
    for (int deleted = 0; deleted <= CONNECTOR_DELETED_ONLY; deleted++) {
      connector_query query = CONNECTOR_QUERY_INIT;
      query.deleted = (connector_deleted)deleted;
      assert_pages(&scopes[i], &query, 4);
    }
}

/* ---- checks ---- */

static void queries_that_do_not_fit_are_invalid(void **state)
{
  static char many_words[64];
  static char long_search[1100];
  const connector_filter filters[CONNECTOR_FILTERS_MAX + 1] = { 0 };
  const connector_filter bad = { .field = CONNECTOR_FIELD_ENABLED, .op = CONNECTOR_OP_LT };
  const struct {
    const char *field;
    connector_query query;
  } cases[] = {
    { "filters", { .filters = filters, .filter_count = CONNECTOR_FILTERS_MAX + 1 } },
    { "filters", { .filter_count = 1 } },
    { "enabled", { .filters = &bad, .filter_count = 1 } },
    { "order_by", { .order_by = CONNECTOR_FIELD_CONFIG } },
    { "order_by", { .order_by = CONNECTOR_FIELD_TAGS } },
    { "order_by", { .order_by = (connector_field)38 } },
    { "order_by", { .order_by = (connector_field)-1 } },
    { "deleted", { .deleted = (connector_deleted)3 } },
    { "search", { .search = "\xff" } },
    { "search", { .search = many_words } },
    { "search", { .search = long_search } },
  };
  connector_query query = CONNECTOR_QUERY_INIT;
  (void)state;
  for (int i = 0; i < 17; i++)
    memcpy(many_words + i * 2, "a ", 3);
  memset(long_search, 'a', sizeof(long_search) - 1);
  for (size_t i = 0; i < COUNT_OF(cases); i++)
    engine_fails_at(listing_check(&cases[i].query, &failure), CONNECTOR_INVALID, cases[i].field);
  many_words[16 * 2 - 1] = '\0';
  query.search = many_words;
  engine_ok(listing_check(&query, &failure));
  query.search = " \t\n ";
  engine_ok(listing_check(&query, &failure));
}

/* ---- plans ---- */

static void plan_list(const struct scope *scope, const connector_query *query,
                      const struct position *after, char plan[PLAN_SIZE])
{
  struct arena arena = { 0 };
  struct listing listing = { scope, query, after, 50, &arena };
  struct statement *statement = NULL;
  engine_ok(listing_start(engine.connection, &listing, &statement, &failure));
  latest_plan(plan);
  statement_done(statement);
  arena_free(&arena);
}

static const struct position deep = { .id = "cnn_500", .tenant = "tenant-a" };

static void a_tenants_list_by_id_walks_its_index_from_the_position_on(void **state)
{
  const connector_filter filter = { .field = CONNECTOR_FIELD_PROVIDER, .text = "jira" };
  (void)state;
  for (int kind = SCOPE_MEMBER; kind <= SCOPE_TENANT; kind++)
    for (int variant = 0; variant < 8; variant++) {
      struct scope scope = { (enum scope_kind)kind, "tenant-a", (variant & 1) != 0 ? "app" : NULL,
                             "ann", NULL };
      connector_query query = CONNECTOR_QUERY_INIT;
      char plan[PLAN_SIZE];
      query.descending = (variant & 2) != 0;
      query.filters = &filter;
      query.filter_count = (variant & 4) != 0;
      plan_list(&scope, &query, NULL, plan);
      assert_contains(plan, "SEARCH connector USING INDEX connector_list (tenant_id=?)");
      assert_lacks(plan, "TEMP B-TREE");
      plan_list(&scope, &query, &deep, plan);
      assert_contains(plan,
                      query.descending
                          ? "SEARCH connector USING INDEX connector_list (tenant_id=? AND id<?)"
                          : "SEARCH connector USING INDEX connector_list (tenant_id=? AND id>?)");
      assert_lacks(plan, "TEMP B-TREE");
    }
}

static void a_list_of_all_tenants_by_id_walks_the_key(void **state)
{
  const struct scope scope = { .kind = SCOPE_SYSTEM };
  (void)state;
  for (int descending = 0; descending < 2; descending++) {
    connector_query query = CONNECTOR_QUERY_INIT;
    char plan[PLAN_SIZE];
    query.descending = descending != 0;
    plan_list(&scope, &query, NULL, plan);
    assert_contains(plan, "connector USING INDEX connector_key");
    assert_lacks(plan, "TEMP B-TREE");
    plan_list(&scope, &query, &deep, plan);
    assert_contains(plan, "SEARCH connector USING INDEX connector_key ((id,tenant_id)");
    assert_lacks(plan, "TEMP B-TREE");
  }
}

static void a_list_of_all_tenants_by_tenant_walks_an_index(void **state)
{
  const struct scope scope = { .kind = SCOPE_SYSTEM };
  struct position after = deep;
  connector_query query = CONNECTOR_QUERY_INIT;
  char plan[PLAN_SIZE];
  (void)state;
  query.order_by = CONNECTOR_FIELD_TENANT_ID;
  after.text = "tenant-a";
  plan_list(&scope, &query, NULL, plan);
  assert_contains(plan, "connector USING INDEX connector_list");
  assert_lacks(plan, "TEMP B-TREE");
  plan_list(&scope, &query, &after, plan);
  assert_contains(plan, "SEARCH connector USING INDEX connector_list");
  assert_lacks(plan, "TEMP B-TREE");
}

static void a_position_holds_the_sort_values_of_its_record(void **state)
{
  connector record = sample("tenant-a", "cnn_1");
  connector_query query = CONNECTOR_QUERY_INIT;
  struct position position;
  (void)state;
  record.name = "n";
  query.order_by = CONNECTOR_FIELD_NAME;
  position = position_of(&record, &query);
  assert_text(position.id, "cnn_1");
  assert_text(position.tenant, "tenant-a");
  assert_text(position.text, "n");
  assert_false(position.null);
  query.order_by = CONNECTOR_FIELD_PROVIDER;
  assert_true(position_of(&record, &query).null);
  query.order_by = CONNECTOR_FIELD_LAST_SYNC_AT;
  assert_true(position_of(&record, &query).null);
  query.order_by = CONNECTOR_FIELD_CONSECUTIVE_ERRORS;
  assert_false(position_of(&record, &query).null);
  query.order_by = CONNECTOR_FIELD_SCOPE;
  assert_text(position_of(&record, &query).text, "org");
  query.order_by = CONNECTOR_FIELD_CREATED_AT;
  assert_int_equal(position_of(&record, &query).number, 1700000000000);
}

#define listing_test(name) cmocka_unit_test_setup_teardown(name, setup_listing, teardown_engine)

int main(void)
{
  const struct CMUnitTest tests[] = {
    listing_test(every_order_is_kept_from_page_to_page),
    listing_test(deleted_rows_are_listed_as_asked),
    cmocka_unit_test(queries_that_do_not_fit_are_invalid),
    rows_test(a_tenants_list_by_id_walks_its_index_from_the_position_on),
    rows_test(a_list_of_all_tenants_by_id_walks_the_key),
    rows_test(a_list_of_all_tenants_by_tenant_walks_an_index),
    cmocka_unit_test(a_position_holds_the_sort_values_of_its_record),
  };
  return cmocka_run_group_tests_name("listing", tests, NULL, NULL);
}
