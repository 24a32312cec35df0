/*
 * What changed between two states of a record, as merge patches, and the way back along them: what
 * the history of a record is made of.
 */
#ifndef RECORD_RECORD_DIFF_H
#define RECORD_RECORD_DIFF_H

#include "base/arena.h"
#include "base/buffer.h"

#include <connector/record.h>

/* Begins as { 0 }. May be used for one pair of records after the other. */
struct record_diff {
  struct buffer forward;    /* a patch document that makes `after` of `before` */
  struct buffer back;       /* a patch document that leads back, as far as merging can */
  struct buffer back_exact; /* the JSON fields for which it can't, whole; of length 0 for none */
};

/* Writes the patches between two records, over the fields whose writer is not the server; {} where
 * none of them changed. `before` NULL: created, forward holds every boolean and every other such
 * field that is not empty (NULL or 0), back has length 0. `after` NULL: purged, all have length 0.
 * False where memory is gone. */
bool record_diff(const connector *before, const connector *after, struct record_diff *diff);

void record_diff_free(struct record_diff *diff);

/* Takes a record one change back: applies `back` (NULL: nothing), then puts the fields of
 * `back_exact` (NULL: none) in place whole. Text that is new lives in the arena. CORRUPT, with the
 * record as it was, where the texts are not what record_diff() writes. */
connector_status record_undo(connector *record, const char *back, const char *back_exact,
                             struct arena *arena, connector_error *error);

#endif
