/*
 * A request with its token and its tries: what is retried, when to log in again, and which failure
 * a bad end is.
 */
#ifndef VAULT_EXCHANGE_H
#define VAULT_EXCHANGE_H

#include "client.h"

/* Whose token goes with a request. */
enum exchange_as {
  AS_SESSION, /* the client's; a 403 makes it log in again, once */
  AS_TOKEN,   /* the one in `token` */
  AS_NOBODY   /* a login */
};

struct exchange {
  enum http_method method;
  enum exchange_as as;
  const struct guarded *token;
  bool once;        /* a write: tried once */
  int64_t deadline; /* 0: the call's */

  long http;    /* answered with this */
  bool unknown; /* failed, and the server may have done it all the same */
};

/* OK: answered with 2xx, 400 or 404, to be read by who asked. Else the failure, in call->error. */
connector_status exchange_run(struct call *call, struct exchange *exchange);

/* The failures of 400 and 404 that are not this request's own. */
connector_status exchange_refused(struct call *call, long http);

/* The answer is not what Vault would say. */
connector_status exchange_garbled(struct call *call);

#endif
