/*
 * The resolver of several: by the start of the path. A chain in a chain counts as fitting only
 * where a route of its own fits, so that nesting them is the same as one long chain.
 */
#include "secret/chain.h"

#include "base/status.h"
#include "base/structs.h"
#include "secret/path.h"

#include <connector/resolvers.h>

#include <stdlib.h>
#include <string.h>

enum { ROUTES_MOST = 64 };

struct route {
  char *prefix; /* owned */
  connector_secrets secrets;
};

struct chain {
  size_t count;
  struct route routes[];
};

static connector_status chain_get(void *user, const connector_secret_request *request,
                                  connector_secret *into, connector_error *error);

static const struct chain *as_chain(const connector_secrets *resolver)
{
  return resolver->get == chain_get ? resolver->user : NULL;
}

/* ---- which route ---- */

/* Whether `mount/data/path` starts with the segments of the prefix. */
static bool prefix_fits(const char *prefix, const char *mount, const char *path)
{
  const char *const parts[] = { mount, "/data/", path };

  if (*prefix == '\0')
    return true;
  for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++)
    for (const char *at = parts[i]; *at != '\0'; at++, prefix++) {
      if (*prefix == '\0')
        return *at == '/';
      if (*prefix != *at)
        return false;
    }
  return *prefix == '\0';
}

static bool route_fits(const struct route *route, const char *mount, const char *path)
{
  return prefix_fits(route->prefix, mount, path) &&
         resolver_first(&route->secrets, mount, path) != NULL;
}

/* The first route from index `*at` on that fits, or NULL; `*at` is then behind it. */
static const struct route *next_route(const struct chain *chain, size_t *at, const char *mount,
                                      const char *path)
{
  while (*at < chain->count) {
    const struct route *route = &chain->routes[(*at)++];

    if (route_fits(route, mount, path))
      return route;
  }
  return NULL;
}

const connector_secrets *resolver_first(const connector_secrets *resolver, const char *mount,
                                        const char *path)
{
  const struct chain *chain = as_chain(resolver);
  size_t at = 0;
  const struct route *route = NULL;

  if (chain == NULL)
    return resolver;
  route = next_route(chain, &at, mount, path);
  return route != NULL ? resolver_first(&route->secrets, mount, path) : NULL;
}

/* Whether a route before has the same resolver. */
static bool is_repeated(const struct chain *chain, size_t index)
{
  const connector_secrets *secrets = &chain->routes[index].secrets;

  for (size_t i = 0; i < index; i++) {
    const connector_secrets *before = &chain->routes[i].secrets;

    if (before->user == secrets->user && before->get == secrets->get &&
        before->close == secrets->close)
      return true;
  }
  return false;
}

connector_status resolver_each(const connector_secrets *resolver,
                               connector_status (*each)(void *user, const connector_secrets *leaf,
                                                        connector_error *error),
                               void *user, connector_error *error)
{
  const struct chain *chain = as_chain(resolver);
  connector_status status = CONNECTOR_OK;

  if (chain == NULL)
    return each(user, resolver, error);
  for (size_t i = 0; status == CONNECTOR_OK && i < chain->count; i++)
    if (!is_repeated(chain, i))
      status = resolver_each(&chain->routes[i].secrets, each, user, error);
  return status;
}

/* ---- reading ---- */

static connector_status no_route(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_PATH, "vault_path", "no resolver serves this path");
}

/* A secret can't be emptied, so that values from one that says that it has none end the call. */
static connector_status get_from(const struct route *route, const connector_secret_request *request,
                                 connector_secret *into, connector_error *error)
{
  size_t before = connector_secret_count(into);
  connector_status status = CONNECTOR_OK;

  (void)error_clear(error);
  status = route->secrets.get(route->secrets.user, request, into, error);
  if (status != CONNECTOR_SECRET_NOT_FOUND)
    return status;
  connector_secret_set_version(into, 0);
  return connector_secret_count(into) == before
             ? status
             : error_set(error, CONNECTOR_MISUSE, NULL,
                         "a resolver set values and answered that there are none");
}

static connector_status chain_get(void *user, const connector_secret_request *request,
                                  connector_secret *into, connector_error *error)
{
  const struct chain *chain = user;
  size_t at = 0;
  const struct route *route = next_route(chain, &at, request->mount, request->path);
  connector_status status = CONNECTOR_SECRET_NOT_FOUND;

  if (route == NULL)
    return no_route(error);
  for (; route != NULL && status == CONNECTOR_SECRET_NOT_FOUND;
       route = next_route(chain, &at, request->mount, request->path))
    status = get_from(route, request, into, error);
  return status;
}

static connector_status versions_from(const struct route *route,
                                      const connector_secret_request *request,
                                      connector_secret_version_fn each, void *each_user,
                                      connector_error *error)
{
  (void)error_clear(error);
  if (route->secrets.versions == NULL)
    return error_set(error, CONNECTOR_SECRET_UNAVAILABLE, NULL,
                     "the resolver can't tell the versions of a secret");
  return route->secrets.versions(route->secrets.user, request, each, each_user, error);
}

static connector_status chain_versions(void *user, const connector_secret_request *request,
                                       connector_secret_version_fn each, void *each_user,
                                       connector_error *error)
{
  const struct chain *chain = user;
  size_t at = 0;
  const struct route *route = next_route(chain, &at, request->mount, request->path);
  connector_status status = CONNECTOR_SECRET_NOT_FOUND;

  if (route == NULL)
    return no_route(error);
  for (; route != NULL && status == CONNECTOR_SECRET_NOT_FOUND;
       route = next_route(chain, &at, request->mount, request->path))
    status = versions_from(route, request, each, each_user, error);
  return status;
}

/* ---- changing ---- */

static connector_status read_only(connector_error *error)
{
  return error_set(error, CONNECTOR_SECRET_READ_ONLY, NULL,
                   "the resolver that serves this path can't do that");
}

static connector_status chain_put(void *user, const connector_secret_request *request,
                                  const connector_secret *secret, int64_t expected_version,
                                  int64_t *version, connector_error *error)
{
  size_t at = 0;
  const struct route *route = next_route(user, &at, request->mount, request->path);

  if (route == NULL)
    return no_route(error);
  if (route->secrets.put == NULL)
    return read_only(error);
  return route->secrets.put(route->secrets.user, request, secret, expected_version, version, error);
}

/* Calls one of the members that change something; `offset` is where it is. */
static connector_status change(const struct chain *chain, size_t offset,
                               const connector_secret_request *request, connector_error *error)
{
  size_t at = 0;
  const struct route *route = next_route(chain, &at, request->mount, request->path);
  connector_secret_change_fn member = NULL;

  if (route == NULL)
    return no_route(error);
  memcpy(&member, (const char *)&route->secrets + offset, sizeof(member));
  return member != NULL ? member(route->secrets.user, request, error) : read_only(error);
}

static connector_status chain_destroy(void *user, const connector_secret_request *request,
                                      connector_error *error)
{
  return change(user, offsetof(connector_secrets, destroy), request, error);
}

static connector_status chain_remove(void *user, const connector_secret_request *request,
                                     connector_error *error)
{
  return change(user, offsetof(connector_secrets, remove), request, error);
}

static connector_status chain_restore(void *user, const connector_secret_request *request,
                                      connector_error *error)
{
  return change(user, offsetof(connector_secrets, restore), request, error);
}

/* Any route that fits may have served a read, and have kept that. */
static void chain_invalidate(void *user, const connector_secret_request *request)
{
  const struct chain *chain = user;
  size_t at = 0;
  const struct route *route = NULL;

  while ((route = next_route(chain, &at, request->mount, request->path)) != NULL)
    if (route->secrets.invalidate != NULL)
      route->secrets.invalidate(route->secrets.user, request);
}

/* ---- from first to last ---- */

static void free_chain(struct chain *chain)
{
  for (size_t i = 0; i < chain->count; i++)
    free(chain->routes[i].prefix);
  free(chain);
}

static void chain_close(void *user)
{
  struct chain *chain = user;

  for (size_t i = 0; i < chain->count; i++) {
    const connector_secrets *secrets = &chain->routes[i].secrets;

    if (secrets->close != NULL && !is_repeated(chain, i))
      secrets->close(secrets->user);
  }
  free_chain(chain);
}

static connector_status add_route(struct chain *chain, const connector_secrets_route *given,
                                  connector_error *error)
{
  struct route *route = &chain->routes[chain->count];
  const char *complaint = NULL;
  size_t size = 0;
  connector_status status = struct_read(&route->secrets, sizeof(route->secrets), &given->secrets,
                                        error);

  if (status != CONNECTOR_OK)
    return status;
  if (route->secrets.get == NULL)
    return error_set(error, CONNECTOR_INVALID, "get", "must be given");
  complaint = given->prefix != NULL ? vault_prefix_complaint(given->prefix) : "must be given";
  if (complaint != NULL)
    return error_set(error, CONNECTOR_INVALID, "prefix", "%s", complaint);
  size = strlen(given->prefix) + 1;
  route->prefix = malloc(size);
  if (route->prefix == NULL)
    return error_no_memory(error);
  memcpy(route->prefix, given->prefix, size);
  chain->count++;
  return CONNECTOR_OK;
}

/* How far it is from one route to the next, as the host's compiler knew them: a resolver has no
 * padding, and all of the array's have one size. */
static size_t stride_of(const connector_secrets_route *routes)
{
  return offsetof(connector_secrets_route, secrets) + routes->secrets.size;
}

static connector_status add_routes(struct chain *chain, const connector_secrets_route *routes,
                                   size_t count, connector_error *error)
{
  connector_status status = CONNECTOR_OK;

  for (size_t i = 0; status == CONNECTOR_OK && i < count; i++) {
    const void *at = (const char *)routes + i * stride_of(routes);
    const connector_secrets_route *route = at;

    status = route->secrets.size == routes->secrets.size
                 ? add_route(chain, route, error)
                 : error_set(error, CONNECTOR_INVALID, "size", "differs between the resolvers");
  }
  return status;
}

static connector_status make_chain(const connector_secrets_route *routes, size_t count,
                                   connector_secrets *out, connector_error *error)
{
  struct chain *chain = calloc(1, sizeof(*chain) + count * sizeof(chain->routes[0]));
  connector_secrets made = CONNECTOR_SECRETS_INIT;
  connector_status status = CONNECTOR_OK;

  if (chain == NULL)
    return error_no_memory(error);
  made.user = chain;
  made.get = chain_get;
  made.put = chain_put;
  made.destroy = chain_destroy;
  made.remove = chain_remove;
  made.restore = chain_restore;
  made.versions = chain_versions;
  made.invalidate = chain_invalidate;
  made.close = chain_close;
  status = add_routes(chain, routes, count, error);
  if (status == CONNECTOR_OK)
    status = struct_write(out, sizeof(made), &made, error);
  if (status != CONNECTOR_OK) {
    free_chain(chain);
    return status;
  }
  return error_clear(error);
}

connector_status connector_secrets_chain(const connector_secrets_route *routes, size_t count,
                                         connector_secrets *out, connector_error *error)
{
  if (routes == NULL || out == NULL)
    return error_set(error, CONNECTOR_INVALID, routes == NULL ? "routes" : "out", "must be given");
  if (count == 0 || count > ROUTES_MOST)
    return error_set(error, CONNECTOR_INVALID, "count", "must be 1 to %d", ROUTES_MOST);
  return make_chain(routes, count, out, error);
}
