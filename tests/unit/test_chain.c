/*
 * store/chain: a hash of history tells every column, key and row before it apart, a head's seal
 * covers all of it, and who may deal with the chain and with which key.
 */
#include "store_support.h"

#include "store/chain.h"

static const uint8_t key[META_KEY_SIZE] = { 1, 2, 3 };
static const uint8_t start[HISTORY_MAC] = { 0 };

/* ---- rows ---- */

static struct history_row sample_row(void)
{
  struct history_row row = { 0 };
  for (size_t i = 0; i < HISTORY_COLUMNS; i++)
    if (history_columns[i].is_text)
      *history_text(&row, &history_columns[i]) = "ab";
    else
      *history_number(&row, &history_columns[i]) = 100;
  return row;
}

static void hash(const struct history_row *row, uint8_t mac[HISTORY_MAC])
{
  chain_row(key, row, start, mac);
}

static bool same_hash(const struct history_row *a, const struct history_row *b)
{
  uint8_t first[HISTORY_MAC];
  uint8_t second[HISTORY_MAC];
  hash(a, first);
  hash(b, second);
  return chain_same(first, second);
}

static void the_same_row_has_the_same_hash(void **state)
{
  struct history_row row = sample_row();
  struct history_row copy = sample_row();
  char text[] = "ab";
  (void)state;
  copy.reason = text;
  memset(copy.mac, 7, sizeof(copy.mac));
  assert_true(same_hash(&row, &copy));
}

static void every_column_changes_the_hash(void **state)
{
  static const char *const texts[] = { "ac", "a", "abc", "", NULL, "AB" };
  static const int64_t numbers[] = { 101, 99, 0, -100, 100 + (INT64_C(1) << 56), INT64_MIN };
  const struct history_row row = sample_row();
  (void)state;
  for (size_t i = 0; i < HISTORY_COLUMNS; i++)
    for (size_t j = 0; j < COUNT_OF(texts); j++) {
      struct history_row other = sample_row();
      if (history_columns[i].is_text)
        *history_text(&other, &history_columns[i]) = texts[j];
      else
        *history_number(&other, &history_columns[i]) = numbers[j];
      if (same_hash(&row, &other))
        fail_msg("column %s, value %zu", history_columns[i].name, j);
    }
}

static void no_text_and_an_empty_one_differ_in_every_column(void **state)
{
  (void)state;
  for (size_t i = 0; i < HISTORY_COLUMNS; i++) {
    struct history_row none = sample_row();
    struct history_row empty = sample_row();
    if (!history_columns[i].is_text)
      continue;
    *history_text(&none, &history_columns[i]) = NULL;
    *history_text(&empty, &history_columns[i]) = "";
    assert_false(same_hash(&none, &empty));
  }
}

/* The next column of text behind one, or HISTORY_COLUMNS. */
static size_t next_text(size_t column)
{
  do
    column++;
  while (column < HISTORY_COLUMNS && !history_columns[column].is_text);
  return column;
}

static bool same_in(size_t left, size_t right, const char *const a[2], const char *const b[2])
{
  struct history_row first = sample_row();
  struct history_row second = sample_row();
  *history_text(&first, &history_columns[left]) = a[0];
  *history_text(&first, &history_columns[right]) = a[1];
  *history_text(&second, &history_columns[left]) = b[0];
  *history_text(&second, &history_columns[right]) = b[1];
  return same_hash(&first, &second);
}

static void no_value_slides_from_one_column_into_the_next(void **state)
{
  static const char *const pairs[][2][2] = {
    { { "ab", "c" }, { "a", "bc" } },     { { "abc", "" }, { "", "abc" } },
    { { "abc", NULL }, { NULL, "abc" } }, { { "", NULL }, { NULL, "" } },
    { { "x", "y" }, { "y", "x" } },
  };
  (void)state;
  for (size_t left = 0; left < HISTORY_COLUMNS; left++)
    for (size_t right = next_text(left); right < HISTORY_COLUMNS; right = next_text(right))
      for (size_t i = 0; i < COUNT_OF(pairs); i++)
        if (history_columns[left].is_text && same_in(left, right, pairs[i][0], pairs[i][1]))
          fail_msg("%s into %s, pair %zu", history_columns[left].name, history_columns[right].name,
                   i);
}

static void no_number_slides_from_one_column_into_another(void **state)
{
  (void)state;
  for (size_t left = 0; left < HISTORY_COLUMNS; left++)
    for (size_t right = left + 1; right < HISTORY_COLUMNS; right++) {
      struct history_row first = sample_row();
      struct history_row second = sample_row();
      if (history_columns[left].is_text || history_columns[right].is_text)
        continue;
      *history_number(&first, &history_columns[left]) = 7;
      *history_number(&second, &history_columns[right]) = 7;
      assert_false(same_hash(&first, &second));
    }
}

static void the_key_and_the_row_before_change_the_hash(void **state)
{
  const struct history_row row = sample_row();
  uint8_t first[HISTORY_MAC];
  uint8_t mac[HISTORY_MAC];
  (void)state;
  hash(&row, first);
  for (size_t i = 0; i < META_KEY_SIZE * 8; i++) {
    uint8_t other[META_KEY_SIZE];
    memcpy(other, key, sizeof(other));
    other[i / 8] ^= (uint8_t)(1u << i % 8);
    chain_row(other, &row, start, mac);
    assert_false(chain_same(first, mac));
    memcpy(other, start, sizeof(other));
    other[i / 8] ^= (uint8_t)(1u << i % 8);
    chain_row(key, &row, other, mac);
    assert_false(chain_same(first, mac));
  }
}

/* ---- heads ---- */

static struct history_head sealed_head(void)
{
  struct history_head head = { .seq = 9, .changes = 4, .anchor_seq = 3, .anchor_changes = 2 };
  memset(head.mac, 0x11, HISTORY_MAC);
  memset(head.anchor_mac, 0x22, HISTORY_MAC);
  chain_reseal(key, "tenant-a", true, &head);
  return head;
}

static void a_head_that_was_sealed_is_sound(void **state)
{
  const struct history_head head = sealed_head();
  (void)state;
  assert_true(chain_is_sound(key, "tenant-a", &head));
}

static void no_head_at_all_is_sound(void **state)
{
  const struct history_head none = { 0 };
  (void)state;
  assert_true(chain_is_sound(key, "tenant-a", &none));
}

static void a_head_changed_anywhere_is_not_sound(void **state)
{
  struct history_head heads[7];
  (void)state;
  for (size_t i = 0; i < COUNT_OF(heads); i++)
    heads[i] = sealed_head();
  heads[0].seq--;
  heads[1].changes--;
  heads[2].anchor_seq++;
  heads[3].anchor_changes++;
  heads[4].mac[31] ^= 1;
  heads[5].anchor_mac[0] ^= 0x80;
  heads[6].seal[15] ^= 1;
  for (size_t i = 0; i < COUNT_OF(heads); i++)
    assert_false(chain_is_sound(key, "tenant-a", &heads[i]));
}

static void values_that_change_places_in_a_head_are_not_sound(void **state)
{
  struct history_head numbers = sealed_head();
  struct history_head hashes = sealed_head();
  (void)state;
  numbers.seq = 3;
  numbers.anchor_seq = 9;
  memset(hashes.mac, 0x22, HISTORY_MAC);
  memset(hashes.anchor_mac, 0x11, HISTORY_MAC);
  assert_false(chain_is_sound(key, "tenant-a", &numbers));
  assert_false(chain_is_sound(key, "tenant-a", &hashes));
}

static void a_head_is_of_one_tenant_and_key(void **state)
{
  const struct history_head head = sealed_head();
  uint8_t other[META_KEY_SIZE] = { 1, 2, 4 };
  (void)state;
  assert_false(chain_is_sound(key, "tenant-b", &head));
  assert_false(chain_is_sound(key, "tenant-", &head));
  assert_false(chain_is_sound(other, "tenant-a", &head));
}

static void a_head_that_was_not_sound_is_not_sealed_again(void **state)
{
  struct history_head head = sealed_head();
  struct history_head before;
  (void)state;
  head.changes++;
  before = head;
  head.seq++;
  chain_reseal(key, "tenant-a", false, &head);
  assert_memory_equal(head.seal, before.seal, HISTORY_MAC);
  assert_false(chain_is_sound(key, "tenant-a", &head));
}

/* ---- the key ---- */

static void the_check_of_a_key_is_its_own_and_no_other_hash(void **state)
{
  const struct history_head head = sealed_head();
  const uint8_t other[META_KEY_SIZE] = { 1, 2, 4 };
  uint8_t check[META_KEY_SIZE];
  uint8_t again[META_KEY_SIZE];
  uint8_t others[META_KEY_SIZE];
  (void)state;
  chain_check(key, check);
  chain_check(key, again);
  chain_check(other, others);
  assert_true(chain_same(check, again));
  assert_false(chain_same(check, others));
  assert_false(chain_same(check, key));
  assert_false(chain_same(check, head.seal));
}

static uint8_t key_a[CONNECTOR_HISTORY_KEY_BYTES] = { 'a' };
static uint8_t key_b[CONNECTOR_HISTORY_KEY_BYTES] = { 'b' };

/* Opens the test's file with a key, or with its own for NULL. */
static connector_status open_with(const void *history_key)
{
  connector_options options = test_options();
  options.history_key = history_key;
  close_store();
  memset(&failure, 0, sizeof(failure));
  return connector_open(test.path, &options, &test.store, &failure);
}

static connector_status write_one(void)
{
  return connector_create(test.store, PATCH(.name = "x"), NULL, &failure);
}

static void the_first_change_settles_the_key(void **state)
{
  (void)state;
  assert_ok(open_with(key_a));
  assert_ok(open_with(key_b));
  assert_ok(open_with(NULL));
  assert_ok(open_with(key_b));
  assert_ok(write_one());
  assert_invalid(open_with(key_a), "history_key");
  assert_null(test.store);
  assert_ok(open_with(key_b));
  assert_ok(write_one());
}

static void a_store_without_the_key_reads_and_writes_no_history(void **state)
{
  int64_t number = 0;
  (void)state;
  assert_ok(open_with(key_a));
  assert_ok(write_one());
  assert_ok(open_with(NULL));
  assert_int_equal(count_of(NULL), 1);
  assert_invalid(write_one(), "history_key");
  assert_int_equal(count_of(NULL), 1);
  assert_invalid(connector_history_verify(test.store, &number, &failure), "history_key");
  assert_invalid(connector_history_trim(test.store, 5, &number, &failure), "history_key");
}

static void a_key_given_to_a_file_with_its_own_is_refused(void **state)
{
  (void)state;
  assert_ok(open_with(NULL));
  assert_ok(write_one());
  assert_invalid(open_with(key_a), "history_key");
  assert_ok(open_with(NULL));
}

/* Two stores that opened the file before it had a key: the first to write settles it. */
static void a_key_that_was_settled_meanwhile_is_found_at_the_first_write(void **state)
{
  connector_store *late = NULL;
  (void)state;
  assert_ok(open_with(key_a));
  late = test.store;
  test.store = NULL;
  assert_ok(open_with(key_b));
  assert_ok(write_one());
  assert_invalid(connector_create(late, PATCH(.name = "x"), NULL, &failure), "history_key");
  connector_close(late);
}

/* ---- who may ---- */

static connector_status allowed(connector_role role, const char *tenant, const char *app)
{
  struct call call;
  connector_status status = CONNECTOR_OK;
  become(tenant, "user-ann", role);
  current.app_id = app;
  begin(&call);
  memset(&failure, 0, sizeof(failure));
  status = chain_allow(&call);
  (void)call_end(&call, status);
  return status;
}

static void only_a_whole_tenant_or_all_of_them_has_a_chain(void **state)
{
  (void)state;
  assert_int_equal(allowed(CONNECTOR_ROLE_TENANT, "tenant-a", NULL), CONNECTOR_OK);
  assert_int_equal(allowed(CONNECTOR_ROLE_SYSTEM, NULL, NULL), CONNECTOR_OK);
  assert_int_equal(allowed(CONNECTOR_ROLE_SYSTEM, "tenant-a", NULL), CONNECTOR_OK);
  assert_int_equal(allowed(CONNECTOR_ROLE_MEMBER, "tenant-a", NULL), CONNECTOR_DENIED);
  assert_text(failure.field, "role");
  assert_int_equal(allowed(CONNECTOR_ROLE_TENANT, "tenant-a", "app-1"), CONNECTOR_DENIED);
  assert_text(failure.field, "app_id");
  assert_int_equal(allowed(CONNECTOR_ROLE_SYSTEM, NULL, "app-1"), CONNECTOR_DENIED);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(the_same_row_has_the_same_hash),
    cmocka_unit_test(every_column_changes_the_hash),
    cmocka_unit_test(no_text_and_an_empty_one_differ_in_every_column),
    cmocka_unit_test(no_value_slides_from_one_column_into_the_next),
    cmocka_unit_test(no_number_slides_from_one_column_into_another),
    cmocka_unit_test(the_key_and_the_row_before_change_the_hash),
    cmocka_unit_test(a_head_that_was_sealed_is_sound),
    cmocka_unit_test(no_head_at_all_is_sound),
    cmocka_unit_test(a_head_changed_anywhere_is_not_sound),
    cmocka_unit_test(values_that_change_places_in_a_head_are_not_sound),
    cmocka_unit_test(a_head_is_of_one_tenant_and_key),
    cmocka_unit_test(a_head_that_was_not_sound_is_not_sealed_again),
    cmocka_unit_test(the_check_of_a_key_is_its_own_and_no_other_hash),
    folder_test(the_first_change_settles_the_key),
    folder_test(a_store_without_the_key_reads_and_writes_no_history),
    folder_test(a_key_given_to_a_file_with_its_own_is_refused),
    folder_test(a_key_that_was_settled_meanwhile_is_found_at_the_first_write),
    memory_test(only_a_whole_tenant_or_all_of_them_has_a_chain),
  };
  return cmocka_run_group_tests_name("chain", tests, NULL, NULL);
}
