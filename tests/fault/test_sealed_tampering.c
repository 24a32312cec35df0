/*
 * The sealed vault against somebody who edits the file: every bit of every column of its four
 * tables flipped, rows' bytes swapped, cut and made longer, rows removed, and single rows of an
 * older file put back. A secret that was not touched reads as before; one that was reads right or
 * as TAMPERED: never another value, never another status.
 *
 * One exception: a row of sealed_secret that is gone, or whose tenant, connector or path was
 * changed, is nobody's, or another's: its owner is told SECRET_NOT_FOUND, as of a secret that never
 * was. docs/secrets.md says so.
 */
#include "sealed_faults.h"

enum {
  COLUMNS = 10,
  ROWS = 40,
  ITEMS = 6,
  VERSIONS_MOST = 4,
  WIDE = 1500,
  EVERY = 7,
  SANITIZED = 9
};

/* ---- what there is ---- */

/* A secret, and what each of its versions must answer. */
struct item {
  const char *tenant;
  char id[ID_SIZE];
  char path[200];
  int64_t newest;
  struct {
    connector_status status; /* OK, or SECRET_DELETED */
    char text[VALUE_SIZE];
  } versions[VERSIONS_MOST + 1]; /* from 1 */
};

static struct item items[ITEMS];
static const void *root_key; /* that the store is opened with */

static void as_system(void)
{
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
}

static void put_version(struct item *item, const char *text)
{
  int64_t version = 0;
  test_time += 1000;
  version = put_value(item->id, text);
  assert_int_equal(version, item->newest + 1);
  item->newest = version;
  item->versions[version].status = CONNECTOR_OK;
  snprintf(item->versions[version].text, VALUE_SIZE, "%s", text);
}

static void put_next(struct item *item)
{
  char text[128];
  snprintf(text, sizeof(text), "value %" PRId64 " of %s", item->newest + 1, item->id);
  put_version(item, text);
}

static void make_item(struct item *item, const char *tenant, const char *app, const char *path)
{
  connector *record = NULL;
  memset(item, 0, sizeof(*item));
  item->tenant = tenant;
  become(tenant, "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = app;
  make_id(PATCH(.name = "some", .vault_path = path), item->id);
  put_next(item);
  record = fetch(item->id);
  snprintf(item->path, sizeof(item->path), "%s", record->vault_path);
  connector_free(record);
  as_system();
}

static void delete_version(struct item *item, int64_t version)
{
  test_time += 1000;
  assert_ok(connector_secret_delete(test.store, item->id, version, &failure));
  item->versions[version].status = CONNECTOR_SECRET_DELETED;
}

static void restore_version(struct item *item, int64_t version)
{
  assert_ok(connector_secret_restore(test.store, item->id, version, &failure));
  item->versions[version].status = CONNECTOR_OK;
}

static void destroy_version(struct item *item, int64_t version)
{
  test_time += 1000;
  assert_ok(connector_secret_destroy(test.store, item->id, version, &failure));
  item->versions[version].status = CONNECTOR_SECRET_DELETED;
}

static void make_items(void)
{
  char wide[WIDE];
  memset(wide, 'w', sizeof(wide) - 1);
  wide[sizeof(wide) - 1] = '\0';
  make_item(&items[0], "tenant-a", NULL, NULL);
  make_item(&items[1], "tenant-a", NULL, "secret/data/shared/smtp");
  make_item(&items[2], "tenant-a", "app-1", NULL);
  make_item(&items[3], "tenant-b", NULL, NULL);
  make_item(&items[4], "tenant-b", NULL, "secret/data/shared/smtp");
  make_item(&items[5], "tenant-c", NULL, NULL);
  put_next(&items[0]);
  put_next(&items[0]);
  destroy_version(&items[0], 1);
  delete_version(&items[0], 2);
  put_next(&items[3]);
  put_version(&items[5], wide);
}

/* ---- the rows ---- */

struct cell {
  int type;
  int64_t number;
  unsigned char *bytes;
  int length;
};

struct table {
  const char *name;
  const char *keys[2]; /* of a row; the second may be NULL */
  int columns;
  char names[COLUMNS][32];
  int rows;
  struct cell cells[ROWS][COLUMNS];
};

static struct table tables[] = {
  { .name = "sealed_root", .keys = { "id" } },
  { .name = "sealed_key", .keys = { "tenant_id", "term" } },
  { .name = "sealed_secret", .keys = { "seq" } },
  { .name = "sealed_version", .keys = { "secret", "version" } },
};

enum { ROOT, KEY, SECRET, VERSION };

/* The editor's own connection; it stays open, so that no close cuts the log. */
static sqlite3 *editor;
static sqlite3_stmt *fingerprints;
static char *known[ITEMS]; /* of the items, untouched */

static struct cell cell_of(sqlite3_stmt *statement, int column)
{
  struct cell cell = { .type = sqlite3_column_type(statement, column) };
  if (cell.type == SQLITE_INTEGER)
    cell.number = sqlite3_column_int64(statement, column);
  if (cell.type == SQLITE_BLOB || cell.type == SQLITE_TEXT) {
    cell.length = sqlite3_column_bytes(statement, column);
    cell.bytes = calloc(1, (size_t)cell.length + 2);
    assert_non_null(cell.bytes);
    if (cell.length > 0)
      memcpy(cell.bytes, sqlite3_column_blob(statement, column), (size_t)cell.length);
  }
  return cell;
}

static void forget_rows(struct table *table)
{
  for (int i = 0; i < table->rows; i++)
    for (int j = 0; j < table->columns; j++)
      free(table->cells[i][j].bytes);
  table->rows = 0;
}

static void read_rows(struct table *table)
{
  char sql[100];
  sqlite3_stmt *statement = NULL;
  forget_rows(table);
  snprintf(sql, sizeof(sql), "SELECT * FROM %s", table->name);
  statement = prepare_past(editor, sql);
  table->columns = sqlite3_column_count(statement);
  assert_true(table->columns <= COLUMNS);
  for (int j = 0; j < table->columns; j++)
    snprintf(table->names[j], sizeof(table->names[j]), "%s", sqlite3_column_name(statement, j));
  while (sqlite3_step(statement) == SQLITE_ROW) {
    assert_true(table->rows < ROWS);
    for (int j = 0; j < table->columns; j++)
      table->cells[table->rows][j] = cell_of(statement, j);
    table->rows++;
  }
  sqlite3_finalize(statement);
}

static int column_of(const struct table *table, const char *name)
{
  for (int j = 0; j < table->columns; j++)
    if (strcmp(table->names[j], name) == 0)
      return j;
  fail_msg("no column %s", name);
  return -1;
}

static void bind_cell(sqlite3_stmt *statement, int at, const struct cell *cell)
{
  int code = cell->type == SQLITE_INTEGER ? sqlite3_bind_int64(statement, at, cell->number)
             : cell->type == SQLITE_TEXT
                 ? sqlite3_bind_text(statement, at, (const char *)cell->bytes, cell->length,
                                     SQLITE_TRANSIENT)
             : cell->type == SQLITE_BLOB
                 ? sqlite3_bind_blob(statement, at, cell->bytes, cell->length, SQLITE_TRANSIENT)
                 : sqlite3_bind_null(statement, at);
  assert_int_equal(code, SQLITE_OK);
}

static void run_edit(sqlite3_stmt *statement)
{
  if (sqlite3_step(statement) != SQLITE_DONE)
    fail_msg("%s: %s", sqlite3_sql(statement), sqlite3_errmsg(editor));
  assert_int_equal(sqlite3_changes(editor) > 0, 1);
  sqlite3_finalize(statement);
}

/* "UPDATE OR REPLACE": where the new key is another row's, that one goes. */
static void set_cell(const struct table *table, int row, int column, const struct cell *value)
{
  char sql[200];
  sqlite3_stmt *statement = NULL;
  snprintf(sql, sizeof(sql), "UPDATE OR REPLACE %s SET %s = ?1 WHERE %s IS ?2%s%s%s", table->name,
           table->names[column], table->keys[0], table->keys[1] != NULL ? " AND " : "",
           table->keys[1] != NULL ? table->keys[1] : "", table->keys[1] != NULL ? " IS ?3" : "");
  statement = prepare_past(editor, sql);
  bind_cell(statement, 1, value);
  for (int i = 0; i < 2 && table->keys[i] != NULL; i++)
    bind_cell(statement, i + 2, &table->cells[row][column_of(table, table->keys[i])]);
  run_edit(statement);
}

static void put_row(const struct table *table, int row)
{
  char sql[200];
  int length = snprintf(sql, sizeof(sql), "INSERT OR REPLACE INTO %s VALUES (?", table->name);
  sqlite3_stmt *statement = NULL;
  for (int j = 1; j < table->columns; j++)
    length += snprintf(sql + length, sizeof(sql) - (size_t)length, ", ?");
  snprintf(sql + length, sizeof(sql) - (size_t)length, ")");
  statement = prepare_past(editor, sql);
  for (int j = 0; j < table->columns; j++)
    bind_cell(statement, j + 1, &table->cells[row][j]);
  run_edit(statement);
}

static void remove_row(const struct table *table, int row)
{
  char sql[200];
  sqlite3_stmt *statement = NULL;
  snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE %s IS ?1%s%s%s", table->name, table->keys[0],
           table->keys[1] != NULL ? " AND " : "", table->keys[1] != NULL ? table->keys[1] : "",
           table->keys[1] != NULL ? " IS ?2" : "");
  statement = prepare_past(editor, sql);
  for (int i = 0; i < 2 && table->keys[i] != NULL; i++)
    bind_cell(statement, i + 1, &table->cells[row][column_of(table, table->keys[i])]);
  run_edit(statement);
}

/* ---- before and after an edit ---- */

/* All that the answer about an item may hang on, as text, to be freed. */
static char *fingerprint(const struct item *item)
{
  char *text = NULL;
  sqlite3_bind_text(fingerprints, 1, item->tenant, -1, SQLITE_STATIC);
  sqlite3_bind_text(fingerprints, 2, item->id, -1, SQLITE_STATIC);
  sqlite3_bind_text(fingerprints, 3, item->path, -1, SQLITE_STATIC);
  assert_int_equal(sqlite3_step(fingerprints), SQLITE_ROW);
  text = strdup((const char *)sqlite3_column_text(fingerprints, 0));
  assert_non_null(text);
  sqlite3_reset(fingerprints);
  return text;
}

static const char fingerprint_sql[] =
    "WITH head AS (SELECT * FROM sealed_secret"
    "  WHERE tenant_id = ?1 AND connector_id = ?2 AND path = ?3)"
    " SELECT coalesce((SELECT group_concat(quote(id) || '.' || quote(form) || '.' || quote(passes) "
    "|| '.' || quote(memory) "
    "|| '.' || quote(salt) || '.' || quote(term) || '.' || quote(generation) || '.' "
    "|| quote(mac) || '.' || quote(digest)) FROM sealed_root), '') || '|'"
    " || coalesce((SELECT group_concat(quote(term) || '.' || quote(wrapped))"
    "  FROM (SELECT * FROM sealed_key WHERE tenant_id = ?1 ORDER BY term)), '') || '|'"
    " || coalesce((SELECT quote(seq) || '.' || quote(app_id) || '.' || quote(term) || '.' || "
    "quote(current) || '.' || quote(versions) || '.' || quote(mac) FROM head), '-') || '|'"
    " || coalesce((SELECT group_concat(quote(version) || '.' || quote(tenant_id) || '.' || "
    "quote(wrapped) || '.' || "
    "quote(commitment) || '.' || quote(box))"
    "  FROM (SELECT * FROM sealed_version WHERE secret = (SELECT seq FROM head)"
    "   ORDER BY version)), '')";

static const char *head_in(const char *text)
{
  const char *at = strchr(text, '|');
  return strchr(at + 1, '|') + 1;
}

/* Nobody finds the head of an item any more. */
static bool is_headless(const char *text)
{
  return strncmp(head_in(text), "-|", 2) == 0;
}

static struct {
  long trials;
  long right;
  long tampered;
  long not_found;
} counted;

static void keep_copies(void)
{
  for (size_t i = 0; i < COUNT_OF(tables); i++) {
    char sql[200];
    snprintf(sql, sizeof(sql),
             "DROP TABLE IF EXISTS temp.kept_%s; CREATE TEMP TABLE kept_%s AS SELECT * FROM %s",
             tables[i].name, tables[i].name, tables[i].name);
    run_past(editor, sql);
    read_rows(&tables[i]);
  }
  for (size_t i = 0; i < ITEMS; i++) {
    free(known[i]);
    known[i] = fingerprint(&items[i]);
  }
}

static void begin_editing(void)
{
  editor = open_editor();
  fingerprints = prepare_past(editor, fingerprint_sql);
  keep_copies();
}

static void put_back(const struct table *table)
{
  char sql[300];
  snprintf(sql, sizeof(sql),
           "BEGIN; DELETE FROM %s; INSERT INTO %s SELECT * FROM temp.kept_%s; COMMIT", table->name,
           table->name, table->name);
  run_past(editor, sql);
}

static void reopen(void)
{
  open_sealed(root_key, NULL);
}

/* ---- what is asked ---- */

static const char *name_of(connector_status status)
{
  return connector_status_name(status);
}

static void ask(const struct item *item, int64_t version, const char *now, bool touched,
                const char *what)
{
  int64_t meant = version != 0 ? version : item->newest;
  bool is = meant <= item->newest;
  connector_status wanted = is ? item->versions[meant].status : CONNECTOR_SECRET_NOT_FOUND;
  const char *text = wanted == CONNECTOR_OK ? item->versions[meant].text : "";
  char got[VALUE_SIZE];
  connector_status status = try_get(test.store, item->id, version, got);
  if (status == wanted && strcmp(got, text) == 0)
    counted.right++;
  else if (touched && status == CONNECTOR_SECRET_TAMPERED)
    counted.tampered++;
  else if (touched && status == CONNECTOR_SECRET_NOT_FOUND && is_headless(now))
    counted.not_found++;
  else
    fail_msg("%s: version %" PRId64 " of %s's %s gave %s \"%.40s\" (%s), wanted %s \"%.40s\"", what,
             version, item->tenant, touched ? "touched secret" : "untouched secret",
             name_of(status), got, failure.message, name_of(wanted), text);
}

/* Asks for all versions of what was touched, and the newest of what was not: of one in turn, and
 * every so often of all. */
static void ask_all(const char *what)
{
  size_t turn = (size_t)counted.trials % ITEMS;
  bool all = counted.trials % EVERY == 0;
  int touched_count = 0;
  for (size_t i = 0; i < ITEMS; i++) {
    char *now = fingerprint(&items[i]);
    bool touched = strcmp(now, known[i]) != 0;
    touched_count += touched;
    if (touched || all || i == turn)
      ask(&items[i], 0, now, touched, what);
    for (int64_t version = 1; touched && version <= items[i].newest + 1; version++)
      ask(&items[i], version, now, touched, what);
    free(now);
  }
  if (touched_count == 0)
    fail_msg("%s: changed nothing", what);
  counted.trials++;
}

/* The vault keeps keys that it has seen: the root and tenants' keys are looked at by a new one. */
static void try_edit(const struct table *table, const char *what)
{
  if (table == &tables[ROOT] || table == &tables[KEY])
    reopen();
  ask_all(what);
  put_back(table);
}

/* ---- setup ---- */

static int setup_items(void **state)
{
  if (setup_folder(state) != 0)
    return -1;
  root_key = first_key;
  memset(&counted, 0, sizeof(counted));
  reopen();
  make_items();
  begin_editing();
  return 0;
}

static int teardown_items(void **state)
{
  print_figure("%ld edits: %ld answers right, %ld TAMPERED, %ld NOT_FOUND", counted.trials,
               counted.right, counted.tampered, counted.not_found);
  sqlite3_finalize(fingerprints);
  sqlite3_close(editor);
  for (size_t i = 0; i < COUNT_OF(tables); i++)
    forget_rows(&tables[i]);
  for (size_t i = 0; i < ITEMS; i++) {
    free(known[i]);
    known[i] = NULL;
  }
  return teardown(state);
}

#define items_test(name) cmocka_unit_test_setup_teardown(name, setup_items, teardown_items)

/* ---- bits ---- */

static void flip_bit(const struct table *table, int row, int column, int bit)
{
  const struct cell *cell = &table->cells[row][column];
  struct cell changed = *cell;
  char what[100];
  snprintf(what, sizeof(what), "bit %d of %s.%s in row %d", bit, table->name, table->names[column],
           row);
  if (cell->type == SQLITE_INTEGER) {
    changed.number = (int64_t)((uint64_t)cell->number ^ UINT64_C(1) << bit);
  } else {
    changed.bytes = calloc(1, (size_t)cell->length);
    assert_non_null(changed.bytes);
    memcpy(changed.bytes, cell->bytes, (size_t)cell->length);
    changed.bytes[bit / 8] ^= (unsigned char)(1 << bit % 8);
  }
  set_cell(table, row, column, &changed);
  if (changed.bytes != cell->bytes)
    free(changed.bytes);
  try_edit(table, what);
}

static void flip_bits(const struct table *table)
{
  long step = fault_step_or(UNDER_SANITIZER ? SANITIZED : 1);
  for (int i = 0; i < table->rows; i++)
    for (int j = 0; j < table->columns; j++) {
      const struct cell *cell = &table->cells[i][j];
      int bits = cell->type == SQLITE_INTEGER ? 64 : cell->length * 8;
      long each = cell->length > 200 ? 37 : 1; /* of a wide box and of all texts' tails, some */
      for (long bit = 0; bit < bits; bit += each * step)
        flip_bit(table, i, j, (int)bit);
    }
}

static void any_bit_of_the_root(void **state)
{
  (void)state;
  flip_bits(&tables[ROOT]);
  assert_int_equal(counted.not_found, 0);
  assert_true(counted.tampered > 100);
}

static void any_bit_of_a_tenants_key(void **state)
{
  (void)state;
  flip_bits(&tables[KEY]);
  assert_int_equal(counted.not_found, 0);
  assert_true(counted.tampered > 100);
}

static void any_bit_of_what_is_known_of_a_secret(void **state)
{
  (void)state;
  flip_bits(&tables[SECRET]);
  assert_true(counted.tampered > 100);
}

static void any_bit_of_a_version(void **state)
{
  (void)state;
  flip_bits(&tables[VERSION]);
  assert_int_equal(counted.not_found, 0);
  assert_true(counted.tampered > 100);
}

/* ---- swaps ---- */

static void swap_cells(const struct table *table, int a, int b, int column)
{
  set_cell(table, a, column, &table->cells[b][column]);
  set_cell(table, b, column, &table->cells[a][column]);
}

static bool same_cells(const struct cell *a, const struct cell *b)
{
  return a->type == b->type && a->number == b->number && a->length == b->length &&
         (a->length == 0 || memcmp(a->bytes, b->bytes, (size_t)a->length) == 0);
}

static void swap_pair(const struct table *table, int a, int b)
{
  char what[100];
  snprintf(what, sizeof(what), "rows %d and %d of %s swapped", a, b, table->name);
  for (int j = 0; j < table->columns; j++) {
    if (table->cells[a][j].type != SQLITE_BLOB ||
        same_cells(&table->cells[a][j], &table->cells[b][j]))
      continue;
    swap_cells(table, a, b, j);
    try_edit(table, what);
  }
  for (int j = 0; j < table->columns; j++)
    if (table->cells[a][j].type == SQLITE_BLOB)
      swap_cells(table, a, b, j);
  try_edit(table, what);
}

static void any_two_rows_with_their_bytes_swapped(void **state)
{
  (void)state;
  for (size_t i = KEY; i < COUNT_OF(tables); i++)
    for (int a = 0; a < tables[i].rows; a++)
      for (int b = a + 1; b < tables[i].rows; b++)
        swap_pair(&tables[i], a, b);
  assert_int_equal(counted.not_found, 0);
  assert_true(counted.tampered > 100);
}

/* One row's bytes in place of another's, on both of which stays what it was. */
static void any_row_with_anothers_bytes(void **state)
{
  (void)state;
  for (size_t i = KEY; i < COUNT_OF(tables); i++)
    for (int a = 0; a < tables[i].rows; a++)
      for (int b = 0; b < tables[i].rows; b++) {
        bool changed = false;
        for (int j = 0; a != b && j < tables[i].columns; j++)
          if (tables[i].cells[a][j].type == SQLITE_BLOB &&
              !same_cells(&tables[i].cells[a][j], &tables[i].cells[b][j])) {
            set_cell(&tables[i], a, j, &tables[i].cells[b][j]);
            changed = true;
          }
        if (changed)
          try_edit(&tables[i], "another row's bytes");
      }
  assert_int_equal(counted.not_found, 0);
}

/* A row moved to another tenant, connector, path or version, whole. */
static void any_row_under_anothers_name(void **state)
{
  (void)state;
  for (size_t i = KEY; i < COUNT_OF(tables); i++)
    for (int a = 0; a < tables[i].rows; a++)
      for (int b = 0; b < tables[i].rows; b++)
        for (int j = 0; j < tables[i].columns; j++) {
          const struct cell *from = &tables[i].cells[a][j];
          const struct cell *to = &tables[i].cells[b][j];
          if (from->type != SQLITE_BLOB && from->type == to->type && !same_cells(from, to)) {
            set_cell(&tables[i], a, j, to);
            try_edit(&tables[i], "another row's name");
          }
        }
}

/* ---- lengths and rows ---- */

static void try_length(const struct table *table, int row, int column, int length)
{
  struct cell changed = table->cells[row][column];
  unsigned char *bytes = calloc(1, (size_t)length + 1);
  char what[100];
  assert_non_null(bytes);
  memcpy(bytes, changed.bytes, (size_t)(length < changed.length ? length : changed.length));
  snprintf(what, sizeof(what), "%s.%s in row %d with %d bytes, not %d", table->name,
           table->names[column], row, length, changed.length);
  changed.bytes = bytes;
  changed.length = length;
  set_cell(table, row, column, &changed);
  free(bytes);
  try_edit(table, what);
}

static void bytes_cut_and_made_longer(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(tables); i++)
    for (int row = 0; row < tables[i].rows; row++)
      for (int j = 0; j < tables[i].columns; j++) {
        const struct cell *cell = &tables[i].cells[row][j];
        const int lengths[] = { 0,
                                1,
                                15,
                                16,
                                24,
                                31,
                                32,
                                33,
                                39,
                                40,
                                41,
                                71,
                                72,
                                73,
                                cell->length - 1,
                                cell->length / 2,
                                cell->length + 1,
                                cell->length * 2 };
        for (size_t at = 0; cell->type == SQLITE_BLOB && at < COUNT_OF(lengths); at++)
          if (lengths[at] >= 0 && lengths[at] != cell->length)
            try_length(&tables[i], row, j, lengths[at]);
      }
  assert_int_equal(counted.not_found, 0);
}

static void rows_removed(void **state)
{
  (void)state;
  for (size_t i = 0; i < COUNT_OF(tables); i++)
    for (int row = 0; row < tables[i].rows; row++) {
      char what[100];
      snprintf(what, sizeof(what), "row %d of %s removed", row, tables[i].name);
      remove_row(&tables[i], row);
      try_edit(&tables[i], what);
    }
  assert_true(counted.not_found > 0);
}

/* ---- rows of an older file ---- */

static void step_put(void)
{
  put_next(&items[3]);
}

static void step_delete(void)
{
  delete_version(&items[3], 3);
}

static void step_restore(void)
{
  restore_version(&items[3], 3);
}

static void step_delete_again(void)
{
  delete_version(&items[3], 2);
}

static void step_restore_older(void)
{
  restore_version(&items[3], 2);
}

static void step_destroy(void)
{
  destroy_version(&items[3], 3);
}

static void step_rotate_tenant(void)
{
  assert_ok(connector_tenant_key_rotate(test.store, "tenant-b", NULL, NULL, &failure));
}

static void step_rotate_root(void)
{
  const connector_sealed_options next = sealed_key_of(second_key);
  assert_ok(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure));
  root_key = second_key;
}

static void step_put_after(void)
{
  put_next(&items[3]);
}

static const struct step {
  const char *name;
  void (*run)(void);
} steps[] = {
  { "put", step_put },
  { "delete", step_delete },
  { "restore", step_restore },
  { "delete of an older one", step_delete_again },
  { "restore of an older one", step_restore_older },
  { "destroy", step_destroy },
  { "rotation of the tenant's key", step_rotate_tenant },
  { "rotation of the root key", step_rotate_root },
  { "another put", step_put_after },
};

static bool row_stands(const struct table *table, int row)
{
  struct table now = { .name = table->name };
  bool stands = false;
  read_rows(&now);
  for (int i = 0; i < now.rows && !stands; i++) {
    stands = true;
    for (int j = 0; j < now.columns && stands; j++)
      stands = same_cells(&now.cells[i][j], &table->cells[row][j]);
  }
  forget_rows(&now);
  return stands;
}

/* Each row that was there before the step, and is no more, singly into what is there now. */
static void replay(const struct table olds[], const char *step)
{
  for (size_t i = 0; i < COUNT_OF(tables); i++)
    for (int row = 0; row < olds[i].rows; row++) {
      char what[200];
      if (row_stands(&olds[i], row))
        continue;
      snprintf(what, sizeof(what), "%s: row %d of %s put back", step, row, olds[i].name);
      put_row(&olds[i], row);
      reopen();
      ask_all(what);
      put_back(&tables[i]);
    }
}

static void single_rows_of_any_older_file_put_back(void **state)
{
  static struct table olds[COUNT_OF(steps)][COUNT_OF(tables)];
  (void)state;
  for (size_t i = 0; i < COUNT_OF(steps); i++) {
    for (size_t j = 0; j < COUNT_OF(tables); j++) {
      olds[i][j] = (struct table){ .name = tables[j].name };
      read_rows(&olds[i][j]);
    }
    reopen();
    steps[i].run();
    keep_copies();
    for (size_t before = 0; before <= i; before++)
      replay(olds[before], steps[before].name);
  }
  for (size_t i = 0; i < COUNT_OF(steps); i++)
    for (size_t j = 0; j < COUNT_OF(tables); j++)
      forget_rows(&olds[i][j]);
  assert_int_equal(counted.not_found, 0);
  assert_true(counted.tampered > 50);
}

/* ---- destroyed ones ---- */

/* A whole secret that is gone does not come back by one of its rows. */
static void a_row_of_a_destroyed_secret_put_back_reads_nothing(void **state)
{
  static struct table olds[COUNT_OF(tables)];
  char text[VALUE_SIZE];
  (void)state;
  for (size_t j = 0; j < COUNT_OF(tables); j++) {
    olds[j] = (struct table){ .name = tables[j].name };
    read_rows(&olds[j]);
  }
  assert_ok(connector_secret_destroy(test.store, items[3].id, 0, &failure));
  keep_copies();
  for (size_t i = SECRET; i < COUNT_OF(tables); i++)
    for (int row = 0; row < olds[i].rows; row++) {
      if (row_stands(&olds[i], row))
        continue;
      put_row(&olds[i], row);
      for (int64_t version = 0; version <= 2; version++) {
        connector_status status = try_get(test.store, items[3].id, version, text);
        assert_int_equal(status,
                         i == SECRET ? CONNECTOR_SECRET_TAMPERED : CONNECTOR_SECRET_NOT_FOUND);
        counted.trials++;
      }
      put_back(&tables[i]);
    }
  for (size_t j = 0; j < COUNT_OF(tables); j++)
    forget_rows(&olds[j]);
}

/* ---- other keys ---- */

static void assert_sealed_for_all(void)
{
  char text[VALUE_SIZE];
  for (size_t i = 0; i < ITEMS; i++) {
    assert_status(try_get(test.store, items[i].id, 0, text), CONNECTOR_SECRET_SEALED);
    assert_status(try_put(test.store, items[i].id, "new", -1, NULL), CONNECTOR_SECRET_SEALED);
    assert_status(connector_secret_delete(test.store, items[i].id, 0, &failure),
                  CONNECTOR_SECRET_SEALED);
    assert_status(connector_secret_destroy(test.store, items[i].id, 0, &failure),
                  CONNECTOR_SECRET_SEALED);
  }
}

static void another_root_key_is_sealed_and_never_tampered(void **state)
{
  char text[VALUE_SIZE];
  (void)state;
  root_key = second_key;
  reopen();
  assert_sealed_for_all();
  assert_status(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure),
                CONNECTOR_SECRET_SEALED);
  for (size_t i = KEY; i < COUNT_OF(tables); i++)
    for (int row = 0; row < tables[i].rows; row++) {
      struct cell empty = { .type = SQLITE_BLOB, .bytes = (unsigned char *)"" };
      for (int j = 0; j < tables[i].columns; j++)
        if (tables[i].cells[row][j].type == SQLITE_BLOB)
          set_cell(&tables[i], row, j, &empty);
      reopen();
      for (size_t at = 0; at < ITEMS; at++) {
        connector_status status = try_get(test.store, items[at].id, 0, text);
        if (status != CONNECTOR_SECRET_SEALED && i == KEY)
          fail_msg("row %d of %s: %s", row, tables[i].name, name_of(status));
        assert_true(status == CONNECTOR_SECRET_SEALED || i != KEY);
        assert_true(status != CONNECTOR_OK);
      }
      put_back(&tables[i]);
    }
  root_key = first_key;
  reopen();
  for (size_t i = 0; i < ITEMS; i++)
    ask(&items[i], 0, known[i], false, "the right key again");
}

/* ---- what is left of it ---- */

/* The control: it is the seal that refuses, for what is sealed anew in the same place is read. */
static void a_damaged_secret_is_destroyed_and_put_anew(void **state)
{
  (void)state;
  for (int row = 0; row < tables[SECRET].rows; row++) {
    struct item *item = &items[row];
    struct cell changed = tables[SECRET].cells[row][column_of(&tables[SECRET], "mac")];
    changed.bytes[0] ^= 1;
    set_cell(&tables[SECRET], row, column_of(&tables[SECRET], "mac"), &changed);
    assert_status(try_put(test.store, item->id, "new", -1, NULL), CONNECTOR_SECRET_TAMPERED);
    assert_ok(connector_secret_destroy(test.store, item->id, 0, &failure));
    item->newest = 0;
    put_version(item, "sealed anew");
    assert_value(item->id, 0, "sealed anew");
    for (size_t i = 0; i < ITEMS; i++)
      ask(&items[i], 0, known[i], false, "another secret was put anew");
  }
}

/* What is damaged keeps its tenant's old key; all else gets the new one. */
static void a_rotation_passes_over_what_is_damaged(void **state)
{
  const int lengths[] = { 32, 31 };
  (void)state;
  for (size_t i = 0; i < COUNT_OF(lengths); i++) {
    int column = column_of(&tables[SECRET], "mac");
    struct cell changed = tables[SECRET].cells[0][column];
    changed.bytes[0] ^= 1;
    changed.length = lengths[i];
    set_cell(&tables[SECRET], 0, column, &changed);
    assert_status(connector_tenant_key_rotate(test.store, "tenant-a", NULL, NULL, &failure),
                  CONNECTOR_SECRET_TAMPERED);
    assert_int_equal(number_past("SELECT count(*) FROM sealed_secret AS s WHERE"
                                 " tenant_id = 'tenant-a' AND term <> (SELECT max(term)"
                                 " FROM sealed_key WHERE tenant_id = 'tenant-a')"),
                     1);
    changed.bytes[0] ^= 1;
    changed.length = 32;
    set_cell(&tables[SECRET], 0, column, &changed);
    reopen();
    assert_ok(connector_tenant_key_rotate(test.store, "tenant-a", NULL, NULL, &failure));
    for (size_t at = 0; at < ITEMS; at++)
      ask(&items[at], 0, known[at], false, "rotated");
    keep_copies();
  }
}

static int64_t newest_term(const char *tenant)
{
  char sql[120];
  snprintf(sql, sizeof(sql), "SELECT max(term) FROM sealed_key WHERE tenant_id = '%s'", tenant);
  return number_past(sql);
}

/* What becomes of all tenants' rotation where the second of them has such a cell. */
static void rotate_past(const char *column, const struct cell *cell, connector_status wanted)
{
  int64_t terms[] = { newest_term("tenant-a"), newest_term("tenant-c") };
  set_cell(&tables[KEY], 1, column_of(&tables[KEY], column), cell);
  reopen();
  assert_status(connector_tenant_key_rotate(test.store, NULL, NULL, NULL, &failure), wanted);
  assert_int_equal(newest_term("tenant-a"), terms[0] + 1);
  assert_int_equal(newest_term("tenant-c"), terms[1] + 1);
}

static void a_damaged_key_stops_the_rotation_of_its_tenant_alone(void **state)
{
  struct cell cut = { .type = SQLITE_BLOB, .bytes = (unsigned char *)"cut", .length = 3 };
  /* No tenant's name, for it ends at its NUL: a walk from there would come to it again. */
  struct cell name = { .type = SQLITE_TEXT, .bytes = (unsigned char *)"tenant-b\0b", .length = 10 };
  const connector_sealed_options next = sealed_key_of(second_key);
  (void)state;
  rotate_past("wrapped", &cut, CONNECTOR_SECRET_TAMPERED);
  put_back(&tables[KEY]);
  put_back(&tables[SECRET]);
  put_back(&tables[VERSION]);
  rotate_past("tenant_id", &name, CONNECTOR_OK);
  assert_ok(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure));
  for (size_t i = 0; i < ITEMS; i++)
    if (strcmp(items[i].tenant, "tenant-b") != 0)
      ask(&items[i], 0, known[i], false, "rotated");
}

/* The key with the highest term that there can be has no next one. */
static void a_term_at_its_end_is_no_accident(void **state)
{
  struct cell last = { .type = SQLITE_INTEGER, .number = INT64_MAX };
  (void)state;
  set_cell(&tables[KEY], 0, column_of(&tables[KEY], "term"), &last);
  reopen();
  assert_status(connector_tenant_key_rotate(test.store, "tenant-a", NULL, NULL, &failure),
                CONNECTOR_SECRET_TAMPERED);
  put_back(&tables[KEY]);
}

/* ---- each protection by itself: none of these may even read right ---- */

static void run_sql(const char *sql)
{
  char *message = NULL;
  if (sqlite3_exec(editor, sql, NULL, NULL, &message) != SQLITE_OK)
    fail_msg("%s: %s", sql, message);
  assert_true(strncmp(sql, "CREATE", 6) == 0 || sqlite3_changes(editor) > 0);
}

static void assert_reads_as(const struct item *item, connector_status wanted)
{
  connector_secret *secret = NULL;
  as_system();
  assert_status(connector_secret_get(test.store, item->id, 0, &secret, &failure), wanted);
  assert_null(secret);
}

static void a_root_that_is_gone_is_tampered(void **state)
{
  (void)state;
  run_sql("DELETE FROM sealed_root");
  reopen();
  assert_reads_as(&items[0], CONNECTOR_SECRET_TAMPERED);
}

static void a_root_that_goes_while_the_store_is_open_is_tampered(void **state)
{
  size_t other = 1;
  connector_secret *secret = NULL;
  (void)state;
  while (strcmp(items[other].tenant, items[0].tenant) == 0)
    other++;
  reopen();
  as_system(); /* one tenant's key is known from here on, the other's not */
  assert_ok(connector_secret_get(test.store, items[0].id, 0, &secret, &failure));
  connector_secret_free(secret);
  run_sql("DELETE FROM sealed_root");
  assert_reads_as(&items[other], CONNECTOR_SECRET_TAMPERED);
}

static void a_record_moved_to_another_app_reads_nothing(void **state)
{
  (void)state;
  run_sql("UPDATE connector SET app_id = 'another-app'");
  assert_reads_as(&items[0], CONNECTOR_SECRET_TAMPERED);
}

static void a_commitment_changed_at_its_end_is_tampered(void **state)
{
  (void)state;
  run_sql(
      "UPDATE sealed_version SET commitment ="
      " CAST(substr(commitment, 1, 31) || x'00' AS BLOB) WHERE substr(commitment, 32) <> x'00'");
  run_sql(
      "UPDATE sealed_version SET commitment ="
      " CAST(substr(commitment, 1, 31) || x'01' AS BLOB) WHERE substr(commitment, 32) <> x'01'");
  assert_reads_as(&items[0], CONNECTOR_SECRET_TAMPERED);
}

/* Made in the same millisecond under the same number: only the head's commitment tells them apart.
 */
static void a_version_of_a_destroyed_secret_under_a_new_ones_name_is_tampered(void **state)
{
  struct item *item = &items[0];
  (void)state;
  as_system();
  assert_ok(connector_secret_destroy(test.store, item->id, 0, &failure));
  assert_int_equal(put_value(item->id, "old"), 1);
  run_sql("CREATE TEMP TABLE old AS SELECT * FROM sealed_version"
          " WHERE secret = (SELECT max(seq) FROM sealed_secret)");
  assert_ok(connector_secret_destroy(test.store, item->id, 0, &failure));
  assert_int_equal(put_value(item->id, "new"), 1);
  run_sql("UPDATE sealed_version SET wrapped = (SELECT wrapped FROM old),"
          " commitment = (SELECT commitment FROM old), box = (SELECT box FROM old)"
          " WHERE secret = (SELECT max(seq) FROM sealed_secret)");
  assert_reads_as(item, CONNECTOR_SECRET_TAMPERED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    items_test(a_root_that_is_gone_is_tampered),
    items_test(a_root_that_goes_while_the_store_is_open_is_tampered),
    items_test(a_record_moved_to_another_app_reads_nothing),
    items_test(a_commitment_changed_at_its_end_is_tampered),
    items_test(a_version_of_a_destroyed_secret_under_a_new_ones_name_is_tampered),
    items_test(any_bit_of_the_root),
    items_test(any_bit_of_a_tenants_key),
    items_test(any_bit_of_what_is_known_of_a_secret),
    items_test(any_bit_of_a_version),
    items_test(any_two_rows_with_their_bytes_swapped),
    items_test(any_row_with_anothers_bytes),
    items_test(any_row_under_anothers_name),
    items_test(bytes_cut_and_made_longer),
    items_test(rows_removed),
    items_test(single_rows_of_any_older_file_put_back),
    items_test(a_row_of_a_destroyed_secret_put_back_reads_nothing),
    items_test(another_root_key_is_sealed_and_never_tampered),
    items_test(a_damaged_secret_is_destroyed_and_put_anew),
    items_test(a_rotation_passes_over_what_is_damaged),
    items_test(a_damaged_key_stops_the_rotation_of_its_tenant_alone),
    items_test(a_term_at_its_end_is_no_accident),
  };
  stay_in_memory();
  return cmocka_run_group_tests_name("sealed_tampering", tests, NULL, NULL);
}
