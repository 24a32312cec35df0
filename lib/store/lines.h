/*
 * Lines of NDJSON out of a host's reading function.
 */
#ifndef STORE_LINES_H
#define STORE_LINES_H

#include "base/buffer.h"

#include <connector/json.h>

struct lines {
  connector_read_fn read;
  void *user;
  size_t most; /* bytes of a line; a longer one is passed over */
  struct buffer bytes;
  size_t at; /* where the next line starts */
  bool end;  /* the host has no more */
};

void lines_init(struct lines *lines, connector_read_fn read, void *user, size_t most);
void lines_free(struct lines *lines);

/* The next line without its end, borrowed until the next call; `*line` NULL where none is left.
 * `*too_long` tells that it was longer than `most` and is not there. */
connector_status lines_next(struct lines *lines, const char **line, size_t *length, bool *too_long,
                            connector_error *error);

#endif
