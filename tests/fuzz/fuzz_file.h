/*
 * Files to be damaged: of every schema, those of tests/data and one that the library makes here,
 * the same in every run, for an edit to mean the same in every run. And the edits.
 */
#ifndef TESTS_FUZZ_FILE_H
#define TESTS_FUZZ_FILE_H

#include "fuzz_store.h"

#include <connector/health.h>
#include <connector/history.h>
#include <connector/json.h>
#include <connector/secret.h>

#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <unistd.h>

enum { BASES = 3, IDS = 6, PAGE = 4096, EDITS_MOST = 24, EDIT_BYTES = 16 };

static struct base {
  char *bytes;
  size_t length;
  char ids[IDS][64]; /* of tenant-a's records */
} bases[BASES];

static char path[64];

/* ---- the same in every run ---- */

static uint64_t draws;

static const char *source_name(void)
{
  return "counted";
}

static uint32_t draw(void)
{
  draws = draws * UINT64_C(6364136223846793005) + 1442695040888963407u;
  return (uint32_t)(draws >> 32);
}

static void fill(void *const buffer, const size_t size)
{
  for (size_t i = 0; i < size; i++)
    ((uint8_t *)buffer)[i] = (uint8_t)draw();
}

static randombytes_implementation counted_source = { .implementation_name = source_name,
                                                     .random = draw,
                                                     .buf = fill };

static int64_t fixed_clock(void *user)
{
  (void)user;
  return INT64_C(1796100100000);
}

static void fix_randomness(void)
{
  check(randombytes_set_implementation(&counted_source) == 0 && sodium_init() >= 0);
  check(sqlite3_test_control(SQLITE_TESTCTRL_PRNG_SEED, 1, (sqlite3 *)NULL) == SQLITE_OK);
}

/* ---- files ---- */

static inline void remove_beside(void)
{
  static const char *const endings[] = { "-wal", "-shm", "-journal" };
  char name[80];

  for (size_t i = 0; i < sizeof(endings) / sizeof(endings[0]); i++) {
    snprintf(name, sizeof(name), "%s%s", path, endings[i]);
    (void)unlink(name);
  }
}

static void read_base(struct base *base, const char *name)
{
  FILE *file = fopen(name, "rb");

  if (file == NULL) {
    fprintf(stderr, "%s can't be read: run from the repository's root\n", name);
    exit(2);
  }
  base->bytes = malloc(1024 * 1024);
  check(base->bytes != NULL);
  base->length = fread(base->bytes, 1, 1024 * 1024, file);
  check(base->length >= PAGE && base->length % PAGE == 0 && base->length < 1024 * 1024);
  fclose(file);
}

static void write_bytes(const char *bytes, size_t length)
{
  FILE *file = fopen(path, "wb");

  check(file != NULL && fwrite(bytes, 1, length, file) == length);
  check(fclose(file) == 0);
}

/* ---- the store that makes the file of this schema ---- */

static connector_status open_file(bool read_only, connector_store **out)
{
  static const uint8_t key[CONNECTOR_ROOT_KEY_BYTES] = { 1 };
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_status status = CONNECTOR_OK;

  sealed.root_key = key;
  check(connector_secrets_sealed(&sealed, &secrets, &failure) == CONNECTOR_OK);
  options.caller = who;
  options.clock = fixed_clock;
  options.secrets = &secrets;
  options.read_only = read_only;
  options.readers = 1;
  options.busy_timeout_ms = 1;
  options.durability = CONNECTOR_DURABILITY_NORMAL;
  status = connector_open(path, &options, out, &failure);
  if (status != CONNECTOR_OK)
    secrets.close(secrets.user);
  return status;
}

static connector_status put_secret(const char *id, char value)
{
  connector_secret *secret = NULL;
  connector_status status = CONNECTOR_OK;

  check(connector_secret_new(store, &secret, &failure) == CONNECTOR_OK);
  check(connector_secret_set(secret, "v", &value, 1, &failure) == CONNECTOR_OK);
  status = connector_secret_put(store, id, secret, -1, NULL, &failure);
  connector_secret_free(secret);
  return status;
}

/* Whatever may become of a record becomes of some. */
static void live_a_little(const struct base *base, const char *text)
{
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector_lease *lease = NULL;

  patch.name = text;
  for (size_t i = 0; i < IDS; i += 2)
    check(connector_update(store, base->ids[i], 0, &patch, NULL, &failure) == CONNECTOR_OK);
  check(connector_sync_failed(store, base->ids[1], CONNECTOR_FAILURE_TRANSIENT, text, 0, NULL,
                              &failure) == CONNECTOR_OK);
  check(put_secret(base->ids[0], 'A') == CONNECTOR_OK);
  check(put_secret(base->ids[0], 'B') == CONNECTOR_OK);
  check(put_secret(base->ids[2], 'C') == CONNECTOR_OK);
  check(connector_lease_take(store, base->ids[3], CONNECTOR_PURPOSE_SYNC, 1000, &lease, &failure) ==
        CONNECTOR_OK);
  check(connector_lease_release(store, lease, &failure) == CONNECTOR_OK);
  check(connector_delete(store, base->ids[IDS - 1], 0, &failure) == CONNECTOR_OK);
}

static void note_ids(struct base *base)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  connector_page *page = NULL;

  query.deleted = CONNECTOR_DELETED_INCLUDE;
  check(connector_list(store, &query, &page, &failure) == CONNECTOR_OK);
  for (size_t i = 0; i < IDS && i < connector_page_count(page); i++)
    strncpy(base->ids[i], connector_page_at(page, i)->id, sizeof(base->ids[i]) - 1);
  connector_page_free(page);
}

static void fill_tenant(struct base *base, const char *tenant, const char *text)
{
  become(tenant);
  for (int i = 0; i < IDS; i++)
    make_record(text, i);
  note_ids(base);
  live_a_little(base, text);
}

static void make_base(struct base *base)
{
  remove_beside();
  (void)unlink(path);
  check(open_file(false, &store) == CONNECTOR_OK);
  fill_tenant(base, CANARY, CANARY);
  fill_tenant(base, "tenant-a", "plain");
  connector_close(store);
  read_base(base, path);
}

static void make_bases(void)
{
  snprintf(path, sizeof(path), "%s/fuzz-database-%ld.db",
           access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp", (long)getpid());
  fix_randomness();
  make_base(&bases[2]);
  for (int i = 0; i < 2; i++) {
    read_base(&bases[i], i == 0 ? "tests/data/schema_1.db" : "tests/data/schema_2.db");
    write_bytes(bases[i].bytes, bases[i].length);
    remove_beside();
    check(open_file(false, &store) == CONNECTOR_OK);
    become("tenant-a");
    note_ids(&bases[i]);
    connector_close(store);
  }
}

/* ---- edits ---- */

enum edit { EDIT_SET, EDIT_XOR, EDIT_COPY, EDIT_PAGE, EDIT_CUT, EDIT_TURN, EDIT_COUNT };

static size_t take_place(struct input *input, size_t length)
{
  size_t page = take(input);
  size_t high = take(input);

  return (page * PAGE + ((high << 8 | take(input)) % PAGE)) % length;
}

/* Exchanges what two entries of a page are found by: the page is sound, and out of order. */
static void turn(char *bytes, size_t length, size_t at, size_t one, size_t other)
{
  char *page = bytes + at / PAGE * PAGE;
  char *first = page + 8 + 2 * one;
  char *second = page + 8 + 2 * other;
  char kept[2];

  if (at / PAGE * PAGE + PAGE > length)
    return;
  memcpy(kept, first, 2);
  memcpy(first, second, 2);
  memcpy(second, kept, 2);
}

static void edit(struct input *input, char *bytes, size_t *length)
{
  enum edit kind = (enum edit)(take(input) % EDIT_COUNT);
  size_t at = take_place(input, *length);
  size_t count = 1 + take(input) % EDIT_BYTES;
  size_t from = 0;

  count = count < *length - at ? count : *length - at;
  switch (kind) {
  case EDIT_SET:
    for (size_t i = 0; i < count; i++)
      bytes[at + i] = (char)take(input);
    break;
  case EDIT_XOR:
    bytes[at] = (char)(bytes[at] ^ (1 << count % 8));
    break;
  case EDIT_COPY: /* bytes of another place */
    from = take_place(input, *length);
    count = count < *length - from ? count : *length - from;
    memmove(bytes + at, bytes + from, count);
    break;
  case EDIT_PAGE: /* a whole page */
    from = take_place(input, *length) / PAGE * PAGE;
    at = at / PAGE * PAGE;
    if (from + PAGE <= *length && at + PAGE <= *length)
      memmove(bytes + at, bytes + from, PAGE);
    break;
  case EDIT_TURN:
    turn(bytes, *length, at, count, take(input) % 32);
    break;
  default: /* the end is gone */
    *length = at > 0 ? at : 1;
  }
}

/* Puts the damaged file in place. */
static const struct base *put_damaged(struct input *input)
{
  static char bytes[1024 * 1024];
  const struct base *base = &bases[take(input) % BASES];
  size_t length = base->length;

  memcpy(bytes, base->bytes, length);
  for (int i = 0; i < EDITS_MOST && input->left > 0; i++)
    edit(input, bytes, &length);
  remove_beside();
  write_bytes(bytes, length);
  return base;
}

#endif
