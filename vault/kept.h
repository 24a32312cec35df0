/*
 * Secrets that are kept between calls. The core holds their values encrypted, so that any number
 * may be kept, and a copy costs no encryption.
 */
#ifndef VAULT_KEPT_H
#define VAULT_KEPT_H

#include <connector/secret.h>

#include <stdatomic.h>

/* Never changed once it is shared; freed with its last reference. */
struct kept {
  atomic_uint references;
  int64_t asked_at; /* when the request for it began: it is no younger */
  connector_secret *secret;
};

/* With one reference and an empty secret, in the memory of the secret `like`. */
connector_status kept_new(const connector_secret *like, int64_t asked_at, struct kept **out,
                          connector_error *error);

struct kept *kept_hold(struct kept *kept); /* NULL is fine */
void kept_release(struct kept *kept);      /* NULL is fine */

#endif
