/*
 * What the resolver's callbacks do.
 */
#ifndef VAULT_OPERATIONS_H
#define VAULT_OPERATIONS_H

#include "answer.h"
#include "client.h"

connector_status vault_get(void *user, const connector_secret_request *request,
                           connector_secret *into, connector_error *error);
connector_status vault_put(void *user, const connector_secret_request *request,
                           const connector_secret *secret, int64_t expected_version,
                           int64_t *version, connector_error *error);
connector_status vault_destroy(void *user, const connector_secret_request *request,
                               connector_error *error);
connector_status vault_remove(void *user, const connector_secret_request *request,
                              connector_error *error);
connector_status vault_restore(void *user, const connector_secret_request *request,
                               connector_error *error);
connector_status vault_versions(void *user, const connector_secret_request *request,
                                connector_secret_version_fn each, void *each_user,
                                connector_error *error);
void vault_invalidate(void *user, const connector_secret_request *request);

/* Reads a version (0: the latest) from the server. What `answer` has lies in the worker's answer.
 * After SECRET_DELETED its version is told all the same. */
connector_status fetch(struct call *call, const connector_secret_request *request, int64_t version,
                       struct answer_secret *answer);

#endif
