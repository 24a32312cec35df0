/*
 * Lists: a page, a count, a stream.
 */
#ifndef STORE_LIST_H
#define STORE_LIST_H

#include "store/work.h"

struct connector_page {
  size_t count;
  int64_t total; /* -1: not asked for */
  char *next;    /* owned; NULL on the last page */
  struct arena arena;
  const connector **items; /* in the arena, like the records */
};

/* Completes and checks the host's query (NULL: all), and asks the host's rules. */
connector_status list_query(struct call *call, const connector_query *given,
                            connector_query *query);

typedef connector_status (*stream_fn)(void *context, const connector *record,
                                      connector_error *error);

/* connector_each() for a call that has begun and a query from list_query(). */
connector_status stream(struct call *call, const connector_query *query, stream_fn each,
                        void *context);

#endif
