/*
 * The token: who holds it, when it is renewed, and that one thread at a time logs in for all.
 */
#ifndef VAULT_SESSION_H
#define VAULT_SESSION_H

#include "clock.h"
#include "file.h"
#include "guarded.h"

#include <connector/error.h>

struct client;
struct call;

struct session {
  struct meeting meeting;
  struct guarded token; /* not to be read but under the lock: it is inaccessible in between */
  uint64_t generation;  /* of the token; 0: there is none yet */
  int64_t renew_at;     /* two thirds of the lease, somewhat less by chance */
  int64_t expires_at;   /* INT64_MAX: never */
  bool renewable;
  int64_t first_lease_ms;  /* as the login gave it */
  struct file_stamp stamp; /* of the token's file */

  bool busy;               /* a thread is renewing or logging in */
  uint64_t attempts;       /* how often one has */
  connector_status status; /* what the last of them came to */
  bool passing;
  connector_error error;

  int64_t quiet_until; /* before then a 403 is the path's fault, not the token's */
};

bool session_init(struct session *session);
void session_free(struct session *session);

/* What one exchange knows of the token that it sent. */
struct session_use {
  uint64_t generation;
  uint64_t refused; /* a generation that was refused; 0: none */
};

/* Puts a token that is good, as far as is known, into the worker's header: renews it or logs in
 * where that is due, or waits for the thread that does. */
connector_status session_header(struct call *call, int64_t deadline, struct session_use *use);

/* The token was answered with 403. True where another try with another token makes sense: once. */
bool session_refused(struct client *client, struct session_use *use);

#endif
