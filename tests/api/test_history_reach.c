/*
 * History of one connector: how it is paged, and who may read which part of it.
 */
#include "lifecycle.h"

/* ---- pages ---- */

static void history_is_read_newest_first_in_pages(void **state)
{
  (void)state;
  char id[ID_SIZE];
  int64_t before = 0;
  int64_t version = 25;
  make_id(PATCH(0), id);
  while (version > 1) {
    assert_ok(connector_update(test.store, id, 0, PATCH(0), NULL, &failure));
    connector_free(make(PATCH(.name = "other")));
    version--;
  }
  version = 25;
  for (;;) {
    connector_changes *changes = NULL;
    assert_ok(connector_history(test.store, id, before, 4, &changes, &failure));
    size_t count = connector_changes_count(changes);
    assert_int_equal(count, version >= 4 ? 4 : version);
    for (size_t i = 0; i < count; i++, version--) {
      const connector_change *change = connector_changes_at(changes, i);
      assert_true(before == 0 || change->seq < before);
      assert_true(change->version == version);
      before = change->seq;
    }
    connector_changes_free(changes);
    if (count == 0)
      break;
  }
  assert_int_equal(version, 0);
}

static void a_limit_of_zero_is_a_hundred(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  for (int i = 0; i < 120; i++)
    assert_ok(connector_update(test.store, id, 0, PATCH(0), NULL, &failure));
  connector_changes *changes = NULL;
  assert_ok(connector_history(test.store, id, 0, 0, &changes, &failure));
  assert_int_equal(connector_changes_count(changes), 100);
  assert_non_null(connector_changes_at(changes, 99));
  assert_null(connector_changes_at(changes, 100));
  connector_changes_free(changes);
}

static void no_changes_are_a_list_too(void **state)
{
  (void)state;
  assert_int_equal(connector_changes_count(NULL), 0);
  assert_null(connector_changes_at(NULL, 0));
  connector_changes_free(NULL);
}

static void bad_arguments_are_named(void **state)
{
  (void)state;
  char id[ID_SIZE];
  connector_changes *changes = NULL;
  make_id(PATCH(0), id);
  assert_invalid(connector_history(test.store, NULL, 0, 0, &changes, &failure), "id");
  assert_invalid(connector_history(test.store, id, 0, 0, NULL, &failure), "out");
  assert_invalid(connector_history(test.store, id, -1, 0, &changes, &failure), "before_seq");
  assert_invalid(
      connector_history(test.store, id, 0, CONNECTOR_CHANGES_MAX + 1, &changes, &failure), "limit");
  assert_invalid(connector_history(test.store, id, 0, UINT32_MAX, &changes, &failure), "limit");
  assert_null(changes);
}

/* ---- who ---- */

enum { HIDDEN = 6 };

/* Connectors that a MEMBER user-ann of app-1 and group-1 can't see, each for its own reason. */
static void hide(char hidden[HIDDEN][ID_SIZE])
{
  current.app_id = "app-2";
  make_id(PATCH(.name = "another app's"), hidden[0]);
  current.app_id = NULL;
  make_id(PATCH(.name = "no app's"), hidden[1]);
  current.app_id = "app-1";
  make_id(PATCH(personal("user-bob")), hidden[2]);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-9"), hidden[3]);
  make_id(PATCH(personal("user-bob")), hidden[4]);
  assert_ok(connector_delete(test.store, hidden[4], 0, &failure));
  assert_ok(connector_purge(test.store, hidden[4], &failure));
  become("tenant-b", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  make_id(PATCH(0), hidden[5]);
}

static void become_ann(void)
{
  static const char *const groups[] = { "group-1" };
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.app_id = "app-1";
  current.group_ids = groups;
  current.group_count = 1;
}

static connector_status ask(int which, const char *id)
{
  connector *record = NULL;
  connector_changes *changes = NULL;
  switch (which) {
  case 0:
    return connector_get(test.store, id, 0, &record, &failure);
  case 1:
    return connector_history(test.store, id, 0, 0, &changes, &failure);
  default:
    return connector_get_as_of(test.store, id, 1, &record, &failure);
  }
}

static void what_cant_be_seen_has_the_one_face_of_not_found(void **state)
{
  (void)state;
  static const char *const absent[] = {
    "", "x", "cnn_", "\xff\xfe", "cnn_01\n02", "%s%n", "cnn_00000000000000000000000000"
  };
  char hidden[HIDDEN][ID_SIZE];
  hide(hidden);
  become_ann();
  assert_not_found(ask(0, "cnn_none"));
  connector_error face = failure;
  for (int which = 0; which < 3; which++) {
    for (size_t i = 0; i < COUNT_OF(absent) + HIDDEN; i++) {
      assert_not_found(ask(which, i < HIDDEN ? hidden[i] : absent[i - HIDDEN]));
      assert_memory_equal(&failure.status, &face.status, sizeof(face.status));
      assert_memory_equal(failure.field, face.field, sizeof(face.field));
      assert_memory_equal(failure.message, face.message, sizeof(face.message));
    }
  }
}

static void the_feed_holds_nothing_of_what_cant_be_seen(void **state)
{
  (void)state;
  char hidden[HIDDEN][ID_SIZE];
  char seen[3][ID_SIZE];
  hide(hidden);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_TENANT);
  current.app_id = "app-1";
  make_id(PATCH(.name = "org"), seen[0]);
  make_id(PATCH(personal("user-ann")), seen[1]);
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-1"), seen[2]);
  become_ann();
  connector_changes *changes = feed_after(0);
  assert_int_equal(connector_changes_count(changes), 3);
  for (size_t i = 0; i < 3; i++)
    assert_text(connector_changes_at(changes, i)->id, seen[i]);
  connector_changes_free(changes);
}

static void a_system_caller_reads_every_tenant_or_the_one_it_names(void **state)
{
  (void)state;
  char hidden[HIDDEN][ID_SIZE];
  hide(hidden);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  size_t all = changes_behind(0);
  assert_int_equal(all, 8);
  assert_int_equal(changes_of_kind(hidden[5], CONNECTOR_CHANGE_CREATED), 1);
  become("tenant-b", NULL, CONNECTOR_ROLE_SYSTEM);
  assert_int_equal(changes_behind(0), 1);
  assert_not_found(ask(1, hidden[0]));
}

static void deleted_and_purged_connectors_keep_their_history(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(personal("user-ann")), id);
  assert_ok(connector_delete(test.store, id, 0, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  connector_changes *changes = history_of(id);
  assert_int_equal(connector_changes_count(changes), 2);
  connector_changes_free(changes);
  assert_ok(connector_purge(test.store, id, &failure));
  changes = history_of(id);
  assert_int_equal(connector_changes_count(changes), 3);
  assert_int_equal(connector_changes_at(changes, 0)->kind, CONNECTOR_CHANGE_PURGED);
  assert_false(connector_changes_at(changes, 0)->out_of_reach);
  connector_changes_free(changes);
  become("tenant-a", "user-bob", CONNECTOR_ROLE_MEMBER);
  assert_not_found(ask(1, id));
}

/* ---- records that move ---- */

static void a_record_that_leaves_is_told_once_and_without_patches(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "canary-open"), id);
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  int64_t seen = newest_seq();
  become("tenant-a", "user-bob", CONNECTOR_ROLE_TENANT);
  assert_ok(connector_update(test.store, id, 0, PATCH(personal("user-bob"), .name = "canary-bob"),
                             NULL, &failure));
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "canary-more"), NULL, &failure));
  assert_ok(connector_delete(test.store, id, 0, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  connector_changes *changes = feed_after(seen);
  assert_int_equal(connector_changes_count(changes), 1);
  const connector_change *change = connector_changes_at(changes, 0);
  assert_text(change->id, id);
  assert_true(change->out_of_reach);
  assert_null(change->forward);
  assert_null(change->back);
  connector_changes_free(changes);
}

static void what_has_left_is_not_found(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(0), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(personal("user-bob")), NULL, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  for (int which = 0; which < 3; which++)
    assert_not_found(ask(which, id));
}

static void a_record_that_enters_shows_forward_but_not_back(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(personal("user-bob"), .name = "canary-bob"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.scope = CONNECTOR_SCOPE_ORG, .name = "open"),
                             NULL, &failure));
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "opener"), NULL, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  connector_changes *lists[] = { history_of(id), feed_after(0) };
  for (size_t i = 0; i < 2; i++) {
    assert_int_equal(connector_changes_count(lists[i]), 2);
    const connector_change *entered = connector_changes_at(lists[i], 1 - i);
    assert_int_equal(entered->version, 2);
    assert_false(entered->out_of_reach);
    assert_contains(entered->forward, "\"name\":\"open\"");
    assert_null(entered->back);
    const connector_change *after = connector_changes_at(lists[i], i);
    assert_int_equal(after->version, 3);
    assert_contains(after->back, "\"name\":\"open\"");
    connector_changes_free(lists[i]);
  }
}

/* Which fields were emptied would tell what they held. */
static void a_record_that_enters_shows_only_what_was_set(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(personal("user-bob"), .provider = "canary", .config = "{\"canary\":1,\"a\":1}"),
          id);
  assert_ok(connector_update(test.store, id, 0,
                             PATCH(.scope = CONNECTOR_SCOPE_ORG, .config = "{\"a\":2}",
                                   .clear = CONNECTOR_BIT(CONNECTOR_FIELD_PROVIDER)),
                             NULL, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  connector_changes *changes = history_of(id);
  assert_int_equal(connector_changes_count(changes), 1);
  const connector_change *change = connector_changes_at(changes, 0);
  assert_contains(change->forward, "\"scope\":\"org\"");
  assert_lacks(change->forward, "canary");
  assert_lacks(change->forward, "null");
  connector_changes_free(changes);
}

static void a_record_that_comes_back_hides_what_was_between(void **state)
{
  (void)state;
  char id[ID_SIZE];
  make_id(PATCH(.name = "v1"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(personal("user-bob"), .name = "canary-2"),
                             NULL, &failure));
  assert_ok(connector_update(test.store, id, 0, PATCH(.name = "canary-3"), NULL, &failure));
  assert_ok(connector_update(test.store, id, 0, PATCH(.scope = CONNECTOR_SCOPE_ORG, .name = "v4"),
                             NULL, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  connector_changes *changes = history_of(id);
  assert_int_equal(connector_changes_count(changes), 3);
  assert_int_equal(connector_changes_at(changes, 0)->version, 4);
  assert_true(connector_changes_at(changes, 1)->out_of_reach);
  assert_int_equal(connector_changes_at(changes, 2)->version, 1);
  for (size_t i = 0; i < 3; i++) {
    char *json = NULL;
    assert_ok(connector_change_to_json(connector_changes_at(changes, i), &json, NULL, &failure));
    assert_lacks(json, "canary");
    connector_string_free(json);
  }
  connector_changes_free(changes);
}

static void leaving_a_group_leaves_its_records(void **state)
{
  (void)state;
  static const char *const groups[] = { "group-1", "group-2" };
  char id[ID_SIZE];
  make_id(PATCH(.scope = CONNECTOR_SCOPE_GROUP, .group_id = "group-1"), id);
  assert_ok(connector_update(test.store, id, 0, PATCH(.group_id = "group-2"), NULL, &failure));
  become("tenant-a", "user-ann", CONNECTOR_ROLE_MEMBER);
  current.group_ids = groups;
  for (size_t count = 0; count <= 2; count++) {
    current.group_count = count;
    connector_changes *changes = feed_after(0);
    assert_int_equal(connector_changes_count(changes), count == 0 ? 0 : 2);
    if (count > 0)
      assert_int_equal(connector_changes_at(changes, 1)->out_of_reach, count == 1);
    connector_changes_free(changes);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    memory_test(history_is_read_newest_first_in_pages),
    memory_test(a_limit_of_zero_is_a_hundred),
    folder_test(no_changes_are_a_list_too),
    memory_test(bad_arguments_are_named),
    memory_test(what_cant_be_seen_has_the_one_face_of_not_found),
    memory_test(the_feed_holds_nothing_of_what_cant_be_seen),
    memory_test(a_system_caller_reads_every_tenant_or_the_one_it_names),
    memory_test(deleted_and_purged_connectors_keep_their_history),
    memory_test(a_record_that_leaves_is_told_once_and_without_patches),
    memory_test(what_has_left_is_not_found),
    memory_test(a_record_that_enters_shows_forward_but_not_back),
    memory_test(a_record_that_enters_shows_only_what_was_set),
    memory_test(a_record_that_comes_back_hides_what_was_between),
    memory_test(leaving_a_group_leaves_its_records),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
