/*
 * What the isolation tester believes of a store: records of many tenants, apps and people, who is
 * asking, what each may see, and what history is to tell. Made from the headers and the design, not
 * from lib/.
 *
 * Every text in a record is a canary that names tenant, app and record; whatever the library shows
 * is searched for those that the asker may not see.
 */
#ifndef TESTS_MODEL_WORLD_H
#define TESTS_MODEL_WORLD_H

#include "lifecycle.h"

enum {
  TENANTS = 5,
  APPS = 3,
  USERS = 3,
  GROUPS = 3,
  SLOTS = 360,
  ROWS = 60000,
  PURPOSES = 3,
  VERSIONS = 40,
  SECRETS = 40,
  KEYS = 4,
  NOBODY = -1
};

static const char *const tenants[TENANTS] = { "tenant-0", "tenant-1", "tenant-2", "tenant-3",
                                              "tenant-4" };
static const char *const apps[APPS] = { NULL, "app-1", "app-2" };
static const char *const users[USERS] = { "user-0", "user-1", "user-2" };
static const char *const groups[GROUPS] = { "group-0", "group-1", "group-2" };
static const char *const purposes[PURPOSES] = { CONNECTOR_PURPOSE_REFRESH,
                                                CONNECTOR_PURPOSE_ROTATION,
                                                CONNECTOR_PURPOSE_SYNC };

/* ---- records ---- */

/* The texts that a user writes. */
enum text {
  TEXT_SOURCE,
  TEXT_TYPE,
  TEXT_PROVIDER,
  TEXT_NAME,
  TEXT_CONFIG,
  TEXT_AUTH_TYPE,
  TEXT_STATUS,
  TEXT_ERROR,
  TEXT_METRICS,
  TEXT_EVENTS,
  TEXT_WEBHOOK,
  TEXT_TAGS,
  TEXT_APPLICATION,
  TEXTS
};

struct reach {
  connector_scope scope;
  size_t owner, user, group;
};

struct lease {
  int64_t fence, expires_at;
  bool handed_back;
  connector_lease *handle; /* NULL where its holder died */
};

/* One version of a secret; `state` is 'l'ive, 'd'eleted, 'x' for destroyed. */
struct secret {
  int64_t count; /* versions ever; the latest is this one */
  char state[SECRETS];
  int64_t serial[SECRETS];
};

struct slot {
  char id[ID_SIZE];
  size_t tenant, app; /* app 0 = none */
  struct reach reach;
  bool there; /* false: purged */
  bool deleted;
  int64_t version, created_at, updated_at, deleted_at;
  int created_by, updated_by, deleted_by; /* users of the tenant, or NOBODY */
  int64_t serial[TEXTS];                  /* what the texts say; 0 = null */
  bool enabled, refresh_needed, has_path;
  int64_t token_expires_at, rotation_due, rotated_at, last_sync_at;
  int64_t errors, refresh_errors, total; /* total -1: metrics tells none */
  const char *status;                    /* in place of TEXT_STATUS */
  bool other_error;                      /* last_error is a report's, or none for TEXT_ERROR 0 */
  struct {
    int64_t hour, synced, syncs;
  } hours[CONNECTOR_HEALTH_HOURS];
  struct lease leases[PURPOSES];
  struct secret secret;
  struct {
    bool known;
    struct reach reach;
    int64_t name, row; /* the serial of its name; the newest row of history of that version */
  } versions[VERSIONS];
};

/* One row of history; its seq is its index + 1. */
struct row {
  size_t slot;
  connector_change_kind kind;
  int64_t version, at;
  struct reach before, after;
  bool had_before, trimmed;
  int64_t old_name, new_name;
};

/* What was created under an idempotency key. */
struct once {
  bool used;
  size_t slot;
  int64_t serial, at;
  struct reach reach;
};

/* All that a batch may undo. */
struct model {
  struct slot slots[SLOTS];
  size_t slot_count, row_count;
  struct once once[TENANTS][APPS][KEYS];
};

static struct model model;
static struct row rows[ROWS];
static int64_t serials; /* handed out */

/* What on_change was told since the last look, and how many rows there were then. */
static struct {
  size_t told, looked;
  char ids[ROWS][ID_SIZE];
  char tenants[ROWS]; /* their digits */
} notes;

static struct {
  uint64_t seed;
  size_t epoch, operation, operations, batch_depth;
  size_t searched; /* bytes */
  size_t canaries; /* that were found, all allowed */
} run;

/* ---- who is asking ---- */

static struct {
  size_t tenant, app, user;
  bool groups[GROUPS];
  connector_role role;
  bool all; /* SYSTEM without a tenant */
  bool machine;
} asker;

static inline void apply_asker(void)
{
  static const char *asked[GROUPS];
  static char person[32], request[32];
  size_t count = 0;
  become(asker.all ? NULL : tenants[asker.tenant], users[asker.user], asker.role);
  snprintf(person, sizeof(person), "PRSN-%zu-%zu.", asker.tenant, asker.user);
  snprintf(request, sizeof(request), "RQST-%zu.", asker.tenant);
  current.person_id = asker.machine ? NULL : person;
  current.request_id = asker.all ? NULL : request;
  current.app_id = apps[asker.app];
  for (size_t i = 0; i < GROUPS; i++)
    if (asker.groups[i])
      asked[count++] = groups[i];
  current.group_ids = asked;
  current.group_count = count;
}

static inline void become_random(uint64_t *seed)
{
  size_t pick = random_below(seed, 20);
  asker.tenant = random_below(seed, TENANTS);
  asker.app = random_below(seed, 2) == 0 ? 0 : random_below(seed, APPS);
  asker.user = random_below(seed, USERS);
  asker.role = pick < 11   ? CONNECTOR_ROLE_MEMBER
               : pick < 16 ? CONNECTOR_ROLE_TENANT
                           : CONNECTOR_ROLE_SYSTEM;
  asker.all = pick >= 18;
  asker.machine = asker.all || random_below(seed, 5) == 0;
  for (size_t i = 0; i < GROUPS; i++)
    asker.groups[i] = random_below(seed, 2) == 0;
  apply_asker();
}

/* ---- who sees what ---- */

static inline bool reaches(const struct reach *reach)
{
  if (asker.role != CONNECTOR_ROLE_MEMBER || reach->scope == CONNECTOR_SCOPE_ORG)
    return true;
  if (reach->scope == CONNECTOR_SCOPE_USER)
    return reach->user == asker.user || reach->owner == asker.user;
  return asker.groups[reach->group];
}

static inline bool in_tenancy(const struct slot *slot)
{
  return (asker.all || slot->tenant == asker.tenant) && (asker.app == 0 || slot->app == asker.app);
}

static inline bool visible(const struct slot *slot)
{
  return slot->there && in_tenancy(slot) && reaches(&slot->reach);
}

/* Which record the asker means by an id, deleted or not, as all calls but get find it: tenants may
 * have the same one. NULL with the status for it. */
static inline struct slot *resolve(const char *id, connector_status *status)
{
  struct slot *found = NULL;
  size_t count = 0;
  for (size_t i = 0; i < model.slot_count; i++)
    if (visible(&model.slots[i]) && strcmp(model.slots[i].id, id) == 0) {
      found = &model.slots[i];
      count++;
    }
  *status = count == 0 ? CONNECTOR_NOT_FOUND : count > 1 ? CONNECTOR_INVALID : CONNECTOR_OK;
  return count == 1 ? found : NULL;
}

/* The same for calls on live records only. */
static inline struct slot *resolve_live(const char *id, connector_status *status)
{
  struct slot *found = resolve(id, status);
  if (found == NULL || !found->deleted)
    return found;
  *status = CONNECTOR_NOT_FOUND;
  return NULL;
}

static inline struct slot *random_slot(uint64_t *seed)
{
  return &model.slots[random_below(seed, model.slot_count)];
}

/* ---- canaries ---- */

/* A text of a record as it is stored, in the caller's memory. */
static inline const char *canary(char text[160], const struct slot *slot, enum text which,
                                 int64_t serial)
{
  char name[96];
  snprintf(name, sizeof(name), "CNRY-%zu-%zu-%03zu-%lld.", slot->tenant, slot->app,
           (size_t)(slot - model.slots), (long long)serial);
  switch (which) {
  case TEXT_CONFIG:
    snprintf(text, 160, "{\"c\":\"%s\",\"n\":%lld}", name, (long long)serial);
    break;
  case TEXT_METRICS:
    snprintf(text, 160, "{\"c\":\"%s\"}", name);
    break;
  case TEXT_EVENTS:
  case TEXT_TAGS:
    snprintf(text, 160, "[\"%s\",\"t%lld\"]", name, (long long)(serial % 3));
    break;
  case TEXT_AUTH_TYPE:
    snprintf(text, 160, "oauth2 %s", name);
    break;
  default:
    snprintf(text, 160, "%s", name);
  }
  return text;
}

/* Whose canaries may be in what is looked at; NULL: of what the asker sees now. */
static const struct row *looked_at_row;

static inline bool may_see(const struct slot *slot, int64_t serial)
{
  const struct row *row = looked_at_row;
  if (row == NULL)
    return visible(slot);
  if (slot != &model.slots[row->slot] || !in_tenancy(slot))
    return false;
  /* What the name was before is told to who could see it then. */
  return serial != row->old_name || serial == row->new_name ||
         (row->had_before && reaches(&row->before));
}

static inline void leaked(const char *what, const char *at, size_t left)
{
  fail_msg("%s is shown to tenant %zu%s, app %zu, role %d, user %zu: %.*s", what, asker.tenant,
           asker.all ? " (all)" : "", asker.app, (int)asker.role, asker.user,
           (int)(left < 80 ? left : 80), at);
}

static inline void see_canary(const char *at, size_t left)
{
  size_t tenant = 0, app = 0, slot = 0;
  long long serial = 0;
  char text[64];
  snprintf(text, sizeof(text), "%.*s", (int)(left < 63 ? left : 63), at);
  if (sscanf(text, "CNRY-%zu-%zu-%zu-%lld.", &tenant, &app, &slot, &serial) != 4 ||
      slot >= model.slot_count)
    leaked("a piece of a canary", at, left);
  if (model.slots[slot].tenant != tenant || model.slots[slot].app != app ||
      !may_see(&model.slots[slot], serial))
    leaked("a record", at, left);
  run.canaries++;
}

static inline void see_tenant(const char *at, size_t left, size_t digit)
{
  if (!asker.all && (left <= digit || at[digit] != (char)('0' + asker.tenant)))
    leaked("a tenant", at, left);
}

/* Bytes that the library showed the asker. */
static inline void see(const char *bytes, size_t length)
{
  const char *end = bytes + length;
  run.searched += length;
  for (const char *at = bytes; (at = memchr(at, '-', (size_t)(end - at))) != NULL; at++) {
    size_t before = (size_t)(at - bytes);
    const char *word = at - 4;
    size_t left = (size_t)(end - word);
    if (before >= 4 && memcmp(word, "CNRY", 4) == 0)
      see_canary(word, left);
    else if (before >= 4 && (memcmp(word, "PRSN", 4) == 0 || memcmp(word, "RQST", 4) == 0))
      see_tenant(word, left, 5);
    else if (before >= 4 && memcmp(word, "SCRT", 4) == 0)
      leaked("a secret", word, left);
    else if (before >= 6 && memcmp(at - 6, "tenant", 6) == 0)
      see_tenant(at - 6, left + 2, 7);
  }
}

static inline void see_text(const char *text)
{
  if (text != NULL)
    see(text, strlen(text));
}

/* An error holds no value at all. */
static inline void see_error(void)
{
  static const char *const none[] = { "CNRY", "PRSN", "RQST", "SCRT", "tenant-" };
  for (size_t i = 0; i < COUNT_OF(none); i++) {
    assert_lacks(failure.message, none[i]);
    assert_lacks(failure.field, none[i]);
  }
}

#define answers(call, wanted)                                                                      \
  do {                                                                                             \
    assert_status((call), (wanted));                                                               \
    see_error();                                                                                   \
  } while (0)

/* ---- history ---- */

static inline int64_t now_ms(void)
{
  return test_time;
}

/* A change of a record as it now stands; `before` NULL where it was not there. */
static inline void wrote_at(struct slot *slot, connector_change_kind kind,
                            const struct slot *before)
{
  assert_true(model.row_count < ROWS);
  struct row *row = &rows[model.row_count++];
  *row = (struct row){ .slot = (size_t)(slot - model.slots),
                       .kind = kind,
                       .version = slot->version,
                       .at = now_ms(),
                       .after = slot->reach,
                       .had_before = before != NULL,
                       .new_name = slot->serial[TEXT_NAME] };
  if (before != NULL) {
    row->before = before->reach;
    row->old_name = before->serial[TEXT_NAME];
  }
  if (slot->version < VERSIONS) {
    slot->versions[slot->version].known = true;
    slot->versions[slot->version].reach = slot->reach;
    slot->versions[slot->version].name = slot->serial[TEXT_NAME];
    slot->versions[slot->version].row = (int64_t)model.row_count;
  }
}

/* A write stamps the record. */
static inline void stamp(struct slot *slot, bool moves_version)
{
  slot->updated_at = now_ms() > slot->updated_at ? now_ms() : slot->updated_at + 1;
  if (!asker.machine)
    slot->updated_by = (int)asker.user;
  slot->version += moves_version;
}

/* on_change was told of each row that the model has written, in its order, and of nothing else. */
static inline void assert_noted(void)
{
  if (run.batch_depth > 0)
    return;
  assert_int_equal(notes.told, model.row_count - notes.looked);
  for (size_t i = 0; i < notes.told; i++) {
    const struct slot *slot = &model.slots[rows[notes.looked + i].slot];
    assert_text(notes.ids[i], slot->id);
    assert_int_equal(notes.tenants[i], '0' + (int)slot->tenant);
  }
  notes.told = 0;
  notes.looked = model.row_count;
}

#endif
