/*
 * secret/seal: what is wrapped or boxed opens with its key in its place, and with nothing else.
 */
#include "secret_support.h"

#include "secret/seal.h"

enum { LENGTH = 50 };

static const uint8_t one_key[SEAL_KEY] = { 1, 2, 3 };
static const uint8_t other_key[SEAL_KEY] = { 4, 5, 6 };
static const char values[LENGTH] = "the values of a secret";

static struct seal_place sample_place(void)
{
  return (struct seal_place){ .store_id = "store",
                              .tenant_id = "tenant-a",
                              .app_id = "app-1",
                              .connector_id = "cnn_1",
                              .path = "secret/data/a",
                              .version = 3,
                              .created_at = 1700000000000,
                              .deleted_at = 0 };
}

/* ---- places ---- */

/* One for each part that may differ, and some that put the same bytes together in another way. */
static const struct seal_place *other_places(size_t *count)
{
  static struct seal_place others[14];

  for (size_t i = 0; i < COUNT_OF(others); i++)
    others[i] = sample_place();
  others[0].store_id = "storf";
  others[1].tenant_id = "tenant-b";
  others[2].app_id = "app-2";
  others[3].app_id = NULL;
  others[4].app_id = "";
  others[5].connector_id = "cnn_2";
  others[6].path = "secret/data/b";
  others[7].version = 4;
  others[8].created_at++;
  others[9].store_id = "storet";
  others[9].tenant_id = "enant-a";
  others[10].tenant_id = "tenant-aapp";
  others[10].app_id = "-1";
  others[11].connector_id = "cnn_1secret";
  others[11].path = "/data/a";
  others[12].version = 3 + (INT64_C(1) << 32);
  others[13].version = -3;
  *count = COUNT_OF(others);
  return others;
}

/* ---- tenants' keys ---- */

static void a_tenants_key_opens_in_its_place_only(void **state)
{
  uint8_t wrapped[SEAL_WRAPPED];
  uint8_t key[SEAL_KEY] = { 0 };

  (void)state;
  seal_tenant_wrap(one_key, "store", "tenant-a", 1, other_key, wrapped);
  assert_true(seal_tenant_unwrap(one_key, "store", "tenant-a", 1, wrapped, key));
  assert_memory_equal(key, other_key, SEAL_KEY);
  assert_false(seal_tenant_unwrap(other_key, "store", "tenant-a", 1, wrapped, key));
  assert_false(seal_tenant_unwrap(one_key, "storf", "tenant-a", 1, wrapped, key));
  assert_false(seal_tenant_unwrap(one_key, "store", "tenant-b", 1, wrapped, key));
  assert_false(seal_tenant_unwrap(one_key, "store", "tenant-a", 2, wrapped, key));
  assert_false(seal_tenant_unwrap(one_key, "storet", "enant-a", 1, wrapped, key));
}

static void a_tenants_key_with_any_bit_flipped_does_not_open(void **state)
{
  uint8_t wrapped[SEAL_WRAPPED];
  uint8_t key[SEAL_KEY];

  (void)state;
  seal_tenant_wrap(one_key, "store", "tenant-a", 1, other_key, wrapped);
  for (size_t bit = 0; bit < SEAL_WRAPPED * 8; bit++) {
    wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_false(seal_tenant_unwrap(one_key, "store", "tenant-a", 1, wrapped, key));
    wrapped[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
}

static void each_wrap_is_another(void **state)
{
  uint8_t a[SEAL_WRAPPED];
  uint8_t b[SEAL_WRAPPED];

  (void)state;
  seal_tenant_wrap(one_key, "store", "tenant-a", 1, other_key, a);
  seal_tenant_wrap(one_key, "store", "tenant-a", 1, other_key, b);
  assert_memory_not_equal(a, b, SEAL_WRAPPED);
}

static void what_a_key_is_used_by_differs_by_use(void **state)
{
  struct seal_tenant tenant;

  (void)state;
  seal_tenant_open(one_key, &tenant);
  assert_memory_not_equal(tenant.wrap, tenant.head, SEAL_KEY);
  assert_memory_not_equal(tenant.wrap, one_key, SEAL_KEY);
  assert_memory_not_equal(tenant.head, one_key, SEAL_KEY);
}

/* ---- versions ---- */

static struct seal_tenant sample_tenant(void)
{
  struct seal_tenant tenant;

  seal_tenant_open(one_key, &tenant);
  return tenant;
}

static void a_versions_key_opens_in_its_place_only(void **state)
{
  const struct seal_tenant tenant = sample_tenant();
  struct seal_tenant stranger;
  struct seal_place place = sample_place();
  size_t count = 0;
  const struct seal_place *others = other_places(&count);
  uint8_t wrapped[SEAL_WRAPPED + 1] = { 0 };
  uint8_t key[SEAL_KEY];

  (void)state;
  seal_tenant_open(other_key, &stranger);
  seal_version_wrap(&tenant, &place, 1, other_key, wrapped);
  assert_true(seal_version_unwrap(&tenant, &place, 1, wrapped, SEAL_WRAPPED, key));
  assert_memory_equal(key, other_key, SEAL_KEY);
  assert_false(seal_version_unwrap(&stranger, &place, 1, wrapped, SEAL_WRAPPED, key));
  assert_false(seal_version_unwrap(&tenant, &place, 2, wrapped, SEAL_WRAPPED, key));
  for (size_t length = 0; length <= SEAL_WRAPPED + 1; length++)
    assert_int_equal(seal_version_unwrap(&tenant, &place, 1, wrapped, length, key),
                     length == SEAL_WRAPPED);
  for (size_t i = 0; i < count; i++)
    assert_false(seal_version_unwrap(&tenant, &others[i], 1, wrapped, SEAL_WRAPPED, key));
  place.deleted_at = 1;
  assert_false(seal_version_unwrap(&tenant, &place, 1, wrapped, SEAL_WRAPPED, key));
}

static void a_commitment_is_one_keys(void **state)
{
  uint8_t commitment[SEAL_COMMITMENT + 1] = { 0 };

  (void)state;
  seal_commit(one_key, commitment);
  assert_true(seal_committed(one_key, commitment, SEAL_COMMITMENT));
  assert_false(seal_committed(other_key, commitment, SEAL_COMMITMENT));
  assert_false(seal_committed(one_key, commitment, SEAL_COMMITMENT - 1));
  assert_false(seal_committed(one_key, commitment, SEAL_COMMITMENT + 1));
  assert_false(seal_committed(one_key, commitment, 0));
  for (size_t bit = 0; bit < SEAL_COMMITMENT * 8; bit++) {
    commitment[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_false(seal_committed(one_key, commitment, SEAL_COMMITMENT));
    commitment[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
}

static void a_box_opens_in_its_place_only(void **state)
{
  struct seal_place place = sample_place();
  size_t count = 0;
  const struct seal_place *others = other_places(&count);
  uint8_t box[LENGTH + SEAL_OVERHEAD];
  char bytes[LENGTH + SEAL_OVERHEAD];

  (void)state;
  seal_box(one_key, &place, values, LENGTH, box);
  assert_true(seal_unbox(one_key, &place, box, sizeof(box), bytes));
  assert_memory_equal(bytes, values, LENGTH);
  assert_false(seal_unbox(other_key, &place, box, sizeof(box), bytes));
  for (size_t i = 0; i < count; i++)
    assert_false(seal_unbox(one_key, &others[i], box, sizeof(box), bytes));
  for (size_t length = 0; length < sizeof(box); length++)
    assert_false(seal_unbox(one_key, &place, box, length, bytes));
  for (size_t bit = 0; bit < sizeof(box) * 8; bit++) {
    box[bit / 8] ^= (uint8_t)(1 << bit % 8);
    assert_false(seal_unbox(one_key, &place, box, sizeof(box), bytes));
    box[bit / 8] ^= (uint8_t)(1 << bit % 8);
  }
}

/* Marking a version as deleted touches its key's wrap alone. */
static void a_box_stays_as_it_is_where_its_version_is_deleted(void **state)
{
  struct seal_place place = sample_place();
  uint8_t box[LENGTH + SEAL_OVERHEAD];
  char bytes[LENGTH];

  (void)state;
  seal_box(one_key, &place, values, LENGTH, box);
  place.deleted_at = 1700000000001;
  assert_true(seal_unbox(one_key, &place, box, sizeof(box), bytes));
}

static void nothing_can_be_boxed(void **state)
{
  const struct seal_place place = sample_place();
  uint8_t box[SEAL_OVERHEAD];
  char bytes[1];

  (void)state;
  seal_box(one_key, &place, values, 0, box);
  assert_true(seal_unbox(one_key, &place, box, sizeof(box), bytes));
}

/* ---- heads ---- */

static void a_heads_mac_is_of_all_that_it_is_over(void **state)
{
  const struct seal_tenant tenant = sample_tenant();
  struct seal_tenant stranger;
  const struct seal_place place = sample_place();
  size_t count = 0;
  const struct seal_place *others = other_places(&count);
  uint8_t mac[SEAL_MAC];
  uint8_t other[SEAL_MAC];

  (void)state;
  seal_tenant_open(other_key, &stranger);
  seal_head_mac(&tenant, &place, 1, 3, "versions", 8, mac);
  seal_head_mac(&tenant, &place, 1, 3, "versions", 8, other);
  assert_true(seal_same(mac, other));
  seal_head_mac(&stranger, &place, 1, 3, "versions", 8, other);
  assert_false(seal_same(mac, other));
  seal_head_mac(&tenant, &place, 2, 3, "versions", 8, other);
  assert_false(seal_same(mac, other));
  seal_head_mac(&tenant, &place, 1, 2, "versions", 8, other);
  assert_false(seal_same(mac, other));
  seal_head_mac(&tenant, &place, 1, 3, "versionz", 8, other);
  assert_false(seal_same(mac, other));
  seal_head_mac(&tenant, &place, 1, 3, "versions", 7, other);
  assert_false(seal_same(mac, other));
  for (size_t i = 0; i < count; i++) {
    seal_head_mac(&tenant, &others[i], 1, 3, "versions", 8, other);
    assert_false(seal_same(mac, other));
  }
}

/* ---- the root ---- */

static const uint8_t salt[SEAL_SALT] = { 9 };

static void the_roots_mac_and_digest_are_of_all_that_is_known(void **state)
{
  static const uint8_t other_salt[SEAL_SALT] = { 8 };
  const struct seal_root known = { 1, 2, 8192, salt, 3, 4 };
  const struct seal_root others[] = {
    { 2, 2, 8192, salt, 3, 4 },       { 1, 3, 8192, salt, 3, 4 }, { 1, 2, 8193, salt, 3, 4 },
    { 1, 2, 8192, other_salt, 3, 4 }, { 1, 2, 8192, salt, 4, 4 }, { 1, 2, 8192, salt, 3, 5 },
  };
  uint8_t mac[SEAL_MAC];
  uint8_t digest[SEAL_MAC];
  uint8_t other[SEAL_MAC];

  (void)state;
  seal_root_mac(one_key, "store", &known, mac);
  seal_root_digest("store", &known, mac, digest);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    seal_root_mac(one_key, "store", &others[i], other);
    assert_false(seal_same(mac, other));
    seal_root_digest("store", &others[i], mac, other);
    assert_false(seal_same(digest, other));
  }
  seal_root_mac(other_key, "store", &known, other);
  assert_false(seal_same(mac, other));
  seal_root_digest("store", &known, other, other);
  assert_false(seal_same(digest, other));
  seal_root_mac(one_key, "storf", &known, other);
  assert_false(seal_same(mac, other));
  seal_root_digest("storf", &known, mac, other);
  assert_false(seal_same(digest, other));
}

static void a_passphrase_makes_the_same_key_of_the_same_parameters(void **state)
{
  static const uint8_t other_salt[SEAL_SALT] = { 8 };
  const struct seal_root known = { 1, 1, 8192, salt, 1, 0 };
  const struct seal_root others[] = { { 1, 2, 8192, salt, 1, 0 },
                                      { 1, 1, 16384, salt, 1, 0 },
                                      { 1, 1, 8192, other_salt, 1, 0 } };
  uint8_t key[SEAL_KEY];
  uint8_t other[SEAL_KEY];

  (void)state;
  assert_true(seal_root_derive("pass", 4, &known, key));
  assert_true(seal_root_derive("pass", 4, &known, other));
  assert_memory_equal(key, other, SEAL_KEY);
  assert_true(seal_root_derive("pasz", 4, &known, other));
  assert_memory_not_equal(key, other, SEAL_KEY);
  for (size_t i = 0; i < COUNT_OF(others); i++) {
    assert_true(seal_root_derive("pass", 4, &others[i], other));
    assert_memory_not_equal(key, other, SEAL_KEY);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    cmocka_unit_test(a_tenants_key_opens_in_its_place_only),
    cmocka_unit_test(a_tenants_key_with_any_bit_flipped_does_not_open),
    cmocka_unit_test(each_wrap_is_another),
    cmocka_unit_test(what_a_key_is_used_by_differs_by_use),
    cmocka_unit_test(a_versions_key_opens_in_its_place_only),
    cmocka_unit_test(a_commitment_is_one_keys),
    cmocka_unit_test(a_box_opens_in_its_place_only),
    cmocka_unit_test(a_box_stays_as_it_is_where_its_version_is_deleted),
    cmocka_unit_test(nothing_can_be_boxed),
    cmocka_unit_test(a_heads_mac_is_of_all_that_it_is_over),
    cmocka_unit_test(the_roots_mac_and_digest_are_of_all_that_is_known),
    cmocka_unit_test(a_passphrase_makes_the_same_key_of_the_same_parameters),
  };

  return cmocka_run_group_tests_name("seal", tests, NULL, NULL);
}
