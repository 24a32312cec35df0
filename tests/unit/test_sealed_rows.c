/*
 * engine/sealed: rows of the sealed vault; no call finds, changes or removes another tenant's.
 */
#include "engine_support.h"

#include "engine/sealed.h"

static const char path[] = "secret/data/a";

/* Of the rows that a call finds. */
static struct arena arena;

static int teardown_sealed(void **state)
{
  arena_free(&arena);
  return teardown_engine(state);
}

#define sealed_test(name) cmocka_unit_test_setup_teardown(name, setup_rows, teardown_sealed)

static struct sealed_secret put_secret(const char *tenant, const char *id, int64_t term)
{
  struct sealed_secret secret = { .tenant_id = tenant,
                                  .connector_id = id,
                                  .path = path,
                                  .term = term,
                                  .current = 1,
                                  .versions = "states",
                                  .versions_length = 6,
                                  .mac = { 7 } };
  const struct sealed_version row = { 1, "wrapped", 7, "commitment", 10, "box", 3 };

  engine_ok(sealed_put(engine.connection, &secret, &failure));
  assert_true(secret.seq > 0);
  engine_ok(sealed_version_put(engine.connection, &secret, &row, &failure));
  return secret;
}

static bool find(const char *tenant, const char *id, int64_t version, struct sealed_secret *secret,
                 struct sealed_version *row)
{
  const struct owner owner = { id, tenant };
  bool found = false;

  engine_ok(
      sealed_find(engine.connection, &owner, path, version, secret, row, &arena, &found, &failure));
  return found;
}

/* The secret of tenant-a stands as it was put. */
static void assert_stands(void)
{
  struct sealed_secret secret;
  struct sealed_version row;

  assert_true(find("tenant-a", "cnn_1", 0, &secret, &row));
  assert_int_equal(secret.term, 1);
  assert_int_equal(secret.current, 1);
  assert_int_equal(secret.versions_length, 6);
  assert_memory_equal(secret.versions, "states", 6);
  assert_int_equal(row.version, 1);
  assert_int_equal(row.wrapped_length, 7);
  assert_memory_equal(row.wrapped, "wrapped", 7);
  assert_int_equal(row.commitment_length, 10);
  assert_int_equal(row.box_length, 3);
  assert_memory_equal(row.box, "box", 3);
  assert_false(secret.is_behind);
}

/* ---- secrets ---- */

static void a_secret_is_found_by_its_owner_alone(void **state)
{
  struct sealed_secret secret;
  struct sealed_version row;

  (void)state;
  put_secret("tenant-a", "cnn_1", 1);
  assert_stands();
  assert_false(find("tenant-b", "cnn_1", 0, &secret, &row));
  assert_false(find("tenant-a", "cnn_2", 0, &secret, &row));
  assert_true(find("tenant-a", "cnn_1", 2, &secret, &row));
  assert_null(row.wrapped);
  assert_true(find("tenant-a", "cnn_1", -1, &secret, &row));
  assert_null(row.wrapped);
}

static void two_tenants_may_have_one_connectors_id_and_path(void **state)
{
  struct sealed_secret a;
  struct sealed_secret b;
  struct sealed_version row;

  (void)state;
  put_secret("tenant-a", "cnn_1", 1);
  put_secret("tenant-b", "cnn_1", 4);
  assert_true(find("tenant-a", "cnn_1", 0, &a, &row));
  assert_true(find("tenant-b", "cnn_1", 0, &b, &row));
  assert_true(a.seq != b.seq);
  assert_int_equal(b.term, 4);
}

static void another_tenants_name_changes_and_removes_nothing(void **state)
{
  struct sealed_secret own = { .seq = 0 };
  struct sealed_secret stranger;
  static const uint8_t wrapped[SEALED_WRAPPED] = { 1 };
  const struct owner owner = { "cnn_1", "tenant-b" };
  bool removed = true;

  (void)state;
  own = put_secret("tenant-a", "cnn_1", 1);
  stranger = own;
  stranger.tenant_id = "tenant-b";
  stranger.term = 9;
  stranger.current = 9;
  engine_ok(sealed_put(engine.connection, &stranger, &failure));
  engine_ok(sealed_version_rewrap(engine.connection, &stranger, 1, wrapped, &failure));
  engine_ok(sealed_version_erase(engine.connection, &stranger, 1, &failure));
  engine_ok(sealed_version_remove(engine.connection, &stranger, 1, &failure));
  engine_ok(sealed_remove(engine.connection, &stranger, &failure));
  engine_ok(sealed_remove_all(engine.connection, &owner, &removed, &failure));
  assert_false(removed);
  assert_stands();
}

static void another_tenants_name_finds_no_version(void **state)
{
  struct sealed_secret own = { .seq = 0 };
  struct sealed_version row;

  (void)state;
  own = put_secret("tenant-a", "cnn_1", 1);
  engine_ok(sealed_version_find(engine.connection, &own, 1, &row, &arena, &failure));
  assert_int_equal(row.wrapped_length, 7);
  assert_null(row.box);
  own.tenant_id = "tenant-b";
  engine_ok(sealed_version_find(engine.connection, &own, 1, &row, &arena, &failure));
  assert_null(row.wrapped);
}

static void secrets_of_a_term_are_one_tenants(void **state)
{
  struct sealed_secret found_secret;
  struct sealed_secret first;
  int64_t count = -1;
  bool found = false;

  (void)state;
  first = put_secret("tenant-a", "cnn_1", 1);
  put_secret("tenant-b", "cnn_2", 1);
  put_secret("tenant-a", "cnn_3", 2);
  engine_ok(
      sealed_of_term(engine.connection, "tenant-a", 1, 0, &found_secret, &arena, &found, &failure));
  assert_true(found);
  assert_int_equal(found_secret.seq, first.seq);
  assert_text(found_secret.connector_id, "cnn_1");
  assert_text(found_secret.path, path);
  engine_ok(sealed_of_term(engine.connection, "tenant-a", 1, first.seq, &found_secret, &arena,
                           &found, &failure));
  assert_false(found);
  engine_ok(
      sealed_of_term(engine.connection, "tenant-c", 1, 0, &found_secret, &arena, &found, &failure));
  assert_false(found);
  engine_ok(sealed_count_others(engine.connection, "tenant-a", 2, &count, &failure));
  assert_int_equal(count, 1);
  engine_ok(sealed_count_others(engine.connection, "tenant-b", 2, &count, &failure));
  assert_int_equal(count, 1);
  engine_ok(sealed_count_others(engine.connection, "tenant-c", 2, &count, &failure));
  assert_int_equal(count, 0);
}

static void removing_a_connectors_secrets_leaves_the_others(void **state)
{
  const struct owner owner = { "cnn_2", "tenant-a" };
  struct sealed_secret secret;
  struct sealed_version row;
  bool removed = false;

  (void)state;
  put_secret("tenant-a", "cnn_1", 1);
  put_secret("tenant-a", "cnn_2", 1);
  put_secret("tenant-b", "cnn_2", 1);
  engine_ok(sealed_remove_all(engine.connection, &owner, &removed, &failure));
  assert_true(removed);
  assert_stands();
  assert_false(find("tenant-a", "cnn_2", 0, &secret, &row));
  assert_true(find("tenant-b", "cnn_2", 0, &secret, &row));
  assert_int_equal(row.wrapped_length, 7);
}

/* ---- versions ---- */

static void a_head_from_before_its_newest_version_is_behind(void **state)
{
  struct sealed_secret own = { .seq = 0 };
  struct sealed_secret secret;
  const struct sealed_version second = { 2, "wrapped", 7, "commitment", 10, "box", 3 };
  struct sealed_version row;

  (void)state;
  own = put_secret("tenant-a", "cnn_1", 1);
  engine_ok(sealed_version_put(engine.connection, &own, &second, &failure));
  assert_true(find("tenant-a", "cnn_1", 0, &secret, &row));
  assert_true(secret.is_behind);
  engine_ok(sealed_version_erase(engine.connection, &own, 2, &failure));
  assert_true(find("tenant-a", "cnn_1", 0, &secret, &row));
  assert_true(secret.is_behind); /* an erased row is one still */
  assert_true(find("tenant-a", "cnn_1", 2, &secret, &row));
  assert_int_equal(row.wrapped_length + row.commitment_length + row.box_length, 0);
  engine_ok(sealed_version_remove(engine.connection, &own, 2, &failure));
  assert_stands();
}

/* Damage or somebody else may have put them there: the number of the secret alone does not do. */
static void versions_that_name_another_tenant_are_not_its_own(void **state)
{
  struct sealed_secret own = { .seq = 0 };
  struct sealed_secret stranger;
  struct sealed_secret secret;
  const struct sealed_version second = { 2, "wrapped", 7, "commitment", 10, "box", 3 };
  struct sealed_version row;

  (void)state;
  own = put_secret("tenant-a", "cnn_1", 1);
  stranger = own;
  stranger.tenant_id = "tenant-b";
  engine_ok(sealed_version_put(engine.connection, &stranger, &second, &failure));
  assert_true(find("tenant-a", "cnn_1", 2, &secret, &row));
  assert_null(row.wrapped);
  assert_false(secret.is_behind);
  assert_stands();
}

/* ---- keys ---- */

static struct sealed_key put_key(const char *tenant, int64_t term, uint8_t mark)
{
  struct sealed_key key = { .term = term, .wrapped = { mark } };

  engine_ok(sealed_key_put(engine.connection, tenant, &key, &failure));
  return key;
}

static void a_key_is_found_by_its_tenant_alone(void **state)
{
  struct sealed_key key;
  bool found = true;

  (void)state;
  put_key("tenant-a", 1, 1);
  put_key("tenant-a", 2, 2);
  put_key("tenant-b", 3, 3);
  engine_ok(sealed_key_find(engine.connection, "tenant-a", 0, &key, &found, &failure));
  assert_true(found);
  assert_int_equal(key.term, 2);
  assert_int_equal(key.wrapped[0], 2);
  engine_ok(sealed_key_oldest(engine.connection, "tenant-a", &key, &found, &failure));
  assert_int_equal(key.term, 1);
  engine_ok(sealed_key_find(engine.connection, "tenant-a", 3, &key, &found, &failure));
  assert_false(found);
  engine_ok(sealed_key_find(engine.connection, "tenant-c", 0, &key, &found, &failure));
  assert_false(found);
  engine_ok(sealed_key_oldest(engine.connection, "tenant-c", &key, &found, &failure));
  assert_false(found);
}

static void removing_a_key_leaves_another_tenants(void **state)
{
  struct sealed_key key;
  int64_t count = 0;
  bool found = false;

  (void)state;
  put_key("tenant-a", 1, 1);
  put_key("tenant-b", 1, 2);
  engine_ok(sealed_key_remove(engine.connection, "tenant-c", 1, &failure));
  engine_ok(sealed_key_remove(engine.connection, "tenant-a", 2, &failure));
  engine_ok(sealed_key_count(engine.connection, &count, &failure));
  assert_int_equal(count, 2);
  engine_ok(sealed_key_remove(engine.connection, "tenant-a", 1, &failure));
  engine_ok(sealed_key_find(engine.connection, "tenant-b", 1, &key, &found, &failure));
  assert_true(found);
  assert_int_equal(key.wrapped[0], 2);
}

static void keys_are_walked_in_order_of_tenants_and_terms(void **state)
{
  static const struct {
    const char *tenant;
    int64_t term;
  } wanted[] = { { "tenant-a", 1 }, { "tenant-a", 2 }, { "tenant-b", 1 } };
  struct sealed_key key = { .term = 0 };
  const char *tenant = "";
  bool found = true;

  (void)state;
  put_key("tenant-b", 1, 3);
  put_key("tenant-a", 2, 2);
  put_key("tenant-a", 1, 1);
  engine_ok(connection_run(engine.connection,
                           "INSERT INTO sealed_key VALUES"
                           " ('tenant-a' || char(0) || 'x', 1, zeroblob(72))",
                           &failure)); /* no tenant's: passed over */
  for (size_t i = 0; i < COUNT_OF(wanted); i++) {
    engine_ok(sealed_key_next(engine.connection, tenant, key.term, &tenant, &key, &arena, &found,
                              &failure));
    assert_true(found);
    assert_text(tenant, wanted[i].tenant);
    assert_int_equal(key.term, wanted[i].term);
  }
  engine_ok(sealed_key_next(engine.connection, tenant, key.term, &tenant, &key, &arena, &found,
                            &failure));
  assert_false(found);
}

/* ---- lengths, and the root ---- */

static void bytes_of_another_length_are_tampered(void **state)
{
  static const char *const edits[] = {
    "UPDATE sealed_secret SET mac = x'00'",
    "UPDATE sealed_secret SET mac = zeroblob(33)",
    "UPDATE sealed_secret SET mac = x''",
  };
  const struct owner owner = { "cnn_1", "tenant-a" };
  struct sealed_secret secret;
  struct sealed_version row;
  struct sealed_key key;
  bool found = false;

  (void)state;
  put_secret("tenant-a", "cnn_1", 1);
  put_key("tenant-a", 1, 1);
  for (size_t i = 0; i < COUNT_OF(edits); i++) {
    engine_ok(connection_run(engine.connection, edits[i], &failure));
    engine_fails(
        sealed_find(engine.connection, &owner, path, 0, &secret, &row, &arena, &found, &failure),
        CONNECTOR_SECRET_TAMPERED);
    assert_true(found);
    engine_fails(
        sealed_of_term(engine.connection, "tenant-a", 1, 0, &secret, &arena, &found, &failure),
        CONNECTOR_SECRET_TAMPERED);
    assert_true(found && secret.seq > 0);
  }
  engine_ok(connection_run(engine.connection, "UPDATE sealed_key SET wrapped = x'00'", &failure));
  engine_fails(sealed_key_find(engine.connection, "tenant-a", 0, &key, &found, &failure),
               CONNECTOR_SECRET_TAMPERED);
}

static void there_is_one_root(void **state)
{
  struct sealed_root root = { .form = 1,
                              .passes = 2,
                              .memory = 3,
                              .salt = { 4 },
                              .term = 5,
                              .generation = 6,
                              .mac = { 7 },
                              .digest = { 8 } };
  struct sealed_root back;
  bool found = true;

  (void)state;
  engine_ok(sealed_root_find(engine.connection, &back, &found, &failure));
  assert_false(found);
  engine_ok(sealed_root_put(engine.connection, &root, &failure));
  root.generation = 9;
  engine_ok(sealed_root_put(engine.connection, &root, &failure));
  memset(&back, 0, sizeof(back));
  engine_ok(sealed_root_find(engine.connection, &back, &found, &failure));
  assert_true(found);
  assert_memory_equal(&back, &root, sizeof(root));
  assert_int_equal(integer_of(engine.connection, "SELECT count(*) FROM sealed_root"), 1);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    sealed_test(a_secret_is_found_by_its_owner_alone),
    sealed_test(two_tenants_may_have_one_connectors_id_and_path),
    sealed_test(another_tenants_name_changes_and_removes_nothing),
    sealed_test(another_tenants_name_finds_no_version),
    sealed_test(secrets_of_a_term_are_one_tenants),
    sealed_test(removing_a_connectors_secrets_leaves_the_others),
    sealed_test(a_head_from_before_its_newest_version_is_behind),
    sealed_test(versions_that_name_another_tenant_are_not_its_own),
    sealed_test(a_key_is_found_by_its_tenant_alone),
    sealed_test(removing_a_key_leaves_another_tenants),
    sealed_test(keys_are_walked_in_order_of_tenants_and_terms),
    sealed_test(bytes_of_another_length_are_tampered),
    sealed_test(there_is_one_root),
  };
  return cmocka_run_group_tests_name("sealed_rows", tests, NULL, NULL);
}
