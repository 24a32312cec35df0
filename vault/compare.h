/*
 * Whether two JSON objects of values say the same, however their texts are written.
 */
#ifndef VAULT_COMPARE_H
#define VAULT_COMPARE_H

#include "json.h"

/* Same names, and the same value for each; order and escapes do not matter. The time taken depends
 * on names and lengths, not on what the values are. Nothing is copied. */
bool compare_objects(struct span a, struct span b);

#endif
