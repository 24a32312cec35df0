/*
 * Where the server is: checking the address, and building the addresses of requests.
 */
#ifndef VAULT_ADDRESS_H
#define VAULT_ADDRESS_H

#include "guarded.h"

#include <connector-vault.h>

/* Checks options->address and copies it, without a slash at its end, to memory to be freed. */
connector_status address_read(const connector_vault_options *options, char **base, bool *https,
                              connector_error *error);

/* Whether each segment between slashes is there, is not `.` or `..`, and holds no control
 * character. */
bool address_path_is_clean(const char *path);

/* Adds "/" and the path, each of its segments percent-encoded (RFC 3986) but for unreserved
 * characters. */
void address_add_path(struct guarded *address, const char *path);

#endif
