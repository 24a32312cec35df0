/*
 * JSON of secrets. The public functions are connector_secret_set_json() and
 * connector_secret_use_json(); no text of a value is in ordinary memory at any time.
 */
#ifndef SECRET_SECRET_JSON_H
#define SECRET_SECRET_JSON_H

#include "secret/secret.h"

/* Writes the secret as one JSON object on the desk, the caller's to give back. INVALID, with the
 * value's name as the field, for bytes that JSON can't hold: no UTF-8, or a NUL. */
connector_status secret_write_json(const connector_secret *secret, struct secret_work *out,
                                   connector_error *error);

#endif
