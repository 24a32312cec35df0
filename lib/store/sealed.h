/*
 * The sealed vault of a store: secrets in the store's own file. What is sealed how is in
 * secret/seal.h, the rows in engine/sealed.h; here are keys, secrets and their versions.
 */
#ifndef STORE_SEALED_H
#define STORE_SEALED_H

#include "engine/sealed.h"
#include "secret/root_key.h"
#include "store/work.h"

#include <connector/resolvers.h>

enum { SEALED_KEYS_KEPT = 256, SEALED_SOURCES = 2 };

/* A tenant's key of a term, kept so that it is not unwrapped with every call. */
struct kept_key {
  char *tenant_id; /* owned; NULL: none */
  int64_t term;
  struct secret_cell key; /* a struct seal_tenant */
};

/* What connector_secrets_sealed() makes. */
struct sealed {
  struct secret_memory *memory;
  connector_store *store; /* that it serves; set once, before the store is anybody's */
  atomic_bool bound;
  connector_generation_fn generation; /* or NULL */
  void *user;
  uint32_t max_versions;

  pthread_mutex_t rotating;  /* held while the root key is rotated; taken before all others */
  pthread_mutex_t unlocking; /* held while a root key is made, which takes long; of the next two */
  struct root_key sources[SEALED_SOURCES]; /* the present one first */
  size_t source_count;

  pthread_mutex_t lock;    /* of all below */
  struct secret_cell root; /* the file's root key; empty until it is known */
  uint8_t salt[SEAL_SALT]; /* for a file without a root, and with it what is planned */
  struct seal_root planned;
  struct kept_key kept[SEALED_KEYS_KEPT];
};

/* Keys while they are used, in work memory. */
struct sealed_keys {
  struct seal_tenant tenant;
  struct seal_tenant next; /* of a rotation */
  uint8_t root[SEAL_KEY];
  uint8_t made[SEAL_KEY]; /* a new key, of a tenant or the root */
  uint8_t version[SEAL_KEY];
};

/* One operation, inside a transaction of the store. */
struct sealed_call {
  struct sealed *sealed;
  struct connection *connection;
  bool writes; /* or reads what may be undone: no key that is found is kept */
  connector_error *error;
  struct arena arena;
  struct secret_key key; /* of memory for secrets, fetched once */
  struct secret_work work;
  struct sealed_keys *keys; /* in `work` */
};

connector_status sealed_call_begin(struct sealed_call *call, struct sealed *sealed,
                                   struct connection *connection, bool writes,
                                   connector_error *error);
void sealed_call_end(struct sealed_call *call);

/* ---- transactions and the resolver (sealed.c) ---- */

typedef connector_status (*sealed_fn)(struct sealed_call *call, void *context);

/* Run it in a transaction of the store, with the vault unlocked: again, from the start,
 * where the file's root key was another by then, and may be among the vault's own. */
connector_status sealed_in_read(struct sealed *sealed, struct call *call, sealed_fn run,
                                void *context);
connector_status sealed_in_write(struct sealed *sealed, struct call *call, sealed_fn run,
                                 void *context);

/* The vault behind a resolver, or NULL. */
struct sealed *sealed_of(const connector_secrets *resolver);

/* Makes it this store's, and its memory for secrets too; INVALID where it is another's. */
connector_status sealed_bind(struct sealed *sealed, connector_store *store, connector_error *error);

/* The request's secret, by a store that has read the record in the same work and asks nothing of
 * the host. `*asked` false: the vault must be unlocked first, whatever the status. */
connector_status sealed_get_now(struct sealed *sealed, struct work *work,
                                const connector_secret_request *request, connector_secret *into,
                                bool *asked);

/* Cuts the log of writes, where what was destroyed may still stand; best effort, outside batches.
 */
void sealed_forget_log(struct call *call);

/* Tells the host's generation callback how the file stands, outside of batches; TAMPERED where it
 * knows of a newer one. */
connector_status sealed_check_generation(struct sealed *sealed, struct call *call);

/* ---- keys (sealed_keys.c) ---- */

bool sealed_is_unlocked(struct sealed *sealed);

/* Before a transaction: makes the file's root key known. SECRET_SEALED, SECRET_TAMPERED. */
connector_status sealed_unlock(struct sealed *sealed, struct call *call);

/* The same where the file may have got another root key meanwhile. */
connector_status sealed_unlock_anew(struct sealed *sealed, struct call *call);

/* Makes a key the file's root key, as far as this vault knows. */
connector_status sealed_keep_root(struct sealed *sealed, const uint8_t key[SEAL_KEY],
                                  connector_error *error);

/* Forgets the keys of tenants. */
void sealed_forget_keys(struct sealed *sealed);

/* Reads the root and its key into `keys->root`, the planned one where the file has none yet. */
connector_status sealed_root(struct sealed_call *call, struct sealed_root *root);

/* Writes the root, authenticated with `key`. */
connector_status sealed_root_write(struct sealed_call *call, struct sealed_root *root,
                                   const uint8_t key[SEAL_KEY]);

/* One more generation, and the first row of a file without a root. */
connector_status sealed_root_advance(struct sealed_call *call);

/* The tenant's key of a term into `out`. */
connector_status sealed_tenant(struct sealed_call *call, const char *tenant_id, int64_t term,
                               struct seal_tenant *out);

/* The newest; the first one is made. */
connector_status sealed_tenant_newest(struct sealed_call *call, const char *tenant_id,
                                      int64_t *term, struct seal_tenant *out);

/* Makes the key of a term, and writes it. */
connector_status sealed_tenant_make(struct sealed_call *call, const char *tenant_id, int64_t term);

connector_status sealed_tampered(connector_error *error);

/* ---- secrets (sealed_secret.c) ---- */

/* What is known of one version. */
struct sealed_state {
  int64_t version;
  int64_t created_at;
  int64_t deleted_at; /* 0: it is not deleted */
  bool destroyed;
  uint8_t check[16]; /* the start of its commitment */
};

struct sealed_head {
  struct sealed_secret row;
  struct sealed_state *states; /* in the arena; oldest first */
  size_t count;
};

/* What a secret is bound to; of its versions none. */
struct seal_place sealed_place(const struct sealed_call *call, const struct sealed_secret *row);

/* What one of its versions is bound to. */
struct seal_place sealed_version_place(const struct sealed_call *call,
                                       const struct sealed_secret *row,
                                       const struct sealed_state *state);

/* Reads the states of a head that was found, and checks it with the tenant's key. */
connector_status sealed_head_open(struct sealed_call *call, const struct seal_tenant *tenant,
                                  struct sealed_head *head);

/* Authenticates a head with the tenant's key, and writes it. */
connector_status sealed_head_write(struct sealed_call *call, const struct seal_tenant *tenant,
                                   struct sealed_head *head);

connector_status sealed_get(struct sealed_call *call, const connector_secret_request *request,
                            connector_secret *into);
connector_status sealed_write(struct sealed_call *call, const connector_secret_request *request,
                              const connector_secret *secret, int64_t expected_version, int64_t now,
                              int64_t *version);

/* SECRET_CONFLICT, with the version that is current. */
connector_status secret_conflict(int64_t current, connector_error *error);

/* What may be done to versions: each changes a state, and says what of it is refused. */
enum sealed_change { SEALED_REMOVE, SEALED_RESTORE, SEALED_DESTROY };

connector_status sealed_change(struct sealed_call *call, const connector_secret_request *request,
                               enum sealed_change change, int64_t now);

/* The states of all versions, in the arena. */
connector_status sealed_list(struct sealed_call *call, const connector_secret_request *request,
                             struct sealed_head *head);

#endif
