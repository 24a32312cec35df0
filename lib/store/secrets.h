/*
 * The secrets of records: which resolver a store has, and what of a record it is asked for.
 */
#ifndef STORE_SECRETS_H
#define STORE_SECRETS_H

#include "secret/secret.h"
#include "store/find.h"

/* Takes the resolver that the options hand over, at the end of opening: from then on the store
 * closes it. */
connector_status secrets_take(connector_store *store, const connector_options *options,
                              connector_error *error);

/* What a call on a record's secret is about. */
struct subject {
  struct call *call;
  struct aim aim; /* `found` is the record as the host's rules were shown it */
  struct arena arena;
  const char *path;              /* the record's, or the one that it would get */
  const connector_secrets *leaf; /* that serves writes of the path */
  connector_secret_request request;
};

/* Reads the record within the caller's scope, and asks the host's rules; then settles its path and
 * checks it. `aim` is set. A record without a path is SECRET_NOT_FOUND but with `makes_path`. */
connector_status subject_find(struct subject *subject, connector_action action, bool makes_path);
void subject_free(struct subject *subject);

/* Calls one of the leaf's functions that changes a secret; SECRET_READ_ONLY where it is NULL. */
connector_status subject_change(struct subject *subject, connector_secret_change_fn change);

/* Passes on what a resolver answered, with what it told. */
connector_status resolver_said(connector_status status, connector_error *told,
                               connector_error *error);

/* Before a record is purged, outside of transactions: destroys its secret where that is not in the
 * store's own file, and the path names the connector. */
connector_status secrets_purge(struct call *call, const connector *record);

#endif
