/*
 * Records in memory: one allocation each, the struct and then its text.
 */
#ifndef RECORD_RECORD_H
#define RECORD_RECORD_H

#include "base/arena.h"
#include "record/fields.h"

/* The highest schema_version that this library writes. */
enum { RECORD_SCHEMA_VERSION = 1 };

/* A record whose text lives elsewhere, with the lengths of its text. */
struct row {
  connector record;
  size_t size;                             /* of the row as a block: the struct and all its text */
  uint32_t lengths[CONNECTOR_FIELD_COUNT]; /* of text and JSON fields that are not NULL */
};

/* Measures the text of a record. */
void row_measure(struct row *row, const connector *record);

/* Writes the row as a block of row->size bytes and returns it as a record. */
connector *row_place(const struct row *row, void *block);

/* A copy in one allocation, for connector_free(); NULL where memory is gone. */
connector *row_copy(const struct row *row);
connector *record_copy(const connector *record);

#endif
