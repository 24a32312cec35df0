/*
 * What the tests of the resolvers that come with the library share: requests, reads, and versions.
 */
#ifndef TESTS_RESOLVER_SUPPORT_H
#define TESTS_RESOLVER_SUPPORT_H

#include "secret_support.h"

#include <connector/resolvers.h>

/* The resolver of the running test; closed by close_resolver(). */
static connector_secrets resolver;

static inline void close_resolver(void)
{
  if (resolver.close != NULL)
    resolver.close(resolver.user);
  resolver = (connector_secrets)CONNECTOR_SECRETS_INIT;
}

static inline connector_secret_request request_for(const char *mount, const char *path)
{
  connector_secret_request request = { .size = sizeof(request) };

  request.mount = mount;
  request.path = path;
  return request;
}

/* Reads `mount/data/path` into a secret that is to be freed. */
static inline connector_secret *read_from(const char *mount, const char *path)
{
  connector_secret_request request = request_for(mount, path);
  connector_secret *into = new_secret();

  assert_ok(resolver.get(resolver.user, &request, into, &failure));
  return into;
}

/* What a read of it is answered with. */
static inline connector_status status_of(const char *mount, const char *path)
{
  connector_secret_request request = request_for(mount, path);
  connector_secret *into = new_secret();
  connector_status status = CONNECTOR_OK;

  memset(&failure, 0x5a, sizeof(failure));
  status = resolver.get(resolver.user, &request, into, &failure);
  assert_int_equal(failure.status, status);
  connector_secret_free(into);
  return status;
}

struct told {
  int calls;
  int64_t version;
  int64_t created_at;
  connector_status answer;
};

static inline connector_status tell(void *user, const connector_secret_version_info *info,
                                    connector_error *error)
{
  struct told *told = user;

  (void)error;
  told->calls++;
  told->version = info->version;
  told->created_at = info->created_at;
  assert_int_equal(info->size, sizeof(*info));
  assert_int_equal(info->deleted_at, 0);
  assert_false(info->destroyed);
  return told->answer;
}

static inline connector_status versions_of(const char *mount, const char *path, struct told *told)
{
  connector_secret_request request = request_for(mount, path);

  memset(&failure, 0x5a, sizeof(failure));
  return resolver.versions(resolver.user, &request, tell, told, &failure);
}

#endif
