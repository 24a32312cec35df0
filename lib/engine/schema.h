/*
 * The schema of the file: what makes a file ours, and the steps from each version to the next.
 */
#ifndef ENGINE_SCHEMA_H
#define ENGINE_SCHEMA_H

#include "engine/engine.h"

/* `application_id` of the file: "CNCT". */
#define SCHEMA_APPLICATION_ID INT64_C(0x434e4354)

enum { SCHEMA_VERSION = 3 };

enum schema_state {
  SCHEMA_CURRENT,
  SCHEMA_EMPTY, /* a new or empty file */
  SCHEMA_OLD    /* ours, from an older library */
};

/* Looks without writing. CORRUPT where the file is another program's or its tables are not those of
 * its version, SCHEMA where it is newer. */
connector_status schema_look(struct connection *connection, enum schema_state *state,
                             connector_error *error);

/* Brings an empty or older file up to date, each step in one transaction. Safe where several
 * processes do it at once. */
connector_status schema_migrate(struct connection *connection, connector_error *error);

#endif
