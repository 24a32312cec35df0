/*
 * Paging while others write: what stays put is seen exactly once, whatever is deleted, purged,
 * inserted or changed between two pages.
 */
#include "support.h"

enum {
  RECORDS = 120,
  PAGE = 7
};

struct seen {
  char id[ID_SIZE];
  bool moved; /* deleted or given another sort value while paging */
  int times;
};

static struct seen seen[RECORDS];

static void fill(uint64_t *seed)
{
  static const char *const providers[] = { "github", "jira", "okta", "splunk" };
  memset(seen, 0, sizeof(seen));
  for (size_t i = 0; i < RECORDS; i++) {
    size_t pick = random_below(seed, 5);
    make_id(PATCH(.provider = pick < 4 ? providers[pick] : NULL), seen[i].id);
  }
}

static struct seen *find(const char *id)
{
  for (size_t i = 0; i < RECORDS; i++)
    if (strcmp(seen[i].id, id) == 0)
      return &seen[i];
  return NULL;
}

static void remove_record(struct seen *record)
{
  record->moved = true;
  assert_ok(connector_delete(test.store, record->id, 0, &failure));
  assert_ok(connector_purge(test.store, record->id, &failure));
}

/* Purges the record that the cursor stands on and a random one, changes one, inserts two. */
static void disturb(const char *last_id, uint64_t *seed, bool by_provider)
{
  struct seen *last = find(last_id);
  struct seen *other = &seen[random_below(seed, RECORDS)];
  struct seen *changed = &seen[random_below(seed, RECORDS)];
  if (last != NULL && !last->moved)
    remove_record(last);
  if (!other->moved)
    remove_record(other);
  if (!changed->moved) {
    changed->moved = by_provider;
    assert_ok(
        connector_update(test.store, changed->id, 0, PATCH(.provider = "moved"), NULL, &failure));
  }
  connector_free(make(PATCH(.provider = "inserted")));
  connector_free(make(PATCH(.provider = "aaa")));
}

static void page_through(connector_query query, uint64_t seed)
{
  char cursor[4096] = "";
  query.limit = PAGE;
  for (int pages = 0; pages < 200; pages++) {
    query.cursor = cursor[0] != '\0' ? cursor : NULL;
    connector_page *page = list_of(&query);
    size_t count = connector_page_count(page);
    char last[ID_SIZE] = "";
    for (size_t i = 0; i < count; i++) {
      struct seen *record = find(connector_page_at(page, i)->id);
      if (record != NULL)
        record->times++;
      snprintf(last, sizeof(last), "%s", connector_page_at(page, i)->id);
    }
    const char *next = connector_page_next(page);
    snprintf(cursor, sizeof(cursor), "%s", next != NULL ? next : "");
    connector_page_free(page);
    if (cursor[0] == '\0')
      return;
    if (pages < 12)
      disturb(last, &seed, query.order_by == CONNECTOR_FIELD_PROVIDER);
  }
  fail_msg("the pages do not end");
}

static void assert_each_unmoved_seen_once(void)
{
  size_t unmoved = 0;
  for (size_t i = 0; i < RECORDS; i++) {
    if (!seen[i].moved) {
      unmoved++;
      assert_int_equal(seen[i].times, 1);
    }
  }
  assert_true(unmoved > RECORDS / 2);
}

static void paging_by_id_neither_skips_nor_repeats(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 4; seed++) {
    uint64_t random = seed;
    connector_query query = CONNECTOR_QUERY_INIT;
    query.descending = seed % 2 == 0;
    fill(&random);
    page_through(query, seed);
    assert_each_unmoved_seen_once();
  }
}

static void paging_by_provider_neither_skips_nor_repeats(void **state)
{
  (void)state;
  for (uint64_t seed = 1; seed <= 4; seed++) {
    uint64_t random = seed;
    connector_query query = CONNECTOR_QUERY_INIT;
    query.order_by = CONNECTOR_FIELD_PROVIDER;
    query.descending = seed % 2 == 0;
    fill(&random);
    page_through(query, seed);
    assert_each_unmoved_seen_once();
  }
}

static void a_deleted_list_is_paged_while_records_are_purged(void **state)
{
  (void)state;
  uint64_t seed = 5;
  fill(&seed);
  for (size_t i = 0; i < RECORDS; i++)
    assert_ok(connector_delete(test.store, seen[i].id, 0, &failure));
  char cursor[4096] = "";
  size_t count = 0;
  for (;;) {
    connector_page *page = list_of(QUERY(.limit = PAGE, .deleted = CONNECTOR_DELETED_ONLY,
                                         .order_by = CONNECTOR_FIELD_DELETED_AT,
                                         .cursor = cursor[0] != '\0' ? cursor : NULL));
    for (size_t i = 0; i < connector_page_count(page); i++) {
      assert_ok(connector_purge(test.store, connector_page_at(page, i)->id, &failure));
      count++;
    }
    const char *next = connector_page_next(page);
    snprintf(cursor, sizeof(cursor), "%s", next != NULL ? next : "");
    connector_page_free(page);
    if (cursor[0] == '\0')
      break;
  }
  assert_int_equal(count, RECORDS);
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), 0);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(paging_by_id_neither_skips_nor_repeats),
    memory_test(paging_by_provider_neither_skips_nor_repeats),
    memory_test(a_deleted_list_is_paged_while_records_are_purged),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
