/*
 * A server that answers as the public documentation of Vault's HTTP API says: KV version 2, tokens,
 * AppRole, Kubernetes, errors; and that misbehaves where it is told to. On 127.0.0.1 at a port that
 * the kernel picks, or on a unix socket.
 */
#ifndef TESTS_STAND_IN_H
#define TESTS_STAND_IN_H

#include <stdbool.h>
#include <stdint.h>

struct stand_in;

struct stand_in_options {
  const char *certificate; /* PEM; with a key: TLS */
  const char *key;
  const char *priorities; /* of GnuTLS; NULL: its own */
  const char *unix_socket;
  int port; /* 0: the kernel picks one */
};

/* The one token that is there from the start; it never ends. */
#define ROOT_TOKEN "hvs.root-token-CANARY"
#define ROLE_ID "role-id-1"
#define SECRET_ID "secret-id-CANARY"
#define KUBERNETES_ROLE "reader"
#define KUBERNETES_JWT "eyJ.jwt-CANARY.sig"

/* NULL options: plain. NULL: it can't start. */
struct stand_in *stand_in_start(const struct stand_in_options *options);
void stand_in_stop(struct stand_in *server);
const char *stand_in_address(const struct stand_in *server);

/* ---- what happened ---- */

struct stand_in_counts {
  int requests;
  int reads;  /* GET below data/ */
  int writes; /* POST below data/ */
  int logins;
  int renewals;
  int lookups;
  int connections;
};

struct stand_in_counts stand_in_counts(struct stand_in *server);

/* Of the last request, copied. */
void stand_in_last(struct stand_in *server, char *raw_path, char *token, char *name_space,
                   unsigned long size);

/* ---- what it holds ---- */

/* A new version, as another client would write it. */
void stand_in_store(struct stand_in *server, const char *mount, const char *path,
                    const char *values);
/* How many versions there are; 0 where the secret is not. */
int stand_in_version(struct stand_in *server, const char *mount, const char *path);
void stand_in_destroy_version(struct stand_in *server, const char *mount, const char *path,
                              int version);
/* The latest version will be deleted in a year, as delete_version_after has it. */
void stand_in_expire_later(struct stand_in *server, const char *mount, const char *path);

/* ---- tokens ---- */

/* What logins give from now on. */
void stand_in_lease(struct stand_in *server, int seconds, bool renewable, int renewed_seconds);
/* Refuses all tokens but ROOT_TOKEN and those that logins give from now on. */
void stand_in_revoke(struct stand_in *server);
/* A token to be known for so long; 0: for ever. */
void stand_in_add_token(struct stand_in *server, const char *token, int seconds);
/* Logins ask for this namespace; "" for none. */
void stand_in_want_namespace(struct stand_in *server, const char *name_space);

/* ---- misbehaviour ---- */

enum fault_kind {
  FAULT_NONE,
  FAULT_STATUS,       /* answers `status` with `body` */
  FAULT_DELAY,        /* waits `ms`, then answers as usual */
  FAULT_HUGE,         /* 200 and no end */
  FAULT_CUT,          /* the usual answer, cut in its middle */
  FAULT_CLOSE,        /* reads the request and hangs up */
  FAULT_DO_AND_CLOSE, /* does what was asked and hangs up */
  FAULT_DO_AND_DELAY, /* does what was asked, waits `ms`, and answers as usual */
  FAULT_DO_AND_FAIL   /* does what was asked and answers `status` with `body` */
};

struct fault {
  enum fault_kind kind;
  int count;          /* for so many requests; 0: for all that follow */
  int skip;           /* after so many that match */
  const char *method; /* NULL: any */
  const char *part;   /* of the path; NULL: any */
  int status;
  const char *body;
  int retry_after;      /* seconds; 0: no header */
  const char *location; /* header of that name, or NULL */
  int ms;
};

/* In place of the one before. */
void stand_in_fault(struct stand_in *server, struct fault fault);

#endif
