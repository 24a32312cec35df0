/*
 * What changed between two JSON texts, as merge patches (RFC 7396) there and back again.
 */
#ifndef RECORD_JSON_DIFF_H
#define RECORD_JSON_DIFF_H

#include "base/buffer.h"

#include <stdbool.h>

/* Writes the merge patch that makes `after` of `before`, and the one that leads back; both texts
 * come from json_copy() and may be NULL: absent, which is null in a patch. Objects are compared
 * member by member, everything else is replaced whole.
 *
 * A merge patch can't set a member to null, move a member or change how its key is spelled: forward
 * says as much of `after` as a patch can. `back_exact` tells whether json_merge() of `after` and
 * `back` gives `before` byte for byte (where `before` is absent: whether `back` is null).
 *
 * A text that is not JSON, as a damaged file may hold, counts as absent, and is never exact.
 *
 * False where memory is gone; the buffers may then hold a part. */
bool json_diff(const char *before, const char *after, struct buffer *forward, struct buffer *back,
               bool *back_exact);

#endif
