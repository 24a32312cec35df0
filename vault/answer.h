/*
 * What the bodies of answers say: the secret's envelope, versions, logins and error texts. Only
 * text goes in, so that all of it can be tried without a network.
 */
#ifndef VAULT_ANSWER_H
#define VAULT_ANSWER_H

#include "json.h"

#include <connector/secret.h>

/* A read of `data/`: with values, or the shell of a version that is deleted or destroyed. */
struct answer_secret {
  struct span values; /* the object, inside the text; empty where there is none */
  int64_t version;
  bool destroyed;
};

/* False: the text is no such envelope. */
bool answer_secret(const char *text, size_t length, struct answer_secret *answer);

/* A write's answer: the version that it made. */
bool answer_written(const char *text, size_t length, int64_t *version);

/* A login's, renewal's or look-up's answer. */
struct answer_token {
  struct span token; /* empty where the answer gives none */
  int64_t lease_ms;  /* 0: it does not end */
  bool renewable;
};

bool answer_login(const char *text, size_t length, struct answer_token *answer);
bool answer_lookup(const char *text, size_t length, struct answer_token *answer);

/* The versions in a `metadata/` answer, oldest first, in memory to be freed. False: no such answer,
 * or *no_memory. */
bool answer_versions(const char *text, size_t length, int64_t now,
                     connector_secret_version_info **versions, size_t *count, bool *no_memory);

/* What `{"errors":[…]}` says. */
enum answer_errors {
  ERRORS_OTHER,    /* something that has no row of its own */
  ERRORS_FOREIGN,  /* not of Vault's form: something between here and there answered */
  ERRORS_NONE,     /* the list is empty */
  ERRORS_CAS,      /* check-and-set did not match */
  ERRORS_NO_MOUNT, /* no engine is mounted there */
};

enum answer_errors answer_errors(const char *text, size_t length);

#endif
