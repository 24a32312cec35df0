/*
 * A draft: the values that one call wants to write, read from a patch or from JSON, checked, and
 * completed. Nothing of a draft reaches the engine before draft_check() has passed it.
 */
#ifndef RECORD_DRAFT_H
#define RECORD_DRAFT_H

#include "base/arena.h"
#include "record/fields.h"

/* What the store's options allow. */
struct limits {
  uint32_t text;     /* bytes of a text field */
  uint32_t json;     /* bytes of a JSON field */
  uint32_t document; /* bytes of a whole JSON document */
  bool allow_secrets;
};

struct draft {
  connector values;   /* text is borrowed from the input or lives in the arena */
  uint64_t set;       /* fields that have a value here */
  uint64_t cleared;   /* fields to empty */
  uint64_t merge;     /* of `set`: JSON fields whose value is a merge patch, to be applied */
  uint64_t compacted; /* of `set`: JSON fields that are already checked and free of white space */
  uint64_t stamped;   /* server fields that the JSON document held; read by imports */
  struct arena arena;
};

/* How a JSON document is taken. */
enum document_use {
  DOCUMENT_CREATE, /* server fields are checked for their type and go to `stamped`; nothing merges
                    */
  DOCUMENT_UPDATE  /* the same, and objects in config, metrics and tags are merge patches */
};

void draft_init(struct draft *draft);
void draft_free(struct draft *draft);

/* Takes what a patch gives; text stays borrowed. */
connector_status draft_from_patch(struct draft *draft, const connector_patch *patch,
                                  connector_error *error);

/* Takes a strict JSON document; everything kept is copied into the draft's arena. JSON fields come
 * out compacted and past the secret guard. */
connector_status draft_from_json(struct draft *draft, const char *json, size_t length,
                                 enum document_use use, const struct limits *limits,
                                 connector_error *error);

/* Checks every field that is set against its row: length, UTF-8, control characters, JSON, secrets.
 * Compacts JSON that is not yet compact, scrubs and cuts last_error. Fields in `merge` wait until
 * they are merged. */
connector_status draft_check(struct draft *draft, const struct limits *limits,
                             connector_error *error);

/* Checks what holds between fields of a whole record: a group needs its group_id, a personal record
 * its user_id. */
connector_status record_check_scope(const connector *record, connector_error *error);

/* Checks a whole stored record against the rules of its fields, for connector_check(). */
connector_status record_check(const connector *record, const struct limits *limits,
                              connector_error *error);

/* Applies the merge patch of each field in `merge` to its value in `current`, checks the result,
 * and leaves it in `values`. */
connector_status draft_merge(struct draft *draft, const connector *current,
                             const struct limits *limits, connector_error *error);

/* Writes what is set and empties what is cleared; text is borrowed from the draft. */
void draft_apply(const struct draft *draft, connector *record);

#endif
