/*
 * The folder of one secret, each of its files a value; and folders on the way to it. Nothing is
 * opened through a link, but for those that a Kubernetes mount makes of each value, through its
 * `..data`. Failures are SECRET_NOT_FOUND, SECRET_DENIED for what private.h refuses,
 * SECRET_UNAVAILABLE or TOO_LARGE, and name no path.
 */
#ifndef SECRET_FOLDER_H
#define SECRET_FOLDER_H

#include <connector/secret.h>

/* Opens a folder in an open one. */
connector_status folder_open(int at, const char *name, int *out, connector_error *error);

/* Takes over an open folder, which is closed where it is refused. */
connector_status folder_take(int folder, int *out, connector_error *error);

/* Reads all values into the secret, or with NULL none of them; `*newest` is when the last of them
 * was changed, in milliseconds. On a failure some may have been read. */
connector_status folder_read(int folder, connector_secret *into, int64_t *newest,
                             connector_error *error);

/* What an errno comes to. */
connector_status folder_failed(int code, connector_error *error);

#endif
