/*
 * Whether an open file or folder is in the hands of this process's user and root alone.
 */
#ifndef SECRET_PRIVATE_H
#define SECRET_PRIVATE_H

#include <sys/stat.h>

/* What is wrong with a file that nobody else may read or write, or NULL: a clause without its
 * subject. `about` is its fstat(). An access list (POSIX.1e) that grants more to this user alone,
 * as systemd makes for the credentials of a service, is nothing wrong. */
const char *private_file(int file, const struct stat *about);

/* What is wrong with a folder in which nobody else may replace a file, or NULL. Others may list it;
 * they may add files where it is sticky, as Kubernetes mounts are: those are theirs, so that
 * private_file() refuses them. */
const char *private_folder(const struct stat *about);

#endif
