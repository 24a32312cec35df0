/*
 * The tables of the sealed vault: rows as they are, with nothing of what their bytes mean. Every
 * call names the tenant, but those on the root and those that walk over all tenants for the host.
 */
#ifndef ENGINE_SEALED_H
#define ENGINE_SEALED_H

#include "base/arena.h"
#include "engine/beside.h"

enum { SEALED_MAC = 32, SEALED_SALT = 16, SEALED_WRAPPED = 72 };

/* ---- the root: one row for the file ---- */

struct sealed_root {
  int64_t form;
  int64_t passes; /* 0: the root key is no passphrase's */
  int64_t memory;
  uint8_t salt[SEALED_SALT];
  int64_t term;       /* one more with each root key */
  int64_t generation; /* one more with each write of a secret */
  uint8_t mac[SEALED_MAC];
  uint8_t digest[SEALED_MAC];
};

/* Bytes that have not their length are CORRUPT, here and below. */
connector_status sealed_root_find(struct connection *connection, struct sealed_root *root,
                                  bool *found, connector_error *error);
connector_status sealed_root_put(struct connection *connection, const struct sealed_root *root,
                                 connector_error *error);

/* ---- keys of tenants ---- */

struct sealed_key {
  int64_t term;
  uint8_t wrapped[SEALED_WRAPPED];
};

/* The key of a term, or the newest for 0. */
connector_status sealed_key_find(struct connection *connection, const char *tenant, int64_t term,
                                 struct sealed_key *key, bool *found, connector_error *error);

/* The oldest. */
connector_status sealed_key_oldest(struct connection *connection, const char *tenant,
                                   struct sealed_key *key, bool *found, connector_error *error);

/* The first key behind this tenant's of this term; `*tenant` is in the arena, and set too where the
 * key is TAMPERED. A name with a NUL in it is no tenant's, and passed over. */
connector_status sealed_key_next(struct connection *connection, const char *after_tenant,
                                 int64_t after_term, const char **tenant, struct sealed_key *key,
                                 struct arena *arena, bool *found, connector_error *error);
connector_status sealed_key_count(struct connection *connection, int64_t *count,
                                  connector_error *error);
connector_status sealed_key_put(struct connection *connection, const char *tenant,
                                const struct sealed_key *key, connector_error *error);
connector_status sealed_key_remove(struct connection *connection, const char *tenant, int64_t term,
                                   connector_error *error);

/* ---- secrets and their versions ---- */

/* What is known of a secret. Text and bytes are the caller's own, or in the arena of the call that
 * found it. */
struct sealed_secret {
  int64_t seq;
  const char *tenant_id;
  const char *connector_id;
  const char *path;
  const char *app_id; /* or NULL */
  int64_t term;       /* of the tenant's key that its versions are under */
  int64_t current;    /* version; 0: there never was one */
  const void *versions;
  size_t versions_length;
  uint8_t mac[SEALED_MAC];
  bool is_behind; /* as sealed_find() sees it: there is a newer version than the current one */
};

struct sealed_version {
  int64_t version;
  const void *wrapped; /* as long as it is found; NULL: the version has no row */
  size_t wrapped_length;
  const void *commitment;
  size_t commitment_length;
  const void *box;
  size_t box_length;
};

/* A secret, and of its versions the row of one: `version` 0 is the current one, -1 none. */
connector_status sealed_find(struct connection *connection, const struct owner *owner,
                             const char *path, int64_t version, struct sealed_secret *secret,
                             struct sealed_version *row, struct arena *arena, bool *found,
                             connector_error *error);

/* The first secret behind `after` that is under the tenant's key of this term. */
connector_status sealed_of_term(struct connection *connection, const char *tenant, int64_t term,
                                int64_t after, struct sealed_secret *secret, struct arena *arena,
                                bool *found, connector_error *error);

/* How many of a tenant's secrets are not under its key of this term. */
connector_status sealed_count_others(struct connection *connection, const char *tenant,
                                     int64_t term, int64_t *count, connector_error *error);

/* Inserts where `seq` is 0, and sets it; else updates what a row may change. */
connector_status sealed_put(struct connection *connection, struct sealed_secret *secret,
                            connector_error *error);

/* Removes a secret with all of its versions. */
connector_status sealed_remove(struct connection *connection, const struct sealed_secret *secret,
                               connector_error *error);

/* Removes all of a connector's; `*removed` says whether there were any. */
connector_status sealed_remove_all(struct connection *connection, const struct owner *owner,
                                   bool *removed, connector_error *error);

/* Without its box. */
connector_status sealed_version_find(struct connection *connection,
                                     const struct sealed_secret *secret, int64_t version,
                                     struct sealed_version *row, struct arena *arena,
                                     connector_error *error);
connector_status sealed_version_rewrap(struct connection *connection,
                                       const struct sealed_secret *secret, int64_t version,
                                       const void *wrapped, connector_error *error);
connector_status sealed_version_put(struct connection *connection,
                                    const struct sealed_secret *secret,
                                    const struct sealed_version *row, connector_error *error);
/* Leaves the row, with nothing in it: a head from before the version shows by it. */
connector_status sealed_version_erase(struct connection *connection,
                                      const struct sealed_secret *secret, int64_t version,
                                      connector_error *error);
connector_status sealed_version_remove(struct connection *connection,
                                       const struct sealed_secret *secret, int64_t version,
                                       connector_error *error);

#endif
