/*
 * The same JSON through a cJSON tree, as programs that have cJSON do it.
 */
#ifndef BENCH_WITH_CJSON_H
#define BENCH_WITH_CJSON_H

#include <connector.h>

#include <stddef.h>

/* For free(). With `raw` the JSON fields are handed through as text, which is the quickest that
 * cJSON has; else they are parts of the tree. */
char *cjson_to_json(const connector *record, bool raw, size_t *length);

/* A record in one block, for free(). Nothing is checked beyond what cJSON checks. */
connector *cjson_from_json(const char *json, size_t length);

#endif
