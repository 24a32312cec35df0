/*
 * The JSON Schema (2020-12) of a record, written from the field table.
 */
#ifndef RECORD_SCHEMA_DOCUMENT_H
#define RECORD_SCHEMA_DOCUMENT_H

#include "base/buffer.h"

void schema_document_write(struct buffer *buffer);

#endif
