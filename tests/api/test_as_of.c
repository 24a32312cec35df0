/*
 * A record as it stood at a version: equal, in all 38 fields and to the byte, to what was read
 * then.
 */
#include "lifecycle.h"
#include "stream.h"

enum { VERSIONS = 80 };

/* What a record was when each of its versions ended. */
static connector *copies[VERSIONS + 1];

static void keep_copy(const char *id)
{
  connector *record = fetch(id);
  assert_true(record->version <= VERSIONS);
  connector_free(copies[record->version]);
  copies[record->version] = record;
}

static int teardown_copies(void **state)
{
  for (size_t i = 0; i <= VERSIONS; i++) {
    connector_free(copies[i]);
    copies[i] = NULL;
  }
  return teardown(state);
}

#define as_of_test(name) cmocka_unit_test_setup_teardown(name, setup_clock, teardown_copies)

static connector *as_of(const char *id, int64_t version)
{
  connector *record = NULL;
  assert_ok(connector_get_as_of(test.store, id, version, &record, &failure));
  assert_non_null(record);
  return record;
}

static void assert_no_version(const char *id, int64_t version)
{
  connector *record = NULL;
  assert_answer(connector_get_as_of(test.store, id, version, &record, &failure),
                CONNECTOR_NOT_FOUND, "version");
  assert_null(record);
}

/* Every version that has a copy is rebuilt to the byte. */
static void assert_all_versions(const char *id)
{
  for (int64_t version = 1; version <= VERSIONS; version++) {
    if (copies[version] == NULL)
      continue;
    connector *record = as_of(id, version);
    if (!connector_equal(record, copies[version])) {
      char *got = NULL;
      char *wanted = NULL;
      assert_ok(connector_to_json(record, 0, &got, NULL, &failure));
      assert_ok(connector_to_json(copies[version], 0, &wanted, NULL, &failure));
      fail_msg("version %d is\n%s\nand was\n%s", (int)version, got, wanted);
    }
    connector_free(record);
  }
}

/* ---- what is rebuilt ---- */

/* Documents that a merge patch can't tell apart, or that must be kept to the digit. */
static const char *const documents[] = {
  "{\"a\":null}",
  "{}",
  "{\"a\":{\"x\":null,\"y\":1.10}}",
  "{\"a\":{\"y\":1.10,\"x\":null}}",
  "{\"b\":1,\"a\":2}",
  "{\"a\":2,\"b\":1}",
  "{\"n\":9007199254740993,\"e\":1e400,\"z\":-0.0}",
  "{\"n\":9007199254740993,\"e\":1E400,\"z\":-0}",
  "{\"s\":\"\\u00e9\"}",
  "{\"s\":\"\xc3\xa9\"}",
  "{\"l\":[null,{\"a\":null},[]]}",
  "{\"l\":[null,{\"a\":null,\"b\":{}},[]]}",
};

static void every_document_is_rebuilt_to_the_byte(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "n"), id);
  keep_copy(id);
  for (size_t i = 0; i < COUNT_OF(documents); i++) {
    const char *other = documents[COUNT_OF(documents) - 1 - i];
    assert_ok(connector_update(test.store, id, 0,
                               PATCH(.config = documents[i], .tags = other, .metrics = other), NULL,
                               &failure));
    keep_copy(id);
  }
  assert_all_versions(id);
}

static void a_random_edit(const char *id, uint64_t *seed)
{
  static const char *const names[] = { "a", "b", "v\xc3\xa9", "c" };
  static const char *const lists[] = { "[]", "[\"a\"]", "[\"a\",\"b\"]" };
  size_t pick = random_below(seed, 10000);
  connector *record = fetch(id);
  bool deleted = record->is_deleted;
  connector_free(record);
  test_time += (int64_t)random_below(seed, 3) * 1000;
  current.person_id = pick % 3 == 0 ? NULL : pick % 3 == 1 ? "person-1" : "person-2";
  if (deleted)
    assert_ok(connector_restore(test.store, id, 0, NULL, &failure));
  else if (pick % 10 == 0)
    assert_ok(connector_delete(test.store, id, 0, &failure));
  else if (pick % 10 == 1)
    connector_free(succeed(id, (int64_t)pick, 3));
  else if (pick % 10 == 2)
    connector_free(fail_sync(id, CONNECTOR_FAILURE_AUTH, "no"));
  else if (pick % 10 == 3)
    assert_ok(connector_sync_started(test.store, id, &failure));
  else
    assert_ok(connector_update(
        test.store, id, 0,
        PATCH(.name = names[pick % 4], .event_types = lists[pick % 3],
              .config = documents[pick % COUNT_OF(documents)],
              .oauth_token_expires_at = test_time + (int64_t)pick,
              .enabled = pick % 2 == 0 ? CONNECTOR_YES : CONNECTOR_NO,
              .scope = (connector_scope)(1 + pick % 3), .group_id = "g", .user_id = "u",
              .clear = pick % 7 == 0 ? CONNECTOR_BIT(CONNECTOR_FIELD_METRICS) : 0),
        NULL, &failure));
}

static void every_version_of_a_random_record_is_rebuilt(void **state)
{
  (void)state;
  uint64_t seed = 20260301;
  for (int round = 0; round < 4; round++) {
    char id[ID_SIZE];
    int64_t version = 1;
    for (size_t i = 0; i <= VERSIONS; i++) {
      connector_free(copies[i]);
      copies[i] = NULL;
    }
    make_id(PATCH(.name = "start", .auth_type = "oauth2"), id);
    keep_copy(id);
    while (version < VERSIONS - 1) {
      a_random_edit(id, &seed);
      keep_copy(id);
      connector *record = fetch(id);
      version = record->version;
      connector_free(record);
    }
    assert_all_versions(id);
  }
}

static void a_version_includes_the_reports_of_its_time(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.metrics = "{\"mine\":1.50}"), id);
  connector_free(succeed(id, 3, 10));
  connector_free(fail_sync(id, CONNECTOR_FAILURE_CONFIG, "in version 1"));
  keep_copy(id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "x"), NULL, &failure));
  connector_free(succeed(id, 4, 30));
  keep_copy(id);
  assert_all_versions(id);
  connector *record = as_of(id, 1);
  assert_text(record->last_error, "in version 1");
  assert_int_equal(metric(record, "totalSynced"), 3);
  connector_free(record);
}

static void outcomes_are_rebuilt_too(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.auth_type = "oauth2", .oauth_refresh_needed = CONNECTOR_YES), id);
  connector_lease *lease = take(id, CONNECTOR_PURPOSE_REFRESH, MINUTE);
  assert_ok(connector_refreshed(test.store, lease, test_time + HOUR, NULL, &failure));
  release(lease);
  keep_copy(id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.oauth_refresh_needed = CONNECTOR_YES), NULL,
                             &failure));
  lease = take(id, CONNECTOR_PURPOSE_ROTATION, MINUTE);
  assert_ok(connector_rotated(test.store, lease, test_time + DAY, NULL, &failure));
  release(lease);
  keep_copy(id);
  assert_ok(connector_update(test.store, id, 0, PATCH(0), NULL, &failure));
  keep_copy(id);
  assert_all_versions(id);
}

static void a_deleted_connector_has_its_versions(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "a"), id);
  keep_copy(id);
  test_time += 1000;
  assert_ok(connector_delete(test.store, id, 0, &failure));
  keep_copy(id);
  assert_all_versions(id);
  connector *record = as_of(id, 1);
  assert_false(record->is_deleted);
  assert_int_equal(record->deleted_at, 0);
  connector_free(record);
  record = as_of(id, 2);
  assert_true(record->is_deleted);
  connector_free(record);
}

static void an_imported_record_starts_with_the_version_it_came_with(void **state)
{
  (void)state;
  connector_import_options options = CONNECTOR_IMPORT_OPTIONS_INIT;
  connector_options store_options = test_options();
  options.keep_enabled = true;
  connector *first = make(PATCH(.name = "moved", .config = "{\"b\":null,\"a\":1}"));
  for (int i = 0; i < 6; i++)
    assert_ok(connector_update(test.store, first->id, 0, PATCH(0), NULL, &failure));
  connector *moved = fetch(first->id);
  char *text = export_text(test.store, NULL);
  struct source source = source_of(text);
  close_store();
  assert_ok(connector_open(":memory:", &store_options, &test.store, &failure));
  assert_ok(connector_import(test.store, source_read, &source, &options, NULL, &failure));
  assert_ok(connector_update(test.store, moved->id, 7, PATCH(.name = "changed"), NULL, &failure));
  connector *record = as_of(moved->id, 7);
  assert_true(connector_equal(record, moved));
  connector_free(record);
  assert_no_version(moved->id, 6);
  connector_free(moved);
  connector_free(first);
  free(text);
}

static void a_large_document_is_rebuilt(void **state)
{
  (void)state;
  enum { LARGE = 200000 };
  char id[ID_SIZE];
  char *config = malloc(LARGE + 20);
  assert_non_null(config);
  for (char letter = 'a'; letter < 'e'; letter++) {
    size_t at = (size_t)snprintf(config, 20, "{\"a\":\"");
    memset(config + at, letter, LARGE);
    memcpy(config + at + LARGE, "\"}", 3);
    if (letter == 'a')
      make_id(PATCH(.config = config), id);
    else
      assert_ok(connector_update(test.store, id, 0, PATCH(.config = config), NULL, &failure));
    keep_copy(id);
  }
  assert_all_versions(id);
  free(config);
}

/* ---- what is not ---- */

static void versions_that_never_were_are_not_found(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_no_version(id, 2);
  assert_no_version(id, INT64_MAX);
}

static void versions_below_one_are_invalid(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector *record = NULL;
  make_id(PATCH(0), id);
  assert_invalid(connector_get_as_of(test.store, id, 0, &record, &failure), "version");
  assert_invalid(connector_get_as_of(test.store, id, -1, &record, &failure), "version");
  assert_invalid(connector_get_as_of(test.store, id, INT64_MIN, &record, &failure), "version");
  assert_invalid(connector_get_as_of(test.store, NULL, 1, &record, &failure), "id");
  assert_invalid(connector_get_as_of(test.store, id, 1, NULL, &failure), "out");
}

static void trimmed_versions_are_not_found_and_the_others_are_right(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "v1"), id);
  for (int version = 2; version <= 8; version++) {
    char name[24];
    test_time += 1000;
    snprintf(name, sizeof(name), "v%d", version);
    assert_ok(connector_update(test.store, id, 0, PATCH(.name = name), NULL, &failure));
    if (version >= 5)
      keep_copy(id);
  }
  assert_int_equal(trim_before(test_time - 3000), 4);
  assert_all_versions(id);
  for (int64_t version = 1; version <= 3; version++)
    assert_no_version(id, version);
}

static void a_member_is_shown_only_the_versions_it_could_see(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(personal("user-bob"), .name = "hidden"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.scope = CONNECTOR_SCOPE_ORG, .name = "open"),
                             NULL, &failure));
  keep_copy(id);
  assert_ok(
      connector_update(test.store, id, 0, PATCH(.scope = CONNECTOR_SCOPE_USER), NULL, &failure));
  assert_ok(
      connector_update(test.store, id, 0, PATCH(.scope = CONNECTOR_SCOPE_ORG), NULL, &failure));
  keep_copy(id);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  assert_all_versions(id);
  assert_no_version(id, 1);
  assert_no_version(id, 3);
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    as_of_test(every_document_is_rebuilt_to_the_byte),
    as_of_test(every_version_of_a_random_record_is_rebuilt),
    as_of_test(a_version_includes_the_reports_of_its_time),
    as_of_test(outcomes_are_rebuilt_too),
    as_of_test(a_deleted_connector_has_its_versions),
    as_of_test(an_imported_record_starts_with_the_version_it_came_with),
    as_of_test(a_large_document_is_rebuilt),
    as_of_test(versions_that_never_were_are_not_found),
    as_of_test(versions_below_one_are_invalid),
    as_of_test(trimmed_versions_are_not_found_and_the_others_are_right),
    as_of_test(a_member_is_shown_only_the_versions_it_could_see),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
