/*
 * Where a root key comes from: bytes, a file of the host's, its callback, or a passphrase.
 */
#ifndef SECRET_ROOT_KEY_H
#define SECRET_ROOT_KEY_H

#include "secret/cell.h"
#include "secret/seal.h"

#include <connector/resolvers.h>

/* All zero: none. */
struct root_key {
  struct secret_cell key;        /* empty until it is known */
  struct secret_cell passphrase; /* empty for any other kind */
  int64_t passes;                /* for a file without a root yet */
  int64_t memory;
  connector_root_key_fn ask;
  void *user;
};

/* Reads one of the options' sources; `out` is the caller's, for root_key_free(). */
connector_status root_key_take(struct secret_memory *memory,
                               const connector_sealed_options *options, struct root_key *out,
                               connector_error *error);
void root_key_free(struct root_key *root_key);

/* The same in another memory; `from` stays. */
connector_status root_key_move(const struct root_key *from, struct secret_memory *memory,
                               struct secret_memory *to, struct root_key *out,
                               connector_error *error);

/* What a file without a root gets: the salt and the passphrase's numbers. */
void root_key_plan(const struct root_key *root_key, struct seal_root *planned,
                   uint8_t salt[SEAL_SALT]);

/* The key for a file that knows this of its root, into memory for secrets. `*fits` false: none of
 * its kind, such as a passphrase for a file whose key is none. Asks the host where it must: not
 * inside a transaction. */
connector_status root_key_make(struct secret_memory *memory, struct root_key *root_key,
                               const struct seal_root *known, uint8_t key[SEAL_KEY], bool *fits,
                               connector_error *error);

#endif
