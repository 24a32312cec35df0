/*
 * Reading a file that holds a secret, such as a root key.
 */
#ifndef SECRET_FILE_H
#define SECRET_FILE_H

#include "secret/memory.h"

/* Reads a file of at most `most` bytes into work memory, the caller's to give back. DENIED: a link,
 * or what private_file() complains of. TOO_LARGE. Else IO, with errno in os_code. */
connector_status secret_file_read(struct secret_memory *memory, const char *path, size_t most,
                                  struct secret_work *out, connector_error *error);

#endif
