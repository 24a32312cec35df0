/*
 * Secrets in the sealed vault. Their values are canaries of a kind of their own, which nothing but
 * connector_secret_use() may show.
 */
#ifndef TESTS_MODEL_SECRETS_H
#define TESTS_MODEL_SECRETS_H

#include "work.h"

#include "../secret_host.h"

enum { VERSIONS_KEPT = 10 };

static inline const char *secret_text(char text[96], const struct slot *slot, int64_t serial)
{
  snprintf(text, 96, "SCRT-%zu-%zu-%03zu-%lld.", slot->tenant, slot->app,
           (size_t)(slot - model.slots), (long long)serial);
  return text;
}

static inline connector_status take_value(void *user, const void *bytes, size_t length,
                                          connector_error *error)
{
  const char *wanted = user;
  (void)error;
  assert_int_equal(length, strlen(wanted));
  assert_memory_equal(bytes, wanted, length);
  return CONNECTOR_OK;
}

/* What reading a version is answered; 0 is the latest. */
static inline connector_status wanted_of_version(const struct slot *slot, int64_t version)
{
  const struct secret *secret = &slot->secret;
  int64_t wanted = version == 0 ? secret->count : version;
  if (!slot->has_path || wanted < 1 || wanted > secret->count ||
      wanted <= secret->count - VERSIONS_KEPT)
    return CONNECTOR_SECRET_NOT_FOUND;
  return secret->state[wanted] == 'l' ? CONNECTOR_OK : CONNECTOR_SECRET_DELETED;
}

static inline int64_t random_version(const struct slot *slot, uint64_t *seed)
{
  return slot == NULL ? 0 : (int64_t)random_below(seed, (size_t)slot->secret.count + 2);
}

static inline void try_secret_get(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  connector_secret *secret = NULL;
  struct slot *slot = resolve_live(id, &wanted);
  int64_t version = random_version(slot, seed);
  char text[96];
  if (slot != NULL)
    wanted = wanted_of_version(slot, version);
  answers(connector_secret_get(test.store, id, version, &secret, &failure), wanted);
  if (wanted != CONNECTOR_OK) {
    assert_null(secret);
    return;
  }
  if (version == 0)
    version = slot->secret.count;
  assert_true(connector_secret_version(secret) == version);
  assert_int_equal(connector_secret_count(secret), 1);
  secret_text(text, slot, slot->secret.serial[version]);
  assert_ok(connector_secret_use(secret, "token", take_value, text, &failure));
  connector_secret_free(secret);
}

/* The path comes first, as an update of a person's; then the rotation. */
static inline void model_put(struct slot *slot, int64_t serial)
{
  struct slot before = *slot;
  if (!slot->has_path) {
    slot->has_path = true;
    stamp(slot, true);
    wrote_at(slot, CONNECTOR_CHANGE_UPDATED, &before);
  }
  slot->rotated_at = now_ms();
  stamp_report(slot, CONNECTOR_CHANGE_ROTATED);
  slot->secret.count++;
  slot->secret.state[slot->secret.count] = 'l';
  slot->secret.serial[slot->secret.count] = serial;
}

static inline void try_secret_put(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  connector_secret *secret = NULL;
  struct slot *slot = resolve_live(id, &wanted);
  const struct slot *named = slot != NULL ? slot : &model.slots[0];
  int64_t serial = ++serials;
  int64_t expected = random_below(seed, 2) == 0 ? -1 : random_version(slot, seed);
  int64_t version = -7;
  char text[96];
  if (slot != NULL && slot->secret.count + 1 >= SECRETS)
    return;
  if (slot != NULL && expected != -1 && expected != slot->secret.count)
    wanted = CONNECTOR_SECRET_CONFLICT;
  secret_text(text, named, serial);
  assert_ok(connector_secret_new(test.store, &secret, &failure));
  assert_ok(connector_secret_set(secret, "token", text, strlen(text), &failure));
  answers(connector_secret_put(test.store, id, secret, expected, &version, &failure), wanted);
  connector_secret_free(secret);
  if (wanted != CONNECTOR_OK)
    return;
  model_put(slot, serial);
  assert_true(version == slot->secret.count);
}

static inline connector_status take_version(void *user, const connector_secret_version_info *info,
                                            connector_error *error)
{
  int64_t *last = user;
  (void)error;
  assert_true(info->version > *last);
  *last = info->version;
  return CONNECTOR_OK;
}

static inline void try_secret_versions(const char *id)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve_live(id, &wanted);
  int64_t last = 0;
  if (slot != NULL && slot->secret.count == 0)
    wanted = CONNECTOR_SECRET_NOT_FOUND;
  answers(connector_secret_versions(test.store, id, take_version, &last, &failure), wanted);
  if (wanted == CONNECTOR_OK)
    assert_true(last == slot->secret.count);
}

static inline void try_secret_invalidate(const char *id)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve_live(id, &wanted);
  if (slot != NULL && !slot->has_path)
    wanted = CONNECTOR_SECRET_NOT_FOUND;
  answers(connector_secret_invalidate(test.store, id, &failure), wanted);
}

static inline void try_secret_delete(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve_live(id, &wanted);
  int64_t version = random_version(slot, seed);
  int64_t meant = slot != NULL && version == 0 ? slot->secret.count : version;
  bool restores = random_below(seed, 2) == 0;
  if (slot != NULL && wanted_of_version(slot, version) == CONNECTOR_SECRET_NOT_FOUND)
    wanted = CONNECTOR_SECRET_NOT_FOUND;
  else if (slot != NULL && restores && slot->secret.state[meant] == 'x')
    wanted = CONNECTOR_SECRET_DELETED;
  if (restores)
    answers(connector_secret_restore(test.store, id, version, &failure), wanted);
  else
    answers(connector_secret_delete(test.store, id, version, &failure), wanted);
  if (wanted == CONNECTOR_OK && slot->secret.state[meant] != 'x')
    slot->secret.state[meant] = restores ? 'l' : 'd';
}

static inline void try_secret_destroy(const char *id, uint64_t *seed)
{
  connector_status wanted = CONNECTOR_OK;
  struct slot *slot = resolve(id, &wanted); /* a deleted one too */
  int64_t version = random_version(slot, seed);
  answers(connector_secret_destroy(test.store, id, version, &failure), wanted);
  if (wanted != CONNECTOR_OK || slot->secret.count == 0)
    return;
  if (version == 0)
    slot->secret = (struct secret){ 0 };
  else if (version <= slot->secret.count)
    slot->secret.state[version] = 'x';
}

/* The tenants' keys, and that of the file; both ask no caller. */
static inline void try_rotate(uint64_t *seed)
{
  size_t tenant = random_below(seed, TENANTS + 1);
  answers(connector_tenant_key_rotate(test.store, tenant < TENANTS ? tenants[tenant] : NULL, NULL,
                                      NULL, &failure),
          run.batch_depth > 0 ? CONNECTOR_MISUSE : CONNECTOR_OK);
  if (tenant == TENANTS) {
    connector_sealed_options next = CONNECTOR_SEALED_OPTIONS_INIT;
    unsigned char key[CONNECTOR_ROOT_KEY_BYTES];
    for (size_t i = 0; i < sizeof(key); i++)
      key[i] = (unsigned char)random_below(seed, 256);
    next.root_key = key;
    answers(connector_root_key_rotate(test.store, &next, NULL, NULL, &failure),
            run.batch_depth > 0 ? CONNECTOR_MISUSE : CONNECTOR_OK);
  }
}

#endif
