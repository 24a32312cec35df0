/*
 * JSON Merge Patch (RFC 7396) on JSON text, through cJSON trees whose scalars are raw text, so that
 * digits and escapes survive. The only file that knows cJSON.
 */
#ifndef RECORD_JSON_TREE_H
#define RECORD_JSON_TREE_H

#include "base/arena.h"

#include <connector/error.h>

/* Applies `patch` to `target` (NULL: absent); both are JSON text that json_copy() made. The result
 * is compact text in the arena. NULL where memory is gone. */
char *json_merge(const char *target, const char *patch, struct arena *arena);

#endif
