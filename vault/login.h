/*
 * The ways to get a token: one that is given, AppRole, Kubernetes; and renewing it.
 */
#ifndef VAULT_LOGIN_H
#define VAULT_LOGIN_H

#include "file.h"
#include "guarded.h"

#include <connector/error.h>

struct call;

struct lease {
  struct guarded token; /* empty after a renewal; else to be freed */
  int64_t lease_ms;     /* 0: it does not end */
  bool renewable;
  struct file_stamp stamp;
};

connector_status login_run(struct call *call, struct lease *lease);

/* SECRET_DENIED: it can't be renewed. */
connector_status login_renew(struct call *call, const struct guarded *token, struct lease *lease);

#endif
