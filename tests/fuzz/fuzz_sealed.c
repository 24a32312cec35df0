/*
 * A file whose rows of the sealed vault hold anything: the input is a list of edits, each a kind, a
 * table, a column, a row and bytes. No secret then reads as another value, and each call answers
 * with a status that is documented for it; a put that succeeds is read back.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "engine/sqlite.h"
#include "store/sealed.h"

#include <connector.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { ITEMS = 3, VERSIONS = 2, EDITS_MOST = 12 };

static connector_store *store;
static connector_caller caller;
static connector_error failure;
static char ids[ITEMS][64];

static void check(bool holds)
{
  if (!holds)
    abort();
}

/* ---- the store ---- */

static connector_status who(void *user, connector_caller *out, connector_error *error)
{
  (void)user;
  (void)error;
  *out = caller;
  return CONNECTOR_OK;
}

static void become(const char *tenant)
{
  caller = (connector_caller)CONNECTOR_CALLER_INIT;
  caller.tenant_id = tenant;
  caller.role = tenant != NULL ? CONNECTOR_ROLE_TENANT : CONNECTOR_ROLE_SYSTEM;
}

static char value_of(size_t item, int64_t version)
{
  return (char)('A' + (int)item * 8 + (int)version);
}

static connector_status put(size_t item, char value)
{
  connector_secret *secret = NULL;
  connector_status status = CONNECTOR_OK;

  check(connector_secret_new(store, &secret, &failure) == CONNECTOR_OK);
  check(connector_secret_set(secret, "v", &value, 1, &failure) == CONNECTOR_OK);
  status = connector_secret_put(store, ids[item], secret, -1, NULL, &failure);
  connector_secret_free(secret);
  return status;
}

static void run(const char *sql)
{
  struct connection *connection = NULL;

  check(pool_take_writer(store->pool, &connection, &failure) == CONNECTOR_OK);
  check(sqlite3_exec(connection->db, sql, NULL, NULL, NULL) == SQLITE_OK);
  pool_give_writer(store->pool);
}

static void make_items(void)
{
  for (size_t i = 0; i < ITEMS; i++) {
    connector_patch patch = CONNECTOR_PATCH_INIT;
    connector *record = NULL;

    become(i < 2 ? "tenant-a" : "tenant-b");
    patch.name = "some";
    check(connector_create(store, &patch, &record, &failure) == CONNECTOR_OK);
    strncpy(ids[i], record->id, sizeof(ids[i]) - 1);
    connector_free(record);
    for (int64_t version = 1; version <= VERSIONS; version++)
      check(put(i, value_of(i, version)) == CONNECTOR_OK);
  }
  become(NULL);
}

static void set_up(void)
{
  static const uint8_t key[CONNECTOR_ROOT_KEY_BYTES] = { 1 };
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;

  sealed.root_key = key;
  check(connector_secrets_sealed(&sealed, &secrets, &failure) == CONNECTOR_OK);
  options.caller = who;
  options.secrets = &secrets;
  check(connector_open(":memory:", &options, &store, &failure) == CONNECTOR_OK);
  make_items();
  run("CREATE TEMP TABLE k0 AS SELECT * FROM sealed_root;"
      "CREATE TEMP TABLE k1 AS SELECT * FROM sealed_key;"
      "CREATE TEMP TABLE k2 AS SELECT * FROM sealed_secret;"
      "CREATE TEMP TABLE k3 AS SELECT * FROM sealed_version;");
}

static void put_back(void)
{
  run("BEGIN; DELETE FROM sealed_root; DELETE FROM sealed_key; DELETE FROM sealed_secret;"
      "DELETE FROM sealed_version; INSERT INTO sealed_root SELECT * FROM k0;"
      "INSERT INTO sealed_key SELECT * FROM k1; INSERT INTO sealed_secret SELECT * FROM k2;"
      "INSERT INTO sealed_version SELECT * FROM k3; COMMIT");
  sealed_forget_keys(store->sealed);
  secret_cell_free(&store->sealed->root); /* the next run finds it anew */
}

/* ---- edits ---- */

static const struct place {
  const char *table;
  const char *row; /* the keys of the n-th */
  const char *columns[9];
} places[] = {
  { "sealed_root",
    "id = 1",
    { "id", "form", "passes", "memory", "salt", "term", "generation", "mac", "digest" } },
  { "sealed_key",
    "(tenant_id, term) = (SELECT tenant_id, term FROM sealed_key LIMIT 1 OFFSET ?1)",
    { "tenant_id", "term", "wrapped" } },
  { "sealed_secret",
    "seq = (SELECT seq FROM sealed_secret LIMIT 1 OFFSET ?1)",
    { "seq", "tenant_id", "connector_id", "path", "app_id", "term", "current", "versions",
      "mac" } },
  { "sealed_version",
    "rowid = (SELECT rowid FROM sealed_version LIMIT 1 OFFSET ?1)",
    { "secret", "version", "tenant_id", "wrapped", "commitment", "box" } },
};

enum edit { EDIT_REMOVE, EDIT_SET, EDIT_SWAP, EDIT_PART, EDIT_COUNT };

/* Takes bytes from the front of the input; 0 where there are no more. */
struct input {
  const uint8_t *at;
  size_t left;
};

static uint8_t take(struct input *input)
{
  if (input->left == 0)
    return 0;
  input->left--;
  return *input->at++;
}

/* What is set: bytes, a number or text, as the column will have it; else the edit is refused. */
static void bind_taken(sqlite3_stmt *statement, int at, struct input *input)
{
  size_t length = take(input);
  uint8_t kind = take(input);

  length = length < input->left ? length : input->left;
  if (kind % 3 == 0) {
    int64_t number = 0;

    memcpy(&number, input->at, length < 8 ? length : 8);
    sqlite3_bind_int64(statement, at, number);
  } else if (kind % 3 == 1) {
    sqlite3_bind_blob(statement, at, length > 0 ? (const void *)input->at : "", (int)length,
                      SQLITE_TRANSIENT);
  } else {
    sqlite3_bind_text(statement, at, (const char *)input->at, (int)length, SQLITE_TRANSIENT);
  }
  input->at += length;
  input->left -= length;
}

static void edit(sqlite3 *db, struct input *input)
{
  enum edit kind = (enum edit)(take(input) % EDIT_COUNT);
  const struct place *place = &places[take(input) % 4];
  uint8_t column = take(input) % 9;
  const char *name = NULL;
  sqlite3_stmt *statement = NULL;
  char sql[400];

  while (place->columns[column] == NULL)
    column--;
  name = place->columns[column];
  if (kind == EDIT_REMOVE)
    sqlite3_snprintf(sizeof(sql), sql, "DELETE FROM %s WHERE %s AND ?2 IS ?2", place->table,
                     place->row);
  else if (kind == EDIT_SET)
    sqlite3_snprintf(sizeof(sql), sql, "UPDATE OR REPLACE %s SET %s = ?2 WHERE %s", place->table,
                     name, place->row);
  else if (kind == EDIT_SWAP) /* another row's */
    sqlite3_snprintf(sizeof(sql), sql,
                     "UPDATE OR REPLACE %s SET %s = (SELECT %s FROM %s LIMIT 1 OFFSET"
                     " abs(CAST(?2 AS INTEGER) %% 8)) WHERE %s",
                     place->table, name, name, place->table, place->row);
  else /* its end cut, and the input behind it */
    sqlite3_snprintf(sizeof(sql), sql,
                     "UPDATE OR REPLACE %s SET %s = CAST(substr(%s, 1, ?1 %% 80) || ?2 AS BLOB)"
                     " WHERE %s",
                     place->table, name, name, place->row);
  if (sqlite3_prepare_v2(db, sql, -1, &statement, NULL) != SQLITE_OK)
    abort();
  sqlite3_bind_int(statement, 1, take(input) % 8);
  bind_taken(statement, 2, input);
  (void)sqlite3_step(statement); /* STRICT may refuse it */
  sqlite3_finalize(statement);
}

static void edit_all(struct input *input)
{
  struct connection *connection = NULL;

  check(pool_take_writer(store->pool, &connection, &failure) == CONNECTOR_OK);
  for (int i = 0; i < EDITS_MOST && input->left > 0; i++)
    edit(connection->db, input);
  pool_give_writer(store->pool);
}

/* ---- what is asked ---- */

struct shown {
  char value;
  size_t length;
};

static connector_status keep(void *user, const void *bytes, size_t length, connector_error *error)
{
  struct shown *shown = user;

  (void)error;
  shown->length = length;
  shown->value = length > 0 ? *(const char *)bytes : '\0';
  return CONNECTOR_OK;
}

/* The value, or '\0' where what is refused is TAMPERED or NOT_FOUND. */
static char get(size_t item, int64_t version)
{
  connector_secret *secret = NULL;
  struct shown shown = { '\0', 1 };
  connector_status status = connector_secret_get(store, ids[item], version, &secret, &failure);

  check(failure.status == status);
  check(status == CONNECTOR_OK || status == CONNECTOR_SECRET_TAMPERED ||
        status == CONNECTOR_SECRET_NOT_FOUND);
  if (status == CONNECTOR_OK)
    check(connector_secret_use(secret, "v", keep, &shown, &failure) == CONNECTOR_OK);
  check(shown.length == 1);
  connector_secret_free(secret);
  return shown.value;
}

/* Of all items but one, up to this version; 0 is the newest. */
static void check_values(size_t but, int64_t most)
{
  for (size_t i = 0; i < ITEMS; i++)
    for (int64_t version = 0; i != but && version <= most; version++) {
      char value = get(i, version);

      check(value == '\0' ||
            (version <= VERSIONS && value == value_of(i, version != 0 ? version : VERSIONS)));
    }
}

static connector_status note(void *user, const connector_secret_version_info *info,
                             connector_error *error)
{
  (void)user;
  (void)error;
  check(info->version >= 1 && info->version <= VERSIONS && !info->destroyed);
  return CONNECTOR_OK;
}

static bool is_answer(connector_status status)
{
  return failure.status == status &&
         (status == CONNECTOR_OK || status == CONNECTOR_SECRET_TAMPERED ||
          status == CONNECTOR_SECRET_NOT_FOUND);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
  struct input input = { data, size };
  size_t item = 0;

  if (store == NULL)
    set_up();
  put_back();
  item = take(&input) % ITEMS;
  edit_all(&input);
  check_values(ITEMS, VERSIONS + 1);
  check(is_answer(connector_secret_versions(store, ids[item], note, NULL, &failure)));
  check(is_answer(connector_tenant_key_rotate(store, NULL, NULL, NULL, &failure)));
  check_values(ITEMS, 1);
  if (put(item, 'z') == CONNECTOR_OK)
    check(get(item, 0) == 'z');
  else
    check(failure.status == CONNECTOR_SECRET_TAMPERED);
  check_values(item, 0);
  check(is_answer(connector_secret_delete(store, ids[item], 0, &failure)));
  check(is_answer(connector_secret_destroy(store, ids[item], 0, &failure)));
  check_values(item, 0);
  return 0;
}
