/*
 * A resolver of the host's own, for tests: a store in memory that knows each version of each secret
 * by tenant, mount and path. It records what it is asked, and can be told to fail, to be overtaken
 * by another writer, and to do something else before or after a request is served.
 */
#ifndef TESTS_SECRET_HOST_H
#define TESTS_SECRET_HOST_H

#include "support.h"

#include <pthread.h>

enum { HOST_SECRETS = 64, HOST_VERSIONS = 16, HOST_REQUESTS = 256, HOST_JSON = 512 };

struct host_version {
  char json[HOST_JSON];
  bool deleted, destroyed;
};

/* Versions count from 1, so the latest is `count`. */
struct host_secret {
  char tenant[64], mount[64], path[300];
  struct host_version versions[HOST_VERSIONS];
  int64_t count;
};

/* One request as it came in; the texts are copies, "(null)" for NULL. */
struct host_request {
  char call[16]; /* the member that was called */
  char tenant[64], app[64], id[ID_SIZE], mount[64], path[300];
  char caller[64]; /* its tenant */
  char person[64];
  size_t size;
  connector_role role;
  int64_t version, rotated_at, expected;
  uint32_t timeout_ms;
};

static struct {
  pthread_mutex_t lock;
  struct host_secret secrets[HOST_SECRETS];
  size_t count;
  struct host_request requests[HOST_REQUESTS];
  size_t asked;
  char failing[16];        /* the member that fails with this: */
  connector_status status; /* (OK: none does) */
  connector_error told;    /* and this */
  bool written;            /* put does its work before it fails */
  size_t overtaken;        /* times that another writer writes just before a put is served */
  bool forgets_versions;   /* no version is told */
  void (*before)(const char *call); /* called with nothing locked */
  void (*after)(const char *call);
  size_t closed;
} host = { .lock = PTHREAD_MUTEX_INITIALIZER };

/* ---- what is in it ---- */

static inline struct host_secret *host_find(const char *tenant, const char *mount, const char *path)
{
  for (size_t i = 0; i < host.count; i++) {
    struct host_secret *secret = &host.secrets[i];
    if (strcmp(secret->tenant, tenant) == 0 && strcmp(secret->mount, mount) == 0 &&
        strcmp(secret->path, path) == 0)
      return secret;
  }
  return NULL;
}

/* Adds a version; makes the secret where there is none. */
static inline void host_write(const char *tenant, const char *mount, const char *path,
                              const char *json)
{
  struct host_secret *secret = host_find(tenant, mount, path);
  if (secret == NULL) {
    assert_true(host.count < HOST_SECRETS);
    secret = &host.secrets[host.count++];
    memset(secret, 0, sizeof(*secret));
    snprintf(secret->tenant, sizeof(secret->tenant), "%s", tenant);
    snprintf(secret->mount, sizeof(secret->mount), "%s", mount);
    snprintf(secret->path, sizeof(secret->path), "%s", path);
  }
  assert_true(secret->count < HOST_VERSIONS);
  struct host_version *version = &secret->versions[secret->count++];
  memset(version, 0, sizeof(*version));
  snprintf(version->json, sizeof(version->json), "%s", json);
}

/* The version that is asked for, or NULL. */
static inline struct host_version *host_version(struct host_secret *secret, int64_t version)
{
  int64_t wanted = secret != NULL && version == 0 ? secret->count : version;
  return secret == NULL || wanted < 1 || wanted > secret->count ? NULL
                                                                : &secret->versions[wanted - 1];
}

/* ---- requests ---- */

static inline void host_text(char *to, size_t size, const char *from)
{
  snprintf(to, size, "%s", from != NULL ? from : "(null)");
}

static inline void host_record(const char *call, const connector_secret_request *request,
                               int64_t expected)
{
  pthread_mutex_lock(&host.lock);
  if (host.asked < HOST_REQUESTS) {
    struct host_request *seen = &host.requests[host.asked++];
    memset(seen, 0, sizeof(*seen));
    host_text(seen->call, sizeof(seen->call), call);
    host_text(seen->tenant, sizeof(seen->tenant), request->tenant_id);
    host_text(seen->app, sizeof(seen->app), request->app_id);
    host_text(seen->id, sizeof(seen->id), request->connector_id);
    host_text(seen->mount, sizeof(seen->mount), request->mount);
    host_text(seen->path, sizeof(seen->path), request->path);
    host_text(seen->caller, sizeof(seen->caller), request->caller->tenant_id);
    host_text(seen->person, sizeof(seen->person), request->caller->person_id);
    seen->size = request->size;
    seen->role = request->caller->role;
    seen->version = request->version;
    seen->rotated_at = request->rotated_at;
    seen->timeout_ms = request->timeout_ms;
    seen->expected = expected;
  }
  pthread_mutex_unlock(&host.lock);
}

/* How often a member was called. */
static inline size_t host_asked(const char *call)
{
  size_t times = 0;
  for (size_t i = 0; i < host.asked; i++)
    times += strcmp(host.requests[i].call, call) == 0;
  return times;
}

/* The last request for a member, which there must be. */
static inline const struct host_request *host_last(const char *call)
{
  for (size_t i = host.asked; i-- > 0;)
    if (strcmp(host.requests[i].call, call) == 0)
      return &host.requests[i];
  fail_msg("%s was not called", call);
  return NULL;
}

/* Every request begins so; OK where it is to be served. */
static inline connector_status host_begin(const char *call, const connector_secret_request *request,
                                          int64_t expected, connector_error *error)
{
  host_record(call, request, expected);
  if (host.before != NULL)
    host.before(call);
  if (host.status == CONNECTOR_OK || strcmp(host.failing, call) != 0 || host.written)
    return CONNECTOR_OK;
  *error = host.told;
  return host.status;
}

static inline connector_status host_end(const char *call, connector_status status,
                                        connector_error *error)
{
  if (host.after != NULL)
    host.after(call);
  if (status != CONNECTOR_OK || !host.written || strcmp(host.failing, call) != 0)
    return status;
  *error = host.told;
  return host.status;
}

/* From here on a member answers this. */
static inline void host_fails(const char *call, connector_status status, const char *message)
{
  snprintf(host.failing, sizeof(host.failing), "%s", call);
  memset(&host.told, 0, sizeof(host.told));
  snprintf(host.told.message, sizeof(host.told.message), "%s", message);
  host.status = status;
}

/* ---- the members ---- */

static inline connector_status host_get(void *user, const connector_secret_request *request,
                                        connector_secret *into, connector_error *error)
{
  connector_status status = host_begin("get", request, 0, error);
  struct host_secret *secret = NULL;
  struct host_version *version = NULL;
  assert_ptr_equal(user, &host);
  if (status != CONNECTOR_OK)
    return status;
  pthread_mutex_lock(&host.lock);
  secret = host_find(request->tenant_id, request->mount, request->path);
  version = host_version(secret, request->version);
  if (version != NULL && !host.forgets_versions)
    connector_secret_set_version(into, version - secret->versions + 1);
  if (version == NULL)
    status = CONNECTOR_SECRET_NOT_FOUND;
  else if (version->deleted || version->destroyed)
    status = CONNECTOR_SECRET_DELETED;
  else
    status = connector_secret_set_json(into, version->json, strlen(version->json), error);
  pthread_mutex_unlock(&host.lock);
  return host_end("get", status, error);
}

static inline connector_status host_take_json(void *user, const void *bytes, size_t length,
                                              connector_error *error)
{
  (void)error;
  assert_true(length < HOST_JSON);
  snprintf(user, HOST_JSON, "%.*s", (int)length, (const char *)bytes);
  return CONNECTOR_OK;
}

static inline connector_status host_put(void *user, const connector_secret_request *request,
                                        const connector_secret *secret, int64_t expected,
                                        int64_t *version, connector_error *error)
{
  char json[HOST_JSON];
  struct host_secret *found = NULL;
  connector_status status = host_begin("put", request, expected, error);
  assert_ptr_equal(user, &host);
  if (status == CONNECTOR_OK)
    status = connector_secret_use_json(secret, host_take_json, json, error);
  if (status != CONNECTOR_OK)
    return status;
  pthread_mutex_lock(&host.lock);
  if (host.overtaken > 0) {
    host.overtaken--;
    host_write(request->tenant_id, request->mount, request->path, "{\"other\":\"writer\"}");
  }
  found = host_find(request->tenant_id, request->mount, request->path);
  if (expected >= 0 && expected != (found != NULL ? found->count : 0)) {
    status = CONNECTOR_SECRET_CONFLICT;
    error->version = found != NULL ? found->count : 0;
  } else {
    host_write(request->tenant_id, request->mount, request->path, json);
    if (!host.forgets_versions)
      *version = host_find(request->tenant_id, request->mount, request->path)->count;
  }
  pthread_mutex_unlock(&host.lock);
  return host_end("put", status, error);
}

enum host_change { HOST_DESTROY, HOST_REMOVE, HOST_RESTORE };

static inline connector_status host_change(const char *call, enum host_change change,
                                           const connector_secret_request *request,
                                           connector_error *error)
{
  connector_status status = host_begin(call, request, 0, error);
  struct host_secret *secret = NULL;
  struct host_version *version = NULL;
  if (status != CONNECTOR_OK)
    return status;
  pthread_mutex_lock(&host.lock);
  secret = host_find(request->tenant_id, request->mount, request->path);
  version = host_version(secret, request->version);
  if (version == NULL)
    status = change == HOST_DESTROY ? CONNECTOR_OK : CONNECTOR_SECRET_NOT_FOUND;
  else if (change == HOST_DESTROY && request->version == 0)
    *secret = host.secrets[--host.count];
  else if (change == HOST_DESTROY)
    version->destroyed = true;
  else
    version->deleted = change == HOST_REMOVE;
  pthread_mutex_unlock(&host.lock);
  return host_end(call, status, error);
}

static inline connector_status host_destroy(void *user, const connector_secret_request *request,
                                            connector_error *error)
{
  assert_ptr_equal(user, &host);
  return host_change("destroy", HOST_DESTROY, request, error);
}

static inline connector_status host_remove(void *user, const connector_secret_request *request,
                                           connector_error *error)
{
  assert_ptr_equal(user, &host);
  return host_change("remove", HOST_REMOVE, request, error);
}

static inline connector_status host_restore(void *user, const connector_secret_request *request,
                                            connector_error *error)
{
  assert_ptr_equal(user, &host);
  return host_change("restore", HOST_RESTORE, request, error);
}

static inline connector_status host_versions(void *user, const connector_secret_request *request,
                                             connector_secret_version_fn each, void *each_user,
                                             connector_error *error)
{
  connector_status status = host_begin("versions", request, 0, error);
  const struct host_secret *secret = NULL;
  assert_ptr_equal(user, &host);
  if (status != CONNECTOR_OK)
    return status;
  secret = host_find(request->tenant_id, request->mount, request->path);
  if (secret == NULL)
    return CONNECTOR_SECRET_NOT_FOUND;
  for (int64_t i = 0; status == CONNECTOR_OK && i < secret->count; i++) {
    connector_secret_version_info info = CONNECTOR_SECRET_VERSION_INFO_INIT;
    info.version = i + 1;
    info.created_at = 1000 + i;
    info.deleted_at = secret->versions[i].deleted ? 2000 + i : 0;
    info.destroyed = secret->versions[i].destroyed;
    status = each(each_user, &info, error);
  }
  return status;
}

static inline void host_invalidate(void *user, const connector_secret_request *request)
{
  assert_ptr_equal(user, &host);
  host_record("invalidate", request, 0);
}

static inline void host_close(void *user)
{
  assert_ptr_equal(user, &host);
  host.closed++;
}

static inline connector_secrets host_secrets(void)
{
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  secrets.user = &host;
  secrets.get = host_get;
  secrets.put = host_put;
  secrets.destroy = host_destroy;
  secrets.remove = host_remove;
  secrets.restore = host_restore;
  secrets.versions = host_versions;
  secrets.invalidate = host_invalidate;
  secrets.close = host_close;
  return secrets;
}

/* Empty, obedient, and asked nothing yet. */
static inline void host_reset(void)
{
  pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
  memset(&host, 0, sizeof(host));
  host.lock = lock;
}

/* ---- secrets of the test's store ---- */

/* A secret with the members of a JSON object, to be freed. */
static inline connector_secret *secret_of(const char *json)
{
  connector_secret *secret = NULL;
  assert_ok(connector_secret_new(test.store, &secret, &failure));
  assert_ok(connector_secret_set_json(secret, json, strlen(json), &failure));
  return secret;
}

/* What connector_secret_put() answers; `failure` is filled. */
static inline connector_status try_put(const char *id, const char *json, int64_t expected,
                                       int64_t *version)
{
  connector_secret *secret = secret_of(json);
  memset(&failure, 0x5a, sizeof(failure));
  connector_status status = connector_secret_put(test.store, id, secret, expected, version,
                                                 &failure);
  connector_secret_free(secret);
  return status;
}

/* Writes whatever there is; the version. */
static inline int64_t put_json(const char *id, const char *json)
{
  int64_t version = -7;
  connector_status status = try_put(id, json, -1, &version);
  check_status(status, CONNECTOR_OK, NULL, "connector_secret_put()", __FILE__, __LINE__);
  return version;
}

#define assert_put(id, json, expected, wanted)                                                     \
  check_status(try_put((id), (json), (expected), NULL), (wanted), NULL,                            \
               "connector_secret_put(" #id ")", __FILE__, __LINE__)

static inline void check_secret(const connector_secret *secret, const char *json, const char *file,
                                int line)
{
  char got[HOST_JSON] = "nothing was shown";
  assert_ok(connector_secret_use_json(secret, host_take_json, got, &failure));
  check_text(got, json, file, line);
}

/* The secret is this JSON, its values in this order. */
#define assert_secret(secret, json) check_secret((secret), (json), __FILE__, __LINE__)

static inline void check_read(const char *id, int64_t version, const char *json, const char *file,
                              int line)
{
  connector_secret *secret = NULL;
  memset(&failure, 0x5a, sizeof(failure));
  connector_status status = connector_secret_get(test.store, id, version, &secret, &failure);
  check_status(status, CONNECTOR_OK, NULL, "connector_secret_get()", file, line);
  check_secret(secret, json, file, line);
  if (version != 0 && connector_secret_version(secret) != version)
    _fail(file, line);
  connector_secret_free(secret);
}

/* A record's secret reads as this; version 0 is the latest. */
#define assert_reads(id, version, json) check_read((id), (version), (json), __FILE__, __LINE__)

/* The status that reading answers; nothing is handed out. */
#define assert_unread(id, version, wanted)                                                         \
  do {                                                                                             \
    connector_secret *assert_secret_out = NULL;                                                    \
    assert_status(connector_secret_get(test.store, (id), (version), &assert_secret_out, &failure), \
                  (wanted));                                                                       \
    assert_null(assert_secret_out);                                                                \
  } while (0)

/* The kinds of a record's changes, newest first, such as "rotated updated created". */
static inline void check_changes(const char *id, const char *wanted, const char *file, int line)
{
  connector_changes *changes = NULL;
  char got[512] = "";
  assert_ok(connector_history(test.store, id, 0, 0, &changes, &failure));
  for (size_t i = 0; i < connector_changes_count(changes); i++)
    snprintf(got + strlen(got), sizeof(got) - strlen(got), "%s%s", i > 0 ? " " : "",
             connector_change_kind_name(connector_changes_at(changes, i)->kind));
  connector_changes_free(changes);
  check_text(got, wanted, file, line);
}

#define assert_changes(id, wanted) check_changes((id), (wanted), __FILE__, __LINE__)

/* ---- stores ---- */

/* A store in memory, with test_clock() and the host's resolver. */
static inline int setup_secrets(void **state)
{
  connector_options options = test_options();
  connector_secrets secrets = host_secrets();
  options.clock = test_clock;
  options.secrets = &secrets;
  host_reset();
  if (setup_folder(state) != 0)
    return -1;
  return connector_open(":memory:", &options, &test.store, &failure) == CONNECTOR_OK ? 0 : -1;
}

#define secrets_test(name) cmocka_unit_test_setup_teardown(name, setup_secrets, teardown)

/* The root key of the tests' sealed vaults. */
static const unsigned char test_root_key[CONNECTOR_ROOT_KEY_BYTES] =
    "thirty-two bytes of a root key.";

/* Opens a store at `path` with a sealed vault of this key. */
static inline connector_status open_sealed(const char *path, const connector_options *base,
                                           const void *key, connector_store **out)
{
  connector_options options = *base;
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  sealed.root_key = key;
  connector_status status = connector_secrets_sealed(&sealed, &secrets, &failure);
  if (status != CONNECTOR_OK)
    return status;
  options.secrets = &secrets;
  status = connector_open(path, &options, out, &failure);
  if (status != CONNECTOR_OK)
    secrets.close(secrets.user);
  return status;
}

/* A store in a file, with test_clock() and a sealed vault. */
static inline int setup_sealed(void **state)
{
  connector_options options = test_options();
  options.clock = test_clock;
  if (setup_folder(state) != 0)
    return -1;
  return open_sealed(test.path, &options, test_root_key, &test.store) == CONNECTOR_OK ? 0 : -1;
}

#define sealed_test(name) cmocka_unit_test_setup_teardown(name, setup_sealed, teardown)

#endif
