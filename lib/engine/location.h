/*
 * Where a store's file is.
 */
#ifndef ENGINE_LOCATION_H
#define ENGINE_LOCATION_H

#include <connector/store.h>

/* Connections open when they are first needed: by then the process may have another folder. Where
 * the folder is not there the path stays as it is, for opening it to fail. To be released with
 * free(); NULL where memory is gone. */
char *location_absolute(const char *path);

/* Whether the file's folder is there and can't be written. */
bool location_is_read_only(const char *path);

/* Looks before anything is opened. IO where the path, or what the engine keeps beside it, is there
 * and no file. */
connector_status location_look(const char *path, bool *missing, connector_error *error);

#endif
