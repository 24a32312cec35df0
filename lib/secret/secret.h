/*
 * A secret: named values with a version, and what the layers above do with one. Its memory is its
 * own share of a store's, so it may outlive the store.
 */
#ifndef SECRET_SECRET_H
#define SECRET_SECRET_H

#include "secret/values.h"

#include <stdatomic.h>

struct connector_secret {
  struct secret_memory *memory;
  struct secret_values values;
  int64_t version;        /* 0: not known */
  bool stale;             /* a resolver's old value */
  atomic_uint references; /* the handle, and every use that is open */
};

/* An empty one in this memory; released by connector_secret_free(). */
connector_status secret_new(struct secret_memory *memory, connector_secret **out,
                            connector_error *error);

/* One with the same values, version and stale mark, in memory of the same store. */
connector_status secret_copy(const connector_secret *secret, connector_secret **out,
                             connector_error *error);

/* Puts copies of the patch's values, whichever store's it is, in place of those of the same name or
 * behind the others; an empty one removes instead. What the patch does not name stays, and so does
 * the version. All or, on a failure, none. */
connector_status secret_merge(connector_secret *onto, const connector_secret *patch,
                              connector_error *error);

/* MISUSE in a child of fork(), and while one of the values is in use. */
connector_status secret_check_change(const connector_secret *secret, connector_error *error);

/* A reference for as long as a host's function is shown something of the secret: it lives until
 * then, even where the function frees it, and can't be changed. */
void secret_hold(const connector_secret *secret);
void secret_drop(const connector_secret *secret);

/* Shows what is on the desk to a host's function, and returns what it says. */
connector_status secret_show(const struct secret_work *desk, connector_secret_use_fn use,
                             void *user, connector_error *error);

/* ---- one string of bytes, for sealing (secret_pack.c) ---- */

/* Writes all names and values into work memory, the caller's to give back. */
connector_status secret_pack(const connector_secret *secret, struct secret_work *out,
                             connector_error *error);

/* Puts what was packed in place of all of the secret's values; its version stays. The bytes may be
 * in work memory. `key` is of the secret's memory, or NULL: it is fetched here. CORRUPT, with
 * nothing changed, for anything that secret_pack() does not write. */
connector_status secret_unpack(connector_secret *secret, const struct secret_key *key,
                               const void *bytes, size_t length, connector_error *error);

#endif
