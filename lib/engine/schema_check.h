/*
 * Whether a file's schema is the library's own: the same objects with the same texts, and no other.
 */
#ifndef ENGINE_SCHEMA_CHECK_H
#define ENGINE_SCHEMA_CHECK_H

#include "engine/engine.h"

/*
 * Compares with what the first `count` steps make. The engine runs what a schema's text says:
 * checks, expressions, foreign keys, modules of virtual tables, the collation that a tenant's name
 * compares by. So a text that is not ours is not run. What the engine keeps for itself
 * (`sqlite_sequence`, and the figures of ANALYZE) may be there.
 */
connector_status schema_compare(struct connection *connection, const char *const *steps,
                                size_t count, bool *same, connector_error *error);

#endif
