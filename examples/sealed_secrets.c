/*
 * sealed_secrets: the OAuth tokens of a connector, encrypted in the store's own file. They are put,
 * used inside a callback, refreshed by a response that leaves the refresh token out, and outlive a
 * rotation of the root key. A wrong key and another connector's path are refused.
 *
 * Usage: sealed_secrets [FOLDER]      without FOLDER in a folder of /tmp, removed at the end
 */
#include <connector.h>

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_SIZE = 4096 };

struct paths {
  char store[PATH_SIZE], key[PATH_SIZE], next_key[PATH_SIZE];
};

static int failed(const char *what, const connector_error *error)
{
  fprintf(stderr, "%s: %s: %s%s%s\n", what, connector_status_name(error->status), error->field,
          error->field[0] != '\0' ? ": " : "", error->message);
  return EXIT_FAILURE;
}

static int expected(const char *what, connector_status status, connector_status wanted)
{
  if (status == wanted) {
    printf("%s: %s\n", what, connector_status_name(status));
    return EXIT_SUCCESS;
  }
  fprintf(stderr, "%s: %s, and not %s\n", what, connector_status_name(status),
          connector_status_name(wanted));
  return EXIT_FAILURE;
}

/* ---- root keys ---- */

/* Through a volatile pointer, or the compiler leaves it out: nobody reads the bytes again. */
static void wipe(void *bytes, size_t length)
{
  volatile unsigned char *byte = bytes;

  while (length-- > 0)
    *byte++ = 0;
}

/* A file that only this user can read. `connectorctl secret new-root-key` does the same. */
static bool make_key(const char *path)
{
  unsigned char key[CONNECTOR_ROOT_KEY_BYTES];
  int source = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
  int target = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, S_IRUSR);
  bool made = source >= 0 && target >= 0 && read(source, key, sizeof key) == sizeof key &&
              write(target, key, sizeof key) == sizeof key;

  if (source >= 0)
    close(source);
  if (target >= 0 && close(target) != 0)
    made = false;
  wipe(key, sizeof key);
  return made;
}

static connector_status open_store(const struct paths *paths, const char *key_file,
                                   connector_store **out, connector_error *error)
{
  connector_caller caller = CONNECTOR_CALLER_INIT;
  connector_options options = CONNECTOR_OPTIONS_INIT;
  connector_sealed_options sealed = CONNECTOR_SEALED_OPTIONS_INIT;
  connector_secrets secrets = CONNECTOR_SECRETS_INIT;
  connector_status status = CONNECTOR_OK;

  sealed.root_key_file = key_file;
  status = connector_secrets_sealed(&sealed, &secrets, error);
  if (status != CONNECTOR_OK)
    return status;
  caller.tenant_id = "acme";
  caller.person_id = "ana";
  caller.role = CONNECTOR_ROLE_TENANT;
  options.fixed_caller = &caller;
  options.secrets = &secrets; /* the store's from here on, unless opening it fails */
  status = connector_open(paths->store, &options, out, error);
  if (status != CONNECTOR_OK)
    secrets.close(secrets.user);
  return status;
}

/* ---- putting and using ---- */

/* What a token endpoint answers is JSON already; no copy of a value is made here. */
static connector_status put_response(connector_store *store, const char *id, const char *response,
                                     int64_t expected_version, int64_t *version,
                                     connector_error *error)
{
  connector_secret *secret = NULL;
  connector_status status = connector_secret_new(store, &secret, error);

  if (status == CONNECTOR_OK)
    status = connector_secret_set_json(secret, response, strlen(response), error);
  if (status == CONNECTOR_OK)
    status = connector_secret_put(store, id, secret, expected_version, version, error);
  connector_secret_free(secret);
  return status;
}

/* A request to the provider. The token is readable in here, and nowhere else. */
static connector_status call_provider(void *user, const void *bytes, size_t length,
                                      connector_error *error)
{
  const char *right = user;

  if (length == strlen(right) && memcmp(bytes, right, length) == 0)
    return CONNECTOR_OK;
  *error = (connector_error){ .status = CONNECTOR_DENIED, .message = "the provider refused it" };
  return CONNECTOR_DENIED;
}

/* Reads the latest secret and calls the provider with one of its values. */
static connector_status use_value(connector_store *store, const char *id, const char *name,
                                  const char *right, connector_error *error)
{
  connector_secret *secret = NULL;
  char copy[64];
  connector_status status = connector_secret_get(store, id, 0, &secret, error);

  snprintf(copy, sizeof copy, "%s", right);
  if (status == CONNECTOR_OK)
    status = connector_secret_use(secret, name, call_provider, copy, error);
  if (status == CONNECTOR_OK)
    printf("version %" PRId64 ": the provider took the %s\n", connector_secret_version(secret),
           name);
  connector_secret_free(secret);
  return status;
}

static int put_and_refresh(connector_store *store, const char *id)
{
  connector_error error;
  int64_t version = 0;

  /* 0: nobody has put one yet. */
  if (put_response(store, id, "{\"access_token\":\"a-1\",\"refresh_token\":\"r-1\"}", 0, &version,
                   &error) != CONNECTOR_OK)
    return failed("put", &error);
  if (use_value(store, id, "access_token", "a-1", &error) != CONNECTOR_OK)
    return failed("use", &error);

  /* Most refreshes answer without a refresh token: the old one stays. */
  if (put_response(store, id, "{\"access_token\":\"a-2\"}", version, &version, &error) !=
      CONNECTOR_OK)
    return failed("refresh", &error);
  if (use_value(store, id, "access_token", "a-2", &error) != CONNECTOR_OK ||
      use_value(store, id, "refresh_token", "r-1", &error) != CONNECTOR_OK)
    return failed("use after the refresh", &error);

  /* Another worker that read version 1 is too late, and overwrites nothing. */
  return expected("a refresh of version 1",
                  put_response(store, id, "{\"access_token\":\"a-0\"}", 1, NULL, &error),
                  CONNECTOR_SECRET_CONFLICT);
}

/* ---- what is refused ---- */

/* A record whose path names another connector gets nothing of it. */
static int follow_a_wrong_path(connector_store *store, const char *victim)
{
  connector_error error;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  connector *thief = NULL;
  connector_secret *secret = NULL;
  char path[256];

  snprintf(path, sizeof path, "secret/data/acme/connectors/%s/credentials", victim);
  patch.name = "Not the help desk";
  patch.vault_path = path;
  if (connector_create(store, &patch, &thief, &error) != CONNECTOR_OK)
    return failed("create", &error);
  connector_status status = connector_secret_get(store, thief->id, 0, &secret, &error);
  connector_secret_free(secret);
  connector_free(thief);
  return expected("another connector's path", status, CONNECTOR_SECRET_PATH);
}

static int try_a_wrong_key(const struct paths *paths, const char *id)
{
  connector_error error;
  connector_store *store = NULL;
  connector_secret *secret = NULL;

  if (open_store(paths, paths->next_key, &store, &error) != CONNECTOR_OK)
    return failed("open", &error);
  connector_status status = connector_secret_get(store, id, 0, &secret, &error);
  connector_secret_free(secret);
  connector_close(store);
  return expected("a wrong root key", status, CONNECTOR_SECRET_SEALED);
}

/* ---- rotation ---- */

static int rotate(connector_store *store, const struct paths *paths)
{
  connector_error error;
  connector_sealed_options next = CONNECTOR_SEALED_OPTIONS_INIT;

  next.root_key_file = paths->next_key;
  if (connector_root_key_rotate(store, &next, NULL, NULL, &error) != CONNECTOR_OK)
    return failed("rotate the root key", &error);
  if (connector_tenant_key_rotate(store, "acme", NULL, NULL, &error) != CONNECTOR_OK)
    return failed("rotate the tenant's key", &error);
  puts("rotated the root key and the tenant's key");
  return EXIT_SUCCESS;
}

/* From now on the new key opens what the old one sealed. */
static int use_the_new_key(const struct paths *paths, const char *id)
{
  connector_error error;
  connector_store *store = NULL;
  int result = EXIT_SUCCESS;

  if (open_store(paths, paths->next_key, &store, &error) != CONNECTOR_OK)
    return failed("open", &error);
  if (use_value(store, id, "refresh_token", "r-1", &error) != CONNECTOR_OK)
    result = failed("use with the new key", &error);
  connector_close(store);
  return result;
}

/* ---- from first to last ---- */

static int play(const struct paths *paths)
{
  connector_error error;
  connector_store *store = NULL;
  connector *record = NULL;
  connector_patch patch = CONNECTOR_PATCH_INIT;
  int result = EXIT_SUCCESS;

  if (open_store(paths, paths->key, &store, &error) != CONNECTOR_OK)
    return failed("open", &error);
  patch.name = "Help desk";
  patch.provider = "jira";
  if (connector_create(store, &patch, &record, &error) != CONNECTOR_OK)
    result = failed("create", &error);
  if (result == EXIT_SUCCESS)
    result = put_and_refresh(store, record->id);
  if (result == EXIT_SUCCESS)
    result = follow_a_wrong_path(store, record->id);
  if (result == EXIT_SUCCESS)
    result = try_a_wrong_key(paths, record->id);
  if (result == EXIT_SUCCESS)
    result = rotate(store, paths);
  connector_close(store);
  if (result == EXIT_SUCCESS)
    result = use_the_new_key(paths, record->id);
  connector_free(record);
  return result;
}

int main(int argc, char **argv)
{
  char temporary[] = "/tmp/sealed_secrets.XXXXXX";
  const char *folder = argc > 1 ? argv[1] : mkdtemp(temporary);
  struct paths paths;

  if (folder == NULL) {
    perror("sealed_secrets");
    return EXIT_FAILURE;
  }
  snprintf(paths.store, sizeof paths.store, "%s/store.db", folder);
  snprintf(paths.key, sizeof paths.key, "%s/root.key", folder);
  snprintf(paths.next_key, sizeof paths.next_key, "%s/next.key", folder);

  int result = EXIT_FAILURE;
  if (make_key(paths.key) && make_key(paths.next_key))
    result = play(&paths);
  else
    perror("a new root key");
  if (argc > 1)
    return result;
  remove(paths.store);
  remove(paths.key);
  remove(paths.next_key);
  if (rmdir(folder) != 0)
    perror(folder);
  return result;
}
