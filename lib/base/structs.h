/*
 * Public structs that grow: their first member is `size`, as the host's compiler knew it.
 */
#ifndef BASE_STRUCTS_H
#define BASE_STRUCTS_H

#include <connector/error.h>

/* Copies the host's struct into one of `known` bytes, zeroed where the host's is shorter. INVALID
 * (field `size`) where `size` was not set, or where a longer struct asks for something unknown. */
connector_status struct_read(void *to, size_t known, const void *from, connector_error *error);

/* Copies a struct of `known` bytes out to the host's, as far as its `size` reaches; `size` itself
 * stays as it is. */
connector_status struct_write(void *to, size_t known, const void *from, connector_error *error);

#endif
