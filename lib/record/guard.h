/*
 * The secret guard: which keys name a secret, which values look like one, and how text is scrubbed
 * of them. The patterns stand in the tables of guard.c.
 */
#ifndef RECORD_GUARD_H
#define RECORD_GUARD_H

#include "base/arena.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether a key such as `client_secret`, `apiKey` or `access-token` names a secret; `token_url`,
 * `secret_name` and `password_policy` do not. Compared without case, `_` and `-`. */
bool guard_key_is_secret(const char *key, size_t length);

/* Where in `text` the first thing that looks like a secret starts, and its length; false if none.
 */
bool guard_find(const char *text, size_t length, size_t *at, size_t *secret_length);

/* A copy in the arena with every secret replaced by `[redacted]`, cut at `limit` bytes on a
 * character boundary; NULL where memory is gone. `text` is valid UTF-8. */
char *guard_scrub(struct arena *arena, const char *text, size_t length, size_t limit);

#endif
