/*
 * Tenancy: random operations of many tenants, apps, people and roles against a small model, and
 * canary text of each tenant looked for in everything that others are shown.
 */
#include "support.h"

enum {
  OPERATIONS = 4000,
  MODELS = 700,
  TENANTS = 4,
  APPS = 3,
  USERS = 3,
  GROUPS = 3
};

/* What a record is to be. */
struct model {
  char id[ID_SIZE];
  size_t tenant, app, user, group; /* app 0 = none */
  connector_scope scope;
  int64_t version;
  bool deleted, purged;
};

static struct model models[MODELS];
static size_t model_count;

/* Who is asking, as the model sees it. */
static struct {
  size_t tenant, app, user;
  bool groups[GROUPS];
  connector_role role;
  bool all_tenants;
} asker;

static const char *const tenants[TENANTS] = { "tenant-0", "tenant-1", "tenant-2", "tenant-3" };
static const char *const apps[APPS] = { NULL, "app-1", "app-2" };
static const char *const users[USERS] = { "user-0", "user-1", "user-2" };
static const char *const groups[GROUPS] = { "group-0", "group-1", "group-2" };
static const char *const canaries[TENANTS] = { "CANARY-ZERO", "CANARY-ONE", "CANARY-TWO",
                                               "CANARY-THREE" };

static void become_random(uint64_t *seed)
{
  static const char *asked_groups[GROUPS];
  size_t count = 0;
  size_t pick = random_below(seed, 20);
  asker.tenant = random_below(seed, TENANTS);
  asker.app = random_below(seed, APPS);
  asker.user = random_below(seed, USERS);
  asker.role = pick < 13   ? CONNECTOR_ROLE_MEMBER
               : pick < 18 ? CONNECTOR_ROLE_TENANT
                           : CONNECTOR_ROLE_SYSTEM;
  asker.all_tenants = pick == 19;
  become(asker.all_tenants ? NULL : tenants[asker.tenant], users[asker.user], asker.role);
  current.app_id = apps[asker.app];
  for (size_t i = 0; i < GROUPS; i++) {
    asker.groups[i] = random_below(seed, 2) == 0;
    if (asker.groups[i])
      asked_groups[count++] = groups[i];
  }
  current.group_ids = asked_groups;
  current.group_count = count;
}

static bool in_reach(const struct model *model)
{
  if (asker.role != CONNECTOR_ROLE_MEMBER || model->scope == CONNECTOR_SCOPE_ORG)
    return true;
  if (model->scope == CONNECTOR_SCOPE_USER)
    return model->user == asker.user;
  return asker.groups[model->group];
}

static bool visible(const struct model *model)
{
  return !model->purged && (asker.all_tenants || model->tenant == asker.tenant) &&
         (asker.app == 0 || model->app == asker.app) && in_reach(model);
}

static void assert_no_foreign_canary(const char *text)
{
  for (size_t i = 0; i < TENANTS; i++)
    if (!asker.all_tenants && i != asker.tenant)
      assert_lacks(text, canaries[i]);
}

/* What the last call said, and the record that it gave, hold nothing of another tenant. */
static void assert_clean(const connector *record)
{
  assert_no_foreign_canary(failure.message);
  assert_no_foreign_canary(failure.field);
  for (size_t i = 0; i < TENANTS; i++) {
    if (asker.all_tenants || i == asker.tenant)
      continue;
    assert_null(strstr(failure.message, tenants[i]));
    assert_null(strstr(failure.field, tenants[i]));
  }
  if (record != NULL) {
    char *json = NULL;
    assert_ok(connector_to_json(record, 0, &json, NULL, &failure));
    assert_no_foreign_canary(json);
    connector_string_free(json);
  }
}

static void random_reach(struct model *model, connector_patch *patch, uint64_t *seed)
{
  model->scope = (connector_scope)(1 + random_below(seed, 3));
  model->user = random_below(seed, USERS);
  model->group = random_below(seed, GROUPS);
  patch->scope = model->scope;
  patch->owner_id = users[model->user];
  patch->user_id = users[model->user];
  patch->group_id = groups[model->group];
}

static void try_create(uint64_t *seed)
{
  struct model model = { .tenant = asker.tenant, .app = asker.app, .version = 1 };
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;
  random_reach(&model, &patch, seed);
  patch.name = canaries[asker.tenant];
  if (asker.all_tenants || model_count == MODELS)
    return;
  if (!in_reach(&model)) {
    assert_status(connector_create(test.store, &patch, &record, &failure), CONNECTOR_DENIED);
    assert_clean(NULL);
    return;
  }
  assert_ok(connector_create(test.store, &patch, &record, &failure));
  assert_text(record->tenant_id, tenants[asker.tenant]);
  assert_text(record->app_id, apps[asker.app]);
  snprintf(model.id, sizeof(model.id), "%s", record->id);
  models[model_count++] = model;
  connector_free(record);
}

static void try_get(const struct model *model, bool with_deleted)
{
  connector *record = NULL;
  bool wanted = visible(model) && (with_deleted || !model->deleted);
  assert_status(connector_get(test.store, model->id, with_deleted ? CONNECTOR_WITH_DELETED : 0,
                              &record, &failure),
                wanted ? CONNECTOR_OK : CONNECTOR_NOT_FOUND);
  assert_clean(record);
  if (wanted) {
    assert_int_equal(record->version, model->version);
    assert_int_equal(record->is_deleted, model->deleted);
    assert_text(record->name, canaries[model->tenant]);
  }
  connector_free(record);
}

static void try_update(struct model *model, uint64_t *seed)
{
  struct model changed = *model;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *record = NULL;
  bool old_version = random_below(seed, 4) == 0;
  random_reach(&changed, &patch, seed);
  connector_status wanted = !visible(model) || model->deleted ? CONNECTOR_NOT_FOUND
                            : old_version                     ? CONNECTOR_CONFLICT
                            : !in_reach(&changed)             ? CONNECTOR_DENIED
                                                              : CONNECTOR_OK;
  memset(&failure, 0, sizeof(failure));
  connector_status got = connector_update(
      test.store, model->id, old_version ? model->version + 1 : 0, &patch, &record, &failure);
  bool either = old_version && wanted == CONNECTOR_CONFLICT && !in_reach(&changed);
  if (got != wanted && !(either && got == CONNECTOR_DENIED))
    fail_msg("update: %s, not %s", connector_status_name(got), connector_status_name(wanted));
  assert_clean(record);
  if (got == CONNECTOR_OK) {
    changed.version++;
    *model = changed;
  }
  connector_free(record);
}

static void try_end(struct model *model, size_t kind)
{
  bool seen = visible(model);
  if (kind == 0) {
    assert_status(connector_delete(test.store, model->id, 0, &failure),
                  seen && !model->deleted ? CONNECTOR_OK : CONNECTOR_NOT_FOUND);
    model->version += seen && !model->deleted;
    model->deleted = model->deleted || seen;
  } else if (kind == 1) {
    assert_status(connector_restore(test.store, model->id, 0, NULL, &failure),
                  !seen            ? CONNECTOR_NOT_FOUND
                  : model->deleted ? CONNECTOR_OK
                                   : CONNECTOR_CONFLICT);
    model->version += seen && model->deleted;
    model->deleted = model->deleted && !seen;
  } else {
    assert_status(connector_purge(test.store, model->id, &failure), !seen ? CONNECTOR_NOT_FOUND
                                                                    : model->deleted
                                                                        ? CONNECTOR_OK
                                                                        : CONNECTOR_CONFLICT);
    model->purged = model->purged || (seen && model->deleted);
  }
  assert_clean(NULL);
}

static void try_list(uint64_t *seed)
{
  connector_query query = CONNECTOR_QUERY_INIT;
  query.limit = 500;
  query.deleted = (connector_deleted)random_below(seed, 3);
  query.with_total = true;
  query.search = random_below(seed, 3) == 0 ? "canary" : NULL;
  int64_t wanted = 0;
  for (size_t i = 0; i < model_count; i++)
    wanted += visible(&models[i]) && (query.deleted == CONNECTOR_DELETED_INCLUDE ||
                                      models[i].deleted == (query.deleted != 0));
  connector_page *page = list_of(&query);
  assert_int_equal(connector_page_total(page), wanted);
  assert_int_equal(count_of(&query), wanted);
  assert_int_equal(connector_page_count(page), wanted < 500 ? wanted : 500);
  char *json = NULL;
  assert_ok(connector_page_to_json(page, 0, &json, NULL, &failure));
  assert_no_foreign_canary(json);
  connector_string_free(json);
  connector_page_free(page);
}

/* Filters that name another tenant find nothing of it. */
static void try_foreign_filter(uint64_t *seed)
{
  size_t other = random_below(seed, TENANTS);
  connector_filter filter = { .field = CONNECTOR_FIELD_TENANT_ID, .text = tenants[other] };
  int64_t count = count_of(QUERY(.filters = &filter, .filter_count = 1));
  if (!asker.all_tenants && other != asker.tenant)
    assert_int_equal(count, 0);
  filter = (connector_filter){ .field = CONNECTOR_FIELD_NAME,
                               .op = CONNECTOR_OP_CONTAINS,
                               .text = canaries[other] };
  count = count_of(QUERY(.filters = &filter, .filter_count = 1));
  if (!asker.all_tenants && other != asker.tenant)
    assert_int_equal(count, 0);
}

static void operate(uint64_t *seed)
{
  become_random(seed);
  size_t pick = random_below(seed, 100);
  if (pick < 20 || model_count == 0) {
    try_create(seed);
    return;
  }
  struct model *model = &models[random_below(seed, model_count)];
  if (pick < 50)
    try_get(model, pick % 2 == 0);
  else if (pick < 70)
    try_update(model, seed);
  else if (pick < 88)
    try_end(model, pick < 78 ? 0 : pick < 86 ? 1 : 2);
  else if (pick < 94)
    try_list(seed);
  else
    try_foreign_filter(seed);
}

static void nobody_sees_more_than_the_model_says(void **state)
{
  (void)state;
  static const uint64_t seeds[] = { 1, 20260101 };
  for (size_t i = 0; i < COUNT_OF(seeds); i++) {
    uint64_t seed = seeds[i];
    connector_options options = test_options();
    model_count = 0;
    close_store();
    assert_ok(connector_open(":memory:", &options, &test.store, &failure));
    for (int operation = 0; operation < OPERATIONS; operation++)
      operate(&seed);
    assert_true(model_count > 300);
  }
}

int main(void)
{
  const struct CMUnitTest tests[] = {
    folder_test(nobody_sees_more_than_the_model_says),
  };
  return cmocka_run_group_tests(tests, NULL, NULL);
}
