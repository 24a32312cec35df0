/*
 * Pages that somebody arranged: trees of a few pages whose rows have no end, lists of free pages
 * that go round, counts that no file has, a log made for another file. Each call ends, in right
 * data or a clear status; an alarm ends the test where one does not.
 */
#include "damaged_file.h"
#include "sealed_faults.h"

enum { HANG_SECONDS = 120, PAGE = 4096, LEVELS = 5, HEADER_FREE = 32, HEADER_PAGES = 28 };

static void put_number(char *at, uint32_t number)
{
  for (int i = 3; i >= 0; i--, number >>= 8)
    at[i] = (char)(number & 0xff);
}

static uint32_t get_number(const char *at, int bytes)
{
  uint32_t number = 0;
  for (int i = 0; i < bytes; i++)
    number = number << 8 | (uint8_t)at[i];
  return number;
}

static void put_short(char *at, size_t number)
{
  at[0] = (char)(number >> 8);
  at[1] = (char)(number & 0xff);
}

/* ---- a file in memory, to be arranged ---- */

static struct {
  char *bytes;
  size_t pages;
} file;

static char *page_at(size_t number)
{
  return file.bytes + (number - 1) * PAGE;
}

static void take_file(void)
{
  file.pages = template.length / PAGE;
  file.bytes = calloc(file.pages + LEVELS + 1, PAGE);
  assert_non_null(file.bytes);
  memcpy(file.bytes, template.bytes, template.length);
}

static size_t add_page(void)
{
  file.pages++;
  put_number(file.bytes + HEADER_PAGES, (uint32_t)file.pages);
  return file.pages;
}

static void put_file(void)
{
  remove_side_files();
  write_file(test.path, file.bytes, file.pages * PAGE);
}

static int teardown_file(void **state)
{
  free(file.bytes);
  file.bytes = NULL;
  return teardown_tenants(state);
}

static size_t root_of(const char *name)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  size_t root = 0;
  remove_side_files();
  write_file(test.path, template.bytes, template.length);
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, "SELECT rootpage FROM sqlite_schema WHERE name = ?", -1,
                                      &statement, NULL),
                   SQLITE_OK);
  sqlite3_bind_text(statement, 1, name, -1, SQLITE_STATIC);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  root = (size_t)sqlite3_column_int64(statement, 0);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  return root;
}

/* ---- trees without end ---- */

/* The first leaf below a page. */
static size_t leaf_below(size_t number)
{
  while (page_at(number)[0] == 2 || page_at(number)[0] == 5)
    number = get_number(page_at(number) + get_number(page_at(number) + 12, 2), 4);
  return number;
}

/* What stands in an inner page behind the page that it leads to: of a table a row's number, of an
 * index the first entry of a leaf. */
static size_t take_cell(size_t leaf, char cell[PAGE])
{
  const char *page = page_at(leaf);
  const char *first = page + get_number(page + 8, 2);
  size_t length = 1;
  if (page[0] == 13) {
    cell[0] = 1;
    return length;
  }
  assert_int_equal(page[0], 10);
  assert_true((uint8_t)first[0] < 0x80); /* a length of one byte */
  length += (uint8_t)first[0];
  memcpy(cell, first, length);
  return length;
}

/* An inner page, all of whose cells lead to the same page. */
static void make_inner(size_t number, bool table, size_t child, const char *cell, size_t length)
{
  char *page = page_at(number);
  size_t count = (PAGE - 12) / (2 + 4 + length);
  size_t at = PAGE;
  memset(page, 0, PAGE);
  page[0] = table ? 5 : 2;
  put_short(page + 3, count);
  put_number(page + 8, (uint32_t)child);
  for (size_t i = 0; i < count; i++) {
    at -= 4 + length;
    put_number(page + at, (uint32_t)child);
    memcpy(page + at + 4, cell, length);
    put_short(page + 12 + 2 * i, at);
  }
  put_short(page + 5, at);
}

/* Below the root of a table or an index stand levels of pages that lead, each of them hundreds of
 * times, to one leaf. */
static void make_endless(const char *name)
{
  size_t root = root_of(name);
  char cell[PAGE];
  size_t child = 0;
  size_t length = 0;
  bool table = false;
  take_file();
  child = leaf_below(root);
  if (child == root) { /* a tree of one page: its leaf moves */
    child = add_page();
    memcpy(page_at(child), page_at(root), PAGE);
  }
  table = page_at(child)[0] == 13;
  length = take_cell(child, cell);
  for (int i = 0; i < LEVELS - 1; i++) {
    size_t inner = add_page();
    make_inner(inner, table, child, cell, length);
    child = inner;
  }
  make_inner(root, table, child, cell, length);
  put_file();
}

/* With the engine alone there are more rows than the file could hold a thousand times. */
static void assert_endless(const char *name)
{
  sqlite3 *db = NULL;
  sqlite3_stmt *statement = NULL;
  char sql[200];
  const char *table = strncmp(name, "connector", 9) == 0 ? "connector" : "history";
  snprintf(sql, sizeof(sql), "SELECT count(*) FROM (SELECT 1 FROM %s %s%s LIMIT 1000000)", table,
           strcmp(table, name) == 0 ? "NOT INDEXED" : "INDEXED BY ",
           strcmp(table, name) == 0 ? "" : name);
  assert_int_equal(sqlite3_open(test.path, &db), SQLITE_OK);
  assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
  assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
  assert_int_equal(sqlite3_column_int64(statement, 0), 1000000);
  sqlite3_finalize(statement);
  sqlite3_close(db);
  remove_side_files();
}

static void use_all(void)
{
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  use_file();
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  use_file_as_system();
}

static void trees_without_end_have_an_end(void **state)
{
  static const char *const names[] = { "connector",         "connector_key", "connector_list",
                                       "connector_deleted", "history",       "history_feed",
                                       "history_of" };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    snprintf(trial_name, sizeof(trial_name), "an endless %s", names[i]);
    make_endless(names[i]);
    if (strcmp(names[i], "connector_deleted") != 0) /* partial: not for every row */
      assert_endless(names[i]);
    use_all();
    free(file.bytes);
    file.bytes = NULL;
  }
}

/* Turns the order of what stands in a page round, so that going forward never ends where the next
 * is looked for behind the last. */
static void turn_round(size_t number)
{
  char *page = page_at(number);
  size_t count = get_number(page + 3, 2);
  for (size_t i = 0; i < count / 2; i++) {
    char *first = page + 8 + 2 * i;
    char *last = page + 8 + 2 * (count - 1 - i);
    char kept[2] = { first[0], first[1] };
    memcpy(first, last, 2);
    memcpy(last, kept, 2);
  }
}

/* Puts it in any order. */
static void mix(size_t number, uint64_t *seed)
{
  char *page = page_at(number);
  size_t count = get_number(page + 3, 2);
  for (size_t i = count; i > 1; i--) {
    char *one = page + 8 + 2 * (i - 1);
    char *other = page + 8 + 2 * random_below(seed, i);
    char kept[2] = { one[0], one[1] };
    memcpy(one, other, 2);
    memcpy(other, kept, 2);
  }
}

static void trees_in_the_wrong_order_have_an_end(void **state)
{
  static const char *const names[] = { "connector_sync",    "connector_list", "connector_key",
                                       "connector_deleted", "history_feed",   "history_head",
                                       "connector",         "history" };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(names); i++) {
    size_t root = root_of(names[i]);
    snprintf(trial_name, sizeof(trial_name), "a turned %s", names[i]);
    take_file();
    turn_round(leaf_below(root));
    put_file();
    use_all();
    free(file.bytes);
    file.bytes = NULL;
  }
}

/* Many tenants, so that who looks for the tenant behind each can be led round. */
static void add_tenants(void)
{
  restore_template();
  open_for_faults();
  for (int i = 0; i < 40; i++) {
    char tenant[24];
    snprintf(tenant, sizeof(tenant), "tenant-%02d", i);
    become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
    connector_free(make(PATCH(.name = "of many", .next_rotation_due = 1000)));
  }
  close_store();
  free(template.bytes);
  template.bytes = read_file(test.path, &template.length);
}

static void tenants_in_the_wrong_order_are_looked_at_once(void **state)
{
  static const char *const names[] = { "connector_rotation", "connector_sync", "history_head",
                                       "history_feed" };
  uint64_t seed = 20261128;
  (void)state;
  add_tenants();
  for (int trial = 0; trial < 60; trial++) {
    const char *name = names[(size_t)trial % COUNT_OF(names)];
    size_t root = root_of(name);
    snprintf(trial_name, sizeof(trial_name), "trial %d, tenants of %s", trial, name);
    take_file();
    mix(leaf_below(root), &seed);
    put_file();
    become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
    use_file_as_system();
    free(file.bytes);
    file.bytes = NULL;
  }
}

static bool sealed_ends(connector_status status)
{
  return status == CONNECTOR_SECRET_TAMPERED || ends_well(status, "rotate");
}

static void add_keys(void)
{
  restore_template();
  open_sealed(first_key, NULL);
  for (int i = 0; i < 30; i++) {
    char tenant[24];
    char id[ID_SIZE];
    snprintf(tenant, sizeof(tenant), "tenant-%02d", i);
    become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
    make_id(PATCH(.name = "of many"), id);
    (void)put_value(id, "a value");
  }
  close_store();
  free(template.bytes);
  template.bytes = read_file(test.path, &template.length);
}

/* A rotation goes from one tenant's key to the next. */
static void keys_in_the_wrong_order_are_looked_at_once(void **state)
{
  uint64_t seed = 20261129;
  size_t root = 0;
  (void)state;
  add_keys();
  root = root_of("sealed_key");
  for (int trial = 0; trial < 40; trial++) {
    connector_sealed_options key = sealed_key_of(second_key);
    snprintf(trial_name, sizeof(trial_name), "trial %d, keys", trial);
    take_file();
    mix(leaf_below(root), &seed);
    put_file();
    become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
    open_sealed(first_key, NULL);
    (void)sealed_ends(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure));
    (void)sealed_ends(connector_root_key_rotate(test.store, &key, NULL, NULL, &failure));
    close_store();
    free(file.bytes);
    file.bytes = NULL;
  }
}

/* The schema's own tree: each of its rows is there again and again. */
static void a_schema_without_end_is_refused(void **state)
{
  char cell[1] = { 1 };
  size_t leaf = 0;
  (void)state;
  take_file();
  leaf = add_page();
  memcpy(page_at(leaf), page_at(1), PAGE);
  memmove(page_at(leaf), page_at(leaf) + 100, 8); /* its header stands behind the file's */
  put_short(page_at(leaf) + 3, 0);                /* and it has no row at all */
  put_short(page_at(leaf) + 5, PAGE);
  for (int i = 0; i < LEVELS - 1; i++) {
    size_t inner = add_page();
    make_inner(inner, true, leaf, cell, 1);
    leaf = inner;
  }
  memset(page_at(1) + 100, 0, PAGE - 100);
  page_at(1)[100] = 5;
  put_number(page_at(1) + 108, (uint32_t)leaf);
  put_short(page_at(1) + 105, PAGE);
  put_file();
  for (int read_only = 0; read_only <= 1; read_only++) {
    connector_options options = fault_options();
    options.read_only = read_only != 0;
    assert_status(connector_open(test.path, &options, &test.store, &failure), CONNECTOR_CORRUPT);
  }
}

/* ---- free pages and counts ---- */

static void free_pages_that_go_round_have_an_end(void **state)
{
  (void)state;
  for (uint32_t count = 1; count < 2000000000; count *= 1000) {
    size_t trunk = 0;
    snprintf(trial_name, sizeof(trial_name), "%u free pages in a circle", count);
    take_file();
    trunk = add_page();
    put_number(file.bytes + HEADER_FREE, (uint32_t)trunk);
    put_number(file.bytes + HEADER_FREE + 4, count);
    put_number(page_at(trunk), (uint32_t)trunk);
    put_file();
    use_all();
    free(file.bytes);
    file.bytes = NULL;
  }
}

static void counts_of_pages_that_no_file_has_end_clearly(void **state)
{
  static const uint32_t counts[] = { 0, 1, 2, 1000000, 0x7fffffff, 0xffffffff };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(counts); i++) {
    snprintf(trial_name, sizeof(trial_name), "%u pages in the header", counts[i]);
    take_file();
    put_number(file.bytes + HEADER_PAGES, counts[i]);
    put_file();
    use_all();
    free(file.bytes);
    file.bytes = NULL;
  }
}

/* ---- another file's log ---- */

static void a_log_made_for_another_file_ends_clearly(void **state)
{
  char path[600];
  size_t length = 0;
  char *log = NULL;
  (void)state;
  remove_side_files();
  unlink(test.path);
  open_for_faults();
  become("tenant-c", "user-cat", CONNECTOR_ROLE_TENANT);
  for (int i = 0; i < 30; i++)
    connector_free(make(PATCH(.name = "of another file")));
  log = read_file(beside(path, "registry.db-wal"), &length);
  close_store();
  assert_true(length > PAGE);
  snprintf(trial_name, sizeof(trial_name), "another file's log");
  restore_template();
  write_file(path, log, length);
  use_all();
  free(log);
}

#define pages_test(name) cmocka_unit_test_setup_teardown(name, setup_tenants, teardown_file)

int main(void)
{
  const struct CMUnitTest tests[] = {
    pages_test(trees_without_end_have_an_end),
    pages_test(trees_in_the_wrong_order_have_an_end),
    pages_test(tenants_in_the_wrong_order_are_looked_at_once),
    pages_test(keys_in_the_wrong_order_are_looked_at_once),
    pages_test(a_schema_without_end_is_refused),
    pages_test(free_pages_that_go_round_have_an_end),
    pages_test(counts_of_pages_that_no_file_has_end_clearly),
    pages_test(a_log_made_for_another_file_ends_clearly),
  };
  (void)alarm(HANG_SECONDS);
  stay_in_memory();
  return cmocka_run_group_tests_name("hostile_pages", tests, NULL, NULL);
}
