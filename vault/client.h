/*
 * The resolver, and one call on it.
 */
#ifndef VAULT_CLIENT_H
#define VAULT_CLIENT_H

#include "cache.h"
#include "pool.h"
#include "session.h"
#include "settings.h"

#include <sys/types.h>

struct client {
  struct settings settings;
  struct pool pool;
  struct session session;
  struct cache *cache; /* NULL: off */
  pid_t process;       /* sockets and memory are not a child's */
};

/* One call, from its first request to its last. */
struct call {
  struct client *client;
  struct worker *worker; /* NULL until call_worker() */
  int64_t deadline;
  bool passing; /* after a failure: the fault is one that passes, so a stale value may serve */
  connector_error *error;
};

/* MISUSE in a forked child; SECRET_PATH where the request's path is unclean. */
connector_status call_begin(struct call *call, void *user, const connector_secret_request *request,
                            connector_error *error);

/* Takes a worker from the pool, where the call has none yet. */
connector_status call_worker(struct call *call);

/* Gives the worker back, wiped; empties the error after success. */
connector_status call_end(struct call *call, connector_status status);

/* Puts the address of `path` below `mount` and `action` ("data") into the worker; version 0 is
 * left out. */
connector_status call_address(struct call *call, const connector_secret_request *request,
                              const char *action, int64_t version);

#endif
