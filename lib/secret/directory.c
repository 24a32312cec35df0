/*
 * The resolver of a folder: each secret is a folder in it. Folders are opened one segment of the
 * path after the other; what is in the last one is folder.c's concern. All that the resolver keeps
 * is the path of its root.
 */
#include "base/status.h"
#include "base/structs.h"
#include "secret/folder.h"
#include "secret/path.h"

#include <connector/resolvers.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- to the folder ---- */

/* Without its root no secret can be told to be absent. */
static connector_status no_root(int code, connector_error *error)
{
  error_set(error, CONNECTOR_SECRET_UNAVAILABLE, NULL, "the folder of all secrets is not there");
  if (error != NULL)
    error->os_code = code;
  return CONNECTOR_SECRET_UNAVAILABLE;
}

/* The host chose the root: it may be a link. */
static connector_status open_root(const char *root, int *out, connector_error *error)
{
  int folder = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

  if (folder >= 0)
    return folder_take(folder, out, error);
  if (errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
    return no_root(errno, error);
  return folder_failed(errno, error);
}

/* From one folder down a path; `*folder` is closed where it is left. Segments that start with a dot
 * are not served, or a path could lead into a generation. */
static connector_status descend(int *folder, const char *path, connector_error *error)
{
  for (const char *at = path;; at++) {
    char name[VAULT_SEGMENT_MOST + 1];
    size_t length = strcspn(at, "/");
    int below = -1;
    connector_status status = CONNECTOR_OK;

    if (length == 0 || length > VAULT_SEGMENT_MOST || at[0] == '.')
      return folder_failed(ENOENT, error);
    memcpy(name, at, length);
    name[length] = '\0';
    status = folder_open(*folder, name, &below, error);
    if (status != CONNECTOR_OK)
      return status;
    (void)close(*folder);
    *folder = below;
    at += length;
    if (*at == '\0')
      return CONNECTOR_OK;
  }
}

/* Reads the values into the secret, or with NULL none of them. */
static connector_status read_secret(const char *root, const connector_secret_request *request,
                                    connector_secret *into, int64_t *newest, connector_error *error)
{
  int folder = -1;
  connector_status status = CONNECTOR_OK;

  if (request->version != 0 && request->version != 1)
    return folder_failed(ENOENT, error);
  status = open_root(root, &folder, error);
  if (status == CONNECTOR_OK)
    status = descend(&folder, request->mount, error);
  if (status == CONNECTOR_OK)
    status = descend(&folder, request->path, error);
  if (status == CONNECTOR_OK)
    status = folder_read(folder, into, newest, error);
  if (folder >= 0)
    (void)close(folder);
  return status;
}

/* ---- the resolver ---- */

static connector_status directory_get(void *user, const connector_secret_request *request,
                                      connector_secret *into, connector_error *error)
{
  int64_t newest = 0;
  connector_status status = read_secret(user, request, into, &newest, error);

  if (status != CONNECTOR_OK)
    return status;
  connector_secret_set_version(into, 1);
  return error_clear(error);
}

static connector_status directory_versions(void *user, const connector_secret_request *request,
                                           connector_secret_version_fn each, void *each_user,
                                           connector_error *error)
{
  connector_secret_version_info info = CONNECTOR_SECRET_VERSION_INFO_INIT;
  connector_status status = read_secret(user, request, NULL, &info.created_at, error);

  if (status != CONNECTOR_OK)
    return status;
  info.version = 1;
  (void)error_clear(error);
  return each(each_user, &info, error);
}

static void directory_close(void *user)
{
  free(user);
}

static char *copy(const char *text)
{
  size_t size = strlen(text) + 1;
  char *made = malloc(size);

  return made != NULL ? memcpy(made, text, size) : NULL;
}

connector_status connector_secrets_directory(const char *root, connector_secrets *out,
                                             connector_error *error)
{
  connector_secrets made = CONNECTOR_SECRETS_INIT;
  connector_status status = CONNECTOR_OK;

  if (root == NULL || out == NULL)
    return error_set(error, CONNECTOR_INVALID, root == NULL ? "root" : "out", "must be given");
  if (root[0] != '/')
    return error_set(error, CONNECTOR_INVALID, "root", "must be an absolute path");
  made.user = copy(root);
  if (made.user == NULL)
    return error_no_memory(error);
  made.get = directory_get;
  made.versions = directory_versions;
  made.close = directory_close;
  status = struct_write(out, sizeof(made), &made, error);
  if (status != CONNECTOR_OK) {
    directory_close(made.user);
    return status;
  }
  return error_clear(error);
}
