/*
 * A value at rest: encrypted in ordinary memory, so that it is cheap to make, copy and free, needs
 * no locking, and tells nothing in core dumps, in swap or to a stray read.
 */
#ifndef SECRET_CELL_H
#define SECRET_CELL_H

#include "secret/memory.h"

/* All zero: empty. */
struct secret_cell {
  uint8_t *box;    /* owned: nonce, text and tag of XChaCha20-Poly1305; NULL where `length` is 0 */
  uint32_t length; /* of the text */
};

/* Encrypts bytes from anywhere. NO_MEMORY, MISUSE. */
connector_status secret_cell_seal(struct secret_memory *memory, const void *bytes, size_t length,
                                  struct secret_cell *out, connector_error *error);

/* Decrypts to work memory, or to the desk, with room for cell->length. CORRUPT, with nothing
 * written, where the cell is not as this memory made it: the heap was damaged. */
connector_status secret_cell_open(struct secret_memory *memory, const struct secret_cell *cell,
                                  void *bytes, connector_error *error);

/* A copy, for the same memory. NO_MEMORY. */
connector_status secret_cell_copy(const struct secret_cell *cell, struct secret_cell *out,
                                  connector_error *error);

/* Frees it and makes it empty. */
void secret_cell_free(struct secret_cell *cell);

/* ---- several cells with one fetching of the key ---- */

/* A memory's key, whole, in work memory: for as long as one operation takes. All zero: none. */
struct secret_key {
  struct secret_memory *memory;
  struct secret_work work;
};

connector_status secret_key_take(struct secret_memory *memory, struct secret_key *out,
                                 connector_error *error);
void secret_key_give(struct secret_key *key);

/* As secret_cell_seal() and secret_cell_open(). */
connector_status secret_key_seal(const struct secret_key *key, const void *bytes, size_t length,
                                 struct secret_cell *out, connector_error *error);
connector_status secret_key_open(const struct secret_key *key, const struct secret_cell *cell,
                                 void *bytes, connector_error *error);

#endif
