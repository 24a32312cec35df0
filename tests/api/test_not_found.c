/*
 * NOT_FOUND has one face: of every call that takes an id the whole error for a record that the
 * caller can't have is byte for byte the one for an id that never was, whatever the record is:
 * another tenant's, app's or person's, deleted, purged, or kept back by the host. Control: a host
 * that refuses with DENIED instead is told from an id that never was, in every call.
 */
#include "sanitizer.h"
#include "secret_host.h"

enum {
  PAIRS = UNDER_SANITIZER ? 1000 : 10000, /* for each call */
  RECORDS = 240,
  TENANTS = 3,
  APPS = 3,
  LEASES = 3
};

enum life { LIVE, DELETED, PURGED };

struct known {
  char id[ID_SIZE];
  size_t tenant, app; /* app 0: none */
  size_t user, group; /* 0: the asker's, where the scope asks for one */
  connector_scope scope;
  enum life life;
  bool kept_back; /* by the host */
  connector_lease *leases[LEASES];
};

static struct known records[RECORDS];

static const char *const tenants[TENANTS] = { "tenant-a", "tenant-b", "tenant-c" };
static const char *const apps[APPS] = { NULL, "app-1", "app-2" };
static const char *const users[] = { "user-ann", "user-bob" };
static const char *const groups[] = { "group-1", "group-2" };

/* ---- who asks ---- */

struct asker {
  connector_role role;
  size_t app;
};

static const struct asker askers[] = {
  { CONNECTOR_ROLE_MEMBER, 0 }, { CONNECTOR_ROLE_MEMBER, 1 }, { CONNECTOR_ROLE_TENANT, 0 },
  { CONNECTOR_ROLE_TENANT, 1 }, { CONNECTOR_ROLE_SYSTEM, 0 }, { CONNECTOR_ROLE_SYSTEM, 1 },
};

static void ask_as(const struct asker *asker)
{
  become(tenants[0], users[0], asker->role);
  current.app_id = apps[asker->app];
  current.group_ids = groups; /* the first of them alone */
  current.group_count = 1;
}

static bool in_reach(const struct asker *asker, const struct known *record)
{
  bool reached = asker->role != CONNECTOR_ROLE_MEMBER || record->scope == CONNECTOR_SCOPE_ORG ||
                 (record->scope == CONNECTOR_SCOPE_USER ? record->user == 0 : record->group == 0);
  return record->tenant == 0 && (asker->app == 0 || asker->app == record->app) && reached;
}

/* ---- the host ---- */

static connector_status refusal; /* of what the host keeps back */

static connector_status keep_back(void *user, const connector_caller *caller,
                                  connector_action action, const connector *record,
                                  connector_error *error)
{
  (void)user;
  (void)caller;
  (void)action;
  if (record == NULL || record->type == NULL || strcmp(record->type, "kept-back") != 0)
    return CONNECTOR_OK;
  snprintf(error->field, sizeof(error->field), "type");
  snprintf(error->message, sizeof(error->message), "the host keeps %s back", record->id);
  error->version = record->version;
  error->os_code = 7;
  return refusal;
}

/* ---- the records ---- */

static void as_owner(const struct known *record)
{
  become(tenants[record->tenant], users[record->user], CONNECTOR_ROLE_TENANT);
  current.app_id = apps[record->app];
}

static void make_record(struct known *record, uint64_t *seed)
{
  record->tenant = random_below(seed, 2) == 0 ? 0 : random_below(seed, TENANTS);
  record->app = random_below(seed, APPS);
  record->user = random_below(seed, 2);
  record->group = random_below(seed, 2);
  record->scope = (connector_scope)(1 + random_below(seed, 3));
  record->kept_back = random_below(seed, 8) == 0;
  as_owner(record);
  make_id(PATCH(.name = "hidden", .type = record->kept_back ? "kept-back" : "shown",
                .auth_type = "oauth2", .scope = record->scope, .owner_id = users[record->user],
                .user_id = users[record->user], .group_id = groups[record->group]),
          record->id);
}

static void end_record(struct known *record, uint64_t *seed)
{
  size_t chance = random_below(seed, 6);
  record->life = chance == 0 ? PURGED : chance == 1 ? DELETED : LIVE;
  as_owner(record);
  if (record->life != LIVE)
    assert_ok(connector_delete(test.store, record->id, 0, &failure));
  if (record->life == PURGED)
    assert_ok(connector_purge(test.store, record->id, &failure));
}

static const char *const purposes[LEASES] = { CONNECTOR_PURPOSE_REFRESH, CONNECTOR_PURPOSE_ROTATION,
                                              "any" };

/* Records of all kinds, each with a second version, some health, leases and a secret. */
static void make_all(void)
{
  uint64_t seed = 20261220;
  for (size_t i = 0; i < RECORDS; i++) {
    struct known *record = &records[i];
    make_record(record, &seed);
    assert_ok(
        connector_update(test.store, record->id, 1, PATCH(.provider = "okta"), NULL, &failure));
    assert_ok(connector_sync_started(test.store, record->id, &failure));
    for (size_t k = 0; k < LEASES; k++)
      assert_ok(connector_lease_take(test.store, record->id, purposes[k], 3600000,
                                     &record->leases[k], &failure));
    (void)put_json(record->id, "{\"token\":\"a secret of the tests\"}");
    end_record(record, &seed);
  }
}

/* Their memory alone matters. */
static void release_all(void)
{
  for (size_t i = 0; i < RECORDS; i++) {
    as_owner(&records[i]);
    for (size_t k = 0; k < LEASES; k++)
      (void)!connector_lease_release(test.store, records[i].leases[k], &failure);
  }
}

static connector_secret *spare_secret; /* to write */

static int setup_records(void **state)
{
  connector_options options = test_options();
  options.authorize = keep_back;
  options.clock = test_clock;
  if (setup_folder(state) != 0)
    return -1;
  if (open_sealed(":memory:", &options, test_root_key, &test.store) != CONNECTOR_OK)
    return -1;
  refusal = CONNECTOR_OK;
  memset(records, 0, sizeof(records));
  make_all();
  refusal = CONNECTOR_NOT_FOUND;
  spare_secret = secret_of("{\"token\":\"another\"}");
  return 0;
}

static int teardown_records(void **state)
{
  release_all();
  connector_secret_free(spare_secret);
  return teardown(state);
}

#define records_test(name) cmocka_unit_test_setup_teardown(name, setup_records, teardown_records)

/* ---- the calls ---- */

/* What a call told: nothing but the error, where it failed. */
struct told {
  connector_status status;
  connector_error error;
  int64_t number; /* as it was before, or what was counted */
  bool gave;      /* something was handed out */
};

static void note_given(struct told *told, connector *record)
{
  told->gave = record != NULL;
  connector_free(record);
}

static void do_get(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_get(test.store, id, 0, &record, &told->error);
  note_given(told, record);
}

static void do_get_deleted(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_get(test.store, id, CONNECTOR_WITH_DELETED, &record, &told->error);
  note_given(told, record);
}

static void do_get_as_of(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_get_as_of(test.store, id, 1, &record, &told->error);
  note_given(told, record);
}

static void do_get_as_of_none(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_get_as_of(test.store, id, 99, &record, &told->error);
  note_given(told, record);
}

static void do_history(const char *id, struct told *told)
{
  connector_changes *changes = NULL;
  told->status = connector_history(test.store, id, 0, 0, &changes, &told->error);
  told->gave = changes != NULL;
  connector_changes_free(changes);
}

static void do_count(const char *id, struct told *told)
{
  const connector_filter filter = { .field = CONNECTOR_FIELD_ID, .text = id };
  told->status = connector_count(test.store, QUERY(.filters = &filter, .filter_count = 1),
                                 &told->number, &told->error);
}

static void do_update(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_update(test.store, id, 0, PATCH(.name = "mine"), &record, &told->error);
  note_given(told, record);
}

static void do_update_old(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_update(test.store, id, 77, PATCH(.name = "mine"), &record, &told->error);
  note_given(told, record);
}

static void do_update_wrong(const char *id, struct told *told)
{
  told->status = connector_update(test.store, id, 0, PATCH(.config = "{"), NULL, &told->error);
}

static void do_update_nothing(const char *id, struct told *told)
{
  told->status = connector_update(test.store, id, 0, PATCH(0), NULL, &told->error);
}

static void do_update_json(const char *id, struct told *told)
{
  static const char json[] = "{\"config\":{\"a\":1},\"version\":2}";
  connector *record = NULL;
  told->status = connector_update_json(test.store, id, 0, json, sizeof(json) - 1, &record,
                                       &told->error);
  note_given(told, record);
}

static void do_delete(const char *id, struct told *told)
{
  told->status = connector_delete(test.store, id, 0, &told->error);
}

static void do_delete_old(const char *id, struct told *told)
{
  told->status = connector_delete(test.store, id, 77, &told->error);
}

static void do_restore(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_restore(test.store, id, 0, &record, &told->error);
  note_given(told, record);
}

static void do_restore_old(const char *id, struct told *told)
{
  told->status = connector_restore(test.store, id, 77, NULL, &told->error);
}

static void do_purge(const char *id, struct told *told)
{
  told->status = connector_purge(test.store, id, &told->error);
}

static void do_sync_started(const char *id, struct told *told)
{
  told->status = connector_sync_started(test.store, id, &told->error);
}

static void do_sync_succeeded(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_sync_succeeded(test.store, id, NULL, &record, &told->error);
  note_given(told, record);
}

static void do_sync_failed(const char *id, struct told *told)
{
  connector *record = NULL;
  told->status = connector_sync_failed(test.store, id, CONNECTOR_FAILURE_AUTH, "no", 0, &record,
                                       &told->error);
  note_given(told, record);
}

static void do_health(const char *id, struct told *told)
{
  connector_health health = CONNECTOR_HEALTH_INIT;
  told->status = connector_health_get(test.store, id, &health, &told->error);
  told->gave = health.started_at != 0 || health.retry_at != 0;
}

static void do_lease(const char *id, struct told *told)
{
  connector_lease *lease = NULL;
  told->status = connector_lease_take(test.store, id, "any", 1000, &lease, &told->error);
  told->gave = lease != NULL;
  if (lease != NULL)
    assert_ok(connector_lease_release(test.store, lease, &failure));
}

static void do_secret_get(const char *id, struct told *told)
{
  connector_secret *secret = NULL;
  told->status = connector_secret_get(test.store, id, 0, &secret, &told->error);
  told->gave = secret != NULL;
  connector_secret_free(secret);
}

static void do_secret_get_none(const char *id, struct told *told)
{
  connector_secret *secret = NULL;
  told->status = connector_secret_get(test.store, id, 99, &secret, &told->error);
  told->gave = secret != NULL;
}

static void do_secret_put(const char *id, struct told *told)
{
  told->status = connector_secret_put(test.store, id, spare_secret, -1, &told->number,
                                      &told->error);
}

static void do_secret_put_first(const char *id, struct told *told)
{
  told->status = connector_secret_put(test.store, id, spare_secret, 0, &told->number, &told->error);
}

static void do_secret_delete(const char *id, struct told *told)
{
  told->status = connector_secret_delete(test.store, id, 0, &told->error);
}

static void do_secret_restore(const char *id, struct told *told)
{
  told->status = connector_secret_restore(test.store, id, 1, &told->error);
}

static void do_secret_destroy(const char *id, struct told *told)
{
  told->status = connector_secret_destroy(test.store, id, 0, &told->error);
}

static connector_status count_version(void *user, const connector_secret_version_info *info,
                                      connector_error *error)
{
  struct told *told = user;
  (void)info;
  (void)error;
  told->gave = true;
  return CONNECTOR_OK;
}

static void do_secret_versions(const char *id, struct told *told)
{
  told->status = connector_secret_versions(test.store, id, count_version, told, &told->error);
}

static void do_secret_invalidate(const char *id, struct told *told)
{
  told->status = connector_secret_invalidate(test.store, id, &told->error);
}

struct call {
  const char *name;
  void (*run)(const char *id, struct told *told);
  enum life sees; /* of what is in reach: records up to this, LIVE alone or DELETED too or all */
  connector_status told;
  bool asks_no_host; /* lists are the host's to filter by other means */
};

#define CALL(call, most)                                                                           \
  {                                                                                                \
    .name = #call, .run = (call), .sees = (most), .told = CONNECTOR_NOT_FOUND                      \
  }

static const struct call calls[] = {
  CALL(do_get, LIVE),
  CALL(do_get_deleted, DELETED),
  CALL(do_get_as_of, PURGED),
  CALL(do_get_as_of_none, PURGED),
  CALL(do_history, PURGED),
  CALL(do_update, LIVE),
  CALL(do_update_old, LIVE),
  CALL(do_update_nothing, LIVE),
  CALL(do_update_json, LIVE),
  CALL(do_delete, LIVE),
  CALL(do_delete_old, LIVE),
  CALL(do_restore, DELETED),
  CALL(do_restore_old, DELETED),
  CALL(do_purge, DELETED),
  CALL(do_sync_started, LIVE),
  CALL(do_sync_succeeded, LIVE),
  CALL(do_sync_failed, LIVE),
  CALL(do_health, LIVE),
  CALL(do_lease, LIVE),
  CALL(do_secret_get, LIVE),
  CALL(do_secret_get_none, LIVE),
  CALL(do_secret_put, LIVE),
  CALL(do_secret_put_first, LIVE),
  CALL(do_secret_delete, LIVE),
  CALL(do_secret_restore, LIVE),
  CALL(do_secret_destroy, DELETED),
  CALL(do_secret_versions, LIVE),
  CALL(do_secret_invalidate, LIVE),
};

/* Those that answer the same whatever the id is. */
static const struct call blind_calls[] = {
  { .name = "count", .run = do_count, .told = CONNECTOR_OK, .asks_no_host = true },
  { .name = "update with a wrong field", .run = do_update_wrong, .told = CONNECTOR_INVALID },
};

/* ---- pairs ---- */

/* What the asker can't have by this call. */
static bool is_hidden(const struct call *call, const struct asker *asker,
                      const struct known *record)
{
  bool kept_back = record->kept_back && record->life != PURGED && !call->asks_no_host;
  return !in_reach(asker, record) || record->life > call->sees || kept_back;
}

static const struct known *some_hidden(const struct call *call, const struct asker *asker,
                                       uint64_t *seed)
{
  for (;;) {
    const struct known *record = &records[random_below(seed, RECORDS)];
    if (is_hidden(call, asker, record))
      return record;
  }
}

/* An id that never was: most look as if, with a time at which there were records. */
static void some_absent(char id[ID_SIZE], uint64_t *seed)
{
  static const char digits[] = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
  static const char *const odd[] = { "", "x", "cnn_", "cnn_!", "another-1", "' OR 1=1 --" };
  size_t length = strlen(records[0].id);
  if (random_below(seed, 8) == 0) {
    snprintf(id, ID_SIZE, "%s", odd[random_below(seed, COUNT_OF(odd))]);
    return;
  }
  memcpy(id, records[0].id, length + 1);
  for (size_t i = length - 16; i < length; i++)
    id[i] = digits[random_below(seed, 32)];
}

static struct told ask(const struct call *call, const char *id, int filler)
{
  struct told told;
  memset(&told, 0, sizeof(told));
  memset(&told.error, filler, sizeof(told.error)); /* nothing of it stays */
  call->run(id, &told);
  return told;
}

static bool is_same(const struct told *left, const struct told *right)
{
  return left->status == right->status && left->gave == right->gave &&
         left->number == right->number &&
         memcmp(&left->error, &right->error, sizeof(left->error)) == 0;
}

static void print_told(const char *whose, const struct told *told)
{
  print_error("  %s: %s; field \"%.63s\", message \"%.255s\", version %d, os_code %d\n", whose,
              connector_status_name(told->status), told->error.field, told->error.message,
              (int)told->error.version, told->error.os_code);
}

static void compare_pair(const struct call *call, uint64_t *seed)
{
  char absent[ID_SIZE];
  const struct asker *asker = &askers[random_below(seed, COUNT_OF(askers))];
  const struct known *record = some_hidden(call, asker, seed);
  some_absent(absent, seed);
  ask_as(asker);
  struct told hidden = ask(call, record->id, 0x5a);
  struct told never = ask(call, absent, 0xa5);
  if (hidden.status == call->told && !hidden.gave && hidden.number == 0 && is_same(&hidden, &never))
    return;
  print_error("%s of a record of %s, app %zu, scope %d, life %d, and of \"%s\"\n", call->name,
              tenants[record->tenant], record->app, (int)record->scope, (int)record->life, absent);
  print_told("hidden", &hidden);
  print_told("absent", &never);
  fail();
}

static void not_found_has_one_face(void **state)
{
  uint64_t seed = 20261221;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(calls); i++)
    for (int pair = 0; pair < PAIRS; pair++)
      compare_pair(&calls[i], &seed);
  for (size_t i = 0; i < COUNT_OF(blind_calls); i++)
    for (int pair = 0; pair < PAIRS; pair++)
      compare_pair(&blind_calls[i], &seed);
  print_figure("%d pairs of a hidden and an absent id, for each of %d calls", (int)PAIRS,
               (int)(COUNT_OF(calls) + COUNT_OF(blind_calls)));
}

/* What is asked for changes nothing: each record is as its owner left it. */
static void what_was_refused_changed_nothing(void **state)
{
  uint64_t seed = 20261222;
  (void)state;
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  refusal = CONNECTOR_OK;
  int64_t before = count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE));
  int64_t newest = -1;
  int64_t afterwards = -1;
  assert_ok(connector_changes_wait(test.store, 0, 0, &newest, &failure));
  refusal = CONNECTOR_NOT_FOUND;
  for (size_t i = 0; i < COUNT_OF(calls); i++)
    for (int pair = 0; pair < 50; pair++)
      compare_pair(&calls[i], &seed);
  become(NULL, NULL, CONNECTOR_ROLE_SYSTEM);
  refusal = CONNECTOR_OK;
  assert_int_equal(count_of(QUERY(.deleted = CONNECTOR_DELETED_INCLUDE)), before);
  assert_ok(connector_changes_wait(test.store, 0, 0, &afterwards, &failure));
  assert_int_equal(afterwards, newest);
}

/* ---- leases of others ---- */

struct lease_call {
  const char *name;
  connector_status (*run)(connector_lease *lease, connector_error *error);
  size_t purpose;
};

static connector_status do_renew(connector_lease *lease, connector_error *error)
{
  return connector_lease_renew(test.store, lease, 1000, error);
}

static connector_status do_refreshed(connector_lease *lease, connector_error *error)
{
  return connector_refreshed(test.store, lease, 0, NULL, error);
}

static connector_status do_refresh_failed(connector_lease *lease, connector_error *error)
{
  return connector_refresh_failed(test.store, lease, CONNECTOR_FAILURE_AUTH, "no", error);
}

static connector_status do_rotated(connector_lease *lease, connector_error *error)
{
  return connector_rotated(test.store, lease, 0, NULL, error);
}

static const struct lease_call lease_calls[] = {
  { "renew", do_renew, 2 },
  { "refreshed", do_refreshed, 0 },
  { "refresh failed", do_refresh_failed, 0 },
  { "rotated", do_rotated, 1 },
};

/* A record of the asker's own tenant that was purged: its leases are of what no longer is. */
static const struct known *purged_record(void)
{
  for (size_t i = 0; i < RECORDS; i++)
    if (records[i].life == PURGED && records[i].tenant == 0 && records[i].app == 1 &&
        records[i].scope == CONNECTOR_SCOPE_ORG)
      return &records[i];
  fail_msg("no record was purged");
  return NULL;
}

static void compare_leases(const struct lease_call *call, uint64_t *seed)
{
  static const struct call sees_live = { .sees = LIVE };
  const struct asker *asker = &askers[random_below(seed, COUNT_OF(askers))];
  const struct known *record = some_hidden(&sees_live, asker, seed);
  struct told hidden = { .number = 0 };
  struct told never = { .number = 0 };
  memset(&hidden.error, 0x5a, sizeof(hidden.error));
  memset(&never.error, 0xa5, sizeof(never.error));
  ask_as(asker);
  hidden.status = call->run(record->leases[call->purpose], &hidden.error);
  never.status = call->run(purged_record()->leases[call->purpose], &never.error);
  if (hidden.status == CONNECTOR_NOT_FOUND && is_same(&hidden, &never))
    return;
  print_error("%s with a lease on a record of %s, app %zu, scope %d, life %d\n", call->name,
              tenants[record->tenant], record->app, (int)record->scope, (int)record->life);
  print_told("hidden", &hidden);
  print_told("purged", &never);
  fail();
}

static void a_lease_tells_nothing_of_a_hidden_record(void **state)
{
  uint64_t seed = 20261223;
  (void)state;
  for (size_t i = 0; i < COUNT_OF(lease_calls); i++)
    for (int pair = 0; pair < PAIRS; pair++)
      compare_leases(&lease_calls[i], &seed);
}

/* ---- the control ---- */

static const struct known *some_kept_back(void)
{
  static const struct asker tenant = { CONNECTOR_ROLE_TENANT, 0 };
  for (size_t i = 0; i < RECORDS; i++)
    if (records[i].kept_back && records[i].life == LIVE && in_reach(&tenant, &records[i]))
      return &records[i];
  fail_msg("no record is kept back");
  return NULL;
}

/* A restore of a live record asks the host too, and every call of the others does. */
static void a_host_that_denies_is_told_from_an_id_that_never_was(void **state)
{
  static const struct asker tenant = { CONNECTOR_ROLE_TENANT, 0 };
  uint64_t seed = 20261224;
  (void)state;
  refusal = CONNECTOR_DENIED;
  ask_as(&tenant);
  for (size_t i = 0; i < COUNT_OF(calls); i++) {
    char absent[ID_SIZE];
    some_absent(absent, &seed);
    struct told kept = ask(&calls[i], some_kept_back()->id, 0x5a);
    struct told never = ask(&calls[i], absent, 0x5a);
    if (is_same(&kept, &never))
      fail_msg("%s tells no difference", calls[i].name);
  }
}

/* One bit anywhere in the error is a difference. */
static void any_bit_is_a_difference(void **state)
{
  (void)state;
  ask_as(&askers[0]);
  const struct told told = ask(&calls[0], "cnn_none", 0x5a);
  for (size_t i = 0; i < sizeof(told.error) * 8; i++) {
    struct told bent = told;
    ((unsigned char *)&bent.error)[i / 8] ^= (unsigned char)(1u << i % 8);
    assert_false(is_same(&told, &bent));
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    records_test(not_found_has_one_face),
    records_test(what_was_refused_changed_nothing),
    records_test(a_lease_tells_nothing_of_a_hidden_record),
    records_test(a_host_that_denies_is_told_from_an_id_that_never_was),
    records_test(any_bit_is_a_difference),
  };
  return cmocka_run_group_tests_name("one face of NOT_FOUND", tests, NULL, NULL);
}
