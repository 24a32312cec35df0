/*
 * What the store asks of a resolver that may be a chain: the leaves in it, which are the resolvers
 * that are none. One that is no chain is its own only leaf.
 */
#ifndef SECRET_CHAIN_H
#define SECRET_CHAIN_H

#include <connector/secret.h>

/* The leaf that takes the writes of `mount/data/path`: the first whose routes fit, and where a read
 * starts too. NULL where no route fits. Lives as long as the resolver. */
const connector_secrets *resolver_first(const connector_secrets *resolver, const char *mount,
                                        const char *path);

/* Shows each leaf once, in the order of the routes, until one is not answered with OK; that answer
 * is the call's. One that is in several chains is shown for each. */
connector_status resolver_each(const connector_secrets *resolver,
                               connector_status (*each)(void *user, const connector_secrets *leaf,
                                                        connector_error *error),
                               void *user, connector_error *error);

#endif
